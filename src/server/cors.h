/* cors.h - pages of other sites: browsers let them read an answer, and send what is more than a form's post, only where the server says so. */
#ifndef HSE_SERVER_CORS_H
#define HSE_SERVER_CORS_H

#include "config/config.h"
#include "http/http.h"

typedef enum {
    CORS_NONE,                      /* no page, or one that is not on the list */
    CORS_ALLOWED,                   /* the headers that say so are among the answer's */
    CORS_ANSWERED,                  /* the browser asked first (a preflight), and has its answer */
} cors_verdict;

/* Before anything else is done for a request: a browser asks without the key that it will send. */
cors_verdict cors_begin(const hse_config *config, http_job *job);

#endif
