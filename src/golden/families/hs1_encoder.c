/* hs1_encoder.c - adapter of the golden cases of family harmonyspeech: the speaker encoder. */
#include "golden/families/hs1.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    golden_case *c;
    const hs1_encoder *m;
} encoder_listener;

/* One row an item, [layer][hidden] -> [layer, item, hidden]. */
static void give_state(encoder_listener *l, const nn_view *v)
{
    size_t layers = (size_t)l->m->cfg.layers, hidden = (size_t)l->m->cfg.hidden, items = (size_t)v->items;
    float *out = hse_alloc(layers * hidden * items * sizeof *out + 1);

    for (size_t p = 0; out && p < items; p++)
        for (size_t k = 0; k < layers; k++)
            memcpy(out + (k * items + p) * hidden, v->data + (p * layers + k) * hidden, hidden * sizeof *out);
    if (out)
        golden_give(l->c, v->name, out, 3, (size_t[]){layers, items, hidden});
    hse_free(out);
}

static void hear_encoder(void *user, const nn_view *v)
{
    encoder_listener *l = user;

    if (strcmp(v->name, "lstm_hidden") == 0 || strcmp(v->name, "lstm_cell") == 0)
        give_state(l, v);
    else if (strcmp(v->name, "lstm_out") == 0)
        golden_give_view(l->c, "lstm_out_first_partial", v, GOLDEN_ROWS);
    else
        golden_give2(l->c, v->name, v->data, (size_t)v->items, (size_t)v->cols);
}

static void give_voice(golden_case *c, const hs1_voice *v, const hs1_voice_trace *t)
{
    float *frames;

    for (int i = 0; i < HS1_VOICE_STEPS; i++) {
        const float *x = (const float *)(const void *)t->step[i].data;
        size_t n = t->step[i].size / sizeof *x;
        if (i == HS1_VOICE_FEATURES)
            golden_give2(c, hs1_voice_step_names[i], x, n / 6, 6);
        else
            golden_give1(c, hs1_voice_step_names[i], x, n);
    }
    golden_give2(c, "enc_mel", v->mel, v->frames, HS1_VOICE_MELS);
    if (!(frames = hse_alloc(v->partials * HS1_PARTIAL_FRAMES * HS1_VOICE_MELS * sizeof *frames)))
        return;
    for (size_t p = 0; p < v->partials; p++)
        memcpy(frames + p * HS1_PARTIAL_FRAMES * HS1_VOICE_MELS, v->mel + p * HS1_PARTIAL_STEP * HS1_VOICE_MELS,
               HS1_PARTIAL_FRAMES * HS1_VOICE_MELS * sizeof *frames);
    golden_give(c, "enc_frames", frames, 3, (size_t[]){v->partials, HS1_PARTIAL_FRAMES, HS1_VOICE_MELS});
    hse_free(frames);
}

/* Among other recordings the engine's own function must give the same bits. */
static void check_encoder_batch(golden_case *c, const hs1_encoder *m, const hse_audio *audio, const float *embedding)
{
    int n = hs1_golden_neighbours(c), mine = n / 2;
    hse_item *items = hse_calloc((size_t)n, sizeof *items), **list = hse_calloc((size_t)n, sizeof *list);
    bool ok = items && list;
    uint32_t seed = 11;

    for (int i = 0; i < n && ok; i++) {
        list[i] = &items[i];
        hse_item_init(&items[i]);
        items[i].reference = true;
        ok = hs1_golden_copy_audio(&items[i].audio, audio);
        for (size_t k = 0; ok && i != mine && k < audio->n; k++)
            items[i].audio.samples[k] *= 0.7f + 0.2f * golden_noise(&seed);
        if (i != mine)
            items[i].audio.n -= items[i].audio.n / (size_t)(3 + i);
    }
    if (!ok)
        golden_fail(c, "no memory");
    else if (hs1_encoder_type.run(m, c->nn, list, (size_t)n) != HSE_OK || items[mine].status != HSE_OK)
        golden_fail_error(c, "the encoder in a batch", &items[mine].error);
    else
        golden_same_bits(c, "the embedding", embedding, (size_t)m->cfg.embedding, items[mine].embedding,
                         items[mine].embedding_size);
    for (int i = 0; i < n && items; i++)
        hse_item_free(&items[i]);
    hse_free(items);
    hse_free(list);
}

