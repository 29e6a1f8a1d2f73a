/* transcript.c - a transcript as OpenAI's and HSE's clients read it. */
#include "server/transcribe.h"

#include "base/mem.h"
#include "engine/subtitle.h"
#include "models/whisper/tokenizer.h"

#include <math.h>
#include <time.h>

enum { ANSWER_MAX = 256 << 20, TOKENS_A_SECOND = 10 };         /* of audio, in the usage: OpenAI's figure */

/* ---- logprobs ------------------------------------------------------------------------------------------------------ */

/* {"token":..., "bytes":[...], "logprob":...} for each token of the segment; special ids have no text and are not listed. */
static void put_logprobs(hse_buf *out, const hse_transcript_segment *s)
{
    for (size_t i = 0; s->token_logprobs && s->token_texts && i < s->token_count; i++) {
        const char *text = s->token_texts[i];
        double p = (double)s->token_logprobs[i];

        if (!text || !*text)
            continue;
        hse_buf_str(out, out->size ? ",{\"token\":" : "{\"token\":");
        hse_buf_json(out, text, strlen(text));
        hse_buf_str(out, ",\"bytes\":[");
        for (size_t k = 0; text[k]; k++)
            hse_buf_printf(out, k ? ",%u" : "%u", (unsigned)(unsigned char)text[k]);
        hse_buf_printf(out, "],\"logprob\":%.6g}", isfinite(p) ? p : -9999.0);
    }
}

static void put_list(hse_buf *out, const char *name, const hse_buf *items)
{
    hse_buf_printf(out, ",\"%s\":[", name);
    hse_buf_append(out, items->data, items->size);
    hse_buf_byte(out, ']');
}

/* ---- whole answers ------------------------------------------------------------------------------------------------- */

static const char *language_name(const char *code)
{
    int i = code ? whisper_find_language(code) : -1;

    return i >= 0 ? whisper_languages[i].name : code ? code : "";
}

static void put_text(hse_buf *out, const hse_transcript *t)
{
    hse_buf text;

    hse_buf_init(&text, ANSWER_MAX);
    hse_transcript_text(t, &text);
    hse_buf_json(out, hse_buf_text(&text), text.size);
    if (text.status != HSE_OK && out->status == HSE_OK)
        out->status = text.status;
    hse_buf_free(&text);
}

static void put_languages(hse_buf *out, const hse_transcript *t)
{
    if (!t->language)
        return;
    hse_buf_str(out, ",\"languages\":[{\"code\":");
    hse_buf_json(out, t->language, strlen(t->language));
    hse_buf_str(out, "}]");
}

static void put_json(hse_buf *out, const transcription *t)
{
    hse_buf logprobs;

    hse_buf_str(out, "{\"text\":");
    put_text(out, &t->whole);
    put_languages(out, &t->whole);
    if (t->logprobs) {
        hse_buf_init(&logprobs, ANSWER_MAX);
        for (size_t i = 0; i < t->whole.segment_count; i++)
            put_logprobs(&logprobs, &t->whole.segments[i]);
        put_list(out, "logprobs", &logprobs);
        hse_buf_free(&logprobs);
    }
    hse_buf_str(out, ",\"usage\":");
    hse_transcript_usage_json(&t->whole, out);
    hse_buf_byte(out, '}');
}

static double seconds(double v)
{
    return isfinite(v) && v > 0 ? v : 0;
}

/* HSE's segments: text, times, words. */
static void put_timestamps(hse_buf *out, const hse_transcript *t)
{
    hse_buf_str(out, ",\"timestamps\":[");
    for (size_t i = 0; i < t->segment_count; i++) {
        const hse_transcript_segment *s = &t->segments[i];

        hse_buf_printf(out, "%s{\"id\":%zu,\"start\":%.3f,\"end\":%.3f,\"text\":", i ? "," : "", i, seconds(s->start), seconds(s->end));
        hse_buf_json(out, s->text, strlen(s->text));
        hse_buf_str(out, ",\"words\":[");
        for (size_t k = 0; k < s->word_count; k++) {
            const hse_word *w = &s->words[k];

            hse_buf_str(out, k ? ",{\"word\":" : "{\"word\":");
            hse_buf_json(out, w->word, strlen(w->word));
            hse_buf_printf(out, ",\"start\":%.3f,\"end\":%.3f,\"probability\":%.6f}", seconds(w->start), seconds(w->end), seconds(w->probability));
        }
        hse_buf_str(out, "]}");
    }
    hse_buf_byte(out, ']');
}

static void put_hse(hse_buf *out, const transcription *t)
{
    hse_buf_printf(out, "{\"id\":\"stt-%s\",\"created\":%lld,\"model\":", t->call->id, (long long)time(NULL));
    hse_buf_json(out, t->model, strlen(t->model));
    hse_buf_str(out, ",\"text\":");
    put_text(out, &t->whole);
    hse_buf_str(out, ",\"language\":");
    if (t->body->get_language.value && t->whole.language)
        hse_buf_json(out, t->whole.language, strlen(t->whole.language));
    else
        hse_buf_str(out, "null");
    if (t->body->get_timestamps.value)
        put_timestamps(out, &t->whole);
    else
        hse_buf_str(out, ",\"timestamps\":null");
    hse_buf_byte(out, '}');
}

