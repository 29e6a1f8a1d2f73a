#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPIN = 2000, MAX_THREADS = 256 };

struct hse_pool {
    int             threads, started;
    pthread_mutex_t busy;                   /* held for the length of a run */
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    _Atomic unsigned generation;            /* one more for each run; odd/even has no meaning */
    _Atomic int     next, tasks, active;    /* next task; task count; workers still inside the run */
    _Atomic bool    stop;
    hse_task       *f;
    void           *arg;
    pthread_t       thread[];
};

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(hse_pool *p)
{
    int n = atomic_load_explicit(&p->tasks, memory_order_relaxed), t;

    while ((t = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < n)
        p->f(p->arg, t);
}

static void *worker(void *arg)
{
    hse_pool *p = arg;
    unsigned seen = 0;

    for (;;) {
        for (int i = 0; i < SPIN && atomic_load_explicit(&p->generation, memory_order_relaxed) == seen; i++)
            relax();
        if (atomic_load_explicit(&p->generation, memory_order_acquire) == seen) {
            pthread_mutex_lock(&p->lock);
            while (atomic_load_explicit(&p->generation, memory_order_acquire) == seen)
                pthread_cond_wait(&p->wake, &p->lock);
            pthread_mutex_unlock(&p->lock);
        }
        seen++;                             /* a run waits for every worker, so generations cannot be skipped */
        if (atomic_load(&p->stop))
            return NULL;
        work(p);
        atomic_fetch_sub_explicit(&p->active, 1, memory_order_release);
    }
}

static void start_generation(hse_pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add_explicit(&p->generation, 1, memory_order_release);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

hse_status hse_pool_open(hse_pool **out, int threads, hse_error *err)
{
    if (threads <= 0)
        threads = hse_cpu_count();
    if (threads > MAX_THREADS)
        return hse_fail(err, HSE_E_ARG, 0, "%d threads asked for, the limit is %d", threads, MAX_THREADS);

    hse_pool *p = hse_calloc(1, sizeof *p + (size_t)threads * sizeof(pthread_t));
    if (!p)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a pool of %d threads", threads);
    p->threads = threads;
    pthread_mutex_init(&p->busy, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    for (; p->started < threads - 1; p->started++) {
        int e = pthread_create(&p->thread[p->started], NULL, worker, p);
        if (e) {
            hse_fail_sys(err, e, "cannot start thread %d of %d", p->started + 1, threads);
            hse_pool_close(&p);
            return HSE_E_IO;
        }
    }
    *out = p;
    return HSE_OK;
}

void hse_pool_close(hse_pool **pool)
{
    hse_pool *p = *pool;

    if (!p)
        return;
    atomic_store(&p->stop, true);
    start_generation(p);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->thread[i], NULL);
    pthread_mutex_destroy(&p->busy);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    hse_free(p);
    *pool = NULL;
}

int hse_pool_threads(const hse_pool *p)
{
    return p ? p->threads : 1;
}

void hse_pool_run(hse_pool *p, int tasks, hse_task *f, void *arg)
{
    if (!p || p->started == 0 || tasks <= 1 || pthread_mutex_trylock(&p->busy) != 0) {
        for (int t = 0; t < tasks; t++)
            f(arg, t);
        return;
    }
    p->f = f;
    p->arg = arg;
    atomic_store_explicit(&p->tasks, tasks, memory_order_relaxed);
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    atomic_store_explicit(&p->active, p->started, memory_order_relaxed);
    start_generation(p);
    work(p);
    for (int i = 0; atomic_load_explicit(&p->active, memory_order_acquire) > 0; i++) {
        if (i < SPIN)
            relax();
        else
            sched_yield();                  /* a worker without a core of its own must get ours */
    }
    pthread_mutex_unlock(&p->busy);
}

/* cgroup v2 writes "max 100000" or "<quota> <period>". */
static int cgroup_limit(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    long quota = 0, period = 0;

    if (!f)
        return 0;
    int n = fscanf(f, "%ld %ld", &quota, &period);
    fclose(f);
    return n == 2 && quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

int hse_cpu_count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    int limit = cgroup_limit();

    if (limit > 0 && limit < n)
        n = limit;
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}
