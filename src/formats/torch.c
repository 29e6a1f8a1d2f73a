/* torch.c - files of torch.save: the zip archive (one folder with data.pkl and data/<key>) and the older layout (five
 * pickles, then each storage as a count and its bytes).
 *
 * The pickle gives a tree of dicts, lists, tensors and plain values, which is flattened: names are joined with dots. */
#include "base/buf.h"
#include "base/mem.h"
#include "formats/pickle.h"
#include "formats/table.h"

#include <inttypes.h>

enum { MAX_DEPTH = 256, MAX_VISITS = 1 << 22, MAX_WRAPPERS = 8, MAX_PATH_BYTES = 1 << 16 };

/* The magic number that opens the older layout, little-endian, and the protocol that follows it. */
static const uint8_t legacy_magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
enum { LEGACY_PROTOCOL = 1001 };

/* A storage that the pickle names: by its key, or (zip) by its entry. */
typedef struct {
    const char *key;
    size_t key_size;
    uint64_t bytes;   /* as the persistent id says */
    uint32_t element; /* bytes of one element, as its class says; 0: a storage of raw bytes */
    uint32_t part;    /* UINT32_MAX: not seen in the file yet */
} storage;

typedef struct {
    hse_weights *w;
    pickle *p;
    uint64_t at; /* the pickle's offset in the file, for messages */
    storage *storages;
    size_t n_storages, cap_storages;
    name_index index;
    hse_buf path;
    uint32_t visits;
    hse_error *err;
} reader;

static const char *storage_key(const void *owner, size_t i, size_t *length)
{
    const storage *s = &((const reader *)owner)->storages[i];

    *length = s->key_size;
    return s->key;
}

static void reader_init(reader *r, hse_weights *w, hse_error *err)
{
    *r = (reader){.w = w, .err = err};
    hse_buf_init(&r->path, MAX_PATH_BYTES);
    name_index_init(&r->index, storage_key, r);
}

static void reader_free(reader *r)
{
    pickle_close(&r->p);
    name_index_free(&r->index);
    hse_free(r->storages);
    hse_buf_free(&r->path);
}

static size_t pickle_memory(const hse_weights *w)
{
    size_t n;

    return hse_mul_size(w->file.size, 2, &n) && hse_add_size(n, 4u << 20, &n) ? n : SIZE_MAX;
}

/* -------------------------------------------------------------------------------------------------------------
 * storages */

/* Enter every storage that the pickle names; the same key must always have the same size. */
static hse_status collect_storages(reader *r)
{
    uint32_t cursor = 0;
    pk_ref ref;

    while (pk_next_storage(r->p, &cursor, &ref)) {
        pk_ref id = pk_arguments(r->p, ref);
        hse_bytes key = pk_text(r->p, pk_item(r->p, id, 2));
        int64_t count = pk_int(r->p, pk_item(r->p, id, 4));
        uint64_t bytes;
        pk_ref class = pk_item(r->p, id, 1);
        int dtype = pk_dtype(r->p, class);
        if (count < 0 || !hse_mul_u64((uint64_t)count, hse_dtype_size((hse_dtype)dtype), &bytes))
            return hse_fail(r->err, HSE_E_FORMAT, r->at, "storage %s has %" PRId64 " elements",
                            name_quote((const char *)key.data, key.size).text, count);
        if (r->n_storages == r->cap_storages) {
            size_t cap = r->cap_storages ? r->cap_storages + r->cap_storages / 2 : 64, size;
            storage *grown = hse_mul_size(cap, sizeof *grown, &size) ? hse_realloc(r->storages, size) : NULL;
            if (!grown)
                return hse_fail(r->err, HSE_E_NOMEM, r->at, "no memory for %zu storages", r->n_storages);
            r->storages = grown;
            r->cap_storages = cap;
        }
        r->storages[r->n_storages] = (storage){
            .key = (const char *)key.data,
            .key_size = key.size,
            .bytes = bytes,
            .part = UINT32_MAX,
            .element = pk_known(r->p, class) == PKG_STORAGE_TYPED ? (uint32_t)hse_dtype_size((hse_dtype)dtype) : 0};
        int64_t twin = name_index_add(&r->index, (const char *)key.data, key.size, r->n_storages);
        if (twin == NAME_NO_MEMORY)
            return hse_fail(r->err, HSE_E_NOMEM, r->at, "no memory for %zu storages", r->n_storages);
        if (twin == NAME_NONE)
            r->n_storages++;
        else if (r->storages[twin].bytes != bytes)
            return hse_fail(r->err, HSE_E_FORMAT, r->at, "storage %s has two sizes, %" PRIu64 " and %" PRIu64 " bytes",
                            name_quote((const char *)key.data, key.size).text, r->storages[twin].bytes, bytes);
    }
    return HSE_OK;
}

