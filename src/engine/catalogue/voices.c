/* voices.c - the voices that lie beside a model, and the embeddings of recordings that were heard lately. */
#include "engine/internal.h"

#include "base/file.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_VOICES = 1024, MAX_VOICE_FILE = 4 << 20, MAX_DIM = 65536 };

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void bad_voice(voice *v, const char *fmt, ...) HSE_PRINTF(2, 3);

static void bad_voice(voice *v, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(v->problem, sizeof v->problem, fmt, args);
    va_end(args);
}

/* A list of numbers into the arena. */
static hse_status read_list(voice *v, const json_t *list, hse_arena *arena)
{
    size_t n = json_array_size(list);

    if (n == 0 || n > MAX_DIM) {
        bad_voice(v, "embedding: %zu numbers", n);
        return HSE_OK;
    }
    float *out = hse_arena_array(arena, n, sizeof *out);
    if (!out)
        return HSE_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(list, i);

        out[i] = (float)json_number_value(x);
        if (!json_is_number(x) || !isfinite(out[i])) {
            bad_voice(v, "embedding: entry %zu is not a finite number", i);
            return HSE_OK;
        }
    }
    v->embedding = out;
    v->size = n;
    return HSE_OK;
}

/* Little-endian float32 in base64 into the arena. */
static hse_status read_base64(voice *v, const json_t *text, hse_arena *arena)
{
    hse_buf b;
    hse_error err;
    hse_status s;

    hse_buf_init(&b, MAX_DIM * sizeof(float));
    s = hse_buf_unbase64(&b, json_string_value(text), json_string_length(text), true, &err);
    if (s == HSE_OK && (b.size == 0 || b.size % sizeof(float)))
        s = hse_fail(&err, HSE_E_FORMAT, 0, "%zu bytes are no float32 numbers", b.size);
    float *out = s == HSE_OK ? hse_arena_alloc(arena, b.size) : NULL;
    if (s == HSE_OK && !out)
        s = HSE_E_NOMEM;
    for (size_t i = 0; out && i < b.size / sizeof(float); i++) {
        uint32_t bits = hse_get_u32le(b.data + i * sizeof bits);

        memcpy(&out[i], &bits, sizeof bits);
        if (!isfinite(out[i]))
            s = hse_fail(&err, HSE_E_FORMAT, i, "entry %zu is not a finite number", i);
    }
    if (s == HSE_OK) {
        v->embedding = out;
        v->size = b.size / sizeof(float);
    } else if (s != HSE_E_NOMEM) {
        bad_voice(v, "embedding_base64: %.100s", err.text);
    }
    hse_buf_free(&b);
    return s == HSE_E_NOMEM ? s : HSE_OK;
}

/* One file: {"name", "embedding": [...] or base64, "default": true}. */
static hse_status read_voice(voice *v, const char *path, bool *is_default, hse_arena *arena)
{
    char *text = NULL;
    size_t size = 0;
    hse_error err;
    json_error_t json_err;
    hse_status s = hse_file_read(&text, &size, path, MAX_VOICE_FILE, &err);

    if (s == HSE_E_NOMEM)
        return s;
    if (s != HSE_OK) {
        bad_voice(v, "%.150s", err.text);
        return HSE_OK;
    }
    json_t *root = json_loadb(text, size, 0, &json_err);
    hse_free(text);
    if (!root) {
        bad_voice(v, "not JSON: line %d: %.100s", json_err.line, json_err.text);
        return HSE_OK;
    }
    const json_t *list = json_object_get(root, "embedding"), *base64 = json_object_get(root, "embedding_base64");
    if (json_is_array(list))
        s = read_list(v, list, arena);
    else if (json_is_string(base64) || json_is_string(list))
        s = read_base64(v, json_is_string(base64) ? base64 : list, arena);
    else
        bad_voice(v, "there is neither a list 'embedding' nor a text 'embedding_base64'");
    *is_default = json_is_true(json_object_get(root, "default"));
    json_decref(root);
    return s;
}

