/* pool.h - a fixed set of threads that runs the same function over task numbers 0..n-1.
 *
 * hse_pool_run returns when all tasks are done; the caller's thread works too. Tasks are handed out in order, one at a
 * time, so they must not depend on each other. Several runs may be under way (of several callers, or from inside a task): each
 * has its caller's thread, and the others are shared out among them task by task, which changes the speed, never the result.
 * Workers spin for some microseconds after a task, since the next layer usually follows at once, and then sleep. */
#ifndef HSE_BASE_POOL_H
#define HSE_BASE_POOL_H

#include "base/status.h"

typedef struct hse_pool hse_pool;
typedef void hse_task(void *arg, int task);

/* threads counts the caller, so 1 starts none; 0 = one per available core (affinity and cgroup quota respected). */
hse_status hse_pool_open(hse_pool **out, int threads, hse_error *err);
void       hse_pool_close(hse_pool **pool);
int        hse_pool_threads(const hse_pool *pool);                     /* 1 for NULL */
void       hse_pool_run(hse_pool *pool, int tasks, hse_task *f, void *arg);    /* pool NULL: on this thread */
int        hse_cpu_count(void);                                        /* cores this process may use, at least 1 */

#endif
