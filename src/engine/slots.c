/* slots.c - which models this engine has: from the config, or from what lies in the folders; and which one answers. */
#include "base/log.h"
#include "engine/internal.h"
#include "text/language.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_BATCH = 16 };

/* The copy of Silero's network that Whisper's own programs find speech with; used without being configured. */
#define SPEECH_FINDER "SileroVADV6"

/* ---- building ------------------------------------------------------------------------------------------------------ */

static char *copy(hse_engine *e, const char *s)
{
    return hse_arena_strndup(&e->arena, s, strlen(s));
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

static void refuse(slot *s, hse_status status, const char *problem)
{
    if (!s->problem) {
        s->problem = problem;
        s->problem_status = status;
    }
}

static void set_precision(slot *s, hse_dtype_choice all, hse_dtype_choice own)
{
    hse_dtype_choice d = all != HSE_DTYPE_DEFAULT ? all : own != HSE_DTYPE_DEFAULT ? own : HSE_DTYPE_AUTO;

    switch (d) {
    case HSE_DTYPE_FLOAT32: s->precision = K_F32; break;
    case HSE_DTYPE_BFLOAT16: s->precision = K_BF16; break;
    case HSE_DTYPE_INT8: s->precision = K_INT8; break;
    case HSE_DTYPE_FLOAT16:
        refuse(s, HSE_E_UNSUPPORTED, "dtype float16 is not offered; there are auto, float32, bfloat16 and int8");
        break;
    default: s->precision = hse_auto_precision(s->engine, s->type);
    }
}

static size_t count_languages(const hse_model_type *type)
{
    size_t n = 0;

    while (n < COUNT(type->languages) && type->languages[n])
        n++;
    return n;
}

/* The config's language, under the project's code; else the type's own. */
static hse_status set_languages(slot *s, const char *language, hse_error *err)
{
    const char *code = language ? text_language_code(language) : NULL;

    s->languages = s->type->languages;
    s->language_count = count_languages(s->type);
    if (!language)
        return HSE_OK;
    const char **own = hse_arena_array(&s->engine->arena, 1, sizeof *own);
    char *name = copy(s->engine, code ? code : language);
    if (!own || !name)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of models");
    own[0] = name;
    s->languages = own;
    s->language_count = 1;
    return HSE_OK;
}

/* The voices beside a model: read once a folder. */
static hse_status set_voices(slot *s, hse_error *err)
{
    hse_engine *e = s->engine;

    for (size_t i = 0; i < e->voice_set_count; i++)
        if (strcmp(e->voices[i].dir, s->dir) == 0) {
            s->voices = &e->voices[i];
            return HSE_OK;
        }
    voice_set *set = &e->voices[e->voice_set_count];
    hse_status status = hse_voices_read(set, s->dir, &e->arena, err);
    if (status != HSE_OK)
        return status;
    s->voices = set;
    e->voice_set_count++;
    for (size_t i = 0; i < set->count; i++)
        if (set->list[i].problem[0])
            hse_log(HSE_LOG_WARN, "engine", NULL, "voice %s/voices/%s.json: %s", s->dir, set->list[i].name, set->list[i].problem);
    return HSE_OK;
}

static hse_status reorder_voices(slot *s, hse_error *err);

static hse_status complete_slot(slot *s, hse_error *err)
{
    hse_status status = hse_cond_init(&s->wake, err);

    if (status != HSE_OK)
        return status;
    s->index = (unsigned)s->engine->slot_count++;       /* from here on hse_engine_close takes care of it */
    if (!s->type)
        refuse(s, HSE_E_UNSUPPORTED, "its model_type is not built in");
    if (s->type && s->type->takes & HSE_TEXT && s->dir[0]) {
        status = set_voices(s, err);
        if (status == HSE_OK && s->config_voice_count)
            status = reorder_voices(s, err);
    }
    return status;
}

/* The config's `voices` say which are offered and in which order. */
static hse_status reorder_voices(slot *s, hse_error *err)
{
    hse_engine *e = s->engine;
    voice_set *set = hse_arena_array(&e->arena, 1, sizeof *set);

    if (!set || !(set->list = hse_arena_array(&e->arena, s->config_voice_count, sizeof *set->list)))
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
            snprintf(v->problem, sizeof v->problem, "there is no voices/%.60s.json beside the model", v->name);
        }
    }
    s->voices = set;
    return HSE_OK;
}

