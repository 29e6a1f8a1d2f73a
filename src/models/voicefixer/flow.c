/* flow.c - see flow.h.
 *
 *     input -> x + sin x, upsampling -> rows[0] -> layer 0 -> rows[1] -> ... -> rows[depth], the next stage's input
 *
 * Between two steps stands a slide: the rows that were made and are still looked at. Steps take turns, each with a piece that
 * stays in the cache, the later stages most often; a step whose input has ended may go on to the end. */
#include "models/voicefixer/flow.h"

#include "nn/raw.h"

#include <limits.h>

static const float SLOPE_BETWEEN = 0.2f, SLOPE_INSIDE = 0.01f;
enum { PIECE_ROWS = 2048 };                 /* that a step makes at once; more when there are threads that want some, too */

typedef struct {
    nn_tensor rows;                         /* room for them */
    int       from, to;                     /* what is ever to be here; rows are counted from the window's first */
    int       first, end, kept;             /* what is here; from `kept` on somebody will look at it */
} slide;

typedef struct {
    slide rows[VF_MAX_DEPTH + 1];
    int   piece;                            /* rows made at once */
} stage_flow;

typedef struct {
    const vf_vocoder *m;
    nn_ctx           *c;
    slide             input;                /* the first stage's */
    stage_flow        stage[VF_MAX_STAGES];
    int               from, to, made;       /* samples wanted; made so far, the window's first ones included */
    float            *out;
} flow;

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* ---- slides ---- */

/* `looks`: rows that a step looks at beside those that it makes. Some room more makes rows move to the front less often. */
static slide slide_new(nn_ctx *c, int from, int to, int piece, int looks, int cols)
{
    int all = to - from, room = piece < all ? least(all, piece + 2 * looks + 1) : all;

    return (slide){.rows = nn_new_rows(c, room, cols), .from = from, .to = to, .first = from, .end = from, .kept = from};
}

static nn_tensor slide_part(nn_ctx *c, const slide *s, int from, int to)
{
    return nn_part_rows(c, s->rows, from - s->first, to - from);
}

static nn_tensor slide_all(nn_ctx *c, const slide *s)
{
    return slide_part(c, s, s->first, s->end);
}

/* The rows up to `to`, to be written. */
static nn_tensor slide_grow(nn_ctx *c, slide *s, int to)
{
    int from = s->end;

    if (to - s->first > s->rows.rows) {
        nn_front_rows(c, s->rows, s->kept - s->first, s->end - s->kept);
        s->first = s->kept;
    }
    s->end = to;
    return slide_part(c, s, from, to);
}

/* ---- steps: each makes a piece if it can ---- */

/* Up to where b can be made of a, `ready` being where a allows it before its end. */
static int can_make(const slide *a, const slide *b, int ready, int piece)
{
    return least(a->end == a->to ? b->to : ready, least(b->to, piece < INT_MAX - b->end ? b->end + piece : b->to));
}

static bool upsample(flow *f, int i)
{
    const vf_stage *s = &f->m->stage[i];
    slide *a = i ? &f->stage[i - 1].rows[f->m->stage[i - 1].depth] : &f->input, *b = &f->stage[i].rows[0];
    nn_conv_transpose1d_layer up = s->up;
    int next = b->end, end = can_make(a, b, a->end * up.stride - up.left, f->stage[i].piece);

    if (end <= next)
        return false;
    nn_mark_t mark = nn_mark(f->c);
    nn_tensor out = slide_grow(f->c, b, end);
    up.left = next + s->up.left - a->first * up.stride;
    up.right = (a->end - a->first - 1) * up.stride + up.kernel - up.left - (end - next);
    nn_conv_transpose1d_into(f->c, &up, nn_act(f->c, slide_all(f->c, a), K_ADD_SIN, SLOPE_BETWEEN), out);
    nn_tap(f->c, out, "generator.%d", 3 * i + 3);
    nn_keep_all(f->c, mark, NULL, 0);
    a->kept = least(a->end, most(a->first, (end + s->up.left) / up.stride - (up.w.taps - 1)));
    return true;
}

/* Rows of what layer q of a stack makes of x, as many as out has. */
static nn_tensor run_layer(nn_ctx *c, const vf_stage *s, int q, nn_tensor x, int from, nn_tensor out, int index)
{
    nn_res_stack one = {.n = 1, .layer = {{&s->wide[q], &s->narrow[q]}}};
    nn_tensor y = nn_res_stacks1d_rows(c, 1, &one, SLOPE_INSIDE, 1.0f, x, from, out);

    if (nn_listening(c)) {
        nn_mark_t mark = nn_mark(c);
        nn_tap(c, nn_add(c, y, nn_scale(c, x, -1.0f)), "generator.%d.layers.%d", index, q);
        nn_keep_all(c, mark, NULL, 0);
    }
    return y;
}

