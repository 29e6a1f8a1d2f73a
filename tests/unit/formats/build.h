/* build.h - what the tests of the readers share: files made byte by byte, stored files, and looking at what a reader
 * gives. */
#ifndef HSE_TEST_FORMATS_BUILD_H
#define HSE_TEST_FORMATS_BUILD_H

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "formats/weights.h"
#include "formats/zip.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>

enum { BUILD_CEILING = 256 << 20 };

static inline void put(hse_buf *b, uint64_t v, int width)
{
    for (int i = 0; i < width; i++)
        hse_buf_byte(b, (uint8_t)(i < 8 ? v >> (8 * i) : 0));
}

static inline hse_buf new_buf(void)
{
    hse_buf b;

    hse_buf_init(&b, BUILD_CEILING);
    return b;
}

static inline hse_bytes view(const hse_buf *b)
{
    return (hse_bytes){b->data, b->size};
}

#define LITERAL(s) ((hse_bytes){(const uint8_t *)(s), sizeof(s) - 1})

/* A zip archive under construction. Fields of the next entry can be set apart for the local and the central header. */
typedef struct {
    hse_buf file, directory;
    unsigned entries;
} archive;

typedef struct {
    uint16_t flags, method, time, date;
    uint32_t crc;
    uint64_t stored, size;
    const char *name;
} zip_fields;

static inline archive archive_new(void)
{
    return (archive){new_buf(), new_buf(), 0};
}

static inline void put_fields(hse_buf *b, const zip_fields *f, size_t extra)
{
    put(b, f->flags, 2);
    put(b, f->method, 2);
    put(b, f->time, 2);
    put(b, f->date, 2);
    put(b, f->crc, 4);
    put(b, f->stored, 4);
    put(b, f->size, 4);
    put(b, strlen(f->name), 2);
    put(b, extra, 2);
}

static inline zip_fields fields_of(const char *name, hse_bytes content)
{
    return (zip_fields){.flags = 0x800,
                        .crc = zip_crc(0, content.data, content.size),
                        .stored = content.size,
                        .size = content.size,
                        .name = name};
}

static inline void archive_add_as(archive *a, const zip_fields *local, const zip_fields *central, hse_bytes content)
{
    size_t at = a->file.size;

    put(&a->file, 0x04034b50, 4);
    put(&a->file, 20, 2);
    put_fields(&a->file, local, 0);
    hse_buf_str(&a->file, local->name);
    hse_buf_append(&a->file, content.data, content.size);
    put(&a->directory, 0x02014b50, 4);
    put(&a->directory, 20, 2);
    put(&a->directory, 20, 2);
    put_fields(&a->directory, central, 0);
    put(&a->directory, 0, 10); /* comment, disk, attributes */
    put(&a->directory, at, 4);
    hse_buf_str(&a->directory, central->name);
    a->entries++;
}

static inline void archive_add(archive *a, const char *name, hse_bytes content)
{
    zip_fields f = fields_of(name, content);

    archive_add_as(a, &f, &f, content);
}

/* Close the archive: its bytes are a->file. */
static inline void archive_end(archive *a)
{
    size_t at = a->file.size;

    hse_buf_append(&a->file, a->directory.data, a->directory.size);
    put(&a->file, 0x06054b50, 4);
    put(&a->file, 0, 4);
    put(&a->file, a->entries, 2);
    put(&a->file, a->entries, 2);
    put(&a->file, a->directory.size, 4);
    put(&a->file, at, 4);
    put(&a->file, 0, 2);
    hse_buf_free(&a->directory);
}

/* A file of tests/unit/formats/data, or anywhere below the repository. Free with hse_free. */
static inline hse_bytes stored(const char *path)
{
    char *data = NULL;
    size_t size = 0;
    hse_error err = {0};

    CHECK(hse_file_read(&data, &size, test_path(path), 64 << 20, &err) == HSE_OK, "%s: %s", path, err.text);
    return (hse_bytes){(const uint8_t *)data, size};
}

static inline void release(hse_bytes b)
{
    union {
        const uint8_t *c;
        void *p;
    } at = {.c = b.data};
    hse_free(at.p);
}

/* Everything that a file holds, as one number; HSE_OK only when all of it could be read. */
static inline hse_status fingerprint(hse_bytes file, uint64_t *out, hse_error *err)
{
    hse_weights *w = NULL;
    hse_status s = hse_weights_open_bytes(&w, file, "file", NULL, err);
    uint64_t h = 14695981039346656037u;

    CHECK((s == HSE_OK) == (w != NULL) && (s == HSE_OK || !err || err->text[0]), "status %d, object %d", (int)s,
          w != NULL);
    for (size_t i = 0; s == HSE_OK && i < hse_weights_count(w); i++) {
        const hse_weight *t = hse_weights_at(w, i);
        if (t->count > 1 << 22)
            continue;
        float *values = hse_alloc((size_t)t->count * sizeof *values);
        if (!values) {
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", t->name);
            break;
        }
        if ((s = hse_weights_read_f32(w, t, values, err)) == HSE_OK) {
            const uint8_t *p = (const uint8_t *)values;
            for (const char *c = t->name; *c; c++)
                h = (h ^ (uint8_t)*c) * 1099511628211u;
            for (int d = 0; d < t->rank; d++)
                h = (h ^ t->dim[d]) * 1099511628211u;
            h = (h ^ (uint64_t)t->dtype ^ (uint64_t)t->rank << 8) * 1099511628211u;
            for (size_t k = 0; k < t->count * sizeof *values; k++)
                h = (h ^ p[k]) * 1099511628211u;
        }
        hse_free(values);
    }
    hse_weights_close(&w);
    *out = h;
    return s;
}

/* Open bytes and expect a status; a failure prints the case's name. Words of the message can be asked for. */
static inline void expect(const char *name, hse_bytes file, hse_status want, const char *words)
{
    hse_error err = {0};
    uint64_t print;
    hse_status got = fingerprint(file, &print, &err);

    CHECK(got == want, "%s: got %d, want %d (%s)", name, (int)got, (int)want, err.text);
    CHECK(!words || strstr(err.text, words), "%s: the message \"%s\" does not say \"%s\"", name, err.text, words);
}

#endif
