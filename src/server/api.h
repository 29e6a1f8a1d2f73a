/* api.h - what the routes share: a call from body to answer, on a thread of its own. */
#ifndef HSE_SERVER_API_H
#define HSE_SERVER_API_H

#include "audio/audio.h"
#include "engine/engine.h"
#include "engine/voices/store.h"
#include "server/auth.h"
#include "server/metrics.h"
#include "server/requests.h"
#include "server/routes.h"
#include "server/server.h"
#include "server/workers.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {                    /* arg of every http_route */
    hse_server      *server;
    const api_route *route;
} api_bound;

struct hse_server {
    http_server       *http;
    hse_engine        *engine;
    hse_workers       *workers;
    api_keys          *keys;
    api_metrics       *metrics;
    hse_server_options options;
    int                max_requests;
    atomic_int         in_flight;   /* requests to models, from being taken to the end of their answer */
    _Atomic uint64_t   refused;     /* for want of a place, before the engine heard of them */
    int64_t            started;     /* Unix time */
    _Atomic(const char *) text_normalization;   /* of requests that do not say: a constant word */
    pthread_mutex_t    reloading;
    hse_voice_store   *voices;      /* that people brought */
    const hse_config  *config;      /* of the start, until the end: for what does not change meanwhile. NULL: none */
    struct busy_log   *busy;
    char              *openapi;     /* the document */
    size_t             openapi_size;
    api_bound          bound[API_MAX_ROUTES];
    http_route         route[API_MAX_ROUTES];
    char              *patterns;    /* of the HTTP front, in one piece */
};

/* One request while it is served. Its body (or query) was taken apart by the table. */
struct api_call {
    hse_server      *server;
    const api_route *route;
    http_job        *job;
    const schema    *schema;        /* what the body was read by: route->body, ->form or ->query; NULL: there is none */
    void            *body;          /* that schema's struct */
    json_t          *root;          /* the same as JSON */
    schema_form     *form;
    hse_cancel      *cancel;        /* raised when the client leaves */
    const char      *id;            /* x-request-id */
    char             client[72];    /* whose share of the machine it uses: its key, else its address */
    int              priority;      /* of the header x-hse-priority; -1: there is none */
    bool             own_deadline;  /* the client set timeout_s */
    bool             placed;        /* it has one of --max-requests places */
    char             model[128];    /* that answered, for the metrics; "" before it is known */
    api_error        error;         /* what a false return of run means */
};

http_handler api_handle;            /* every route with `run`; arg: api_bound */

/* run of the rows in routes.c: false with call->error filled, or true when it has answered. */
bool api_speech(api_call *call);
bool api_embed(api_call *call);
bool api_vad(api_call *call);
bool api_models(api_call *call);
bool api_model(api_call *call);
bool api_task_models(api_call *call);               /* of the route's path */
bool api_load(api_call *call);
bool api_unload(api_call *call);
bool api_ps(api_call *call);
bool api_reload(api_call *call);

http_handler api_health, api_ready, api_version, api_page;

/* Decode a field's bytes to mono samples at rate_hz (0: the recording's own). Ends when the client leaves. */
bool api_decode(api_call *call, const hse_buf *bytes, const char *param, int rate_hz, hse_audio *out);
/* The fields every request has. `model` is what the engine shall look for, body->model or its translation. */
void api_common(api_call *call, hse_request *r, const char *model, const common_fields *common);
/* Note which model answered. */
void api_answered_by(api_call *call, const char *model);
/* Turn an engine error into call->error; `param` when the field is known, else NULL (a text that begins with the name of a
 * field is understood). Returns false. */
bool api_engine_error(api_call *call, const hse_error *err, const char *param);
/* The work is done and the last bytes go out now: give the place to the next request, which may come before this call returns.
 * Done for errors and JSON; at the end of run at the latest. */
void api_release(api_call *call);
/* Answer with JSON text; takes care of a buffer that failed. */
bool api_answer_json(api_call *call, hse_buf *json);
/* A model's name as a path or a query says it, whatever it does: the first kind of request that it answers counts. */
hse_status api_find_model(api_call *call, hse_models *models, const char *name, hse_model_choice *out, hse_error *err);

#endif
