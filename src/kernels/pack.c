/* pack.c - weights into panels, once per process. Its speed is part of the time to load a model: the inner loops read
 * each source row front to back. */
#include "kernels/pack.h"

#include "kernels/convert.h"

enum { ALIGN = 64 };

static int round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}

static size_t round_up_size(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* The fields that follow from the shape; data, scale and comp point into the block. */
static size_t shape(const k_layout *layout, k_packed *p, void *block, k_weight_type type, int n, int k, int taps)
{
    int most = layout->lanes * layout->vectors, fits = round_up(n, layout->lanes);

    *p = (k_packed){.type = type, .n = n, .k = k, .taps = taps};
    p->panel = fits < most ? (fits > 0 ? fits : layout->lanes) : most;
    p->panels = (n + p->panel - 1) / p->panel;
    size_t padded = (size_t)p->panel * (size_t)p->panels;
    size_t inputs = (size_t)round_up(k, k_group(type)) * (size_t)taps;
    size_t element = type == K_F32 ? 4 : type == K_BF16 ? 2 : 1;

    p->panel_bytes = round_up_size(inputs * (size_t)p->panel * element);
    size_t size = (size_t)p->panels * p->panel_bytes;
    p->data = block;
    if (type == K_INT8) {
        size_t scales = round_up_size(padded * sizeof(float)), comps = round_up_size((size_t)taps * padded * sizeof(int32_t));
        if (block != NULL) {
            p->scale = (float *)(void *)((char *)block + size);
            p->comp = (int32_t *)(void *)((char *)block + size + scales);
        }
        size += scales + comps;
    }
    return size;
}

size_t k_pack_size(const k_layout *layout, k_weight_type type, int n, int k, int taps)
{
    k_packed p;

    return shape(layout, &p, NULL, type, n, k, taps);
}

/* One output's inputs of one tap into its column of the panel: src[i * w_i] -> dst[i / group][i % group], groups `step`
 * elements apart. */
static void column_f32(float *dst, size_t step, const float *src, size_t w_i, int k)
{
    for (int i = 0; i < k; i++)
        dst[(size_t)i * step] = src[(size_t)i * w_i];
}

static void column_bf16(uint16_t *dst, size_t step, const float *src, size_t w_i, int k)
{
    for (int i = 0; i < k; i++)
        dst[(size_t)(i / 2) * step + (size_t)(i % 2)] = k_to_bf16(src[(size_t)i * w_i]);
}

static int32_t column_int8(int8_t *dst, size_t step, const float *src, size_t w_i, int k, float factor)
{
    int32_t sum = 0;

    for (int i = 0; i < k; i++) {
        int q = k_to_int8(src[(size_t)i * w_i], factor);
        dst[(size_t)(i / 4) * step + (size_t)(i % 4)] = (int8_t)q;
        sum += q;
    }
    return sum;
}

static float largest(const float *w, size_t w_t, size_t w_i, int taps, int k)
{
    float max = 0.0f;

    for (int t = 0; t < taps; t++)
        for (int i = 0; i < k; i++) {
            float v = fabsf(w[(size_t)t * w_t + (size_t)i * w_i]);
            if (!(v <= max))                                /* also takes a NaN, and keeps it */
                max = isnan(max) ? max : v;
        }
    return max;
}

void k_pack(const k_layout *layout, k_packed *p, void *block, k_weight_type type, int n, int k, int taps, const float *w,
            size_t w_n, size_t w_t, size_t w_i)
{
    memset(block, 0, shape(layout, p, block, type, n, k, taps));
    size_t group = (size_t)k_group(type), groups = ((size_t)k + group - 1) / group;

    for (int j = 0; j < n; j++) {
        int panel = j / p->panel, column = j % p->panel, left = n - panel * p->panel;
        int width = left < p->panel ? round_up(left, layout->lanes) : p->panel;
        size_t step = (size_t)width * group, padded = (size_t)p->panel * (size_t)p->panels;
        const float *src = w + (size_t)j * w_n;
        char *dst = (char *)p->data + (size_t)panel * p->panel_bytes;
        float factor = 0.0f;

        if (type == K_INT8) {
            float max = largest(src, w_t, w_i, taps, k);
            factor = k_int8_factor(max);
            p->scale[j] = k_int8_scale(max);
        }
        for (int t = 0; t < taps; t++, src += w_t) {
            size_t at = (size_t)t * groups * step + (size_t)column * group;
            if (type == K_F32)
                column_f32((float *)(void *)dst + at, step, src, w_i, k);
            else if (type == K_BF16)
                column_bf16((uint16_t *)(void *)dst + at, step, src, w_i, k);
            else
                p->comp[(size_t)t * padded + (size_t)j] =
                    -128 * column_int8((int8_t *)dst + at, step, src, w_i, k, factor);
        }
    }
}
