/* Scheduling, with fake models: batches, fairness, cancelling, deadlines, loading, limits, bounded look-ahead. */
#include "engine/fake.h"

static hse_job *open_job(hse_engine *e, hse_request r)
{
    hse_job *job = NULL;
    hse_error err = {0};
    hse_status s = hse_job_open(&job, e, &r, &err);

    CHECK(s == HSE_OK, "%d %s", (int)s, err.text);
    return job;
}

static void speak_all(hse_engine *e, hse_request r, float **out, size_t *n)
{
    hse_job *job = open_job(e, r);
    hse_error err = {0};
    hse_status s = fake_read_all(job, out, n, &err);

    CHECK(s == HSE_OK, "%s", err.text);
    hse_job_close(&job);
    CHECK(job == NULL, "close left the pointer");
}

TEST(a_job_speaks)
{
    fake_reset();
    hse_engine *e = fake_engine(NULL);
    float *x;
    size_t n;

    speak_all(e, fake_speech("Hello there."), &x, &n);
    CHECK(n == 12 * 2 * FAKE_HOP, "%zu samples", n);
    free(x);
    hse_engine_close(&e);
    CHECK(e == NULL, "close left the pointer");
}

/* Streamed, at once, alone, among others, read in any portions, at any batch size: the same bits. */
TEST(streamed_and_batched_results_are_bit_equal)
{
    static const char text[] = "One sentence is here. Another one, somewhat longer, follows it! A third? Yes. And the last one.";
    enum { JOBS = 12 };
    hse_job *jobs[JOBS];
    float *want, *got;
    size_t n, m;
    hse_error err;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    speak_all(e, fake_speech(text), &want, &n);
    CHECK(n > 1000, "%zu", n);
    for (int i = 0; i < JOBS; i++) {
        hse_request r = fake_speech(i % 3 ? text : "Something else. Entirely.");
        r.stream = i % 2;
        r.priority = i % 10;
        jobs[i] = open_job(e, r);
    }
    for (int i = 0; i < JOBS; i++) {
        CHECK(fake_read_all(jobs[i], &got, &m, &err) == HSE_OK, "%s", err.text);
        CHECK(i % 3 == 0 || (m == n && memcmp(got, want, n * sizeof *got) == 0), "job %d differs (%zu of %zu samples)", i, m, n);
        free(got);
        hse_job_close(&jobs[i]);
    }
    free(want);
    hse_engine_close(&e);
}

TEST(waiting_items_are_batched)
{
    enum { JOBS = 8 };
    hse_job *jobs[JOBS];
    float *x;
    size_t n;
    hse_error err;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    jobs[0] = open_job(e, fake_speech("first"));
    CHECK(fake_wait_inside(1), "the first batch never came");
    for (int i = 1; i < JOBS; i++)
        jobs[i] = open_job(e, fake_speech("Hello there."));
    CHECK(fake_wait_queued(e, "hs1-synthesizer", JOBS - 1), "not all wait");
    fake_gate(1, false);
    for (int i = 0; i < JOBS; i++) {
        CHECK(fake_read_all(jobs[i], &x, &n, &err) == HSE_OK, "%s", err.text);
        free(x);
        hse_job_close(&jobs[i]);
    }
    CHECK(fake_count(&fake.batches[1]) == 2 && fake_count(&fake.largest[1]) == JOBS - 1, "%d batches, the largest of %d", fake_count(&fake.batches[1]), fake_count(&fake.largest[1]));

    hse_model_stats synth = fake_stats(e, "hs1-synthesizer");
    CHECK(synth.batches == 2 && synth.items == JOBS, "figures of the synthesizer");
    CHECK(synth.batch[0] == 1 && synth.batch[3] == 1, "histogram %d %d", (int)synth.batch[0], (int)synth.batch[3]);
    hse_engine_stats st;
    CHECK(hse_engine_stats_get(e, &st, &err) == HSE_OK, "%s", err.text);
    CHECK(st.kind[HSE_JOB_SPEAK].started == JOBS && st.kind[HSE_JOB_SPEAK].done == JOBS, "jobs counted");
    CHECK(st.kind[HSE_JOB_SPEAK].first_audio.count == JOBS && st.audio_out_s > 0, "first audio counted");
    hse_engine_stats_free(&st);
    hse_engine_close(&e);
}

