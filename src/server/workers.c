#include "server/workers.h"

#include "base/mem.h"

#include <pthread.h>

typedef struct {
    hse_work *f;
    void     *arg;
} task;

struct hse_workers {
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    int             max, threads, idle;     /* idle: waiting for a task, which may be on its way already */
    int             first, count;           /* ring of waiting tasks */
    bool            stop;
    pthread_t      *thread;
    task           *waiting;
};

enum { STACK = 512 * 1024 };

static void *run(void *arg)
{
    hse_workers *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->count == 0 && !w->stop) {
            w->idle++;
            pthread_cond_wait(&w->wake, &w->lock);
            w->idle--;
        }
        if (w->count == 0)
            break;
        task t = w->waiting[w->first];
        w->first = (w->first + 1) % w->max;
        w->count--;
        pthread_mutex_unlock(&w->lock);
        t.f(t.arg);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

hse_status hse_workers_open(hse_workers **out, int max_threads, hse_error *err)
{
    hse_workers *w = hse_calloc(1, sizeof *w);
    size_t n = (size_t)max_threads;

    if (!w || !(w->thread = hse_calloc(n, sizeof *w->thread)) || !(w->waiting = hse_calloc(n, sizeof *w->waiting))) {
        if (w)
            hse_free(w->thread);
        hse_free(w);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %d request threads", max_threads);
    }
    w->max = max_threads;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    *out = w;
    return HSE_OK;
}

static bool start_thread(hse_workers *w)
{
    pthread_attr_t attr;

    if (w->threads == w->max || pthread_attr_init(&attr) != 0)
        return false;
    pthread_attr_setstacksize(&attr, STACK);
    bool ok = pthread_create(&w->thread[w->threads], &attr, run, w) == 0;
    pthread_attr_destroy(&attr);
    w->threads += ok;
    return ok;
}

bool hse_workers_do(hse_workers *w, hse_work *f, void *arg)
{
    bool ok = false;

    pthread_mutex_lock(&w->lock);
    if (!w->stop && w->count + w->threads - w->idle < w->max) {
        if (w->count >= w->idle)
            start_thread(w);
        if (w->threads > 0) {
            w->waiting[(w->first + w->count) % w->max] = (task){f, arg};
            w->count++;
            pthread_cond_signal(&w->wake);
            ok = true;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return ok;
}

void hse_workers_close(hse_workers **workers)
{
    hse_workers *w = *workers;

    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->threads; i++)
        pthread_join(w->thread[i], NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    hse_free(w->thread);
    hse_free(w->waiting);
    hse_free(w);
    *workers = NULL;
}
