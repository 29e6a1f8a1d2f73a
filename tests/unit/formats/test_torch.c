/* Damaged torch files: archives and pickles made byte by byte, so that each single thing is wrong alone. */
#include "build.h"
#include "torture.h"

/* A pickle in text: the tensor call of _rebuild_tensor_v2 on storage "0" of `class` with `count` elements. */
#define STORAGE(class, key, count) "(\x8c\7storagectorch\n" class "\n\x8c\1" key "\x8c\3cpu" count "tQ"
#define TENSOR(storage, offset, shape, stride)                                                                         \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage offset shape stride "\x89NtR"
#define F4          STORAGE("FloatStorage", "0", "K\4")
#define DICT(items) "\x80\2}(" items "u."
#define A           "\x8c\1a"

typedef struct {
    const char *name, *pickle;
    size_t size;
    hse_status want;
    const char *words;
} pickle_case;

#define ROW(name, pickle, want, words)                                                                                 \
    {                                                                                                                  \
        name, pickle, sizeof(pickle) - 1, want, words                                                                  \
    }

static const pickle_case cases[] = {
    ROW("as it should be", DICT(A TENSOR(F4, "K\0", "K\4\x85", "K\1\x85")), HSE_OK, NULL),
    ROW("two by two", DICT(A TENSOR(F4, "K\0", "K\2K\2\x86", "K\2K\1\x86")), HSE_OK, NULL),
    ROW("transposed", DICT(A TENSOR(F4, "K\0", "K\2K\2\x86", "K\1K\2\x86")), HSE_OK, NULL),
    ROW("a scalar", DICT(A TENSOR(F4, "K\3", ")", ")")), HSE_OK, NULL),
    ROW("the last element", DICT(A TENSOR(F4, "K\3", "K\1\x85", "K\1\x85")), HSE_OK, NULL),
    ROW("one beyond", DICT(A TENSOR(F4, "K\4", "K\1\x85", "K\1\x85")), HSE_E_FORMAT, "beyond its storage"),
    ROW("a scalar beyond", DICT(A TENSOR(F4, "K\4", ")", ")")), HSE_E_FORMAT, "beyond its storage"),
    ROW("empty at the end", DICT(A TENSOR(F4, "K\4", "K\0\x85", "K\1\x85")), HSE_OK, NULL),
    ROW("empty beyond the end", DICT(A TENSOR(F4, "K\5", "K\0\x85", "K\1\x85")), HSE_OK, NULL),
    ROW("shape one more", DICT(A TENSOR(F4, "K\0", "K\5\x85", "K\1\x85")), HSE_E_FORMAT, "beyond its storage"),
    ROW("stride one more", DICT(A TENSOR(F4, "K\0", "K\2K\2\x86", "K\3K\1\x86")), HSE_E_FORMAT, "beyond its storage"),
    ROW("stride of a dimension of 1 does not matter", DICT(A TENSOR(F4, "K\0", "K\1K\4\x86", "M\xff\xffK\1\x86")),
        HSE_OK, NULL),
    ROW("stride 0", DICT(A TENSOR(F4, "K\0", "K\x64\x85", "K\0\x85")), HSE_OK, NULL),
    ROW("stride 0, 2^20 + 1 times", DICT(A TENSOR(F4, "K\0", "J\1\0\x10\0\x85", "K\0\x85")), HSE_E_LIMIT, "repeats"),
    ROW("stride 0, 2^62 times", DICT(A TENSOR(F4, "K\0", "\x8a\x8\0\0\0\0\0\0\0\x40\x85", "K\0\x85")), HSE_E_FORMAT,
        "product"),
    ROW("product of 2^64", DICT(A TENSOR(F4, "K\0", "J\0\0\0\x40J\0\0\0\x40K\x10\x87", "K\0K\0K\0\x87")), HSE_E_FORMAT,
        "product"),
    ROW("product of 2^64 with a 0", DICT(A TENSOR(F4, "K\0", "(J\0\0\0\x40J\0\0\0\x40K\x10K\0t", "(K\0K\0K\0K\0t")),
        HSE_E_FORMAT, "product"),
    ROW("stride of 2^63 - 1", DICT(A TENSOR(F4, "K\0", "K\3\x85", "\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f\x85")),
        HSE_E_FORMAT, "beyond"),
    ROW("negative offset", DICT(A TENSOR(F4, "J\xff\xff\xff\xff", "K\1\x85", "K\1\x85")), HSE_E_FORMAT, "offset"),
    ROW("offset of 2^62", DICT(A TENSOR(F4, "\x8a\x8\0\0\0\0\0\0\0\x40", "K\1\x85", "K\1\x85")), HSE_E_FORMAT,
        "offset"),
    ROW("negative dimension", DICT(A TENSOR(F4, "K\0", "J\xff\xff\xff\xff\x85", "K\1\x85")), HSE_E_FORMAT,
        "non-negative"),
    ROW("negative stride", DICT(A TENSOR(F4, "K\3", "K\4\x85", "J\xff\xff\xff\xff\x85")), HSE_E_FORMAT, "non-negative"),
    ROW("dimension that is a text",
        DICT(A TENSOR(F4, "K\0",
                      "\x8c\1"
                      "4\x85",
                      "K\1\x85")),
        HSE_E_FORMAT, "non-negative"),
    ROW("dimension that is a bool", DICT(A TENSOR(F4, "K\0", "\x88\x85", "K\1\x85")), HSE_E_FORMAT, "non-negative"),
    ROW("shape that is a list", DICT(A TENSOR(F4, "K\0", "]", "K\1\x85")), HSE_E_FORMAT, "no tuple"),
    ROW("shape and stride of different lengths", DICT(A TENSOR(F4, "K\0", "K\4\x85", "K\1K\1\x86")), HSE_E_FORMAT,
        "different lengths"),
    ROW("rank 8", DICT(A TENSOR(F4, "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\4t", "(K\1K\1K\1K\1K\1K\1K\1K\1t")), HSE_OK, NULL),
    ROW("rank 9", DICT(A TENSOR(F4, "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\4t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t")),
        HSE_E_LIMIT, "9 dimensions"),
    ROW("storage missing in the archive",
        DICT(A TENSOR(STORAGE("FloatStorage", "9", "K\4"), "K\0", "K\4\x85", "K\1\x85")), HSE_E_FORMAT, "x/data/9"),
    ROW("storage one element short", DICT(A TENSOR(STORAGE("FloatStorage", "0", "K\3"), "K\0", "K\3\x85", "K\1\x85")),
        HSE_E_FORMAT, "pickle says 12"),
    ROW("storage of another width", DICT(A TENSOR(STORAGE("DoubleStorage", "0", "K\4"), "K\0", "K\4\x85", "K\1\x85")),
        HSE_E_FORMAT, "pickle says 32"),
    ROW("storage of negative size", DICT(A TENSOR(STORAGE("FloatStorage", "0", "J\xff\xff\xff\xff"), "K\0", ")", ")")),
        HSE_E_FORMAT, "elements"),
    ROW("storage of 2^62 elements",
        DICT(A TENSOR(STORAGE("FloatStorage", "0", "\x8a\x8\0\0\0\0\0\0\0\x40"), "K\0", ")", ")")), HSE_E_FORMAT,
        "elements"),
    ROW("one storage of two sizes",
        DICT(A TENSOR(F4, "K\0", ")", ")") "\x8c\1b" TENSOR(STORAGE("FloatStorage", "0", "K\5"), "K\0", ")", ")")),
        HSE_E_FORMAT, "two sizes"),
    ROW("one storage of two types",
        DICT(A TENSOR(F4, "K\0", ")", ")") "\x8c\1b" TENSOR(STORAGE("IntStorage", "0", "K\4"), "K\0", ")", ")")),
        HSE_OK, NULL),
    ROW("storage of unknown class is left out",
        DICT(A TENSOR(STORAGE("ComplexFloatStorage", "0", "K\4"), "K\0", ")", ")")), HSE_OK, NULL),
    ROW("raw bytes without a dtype", DICT(A TENSOR(STORAGE("UntypedStorage", "0", "K\x10"), "K\0", ")", ")")),
        HSE_E_UNSUPPORTED, "dtype"),
    ROW("tensor of an integer", DICT(A "ctorch._utils\n_rebuild_tensor_v2\n(K\1K\0))\x89NtR"), HSE_E_FORMAT,
        "no storage"),
    ROW("parameter of a tensor", DICT(A "ctorch._utils\n_rebuild_parameter\n" TENSOR(F4, "K\0", ")", ")") "\x88N\x87R"),
        HSE_OK, NULL),
    ROW("parameter of an integer", DICT(A "ctorch._utils\n_rebuild_parameter\nK\1\x88N\x87R"), HSE_E_FORMAT,
        "no tensor"),
    ROW("the same name twice", DICT(A TENSOR(F4, "K\0", ")", ")") A TENSOR(F4, "K\0", ")", ")")), HSE_E_FORMAT,
        "two tensors"),
    ROW("the same name by two ways",
        DICT("\x8c\3"
             "a.b" TENSOR(F4, "K\0", ")", ")") A "}\x8c\1"
                                                 "b" TENSOR(F4, "K\0", ")", ")") "s"),
        HSE_E_FORMAT, "two tensors"),
    ROW("a NUL in a name",
        DICT("\x8c\2"
             "a\0" TENSOR(F4, "K\0", ")", ")")),
        HSE_E_FORMAT, "NUL"),
    ROW("a list in itself", "\x80\2]q\0h\0a.", HSE_E_LIMIT, "deeper than 256"),
    ROW("a dict in itself", DICT(""), HSE_OK, NULL),
    ROW("a plain value", "\x80\2K\1.", HSE_E_FORMAT, "plain value"),
    ROW("an unknown object", "\x80\2cm\nC\n)R.", HSE_E_UNSUPPORTED, "class C"),
    ROW("a byte behind the pickle", "\x80\2}.x", HSE_E_FORMAT, "follow the pickle"),
};

