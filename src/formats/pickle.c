/* pickle.c - the stack machine that builds a pickle's values. */
#include "formats/pickle_internal.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <inttypes.h>

/* ------------------------------------------------------------------------------------------------- errors and
 * allocation */

/* The status stands outside the call, so that the compiler sees that it is not HSE_OK. */
#define FAIL(p, status, ...) (hse_fail((p)->err, status, (p)->at + (p)->pos, "pickle: " __VA_ARGS__), (status))

/* Room for n more elements, inside the memory that this pickle was given. */
static hse_status reserve(pickle *p, void *array, size_t count, size_t *capacity, size_t n, size_t size)
{
    void **data = array;
    size_t want = *capacity ? *capacity : 64, old = 0, bytes;

    if (*capacity >= count && n <= *capacity - count)
        return HSE_OK;
    if (!hse_mul_size(*capacity, size, &old) || !hse_add_size(count, n, &n))
        return FAIL(p, HSE_E_LIMIT, "too many values");
    while (want < n)
        if (!hse_add_size(want, want / 2, &want))
            return FAIL(p, HSE_E_LIMIT, "too many values");
    if (!hse_mul_size(want, size, &bytes) || p->memory - old + bytes > p->budget)
        return FAIL(p, HSE_E_LIMIT, "its values would take more than %zu bytes of memory", p->budget);
    void *q = hse_realloc(*data, bytes);
    if (!q)
        return FAIL(p, HSE_E_NOMEM, "no memory for its values");
    p->memory += bytes - old;
    *data = q;
    *capacity = want;
    return HSE_OK;
}

static hse_status push(pickle *p, pk_ref r)
{
    hse_status s = reserve(p, &p->stack, p->n_stack, &p->cap_stack, 1, sizeof *p->stack);

    if (s == HSE_OK)
        p->stack[p->n_stack++] = r;
    return s;
}

static hse_status new_node(pickle *p, node n, pk_ref *out)
{
    hse_status s = reserve(p, &p->nodes, p->n_nodes, &p->cap_nodes, 1, sizeof *p->nodes);

    if (s != HSE_OK)
        return s;
    *out = (pk_ref)p->n_nodes;
    p->nodes[p->n_nodes++] = n;
    return HSE_OK;
}

static hse_status push_node(pickle *p, node n)
{
    pk_ref r;
    hse_status s = new_node(p, n, &r);

    return s == HSE_OK ? push(p, r) : s;
}

/* Where the values above the last mark begin: nothing below it may be popped. */
static size_t fence(const pickle *p)
{
    return p->n_marks ? p->marks[p->n_marks - 1] : 0;
}

static hse_status pop(pickle *p, pk_ref *out)
{
    if (p->n_stack <= fence(p))
        return FAIL(p, HSE_E_FORMAT, "a value is taken from an empty stack");
    *out = p->stack[--p->n_stack];
    return HSE_OK;
}

/* The value that stays on the stack while others are added to it. */
static hse_status top(pickle *p, pk_ref *out)
{
    if (p->n_stack <= fence(p))
        return FAIL(p, HSE_E_FORMAT, "a value is taken from an empty stack");
    *out = p->stack[p->n_stack - 1];
    return HSE_OK;
}

/* Take the last mark away; the values above it are stack[*first .. n_stack). */
static hse_status pop_mark(pickle *p, size_t *first)
{
    if (p->n_marks == 0)
        return FAIL(p, HSE_E_FORMAT, "a mark is missing");
    *first = p->marks[--p->n_marks];
    return HSE_OK;
}

/* ------------------------------------------------------------------------------------------------------- reading
 * operands */

static hse_status take(pickle *p, uint64_t n, const uint8_t **out)
{
    if (n > p->in.size - p->pos)
        return FAIL(p, HSE_E_FORMAT, "%" PRIu64 " bytes are announced, %zu are left", n, p->in.size - p->pos);
    *out = p->in.data + p->pos;
    p->pos += (size_t)n;
    return HSE_OK;
}

static hse_status take_number(pickle *p, size_t width, uint64_t *out)
{
    const uint8_t *b;
    hse_status s = take(p, width, &b);

    if (s != HSE_OK)
        return s;
    *out = 0;
    for (size_t i = 0; i < width; i++)
        *out |= (uint64_t)b[i] << (8 * i);
    return HSE_OK;
}

