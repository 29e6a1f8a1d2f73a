/* Damaged ONNX models, made field by field. */
#include "build.h"

static void field(hse_buf *b, unsigned number, unsigned wire)
{
    unsigned tag = number << 3 | wire;

    while (tag > 127) {
        hse_buf_byte(b, (uint8_t)(tag | 0x80));
        tag >>= 7;
    }
    hse_buf_byte(b, (uint8_t)tag);
}

static void varint(hse_buf *b, uint64_t v)
{
    while (v > 127) {
        hse_buf_byte(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    hse_buf_byte(b, (uint8_t)v);
}

static void number(hse_buf *b, unsigned f, uint64_t v)
{
    field(b, f, 0);
    varint(b, v);
}

static void bytes(hse_buf *b, unsigned f, const void *data, size_t n)
{
    field(b, f, 2);
    varint(b, n);
    hse_buf_append(b, data, n);
}

static void text(hse_buf *b, unsigned f, const char *s)
{
    bytes(b, f, s, strlen(s));
}

/* Put the message inside field f of a new one. */
static hse_buf wrap(unsigned f, hse_buf inner)
{
    hse_buf b = new_buf();

    bytes(&b, f, inner.data, inner.size);
    hse_buf_free(&inner);
    return b;
}

static hse_buf join(hse_buf a, hse_buf b)
{
    hse_buf_append(&a, b.data, b.size);
    hse_buf_free(&b);
    return a;
}

static hse_buf model(hse_buf graph)
{
    hse_buf b = new_buf();

    number(&b, 1, 8);
    bytes(&b, 7, graph.data, graph.size);
    text(&b, 8, "\x10\x10"); /* opset_import, version 16 */
    hse_buf_free(&graph);
    return b;
}

/* An initialiser "t" of dims, type and raw bytes. */
static hse_buf tensor(uint64_t d0, uint64_t d1, uint64_t type, size_t raw)
{
    static const uint8_t zeros[64];
    hse_buf t = new_buf();

    number(&t, 1, d0);
    number(&t, 1, d1);
    number(&t, 2, type);
    text(&t, 8, "t");
    bytes(&t, 9, zeros, raw);
    return t;
}

static void check(const char *name, hse_buf graph, hse_status want, const char *words)
{
    hse_buf m = model(graph);

    expect(name, view(&m), want, words);
    hse_buf_free(&m);
}

TEST(damaged_tensors)
{
    static const struct {
        const char *name;
        uint64_t d0, d1, type;
        size_t raw;
        hse_status want;
        const char *words;
    } cases[] = {
        {"as it should be", 2, 3, 1, 24, HSE_OK, NULL},
        {"empty", 0, 3, 1, 0, HSE_OK, NULL},
        {"one byte less", 2, 3, 1, 23, HSE_E_FORMAT, "raw_data of 23"},
        {"one element less", 2, 3, 1, 20, HSE_E_FORMAT, "beyond"},
        {"one element more", 2, 3, 1, 28, HSE_E_FORMAT, "7 values"},
        {"negative dimension", UINT64_MAX, 1, 1, 4, HSE_E_FORMAT, "negative"},
        {"dimension 2^63 - 1", INT64_MAX, 1, 1, 4, HSE_E_FORMAT, "product"},
        {"product 2^64", (uint64_t)1 << 32, (uint64_t)1 << 32, 2, 0, HSE_E_FORMAT, "product"},
        {"product 2^32", 65536, 65536, 2, 4, HSE_E_FORMAT, "beyond"},
        {"no type", 1, 1, 0, 4, HSE_E_UNSUPPORTED, "data type 0"},
        {"text", 1, 1, 8, 4, HSE_E_UNSUPPORTED, "data type 8"},
        {"complex", 1, 1, 14, 8, HSE_E_UNSUPPORTED, "data type 14"},
        {"float8", 1, 1, 17, 1, HSE_E_UNSUPPORTED, "data type 17"},
        {"type 2^63", 1, 1, (uint64_t)1 << 63, 1, HSE_E_UNSUPPORTED, "data type"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].name, wrap(5, tensor(cases[i].d0, cases[i].d1, cases[i].type, cases[i].raw)), cases[i].want,
              cases[i].words);
}

TEST(fields_of_a_tensor)
{
    static const float two[2] = {1, 2};
    hse_buf t = tensor(1, 1, 1, 4);

    bytes(&t, 9, two, 4);
    check("raw_data twice", wrap(5, t), HSE_E_FORMAT, "twice");
    t = tensor(1, 1, 1, 4);
    text(&t, 8, "u");
    check("name twice", wrap(5, t), HSE_E_FORMAT, "twice");
    t = tensor(1, 1, 1, 4);
    bytes(&t, 4, two, 4);
    check("raw_data and float_data", wrap(5, t), HSE_E_FORMAT, "other values");
    t = tensor(1, 1, 1, 4);
    number(&t, 14, 1);
    check("external", wrap(5, t), HSE_E_UNSUPPORTED, "another file");
    t = tensor(1, 1, 1, 4);
    text(&t, 13, "x");
    check("external by its entries", wrap(5, t), HSE_E_UNSUPPORTED, "another file");
    t = tensor(1, 1, 1, 4);
    text(&t, 3, "");
    check("a segment", wrap(5, t), HSE_E_UNSUPPORTED, "segments");
    t = tensor(1, 1, 1, 4);
    text(&t, 6, "x");
    check("strings", wrap(5, t), HSE_E_UNSUPPORTED, "data type");
    t = tensor(1, 1, 1, 4);
    text(&t, 1, "\1\1\1\1\1\1");
    check("rank 8, packed", wrap(5, t), HSE_OK, NULL);
    t = tensor(1, 1, 1, 4);
    text(&t, 1, "\1\1\1\1\1\1\1");
    check("rank 9", wrap(5, t), HSE_E_LIMIT, "8 dimensions");
    t = tensor(1, 1, 1, 4);
    field(&t, 1, 5);
    put(&t, 1, 4);
    check("dims of a wrong wire type", wrap(5, t), HSE_E_FORMAT, "dims");
    t = tensor(1, 1, 1, 4);
    text(&t, 2, "x");
    check("type of a wrong wire type", wrap(5, t), HSE_E_FORMAT, "data_type");
    t = tensor(1, 1, 1, 4);
    number(&t, 8, 1);
    check("name of a wrong wire type", wrap(5, t), HSE_E_FORMAT, "name");
    check("the same name twice", join(wrap(5, tensor(1, 1, 1, 4)), wrap(5, tensor(1, 1, 1, 4))), HSE_E_FORMAT,
          "two tensors");
}

/* Repeated values: packed, one by one, mixed; too few, too many, of wrong types. */
TEST(repeated_values)
{
    static const struct {
        const char *name;
        uint64_t type;
        unsigned f;
        int packed, single, wire, cut;
        hse_status want;
        const char *words;
    } cases[] = {
        {"floats packed", 1, 4, 2, 0, 5, 0, HSE_OK, NULL},
        {"floats one by one", 1, 4, 0, 2, 5, 0, HSE_OK, NULL},
        {"floats mixed", 1, 4, 1, 1, 5, 0, HSE_OK, NULL},
        {"floats too few", 1, 4, 1, 0, 5, 0, HSE_E_FORMAT, NULL},
        {"floats too many", 1, 4, 2, 1, 5, 0, HSE_E_FORMAT, "3 values"},
        {"floats cut", 1, 4, 2, 0, 5, 1, HSE_E_FORMAT, "cut off"},
        {"doubles", 11, 10, 1, 1, 1, 0, HSE_OK, NULL},
        {"doubles cut", 11, 10, 2, 0, 1, 1, HSE_E_FORMAT, "cut off"},
        {"integers", 7, 7, 1, 1, 0, 0, HSE_OK, NULL},
        {"halves", 10, 5, 2, 0, 0, 0, HSE_OK, NULL},
        {"floats in another field", 1, 7, 2, 0, 0, 0, HSE_E_FORMAT, "another data type"},
        {"integers of a wrong wire type", 7, 7, 0, 2, 5, 0, HSE_E_FORMAT, "wire type"},
        {"no values", 1, 4, 0, 0, 5, 0, HSE_E_FORMAT, NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf t = new_buf(), packed = new_buf();
        int width = cases[i].wire == 5 ? 4 : cases[i].wire == 1 ? 8 : 1;
        number(&t, 1, 2);
        number(&t, 2, cases[i].type);
        text(&t, 8, "t");
        for (int k = 0; k < cases[i].packed; k++)
            put(&packed, 1, width);
        if (cases[i].packed)
            bytes(&t, cases[i].f, packed.data, packed.size - (size_t)cases[i].cut);
        for (int k = 0; k < cases[i].single; k++) {
            field(&t, cases[i].f, (unsigned)cases[i].wire);
            put(&t, 1, width);
        }
        hse_buf_free(&packed);
        check(cases[i].name, wrap(5, t), cases[i].want, cases[i].words);
    }
    hse_buf t = tensor(1, 1, 7, 0);
    t.size -= 2; /* its raw_data */
    number(&t, 7, 1);
    number(&t, 11, 1);
    check("values in two fields", wrap(5, t), HSE_E_FORMAT, "two fields");
}

static hse_buf constant(const char *attribute_name, hse_buf value_field, const char *output, const char *domain)
{
    hse_buf a = new_buf(), n = new_buf();

    text(&a, 1, attribute_name);
    hse_buf_append(&a, value_field.data, value_field.size);
    hse_buf_free(&value_field);
    text(&n, 4, "Constant");
    if (domain)
        text(&n, 7, domain);
    if (output)
        text(&n, 2, output);
    bytes(&n, 5, a.data, a.size);
    hse_buf_free(&a);
    return wrap(1, n);
}

TEST(constants)
{
    hse_buf none = new_buf();

    check("a tensor", constant("value", wrap(5, tensor(1, 1, 1, 4)), "c", NULL), HSE_OK, NULL);
    check("in ONNX' own domain", constant("value", wrap(5, tensor(1, 1, 1, 5)), "c", "ai.onnx"), HSE_E_FORMAT,
          "raw_data of 5");
    check("in another domain", constant("value", wrap(5, tensor(1, 1, 1, 5)), "c", "mine"), HSE_OK, NULL);
    check("without an output", constant("value", wrap(5, tensor(1, 1, 1, 4)), NULL, NULL), HSE_E_FORMAT, "output");
    check("without a value", constant("value", none, "c", NULL), HSE_E_FORMAT, "without a value");
    check("with two", constant("value", join(wrap(5, tensor(1, 1, 1, 4)), wrap(5, tensor(1, 1, 1, 4))), "c", NULL),
          HSE_E_FORMAT, "two tensors");
    check("sparse", constant("sparse_value", none, "c", NULL), HSE_E_UNSUPPORTED, "sparse");
    check("a text", constant("value_string", none, "c", NULL), HSE_OK, NULL);
    check("no float", constant("value_float", none, "c", NULL), HSE_E_FORMAT, "single value");
    check("no floats", constant("value_floats", none, "c", NULL), HSE_OK, NULL);
    hse_buf two = new_buf();
    number(&two, 3, 5);
    number(&two, 3, 6);
    check("two integers for one", constant("value_int", two, "c", NULL), HSE_E_FORMAT, "single value");
    hse_buf sparse = new_buf();
    text(&sparse, 15, "x");
    check("sparse initialisers", sparse, HSE_E_UNSUPPORTED, "sparse");
}

/* If in If in If: real models nest two or three. */
TEST(nested_graphs)
{
    for (int depth = 1; depth < 40; depth += 1) {
        hse_buf g = wrap(5, tensor(1, 1, 1, 4));
        for (int i = 0; i < depth; i++)
            g = wrap(1, wrap(5, wrap(6, g)));
        check("nested", g, depth <= 16 ? HSE_OK : HSE_E_LIMIT, depth <= 16 ? NULL : "deeper than 16");
    }
    check("graphs in a list", wrap(1, wrap(5, wrap(11, wrap(5, tensor(1, 1, 1, 3))))), HSE_E_FORMAT, "raw_data of 3");
}

TEST(damaged_messages)
{
    static const struct {
        const char *name, *bytes;
        size_t size;
        const char *words;
    } cases[] = {
#define B(name, s, words) {name, s, sizeof(s) - 1, words}
        B("no graph", "\x08\x08\x12\x01x", "without a graph"),
        B("no opset_import", "\x08\x08\x3a\0", "opset_import"),
        B("two graphs", "\x08\x08\x3a\0\x3a\0", "two graphs"),
        B("a field longer than the file",
          "\x08\x08\x3a\x05"
          "abcd",
          "longer"),
        B("a length of 2^63", "\x08\x08\x3a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "longer"),
        B("a length of 2^64 - 1", "\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "longer"),
        B("a length of 65 bits", "\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "64 bits"),
        B("a length of eleven bytes", "\x08\x08\x3a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", "64 bits"),
        B("a cut length", "\x08\x08\x3a\x80", "cut off"),
        B("a cut 8-byte field", "\x08\x08\x11\0\0\0", "longer"),
        B("a cut 4-byte field", "\x08\x08\x3a\x04\x15\0\0\0", "longer"),
        B("a cut varint", "\x08\x08\x10\x80", "cut off"),
        B("a group inside the graph", "\x08\x08\x3a\x01\x0b", "wire type"),
        B("field 0 inside the graph", "\x08\x08\x3a\x02\x00\x00", "field number"),
        B("a field number of 2^29", "\x08\x08\x3a\x06\x80\x80\x80\x80\x10\x00", "field number"),
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        expect(cases[i].name, (hse_bytes){(const uint8_t *)cases[i].bytes, cases[i].size}, HSE_E_FORMAT,
               cases[i].words);
}