/* --------------------------------------------------------------------------------------------------------------
 * tensors */

static hse_status bad_tensor(reader *r, const char *what)
{
    return hse_fail(r->err, HSE_E_FORMAT, r->at, "%s: %s", name_quote(hse_buf_text(&r->path), r->path.size).text, what);
}

/* A tuple of non-negative integers. torch.Size was already replaced by its tuple. */
static hse_status read_dims(reader *r, pk_ref tuple, uint64_t out[HSE_MAX_RANK], int *rank)
{
    const pickle *p = r->p;
    pk_kind kind = pk_kind_of(p, tuple);

    if (kind != PK_TUPLE)
        return bad_tensor(r, "its shape or stride is no tuple");
    size_t n = pk_length(p, tuple);
    if (n > HSE_MAX_RANK)
        return hse_fail(r->err, HSE_E_LIMIT, r->at, "%s has %zu dimensions, the limit is %d",
                        name_quote(hse_buf_text(&r->path), r->path.size).text, n, HSE_MAX_RANK);
    for (size_t i = 0; i < n; i++) {
        pk_ref d = pk_item(p, tuple, i);
        if (pk_kind_of(p, d) != PK_INT || pk_int(p, d) < 0)
            return bad_tensor(r, "its shape or stride has something that is no non-negative integer");
        out[i] = (uint64_t)pk_int(p, d);
    }
    *rank = (int)n;
    return HSE_OK;
}

/* The dtype of a storage; of raw bytes, that which _rebuild_tensor_v3 names. */
static int tensor_dtype(const pickle *p, pk_global call, pk_ref arguments, pk_ref class)
{
    if (call != PKG_REBUILD_V3)
        return pk_known(p, class) == PKG_STORAGE_TYPED ? pk_dtype(p, class) : -1;
    pk_ref d = pk_item(p, arguments, 6);
    return pk_kind_of(p, d) == PK_GLOBAL && pk_known(p, d) == PKG_DTYPE ? pk_dtype(p, d) : -1;
}

/* One tensor: a call of _rebuild_tensor*(storage, offset, shape, stride, ...), perhaps inside _rebuild_parameter. */
static hse_status add_tensor(reader *r, pk_ref tensor)
{
    const pickle *p = r->p;
    hse_weight item = {0};
    int strides = 0, wrappers = 0;
    uint64_t offset;

    while (pk_known(p, tensor) == PKG_PARAMETER) {
        tensor = pk_item(p, pk_arguments(p, tensor), 0);
        pk_kind kind = pk_kind_of(p, tensor);
        if (kind == PK_INERT)
            return HSE_OK;
        if (kind != PK_TENSOR || ++wrappers > MAX_WRAPPERS)
            return bad_tensor(r, "a parameter of something that is no tensor");
    }
    pk_ref arguments = pk_arguments(p, tensor), from = pk_item(p, arguments, 0), at = pk_item(p, arguments, 1);
    if (pk_kind_of(p, from) == PK_INERT) /* a storage of an unknown class: complex, quantised */
        return HSE_OK;
    if (pk_kind_of(p, from) != PK_STORAGE)
        return bad_tensor(r, "a tensor of something that is no storage");
    if (pk_kind_of(p, at) != PK_INT || pk_int(p, at) < 0)
        return bad_tensor(r, "its storage offset is no non-negative integer");
    hse_status s = read_dims(r, pk_item(p, arguments, 2), item.dim, &item.rank);
    if (s != HSE_OK || (s = read_dims(r, pk_item(p, arguments, 3), item.stride, &strides)) != HSE_OK)
        return s;
    if (strides != item.rank)
        return bad_tensor(r, "shape and stride have different lengths");
    pk_ref id = pk_arguments(p, from), class = pk_item(p, id, 1);
    int dtype = tensor_dtype(p, pk_known(p, tensor), arguments, class);
    if (dtype < 0)
        return hse_fail(r->err, HSE_E_UNSUPPORTED, r->at, "%s: a tensor of a dtype that is not read here",
                        name_quote(hse_buf_text(&r->path), r->path.size).text);
    item.dtype = (hse_dtype)dtype;
    hse_bytes key = pk_text(p, pk_item(p, id, 2));
    int64_t i = name_index_find(&r->index, (const char *)key.data, key.size);
    if (i < 0 || r->storages[i].part == UINT32_MAX)
        return hse_fail(r->err, HSE_E_FORMAT, r->at, "%s: storage %s is not in the file",
                        name_quote(hse_buf_text(&r->path), r->path.size).text,
                        name_quote((const char *)key.data, key.size).text);
    if (!hse_mul_u64((uint64_t)pk_int(p, at), hse_dtype_size(item.dtype), &offset))
        return bad_tensor(r, "its storage offset is too large");
    item.offset = offset;
    for (int d = 0; d < item.rank; d++)
        if (item.dim[d] == 0) /* torch writes an empty view with an offset beyond its storage */
            item.offset = 0;
    item.part = r->storages[i].part;
    return table_add(r->w, &item, hse_buf_text(&r->path), r->path.size, r->at, r->err);
}

