/* catalogue.c - which models there are: those of the config, or what lies in the folders. A new config makes a new catalogue; models
 * that are the same in both are the same slots, and stay loaded. */
#include "audio/watermark.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/internal.h"
#include "text/language.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { CATALOGUE_ARENA = 64 << 20, SLOT_ARENA = 16 << 20, DEFAULT_BATCH = 16 };

/* ---- one slot ------------------------------------------------------------------------------------------------------ */

static hse_status no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of models");
}

/* NULL stays NULL; *ok becomes false when there is no memory. */
static const char *copy(slot *s, const char *text, bool *ok)
{
    const char *p = text ? hse_arena_strndup(&s->arena, text, strlen(text)) : NULL;

    *ok &= !text || p;
    return p;
}

static const hse_model_type *find_type(const hse_engine *e, const char *name)
{
    for (size_t i = 0; e->types[i]; i++)
        if (strcmp(e->types[i]->type, name) == 0)
            return e->types[i];
    return NULL;
}

k_weight_type hse_auto_precision(const hse_engine *e, const hse_model_type *type)
{
    unsigned cpu = e->kernels->cpu;

    if (type->auto_precision == K_BF16 && !(cpu & (HSE_CPU_AVX512_BF16 | HSE_CPU_NEON_BF16)))
        return K_F32;
    if (type->auto_precision == K_INT8 && !(cpu & (HSE_CPU_AVX512_BF16 | HSE_CPU_NEON_DOT)))
        return K_F32;
    return type->auto_precision;
}

/* key: what in its entry of model_configs the problem is about, or NULL. */
static void refuse(slot *s, hse_status status, const char *key, const char *problem)
{
    if (!s->problem) {
        s->problem = problem;
        s->problem_key = key;
        s->problem_status = status;
    }
}

static bool other_device(const char *device)
{
    return device && strcmp(device, "cpu") != 0 && strcmp(device, "auto") != 0;
}

static void refuse_device(slot *s, const char *device)
{
    if (other_device(device))
        refuse(s, HSE_E_UNSUPPORTED, "device_config", "its device is not offered; there are cpu and auto");
}

/* A dtype for all models is before the model's compute_type, and that before its dtype. */
static void set_precision(slot *s, hse_dtype_choice all, hse_dtype_choice own, const char *compute_type)
{
    hse_dtype_choice d = all != HSE_DTYPE_DEFAULT ? all : own != HSE_DTYPE_DEFAULT ? own : HSE_DTYPE_AUTO;

    if (compute_type && !s->type->compute_type) {
        refuse(s, HSE_E_UNSUPPORTED, "compute_type", "compute_type is not offered for this model_type; dtype is");
        return;
    }
    if (compute_type && !s->type->compute_type(compute_type, false, &s->precision)) {
        refuse(s, HSE_E_UNSUPPORTED, "compute_type", "its compute_type is none of float32, bfloat16, float16, int8, int8_float16, auto, default");
        return;
    }
    if (compute_type && all == HSE_DTYPE_DEFAULT && strcmp(compute_type, "auto") != 0) {
        s->as_stored = strcmp(compute_type, "default") == 0;
        return;
    }
    if (compute_type && all == HSE_DTYPE_DEFAULT)
        d = HSE_DTYPE_AUTO;
    switch (d) {
    case HSE_DTYPE_FLOAT32: s->precision = K_F32; break;
    case HSE_DTYPE_BFLOAT16: s->precision = K_BF16; break;
    case HSE_DTYPE_INT8: s->precision = K_INT8; break;
    case HSE_DTYPE_FLOAT16:
        if (!s->type->compute_type || !s->type->compute_type("float16", false, &s->precision))
            refuse(s, HSE_E_UNSUPPORTED, "dtype", "dtype float16 is not offered; there are auto, float32, bfloat16 and int8");
        break;
    default: s->precision = hse_auto_precision(s->engine, s->type);
    }
}

