/* Layers of VITS and BERT at their real widths against plain double precision, on every instruction set and in every type. The
 * weights are drawn from their names; the reference below draws the same. */
#include "vits_models.h"

#include "models/bert/bert.h"

#include <unistd.h>

/* ---- weights by name ---- */

enum { MOST_TENSORS = 256 };

typedef struct {
    char   name[96];
    size_t dim[3], count;
    int    rank;
    double middle, scale;                   /* of the numbers */
} drawn;

static struct {
    drawn  tensor[MOST_TENSORS];
    int    n;
} file;

static float number(const char *name, size_t i, double middle, double scale)
{
    uint64_t z = 0xCBF29CE484222325u;

    for (; *name; name++)
        z = (z ^ (uint8_t)*name) * 0x100000001B3u;
    z += (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (float)(middle + scale * ((double)(z >> 40) / 8388608 - 1));
}

static void tensor(const char *name, int a, int b, int c, double middle, double scale)
{
    drawn *t = &file.tensor[file.n++];

    CHECK(file.n <= MOST_TENSORS, "too many tensors");
    *t = (drawn){.dim = {(size_t)a, (size_t)b, (size_t)c}, .rank = c ? 3 : b ? 2 : 1, .middle = middle, .scale = scale};
    t->count = (size_t)a * (size_t)(b ? b : 1) * (size_t)(c ? c : 1);
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void conv(const char *name, int out, int in, int kernel)
{
    char full[96];

    snprintf(full, sizeof full, "%.80s.weight", name);
    tensor(full, out, in, kernel, 0, sqrt(3.0 / (in * (kernel ? kernel : 1))));
    snprintf(full, sizeof full, "%.80s.bias", name);
    tensor(full, out, 0, 0, 0, 0.1);
}

static void norm(const char *name, const char *scale, const char *shift, int n)
{
    char full[96];

    snprintf(full, sizeof full, "%.80s.%s", name, scale);
    tensor(full, n, 0, 0, 1, 0.2);
    snprintf(full, sizeof full, "%.80s.%s", name, shift);
    tensor(full, n, 0, 0, 0, 0.2);
}

/* All of them as a safetensors file. */
static char *safetensors(size_t *size)
{
    hse_buf head;
    size_t at = 0;
    char *out;

    hse_buf_init(&head, 1 << 20);
    for (int i = 0; i < file.n; i++) {
        const drawn *t = &file.tensor[i];
        char line[256];
        int n = snprintf(line, sizeof line, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu", i ? "," : "{", t->name, t->dim[0]);

        for (int k = 1; k < t->rank; k++)
            n += snprintf(line + n, sizeof line - (size_t)n, ",%zu", t->dim[k]);
        n += snprintf(line + n, sizeof line - (size_t)n, "],\"data_offsets\":[%zu,%zu]}", at, at + t->count * 4);
        hse_buf_append(&head, line, (size_t)n);
        at += t->count * 4;
    }
    hse_buf_append(&head, "}       ", 1 + (7 - head.size % 8));
    uint64_t length = head.size;
    *size = 8 + head.size + at;
    out = hse_alloc(*size);
    CHECK(out && head.size % 8 == 0, "the file's header");
    memcpy(out, &length, 8);
    memcpy(out + 8, head.data, head.size);
    char *p = out + 8 + head.size;
    for (int i = 0; i < file.n; i++)
        for (size_t k = 0; k < file.tensor[i].count; k++, p += 4) {
            float v = number(file.tensor[i].name, k, file.tensor[i].middle, file.tensor[i].scale);
            memcpy(p, &v, 4);
        }
    hse_buf_free(&head);
    return out;
}

/* A tensor's numbers in double; hse_free. */
static double *get(const char *name, const char *end)
{
    char full[96];
    int i = 0;

    snprintf(full, sizeof full, "%.80s.%s", name, end);
    while (i < file.n && strcmp(file.tensor[i].name, full) != 0)
        i++;
    CHECK(i < file.n, "no tensor %s", full);
    double *x = hse_alloc(file.tensor[i].count * sizeof *x);
    for (size_t k = 0; k < file.tensor[i].count; k++)
        x[k] = (double)number(full, k, file.tensor[i].middle, file.tensor[i].scale);
    return x;
}

/* ---- the reference: [rows][channels] ---- */

static double *rows_of(size_t n)
{
    double *x = hse_calloc(n + 1, sizeof *x);

    CHECK(x, "memory");
    return x;
}

/* y[r] += sum of taps, `left` rows before r on. */
static void convolve(const double *x, int rows, int in, int out, int kernel, int dilation, int left, const char *name, double *y)
{
    double *w = get(name, "weight"), *bias = get(name, "bias"), *turned = rows_of((size_t)(kernel * in * out));

    for (int o = 0; o < out; o++)
        for (int i = 0; i < in; i++)
            for (int t = 0; t < kernel; t++)
                turned[((size_t)t * (size_t)in + (size_t)i) * (size_t)out + (size_t)o] =
                    w[((size_t)o * (size_t)in + (size_t)i) * (size_t)kernel + (size_t)t];
    for (int r = 0; r < rows; r++) {
        double *to = y + (size_t)r * (size_t)out;
        for (int o = 0; o < out; o++)
            to[o] += bias[o];
        for (int t = 0; t < kernel; t++) {
            int from = r - left + t * dilation;
            for (int i = 0; i < in && from >= 0 && from < rows; i++) {
                double v = x[(size_t)from * (size_t)in + (size_t)i];
                const double *row = turned + ((size_t)t * (size_t)in + (size_t)i) * (size_t)out;
                for (int o = 0; o < out; o++)
                    to[o] += v * row[o];
            }
        }
    }
    hse_free(w);
    hse_free(bias);
    hse_free(turned);
}

static void normalise(double *x, int rows, int n, double eps, const char *name, const char *scale, const char *shift)
{
    double *a = get(name, scale), *b = get(name, shift);

    for (int r = 0; r < rows; r++) {
        double *row = x + (size_t)r * (size_t)n, mean = 0, square = 0;
        for (int i = 0; i < n; i++)
            mean += row[i] / n;
        for (int i = 0; i < n; i++)
            square += (row[i] - mean) * (row[i] - mean) / n;
        for (int i = 0; i < n; i++)
            row[i] = (row[i] - mean) / sqrt(square + eps) * a[i] + b[i];
    }
    hse_free(a);
    hse_free(b);
}

/* rel_k, rel_v: [9][head width] or NULL. */
static void attend(const double *q, const double *k, const double *v, int rows, int n, int heads, const double *rel_k,
                   const double *rel_v, double *out)
{
    int w = n / heads;
    double *p = rows_of((size_t)rows);

    for (int h = 0; h < heads; h++)
        for (int i = 0; i < rows; i++) {
            const double *qi = q + i * n + h * w;
            double most = -INFINITY, sum = 0;
            for (int j = 0; j < rows; j++) {
                bool near = rel_k && abs(j - i) <= VITS_WINDOW;
                p[j] = 0;
                for (int c = 0; c < w; c++)
                    p[j] += qi[c] * (k[j * n + h * w + c] + (near ? rel_k[(j - i + VITS_WINDOW) * w + c] : 0)) / sqrt(w);
                most = fmax(most, p[j]);
            }
            for (int j = 0; j < rows; j++)
                sum += p[j] = exp(p[j] - most);
            for (int j = 0; j < rows; j++)
                for (int c = 0; c < w; c++)
                    out[i * n + h * w + c] +=
                        p[j] / sum * (v[j * n + h * w + c] +
                                      (rel_v && abs(j - i) <= VITS_WINDOW ? rel_v[(j - i + VITS_WINDOW) * w + c] : 0));
        }
    hse_free(p);
}

static void leaky(double *x, size_t n, double slope)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] < 0 ? x[i] * slope : x[i];
}

/* ---- comparing ---- */

typedef void bind_fn(nn_binder *b, void *model, k_weight_type type);
typedef nn_tensor run_fn(nn_ctx *c, const void *model, nn_tensor x, nn_tensor speaker);

static const char *const type_names[] = {"float32", "bf16", "int8"};

static double db_of(const float *got, const double *want, size_t n)
{
    double signal = 0, error = 0;

    for (size_t i = 0; i < n; i++) {
        signal += want[i] * want[i];
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
    }
    return 10 * log10(signal / error);
}

static void compare(const char *what, bind_fn *bind, run_fn *run, void *model, int rows, int in, const double *input,
                    const double *speaker, const double *want, size_t count, const double floors[K_WEIGHT_TYPES])
{
    const unsigned masks[] = {0, HSE_CPU_AVX2, ~0u};
    float *x = hse_alloc((size_t)rows * (size_t)in * sizeof *x), *got = hse_alloc(count * sizeof *got), g[256];
    size_t size;
    char *bytes = safetensors(&size);
    hse_weights *w = NULL;

    for (size_t i = 0; i < (size_t)rows * (size_t)in; i++)
        x[i] = (float)input[i];
    for (int i = 0; i < 256; i++)
        g[i] = (float)speaker[i];
    hse_error why = {0};
    CHECK(hse_weights_open_bytes(&w, (hse_bytes){(const uint8_t *)bytes, size}, "model.safetensors", NULL, &why) == HSE_OK, "%s",
          why.text);
    for (size_t s = 0; s < COUNT(masks); s++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            const hse_kernels *k = hse_kernels_get(masks[s] & hse_cpu_detect());
            nn_ctx *c = vits_context(k, 1);
            nn_params *params = NULL;
            nn_binder *b = NULL;
            hse_error err = {0};

            CHECK(nn_binder_open(&b, &(nn_binder_options){.weights = w, .name = what, .kernels = k, .type = (k_weight_type)type,
                                                          .strict = true}, &err) == HSE_OK, "%s", err.text);
            bind(b, model, (k_weight_type)type);
            CHECK(nn_binder_close(&b, &params, &err) == HSE_OK, "%s", err.text);
            nn_begin(c, NN_RUN);
            nn_tensor y = run(c, model, nn_input(c, 1, &rows, in, (const float *const[]){x}),
                              nn_input(c, 1, &(int){1}, 256, (const float *const[]){g}));
            nn_read(c, y, 0, got, count);
            CHECK(nn_end(c, &err) == HSE_OK, "%s: %s", what, err.text);
            double db = db_of(got, want, count);
            print_message("%s, %s, %s: %.1f dB\n", what, k->name, type_names[type], db);
            CHECK(db >= floors[type], "%s, %s, %s: %.1f dB, at least %.0f", what, k->name, type_names[type], db, floors[type]);
            nn_close(&c);
            nn_params_free(&params);
        }
    hse_weights_close(&w);
    hse_free(bytes);
    hse_free(x);
    hse_free(got);
}

static double *draw(const char *name, size_t n)
{
    double *x = rows_of(n);

    for (size_t i = 0; i < n; i++)
        x[i] = (double)number(name, i, 0, 1.7);
    return x;
}

/* ---- VITS ---- */

static void bind_encoder(nn_binder *b, void *model, k_weight_type type)
{
    (void)type;
    vits_encoder_bind(b, model, 1, 192, 768, 2, 3, false, 256);
}

static nn_tensor run_encoder(nn_ctx *c, const void *model, nn_tensor x, nn_tensor speaker)
{
    return vits_encoder_run(c, model, x, speaker, "encoder");
}

TEST(a_text_encoder_layer_at_real_width)
{
    enum { ROWS = 33, N = 192, FILTER = 768, HEADS = 2, ALL = ROWS * N };
    static const char *const part[] = {"attn_layers.0.conv_q", "attn_layers.0.conv_k", "attn_layers.0.conv_v"};
    static vits_encoder model;
    double *x = draw("x", ALL), *speaker = draw("g", 256), *q[3], *mixed = rows_of(ALL), *y = rows_of(ALL), *h = rows_of(ROWS * FILTER);

    file.n = 0;
    for (int i = 0; i < 3; i++)
        conv(part[i], N, N, 1);
    conv("attn_layers.0.conv_o", N, N, 1);
    tensor("attn_layers.0.emb_rel_k", 1, 9, N / HEADS, 0, 0.2);
    tensor("attn_layers.0.emb_rel_v", 1, 9, N / HEADS, 0, 0.2);
    norm("norm_layers_1.0", "gamma", "beta", N);
    norm("norm_layers_2.0", "gamma", "beta", N);
    conv("ffn_layers.0.conv_1", FILTER, N, 3);
    conv("ffn_layers.0.conv_2", N, FILTER, 3);

    double *rel_k = get("attn_layers.0", "emb_rel_k"), *rel_v = get("attn_layers.0", "emb_rel_v");
    for (int i = 0; i < 3; i++)
        convolve(x, ROWS, N, N, 1, 1, 0, part[i], q[i] = rows_of(ALL));
    attend(q[0], q[1], q[2], ROWS, N, HEADS, rel_k, rel_v, mixed);
    memcpy(y, x, ALL * sizeof *y);
    convolve(mixed, ROWS, N, N, 1, 1, 0, "attn_layers.0.conv_o", y);
    normalise(y, ROWS, N, 1e-5, "norm_layers_1.0", "gamma", "beta");
    convolve(y, ROWS, N, FILTER, 3, 1, 1, "ffn_layers.0.conv_1", h);
    leaky(h, ROWS * FILTER, 0);
    convolve(h, ROWS, FILTER, N, 3, 1, 1, "ffn_layers.0.conv_2", y);
    normalise(y, ROWS, N, 1e-5, "norm_layers_2.0", "gamma", "beta");
    compare("text encoder layer", bind_encoder, run_encoder, &model, ROWS, N, x, speaker, y, ALL, (double[]){110, 40, 25});
    for (int i = 0; i < 3; i++)
        hse_free(q[i]);
    hse_free(rel_k);
    hse_free(rel_v);
    hse_free(x);
    hse_free(speaker);
    hse_free(mixed);
    hse_free(y);
    hse_free(h);
}

static void bind_wavenet(nn_binder *b, void *model, k_weight_type type)
{
    (void)type;
    vits_wavenet_bind(b, model, 2, 192, 5, 256);
}

static nn_tensor run_wavenet(nn_ctx *c, const void *model, nn_tensor x, nn_tensor speaker)
{
    return vits_wavenet_run(c, model, x, speaker, "wavenet");
}

TEST(gated_convolutions_at_real_width)
{
    enum { ROWS = 29, N = 192, ALL = ROWS * N };
    static vits_wavenet model;
    double *x = draw("x", ALL), *input = draw("x", ALL), *speaker = draw("g", 256), *condition = rows_of(4 * N), *out = rows_of(ALL);

    file.n = 0;
    conv("cond_layer", 4 * N, 256, 1);
    conv("in_layers.0", 2 * N, N, 5);
    conv("in_layers.1", 2 * N, N, 5);
    conv("res_skip_layers.0", 2 * N, N, 1);
    conv("res_skip_layers.1", N, N, 1);
    convolve(speaker, 1, 256, 4 * N, 1, 1, 0, "cond_layer", condition);
    for (int i = 0; i < 2; i++) {
        double *a = rows_of(2 * ALL), *g = rows_of(ALL), *r = rows_of(2 * ALL);
        int wide = i ? N : 2 * N;
        convolve(x, ROWS, N, 2 * N, 5, 1, 2, i ? "in_layers.1" : "in_layers.0", a);
        for (int t = 0; t < ROWS; t++)
            for (int k = 0; k < N; k++)
                g[t * N + k] = tanh(a[t * 2 * N + k] + condition[2 * N * i + k]) /
                               (1 + exp(-a[t * 2 * N + N + k] - condition[2 * N * i + N + k]));
        convolve(g, ROWS, N, wide, 1, 1, 0, i ? "res_skip_layers.1" : "res_skip_layers.0", r);
        for (int t = 0; t < ROWS; t++)
            for (int k = 0; k < N; k++) {
                x[t * N + k] += i ? 0 : r[t * wide + k];
                out[t * N + k] += r[t * wide + (i ? 0 : N) + k];
            }
        hse_free(a);
        hse_free(g);
        hse_free(r);
    }
    compare("gated convolutions", bind_wavenet, run_wavenet, &model, ROWS, N, input, speaker, out, ALL, (double[]){110, 40, 25});
    hse_free(x);
    hse_free(input);
    hse_free(speaker);
    hse_free(condition);
    hse_free(out);
}

/* The decoder's first and widest stage, and what stands before and behind it. */
static const vits_dims wide_stage = {.inter = 192, .gin = 256, .resblock = 1, .kernels = 3, .block_kernel = {3, 7, 11},
                                     .dilation = {{1, 3, 5}, {1, 3, 5}, {1, 3, 5}}, .stages = 1, .up_rate = {8},
                                     .up_kernel = {16}, .up_channels = 512};

static void bind_decoder(nn_binder *b, void *model, k_weight_type type)
{
    vits_decoder_bind(b, model, &wide_stage, type);
}

static nn_tensor run_decoder(nn_ctx *c, const void *model, nn_tensor x, nn_tensor speaker)
{
    return vits_decoder_run(c, model, x, speaker, NULL, NULL);
}

/* Row o of the result takes tap k of row i where 8 i + k = o + 4. */
static void upsample(const double *x, int rows, int in, int out, double *y)
{
    double *w = get("dec.ups.0", "weight"), *bias = get("dec.ups.0", "bias");

    for (int o = 0; o < 8 * rows; o++) {
        double *to = y + (size_t)o * (size_t)out;
        memcpy(to, bias, (size_t)out * sizeof *to);
        for (int i = 0; i < rows; i++) {
            int k = o + 4 - 8 * i;
            for (int c = 0; c < in && k >= 0 && k < 16; c++)
                for (int m = 0; m < out; m++)
                    to[m] += x[i * in + c] * w[((size_t)c * (size_t)out + (size_t)m) * 16 + (size_t)k];
        }
    }
    hse_free(w);
    hse_free(bias);
}

TEST(the_decoders_widest_stage)
{
    enum { FRAMES = 3, ROWS = 8 * FRAMES, IN = 192, WIDE = 512, N = 256, ALL = ROWS * N };
    static vits_decoder model;
    double *z = draw("z", FRAMES * IN), *speaker = draw("g", 256), *g = rows_of(WIDE), *x = rows_of(FRAMES * WIDE), *up = rows_of(ALL),
           *mean = rows_of(ALL), *wave = rows_of(ROWS);

    file.n = 0;
    conv("dec.conv_pre", WIDE, IN, 7);
    conv("dec.cond", WIDE, 256, 1);
    tensor("dec.ups.0.weight", WIDE, N, 16, 0, sqrt(3.0 / (2 * WIDE)));
    tensor("dec.ups.0.bias", N, 0, 0, 0, 0.1);
    for (int i = 0; i < 3; i++)
        for (int q = 0; q < 6; q++) {
            char name[64];
            snprintf(name, sizeof name, "dec.resblocks.%d.convs%d.%d", i, 1 + q % 2, q / 2);
            conv(name, N, N, wide_stage.block_kernel[i]);
        }
    tensor("dec.conv_post.weight", 1, N, 7, 0, 0.01);

    convolve(speaker, 1, 256, WIDE, 1, 1, 0, "dec.cond", g);
    convolve(z, FRAMES, IN, WIDE, 7, 1, 3, "dec.conv_pre", x);
    for (int i = 0; i < FRAMES * WIDE; i++)
        x[i] += g[i % WIDE];
    leaky(x, FRAMES * WIDE, (double)0.1f);
    upsample(x, FRAMES, WIDE, N, up);
    for (int i = 0; i < 3; i++) {
        double *y = rows_of(ALL), *a = rows_of(ALL), *b = rows_of(ALL);
        int k = wide_stage.block_kernel[i];
        memcpy(y, up, ALL * sizeof *y);
        for (int q = 0; q < 3; q++) {
            int d = wide_stage.dilation[i][q];
            char name[64];
            memcpy(a, y, ALL * sizeof *a);
            leaky(a, ALL, (double)0.1f);
            memset(b, 0, ALL * sizeof *b);
            snprintf(name, sizeof name, "dec.resblocks.%d.convs1.%d", i, q);
            convolve(a, ROWS, N, N, k, d, d * (k / 2), name, b);
            leaky(b, ALL, (double)0.1f);
            snprintf(name, sizeof name, "dec.resblocks.%d.convs2.%d", i, q);
            convolve(b, ROWS, N, N, k, 1, k / 2, name, y);
        }
        for (int m = 0; m < ALL; m++)
            mean[m] += y[m] / 3;
        hse_free(y);
        hse_free(a);
        hse_free(b);
    }
    leaky(mean, ALL, (double)0.01f);
    double *post = get("dec.conv_post", "weight");
    for (int r = 0; r < ROWS; r++) {
        for (int t = 0; t < 7; t++)
            for (int i = 0; i < N && r + t >= 3 && r + t - 3 < ROWS; i++)
                wave[r] += mean[(r + t - 3) * N + i] * post[i * 7 + t];
        wave[r] = tanh(wave[r]);
    }
    compare("decoder's widest stage", bind_decoder, run_decoder, &model, FRAMES, IN, z, speaker, wave, ROWS,
            (double[]){100, 40, 25});
    hse_free(post);
    hse_free(z);
    hse_free(speaker);
    hse_free(g);
    hse_free(x);
    hse_free(up);
    hse_free(mean);
    hse_free(wave);
}

/* ---- BERT ---- */

static void write_bert(const char *dir, char path[4][128])
{
    static const char config[] = "{\"hidden_size\": 768, \"num_attention_heads\": 12, \"num_hidden_layers\": 3, \"hidden_act\": \"gelu\","
                                 "\"intermediate_size\": 3072, \"vocab_size\": 40, \"max_position_embeddings\": 32}";
    static const char words[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n";
    size_t size;
    char *bytes = safetensors(&size);

    snprintf(path[0], 128, "%s/config.json", dir);
    snprintf(path[1], 128, "%s/vocab.txt", dir);
    snprintf(path[2], 128, "%s/model.safetensors", dir);
    CHECK(hse_file_write(path[0], config, strlen(config), NULL) == HSE_OK &&
              hse_file_write(path[1], words, strlen(words), NULL) == HSE_OK &&
              hse_file_write(path[2], bytes, size, NULL) == HSE_OK,
          "%s", dir);
    hse_free(bytes);
}

TEST(a_bert_layer_at_real_width)
{
    enum { ROWS = 17, N = 768, INNER = 3072, HEADS = 12, ALL = ROWS * N };
    static const char *const part[] = {"query", "key", "value"};
    static const double floors[K_WEIGHT_TYPES] = {110, 35, 25};
    const unsigned masks[] = {0, HSE_CPU_AVX2, ~0u};
    double *x = rows_of(ALL), *q[3], *mixed = rows_of(ALL), *h = rows_of(ROWS * INNER);
    char dir[] = "/tmp/hse-bert-XXXXXX", path[4][128], name[96];
    int32_t ids[ROWS];

    file.n = 0;
    tensor("bert.embeddings.word_embeddings.weight", 40, N, 0, 0, 1);
    tensor("bert.embeddings.position_embeddings.weight", 32, N, 0, 0, 0.5);
    tensor("bert.embeddings.token_type_embeddings.weight", 2, N, 0, 0, 0.5);
    norm("bert.embeddings.LayerNorm", "weight", "bias", N);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "bert.encoder.layer.0.attention.self.%s", part[i]);
        conv(name, N, N, 0);
    }
    conv("bert.encoder.layer.0.attention.output.dense", N, N, 0);
    norm("bert.encoder.layer.0.attention.output.LayerNorm", "weight", "bias", N);
    conv("bert.encoder.layer.0.intermediate.dense", INNER, N, 0);
    conv("bert.encoder.layer.0.output.dense", N, INNER, 0);
    norm("bert.encoder.layer.0.output.LayerNorm", "weight", "bias", N);
    CHECK(mkdtemp(dir) != NULL, "%s", dir);
    write_bert(dir, path);

    double *word = get("bert.embeddings.word_embeddings", "weight"),
           *position = get("bert.embeddings.position_embeddings", "weight"),
           *kind = get("bert.embeddings.token_type_embeddings", "weight");
    for (int r = 0; r < ROWS; r++) {
        ids[r] = (r * 7 + 2) % 40;
        for (int i = 0; i < N; i++)
            x[r * N + i] = word[ids[r] * N + i] + position[r * N + i] + kind[i];
    }
    normalise(x, ROWS, N, 1e-12, "bert.embeddings.LayerNorm", "weight", "bias");
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "bert.encoder.layer.0.attention.self.%s", part[i]);
        convolve(x, ROWS, N, N, 1, 1, 0, name, q[i] = rows_of(ALL));
    }
    attend(q[0], q[1], q[2], ROWS, N, HEADS, NULL, NULL, mixed);
    convolve(mixed, ROWS, N, N, 1, 1, 0, "bert.encoder.layer.0.attention.output.dense", x);
    normalise(x, ROWS, N, 1e-12, "bert.encoder.layer.0.attention.output.LayerNorm", "weight", "bias");
    convolve(x, ROWS, N, INNER, 1, 1, 0, "bert.encoder.layer.0.intermediate.dense", h);
    for (int i = 0; i < ROWS * INNER; i++)
        h[i] = 0.5 * h[i] * erfc(-h[i] / sqrt(2));
    convolve(h, ROWS, INNER, N, 1, 1, 0, "bert.encoder.layer.0.output.dense", x);
    normalise(x, ROWS, N, 1e-12, "bert.encoder.layer.0.output.LayerNorm", "weight", "bias");

    for (size_t s = 0; s < COUNT(masks); s++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            const hse_kernels *k = hse_kernels_get(masks[s] & hse_cpu_detect());
            bert_text t = {.ids = ids, .n = ROWS};
            nn_ctx *c = vits_context(k, 1);
            bert *m = NULL;
            hse_error err = {0};

            CHECK(bert_open(&m, &(bert_source){.dir = dir, .kernels = k, .type = (k_weight_type)type}, &err) == HSE_OK, "%s",
                  err.text);
            CHECK(bert_run(m, c, &t, 1, &err) == HSE_OK && t.status == HSE_OK, "%s%s", err.text, t.error.text);
            double db = db_of(t.features, x, ALL);
            print_message("BERT layer, %s, %s: %.1f dB\n", k->name, type_names[type], db);
            CHECK(db >= floors[type], "%s, %s: %.1f dB, at least %.0f", k->name, type_names[type], db, floors[type]);
            hse_free(t.features);
            bert_close(&m);
            nn_close(&c);
        }
    for (int i = 0; i < 3; i++) {
        hse_free(q[i]);
        unlink(path[i]);
    }
    rmdir(dir);
    hse_free(word);
    hse_free(position);
    hse_free(kind);
    hse_free(x);
    hse_free(mixed);
    hse_free(h);
}
