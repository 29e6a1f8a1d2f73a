/* harmonyspeech.c - adapter of the golden cases of family harmonyspeech: synthesizer, vocoder, chains, and the table of
 * kinds. */
#include "golden/families/hs1.h"

#include "audio/wav.h"
#include "base/mem.h"
#include "engine/catalogue/route.h"
#include "models/harmonyspeech/adapter.h"
#include "text/hs1/frontend.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- helpers ---- */

static hse_model_source source_of(const golden_case *c)
{
    return (hse_model_source){.kernels = c->kernels, .precision = c->options->dtype};
}

/* A model of a case: model.<checkpoint> and model.config, where "<part>" stands for the part's name. */
void *hs1_golden_open(golden_case *c, const hse_model_type *type, const char *checkpoint, const char *part)
{
    char weights[GOLDEN_PATH], config[GOLDEN_PATH], with_part[GOLDEN_PATH], *mark;
    hse_model_source source = source_of(c);
    hse_error err = {0};
    void *m = NULL;

    if (!golden_model_path(c, checkpoint, weights) || !golden_model_path(c, "config", config))
        return NULL;
    mark = strstr(config, "<part>");
    if (mark) {
        snprintf(with_part, sizeof with_part, "%.*s%s%s", (int)(mark - config), config, part, mark + strlen("<part>"));
        snprintf(config, sizeof config, "%s", with_part);
    }
    if (hs1_load(&m, type, weights, config, &source, &err) != HSE_OK)
        golden_fail_error(c, "open", &err);
    return m;
}

void hs1_golden_close(const hse_model_type *type, void *m)
{
    if (m)
        type->close(&m);
}

int hs1_golden_neighbours(const golden_case *c)
{
    return c->options->batch > 1 ? c->options->batch : 1;
}

/* Samples of an input that is an audio file; empty, without complaint, for bytes that are none. */
bool hs1_golden_decode(golden_case *c, const char *input, hse_audio *out)
{
    char *bytes = NULL;
    size_t size;

    *out = (hse_audio){0};
    if (!golden_input_bytes(c, input, &bytes, &size))
        return false;
    hse_audio_source src = hse_source_bytes((hse_bytes){(const uint8_t *)bytes, size});
    if (hse_wav_decode(out, &src, NULL, NULL) != HSE_OK)
        *out = (hse_audio){.rate_hz = 16000, .channels = 1};
    hse_free(bytes);
    return true;
}

bool hs1_golden_copy_audio(hse_audio *out, const hse_audio *in)
{
    *out = *in;
    if (!(out->samples = hse_alloc((in->n + 1) * sizeof *out->samples)))
        return false;
    if (in->n)
        memcpy(out->samples, in->samples, in->n * sizeof *out->samples);
    return true;
}

static float *turned(const float *x, size_t rows, size_t cols)
{
    float *out = hse_alloc((rows * cols + 1) * sizeof *out);

    for (size_t r = 0; out && r < rows; r++)
        for (size_t k = 0; k < cols; k++)
            out[k * rows + r] = x[r * cols + k];
    return out;
}

/* ---- synthesizer ---- */

/* Upstream's layouts: convolutions and what stands between them channels first, the rest rows. */
static int synth_layout(const char *name)
{
    bool conv = strstr(name, "conv") || strstr(name, "maxpool") || strcmp(name, "pitch_proj") == 0 ||
                strcmp(name, "energy_proj") == 0;

    return conv ? GOLDEN_CHANNELS_FIRST : GOLDEN_ROWS;
}

