/* workers.h - threads that carry one request each from body to answer, so that a handler may wait for the engine and for a
 * slow client without holding anybody else.
 *
 * Threads are started when needed, up to the limit, and kept. A request that finds no free thread and no room in the queue is
 * refused, which is the server's HSE_E_BUSY. */
#ifndef HSE_SERVER_WORKERS_H
#define HSE_SERVER_WORKERS_H

#include "base/status.h"

#include <stdbool.h>

typedef struct hse_workers hse_workers;
typedef void hse_work(void *arg);

hse_status hse_workers_open(hse_workers **out, int max_threads, hse_error *err);
/* False when all threads are busy and max_threads more requests wait already, or no thread could be started. */
bool       hse_workers_do(hse_workers *w, hse_work *f, void *arg);
void       hse_workers_close(hse_workers **w);      /* waits for what was accepted */

#endif
