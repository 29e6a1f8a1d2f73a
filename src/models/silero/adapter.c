/* adapter.c - Silero VAD as a model type: audio in, segments of speech out. */
#include "models/silero/adapter.h"

#include "base/mem.h"
#include "models/silero/following.h"
#include "models/silero/recording.h"
#include "models/silero/segments.h"
#include "models/silero/silero.h"
#include "nn/raw.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The names of the files as upstream gives them, by load_format. `jit` holds the weights of the ONNX file beside it. */
static const struct {
    const char *format, *file;
} files[] = {
    {"onnx", "silero_vad.onnx"},
    {"jit", "silero_vad.onnx"},
    {"safetensors", "silero_vad_16k.safetensors"},
    {"v6", "silero_vad_v6.onnx"},
};

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The weights of a folder, or the path itself when it is a file. */
static hse_status find_file(char *out, size_t size, const hse_model_source *source, hse_error *err)
{
    const char *format = source->load_format ? source->load_format : "auto";
    bool any = strcmp(format, "auto") == 0, known = any;

    for (size_t i = 0; i < COUNT(files); i++)
        known = known || strcmp(format, files[i].format) == 0;
    if (!known)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "load_format \"%s\"; SileroVAD has auto, onnx, jit, safetensors, v6",
                        format);
    if (is_file(source->dir)) {
        if (snprintf(out, size, "%s", source->dir) < (int)size)
            return HSE_OK;
        return hse_fail(err, HSE_E_ARG, 0, "the path is over %zu bytes", size);
    }
    for (size_t i = 0; i < COUNT(files); i++) {
        if (!any && strcmp(format, files[i].format) != 0)
            continue;
        if (snprintf(out, size, "%s/%s", source->dir, files[i].file) >= (int)size)
            return hse_fail(err, HSE_E_ARG, 0, "the path is over %zu bytes", size);
        if (is_file(out))
            return HSE_OK;
    }
    return hse_fail(err, HSE_E_NOT_FOUND, 0, "%.150s has no %s", source->dir,
                    any ? "Silero VAD weights (silero_vad.onnx)" : strrchr(out, '/') + 1);
}

static hse_status vad_open(void **out, const hse_model_source *source, hse_error *err)
{
    char path[4096];
    hse_weights *w = NULL;
    silero *m = NULL;
    hse_status s = find_file(path, sizeof path, source, err);

    if (s == HSE_OK)
        s = hse_weights_open(&w, path, &source->limits, err);
    if (s == HSE_OK)
        s = silero_open(&m, w, strrchr(path, '/') ? strrchr(path, '/') + 1 : path, source->kernels, err);
    if (w)
        hse_weights_close(&w);
    if (s == HSE_OK)
        *out = m;
    return s;
}

static void vad_close(void **model)
{
    silero *m = *model;

    silero_close(&m);
    *model = NULL;
}

typedef struct {
    const silero *model;
    nn_ctx *c;
    hse_item *const *items;
    size_t n;
} vad_batch;

/* An item of a split is its next part; any other is a whole recording. */
static void run_item(void *arg, int i)
{
    const vad_batch *b = arg;
    hse_item *item = b->items[i];
    hse_segment *segments = NULL;
    size_t count = 0;

    if (item->own) {
        item->status = silero_part_run(item->own, b->c, b->n == 1, &item->error);
        return;
    }
    item->status = silero_find_speech(b->model, b->c, item, &segments, &count, &item->error);
    if (item->status != HSE_OK)
        return;
    hse_free(item->segments);
    item->segments = segments;
    item->segment_count = count;
    item->has |= HSE_SEGMENTS;
}

/* A thread for each item: the LSTM of one recording goes chunk by chunk. */
static hse_status vad_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    size_t each = (size_t)nn_threads(c);

    for (size_t i = 0; i < n; i += each) {
        vad_batch b = {.model = model, .c = c, .items = items + i, .n = n - i < each ? n - i : each};

        nn_pause(c);
        hse_pool_run(nn_pool(c), (int)b.n, run_item, &b);
    }
    return HSE_OK;
}

static size_t vad_plan(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    (void)model, (void)c, (void)items, (void)n;
    return 1; /* nothing of the arena; 0 would say "unknown" */
}

static size_t vad_bytes(const void *model)
{
    return silero_bytes(model);
}

static unsigned vad_rate(const void *model)
{
    (void)model;
    return 0;
}

static void vad_describe(const void *model, char *out, size_t size)
{
    const silero_net *wide = silero_at(model, 16000), *narrow = silero_at(model, 8000);

    snprintf(out, size, "Silero VAD, %s, hidden %d, chunks of 32 ms",
             wide && narrow ? "16 and 8 kHz"
             : wide         ? "16 kHz"
                            : "8 kHz",
             silero_hidden(wide ? wide : narrow));
}

/* ---- live streams ---- */

typedef struct {
    silero_stream *stream;
    silero_iterator iterator;
    hse_vad_options options;
    unsigned rate_hz, every; /* every-th sample goes in */
    int window;
    size_t filled, skip; /* samples in chunk; samples until the next that goes in */
    float chunk[512];
    silero_following *following; /* instead of all of the above */
} live;