static hse_buf torch_archive(const char *pickle, size_t size, const char *byteorder)
{
    static const float data[4] = {1, 2, 3, 4};
    archive a = archive_new();

    archive_add(&a, "x/data.pkl", (hse_bytes){(const uint8_t *)pickle, size});
    if (byteorder)
        archive_add(&a, "x/byteorder", (hse_bytes){(const uint8_t *)byteorder, strlen(byteorder)});
    archive_add(&a, "x/data/0", (hse_bytes){(const uint8_t *)data, sizeof data});
    archive_end(&a);
    return a.file;
}

TEST(damaged_pickles_of_an_archive)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b = torch_archive(cases[i].pickle, cases[i].size, "little");
        expect(cases[i].name, view(&b), cases[i].want, cases[i].words);
        hse_buf_free(&b);
    }
}

/* The same pickles in the older layout, where a storage is a count and its bytes. */
TEST(damaged_pickles_of_the_older_layout)
{
    static const char head[] = "\x80\2\x8a\x0al\xfc\x9c"
                               "F\xf9 j\xa8P\x19.\x80\2M\xe9\3.\x80\2}\x8c\x0dlittle_endian\x88s.";
    static const float data[4] = {1, 2, 3, 4};

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b = new_buf();
        hse_error err = {0};
        uint64_t print;
        hse_buf_append(&b, head, sizeof head - 1);
        hse_buf_append(&b, cases[i].pickle, cases[i].size);
        bool named = memmem(cases[i].pickle, cases[i].size, "storage", 7) &&
                     !memmem(cases[i].pickle, cases[i].size, "Complex", 7);
        hse_buf_str(&b, "\x80\2]");
        if (named)
            hse_buf_str(&b, memmem(cases[i].pickle, cases[i].size,
                                   "\x8c\1"
                                   "9",
                                   3)
                                ? "\x8c\1"
                                  "9a"
                                : "\x8c\1"
                                  "0a");
        hse_buf_byte(&b, '.');
        if (named) {
            put(&b, 4, 8);
            hse_buf_append(&b, data, sizeof data);
        }
        hse_status got = fingerprint(view(&b), &print, &err);
        /* what the zip layout finds wrong with an entry, this one finds wrong with the count or the file's end */
        CHECK((got == HSE_OK) == (cases[i].want == HSE_OK) || strstr(cases[i].name, "missing"),
              "%s: got %d, want %d (%s)", cases[i].name, (int)got, (int)cases[i].want, err.text);
        hse_buf_free(&b);
    }
}

