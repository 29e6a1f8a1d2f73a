#include "engine/catalogue/discover.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ENTRIES = 4096, MAX_FOUND = 1024, MAX_PATH_BYTES = 4096 };

/* ---- where to look ------------------------------------------------------------------------------------------------- */

static bool is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* "a/b" in the arena; NULL when there is no memory. A path that is too long to exist is cut, and then does not exist. */
static char *join(hse_arena *arena, const char *a, const char *b)
{
    char path[MAX_PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", a, b);
    return hse_arena_strndup(arena, path, strlen(path));
}

/* A root counts once, under its real path: build/hse is a link to build/release/hse. */
static void add_root(hse_roots *r, const char *path, bool hub, hse_arena *arena)
{
    char real[MAX_PATH_BYTES];

    if (r->count == HSE_MAX_ROOTS || !realpath(path, real) || !is_dir(real))
        return;
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->dir[i], real) == 0)
            return;
    const char *copy = hse_arena_strndup(arena, real, strlen(real));
    if (!copy) {
        r->no_memory = true;
        return;
    }
    r->hub[r->count] = hub;
    r->dir[r->count++] = copy;
}

typedef struct {
    hse_roots *roots;
    hse_arena *arena;
} root_list;

static void add_own(void *user, const char *path)
{
    const root_list *l = user;

    add_root(l->roots, path, false, l->arena);
}

/* Where huggingface_hub keeps what it has downloaded, by its own variables. */
static void add_hub(hse_roots *r, const char *hf_home, hse_arena *arena)
{
    const char *direct = getenv("HF_HUB_CACHE") ? getenv("HF_HUB_CACHE") : getenv("HUGGINGFACE_HUB_CACHE");
    const char *home = hf_home ? hf_home : getenv("HF_HOME"), *cache = getenv("XDG_CACHE_HOME"), *user = getenv("HOME");
    char path[MAX_PATH_BYTES];

    if (direct && *direct)
        add_root(r, direct, true, arena);
    if (home && *home)
        snprintf(path, sizeof path, "%s/hub", home);
    else if (cache && *cache)
        snprintf(path, sizeof path, "%s/huggingface/hub", cache);
    else if (user && *user)
        snprintf(path, sizeof path, "%s/.cache/huggingface/hub", user);
    else
        return;
    add_root(r, path, true, arena);
}

static hse_status roots_status(const hse_roots *r, hse_error *err)
{
    return r->no_memory ? hse_fail(err, HSE_E_NOMEM, 0, "no memory for the folders of models") : HSE_OK;
}

hse_status hse_roots_find(hse_roots *out, const char *first, bool bundled, hse_arena *arena, hse_error *err)
{
    return hse_roots_find_in(out, first, NULL, bundled, arena, err);
}

hse_status hse_roots_find_in(hse_roots *out, const char *first, const char *hf_home, bool bundled, hse_arena *arena, hse_error *err)
{
    const char *env = getenv("HSE_MODELS");

    memset(out, 0, sizeof *out);
    if (first && !is_dir(first))
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "models: there is no folder '%s'", first);
    if (first)
        add_root(out, first, false, arena);
    else if (env && *env)
        add_root(out, env, false, arena);
    if (!bundled)
        return roots_status(out, err);

    hse_places("models", add_own, &(root_list){out, arena});
    add_hub(out, hf_home, arena);
    return roots_status(out, err);
}

/* ---- what a folder holds ------------------------------------------------------------------------------------------- */

/* One requirement of a type: "a|b" is met by either. */
static bool has_one(const char *dir, const char *alternatives)
{
    char path[MAX_PATH_BYTES];

    for (const char *p = alternatives; *p;) {
        size_t n = strcspn(p, "|");

        snprintf(path, sizeof path, "%s/%.*s", dir, (int)n, p);
        if (is_file(path))
            return true;
        p += n + (p[n] == '|');
    }
    return false;
}

/* How many of these files are there; *missing is the first that is not. */
static size_t files_present(const char *dir, const char *const *files, const char **missing)
{
    size_t n = 0;

    *missing = NULL;
    for (; *files; files++) {
        if (has_one(dir, *files))
            n++;
        else if (!*missing)
            *missing = *files;
    }
    return n;
}

bool hse_folder_has(const char *dir, const hse_model_type *type)
{
    const char *missing;

    return files_present(dir, type->files, &missing) > 0;
}

