/* math.h - functions of vectors: the same operations in every lane, so an element's result does not depend on its
 * place. The polynomials are minimax fits (Remez) of relative error below 4e-8; tests/unit/kernels measures the
 * functions. */
/* clang-format off: loops behind UNROLL, tables of one-line functions */
#ifndef HSE_KERNELS_SIMD_MATH_H
#define HSE_KERNELS_SIMD_MATH_H

#include "kernels/kernels.h"

#include <math.h>

/* c[0] + x c[1] + ... + x^(n-1) c[n-1] */
INLINE vf vf_polynomial(vf x, const float *c, int n)
{
    vf p = vf_set1(c[n - 1]);

    UNROLL for (int i = n - 2; i >= 0; i--)
        p = vf_fma(p, x, vf_set1(c[i]));
    return p;
}

/* e^x = 2^n e^r with |r| <= ln 2 / 2; 2^n in two factors, so that results below the normal range are rounded once and
 * those above become infinite. NaN passes through: vf_min and vf_max give their second operand when either is NaN. */
INLINE vf vf_exp(vf x)
{
    static const float c[] = {0.4999999341f, 0.1666652011f, 0.04166839418f, 0.008368780323f, 0.001381446726f};

    x = vf_min(vf_set1(89.0f), vf_max(vf_set1(-104.0f), x));
    vf n = vf_round(vf_mul(x, vf_set1(1.44269504f)));
    vf r = vf_fma(n, vf_set1(-0.693145752f), x);                /* ln 2 in two parts, the first with zeros at its end */
    r = vf_fma(n, vf_set1(-1.42860677e-6f), r);
    vf tail = vf_fma(vf_mul(r, r), vf_polynomial(r, c, COUNT(c)), r);
    vf half = vf_round(vf_mul(n, vf_set1(0.5f)));
    return vf_mul(vf_mul(vf_add(tail, vf_set1(1.0f)), vf_exp2(half)), vf_exp2(vf_sub(n, half)));
}

/* e^x for x <= 0 (or NaN) with a relative error below 1e-5, less than bf16 or int8 show of it. Below 2^-126
 * everything is 2^-126; e^0 is 1. */
INLINE vf vf_exp_below(vf x)
{
    static const float c[] = {1.0f, 0.6931242f, 0.24024099f, 0.055906437f, 0.009582858f};
    vf t = vf_max(vf_set1(-126.0f), vf_mul(x, vf_set1(1.44269504f))), n = vf_round(t);

    return vf_times_exp2(vf_polynomial(vf_sub(t, n), c, COUNT(c)), n);
}

/* 2^t as bf16 shows it, relative error below 1e-4; below 2^-126 everything is 2^-126. NaN passes through. */
INLINE vf vf_exp2_coarse(vf t)
{
    static const float c[] = {0.9999280572f, 0.6932609677f, 0.2426111698f, 0.0551716909f};

    t = vf_max(vf_set1(-126.0f), t);
    vf n = vf_round(t);
    return vf_times_exp2(vf_polynomial(vf_sub(t, n), c, COUNT(c)), n);
}

INLINE vf vf_sigmoid(vf x)
{
    vf one = vf_set1(1.0f);

    return vf_div(one, vf_add(one, vf_exp(vf_neg(x))));
}

/* An odd polynomial near 0, 1 - 2 / (e^2|x| + 1) with x's sign elsewhere. */
INLINE vf vf_tanh(vf x)
{
    static const float c[] = {-0.3333333091f, 0.1333320976f, -0.05394720385f, 0.0217029661f, -0.008182673555f,
                              0.002147537952f};
    vf a = vf_abs(x), z = vf_mul(x, x), one = vf_set1(1.0f);
    vf near = vf_fma(vf_mul(x, z), vf_polynomial(z, c, COUNT(c)), x);
    vf far = vf_sub(one, vf_div(vf_set1(2.0f), vf_add(vf_exp(vf_add(a, a)), one)));

    far = vf_select(vf_less(x, vf_zero()), vf_neg(far), far);
    return vf_select(vf_less(a, vf_set1(0.625f)), near, far);
}

/* x Phi(x) as max(x, 0) - |x| Phi(-|x|), which loses no digits on either side. Phi(-a) = e^(-a^2/2) t P(t) with
 * t = 1 / (1 + 0.35 a); the square's rounding error goes through e^x to first order. At 14.5 e^x is 0. */
INLINE vf vf_gelu(vf x)
{
    static const float c[] = {0.1396214042f, 0.1398618719f, 0.1198328488f, 0.1055080903f, -0.02311006879f,
                              0.1591745439f, -0.2557146285f, 0.1439718971f, -0.02914597486f};
    vf a = vf_min(vf_set1(14.5f), vf_abs(x)), square = vf_mul(a, a);
    vf lost = vf_fma(a, a, vf_neg(square));
    vf t = vf_div(vf_set1(1.0f), vf_fma(a, vf_set1(0.35f), vf_set1(1.0f)));
    vf e = vf_exp(vf_mul(square, vf_set1(-0.5f)));
    e = vf_fma(vf_mul(lost, vf_set1(-0.5f)), e, e);
    vf below = vf_mul(vf_mul(e, t), vf_polynomial(t, c, COUNT(c)));

    return vf_sub(vf_max(vf_zero(), x), vf_mul(a, below));
}

