/* Whisper's layers at full width against a plain double-precision reference: every weight type on the plainest and on the best
 * instruction set. The reference reads the same file and knows nothing of the network's code. */
#include "whisper_made.h"

#include "base/mem.h"

#include <stdlib.h>

enum { FRAMES = 600, POSITIONS = FRAMES / 2, TOKENS = 6, LAYERS = 1 };

static const int32_t tokens[TOKENS] = {3, 1017, 42, 42, 2999, 0};

/* ---- the reference ---- */

typedef struct {
    const hse_weights *w;
    const whisper_dims *d;
} reference;

static float *tensor(const reference *r, const char *at, const char *name)
{
    char full[200];
    hse_error err = {0};

    snprintf(full, sizeof full, "%s%s", at, name);
    const hse_weight *t = hse_weights_find(r->w, full);
    CHECK(t, "no %s", full);
    float *x = hse_alloc((size_t)t->count * sizeof *x);
    CHECK(x && hse_weights_read_f32(r->w, t, x, &err) == HSE_OK, "%s: %s", full, err.text);
    return x;
}

static double *numbers(size_t n)
{
    double *x = hse_calloc(n, sizeof *x);

    CHECK(x, "no memory for %zu numbers", n);
    return x;
}

static double dot(const double *x, const float *w, int n)
{
    double sum[4] = {0};

    for (int i = 0; i < n; i += 4) /* widths are multiples of 4 */
        for (int k = 0; k < 4; k++)
            sum[k] += x[i + k] * (double)w[i + k];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

static double gelu(double x)
{
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

static double *linear(const reference *r, const char *at, const char *name, const double *x, int rows, int in, int out)
{
    char path[200];
    snprintf(path, sizeof path, "%s%s/", at, name);
    float *w = tensor(r, path, "weight"), *b = tensor(r, path, "bias");
    double *y = numbers((size_t)rows * (size_t)out);

    for (int t = 0; t < rows; t++)
        for (int o = 0; o < out; o++)
            y[(size_t)t * (size_t)out + (size_t)o] = dot(x + (size_t)t * (size_t)in, w + (size_t)o * (size_t)in, in) + (double)b[o];
    hse_free(w);
    hse_free(b);
    return y;
}

static double *norm(const reference *r, const char *at, const char *name, const double *x, int rows)
{
    char path[200];
    int width = r->d->width;
    snprintf(path, sizeof path, "%s%s/", at, name);
    float *g = tensor(r, path, "gamma"), *b = tensor(r, path, "beta");
    double *y = numbers((size_t)rows * (size_t)width);

    for (int t = 0; t < rows; t++) {
        const double *in = x + (size_t)t * (size_t)width;
        double mean = 0, variance = 0;
        for (int i = 0; i < width; i++)
            mean += in[i] / width;
        for (int i = 0; i < width; i++)
            variance += (in[i] - mean) * (in[i] - mean) / width;
        for (int i = 0; i < width; i++)
            y[(size_t)t * (size_t)width + (size_t)i] = (in[i] - mean) / sqrt(variance + 1e-5) * (double)g[i] + (double)b[i];
    }
    hse_free(g);
    hse_free(b);
    return y;
}

static void add(double *x, double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
    hse_free(y);
}

/* q: rows of q_row columns; keys and values: rows of k_row columns, values `width` behind the keys. causal: row t sees keys up to t. */
static double *attend(const reference *r, const double *q, int q_row, int rows, const double *k, int k_row, int keys, int heads, bool causal)
{
    int width = r->d->width, each = width / heads;
    double *y = numbers((size_t)rows * (size_t)width), *p = numbers((size_t)keys);

    for (int t = 0; t < rows; t++)
        for (int h = 0; h < heads; h++) {
            const double *one = q + (size_t)t * (size_t)q_row + (size_t)(h * each);
            int n = causal ? t + 1 : keys;
            double most = -INFINITY, sum = 0;
            for (int j = 0; j < n; j++) {
                const double *key = k + (size_t)j * (size_t)k_row + (size_t)(h * each);
                p[j] = 0;
                for (int i = 0; i < each; i++)
                    p[j] += one[i] * key[i];
                p[j] /= sqrt((double)each);
                most = p[j] > most ? p[j] : most;
            }
            for (int j = 0; j < n; j++)
                sum += p[j] = exp(p[j] - most);
            for (int j = 0; j < n; j++)
                for (int i = 0; i < each; i++)
                    y[(size_t)t * (size_t)width + (size_t)(h * each + i)] +=
                        p[j] / sum * k[(size_t)j * (size_t)k_row + (size_t)(width + h * each + i)];
        }
    hse_free(p);
    return y;
}

static void self_layer(const reference *r, const char *at, double *x, int rows, int heads, bool causal)
{
    int w = r->d->width;
    double *h = norm(r, at, "self_attention/layer_norm", x, rows), *qkv = linear(r, at, "self_attention/linear_0", h, rows, w, 3 * w),
           *a = attend(r, qkv, 3 * w, rows, qkv + w, 3 * w, rows, heads, causal);

    add(x, linear(r, at, "self_attention/linear_1", a, rows, w, w), (size_t)rows * (size_t)w);
    hse_free(h);
    hse_free(qkv);
    hse_free(a);
}

static void ffn_layer(const reference *r, const char *at, double *x, int rows, int ffn)
{
    int w = r->d->width;
    double *h = norm(r, at, "ffn/layer_norm", x, rows), *up = linear(r, at, "ffn/linear_0", h, rows, w, ffn);

    for (size_t i = 0; i < (size_t)rows * (size_t)ffn; i++)
        up[i] = gelu(up[i]);
    add(x, linear(r, at, "ffn/linear_1", up, rows, ffn, w), (size_t)rows * (size_t)w);
    hse_free(h);
    hse_free(up);
}

/* Three taps around each `stride`th row, zeros outside. */
static double *convolve(const reference *r, const char *name, const double *x, int rows, int in, int stride)
{
    int out = r->d->width, n = (rows + stride - 1) / stride;
    char path[200];
    snprintf(path, sizeof path, "encoder/%s/", name);
    float *w = tensor(r, path, "weight"), *b = tensor(r, path, "bias"), *column = hse_alloc(3 * (size_t)in * sizeof *column);
    double *y = numbers((size_t)n * (size_t)out), *window = numbers(3 * (size_t)in);

    CHECK(column, "no memory for a column");
    for (int o = 0; o < out; o++) {
        for (int k = 0; k < 3 * in; k++) /* [in][3] to [3][in] */
            column[k % 3 * in + k / 3] = w[(size_t)o * 3 * (size_t)in + (size_t)k];
        for (int t = 0; t < n; t++) {
            for (int k = 0; k < 3; k++) {
                int from = t * stride + k - 1;
                for (int i = 0; i < in; i++)
                    window[k * in + i] = from >= 0 && from < rows ? x[(size_t)from * (size_t)in + (size_t)i] : 0.0;
            }
            y[(size_t)t * (size_t)out + (size_t)o] = gelu(dot(window, column, 3 * in) + (double)b[o]);
        }
    }
    hse_free(w);
    hse_free(b);
    hse_free(column);
    hse_free(window);
    return y;
}

static void add_positions(const reference *r, const char *half, double *x, int rows)
{
    float *p = tensor(r, half, "/position_encodings/encodings");

    for (size_t i = 0; i < (size_t)rows * (size_t)r->d->width; i++)
        x[i] += (double)p[i];
    hse_free(p);
}

static double *encoder(const reference *r, const float *mel)
{
    double *in = numbers((size_t)FRAMES * (size_t)r->d->mels);
    for (size_t i = 0; i < (size_t)FRAMES * (size_t)r->d->mels; i++)
        in[i] = (double)mel[i];
    double *first = convolve(r, "conv1", in, FRAMES, r->d->mels, 1), *x = convolve(r, "conv2", first, FRAMES, r->d->width, 2);
    char at[64];

    add_positions(r, "encoder", x, POSITIONS);
    for (int i = 0; i < LAYERS; i++) {
        snprintf(at, sizeof at, "encoder/layer_%d/", i);
        self_layer(r, at, x, POSITIONS, r->d->encoder_heads, false);
        ffn_layer(r, at, x, POSITIONS, r->d->encoder_ffn);
    }
    double *y = norm(r, "encoder/", "layer_norm", x, POSITIONS);
    hse_free(in);
    hse_free(first);
    hse_free(x);
    return y;
}

/* The logits of all tokens. */
static double *decoder(const reference *r, const double *heard)
{
    int w = r->d->width;
    float *embeddings = tensor(r, "decoder/embeddings/", "weight");
    double *x = numbers((size_t)TOKENS * (size_t)w);
    char at[64];

    for (int t = 0; t < TOKENS; t++)
        for (int i = 0; i < w; i++)
            x[t * w + i] = (double)embeddings[(size_t)tokens[t] * (size_t)w + (size_t)i];
    add_positions(r, "decoder", x, TOKENS);
    for (int i = 0; i < LAYERS; i++) {
        snprintf(at, sizeof at, "decoder/layer_%d/", i);
        self_layer(r, at, x, TOKENS, r->d->decoder_heads, true);
        double *h = norm(r, at, "attention/layer_norm", x, TOKENS), *q = linear(r, at, "attention/linear_0", h, TOKENS, w, w),
               *kv = linear(r, at, "attention/linear_1", heard, POSITIONS, w, 2 * w),
               *a = attend(r, q, w, TOKENS, kv, 2 * w, POSITIONS, r->d->decoder_heads, false);
        add(x, linear(r, at, "attention/linear_2", a, TOKENS, w, w), (size_t)TOKENS * (size_t)w);
        hse_free(h);
        hse_free(q);
        hse_free(kv);
        hse_free(a);
        ffn_layer(r, at, x, TOKENS, r->d->decoder_ffn);
    }
    double *y = norm(r, "decoder/", "layer_norm", x, TOKENS), *logits = numbers((size_t)TOKENS * (size_t)r->d->vocab);
    for (int t = 0; t < TOKENS; t++)
        for (int v = 0; v < r->d->vocab; v++)
            logits[(size_t)t * (size_t)r->d->vocab + (size_t)v] = dot(y + t * w, embeddings + (size_t)v * (size_t)w, w);
    hse_free(embeddings);
    hse_free(x);
    hse_free(y);
    return logits;
}

/* ---- the network ---- */

static double snr(const double *want, const float *got, size_t n)
{
    double signal = 0, noise = 0;

    for (size_t i = 0; i < n; i++) {
        signal += want[i] * want[i];
        noise += (want[i] - (double)got[i]) * (want[i] - (double)got[i]);
    }
    return 10 * log10(signal / noise);
}

static void run(const made *m, const char *cpu, k_weight_type type, const float *mel, float *heard, float *logits)
{
    const whisper_dims *d = &m->config.dims;
    whisper_network *net = NULL;
    whisper_decoding *decoding = NULL;
    nn_ctx *c = NULL;
    hse_error err = {0};
    unsigned mask = 0;
    int window = -1, frames = FRAMES;
    whisper_row rows[TOKENS];

    CHECK(hse_cpu_mask(cpu, &mask, &err) == HSE_OK && nn_open(&c, &(nn_options){.kernels = hse_kernels_get(mask)}, &err) == HSE_OK &&
              open_made(&net, m, type, hse_kernels_get(mask), NULL, &err) == HSE_OK &&
              whisper_decoding_open(&decoding, net, c, &(whisper_decoding_limits){.windows = 1, .sequences = 1}, &err) == HSE_OK &&
              whisper_encode_windows(decoding, 1, &mel, &frames, &window, true, &err) == HSE_OK &&
              whisper_encoder_output(decoding, window, heard, (size_t)POSITIONS * (size_t)d->width, &err) == HSE_OK,
          "%s: %s", cpu, err.text);
    int sequence = whisper_sequence_new(decoding, window);
    for (int i = 0; i < TOKENS; i++)
        rows[i] = (whisper_row){sequence, tokens[i], true};
    CHECK(whisper_step(decoding, rows, TOKENS, &err) == HSE_OK, "%s: %s", cpu, err.text);
    for (int i = 0; i < TOKENS; i++)
        memcpy(logits + (size_t)i * (size_t)d->vocab, whisper_logits(decoding, i), (size_t)d->vocab * sizeof *logits);
    whisper_decoding_close(&decoding);
    whisper_network_close(&net);
    nn_close(&c);
}

TEST(layers_at_full_width_agree_with_double)
{
    static const struct {
        const char *name;
        int width, heads, mels, vocab;
    } sizes[] = {{"tiny", 384, 6, 80, 51865}, {"base", 512, 8, 80, 3001}, {"small", 768, 12, 80, 3001}, {"large-v3", 1280, 20, 128, 3001}};
    static const struct {
        const char *cpu, *name;
        k_weight_type type;
        double heard, logits;               /* dB at least */
    } ways[] = {{"generic", "float32", K_F32, 110, 110}, {"auto", "float32", K_F32, 110, 110}, {"generic", "bf16", K_BF16, 40, 35},
                {"auto", "bf16", K_BF16, 40, 35},        {"generic", "int8", K_INT8, 30, 20},  {"auto", "int8", K_INT8, 30, 20}};
    size_t n_sizes = getenv("HSE_TEST_QUICK") ? 1 : COUNT(sizes);

    for (size_t i = 0; i < n_sizes; i++) {
        whisper_dims d = {.mels = sizes[i].mels, .vocab = sizes[i].vocab, .width = sizes[i].width,
                          .encoder_ffn = 4 * sizes[i].width, .decoder_ffn = 4 * sizes[i].width + 4,
                          .encoder_heads = sizes[i].heads, .decoder_heads = sizes[i].heads, .encoder_layers = LAYERS,
                          .decoder_layers = LAYERS, .encoder_positions = POSITIONS, .decoder_positions = 448};
        size_t n_mel = (size_t)FRAMES * (size_t)d.mels, n_heard = (size_t)POSITIONS * (size_t)d.width, n_logits = (size_t)TOKENS * (size_t)d.vocab;
        float *mel = hse_alloc(n_mel * sizeof *mel), *heard = hse_alloc(n_heard * sizeof *heard), *logits = hse_alloc(n_logits * sizeof *logits);
        made m = {0};
        uint32_t seed = 17;
        hse_weights *w = NULL;
        hse_error err = {0};

        CHECK(mel && heard && logits, "no memory");
        for (size_t k = 0; k < n_mel; k++)
            mel[k] = noise(&seed);
        make(&m, &d);
        CHECK(hse_weights_open_bytes(&w, (hse_bytes){(const uint8_t *)m.file.data, m.file.size}, "made", NULL, &err) == HSE_OK, "%s", err.text);
        reference r = {.w = w, .d = &d};
        double *want_heard = encoder(&r, mel), *want_logits = decoder(&r, want_heard);
        for (size_t k = 0; k < COUNT(ways); k++) {
            run(&m, ways[k].cpu, ways[k].type, mel, heard, logits);
            double of_heard = snr(want_heard, heard, n_heard), of_logits = snr(want_logits, logits, n_logits);
            print_message("%s, %s, %s: encoder %.1f dB, logits %.1f dB against double\n", sizes[i].name, ways[k].cpu, ways[k].name, of_heard,
                          of_logits);
            CHECK(of_heard >= ways[k].heard && of_logits >= ways[k].logits, "%s, %s, %s: under its floor", sizes[i].name, ways[k].cpu,
                  ways[k].name);
        }
        hse_free(want_heard);
        hse_free(want_logits);
        hse_weights_close(&w);
        hse_buf_free(&m.file);
        hse_free(mel);
        hse_free(heard);
        hse_free(logits);
    }
}
