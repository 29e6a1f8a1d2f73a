/* openvoice_chain.c - adapters of what HSE makes of OpenVoice: a reference that is cut and heard, a text that a base speaker reads, the
 * converter behind it; and which models a request passes through. Models are the engine's own types over the case's repository. */
#include "golden/case.h"

#include "audio/decode.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "engine/catalogue/route.h"
#include "formats/json.h"
#include "models/openvoice/tone.h"
#include "models/vits/narrator.h"
#include "text/lexicon.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { ARENA = 1 << 28, HEAD = 256, MOST_SEGMENTS = 64 };

typedef struct {
    golden_case *c;
    const hse_model_type *encoder, *converter;
    const ov_colour_file *files;
    bool reads;                             /* V1: the base speaker is here, too */
} chain;

/* ---- pieces of work ------------------------------------------------------------------------------------------------ */

static bool given(const golden_case *c, const char *name)
{
    return json_object_get(json_object_get(c->json, "inputs"), name) != NULL;
}

static const char *text_param(const golden_case *c, const char *name)
{
    return json_string_value(json_object_get(json_object_get(c->json, "params"), name));
}

static void *open_model(golden_case *c, const hse_model_type *type)
{
    hse_model_source source = {.kernels = c->kernels, .precision = c->options->dtype};
    char dir[GOLDEN_PATH];
    void *model = NULL;
    hse_error err = {0};

    source.dir = dir;
    if (golden_model_path(c, "repository", dir) && type->open(&model, &source, &err) != HSE_OK)
        golden_fail_error(c, type->type, &err);
    return model;
}

static bool read_audio(golden_case *c, const char *input, hse_audio *out)
{
    char *bytes = NULL;
    size_t size;
    hse_error err = {0};
    bool ok = golden_input_bytes(c, input, &bytes, &size);
    hse_audio_source source = hse_source_bytes((hse_bytes){(const uint8_t *)bytes, ok ? size : 0});

    if (ok && hse_audio_decode(out, &source, NULL, &err) != HSE_OK) {
        golden_fail_error(c, input, &err);
        ok = false;
    }
    hse_free(bytes);
    return ok;
}

/* [1][channels][n] of the file as [n][channels]. */
static float *read_turned(golden_case *c, const char *name, int *rows)
{
    golden_array x = {0};
    float *out = NULL;

    if (golden_input(c, name, &x) && x.rank >= 2 && (out = hse_alloc((x.count + 1) * sizeof *out)) != NULL) {
        size_t n = x.dim[x.rank - 1], channels = x.dim[x.rank - 2];

        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < channels; k++)
                out[i * channels + k] = x.data[k * n + i];
        *rows = (int)n;
    }
    golden_free_array(&x);
    return out;
}

/* A batch of this item alone, or among others: the item is the last of n, each of the others has less audio. */
static bool run_among(golden_case *c, const hse_model_type *type, const void *model, hse_item *item, int n)
{
    enum { MOST = 16 };
    hse_item other[MOST], *items[MOST];
    hse_status s;

    n = n > MOST ? MOST : n < 1 ? 1 : n;
    for (int i = 0; i + 1 < n; i++) {
        other[i] = *item;
        other[i].own = NULL;
        other[i].seed = (uint64_t)i;
        other[i].has &= ~(unsigned)HSE_TRANSCRIPT;
        other[i].said = NULL;
        other[i].said_count = 0;
        other[i].audio.n -= other[i].audio.n / (size_t)(4 + i);
        other[i].audio.samples = hse_alloc((item->audio.n + 1) * sizeof(float));
        other[i].embedding = NULL;
        if (item->embedding && (other[i].embedding = hse_alloc(item->embedding_size * sizeof(float))) != NULL)
            memcpy(other[i].embedding, item->embedding, item->embedding_size * sizeof(float));
        if (other[i].audio.samples)
            memcpy(other[i].audio.samples, item->audio.samples, item->audio.n * sizeof(float));
        items[i] = &other[i];
    }
    items[n - 1] = item;
    s = type->run(model, c->nn, items, (size_t)n);
    for (int i = 0; i + 1 < n; i++) {
        hse_audio_free(&other[i].audio);
        hse_free(other[i].embedding);
    }
    if (s != HSE_OK && item->status == HSE_OK)
        item->status = hse_fail(&item->error, s, 0, "the whole batch failed");
    return item->status == HSE_OK;
}

