/* bpe.c - the vocabulary of a byte-level BPE, and its merges applied to a piece of text. How a text is cut into pieces is
 * bpe_split.c's.
 *
 * Merging keeps the piece's symbols in a linked list and the possible merges in a heap by (rank, position), so that a piece
 * of n bytes takes O(n log n) whatever it looks like. */
#include "text/bpe.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/bpe_split.h"

#include <stdlib.h>

enum { NO_RANK = UINT32_MAX, MAX_POOL = 64 << 20, MAX_MERGES = 1 << 21 };

typedef struct {
    uint32_t offset; /* of its bytes in the pool */
    uint16_t size;
    bool known, special;
} token;

typedef struct {
    uint32_t hash, number; /* number: 1 + what stands there; 0: free */
} slot;

typedef struct {
    slot *slots;
    size_t capacity, count; /* a power of two, at most half full */
} table;

typedef struct {
    int32_t left, right, result;
} pair; /* its number is its rank */

struct bpe {
    size_t max_tokens, count, capacity;
    token *tokens;
    hse_buf pool;
    table by_bytes, by_pair;
    pair *pairs;
    size_t n_pairs, cap_pairs;
    bool by_id;
    size_t longest; /* bytes of the longest token that merges can give */
    int32_t of_byte[256];
    int32_t *special; /* ids, by their bytes once finished */
    size_t n_special, cap_special;
    bool special_start[256];
    uint64_t seed[2];
};

/* ----------------------------------------------------------------------------------------------------------- id lists
 */

void bpe_ids_free(bpe_ids *ids)
{
    hse_free(ids->id);
    *ids = (bpe_ids){0};
}

/* Room for one more element of `size` bytes; doubles. */
static bool reserve(void *array, size_t count, size_t *capacity, size_t size)
{
    void **data = array;
    size_t want = *capacity ? *capacity * 2 : 64, bytes;

    if (count < *capacity)
        return true;
    if (want < *capacity || !hse_mul_size(want, size, &bytes))
        return false;
    void *p = hse_realloc(*data, bytes);
    if (!p)
        return false;
    *data = p;
    *capacity = want;
    return true;
}

hse_status bpe_ids_add(bpe_ids *ids, int32_t id, hse_error *err)
{
    if (!reserve(&ids->id, ids->count, &ids->capacity, sizeof *ids->id))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu tokens", ids->count + 1);
    ids->id[ids->count++] = id;
    return HSE_OK;
}

/* ---------------------------------------------------------------------------------------------------------- bytes as text
 */

uint32_t bpe_char_of_byte(uint8_t byte)
{
    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174)
        return byte;
    if (byte <= 32)
        return 0x100u + byte;
    if (byte <= 160) /* 127..160 follow the first 33 */
        return 0x100u + 33 + (byte - 127u);
    return 0x100u + 67; /* 173 */
}

int bpe_byte_of_char(uint32_t c)
{
    if (c < 0x100)
        return bpe_char_of_byte((uint8_t)c) == c ? (int)c : -1;
    c -= 0x100;
    if (c <= 32)
        return (int)c;
    if (c < 67)
        return (int)(c - 33 + 127);
    return c == 67 ? 173 : -1;
}