static hse_status push_int(pickle *p, int64_t v)
{
    if (v >= -(1 << 30) && v < 1 << 30)
        return push(p, (pk_ref)v | REF_SMALL);
    uint64_t bits = (uint64_t)v;
    return push_node(p, (node){.kind = PK_INT, .b = (uint32_t)bits, .c = (uint32_t)(bits >> 32)});
}

static hse_status op_int(pickle *p, size_t width, bool is_signed)
{
    uint64_t v;
    hse_status s = take_number(p, width, &v);

    return s == HSE_OK ? push_int(p, is_signed ? (int32_t)(uint32_t)v : (int64_t)v) : s;
}

static hse_status op_long(pickle *p, size_t width)
{
    const uint8_t *b;
    uint64_t n, v;
    hse_status s = take_number(p, width, &n);

    if (s != HSE_OK || (s = take(p, n, &b)) != HSE_OK)
        return s;
    if (n > INT32_MAX)
        return FAIL(p, HSE_E_FORMAT, "an integer of negative length");
    if (n > 8)
        return push_node(p, (node){.kind = PK_BIG, .a = (uint32_t)n, .b = (uint32_t)(p->pos - n)});
    v = n && b[n - 1] & 0x80 ? UINT64_MAX : 0; /* the sign is extended */
    for (size_t i = 0; i < n; i++)
        v = (v & ~((uint64_t)0xff << (8 * i))) | (uint64_t)b[i] << (8 * i);
    return push_int(p, (int64_t)v);
}

static hse_status op_float(pickle *p)
{
    const uint8_t *b;
    hse_status s = take(p, 8, &b);

    if (s != HSE_OK)
        return s;
    return push_node(p, (node){.kind = PK_REAL, .b = hse_get_u32be(b + 4), .c = hse_get_u32be(b)});
}

static hse_status op_bytes(pickle *p, size_t width, pk_kind kind)
{
    const uint8_t *b;
    uint64_t n;
    size_t bad;
    hse_status s = take_number(p, width, &n);

    if (s != HSE_OK || (s = take(p, n, &b)) != HSE_OK)
        return s;
    if (kind == PK_STRING && !hse_utf8_valid((const char *)b, (size_t)n, &bad))
        return FAIL(p, HSE_E_FORMAT, "a string is not UTF-8");
    return push_node(p, (node){.kind = (uint8_t)kind, .a = (uint32_t)n, .b = (uint32_t)(p->pos - n)});
}

/* Python 2's byte strings: text where they are UTF-8. */
static hse_status op_old_string(pickle *p, size_t width)
{
    hse_status s = op_bytes(p, width, PK_BYTES);

    if (s == HSE_OK) {
        node *n = &p->nodes[p->n_nodes - 1];
        if (hse_utf8_valid((const char *)p->in.data + n->b, n->a, NULL))
            n->kind = PK_STRING;
    }
    return s;
}

/* ------------------------------------------------------------------------------------------------------------
 * containers */

static hse_status push_tuple(pickle *p, size_t first)
{
    size_t n = p->n_stack - first;
    pk_ref r = REF_EMPTY;
    hse_status s = HSE_OK;

    if (n) {
        if ((s = reserve(p, &p->refs, p->n_refs, &p->cap_refs, n, sizeof *p->refs)) != HSE_OK)
            return s;
        memcpy(p->refs + p->n_refs, p->stack + first, n * sizeof *p->refs);
        s = new_node(p, (node){.kind = PK_TUPLE, .a = (uint32_t)n, .b = (uint32_t)p->n_refs}, &r);
        p->n_refs += n;
    }
    p->n_stack = first;
    return s == HSE_OK ? push(p, r) : s;
}

static hse_status op_tuple(pickle *p)
{
    size_t first = 0;
    hse_status s = pop_mark(p, &first);

    return s == HSE_OK ? push_tuple(p, first) : s;
}

static hse_status op_tuple_of(pickle *p, size_t n)
{
    if (p->n_stack - fence(p) < n)
        return FAIL(p, HSE_E_FORMAT, "a tuple of %zu values, the stack has fewer", n);
    return push_tuple(p, p->n_stack - n);
}

