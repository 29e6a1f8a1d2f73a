#include "server/busy.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>

struct busy_log {
    hse_engine *engine;
    uint64_t interval_ns;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

/* What the lines are made from. */
typedef struct {
    uint64_t running, waiting, ended, characters, batches, items;
    double audio_in_s, audio_out_s;
} figures;

static bool look(hse_engine *engine, figures *f)
{
    hse_engine_stats s = {0};

    *f = (figures){0};
    if (hse_engine_stats_get(engine, &s, NULL) != HSE_OK)
        return false;
    for (int k = 0; k < HSE_JOB_KINDS; k++) {
        const hse_kind_stats *kind = &s.kind[k];
        f->running += kind->running;
        f->waiting += kind->waiting;
        f->ended += kind->done + kind->failed + kind->cancelled + kind->expired;
    }
    for (size_t i = 0; i < s.model_count; i++) {
        f->batches += s.models[i].batches;
        f->items += s.models[i].items;
    }
    f->characters = s.characters_in;
    f->audio_in_s = s.audio_in_s;
    f->audio_out_s = s.audio_out_s;
    hse_engine_stats_free(&s);
    return true;
}

static void say(const figures *now, const figures *before, double seconds)
{
    uint64_t batches = now->batches - before->batches, items = now->items - before->items;

    hse_log(HSE_LOG_INFO, "busy", NULL,
            "%llu running, %llu waiting; %llu requests ended in %.1f s, mean batch %.1f, %llu characters in, %.1f s of "
            "audio in, %.1f s out",
            (unsigned long long)now->running, (unsigned long long)now->waiting,
            (unsigned long long)(now->ended - before->ended), seconds, batches ? (double)items / (double)batches : 0.0,
            (unsigned long long)(now->characters - before->characters), now->audio_in_s - before->audio_in_s,
            now->audio_out_s - before->audio_out_s);
}

static void *run(void *arg)
{
    busy_log *b = arg;
    figures before, now;
    uint64_t last = hse_now_ns();

    look(b->engine, &before);
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        uint64_t until = last + b->interval_ns;
        struct timespec t = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
        if (pthread_cond_timedwait(&b->wake, &b->lock, &t) == 0 && hse_now_ns() < until)
            continue;
        pthread_mutex_unlock(&b->lock);
        if (look(b->engine, &now)) {
            uint64_t time = hse_now_ns();
            if (now.ended != before.ended || now.running || now.waiting)
                say(&now, &before, (double)(time - last) * 1e-9);
            before = now;
            last = time;
        } else {
            last = hse_now_ns();
        }
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

hse_status busy_log_open(busy_log **out, hse_engine *engine, double interval_s, hse_error *err)
{
    pthread_condattr_t attr;

    *out = NULL;
    if (interval_s <= 0)
        return HSE_OK;
    busy_log *b = hse_calloc(1, sizeof *b);
    if (!b)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the log of how busy the server is");
    b->engine = engine;
    b->interval_ns = (uint64_t)(interval_s * 1e9);
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->wake, &attr);
    pthread_condattr_destroy(&attr);
    int failed = pthread_create(&b->thread, NULL, run, b);
    if (failed) {
        pthread_cond_destroy(&b->wake);
        pthread_mutex_destroy(&b->lock);
        hse_free(b);
        return hse_fail_sys(err, failed, "a thread for the log of how busy the server is");
    }
    *out = b;
    return HSE_OK;
}

void busy_log_close(busy_log **log)
{
    busy_log *b = *log;

    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    hse_free(b);
    *log = NULL;
}
