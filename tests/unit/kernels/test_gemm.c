/* Products with packed weights on every instruction set: against double, with every epilogue, and row by row the same
 * bits whatever the block of rows or the range of panels. */
#include "sets.h"

enum { ROWS = 49, MOST_N = 200, MOST_INPUTS = 3400, MOST_TAPS = 11, SPARE = 3 }; /* inputs: k * taps */

typedef struct {
    int n, k, taps, dilation;
    k_act act;
    bool bias, affine, residual, in_place;
    float alpha;
    k_act bf16_act;
    bool bf16;
} layer;

static const char *type_name(k_weight_type type)
{
    return type == K_F32 ? "f32" : type == K_BF16 ? "bf16" : "int8";
}

typedef struct {
    guarded in, prepared, scales, weights, packed, bias, gain, shift, residual, out, part, out_bf16;
} memory;

static memory *all_memory(void)
{
    static memory m;

    if (m.in.start == NULL) {
        size_t rows = ROWS + 4 * MOST_TAPS, floats = sizeof(float), inputs = MOST_INPUTS;
        m.in = guarded_new(rows * inputs * floats);
        m.prepared = guarded_new(rows * (inputs + 4) * floats);
        m.scales = guarded_new(rows * floats);
        m.weights = guarded_new(MOST_N * inputs * floats);
        m.packed = guarded_new((MOST_N + 64) * (inputs + 4 * MOST_TAPS) * floats + 65536);
        m.bias = guarded_new(MOST_N * floats);
        m.gain = guarded_new(MOST_N * floats);
        m.shift = guarded_new(MOST_N * floats);
        m.residual = guarded_new((size_t)ROWS * (MOST_N + SPARE) * floats);
        m.out = guarded_new((size_t)ROWS * (MOST_N + SPARE) * floats);
        m.part = guarded_new((size_t)ROWS * (MOST_N + SPARE) * floats);
        m.out_bf16 = guarded_new((size_t)ROWS * (MOST_N + SPARE) * floats);
    }
    return &m;
}

/* One layer on one table: the call, and what its elements should be. */
typedef struct {
    const hse_kernels *k;
    layer l;
    k_weight_type type;
    k_packed w;
    k_gemm g;
    const float *in, *weights, *a_scale;
    const void *a;
    size_t a_row;
} setup;

static float weight_range(const setup *s, int j)
{
    double max = 0;

    for (int t = 0; t < s->l.taps; t++)
        for (int i = 0; i < s->l.k; i++)
            max = larger(
                max,
                fabs((double)s->weights[((size_t)j * (size_t)s->l.taps + (size_t)t) * (size_t)s->l.k + (size_t)i]));
    return (float)max;
}