static void hear_synth(void *user, const nn_view *v)
{
    golden_case *c = user;
    bool rows = v->items > 1;

    golden_give_view(c, v->name, v, synth_layout(v->name) | GOLDEN_LEAD);
    if (strcmp(v->name, "lin") == 0)
        golden_give_view(c, "mel", v, GOLDEN_CHANNELS_FIRST | (rows ? GOLDEN_LEAD : 0));
    if (rows && strcmp(v->name, "post_proj") == 0)
        golden_give_view(c, "mel_post", v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
}

/* The case among items that say other things in other voices. */
static void check_synth_batch(golden_case *c, const hs1_synthesizer *m, const hs1_mel *alone)
{
    int n = hs1_golden_neighbours(c), mine = n / 2;
    size_t speaker = (size_t)m->cfg.speaker, symbols = (size_t)alone->n + (size_t)n;
    hs1_mel *items = hse_calloc((size_t)n, sizeof *items);
    int32_t *ids = hse_calloc((size_t)n * symbols, sizeof *ids);
    float *voices = hse_calloc((size_t)n * speaker, sizeof *voices);
    hse_error err = {0};
    uint32_t seed = 5;

    if (n == 1 || !items || !ids || !voices)
        goto done;
    for (int i = 0; i < n; i++) {
        int count = i == mine ? alone->n : 1 + (alone->n * (i + 1)) / n;
        for (int k = 0; k < count; k++)
            ids[(size_t)i * symbols + (size_t)k] =
                i == mine ? alone->ids[k] : (alone->ids[k % alone->n] + i) % m->cfg.chars;
        for (size_t k = 0; k < speaker; k++)
            voices[(size_t)i * speaker + k] = alone->embedding[k] * (i == mine ? 1 : 1 + 0.3f * golden_noise(&seed));
        items[i] = (hs1_mel){.ids = ids + (size_t)i * symbols,
                             .n = count,
                             .embedding = voices + (size_t)i * speaker,
                             .alpha = alone->alpha,
                             .pitch_factor = alone->pitch_factor,
                             .energy_factor = alone->energy_factor};
    }
    if (hs1_synthesizer_run(m, c->nn, items, n, false, &err) != HSE_OK || items[mine].status != HSE_OK)
        golden_fail_error(c, "the synthesizer in a batch", err.status != HSE_OK ? &err : &items[mine].error);
    else {
        golden_same_bits(c, "the durations", alone->durations, (size_t)alone->n, items[mine].durations,
                         (size_t)items[mine].n);
        golden_same_bits(c, "the mel", alone->mel, (size_t)alone->frames * (size_t)m->cfg.mels, items[mine].mel,
                         (size_t)items[mine].frames * (size_t)m->cfg.mels);
    }
done:
    for (int i = 0; i < n && items; i++)
        hs1_mel_free(&items[i]);
    hse_free(items);
    hse_free(ids);
    hse_free(voices);
}

static void give_repeats(golden_case *c, const hs1_mel *t)
{
    float *x = hse_alloc((size_t)t->n * sizeof *x);

    for (int i = 0; x && i < t->n; i++)
        x[i] = (float)t->repeats[i];
    if (x)
        golden_give1(c, "repeats", x, (size_t)t->n);
    hse_free(x);
}

/* Runs one item and gives everything it has; on success t holds the results. */
static bool run_synth(golden_case *c, const hs1_synthesizer *m, hs1_mel *t)
{
    hse_error err = {0};
    float *channels;
    size_t n;

    nn_listen(c->nn, hear_synth, c);
    if (hs1_synthesizer_run(m, c->nn, t, 1, false, &err) != HSE_OK || t->status != HSE_OK)
        golden_fail_error(c, "the synthesizer", err.status != HSE_OK ? &err : &t->error);
    nn_listen(c->nn, NULL, NULL);
    if (c->failed)
        return false;
    n = (size_t)t->n;
    golden_give1(c, "durations", t->durations, n);
    golden_give1(c, "pitch", t->pitch, n);
    golden_give1(c, "energy", t->energy, n);
    give_repeats(c, t);
    if ((channels = turned(t->mel, (size_t)t->frames, (size_t)m->cfg.mels)) != NULL)
        golden_give2(c, "mel_post", channels, (size_t)m->cfg.mels, (size_t)t->frames);
    hse_free(channels);
    check_synth_batch(c, m, t);
    return !c->failed;
}

/* The ids of an input array, or of the text; where both are there they must agree. */
static int32_t *read_ids(golden_case *c, size_t *n)
{
    json_t *inputs = json_object_get(c->json, "inputs");
    golden_array want = {0};
    int32_t *ids = NULL;
    hse_buf mine;
    char *text = NULL;
    size_t size = 0;
    hse_error err = {0};

    hse_buf_init(&mine, HS1_MAX_SYMBOLS);
    if (json_object_get(inputs, "char_ids") && golden_input(c, "char_ids", &want)) {
        *n = want.count;
        ids = hse_alloc((want.count + 1) * sizeof *ids);
        for (size_t i = 0; ids && i < want.count; i++)
            ids[i] = (int32_t)want.data[i];
    }
    if (json_object_get(inputs, "text") && golden_input_bytes(c, "text", &text, &size)) {
        if (hs1_text_ids(text, size, &mine, &err) != HSE_OK)
            golden_fail_error(c, "the text", &err);
        if (!ids && (ids = hse_alloc((mine.size + 1) * sizeof *ids)) != NULL) {
            *n = mine.size;
            for (size_t i = 0; i < mine.size; i++)
                ids[i] = mine.data[i];
        }
        bool same = ids && *n == mine.size;
        for (size_t i = 0; same && i < mine.size; i++)
            same = ids[i] == mine.data[i];
        if (!same)
            golden_fail(c, "the text gives other symbols than char_ids");
    }
    if (!ids)
        golden_fail(c, "no text and no char_ids");
    hse_free(text);
    hse_buf_free(&mine);
    golden_free_array(&want);
    return ids;
}

static void read_modifiers(const golden_case *c, hs1_mel *t)
{
    t->alpha = (float)golden_param(c, "speed", golden_param(c, "alpha", 0));
    t->pitch_factor = (float)golden_param(c, "pitch", golden_param(c, "pitch_factor", 0));
    t->energy_factor = (float)golden_param(c, "energy", golden_param(c, "energy_factor", 0));
}

static void synth(golden_case *c)
{
    hs1_synthesizer *m = hs1_golden_open(c, &hs1_synthesizer_type, "checkpoint", "synthesizer");
    golden_array voice = {0};
    hs1_mel t = {0};
    size_t n = 0;
    int32_t *ids = m ? read_ids(c, &n) : NULL;

    if (ids && golden_input(c, "speaker_embedding", &voice)) {
        t.ids = ids;
        t.n = (int)n;
        t.embedding = voice.data;
        read_modifiers(c, &t);
        if (voice.count != (size_t)m->cfg.speaker)
            golden_fail(c, "an embedding of %zu for a model of %d", voice.count, m->cfg.speaker);
        else if (run_synth(c, m, &t))
            golden_give_json(c, "response",
                             json_pack("{s:[i],s:[s,s],s:[i,i]}", "breaks", t.frames, "keys", "mel", "breaks",
                                       "mel_shape", m->cfg.mels, t.frames));
    }
    hs1_mel_free(&t);
    hse_free(ids);
    golden_free_array(&voice);
    hs1_golden_close(&hs1_synthesizer_type, m);
}

static void give_rows(golden_case *c, const char *name, const hs1_mel *t, size_t n, size_t field, bool channel)
{
    size_t length = (size_t)t[0].n;
    float *x = hse_alloc(n * length * sizeof *x);

    for (size_t i = 0; x && i < n; i++)
        memcpy(x + i * length, *(float *const *)(const void *)((const char *)&t[i] + field), length * sizeof *x);
    if (x && channel)
        golden_give(c, name, x, 3, (size_t[]){n, 1, length});
    else if (x)
        golden_give2(c, name, x, n, length);
    hse_free(x);
}

static void synth_two_rows(golden_case *c)
{
    hs1_synthesizer *m = hs1_golden_open(c, &hs1_synthesizer_type, "checkpoint", "synthesizer");
    golden_array ids = {0}, voices = {0};
    hs1_mel t[16] = {{0}};
    int32_t *numbers = NULL;
    hse_error err = {0};
    size_t n = 0;

    if (m && golden_input(c, "char_ids", &ids) && golden_input(c, "speaker_embedding", &voices) && ids.rank == 2 &&
        ids.dim[0] <= COUNT(t) && voices.count == ids.dim[0] * (size_t)m->cfg.speaker &&
        (numbers = hse_alloc((ids.count + 1) * sizeof *numbers)) != NULL) {
        n = ids.dim[0];
        for (size_t i = 0; i < ids.count; i++)
            numbers[i] = (int32_t)ids.data[i];
        for (size_t i = 0; i < n; i++) {
            t[i] = (hs1_mel){.ids = numbers + i * ids.dim[1],
                             .n = (int)ids.dim[1],
                             .embedding = voices.data + i * (size_t)m->cfg.speaker};
            read_modifiers(c, &t[i]);
        }
        nn_listen(c->nn, hear_synth, c);
        if (hs1_synthesizer_run(m, c->nn, t, (int)n, true, &err) != HSE_OK)
            golden_fail_error(c, "the synthesizer", &err);
        nn_listen(c->nn, NULL, NULL);
        for (size_t i = 0; i < n; i++)
            if (t[i].status != HSE_OK)
                golden_fail_error(c, "a row", &t[i].error);
        if (!c->failed) {
            give_rows(c, "durations", t, n, offsetof(hs1_mel, durations), false);
            give_rows(c, "pitch", t, n, offsetof(hs1_mel, pitch), true);
            give_rows(c, "energy", t, n, offsetof(hs1_mel, energy), true);
        }
    }
    for (size_t i = 0; i < n; i++)
        hs1_mel_free(&t[i]);
    hse_free(numbers);
    golden_free_array(&ids);
    golden_free_array(&voices);
    hs1_golden_close(&hs1_synthesizer_type, m);
}

/* ---- vocoder ---- */

static void hear_vocoder(void *user, const nn_view *v)
{
    golden_case *c = user;

    if (strcmp(v->name, "vocoder_wav") == 0)
        golden_give1(c, v->name, v->data, (size_t)(v->starts[1] - v->starts[0]) * (size_t)v->width);
    else
        golden_give_view(c, v->name, v, GOLDEN_CHANNELS_FIRST);
}

/* The case among other mels, and in windows: the same bits as at once. */
static void check_vocoder_batch(golden_case *c, const hs1_vocoder *m, const hs1_wave *alone)
{
    int n = hs1_golden_neighbours(c), mine = n / 2;
    size_t in = (size_t)m->cfg.in, hop = (size_t)m->cfg.hop, frames = alone->audio.frames, cut = frames / 3 + 1;
    hs1_wave items[64] = {{0}};
    float *noise = hse_alloc((frames + 64) * in * sizeof *noise);
    hse_error err = {0};
    uint32_t seed = 17;

    n = n > 61 ? 61 : n;
    if (!noise) {
        golden_fail(c, "no memory");
        return;
    }
    for (size_t i = 0; i < (frames + 64) * in; i++)
        noise[i] = golden_noise(&seed);
    for (int i = 0; i < n; i++) {
        size_t length = i == mine ? frames : (size_t)m->min_frames + frames * (size_t)(i + 1) / (size_t)(n + 1);
        length = length > frames + 64 ? frames + 64 : length;
        items[i] = (hs1_wave){.mel = i == mine ? alone->mel : noise, .audio = {.frames = length, .to = length}};
    }
    for (int i = 0; i < 3; i++) {
        size_t from = cut * (size_t)i < frames ? cut * (size_t)i : frames - 1,
               to = from + cut < frames ? from + cut : frames;
        items[n + i] = (hs1_wave){.mel = alone->mel, .audio = {.frames = frames, .from = from, .to = to}};
    }
    if (hs1_vocoder_run(m, c->nn, items, n + 3, false, &err) != HSE_OK)
        golden_fail_error(c, "the vocoder in a batch", &err);
    for (int i = mine; i < n + 3 && !c->failed; i = i == mine ? n : i + 1) {
        const windows_audio *t = &items[i].audio;
        if (t->status != HSE_OK)
            golden_fail_error(c, "the vocoder in a batch", &t->error);
        else
            golden_same_bits(c, i == mine ? "the audio" : "a window of the audio", alone->audio.wave + t->from * hop,
                             (t->to - t->from) * hop, t->wave, t->samples);
    }
    for (int i = 0; i < n + 3; i++)
        hse_free(items[i].audio.wave);
    hse_free(noise);
}

/* mel: [frames][in], already scaled. On success t holds the wave. */
static bool run_vocoder(golden_case *c, const hs1_vocoder *m, hs1_wave *t)
{
    hse_error err = {0};
    float *channels = turned(t->mel, t->audio.frames, (size_t)m->cfg.in);

    if (channels)
        golden_give2(c, "vocoder_input", channels, (size_t)m->cfg.in, t->audio.frames);
    hse_free(channels);
    nn_listen(c->nn, hear_vocoder, c);
    if (hs1_vocoder_run(m, c->nn, t, 1, true, &err) != HSE_OK || t->audio.status != HSE_OK)
        golden_fail_error(c, "the vocoder", err.status != HSE_OK ? &err : &t->audio.error);
    nn_listen(c->nn, NULL, NULL);
    if (!c->failed)
        check_vocoder_batch(c, m, t);
    return !c->failed;
}

static void give_wave(golden_case *c, const float *wave, size_t n)
{
    hse_buf file;

    golden_give1(c, "wav_final", wave, n);
    hse_buf_init(&file, GOLDEN_FILE_BYTES);
    if (hse_wav_encode(&file, wave, n, HS1_AUDIO_RATE, NULL) == HSE_OK)
        golden_give_wav(c, "wav_file", (hse_bytes){file.data, file.size});
    hse_buf_free(&file);
}

/* The breaks of a request: NULL where there are none. */
static int *read_breaks(golden_case *c, size_t *n)
{
    json_t *entry = json_object_get(json_object_get(c->json, "inputs"), "breaks"), *list;
    int *breaks = NULL;

    *n = 0;
    list = golden_json(c, json_string_value(json_object_get(entry, "file")));
    if (json_is_array(list) && (breaks = hse_calloc(json_array_size(list) + 1, sizeof *breaks)) != NULL)
        for (; *n < json_array_size(list); (*n)++)
            breaks[*n] = (int)json_integer_value(json_array_get(list, *n));
    json_decref(list);
    return breaks;
}

/* The mel of a case, [bands, frames] in the file, as frames of the network's input: (x - mean) * factor, or by the
 * statistics. */
static float *read_mel(golden_case *c, const hs1_vocoder *m, size_t *frames, const golden_array *stats)
{
    golden_array mel;
    float *x = NULL;

    if (!golden_input(c, "mel", &mel))
        return NULL;
    if (mel.rank != 2 || mel.dim[0] != (size_t)m->cfg.in)
        golden_fail(c, "the mel has another number of bands than the model");
    else if ((x = turned(mel.data, mel.dim[0], mel.dim[1])) != NULL) {
        *frames = mel.dim[1];
        for (size_t i = 0; i < mel.count; i++) {
            size_t band = i % mel.dim[0];
            x[i] = stats ? (x[i] - stats->data[band]) / stats->data[mel.dim[0] + band] : x[i] * 0.25f;
        }
    }
    golden_free_array(&mel);
    return x;
}

static void voc(golden_case *c)
{
    hs1_vocoder *m = hs1_golden_open(c, &hs1_vocoder_type, "checkpoint", "vocoder");
    float *mel, *final = NULL;
    hs1_wave t = {0};
    size_t n, n_breaks;
    hse_error err = {0};

    if (m && (mel = read_mel(c, m, &t.audio.frames, NULL)) != NULL) {
        t.mel = mel;
        t.audio.to = t.audio.frames;
        if (run_vocoder(c, m, &t)) {
            int *breaks = read_breaks(c, &n_breaks);
            if (hs1_reference_wave(&final, &n, t.audio.wave, t.audio.frames * (size_t)m->cfg.hop, breaks, n_breaks, &err) == HSE_OK)
                give_wave(c, final, n);
            else
                golden_fail_error(c, "the wave", &err);
            hse_free(breaks);
        }
        hse_free(mel);
    }
    hse_free(final);
    hse_free(t.audio.wave);
    hs1_golden_close(&hs1_vocoder_type, m);
}

static void voc_stats(golden_case *c)
{
    hs1_vocoder *m = hs1_golden_open(c, &hs1_vocoder_type, "checkpoint", "vocoder");
    golden_array stats = {0};
    float *mel = NULL;
    hs1_wave t = {0};

    if (m && golden_input(c, "stats", &stats)) {
        if (stats.rank != 2 || stats.dim[0] != 2 || stats.dim[1] != (size_t)m->cfg.in)
            golden_fail(c, "statistics of another shape");
        else if ((mel = read_mel(c, m, &t.audio.frames, &stats)) != NULL) {
            t.mel = mel;
            t.audio.to = t.audio.frames;
            run_vocoder(c, m, &t);
        }
    }
    hse_free(mel);
    hse_free(t.audio.wave);
    golden_free_array(&stats);
    hs1_golden_close(&hs1_vocoder_type, m);
}

/* ---- the whole chain ---- */

typedef struct {
    hs1_encoder *encoder;
    hs1_synthesizer *synthesizer;
    hs1_vocoder *vocoder;
} chain_models;

static const void *chain_model(const chain_models *m, const hse_model_type *type)
{
    return type == &hs1_encoder_type       ? (const void *)m->encoder
           : type == &hs1_synthesizer_type ? (const void *)m->synthesizer
                                           : m->vocoder;
}

static void add_trace(json_t *trace, const hse_model_type *type, size_t embedding_bytes)
{
    bool encoder = type == &hs1_encoder_type, vocoder = type == &hs1_vocoder_type;
    char bytes[64];

    snprintf(bytes, sizeof bytes, "base64 of %zu bytes", embedding_bytes);
    json_array_append_new(trace,
                          json_pack("{s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:n}", "model", type->name, "request_type",
                                    "TextToSpeechRequestInput", "requested_model", "harmonyspeech", "input_audio",
                                    encoder   ? json_string("base64 of a WAV file")
                                    : vocoder ? json_string("json with keys mel,breaks")
                                              : json_null(),
                                    "input_embedding", encoder ? json_null() : json_string(bytes), "result_type",
                                    encoder   ? "SpeechEmbeddingRequestOutput"
                                    : vocoder ? "VocodeRequestOutput"
                                              : "SpeechSynthesisRequestOutput",
                                    "finish_reason", "stop", "error"));
}

/* With reduced weights each model is judged on the kit's own inputs: a speaker that is 50 dB right still rounds one
 * duration in fifty the other way, and audio that is moved by a frame has no signal to noise ratio; and a vocoder's
 * phases follow every detail of the mel. */
static void take_kits(golden_case *c, const char *stage, float *x, size_t rows, size_t cols)
{
    json_t *spec = json_object_get(json_object_get(c->json, "stages"), stage);
    golden_array want;

    if (c->options->dtype == K_F32 || !spec || !golden_load(c, json_string_value(json_object_get(spec, "file")), &want))
        return;
    for (size_t r = 0; want.count == rows * cols && r < rows; r++) /* the kit has columns, then rows */
        for (size_t k = 0; k < cols; k++)
            x[r * cols + k] = want.data[k * rows + r];
    golden_free_array(&want);
}

/* The request as the engine runs it: the route's model types, one after another, over one item. */
static void run_route(golden_case *c, const chain_models *m, hse_item *item, json_t *trace)
{
    const hse_route *route = NULL;
    hse_error err = {0};
    unsigned has = HSE_TEXT | (item->audio.samples ? HSE_AUDIO : HSE_EMBEDDING);

    if (hse_route_find(&route, HSE_JOB_SPEAK, "harmonyspeech", HSE_MODE_CLONING, has, true, &err) != HSE_OK) {
        golden_fail_error(c, "the route", &err);
        return;
    }
    for (size_t i = 0; route->step[i] && !c->failed; i++) {
        const hse_model_type *type = hse_model_type_find(route->step[i]);
        if (!type || type->run(chain_model(m, type), c->nn, &item, 1) != HSE_OK || item->status != HSE_OK)
            golden_fail_error(c, route->step[i], &item->error);
        else
            add_trace(trace, type, item->embedding_size * sizeof(float));
        if (!c->failed && type == &hs1_encoder_type)
            take_kits(c, "speaker_embedding", item->embedding, 1, item->embedding_size);
        if (!c->failed && type == &hs1_synthesizer_type)
            take_kits(c, "mel_post", item->mel, item->mel_frames, (size_t)item->mel_bands);
    }
}

static void give_ids(golden_case *c, const int32_t *ids, size_t n)
{
    float *x = hse_alloc((n + 1) * sizeof *x);

    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)ids[i];
    if (x)
        golden_give1(c, "char_ids", x, n);
    hse_free(x);
}

