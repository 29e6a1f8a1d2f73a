/* shards.c - a checkpoint of several files, as Hugging Face splits large ones: x.index.json says which file holds which
 * tensor ({"metadata": {...}, "weight_map": {"name": "model-00001-of-00002.safetensors", ...}}).
 *
 * The files stand beside the index; a name with a folder in it is refused. Each is opened as a table of its own, and the
 * index's table holds copies of their entries, whose part leads back to the file. */
#include "base/mem.h"
#include "formats/jscan.h"
#include "formats/table.h"

#include <inttypes.h>

enum { MAX_SHARDS = 1024, MAX_FILE_NAME = 255, MAX_TENSOR_NAME = 4096 };

typedef struct {
    hse_weights *w;
    jscan j;
    const char *folder; /* with its slash */
    size_t folder_size;
    char (*names)[MAX_FILE_NAME + 1];
    char tensor[MAX_TENSOR_NAME + 1], file[MAX_FILE_NAME + 1];
} reader;

static hse_status open_shard(reader *r, uint32_t *number)
{
    hse_weights *w = r->w;
    size_t n = strlen(r->file);
    hse_error *err = r->j.err;
    hse_status s;

    for (size_t i = w->n_shards; i > 0; i--) /* mostly the same as before */
        if (strcmp(r->names[i - 1], r->file) == 0) {
            *number = (uint32_t)(i - 1);
            return HSE_OK;
        }
    if (n == 0 || strchr(r->file, '/') || r->file[0] == '.')
        return js_fail(&r->j, HSE_E_FORMAT, "\"%s\" is not the name of a file beside the index",
                       name_quote(r->file, n).text);
    if (w->n_shards == MAX_SHARDS)
        return js_fail(&r->j, HSE_E_LIMIT, "more than %d files", MAX_SHARDS);
    char *path = hse_alloc(r->folder_size + n + 1);
    if (!path)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to open %s", r->file);
    memcpy(path, r->folder, r->folder_size);
    memcpy(path + r->folder_size, r->file, n + 1);
    s = strstr(r->file, ".index.json") ? js_fail(&r->j, HSE_E_FORMAT, "an index that names an index")
                                       : hse_weights_open(&w->shards[w->n_shards], path, &w->limits, err);
    hse_free(path);
    if (s != HSE_OK)
        return s;
    memcpy(r->names[w->n_shards], r->file, n + 1);
    *number = (uint32_t)w->n_shards++;
    return HSE_OK;
}

static hse_status add_tensor(reader *r, size_t length)
{
    hse_weights *w = r->w;
    uint32_t shard = 0, number;
    hse_status s = open_shard(r, &shard);

    if (s != HSE_OK)
        return s;
    const hse_weight *t = hse_weights_find(w->shards[shard], r->tensor);
    if (!t)
        return js_fail(&r->j, HSE_E_FORMAT, "%s is not in %s", name_quote(r->tensor, length).text,
                       name_quote(r->file, strlen(r->file)).text);
    weights_part part = {.kind = PART_SHARD, .size = w->shards[shard]->parts[t->part].size, .shard = shard,
                         .shard_part = t->part};
    if ((s = table_add_part(w, &part, &number, r->j.err)) != HSE_OK)
        return s;
    hse_weight item = *t;
    item.part = number;
    return table_add(w, &item, r->tensor, length, r->j.at + r->j.pos, r->j.err);
}

static hse_status read_map(reader *r)
{
    jscan *j = &r->j;
    bool more = true;
    size_t length = 0;
    hse_status s = js_expect(j, '{', "'{'");

    if (s == HSE_OK && js_peek(j) == '}')
        return js_more(j, '}', &more);
    while (s == HSE_OK && more) {
        if ((s = js_string(j, r->tensor, sizeof r->tensor, &length)) != HSE_OK ||
            (s = js_expect(j, ':', "':'")) != HSE_OK ||
            (s = js_string(j, r->file, sizeof r->file, NULL)) != HSE_OK || (s = add_tensor(r, length)) != HSE_OK)
            return s;
        s = js_more(j, '}', &more);
    }
    return s;
}

static hse_status read_index(reader *r)
{
    jscan *j = &r->j;
    bool more = true, map = false;
    hse_status s = js_expect(j, '{', "'{'");

    while (s == HSE_OK && more) {
        char key[64];
        if ((s = js_string(j, key, sizeof key, NULL)) != HSE_OK || (s = js_expect(j, ':', "':'")) != HSE_OK)
            return s;
        if (strcmp(key, "weight_map") != 0) {
            s = js_skip(j, NULL);
        } else {
            if (map)
                return js_fail(j, HSE_E_FORMAT, "weight_map stands there twice");
            map = true;
            s = read_map(r);
        }
        if (s == HSE_OK)
            s = js_more(j, '}', &more);
    }
    if (s == HSE_OK && (s = js_end(j)) == HSE_OK && !map)
        s = js_fail(j, HSE_E_FORMAT, "there is no weight_map");
    return s;
}

bool shards_is_index(const char *path)
{
    static const char end[] = ".index.json";
    size_t n = strlen(path), m = sizeof end - 1;

    return n > m && strcmp(path + n - m, end) == 0;
}

hse_status shards_read(hse_weights *w, hse_error *err)
{
    const char *slash = strrchr(w->path, '/');
    reader *r;
    hse_status s = HSE_E_NOMEM;

    w->format = "shards";
    if (w->file.size > w->limits.max_header_bytes)
        return hse_fail(err, HSE_E_LIMIT, 0,
                        "the index has %zu bytes, the limit is %" PRIu64 " (max_header_bytes)", w->file.size,
                        w->limits.max_header_bytes);
    if (!(r = hse_calloc(1, sizeof *r)) || !(r->names = hse_calloc(MAX_SHARDS, sizeof *r->names)) ||
        !(w->shards = hse_calloc(MAX_SHARDS, sizeof(void *)))) {
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory to read the index");
    } else {
        r->w = w;
        r->folder = w->path;
        r->folder_size = slash ? (size_t)(slash - w->path) + 1 : 0;
        r->j = (jscan){.text = (const char *)w->file.data, .size = w->file.size, .err = err};
        s = read_index(r);
    }
    if (r)
        hse_free(r->names);
    hse_free(r);
    if (s == HSE_OK && w->shards && w->n_shards)
        w->format = w->shards[0]->format;
    return s;
}

hse_weight shards_item(const hse_weights *w, const hse_weight *t, const hse_weights **shard)
{
    const weights_part *part = &w->parts[t->part];
    hse_weight item = *t;

    *shard = w->shards[part->shard];
    item.part = part->shard_part;
    return item;
}
