/* serve.c - hse serve: the HTTP server, until SIGINT or SIGTERM. */
#include "cli/commands.h"
#include "cli/common.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { DRAIN_MS = 10000 };

static const cli_option options[] = {
    CLI_CONFIG_OPTION,
};

/* What can be asked of the models that are there. */
typedef struct {
    bool speaks, transcribes, restores, detects;
} offer;

static offer print_models(hse_engine *engine)
{
    hse_models *models = NULL;
    offer o = {0};

    if (hse_models_open(&models, engine, NULL) != HSE_OK)
        return o;
    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);
        if (m->problem && strcmp(m->problem, HSE_NOT_CONFIGURED) == 0)
            continue;
        if (m->problem) {
            hse_log(HSE_LOG_WARN, "server", NULL, "model %s cannot be used: %s", m->name, m->problem);
        } else if (strcmp(m->type, "toolchain") == 0 || m->detects) {
            printf("  %-16s %s", m->name, m->speaks ? "speaks" : m->transcribes ? "transcribes" : m->restores ? "restores" :
                   m->detects ? "finds speech" : "embeds");
            for (size_t v = 0; v < m->voice_count && v < 8; v++)
                printf("%s%s", v ? ", " : "; voices ", m->voices[v]);
            puts("");
            o.speaks |= m->speaks;
            o.transcribes |= m->transcribes;
            o.restores |= m->restores;
            o.detects |= m->detects;
        }
    }
    hse_models_close(&models);
    return o;
}

/* A command for the first thing that this server can do. */
static void suggest(offer o, const char *curl)
{
    if (o.speaks)
        printf("  %s/v1/audio/speech -H 'Content-Type: application/json' \\\n"
               "       -d '{\"model\":\"tts-1\",\"voice\":\"alloy\",\"input\":\"Hello there.\",\"response_format\":\"wav\"}' -o hello.wav\n",
               curl);
    else if (o.transcribes)
        printf("  %s/v1/audio/transcriptions -F file=@speech.wav\n", curl);
    else if (o.restores)
        printf("  hse restore noisy.wav -o clean.wav\n");
    else if (o.detects)
        printf("  hse vad speech.wav\n");
    else
        printf("  %s/v1/models\n", curl);
}

/* What a newcomer reads: where it listens, and a command that makes a sound. */
static void greet(hse_engine *engine, const hse_server_options *o, const hse_server *server)
{
    const char *scheme = o->tls_cert ? "https" : "http", *k = o->tls_cert ? "-k " : "";
    int port = hse_server_port(server);
    const char *host = o->host && *o->host ? o->host : "127.0.0.1";
    bool every4 = strcmp(host, "0.0.0.0") == 0, every6 = strcmp(host, "::") == 0;   /* where it listens, not where it is */

    printf("harmonyspeech %s, %s, %d threads\n", HSE_VERSION, hse_cpu_name(hse_engine_kernels(engine)->cpu), hse_engine_threads(engine));
    offer offered = print_models(engine);
    host = every4 ? "127.0.0.1" : every6 ? "::1" : host;
    bool v6 = strchr(host, ':') != NULL;        /* an IPv6 address stands in brackets in an URL */
    const char *left = v6 ? "[" : "", *right = v6 ? "]" : "";
    if (port == 0) {
        printf("listening on %s\n", host);
    } else {
        char curl[400];

        snprintf(curl, sizeof curl, "curl -sS %s%s%s://%s%s%s:%d", k, o->api_key_count ? "-H 'Authorization: Bearer KEY' " : "", scheme, left, host,
                 right, port);
        printf("listening on %s://%s%s%s:%d%s\n\nOpen that address in a browser, or try:\n", scheme, left, host, right, port,
               every4 ? ", and on every IPv4 address of this machine" : every6 ? ", and on every IPv6 address of this machine" : "");
        suggest(offered, curl);
        puts("Ctrl-C stops the server.");
    }
    fflush(stdout);
}

