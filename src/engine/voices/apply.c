/* apply.c - a stored voice takes its place in a request: as an embedding of the model's own encoder, kept on disk. */
#include "engine/voices/inner.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "text/markup/markup.h"

#include <dirent.h>
#include <stdio.h>

enum { MAX_LOOKED_AT = 2000, DEPTH = 3 };

static const uint64_t key_seed[2] = {0x656d626564206b65u, 0x7920766572736931u};

/* ---- which weights ------------------------------------------------------------------------------------------------- */

/* Names, sizes and times of all files below a folder, in any order; wherever the folder lies. */
static uint64_t fingerprint(const char *dir, int depth, int *left)
{
    DIR *d = opendir(dir);
    uint64_t sum = 0;

    for (struct dirent *f; d && *left > 0 && (f = readdir(d));) {
        struct stat st;
        hse_buf b;

        if (f->d_name[0] == '.' || fstatat(dirfd(d), f->d_name, &st, 0) != 0)
            continue;
        (*left)--;
        hse_buf_init(&b, 8192);
        if (S_ISDIR(st.st_mode) && depth > 1) {
            hse_buf_printf(&b, "%s/%s", dir, f->d_name);
            sum += b.status == HSE_OK ? fingerprint(hse_buf_text(&b), depth - 1, left) : 1;
        } else if (S_ISREG(st.st_mode)) {
            hse_buf_printf(&b, "%s %lld %lld.%ld", f->d_name, (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
            sum += hse_hash(key_seed, hse_buf_text(&b), b.size);
        }
        hse_buf_free(&b);
    }
    if (d)
        closedir(d);
    return sum;
}

/* Changes when the model or the weights of any encoder change: an embedding made by others must not be used. */
static void make_key(char out[17], const hse_models *models, const char *model)
{
    uint64_t sum = hse_hash(key_seed, model, strlen(model));
    int left = MAX_LOOKED_AT;

    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);

        if (m->embeds && !m->problem && m->path && *m->path)
            sum += hse_hash(key_seed, m->name, strlen(m->name)) + fingerprint(m->path, DEPTH, &left);
    }
    snprintf(out, 17, "%016llx", (unsigned long long)sum);
}

/* ---- from disk, or made -------------------------------------------------------------------------------------------- */

static bool read_cached(const hse_voice_store *s, const voice_entry *e, const char *suffix, float **out, size_t *n)
{
    char *path = voice_path(s, "/embeddings", e->info.id, suffix);
    hse_map map = {0};
    hse_error err = {0};
    bool ok = path && hse_map_open(&map, path, &err) == HSE_OK;

    if (ok) {
        ok = voice_embedding_read(out, n, map.bytes, e->checksum, &err) == HSE_OK;
        if (!ok && err.status != HSE_E_NOMEM)
            hse_log(HSE_LOG_WARN, "voices", NULL, "an embedding of %s is made again: %s", e->info.id, err.text);
        hse_map_close(&map);
    }
    hse_free(path);
    return ok;
}

/* Whatever keeps it from disk (a read-only folder, a full disk) does not keep the request from its voice. */
static void keep_cached(hse_voice_store *s, const voice_entry *e, const char *suffix, const float *x, size_t n)
{
    hse_buf b;
    hse_error err = {0};
    int fd = -1;
    voice_entry still;

    hse_buf_init(&b, VOICE_EMBEDDING_MAX * sizeof *x + 64);
    voice_embedding_write(&b, x, n, e->checksum);
    hse_status st = voice_store_lock(s, &fd, &err);
    if (st == HSE_OK && voice_store_entry(s, e->info.id, &still, &err) == HSE_OK)       /* not of a voice that was removed meanwhile */
        st = voice_store_write(s, "/embeddings", e->info.id, suffix, &b, &err);
    voice_store_unlock(fd);
    if (st != HSE_OK)
        hse_log(HSE_LOG_WARN, "voices", NULL, "an embedding of %s could not be kept: %s", e->info.id, err.text);
    hse_buf_free(&b);
}

