/* read.c - numbers out of a checkpoint: unpacks parts, checks their CRC once, converts elements, walks strided views.
 */
#include "base/mem.h"
#include "formats/table.h"

#include <inttypes.h>

enum { CRC_PIECE = 1 << 20, DROP_GRAIN = 1 << 16, PIECE = 1 << 20 };

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [HSE_F32] = {"float32", 4}, [HSE_F64] = {"float64", 8}, [HSE_F16] = {"float16", 2}, [HSE_BF16] = {"bfloat16", 2},
    [HSE_I8] = {"int8", 1},     [HSE_U8] = {"uint8", 1},    [HSE_I16] = {"int16", 2},   [HSE_U16] = {"uint16", 2},
    [HSE_I32] = {"int32", 4},   [HSE_U32] = {"uint32", 4},  [HSE_I64] = {"int64", 8},   [HSE_U64] = {"uint64", 8},
    [HSE_BOOL] = {"bool", 1},
};

const char *hse_dtype_name(hse_dtype d)
{
    return (size_t)d < COUNT(dtypes) ? dtypes[d].name : "unknown";
}

size_t hse_dtype_size(hse_dtype d)
{
    return (size_t)d < COUNT(dtypes) ? dtypes[d].size : 0;
}

/* ------------------------------------------------------------------------------------------------------ file and parts
 */

/* Rounded outwards: the neighbours' pages come back when they are touched, and no page shared by two tensors stays. */
static void drop_pages(const hse_weights *w, uint64_t offset, uint64_t size)
{
    uint64_t from = offset & ~(uint64_t)(DROP_GRAIN - 1),
             to = (offset + size + DROP_GRAIN - 1) & ~(uint64_t)(DROP_GRAIN - 1);

    if (to > w->file.size)
        to = w->file.size;
    if (from < to)
        hse_map_drop(&w->map, (size_t)from, (size_t)(to - from));
}

static hse_status check_crc(const hse_weights *w, weights_part *part, const uint8_t *unpacked, hse_error *err)
{
    uint32_t crc = 0;

    if (!part->has_crc || atomic_load_explicit(&part->checked, memory_order_relaxed))
        return HSE_OK;
    for (uint64_t at = 0; at < part->size; at += CRC_PIECE) {
        size_t n = part->size - at < CRC_PIECE ? (size_t)(part->size - at) : CRC_PIECE;
        crc = zip_crc(crc, unpacked ? unpacked + at : w->file.data + part->offset + at, n);
        if (!unpacked)
            drop_pages(w, part->offset + at, n); /* a large shared storage must not become resident at once */
    }
    if (crc != part->crc)
        return hse_fail(err, HSE_E_FORMAT, part->offset, "%s: damaged data: the zip entry's CRC is %08x, not %08x",
                        w->path, crc, part->crc);
    atomic_store_explicit(&part->checked, true, memory_order_relaxed);
    return HSE_OK;
}

/* The unpacked part in the cache, whose lock is held; NULL and *status on failure. */
static const uint8_t *unpack(const hse_weights *w, uint32_t number, hse_status *status, hse_error *err)
{
    weights_part *part = &w->parts[number];
    weights_cache *cache = w->cache;
    const uint8_t *in = w->file.data + part->offset;
    hse_status s;

    if (cache->data && cache->part == number)
        return cache->data;
    hse_free(cache->data);
    if (part->size > SIZE_MAX || !(cache->data = hse_alloc((size_t)part->size))) {
        cache->data = NULL;
        *status =
            hse_fail(err, HSE_E_NOMEM, part->offset, "%s: no memory to unpack %" PRIu64 " bytes", w->path, part->size);
        return NULL;
    }
    if (part->kind == PART_DEFLATED)
        s = zip_inflate(in, part->stored, cache->data, (size_t)part->size, true, part->offset, err);
    else
        s = onnx_unpack(w->file, part, cache->data, err);
    if (s == HSE_OK)
        s = check_crc(w, part, cache->data, err);
    if (s != HSE_OK) {
        hse_free(cache->data);
        cache->data = NULL;
        *status = s;
        return NULL;
    }
    cache->part = number;
    return cache->data;
}

