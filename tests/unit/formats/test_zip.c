/* Damaged and hostile zip archives. */
#include "build.h"
#include "torture.h"

#include <zlib.h>

static hse_status open_zip(hse_bytes file, hse_error *err)
{
    zip_archive z;
    hse_status s = zip_open(&z, file, 100, 1 << 16, 1 << 24, err);

    if (s == HSE_OK)
        zip_close(&z);
    return s;
}

static hse_buf deflated(hse_bytes content)
{
    hse_buf b = new_buf();
    z_stream z = {0};
    uint8_t *out = hse_buf_extend(&b, content.size + 1024);
    union {
        const uint8_t *c;
        uint8_t *p;
    } in = {.c = content.data};

    CHECK(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflate");
    z.next_in = in.p;
    z.avail_in = (unsigned)content.size;
    z.next_out = out;
    z.avail_out = (unsigned)b.size;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
    b.size = z.total_out;
    deflateEnd(&z);
    return b;
}

/* Two entries, the second one's headers changed by the case. */
typedef struct {
    const char *name;
    zip_fields local, central;
    hse_status want;
    const char *words;
} header_case;

TEST(both_headers_of_an_entry_must_agree)
{
    hse_bytes content = LITERAL("hello world");
    zip_fields good = fields_of("b", content);
    header_case cases[40];
    size_t n = 0;
    cases[n++] = (header_case){"as it should be", good, good, HSE_OK, NULL};
#define CHANGE(which, field, value, status, say)                                                                       \
    cases[n] = (header_case){#which "." #field " = " #value, good, good, status, say};                                 \
    cases[n++].which.field = (value)
#define BOTH(field, value, status, say)                                                                                \
    cases[n] = (header_case){"both " #field " = " #value, good, good, status, say};                                    \
    cases[n].local.field = (value);                                                                                    \
    cases[n++].central.field = (value)
    CHANGE(local, flags, 0, HSE_E_FORMAT, "differ");
    CHANGE(local, flags, 0x801, HSE_E_FORMAT, "differ");
    CHANGE(local, method, 8, HSE_E_FORMAT, "differ");
    CHANGE(local, time, 1, HSE_E_FORMAT, "differ");
    CHANGE(local, date, 1, HSE_E_FORMAT, "differ");
    CHANGE(local, crc, 1, HSE_E_FORMAT, "differ");
    CHANGE(local, crc, 0, HSE_E_FORMAT, "differ");
    CHANGE(local, stored, 10, HSE_E_FORMAT, "differ");
    CHANGE(local, stored, 0, HSE_E_FORMAT, "differ");
    CHANGE(local, size, 12, HSE_E_FORMAT, "differ");
    CHANGE(local, name, "c", HSE_E_FORMAT, "different names");
    CHANGE(local, name, "bb", HSE_E_FORMAT, "different names");
    CHANGE(central, flags, 0, HSE_E_FORMAT, "differ");
    CHANGE(central, method, 8, HSE_E_FORMAT, "differ");
    CHANGE(central, crc, 7, HSE_E_FORMAT, "differ");
    CHANGE(central, stored, 12, HSE_E_FORMAT, "claims");
    CHANGE(central, size, 12, HSE_E_FORMAT, "claims");
    CHANGE(central, stored, 0xfffffff0, HSE_E_FORMAT, "claims");
    CHANGE(central, name, "a", HSE_E_FORMAT, "different names");
    BOTH(flags, 0x801, HSE_E_UNSUPPORTED, "encrypted");
    BOTH(flags, 0x40, HSE_E_UNSUPPORTED, "flags");
    BOTH(flags, 0x20, HSE_E_UNSUPPORTED, "flags");
    BOTH(flags, 0x2000, HSE_E_UNSUPPORTED, "flags");
    BOTH(flags, 6, HSE_OK, NULL);
    BOTH(flags, 8, HSE_E_FORMAT, "descriptor");
    BOTH(method, 1, HSE_E_UNSUPPORTED, "method 1");
    BOTH(method, 9, HSE_E_UNSUPPORTED, "method 9");
    BOTH(method, 12, HSE_E_UNSUPPORTED, "method 12");
    BOTH(method, 93, HSE_E_UNSUPPORTED, "method 93");
    BOTH(name, "a", HSE_E_FORMAT, "two zip entries");
    BOTH(name, "", HSE_E_FORMAT, "empty");
    BOTH(name, "\xff", HSE_E_FORMAT, "UTF-8");
    BOTH(name, "../../etc/passwd", HSE_OK, NULL); /* a name is only ever compared */

    for (size_t i = 0; i < n; i++) {
        archive a = archive_new();
        hse_error err = {0};
        archive_add(&a, "a", content);
        archive_add_as(&a, &cases[i].local, &cases[i].central, content);
        archive_end(&a);
        hse_status got = open_zip(view(&a.file), &err);
        CHECK(got == cases[i].want, "%s: got %d, want %d (%s)", cases[i].name, (int)got, (int)cases[i].want, err.text);
        CHECK(!cases[i].words || strstr(err.text, cases[i].words), "%s: %s", cases[i].name, err.text);
        hse_buf_free(&a.file);
    }
}

/* The fields of the end record, from the end of a one-entry archive. */
TEST(damaged_end_records)
{
    static const struct {
        const char *name;
        int back, width;
        int64_t add;
        hse_status want;
    } cases[] = {
        {"unchanged", 22, 4, 0, HSE_OK},
        {"signature", 22, 4, 1, HSE_E_FORMAT},
        {"disk", 18, 2, 1, HSE_E_UNSUPPORTED},
        {"directory's disk", 16, 2, 1, HSE_E_UNSUPPORTED},
        {"entries here", 14, 2, 1, HSE_E_UNSUPPORTED},
        {"entries", 12, 2, 1, HSE_E_UNSUPPORTED},
        {"both counts one more", 14, 4, 0x10001, HSE_E_FORMAT},
        {"both counts one less", 14, 4, -0x10001, HSE_E_FORMAT},
        {"both counts 101", 14, 4, 0x640064, HSE_E_LIMIT},
        {"directory one longer", 10, 4, 1, HSE_E_FORMAT},
        {"directory one shorter", 10, 4, -1, HSE_E_FORMAT},
        {"directory of 2^31", 10, 4, INT32_MAX, HSE_E_FORMAT},
        {"offset one more", 6, 4, 1, HSE_E_FORMAT},
        {"offset one less", 6, 4, -1, HSE_E_FORMAT},
        {"offset of 2^31", 6, 4, INT32_MAX, HSE_E_FORMAT},
        {"comment of one", 2, 2, 1, HSE_E_FORMAT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        archive a = archive_new();
        hse_error err = {0};
        uint64_t v = 0;
        archive_add(&a, "a", LITERAL("x"));
        archive_end(&a);
        uint8_t *p = a.file.data + a.file.size - cases[i].back;
        memcpy(&v, p, (size_t)cases[i].width);
        v += (uint64_t)cases[i].add;
        memcpy(p, &v, (size_t)cases[i].width);
        hse_status got = open_zip(view(&a.file), &err);
        CHECK(got == cases[i].want, "%s: got %d, want %d (%s)", cases[i].name, (int)got, (int)cases[i].want, err.text);
        hse_buf_free(&a.file);
    }
}

TEST(places_and_orders)
{
    archive a = archive_new();
    hse_error err = {0};

    archive_add(&a, "a", LITERAL("first"));
    archive_add(&a, "b", LITERAL("second"));
    size_t central = a.directory.size / 2;
    put(&a.file, 0, 3); /* a gap holds nothing that anybody reads */
    archive_end(&a);
    CHECK(open_zip(view(&a.file), &err) == HSE_OK, "%s", err.text);

    uint8_t *first = a.file.data + a.file.size - 22 - 2 * central, *second = first + central;
    uint8_t saved[64];
    memcpy(saved, first, central);
    memcpy(first, second, central);
    memcpy(second, saved, central);
    CHECK(open_zip(view(&a.file), &err) == HSE_E_FORMAT && strstr(err.text, "out of order"), "%s", err.text);
    memcpy(first, saved, central);
    CHECK(open_zip(view(&a.file), &err) == HSE_E_FORMAT, "one entry twice: %s", err.text);
    hse_buf_free(&a.file);

    /* bytes before the archive move every offset */
    a = archive_new();
    put(&a.file, 0, 7);
    archive_add(&a, "a", LITERAL("first"));
    archive_end(&a);
    CHECK(open_zip(view(&a.file), &err) == HSE_OK, "%s", err.text);
    CHECK(open_zip((hse_bytes){a.file.data + 7, a.file.size - 7}, &err) == HSE_E_FORMAT, "%s", err.text);
    put(&a.file, 0, 1);
    CHECK(open_zip(view(&a.file), &err) == HSE_E_FORMAT, "trailing byte: %s", err.text);
    hse_buf_free(&a.file);
}

/* An entry inside another's data: the quoted overlap of a zip bomb. */
TEST(overlapping_entries)
{
    archive inner = archive_new(), outer = archive_new();
    hse_error err = {0};
    zip_fields f = fields_of("b", LITERAL("xyz"));

    archive_add(&inner, "b", LITERAL("xyz"));
    archive_add(&outer, "a", view(&inner.file));
    size_t at = outer.file.size - inner.file.size;
    archive_add_as(&outer, &f, &f, LITERAL("xyz"));
    hse_put_u32le(outer.directory.data + outer.directory.size - 1 - 4, (uint32_t)at);
    archive_end(&outer);
    CHECK(open_zip(view(&outer.file), &err) == HSE_E_FORMAT && strstr(err.text, "overlaps"), "%s", err.text);
    hse_buf_free(&inner.file);
    hse_buf_free(&inner.directory);
    hse_buf_free(&outer.file);
}

/* A stored entry with zip64 extra fields as given, and zip64 end records. */
static hse_buf zip64_archive(const uint8_t *extra, size_t extra_size, uint32_t size32, int64_t locator_add,
                             int64_t count_add)
{
    hse_buf b = new_buf(), central = new_buf();
    zip_fields f = fields_of("a", LITERAL("data"));

    f.stored = f.size = size32;
    put(&b, 0x04034b50, 4);
    put(&b, 45, 2);
    put_fields(&b, &f, extra_size);
    hse_buf_str(&b, "a");
    hse_buf_append(&b, extra, extra_size);
    hse_buf_str(&b, "data");
    put(&central, 0x02014b50, 4);
    put(&central, 45, 4);
    put_fields(&central, &f, extra_size);
    put(&central, 0, 14);
    hse_buf_str(&central, "a");
    hse_buf_append(&central, extra, extra_size);
    size_t at = b.size, end = at + central.size;
    hse_buf_append(&b, central.data, central.size);
    put(&b, 0x06064b50, 4);
    put(&b, 44, 8);
    put(&b, 45, 4);
    put(&b, 0, 8);
    put(&b, (uint64_t)(1 + count_add), 8);
    put(&b, (uint64_t)(1 + count_add), 8);
    put(&b, central.size, 8);
    put(&b, at, 8);
    put(&b, 0x07064b50, 4);
    put(&b, 0, 4);
    put(&b, end + (uint64_t)locator_add, 8);
    put(&b, 1, 4);
    put(&b, 0x06054b50, 4);
    put(&b, 0, 4);
    put(&b, 1, 2);
    put(&b, 1, 2);
    put(&b, UINT32_MAX, 4);
    put(&b, UINT32_MAX, 4);
    put(&b, 0, 2);
    hse_buf_free(&central);
    return b;
}

TEST(zip64)
{
    static const struct {
        const char *name, *extra;
        size_t size;
        uint32_t size32;
        int64_t locator, count;
        hse_status want;
    } cases[] = {
        {"sizes in the extra field", "\1\0\x10\0\4\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0", 20, UINT32_MAX, 0, 0, HSE_OK},
        {"no extra field needed", "", 0, 4, 0, 0, HSE_OK},
        {"another tag before it", "\x99\0\1\0x\1\0\x10\0\4\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0", 25, UINT32_MAX, 0, 0,
         HSE_OK},
        {"extra field too short", "\1\0\x08\0\4\0\0\0\0\0\0\0", 12, UINT32_MAX, 0, 0, HSE_E_FORMAT},
        {"extra field missing", "", 0, UINT32_MAX, 0, 0, HSE_E_FORMAT},
        {"extra field twice", "\1\0\x10\0\4\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0", 24, UINT32_MAX, 0, 0, HSE_E_FORMAT},
        {"a tag longer than the field", "\1\0\x11\0\4\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0", 20, UINT32_MAX, 0, 0,
         HSE_E_FORMAT},
        {"half a tag", "\1\0\x10", 3, 4, 0, 0, HSE_E_FORMAT},
        {"two sizes", "\1\0\x10\0\4\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 20, UINT32_MAX, 0, 0, HSE_E_FORMAT},
        {"size 2^63", "\1\0\x10\0\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\x80", 20, UINT32_MAX, 0, 0, HSE_E_FORMAT},
        {"size 2^64 - 1", "\1\0\x10\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20, UINT32_MAX,
         0, 0, HSE_E_FORMAT},
        {"locator one off", "", 0, 4, 1, 0, HSE_E_FORMAT},
        {"locator far off", "", 0, 4, 1 << 20, 0, HSE_E_FORMAT},
        {"locator 2^63", "", 0, 4, INT64_MAX, 0, HSE_E_FORMAT},
        {"counts differ", "", 0, 4, 0, 1, HSE_E_FORMAT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b = zip64_archive((const uint8_t *)cases[i].extra, cases[i].size, cases[i].size32, cases[i].locator,
                                  cases[i].count);
        hse_error err = {0};
        hse_status got = open_zip(view(&b), &err);
        CHECK(got == cases[i].want, "%s: got %d, want %d (%s)", cases[i].name, (int)got, (int)cases[i].want, err.text);
        hse_buf_free(&b);
    }
}

TEST(bombs_and_damaged_streams)
{
    hse_buf zeros = new_buf();
    hse_bytes content = {hse_buf_extend(&zeros, 4 << 20), 4 << 20};
    memset(zeros.data, 0, zeros.size);
    hse_buf packed = deflated(content);
    uint8_t *out = hse_alloc(content.size + 1);
    hse_error err = {0};
    zip_archive z;

    CHECK(zip_inflate(packed.data, packed.size, out, content.size, true, 0, &err) == HSE_OK, "%s", err.text);
    CHECK(zip_inflate(packed.data, packed.size, out, content.size - 1, true, 0, &err) == HSE_E_FORMAT,
          "one byte too many");
    CHECK(zip_inflate(packed.data, packed.size, out, content.size + 1, true, 0, &err) == HSE_E_FORMAT,
          "one byte too few");
    CHECK(zip_inflate(packed.data, packed.size, out, 100, false, 0, &err) == HSE_OK, "%s", err.text);
    CHECK(zip_inflate(packed.data, packed.size, out, 0, false, 0, &err) == HSE_OK, "%s", err.text);
    CHECK(zip_inflate(packed.data, packed.size - 1, out, content.size, true, 0, &err) == HSE_E_FORMAT, "cut stream");
    hse_buf_byte(&packed, 0);
    CHECK(zip_inflate(packed.data, packed.size, out, content.size, true, 0, &err) == HSE_E_FORMAT,
          "a byte after the stream");
    packed.size--;
    CHECK(zip_inflate((const uint8_t *)"\xff", 1, out, 1, true, 0, &err) == HSE_E_FORMAT, "no deflate stream");
    CHECK(zip_inflate(NULL, 0, out, 1, true, 0, &err) == HSE_E_FORMAT, "nothing");

    archive a = archive_new();
    zip_fields f = {.flags = 0x800,
                    .method = 8,
                    .crc = zip_crc(0, content.data, content.size),
                    .stored = packed.size,
                    .size = content.size,
                    .name = "a"};
    archive_add_as(&a, &f, &f, view(&packed));
    archive_end(&a);
    CHECK(open_zip(view(&a.file), &err) == HSE_E_LIMIT && strstr(err.text, "200 times"), "%s", err.text);
    CHECK(zip_open(&z, view(&a.file), 100, 1 << 16, 1000, &err) == HSE_E_LIMIT &&
              strstr(err.text, "max_inflated_bytes"),
          "%s", err.text);
    CHECK(zip_open(&z, view(&a.file), 0, 1 << 16, 1 << 30, &err) == HSE_E_LIMIT && strstr(err.text, "max_tensors"),
          "%s", err.text);
    CHECK(zip_open(&z, view(&a.file), 1, 10, 1 << 30, &err) == HSE_E_LIMIT && strstr(err.text, "max_header_bytes"),
          "%s", err.text);
    hse_buf_free(&a.file);
    hse_buf_free(&packed);
    hse_buf_free(&zeros);
    hse_free(out);
}

/* An entry whose sizes follow its data, in each of the four forms of the descriptor. */
TEST(data_descriptors)
{
    for (int form = 0; form < 8; form++) {
        bool signature = form & 1, wide = form & 2, wrong = form & 4;
        archive a = archive_new();
        hse_bytes content = LITERAL("some data");
        zip_fields central = fields_of("a", content), local = central;
        hse_buf with = new_buf();
        hse_error err = {0};
        local.flags = central.flags = 0x808;
        local.crc = 0;
        local.stored = local.size = 0;
        hse_buf_append(&with, content.data, content.size);
        if (signature)
            put(&with, 0x08074b50, 4);
        put(&with, central.crc + wrong, 4);
        put(&with, content.size, wide ? 8 : 4);
        put(&with, content.size, wide ? 8 : 4);
        archive_add_as(&a, &local, &central, view(&with));
        archive_end(&a);
        hse_status got = open_zip(view(&a.file), &err);
        CHECK(got == (wrong ? HSE_E_FORMAT : HSE_OK), "form %d: %d %s", form, (int)got, err.text);
        hse_buf_free(&with);
        hse_buf_free(&a.file);
    }
}

static hse_status open_all(void *arg, hse_error *err)
{
    zip_archive z;
    hse_status s = zip_open(&z, *(hse_bytes *)arg, 1000, 1 << 20, 1 << 24, err);

    if (s != HSE_OK)
        return s;
    for (size_t i = 0; i < z.count; i++)
        CHECK(zip_find(&z, z.entries[i].name, z.entries[i].name_size) == &z.entries[i], "entry %zu", i);
    CHECK(zip_find(&z, "no", 2) == NULL, "found what is not there");
    zip_close(&z);
    return s;
}

TEST(many_entries_and_no_memory)
{
    archive a = archive_new();
    char name[32];

    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "entry %d", i);
        archive_add(&a, name, LITERAL("x"));
    }
    archive_end(&a);
    hse_bytes file = view(&a.file);
    test_torture("zip", open_all, &file);
    hse_buf_free(&a.file);
    a = archive_new();
    archive_end(&a);
    CHECK(open_zip(view(&a.file), NULL) == HSE_OK, "an empty archive");
    hse_buf_free(&a.file);
}
