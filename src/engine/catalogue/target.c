/* target.c - which model, or which chain of models, answers a request. */
#include "engine/internal.h"

#include "text/language.h"

#include <stdio.h>

hse_status hse_slot_usable(const slot *s, hse_error *err)
{
    if (s->problem)
        return hse_fail(err, s->problem_status, 0, "model: '%.40s' (%.30s) cannot be used: %.140s", s->name, s->type_name, s->problem);
    return HSE_OK;
}

static bool answers(const slot *s, hse_job_kind kind)
{
    return s->type && hse_type_answers(s->type->takes, s->type->gives, kind);
}

/* The part of a toolchain in this folder, or any that can be used, or any. */
static slot *part(const catalogue *c, const char *type, const char *dir)
{
    slot *usable = NULL, *any = NULL;

    for (size_t i = 0; i < c->slot_count; i++) {
        slot *s = c->slots[i];

        if (strcmp(s->type_name, type) != 0)
            continue;
        if (!s->problem && dir && strcmp(s->dir, dir) == 0)
            return s;
        usable = usable ? usable : s->problem ? NULL : s;
        any = any ? any : s;
    }
    return usable ? usable : any;
}

static bool offered(const catalogue *c, const hse_toolchain *t, hse_job_kind kind)
{
    if (!(t->kinds & 1u << kind))
        return false;
    for (size_t i = 0; t->needs[i]; i++)
        if (!part(c, t->needs[i], NULL))
            return false;
    return true;
}

static bool usable_in(const catalogue *c, const char *type, const char *dir)
{
    const slot *s = part(c, type, dir);

    return s && !s->problem && strcmp(s->dir, dir) == 0;
}

/* Where a toolchain begins: in the first folder that has all of its parts, else with the first part there is. */
static slot *beginning(const catalogue *c, const hse_toolchain *t)
{
    for (size_t i = 0; i < c->slot_count; i++) {
        slot *s = c->slots[i];
        bool whole = strcmp(s->type_name, t->needs[0]) == 0 && !s->problem;

        for (size_t k = 1; whole && t->needs[k]; k++)
            whole = usable_in(c, t->needs[k], s->dir);
        if (whole)
            return s;
    }
    return part(c, t->needs[0], NULL);
}

/* The toolchain that this slot begins: it is of the first type that the toolchain needs. */
static const hse_toolchain *begins(const catalogue *c, const slot *s, hse_job_kind kind)
{
    for (size_t i = 0; i < hse_toolchain_count; i++)
        if (strcmp(hse_toolchains[i].needs[0], s->type_name) == 0 && offered(c, &hse_toolchains[i], kind))
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

static bool all_usable(const catalogue *c, const hse_toolchain *t)
{
    for (size_t i = 0; t->needs[i]; i++) {
        const slot *s = part(c, t->needs[i], NULL);

        if (!s || s->problem)
            return false;
    }
    return true;
}

/* Are all steps here that this toolchain takes with a recording? */
static bool passes(const catalogue *c, const hse_toolchain *t, hse_job_kind kind)
{
    const hse_route *route;
    hse_error err;

    if (!(t->kinds & 1u << kind) || hse_route_find(&route, kind, t->name, HSE_MODE_ANY, HSE_AUDIO, false, &err) != HSE_OK)
        return false;
    for (size_t i = 0; route->step[i]; i++) {
        const slot *s = part(c, route->step[i], NULL);

        if (!s || s->problem)
            return false;
    }
    return true;
}

static bool find_default(target *out, const catalogue *c, hse_job_kind kind);

/* An embedding for nobody in particular is one for who speaks when nobody in particular is asked. */
static bool find_listener(target *out, const catalogue *c)
{
    target speaker;

    if (!find_default(&speaker, c, HSE_JOB_SPEAK) || !speaker.toolchain || !passes(c, speaker.toolchain, HSE_JOB_EMBED))
        return false;
    *out = speaker;
    return true;
}

/* The first configured model that answers: usable ones first, and a recogniser is the last to be asked where speech is. */
static bool find_default(target *out, const catalogue *c, hse_job_kind kind)
{
    if (kind == HSE_JOB_EMBED && find_listener(out, c))
        return true;
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < c->slot_count; i++) {
            slot *s = c->slots[i];
            const hse_toolchain *t = kind != HSE_JOB_EMBED || !answers(s, kind) ? begins(c, s, kind) : NULL;
            bool last = kind == HSE_JOB_VAD && s->type && s->type->gives & HSE_TRANSCRIPT;

            if (s->hidden || last != round % 2 || (!t && !answers(s, kind)) ||
                (round < 2 && (s->problem || (t && !all_usable(c, t)))))
                continue;
            *out = (target){.toolchain = t, .slot = t ? beginning(c, t) : s, .name = t ? t->name : s->name};
            return true;
        }
    return false;
}

