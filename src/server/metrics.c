#include "server/metrics.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/api.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Answers are counted by these statuses; another one by its class's first. */
static const int statuses[] = {200, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413,
                               414, 415, 417, 422, 429, 431, 499, 500, 501, 503, 504, 505};
enum { STATUSES = sizeof statuses / sizeof statuses[0], METHODS = 8, HTTP_BUCKETS = 14, MAX_CALLS = 512 };

static const double http_bucket[HTTP_BUCKETS] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                 0.5,   1,     2.5,  5,     10,   30,  60};
static const char *const method_names[METHODS] = {"OTHER", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

typedef struct {
    _Atomic uint64_t by[METHODS][STATUSES];
    _Atomic uint64_t bucket[HTTP_BUCKETS + 1], nanoseconds;
} route_counts;

/* Requests to models by task, model and status. Names are the engine's own, so there are few; should the table ever be
 * full, the rest counts as model "other". */
typedef struct {
    char task[16], model[128];
    int status;
    uint64_t n;
} call_count;

struct api_metrics {
    size_t routes;
    double started;      /* Unix time of the process */
    route_counts *route; /* routes + 1: the last for paths that no route has */
    pthread_mutex_t lock;
    size_t calls;
    call_count call[MAX_CALLS];
};

/* When the process began: the system's boot time and the process's ticks since; both are text of /proc. */
static double process_start(void)
{
    char text[1024];
    unsigned long long ticks = 0;
    struct timespec now, up;
    FILE *f = fopen("/proc/self/stat", "re");

    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    double wall = (double)now.tv_sec + (double)now.tv_nsec * 1e-9,
           since_boot = (double)up.tv_sec + (double)up.tv_nsec * 1e-9;
    if (f) {
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = '\0';
        fclose(f);
        const char *p = strrchr(text, ')'); /* the name may hold anything; field 3 follows it, 22 is the start */
        for (int field = 2; p && field < 22; field++)
            p = strchr(p + 1, ' ');
        ticks = p ? strtoull(p, NULL, 10) : 0;
    }
    return ticks ? wall - since_boot + (double)ticks / (double)sysconf(_SC_CLK_TCK) : wall;
}

hse_status api_metrics_open(api_metrics **out, size_t routes, hse_error *err)
{
    api_metrics *m = hse_calloc(1, sizeof *m);

    if (!m || !(m->route = hse_calloc(routes + 1, sizeof *m->route))) {
        hse_free(m);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the metrics");
    }
    m->routes = routes;
    m->started = process_start();
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return HSE_OK;
}

void api_metrics_close(api_metrics **metrics)
{
    api_metrics *m = *metrics;

    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    hse_free(m->route);
    hse_free(m);
    *metrics = NULL;
}

static size_t status_index(int status)
{
    size_t class_first = STATUSES - 1;

    for (size_t i = STATUSES; i-- > 0;) {
        if (statuses[i] == status)
            return i;
        if (statuses[i] / 100 == status / 100)
            class_first = i;
    }
    return class_first;
}

static size_t method_index(unsigned method)
{
    switch (method) {
    case HTTP_GET: return 1;
    case HTTP_HEAD: return 2;
    case HTTP_POST: return 3;
    case HTTP_PUT: return 4;
    case HTTP_PATCH: return 5;
    case HTTP_DELETE: return 6;
    case HTTP_OPTIONS: return 7;
    default: return 0;
    }
}

/* Rows of the same path (GET and POST) count together: the label is the path. */
static size_t handler_of(const api_metrics *m, size_t route)
{
    size_t first = 0;

    if (route >= m->routes)
        return m->routes;
    while (strcmp(api_routes[first].path, api_routes[route].path) != 0)
        first++;
    return first;
}

void api_metrics_http(api_metrics *m, size_t route, unsigned method, int status, uint64_t duration_ns)
{
    route_counts *c = &m->route[handler_of(m, route)];
    size_t b = 0;

    while (b < HTTP_BUCKETS && (double)duration_ns * 1e-9 > http_bucket[b])
        b++;
    atomic_fetch_add_explicit(&c->by[method_index(method)][status_index(status)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->bucket[b], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->nanoseconds, duration_ns, memory_order_relaxed);
}

void api_metrics_call(api_metrics *m, const char *task, const char *model, int status)
{
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i <= m->calls; i++) {
        call_count *c = &m->call[i < MAX_CALLS ? i : MAX_CALLS - 1];
        if (i == m->calls && i < MAX_CALLS) {
            snprintf(c->task, sizeof c->task, "%s", task);
            snprintf(c->model, sizeof c->model, "%s", i == MAX_CALLS - 1 ? "other" : model);
            c->status = status;
            c->n = 1;
            m->calls++;
            break;
        }
        if (i >= MAX_CALLS - 1 || (c->status == status && strcmp(c->task, task) == 0 && strcmp(c->model, model) == 0)) {
            c->n++;
            break;
        }
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- writing -------------------------------------------------------------------------------------------------------
 */

static void head(hse_buf *out, const char *name, const char *kind, const char *help)
{
    hse_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* A label's value: backslash, quote and line feed are escaped, as the text format says. */
static void label(hse_buf *out, const char *name, const char *value, bool first)
{
    hse_buf_printf(out, "%s%s=\"", first ? "{" : ",", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            hse_buf_byte(out, '\\');
        if (*value == '\n')
            hse_buf_str(out, "\\n");
        else
            hse_buf_byte(out, (uint8_t)*value);
    }
    hse_buf_byte(out, '"');
}

static void plain(hse_buf *out, const char *name, const char *kind, const char *help, double v)
{
    head(out, name, kind, help);
    hse_buf_printf(out, "%s %.17g\n", name, v);
}

/* The lines of one histogram; counts are not cumulative yet. labels: "task=\"speak\"". */
static void histogram(hse_buf *out, const char *name, const char *labels, const double *bounds, const uint64_t *counts,
                      size_t n, uint64_t total, double sum)
{
    const char *comma = *labels ? "," : "";
    uint64_t below = 0;

    for (size_t i = 0; i < n; i++) {
        below += counts[i];
        hse_buf_printf(out, "%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, labels, comma, bounds[i],
                       (unsigned long long)below);
    }
    hse_buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, (unsigned long long)total);
    hse_buf_printf(out, "%s_sum{%s} %.17g\n%s_count{%s} %llu\n", name, labels, sum, name, labels,
                   (unsigned long long)total);
}

static void write_http(hse_buf *out, const api_metrics *m)
{
    head(out, "hse_http_requests_total", "counter", "HTTP requests by route, method and status.");
    for (size_t r = 0; r <= m->routes; r++)
        for (size_t k = 0; k < METHODS; k++)
            for (size_t s = 0; s < STATUSES; s++) {
                uint64_t n = atomic_load_explicit(&m->route[r].by[k][s], memory_order_relaxed);
                if (!n)
                    continue;
                hse_buf_str(out, "hse_http_requests_total");
                label(out, "handler", r < m->routes ? api_routes[r].path : "other", true);
                hse_buf_printf(out, ",method=\"%s\",status=\"%d\"} %llu\n", method_names[k], statuses[s],
                               (unsigned long long)n);
            }
    head(out, "hse_http_request_duration_seconds", "histogram", "From a request's head to the end of its answer.");
    for (size_t r = 0; r <= m->routes; r++) {
        uint64_t counts[HTTP_BUCKETS + 1], total = 0;
        char labels[160];
        for (size_t b = 0; b <= HTTP_BUCKETS; b++)
            total += counts[b] = atomic_load_explicit(&m->route[r].bucket[b], memory_order_relaxed);
        if (!total)
            continue;
        snprintf(labels, sizeof labels, "handler=\"%s\"", r < m->routes ? api_routes[r].path : "other");
        histogram(out, "hse_http_request_duration_seconds", labels, http_bucket, counts, HTTP_BUCKETS, total,
                  (double)atomic_load_explicit(&m->route[r].nanoseconds, memory_order_relaxed) * 1e-9);
    }
}

static void write_calls(hse_buf *out, api_metrics *m)
{
    head(out, "hse_requests_total", "counter", "Requests to models that ended, by task, model and status.");
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->calls; i++) {
        const call_count *c = &m->call[i];
        hse_buf_str(out, "hse_requests_total");
        label(out, "task", c->task, true);
        label(out, "model", c->model, false);
        hse_buf_printf(out, ",code=\"%d\"} %llu\n", c->status, (unsigned long long)c->n);
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- the engine's ---- */

static void by_kind(hse_buf *out, const hse_engine_stats *s, const char *name, const char *kind, const char *help,
                    size_t offset)
{
    head(out, name, kind, help);
    for (int k = 0; k < HSE_JOB_KINDS; k++)
        if (k != HSE_JOB_SYNTHESIZE && k != HSE_JOB_VOCODE) {
            const uint64_t *v = (const void *)((const char *)&s->kind[k] + offset);
            hse_buf_printf(out, "%s{task=\"%s\"} %llu\n", name, hse_job_kind_name((hse_job_kind)k), (unsigned long long)*v);
        }
}

static void seconds(hse_buf *out, const char *name, const char *labels, const hse_seconds_histogram *h)
{
    histogram(out, name, labels, hse_seconds_bucket, h->bucket, HSE_SECONDS_BUCKETS, h->count, h->sum);
}

#define KIND(member) offsetof(hse_kind_stats, member)

static void write_kinds(hse_buf *out, const hse_engine_stats *s)
{
    static const struct {
        const char *name, *kind, *help;
        size_t offset;
    } rows[] = {
        {"hse_requests_running", "gauge", "Requests of which something is being computed now.", KIND(running)},
        {"hse_requests_waiting", "gauge", "Unfinished requests of which nothing is being computed now.", KIND(waiting)},
        {"hse_requests_started_total", "counter", "Requests that were taken.", KIND(started)},
        {"hse_requests_failed_total", "counter", "Requests that ended in an error of any kind.", KIND(failed)},
        {"hse_request_cancelled_total", "counter", "Requests whose client left or that were cancelled.",
         KIND(cancelled)},
        {"hse_request_expired_total", "counter", "Requests whose deadline passed.", KIND(expired)},
    };
    char labels[64];

    for (size_t i = 0; i < COUNT(rows); i++)
        by_kind(out, s, rows[i].name, rows[i].kind, rows[i].help, rows[i].offset);
    head(out, "hse_request_duration_seconds", "histogram", "From taking a request to its end.");
    for (int k = 0; k < HSE_JOB_KINDS; k++) {
        snprintf(labels, sizeof labels, "task=\"%s\"", hse_job_kind_name((hse_job_kind)k));
        if (k != HSE_JOB_SYNTHESIZE && k != HSE_JOB_VOCODE)
            seconds(out, "hse_request_duration_seconds", labels, &s->kind[k].total);
    }
    head(out, "hse_time_to_first_audio_seconds", "histogram", "From taking a request to its first audio.");
    seconds(out, "hse_time_to_first_audio_seconds", "task=\"speak\"", &s->kind[HSE_JOB_SPEAK].first_audio);
    head(out, "hse_time_to_first_text_seconds", "histogram", "From taking a request to its first text.");
    seconds(out, "hse_time_to_first_text_seconds", "task=\"transcribe\"", &s->kind[HSE_JOB_TRANSCRIBE].first_audio);
}

static void write_totals(hse_buf *out, const hse_engine_stats *s, uint64_t refused)
{
    unsigned long long busy = s->rejected_busy + refused;

    head(out, "hse_request_rejected_total", "counter", "Requests refused before any work.");
    hse_buf_printf(out, "hse_request_rejected_total{reason=\"busy\"} %llu\n", busy);
    hse_buf_printf(out, "hse_request_rejected_total{reason=\"memory\"} %llu\n", (unsigned long long)s->rejected_memory);
    hse_buf_printf(out, "hse_request_rejected_total{reason=\"deadline\"} %llu\n",
                   (unsigned long long)s->rejected_deadline);
    plain(out, "hse_text_characters_total", "counter", "Characters of text to speak.", (double)s->characters_in);
    plain(out, "hse_audio_input_seconds_total", "counter", "Seconds of audio that came in.", s->audio_in_s);
    plain(out, "hse_audio_output_seconds_total", "counter", "Seconds of audio that went out.", s->audio_out_s);
    plain(out, "hse_voice_cache_hits_total", "counter", "Recordings whose embedding was known.",
          (double)s->voice_cache_hits);
    plain(out, "hse_voice_cache_misses_total", "counter", "Recordings whose embedding was computed.",
          (double)s->voice_cache_misses);
    plain(out, "hse_memory_budget_bytes", "gauge", "What models may hold together; 0: no bound.",
          (double)s->memory_budget);
}

typedef enum {
    M_LOADED,
    M_LOADING,
    M_LOAD_SECONDS,
    M_BYTES,
    M_ACTIVATIONS,
    M_REQUESTS,
    M_WAITING,
    M_LOADS,
    M_FIGURES
} model_figure;

static double figure(const hse_model_stats *m, model_figure f)
{
    switch (f) {
    case M_LOADED: return m->loaded;
    case M_LOADING: return m->loading;
    case M_LOAD_SECONDS: return m->load_s;
    case M_BYTES: return m->loaded ? (double)m->bytes : 0;
    case M_ACTIVATIONS: return (double)m->activation_bytes;
    case M_REQUESTS: return (double)m->requests;
    case M_WAITING: return (double)m->waiting;
    default: return (double)m->loads;
    }
}

static void model_label(hse_buf *out, const hse_model_stats *m)
{
    label(out, "model", m->name, true);
}

/* The labels of a model as a text for histogram(). */
static const char *model_labels(hse_buf *scratch, const hse_model_stats *m)
{
    hse_buf_clear(scratch);
    model_label(scratch, m);
    return hse_buf_text(scratch) + (scratch->size > 0); /* without the brace */
}

static void write_models(hse_buf *out, const hse_engine_stats *s)
{
    static const struct {
        const char *name, *kind, *help;
    } rows[M_FIGURES] = {
        [M_LOADED] = {"hse_model_loaded", "gauge", "1: its weights are in memory."},
        [M_LOADING] = {"hse_model_loading", "gauge", "1: it is being loaded."},
        [M_LOAD_SECONDS] = {"hse_model_load_seconds", "gauge", "How long its last load took."},
        [M_BYTES] = {"hse_model_memory_bytes", "gauge", "Memory of its weights."},
        [M_ACTIVATIONS] = {"hse_model_activation_bytes", "gauge", "Memory of its batches."},
        [M_REQUESTS] = {"hse_model_requests", "gauge", "Requests that use it now."},
        [M_WAITING] = {"hse_model_queue_items", "gauge", "Items that wait in its queue."},
        [M_LOADS] = {"hse_model_loads_total", "counter", "How often it was loaded."},
    };
    double batch_bounds[HSE_BATCH_BUCKETS - 1];
    hse_buf scratch;

    hse_buf_init(&scratch, 4096);
    for (size_t f = 0; f < M_FIGURES; f++) {
        head(out, rows[f].name, rows[f].kind, rows[f].help);
        for (size_t i = 0; i < s->model_count; i++) {
            hse_buf_str(out, rows[f].name);
            model_label(out, &s->models[i]);
            hse_buf_printf(out, "} %.17g\n", figure(&s->models[i], (model_figure)f));
        }
    }
    head(out, "hse_model_evictions_total", "counter", "How often it was unloaded, and why.");
    for (size_t i = 0; i < s->model_count; i++) {
        const hse_model_stats *m = &s->models[i];
        const struct {
            const char *reason;
            uint64_t n;
        } why[] = {{"idle", m->unloads_idle}, {"budget", m->unloads_budget}, {"asked", m->unloads_asked}};
        for (size_t k = 0; k < COUNT(why); k++) {
            hse_buf_str(out, "hse_model_evictions_total");
            model_label(out, m);
            hse_buf_printf(out, ",reason=\"%s\"} %llu\n", why[k].reason, (unsigned long long)why[k].n);
        }
    }
    for (size_t b = 0; b + 1 < HSE_BATCH_BUCKETS; b++)
        batch_bounds[b] = hse_batch_bucket[b];
    head(out, "hse_batch_size", "histogram", "Items that were computed together.");
    for (size_t i = 0; i < s->model_count; i++)
        histogram(out, "hse_batch_size", model_labels(&scratch, &s->models[i]), batch_bounds, s->models[i].batch,
                  HSE_BATCH_BUCKETS - 1, s->models[i].batches, (double)s->models[i].items);
    head(out, "hse_batch_waits_total", "counter", "Batches that waited a moment for others who may come.");
    for (size_t i = 0; i < s->model_count; i++) {
        hse_buf_str(out, "hse_batch_waits_total");
        model_label(out, &s->models[i]);
        hse_buf_printf(out, "} %llu\n", (unsigned long long)s->models[i].held_open);
    }
    head(out, "hse_request_queue_seconds", "histogram", "How long an item waited for its batch.");
    for (size_t i = 0; i < s->model_count; i++)
        seconds(out, "hse_request_queue_seconds", model_labels(&scratch, &s->models[i]), &s->models[i].queue);
    head(out, "hse_stage_duration_seconds", "histogram", "How long a batch took.");
    for (size_t i = 0; i < s->model_count; i++) {
        hse_buf_clear(&scratch);
        model_label(&scratch, &s->models[i]);
        label(&scratch, "stage", s->models[i].type ? s->models[i].type : "", false);
        seconds(out, "hse_stage_duration_seconds", hse_buf_text(&scratch) + (scratch.size > 0), &s->models[i].run);
    }
    hse_buf_free(&scratch);
}

/* ---- the process's ---- */

static unsigned open_files(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the folder itself */
}

static void write_process(hse_buf *out, const hse_server *server, uint64_t resident_bytes)
{
    struct rusage use;
    http_stats http;

    getrusage(RUSAGE_SELF, &use);
    plain(out, "process_cpu_seconds_total", "counter", "User and system time.",
          (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
              (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6);
    plain(out, "process_resident_memory_bytes", "gauge", "Resident memory.", (double)resident_bytes);
    plain(out, "process_open_fds", "gauge", "Open file descriptors.", open_files());
    plain(out, "process_start_time_seconds", "gauge", "Unix time at which the process began.",
          server->metrics->started);
    http_server_stats(server->http, &http);
    plain(out, "hse_http_connections", "gauge", "Open connections.", (double)http.open);
    plain(out, "hse_http_accepted_total", "counter", "Connections that were accepted.", (double)http.accepted);
    plain(out, "hse_http_received_bytes_total", "counter", "Bytes of requests.", (double)http.bytes_in);
    plain(out, "hse_http_sent_bytes_total", "counter", "Bytes of answers.", (double)http.bytes_out);
    head(out, "hse_build_info", "gauge", "Always 1; the version is in the labels.");
    hse_buf_str(out, "hse_build_info");
    label(out, "version", HSE_VERSION, true);
    label(out, "commit", HSE_COMMIT, false);
    label(out, "cpu", hse_cpu_name(hse_engine_kernels(server->engine)->cpu), false);
    hse_buf_str(out, "} 1\n");
}

hse_status api_metrics_write(hse_server *server, hse_buf *out, hse_error *err)
{
    hse_engine_stats stats = {0};
    hse_status s = hse_engine_stats_get(server->engine, &stats, err);

    if (s != HSE_OK)
        return s;
    write_calls(out, server->metrics);
    write_kinds(out, &stats);
    write_totals(out, &stats, atomic_load(&server->refused));
    write_models(out, &stats);
    write_http(out, server->metrics);
    write_process(out, server, stats.resident_bytes);
    hse_engine_stats_free(&stats);
    return hse_buf_status(out, "the metrics", err);
}

void api_metrics_page(http_job *job, void *arg)
{
    const api_bound *b = arg;
    hse_error err = {0};
    api_error e;
    hse_buf out;

    hse_buf_init(&out, 16u << 20);
    if (api_metrics_write(b->server, &out, &err) == HSE_OK) {
        http_job_answer(job, 200, "text/plain; version=0.0.4; charset=utf-8", hse_buf_text(&out), out.size);
    } else {
        api_error_from(&e, &err, http_job_request(job)->id);
        api_error_answer(job, &e);
    }
    hse_buf_free(&out);
}
