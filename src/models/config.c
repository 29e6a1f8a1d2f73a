#include "models/config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

hse_status model_config_open(model_config *c, const char *text, size_t size, const char *name, const char *member,
                             hse_error *err)
{
    json_error_t e;

    *c = (model_config){.name = name};
    if (size > MODEL_CONFIG_BYTES)
        return hse_fail(err, HSE_E_LIMIT, 0, "%s has %zu bytes; at most %d are read", name, size, MODEL_CONFIG_BYTES);
    if (!(c->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e)))
        return hse_fail(err, HSE_E_FORMAT, e.position < 0 ? 0 : (uint64_t)e.position, "%s is not JSON: line %d: %.120s",
                        name, e.line, e.text);
    c->object = json_object_get(c->root, member);
    if (!json_is_object(c->object)) {
        json_decref(c->root);
        c->root = NULL;
        return hse_fail(err, HSE_E_FORMAT, 0, "%s has no object \"%s\"", name, member);
    }
    return HSE_OK;
}

void model_config_problem(model_config *c, const char *fmt, ...)
{
    va_list args;

    if (c->problems++)
        return;
    va_start(args, fmt);
    vsnprintf(c->first, sizeof c->first, fmt, args);
    va_end(args);
}

hse_status model_config_close(model_config *c, hse_error *err)
{
    const char *key;
    json_t *value;
    hse_status s = HSE_OK;

    json_object_foreach(c->object, key, value)
    {
        bool known = false;
        for (int i = 0; i < c->n_asked; i++)
            known = known || strcmp(c->asked[i], key) == 0;
        if (!known)
            model_config_problem(c, "\"%.60s\" is not an argument of this model", key);
    }
    if (c->problems > 1)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s: %s (and %d more)", c->name, c->first, c->problems - 1);
    else if (c->problems)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s: %s", c->name, c->first);
    json_decref(c->root);
    c->root = c->object = NULL;
    return s;
}

static json_t *ask(model_config *c, const char *key)
{
    json_t *v = json_object_get(c->object, key);

    if (c->n_asked < MODEL_CONFIG_MEMBERS)
        c->asked[c->n_asked++] = key;
    if (!v)
        model_config_problem(c, "\"%s\" is missing", key);
    return v;
}

static const char *kind(const json_t *v)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};

    return names[json_typeof(v)];
}

static int int_of(model_config *c, const char *key, const json_t *v, int low, int high)
{
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v)) {
        model_config_problem(c, "\"%s\" is %s; an integer was expected", key, kind(v));
        return low;
    }
    if (n < low || n > high) {
        model_config_problem(c, "\"%s\" is %lld; %d to %d was expected", key, (long long)n, low, high);
        return low;
    }
    return (int)n;
}

int model_config_int(model_config *c, const char *key, int low, int high)
{
    const json_t *v = ask(c, key);

    return v ? int_of(c, key, v, low, high) : low;
}

static bool real_of(model_config *c, const char *key, const json_t *v, double low, double high, double *out)
{
    double x = json_number_value(v);

    if (!json_is_number(v))
        model_config_problem(c, "\"%s\" is %s; a number was expected", key, kind(v));
    else if (!(x >= low && x <= high))
        model_config_problem(c, "\"%s\" is %g; %g to %g was expected", key, x, low, high);
    else
        return *out = x, true;
    return false;
}

double model_config_real(model_config *c, const char *key, double low, double high)
{
    const json_t *v = ask(c, key);
    double x = low;

    if (v)
        real_of(c, key, v, low, high, &x);
    return x;
}

bool model_config_bool(model_config *c, const char *key)
{
    const json_t *v = ask(c, key);

    if (v && !json_is_boolean(v))
        model_config_problem(c, "\"%s\" is %s; true or false was expected", key, kind(v));
    return json_is_true(v);
}

int model_config_word(model_config *c, const char *key, const char *const *words)
{
    const json_t *v = ask(c, key);

    if (!v)
        return 0;
    for (int i = 0; words[i]; i++)
        if (json_is_string(v) && strcmp(json_string_value(v), words[i]) == 0)
            return i;
    model_config_problem(c, "\"%s\" is %.60s; it is not one of those supported (%s, ...)", key,
                         json_is_string(v) ? json_string_value(v) : kind(v), words[0]);
    return 0;
}

int model_config_ints(model_config *c, const char *key, int *out, int max, int low, int high)
{
    const json_t *v = ask(c, key);
    size_t n = json_array_size(v);

    if (!v)
        return 0;
    if (!json_is_array(v) || n == 0 || n > (size_t)max) {
        model_config_problem(c, "\"%s\" must be a list of 1 to %d integers", key, max);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = int_of(c, key, json_array_get(v, i), low, high);
    return (int)n;
}

bool model_config_sub_real(model_config *c, const char *key, const char *sub, const char *const *known, double low,
                           double high, double *out)
{
    json_t *v = ask(c, key), *value;
    const char *name;
    bool found = false;

    if (!v)
        return false;
    if (!json_is_object(v)) {
        model_config_problem(c, "\"%s\" is %s; an object was expected", key, kind(v));
        return false;
    }
    json_object_foreach(v, name, value)
    {
        bool allowed = false;
        for (int i = 0; known[i]; i++)
            allowed = allowed || strcmp(known[i], name) == 0;
        if (!allowed)
            model_config_problem(c, "\"%s\" has \"%.60s\", which is not supported", key, name);
        if (sub && strcmp(name, sub) == 0)
            found = real_of(c, sub, value, low, high, out);
    }
    return found;
}

bool model_config_beside(model_config *c, const char *key, double low, double high, double *out)
{
    const json_t *v = json_object_get(c->root, key);

    return v && real_of(c, key, v, low, high, out);
}
