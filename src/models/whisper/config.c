/* config.c - a Whisper model's folder: which files it has, and what they say. Shapes of the weights decide where they can;
 * what else is taken from a file is checked against them. */
#include "models/whisper/config.h"

#include "formats/json.h"
#include "models/whisper/names.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH_BYTES = 4096, MAX_MEMORY = 1 << 20, MAX_CONFIG = 4 << 20 };

typedef struct {
    whisper_config *c;
    hse_weights *w;
    const char *prefix; /* of the tensors' names, as the file has them */
    char dir[MAX_PATH_BYTES];
    hse_error *err;
} opener;

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static const char *keep(whisper_config *c, const char *text)
{
    return hse_arena_strndup(&c->memory, text, strlen(text));
}

static hse_status no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory to describe a model");
}

/* dir/name, when that is a file: *out is in the config's memory. HSE_OK and NULL when it is not. */
static hse_status find_file(opener *o, const char *dir, const char *name, const char **out)
{
    char path[MAX_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);

    *out = NULL;
    if (n < 0 || (size_t)n >= sizeof path || !is_file(path))
        return HSE_OK;
    *out = keep(o->c, path);
    return *out ? HSE_OK : no_memory(o->err);
}

/* ------------------------------------------------------------------------------------------------ which weights file */

static const struct {
    const char *name;
    whisper_format format;
} weight_files[] = {
    {"model.bin", WHISPER_CT2},
    {"model.safetensors", WHISPER_HF},
    {"model.safetensors.index.json", WHISPER_HF},
    {"pytorch_model.bin", WHISPER_HF},
    {"pytorch_model.bin.index.json", WHISPER_HF},
};

typedef struct {
    bool ct2, safetensors, torch, openai;
} wanted;

