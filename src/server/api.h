/* api.h - what the routes share: a call from body to answer, on a thread of its own. */
#ifndef HSE_SERVER_API_H
#define HSE_SERVER_API_H

#include "audio/audio.h"
#include "engine/engine.h"
#include "server/requests.h"
#include "server/server.h"
#include "server/workers.h"

struct hse_server {
    http_server       *http;
    hse_engine        *engine;
    hse_workers       *workers;
    hse_server_options options;
};

/* One POST request while it is served. The body is parsed already; root may be any JSON value. */
typedef struct {
    hse_server *server;
    http_job   *job;
    json_t     *root;
    hse_cancel *cancel;             /* raised when the client leaves */
    const char *id;                 /* x-request-id */
    api_error   error;              /* what a false return means */
} api_call;

/* A route: its function runs on a worker thread and returns false with call->error filled; true when it has answered. */
typedef struct api_post api_post;
struct api_post {
    hse_server *server;
    bool      (*run)(api_call *call);
};
http_handler api_handle_post;       /* arg: api_post */

bool api_speech(api_call *call);
bool api_embed(api_call *call);
bool api_vad(api_call *call);

http_handler api_health, api_version, api_page;                                 /* arg: hse_server */
http_handler api_models, api_model, api_speech_models, api_embed_models, api_vad_models;

/* Decode a field's bytes to mono samples at rate_hz (0: the recording's own). Ends when the client leaves. */
bool api_decode(api_call *call, const hse_buf *bytes, const char *param, int rate_hz, hse_audio *out);
/* The fields every request has. */
void api_common(api_call *call, hse_request *r, const char *model, schema_integer priority, schema_number timeout_s);
/* Turn an engine error into call->error; `param` when the field is known, else NULL. Returns false. */
bool api_engine_error(api_call *call, const hse_error *err, const char *param);
/* Answer with JSON text; takes care of a buffer that failed. */
bool api_answer_json(api_call *call, hse_buf *json);
/* NULL for an absent name and for OpenAI's (tts-1, ...), which mean the first model of the task; else the name. */
const char *api_model_name(const char *name);

#endif
