/* raw.c - the context seen by models that run kernels themselves. */
#include "nn/raw.h"

#include "nn/internal.h"

#include <stdarg.h>
#include <stdio.h>

const hse_kernels *nn_kernels(const nn_ctx *c)
{
    return c->k;
}

hse_pool *nn_pool(const nn_ctx *c)
{
    return c->pool;
}

int nn_threads(const nn_ctx *c)
{
    return c->threads;
}

int nn_scratch_take(nn_ctx *c)
{
    return nn_slot_take(c);
}

void nn_scratch_give(nn_ctx *c, int scratch)
{
    nn_slot_give(c, scratch);
}

hse_status nn_interrupted(nn_ctx *c, hse_error *err)
{
    nn_pause(c);
    if (!nn_stopped(c))
        return HSE_OK;
    if (c->cancel && atomic_load(c->cancel))
        return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
    return hse_fail(err, HSE_E_DEADLINE, 0, "the deadline passed while the model ran");
}

float *nn_raw(nn_ctx *c, nn_tensor t)
{
    return nn_running(c) && !nn_is_none(t) && t.act == K_NONE && t.ld == t.cols ? nn_data(c, t) : NULL;
}

void nn_show(nn_ctx *c, const float *data, int rows, int cols, const char *fmt, ...)
{
    const int starts[2] = {0, rows};
    char name[64];
    va_list args;

    if (!c->listener)
        return;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    c->listener(c->listener_user,
                &(nn_view){.name = name, .items = 1, .cols = cols, .width = 1, .starts = starts, .data = data});
}
