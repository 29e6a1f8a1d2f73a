#include "server/api.h"
#include "server/busy.h"
#include "server/cors.h"
#include "server/docs.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/settings.h"
#include "engine/config_doubts.h"

#include <stdio.h>
#include <time.h>

enum { MAX_REQUESTS = 256, OTHER_REQUESTS = 16, MAX_JSON = 1 << 20 };
static const uint64_t max_upload = 100u << 20;

void api_health(http_job *job, void *arg)
{
    (void)arg;
    http_job_answer(job, 200, "application/json", "{\"status\":\"ok\"}", 15);
}

void api_ready(http_job *job, void *arg)
{
    const api_bound *b = arg;
    api_error e;

    if (hse_engine_ready(b->server->engine)) {
        api_health(job, arg);
        return;
    }
    api_fail(&e, 503, NULL, "models are being loaded");
    e.code = "loading";
    e.retry_after_s = 1;
    api_error_answer(job, &e);
}

void api_version(http_job *job, void *arg)
{
    static const char text[] = "{\"version\":\"" HSE_VERSION "\"}";

    (void)arg;
    http_job_answer(job, 200, "application/json", text, sizeof text - 1);
}

/* The route that was meant by a path with a slash too many, without /v1 or with two of them, as a wrong base URL makes it. */
static const char *route_meant(const char *path)
{
    char meant[128] = "/v1";
    size_t n = 3;

    while (strncmp(path, "/v1/", 4) == 0 || strncmp(path, "//", 2) == 0)
        path += *(path + 1) == '/' ? 1 : 3;
    for (; *path && n + 1 < sizeof meant; path++)
        if (*path != '/' || (path[1] != '/' && path[1]))
            meant[n++] = *path;
    meant[n] = '\0';
    for (size_t i = 0; i < api_route_count && !*path; i++)
        if (strcmp(api_routes[i].path, meant) == 0 || strcmp(api_routes[i].path, meant + 3) == 0)
            return api_routes[i].path;
    return NULL;
}

static void not_found(void *arg, http_job *job)
{
    const char *path = http_job_request(job)->path, *meant = route_meant(path);
    api_error e;

    (void)arg;
    api_fail(&e, 404, NULL, meant ? "there is nothing at %.120s; there is %s" : "there is nothing at %.120s", path, meant);
    e.code = "not_found";
    api_error_answer(job, &e);
}

/* A page of another site must not make a browser on this machine send requests that change something: browsers say
 * where a request comes from, and no other client does. */
static bool sent_by_a_strange_page(const http_request *r)
{
    return !(r->method & (HTTP_GET | HTTP_HEAD | HTTP_OPTIONS)) &&
           http_slice_is_nocase(http_request_header(r, "sec-fetch-site"), "cross-site");
}

/* Before anything else is done for a request, known path or not: what is not on the list of open routes needs a key. */
static void check_access(void *arg, http_job *job)
{
    hse_server *s = arg;
    const http_request *r = http_job_request(job);
    api_error e;

    cors_verdict cors = cors_begin(s->config, job);
    if (cors == CORS_ANSWERED)
        return;
    if (cors == CORS_NONE && sent_by_a_strange_page(r)) {
        api_fail(&e, 403, NULL, "a page of another site may not do this (--cors-origins)");
        e.code = "cross_site";
        api_error_answer(job, &e);
        return;
    }
    if (r->route && (r->route->flags & ROUTE_OPEN))
        return;
    api_key_verdict verdict = api_keys_check(s->keys, r, NULL);
    if (verdict == KEY_NOT_NEEDED || verdict == KEY_GOOD)
        return;
    api_fail(&e, 401, NULL,
             verdict == KEY_MISSING ? "this server wants an API key: Authorization: Bearer KEY, or Api-Key: KEY"
                                    : "the API key is not known here");
    e.code = "invalid_api_key";
    api_error_answer(job, &e);
}