/* key is unset in a list. */
static hse_status add_cell(pickle *p, pk_ref container, pk_ref key, pk_ref value)
{
    hse_status s;

    if (p->n_cells == 0)
        p->n_cells = 1;
    if ((s = reserve(p, &p->cells, p->n_cells, &p->cap_cells, 1, sizeof *p->cells)) != HSE_OK)
        return s;
    node *n = &p->nodes[container];
    uint32_t i = (uint32_t)p->n_cells++;
    p->cells[i] = (cell){.key = key, .value = value};
    if (n->c)
        p->cells[n->c].next = i;
    else
        n->b = i;
    n->c = i;
    n->a++;
    return HSE_OK;
}

/* Values stack[first..] become the items of the list, or the pairs of the dict, below them. What an inert object is
 * given is forgotten. */
static hse_status add_items(pickle *p, size_t first, pk_kind kind)
{
    pk_ref container;
    hse_status s = HSE_OK;
    size_t n = p->n_stack - first, step = kind == PK_DICT ? 2 : 1;

    if (first <= fence(p))
        return FAIL(p, HSE_E_FORMAT, "items without a container");
    container = p->stack[first - 1];
    pk_kind got = pk_kind_of(p, container);
    if (got != kind && got != PK_INERT)
        return FAIL(p, HSE_E_FORMAT, "items are added to something that is no %s", kind == PK_DICT ? "dict" : "list");
    if (n % step)
        return FAIL(p, HSE_E_FORMAT, "a key without a value");
    for (size_t i = first; i < p->n_stack && got != PK_INERT && s == HSE_OK; i += step)
        s = kind == PK_DICT ? add_cell(p, container, p->stack[i], p->stack[i + 1])
                            : add_cell(p, container, REF_UNSET, p->stack[i]);
    p->n_stack = first;
    return s;
}

static hse_status op_items(pickle *p, pk_kind kind)
{
    size_t first = 0;
    hse_status s = pop_mark(p, &first);

    return s == HSE_OK ? add_items(p, first, kind) : s;
}

static hse_status op_item(pickle *p, pk_kind kind)
{
    size_t n = kind == PK_DICT ? 2 : 1;

    if (p->n_stack - fence(p) < n + 1)
        return FAIL(p, HSE_E_FORMAT, "an item without a container");
    return add_items(p, p->n_stack - n, kind);
}

/* LIST and DICT: a new container from the values above the mark. */
static hse_status op_container(pickle *p, pk_kind kind)
{
    size_t first = 0, n;
    hse_status s = pop_mark(p, &first);

    if (s != HSE_OK || (s = push(p, REF_NONE)) != HSE_OK)
        return s;
    pk_ref r;
    if ((s = new_node(p, (node){.kind = (uint8_t)kind}, &r)) != HSE_OK)
        return s;
    n = p->n_stack - 1 - first; /* the container goes below its items */
    memmove(p->stack + first + 1, p->stack + first, n * sizeof *p->stack);
    p->stack[first] = r;
    return add_items(p, first + 1, kind);
}

/* Sets hold no arrays: they are inert. */
static hse_status op_frozenset(pickle *p)
{
    size_t first = 0;
    hse_status s = pop_mark(p, &first);

    if (s != HSE_OK)
        return s;
    p->n_stack = first;
    return push_node(p, (node){.kind = PK_INERT});
}

/* -------------------------------------------------------------------------------------------------------------------
 * memo */

static hse_status op_put(pickle *p, uint64_t i)
{
    pk_ref r;
    hse_status s = top(p, &r);

    if (s != HSE_OK)
        return s;
    if (i >= MAX_MEMO)
        return FAIL(p, HSE_E_LIMIT, "memo number %" PRIu64 ", the limit is %d", i, MAX_MEMO);
    if (i >= p->n_memo) {
        if ((s = reserve(p, &p->memo, p->n_memo, &p->cap_memo, (size_t)i + 1 - p->n_memo, sizeof *p->memo)) != HSE_OK)
            return s;
        while (p->n_memo <= i)
            p->memo[p->n_memo++] = REF_UNSET;
    }
    p->memo_used += p->memo[i] == REF_UNSET;
    p->memo[i] = r;
    return HSE_OK;
}

static hse_status op_put_at(pickle *p, size_t width)
{
    uint64_t i;
    hse_status s = take_number(p, width, &i);

    return s == HSE_OK ? op_put(p, i) : s;
}

static hse_status op_get(pickle *p, size_t width)
{
    uint64_t i;
    hse_status s = take_number(p, width, &i);

    if (s != HSE_OK)
        return s;
    if (i >= p->n_memo || p->memo[i] == REF_UNSET)
        return FAIL(p, HSE_E_FORMAT, "memo number %" PRIu64 " was never set", i);
    return push(p, p->memo[i]);
}