/* The config's language, under the project's code; else the type's own. */
static hse_status set_languages(slot *s, const char *language, hse_error *err)
{
    const char *code = language ? text_language_code(language) : NULL;
    bool ok = true;

    s->languages = s->type->languages;
    while (s->language_count < COUNT(s->type->languages) && s->languages[s->language_count])
        s->language_count++;
    if (!language)
        return HSE_OK;
    const char **own = hse_arena_array(&s->arena, 1, sizeof *own);
    const char *name = copy(s, code ? code : language, &ok);
    if (!own || !ok)
        return no_memory(err);
    own[0] = name;
    s->languages = own;
    s->language_count = 1;
    return HSE_OK;
}

/* The config's `voices` say which are offered and in which order. */
static hse_status reorder_voices(slot *s, hse_error *err)
{
    voice_set *set = hse_arena_array(&s->arena, 1, sizeof *set);

    if (!set || !(set->list = hse_arena_array(&s->arena, s->config_voice_count, sizeof *set->list)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voices");
    set->dir = s->dir;
    set->count = s->config_voice_count;
    for (size_t i = 0; i < set->count; i++) {
        voice *v = &set->list[i];

        for (size_t j = 0; j < s->voices->count; j++)
            if (strcmp(s->voices->list[j].name, s->config_voices[i]) == 0)
                *v = s->voices->list[j];
        if (!v->name) {
            v->name = s->config_voices[i];
            snprintf(v->problem, sizeof v->problem, s->own_voices ? "the model has no speaker %.60s"
                                                                  : "there is no voices/%.60s.json beside the model", v->name);
        }
    }
    s->voices = set;
    return HSE_OK;
}

/* A model's own speakers, by name. */
static hse_status own_voices(voice_set *set, slot *s, const hse_model_facts *facts, hse_error *err)
{
    *set = (voice_set){.dir = s->dir, .count = facts->voice_count};
    if (!(set->list = hse_arena_array(&s->arena, set->count + 1, sizeof *set->list)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voices");
    for (size_t i = 0; i < set->count; i++)
        set->list[i].name = facts->voices[i];
    s->own_voices = true;
    return HSE_OK;
}

/* The voices of a model that speaks: its own, or those beside it. */
static hse_status set_voices(slot *s, const hse_model_facts *facts, hse_error *err)
{
    voice_set *set = hse_arena_array(&s->arena, 1, sizeof *set);

    if (!set)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voices");
    hse_status status = facts->voice_count ? own_voices(set, s, facts, err) : hse_voices_read(set, s->dir, &s->arena, err);
    if (status != HSE_OK)
        return status;
    s->voices = set;
    for (size_t i = 0; i < set->count; i++)
        if (set->list[i].problem[0])
            hse_log(HSE_LOG_WARN, "engine", NULL, "voice %s/voices/%s.json: %s", s->dir, set->list[i].name, set->list[i].problem);
    return s->config_voice_count ? reorder_voices(s, err) : HSE_OK;
}

/* What files weigh: near what the model will. */
static uint64_t file_bytes(const char *dir, const char *const *files)
{
    uint64_t sum = 0;

    for (; *files; files++)
        for (const char *p = *files; *p;) {
            size_t n = strcspn(p, "|");
            char path[4096];
            struct stat st;

            snprintf(path, sizeof path, "%s/%.*s", dir, (int)n, p);
            if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
                sum += (uint64_t)st.st_size;
                break;                                  /* "a|b": one of these is read */
            }
            p += n + (p[n] == '|');
        }
    return sum;
}

/* What can be told of a folder before it is loaded. A reason why it cannot be used is no failure. */
static hse_status look(slot *s, hse_model_facts *facts, const hse_roots *roots, hse_error *err)
{
    const char *language = s->language_count ? s->languages[0] : NULL, *problem;
    hse_error why;
    hse_status status = s->type->look(facts, s->dir, language, &s->arena, &why);
    bool ok = true;

    if (status == HSE_E_NOMEM)
        return no_memory(err);
    if (status != HSE_OK) {
        refuse(s, status, "model", copy(s, why.text, &ok));
        return ok ? HSE_OK : no_memory(err);
    }
    if (!s->language_count) {
        const char **own = hse_arena_array(&s->arena, 1, sizeof *own);

        if (!own)
            return no_memory(err);
        own[0] = facts->languages[0];
        s->languages = own;
        s->language_count = facts->languages[0] != NULL;
    }
    if (!facts->companion)
        return HSE_OK;
    status = hse_locate_companion(&s->companion, &problem, s->dir, facts, roots, &s->arena, err);
    if (s->companion)
        s->file_bytes += s->companion_bytes = s->type->companion_bytes ? file_bytes(s->companion, facts->companion_files) : 0;
    else if (status == HSE_OK)
        refuse(s, HSE_E_NOT_FOUND, "model", problem);
    return status;
}

static hse_status complete(slot *s, const catalogue *c, hse_error *err)
{
    hse_model_facts facts = {0};
    hse_status status = HSE_OK;

    if (!s->type)
        refuse(s, HSE_E_UNSUPPORTED, "model_type", "its model_type is not built in");
    if (!s->type || !s->dir[0])
        return HSE_OK;
    s->file_bytes = file_bytes(s->dir, s->type->files);
    if (s->type->look)
        status = look(s, &facts, &c->roots, err);
    return status == HSE_OK && s->type->takes & HSE_TEXT ? set_voices(s, &facts, err) : status;
}

void hse_slot_free(slot *s)
{
    if (!s)
        return;
    if (s->model)
        s->type->close(&s->model);
    for (int i = 0; i < MAX_INSTANCES; i++) {
        hse_worker_close(&s->worker[i]);
        hse_free(s->worker[i].main.batch);
        hse_free(s->worker[i].main.items);
        hse_free(s->worker[i].pass.batch);
        hse_free(s->worker[i].pass.items);
    }
    pthread_cond_destroy(&s->wake);
    hse_arena_free(&s->arena);
    hse_free(s);
}

/* An empty slot at the catalogue's end. */
static hse_status add_slot(slot **out, catalogue *c, hse_engine *e, hse_error *err)
{
    slot *s = hse_calloc(1, sizeof *s);

    if (!s)
        return no_memory(err);
    hse_status status = hse_cond_init(&s->wake, err);
    if (status != HSE_OK) {
        hse_free(s);
        return status;
    }
    hse_arena_init(&s->arena, SLOT_ARENA);
    s->engine = e;
    s->refs = 1;
    s->dir = "";
    s->max_batch = DEFAULT_BATCH;
    s->instances = 1;
    s->keep_alive = HSE_KEEP_ABSENT;
    s->keep_s = NAN;
    c->slots[c->slot_count++] = s;
    *out = s;
    return HSE_OK;
}

/* ---- from a config ------------------------------------------------------------------------------------------------- */

static void refuse_options(slot *s, const hse_model_config *m, const hse_config *config)
{
    refuse_device(s, config->device ? config->device : m->device);
    if (!config->device && other_device(m->device_map))
        refuse(s, HSE_E_UNSUPPORTED, "device_config", "its device_map is not offered; there are cpu and auto");
    if (m->watermark >= 0)
        refuse(s, HSE_E_UNSUPPORTED, "watermark", "watermark is not offered for this model_type");
    if (m->instances > MAX_INSTANCES)
        refuse(s, HSE_E_LIMIT, "instances", "it has over 16 instances");
}

static hse_status copy_config(slot *s, const hse_model_config *m, const hse_config *config, hse_error *err)
{
    bool ok = true;
    const char **voices = hse_arena_array(&s->arena, m->voice_count + 1, sizeof *voices);

    s->name = copy(s, m->name, &ok);
    s->type_name = copy(s, m->model_type, &ok);
    s->repo = copy(s, m->model, &ok);
    s->load_format = copy(s, m->load_format, &ok);
    for (size_t i = 0; voices && i < m->voice_count; i++)
        voices[i] = copy(s, m->voices[i], &ok);
    s->config_voices = voices;
    s->config_voice_count = m->voice_count;
    s->max_batch = m->max_batch_size ? (int)m->max_batch_size : config->max_batch_size > 0 ? (int)config->max_batch_size : DEFAULT_BATCH;
    s->instances = m->instances > 0 && m->instances <= MAX_INSTANCES ? (int)m->instances : 1;
    s->keep_alive = m->keep_alive;
    return ok && voices ? HSE_OK : no_memory(err);
}

static hse_status slot_from_config(catalogue *c, hse_engine *e, const hse_model_config *m, const hse_config *config,
                                   hse_dtype_choice dtype, hse_error *err)
{
    slot *s = NULL;
    const char *dir = NULL, *problem = NULL;
    bool ok = true;
    hse_status status = add_slot(&s, c, e, err);

    if (status == HSE_OK)
        status = copy_config(s, m, config, err);
    if (status != HSE_OK)
        return status;
    if (!(s->type = find_type(e, s->type_name)))
        return complete(s, c, err);
    if ((status = hse_locate(&dir, &problem, m->model, m->revision, s->type, &c->roots, &s->arena, err)) != HSE_OK)
        return status;
    if (dir)
        s->dir = copy(s, dir, &ok);
    else
        refuse(s, HSE_E_NOT_FOUND, "model", copy(s, problem, &ok));
    if (!ok)
        return no_memory(err);
    refuse_options(s, m, config);
    set_precision(s, dtype, m->dtype, m->compute_type);
    status = set_languages(s, m->language, err);
    return status == HSE_OK ? complete(s, c, err) : status;
}

/* ---- from folders -------------------------------------------------------------------------------------------------- */

static bool name_taken(const catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->slot_count; i++)
        if (c->slots[i]->name && strcmp(c->slots[i]->name, name) == 0)
            return true;
    return hse_toolchain_find(name) != NULL;
}

/* The first of a type (and language, where a folder's is its own) has the type's short name, later ones carry their folder's. */
static hse_status slot_from_folder(catalogue *c, hse_engine *e, const hse_found *f, const char *language, const hse_config *config,
                                   hse_dtype_choice dtype, hse_error *err)
{
    const char *type_name = f->type->name ? f->type->name : f->type->type;
    char short_name[80], name[600];
    slot *s = NULL;
    bool ok = true;

    snprintf(short_name, sizeof short_name, "%s%s%s", type_name, language ? "-" : "", language ? language : "");
    snprintf(name, sizeof name, "%s", short_name);
    for (int i = 1; name_taken(c, name); i++)
        snprintf(name, sizeof name, i > 1 ? "%.500s:%s:%d" : "%.500s:%s", f->repo, short_name, i);
    hse_status status = add_slot(&s, c, e, err);
    if (status != HSE_OK)
        return status;
    s->name = copy(s, name, &ok);
    s->type_name = f->type->type;
    s->repo = copy(s, f->repo, &ok);
    s->dir = copy(s, f->dir, &ok);
    s->type = f->type;
    if (!ok)
        return no_memory(err);
    refuse_device(s, config ? config->device : NULL);
    set_precision(s, dtype, HSE_DTYPE_DEFAULT, NULL);
    status = set_languages(s, language, err);
    return status == HSE_OK ? complete(s, c, err) : status;
}

/* A slot for each language of the folder, where it has some of its own. */
static hse_status slots_from_folder(catalogue *c, hse_engine *e, const hse_found *f, const hse_config *config, hse_dtype_choice dtype,
                                    hse_error *err)
{
    hse_model_facts facts = {0};
    hse_error why;
    hse_status s = f->type->look ? f->type->look(&facts, f->dir, NULL, &c->arena, &why) : HSE_OK;

    if (s == HSE_E_NOMEM)
        return no_memory(err);
    s = slot_from_folder(c, e, f, facts.languages[0], config, dtype, err);
    for (size_t i = 1; s == HSE_OK && i < COUNT(facts.languages) && facts.languages[i]; i++)
        s = slot_from_folder(c, e, f, facts.languages[i], config, dtype, err);
    return s;
}

/* ---- the catalogue ------------------------------------------------------------------------------------------------- */

static hse_status choose_dtype(hse_dtype_choice *out, const hse_engine_setup *setup, const hse_config *config, hse_error *err)
{
    const char *env = getenv("HSE_DTYPE");

    *out = setup->dtype;
    if (*out == HSE_DTYPE_DEFAULT && env && *env && !hse_dtype_choice_parse(env, out))
        return hse_fail(err, HSE_E_ARG, 0, "HSE_DTYPE: '%.40s' is none of auto, float32, bfloat16, int8", env);
    if (*out == HSE_DTYPE_DEFAULT && config)
        *out = config->dtype;
    return HSE_OK;
}

static bool is_finder(const hse_found *f)
{
    return f->type && !f->problem && strcmp(f->type->type, HSE_SPEECH_FINDER) == 0;
}

/* What was given by its path is offered whatever the config names. */
static bool is_given(const catalogue *c, const hse_found *f)
{
    return f->type && !f->problem && c->roots.model && strcmp(f->repo, c->roots.model) == 0;
}

static hse_status add_slots(catalogue *c, hse_engine *e, const hse_config *config, hse_dtype_choice dtype, hse_error *err)
{
    bool configured = config && config->has_models, finder = false;
    size_t n = configured ? config->model_count : c->found_count;
    hse_status s = HSE_OK;

    if (!(c->slots = hse_arena_array(&c->arena, (n + c->found_count) * COUNT(((hse_model_facts *)0)->languages) + 2, sizeof *c->slots)))
        return no_memory(err);
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        if (configured)
            s = slot_from_config(c, e, &config->models[i], config, dtype, err);
        else if (c->found[i].type && !c->found[i].problem)
            s = slots_from_folder(c, e, &c->found[i], config, dtype, err);
    }
    for (size_t i = 0; s == HSE_OK && configured && i < c->found_count; i++)
        if (is_given(c, &c->found[i]))
            s = slots_from_folder(c, e, &c->found[i], config, dtype, err);
    for (size_t i = 0; s == HSE_OK && i < c->slot_count; i++)
        finder |= strcmp(c->slots[i]->type_name, HSE_SPEECH_FINDER) == 0;
    for (size_t i = 0; s == HSE_OK && configured && !finder && i < c->found_count; i++)
        if (is_finder(&c->found[i])) {
            s = slots_from_folder(c, e, &c->found[i], config, dtype, err);
            finder = true;
            if (s == HSE_OK)
                c->slots[c->slot_count - 1]->hidden = true;
        }
    return s;
}

/* Would it be loaded from the same files in the same way? */
static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_voices(const slot *a, const slot *b)
{
    size_t n = a->voices ? a->voices->count : 0;

    if (n != (b->voices ? b->voices->count : 0) || a->config_voice_count != b->config_voice_count)
        return false;
    for (size_t i = 0; i < n; i++) {
        const voice *v = &a->voices->list[i], *w = &b->voices->list[i];

        if (strcmp(v->name, w->name) != 0 || v->size != w->size || !v->embedding != !w->embedding ||
            (v->embedding && memcmp(v->embedding, w->embedding, v->size * sizeof(float)) != 0))
            return false;
    }
    return true;
}

static bool same(const slot *a, const slot *b)
{
    bool languages = a->language_count == b->language_count;

    for (size_t i = 0; languages && i < a->language_count; i++)
        languages = strcmp(a->languages[i], b->languages[i]) == 0;
    return languages && same_text(a->name, b->name) && same_text(a->type_name, b->type_name) && same_text(a->repo, b->repo) &&
           same_text(a->dir, b->dir) && same_text(a->companion, b->companion) && same_text(a->load_format, b->load_format) && same_text(a->problem, b->problem) &&
           a->precision == b->precision && a->as_stored == b->as_stored && a->max_batch == b->max_batch && a->instances == b->instances &&
           a->hidden == b->hidden && a->file_bytes == b->file_bytes && same_voices(a, b);
}

/* Slots of the catalogue of now take the place of new ones that are the same. */
static void adopt(catalogue *c, hse_engine *e)
{
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < c->slot_count; i++) {
        slot *new = c->slots[i];

        for (size_t k = 0; e->catalogue && k < e->catalogue->slot_count; k++) {
            slot *old = e->catalogue->slots[k];

            if (!same(old, new))
                continue;
            old->refs++;
            old->keep_alive = new->keep_alive;
            c->slots[i] = old;
            hse_slot_free(new);
            break;
        }
        if (c->slots[i] == new)
            new->index = e->next_slot++;
    }
    pthread_mutex_unlock(&e->lock);
}

