#include "engine/config.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum {
    MAX_FILE = 1 << 20, MAX_MEMORY = 8 << 20, MAX_DEPTH = 16, MAX_LIST = 4096, MAX_TEXT = 4096,
    MAX_LISTED = 100,                       /* mistakes that are written out; the rest is counted */
};

typedef enum { TEXT, INTEGER, NUMBER, BOOLEAN, DTYPE, TEXTS, OBJECT, MODELS, ALIASES } field_type;

typedef struct field {
    const char *name;
    field_type  type;
    size_t      offset;                     /* in the struct that the table describes */
    double      min, max;                   /* INTEGER, NUMBER */
    bool        required;
    const struct field *sub;                /* OBJECT: its fields, in the same struct; NULL-named end */
} field;

#define MODEL(field) offsetof(hse_model_config, field)
#define CONFIG(field) offsetof(hse_config, field)

static const field device_fields[] = {
    {"device", TEXT, MODEL(device), 0, 0, false, NULL},
    {"device_map", TEXT, MODEL(device_map), 0, 0, false, NULL},
    {NULL, TEXT, 0, 0, 0, false, NULL},
};

static const field model_fields[] = {
    {"name", TEXT, MODEL(name), 0, 0, true, NULL},
    {"model", TEXT, MODEL(model), 0, 0, true, NULL},
    {"model_type", TEXT, MODEL(model_type), 0, 0, true, NULL},
    {"revision", TEXT, MODEL(revision), 0, 0, false, NULL},
    {"language", TEXT, MODEL(language), 0, 0, false, NULL},
    {"voices", TEXTS, MODEL(voices), 0, 0, false, NULL},
    {"max_batch_size", INTEGER, MODEL(max_batch_size), 1, 256, false, NULL},
    {"dtype", DTYPE, MODEL(dtype), 0, 0, false, NULL},
    {"load_format", TEXT, MODEL(load_format), 0, 0, false, NULL},
    {"compute_type", TEXT, MODEL(compute_type), 0, 0, false, NULL},
    {"device_config", OBJECT, 0, 0, 0, false, device_fields},
    {"watermark", BOOLEAN, MODEL(watermark), 0, 0, false, NULL},
    {NULL, TEXT, 0, 0, 0, false, NULL},
};

static const field config_fields[] = {
    {"model_configs", MODELS, 0, 0, 0, false, NULL},
    {"aliases", ALIASES, 0, 0, 0, false, NULL},
    {"models", TEXT, CONFIG(models_dir), 0, 0, false, NULL},
    {"threads", INTEGER, CONFIG(threads), 1, 256, false, NULL},
    {"max_requests", INTEGER, CONFIG(max_requests), 1, 1000000, false, NULL},
    {"cpu", TEXT, CONFIG(cpu), 0, 0, false, NULL},
    {"dtype", DTYPE, CONFIG(dtype), 0, 0, false, NULL},
    {"timeout_s", NUMBER, CONFIG(timeout_s), 0.001, 1e9, false, NULL},
    {"host", TEXT, CONFIG(host), 0, 0, false, NULL},
    {"port", INTEGER, CONFIG(port), 0, 65535, false, NULL},
    {"api_keys", TEXTS, CONFIG(api_keys), 0, 0, false, NULL},
    {"log_level", TEXT, CONFIG(log_level), 0, 0, false, NULL},
    {"text_normalization", TEXT, CONFIG(text_normalization), 0, 0, false, NULL},
    {"max_upload_mb", INTEGER, CONFIG(max_upload_mb), 1, 1 << 20, false, NULL},
    {NULL, TEXT, 0, 0, 0, false, NULL},
};

/* The config, and what it owns. */
typedef struct {
    hse_config config;
    hse_arena  arena;
} owned_config;

typedef struct {
    yaml_parser_t parser;
    yaml_event_t  event;
    bool          broken;                   /* not YAML, or no memory: reading has ended */
    hse_status    status;                   /* HSE_E_NOMEM where that was the reason */
    int           depth;
    owned_config *owned;
    const char   *name;
    hse_buf      *report;
    char          first[200];
    unsigned      mistakes;
    hse_buf       models, aliases, words;   /* growing lists of hse_model_config, hse_model_alias, char * */
} reader;