typedef struct {
    hse_engine *e;
    int         rounds;
    atomic_int *left;
} client;

static void *client_loop(void *arg)
{
    client *c = arg;

    for (int i = 0; i < c->rounds; i++) {
        float *x;
        size_t n;

        speak_all(c->e, fake_speech("Some words to say, some more words."), &x, &n);
        free(x);
    }
    atomic_fetch_add(c->left, 1);
    return NULL;
}

/* acceptance: at 8 concurrent clients the mean batch is at least 4. Here a batch takes as long as the others need to come back, as
 * it does where a network computes for longer than a client thinks; what stands in the queue then becomes the next batch. */
TEST(eight_clients_give_a_mean_batch_of_four)
{
    enum { CLIENTS = 8, ROUNDS = 12 };
    pthread_t threads[CLIENTS];
    atomic_int left = 0;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    client c = {e, ROUNDS, &left};
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, client_loop, &c);
    for (int seen = 0; seen < CLIENTS * ROUNDS;) {
        CHECK(fake_wait_inside(1), "no batch came after %d sentences", seen);
        int size = fake_count(&fake.items[1]) - seen, here = 0;
        for (int i = 0; i < 20000 && here != CLIENTS; i++) {
            here = size + (int)fake_stats(e, "hs1-synthesizer").waiting + atomic_load(&left);
            if (here != CLIENTS)
                usleep(500);
        }
        CHECK(here == CLIENTS, "%d of %d clients wait or have left", here, CLIENTS);
        seen += size;
        fake_pass(1);
        while (fake_count(&fake.passes[1]) || (fake_count(&fake.inside[1]) && fake_count(&fake.items[1]) == seen))
            usleep(200);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    double synth = (double)fake_count(&fake.items[1]) / fake_count(&fake.batches[1]), vocoder = (double)fake_count(&fake.items[2]) / fake_count(&fake.batches[2]);
    CHECK(synth >= 4 && vocoder >= 4, "mean batches %.2f and %.2f", synth, vocoder);
    hse_engine_close(&e);
}

/* Nobody waits for company that does not come, however long the window and whatever a batch takes. */
TEST(a_lone_request_is_not_delayed)
{
    static const char *const models[] = {"hs1-synthesizer", "hs1-vocoder"};
    float *x;
    size_t n;

    fake_reset();
    fake.delay_us[1] = fake.delay_us[2] = 20000;
    hse_engine *e = fake_engine(&(hse_engine_setup){.batch_window_us = 10000000});
    speak_all(e, fake_speech("warm"), &x, &n);
    free(x);
    for (int i = 0; i < 3; i++) {
        speak_all(e, fake_speech("One. Two. Three."), &x, &n);
        free(x);
    }
    for (size_t i = 0; i < COUNT(models); i++)
        CHECK(fake_stats(e, models[i]).held_open == 0, "%s: %d batches waited", models[i], (int)fake_stats(e, models[i]).held_open);
    hse_engine_close(&e);
}

TEST(a_short_request_passes_a_long_one)
{
    char *text = malloc(100001);
    hse_error err;
    float *x;
    size_t n;

    fake_reset();
    for (size_t i = 0; i < 100000; i += 20)
        memcpy(text + i, "L twenty characters.", 20);
    for (size_t i = 19; i < 100000; i += 20)
        text[i] = ' ', text[i - 1] = '.';
    text[100000] = '\0';
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    hse_job *longer = open_job(e, fake_speech(text)), *shorter = NULL;
    CHECK(fake_wait_inside(1), "the long text did not start");
    shorter = open_job(e, fake_speech("Short."));
    fake_gate(1, false);
    CHECK(fake_read_all(shorter, &x, &n, &err) == HSE_OK, "%s", err.text);
    free(x);
    CHECK(fake_place('S') <= 4, "the short one came behind %zu sentences of the long one; 4 were under way", fake_place('S'));
    CHECK(!hse_job_ready(longer) || hse_job_wait(longer, &err) == HSE_OK, "the long one failed");
    hse_job_close(&shorter);
    hse_job_close(&longer);
    hse_engine_close(&e);
    free(text);
}

