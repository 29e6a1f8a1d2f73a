/* hs1_steps.c - single steps of Harmony Speech V1: text, audio files, filters, checkpoint layouts, routes. */
#include "golden/families/hs1.h"

#include "audio/resample.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/catalogue/route.h"
#include "models/harmonyspeech/adapter.h"
#include "models/harmonyspeech/pqmf.h"
#include "text/ascii.h"
#include "text/en/number.h"
#include "text/hs1/frontend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 24 };

/* ---- text ---- */

static json_t *text_steps(const char *text, size_t size)
{
    json_t *steps = json_object();
    hse_buf out[HS1_STEPS], *step[HS1_STEPS];
    const char *piece = text_strip(text, &size);

    for (int i = 0; i < HS1_STEPS; i++) {
        hse_buf_init(&out[i], TEXT_BYTES);
        step[i] = &out[i];
    }
    if (hs1_clean(piece, size, step, NULL) == HSE_OK)
        for (int i = 0; i < HS1_STEPS; i++)
            json_object_set_new(steps, hs1_step_names[i],
                                json_stringn(out[i].data ? (char *)out[i].data : "", out[i].size));
    for (int i = 0; i < HS1_STEPS; i++)
        hse_buf_free(&out[i]);
    return steps;
}

void hs1_golden_text_main(golden_case *c)
{
    json_t *rows = golden_expected_json(c, "cases"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *text = json_string_value(json_object_get(row, "text"));
        size_t size = json_string_length(json_object_get(row, "text"));
        hse_error err = {0};
        hse_buf ids;

        hse_buf_init(&ids, TEXT_BYTES);
        if (!text) {
            golden_fail(c, "row %zu has no text", i);
        } else if (hs1_text_ids(text, size, &ids, &err) != HSE_OK) {
            json_object_set_new(row, "error", json_string(err.text));
            json_object_del(row, "ids");
        } else {
            json_t *list = json_array();
            for (size_t k = 0; k < ids.size; k++)
                json_array_append_new(list, json_integer(ids.data[k]));
            json_object_set_new(row, "ids", list);
            json_object_del(row, "error");
        }
        if (text && json_object_get(row, "steps"))
            json_object_set_new(row, "steps", text_steps(text, size));
        hse_buf_free(&ids);
    }
    if (rows)
        golden_give_json(c, "cases", rows);
}

void hs1_golden_text_numbers(golden_case *c)
{
    json_t *want = golden_expected_json(c, "words"), *got = json_object(), *value;
    const char *const kinds[] = {"cardinals", "ordinals"}, *key;

    for (size_t k = 0; want && k < COUNT(kinds); k++) {
        json_t *words = json_object();
        json_object_foreach(json_object_get(want, kinds[k]), key, value)
        {
            size_t digits = strspn(key, "0123456789");
            hse_buf out;

            hse_buf_init(&out, TEXT_BYTES);
            bool ok = k ? en_ordinal(&out, key, digits, EN_HYPHEN | EN_COMMA | EN_AND) : en_with_years(&out, key, digits);
            json_object_set_new(words, key, ok ? json_string(hse_buf_text(&out)) : json_null());
            hse_buf_free(&out);
        }
        json_object_set_new(got, kinds[k], words);
    }
    json_decref(want);
    golden_give_json(c, "words", got);
}

void hs1_golden_text_transliteration(golden_case *c)
{
    json_t *want = golden_expected_json(c, "map"), *got = json_object(), *value;
    const char *key;

    json_object_foreach(want, key, value)
    {
        uint32_t code = (uint32_t)strtoul(key, NULL, 16);
        hse_buf out;
        char utf8[4];

        hse_buf_init(&out, TEXT_BYTES);
        hse_status s = text_to_ascii(utf8, hse_utf8_put(utf8, code), &out, NULL);
        json_object_set_new(got, key, s == HSE_OK ? json_string(hse_buf_text(&out)) : json_null());
        hse_buf_free(&out);
    }
    json_decref(want);
    golden_give_json(c, "map", got);
}

/* ---- audio ---- */

/* Input "wav_x" (or "in_x") -> output "out_x" (or "wav_x"). */
static const char *sibling(const char *input, const char *prefix, const char *other, char out[128])
{
    if (strncmp(input, prefix, strlen(prefix)) != 0)
        return NULL;
    snprintf(out, 128, "%s%s", other, input + strlen(prefix));
    return out;
}

