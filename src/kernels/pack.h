/* pack.h - the layout of packed weights, the same for every instruction set but for its width.
 *
 * A panel holds `lanes * vectors` outputs, fewer when n is smaller; the last panel of a matrix only as many vectors as
 * it needs. Within a panel: tap by tap; within a tap, groups of 1 (F32), 2 (BF16) or 4 (INT8) inputs; within a group,
 * output by output its inputs side by side. What is missing to whole groups and vectors is zero. */
#ifndef HSE_KERNELS_PACK_H
#define HSE_KERNELS_PACK_H

#include "kernels/kernels.h"

typedef struct {
    int lanes, vectors;
} k_layout;

static inline int k_group(k_weight_type type)
{
    return type == K_F32 ? 1 : type == K_BF16 ? 2 : 4;
}

size_t k_pack_size(const k_layout *layout, k_weight_type type, int n, int k, int taps);
void k_pack(const k_layout *layout, k_packed *p, void *block, k_weight_type type, int n, int k, int taps,
            const float *w, size_t w_n, size_t w_t, size_t w_i);

#endif