/* ---- hearing ------------------------------------------------------------------------------------------------------- */

/* What a recogniser said, as a request brings it. */
static json_t *read_said(golden_case *c, const char *input, hse_transcript_segment out[MOST_SEGMENTS], size_t *n)
{
    char *text = NULL;
    size_t size;
    json_t *root = NULL;
    hse_error err = {0};

    *n = 0;
    if (golden_input_bytes(c, input, &text, &size) &&
        hse_json_parse(&root, (hse_bytes){(const uint8_t *)text, size}, input, NULL, &err) != HSE_OK)
        golden_fail_error(c, input, &err);
    const json_t *list = json_object_get(root, "segments");
    for (size_t i = 0; i < json_array_size(list) && i < MOST_SEGMENTS; i++) {
        const json_t *s = json_array_get(list, i);

        out[(*n)++] = (hse_transcript_segment){.start = json_number_value(json_object_get(s, "start")),
                                               .end = json_number_value(json_object_get(s, "end")),
                                               .text = json_string_value(json_object_get(s, "text"))};
    }
    hse_free(text);
    return root;
}

/* Each part: how long it is, its first samples, its colour alone. */
static void give_parts(golden_case *c, const vits_converter *net, nn_ctx *nn, const hse_audio *audio, const hse_item *item)
{
    ov_recording r = {.rate_hz = net->rate_hz, .said = item->said, .said_count = item->said_count, .has_said = true, .strict = true};
    json_t *lengths = json_array();
    float *at_rate = NULL, *part = NULL, *spec = NULL, *colour = hse_alloc((size_t)net->dims.gin * sizeof *colour);
    size_t n = 0;
    ov_parts p;
    hse_error err = {0};
    char name[32];

    if (!colour || hse_resample(&at_rate, &r.n, audio->samples, audio->n, audio->rate_hz, net->rate_hz, &err) != HSE_OK) {
        golden_fail_error(c, "the recording", &err);
    } else {
        r.samples = at_rate;
        if (ov_parts_open(&p, &r, &err) != HSE_OK)
            golden_fail_error(c, "the parts", &err);
        for (size_t i = 0; !c->failed && ov_parts_next(&p, &part, &n, &err) == HSE_OK && part; i++) {
            size_t frames;

            json_array_append_new(lengths, json_integer((json_int_t)n));
            snprintf(name, sizeof name, "segment%zu_head", i);
            golden_give1(c, name, part, n < HEAD ? n : HEAD);
            snprintf(name, sizeof name, "g%zu", i);
            if (golden_wants(c, name) && vits_spectrogram(net, part, n, &spec, &frames, &err) == HSE_OK) {
                if (vits_reference_run(net, nn, 1, (const float *const[]){spec}, &(int){(int)frames}, &colour, &err) == HSE_OK)
                    golden_give(c, name, colour, 3, (size_t[]){1, (size_t)net->dims.gin, 1});
                hse_free(spec);
            }
            hse_free(part);
        }
        ov_parts_close(&p);
    }
    if (golden_wants(c, "segment_lengths"))
        golden_give_json(c, "segment_lengths", lengths);
    else
        json_decref(lengths);
    hse_free(colour);
    hse_free(at_rate);
}