TEST(damaged_older_files)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t size;
        hse_status want;
        const char *words;
    } files[] = {
#define MAGIC                                                                                                          \
    "\x80\2\x8a\x0al\xfc\x9c"                                                                                          \
    "F\xf9 j\xa8P\x19."
#define PROTOCOL "\x80\2M\xe9\3."
#define SYSTEM   "\x80\2}\x8c\x0dlittle_endian\x88s."
#define TREE     DICT(A TENSOR(STORAGE("ShortStorage", "0", "K\2"), "K\0", "K\2\x85", "K\1\x85"))
#define KEYS                                                                                                           \
    "\x80\2]\x8c\1"                                                                                                    \
    "0a."
#define ONE "\2\0\0\0\0\0\0\0abcd"
        ROW("as it should be", MAGIC PROTOCOL SYSTEM TREE KEYS ONE, HSE_OK, NULL),
        ROW("another magic number",
            "\x80\2\x8a\x0am\xfc\x9c"
            "F\xf9 j\xa8P\x19." PROTOCOL SYSTEM TREE KEYS ONE,
            HSE_E_UNSUPPORTED, "not a torch file"),
        ROW("a pickle of a dict", "\x80\4}.", HSE_E_UNSUPPORTED, "not a torch file"),
        ROW("another protocol", MAGIC "\x80\2M\xea\3." SYSTEM TREE KEYS ONE, HSE_E_UNSUPPORTED, "1001"),
        ROW("protocol is a text", MAGIC "\x80\2\x8c\1x." SYSTEM TREE KEYS ONE, HSE_E_UNSUPPORTED, "1001"),
        ROW("system is a list", MAGIC PROTOCOL "\x80\2]." TREE KEYS ONE, HSE_E_FORMAT, "no dict"),
        ROW("big-endian", MAGIC PROTOCOL "\x80\2}\x8c\x0dlittle_endian\x89s." TREE KEYS ONE, HSE_E_UNSUPPORTED,
            "big-endian"),
        ROW("keys are a dict", MAGIC PROTOCOL SYSTEM TREE "\x80\2}." ONE, HSE_E_FORMAT, "no list"),
        ROW("a key is a number", MAGIC PROTOCOL SYSTEM TREE "\x80\2]K\0a." ONE, HSE_E_FORMAT, "no string"),
        ROW("an unused key",
            MAGIC PROTOCOL SYSTEM TREE "\x80\2]\x8c\1"
                                       "1a." ONE,
            HSE_E_FORMAT, "not used"),
        ROW("a key twice",
            MAGIC PROTOCOL SYSTEM TREE "\x80\2]\x8c\1"
                                       "0a\x8c\1"
                                       "0a." ONE ONE,
            HSE_E_FORMAT, "twice"),
        ROW("a key is missing", MAGIC PROTOCOL SYSTEM TREE "\x80\2].", HSE_E_FORMAT, "not in the file"),
        ROW("count is one more", MAGIC PROTOCOL SYSTEM TREE KEYS "\3\0\0\0\0\0\0\0abcd", HSE_E_FORMAT, "3 elements"),
        ROW("count is bytes", MAGIC PROTOCOL SYSTEM TREE KEYS "\4\0\0\0\0\0\0\0abcd", HSE_E_FORMAT, "4 elements"),
        ROW("count is 2^64 - 1",
            MAGIC PROTOCOL SYSTEM TREE KEYS "\xff\xff\xff\xff\xff\xff\xff\xff"
                                            "abcd",
            HSE_E_FORMAT, "elements"),
        ROW("cut in the count", MAGIC PROTOCOL SYSTEM TREE KEYS "\2\0\0", HSE_E_FORMAT, "cut off"),
        ROW("cut in the data", MAGIC PROTOCOL SYSTEM TREE KEYS "\2\0\0\0\0\0\0\0abc", HSE_E_FORMAT, "cut off"),
        ROW("a byte more", MAGIC PROTOCOL SYSTEM TREE KEYS ONE "x", HSE_E_FORMAT, "follow the last"),
        ROW("raw bytes",
            MAGIC PROTOCOL SYSTEM DICT(A TENSOR(STORAGE("UntypedStorage", "0", "K\2"), "K\0", ")", ")")) KEYS ONE,
            HSE_E_UNSUPPORTED, "raw bytes"),
    };

    for (size_t i = 0; i < COUNT(files); i++)
        expect(files[i].name, (hse_bytes){(const uint8_t *)files[i].bytes, files[i].size}, files[i].want,
               files[i].words);
}

