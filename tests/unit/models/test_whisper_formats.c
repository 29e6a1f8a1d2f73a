/* One model in every format gives the same numbers: a CTranslate2 folder of the kit is written anew as Hugging Face's safetensors,
 * whole and in shards, with config.json of its dims, and stands beside the kit's own OpenAI checkpoint of the same weights. */
#include "test.h"

#include "base/buf.h"
#include "formats/ctranslate2.h"
#include "models/whisper/network.h"
#include "whisper_folder.h"

#include <math.h>

enum { FRAMES = 100, TOKENS = 4 };

/* ---- writing safetensors ---- */

typedef struct {
    hse_buf header, data, map;
    const char *file;
    const hse_weights *from;
    const char *without;                    /* of the names: "model." for a file saved without its head */
} writer;

static void begin(writer *w, const char *file)
{
    hse_buf_init(&w->header, 1 << 20);
    hse_buf_init(&w->data, 64 << 20);
    w->file = file;
}

static void finish(writer *w)
{
    uint8_t length[8] = {0};
    hse_buf all;

    hse_buf_str(&w->header, "}");
    hse_put_u32le(length, (uint32_t)w->header.size);
    hse_buf_init(&all, 80 << 20);
    hse_buf_append(&all, length, sizeof length);
    hse_buf_append(&all, w->header.data, w->header.size);
    hse_buf_append(&all, w->data.data, w->data.size);
    CHECK(all.status == HSE_OK && w->data.status == HSE_OK, "%s", w->file);
    write_file(w->file, all.data, all.size);
    hse_buf_free(&all);
    hse_buf_free(&w->header);
    hse_buf_free(&w->data);
}

