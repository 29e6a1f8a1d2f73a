/* whisper_network.c - adapter of the golden cases of Whisper's network: whisper.network (encoder and teacher-forced
 * decoder, layer by layer, in every format the model comes in) and whisper.int8 (the same audio with int8 storage or
 * arithmetic). */
#include "golden/case.h"

#include "base/mem.h"
#include "models/whisper/mel.h"
#include "models/whisper/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    golden_case *c;
    whisper_network *network;
    whisper_decoding *decoding;
    int items, mine; /* windows at once; the case's is number `mine` */
    int encoded;     /* windows that the encoder has finished */
} run;

static bool open_network(run *r, const char *path, k_weight_type type)
{
    golden_case *c = r->c;
    whisper_config config = {0};
    hse_weights *w = NULL;
    hse_error err = {0};
    hse_status s = whisper_config_open_weights(&config, &w, path, NULL, NULL, NULL, &err);

    r->items = c->options->batch > 1 ? c->options->batch : 1;
    r->mine = r->items / 2;
    if (s == HSE_OK)
        s = whisper_network_open(&r->network, &config,
                                 &(whisper_network_options){.weights = w, .kernels = c->kernels, .type = type}, &err);
    if (s == HSE_OK)
        s = whisper_decoding_open(&r->decoding, r->network, c->nn,
                                  &(whisper_decoding_limits){.windows = r->items, .sequences = r->items}, &err);
    if (s != HSE_OK)
        golden_fail_error(c, path, &err);
    hse_weights_close(&w);
    whisper_config_close(&config);
    return s == HSE_OK;
}

static void close_network(run *r)
{
    whisper_decoding_close(&r->decoding);
    whisper_network_close(&r->network);
}

/* ---- encoding: the case's window among others ---- */

/* Every time_step-th row of it. */
static void encoder_stage(void *user, const nn_view *v)
{
    run *r = user;
    golden_case *c = r->c;
    const json_t *entry = json_object_get(json_object_get(c->json, "stages"), v->name);
    size_t step = (size_t)golden_number(entry, "time_step", 1), cols = (size_t)v->cols;
    int rows = v->starts[1] - v->starts[0], starts[2] = {0, 0};
    bool first = strcmp(v->name, "enc_conv1") == 0 || strcmp(v->name, "enc_conv2") == 0;
    nn_view view = *v;
    float *some;

    if (r->encoded != r->mine || !entry || step < 1)
        return;
    if (!(some = hse_alloc(((size_t)rows * cols + 1) * sizeof *some))) {
        golden_fail(c, "no memory");
        return;
    }
    for (size_t t = 0; t < (size_t)rows; t += step)
        memcpy(some + (size_t)starts[1]++ * cols, v->data + t * cols, cols * sizeof *some);
    view.starts = starts;
    view.data = some;
    golden_give_view(c, v->name, &view, first ? GOLDEN_CHANNELS_FIRST : GOLDEN_ROWS);
    hse_free(some);
}

/* mel: [frames][mels]. Returns the window's number, -1 after a failure. The others have noise of other lengths. */
static int encode(run *r, const float *mel, int frames)
{
    golden_case *c = r->c;
    int mels = whisper_network_dims(r->network)->mels, window = -1;
    float *noise = hse_alloc((size_t)frames * (size_t)mels * sizeof *noise);
    hse_error err = {0};
    uint32_t seed = 11;

    if (!noise) {
        golden_fail(c, "no memory");
        return -1;
    }
    for (size_t i = 0; i < (size_t)frames * (size_t)mels; i++)
        noise[i] = golden_noise(&seed);
    for (r->encoded = 0; r->encoded < r->items && !c->failed; r->encoded++) {
        bool mine = r->encoded == r->mine;
        const float *in = mine ? mel : noise;
        int n = mine || frames < 8 ? frames : frames / (2 + r->encoded % 3), at = -1;
        nn_listen(c->nn, encoder_stage, r);
        if (whisper_encode_windows(r->decoding, 1, &in, &n, &at, mine, &err) != HSE_OK)
            golden_fail_error(c, "encoder", &err);
        if (mine)
            window = at;
    }
    nn_listen(c->nn, NULL, NULL);
    hse_free(noise);
    return c->failed ? -1 : window;
}

