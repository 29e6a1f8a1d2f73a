/* compare.c - what a case expects against what came. */
#include "golden/case.h"

#include "audio/wav.h"
#include "base/file.h"
#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void (golden_fail)(golden_case *c, const char *fmt, ...)
{
    va_list args;

    if (c->failed)
        return;
    c->failed = true;
    va_start(args, fmt);
    vsnprintf(c->problem, sizeof c->problem, fmt, args);
    va_end(args);
}

void golden_fail_error(golden_case *c, const char *what, const hse_error *err)
{
    golden_fail(c, "%s: %s", what, err->text);
}

static golden_entry *find(const golden_case *c, const char *name)
{
    for (int i = 0; i < c->n_entries; i++)
        if (strcmp(c->entries[i].name, name) == 0)
            return &c->entries[i];
    return NULL;
}

bool golden_wants(const golden_case *c, const char *name)
{
    return find(c, name) != NULL;
}

static void entry_fail(golden_entry *e, const char *fmt, ...) HSE_PRINTF(2, 3);
static void entry_fail(golden_entry *e, const char *fmt, ...)
{
    va_list args;

    if (e->failed)
        return;
    e->failed = true;
    va_start(args, fmt);
    vsnprintf(e->verdict, sizeof e->verdict, fmt, args);
    va_end(args);
}

/* ---- arrays ---- */

