/* config.c - hse config: what is wrong with a config file, and what counts in the end. */
#include "cli/commands.h"
#include "cli/common.h"

#include "config/settings.h"
#include "engine/config_doubts.h"

#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    CLI_CONFIG_OPTION,
};

/* ---- check --------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char       *file;
    const hse_config *config;
    unsigned          warnings;
} checking;

static void warn_model(void *user, const char *key, size_t model, const char *text)
{
    checking *c = user;
    unsigned line = 0, column = 0;

    hse_config_mark(c->config, model, key ? key : "name", &line, &column);
    printf("%s:%u:%u: warning: %s: %s\n", c->file, line, column, c->config->models[model].name, text);
    c->warnings++;
}

static void warn_name(void *user, const char *key, size_t entry, const char *text)
{
    checking *c = user;
    unsigned line = 0, column = 0;

    hse_config_setting_mark(c->config, key, entry, &line, &column);
    printf("%s:%u:%u: warning: %s: %s\n", c->file, line, column, key, text);
    c->warnings++;
}

static hse_status warn_names(checking *c, hse_engine *engine, hse_error *err)
{
    hse_voice_store *store = NULL;
    hse_status s = hse_voice_store_open(&store, c->config->state_dir, err);

    if (s == HSE_OK)
        s = hse_config_doubt_names(engine, c->config, store, warn_name, c, err);
    hse_voice_store_close(&store);
    return s;
}

/* A server with this config would not start: where the file says what is wrong with it. */
static int refused(const char *file, const hse_config *config, const hse_error *err)
{
    unsigned line = 0, column = 0;
    size_t n = strcspn(err->text, ":");

    for (const hse_setting *s = hse_settings; s->key; s++)
        if (strlen(s->key) == n && strncmp(s->key, err->text, n) == 0)
            hse_config_setting_mark(config, s->key, HSE_WHOLE_SETTING, &line, &column);
    if (!line)
        return cli_fail(err);
    printf("%s:%u:%u: %s\n", file, line, column, err->text);
    return CLI_FAILED;
}

/* By an engine that looks at the models and loads none. */
static hse_status check_by_engine(checking *c, hse_engine *engine, hse_error *err)
{
    size_t models = c->config->model_count;

    hse_config_doubt_models(engine, c->config, warn_model, c);
    hse_status s = warn_names(c, engine, err);
    if (s == HSE_OK)
        printf("%s: %zu model%s, no mistakes, %u warning%s\n", c->file, models, models == 1 ? "" : "s", c->warnings, c->warnings == 1 ? "" : "s");
    return s;
}

static int check(const char *file)
{
    hse_config *config = NULL, looked_at;
    hse_engine *engine = NULL;
    hse_error err = {0};
    hse_buf report;

    hse_buf_init(&report, 1u << 20);
    hse_status s = hse_config_open(&config, file, &report, &err);
    fputs(hse_buf_text(&report), stdout);
    bool listed = report.size > 0;
    hse_buf_free(&report);
    if (s != HSE_OK)
        return s == HSE_E_FORMAT && listed ? CLI_FAILED : cli_fail(&err);
    looked_at = *config;
    looked_at.preload_count = 0;
    hse_engine_setup setup = {.config = &looked_at, .threads = 1};
    int status = CLI_OK;
    if (hse_engine_start(&engine, &setup, &err) != HSE_OK)
        status = refused(file, config, &err);
    else if (check_by_engine(&(checking){.file = file, .config = config}, engine, &err) != HSE_OK)
        status = cli_fail(&err);
    hse_engine_close(&engine);
    hse_config_close(&config);
    return status;
}

/* ---- show ---------------------------------------------------------------------------------------------------------- */

static void put(hse_buf *out, const hse_setting *s, const void *base)
{
    hse_buf_str(out, s->key);
    hse_buf_str(out, ": ");
    hse_setting_print(s, base, out);
}

