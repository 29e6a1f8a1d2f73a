/* silero.c - the Silero VAD network and its streaming wrapper.
 *
 *     [context | chunk], mirrored at the right end       5 N/2 samples (N = 256 at 16 kHz, 128 at 8 kHz)
 *     4 frames of N samples, hop N/2: |windowed DFT|     N/2 + 1 bins
 *     conv1, conv2 (stride 2), conv3 (stride 2), conv4   kernel 3, ReLU: 4, 2, 1, 1 frames
 *     LSTM cell, ReLU, dot product, logistic function
 *
 * The transform is stored as a convolution. Where its weights are what they should be (a window times cosines and
 * sines, to 1e-6), the frame is folded twice around its symmetries, which leaves four products of a quarter of the size
 * in each direction: 1/8 of the work. Any other weights are run as they stand. */
#include "models/silero/silero.h"

#include "base/mem.h"
#include "nn/bind.h"

#include <math.h>
#include <string.h>

enum {
    FRAMES = 4,        /* spectra of a chunk */
    ROWS = FRAMES + 1, /* and one of zeros, which pads both this chunk and the next */
    BLOCK = 32,        /* chunks that a file runs together: their activations stay in L2 */
    MAX_DIM = 4096,
};

struct silero_net {
    unsigned rate_hz;
    int n; /* transform size; chunk 2 n, context n / 4 */
    int bins, c1, c2, c3, c4, hidden;
    bool folded;
    const float *window;                              /* [n] */
    nn_linear_layer re_even, re_odd, im_even, im_odd; /* folded: bins 0 2 4 .. then 1 3 5 .. */
    nn_linear_layer dft;                              /* not folded: all real parts, all imaginary parts */
    nn_conv1d_layer conv1, conv2, conv3;
    nn_linear_layer conv4, input, recurrent; /* conv4: the middle tap alone meets data */
    const float *final;
    float final_bias;
    const hse_kernels *k;
};

struct silero {
    silero_net net[2];
    int nets;
    nn_params *params;
};

/* Rows of zeros stand where a convolution looks outside its chunk. */
struct silero_scratch {
    int chunks;
    float *padded;        /* [chunks][5 n / 2] */
    float *fold;          /* [chunks * 4][4][n / 4 + 1] */
    float *re, *im;       /* [chunks * 4][bins] */
    float *mag;           /* [chunks * 5 + 1][bins]: 0, 4 frames, 0, 4 frames, ... 0 */
    float *conv1;         /* [chunks * 5 + 1][c1], the same */
    float *conv2;         /* [chunks][3][c2]: 0, 2 frames */
    float *conv3, *conv4; /* [chunks][c3], [chunks][c4] */
    float *gates_x;       /* [chunks][4 hidden] */
    float *gates, *relu;  /* [4 hidden], [hidden] */
    float block[];
};

/* ---- opening ---- */

typedef struct {
    const char *stft, *conv[4], *w_ih, *w_hh, *b_ih, *b_hh, *final; /* conv and final: + .weight, .bias */
    const char *gates;
    int rnn_rank; /* 3: weights [1, 4h, h], and both biases in b_ih [1, 8h] */
} layout;

static const layout plain = {
    "stft_conv.weight",
    {"conv1", "conv2", "conv3", "conv4"},
    "lstm_cell.weight_ih",
    "lstm_cell.weight_hh",
    "lstm_cell.bias_ih",
    "lstm_cell.bias_hh",
    "final_conv",
    "ifgo",
    2,
};
static const layout branch = {
    "stft.forward_basis_buffer",
    {"encoder.0.reparam_conv", "encoder.1.reparam_conv", "encoder.2.reparam_conv", "encoder.3.reparam_conv"},
    "decoder.rnn.weight_ih",
    "decoder.rnn.weight_hh",
    "decoder.rnn.bias_ih",
    "decoder.rnn.bias_hh",
    "decoder.decoder.2",
    "ifgo",
    2,
};
static const layout batched = {
    "encoder.feature_extractor.forward_basis_buffer",
    {"encoder.conv_layers.0", "encoder.conv_layers.1", "encoder.conv_layers.2", "encoder.conv_layers.3"},
    "onnx::LSTM_209",
    "onnx::LSTM_210",
    "onnx::LSTM_211",
    NULL,
    "decoder.conv1d",
    "iofg",
    3,
};

