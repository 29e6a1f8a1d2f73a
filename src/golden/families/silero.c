/* silero.c - adapter of the golden cases of family silero. */
#include "golden/case.h"

#include "base/mem.h"
#include "models/silero/adapter.h"
#include "models/silero/segments.h"
#include "models/silero/silero.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static silero *open_model(golden_case *c)
{
    char path[GOLDEN_PATH];
    hse_weights *w = NULL;
    hse_error err = {0};
    silero *m = NULL;

    if (!golden_model_path(c, "checkpoint", path))
        return NULL;
    if (hse_weights_open(&w, path, NULL, &err) != HSE_OK ||
        silero_open(&m, w, "the checkpoint", c->kernels, &err) != HSE_OK)
        golden_fail_error(c, path, &err);
    if (w)
        hse_weights_close(&w);
    return m;
}

static const silero_net *net_of(golden_case *c, const silero *m, unsigned rate_hz)
{
    const silero_net *net = m ? silero_at(m, rate_hz) : NULL;

    if (!net)
        golden_fail(c, "the checkpoint has no weights for %u Hz", rate_hz);
    return net;
}

/* The one audio input of a case, whatever its name. */
static const char *first_input(const golden_case *c)
{
    return json_object_iter_key(json_object_iter(json_object_get(c->json, "inputs")));
}

/* ---- layers ---- */

typedef struct {
    float *stage[SILERO_STAGES], *state, *prob;
} layer_results;

static void run_layers(golden_case *c, const silero_net *net, const golden_array *x, const golden_array *state,
                       layer_results *out)
{
    size_t rows = x->dim[0], hidden = (size_t)silero_hidden(net);
    silero_scratch *w = NULL;
    hse_error err = {0};

    if (silero_scratch_open(&w, net, 1, &err) != HSE_OK) {
        golden_fail_error(c, "scratch", &err);
        return;
    }
    memcpy(out->state, state->data, state->count * sizeof(float));
    for (size_t r = 0; r < rows; r++) {
        silero_run(net, w, x->data + r * x->dim[1], x->dim[1], 1, out->state + r * hidden,
                   out->state + (rows + r) * hidden, &out->prob[r]);
        for (silero_stage s = 0; s < SILERO_STAGES; s++)
            silero_stage_read(net, w, s, out->stage[s] + r * (size_t)silero_stage_size(net, s));
    }
    silero_scratch_close(&w);
}

static void layers(golden_case *c)
{
    static const char *const names[SILERO_STAGES] = {"padded", "magnitude", "conv1", "conv2", "conv3", "conv4"};
    silero *m = open_model(c);
    const silero_net *net = net_of(c, m, (unsigned)golden_param(c, "sr", 16000));
    golden_array x = {0}, state = {0};
    layer_results out = {.state = NULL};

    if (net && golden_input(c, "chunk_with_context", &x) && golden_input(c, "state", &state)) {
        size_t rows = x.dim[0];
        if (x.rank != 2 || x.dim[1] != (size_t)silero_chunk(net) + (size_t)silero_context(net) ||
            state.count != 2 * rows * (size_t)silero_hidden(net)) {
            golden_fail(c, "inputs of another shape");
        } else {
            bool ok =
                (out.state = hse_alloc(state.count * sizeof(float))) && (out.prob = hse_alloc(rows * sizeof(float)));
            for (silero_stage s = 0; s < SILERO_STAGES; s++)
                ok = ok && (out.stage[s] = hse_alloc(rows * (size_t)silero_stage_size(net, s) * sizeof(float)));
            if (!ok)
                golden_fail(c, "no memory");
            else
                run_layers(c, net, &x, &state, &out);
        }
    }
    if (!c->failed) {
        size_t rows = x.dim[0];
        size_t frames[SILERO_STAGES] = {1, 4, 4, 2, 1, 1};

        golden_give2(c, "padded", out.stage[0], rows, (size_t)silero_stage_size(net, SILERO_PADDED));
        for (silero_stage s = 1; s < SILERO_STAGES; s++)
            golden_give(c, names[s], out.stage[s], 3,
                        (size_t[]){rows, (size_t)silero_stage_size(net, s) / frames[s], frames[s]});
        golden_give(c, "state_next", out.state, 3, state.dim);
        golden_give1(c, "prob", out.prob, rows);
        golden_give1(c, "prob_onnx", out.prob, rows);
    }
    for (silero_stage s = 0; s < SILERO_STAGES; s++)
        hse_free(out.stage[s]);
    hse_free(out.state);
    hse_free(out.prob);
    golden_free_array(&x);
    golden_free_array(&state);
    silero_close(&m);
}