static int by_voice_name(const void *a, const void *b)
{
    return strcmp(((const voice *)a)->name, ((const voice *)b)->name);
}

hse_status hse_voices_read(voice_set *out, const char *dir, hse_arena *arena, hse_error *err)
{
    char path[4096];
    hse_buf names;
    hse_status s = HSE_OK;

    *out = (voice_set){.dir = dir};
    snprintf(path, sizeof path, "%s/voices", dir);
    DIR *d = opendir(path);
    if (!d)
        return HSE_OK;
    hse_buf_init(&names, MAX_VOICES * sizeof(voice));
    for (struct dirent *e; s == HSE_OK && (e = readdir(d));) {
        size_t n = strlen(e->d_name);

        if (e->d_name[0] == '.' || n <= 5 || strcmp(e->d_name + n - 5, ".json") != 0)
            continue;
        voice v = {.name = hse_arena_strndup(arena, e->d_name, n - 5)};
        hse_buf_append(&names, &v, sizeof v);
        if (!v.name || names.status == HSE_E_NOMEM)
            s = HSE_E_NOMEM;
    }
    closedir(d);

    size_t count = names.size / sizeof(voice), first = 0;
    voice *list = s == HSE_OK ? hse_arena_array(arena, count + 1, sizeof *list) : NULL;
    if (s == HSE_OK && !list)
        s = HSE_E_NOMEM;
    if (s == HSE_OK && count) {
        memcpy(list, names.data, count * sizeof *list);
        qsort(list, count, sizeof *list, by_voice_name);
    }
    hse_buf_free(&names);
    for (size_t i = 0; s == HSE_OK && i < count; i++) {
        bool is_default = false;

        snprintf(path, sizeof path, "%s/voices/%s.json", dir, list[i].name);
        s = read_voice(&list[i], path, &is_default, arena);
        if (is_default)
            first = i;
    }
    if (s != HSE_OK)
        return hse_fail(err, s, 0, "no memory to read the voices");
    if (first) {                                        /* the default to the front, the others keep their order */
        voice v = list[first];

        memmove(list + 1, list, first * sizeof *list);
        list[0] = v;
    }
    out->list = list;
    out->count = count;
    return HSE_OK;
}

/* ---- by name ------------------------------------------------------------------------------------------------------- */

