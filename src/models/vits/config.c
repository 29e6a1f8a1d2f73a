#include "models/vits/config.h"

#include "base/arena.h"
#include "base/mem.h"
#include "formats/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_BYTES = 4 << 20, MAX_SYMBOLS = 1 << 16, MAX_SPEAKERS = 1 << 16, MAX_LIST = 32, MAX_HOP = 1 << 16 };

typedef struct {
    const char *symbol;
    int         id;
} entry;

typedef struct {
    vits_config config;                     /* first: the handle is a pointer to it */
    hse_arena   arena;
    entry      *sorted;                     /* symbols by name; of equal ones the first counts, as list.index does */
    const char *name;
    char        first[160];                 /* the first mistake */
    int         problems;
} reader;

HSE_PRINTF(2, 3) static void problem(reader *r, const char *fmt, ...)
{
    va_list args;

    if (r->problems++)
        return;
    va_start(args, fmt);
    vsnprintf(r->first, sizeof r->first, fmt, args);
    va_end(args);
}

/* ---- members ---- */

static int integer(reader *r, const json_t *object, const char *key, int low, int high, const int *otherwise)
{
    const json_t *v = json_object_get(object, key);

    if ((!v || json_is_null(v)) && otherwise)
        return *otherwise;
    if (!json_is_integer(v))
        problem(r, "\"%s\" is %s; an integer was expected", key, v ? "of another type" : "missing");
    else if (json_integer_value(v) < low || json_integer_value(v) > high)
        problem(r, "\"%s\" is %lld; expected %d to %d", key, (long long)json_integer_value(v), low, high);
    else
        return (int)json_integer_value(v);
    return low;
}

