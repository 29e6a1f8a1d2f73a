/* golden.c - finds the cases, runs each by its kind, prints and counts. */
#include "golden/case.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const golden_kind *const families[] = {golden_harmonyspeech, golden_silero, golden_vits, golden_bert,
                                              golden_melo_text, golden_melo_chain, golden_openvoice_text, golden_openvoice_audio,
                                              golden_openvoice_chain, golden_whisper_network,
                                              golden_whisper_text, golden_voicefixer, golden_whisper_rules,
                                              golden_whisper_generate, golden_whisper_transcribe};

enum { MAX_CASES = 65536, MAX_KINDS = 128 };

/* ---- finding ---- */

typedef struct {
    char **path; /* folders with a case.json */
    size_t count, capacity;
} case_list;

static hse_status list_add(case_list *l, const char *dir, hse_error *err)
{
    if (l->count == MAX_CASES)
        return hse_fail(err, HSE_E_LIMIT, 0, "more than %d cases", MAX_CASES);
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64;
        char **p = hse_realloc(l->path, capacity * sizeof *p);
        if (!p)
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of cases");
        l->path = p;
        l->capacity = capacity;
    }
    if (!(l->path[l->count] = hse_strdup(dir)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the list of cases");
    l->count++;
    return HSE_OK;
}

static void list_free(case_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        hse_free(l->path[i]);
    hse_free(l->path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder on the way down, so that a link back up is seen. */
typedef struct trail {
    dev_t dev;
    ino_t ino;
    const struct trail *up;
} trail;

static bool is_above(const trail *t, const struct stat *st)
{
    for (; t; t = t->up)
        if (t->dev == st->st_dev && t->ino == st->st_ino)
            return true;
    return false;
}

/* The folder whose name is the first n bytes of path, which the walk goes on to write in. Links to folders are folders. */
static hse_status walk(case_list *l, char path[GOLDEN_PATH], size_t n, const trail *up, hse_error *err)
{
    hse_status s = HSE_OK;
    struct dirent *entry;
    struct stat st;
    DIR *d;

    if (stat(path, &st) != 0 || !(d = opendir(path)))
        return hse_fail_sys(err, errno, "cannot read the folder %.150s", path);
    trail here = {st.st_dev, st.st_ino, up};
    while (s == HSE_OK && (entry = readdir(d)) != NULL) {
        size_t size = strlen(entry->d_name);

        if (entry->d_name[0] == '.')
            continue;
        if (strcmp(entry->d_name, "case.json") == 0) {
            s = list_add(l, path, err);
        } else if (n + size + 2 > GOLDEN_PATH) {
            s = hse_fail(err, HSE_E_LIMIT, 0, "a path has over %d bytes: %.150s/...", GOLDEN_PATH - 1, path);
        } else {
            path[n] = '/';
            memcpy(path + n + 1, entry->d_name, size + 1);
            if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !is_above(&here, &st))
                s = walk(l, path, n + 1 + size, &here, err);
            path[n] = '\0';
        }
    }
    closedir(d);
    return s;
}

static hse_status find_cases(case_list *l, const char *dir, hse_error *err)
{
    char path[GOLDEN_PATH];
    size_t n = strlen(dir);

    if (n >= sizeof path)
        return hse_fail(err, HSE_E_LIMIT, 0, "a path has over %d bytes: %.150s...", GOLDEN_PATH - 1, dir);
    memcpy(path, dir, n + 1);
    return walk(l, path, n, NULL, err);
}

/* ---- one case ---- */

static void say(const hse_golden_options *o, const char *fmt, ...) HSE_PRINTF(2, 3);
static void say(const hse_golden_options *o, const char *fmt, ...)
{
    char line[800];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (o->print)
        o->print(o->user, line);
}

static const golden_kind *kind_find(const char *kind)
{
    for (size_t f = 0; f < COUNT(families); f++)
        for (const golden_kind *k = families[f]; k->kind; k++)
            if (strcmp(k->kind, kind) == 0)
                return k;
    return NULL;
}

static bool entries_read(golden_case *c)
{
    const char *const sections[] = {"stages", "outputs"}, *key;
    json_t *value;
    size_t n = 0;

    for (size_t i = 0; i < 2; i++)
        n += json_object_size(json_object_get(c->json, sections[i]));
    if (!(c->entries = hse_calloc(n + 1, sizeof *c->entries)))
        return false;
    for (size_t i = 0; i < 2; i++)
        json_object_foreach(json_object_get(c->json, sections[i]), key, value) c->entries[c->n_entries++] =
            (golden_entry){.name = key, .spec = value, .stage = i == 0};
    return true;
}

/* The case's verdict in one sentence, or NULL. */
static const char *verdict(golden_case *c, char *out, size_t size)
{
    int outputs = 0;

    for (int i = 0; i < c->n_entries; i++) {
        const golden_entry *e = &c->entries[i];
        outputs += !e->stage;
        if (e->failed) {
            snprintf(out, size, "%s %s: %s", e->stage ? "stage" : "output", e->name, e->verdict);
            return out;
        }
    }
    if (c->failed)
        return c->problem;
    for (int i = 0; i < c->n_entries; i++)
        if (!c->entries[i].compared) {
            snprintf(out, size, "%s %s was not compared", c->entries[i].stage ? "stage" : "output", c->entries[i].name);
            return out;
        }
    return outputs ? NULL : "the case has no outputs";
}

typedef struct {
    const hse_golden_options *options;
    const hse_kernels *kernels;
    nn_ctx *nn;
    hse_golden_counts *counts;
    const char *seen[MAX_KINDS]; /* kinds that ran already: quick and damage take the first of each */
    int n_seen;
} golden_run;

/* The first of its kind? Remembers it. */
static bool first_of_kind(golden_run *r, const char *kind)
{
    for (int i = 0; i < r->n_seen; i++)
        if (strcmp(r->seen[i], kind) == 0)
            return false;
    if (r->n_seen < MAX_KINDS)
        r->seen[r->n_seen++] = kind;
    return true;
}

static void report(golden_run *r, golden_case *c, const char *problem)
{
    const hse_golden_options *o = r->options;

    if (o->damage) { /* the change must have been made and seen */
        bool caught = c->damaged && problem;
        r->counts->passed += caught;
        r->counts->failed += !caught;
        say(o, "%-28s %-36s %s", c->kind, c->name,
            caught       ? "ok (damage seen)"
            : c->damaged ? "DAMAGE NOT SEEN"
                         : "NOTHING TO DAMAGE");
        return;
    }
    r->counts->passed += !problem;
    r->counts->failed += problem != NULL;
    if (problem)
        say(o, "%-28s %-36s FAILED %s", c->kind, c->name, problem);
    else if (*c->note)
        say(o, "%-28s %-36s ok (%s)", c->kind, c->name, c->note);
    else if (isfinite(c->worst_snr))
        say(o, "%-28s %-36s ok (%s %.1f dB)", c->kind, c->name, c->worst_name, c->worst_snr);
    else
        say(o, "%-28s %-36s ok", c->kind, c->name);
}

/* One run of a case: its entries compared, the verdict in `text`; NULL: it passed. */
static const char *run_once(golden_case *c, const golden_kind *kind, char *text, size_t size)
{
    const char *problem;

    if (!c->failed && !entries_read(c))
        golden_fail(c, "no memory");
    if (!c->failed) {
        kind->run(c);
        nn_listen(c->nn, NULL, NULL);
    }
    problem = verdict(c, text, size);
    hse_free(c->entries);
    c->entries = NULL;
    c->n_entries = 0;
    return problem;
}

/* The run at top level (unless it is empty and others follow), then those in "runs": more calls on the same model. */
static const char *run_all(golden_case *c, const golden_kind *kind, char *text, size_t size)
{
    static const char *const parts[] = {"params", "inputs", "outputs", "stages"};
    const json_t *runs = json_object_get(c->json, "runs"), *run;
    json_t *whole = c->json;
    const char *problem = NULL;
    char inner[400];
    size_t i;

    if (json_array_size(runs) == 0 || json_object_size(json_object_get(whole, "outputs")))
        problem = run_once(c, kind, text, size);
    json_array_foreach(runs, i, run)
    {
        const char *name = json_string_value(json_object_get(run, "run"));

        if (problem)
            break;
        if (!(c->json = json_copy(whole)))
            return "no memory";
        for (size_t k = 0; k < COUNT(parts); k++) {
            json_t *part = json_object_get(run, parts[k]);

            json_object_set_new(c->json, parts[k], part ? json_incref(part) : json_object());
        }
        if (run_once(c, kind, inner, sizeof inner)) {
            snprintf(text, size, "run %s: %s", name ? name : "?", inner);
            problem = text;
        }
        json_decref(c->json);
        c->json = whole;
    }
    return problem;
}

static void run_case(golden_run *r, const char *dir)
{
    const hse_golden_options *o = r->options;
    golden_case c = {.options = o,
                     .kernels = r->kernels,
                     .nn = r->nn,
                     .name = dir,
                     .kind = "?",
                     .damage = o->damage,
                     .worst_snr = INFINITY};
    const golden_kind *kind = NULL;
    char text[480];
    const char *name, *role;

    snprintf(c.dir, sizeof c.dir, "%s", dir);
    c.json = golden_json(&c, "case.json");
    name = strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir;
    if (json_is_string(json_object_get(c.json, "case")))
        name = json_string_value(json_object_get(c.json, "case"));
    c.name = name;
    if (o->case_name && strcmp(o->case_name, name) != 0 &&
        strcmp(o->case_name, strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir) != 0)
        goto done;
    if (json_is_string(json_object_get(c.json, "kind")))
        c.kind = json_string_value(json_object_get(c.json, "kind"));
    else
        golden_fail(&c, "case.json has no kind");
    if (o->kind && fnmatch(o->kind, c.kind, 0) != 0)
        goto done;
    role = json_string_value(json_object_get(c.json, "role"));
    kind = kind_find(c.kind);
    if (!kind && role && strcmp(role, "aid") == 0) {
        r->counts->skipped++;
        say(o, "%-28s %-36s skipped: an aid of an unknown kind", c.kind, c.name);
        goto done;
    }
    if (!kind)
        golden_fail(&c, "no adapter knows this kind");
    else if ((o->quick || o->damage) && !first_of_kind(r, kind->kind))
        goto done;
    report(r, &c, c.failed ? verdict(&c, text, sizeof text) : run_all(&c, kind, text, sizeof text));
done:
    json_decref(c.json);
}

hse_status hse_golden_run(const hse_golden_options *o, hse_golden_counts *counts, hse_error *err)
{
    golden_run r = {.options = o, .counts = counts};
    case_list list = {0};
    hse_pool *pool = NULL;
    unsigned mask;
    hse_status s;

    *counts = (hse_golden_counts){0};
    if ((s = hse_cpu_mask(o->cpu, &mask, err)) != HSE_OK)
        return s;
    r.kernels = hse_kernels_get(mask);
    for (size_t i = 0; i < o->n_dirs && s == HSE_OK; i++)
        s = find_cases(&list, o->dirs[i], err);
    if (s == HSE_OK)
        s = hse_pool_open(&pool, o->threads > 0 ? o->threads : 1, err);
    if (s == HSE_OK)
        s = nn_open(&r.nn, &(nn_options){.kernels = r.kernels, .pool = pool, .poison = true}, err);
    if (s == HSE_OK) {
        if (list.count)
            qsort(list.path, list.count, sizeof *list.path, by_name);
        for (size_t i = 0; i < list.count; i++)
            run_case(&r, list.path[i]);
        say(o, "%d passed, %d failed, %d skipped", counts->passed, counts->failed, counts->skipped);
        if (counts->passed + counts->failed + counts->skipped == 0)
            s = o->case_name || o->kind ? hse_fail(err, HSE_E_NOT_FOUND, 0, "none of the %zu golden cases there has the name or kind that was asked for",
                                              list.count)
                                   : hse_fail(err, HSE_E_NOT_FOUND, 0, "no golden case was found: no case.json lies below the folder");
    }
    if (r.nn)
        nn_close(&r.nn);
    hse_pool_close(&pool);
    list_free(&list);
    return s;
}
