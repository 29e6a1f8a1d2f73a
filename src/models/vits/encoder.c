/* encoder.c - the transformer encoder of VITS: self-attention with relative positions and a convolutional feed-forward
 * network, each followed by a layer norm. Also the couplings of MeloTTS' flow are made of it. */
#include "models/vits/vits.h"

#include <stdarg.h>
#include <stdio.h>

void vits_norm_bind(nn_binder *b, nn_norm *n, int channels, const char *name, ...)
{
    char full[128];
    va_list args;

    va_start(args, name);
    vsnprintf(full, sizeof full, name, args);
    va_end(args);
    *n = (nn_norm){.channels = channels, .eps = 1e-5f};
    nn_bind_tensor(b, &n->scale, 1, &channels, "%s.gamma", full);
    nn_bind_tensor(b, &n->shift, 1, &channels, "%s.beta", full);
}

nn_tensor vits_add(nn_ctx *c, const nn_conv1d_layer *layer, nn_tensor x, nn_tensor residual, const char *name, ...)
{
    char full[128];
    va_list args;

    if (!nn_listening(c))
        return nn_conv1d_then(c, layer, x, (nn_then){.residual = residual});
    va_start(args, name);
    vsnprintf(full, sizeof full, name, args);
    va_end(args);
    x = nn_conv1d(c, layer, x);
    nn_tap(c, x, "%s", full);
    return nn_add(c, x, residual);
}

static void bind_layer(nn_binder *b, vits_encoder_layer *l, int i, int hidden, int filter, int heads, int kernel)
{
    int rel[] = {1, 2 * VITS_WINDOW + 1, hidden / heads};

    nn_enter(b, "attn_layers.%d.", i);
    nn_bind_linears(b, &l->qkv, hidden, hidden, (const char *[]){"conv_q", "conv_k", "conv_v"}, 3);
    nn_bind_conv1d(b, &l->out, hidden, hidden, 1, 1, "conv_o");
    nn_bind_tensor(b, &l->rel_k, 3, rel, "emb_rel_k");
    nn_bind_tensor(b, &l->rel_v, 3, rel, "emb_rel_v");
    nn_leave(b);
    vits_norm_bind(b, &l->norm_1, hidden, "norm_layers_1.%d", i);
    vits_norm_bind(b, &l->norm_2, hidden, "norm_layers_2.%d", i);
    nn_bind_conv1d(b, &l->conv_1, hidden, filter, kernel, 1, "ffn_layers.%d.conv_1", i);
    nn_bind_conv1d(b, &l->conv_2, filter, hidden, kernel, 1, "ffn_layers.%d.conv_2", i);
    l->conv_1.left = l->conv_2.left = (kernel - 1) / 2;
    l->conv_1.right = l->conv_2.right = kernel / 2;
}

void vits_encoder_bind(nn_binder *b, vits_encoder *e, int layers, int hidden, int filter, int heads, int kernel,
                       bool conditioned, int gin)
{
    *e = (vits_encoder){.layers = layers, .heads = heads, .hidden = hidden, .conditioned = conditioned};
    if (layers < 1 || layers > VITS_MAX_LAYERS || heads < 1 || hidden % heads != 0) {
        nn_bind_problem(b, "an encoder of %d layers and %d heads of %d channels", layers, heads, hidden);
        return;
    }
    if (conditioned && layers <= 2)
        nn_bind_problem(b, "an encoder of %d layers takes no speaker: that is layer 2's", layers);
    if (conditioned)
        nn_bind_linear(b, &e->speaker, gin, hidden, "spk_emb_linear");
    for (int i = 0; i < layers; i++)
        bind_layer(b, &e->layer[i], i, hidden, filter, heads, kernel);
}

static nn_tensor attend(nn_ctx *c, const vits_encoder *e, int i, nn_tensor x, const char *name)
{
    const vits_encoder_layer *l = &e->layer[i];
    nn_attention_options o = {.heads = e->heads, .window = VITS_WINDOW, .rel_k = l->rel_k, .rel_v = l->rel_v};
    nn_tensor qkv = nn_linear(c, &l->qkv, x);
    nn_tensor q = nn_slice_cols(c, qkv, 0, e->hidden), k = nn_slice_cols(c, qkv, e->hidden, e->hidden),
              v = nn_slice_cols(c, qkv, 2 * e->hidden, e->hidden);

    nn_tap(c, q, "%s.attn_layers.%d.conv_q", name, i);
    nn_tap(c, k, "%s.attn_layers.%d.conv_k", name, i);
    nn_tap(c, v, "%s.attn_layers.%d.conv_v", name, i);
    return vits_add(c, &l->out, nn_attention_with(c, q, k, v, &o), x, "%s.attn_layers.%d", name, i);
}

nn_tensor vits_encoder_run(nn_ctx *c, const vits_encoder *e, nn_tensor x, nn_tensor speaker, const char *name)
{
    for (int i = 0; i < e->layers; i++) {
        const vits_encoder_layer *l = &e->layer[i];
        nn_mark_t mark = nn_mark(c);

        if (e->conditioned && i == 2) {
            nn_tensor s = nn_linear(c, &e->speaker, speaker);

            nn_tap(c, s, "%s.spk_emb_linear", name);
            x = nn_add_vector(c, x, s);
        }
        x = nn_layer_norm(c, &l->norm_1, attend(c, e, i, x, name));
        nn_tap(c, x, "%s.norm_layers_1.%d", name, i);
        nn_tensor y = nn_relu(c, nn_conv1d(c, &l->conv_1, x));
        y = vits_add(c, &l->conv_2, y, x, "%s.ffn_layers.%d", name, i);
        x = nn_keep(c, mark, nn_layer_norm(c, &l->norm_2, y));
        nn_tap(c, x, "%s.norm_layers_2.%d", name, i);
    }
    nn_tap(c, x, "%s", name);
    return x;
}
