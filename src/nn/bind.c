/* bind.c - finding tensors by name and shape, keeping the list of what is wrong, and the memory of packed weights. */
#include "nn/bind_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>

enum { BLOCK_BYTES = 1 << 20, TEMP_PAGES_FROM = 256 << 10, REPORT_BYTES = 4 << 20 };

typedef struct block {
    struct block *next;
    uint8_t      *data;
    size_t        size, used;
} block;

struct nn_params {
    block *blocks;
    size_t bytes;
};

/* ---- life ---- */

hse_status nn_binder_open(nn_binder **out, const nn_binder_options *opt, hse_error *err)
{
    nn_binder *b = hse_calloc(1, sizeof *b);
    size_t n = opt->weights ? hse_weights_count(opt->weights) : 0;

    if (!b)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to bind weights");
    b->opt = *opt;
    if (!b->opt.name)
        b->opt.name = "the checkpoint";
    b->k = opt->kernels ? opt->kernels : hse_kernels_get(~0u);
    b->type = opt->type;
    b->max_bytes = opt->max_bytes ? opt->max_bytes : (size_t)16 << 30;
    hse_buf_init(&b->report, REPORT_BYTES);
    b->params = hse_calloc(1, sizeof *b->params);
    b->used = hse_calloc(n, 1);
    if (!b->params || !b->used) {
        hse_status s = hse_fail(err, HSE_E_NOMEM, 0, "no memory to bind %zu tensors", n);
        nn_params_free(&b->params);
        hse_free(b->used);
        hse_free(b);
        return s;
    }
    *out = b;
    return HSE_OK;
}

static void note_extra(nn_binder *b)
{
    const hse_weights *w = b->opt.weights;

    for (size_t i = 0; w && i < hse_weights_count(w); i++)
        if (!b->used[i])
            nn_note(b, NN_EXTRA, "%s is not known", hse_weights_at(w, i)->name);
}

/* One sentence: how many of each kind, and the first of them. */
static hse_status describe(nn_binder *b, hse_error *err)
{
    static const char *const kinds[NN_NOTES] = {"missing", "of a wrong shape or type", "not known", "other problems"};
    char text[232];
    int at = 0;

    for (int i = 0; i < NN_NOTES && at < (int)sizeof text - 1; i++)
        if (b->notes[i] > 0)
            at += snprintf(text + at, sizeof text - (size_t)at, "%s%d %s", at > 0 ? ", " : "", b->notes[i], kinds[i]);
    return hse_fail(err, HSE_E_FORMAT, 0, "%s does not fit the model: %s: %s", b->opt.name, text, b->first);
}

hse_status nn_binder_close(nn_binder **binder, nn_params **params, hse_error *err)
{
    nn_binder *b = *binder;
    hse_status s = HSE_OK;

    if (!b)
        return HSE_E_ARG;
    *binder = NULL;
    nn_scratch_end(b);
    if (b->opt.strict && b->fatal.status == HSE_OK)
        note_extra(b);
    if (b->fatal.status != HSE_OK) {
        s = b->fatal.status;
        if (err)
            *err = b->fatal;
    } else if (!nn_binder_ok(b)) {
        s = describe(b, err);
    }
    if (b->opt.report)
        hse_buf_append(b->opt.report, b->report.data, b->report.size);
    hse_buf_free(&b->report);
    hse_free(b->used);
    if (s == HSE_OK)
        *params = b->params;
    else
        nn_params_free(&b->params);
    hse_free(b);
    return s;
}

bool nn_binder_ok(const nn_binder *b)
{
    int n = 0;

    for (int i = 0; i < NN_NOTES; i++)
        n += b->notes[i];
    return n == 0 && b->fatal.status == HSE_OK;
}

size_t nn_params_bytes(const nn_params *p)
{
    return p ? p->bytes : 0;
}

void nn_params_free(nn_params **params)
{
    nn_params *p = *params;

    if (!p)
        return;
    for (block *b = p->blocks, *next; b; b = next) {
        next = b->next;
        hse_pages_free(b->data, b->size);
        hse_free(b);
    }
    hse_free(p);
    *params = NULL;
}

/* ---- what is wrong ---- */

void nn_note(nn_binder *b, nn_note_kind kind, const char *fmt, ...)
{
    char text[640];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *p = text; *p; p++) /* names come from the file: no control characters in messages */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    b->notes[kind]++;
    hse_buf_str(&b->report, text);                      /* a full report keeps its beginning; the counts stay right */
    hse_buf_byte(&b->report, '\n');
    size_t have = strlen(b->first);
    snprintf(b->first + have, sizeof b->first - have, "%s%s", have > 0 ? "; " : "", text);
}

void nn_bind_problem(nn_binder *b, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    nn_note(b, NN_OTHER, "%s", text);
}

void nn_fatal(nn_binder *b, hse_status status, const char *what)
{
    if (b->fatal.status == HSE_OK)
        hse_fail(&b->fatal, status, 0, "%s: %s", b->opt.name, what);
}

/* ---- memory ---- */