/* A line with its origin in the same column, so that the eye finds it. */
static void show_line(hse_buf *line, const char *origin)
{
    printf("%-48s # %s\n", hse_buf_text(line), origin);
    hse_buf_clear(line);
}

static void show_models(const hse_config *c, hse_buf *line)
{
    if (!c->model_count) {
        hse_buf_str(line, c->has_models ? "model_configs: []" : "# no model_configs: every model that is found");
        show_line(line, c->has_models ? hse_config_origin(c, "model_configs") : "default");
        return;
    }
    printf("model_configs:\n");
    for (size_t i = 0; i < c->model_count; i++) {
        hse_buf_str(line, "  - ");
        for (const hse_setting *f = hse_config_model_fields(); f->key; f++) {
            bool first = strcmp(f->key, "name") == 0, inside = strncmp(f->key, "device", 6) == 0;
            if (!hse_config_model_has(c, i, f))
                continue;
            hse_buf_str(line, first ? "" : inside ? "      " : "    ");
            put(line, f, &c->models[i]);
            if (first) {
                unsigned at = 0, column = 0;
                char origin[300];
                const char *where = hse_config_origin(c, "model_configs"), *colon = strrchr(where, ':');
                hse_config_mark(c, i, "name", &at, &column);
                snprintf(origin, sizeof origin, "%.*s:%u", colon ? (int)(colon - where) : 0, where, at);
                show_line(line, origin);
                continue;
            }
            hse_buf_byte(line, '\n');
            if (strcmp(f->key, "device") == 0 || (strcmp(f->key, "device_map") == 0 && !c->models[i].device))
                printf("    device_config:\n");
            fputs(hse_buf_text(line), stdout);
            hse_buf_clear(line);
        }
    }
}

static int show(const cli_args *a)
{
    hse_config *config = NULL;
    hse_error err = {0};
    hse_buf line;

    if (cli_config_open(&config, a, &err) != HSE_OK)
        return cli_config_fail(a, &err);
    hse_buf_init(&line, 1u << 20);
    for (const hse_setting *s = hse_settings; s->key; s++) {
        if (s->type == HSE_SET_MODELS) {
            show_models(config, &line);
        } else if (strcmp(s->key, "api_keys") == 0) {   /* a secret is not for a terminal or a bug report */
            hse_buf_str(&line, "api_keys: []");
            char origin[300];
            snprintf(origin, sizeof origin, "%s: %zu, not shown", hse_config_origin(config, s->key), config->api_key_count);
            show_line(&line, config->api_key_count ? origin : "default");
        } else {
            put(&line, s, config);
            show_line(&line, hse_config_origin(config, s->key));
        }
    }
    hse_buf_free(&line);
    hse_config_close(&config);
    return CLI_OK;
}

static int run(const cli_args *a)
{
    const char *what = a->operands[0];
    int status = CLI_OK;

    if (strcmp(what, "show") == 0)
        return a->n_operands == 1 ? show(a) : cli_usage(a->command, "show takes its file as --config FILE");
    if (strcmp(what, "check") != 0)
        return cli_usage(a->command, "\"%s\" is neither check nor show", what);
    if (a->n_operands < 2)
        return cli_usage(a->command, "check needs a FILE");
    for (int i = 1; i < a->n_operands; i++)
        if (check(a->operands[i]) != CLI_OK)
            status = CLI_FAILED;
    return status;
}

const cli_command cli_config_command = {
    .name = "config", .operands = "check FILE...|show", .summary = "Find mistakes in a config, or show the settings that count",
    .min_operands = 1, .max_operands = -1, .options = options, .n_options = COUNT(options), .settings = CLI_ALL_SETTINGS, .run = run,
    .details = "check lists every mistake with line and column and ends with status 1; what a request will be refused for is a\n"
               "warning: a model type that is not built in, a folder that is missing, a name that nothing has. show prints a\n"
               "complete config, each value with its origin: a flag counts first, then the variable, the file, the default. API\n"
               "keys are not printed.\n\n"
               "Examples:\n  hse config check config.yml\n  hse config show --config config.yml --port 8000\n",
};
