/* safetensors.c - 8 bytes of header length, a JSON object {name: {dtype, shape, data_offsets}}, then the data, which
 * the tensors fill without a gap or an overlap. The header is read token by token: a tree of it would be many times its
 * size. */
#include "base/mem.h"
#include "formats/jscan.h"
#include "formats/table.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PREFIX = 8, MAX_KEY = 4096 };

static const struct {
    const char *name;
    hse_dtype dtype;
} dtypes[] = {
    {"F32", HSE_F32}, {"F64", HSE_F64}, {"F16", HSE_F16},   {"BF16", HSE_BF16}, {"I8", HSE_I8},
    {"U8", HSE_U8},   {"I16", HSE_I16}, {"U16", HSE_U16},   {"I32", HSE_I32},   {"U32", HSE_U32},
    {"I64", HSE_I64}, {"U64", HSE_U64}, {"BOOL", HSE_BOOL},
};

typedef struct {
    hse_weights *w;
    jscan j;
    char key[MAX_KEY + 1], text[MAX_KEY + 1];
    size_t key_size;
} reader;

static hse_status read_dtype(reader *r, hse_weight *item)
{
    char name[32];
    hse_status s = js_string(&r->j, name, sizeof name, NULL);

    if (s != HSE_OK)
        return s;
    for (size_t i = 0; i < COUNT(dtypes); i++)
        if (strcmp(name, dtypes[i].name) == 0) {
            item->dtype = dtypes[i].dtype;
            return HSE_OK;
        }
    return js_fail(&r->j, HSE_E_UNSUPPORTED, "%.60s: dtype %s is not read here", name_quote(r->key, r->key_size).text,
                   name_quote(name, strlen(name)).text);
}

/* [n, ...] of at most `room` numbers. */
static hse_status read_numbers(reader *r, uint64_t *out, int room, int *count)
{
    hse_status s = js_expect(&r->j, '[', "'['");
    bool more = true;
    int n = 0;

    if (s == HSE_OK && js_peek(&r->j) == ']') {
        *count = 0;
        return js_more(&r->j, ']', &more);
    }
    while (s == HSE_OK && more) {
        if (n == room)
            return js_fail(&r->j, HSE_E_LIMIT, "%.60s: more than %d numbers", name_quote(r->key, r->key_size).text,
                           room);
        if ((s = js_u64(&r->j, &out[n++])) == HSE_OK)
            s = js_more(&r->j, ']', &more);
    }
    *count = n;
    return s;
}

static hse_status read_tensor(reader *r)
{
    hse_weight item = {0};
    uint64_t range[2] = {0}, bytes;
    bool more = true, seen[3] = {false};
    static const char *const fields[3] = {"dtype", "shape", "data_offsets"};
    jscan *j = &r->j;
    hse_status s = js_expect(j, '{', "'{'");

    while (s == HSE_OK && more) {
        char field[16];
        int which = 0, n = 0;
        if ((s = js_string(j, field, sizeof field, NULL)) != HSE_OK || (s = js_expect(j, ':', "':'")) != HSE_OK)
            return s;
        while (which < 3 && strcmp(field, fields[which]) != 0)
            which++;
        if (which == 3 || seen[which])
            return js_fail(j, HSE_E_FORMAT, "%.60s: the field \"%s\" is unknown or stands there twice",
                           name_quote(r->key, r->key_size).text, name_quote(field, strlen(field)).text);
        seen[which] = true;
        if (which == 0)
            s = read_dtype(r, &item);
        else if (which == 1)
            s = read_numbers(r, item.dim, HSE_MAX_RANK, &item.rank);
        else if ((s = read_numbers(r, range, 2, &n)) == HSE_OK && n != 2)
            return js_fail(j, HSE_E_FORMAT, "%.60s: data_offsets has %d numbers, not 2",
                           name_quote(r->key, r->key_size).text, n);
        if (s == HSE_OK)
            s = js_more(j, '}', &more);
    }
    if (s != HSE_OK)
        return s;
    for (int i = 0; i < 3; i++)
        if (!seen[i])
            return js_fail(j, HSE_E_FORMAT, "%.60s has no %s", name_quote(r->key, r->key_size).text, fields[i]);
    table_c_strides(&item);
    item.offset = range[0];
    if ((s = table_add(r->w, &item, r->key, r->key_size, j->at + j->pos, j->err)) != HSE_OK)
        return s;
    const hse_weight *added = &r->w->items[r->w->n_items - 1];
    if (range[1] < range[0] || !hse_mul_u64(added->count, hse_dtype_size(added->dtype), &bytes) ||
        range[1] - range[0] != bytes)
        return js_fail(j, HSE_E_FORMAT, "%.60s: data_offsets %" PRIu64 "..%" PRIu64 " do not fit its shape and dtype",
                       name_quote(r->key, r->key_size).text, range[0], range[1]);
    return HSE_OK;
}