void *nn_params_new(nn_binder *b, size_t bytes)
{
    nn_params *p = b->params;
    size_t size;

    if (b->fatal.status != HSE_OK)
        return NULL;
    if (!hse_add_size(bytes, NN_ALIGN - 1, &size) || (size &= ~(size_t)(NN_ALIGN - 1)) > b->max_bytes - p->bytes) {
        nn_fatal(b, HSE_E_LIMIT, "the weights are over the memory limit");
        return NULL;
    }
    if (!p->blocks || size > p->blocks->size - p->blocks->used) {
        block *n = hse_calloc(1, sizeof *n);
        size_t want = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        if (!n || !(n->data = hse_pages_alloc(want))) {
            hse_free(n);
            nn_fatal(b, HSE_E_NOMEM, "no memory for the weights");
            return NULL;
        }
        n->size = want;
        /* A large tensor fills its own block: keep the one with room in front. */
        if (p->blocks && want - size < p->blocks->size - p->blocks->used) {
            n->next = p->blocks->next;
            p->blocks->next = n;
            n->used = size;
            p->bytes += size;
            return n->data;
        }
        n->next = p->blocks;
        p->blocks = n;
    }
    uint8_t *at = p->blocks->data + p->blocks->used;
    p->blocks->used += size;
    p->bytes += size;
    return at;
}

nn_temp nn_temp_new(nn_binder *b, size_t count)
{
    nn_temp t = {0};

    if (b->fatal.status != HSE_OK)
        return t;
    if (!hse_mul_size(count, sizeof(float), &t.bytes)) {
        nn_fatal(b, HSE_E_LIMIT, "a tensor is too large");
        return t;
    }
    t.at = t.bytes >= TEMP_PAGES_FROM ? hse_pages_alloc(t.bytes) : hse_calloc(1, t.bytes);
    if (!t.at)
        nn_fatal(b, HSE_E_NOMEM, "no memory to read a tensor");
    return t;
}

void nn_temp_free(nn_temp *t)
{
    if (t->bytes >= TEMP_PAGES_FROM)
        hse_pages_free(t->at, t->bytes);
    else
        hse_free(t->at);
    *t = (nn_temp){0};
}

/* ---- names ---- */

bool nn_name_v(nn_binder *b, char *out, const char *fmt, va_list args)
{
    int n = snprintf(out, NN_NAME_BYTES, "%.*s", b->prefix_size, b->prefix), m;

    m = vsnprintf(out + n, (size_t)(NN_NAME_BYTES - n), fmt, args);
    if (m >= 0 && m < NN_NAME_BYTES - n - 48)           /* room for the longest ending that is added */
        return true;
    nn_note(b, NN_OTHER, "the name %.40s... is too long", out);
    return false;
}

void nn_enter(nn_binder *b, const char *fmt, ...)
{
    va_list args;

    if (b->depth == NN_MAX_DEPTH) {
        nn_note(b, NN_OTHER, "prefixes are nested too deeply");
        return;
    }
    b->prefix_sizes[b->depth++] = b->prefix_size;
    va_start(args, fmt);
    int n = vsnprintf(b->prefix + b->prefix_size, (size_t)(NN_NAME_BYTES - b->prefix_size), fmt, args);
    va_end(args);
    if (n >= 0 && n < NN_NAME_BYTES / 2 - b->prefix_size)
        b->prefix_size += n;
    else
        nn_note(b, NN_OTHER, "the prefix %.40s... is too long", b->prefix);
}

void nn_leave(nn_binder *b)
{
    if (b->depth > 0)
        b->prefix_size = b->prefix_sizes[--b->depth];
}

void nn_bind_type(nn_binder *b, k_weight_type type)
{
    b->type = type;
}

void nn_bind_bias(nn_binder *b, nn_presence presence)
{
    b->bias = presence;
}

void nn_bind_weight_norm(nn_binder *b, nn_presence presence)
{
    b->weight_norm = presence;
}

/* ---- tensors ---- */

const hse_weight *nn_find(nn_binder *b, const char *name)
{
    return b->opt.weights ? hse_weights_find(b->opt.weights, name) : NULL;
}

static void shape_text(char *out, size_t size, int rank, const uint64_t *dim)
{
    int at = snprintf(out, size, "[");

    for (int i = 0; i < rank && at < (int)size; i++)
        at += snprintf(out + at, size - (size_t)at, "%s%llu", i > 0 ? ", " : "", (unsigned long long)dim[i]);
    if (at < (int)size)
        snprintf(out + at, size - (size_t)at, "]");
}

static bool same_shape(nn_binder *b, const hse_weight *w, int rank, const int *dim)
{
    uint64_t want[HSE_MAX_RANK];
    char have_text[128], want_text[128];
    bool same = w->rank == rank;

    for (int i = 0; i < rank; i++) {
        want[i] = (uint64_t)dim[i];
        same = same && w->dim[i] == want[i];
    }
    if (same)
        return true;
    shape_text(have_text, sizeof have_text, w->rank, w->dim);
    shape_text(want_text, sizeof want_text, rank, want);
    nn_note(b, NN_SHAPE, "%s is %s, expected %s", w->name, have_text, want_text);
    return false;
}

