/* list.c - what models there are: a snapshot for people and clients. */
#include "engine/internal.h"

#include <stdio.h>

enum { LIST_ARENA = 64 << 20 };

struct hse_models {
    hse_arena       arena;
    hse_model_info *list;
    size_t          count;
    bool            no_memory;
};

static const char *keep(hse_models *m, const char *s)
{
    char *p = s ? hse_arena_strndup(&m->arena, s, strlen(s)) : NULL;

    m->no_memory |= s && !p;
    return p;
}

/* Is this one of the slots whose voices and languages are listed? One slot's, or all that begin a toolchain. */
static bool speaks_here(const slot *s, const slot *one, const hse_toolchain *t)
{
    return s == one || (t && !s->problem && !s->hidden && strcmp(s->type_name, t->needs[0]) == 0);
}

/* Names in growing lists of enough room. */
typedef struct {
    const char **name, **by, **language;    /* by: the language of a voice */
} name_lists;

/* A voice of several models in one language is listed once. */
static void keep_voice(hse_models *m, hse_model_info *info, name_lists *l, const char *voice_name, const char *by)
{
    for (size_t i = 0; i < info->voice_count; i++)
        if (m->no_memory || (strcmp(l->name[i], voice_name) == 0 && (!by || !l->by[i] || strcmp(l->by[i], by) == 0)))
            return;
    l->name[info->voice_count] = keep(m, voice_name);
    l->by[info->voice_count++] = keep(m, by);
}

static void keep_language(hse_models *m, hse_model_info *info, name_lists *l, const char *language)
{
    for (size_t i = 0; i < info->language_count; i++)
        if (m->no_memory || strcmp(l->language[i], language) == 0)
            return;
    l->language[info->language_count++] = keep(m, language);
}

static void keep_slot(hse_models *m, hse_model_info *info, name_lists *l, const slot *s)
{
    const char *by = s->own_voices && s->language_count ? s->languages[0] : NULL;

    for (size_t i = 0; s->voices && i < s->voices->count; i++)
        keep_voice(m, info, l, s->voices->list[i].name, by);
    for (size_t i = 0; !s->voices && i < s->config_voice_count; i++)
        keep_voice(m, info, l, s->config_voices[i], by);
    for (size_t i = 0; i < s->language_count; i++)
        keep_language(m, info, l, s->languages[i]);
}

/* `one` first, then what else belongs to the toolchain. */
static void keep_voices(hse_models *m, hse_model_info *info, const catalogue *c, const slot *one, const hse_toolchain *t)
{
    size_t voices = 1, languages = 1;

    for (size_t i = 0; i < c->slot_count; i++) {
        const slot *s = c->slots[i];

        voices += !speaks_here(s, one, t) ? 0 : s->voices ? s->voices->count : s->config_voice_count;
        languages += speaks_here(s, one, t) ? s->language_count : 0;
    }
    name_lists l = {hse_arena_array(&m->arena, voices, sizeof *l.name), hse_arena_array(&m->arena, voices, sizeof *l.by),
                    hse_arena_array(&m->arena, languages, sizeof *l.language)};
    info->voices = l.name;
    info->voice_languages = l.by;
    info->languages = l.language;
    if (!l.name || !l.by || !l.language) {
        m->no_memory = true;
        return;
    }
    keep_slot(m, info, &l, one);
    for (size_t i = 0; i < c->slot_count; i++)
        if (c->slots[i] != one && speaks_here(c->slots[i], one, t))
            keep_slot(m, info, &l, c->slots[i]);
}

static hse_model_info *add(hse_models *m, const char *name, const char *type, const char *path, const char *problem)
{
    hse_model_info *info = &m->list[m->count++];

    *info = (hse_model_info){.size = sizeof *info, .name = keep(m, name), .type = keep(m, type), .path = keep(m, path),
                             .problem = keep(m, problem)};
    return info;
}

static void does(hse_model_info *info, hse_job_kind kind)
{
    switch (kind) {
    case HSE_JOB_SPEAK: info->speaks = 1; break;
    case HSE_JOB_EMBED: info->embeds = 1; break;
    case HSE_JOB_VAD: info->detects = 1; break;
    case HSE_JOB_TRANSCRIBE: info->transcribes = 1; break;
    case HSE_JOB_CONVERT: info->converts = 1; break;
    case HSE_JOB_RESTORE: info->restores = 1; break;
    default: break;                         /* of golden runs alone */
    }
}

static void add_slot(hse_models *m, const catalogue *c, const slot *s)
{
    hse_model_info *info = add(m, s->name, s->type_name, s->dir, s->problem);

    info->loaded = s->model != NULL;
    for (int kind = 0; s->type && kind < HSE_JOB_KINDS; kind++)
        if (hse_type_answers(s->type->takes, s->type->gives, (hse_job_kind)kind))
            does(info, (hse_job_kind)kind);
    info->styles = s->type && s->type->styled;
    keep_voices(m, info, c, s, NULL);
}

