/* peers.h - the libraries that our products are compared with, each with its weights in the form it likes best. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "kernels/kernels.h"

void peers_set_threads(int threads);
void peers_print_versions(void);

typedef struct peer_onednn peer_onednn;

/* out[m][n] = a[m][k] w[n][k]^T. a, w and out are in the type's own form (float, bf16 bits; int8: a uint8, w int8, out
 * float scaled by output channel). NULL when oneDNN has no such product. w may go after the call. */
peer_onednn *peer_onednn_open(k_weight_type type, int m, int n, int k, const void *a, const void *w,
                              const float *w_scale, float *out);
void peer_onednn_run(peer_onednn *p);
void peer_onednn_close(peer_onednn *p);

/* b[k][n], which is the faster of its two forms. */
void peer_openblas(int m, int n, int k, const float *a, const float *b, float *out);
/* b[n][k] when transposed, else b[k][n]. */
void peer_openblas_plain(bool transposed, int m, int n, int k, float alpha, const float *a, const float *b, float *out);

#endif