void hs1_golden_wav_decode(golden_case *c)
{
    const char *key;
    json_t *value;
    char name[128];

    json_object_foreach(json_object_get(c->json, "inputs"), key, value)
    {
        golden_array x;
        unsigned rate;

        if (sibling(key, "wav_", "out_", name) && golden_wav(c, key, &x, &rate)) {
            golden_give1(c, name, x.data, x.count);
            golden_free_array(&x);
        }
    }
}

void hs1_golden_wav_encode(golden_case *c)
{
    int rate = (int)golden_param(c, "sample_rate", HS1_AUDIO_RATE);
    const char *key;
    json_t *value;
    char name[128];

    json_object_foreach(json_object_get(c->json, "inputs"), key, value)
    {
        golden_array x;
        hse_buf out;
        hse_error err = {0};

        if (!sibling(key, "in_", "wav_", name) || !golden_input(c, key, &x))
            continue;
        hse_buf_init(&out, GOLDEN_FILE_BYTES);
        if (hse_wav_encode(&out, x.data, x.count, rate, &err) == HSE_OK)
            golden_give_wav(c, name, (hse_bytes){out.data, out.size});
        else
            golden_fail_error(c, name, &err);
        hse_buf_free(&out);
        golden_free_array(&x);
    }
}

void hs1_golden_resample(golden_case *c)
{
    int to = (int)golden_param(c, "target_sr", 16000);
    const char *key;
    json_t *value;
    char name[128];

    json_object_foreach(json_object_get(c->json, "inputs"), key, value)
    {
        golden_array x;
        hse_error err = {0};
        float *out = NULL;
        size_t n = 0;

        if (!sibling(key, "wav_", "out_", name) || !golden_input(c, key, &x))
            continue;
        if (hse_resample(&out, &n, x.data, x.count, (int)strtol(key + 4, NULL, 10), to, &err) == HSE_OK)
            golden_give1(c, name, out, n);
        else
            golden_fail_error(c, key, &err);
        hse_free(out);
        golden_free_array(&x);
    }
}

void hs1_golden_partial_slices(golden_case *c)
{
    json_t *rows = golden_expected_json(c, "slices"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        size_t padded, count = hs1_voice_partials((size_t)golden_number(row, "n_samples", 0), &padded);
        json_t *starts = json_array();

        for (size_t k = 0; k < count; k++)
            json_array_append_new(starts, json_integer((json_int_t)k * HS1_PARTIAL_STEP));
        json_object_set_new(row, "mel_starts", starts);
        json_object_set_new(row, "pad_to", json_integer((json_int_t)padded));
    }
    if (rows)
        golden_give_json(c, "slices", rows);
}

/* ---- filter bank ---- */

static void pqmf_run(golden_case *c, const nn_conv1d_layer *l, const golden_array *x, int rows, int cols,
                     bool synthesis, const char *name)
{
    const float *data[] = {x->data};
    hse_error err = {0};
    float *turned = hse_alloc((x->count + 1) * sizeof *turned), *out = NULL;
    size_t n;

    if (!turned) {
        golden_fail(c, "no memory");
        return;
    }
    for (int r = 0; r < rows; r++) /* [bands, T] -> [T, bands]; one column stays as it is */
        for (int k = 0; k < cols; k++)
            turned[r * cols + k] = x->data[k * rows + r];
    data[0] = turned;
    nn_begin(c->nn, NN_RUN);
    nn_tensor y = nn_conv1d(c->nn, l, nn_input(c->nn, 1, &rows, cols, data));
    n = (size_t)nn_rows(c->nn, y, 0) * (size_t)nn_cols(y);
    if ((out = hse_alloc((n + 1) * sizeof *out)) != NULL) {
        if (synthesis)
            nn_read(c->nn, y, 0, out, n); /* row by row: the waveform */
        else
            nn_read_channels_first(c->nn, y, 0, out, n);
    }
    if (nn_end(c->nn, &err) != HSE_OK || !out)
        golden_fail_error(c, name, &err);
    else if (synthesis)
        golden_give1(c, name, out, n);
    else
        golden_give2(c, name, out, (size_t)nn_cols(y), n / (size_t)nn_cols(y));
    hse_free(turned);
    hse_free(out);
}

