/* VoiceFixer beyond what golden cases show: pieces of long recordings, windows with the bits of the whole, audio and
 * checkpoints that are damaged. Checkpoints are the small ones of the golden cases. */
#include "test.h"
#include "torture.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/voicefixer/adapter.h"
#include "models/voicefixer/prefilter.h"
#include "models/voicefixer/restorer.h"
#include "models/voicefixer/vocoder.h"

#include <math.h>
#include <stdlib.h>

static const char *const FOLDER = "tests/golden/voicefixer/layouts_small_s11";

static nn_ctx *context(void)
{
    nn_ctx *c = NULL;

    CHECK(nn_open(&c, &(nn_options){.poison = true}, NULL) == HSE_OK, "context");
    return c;
}

static void *load(const hse_model_type *type)
{
    hse_model_source source = {.dir = test_path(FOLDER), .precision = K_F32};
    hse_error err = {0};
    void *m = NULL;

    CHECK(type->open(&m, &source, &err) == HSE_OK, "%s", err.text);
    return m;
}

static float noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(int32_t)*seed / 2147483648.0f;
}

/* ---- pieces ---- */

TEST(pieces_cover_every_sample_once)
{
    const size_t hop = VF_HOP, most = VF_MOST_FRAMES;
    const size_t lengths[] = {1,
                              440,
                              441,
                              1025,
                              (most - 1) * hop,
                              most * hop - 1,
                              most * hop,
                              most * hop + 1,
                              2 * VF_CORE * hop + VF_CORE / 2 * hop - 442,
                              2 * VF_CORE * hop + VF_CORE / 2 * hop + 5,
                              44100u * 3600,
                              44100u * 3600 * 3 + 17,
                              (3 * VF_CORE + VF_CORE / 2) * hop,
                              3 * VF_CORE * hop};

    for (size_t k = 0; k < COUNT(lengths); k++) {
        size_t n = lengths[k], count = vf_segment_count(n), at = 0, frame = 0;
        CHECK(count >= 1 && (count == 1) == (1 + n / hop <= most), "%zu samples: %zu pieces", n, count);
        for (size_t i = 0; i < count; i++) {
            vf_segment g = vf_segment_at(n, i);
            size_t own = g.ends ? g.out_to : g.out_to - VF_FADE;
            CHECK(g.core_from == frame && g.out_from == at, "%zu samples, piece %zu: a gap at %zu", n, i, at);
            CHECK(g.mel_from % 64 == 0 && g.mel_from <= g.core_from && g.mel_to >= g.core_to, "%zu, %zu: window", n, i);
            CHECK(g.mel_to - g.mel_from <= most, "%zu, %zu: %zu frames at once", n, i, g.mel_to - g.mel_from);
            CHECK(g.mel_from == 0 || g.core_from - g.mel_from == VF_CONTEXT, "%zu, %zu: context before", n, i);
            CHECK(g.mel_ends || g.mel_to - g.core_to == VF_CONTEXT, "%zu, %zu: context behind", n, i);
            CHECK(g.audio_to <= n && g.audio_from < g.audio_to && g.ends == (i + 1 == count), "%zu, %zu: audio", n, i);
            CHECK(g.mel_from == 0 || g.audio_from + g.skip * hop == g.mel_from * hop, "%zu, %zu: frames shift", n, i);
            CHECK(g.skip + g.mel_to - g.mel_from <= 1 + (g.audio_to - g.audio_from) / hop, "%zu, %zu: short", n, i);
            at = own;
            frame = g.core_to;
        }
        CHECK(at == n && frame == 1 + n / hop, "%zu samples: %zu are answered", n, at);
    }
}

TEST(reference_pieces_are_the_originals)
{
    static const struct {
        size_t samples, count, last;
    } cases[] = {
        {1, 1, 1},
        {1323000, 1, 1323000},
        {1323000 + 1024, 1, 1323000 + 1024},
        {1323000 + 1025, 2, 1025},
        {2646000, 2, 1323000},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t count = vf_reference_count(cases[i].samples, VF_REFERENCE_PIECE), from, n;
        CHECK(count == cases[i].count, "%zu samples: %zu pieces", cases[i].samples, count);
        vf_reference_at(cases[i].samples, VF_REFERENCE_PIECE, count - 1, &from, &n);
        CHECK(n == cases[i].last && from + n == cases[i].samples, "%zu samples: the last has %zu", cases[i].samples, n);
    }
    CHECK(vf_reference_cut(10, 7) == 1 && vf_reference_cut(7, 7) == 0 && vf_reference_cut(5, 7) == 0, "the middle");
}

