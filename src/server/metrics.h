/* metrics.h - GET /metrics: Prometheus text. The HTTP front's figures and the requests' ends are counted here, the rest is the
 * engine's. Counting takes no lock. */
#ifndef HSE_SERVER_METRICS_H
#define HSE_SERVER_METRICS_H

#include "base/buf.h"
#include "http/http.h"
#include "server/server.h"

typedef struct api_metrics api_metrics;

hse_status api_metrics_open(api_metrics **out, size_t routes, hse_error *err);
void       api_metrics_close(api_metrics **m);

/* An HTTP request ended. route: its index in api_routes, or `routes` (none had its path). */
void api_metrics_http(api_metrics *m, size_t route, unsigned method, int status, uint64_t duration_ns);
/* A request to a model ended. model "": it was not found out. */
void api_metrics_call(api_metrics *m, const char *task, const char *model, int status);

hse_status api_metrics_write(hse_server *server, hse_buf *out, hse_error *err);
http_handler api_metrics_page;      /* arg: api_bound */

#endif