/* The names that do this task, as many as fit: " harmonyspeech, ov2-synthesizer-en". */
static void list_names(const catalogue *c, hse_job_kind kind, char *out, size_t size)
{
    size_t n = 0;

    *out = '\0';
    for (size_t i = 0; i < hse_toolchain_count && n + 2 < size; i++)
        if (offered(c, &hse_toolchains[i], kind) && all_usable(c, &hse_toolchains[i]))
            n += (size_t)snprintf(out + n, size - n, "%s %s", n ? "," : "", hse_toolchains[i].name);
    for (size_t i = 0; i < c->slot_count && n + 2 < size; i++)
        if (!c->slots[i]->hidden && !c->slots[i]->problem && answers(c->slots[i], kind))
            n += (size_t)snprintf(out + n, size - n, "%s %s", n ? "," : "", c->slots[i]->name);
    if (n >= size - 1)
        memcpy(out + size - 5, " ...", 5);
}

static size_t add_family(char *out, size_t n, size_t size, const char *name)
{
    return strstr(out, name) || n + strlen(name) + 4 > size ? n : n + (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : " (", name);
}

/* Who could do it, if their files were here: " (openvoice_v1, openvoice_v2, melo)". */
static void list_families(hse_job_kind kind, char *out, size_t size)
{
    size_t n = 0;

    *out = '\0';
    for (size_t i = 0; i < hse_toolchain_count; i++)
        if (hse_toolchains[i].kinds & 1u << kind)
            n = add_family(out, n, size, hse_toolchains[i].name);
    for (const hse_model_type *const *t = hse_model_types; *t; t++)
        if (hse_type_answers((*t)->takes, (*t)->gives, kind))
            n = add_family(out, n, size, (*t)->family);
    if (n)
        snprintf(out + n, size - n, ")");
}

/* HSE_JOB_KINDS: whatever it does. */
static slot *of_repo(const catalogue *c, const char *repo, hse_job_kind kind)
{
    slot *any = NULL;

    for (size_t i = 0; i < c->slot_count; i++) {
        slot *s = c->slots[i];

        if (s->hidden || strcmp(s->repo, repo) != 0 || (kind != HSE_JOB_KINDS && !answers(s, kind)))
            continue;
        if (!s->problem)
            return s;
        any = any ? any : s;
    }
    return any;
}

/* A model by its repository or folder, or by a short name of its type's ("base"), which stands for several repositories and for a
 * file or folder of that name anywhere. */
static slot *find_repo(const catalogue *c, const char *model, hse_job_kind kind)
{
    slot *s = of_repo(c, model, kind);

    for (size_t i = 0; !s && i < c->slot_count; i++) {
        const hse_model_type *type = c->slots[i]->type;
        const char *const *repos = type && type->repos_of ? type->repos_of(model) : NULL;

        for (const char *const *r = repos; !s && r && *r; r++)
            if (!(s = of_repo(c, *r, kind)))
                s = of_repo(c, strrchr(*r, '/') + 1, kind);
        for (size_t k = i; !s && repos && k < c->slot_count; k++) {
            const char *slash = strrchr(c->slots[k]->repo, '/');

            if (c->slots[k]->type == type && slash && strcmp(slash + 1, model) == 0 && (kind == HSE_JOB_KINDS || answers(c->slots[k], kind)))
                s = c->slots[k];
        }
    }
    return s;
}

