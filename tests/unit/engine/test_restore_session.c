/* A recording that is restored as it comes, with fake models: the bits of the whole, errors, ends of every kind. */
#include "engine/fake_split.h"

typedef struct {
    size_t count;
    int    stop_after;                      /* calls */
} heard;

static int take(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    heard *h = user;

    CHECK(rate_hz == FS_RATE, "%u Hz", rate_hz);
    for (size_t i = 0; i < count; i++) {
        float want = (float)((h->count + i) % 997) * 0.001f * 2 + 1;

        CHECK(memcmp(&samples[i], &want, sizeof want) == 0, "sample %zu: %g, want %g", h->count + i, (double)samples[i], (double)want);
    }
    h->count += count;
    return h->stop_after && --h->stop_after == 0;
}

static hse_status push_all(hse_restore_session *v, const float *x, size_t n, size_t block, heard *h, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t at = 0; s == HSE_OK && at < n; at += block)
        s = hse_restore_session_push(v, x + at, n - at < block ? n - at : block, take, h, err);
    return s;
}

/* Blocks of a sample, of odd sizes, of more than waits at once: the answer is that of hse_restore. */
TEST(what_is_pushed_comes_back_as_of_the_whole)
{
    static const struct {
        size_t n, block;
    } cases[] = {{1, 1}, {999, 1}, {1000, 1000}, {1001, 7}, {5000, 333}, {40000, 4096}, {200000, 200000}, {200000, 64000}};
    hse_engine *e = fs_engine();
    float *x = fs_ramp(200000);

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_restore_session *v = NULL;
        hse_error err = {0};
        heard h = {0};

        CHECK(hse_restore_session_open(&v, e, NULL, FS_RATE, &err) == HSE_OK, "%s", err.text);
        CHECK(push_all(v, x, cases[i].n, cases[i].block, &h, &err) == HSE_OK, "case %zu: %s", i, err.text);
        CHECK(hse_restore_session_finish(v, take, &h, &err) == HSE_OK, "case %zu: %s", i, err.text);
        CHECK(h.count == cases[i].n, "case %zu: %zu samples", i, h.count);
        CHECK(hse_restore_session_push(v, x, 1, take, &h, &err) == HSE_E_ARG && strstr(err.text, "finished"), "%s", err.text);
        CHECK(hse_restore_session_finish(v, take, &h, &err) == HSE_E_ARG, "finished twice");
        hse_restore_session_close(&v);
    }
    free(x);
    hse_engine_close(&e);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "%d splits opened, %d closed", atomic_load(&fs.open), atomic_load(&fs.closed));
}

/* Long before the end there is something to hear: nothing waits for the whole. */
TEST(the_answer_begins_before_the_recording_ends)
{
    const size_t n = 1 << 18;
    hse_engine *e = fs_engine();
    float *x = fs_ramp(n);
    hse_restore_session *v = NULL;
    hse_error err = {0};
    heard h = {0};

    CHECK(hse_restore_session_open(&v, e, NULL, FS_RATE, &err) == HSE_OK, "%s", err.text);
    CHECK(push_all(v, x, n, 8192, &h, &err) == HSE_OK, "%s", err.text);
    CHECK(h.count > 0, "nothing came back while %zu samples were pushed", n);
    CHECK(hse_restore_session_finish(v, take, &h, &err) == HSE_OK && h.count == n, "%zu samples", h.count);
    hse_restore_session_close(&v);
    free(x);
    hse_engine_close(&e);
}

static hse_status session_fails(hse_engine *e, const float *x, size_t n, heard *h, hse_error *err)
{
    hse_restore_session *v = NULL;
    hse_status s = hse_restore_session_open(&v, e, NULL, FS_RATE, err);

    if (s == HSE_OK)
        s = push_all(v, x, n, 1000, h, err);
    if (s == HSE_OK)
        s = hse_restore_session_finish(v, take, h, err);
    hse_restore_session_close(&v);
    return s;
}

