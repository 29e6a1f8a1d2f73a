/* Requests of many items, with fake models: order, company, speech first, text as it comes, cancelling, failing, memory. */
#include "engine/fake_split.h"

static hse_status restore(hse_engine *e, size_t n, hse_pcm *out, hse_error *err)
{
    float *x = fs_ramp(n);
    hse_status s = hse_restore(e, x, n, FS_RATE, NULL, out, err);

    free(x);
    return s;
}

static void check_restored(const hse_pcm *p, size_t n)
{
    CHECK(p->count == n && p->rate_hz == FS_RATE, "%zu samples at %u Hz", p->count, p->rate_hz);
    for (size_t i = 0; i < n; i++) {
        float want = (float)(i % 997) * 0.001f * 2 + 1;

        CHECK(memcmp(&p->samples[i], &want, sizeof want) == 0, "sample %zu: %g, want %g", i, (double)p->samples[i], (double)want);
    }
}

TEST(parts_pass_through_all_steps_and_come_back_in_order)
{
    hse_engine *e = fs_engine();
    hse_pcm p = {0};
    hse_error err = {0};

    for (size_t n = 1; n <= 40000; n = n * 7 + 3) {
        CHECK(restore(e, n, &p, &err) == HSE_OK, "%zu: %s", n, err.text);
        check_restored(&p, n);
        hse_pcm_free(&p);
    }
    CHECK(fake_count(&fake.largest[1]) > 1, "the parts of one recording never met in a batch");
    CHECK(atomic_load(&fs.most) <= 8, "%d parts under way", atomic_load(&fs.most));
    hse_engine_close(&e);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "%d splits opened, %d closed", atomic_load(&fs.open), atomic_load(&fs.closed));
}

typedef struct {
    hse_engine *e;
    size_t      n;
    pthread_t   thread;
} client;

static void *restore_one(void *arg)
{
    client *c = arg;
    hse_pcm p = {0};
    hse_error err = {0};

    CHECK(restore(c->e, c->n, &p, &err) == HSE_OK, "%s", err.text);
    check_restored(&p, c->n);
    hse_pcm_free(&p);
    return NULL;
}

TEST(many_recordings_share_batches_and_keep_their_samples)
{
    enum { CLIENTS = 16 };
    client c[CLIENTS];
    hse_engine *e = fs_engine();

    fake.delay_us[1] = fake.delay_us[2] = 300;
    for (size_t i = 0; i < CLIENTS; i++) {
        c[i] = (client){.e = e, .n = 500 + i * 1700};
        CHECK(pthread_create(&c[i].thread, NULL, restore_one, &c[i]) == 0, "no thread");
    }
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(c[i].thread, NULL);
    CHECK(fake_count(&fake.largest[1]) >= 4, "the largest batch had %d items", fake_count(&fake.largest[1]));
    hse_engine_close(&e);
}

typedef struct {
    int    words, stop_after;
    char   text[4096];
    double last_end, after_vad;
} heard;

static int hear(void *user, const hse_transcript_segment *s, const hse_transcript *so_far)
{
    heard *h = user;

    CHECK(s->id == h->words + 1, "segment %d came as number %d", s->id, h->words + 1);
    CHECK(so_far->language && strcmp(so_far->language, "en") == 0, "no language at segment %d", s->id);
    h->words++;
    h->last_end = s->end;
    h->after_vad = so_far->duration_after_vad;
    snprintf(h->text + strlen(h->text), sizeof h->text - strlen(h->text), "%s", s->text);
    return h->stop_after && h->words >= h->stop_after;
}