bool bpe_bytes_of_name(const char *name, size_t size, uint8_t *out, size_t *out_size)
{
    size_t n = 0;

    for (size_t i = 0; i < size;) {
        uint32_t c;
        size_t len = hse_utf8_next(name + i, size - i, &c);
        int byte = len ? bpe_byte_of_char(c) : -1;
        if (byte < 0)
            return false;
        out[n++] = (uint8_t)byte;
        i += len;
    }
    *out_size = n;
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- hash tables
 */

static bool table_grow(table *t)
{
    size_t capacity = t->capacity ? t->capacity * 2 : 1024;
    slot *slots = hse_calloc(capacity, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < t->capacity; i++) {
        if (!t->slots[i].number)
            continue;
        size_t at = t->slots[i].hash & (capacity - 1);
        while (slots[at].number)
            at = (at + 1) & (capacity - 1);
        slots[at] = t->slots[i];
    }
    hse_free(t->slots);
    t->slots = slots;
    t->capacity = capacity;
    return true;
}

/* The caller has looked that it is not there. */
static bool table_add(table *t, uint32_t hash, size_t number)
{
    if (t->count >= t->capacity / 2 && !table_grow(t))
        return false;
    size_t at = hash & (t->capacity - 1);
    while (t->slots[at].number)
        at = (at + 1) & (t->capacity - 1);
    t->slots[at] = (slot){hash, (uint32_t)number + 1};
    t->count++;
    return true;
}

static uint32_t hash_bytes(const bpe *b, const void *bytes, size_t size)
{
    return (uint32_t)hse_hash(b->seed, bytes, size);
}

static int32_t find_hashed(const bpe *b, uint32_t hash, const void *bytes, size_t size)
{
    const table *t = &b->by_bytes;

    if (!t->capacity)
        return -1;
    for (size_t at = hash & (t->capacity - 1); t->slots[at].number; at = (at + 1) & (t->capacity - 1)) {
        const token *k = &b->tokens[t->slots[at].number - 1];
        if (t->slots[at].hash == hash && k->size == size && memcmp(b->pool.data + k->offset, bytes, size) == 0)
            return (int32_t)t->slots[at].number - 1;
    }
    return -1;
}

int32_t bpe_find(const bpe *b, const void *bytes, size_t size)
{
    return size && size <= BPE_MAX_TOKEN_BYTES ? find_hashed(b, hash_bytes(b, bytes, size), bytes, size) : -1;
}

/* The number (rank) of a pair, or NO_RANK. */
static uint32_t find_pair(const bpe *b, int32_t left, int32_t right)
{
    const table *t = &b->by_pair;
    int32_t key[2] = {left, right};
    uint32_t hash = hash_bytes(b, key, sizeof key);

    if (!t->capacity)
        return NO_RANK;
    for (size_t at = hash & (t->capacity - 1); t->slots[at].number; at = (at + 1) & (t->capacity - 1)) {
        const pair *p = &b->pairs[t->slots[at].number - 1];
        if (t->slots[at].hash == hash && p->left == left && p->right == right)
            return t->slots[at].number - 1;
    }
    return NO_RANK;
}

/* ---------------------------------------------------------------------------------------------------- building a vocabulary
 */

hse_status bpe_open(bpe **out, size_t max_tokens, hse_error *err)
{
    if (max_tokens > BPE_MAX_TOKENS)
        return hse_fail(err, HSE_E_LIMIT, 0, "a vocabulary of %zu tokens, the limit is %d", max_tokens, BPE_MAX_TOKENS);
    bpe *b = hse_calloc(1, sizeof *b);
    if (!b)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a vocabulary");
    b->max_tokens = max_tokens;
    hse_buf_init(&b->pool, MAX_POOL);
    hse_hash_seed(b->seed);
    *out = b;
    return HSE_OK;
}

void bpe_close(bpe **at)
{
    bpe *b = *at;

    *at = NULL;
    if (!b)
        return;
    hse_free(b->tokens);
    hse_buf_free(&b->pool);
    hse_free(b->by_bytes.slots);
    hse_free(b->by_pair.slots);
    hse_free(b->pairs);
    hse_free(b->special);
    hse_free(b);
}

static hse_status no_memory(const bpe *b, hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a vocabulary of %zu tokens", b->count + 1);
}

static hse_status reserve_id(bpe *b, int32_t id, hse_error *err)
{
    size_t want = (size_t)id + 1;

    if (want > b->capacity) {
        size_t capacity = b->capacity ? b->capacity : 1024;
        while (capacity < want)
            capacity *= 2;
        token *tokens = hse_realloc(b->tokens, capacity * sizeof *tokens);
        if (!tokens)
            return no_memory(b, err);
        memset(tokens + b->capacity, 0, (capacity - b->capacity) * sizeof *tokens);
        b->tokens = tokens;
        b->capacity = capacity;
    }
    if (want > b->count)
        b->count = want;
    return HSE_OK;
}

hse_status bpe_add(bpe *b, int32_t id, const void *bytes, size_t size, hse_error *err)
{
    hse_status s;

    if (id < 0 || (size_t)id >= b->max_tokens)
        return hse_fail(err, HSE_E_FORMAT, 0, "token id %d: ids are 0 to %zu", id, b->max_tokens - 1);
    if (size > BPE_MAX_TOKEN_BYTES)
        return hse_fail(err, HSE_E_LIMIT, 0, "token %d has %zu bytes, the limit is %d", id, size, BPE_MAX_TOKEN_BYTES);
    if ((size_t)id < b->count && b->tokens[id].known)
        return hse_fail(err, HSE_E_FORMAT, 0, "two tokens have the id %d", id);
    uint32_t hash = hash_bytes(b, bytes, size);
    int32_t twin = size ? find_hashed(b, hash, bytes, size) : -1;
    if (twin >= 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "tokens %d and %d are the same", twin, id);
    if ((s = reserve_id(b, id, err)) != HSE_OK)
        return s;
    b->tokens[id] = (token){(uint32_t)b->pool.size, (uint16_t)size, true, false};
    hse_buf_append(&b->pool, bytes, size);
    if (b->pool.status != HSE_OK)
        return hse_buf_status(&b->pool, "the vocabulary", err);
    if (size && !table_add(&b->by_bytes, hash, (size_t)id))
        return no_memory(b, err);
    if (size > b->longest)
        b->longest = size;
    return HSE_OK;
}

hse_status bpe_merge(bpe *b, const void *left, size_t left_size, const void *right, size_t right_size, hse_error *err)
{
    uint8_t both[2 * BPE_MAX_TOKEN_BYTES];
    pair p = {bpe_find(b, left, left_size), bpe_find(b, right, right_size), -1};

    if (p.left >= 0 && p.right >= 0) {
        memcpy(both, left, left_size);
        memcpy(both + left_size, right, right_size);
        p.result = bpe_find(b, both, left_size + right_size);
    }
    if (p.left < 0 || p.right < 0 || p.result < 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "merge %zu: its %s is no token", b->n_pairs,
                        p.left < 0 ? "left side" : p.right < 0 ? "right side" : "result");
    if (find_pair(b, p.left, p.right) != NO_RANK)
        return HSE_OK;
    if (b->n_pairs >= MAX_MERGES)
        return hse_fail(err, HSE_E_LIMIT, 0, "more than %d merges", MAX_MERGES);
    int32_t key[2] = {p.left, p.right};
    if (!reserve(&b->pairs, b->n_pairs, &b->cap_pairs, sizeof *b->pairs) ||
        !table_add(&b->by_pair, hash_bytes(b, key, sizeof key), b->n_pairs))
        return no_memory(b, err);
    b->pairs[b->n_pairs++] = p;
    return HSE_OK;
}

void bpe_merge_by_id(bpe *b)
{
    b->by_id = true;
}

hse_status bpe_add_special(bpe *b, int32_t id, const char *text, size_t size, hse_error *err)
{
    hse_status s;

    if (size == 0 || size > BPE_MAX_SPECIAL_BYTES)
        return hse_fail(err, HSE_E_FORMAT, 0, "special token %d has %zu bytes, 1 to %d are possible", id, size,
                        BPE_MAX_SPECIAL_BYTES);
    if (bpe_find(b, text, size) != id || id < 0) {
        size_t longest = b->longest; /* merges do not give it */
        if ((s = bpe_add(b, id, text, size, err)) != HSE_OK)
            return s;
        b->longest = longest;
    }
    if (b->tokens[id].special)
        return HSE_OK;
    if (!reserve(&b->special, b->n_special, &b->cap_special, sizeof *b->special))
        return no_memory(b, err);
    b->tokens[id].special = true;
    b->special_start[(uint8_t)text[0]] = true;
    b->special[b->n_special++] = id;
    return HSE_OK;
}

/* Special tokens are known and not empty. */
static hse_bytes special_bytes(const bpe *b, size_t i)
{
    const token *t = &b->tokens[b->special[i]];

    return (hse_bytes){b->pool.data + t->offset, t->size};
}

static int by_bytes(const void *a, const void *c, void *owner)
{
    const bpe *b = owner;
    const token *s = &b->tokens[*(const int32_t *)a], *t = &b->tokens[*(const int32_t *)c];
    hse_bytes x = {b->pool.data + s->offset, s->size}, y = {b->pool.data + t->offset, t->size};
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);

    return order ? order : (x.size > y.size) - (x.size < y.size);
}