/* Rows k = first_k, first_k + 2, ... of cos (or sin) of 2 pi k i / n for i from first_i on. */
static void trig_rows(float *out, int rows, int first_k, int cols, int first_i, int n, bool sine)
{
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < cols; i++) {
            int turn = (first_k + 2 * r) * (first_i + i) % n; /* exact: the angle in n-ths */
            double angle = 2 * 3.14159265358979323846 * turn / n;
            out[r * cols + i] = (float)(sine ? sin(angle) : cos(angle));
        }
}

static bool is_windowed_dft(const float *basis, int n)
{
    const float *w = basis; /* bin 0: the window times cos 0 */
    int bins = n / 2 + 1;

    for (int k = 0; k < bins; k++)
        for (int i = 0; i < n; i++) {
            double angle = 2 * 3.14159265358979323846 * (k * i % n) / n;
            double re = basis[k * n + i] - w[i] * cos(angle), im = basis[(bins + k) * n + i] + w[i] * sin(angle);
            if (!(fabs(re) < 1e-6 && fabs(im) < 1e-6))
                return false;
        }
    return true;
}

static void bind_folded(nn_binder *b, silero_net *net, const float *basis)
{
    int n = net->n, q = n / 4;
    float *t = nn_bind_work(b, (size_t)(q + 1) * (size_t)(q + 1));
    nn_table window;

    if (!t)
        return;
    nn_make_table(b, &window, 1, n, basis);
    net->window = window.table;
    trig_rows(t, q + 1, 0, q + 1, 0, n, false);
    nn_make_linear(b, &net->re_even, q + 1, q + 1, t, NULL);
    trig_rows(t, q, 1, q, 0, n, false);
    nn_make_linear(b, &net->re_odd, q, q, t, NULL);
    trig_rows(t, q + 1, 0, q - 1, 1, n, true);
    nn_make_linear(b, &net->im_even, q - 1, q + 1, t, NULL);
    trig_rows(t, q, 1, q, 1, n, true);
    nn_make_linear(b, &net->im_odd, q, q, t, NULL);
}

/* Bin of position p of a folded spectrum. */
static int bin_at(const silero_net *net, int p)
{
    int even = net->n / 4 + 1;

    return !net->folded ? p : p < even ? 2 * p : 2 * (p - even) + 1;
}

static void bind_stft(nn_binder *b, silero_net *net, const layout *l)
{
    int dim[] = {-1, 1, -1};
    float *basis = nn_bind_scratch(b, 3, dim, "%s", l->stft);

    if (!basis)
        return;
    net->n = dim[2];
    net->bins = net->n / 2 + 1;
    net->rate_hz = net->n == 256 ? 16000 : 8000;
    if ((net->n != 256 && net->n != 128) || dim[0] != 2 * net->bins) {
        nn_bind_problem(b, "%s is [%d, 1, %d]; [258, 1, 256] or [130, 1, 128] was expected", l->stft, dim[0], dim[2]);
        net->n = 0;
        nn_scratch_end(b);
        return;
    }
    net->folded = is_windowed_dft(basis, net->n);
    if (net->folded)
        bind_folded(b, net, basis);
    else
        nn_make_linear(b, &net->dft, net->n, 2 * net->bins, basis, NULL);
    nn_scratch_end(b);
}

/* Output channels of a convolution; its input channels are known. */
static int bind_conv(nn_binder *b, silero_net *net, nn_conv1d_layer *conv, nn_linear_layer *middle, int in,
                     const char *name)
{
    int dim[] = {-1, in, 3}, out, n_bias;
    float *w = nn_bind_scratch(b, 3, dim, "%s.weight", name), *bias, *turned;

    if (!w)
        return 0;
    out = n_bias = dim[0];
    if (out < 1 || out > MAX_DIM) {
        nn_bind_problem(b, "%s.weight has %d outputs; 1 to %d were expected", name, out, MAX_DIM);
        nn_scratch_end(b);
        return 0;
    }
    bias = nn_bind_scratch(b, 1, &n_bias, "%s.bias", name);
    turned = nn_bind_work(b, (size_t)out * (size_t)in * 3);
    if (bias && turned) {
        bool spectrum = conv == &net->conv1;

        for (int o = 0; o < out; o++)
            for (int i = 0; i < in; i++) {
                const float *from = w + ((size_t)o * (size_t)in + (size_t)(spectrum ? bin_at(net, i) : i)) * 3;
                if (middle)
                    turned[(size_t)o * (size_t)in + (size_t)i] = from[1];
                else
                    memcpy(turned + ((size_t)o * (size_t)in + (size_t)i) * 3, from, 3 * sizeof *from);
            }
        if (middle)
            nn_make_linear(b, middle, in, out, turned, bias);
        else
            nn_make_conv1d(b, conv, in, out, 3, 1, turned, bias);
    }
    nn_scratch_end(b);
    return out;
}