TEST(a_window_of_the_vocoder_has_the_bits_of_the_whole)
{
    enum { FRAMES = 1400 };
    vf_vocoder *m = load(&vf_vocoder_type);
    nn_ctx *c = context();
    float *mel = hse_alloc(FRAMES * VF_BANDS * sizeof *mel), *all = hse_alloc(FRAMES * VF_HOP * sizeof *all),
          *part = hse_alloc(FRAMES * VF_HOP * sizeof *part);
    const size_t windows[][2] = {{0, 3}, {600, 640}, {700, 1400}, {1399, 1400}, {10, 900}};
    hse_error err = {0};
    uint32_t seed = 3;

    for (size_t i = 0; i < FRAMES * VF_BANDS; i++)
        mel[i] = 50 * fabsf(noise(&seed));
    vf_vocoder_window w = {.mel = mel, .frames = FRAMES, .ends = true, .to = FRAMES};
    CHECK(vf_vocoder_run(m, c, &w, all, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < COUNT(windows); i++) {
        w.from = windows[i][0];
        w.to = windows[i][1];
        CHECK(vf_vocoder_run(m, c, &w, part, &err) == HSE_OK, "%s", err.text);
        CHECK(memcmp(part, all + w.from * VF_HOP, (w.to - w.from) * VF_HOP * sizeof *part) == 0,
              "frames %zu to %zu have other bits", w.from, w.to);
    }
    for (int rows = 7; rows < 20000; rows *= 13) {          /* however few rows a layer makes at once */
        m->piece_rows = rows;
        w.from = 300;
        w.to = 340;
        CHECK(vf_vocoder_run(m, c, &w, part, &err) == HSE_OK, "%s", err.text);
        CHECK(memcmp(part, all + w.from * VF_HOP, (w.to - w.from) * VF_HOP * sizeof *part) == 0, "pieces of %d rows have other bits",
              rows);
    }
    m->piece_rows = 0;
    /* the same from a part of the mel, with its context */
    size_t context_frames = (size_t)vf_vocoder_context(m), first = 640 - context_frames;
    w = (vf_vocoder_window){.mel = mel + first * VF_BANDS,
                            .frames = 2 * context_frames + 100,
                            .from = context_frames,
                            .to = context_frames + 100};
    CHECK(vf_vocoder_run(m, c, &w, part, &err) == HSE_OK, "%s", err.text);
    CHECK(memcmp(part, all + (size_t)640 * VF_HOP, 100 * VF_HOP * sizeof *part) == 0,
          "a part of the mel gives other bits");
    hse_free(mel);
    hse_free(all);
    hse_free(part);
    nn_close(&c);
    vf_vocoder_type.close((void **)&m);
}

static void look(void *user, const nn_view *view)
{
    (void)view;
    ++*(int *)user;
}

/* Who listens gets whole tensors, so the finest levels are then computed in one go. */
TEST(a_restorer_in_strips_has_the_bits_of_the_whole)
{
    enum { MOST = 6 * VF_STRIP };
    static const size_t lengths[] = {VF_STRIP, 2 * VF_STRIP - VF_TIME_STEP, 2 * VF_STRIP, 2 * VF_STRIP + 1, MOST};
    vf_restorer *m = load(&vf_restorer_type);
    float *mel = hse_alloc(MOST * VF_BANDS * sizeof *mel), *out[2];
    nn_ctx *c = context();
    hse_error err = {0};
    uint32_t seed = 5;
    int seen = 0;

    for (size_t i = 0; i < MOST * VF_BANDS; i++)
        mel[i] = 50 * fabsf(noise(&seed));
    for (int i = 0; i < 2; i++)
        out[i] = hse_alloc(MOST * VF_BANDS * sizeof *mel);
    for (size_t n = 0; n < COUNT(lengths); n++) {
        for (int i = 0; i < 2; i++) {
            nn_listen(c, i ? look : NULL, &seen);
            CHECK(vf_restorer_mel(m, c, mel, lengths[n], VF_LOG_10, out[i], &err) == HSE_OK, "%s", err.text);
        }
        CHECK(memcmp(out[0], out[1], lengths[n] * VF_BANDS * sizeof *mel) == 0, "%zu frames have other bits", lengths[n]);
    }
    CHECK(seen > 0, "nobody was shown anything");
    nn_listen(c, NULL, NULL);
    size_t one = vf_restorer_plan(m, c, 2 * VF_STRIP), three = vf_restorer_plan(m, c, MOST);
    CHECK(one > 0 && three < 3 * one, "%zu bytes for %d frames, %zu for %d", one, 2 * VF_STRIP, three, MOST);
    for (int i = 0; i < 2; i++)
        hse_free(out[i]);
    hse_free(mel);
    nn_close(&c);
    vf_restorer_type.close((void **)&m);
}

/* ---- a recording as the engine restores it ---- */

typedef struct {
    void *restorer, *vocoder;
    nn_ctx *c;
} pair;

static hse_status through(pair *p, hse_item *item)
{
    hse_status s = vf_restorer_type.run(p->restorer, p->c, &item, 1);

    if (s == HSE_OK && item->status == HSE_OK)
        s = vf_vocoder_type.run(p->vocoder, p->c, &item, 1);
    return s;
}

/* In pieces that come back in another order than they went; *n is all that came. */
static hse_status in_pieces(pair *p, const hse_audio *audio, bool reference, float *out, size_t room, size_t *n,
                            hse_error *err)
{
    hse_split_input in = {.audio = audio, .reference = reference};
    hse_split_output o = {0};
    hse_item *waiting[8];
    void *split = NULL;
    hse_status s = vf_split_open(&split, p->restorer, &in, err);
    size_t count = 0;

    *n = 0;
    while (s == HSE_OK && !o.done) {
        hse_item *item;
        while (count < COUNT(waiting) && (item = vf_split_next(split)) != NULL)
            waiting[count++] = item;
        if (count == 0)
            break;
        item = waiting[--count];
        s = through(p, item);
        if (s == HSE_OK)
            s = vf_split_took(split, item, &o, err);
        CHECK(s != HSE_OK || *n + o.sample_count <= room, "more samples than there are");
        if (s == HSE_OK && o.sample_count)
            memcpy(out + *n, o.samples, o.sample_count * sizeof *out);
        *n += s == HSE_OK ? o.sample_count : 0;
    }
    CHECK(s != HSE_OK || o.done, "the pieces ended before the recording");
    vf_split_close(&split);
    return s;
}

TEST(a_recording_in_pieces_is_the_whole_but_for_the_seams)
{
    size_t n = (size_t)(VF_MOST_FRAMES + 300) * VF_HOP + 100, got;
    pair p = {load(&vf_restorer_type), load(&vf_vocoder_type), context()};
    hse_audio audio = {.samples = hse_alloc(n * sizeof(float)), .n = n, .rate_hz = VF_RATE, .channels = 1};
    float *out = hse_alloc(n * sizeof *out);
    double signal = 0, error = 0;
    hse_error err = {0};
    uint32_t seed = 8;
    hse_item whole;

    for (size_t i = 0; i < n; i++)
        audio.samples[i] = 0.3f * noise(&seed) * (float)sin((double)i / 9000);
    CHECK(in_pieces(&p, &audio, false, out, n, &got, &err) == HSE_OK && got == n, "%zu of %zu samples: %s", got, n,
          err.text);
    hse_item_init(&whole);
    whole.audio = audio;
    whole.has = HSE_AUDIO;
    CHECK(through(&p, &whole) == HSE_OK && whole.status == HSE_OK && whole.audio.n == n, "%s", whole.error.text);
    for (size_t i = 0; i < n; i++) {
        signal += (double)whole.audio.samples[i] * whole.audio.samples[i];
        error += ((double)whole.audio.samples[i] - out[i]) * ((double)whole.audio.samples[i] - out[i]);
    }
    CHECK(10 * log10(signal / error) > 40, "%.1f dB", 10 * log10(signal / error));
    hse_item_free(&whole);
    hse_free(out);
    nn_close(&p.c);
    vf_restorer_type.close(&p.restorer);
    vf_vocoder_type.close(&p.vocoder);
}

/* Every length of the first pieces' neighbourhood: what is said to be settled is what every longer recording has. */
TEST(settled_pieces_are_those_of_every_longer_recording)
{
    size_t settled = 0;

    for (size_t n = 1; n < (size_t)(5 * VF_CORE) * VF_HOP; n += 997)
        for (size_t i = 0; vf_segment_settled(n, i); i++) {
            vf_segment any = vf_segment_at(VF_LENGTH_UNKNOWN, i), here = vf_segment_at(n, i);

            settled++;
            CHECK(i + 1 < vf_segment_count(n) && !here.ends && !here.mel_ends && !any.ends && !any.mel_ends, "piece %zu of %zu", i, n);
            CHECK(any.mel_from == here.mel_from && any.mel_to == here.mel_to && any.audio_from == here.audio_from &&
                      any.audio_to == here.audio_to && any.skip == here.skip && any.out_from == here.out_from && any.out_to == here.out_to,
                  "piece %zu of %zu samples", i, n);
        }
    CHECK(settled > 1000, "only %zu", settled);
}

/* Fed in odd blocks, at rates that are resampled and at its own: the same pieces with the same samples. */
TEST(a_recording_that_is_fed_gives_the_pieces_of_the_whole)
{
    static const int rates[] = {44100, 16000, 96000};
    uint32_t seed = 4;

    for (size_t k = 0; k < COUNT(rates); k++) {
        size_t n = (size_t)rates[k] * 40 + 123, pieces = 0, at = 0;
        hse_audio whole = {.samples = hse_alloc(n * sizeof(float)), .n = n, .rate_hz = rates[k], .channels = 1}, rate = whole;
        hse_split_input in = {.audio = &whole}, fed = {.audio = &rate};
        void *a = NULL, *b = NULL;
        hse_item *x, *y = NULL;
        hse_error err = {0};

        rate.samples = NULL;
        rate.n = 0;
        for (size_t i = 0; i < n; i++)
            whole.samples[i] = noise(&seed);
        CHECK(vf_split_open(&a, NULL, &in, &err) == HSE_OK && vf_split_open(&b, NULL, &fed, &err) == HSE_OK, "%s", err.text);
        while ((x = vf_split_next(a)) != NULL) {
            while (!(y = vf_split_next(b)) && at < n + 1) {
                size_t block = at == n ? 0 : n - at < 7777 ? n - at : 7777;

                CHECK(vf_split_feed(b, whole.samples + at, block, at + block == n, &err) == HSE_OK, "%s", err.text);
                at += block ? block : 1;
            }
            CHECK(y && y->audio.n == x->audio.n && memcmp(x->audio.samples, y->audio.samples, x->audio.n * sizeof(float)) == 0,
                  "%d Hz: piece %zu differs", rates[k], pieces);
            pieces++;
        }
        CHECK(!vf_split_next(b) && pieces >= 3, "%zu pieces", pieces);
        vf_split_close(&a);
        vf_split_close(&b);
        hse_free(whole.samples);
    }
}

TEST(damaged_recordings_are_restored_or_refused)
{
    static const struct {
        const char *name;
        size_t n;
        int rate;
        float level;
        hse_status want;
    } cases[] = {
        {"one sample", 1, 44100, 0.5f, HSE_OK},
        {"1024 samples", 1024, 44100, 0.5f, HSE_OK},
        {"silence", 9000, 44100, 0, HSE_OK},
        {"clipping", 9000, 44100, 40, HSE_OK},
        {"8 kHz", 1600, 8000, 0.3f, HSE_OK},
        {"96 kHz", 20000, 96000, 0.3f, HSE_OK},
        {"one sample at 1 kHz", 1, 1000, 0.3f, HSE_OK},
        {"a million", 5000, 44100, 1e6f, HSE_OK},
        {"not a number", 3000, 44100, NAN, HSE_E_ARG},
        {"infinite", 3000, 44100, INFINITY, HSE_E_ARG},
    };
    pair p = {load(&vf_restorer_type), load(&vf_vocoder_type), context()};
    static float x[20000], out[40000];
    uint32_t seed = 1;

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_audio audio = {.samples = x, .n = cases[i].n, .rate_hz = cases[i].rate, .channels = 6};
        size_t n, want = (size_t)ceil((double)cases[i].n * 44100 / cases[i].rate);
        hse_error err = {0};
        for (size_t k = 0; k < cases[i].n; k++) {
            float v = noise(&seed) * cases[i].level;
            x[k] = cases[i].level == 40 ? (v > 1 ? 1 : v < -1 ? -1 : v) : v;
        }
        hse_status s = in_pieces(&p, &audio, false, out, COUNT(out), &n, &err);
        CHECK(s == cases[i].want, "%s: status %d, %s", cases[i].name, (int)s, err.text);
        CHECK(s != HSE_OK || n == want, "%s: %zu samples, want %zu", cases[i].name, n, want);
        for (size_t k = 0; s == HSE_OK && k < n; k++)
            CHECK(fabsf(out[k]) <= 1, "%s: sample %zu is %g", cases[i].name, k, (double)out[k]);
        CHECK(s == HSE_OK || err.text[0], "%s: an error without words", cases[i].name);
    }
    /* what the original refuses is refused in its mode */
    hse_item item;
    hse_item_init(&item);
    item.reference = true;
    item.has = HSE_AUDIO;
    item.audio = (hse_audio){.samples = hse_calloc(1024, sizeof(float)), .n = 1024, .rate_hz = 44100};
    CHECK(through(&p, &item) == HSE_OK && item.status == HSE_E_ARG, "1024 samples as a reference: %d",
          (int)item.status);
    hse_item_free(&item);
    nn_close(&p.c);
    vf_restorer_type.close(&p.restorer);
    vf_vocoder_type.close(&p.vocoder);
}