TEST(text_comes_segment_by_segment)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(20500);
    hse_transcribe_options o;
    hse_error err = {0};

    for (int batched = 0; batched < 2; batched++) {
        heard h = {0};
        hse_transcript *t = NULL;

        hse_transcribe_options_init(&o);
        o.batched = batched;
        o.vad_filter = 0;
        CHECK(hse_transcribe_stream(e, x, 20500, FS_RATE, &o, hear, &h, &err) == HSE_OK, "%s", err.text);
        CHECK(h.words == 21 && fabs(h.last_end - 20500.0 / FS_RATE) < 1e-9, "%d words, the last ends at %g", h.words, h.last_end);
        CHECK(hse_transcribe(e, x, 20500, FS_RATE, &o, &t, &err) == HSE_OK, "%s", err.text);
        CHECK(t->segment_count == 21 && strcmp(t->segments[20].text, " word20") == 0, "%zu segments", t->segment_count);
        CHECK(t->language && strcmp(t->language, "en") == 0 && fabs(t->duration - 20500.0 / FS_RATE) < 1e-9, "language, duration");
        hse_transcript_free(&t);
        CHECK(!t, "free left the pointer");
    }
    heard h = {.stop_after = 3};
    CHECK(hse_transcribe_stream(e, x, 20500, FS_RATE, NULL, hear, &h, &err) == HSE_E_CANCELLED && h.words == 3, "%d words", h.words);
    free(x);
    hse_engine_close(&e);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "a split was not closed");
}

TEST(speech_is_found_first_where_the_model_wants_it)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(16000);
    hse_transcribe_options o;
    hse_error err = {0};
    heard h = {0};

    hse_transcribe_options_init(&o);
    o.vad_filter = 1;
    CHECK(hse_transcribe_stream(e, x, 16000, FS_RATE, &o, hear, &h, &err) == HSE_OK, "%s", err.text);
    CHECK(h.words == 8 && fabs(h.after_vad - 1) < 1e-9, "%d words of %g s", h.words, h.after_vad);
    CHECK(fake_count(&fake.items[3]) == 1, "the finder was not asked");
    free(x);
    hse_engine_close(&e);
}

/* A recogniser answers where speech is by the times of what it heard; it is the last to be asked without a name. */
TEST(a_recogniser_answers_voice_activity)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(4000);
    hse_segments s = {0};
    hse_vad_params p;
    hse_error err = {0};

    hse_vad_params_init(&p);
    p.model = "recogniser";
    CHECK(hse_vad(e, x, 4000, FS_RATE, &p, &s, &err) == HSE_OK, "%s", err.text);
    CHECK(s.count == 2 && s.items[1].start == 1000 && s.items[1].end == 2000, "%zu segments", s.count);
    hse_segments_free(&s);
    p.model = NULL;
    CHECK(hse_vad(e, x, 4000, FS_RATE, &p, &s, &err) == HSE_OK && s.count == 2 && s.items[0].end == 1000, "%s", err.text);
    hse_segments_free(&s);
    free(x);
    hse_engine_close(&e);
}

TEST(a_broken_part_ends_its_request_alone)
{
    hse_engine *e = fs_engine();
    hse_pcm p = {0};
    hse_error err = {0};

    atomic_store(&fs.fail_at, 7);
    CHECK(restore(e, 30000, &p, &err) == HSE_E_FORMAT && strstr(err.text, "broken"), "%s", err.text);
    CHECK(restore(e, 5000, &p, &err) == HSE_OK, "%s", err.text);
    check_restored(&p, 5000);
    hse_pcm_free(&p);
    hse_engine_close(&e);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "a split was not closed");
}

static hse_job *open_job(hse_engine *e, hse_job_kind kind, float *x, size_t n)
{
    hse_request r;
    hse_job *job = NULL;
    hse_error err = {0};

    hse_request_init(&r, kind);
    r.audio = (hse_audio){.samples = x, .n = n, .rate_hz = FS_RATE, .channels = 1};
    r.audio_borrowed = true;
    CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK, "%s", err.text);
    return job;
}

static void wait_closed(void)
{
    for (int i = 0; i < 2000 && atomic_load(&fs.open) != atomic_load(&fs.closed); i++)
        usleep(1000);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "the split of a cancelled job stays open");
}

