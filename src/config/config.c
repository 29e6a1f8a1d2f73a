#include "config/inner.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum {
    MAX_LIST = 4096, MAX_TEXT = 4096,
    MAX_LISTED = 100,                       /* mistakes that are written out; the rest is counted */
};

#define MODEL(field) offsetof(hse_model_config, field)
#define FIELD(key, type, offset, min, max, required, sub)                                                                              \
    {key, NULL, NULL, NULL, type, offset, min, max, NULL, NULL, false, required, sub, NULL}

#define END FIELD(NULL, HSE_SET_TEXT, 0, 0, 0, false, NULL)
#define DEVICE_FIELDS                                                                                                          \
    FIELD("device", HSE_SET_TEXT, MODEL(device), 0, 0, false, NULL), FIELD("device_map", HSE_SET_TEXT, MODEL(device_map), 0, 0, false, NULL)
#define PLAIN_FIELDS                                                                                                           \
    FIELD("name", HSE_SET_TEXT, MODEL(name), 0, 0, true, NULL), FIELD("model", HSE_SET_TEXT, MODEL(model), 0, 0, true, NULL),  \
    FIELD("model_type", HSE_SET_TEXT, MODEL(model_type), 0, 0, true, NULL),                                                    \
    FIELD("revision", HSE_SET_TEXT, MODEL(revision), 0, 0, false, NULL),                                                       \
    FIELD("language", HSE_SET_TEXT, MODEL(language), 0, 0, false, NULL),                                                       \
    FIELD("voices", HSE_SET_TEXTS, MODEL(voices), 0, 0, false, NULL),                                                          \
    FIELD("max_batch_size", HSE_SET_INTEGER, MODEL(max_batch_size), 1, 256, false, NULL),                                      \
    FIELD("instances", HSE_SET_INTEGER, MODEL(instances), 1, 64, false, NULL),                                                 \
    FIELD("keep_alive", HSE_SET_DURATION, MODEL(keep_alive), -1, 1e9, false, NULL),                                            \
    FIELD("dtype", HSE_SET_DTYPE, MODEL(dtype), 0, 0, false, NULL),                                                            \
    FIELD("load_format", HSE_SET_TEXT, MODEL(load_format), 0, 0, false, NULL),                                                 \
    FIELD("compute_type", HSE_SET_TEXT, MODEL(compute_type), 0, 0, false, NULL),                                               \
    FIELD("watermark", HSE_SET_BOOLEAN, MODEL(watermark), 0, 0, false, NULL)

static const hse_setting device_fields[] = {DEVICE_FIELDS, END};
static const hse_setting model_fields[] = {PLAIN_FIELDS, FIELD("device_config", HSE_SET_OBJECT, 0, 0, 0, false, device_fields), END};
static const hse_setting flat_fields[] = {PLAIN_FIELDS, DEVICE_FIELDS, END};

_Static_assert(COUNT(model_fields) <= HSE_MODEL_KEYS, "a mark for each key");

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
    hse_buf       models, marks, words, places;         /* growing lists of hse_model_config, model_marks, char *, mark */
    mark         *seen;                     /* where the keys of the mapping that is read stand; NULL: nobody asks */
} reader;

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

/* A number or a word that means true must not stand in quotes; what a setting takes is settings.c's matter. */
static void read_scalar(reader *r, const hse_setting *f, void *base)
{
    bool quoted = !plain(r) && (f->type == HSE_SET_INTEGER || f->type == HSE_SET_NUMBER || f->type == HSE_SET_BOOLEAN);
    hse_error err = {0};
    hse_status s;

    if (r->event.data.scalar.length != strlen(scalar(r))) {
        mistake(r, &r->event.start_mark, "%s: a NUL character in the text", f->key);
        return;
    }
    if (quoted) {
        static const char *const wanted[] = {[HSE_SET_INTEGER] = "a whole number", [HSE_SET_NUMBER] = "a number",
                                             [HSE_SET_BOOLEAN] = "true or false"};
        mistake(r, &r->event.start_mark, "%s: expected %s, found '%.40s'", f->key, wanted[f->type], scalar(r));
        return;
    }
    if ((s = hse_setting_take(f, scalar(r), base, &r->owned->arena, f->key, &err)) == HSE_E_NOMEM)
        no_memory(r);
    else if (s != HSE_OK)
        mistake(r, &r->event.start_mark, "%s", err.text);
}