static const struct {
    const char      *word;
    hse_dtype_choice dtype;
} dtype_words[] = {
    {"auto", HSE_DTYPE_AUTO},         {"float32", HSE_DTYPE_FLOAT32}, {"bfloat16", HSE_DTYPE_BFLOAT16},
    {"int8", HSE_DTYPE_INT8},         {"float16", HSE_DTYPE_FLOAT16}, {"float", HSE_DTYPE_FLOAT32},
    {"fp32", HSE_DTYPE_FLOAT32},      {"f32", HSE_DTYPE_FLOAT32},     {"bf16", HSE_DTYPE_BFLOAT16},
    {"half", HSE_DTYPE_FLOAT16},      {"fp16", HSE_DTYPE_FLOAT16},
};

bool hse_dtype_choice_parse(const char *word, hse_dtype_choice *out)
{
    for (size_t i = 0; i < COUNT(dtype_words); i++)
        if (strcmp(word, dtype_words[i].word) == 0) {
            *out = dtype_words[i].dtype;
            return true;
        }
    return false;
}

const char *hse_dtype_choice_name(hse_dtype_choice d)
{
    for (size_t i = 0; i < COUNT(dtype_words); i++)
        if (dtype_words[i].dtype == d)
            return dtype_words[i].word;
    return "default";
}

static void mistake(reader *r, const yaml_mark_t *at, const char *fmt, ...) HSE_PRINTF(3, 4);

static void mistake(reader *r, const yaml_mark_t *at, const char *fmt, ...)
{
    char text[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (r->mistakes++ == 0)
        snprintf(r->first, sizeof r->first, "%s:%zu:%zu: %s", r->name, at->line + 1, at->column + 1, text);
    if (r->report && r->mistakes <= MAX_LISTED)
        hse_buf_printf(r->report, "%s:%zu:%zu: %s\n", r->name, at->line + 1, at->column + 1, text);
}

static void no_memory(reader *r)
{
    r->status = HSE_E_NOMEM;
    r->broken = true;
}

/* Move to the next event. After the end of a broken file every call says so. */
static bool next(reader *r)
{
    yaml_event_delete(&r->event);
    memset(&r->event, 0, sizeof r->event);
    if (r->broken)
        return false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        if (r->parser.error == YAML_MEMORY_ERROR) {
            no_memory(r);
        } else {
            mistake(r, &r->parser.problem_mark, "not YAML: %s",
                    r->parser.problem ? r->parser.problem : "unreadable");
            r->broken = true;
        }
        return false;
    }
    return true;
}

/* Step over the value that the current event begins; afterwards the current event is its last. */
static void skip(reader *r)
{
    int depth = 0;

    do {
        if (r->event.type == YAML_MAPPING_START_EVENT || r->event.type == YAML_SEQUENCE_START_EVENT)
            depth++;
        else if (r->event.type == YAML_MAPPING_END_EVENT || r->event.type == YAML_SEQUENCE_END_EVENT)
            depth--;
    } while (depth > 0 && next(r));
}

static const char *kind_of(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return "a single value";
    case YAML_SEQUENCE_START_EVENT: return "a list";
    case YAML_MAPPING_START_EVENT: return "a mapping";
    case YAML_ALIAS_EVENT: return "an alias (*name)";
    default: return "nothing";
    }
}

/* True when the current value is of that kind; else the mistake is noted and the value skipped. */
static bool expect(reader *r, yaml_event_type_t type, const char *key, const char *wanted)
{
    if (r->event.type == type)
        return true;
    mistake(r, &r->event.start_mark, "%s: expected %s, found %s", key, wanted, kind_of(&r->event));
    skip(r);
    return false;
}

