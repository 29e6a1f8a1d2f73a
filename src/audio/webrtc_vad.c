#include "audio/webrtc_vad.h"

#include <string.h>

enum {
    BANDS = HSE_WEBRTC_BANDS,
    MINIMA = HSE_WEBRTC_MINIMA,
    ENOUGH_POWER = 10, /* frames below this are silence and teach the model nothing */
    LOCAL_THRESHOLD = 94,
    GLOBAL_THRESHOLD = 1100,
    HANG_SHORT = 2,
    HANG_LONG = 3,
    LONG_RUN = 6,
    MIN_STD = 384,
    LOW_START = 10000,
    LOW_LIFE = 100,
};

static const int16_t noise_weight[2][BANDS] = {{34, 62, 72, 66, 53, 25}, {94, 66, 56, 62, 75, 103}};
static const int16_t speech_weight[2][BANDS] = {{48, 82, 45, 87, 50, 47}, {80, 46, 83, 41, 78, 81}};
static const int16_t noise_mean_start[2][BANDS] = {{6738, 4892, 7065, 6715, 6771, 3369},
                                                   {7646, 3863, 7820, 7266, 5020, 4362}};
static const int16_t speech_mean_start[2][BANDS] = {{8306, 10085, 10078, 11823, 11843, 6309},
                                                    {9473, 9571, 10879, 7581, 8180, 7483}};
static const int16_t noise_std_start[2][BANDS] = {{378, 1064, 493, 582, 688, 593}, {474, 697, 475, 688, 421, 455}};
static const int16_t speech_std_start[2][BANDS] = {{555, 505, 567, 524, 585, 1231}, {509, 828, 492, 1540, 1079, 850}};
static const int16_t spectral_weight[BANDS] = {6, 8, 10, 12, 14, 16};
static const int16_t min_distance[BANDS] = {544, 544, 576, 576, 576, 576};
static const int16_t speech_mean_limit[BANDS] = {11392, 11392, 11520, 11520, 11520, 11520};
static const int16_t noise_mean_limit[BANDS] = {9216, 9088, 8960, 8832, 8704, 8576};
static const int16_t energy_offset[BANDS] = {368, 368, 272, 176, 176, 176};
static const int16_t speech_mean_floor[2] = {640, 768};

/* The detector's arithmetic wraps in places: these keep the low bits, as the definition demands. */
static int16_t int16(int64_t v)
{
    uint16_t u = (uint16_t)v;
    int16_t r;

    memcpy(&r, &u, sizeof r);
    return r;
}

static int32_t int32(int64_t v)
{
    uint32_t u = (uint32_t)v;
    int32_t r;

    memcpy(&r, &u, sizeof r);
    return r;
}

/* Left shifts that keep v a 32-bit signed number; 31 for 0. v >= 0 here. */
static int norm(int32_t v)
{
    return v == 0 ? 31 : __builtin_clz((uint32_t)v) - 1;
}

static int bit_length(unsigned v)
{
    return v ? 32 - __builtin_clz(v) : 0;
}

void hse_webrtc_vad_init(hse_webrtc_vad *v)
{
    memset(v, 0, sizeof *v);
    memcpy(v->noise_mean, noise_mean_start, sizeof v->noise_mean);
    memcpy(v->speech_mean, speech_mean_start, sizeof v->speech_mean);
    memcpy(v->noise_std, noise_std_start, sizeof v->noise_std);
    memcpy(v->speech_std, speech_std_start, sizeof v->speech_std);
    for (int band = 0; band < BANDS; band++) {
        v->low_mean[band] = 1600;
        for (int i = 0; i < MINIMA; i++)
            v->low[band][i] = LOW_START;
    }
}

static void halve(hse_webrtc_vad *v, const int16_t *x, int pairs, int16_t *out)
{
    int32_t a = v->halve_a, b = v->halve_b;

    for (int i = 0; i < pairs; i++) {
        int32_t x0 = x[2 * i], x1 = x[2 * i + 1];
        int16_t u = int16((a >> 1) + (5243 * x0 >> 14));
        a = x0 - (5243 * u >> 12);
        int16_t w = int16((b >> 1) + (1392 * x1 >> 14));
        b = x1 - (1392 * w >> 12);
        out[i] = int16(u + w);
    }
    v->halve_a = a;
    v->halve_b = b;
}