/* What an alias stands for; any other name as it is. */
static const char *real_name(const catalogue *c, const char *model)
{
    for (size_t i = 0; model && i < c->alias_count; i++)
        if (strcmp(c->aliases[i].alias, model) == 0)
            return c->aliases[i].model;
    return model;
}

hse_status hse_target_find(target *out, const catalogue *c, hse_job_kind kind, const char *model, hse_error *err)
{
    const char *task = hse_job_kind_name(kind);
    char names[100];

    model = real_name(c, model);
    for (size_t i = 0; model && i < c->slot_count; i++) {
        slot *s = c->slots[i];

        if (strcmp(s->name, model) != 0)
            continue;
        if (!s->problem && !answers(s, kind)) {
            const hse_toolchain *t = begins(c, s, kind);
            if (t)
                snprintf(names, sizeof names, " %s", t->name);
            else
                list_names(c, kind, names, sizeof names);
            return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model: '%.40s' (%.40s) does not do the task '%s'; %s%s", s->name, s->type_name, task,
                            *names ? "ask for" : "no model here does", names);
        }
        *out = (target){.slot = s, .name = s->name};
        return HSE_OK;
    }
    const hse_toolchain *t = model ? hse_toolchain_find(model) : NULL;
    if (t && offered(c, t, kind)) {
        *out = (target){.toolchain = t, .slot = beginning(c, t), .name = t->name};
        return HSE_OK;
    }
    for (size_t i = 0; model && i < c->slot_count; i++) {       /* a toolchain by the name of its folder or repository */
        slot *s = c->slots[i];

        if (strcmp(s->repo, model) == 0 && (t = begins(c, s, kind))) {
            *out = (target){.toolchain = t, .slot = s, .name = s->repo};
            return HSE_OK;
        }
    }
    slot *named = model && *model ? find_repo(c, model, kind) : NULL;
    if (named) {
        *out = (target){.slot = named, .name = named->name};
        return HSE_OK;
    }
    bool standard = !model || !*model || means_default(model, kind);
    if (standard && find_default(out, c, kind))
        return HSE_OK;
    list_names(c, kind, names, sizeof names);
    if (!standard && *names)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: there is no model '%.60s' for the task '%s'; there are:%s", model, task, names);
    list_families(kind, names, sizeof names);
    return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: no model here does the task '%s'; put one%s into a models folder (--models, HSE_MODELS), the "
                    "Hugging Face cache or the config: docs/models.md", task, names);
}

hse_status hse_target_slot(slot **out, const catalogue *c, const target *t, const char *type, hse_error *err)
{
    slot *s = part(c, type, t->slot && t->slot->dir[0] ? t->slot->dir : NULL);

    if (!s)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: '%.60s' needs a %s, and none is configured", t->name, type);
    *out = s;
    return hse_slot_usable(s, err);
}

bool hse_slot_speaks(const slot *s, const char *code)
{
    for (size_t i = 0; i < s->language_count; i++)
        if (strcmp(s->languages[i], code) == 0)
            return true;
    return false;
}

/* Nobody in the toolchain speaks the language: who speaks what. */
static hse_status refuse_language(const catalogue *c, const target *t, const char *code, hse_error *err)
{
    char list[100] = "";
    size_t n = 0;

    for (size_t i = 0; i < c->slot_count; i++) {
        const slot *s = c->slots[i];

        for (size_t k = 0; !s->problem && strcmp(s->type_name, t->toolchain->needs[0]) == 0 && k < s->language_count; k++)
            if (n < sizeof list && !strstr(list, s->languages[k]))
                n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", s->languages[k]);
    }
    return hse_fail(err, HSE_E_UNSUPPORTED, 0, "language: model '%.40s' speaks %s, not '%.20s'", t->name, list, code);
}