void bpe_finish(bpe *b)
{
    if (b->n_special)
        qsort_r(b->special, b->n_special, sizeof *b->special, by_bytes, b);
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        b->of_byte[i] = bpe_find(b, &byte, 1);
    }
}

hse_bytes bpe_token(const bpe *b, int32_t id)
{
    if (id < 0 || (size_t)id >= b->count || !b->tokens[id].known)
        return (hse_bytes){0};
    if (b->tokens[id].size == 0) /* the pool may be empty, too */
        return (hse_bytes){(const uint8_t *)"", 0};
    return (hse_bytes){b->pool.data + b->tokens[id].offset, b->tokens[id].size};
}

size_t bpe_count(const bpe *b)
{
    return b->count;
}

/* --------------------------------------------------------------------------------------------------- merging one piece
 */

typedef struct {
    int32_t id;
    uint32_t before, after; /* neighbours; NONE at the ends */
    uint32_t rank;          /* of the merge with the one after; NO_RANK */
} symbol;

enum { NONE = UINT32_MAX };

typedef struct {
    const bpe *b;
    symbol *symbols;
    uint64_t *heap; /* rank << 32 | position */
    size_t capacity, n_heap;
} merger;

static void heap_push(merger *m, uint64_t key)
{
    size_t i = m->n_heap++;

    for (; i > 0 && m->heap[(i - 1) / 2] > key; i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = key;
}

static uint64_t heap_pop(merger *m)
{
    uint64_t top = m->heap[0], key = m->heap[--m->n_heap];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->n_heap)
            break;
        if (child + 1 < m->n_heap && m->heap[child + 1] < m->heap[child])
            child++;
        if (m->heap[child] >= key)
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = key;
    return top;
}

