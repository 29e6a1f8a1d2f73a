/* ctx.c - the context: the arena behind the tensors, the first error, cancelling, tasks, and numbers in and out. */
#include "base/clock.h"
#include "base/mem.h"
#include "nn/internal.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
enum { REDZONE = NN_ALIGN };
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
enum { REDZONE = 0 };
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

static const size_t GROW_STEP = (size_t)2 << 20;    /* one huge page */
static const double TASK_COST = 250e3; /* multiply-adds that are worth waking a thread for: some microseconds */

/* ---- life ---- */

hse_status nn_open(nn_ctx **out, const nn_options *opt, hse_error *err)
{
    nn_ctx *c = hse_calloc(1, sizeof *c);

    if (!c)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a context");
    c->k = opt->kernels ? opt->kernels : hse_kernels_get(~0u);
    c->pool = opt->pool;
    c->threads = nn_min(hse_pool_threads(opt->pool), NN_MAX_THREADS);
    c->max_bytes = opt->max_bytes ? opt->max_bytes : (size_t)4 << 30;
    c->poison = opt->poison;
    *out = c;
    return HSE_OK;
}

static void drop_arena(nn_ctx *c)
{
    if (c->base)
        SHOW(c->base, c->capacity);
    hse_pages_free(c->base, c->capacity);
    c->base = NULL;
    c->capacity = 0;
}

void nn_close(nn_ctx **ctx)
{
    nn_ctx *c = *ctx;

    if (!c)
        return;
    drop_arena(c);
    hse_free(c->lists);
    hse_free(c);
    *ctx = NULL;
}

void nn_begin(nn_ctx *c, nn_mode mode)
{
    c->mode = mode;
    c->error.status = HSE_OK;
    c->top = c->peak = 0;
    c->lists_top = 0;
    if (c->base)
        HIDE(c->base, c->capacity);
}

hse_status nn_end(nn_ctx *c, hse_error *err)
{
    if (c->error.status == HSE_OK && c->mode == NN_PLAN && c->peak > c->max_bytes)
        nn_error(c, HSE_E_LIMIT, "the run needs %zu bytes, the limit is %zu", c->peak, c->max_bytes);
    if (c->error.status != HSE_OK && err)
        *err = c->error;
    return c->error.status;
}

bool nn_ok(const nn_ctx *c)
{
    return c->error.status == HSE_OK;
}

void nn_error(nn_ctx *c, hse_status status, const char *fmt, ...)
{
    char text[sizeof c->error.text];
    va_list args;

    if (c->error.status != HSE_OK)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hse_fail(&c->error, status, 0, "%s", text);
}

bool nn_planning(const nn_ctx *c)
{
    return c->mode == NN_PLAN;
}

size_t nn_peak(const nn_ctx *c)
{
    return c->peak;
}

void nn_listen(nn_ctx *c, nn_listener *f, void *user)
{
    c->listener = f;
    c->listener_user = user;
}

bool nn_listening(const nn_ctx *c)
{
    return c->listener != NULL;
}

void nn_cancel_by(nn_ctx *c, const atomic_bool *flag, uint64_t deadline_ns)
{
    c->cancel = flag;
    c->deadline_ns = deadline_ns;
}

bool nn_stopped(const nn_ctx *c)
{
    return (c->cancel && atomic_load_explicit(c->cancel, memory_order_relaxed)) ||
           (c->deadline_ns != 0 && hse_now_ns() > c->deadline_ns);
}

void nn_between_by(nn_ctx *c, nn_between *f, void *user)
{
    c->between = f;
    c->between_user = user;
}

void nn_pause(nn_ctx *c)
{
    if (c->between)
        c->between(c->between_user);
}

bool nn_check_stop(nn_ctx *c)
{
    if (c->error.status != HSE_OK)
        return true;
    if (!nn_stopped(c))
        return false;
    if (c->cancel && atomic_load(c->cancel))
        nn_error(c, HSE_E_CANCELLED, "cancelled");
    else
        nn_error(c, HSE_E_DEADLINE, "the deadline passed while the model ran");
    return true;
}

bool nn_start(nn_ctx *c, const char *op, nn_tensor x)
{
    nn_pause(c);
    if (nn_check_stop(c))
        return false;
    if (nn_is_none(x)) {
        nn_error(c, HSE_E_ARG, "%s: the input is missing", op);
        return false;
    }
    return true;
}

/* ---- memory ---- */