/* Seconds ahead of its listener, a long text stands still in the middle of a batch for a short one, and has the same bits after. */
TEST(a_long_text_that_is_ahead_gives_way)
{
    enum { SENTENCES = 60, BYTES = 100 };
    char text[SENTENCES * BYTES + 1];
    float *want, *got, *x;
    size_t n, m, k;
    hse_error err;

    memset(text, 'L', sizeof text);
    for (size_t i = BYTES; i < sizeof text; i += BYTES)
        memcpy(text + i - 2, ". ", 2);
    for (size_t i = 7; i < sizeof text; i += 10)
        text[i] = ' ';
    text[sizeof text - 1] = '\0';
    fake_reset();
    hse_engine *e = fake_engine(NULL);
    speak_all(e, fake_speech(text), &want, &n);
    fake_reset();
    fake.delay_us[2] = 2000;
    hse_job *longer = open_job(e, fake_speech(text));
    while (fake_count(&fake.items[2]) < 24)             /* a quarter of a second each */
        usleep(500);
    fake_gate(2, true);
    usleep(20000);                                      /* who was past the gate leaves */
    CHECK(fake_wait_inside(2), "the long text has stopped");
    int batches = fake_count(&fake.batches[2]);
    hse_job *shorter = open_job(e, fake_speech("Short."));
    for (int i = 0; fake_count(&fake.batches[2]) == batches && i < 5000; i++)
        usleep(1000);
    CHECK(fake_count(&fake.batches[2]) > batches, "the long text holds the short one up");
    fake_gate(2, false);
    CHECK(fake_read_all(shorter, &x, &k, &err) == HSE_OK, "%s", err.text);
    CHECK(fake_read_all(longer, &got, &m, &err) == HSE_OK, "%s", err.text);
    CHECK(m == n && memcmp(got, want, n * sizeof *want) == 0, "%zu samples, alone %zu", m, n);
    hse_job_close(&shorter);
    hse_job_close(&longer);
    hse_engine_close(&e);
    free(want);
    free(got);
    free(x);
}

static const char two_vocoders[] =
    "model_configs:\n"
    "  - {name: s, model: org/voice, model_type: HarmonySpeechSynthesizer}\n"
    "  - {name: v, model: org/voice, model_type: HarmonySpeechVocoder, instances: 2, max_batch_size: 1}\n";

/* The first sentence's window comes back after those of the three behind it, so that the fifth, which wants its place, is next before the
 * place is free. */
TEST(windows_that_come_back_in_another_order_leave_no_gap)
{
    static const char text[] = "The very first one of all six is longer. Second here. Third one. A fourth. The fifth sentence. And six.";
    hse_config *c = NULL;
    hse_error err = {0};
    float *want, *got;
    size_t n, m;

    fake_reset();
    CHECK(hse_config_parse(&c, (hse_bytes){(const uint8_t *)two_vocoders, sizeof two_vocoders - 1}, "test", NULL, &err) == HSE_OK, "%s", err.text);
    hse_engine *e = fake_engine(&(hse_engine_setup){.config = c});
    speak_all(e, fake_speech(text), &want, &n);
    fake_reset();
    fake_gate(2, true);
    hse_job *job = open_job(e, fake_speech(text));
    CHECK(fake_wait_inside(2), "no window");            /* the first: one instance holds it */
    fake_hold_frames(fake_frames("The very first one of all six is longer."));
    fake_gate(2, false);
    for (int i = 0; i < 5000 && fake_count(&fake.batches[2]) < 4; i++)
        usleep(1000);
    CHECK(fake_count(&fake.batches[2]) == 4, "%d windows, want the first four sentences'", fake_count(&fake.batches[2]));
    CHECK(fake_wait_alone(2), "windows behind the first are not done");
    fake_hold_frames(0);
    CHECK(fake_read_all(job, &got, &m, &err) == HSE_OK, "%s", err.text);
    CHECK(m == n && memcmp(got, want, n * sizeof *want) == 0, "%zu samples, in order %zu", m, n);
    CHECK(fake_count(&fake.batches[2]) == 6, "%d windows of six sentences", fake_count(&fake.batches[2]));
    free(want);
    free(got);
    hse_job_close(&job);
    hse_engine_close(&e);
    hse_config_close(&c);
}

