/* pack.c - weights into panels, once per process. Its speed is part of the time to load a model: the inner loops read
 * each source row front to back. */
#include "kernels/pack.h"

#include "kernels/convert.h"

enum {
    ALIGN = 64,
    MOST_PANEL = 64,    /* outputs of a panel, on any instruction set */
    LINE = 16,          /* words of 32 bits in a cache line */
    MOST_TURNED = 2048, /* inputs of columns that are turned into rows */
    AHEAD = 8,          /* rows by which columns are fetched early */
    STRETCH = 16,       /* inputs: a cache line of the source, a multiple of every group */
};

static int round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}

static size_t round_up_size(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* The fields that follow from the shape; data, scale and comp point into the block. */
static size_t shape(const k_layout *layout, k_packed *p, void *block, k_weight_type type, int n, int k, int taps)
{
    int most = layout->lanes * layout->vectors, fits = round_up(n, layout->lanes);

    *p = (k_packed){.type = type, .n = n, .k = k, .taps = taps};
    p->panel = fits < most ? (fits > 0 ? fits : layout->lanes) : most;
    p->panels = (n + p->panel - 1) / p->panel;
    size_t padded = (size_t)p->panel * (size_t)p->panels;
    size_t inputs = (size_t)round_up(k, k_group(type)) * (size_t)taps;
    size_t element = type == K_F32 ? 4 : type == K_BF16 ? 2 : 1;

    p->panel_bytes = round_up_size(inputs * (size_t)p->panel * element);
    size_t size = (size_t)p->panels * p->panel_bytes;
    p->data = block;
    if (type == K_INT8) {
        size_t scales = round_up_size(padded * sizeof(float)),
               comps = round_up_size((size_t)taps * padded * sizeof(int32_t));
        if (block != NULL) {
            p->scale = (float *)(void *)((char *)block + size);
            p->comp = (int32_t *)(void *)((char *)block + size + scales);
        }
        size += scales + comps;
    }
    return size;
}

size_t k_pack_size(const k_layout *layout, k_weight_type type, int n, int k, int taps)
{
    k_packed p;

    return shape(layout, &p, NULL, type, n, k, taps);
}

/* Inputs [from, to) of one output and tap into its column of the panel: src[i * w_i] -> dst[i / group][i % group],
 * groups `step` elements apart. */
static void column_f32(float *dst, size_t step, const float *src, size_t w_i, int from, int to)
{
    for (int i = from; i < to; i++)
        dst[(size_t)i * step] = src[(size_t)i * w_i];
}

static void column_bf16(uint16_t *dst, size_t step, const float *src, size_t w_i, int from, int to)
{
    int i = from;

    for (; i + 1 < to; i += 2) {
        uint16_t pair[2] = {k_to_bf16(src[(size_t)i * w_i]), k_to_bf16(src[(size_t)(i + 1) * w_i])};
        memcpy(dst + (size_t)(i / 2) * step, pair, sizeof pair);
    }
    if (i < to)
        dst[(size_t)(i / 2) * step] = k_to_bf16(src[(size_t)i * w_i]);
}

static int32_t column_int8(int8_t *dst, size_t step, const float *src, size_t w_i, int from, int to, float factor)
{
    int32_t sum = 0;

    for (int i = from; i < to; i += 4) {
        int8_t four[4] = {0};
        for (int e = 0; e < 4 && i + e < to; e++) {
            int q = k_to_int8(src[(size_t)(i + e) * w_i], factor);
            four[e] = (int8_t)q;
            sum += q;
        }
        memcpy(dst + (size_t)(i / 4) * step, four, sizeof four);
    }
    return sum;
}

/* The largest magnitude, or NaN if there is one: without their sign the bits of floats order like the numbers. */
static float largest(const float *w, size_t w_t, size_t w_i, int taps, int k)
{
    uint32_t most = 0;
    float result;

    for (int t = 0; t < taps; t++)
        for (int i = 0; i < k; i++) {
            uint32_t u;
            memcpy(&u, &w[(size_t)t * w_t + (size_t)i * w_i], sizeof u);
            u &= 0x7fffffffu;
            most = u > most ? u : most;
        }
    memcpy(&result, &most, sizeof result);
    return result;
}

/* Lanes of a panel in memory: the last one may have fewer vectors. */
static int panel_width(const k_layout *layout, const k_packed *p, int panel)
{
    int left = p->n - panel * p->panel;

    return left < p->panel ? round_up(left, layout->lanes) : p->panel;
}

int k_panel_outputs(const k_packed *p, int panel)
{
    int left = p->n - panel * p->panel;

    return left < p->panel ? left : p->panel;
}

/* What is missing to whole groups and vectors is zero, and every sum starts at zero. */
static char *clear_panel(const k_packed *p, int panel)
{
    char *data = (char *)p->data + (size_t)panel * p->panel_bytes;
    size_t first = (size_t)panel * (size_t)p->panel, padded = (size_t)p->panel * (size_t)p->panels;
    bool full = k_panel_outputs(p, panel) == p->panel && p->k % k_group(p->type) == 0;

    if (!full)
        memset(data, 0, p->panel_bytes);
    if (p->type == K_INT8) {
        memset(p->scale + first, 0, (size_t)p->panel * sizeof *p->scale);
        for (int t = 0; t < p->taps; t++)
            memset(p->comp + (size_t)t * padded + first, 0, (size_t)p->panel * sizeof *p->comp);
    }
    return data;
}

/* bf16 whose inputs lie side by side in w. */
static void panel_rows_bf16(const hse_kernels *k, const k_packed *p, char *data, size_t step, int columns,
                            const float *w, size_t w_n)
{
    enum { INPUTS = 512 };
    _Alignas(ALIGN) uint16_t rows[LINE][INPUTS + ALIGN / 2]; /* one line more: rows in other sets of the cache */

    for (int from = 0; from < p->k; from += INPUTS) {
        int n = p->k - from < INPUTS ? p->k - from : INPUTS;
        for (int j = 0; j < columns; j += LINE) {
            int left = columns - j < LINE ? columns - j : LINE;
            k->to_bf16(&rows[0][0], sizeof rows[0] / sizeof rows[0][0], w + (size_t)j * w_n + from, w_n, left, n,
                       K_NONE, 0.0f);
            k->turn(data + (size_t)(from / 2) * step + (size_t)j * 4, step, rows, sizeof rows[0], left, (n + 1) / 2);
        }
    }
}

/* int8 the same way, from floats or halves. */
static void panel_rows_int8(const hse_kernels *k, const k_packed *p, char *data, size_t step, int first, int columns,
                            const void *w, bool halves, size_t w_n)
{
    _Alignas(ALIGN) int8_t rows[LINE * (K_MOST_INPUTS + 2 * ALIGN)];
    size_t row = round_up_size((size_t)p->k) + ALIGN; /* one line more: rows in other sets of the cache */
    int32_t sum[LINE];

    for (int j = 0; j < columns; j += LINE) {
        int left = columns - j < LINE ? columns - j : LINE;
        k->quantize(rows, row, p->scale + first + j, sum, (const char *)w + (size_t)j * w_n * (halves ? 2 : 4), halves,
                    w_n, left, p->k);
        for (int r = 0; r < left; r++)
            p->comp[first + j + r] = -128 * sum[r];
        k->turn(data + (size_t)j * 4, step, rows, row, left, (p->k + 3) / 4);
    }
}

/* bf16 whose outputs lie side by side in w: two inputs at a time. */
static void panel_columns_bf16(const hse_kernels *k, const k_packed *p, char *data, size_t step, int columns,
                               const float *w, size_t w_i)
{
    _Alignas(ALIGN) uint16_t rows[2][MOST_PANEL] = {{0}};

    for (int i = 0; i < p->k; i += 2, data += step * 2) {
        for (int j = 0; j < columns; j += LINE) { /* rows of a wide matrix are far apart */
            __builtin_prefetch(w + (size_t)(i + AHEAD) * w_i + j);
            __builtin_prefetch(w + (size_t)(i + AHEAD + 1) * w_i + j);
        }
        uint16_t *to = (uint16_t *)(void *)data;
        int n = p->k - i < 2 ? 1 : 2;
        k->to_bf16(&rows[0][0], MOST_PANEL, w + (size_t)i * w_i, w_i, n, columns, K_NONE, 0.0f);
        for (int j = 0; j < columns; j++) {
            to[2 * j] = rows[0][j];
            to[2 * j + 1] = n > 1 ? rows[1][j] : 0;
        }
    }
}

/* int8 the same way: a line's columns become rows. */
static void panel_columns_int8(const hse_kernels *k, const k_packed *p, char *data, size_t step, int first, int columns,
                               const float *w, size_t w_i)
{
    _Alignas(ALIGN) float rows[LINE * (MOST_TURNED + LINE)];
    size_t row =
        round_up_size((size_t)p->k * sizeof(float)) + ALIGN; /* one line more: rows in other sets of the cache */

    for (int j = 0; j < columns; j += LINE) {
        int left = columns - j < LINE ? columns - j : LINE;
        k->turn(rows, row, w + j, w_i * sizeof(float), p->k, left);
        panel_rows_int8(k, p, data + (size_t)j * 4, step, first + j, left, rows, false, row / sizeof(float));
    }
}

/* The inputs go by in stretches, each through all columns, so that the lines that a stretch's columns share are still
 * in the first-level cache for the last of them. */
static void panel_any(const k_packed *p, char *data, size_t step, int first, int columns, const float *w, size_t w_n,
                      size_t w_t, size_t w_i)
{
    int group = k_group(p->type), groups = (p->k + group - 1) / group;
    size_t padded = (size_t)p->panel * (size_t)p->panels;
    float factor[MOST_PANEL] = {0};

    for (int j = 0; p->type == K_INT8 && j < columns; j++) {
        float most = largest(w + (size_t)j * w_n, w_t, w_i, p->taps, p->k);
        factor[j] = k_int8_factor(most);
        p->scale[first + j] = k_int8_scale(most);
    }
    for (int t = 0; t < p->taps; t++)
        for (int from = 0; from < p->k; from += STRETCH) {
            int to = p->k - from < STRETCH ? p->k : from + STRETCH;
            for (int j = 0; j < columns; j++) {
                const float *src = w + (size_t)j * w_n + (size_t)t * w_t;
                size_t at = (size_t)t * (size_t)groups * step + (size_t)(j * group);
                if (p->type == K_F32)
                    column_f32((float *)(void *)data + at, step, src, w_i, from, to);
                else if (p->type == K_BF16)
                    column_bf16((uint16_t *)(void *)data + at, step, src, w_i, from, to);
                else
                    p->comp[(size_t)t * padded + (size_t)(first + j)] -=
                        128 * column_int8((int8_t *)data + at, step, src, w_i, from, to, factor[j]);
            }
        }
}

/* The kernels of a table that has them convert whole rows. */
void k_pack_panel(const hse_kernels *k, const k_packed *p, int panel, const float *w, size_t w_n, size_t w_t,
                  size_t w_i)
{
    int first = panel * p->panel, columns = k_panel_outputs(p, panel), group = k_group(p->type);
    size_t step = (size_t)panel_width(k->layout, p, panel) * (size_t)group;
    char *data = clear_panel(p, panel);
    bool one = p->taps == 1 && k->to_bf16 != NULL && k->to_int8 != NULL;

    if (one && p->type == K_BF16 && w_i == 1)
        panel_rows_bf16(k, p, data, step * 2, columns, w, w_n);
    else if (one && p->type == K_INT8 && w_i == 1 && p->k <= K_MOST_INPUTS)
        panel_rows_int8(k, p, data, step, first, columns, w, false, w_n);
    else if (one && p->type == K_BF16 && w_n == 1)
        panel_columns_bf16(k, p, data, step, columns, w, w_i);
    else if (one && p->type == K_INT8 && w_n == 1 && p->k <= MOST_TURNED)
        panel_columns_int8(k, p, data, step, first, columns, w, w_i);
    else
        panel_any(p, data, step, first, columns, w, w_n, w_t, w_i);
}

void k_pack_panel_halves(const hse_kernels *k, const k_packed *p, int panel, const void *w, size_t w_n)
{
    size_t step = (size_t)panel_width(k->layout, p, panel) * 4;

    panel_rows_int8(k, p, clear_panel(p, panel), step, panel * p->panel, k_panel_outputs(p, panel), w, true, w_n);
}

void k_pack_panel_int8(const hse_kernels *k, const k_packed *p, int panel, const int8_t *w, size_t w_n,
                       const float *scale)
{
    int first = panel * p->panel, columns = k_panel_outputs(p, panel);
    size_t step = (size_t)panel_width(k->layout, p, panel) * 4;
    char *data = clear_panel(p, panel);

    for (int j = 0; j < columns; j++) {
        const int8_t *src = w + (size_t)j * w_n;
        int32_t sum = 0;
        int i = 0;
        for (; p->k - i >= 64; i += 64) {
            int16_t part = 0;
            for (int e = 0; e < 64; e++)
                part = (int16_t)(part + src[i + e]);
            sum += part;
        }
        for (; i < p->k; i++)
            sum += src[i];
        p->scale[first + j] = scale[j];
        p->comp[first + j] = -128 * sum;
    }
    int words = p->k / 4, rest = p->k % 4;
    for (int j = 0; j < columns; j += LINE) {
        int left = columns - j < LINE ? columns - j : LINE;
        k->turn(data + (size_t)j * 4, step, w + (size_t)j * w_n, w_n, left, words);
        for (int r = 0; r < left && rest; r++)
            memcpy(data + (size_t)words * step + (size_t)(j + r) * 4, w + (size_t)(j + r) * w_n + (size_t)words * 4,
                   (size_t)rest);
    }
}

void k_unpack_output(const hse_kernels *k, const k_packed *p, int output, float *out)
{
    int panel = output / p->panel, group = k_group(p->type);
    size_t step = (size_t)panel_width(k->layout, p, panel) * (size_t)group, at = (size_t)(output % p->panel) * (size_t)group;
    const char *data = (const char *)p->data + (size_t)panel * p->panel_bytes;

    for (int i = 0; i < p->k; i++) {
        size_t e = at + (size_t)(i / group) * step + (size_t)(i % group);
        if (p->type == K_F32)
            memcpy(&out[i], data + e * sizeof(float), sizeof(float));
        else if (p->type == K_BF16)
            out[i] = k_from_bf16(((const uint16_t *)(const void *)data)[e]);
        else
            out[i] = (float)((const int8_t *)data)[e] * p->scale[output];
    }
}

size_t k_pack_begin(const hse_kernels *k, k_packed *p, void *block, k_weight_type type, int n, int inputs, int taps)
{
    return shape(k->layout, p, block, type, n, inputs, taps);
}

void k_pack(const k_layout *layout, k_packed *p, void *block, k_weight_type type, int n, int k, int taps,
            const float *w, size_t w_n, size_t w_t, size_t w_i)
{
    const hse_kernels table = {.layout = layout};

    shape(layout, p, block, type, n, k, taps);
    for (int panel = 0; panel < p->panels; panel++)
        k_pack_panel(&table, p, panel, w + (size_t)(panel * p->panel) * w_n, w_n, w_t, w_i);
}