/* By plan: a piece of three hours needs what a piece of a minute needs, and that is no more than a bound. */
TEST(memory_does_not_grow_with_the_recording)
{
    pair p = {load(&vf_restorer_type), load(&vf_vocoder_type), context()};
    size_t peak[2][2];
    const size_t lengths[] = {44100u * 60, 44100u * 3600 * 3};

    for (size_t k = 0; k < 2; k++) {
        vf_piece piece = {.tag = VF_PIECE_TAG, .segment = vf_segment_at(lengths[k], 1)};
        hse_item item, *list[] = {&item};
        hse_item_init(&item);
        item.own = &piece;
        item.mel_frames = piece.segment.mel_to - piece.segment.mel_from;
        item.mel_bands = VF_BANDS;
        peak[k][0] = vf_restorer_type.plan(p.restorer, p.c, list, 1);
        peak[k][1] = vf_vocoder_type.plan(p.vocoder, p.c, list, 1);
    }
    CHECK(peak[0][0] > 0 && peak[0][0] == peak[1][0] && peak[0][1] > 0 && peak[0][1] == peak[1][1],
          "%zu and %zu, %zu and %zu bytes", peak[0][0], peak[1][0], peak[0][1], peak[1][1]);

    /* Before it is split a recording stands for the largest piece, for both networks. */
    hse_item whole, *list[] = {&whole};
    hse_item_init(&whole);
    whole.has = HSE_AUDIO;
    whole.audio = (hse_audio){.n = lengths[1], .rate_hz = 44100, .channels = 1};
    size_t first = vf_restorer_type.plan(p.restorer, p.c, list, 1), second = vf_vocoder_type.plan(p.vocoder, p.c, list, 1);
    CHECK(first >= peak[0][0] && second >= peak[0][1], "%zu and %zu, %zu and %zu bytes", first, peak[0][0], second, peak[0][1]);
    nn_close(&p.c);
    vf_restorer_type.close(&p.restorer);
    vf_vocoder_type.close(&p.vocoder);
}

