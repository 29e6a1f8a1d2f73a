/* Every allocation fails once, over opening an engine, a job of each kind, and the list of models: the answer is
 * HSE_E_NOMEM (or, where the thing was not needed, success), nothing leaks, and the next call works. */
#include "engine/fake.h"

static hse_status speak_once(hse_engine *e, hse_error *err)
{
    hse_request r = fake_speech("One sentence. And a second one.");
    hse_job *job = NULL;
    float *x = NULL;
    size_t n;

    r.client = "somebody";
    r.request_id = "r1";
    r.rate_hz = 12000;
    r.timeout_s = 30;
    hse_status s = hse_job_open(&job, e, &r, err);
    if (s == HSE_OK)
        s = fake_read_all(job, &x, &n, err);
    hse_job_close(&job);
    free(x);
    return s;
}

static hse_status clone_once(hse_engine *e, hse_error *err)
{
    static float recording[] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f};
    hse_request r = fake_speech("One sentence.");
    hse_job *job = NULL;
    float *x = NULL;
    size_t n;

    r.audio = (hse_audio){.samples = recording, .n = 5, .rate_hz = 8000, .channels = 1};
    r.audio_borrowed = true;
    hse_status s = hse_job_open(&job, e, &r, err);
    if (s == HSE_OK)
        s = fake_read_all(job, &x, &n, err);
    hse_job_close(&job);
    free(x);
    return s;
}

/* The recording is given away: it must be freed on every path. */
static hse_status detect_once(hse_engine *e, hse_error *err)
{
    hse_request r;
    hse_job *job = NULL;

    hse_request_init(&r, HSE_JOB_VAD);
    r.audio = (hse_audio){.samples = hse_calloc(100, sizeof(float)), .n = 100, .rate_hz = 16000, .channels = 1};
    if (!r.audio.samples)
        return hse_fail(err, HSE_E_NOMEM, 0, "the test's own");
    hse_status s = hse_job_open(&job, e, &r, err);
    if (s == HSE_OK)
        s = hse_job_wait(job, err);
    CHECK(s != HSE_OK || hse_job_result_get(job)->segment_count == 1, "no segment");
    hse_job_close(&job);
    return s;
}

static hse_status list_once(hse_engine *e, hse_error *err)
{
    hse_models *m = NULL;
    hse_engine_stats st;
    hse_status s = hse_models_open(&m, e, err);

    hse_models_close(&m);
    if (s == HSE_OK && (s = hse_engine_stats_get(e, &st, err)) == HSE_OK)
        hse_engine_stats_free(&st);
    return s;
}

static hse_status whole_life(hse_status (*once)(hse_engine *e, hse_error *err), hse_error *err)
{
    static char dir[400];
    hse_engine_setup setup = {.types = fake_types, .no_bundled = true, .threads = 1, .models = dir};
    hse_engine *e = NULL;

    snprintf(dir, sizeof dir, "%s/fake-torture", HSE_BINARY_DIR);
    hse_status s = hse_engine_start(&e, &setup, err);
    if (s == HSE_OK)
        s = once(e, err);
    hse_engine_close(&e);
    return s;
}

static void torture(hse_status (*once)(hse_engine *e, hse_error *err), bool sticky)
{
    hse_error err;
    int failed = 0;

    fake_reset();
    fake_models("fake-torture");
    hse_mem_fail_at(0, false);
    CHECK(whole_life(once, &err) == HSE_OK, "before: %s", err.text);
    for (uint64_t n = 1;; n++) {
        memset(&err, 0, sizeof err);
        hse_mem_fail_at(n, sticky);
        hse_status s = whole_life(once, &err);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(s == HSE_OK || s == HSE_E_NOMEM, "allocation %d: %d %s", (int)n, (int)s, err.text);
        CHECK(s == HSE_OK || err.text[0], "allocation %d: an error without words", (int)n);
        failed += s == HSE_E_NOMEM;
        if (!struck)
            break;
        CHECK(n < 20000, "endless");
    }
    CHECK(failed > 10, "only %d of the failures were seen", failed);
    CHECK(whole_life(once, &err) == HSE_OK, "after: %s", err.text);
}

TEST(torture_speak)  { torture(speak_once, false); }
TEST(torture_clone)  { torture(clone_once, false); }
TEST(torture_detect) { torture(detect_once, false); }
TEST(torture_list)   { torture(list_once, false); }
TEST(torture_speak_without_any_more_memory) { torture(speak_once, true); }