static void put_verbose(hse_buf *out, const transcription *t)
{
    bool translated = t->request.transcribe.task == HSE_TRANSLATE;
    hse_verbose_options o = {.task = translated ? "translate" : "transcribe", .segments = t->segments, .words = t->words,
                             .language = translated ? "english" : language_name(t->whole.language)};

    hse_transcript_verbose_json(&t->whole, &o, out);
}

bool transcript_answer(transcription *t)
{
    hse_buf out;
    hse_error err = {0};
    size_t size = 0;

    hse_buf_init(&out, ANSWER_MAX);
    http_job_header(t->call->job, "x-hse-model", t->model);
    switch (t->format) {
    case TRANSCRIPT_JSON: put_json(&out, t); return api_answer_json(t->call, &out);
    case TRANSCRIPT_HSE: put_hse(&out, t); return api_answer_json(t->call, &out);
    case TRANSCRIPT_VERBOSE: put_verbose(&out, t); return api_answer_json(t->call, &out);
    case TRANSCRIPT_SRT: hse_subtitle_write(HSE_TEXT_SRT, false, &t->whole, &out); break;
    case TRANSCRIPT_VTT: hse_subtitle_write(HSE_TEXT_VTT, false, &t->whole, &out); break;
    case TRANSCRIPT_TEXT:
        hse_transcript_text(&t->whole, &out);
        hse_buf_byte(&out, '\n');
        break;
    }
    if (hse_buf_status(&out, "the transcript", &err) != HSE_OK) {
        hse_buf_free(&out);
        return api_engine_error(t->call, &err, NULL);
    }
    char *text = hse_buf_take(&out, &size);
    if (!text)
        return api_fail(&t->call->error, 500, NULL, "not enough memory for this request");
    http_job_answer_take(t->call->job, 200, "text/plain; charset=utf-8", text, size, hse_free);
    return true;
}

/* ---- events -------------------------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The deltas joined are the text of the end: the space before the first word is in neither. White space at a segment's end waits
 * for the next one, since the last segment's is in neither either. */
hse_status transcript_delta(transcription *t, const hse_transcript_segment *segment, hse_error *err)
{
    size_t sent = t->text.size, n;
    hse_buf event, logprobs;

    while (sent && is_space((char)t->text.data[sent - 1]))
        sent--;                                         /* what was held back */
    hse_buf_str(&t->text, segment->text);
    if (sent == 0) {
        size_t lead = 0;
        while (lead < t->text.size && is_space((char)t->text.data[lead]))
            lead++;
        hse_buf_consume(&t->text, lead);
    }
    for (n = t->text.size; n > sent && is_space((char)t->text.data[n - 1]);)
        n--;
    hse_status s = hse_buf_status(&t->text, "the transcript", err);
    if (s != HSE_OK || n == sent)
        return s;
    hse_buf_init(&event, ANSWER_MAX);
    hse_buf_init(&logprobs, ANSWER_MAX);
    hse_buf_str(&event, "data: {\"type\":\"transcript.text.delta\",\"delta\":");
    hse_buf_json(&event, hse_buf_text(&t->text) + sent, n - sent);
    if (t->logprobs) {
        put_logprobs(&logprobs, segment);
        put_list(&event, "logprobs", &logprobs);
        hse_buf_str(&t->all_logprobs, t->all_logprobs.size && logprobs.size ? "," : "");
        hse_buf_append(&t->all_logprobs, logprobs.data, logprobs.size);
        if (logprobs.status != HSE_OK && event.status == HSE_OK)
            event.status = logprobs.status;
    }
    hse_buf_byte(&event, '}');
    s = api_stream_event(&t->wait, &event, err);
    hse_buf_free(&event);
    hse_buf_free(&logprobs);
    return s;
}

hse_status transcript_done(transcription *t, hse_error *err)
{
    size_t out_tokens = 0, audio_tokens = (size_t)ceil(seconds(t->whole.duration) * TOKENS_A_SECOND), n = t->text.size;
    hse_buf event;

    for (size_t i = 0; i < t->whole.segment_count; i++)
        out_tokens += t->whole.segments[i].token_count;
    while (n && is_space((char)t->text.data[n - 1]))
        n--;
    hse_buf_init(&event, ANSWER_MAX);
    hse_buf_str(&event, "data: {\"type\":\"transcript.text.done\",\"text\":");
    hse_buf_json(&event, hse_buf_text(&t->text), n);
    put_languages(&event, &t->whole);
    if (t->logprobs)
        put_list(&event, "logprobs", &t->all_logprobs);
    hse_buf_printf(&event, ",\"usage\":{\"type\":\"tokens\",\"input_tokens\":%zu,\"output_tokens\":%zu,\"total_tokens\":%zu,"
                   "\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":%zu}}}",
                   audio_tokens, out_tokens, audio_tokens + out_tokens, audio_tokens);
    hse_status s = api_stream_event(&t->wait, &event, err);
    hse_buf_free(&event);
    return s;
}
