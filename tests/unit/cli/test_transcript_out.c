/* Where transcripts go: standard output as they come, files in a folder, colours; and answers of a server as transcripts. */
#include "cli/transcribe.h"
#include "base/file.h"
#include "base/mem.h"
#include "formats/json.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

static const hse_word words[] = {{" Hello", 0, 1, 0.99}, {" there", 1, 2, 0.05}};
static const hse_transcript_segment segments[] = {
    {.id = 1, .start = 0, .end = 2, .text = " Hello there", .words = words, .word_count = 2},
    {.id = 2, .start = 2, .end = 3, .text = " again", .avg_logprob = -0.1},
};
static const hse_transcript whole = {.language = "en", .duration = 3, .segments = segments, .segment_count = 2};

static char *printed(const cli_transcript_style *style, size_t n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    cli_transcript_out out;
    hse_error err = {0};

    cli_transcript_begin(&out, style, "x.wav", to);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(cli_transcript_segment(&out, &segments[i], &err), HSE_OK);
    if (n == 2)
        assert_int_equal(cli_transcript_end(&out, &whole, &err), HSE_OK);
    cli_transcript_close(&out);
    fclose(to);
    return text;
}

TEST(text_is_printed_as_it_comes)
{
    cli_transcript_style txt = {.format = {HSE_TEXT_TXT}, .formats = 1}, json = {.format = {HSE_TEXT_JSON}, .formats = 1};
    char *text = printed(&txt, 1);

    CHECK(strcmp(text, "Hello there\n") == 0, "%s", text);
    free(text);
    text = printed(&json, 2);
    json_t *root = NULL;
    hse_error err = {0};
    CHECK(hse_json_parse(&root, (hse_bytes){(const uint8_t *)text, strlen(text)}, NULL, NULL, &err) == HSE_OK, "%s: %s", err.text, text);
    json_decref(root);
    free(text);
    txt.colors = true;
    text = printed(&txt, 2);
    CHECK(strstr(text, "\x1b[38;5;82mHello\x1b[0m\x1b[38;5;196m there\x1b[0m\n") == text && strstr(text, "again"), "%s", text);
    free(text);
}

TEST(files_are_named_after_their_recordings)
{
    static const struct { const char *input, *want; } cases[] = {
        {"a/b/talk.one.wav", "d/talk.one.srt"}, {"-", "d/stdin.srt"}, {".hidden", "d/.hidden.srt"}, {"plain", "d/plain.srt"},
    };

    cli_transcript_style style = {.format = {HSE_TEXT_TXT}, .formats = 1, .output = "d"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *path = cli_transcript_path(&style, cases[i].input, HSE_TEXT_SRT);
        CHECK(path && strcmp(path, cases[i].want) == 0, "%s: %s", cases[i].input, path);
        hse_free(path);
    }
    char a[] = "a/x.wav", b[] = "y.wav", c[] = "b/x.mp3", d[] = "x.wav", e[] = "x.one.wav";
    char *same[] = {a, b, c}, *differ[] = {d, e};
    hse_error err = {0};
    CHECK(cli_transcript_names(&style, same, 3, &err) == HSE_E_ARG && strstr(err.text, "a/x.wav") && strstr(err.text, "b/x.mp3"), "%s", err.text);
    CHECK(cli_transcript_names(&style, differ, 2, &err) == HSE_OK, "%s", err.text);
    style.output = NULL;
    CHECK(cli_transcript_names(&style, same, 3, &err) == HSE_OK, "%s", err.text);
}

TEST(every_format_goes_to_its_file)
{
    char dir[] = "/tmp/hse-test-XXXXXX";
    cli_transcript_style style = {.format = {HSE_TEXT_TXT, HSE_TEXT_SRT, HSE_TEXT_VTT}, .formats = 3, .output = dir};

    assert_non_null(mkdtemp(dir));
    char *nothing = printed(&style, 2);
    CHECK(nothing[0] == '\0', "files and standard output: %s", nothing);
    free(nothing);
    for (size_t i = 0; i < style.formats; i++) {
        char *path = cli_transcript_path(&style, "x.wav", style.format[i]), *text = NULL;
        size_t size = 0;
        hse_error err = {0};
        CHECK(hse_file_read(&text, &size, path, 1000, &err) == HSE_OK && strstr(text, "Hello there") && strstr(text, "again"), "%s", err.text);
        unlink(path);
        hse_free(text);
        hse_free(path);
    }
    CHECK(rmdir(dir) == 0, "something else is in the folder");
}

static hse_status read_json(cli_transcript_json *out, const char *text, hse_error *err)
{
    json_t *root = NULL;

    assert_int_equal(hse_json_parse(&root, (hse_bytes){(const uint8_t *)text, strlen(text)}, NULL, NULL, err), HSE_OK);
    return cli_transcript_json_read(out, root, err);
}

TEST(a_servers_words_find_their_segments)
{
    static const char text[] = "{\"text\":\"a b c\",\"language\":\"english\",\"duration\":9,\"segments\":[{\"start\":0,\"end\":2,\"text\":\" a b\",\"tokens\":[1,2]},"
                               "{\"start\":2,\"end\":3,\"text\":\" c\"}],\"words\":[{\"word\":\"a\",\"start\":0,\"end\":1},{\"word\":\"b\",\"start\":1,\"end\":2},"
                               "{\"word\":\"c\",\"start\":2.1,\"end\":3,\"probability\":0.5}]}";
    cli_transcript_json t = {0};
    hse_error err = {0};

    CHECK(read_json(&t, text, &err) == HSE_OK, "%s", err.text);
    const hse_transcript_segment *s = t.transcript.segments;
    CHECK(t.transcript.segment_count == 2 && s[0].word_count == 2 && s[1].word_count == 1 && s[0].token_count == 2 && s[1].token_count == 0 &&
              strcmp(s[1].words[0].word, " c") == 0 && s[1].words[0].probability == 0.5 && strcmp(t.transcript.language, "english") == 0 &&
              t.transcript.duration == 9 && s[1].id == 2, "segments and words");
    cli_transcript_json_free(&t);
}

TEST(a_servers_nonsense_is_refused)
{
    static const struct { const char *text; hse_status want; } cases[] = {
        {"{}", HSE_E_FORMAT}, {"[]", HSE_E_FORMAT}, {"{\"text\":\"\",\"segments\":{}}", HSE_E_FORMAT}, {"{\"text\":1,\"segments\":[]}", HSE_E_FORMAT},
        {"{\"text\":\"\",\"segments\":[]}", HSE_OK}, {"{\"text\":\"\",\"segments\":[1,null,{\"text\":5,\"tokens\":{}}],\"words\":[7,{\"word\":[]}]}", HSE_OK},
        {"{\"text\":\"\",\"segments\":[],\"words\":[{\"word\":\"x\"}]}", HSE_OK},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cli_transcript_json t = {0};
        hse_error err = {0};
        hse_status s = read_json(&t, cases[i].text, &err);
        CHECK(s == cases[i].want, "%s: %d %s", cases[i].text, (int)s, err.text);
        cli_transcript_json_free(&t);
    }
}
