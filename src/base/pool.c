#include "base/pool.h"

#include "base/file.h"
#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPIN = 2000, MAX_THREADS = 256, RUNS = 16 };

/* One hse_pool_run under way. Who helps counts itself in first and looks at `open` after; the caller closes first and waits until
 * nobody is in after. So f and arg stay as long as somebody may use them. */
typedef struct {
    atomic_bool taken, open;
    _Atomic int inside;                     /* workers that help, or are just looking */
    _Atomic int next, tasks;
    hse_task   *f;
    void       *arg;
    char        apart[64];                  /* two runs do not share a cache line */
} run;

struct hse_pool {
    int             threads, started;
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    _Atomic unsigned calls;                 /* runs that began so far: who sleeps has seen them all */
    _Atomic int     sleepers, runs, helping;            /* workers asleep; runs under way; workers at a task of one */
    atomic_bool     stop;
    run             run[RUNS];
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

/* The run that has fewest helpers, of those that have tasks left. */
static run *neediest(hse_pool *p)
{
    run *best = NULL;
    int least = 0;

    for (int i = 0; i < RUNS; i++) {
        run *r = &p->run[i];
        int inside = atomic_load_explicit(&r->inside, memory_order_relaxed);

        if (atomic_load_explicit(&r->open, memory_order_relaxed) && (!best || inside < least) &&
            atomic_load_explicit(&r->next, memory_order_relaxed) < atomic_load_explicit(&r->tasks, memory_order_relaxed)) {
            best = r;
            least = inside;
        }
    }
    return best;
}

/* One task of somebody's run; false when there is none. Each run has its caller's thread already, so there are helpers only for
 * the threads that are left: several runs share the pool, and no core has more than one thread to run. */
static bool help(hse_pool *p)
{
    run *r = NULL;

    if (atomic_fetch_add(&p->helping, 1) < p->threads - atomic_load(&p->runs) && (r = neediest(p))) {
        atomic_fetch_add(&r->inside, 1);
        if (atomic_load(&r->open)) {
            int t = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed);

            if (t < atomic_load_explicit(&r->tasks, memory_order_relaxed))
                r->f(r->arg, t);
        }
        atomic_fetch_sub_explicit(&r->inside, 1, memory_order_release);
    }
    atomic_fetch_sub(&p->helping, 1);
    return r != NULL;
}

static void *worker(void *arg)
{
    hse_pool *p = arg;

    while (!atomic_load(&p->stop)) {
        unsigned seen = atomic_load(&p->calls);

        if (help(p))
            continue;
        for (int i = 0; i < SPIN && atomic_load_explicit(&p->calls, memory_order_relaxed) == seen; i++)
            relax();
        if (atomic_load(&p->calls) != seen)
            continue;
        pthread_mutex_lock(&p->lock);
        atomic_fetch_add(&p->sleepers, 1);
        while (atomic_load(&p->calls) == seen)
            pthread_cond_wait(&p->wake, &p->lock);
        atomic_fetch_sub(&p->sleepers, 1);
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

/* Who goes to sleep counts itself first and looks at `calls` after; here it is the other way round, so one of both notices. */
static void call(hse_pool *p)
{
    atomic_fetch_add(&p->calls, 1);
    if (atomic_load(&p->sleepers) == 0)
        return;
    pthread_mutex_lock(&p->lock);
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
    call(p);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->thread[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    hse_free(p);
    *pool = NULL;
}

int hse_pool_threads(const hse_pool *p)
{
    return p ? p->threads : 1;
}

static run *take_run(hse_pool *p)
{
    for (int i = 0; i < RUNS; i++) {
        bool free = false;

        if (!atomic_load_explicit(&p->run[i].taken, memory_order_relaxed) &&
            atomic_compare_exchange_strong(&p->run[i].taken, &free, true))
            return &p->run[i];
    }
    return NULL;
}

void hse_pool_run(hse_pool *p, int tasks, hse_task *f, void *arg)
{
    run *r = p && p->started && tasks > 1 ? take_run(p) : NULL;
    int t;

    if (!r) {
        for (t = 0; t < tasks; t++)
            f(arg, t);
        return;
    }
    r->f = f;
    r->arg = arg;
    atomic_store_explicit(&r->tasks, tasks, memory_order_relaxed);
    atomic_store_explicit(&r->next, 0, memory_order_relaxed);
    atomic_store(&r->open, true);
    if (atomic_fetch_add(&p->runs, 1) < p->threads - 1)     /* else no thread is left to help */
        call(p);
    while ((t = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed)) < tasks)
        f(arg, t);
    atomic_fetch_sub(&p->runs, 1);
    atomic_store(&r->open, false);
    for (int i = 0; atomic_load(&r->inside) > 0; i++) {
        if (i < SPIN)
            relax();
        else
            sched_yield();                  /* a worker without a core of its own must get ours */
    }
    atomic_store(&r->taken, false);
}

/* cgroup v2 writes "max 100000" or "<quota> <period>". */
static int cgroup_limit(void)
{
    uint64_t number[2];                                 /* quota, period */

    if (hse_file_numbers(number, 2, "/sys/fs/cgroup/cpu.max") < 2 || number[1] == 0)
        return 0;
    uint64_t cpus = number[0] / number[1] + (number[0] % number[1] != 0);
    return cpus < MAX_THREADS ? (int)cpus : MAX_THREADS;
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
