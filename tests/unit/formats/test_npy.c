/* Damaged npy headers and npz archives. */
#include "build.h"

static hse_buf npy(const char *magic, int version, const char *header, size_t data)
{
    hse_buf b = new_buf();

    hse_buf_append(&b, magic, 6);
    put(&b, (uint64_t)version, 2);
    put(&b, strlen(header), version == 1 ? 2 : 4);
    hse_buf_str(&b, header);
    for (size_t i = 0; i < data; i++)
        hse_buf_byte(&b, (uint8_t)i);
    return b;
}

#define H(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

TEST(damaged_headers)
{
    static const struct {
        const char *name, *header;
        size_t data;
        hse_status want;
        const char *words;
    } cases[] = {
        {"as numpy writes it", H("'<f4'", "False", "(2, 3)"), 24, HSE_OK, NULL},
        {"scalar", H("'<f4'", "False", "()"), 4, HSE_OK, NULL},
        {"one dimension", H("'<f4'", "False", "(3,)"), 12, HSE_OK, NULL},
        {"fortran", H("'<f4'", "True", "(3,2)"), 24, HSE_OK, NULL},
        {"empty", H("'<f8'", "False", "(0, 7)"), 0, HSE_OK, NULL},
        {"bytes in no order", H("'|u1'", "False", "(3,)"), 3, HSE_OK, NULL},
        {"bytes in big-endian order", H("'>i1'", "False", "(3,)"), 3, HSE_OK, NULL},
        {"double quotes, no spaces", "{\"descr\":\"<i8\",\"fortran_order\":False,\"shape\":(1,)}", 8, HSE_OK, NULL},
        {"another order of keys", "{'shape': (1,), 'descr': '<i8', 'fortran_order': False}", 8, HSE_OK, NULL},
        {"rank 8", H("'|b1'", "False", "(1,1,1,1,1,1,1,1)"), 1, HSE_OK, NULL},
        {"rank 9", H("'|b1'", "False", "(1,1,1,1,1,1,1,1,1)"), 1, HSE_E_LIMIT, "8 dimensions"},
        {"big-endian", H("'>f4'", "False", "(1,)"), 4, HSE_E_UNSUPPORTED, ">f4"},
        {"objects", H("'|O'", "False", "(1,)"), 8, HSE_E_UNSUPPORTED, "|O"},
        {"text", H("'<U3'", "False", "(1,)"), 12, HSE_E_UNSUPPORTED, "<U3"},
        {"complex", H("'<c8'", "False", "(1,)"), 8, HSE_E_UNSUPPORTED, "<c8"},
        {"void", H("'|V2'", "False", "(1,)"), 2, HSE_E_UNSUPPORTED, "|V2"},
        {"no byte order", H("'f4'", "False", "(1,)"), 4, HSE_E_UNSUPPORTED, "f4"},
        {"empty descr", H("''", "False", "(1,)"), 4, HSE_E_UNSUPPORTED, "dtype"},
        {"structured", H("[('a', '<f4')]", "False", "(1,)"), 4, HSE_E_UNSUPPORTED, "structured"},
        {"descr is a number", H("4", "False", "(1,)"), 4, HSE_E_UNSUPPORTED, "structured"},
        {"long descr", H("'<f4<f4<f4<f4<f4<f4'", "False", "(1,)"), 4, HSE_E_UNSUPPORTED, NULL},
        {"data one less", H("'<f4'", "False", "(2, 3)"), 23, HSE_E_FORMAT, "beyond"},
        {"data one more", H("'<f4'", "False", "(2, 3)"), 25, HSE_E_FORMAT, "header says 24"},
        {"order is a number", H("'<f4'", "0", "(1,)"), 4, HSE_E_FORMAT, "True or False"},
        {"order in lower case", H("'<f4'", "false", "(1,)"), 4, HSE_E_FORMAT, "True or False"},
        {"shape is a list", H("'<f4'", "False", "[1]"), 4, HSE_E_FORMAT, "a tuple"},
        {"shape is a number", H("'<f4'", "False", "(1)"), 4, HSE_E_FORMAT, "','"},
        {"negative dimension", H("'<f4'", "False", "(-1,)"), 4, HSE_E_FORMAT, "dimension"},
        {"Python 2's long", H("'<f4'", "False", "(1L,)"), 4, HSE_E_FORMAT, "','"},
        {"leading zero", H("'<f4'", "False", "(01,)"), 4, HSE_E_FORMAT, "dimension"},
        {"two commas", H("'<f4'", "False", "(1,,)"), 4, HSE_E_FORMAT, "dimension"},
        {"dimension 2^64", H("'<f4'", "False", "(18446744073709551616,)"), 4, HSE_E_FORMAT, "2^64"},
        {"product 2^64", H("'<f4'", "False", "(4294967296, 4294967296)"), 0, HSE_E_FORMAT, "product"},
        {"product 2^62 + 1 of 4", H("'<f4'", "False", "(4611686018427387905,)"), 4, HSE_E_FORMAT, "product"},
        {"product 2^32 of 4", H("'<f4'", "False", "(4294967296,)"), 0, HSE_E_FORMAT, "beyond"},
        {"a key twice", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, HSE_E_FORMAT,
         "once"},
        {"an unknown key", "{'descr': '<f4', 'x': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, HSE_E_FORMAT,
         "once"},
        {"a key too few", "{'descr': '<f4', 'fortran_order': False}", 4, HSE_E_FORMAT, "each of"},
        {"no key", "{}", 0, HSE_E_FORMAT, "each of"},
        {"no dict", "['descr']", 0, HSE_E_FORMAT, "'{'"},
        {"a call", "__import__('os').system('ls')", 0, HSE_E_FORMAT, "'{'"},
        {"escape", "{'desc\\x72': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, HSE_E_FORMAT, "a key"},
        {"no colon", "{'descr' '<f4'}", 0, HSE_E_FORMAT, "a key"},
        {"no comma", "{'descr': '<f4' 'fortran_order': False}", 0, HSE_E_FORMAT, "','"},
        {"something behind", H("'<f4'", "False", "(1,)") "x", 4, HSE_E_FORMAT, "the end"},
        {"unfinished", "{'descr': '<f4', 'fortran_order': Fal", 0, HSE_E_FORMAT, "True or False"},
        {"unfinished string", "{'descr", 0, HSE_E_FORMAT, "a key"},
        {"nothing", "", 0, HSE_E_FORMAT, "'{'"},
        {"only spaces", "     \n", 0, HSE_E_FORMAT, "'{'"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int version = 1; version <= 3; version++) {
            hse_buf b = npy("\x93NUMPY", version, cases[i].header, cases[i].data);
            expect(cases[i].name, view(&b), cases[i].want, cases[i].words);
            hse_buf_free(&b);
        }
}

TEST(versions_and_lengths)
{
    static const struct {
        const char *name, *bytes;
        size_t size;
    } cases[] = {
#define B(name, s) {name, s, sizeof(s) - 1}
        B("version 0", "\x93NUMPY\0\0\2\0{}"),
        B("version 4", "\x93NUMPY\4\0\2\0\0\0{}"),
        B("version 1.1", "\x93NUMPY\1\1\2\0{}"),
        B("magic alone", "\x93NUMPY"),
        B("length cut", "\x93NUMPY\2\0\2\0"),
        B("longer than the file", "\x93NUMPY\1\0\3\0{}"),
        B("length 2^16 - 1", "\x93NUMPY\1\0\xff\xff{}"),
        B("length 2^32 - 1", "\x93NUMPY\2\0\xff\xff\xff\xff{}"),
        B("length 65537", "\x93NUMPY\2\0\1\0\1\0{}"),
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        expect(cases[i].name, (hse_bytes){(const uint8_t *)cases[i].bytes, cases[i].size}, HSE_E_FORMAT, "npy");
}

TEST(damaged_npz_archives)
{
    static const struct {
        const char *name, *entry;
        hse_status want;
        const char *words;
    } cases[] = {
        {"as it should be", "a.npy", HSE_OK, NULL},
        {"a folder", "x/a.npy", HSE_OK, NULL},
        {"no name before the end", ".npy", HSE_OK, NULL},
        {"another entry beside it", "a.txt", HSE_E_FORMAT, "no .npy"},
        {"a name shorter than the end", "npy", HSE_E_FORMAT, "no .npy"},
        {"the same name", "first.npy", HSE_E_FORMAT, "two zip entries"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        archive a = archive_new();
        hse_buf one = npy("\x93NUMPY", 1, H("'<f4'", "False", "(2,)"), 8);
        archive_add(&a, "first.npy", view(&one));
        archive_add(&a, cases[i].entry, view(&one));
        archive_end(&a);
        expect(cases[i].name, view(&a.file), cases[i].want, cases[i].words);
        hse_buf_free(&a.file);
        hse_buf_free(&one);
    }
    /* a damaged array is named */
    archive a = archive_new();
    hse_buf one = npy("\x93NUMPY", 1, H("'|O'", "False", "(2,)"), 8);
    archive_add(&a, "objects.npy", view(&one));
    archive_end(&a);
    expect("objects", view(&a.file), HSE_E_UNSUPPORTED, "objects.npy");
    hse_buf_free(&a.file);
    a = archive_new();
    archive_add(&a, "short.npy", LITERAL("\x93NUM"));
    archive_end(&a);
    expect("short", view(&a.file), HSE_E_FORMAT, "short.npy");
    hse_buf_free(&a.file);
    hse_buf_free(&one);
}

/* A deflated entry whose header is longer than the first piece that is unpacked to see it. */
TEST(long_headers_in_deflated_entries)
{
    static const size_t spaces[] = {10, 4000, 5000, 65000, 65526};

    for (size_t i = 0; i < COUNT(spaces); i++) {
        hse_buf header = new_buf();
        hse_buf_str(&header, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}");
        while (header.size < spaces[i])
            hse_buf_byte(&header, ' ');
        hse_buf plain = npy("\x93NUMPY", 2, hse_buf_text(&header), 8);
        /* stored blocks are deflate too: 1 byte, length, its complement, data */
        hse_buf packed = new_buf();
        for (size_t at = 0; at < plain.size; at += 60000) {
            size_t n = plain.size - at < 60000 ? plain.size - at : 60000;
            put(&packed, at + n == plain.size, 1);
            put(&packed, n, 2);
            put(&packed, ~n & 0xffff, 2);
            hse_buf_append(&packed, plain.data + at, n);
        }
        archive a = archive_new();
        zip_fields f = {.flags = 0x800,
                        .method = 8,
                        .crc = zip_crc(0, plain.data, plain.size),
                        .stored = packed.size,
                        .size = plain.size,
                        .name = "a.npy"};
        archive_add_as(&a, &f, &f, view(&packed));
        archive_end(&a);
        expect("a long header", view(&a.file), HSE_OK, NULL);
        a.file.data[40] ^= 1; /* in the stream: seen at opening, or by the CRC when read */
        expect("a damaged stream", view(&a.file), HSE_E_FORMAT, NULL);
        hse_buf_free(&a.file);
        hse_buf_free(&packed);
        hse_buf_free(&plain);
        hse_buf_free(&header);
    }
}