static hse_status parse_load_format(const char *text, wanted *out, hse_error *err)
{
    static const struct {
        const char *name;
        wanted what;
    } names[] = {
        {"auto", {true, true, true, true}},
        {"ctranslate2", {true, false, false, false}},
        {"ct2", {true, false, false, false}},
        {"safetensors", {false, true, false, false}},
        {"huggingface", {false, true, true, false}},
        {"transformers", {false, true, true, false}},
        {"torch", {false, false, true, true}},
        {"pytorch", {false, false, true, true}},
        {"pt", {false, false, true, true}},
        {"openai", {false, false, false, true}},
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (!text || strcmp(text, names[i].name) == 0) {
            *out = names[i].what;
            return HSE_OK;
        }
    return hse_fail(err, HSE_E_UNSUPPORTED, 0,
                    "load_format \"%.40s\": auto, ctranslate2, safetensors, huggingface, torch or openai is expected", text);
}

static bool is_wanted(const char *name, const wanted *want)
{
    if (strcmp(name, "model.bin") == 0)
        return want->ct2;
    return strncmp(name, "model.safetensors", 17) == 0 ? want->safetensors : want->torch;
}

/* The only *.pt of the folder. */
static hse_status find_pt(opener *o)
{
    char name[256] = "";
    struct dirent *e;
    DIR *d = opendir(o->dir);

    if (!d)
        return HSE_OK;
    while ((e = readdir(d)) != NULL) {
        if (!ends_with(e->d_name, ".pt"))
            continue;
        if (name[0]) {
            hse_status s = hse_fail(o->err, HSE_E_ARG, 0, "%s has %.100s and %.100s; name the file itself", o->dir, name,
                                    e->d_name);
            closedir(d);
            return s;
        }
        snprintf(name, sizeof name, "%s", e->d_name);
    }
    closedir(d);
    if (!name[0])
        return HSE_OK;
    o->c->format = WHISPER_OPENAI;
    return find_file(o, o->dir, name, &o->c->weights);
}

/* A path that is a file: the folder around it has the rest. */
static hse_status take_file(opener *o, const char *path)
{
    const char *slash = strrchr(path, '/');
    int n = slash ? snprintf(o->dir, sizeof o->dir, "%.*s", (int)(slash - path), path) : snprintf(o->dir, 2, ".");

    if (n == 0)
        snprintf(o->dir, 2, "/");
    if (ends_with(path, ".pt") || ends_with(path, ".pth"))
        o->c->format = WHISPER_OPENAI;
    else if (ends_with(path, "/model.bin") || strcmp(path, "model.bin") == 0)
        o->c->format = WHISPER_CT2;
    else
        o->c->format = WHISPER_HF;
    o->c->weights = keep(o->c, path);
    return o->c->weights ? HSE_OK : no_memory(o->err);
}

static hse_status find_weights(opener *o, const char *path, const char *load_format)
{
    struct stat st;
    wanted want = {0};
    hse_status s = parse_load_format(load_format, &want, o->err);

    if (s != HSE_OK)
        return s;
    if (strlen(path) >= sizeof o->dir - 64)
        return hse_fail(o->err, HSE_E_ARG, 0, "a path of over %d bytes", MAX_PATH_BYTES - 64);
    if (stat(path, &st) != 0)
        return hse_fail(o->err, HSE_E_NOT_FOUND, 0, "there is no %s", path);
    if (!S_ISDIR(st.st_mode))
        return take_file(o, path);
    snprintf(o->dir, sizeof o->dir, "%s", path);
    for (size_t i = 0; i < COUNT(weight_files); i++) {
        if (!is_wanted(weight_files[i].name, &want))
            continue;
        o->c->format = weight_files[i].format;
        if ((s = find_file(o, o->dir, weight_files[i].name, &o->c->weights)) != HSE_OK || o->c->weights)
            return s;
    }
    if (want.openai && ((s = find_pt(o)) != HSE_OK || o->c->weights))
        return s;
    return hse_fail(o->err, HSE_E_NOT_FOUND, 0,
                    "%s has no weights%s%s: model.bin (CTranslate2), model.safetensors or its index, pytorch_model.bin, or "
                    "one .pt file (OpenAI)",
                    path, load_format ? " of load_format " : "", load_format ? load_format : "");
}

/* --------------------------------------------------------------------------------------------- what the files say */

/* The JSON object in dir/name; *out NULL when there is no such file. */
static hse_status load_json(opener *o, const char *name, json_t **out)
{
    static const hse_json_limits limits = {.max_bytes = MAX_CONFIG};
    char path[MAX_PATH_BYTES];
    hse_status s;

    *out = NULL;
    if (snprintf(path, sizeof path, "%s/%s", o->dir, name) >= (int)sizeof path || !is_file(path))
        return HSE_OK;
    if ((s = hse_json_load(out, path, &limits, o->err)) != HSE_OK)
        return s;
    if (json_is_object(*out))
        return HSE_OK;
    json_decref(*out);
    *out = NULL;
    return hse_fail(o->err, HSE_E_FORMAT, 0, "%s is not an object", path);
}

static hse_status wrong(opener *o, const char *file, const char *key, const char *expected)
{
    return hse_fail(o->err, HSE_E_FORMAT, 0, "%s/%s: %s: %s", o->dir, file, key, expected);
}

static hse_status read_int(opener *o, const json_t *j, const char *file, const char *key, int high, int *out)
{
    const json_t *v = json_object_get(j, key);
    char text[64];

    if (json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= high) {
        *out = (int)json_integer_value(v);
        return HSE_OK;
    }
    snprintf(text, sizeof text, "an integer from 1 to %d is expected", high);
    return wrong(o, file, key, text);
}

/* A list of ids, or nothing when it is absent or null. -1 inside is left out: it stands for the tokenizer's own list. */
static hse_status read_ids(opener *o, const json_t *j, const char *file, const char *key, int32_t **out, size_t *n)
{
    const json_t *list = json_object_get(j, key);
    size_t count = json_array_size(list);

    if (!list || json_is_null(list) || *n)
        return HSE_OK;
    if (!json_is_array(list) || count > WHISPER_MAX_IDS)
        return wrong(o, file, key, "a list of at most 4096 ids is expected");
    int32_t *ids = hse_arena_array(&o->c->memory, count ? count : 1, sizeof *ids);
    if (!ids)
        return no_memory(o->err);
    *out = ids;
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < -1 || json_integer_value(v) >= o->c->dims.vocab)
            return wrong(o, file, key, "a list of the model's ids is expected");
        if (json_integer_value(v) >= 0)
            ids[(*n)++] = (int32_t)json_integer_value(v);
    }
    return HSE_OK;
}