/* ------------------------------------------------------------------------------------------------------------
 * flattening */

static hse_status add_plain(reader *r, pk_ref v)
{
    const pickle *p = r->p;
    weights_scalar value = {0};
    hse_bytes text = {0};

    switch (pk_kind_of(p, v)) {
    case PK_INT:
    case PK_BOOL: value.integer = pk_int(p, v); break;
    case PK_REAL:
        value.is_real = true;
        value.real = pk_real(p, v);
        break;
    case PK_STRING:
        text = pk_text(p, v);
        if (memchr(text.data, '\0', text.size)) /* no C string can show it */
            return HSE_OK;
        break;
    default: return HSE_OK;
    }
    return table_add_scalar(r->w, &value, hse_buf_text(&r->path), r->path.size, (const char *)text.data, text.size,
                            r->at, r->err);
}

typedef struct {
    pk_ref container;
    uint32_t cursor;
    size_t index, path_size;
    bool in_list;
} frame;

/* The next child of a container: its value, with its key appended to the path. False at the end; a child whose key
 * gives no name has *named = false. */
static bool next_child(reader *r, frame *f, pk_ref *value, bool *named)
{
    const pickle *p = r->p;
    pk_ref key = 0;
    bool dict = pk_kind_of(p, f->container) == PK_DICT;

    if (pk_kind_of(p, f->container) == PK_TUPLE) {
        if (f->index == pk_length(p, f->container))
            return false;
        *value = pk_item(p, f->container, f->index);
    } else if (!pk_next(p, f->container, &f->cursor, &key, value)) {
        return false;
    }
    size_t i = f->index++;
    r->path.data[f->path_size] = '\0';
    r->path.size = f->path_size;
    *named = true;
    if (f->path_size)
        hse_buf_byte(&r->path, '.');
    if (!dict) {
        hse_buf_printf(&r->path, "%zu", i);
    } else if (pk_kind_of(p, key) == PK_STRING) {
        hse_bytes text = pk_text(p, key);
        hse_buf_append(&r->path, text.data, text.size);
    } else if (pk_kind_of(p, key) == PK_INT) {
        hse_buf_printf(&r->path, "%" PRId64, pk_int(p, key));
    } else {
        *named = false;
    }
    return true;
}

/* Depth first, with a stack of its own: a pickle may nest, share and even contain itself. */
static hse_status flatten(reader *r, pk_ref root, frame *stack)
{
    size_t depth = 0;
    pk_ref value = root;
    bool named = true, fresh = true;
    hse_status s = HSE_OK;

    hse_buf_append(&r->path, "", 1);
    hse_buf_clear(&r->path);
    if (!r->path.data)
        return hse_fail(r->err, HSE_E_NOMEM, r->at, "no memory for a name");
    while (s == HSE_OK) {
        if (!fresh && !next_child(r, &stack[depth - 1], &value, &named)) {
            if (--depth == 0)
                break;
            continue;
        }
        fresh = false;
        if ((s = hse_buf_status(&r->path, "a tensor's name", r->err)) != HSE_OK)
            break;
        if (++r->visits > MAX_VISITS)
            return hse_fail(r->err, HSE_E_LIMIT, r->at, "more than %d values", MAX_VISITS);
        if (named) {
            switch (pk_kind_of(r->p, value)) {
            case PK_DICT:
            case PK_LIST:
            case PK_TUPLE:
                if (depth == MAX_DEPTH)
                    return hse_fail(r->err, HSE_E_LIMIT, r->at, "values are nested deeper than %d", MAX_DEPTH);
                bool in_list = pk_kind_of(r->p, value) != PK_DICT || (depth && stack[depth - 1].in_list);
                stack[depth++] = (frame){.container = value, .path_size = r->path.size, .in_list = in_list};
                continue;
            case PK_TENSOR: s = add_tensor(r, value); break;
            default: s = depth && !stack[depth - 1].in_list ? add_plain(r, value) : HSE_OK;
            }
        }
        if (depth == 0)
            break;
    }
    return s;
}