static bool grow_arena(nn_ctx *c, size_t need)
{
    size_t size = need + need / 4;                  /* room for the next, slightly longer request */

    if (size > c->max_bytes || size < need)
        size = c->max_bytes > need ? c->max_bytes : need;
    if (!hse_add_size(size, GROW_STEP - 1, &size))
        return false;
    size &= ~(GROW_STEP - 1);
    if (c->base)
        SHOW(c->base, c->capacity);
    uint8_t *p = c->base ? hse_pages_resize(c->base, c->capacity, size) : hse_pages_alloc(size);
    if (!p)
        return false;
    c->base = p;
    c->capacity = size;
    HIDE(c->base + c->top, c->capacity - c->top);
    return true;
}

hse_status nn_reserve(nn_ctx *c, size_t bytes, hse_error *err)
{
    if (bytes > c->max_bytes)
        return hse_fail(err, HSE_E_LIMIT, 0, "the run needs %zu bytes, the limit is %zu", bytes, c->max_bytes);
    if (bytes > c->capacity && !grow_arena(c, bytes))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an arena of %zu bytes", bytes);
    return HSE_OK;
}

void nn_trim(nn_ctx *c, size_t keep)
{
    size_t size = (keep + GROW_STEP - 1) & ~(GROW_STEP - 1);

    nn_begin(c, c->mode);
    if (keep == 0)
        drop_arena(c);
    if (size >= c->capacity)
        return;
    SHOW(c->base, c->capacity);
    uint8_t *p = hse_pages_resize(c->base, c->capacity, size);
    if (p) {                                        /* a failure only keeps what there was */
        c->base = p;
        c->capacity = size;
    }
    HIDE(c->base, c->capacity);
}

size_t nn_held(const nn_ctx *c)
{
    return c->capacity;
}

bool nn_alloc(nn_ctx *c, size_t bytes, size_t *at)
{
    size_t end;

    if (c->error.status != HSE_OK)
        return false;
    if (!hse_add_size(bytes, NN_ALIGN - 1 + REDZONE, &end) ||
        !hse_add_size(c->top, end & ~(size_t)(NN_ALIGN - 1), &end)) {
        nn_error(c, HSE_E_LIMIT, "a tensor of %zu bytes is too large", bytes);
        return false;
    }
    if (c->mode == NN_RUN) {
        if (end > c->max_bytes) {
            nn_error(c, HSE_E_LIMIT, "the run needs over %zu bytes, the limit is %zu", end, c->max_bytes);
            return false;
        }
        if (end > c->capacity && !grow_arena(c, end)) {
            nn_error(c, HSE_E_NOMEM, "no memory for an arena of %zu bytes", end);
            return false;
        }
        SHOW(c->base + c->top, bytes);
        if (c->poison)
            memset(c->base + c->top, 0xff, bytes);
    }
    *at = c->top;
    c->top = end;
    if (end > c->peak)
        c->peak = end;
    return true;
}

void nn_release(nn_ctx *c, size_t top)
{
    if (c->mode == NN_RUN && c->base && c->top > top)
        HIDE(c->base + top, nn_min_size(c->top, c->capacity) - top);
    c->top = top;
}

bool nn_alloc_floats(nn_ctx *c, size_t a, size_t b, size_t *at)
{
    size_t bytes;

    if (!hse_mul_size(a, b, &bytes) || !hse_mul_size(bytes, sizeof(float), &bytes)) {
        nn_error(c, HSE_E_LIMIT, "a tensor of %zu x %zu numbers is too large", a, b);
        return false;
    }
    return nn_alloc(c, bytes, at);
}

bool nn_list_new(nn_ctx *c, size_t n, uint32_t *list)
{
    size_t need = c->lists_top + n;

    if (c->error.status != HSE_OK)
        return false;
    if (n > UINT32_MAX || need > UINT32_MAX) {
        nn_error(c, HSE_E_LIMIT, "too many items and rows");
        return false;
    }
    if (need > c->lists_capacity) {
        size_t capacity = need + need / 2 + 1024;
        int *p = hse_realloc(c->lists, capacity * sizeof *p);
        if (!p) {
            nn_error(c, HSE_E_NOMEM, "no memory for the rows of %zu items", n);
            return false;
        }
        c->lists = p;
        c->lists_capacity = capacity;
    }
    *list = c->lists_top;
    c->lists_top = (uint32_t)need;
    return true;
}

