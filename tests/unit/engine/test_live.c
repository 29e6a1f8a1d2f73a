/* Live transcription on the kit's tiny model of random weights: finals joined are the file's text, whatever the pieces and the
 * rate; finals never change; partials grow by what two passes agree on; memory stays flat; what a stream cannot have is refused. */
#include "test.h"

#include "audio/resample.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/engine.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- an engine with a recogniser and a finder of speech ---- */

static hse_config *config_of(const char *model)
{
    char text[2000], path[200];
    hse_config *c = NULL;
    hse_error err = {0};

    snprintf(path, sizeof path, "%s", test_path("models/demo/silero"));
    snprintf(text, sizeof text,
             "model_configs:\n"
             "  - {name: whisper, model: \"%s/%s\", model_type: FasterWhisper, dtype: float32}\n"
             "  - {name: vad, model: \"%s\", model_type: SileroVADV6}\n",
             test_path("tests/golden/whisper/models"), model, path);
    CHECK(hse_config_parse(&c, (hse_bytes){(const uint8_t *)text, strlen(text)}, "test.yml", NULL, &err) == HSE_OK, "%s", err.text);
    return c;
}

static hse_engine *engine_of(hse_config *c)
{
    hse_engine *e = NULL;
    hse_error err = {0};

    CHECK(hse_engine_start(&e, &(hse_engine_setup){.config = c, .threads = 1, .no_bundled = true}, &err) == HSE_OK, "%s", err.text);
    return e;
}

/* ---- audio ---- */

static float *load(const char *name, size_t *n)
{
    char path[200], *bytes = NULL;
    hse_error err = {0};
    size_t size;

    snprintf(path, sizeof path, "tests/golden/whisper/audio/%s", name);
    CHECK(hse_file_read(&bytes, &size, test_path(path), 1 << 24, &err) == HSE_OK && size > 44, "%s: %s", name, err.text);
    *n = (size - 44) / 2;
    float *x = hse_alloc((*n + 1) * sizeof *x);
    for (size_t i = 0; i < *n; i++)
        x[i] = (float)(int16_t)((uint8_t)bytes[44 + 2 * i] | (uint8_t)bytes[45 + 2 * i] << 8) / 32768.0f;
    hse_free(bytes);
    return x;
}

/* ---- sessions ---- */

typedef struct {
    char   text[40000], stable[20000];
    size_t finals, partials, stable_size;
    double last_end;
    int32_t last_id;
} heard;

static void hear(void *user, const hse_transcribe_event *e)
{
    heard *h = user;

    CHECK(e->segment && e->segment->text && e->stable_bytes <= strlen(e->segment->text), "an event without its text");
    if (e->final) {
        CHECK(e->stable_bytes == strlen(e->segment->text), "a final is stable as a whole");
        CHECK(e->segment->id == h->last_id + 1, "final %d after %d", (int)e->segment->id, (int)h->last_id);
        h->last_id = e->segment->id;
        strncat(h->text, e->segment->text, sizeof h->text - strlen(h->text) - 1);
        h->finals++;
        h->last_end = e->segment->end;
        h->stable_size = 0;
        return;
    }
    CHECK(e->stable_bytes >= h->stable_size && memcmp(e->segment->text, h->stable, h->stable_size) == 0,
          "what was stable changed: \"%.60s\", \"%.60s\"", h->stable, e->segment->text);
    if (e->stable_bytes < sizeof h->stable) {
        memcpy(h->stable, e->segment->text, e->stable_bytes);
        h->stable_size = e->stable_bytes;
    }
    h->partials++;
}

static void options_of(hse_transcribe_options *o)
{
    hse_transcribe_options_init(o);
    o->vad.min_silence_ms = 300;
    o->vad.pad_ms = 100;
    o->beam_size = 2;
    o->max_new_tokens = 40;
}