/* Two clients at one slot get equal shares, whatever the one has queued before. */
TEST(clients_share_fairly)
{
    enum { MANY = 12, FEW = 3 };
    hse_job *many[MANY], *few[FEW];
    hse_error err;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    hse_request r = fake_speech("x");
    hse_job *first = open_job(e, r);
    CHECK(fake_wait_inside(1), "no batch");
    for (int i = 0; i < MANY; i++) {
        r = fake_speech("many");
        r.client = "many";
        many[i] = open_job(e, r);
    }
    for (int i = 0; i < FEW; i++) {
        r = fake_speech("few.");
        r.client = "few";
        few[i] = open_job(e, r);
    }
    r = fake_speech("urgent");
    r.priority = 9;
    r.client = "many";
    hse_job *urgent = open_job(e, r);
    fake_gate(1, false);
    for (int i = 0; i < MANY; i++)
        CHECK(hse_job_wait(many[i], &err) == HSE_OK, "%s", err.text);
    for (int i = 0; i < FEW; i++)
        CHECK(hse_job_wait(few[i], &err) == HSE_OK, "%s", err.text);
    CHECK(hse_job_wait(urgent, &err) == HSE_OK, "%s", err.text);
    int position[FEW] = {0}, k = 0;
    for (size_t i = 0; i < fake.order_n && k < FEW; i++)
        if (fake.order[i] == 'f')
            position[k++] = (int)i;
    CHECK(k == FEW && position[FEW - 1] <= 1 + 2 * FEW, "the last of the few came at %d", position[FEW - 1]);
    CHECK(fake_place('u') <= 4, "the urgent one of who has many queued came at %zu", fake_place('u'));
    hse_job_close(&first);
    hse_job_close(&urgent);
    for (int i = 0; i < MANY; i++)
        hse_job_close(&many[i]);
    for (int i = 0; i < FEW; i++)
        hse_job_close(&few[i]);
    hse_engine_close(&e);
}

TEST(cancel_stops_what_runs_and_what_waits)
{
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    hse_job *running = open_job(e, fake_speech("runs"));
    CHECK(fake_wait_inside(1), "no batch");
    hse_job *waiting = open_job(e, fake_speech("waits"));
    hse_job_cancel(waiting);
    CHECK(hse_job_wait(waiting, &err) == HSE_E_CANCELLED, "%d", (int)err.status);
    hse_job_cancel(running);
    CHECK(hse_job_wait(running, &err) == HSE_E_CANCELLED, "%d", (int)err.status);
    for (int i = 0; i < 1000 && fake_count(&fake.inside[1]); i++)
        usleep(1000);
    CHECK(!fake_count(&fake.inside[1]), "the batch still runs with its gate closed");
    hse_job_close(&running);
    hse_job_close(&waiting);
    fake_gate(1, false);
    float *x;
    size_t n;
    speak_all(e, fake_speech("After it all is well."), &x, &n);
    free(x);
    hse_engine_close(&e);
}

/* One of two in a batch goes away: the other gets its result. */
TEST(cancelling_one_of_a_batch_leaves_the_other)
{
    hse_error err = {0};
    float *x;
    size_t n;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    hse_job *first = open_job(e, fake_speech("first"));
    CHECK(fake_wait_inside(1), "no batch");
    hse_job *a = open_job(e, fake_speech("one of two")), *b = open_job(e, fake_speech("one of two"));
    fake_gate(1, false);
    CHECK(hse_job_wait(first, &err) == HSE_OK, "%s", err.text);
    fake_gate(1, true);
    hse_job_close(&a);
    fake_gate(1, false);
    CHECK(fake_read_all(b, &x, &n, &err) == HSE_OK && n == 200, "%s", err.text);
    free(x);
    hse_job_close(&first);
    hse_job_close(&b);
    hse_engine_close(&e);
}

static void *cancel_soon(void *arg)
{
    usleep(20000);
    hse_cancel_now(arg);
    return NULL;
}

