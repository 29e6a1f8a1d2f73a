/* pack_find.c - where language packs are looked for. */
#include "text/pack.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

const text_pack_language text_pack_languages[] = {
    {"en", "English"}, {"es", "Spanish"}, {"fr", "French"}, {"ja", "Japanese"}, {"ko", "Korean"}, {"zh", "Chinese"}, {NULL, NULL},
};

typedef struct {
    text_pack_dirs *dirs;
    bool            no_memory;
} dir_list;

static void add(void *user, const char *path)
{
    dir_list *l = user;

    if (l->dirs->count == TEXT_PACK_DIRS)
        return;
    if ((l->dirs->dir[l->dirs->count] = hse_strdup(path)) != NULL)
        l->dirs->count++;
    else
        l->no_memory = true;
}

static bool is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void add_cache(dir_list *l)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool has_cache = cache && *cache;
    char path[TEXT_PACK_PATH];

    if ((has_cache || (home && *home)) &&
        snprintf(path, sizeof path, "%s%s/hse/languages", has_cache ? cache : home, has_cache ? "" : "/.cache") < (int)sizeof path)
        add(l, path);
}

hse_status text_pack_dirs_find(text_pack_dirs *out, const char *first, bool only, hse_error *err)
{
    const char *env = getenv("HSE_LANGUAGES");
    dir_list l = {.dirs = out};

    memset(out, 0, sizeof *out);
    if (first && !is_dir(first))
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "languages: there is no folder '%s'", first);
    if (first)
        add(&l, first);
    else if (env && *env)
        add(&l, env);
    if (!only) {
        hse_places("languages", add, &l);
        add_cache(&l);
    }
    if (!l.no_memory)
        return HSE_OK;
    text_pack_dirs_free(out);
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the folders of language packs");
}

void text_pack_dirs_free(text_pack_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        hse_free(dirs->dir[i]);
    memset(dirs, 0, sizeof *dirs);
}

/* The folders that exist, each once; where none does, the first. */
static void list_dirs(hse_buf *out, const text_pack_dirs *dirs)
{
    char real[TEXT_PACK_PATH];

    for (size_t i = 0; i < dirs->count; i++) {
        size_t n;

        if (!realpath(dirs->dir[i], real))
            continue;
        n = strlen(real);
        const char *known = out->size ? strstr(hse_buf_text(out), real) : NULL;
        if (known && (known[n] == ',' || known[n] == '\0'))
            continue;
        hse_buf_printf(out, "%s%s", out->size ? ", " : "", real);
    }
    if (out->size == 0)
        hse_buf_str(out, dirs->count ? dirs->dir[0] : "no folder");
}

hse_status text_pack_find(char path[TEXT_PACK_PATH], const text_pack_dirs *dirs, const text_pack_language *language, hse_error *err)
{
    hse_status s;
    hse_buf list;
    struct stat st;

    for (size_t i = 0; i < dirs->count; i++) {
        int n = snprintf(path, TEXT_PACK_PATH, "%s/v%d/%s.pack", dirs->dir[i], TEXT_PACK_VERSION, language->code);

        if (n < TEXT_PACK_PATH && stat(path, &st) == 0)
            return HSE_OK;
    }
    hse_buf_init(&list, (size_t)TEXT_PACK_PATH * TEXT_PACK_DIRS);
    list_dirs(&list, dirs);
    s = hse_fail(err, HSE_E_NOT_FOUND, 0, "there is no language pack for %s: make it with scripts/language-data %s (looked for v%d/%s.pack in %.100s)",
                 language->name, language->code, TEXT_PACK_VERSION, language->code, hse_buf_text(&list));
    hse_buf_free(&list);
    return s;
}