void hse_weights_drop(const hse_weights *w, const hse_weight *weight)
{
    const weights_part *part = &w->parts[weight->part];
    weights_cache *cache = w->cache;

    if (part->kind == PART_SHARD) {
        const hse_weights *shard;
        hse_weight item = shards_item(w, weight, &shard);
        hse_weights_drop(shard, &item);
        return;
    }
    if (part->kind == PART_RAW) {
        drop_pages(w, part->offset, part->stored);
        return;
    }
    pthread_mutex_lock(&cache->lock);
    if (cache->data && cache->part == weight->part) {
        hse_free(cache->data);
        cache->data = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    drop_pages(w, part->offset, part->stored);
}

/* ----------------------------------------------------------------------------------------------------------- elements
 */

static float float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Exact, denormals and NaN payloads too: the exponent is rebased by a multiplication with 2^112. */
static float float_of_half(uint16_t h)
{
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16, bits;
    float scaled = float_of_bits(magnitude) * 0x1p112f;

    memcpy(&bits, &scaled, sizeof bits);
    bits = magnitude >= 0x7c00u << 13 ? magnitude | 0x7f800000u : bits;
    return float_of_bits(bits | sign);
}

/* One loop per dtype over n elements `step` bytes apart; the compiler turns those with a constant step into vectors. */
#define LOOP(type, expression)                                                                                         \
    for (size_t i = 0; i < n; i++) {                                                                                   \
        type v;                                                                                                        \
        memcpy(&v, p + i * step, sizeof v);                                                                            \
        out[i] = (expression);                                                                                         \
    }                                                                                                                  \
    break

static inline __attribute__((always_inline)) void floats_by(hse_dtype dtype, const uint8_t *p, size_t step, float *out,
                                                            size_t n)
{
    switch (dtype) {
    case HSE_F32: LOOP(float, v);
    case HSE_F64: LOOP(double, (float)v);
    case HSE_F16: LOOP(uint16_t, float_of_half(v));
    case HSE_BF16: LOOP(uint16_t, float_of_bits((uint32_t)v << 16));
    case HSE_I8: LOOP(int8_t, (float)v);
    case HSE_U8: LOOP(uint8_t, (float)v);
    case HSE_I16: LOOP(int16_t, (float)v);
    case HSE_U16: LOOP(uint16_t, (float)v);
    case HSE_I32: LOOP(int32_t, (float)v);
    case HSE_U32: LOOP(uint32_t, (float)v);
    case HSE_I64: LOOP(int64_t, (float)v);
    case HSE_U64: LOOP(uint64_t, (float)v);
    case HSE_BOOL: LOOP(uint8_t, v ? 1.0f : 0.0f);
    }
}

static void floats(hse_dtype dtype, const uint8_t *p, size_t step, void *to, size_t n)
{
    float *out = to;

    if (dtype == HSE_F32 && step == sizeof *out)
        memcpy(out, p, n * sizeof *out);
    else if (dtype == HSE_F16 && step == 2)
        floats_by(HSE_F16, p, 2, out, n);
    else if (dtype == HSE_BF16 && step == 2)
        floats_by(HSE_BF16, p, 2, out, n);
    else
        floats_by(dtype, p, step, out, n);
}

void table_floats(hse_dtype dtype, const uint8_t *p, float *out, size_t n)
{
    floats(dtype, p, hse_dtype_size(dtype), out, n);
}

static void integers(hse_dtype dtype, const uint8_t *p, size_t step, void *to, size_t n)
{
    int64_t *out = to;

    switch (dtype) {
    case HSE_I8: LOOP(int8_t, +v);
    case HSE_U8: LOOP(uint8_t, v);
    case HSE_I16: LOOP(int16_t, v);
    case HSE_U16: LOOP(uint16_t, v);
    case HSE_I32: LOOP(int32_t, v);
    case HSE_U32: LOOP(uint32_t, v);
    case HSE_I64: LOOP(int64_t, v);
    case HSE_U64: LOOP(uint64_t, v > INT64_MAX ? INT64_MAX : (int64_t)v);
    case HSE_BOOL: LOOP(uint8_t, v != 0);
    default: break; /* a float dtype: refused before this is reached */
    }
}

/* ------------------------------------------------------------------------------------------------------- strided views
 */

typedef void run_reader(hse_dtype dtype, const uint8_t *p, size_t step, void *out, size_t n);

static bool is_dense(const hse_weight *t)
{
    hse_weight c = *t;
    bool dense = true;

    table_c_strides(&c);
    for (int i = 0; i < t->rank; i++)
        dense = dense && (t->dim[i] == 1 || t->stride[i] == c.stride[i]);
    return dense;
}

/* Elements first, first + 1, ... of the view in C order, n of them, to out. table_add has checked that every element
 * lies inside the part. */
static void gather(const hse_weight *t, const uint8_t *part, uint64_t first, size_t n, run_reader *read, uint8_t *out,
                   size_t out_size)
{
    size_t size = hse_dtype_size(t->dtype);

    if (is_dense(t)) {
        read(t->dtype, part + t->offset + first * size, size, out, n);
        return;
    }
    int inner = t->rank - 1;
    uint64_t index[HSE_MAX_RANK], rest = first, at = 0;
    for (int i = inner; i >= 0; i--) {
        index[i] = rest % t->dim[i];
        rest /= t->dim[i];
        at += index[i] * t->stride[i];
    }
    while (n) {
        uint64_t run = t->dim[inner] - index[inner];
        size_t count = run < n ? (size_t)run : n;
        read(t->dtype, part + t->offset + at * size, (size_t)t->stride[inner] * size, out, count);
        out += count * out_size;
        n -= count;
        /* step to the next row, as an odometer does */
        at -= index[inner] * t->stride[inner];
        index[inner] = 0;
        for (int i = inner - 1; i >= 0; i--) {
            at += t->stride[i];
            if (++index[i] < t->dim[i])
                break;
            at -= t->dim[i] * t->stride[i];
            index[i] = 0;
        }
    }
}

/* Run f with the part's bytes; those of an unpacked one stay locked meanwhile. */
typedef hse_status use_bytes(const hse_weights *w, const hse_weight *t, const uint8_t *part, void *arg, hse_error *err);

static hse_status with_part(const hse_weights *w, const hse_weight *t, use_bytes *f, void *arg, hse_error *err)
{
    weights_part *part = &w->parts[t->part];
    hse_status s = HSE_OK;

    if (part->kind == PART_SHARD) {
        const hse_weights *shard;
        hse_weight item = shards_item(w, t, &shard);
        return with_part(shard, &item, f, arg, err);
    }
    if (part->kind == PART_RAW) {
        s = check_crc(w, part, NULL, err);
        return s == HSE_OK ? f(w, t, w->file.data + part->offset, arg, err) : s;
    }
    pthread_mutex_lock(&w->cache->lock);
    const uint8_t *bytes = unpack(w, t->part, &s, err);
    if (bytes)
        s = f(w, t, bytes, arg, err);
    pthread_mutex_unlock(&w->cache->lock);
    return s;
}

/* Piece by piece, giving the file's pages back behind each, so that a large tensor is not resident twice. Of a strided
 * view the pages are not in the order of its elements: they stay until hse_weights_drop. */
static hse_status use_f32(const hse_weights *w, const hse_weight *t, const uint8_t *part, void *to, hse_error *err)
{
    const weights_part *p = &w->parts[t->part];
    size_t size = hse_dtype_size(t->dtype);
    bool drop = p->kind == PART_RAW && t->count > PIECE && is_dense(t);
    float *out = to;

    (void)err;
    for (uint64_t first = 0; first < t->count; first += PIECE) {
        size_t n = t->count - first < PIECE ? (size_t)(t->count - first) : PIECE;
        gather(t, part, first, n, floats, (uint8_t *)(out + first), sizeof *out);
        if (drop)
            drop_pages(w, p->offset + t->offset + first * size, n * size);
    }
    return HSE_OK;
}

static hse_status use_i32(const hse_weights *w, const hse_weight *t, const uint8_t *part, void *to, hse_error *err)
{
    int32_t *out = to;
    int64_t block[256] = {0};

    for (uint64_t first = 0; first < t->count; first += COUNT(block)) {
        size_t n = t->count - first < COUNT(block) ? (size_t)(t->count - first) : COUNT(block);
        gather(t, part, first, n, integers, (uint8_t *)block, sizeof *block);
        for (size_t i = 0; i < n; i++) {
            if (block[i] < INT32_MIN || block[i] > INT32_MAX)
                return hse_fail(err, HSE_E_FORMAT, 0, "%s: %s: element %" PRIu64 " is outside the range of int32",
                                w->path, name_quote(t->name, strlen(t->name)).text, first + i);
            out[first + i] = (int32_t)block[i];
        }
    }
    return HSE_OK;
}

hse_status hse_weights_read_f32(const hse_weights *w, const hse_weight *weight, float *out, hse_error *err)
{
    return with_part(w, weight, use_f32, out, err);
}

hse_status hse_weights_read_i32(const hse_weights *w, const hse_weight *weight, int32_t *out, hse_error *err)
{
    hse_dtype d = weight->dtype;

    if (d == HSE_F32 || d == HSE_F64 || d == HSE_F16 || d == HSE_BF16)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s: %s is %s, integers are expected", w->path,
                        name_quote(weight->name, strlen(weight->name)).text, hse_dtype_name(d));
    return with_part(w, weight, use_i32, out, err);
}

hse_status hse_weights_bytes(const hse_weights *w, const hse_weight *weight, hse_bytes *out, hse_error *err)
{
    weights_part *part = &w->parts[weight->part];
    hse_status s;

    if (part->kind == PART_SHARD) {
        const hse_weights *shard;
        hse_weight item = shards_item(w, weight, &shard);
        return hse_weights_bytes(shard, &item, out, err);
    }
    if (part->kind != PART_RAW || !is_dense(weight))
        return hse_fail(err, HSE_E_UNSUPPORTED, part->offset, "%s: %s is %s in the file", w->path,
                        name_quote(weight->name, strlen(weight->name)).text,
                        part->kind != PART_RAW ? "packed" : "not in C order");
    if ((s = check_crc(w, part, NULL, err)) != HSE_OK)
        return s;
    *out = (hse_bytes){w->file.data + part->offset + weight->offset,
                       (size_t)weight->count * hse_dtype_size(weight->dtype)};
    return HSE_OK;
}
