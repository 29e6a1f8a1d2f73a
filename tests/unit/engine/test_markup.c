/* Marked-up text through the engine, by the bundled demo models: pauses to the sample, factors, volumes, voices, pronunciations. */
#include "audio/watermark.h"
#include "engine/engine.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { RATE = 16000 };

static hse_engine *open_engine(const hse_config *config)
{
    hse_engine_setup setup = {.config = config, .models = test_path("models"), .threads = 2, .dtype = HSE_DTYPE_FLOAT32};
    hse_engine *e = NULL;
    hse_error err = {0};

    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    return e;
}

static hse_engine *demo(void)
{
    static hse_engine *engine;

    return engine ? engine : (engine = open_engine(NULL));
}

/* Without gain and limiter, so that samples are the model's own. */
static hse_pcm speak_by(hse_engine *e, const char *text, const char *voice, const char *lexicon)
{
    hse_speak_options o;
    hse_pcm pcm = {0};
    hse_error err = {0};

    hse_speak_options_init(&o);
    o.loudness = HSE_LOUDNESS_NONE;
    o.voice = voice;
    o.lexicon = lexicon;
    CHECK(hse_speak(e, text, &o, &pcm, &err) == HSE_OK, "%.60s: %s", text, err.text);
    return pcm;
}

static hse_pcm speak(const char *text)
{
    return speak_by(demo(), text, NULL, NULL);
}

static bool same(const hse_pcm *a, const hse_pcm *b)
{
    return a->count == b->count && memcmp(a->samples, b->samples, a->count * sizeof(float)) == 0;
}

static size_t zeros(const hse_pcm *p, size_t from, size_t to)
{
    size_t n = 0;

    for (size_t i = from; i < to; i++)
        n += p->samples[i] == 0;
    return n;
}

TEST(a_pause_is_silence_to_the_sample)
{
    hse_pcm a = speak("Hello,"), b = speak("World."), both = speak("<speak>Hello <break time='1234ms'/> world.</speak>");
    size_t pause = RATE * 1234 / 1000;

    CHECK(both.count == a.count + pause + b.count, "%zu samples, want %zu + %zu + %zu", both.count, a.count, pause, b.count);
    CHECK(zeros(&both, a.count, a.count + pause) == pause, "noise in the pause");
    CHECK(memcmp(both.samples, a.samples, a.count * sizeof(float)) == 0, "the words before it differ");
    CHECK(memcmp(both.samples + a.count + pause, b.samples, b.count * sizeof(float)) == 0, "the words behind it differ");
    hse_pcm_free(&both);
    both = speak("<speak><break time='1s'/>World.<break time='250ms'/></speak>");
    CHECK(both.count == RATE + b.count + RATE / 4 && zeros(&both, 0, RATE) == RATE, "%zu samples at both ends", both.count);
    hse_pcm_free(&a);
    hse_pcm_free(&b);
    hse_pcm_free(&both);
}

