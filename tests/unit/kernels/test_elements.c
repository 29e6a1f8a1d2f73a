/* Element by element: against double over the whole range of float, the same bits at every index, NaN and infinities,
 * and nothing read or written outside [0, n). */
#include "sets.h"

enum { MOST = 300, SWEEP = 1 << 14 };

/* Floats that find mistakes: zeros, subnormals, limits of exp, infinities, NaN, then random ones of all sizes. */
static float awkward(size_t i)
{
    static const float list[] = {0.0f,   -0.0f,   1e-45f,     -1e-45f, 1.17549435e-38f, -1e-40f,  1.0f,     -1.0f,
                                 0.625f, -0.625f, 0.6249999f, 88.0f,   88.72283f,       88.8f,    89.5f,    -87.0f,
                                 -88.0f, -95.0f,  -103.0f,    -103.9f, -104.5f,         14.0f,    -14.0f,   -13.9f,
                                 20.0f,  -20.0f,  1e4f,       -1e4f,   3.4e38f,         -3.4e38f, INFINITY, -INFINITY,
                                 NAN};

    if (i < COUNT(list))
        return list[i];
    float range = i % 4 == 0 ? 1.0f : i % 4 == 1 ? 8.0f : i % 4 == 2 ? 100.0f : 0.01f;
    return random_float(range);
}

/* Errors allowed: `relative` of the result's size, or `absolute` where the result is small beside what goes into it. */
static const struct {
    k_act act;
    double relative, absolute;
} limits[] = {
    {K_NONE, 0, 0},
    {K_RELU, 0, 0},
    {K_LEAKY_RELU, 1e-7, 1e-45},
    {K_GELU, 5e-7, 1e-12},
    {K_GELU_TANH, 4e-7, 5e-7},
    {K_TANH, 2e-7, 1e-45},
    {K_SIGMOID, 2e-7, 3e-39},
    {K_SILU, 3e-7, 3e-37},
    {K_EXP, 1.5e-7, 3e-45},
    {K_ELU, 2e-7, 1.2e-7},
    {K_ADD_SIN, 3e-7, 1e-45},
};

TEST(act_agrees_with_double)
{
    FOR_EACH_SET (k)
        for (size_t a = 0; a < COUNT(limits); a++) {
            double worst = 0, worst_at = 0;
            for (size_t i = 0; i < SWEEP; i++) {
                float x = awkward(i), y;
                k->act(&y, &x, 1, limits[a].act, 0.1f);
                double want = exact_act((double)x, limits[a].act, (double)0.1f);
                if (!isfinite(x) || fabs(want) > 3.4028235e38) {
                    bool gate = limits[a].act == K_GELU || limits[a].act == K_GELU_TANH || limits[a].act == K_SILU;
                    if (gate && x == -INFINITY) /* x times a vanishing gate: 0 or NaN, never a number */
                        CHECK(isnan(y) || y == 0, "%s %s(-inf) = %g", k->name, act_name(limits[a].act), (double)y);
                    else if (gate && !isnan(x))
                        CHECK(isfinite(x) || y == INFINITY, "%s %s(%g) = %g", k->name, act_name(limits[a].act),
                              (double)x, (double)y);
                    else
                        CHECK(isnan(want)                 ? isnan(y)
                              : fabs(want) > 3.4028235e38 ? isinf(y)
                                                          : (double)y == want,
                              "%s %s(%g) = %g, want %g", k->name, act_name(limits[a].act), (double)x, (double)y, want);
                    continue;
                }
                double error = fabs((double)y - want) - limits[a].absolute, share = error / fabs(want);
                if (error > 0 && share > worst)
                    worst = share, worst_at = (double)x;
            }
            CHECK(worst <= limits[a].relative, "%s %s: relative error %.3g at %.9g", k->name, act_name(limits[a].act),
                  worst, worst_at);
        }
}

static guarded memory[6];

static float *part(int which, size_t n)
{
    if (memory[which].start == NULL)
        memory[which] = guarded_new(4 * MOST * sizeof(float));
    return guarded_floats(memory[which], n, n % 2);
}

/* Every kernel as a function of up to three inputs, for n elements; `one` calls see one element each. */
typedef enum {
    F_ACT,
    F_ADD,
    F_MUL,
    F_AXPY,
    F_SCALE,
    F_MAX,
    F_GATE,
    F_HIGHWAY,
    F_AFFINE,
    F_LSTM_H,
    F_LSTM_C,
    F_GRU,
    F_COUNT
} function;

static const char *const function_name[F_COUNT] = {"act",     "add",     "mul",    "axpy",   "scale",  "max",
                                                   "gate",    "highway", "affine", "lstm h", "lstm c", "gru"};

