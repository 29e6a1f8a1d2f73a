#include "server/api.h"

#include "audio/decode.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/json.h"

#include <stdio.h>
#include <strings.h>

/* Read a JSON body: bounds on size, depth and duplicate keys are json.h's. */
static bool parse_body(api_call *c)
{
    const http_request *r = http_job_request(c->job);
    hse_error err = {0};

    if (r->body.size == 0)
        return api_fail(&c->error, 400, NULL, "the body is empty; it must be a JSON object");
    if (hse_json_parse(&c->root, r->body, "the body", NULL, &err) != HSE_OK) {
        api_fail(&c->error, err.status == HSE_E_NOMEM ? 500 : 400, NULL, "%s", err.text);
        c->error.code = "invalid_json";
        return false;
    }
    return true;
}

typedef struct {
    const api_post *post;
    http_job       *job;
} pending;

static void cancel_call(http_job *job, void *user)
{
    (void)job;
    hse_cancel_now(user);
}

static void release_cancel(void *user)
{
    hse_cancel *c = user;

    hse_cancel_close(&c);
}

static void run_call(void *arg)
{
    pending p = *(pending *)arg;
    api_call call = {.server = p.post->server, .job = p.job, .id = http_job_request(p.job)->id};
    hse_error err = {0};

    hse_free(arg);
    if (http_job_cancelled(p.job)) {
        http_job_unref(p.job);
        return;
    }
    bool ok = hse_cancel_open(&call.cancel, &err) == HSE_OK;
    if (!ok) {
        api_engine_error(&call, &err, NULL);
    } else {
        http_job_attach(p.job, call.cancel, release_cancel);    /* lives as long as the job, so a late cancel is harmless */
        http_job_on_cancel(p.job, cancel_call);
        ok = parse_body(&call) && p.post->run(&call);
    }
    if (!ok)
        api_error_answer(p.job, &call.error);
    json_decref(call.root);
    http_job_unref(p.job);
}

void api_handle_post(http_job *job, void *arg)
{
    const api_post *post = arg;
    const http_request *r = http_job_request(job);
    http_slice type = http_request_header(r, "content-type"), coding = http_request_header(r, "content-encoding");
    pending *p = hse_alloc(sizeof *p);
    api_error e;

    if (type.data && strncasecmp(type.data, "multipart/", type.size < 10 ? type.size : 10) == 0) {
        hse_free(p);
        api_fail(&e, 415, NULL, "this route takes application/json, not multipart");
        api_error_answer(job, &e);
        return;
    }
    if (coding.data && coding.size && (coding.size != 8 || strncasecmp(coding.data, "identity", 8) != 0)) {
        hse_free(p);
        api_fail(&e, 415, NULL, "a body is taken as it is: no Content-Encoding is known here");
        api_error_answer(job, &e);
        return;
    }
    if (p)
        *p = (pending){post, http_job_ref(job)};
    if (p && hse_workers_do(post->server->workers, run_call, p))
        return;
    if (p)
        http_job_unref(p->job);
    hse_free(p);
    api_fail(&e, 503, NULL, "too many requests are under way (--max-requests)");
    e.code = "overloaded";
    e.retry_after_s = 1;
    api_error_answer(job, &e);
}

bool api_engine_error(api_call *c, const hse_error *err, const char *param)
{
    api_error_from(&c->error, err, c->id);
    if (param)
        snprintf(c->error.param, sizeof c->error.param, "%s", param);
    return false;
}

bool api_answer_json(api_call *c, hse_buf *json)
{
    size_t size = 0;
    hse_error err = {0};

    if (hse_buf_status(json, "the answer", &err) != HSE_OK) {
        hse_buf_free(json);
        return api_engine_error(c, &err, NULL);
    }
    char *text = hse_buf_take(json, &size);
    http_job_answer_take(c->job, 200, "application/json", text, size, hse_free);
    return true;
}

static bool client_left(void *arg)
{
    return http_job_cancelled(arg);
}

bool api_decode(api_call *c, const hse_buf *bytes, const char *param, int rate_hz, hse_audio *out)
{
    hse_decode_options options = {.rate_hz = rate_hz, .cancelled = client_left, .cancel_arg = c->job};
    hse_audio_source source = hse_source_bytes((hse_bytes){bytes->data, bytes->size});
    hse_error err = {0};

    if (bytes->size == 0)
        return api_fail(&c->error, 400, param, "%s is empty; it must be an audio file in base64", param);
    if (hse_audio_decode(out, &source, &options, &err) == HSE_OK)
        return true;
    return api_engine_error(c, &err, param);
}

const char *api_model_name(const char *name)
{
    static const char *const openai[] = {"tts-1", "tts-1-hd", "gpt-4o-mini-tts"};

    if (!name || !*name)
        return NULL;
    for (size_t i = 0; i < COUNT(openai); i++)
        if (strcmp(name, openai[i]) == 0)
            return NULL;
    return name;
}

void api_common(api_call *c, hse_request *r, const char *model, schema_integer priority, schema_number timeout_s)
{
    r->model = model;
    r->request_id = c->id;
    r->client = http_job_request(c->job)->peer;
    r->cancel = c->cancel;
    if (priority.given)
        r->priority = (int)priority.value;
    if (timeout_s.given)
        r->timeout_s = timeout_s.value;
}