bool nn_dims_ok(nn_binder *b, const char *name, int rank, const int *dim, size_t *count)
{
    enum { MOST = 1 << 26 };
    size_t n = 1;

    for (int i = 0; i < rank; i++)
        if (dim[i] <= 0 || dim[i] > MOST || !hse_mul_size(n, (size_t)dim[i], &n) || n > SIZE_MAX / 256) {
            nn_note(b, NN_OTHER, "%s would have a dimension of %d", name, dim[i]);
            return false;
        }
    *count = n;
    return true;
}

void nn_mark_used(nn_binder *b, const hse_weight *w)
{
    b->used[w - hse_weights_at(b->opt.weights, 0)] = 1;
}

nn_temp nn_read_tensor(nn_binder *b, const char *name, int rank, const int *dim, nn_presence presence)
{
    const hse_weight *w = nn_find(b, name);
    nn_temp t = {0};
    hse_error err = {0};
    size_t count;

    if (!nn_dims_ok(b, name, rank, dim, &count))
        return t;
    if (!w) {
        if (presence == NN_REQUIRED)
            nn_note(b, NN_MISSING, "%s is missing", name);
        return t;
    }
    nn_mark_used(b, w);
    if (!same_shape(b, w, rank, dim))
        return t;
    t = nn_temp_new(b, count);
    if (!t.at)
        return t;
    hse_status s = hse_weights_read_f32(b->opt.weights, w, t.at, &err);
    hse_weights_drop(b->opt.weights, w);
    if (s == HSE_OK && count > 0 && !(b->k->max_abs(t.at, count) < INFINITY)) {
        nn_note(b, NN_OTHER, "%s holds a value that is not finite", name);
        s = HSE_E_FORMAT;
    } else if (s == HSE_E_NOMEM) {
        nn_fatal(b, s, err.text);
    } else if (s != HSE_OK) {
        nn_note(b, NN_OTHER, "%s: %s", name, err.text);
    }
    if (s != HSE_OK)
        nn_temp_free(&t);
    return t;
}

const float *nn_keep_floats(nn_binder *b, const float *from, size_t count)
{
    float *p = from ? nn_params_new(b, count * sizeof *p) : NULL;

    if (p)
        memcpy(p, from, count * sizeof *p);
    return p;
}

void nn_bind_tensor(nn_binder *b, const float **out, int rank, const int *dim, const char *name, ...)
{
    char full[NN_NAME_BYTES];
    va_list args;
    size_t count = 1;

    *out = NULL;
    va_start(args, name);
    bool ok = nn_name_v(b, full, name, args);
    va_end(args);
    if (!ok)
        return;
    nn_temp t = nn_read_tensor(b, full, rank, dim, NN_REQUIRED);
    for (int i = 0; i < rank && t.at; i++)
        count *= (size_t)dim[i];
    *out = nn_keep_floats(b, t.at, count);
    nn_temp_free(&t);
}

void nn_bind_ignore(nn_binder *b, const char *name, ...)
{
    char full[NN_NAME_BYTES];
    va_list args;
    const hse_weight *w;

    va_start(args, name);
    bool ok = nn_name_v(b, full, name, args);
    va_end(args);
    if (!ok || !b->opt.weights)
        return;
    size_t n = strlen(full);
    if (n > 0 && full[n - 1] == '*') {
        for (size_t i = 0; i < hse_weights_count(b->opt.weights); i++)
            if (strncmp(hse_weights_at(b->opt.weights, i)->name, full, n - 1) == 0)
                b->used[i] = 1;
    } else if ((w = nn_find(b, full)) != NULL) {
        nn_mark_used(b, w);
    }
}

float *nn_bind_scratch(nn_binder *b, int rank, int *dim, const char *name, ...)
{
    enum { MOST = 1 << 24 };
    char full[NN_NAME_BYTES];
    va_list args;

    va_start(args, name);
    bool ok = nn_name_v(b, full, name, args);
    va_end(args);
    if (!ok)
        return NULL;
    if (b->scratches == NN_MAX_SCRATCH) {
        nn_note(b, NN_OTHER, "%s: too many scratch tensors at once", full);
        return NULL;
    }
    const hse_weight *w = nn_find(b, full);
    for (int i = 0; i < rank; i++)
        if (dim[i] == -1)
            dim[i] = w && i < w->rank && w->dim[i] <= MOST ? (int)w->dim[i] : 1;
    nn_temp t = nn_read_tensor(b, full, rank, dim, NN_REQUIRED);
    if (t.at)
        b->scratch[b->scratches++] = t;
    return t.at;
}

float *nn_bind_work(nn_binder *b, size_t count)
{
    nn_temp t;

    if (b->scratches == NN_MAX_SCRATCH) {
        nn_note(b, NN_OTHER, "too many scratch tensors at once");
        return NULL;
    }
    t = nn_temp_new(b, count ? count : 1);
    if (t.at)
        b->scratch[b->scratches++] = t;
    return t.at;
}

void nn_scratch_end(nn_binder *b)
{
    while (b->scratches > 0)
        nn_temp_free(&b->scratch[--b->scratches]);
}
