/* reload.c - another config for a running engine: what it begins with stays with each request, what is the same stays loaded. */
#include "base/log.h"
#include "config/settings.h"
#include "engine/internal.h"

/* What a reload changes; everything else needs a restart. */
static const char *const live[] = {"model_configs", "aliases",        "models",       "hf_home",            "offline",     "dtype",
                                   "device",        "timeout_s",      "keep_alive",   "memory_budget",      "preload",     "batch_window_ms",
                                   "vad_model",     "max_batch_size", "api_keys",     "text_normalization", "api_key_file", "lexicon",
                                   "watermark"};

static bool is_live(const char *key)
{
    for (size_t i = 0; i < COUNT(live); i++)
        if (strcmp(live[i], key) == 0)
            return true;
    return false;
}

void hse_config_needs_restart(hse_buf *out, const hse_config *started, const hse_config *fresh)
{
    for (const hse_setting *s = hse_settings; s->key; s++) {
        hse_buf a, b;

        if (is_live(s->key))
            continue;
        hse_buf_init(&a, 1u << 20);
        hse_buf_init(&b, 1u << 20);
        hse_setting_print(s, started, &a);
        hse_setting_print(s, fresh, &b);
        if (strcmp(hse_buf_text(&a), hse_buf_text(&b)) != 0)
            hse_buf_printf(out, "%s\n", s->key);
        hse_buf_free(&a);
        hse_buf_free(&b);
    }
}

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
    hse_slots_reconsider(e);
    hse_catalogue_unref(e, old);
    pthread_cond_signal(&e->keeper_wake);
    pthread_mutex_unlock(&e->lock);
    hse_log(HSE_LOG_INFO, "engine", NULL, "config read again: %zu models (%zu before, %zu unchanged)", c->slot_count, before, kept);
    return HSE_OK;
}
