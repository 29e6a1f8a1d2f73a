/* wavenet.c - the gated convolution stack of VITS' flow and posterior encoder, and the posterior encoder itself. */
#include "models/vits/vits.h"

#include <stdio.h>

void vits_wavenet_bind(nn_binder *b, vits_wavenet *w, int layers, int hidden, int kernel, int gin)
{
    *w = (vits_wavenet){.layers = layers, .hidden = hidden};
    if (layers < 1 || layers > VITS_MAX_LAYERS) {
        nn_bind_problem(b, "a stack of %d gated convolutions", layers);
        return;
    }
    nn_bind_conv1d(b, &w->condition, gin, 2 * hidden * layers, 1, 1, "cond_layer");
    for (int i = 0; i < layers; i++) {
        nn_bind_conv1d(b, &w->in[i], hidden, 2 * hidden, kernel, 1, "in_layers.%d", i);
        nn_bind_conv1d(b, &w->res_skip[i], hidden, i < layers - 1 ? 2 * hidden : hidden, 1, 1, "res_skip_layers.%d", i);
    }
}

nn_tensor vits_wavenet_run(nn_ctx *c, const vits_wavenet *w, nn_tensor x, nn_tensor speaker, const char *name)
{
    nn_tensor condition = nn_conv1d(c, &w->condition, speaker), out = NN_NONE;
    int h = w->hidden;

    nn_tap(c, condition, "%s.cond_layer", name);
    for (int i = 0; i < w->layers; i++) {
        nn_mark_t mark = nn_mark(c);
        nn_tensor a = nn_conv1d(c, &w->in[i], x);

        nn_tap(c, a, "%s.in_layers.%d", name, i);
        a = nn_gate(c, a, nn_slice_cols(c, condition, 2 * h * i, 2 * h));
        a = nn_conv1d(c, &w->res_skip[i], a);
        nn_tap(c, a, "%s.res_skip_layers.%d", name, i);
        if (i < w->layers - 1) {
            nn_tensor next = nn_add(c, x, nn_slice_cols(c, a, 0, h)), sum = nn_add(c, out, nn_slice_cols(c, a, h, h));

            nn_keep_all(c, mark, (nn_tensor *[]){&next, &sum}, 2);
            x = next;
            out = sum;
        } else {
            out = nn_keep(c, mark, nn_add(c, out, a));
        }
    }
    nn_tap(c, out, "%s", name);
    return out;
}

void vits_posterior_bind(nn_binder *b, vits_posterior *p, int bins, int inter, int hidden, int gin)
{
    nn_enter(b, "enc_q.");
    nn_bind_conv1d(b, &p->pre, bins, hidden, 1, 1, "pre");
    nn_bind_conv1d(b, &p->proj, hidden, 2 * inter, 1, 1, "proj");
    nn_enter(b, "enc.");
    vits_wavenet_bind(b, &p->wavenet, VITS_POSTERIOR_LAYERS, hidden, 5, gin);
    nn_leave(b);
    nn_leave(b);
}

nn_tensor vits_posterior_run(nn_ctx *c, const vits_posterior *p, nn_tensor spec, nn_tensor speaker)
{
    nn_tensor x = nn_conv1d(c, &p->pre, spec);

    nn_tap(c, x, "enc_q.pre");
    x = nn_conv1d(c, &p->proj, vits_wavenet_run(c, &p->wavenet, x, speaker, "enc_q.enc"));
    nn_tap(c, x, "enc_q.proj");
    return x;
}