static const char *missing_text(const char *missing, hse_arena *arena)
{
    char text[200];
    const char *bar = strchr(missing, '|');
    int n = snprintf(text, sizeof text, "%s is missing", missing);

    if (bar)
        n = snprintf(text, sizeof text, "none of its files is there (%s)", missing);
    return hse_arena_strndup(arena, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

typedef struct {
    hse_buf                      found;     /* of hse_found */
    const hse_model_type *const *types;
    hse_arena                   *arena;
    size_t                       entries;
    hse_status                   status;
} scan;

/* A folder with all files of a model is not a broken one of another family that shares some names with it. */
static bool of_another(const scan *s, const char *dir, const hse_model_type *type)
{
    const char *missing;

    for (size_t i = 0; s->types[i]; i++)
        if (strcmp(s->types[i]->family, type->family) != 0 && files_present(dir, s->types[i]->files, &missing) && !missing)
            return true;
    return false;
}

/* True when the folder holds something of a model, so that its subfolders are parts and not models. A BERT is none of its own:
 * others read it. */
static bool scan_folder(scan *s, const char *dir, const char *repo)
{
    bool bert = has_one(dir, "vocab.txt"), found = false;

    for (size_t i = 0; s->types[i]; i++) {
        const char *missing, *lacks = NULL;

        if (!files_present(dir, s->types[i]->files, &missing))
            continue;
        bool held = missing && s->types[i]->holds && s->types[i]->holds(dir, &lacks);       /* in a form that has files of other names */
        if (missing && !held && (bert || of_another(s, dir, s->types[i])))
            continue;
        hse_found f = {.dir = hse_arena_strndup(s->arena, dir, strlen(dir)), .type = s->types[i],
                       .repo = hse_arena_strndup(s->arena, repo, strlen(repo)),
                       .problem = held ? lacks : missing ? missing_text(missing, s->arena) : NULL};
        if (!f.dir || !f.repo || (missing && !held && !f.problem)) {
            s->status = HSE_E_NOMEM;
            return true;
        }
        hse_buf_append(&s->found, &f, sizeof f);
        found = true;
    }
    return bert || found;
}

static const char *const checkpoint_endings[] = {".safetensors", ".pt", ".pth", ".ckpt", ".onnx", ".npz"};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The visible entries of a folder, sorted, in the arena; NULL-terminated, NULL when it cannot be read. */
static char **list_dir(scan *s, const char *dir)
{
    DIR *d = opendir(dir);
    hse_buf names;

    if (!d)
        return NULL;
    hse_buf_init(&names, MAX_ENTRIES * sizeof(char *));
    for (struct dirent *e; s->entries < MAX_ENTRIES && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        char *copy = hse_arena_strndup(s->arena, e->d_name, strlen(e->d_name));
        if (copy)
            hse_buf_append(&names, &copy, sizeof copy);
        else
            s->status = HSE_E_NOMEM;
        s->entries++;
    }
    closedir(d);

    size_t n = names.size / sizeof(char *);
    char **list = hse_arena_array(s->arena, n + 1, sizeof *list);
    if (!list || names.status == HSE_E_NOMEM)
        s->status = HSE_E_NOMEM;
    if (list && n) {
        memcpy(list, names.data, n * sizeof *list);
        qsort(list, n, sizeof *list, by_name);
    }
    hse_buf_free(&names);
    return list;
}

/* Bytes of the name before a checkpoint's ending; 0: it has none. */
static size_t checkpoint_stem(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < COUNT(checkpoint_endings); i++) {
        size_t m = strlen(checkpoint_endings[i]);
        if (n > m && strcmp(name + n - m, checkpoint_endings[i]) == 0)
            return n - m;
    }
    return strcmp(name, "model.bin") == 0 ? n : 0;
}

/* A single file that is a model, or a folder of other files than its type's. */
static bool scan_file(scan *s, const char *path, const char *repo)
{
    const char *problem = NULL;

    for (size_t i = 0; s->types[i]; i++) {
        if (!s->types[i]->holds || !s->types[i]->holds(path, &problem))
            continue;
        hse_found f = {.dir = path, .type = s->types[i], .repo = hse_arena_strndup(s->arena, repo, strlen(repo)), .problem = problem};
        if (!f.repo)
            s->status = HSE_E_NOMEM;
        else
            hse_buf_append(&s->found, &f, sizeof f);
        return true;
    }
    return false;
}

/* Listed with what is wrong, so that a person learns why. */
static void note(scan *s, const char *dir, const char *repo, const char *problem)
{
    hse_found f = {.dir = hse_arena_strndup(s->arena, dir, strlen(dir)), .repo = hse_arena_strndup(s->arena, repo, strlen(repo)), .problem = problem};

    if (!f.dir || !f.repo)
        s->status = HSE_E_NOMEM;
    else
        hse_buf_append(&s->found, &f, sizeof f);
}

/* Single files that are models. A folder with a checkpoint in it that no built-in type reads is listed too. */
static void scan_files(scan *s, const char *dir, const char *repo)
{
    char **names = list_dir(s, dir), name[MAX_PATH_BYTES];
    bool checkpoint = false, model = false;

    for (size_t i = 0; names && names[i] && s->status == HSE_OK; i++) {
        char *path = checkpoint_stem(names[i]) ? join(s->arena, dir, names[i]) : NULL;

        if (!path || !is_file(path))
            continue;
        checkpoint = true;
        snprintf(name, sizeof name, "%s%s%.*s", repo, *repo ? "/" : "", (int)checkpoint_stem(names[i]), names[i]);
        model |= scan_file(s, path, name);
    }
    if (checkpoint && !model && *repo)
        note(s, dir, repo, "no built-in model type reads these files");
}

/* What may hold a model, and this user may not look into. */
static bool is_closed(scan *s, const char *dir, const char *repo)
{
    if (access(dir, R_OK | X_OK) == 0)
        return false;
    note(s, dir, repo, "this folder cannot be read: Permission denied");
    return true;
}

/* <root>/<name> and <root>/<org>/<name>. */
static void scan_tree(scan *s, const char *dir, const char *prefix, int depth)
{
    char **names = list_dir(s, dir);

    for (size_t i = 0; names && names[i]; i++) {
        char *path = join(s->arena, dir, names[i]), *repo = *prefix ? join(s->arena, prefix, names[i]) : names[i];

        if (!path || !repo)
            s->status = HSE_E_NOMEM;
        if (s->status != HSE_OK || !is_dir(path) || is_closed(s, path, repo) || scan_folder(s, path, repo))
            continue;
        if (depth > 1)
            scan_tree(s, path, repo, depth - 1);
        scan_files(s, path, repo);
    }
}

/* The snapshot of a repository that its refs/<revision> names; NULL when there is none. */
static char *hub_snapshot(const char *repo_dir, const char *revision, hse_arena *arena, hse_status *status)
{
    char path[MAX_PATH_BYTES], *text = NULL;
    size_t size = 0;

    if (revision && strpbrk(revision, "/\\"))
        return NULL;
    snprintf(path, sizeof path, "%s/snapshots/%s", repo_dir, revision ? revision : "");
    if (!revision || !is_dir(path)) {
        snprintf(path, sizeof path, "%s/refs/%s", repo_dir, revision ? revision : "main");
        hse_status s = hse_file_read(&text, &size, path, 256, NULL);
        if (s == HSE_E_NOMEM)
            *status = s;
        if (s != HSE_OK)
            return NULL;
        size_t n = strspn(text, "0123456789abcdef");
        bool hash = n > 0 && n <= 64;
        if (hash)
            snprintf(path, sizeof path, "%s/snapshots/%.*s", repo_dir, (int)n, text);
        hse_free(text);
        if (!hash || !is_dir(path))
            return NULL;
    }
    char *dir = hse_arena_strndup(arena, path, strlen(path));
    if (!dir)
        *status = HSE_E_NOMEM;
    return dir;
}

static void scan_hub(scan *s, const char *root)
{
    char **names = list_dir(s, root);

    for (size_t i = 0; names && names[i]; i++) {
        char *org = names[i] + 8, *gap;

        if (strncmp(names[i], "models--", 8) != 0 || !(gap = strstr(org, "--")))
            continue;
        char repo[512], *path = join(s->arena, root, names[i]), *dir = NULL;
        if (path)
            dir = hub_snapshot(path, NULL, s->arena, &s->status);
        else
            s->status = HSE_E_NOMEM;
        snprintf(repo, sizeof repo, "%.*s/%s", (int)(gap - org), org, gap + 2);
        if (dir)
            scan_folder(s, dir, repo);
    }
}

bool hse_model_is_path(const char *model)
{
    return *model == '/' || strncmp(model, "./", 2) == 0 || strncmp(model, "../", 3) == 0 ||
           (strchr(model, '/') && (is_dir(model) || is_file(model)));
}

/* The one that was given by its path. */
static hse_status scan_given(scan *s, const char *path, hse_error *err)
{
    const char *problem = NULL;

    if (!is_dir(path) && !is_file(path))
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "model: there is no folder or file '%.160s'", path);
    if (!is_dir(path) || !scan_folder(s, path, path))
        scan_file(s, path, path);
    for (size_t i = 0; i < s->found.size / sizeof(hse_found); i++) {
        const hse_found *f = (const hse_found *)(const void *)s->found.data + i;

        if (!f->problem)
            return HSE_OK;
        problem = problem ? problem : f->problem;
    }
    return s->status != HSE_OK ? HSE_OK
                               : hse_fail(err, HSE_E_NOT_FOUND, 0, "model: %.120s is none that can be used: %.100s", path,
                                          problem ? problem : "no built-in model type reads it");
}