static hse_status make_embedding(hse_engine *engine, const hse_request *from, const char *model, hse_audio *recording, float **out,
                                 size_t *n, hse_error *err)
{
    hse_request r;
    hse_job *job = NULL;

    hse_request_init(&r, HSE_JOB_EMBED);
    r.model = model;
    r.client = from->client;
    r.request_id = from->request_id;
    r.priority = from->priority;
    r.timeout_s = from->timeout_s;
    r.cancel = from->cancel;
    r.keep_alive_s = from->keep_alive_s;
    r.audio = *recording;
    *recording = (hse_audio){0};
    hse_status s = hse_job_open(&job, engine, &r, err);
    if (s == HSE_OK)
        s = hse_job_wait(job, err);
    if (s == HSE_OK) {
        const hse_job_result *got = hse_job_result_get(job);

        *n = got->embedding_size;
        *out = hse_alloc(*n * sizeof **out + 1);
        if (*out)
            memcpy(*out, got->embedding, *n * sizeof **out);
        else
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for an embedding");
    }
    hse_job_close(&job);
    return s;
}

/* ---- into the request ---------------------------------------------------------------------------------------------- */

/* A model that is not there is for the engine to refuse, with HSE_OK and no info here. */
static hse_status find_model(hse_model_choice *out, hse_models *models, hse_engine *engine, const hse_request *r, hse_error *err)
{
    hse_error why = {0};
    hse_status s = hse_models_find(out, models, engine, r->kind, r->model, &why);

    if (s != HSE_E_NOMEM)
        return HSE_OK;
    *err = why;
    return s;
}

hse_status hse_voice_name_free(hse_engine *engine, const char *name, hse_error *err)
{
    hse_models *models = NULL;
    hse_status s = hse_models_open(&models, engine, err);

    for (size_t i = 0; s == HSE_OK && i < hse_models_count(models); i++)
        if (hse_model_has_voice(hse_models_at(models, i), name))
            s = hse_fail(err, HSE_E_BUSY, 0, "name: model '%.60s' has a voice \"%.64s\" of its own, which goes first; choose another name",
                         hse_models_at(models, i)->name, name);
    hse_models_close(&models);
    return s;
}

/* By the model's own encoder: from disk or made now. */
static hse_status stored_embedding(hse_voice_store *store, hse_engine *engine, const hse_request *r, const hse_models *models,
                                   const char *model, const voice_entry *e, float **embedding, size_t *n, hse_error *err)
{
    hse_audio recording = {0};
    char suffix[20] = ".";
    hse_status s;

    make_key(suffix + 1, models, model);
    if (read_cached(store, e, suffix, embedding, n))
        return HSE_OK;
    s = hse_voice_store_audio(store, e->info.id, &recording, err);
    if (s == HSE_OK)
        s = make_embedding(engine, r, model, &recording, embedding, n, err);
    if (s == HSE_OK)
        keep_cached(store, e, suffix, *embedding, *n);
    return s;
}

static hse_status check_entry(const voice_entry *e, const char *name, hse_error *err)
{
    return e->info.problem[0] ? hse_fail(err, HSE_E_FORMAT, 0, "voice: \"%.64s\" cannot be used: %.100s", name, e->info.problem) : HSE_OK;
}

static hse_status put_in_place(hse_voice_store *store, hse_engine *engine, hse_request *r, const hse_models *models,
                               const hse_model_choice *m, const voice_entry *e, float **embedding, hse_error *err)
{
    hse_audio recording = {0};
    size_t n = 0;
    hse_status s = check_entry(e, r->voice, err);

    if (s != HSE_OK)
        return s;
    if (m->info->embeds) {
        s = stored_embedding(store, engine, r, models, m->name, e, embedding, &n, err);
        r->embedding = *embedding;
        r->embedding_size = n;
    } else if ((s = hse_voice_store_audio(store, e->info.id, &recording, err)) == HSE_OK) {
        *(r->kind == HSE_JOB_CONVERT ? &r->target : &r->audio) = recording;
    }
    if (s == HSE_OK)
        r->voice = NULL;
    return s;
}

