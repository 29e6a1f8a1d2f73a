/* admin.c - hse ps, load, stop, reload: what a running server holds in memory. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/common.h"

#include <string.h>

#define CLI_SERVER_OPTIONS                                                                                                     \
    {"server", 0, CLI_TEXT, "URL", NULL, 0, 0, true, "which one (default: the one that runs at HSE_HOST or 127.0.0.1:12080)"}, \
    {"api-key", 0, CLI_TEXT, "KEY", NULL, 0, 0, true, "for a server that asks for one"}

static const cli_option ps_options[] = {
    {"all", 'a', CLI_FLAG, NULL, NULL, 0, 0, false, "also models that are not in memory"},
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, false, "the server's answer as it is"},
    CLI_SERVER_OPTIONS,
};
static const cli_option load_options[] = {
    {"keep-alive", 0, CLI_TEXT, "TIME", NULL, 0, 0, false, "how long it stays unused: 90s, 5m, 2h, -1 = for ever (default: the server's)"},
    CLI_SERVER_OPTIONS,
};
static const cli_option stop_options[] = {
    {"wait", 0, CLI_REAL, "S", "30", 0, 600, false, "for requests that use it"},
    CLI_SERVER_OPTIONS,
};
static const cli_option reload_options[] = {
    CLI_SERVER_OPTIONS,
};

/* The server, or the exit status of there being none. */
static int find(cli_remote *r, const cli_args *a)
{
    hse_error err = {0};
    bool found = false;
    hse_status s = cli_remote_find(r, &found, a, true, &err);

    return s == HSE_OK ? CLI_OK : s == HSE_E_ARG ? cli_usage(a->command, "%s", err.text) : cli_fail(&err);
}

/* ---- ps ------------------------------------------------------------------------------------------------------------ */

static void put_size(char *out, size_t size, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t u = 0;

    while (bytes >= 1024 && u + 1 < COUNT(units)) {
        bytes /= 1024;
        u++;
    }
    snprintf(out, size, bytes < 10 && u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
}

static void put_until(char *out, size_t size, const json_t *m)
{
    const json_t *left = json_object_get(m, "expires_s");
    double s = json_number_value(left);

    if (json_is_true(json_object_get(m, "loading")))
        snprintf(out, size, "loading");
    else if (!json_is_true(json_object_get(m, "loaded")))
        snprintf(out, size, "not loaded");
    else if (!json_is_number(left))
        snprintf(out, size, "for ever");
    else if (s < 90)
        snprintf(out, size, "%.0f s", s);
    else if (s < 5400)
        snprintf(out, size, "%.0f min", s / 60);
    else
        snprintf(out, size, "%.1f h", s / 3600);
}

static void print_model(const json_t *m)
{
    const char *name = json_string_value(json_object_get(m, "id")), *type = json_string_value(json_object_get(m, "type"));
    const char *problem = json_string_value(json_object_get(m, "problem"));
    double batches = json_number_value(json_object_get(m, "batches")), items = json_number_value(json_object_get(m, "items"));
    char bytes[24], until[24], mean[24] = "-";

    put_size(bytes, sizeof bytes, json_number_value(json_object_get(m, "bytes")));
    put_until(until, sizeof until, m);
    if (batches > 0)
        snprintf(mean, sizeof mean, "%.1f", items / batches);
    printf("%-28s %-26s %10s %12s %9lld %6s\n", name ? name : "?", type ? type : "?", bytes, until,
           (long long)json_integer_value(json_object_get(m, "requests")), mean);
    if (problem)
        printf("    %s\n", problem);
}

static int run_ps(const cli_args *a)
{
    cli_remote r;
    json_t *root = NULL;
    hse_error err = {0};
    int status = find(&r, a);

    if (status)
        return status;
    if (cli_http_json(&r, "GET", cli_flag(a, "all") ? "/v1/ps?all=true" : "/v1/ps", NULL, &root, &err) != HSE_OK)
        return cli_fail(&err);
    const json_t *list = json_object_get(root, "data");
    if (cli_flag(a, "json")) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        puts("");
    } else if (!json_is_array(list)) {
        status = cli_fail_text("%s: its answer has no list of models", r.url);
    } else {
        char bytes[24];
        printf("%-28s %-26s %10s %12s %9s %6s\n", "NAME", "TYPE", "SIZE", "UNTIL", "REQUESTS", "BATCH");
        for (size_t i = 0; i < json_array_size(list); i++)
            print_model(json_array_get(list, i));
        put_size(bytes, sizeof bytes, json_number_value(json_object_get(root, "resident_bytes")));
        printf("%zu model%s, the server holds %s", json_array_size(list), json_array_size(list) == 1 ? "" : "s", bytes);
        if (json_is_number(json_object_get(root, "memory_budget"))) {
            put_size(bytes, sizeof bytes, json_number_value(json_object_get(root, "memory_budget")));
            printf(", weights may have %s", bytes);
        }
        puts("");
    }
    json_decref(root);
    return status;
}