static mark place_of(const reader *r)
{
    return (mark){(unsigned)r->event.start_mark.line + 1, (unsigned)r->event.start_mark.column + 1};
}

static void note_place(reader *r)
{
    mark m = place_of(r);

    hse_buf_append(&r->places, &m, sizeof m);
}

static void *arena_copy(reader *r, const hse_buf *b);

/* What was collected in `words`, `per` texts an item, goes to the setting at `at`. */
static void take_words(reader *r, const hse_setting *f, void *at, size_t per)
{
    if (r->words.status == HSE_E_LIMIT) {
        mistake(r, &r->event.start_mark, "more than %d texts in a list", MAX_LIST);
        return;
    }
    const char **copy = r->words.status == HSE_OK ? hse_arena_array(&r->owned->arena, r->words.size / sizeof *copy + 1, sizeof *copy) : NULL;
    if (!copy) {
        no_memory(r);
        return;
    }
    if (r->words.size)
        memcpy(copy, r->words.data, r->words.size);
    hse_setting_list(at, (const void *)copy, r->words.size / sizeof *copy / per);
    if (f->flag)                                        /* a setting, and no model's */
        r->owned->places[f - hse_settings] = r->places.status == HSE_OK ? arena_copy(r, &r->places) : NULL;
    if (r->places.status == HSE_E_NOMEM)
        no_memory(r);
}

static void read_texts(reader *r, const hse_setting *f, void *at)
{
    if (!expect(r, YAML_SEQUENCE_START_EVENT, f->key, "a list of texts"))
        return;
    hse_buf_clear(&r->words);
    hse_buf_clear(&r->places);
    while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        if (!expect(r, YAML_SCALAR_EVENT, f->key, "a text"))
            continue;
        const char *s = take_text(r, f->key);
        if (!s)
            continue;
        hse_buf_append(&r->words, &s, sizeof s);
        note_place(r);
    }
    take_words(r, f, at, 1);
}

static void read_pairs(reader *r, const hse_setting *f, void *at)
{
    if (!expect(r, YAML_MAPPING_START_EVENT, f->key, "a mapping of names"))
        return;
    hse_buf_clear(&r->words);
    hse_buf_clear(&r->places);
    while (next(r) && !is_mapping_end(r)) {
        const char *pair[2] = {NULL, NULL};

        if (expect(r, YAML_SCALAR_EVENT, f->key, "a name"))
            pair[0] = take_text(r, f->key);
        if (!next(r))
            return;
        if (expect(r, YAML_SCALAR_EVENT, f->key, "a name"))
            pair[1] = take_text(r, f->key);
        if (!pair[0] || !pair[1])
            continue;
        hse_buf_append(&r->words, pair, sizeof pair);
        note_place(r);                                  /* of what the name stands for */
    }
    take_words(r, f, at, 2);
}

static void read_models(reader *r);
static void read_fields(reader *r, const hse_setting *fields, void *base, const char *what);