/* One all-pass branch over every second sample. */
static void all_pass(const int16_t *x, int n, int16_t coef, int16_t *state, int16_t *out)
{
    int32_t s = *state * 65536;

    for (int i = 0; i < n; i++) {
        int32_t xi = x[2 * i];
        int16_t t = int16(int32((int64_t)s + coef * xi) >> 16);
        out[i] = t;
        s = int32(2 * (16384 * (int64_t)xi - coef * (int64_t)t));
    }
    *state = int16(s >> 16);
}

static void split(hse_webrtc_vad *v, int which, const int16_t *x, int n, int16_t *high, int16_t *low)
{
    int16_t upper[120], lower[120];

    all_pass(x, n / 2, 20972, &v->upper[which], upper);
    all_pass(x + 1, n / 2, 5571, &v->lower[which], lower);
    for (int i = 0; i < n / 2; i++) {
        high[i] = int16(upper[i] - lower[i]);
        low[i] = int16(upper[i] + lower[i]);
    }
}

static void high_pass(hse_webrtc_vad *v, const int16_t *x, int n, int16_t *out)
{
    int16_t *hx = v->hp_x, *hy = v->hp_y;

    for (int i = 0; i < n; i++) {
        int64_t t = 6631 * (int64_t)x[i] - 13262 * (int64_t)hx[0] + 6631 * (int64_t)hx[1] + 7756 * (int64_t)hy[0] -
                    5620 * (int64_t)hy[1];
        hx[1] = hx[0];
        hx[0] = x[i];
        hy[1] = hy[0];
        out[i] = hy[0] = int16(t >> 14);
    }
}

/* Log energy of a band plus its offset; also adds to the frame's total power while that is small. */
static int16_t log_energy(const int16_t *x, int n, int16_t offset, int16_t *total_power)
{
    int32_t peak = 0;
    uint32_t e = 0;
    int shift = 0;

    for (int i = 0; i < n; i++) {
        int32_t a = x[i] < 0 ? -x[i] : x[i];
        peak = a > peak ? a : peak;
    }
    int z = norm(peak * peak), b = bit_length((unsigned)n);
    if (peak && z <= b)
        shift = b - z;
    for (int i = 0; i < n; i++)
        e += (uint32_t)(x[i] * x[i]) >> shift;
    if (e == 0)
        return offset;

    int r = 17 - __builtin_clz(e);
    shift += r;
    e = r >= 0 ? e >> r : e << -r;
    int32_t l = 14336 + (int32_t)((e & 16383) >> 4);
    int16_t f = int16((24660 * l >> 19) + (24660 * shift >> 9));
    if (*total_power <= ENOUGH_POWER)
        *total_power = int16(*total_power + (shift >= 0 ? ENOUGH_POWER + 1 : (int32_t)(e >> -shift)));
    return int16((f > 0 ? f : 0) + offset);
}

static int16_t features_of(hse_webrtc_vad *v, const int16_t *pcm, int16_t f[BANDS])
{
    int16_t at8k[240], high[120], low[120], a[60], b[60], c[30], d[30];
    int16_t power = 0;

    halve(v, pcm, 240, at8k);
    split(v, 0, at8k, 240, high, low); /* 2-4 kHz, 0-2 kHz */
    split(v, 1, high, 120, a, b);
    f[5] = log_energy(a, 60, energy_offset[5], &power);
    f[4] = log_energy(b, 60, energy_offset[4], &power);
    split(v, 2, low, 120, a, b);
    f[3] = log_energy(a, 60, energy_offset[3], &power);
    split(v, 3, b, 60, c, d);
    f[2] = log_energy(c, 30, energy_offset[2], &power);
    split(v, 4, d, 30, a, b);
    f[1] = log_energy(a, 15, energy_offset[1], &power);
    high_pass(v, b, 15, a);
    f[0] = log_energy(a, 15, energy_offset[0], &power);
    return power;
}

/* The value of a Gaussian at x, and the slope `delta` that adapts its mean. */
static int32_t gaussian(int16_t x, int16_t mean, int16_t std, int16_t *delta)
{
    int32_t i = (131072 + (std >> 1)) / std, q = i >> 2, i2 = q * q >> 2, w = 0;
    int16_t d = int16(8 * x - mean);

    *delta = int16((int64_t)i2 * d >> 10);
    int32_t p = *delta * d >> 9;
    if (p < 22005) {
        int32_t t = -int16((int64_t)5909 * p >> 12);
        w = 1024 | (t & 1023);
        w >>= ((-t - 1) >> 10) + 1;
    }
    return i * w;
}

