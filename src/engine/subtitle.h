/* subtitle.h - a transcript as text, subtitles, or JSON. For the command line (files) and the server (response_format).
 *
 * Nothing here fails but by memory: write, then ask hse_buf_status of `out`. Segments may also be written one by one as they
 * come: hse_subtitle_begin, _segment..., _end give the bytes that hse_subtitle_write gives at once. */
#ifndef HSE_ENGINE_SUBTITLE_H
#define HSE_ENGINE_SUBTITLE_H

#include "base/buf.h"

typedef enum {
    HSE_TEXT_TXT,                   /* a line a segment */
    HSE_TEXT_SRT, HSE_TEXT_VTT,     /* --> in a text becomes ->, as Whisper writes it; VTT escapes & and < */
    HSE_TEXT_TSV,                   /* start, end in ms, text */
    HSE_TEXT_LRC,                   /* [mm:ss.cc]text */
    HSE_TEXT_JSON,                  /* everything that is known, one object */
} hse_text_format;

typedef struct {
    hse_text_format format;
    bool            words;          /* srt, vtt, lrc: a cue a word where the segments have words */
    uint64_t        count;          /* cues so far; start with 0 */
} hse_subtitle;

/* "srt", ... also "text" for txt; false: no such format. */
bool hse_text_format_parse(const char *word, hse_text_format *out);

void hse_subtitle_begin(hse_subtitle *s, hse_buf *out);
void hse_subtitle_segment(hse_subtitle *s, const hse_transcript_segment *segment, hse_buf *out);
/* whole: language and durations for JSON; its segments are not looked at. */
void hse_subtitle_end(hse_subtitle *s, const hse_transcript *whole, hse_buf *out);
void hse_subtitle_write(hse_text_format format, bool words, const hse_transcript *t, hse_buf *out);

/* All text, without the space at both ends: what OpenAI's `text` holds. */
void hse_transcript_text(const hse_transcript *t, hse_buf *out);

/* OpenAI's verbose_json. Segments have all ten fields, ids from 0; words stand at the top level, without the space before them.
 * language: what the answer says (NULL: the transcript's code); task: "transcribe", "translate". */
typedef struct {
    const char *task, *language;
    bool        segments, words;
} hse_verbose_options;

void hse_transcript_verbose_json(const hse_transcript *t, const hse_verbose_options *o, hse_buf *out);
/* One segment of it: {"id":..., "seek":..., ...}. */
void hse_transcript_segment_json(const hse_transcript_segment *s, hse_buf *out);
/* {"type":"duration","seconds":N}: whole seconds, rounded up. */
void hse_transcript_usage_json(const hse_transcript *t, hse_buf *out);

/* "00:01:02.345" with the given mark before the milliseconds; negative and not finite times are 0. */
void hse_subtitle_time(double seconds, char mark, hse_buf *out);

#endif