TEST(a_cancel_object_ends_a_waiting_reader)
{
    hse_cancel *cancel = NULL;
    hse_error err = {0};
    pthread_t thread;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    CHECK(hse_cancel_open(&cancel, &err) == HSE_OK, "%s", err.text);
    fake_gate(2, true);
    hse_request r = fake_speech("Never finished.");
    r.cancel = cancel;
    hse_job *job = open_job(e, r);
    pthread_create(&thread, NULL, cancel_soon, cancel);
    float *x;
    size_t n;
    CHECK(fake_read_all(job, &x, &n, &err) == HSE_E_CANCELLED, "%d", (int)err.status);     /* nothing else would end it */
    free(x);
    pthread_join(thread, NULL);
    hse_job_close(&job);
    hse_cancel_close(&cancel);
    hse_engine_close(&e);
}

TEST(deadlines_end_jobs_wherever_they_are)
{
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    hse_request r = fake_speech("too late");
    r.timeout_s = 0.05;
    hse_job *runs = open_job(e, r), *waits = open_job(e, r);
    CHECK(hse_job_wait(runs, &err) == HSE_E_DEADLINE, "%d", (int)err.status);               /* the gate stays closed */
    CHECK(hse_job_wait(waits, &err) == HSE_E_DEADLINE && strstr(err.text, "timeout_s"), "%s", err.text);
    hse_job_close(&runs);
    hse_job_close(&waits);
    fake_gate(1, false);
    hse_engine_close(&e);
}

TEST(the_queue_has_a_limit)
{
    hse_job *jobs[3] = {NULL}, *more = NULL;
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(&(hse_engine_setup){.max_requests = 3});
    fake_gate(1, true);
    for (int i = 0; i < 3; i++)
        jobs[i] = open_job(e, fake_speech("in"));
    hse_request r = fake_speech("out");
    CHECK(hse_job_open(&more, e, &r, &err) == HSE_E_BUSY && strstr(err.text, "max_requests"), "%s", err.text);
    CHECK(more == NULL, "a job came with an error");
    hse_job_close(&jobs[0]);
    more = open_job(e, fake_speech("in"));
    hse_job_close(&more);
    fake_gate(1, false);
    for (int i = 1; i < 3; i++)
        hse_job_close(&jobs[i]);
    hse_engine_close(&e);
}

TEST(a_load_failure_is_reported_and_tried_again)
{
    hse_error err = {0};
    float *x;
    size_t n;

    fake_reset();
    fake.fail_open[2] = 1;
    hse_engine *e = fake_engine(NULL);
    hse_job *job = open_job(e, fake_speech("Hello."));
    CHECK(fake_read_all(job, &x, &n, &err) == HSE_E_FORMAT, "%d", (int)err.status);
    CHECK(strstr(err.text, "hs1-vocoder") && strstr(err.text, "damaged"), "%s", err.text);
    free(x);
    hse_job_close(&job);
    speak_all(e, fake_speech("Hello."), &x, &n);
    free(x);
    CHECK(fake_count(&fake.opens[2]) == 2 && fake_count(&fake.opens[1]) == 1, "%d and %d loads", fake_count(&fake.opens[2]), fake_count(&fake.opens[1]));

    fake.fail_open[3] = 1;
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_E_FORMAT, "%s", err.text);
    CHECK(hse_engine_load(e, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_engine_load(e, "harmonyspeech", NAN, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_engine_load(e, "nobody", NAN, &err) == HSE_E_NOT_FOUND && strstr(err.text, "nobody"), "%s", err.text);
    hse_engine_close(&e);
}

static void *load_vad(void *arg)
{
    hse_error err;

    CHECK(hse_engine_load(arg, "silero-vad", NAN, &err) == HSE_OK, "%s", err.text);
    return NULL;
}

TEST(loading_one_model_holds_up_no_other_and_happens_once)
{
    pthread_t threads[4];
    float *x;
    size_t n;

    fake_reset();
    fake_hold_open(3, true);
    hse_engine *e = fake_engine(NULL);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, load_vad, e);
    speak_all(e, fake_speech("Hello."), &x, &n);
    free(x);
    CHECK(!fake_stats(e, "silero-vad").loaded, "it was loaded before it could be");
    fake_hold_open(3, false);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(fake_count(&fake.opens[3]) == 1, "%d loads", fake_count(&fake.opens[3]));
    hse_engine_close(&e);
}