static uint16_t bf16_of(float x)
{
    uint32_t u = bits_of(x);

    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* The sum before the epilogue, and the sum of magnitudes that its error is measured by. */
static double exact_sum(const setup *s, int r, int j, double *size)
{
    const layer *l = &s->l;
    float range = s->type == K_INT8 ? weight_range(s, j) : 1.0f, factor = 127.0f / range;
    double sum = 0;

    *size = 0;
    for (int t = 0; t < l->taps; t++) {
        size_t row = (size_t)(r + t * l->dilation);
        double part = 0, part_size = 0;
        for (int i = 0; i < l->k; i++) {
            float w = s->weights[((size_t)j * (size_t)l->taps + (size_t)t) * (size_t)l->k + (size_t)i];
            size_t at = row * s->a_row + (size_t)i;
            double p;
            if (s->type == K_F32)
                p = (double)((const float *)s->a)[at] * (double)w;
            else if (s->type == K_BF16)
                p = (double)k_from_bf16(((const uint16_t *)s->a)[at]) * (double)k_from_bf16(bf16_of(w));
            else
                p = (((const uint8_t *)s->a)[at] - 128) * rint((double)(w * factor));
            part += p;
            part_size += fabs(p);
        }
        if (s->type == K_INT8) {
            part *= (double)s->a_scale[row] * (double)(range / 127.0f);
            part_size = fabs(part); /* exact inside a tap */
        }
        sum += part;
        *size += part_size;
    }
    return sum;
}

static double exact_element(const setup *s, int r, int j, double *size)
{
    const k_gemm *g = &s->g;
    double v = exact_sum(s, r, j, size);

    if (g->bias != NULL)
        v += g->bias[j], *size += fabs((double)g->bias[j]);
    v = exact_act(v, g->act, g->slope);
    if (g->act == K_EXP)
        *size = *size * v + v;
    if (g->scale != NULL) {
        v = v * g->scale[j] + g->shift[j];
        *size = *size * fabs((double)g->scale[j]) + fabs((double)g->shift[j]);
    }
    v *= g->alpha;
    *size *= fabs((double)g->alpha);
    if (g->residual != NULL) {
        v += g->residual[(size_t)r * g->residual_row + (size_t)j];
        *size += fabs((double)g->residual[(size_t)r * g->residual_row + (size_t)j]);
    }
    return v;
}

/* A setup to run: weights packed, inputs prepared, all of it up against guard pages. */
static setup prepare(const hse_kernels *k, k_weight_type type, const layer *l)
{
    memory *m = all_memory();
    setup s = {.k = k, .l = *l, .type = type};
    int in_rows = ROWS + (l->taps - 1) * l->dilation, align = k->k_align[type];
    size_t n = (size_t)l->n, inputs = (size_t)in_rows * (size_t)l->k, weights = n * (size_t)l->taps * (size_t)l->k;
    float *in = guarded_floats(m->in, inputs, false), *w = guarded_floats(m->weights, weights, false);
    float *scales = guarded_floats(m->scales, (size_t)in_rows, false);

    random_fill(in, inputs, 1.0f);
    random_fill(w, weights, 0.5f);
    s.a_row = (size_t)((l->k + align - 1) / align * align);
    s.a = in;
    if (type == K_BF16) {
        uint16_t *a = guarded_at(m->prepared, (size_t)in_rows * s.a_row, sizeof *a, false);
        k->to_bf16(a, s.a_row, in, (size_t)l->k, in_rows, l->k, K_NONE, 0);
        s.a = a;
    } else if (type == K_INT8) {
        uint8_t *a = guarded_at(m->prepared, (size_t)in_rows * s.a_row, sizeof *a, false);
        k->to_int8(a, s.a_row, scales, in, (size_t)l->k, in_rows, l->k, K_NONE, 0);
        s.a = a;
    }
    s.in = in;
    s.weights = w;
    s.a_scale = scales;
    size_t bytes = k->pack_size(type, l->n, l->k, l->taps);
    void *block = guarded_at(m->packed, bytes, 1, false);
    k->pack(&s.w, block, type, l->n, l->k, l->taps, w, (size_t)l->taps * (size_t)l->k, (size_t)l->k, 1);

    float *bias = guarded_floats(m->bias, n, false), *gain = guarded_floats(m->gain, n, false);
    float *shift = guarded_floats(m->shift, n, false);
    random_fill(bias, n, 1.0f);
    random_fill(gain, n, 2.0f);
    random_fill(shift, n, 1.0f);
    size_t row = n + SPARE;
    float *residual = guarded_floats(m->residual, (ROWS - 1) * row + n, false);
    random_fill(residual, (ROWS - 1) * row + n, 1.0f);
    s.g = (k_gemm){.w = &s.w,
                   .a = s.a,
                   .a_row = s.a_row,
                   .a_tap = (size_t)l->dilation * s.a_row,
                   .a_scale = scales,
                   .a_scale_row = 1,
                   .a_scale_tap = (size_t)l->dilation,
                   .rows = ROWS,
                   .panel_to = s.w.panels,
                   .out = guarded_floats(m->out, (ROWS - 1) * row + n, false),
                   .out_row = row,
                   .alpha = l->alpha,
                   .bias = l->bias ? bias : NULL,
                   .scale = l->affine ? gain : NULL,
                   .shift = l->affine ? shift : NULL,
                   .residual = l->residual ? residual : NULL,
                   .residual_row = row,
                   .act = l->act,
                   .slope = 0.1f};
    if (l->bf16) {
        size_t wide = (n + 1) / 2 * 2;
        s.g.out_bf16 = guarded_at(m->out_bf16, ROWS * wide, sizeof(uint16_t), false);
        s.g.out_bf16_row = wide;
        s.g.bf16_act = l->bf16_act;
        s.g.bf16_slope = 0.1f;
    }
    return s;
}

static void check_values(setup *s)
{
    const k_gemm *g = &s->g;
    const layer *l = &s->l;

    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < l->n; j++) {
            double size, want = exact_element(s, r, j, &size);
            float got = g->out[(size_t)r * g->out_row + (size_t)j];
            CHECK(fabs((double)got - want) <= 1e-6 * size + 1e-7,
                  "%s %s n %d k %d taps %d row %d col %d: %.9g, want %.9g", s->k->name, type_name(s->type), l->n, l->k,
                  l->taps, r, j, (double)got, want);
            if (g->out_bf16 == NULL)
                continue;
            const uint16_t *bf = g->out_bf16 + (size_t)r * g->out_bf16_row;
            float narrow = k_from_bf16(bf[j]),
                  exact = (float)exact_act((double)got, g->bf16_act, (double)g->bf16_slope);
            CHECK(fabsf(narrow - exact) <= fabsf(exact) * 0.0040f + 1e-30f,
                  "%s %s n %d row %d col %d: bf16 %g, want %g", s->k->name, type_name(s->type), l->n, r, j,
                  (double)narrow, (double)exact);
            CHECK(l->n % 2 == 0 || bf[l->n] == 0, "%s %s n %d: the bf16 row's tail is not zero", s->k->name,
                  type_name(s->type), l->n);
        }
}

