#include "server/api.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>

enum { MAX_REQUESTS = 256, MAX_JSON = 1 << 20 };
static const uint64_t max_upload = 100u << 20;

void api_health(http_job *job, void *arg)
{
    (void)arg;
    http_job_answer(job, 200, "application/json", "{\"status\":\"ok\"}", 15);
}

void api_version(http_job *job, void *arg)
{
    static const char text[] = "{\"version\":\"" HSE_VERSION "\"}";

    (void)arg;
    http_job_answer(job, 200, "application/json", text, sizeof text - 1);
}

static void not_found(void *arg, http_job *job)
{
    api_error e;

    (void)arg;
    api_fail(&e, 404, NULL, "there is nothing at %.120s", http_job_request(job)->path);
    e.code = "not_found";
    api_error_answer(job, &e);
}

static void log_request(void *arg, const http_request *r, int status, uint64_t bytes_out, uint64_t duration_ns)
{
    (void)arg;
    hse_log(HSE_LOG_INFO, "http", r ? r->id : NULL, "%s %.*s %.200s %d %llu bytes %.1f ms", r ? r->peer : "-",
            r ? (int)r->method_text.size : 1, r ? r->method_text.data : "-", r && r->path ? r->path : "-", status,
            (unsigned long long)bytes_out, (double)duration_ns * 1e-6);
}

/* The table of routes. What needs the server gets it as the argument; POST routes go through api_handle_post. */
enum { POSTS = 3, ROUTES = 16 };

struct routes {
    api_post   post[POSTS];
    http_route route[ROUTES];
    size_t     count;
};

static void add(struct routes *t, unsigned methods, const char *pattern, http_handler *handler, void *arg)
{
    t->route[t->count++] = (http_route){.methods = methods, .pattern = pattern, .handler = handler, .arg = arg};
}

static void add_post(struct routes *t, hse_server *s, const char *pattern, bool (*run)(api_call *call), size_t i)
{
    t->post[i] = (api_post){s, run};
    /* base64 takes four bytes for three; the rest of the JSON has 1 MiB (text may be escaped) */
    t->route[t->count++] = (http_route){.methods = HTTP_POST, .pattern = pattern, .body = HTTP_BODY_BUFFERED,
                                        .limit = s->options.max_upload_bytes / 3 * 4 + 4 + 2 * MAX_JSON,
                                        .limit_name = "--max-upload", .handler = api_handle_post, .arg = &t->post[i]};
}

struct server_box {                 /* hse_server and what it points to, in one allocation */
    hse_server    server;
    struct routes routes;
};

static void make_routes(struct routes *t, hse_server *s)
{
    add(t, HTTP_GET, "/", api_page, s);
    add(t, HTTP_GET, "/health", api_health, s);
    add(t, HTTP_GET, "/health/live", api_health, s);
    add(t, HTTP_GET, "/health/ready", api_health, s);
    add(t, HTTP_GET, "/version", api_version, s);
    add(t, HTTP_GET, "/v1/models", api_models, s);
    add(t, HTTP_GET, "/v1/models/*", api_model, s);
    add(t, HTTP_GET, "/v1/audio/speech/models", api_speech_models, s);
    add(t, HTTP_GET, "/v1/embed/models", api_embed_models, s);
    add(t, HTTP_GET, "/v1/audio/vad/models", api_vad_models, s);
    add_post(t, s, "/v1/audio/speech", api_speech, 0);
    add_post(t, s, "/v1/embed/speaker", api_embed, 1);
    add_post(t, s, "/v1/audio/vad", api_vad, 2);
}

hse_status hse_server_open(hse_server **out, hse_engine *engine, const hse_server_options *options, hse_error *err)
{
    struct server_box *box = hse_calloc(1, sizeof *box);
    hse_status s;

    if (!box)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the server");
    hse_server *server = &box->server;
    server->engine = engine;
    server->options = options ? *options : (hse_server_options){0};
    hse_server_options *o = &server->options;
    if (o->max_upload_bytes == 0 || o->max_upload_bytes > max_upload)
        o->max_upload_bytes = max_upload;
    make_routes(&box->routes, server);

    http_address address = {.host = o->host ? o->host : "127.0.0.1", .port = (uint16_t)o->port};
    http_options http = {
        .addresses = &address, .n_addresses = 1, .loops = (unsigned)o->loops,
        .routes = box->routes.route, .n_routes = box->routes.count,
        .tls_cert = o->tls_cert, .tls_key = o->tls_key,
        .hooks = {.arg = server, .error_body = api_http_error_body, .error_type = "application/json", .not_found = not_found,
                  .done = log_request},
    };
    s = hse_workers_open(&server->workers, o->max_requests > 0 ? o->max_requests : MAX_REQUESTS, err);
    if (s == HSE_OK)
        s = http_server_open(&server->http, &http, err);
    if (s != HSE_OK) {
        hse_server_close(&server);
        return s;
    }
    *out = server;
    return HSE_OK;
}

int hse_server_port(const hse_server *server)
{
    return http_server_port(server->http, 0);
}

void hse_server_stop(hse_server *server, unsigned drain_ms)
{
    http_server_stop(server->http, drain_ms);
}

void hse_server_close(hse_server **server)
{
    hse_server *s = *server;

    if (!s)
        return;
    /* First the connections, which cancels what is under way; then the threads that carried it. */
    if (s->http)
        http_server_stop(s->http, 0);
    hse_workers_close(&s->workers);
    http_server_close(&s->http);
    hse_free(s);                            /* the box's address: the server is its first member */
    *server = NULL;
}
