/* elements.c - element by element, and one step of the recurrent layers. */
#include "kernels/generic/generic.h"

#include "kernels/convert.h"

static float sigmoid(float v)
{
    return 1.0f / (1.0f + expf(-v));
}

float k_generic_act1(float v, k_act act, float slope)
{
    switch (act) {
    case K_RELU: return v < 0.0f ? 0.0f : v;
    case K_LEAKY_RELU: return v < 0.0f ? v * slope : v;
    case K_GELU:
        return (float)(0.5 * (double)v * erfc((double)v * -0.70710678118654752)); /* in float the tail loses digits */
    case K_GELU_TANH:
        return v * sigmoid(1.5957691216057308f * (v + 0.044715f * v * v * v)); /* 1 + tanh(u) = 2 sigmoid(2u) */
    case K_TANH: return tanhf(v);
    case K_SIGMOID: return sigmoid(v);
    case K_SILU: return v * sigmoid(v);
    case K_EXP: return expf(v);
    case K_ELU: return v < 0.0f ? expm1f(v) : v;
    case K_ADD_SIN:
        v = v < 0.0f ? v * slope : v;
        return fabsf(v) < 8388608.0f ? v + sinf(v)
                                     : v; /* beyond, a unit is more than the sine can be; of an infinity none */
    case K_NONE:
    case K_ACTS: break;
    }
    return v;
}

static void act(float *out, const float *in, size_t n, k_act a, float slope)
{
    for (size_t i = 0; i < n; i++)
        out[i] = k_generic_act1(in[i], a, slope);
}

static void add(float *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

static void mul(float *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] * b[i];
}

static void axpy(float *y, const float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a * x[i] + y[i];
}

static void scale(float *out, const float *in, float a, float b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a * in[i] + b;
}

static void max(float *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = isnan(a[i]) || a[i] > b[i] ? a[i] : b[i];
}

static void affine(float *out, const float *in, const float *gain, const float *shift, int rows, int n)
{
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < n; j++) {
            size_t at = (size_t)r * (size_t)n + (size_t)j;
            out[at] = in[at] * gain[j] + (shift != NULL ? shift[j] : 0.0f);
        }
}

static void gate(float *out, const float *x, const float *shift, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = tanhf(x[i] + shift[i]) * sigmoid(x[n + i] + shift[n + i]);
}

static void highway(float *x, const float *g, const float *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = g[i] * (h[i] < 0.0f ? 0.0f : h[i]) + (1.0f - g[i]) * x[i];
}

static void lstm_step(float *h, float *c, const float *gates, int width)
{
    size_t w = (size_t)width;

    for (size_t j = 0; j < w; j++) {
        float in = sigmoid(gates[j]), forget = sigmoid(gates[w + j]), out = sigmoid(gates[3 * w + j]);
        c[j] = forget * c[j] + in * tanhf(gates[2 * w + j]);
        h[j] = out * tanhf(c[j]);
    }
}

static void gru_step(float *h, const float *x, const float *u, int width)
{
    size_t w = (size_t)width;

    for (size_t j = 0; j < w; j++) {
        float reset = sigmoid(x[j] + u[j]), keep = sigmoid(x[w + j] + u[w + j]);
        float fresh = tanhf(x[2 * w + j] + reset * u[2 * w + j]);
        h[j] = (1.0f - keep) * fresh + keep * h[j];
    }
}

/* Exact, denormals and NaN payloads too: the exponent is rebased by a multiplication with 2^112. */
static void from_f16(float *out, const void *in, size_t n)
{
    const uint8_t *p = in;

    for (size_t i = 0; i < n; i++) {
        uint32_t half = (uint32_t)p[2 * i] | (uint32_t)p[2 * i + 1] << 8, magnitude = (half & 0x7fffu) << 13;
        union {
            uint32_t u;
            float f;
        } x = {.u = magnitude}, y = {.f = x.f * 0x1p112f};
        y.u = (magnitude >= 0x7c00u << 13 ? magnitude | 0x7f800000u : y.u) | (half & 0x8000u) << 16;
        out[i] = y.f;
    }
}

static void from_either(float *out, const char *in, bool half, int i)
{
    if (half)
        from_f16(out, in + 2 * (size_t)i, 1);
    else
        memcpy(out, in + 4 * (size_t)i, sizeof *out);
}

static void to_bf16(uint16_t *out, size_t out_row, const float *in, size_t in_row, int rows, int k, k_act a,
                    float slope)
{
    for (int r = 0; r < rows; r++, out += out_row, in += in_row) {
        for (int i = 0; i < k; i++)
            out[i] = k_to_bf16(k_generic_act1(in[i], a, slope));
        if (k % 2)
            out[k] = 0;
    }
}

static void to_int8(uint8_t *out, size_t out_row, float *out_scale, const float *in, size_t in_row, int rows, int k,
                    k_act a, float slope)
{
    for (int r = 0; r < rows; r++, out += out_row, in += in_row) {
        float most = 0.0f;
        for (int i = 0; i < k; i++) {
            float v = fabsf(k_generic_act1(in[i], a, slope));
            if (!(v <= most))
                most = isnan(most) ? most : v;
        }
        float factor = k_int8_factor(most);
        out_scale[r] = k_int8_scale(most);
        for (int i = 0; i < k; i++)
            out[i] = (uint8_t)(k_to_int8(k_generic_act1(in[i], a, slope), factor) + 128);
        for (int i = k; i % 4 != 0; i++)
            out[i] = 128;
    }
}

static void quantize(int8_t *out, size_t out_row, float *out_scale, int32_t *out_sum, const void *in, bool halves,
                     size_t in_row, int rows, int k)
{
    const char *p = in;

    for (int r = 0; r < rows; r++, out += out_row, p += in_row * (halves ? 2 : 4)) {
        float most = 0.0f, v;
        int32_t total = 0;
        for (int i = 0; i < k; i++) {
            from_either(&v, p, halves, i);
            if (!(fabsf(v) <= most))
                most = isnan(most) ? most : fabsf(v);
        }
        float factor = k_int8_factor(most);
        out_scale[r] = k_int8_scale(most);
        for (int i = 0; i < k; i++) {
            from_either(&v, p, halves, i);
            out[i] = (int8_t)k_to_int8(v, factor);
            total += out[i];
        }
        for (int i = k; i % 4 != 0; i++)
            out[i] = 0;
        out_sum[r] = total;
    }
}

static void turn(void *out, size_t out_row, const void *in, size_t in_row, int rows, int words)
{
    char *to = out;

    for (int i = 0; i < words; i++, to += out_row)
        for (int j = 0; j < rows; j++)
            memcpy(to + (size_t)j * 4, (const char *)in + (size_t)j * in_row + (size_t)i * 4, 4);
}

void k_generic_elements(hse_kernels *k)
{
    k->act = act;
    k->add = add;
    k->mul = mul;
    k->axpy = axpy;
    k->scale = scale;
    k->max = max;
    k->affine = affine;
    k->gate = gate;
    k->highway = highway;
    k->lstm_step = lstm_step;
    k->gru_step = gru_step;
    k->to_bf16 = to_bf16;
    k->from_f16 = from_f16;
    k->to_int8 = to_int8;
    k->quantize = quantize;
    k->turn = turn;
}