static hse_status read_heads(opener *o, const json_t *j, const char *file)
{
    const json_t *list = json_object_get(j, "alignment_heads");
    whisper_config *c = o->c;
    size_t count = json_array_size(list);

    if (!list || json_is_null(list))
        return HSE_OK;
    if (!json_is_array(list) || count > WHISPER_MAX_ALIGNMENT_HEADS)
        return wrong(o, file, "alignment_heads", "a list of at most 4096 pairs is expected");
    if (count == 0)
        return HSE_OK;
    if (!(c->alignment_heads = hse_arena_array(&c->memory, count, sizeof *c->alignment_heads)))
        return no_memory(o->err);
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i), *layer = json_array_get(pair, 0), *head = json_array_get(pair, 1);
        if (json_array_size(pair) != 2 || !json_is_integer(layer) || !json_is_integer(head) ||
            json_integer_value(layer) < 0 || json_integer_value(layer) >= c->dims.decoder_layers ||
            json_integer_value(head) < 0 || json_integer_value(head) >= c->dims.decoder_heads)
            return wrong(o, file, "alignment_heads", "pairs of a decoder layer and one of its heads are expected");
        c->alignment_heads[i] = (whisper_head){(int)json_integer_value(layer), (int)json_integer_value(head)};
    }
    c->n_alignment_heads = count;
    return HSE_OK;
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

/* generation_config.json's lang_to_id: {"<|en|>": 50259, ...} */
static hse_status read_lang_to_id(opener *o, const json_t *j, const char *file)
{
    json_t *map = json_object_get(j, "lang_to_id");
    whisper_config *c = o->c;
    const char *key;
    json_t *v;

    if (!map || json_is_null(map))
        return HSE_OK;
    if (!json_is_object(map) || json_object_size(map) > WHISPER_MAX_IDS)
        return wrong(o, file, "lang_to_id", "an object of at most 4096 ids is expected");
    if (!(c->languages = hse_arena_array(&c->memory, json_object_size(map) + 1, sizeof *c->languages)))
        return no_memory(o->err);
    json_object_foreach(map, key, v) {
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= c->dims.vocab)
            return wrong(o, file, "lang_to_id", "the model's ids are expected");
        c->languages[c->n_languages++] = (int32_t)json_integer_value(v);
    }
    return HSE_OK;
}

/* ------------------------------------------------------------------------------------------------------------- dims */

static hse_status dims_of_hf(opener *o)
{
    static const char file[] = "config.json";
    whisper_dims *d = &o->c->dims;
    json_t *j;
    hse_status s = load_json(o, file, &j);

    if (s != HSE_OK)
        return s;
    if (!j)
        return hse_fail(o->err, HSE_E_NOT_FOUND, 0, "%s has no config.json", o->dir);
    const struct {
        const char *key;
        int high, *out;
    } members[] = {
        {"num_mel_bins", 512, &d->mels},
        {"vocab_size", WHISPER_MAX_VOCAB, &d->vocab},
        {"d_model", WHISPER_MAX_WIDTH, &d->width},
        {"encoder_ffn_dim", 4 * WHISPER_MAX_WIDTH, &d->encoder_ffn},
        {"encoder_attention_heads", WHISPER_MAX_HEADS, &d->encoder_heads},
        {"encoder_layers", WHISPER_MAX_LAYERS, &d->encoder_layers},
        {"max_source_positions", WHISPER_MAX_POSITIONS, &d->encoder_positions},
        {"decoder_attention_heads", WHISPER_MAX_HEADS, &d->decoder_heads},
        {"decoder_layers", WHISPER_MAX_LAYERS, &d->decoder_layers},
        {"max_target_positions", WHISPER_MAX_POSITIONS, &d->decoder_positions},
    };
    for (size_t i = 0; i < COUNT(members) && s == HSE_OK; i++)
        s = read_int(o, j, file, members[i].key, members[i].high, members[i].out);
    const json_t *act = json_object_get(j, "activation_function");
    d->decoder_ffn = d->encoder_ffn;
    if (s == HSE_OK && json_object_get(j, "decoder_ffn_dim"))
        s = read_int(o, j, file, "decoder_ffn_dim", 4 * WHISPER_MAX_WIDTH, &d->decoder_ffn);
    if (s == HSE_OK && act && !(json_is_string(act) && strcmp(json_string_value(act), "gelu") == 0))
        s = wrong(o, file, "activation_function", "only \"gelu\" is computed here");
    if (s == HSE_OK && json_is_true(json_object_get(j, "scale_embedding")))
        s = wrong(o, file, "scale_embedding", "only false is computed here");
    json_decref(j);
    return s;
}