/* Rows [first, first + n) of variable `name`, as tensor `as`. */
static void put_rows(writer *w, const char *name, size_t first, size_t n, const char *as)
{
    ct2_matrix m;
    hse_error err = {0};
    size_t at = w->data.size;

    if (w->without && strncmp(as, w->without, strlen(w->without)) == 0)
        as += strlen(w->without);
    must(ct2_matrix_open(&m, w->from, name, &err), &err);
    if (n == 0)
        n = m.rows;
    float *out = hse_buf_extend(&w->data, n * m.cols * sizeof *out);
    CHECK(out != NULL && first + n <= m.rows, "%s", name);
    ct2_matrix_rows_f32(&m, first, n, out);
    hse_buf_printf(&w->header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu", w->header.size ? "," : "{", as, n);
    for (int i = 1; i < m.weight->rank; i++)
        hse_buf_printf(&w->header, ",%zu", (size_t)m.weight->dim[i]);
    hse_buf_printf(&w->header, "],\"data_offsets\":[%zu,%zu]}", at, w->data.size);
    hse_buf_printf(&w->map, "%s\"%s\":\"%s\"", w->map.size ? "," : "", as, w->file);
}

/* `from`'s weight and bias (or gamma and beta) as `to`'s; part of a fused matrix; without_bias: the bias is left out. */
static void put_pair(writer *w, const char *from, const char *to, size_t first, size_t n, bool without_bias)
{
    char name[128], as[128];
    bool norm = strstr(from, "layer_norm") != NULL;

    snprintf(name, sizeof name, "%s/%s", from, norm ? "gamma" : "weight");
    snprintf(as, sizeof as, "%s.weight", to);
    put_rows(w, name, first, n, as);
    if (without_bias)
        return;
    snprintf(name, sizeof name, "%s/%s", from, norm ? "beta" : "bias");
    snprintf(as, sizeof as, "%s.bias", to);
    put_rows(w, name, first, n, as);
}

static void put_layer(writer *w, const char *half, int layer, size_t width)
{
    static const struct {
        const char *from, *to;
        int part, parts;                    /* which of the rows, in widths; 0 of 0: all */
        bool decoder, without_bias;
    } pairs[] = {
        {"self_attention/layer_norm", "self_attn_layer_norm", 0, 0, false, false},
        {"self_attention/linear_0", "self_attn.q_proj", 0, 1, false, false},
        {"self_attention/linear_0", "self_attn.k_proj", 1, 1, false, true},
        {"self_attention/linear_0", "self_attn.v_proj", 2, 1, false, false},
        {"self_attention/linear_1", "self_attn.out_proj", 0, 0, false, false},
        {"attention/layer_norm", "encoder_attn_layer_norm", 0, 0, true, false},
        {"attention/linear_0", "encoder_attn.q_proj", 0, 0, true, false},
        {"attention/linear_1", "encoder_attn.k_proj", 0, 1, true, true},
        {"attention/linear_1", "encoder_attn.v_proj", 1, 1, true, false},
        {"attention/linear_2", "encoder_attn.out_proj", 0, 0, true, false},
        {"ffn/layer_norm", "final_layer_norm", 0, 0, false, false},
        {"ffn/linear_0", "fc1", 0, 0, false, false},
        {"ffn/linear_1", "fc2", 0, 0, false, false},
    };
    char from[96], to[96];

    for (size_t i = 0; i < COUNT(pairs); i++) {
        if (pairs[i].decoder && strcmp(half, "decoder") != 0)
            continue;
        snprintf(from, sizeof from, "%s/layer_%d/%s", half, layer, pairs[i].from);
        snprintf(to, sizeof to, "model.%s.layers.%d.%s", half, layer, pairs[i].to);
        put_pair(w, from, to, (size_t)pairs[i].part * width, (size_t)pairs[i].parts * width, pairs[i].without_bias);
    }
}

static void put_half(writer *w, const char *half, int layers, size_t width)
{
    char from[96], to[96];

    snprintf(from, sizeof from, "%s/position_encodings/encodings", half);
    snprintf(to, sizeof to, "model.%s.embed_positions.weight", half);
    put_rows(w, from, 0, 0, to);
    snprintf(from, sizeof from, "%s/layer_norm", half);
    snprintf(to, sizeof to, "model.%s.layer_norm", half);
    put_pair(w, from, to, 0, 0, false);
    for (int i = 0; i < layers; i++)
        put_layer(w, half, i, width);
}

static void write_config(const whisper_dims *d)
{
    char text[1024];

    snprintf(text, sizeof text,
             "{\"num_mel_bins\":%d,\"vocab_size\":%d,\"d_model\":%d,\"encoder_ffn_dim\":%d,\"decoder_ffn_dim\":%d,\"encoder_attention_heads\":%d,"
             "\"encoder_layers\":%d,\"max_source_positions\":%d,\"decoder_attention_heads\":%d,\"decoder_layers\":%d,"
             "\"max_target_positions\":%d}",
             d->mels, d->vocab, d->width, d->encoder_ffn, d->decoder_ffn, d->encoder_heads, d->encoder_layers, d->encoder_positions,
             d->decoder_heads, d->decoder_layers, d->decoder_positions);
    write_text("config.json", text);
}

/* In one file, or each half of the network in its own behind an index. */
static void write_hugging_face(const char *ct2, bool shards, const char *without)
{
    writer w = {.without = without};
    whisper_config c;
    hse_weights *from = NULL;
    hse_error err = {0};

    must(whisper_config_open_weights(&c, &from, test_path(ct2), NULL, NULL, NULL, &err), &err);
    size_t width = (size_t)c.dims.width;
    w.from = from;
    hse_buf_init(&w.map, 1 << 20);
    begin(&w, shards ? "one.safetensors" : "model.safetensors");
    put_pair(&w, "encoder/conv1", "model.encoder.conv1", 0, 0, false);
    put_pair(&w, "encoder/conv2", "model.encoder.conv2", 0, 0, false);
    put_half(&w, "encoder", c.dims.encoder_layers, width);
    if (shards) {
        finish(&w);
        begin(&w, "two.safetensors");
    }
    put_rows(&w, "decoder/embeddings/weight", 0, 0, "model.decoder.embed_tokens.weight");
    put_half(&w, "decoder", c.dims.decoder_layers, width);
    finish(&w);
    if (shards) {
        hse_buf index;
        hse_buf_init(&index, 1 << 20);
        hse_buf_printf(&index, "{\"metadata\":{},\"weight_map\":{%s}}", hse_buf_text(&w.map));
        write_file("model.safetensors.index.json", index.data, index.size);
        hse_buf_free(&index);
    }
    write_config(&c.dims);
    hse_buf_free(&w.map);
    hse_weights_close(&from);
    whisper_config_close(&c);
}

/* ---- running a folder ---- */

typedef struct {
    float *encoder, *logits;                /* of the last token */
    size_t n_encoder, n_logits;
} result;

static void free_result(result *r)
{
    hse_free(r->encoder);
    hse_free(r->logits);
}

static result run_folder(const char *path)
{
    static const int32_t tokens[TOKENS] = {50258, 50259, 50359, 50363};
    result r = {0};
    whisper_config c;
    hse_weights *weights = NULL;
    whisper_network *net = NULL;
    whisper_decoding *d = NULL;
    nn_ctx *ctx = NULL;
    hse_error err = {0};
    int frames = FRAMES, window;

    must(whisper_config_open_weights(&c, &weights, path, NULL, NULL, NULL, &err), &err);
    must(whisper_network_open(&net, &c, &(whisper_network_options){.weights = weights, .type = K_F32}, &err), &err);
    must(nn_open(&ctx, &(nn_options){.poison = true}, &err), &err);
    must(whisper_decoding_open(&d, net, ctx, &(whisper_decoding_limits){.windows = 1, .sequences = 1}, &err), &err);
    float *mel = hse_alloc((size_t)(FRAMES * c.dims.mels) * sizeof *mel);
    for (int i = 0; i < FRAMES * c.dims.mels; i++)
        mel[i] = sinf((float)i * 0.37f);
    const float *in = mel;
    must(whisper_encode_windows(d, 1, &in, &frames, &window, true, &err), &err);
    r.n_encoder = (size_t)(FRAMES / 2 * c.dims.width);
    r.encoder = hse_alloc(r.n_encoder * sizeof *r.encoder);
    must(whisper_encoder_output(d, window, r.encoder, r.n_encoder, &err), &err);
    int sequence = whisper_sequence_new(d, window);
    whisper_row rows[TOKENS];
    for (int i = 0; i < TOKENS; i++)
        rows[i] = (whisper_row){sequence, tokens[i], i == TOKENS - 1};
    must(whisper_step(d, rows, TOKENS, &err), &err);
    r.n_logits = (size_t)c.dims.vocab;
    r.logits = hse_alloc(r.n_logits * sizeof *r.logits);
    memcpy(r.logits, whisper_logits(d, TOKENS - 1), r.n_logits * sizeof *r.logits);
    hse_free(mel);
    whisper_decoding_close(&d);
    nn_close(&ctx);
    whisper_network_close(&net);
    hse_weights_close(&weights);
    whisper_config_close(&c);
    return r;
}

/* Formats join matrices in different ways, so sums may be taken in another order. */
static void check_close(const char *what, const float *got, const float *want, size_t n)
{
    double size = 0;

    for (size_t i = 0; i < n; i++)
        size = fmax(size, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++)
        CHECK(fabs((double)got[i] - (double)want[i]) <= 1e-5 * size, "%s: value %zu is %.9g, not %.9g", what, i,
              (double)got[i], (double)want[i]);
}

static void check_same(const char *what, const char *path, const result *want)
{
    result got = run_folder(path);
    char text[128];

    CHECK(got.n_encoder == want->n_encoder && got.n_logits == want->n_logits, "%s: sizes", what);
    snprintf(text, sizeof text, "%s, encoder", what);
    check_close(text, got.encoder, want->encoder, want->n_encoder);
    snprintf(text, sizeof text, "%s, logits", what);
    check_close(text, got.logits, want->logits, want->n_logits);
    free_result(&got);
}

TEST(every_format_gives_the_same_numbers)
{
    static const char *const kit[] = {KIT "models/ml/ct2_float16", KIT "models/v3/ct2_float16", KIT "models/en/ct2_int8_float16"};

    for (size_t i = 0; i < COUNT(kit); i++) {
        result want = run_folder(test_path(kit[i]));
        make_folder();
        write_hugging_face(kit[i], false, NULL);
        check_same("safetensors", folder, &want);
        remove_folder();
        make_folder();
        write_hugging_face(kit[i], true, NULL);
        check_same("shards", folder, &want);
        remove_folder();
        make_folder();
        write_hugging_face(kit[i], false, "model.");
        check_same("names without a head", folder, &want);
        remove_folder();
        if (i == 0)
            check_same("OpenAI", test_path(KIT "models/ml/openai_pt"), &want);
        free_result(&want);
    }
}