/* The same step by step, giving the stages; each result must have the bits that the route gave. */
static void run_stages(golden_case *c, const chain_models *m, const hse_audio *audio, const float *given,
                       const hse_item *done)
{
    size_t e = (size_t)m->synthesizer->cfg.speaker, n = 0, count;
    float *embedding = hse_alloc(e * sizeof *embedding), *mel = NULL;
    int32_t *ids = read_ids(c, &n);
    hs1_mel t = {.ids = ids, .n = (int)n, .embedding = embedding};
    hs1_wave w = {0};

    if (!embedding || !ids)
        goto done;
    if (audio->samples) {
        hs1_golden_run_encoder(c, m->encoder, audio, NULL, embedding);
        golden_give1(c, "speaker_embedding", embedding, e);
        take_kits(c, "speaker_embedding", embedding, 1, e);
        golden_same_bits(c, "the embedding", embedding, e, done->embedding, done->embedding_size);
    } else {
        memcpy(embedding, given, e * sizeof *embedding);
    }
    give_ids(c, ids, n);
    read_modifiers(c, &t);
    if (c->failed || !run_synth(c, m->synthesizer, &t))
        goto done;
    count = (size_t)t.frames * (size_t)m->synthesizer->cfg.mels;
    take_kits(c, "mel_post", t.mel, (size_t)t.frames, (size_t)m->synthesizer->cfg.mels);
    golden_same_bits(c, "the mel", t.mel, count, done->mel, done->mel_frames * (size_t)done->mel_bands);
    if (!(mel = hse_calloc(count, sizeof *mel)))
        goto done;
    for (size_t i = 0; i < count; i++)
        mel[i] = t.mel[i] * 0.25f;
    w = (hs1_wave){.mel = mel, .audio = {.frames = (size_t)t.frames, .to = (size_t)t.frames}};
    run_vocoder(c, m->vocoder, &w);
done:
    hs1_mel_free(&t);
    hse_free(w.audio.wave);
    hse_free(mel);
    hse_free(ids);
    hse_free(embedding);
}