static void pqmf_bands(golden_case *c, int bands)
{
    float synthesis[64 * HS1_PQMF_TAPS], analysis[64 * HS1_PQMF_TAPS];
    nn_conv1d_layer join, split;
    nn_binder *b = NULL;
    nn_params *params = NULL;
    golden_array sub = {0}, full = {0};
    hse_error err = {0};
    char name[64];

    hs1_pqmf_filters(bands, synthesis, analysis);
    snprintf(name, sizeof name, "synthesis_filter_%d", bands);
    golden_give2(c, name, synthesis, (size_t)bands, HS1_PQMF_TAPS);
    snprintf(name, sizeof name, "analysis_filter_%d", bands);
    golden_give2(c, name, analysis, (size_t)bands, HS1_PQMF_TAPS);
    if (nn_binder_open(&b, &(nn_binder_options){.kernels = c->kernels, .type = K_F32}, &err) != HSE_OK) {
        golden_fail_error(c, "binder", &err);
        return;
    }
    hs1_pqmf_bind(b, &join, bands);
    nn_make_conv1d(b, &split, 1, bands, HS1_PQMF_TAPS, 1, analysis, NULL);
    split.left = split.right = HS1_PQMF_TAPS / 2;
    split.stride = bands;
    if (nn_binder_close(&b, &params, &err) != HSE_OK) {
        golden_fail_error(c, "binder", &err);
        return;
    }
    snprintf(name, sizeof name, "subbands_%d", bands);
    if (golden_input(c, name, &sub)) {
        snprintf(name, sizeof name, "synthesis_out_%d", bands);
        pqmf_run(c, &join, &sub, (int)sub.dim[1], bands, true, name);
    }
    snprintf(name, sizeof name, "full_%d", bands);
    if (golden_input(c, name, &full)) {
        snprintf(name, sizeof name, "analysis_out_%d", bands);
        pqmf_run(c, &split, &full, (int)full.count, 1, false, name);
    }
    golden_free_array(&sub);
    golden_free_array(&full);
    nn_params_free(&params);
}

void hs1_golden_pqmf(golden_case *c)
{
    const char *key;
    json_t *value;
    const char *prefix = "subbands_";

    json_object_foreach(json_object_get(c->json, "inputs"), key, value)
    {
        long bands = strncmp(key, prefix, strlen(prefix)) == 0 ? strtol(key + strlen(prefix), NULL, 10) : 0;

        if (bands > 1 && bands <= 64)
            pqmf_bands(c, (int)bands);
    }
}

/* ---- checkpoint layouts ---- */

/* One tensor of a made-up safetensors file: all values 1/8. */
static void layout_tensor(hse_buf *header, size_t *floats, const char *name, const int dim[3])
{
    size_t n = 1;

    hse_buf_printf(header, "%s\"model.generator.%s\":{\"dtype\":\"F32\",\"shape\":[", *floats ? "," : "", name);
    for (int i = 0; i < 3 && dim[i]; n *= (size_t)dim[i++])
        hse_buf_printf(header, "%s%d", i ? "," : "", dim[i]);
    hse_buf_printf(header, "],\"data_offsets\":[%zu,%zu]}", *floats * 4, (*floats + n) * 4);
    *floats += n;
}

static void layout_conv(hse_buf *header, size_t *floats, const char *layer, int d0, int d1, int k, const char *keys)
{
    char name[96];

    if (strncmp(keys, "weight_g", 8) == 0 || strncmp(keys, "param", 5) == 0) {
        bool old = keys[0] == 'w';
        snprintf(name, sizeof name, "%s.%s", layer, old ? "weight_g" : "parametrizations.weight.original0");
        layout_tensor(header, floats, name, (int[]){d0, 1, 1});
        snprintf(name, sizeof name, "%s.%s", layer, old ? "weight_v" : "parametrizations.weight.original1");
        layout_tensor(header, floats, name, (int[]){d0, d1, k});
    } else {
        snprintf(name, sizeof name, "%s.weight", layer);
        layout_tensor(header, floats, name, (int[]){d0, d1, k});
    }
}

