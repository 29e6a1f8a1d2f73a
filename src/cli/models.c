/* models.c - hse models: what was found where, and why a thing does not load. */
#include "cli/commands.h"
#include "cli/common.h"

#include "base/buf.h"

#include <jansson.h>
#include <stdlib.h>

static const cli_option options[] = {
    CLI_CONFIG_OPTION,
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, false, "one JSON list"},
};

static json_t *names(const char *const *list, size_t n)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, json_string(list[i]));
    return a;
}

static void print_json(const hse_models *models)
{
    json_t *all = json_array();

    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);
        json_t *o = json_pack("{s:s s:s s:s s:s? s:b s:b s:b s:b s:b s:b}", "name", m->name, "type", m->type, "path", m->path,
                              "problem", m->problem, "speaks", m->speaks, "embeds", m->embeds, "detects", m->detects,
                              "transcribes", m->transcribes, "converts", m->converts, "restores", m->restores);
        json_object_set_new(o, "languages", names(m->languages, m->language_count));
        json_object_set_new(o, "voices", names(m->voices, m->voice_count));
        json_array_append_new(all, o);
    }
    char *text = json_dumps(all, JSON_INDENT(2));
    if (text)
        puts(text);
    free(text); /* jansson's own allocation */
    json_decref(all);
}

static void print_table(const hse_models *models)
{
    for (size_t i = 0; i < hse_models_count(models); i++) {
        const hse_model_info *m = hse_models_at(models, i);
        printf("%-28s %-28s %s%s%s%s%s%s", m->name, m->type, m->speaks ? "speaks " : "", m->embeds ? "embeds " : "",
               m->transcribes ? "transcribes " : "", m->converts ? "converts " : "", m->restores ? "restores " : "",
               m->detects ? "detects" : "");
        for (size_t v = 0; v < m->voice_count; v++)
            printf("%s%s", v == 0 ? " voices: " : ", ", m->voices[v]);
        printf("\n");
        if (*m->path)
            printf("    %s\n", m->path);
        if (m->problem)
            printf("    cannot be used: %s\n", m->problem);
    }
}

static int run(const cli_args *a)
{
    hse_engine *engine = NULL;
    hse_models *models = NULL;
    hse_error err = {0};

    if (cli_engine_open(&engine, a, &err) != HSE_OK)
        return cli_fail(&err);
    hse_status s = hse_models_open(&models, engine, &err);
    cli_engine_close(&engine);
    if (s != HSE_OK)
        return cli_fail(&err);
    if (cli_flag(a, "json"))
        print_json(models);
    else if (hse_models_count(models) == 0)
        puts("no models found; --models DIR says where to look");
    else
        print_table(models);
    hse_models_close(&models);
    return CLI_OK;
}

const cli_command cli_models = {
    .name = "models", .operands = "", .summary = "List the models that are there, and why one cannot be used",
    .options = options, .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "Looked for in: --models DIR (or HSE_MODELS), beside the program, in <prefix>/share/hse/models, and in the\n"
               "Hugging Face cache by repository name. Nothing is ever downloaded.\n",
};