/* in holds up to seven rows of n inputs, row i at in + i * n. */
static void call(const hse_kernels *k, function f, k_act act, float *out, const float *in, size_t n)
{
    float *spare = part(5, 4 * n);

    switch (f) {
    case F_ACT: k->act(out, in, n, act, 0.1f); break;
    case F_ADD: k->add(out, in, in + n, n); break;
    case F_MUL: k->mul(out, in, in + n, n); break;
    case F_AXPY: memcpy(out, in, n * sizeof *out), k->axpy(out, in + n, 0.7f, n); break;
    case F_SCALE: k->scale(out, in, 0.7f, -0.3f, n); break;
    case F_MAX: k->max(out, in, in + n, n); break;
    case F_GATE: k->gate(out, in, in + 2 * n, n); break;
    case F_HIGHWAY: memcpy(out, in, n * sizeof *out), k->highway(out, in + n, in + 2 * n, n); break;
    case F_AFFINE: k->affine(out, in, in + n, in + 2 * n, 1, (int)n); break;
    case F_LSTM_H: memcpy(spare, in + 4 * n, n * sizeof *out), k->lstm_step(out, spare, in, (int)n); break;
    case F_LSTM_C: memcpy(out, in + 4 * n, n * sizeof *out), k->lstm_step(spare, out, in, (int)n); break;
    case F_GRU: memcpy(out, in + 6 * n, n * sizeof *out), k->gru_step(out, in, in + 3 * n, (int)n); break;
    case F_COUNT: break;
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double exact(function f, const float *in, size_t n, size_t i)
{
    double x[7];

    for (size_t row = 0; row < 7; row++)
        x[row] = in[row * n + i];
    double cell = sigmoid(x[1]) * x[4] + sigmoid(x[0]) * tanh(x[2]);
    double keep = sigmoid(x[1] + x[4]), fresh = tanh(x[2] + sigmoid(x[0] + x[3]) * x[5]);
    switch (f) {
    case F_ADD: return x[0] + x[1];
    case F_MUL: return x[0] * x[1];
    case F_AXPY: return x[0] + (double)0.7f * x[1];
    case F_SCALE: return (double)0.7f * x[0] - (double)0.3f;
    case F_MAX: return fmax(x[0], x[1]);
    case F_GATE: return tanh(x[0] + x[2]) * sigmoid(x[1] + x[3]);
    case F_HIGHWAY: return x[1] * fmax(x[2], 0) + (1 - x[1]) * x[0];
    case F_AFFINE: return x[0] * x[1] + x[2];
    case F_LSTM_H: return sigmoid(x[3]) * tanh(cell);
    case F_LSTM_C: return cell;
    case F_GRU: return (1 - keep) * fresh + keep * x[6];
    case F_ACT:
    case F_COUNT: break;
    }
    return 0;
}

TEST(elements_agree_with_double)
{
    static float in[7 * SWEEP], out[SWEEP];

    for (size_t n = 0; n < MOST; n += n < 70 ? 1 : 23)
        FOR_EACH_SET (k)
            for (int f = F_ADD; f < F_COUNT; f++) {
                random_fill(in, 7 * n, 3.0f);
                float *from = part(0, 7 * n < 4 * MOST ? 7 * n : 0), *to = part(1, n);
                from = 7 * n < 4 * MOST ? memcpy(from, in, 7 * n * sizeof *in) : in;
                call(k, (function)f, K_NONE, to, from, n);
                memcpy(out, to, n * sizeof *out);
                for (size_t i = 0; i < n; i++) {
                    double want = exact((function)f, in, n, i);
                    CHECK(fabs((double)out[i] - want) <= 1e-6 + 4e-7 * fabs(want), "%s %s n %zu i %zu: %.9g, want %.9g",
                          k->name, function_name[f], n, i, (double)out[i], want);
                }
            }
}

/* Each element alone, and at every index of every n, has the same bits. */
TEST(elements_do_not_depend_on_their_index)
{
    static float in[7 * MOST], alone[MOST], single[7];

    for (size_t i = 0; i < 7 * MOST; i++)
        in[i] = awkward(i % 97 + (i < 97 ? 0 : 40));
    FOR_EACH_SET (k)
        for (int f = 0; f < F_COUNT; f++)
            for (int act = 0; act < (f == F_ACT ? K_ACTS : 1); act++) {
                for (size_t i = 0; i < MOST; i++) {
                    for (size_t row = 0; row < 7; row++)
                        single[row] = in[row * MOST + i];
                    call(k, (function)f, (k_act)act, part(1, 1), single, 1);
                    alone[i] = *part(1, 1);
                }
                for (size_t n = 1; n <= MOST; n += n < 70 ? 1 : 46) {
                    static float block[7 * MOST];
                    size_t first = (n * 13) % (MOST - n + 1);
                    for (size_t row = 0; row < 7; row++)
                        memcpy(block + row * n, in + row * MOST + first, n * sizeof *in);
                    call(k, (function)f, (k_act)act, part(1, n), block, n);
                    CHECK(same_bits(part(1, n), alone + first, n), "%s %s %s: bits change with the index, n %zu",
                          k->name, function_name[f], act_name((k_act)act), n);
                }
            }
}

TEST(max_and_relu_pass_on_nan)
{
    FOR_EACH_SET (k)
        for (size_t n = 1; n <= 40; n++) {
            float *a = part(0, n), *b = part(1, n), *out = part(2, n);
            random_fill(a, n, 1.0f);
            random_fill(b, n, 1.0f);
            a[n / 2] = NAN;
            k->max(out, a, b, n);
            CHECK(isnan(out[n / 2]), "%s max n %zu: NaN in the first is lost", k->name, n);
            k->max(out, b, a, n);
            CHECK(isnan(out[n / 2]), "%s max n %zu: NaN in the second is lost", k->name, n);
            k->act(out, a, n, K_RELU, 0);
            CHECK(isnan(out[n / 2]), "%s relu n %zu: NaN is lost", k->name, n);
        }
}

static uint16_t nearest_bf16(float x)
{
    uint32_t u = bits_of(x);

    if (isnan(x))
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

TEST(to_bf16_rounds_to_nearest_even_and_pads)
{
    FOR_EACH_SET (k)
        for (int n = 1; n <= MOST; n += n < 70 ? 1 : 37) {
            int align = k->k_align[K_BF16], padded = (n + align - 1) / align * align;
            float *in = part(0, 2 * (size_t)n);
            guarded g = memory[1].start != NULL ? memory[1] : (memory[1] = guarded_new(4 * MOST * sizeof(float)));
            uint16_t *out = guarded_at(g, 2 * (size_t)padded, sizeof *out, n % 2);
            for (int i = 0; i < 2 * n; i++)
                in[i] = i % 3 ? awkward((size_t)(i * 7)) : random_float(1.0f);
            memset(out, 0xaa, 2 * (size_t)padded * sizeof *out);
            k->to_bf16(out, (size_t)padded, in, (size_t)n, 2, n, K_NONE, 0);
            for (int r = 0; r < 2; r++)
                for (int i = 0; i < padded; i++) {
                    float x = i < n ? in[r * n + i] : 0.0f;
                    uint16_t want = nearest_bf16(x), got = out[r * padded + i];
                    bool small = fabsf(x) < 1.1754944e-38f && (got & 0x7fff) == 0; /* hardware flushes subnormals */
                    CHECK(got == want || small, "%s n %d: %g is %04x, want %04x", k->name, n, (double)x, got, want);
                }
        }
}

TEST(to_int8_covers_the_range_and_pads)
{
    FOR_EACH_SET (k)
        for (int n = 1; n <= MOST; n += n < 70 ? 1 : 37) {
            int align = k->k_align[K_INT8], padded = (n + align - 1) / align * align;
            float *in = part(0, (size_t)n), scale;
            guarded g = memory[1].start != NULL ? memory[1] : (memory[1] = guarded_new(4 * MOST * sizeof(float)));
            uint8_t *out = guarded_at(g, (size_t)padded, 1, n % 2);
            random_fill(in, (size_t)n, 5.0f);
            k->to_int8(out, (size_t)padded, &scale, in, (size_t)n, 1, n, K_LEAKY_RELU, 0.5f);
            float most = 0, x[MOST];
            for (int i = 0; i < n; i++) {
                x[i] = in[i] < 0 ? in[i] * 0.5f : in[i];
                most = fmaxf(most, fabsf(x[i]));
            }
            CHECK(fabsf(scale - most / 127) <= most * 1e-7f, "%s n %d: scale %g, want %g", k->name, n, (double)scale,
                  (double)(most / 127));
            for (int i = 0; i < padded; i++) {
                int want = i < n ? (int)lrintf(x[i] * (127.0f / most)) : 0;
                CHECK(out[i] - 128 == want, "%s n %d i %d: %d, want %d", k->name, n, i, out[i] - 128, want);
            }
            in[n / 2] = n % 2 ? NAN : -INFINITY;
            k->to_int8(out, (size_t)padded, &scale, in, (size_t)n, 1, n, K_NONE, 0);
            CHECK(isnan(scale) && out[n / 2] == 128, "%s n %d: a row with %g has scale %g", k->name, n,
                  (double)in[n / 2], (double)scale);
            memset(in, 0, (size_t)n * sizeof *in);
            k->to_int8(out, (size_t)padded, &scale, in, (size_t)n, 1, n, K_NONE, 0);
            CHECK(scale == 0 && out[0] == 128, "%s n %d: a row of zeros has scale %g", k->name, n, (double)scale);
        }
}
