/* serve.c - hse serve: the HTTP server, until SIGINT or SIGTERM. */
#include "cli/commands.h"
#include "cli/common.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "server/server.h"

#include <signal.h>
#include <string.h>

enum { DRAIN_MS = 10000, DEFAULT_PORT = 12080 };

static const cli_option options[] = {
    {"host", 0, CLI_TEXT, "ADDRESS", NULL, 0, 0, true, "address, or the path of a unix socket (default: the config's, else 127.0.0.1)"},
    {"port", 'p', CLI_INT, "N", NULL, 0, 65535, true, "0 = any free one (default: the config's, else 12080)"},
    {"max-requests", 0, CLI_INT, "N", "256", 1, 4096, true, "under way together; more are answered with 503"},
    {"max-upload", 0, CLI_INT, "MIB", "100", 1, 100, true, "largest recording in a request"},
    {"timeout", 0, CLI_REAL, "S", "600", 0.001, 86400, true, "of a request that brings no timeout_s"},
    {"text-normalization", 0, CLI_CHOICE, "on|reference|off", "on", 0, 0, true, "of requests that do not say"},
    {"tls-cert", 0, CLI_TEXT, "FILE", NULL, 0, 0, true, "PEM certificate chain; with --tls-key the server speaks https"},
    {"tls-key", 0, CLI_TEXT, "FILE", NULL, 0, 0, true, "PEM private key"},
    {"log-level", 0, CLI_TEXT, "LEVELS", "info,http=warn", 0, 0, true, "error, warn, info, debug or component=level, separated by commas"},
    CLI_ENGINE_OPTIONS,
};

/* Is there a model that speaks? */
static bool print_models(hse_engine *engine)
{
    hse_models *models = NULL;
    bool speaks = false;

    if (hse_models_open(&models, engine, NULL) != HSE_OK)
        return false;
    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);
        if (m->problem) {
            hse_log(HSE_LOG_WARN, "server", NULL, "model %s cannot be used: %s", m->name, m->problem);
        } else if (strcmp(m->type, "toolchain") == 0 || m->detects) {
            printf("  %-16s %s", m->name, m->speaks ? "speaks" : m->detects ? "finds speech" : "embeds");
            for (size_t v = 0; v < m->voice_count && v < 8; v++)
                printf("%s%s", v ? ", " : "; voices ", m->voices[v]);
            puts("");
            speaks = speaks || m->speaks;
        }
    }
    hse_models_close(&models);
    return speaks;
}

/* What a newcomer reads: where it listens, and a command that makes a sound. */
static void greet(hse_engine *engine, const hse_server_options *o, const hse_server *server)
{
    const char *scheme = o->tls_cert ? "https" : "http", *k = o->tls_cert ? "-k " : "";
    int port = hse_server_port(server);
    const char *host = o->host && *o->host && strcmp(o->host, "0.0.0.0") && strcmp(o->host, "::") ? o->host : "127.0.0.1";

    printf("harmonyspeech %s, %s, %d threads\n", HSE_VERSION, hse_cpu_name(hse_engine_kernels(engine)->cpu), hse_engine_threads(engine));
    bool speaks = print_models(engine);
    bool v6 = strchr(host, ':') != NULL;        /* an IPv6 address stands in brackets in an URL */
    const char *left = v6 ? "[" : "", *right = v6 ? "]" : "";
    if (port == 0) {
        printf("listening on %s\n", host);
    } else {
        printf("listening on %s://%s%s%s:%d\n\nOpen that address in a browser, or try:\n", scheme, left, host, right, port);
        if (speaks)
            printf("  curl -s %s%s://%s%s%s:%d/v1/audio/speech -H 'Content-Type: application/json' \\\n"
                   "       -d '{\"model\":\"tts-1\",\"voice\":\"alloy\",\"input\":\"Hello there.\",\"response_format\":\"wav\"}' -o hello.wav\n",
                   k, scheme, left, host, right, port);
        else
            printf("  curl -s %s%s://%s%s%s:%d/v1/models\n", k, scheme, left, host, right, port);
        puts("Ctrl-C stops the server.");
    }
    fflush(stdout);
}