nn_tensor nn_make(nn_ctx *c, int items, uint32_t starts, int rows, int width, int cols)
{
    nn_tensor t = {.starts = starts, .items = items, .rows = rows, .cols = cols, .width = width, .ld = cols};

    if (!nn_alloc_floats(c, nn_positions(t), (size_t)cols, &t.at))
        return NN_NONE;
    return t;
}

nn_tensor nn_make_like(nn_ctx *c, nn_tensor like, int cols)
{
    return nn_make(c, like.items, like.starts, like.rows, like.width, cols);
}

nn_tensor nn_new(nn_ctx *c, nn_tensor like, int cols)
{
    if (!nn_start(c, "new", like))
        return NN_NONE;
    if (cols <= 0) {
        nn_error(c, HSE_E_ARG, "new: %d columns", cols);
        return NN_NONE;
    }
    return nn_make_like(c, like, cols);
}

bool nn_starts_from(nn_ctx *c, const char *op, int items, const int *counts, const nn_tensor *like, uint32_t *starts,
                    int *rows)
{
    bool same = like && like->items == items;
    long long sum = 0;
    uint32_t list;

    if (items <= 0 || items == INT_MAX) {
        nn_error(c, HSE_E_ARG, "%s: %d items", op, items);
        return false;
    }
    for (int i = 0; i < items; i++) {
        if (counts[i] < 0) {
            nn_error(c, HSE_E_ARG, "%s: item %d has %d rows", op, i, counts[i]);
            return false;
        }
        sum += counts[i];
        same = same && nn_list(c, like->starts)[i + 1] == sum;
        if (sum >= INT_MAX / 2) {
            nn_error(c, HSE_E_LIMIT, "%s: more than %d rows", op, INT_MAX / 2);
            return false;
        }
    }
    *rows = (int)sum;
    if (same) {
        *starts = like->starts;
        return true;
    }
    if (!nn_list_new(c, (size_t)items + 1, &list))
        return false;
    int *s = nn_list(c, list);
    s[0] = 0;
    for (int i = 0; i < items; i++)
        s[i + 1] = s[i] + counts[i];
    *starts = list;
    return true;
}

bool nn_starts_map(nn_ctx *c, const char *op, nn_tensor x, long long (*f)(const void *layer, long long rows),
                   const void *layer, uint32_t *starts, int *rows)
{
    uint32_t list;
    long long sum = 0;
    bool same = true;

    if (!nn_list_new(c, (size_t)x.items + 1, &list))
        return false;
    const int *old = nn_list(c, x.starts);
    int *s = nn_list(c, list);
    s[0] = 0;
    for (int i = 0; i < x.items; i++) {
        int have = old[i + 1] - old[i];
        long long n = f(layer, have);
        if (n < 0) {
            nn_error(c, HSE_E_ARG, "%s: item %d has %d rows, which is too short", op, i, have);
            return false;
        }
        sum += n;
        if (sum >= INT_MAX / 2) {
            nn_error(c, HSE_E_LIMIT, "%s: more than %d rows", op, INT_MAX / 2);
            return false;
        }
        s[i + 1] = (int)sum;
        same = same && sum == old[i + 1];
    }
    if (same)
        c->lists_top = list;
    *starts = same ? x.starts : list;
    *rows = (int)sum;
    return true;
}

nn_mark_t nn_mark(nn_ctx *c)
{
    return (nn_mark_t){.top = c->top, .starts = c->lists_top};
}