/* ---------------------------------------------------------------------------------------------------- globals and
 * objects */

static hse_status push_global(pickle *p, size_t module, size_t module_size, size_t name, size_t name_size)
{
    const uint8_t *base = p->in.data;

    if (module_size > UINT16_MAX || name_size > UINT16_MAX)
        return FAIL(p, HSE_E_FORMAT, "a global's name of %zu bytes", module_size > name_size ? module_size : name_size);
    return push_node(p, (node){.kind = PK_GLOBAL,
                               .known = pickle_find_global(base + module, module_size, base + name, name_size),
                               .more = (uint16_t)module_size,
                               .a = (uint32_t)name_size,
                               .b = (uint32_t)name,
                               .c = (uint32_t)module});
}

static hse_status take_line(pickle *p, size_t *start, size_t *length)
{
    const uint8_t *from = p->in.data + p->pos, *end = memchr(from, '\n', p->in.size - p->pos);

    if (!end || !hse_utf8_valid((const char *)from, (size_t)(end - from), NULL))
        return FAIL(p, HSE_E_FORMAT, "a global's name is not a line of UTF-8");
    *start = p->pos;
    *length = (size_t)(end - from);
    p->pos += *length + 1;
    return HSE_OK;
}

static hse_status op_global(pickle *p)
{
    size_t module, module_size, name, name_size;
    hse_status s = take_line(p, &module, &module_size);

    if (s != HSE_OK || (s = take_line(p, &name, &name_size)) != HSE_OK)
        return s;
    return push_global(p, module, module_size, name, name_size);
}

static hse_status op_stack_global(pickle *p)
{
    pk_ref name, module;
    hse_status s = pop(p, &name);

    if (s != HSE_OK || (s = pop(p, &module)) != HSE_OK)
        return s;
    if (pk_kind_of(p, name) != PK_STRING || pk_kind_of(p, module) != PK_STRING)
        return FAIL(p, HSE_E_FORMAT, "a global whose name is not a string");
    const node *n = &p->nodes[name], *m = &p->nodes[module];
    return push_global(p, m->b, m->a, n->b, n->a);
}

/* What OrderedDict([(k, v), ...]) holds, as old pickles write it. */
static hse_status dict_of_pairs(pickle *p, pk_ref dict, pk_ref pairs)
{
    uint32_t cursor = 0;
    pk_ref key, pair;

    if (pk_kind_of(p, pairs) != PK_LIST)
        return FAIL(p, HSE_E_FORMAT, "an OrderedDict of something that is no list");
    while (pk_next(p, pairs, &cursor, &key, &pair)) {
        pk_ref two[2] = {REF_NONE, REF_NONE};
        pk_kind kind = pk_kind_of(p, pair);
        if ((kind != PK_TUPLE && kind != PK_LIST) || pk_length(p, pair) != 2)
            return FAIL(p, HSE_E_FORMAT, "an OrderedDict of something that is no pair");
        uint32_t inner = 0;
        for (size_t i = 0; i < 2; i++) {
            if (kind == PK_TUPLE)
                two[i] = pk_item(p, pair, i);
            else
                pk_next(p, pair, &inner, &key, &two[i]);
        }
        hse_status s = add_cell(p, dict, two[0], two[1]);
        if (s != HSE_OK)
            return s;
    }
    return HSE_OK;
}

/* An object of the class or function r, about which nothing more is known. */
static hse_status push_inert(pickle *p, pk_ref r)
{
    node n = {.kind = PK_INERT};
    pk_kind kind = pk_kind_of(p, r);

    if (kind == PK_GLOBAL || kind == PK_INERT) {
        n = p->nodes[r];
        n.kind = PK_INERT;
    }
    return push_node(p, n);
}

static hse_status push_tensor(pickle *p, uint8_t known, pk_ref arguments, size_t least)
{
    if (pk_length(p, arguments) < least)
        return FAIL(p, HSE_E_FORMAT, "%s with %zu arguments", pickle_globals[known - 1].name, pk_length(p, arguments));
    return push_node(p, (node){.kind = PK_TENSOR, .known = known, .a = arguments});
}