/* Everything in the config outlives the engine, so its strings are used as they are. */
static hse_status slot_from_config(hse_engine *e, const hse_model_config *c, hse_dtype_choice dtype, hse_error *err)
{
    slot *s = &e->slots[e->slot_count];
    hse_status status;

    *s = (slot){.engine = e, .name = c->name, .type_name = c->model_type, .repo = c->model, .dir = "",
                .load_format = c->load_format, .type = find_type(e, c->model_type), .config_voices = c->voices,
                .config_voice_count = c->voice_count, .max_batch = c->max_batch_size ? (int)c->max_batch_size : DEFAULT_BATCH};
    if (!s->type)
        return complete_slot(s, err);

    const char *dir = NULL, *problem = NULL;
    if ((status = hse_locate(&dir, &problem, c->model, c->revision, s->type, &e->roots, &e->arena, err)) != HSE_OK)
        return status;
    if (dir)
        s->dir = dir;
    else
        refuse(s, HSE_E_NOT_FOUND, problem);
    if (c->device && strcmp(c->device, "cpu") != 0 && strcmp(c->device, "auto") != 0)
        refuse(s, HSE_E_UNSUPPORTED, "its device is not offered; there is cpu");
    if (c->compute_type)
        refuse(s, HSE_E_UNSUPPORTED, "compute_type is not offered for this model_type; dtype is");
    if (c->watermark >= 0)
        refuse(s, HSE_E_UNSUPPORTED, "watermark is not offered for this model_type");
    set_precision(s, dtype, c->dtype);
    if ((status = set_languages(s, c->language, err)) != HSE_OK)
        return status;
    return complete_slot(s, err);
}

static bool name_taken(const hse_engine *e, const char *name)
{
    for (size_t i = 0; i < e->slot_count; i++)
        if (strcmp(e->slots[i].name, name) == 0)
            return true;
    return hse_toolchain_find(name) != NULL;
}