static bool flag(reader *r, const json_t *object, const char *key, bool otherwise)
{
    const json_t *v = json_object_get(object, key);

    if (v && !json_is_null(v) && !json_is_boolean(v))
        problem(r, "\"%s\" is not true or false", key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

/* A list of integers; how many. */
static int integers(reader *r, const json_t *list, const char *key, int *out, int max, int low, int high)
{
    size_t n = json_array_size(list);

    if (!json_is_array(list) || n == 0 || n > (size_t)max) {
        problem(r, "\"%s\" must be a list of 1 to %d integers", key, max);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);

        if (!json_is_integer(v) || json_integer_value(v) < low || json_integer_value(v) > high) {
            problem(r, "\"%s\" item %zu is not an integer of %d to %d", key, i, low, high);
            return 0;
        }
        out[i] = (int)json_integer_value(v);
    }
    return (int)n;
}

/* What upstream has no use for is not looked at: dilations beyond those of its blocks, kernels beyond the stages. */
static void read_blocks(reader *r, const json_t *model)
{
    vits_dims *d = &r->config.dims;
    const json_t *block = json_object_get(model, "resblock"), *dilations = json_object_get(model, "resblock_dilation_sizes");
    int list[MAX_LIST], used;

    if (!block)
        problem(r, "\"resblock\" is missing");
    d->resblock = json_is_string(block) && strcmp(json_string_value(block), "1") == 0 ? 1 : 2;     /* upstream: all else is "2" */
    used = d->resblock == 1 ? 3 : 2;
    d->kernels = integers(r, json_object_get(model, "resblock_kernel_sizes"), "resblock_kernel_sizes", d->block_kernel,
                          VITS_MAX_KERNELS, 1, 255);
    if (json_array_size(dilations) < (size_t)d->kernels)
        problem(r, "\"resblock_dilation_sizes\" has %zu lists for %d kernels", json_array_size(dilations), d->kernels);
    for (int i = 0; i < d->kernels; i++) {
        int n = integers(r, json_array_get(dilations, (size_t)i), "resblock_dilation_sizes", list, MAX_LIST, 1, 1024);

        if (n < used)
            problem(r, "\"resblock_dilation_sizes\" item %d has fewer than %d dilations", i, used);
        for (int q = 0; q < used && q < n; q++) {
            d->dilation[i][q] = list[q];
            if (d->block_kernel[i] % 2 == 0 && (d->resblock == 1 || list[q] % 2 != 0))
                problem(r, "\"resblock_kernel_sizes\" item %d is even: the length would change", i);
        }
    }
}

static void read_decoder(reader *r, const json_t *model)
{
    vits_dims *d = &r->config.dims;
    int list[MAX_LIST], kernels, hop = 1;

    read_blocks(r, model);
    d->stages = integers(r, json_object_get(model, "upsample_rates"), "upsample_rates", d->up_rate, VITS_MAX_STAGES, 1, 512);
    kernels = integers(r, json_object_get(model, "upsample_kernel_sizes"), "upsample_kernel_sizes", list, MAX_LIST, 1, 1024);
    if (kernels < d->stages)
        problem(r, "%d upsample_rates, but %d upsample_kernel_sizes", d->stages, kernels);
    for (int i = 0; i < d->stages && i < kernels; i++)
        d->up_kernel[i] = list[i];
    for (int i = 0; i < d->stages && hop <= MAX_HOP; i++)
        hop *= d->up_rate[i];
    if (hop > MAX_HOP)
        problem(r, "\"upsample_rates\" make more than %d samples of a frame", MAX_HOP);
    d->up_channels = integer(r, model, "upsample_initial_channel", 2, VITS_MAX_DIM, NULL);
}

static void read_model(reader *r, const json_t *model, vits_config_kind kind)
{
    vits_config *c = &r->config;
    vits_dims *d = &c->dims;
    int four = 4, six = 6;

    if (!json_is_object(model)) {
        problem(r, "\"model\" is missing or not an object");
        return;
    }
    d->inter = integer(r, model, "inter_channels", 1, VITS_MAX_DIM, NULL);
    d->hidden = integer(r, model, "hidden_channels", 1, VITS_MAX_DIM, NULL);
    d->filter = integer(r, model, "filter_channels", 1, VITS_MAX_DIM, NULL);
    d->heads = integer(r, model, "n_heads", 1, 256, NULL);
    d->layers = integer(r, model, "n_layers", 1, VITS_MAX_LAYERS, NULL);
    d->kernel = integer(r, model, "kernel_size", 1, 255, NULL);
    d->gin = integer(r, model, "gin_channels", 1, VITS_MAX_DIM, NULL);
    if (d->hidden % d->heads != 0)
        problem(r, "%d hidden_channels do not divide into %d n_heads", d->hidden, d->heads);
    if (d->inter % 2 != 0)
        problem(r, "\"inter_channels\" is %d; the flow halves it", d->inter);
    read_decoder(r, model);
    c->zero_g = flag(r, model, "zero_g", false);
    if (kind != VITS_MELO)
        return;
    c->transformer_flow = flag(r, model, "use_transformer_flow", true);
    c->flow_layers = integer(r, model, "n_flow_layer", 1, c->transformer_flow ? VITS_MAX_FLOWS : VITS_MAX_LAYERS, &four);
    c->flow_encoder_layers = integer(r, model, "n_layers_trans_flow", 1, VITS_MAX_LAYERS, &six);
    c->conditioned_encoder = flag(r, model, "use_spk_conditioned_encoder", true);
    c->encoder_unheard = c->conditioned_encoder && flag(r, model, "use_vc", false);
    if (flag(r, model, "flow_share_parameter", false))
        problem(r, "\"flow_share_parameter\" is true, which is not supported");
}

/* ---- lists ---- */

static int by_symbol(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(x->symbol, y->symbol);

    return order ? order : (x->id > y->id) - (x->id < y->id);
}

static void read_symbols(reader *r, const json_t *list)
{
    size_t n = json_array_size(list);
    const char **names;

    if (!json_is_array(list) || n == 0 || n > MAX_SYMBOLS) {
        problem(r, "\"symbols\" must be a list of 1 to %d strings", MAX_SYMBOLS);
        return;
    }
    names = hse_arena_array(&r->arena, n, sizeof *names);
    r->sorted = hse_arena_array(&r->arena, n, sizeof *r->sorted);
    for (size_t i = 0; names && r->sorted && i < n; i++) {
        const json_t *v = json_array_get(list, i);

        if (!json_is_string(v))
            problem(r, "\"symbols\" item %zu is not a string", i);
        names[i] = hse_arena_strndup(&r->arena, json_is_string(v) ? json_string_value(v) : "",
                                     json_is_string(v) ? json_string_length(v) : 0);
        if (!names[i])
            return;
        r->sorted[i] = (entry){names[i], (int)i};
    }
    if (!names || !r->sorted)
        return;
    qsort(r->sorted, n, sizeof *r->sorted, by_symbol);
    r->config.symbols = names;
    r->config.symbol_count = n;
}

static void read_speakers(reader *r, json_t *map, const char *key)
{
    size_t n = json_object_size(map), at = 0;
    vits_speaker *list;
    const char *name;
    json_t *v;

    if (!json_is_object(map) || n == 0 || n > MAX_SPEAKERS) {
        problem(r, "\"%s\" must be an object of 1 to %d speakers", key, MAX_SPEAKERS);
        return;
    }
    if (!(list = hse_arena_array(&r->arena, n, sizeof *list)))
        return;
    json_object_foreach(map, name, v)
    {
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= r->config.n_speakers)
            problem(r, "\"%s\": \"%.40s\" is not one of the %d speakers", key, name, r->config.n_speakers);
        else if ((list[at].name = hse_arena_strndup(&r->arena, name, strlen(name))))
            list[at++].id = (int)json_integer_value(v);
        else
            return;
    }
    r->config.speakers = list;
    r->config.speaker_count = at;
}

