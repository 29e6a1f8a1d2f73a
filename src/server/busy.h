/* busy.h - a line in the log now and then that says how busy the server is; none while nothing happens.
 *
 * One thread of its own between open and close. */
#ifndef HSE_SERVER_BUSY_H
#define HSE_SERVER_BUSY_H

#include "engine/engine.h"

typedef struct busy_log busy_log;

/* interval_s <= 0: *out is NULL and nothing is logged. */
hse_status busy_log_open(busy_log **out, hse_engine *engine, double interval_s, hse_error *err);
void       busy_log_close(busy_log **log);

#endif