static void shape_text(char *out, size_t size, int rank, const size_t *dim)
{
    size_t at = 0;

    out[0] = '\0';
    for (int i = 0; i < rank && at + 24 < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%zu", i ? " x " : "", dim[i]);
}

/* What a reduced type may change: everything but whole numbers; 16-bit samples are a signal, too. */
static bool is_signal(const golden_entry *e)
{
    const char *dtype = json_string_value(json_object_get(e->spec, "dtype"));

    return !dtype || strncmp(dtype, "float", 5) == 0 || strcmp(dtype, "PCM_16") == 0;
}

/* The floors of reduced weights: audio may be judged at 40 dB, everything inside at 35 dB; int8 at 20 dB. */
static double snr_floor(const golden_case *c, bool audio)
{
    return c->options->dtype == K_INT8 ? 20 : audio ? 40 : 35;
}

static void judge_snr(golden_case *c, golden_entry *e, const float *got, const float *want, size_t n, bool audio)
{
    double signal = 0, noise = 0, snr;

    for (size_t i = 0; i < n; i++) {
        signal += (double)want[i] * want[i];
        noise += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
    }
    snr = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
    if (snr < c->worst_snr) {
        c->worst_snr = snr;
        snprintf(c->worst_name, sizeof c->worst_name, "%s", e->name);
    }
    if (!(snr >= snr_floor(c, audio)))
        entry_fail(e, "%.1f dB, the floor is %.0f dB", snr, snr_floor(c, audio));
}

static void judge_tolerance(golden_entry *e, const float *got, const golden_array *want)
{
    double atol = golden_number(e->spec, "atol", 0), rtol = golden_number(e->spec, "rtol", 0), worst = -1;
    size_t at = 0, index[GOLDEN_MAX_RANK], rest;
    char where[120];
    bool bad = false;

    for (size_t i = 0; i < want->count; i++) {
        double difference = fabs((double)got[i] - want->data[i]);
        if (difference <= atol + rtol * fabs((double)want->data[i]))
            continue; /* a NaN fails this */
        bad = true;
        if (difference > worst || isnan(difference)) {
            worst = isnan(difference) ? INFINITY : difference;
            at = i;
        }
    }
    if (!bad)
        return;
    rest = at;
    for (int d = want->rank; d-- > 0; rest /= want->dim[d])
        index[d] = rest % want->dim[d];
    shape_text(where, sizeof where, want->rank, index);
    for (char *p = where; (p = strstr(p, " x ")) != NULL;)
        memcpy(p, ",  ", 3);
    entry_fail(e, "largest error %.3g at [%s]: got %.9g, want %.9g (atol %.3g, rtol %.3g)", worst, where,
               (double)got[at], (double)want->data[at], atol, rtol);
}

static void give(golden_case *c, golden_entry *e, const char *name, const float *data, int rank, const size_t *dim)
{
    golden_array want;
    float *copy = NULL;
    bool same;

    e->compared = true;
    if (!golden_load(c, json_string_value(json_object_get(e->spec, "file")), &want))
        return;
    same = rank == want.rank;
    for (int i = 0; i < rank && same; i++)
        same = dim[i] == want.dim[i];
    if (!same) {
        char a[120], b[120];
        shape_text(a, sizeof a, rank, dim);
        shape_text(b, sizeof b, want.rank, want.dim);
        entry_fail(e, "shape %s, want %s", a, b);
    } else {
        bool reduced = c->options->dtype != K_F32 && is_signal(e);

        if (c->damage && !e->stage && want.count && (copy = hse_alloc(want.count * sizeof *copy)) != NULL) {
            memcpy(copy, data, want.count * sizeof *copy);
            copy[want.count / 2] += 1.0f + fabsf(copy[want.count / 2]);
            data = copy;
            c->damage = false;
            c->damaged = true;
        }
        if (!reduced)
            judge_tolerance(e, data, &want);
        else if (!e->stage || strcmp(name, "speaker_embedding") == 0 ||
                 strcmp(name, "mel_post") == 0) /* what models hand on */
            judge_snr(c, e, data, want.data, want.count, strstr(name, "wav") != NULL);
    }
    hse_free(copy);
    golden_free_array(&want);
}

/* A name may be both a stage and an output. */
void golden_give(golden_case *c, const char *name, const float *data, int rank, const size_t *dim)
{
    for (int i = 0; i < c->n_entries; i++)
        if (strcmp(c->entries[i].name, name) == 0 && !c->entries[i].compared)
            give(c, &c->entries[i], name, data, rank, dim);
}

void golden_give1(golden_case *c, const char *name, const float *data, size_t n)
{
    golden_give(c, name, data, 1, &n);
}

void golden_give2(golden_case *c, const char *name, const float *data, size_t rows, size_t cols)
{
    golden_give(c, name, data, 2, (size_t[]){rows, cols});
}

void golden_give_view(golden_case *c, const char *name, const nn_view *v, int layout)
{
    size_t rows = (size_t)(v->starts[1] - v->starts[0]) * (size_t)v->width, cols = (size_t)v->cols, dim[3];
    int items = layout & GOLDEN_LEAD ? v->items : 1, lead = layout & GOLDEN_LEAD ? 1 : 0;
    const float *data = v->data + (size_t)v->starts[0] * (size_t)v->width * cols;
    float *turned = NULL;

    if (!find(c, name))
        return;
    for (int i = 0; i < items; i++)
        if ((size_t)(v->starts[i + 1] - v->starts[i]) * (size_t)v->width != rows) {
            golden_fail(c, "%s: items of different lengths", name);
            return;
        }
    dim[0] = (size_t)items;
    dim[lead] = layout & GOLDEN_CHANNELS_FIRST ? cols : rows;
    dim[lead + 1] = layout & GOLDEN_CHANNELS_FIRST ? rows : cols;
    if (layout & GOLDEN_CHANNELS_FIRST) {
        if (!(turned = hse_alloc((size_t)items * rows * cols * sizeof *turned + 1))) {
            golden_fail(c, "%s: no memory", name);
            return;
        }
        for (size_t i = 0; i < (size_t)items; i++)
            for (size_t r = 0; r < rows; r++)
                for (size_t k = 0; k < cols; k++)
                    turned[(i * cols + k) * rows + r] = data[(i * rows + r) * cols + k];
        data = turned;
    }
    golden_give(c, name, data, 2 + lead, dim);
    hse_free(turned);
}

void golden_remark(const golden_case *c, const char *fmt, ...)
{
    char line[400] = "    ";
    va_list args;

    va_start(args, fmt);
    vsnprintf(line + 4, sizeof line - 4, fmt, args);
    va_end(args);
    if (c->options->print)
        c->options->print(c->options->user, line);
}

void golden_give_share(golden_case *c, const char *output, const char *language, const golden_share *s, double percent)
{
    double all = s->count ? 100.0 * (double)s->equal / (double)s->count : 0;
    double known = s->known ? 100.0 * (double)s->known_equal / (double)s->known : 0;
    int n = snprintf(c->note, sizeof c->note, "%s: %zu of %zu sentences equal, %.1f %%", language, s->equal, s->count, all);

    if (s->known != s->count)
        snprintf(c->note + n, sizeof c->note - (size_t)n, "; %zu of %zu, %.1f %%, without words that are on no registry",
                 s->known_equal, s->known, known);
    golden_covered(c, output);
    if (known < percent)
        golden_fail(c, "%s; at least %g %% are wanted", c->note, percent);
}

void golden_covered(golden_case *c, const char *name)
{
    golden_entry *e = find(c, name);

    if (e)
        e->compared = true;
}

static uint32_t bits(float x)
{
    uint32_t b;

    memcpy(&b, &x, sizeof b);
    return b;
}

void golden_same_bits(golden_case *c, const char *what, const float *alone, size_t n_alone, const float *batched,
                      size_t n_batched)
{
    size_t at = 0;

    if (n_alone != n_batched) {
        golden_fail(c, "%s has %zu values alone, %zu in a batch", what, n_alone, n_batched);
        return;
    }
    while (at < n_alone && bits(alone[at]) == bits(batched[at]))
        at++;
    if (at < n_alone)
        golden_fail(c, "%s differs in a batch: value %zu is %.9g, alone %.9g", what, at, (double)batched[at],
                    (double)alone[at]);
}

/* ---- wav files ---- */

void golden_give_wav(golden_case *c, const char *name, hse_bytes got)
{
    golden_entry *e = find(c, name);
    char path[GOLDEN_PATH], *bytes = NULL;
    size_t size, n, worst_at = 0;
    hse_error err = {0};
    double atol, worst = 0, signal = 0, noise = 0;
    uint8_t *copy = NULL;

    if (!e || e->compared)
        return;
    e->compared = true;
    if (!golden_path(c, json_string_value(json_object_get(e->spec, "file")), path))
        return;
    if (hse_file_read(&bytes, &size, path, GOLDEN_FILE_BYTES, &err) != HSE_OK) {
        golden_fail_error(c, name, &err);
        return;
    }
    const uint8_t *want = (const uint8_t *)bytes;
    if (size < HSE_WAV_HEADER || got.size != size || memcmp(got.data, want, HSE_WAV_HEADER) != 0) {
        entry_fail(e, "%zu bytes, want %zu, or another header", got.size, size);
        hse_free(bytes);
        return;
    }
    if (c->damage && (copy = hse_alloc(size)) != NULL) {
        memcpy(copy, got.data, size);
        copy[size - 1] ^= 0x40;
        got.data = copy;
        c->damage = false;
        c->damaged = true;
    }
    atol = golden_number(e->spec, "atol", 0);
    n = (size - HSE_WAV_HEADER) / 2;
    for (size_t i = 0; i < n; i++) {
        int16_t a = (int16_t)hse_get_u16le(got.data + HSE_WAV_HEADER + 2 * i),
                b = (int16_t)hse_get_u16le(want + HSE_WAV_HEADER + 2 * i);
        signal += (double)b * b;
        noise += ((double)a - b) * ((double)a - b);
        if (fabs((double)a - b) > worst) {
            worst = fabs((double)a - b);
            worst_at = i;
        }
    }
    if (c->options->dtype != K_F32) {
        double snr = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
        if (!(snr >= snr_floor(c, true)) && worst > atol)
            entry_fail(e, "%.1f dB, the floor is %.0f dB", snr, snr_floor(c, true));
    } else if (worst > atol) {
        entry_fail(e, "sample %zu is %.0f steps off, allowed %.0f", worst_at, worst, atol);
    }
    hse_free(copy);
    hse_free(bytes);
}

/* ---- JSON ---- */

static bool is_remark(const char *key)
{
    static const char *const keys[] = {"margin",         "smallest_margin",  "note", "what", "unit",
                                       "survives_noise", "agreeing_segments"};

    for (size_t i = 0; i < COUNT(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

typedef struct {
    golden_entry *entry;
    double atol;
    char path[120];
} json_walk;

static void json_differ(json_walk *w, const json_t *got, const json_t *want)
{
    char *a = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL,
         *b = want ? json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    entry_fail(w->entry, "at %s: got %.40s, want %.40s", w->path[0] ? w->path : "the top", a ? a : "nothing",
               b ? b : "nothing");
    free(a); /* jansson's own allocation */
    free(b); /* jansson's own allocation */
}

/* Of two lists of different lengths: from the first place on where they differ. */
static json_t *json_rest(const json_t *list, size_t from)
{
    json_t *rest = json_array();

    for (size_t i = from; i < json_array_size(list); i++)
        json_array_append(rest, json_array_get(list, i));
    return rest;
}

static void json_differ_in_length(json_walk *w, const json_t *got, const json_t *want)
{
    size_t i = 0, n = strlen(w->path);
    json_t *a, *b;

    while (i < json_array_size(want) && json_equal(json_array_get(got, i), json_array_get(want, i)))
        i++;
    a = json_rest(got, i);
    b = json_rest(want, i);
    snprintf(w->path + n, sizeof w->path - n, "[%zu]...", i);
    json_differ(w, a, b);
    json_decref(a);
    json_decref(b);
}

static void json_compare(json_walk *w, const json_t *got, const json_t *want);

static void json_step(json_walk *w, const json_t *got, const json_t *want, const char *fmt, ...) HSE_PRINTF(4, 5);
static void json_step(json_walk *w, const json_t *got, const json_t *want, const char *fmt, ...)
{
    size_t at = strlen(w->path);
    va_list args;

    va_start(args, fmt);
    vsnprintf(w->path + at, sizeof w->path - at, fmt, args);
    va_end(args);
    json_compare(w, got, want);
    if (!w->entry->failed)
        w->path[at] = '\0';
}

/* The wording and the type of an expected error are not compared, only that there is one. */
static void json_compare_object(json_walk *w, const json_t *got, const json_t *want)
{
    const char *key;
    json_t *value;
    bool error = json_is_string(json_object_get(want, "error"));

    json_object_foreach((json_t *)(uintptr_t)want, key, value)
    {
        const json_t *mine = json_object_get(got, key);
        if (is_remark(key) || (error && strcmp(key, "message") == 0))
            continue;
        if (error && strcmp(key, "error") == 0 && json_is_string(mine))
            continue;
        json_step(w, mine, value, ".%s", key);
    }
    json_object_foreach((json_t *)(uintptr_t)got, key, value) if (!is_remark(key) && !json_object_get(want, key))
        json_step(w, value, NULL, ".%s", key);
}

static void json_compare(json_walk *w, const json_t *got, const json_t *want)
{
    if (w->entry->failed)
        return;
    if (json_is_object(got) && json_is_object(want)) {
        json_compare_object(w, got, want);
    } else if (json_is_array(got) && json_is_array(want) && json_array_size(got) != json_array_size(want)) {
        json_differ_in_length(w, got, want);
    } else if (json_is_array(got) && json_is_array(want)) {
        for (size_t i = 0; i < json_array_size(want); i++)
            json_step(w, json_array_get(got, i), json_array_get(want, i), "[%zu]", i);
    } else if (json_is_number(got) && json_is_number(want)) {
        if (!(fabs(json_number_value(got) - json_number_value(want)) <= w->atol))
            json_differ(w, got, want);
    } else if (!got || !want || !json_equal(got, want)) {
        json_differ(w, got, want);
    }
}

bool golden_same_json(const json_t *got, const json_t *want, char *where, size_t size)
{
    golden_entry e = {.failed = false};
    json_walk w = {.entry = &e};

    json_compare(&w, got, want);
    if (e.failed && where)
        snprintf(where, size, "%s", e.verdict);
    return !e.failed;
}

/* Change the first number, string or boolean that counts. */
static bool json_damage(json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_object(v)) {
        json_object_foreach(v, key, item)
        {
            if (is_remark(key) || strcmp(key, "error") == 0 || strcmp(key, "message") == 0)
                continue;
            if (json_is_string(item) || json_is_boolean(item))
                return json_object_set_new(v, key, json_string("damaged")) == 0;
            if (json_damage(item))
                return true;
        }
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, item)
        {
            if (json_is_string(item) || json_is_boolean(item))
                return json_array_set_new(v, i, json_string("damaged")) == 0;
            if (json_damage(item))
                return true;
        }
    } else if (json_is_integer(v)) {
        return json_integer_set(v, json_integer_value(v) + 1) == 0;
    } else if (json_is_real(v)) {
        return json_real_set(v, json_real_value(v) + 1) == 0;
    }
    return false;
}

void golden_give_json(golden_case *c, const char *name, json_t *got)
{
    golden_entry *e = find(c, name);
    json_walk w = {.entry = e};
    json_t *want;

    if (e && !e->compared && (want = golden_expected_json(c, name)) != NULL) {
        e->compared = true;
        if (c->damage && json_damage(got)) {
            c->damage = false;
            c->damaged = true;
        }
        w.atol = golden_number(e->spec, "atol", 0);
        json_compare(&w, got, want);
        json_decref(want);
    }
    json_decref(got);
}
