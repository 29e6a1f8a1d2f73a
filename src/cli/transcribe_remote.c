/* transcribe_remote.c - hse transcribe by a server: OpenAI's form out, verbose_json in. */
#include "cli/transcribe.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "formats/json.h"

#include <math.h>
#include <string.h>

enum { MAX_UPLOAD = 100 << 20, MAX_ANSWER = 256 << 20 };

#define BOUNDARY "hse-form-5b1c9f0e7a2d48e6b3c4"

/* ---- the form ------------------------------------------------------------------------------------------------------ */

static void field(hse_buf *out, const char *name, const char *value)
{
    if (value)
        hse_buf_printf(out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name, value);
}

static void number(hse_buf *out, const char *name, double value)
{
    char text[40];

    snprintf(text, sizeof text, "%.9g", value);
    field(out, name, text);
}

/* The name in the form is for the server's log alone; what could end the header in it is left out. */
static void file_part(hse_buf *out, const char *path, const char *data, size_t size)
{
    const char *base = strrchr(path, '/');

    hse_buf_str(out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"");
    for (const char *p = base ? base + 1 : path; *p; p++)
        hse_buf_byte(out, (unsigned char)*p < 0x20 || *p == '"' || *p == '\\' || (unsigned char)*p >= 0x7F ? '_' : (uint8_t)*p);
    hse_buf_str(out, "\"\r\nContent-Type: application/octet-stream\r\n\r\n");
    hse_buf_append(out, data, size);
    hse_buf_str(out, "\r\n--" BOUNDARY "--\r\n");
}

