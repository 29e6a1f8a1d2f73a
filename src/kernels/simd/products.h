/* products.h - the table's fields for packing and products, from gemm.h and matmul.h as instantiated by the file that includes this. */
#ifndef HSE_KERNELS_SIMD_PRODUCTS_H
#define HSE_KERNELS_SIMD_PRODUCTS_H

static const k_layout layout = {.lanes = VF_LANES, .vectors = MOST_VECTORS};

static size_t pack_size(k_weight_type type, int n, int k, int taps)
{
    return k_pack_size(&layout, type, n, k, taps);
}

static void pack(k_packed *p, void *block, k_weight_type type, int n, int k, int taps, const float *w, size_t w_n,
                 size_t w_t, size_t w_i)
{
    k_pack(&layout, p, block, type, n, k, taps, w, w_n, w_t, w_i);
}

static void fill_products(hse_kernels *k)
{
    k->pack_size = pack_size;
    k->pack = pack;
    k->layout = &layout;
    k->gemm[K_F32] = gemm_f32;
    k->gemm[K_BF16] = gemm_bf16;
    k->gemm[K_INT8] = gemm_int8;
    for (int type = 0; type < K_WEIGHT_TYPES; type++)
        k->gemm_rows[type] = GEMM_ROWS;
    k->matmul_nt = k_matmul_nt;
    k->matmul_nn = k_matmul_nn;
}

#endif