static int by_place(const void *a, const void *b)
{
    const nn_tensor *x = *(nn_tensor *const *)a, *y = *(nn_tensor *const *)b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static int by_starts(const void *a, const void *b)
{
    const nn_tensor *x = *(nn_tensor *const *)a, *y = *(nn_tensor *const *)b;

    return x->starts < y->starts ? -1 : x->starts > y->starts;
}

/* Lowest first, so that nothing is overwritten before it has moved down. Tensors at one place share it afterwards
 * too. */
static void move_data(nn_ctx *c, nn_mark_t mark, nn_tensor **t, int n)
{
    size_t from = 0, to = 0, size = 0, old_top = c->top;

    if (c->mode == NN_RUN)
        SHOW(c->base + mark.top, old_top - mark.top);
    c->top = mark.top;
    for (int i = 0; i < n; i++) {
        size_t bytes = nn_positions(*t[i]) * (size_t)t[i]->cols * sizeof(float);
        if (t[i]->at < mark.top)
            continue;
        if (size == 0 || t[i]->at != from || bytes > size) {
            from = t[i]->at;
            to = c->top;
            size = bytes;
            if (c->mode == NN_RUN)
                memmove(c->base + to, c->base + from, bytes);
            c->top += (bytes + REDZONE + NN_ALIGN - 1) & ~(size_t)(NN_ALIGN - 1);
        }
        t[i]->at = to;
    }
    if (c->mode == NN_RUN)
        HIDE(c->base + c->top, old_top > c->top ? old_top - c->top : 0);
}

static void move_lists(nn_ctx *c, nn_mark_t mark, nn_tensor **t, int n)
{
    uint32_t from = 0, to = 0;

    c->lists_top = mark.starts;
    for (int i = 0; i < n; i++) {
        size_t count = (size_t)t[i]->items + 1;
        if (t[i]->starts < mark.starts)
            continue;
        if (to == 0 || t[i]->starts != from) {
            from = t[i]->starts;
            to = c->lists_top + 1;                  /* plus one, so that 0 means none yet */
            memmove(c->lists + to - 1, c->lists + from, count * sizeof *c->lists);
            c->lists_top += (uint32_t)count;
        }
        t[i]->starts = to - 1;
    }
}

void nn_keep_all(nn_ctx *c, nn_mark_t mark, nn_tensor *const *t, int n)
{
    enum { MOST = 64 };
    nn_tensor *order[MOST];
    int kept = 0;

    if (c->error.status != HSE_OK)
        return;
    if (n > MOST || mark.top > c->top || mark.starts > c->lists_top) {
        nn_error(c, HSE_E_ARG, "keep: %d tensors, or a mark that is not open", n);
        return;
    }
    for (int i = 0; i < n; i++) {
        if (nn_is_none(*t[i]))
            continue;
        *t[i] = nn_dense(c, *t[i]);
        order[kept++] = t[i];
    }
    if (c->error.status != HSE_OK)
        return;
    qsort(order, (size_t)kept, sizeof *order, by_place);
    move_data(c, mark, order, kept);
    qsort(order, (size_t)kept, sizeof *order, by_starts);
    move_lists(c, mark, order, kept);
}

nn_tensor nn_keep(nn_ctx *c, nn_mark_t mark, nn_tensor t)
{
    nn_tensor *one = &t;

    if (!nn_start(c, "keep", t))
        return NN_NONE;
    nn_keep_all(c, mark, &one, 1);
    return c->error.status == HSE_OK ? t : NN_NONE;
}

/* ---- tasks ---- */

int nn_task_count(const nn_ctx *c, size_t n, double cost)
{
    double worth = (double)n * cost / TASK_COST;
    size_t most = (size_t)c->threads * 4;

    if (c->threads == 1 || worth < 2)
        return 1;
    if (worth < (double)most)
        most = (size_t)worth;
    return (int)(n < most ? n : most);
}

int nn_even_tile(int n, int most, int least, int threads)
{
    int tiles = nn_max_int((n + most - 1) / most, nn_min(threads, n / nn_max_int(least, 1)));

    if (tiles > 1 && threads > 1)
        tiles = (tiles + threads - 1) / threads * threads;
    return nn_max_int((n + tiles - 1) / nn_max_int(tiles, 1), 1);
}

void nn_task_range(size_t n, int tasks, int t, size_t *from, size_t *to)
{
    size_t each = n / (size_t)tasks, rest = n % (size_t)tasks, i = (size_t)t;

    *from = i * each + (i < rest ? i : rest);
    *to = *from + each + (i < rest ? 1 : 0);
}

void nn_run_tasks(nn_ctx *c, int tasks, hse_task *f, void *arg)
{
    hse_pool_run(tasks > 1 ? c->pool : NULL, tasks, f, arg);
}

int nn_slot_take(nn_ctx *c)
{
    for (int w = 0;; w = (w + 1) % NN_SLOT_WORDS) {
        uint64_t held = atomic_load_explicit(&c->slots[w], memory_order_relaxed);
        while (~held != 0) {
            int bit = __builtin_ctzll(~held);
            if (w * 64 + bit >= c->threads)
                break;
            if (atomic_compare_exchange_weak_explicit(&c->slots[w], &held, held | 1ull << bit, memory_order_acquire,
                                                      memory_order_relaxed))
                return w * 64 + bit;
        }
    }
}

void nn_slot_give(nn_ctx *c, int slot)
{
    atomic_fetch_and_explicit(&c->slots[slot / 64], ~(1ull << (slot % 64)), memory_order_release);
}

/* ---- in and out ---- */

nn_tensor nn_input2d(nn_ctx *c, int items, const int *rows, int width, int cols, const float *const *data)
{
    uint32_t starts;
    int total;

    if (nn_check_stop(c))
        return NN_NONE;
    if (width <= 0 || cols <= 0) {
        nn_error(c, HSE_E_ARG, "input: %d positions of %d columns", width, cols);
        return NN_NONE;
    }
    if (!nn_starts_from(c, "input", items, rows, NULL, &starts, &total))
        return NN_NONE;
    nn_tensor t = nn_make(c, items, starts, total, width, cols);
    if (!nn_running(c) || nn_is_none(t))
        return t;
    float *out = nn_data(c, t);
    for (int i = 0; i < items; i++) {
        size_t n = (size_t)rows[i] * (size_t)width * (size_t)cols;
        if (n != 0)
            memcpy(out, data[i], n * sizeof *out);
        out += n;
    }
    return t;
}

nn_tensor nn_input(nn_ctx *c, int items, const int *rows, int cols, const float *const *data)
{
    return nn_input2d(c, items, rows, 1, cols, data);
}

int nn_items(nn_tensor t)
{
    return t.items;
}

int nn_cols(nn_tensor t)
{
    return t.cols;
}

int nn_width(nn_tensor t)
{
    return t.width;
}

int nn_rows(nn_ctx *c, nn_tensor t, int item)
{
    if (c->error.status != HSE_OK || item < 0 || item >= t.items)
        return 0;
    const int *s = nn_list(c, t.starts);
    return s[item + 1] - s[item];
}

/* The item's first position, or NULL when there is nothing to read: an error, a plan (out is zeroed), a wrong count. */
static const float *read_from(nn_ctx *c, nn_tensor *t, int item, float *out, size_t count)
{
    if (!nn_start(c, "read", *t))
        return NULL;
    if (item < 0 || item >= t->items) {
        nn_error(c, HSE_E_ARG, "read: item %d of %d", item, t->items);
        return NULL;
    }
    size_t have = (size_t)nn_rows(c, *t, item) * (size_t)t->width * (size_t)t->cols;
    if (have != count) {
        nn_error(c, HSE_E_ARG, "read: item %d has %zu numbers, %zu are wanted", item, have, count);
        return NULL;
    }
    *t = nn_settle(c, *t);
    if (c->mode == NN_PLAN)
        memset(out, 0, count * sizeof *out);
    if (!nn_running(c))
        return NULL;
    return nn_data(c, *t) + (size_t)nn_list(c, t->starts)[item] * (size_t)t->width * (size_t)t->ld;
}

void nn_read(nn_ctx *c, nn_tensor t, int item, float *out, size_t count)
{
    nn_mark_t mark = nn_mark(c);
    const float *from = read_from(c, &t, item, out, count);

    if (from) {
        size_t cols = (size_t)t.cols;
        for (size_t p = 0; p < count / cols; p++)
            memcpy(out + p * cols, from + p * (size_t)t.ld, cols * sizeof *out);
    }
    nn_release(c, mark.top);
}

void nn_read_channels_first(nn_ctx *c, nn_tensor t, int item, float *out, size_t count)
{
    nn_mark_t mark = nn_mark(c);
    const float *from = read_from(c, &t, item, out, count);

    if (from) {
        size_t cols = (size_t)t.cols, positions = count / cols;
        for (size_t p = 0; p < positions; p++)
            for (size_t j = 0; j < cols; j++)
                out[j * positions + p] = from[p * (size_t)t.ld + j];
    }
    nn_release(c, mark.top);
}

void nn_tap(nn_ctx *c, nn_tensor t, const char *fmt, ...)
{
    char name[128];
    va_list args;

    if (!c->listener || c->error.status != HSE_OK || nn_is_none(t))
        return;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    nn_mark_t mark = nn_mark(c);
    t = nn_dense(c, t);
    if (nn_running(c)) {
        nn_view view = {.name = name, .items = t.items, .cols = t.cols, .width = t.width,
                        .starts = nn_list(c, t.starts), .data = nn_data(c, t)};
        c->listener(c->listener_user, &view);
    }
    nn_release(c, mark.top);
}