hse_status hse_discover(hse_found **out, size_t *count, const hse_roots *roots, const hse_model_type *const *types,
                        hse_arena *arena, hse_error *err)
{
    scan s = {.types = types, .arena = arena, .status = HSE_OK};

    hse_buf_init(&s.found, MAX_FOUND * sizeof(hse_found));
    hse_status given = roots->model ? scan_given(&s, roots->model, err) : HSE_OK;
    for (size_t i = 0; given == HSE_OK && i < roots->count; i++) {
        s.entries = 0;
        if (roots->hub[i]) {
            scan_hub(&s, roots->dir[i]);
        } else if (!scan_folder(&s, roots->dir[i], strrchr(roots->dir[i], '/') + 1)) {
            scan_tree(&s, roots->dir[i], "", 2);
            scan_files(&s, roots->dir[i], "");
        }
    }
    hse_found *list = hse_arena_array(arena, s.found.size / sizeof *list + 1, sizeof *list);
    if (!list || s.found.status == HSE_E_NOMEM)
        s.status = HSE_E_NOMEM;
    if (given != HSE_OK) {
        hse_buf_free(&s.found);
        return given;
    }
    if (s.status == HSE_OK) {
        if (s.found.size)
            memcpy(list, s.found.data, s.found.size);
        *count = s.found.size / sizeof *list;
        *out = list;
    }
    hse_buf_free(&s.found);
    return s.status == HSE_OK ? HSE_OK : hse_fail(err, s.status, 0, "no memory to list the models");
}