static void live(hse_engine *e, const hse_transcribe_options *o, const float *x, size_t n, unsigned rate, size_t piece, heard *h)
{
    hse_transcribe_session *s = NULL;
    hse_error err = {0};

    memset(h, 0, sizeof *h);
    CHECK(hse_transcribe_session_open(&s, e, o, rate, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < n; i += piece)
        CHECK(hse_transcribe_session_push(s, x + i, n - i < piece ? n - i : piece, hear, h, &err) == HSE_OK, "at %zu: %s", i,
              err.text);
    CHECK(hse_transcribe_session_finish(s, hear, h, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_transcribe_session_push(s, x, 1, hear, h, &err) == HSE_E_ARG, "audio after the end");
    hse_transcribe_session_close(&s);
}

static void of_file(hse_engine *e, const hse_transcribe_options *o, const float *x, size_t n, unsigned rate, char *text, size_t size)
{
    hse_transcript *t = NULL;
    hse_error err = {0};

    text[0] = '\0';
    CHECK(hse_transcribe(e, x, n, rate, o, &t, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < t->segment_count; i++)
        strncat(text, t->segments[i].text, size - strlen(text) - 1);
    hse_transcript_free(&t);
}

static heard got;
static char file_text[40000];

/* Under a sanitizer, which takes ten to thirty times as long. */
static bool quick(void)
{
    return getenv("HSE_TEST_QUICK") != NULL;
}

TEST(finals_joined_are_the_text_of_the_file)
{
    static const struct {
        const char *name;
        unsigned rate;
        size_t piece;
        int condition;
        const char *prompt;
    } rows[] = {
        {"16 kHz in small pieces", 16000, 1600, 1, NULL},
        {"16 kHz at once, with a prompt", 16000, 1 << 20, 1, "A speech"},
        {"8 kHz, no text carried over", 8000, 777, 0, "A speech"},
        {"44.1 kHz", 44100, 9999, 1, NULL},
    };
    hse_config *c = config_of("ml/ct2_float16");
    hse_engine *e = engine_of(c);
    size_t n;
    float *x = load("long.wav", &n);
    hse_error err = {0};

    n = n / 2; /* 37 s */
    for (size_t i = 0; i < COUNT(rows); i += quick() ? 2 : 1) {
        hse_transcribe_options o;
        float *y = NULL;
        size_t count;

        CHECK(hse_resample(&y, &count, x, n, 16000, (int)rows[i].rate, &err) == HSE_OK, "%s", err.text);
        options_of(&o);
        o.condition_on_previous_text = rows[i].condition;
        o.initial_prompt = rows[i].prompt;
        of_file(e, &o, y, count, rows[i].rate, file_text, sizeof file_text);
        live(e, &o, y, count, rows[i].rate, rows[i].piece, &got);
        CHECK(got.finals > 1 && file_text[0], "%s: %zu finals", rows[i].name, got.finals);
        CHECK(strcmp(got.text, file_text) == 0, "%s: live \"%.120s\", the file \"%.120s\"", rows[i].name, got.text, file_text);
        hse_free(y);
    }
    CHECK(got.partials > 0, "no partial was given");
    hse_free(x);
    hse_engine_close(&e);
    hse_config_close(&c);
}

typedef struct {
    size_t pushed;              /* samples */
    size_t ends[100], finals[100], n_ends, n_finals;
} clock_of;

static void note_end(void *user, const hse_vad_event *e)
{
    clock_of *c = user;

    if (!e->start && c->n_ends < COUNT(c->ends))
        c->ends[c->n_ends++] = c->pushed;
}

static void note_final(void *user, const hse_transcribe_event *e)
{
    clock_of *c = user;

    if (e->final && c->n_finals < COUNT(c->finals))
        c->finals[c->n_finals++] = c->pushed;
}

/* By the audio that had been given: a final is there less than a second after the detector, asked in the same way, knows that
 * speech has ended. */
TEST(a_final_comes_when_speech_ends)
{
    hse_config *c = config_of("en/ct2_int8_float16");
    hse_engine *e = engine_of(c);
    hse_transcribe_session *s = NULL;
    hse_vad_session *v = NULL;
    hse_vad_params params;
    hse_transcribe_options o;
    hse_error err = {0};
    clock_of clock = {0};
    size_t n, piece = 800;
    float *x = load("long.wav", &n);

    n = quick() ? n / 2 : n;
    options_of(&o);
    hse_vad_params_init(&params);
    params.model = "vad";
    params.min_silence_ms = o.vad.min_silence_ms;
    params.pad_ms = o.vad.pad_ms;
    CHECK(hse_transcribe_session_open(&s, e, &o, 16000, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_vad_session_open(&v, e, &params, 16000, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i + piece <= n; i += piece) {
        clock.pushed = i + piece;
        CHECK(hse_vad_session_push(v, x + i, piece, note_end, &clock, &err) == HSE_OK, "%s", err.text);
        CHECK(hse_transcribe_session_push(s, x + i, piece, note_final, &clock, &err) == HSE_OK, "%s", err.text);
    }
    CHECK(clock.n_ends > (quick() ? 1 : 3) && clock.n_finals >= (quick() ? 2 : 3), "%zu ends, %zu finals", clock.n_ends, clock.n_finals);
    for (size_t i = 0; i < clock.n_finals; i++) {
        size_t k = clock.n_ends;

        while (k > 0 && clock.ends[k - 1] > clock.finals[i])
            k--;
        CHECK(k > 0 && clock.finals[i] - clock.ends[k - 1] < 16000, "a final at %.2f s, the last end before it at %.2f s",
              (double)clock.finals[i] / 16000, k ? (double)clock.ends[k - 1] / 16000 : 0.0);
    }
    hse_vad_session_close(&v);
    hse_transcribe_session_close(&s);
    hse_free(x);
    hse_engine_close(&e);
    hse_config_close(&c);
}

static size_t resident_kib(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%*u %lu", &pages) == 1, "statm");
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

TEST(silence_says_nothing_and_takes_no_memory)
{
    hse_config *c = config_of("en/ct2_int8_float16");
    hse_engine *e = engine_of(c);
    hse_transcribe_session *s = NULL;
    hse_transcribe_options o;
    hse_error err = {0};
    size_t n = 16000 * 10;
    float *x = hse_calloc(n, sizeof *x);

    options_of(&o);
    memset(&got, 0, sizeof got);
    CHECK(hse_transcribe_session_open(&s, e, &o, 16000, &err) == HSE_OK, "%s", err.text);
    size_t before = 0;
    for (int i = 0; i < (quick() ? 10 : 60); i++) {
        CHECK(hse_transcribe_session_push(s, x, n, hear, &got, &err) == HSE_OK, "%s", err.text);
        before = i == 5 ? resident_kib() : before;
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)       /* they keep what was freed */
    CHECK(resident_kib() < before + 2048, "9 minutes of silence took %zu KiB", resident_kib() - before);
#else
    (void)before;
#endif
    CHECK(hse_transcribe_session_finish(s, hear, &got, &err) == HSE_OK && got.finals + got.partials == 0, "%zu finals: %s", got.finals,
          err.text);
    hse_transcribe_session_close(&s);
    hse_transcribe_session_close(&s);
    hse_free(x);
    hse_engine_close(&e);
    hse_config_close(&c);
}

TEST(what_a_stream_cannot_have_is_refused_by_name)
{
    static const double clip[] = {1};
    hse_config *c = config_of("en/ct2_int8_float16");
    hse_engine *e = engine_of(c);
    hse_transcribe_session *s = NULL;
    float x[4] = {0, 0, 0, 0};
    hse_error err = {0};

    for (int i = 0; i < 6; i++) {
        static const char *const names[] = {"batched", "clip_timestamps", "vad_filter", "nothing", "rate_hz", "vad"};
        hse_transcribe_options o;
        options_of(&o);
        o.batched = i == 0;
        o.clip_count = i == 1;
        o.clip_timestamps = clip;
        o.vad_filter = i != 2;
        o.model = i == 3 ? "nothing" : i == 5 ? "vad" : NULL;
        hse_status status = hse_transcribe_session_open(&s, e, &o, i == 4 ? 10 : 16000, &err);
        CHECK(status != HSE_OK && !s && strstr(err.text, names[i]), "%s: %d, \"%s\"", names[i], (int)status, err.text);
    }
    CHECK(hse_transcribe_session_open(&s, e, NULL, 16000, &err) == HSE_OK, "%s", err.text);
    x[2] = NAN;
    CHECK(hse_transcribe_session_push(s, x, 4, hear, &got, &err) == HSE_E_FORMAT && err.offset == 2, "%s", err.text);
    CHECK(hse_transcribe_session_push(s, x, 2, NULL, NULL, &err) == HSE_E_ARG, "no function");
    CHECK(hse_transcribe_session_push(NULL, x, 2, hear, &got, &err) == HSE_E_ARG, "no session");
    hse_transcribe_session_close(&s); /* in the middle */
    hse_engine_close(&e);
    hse_config_close(&c);
}