static hse_status dims_of_openai(opener *o)
{
    whisper_dims *d = &o->c->dims;
    int encoder_width = 0;
    const struct {
        const char *key;
        int high, *out;
    } members[] = {
        {"dims.n_mels", 512, &d->mels},
        {"dims.n_vocab", WHISPER_MAX_VOCAB, &d->vocab},
        {"dims.n_audio_ctx", WHISPER_MAX_POSITIONS, &d->encoder_positions},
        {"dims.n_audio_state", WHISPER_MAX_WIDTH, &encoder_width},
        {"dims.n_audio_head", WHISPER_MAX_HEADS, &d->encoder_heads},
        {"dims.n_audio_layer", WHISPER_MAX_LAYERS, &d->encoder_layers},
        {"dims.n_text_ctx", WHISPER_MAX_POSITIONS, &d->decoder_positions},
        {"dims.n_text_state", WHISPER_MAX_WIDTH, &d->width},
        {"dims.n_text_head", WHISPER_MAX_HEADS, &d->decoder_heads},
        {"dims.n_text_layer", WHISPER_MAX_LAYERS, &d->decoder_layers},
    };

    for (size_t i = 0; i < COUNT(members); i++) {
        int64_t v;
        if (!hse_weights_int(o->w, members[i].key, &v) || v < 1 || v > members[i].high)
            return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: %s: an integer from 1 to %d is expected", o->c->weights,
                            members[i].key, members[i].high);
        *members[i].out = (int)v;
    }
    if (encoder_width != d->width)
        return hse_fail(o->err, HSE_E_UNSUPPORTED, 0, "%s: the encoder's width %d is not the decoder's %d",
                        o->c->weights, encoder_width, d->width);
    d->encoder_ffn = d->decoder_ffn = 4 * d->width;
    return HSE_OK;
}

/* A tensor of a given rank whose dimensions are within what the network can have. */
static hse_status shape_of(opener *o, const char *name, int rank, int *out)
{
    const hse_weight *t = hse_weights_find(o->w, name);

    if (!t)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s has no %s: not a Whisper model of this format", o->c->weights, name);
    if (t->rank != rank)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: %s has %d dimensions, not %d", o->c->weights, name, t->rank, rank);
    for (int i = 0; i < rank; i++) {
        if (t->dim[i] < 1 || t->dim[i] > WHISPER_MAX_VOCAB)
            return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: %s: dimension %d is %" PRIu64, o->c->weights, name, i,
                            t->dim[i]);
        out[i] = (int)t->dim[i];
    }
    return HSE_OK;
}

static hse_status ct2_heads(opener *o, const char *name, int *out)
{
    const hse_weight *t = hse_weights_find(o->w, name);
    int32_t v = 0;
    hse_status s;

    if (!t) { /* old conversions: all of OpenAI's models have heads of 64 */
        *out = o->c->dims.width / 64;
        return *out > 0 ? HSE_OK : hse_fail(o->err, HSE_E_FORMAT, 0, "%s has no %s", o->c->weights, name);
    }
    if (t->count != 1)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: %s is not one number", o->c->weights, name);
    if ((s = hse_weights_read_i32(o->w, t, &v, o->err)) != HSE_OK)
        return s;
    *out = v;
    return HSE_OK;
}