static hse_status add_all(reader *r)
{
    pk_ref root = pickle_root(r->p);
    pk_kind kind = pk_kind_of(r->p, root);
    frame *stack;
    hse_status s;

    if (kind == PK_INERT) {
        hse_bytes name = pk_name(r->p, root);
        return hse_fail(r->err, HSE_E_UNSUPPORTED, r->at,
                        "holds an object of class %s, not tensors: save its state_dict() instead",
                        name_quote((const char *)name.data, name.size).text);
    }
    if (kind != PK_DICT && kind != PK_LIST && kind != PK_TUPLE && kind != PK_TENSOR)
        return hse_fail(r->err, HSE_E_FORMAT, r->at, "holds a single plain value, no tensors");
    if (!(stack = hse_calloc(MAX_DEPTH, sizeof *stack)))
        return hse_fail(r->err, HSE_E_NOMEM, r->at, "no memory to walk the pickle");
    s = flatten(r, root, stack);
    hse_free(stack);
    return s;
}

/* ----------------------------------------------------------------------------------------------------------- zip
 * layout */

/* The only entry called <folder>/data.pkl, without a further slash in <folder>. */
static hse_status find_pickle(const zip_archive *z, const zip_entry **out, hse_error *err)
{
    static const char end[] = "/data.pkl";
    const zip_entry *found = NULL;

    for (size_t i = 0; i < z->count; i++) {
        const zip_entry *e = &z->entries[i];
        size_t folder = e->name_size - (e->name_size < sizeof end - 1 ? 0 : sizeof end - 1);
        if (folder == e->name_size || memcmp(e->name + folder, end, sizeof end - 1) != 0 ||
            memchr(e->name, '/', folder))
            continue;
        if (found)
            return hse_fail(err, HSE_E_FORMAT, e->header_offset, "two folders of the archive have a data.pkl");
        found = e;
    }
    if (!found)
        return hse_fail(err, HSE_E_FORMAT, 0, "no <folder>/data.pkl in the archive");
    *out = found;
    return HSE_OK;
}

/* A small entry's bytes: those of the file, or unpacked into *owned (hse_free). The CRC is checked here. */
static hse_status entry_bytes(const zip_archive *z, const zip_entry *e, uint64_t limit, hse_bytes *out, uint8_t **owned,
                              hse_error *err)
{
    hse_status s;

    *owned = NULL;
    if (e->size > limit)
        return hse_fail(err, HSE_E_LIMIT, e->header_offset,
                        "%s has %" PRIu64 " bytes, the limit is %" PRIu64 " (max_header_bytes)",
                        name_quote(e->name, e->name_size).text, e->size, limit);
    *out = (hse_bytes){z->file.data + e->data_offset, (size_t)e->size};
    if (e->deflated) {
        if (!(*owned = hse_alloc((size_t)e->size)))
            return hse_fail(err, HSE_E_NOMEM, e->header_offset, "no memory to unpack %" PRIu64 " bytes", e->size);
        s = zip_inflate(out->data, e->stored, *owned, (size_t)e->size, true, e->data_offset, err);
        if (s != HSE_OK)
            return s;
        out->data = *owned;
    }
    if (zip_crc(0, out->data, out->size) != e->crc)
        return hse_fail(err, HSE_E_FORMAT, e->data_offset, "%s is damaged: its CRC differs",
                        name_quote(e->name, e->name_size).text);
    return HSE_OK;
}

static hse_status check_byteorder(const zip_archive *z, const char *name, size_t length, hse_error *err)
{
    const zip_entry *e = zip_find(z, name, length);
    hse_bytes text = {0};
    uint8_t *owned;

    if (!e)
        return HSE_OK;
    hse_status s = entry_bytes(z, e, 64, &text, &owned, err);
    if (s == HSE_OK && !(text.size == 6 && memcmp(text.data, "little", 6) == 0))
        s = hse_fail(err, HSE_E_UNSUPPORTED, e->data_offset, "a torch file of byte order %s",
                     name_quote((const char *)text.data, text.size).text);
    hse_free(owned);
    return s;
}