static void chain(golden_case *c)
{
    bool has_audio = json_object_get(json_object_get(c->json, "inputs"), "reference_wav") != NULL;
    chain_models m = {.encoder = has_audio ? hs1_golden_open(c, &hs1_encoder_type, "encoder", "encoder") : NULL,
                      .synthesizer = hs1_golden_open(c, &hs1_synthesizer_type, "synthesizer", "synthesizer"),
                      .vocoder = hs1_golden_open(c, &hs1_vocoder_type, "vocoder", "vocoder")};
    golden_array given = {0};
    hse_audio audio = {0};
    hse_item item;
    json_t *trace = json_array();
    size_t size;

    hse_item_init(&item);
    item.reference = true;
    item.speed = (float)golden_param(c, "speed", 0);
    item.pitch = (float)golden_param(c, "pitch", 0);
    item.energy = (float)golden_param(c, "energy", 0);
    if (c->failed || !m.synthesizer || !golden_input_bytes(c, "text", &item.text, &size))
        goto done;
    if (has_audio ? !hs1_golden_decode(c, "reference_wav", &audio) || !hs1_golden_copy_audio(&item.audio, &audio)
                  : !golden_input(c, "speaker_embedding", &given))
        goto done;
    if (!has_audio) {
        if (given.count != (size_t)m.synthesizer->cfg.speaker ||
            !(item.embedding = hse_alloc(given.count * sizeof(float)))) {
            golden_fail(c, "an embedding of %zu for a model of %d", given.count, m.synthesizer->cfg.speaker);
            goto done;
        }
        memcpy(item.embedding, given.data, given.count * sizeof(float));
        item.embedding_size = given.count;
    }
    run_route(c, &m, &item, trace);
    if (!c->failed)
        run_stages(c, &m, &audio, given.data, &item);
    if (!c->failed) {
        give_wave(c, item.audio.samples, item.audio.n);
        golden_give_json(c, "trace", json_incref(trace));
    }
done:
    json_decref(trace);
    hse_item_free(&item);
    hse_audio_free(&audio);
    golden_free_array(&given);
    hs1_golden_close(&hs1_encoder_type, m.encoder);
    hs1_golden_close(&hs1_synthesizer_type, m.synthesizer);
    hs1_golden_close(&hs1_vocoder_type, m.vocoder);
}

