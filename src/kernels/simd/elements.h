/* elements.h - element by element, for one instruction set. Full vectors, then one with its first lanes only. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_SIMD_ELEMENTS_H
#define HSE_KERNELS_SIMD_ELEMENTS_H

#include "kernels/simd/math.h"

/* `left` is a constant in the loop over full vectors, so only one of the two is there. */
INLINE vf vf_load_some(const float *p, int left)
{
    return left == VF_LANES ? vf_load(p) : vf_load_n(p, left);
}

INLINE void vf_store_some(float *p, vf x, int left)
{
    if (left == VF_LANES)
        vf_store(p, x);
    else
        vf_store_n(p, x, left);
}

/* For each vector of n elements the statements given, in which AT(p) is p's part and SET(p, value) its new value. */
#define EACH_VECTOR(n, ...)                                                                                            \
    do {                                                                                                               \
        size_t i = 0, each_n = (n);                                                                                    \
        for (; each_n - i >= VF_LANES; i += VF_LANES) {                                                                \
            enum { left = VF_LANES };                                                                                  \
            __VA_ARGS__;                                                                                               \
        }                                                                                                              \
        if (i < each_n) {                                                                                              \
            int left = (int)(each_n - i);                                                                              \
            __VA_ARGS__;                                                                                               \
        }                                                                                                              \
    } while (0)
#define AT(p)         vf_load_some((p) + i, left)
#define SET(p, value) vf_store_some((p) + i, value, left)

static void k_act_all(float *out, const float *in, size_t n, k_act act, float slope)
{
    EACH_VECTOR(n, SET(out, vf_act(AT(in), act, slope)));
}

static void k_add(float *out, const float *a, const float *b, size_t n)
{
    EACH_VECTOR(n, SET(out, vf_add(AT(a), AT(b))));
}

static void k_mul(float *out, const float *a, const float *b, size_t n)
{
    EACH_VECTOR(n, SET(out, vf_mul(AT(a), AT(b))));
}

static void k_axpy(float *y, const float *x, float a, size_t n)
{
    vf factor = vf_set1(a);

    EACH_VECTOR(n, SET(y, vf_fma(factor, AT(x), AT(y))));
}

static void k_scale(float *out, const float *in, float a, float b, size_t n)
{
    vf factor = vf_set1(a), offset = vf_set1(b);

    EACH_VECTOR(n, SET(out, vf_fma(factor, AT(in), offset)));
}

static void k_max(float *out, const float *a, const float *b, size_t n)
{
    EACH_VECTOR(n, vf x = AT(a), y = AT(b); SET(out, vf_select(vf_is_nan(x), x, vf_max(x, y))));
}

static void k_affine(float *out, const float *in, const float *gain, const float *shift, int rows, int n)
{
    for (int r = 0; r < rows; r++, in += n, out += n) {
        if (shift != NULL)
            EACH_VECTOR((size_t)n, SET(out, vf_fma(AT(in), AT(gain), AT(shift))));
        else
            EACH_VECTOR((size_t)n, SET(out, vf_mul(AT(in), AT(gain))));
    }
}

static void k_gate(float *out, const float *x, const float *shift, size_t n)
{
    EACH_VECTOR(n, vf value = vf_tanh(vf_add(AT(x), AT(shift)));
                SET(out, vf_mul(value, vf_sigmoid(vf_add(AT(x + n), AT(shift + n))))));
}

static void k_highway(float *x, const float *g, const float *h, size_t n)
{
    vf one = vf_set1(1.0f);

    EACH_VECTOR(n, vf gate = AT(g), fresh = vf_max(vf_zero(), AT(h));
                SET(x, vf_fma(gate, fresh, vf_mul(vf_sub(one, gate), AT(x)))));
}

static void k_lstm_step(float *h, float *c, const float *gates, int width)
{
    size_t n = (size_t)width;
    const float *in = gates, *forget = gates + n, *fresh = gates + 2 * n, *out = gates + 3 * n;

    EACH_VECTOR(n, vf taken = vf_mul(vf_sigmoid(AT(in)), vf_tanh(AT(fresh)));
                vf cell = vf_fma(vf_sigmoid(AT(forget)), AT(c), taken);
                SET(c, cell);
                SET(h, vf_mul(vf_sigmoid(AT(out)), vf_tanh(cell))));
}

static void k_gru_step(float *h, const float *x, const float *u, int width)
{
    size_t n = (size_t)width;
    const float *x_keep = x + n, *u_keep = u + n, *x_fresh = x + 2 * n, *u_fresh = u + 2 * n;
    vf one = vf_set1(1.0f);

    EACH_VECTOR(n, vf reset = vf_sigmoid(vf_add(AT(x), AT(u)));
                vf keep = vf_sigmoid(vf_add(AT(x_keep), AT(u_keep)));
                vf fresh = vf_tanh(vf_fma(reset, AT(u_fresh), AT(x_fresh)));
                SET(h, vf_fma(keep, AT(h), vf_mul(vf_sub(one, keep), fresh))));
}

static void set_elements(hse_kernels *k)
{
    k->act = k_act_all;
    k->add = k_add;
    k->mul = k_mul;
    k->axpy = k_axpy;
    k->scale = k_scale;
    k->max = k_max;
    k->affine = k_affine;
    k->gate = k_gate;
    k->highway = k_highway;
    k->lstm_step = k_lstm_step;
    k->gru_step = k_gru_step;
}

#endif
