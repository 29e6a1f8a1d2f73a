/* reload.c - another config for a running engine: what it begins with stays with each request, what is the same stays loaded. */
#include "base/log.h"
#include "engine/internal.h"

hse_status hse_engine_reload(hse_engine *e, hse_config *config, hse_error *err)
{
    hse_error local;
    catalogue *c = NULL;

    err = err ? err : &local;
    if (!config)
        return hse_fail(err, HSE_E_ARG, 0, "config is NULL");
    pthread_mutex_lock(&e->lock);
    hse_status s = hse_keeper_start(e, err);            /* it ends the threads of models that are gone */
    pthread_mutex_unlock(&e->lock);
    if (s == HSE_OK)
        s = hse_catalogue_open(&c, e, config, err);
    if (s != HSE_OK)
        return s;

    pthread_mutex_lock(&e->lock);
    catalogue *old = e->catalogue;
    size_t before = old->slot_count, kept = 0;
    for (size_t i = 0; i < c->slot_count; i++)
        kept += c->slots[i]->refs > 1;
    c->own_config = config;
    e->catalogue = c;
    hse_engine_limits(e, config);
    hse_preload(e, config);
    hse_catalogue_unref(e, old);
    pthread_cond_signal(&e->keeper_wake);
    pthread_mutex_unlock(&e->lock);
    hse_log(HSE_LOG_INFO, "engine", NULL, "config read again: %zu models (%zu before, %zu unchanged); threads and cpu need a restart",
            c->slot_count, before, kept);
    return HSE_OK;
}