/* ---- a config's model ---------------------------------------------------------------------------------------------- */

/* Model names whose weights are bundled under another name. */
static const struct {
    const char *model, *repo;
} bundled[] = {
    {"silero-vad", "demo/silero"},
};

/* "models--org--name" of Hugging Face's cache. */
static char *hub_name(const char *model, hse_arena *arena)
{
    char name[1024];
    size_t n = (size_t)snprintf(name, sizeof name, "models--");

    for (; *model && n < sizeof name - 3; model++) {
        name[n++] = *model == '/' ? '-' : *model;
        if (*model == '/')
            name[n++] = '-';
    }
    return hse_arena_strndup(arena, name, n);
}

/* The candidate folder of `model` in one root, or NULL. */
static const char *candidate(const char *root, bool hub, const char *model, const char *revision, hse_arena *arena,
                             hse_status *status)
{
    const char *name = hub ? hub_name(model, arena) : model;
    char *dir = name ? join(arena, root, name) : NULL;

    if (!dir)
        *status = HSE_E_NOMEM;
    if (!dir || !(is_dir(dir) || (!hub && is_file(dir))))
        return NULL;
    return hub ? hub_snapshot(dir, revision, arena, status) : dir;
}

/* Is the path a model of the type, by its files or by what is in them? If not *problem says what it lacks, unless it says something
 * already. */
static bool complete(const char *path, const hse_model_type *type, const char **problem, hse_arena *arena, hse_status *status)
{
    const char *missing = NULL, *lacks = NULL;

    if (is_dir(path)) {
        files_present(path, type->files, &missing);
        if (!missing)
            return true;
    }
    if (type->holds && type->holds(path, &lacks) && !lacks)
        return true;
    if (!*problem && !(*problem = lacks ? lacks : missing ? missing_text(missing, arena) : "it is a file of another kind"))
        *status = HSE_E_NOMEM;
    return false;
}