static void request_done(void *arg, const http_request *r, int status, uint64_t bytes_out, uint64_t duration_ns)
{
    hse_server *s = arg;
    size_t route = r && r->route ? (size_t)(r->route - s->route) : api_route_count;

    api_metrics_http(s->metrics, route, r ? r->method : 0, status, duration_ns);
    hse_log(HSE_LOG_INFO, "http", r ? r->id : NULL, "%s %.*s %.200s %d %llu bytes %.1f ms", r ? r->peer : "-",
            r ? (int)r->method_text.size : 1, r ? r->method_text.data : "-", r && r->path ? r->path : "-", status,
            (unsigned long long)bytes_out, (double)duration_ns * 1e-6);
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static bool holds_upload(const schema *s)
{
    bool found = false;

    for (size_t i = 0; s && i < s->count && !found; i++)
        found = s->fields[i].kind == FIELD_BASE64 ||
                (s->fields[i].object && s->fields[i].object != s && holds_upload(s->fields[i].object));
    return found;
}

/* The largest body of a route: base64 takes four bytes for three; the rest of the JSON has 1 MiB (text may be escaped).
 */
static uint64_t body_limit(const hse_server *s, const api_route *r)
{
    uint64_t upload = s->options.max_upload_bytes;

    if (holds_upload(r->body))
        return upload / 3 * 4 + 4 + 2 * MAX_JSON;
    return (holds_upload(r->form) ? upload : 0) + 2 * MAX_JSON;
}

/* "/v1/models/{id}" -> "/v1/models/" and a star: the HTTP front's way to write it. */
static const char *front_pattern(char **at, const char *path)
{
    const char *open = strchr(path, '{'), *close = open ? strchr(open, '}') : NULL;
    char *out = *at;

    if (!close)
        return path;
    *at += snprintf(out, strlen(path) + 1, "%.*s*%s", (int)(open - path), path, close + 1) + 1;
    return out;
}

static hse_status make_routes(hse_server *s, hse_error *err)
{
    size_t bytes = 0;

    if (api_route_count > API_MAX_ROUTES)
        return hse_fail(err, HSE_E_ARG, 0, "the table of routes has %zu rows, the server takes %d", api_route_count,
                        API_MAX_ROUTES);
    for (size_t i = 0; i < api_route_count; i++)
        bytes += strlen(api_routes[i].path) + 1;
    char *at = s->patterns = hse_alloc(bytes);
    if (!at)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the server");
    for (size_t i = 0; i < api_route_count; i++) {
        const api_route *r = &api_routes[i];
        bool body = r->body || r->form;
        s->bound[i] = (api_bound){s, r};
        s->route[i] = (http_route){.methods = r->method,
                                   .pattern = front_pattern(&at, r->path),
                                   .flags = r->flags,
                                   .body = body ? HTTP_BODY_BUFFERED : HTTP_BODY_NONE,
                                   .limit = body ? body_limit(s, r) : 0,
                                   .limit_name = "--max-upload",
                                   .handler = r->quick ? r->quick : api_handle,
                                   .arg = &s->bound[i]};
    }
    return HSE_OK;
}

static hse_status make_document(hse_server *s, hse_error *err)
{
    hse_buf out;

    hse_buf_init(&out, 8u << 20);
    api_openapi_write(&out);
    hse_status status = hse_buf_status(&out, "the OpenAPI document", err);
    if (status == HSE_OK)
        s->openapi = hse_buf_take(&out, &s->openapi_size);
    hse_buf_free(&out);
    return status;
}

static hse_status open_front(hse_server *s, hse_error *err)
{
    const hse_server_options *o = &s->options;
    http_address address = {.host = o->host ? o->host : "127.0.0.1", .port = (uint16_t)o->port};
    http_options http = {
        .addresses = &address,
        .n_addresses = 1,
        .loops = (unsigned)o->loops,
        .routes = s->route,
        .n_routes = api_route_count,
        .tls_cert = o->tls_cert,
        .tls_key = o->tls_key,
        .hooks = {.arg = s,
                  .before = check_access,
                  .error_body = api_http_error_body,
                  .error_type = "application/json",
                  .not_found = not_found,
                  .done = request_done},
    };

    if (s->config) {
        http.max_header_bytes = (uint32_t)s->config->max_header_kb << 10;
        http.max_header_fields = (uint32_t)s->config->max_headers;
        http.max_connections = (uint32_t)s->config->max_connections;
        http.max_per_address = (uint32_t)s->config->max_connections_per_address;
        http.max_buffered = (uint64_t)s->config->max_buffered_mb << 20;
        http.write_stall_ms = (uint32_t)(s->config->stream_stall_s * 1000);
    }
    return http_server_open(&s->http, &http, err);
}

/* The constant word for a mode, so that it outlives every config. */
static const char *mode_word(const char *mode)
{
    static const char *const words[] = {"on", "reference", "off"};

    for (size_t i = 0; mode && i < COUNT(words); i++)
        if (strcmp(words[i], mode) == 0)
            return words[i];
    return words[0];
}

static void log_doubt(void *user, const char *key, size_t entry, const char *text)
{
    const hse_config *config = user;

    (void)entry;
    hse_log(HSE_LOG_WARN, "server", NULL, "%s: %s (%s)", key, text, hse_config_origin(config, key));
}

/* Names in it that stand for nothing are no reason to stop. */
static void check_names(hse_server *s, const hse_config *config)
{
    hse_error err = {0};
    union { const hse_config *c; void *v; } user = {.c = config};

    if (config && hse_config_doubt_names(s->engine, config, s->voices, log_doubt, user.v, &err) != HSE_OK)
        hse_log(HSE_LOG_WARN, "server", NULL, "the config's names could not be looked at: %s", err.text);
}

hse_status hse_server_open(hse_server **out, hse_engine *engine, const hse_server_options *options, hse_error *err)
{
    hse_server *s = hse_calloc(1, sizeof *s);

    if (!s)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the server");
    s->engine = engine;
    s->options = options ? *options : (hse_server_options){0};
    s->config = s->options.config;
    s->max_requests = s->options.max_requests > 0 ? s->options.max_requests : MAX_REQUESTS;
    s->started = (int64_t)time(NULL);
    pthread_mutex_init(&s->reloading, NULL);
    hse_server_options *o = &s->options;
    if (s->config && !o->api_key_count) {
        o->api_keys = s->config->api_keys;
        o->api_key_count = s->config->api_key_count;
    }
    atomic_init(&s->text_normalization, mode_word(o->text_normalization ? o->text_normalization
                                                  : s->config           ? s->config->text_normalization
                                                                        : NULL));
    if (o->max_upload_bytes == 0 || o->max_upload_bytes > max_upload)
        o->max_upload_bytes = max_upload;
    hse_status status = make_routes(s, err);
    if (status == HSE_OK)
        status = make_document(s, err);
    if (status == HSE_OK)
        status = api_keys_open(&s->keys, o->api_keys, o->api_key_count, err);
    if (status == HSE_OK)
        status = api_metrics_open(&s->metrics, api_route_count, err);
    if (status == HSE_OK)
        status = hse_workers_open(&s->workers, s->max_requests + OTHER_REQUESTS, err);
    if (status == HSE_OK)
        status = busy_log_open(&s->busy, engine, s->config ? s->config->log_interval_s : 0, err);
    if (status == HSE_OK)
        status = hse_voice_store_open(&s->voices, s->config ? s->config->state_dir : NULL, err);
    if (status == HSE_OK)
        status = open_front(s, err);
    if (status != HSE_OK)
        hse_server_close(&s);
    else
        *out = s;
    if (status == HSE_OK)
        check_names(s, s->config);
    return status;
}

/* What stays as it was at the start although it is changed, by name. */
static void report_restart(const hse_server *s, const hse_config *fresh, hse_buf *report)
{
    hse_buf keys;

    hse_buf_init(&keys, 1u << 16);
    hse_config_needs_restart(&keys, s->config, fresh);
    for (const char *key = hse_buf_text(&keys); *key; key += strcspn(key, "\n") + 1)
        hse_log(HSE_LOG_WARN, "server", NULL, "%.*s is changed, which takes effect when the server is started again",
                (int)strcspn(key, "\n"), key);
    if (report)
        hse_buf_append(report, hse_buf_text(&keys), keys.size);
    hse_buf_free(&keys);
}

/* What can fail comes before what changes something, and the engine, which changes all at once, comes last of these. */
hse_status hse_server_reload(hse_server *s, hse_buf *report, hse_error *err)
{
    hse_config *fresh = NULL; /* the engine's once it has taken it */
    api_key_set *keys = NULL;

    pthread_mutex_lock(&s->reloading);
    hse_status status = s->config ? hse_config_reload(&fresh, s->config, report, err)
                                  : hse_fail(err, HSE_E_UNSUPPORTED, 0, "the server was started without a config");
    if (status == HSE_OK)
        status = api_key_set_open(&keys, s->keys, fresh->api_keys, fresh->api_key_count, err);
    const char *mode = status == HSE_OK ? mode_word(fresh->text_normalization) : NULL;
    if (status == HSE_OK)
        status = hse_engine_reload(s->engine, fresh, err);
    if (status == HSE_OK) {
        api_keys_put(s->keys, &keys);
        atomic_store(&s->text_normalization, mode);
        hse_log(HSE_LOG_INFO, "server", NULL, "the config was read again");
        report_restart(s, fresh, report);
        check_names(s, fresh);
    } else {
        api_key_set_close(&keys);
        hse_config_close(&fresh);
    }
    pthread_mutex_unlock(&s->reloading);
    return status;
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
    busy_log_close(&s->busy);
    http_server_close(&s->http);
    api_metrics_close(&s->metrics);
    hse_voice_store_close(&s->voices);
    api_keys_close(&s->keys);
    hse_free(s->openapi);
    hse_free(s->patterns);
    pthread_mutex_destroy(&s->reloading);
    hse_free(s);
    *server = NULL;
}