static int count_layers(const hse_weights *w, const char *half)
{
    char name[64];
    int n = 0;

    for (; n <= WHISPER_MAX_LAYERS; n++) {
        snprintf(name, sizeof name, "%s/layer_%d/ffn/linear_0/weight", half, n);
        if (!hse_weights_find(w, name))
            break;
    }
    return n;
}

static hse_status dims_of_ct2(opener *o)
{
    whisper_dims *d = &o->c->dims;
    const char *spec = "";
    int64_t version = 0;
    int shape[3] = {0};
    hse_status s;

    if (strcmp(hse_weights_format(o->w), "ctranslate2") != 0)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s is a %s file, not CTranslate2's", o->c->weights,
                        hse_weights_format(o->w));
    if (hse_weights_text(o->w, "ctranslate2.spec", &spec) && strcmp(spec, "WhisperSpec") != 0)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: a model of %.60s, not WhisperSpec", o->c->weights, spec);
    hse_weights_int(o->w, "ctranslate2.version", &version);
    o->c->binary_version = (int)version;
    if ((s = shape_of(o, "encoder/conv1/weight", 3, shape)) != HSE_OK)
        return s;
    d->width = shape[0];
    d->mels = shape[1];
    if ((s = shape_of(o, "encoder/position_encodings/encodings", 2, shape)) != HSE_OK)
        return s;
    d->encoder_positions = shape[0];
    if ((s = shape_of(o, "decoder/position_encodings/encodings", 2, shape)) != HSE_OK)
        return s;
    d->decoder_positions = shape[0];
    if ((s = shape_of(o, "decoder/embeddings/weight", 2, shape)) != HSE_OK)
        return s;
    d->vocab = shape[0];
    if ((s = shape_of(o, "encoder/layer_0/ffn/linear_0/weight", 2, shape)) != HSE_OK)
        return s;
    d->encoder_ffn = shape[0];
    d->encoder_layers = count_layers(o->w, "encoder");
    d->decoder_layers = count_layers(o->w, "decoder");
    if (d->decoder_layers && (s = shape_of(o, "decoder/layer_0/ffn/linear_0/weight", 2, shape)) != HSE_OK)
        return s;
    d->decoder_ffn = shape[0];
    if ((s = ct2_heads(o, "encoder/num_heads", &d->encoder_heads)) == HSE_OK)
        s = ct2_heads(o, "decoder/num_heads", &d->decoder_heads);
    return s;
}