hse_status hse_locate(const char **dir, const char **problem, const char *model, const char *revision,
                      const hse_model_type *type, const hse_roots *roots, hse_arena *arena, hse_error *err)
{
    enum { MOST_NAMES = 12 };
    const char *names[MOST_NAMES] = {model};
    const char *const *repos = type->repos_of ? type->repos_of(model) : NULL;
    hse_status s = HSE_OK;
    size_t count = 1;

    *dir = *problem = NULL;
    for (size_t i = 0; i < COUNT(bundled); i++)
        if (strcmp(model, bundled[i].model) == 0)
            names[count++] = bundled[i].repo;
    for (; repos && *repos && count + 2 <= MOST_NAMES; repos++) {   /* as <root>/<org>/<name> and as <root>/<name> */
        names[count++] = *repos;
        names[count++] = strrchr(*repos, '/') + 1;
    }
    if (strchr(model, '/') && (is_dir(model) || is_file(model)) && complete(model, type, problem, arena, &s) &&
        !(*dir = hse_arena_strndup(arena, model, strlen(model))))
        s = HSE_E_NOMEM;
    for (size_t n = 0; n < count && !*dir; n++)
        for (size_t i = 0; i < roots->count && !*dir; i++) {
            const char *d = candidate(roots->dir[i], roots->hub[i], names[n], revision, arena, &s);

            if (d && complete(d, type, problem, arena, &s))
                *dir = d;
        }
    if (*dir)
        *problem = NULL;
    else if (!*problem && s == HSE_OK)
        *problem = "no folder of that name is among the models";
    return *dir || *problem ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory to look for model '%.60s'", model);
}

/* ---- what a model reads besides its own ---------------------------------------------------------------------------- */

enum { NAME_BYTES = 200 };

/* Name k of "a|org/a"; false behind the last. */
static bool name_at(char out[NAME_BYTES], const char *names, size_t k)
{
    for (; k && *names; k--)
        names += strcspn(names, "|") + (names[strcspn(names, "|")] == '|');
    snprintf(out, NAME_BYTES, "%.*s", (int)strcspn(names, "|"), names);
    return *out != '\0';
}

/* Takes the folder when all files are there. */
static void try_folder(const char **dir, const char *path, const hse_model_facts *facts, hse_arena *arena, hse_status *status)
{
    char real[MAX_PATH_BYTES];
    const char *missing;

    if (*dir || !path || !is_dir(path))
        return;
    files_present(path, facts->companion_files, &missing);
    /* By its real path it is known to be the same as another model's. */
    if (!missing && realpath(path, real) && !(*dir = hse_arena_strndup(arena, real, strlen(real))))
        *status = HSE_E_NOMEM;
}

hse_status hse_locate_companion(const char **dir, const char **problem, const char *beside, const hse_model_facts *facts,
                                const hse_roots *roots, hse_arena *arena, hse_error *err)
{
    char name[NAME_BYTES], text[NAME_BYTES + 160];
    hse_status s = HSE_OK;

    *dir = *problem = NULL;
    try_folder(dir, join(arena, beside, "bert"), facts, arena, &s);
    for (size_t k = 0; !*dir && name_at(name, facts->companion, k); k++) {
        const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;

        try_folder(dir, join(arena, beside, base), facts, arena, &s);
        snprintf(text, sizeof text, "../%s", base);
        try_folder(dir, join(arena, beside, text), facts, arena, &s);
        for (size_t i = 0; i < roots->count && !*dir; i++) {
            try_folder(dir, candidate(roots->dir[i], roots->hub[i], name, NULL, arena, &s), facts, arena, &s);
            if (!roots->hub[i])
                try_folder(dir, join(arena, roots->dir[i], base), facts, arena, &s);
        }
    }
    if (!*dir && s == HSE_OK) {
        name_at(name, facts->companion, 0);
        int n = snprintf(text, sizeof text, "its %s %.60s is missing: put that folder beside it, among the models or into the Hugging "
                         "Face cache", facts->companion_what, name);
        *problem = hse_arena_strndup(arena, text, (size_t)n);
    }
    return *dir || *problem ? HSE_OK : hse_fail(err, HSE_E_NOMEM, 0, "no memory to look for %.60s", facts->companion);
}