TEST(items_that_make_no_sense_are_refused)
{
    pair p = {load(&vf_restorer_type), load(&vf_vocoder_type), context()};
    static float x[5000];
    static const struct {
        const char *name;
        size_t frames, from, to;
        int bands;
        hse_status want;
    } cases[] = {
        {"80 bands", 3, 0, 0, 80, HSE_E_ARG},
        {"no frames", 0, 0, 0, 128, HSE_E_ARG},
        {"a window past the end", 3, 1, 9, 128, HSE_E_ARG},
        {"a window backwards", 3, 2, 1, 128, HSE_E_LIMIT},
        {"a window of too much", 3, 1, (size_t)1 << 40, 128, HSE_E_LIMIT},
        {"three frames", 3, 0, 0, 128, HSE_OK},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_item item, *list[] = {&item};
        hse_item_init(&item);
        item.has = HSE_MEL;
        item.mel = x;
        item.mel_frames = cases[i].frames;
        item.mel_bands = cases[i].bands;
        item.frame_from = cases[i].from;
        item.frame_to = cases[i].to;
        CHECK(vf_vocoder_type.run(p.vocoder, p.c, list, 1) == HSE_OK && item.status == cases[i].want, "%s: %d %s",
              cases[i].name, (int)item.status, item.error.text);
        item.mel = NULL;
        hse_item_free(&item);
    }
    x[7] = NAN;
    hse_item item, *list[] = {&item};
    hse_item_init(&item);
    item.has = HSE_MEL;
    item.mel = x;
    item.mel_frames = 3;
    item.mel_bands = 128;
    CHECK(vf_vocoder_type.run(p.vocoder, p.c, list, 1) == HSE_OK && item.status == HSE_E_ARG, "a NaN: %d",
          (int)item.status);
    item.mel = NULL;
    hse_item_init(&item);
    CHECK(vf_restorer_type.run(p.restorer, p.c, list, 1) == HSE_OK && item.status == HSE_E_ARG, "no audio");
    nn_close(&p.c);
    vf_restorer_type.close(&p.restorer);
    vf_vocoder_type.close(&p.vocoder);
}