/* How much of the mixture's value is the first Gaussian's, as a share of 16384. */
static int16_t share_of_first(int32_t first, int16_t total)
{
    return int16(int32((int64_t)(first & ~4095) * 4) / total);
}

typedef struct {
    int16_t noise_delta[2][BANDS], speech_delta[2][BANDS];
    int16_t noise_share[2][BANDS], speech_share[2][BANDS];
} evidence;

static bool decide(const hse_webrtc_vad *v, const int16_t f[BANDS], evidence *ev)
{
    int32_t sum = 0;
    bool speech = false;

    for (int band = 0; band < BANDS; band++) {
        int32_t noise[2], talk[2];
        for (int k = 0; k < 2; k++) {
            noise[k] = noise_weight[k][band] *
                       gaussian(f[band], v->noise_mean[k][band], v->noise_std[k][band], &ev->noise_delta[k][band]);
            talk[k] = speech_weight[k][band] *
                      gaussian(f[band], v->speech_mean[k][band], v->speech_std[k][band], &ev->speech_delta[k][band]);
        }
        int32_t h0 = noise[0] + noise[1], h1 = talk[0] + talk[1], llr = norm(h0) - norm(h1);
        if (4 * llr > LOCAL_THRESHOLD)
            speech = true;
        sum += llr * spectral_weight[band];

        int16_t g0 = int16(h0 >> 12), g1 = int16(h1 >> 12);
        int16_t first = g0 > 0 ? share_of_first(noise[0], g0) : 16384;
        ev->noise_share[0][band] = first;
        ev->noise_share[1][band] = int16(16384 - first);
        first = g1 > 0 ? share_of_first(talk[0], g1) : 0;
        ev->speech_share[0][band] = first;
        ev->speech_share[1][band] = g1 > 0 ? int16(16384 - first) : 0;
    }
    return speech || sum >= GLOBAL_THRESHOLD;
}

/* Slow minimum of a band's feature: a smoothed low rank of the last 100 frames. */
static int16_t slow_minimum(hse_webrtc_vad *v, int band, int16_t feature)
{
    int16_t *low = v->low[band], *age = v->low_age[band];
    int at = 0;

    for (int i = 0; i < MINIMA; i++) {
        if (age[i] != LOW_LIFE) {
            /* Beyond a life's length only fillers are left, and those need no age. */
            age[i] = int16(age[i] + (age[i] <= LOW_LIFE));
            continue;
        }
        memmove(low + i, low + i + 1, (size_t)(MINIMA - 1 - i) * sizeof *low);
        memmove(age + i, age + i + 1, (size_t)(MINIMA - 1 - i) * sizeof *age);
        low[MINIMA - 1] = LOW_START;
        age[MINIMA - 1] = LOW_LIFE + 1;
    }
    while (at < MINIMA && low[at] <= feature)
        at++;
    if (at < MINIMA) {
        memmove(low + at + 1, low + at, (size_t)(MINIMA - 1 - at) * sizeof *low);
        memmove(age + at + 1, age + at, (size_t)(MINIMA - 1 - at) * sizeof *age);
        low[at] = feature;
        age[at] = 1;
    }
    int32_t median = v->counted == 0 ? 1600 : v->counted <= 2 ? low[0] : low[2];
    int32_t alpha = v->counted == 0 ? 0 : median < v->low_mean[band] ? 6553 : 32439;
    v->low_mean[band] = int16(((alpha + 1) * v->low_mean[band] + (32767 - alpha) * median + 16384) >> 15);
    return v->low_mean[band];
}

static int32_t weighted(int16_t mean[2][BANDS], const int16_t weight[2][BANDS], int band)
{
    return mean[0][band] * weight[0][band] + mean[1][band] * weight[1][band];
}