/* Blocks of `rows` rows, from `first` on, give the bits that the whole gave; so do single panels. */
static void check_parts(const setup *s, int first, int rows)
{
    memory *m = all_memory();
    const layer *l = &s->l;
    size_t n = (size_t)l->n, row = n + SPARE;
    k_gemm part = s->g;

    part.a = (const char *)s->a + (size_t)first * s->a_row * (s->type == K_F32 ? 4 : s->type == K_BF16 ? 2 : 1);
    part.a_scale += first;
    part.rows = rows;
    part.out = guarded_floats(m->part, (size_t)(rows - 1) * row + n, rows % 2 == 0);
    part.out_bf16 = NULL;
    if (part.residual != NULL)
        part.residual += (size_t)first * row;
    if (l->in_place && part.residual != NULL) {
        memcpy(part.out, part.residual, ((size_t)(rows - 1) * row + n) * sizeof(float));
        part.residual = part.out;
    }
    ptrdiff_t tap_at[MOST_TAPS]; /* every third time the taps' places are listed */
    for (int t = 0; t < l->taps; t++)
        tap_at[t] = (ptrdiff_t)((size_t)t * part.a_tap);
    if (rows % 3 == 0 && s->type != K_INT8) {
        part.tap_at = tap_at;
        part.a_tap = 0;
    }
    int range = rows % 2 == 0 ? 2 : 7; /* of panels, to see both ends */
    for (int panel = 0; panel < s->w.panels; panel += range) {
        part.panel_from = panel;
        part.panel_to = panel + range < s->w.panels ? panel + range : s->w.panels;
        s->k->gemm[s->type](&part);
    }
    for (int r = 0; r < rows; r++)
        CHECK(same_bits(part.out + (size_t)r * row, s->g.out + (size_t)(first + r) * row, n),
              "%s %s n %d k %d taps %d: row %d differs in a block of %d rows from row %d", s->k->name,
              type_name(s->type), l->n, l->k, l->taps, first + r, rows, first);
}

static void run_layer(const layer *l, bool every_row_count)
{
    FOR_EACH_SET (k)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            setup s = prepare(k, (k_weight_type)type, l);
            s.g.w = &s.w;
            k->gemm[type](&s.g);
            check_values(&s);
            for (int rows = 1; rows < ROWS; rows += every_row_count ? 1 : 7)
                check_parts(&s, rows % (ROWS - rows), rows);
        }
}

TEST(gemm_agrees_with_double_for_every_width)
{
    for (int n = 1; n <= 67; n++) {
        layer l = {.n = n,
                   .k = 1 + n * 5 % 23,
                   .taps = 1,
                   .dilation = 1,
                   .bias = n % 2,
                   .alpha = 1.0f,
                   .act = K_NONE,
                   .bf16 = true,
                   .bf16_act = n % 3 ? K_LEAKY_RELU : K_SIGMOID};
        run_layer(&l, false);
    }
}