/* ---- load, stop, reload -------------------------------------------------------------------------------------------- */

/* A number stays one: "300" and "-1" are seconds, "5m" is a text. */
static void put_keep_alive(hse_buf *body, const char *text)
{
    if (!text)
        return;
    if (strspn(text, "-0123456789.") == strlen(text))
        hse_buf_printf(body, ",\"keep_alive\":%s", text);
    else
        cli_json_text(body, "keep_alive", text);
}

static int change(const cli_args *a, bool load)
{
    cli_remote r;
    json_t *root = NULL;
    hse_error err = {0};
    hse_buf body;
    double seconds;
    int status;

    if (load && cli_text(a, "keep-alive") && !hse_duration_parse(cli_text(a, "keep-alive"), &seconds))
        return cli_usage(a->command, "--keep-alive: expected a time such as 90s, 5m, 2h, -1 or 0, found \"%s\"", cli_text(a, "keep-alive"));
    if ((status = find(&r, a)))
        return status;
    for (int i = 0; i < a->n_operands; i++) {
        char bytes[24];
        hse_buf_init(&body, 1 << 16);
        hse_buf_str(&body, "{\"model\":");
        hse_buf_json(&body, a->operands[i], strlen(a->operands[i]));
        if (load)
            put_keep_alive(&body, cli_text(a, "keep-alive"));
        else
            hse_buf_printf(&body, ",\"timeout_s\":%.9g", cli_real(a, "wait"));
        hse_buf_byte(&body, '}');
        root = NULL;
        if (cli_http_json(&r, "POST", load ? "/v1/models/load" : "/v1/models/unload", &body, &root, &err) != HSE_OK) {
            status = cli_fail(&err);
        } else {
            put_size(bytes, sizeof bytes, json_number_value(json_object_get(root, "resident_bytes")));
            printf("%s is %s; the server holds %s\n", a->operands[i], load ? "in memory" : "out of memory", bytes);
        }
        json_decref(root);
        hse_buf_free(&body);
    }
    return status;
}

static int run_load(const cli_args *a)
{
    return change(a, true);
}

static int run_stop(const cli_args *a)
{
    return change(a, false);
}

static int run_reload(const cli_args *a)
{
    cli_remote r;
    json_t *root = NULL;
    hse_error err = {0};
    hse_buf body;
    int status = find(&r, a);

    if (status)
        return status;
    hse_buf_init(&body, 16);
    hse_buf_str(&body, "{}");
    if (cli_http_json(&r, "POST", "/v1/config/reload", &body, &root, &err) != HSE_OK)
        status = cli_fail(&err);
    else
        printf("the config is read again: %lld models\n", (long long)json_integer_value(json_object_get(root, "models")));
    const json_t *late = json_object_get(root, "needs_restart");
    for (size_t i = 0; i < json_array_size(late); i++)
        printf("%s takes effect when the server is started again\n", json_string_value(json_array_get(late, i)));
    json_decref(root);
    hse_buf_free(&body);
    return status;
}

const cli_command cli_ps = {
    .name = "ps", .operands = "", .summary = "List the models that a running server holds in memory", .options = ps_options,
    .n_options = COUNT(ps_options), .run = run_ps,
    .details = "UNTIL: when it is unloaded if no request comes. REQUESTS: those that use it now. BATCH: how many pieces of work ran\n"
               "together, on average.\n",
};
const cli_command cli_load = {
    .name = "load", .operands = "MODEL...", .summary = "Have a running server load a model", .min_operands = 1, .max_operands = -1,
    .options = load_options, .n_options = COUNT(load_options), .run = run_load,
    .details = "Examples:\n  hse load harmonyspeech --keep-alive -1\n",
};
const cli_command cli_stop = {
    .name = "stop", .operands = "MODEL...", .summary = "Have a running server give a model's memory back", .min_operands = 1,
    .max_operands = -1, .options = stop_options, .n_options = COUNT(stop_options), .run = run_stop,
    .details = "Requests that use it end first. The next request loads it again.\n",
};
const cli_command cli_reload = {
    .name = "reload", .operands = "", .summary = "Have a running server read its config again", .options = reload_options,
    .n_options = COUNT(reload_options), .run = run_reload,
    .details = "Requests under way end as they began; on a mistake in the config nothing changes. SIGHUP does the same.\n",
};