TEST(a_bad_item_does_not_fail_its_batch)
{
    hse_error err = {0};
    float *x;
    size_t n;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(1, true);
    hse_job *first = open_job(e, fake_speech("first"));
    CHECK(fake_wait_inside(1), "no batch");
    hse_job *good = open_job(e, fake_speech("good")), *bad = open_job(e, fake_speech("to fail"));
    fake_gate(1, false);
    CHECK(fake_read_all(good, &x, &n, &err) == HSE_OK, "%s", err.text);
    free(x);
    CHECK(fake_read_all(bad, &x, &n, &err) == HSE_E_FORMAT && strstr(err.text, "says so"), "%s", err.text);
    free(x);
    hse_job_close(&first);
    hse_job_close(&good);
    hse_job_close(&bad);
    hse_engine_close(&e);
}

TEST(a_batch_without_memory_is_tried_in_halves)
{
    enum { JOBS = 6 };
    hse_job *jobs[JOBS];
    hse_error err = {0};
    float *x;
    size_t n;

    fake_reset();
    fake.no_memory_above = 2;
    hse_engine *e = fake_engine(NULL);
    fake_gate(2, true);
    jobs[0] = open_job(e, fake_speech("first"));
    CHECK(fake_wait_inside(2), "no batch");
    for (int i = 1; i < JOBS; i++)
        jobs[i] = open_job(e, fake_speech("others"));
    CHECK(fake_wait_queued(e, "hs1-vocoder", JOBS - 1), "not all wait");
    fake_gate(2, false);
    for (int i = 0; i < JOBS; i++) {
        CHECK(fake_read_all(jobs[i], &x, &n, &err) == HSE_OK, "%s", err.text);
        free(x);
        hse_job_close(&jobs[i]);
    }
    CHECK(fake_count(&fake.largest[2]) > 2, "no large batch was formed: %d", fake_count(&fake.largest[2]));
    hse_engine_close(&e);
}

/* A reader that does not read stops the job a few seconds ahead, and a job of which the first chunk is there is readable. */
TEST(a_job_computes_only_a_little_ahead_of_its_reader)
{
    enum { SENTENCES = 2000, LENGTH = 50 };
    char *text = malloc(SENTENCES * LENGTH + 1);
    hse_error err = {0};
    float *x;
    size_t n;

    fake_reset();
    memset(text, 'a', SENTENCES * LENGTH);
    for (size_t i = LENGTH; i <= SENTENCES * LENGTH; i += LENGTH)
        memcpy(text + i - 2, ". ", 2);
    for (size_t i = 0; i < SENTENCES * LENGTH; i += LENGTH)
        text[i] = 'A';
    text[SENTENCES * LENGTH] = '\0';
    hse_engine *e = fake_engine(NULL);
    hse_request r = fake_speech(text);
    r.stream = true;
    hse_job *job = open_job(e, r);
    CHECK(hse_job_wait(job, &err) == HSE_OK, "%s", err.text);
    usleep(100000);
    int ahead = fake_count(&fake.items[1]);
    CHECK(ahead < 20, "%d of %d sentences were synthesised with nobody reading", ahead, SENTENCES);
    CHECK(fake_read_all(job, &x, &n, &err) == HSE_OK, "%s", err.text);
    CHECK(fake_count(&fake.items[1]) == SENTENCES, "%d sentences", fake_count(&fake.items[1]));
    CHECK(n >= (size_t)SENTENCES * (LENGTH - 1) * 2 * FAKE_HOP, "%zu samples", n);
    free(x);
    hse_job_close(&job);
    hse_engine_close(&e);
    free(text);
}

/* acceptance 4: with the decoder held after its first chunk the client has audio. */
TEST(the_first_audio_is_there_before_the_second_window)
{
    hse_error err = {0};
    size_t got = 0;
    float block[64];
    bool end = false;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    hse_request r = fake_speech("A sentence of some length so that it has several windows of frames, which it now has.");
    r.stream = true;
    fake.delay_us[2] = 30000;
    hse_job *job = open_job(e, r);
    CHECK(fake_wait_inside(2), "no window");
    CHECK(hse_job_wait(job, &err) == HSE_OK, "%s", err.text);
    fake_gate(2, true);
    CHECK(hse_job_read(job, block, 64, &got, &end, false, &err) == HSE_OK && got == 64, "%zu samples: %s", got, err.text);
    fake_gate(2, false);
    hse_job_close(&job);
    hse_engine_close(&e);
}