/* The colour of `recording` by what `said` says; into *out (hse_free). An expected error passes in whatever words. */
static void hear(const chain *h, const char *recording, const char *said, const char *output, float **out, size_t *size)
{
    golden_case *c = h->c;
    hse_transcript_segment list[MOST_SEGMENTS];
    void *model = open_model(c, h->encoder);
    hse_item item, again;
    json_t *root = NULL;

    hse_item_init(&item);
    item.has = HSE_AUDIO | HSE_TRANSCRIPT;
    item.reference = true;
    if (model && read_audio(c, recording, &item.audio) && (root = read_said(c, said, list, &item.said_count)) != NULL) {
        item.said = list;
        again = item;
        bool ok = run_among(c, h->encoder, model, &item, 1);
        if (golden_wants(c, "result")) {
            json_t *result = golden_expected_json(c, "result");

            if (ok)
                json_object_set_new(result, "finish_reason", json_string("stop"));
            golden_give_json(c, "result", result);
        } else if (!ok) {
            golden_fail_error(c, "the encoder", &item.error);
        } else {
            golden_give(c, output, item.embedding, 3, (size_t[]){1, item.embedding_size, 1});
            if (golden_wants(c, "segment_lengths"))
                give_parts(c, ((const ov_tone *)model)->net, c->nn, &item.audio, &item);
            if (c->options->batch > 1 && run_among(c, h->encoder, model, &again, c->options->batch)) {
                golden_same_bits(c, output, item.embedding, item.embedding_size, again.embedding, again.embedding_size);
                hse_free(again.embedding);
            }
        }
    }
    if (out) {
        *out = item.embedding;
        *size = item.embedding_size;
        item.embedding = NULL;
    }
    item.said = NULL;
    hse_item_free(&item);
    json_decref(root);
    if (model)
        h->encoder->close(&model);
}

/* ---- converting ---------------------------------------------------------------------------------------------------- */

/* As a file of 16 bits has it. */
static void quantise(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = fminf(fmaxf(floorf(x[i] * 32768.0f), -32768.0f), 32767.0f) / 32768.0f;
}

/* audio (taken over) in the colour of `target`; source: given, or the voice's. */
static void convert(const chain *h, hse_audio *audio, float *target, size_t size, const float *source, const char *voice, bool file,
                    const char *output)
{
    golden_case *c = h->c;
    void *model = open_model(c, h->converter);
    int rows = 0;
    float *noise = read_turned(c, "noise_q", &rows);
    ov_piece piece = {.tag = OV_PIECE_TAG, .noise = noise, .source = source, .target = target};
    hse_item item, again;

    hse_item_init(&item);
    item.has = HSE_AUDIO | HSE_EMBEDDING;
    item.audio = *audio;
    item.embedding = target;
    item.embedding_size = size;
    item.reference = true;
    item.language = text_param(c, "language");
    item.voice = voice;
    item.own = &piece;
    if (model && item.audio.rate_hz == 0)
        item.audio.rate_hz = ((const ov_tone *)model)->net->rate_hz;
    again = item;
    if (model && noise && (again.audio.samples = hse_alloc((item.audio.n + 1) * sizeof(float))) != NULL) {
        if (item.audio.n)
            memcpy(again.audio.samples, item.audio.samples, item.audio.n * sizeof(float));
        if (!run_among(c, h->converter, model, &item, 1))
            golden_fail_error(c, "the converter", &item.error);
        if (!c->failed && c->options->batch > 1 && run_among(c, h->converter, model, &again, c->options->batch))
            golden_same_bits(c, output, item.audio.samples, item.audio.n, again.audio.samples, again.audio.n);
        if (!c->failed && file)
            quantise(item.audio.samples, item.audio.n);
        if (!c->failed)
            golden_give1(c, output, item.audio.samples, item.audio.n);
        hse_audio_free(&again.audio);
    }
    *audio = (hse_audio){0};
    hse_audio_free(&item.audio);
    hse_free(noise);
    if (model)
        h->converter->close(&model);
}

/* ---- reading aloud ------------------------------------------------------------------------------------------------- */

static vits_narrator *open_speaker(golden_case *c, text_lexicon *lexicon)
{
    char config[GOLDEN_PATH], checkpoint[GOLDEN_PATH];
    const json_t *part = json_object_get(json_object_get(c->json, "model"), "synthesizer");
    const char *config_file = json_string_value(json_object_get(part, "config")),
               *checkpoint_file = json_string_value(json_object_get(part, "checkpoint"));
    vits_narrator *m = NULL;
    hse_error err = {0};

    if (!config_file || !checkpoint_file)
        golden_fail(c, "model.synthesizer names no config and checkpoint");
    else if (golden_path(c, config_file, config) && golden_path(c, checkpoint_file, checkpoint) &&
             vits_narrator_open(&m, &(vits_narrator_source){.kind = VITS_OPENVOICE_BASE, .config = config, .checkpoint = checkpoint,
                                                            .language = text_param(c, "language"),
                                                            .dictionary = text_lexicon_dictionary(lexicon), .kernels = c->kernels,
                                                            .type = c->options->dtype}, &err) != HSE_OK)
        golden_fail_error(c, "the base speaker", &err);
    return m;
}

