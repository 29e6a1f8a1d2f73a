#include "server/api.h"

#include "audio/decode.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/json.h"
#include "http/url.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

/* ---- from body to struct -------------------------------------------------------------------------------------------
 */

/* Can the body of this table be left out? */
static bool needs_nothing(const schema *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->fields[i].required)
            return false;
    return true;
}

/* Read a JSON body: bounds on size, depth and duplicate keys are json.h's. */
static bool read_json(api_call *c, hse_bytes body)
{
    static const uint8_t nothing[] = {'{', '}'};
    hse_error err = {0};

    if (body.size >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0)      /* a byte order mark, as Windows' editors write it */
        body = (hse_bytes){body.data + 3, body.size - 3};

    if (body.size == 0 && needs_nothing(c->schema))
        body = (hse_bytes){nothing, sizeof nothing};
    if (body.size == 0)
        return api_fail(&c->error, 400, NULL, "the body is empty; it must be a JSON object");
    if (hse_json_parse(&c->root, body, "the body", NULL, &err) != HSE_OK) {
        api_fail(&c->error, err.status == HSE_E_NOMEM ? 500 : 400, NULL, "%s", err.text);
        c->error.code = "invalid_json";
        return false;
    }
    return true;
}

static bool read_body(api_call *c)
{
    const http_request *r = http_job_request(c->job);
    http_slice type = http_request_header(r, "content-type");
    uint64_t max_upload = c->server->options.max_upload_bytes;
    bool ok = true;

    if (c->route->query) {
        c->schema = c->route->query;
        ok = schema_query_read(c->schema, r->query, &c->root, &c->error);
    } else if (c->route->form && type.data && http_slice_is_nocase(http_media_type(type), "multipart/form-data")) {
        c->schema = c->route->form;
        ok = schema_form_read(c->schema, type, r->body, max_upload, &c->root, &c->form, &c->error);
    } else if (c->route->body) {
        c->schema = c->route->body;
        ok = read_json(c, r->body);
    } else if (c->route->form) {
        return api_fail(&c->error, 415, NULL, "this route takes multipart/form-data");
    }
    if (!ok || !c->schema)
        return ok;
    c->body = hse_calloc(1, c->schema->size ? c->schema->size : 1);
    if (!c->body)
        return api_fail(&c->error, 500, NULL, "not enough memory for this request");
    return schema_parse(c->schema, c->root, c->form, max_upload, c->body, &c->error);
}

static void free_body(api_call *c)
{
    if (c->body)
        schema_free(c->schema, c->body);
    hse_free(c->body);
    schema_form_free(&c->form);
    json_decref(c->root);
}

/* ---- one call ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    const api_bound *bound;
    http_job *job;
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

/* A key's holder has one share of the machine from wherever he calls; without keys an address has one. */
static void name_client(api_call *c)
{
    char key[KEY_NAME_SIZE];
    const http_request *r = http_job_request(c->job);

    api_keys_check(c->server->keys, r, key);
    snprintf(c->client, sizeof c->client, "%s", key[0] ? key : r->peer);
}

/* Requests to models have --max-requests places; what only asks or tells (models, voices, ps) has some of its own, so
 * that an operator can still look and unload when all are taken. */
static bool take_place(const api_bound *b)
{
    if (!b->route->task)
        return true;
    if (atomic_fetch_add(&b->server->in_flight, 1) < b->server->max_requests)
        return true;
    atomic_fetch_sub(&b->server->in_flight, 1);
    return false;
}

static void give_place(const api_bound *b)
{
    if (b->route->task)
        atomic_fetch_sub(&b->server->in_flight, 1);
}

void api_release(api_call *c)
{
    if (c->placed && c->route->task)
        atomic_fetch_sub(&c->server->in_flight, 1);
    c->placed = false;
}

/* x-hse-priority, for clients that cannot add a field to the body: one digit. */
static bool read_priority(api_call *c)
{
    http_slice v = http_request_header(http_job_request(c->job), "x-hse-priority");

    c->priority = -1;
    if (!v.data)
        return true;
    if (v.size != 1 || v.data[0] < '0' || v.data[0] > '9')
        return api_fail(&c->error, 400, "x-hse-priority", "the header x-hse-priority must be a digit from 0 to 9");
    c->priority = v.data[0] - '0';
    return true;
}