/* ---- probs ---- */

typedef struct {
    float *states; /* [wanted][h | c] */
    size_t wanted, hidden;
} state_log;

static void log_state(void *user, size_t chunk, float prob, const float *h, const float *c)
{
    state_log *log = user;

    (void)prob;
    if (chunk >= log->wanted)
        return;
    memcpy(log->states + chunk * 2 * log->hidden, h, log->hidden * sizeof *h);
    memcpy(log->states + (chunk * 2 + 1) * log->hidden, c, log->hidden * sizeof *c);
}

/* The streaming wrapper, fed the same chunks one by one, must give the same bits as the file at once; and so must each
 * stream of a batch. */
static void check_stream(golden_case *c, const silero *m, const silero_net *net, unsigned rate, const golden_array *x,
                         const float *probs)
{
    size_t chunk = (size_t)silero_chunk(net), count = silero_chunks(net, x->count),
           n = (size_t)(c->options->batch > 1 ? c->options->batch : 1);
    float *in = hse_calloc(n * chunk, sizeof *in), *p = hse_calloc(n, sizeof *p),
          *all = hse_calloc(count + 1, sizeof *all);
    silero_stream *s = NULL;
    hse_error err = {0};
    uint32_t seed = 7;

    if (!in || !p || !all || silero_stream_open(&s, m, &err) != HSE_OK) {
        golden_fail(c, "no memory");
    } else {
        size_t mine = n / 2;
        for (size_t i = 0; i < count && !c->failed; i++) {
            size_t there = x->count - i * chunk < chunk ? x->count - i * chunk : chunk;
            for (size_t k = 0; k < n * chunk; k++)
                in[k] = 0.3f * golden_noise(&seed);
            memset(in + mine * chunk, 0, chunk * sizeof *in);
            memcpy(in + mine * chunk, x->data + i * chunk, there * sizeof *in);
            if (silero_stream_run(s, in, (int)n, chunk, rate, p, &err) != HSE_OK)
                golden_fail_error(c, "stream", &err);
            all[i] = p[mine];
        }
        golden_same_bits(c, "the streamed probabilities", probs, count, all, count);
    }
    silero_stream_close(&s);
    hse_free(in);
    hse_free(p);
    hse_free(all);
}

static void run_probs(golden_case *c, const silero *m, const silero_net *net, unsigned rate, const golden_array *x)
{
    size_t count = silero_chunks(net, x->count), hidden = (size_t)silero_hidden(net),
           context = (size_t)silero_context(net);
    state_log log = {.hidden = hidden};
    float *probs, *state, *last;
    hse_error err = {0};

    log.wanted = (size_t)json_integer_value(json_array_get(
        json_object_get(json_object_get(json_object_get(c->json, "stages"), "state_first_chunks"), "shape"), 0));
    log.wanted = log.wanted < count ? log.wanted : count;
    probs = hse_alloc((count + 1) * sizeof *probs);
    state = hse_alloc(2 * hidden * sizeof *state);
    last = hse_alloc(context * sizeof *last);
    log.states = hse_alloc((log.wanted + 1) * 2 * hidden * sizeof *log.states);
    if (!probs || !state || !last || !log.states)
        golden_fail(c, "no memory");
    else if (silero_file(net, x->data, x->count, probs, state, state + hidden, last, NULL, NULL, &err) != HSE_OK ||
             silero_file(net, x->data, x->count, NULL, NULL, NULL, NULL, log_state, &log, &err) != HSE_OK)
        golden_fail_error(c, "probabilities", &err);
    if (!c->failed) {
        golden_give1(c, "probs", probs, count);
        golden_give(c, "state_last", state, 3, (size_t[]){2, 1, hidden});
        golden_give(c, "state_first_chunks", log.states, 4, (size_t[]){log.wanted, 2, 1, hidden});
        golden_give2(c, "context_last", last, 1, context);
        check_stream(c, m, net, rate, x, probs);
    }
    hse_free(probs);
    hse_free(state);
    hse_free(last);
    hse_free(log.states);
}