static bool layout_accepted(golden_case *c, bool weight_norm, const char *keys)
{
    char config[600];
    hse_buf header, file;
    hse_weights *w = NULL;
    hs1_vocoder *m = NULL;
    hse_error err = {0};
    size_t floats = 0;
    bool ok = false;

    snprintf(
        config, sizeof config,
        "{\"model\":{\"in_channels\":4,\"out_channels\":1,\"kernel_size\":3,\"channels\":4,\"bias\":false,\"upsample_"
        "scales\":[2],"
        "\"stack_kernel_size\":3,\"stacks\":1,\"nonlinear_activation\":\"LeakyReLU\",\"nonlinear_activation_params\":{}"
        ","
        "\"pad\":\"ReflectionPad1d\",\"pad_params\":{},\"use_final_nonlinear_activation\":true,\"use_weight_norm\":%s,"
        "\"use_causal_conv\":false}}",
        weight_norm ? "true" : "false");
    hse_buf_init(&header, 1 << 16);
    hse_buf_init(&file, 1 << 20);
    hse_buf_str(&header, "{");
    layout_conv(&header, &floats, "melgan.1", 4, 4, 3, keys);
    layout_conv(&header, &floats, "melgan.3", 4, 2, 4, keys);
    layout_conv(&header, &floats, "melgan.4.stack.2", 2, 2, 3, keys);
    layout_conv(&header, &floats, "melgan.4.stack.4", 2, 2, 1, keys);
    layout_conv(&header, &floats, "melgan.4.skip_layer", 2, 2, 1, keys);
    layout_conv(&header, &floats, "melgan.7", 1, 2, 3, keys);
    if (strstr(keys, "mean and scale")) {
        layout_tensor(&header, &floats, "mean", (int[]){4, 0, 0});
        layout_tensor(&header, &floats, "scale", (int[]){4, 0, 0});
    }
    hse_buf_str(&header, "}");
    uint8_t length[8] = {0};
    hse_put_u32le(length, (uint32_t)header.size);
    hse_buf_append(&file, length, sizeof length);
    hse_buf_append(&file, header.data, header.size);
    for (size_t i = 0; i < floats; i++)
        hse_buf_append(&file, &(float){0.125f}, sizeof(float));
    if (hse_buf_status(&file, "a made-up checkpoint", &err) != HSE_OK ||
        hse_weights_open_bytes(&w, (hse_bytes){file.data, file.size}, "made-up", NULL, &err) != HSE_OK)
        golden_fail_error(c, "a made-up checkpoint", &err);
    else
        ok = hs1_vocoder_open(&m, w, config, strlen(config), c->kernels, K_F32, &err) == HSE_OK;
    hs1_vocoder_close(&m);
    if (w)
        hse_weights_close(&w);
    hse_buf_free(&header);
    hse_buf_free(&file);
    return ok;
}

void hs1_golden_key_layouts(golden_case *c)
{
    json_t *rows = golden_expected_json(c, "rows"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *keys = json_string_value(json_object_get(row, "checkpoint_keys"));
        bool norm = json_is_true(json_object_get(row, "use_weight_norm"));
        json_object_set_new(row, "accepted", json_boolean(keys && layout_accepted(c, norm, keys)));
    }
    if (rows)
        golden_give_json(c, "rows", rows);
}

/* ---- routes ---- */

/* The model types a described request goes through; 0 when it is refused. */
static size_t route_steps(const char *request, const char *steps[HSE_MAX_STEPS])
{
    const hse_route *r = NULL;
    hse_mode mode = strstr(request, "single_speaker") ? HSE_MODE_SINGLE : HSE_MODE_CLONING;
    hse_job_kind kind = strncmp(request, "embed", 5) == 0    ? HSE_JOB_EMBED
                        : strncmp(request, "vocode", 6) == 0 ? HSE_JOB_VOCODE
                        : strncmp(request, "synthesize", 10) == 0 || strstr(request, "to hs1-synthesizer")
                            ? HSE_JOB_SYNTHESIZE
                            : HSE_JOB_SPEAK;
    unsigned has = kind == HSE_JOB_EMBED ? HSE_AUDIO : kind == HSE_JOB_VOCODE ? HSE_MEL : HSE_TEXT;
    size_t n = 0;

    if (kind == HSE_JOB_SPEAK && strstr(request, "audio"))
        has |= HSE_AUDIO;
    if (strstr(request, "embedding") || kind == HSE_JOB_SYNTHESIZE)
        has |= HSE_EMBEDDING;
    if (hse_route_find(&r, kind, "harmonyspeech", mode, has, true, NULL) != HSE_OK)
        return 0;
    for (; r->step[n]; n++)
        steps[n] = hse_model_type_find(r->step[n])->name;
    return n;
}

void hs1_golden_routing(golden_case *c)
{
    json_t *rows = golden_expected_json(c, "routes"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *request = json_string_value(json_object_get(row, "request")), *steps[HSE_MAX_STEPS];
        json_t *models = json_object_get(row, "models"), *mine;
        size_t n;
        bool same;

        /* Where upstream breaks or loses the request, any answer is right. */
        if (!request || !json_is_object(json_object_get(row, "result")))
            continue;
        n = route_steps(request, steps);
        same = n == json_array_size(models);
        for (size_t k = 0; k < n && same; k++)
            same = strcmp(steps[k], json_string_value(json_object_get(json_array_get(models, k), "model"))) == 0;
        if (same)
            continue;
        mine = json_array();
        for (size_t k = 0; k < n; k++)
            json_array_append_new(mine, json_string(steps[k]));
        json_object_set_new(row, "models", mine);
    }
    if (rows)
        golden_give_json(c, "routes", rows);
}
