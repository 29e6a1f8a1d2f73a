#include "formats/json.h"

#include "base/file.h"
#include "base/mem.h"
#include "formats/jscan.h"
#include "formats/names.h"

#include <pthread.h>

enum { FREE_COST = 16 << 20, MAX_BYTES = 256 << 20 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void use_our_memory(void)
{
    json_set_alloc_funcs(hse_alloc, hse_free);
}

/* What the scan cannot see: duplicate keys and numbers that do not fit. jansson's text may hold bytes of the input. */
static hse_status tree_error(const json_error_t *e, hse_error *err)
{
    enum json_error_code code = json_error_code(e);

    if (code == json_error_out_of_memory || e->text[0] == '\0')
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a JSON tree");
    return hse_fail(err, HSE_E_FORMAT, e->position > 0 ? (uint64_t)e->position : 0, "JSON, line %d, column %d: %s", e->line,
                    e->column, name_quote(e->text, strlen(e->text)).text);
}

static size_t max_bytes(const hse_json_limits *limits)
{
    return limits && limits->max_bytes ? limits->max_bytes : MAX_BYTES;
}

static hse_status parse(json_t **out, hse_bytes text, const hse_json_limits *limits, hse_error *err)
{
    jscan j = {.text = (const char *)text.data, .size = text.size, .err = err};
    size_t cost = 0, size = text.size;
    json_error_t e = {0};

    if (limits)
        j.max_depth = limits->max_depth;
    if (size > max_bytes(limits))
        return hse_fail(err, HSE_E_LIMIT, max_bytes(limits), "JSON of %zu bytes, the limit is %zu", size, max_bytes(limits));
    hse_status s = js_skip(&j, &cost);
    if (s != HSE_OK || (s = js_end(&j)) != HSE_OK)
        return s;
    if (cost > FREE_COST && (cost - FREE_COST) / 2 > size)
        return hse_fail(err, HSE_E_LIMIT, 0, "JSON of %zu bytes would take up %zu bytes of memory", size, cost);
    pthread_once(&once, use_our_memory);
    json_t *tree = json_loadb(j.text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (!tree)
        return tree_error(&e, err);
    *out = tree;
    return HSE_OK;
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
