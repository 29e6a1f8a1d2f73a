/* When models are in memory: keep_alive, unloading, the budget, preloading, several instances, another config for a running
 * engine; and what is refused before any work. */
#include "engine/fake.h"

static hse_config *config_of(const char *yaml)
{
    hse_config *c = NULL;
    hse_error err = {0};

    CHECK(hse_config_parse(&c, (hse_bytes){(const uint8_t *)yaml, strlen(yaml)}, "test", NULL, &err) == HSE_OK, "%s", err.text);
    return c;
}

/* Within 5 s. */
static bool becomes_loaded(hse_engine *e, const char *name, bool want)
{
    for (int i = 0; i < 5000 && fake_stats(e, name).loaded != want; i++)
        usleep(1000);
    return fake_stats(e, name).loaded == want;
}

static void speak(hse_engine *e, double keep_alive)
{
    hse_request r = fake_speech("Hello there.");
    hse_job *job = NULL;
    hse_error err = {0};
    float *x;
    size_t n;

    r.keep_alive_s = keep_alive;
    CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK, "%s", err.text);
    CHECK(fake_read_all(job, &x, &n, &err) == HSE_OK, "%s", err.text);
    free(x);
    hse_job_close(&job);
}

TEST(a_model_stays_for_keep_alive)
{
    fake_reset();
    hse_config *c = config_of("keep_alive: 100ms\n");
    hse_engine_setup setup = {.config = c};
    hse_engine *e = fake_engine(&setup);

    speak(e, NAN);
    CHECK(becomes_loaded(e, "hs1-vocoder", false), "it stays");
    CHECK(fake_stats(e, "hs1-vocoder").unloads_idle == 1 && fake_stats(e, "hs1-vocoder").loads == 1, "figures");
    speak(e, -1);
    usleep(300000);
    CHECK(fake_stats(e, "hs1-vocoder").loaded && fake_stats(e, "hs1-vocoder").expires_s < 0, "the request said: for ever");
    speak(e, 60);
    double left = fake_stats(e, "hs1-vocoder").expires_s;
    CHECK(left > 30 && left <= 60, "it goes in %g s, want 60", left);
    speak(e, 0);
    CHECK(becomes_loaded(e, "hs1-vocoder", false), "keep_alive 0 keeps it");
    CHECK(becomes_loaded(e, "hs1-synthesizer", false), "keep_alive 0 keeps the other part");
    speak(e, NAN);
    CHECK(fake_count(&fake.opens[2]) == 3, "%d loads", fake_count(&fake.opens[2]));
    hse_engine_close(&e);
    hse_config_close(&c);
}