static void probs(golden_case *c)
{
    silero *m = open_model(c);
    golden_array x = {0};
    unsigned rate = 0;

    if (m && golden_wav(c, first_input(c), &x, &rate)) {
        const silero_net *net = net_of(c, m, rate);
        if (net)
            run_probs(c, m, net, rate, &x);
    }
    golden_free_array(&x);
    silero_close(&m);
}

/* ---- the streaming wrapper ---- */

static void run_script(golden_case *c, silero_stream *s, json_t *script)
{
    json_t *step;
    size_t i;

    json_array_foreach(script, i, step)
    {
        json_t *starts = json_object_get(step, "starts"), *got = json_array();
        size_t n = json_array_size(starts), samples = (size_t)golden_number(step, "samples", 0);
        golden_array x = {0};
        unsigned rate;
        float *in = hse_calloc(n * samples + 1, sizeof *in), p[64];
        hse_error err = {0};

        if (json_object_get(step, "op")) {
            silero_stream_reset(s);
        } else if (!in || n > COUNT(p) ||
                   !golden_wav(c, json_string_value(json_object_get(step, "input")), &x, &rate)) {
            golden_fail(c, "step %zu cannot be run", i);
        } else {
            for (size_t k = 0; k < n; k++) {
                size_t from = (size_t)json_integer_value(json_array_get(starts, k));
                for (size_t t = 0; t < samples && from + t < x.count; t++)
                    in[k * samples + t] = x.data[from + t];
            }
            if (silero_stream_run(s, in, (int)n, samples, (unsigned)golden_number(step, "sr", 0), p, &err) != HSE_OK)
                golden_fail_error(c, "stream", &err);
            for (size_t k = 0; k < n; k++)
                json_array_append_new(got, json_real((double)p[k]));
            json_object_set(step, "probs", got);
        }
        json_decref(got);
        hse_free(in);
        golden_free_array(&x);
    }
}

static void run_errors(silero_stream *s, json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        size_t samples = (size_t)golden_number(row, "samples", 0);
        float *x = hse_calloc(samples + 1, sizeof *x), p;
        hse_error err = {0};
        hse_status status =
            x ? silero_stream_run(s, x, 1, samples, (unsigned)golden_number(row, "sr", 0), &p, &err) : HSE_OK;

        json_object_set_new(row, "error", status != HSE_OK ? json_string(hse_status_name(status)) : json_null());
        json_object_set_new(row, "message", json_string(err.text));
        hse_free(x);
    }
}

static void stream_resets(golden_case *c)
{
    silero *m = open_model(c);
    json_t *script = golden_expected_json(c, "script"), *errors = golden_expected_json(c, "errors");
    silero_stream *s = NULL;
    hse_error err = {0};

    if (m && script && errors && silero_stream_open(&s, m, &err) == HSE_OK) {
        run_script(c, s, script);
        silero_stream_reset(s);
        run_errors(s, errors);
        golden_give_json(c, "script", json_incref(script));
        golden_give_json(c, "errors", json_incref(errors));
    }
    silero_stream_close(&s);
    json_decref(script);
    json_decref(errors);
    silero_close(&m);
}

/* ---- segments ---- */

static void read_options(hse_vad_options *o, const json_t *params)
{
    o->threshold = golden_number(params, "threshold", o->threshold);
    o->neg_threshold = golden_number(params, "neg_threshold", o->neg_threshold);
    o->min_speech_ms = golden_number(params, "min_speech_duration_ms", o->min_speech_ms);
    o->max_speech_s = golden_number(params, "max_speech_duration_s", o->max_speech_s);
    o->min_silence_ms = golden_number(params, "min_silence_duration_ms", o->min_silence_ms);
    o->pad_ms = golden_number(params, "speech_pad_ms", o->pad_ms);
    o->min_silence_at_max_speech_ms =
        golden_number(params, "min_silence_at_max_speech", o->min_silence_at_max_speech_ms);
    if (json_object_get(params, "use_max_poss_sil_at_max_speech"))
        o->longest_silence_at_max_speech = json_is_true(json_object_get(params, "use_max_poss_sil_at_max_speech"));
}

