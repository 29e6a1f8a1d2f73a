#include "engine/subtitle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Milliseconds, rounded; 0 .. 100 hours and more. */
static int64_t milliseconds(double seconds)
{
    return seconds > 0 && seconds < 1e9 ? (int64_t)llround(seconds * 1000) : 0;
}

void hse_subtitle_time(double seconds, char mark, hse_buf *out)
{
    long long ms = milliseconds(seconds);

    hse_buf_printf(out, "%02lld:%02lld:%02lld%c%03lld", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, mark, ms % 1000);
}

bool hse_text_format_parse(const char *word, hse_text_format *out)
{
    static const char *const names[] = {[HSE_TEXT_TXT] = "txt", [HSE_TEXT_SRT] = "srt", [HSE_TEXT_VTT] = "vtt", [HSE_TEXT_TSV] = "tsv",
                                        [HSE_TEXT_LRC] = "lrc", [HSE_TEXT_JSON] = "json"};

    if (strcmp(word, "text") == 0)
        word = "txt";
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(word, names[i]) == 0) {
            *out = (hse_text_format)i;
            return true;
        }
    return false;
}

/* ---- cues ---------------------------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The text without white space at its ends. */
static const char *trim(const char *s, size_t *n)
{
    *n = strlen(s);
    while (*n && is_space(s[*n - 1]))
        --*n;
    while (*n && is_space(*s)) {
        s++;
        --*n;
    }
    return s;
}

/* What would end a cue, a line or a column inside a text must not stand in it. */
static void put_text(hse_text_format format, const char *text, hse_buf *out)
{
    size_t n;

    text = trim(text, &n);
    for (size_t i = 0; i < n; i++) {
        char c = text[i];

        if (c == '\n' || c == '\r' || c == '\t')
            hse_buf_byte(out, ' ');
        else if ((format == HSE_TEXT_SRT || format == HSE_TEXT_VTT) && i + 2 < n && memcmp(text + i, "-->", 3) == 0)
            continue;                                   /* "-->" loses its first dash */
        else if (format == HSE_TEXT_VTT && c == '&')
            hse_buf_str(out, "&amp;");
        else if (format == HSE_TEXT_VTT && c == '<')
            hse_buf_str(out, "&lt;");
        else
            hse_buf_byte(out, (uint8_t)c);
    }
}

static void put_span(char mark, double start, double end, hse_buf *out)
{
    hse_subtitle_time(start, mark, out);
    hse_buf_str(out, " --> ");
    hse_subtitle_time(end, mark, out);
    hse_buf_byte(out, '\n');
}

static void put_cue(hse_subtitle *s, double start, double end, const char *text, hse_buf *out)
{
    long long ms = milliseconds(start);
    size_t n;

    trim(text, &n);
    if (!n)
        return;
    s->count++;
    switch (s->format) {
    case HSE_TEXT_SRT:
        hse_buf_printf(out, "%llu\n", (unsigned long long)s->count);
        put_span(',', start, end, out);
        break;
    case HSE_TEXT_VTT: put_span('.', start, end, out); break;
    case HSE_TEXT_TSV: hse_buf_printf(out, "%lld\t%lld\t", ms, (long long)milliseconds(end)); break;
    case HSE_TEXT_LRC: hse_buf_printf(out, "[%02lld:%02lld.%02lld]", ms / 60000, ms / 1000 % 60, ms / 10 % 100); break;
    default: break;
    }
    put_text(s->format, text, out);
    hse_buf_str(out, s->format == HSE_TEXT_SRT || s->format == HSE_TEXT_VTT ? "\n\n" : "\n");
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static void put_string(const char *s, hse_buf *out)
{
    hse_buf_json(out, s ? s : "", s ? strlen(s) : 0);
}

/* JSON knows no infinity. Up to `digits` behind the point, no zeros at the end. */
static void put_number(double v, int digits, hse_buf *out)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.*f", digits, isfinite(v) && fabs(v) < 1e15 ? v : 0.0);

    while (n > 0 && text[n - 1] == '0' && memchr(text, '.', (size_t)n))
        n--;
    if (n > 0 && text[n - 1] == '.')
        n--;
    hse_buf_append(out, n == 2 && memcmp(text, "-0", 2) == 0 ? "0" : text, n == 2 && memcmp(text, "-0", 2) == 0 ? 1 : (size_t)n);
}

static void put_field(const char *name, double v, int digits, hse_buf *out)
{
    hse_buf_printf(out, ",\"%s\":", name);
    put_number(v, digits, out);
}

void hse_transcript_segment_json(const hse_transcript_segment *s, hse_buf *out)
{
    hse_buf_printf(out, "{\"id\":%d,\"seek\":%d", s->id > 0 ? s->id - 1 : 0, s->seek);
    put_field("start", s->start, 3, out);
    put_field("end", s->end, 3, out);
    hse_buf_str(out, ",\"text\":");
    put_string(s->text, out);
    hse_buf_str(out, ",\"tokens\":[");
    for (size_t i = 0; i < s->token_count; i++)
        hse_buf_printf(out, i ? ",%d" : "%d", s->tokens[i]);
    hse_buf_byte(out, ']');
    put_field("temperature", s->temperature, 3, out);
    put_field("avg_logprob", s->avg_logprob, 6, out);
    put_field("compression_ratio", s->compression_ratio, 6, out);
    put_field("no_speech_prob", s->no_speech_prob, 9, out);
    hse_buf_byte(out, '}');
}