TEST(a_model_is_loaded_and_unloaded_by_name)
{
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    CHECK(hse_engine_load(e, "harmonyspeech", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(fake_stats(e, "hs1-vocoder").loaded && fake_stats(e, "hs1-synthesizer").loaded && !fake_stats(e, "hs1-encoder").loaded, "parts");
    CHECK(fake_stats(e, "hs1-vocoder").expires_s > 200, "the default is 5 minutes");
    CHECK(hse_engine_unload(e, "hs1-vocoder", 5, &err) == HSE_OK, "%s", err.text);
    CHECK(!fake_stats(e, "hs1-vocoder").loaded && fake_stats(e, "hs1-synthesizer").loaded, "one part alone");
    CHECK(hse_engine_unload(e, "harmonyspeech", 5, &err) == HSE_OK && !fake_stats(e, "hs1-synthesizer").loaded, "%s", err.text);
    CHECK(hse_engine_unload(e, "harmonyspeech", 5, &err) == HSE_OK, "twice: %s", err.text);
    CHECK(hse_engine_unload(e, "nobody", 5, &err) == HSE_E_NOT_FOUND, "%s", err.text);
    CHECK(hse_engine_load(e, "", NAN, &err) == HSE_E_ARG, "%s", err.text);

    hse_request r = fake_speech("Hello.");
    hse_job *job = NULL;
    fake_gate(1, true);
    CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK, "%s", err.text);
    CHECK(fake_wait_inside(1), "nothing computes");
    CHECK(hse_engine_unload(e, "hs1-synthesizer", 0.05, &err) == HSE_E_BUSY && strstr(err.text, "in use"), "%s", err.text);
    fake_gate(1, false);
    CHECK(hse_job_wait(job, &err) == HSE_OK, "%s", err.text);
    hse_job_close(&job);
    CHECK(hse_engine_unload(e, "hs1-synthesizer", 5, &err) == HSE_OK, "%s", err.text);
    CHECK(fake_stats(e, "hs1-synthesizer").unloads_asked == 2, "figures");
    hse_engine_close(&e);
}

TEST(under_a_budget_the_least_recently_used_goes)
{
    enum { MB = 1 << 20 };
    hse_error err = {0};

    fake_reset();
    atomic_store(&fake_weight, 10 * MB);
    hse_config *c = config_of("keep_alive: -1\n");
    c->memory_budget = 25 * MB;
    hse_engine_setup setup = {.config = c};
    hse_engine *e = fake_engine(&setup);
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_engine_load(e, "hs1-encoder", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(fake_stats(e, "silero-vad").loaded && fake_stats(e, "hs1-encoder").loaded, "two fit");
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);       /* used again */
    CHECK(hse_engine_load(e, "hs1-vocoder", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(becomes_loaded(e, "hs1-encoder", false) && fake_stats(e, "silero-vad").loaded, "the wrong one went");
    CHECK(fake_stats(e, "hs1-encoder").unloads_budget == 1, "figures");

    speak(e, NAN);                                      /* 20 MiB: both others go */
    CHECK(becomes_loaded(e, "silero-vad", false), "over the budget");
    hse_engine_close(&e);

    /* What can never fit is refused before any work. */
    c->memory_budget = 15 * MB;
    e = fake_engine(&setup);
    hse_request r = fake_speech("Hello.");
    hse_job *job = NULL;
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_engine_load(e, "hs1-synthesizer", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_engine_load(e, "hs1-vocoder", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_job_open(&job, e, &r, &err) == HSE_E_LIMIT && strstr(err.text, "memory_budget"), "%s", err.text);

    /* What does not fit beside what is in use is told to come back. */
    hse_engine_close(&e);
    c->memory_budget = 25 * MB;
    e = fake_engine(&setup);
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);
    speak(e, NAN);
    fake_gate(1, true);
    CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK && fake_wait_inside(1), "%s", err.text);
    hse_request v;
    hse_job *more = NULL;
    float x[100] = {0};
    hse_request_init(&v, HSE_JOB_VAD);
    v.audio = (hse_audio){.samples = x, .n = 100, .rate_hz = 8000, .channels = 1};
    v.audio_borrowed = true;
    CHECK(hse_job_open(&more, e, &v, &err) == HSE_E_BUSY && strstr(err.text, "memory_budget"), "%s", err.text);
    double again = hse_engine_retry_after(e, HSE_JOB_VAD);
    CHECK(again >= 1 && again <= 60, "come back in %g s", again);
    fake_gate(1, false);
    hse_job_close(&job);
    hse_engine_close(&e);
    hse_config_close(&c);
    atomic_store(&fake_weight, 16);
}

static hse_status open_vad(hse_engine *e, hse_job **job, float *x, size_t n, hse_error *err)
{
    hse_request r;

    hse_request_init(&r, HSE_JOB_VAD);
    r.audio = (hse_audio){.samples = x, .n = n, .rate_hz = 8000, .channels = 1};
    r.audio_borrowed = true;
    return hse_job_open(job, e, &r, err);
}

/* What a batch needs beside the weights counts too: an item that can never fit is refused, and one for whose batch there is no room
 * beside what is in use is told to come back. */
TEST(activations_count_against_the_budget)
{
    enum { MB = 1 << 20 };
    float x[100] = {0};
    hse_error err = {0};
    hse_job *jobs[3] = {NULL}, *more = NULL;

    fake_reset();
    atomic_store(&fake_weight, 10 * MB);
    atomic_store(&fake_activation, 6 * MB);
    hse_config *c = config_of("keep_alive: -1\n");
    hse_engine_setup setup = {.config = c};
    c->memory_budget = 15 * MB;
    hse_engine *e = fake_engine(&setup);
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(open_vad(e, &more, x, 100, &err) == HSE_E_LIMIT && strstr(err.text, "16.0 MiB") && strstr(err.text, "10.0 of them weights"),
          "%s", err.text);
    hse_engine_close(&e);

    /* 20 MiB of weights, a sentence in the synthesizer, 6, and four windows of the vocoder, 24, beside a finder of speech that is at
     * work, 10. */
    c->memory_budget = 55 * MB;
    e = fake_engine(&setup);
    speak(e, NAN);
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);
    fake_gate(3, true);
    for (int i = 0; i < 3; i++)
        CHECK(open_vad(e, &jobs[i], x, 100, &err) == HSE_OK, "%d: %s", i, err.text);
    CHECK(fake_wait_inside(3), "nothing computes");
    hse_request r = fake_speech("Hello.");
    CHECK(hse_job_open(&more, e, &r, &err) == HSE_E_BUSY && strstr(err.text, "beside 10.0 MiB"), "%s", err.text);
    fake_gate(3, false);
    for (int i = 0; i < 3; i++) {
        CHECK(hse_job_wait(jobs[i], &err) == HSE_OK, "%s", err.text);
        hse_job_close(&jobs[i]);
    }
    CHECK(hse_job_open(&more, e, &r, &err) == HSE_OK && hse_job_wait(more, &err) == HSE_OK, "alone it fits: %s", err.text);
    hse_job_close(&more);
    hse_engine_close(&e);
    hse_config_close(&c);
    atomic_store(&fake_weight, 16);
    atomic_store(&fake_activation, 1);
}

/* The windows of a streamed text grow while it is spoken; it is let in by the largest. */
TEST(a_text_is_planned_with_its_largest_window)
{
    char text[300];
    hse_config *c = config_of("keep_alive: -1\nmemory_budget: 1GiB\n");
    hse_engine_setup setup = {.config = c};

    fake_reset();
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    hse_engine *e = fake_engine(&setup);
    speak(e, NAN);
    for (int stream = 0; stream < 2; stream++) {
        hse_request r = fake_speech(text);
        hse_error err = {0};
        hse_job *job = NULL;

        r.stream = stream;
        atomic_store(&fake_planned, 0);
        CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK && hse_job_wait(job, &err) == HSE_OK, "%s", err.text);
        CHECK(atomic_load(&fake_planned) == (stream ? 384 : 1536), "%d: %zu frames", stream, atomic_load(&fake_planned));
        hse_job_close(&job);
    }
    hse_engine_close(&e);
    hse_config_close(&c);
}