static void read_value(reader *r, const hse_setting *f, void *base)
{
    char *at = (char *)base + f->offset;

    if (r->event.type == YAML_SCALAR_EVENT && is_null(r) && f->type != HSE_SET_MODELS) {
        if (f->required)
            mistake(r, &r->event.start_mark, "%s: a value is needed", f->key);
        return;
    }
    if (f->type == HSE_SET_MODELS) {
        read_models(r);
    } else if (f->type == HSE_SET_TEXTS) {
        read_texts(r, f, at);
    } else if (f->type == HSE_SET_PAIRS) {
        read_pairs(r, f, at);
    } else if (f->type == HSE_SET_OBJECT) {
        if (expect(r, YAML_MAPPING_START_EVENT, f->key, "a mapping"))
            read_fields(r, f->sub, base, f->key);
    } else if (expect(r, YAML_SCALAR_EVENT, f->key, f->type == HSE_SET_TEXT ? "a text" : "a single value")) {
        const char *s = f->type == HSE_SET_TEXT ? take_text(r, f->key) : NULL;
        if (f->type != HSE_SET_TEXT || (s && f->flag))  /* a setting may want more than some text: an address */
            read_scalar(r, f, base);
        else if (s)
            *(const char **)(void *)at = s;
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

static void unknown_key(reader *r, const hse_setting *fields, const char *what)
{
    const char *near = NULL;
    int best = 3;

    for (const hse_setting *f = fields; f->key; f++) {
        int d = distance(scalar(r), f->key);

        if (d < best) {
            best = d;
            near = f->key;
        }
    }
    if (near)
        mistake(r, &r->event.start_mark, "unknown key '%.60s' in %s (did you mean '%s'?)", scalar(r), what, near);
    else
        mistake(r, &r->event.start_mark, "unknown key '%.60s' in %s", scalar(r), what);
}

/* The current event is the mapping's start; afterwards it is its end. */
static void read_fields(reader *r, const hse_setting *fields, void *base, const char *what)
{
    yaml_mark_t start = r->event.start_mark;
    mark *seen = r->seen;                               /* the caller's; those of an object inside are nobody's */
    uint64_t met = 0;

    _Static_assert(HSE_MAX_SETTINGS <= 64, "a bit for each");
    r->seen = NULL;
    while (next(r) && !is_mapping_end(r)) {
        const hse_setting *f = fields;

        if (!expect(r, YAML_SCALAR_EVENT, what, "a key")) {
            if (!next(r))
                return;
            skip(r);
            continue;
        }
        while (f->key && strcmp(f->key, scalar(r)) != 0)
            f++;
        uint64_t bit = (uint64_t)1 << (f - fields);
        bool twice = f->key && (met & bit);
        if (!f->key)
            unknown_key(r, fields, what);
        else if (twice)
            mistake(r, &r->event.start_mark, "the key '%s' is there twice", f->key);
        if (f->key)
            met |= bit;
        if (!next(r))
            return;
        if (f->key && !twice) {
            if (seen)
                seen[f - fields] = place_of(r);
            read_value(r, f, base);
        } else {
            skip(r);
        }
    }
    for (const hse_setting *f = fields; f->key && !r->broken; f++)
        if (f->required && !(met & (uint64_t)1 << (f - fields)))
            mistake(r, &start, "%s: the key '%s' is missing", what, f->key);
}

static void read_models(reader *r)
{
    r->owned->config.has_models = true;
    if (r->event.type == YAML_SCALAR_EVENT && is_null(r))
        return;
    if (!expect(r, YAML_SEQUENCE_START_EVENT, "model_configs", "a list"))
        return;
    while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        hse_model_config m = {.watermark = -1, .keep_alive = HSE_KEEP_ABSENT, .line = (int)r->event.start_mark.line + 1};
        model_marks marks = {.item = {(unsigned)m.line, (unsigned)r->event.start_mark.column + 1}};
        yaml_mark_t at = r->event.start_mark;
        unsigned before = r->mistakes;

        if (!expect(r, YAML_MAPPING_START_EVENT, "model_configs", "a mapping"))
            continue;
        r->seen = marks.key;
        read_fields(r, model_fields, &m, "model_configs");
        if (r->broken || r->mistakes != before || !m.name || !m.model || !m.model_type)
            continue;
        const hse_model_config *list = (const void *)r->models.data;
        for (size_t i = 0; i < r->models.size / sizeof m; i++)
            if (strcmp(list[i].name, m.name) == 0)
                mistake(r, &at, "the name '%.60s' is used twice, first in line %d", m.name, list[i].line);
        hse_buf_append(&r->models, &m, sizeof m);
        hse_buf_append(&r->marks, &marks, sizeof marks);
        if (r->models.status == HSE_E_LIMIT) {
            mistake(r, &at, "more than %d models", MAX_LIST);
            r->broken = true;
        } else if (r->models.status != HSE_OK || r->marks.status != HSE_OK) {
            no_memory(r);
        }
    }
}

static void read_settings(reader *r)
{
    mark *seen = r->owned->place;

    r->seen = seen;
    read_fields(r, hse_settings, &r->owned->config, "the file");
    for (size_t i = 0; hse_settings[i].key && r->status == HSE_OK; i++)
        if (seen[i].line && !(r->owned->origin[i] = hse_config_note(&r->owned->arena, "%s:%u", r->name, seen[i].line)))
            no_memory(r);
}

static void read_document(reader *r)
{
    for (int i = 0; i < 3; i++)         /* stream start; document start, or the stream's end; what the document begins with */
        if (!next(r) || r->event.type == YAML_STREAM_END_EVENT)
            return;
    if (!(r->event.type == YAML_SCALAR_EVENT && is_null(r)) &&
        expect(r, YAML_MAPPING_START_EVENT, "the file", "a mapping with model_configs"))
        read_settings(r);
    if (!next(r))                       /* the document's end */
        return;
    if (next(r) && r->event.type != YAML_STREAM_END_EVENT)
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

    read_document(r);
    if (r->status == HSE_OK && !r->mistakes) {
        c->models = arena_copy(r, &r->models);
        c->model_count = r->models.size / sizeof *c->models;
        r->owned->marks = arena_copy(r, &r->marks);
    }
    if (r->status != HSE_OK)
        return hse_fail(err, r->status, 0, "%s: no memory to read the config", r->name);
    if (r->mistakes > 1)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s (and %u more)", r->first, r->mistakes - 1);
    if (r->mistakes)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s", r->first);
    return HSE_OK;
}

hse_status hse_config_read_yaml(owned_config *owned, hse_bytes yaml, const char *name, hse_buf *report, hse_error *err)
{
    reader r = {.name = name, .report = report, .owned = owned};
    hse_status s = HSE_E_NOMEM;

    hse_buf_init(&r.models, MAX_LIST * sizeof(hse_model_config));
    hse_buf_init(&r.marks, MAX_LIST * sizeof(model_marks));
    hse_buf_init(&r.words, MAX_LIST * sizeof(char *));
    hse_buf_init(&r.places, MAX_LIST * sizeof(mark));
    if (yaml.size > HSE_CONFIG_MAX_FILE) {
        s = hse_fail(err, HSE_E_LIMIT, HSE_CONFIG_MAX_FILE, "%s: the config has %zu bytes, the limit is %d", name, yaml.size, HSE_CONFIG_MAX_FILE);
    } else if (!yaml_parser_initialize(&r.parser)) {
        hse_fail(err, s, 0, "%s: no memory to read the config", name);
    } else {
        yaml_parser_set_input_string(&r.parser, yaml.size ? yaml.data : (const uint8_t *)"", yaml.size);
        s = read_all(&r, err);
        yaml_event_delete(&r.event);
        yaml_parser_delete(&r.parser);
    }
    hse_buf_free(&r.models);
    hse_buf_free(&r.marks);
    hse_buf_free(&r.words);
    hse_buf_free(&r.places);
    return s;
}

void hse_config_mark(const hse_config *config, size_t model, const char *key, unsigned *line, unsigned *column)
{
    const model_marks *m = &((const owned_config *)(const void *)config)->marks[model];
    const mark *at = &m->item;

    for (size_t i = 0; model_fields[i].key; i++)
        if (strcmp(model_fields[i].key, key) == 0 && m->key[i].line)
            at = &m->key[i];
    *line = at->line;
    *column = at->column;
}

void hse_config_setting_mark(const hse_config *config, const char *key, size_t entry, unsigned *line, unsigned *column)
{
    const owned_config *o = (const void *)config;
    size_t i = 0;

    while (hse_settings[i].key && strcmp(hse_settings[i].key, key) != 0)
        i++;
    mark at = !hse_settings[i].key ? (mark){0} : entry != HSE_WHOLE_SETTING && o->places[i] ? o->places[i][entry] : o->place[i];
    *line = at.line;
    *column = at.column;
}

const hse_setting *hse_config_model_fields(void)
{
    return flat_fields;
}

bool hse_config_model_has(const hse_config *config, size_t model, const hse_setting *field)
{
    const char *at = (const char *)&config->models[model] + field->offset;

    switch (field->type) {
    case HSE_SET_TEXTS: return config->models[model].voice_count > 0;
    case HSE_SET_INTEGER: return *(const int64_t *)(const void *)at > 0;
    case HSE_SET_BOOLEAN: return *(const int64_t *)(const void *)at >= 0;
    case HSE_SET_DURATION: return *(const double *)(const void *)at != HSE_KEEP_ABSENT;
    case HSE_SET_DTYPE: return *(const hse_dtype_choice *)(const void *)at != HSE_DTYPE_DEFAULT;
    default: return *(const char *const *)(const void *)at != NULL;
    }
}