/* The first of a type has the type's short name, later ones carry their folder's. */
static hse_status slot_from_folder(hse_engine *e, const hse_found *f, hse_dtype_choice dtype, hse_error *err)
{
    slot *s = &e->slots[e->slot_count];
    const char *name = f->type->name ? f->type->name : f->type->type;
    char longer[600];
    hse_status status;

    for (int i = 1; name_taken(e, name); i++) {
        snprintf(longer, sizeof longer, i > 1 ? "%.500s:%s:%d" : "%.500s:%s", f->repo, f->type->name ? f->type->name : f->type->type, i);
        if (!name_taken(e, longer) && !(name = copy(e, longer)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of models");
    }
    *s = (slot){.engine = e, .name = name, .type_name = f->type->type, .repo = f->repo, .dir = f->dir, .type = f->type,
                .max_batch = DEFAULT_BATCH};
    set_precision(s, dtype, HSE_DTYPE_DEFAULT);
    if ((status = set_languages(s, NULL, err)) != HSE_OK)
        return status;
    return complete_slot(s, err);
}

static slot *part(const hse_engine *e, const char *type, const char *dir);

static hse_status choose_dtype(hse_dtype_choice *out, const hse_engine_setup *setup, hse_error *err)
{
    const char *env = getenv("HSE_DTYPE");

    *out = setup->dtype;
    if (*out == HSE_DTYPE_DEFAULT && env && *env && !hse_dtype_choice_parse(env, out))
        return hse_fail(err, HSE_E_ARG, 0, "HSE_DTYPE: '%.40s' is none of auto, float32, bfloat16, int8", env);
    if (*out == HSE_DTYPE_DEFAULT && setup->config)
        *out = setup->config->dtype;
    return HSE_OK;
}

hse_status hse_slots_build(hse_engine *e, const hse_engine_setup *setup, hse_error *err)
{
    const hse_config *c = setup->config;
    const char *first = setup->models;
    hse_dtype_choice dtype;
    hse_status s = choose_dtype(&dtype, setup, err);

    if (!first && !getenv("HSE_MODELS") && c)
        first = c->models_dir;
    if (s == HSE_OK)
        s = hse_roots_find(&e->roots, first, !setup->no_bundled, &e->arena, err);
    if (s == HSE_OK)
        s = hse_discover(&e->found, &e->found_count, &e->roots, e->types, &e->arena, err);
    if (s != HSE_OK)
        return s;

    bool configured = c && c->has_models;
    size_t n = configured ? c->model_count : e->found_count;
    e->slots = hse_arena_array(&e->arena, n + 2, sizeof *e->slots);
    e->voices = hse_arena_array(&e->arena, n + 2, sizeof *e->voices);
    if (!e->slots || !e->voices)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of models");
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        if (configured)
            s = slot_from_config(e, &c->models[i], dtype, err);
        else if (e->found[i].type && !e->found[i].problem)
            s = slot_from_folder(e, &e->found[i], dtype, err);
    }
    for (size_t i = 0; s == HSE_OK && configured && i < e->found_count; i++)
        if (e->found[i].type && !e->found[i].problem && strcmp(e->found[i].type->type, SPEECH_FINDER) == 0 &&
            !part(e, SPEECH_FINDER, NULL)) {
            size_t at = e->slot_count;

            s = slot_from_folder(e, &e->found[i], dtype, err);
            e->slots[at].hidden = e->slot_count > at;
        }
    return s;
}

/* ---- choosing ------------------------------------------------------------------------------------------------------ */

hse_status hse_slot_usable(const slot *s, hse_error *err)
{
    if (s->problem)
        return hse_fail(err, s->problem_status, 0, "model: '%.60s' (%.60s) cannot be used: %.90s", s->name, s->type_name, s->problem);
    return HSE_OK;
}

static bool answers(const slot *s, hse_job_kind kind)
{
    return s->type && hse_type_answers(s->type->takes, s->type->gives, kind);
}

/* The part of a toolchain in this folder, or any that can be used, or any. */
static slot *part(const hse_engine *e, const char *type, const char *dir)
{
    slot *usable = NULL, *any = NULL;

    for (size_t i = 0; i < e->slot_count; i++) {
        slot *s = &e->slots[i];

        if (strcmp(s->type_name, type) != 0)
            continue;
        if (!s->problem && dir && strcmp(s->dir, dir) == 0)
            return s;
        usable = usable ? usable : s->problem ? NULL : s;
        any = any ? any : s;
    }
    return usable ? usable : any;
}

static bool offered(const hse_engine *e, const hse_toolchain *t, hse_job_kind kind)
{
    if (!(t->kinds & 1u << kind))
        return false;
    for (size_t i = 0; t->needs[i]; i++)
        if (!part(e, t->needs[i], NULL))
            return false;
    return true;
}

static bool usable_in(const hse_engine *e, const char *type, const char *dir)
{
    const slot *s = part(e, type, dir);

    return s && !s->problem && strcmp(s->dir, dir) == 0;
}

/* Where a toolchain begins: in the first folder that has all of its parts, else with the first part there is. */
static slot *beginning(const hse_engine *e, const hse_toolchain *t)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        slot *s = &e->slots[i];
        bool whole = strcmp(s->type_name, t->needs[0]) == 0 && !s->problem;

        for (size_t k = 1; whole && t->needs[k]; k++)
            whole = usable_in(e, t->needs[k], s->dir);
        if (whole)
            return s;
    }
    return part(e, t->needs[0], NULL);
}

/* The toolchain that this slot begins: it is of the first type that the toolchain needs. */
static const hse_toolchain *begins(const hse_engine *e, const slot *s, hse_job_kind kind)
{
    for (size_t i = 0; i < hse_toolchain_count; i++)
        if (strcmp(hse_toolchains[i].needs[0], s->type_name) == 0 && offered(e, &hse_toolchains[i], kind))
            return &hse_toolchains[i];
    return NULL;
}

/* Names that OpenAI's clients send and that mean the default model of the task. */
static bool means_default(const char *model, hse_job_kind kind)
{
    static const char *const speech[] = {"tts-1", "tts-1-hd", "gpt-4o-mini-tts", NULL};
    static const char *const text[] = {"whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe", NULL};
    const char *const *names = kind == HSE_JOB_SPEAK ? speech : kind == HSE_JOB_TRANSCRIBE ? text : NULL;

    for (; names && *names; names++)
        if (strcmp(model, *names) == 0)
            return true;
    return false;
}