/* Rows of `in` in the file's gate order -> the kernel's order i, f, g, o. */
static void order_gates(float *out, const float *in, const char *order, int hidden, int cols)
{
    size_t block = (size_t)hidden * (size_t)cols;

    for (int g = 0; g < 4; g++)
        memcpy(out + (size_t)(strchr("ifgo", order[g]) - "ifgo") * block, in + (size_t)g * block, block * sizeof *out);
}

static void bind_rnn(nn_binder *b, silero_net *net, const layout *l)
{
    int flat = l->rnn_rank == 3, wide[] = {1, -1, net->c4}, deep[] = {1, 0, 0}, bias_dim[] = {1, 0}, gates;
    float *w = nn_bind_scratch(b, l->rnn_rank, wide + !flat, "%s", l->w_ih), *u, *b1, *b2, *t;

    if (!w)
        return;
    gates = wide[1];
    net->hidden = gates / 4;
    if (gates < 4 || gates % 4 || net->hidden > MAX_DIM) {
        nn_bind_problem(b, "%s has %d rows, which are not four gates of 1 to %d", l->w_ih, gates, MAX_DIM);
        net->hidden = 0;
        nn_scratch_end(b);
        return;
    }
    deep[1] = gates;
    deep[2] = net->hidden;
    bias_dim[1] = flat ? 2 * gates : gates;
    u = nn_bind_scratch(b, l->rnn_rank, deep + !flat, "%s", l->w_hh);
    b1 = nn_bind_scratch(b, flat ? 2 : 1, bias_dim + !flat, "%s", l->b_ih);
    b2 = flat ? (b1 ? b1 + gates : NULL) : nn_bind_scratch(b, 1, bias_dim + 1, "%s", l->b_hh);
    t = nn_bind_work(b, (size_t)gates * (size_t)((net->c4 > net->hidden ? net->c4 : net->hidden) + 1));
    if (t && u && b1 && b2) {
        float *bias = t + (size_t)gates * (size_t)(net->c4 > net->hidden ? net->c4 : net->hidden);

        for (int i = 0; i < gates; i++)
            b1[i] += b2[i];
        order_gates(bias, b1, l->gates, net->hidden, 1);
        order_gates(t, w, l->gates, net->hidden, net->c4);
        nn_make_linear(b, &net->input, net->c4, gates, t, bias);
        order_gates(t, u, l->gates, net->hidden, net->hidden);
        nn_make_linear(b, &net->recurrent, net->hidden, gates, t, NULL);
    }
    nn_scratch_end(b);
}

static void bind_net(nn_binder *b, silero_net *net, const layout *l)
{
    const float *bias;

    bind_stft(b, net, l);
    if (!net->n)
        return;
    net->c1 = bind_conv(b, net, &net->conv1, NULL, net->bins, l->conv[0]);
    net->c2 = net->c1 ? bind_conv(b, net, &net->conv2, NULL, net->c1, l->conv[1]) : 0;
    net->c3 = net->c2 ? bind_conv(b, net, &net->conv3, NULL, net->c2, l->conv[2]) : 0;
    net->c4 = net->c3 ? bind_conv(b, net, NULL, &net->conv4, net->c3, l->conv[3]) : 0;
    if (net->c4)
        bind_rnn(b, net, l);
    if (net->hidden) {
        nn_bind_tensor(b, &net->final, 3, (int[]){1, net->hidden, 1}, "%s.weight", l->final);
        nn_bind_tensor(b, &bias, 1, (int[]){1}, "%s.bias", l->final);
        net->final_bias = bias ? *bias : 0;
    }
}

