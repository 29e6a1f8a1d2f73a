/* npy.c - numpy's arrays: one (.npy) or a zip archive of them (.npz). Format versions 1 to 3.
 *
 * The header is a Python dict literal with exactly the keys descr, fortran_order and shape. Only the form that numpy
 * writes is read, with any white space; object, text and structured arrays are refused by name. */
#include "base/mem.h"
#include "formats/table.h"

#include <inttypes.h>

/* A header of numpy's own dtypes has 128 bytes; 64 KiB is what version 1 can say. */
enum { MAGIC_SIZE = 6, MAX_HEADER = 1 << 16, FIRST_PIECE = 4096 };

static const struct {
    const char *code;
    hse_dtype dtype;
} dtypes[] = {
    {"f4", HSE_F32}, {"f8", HSE_F64}, {"f2", HSE_F16}, {"i1", HSE_I8},  {"u1", HSE_U8},  {"i2", HSE_I16},
    {"u2", HSE_U16}, {"i4", HSE_I32}, {"u4", HSE_U32}, {"i8", HSE_I64}, {"u8", HSE_U64}, {"b1", HSE_BOOL},
};

typedef struct {
    const char *p, *end, *start;
    uint64_t at; /* offset of start in the file */
    hse_error *err;
} scan;

static hse_status bad(const scan *s, const char *expected)
{
    return hse_fail(s->err, HSE_E_FORMAT, s->at + (uint64_t)(s->p - s->start), "npy header: %s is expected", expected);
}

static char peek(scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t'))
        s->p++;
    return s->p < s->end ? *s->p : '\0';
}

static bool eat(scan *s, char c)
{
    if (peek(s) != c || s->p == s->end)
        return false;
    s->p++;
    return true;
}

/* 'text' or "text" without escapes, into out. */
static bool eat_string(scan *s, char *out, size_t room)
{
    char quote = peek(s);
    size_t n = 0;

    if (quote != '\'' && quote != '"')
        return false;
    for (s->p++; s->p < s->end && *s->p != quote; s->p++) {
        if (*s->p == '\\' || n + 1 == room)
            return false;
        out[n++] = *s->p;
    }
    out[n] = '\0';
    return s->p < s->end && *s->p++ == quote;
}

