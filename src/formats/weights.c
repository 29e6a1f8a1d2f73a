/* weights.c - opening a checkpoint of any format, and the table that its reader fills. */
#include "base/mem.h"
#include "base/utf8.h"
#include "formats/table.h"
#include "formats/zip.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_NAME = 4096 };

static const hse_weights_limits default_limits = {
    .max_tensors = 65536,
    .max_header_bytes = 16u << 20,
    .max_inflated_bytes = (uint64_t)4 << 30,
};

/* ------------------------------------------------------------------------------------------------ the probe table */

static bool is_zip(hse_bytes f)
{
    return f.size >= 4 && memcmp(f.data, "PK", 2) == 0 &&
           (memcmp(f.data + 2, "\3\4", 2) == 0 || memcmp(f.data + 2, "\5\6", 2) == 0);
}

static bool is_npy(hse_bytes f)
{
    return f.size >= 6 && memcmp(f.data, "\x93NUMPY", 6) == 0;
}

static bool is_pickle(hse_bytes f)
{
    return f.size >= 2 && f.data[0] == 0x80 && f.data[1] >= 2 && f.data[1] <= 5;
}

/* The length of the JSON header (below 2^40), then its brace. */
static bool is_safetensors(hse_bytes f)
{
    return f.size >= 9 && f.data[8] == '{' && f.data[5] == 0 && f.data[6] == 0 && f.data[7] == 0;
}

/* A protobuf message has no magic number: field 1 (ir_version, a small varint) comes first, then another ModelProto
 * field. */
static bool is_onnx(hse_bytes f)
{
    return f.size >= 3 && f.data[0] == 0x08 && f.data[1] >= 1 && f.data[1] < 0x40 && (f.data[2] & 7) <= 2 &&
           f.data[2] >= 0x10;
}

static hse_status read_zip(hse_weights *w, hse_error *err);

static const struct {
    const char *name;
    bool (*probe)(hse_bytes file);
    hse_status (*read)(hse_weights *w, hse_error *err);
} formats[] = {
    {"zip", is_zip, read_zip}, /* torch or npz: read_zip says which */
    {"torch legacy", is_pickle, torch_legacy_read},
    {"npy", is_npy, npy_read},
    {"safetensors", is_safetensors, safetensors_read},
    {"onnx", is_onnx, onnx_read},
    {"ctranslate2", ctranslate2_probe, ctranslate2_read},
};

static bool ends_with(const zip_entry *e, const char *end)
{
    size_t n = strlen(end);

    return e->name_size >= n && memcmp(e->name + e->name_size - n, end, n) == 0;
}

/* Several kinds of file are zip archives; their entries tell them apart. */
static hse_status read_zip(hse_weights *w, hse_error *err)
{
    zip_archive z;
    bool script = false, torch = false, arrays = false;
    hse_status s = zip_open(&z, w->file, w->limits.max_tensors + 64, w->limits.max_header_bytes,
                            w->limits.max_inflated_bytes, err);

    if (s != HSE_OK)
        return s;
    for (size_t i = 0; i < z.count; i++) {
        script = script || ends_with(&z.entries[i], "/constants.pkl");
        torch = torch || ends_with(&z.entries[i], "/data.pkl");
        arrays = arrays || ends_with(&z.entries[i], ".npy");
    }
    if (script)
        s = hse_fail(err, HSE_E_UNSUPPORTED, 0,
                     "a TorchScript archive (a compiled program): save the state dict with torch.save instead");
    else if (torch)
        s = torch_zip_read(w, &z, err);
    else if (arrays)
        s = npz_read(w, &z, err);
    else
        s = hse_fail(err, HSE_E_UNSUPPORTED, 0, "a zip archive with neither torch's data.pkl nor .npy arrays");
    zip_close(&z);
    return s;
}

static hse_status read_any(hse_weights *w, hse_error *err)
{
    hse_bytes f = w->file;

    if (f.size == 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "the file is empty");
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (!formats[i].probe(f))
            continue;
        w->format = formats[i].name;
        return formats[i].read(w, err);
    }
    uint8_t first[4] = {0};
    memcpy(first, f.data, f.size < 4 ? f.size : 4);
    return hse_fail(err, HSE_E_UNSUPPORTED, 0,
                    "not a checkpoint format that is read here (torch, safetensors, npy, npz, onnx, CTranslate2); it begins with "
                    "%02x %02x %02x %02x",
                    first[0], first[1], first[2], first[3]);
}