/* The config again: what is wrong with it is logged, and the old one stays. */
static void reload(hse_server *server)
{
    hse_error err = {0};
    hse_buf report;

    hse_buf_init(&report, 1u << 20);
    if (hse_server_reload(server, &report, &err) != HSE_OK) {
        hse_log(HSE_LOG_ERROR, "server", NULL, "SIGHUP: the config is not changed: %s", err.text);
        for (char *line = report.size ? (char *)report.data : NULL, *end; line && (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            hse_log(HSE_LOG_ERROR, "server", NULL, "%s", line);
        }
    }
    hse_buf_free(&report);
}

static void wait_for_signal(const sigset_t *set, hse_server *server)
{
    int got = 0;

    while (sigwait(set, &got) != 0 || got == SIGHUP)
        if (got == SIGHUP)
            reload(server);
    hse_log(HSE_LOG_INFO, "server", NULL, "stopping: requests under way have %d s", DRAIN_MS / 1000);
    pthread_sigmask(SIG_UNBLOCK, set, NULL);    /* a second signal ends the process at once */
}

static void options_from(hse_server_options *o, const hse_config *c)
{
    *o = (hse_server_options){
        .host = c->host, .port = (int)c->port, .loops = (int)c->loops, .max_requests = (int)c->max_requests,
        .max_upload_bytes = (uint64_t)c->max_upload_mb << 20, .tls_cert = c->tls_cert, .tls_key = c->tls_key,
        .text_normalization = c->text_normalization, .api_keys = c->api_keys, .api_key_count = c->api_key_count, .config = c,
    };
}

static hse_status open_log(const hse_config *c, hse_error *err)
{
    static const char *const formats[] = {"auto", "json", "text"};
    hse_log_format format = HSE_LOG_AUTO;

    for (size_t i = 0; i < COUNT(formats); i++)
        if (strcmp(c->log_format, formats[i]) == 0)
            format = (hse_log_format)i;
    hse_status s = hse_log_open(STDERR_FILENO, format, c->log_level, err);
    return s == HSE_OK ? s : hse_fail_in(err, s, "--log-level");
}

static int run(const cli_args *a)
{
    hse_config *config = NULL;
    hse_engine *engine = NULL;
    hse_server *server = NULL;
    const char *keys = cli_text(a, "api-keys");
    hse_server_options o;
    hse_error err = {0};
    sigset_t set;

    if (keys && !*keys)                         /* "$KEY" of a variable that is not set must not open the server to everybody */
        return cli_usage(a->command, "--api-keys is empty; without the option no key is asked for");
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);     /* before any thread starts: all of them inherit it */

    hse_status s = cli_config_open(&config, a, &err);
    if (s == HSE_OK)
        s = open_log(config, &err);
    if (s == HSE_OK && !config->tls_cert != !config->tls_key)
        s = hse_fail(&err, HSE_E_ARG, 0, "--tls-cert and --tls-key go together");
    if (s != HSE_OK) {
        hse_config_close(&config);
        return cli_config_fail(a, &err);
    }
    hse_engine_setup setup = {.config = config};
    s = hse_engine_start(&engine, &setup, &err);
    if (s == HSE_OK) {
        options_from(&o, config);
        s = hse_server_open(&server, engine, &o, &err);
        if (err.sys == EADDRINUSE)
            hse_fail(&err, s, 0, "%s port %d is in use, maybe by another hse serve (hse ps); --port N takes another, --port 0 any free one", o.host,
                     o.port);
    }
    if (s == HSE_OK) {
        greet(engine, &o, server);
        wait_for_signal(&set, server);
        hse_server_stop(server, DRAIN_MS);
    }
    hse_server_close(&server);
    hse_engine_close(&engine);
    hse_config_close(&config);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
}

const cli_command cli_serve = {
    .name = "serve", .operands = "", .summary = "Start the HTTP server", .options = options, .n_options = COUNT(options),
    .settings = CLI_ALL_SETTINGS, .run = run,
    .details = "Without a config the bundled demo models are served. docs/api.md describes the routes. SIGHUP reads the config again\n"
               "(as hse reload does): requests under way end as they began.\n\n"
               "Examples:\n  hse serve\n  hse serve --config config.yml --host 0.0.0.0 --api-key-file keys\n"
               "  hse serve --host /run/hse.sock --keep-alive 1h --memory-budget 50%\n",
};