static void wait_for_signal(const sigset_t *set)
{
    int got = 0;

    while (sigwait(set, &got) != 0 || got == SIGHUP)
        if (got == SIGHUP)
            hse_log(HSE_LOG_WARN, "server", NULL, "SIGHUP: the config is read at the start only; restart to change it");
    hse_log(HSE_LOG_INFO, "server", NULL, "stopping: requests under way have %d s", DRAIN_MS / 1000);
    pthread_sigmask(SIG_UNBLOCK, set, NULL);    /* a second signal ends the process at once */
}

static hse_status read_config(hse_config **config, const cli_args *a, hse_error *err)
{
    hse_buf report;
    const char *path = cli_text(a, "config");

    if (!path)
        return HSE_OK;
    hse_buf_init(&report, 1u << 20);
    hse_status s = hse_config_open(config, path, &report, err);
    if (s == HSE_E_FORMAT)
        fputs(hse_buf_text(&report), stderr);
    hse_buf_free(&report);
    return s;
}

static void options_from(hse_server_options *o, const cli_args *a, const hse_config *config)
{
    *o = (hse_server_options){
        .host = cli_text(a, "host"), .port = DEFAULT_PORT,
        .max_requests = (int)cli_int(a, "max-requests"),
        .max_upload_bytes = (uint64_t)cli_int(a, "max-upload") << 20,
        .tls_cert = cli_text(a, "tls-cert"), .tls_key = cli_text(a, "tls-key"),
        .text_normalization = cli_text(a, "text-normalization"),
    };
    if (!o->host && config)
        o->host = config->host;
    if (cli_given(a, "port"))
        o->port = (int)cli_int(a, "port");
    else if (config && config->port > 0)
        o->port = (int)config->port;
    if (!cli_given(a, "text-normalization") && config && config->text_normalization)
        o->text_normalization = config->text_normalization;
    if (!cli_given(a, "max-upload") && config && config->max_upload_mb > 0)
        o->max_upload_bytes = (uint64_t)config->max_upload_mb << 20;
}

static int run(const cli_args *a)
{
    hse_config *config = NULL;
    hse_engine *engine = NULL;
    hse_server *server = NULL;
    hse_server_options o;
    hse_error err = {0};
    sigset_t set;

    if (!cli_text(a, "tls-cert") != !cli_text(a, "tls-key"))
        return cli_usage(a->command, "--tls-cert and --tls-key go together");
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);     /* before any thread starts: all of them inherit it */

    hse_status s = read_config(&config, a, &err);
    if (s == HSE_OK) {
        hse_engine_setup setup = {
            .config = config, .models = cli_text(a, "models"), .threads = (int)cli_int(a, "threads"),
            .max_requests = (int)cli_int(a, "max-requests"), .cpu = cli_text(a, "cpu"), .timeout_s = cli_real(a, "timeout"),
        };
        if (cli_text(a, "dtype") && !hse_dtype_choice_parse(cli_text(a, "dtype"), &setup.dtype))
            s = hse_fail(&err, HSE_E_ARG, 0, "--dtype %s is not known", cli_text(a, "dtype"));
        if (s == HSE_OK)
            s = hse_engine_start(&engine, &setup, &err);
    }
    if (s == HSE_OK) {
        options_from(&o, a, config);
        s = hse_server_open(&server, engine, &o, &err);
    }
    if (s == HSE_OK) {
        greet(engine, &o, server);
        wait_for_signal(&set);
        hse_server_stop(server, DRAIN_MS);
    }
    hse_server_close(&server);
    hse_engine_close(&engine);
    hse_config_close(&config);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
}

const cli_command cli_serve = {
    .name = "serve", .operands = "", .summary = "Start the HTTP server", .options = options, .n_options = COUNT(options), .run = run,
    .details = "Without a config the bundled demo models are served. docs/api.md describes the routes.\n\n"
               "Examples:\n  hse serve\n  hse serve --config config.yml --host 0.0.0.0\n  hse serve --host /run/hse.sock\n",
};