static void count_notice(void *user)
{
    __atomic_fetch_add((int *)user, 1, __ATOMIC_SEQ_CST);
}

TEST(notify_says_when_there_is_something_to_fetch)
{
    int notices = 0;
    bool end = false;
    size_t got = 1, total = 0;
    float block[256];
    hse_error err = {0};

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    hse_request r = fake_speech("Hello there.");
    r.notify = count_notice;
    r.user = &notices;
    fake_gate(1, true);
    hse_job *job = open_job(e, r);
    CHECK(hse_job_read(job, block, 256, &got, &end, false, &err) == HSE_OK && got == 0 && !end, "something came from nowhere");
    fake_gate(1, false);
    for (int i = 0; i < 5000 && !end; i++) {
        CHECK(hse_job_read(job, block, 256, &got, &end, false, &err) == HSE_OK, "%s", err.text);
        total += got;
        if (!got)
            usleep(1000);
    }
    CHECK(end && total == 240, "%zu samples", total);
    CHECK(__atomic_load_n(&notices, __ATOMIC_SEQ_CST) >= 1, "no notice");
    hse_job_close(&job);
    hse_engine_close(&e);
}

/* Jobs of clients that come and go at random, while the engine closes under the last of them. */
typedef struct {
    hse_engine *e;
    unsigned    seed;
} stormer;

static void *storm(void *arg)
{
    stormer *s = arg;
    unsigned seed = s->seed;

    for (int i = 0; i < 40; i++) {
        hse_request r = fake_speech(seed % 2 ? "A few words." : "One. Two. Three. Four. Five. Six. Seven.");
        hse_job *job = NULL;
        hse_error err;
        float block[100];
        size_t got;
        bool end;

        seed = seed * 1664525u + 1013904223u;
        r.stream = seed >> 9 & 1;
        r.timeout_s = seed >> 10 & 1 ? 0.002 : 5;
        hse_status st = hse_job_open(&job, s->e, &r, &err);
        CHECK(st == HSE_OK || st == HSE_E_BUSY || st == HSE_E_CANCELLED, "%d %s", (int)st, err.text);
        if (!job)
            continue;
        for (unsigned k = 0; k < (seed >> 12 & 7); k++)
            if (hse_job_read(job, block, 100, &got, &end, seed >> 20 & 1, &err) != HSE_OK)
                break;
        if (seed >> 16 & 1)
            hse_job_cancel(job);
        hse_job_close(&job);
    }
    return NULL;
}

TEST(clients_come_and_go_at_random)
{
    enum { CLIENTS = 8 };
    pthread_t threads[CLIENTS];
    stormer s[CLIENTS];

    fake_reset();
    fake.delay_us[1] = fake.delay_us[2] = 300;
    hse_engine *e = fake_engine(&(hse_engine_setup){.max_requests = 6});
    for (int i = 0; i < CLIENTS; i++) {
        s[i] = (stormer){e, (unsigned)i * 7919 + 1};
        pthread_create(&threads[i], NULL, storm, &s[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    hse_engine_stats st;
    hse_error err;
    CHECK(hse_engine_stats_get(e, &st, &err) == HSE_OK, "%s", err.text);
    const hse_kind_stats *k = &st.kind[HSE_JOB_SPEAK];
    CHECK(k->started == k->done + k->failed + k->cancelled + k->expired && k->running == 0 && k->waiting == 0,
          "%d jobs started, %d + %d + %d + %d ended", (int)k->started, (int)k->done, (int)k->failed, (int)k->cancelled, (int)k->expired);
    hse_engine_stats_free(&st);
    hse_engine_close(&e);
}

TEST(an_engine_may_close_before_its_jobs)
{
    hse_error err = {0};
    float *x;
    size_t n;

    fake_reset();
    hse_engine *e = fake_engine(NULL);
    fake_gate(2, true);
    hse_job *job = open_job(e, fake_speech("Held."));
    CHECK(fake_wait_inside(2), "no window");
    hse_engine_close(&e);
    CHECK(fake_read_all(job, &x, &n, &err) == HSE_E_CANCELLED, "%d", (int)err.status);
    free(x);
    hse_job_close(&job);
    fake_gate(2, false);
}