/* Every `step`th position of the encoder's output. */
static void give_encoder_output(run *r, int window)
{
    golden_case *c = r->c;
    json_t *entry = json_object_get(json_object_get(c->json, "outputs"), "encoder_output");
    size_t width = (size_t)whisper_network_dims(r->network)->width,
           count = (size_t)whisper_window_positions(r->decoding, window);
    size_t step = (size_t)golden_number(entry, "time_step", 1), rows = 0;
    float *out = hse_alloc(count * width * sizeof *out);
    hse_error err = {0};

    if (!out || step < 1)
        golden_fail(c, "no memory");
    else if (whisper_encoder_output(r->decoding, window, out, count * width, &err) != HSE_OK)
        golden_fail_error(c, "encoder output", &err);
    for (size_t t = 0; t < count && !c->failed; t += step)
        memmove(out + rows++ * width, out + t * width, width * sizeof *out);
    if (!c->failed)
        golden_give2(c, "encoder_output", out, rows, width);
    hse_free(out);
}

/* ---- teacher forcing ---- */

typedef struct {
    const int32_t *tokens;
    int n;
    float *logits; /* [n][vocab] */
} forced;

static void decoder_stage(void *user, const nn_view *v)
{
    run *r = user;

    if (strncmp(v->name, "dec_", 4) == 0)
        golden_give_view(r->c, v->name, v, GOLDEN_ROWS);
}

/* All tokens of the case's sequence, in steps of `each`; with `company`, each step also feeds tokens of other
 * sequences. */
static bool force(run *r, int window, const forced *f, int each, bool company)
{
    golden_case *c = r->c;
    size_t vocab = (size_t)whisper_network_dims(r->network)->vocab;
    int others[64] = {0}, n_others = company ? (r->items < 64 ? r->items : 64) - 1 : 0, mine = -1;
    whisper_row *rows = hse_calloc((size_t)each + 64, sizeof *rows);
    hse_error err = {0};

    if (!rows) {
        golden_fail(c, "no memory");
        return false;
    }
    for (int i = 0; i < n_others; i++)
        others[i] = whisper_sequence_new(r->decoding, i % r->items);
    mine = whisper_sequence_new(r->decoding, window);
    for (int at = 0; at < f->n && !c->failed; at += each) {
        int n = 0, count = f->n - at < each ? f->n - at : each, first;
        for (int i = 0; i < n_others / 2; i++)
            rows[n++] = (whisper_row){others[i], f->tokens[(at + i) % f->n], i % 2 == 0};
        first = n;
        for (int i = 0; i < count; i++)
            rows[n++] = (whisper_row){mine, f->tokens[at + i], true};
        for (int i = n_others / 2; i < n_others; i++)
            rows[n++] = (whisper_row){others[i], f->tokens[(at + 2 * i) % f->n], false};
        if (whisper_step(r->decoding, rows, n, &err) != HSE_OK)
            golden_fail_error(c, "decoder", &err);
        for (int i = 0; i < count && !c->failed; i++)
            memcpy(f->logits + (size_t)(at + i) * vocab, whisper_logits(r->decoding, first + i), vocab * sizeof(float));
    }
    for (int i = 0; i < n_others; i++)
        whisper_sequence_free(r->decoding, others[i]);
    whisper_sequence_free(r->decoding, mine);
    hse_free(rows);
    return !c->failed;
}

static double log_sum_exp(const float *x, size_t n, size_t *most)
{
    size_t at = 0;
    double sum = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > x[at])
            at = i;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i] - (double)x[at]);
    *most = at;
    return log(sum) + (double)x[at];
}

/* In a reduced type the logits are held to their floor; two that are closer than twice their error may change places.
 */