/* One piece to the end of `out`, with the silence behind it. */
static void read_piece(golden_case *c, const vits_narrator *m, const char *text, size_t i, hse_buf *out)
{
    char name[40];
    int columns = 0;
    golden_array noise_w = {0};
    hse_error err = {0};
    vits_told t = {.text = text, .speaker = vits_speaker_id(m->config, text_param(c, "voice")), .speed = (float)golden_param(c, "speed", 1)};
    vits_wave wave;
    float *noise_z = NULL, *ids;

    snprintf(name, sizeof name, "noise_w_piece%zu", i);
    if (!golden_input(c, name, &noise_w))
        return;
    snprintf(name, sizeof name, "noise_z_piece%zu", i);
    t.noise_w = noise_w.data;
    t.noise_z = noise_z = read_turned(c, name, &columns);
    t.noise_z_frames = columns;
    if (t.speaker < 0 || vits_narrator_tell(m, c->nn, &t, 1, &err) != HSE_OK || t.status != HSE_OK) {
        golden_fail_error(c, "the base speaker", err.status ? &err : &t.error);
    } else {
        snprintf(name, sizeof name, "ids_piece%zu", i);
        if ((ids = hse_alloc(((size_t)t.n + 1) * sizeof *ids)) != NULL) {
            for (int k = 0; k < t.n; k++)
                ids[k] = (float)t.symbols[k];
            golden_give1(c, name, ids, (size_t)t.n);
            hse_free(ids);
        }
        wave = (vits_wave){.z = t.z, .speaker = vits_tts_speaker(m->tts, t.speaker), .audio = {.frames = (size_t)t.frames, .to = (size_t)t.frames}};
        if (vits_decode(&m->tts->decoder, c->nn, &wave, 1, &err) != HSE_OK || wave.audio.status != HSE_OK)
            golden_fail_error(c, "the decoder", err.status ? &err : &wave.audio.error);
        else
            hse_buf_append(out, wave.audio.wave, wave.audio.samples * sizeof(float));
        hse_free(wave.audio.wave);
        for (size_t k = vits_narrator_gap(m, t.speed); k; k--)
            hse_buf_append(out, &(float){0}, sizeof(float));
    }
    vits_told_free(&t);
    hse_free(noise_z);
    golden_free_array(&noise_w);
}