/* ---------------------------------------------------------------------------------------------- opening and closing */

static const char *item_name(const void *owner, size_t i, size_t *length)
{
    const char *name = ((const hse_weights *)owner)->items[i].name;

    *length = strlen(name);
    return name;
}

static const char *scalar_name(const void *owner, size_t i, size_t *length)
{
    const char *name = ((const hse_weights *)owner)->scalars[i].name;

    *length = strlen(name);
    return name;
}

static hse_weights *table_new(const char *path, const hse_weights_limits *limits)
{
    hse_weights *w = hse_calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->map.fd = -1;
    w->limits = limits ? *limits : default_limits;
    if (!w->limits.max_tensors)
        w->limits.max_tensors = default_limits.max_tensors;
    if (!w->limits.max_header_bytes)
        w->limits.max_header_bytes = default_limits.max_header_bytes;
    if (!w->limits.max_inflated_bytes)
        w->limits.max_inflated_bytes = default_limits.max_inflated_bytes;
    name_index_init(&w->item_index, item_name, w);
    name_index_init(&w->scalar_index, scalar_name, w);
    w->path = hse_strdup(path);
    w->cache = hse_calloc(1, sizeof *w->cache);
    if (!w->path || !w->cache) {
        hse_free(w->path);
        hse_free(w->cache);
        hse_free(w);
        return NULL;
    }
    pthread_mutex_init(&w->cache->lock, NULL);
    return w;
}

static hse_status finish_open(hse_weights **out, hse_weights *w, hse_error *err)
{
    hse_status s;

    hse_arena_init(&w->strings, w->file.size < SIZE_MAX / 2 ? w->file.size + (4u << 20) : SIZE_MAX);
    s = w->map.fd >= 0 && shards_is_index(w->path) ? shards_read(w, err) : read_any(w, err);
    if (s != HSE_OK) {
        hse_fail_in(err, s, "%s", w->path);
        hse_weights_close(&w);
        return s;
    }
    hse_map_drop(&w->map, 0, w->map.bytes.size); /* headers were touched; they are not needed again */
    *out = w;
    return HSE_OK;
}

hse_status hse_weights_open(hse_weights **out, const char *path, const hse_weights_limits *limits, hse_error *err)
{
    hse_weights *w = table_new(path, limits);
    hse_status s;

    if (!w)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to open %s", path);
    if ((s = hse_map_open(&w->map, path, err)) != HSE_OK) {
        hse_weights_close(&w);
        return s;
    }
    w->file = w->map.bytes;
    return finish_open(out, w, err);
}

hse_status hse_weights_open_bytes(hse_weights **out, hse_bytes file, const char *name, const hse_weights_limits *limits,
                                  hse_error *err)
{
    hse_weights *w = table_new(name, limits);

    if (!w)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to open %s", name);
    w->file = file;
    return finish_open(out, w, err);
}

void hse_weights_close(hse_weights **at)
{
    hse_weights *w = *at;

    *at = NULL;
    if (!w)
        return;
    if (w->map.bytes.data || w->map.fd > 0)
        hse_map_close(&w->map);
    name_index_free(&w->item_index);
    name_index_free(&w->scalar_index);
    hse_arena_free(&w->strings);
    hse_free(w->cache->data);
    pthread_mutex_destroy(&w->cache->lock);
    hse_free(w->cache);
    for (size_t i = 0; i < w->n_shards; i++)
        hse_weights_close(&w->shards[i]);
    hse_free(w->shards);
    hse_free(w->items);
    hse_free(w->parts);
    hse_free(w->scalars);
    hse_free(w->path);
    hse_free(w);
}

/* -------------------------------------------------------------------------------------------------- filling the table
 */

/* Room for one more element of `size` bytes: doubles, so that n additions cost O(n). */
static bool reserve(void *array, size_t count, size_t *capacity, size_t size)
{
    void **data = array;
    size_t want = *capacity ? *capacity : 16, bytes;

    if (count < *capacity)
        return true;
    if ((*capacity && !hse_mul_size(want, 2, &want)) || !hse_mul_size(want, size, &bytes))
        return false;
    void *p = hse_realloc(*data, bytes);
    if (!p)
        return false;
    *data = p;
    *capacity = want;
    return true;
}

