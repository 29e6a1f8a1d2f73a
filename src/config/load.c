/* load.c - a config from all its sources: defaults, file, variables, flags; and where each value came from. */
#include "config/inner.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_MEMORY = 8 << 20, MAX_KEY_FILE = 1 << 20 };

char *hse_config_note(hse_arena *arena, const char *fmt, ...)
{
    char text[4352];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return hse_arena_strndup(arena, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* An object in which every setting has its default. */
static hse_status new_config(owned_config **out, hse_error *err)
{
    owned_config *o = hse_calloc(1, sizeof *o);
    hse_config *c = o ? &o->config : NULL;
    hse_status s = HSE_OK;

    if (!o)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the config");
    hse_arena_init(&o->arena, MAX_MEMORY);
    for (const hse_setting *f = hse_settings; f->key && s == HSE_OK; f++)
        if (f->fallback)
            s = hse_setting_take(f, f->fallback, c, &o->arena, f->key, err);
    if (s == HSE_OK)
        *out = o;
    else
        hse_config_close(&c);
    return s;
}

/* $XDG_STATE_HOME/hse, ~/.local/state/hse; without a home (a service) a folder of its own below /var/lib. */
static hse_status default_state(owned_config *o, hse_error *err)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (o->config.state_dir)
        return HSE_OK;
    if (xdg && *xdg == '/')                             /* a relative one is to be ignored, says its specification */
        o->config.state_dir = hse_config_note(&o->arena, "%s/hse", xdg);
    else if (home && *home == '/')
        o->config.state_dir = hse_config_note(&o->arena, "%s/.local/state/hse", home);
    else
        o->config.state_dir = hse_config_note(&o->arena, "%s", "/var/lib/hse");
    return o->config.state_dir ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory for the config");
}

static hse_status read_file(owned_config *o, const char *path, hse_buf *report, hse_error *err)
{
    char *text = NULL;
    size_t size = 0;
    hse_status s = hse_file_read(&text, &size, path, HSE_CONFIG_MAX_FILE, err);

    if (s == HSE_OK)
        s = hse_config_read_yaml(o, (hse_bytes){(const uint8_t *)text, size}, path, report, err);
    hse_free(text);
    return s;
}

/* Mistakes of variables and flags: all are listed, *err gets the first. */
typedef struct {
    owned_config *owned;
    hse_buf      *report;
    hse_error    *err;
    unsigned      mistakes;
    hse_status    status;                   /* HSE_E_NOMEM ends it */
} layer;

static void layer_take(layer *l, size_t i, const char *text, const char *where)
{
    hse_error err = {0};
    hse_status s = hse_setting_take(&hse_settings[i], text, &l->owned->config, &l->owned->arena, where, &err);

    if (s == HSE_OK) {
        l->owned->place[i] = (mark){0, 0};              /* the file's value is not what counts */
        l->owned->places[i] = NULL;
    }
    if (s == HSE_OK && !(l->owned->origin[i] = hse_config_note(&l->owned->arena, "%s", where)))
        s = hse_fail(&err, HSE_E_NOMEM, 0, "no memory for the config");
    if (s == HSE_E_NOMEM)
        l->status = s;
    else if (s != HSE_OK && l->report)
        hse_buf_printf(l->report, "%s\n", err.text);
    if (s != HSE_OK && l->mistakes++ == 0 && l->err)
        *l->err = err;
}

static const char *variable(const char *name)
{
    const char *value = name ? getenv(name) : NULL;

    return value && *value ? value : NULL;
}

/* HSE's names for two things are words that many programs read (MAX_JOBS, VERBOSE), so what is no answer for us is no mistake. */
static const char *foreign_value(const hse_setting *f, const char *value)
{
    char *end = NULL;

    if (strcmp(f->foreign, "MAX_JOBS") == 0) {
        long n = strtol(value, &end, 10);
        return *end || n < 1 || n > 256 ? NULL : value;
    }
    if (strcmp(f->foreign, "VERBOSE") == 0)
        return strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0 ? "debug" : NULL;
    return value;
}

static void take_variables(layer *l)
{
    for (size_t i = 0; hse_settings[i].key && l->status == HSE_OK; i++) {
        const hse_setting *f = &hse_settings[i];
        const char *name = f->variable, *value = variable(name);

        if (!value && (value = variable(f->foreign)) && (value = foreign_value(f, value)))
            name = f->foreign;
        if (value)
            layer_take(l, i, value, name);
    }
}

static void take_flags(layer *l, const hse_config_flag *flags, size_t n)
{
    for (size_t j = 0; j < n && l->status == HSE_OK; j++)
        for (size_t i = 0; hse_settings[i].key; i++)
            if (strcmp(hse_settings[i].key, flags[j].key) == 0)
                layer_take(l, i, flags[j].value, flags[j].where);
}

/* Keep what a reload needs. */
static hse_status remember(owned_config *o, const char *path, const hse_config_flag *flags, size_t n, hse_error *err)
{
    hse_config_flag *copy = hse_arena_array(&o->arena, n + 1, sizeof *copy);
    bool ok = copy && (!path || (o->path = hse_config_note(&o->arena, "%s", path)));

    for (size_t i = 0; ok && i < n; i++) {
        copy[i].key = hse_arena_strndup(&o->arena, flags[i].key, strlen(flags[i].key));
        copy[i].value = hse_arena_strndup(&o->arena, flags[i].value, strlen(flags[i].value));
        copy[i].where = hse_arena_strndup(&o->arena, flags[i].where, strlen(flags[i].where));
        ok = copy[i].key && copy[i].value && copy[i].where;
    }
    if (!ok)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the config");
    o->flags = copy;
    o->flag_count = n;
    return HSE_OK;
}

static size_t setting_index(const char *key)
{
    size_t i = 0;

    while (hse_settings[i].key && strcmp(hse_settings[i].key, key) != 0)
        i++;
    return i;
}

/* HSE_HOST also tells the command line where a server is, so it may bring a port, which counts where none was given in its own
 * way. */
static hse_status split_host(owned_config *o, hse_error *err)
{
    size_t port = setting_index("port"), from = 0, to = 0;
    int brought = -1;

    if (!hse_host_split(o->config.host, &from, &to, &brought))
        return hse_fail(err, HSE_E_ARG, 0, "host: '%.40s' is no address", o->config.host);
    if (brought >= 0 && !o->origin[port]) {
        o->config.port = brought;
        o->origin[port] = o->origin[setting_index("host")];
    }
    o->config.host = hse_arena_strndup(&o->arena, o->config.host + from, to - from);
    return o->config.host ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory for the config");
}

/* What a header can carry: another file was meant, where it holds more than that. */
static hse_status check_keys(const char *path, const char *text, size_t size, hse_error *err)
{
    size_t line = 1;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == 0x7f || (c < ' ' && c != '\n' && c != '\r' && c != '\t'))
            return hse_fail(err, HSE_E_FORMAT, i, "api_key_file: %.150s, line %zu: byte 0x%02x is no character of a key", path, line, c);
        line += c == '\n';
    }
    return HSE_OK;
}