TEST(preloaded_models_stay)
{
    fake_reset();
    fake.open_delay_us[2] = 50000;
    hse_config *c = config_of("keep_alive: 0\npreload: [harmonyspeech, nobody]\n");
    hse_engine_setup setup = {.config = c};
    hse_engine *e = fake_engine(&setup);

    for (int i = 0; i < 5000 && !hse_engine_ready(e); i++)
        usleep(1000);
    CHECK(hse_engine_ready(e) && fake_stats(e, "hs1-vocoder").loaded, "not ready");
    speak(e, NAN);
    usleep(100000);
    CHECK(fake_stats(e, "hs1-vocoder").loaded && fake_stats(e, "hs1-vocoder").loads == 1, "it went");
    hse_engine_close(&e);
    hse_config_close(&c);
}

TEST(parts_of_a_route_load_side_by_side)
{
    fake_reset();
    fake_hold_open(1, true);
    fake_hold_open(2, true);
    hse_engine *e = fake_engine(NULL);
    hse_request r = fake_speech("Hello there.");
    hse_job *job = NULL;
    hse_error err = {0};

    CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK, "%s", err.text);
    for (int i = 0; i < 5000 && !(fake_count(&fake.opens[1]) && fake_count(&fake.opens[2])); i++)
        usleep(1000);
    CHECK(fake_count(&fake.opens[1]) && fake_count(&fake.opens[2]), "one waits for the other");
    fake_hold_open(1, false);
    fake_hold_open(2, false);
    CHECK(hse_job_wait(job, &err) == HSE_OK, "%s", err.text);
    hse_job_close(&job);
    hse_engine_close(&e);
}

