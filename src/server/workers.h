/* workers.h - threads that carry one request each from body to answer, so that a handler may wait for the engine and for a
 * slow client without holding anybody else.
 *
 * Threads are started when needed, up to the limit, and kept. A request more than there may be is refused: it would wait for
 * somebody's whole answer. */
#ifndef HSE_SERVER_WORKERS_H
#define HSE_SERVER_WORKERS_H

#include "base/status.h"

#include <stdbool.h>

typedef struct hse_workers hse_workers;
typedef void hse_work(void *arg);

hse_status hse_workers_open(hse_workers **out, int max_threads, hse_error *err);
/* False when max_threads requests are there already, being carried or waiting, or no thread could be started. */
bool       hse_workers_do(hse_workers *w, hse_work *f, void *arg);
void       hse_workers_close(hse_workers **w);      /* waits for what was accepted */

#endif
