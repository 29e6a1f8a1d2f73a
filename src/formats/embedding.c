#include "formats/embedding.h"

#include "base/mem.h"
#include "formats/weights.h"
#include "formats/zip.h"

#include <string.h>

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static bool begins(hse_bytes b, const char *with, size_t n)
{
    return b.size >= n && memcmp(b.data, with, n) == 0;
}

/* A zip archive, or the pickled magic number of the older layout. */
static bool is_torch(hse_bytes b)
{
    return begins(b, "PK\x03\x04", 4) || begins(b, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9", 9);
}

static hse_status read_torch(float **out, size_t *count, hse_bytes bytes, const char *name, hse_error *err)
{
    const hse_weights_limits limits = {.max_tensors = 16, .max_header_bytes = 1 << 20, .max_inflated_bytes = 1 << 20};
    hse_weights *w = NULL;
    float *values = NULL;
    hse_status s = hse_weights_open_bytes(&w, bytes, name, &limits, err);

    if (s != HSE_OK)
        return s;
    const hse_weight *t = hse_weights_find(w, "");
    if (!t)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s holds %zu tensors by name; an embedding is one tensor alone", name, hse_weights_count(w));
    else if (t->count == 0 || t->count > HSE_EMBEDDING_MAX)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s: a tensor of %llu numbers is no embedding", name, (unsigned long long)t->count);
    else if (!(values = hse_alloc((size_t)t->count * sizeof *values)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", name);
    else
        s = hse_weights_read_f32(w, t, values, err);
    if (s == HSE_OK) {
        *out = values;
        *count = (size_t)t->count;
    } else {
        hse_free(values);
    }
    hse_weights_close(&w);
    return s;
}

hse_status hse_embedding_read(float **out, size_t *count, hse_bytes bytes, const char *name, hse_error *err)
{
    size_t n = bytes.size / sizeof(float);

    if (is_torch(bytes))
        return read_torch(out, count, bytes, name, err);
    if (n == 0 || bytes.size % sizeof(float))
        return hse_fail(err, HSE_E_FORMAT, 0, "%s has %zu bytes, not a whole number of float32", name, bytes.size);
    float *values = hse_alloc(bytes.size);
    if (!values)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", name);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = hse_get_u32le(bytes.data + i * sizeof bits);

        memcpy(&values[i], &bits, sizeof bits);
    }
    *out = values;
    *count = n;
    return HSE_OK;
}

/* ---- writing: a zip archive of stored entries, as torch.save makes it ---------------------------------------------- */

enum { ENTRIES = 4 };

typedef struct {
    const char *name;
    const void *data;
    size_t      size, offset;
    uint32_t    crc;
} entry;

static void put16(hse_buf *b, size_t v)
{
    hse_buf_append(b, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

static void put32(hse_buf *b, size_t v)
{
    put16(b, v & 0xffff);
    put16(b, v >> 16);
}

/* What the local header and the directory have in common: from the version needed to the length of the extra field. */
static void put_common(hse_buf *b, const entry *e)
{
    put16(b, 20);
    put16(b, 0);
    put16(b, 0);
    put32(b, 0x00210000);                   /* the first day that zip knows: no clock in an answer */
    put32(b, e->crc);
    put32(b, e->size);
    put32(b, e->size);
    put16(b, strlen(e->name));
    put16(b, 0);
}

static void put_int(hse_buf *b, size_t v)
{
    hse_buf_byte(b, 'J');                   /* BININT */
    put32(b, v);
}

static void put_text(hse_buf *b, const char *s)
{
    hse_buf_byte(b, 'X');                   /* BINUNICODE */
    put32(b, strlen(s));
    hse_buf_str(b, s);
}

/* torch._utils._rebuild_tensor_v2(storage 0, 0, (1, n, 1), (n, 1, 1), False, OrderedDict()) */
static void put_pickle(hse_buf *b, size_t n)
{
    hse_buf_str(b, "\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(b, "storage");
    hse_buf_str(b, "ctorch\nFloatStorage\n");
    put_text(b, "0");
    put_text(b, "cpu");
    put_int(b, n);
    hse_buf_str(b, "tQ");                   /* tuple, persistent id */
    put_int(b, 0);
    put_int(b, 1);
    put_int(b, n);
    put_int(b, 1);
    hse_buf_str(b, "\x87");                 /* tuple of three */
    put_int(b, n);
    put_int(b, 1);
    put_int(b, 1);
    hse_buf_str(b, "\x87\x89" "ccollections\nOrderedDict\n)RtR.");
}

static void put_archive(hse_buf *out, entry *e, size_t count)
{
    size_t start = out->size, directory;

    for (size_t i = 0; i < count; i++) {
        e[i].offset = out->size - start;
        e[i].crc = zip_crc(0, e[i].data, e[i].size);
        hse_buf_append(out, "PK\x03\x04", 4);
        put_common(out, &e[i]);
        hse_buf_str(out, e[i].name);
        hse_buf_append(out, e[i].data, e[i].size);
    }
    directory = out->size - start;
    for (size_t i = 0; i < count; i++) {
        hse_buf_append(out, "PK\x01\x02\x14\x00", 6);
        put_common(out, &e[i]);
        put16(out, 0);                      /* comment, disk, attributes */
        put16(out, 0);
        put16(out, 0);
        put32(out, 0);
        put32(out, e[i].offset);
        hse_buf_str(out, e[i].name);
    }
    size_t size = out->size - start - directory;
    hse_buf_append(out, "PK\x05\x06\x00\x00\x00\x00", 8);
    put16(out, count);
    put16(out, count);
    put32(out, size);
    put32(out, directory);
    put16(out, 0);
}

void hse_embedding_write_torch(hse_buf *out, const float *values, size_t count)
{
    hse_buf pickle, data;

    hse_buf_init(&pickle, 4096);
    hse_buf_init(&data, HSE_EMBEDDING_MAX * sizeof *values);
    put_pickle(&pickle, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        put32(&data, bits);
    }
    if (pickle.status == HSE_OK && data.status == HSE_OK)
        put_archive(out, (entry[ENTRIES]){{.name = "archive/data.pkl", .data = pickle.data, .size = pickle.size},
                                          {.name = "archive/byteorder", .data = "little", .size = 6},
                                          {.name = "archive/data/0", .data = data.data, .size = data.size},
                                          {.name = "archive/version", .data = "3\n", .size = 2}}, ENTRIES);
    else if (out->status == HSE_OK)
        out->status = pickle.status != HSE_OK ? pickle.status : data.status;
    hse_buf_free(&pickle);
    hse_buf_free(&data);
}