static void live_reset(void *v)
{
    live *l = v;

    if (l->following) {
        silero_following_reset(l->following);
        return;
    }
    silero_stream_reset(l->stream);
    silero_iterator_init(&l->iterator, l->options.threshold, l->options.min_silence_ms, l->options.pad_ms,
                         l->rate_hz / l->every, l->window);
    l->filled = l->skip = 0;
}

static hse_status live_open(void **out, const void *model, const hse_vad_options *o, unsigned rate_hz, hse_error *err)
{
    unsigned every = rate_hz > 16000 && rate_hz % 16000 == 0 ? rate_hz / 16000 : 1;
    const silero_net *net = silero_at(model, rate_hz / every);
    live *l;
    hse_status s;

    if ((s = silero_vad_check(o, err)) != HSE_OK)
        return s;
    if (o->faster_whisper && rate_hz != 16000)
        return hse_fail(err, HSE_E_ARG, 0, "%u Hz; stretches of speech are followed at 16000 Hz", rate_hz);
    if (!net)
        return hse_fail(err, HSE_E_ARG, 0, "%u Hz; live voice activity needs %s16000 Hz, or a multiple of it", rate_hz,
                        silero_at(model, 8000) ? "8000 or " : "");
    if (!(l = hse_calloc(1, sizeof *l)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a stream");
    s = o->faster_whisper ? silero_following_open(&l->following, net, o, err) : silero_stream_open(&l->stream, model, err);
    if (s != HSE_OK) {
        hse_free(l);
        return s;
    }
    l->options = *o;
    l->rate_hz = rate_hz;
    l->every = every;
    l->window = silero_chunk(net);
    if (!l->following)
        live_reset(l);
    *out = l;
    return HSE_OK;
}

static hse_status live_push(void *v, const float *samples, size_t n, hse_vad_event_fn fn, void *user, hse_error *err)
{
    live *l = v;
    size_t bad = hse_audio_first_bad(samples, n), i = l->skip;

    if (bad < n)
        return hse_fail(err, HSE_E_FORMAT, bad, "sample %zu is not a number", bad);
    if (l->following)
        return silero_following_push(l->following, samples, n, fn, user, err);
    for (; i < n; i += l->every) {
        double at;
        float p;
        silero_event event;
        hse_status s;

        l->chunk[l->filled++] = samples[i];
        if (l->filled < (size_t)l->window)
            continue;
        l->filled = 0;
        if ((s = silero_stream_run(l->stream, l->chunk, 1, (size_t)l->window, l->rate_hz / l->every, &p, err)) !=
            HSE_OK)
            return s;
        event = silero_iterator_push(&l->iterator, p, &at);
        if (event != SILERO_NO_EVENT)
            fn(user, &(hse_vad_event){.start = event == SILERO_START, .at = (int64_t)at * l->every});
    }
    l->skip = i - n;
    return HSE_OK;
}

/* VADIterator says nothing at the end of a stream. */
static hse_status live_finish(void *v, hse_vad_event_fn fn, void *user, hse_error *err)
{
    live *l = v;

    if (l->following)
        return silero_following_finish(l->following, fn, user, err);
    live_reset(l);
    return HSE_OK;
}

static void live_close(void **v)
{
    live *l = *v;

    if (l) {
        silero_following_close(&l->following);
        if (l->stream)
            silero_stream_close(&l->stream);
    }
    hse_free(l);
    *v = NULL;
}

/* faster-whisper's network is one of the files that SileroVAD reads, under a type of its own: what Whisper's programs find
 * speech with. */
static hse_status v6_open(void **out, const hse_model_source *source, hse_error *err)
{
    hse_model_source v6 = *source;

    if (!v6.load_format || strcmp(v6.load_format, "auto") == 0 || strcmp(v6.load_format, "onnx") == 0)
        v6.load_format = "v6";
    if (strcmp(v6.load_format, "v6") != 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "load_format \"%s\"; SileroVADV6 has auto, onnx", v6.load_format);
    return vad_open(out, &v6, err);
}

#define VAD_COMMON                                                                                                     \
    .family = "silero", .takes = HSE_AUDIO, .gives = HSE_SEGMENTS, .auto_precision = K_F32, .close = vad_close,        \
    .run = vad_run, .plan = vad_plan, .bytes = vad_bytes, .rate_hz = vad_rate, .describe = vad_describe,               \
    .split_open = silero_split_open, .split_next = silero_split_next, .split_took = silero_split_took,                 \
    .split_close = silero_split_close, .live_open = live_open, .live_push = live_push, .live_reset = live_reset,       \
    .live_close = live_close, .live_finish = live_finish

const hse_model_type silero_vad_type = {
    VAD_COMMON,
    .type = "SileroVAD",
    .open = vad_open,
    .name = "silero-vad",
    .files = {"silero_vad.onnx|silero_vad_16k.safetensors|silero_vad_v6.onnx"},
};

const hse_model_type silero_vad_v6_type = {
    VAD_COMMON,
    .type = "SileroVADV6",
    .open = v6_open,
    .name = "silero-vad-v6",
    .files = {"silero_vad_v6.onnx"},
};