static void read_all(reader *r, const json_t *root, vits_config_kind kind)
{
    const json_t *data = json_object_get(root, "data"), *model = json_object_get(root, "model");
    vits_config *c = &r->config;
    int none = 0;

    if (!json_is_object(data)) {
        problem(r, "\"data\" is missing or not an object");
        return;
    }
    c->rate_hz = integer(r, data, "sampling_rate", 1000, 384000, NULL);
    c->filter_length = integer(r, data, "filter_length", 2, 1 << 16, NULL);
    c->hop_length = integer(r, data, "hop_length", 1, 1 << 16, NULL);
    c->win_length = integer(r, data, "win_length", 1, 1 << 16, &c->filter_length);
    if (kind == VITS_CONVERTER && (c->win_length > c->filter_length || c->hop_length > c->filter_length))
        problem(r, "a window of %d and a hop of %d samples in frames of %d", c->win_length, c->hop_length,
                c->filter_length);
    c->n_speakers = integer(r, data, "n_speakers", kind == VITS_CONVERTER ? 0 : 1, MAX_SPEAKERS,
                            kind == VITS_CONVERTER ? &none : NULL);
    c->add_blank = flag(r, data, "add_blank", false);
    c->disable_bert = flag(r, data, "disable_bert", false);
    read_model(r, model, kind);
    if (kind == VITS_CONVERTER)
        return;
    read_symbols(r, json_object_get(root, "symbols"));
    if (kind == VITS_OPENVOICE_BASE) {
        read_speakers(r, json_object_get(root, "speakers"), "speakers");
        return;
    }
    read_speakers(r, json_object_get(data, "spk2id"), "spk2id");
    c->tones = integer(r, root, "num_tones", 1, 1 << 12, NULL);
    c->languages = integer(r, root, "num_languages", 1, 1 << 12, NULL);
}

/* ---- the object ---- */

hse_status vits_config_open(vits_config **out, hse_bytes json, const char *name, vits_config_kind kind, hse_error *err)
{
    json_t *root = NULL;
    reader *r;
    hse_status s = hse_json_parse(&root, json, name, &(hse_json_limits){.max_bytes = CONFIG_BYTES}, err);

    if (s != HSE_OK)
        return s;
    if (!(r = hse_calloc(1, sizeof *r))) {
        json_decref(root);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a config");
    }
    hse_arena_init(&r->arena, 16 << 20);
    read_all(r, root, kind);
    json_decref(root);
    vits_config *c = &r->config;
    if (r->problems)
        s = r->problems == 1 ? hse_fail(err, HSE_E_FORMAT, 0, "%.60s: %s", name, r->first)
                             : hse_fail(err, HSE_E_FORMAT, 0, "%.60s: %s (and %d more)", name, r->first, r->problems - 1);
    else if (kind != VITS_CONVERTER && (!c->symbols || !c->speakers))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for a config");
    if (s != HSE_OK)
        vits_config_close(&c);
    else
        *out = c;
    return s;
}

void vits_config_close(vits_config **config)
{
    reader *r = (reader *)(void *)*config;

    if (!r)
        return;
    hse_arena_free(&r->arena);
    hse_free(r);
    *config = NULL;
}

/* Bytes of `symbol` against the string s, as strcmp orders them. */
static int order_of(const char *s, const char *symbol, size_t size)
{
    int order = strncmp(s, symbol, size);

    return order ? order : s[size] != '\0';
}

int vits_symbol_id(const vits_config *config, const char *symbol, size_t size)
{
    const reader *r = (const reader *)(const void *)config;
    size_t low = 0, high = config->symbol_count;

    while (low < high) {                    /* the first that is not below it */
        size_t middle = low + (high - low) / 2;

        if (order_of(r->sorted[middle].symbol, symbol, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < config->symbol_count && order_of(r->sorted[low].symbol, symbol, size) == 0 ? r->sorted[low].id : -1;
}

int vits_speaker_id(const vits_config *config, const char *name)
{
    for (size_t i = 0; i < config->speaker_count; i++)
        if (strcmp(config->speakers[i].name, name) == 0)
            return config->speakers[i].id;
    return -1;
}