hse_status table_add_part(hse_weights *w, const weights_part *part, uint32_t *number, hse_error *err)
{
    if (!hse_in_range(w->file.size, part->offset, part->stored))
        return hse_fail(err, HSE_E_FORMAT, part->offset,
                        "%" PRIu64 " bytes at %" PRIu64 " are asked for, the file has %zu", part->stored, part->offset,
                        w->file.size);
    if (w->n_parts >= UINT32_MAX || !reserve(&w->parts, w->n_parts, &w->cap_parts, sizeof *w->parts))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a table of %zu parts", w->n_parts);
    memcpy(&w->parts[w->n_parts], part, sizeof *part);
    *number = (uint32_t)w->n_parts++;
    return HSE_OK;
}

void table_c_strides(hse_weight *item)
{
    uint64_t step = 1;

    for (int i = item->rank - 1; i >= 0; i--) {
        item->stride[i] = step;
        /* A product that wraps is refused by table_add, which looks at the dimensions. */
        step = step * (item->dim[i] ? item->dim[i] : 1);
    }
}

/* The product of the dimensions; those that are 0 do not hide an overflow among the others. */
static bool count_elements(const hse_weight *item, uint64_t *count)
{
    uint64_t n = 1;
    bool empty = false;

    for (int i = 0; i < item->rank; i++) {
        empty = empty || item->dim[i] == 0;
        if (item->dim[i] && !hse_mul_u64(n, item->dim[i], &n))
            return false;
    }
    *count = empty ? 0 : n;
    return n <= INT64_MAX / 8;
}

/* Bytes from the first element to the end of the last one. */
static bool view_extent(const hse_weight *item, uint64_t *extent)
{
    uint64_t last = 0;

    for (int i = 0; i < item->rank && item->count; i++) {
        uint64_t step;
        if (!hse_mul_u64(item->dim[i] - 1, item->stride[i], &step) || __builtin_add_overflow(last, step, &last))
            return false;
    }
    if (item->count == 0) {
        *extent = 0;
        return true;
    }
    return last < UINT64_MAX && hse_mul_u64(last + 1, hse_dtype_size(item->dtype), extent);
}

static hse_status check_name(const char *name, size_t length, uint64_t at, hse_error *err)
{
    size_t bad;

    if (length > MAX_NAME)
        return hse_fail(err, HSE_E_LIMIT, at, "a tensor's name has %zu bytes, the limit is %d", length, MAX_NAME);
    if (memchr(name, '\0', length))
        return hse_fail(err, HSE_E_FORMAT, at, "a tensor's name has a NUL byte: \"%s\"", name_quote(name, length).text);
    if (!hse_utf8_valid(name, length, &bad))
        return hse_fail(err, HSE_E_FORMAT, at, "a tensor's name is not UTF-8: \"%s\"", name_quote(name, length).text);
    return HSE_OK;
}

static hse_status check_view(hse_weights *w, hse_weight *item, const char *name, size_t length, uint64_t at,
                             hse_error *err)
{
    uint64_t extent = 0, elements = 0;

    if (item->rank < 0 || item->rank > HSE_MAX_RANK)
        return hse_fail(err, HSE_E_LIMIT, at, "%s has %d dimensions, the limit is %d", name_quote(name, length).text,
                        item->rank, HSE_MAX_RANK);
    if (!count_elements(item, &item->count))
        return hse_fail(err, HSE_E_FORMAT, at, "%s: the product of its dimensions is too large",
                        name_quote(name, length).text);
    const weights_part *part = &w->parts[item->part];
    if (!view_extent(item, &extent) || !hse_in_range(part->size, item->offset, extent))
        return hse_fail(err, HSE_E_FORMAT, at, "%s: shape and strides reach beyond its storage of %" PRIu64 " bytes",
                        name_quote(name, length).text, part->size);
    elements = part->size / hse_dtype_size(item->dtype);
    if (item->count > elements && item->count > MAX_REPEATED_ELEMENTS)
        return hse_fail(err, HSE_E_LIMIT, at,
                        "%s repeats a storage of %" PRIu64 " elements to %" PRIu64 ", the limit is %d",
                        name_quote(name, length).text, elements, item->count, MAX_REPEATED_ELEMENTS);
    if (part->kind != PART_RAW && part->kind != PART_SHARD &&
        (__builtin_add_overflow(w->unpack_cost, part->size, &w->unpack_cost) ||
         w->unpack_cost > w->limits.max_inflated_bytes))
        return hse_fail(err, HSE_E_LIMIT, at, "%s: the arrays unpack to over %" PRIu64 " bytes (max_inflated_bytes)",
                        name_quote(name, length).text, w->limits.max_inflated_bytes);
    return HSE_OK;
}