/* ---- modes ---- */

TEST(modes_are_taken_or_refused_by_name)
{
    hse_error err = {0};
    float *y = NULL, x[3000] = {0};
    size_t n;
    int cutoff;

    CHECK(vf_mode_check(0, &err) == HSE_OK && vf_mode_check(1, &err) == HSE_OK, "0 and 1");
    CHECK(vf_mode_check(2, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "mode: 2"), "%s", err.text);
    CHECK(vf_mode_check(3, &err) == HSE_E_ARG && strstr(err.text, "mode: 3"), "%s", err.text);
    CHECK(vf_prefilter(&y, &n, &cutoff, x, COUNT(x), VF_PREFILTER_RATIO, &err) == HSE_OK && n == 2560 && cutoff == 1025,
          "silence keeps all its bins: %zu samples, bin %d", n, cutoff);
    hse_free(y);
    CHECK(vf_prefilter(&y, &n, NULL, x, 1, VF_PREFILTER_RATIO, &err) == HSE_OK && n == 0, "one sample");
    hse_free(y);
}

/* A tone below a little noise far above it: the networks are not run, only what they are given is looked at. */
TEST(mode_1_takes_high_frequencies_from_each_piece)
{
    enum { N = 20001 };
    static float x[N];
    const hse_audio audio = {.samples = x, .n = N, .rate_hz = VF_RATE, .channels = 1};
    double level[2] = {0};
    hse_error err = {0};

    for (size_t i = 0; i < N; i++)
        x[i] = 0.5f * (float)sin((double)i * 0.05) + (i % 2 ? 0.002f : -0.002f);
    for (int mode = 0; mode < 2; mode++) {
        hse_split_input in = {.audio = &audio, .restore_mode = mode};
        void *split = NULL;
        CHECK(vf_split_open(&split, NULL, &in, &err) == HSE_OK, "%s", err.text);
        hse_item *item = vf_split_next(split);
        CHECK(item && item->audio.n == N, "mode %d: %zu samples", mode, item ? item->audio.n : 0);
        for (size_t i = N / 4; i + 1 < 3 * N / 4; i++)
            level[mode] += (i % 2 ? 1 : -1) * (double)item->audio.samples[i] / (N / 2.0);
        vf_split_close(&split);
    }
    CHECK(level[0] > 0.0015 && fabs(level[1]) < 0.0002, "at half the rate: %g before, %g after", level[0], level[1]);
    void *split = NULL;
    hse_split_input in = {.audio = &audio, .restore_mode = 2};
    CHECK(vf_split_open(&split, NULL, &in, &err) == HSE_E_UNSUPPORTED && !split, "mode 2");
}