/* What every format must agree on with its tensors. */
static hse_status check_dims(opener *o)
{
    static const struct {
        const char *conv1, *tokens;
    } names[] = {
        [WHISPER_CT2] = {"encoder/conv1/weight", "decoder/embeddings/weight"},
        [WHISPER_HF] = {"model.encoder.conv1.weight", "model.decoder.embed_tokens.weight"},
        [WHISPER_OPENAI] = {"model_state_dict.encoder.conv1.weight", "model_state_dict.decoder.token_embedding.weight"},
    };
    const whisper_dims *d = &o->c->dims;
    const char *conv1 = names[o->c->format].conv1, *tokens = names[o->c->format].tokens;
    int conv[3] = {0}, embedding[2] = {0};
    hse_status s;

    if (o->c->format == WHISPER_HF && !hse_weights_find(o->w, conv1)) { /* saved without the head around it */
        conv1 += strlen("model.");
        tokens += strlen("model.");
    }
    if ((s = shape_of(o, conv1, 3, conv)) != HSE_OK || (s = shape_of(o, tokens, 2, embedding)) != HSE_OK)
        return s;
    if (conv[0] != d->width || conv[1] != d->mels || conv[2] != 3)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: %s is %d x %d x %d, expected is %d x %d x 3", o->c->weights, conv1,
                        conv[0], conv[1], conv[2], d->width, d->mels);
    if (embedding[0] != d->vocab || embedding[1] != d->width)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: %s is %d x %d, expected is %d x %d", o->c->weights, tokens,
                        embedding[0], embedding[1], d->vocab, d->width);
    const struct {
        const char *what;
        int value, low, high;
    } bounds[] = {
        {"mels", d->mels, 1, 512},
        {"width", d->width, 1, WHISPER_MAX_WIDTH},
        {"encoder layers", d->encoder_layers, 1, WHISPER_MAX_LAYERS},
        {"decoder layers", d->decoder_layers, 1, WHISPER_MAX_LAYERS},
        {"encoder feed-forward width", d->encoder_ffn, 1, 4 * WHISPER_MAX_WIDTH},
        {"decoder feed-forward width", d->decoder_ffn, 1, 4 * WHISPER_MAX_WIDTH},
        {"encoder heads", d->encoder_heads, 1, WHISPER_MAX_HEADS},
        {"decoder heads", d->decoder_heads, 1, WHISPER_MAX_HEADS},
        {"encoder positions", d->encoder_positions, 1, WHISPER_MAX_POSITIONS},
        {"decoder positions", d->decoder_positions, 8, WHISPER_MAX_POSITIONS},
    };
    for (size_t i = 0; i < COUNT(bounds); i++)
        if (bounds[i].value < bounds[i].low || bounds[i].value > bounds[i].high)
            return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: %d %s, %d to %d are possible", o->c->weights, bounds[i].value,
                            bounds[i].what, bounds[i].low, bounds[i].high);
    if (d->width % d->encoder_heads || d->width % d->decoder_heads)
        return hse_fail(o->err, HSE_E_FORMAT, 0, "%s: a width of %d is no multiple of %d and %d heads", o->c->weights,
                        d->width, d->encoder_heads, d->decoder_heads);
    return HSE_OK;
}

/* ------------------------------------------------------------------------------------------------- lists, defaults */

static hse_status read_lists(opener *o)
{
    whisper_config *c = o->c;
    json_t *j = NULL, *own = NULL;
    hse_status s;

    if (c->format == WHISPER_OPENAI)
        return HSE_OK;
    if ((s = load_json(o, "config.json", &own)) != HSE_OK)
        return s;
    if (c->format == WHISPER_CT2) {
        static const char file[] = "config.json";
        if ((s = read_heads(o, own, file)) == HSE_OK &&
            (s = read_ids(o, own, file, "suppress_ids", &c->suppress, &c->n_suppress)) == HSE_OK &&
            (s = read_ids(o, own, file, "suppress_ids_begin", &c->suppress_begin, &c->n_suppress_begin)) == HSE_OK)
            s = read_ids(o, own, file, "lang_ids", &c->languages, &c->n_languages);
    } else if ((s = load_json(o, "generation_config.json", &j)) == HSE_OK) {
        static const char file[] = "generation_config.json", older[] = "config.json";
        if ((s = read_heads(o, j, file)) == HSE_OK && (s = read_lang_to_id(o, j, file)) == HSE_OK &&
            (s = read_ids(o, j, file, "suppress_tokens", &c->suppress, &c->n_suppress)) == HSE_OK &&
            (s = read_ids(o, j, file, "begin_suppress_tokens", &c->suppress_begin, &c->n_suppress_begin)) == HSE_OK &&
            (s = read_ids(o, own, older, "suppress_tokens", &c->suppress, &c->n_suppress)) == HSE_OK)
            s = read_ids(o, own, older, "begin_suppress_tokens", &c->suppress_begin, &c->n_suppress_begin);
    }
    json_decref(j);
    json_decref(own);
    if (c->n_languages)
        qsort(c->languages, c->n_languages, sizeof *c->languages, by_value);
    return s;
}