/* REDUCE: f(*arguments). Only the functions below mean something; none is called. */
static hse_status op_reduce(pickle *p)
{
    pk_ref f, arguments, dict;
    hse_status s = pop(p, &arguments);

    if (s != HSE_OK || (s = pop(p, &f)) != HSE_OK)
        return s;
    if (pk_kind_of(p, arguments) != PK_TUPLE)
        return FAIL(p, HSE_E_FORMAT, "a call whose arguments are no tuple");
    pk_kind kind = pk_kind_of(p, f);
    if (kind != PK_GLOBAL && kind != PK_INERT)
        return FAIL(p, HSE_E_FORMAT, "a call of something that is no function");
    uint8_t known = kind == PK_GLOBAL ? p->nodes[f].known : 0;
    size_t n = pk_length(p, arguments);
    switch (known ? (pk_global)pickle_globals[known - 1].known : PKG_UNKNOWN) {
    case PKG_ORDERED_DICT:
    case PKG_DEFAULT_DICT:
        if ((s = new_node(p, (node){.kind = PK_DICT}, &dict)) != HSE_OK)
            return s;
        if (pickle_globals[known - 1].known == PKG_ORDERED_DICT && n > 0)
            s = n == 1 ? dict_of_pairs(p, dict, pk_item(p, arguments, 0))
                       : FAIL(p, HSE_E_FORMAT, "an OrderedDict of %zu arguments", n);
        return s == HSE_OK ? push(p, dict) : s;
    case PKG_SIZE:
        if (n != 1 || pk_kind_of(p, pk_item(p, arguments, 0)) != PK_TUPLE)
            return FAIL(p, HSE_E_FORMAT, "torch.Size of something that is no tuple");
        return push(p, pk_item(p, arguments, 0));
    case PKG_REBUILD: return push_tensor(p, known, arguments, 4);
    case PKG_REBUILD_V2: return push_tensor(p, known, arguments, 6);
    case PKG_REBUILD_V3: return push_tensor(p, known, arguments, 7);
    case PKG_PARAMETER: return push_tensor(p, known, arguments, 2);
    default: return push_inert(p, f);
    }
}

/* NEWOBJ and NEWOBJ_EX: cls.__new__(cls, ...). */
static hse_status op_new(pickle *p, bool keywords)
{
    pk_ref cls = REF_NONE, arguments = REF_NONE;
    hse_status s = keywords ? pop(p, &arguments) : HSE_OK;

    if (s != HSE_OK || (s = pop(p, &arguments)) != HSE_OK || (s = pop(p, &cls)) != HSE_OK)
        return s;
    if (pk_kind_of(p, arguments) != PK_TUPLE)
        return FAIL(p, HSE_E_FORMAT, "an object whose arguments are no tuple");
    pk_kind kind = pk_kind_of(p, cls);
    if (kind != PK_GLOBAL && kind != PK_INERT)
        return FAIL(p, HSE_E_FORMAT, "an object of something that is no class");
    uint8_t known = kind == PK_GLOBAL ? p->nodes[cls].known : 0;
    if (known && pickle_globals[known - 1].known == PKG_ORDERED_DICT)
        return push_node(p, (node){.kind = PK_DICT});
    return push_inert(p, cls);
}

/* BUILD sets attributes (an OrderedDict's _metadata, a parameter's hooks): nothing that is read here. */
static hse_status op_build(pickle *p)
{
    pk_ref state, object;
    hse_status s = pop(p, &state);

    if (s != HSE_OK || (s = top(p, &object)) != HSE_OK)
        return s;
    pk_kind kind = pk_kind_of(p, object);
    if (kind != PK_DICT && kind != PK_TENSOR && kind != PK_INERT)
        return FAIL(p, HSE_E_FORMAT, "a state is given to a plain value");
    return HSE_OK;
}