/* A recording through the encoder, all stages given; embedding has room for the model's. */
void hs1_golden_run_encoder(golden_case *c, const hs1_encoder *m, const hse_audio *audio, float *mean, float *embedding)
{
    hs1_voice_trace trace;
    hs1_voice voice = {0};
    float *partials = NULL;
    hse_error err = {0};

    hs1_voice_trace_init(&trace);
    if (hs1_voice_prepare(&voice, &m->plan, audio, true, &trace, &err) != HSE_OK) {
        golden_fail_error(c, "the recording", &err);
    } else {
        give_voice(c, &voice, &trace);
        nn_listen(c->nn, hear_encoder, &(encoder_listener){c, m});
        if (hs1_encoder_voice(m, c->nn, &voice, &partials, mean, embedding, &err) != HSE_OK)
            golden_fail_error(c, "the encoder", &err);
        nn_listen(c->nn, NULL, NULL);
    }
    if (!c->failed)
        check_encoder_batch(c, m, audio, embedding);
    hse_free(partials);
    hs1_voice_free(&voice);
    hs1_voice_trace_free(&trace);
}

/* The response's base64 cannot be equal in its last bits: its numbers must be the embedding's within that one's
 * tolerance. */
static void compare_base64(golden_case *c, const float *embedding, size_t n)
{
    json_t *want, *spec = json_object_get(json_object_get(c->json, "outputs"), "embedding");
    double atol = golden_number(spec, "atol", 0), rtol = golden_number(spec, "rtol", 0);
    hse_buf bytes, mine;

    if (!golden_wants(c, "embedding_b64") || !(want = golden_expected_json(c, "embedding_b64")))
        return;
    const char *text = json_string_value(json_object_get(want, "data"));
    hse_buf_init(&bytes, 1 << 24);
    hse_buf_init(&mine, 1 << 24);
    hse_buf_base64(&mine, embedding, n * sizeof *embedding);
    if (!text || hse_buf_unbase64(&bytes, text, strlen(text), false, NULL) != HSE_OK ||
        bytes.size != n * sizeof *embedding || mine.size != strlen(text)) {
        golden_fail(c, "embedding_b64 has another length");
    } else {
        const float *x = (const float *)(const void *)bytes.data;
        for (size_t i = 0; i < n && c->options->dtype == K_F32; i++)
            if (!(fabs((double)x[i] - embedding[i]) <= atol + rtol * fabs((double)x[i])))
                golden_fail(c, "embedding_b64: value %zu is %.9g, want %.9g", i, (double)embedding[i], (double)x[i]);
        golden_covered(c, "embedding_b64");
    }
    hse_buf_free(&bytes);
    hse_buf_free(&mine);
    json_decref(want);
}

void hs1_golden_enc(golden_case *c)
{
    hs1_encoder *m = hs1_golden_open(c, &hs1_encoder_type, "checkpoint", "encoder");
    hse_audio audio = {0};
    float *mean = NULL, *embedding = NULL;

    if (m && hs1_golden_decode(c, "reference_wav", &audio)) {
        size_t e = (size_t)m->cfg.embedding;
        mean = hse_alloc(e * sizeof *mean);
        embedding = hse_calloc(e, sizeof *embedding);
        if (mean && embedding)
            hs1_golden_run_encoder(c, m, &audio, mean, embedding);
        else
            golden_fail(c, "no memory");
        if (!c->failed) {
            golden_give1(c, "mean_embed", mean, e);
            golden_give1(c, "embedding", embedding, e);
            compare_base64(c, embedding, e);
        }
    }
    hse_free(mean);
    hse_free(embedding);
    hse_audio_free(&audio);
    hs1_golden_close(&hs1_encoder_type, m);
}