static const char *scalar(const reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

static bool plain(const reader *r)
{
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const reader *r)
{
    const char *s = scalar(r);

    return plain(r) && (!*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 || strcmp(s, "Null") == 0 ||
                        strcmp(s, "NULL") == 0);
}

static bool is_mapping_end(const reader *r)
{
    return r->event.type == YAML_MAPPING_END_EVENT;
}

/* A copy of the current scalar, or NULL after noting what is wrong with it. */
static const char *take_text(reader *r, const char *key)
{
    size_t n = r->event.data.scalar.length;
    const char *s = scalar(r);

    if (n == 0) {
        mistake(r, &r->event.start_mark, "%s: the text is empty", key);
        return NULL;
    }
    if (n > MAX_TEXT) {
        mistake(r, &r->event.start_mark, "%s: the text has %zu bytes, the limit is %d", key, n, MAX_TEXT);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F) {
            mistake(r, &r->event.start_mark, "%s: a control character (0x%02x) in the text", key, (unsigned char)s[i]);
            return NULL;
        }
    char *copy = hse_arena_strndup(&r->owned->arena, s, n);
    if (!copy)
        no_memory(r);
    return copy;
}

static void read_integer(reader *r, const field *f, int64_t *out)
{
    const char *s = scalar(r);
    char *end = NULL;

    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (!plain(r) || end == s || *end || errno || strchr(" +", *s)) {
        mistake(r, &r->event.start_mark, "%s: expected a whole number, found '%.40s'", f->name, s);
    } else if ((double)v < f->min || (double)v > f->max) {
        mistake(r, &r->event.start_mark, "%s: %lld is not in %.0f..%.0f", f->name, v, f->min, f->max);
    } else {
        *out = v;
    }
}

static void read_number(reader *r, const field *f, double *out)
{
    const char *s = scalar(r);
    char *end = NULL;
    double v = strtod(s, &end);

    if (!plain(r) || end == s || *end || !isfinite(v) || strchr(" +xX", *s))
        mistake(r, &r->event.start_mark, "%s: expected a number, found '%.40s'", f->name, s);
    else if (v < f->min || v > f->max)
        mistake(r, &r->event.start_mark, "%s: %g is not in %g..%g", f->name, v, f->min, f->max);
    else
        *out = v;
}

static void read_boolean(reader *r, const field *f, int64_t *out)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "on"}, *const no[] = {"false", "False", "FALSE", "no", "off"};

    for (size_t i = 0; plain(r) && i < COUNT(yes); i++)
        if (strcmp(scalar(r), yes[i]) == 0 || strcmp(scalar(r), no[i]) == 0) {
            *out = strcmp(scalar(r), yes[i]) == 0;
            return;
        }
    mistake(r, &r->event.start_mark, "%s: expected true or false, found '%.40s'", f->name, scalar(r));
}

/* A list of texts goes to *out, *count (which stands right after *out in every struct of config.h). */
static void read_texts(reader *r, const field *f, const char *const **out, size_t *count)
{
    if (!expect(r, YAML_SEQUENCE_START_EVENT, f->name, "a list of texts"))
        return;
    hse_buf_clear(&r->words);
    while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        if (!expect(r, YAML_SCALAR_EVENT, f->name, "a text"))
            continue;
        const char *s = take_text(r, f->name);
        if (s)
            hse_buf_append(&r->words, &s, sizeof s);
    }
    if (r->words.status != HSE_OK) {
        no_memory(r);
        return;
    }
    const char **copy = hse_arena_array(&r->owned->arena, r->words.size / sizeof *copy + 1, sizeof *copy);
    if (!copy) {
        no_memory(r);
        return;
    }
    if (r->words.size)
        memcpy(copy, r->words.data, r->words.size);
    *count = r->words.size / sizeof *copy;
    *out = copy;
}

static void read_models(reader *r);
static void read_aliases(reader *r);
static void read_fields(reader *r, const field *fields, void *base, const char *what);

static void read_value(reader *r, const field *f, void *base)
{
    char *at = (char *)base + f->offset;

    if (r->event.type == YAML_SCALAR_EVENT && is_null(r) && f->type != MODELS) {
        if (f->required)
            mistake(r, &r->event.start_mark, "%s: a value is needed", f->name);
        return;
    }
    switch (f->type) {
    case MODELS: read_models(r); return;
    case ALIASES: read_aliases(r); return;
    case TEXTS: read_texts(r, f, (const char *const **)(void *)at, (size_t *)(void *)(at + sizeof(void *))); return;
    case OBJECT:
        if (expect(r, YAML_MAPPING_START_EVENT, f->name, "a mapping"))
            read_fields(r, f->sub, base, f->name);
        return;
    default: break;
    }
    if (!expect(r, YAML_SCALAR_EVENT, f->name, f->type == TEXT ? "a text" : "a single value"))
        return;
    if (f->type == TEXT) {
        const char *s = take_text(r, f->name);
        if (s)
            *(const char **)(void *)at = s;
    } else if (f->type == INTEGER) {
        read_integer(r, f, (int64_t *)(void *)at);
    } else if (f->type == NUMBER) {
        read_number(r, f, (double *)(void *)at);
    } else if (f->type == BOOLEAN) {
        read_boolean(r, f, (int64_t *)(void *)at);
    } else if (!hse_dtype_choice_parse(scalar(r), (hse_dtype_choice *)(void *)at)) {
        mistake(r, &r->event.start_mark, "%s: '%.40s' is none of auto, float32, bfloat16, int8, float16", f->name, scalar(r));
    }
}