static json_t *segments_json(const hse_segment *s, size_t n, const json_t *params, int64_t samples, unsigned rate)
{
    json_t *list = json_array();
    int digits = (int)golden_number(params, "time_resolution", 1);

    for (size_t i = 0; i < n; i++) {
        double start, end;
        silero_seconds(&s[i], samples, rate, digits, &start, &end);
        if (json_is_true(json_object_get(params, "return_seconds")))
            json_array_append_new(list, json_pack("{s:f,s:f}", "start", start, "end", end));
        else
            json_array_append_new(list,
                                  json_pack("{s:I,s:I}", "start", (json_int_t)s[i].start, "end", (json_int_t)s[i].end));
    }
    return list;
}

/* Among other recordings the segments must be the same. */
static bool find_segments(golden_case *c, const void *model, const golden_array *x, unsigned rate,
                          const hse_vad_options *o, hse_item *out)
{
    int n = c->options->batch > 1 ? c->options->batch : 1;
    hse_item *items = hse_calloc((size_t)n, sizeof *items), **list = hse_calloc((size_t)n, sizeof *list);
    uint32_t seed = 3;
    bool ok = items && list, found = false;

    for (int i = 0; i < n && ok; i++) {
        size_t count = i == n / 2 ? x->count : x->count / 2 + 100 * (size_t)i;
        list[i] = &items[i];
        hse_item_init(&items[i]);
        items[i].vad = *o;
        items[i].reference = true;
        items[i].audio = (hse_audio){
            .samples = hse_alloc((count + 1) * sizeof(float)), .n = count, .rate_hz = (int)rate, .channels = 1};
        ok = items[i].audio.samples != NULL;
        for (size_t k = 0; k < count && ok; k++)
            items[i].audio.samples[k] = i == n / 2 ? x->data[k] : 0.2f * golden_noise(&seed);
    }
    if (!ok)
        golden_fail(c, "no memory");
    else if (silero_vad_type.run(model, c->nn, list, (size_t)n) != HSE_OK || items[n / 2].status != HSE_OK)
        golden_fail_error(c, "voice activity", &items[n / 2].error);
    else {
        *out = items[n / 2];
        hse_item_init(&items[n / 2]);
        found = true;
    }
    for (int i = 0; i < n && items; i++)
        hse_item_free(&items[i]);
    hse_free(items);
    hse_free(list);
    return found;
}

/* A case that asks for a multiple of its file's rate means the file with each sample repeated. */
static bool repeat_samples(const golden_array *x, unsigned times, golden_array *out)
{
    *out = (golden_array){.rank = 1, .count = x->count * times, .dim = {x->count * times}};
    if (!(out->data = hse_alloc((out->count + 1) * sizeof *out->data)))
        return false;
    for (size_t i = 0; i < out->count; i++)
        out->data[i] = x->data[i / times];
    return true;
}

static void timestamps(golden_case *c)
{
    json_t *rows = golden_expected_json(c, "results"), *row;
    char path[GOLDEN_PATH];
    golden_array x = {0};
    void *model = NULL;
    unsigned rate = 0;
    hse_error err = {0};
    size_t i;

    if (!rows || !golden_model_path(c, "checkpoint", path) || !golden_wav(c, first_input(c), &x, &rate))
        goto done;
    if (silero_vad_type.open(&model, &(hse_model_source){.dir = path, .kernels = c->kernels}, &err) != HSE_OK) {
        golden_fail_error(c, "open", &err);
        goto done;
    }
    json_array_foreach(rows, i, row)
    {
        json_t *params = json_object_get(row, "params");
        unsigned times = (unsigned)golden_number(params, "sampling_rate", rate) / rate;
        golden_array higher = {0};
        hse_vad_options o;
        hse_item item;

        silero_vad_defaults(&o);
        read_options(&o, params);
        if (times < 1 || !repeat_samples(&x, times, &higher)) {
            golden_fail(c, "row %zu cannot be run", i);
            break;
        }
        if (find_segments(c, model, &higher, times * rate, &o, &item)) {
            /* Upstream gives seconds from positions at 16 kHz, samples from positions at the higher rate. */
            for (size_t k = 0; k < item.segment_count && json_is_true(json_object_get(params, "return_seconds")); k++) {
                item.segments[k].start /= times;
                item.segments[k].end /= times;
            }
            json_object_set_new(row, "speeches",
                                segments_json(item.segments, item.segment_count, params, (int64_t)x.count, rate));
            hse_item_free(&item);
        }
        golden_free_array(&higher);
    }
    golden_give_json(c, "results", json_incref(rows));
done:
    if (model)
        silero_vad_type.close(&model);
    json_decref(rows);
    golden_free_array(&x);
}