TEST(archives_that_are_no_torch_file)
{
    static const struct {
        const char *name;
        const char *entries[3];
        hse_status want;
        const char *words;
    } archives[] = {
        {"nothing", {NULL}, HSE_E_UNSUPPORTED, "zip archive"},
        {"something else", {"a.txt"}, HSE_E_UNSUPPORTED, "zip archive"},
        {"two pickles", {"a/data.pkl", "b/data.pkl"}, HSE_E_FORMAT, "two folders"},
        {"a pickle too deep", {"a/b/data.pkl"}, HSE_E_FORMAT, "no <folder>/data.pkl"},
        {"a pickle without a folder", {"data.pkl", "x.npy"}, HSE_E_FORMAT, "no .npy"},
        {"TorchScript", {"a/data.pkl", "a/constants.pkl"}, HSE_E_UNSUPPORTED, "TorchScript"},
    };

    for (size_t i = 0; i < COUNT(archives); i++) {
        archive a = archive_new();
        for (size_t k = 0; k < 3 && archives[i].entries[k]; k++)
            archive_add(&a, archives[i].entries[k], LITERAL("\x80\2}."));
        archive_end(&a);
        expect(archives[i].name, view(&a.file), archives[i].want, archives[i].words);
        hse_buf_free(&a.file);
    }
    static const char *const orders[] = {"big", "Little", "", "little "};
    for (size_t i = 0; i < COUNT(orders); i++) {
        hse_buf b = torch_archive("\x80\2}.", 4, orders[i]);
        expect(orders[i], view(&b), HSE_E_UNSUPPORTED, "byte order");
        hse_buf_free(&b);
    }
    hse_buf b = torch_archive("\x80\2}.", 4, NULL);
    expect("without a byte order", view(&b), HSE_OK, NULL);
    hse_buf_free(&b);
}