TEST(sessions_that_fail_say_why)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(20000);
    hse_convert_options o;
    hse_restore_session *v = NULL;
    hse_error err = {0};
    heard h = {0};

    hse_convert_options_init(&o);
    CHECK(hse_restore_session_open(&v, NULL, NULL, FS_RATE, &err) == HSE_E_ARG, "no engine");
    CHECK(hse_restore_session_open(&v, e, NULL, 10, &err) == HSE_E_ARG && strstr(err.text, "10 Hz"), "%s", err.text);
    o.model = "nobody";
    CHECK(hse_restore_session_open(&v, e, &o, FS_RATE, &err) == HSE_E_NOT_FOUND, "%s", err.text);
    CHECK(!v, "a session in spite of it");
    CHECK(session_fails(e, x, 0, &h, &err) == HSE_E_ARG && strstr(err.text, "no samples"), "%s", err.text);
    h.stop_after = 1;
    CHECK(session_fails(e, x, 20000, &h, &err) == HSE_E_CANCELLED, "%s", err.text);
    h = (heard){0};
    x[12345] = NAN;
    CHECK(session_fails(e, x, 20000, &h, &err) == HSE_E_FORMAT && strstr(err.text, "sample 12345"), "%s", err.text);
    x[12345] = 0;
    atomic_store(&fs.fail_at, 2);
    h = (heard){0};
    CHECK(session_fails(e, x, 5000, &h, &err) == HSE_E_FORMAT && strstr(err.text, "broken"), "%s", err.text);
    atomic_store(&fs.fail_at, -1);
    free(x);
    hse_engine_close(&e);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "%d splits opened, %d closed", atomic_load(&fs.open), atomic_load(&fs.closed));
}

TEST(a_session_may_be_given_up_and_outlive_its_engine)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(20000);
    hse_cancel *cancel = NULL;
    hse_convert_options o;
    hse_error err = {0};

    hse_convert_options_init(&o);
    for (int i = 0; i < 50; i++) {
        hse_restore_session *v = NULL;
        heard h = {0};

        CHECK(hse_restore_session_open(&v, e, NULL, FS_RATE, &err) == HSE_OK, "%s", err.text);
        CHECK(push_all(v, x, (size_t)i * 400, 777, &h, &err) == HSE_OK, "%s", err.text);
        hse_restore_session_close(&v);
    }
    hse_restore_session *v = NULL, *late = NULL;
    heard h = {0};
    CHECK(hse_cancel_open(&cancel, &err) == HSE_OK, "%s", err.text);
    o.cancel = cancel;
    atomic_store(&fs.wait_open, 1);                     /* the model is at it until somebody gives up */
    CHECK(hse_restore_session_open(&v, e, &o, FS_RATE, &err) == HSE_OK, "%s", err.text);
    hse_cancel_now(cancel);
    CHECK(hse_restore_session_finish(v, take, &h, &err) == HSE_E_CANCELLED, "%s", err.text);
    hse_restore_session_close(&v);
    atomic_store(&fs.wait_open, 0);
    CHECK(hse_restore_session_open(&late, e, NULL, FS_RATE, &err) == HSE_OK, "%s", err.text);
    hse_engine_close(&e);
    CHECK(push_all(late, x, 20000, 1000, &h, &err) == HSE_E_CANCELLED, "a session whose engine is closed");
    hse_restore_session_close(&late);
    hse_cancel_close(&cancel);
    free(x);
}

static hse_status torture_once(void *arg, hse_error *err)
{
    const char *dir = arg;
    hse_engine_setup setup = {.types = fs_types, .no_bundled = true, .threads = 1, .models = dir};
    float *x = fs_ramp(3500);
    hse_engine *e = NULL;
    heard h = {0};

    hse_status s = hse_engine_start(&e, &setup, err);
    if (s == HSE_OK)
        s = session_fails(e, x, 3500, &h, err);
    hse_engine_close(&e);
    free(x);
    return s;
}

/* The fake's own failure to hand out a part ends in HSE_E_FORMAT ("stopped before the end"): that is the fake's. */
TEST(torture_restore_session)
{
    const char *dir = fs_models("restore-torture");
    int failed = 0;

    fake_reset();
    fs_reset();
    for (uint64_t n = 1;; n++) {
        hse_error err = {0};

        hse_mem_fail_at(n, false);
        hse_status s = torture_once((void *)(uintptr_t)dir, &err);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(s == HSE_OK || s == HSE_E_NOMEM || (s == HSE_E_FORMAT && strstr(err.text, "stopped")), "allocation %d: %d %s", (int)n,
              (int)s, err.text);
        failed += s == HSE_E_NOMEM;
        if (!struck)
            break;
        CHECK(n < 20000, "endless");
    }
    CHECK(failed > 20, "only %d failures were seen", failed);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "%d splits opened, %d closed", atomic_load(&fs.open), atomic_load(&fs.closed));
}