hse_status hse_voice_store_apply(hse_voice_store *store, hse_engine *engine, hse_request *r, float **embedding, hse_error *err)
{
    hse_models *models = NULL;
    voice_entry e;
    hse_model_choice m;
    hse_status s;

    *embedding = NULL;
    if ((r->kind != HSE_JOB_SPEAK && r->kind != HSE_JOB_CONVERT) || !r->voice || !*r->voice || r->embedding ||
        (r->kind == HSE_JOB_SPEAK ? r->audio.n : r->target.n))
        return HSE_OK;                      /* a voice beside another source is for the engine to refuse */
    if ((s = hse_models_open(&models, engine, err)) != HSE_OK)
        return s;
    s = find_model(&m, models, engine, r, err);
    if (s == HSE_OK && m.info && !hse_model_has_voice(m.info, r->voice)) {
        s = voice_store_entry(store, r->voice, &e, err);
        s = s == HSE_OK ? put_in_place(store, engine, r, models, &m, &e, embedding, err) : s == HSE_E_NOT_FOUND ? HSE_OK : s;
    }
    hse_models_close(&models);
    return s;
}

/* ---- into the text ------------------------------------------------------------------------------------------------- */

static bool is_named(const hse_named_voices *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->list[i].name, name) == 0)
            return true;
    return false;
}

/* One more for the list; a name that is nobody's is left for the engine to refuse. */
static hse_status add_named(hse_named_voices *out, hse_voice_store *store, hse_engine *engine, const hse_request *r,
                            const hse_models *models, const char *model, const char *name, hse_error *err)
{
    float *embedding = NULL;
    size_t n = 0;
    voice_entry e;
    hse_status s = voice_store_entry(store, name, &e, err);

    if (s == HSE_E_NOT_FOUND)
        return HSE_OK;
    if (s == HSE_OK && (s = check_entry(&e, name, err)) == HSE_OK)
        s = stored_embedding(store, engine, r, models, model, &e, &embedding, &n, err);
    if (s != HSE_OK)
        return s;
    hse_named_voice *list = hse_realloc(out->list, (out->count + 1) * sizeof *list);
    char *copy = hse_strdup(name);
    out->list = list ? list : out->list;
    if (!list || !copy) {
        hse_free(copy);
        hse_free(embedding);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voices of a text");
    }
    list[out->count++] = (hse_named_voice){copy, embedding, n};
    return HSE_OK;
}

hse_status hse_voice_store_apply_text(hse_voice_store *store, hse_engine *engine, hse_request *r, hse_named_voices *out, hse_error *err)
{
    static const char element[] = "<voice";
    hse_model_choice m = {NULL, NULL};
    hse_models *models = NULL;
    text_markup text;
    hse_status s;

    *out = (hse_named_voices){0};
    if (r->kind != HSE_JOB_SPEAK || r->reference || !r->text || !memmem(r->text, r->text_size, element, sizeof element - 1))
        return HSE_OK;
    s = text_markup_read(&text, r->input, r->text, r->text_size, r->language, NULL, NULL, err);
    if (s != HSE_OK)
        return s == HSE_E_NOMEM ? s : HSE_OK;
    s = hse_models_open(&models, engine, err);
    if (s == HSE_OK)
        s = find_model(&m, models, engine, r, err);
    for (size_t i = 0; s == HSE_OK && m.info && m.info->embeds && i < text.count; i++) {
        const char *name = text.span[i].style.voice;

        if (name && !hse_model_has_voice(m.info, name) && !is_named(out, name))
            s = add_named(out, store, engine, r, models, m.name, name, err);
    }
    hse_models_close(&models);
    text_markup_free(&text);
    if (s != HSE_OK)
        hse_named_voices_free(out);
    r->voices = out->list;
    r->voice_count = out->count;
    return s;
}

void hse_named_voices_free(hse_named_voices *v)
{
    for (size_t i = 0; i < v->count; i++) {
        hse_free((char *)(uintptr_t)v->list[i].name);
        hse_free((float *)(uintptr_t)v->list[i].embedding);
    }
    hse_free(v->list);
    *v = (hse_named_voices){0};
}