nn_tensor vf_stack_run(nn_ctx *c, const vf_stage *s, nn_tensor x, int index)
{
    nn_tensor other = nn_new(c, x, s->channels);

    for (int q = 0; q < s->depth; q++) {
        nn_tensor y = run_layer(c, s, q, x, 0, other, index);
        other = x;
        x = y;
    }
    nn_tap(c, x, "generator.%d", index);
    return x;
}

static int layer_reach(const vf_stage *s, int q)
{
    return s->wide[q].left + s->narrow[q].left;
}

static bool layer(flow *f, int i, int q)
{
    const vf_stage *s = &f->m->stage[i];
    slide *a = &f->stage[i].rows[q], *b = a + 1;
    int next = b->end, reach = layer_reach(s, q), end = can_make(a, b, a->end - reach, f->stage[i].piece);

    if (end <= next)
        return false;
    nn_mark_t mark = nn_mark(f->c);
    nn_tensor out = slide_grow(f->c, b, end);
    run_layer(f->c, s, q, slide_all(f->c, a), next - a->first, out, 3 * i + 4);
    if (q == s->depth - 1)
        nn_tap(f->c, out, "generator.%d", 3 * i + 4);
    nn_keep_all(f->c, mark, NULL, 0);
    a->kept = least(a->end, most(a->first, end - reach));
    return true;
}

static bool finish(flow *f)
{
    const vf_vocoder *m = f->m;
    const nn_conv1d_to_one_layer *last = &m->last;
    stage_flow *s = &f->stage[m->stages - 1];
    slide *a = &s->rows[m->stage[m->stages - 1].depth];
    int next = f->made, end = a->end == a->to ? a->to : a->end - last->right, low = most(a->first, next - last->left);

    if (end <= next)
        return false;
    nn_mark_t mark = nn_mark(f->c);
    nn_tensor x = slide_part(f->c, a, low, least(a->end, end + last->right));
    x = nn_conv1d_to_one(f->c, last, nn_leaky_relu(f->c, x, SLOPE_BETWEEN));
    nn_tap(f->c, x, "generator.%d", 3 * m->stages + 4);
    x = nn_tanh(f->c, x);
    int from = most(next, f->from), to = least(end, f->to);
    if (from < to && !nn_planning(f->c))
        nn_read(f->c, nn_part_rows(f->c, x, from - low, to - from), 0, f->out + (from - f->from), (size_t)(to - from));
    nn_keep_all(f->c, mark, NULL, 0);
    f->made = end;
    a->kept = most(a->first, end - last->left);
    return true;
}

/* Stage i and those behind it, as far as its input allows. */
static bool advance(flow *f, int i)
{
    bool made = false, more;

    do {
        more = upsample(f, i);
        for (int q = 0; q < f->m->stage[i].depth; q++)
            more |= layer(f, i, q);
        more |= i + 1 < f->m->stages ? advance(f, i + 1) : finish(f);
        made |= more;
    } while (more && nn_ok(f->c));
    return made;
}

/* Frames of the window that stage i has to see; behind the last stage as many as in it. */
static void frames_of(const vf_vocoder *m, int i, size_t frames, size_t from, size_t to, int *low, int *high)
{
    size_t reach = (size_t)m->context[least(i, m->stages - 1)];

    *low = i > 0 && from > reach ? (int)(from - reach) : 0;
    *high = (int)(i > 0 && frames - to > reach ? to + reach : frames);
}

static void open_stage(flow *f, int i, int rate, size_t frames, size_t from, size_t to)
{
    const vf_vocoder *m = f->m;
    const vf_stage *s = &m->stage[i];
    stage_flow *t = &f->stage[i];
    int low, high;

    t->piece = nn_listening(f->c) ? INT_MAX : m->piece_rows > 0 ? m->piece_rows : PIECE_ROWS / 2 * most(nn_threads(f->c), 2);
    for (int q = 0; q <= s->depth; q++) {
        int behind = i + 1 < m->stages ? m->stage[i + 1].up.w.taps : m->last.kernel;
        frames_of(m, q < s->depth ? i : i + 1, frames, from, to, &low, &high);
        t->rows[q] = slide_new(f->c, low * rate, high * rate, t->piece, q < s->depth ? 2 * layer_reach(s, q) : behind, s->channels);
    }
}

void vf_flow_run(const vf_vocoder *m, nn_ctx *c, nn_tensor x, size_t from, size_t to, float *out)
{
    int frames = nn_rows(c, x, 0), rate = 1;
    flow f = {.m = m, .c = c, .input = {.rows = x, .to = frames, .end = frames}, .out = out};

    if (frames > INT_MAX / 2 / m->hop) {
        nn_error(c, HSE_E_LIMIT, "%d frames of %d samples at once", frames, m->hop);
        return;
    }
    f.from = (int)from * m->hop;
    f.to = (int)to * m->hop;
    for (int i = 0; i < m->stages && nn_ok(c); i++) {
        rate *= m->stage[i].factor;
        open_stage(&f, i, rate, (size_t)frames, from, to);
    }
    f.made = f.stage[m->stages - 1].rows[m->stage[m->stages - 1].depth].from;
    if (nn_ok(c))
        advance(&f, 0);
}