static void run_call(void *arg)
{
    pending p = *(pending *)arg;
    api_call call = {.server = p.bound->server,
                     .route = p.bound->route,
                     .job = p.job,
                     .id = http_job_request(p.job)->id,
                     .placed = true};
    hse_error err = {0};

    hse_free(arg);
    if (http_job_cancelled(p.job)) {
        if (call.route->task)
            api_metrics_call(call.server->metrics, call.route->task, "", 499);
        api_release(&call);
        http_job_unref(p.job);
        return;
    }
    name_client(&call);
    bool ok = hse_cancel_open(&call.cancel, &err) == HSE_OK;
    if (!ok) {
        api_engine_error(&call, &err, NULL);
    } else {
        http_job_attach(p.job, call.cancel,
                        release_cancel); /* lives as long as the job, so a late cancel is harmless */
        http_job_on_cancel(p.job, cancel_call);
        ok = read_priority(&call) && read_body(&call) && call.route->run(&call);
    }
    api_release(&call);
    if (!ok)
        api_error_answer(p.job, &call.error);
    if (call.route->task)
        api_metrics_call(call.server->metrics, call.route->task, call.model,
                         !ok               ? call.error.http
                         : call.error.http ? call.error.http
                                           : 200);
    free_body(&call);
    http_job_unref(p.job);
}

/* Seconds after which there may be a place, by how fast requests of this kind end. */
static int retry_after(const hse_server *s, const api_route *route)
{
    for (int kind = 0; route->task && kind < HSE_JOB_KINDS; kind++)
        if (strcmp(hse_job_kind_name((hse_job_kind)kind), route->task) == 0)
            return (int)ceil(hse_engine_retry_after(s->engine, (hse_job_kind)kind));
    return 1;
}

static void refuse(http_job *job, int status, const char *code, const char *text, int retry_after_s)
{
    api_error e;

    api_fail(&e, status, NULL, "%s", text);
    e.code = code;
    e.retry_after_s = retry_after_s;
    api_error_answer(job, &e);
}