static const char several[] =
    "model_configs:\n"
    "  - {name: s, model: org/voice, model_type: HarmonySpeechSynthesizer, instances: 3, max_batch_size: 1}\n"
    "  - {name: v, model: org/voice, model_type: HarmonySpeechVocoder}\n";

TEST(instances_compute_side_by_side_on_one_copy)
{
    enum { JOBS = 3 };
    hse_job *jobs[JOBS];
    hse_error err = {0};

    fake_reset();
    hse_config *c = config_of(several);
    hse_engine_setup setup = {.config = c};
    hse_engine *e = fake_engine(&setup);
    fake_gate(1, true);
    for (int i = 0; i < JOBS; i++) {
        hse_request r = fake_speech("Hello.");
        CHECK(hse_job_open(&jobs[i], e, &r, &err) == HSE_OK, "%s", err.text);
    }
    for (int i = 0; i < 5000 && fake_count(&fake.inside[1]) < JOBS; i++)
        usleep(1000);
    CHECK(fake_count(&fake.inside[1]) == JOBS && fake_count(&fake.opens[1]) == 1, "%d compute, %d copies", fake_count(&fake.inside[1]),
          fake_count(&fake.opens[1]));
    fake_gate(1, false);
    for (int i = 0; i < JOBS; i++) {
        CHECK(hse_job_wait(jobs[i], &err) == HSE_OK, "%s", err.text);
        hse_job_close(&jobs[i]);
    }
    hse_engine_close(&e);
    hse_config_close(&c);
}

TEST(another_config_drops_no_request)
{
    hse_error err = {0};
    float *x;
    size_t n;

    fake_reset();
    hse_config *c = config_of("keep_alive: -1\n");
    hse_engine_setup setup = {.config = c};
    hse_engine *e = fake_engine(&setup);
    speak(e, NAN);

    /* The same models: nothing is loaded again. */
    CHECK(hse_engine_reload(e, config_of("max_requests: 7\n"), &err) == HSE_OK, "%s", err.text);
    speak(e, NAN);
    CHECK(fake_count(&fake.opens[1]) == 1 && fake_count(&fake.opens[2]) == 1, "loaded again");

    /* Other models while a request computes: it ends on what it began with, the next one has the new. */
    hse_request r = fake_speech("Hello there.");
    hse_job *job = NULL;
    fake_gate(1, true);
    CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK && fake_wait_inside(1), "%s", err.text);
    CHECK(hse_engine_reload(e, config_of(several), &err) == HSE_OK, "%s", err.text);
    CHECK(hse_engine_load(e, "hs1-vocoder", NAN, &err) == HSE_E_NOT_FOUND, "%s", err.text);
    fake_gate(1, false);
    CHECK(fake_read_all(job, &x, &n, &err) == HSE_OK && n == 12 * 2 * FAKE_HOP, "%s", err.text);
    free(x);
    hse_job_close(&job);
    speak(e, NAN);
    CHECK(fake_stats(e, "s").loaded && fake_stats(e, "v").loaded, "the new ones do not answer");

    /* A mistake changes nothing. */
    setenv("HSE_DTYPE", "nonsense", 1);
    hse_config *bad = config_of("threads: 1\n");
    CHECK(hse_engine_reload(e, bad, &err) == HSE_E_ARG, "%s", err.text);
    unsetenv("HSE_DTYPE");
    hse_config_close(&bad);
    speak(e, NAN);
    hse_engine_close(&e);
    hse_config_close(&c);
}

typedef struct {
    hse_engine *e;
    atomic_bool stop;
    atomic_int  spoken;
} traffic;

static void *keep_speaking(void *arg)
{
    traffic *t = arg;

    while (!atomic_load(&t->stop)) {
        speak(t->e, atomic_load(&t->spoken) % 3 ? NAN : 0);
        atomic_fetch_add(&t->spoken, 1);
    }
    return NULL;
}