static bool segment_probs(golden_case *c, const hse_vad_options *o, unsigned rate, const float *p, const json_t *list,
                          size_t n, int64_t samples, hse_segment **out, size_t *count)
{
    silero_segmenter s;
    hse_error err = {0};

    silero_segmenter_init(&s, o, rate, rate == 8000 ? 256 : 512);
    for (size_t i = 0; i < n; i++)
        silero_segmenter_push(&s, p ? (double)p[i] : json_number_value(json_array_get(list, i)));
    if (silero_segmenter_finish(&s, samples, out, count, &err) == HSE_OK)
        return true;
    golden_fail_error(c, "segments", &err);
    return false;
}

static void state_machine(golden_case *c)
{
    json_t *rows = golden_expected_json(c, "results"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        json_t *p = json_object_get(row, "probs"), *params = json_object_get(row, "params");
        unsigned rate = (unsigned)golden_number(row, "sampling_rate", 16000);
        int64_t samples = (int64_t)golden_number(row, "audio_length_samples", 0);
        hse_segment *s;
        hse_vad_options o;
        size_t n;

        silero_vad_defaults(&o);
        read_options(&o, params);
        if (!segment_probs(c, &o, rate, NULL, p, json_array_size(p), samples, &s, &n))
            break;
        json_object_set_new(row, "speeches", segments_json(s, n, params, samples, rate));
        hse_free(s);
    }
    if (rows)
        golden_give_json(c, "results", rows);
}

static void iterator(golden_case *c)
{
    silero *m = open_model(c);
    json_t *rows = golden_expected_json(c, "events"), *row;
    golden_array x = {0};
    unsigned rate = 0;
    float *p = NULL;
    hse_error err = {0};
    const silero_net *net = NULL;
    size_t i;

    if (m && rows && golden_wav(c, first_input(c), &x, &rate) && (net = net_of(c, m, rate)) != NULL) {
        p = hse_alloc((silero_chunks(net, x.count) + 1) * sizeof *p);
        if (!p || silero_file(net, x.data, x.count, p, NULL, NULL, NULL, NULL, NULL, &err) != HSE_OK)
            golden_fail_error(c, "probabilities", &err);
    }
    if (!p || c->failed)
        goto done;
    json_array_foreach(rows, i, row)
    {
        json_t *params = json_object_get(row, "params"), *events = json_array();
        silero_iterator it;
        double at;

        silero_iterator_init(&it, golden_number(params, "threshold", 0.5),
                             golden_number(params, "min_silence_duration_ms", 100),
                             golden_number(params, "speech_pad_ms", 30), rate, silero_chunk(net));
        for (size_t k = 0; k < x.count / (size_t)silero_chunk(net); k++) {
            silero_event e = silero_iterator_push(&it, p[k], &at);
            const char *what = e == SILERO_START ? "start" : "end";
            if (e == SILERO_NO_EVENT)
                continue;
            if (json_is_true(json_object_get(params, "return_seconds")))
                json_array_append_new(
                    events, json_pack("[I,{s:f}]", (json_int_t)k, what,
                                      silero_round(at / rate, (int)golden_number(params, "time_resolution", 1))));
            else
                json_array_append_new(events, json_pack("[I,{s:I}]", (json_int_t)k, what, (json_int_t)at));
        }
        json_object_set_new(row, "events", events);
    }
    golden_give_json(c, "events", json_incref(rows));
done:
    hse_free(p);
    golden_free_array(&x);
    json_decref(rows);
    silero_close(&m);
}