static hse_status default_heads(opener *o)
{
    whisper_config *c = o->c;
    const whisper_dims *d = &c->dims;
    int half = d->decoder_layers / 2;
    size_t n = 0;
    const whisper_head *known = c->format == WHISPER_OPENAI ? whisper_published_heads(c->weights, &n) : NULL;

    if (c->n_alignment_heads)
        return HSE_OK;
    bool fits = known != NULL; /* a file can have the name of another model */
    for (size_t i = 0; i < n; i++)
        fits = fits && known[i].layer < d->decoder_layers && known[i].head < d->decoder_heads;
    if (!fits)
        n = (size_t)(d->decoder_layers - half) * (size_t)d->decoder_heads;
    if (!(c->alignment_heads = hse_arena_array(&c->memory, n, sizeof *c->alignment_heads)))
        return no_memory(o->err);
    c->n_alignment_heads = n;
    for (size_t i = 0; i < n; i++)
        c->alignment_heads[i] = fits ? known[i]
                                     : (whisper_head){half + (int)i / d->decoder_heads, (int)i % d->decoder_heads};
    return HSE_OK;
}

/* The published vocabularies: 51864 ids English only, 51865 with 99 languages, 51866 with 100. */
static hse_status default_lists(opener *o)
{
    whisper_config *c = o->c;
    int vocab = c->dims.vocab;

    if (vocab < 51864 || vocab > 51866)
        return HSE_OK;
    int32_t end = vocab == 51864 ? 50256 : 50257;
    if (!c->n_suppress_begin) {
        if (!(c->suppress_begin = hse_arena_array(&c->memory, 2, sizeof *c->suppress_begin)))
            return no_memory(o->err);
        c->suppress_begin[0] = 220; /* a space */
        c->suppress_begin[1] = end;
        c->n_suppress_begin = 2;
    }
    if (!c->n_languages && vocab > 51864) {
        size_t n = (size_t)vocab - 51766;
        if (!(c->languages = hse_arena_array(&c->memory, n, sizeof *c->languages)))
            return no_memory(o->err);
        for (size_t i = 0; i < n; i++)
            c->languages[i] = end + 2 + (int32_t)i;
        c->n_languages = n;
    }
    return HSE_OK;
}

static hse_status check_mels(opener *o)
{
    static const char file[] = "preprocessor_config.json";
    json_t *j;
    int mels = 0;
    hse_status s = load_json(o, file, &j);

    if (s != HSE_OK || !j)
        return s;
    if (json_object_get(j, "feature_size") && (s = read_int(o, j, file, "feature_size", 512, &mels)) == HSE_OK &&
        mels != o->c->dims.mels)
        s = hse_fail(o->err, HSE_E_FORMAT, 0, "%s/%s: feature_size is %d, the weights take %d mels", o->dir, file, mels,
                     o->c->dims.mels);
    json_decref(j);
    return s;
}

/* ------------------------------------------------------------------------------------------------- the vocabulary */

/* OpenAI's vocabularies are no part of its checkpoints, but of its program. */
static hse_status find_tiktoken(opener *o, const char *data)
{
    const char *name = o->c->dims.vocab >= 51865 ? "multilingual.tiktoken" : "gpt2.tiktoken";
    char folder[MAX_PATH_BYTES];
    hse_status s = find_file(o, o->dir, name, &o->c->tokenizer.tiktoken);

    if (s != HSE_OK || o->c->tokenizer.tiktoken || !data)
        return s;
    if (snprintf(folder, sizeof folder, "%s/whisper", data) < (int)sizeof folder &&
        ((s = find_file(o, folder, name, &o->c->tokenizer.tiktoken)) != HSE_OK || o->c->tokenizer.tiktoken))
        return s;
    return find_file(o, data, name, &o->c->tokenizer.tiktoken);
}

