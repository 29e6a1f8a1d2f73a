/* Packing in parts against packing at once, on every instruction set; weights back out of their panels; halves to
 * floats; attention weights. */
#include "sets.h"

#include "kernels/pack.h"

enum { MOST_N = 200, MOST_K = 150 };

typedef struct {
    k_packed p;
    void *block;
    size_t bytes;
} packed;

static packed begin(const hse_kernels *k, k_weight_type type, int n, int inputs)
{
    packed x = {.bytes = k->pack_size(type, n, inputs, 1)};

    x.block = aligned_alloc(64, (x.bytes + 63) / 64 * 64);
    memset(x.block, 0x5a, x.bytes); /* parts must not rely on zeros */
    CHECK(k_pack_begin(k, &x.p, x.block, type, n, inputs, 1) == x.bytes, "%s type %d %d x %d", k->name, (int)type, n,
          inputs);
    return x;
}

/* Everything that a product would show: rows of a unit matrix and of noise. */
static void same_products(const hse_kernels *k, const packed *a, const packed *b, const char *what)
{
    enum { ROWS = 3 };
    int n = a->p.n, inputs = a->p.k, padded = (inputs + 63) / 64 * 64;
    float *x = calloc((size_t)(ROWS * padded), sizeof *x), *out = calloc((size_t)(2 * ROWS * n), sizeof *out),
          scale[ROWS];
    void *in = calloc((size_t)(ROWS * padded), sizeof(float));

    random_fill(x, (size_t)(ROWS * padded), 1.0f);
    k_gemm g = {.a = x,
                .a_row = (size_t)padded,
                .rows = ROWS,
                .out_row = (size_t)n,
                .alpha = 1,
                .a_scale = scale,
                .a_scale_row = 1};
    if (a->p.type == K_BF16)
        k->to_bf16(in, (size_t)padded, x, (size_t)padded, ROWS, inputs, K_NONE, 0);
    if (a->p.type == K_INT8)
        k->to_int8(in, (size_t)padded, scale, x, (size_t)padded, ROWS, inputs, K_NONE, 0);
    if (a->p.type != K_F32)
        g.a = in;
    for (int i = 0; i < 2; i++) {
        g.w = i ? &b->p : &a->p;
        g.panel_to = g.w->panels;
        g.out = out + i * ROWS * n;
        k->gemm[a->p.type](&g);
    }
    CHECK(same_bits(out, out + ROWS * n, (size_t)(ROWS * n)), "%s type %d %d x %d: %s gives another product", k->name,
          (int)a->p.type, n, inputs, what);
    free(x);
    free(out);
    free(in);
}

TEST(parts_are_the_whole)
{
    static const int ns[] = {1, 7, 16, 63, 64, 65, 130, MOST_N}, inputs_of[] = {1, 2, 3, 4, 17, 64, 131, MOST_K};
    static float w[MOST_N * MOST_K], turned[MOST_N * MOST_K];
    static int8_t q[MOST_N * MOST_K];

    FOR_EACH_SET (k)
        for (size_t a = 0; a < COUNT(ns); a++)
            for (size_t b = 0; b < COUNT(inputs_of); b++) {
                int n = ns[a], inputs = inputs_of[b];
                random_fill(w, (size_t)(n * inputs), 1.0f);
                for (int i = 0; i < inputs && n > 2; i++)
                    w[2 * inputs + i] = 0; /* a row without range */
                for (int j = 0; j < n; j++)
                    for (int i = 0; i < inputs; i++)
                        turned[i * n + j] = w[j * inputs + i];
                for (int type = 0; type < K_WEIGHT_TYPES; type++) {
                    packed whole = begin(k, (k_weight_type)type, n, inputs),
                           parts = begin(k, (k_weight_type)type, n, inputs),
                           columns = begin(k, (k_weight_type)type, n, inputs),
                           stored = begin(k, (k_weight_type)type, n, inputs);
                    k->pack(&whole.p, whole.block, (k_weight_type)type, n, inputs, 1, w, (size_t)inputs, 0, 1);
                    for (int p = parts.p.panels - 1; p >= 0; p--) { /* in any order */
                        k_pack_panel(k, &parts.p, p, w + p * parts.p.panel * inputs, (size_t)inputs, 0, 1);
                        k_pack_panel(k, &columns.p, p, turned + p * parts.p.panel, 1, 0, (size_t)n);
                    }
                    same_products(k, &whole, &parts, "packing rows in parts");
                    same_products(k, &whole, &columns, "packing columns in parts");
                    for (int j = 0; j < n; j++) {
                        float out[MOST_K];
                        k_unpack_output(k, &parts.p, j, out);
                        for (int i = 0; i < inputs; i++) {
                            double want = w[j * inputs + i], off = fabs((double)out[i] - want);
                            CHECK(off <= (type == K_F32    ? 0
                                          : type == K_BF16 ? fabs(want) / 250
                                                           : 1.0 / 250),
                                  "%s type %d output %d input %d: %g comes back as %g", k->name, type, j, i, want,
                                  (double)out[i]);
                            if (type == K_INT8)
                                q[j * inputs + i] =
                                    (int8_t)(parts.p.scale[j] > 0 ? lrintf(out[i] / parts.p.scale[j]) : 0);
                        }
                    }
                    if (type == K_INT8) {
                        for (int p = 0; p < stored.p.panels; p++)
                            k_pack_panel_int8(k, &stored.p, p, q + p * stored.p.panel * inputs, (size_t)inputs,
                                              parts.p.scale + p * stored.p.panel);
                        same_products(k, &parts, &stored, "stored int8");
                    }
                    free(whole.block);
                    free(parts.block);
                    free(columns.block);
                    free(stored.block);
                }
            }
}

