/* Layers as wide as the published models have them, on every instruction set and weight type, against double sums at places
 * picked at random: what small dims cannot show (many panels, long sums, blocks of the inner dimension). */
#include "nn_test.h"

typedef enum { LINEAR, CONV, TRANSPOSED, CONV_2D } layer_kind;

typedef struct {
    const char *name;
    layer_kind  kind;
    int         in, out, kernel, dilation, stride, rows, width;
} wide_layer;

static const wide_layer layers[] = {
    {"Whisper large: first linear",        LINEAR, 1280, 5120, 1, 1, 1, 21, 1},
    {"Whisper large: second linear",       LINEAR, 5120, 1280, 1, 1, 1, 9, 1},
    {"Whisper base: logits",               LINEAR, 512, 51865, 1, 1, 1, 3, 1},
    {"Whisper large: first convolution",   CONV, 128, 1280, 3, 1, 1, 37, 1},
    {"BERT large: intermediate",           LINEAR, 1024, 4096, 1, 1, 1, 13, 1},
    {"BERT large: output",                 LINEAR, 4096, 1024, 1, 1, 1, 13, 1},
    {"VITS: feed-forward",                 CONV, 192, 768, 3, 1, 1, 41, 1},
    {"VITS: spectrogram",                  LINEAR, 513, 192, 1, 1, 1, 41, 1},
    {"VITS: gate of a WaveNet layer",      CONV, 192, 384, 5, 1, 1, 41, 1},
    {"VITS: decoder, first",               CONV, 192, 512, 7, 1, 1, 41, 1},
    {"VITS: decoder, upsampling",          TRANSPOSED, 512, 256, 16, 1, 8, 11, 1},
    {"VITS: decoder, widest residual",     CONV, 256, 256, 11, 5, 1, 67, 1},
    {"VoiceFixer: generator, first",       CONV, 512, 1024, 7, 1, 1, 23, 1},
    {"VoiceFixer: generator, upsampling",  TRANSPOSED, 1024, 512, 14, 1, 7, 7, 1},
    {"VoiceFixer: residual, dilated",      CONV, 512, 512, 3, 27, 1, 83, 1},
    {"VoiceFixer: UNet, deepest",          CONV_2D, 384, 384, 3, 1, 1, 5, 2},
    {"VoiceFixer: UNet, widest picture",   CONV_2D, 64, 32, 3, 1, 1, 6, 128},
    {"Harmony Speech: bank of the prenet", CONV, 256, 256, 16, 1, 1, 31, 1},
    {"Harmony Speech: vocoder, first",     CONV, 80, 512, 7, 1, 1, 31, 1},
};

static float weight(const wide_layer *l, const float *w, int o, int i, int k)
{
    int taps = l->kind == CONV_2D ? l->kernel * l->kernel : l->kernel;

    return l->kind == TRANSPOSED ? w[((size_t)i * (size_t)l->out + (size_t)o) * (size_t)taps + (size_t)k]
                                 : w[((size_t)o * (size_t)l->in + (size_t)i) * (size_t)taps + (size_t)k];
}

static double row_sum(const wide_layer *l, const float *w, const float *x, int o, int k)
{
    double sum = 0;

    for (int i = 0; i < l->in; i++)
        sum += (double)x[i] * weight(l, w, o, i, k);
    return sum;
}

/* Output (row, place, channel) in double. */
static double reference_at(const wide_layer *l, const float *w, const float *bias, const float *x, int r, int p, int o)
{
    int span = l->dilation * (l->kernel - 1), left = span - span / 2;
    double sum = bias[o];

    for (int k = 0; k < l->kernel; k++) {
        int from = r - left + k * l->dilation;
        if (l->kind == TRANSPOSED) {                        /* cut at both ends, an odd one in front */
            int cut = l->kernel - l->stride, at = r + cut - cut / 2 - k;
            if (at < 0 || at % l->stride || at / l->stride >= l->rows)
                continue;
            from = at / l->stride;
        }
        for (int q = 0; q < (l->kind == CONV_2D ? l->kernel : 1); q++) {
            int place = l->kind == CONV_2D ? p - l->kernel / 2 + q : 0, tap = l->kind == CONV_2D ? k * l->kernel + q : k;
            if (from >= 0 && from < l->rows && place >= 0 && place < l->width)
                sum += row_sum(l, w, x + ((size_t)from * (size_t)l->width + (size_t)place) * (size_t)l->in, o, tap);
        }
    }
    return sum;
}

typedef union {
    nn_linear_layer           linear;
    nn_conv1d_layer           conv;
    nn_conv_transpose1d_layer transposed;
    nn_conv2d_layer           conv2d;
} any_layer;