/* Which of the known files this is. In silero_vad.onnx the 16 kHz weights are in the branch that is taken for it. */
static void bind_all(nn_binder *b, silero *m, const hse_weights *w)
{
    static const char *const prefix[] = {"If_0_then_branch__Inline_0__", "If_0_else_branch__Inline_0__"};

    if (hse_weights_find(w, plain.stft)) {
        bind_net(b, &m->net[m->nets++], &plain);
    } else if (hse_weights_find(w, batched.stft)) {
        bind_net(b, &m->net[m->nets++], &batched);
    } else {
        for (int i = 0; i < 2; i++) {
            nn_enter(b, "%s", prefix[i]);
            bind_net(b, &m->net[m->nets++], &branch);
            nn_leave(b);
        }
    }
    if (m->nets == 2 && m->net[0].n && m->net[0].n == m->net[1].n)
        nn_bind_problem(b, "both branches have a transform of %d", m->net[0].n);
}

hse_status silero_open(silero **out, const hse_weights *weights, const char *name, const hse_kernels *kernels,
                       hse_error *err)
{
    const hse_kernels *k = kernels ? kernels : hse_kernels_get(hse_cpu_detect());
    /* An ONNX graph also holds the numbers of its Pad and Reshape nodes, so only a safetensors file can be held to its
     * keys. */
    nn_binder_options opt = {.weights = weights,
                             .name = name,
                             .kernels = k,
                             .type = K_F32,
                             .strict = hse_weights_find(weights, plain.stft) != NULL,
                             .max_bytes = (size_t)1 << 30};
    nn_binder *b = NULL;
    silero *m = hse_calloc(1, sizeof *m);
    hse_status s;

    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a model");
    if ((s = nn_binder_open(&b, &opt, err)) != HSE_OK) {
        hse_free(m);
        return s;
    }
    bind_all(b, m, weights);
    for (int i = 0; i < m->nets; i++)
        m->net[i].k = k;
    if ((s = nn_binder_close(&b, &m->params, err)) != HSE_OK) {
        silero_close(&m);
        return s;
    }
    *out = m;
    return HSE_OK;
}

void silero_close(silero **m)
{
    if (!*m)
        return;
    nn_params_free(&(*m)->params);
    hse_free(*m);
    *m = NULL;
}

size_t silero_bytes(const silero *m)
{
    return nn_params_bytes(m->params);
}

const silero_net *silero_at(const silero *m, unsigned rate_hz)
{
    for (int i = 0; i < m->nets; i++)
        if (m->net[i].rate_hz == rate_hz)
            return &m->net[i];
    return NULL;
}

int silero_chunk(const silero_net *net)
{
    return 2 * net->n;
}

int silero_context(const silero_net *net)
{
    return net->n / 4;
}

int silero_hidden(const silero_net *net)
{
    return net->hidden;
}

/* ---- running ---- */

hse_status silero_scratch_open(silero_scratch **out, const silero_net *net, int chunks, hse_error *err)
{
    size_t n = (size_t)net->n, c = (size_t)chunks, hidden = (size_t)net->hidden, bins = (size_t)net->bins;
    size_t sizes[] = {
        c * (n * 5 / 2),
        c * FRAMES * 4 * (n / 4 + 1),
        c * FRAMES * 2 * bins,
        0,
        (c * ROWS + 1) * bins,
        (c * ROWS + 1) * (size_t)net->c1,
        c * 3 * (size_t)net->c2,
        c * (size_t)net->c3,
        c * (size_t)net->c4,
        c * 4 * hidden,
        4 * hidden,
        hidden,
    };
    size_t total = 0;
    silero_scratch *w;
    float *at;

    for (size_t i = 0; i < COUNT(sizes); i++)
        total += sizes[i] = (sizes[i] + 15) / 16 * 16;
    if (!(w = hse_alloc_aligned(64, sizeof *w + total * sizeof(float))))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d chunks", chunks);
    memset(w, 0, sizeof *w + total * sizeof(float)); /* the rows of zeros, for good */
    w->chunks = chunks;
    at = w->block;
    float **const parts[] = {&w->padded, &w->fold,  &w->re,    &w->im,      &w->mag,   &w->conv1,
                             &w->conv2,  &w->conv3, &w->conv4, &w->gates_x, &w->gates, &w->relu};
    for (size_t i = 0; i < COUNT(parts); at += sizes[i++])
        *parts[i] = at;
    w->im = w->re + c * FRAMES * bins; /* close behind: without folding the two are one matrix */
    *out = w;
    return HSE_OK;
}