TEST(halves_pack_as_their_floats_do)
{
    static const int ns[] = {1, 16, 37, 64, 130}, inputs_of[] = {1, 3, 16, 66, 131};
    static float w[MOST_N * MOST_K];
    static uint16_t half[MOST_N * MOST_K + 1];
    char *odd = (char *)half + 1;

    FOR_EACH_SET (k)
        for (size_t a = 0; a < COUNT(ns); a++)
            for (size_t b = 0; b < COUNT(inputs_of); b++) {
                int n = ns[a], inputs = inputs_of[b], count = n * inputs;
                for (int i = 0; i < count; i++) {
                    uint16_t bits = (uint16_t)(random_bits() & 0xbfffu); /* below 2 */
                    memcpy(odd + 2 * i, &bits, sizeof bits);
                }
                k->from_f16(w, odd, (size_t)count);
                packed floats = begin(k, K_INT8, n, inputs), halves = begin(k, K_INT8, n, inputs);
                for (int p = 0; p < floats.p.panels; p++) {
                    size_t at = (size_t)(p * floats.p.panel * inputs);
                    k_pack_panel(k, &floats.p, p, w + at, (size_t)inputs, 0, 1);
                    k_pack_panel_halves(k, &halves.p, p, odd + 2 * at, (size_t)inputs);
                }
                same_products(k, &floats, &halves, "packing halves");
                uint16_t infinite = 0x7c00;
                memcpy(odd, &infinite, sizeof infinite);
                k_pack_panel_halves(k, &halves.p, 0, odd, (size_t)inputs);
                CHECK(isnan(halves.p.scale[0]), "%s %d x %d: an infinite weight has the scale %g", k->name, n, inputs,
                      (double)halves.p.scale[0]);
                free(floats.block);
                free(halves.block);
            }
}

TEST(weights_are_quantized_and_turned_as_plain_c_does)
{
    enum { ROWS = 19, WORDS = 41, COLS = 4 * WORDS };
    static float w[ROWS * COLS];
    static int8_t q[ROWS * COLS], want_q[ROWS * COLS];
    static uint32_t turned[WORDS * ROWS], want_turned[WORDS * ROWS];
    float scale[ROWS], want_scale[ROWS];
    int32_t sum[ROWS], want_sum[ROWS];
    const hse_kernels *plain = hse_kernels_get(0);

    FOR_EACH_SET (k)
        for (int rows = 1; rows <= ROWS; rows += 3)
            for (int cols = 1; cols <= COLS; cols += cols < 40 ? 1 : 31) {
                int words = (cols + 3) / 4;
                random_fill(w, ROWS * COLS, 1.0f);
                memset(q, 0x5a, sizeof q);
                memset(want_q, 0x5a, sizeof want_q);
                memset(turned, 0x5a, sizeof turned);
                memset(want_turned, 0x5a, sizeof want_turned);
                plain->quantize(want_q, COLS, want_scale, want_sum, w, false, COLS, rows, cols);
                k->quantize(q, COLS, scale, sum, w, false, COLS, rows, cols);
                CHECK(memcmp(q, want_q, sizeof q) == 0 && same_bits(scale, want_scale, (size_t)rows) &&
                          memcmp(sum, want_sum, (size_t)rows * sizeof *sum) == 0,
                      "%s: %d rows of %d quantized", k->name, rows, cols);
                plain->turn(want_turned, ROWS * 4, q, COLS, rows, words);
                k->turn(turned, ROWS * 4, q, COLS, rows, words);
                CHECK(memcmp(turned, want_turned, sizeof turned) == 0, "%s: %d rows of %d words turned", k->name, rows,
                      words);
            }
}