static void adapt_gaussian(hse_webrtc_vad *v, const evidence *ev, int band, int k, int16_t x, bool speech,
                           int16_t to_minimum, int16_t ceiling)
{
    const int32_t old_noise = v->noise_mean[k][band], old_speech = v->speech_mean[k][band];
    const int16_t nd = ev->noise_delta[k][band], sd = ev->speech_delta[k][band];
    const int32_t n_share = ev->noise_share[k][band], s_share = ev->speech_share[k][band];
    int32_t mean = old_noise, lowest = (5 + k) * 128, highest = (72 + k - band) * 128;

    if (!speech)
        mean = int16(mean + int16(int16(n_share * nd >> 11) * 655 >> 22));
    mean = int16(mean + int16(to_minimum * 154 >> 9));
    v->noise_mean[k][band] = int16(mean < lowest ? lowest : mean > highest ? highest : mean);

    if (speech) {
        mean = int16(old_speech + ((int16((int64_t)int16(s_share * sd >> 11) * 6554 >> 21) + 1) >> 1));
        mean = mean < speech_mean_floor[k] ? speech_mean_floor[k] : mean;
        v->speech_mean[k][band] = int16(mean > ceiling + 640 ? ceiling + 640 : mean);

        int32_t std = v->speech_std[k][band], t = int16(x - ((old_speech + 4) >> 3));
        int32_t q = int32((s_share >> 2) * (((int64_t)sd * t >> 3) - 4096) >> 4);
        std = int16(std + ((q / int16(10 * std) + 128) >> 8));
        v->speech_std[k][band] = int16(std < MIN_STD ? MIN_STD : std);
    } else {
        int32_t std = v->noise_std[k][band], t = int16(x - (old_noise >> 3));
        int32_t q = int32(((n_share + 2) >> 2) * (((int64_t)nd * t >> 3) - 4096)) >> 14;
        std = int16(std + ((q / std + 32) >> 6));
        v->noise_std[k][band] = int16(std < MIN_STD ? MIN_STD : std);
    }
}

/* Keep the two models apart, and each below its limit. */
static void separate(hse_webrtc_vad *v, int band)
{
    int32_t noise = weighted(v->noise_mean, noise_weight, band), talk = weighted(v->speech_mean, speech_weight, band);
    int32_t apart = (talk >> 9) - (noise >> 9), excess;

    if (apart < min_distance[band]) {
        int32_t t = min_distance[band] - apart;
        for (int k = 0; k < 2; k++) {
            v->speech_mean[k][band] = int16(v->speech_mean[k][band] + (13 * t >> 2));
            v->noise_mean[k][band] = int16(v->noise_mean[k][band] - (3 * t >> 2));
        }
        noise = weighted(v->noise_mean, noise_weight, band);
        talk = weighted(v->speech_mean, speech_weight, band);
    }
    if ((excess = (talk >> 7) - speech_mean_limit[band]) > 0)
        for (int k = 0; k < 2; k++)
            v->speech_mean[k][band] = int16(v->speech_mean[k][band] - excess);
    if ((excess = (noise >> 7) - noise_mean_limit[band]) > 0)
        for (int k = 0; k < 2; k++)
            v->noise_mean[k][band] = int16(v->noise_mean[k][band] - excess);
}

static void adapt(hse_webrtc_vad *v, const int16_t f[BANDS], const evidence *ev, bool speech)
{
    int16_t ceiling = 12800;

    for (int band = 0; band < BANDS; band++) {
        int16_t minimum = slow_minimum(v, band, f[band]);
        int16_t average = int16(weighted(v->noise_mean, noise_weight, band) >> 6);
        int16_t to_minimum = int16(16 * minimum - average);

        for (int k = 0; k < 2; k++)
            adapt_gaussian(v, ev, band, k, f[band], speech, to_minimum, ceiling);
        separate(v, band);
        ceiling = speech_mean_limit[band];
    }
    v->counted += v->counted < 3; /* only 0, 1 to 2 and "more" are told apart */
}

bool hse_webrtc_vad_frame(hse_webrtc_vad *v, const int16_t pcm[HSE_WEBRTC_FRAME], hse_webrtc_trace *trace)
{
    int16_t f[BANDS];
    int16_t power = features_of(v, pcm, f);
    bool speech = false;

    if (power > ENOUGH_POWER) {
        evidence ev;
        speech = decide(v, f, &ev);
        adapt(v, f, &ev, speech);
    }
    if (trace) {
        memcpy(trace->features, f, sizeof f);
        trace->total_power = power;
    }
    if (!speech) {
        v->run = 0;
        if (v->hangover == 0)
            return false;
        v->hangover--;
        return true;
    }
    v->hangover = HANG_SHORT;
    if (++v->run > LONG_RUN) {
        v->run = LONG_RUN;
        v->hangover = HANG_LONG;
    }
    return true;
}