void silero_scratch_close(silero_scratch **w)
{
    hse_free(*w);
    *w = NULL;
}

static void gemm(const silero_net *net, const k_packed *w, const float *bias, k_act act, const float *a, size_t a_row,
                 size_t a_tap, int rows, float *out, size_t out_row)
{
    net->k->gemm[K_F32](&(k_gemm){.w = w,
                                  .a = a,
                                  .a_row = a_row,
                                  .a_tap = a_tap,
                                  .rows = rows,
                                  .panel_to = w->panels,
                                  .out = out,
                                  .out_row = out_row,
                                  .bias = bias,
                                  .alpha = 1,
                                  .act = act});
}

/* One frame, windowed -> its four folds of n/4 + 1 numbers each: sums and differences around the middle of the frame,
 * then around the quarter. */
static void fold_frame(const silero_net *net, const float *x, float *out)
{
    int n = net->n, h = n / 2, q = n / 4;
    const float *w = net->window;
    float e[129], o[129];
    float *re_even = out, *re_odd = out + (q + 1), *im_even = re_odd + (q + 1), *im_odd = im_even + (q + 1);

    e[0] = w[0] * x[0];
    e[h] = w[h] * x[h];
    o[0] = o[h] = 0;
    for (int i = 1; i < h; i++) {
        float left = w[i] * x[i], right = w[n - i] * x[n - i];
        e[i] = left + right;
        o[i] = left - right;
    }
    for (int i = 0; i < q; i++) {
        re_even[i] = e[i] + e[h - i];
        re_odd[i] = e[i] - e[h - i];
    }
    re_even[q] = e[q];
    for (int i = 1; i < q; i++) {
        im_even[i - 1] = o[i] - o[h - i];
        im_odd[i - 1] = o[i] + o[h - i];
    }
    im_odd[q - 1] = o[q];
}

static void spectrum(const silero_net *net, silero_scratch *w, int chunks)
{
    int rows = chunks * FRAMES, q = net->n / 4, hop = net->n / 2;
    size_t bins = (size_t)net->bins, row = 4 * (size_t)(q + 1), length = (size_t)net->n * 5 / 2;
    float *im = w->im;
    size_t ld = bins;

    if (net->folded) {
        const float *f = w->fold;
        for (int i = 0; i < rows; i++)
            fold_frame(net, w->padded + (size_t)(i / FRAMES) * length + (size_t)(i % FRAMES * hop),
                       w->fold + (size_t)i * row);
        gemm(net, &net->re_even.w, NULL, K_NONE, f, row, 0, rows, w->re, bins);
        gemm(net, &net->re_odd.w, NULL, K_NONE, f + (q + 1), row, 0, rows, w->re + (q + 1), bins);
        gemm(net, &net->im_even.w, NULL, K_NONE, f + 2 * (q + 1), row, 0, rows, im, bins);
        gemm(net, &net->im_odd.w, NULL, K_NONE, f + 3 * (q + 1), row, 0, rows, im + (q + 1), bins);
    } else {
        im = w->re + bins;
        ld = 2 * bins;
        for (int i = 0; i < chunks; i++)
            gemm(net, &net->dft.w, NULL, K_NONE, w->padded + (size_t)i * length, (size_t)hop, 0, FRAMES,
                 w->re + (size_t)(i * FRAMES) * ld, ld);
    }
    for (int i = 0; i < rows; i++) {
        const float *re_row = w->re + (size_t)i * ld, *im_row = im + (size_t)i * ld;
        float *out = w->mag + (size_t)(i / FRAMES * ROWS + i % FRAMES + 1) * bins;
        for (size_t k = 0; k < bins; k++)
            out[k] = sqrtf(re_row[k] * re_row[k] + im_row[k] * im_row[k]);
    }
}

/* Between two chunks stands one row of zeros, so the convolutions run over all chunks at once; what they make of the
 * positions in between is overwritten with the zeros of the next layer, or never computed. */