static bool all_usable(const hse_engine *e, const hse_toolchain *t)
{
    for (size_t i = 0; t->needs[i]; i++) {
        const slot *s = part(e, t->needs[i], NULL);

        if (!s || s->problem)
            return false;
    }
    return true;
}

/* The first configured model that answers: usable ones first, and a recogniser is the last to be asked where speech is. */
static bool find_default(target *out, const hse_engine *e, hse_job_kind kind)
{
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < e->slot_count; i++) {
            slot *s = &e->slots[i];
            const hse_toolchain *t = kind != HSE_JOB_EMBED || !answers(s, kind) ? begins(e, s, kind) : NULL;
            bool last = kind == HSE_JOB_VAD && s->type && s->type->gives & HSE_TRANSCRIPT;

            if (s->hidden || last != round % 2 || (!t && !answers(s, kind)) ||
                (round < 2 && (s->problem || (t && !all_usable(e, t)))))
                continue;
            *out = (target){.toolchain = t, .slot = t ? beginning(e, t) : s, .name = t ? t->name : s->name};
            return true;
        }
    return false;
}

hse_status hse_target_find(target *out, const hse_engine *e, hse_job_kind kind, const char *model, hse_error *err)
{
    const char *task = hse_job_kind_name(kind);

    for (size_t i = 0; model && i < e->alias_count; i++)
        if (strcmp(e->aliases[i].alias, model) == 0) {
            model = e->aliases[i].model;
            break;
        }
    for (size_t i = 0; model && i < e->slot_count; i++) {
        slot *s = &e->slots[i];

        if (strcmp(s->name, model) != 0)
            continue;
        if (!s->problem && !answers(s, kind)) {
            const hse_toolchain *t = begins(e, s, kind);
            return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model: '%.60s' (%.60s) does not do the task '%s'%s%s", s->name, s->type_name,
                            task, t ? "; ask for " : "", t ? t->name : "");
        }
        *out = (target){.slot = s, .name = s->name};
        return HSE_OK;
    }
    const hse_toolchain *t = model ? hse_toolchain_find(model) : NULL;
    if (t && offered(e, t, kind)) {
        *out = (target){.toolchain = t, .slot = beginning(e, t), .name = t->name};
        return HSE_OK;
    }
    for (size_t i = 0; model && i < e->slot_count; i++) {       /* a toolchain by the name of its folder or repository */
        slot *s = &e->slots[i];

        if (strcmp(s->repo, model) == 0 && (t = begins(e, s, kind))) {
            *out = (target){.toolchain = t, .slot = s, .name = s->repo};
            return HSE_OK;
        }
    }
    bool standard = !model || !*model || means_default(model, kind);
    if (standard && find_default(out, e, kind))
        return HSE_OK;
    if (standard)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: no model here does the task '%s'; put one into a models folder "
                        "(--models, HSE_MODELS) or into the config", task);
    return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: there is no model '%.80s' for the task '%s'; `hse models` lists them", model, task);
}

hse_status hse_target_slot(slot **out, const hse_engine *e, const target *t, const char *type, hse_error *err)
{
    slot *s = part(e, type, t->slot && t->slot->dir[0] ? t->slot->dir : NULL);

    if (!s)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: '%.60s' needs a %s, and none is configured", t->name, type);
    *out = s;
    return hse_slot_usable(s, err);
}

hse_status hse_target_finder(slot **out, const hse_engine *e, const hse_vad_options *o, hse_error *err)
{
    slot *best = NULL;
    int most = 0;

    for (size_t i = 0; i < e->slot_count; i++) {
        slot *s = &e->slots[i];
        int score = 1;

        if (s->problem || !answers(s, HSE_JOB_VAD) || s->type->gives & HSE_TRANSCRIPT)
            continue;
        if (e->vad_model && strcmp(e->vad_model, s->name) == 0)
            score = 3;
        else if (o->faster_whisper == (strcmp(s->type_name, SPEECH_FINDER) == 0))
            score = 2;
        if (score > most) {
            best = s;
            most = score;
        }
    }
    if (!best)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "vad_filter: no model here finds speech; add one of model_type SileroVAD");
    *out = best;
    return HSE_OK;
}