/* Many a client calls its JSON something else; what is called a form or a recording never is JSON. */
static bool is_of_kind(http_slice type, const api_route *route)
{
    static const char *const others[] = {"multipart/", "audio/", "video/"};

    for (size_t i = route->form ? 1 : 0; i < COUNT(others) && (route->body || route->form); i++)
        if (type.size > strlen(others[i]) && strncasecmp(type.data, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

void api_handle(http_job *job, void *arg)
{
    const api_bound *bound = arg;
    const http_request *r = http_job_request(job);
    http_slice type = http_request_header(r, "content-type"), coding = http_request_header(r, "content-encoding");

    if (!is_of_kind(type, bound->route)) {
        char text[160];
        snprintf(text, sizeof text, "this route takes %s%s%s, not %.*s", bound->route->body ? "application/json" : "",
                 bound->route->body && bound->route->form ? " or " : "", bound->route->form ? "multipart/form-data" : "",
                 (int)(type.size < 60 ? type.size : 60), type.data);
        refuse(job, 415, NULL, text, 0);
        return;
    }
    if (coding.data && coding.size && (coding.size != 8 || strncasecmp(coding.data, "identity", 8) != 0)) {
        refuse(job, 415, NULL, "a body is taken as it is: no Content-Encoding is known here", 0);
        return;
    }
    pending *p = hse_alloc(sizeof *p);
    if (p && take_place(bound)) {
        *p = (pending){bound, http_job_ref(job)};
        if (hse_workers_do(bound->server->workers, run_call, p))
            return;
        http_job_unref(p->job);
        give_place(bound);
    }
    hse_free(p);
    if (bound->route->task) {
        api_metrics_call(bound->server->metrics, bound->route->task, "", 503);
        atomic_fetch_add(&bound->server->refused, 1);
    }
    refuse(job, 503, "overloaded", "too many requests are under way (--max-requests)", retry_after(bound->server, bound->route));
}

/* ---- what the handlers share ---------------------------------------------------------------------------------------
 */

/* "voice alto is not known": the field that the engine's sentence begins with, perhaps one of an object's. */
static void put_field(api_call *c, const char *text)
{
    size_t n = strcspn(text, " :");
    const schema *s = n ? c->schema : NULL;
    const schema_field *f = s ? schema_find(s, text, n) : NULL;

    if (f)
        snprintf(c->error.param, sizeof c->error.param, "%s", f->name);
    for (size_t i = 0; s && !f && i < s->count; i++)
        if (s->fields[i].kind == FIELD_OBJECT && s->fields[i].object && (f = schema_find(s->fields[i].object, text, n)) != NULL)
            snprintf(c->error.param, sizeof c->error.param, "%s.%s", s->fields[i].name, f->name);
}

bool api_engine_error(api_call *c, const hse_error *err, const char *param)
{
    api_error_map(&c->error, err);
    /* a client that gave the deadline itself is not the operator's concern */
    api_error_log(&c->error, err, c->id, c->own_deadline);
    if (param)
        snprintf(c->error.param, sizeof c->error.param, "%s", param);
    else if (err->status == HSE_E_ARG || err->status == HSE_E_UNSUPPORTED || err->status == HSE_E_FORMAT || err->status == HSE_E_LIMIT ||
             err->status == HSE_E_NOT_FOUND)
        put_field(c, err->text);
    if (err->status == HSE_E_BUSY)
        c->error.retry_after_s = retry_after(c->server, c->route);
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
    api_release(c);
    http_job_answer_take(c->job, 200, "application/json", text, size, hse_free);
    return true;
}

static bool client_left(void *arg)
{
    return http_job_cancelled(arg);
}

bool api_decode(api_call *c, const hse_buf *bytes, const char *param, int rate_hz, hse_audio *out)
{
    hse_decode_options options = {
        .limits = HSE_AUDIO_LIMITS_DEFAULT, .rate_hz = rate_hz, .cancelled = client_left, .cancel_arg = c->job};
    hse_audio_source source = hse_source_bytes((hse_bytes){bytes->data, bytes->size});
    hse_error err = {0};

    if (bytes->size == 0)
        return api_fail(&c->error, 400, param, "%s is empty; it must be an audio file%s", param,
                        c->form ? "" : " in base64");
    if (c->server->config)
        options.limits.max_seconds = c->server->config->max_audio_hours * 3600;
    if (hse_audio_decode(out, &source, &options, &err) == HSE_OK)
        return out->n > 0 || api_fail(&c->error, 400, param, "%s has no samples; audio is expected", param);
    if (err.status == HSE_E_LIMIT)
        hse_fail_in(&err, err.status, "--max-audio-hours");
    hse_fail_in(&err, err.status, "%s", param);
    return api_engine_error(c, &err, param);
}

hse_status api_find_model(api_call *c, hse_models *models, const char *name, hse_model_choice *out, hse_error *err)
{
    hse_status s = HSE_E_UNSUPPORTED;

    for (int kind = 0; kind < HSE_JOB_KINDS && s != HSE_OK && s != HSE_E_NOMEM; kind++)
        s = hse_models_find(out, models, c->server->engine, (hse_job_kind)kind, name, err);
    return s;
}

void api_common(api_call *c, hse_request *r, const char *model, const common_fields *common)
{
    r->model = model && *model ? model : NULL;
    r->request_id = c->id;
    r->client = c->client;
    r->cancel = c->cancel;
    if (common->priority.given)
        r->priority = (int)common->priority.value;
    else if (c->priority >= 0)
        r->priority = c->priority;
    if (common->timeout_s.given)
        r->timeout_s = common->timeout_s.value;
    c->own_deadline = common->timeout_s.given;
    if (common->keep_alive.given)
        r->keep_alive_s = common->keep_alive.value;
}

void api_answered_by(api_call *c, const char *model)
{
    snprintf(c->model, sizeof c->model, "%s", model ? model : "");
}