/* The symbol of rank's merge; the bytes of both stand one after another in the piece. */
static int32_t merged(const merger *m, uint32_t rank)
{
    return m->b->by_id ? (int32_t)rank : m->b->pairs[rank].result;
}

static void find_rank(merger *m, const uint8_t *piece, uint32_t at)
{
    const bpe *b = m->b;
    symbol *s = &m->symbols[at];

    s->rank = NO_RANK;
    if (s->after == NONE)
        return;
    int32_t right = m->symbols[s->after].id;
    if (b->by_id) {
        size_t size = (size_t)b->tokens[s->id].size + b->tokens[right].size;
        int32_t id = size <= b->longest ? bpe_find(b, piece + at, size) : -1;
        s->rank = id >= 0 && !b->tokens[id].special ? (uint32_t)id : NO_RANK;
    } else {
        s->rank = find_pair(b, s->id, right);
    }
    if (s->rank != NO_RANK)
        heap_push(m, (uint64_t)s->rank << 32 | at);
}

/* Arrays for a piece of n bytes; a merge adds at most two to the heap for the one that it takes. */
static hse_status merger_reserve(merger *m, size_t n, hse_error *err)
{
    if (n <= m->capacity)
        return HSE_OK;
    size_t capacity = n < 256 ? 256 : n;
    hse_free(m->symbols);
    hse_free(m->heap);
    m->capacity = 0;
    m->symbols = hse_alloc(capacity * sizeof *m->symbols);
    m->heap = hse_alloc(3 * capacity * sizeof *m->heap);
    if (!m->symbols || !m->heap)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to encode a piece of %zu bytes", n);
    m->capacity = capacity;
    return HSE_OK;
}