static void read_aloud(golden_case *c, hse_audio *out)
{
    text_lexicon *lexicon = golden_open_lexicon(c);
    vits_narrator *m = lexicon ? open_speaker(c, lexicon) : NULL;
    char *text = NULL;
    const char **piece;
    size_t size, n = 0;
    hse_arena arena;
    hse_buf samples;
    hse_error err = {0};

    hse_arena_init(&arena, ARENA);
    hse_buf_init(&samples, ARENA);
    if (m && golden_input_bytes(c, "text", &text, &size) &&
        vits_narrator_cut(VITS_OPENVOICE_BASE, text_param(c, "language"), text, size, &arena, &piece, &n, &err) != HSE_OK)
        golden_fail_error(c, "the text", &err);
    for (size_t i = 0; i < n && !c->failed; i++)
        read_piece(c, m, piece[i], i, &samples);
    if (m && !c->failed) {
        *out = (hse_audio){.n = samples.size / sizeof(float), .rate_hz = m->config->rate_hz, .channels = 1};
        out->samples = (float *)(void *)hse_buf_take(&samples, NULL);
    }
    hse_buf_free(&samples);
    hse_arena_free(&arena);
    hse_free(text);
    vits_narrator_close(&m);
    text_lexicon_close(&lexicon);
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

static void give_source_file(const chain *h)
{
    const char *voice = text_param(h->c, "voice"), *file = NULL;

    for (const ov_colour_file *f = h->files; f->voice && !file; f++)
        if (strcmp(f->voice, voice ? voice : "") == 0)
            file = f->file;
    golden_give_json(h->c, "source_se_file", json_string(file ? file : ""));
}

static void whole(const chain *h)
{
    golden_case *c = h->c;
    float *target = NULL;
    size_t size = 0;
    hse_audio speech = {0};

    hear(h, "reference", "vad", "embedding", &target, &size);
    if (h->reads)
        read_aloud(c, &speech);
    else
        read_audio(c, "melo_output", &speech);
    if (!c->failed && target) {
        quantise(speech.samples, speech.n);
        golden_give1(c, "synthesis", speech.samples, speech.n);
        give_source_file(h);
        convert(h, &speech, target, size, NULL, text_param(c, "voice"), true, "audio");
    }
    hse_audio_free(&speech);
    hse_free(target);
}

static void conversion(const chain *h)
{
    golden_case *c = h->c;
    golden_array target = {0}, source = {0}, samples = {0};
    hse_audio audio = {0};
    bool alone = given(c, "audio");

    if (alone && golden_input(c, "audio", &samples)) {
        audio = (hse_audio){.samples = samples.data, .n = samples.count, .channels = 1};      /* at the model's rate */
        samples.data = NULL;
        golden_input(c, "source_embedding", &source);
    } else if (!alone) {
        read_audio(c, "source_audio", &audio);
    }
    if (!c->failed && golden_input(c, "target_embedding", &target))
        convert(h, &audio, target.data, target.count, source.data, NULL, !alone, alone ? "samples" : "audio");
    hse_audio_free(&audio);
    golden_free_array(&target);
    golden_free_array(&source);
    golden_free_array(&samples);
}

/* HSE asks a dict for an attribute when there are two segments: what it should have done is the run beside it. */
static bool upstream_breaks(golden_case *c)
{
    json_t *result = golden_wants(c, "result") ? golden_expected_json(c, "result") : NULL;
    bool breaks = json_is_string(json_object_get(result, "prepare_error"));

    if (breaks)
        golden_give_json(c, "result", result);
    else
        json_decref(result);
    return breaks;
}

static void run(golden_case *c, chain h)
{
    h.c = c;
    if (given(c, "text"))
        whole(&h);
    else if (given(c, "target_embedding"))
        conversion(&h);
    else if (!upstream_breaks(c))
        hear(&h, "reference", "input_vad_data", "se", NULL, NULL);
}

static void chain_v1(golden_case *c)
{
    run(c, (chain){.encoder = &ov1_encoder_type, .converter = &ov1_converter_type, .files = ov1_colour_files, .reads = true});
}

static void chain_v2(golden_case *c)
{
    run(c, (chain){.encoder = &ov2_encoder_type, .converter = &ov2_converter_type, .files = ov2_colour_files});
}

/* ---- routes -------------------------------------------------------------------------------------------------------- */

static bool is_given(const json_t *row, const char *field)
{
    return json_is_string(json_object_get(json_object_get(row, "given"), field));
}

/* What the request is and brings, as the engine sees it. */
static hse_job_kind request_of(const json_t *row, unsigned *has)
{
    const char *request = json_string_value(json_object_get(row, "request"));
    hse_job_kind kind = request && strstr(request, "Embed")     ? HSE_JOB_EMBED
                        : request && strstr(request, "Convers") ? HSE_JOB_CONVERT
                                                                : HSE_JOB_SPEAK;

    *has = kind == HSE_JOB_SPEAK ? HSE_TEXT : 0;
    if (is_given(row, "input_audio") || is_given(row, "source_audio"))
        *has |= HSE_AUDIO;
    if (is_given(row, "input_embedding") || is_given(row, "target_embedding"))
        *has |= HSE_EMBEDDING;
    if (is_given(row, "input_vad_data"))
        *has |= HSE_TRANSCRIPT;
    return kind;
}

/* Upstream answered it: its last step gave a result to stop at. */
static bool answered(const json_t *row)
{
    const json_t *steps = json_object_get(row, "steps"), *last = json_array_get(steps, json_array_size(steps) - 1);
    const char *status = json_string_value(json_object_get(last, "status"));

    return status && strcmp(status, "FINISHED_STOPPED") == 0;
}

/* Where the original's steps (the kit's stand-ins for its networks) break or forget what was asked, a refusal or a better answer is right: an embedding of
 * nothing, a conversion to nobody's voice, a text beside both an embedding and a recording, of which it converts the recording. And the
 * product's toolchains transcribe nothing: a recogniser is asked for by its name. */
static bool breaks(const json_t *row, hse_job_kind kind, unsigned has)
{
    const char *request = json_string_value(json_object_get(row, "request"));

    return (kind == HSE_JOB_EMBED && !(has & HSE_AUDIO)) || (kind == HSE_JOB_CONVERT && !(has & HSE_EMBEDDING)) ||
           (has & (HSE_TEXT | HSE_AUDIO | HSE_EMBEDDING)) == (HSE_TEXT | HSE_AUDIO | HSE_EMBEDDING) ||
           (request && strstr(request, "Transcri"));
}

static void compare_route(json_t *row)
{
    const char *model = json_string_value(json_object_get(row, "requested_model")), *mode = json_string_value(json_object_get(json_object_get(row, "given"), "mode"));
    json_t *steps = json_object_get(row, "steps"), *mine;
    const hse_route *r = NULL;
    unsigned has;
    hse_job_kind kind = request_of(row, &has);
    bool same = true;
    size_t n = 0;

    if (!answered(row) || breaks(row, kind, has) || !model || !hse_toolchain_find(model))
        return;
    hse_mode m = !mode ? HSE_MODE_ANY : strcmp(mode, "single_speaker_tts") == 0 ? HSE_MODE_SINGLE : HSE_MODE_CLONING;
    if (hse_route_find(&r, kind, model, m, has, false, NULL) == HSE_OK)
        while (r->step[n])
            n++;
    same = n == json_array_size(steps);
    for (size_t k = 0; same && k < n; k++)
        same = strcmp(r->step[k], json_string_value(json_object_get(json_array_get(steps, k), "model_type"))) == 0;
    if (same)
        return;
    mine = json_array();
    for (size_t k = 0; k < n; k++)
        json_array_append_new(mine, json_string(r->step[k]));
    json_object_set_new(row, "steps", mine);
}

static void routing(golden_case *c)
{
    static const struct {
        const hse_model_type *type;
        const ov_colour_file *files;
    } tones[] = {{&ov1_converter_type, ov1_colour_files}, {&ov2_converter_type, ov2_colour_files}};
    json_t *routes = golden_expected_json(c, "routes"), *models = golden_expected_json(c, "model_files"), *row;
    json_t *speakers = golden_expected_json(c, "speaker_files"), *files = json_object(), *language;
    const char *name;
    size_t i;

    json_array_foreach(routes, i, row) compare_route(row);
    json_object_foreach(models, name, row)
    {
        const hse_model_type *type = hse_model_type_find(name);

        if (!type || type->takes & HSE_TEXT)            /* base speakers: a folder a language */
            continue;
        json_object_set_new(json_object_get(row, "weights"), "default", json_string(type->files[0]));
        json_object_set_new(json_object_get(row, "config"), "default", json_string(type->files[1]));
    }
    for (i = 0; i < COUNT(tones); i++) {
        json_t *of = json_object();

        json_object_set_new(files, tones[i].type->type, of);
        json_object_foreach(json_object_get(speakers, tones[i].type->type), name, language)
        {
            const char *voice;
            json_t *file, *mine = json_object();

            json_object_set_new(of, name, mine);
            json_object_foreach(language, voice, file)
                for (const ov_colour_file *f = tones[i].files; f->voice; f++)
                    if (strcmp(f->voice, voice) == 0 && (strcmp(voice, "default") != 0 || strcasecmp(f->language, name) == 0))
                        json_object_set_new(mine, voice, json_string(f->file));
        }
    }
    json_decref(speakers);
    if (routes)
        golden_give_json(c, "routes", routes);
    if (models)
        golden_give_json(c, "model_files", models);
    golden_give_json(c, "speaker_files", files);
}

const golden_kind golden_openvoice_chain[] = {
    {"openvoice.hse_chain_v1", chain_v1},
    {"openvoice.hse_chain_v2", chain_v2},
    {"openvoice.hse_routing", routing},
    {NULL, NULL},
};