hse_status hse_target_speaker(slot **out, const catalogue *c, const target *t, const char *language, const char *named, hse_error *err)
{
    const char *type = t->toolchain ? t->toolchain->needs[0] : t->slot->type_name, *code = language ? text_language_code(language) : NULL;
    slot *best = NULL;
    hse_status status;
    int most = 0;

    if (!t->toolchain) {
        *out = t->slot;
        return hse_slot_usable(t->slot, err);
    }
    for (size_t i = 0; i < c->slot_count; i++) {        /* of several: of the target's folder, else the first */
        slot *s = c->slots[i];
        int score = 1 + (t->slot && strcmp(s->dir, t->slot->dir) == 0) + (named && *named && hse_voice_named(s->voices, named) ? 2 : 0);

        if (s->problem || strcmp(s->type_name, type) != 0 || (code && !hse_slot_speaks(s, code)) || score <= most)
            continue;
        best = s;
        most = score;
    }
    if (best) {
        *out = best;
        return HSE_OK;
    }
    status = hse_target_slot(out, c, t, type, err);     /* why none of them can be used */
    return status == HSE_OK ? refuse_language(c, t, code, err) : status;
}

/* A recogniser knows where speech is, too, but is asked for that by nobody but its own requests. */
static bool finds(const slot *s)
{
    return !s->problem && answers(s, HSE_JOB_VAD) && !(s->type->gives & HSE_TRANSCRIPT);
}

hse_status hse_target_vad_model(slot **out, const catalogue *c, hse_error *err)
{
    const char *name = real_name(c, c->vad_model);
    char list[100] = "";
    size_t n = 0;

    *out = NULL;
    for (size_t i = 0; i < c->slot_count; i++) {
        slot *s = c->slots[i];

        if (!finds(s))
            continue;
        if (strcmp(s->name, name) == 0)
            *out = s;
        else if (!s->hidden && n < sizeof list)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", s->name);
    }
    return *out ? HSE_OK : hse_fail(err, HSE_E_NOT_FOUND, 0, "vad_model: no model '%.60s' here finds speech; there are: %s", c->vad_model,
                                    n ? list : "none");
}

hse_status hse_target_finder(slot **out, const catalogue *c, const hse_vad_options *o, hse_error *err)
{
    slot *best = NULL;
    int most = 0;

    if (c->vad_model)
        return hse_target_vad_model(out, c, err);
    for (size_t i = 0; i < c->slot_count; i++) {
        slot *s = c->slots[i];
        int score = 1;

        if (!finds(s))
            continue;
        if (o->faster_whisper == (strcmp(s->type_name, HSE_SPEECH_FINDER) == 0))
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

hse_status hse_target_parts(slot *parts[MAX_PARTS], size_t *n, const catalogue *c, const char *model, hse_error *err)
{
    const hse_toolchain *t;
    hse_status s = HSE_OK;

    *n = 0;
    model = real_name(c, model);
    for (size_t i = 0; i < c->slot_count; i++)
        if (strcmp(c->slots[i]->name, model) == 0) {
            parts[(*n)++] = c->slots[i];
            return hse_slot_usable(c->slots[i], err);
        }
    for (size_t i = 0; !(t = hse_toolchain_find(model)) && i < c->slot_count; i++)
        if (strcmp(c->slots[i]->repo, model) == 0)
            for (size_t k = 0; k < hse_toolchain_count; k++)
                if (strcmp(hse_toolchains[k].needs[0], c->slots[i]->type_name) == 0)
                    model = hse_toolchains[k].name;
    slot *named = t ? NULL : find_repo(c, model, HSE_JOB_KINDS);
    if (named) {
        parts[(*n)++] = named;
        return hse_slot_usable(named, err);
    }
    if (!t)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: there is no model '%.80s'; `hse models` lists them", model);
    target any = {.toolchain = t, .slot = beginning(c, t), .name = t->name};
    for (size_t i = 0; s == HSE_OK && t->needs[i]; i++)
        s = hse_target_slot(&parts[(*n)++], c, &any, t->needs[i], err);
    return s;
}