/* The keys of api_key_file come after those that the config names. */
static hse_status read_keys(owned_config *o, hse_error *err)
{
    hse_config *c = &o->config;
    char *text = NULL;
    size_t size = 0, lines = 1, n = 0;

    if (!c->api_key_file)
        return HSE_OK;
    hse_status s = hse_file_read(&text, &size, c->api_key_file, MAX_KEY_FILE, err);
    if (s != HSE_OK)
        return hse_fail_in(err, s, "api_key_file");
    if ((s = check_keys(c->api_key_file, text, size, err)) != HSE_OK) {
        hse_free(text);
        return s;
    }
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    const char **keys = hse_arena_array(&o->arena, lines + c->api_key_count, sizeof *keys);
    for (; keys && n < c->api_key_count; n++)
        keys[n] = c->api_keys[n];
    for (char *line = text; keys && line && s == HSE_OK;) {
        char *end = strchr(line, '\n'), *word = line + strspn(line, " \t\r");
        size_t length = strcspn(word, " \t\r\n");
        line = end ? end + 1 : NULL;
        if (!length || *word == '#')
            continue;
        if (!(keys[n++] = hse_arena_strndup(&o->arena, word, length)))
            s = HSE_E_NOMEM;
    }
    hse_free(text);
    if (!keys || s != HSE_OK)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the keys of api_key_file");
    if (n == c->api_key_count)                          /* an empty file must not mean "no key is asked for" */
        return hse_fail(err, HSE_E_FORMAT, 0, "api_key_file: %s has no key", c->api_key_file);
    c->api_keys = keys;
    c->api_key_count = n;
    return HSE_OK;
}