static void bind_layer(nn_binder *b, const wide_layer *l, any_layer *to, const float *w, const float *bias)
{
    switch (l->kind) {
    case LINEAR: nn_make_linear(b, &to->linear, l->in, l->out, w, bias); break;
    case CONV: nn_make_conv1d(b, &to->conv, l->in, l->out, l->kernel, l->dilation, w, bias); break;
    case TRANSPOSED: nn_make_conv_transpose1d(b, &to->transposed, l->in, l->out, l->kernel, l->stride, w, bias); break;
    case CONV_2D:
        nn_make_conv2d(b, &to->conv2d, l->in, l->out, l->kernel, l->kernel, w, bias);
        to->conv2d.top = to->conv2d.bottom = to->conv2d.before = to->conv2d.after = l->kernel / 2;
    }
}

static nn_tensor run_layer(nn_ctx *c, const wide_layer *l, const any_layer *m, nn_tensor x)
{
    switch (l->kind) {
    case LINEAR: return nn_linear(c, &m->linear, x);
    case CONV: return nn_conv1d(c, &m->conv, x);
    case TRANSPOSED: return nn_conv_transpose1d(c, &m->transposed, x);
    default: return nn_conv2d(c, &m->conv2d, x);
    }
}

enum { PLACES = 96 };

/* The numbers at the places; all of the output is computed. */
static void compute(const wide_layer *l, const hse_kernels *kernels, k_weight_type type, const float *w, const float *bias, const float *x,
                    const size_t *place, size_t total, float *got)
{
    nn_params *params = NULL;
    nn_binder *b = NULL;
    hse_pool *pool = NULL;
    nn_ctx *c = NULL;
    any_layer m = {0};
    hse_error err = {0};
    float *out = malloc(total * sizeof *out);

    assert_int_equal(nn_binder_open(&b, &(nn_binder_options){.kernels = kernels, .type = type}, &err), HSE_OK);
    bind_layer(b, l, &m, w, bias);
    CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s: %s", l->name, err.text);
    assert_int_equal(hse_pool_open(&pool, 2, &err), HSE_OK);
    assert_int_equal(nn_open(&c, &(nn_options){.kernels = kernels, .pool = pool, .poison = true}, &err), HSE_OK);
    nn_begin(c, NN_RUN);
    nn_tensor y = run_layer(c, l, &m, nn_input2d(c, 1, &l->rows, l->width, l->in, &x));
    CHECK(nn_ok(c) && (size_t)nn_rows(c, y, 0) * (size_t)nn_width(y) * (size_t)nn_cols(y) == total, "%s: another shape", l->name);
    nn_read(c, y, 0, out, total);
    CHECK(nn_end(c, &err) == HSE_OK, "%s: %s", l->name, err.text);
    for (int i = 0; i < PLACES; i++)
        got[i] = out[place[i]];
    nn_close(&c);
    hse_pool_close(&pool);
    nn_params_free(&params);
    free(out);
}

static void check_layer(const wide_layer *l, const unsigned *masks, int count)
{
    static const double floor_db[K_WEIGHT_TYPES] = {[K_F32] = 110, [K_BF16] = 42, [K_INT8] = 33};
    size_t taps = (size_t)(l->kind == CONV_2D ? l->kernel * l->kernel : l->kernel);
    size_t rows = (size_t)l->rows * (size_t)l->stride, total = rows * (size_t)l->width * (size_t)l->out, place[PLACES];
    const float *w = numbers(1, (size_t)l->in * (size_t)l->out * taps), *bias = numbers(2, (size_t)l->out);
    const float *x = numbers(3, (size_t)l->rows * (size_t)l->width * (size_t)l->in), *pick = numbers(4, PLACES);
    double want[PLACES];
    float got[PLACES];

    for (int i = 0; i < PLACES; i++) {
        place[i] = i < 2 ? (size_t)i * (total - 1) : (size_t)((0.5 + 0.5 * (double)pick[i]) * 0.999999 * (double)total);     /* both ends too */
        size_t r = place[i] / (size_t)l->out / (size_t)l->width, p = place[i] / (size_t)l->out % (size_t)l->width;
        want[i] = reference_at(l, w, bias, x, (int)r, (int)p, (int)(place[i] % (size_t)l->out));
    }
    for (int m = 0; m < count; m++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            compute(l, hse_kernels_get(masks[m]), (k_weight_type)type, w, bias, x, place, total, got);
            CHECK(snr_db(want, got, PLACES) >= floor_db[type], "%s, %s, type %d: %.1f dB, want %.0f", l->name,
                  hse_kernels_get(masks[m])->name, type, snr_db(want, got, PLACES), floor_db[type]);
        }
}

TEST(published_widths_agree_with_double)
{
    unsigned masks[8];
    int count = all_masks(masks);

    for (size_t i = 0; i < COUNT(layers); i++)
        check_layer(&layers[i], masks, count);
}