static bool eat_word(scan *s, const char *word)
{
    size_t n = strlen(word);

    if (peek(s) == '\0' || (size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

static hse_status read_shape(scan *s, hse_weight *item)
{
    if (!eat(s, '('))
        return bad(s, "a tuple");
    while (!eat(s, ')')) {
        uint64_t v = 0;
        const char *from = (peek(s), s->p);
        for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
            if (!hse_mul_u64(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s->p - '0'), &v))
                return bad(s, "a dimension below 2^64");
        if (s->p == from || (*from == '0' && s->p - from > 1))
            return bad(s, "a dimension");
        if (item->rank == HSE_MAX_RANK)
            return hse_fail(s->err, HSE_E_LIMIT, s->at, "an npy array of more than %d dimensions", HSE_MAX_RANK);
        item->dim[item->rank++] = v;
        if (!eat(s, ',') && (peek(s) != ')' || item->rank == 1)) /* "(3)" is a number, not a tuple */
            return bad(s, "',' or ')'");
    }
    return HSE_OK;
}

static hse_status read_descr(scan *s, hse_weight *item)
{
    char text[16];

    if (!eat_string(s, text, sizeof text))
        return hse_fail(s->err, HSE_E_UNSUPPORTED, s->at, "npy: a structured dtype is not read here");
    for (size_t i = 0; i < COUNT(dtypes); i++) {
        bool byte = dtypes[i].code[1] == '1';
        if (text[0] == '\0' || strcmp(text + 1, dtypes[i].code) != 0)
            continue;
        if (text[0] == '<' || (byte && (text[0] == '|' || text[0] == '>'))) {
            item->dtype = dtypes[i].dtype;
            return HSE_OK;
        }
    }
    return hse_fail(s->err, HSE_E_UNSUPPORTED, s->at, "npy: dtype '%s' is not read here",
                    name_quote(text, strlen(text)).text);
}

static hse_status read_dict(scan *s, hse_weight *item)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {false}, fortran = false;
    hse_status st = HSE_OK;

    if (!eat(s, '{'))
        return bad(s, "'{'");
    while (!eat(s, '}')) {
        char key[16];
        size_t i = 0;
        if (!eat_string(s, key, sizeof key) || !eat(s, ':'))
            return bad(s, "a key");
        while (i < COUNT(keys) && strcmp(key, keys[i]) != 0)
            i++;
        if (i == COUNT(keys) || seen[i])
            return bad(s, "each of descr, fortran_order and shape once");
        seen[i] = true;
        if (i == 0)
            st = read_descr(s, item);
        else if (i == 1 && (eat_word(s, "False") || (fortran = eat_word(s, "True"))))
            st = HSE_OK;
        else
            st = i == 2 ? read_shape(s, item) : bad(s, "True or False");
        if (st != HSE_OK)
            return st;
        if (!eat(s, ',') && peek(s) != '}')
            return bad(s, "',' or '}'");
    }
    if (!seen[0] || !seen[1] || !seen[2])
        return bad(s, "each of descr, fortran_order and shape");
    if (peek(s) != '\0' || s->p != s->end)
        return bad(s, "the end");
    table_c_strides(item);
    if (fortran) {
        uint64_t step = 1;
        for (int i = 0; i < item->rank; i++) {
            item->stride[i] = step;
            step = step * (item->dim[i] ? item->dim[i] : 1); /* a product that wraps is refused by table_add */
        }
    }
    return HSE_OK;
}

/* Bytes before the data, from the first 12 bytes of the array; 0 when they are no npy header's. */
static size_t header_size(const uint8_t *p, size_t n)
{
    if (n < MAGIC_SIZE + 4 || memcmp(p, "\x93NUMPY", MAGIC_SIZE) != 0 || p[7] != 0)
        return 0;
    if (p[6] == 1)
        return (size_t)MAGIC_SIZE + 4 + hse_get_u16le(p + 8);
    if ((p[6] != 2 && p[6] != 3) || n < MAGIC_SIZE + 6 || hse_get_u32le(p + 8) > MAX_HEADER)
        return 0;
    return (size_t)MAGIC_SIZE + 6 + hse_get_u32le(p + 8);
}

/* An array whose first `size` bytes (the header at least) are at p, in the given part. */
static hse_status add_array(hse_weights *w, const uint8_t *p, size_t header, uint32_t part, const char *name,
                            size_t length, uint64_t at, hse_error *err)
{
    size_t fixed = p[6] == 1 ? MAGIC_SIZE + 4 : MAGIC_SIZE + 6;
    scan s = {(const char *)p + fixed, (const char *)p + header, (const char *)p, at, err};
    hse_weight item = {.offset = header, .part = part};
    uint64_t bytes = 0;
    hse_status st = read_dict(&s, &item);

    if (st != HSE_OK || (st = table_add(w, &item, name, length, at, err)) != HSE_OK)
        return st;
    const hse_weight *added = &w->items[w->n_items - 1];
    uint64_t have = w->parts[part].size - header;
    if (!hse_mul_u64(added->count, hse_dtype_size(added->dtype), &bytes) || bytes != have)
        return hse_fail(err, HSE_E_FORMAT, at + header, "the npy array has %" PRIu64 " bytes, its header says %" PRIu64,
                        have, bytes);
    return HSE_OK;
}

hse_status npy_read(hse_weights *w, hse_error *err)
{
    weights_part part = {.stored = w->file.size, .size = w->file.size};
    size_t header = header_size(w->file.data, w->file.size);
    uint32_t number;
    hse_status s;

    if (header == 0 || header > w->file.size)
        return hse_fail(err, HSE_E_FORMAT, MAGIC_SIZE, "a damaged npy header, or a version other than 1 to 3");
    if ((s = table_add_part(w, &part, &number, err)) != HSE_OK)
        return s;
    return add_array(w, w->file.data, header, number, "", 0, 0, err);
}

/* The first bytes of a deflated entry, until they hold its header. */
static hse_status inflate_header(const zip_archive *z, const zip_entry *e, uint8_t *out, size_t *header, hse_error *err)
{
    size_t have = 0;

    for (size_t want = FIRST_PIECE; have < want; want = *header) {
        have = e->size < want ? (size_t)e->size : want;
        hse_status s =
            zip_inflate(z->file.data + e->data_offset, e->stored, out, have, have == e->size, e->data_offset, err);
        if (s != HSE_OK)
            return s;
        if ((*header = header_size(out, have)) == 0 || *header > e->size)
            return hse_fail(err, HSE_E_FORMAT, e->data_offset, "a damaged npy header, or a version other than 1 to 3");
    }
    return HSE_OK;
}

static hse_status add_entry(hse_weights *w, const zip_archive *z, const zip_entry *e, uint8_t *scratch, hse_error *err)
{
    weights_part part = {.offset = e->data_offset,
                         .stored = e->stored,
                         .size = e->size,
                         .crc = e->crc,
                         .kind = e->deflated ? PART_DEFLATED : PART_RAW,
                         .has_crc = true};
    const uint8_t *p = scratch;
    size_t header = 0, name = (size_t)e->name_size - 4;
    uint32_t number;
    hse_status s;

    if (e->name_size < 4 || memcmp(e->name + name, ".npy", 4) != 0)
        return hse_fail(err, HSE_E_FORMAT, e->header_offset, "an entry of an npz archive that is no .npy array");
    if (e->deflated) {
        if ((s = inflate_header(z, e, scratch, &header, err)) != HSE_OK)
            return s;
    } else {
        p = z->file.data + e->data_offset;
        header = header_size(p, (size_t)e->size);
        if (header == 0 || header > e->size)
            return hse_fail(err, HSE_E_FORMAT, e->data_offset, "a damaged npy header, or a version other than 1 to 3");
    }
    if ((s = table_add_part(w, &part, &number, err)) != HSE_OK)
        return s;
    return add_array(w, p, header, number, e->name, name, e->data_offset, err);
}

hse_status npz_read(hse_weights *w, const zip_archive *z, hse_error *err)
{
    uint8_t *scratch = hse_alloc(MAX_HEADER + MAGIC_SIZE + 6);
    hse_status s = HSE_OK;

    w->format = "npz";
    if (!scratch)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to read npy headers");
    for (size_t i = 0; i < z->count && s == HSE_OK; i++) {
        const zip_entry *e = &z->entries[i];
        if ((s = add_entry(w, z, e, scratch, err)) != HSE_OK)
            hse_fail_in(err, s, "%s", name_quote(e->name, e->name_size).text);
    }
    hse_free(scratch);
    return s;
}
