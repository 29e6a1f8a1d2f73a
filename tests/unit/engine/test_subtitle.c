/* Transcripts as text, subtitles and JSON: each format, hostile texts and times, one by one as all at once, no memory. */
#include "engine/subtitle.h"
#include "base/mem.h"
#include "formats/json.h"
#include "test.h"

#include <math.h>

static const hse_word words[] = {{" Hello", 0.5, 1.0, 0.9}, {" there", 1.0, 1.25, 0.5}};
static const int32_t tokens[] = {50364, 2425, 50464};
static const hse_transcript_segment segments[] = {
    {.id = 1, .seek = 0, .start = 0.5, .end = 1.25, .text = " Hello there", .tokens = tokens, .token_count = 3, .temperature = 0.2,
     .avg_logprob = -0.25, .compression_ratio = 1.5, .no_speech_prob = 1e-6, .words = words, .word_count = 2},
    {.id = 2, .seek = 300, .start = 3661.0015, .end = 3662, .text = " a --> b\n<i>&\t\"q\" "},
    {.id = 3, .start = 3662, .end = 3663, .text = "  "},
};
static const hse_transcript transcript = {.language = "en", .language_probability = 0.75, .duration = 3663.25, .duration_after_vad = 2,
                                          .segments = segments, .segment_count = 3};
static const hse_transcript nothing = {.language = NULL, .duration = NAN};