/* A toolchain is listed where all its parts are configured. */
static void add_toolchain(hse_models *m, const catalogue *c, const hse_toolchain *t)
{
    hse_error err;
    target found;
    slot *part = NULL;
    const char *problem = NULL;
    bool loaded = true;
    int kind = 0;

    while (kind < HSE_JOB_KINDS && !(t->kinds & 1u << kind))
        kind++;
    if (hse_target_find(&found, c, (hse_job_kind)kind, t->name, &err) != HSE_OK || found.toolchain != t)
        return;
    for (size_t i = 0; t->needs[i]; i++) {
        if (!problem && hse_target_slot(&part, c, &found, t->needs[i], &err) != HSE_OK)
            problem = err.text;
        loaded &= !problem && part->model;
    }
    hse_model_info *info = add(m, t->name, "toolchain", found.slot->dir, problem);
    for (kind = 0; kind < HSE_JOB_KINDS; kind++)
        if (t->kinds & 1u << kind)
            does(info, (hse_job_kind)kind);
    info->loaded = loaded;
    info->styles = found.slot->type && found.slot->type->styled;
    keep_voices(m, info, c, found.slot, t);
}

/* Found in a folder, but no model of this engine: only with a reason, or where a config chooses others. */
static void add_found(hse_models *m, const catalogue *c, const hse_found *f)
{
    for (size_t i = 0; i < c->slot_count; i++)
        if (f->type == c->slots[i]->type && strcmp(c->slots[i]->dir, f->dir) == 0)
            return;
    add(m, f->repo, f->type ? f->type->type : "unknown", f->dir, f->problem ? f->problem : HSE_NOT_CONFIGURED);
}

hse_status hse_models_open(hse_models **out, hse_engine *e, hse_error *err)
{
    hse_models *m = hse_calloc(1, sizeof *m);

    if (!out || !e) {
        hse_free(m);
        return hse_fail(err, HSE_E_ARG, 0, "%s is NULL", e ? "out" : "engine");
    }
    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of models");
    hse_arena_init(&m->arena, LIST_ARENA);
    pthread_mutex_lock(&e->lock);
    const catalogue *c = e->catalogue;
    m->list = hse_arena_array(&m->arena, c->slot_count + hse_toolchain_count + c->found_count + 1, sizeof *m->list);
    m->no_memory = !m->list;
    for (size_t i = 0; m->list && i < hse_toolchain_count; i++)
        add_toolchain(m, c, &hse_toolchains[i]);
    for (size_t i = 0; m->list && i < c->slot_count; i++)
        if (!c->slots[i]->hidden)
            add_slot(m, c, c->slots[i]);
    for (size_t i = 0; m->list && i < c->found_count; i++)
        add_found(m, c, &c->found[i]);
    pthread_mutex_unlock(&e->lock);
    if (m->no_memory) {
        hse_models_close(&m);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of models");
    }
    *out = m;
    return HSE_OK;
}

size_t hse_models_count(const hse_models *m)
{
    return m ? m->count : 0;
}

const hse_model_info *hse_models_at(const hse_models *m, size_t i)
{
    return m && i < m->count ? &m->list[i] : NULL;
}

const hse_model_info *hse_models_named(const hse_models *m, const char *name)
{
    for (size_t i = 0; i < hse_models_count(m); i++)
        if (strcmp(m->list[i].name, name) == 0)
            return &m->list[i];
    return NULL;
}

bool hse_model_has_voice(const hse_model_info *m, const char *name)
{
    for (size_t i = 0; i < m->voice_count; i++)
        if (strcmp(m->voices[i], name) == 0)
            return true;
    return false;
}

bool hse_model_does(const hse_model_info *m, hse_job_kind kind)
{
    switch (kind) {
    case HSE_JOB_SPEAK: return !m->problem && m->speaks;
    case HSE_JOB_EMBED: return !m->problem && m->embeds;
    case HSE_JOB_VAD: return !m->problem && m->detects;
    case HSE_JOB_TRANSCRIBE: return !m->problem && m->transcribes;
    case HSE_JOB_CONVERT: return !m->problem && m->converts;
    case HSE_JOB_RESTORE: return !m->problem && m->restores;
    case HSE_JOB_KINDS:
        return !m->problem && (m->speaks || m->embeds || m->detects || m->transcribes || m->converts || m->restores);
    default: return false;                  /* of golden runs alone */
    }
}

hse_status hse_models_find(hse_model_choice *out, hse_models *m, hse_engine *e, hse_job_kind kind, const char *model, hse_error *err)
{
    target t;

    *out = (hse_model_choice){NULL, NULL};
    pthread_mutex_lock(&e->lock);
    hse_status s = hse_target_find(&t, e->catalogue, kind, model && *model ? model : NULL, err);
    const char *listed = s != HSE_OK ? NULL : t.toolchain ? t.toolchain->name : t.slot->name;
    if (listed && (out->info = hse_models_named(m, listed)) != NULL)
        out->name = keep(m, t.name);
    pthread_mutex_unlock(&e->lock);
    if (s != HSE_OK)
        return s;
    if (m->no_memory)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of models");
    /* hidden ones, and those that a reload brought since */
    return out->info ? HSE_OK : hse_fail(err, HSE_E_NOT_FOUND, 0, "model: there is no model '%.60s'", model ? model : "");
}

void hse_models_close(hse_models **models)
{
    hse_models *m = *models;

    if (!m)
        return;
    hse_arena_free(&m->arena);
    hse_free(m);
    *models = NULL;
}