static void convolve(const silero_net *net, silero_scratch *w, int chunks)
{
    size_t bins = (size_t)net->bins, c1 = (size_t)net->c1, c2 = (size_t)net->c2, c3 = (size_t)net->c3;

    gemm(net, &net->conv1.w, net->conv1.bias, K_RELU, w->mag, bins, bins, chunks * ROWS - 1, w->conv1 + c1, c1);
    for (int i = 1; i < chunks; i++)
        memset(w->conv1 + (size_t)(i * ROWS) * c1, 0, c1 * sizeof(float));
    if (chunks == 1) {
        gemm(net, &net->conv2.w, net->conv2.bias, K_RELU, w->conv1, 2 * c1, c1, 2, w->conv2 + c2, c2);
    } else {
        for (size_t t = 0; t < 2; t++)
            gemm(net, &net->conv2.w, net->conv2.bias, K_RELU, w->conv1 + 2 * t * c1, ROWS * c1, c1, chunks,
                 w->conv2 + (1 + t) * c2, 3 * c2);
    }
    gemm(net, &net->conv3.w, net->conv3.bias, K_RELU, w->conv2, 3 * c2, c2, chunks, w->conv3, c3);
    gemm(net, &net->conv4.w, net->conv4.bias, K_RELU, w->conv3, c3, 0, chunks, w->conv4, (size_t)net->c4);
    gemm(net, &net->input.w, net->input.bias, K_NONE, w->conv4, (size_t)net->c4, 0, chunks, w->gates_x,
         4 * (size_t)net->hidden);
}

static float recur(const silero_net *net, silero_scratch *w, const float *gates_x, float *h, float *c)
{
    size_t hidden = (size_t)net->hidden;

    net->k->gemm[K_F32](&(k_gemm){.w = &net->recurrent.w,
                                  .a = h,
                                  .rows = 1,
                                  .panel_to = net->recurrent.w.panels,
                                  .out = w->gates,
                                  .alpha = 1,
                                  .residual = gates_x});
    net->k->lstm_step(h, c, w->gates, net->hidden);
    net->k->act(w->relu, h, hidden, K_RELU, 0);
    return 1.0f / (1.0f + expf(-(net->k->dot(w->relu, net->final, hidden) + net->final_bias)));
}

void silero_run(const silero_net *net, silero_scratch *w, const float *input, size_t step, int n, float *h, float *c,
                float *probs)
{
    size_t given = (size_t)silero_context(net) + (size_t)silero_chunk(net), mirrored = (size_t)net->n / 4;

    for (int i = 0; i < n; i++) {
        float *p = w->padded + (size_t)i * (given + mirrored);
        memcpy(p, input + (size_t)i * step, given * sizeof *p);
        for (size_t k = 0; k < mirrored; k++)
            p[given + k] = p[given - 2 - k];
    }
    spectrum(net, w, n);
    convolve(net, w, n);
    for (int i = 0; i < n; i++)
        probs[i] = recur(net, w, w->gates_x + (size_t)i * 4 * (size_t)net->hidden, h, c);
}

int silero_stage_size(const silero_net *net, silero_stage stage)
{
    const int size[SILERO_STAGES] = {net->n * 5 / 2, net->bins * FRAMES, net->c1 * FRAMES, net->c2 * 2, net->c3,
                                     net->c4};

    return size[stage];
}

void silero_stage_read(const silero_net *net, const silero_scratch *w, silero_stage stage, float *out)
{
    const float *rows[SILERO_STAGES] = {w->padded,          w->mag + net->bins, w->conv1 + net->c1,
                                        w->conv2 + net->c2, w->conv3,           w->conv4};
    const int cols[SILERO_STAGES] = {1, net->bins, net->c1, net->c2, net->c3, net->c4};
    int n = silero_stage_size(net, stage) / cols[stage];

    for (int p = 0; p < cols[stage]; p++)
        for (int r = 0; r < n; r++)
            out[(stage == SILERO_MAGNITUDE ? bin_at(net, p) : p) * n + r] = rows[stage][r * cols[stage] + p];
}

/* ---- whole recordings ---- */

size_t silero_chunks(const silero_net *net, size_t n)
{
    size_t chunk = (size_t)silero_chunk(net);

    return n / chunk + (n % chunk != 0);
}

