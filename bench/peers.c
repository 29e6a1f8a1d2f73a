/* peers.c - oneDNN 2.x by its C interface, and OpenBLAS. */
#include "peers.h"

#include "base/mem.h"

#include <cblas-openblas.h>
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>

void peers_set_threads(int threads)
{
    omp_set_num_threads(threads);
    openblas_set_num_threads(threads);
}

void peers_print_versions(void)
{
    const dnnl_version_t *v = dnnl_version();

    printf("oneDNN %d.%d.%d (effective set %d), %s\n", v->major, v->minor, v->patch, (int)dnnl_get_effective_cpu_isa(),
           openblas_get_config());
}

struct peer_onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t product;
    dnnl_memory_t a, w, out;
};

static dnnl_memory_desc_t matrix(int rows, int columns, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t d;
    dnnl_dims_t dims = {rows, columns};

    dnnl_memory_desc_init_by_tag(&d, 2, dims, type, tag);
    return d;
}

/* The weights from [n][k] into the layout that the product asked for. */
static bool reorder_weights(peer_onednn *p, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, const void *w)
{
    dnnl_memory_t source = NULL;
    dnnl_primitive_desc_t d = NULL;
    dnnl_primitive_t reorder = NULL;
    bool done = false;

    if (dnnl_memory_create(&source, from, p->engine, (void *)(uintptr_t)w) == dnnl_success &&
        dnnl_memory_create(&p->w, to, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success &&
        dnnl_reorder_primitive_desc_create(&d, from, p->engine, to, p->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&reorder, d) == dnnl_success) {
        dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, p->w}};
        done = dnnl_primitive_execute(reorder, p->stream, 2, args) == dnnl_success &&
               dnnl_stream_wait(p->stream) == dnnl_success;
    }
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(d);
    dnnl_memory_destroy(source);
    return done;
}

peer_onednn *peer_onednn_open(k_weight_type type, int m, int n, int k, const void *a, const void *w,
                              const float *w_scale, float *out)
{
    static const dnnl_data_type_t a_type[] = {dnnl_f32, dnnl_bf16, dnnl_u8}, w_type[] = {dnnl_f32, dnnl_bf16, dnnl_s8};
    peer_onednn *p = hse_calloc(1, sizeof *p);
    dnnl_memory_desc_t a_d = matrix(m, k, a_type[type], dnnl_ab), any = matrix(k, n, w_type[type], dnnl_format_tag_any);
    dnnl_memory_desc_t w_d = matrix(k, n, w_type[type], dnnl_ba), out_d = matrix(m, n, dnnl_f32, dnnl_ab);
    dnnl_matmul_desc_t d;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    bool done = false;

    if (p == NULL)
        return NULL;
    if (dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) == dnnl_success &&
        dnnl_primitive_attr_create(&attr) == dnnl_success &&
        (w_scale == NULL || dnnl_primitive_attr_set_output_scales(attr, n, 2, w_scale) == dnnl_success) &&
        dnnl_matmul_desc_init(&d, &a_d, &any, NULL, &out_d) == dnnl_success &&
        dnnl_primitive_desc_create(&pd, &d, attr, p->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&p->product, pd) == dnnl_success &&
        dnnl_memory_create(&p->a, &a_d, p->engine, (void *)(uintptr_t)a) == dnnl_success &&
        dnnl_memory_create(&p->out, &out_d, p->engine, out) == dnnl_success)
        done = reorder_weights(p, &w_d, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), w);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    if (!done) {
        peer_onednn_close(p);
        return NULL;
    }
    return p;
}

void peer_onednn_run(peer_onednn *p)
{
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DST, p->out}};

    dnnl_primitive_execute(p->product, p->stream, 3, args);
    dnnl_stream_wait(p->stream);
}

void peer_onednn_close(peer_onednn *p)
{
    if (p == NULL)
        return;
    dnnl_primitive_destroy(p->product);
    dnnl_memory_destroy(p->a);
    dnnl_memory_destroy(p->w);
    dnnl_memory_destroy(p->out);
    dnnl_stream_destroy(p->stream);
    dnnl_engine_destroy(p->engine);
    hse_free(p);
}

void peer_openblas(int m, int n, int k, const float *a, const float *b, float *out)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0f, a, k, b, n, 0.0f, out, n);
}

void peer_openblas_plain(bool transposed, int m, int n, int k, float alpha, const float *a, const float *b, float *out)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, k, b,
                transposed ? k : n, 0.0f, out, n);
}