/* A persistent id: torch's ("storage", class, key, location, count[, view]). */
static hse_status op_persistent(pickle *p)
{
    pk_ref id;
    hse_status s = pop(p, &id);

    if (s != HSE_OK)
        return s;
    size_t n = pk_kind_of(p, id) == PK_TUPLE ? pk_length(p, id) : 0;
    if (n == 0 || pk_kind_of(p, pk_item(p, id, 0)) != PK_STRING)
        return FAIL(p, HSE_E_FORMAT, "a persistent id that is not torch's");
    hse_bytes what = pk_text(p, pk_item(p, id, 0));
    if (pickle_equals(what.data, what.size, "module") &&
        n >= 2) /* a class with its source code, as torch 0.x wrote it */
        return push_inert(p, pk_item(p, id, 1));
    if (!pickle_equals(what.data, what.size, "storage") || n < 5 || n > 6)
        return FAIL(p, HSE_E_FORMAT, "a persistent id that is not torch's");
    pk_ref cls = pk_item(p, id, 1);
    pk_kind kind = pk_kind_of(p, cls);
    if (kind != PK_GLOBAL || pk_kind_of(p, pk_item(p, id, 2)) != PK_STRING ||
        pk_kind_of(p, pk_item(p, id, 3)) != PK_STRING || pk_kind_of(p, pk_item(p, id, 4)) != PK_INT)
        return FAIL(p, HSE_E_FORMAT, "a storage whose id has values of the wrong types");
    pk_global known = pk_known(p, cls);
    if (known != PKG_STORAGE_TYPED && known != PKG_STORAGE_BYTES)
        return push_inert(p, cls);
    if (n == 6 && pk_kind_of(p, pk_item(p, id, 5)) != PK_NONE)
        return FAIL(p, HSE_E_UNSUPPORTED, "a storage that is a view of another (torch before 0.4)");
    return push_node(p, (node){.kind = PK_STORAGE, .a = id});
}

/* --------------------------------------------------------------------------------------------------------- the machine
 */