/* Letters to change, add or drop to get from a to b; more than 2 counts as 3. */
static int distance(const char *a, const char *b)
{
    int row[2][34];
    size_t n = strlen(a), m = strlen(b);

    if (n > 32 || m > 32)
        return 3;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *up = row[(i - 1) & 1], *now = row[i & 1];

        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = up[j - 1] + (a[i - 1] != b[j - 1]);

            best = up[j] + 1 < best ? up[j] + 1 : best;
            now[j] = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
        }
    }
    return row[n & 1][m] > 2 ? 3 : row[n & 1][m];
}

static void unknown_key(reader *r, const field *fields, const char *what)
{
    const char *near = NULL;
    int best = 3;

    for (const field *f = fields; f->name; f++) {
        int d = distance(scalar(r), f->name);

        if (d < best) {
            best = d;
            near = f->name;
        }
    }
    if (near)
        mistake(r, &r->event.start_mark, "unknown key '%.60s' in %s (did you mean '%s'?)", scalar(r), what, near);
    else
        mistake(r, &r->event.start_mark, "unknown key '%.60s' in %s", scalar(r), what);
}

/* The current event is the mapping's start; afterwards it is its end. */
static void read_fields(reader *r, const field *fields, void *base, const char *what)
{
    uint64_t seen = 0;
    yaml_mark_t start = r->event.start_mark;

    while (next(r) && !is_mapping_end(r)) {
        const field *f = fields;

        if (!expect(r, YAML_SCALAR_EVENT, what, "a key")) {
            if (!next(r))
                return;
            skip(r);
            continue;
        }
        while (f->name && strcmp(f->name, scalar(r)) != 0)
            f++;
        if (!f->name)
            unknown_key(r, fields, what);
        else if (seen & 1u << (f - fields))
            mistake(r, &r->event.start_mark, "the key '%s' is there twice", f->name);
        bool read = f->name && !(seen & 1u << (f - fields));
        if (f->name)
            seen |= 1u << (f - fields);
        if (!next(r))
            return;
        if (read)
            read_value(r, f, base);
        else
            skip(r);
    }
    for (const field *f = fields; f->name && !r->broken; f++)
        if (f->required && !(seen & 1u << (f - fields)))
            mistake(r, &start, "%s: the key '%s' is missing", what, f->name);
}

static void read_models(reader *r)
{
    r->owned->config.has_models = true;
    if (r->event.type == YAML_SCALAR_EVENT && is_null(r))
        return;
    if (!expect(r, YAML_SEQUENCE_START_EVENT, "model_configs", "a list"))
        return;
    while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        hse_model_config m = {.watermark = -1, .line = (int)r->event.start_mark.line + 1};
        yaml_mark_t at = r->event.start_mark;
        unsigned before = r->mistakes;

        if (!expect(r, YAML_MAPPING_START_EVENT, "model_configs", "a mapping"))
            continue;
        read_fields(r, model_fields, &m, "model_configs");
        if (r->broken || r->mistakes != before || !m.name || !m.model || !m.model_type)
            continue;
        const hse_model_config *list = (const void *)r->models.data;
        for (size_t i = 0; i < r->models.size / sizeof m; i++)
            if (strcmp(list[i].name, m.name) == 0)
                mistake(r, &at, "the name '%.60s' is used twice, first in line %d", m.name, list[i].line);
        hse_buf_append(&r->models, &m, sizeof m);
        if (r->models.status == HSE_E_LIMIT) {
            mistake(r, &at, "more than %d models", MAX_LIST);
            r->broken = true;
        } else if (r->models.status != HSE_OK) {
            no_memory(r);
        }
    }
}