TEST(gemm_gives_a_row_the_same_bits_in_every_block)
{
    static const layer layers[] = {
        {.n = 64, .k = 33, .taps = 1, .dilation = 1, .alpha = 1},
        {.n = 67, .k = 20, .taps = 3, .dilation = 2, .alpha = 1, .bias = true, .residual = true, .in_place = true},
        {.n = 48, .k = 16, .taps = 7, .dilation = 1, .alpha = 1, .act = K_RELU, .bias = true},
        {.n = 32, .k = 32, .taps = 3, .dilation = 4, .alpha = 1, .act = K_LEAKY_RELU, .bias = true},
        {.n = 16, .k = 3, .taps = 11, .dilation = 1, .alpha = 0.5f, .act = K_TANH, .affine = true},
        {.n = 4, .k = 40, .taps = 2, .dilation = 1, .alpha = 1, .act = K_TANH, .bias = true},
        {.n = 200, .k = 80, .taps = 1, .dilation = 1, .alpha = 1, .act = K_GELU, .bias = true, .residual = true},
    };

    for (size_t i = 0; i < COUNT(layers); i++)
        run_layer(&layers[i], true);
}

/* Long enough that the sums wait in memory between stretches of inputs: cut inside a tap, between taps, and neither. */
TEST(gemm_of_many_inputs)
{
    static const layer layers[] = {
        {.n = 17, .k = 3333, .taps = 1, .dilation = 1, .alpha = 1, .bias = true, .residual = true, .in_place = true},
        {.n = 70, .k = 1100, .taps = 3, .dilation = 2, .alpha = 1, .act = K_LEAKY_RELU},
        {.n = 5, .k = 1601, .taps = 2, .dilation = 3, .alpha = 0.5f, .act = K_TANH, .affine = true},
        {.n = 35, .k = 300, .taps = 11, .dilation = 1, .alpha = 1, .bf16 = true, .bf16_act = K_RELU},
    };

    for (size_t i = 0; i < COUNT(layers); i++)
        run_layer(&layers[i], false);
}

TEST(gemm_applies_every_epilogue)
{
    for (int act = 0; act < K_ACTS; act++)
        for (int bits = 0; bits < 16; bits++) {
            layer l = {.n = 35,
                       .k = 9,
                       .taps = 1 + bits % 3,
                       .dilation = 1,
                       .act = (k_act)act,
                       .bias = bits & 1,
                       .affine = bits & 2,
                       .residual = bits & 4,
                       .in_place = bits & 1,
                       .alpha = bits & 8 ? -0.75f : 1.0f};
            run_layer(&l, false);
        }
}

TEST(gemm_of_nothing_touches_nothing)
{
    static const struct {
        int rows, panels, n, k;
    } cases[] = {{0, 1, 8, 8}, {3, 0, 8, 8}, {3, 0, 0, 8}};
    float a[64] = {0}, w[64] = {0}, out[64] = {0}, scale[8] = {0};

    FOR_EACH_SET (k)
        for (int type = 0; type < K_WEIGHT_TYPES; type++)
            for (size_t i = 0; i < COUNT(cases); i++) {
                k_packed p;
                void *block =
                    guarded_at(all_memory()->packed, k->pack_size((k_weight_type)type, cases[i].n, 8, 1), 1, false);
                k->pack(&p, block, (k_weight_type)type, cases[i].n, 8, 1, w, 8, 8, 1);
                k_gemm g = {.w = &p,
                            .a = a,
                            .a_row = 8,
                            .a_scale = scale,
                            .a_scale_row = 1,
                            .rows = cases[i].rows,
                            .panel_to = cases[i].panels,
                            .out = out,
                            .out_row = 8,
                            .alpha = 1};
                out[0] = 7;
                k->gemm[type](&g);
                CHECK(out[0] == 7.0f, "%s %s case %zu wrote", k->name, type_name((k_weight_type)type), i);
            }
}

/* No input at all: what is left is the bias, on whatever the sums start from. */
TEST(gemm_without_inputs_gives_the_bias)
{
    float a[4] = {0}, w[4] = {0}, out[8], scale[1] = {1.0f}, bias[8] = {1, 2, 3, 4, 5, 6, 7, 8};

    FOR_EACH_SET (k)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            k_packed p;
            void *block = guarded_at(all_memory()->packed, k->pack_size((k_weight_type)type, 8, 0, 1), 1, false);
            k->pack(&p, block, (k_weight_type)type, 8, 0, 1, w, 0, 0, 1);
            k_gemm g = {.w = &p,
                        .a = a,
                        .a_scale = scale,
                        .rows = 1,
                        .panel_to = p.panels,
                        .out = out,
                        .out_row = 8,
                        .bias = bias,
                        .alpha = 1};
            k->gemm[type](&g);
            CHECK(same_bits(out, bias, 8), "%s %s: %g", k->name, type_name((k_weight_type)type), (double)out[0]);
        }
}
