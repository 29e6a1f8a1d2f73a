/* pack.h - the layout of packed weights, the same for every instruction set but for its width.
 *
 * A panel holds `lanes * vectors` outputs, fewer when n is smaller; the last panel of a matrix only as many vectors as
 * it needs. Within a panel: tap by tap; within a tap, groups of 1 (F32), 2 (BF16) or 4 (INT8) inputs; within a group,
 * output by output its inputs side by side. What is missing to whole groups and vectors is zero. */
#ifndef HSE_KERNELS_PACK_H
#define HSE_KERNELS_PACK_H

#include "kernels/kernels.h"

enum { K_MOST_INPUTS = 8192 };              /* of a row that k_pack_panel_halves takes */

typedef struct k_layout {
    int lanes, vectors;
} k_layout;

static inline int k_group(k_weight_type type)
{
    return type == K_F32 ? 1 : type == K_BF16 ? 2 : 4;
}

size_t k_pack_size(const k_layout *layout, k_weight_type type, int n, int k, int taps);
void k_pack(const k_layout *layout, k_packed *p, void *block, k_weight_type type, int n, int k, int taps,
            const float *w, size_t w_n, size_t w_t, size_t w_i);

/* The same in parts, for weights that come in pieces or are packed on several threads. k_pack_begin gives p its shape (block
 * NULL: only that) and returns the bytes; then each panel is packed once, in any order, on any thread. */
size_t k_pack_begin(const hse_kernels *k, k_packed *p, void *block, k_weight_type type, int n, int inputs, int taps);
int    k_panel_outputs(const k_packed *p, int panel);                   /* how many of the n outputs are in it */
/* w: the panel's first output's weights; strides as in hse_kernels.pack. */
void   k_pack_panel(const hse_kernels *k, const k_packed *p, int panel, const float *w, size_t w_n, size_t w_t, size_t w_i);
/* INT8 with one tap and up to K_MOST_INPUTS inputs from halves (little-endian, at any alignment; w_n in halves). */
void   k_pack_panel_halves(const hse_kernels *k, const k_packed *p, int panel, const void *w, size_t w_n);
/* INT8 with one tap from numbers that are quantized already: w[j * w_n + i] * scale[j] is the weight. */
void   k_pack_panel_int8(const hse_kernels *k, const k_packed *p, int panel, const int8_t *w, size_t w_n, const float *scale);
/* The weights of one output (one tap) as they are used: p->k floats. */
void   k_unpack_output(const hse_kernels *k, const k_packed *p, int output, float *out);

#endif