TEST(ssml_of_plain_text_is_the_plain_text)
{
    static const char *const rows[][2] = {
        {"Hello there. It costs $5!", "<speak>Hello  there.\nIt costs $5!</speak>"},
        {"World Wide Web.", "<speak><sub alias='World Wide Web'>WWW</sub>.</speak>"},
        {"twenty first.", "<speak><say-as interpret-as='ordinal'>21</say-as>.</speak>"},
        {"huh-loh.", "[[hello /həˈloʊ/]]."},
        {"huh-loh.", "<speak><phoneme alphabet='cmu-arpabet' ph='HH AH0 L OW1'>x</phoneme>.</speak>"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_pcm a = speak(rows[i][0]), b = speak(rows[i][1]);

        CHECK(same(&a, &b), "'%s' is not '%s': %zu and %zu samples", rows[i][1], rows[i][0], b.count, a.count);
        hse_pcm_free(&a);
        hse_pcm_free(&b);
    }
}

TEST(rate_pitch_and_volume_change_the_span_alone)
{
    hse_speak_options o;
    hse_error err = {0};
    hse_pcm want = {0}, plain = speak("World."), got = speak("<speak>World.<break time='100ms'/><prosody rate='150%' pitch='+20%'>World.</prosody></speak>");
    size_t from = plain.count + RATE / 10;

    hse_speak_options_init(&o);
    o.loudness = HSE_LOUDNESS_NONE;
    o.speed = 1.5f;
    o.pitch = 1.2f;
    CHECK(hse_speak(demo(), "World.", &o, &want, &err) == HSE_OK, "%s", err.text);
    CHECK(got.count == from + want.count && memcmp(got.samples + from, want.samples, want.count * sizeof(float)) == 0,
          "%zu samples, want %zu + %zu", got.count, from, want.count);
    CHECK(memcmp(got.samples, plain.samples, plain.count * sizeof(float)) == 0, "the words before differ");
    hse_pcm_free(&got);
    got = speak("<speak><prosody volume='-20dB'>World.</prosody></speak>");
    bool scaled = got.count == plain.count;
    for (size_t i = 0; scaled && i < got.count; i++)
        scaled = got.samples[i] == plain.samples[i] * 0.1f;
    CHECK(scaled, "a tenth of each sample is wanted");
    hse_pcm_free(&got);
    got = speak("<speak><prosody volume='silent'>World.</prosody></speak>");
    CHECK(got.count == plain.count && zeros(&got, 0, got.count) == got.count, "silent is not silence");
    hse_pcm_free(&got);
    hse_pcm_free(&plain);
    hse_pcm_free(&want);
}

TEST(a_voice_speaks_its_span)
{
    hse_pcm slt = speak_by(demo(), "World.", "slt", NULL), awb = speak_by(demo(), "World.", "awb", NULL);
    hse_pcm both = speak("<speak>World.<break time='0s'/><voice name='awb'>World.</voice></speak>");

    CHECK(both.count == slt.count + awb.count && memcmp(both.samples + slt.count, awb.samples, awb.count * sizeof(float)) == 0 &&
              memcmp(both.samples, slt.samples, slt.count * sizeof(float)) == 0,
          "%zu samples, want %zu + %zu", both.count, slt.count, awb.count);
    hse_pcm_free(&slt);
    hse_pcm_free(&awb);
    hse_pcm_free(&both);
}

typedef struct {
    hse_pcm pcm;
} sink;

static int take(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    sink *s = user;
    float *more = realloc(s->pcm.samples, (s->pcm.count + count) * sizeof *more);

    CHECK(more, "no memory");
    memcpy(more + s->pcm.count, samples, count * sizeof *more);
    s->pcm = (hse_pcm){more, s->pcm.count + count, rate_hz};
    return 0;
}

TEST(streamed_markup_is_bit_for_bit_the_whole)
{
    static const char text[] = "<speak><break time='50ms'/>The quick brown <prosody volume='+3dB' rate='slow'>fox jumps</prosody> over the "
                               "<voice name='awb'>lazy</voice> dog.<break time='1s'/><p>And so it ends.</p></speak>";
    hse_speak_options o;
    hse_error err = {0};
    hse_pcm whole = {0};
    sink s = {0};

    hse_speak_options_init(&o);
    CHECK(hse_speak(demo(), text, &o, &whole, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_speak_stream(demo(), text, &o, take, &s, &err) == HSE_OK, "%s", err.text);
    CHECK(same(&whole, &s.pcm), "%zu and %zu samples", s.pcm.count, whole.count);
    o.loudness = HSE_LOUDNESS_PEAK;
    hse_pcm_free(&whole);
    CHECK(hse_speak(demo(), text, &o, &whole, &err) == HSE_OK, "%s", err.text);
    float peak = 0;
    for (size_t i = 0; i < whole.count; i++)
        peak = fmaxf(peak, fabsf(whole.samples[i]));
    CHECK(fabsf(peak - 0.97f) < 1e-5f, "a peak of %g", (double)peak);
    hse_pcm_free(&whole);
    hse_pcm_free(&s.pcm);
}

static hse_config *config_with(const char *yaml)
{
    hse_config *c = NULL;
    hse_error err = {0};

    CHECK(hse_config_parse(&c, (hse_bytes){(const uint8_t *)yaml, strlen(yaml)}, "test", NULL, &err) == HSE_OK, "%s", err.text);
    return c;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The server's lexicon counts for every request, the request's wins over it, and a reload takes another one, or keeps the old one. */
TEST(lexicons_of_server_and_request)
{
    char path[] = "/tmp/hse-lexicon-XXXXXX", yaml[200];
    int fd = mkstemp(path);
    hse_error err = {0};

    CHECK(fd >= 0, "no temporary file");
    close(fd);
    write_file(path, "HSE = harmony\n");
    snprintf(yaml, sizeof yaml, "lexicon: [%s]\n", path);
    hse_config *first = config_with(yaml);
    hse_engine *e = open_engine(first);
    hse_pcm harmony = speak("harmony."), speech = speak("speech."), got = speak_by(e, "HSE.", NULL, NULL);
    CHECK(same(&got, &harmony), "the server's lexicon");
    hse_pcm_free(&got);
    got = speak_by(e, "HSE.", NULL, "HSE = speech");
    CHECK(same(&got, &speech), "the request's lexicon");
    hse_pcm_free(&got);

    write_file(path, "HSE = speech\n");
    CHECK(hse_engine_reload(e, config_with(yaml), &err) == HSE_OK, "%s", err.text);
    got = speak_by(e, "HSE.", NULL, NULL);
    CHECK(same(&got, &speech), "the lexicon after a reload");
    hse_pcm_free(&got);
    write_file(path, "HSE\n");
    hse_config *bad = config_with(yaml);
    hse_status s = hse_engine_reload(e, bad, &err);
    CHECK(s == HSE_E_FORMAT && strstr(err.text, "lexicon: ") && strstr(err.text, "line 1: expected"), "%d '%s'", (int)s, err.text);
    hse_config_close(&bad);
    got = speak_by(e, "HSE.", NULL, NULL);
    CHECK(same(&got, &speech), "the lexicon after a reload that failed");
    hse_pcm_free(&got);
    hse_pcm_free(&harmony);
    hse_pcm_free(&speech);
    hse_engine_close(&e);
    hse_config_close(&first);
    unlink(path);
}

static const char *watermark_of(const hse_pcm *p)
{
    static hse_watermark_result r;

    assert_int_equal(hse_watermark_find(p->samples, p->count, (int)p->rate_hz, &r, NULL), HSE_OK);
    return r.message;
}

/* In what is spoken, when the request or the config says so; the same bits streamed or not. */
TEST(a_watermark_is_found_in_what_was_spoken)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog. On the third of May it cost five dollars, or so they say! Who would "
                               "have thought that? Nobody, as far as I can see.";
    hse_config *config = config_with("watermark: server\n");
    hse_engine *e = open_engine(config);
    hse_speak_options o;
    hse_error err = {0};
    hse_pcm got = {0};
    sink s = {0};

    hse_speak_options_init(&o);
    CHECK(hse_speak(e, text, &o, &got, &err) == HSE_OK && strcmp(watermark_of(&got), "server") == 0, "%s: '%s'", err.text, watermark_of(&got));
    CHECK(hse_speak_stream(e, text, &o, take, &s, &err) == HSE_OK && same(&got, &s.pcm), "streamed: %s", err.text);
    hse_pcm_free(&got);
    hse_pcm_free(&s.pcm);
    o.watermark = "mine";
    CHECK(hse_speak(e, text, &o, &got, &err) == HSE_OK && strcmp(watermark_of(&got), "mine") == 0, "%s: '%s'", err.text, watermark_of(&got));
    hse_pcm_free(&got);
    o.watermark = "";
    hse_pcm plain = {0};
    CHECK(hse_speak(e, text, &o, &got, &err) == HSE_OK && strcmp(watermark_of(&got), "") == 0, "%s: '%s'", err.text, watermark_of(&got));
    o.watermark = NULL;
    CHECK(hse_speak(demo(), text, &o, &plain, &err) == HSE_OK && same(&got, &plain), "without: %s", err.text);
    hse_pcm_free(&got);
    hse_pcm_free(&plain);
    o.watermark = "not a message";
    CHECK(hse_speak(e, text, &o, &got, &err) == HSE_E_ARG && strstr(err.text, "watermark: 'not a message'"), "%s", err.text);
    hse_engine_close(&e);
    hse_config_close(&config);
}

TEST(what_cannot_be_spoken_is_refused_with_its_place)
{
    static const struct {
        const char *name, *text, *lexicon, *words;
        int         reference;
        hse_status  want;
    } rows[] = {
        {"a voice", "<speak>\n<voice name='nobody'>x</voice></speak>", NULL, "input: line 2, column 1: voice: model", 0, HSE_E_ARG},
        {"a language", "<speak>x <lang xml:lang='fr'>y</lang></speak>", NULL, "input: line 1, column 10: language: model", 0, HSE_E_UNSUPPORTED},
        {"a sound", "[[Jörg /jœʁk/]]", NULL, "input: 'Jörg': this model, which reads English letters, has no sound for 'œ'", 0, HSE_E_UNSUPPORTED},
        {"a sound of the lexicon", "Jörg", "jörg = /jœʁk/", "input: 'Jörg': ", 0, HSE_E_UNSUPPORTED},
        {"nothing", "<speak><break time='1s'/></speak>", NULL, "nothing that can be spoken", 0, HSE_E_ARG},
        {"SSML for the original", "<speak>x</speak>", NULL, NULL, 1, HSE_OK},
        {"a lexicon for the original", "x", "x = y", "lexicon: a reference request", 1, HSE_E_UNSUPPORTED},
        {"a lexicon", "x", "x", "lexicon: line 1: expected", 0, HSE_E_FORMAT},
        {"an element", "<speak><audio/></speak>", NULL, "input: line 1, column 8: <audio> is not offered", 0, HSE_E_UNSUPPORTED},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        hse_speak_options o;
        hse_pcm pcm = {0};
        hse_error err = {0};
        float values[64];

        for (size_t k = 0; k < COUNT(values); k++)
            values[k] = 1.0f / 8;
        hse_speak_options_init(&o);
        o.lexicon = rows[i].lexicon;
        if (rows[i].reference) {
            o.reference_mode = 1;
            o.embedding = values;
            o.embedding_size = COUNT(values);
        }
        hse_status s = hse_speak(demo(), rows[i].text, &o, &pcm, &err);
        CHECK(s == rows[i].want && (!rows[i].words || strstr(err.text, rows[i].words)), "%s: %d '%s'", rows[i].name, (int)s, err.text);
        hse_pcm_free(&pcm);
    }
}
