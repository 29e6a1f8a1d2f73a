/* languages.c - hse languages: which language packs are there, and what they were made from. */
#include "cli/commands.h"
#include "cli/common.h"

#include "base/mem.h"
#include "text/pack.h"

#include <jansson.h>
#include <stdlib.h>

static const cli_option options[] = {
    CLI_CONFIG_OPTION,
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, false, "one JSON list"},
};

/* What the pack says of itself; NULL: nothing that can be read. */
static json_t *about(const text_pack *pack)
{
    hse_bytes b = text_pack_bytes(pack, "about");

    return b.size ? json_loadb((const char *)b.data, b.size, 0, NULL) : NULL;
}

/* {language, name, path, packages} or {language, name, problem}. */
static json_t *look_at(const text_pack_dirs *dirs, const text_pack_language *l)
{
    json_t *row = json_pack("{s:s s:s}", "language", l->code, "name", l->name), *said;
    char path[TEXT_PACK_PATH];
    text_pack *pack = NULL;
    hse_error err = {0};

    if (text_pack_find(path, dirs, l, &err) != HSE_OK || text_pack_open(&pack, path, &err) != HSE_OK) {
        json_object_set_new(row, "problem", json_string(err.text));
        return row;
    }
    said = about(pack);
    json_object_set_new(row, "path", json_string(path));
    json_object_set(row, "packages", json_object_get(said, "packages"));
    json_decref(said);
    text_pack_close(&pack);
    return row;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s ? s : "";
}

static void print_row(const json_t *row)
{
    json_t *p;
    size_t i;

    printf("%-4s%-10s%s%s\n", text_of(row, "language"), text_of(row, "name"), text_of(row, "path"), text_of(row, "problem"));
    json_array_foreach(json_object_get(row, "packages"), i, p)
        printf("      %s %s: %s\n", text_of(p, "name"), text_of(p, "version"), text_of(p, "licence"));
}

static int run(const cli_args *a)
{
    hse_config *config = NULL;
    text_pack_dirs dirs;
    hse_error err = {0};

    if (cli_config_open(&config, a, &err) != HSE_OK)
        return cli_config_fail(a, &err);
    if (text_pack_dirs_find(&dirs, config->languages_dir, false, &err) != HSE_OK) {
        hse_config_close(&config);
        return cli_fail(&err);
    }
    json_t *all = json_array();
    for (const text_pack_language *l = text_pack_languages; l->code; l++) {
        json_t *row = look_at(&dirs, l);

        if (!cli_flag(a, "json"))
            print_row(row);
        json_array_append_new(all, row);
    }
    char *text = cli_flag(a, "json") ? json_dumps(all, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    free(text); /* jansson's own allocation */
    json_decref(all);
    text_pack_dirs_free(&dirs);
    hse_config_close(&config);
    return CLI_OK;
}

const cli_command cli_languages = {
    .name = "languages", .operands = "", .summary = "List the language packs that are there, and what they were made from",
    .options = options, .n_options = COUNT(options), .settings = CLI_ENGINE_SETTINGS, .run = run,
    .details = "OpenVoice and MeloTTS need one for each language that they speak. `make` makes them; so does scripts/language-data.\n"
               "Looked for in: --languages DIR (or HSE_LANGUAGES), beside the program, in <prefix>/share/hse/languages, and in\n"
               "$XDG_CACHE_HOME/hse/languages. Nothing is ever downloaded by this program.\n\n"
               "Examples:\n  hse languages\n  hse languages --json\n",
};