TEST(cancelling_stops_a_split_wherever_it_is)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(100000);
    hse_error err = {0};

    for (int where = 0; where < 3; where++) {
        if (where == 0)
            atomic_store(&fs.wait_open, 1);
        else
            fake_gate(where, true);
        hse_job *job = open_job(e, HSE_JOB_RESTORE, x, 100000);
        int before = atomic_load(&fs.open);
        for (int i = 0; i < 2000 && where == 0 && atomic_load(&fs.open) == before; i++)
            usleep(500);
        CHECK(where == 0 || fake_wait_inside(where), "nothing computes");
        int opening = atomic_load(&fs.cancelled_in_open);
        hse_job_cancel(job);
        CHECK(hse_job_wait(job, &err) == HSE_E_CANCELLED, "%s", err.text);
        wait_closed();                                  /* with the gate still closed */
        CHECK(where || atomic_load(&fs.cancelled_in_open) == opening + 1, "the split was opened to the end");
        hse_job_close(&job);
        atomic_store(&fs.wait_open, 0);
        fake_gate(where ? where : 1, false);
    }
    free(x);
    hse_engine_close(&e);
}

/* What was understood before something broke is given first, also to who reads only then. */
TEST(segments_before_an_error_are_given_before_it)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(12000);
    hse_error err = {0};

    for (int late = 0; late < 2; late++) {
        const hse_transcript_segment *segment = NULL;
        hse_job *job = NULL;
        hse_request r;
        bool end = false;
        int words = 0;

        hse_request_init(&r, HSE_JOB_TRANSCRIBE);
        r.audio = (hse_audio){.samples = x, .n = 12000, .rate_hz = FS_RATE, .channels = 1};
        r.audio_borrowed = true;
        r.transcribe.vad_filter = 0;
        atomic_store(&fs.fail_at, 7);
        CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK, "%s", err.text);
        CHECK(!late || hse_job_wait(job, &err) == HSE_E_FORMAT, "%s", err.text);
        hse_status s;
        while ((s = hse_job_segment(job, &segment, &end, true, &err)) == HSE_OK) {
            CHECK(segment && !end, "an end before the error");
            CHECK(segment->id == ++words, "segment %d came as number %d", segment->id, words);
        }
        CHECK(s == HSE_E_FORMAT && strstr(err.text, "broken") && words == 7, "%d words, then: %s", words, err.text);
        CHECK(hse_job_segment(job, &segment, &end, true, &err) == HSE_E_FORMAT && !segment, "the error is told once more");
        hse_job_close(&job);
    }
    free(x);
    hse_engine_close(&e);
}

/* A short request passes a long one: it waits for the few parts that are under way, not for the recording. */
TEST(a_short_recording_passes_a_long_one)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(400000);
    hse_pcm p = {0};
    hse_error err = {0};

    fake.delay_us[1] = 2000;
    hse_job *job = open_job(e, HSE_JOB_RESTORE, x, 400000);
    CHECK(fake_wait_inside(1), "the long one never began");
    CHECK(restore(e, 900, &p, &err) == HSE_OK, "%s", err.text);
    hse_pcm_free(&p);
    CHECK(!hse_job_ready(job) || hse_job_result_get(job)->audio_out_s < 40, "the long one was done first");
    CHECK(fake_count(&fake.items[1]) < 60, "%d parts were computed before the short one", fake_count(&fake.items[1]));
    hse_job_close(&job);
    free(x);
    hse_engine_close(&e);
}

/* In the middle of a batch, too: the short one is computed while the long one's batch stands at the gate, and by the next step while
 * the long one's stands still there. */