static void allow_ties(run *r, const forced *f, const golden_array *ids, const char *name, const float *chosen,
                       float *most)
{
    golden_case *c = r->c;
    const json_t *outputs = json_object_get(c->json, "outputs");
    golden_array want = {0}, logits = {0};
    size_t vocab = (size_t)whisper_network_dims(r->network)->vocab, n = (size_t)f->n;

    if (c->options->dtype != K_F32 && golden_wants(c, "argmax") &&
        golden_load(c, json_string_value(json_object_get(json_object_get(outputs, "argmax"), "file")), &want) &&
        golden_load(c, json_string_value(json_object_get(json_object_get(outputs, name), "file")), &logits) &&
        want.count == n && logits.count == n * ids->count)
        for (size_t i = 0; i < n; i++) {
            const float *row = f->logits + i * vocab;
            float error = 0;
            for (size_t k = 0; k < ids->count; k++)
                error = fmaxf(error, fabsf(chosen[i * ids->count + k] - logits.data[i * ids->count + k]));
            if (want.data[i] >= 0 && want.data[i] < (float)vocab &&
                row[(size_t)most[i]] - row[(size_t)want.data[i]] <= 2 * error)
                most[i] = want.data[i];
        }
    golden_free_array(&want);
    golden_free_array(&logits);
}

static void give_logits(run *r, const forced *f, const golden_array *ids, const char *name)
{
    golden_case *c = r->c;
    size_t n = (size_t)f->n, vocab = (size_t)whisper_network_dims(r->network)->vocab;
    float *chosen = hse_alloc(n * ids->count * sizeof *chosen), *lse = hse_alloc(3 * n * sizeof *lse);
    float *most = lse ? lse + n : NULL, *logprob = lse ? lse + 2 * n : NULL;

    if (!chosen || !lse) {
        golden_fail(c, "no memory");
    } else {
        for (size_t i = 0; i < n; i++) {
            const float *row = f->logits + i * vocab;
            size_t at;
            double sum = log_sum_exp(row, vocab, &at);
            lse[i] = (float)sum;
            most[i] = (float)at;
            if (i + 1 < n)
                logprob[i] = (float)((double)row[f->tokens[i + 1]] - sum);
            for (size_t k = 0; k < ids->count; k++)
                chosen[i * ids->count + k] = row[(size_t)ids->data[k]];
        }
        allow_ties(r, f, ids, name, chosen, most);
        golden_give2(c, name, chosen, n, ids->count);
        golden_give1(c, "logsumexp", lse, n);
        golden_give1(c, "argmax", most, n);
        golden_give1(c, "token_logprobs", logprob, n - 1);
    }
    hse_free(chosen);
    hse_free(lse);
}

static bool ids_ok(golden_case *c, const golden_array *ids, int vocab)
{
    for (size_t i = 0; i < ids->count; i++)
        if (!(ids->data[i] >= 0 && ids->data[i] < (float)vocab)) {
            golden_fail(c, "id %g is not in the vocabulary of %d", (double)ids->data[i], vocab);
            return false;
        }
    return ids->count > 0;
}

/* Among the sequences of other windows, and token by token: the same bits? */
static void check_bits(run *r, int window, const forced *f)
{
    size_t vocab = (size_t)whisper_network_dims(r->network)->vocab, n = (size_t)f->n * vocab;
    forced again = *f;

    if (!(again.logits = hse_alloc(n * sizeof *again.logits))) {
        golden_fail(r->c, "no memory");
        return;
    }
    if (force(r, window, &again, 1, r->items > 1))
        golden_same_bits(r->c, "the logits token by token", f->logits, n, again.logits, n);
    hse_free(again.logits);
}

static void teacher_forcing(run *r, int window, const float *ids_of_tokens, size_t n, const golden_array *logit_ids,
                            const char *name)
{
    golden_case *c = r->c;
    size_t vocab = (size_t)whisper_network_dims(r->network)->vocab;
    int32_t *tokens = hse_alloc(n * sizeof *tokens);
    forced f = {.tokens = tokens, .n = (int)n, .logits = hse_alloc(n * vocab * sizeof(float))};

    if (!tokens || !f.logits) {
        golden_fail(c, "no memory");
    } else {
        for (size_t i = 0; i < n; i++)
            tokens[i] = (int32_t)ids_of_tokens[i];
        nn_listen(c->nn, decoder_stage, r);
        bool ok = force(r, window, &f, f.n, false);
        nn_listen(c->nn, NULL, NULL);
        if (ok) {
            give_logits(r, &f, logit_ids, name);
            check_bits(r, window, &f);
        }
    }
    hse_free(tokens);
    hse_free(f.logits);
}