/* Each storage is the entry <folder>/data/<key>, of exactly its size. */
static hse_status find_storages(reader *r, const zip_archive *z, const char *folder, size_t folder_size)
{
    for (size_t i = 0; i < r->n_storages; i++) {
        storage *st = &r->storages[i];
        hse_buf_clear(&r->path);
        hse_buf_append(&r->path, folder, folder_size);
        hse_buf_str(&r->path, "/data/");
        hse_buf_append(&r->path, st->key, st->key_size);
        hse_status s = hse_buf_status(&r->path, "a storage's name", r->err);
        if (s != HSE_OK)
            return s;
        const zip_entry *e = zip_find(z, hse_buf_text(&r->path), r->path.size);
        if (!e)
            return hse_fail(r->err, HSE_E_FORMAT, r->at, "the archive has no %s",
                            name_quote(hse_buf_text(&r->path), r->path.size).text);
        if (e->size != st->bytes)
            return hse_fail(r->err, HSE_E_FORMAT, e->header_offset,
                            "%s has %" PRIu64 " bytes, the pickle says %" PRIu64,
                            name_quote(e->name, e->name_size).text, e->size, st->bytes);
        weights_part part = {.offset = e->data_offset,
                             .stored = e->stored,
                             .size = e->size,
                             .crc = e->crc,
                             .kind = e->deflated ? PART_DEFLATED : PART_RAW,
                             .has_crc = true};
        if ((s = table_add_part(r->w, &part, &st->part, r->err)) != HSE_OK)
            return s;
    }
    return HSE_OK;
}

hse_status torch_zip_read(hse_weights *w, const zip_archive *z, hse_error *err)
{
    reader r;
    const zip_entry *e = NULL;
    hse_bytes bytes = {0};
    uint8_t *owned = NULL;
    size_t used = 0;
    hse_status s = find_pickle(z, &e, err);

    w->format = "torch zip";
    if (!e)
        return s;
    reader_init(&r, w, err);
    size_t folder = e->name_size - strlen("/data.pkl");
    r.at = e->data_offset;
    hse_buf_append(&r.path, e->name, folder);
    hse_buf_str(&r.path, "/byteorder");
    if ((s = hse_buf_status(&r.path, "an entry's name", err)) != HSE_OK ||
        (s = check_byteorder(z, hse_buf_text(&r.path), r.path.size, err)) != HSE_OK ||
        (s = entry_bytes(z, e, w->limits.max_header_bytes, &bytes, &owned, err)) != HSE_OK ||
        (s = pickle_read(&r.p, bytes, &used, e->data_offset, pickle_memory(w), err)) != HSE_OK)
        goto end;
    if (used != bytes.size) {
        s = hse_fail(err, HSE_E_FORMAT, e->data_offset + used, "%zu bytes follow the pickle", bytes.size - used);
        goto end;
    }
    if ((s = collect_storages(&r)) == HSE_OK && (s = find_storages(&r, z, e->name, folder)) == HSE_OK) {
        hse_buf_clear(&r.path);
        s = add_all(&r);
    }
end:
    reader_free(&r);
    hse_free(owned);
    return s;
}

/* -------------------------------------------------------------------------------------------------------- older layout
 */

static hse_status next_pickle(hse_weights *w, uint64_t *at, pickle **out, hse_error *err)
{
    size_t left = w->file.size - (size_t)*at, used = 0;
    uint64_t limit = w->limits.max_header_bytes;
    hse_bytes in = {w->file.data + *at, left < limit ? left : (size_t)limit};
    hse_status s = pickle_read(out, in, &used, *at, pickle_memory(w), err);

    *at += used;
    return s;
}

