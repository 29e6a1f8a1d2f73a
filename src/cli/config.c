/* config.c - hse config: what is wrong with a config file, and what counts in the end. */
#include "cli/commands.h"
#include "cli/common.h"

#include "engine/discover.h"
#include "engine/settings.h"

#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    CLI_CONFIG_OPTION,
};

/* ---- check --------------------------------------------------------------------------------------------------------- */

static const hse_model_type *built_in(const char *name)
{
    for (const hse_model_type *const *t = hse_model_types; *t; t++)
        if (strcmp((*t)->type, name) == 0)
            return *t;
    return NULL;
}

static unsigned warn(const char *file, const hse_config *c, size_t model, const char *key, const char *what)
{
    unsigned line = 0, column = 0;

    hse_config_mark(c, model, key, &line, &column);
    printf("%s:%u:%u: warning: %s\n", file, line, column, what);
    return 1;
}

/* What is no mistake of the file but will be refused by name at a request. */
static hse_status warn_models(const char *file, const hse_config *c, const hse_roots *roots, hse_arena *arena, unsigned *warnings,
                              hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t i = 0; i < c->model_count && s == HSE_OK; i++) {
        const hse_model_config *m = &c->models[i];
        const hse_model_type *type = built_in(m->model_type);
        const char *dir = NULL, *problem = NULL;
        char text[400];

        if (!type) {
            snprintf(text, sizeof text, "%s: the model type %s is not built in; requests for it are refused", m->name, m->model_type);
            *warnings += warn(file, c, i, "model_type", text);
        } else if ((s = hse_locate(&dir, &problem, m->model, m->revision, type, roots, arena, err)) == HSE_OK && !dir) {
            snprintf(text, sizeof text, "%s: %s", m->name, problem ? problem : "not found");
            *warnings += warn(file, c, i, "model", text);
        }
    }
    return s;
}

static int check(const char *file)
{
    hse_config *config = NULL;
    hse_error err = {0};
    hse_buf report;
    hse_arena arena;
    hse_roots roots = {0};
    unsigned warnings = 0;

    hse_buf_init(&report, 1u << 20);
    hse_status s = hse_config_open(&config, file, &report, &err);
    fputs(hse_buf_text(&report), stdout);
    bool listed = report.size > 0;
    hse_buf_free(&report);
    if (s != HSE_OK)
        return s == HSE_E_FORMAT && listed ? CLI_FAILED : cli_fail(&err);
    hse_arena_init(&arena, (size_t)64 << 20);
    s = hse_roots_find_in(&roots, config->models_dir, config->hf_home, true, &arena, &err);
    if (s == HSE_OK)
        s = warn_models(file, config, &roots, &arena, &warnings, &err);
    if (s == HSE_OK)
        printf("%s: %zu model%s, no mistakes, %u warning%s\n", file, config->model_count, config->model_count == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
    hse_arena_free(&arena);
    hse_config_close(&config);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
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
    .details = "check lists every mistake with line and column and ends with status 1; a model type that is not built in or a folder\n"
               "that is missing is a warning. show prints a complete config, each value with its origin: a flag counts first, then\n"
               "the variable, the file, the default. API keys are not printed.\n\n"
               "Examples:\n  hse config check config.yml\n  hse config show --config config.yml --port 8000\n",
};