static hse_status merge_piece(merger *m, const uint8_t *piece, size_t n, bpe_ids *out, hse_error *err)
{
    hse_status s = merger_reserve(m, n, err);

    if (s != HSE_OK)
        return s;
    m->n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t id = m->b->of_byte[piece[i]];
        if (id < 0)
            return hse_fail(err, HSE_E_FORMAT, i, "the vocabulary has no token for the byte 0x%02x", piece[i]);
        m->symbols[i] = (symbol){id, i ? (uint32_t)i - 1 : NONE, i + 1 < n ? (uint32_t)i + 1 : NONE, NO_RANK};
    }
    for (size_t i = 0; i < n; i++)
        find_rank(m, piece, (uint32_t)i);
    while (m->n_heap) {
        uint64_t key = heap_pop(m);
        uint32_t at = (uint32_t)key, rank = (uint32_t)(key >> 32);
        symbol *left = &m->symbols[at];
        if (left->rank != rank) /* one of the two was merged meanwhile */
            continue;
        symbol *right = &m->symbols[left->after];
        left->id = merged(m, rank);
        right->rank = NO_RANK;
        left->after = right->after;
        if (left->after != NONE)
            m->symbols[left->after].before = at;
        find_rank(m, piece, at);
        if (left->before != NONE)
            find_rank(m, piece, left->before);
    }
    for (uint32_t i = 0; n && i != NONE; i = m->symbols[i].after)
        if ((s = bpe_ids_add(out, m->symbols[i].id, err)) != HSE_OK)
            return s;
    return HSE_OK;
}

/* ------------------------------------------------------------------------------------------------------------ a text
 */

static hse_status encode_plain(merger *m, const char *text, size_t size, bpe_ids *out, hse_error *err)
{
    for (size_t at = 0; at < size;) {
        size_t n = bpe_piece(text + at, size - at);
        hse_status s = merge_piece(m, (const uint8_t *)text + at, n, out, err);
        if (s != HSE_OK)
            return s;
        at += n;
    }
    return HSE_OK;
}

/* The longest special token that the text begins with; -1. They are sorted, so those that agree with the first k bytes stand
 * together: the range shrinks byte by byte. */
static int32_t special_at(const bpe *b, const uint8_t *text, size_t size)
{
    size_t from = 0, to = b->n_special;
    int32_t found = -1;

    for (size_t k = 0; from < to; k++) {
        hse_bytes first = special_bytes(b, from);
        if (to - from == 1) /* the usual case, and one comparison for a text that nearly agrees */
            return first.size <= size && memcmp(first.data, text, first.size) == 0 ? b->special[from] : found;
        if (first.size == k)
            found = b->special[from++];
        if (k == size)
            break;
        size_t low = from, high = to;
        while (low < high) { /* the first whose byte k is not below the text's */
            size_t mid = (low + high) / 2;
            if (special_bytes(b, mid).data[k] < text[k])
                low = mid + 1;
            else
                high = mid;
        }
        from = low;
        high = to;
        while (low < high) { /* the first whose byte k is above */
            size_t mid = (low + high) / 2;
            if (special_bytes(b, mid).data[k] <= text[k])
                low = mid + 1;
            else
                high = mid;
        }
        to = low;
    }
    return found;
}

hse_status bpe_encode(const bpe *b, const char *text, size_t size, bool special, bpe_ids *out, hse_error *err)
{
    merger m = {.b = b};
    const uint8_t *bytes = (const uint8_t *)text;
    size_t plain = 0, at = 0;
    hse_status s = HSE_OK;

    if (size > BPE_MAX_TEXT)
        return hse_fail(err, HSE_E_LIMIT, 0, "a text of %zu bytes, the limit for tokens is %d", size, BPE_MAX_TEXT);
    while (special && at < size && s == HSE_OK) {
        int32_t id = b->special_start[bytes[at]] ? special_at(b, bytes + at, size - at) : -1;
        if (id < 0) {
            at++;
            continue;
        }
        if ((s = encode_plain(&m, text + plain, at - plain, out, err)) == HSE_OK)
            s = bpe_ids_add(out, id, err);
        at += b->tokens[id].size;
        plain = at;
    }
    if (s == HSE_OK)
        s = encode_plain(&m, text + plain, size - plain, out, err);
    hse_free(m.symbols);
    hse_free(m.heap);
    return s;
}
