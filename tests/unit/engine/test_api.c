/* hse.h over the bundled demo models: speaking, streaming, cloning, embedding, voice activity, and every kind of mistake. */
#include "base/clock.h"
#include "engine/engine.h"
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static hse_engine *engine;

static hse_engine *demo(void)
{
    hse_engine_options o;
    hse_error err = {0};

    if (engine)
        return engine;
    hse_engine_options_init(&o);
    o.models = test_path("models");
    o.threads = 2;
    o.dtype = "float32";
    CHECK(hse_engine_open(&engine, &o, &err) == HSE_OK, "%s", err.text);
    return engine;
}

static hse_pcm speak(const char *text, const hse_speak_options *o)
{
    hse_pcm pcm = {0};
    hse_error err = {0};

    CHECK(hse_speak(demo(), text, o, &pcm, &err) == HSE_OK, "%.40s: %s", text, err.text);
    return pcm;
}

static float peak(const hse_pcm *p)
{
    float m = 0;

    for (size_t i = 0; i < p->count; i++)
        m = fmaxf(m, fabsf(p->samples[i]));
    return m;
}

typedef struct {
    hse_pcm  pcm;
    size_t   calls, stop_after, first;
} sink;

static int take(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    sink *s = user;

    if (!s->calls++)
        s->first = count;
    float *more = realloc(s->pcm.samples, (s->pcm.count + count) * sizeof *more);
    CHECK(more, "no memory");
    memcpy(more + s->pcm.count, samples, count * sizeof *more);
    s->pcm = (hse_pcm){more, s->pcm.count + count, rate_hz};
    return s->stop_after && s->pcm.count >= s->stop_after;
}

static bool same(const hse_pcm *a, const hse_pcm *b)
{
    return a->count == b->count && a->rate_hz == b->rate_hz && memcmp(a->samples, b->samples, a->count * sizeof(float)) == 0;
}

static const char longer[] = "The quick brown fox jumps over the lazy dog. On 3 May 2024 it cost $5, or so they say! Who would have thought "
                             "that? Nobody, as far as I can see; and so the story ends.";

TEST(streamed_speech_is_bit_for_bit_the_whole)
{
    hse_pcm whole = speak(longer, NULL);
    sink s = {0};
    hse_error err = {0};

    CHECK(whole.rate_hz == 16000 && whole.count > 16000 * 5, "%zu samples at %u Hz", whole.count, whole.rate_hz);
    CHECK(peak(&whole) > 0.2f && peak(&whole) <= 0.97f, "peak %g", (double)peak(&whole));
    CHECK(hse_speak_stream(demo(), longer, NULL, take, &s, &err) == HSE_OK, "%s", err.text);
    CHECK(same(&whole, &s.pcm), "the stream differs: %zu samples, %zu in one", s.pcm.count, whole.count);
    /* That the first piece leaves while later ones are not computed yet is shown in test_schedule.c, with a held decoder. */
    CHECK(s.calls > 5 && s.first * 8 < whole.count, "%zu pieces, the first of %zu samples", s.calls, s.first);
    free(s.pcm.samples);
    hse_pcm_free(&whole);
}

typedef struct {
    const hse_pcm *want;
    int            differ;
} among;

static void *speak_again(void *arg)
{
    among *a = arg;

    for (int i = 0; i < 2; i++) {
        hse_pcm other = speak(i % 2 ? "Something else." : "Yet another thing, which is said in between.", NULL), p = speak(longer, NULL);

        a->differ += !same(&p, a->want);
        hse_pcm_free(&p);
        hse_pcm_free(&other);
    }
    return NULL;
}

