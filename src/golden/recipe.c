/* recipe.c - see recipe.h. The tensors become a safetensors file in memory, so that they go the way of every
 * checkpoint. */
#include "golden/recipe.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

enum { MOST_BYTES = 1 << 30, MOST_RANK = 8 };

static uint64_t fnv1a(const char *s)
{
    uint64_t h = 0xCBF29CE484222325u;

    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001B3u;
    return h;
}

/* b + a (2u - 1) with u in [0, 1), as the nearest bfloat16. */
static float number(uint64_t start, uint64_t i, double a, double b)
{
    uint64_t z = start + (i + 1) * 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    float v = (float)(b + a * (2 * ((double)(z >> 40) / 16777216.0) - 1));
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
    memcpy(&v, &u, sizeof v);
    return v;
}

/* Elements of a tensor, or 0 when its shape makes no sense. */
static size_t shape_of(const json_t *shape, hse_buf *header)
{
    size_t n = 1, i;
    json_t *dim;

    if (json_array_size(shape) > MOST_RANK)
        return 0;
    hse_buf_str(header, "\"shape\":[");
    json_array_foreach(shape, i, dim)
    {
        json_int_t d = json_integer_value(dim);
        if (d < 1 || d > MOST_BYTES || !hse_mul_size(n, (size_t)d, &n) || n > MOST_BYTES)
            return 0;
        hse_buf_printf(header, "%s%lld", i ? "," : "", (long long)d);
    }
    hse_buf_str(header, "]");
    return n;
}

static hse_status describe(hse_buf *header, const json_t *recipe, size_t *size, hse_error *err)
{
    const char *wrap = json_string_value(json_object_get(recipe, "wrap")), *name;
    json_t *tensor;
    char full[400];

    *size = 0;
    hse_buf_str(header, "{");
    json_object_foreach(json_object_get((json_t *)(uintptr_t)recipe, "tensors"), name, tensor)
    {
        if (json_object_get(tensor, "int")) /* counters of training, which no network reads */
            continue;
        snprintf(full, sizeof full, "%s%s%s", wrap ? wrap : "", wrap ? "." : "", name);
        hse_buf_str(header, header->size > 1 ? "," : "");
        hse_buf_json(header, full, strlen(full));
        hse_buf_str(header, ":{\"dtype\":\"F32\",");
        size_t n = shape_of(json_object_get(tensor, "shape"), header);
        if (n == 0 || *size + n * sizeof(float) > MOST_BYTES)
            return hse_fail(err, HSE_E_FORMAT, 0, "the recipe of %.100s has no sensible shape", name);
        hse_buf_printf(header, ",\"data_offsets\":[%zu,%zu]}", *size, *size + n * sizeof(float));
        *size += n * sizeof(float);
    }
    hse_buf_str(header, "}");
    while (header->size % 8)
        hse_buf_str(header, " ");
    return hse_buf_status(header, "the recipe's header", err);
}

static void fill(uint8_t *data, const json_t *recipe)
{
    uint64_t seed = (uint64_t)json_integer_value(json_object_get(recipe, "seed"));
    const char *name;
    json_t *tensor, *dim;
    size_t k;

    json_object_foreach(json_object_get((json_t *)(uintptr_t)recipe, "tensors"), name, tensor)
    {
        uint64_t start = fnv1a(name) + seed * 0xD1342543DE82EF95u, n = 1;
        double a = json_number_value(json_object_get(tensor, "a")), b = json_number_value(json_object_get(tensor, "b"));
        if (json_object_get(tensor, "int"))
            continue;
        json_array_foreach(json_object_get(tensor, "shape"), k, dim) n *= (uint64_t)json_integer_value(dim);
        for (uint64_t i = 0; i < n; i++, data += sizeof(float)) {
            float v = number(start, i, a, b);
            memcpy(data, &v, sizeof v);
        }
    }
}

hse_status golden_recipe(hse_weights **out, uint8_t **bytes, const json_t *recipe, hse_error *err)
{
    hse_buf header;
    size_t size;
    hse_status s;

    *bytes = NULL;
    hse_buf_init(&header, 16 << 20);
    s = describe(&header, recipe, &size, err);
    if (s == HSE_OK && !(*bytes = hse_alloc(8 + header.size + size)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for weights of %zu bytes", size);
    if (s == HSE_OK) {
        for (int i = 0; i < 8; i++)
            (*bytes)[i] = (uint8_t)((uint64_t)header.size >> 8 * i);
        memcpy(*bytes + 8, header.data, header.size);
        fill(*bytes + 8 + header.size, recipe);
        s = hse_weights_open_bytes(out, (hse_bytes){*bytes, 8 + header.size + size}, "the recipe's weights", NULL, err);
    }
    if (s != HSE_OK) {
        hse_free(*bytes);
        *bytes = NULL;
    }
    hse_buf_free(&header);
    return s;
}