TEST(every_format_is_written)
{
    static const struct { const char *name; bool words; const hse_transcript *t; const char *want; } cases[] = {
        {"txt", false, &transcript, "Hello there\na --> b <i>& \"q\"\n"},
        {"text", true, &transcript, "Hello there\na --> b <i>& \"q\"\n"},
        {"srt", false, &transcript, "1\n00:00:00,500 --> 00:00:01,250\nHello there\n\n"
                                    "2\n01:01:01,002 --> 01:01:02,000\na -> b <i>& \"q\"\n\n"},
        {"srt", true, &transcript, "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:01,000 --> 00:00:01,250\nthere\n\n"
                                   "3\n01:01:01,002 --> 01:01:02,000\na -> b <i>& \"q\"\n\n"},
        {"vtt", false, &transcript, "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\nHello there\n\n"
                                    "01:01:01.002 --> 01:01:02.000\na -> b &lt;i>&amp; \"q\"\n\n"},
        {"tsv", false, &transcript, "start\tend\ttext\n500\t1250\tHello there\n3661002\t3662000\ta --> b <i>& \"q\"\n"},
        {"lrc", false, &transcript, "[00:00.50]Hello there\n[61:01.00]a --> b <i>& \"q\"\n"},
        {"txt", false, &nothing, ""},
        {"srt", false, &nothing, ""},
        {"vtt", false, &nothing, "WEBVTT\n\n"},
        {"json", false, &nothing, "{\"segments\":[],\"language\":null,\"language_probability\":0,\"duration\":0,\"duration_after_vad\":0}\n"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_text_format format;
        hse_buf out;

        hse_buf_init(&out, 1 << 16);
        CHECK(hse_text_format_parse(cases[i].name, &format), "%s is unknown", cases[i].name);
        hse_subtitle_write(format, cases[i].words, cases[i].t, &out);
        CHECK(strcmp(hse_buf_text(&out), cases[i].want) == 0, "%s: %s, want %s", cases[i].name, hse_buf_text(&out), cases[i].want);
        hse_buf_free(&out);
    }
    hse_text_format format;
    CHECK(!hse_text_format_parse("doc", &format) && !hse_text_format_parse("", &format), "an unknown format was taken");
}

TEST(json_has_everything)
{
    json_t *root = NULL;
    hse_error err = {0};
    hse_buf out;

    hse_buf_init(&out, 1 << 16);
    hse_subtitle_write(HSE_TEXT_JSON, false, &transcript, &out);
    CHECK(hse_json_parse(&root, (hse_bytes){out.data, out.size}, "json", NULL, &err) == HSE_OK, "%s: %s", err.text, hse_buf_text(&out));
    const json_t *s = json_array_get(json_object_get(root, "segments"), 0);
    CHECK(json_object_size(s) == 11 && json_array_size(json_object_get(root, "segments")) == 3, "%s", hse_buf_text(&out));
    CHECK(strcmp(json_string_value(json_object_get(s, "text")), " Hello there") == 0, "the text as it is");
    const json_t *w = json_array_get(json_object_get(s, "words"), 1);
    CHECK(strcmp(json_string_value(json_object_get(w, "word")), " there") == 0 &&
              json_number_value(json_object_get(w, "probability")) == 0.5, "words with probabilities");
    CHECK(json_number_value(json_object_get(root, "language_probability")) == 0.75, "%s", hse_buf_text(&out));
    json_decref(root);
    hse_buf_free(&out);
}

TEST(verbose_json_is_openais)
{
    static const char *const fields[] = {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio",
                                         "no_speech_prob"};
    static const struct { bool segments, words; } cases[] = {{true, false}, {false, true}, {true, true}, {false, false}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_verbose_options o = {.task = "transcribe", .language = "english", .segments = cases[i].segments, .words = cases[i].words};
        json_t *root = NULL;
        hse_error err = {0};
        hse_buf out;

        hse_buf_init(&out, 1 << 16);
        hse_transcript_verbose_json(&transcript, &o, &out);
        CHECK(hse_json_parse(&root, (hse_bytes){out.data, out.size}, "json", NULL, &err) == HSE_OK, "%s: %s", err.text, hse_buf_text(&out));
        CHECK(strcmp(json_string_value(json_object_get(root, "language")), "english") == 0 &&
                  strcmp(json_string_value(json_object_get(root, "task")), "transcribe") == 0 &&
                  strcmp(json_string_value(json_object_get(root, "text")), "Hello there a --> b\n<i>&\t\"q\"") == 0 &&
                  json_number_value(json_object_get(root, "duration")) == 3663.25, "%s", hse_buf_text(&out));
        CHECK((json_object_get(root, "segments") != NULL) == cases[i].segments && (json_object_get(root, "words") != NULL) == cases[i].words,
              "case %zu: %s", i, hse_buf_text(&out));
        const json_t *s = json_array_get(json_object_get(root, "segments"), 0);
        for (size_t f = 0; s && f < COUNT(fields); f++)
            CHECK(json_object_get(s, fields[f]), "%s is missing", fields[f]);
        CHECK(!s || (json_object_size(s) == 10 && json_integer_value(json_object_get(s, "id")) == 0), "ten fields, ids from 0");
        const json_t *w = json_array_get(json_object_get(root, "words"), 0);
        CHECK(!w || (strcmp(json_string_value(json_object_get(w, "word")), "Hello") == 0 && json_object_size(w) == 3), "a word");
        CHECK(json_integer_value(json_object_get(json_object_get(root, "usage"), "seconds")) == 3664, "%s", hse_buf_text(&out));
        json_decref(root);
        hse_buf_free(&out);
    }
}

TEST(hostile_values_stay_json)
{
    static const hse_transcript_segment s[] = {{.id = INT32_MIN, .start = -INFINITY, .end = NAN, .text = "\xff\x01\"", .temperature = NAN,
                                                .avg_logprob = -INFINITY, .compression_ratio = 1e300, .no_speech_prob = -0.0}};
    static const hse_transcript t = {.language = "\"x", .duration = INFINITY, .segments = s, .segment_count = 1};
    static const hse_text_format formats[] = {HSE_TEXT_TXT, HSE_TEXT_SRT, HSE_TEXT_VTT, HSE_TEXT_TSV, HSE_TEXT_LRC, HSE_TEXT_JSON};
    hse_verbose_options o = {.segments = true, .words = true};
    json_t *root = NULL;
    hse_error err = {0};
    hse_buf out;

    hse_buf_init(&out, 1 << 16);
    hse_transcript_verbose_json(&t, &o, &out);
    CHECK(hse_json_parse(&root, (hse_bytes){out.data, out.size}, "json", NULL, &err) == HSE_OK, "%s: %s", err.text, hse_buf_text(&out));
    json_decref(root);
    for (size_t i = 0; i < COUNT(formats); i++) {
        hse_buf_clear(&out);
        hse_subtitle_write(formats[i], true, &t, &out);
        CHECK(out.status == HSE_OK && out.size, "format %zu", i);
    }
    hse_buf_free(&out);
}

TEST(no_memory_is_kept_in_the_buffer)
{
    static const hse_text_format formats[] = {HSE_TEXT_TXT, HSE_TEXT_SRT, HSE_TEXT_JSON};
    hse_verbose_options o = {.segments = true, .words = true};

    for (size_t i = 0; i <= COUNT(formats); i++)
        for (uint64_t n = 1;; n++) {
            hse_buf out;

            hse_buf_init(&out, 1 << 16);
            hse_mem_fail_at(n, false);
            if (i < COUNT(formats))
                hse_subtitle_write(formats[i], false, &transcript, &out);
            else
                hse_transcript_verbose_json(&transcript, &o, &out);
            bool struck = hse_mem_failed();
            hse_mem_fail_at(0, false);
            CHECK((out.status == HSE_OK) == !struck, "case %zu, allocation %d: status %d", i, (int)n, (int)out.status);
            hse_buf_free(&out);
            if (!struck)
                break;
        }
}