/* "__metadata__": {string: string, ...} */
static hse_status read_metadata(reader *r)
{
    static const char prefix[] = "__metadata__.";
    size_t head = sizeof prefix - 1, n = 0;
    bool more = true;
    jscan *j = &r->j;
    hse_status s = js_expect(j, '{', "'{'");

    if (s == HSE_OK && js_peek(j) == '}')
        return js_more(j, '}', &more);
    while (s == HSE_OK && more) {
        memcpy(r->key, prefix, head);
        if ((s = js_string(j, r->key + head, sizeof r->key - head, &r->key_size)) != HSE_OK ||
            (s = js_expect(j, ':', "':'")) != HSE_OK)
            return s;
        r->key_size += head;
        size_t start = (js_peek(j), j->pos);
        if ((s = js_string(j, NULL, 0, &n)) != HSE_OK)
            return s;
        if (n < sizeof r->text) { /* longer texts (whole configs) are checked but not kept */
            weights_scalar value = {0};
            j->pos = start;
            if ((s = js_string(j, r->text, sizeof r->text, &n)) != HSE_OK ||
                (s = table_add_scalar(r->w, &value, r->key, r->key_size, r->text, n, j->at + j->pos, j->err)) != HSE_OK)
                return s;
        }
        s = js_more(j, '}', &more);
    }
    return s;
}

static hse_status read_header(reader *r)
{
    jscan *j = &r->j;
    bool more = true, metadata = false;
    hse_status s = js_expect(j, '{', "'{'");

    if (s == HSE_OK && js_peek(j) == '}') {
        s = js_more(j, '}', &more);
        return s == HSE_OK ? js_end(j) : s;
    }
    while (s == HSE_OK && more) {
        if ((s = js_string(j, r->key, sizeof r->key, &r->key_size)) != HSE_OK ||
            (s = js_expect(j, ':', "':'")) != HSE_OK)
            return s;
        if (strcmp(r->key, "__metadata__") != 0) {
            s = read_tensor(r);
        } else {
            if (metadata)
                return js_fail(j, HSE_E_FORMAT, "__metadata__ stands there twice");
            metadata = true;
            s = read_metadata(r);
        }
        if (s == HSE_OK)
            s = js_more(j, '}', &more);
    }
    return s == HSE_OK ? js_end(j) : s;
}

typedef struct {
    uint64_t begin, end;
    size_t item;
} range;

static int by_begin(const void *a, const void *b)
{
    const range *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end; /* empty tensors before the one that begins there */
}

static uint64_t item_end(const hse_weight *t)
{
    return t->offset + t->count * hse_dtype_size(t->dtype); /* table_add has checked that it does not wrap */
}

/* Writers put the tensors in order, which needs no copy of the table to see. */
static bool in_order(const hse_weights *w, uint64_t size)
{
    uint64_t end = 0;

    for (size_t i = 0; i < w->n_items; i++) {
        if (w->items[i].offset != end)
            return false;
        end = item_end(&w->items[i]);
    }
    return end == size;
}

/* Every byte of the data belongs to exactly one tensor. */
static hse_status check_cover(reader *r, uint64_t size)
{
    const hse_weights *w = r->w;
    uint64_t end = 0, data = r->j.at + r->j.size;
    hse_status s = HSE_OK;

    if (in_order(w, size))
        return HSE_OK;
    range *ranges = hse_calloc(w->n_items, sizeof *ranges);
    if (!ranges)
        return hse_fail(r->j.err, HSE_E_NOMEM, 0, "no memory to check %zu tensors", w->n_items);
    for (size_t i = 0; i < w->n_items; i++)
        ranges[i] = (range){w->items[i].offset, item_end(&w->items[i]), i};
    qsort(ranges, w->n_items, sizeof *ranges, by_begin);
    for (size_t i = 0; i < w->n_items && s == HSE_OK; i++) {
        const char *name = w->items[ranges[i].item].name;
        if (ranges[i].begin != end)
            s = hse_fail(r->j.err, HSE_E_FORMAT, data + end, "%s: %s", name_quote(name, strlen(name)).text,
                         ranges[i].begin > end ? "the bytes before it belong to no tensor"
                                               : "its bytes belong to two tensors");
        end = ranges[i].end;
    }
    if (s == HSE_OK && end != size)
        s = hse_fail(r->j.err, HSE_E_FORMAT, data + end, "%" PRIu64 " bytes at the end belong to no tensor",
                     size - end);
    hse_free(ranges);
    return s;
}

hse_status safetensors_read(hse_weights *w, hse_error *err)
{
    hse_bytes f = w->file;
    uint64_t header = hse_get_u64le(f.data);
    uint32_t number;
    reader *r;
    hse_status s;

    if (header > w->limits.max_header_bytes)
        return hse_fail(err, HSE_E_LIMIT, 0,
                        "the header has %" PRIu64 " bytes, the limit is %" PRIu64 " (max_header_bytes)", header,
                        w->limits.max_header_bytes);
    if (header > f.size - PREFIX)
        return hse_fail(err, HSE_E_FORMAT, 0, "the header has %" PRIu64 " bytes, the file only %zu", header, f.size);
    weights_part part = {
        .offset = PREFIX + header, .stored = f.size - PREFIX - header, .size = f.size - PREFIX - header};
    if ((s = table_add_part(w, &part, &number, err)) != HSE_OK)
        return s;
    if (!(r = hse_calloc(1, sizeof *r)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to read the header");
    r->w = w;
    r->j = (jscan){.text = (const char *)f.data + PREFIX, .size = (size_t)header, .at = PREFIX, .err = err};
    s = read_header(r);
    if (s == HSE_OK)
        s = check_cover(r, part.size);
    hse_free(r);
    return s;
}