TEST(halves_are_exact)
{
    enum { ALL = 65536 };
    uint16_t *half = malloc((ALL + 1) * sizeof *half);
    float *want = malloc(ALL * sizeof *want), *got = malloc(ALL * sizeof *got);
    char *odd = (char *)half + 1;

    for (int i = 0; i < ALL; i++) {
        uint8_t two[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
        int exponent = i >> 10 & 31, fraction = i & 1023;
        double v = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                   : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                  : ldexp(fraction, -24);
        want[i] = (float)(i & 0x8000 ? -v : v);
        memcpy(odd + 2 * i, two, 2);
    }
    FOR_EACH_SET (k)
        for (size_t n = 0; n <= ALL; n = n < 40 ? n + 1 : n < ALL ? ALL : ALL + 1) {
            memset(got, 0, ALL * sizeof *got);
            k->from_f16(got, odd, n);
            CHECK(same_bits(got, want, n), "%s: %zu halves", k->name, n);
            CHECK(n == ALL || bits_of(got[n]) == 0, "%s: %zu halves: one more was written", k->name, n);
        }
    free(half);
    free(want);
    free(got);
}

static void check_weights(const hse_kernels *k, const float *x, size_t row, int rows, int n)
{
    enum { MOST = 400, ROWS = 4 };
    static uint16_t b[ROWS][MOST], alone_b[MOST];
    static uint8_t q[2 * ROWS][MOST], alone_q[2][MOST];
    float sb[ROWS], sq[2 * ROWS], s1, s2[2];

    k->exp_bf16(b[0], MOST, sb, x, row, rows, n);
    k->exp_int8(q[0], MOST, sq, x, row, rows, n);
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * row;
        double most = -INFINITY, sum = 0;
        for (int i = 0; i < n; i++)
            most = larger(most, (double)in[i]);
        for (int i = 0; i < n; i++)
            sum += exp(in[i] - most);
        for (int i = 0; i < n; i++) {
            double want = exp(in[i] - most) / sum, as_b = (double)k_from_bf16(b[r][i]) * sb[r];
            double as_q = ((double)q[2 * r][i] - 128) * sq[2 * r] + ((double)q[2 * r + 1][i] - 128) * sq[2 * r + 1];
            CHECK(fabs(as_b - want) <= want / 200 + 1e-30, "%s bf16 n %d row %d i %d: %g, want %g", k->name, n, r, i,
                  as_b, want);
            CHECK(fabs(as_q - want) <= 2.5e-5 / sum, "%s int8 n %d row %d i %d: %g, want %g", k->name, n, r, i, as_q,
                  want);
        }
        k->exp_bf16(alone_b, MOST, &s1, in, 0, 1, n);
        k->exp_int8(alone_q[0], MOST, s2, in, 0, 1, n);
        CHECK(memcmp(alone_b, b[r], (size_t)n * 2) == 0 && bits_of(s1) == bits_of(sb[r]), "%s bf16 n %d row %d alone",
              k->name, n, r);
        CHECK(memcmp(alone_q[0], q[2 * r], (size_t)n) == 0 && memcmp(alone_q[1], q[2 * r + 1], (size_t)n) == 0 &&
                  bits_of(s2[0]) == bits_of(sq[2 * r]),
              "%s int8 n %d row %d alone", k->name, n, r);
    }
}