/* ---- whisper.network ---- */

/* What the encoder takes: features ([mel][frame] in the case, [frame][mel] here), or a recording. */
typedef struct {
    golden_array features, audio;
} source;

/* The recording, whatever its name. */
static const char *audio_input(const golden_case *c)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(c->json, "inputs"), key, value)
    {
        const char *file = json_string_value(json_object_get(value, "file"));
        size_t n = file ? strlen(file) : 0;
        if (n > 4 && strcmp(file + n - 4, ".wav") == 0)
            return key;
    }
    return NULL;
}

static bool open_source(golden_case *c, source *s)
{
    unsigned rate;
    const char *audio = audio_input(c);

    *s = (source){.audio = {.data = NULL}};
    if (!audio)
        return golden_input(c, "features", &s->features);
    if (!golden_wav(c, audio, &s->audio, &rate))
        return false;
    if (rate != WHISPER_RATE)
        golden_fail(c, "audio of %u Hz", rate);
    return rate == WHISPER_RATE;
}

static void close_source(source *s)
{
    golden_free_array(&s->features);
    golden_free_array(&s->audio);
}

/* A recording without its last frame, padded to a window. */
static float *window_of_audio(golden_case *c, const golden_array *x, int mels)
{
    float *mel = hse_calloc((size_t)WHISPER_WINDOW_FRAMES * (size_t)mels, sizeof *mel), *all = NULL;
    size_t frames = whisper_mel_count(x->count), kept = frames > 0 ? frames - 1 : 0;
    whisper_mel *m = NULL;
    hse_error err = {0};

    if (!mel || !(all = hse_alloc((frames + 1) * (size_t)mels * sizeof *all)))
        golden_fail(c, "no memory");
    else if (whisper_mel_open(&m, mels, &err) != HSE_OK ||
             whisper_mel_run(m, NULL, x->data, x->count, all, &err) != HSE_OK)
        golden_fail_error(c, "log-mel", &err);
    else
        memcpy(mel, all, (kept < WHISPER_WINDOW_FRAMES ? kept : WHISPER_WINDOW_FRAMES) * (size_t)mels * sizeof *mel);
    whisper_mel_close(&m);
    hse_free(all);
    return mel;
}

static float *mel_of(golden_case *c, const source *s, int mels, int *frames)
{
    const golden_array *x = &s->features;
    float *out;

    *frames = WHISPER_WINDOW_FRAMES;
    if (s->audio.data)
        return window_of_audio(c, &s->audio, mels);
    if (x->rank != 2 || x->dim[0] != (size_t)mels || x->dim[1] < 1 || x->dim[1] > WHISPER_WINDOW_FRAMES) {
        golden_fail(c, "features of another shape than %d mels", mels);
        return NULL;
    }
    *frames = (int)x->dim[1];
    if (!(out = hse_alloc(x->count * sizeof *out)))
        golden_fail(c, "no memory");
    for (size_t m = 0; out && m < x->dim[0]; m++)
        for (size_t t = 0; t < x->dim[1]; t++)
            out[t * x->dim[0] + m] = x->data[m * x->dim[1] + t];
    return out;
}

static void network_format(golden_case *c, const char *path, const source *in, const golden_array *tokens,
                           const golden_array *ids)
{
    run r = {.c = c};
    float *mel = NULL;
    int frames;

    if (open_network(&r, path, c->options->dtype)) {
        const whisper_dims *d = whisper_network_dims(r.network);
        if (ids_ok(c, tokens, d->vocab) && ids_ok(c, ids, d->vocab) &&
            (mel = mel_of(c, in, d->mels, &frames)) != NULL) {
            int window = encode(&r, mel, frames);
            if (window >= 0) {
                give_encoder_output(&r, window);
                teacher_forcing(&r, window, tokens->data, tokens->count, ids, "logits");
            }
        }
    }
    hse_free(mel);
    close_network(&r);
}