size_t silero_fw_chunks(const silero_net *net, size_t n)
{
    return n / (size_t)silero_chunk(net) + 1;
}

struct silero_reader {
    silero_scratch *scratch;
    float *input, *h, *c; /* input: context and a block of chunks */
    float memory[];
};

hse_status silero_reader_open(silero_reader **out, const silero_net *net, hse_error *err)
{
    size_t input = (size_t)silero_context(net) + BLOCK * (size_t)silero_chunk(net), hidden = (size_t)net->hidden;
    silero_reader *r = hse_calloc(1, sizeof *r + (input + 2 * hidden) * sizeof(float));
    hse_status s;

    if (!r)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for voice activity detection");
    if ((s = silero_scratch_open(&r->scratch, net, BLOCK, err)) != HSE_OK) {
        hse_free(r);
        return s;
    }
    r->input = r->memory;
    r->h = r->input + input;
    r->c = r->h + hidden;
    *out = r;
    return HSE_OK;
}

void silero_reader_reset(silero_reader *r, const silero_net *net)
{
    memset(r->input, 0, (size_t)silero_context(net) * sizeof(float));
    memset(r->h, 0, (size_t)net->hidden * sizeof(float));
    memset(r->c, 0, (size_t)net->hidden * sizeof(float));
}

void silero_reader_close(silero_reader **r)
{
    if (*r)
        silero_scratch_close(&(*r)->scratch);
    hse_free(*r);
    *r = NULL;
}

typedef struct {
    silero_each *each;
    silero_stop *stop;
    void *user;
} file_watch;

/* count chunks of the n samples; those from `usable` on read as zeros. False when it was told to stop. */
static bool file_run_all(silero_reader *r, const silero_net *net, const float *samples, size_t usable, size_t count,
                         float *probs, file_watch watch)
{
    size_t chunk = (size_t)silero_chunk(net), context = (size_t)silero_context(net);
    /* A caller who wants to see the state after each chunk gets chunks one by one; the bits are the same. */
    size_t block = watch.each ? 1 : BLOCK;

    for (size_t first = 0; first < count; first += block) {
        size_t n = count - first < block ? count - first : block, from = first * chunk;
        size_t there = from >= usable ? 0 : usable - from < n * chunk ? usable - from : n * chunk;
        float p[BLOCK];

        if (watch.stop && watch.stop(watch.user))
            return false;
        if (there)
            memcpy(r->input + context, samples + from, there * sizeof *samples);
        memset(r->input + context + there, 0, (n * chunk - there) * sizeof *samples);
        silero_run(net, r->scratch, r->input, chunk, (int)n, r->h, r->c, p);
        if (probs)
            memcpy(probs + first, p, n * sizeof *p);
        if (watch.each)
            watch.each(watch.user, first, p[0], r->h, r->c);
        memmove(r->input, r->input + n * chunk, context * sizeof *r->input);
    }
    return true;
}

hse_status silero_file(const silero_net *net, const float *samples, size_t n, float *probs, float *h, float *c,
                       float *context, silero_each *each, void *user, hse_error *err)
{
    size_t hidden = (size_t)net->hidden;
    silero_reader *r = NULL;
    hse_status s = silero_reader_open(&r, net, err);

    if (s != HSE_OK)
        return s;
    file_run_all(r, net, samples, n, silero_chunks(net, n), probs, (file_watch){.each = each, .user = user});
    if (h)
        memcpy(h, r->h, hidden * sizeof *h);
    if (c)
        memcpy(c, r->c, hidden * sizeof *c);
    if (context)
        memcpy(context, r->input, (size_t)silero_context(net) * sizeof *context);
    silero_reader_close(&r);
    return HSE_OK;
}

bool silero_reader_run(silero_reader *r, const silero_net *net, const float *samples, size_t usable, size_t count, float *probs,
                       silero_stop *stop, void *user)
{
    return file_run_all(r, net, samples, usable, count, probs, (file_watch){.stop = stop, .user = user});
}

hse_status silero_fw_file(const silero_net *net, const float *samples, size_t n, float *probs, hse_error *err)
{
    size_t count = silero_fw_chunks(net, n), silent = count * (size_t)silero_chunk(net) - (size_t)silero_context(net);
    silero_reader *r = NULL;
    hse_status s = silero_reader_open(&r, net, err);

    if (s != HSE_OK)
        return s;
    file_run_all(r, net, samples, n < silent ? n : silent, count, probs, (file_watch){0});
    silero_reader_close(&r);
    return HSE_OK;
}