TEST(attention_weights_agree_with_double)
{
    enum { MOST = 300, ROWS = 4 };
    guarded memory = guarded_new(ROWS * MOST * sizeof(float));

    FOR_EACH_SET (k)
        for (int n = 1; n <= MOST; n = n < 70 ? n + 1 : n + 23) {
            float *x = guarded_floats(memory, (size_t)(ROWS * n), n % 2), scale[2];
            uint16_t out[MOST + 4];
            random_fill(x, (size_t)(ROWS * n), n % 5 == 0 ? 60.0f : 5.0f);
            check_weights(k, x, (size_t)n, ROWS, n);
            x[n / 2] = NAN;
            k->exp_bf16(out, 0, scale, x, 0, 1, n);
            CHECK(isnan(scale[0]), "%s n %d: NaN is lost", k->name, n);
            k->exp_int8((uint8_t *)out, (size_t)n + 4, scale, x, 0, 1, n > MOST / 2 ? MOST / 2 : n);
            CHECK(n > MOST / 2 || isnan(scale[0]), "%s int8 n %d: NaN is lost", k->name, n);
        }
}

TEST(a_query_attends_to_rows_of_a_cache)
{
    enum { ROWS = 40, MOST_HEADS = 5, MOST_WIDTH = 70, COLS = MOST_HEADS * MOST_WIDTH };
    static const int widths[] = {1, 8, 10, 16, 33, 64, MOST_WIDTH};
    static float cache[ROWS * 2 * COLS], q[COLS], weights[MOST_HEADS * ROWS], out[COLS], alone[COLS];
    static uint16_t half[ROWS * 2 * COLS];
    int32_t rows[ROWS];

    FOR_EACH_SET (k)
        for (size_t c = 0; c < COUNT(widths); c++)
            for (int heads = 1; heads <= MOST_HEADS; heads++)
                for (int n = 1; n <= ROWS; n += n < 9 ? 1 : 13) {
                    int w = widths[c], cols = heads * w, bf16 = (n + heads) % 2;
                    random_fill(cache, (size_t)(ROWS * 2 * cols), 1.0f);
                    random_fill(q, (size_t)cols, 2.0f);
                    k->to_bf16(half, 0, cache, 0, 1, ROWS * 2 * cols, K_NONE, 0);
                    for (int i = 0; bf16 && i < ROWS * 2 * cols; i++)
                        cache[i] = k_from_bf16(half[i]);
                    for (int r = 0; r < n; r++)
                        rows[r] = (int32_t)(random_bits() % ROWS);
                    k_attend a = {.q = q,
                                  .heads = heads,
                                  .width = w,
                                  .cache = bf16 ? (const void *)half : cache,
                                  .bf16 = bf16,
                                  .row = (size_t)(2 * cols),
                                  .values = (size_t)cols,
                                  .rows = rows,
                                  .n = n,
                                  .scale = 0.5f,
                                  .weights = weights,
                                  .out = out};
                    k->attend(&a);
                    for (int h = 0; h < heads; h++) {
                        double p[ROWS], sum = 0;
                        for (int r = 0; r < n; r++) {
                            double s = 0;
                            for (int i = 0; i < w; i++)
                                s += (double)q[h * w + i] * cache[rows[r] * 2 * cols + h * w + i];
                            sum += p[r] = exp(0.5 * s);
                        }
                        for (int i = 0; i < w; i++) {
                            double want = 0;
                            for (int r = 0; r < n; r++)
                                want += p[r] / sum * cache[rows[r] * 2 * cols + cols + h * w + i];
                            CHECK(fabs((double)out[h * w + i] - want) < 1e-5,
                                  "%s %d heads of %d, %d rows: head %d column %d: %g, want %g", k->name, heads, w, n, h,
                                  i, (double)out[h * w + i], want);
                        }
                        k_attend one = a;
                        one.q += h * w;
                        one.heads = 1;
                        one.cache = bf16 ? (const void *)(half + h * w) : (const void *)(cache + h * w);
                        one.out = alone;
                        k->attend(&one);
                        CHECK(same_bits(alone, out + h * w, (size_t)w), "%s %d heads of %d, %d rows: head %d alone",
                              k->name, heads, w, n, h);
                    }
                }
}