/* A list that holds the same list twice, 60 levels deep: 2^60 paths through 60 values. */
TEST(shared_values_do_not_explode)
{
    hse_buf b = new_buf();

    hse_buf_str(&b, "\x80\2]q");
    hse_buf_byte(&b, 0);
    for (int i = 0; i < 60; i++) {
        hse_buf_str(&b, "0]h");
        hse_buf_byte(&b, 0);
        hse_buf_str(&b, "ah");
        hse_buf_byte(&b, 0);
        hse_buf_str(&b, "aq");
        hse_buf_byte(&b, 0);
    }
    hse_buf_byte(&b, '.');
    hse_buf file = torch_archive((const char *)b.data, b.size, "little");
    expect("2^60 paths", view(&file), HSE_E_LIMIT, "values");
    hse_buf_free(&file);
    hse_buf_free(&b);
}

/* Random views against a slow oracle: every index of every element looked at. */
TEST(random_views_against_an_oracle)
{
    uint32_t seed = 1;
    unsigned accepted = 0;
#define DRAW(n) ((seed = seed * 1664525u + 1013904223u) >> 8) % (n)

    for (int turn = 0; turn < 3000; turn++) {
        unsigned rank = DRAW(4), dim[4] = {1, 1, 1, 1}, stride[4] = {0}, offset = DRAW(6), count = 1 + DRAW(24);
        hse_buf b = new_buf(), shape = new_buf(), strides = new_buf();
        for (unsigned i = 0; i < rank; i++) {
            dim[i] = DRAW(5);
            stride[i] = DRAW(8);
            put(&shape, 'K' | dim[i] << 8, 2);
            put(&strides, 'K' | stride[i] << 8, 2);
        }
        hse_buf_str(&b, "\x80\2}\x8c\1a"
                        "ctorch._utils\n_rebuild_tensor_v2\n((\x8c\7storagectorch\nByteStorage\n\x8c\1"
                        "0\x8c\3cpu");
        put(&b, 'K' | count << 8, 2);
        hse_buf_str(&b, "tQ");
        put(&b, 'K' | offset << 8, 2);
        for (int k = 0; k < 2; k++) {
            hse_buf *t = k ? &strides : &shape;
            hse_buf_byte(&b, '(');
            hse_buf_append(&b, t->data, t->size);
            hse_buf_byte(&b, 't');
        }
        hse_buf_str(&b, "\x89NtRs.");
        bool inside = true, empty = dim[0] == 0 || dim[1] == 0 || dim[2] == 0 || dim[3] == 0;
        float want[256];
        size_t n = 0;
        for (unsigned i = 0; !empty && i < dim[0]; i++)
            for (unsigned j = 0; j < dim[1]; j++)
                for (unsigned k = 0; k < dim[2]; k++, n++) {
                    unsigned at = offset + i * stride[0] + j * stride[1] + k * stride[2];
                    inside = inside && at < count;
                    want[n] = (float)at;
                }
        uint8_t data[32];
        for (unsigned i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)i;
        archive a = archive_new();
        archive_add(&a, "x/data.pkl", view(&b));
        archive_add(&a, "x/data/0", (hse_bytes){data, count});
        archive_end(&a);
        hse_weights *w = NULL;
        hse_error err = {0};
        hse_status s = hse_weights_open_bytes(&w, view(&a.file), "view", NULL, &err);
        CHECK((s == HSE_OK) == inside, "turn %d: rank %u, status %d, inside %d: %s", turn, rank, (int)s, inside,
              err.text);
        if (w) {
            float got[256];
            const hse_weight *t = hse_weights_at(w, 0);
            CHECK(t->count == n && hse_weights_read_f32(w, t, got, &err) == HSE_OK, "turn %d: %s", turn, err.text);
            CHECK(memcmp(got, want, n * sizeof *got) == 0, "turn %d: other elements", turn);
            accepted++;
        }
        hse_weights_close(&w);
        hse_buf_free(&a.file);
        hse_buf_free(&b);
        hse_buf_free(&shape);
        hse_buf_free(&strides);
    }
    CHECK(accepted > 500 && accepted < 2900, "%u of 3000 views accepted", accepted);
}