hse_status table_add(hse_weights *w, const hse_weight *item, const char *name, size_t length, uint64_t at,
                     hse_error *err)
{
    hse_weight entry = *item;
    hse_status s;

    if (w->n_items >= w->limits.max_tensors)
        return hse_fail(err, HSE_E_LIMIT, at, "more than %" PRIu64 " tensors (max_tensors)", w->limits.max_tensors);
    if ((s = check_name(name, length, at, err)) != HSE_OK ||
        (s = check_view(w, &entry, name, length, at, err)) != HSE_OK)
        return s;
    if (!reserve(&w->items, w->n_items, &w->cap_items, sizeof *w->items))
        return hse_fail(err, HSE_E_NOMEM, at, "no memory for %zu tensors", w->n_items);
    int64_t twin = name_index_add(&w->item_index, name, length, w->n_items);
    if (twin >= 0)
        return hse_fail(err, HSE_E_FORMAT, at, "two tensors are called %s", name_quote(name, length).text);
    if (twin == NAME_NO_MEMORY || !(entry.name = hse_arena_strndup(&w->strings, name, length)))
        return hse_fail(err, HSE_E_NOMEM, at, "no memory for the names of %zu tensors", w->n_items);
    w->items[w->n_items++] = entry;
    return HSE_OK;
}

hse_status table_add_scalar(hse_weights *w, const weights_scalar *value, const char *name, size_t length,
                            const char *text, size_t text_length, uint64_t at, hse_error *err)
{
    weights_scalar entry = *value;
    hse_status s;

    if (w->n_scalars >= MAX_SCALARS)
        return HSE_OK;
    if ((s = check_name(name, length, at, err)) != HSE_OK)
        return s;
    if (!reserve(&w->scalars, w->n_scalars, &w->cap_scalars, sizeof *w->scalars))
        return hse_fail(err, HSE_E_NOMEM, at, "no memory for %zu values", w->n_scalars);
    int64_t twin = name_index_add(&w->scalar_index, name, length, w->n_scalars);
    if (twin >= 0)
        return hse_fail(err, HSE_E_FORMAT, at, "two values are called %s", name_quote(name, length).text);
    if (twin == NAME_NO_MEMORY || !(entry.name = hse_arena_strndup(&w->strings, name, length)) ||
        (text && !(entry.text = hse_arena_strndup(&w->strings, text, text_length))))
        return hse_fail(err, HSE_E_NOMEM, at, "no memory for %zu values", w->n_scalars);
    w->scalars[w->n_scalars++] = entry;
    return HSE_OK;
}

/* ----------------------------------------------------------------------------------------------------------- questions
 */

const char *hse_weights_format(const hse_weights *w)
{
    return w->format;
}

size_t hse_weights_count(const hse_weights *w)
{
    return w->n_items;
}

const hse_weight *hse_weights_at(const hse_weights *w, size_t i)
{
    return i < w->n_items ? &w->items[i] : NULL;
}

const hse_weight *hse_weights_find(const hse_weights *w, const char *name)
{
    int64_t i = name_index_find(&w->item_index, name, strlen(name));

    return i < 0 ? NULL : &w->items[i];
}

static const weights_scalar *scalar(const hse_weights *w, const char *name)
{
    int64_t i = name_index_find(&w->scalar_index, name, strlen(name));

    return i < 0 ? NULL : &w->scalars[i];
}

bool hse_weights_int(const hse_weights *w, const char *name, int64_t *out)
{
    const weights_scalar *v = scalar(w, name);

    if (!v || v->text || v->is_real)
        return false;
    *out = v->integer;
    return true;
}

bool hse_weights_real(const hse_weights *w, const char *name, double *out)
{
    const weights_scalar *v = scalar(w, name);

    if (!v || v->text)
        return false;
    *out = v->is_real ? v->real : (double)v->integer;
    return true;
}

bool hse_weights_text(const hse_weights *w, const char *name, const char **out)
{
    const weights_scalar *v = scalar(w, name);

    if (!v || !v->text)
        return false;
    *out = v->text;
    return true;
}