TEST(speech_among_others_is_bit_for_bit_the_same)
{
    enum { CLIENTS = 6 };
    pthread_t threads[CLIENTS];
    hse_pcm alone = speak(longer, NULL);
    among a[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        a[i] = (among){&alone, 0};
        pthread_create(&threads[i], NULL, speak_again, &a[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(a[i].differ == 0, "client %d: %d of 2 differ", i, a[i].differ);
    hse_pcm_free(&alone);
    hse_engine_stats st;
    hse_error err;
    CHECK(hse_engine_stats_get(demo(), &st, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < st.model_count; i++)
        if (strcmp(st.models[i].name, "hs1-vocoder") == 0)
            CHECK((double)st.models[i].items / (double)st.models[i].batches > 1.5, "%d items in %d batches",
                  (int)st.models[i].items, (int)st.models[i].batches);
    hse_engine_stats_free(&st);
}

/* acceptance 15: longer than 0.15 s, not silent, not clipped, nothing after the word. */
TEST(one_word_texts_come_out_whole_and_clean)
{
    static const char *const words[] = {"A", "Yes.", "OK", "No", "I", "Stop!", "Hi", "7", "Go.", "Well", "B", "\"Thanks\""};

    for (size_t i = 0; i < COUNT(words); i++) {
        hse_pcm p = speak(words[i], NULL);
        double loudest = 0, last = 0;

        for (size_t at = 0; at + 400 <= p.count; at += 400) {
            double e = 0;
            for (size_t k = 0; k < 400; k++)
                e += (double)p.samples[at + k] * p.samples[at + k];
            loudest = fmax(loudest, e);
            last = e;
        }
        CHECK(p.count > 16000 * 15 / 100, "%s: %zu samples", words[i], p.count);
        CHECK(peak(&p) > 0.1f && peak(&p) < 0.98f, "%s: peak %g", words[i], (double)peak(&p));
        CHECK(last < loudest * 1e-3, "%s: ends at %g of its loudest", words[i], last / loudest);
        hse_pcm_free(&p);
    }
}

TEST(every_option_changes_something)
{
    hse_speak_options o;
    hse_pcm plain = speak("Say this sentence.", NULL), p;

    hse_speak_options_init(&o);
    o.speed = 1.25f;
    p = speak("Say this sentence.", &o);
    CHECK(p.count < plain.count * 9 / 10 && p.count > plain.count * 7 / 10, "speed: %zu of %zu", p.count, plain.count);
    hse_pcm_free(&p);
    for (int i = 0; i < 4; i++) {
        hse_speak_options_init(&o);
        if (i == 0)
            o.pitch = 1.3f;
        else if (i == 1)
            o.energy = 1.5f;
        else if (i == 2)
            o.voice = "rms";
        else
            o.loudness = HSE_LOUDNESS_NONE;
        p = speak("Say this sentence.", &o);
        CHECK(!same(&p, &plain), "option %d changes nothing", i);
        if (i == 3)
            CHECK(fabsf(peak(&plain) / peak(&p) - powf(10, 7.5f / 20)) < 0.02f, "gain %g", (double)(peak(&plain) / peak(&p)));
        hse_pcm_free(&p);
    }
    hse_speak_options_init(&o);
    o.loudness = HSE_LOUDNESS_PEAK;
    p = speak("Say this sentence.", &o);
    CHECK(fabsf(peak(&p) - 0.97f) < 1e-4f, "peak %g", (double)peak(&p));
    hse_pcm_free(&p);
    hse_speak_options_init(&o);
    o.rate_hz = 24000;
    p = speak("Say this sentence.", &o);
    CHECK(p.rate_hz == 24000 && p.count == (plain.count * 3 + 1) / 2, "%zu samples at %u Hz", p.count, p.rate_hz);
    hse_pcm_free(&p);
    hse_speak_options_init(&o);
    o.voice = "alloy";                      /* OpenAI's first name is our first voice */
    o.language = "EN";
    p = speak("Say this sentence.", &o);
    CHECK(same(&p, &plain), "alloy is not the default voice");
    hse_pcm_free(&p);
    hse_speak_options_init(&o);
    o.text_mode = HSE_TEXT_OFF;
    hse_pcm five = speak("It is 5 km.", NULL);
    p = speak("It is 5 km.", &o);
    CHECK(!same(&p, &five), "text_mode changes nothing");
    hse_pcm_free(&five);
    hse_pcm_free(&p);
    hse_pcm_free(&plain);
}

TEST(reference_mode_ends_with_the_original_pause_and_peak)
{
    hse_speak_options o;
    sink s = {0};
    hse_error err = {0};

    hse_speak_options_init(&o);
    o.reference_mode = 1;
    hse_pcm p = {0};
    CHECK(hse_speak(demo(), "Hello.", &o, &p, &err) == HSE_E_ARG, "the original has no voices: %s", err.text);
    hse_embedding e = {0};
    hse_pcm voice = speak("A voice that will be cloned from a whole sentence of speech.", NULL);
    CHECK(hse_embed(demo(), voice.samples, voice.count, voice.rate_hz, NULL, &e, &err) == HSE_OK, "%s", err.text);
    o.embedding = e.values;
    o.embedding_size = e.count;
    CHECK(hse_speak(demo(), "Hello.", &o, &p, &err) == HSE_OK, "%s", err.text);
    CHECK(fabsf(peak(&p) - 0.97f) < 1e-4f, "peak %g", (double)peak(&p));
    for (size_t i = p.count - 2400; i < p.count; i++)
        CHECK(p.samples[i] == 0, "sample %zu of the pause is %g", i, (double)p.samples[i]);
    CHECK(hse_speak_stream(demo(), "Hello.", &o, take, &s, &err) == HSE_E_UNSUPPORTED, "%s", err.text);
    hse_pcm_free(&p);
    hse_pcm_free(&voice);
    hse_embedding_free(&e);
}

TEST(a_recording_is_cloned_and_remembered)
{
    hse_speak_options o;
    hse_pcm voice = speak("A voice that nobody has heard before, in a whole sentence of speech.", NULL), a = {0}, b = {0};
    hse_embedding e = {0};
    hse_error err = {0};
    hse_engine_stats before, after;

    CHECK(hse_engine_stats_get(demo(), &before, &err) == HSE_OK, "%s", err.text);
    hse_speak_options_init(&o);
    o.reference = voice.samples;
    o.reference_count = voice.count;
    o.reference_rate_hz = voice.rate_hz;
    a = speak("A cloned voice.", &o);
    b = speak("A cloned voice.", &o);
    CHECK(same(&a, &b), "the second differs");
    CHECK(hse_engine_stats_get(demo(), &after, &err) == HSE_OK, "%s", err.text);
    CHECK(after.voice_cache_hits == before.voice_cache_hits + 1 && after.voice_cache_misses == before.voice_cache_misses + 1,
          "the recording was not remembered");
    hse_engine_stats_free(&before);
    hse_engine_stats_free(&after);

    CHECK(hse_embed(demo(), voice.samples, voice.count, voice.rate_hz, NULL, &e, &err) == HSE_OK && e.count == 64, "%s", err.text);
    hse_speak_options_init(&o);
    o.embedding = e.values;
    o.embedding_size = e.count;
    hse_pcm_free(&b);
    b = speak("A cloned voice.", &o);
    CHECK(same(&a, &b), "the embedding gives another voice than the recording");
    hse_pcm_free(&a);
    hse_pcm_free(&b);
    hse_pcm_free(&voice);
    hse_embedding_free(&e);
}

typedef struct {
    hse_vad_event list[64];
    size_t        n;
} events;

static void note(void *user, const hse_vad_event *event)
{
    events *e = user;

    if (e->n < COUNT(e->list))
        e->list[e->n++] = *event;
}

/* The kit's own values: golden/silero timestamps_jfk_16k and iterator_jfk_16k, first parameter sets. */
TEST(voice_activity_of_a_recording_and_live)
{
    static const int64_t want[] = {5152, 36320, 52256, 71136, 86048, 122848, 130592, 169952, 174112};
    hse_pcm jfk = {0};
    hse_segments s = {0};
    hse_error err = {0};
    hse_vad_params p;

    CHECK(hse_pcm_read(&jfk, test_path("tests/golden/silero/audio/jfk_16k.wav"), &err) == HSE_OK, "%s", err.text);
    CHECK(jfk.count == 176000 && jfk.rate_hz == 16000, "%zu", jfk.count);
    CHECK(hse_vad(demo(), jfk.samples, jfk.count, jfk.rate_hz, NULL, &s, &err) == HSE_OK, "%s", err.text);
    CHECK(s.count == 4 && s.items[0].start == 5152 && s.items[0].end > 35000, "%zu segments", s.count);
    hse_segments_free(&s);
    hse_vad_params_init(&p);
    p.threshold = 0.9;
    p.pad_ms = 0;
    CHECK(hse_vad(demo(), jfk.samples, jfk.count, jfk.rate_hz, &p, &s, &err) == HSE_OK && s.items[0].start != 5152, "%s", err.text);
    hse_segments_free(&s);
    p.threshold = NAN;
    CHECK(hse_vad(demo(), jfk.samples, jfk.count, jfk.rate_hz, &p, &s, &err) == HSE_E_ARG && strstr(err.text, "threshold"), "%s", err.text);
    hse_vad_params_init(&p);
    p.max_speech_s = -1;
    CHECK(hse_vad(demo(), jfk.samples, jfk.count, jfk.rate_hz, &p, &s, &err) == HSE_E_ARG && strstr(err.text, "max_speech_s"), "%s", err.text);

    hse_vad_session *live = NULL;
    CHECK(hse_vad_session_open(&live, demo(), NULL, 16000, &err) == HSE_OK, "%s", err.text);
    for (int round = 0; round < 2; round++) {
        events e = {.n = 0};

        for (size_t at = 0, n; at < jfk.count; at += n) {
            n = jfk.count - at < 777 ? jfk.count - at : 777;
            CHECK(hse_vad_session_push(live, jfk.samples + at, n, note, &e, &err) == HSE_OK, "%s", err.text);
        }
        CHECK(e.n == COUNT(want), "%zu events", e.n);
        for (size_t i = 0; i < e.n; i++)
            CHECK(e.list[i].at == want[i] && e.list[i].start == (i % 2 == 0), "event %zu: %d at %lld", i, e.list[i].start, (long long)e.list[i].at);
        hse_vad_session_reset(live);
    }
    float bad = NAN;
    CHECK(hse_vad_session_push(live, &bad, 1, note, NULL, &err) == HSE_E_FORMAT, "%s", err.text);
    hse_vad_session_close(&live);
    CHECK(live == NULL, "close left the pointer");
    CHECK(hse_vad_session_open(&live, demo(), NULL, 44100, &err) == HSE_E_ARG && strstr(err.text, "44100"), "%s", err.text);
    hse_vad_params_init(&p);
    p.min_speech_ms = 10;
    CHECK(hse_vad_session_open(&live, demo(), &p, 16000, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "min_speech_ms"), "%s", err.text);
    hse_pcm_free(&jfk);
}

static hse_status speak_status(const char *text, const hse_speak_options *o, hse_error *err)
{
    hse_pcm p = {0};
    hse_status s = hse_speak(demo(), text, o, &p, err);

    CHECK((p.samples != NULL) == (s == HSE_OK), "%.20s: output and status disagree", text);
    hse_pcm_free(&p);
    return s;
}

TEST(mistakes_are_named)
{
    static const float one[1] = {1}, bad[3] = {0, INFINITY, 0};
    static const struct {
        const char *name, *text;
        hse_speak_options o;
        hse_status  want;
        const char *word;
        uint64_t    offset;
    } cases[] = {
        {"empty", "", {0}, HSE_E_ARG, "input is empty", 0},
        {"white space", " \n\t ", {0}, HSE_E_ARG, "input", 0},
        {"nothing to say", "... !?", {0}, HSE_E_ARG, "input", 0},
        {"not UTF-8", "abc\xff", {0}, HSE_E_FORMAT, "input", 3},
        {"cut UTF-8", "ab\xc3", {0}, HSE_E_FORMAT, "input", 2},
        {"unknown model", "Hi.", {.model = "nobody"}, HSE_E_NOT_FOUND, "nobody", 0},
        {"a model that does not speak", "Hi.", {.model = "hs1-vocoder"}, HSE_E_UNSUPPORTED, "hs1-vocoder", 0},
        {"a part of the chain", "Hi.", {.model = "hs1-synthesizer"}, HSE_E_UNSUPPORTED, "harmonyspeech", 0},
        {"unknown voice", "Hi.", {.voice = "../slt"}, HSE_E_ARG, "slt, awb, kal16, rms", 0},
        {"unknown language", "Hi.", {.language = "klingon"}, HSE_E_ARG, "language", 0},
        {"language not offered", "Hi.", {.language = "fr"}, HSE_E_UNSUPPORTED, "speaks en", 0},
        {"speed", "Hi.", {.speed = 99}, HSE_E_ARG, "speed", 0},
        {"negative pitch", "Hi.", {.pitch = -1}, HSE_E_ARG, "pitch", 0},
        {"NaN", "Hi.", {.energy = NAN}, HSE_E_ARG, "energy", 0},
        {"rate", "Hi.", {.rate_hz = 5}, HSE_E_ARG, "sample_rate", 0},
        {"two speakers", "Hi.", {.voice = "slt", .embedding = one, .embedding_size = 1}, HSE_E_ARG, "voice", 0},
        {"three speakers", "Hi.", {.reference = one, .reference_count = 1, .reference_rate_hz = 16000, .embedding = one, .embedding_size = 1},
         HSE_E_ARG, "exclude", 0},
        {"embedding of another model", "Hi.", {.embedding = one, .embedding_size = 1}, HSE_E_ARG, "embedding", 0},
        {"embedding not a number", "Hi.", {.embedding = bad, .embedding_size = 3}, HSE_E_ARG, "input_embedding", 1},
        {"recording not a number", "Hi.", {.reference = bad, .reference_count = 3, .reference_rate_hz = 16000}, HSE_E_FORMAT, "sample 1", 1},
        {"recording too short", "Hi.", {.reference = one, .reference_count = 1, .reference_rate_hz = 16000}, HSE_E_ARG, "", 0},
        {"recording's rate", "Hi.", {.reference = one, .reference_count = 1, .reference_rate_hz = 1}, HSE_E_ARG, "rate", 0},
        {"text mode", "Hi.", {.text_mode = (hse_text_mode)9}, HSE_E_ARG, "text_mode", 0},
        {"time", "Hi.", {.timeout_s = -3}, HSE_E_ARG, "timeout_s", 0},
        {"too little time", longer, {.timeout_s = 1e-6}, HSE_E_DEADLINE, "timeout_s", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_speak_options o = cases[i].o;
        hse_error err = {0};

        o.size = sizeof o;
        hse_status got = speak_status(cases[i].text, &o, &err);
        CHECK(got == cases[i].want, "%s: got %d, want %d (%s)", cases[i].name, (int)got, (int)cases[i].want, err.text);
        CHECK(err.status == got && strstr(err.text, cases[i].word), "%s: '%s' does not say '%s'", cases[i].name, err.text, cases[i].word);
        CHECK(err.offset == cases[i].offset, "%s: offset %d", cases[i].name, (int)err.offset);
    }
    hse_error err = {0};
    hse_pcm p;
    CHECK(hse_speak(NULL, "x", NULL, &p, &err) == HSE_E_ARG && hse_speak(demo(), NULL, NULL, &p, &err) == HSE_E_ARG, "NULL");
    CHECK(hse_speak(demo(), "x", NULL, NULL, NULL) == HSE_E_ARG, "NULL out");
    CHECK(hse_embed(demo(), NULL, 5, 16000, NULL, &(hse_embedding){0}, &err) == HSE_E_ARG, "NULL samples");
    CHECK(hse_embed(demo(), one, 0, 16000, NULL, &(hse_embedding){0}, &err) == HSE_E_ARG && strstr(err.text, "input_audio"), "%s", err.text);
    CHECK(hse_vad(demo(), bad, 3, 16000, NULL, &(hse_segments){0}, &err) == HSE_E_FORMAT && err.offset == 1, "%s", err.text);
    float *silence = calloc(16000, sizeof *silence);
    CHECK(silence && hse_embed(demo(), silence, 16000, 16000, NULL, &(hse_embedding){0}, &err) == HSE_E_ARG, "silence: %s", err.text);
    hse_segments none = {0};
    CHECK(hse_vad(demo(), silence, 16000, 16000, NULL, &none, &err) == HSE_OK && none.count == 0 && !none.items, "silence: %s", err.text);
    free(silence);
}

TEST(options_of_older_and_newer_headers)
{
    struct {
        hse_speak_options o;
        long              later;
    } newer = {.later = 0};
    hse_error err = {0};
    hse_pcm p = {0};

    newer.o.size = sizeof newer;
    CHECK(hse_speak(demo(), "Hi.", &newer.o, &p, &err) == HSE_OK, "a longer struct whose tail is zero: %s", err.text);
    hse_pcm_free(&p);
    newer.later = 1;
    CHECK(speak_status("Hi.", &newer.o, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "later version"), "%s", err.text);
    newer.o.size = offsetof(hse_speak_options, speed);
    newer.o.speed = 99;
    CHECK(speak_status("Hi.", &newer.o, &err) == HSE_OK, "what an old struct does not have was read: %s", err.text);
    newer.o.size = 0;
    CHECK(speak_status("Hi.", &newer.o, &err) == HSE_E_ARG && strstr(err.text, "size"), "%s", err.text);
    CHECK(strcmp(hse_version(), HSE_VERSION) == 0 && hse_abi_version() == HSE_ABI_VERSION, "version");
}

static size_t resident_kib(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%*u %lu", &pages) == 1, "statm");
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static int drop(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    size_t *left = user;

    (void)samples, (void)rate_hz;
    *left -= count < *left ? count : *left;
    return *left == 0;
}

/* The first minute of a text of 100,000 characters, then the listener leaves. */
TEST(a_text_of_100000_characters_costs_bounded_memory)
{
    char *text = malloc(100001);
    size_t n = 0, left = 16000 * 60, before;
    hse_error err = {0};

    while (n < 100000)
        n += (size_t)snprintf(text + n, 100001 - n, "%s ", longer);
    sink warm = {0};
    CHECK(hse_speak_stream(demo(), longer, NULL, take, &warm, &err) == HSE_OK, "%s", err.text);
    free(warm.pcm.samples);
    before = resident_kib();
    uint64_t start = hse_now_ms();
    CHECK(hse_speak_stream(demo(), text, NULL, drop, &left, &err) == HSE_E_CANCELLED, "%s", err.text);
    size_t grown = resident_kib() - before;
    CHECK((ptrdiff_t)grown < 64 * 1024, "%zu KiB more", grown);
    printf("one minute of speech in %d ms, %zd KiB more\n", (int)(hse_now_ms() - start), (ptrdiff_t)grown);
    free(text);
}

TEST(a_callback_stops_a_stream)
{
    sink s = {.stop_after = 2000};
    hse_error err = {0};

    CHECK(hse_speak_stream(demo(), longer, NULL, take, &s, &err) == HSE_E_CANCELLED, "%s", err.text);
    CHECK(s.pcm.count >= 2000 && s.pcm.count < 16000, "%zu samples", s.pcm.count);
    free(s.pcm.samples);
}

static void *cancel_soon(void *arg)
{
    usleep(30000);
    hse_cancel_now(arg);
    return NULL;
}

/* An hour of audio is worth more than a second of work: the call ends long before. */
TEST(voice_activity_of_an_hour_can_be_cancelled)
{
    size_t n = (size_t)16000 * 3600;
    float *x = calloc(n, sizeof *x);
    hse_cancel *cancel = NULL;
    hse_vad_params p;
    hse_segments s = {0};
    hse_error err = {0};
    pthread_t thread;

    CHECK(x && hse_cancel_open(&cancel, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_vad(demo(), x, 16000, 16000, NULL, &s, &err) == HSE_OK, "%s", err.text);      /* the model is loaded */
    hse_vad_params_init(&p);
    p.cancel = cancel;
    pthread_create(&thread, NULL, cancel_soon, cancel);
    CHECK(hse_vad(demo(), x, n, 16000, &p, &s, &err) == HSE_E_CANCELLED, "%d %s", (int)err.status, err.text);
    pthread_join(thread, NULL);
    clock_t start = clock();                            /* of this process, not the clock's: it did not compute to the end */
    CHECK(hse_vad(demo(), x, 16000, 16000, NULL, &s, &err) == HSE_OK, "%s", err.text);
    double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK(took < 0.4, "%g s", took);
    hse_cancel_close(&cancel);
    free(x);
}

TEST(what_is_there_is_listed)
{
    static const char *const names[] = {"harmonyspeech", "hs1-encoder", "hs1-synthesizer", "hs1-vocoder", "silero-vad"};
    hse_models *m = NULL;
    hse_error err = {0};

    CHECK(hse_models_open(&m, demo(), &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < COUNT(names); i++) {
        const hse_model_info *info = NULL;
        for (size_t k = 0; k < hse_models_count(m); k++)
            if (strcmp(hse_models_at(m, k)->name, names[i]) == 0)
                info = hse_models_at(m, k);
        CHECK(info && !info->problem, "%s", names[i]);
        if (i == 0)
            CHECK(info->speaks && info->embeds && !info->detects && info->voice_count == 4 && strcmp(info->voices[0], "slt") == 0 &&
                      info->language_count == 1 && strcmp(info->languages[0], "en") == 0, "the toolchain");
    }
    CHECK(hse_models_at(m, 1000) == NULL && hse_models_count(NULL) == 0, "out of range");
    hse_models_close(&m);
    CHECK(m == NULL, "close left the pointer");
}

TEST(wav_files_are_written_and_read)
{
    char path[400];
    float x[100], out_of_range = 2;
    hse_pcm p = {0};
    hse_error err = {0};

    for (int i = 0; i < 100; i++)
        x[i] = (float)i / 128 - 0.25f;
    snprintf(path, sizeof path, "%s/api-test.wav", HSE_BINARY_DIR);
    CHECK(hse_pcm_write_wav(path, x, 100, 22050, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_pcm_read(&p, path, &err) == HSE_OK && p.count == 100 && p.rate_hz == 22050, "%s", err.text);
    CHECK(memcmp(p.samples, x, sizeof x) == 0, "samples differ");
    hse_pcm_free(&p);
    CHECK(hse_pcm_write_wav(path, &out_of_range, 1, 5, &err) == HSE_E_ARG, "%s", err.text);
    CHECK(hse_pcm_read(&p, "/nonexistent/x.wav", &err) == HSE_E_NOT_FOUND, "%s", err.text);
}

TEST(zz_the_engine_closes)
{
    hse_engine_close(&engine);
    hse_engine_close(&engine);
    CHECK(engine == NULL, "close left the pointer");
}