TEST(a_long_recording_gives_way_in_the_middle_of_a_batch)
{
    enum { N = 40 * FS_RATE };
    hse_engine *e = fs_engine();
    float *x = fs_ramp(N), *out = NULL;
    size_t n = 0;
    hse_error err = {0};

    fake.delay_us[1] = 10000;                           /* what has been computed for 50 ms is long */
    hse_job *longer = open_job(e, HSE_JOB_RESTORE, x, N);
    while (fake_count(&fake.batches[1]) < 8)
        usleep(500);
    fake_gate(1, true);
    usleep(20000);                                      /* who was past the gate leaves */
    CHECK(fake_wait_inside(1), "the long one has stopped");
    int batches = fake_count(&fake.batches[1]);
    fake_gate(2, true);
    hse_job *shorter = open_job(e, HSE_JOB_RESTORE, x, 900);
    for (int i = 0; fake_count(&fake.batches[1]) == batches && i < 5000; i++)
        usleep(1000);
    CHECK(fake_count(&fake.batches[1]) > batches, "the long one holds the short one up");
    CHECK(fake_count(&fake.inside[1]) == 2, "%d batches compute", fake_count(&fake.inside[1]));
    fake_gate(1, false);
    CHECK(fake_wait_inside(2), "the short one did not reach its second step");
    int items = fake_count(&fake.items[1]);
    usleep(30000);
    CHECK(fake_count(&fake.items[1]) == items, "the long one goes on while the short one is computed");
    fake_gate(2, false);
    CHECK(fake_read_all(shorter, &out, &n, &err) == HSE_OK && n == 900, "%s", err.text);
    free(out);
    CHECK(fake_read_all(longer, &out, &n, &err) == HSE_OK && n == N, "%s", err.text);
    for (size_t i = 0; i < n; i++) {
        float want = x[i] * 2 + 1;
        CHECK(memcmp(&out[i], &want, sizeof want) == 0, "sample %zu", i);
    }
    CHECK(fake_count(&fake.items[1]) == N / FS_PART + 1, "%d parts were computed, some of them twice", fake_count(&fake.items[1]));
    free(out);
    hse_job_close(&shorter);
    hse_job_close(&longer);
    free(x);
    hse_engine_close(&e);
}

static atomic_bool enough;

static void *restore_until_enough(void *arg)
{
    while (!atomic_load(&enough))
        restore_one(arg);
    return NULL;
}

/* Short ones that never end do not keep a long one from its end: it has its least share. */
TEST(a_long_recording_among_endless_short_ones_ends)
{
    enum { N = 40 * FS_RATE, CLIENTS = 3 };
    hse_engine *e = fs_engine();
    float *x = fs_ramp(N), *out = NULL;
    client c[CLIENTS];
    size_t n = 0;
    hse_error err = {0};

    fake.delay_us[1] = fake.delay_us[2] = 200;
    atomic_store(&enough, false);
    for (size_t i = 0; i < CLIENTS; i++) {
        c[i] = (client){.e = e, .n = 900};
        CHECK(pthread_create(&c[i].thread, NULL, restore_until_enough, &c[i]) == 0, "no thread");
    }
    hse_job *longer = open_job(e, HSE_JOB_RESTORE, x, N);
    CHECK(fake_read_all(longer, &out, &n, &err) == HSE_OK && n == N, "%s", err.text);
    atomic_store(&enough, true);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(c[i].thread, NULL);
    hse_job_close(&longer);
    free(out);
    free(x);
    hse_engine_close(&e);
}

/* Nobody reads: it stops a minute ahead. */
TEST(a_split_does_not_run_away_from_its_reader)
{
    enum { N = FS_RATE * 200 };
    hse_engine *e = fs_engine();
    float *x = fs_ramp(N);
    hse_job *job = open_job(e, HSE_JOB_RESTORE, x, N);
    int last = -1, now = 0;

    for (int i = 0; i < 400 && (now == 0 || now != last); i++) {
        last = now;
        usleep(30000);
        now = fake_count(&fake.items[2]);
    }
    CHECK(now * FS_PART >= 60 * FS_RATE && now * FS_PART < 64 * FS_RATE, "%d parts were computed ahead", now);
    float *out = NULL;
    size_t n = 0;
    hse_error err = {0};
    CHECK(fake_read_all(job, &out, &n, &err) == HSE_OK && n == N, "%zu samples", n);
    free(out);
    hse_job_close(&job);
    free(x);
    hse_engine_close(&e);
}