/* ---- checkpoints ---- */

static hse_status open_bytes(const hse_model_type *type, const char *bytes, size_t size, hse_error *err)
{
    hse_weights *w = NULL;
    void *m = NULL;
    hse_status s = hse_weights_open_bytes(&w, (hse_bytes){(const uint8_t *)bytes, size}, "file", NULL, err);

    if (s == HSE_OK) {
        s = vf_load(&m, type, w, "file", NULL, K_F32, err);
        hse_weights_close(&w);
    }
    if (s == HSE_OK)
        type->close(&m);
    return s;
}

static char *file_of(const char *name, size_t *size)
{
    char path[300], *bytes = NULL;
    hse_error err = {0};

    snprintf(path, sizeof path, "%s/%s", FOLDER, name);
    CHECK(hse_file_read(&bytes, size, test_path(path), (size_t)1 << 24, &err) == HSE_OK, "%s", err.text);
    return bytes;
}

/* The first `from` in the file becomes `to` (as long). */
static bool renamed(char *bytes, size_t size, const char *from, const char *to)
{
    size_t n = strlen(from);

    for (size_t i = 0; i + n <= size; i++)
        if (memcmp(bytes + i, from, n) == 0) {
            memcpy(bytes + i, to, n);
            return true;
        }
    return false;
}