int hse_openai_voice(const char *name)
{
    static const char *const names[] = {"alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse",
                                        "marin", "cedar"};

    for (int i = 0; i < (int)COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const voice *hse_voice_named(const voice_set *set, const char *name)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (strcmp(set->list[i].name, name) == 0)
            return &set->list[i];
    return NULL;
}

/* A voice of the set; else one of OpenAI's names, which stand for the set's in turn. */
static const voice *by_name(const voice_set *set, const char *name)
{
    const voice *v = hse_voice_named(set, name);
    int turn = v ? -1 : hse_openai_voice(name);

    return turn < 0 ? v : &set->list[(size_t)turn % set->count];
}

hse_status hse_voices_find(const voice **out, const voice_set *set, const char *name, const char *model, hse_error *err)
{
    bool named = name && *name;
    char list[120] = "";
    size_t n = 0;

    if (!set || set->count == 0)
        return hse_fail(err, HSE_E_ARG, 0, "%s: model '%.40s' has no voices; send input_audio (a recording to clone) or "
                        "input_embedding, or add a voice to the voice store", named ? "voice" : "input_audio", model);
    const voice *v = set->list;
    if (named && !(v = by_name(set, name))) {
        for (size_t i = 0; i < set->count && n < sizeof list; i++)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", set->list[i].name);
        return hse_fail(err, HSE_E_ARG, 0, "voice: model '%.40s' has no voice '%.40s'; there are: %s", model, name, list);
    }
    if (v->problem[0])
        return hse_fail(err, HSE_E_FORMAT, 0, "voice: the file of '%.40s' cannot be used: %.140s", v->name, v->problem);
    *out = v;
    return HSE_OK;
}

/* The rate and the way it is read belong to the recording's identity. */
void hse_voice_hash(hse_job *job, const hse_audio *audio)
{
    uint8_t key[16];

    memcpy(key, job->engine->hash_key, sizeof key);
    for (int i = 0; i < 4; i++)
        key[i] ^= (uint8_t)((unsigned)audio->rate_hz >> (8 * i));
    key[4] ^= job->reference;
    hse_siphash128(job->audio_hash, key, audio->samples, audio->n * sizeof(float));
}

/* ---- the cache ----------------------------------------------------------------------------------------------------- */

bool hse_voice_cache_get(hse_engine *e, const uint8_t hash[16], unsigned slot_index, float **embedding, size_t *size)
{
    for (size_t i = 0; i < VOICE_CACHE; i++) {
        voice_cache_entry *c = &e->cache[i];

        if (c->slot != slot_index + 1 || memcmp(c->hash, hash, sizeof c->hash) != 0)
            continue;
        float *copy = hse_alloc(c->size * sizeof *copy);
        if (!copy)
            break;
        memcpy(copy, c->embedding, c->size * sizeof *copy);
        c->used = ++e->cache_clock;
        *embedding = copy;
        *size = c->size;
        e->stats.voice_cache_hits++;
        return true;
    }
    e->stats.voice_cache_misses++;
    return false;
}

void hse_voice_cache_put(hse_engine *e, const uint8_t hash[16], unsigned slot_index, const float *embedding, size_t size)
{
    voice_cache_entry *oldest = &e->cache[0];
    float *copy = hse_alloc(size * sizeof *copy);

    if (!copy)
        return;                                         /* it is computed again next time */
    for (size_t i = 1; i < VOICE_CACHE; i++)
        if (e->cache[i].used < oldest->used)
            oldest = &e->cache[i];
    hse_free(oldest->embedding);
    memcpy(copy, embedding, size * sizeof *copy);
    memcpy(oldest->hash, hash, sizeof oldest->hash);
    oldest->slot = slot_index + 1;
    oldest->used = ++e->cache_clock;
    oldest->embedding = copy;
    oldest->size = size;
}

/* SipHash-2-4 with 128 bits of output (Aumasson, Bernstein 2012). */
static inline uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static void sip_rounds(uint64_t v[4], int rounds)
{
    for (; rounds; rounds--) {
        v[0] += v[1], v[2] += v[3];
        v[1] = rotl(v[1], 13) ^ v[0], v[3] = rotl(v[3], 16) ^ v[2];
        v[0] = rotl(v[0], 32);
        v[2] += v[1], v[0] += v[3];
        v[1] = rotl(v[1], 17) ^ v[2], v[3] = rotl(v[3], 21) ^ v[0];
        v[2] = rotl(v[2], 32);
    }
}

static void put_u64le(uint8_t *p, uint64_t v)
{
    hse_put_u32le(p, (uint32_t)v);
    hse_put_u32le(p + 4, (uint32_t)(v >> 32));
}

void hse_siphash128(uint8_t out[16], const uint8_t key[16], const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t k0 = hse_get_u64le(key), k1 = hse_get_u64le(key + 8), last = (uint64_t)size << 56;
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du ^ 0xee, k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
    size_t i = 0;

    for (; size - i >= 8; i += 8) {
        uint64_t m = hse_get_u64le(p + i);

        v[3] ^= m;
        sip_rounds(v, 2);
        v[0] ^= m;
    }
    for (size_t j = 0; i + j < size; j++)
        last |= (uint64_t)p[i + j] << (8 * j);
    v[3] ^= last;
    sip_rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xee;
    sip_rounds(v, 4);
    put_u64le(out, v[0] ^ v[1] ^ v[2] ^ v[3]);
    v[1] ^= 0xdd;
    sip_rounds(v, 4);
    put_u64le(out + 8, v[0] ^ v[1] ^ v[2] ^ v[3]);
}