/* What the server would take for itself is not sent; what the user gave is. */
static void fields(hse_buf *out, const cli_transcribe *t)
{
    const hse_transcribe_options *o = &t->options;
    const cli_args *a = t->args;

    field(out, "model", o->model);
    field(out, "response_format", "verbose_json");
    field(out, "timestamp_granularities[]", "segment");
    if (o->word_timestamps)
        field(out, "timestamp_granularities[]", "word");
    field(out, "language", o->language);
    for (size_t i = 0; i < o->language_count; i++)
        field(out, "languages[]", o->languages[i]);
    field(out, "prompt", o->initial_prompt);
    field(out, "hotwords", o->hotwords);
    field(out, "vad_filter", o->vad_filter ? "true" : "false");
    field(out, "batched", o->batched ? "true" : NULL);
    field(out, "without_timestamps", o->without_timestamps ? "true" : NULL);
    if (cli_given(a, "beam-size"))
        number(out, "beam_size", o->beam_size);
    if (cli_given(a, "temperature"))
        number(out, "temperature", o->temperatures[0]);
    if (cli_given(a, "seed"))
        field(out, "seed", cli_text(a, "seed"));
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

static double real(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

static const char *text_of(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

/* OpenAI's words stand at the top, without the space before them; they belong to the segment in which their middle lies. */
static hse_status take_words(hse_arena *arena, const json_t *list, hse_transcript_segment *segments, size_t n, hse_error *err)
{
    size_t count = json_array_size(list), at = 0;
    hse_word *words = hse_arena_array(arena, count + 1, sizeof *words);

    if (!words)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the words of the answer");
    for (size_t i = 0; i < count; i++) {
        const json_t *w = json_array_get(list, i);
        const char *text = text_of(w, "word");
        char *spaced = hse_arena_alloc(arena, strlen(text) + 2);
        if (!spaced)
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the words of the answer");
        bool space = *text && *text != ' ';             /* a language without spaces gets them only in colours and JSON */
        memcpy(spaced, " ", space);
        memcpy(spaced + space, text, strlen(text) + 1);
        words[i] = (hse_word){.word = spaced, .start = real(w, "start"), .end = real(w, "end"), .probability = 1};
        const json_t *p = json_object_get(w, "probability");
        if (json_is_number(p))
            words[i].probability = json_number_value(p);
        while (at + 1 < n && (words[i].start + words[i].end) / 2 >= segments[at + 1].start)
            at++;
        if (!n)
            continue;
        if (!segments[at].word_count)
            segments[at].words = &words[i];
        segments[at].word_count++;
    }
    return HSE_OK;
}

static hse_status take_segment(hse_arena *arena, const json_t *o, hse_transcript_segment *s, size_t i, hse_error *err)
{
    const json_t *tokens = json_object_get(o, "tokens");
    size_t n = json_array_size(tokens);
    int32_t *ids = hse_arena_array(arena, n + 1, sizeof *ids);

    if (!ids)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the tokens of the answer");
    for (size_t k = 0; k < n; k++)
        ids[k] = (int32_t)json_integer_value(json_array_get(tokens, k));
    *s = (hse_transcript_segment){
        .id = (int32_t)i + 1, .seek = (int32_t)json_integer_value(json_object_get(o, "seek")), .start = real(o, "start"),
        .end = real(o, "end"), .text = text_of(o, "text"), .tokens = ids, .token_count = n, .temperature = real(o, "temperature"),
        .avg_logprob = real(o, "avg_logprob"), .compression_ratio = real(o, "compression_ratio"),
        .no_speech_prob = real(o, "no_speech_prob"),
    };
    return HSE_OK;
}

hse_status cli_transcript_json_read(cli_transcript_json *out, json_t *root, hse_error *err)
{
    const json_t *list = json_object_get(root, "segments");
    size_t n = json_array_size(list);
    hse_arena *arena = hse_calloc(1, sizeof *arena);
    hse_transcript_segment *segments = NULL;
    hse_status s = HSE_OK;

    *out = (cli_transcript_json){.memory = arena, .root = root};
    if (arena)
        hse_arena_init(arena, MAX_ANSWER);
    if (!arena || !(segments = hse_arena_array(arena, n + 1, sizeof *segments)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for the segments of the answer");
    else if (!json_is_array(list) || !json_is_string(json_object_get(root, "text")))
        s = hse_fail(err, HSE_E_FORMAT, 0, "the server's answer has no segments: it is no verbose_json");
    for (size_t i = 0; i < n && s == HSE_OK; i++)
        s = take_segment(arena, json_array_get(list, i), &segments[i], i, err);
    if (s == HSE_OK)
        s = take_words(arena, json_object_get(root, "words"), segments, n, err);
    if (s != HSE_OK) {
        cli_transcript_json_free(out);
        return s;
    }
    const char *language = text_of(root, "language");
    out->transcript = (hse_transcript){.language = *language ? language : NULL, .language_probability = 1, .duration = real(root, "duration"),
                                       .duration_after_vad = real(root, "duration"), .segments = segments, .segment_count = n};
    return HSE_OK;
}

void cli_transcript_json_free(cli_transcript_json *t)
{
    if (t->memory)
        hse_arena_free(t->memory);
    hse_free(t->memory);
    json_decref(t->root);
    *t = (cli_transcript_json){0};
}

static hse_status collect(void *user, const void *data, size_t size, hse_error *err)
{
    hse_buf_append(user, data, size);
    return hse_buf_status(user, "the answer", err);
}

hse_status cli_transcribe_remote(const cli_transcribe *t, const cli_remote *remote, const char *path, cli_transcript_json *answer, hse_error *err)
{
    const char *route = t->options.task == HSE_TRANSLATE ? "/v1/audio/translations" : "/v1/audio/transcriptions";
    json_t *root = NULL;
    char *data = NULL;
    size_t size = 0;
    hse_buf form, text;
    hse_status s = hse_file_read(&data, &size, path, MAX_UPLOAD, err);

    if (s == HSE_OK && size == 0) {
        hse_free(data);
        s = hse_fail(err, HSE_E_FORMAT, 0, "%.150s: the audio is empty: 0 bytes", path);
    }
    if (s != HSE_OK)
        return s;
    hse_buf_init(&form, (size_t)MAX_UPLOAD + (1 << 20));
    hse_buf_init(&text, MAX_ANSWER);
    fields(&form, t);
    file_part(&form, path, data, size);
    hse_free(data);
    cli_call call = {.method = "POST", .path = route, .content_type = "multipart/form-data; boundary=" BOUNDARY, .body = form.data,
                     .size = form.size};
    s = hse_buf_status(&form, "the request", err);
    if (s == HSE_OK)
        s = cli_http(remote, &call, collect, &text, err);
    if (s == HSE_OK)
        s = hse_json_parse(&root, (hse_bytes){text.data, text.size}, "the server's answer", NULL, err);
    if (s == HSE_OK)
        s = cli_transcript_json_read(answer, root, err);
    hse_buf_free(&form);
    hse_buf_free(&text);
    return s;
}
