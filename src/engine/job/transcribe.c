/* transcribe.c - a transcription's own memory: the options that the caller lent, and the text that comes out of the split. */
#include "engine/public/public.h"

#include "base/utf8.h"

enum { MAX_LIST = 65536, MAX_PROMPT = 1 << 20 };

/* ---- options ------------------------------------------------------------------------------------------------------- */

typedef struct {
    hse_job   *job;
    hse_error *err;
    hse_status status;
} copying;

static void refuse(copying *c, hse_status status, const char *field, const char *what)
{
    if (c->status == HSE_OK)
        c->status = hse_fail(c->err, status, 0, "%s %s", field, what);
}

static void copy_text(copying *c, const char **text, const char *field)
{
    size_t n, bad;

    if (!*text)
        return;
    n = strlen(*text);
    if (n > MAX_PROMPT)
        refuse(c, HSE_E_LIMIT, field, "is over 1 MiB");
    else if (!hse_utf8_valid(*text, n, &bad))
        refuse(c, HSE_E_FORMAT, field, "is not UTF-8");
    else if (!(*text = hse_arena_strndup(&c->job->text_arena, *text, n)))
        refuse(c, HSE_E_NOMEM, field, "does not fit into memory");
}

/* `list` points to a pointer to n elements of `size` bytes. */
static void copy_list(copying *c, void *list, size_t n, size_t size, const char *field)
{
    const void *from;
    void *to;

    memcpy(&from, list, sizeof from);
    if (!from)
        return;
    if (n > MAX_LIST)
        refuse(c, HSE_E_LIMIT, field, "has over 65536 entries");
    else if (!(to = hse_arena_array(&c->job->text_arena, n + 1, size)))
        refuse(c, HSE_E_NOMEM, field, "does not fit into memory");
    else {
        if (n)
            memcpy(to, from, n * size);
        memcpy(list, &to, sizeof to);
    }
}

hse_status hse_transcribe_prepare(hse_job *job, const hse_request *r, hse_error *err)
{
    copying c = {.job = job, .err = err};
    hse_transcribe_options *o = &job->transcribe;

    *o = r->transcribe;
    job->said_end = &job->said;
    if (r->kind != HSE_JOB_TRANSCRIBE) {                /* where is speech? as faster-whisper's batched pipeline finds it */
        hse_transcribe_options_init(o);
        o->batched = o->vad_filter = o->without_timestamps = 1;
        return HSE_OK;
    }
    if (o->temperature_count == 0 || o->temperature_count > COUNT(o->temperatures))
        return hse_fail(err, HSE_E_ARG, 0, "temperature: %zu of them; there may be 1 to 16", o->temperature_count);
    if (r->language && *r->language)
        o->language = r->language;
    copy_text(&c, &o->language, "language");
    copy_list(&c, &o->languages, o->language_count, sizeof *o->languages, "languages");
    for (size_t i = 0; o->languages && c.status == HSE_OK && i < o->language_count; i++) {
        const char **l = (const char **)(uintptr_t)&o->languages[i];

        if (*l)
            copy_text(&c, l, "languages");
        else
            refuse(&c, HSE_E_ARG, "languages", "has an entry that is NULL");
    }
    copy_text(&c, &o->initial_prompt, "prompt");
    copy_list(&c, &o->initial_prompt_tokens, o->initial_prompt_token_count, sizeof *o->initial_prompt_tokens, "prompt");
    copy_text(&c, &o->prefix, "prefix");
    copy_text(&c, &o->hotwords, "hotwords");
    copy_list(&c, &o->suppress_tokens, o->suppress_token_count, sizeof *o->suppress_tokens, "suppress_tokens");
    copy_text(&c, &o->prepend_punctuations, "prepend_punctuations");
    copy_text(&c, &o->append_punctuations, "append_punctuations");
    copy_list(&c, &o->clip_timestamps, o->clip_count, sizeof *o->clip_timestamps, "clip_timestamps");
    o->model = NULL;
    o->cancel = NULL;
    if (r->has_seed) {
        o->has_seed = 1;
        o->seed = r->seed;
    } else if (o->has_seed) {
        job->result.seed = o->seed;
    }
    return c.status;
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

static const char *keep_text(hse_arena *arena, const char *s, bool *ok)
{
    char *p = s ? hse_arena_strndup(arena, s, strlen(s)) : NULL;

    *ok &= !s || p;
    return p;
}

static void *keep_array(hse_arena *arena, const void *from, size_t n, size_t size, bool *ok)
{
    void *p = from && n ? hse_arena_array(arena, n, size) : NULL;

    *ok &= !from || !n || p;
    if (p)
        memcpy(p, from, n * size);
    return p;
}

bool hse_transcript_segment_copy(hse_transcript_segment *out, const hse_transcript_segment *from, hse_arena *arena)
{
    bool ok = true;

    *out = *from;
    out->text = keep_text(arena, from->text, &ok);
    out->language = keep_text(arena, from->language, &ok);
    out->tokens = keep_array(arena, from->tokens, from->token_count, sizeof *from->tokens, &ok);
    out->token_logprobs = keep_array(arena, from->token_logprobs, from->token_count, sizeof *from->token_logprobs, &ok);
    const char **texts = keep_array(arena, from->token_texts, from->token_count, sizeof *texts, &ok);
    for (size_t i = 0; texts && i < from->token_count; i++)
        texts[i] = keep_text(arena, texts[i], &ok);
    out->token_texts = texts;
    hse_word *words = keep_array(arena, from->words, from->word_count, sizeof *words, &ok);
    for (size_t i = 0; words && i < from->word_count; i++)
        words[i].word = keep_text(arena, words[i].word, &ok);
    out->words = words;
    return ok;
}

bool hse_transcript_facts_copy(hse_transcript *out, const hse_transcript *from, hse_arena *arena)
{
    bool ok = true;

    if (from->language && (!out->language || strcmp(out->language, from->language) != 0))
        out->language = keep_text(arena, from->language, &ok);
    out->language_probability = from->language_probability;
    out->duration = from->duration;
    out->duration_after_vad = from->duration_after_vad;
    if (from->language_count && !out->language_count) {
        hse_language_probability *l = keep_array(arena, from->languages, from->language_count, sizeof *l, &ok);

        for (size_t i = 0; l && i < from->language_count; i++)
            l[i].code = keep_text(arena, l[i].code, &ok);
        out->languages = l;
        out->language_count = l ? from->language_count : 0;
    }
    return ok;
}

hse_status hse_transcribe_copy(hse_job *job, const hse_split_output *out, said **list, hse_error *err)
{
    for (size_t i = 0; i < out->text_count; i++) {
        *list = hse_arena_array(&job->text_arena, 1, sizeof **list);
        if (!*list || !hse_transcript_segment_copy(&(*list)->segment, &out->text[i], &job->text_arena))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the transcript");
        list = &(*list)->next;
    }
    return HSE_OK;
}

hse_status hse_transcribe_copy_facts(hse_job *job, const hse_transcript *t, hse_error *err)
{
    if (!hse_transcript_facts_copy(&job->transcript, t, &job->text_arena))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the transcript");
    job->result.transcript = &job->transcript;
    return HSE_OK;
}