static void put_word(const hse_word *w, bool probability, hse_buf *out)
{
    size_t n;
    const char *text = trim(w->word, &n);

    hse_buf_str(out, "{\"word\":");
    hse_buf_json(out, probability ? w->word : text, probability ? strlen(w->word) : n);
    put_field("start", w->start, 3, out);
    put_field("end", w->end, 3, out);
    if (probability)
        put_field("probability", w->probability, 6, out);
    hse_buf_byte(out, '}');
}

void hse_transcript_text(const hse_transcript *t, hse_buf *out)
{
    size_t from = out->size, n, skip = 0;

    for (size_t i = 0; i < t->segment_count; i++)
        hse_buf_str(out, t->segments[i].text);
    while (out->size > from && is_space((char)out->data[out->size - 1])) {
        out->size--;
        out->data[out->size] = '\0';
    }
    n = out->size - from;
    while (skip < n && is_space((char)out->data[from + skip]))
        skip++;
    if (skip) {
        memmove(out->data + from, out->data + from + skip, n - skip + 1);
        out->size -= skip;
    }
}

void hse_transcript_usage_json(const hse_transcript *t, hse_buf *out)
{
    hse_buf_printf(out, "{\"type\":\"duration\",\"seconds\":%.0f}", t->duration > 0 && t->duration < 1e9 ? ceil(t->duration) : 0.0);
}

void hse_transcript_verbose_json(const hse_transcript *t, const hse_verbose_options *o, hse_buf *out)
{
    hse_buf text;

    hse_buf_init(&text, out->ceiling);
    hse_transcript_text(t, &text);
    if (text.status != HSE_OK && out->status == HSE_OK)
        out->status = text.status;
    hse_buf_str(out, "{\"task\":");
    put_string(o->task ? o->task : "transcribe", out);
    hse_buf_str(out, ",\"language\":");
    put_string(o->language ? o->language : t->language, out);
    put_field("duration", t->duration, 3, out);
    hse_buf_str(out, ",\"text\":");
    hse_buf_json(out, hse_buf_text(&text), text.size);
    hse_buf_free(&text);
    if (o->segments) {
        hse_buf_str(out, ",\"segments\":[");
        for (size_t i = 0; i < t->segment_count; i++) {
            hse_buf_str(out, i ? "," : "");
            hse_transcript_segment_json(&t->segments[i], out);
        }
        hse_buf_byte(out, ']');
    }
    if (o->words) {
        bool first = true;
        hse_buf_str(out, ",\"words\":[");
        for (size_t i = 0; i < t->segment_count; i++)
            for (size_t j = 0; j < t->segments[i].word_count; j++, first = false) {
                hse_buf_str(out, first ? "" : ",");
                put_word(&t->segments[i].words[j], false, out);
            }
        hse_buf_byte(out, ']');
    }
    hse_buf_str(out, ",\"usage\":");
    hse_transcript_usage_json(t, out);
    hse_buf_byte(out, '}');
}

/* ---- the formats --------------------------------------------------------------------------------------------------- */

void hse_subtitle_begin(hse_subtitle *s, hse_buf *out)
{
    s->count = 0;
    if (s->format == HSE_TEXT_VTT)
        hse_buf_str(out, "WEBVTT\n\n");
    else if (s->format == HSE_TEXT_TSV)
        hse_buf_str(out, "start\tend\ttext\n");
    else if (s->format == HSE_TEXT_JSON)
        hse_buf_str(out, "{\"segments\":[");
}

/* A segment of the command line's JSON: the ten fields, and its words with their probabilities. */
static void put_full_segment(hse_subtitle *s, const hse_transcript_segment *segment, hse_buf *out)
{
    hse_buf_str(out, s->count++ ? ",\n" : "\n");
    hse_transcript_segment_json(segment, out);
    if (segment->words && out->size && out->status == HSE_OK) {
        out->size--;                                    /* its closing brace */
        hse_buf_str(out, ",\"words\":[");
        for (size_t i = 0; i < segment->word_count; i++) {
            hse_buf_str(out, i ? "," : "");
            put_word(&segment->words[i], true, out);
        }
        hse_buf_str(out, "]}");
    }
}

void hse_subtitle_segment(hse_subtitle *s, const hse_transcript_segment *segment, hse_buf *out)
{
    bool timed = s->format == HSE_TEXT_SRT || s->format == HSE_TEXT_VTT || s->format == HSE_TEXT_LRC;

    if (s->format == HSE_TEXT_JSON)
        put_full_segment(s, segment, out);
    else if (s->words && timed && segment->word_count)
        for (size_t i = 0; i < segment->word_count; i++)
            put_cue(s, segment->words[i].start, segment->words[i].end, segment->words[i].word, out);
    else
        put_cue(s, segment->start, segment->end, segment->text, out);
}

void hse_subtitle_end(hse_subtitle *s, const hse_transcript *whole, hse_buf *out)
{
    if (s->format != HSE_TEXT_JSON)
        return;
    hse_buf_str(out, s->count ? "\n],\"language\":" : "],\"language\":");
    if (whole && whole->language)
        put_string(whole->language, out);
    else
        hse_buf_str(out, "null");
    put_field("language_probability", whole ? whole->language_probability : 0, 6, out);
    put_field("duration", whole ? whole->duration : 0, 3, out);
    put_field("duration_after_vad", whole ? whole->duration_after_vad : 0, 3, out);
    hse_buf_str(out, "}\n");
}

void hse_subtitle_write(hse_text_format format, bool words, const hse_transcript *t, hse_buf *out)
{
    hse_subtitle s = {.format = format, .words = words};

    hse_subtitle_begin(&s, out);
    for (size_t i = 0; i < t->segment_count; i++)
        hse_subtitle_segment(&s, &t->segments[i], out);
    hse_subtitle_end(&s, t, out);
}
