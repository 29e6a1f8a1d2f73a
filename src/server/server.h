/* server.h - the HTTP API over one engine.
 *
 * Ownership  the engine and the config stay the caller's and outlive the server.
 * Threads    open, stop and close from one thread. Requests run on threads of the server's own. */
#ifndef HSE_SERVER_SERVER_H
#define HSE_SERVER_SERVER_H

#include "base/buf.h"
#include "config/config.h"

#include "hse.h"

typedef struct hse_server hse_server;

typedef struct {
    const char *host;               /* address, name, or the path of a unix socket; NULL = 127.0.0.1 */
    int         port;               /* 0 = any free one */
    int         loops;              /* threads that move bytes; 0 = one per core */
    int         max_requests;       /* under way together; 0 = 256. More get 503 */
    uint64_t    max_upload_bytes;   /* 0 = 100 MiB, which is also the most */
    const char *tls_cert, *tls_key; /* PEM files, both or none */
    const char *text_normalization; /* "on", "reference", "off": of requests that do not say; NULL = on */
    const char *const *api_keys;    /* what is under /v1 needs one of them; none: no key is asked for */
    size_t      api_key_count;
    const hse_config *config;       /* what hse_server_reload begins with; NULL: nothing to read again */
} hse_server_options;

hse_status hse_server_open(hse_server **out, hse_engine *engine, const hse_server_options *options, hse_error *err);
int        hse_server_port(const hse_server *server);           /* 0 for a unix socket */
/* Read the config again, as on SIGHUP; requests under way end as they began. On a mistake nothing changes; *report (may be NULL)
 * then lists each, as hse_config_load does. On success it has a line for each setting that differs from what the server was started
 * with and takes effect at the next start: its key. HSE_E_UNSUPPORTED: there is no config. */
hse_status hse_server_reload(hse_server *server, hse_buf *report, hse_error *err);
/* Takes no more requests, lets those under way finish within drain_ms, then cancels them. */
void       hse_server_stop(hse_server *server, unsigned drain_ms);
void       hse_server_close(hse_server **server);

#endif
