#include "audio/watermark.h"

#include "audio/fft.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* A frame is 64 ms, so a bin is 15.625 Hz at every rate. */
enum {
    FIRST_BIN = 24, PAIRS = 64, PAIR_BINS = 4,                  /* of a pair two bins go up, two go down */
    PERIOD = 8,                                                 /* frames after which the pattern begins again */
    SHIFTS = 16,                                                /* places of the grid that are tried when it is looked for */
    BITS = 64, MESSAGE_BITS = 48,
    LOUD = 4,                                                   /* of one comparison: more counts as this */
};

static const float depth = 0.25f;           /* of the natural logarithm of a magnitude: 2.2 dB */
static const float sure = 1.7f;             /* strength below which nothing is believed: what is not marked stays below 1.5 */
static const char  alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

/* ---- the pattern --------------------------------------------------------------------------------------------------- */

/* Any constant pattern without a rhythm does: the sign of pair j in frame f of a period. */
static float chip(unsigned j, unsigned f)
{
    uint32_t h = (j * PERIOD + f + 1) * 0x9E3779B1u;

    h = (h ^ h >> 15) * 0x85EBCA77u;
    h = (h ^ h >> 13) * 0xC2B2AE3Du;
    return (h ^ h >> 16) & 1 ? 1.0f : -1.0f;
}

/* Which bit pair j of frame f carries: each all over the band. */
static unsigned bit_of(unsigned j, unsigned f)
{
    return (j * 29 + f * 23) % BITS;
}

/* CRC-16/CCITT of the message's bits. */
static unsigned checksum(uint64_t bits)
{
    unsigned crc = 0xFFFF;

    for (int i = MESSAGE_BITS - 1; i >= 0; i--) {
        unsigned high = (crc >> 15 ^ (unsigned)(bits >> i)) & 1;
        crc = (crc << 1 & 0xFFFF) ^ (high ? 0x1021 : 0);
    }
    return crc;
}

hse_status hse_watermark_check(const char *message, hse_error *err)
{
    size_t n = strlen(message);

    if (n < 1 || n > HSE_WATERMARK_CHARS || strspn(message, alphabet) != n)
        return hse_fail(err, HSE_E_ARG, 0, "watermark: '%.20s' is no message; it has 1 to %d of A-Z a-z 0-9 and '-'", message, HSE_WATERMARK_CHARS);
    return HSE_OK;
}

static uint64_t encode(const char *message)
{
    uint64_t bits = 0;
    bool ended = false;

    for (int i = 0; i < HSE_WATERMARK_CHARS; i++) {
        ended = ended || !message[i];
        bits = bits << 6 | (ended ? 63u : (uint64_t)(strchr(alphabet, message[i]) - alphabet));
    }
    return bits << 16 | checksum(bits);
}

/* False: the checksum is another, or it is no message. */
static bool decode(uint64_t word, char message[HSE_WATERMARK_CHARS + 1])
{
    uint64_t bits = word >> 16;
    bool ended = false;
    size_t n = 0;

    if (checksum(bits) != (word & 0xFFFF))
        return false;
    for (int i = HSE_WATERMARK_CHARS - 1; i >= 0; i--) {
        unsigned v = (unsigned)(bits >> (6 * i)) & 63;

        if (v == 63)
            ended = true;
        else if (ended)
            return false;
        else
            message[n++] = alphabet[v];
    }
    message[n] = '\0';
    return n > 0;
}

/* ---- frames -------------------------------------------------------------------------------------------------------- */

typedef struct {
    hse_fft *fft;
    size_t   n, hop;
    float   *window, *frame, *bins, *scratch;
} framer;

static void framer_close(framer *f)
{
    hse_fft_close(&f->fft);
    hse_free(f->window);
    hse_free(f->frame);
    hse_free(f->bins);
    hse_free(f->scratch);
}

static hse_status framer_open(framer *f, int rate_hz, hse_error *err)
{
    hse_status s;

    if (rate_hz < HSE_WATERMARK_RATE_MIN || rate_hz > 192000)
        return hse_fail(err, HSE_E_ARG, 0, "watermark: a rate of %d Hz; it needs %d to 192000", rate_hz, HSE_WATERMARK_RATE_MIN);
    f->hop = (size_t)lround(rate_hz * 0.032);
    f->n = 2 * f->hop;
    if ((s = hse_fft_open(&f->fft, (int)f->n, err)) != HSE_OK)
        return s;
    f->window = hse_alloc(f->n * sizeof(float));
    f->frame = hse_alloc(f->n * sizeof(float));
    f->bins = hse_alloc(2 * (f->n / 2 + 1) * sizeof(float));
    f->scratch = hse_alloc(hse_fft_scratch(f->fft) * sizeof(float));
    if (!f->window || !f->frame || !f->bins || !f->scratch)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a watermark");
    for (size_t i = 0; i < f->n; i++)               /* its squares add up to one at half a frame's distance */
        f->window[i] = (float)sin(M_PI * ((double)i + 0.5) / (double)f->n);
    return HSE_OK;
}