void hs1_golden_enc_model_only(golden_case *c)
{
    hs1_encoder *m = hs1_golden_open(c, &hs1_encoder_type, "checkpoint", "encoder");
    golden_array x = {0};
    float *out = NULL, *embedding = NULL;
    hse_error err = {0};

    if (m && golden_input(c, "enc_frames", &x) && x.rank == 3 && x.dim[2] == (size_t)m->cfg.mels && x.dim[0] <= 64) {
        size_t e = (size_t)m->cfg.embedding, n = x.dim[0];
        const float *frames[64];
        int rows[64];

        for (size_t i = 0; i < n; i++) {
            rows[i] = (int)x.dim[1];
            frames[i] = x.data + i * x.dim[1] * x.dim[2];
        }
        out = hse_alloc(n * e * sizeof *out);
        embedding = hse_alloc(e * sizeof *embedding);
        nn_listen(c->nn, hear_encoder, &(encoder_listener){c, m});
        if (!out || !embedding || hs1_encoder_partials(m, c->nn, (int)n, rows, frames, out, &err) != HSE_OK ||
            hs1_encoder_mean(m, out, n, NULL, embedding, &err) != HSE_OK)
            golden_fail_error(c, "the encoder", &err);
        nn_listen(c->nn, NULL, NULL);
        if (!c->failed) {
            golden_give2(c, "partial_embeds", out, n, e);
            golden_give1(c, "embedding", embedding, e);
        }
        /* Each partial alone: the same bits as in their batch. */
        for (size_t i = 0; i < n && !c->failed; i++) {
            if (hs1_encoder_partials(m, c->nn, 1, rows, &frames[i], embedding, &err) != HSE_OK)
                golden_fail_error(c, "the encoder", &err);
            golden_same_bits(c, "a partial's embedding", embedding, e, out + i * e, e);
        }
    }
    hse_free(out);
    hse_free(embedding);
    golden_free_array(&x);
    hs1_golden_close(&hs1_encoder_type, m);
}

void hs1_golden_enc_degenerate(golden_case *c)
{
    hs1_encoder *m = hs1_golden_open(c, &hs1_encoder_type, "checkpoint", "encoder");
    json_t *want = golden_expected_json(c, "results"), *rows = json_array(), *equal = json_array(), *row;
    float *zero = hse_calloc(HS1_PARTIAL_FRAMES * HS1_VOICE_MELS, sizeof *zero), *embedding = NULL;
    hse_error err = {0};
    size_t i, e = m ? (size_t)m->cfg.embedding : 0;
    int frames = HS1_PARTIAL_FRAMES;
    const float *input = zero;

    if (m && zero && (embedding = hse_alloc(2 * e * sizeof *embedding)) != NULL) {
        if (hs1_encoder_partials(m, c->nn, 1, &frames, &input, embedding + e, &err) != HSE_OK ||
            hs1_encoder_mean(m, embedding + e, 1, NULL, embedding, &err) != HSE_OK)
            golden_fail_error(c, "zero frames", &err);
        else
            golden_give1(c, "embedding", embedding, e);
    }
    json_array_foreach(json_object_get(want, "rows"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "input"));
        hse_item item, *list = &item;
        bool same = false, ok;

        hse_item_init(&item);
        item.reference = true;
        ok = m && embedding && name && hs1_golden_decode(c, name, &item.audio) &&
             hs1_encoder_type.run(m, c->nn, &list, 1) == HSE_OK && item.status == HSE_OK;
        for (size_t k = 0; ok && k < e; k++) {
            same = fabsf(item.embedding[k] - embedding[k]) <= 1e-5f + 1e-3f * fabsf(embedding[k]);
            if (!same)
                break;
        }
        json_array_append_new(rows, json_pack("{s:s,s:s,s:o}", "input", name ? name : "?", "finish_reason",
                                              ok ? "stop" : "error", "error",
                                              ok ? json_null() : json_string(item.error.text)));
        json_array_append_new(equal, json_boolean(same));
        hse_item_free(&item);
    }
    json_decref(want);
    golden_give_json(c, "results", json_pack("{s:o,s:o}", "rows", rows, "equal_to_zero_frames", equal));
    hse_free(zero);
    hse_free(embedding);
    hs1_golden_close(&hs1_encoder_type, m);
}