static void read_aliases(reader *r)
{
    if (!expect(r, YAML_MAPPING_START_EVENT, "aliases", "a mapping of names"))
        return;
    while (next(r) && !is_mapping_end(r)) {
        hse_model_alias a = {0};

        if (expect(r, YAML_SCALAR_EVENT, "aliases", "a name"))
            a.alias = take_text(r, "aliases");
        if (!next(r))
            return;
        if (expect(r, YAML_SCALAR_EVENT, "aliases", "a model's name"))
            a.model = take_text(r, "aliases");
        if (a.alias && a.model)
            hse_buf_append(&r->aliases, &a, sizeof a);
        if (r->aliases.status != HSE_OK)
            no_memory(r);
    }
}

static void read_document(reader *r)
{
    if (!next(r) || !next(r))                           /* stream start, then document start or stream end */
        return;
    if (r->event.type == YAML_STREAM_END_EVENT || !next(r))
        return;
    if (!(r->event.type == YAML_SCALAR_EVENT && is_null(r)) &&
        expect(r, YAML_MAPPING_START_EVENT, "the file", "a mapping with model_configs"))
        read_fields(r, config_fields, &r->owned->config, "the file");
    if (next(r) && next(r) && r->event.type != YAML_STREAM_END_EVENT)
        mistake(r, &r->event.start_mark, "a second document begins here; one is expected");
}

static void *arena_copy(reader *r, const hse_buf *b)
{
    void *p = hse_arena_alloc(&r->owned->arena, b->size + 1);

    if (!p)
        no_memory(r);
    else if (b->size)
        memcpy(p, b->data, b->size);
    return p;
}

static hse_status read_all(reader *r, hse_error *err)
{
    hse_config *c = &r->owned->config;

    c->port = -1;
    read_document(r);
    if (r->status == HSE_OK && !r->mistakes) {
        c->models = arena_copy(r, &r->models);
        c->model_count = r->models.size / sizeof *c->models;
        c->aliases = arena_copy(r, &r->aliases);
        c->alias_count = r->aliases.size / sizeof *c->aliases;
    }
    if (r->status != HSE_OK)
        return hse_fail(err, r->status, 0, "%s: no memory to read the config", r->name);
    if (r->mistakes > 1)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s (and %u more)", r->first, r->mistakes - 1);
    if (r->mistakes)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s", r->first);
    return HSE_OK;
}

hse_status hse_config_parse(hse_config **out, hse_bytes yaml, const char *name, hse_buf *report, hse_error *err)
{
    reader r = {.name = name, .report = report, .owned = hse_calloc(1, sizeof(owned_config))};

    if (!r.owned)
        return hse_fail(err, HSE_E_NOMEM, 0, "%s: no memory to read the config", name);
    hse_arena_init(&r.owned->arena, MAX_MEMORY);
    hse_buf_init(&r.models, MAX_LIST * sizeof(hse_model_config));
    hse_buf_init(&r.aliases, MAX_LIST * sizeof(hse_model_alias));
    hse_buf_init(&r.words, MAX_LIST * sizeof(char *));

    hse_status s = HSE_E_NOMEM;
    if (yaml.size > MAX_FILE) {
        s = hse_fail(err, HSE_E_LIMIT, MAX_FILE, "%s: the config has %zu bytes, the limit is %d", name, yaml.size, MAX_FILE);
    } else if (!yaml_parser_initialize(&r.parser)) {
        hse_fail(err, s, 0, "%s: no memory to read the config", name);
    } else {
        yaml_parser_set_input_string(&r.parser, yaml.size ? yaml.data : (const uint8_t *)"", yaml.size);
        s = read_all(&r, err);
        yaml_event_delete(&r.event);
        yaml_parser_delete(&r.parser);
    }
    hse_buf_free(&r.models);
    hse_buf_free(&r.aliases);
    hse_buf_free(&r.words);

    hse_config *config = &r.owned->config;
    if (s == HSE_OK)
        *out = config;
    else
        hse_config_close(&config);
    return s;
}

hse_status hse_config_open(hse_config **out, const char *path, hse_buf *report, hse_error *err)
{
    char *text = NULL;
    size_t size = 0;
    hse_status s = hse_file_read(&text, &size, path, MAX_FILE, err);

    if (s != HSE_OK)
        return s;
    s = hse_config_parse(out, (hse_bytes){(const uint8_t *)text, size}, path, report, err);
    hse_free(text);
    return s;
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
