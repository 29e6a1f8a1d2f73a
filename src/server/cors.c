#include "server/cors.h"

#include <string.h>

/* How the list names this origin; NULL: not at all. */
static const char *listed(const hse_config *config, http_slice origin)
{
    for (size_t i = 0; origin.size && i < config->cors_origin_count; i++)
        if (strcmp(config->cors_origins[i], "*") == 0 || http_slice_is_nocase(origin, config->cors_origins[i]))
            return config->cors_origins[i];
    return NULL;
}

cors_verdict cors_begin(const hse_config *config, http_job *job)
{
    const http_request *r = http_job_request(job);
    const char *origin = config && config->cors_origin_count ? listed(config, http_request_header(r, "origin")) : NULL;
    hse_status s = HSE_OK;

    if (!origin)
        return CORS_NONE;
    s = http_job_header(job, "Access-Control-Allow-Origin", origin);
    if (s == HSE_OK)
        s = http_job_header(job, "Vary", "Origin");
    if (s == HSE_OK && (r->method != HTTP_OPTIONS || !http_request_header(r, "access-control-request-method").size))
        return http_job_header(job, "Access-Control-Expose-Headers", "*") == HSE_OK ? CORS_ALLOWED : CORS_NONE;
    if (s == HSE_OK)
        s = http_job_header(job, "Access-Control-Allow-Methods", "GET, POST, DELETE");
    if (s == HSE_OK)                            /* the star does not stand for Authorization */
        s = http_job_header(job, "Access-Control-Allow-Headers", "Authorization, *");
    if (s == HSE_OK)
        s = http_job_header(job, "Access-Control-Max-Age", "600");
    if (s == HSE_OK && http_slice_is_nocase(http_request_header(r, "access-control-request-private-network"), "true"))
        s = http_job_header(job, "Access-Control-Allow-Private-Network", "true");
    if (s == HSE_OK)
        http_job_answer(job, 204, NULL, NULL, 0);
    else
        http_job_fail(job, 503, "no memory for the answer");
    return CORS_ANSWERED;
}