TEST(models_come_and_go_under_traffic)
{
    enum { THREADS = 4, ROUNDS = 60 };
    static const char *const configs[] = {"keep_alive: 1ms\n", several, "keep_alive: -1\npreload: [harmonyspeech]\n"};
    pthread_t thread[THREADS];
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    traffic t = {.e = e};
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, keep_speaking, &t) == 0, "no thread");
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 2)
            CHECK(hse_engine_reload(e, config_of(configs[i / 2 % 3]), &err) == HSE_OK, "%s", err.text);
        else
            hse_engine_unload(e, i % 4 ? "harmonyspeech" : "s", 0.01, &err);
        usleep(3000);
    }
    atomic_store(&t.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    CHECK(atomic_load(&t.spoken) > 0, "nobody spoke");
    hse_engine_close(&e);
}

TEST(a_deadline_that_cannot_be_met_is_refused_at_once)
{
    hse_error err = {0};
    float *x = calloc(800000, sizeof *x);
    hse_job *job = NULL;
    hse_request r;

    fake_reset();
    fake.delay_us[0] = 50000;
    hse_engine *e = fake_engine(NULL);
    for (int i = 0; i < 2; i++) {
        hse_request_init(&r, HSE_JOB_EMBED);
        r.audio = (hse_audio){.samples = x, .n = i ? 800000 : 800, .rate_hz = 8000, .channels = 1};
        r.audio_borrowed = true;
        r.timeout_s = i ? 0.5 : 60;
        hse_status s = hse_job_open(&job, e, &r, &err);
        CHECK(s == (i ? HSE_E_DEADLINE : HSE_OK), "%d %s", (int)s, err.text);
        if (s == HSE_OK)
            CHECK(hse_job_wait(job, &err) == HSE_OK, "%s", err.text);
        hse_job_close(&job);
    }
    hse_engine_stats st;
    CHECK(hse_engine_stats_get(e, &st, &err) == HSE_OK && st.rejected_deadline == 1, "figures");
    hse_engine_stats_free(&st);
    free(x);
    hse_engine_close(&e);
}

/* With the demo models: what they took is given back, again and again. Not under sanitizers, which keep freed memory. */
TEST(resident_memory_comes_back_a_hundred_times)
{
    hse_engine_setup setup = {.models = test_path("models"), .no_bundled = true, .threads = 2, .dtype = HSE_DTYPE_FLOAT32};
    hse_engine *e = NULL;
    hse_error err = {0};
    size_t worst = 0, top = 0;

    if (FAKE_SLACK > 2)
        return;
    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    for (int i = 0; i < 100; i++) {
        hse_engine_stats st;

        CHECK(hse_engine_stats_get(e, &st, &err) == HSE_OK, "%s", err.text);
        size_t before = (size_t)st.resident_bytes;
        hse_engine_stats_free(&st);
        CHECK(hse_engine_load(e, "harmonyspeech", 60, &err) == HSE_OK, "%s", err.text);
        if (i % 10 == 0) {
            hse_pcm p = {0};
            CHECK(hse_speak(e, "Hello there, this is a test.", NULL, &p, &err) == HSE_OK, "%s", err.text);
            hse_pcm_free(&p);
        }
        CHECK(hse_engine_stats_get(e, &st, &err) == HSE_OK, "%s", err.text);
        top = st.resident_bytes > top ? (size_t)st.resident_bytes : top;
        hse_engine_stats_free(&st);
        CHECK(hse_engine_load(e, "harmonyspeech", 0, &err) == HSE_OK, "%s", err.text);
        CHECK(becomes_loaded(e, "hs1-vocoder", false) && becomes_loaded(e, "hs1-synthesizer", false), "they stay");
        CHECK(hse_engine_stats_get(e, &st, &err) == HSE_OK, "%s", err.text);
        size_t after = (size_t)st.resident_bytes;
        hse_engine_stats_free(&st);
        if (after > before && after - before > worst)
            worst = after - before;
    }
    CHECK(worst < (size_t)8 << 20, "%zu KiB stayed", worst >> 10);
    printf("at most %zu KiB stayed after unloading, %zu MiB resident while loaded\n", worst >> 10, top >> 20);
    hse_engine_close(&e);
}
