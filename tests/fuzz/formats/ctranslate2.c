/* ctranslate2.c - model.bin files: open, read every tensor, and every matrix with its scales. */
#include "formats/ctranslate2.h"

#include "read_all.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_matrices(const hse_weights *w)
{
    size_t left = FUZZ_ELEMENTS;

    for (size_t i = 0; i < hse_weights_count(w); i++) {
        const hse_weight *t = hse_weights_at(w, i);
        hse_error err = {0};
        ct2_matrix m;
        if (t->count > left || ct2_matrix_open(&m, w, t->name, &err) != HSE_OK)
            continue;
        left -= (size_t)t->count;
        fuzz_check(m.rows * m.cols == t->count || t->count == 0);
        float *out = hse_alloc((size_t)t->count * sizeof *out);
        if (out && t->count)
            ct2_matrix_rows_f32(&m, 0, m.rows, out);
        hse_free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const hse_weights_limits limits = {FUZZ_TENSORS, 1 << 16, 1 << 20};
    hse_weights *w = NULL;
    hse_error err = {0};

    fuzz_open(data, size);
    if (hse_weights_open_bytes(&w, (hse_bytes){data, size}, "input", &limits, &err) == HSE_OK)
        read_matrices(w);
    hse_weights_close(&w);
    return 0;
}
