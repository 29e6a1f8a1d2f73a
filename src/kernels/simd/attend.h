/* attend.h - one query against the rows of a cache, for one instruction set. */
/* clang-format off: loops behind UNROLL */
#ifndef HSE_KERNELS_SIMD_ATTEND_H
#define HSE_KERNELS_SIMD_ATTEND_H

#include "kernels/simd/rows.h"

INLINE vf cache_load(const k_attend *a, size_t at, int left)
{
    if (a->bf16)
        return vf_load_bf16((const uint16_t *)a->cache + at, left);
    return vf_load_n((const float *)a->cache + at, left);
}

/* A row's part is contiguous over the heads; the next row is somewhere else, so it is fetched early. */
INLINE void fetch_row(const k_attend *a, int r, size_t at)
{
    size_t element = a->bf16 ? sizeof(uint16_t) : sizeof(float), bytes = (size_t)a->heads * (size_t)a->width * element;
    const char *p = (const char *)a->cache + ((size_t)a->rows[r] * a->row + at) * element;

    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch(p + i);
}

/* Scores of one row for `heads` heads at once, so that their sums do not wait for each other; each has its own sum. */
INLINE void attend_scores(const k_attend *a, int r, int head, int heads)
{
    vf sum[4];

    UNROLL for (int j = 0; j < 4; j++)
        sum[j] = vf_zero();
    for (int i = 0; i < a->width; i += VF_LANES)
        UNROLL for (int j = 0; j < heads; j++) {
            size_t at = (size_t)(head + j) * (size_t)a->width + (size_t)i;
            vf key = cache_load(a, (size_t)a->rows[r] * a->row + at, a->width - i);
            sum[j] = vf_fma(vf_load_n(a->q + at, a->width - i), key, sum[j]);
        }
    UNROLL for (int j = 0; j < heads; j++)
        a->weights[(size_t)(head + j) * (size_t)a->n + (size_t)r] = a->scale * vf_total(sum[j]);
}

/* Weighted values of `vectors` vectors of a head from column `from` on; the sums stay in registers. */
INLINE void attend_values(const k_attend *a, int head, int from, int vectors)
{
    const float *weight = a->weights + (size_t)head * (size_t)a->n;
    size_t at = (size_t)head * (size_t)a->width + (size_t)from;
    int left = vectors > 1 ? VF_LANES : a->width - from;    /* of the last vector */
    vf sum[4];

    UNROLL for (int v = 0; v < 4; v++)
        sum[v] = vf_zero();
    for (int r = 0; r < a->n; r++) {
        vf w = vf_set1(weight[r]);
        UNROLL for (int v = 0; v < vectors; v++) {
            vf value = cache_load(a, (size_t)a->rows[r] * a->row + a->values + at + (size_t)(v * VF_LANES), left);
            sum[v] = vf_fma(w, value, sum[v]);
        }
    }
    UNROLL for (int v = 0; v < vectors; v++)
        vf_store_n(a->out + at + (size_t)(v * VF_LANES), sum[v], left);
}

static void k_attend_rows(const k_attend *a)
{
    size_t n = (size_t)a->n;

    for (int r = 0; r < a->n; r++) {
        int head = 0;
        if (r + 1 < a->n)
            fetch_row(a, r + 1, 0);
        for (; a->heads - head >= 4; head += 4)
            attend_scores(a, r, head, 4);
        for (; head < a->heads; head++)
            attend_scores(a, r, head, 1);
    }
    k_softmax(a->weights, n, a->heads, a->n);
    for (int head = 0; head < a->heads; head++) {
        int i = 0;
        for (; a->width - i >= 4 * VF_LANES; i += 4 * VF_LANES)
            attend_values(a, head, i, 4);
        for (; i < a->width; i += VF_LANES)
            attend_values(a, head, i, 1);
    }
}

#endif