/* ---- faster-whisper ---- */

static json_t *piece_segments(const hse_segment *s, const silero_piece *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->listed_count; i++)
        json_array_append_new(list, json_pack("{s:I,s:I}", "start", (json_int_t)s[p->listed_first + i].start, "end",
                                              (json_int_t)s[p->listed_first + i].end));
    return list;
}

static void collect(golden_case *c, json_t *row, const hse_segment *s, size_t n, const golden_array *x)
{
    silero_piece *pieces = NULL;
    size_t count = 0;
    hse_error err = {0};
    json_t *lengths = json_array(), *sums = json_array(), *metadata = json_array();

    if (silero_collect(s, n, golden_number(row, "max_duration", INFINITY) * 16000, &pieces, &count, &err) != HSE_OK)
        golden_fail_error(c, "collect_chunks", &err);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t k = 0; k < pieces[i].count; k++)
            for (int64_t t = s[pieces[i].first + k].start; t < s[pieces[i].first + k].end && t < (int64_t)x->count; t++)
                sum += fabs((double)x->data[t]);
        json_array_append_new(lengths, json_integer(pieces[i].samples));
        json_array_append_new(sums, json_real(sum));
        json_array_append_new(metadata,
                              json_pack("{s:f,s:f,s:o}", "offset", (double)pieces[i].offset / 16000, "duration",
                                        (double)pieces[i].samples / 16000, "segments", piece_segments(s, &pieces[i])));
    }
    json_object_set_new(row, "chunk_lengths", lengths);
    json_object_set_new(row, "chunk_sums", sums);
    json_object_set_new(row, "metadata", metadata);
    hse_free(pieces);
}

static void original_times(json_t *rows, const hse_segment *s, size_t n)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        double t = json_number_value(json_array_get(row, 0));
        json_array_set_new(row, 1, json_real(silero_original_time(s, n, 16000, t, false)));
        json_array_set_new(row, 2, json_real(silero_original_time(s, n, 16000, t, true)));
        json_array_set_new(row, 3, json_integer((json_int_t)silero_time_segment(s, n, 16000, t, false)));
    }
}

static void faster_whisper(golden_case *c)
{
    silero *m = open_model(c);
    const silero_net *net = net_of(c, m, 16000);
    json_t *rows = golden_expected_json(c, "results"), *row, *chunks;
    golden_array x = {0};
    unsigned rate;
    float *p = NULL;
    hse_error err = {0};
    size_t i, k, n, count = 0;

    if (net && rows && golden_wav(c, first_input(c), &x, &rate)) {
        count = silero_fw_chunks(net, x.count);
        p = hse_alloc((count + 1) * sizeof *p);
        if (!p || silero_fw_file(net, x.data, x.count, p, &err) != HSE_OK)
            golden_fail_error(c, "probabilities", &err);
    }
    if (!p || c->failed)
        goto done;
    golden_give1(c, "probs", p, count);
    json_array_foreach(rows, i, row)
    {
        hse_vad_options o;
        hse_segment *s;

        silero_fw_vad_defaults(&o);
        read_options(&o, json_object_get(row, "params"));
        if (!segment_probs(c, &o, 16000, p, NULL, count, (int64_t)x.count, &s, &n))
            break;
        json_object_set_new(row, "speeches", segments_json(s, n, NULL, (int64_t)x.count, 16000));
        json_array_foreach(json_object_get(row, "collect_chunks"), k, chunks) collect(c, chunks, s, n, &x);
        original_times(json_object_get(row, "original_time"), s, n);
        hse_free(s);
    }
    golden_give_json(c, "results", json_incref(rows));
done:
    hse_free(p);
    golden_free_array(&x);
    json_decref(rows);
    silero_close(&m);
}

const golden_kind golden_silero[] = {
    {"silero.layers", layers},
    {"silero.probs", probs},
    {"silero.probs_safetensors", probs},
    {"silero.stream_resets", stream_resets},
    {"silero.timestamps", timestamps},
    {"silero.state_machine", state_machine},
    {"silero.iterator", iterator},
    {"silero.faster_whisper", faster_whisper},
    {NULL, NULL},
};