/* Magic number, protocol and the writer's system. */
static hse_status read_preamble(hse_weights *w, uint64_t *at, hse_error *err)
{
    pickle *p = NULL;
    hse_status s = next_pickle(w, at, &p, err);

    if (s == HSE_OK) {
        pk_ref root = pickle_root(p);
        hse_bytes magic = pk_kind_of(p, root) == PK_BIG ? pk_text(p, root) : (hse_bytes){0};
        if (magic.size != sizeof legacy_magic || memcmp(magic.data, legacy_magic, sizeof legacy_magic) != 0)
            s = hse_fail(err, HSE_E_UNSUPPORTED, 0, "a pickle that is not a torch file");
    }
    pickle_close(&p);
    if (s == HSE_OK && (s = next_pickle(w, at, &p, err)) == HSE_OK) {
        pk_ref root = pickle_root(p);
        if (pk_kind_of(p, root) != PK_INT || pk_int(p, root) != LEGACY_PROTOCOL)
            s = hse_fail(err, HSE_E_UNSUPPORTED, *at, "a torch file whose protocol is not %d", LEGACY_PROTOCOL);
    }
    pickle_close(&p);
    if (s == HSE_OK && (s = next_pickle(w, at, &p, err)) == HSE_OK) {
        uint32_t cursor = 0;
        pk_ref key, value, root = pickle_root(p);
        if (pk_kind_of(p, root) != PK_DICT)
            s = hse_fail(err, HSE_E_FORMAT, *at, "the third pickle of a torch file is no dict");
        while (s == HSE_OK && pk_next(p, root, &cursor, &key, &value)) {
            hse_bytes name = pk_kind_of(p, key) == PK_STRING ? pk_text(p, key) : (hse_bytes){0};
            if (name.size == 13 && memcmp(name.data, "little_endian", 13) == 0 &&
                !(pk_kind_of(p, value) == PK_BOOL && pk_int(p, value)))
                s = hse_fail(err, HSE_E_UNSUPPORTED, *at, "a torch file of a big-endian machine");
        }
    }
    pickle_close(&p);
    return s;
}

/* One storage: its element count and its bytes, which must be those the pickle announced. */
static hse_status place_storage(reader *r, const pickle *keys, pk_ref key, uint64_t *at)
{
    hse_weights *w = r->w;

    if (pk_kind_of(keys, key) != PK_STRING)
        return hse_fail(r->err, HSE_E_FORMAT, *at, "a storage's key is no string");
    hse_bytes text = pk_text(keys, key);
    int64_t i = name_index_find(&r->index, (const char *)text.data, text.size);
    if (i < 0 || r->storages[i].part != UINT32_MAX)
        return hse_fail(r->err, HSE_E_FORMAT, *at, "storage %s is not used by the file, or stands in it twice",
                        name_quote((const char *)text.data, text.size).text);
    storage *st = &r->storages[i];
    if (!hse_in_range(w->file.size, *at, 8) || !hse_in_range(w->file.size, *at + 8, st->bytes))
        return hse_fail(r->err, HSE_E_FORMAT, *at, "cut off: storage %s has %" PRIu64 " bytes, %" PRIu64 " are left",
                        name_quote((const char *)text.data, text.size).text, st->bytes, w->file.size - *at);
    uint64_t count = hse_get_u64le(w->file.data + *at);
    if (st->element == 0) /* torch writes these, and cannot read them either */
        return hse_fail(r->err, HSE_E_UNSUPPORTED, *at, "storage %s of raw bytes in a file of the older layout",
                        name_quote((const char *)text.data, text.size).text);
    if (count != st->bytes / st->element)
        return hse_fail(r->err, HSE_E_FORMAT, *at,
                        "storage %s has %" PRIu64 " elements, the pickle says %" PRIu64 " bytes",
                        name_quote((const char *)text.data, text.size).text, count, st->bytes);
    weights_part part = {.offset = *at + 8, .stored = st->bytes, .size = st->bytes, .kind = PART_RAW};
    *at += 8 + st->bytes;
    return table_add_part(w, &part, &st->part, r->err);
}

hse_status torch_legacy_read(hse_weights *w, hse_error *err)
{
    reader r;
    pickle *keys = NULL;
    uint64_t at = 0;
    uint32_t cursor = 0;
    pk_ref none, key;
    hse_status s = read_preamble(w, &at, err);

    if (s != HSE_OK)
        return s;
    reader_init(&r, w, err);
    r.at = at;
    if ((s = next_pickle(w, &at, &r.p, err)) != HSE_OK || (s = collect_storages(&r)) != HSE_OK ||
        (s = next_pickle(w, &at, &keys, err)) != HSE_OK)
        goto end;
    if (pk_kind_of(keys, pickle_root(keys)) != PK_LIST) {
        s = hse_fail(err, HSE_E_FORMAT, at, "the list of storages is no list");
        goto end;
    }
    while (s == HSE_OK && pk_next(keys, pickle_root(keys), &cursor, &none, &key))
        s = place_storage(&r, keys, key, &at);
    if (s == HSE_OK && at != w->file.size)
        s = hse_fail(err, HSE_E_FORMAT, at, "%" PRIu64 " bytes follow the last storage", w->file.size - at);
    if (s == HSE_OK)
        s = add_all(&r);
end:
    pickle_close(&keys);
    reader_free(&r);
    return s;
}