/* What browsers call an origin: scheme, "://", host and perhaps a port, and nothing behind it. */
static bool is_origin(const char *text)
{
    const char *host = strstr(text, "://");

    return strcmp(text, "*") == 0 || (host && host > text && host[3] && !strpbrk(host + 3, "/?#@*") && !strpbrk(text, " \""));
}

static hse_status check_origins(const hse_config *c, hse_error *err)
{
    for (size_t i = 0; i < c->cors_origin_count; i++)
        if (!is_origin(c->cors_origins[i]))
            return hse_fail(err, HSE_E_ARG, i, "cors_origins: '%.100s' is no origin; expected https://HOST or http://HOST:PORT without a path, or *",
                            c->cors_origins[i]);
    return HSE_OK;
}

/* files: what the config names may be read, too. */
static hse_status complete(owned_config *o, bool files, hse_error *err)
{
    hse_status s = default_state(o, err);

    if (s == HSE_OK)
        s = split_host(o, err);
    if (s == HSE_OK)
        s = check_origins(&o->config, err);
    if (s == HSE_OK && files)
        s = read_keys(o, err);
    return s;
}

static hse_status give(hse_config **out, owned_config *o, hse_status s)
{
    hse_config *config = o ? &o->config : NULL;

    if (s == HSE_OK)
        *out = config;
    else
        hse_config_close(&config);
    return s;
}

hse_status hse_config_parse(hse_config **out, hse_bytes yaml, const char *name, hse_buf *report, hse_error *err)
{
    owned_config *o = NULL;
    hse_status s = new_config(&o, err);

    if (s == HSE_OK)
        s = hse_config_read_yaml(o, yaml, name, report, err);
    if (s == HSE_OK)
        s = complete(o, false, err);
    return give(out, o, s);
}

hse_status hse_config_open(hse_config **out, const char *path, hse_buf *report, hse_error *err)
{
    owned_config *o = NULL;
    hse_status s = new_config(&o, err);

    if (s == HSE_OK)
        s = read_file(o, path, report, err);
    if (s == HSE_OK)
        s = complete(o, true, err);
    return give(out, o, s);
}

hse_status hse_config_load(hse_config **out, const char *path, const hse_config_flag *flags, size_t n, hse_buf *report,
                           hse_error *err)
{
    owned_config *o = NULL;
    layer l = {.report = report, .err = err};
    hse_status s = new_config(&o, err);

    if (s == HSE_OK)
        s = remember(o, path, flags, n, err);
    if (s == HSE_OK && path)
        s = read_file(o, path, report, err);
    if (s == HSE_OK) {
        l.owned = o;
        take_variables(&l);
        take_flags(&l, flags, n);
        if (l.mistakes)
            s = l.status != HSE_OK ? l.status : HSE_E_ARG;
        if (l.mistakes > 1 && err) {
            size_t size = strlen(err->text);
            snprintf(err->text + size, sizeof err->text - size, " (and %u more)", l.mistakes - 1);
        }
    }
    if (s == HSE_OK)
        s = complete(o, true, err);
    return give(out, o, s);
}

hse_status hse_config_reload(hse_config **out, const hse_config *old, hse_buf *report, hse_error *err)
{
    const owned_config *o = (const void *)old;

    return hse_config_load(out, o->path, o->flags, o->flag_count, report, err);
}

const char *hse_config_origin(const hse_config *config, const char *key)
{
    const owned_config *o = (const void *)config;
    size_t i = setting_index(key);

    return hse_settings[i].key && o->origin[i] ? o->origin[i] : "default";
}

void hse_config_close(hse_config **config)
{
    owned_config *o = (owned_config *)(void *)*config;

    if (!o)
        return;
    hse_arena_free(&o->arena);
    hse_free(o);
    *config = NULL;
}