static hse_status find_tokenizer(opener *o, const char *data)
{
    whisper_tokenizer_files *t = &o->c->tokenizer;
    char text[2 * MAX_PATH_BYTES];
    hse_status s;

    t->vocab = o->c->dims.vocab;
    if ((s = find_file(o, o->dir, "tokenizer.json", &t->tokenizer_json)) != HSE_OK ||
        (s = find_file(o, o->dir, "vocab.json", &t->vocab_json)) != HSE_OK ||
        (s = find_file(o, o->dir, "merges.txt", &t->merges_txt)) != HSE_OK ||
        (s = find_file(o, o->dir, "added_tokens.json", &t->added_tokens_json)) != HSE_OK ||
        (s = find_file(o, o->dir, "vocabulary.json", &t->vocabulary)) != HSE_OK)
        return s;
    if (!t->vocabulary && (s = find_file(o, o->dir, "vocabulary.txt", &t->vocabulary)) != HSE_OK)
        return s;
    if (t->vocab_json && !t->merges_txt)
        t->vocab_json = NULL;
    if ((s = find_tiktoken(o, data)) != HSE_OK)
        return s;
    if (t->tokenizer_json || t->vocab_json || t->vocabulary || t->tiktoken)
        return HSE_OK;
    const char *name = t->vocab >= 51865 ? "multilingual.tiktoken" : "gpt2.tiktoken";
    snprintf(text, sizeof text,
             "no vocabulary: place tokenizer.json, or vocab.json with merges.txt, or openai-whisper's %s in %s%s%s%s", name,
             o->dir, data ? " or in " : "", data ? data : "", data ? "/whisper" : "");
    o->c->missing_tokenizer = keep(o->c, text);
    return o->c->missing_tokenizer ? HSE_OK : no_memory(o->err);
}

/* --------------------------------------------------------------------------------------------------------- opening */

static hse_status open_config(opener *o, const char *path, const char *load_format, const char *data,
                              const hse_weights_limits *limits)
{
    whisper_config *c = o->c;
    hse_status s;

    if ((s = find_weights(o, path, load_format)) != HSE_OK ||
        (s = hse_weights_open(&o->w, c->weights, limits, o->err)) != HSE_OK)
        return s;
    s = c->format == WHISPER_CT2 ? dims_of_ct2(o) : c->format == WHISPER_HF ? dims_of_hf(o) : dims_of_openai(o);
    if (s != HSE_OK || (s = check_dims(o)) != HSE_OK || (s = read_lists(o)) != HSE_OK ||
        (s = default_heads(o)) != HSE_OK || (s = default_lists(o)) != HSE_OK || (s = check_mels(o)) != HSE_OK)
        return s;
    return find_tokenizer(o, data);
}

hse_status whisper_config_open_weights(whisper_config *out, hse_weights **weights, const char *path,
                                       const char *load_format, const char *data, const hse_weights_limits *limits,
                                       hse_error *err)
{
    whisper_config c = {0};
    opener o = {.c = &c, .err = err};
    hse_status s;

    hse_arena_init(&c.memory, MAX_MEMORY);
    if ((s = open_config(&o, path, load_format, data, limits)) != HSE_OK) {
        if (o.w)
            hse_weights_close(&o.w);
        hse_arena_free(&c.memory);
        return s;
    }
    *out = c;
    *weights = o.w;
    return HSE_OK;
}

hse_status whisper_config_open(whisper_config *out, const char *path, const char *load_format, const char *data,
                               const hse_weights_limits *limits, hse_error *err)
{
    hse_weights *w = NULL;
    hse_status s = whisper_config_open_weights(out, &w, path, load_format, data, limits, err);

    if (s == HSE_OK)
        hse_weights_close(&w);
    return s;
}

bool whisper_holds_openai(const char *path, const char **problem)
{
    whisper_config c = {0};
    hse_error err = {0};
    struct stat st;

    if (stat(path, &st) != 0 || (!S_ISDIR(st.st_mode) && !ends_with(path, ".pt")) ||
        whisper_config_open(&c, path, "openai", NULL, NULL, &err) != HSE_OK)
        return false;
    *problem = c.missing_tokenizer ? "its vocabulary is missing: tokenizer.json, or openai-whisper's multilingual.tiktoken or "
                                     "gpt2.tiktoken beside it"
                                   : NULL;
    whisper_config_close(&c);
    return true;
}

void whisper_config_close(whisper_config *c)
{
    hse_arena_free(&c->memory);
    *c = (whisper_config){0};
}

hse_status whisper_config_tokenizer(const whisper_config *c, whisper_tokenizer **out, hse_error *err)
{
    if (c->missing_tokenizer)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "%s", c->missing_tokenizer);
    return whisper_tokenizer_open(out, &c->tokenizer, err);
}