TEST(damaged_checkpoints_are_refused_with_words)
{
    static const struct {
        const char *file, *from, *to, *words;
        bool vocoder;
    } cases[] = {
        {"vf.ckpt", "generator.denoiser.1.weight", "generator.denoiser.1.wEight", "no VoiceFixer restorer", false},
        {"vf.ckpt", "generator.unet.after_conv2.weight", "generator.unet.after_conv2.wEight", "no VoiceFixer restorer",
         false},
        {"vf.ckpt", "generator.unet.encoder_block3.conv_block2.conv2.weight",
         "generator.unet.encoder_block3.conv_block2.conv2.wEight", "encoder_block3.conv_block2.conv2.weight", false},
        {"vf.ckpt", "generator.denoiser.7.gru.weight_hh_l1_reverse", "generator.denoiser.7.gru.weight_hh_l1_reversE",
         "weight_hh_l1_reverse", false},
        {"vf.ckpt", "generator.unet.conv_block7.bn2.running_var", "generator.unet.conv_block7.bn2.running_vAr",
         "conv_block7.bn2.running_var", false},
        {"model.ckpt-1490000_trimed.pt", "condnet.0.bias", "condnet.0.biAs", "no VoiceFixer vocoder", true},
        {"model.ckpt-1490000_trimed.pt", "generator.6.layer.weight_v", "generator.6.layer.weight_V", "generator.",
         true},
        {"model.ckpt-1490000_trimed.pt", "generator.4.layers.3.3.bias", "generator.4.layers.3.3.biAs",
         "layers.3.3.bias", true},
        {"vocoder_legacy.pt", "generator.16.weight_g", "generator.16.weight_G", "generator.16", true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const hse_model_type *type = cases[i].vocoder ? &vf_vocoder_type : &vf_restorer_type;
        size_t size;
        char *bytes = file_of(cases[i].file, &size);
        hse_error err = {0};
        bool legacy = strstr(cases[i].file, "legacy") != NULL;
        CHECK(renamed(bytes, size, cases[i].from, cases[i].to), "%s is not in %s", cases[i].from, cases[i].file);
        hse_status s = open_bytes(type, bytes, size, &err);
        /* a zip's pickle has a checksum, which sees the change first, or not: then the binder does */
        CHECK(s == HSE_E_FORMAT && err.text[0], "%s: status %d, \"%s\"", cases[i].from, (int)s, err.text);
        CHECK(!legacy || strstr(err.text, cases[i].words), "%s: \"%s\"", cases[i].from, err.text);
        hse_free(bytes);
    }
    for (size_t k = 0; k < 2; k++) { /* cut anywhere; the other network's file */
        const hse_model_type *type = k ? &vf_vocoder_type : &vf_restorer_type;
        size_t size, other;
        char *bytes = file_of(k ? "vocoder_legacy.pt" : "vf.ckpt", &size);
        char *wrong = file_of(k ? "vf.ckpt" : "vocoder_legacy.pt", &other);
        hse_error err = {0};
        for (size_t cut = 0; cut < size; cut += size / 23)
            CHECK(open_bytes(type, bytes, cut, &err) != HSE_OK && err.text[0], "%zu of %zu bytes open", cut, size);
        err = (hse_error){0};
        CHECK(open_bytes(type, wrong, other, &err) == HSE_E_FORMAT && err.text[0], "the other file: %s", err.text);
        hse_free(bytes);
        hse_free(wrong);
    }
}

/* Whatever the binder was at before: narrow layers, as all of this checkpoint's are, and shortcuts are float32. */
TEST(a_blocks_weights_have_its_own_type)
{
    size_t size;
    char *bytes = file_of("vf.ckpt", &size);
    nn_grid_block l[2];
    nn_params *params = NULL;
    nn_binder *b = NULL;
    hse_weights *w = NULL;
    hse_error err = {0};

    CHECK(hse_weights_open_bytes(&w, (hse_bytes){(const uint8_t *)bytes, size}, "vf.ckpt", NULL, &err) == HSE_OK, "%s", err.text);
    CHECK(nn_binder_open(&b, &(nn_binder_options){.weights = w, .name = "vf.ckpt", .type = K_BF16}, &err) == HSE_OK, "%s", err.text);
    vf_block_bind(b, w, K_BF16, "generator.unet.encoder_block2.conv_block1", &l[0]);
    vf_block_bind(b, w, K_BF16, "generator.unet.encoder_block2.conv_block2", &l[1]);
    CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s", err.text);
    CHECK(l[0].has_shortcut && l[0].shortcut.w.type == K_F32 && !l[1].has_shortcut, "shortcuts");
    for (int i = 0; i < 2; i++)
        CHECK(l[i].out < VF_NARROW && l[i].conv1.w.type == K_F32 && l[i].conv2.w.type == K_F32, "block %d: %d, %d", i, (int)l[i].conv1.w.type, (int)l[i].conv2.w.type);
    nn_params_free(&params);
    hse_weights_close(&w);
    hse_free(bytes);
}

/* ---- memory that runs out ---- */

typedef struct {
    void *restorer, *vocoder;
    hse_audio audio;
} tortured;

static hse_status restore_once(void *arg, hse_error *err)
{
    const tortured *t = arg;
    pair p = {.restorer = t->restorer, .vocoder = t->vocoder};
    hse_split_input in = {.audio = &t->audio};
    hse_split_output o = {0};
    void *split = NULL;
    hse_status s = nn_open(&p.c, &(nn_options){.poison = true}, err);

    if (s == HSE_OK)
        s = vf_split_open(&split, p.restorer, &in, err);
    if (s == HSE_OK) {
        hse_item *item = vf_split_next(split);
        if (!item)
            s = hse_fail(err, HSE_E_NOMEM, 0, "no item");
        else if ((s = through(&p, item)) == HSE_OK)
            s = vf_split_took(split, item, &o, err);
        else
            *err = item->error;
    }
    vf_split_close(&split);
    if (p.c)
        nn_close(&p.c);
    return s;
}

static hse_status open_once(void *arg, hse_error *err)
{
    const hse_model_type *type = arg;
    hse_model_source source = {.dir = test_path(FOLDER), .precision = K_BF16};
    void *m = NULL;
    hse_status s = type->open(&m, &source, err);

    if (s == HSE_OK)
        type->close(&m);
    return s;
}

TEST(every_allocation_may_fail)
{
    static float x[3000];
    tortured t = {load(&vf_restorer_type),
                  load(&vf_vocoder_type),
                  {.samples = x, .n = COUNT(x), .rate_hz = 22050, .channels = 1}};

    test_torture("restore", restore_once, &t);
    vf_restorer_type.close(&t.restorer);
    vf_vocoder_type.close(&t.vocoder);
    test_torture("open the vocoder", open_once, (void *)(uintptr_t)&vf_vocoder_type);
}