/* ---- the streaming wrapper ---- */

struct silero_stream {
    const silero *model;
    const silero_net *net; /* of the last call; NULL after a reset */
    silero_scratch *scratch;
    const silero_net *scratch_net;
    int batch;
    float *state;      /* [batch][h | c | context and chunk] */
    size_t state_size; /* floats allocated */
};

hse_status silero_stream_open(silero_stream **out, const silero *m, hse_error *err)
{
    silero_stream *s = hse_calloc(1, sizeof *s);

    if (!s)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a stream");
    s->model = m;
    *out = s;
    return HSE_OK;
}

void silero_stream_close(silero_stream **s)
{
    if (!*s)
        return;
    silero_scratch_close(&(*s)->scratch);
    hse_free((*s)->state);
    hse_free(*s);
    *s = NULL;
}

void silero_stream_reset(silero_stream *s)
{
    s->net = NULL;
}

static size_t stream_width(const silero_net *net)
{
    return 2 * (size_t)net->hidden + (size_t)silero_context(net) + (size_t)silero_chunk(net);
}

static hse_status stream_prepare(silero_stream *s, const silero_net *net, int batch, hse_error *err)
{
    size_t need = stream_width(net) * (size_t)batch;
    hse_status status;

    if (s->net == net && s->batch == batch)
        return HSE_OK;
    if (s->scratch_net != net) {
        silero_scratch *w = NULL;
        if ((status = silero_scratch_open(&w, net, 1, err)) != HSE_OK)
            return status;
        silero_scratch_close(&s->scratch);
        s->scratch = w;
        s->scratch_net = net;
    }
    if (need > s->state_size) {
        float *p = hse_realloc(s->state, need * sizeof *p);
        if (!p)
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d streams", batch);
        s->state = p;
        s->state_size = need;
    }
    memset(s->state, 0, need * sizeof *s->state);
    s->net = net;
    s->batch = batch;
    return HSE_OK;
}

hse_status silero_stream_run(silero_stream *s, const float *x, int batch, size_t samples, unsigned rate_hz,
                             float *probs, hse_error *err)
{
    size_t every = rate_hz > 16000 && rate_hz % 16000 == 0 ? rate_hz / 16000 : 1;
    size_t taken = samples / every + (samples % every != 0), chunk, context;
    unsigned rate = every > 1 ? 16000 : rate_hz;
    const silero_net *net;
    hse_status status;

    if (batch < 1 || batch > SILERO_MAX_BATCH)
        return hse_fail(err, HSE_E_ARG, 0, "a batch has %d streams; 1 to %d are possible", batch, SILERO_MAX_BATCH);
    if (rate != 8000 && rate != 16000)
        return hse_fail(err, HSE_E_ARG, 0, "the sample rate is %u Hz; 8000, 16000 and multiples of 16000 are supported",
                        rate_hz);
    if (taken == 0 || (double)rate / (double)taken > 31.25)
        return hse_fail(err, HSE_E_ARG, 0, "a chunk of %zu samples at %u Hz is too short", taken, rate);
    if (!(net = silero_at(s->model, rate)))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "these weights are not for %u Hz", rate);
    chunk = (size_t)silero_chunk(net);
    context = (size_t)silero_context(net);
    if (taken != chunk)
        return hse_fail(err, HSE_E_ARG, 0, "a chunk has %zu samples; it must have 256 at 8000 Hz or 512 at 16000 Hz",
                        taken);
    if ((status = stream_prepare(s, net, batch, err)) != HSE_OK)
        return status;

    for (int i = 0; i < batch; i++) {
        float *h = s->state + (size_t)i * stream_width(net), *c = h + net->hidden, *input = c + net->hidden;
        const float *from = x + (size_t)i * samples;

        for (size_t k = 0; k < chunk; k++)
            input[context + k] = from[k * every];
        silero_run(net, s->scratch, input, chunk, 1, h, c, &probs[i]);
        memcpy(input, input + chunk, context * sizeof *input);
    }
    return HSE_OK;
}