/* The formats that the case names; ct2_int8 has rounded weights, which the numbers are not about. An OpenAI folder
 * holds one file. */
static void network(golden_case *c)
{
    json_t *model = json_object_get(c->json, "model"), *formats = json_object_get(model, "formats"), *format;
    const char *checkpoint = json_string_value(json_object_get(model, "checkpoint"));
    golden_array tokens = {0}, ids = {0};
    source in = {0};
    char relative[GOLDEN_PATH], path[GOLDEN_PATH];
    size_t i;
    int done = 0;

    if (!open_source(c, &in) || !golden_input(c, "tokens", &tokens) || !golden_input(c, "logit_ids", &ids))
        goto end;
    json_array_foreach(formats, i, format)
    {
        const char *name = json_string_value(format);
        if (!checkpoint || !name || strstr(name, "int8"))
            continue;
        if (snprintf(relative, sizeof relative, "%s/%s", checkpoint, name) >= (int)sizeof relative ||
            !golden_path(c, relative, path))
            break;
        network_format(c, path, &in, &tokens, &ids);
        done++;
        if (c->failed)
            break;
    }
    if (done == 0)
        golden_fail(c, "the case names no format of the model");
end:
    close_source(&in);
    golden_free_array(&tokens);
    golden_free_array(&ids);
}

/* ---- whisper.int8 ---- */

static void int8_run(golden_case *c, const char *path, k_weight_type type)
{
    json_t *list = json_object_get(json_object_get(c->json, "params"), "prompt"), *id;
    float prompt[64], *mel = NULL, *logits = NULL;
    golden_array ids = {0};
    source in = {0};
    run r = {.c = c};
    size_t i, n = 0;
    int frames;

    json_array_foreach(list, i, id) if (n < COUNT(prompt)) prompt[n++] = (float)json_integer_value(id);
    if (n == 0)
        golden_fail(c, "the case has no prompt");
    if (!c->failed && open_network(&r, path, type) && open_source(c, &in) && golden_input(c, "logit_ids", &ids) &&
        (mel = mel_of(c, &in, whisper_network_dims(r.network)->mels, &frames)) != NULL && !c->failed) {
        int vocab = whisper_network_dims(r.network)->vocab, window = encode(&r, mel, frames);
        golden_array ids_of_prompt = {.data = prompt, .count = n};
        if (window >= 0 && ids_ok(c, &ids, vocab) && ids_ok(c, &ids_of_prompt, vocab) &&
            (logits = hse_alloc(n * (size_t)vocab * sizeof *logits)) != NULL) {
            int32_t tokens[COUNT(prompt)];
            for (i = 0; i < n; i++)
                tokens[i] = (int32_t)prompt[i];
            forced f = {.tokens = tokens, .n = (int)n, .logits = logits};
            give_encoder_output(&r, window);
            if (force(&r, window, &f, f.n, false)) {
                check_bits(&r, window, &f);
                f = (forced){.tokens = tokens + n - 1, .n = 1, .logits = logits + (n - 1) * (size_t)vocab};
                give_logits(&r, &f, &ids, "first_logits");
            }
        }
    }
    hse_free(mel);
    hse_free(logits);
    close_source(&in);
    golden_free_array(&ids);
    close_network(&r);
}

static void int8(golden_case *c)
{
    const char *compute = json_string_value(json_object_get(json_object_get(c->json, "params"), "compute_type"));
    char path[GOLDEN_PATH];

    if (!compute || (strcmp(compute, "int8") != 0 && strcmp(compute, "float32") != 0)) {
        golden_fail(c, "a case of compute type %s", compute ? compute : "(none)");
        return;
    }
    if (golden_model_path(c, "checkpoint", path))
        int8_run(c, path, strcmp(compute, "int8") == 0 ? K_INT8 : c->options->dtype);
}

const golden_kind golden_whisper_network[] = {
    {"whisper.network", network},
    {"whisper.int8", int8},
    {NULL, NULL},
};
