/* The same bits whatever the company: requests alone, and in 1,000 random schedules of up to 32 requests of every kind, streamed
 * and not, of any priority and client, read in any portions, some given up on the way. With fake models; and with the demo models in
 * a few larger ones. */
#include "engine/fake_split.h"

enum { SCHEDULES = 1000, MOST = 32, TEXTS = 9 };

static uint32_t seed = 1;

static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static const char *const texts[TEXTS] = {
    "Yes.", "A few words.", "One sentence is here. Another one, somewhat longer, follows it! A third? Yes. And the last one.",
    "One. Two. Three. Four. Five. Six. Seven.", "Something else. Entirely.", "Good morning, how are you?",
    "A line that goes on for a while, so that its audio has many windows, and then some more of them, until it ends.", "No!",
    "This one is long. It has more sentences than others. So it gives way, as soon as it is ahead of its listener by a second. That is "
    "soon. Then what is shorter goes first. Its batches stand still in the middle. They go on later. Nobody may hear that. It goes "
    "on, and on, and on, like this, until there is enough of it. Here is some more. It says nothing new, but takes some time to be said. "
    "And more. And more of the same, as there is no other way to be long. Who listens to all this will be glad when it ends. It ends.",
};

typedef struct {
    float *samples;
    size_t n;
} sound;

static void read_sound(hse_job *job, size_t portion, sound *out)
{
    hse_error err = {0};
    bool end = false;
    size_t room = 0;

    *out = (sound){0};
    while (!end) {
        size_t got = 0;

        if (out->n + portion > room) {
            room = 2 * room + portion;
            out->samples = realloc(out->samples, room * sizeof(float));
            CHECK(out->samples, "no memory");
        }
        CHECK(hse_job_read(job, out->samples + out->n, portion, &got, &end, true, &err) == HSE_OK, "%s", err.text);
        out->n += got;
    }
}

static hse_job *open_text(hse_engine *e, int text, bool plain)
{
    static const char *const clients[] = {NULL, "ann", "bob", "cleo"};
    hse_request r = fake_speech(texts[text]);
    hse_job *job = NULL;
    hse_error err = {0};

    if (!plain) {
        r.stream = draw(2);
        r.priority = (int)draw(10);
        r.client = clients[draw(4)];
    }
    CHECK(hse_job_open(&job, e, &r, &err) == HSE_OK, "%s", err.text);
    return job;
}

static void schedules(hse_engine *e, int rounds, uint32_t most, int n_texts)
{
    sound alone[TEXTS];

    for (int i = 0; i < n_texts; i++) {
        hse_job *job = open_text(e, i, true);

        read_sound(job, 1000, &alone[i]);
        hse_job_close(&job);
        CHECK(alone[i].n > 0, "text %d is silent", i);
    }
    for (int round = 0; round < rounds; round++) {
        hse_job *jobs[MOST];
        int text[MOST], n = 1 + (int)draw(most);

        for (int i = 0; i < n; i++) {
            text[i] = (int)draw((uint32_t)n_texts);
            jobs[i] = open_text(e, text[i], false);
        }
        for (int i = 0; i < n; i++) {
            sound s;

            if (draw(8) == 0) {
                hse_job_close(&jobs[i]);
                continue;
            }
            read_sound(jobs[i], 1 + draw(3000), &s);
            const sound *want = &alone[text[i]];
            CHECK(s.n == want->n && memcmp(s.samples, want->samples, s.n * sizeof(float)) == 0,
                  "schedule %d: request %d of %d differs (%zu of %zu samples)", round, i, n, s.n, want->n);
            free(s.samples);
            hse_job_close(&jobs[i]);
        }
    }
    for (int i = 0; i < n_texts; i++)
        free(alone[i].samples);
}

TEST(speech_has_the_same_bits_in_1000_random_schedules)
{
    fake_reset();
    seed = 7;
    hse_engine *e = fake_engine(&(hse_engine_setup){.batch_window_us = 100});
    schedules(e, FAKE_SLACK > 2 ? SCHEDULES / 10 : SCHEDULES, MOST, TEXTS);
    CHECK(fake_count(&fake.largest[2]) >= 4, "batches had at most %d items", fake_count(&fake.largest[2]));
    hse_engine_close(&e);
}

TEST(speech_of_the_demo_voice_has_the_same_bits_in_company)
{
    hse_engine_setup setup = {.models = test_path("models"), .no_bundled = true, .threads = 2};
    hse_engine *e = NULL;
    hse_error err = {0};

    seed = 11;
    CHECK(hse_engine_start(&e, &setup, &err) == HSE_OK, "%s", err.text);
    schedules(e, FAKE_SLACK > 2 ? 1 : 4, 12, 2);
    hse_engine_close(&e);
}

TEST(recordings_have_the_same_bits_in_random_schedules)
{
    enum { LENGTHS = 7, LONGEST = 31000 };                  /* at 1000 Hz, so it gives way to the others */
    static const size_t lengths[LENGTHS] = {1, 999, 1000, 4500, 12345, 30000, LONGEST};
    hse_engine *e = fs_engine();
    float *x = fs_ramp(LONGEST);

    seed = 13;
    for (int round = 0; round < (FAKE_SLACK > 2 ? SCHEDULES / 50 : SCHEDULES); round++) {
        hse_job *jobs[MOST];
        size_t length[MOST];
        int n = 1 + (int)draw(MOST);

        for (int i = 0; i < n; i++) {
            hse_request r;
            hse_error err = {0};

            hse_request_init(&r, HSE_JOB_RESTORE);
            length[i] = lengths[draw(LENGTHS)];
            r.audio = (hse_audio){.samples = x, .n = length[i], .rate_hz = length[i] == LONGEST ? 1000 : FS_RATE, .channels = 1};
            r.audio_borrowed = true;
            r.priority = (int)draw(10);
            CHECK(hse_job_open(&jobs[i], e, &r, &err) == HSE_OK, "%s", err.text);
        }
        for (int i = 0; i < n; i++) {
            if (draw(8)) {
                sound s;

                read_sound(jobs[i], 1 + draw(5000), &s);
                CHECK(s.n == length[i], "%zu samples, want %zu", s.n, length[i]);
                for (size_t k = 0; k < s.n; k++) {
                    float want = x[k] * 2 + 1;
                    CHECK(memcmp(&s.samples[k], &want, sizeof want) == 0, "sample %zu", k);
                }
                free(s.samples);
            }
            hse_job_close(&jobs[i]);
        }
    }
    free(x);
    hse_engine_close(&e);
    CHECK(atomic_load(&fs.open) == atomic_load(&fs.closed), "%d splits opened, %d closed", atomic_load(&fs.open), atomic_load(&fs.closed));
}
