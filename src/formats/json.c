/* json.c - the tree is built here, not by jansson's own parser: that one goes on with a character missing when memory
 * for its token runs out. Its objects, arrays and values report every failure. */
#include "formats/json.h"

#include "base/file.h"
#include "base/mem.h"
#include "formats/jscan.h"
#include "formats/names.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { FREE_COST = 16 << 20, MAX_BYTES = 256 << 20 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void prepare(void)
{
    json_set_alloc_funcs(hse_alloc, hse_free);
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static size_t max_bytes(const hse_json_limits *limits)
{
    return limits && limits->max_bytes ? limits->max_bytes : MAX_BYTES;
}

enum { KEY, VALUE };

/* Memory for a string with escapes, used again by the next one. */
typedef struct {
    char *data;
    size_t size;
} scratch;

typedef struct {
    jscan j;
    json_t *open[JSON_MAX_DEPTH]; /* the containers around the present place; [0] owns the others */
    int depth;
    scratch scratch[2];
} builder;

static hse_status no_memory(builder *b)
{
    return js_fail(&b->j, HSE_E_NOMEM, "no memory for its tree");
}

/* A string's bytes: those of the text where it has no escapes, else decoded to scratch. */
static hse_status take_string(builder *b, scratch *room, const char **out, size_t *length)
{
    jscan *j = &b->j;
    size_t start = (js_peek(j), j->pos);
    hse_status s = js_string(j, NULL, 0, length);

    if (s != HSE_OK)
        return s;
    *out = j->text + start + 1;
    if (j->pos - start == *length + 2) /* every escape is longer than what it stands for */
        return HSE_OK;
    if (room->size <= *length) {
        hse_free(room->data);
        room->size = *length + 1;
        if (!(room->data = hse_alloc(room->size))) {
            room->size = 0;
            return no_memory(b);
        }
    }
    j->pos = start;
    *out = room->data;
    return js_string(j, room->data, room->size, length);
}

static hse_status take_integer(builder *b, const char *text, size_t length, json_t **out)
{
    bool negative = text[0] == '-';
    int64_t v = 0;

    for (size_t i = negative; i < length; i++) {
        int digit = text[i] - '0';
        if (__builtin_mul_overflow(v, (int64_t)10, &v) || __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return js_fail(&b->j, HSE_E_FORMAT, "an integer beyond 64 bits");
    }
    *out = json_integer(v);
    return *out ? HSE_OK : no_memory(b);
}

static hse_status take_number(builder *b, json_t **out)
{
    const char *text = b->j.text + b->j.pos;
    char small[64], *copy = small;
    size_t length;
    bool integer;
    hse_status s = js_number(&b->j, &length, &integer);

    if (s != HSE_OK || integer)
        return s == HSE_OK ? take_integer(b, text, length, out) : s;
    if (length >= sizeof small && !(copy = hse_alloc(length + 1)))
        return no_memory(b);
    memcpy(copy, text, length);
    copy[length] = '\0';
    double v = strtod_l(copy, NULL, c_locale); /* a decimal point, whatever the user's language */
    if (copy != small)
        hse_free(copy);
    if (!isfinite(v))
        return js_fail(&b->j, HSE_E_FORMAT, "a real number beyond double");
    *out = json_real(v);
    return *out ? HSE_OK : no_memory(b);
}

static hse_status take_word(builder *b, json_t **out)
{
    char c = js_peek(&b->j);

    if (c != 't' && c != 'f' && c != 'n')
        return take_number(b, out);
    *out = c == 't' ? json_true() : c == 'f' ? json_false() : json_null();
    return js_skip(&b->j, NULL);
}

/* A value that is not a container, or an empty new container. */
static hse_status take_value(builder *b, json_t **out)
{
    char c = js_peek(&b->j);
    const char *text = NULL;
    size_t length = 0;
    hse_status s;

    if (c == '{' || c == '[') {
        b->j.pos++;
        *out = c == '{' ? json_object() : json_array();
    } else if (c == '"') {
        if ((s = take_string(b, &b->scratch[VALUE], &text, &length)) != HSE_OK)
            return s;
        *out = json_stringn_nocheck(text, length);
    } else {
        return take_word(b, out);
    }
    return *out ? HSE_OK : no_memory(b);
}

/* Put a value into the innermost container, which owns it from then on, also when this fails. */
static hse_status attach(builder *b, const char *key, size_t key_length, json_t *value)
{
    json_t *container = b->open[b->depth - 1];

    if (json_is_array(container))
        return json_array_append_new(container, value) == 0 ? HSE_OK : no_memory(b);
    return json_object_setn_new_nocheck(container, key, key_length, value) == 0 ? HSE_OK : no_memory(b);
}

/* The next key of an object; it stays in the text, or in its scratch, until the value is attached. */
static hse_status take_key(builder *b, const char **key, size_t *length)
{
    hse_status s = take_string(b, &b->scratch[KEY], key, length);

    if (s == HSE_OK && json_object_getn(b->open[b->depth - 1], *key, *length))
        return js_fail(&b->j, HSE_E_FORMAT, "a duplicate key, \"%s\"", name_quote(*key, *length).text);
    return s == HSE_OK ? js_expect(&b->j, ':', "':'") : s;
}

static bool push(builder *b, json_t *value)
{
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    b->open[b->depth++] = value; /* the scan has counted the levels */
    return true;
}

/* One value with all that it holds. The scan has found the text well-formed; what it cannot see is refused here. */
static hse_status build(builder *b, json_t **root)
{
    hse_status s = take_value(b, root);
    bool fresh = s == HSE_OK && push(b, *root); /* the innermost container has nothing in it yet */

    while (s == HSE_OK && b->depth) {
        char close = json_is_array(b->open[b->depth - 1]) ? ']' : '}';
        const char *key = NULL;
        size_t length = 0;
        json_t *value = NULL;
        bool more = true;
        if (fresh && js_peek(&b->j) == close)
            s = js_more(&b->j, close, &more);
        else if (!fresh)
            s = js_more(&b->j, close, &more);
        if (s != HSE_OK || !more) {
            b->depth--;
            fresh = false;
            continue;
        }
        if (close == '}')
            s = take_key(b, &key, &length);
        if (s == HSE_OK && (s = take_value(b, &value)) == HSE_OK && (s = attach(b, key, length, value)) == HSE_OK)
            fresh = push(b, value);
    }
    return s;
}

static hse_status parse(json_t **out, hse_bytes text, const hse_json_limits *limits, hse_error *err)
{
    builder b = {.j = {.text = (const char *)text.data, .size = text.size, .err = err}};
    size_t cost = 0, size = text.size;
    json_t *root = NULL;

    if (limits)
        b.j.max_depth = limits->max_depth;
    if (size > max_bytes(limits))
        return hse_fail(err, HSE_E_LIMIT, max_bytes(limits), "JSON of %zu bytes, the limit is %zu", size,
                        max_bytes(limits));
    hse_status s = js_skip(&b.j, &cost);
    if (s != HSE_OK || (s = js_end(&b.j)) != HSE_OK)
        return s;
    if (cost > FREE_COST && (cost - FREE_COST) / 2 > size)
        return hse_fail(err, HSE_E_LIMIT, 0, "JSON of %zu bytes would take up %zu bytes of memory", size, cost);
    pthread_once(&once, prepare);
    if (!c_locale)
        return no_memory(&b);
    b.j.pos = 0;
    s = build(&b, &root);
    hse_free(b.scratch[KEY].data);
    hse_free(b.scratch[VALUE].data);
    if (s == HSE_OK)
        *out = root;
    else
        json_decref(root);
    return s;
}

hse_status hse_json_parse(json_t **out, hse_bytes text, const char *what, const hse_json_limits *limits, hse_error *err)
{
    hse_status s = parse(out, text, limits, err);

    return s == HSE_OK || !what ? s : hse_fail_in(err, s, "%s", what);
}

hse_status hse_json_load(json_t **out, const char *path, const hse_json_limits *limits, hse_error *err)
{
    char *text = NULL;
    size_t size = 0;
    hse_status s = hse_file_read(&text, &size, path, max_bytes(limits), err);

    if (s == HSE_OK)
        s = hse_json_parse(out, (hse_bytes){(const uint8_t *)text, size}, path, limits, err);
    hse_free(text);
    return s;
}