/* The server's pronunciations. */
static hse_status read_lexicons(catalogue *c, const hse_config *config, hse_error *err)
{
    hse_status s = config->lexicon_count ? text_pronunciations_new(&c->pronunciations, err) : HSE_OK;

    for (size_t i = 0; i < config->lexicon_count && s == HSE_OK; i++) {
        char *text = NULL;
        size_t size = 0;

        s = hse_file_read(&text, &size, config->lexicons[i], PRONUNCIATIONS_MAX_FILE, err);
        if (s == HSE_OK && (s = text_pronunciations_add(c->pronunciations, (hse_bytes){(const uint8_t *)text, size}, err)) != HSE_OK)
            hse_fail_in(err, s, "%.100s", config->lexicons[i]);
        hse_free(text);
        if (s != HSE_OK)
            hse_fail_in(err, s, "lexicon");
    }
    return s == HSE_OK && c->pronunciations ? text_pronunciations_finish(c->pronunciations, err) : s;
}

hse_status hse_catalogue_open(catalogue **out, hse_engine *e, const hse_config *config, hse_error *err)
{
    const char *first = e->models_dir;
    catalogue *c = hse_calloc(1, sizeof *c);
    hse_dtype_choice dtype;

    if (!c)
        return no_memory(err);
    c->refs = 1;
    hse_arena_init(&c->arena, CATALOGUE_ARENA);
    hse_status s = choose_dtype(&dtype, &e->setup, config, err);
    if (!first && config)                       /* in which the variable has its place already */
        first = config->models_dir;
    if (s == HSE_OK)
        s = hse_roots_find_in(&c->roots, first, config ? config->hf_home : NULL, !e->setup.no_bundled, &c->arena, err);
    c->roots.model = e->model_path;
    if (s == HSE_OK)
        s = hse_discover(&c->found, &c->found_count, &c->roots, e->types, &c->arena, err);
    if (s == HSE_OK && config)
        s = read_lexicons(c, config, err);
    if (s == HSE_OK && config && config->watermark)
        s = hse_watermark_check(config->watermark, err);
    if (s == HSE_OK)
        s = add_slots(c, e, config, dtype, err);
    if (s != HSE_OK) {
        text_pronunciations_close(&c->pronunciations);
        for (size_t i = 0; i < c->slot_count; i++)
            hse_slot_free(c->slots[i]);
        hse_arena_free(&c->arena);
        hse_free(c);
        return s;
    }
    if (config) {
        c->aliases = config->aliases;
        c->alias_count = config->alias_count;
        c->vad_model = config->vad_model;
        c->watermark = config->watermark;
    }
    adopt(c, e);
    *out = c;
    return HSE_OK;
}

void hse_catalogue_unref(hse_engine *e, catalogue *c)
{
    if (!c || --c->refs)
        return;
    for (size_t i = 0; i < c->slot_count; i++) {
        slot *s = c->slots[i];

        if (--s->refs)
            continue;
        s->retired = true;
        s->next_retired = e->retired;
        e->retired = s;
        pthread_cond_broadcast(&s->wake);
    }
    pthread_cond_signal(&e->keeper_wake);
    text_pronunciations_close(&c->pronunciations);
    hse_config_close(&c->own_config);
    hse_arena_free(&c->arena);
    hse_free(c);
}