const golden_kind golden_harmonyspeech[] = {
    {"harmonyspeech.enc", hs1_golden_enc},
    {"harmonyspeech.enc_model_only", hs1_golden_enc_model_only},
    {"harmonyspeech.enc_degenerate", hs1_golden_enc_degenerate},
    {"harmonyspeech.synth", synth},
    {"harmonyspeech.synth_two_rows", synth_two_rows},
    {"harmonyspeech.voc", voc},
    {"harmonyspeech.voc_stats", voc_stats},
    {"harmonyspeech.chain", chain},
    {"harmonyspeech.voc_key_layouts", hs1_golden_key_layouts},
    {"harmonyspeech.partial_slices", hs1_golden_partial_slices},
    {"harmonyspeech.pqmf_filters", hs1_golden_pqmf},
    {"harmonyspeech.resample_to_16k", hs1_golden_resample},
    {"harmonyspeech.routing", hs1_golden_routing},
    {"harmonyspeech.text_main", hs1_golden_text_main},
    {"harmonyspeech.text_numbers", hs1_golden_text_numbers},
    {"harmonyspeech.text_transliteration", hs1_golden_text_transliteration},
    {"harmonyspeech.wav_decode", hs1_golden_wav_decode},
    {"harmonyspeech.wav_encode", hs1_golden_wav_encode},
    {NULL, NULL},
};