/* The same within 4e-7 of 1 + |x|, far less work, for sums of int8 products: Phi(x) - 1/2 as x times a polynomial of x^2 - 12.5, Phi(5) for
 * all beyond. */
INLINE vf vf_gelu_near(vf x)
{
    static const float c[] = {1.413638e-1f,    -5.623741e-3f,  3.2972146e-4f,   -2.0699186e-5f, 1.2886858e-6f,
                              -7.6651546e-8f,  4.2756083e-9f,  -2.2475423e-10f, 1.1073592e-11f, -4.653433e-13f,
                              1.6581927e-14f,  -8.2615173e-16f, 4.6113043e-17f, -1.1421336e-18f};
    vf a = vf_min(vf_set1(5.0f), vf_max(vf_set1(-5.0f), x)), z = vf_fma(a, a, vf_set1(-12.5f));

    return vf_mul(x, vf_fma(a, vf_polynomial(z, c, COUNT(c)), vf_set1(0.5f)));
}

INLINE vf vf_gelu_tanh(vf x)
{
    vf cube = vf_mul(vf_mul(x, x), x), u = vf_fma(cube, vf_set1(0.044715f), x);

    return vf_mul(x, vf_sigmoid(vf_mul(u, vf_set1(1.5957691216057308f))));      /* 1 + tanh(u) = 2 sigmoid(2u) */
}

/* x + sin x. sin x = (-1)^n sin r with r = x - n pi in -pi/2..pi/2, pi in three parts; from 2^23 on a unit in the last
 * place is more than a sine can be. */
INLINE vf vf_add_sin(vf x)
{
    static const float c[] = {-0.1666666664f, 0.0083333315f, -0.0001984090f, 0.0000027526f, -0.0000000239f};
    vf n = vf_round(vf_mul(x, vf_set1(0.318309886f)));
    vf odd = vf_sub(n, vf_mul(vf_set1(2.0f), vf_round(vf_mul(n, vf_set1(0.5f)))));  /* -1, 0 or 1 */
    vf r = vf_fma(n, vf_set1(-3.140625f), x);

    r = vf_fma(n, vf_set1(-9.67502593994140625e-4f), r);
    r = vf_fma(n, vf_set1(-1.509957990978376e-7f), r);
    vf z = vf_mul(r, r);
    vf sine = vf_fma(vf_mul(r, z), vf_polynomial(z, c, COUNT(c)), r);
    sine = vf_fma(vf_mul(vf_mul(odd, odd), vf_set1(-2.0f)), sine, sine);
    return vf_add(x, vf_select(vf_less(vf_abs(x), vf_set1(8388608.0f)), sine, vf_zero()));
}

/* `act` is the same for many vectors, so the branches cost nothing. */
INLINE vf vf_act(vf x, k_act act, float slope)
{
    switch (act) {
    case K_RELU:
        return vf_max(vf_zero(), x);
    case K_LEAKY_RELU:
        return vf_select(vf_less(x, vf_zero()), vf_mul(x, vf_set1(slope)), x);
    case K_GELU:
        return vf_gelu(x);
    case K_GELU_TANH:
        return vf_gelu_tanh(x);
    case K_TANH:
        return vf_tanh(x);
    case K_SIGMOID:
        return vf_sigmoid(x);
    case K_SILU:
        return vf_mul(x, vf_sigmoid(x));
    case K_EXP:
        return vf_exp(x);
    case K_ELU:
        return vf_select(vf_less(x, vf_zero()), vf_sub(vf_exp(x), vf_set1(1.0f)), x);
    case K_ADD_SIN:
        return vf_add_sin(vf_select(vf_less(x, vf_zero()), vf_mul(x, vf_set1(slope)), x));
    case K_NONE:
    case K_ACTS:
        break;
    }
    return x;
}

/* The largest of a row; a NaN may be passed over, since it makes the row's sum NaN in any case. */
INLINE float largest_of(const float *x, int n)
{
    vf lowest = vf_set1(-INFINITY), most = lowest, other[3] = {lowest, lowest, lowest};
    float lane[VF_LANES], result;
    int i = 0;

    for (; n - i >= 4 * VF_LANES; i += 4 * VF_LANES) {          /* four, so that none waits for the one before */
        most = vf_max(vf_load(x + i), most);
        UNROLL for (int j = 0; j < 3; j++)
            other[j] = vf_max(vf_load(x + i + (j + 1) * VF_LANES), other[j]);
    }
    most = vf_max(vf_max(other[0], other[1]), vf_max(other[2], most));
    for (; n - i >= VF_LANES; i += VF_LANES)
        most = vf_max(vf_load(x + i), most);
    if (i < n)
        most = vf_max(vf_load_or(x + i, n - i, lowest), most);
    vf_store(lane, most);
    result = lane[0];
    for (int j = 1; j < VF_LANES; j++)
        result = lane[j] > result ? lane[j] : result;
    return result;
}

#endif