static void to_bins(framer *f, const float *x)
{
    for (size_t i = 0; i < f->n; i++)
        f->frame[i] = x[i] * f->window[i];
    hse_fft_forward(f->fft, f->frame, f->bins, f->scratch);
}

/* ---- marking ------------------------------------------------------------------------------------------------------- */

struct hse_watermark {
    framer   f;
    uint64_t word;
    float   *in, *sum;                      /* the frame that fills; what overlaps */
    size_t   filled;                        /* of the second half of `in` */
    uint64_t frames, taken, given;          /* samples in and out */
};

hse_status hse_watermark_open(hse_watermark **out, int rate_hz, const char *message, hse_error *err)
{
    hse_watermark *w = NULL;
    hse_status s = hse_watermark_check(message, err);

    if (s != HSE_OK)
        return s;
    if (!(w = hse_calloc(1, sizeof *w)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a watermark");
    s = framer_open(&w->f, rate_hz, err);
    if (s == HSE_OK && (!(w->in = hse_calloc(w->f.n, sizeof(float))) || !(w->sum = hse_calloc(w->f.n, sizeof(float)))))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for a watermark");
    w->word = encode(message);
    if (s == HSE_OK)
        *out = w;
    else
        hse_watermark_close(&w);
    return s;
}

void hse_watermark_close(hse_watermark **w)
{
    if (!*w)
        return;
    framer_close(&(*w)->f);
    hse_free((*w)->in);
    hse_free((*w)->sum);
    hse_free(*w);
    *w = NULL;
}

static void tilt(hse_watermark *w)
{
    unsigned phase = (unsigned)(w->frames % PERIOD);

    for (unsigned j = 0; j < PAIRS; j++) {
        float sign = chip(j, phase) * (w->word >> bit_of(j, phase) & 1 ? 1.0f : -1.0f);
        float up = expf(depth * sign), down = expf(-depth * sign);
        float *b = w->f.bins + 2 * (FIRST_BIN + PAIR_BINS * j);

        for (int i = 0; i < 2 * PAIR_BINS; i++)
            b[i] *= i < PAIR_BINS ? up : down;
    }
}

/* The frame is full: half of the overlap is done. */
static void turn(hse_watermark *w, hse_buf *out)
{
    size_t hop = w->f.hop, give = hop;
    const float *from = w->sum;

    to_bins(&w->f, w->in);
    tilt(w);
    hse_fft_inverse(w->f.fft, w->f.bins, w->f.frame, w->f.scratch);
    for (size_t i = 0; i < w->f.n; i++)
        w->sum[i] += w->f.frame[i] * w->f.window[i];
    if (w->frames > 0) {                            /* the first half frame lies before the signal */
        if (w->given + give > w->taken)
            give = (size_t)(w->taken - w->given);
        hse_buf_append(out, from, give * sizeof *from);
        w->given += give;
    }
    memmove(w->sum, w->sum + hop, hop * sizeof(float));
    memset(w->sum + hop, 0, hop * sizeof(float));
    memmove(w->in, w->in + hop, hop * sizeof(float));
    w->filled = 0;
    w->frames++;
}

hse_status hse_watermark_push(hse_watermark *w, const float *x, size_t n, hse_buf *out, hse_error *err)
{
    w->taken += n;
    while (n) {
        size_t room = w->f.hop - w->filled, take = n < room ? n : room;

        memcpy(w->in + w->f.hop + w->filled, x, take * sizeof *x);
        w->filled += take;
        x += take;
        n -= take;
        if (w->filled == w->f.hop)
            turn(w, out);
    }
    return hse_buf_status(out, "audio", err);
}

hse_status hse_watermark_finish(hse_watermark *w, hse_buf *out, hse_error *err)
{
    while (w->given < w->taken) {
        memset(w->in + w->f.hop + w->filled, 0, (w->f.hop - w->filled) * sizeof(float));
        turn(w, out);
    }
    return hse_buf_status(out, "audio", err);
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

/* What each bit's pairs say, for every place at which the pattern may have begun. */
typedef struct {
    double sum[PERIOD][BITS], square;
} evidence;

/* The tilt of each pair in the frame at x; false: there is next to nothing to hear. */
static bool tilts(framer *f, const float *x, double quiet, double tilt_of[PAIRS])
{
    double energy = 0;

    to_bins(f, x);
    for (unsigned j = 0; j < PAIRS; j++) {
        const float *b = f->bins + 2 * (FIRST_BIN + PAIR_BINS * j);
        double half[2] = {0, 0};

        for (int i = 0; i < PAIR_BINS; i++) {
            double power = (double)b[2 * i] * b[2 * i] + (double)b[2 * i + 1] * b[2 * i + 1];

            half[i >= PAIR_BINS / 2] += log(power + 1e-12);
            energy += power;
        }
        tilt_of[j] = half[0] - half[1];
    }
    return energy >= quiet;
}

/* Speech changes little from frame to frame, the pattern does: each frame is compared with its two neighbours. */
static void listen(framer *f, const float *x, size_t n, size_t shift, double quiet, evidence *e)
{
    double last[3][PAIRS];
    bool heard[3] = {false, false, false};

    for (size_t frame = 0, at = shift; at + f->n <= n; frame++, at += f->hop) {
        const double *before = last[(frame + 1) % 3], *here = last[(frame + 2) % 3], *behind = last[frame % 3];

        heard[frame % 3] = tilts(f, x + at, quiet, last[frame % 3]);
        if (frame < 2 || !heard[0] || !heard[1] || !heard[2])
            continue;
        for (unsigned j = 0; j < PAIRS; j++) {
            double v = fmax(-LOUD, fmin(LOUD, here[j] - (before[j] + behind[j]) / 2));

            for (unsigned phase = 0; phase < PERIOD; phase++) {
                unsigned at_phase = (unsigned)(frame - 1 + phase) % PERIOD;

                e->sum[phase][bit_of(j, at_phase)] += v * (double)chip(j, at_phase);
            }
            e->square += v * v;
        }
    }
}

static double loudest(framer *f, const float *x, size_t n)
{
    double most = 0;

    for (size_t at = 0; at + f->n <= n; at += f->hop) {
        double energy = 0;

        to_bins(f, x + at);
        for (int i = 2 * FIRST_BIN; i < 2 * (FIRST_BIN + PAIRS * PAIR_BINS); i++)
            energy += (double)f->bins[i] * f->bins[i];
        most = fmax(most, energy);
    }
    return most;
}

/* The word as the signs have it, else with some of the least sure bits the other way round. */
static bool decode_soft(const double sum[BITS], char message[HSE_WATERMARK_CHARS + 1])
{
    enum { DOUBTS = 6 };
    unsigned doubt[DOUBTS];
    uint64_t word = 0;
    bool used[BITS] = {false};

    for (unsigned b = 0; b < BITS; b++)
        word |= (uint64_t)(sum[b] > 0) << b;
    for (unsigned i = 0; i < DOUBTS; i++) {
        unsigned least = BITS;

        for (unsigned b = 0; b < BITS; b++)
            if (!used[b] && (least == BITS || fabs(sum[b]) < fabs(sum[least])))
                least = b;
        used[doubt[i] = least] = true;
    }
    for (unsigned flips = 0; flips < 1u << DOUBTS; flips++) {
        uint64_t other = word;

        for (unsigned i = 0; i < DOUBTS; i++)
            other ^= (uint64_t)(flips >> i & 1) << doubt[i];
        if (decode(other, message))
            return true;
    }
    return false;
}

static void judge(const evidence *e, hse_watermark_result *out)
{
    /* All pairs' squares, shared by 64 bits: what a bit's sum is by chance. */
    double by_chance = sqrt(e->square / BITS) + 1e-9;

    for (unsigned phase = 0; phase < PERIOD; phase++) {
        hse_watermark_result r = {.found = false};
        double sum = 0;

        for (unsigned b = 0; b < BITS; b++)
            sum += fabs(e->sum[phase][b]);
        r.strength = (float)(sum / BITS / by_chance / 0.8);        /* the mean of |N(0, 1)| is 0.8 */
        if (r.strength <= out->strength)
            continue;
        r.found = r.strength > sure && decode_soft(e->sum[phase], r.message);
        if (r.found || !out->found)
            *out = r;
    }
}

hse_status hse_watermark_find(const float *x, size_t n, int rate_hz, hse_watermark_result *out, hse_error *err)
{
    framer f = {.fft = NULL};
    evidence *e = hse_calloc(1, sizeof *e);
    hse_status s = e ? framer_open(&f, rate_hz, err) : hse_fail(err, HSE_E_NOMEM, 0, "no memory for a watermark");

    *out = (hse_watermark_result){.found = false};
    if (s == HSE_OK) {
        double quiet = loudest(&f, x, n) * 1e-5;

        for (size_t shift = 0; shift < SHIFTS; shift++) {
            *e = (evidence){.square = 0};
            listen(&f, x, n, f.hop * shift / SHIFTS, quiet, e);
            judge(e, out);
        }
    }
    if (!out->found)
        out->message[0] = '\0';
    framer_close(&f);
    hse_free(e);
    return s;
}