/* Conversion by a model alone: the embedding, or a recording that an encoder of its family hears. */
TEST(conversion_takes_an_embedding_or_a_recording)
{
    hse_engine *e = fs_engine();
    float *x = fs_ramp(3000), embedding[4] = {1, 2, 3, 4};
    hse_convert_options o;
    hse_pcm p = {0};
    hse_error err = {0};

    hse_convert_options_init(&o);
    o.restore_mode = 1;
    CHECK(hse_restore(e, x, 3000, FS_RATE, &o, &p, &err) == HSE_E_ARG && strstr(err.text, "mode: 1"), "%s", err.text);
    o.restore_mode = 0;
    CHECK(hse_convert(e, x, 3000, FS_RATE, &o, &p, &err) == HSE_E_ARG && strstr(err.text, "target_audio"), "%s", err.text);
    o.embedding = embedding;
    o.embedding_size = 4;
    CHECK(hse_convert(e, x, 3000, FS_RATE, &o, &p, &err) == HSE_OK, "%s", err.text);
    CHECK(p.count == 3000 && fabsf(p.samples[10] - 1.01f) < 1e-6f, "%zu samples", p.count);
    hse_pcm_free(&p);
    o.target = x;
    o.target_count = 1000;
    o.target_rate_hz = FS_RATE;
    CHECK(hse_convert(e, x, 3000, FS_RATE, &o, &p, &err) == HSE_E_ARG, "two targets");
    o.embedding = NULL;
    for (int i = 0; i < 2; i++) {
        CHECK(hse_convert(e, x, 3000, FS_RATE, &o, &p, &err) == HSE_OK, "%s", err.text);
        hse_pcm_free(&p);
    }
    CHECK(fake_count(&fake.items[0]) == 1, "the same target was heard %d times", fake_count(&fake.items[0]));
    free(x);
    hse_engine_close(&e);
}

TEST(what_is_listed)
{
    hse_engine *e = fs_engine();
    hse_models *m = NULL;
    hse_error err = {0};
    int restores = 0, transcribes = 0, converts = 0;

    CHECK(hse_models_open(&m, e, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < hse_models_count(m); i++) {
        const hse_model_info *info = hse_models_at(m, i);

        restores += info->restores && strcmp(info->name, "voicefixer") == 0;
        transcribes += info->transcribes;
        converts += info->converts;
    }
    CHECK(restores == 1 && transcribes == 1 && converts == 1, "%d restore, %d transcribe, %d convert", restores, transcribes, converts);
    hse_models_close(&m);
    hse_engine_close(&e);
}

static hse_status torture_once(void *arg, hse_error *err)
{
    const char *dir = arg;
    hse_engine_setup setup = {.types = fs_types, .no_bundled = true, .threads = 1, .models = dir};
    static float x[3500];
    hse_engine *e = NULL;
    hse_pcm p = {0};
    hse_transcript *t = NULL;
    hse_transcribe_options o;

    hse_status s = hse_engine_start(&e, &setup, err);
    if (s == HSE_OK)
        s = hse_restore(e, x, 3500, FS_RATE, NULL, &p, err);
    hse_pcm_free(&p);
    hse_transcribe_options_init(&o);
    o.vad_filter = 1;
    o.initial_prompt = "so";
    if (s == HSE_OK)
        s = hse_transcribe(e, x, 3500, FS_RATE, &o, &t, err);
    hse_transcript_free(&t);
    hse_engine_close(&e);
    return s;
}

/* The fake's own failure to hand out a part ends in HSE_E_FORMAT ("stopped before the end"): that is the fake's. */
TEST(torture_splits)
{
    const char *dir = fs_models("split-torture");
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
