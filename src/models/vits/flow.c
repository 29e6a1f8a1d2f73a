/* flow.c - the normalising flow between the prior and the decoder's input (Dinh et al. 2017): couplings that shift one half
 * of the channels by what the other half says, with a reversal of all channels behind each. */
#include "models/vits/vits.h"

#include <stdio.h>

void vits_flow_bind(nn_binder *b, vits_flow *f, const vits_flow_dims *d)
{
    int half = d->inter / 2;

    *f = (vits_flow){.couplings = d->couplings, .inter = d->inter, .transformer = d->transformer};
    if (d->couplings < 1 || d->couplings > VITS_MAX_FLOWS || d->inter % 2 != 0) {
        nn_bind_problem(b, "a flow of %d couplings over %d channels", d->couplings, d->inter);
        return;
    }
    for (int i = 0; i < d->couplings; i++) {
        vits_coupling *k = &f->coupling[i];

        nn_enter(b, "flow.flows.%d.", 2 * i);
        nn_bind_conv1d(b, &k->pre, half, d->hidden, 1, 1, "pre");
        nn_bind_conv1d(b, &k->post, d->hidden, half, 1, 1, "post");
        nn_enter(b, "enc.");
        if (d->transformer)
            vits_encoder_bind(b, &k->encoder, d->layers, d->hidden, d->filter, d->heads, d->kernel, true, d->gin);
        else
            vits_wavenet_bind(b, &k->wavenet, d->layers, d->hidden, d->kernel, d->gin);
        nn_leave(b);
        nn_leave(b);
    }
}

/* x1 += or -= what x0 says. */
static nn_tensor couple(nn_ctx *c, const vits_flow *f, int i, nn_tensor x, nn_tensor speaker, float sign, const char *again)
{
    const vits_coupling *k = &f->coupling[i];
    int half = f->inter / 2;
    nn_tensor x0 = nn_slice_cols(c, x, 0, half), x1 = nn_slice_cols(c, x, half, half);
    char name[64];

    snprintf(name, sizeof name, "flow.flows.%d.enc%s", 2 * i, again);
    nn_tensor h = nn_conv1d(c, &k->pre, x0);
    nn_tap(c, h, "flow.flows.%d.pre%s", 2 * i, again);
    h = f->transformer ? vits_encoder_run(c, &k->encoder, h, speaker, name)
                       : vits_wavenet_run(c, &k->wavenet, h, speaker, name);
    if (nn_listening(c))
        nn_tap(c, nn_conv1d(c, &k->post, h), "flow.flows.%d.post%s", 2 * i, again);
    x1 = nn_conv1d_then(c, &k->post, h, (nn_then){.alpha = sign, .residual = x1});
    return nn_concat(c, 2, (nn_tensor[]){x0, x1});
}

nn_tensor vits_flow_run(nn_ctx *c, const vits_flow *f, nn_tensor x, nn_tensor speaker, bool inverse, bool again)
{
    const char *mark_again = again ? "#2" : "";

    for (int step = 0; step < f->couplings; step++) {
        int i = inverse ? f->couplings - 1 - step : step;
        nn_mark_t mark = nn_mark(c);

        if (inverse) {
            x = nn_reverse_cols(c, x);
            nn_tap(c, x, "flow.flows.%d%s", 2 * i + 1, mark_again);
        }
        x = nn_keep(c, mark, couple(c, f, i, x, speaker, inverse ? -1.0f : 1.0f, mark_again));
        nn_tap(c, x, "flow.flows.%d%s", 2 * i, mark_again);
        if (!inverse) {
            x = nn_keep(c, mark, nn_reverse_cols(c, x));
            nn_tap(c, x, "flow.flows.%d%s", 2 * i + 1, mark_again);
        }
    }
    nn_tap(c, x, "flow%s", mark_again);
    return x;
}