static const struct {
    uint8_t code;
    const char *name;
} refused[] = {
    {'i', "INST"},
    {'o', "OBJ"},
    {'P', "PERSID"},
    {'I', "INT"},
    {'L', "LONG"},
    {'F', "FLOAT"},
    {'S', "STRING"},
    {'V', "UNICODE"},
    {'g', "GET"},
    {'p', "PUT"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"},
    {0x80, "PROTO inside the pickle"},
};

static hse_status refuse(pickle *p, uint8_t code)
{
    p->pos--;
    for (size_t i = 0; i < COUNT(refused); i++)
        if (refused[i].code == code)
            return FAIL(p, HSE_E_FORMAT, "the opcode %s is not allowed", refused[i].name);
    return FAIL(p, HSE_E_FORMAT, "0x%02x is no opcode", code);
}

static hse_status op_mark(pickle *p)
{
    if (p->n_marks == MAX_MARKS)
        return FAIL(p, HSE_E_LIMIT, "nested deeper than %d", MAX_MARKS);
    p->marks[p->n_marks++] = p->n_stack;
    return HSE_OK;
}

static hse_status op_frame(pickle *p)
{
    uint64_t n;
    hse_status s = take_number(p, 8, &n);

    if (s == HSE_OK && n > p->in.size - p->pos)
        return FAIL(p, HSE_E_FORMAT, "a frame of %" PRIu64 " bytes, %zu are left", n, p->in.size - p->pos);
    return s;
}

static hse_status op_pop_mark(pickle *p)
{
    size_t first = 0;
    hse_status s = pop_mark(p, &first);

    if (s == HSE_OK)
        p->n_stack = first;
    return s;
}

static hse_status op_dup(pickle *p)
{
    pk_ref r;
    hse_status s = top(p, &r);

    return s == HSE_OK ? push(p, r) : s;
}

static hse_status run_opcode(pickle *p, uint8_t code)
{
    pk_ref ignored;

    switch (code) {
    case '(': return op_mark(p);
    case '0': return pop(p, &ignored);
    case '1': return op_pop_mark(p);
    case '2': return op_dup(p);
    case 'N': return push(p, REF_NONE);
    case 0x88: return push(p, REF_TRUE);
    case 0x89: return push(p, REF_FALSE);
    case 'K': return op_int(p, 1, false);
    case 'M': return op_int(p, 2, false);
    case 'J': return op_int(p, 4, true);
    case 0x8a: return op_long(p, 1);
    case 0x8b: return op_long(p, 4);
    case 'G': return op_float(p);
    case 'U': return op_old_string(p, 1);
    case 'T': return op_old_string(p, 4);
    case 0x8c: return op_bytes(p, 1, PK_STRING);
    case 'X': return op_bytes(p, 4, PK_STRING);
    case 0x8d: return op_bytes(p, 8, PK_STRING);
    case 'C': return op_bytes(p, 1, PK_BYTES);
    case 'B': return op_bytes(p, 4, PK_BYTES);
    case 0x8e: return op_bytes(p, 8, PK_BYTES);
    case 0x96: return op_bytes(p, 8, PK_BYTES); /* a bytearray */
    case ']': return push_node(p, (node){.kind = PK_LIST});
    case 'a': return op_item(p, PK_LIST);
    case 'e': return op_items(p, PK_LIST);
    case 'l': return op_container(p, PK_LIST);
    case ')': return push(p, REF_EMPTY);
    case 't': return op_tuple(p);
    case 0x85: return op_tuple_of(p, 1);
    case 0x86: return op_tuple_of(p, 2);
    case 0x87: return op_tuple_of(p, 3);
    case '}': return push_node(p, (node){.kind = PK_DICT});
    case 's': return op_item(p, PK_DICT);
    case 'u': return op_items(p, PK_DICT);
    case 'd': return op_container(p, PK_DICT);
    case 0x8f: return push_node(p, (node){.kind = PK_INERT}); /* an empty set */
    case 0x90: return op_items(p, PK_INERT);
    case 0x91: return op_frozenset(p);
    case 'h': return op_get(p, 1);
    case 'j': return op_get(p, 4);
    case 'q': return op_put_at(p, 1);
    case 'r': return op_put_at(p, 4);
    case 0x94: return op_put(p, p->memo_used);
    case 'c': return op_global(p);
    case 0x93: return op_stack_global(p);
    case 'R': return op_reduce(p);
    case 0x81: return op_new(p, false);
    case 0x92: return op_new(p, true);
    case 'b': return op_build(p);
    case 'Q': return op_persistent(p);
    case 0x95: return op_frame(p);
    default: return refuse(p, code);
    }
}

static hse_status run(pickle *p)
{
    hse_status s = HSE_OK;

    if (p->in.size < 2 || p->in.data[0] != 0x80)
        return FAIL(p, HSE_E_FORMAT, "does not begin with its protocol number");
    if (p->in.data[1] < 2 || p->in.data[1] > 5)
        return FAIL(p, HSE_E_UNSUPPORTED, "protocol %u, read are 2 to 5", p->in.data[1]);
    p->pos = 2;
    for (uint32_t n = 0; s == HSE_OK; n++) {
        if (p->pos == p->in.size)
            return FAIL(p, HSE_E_FORMAT, "cut off: no STOP before its end");
        if (n == MAX_OPCODES)
            return FAIL(p, HSE_E_LIMIT, "more than %d opcodes", MAX_OPCODES);
        uint8_t code = p->in.data[p->pos++];
        if (code == '.')
            break;
        s = run_opcode(p, code);
    }
    if (s != HSE_OK || (s = pop(p, &p->root)) != HSE_OK)
        return s;
    if (p->n_stack || p->n_marks)
        return FAIL(p, HSE_E_FORMAT, "%zu values are left on the stack", p->n_stack);
    return HSE_OK;
}

hse_status pickle_read(pickle **out, hse_bytes in, size_t *used, uint64_t at, size_t memory, hse_error *err)
{
    pickle *p = hse_calloc(1, sizeof *p);
    hse_status s;

    if (!p)
        return hse_fail(err, HSE_E_NOMEM, at, "no memory for a pickle");
    *p = (pickle){.in = {in.data, in.size < REF_UNSET ? in.size : REF_UNSET}, .at = at, .budget = memory, .err = err};
    static const node fixed[N_FIXED] = {[REF_NONE] = {.kind = PK_NONE},
                                        [REF_FALSE] = {.kind = PK_BOOL},
                                        [REF_TRUE] = {.kind = PK_BOOL, .b = 1},
                                        [REF_EMPTY] = {.kind = PK_TUPLE}};
    if ((s = reserve(p, &p->nodes, 0, &p->cap_nodes, N_FIXED, sizeof *p->nodes)) == HSE_OK) {
        memcpy(p->nodes, fixed, sizeof fixed);
        p->n_nodes = N_FIXED;
        s = run(p);
    }
    if (s != HSE_OK) {
        pickle_close(&p);
        return s;
    }
    p->err = NULL;
    *used = p->pos;
    *out = p;
    return HSE_OK;
}

void pickle_close(pickle **at)
{
    pickle *p = *at;

    *at = NULL;
    if (!p)
        return;
    hse_free(p->nodes);
    hse_free(p->refs);
    hse_free(p->stack);
    hse_free(p->memo);
    hse_free(p->cells);
    hse_free(p);
}
