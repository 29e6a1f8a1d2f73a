/* A Whisper model's folder, of every format: what it says, and what is refused. */
#include "test.h"

#include "base/buf.h"
#include "models/whisper/config.h"
#include "models/whisper/names.h"
#include "torture.h"
#include "whisper_folder.h"

static hse_status open_config(whisper_config *c, const char *path, const char *load_format, const char *data, hse_error *err)
{
    return whisper_config_open(c, path, load_format, data, NULL, err);
}

static void check_kit(const char *path, whisper_format format, const int want[8], size_t heads)
{
    whisper_config c;
    hse_error err = {0};

    must(open_config(&c, test_path(path), NULL, NULL, &err), &err);
    const whisper_dims *d = &c.dims;
    const int got[8] = {d->mels,          d->vocab,          d->width,         d->encoder_ffn, d->encoder_heads, d->encoder_layers,
                        d->decoder_heads, d->decoder_layers};
    CHECK(c.format == format && c.n_alignment_heads == heads, "%s: format %d, %zu heads", path, (int)c.format,
          c.n_alignment_heads);
    for (int i = 0; i < 8; i++)
        CHECK(got[i] == want[i], "%s: dimension %d is %d, not %d", path, i, got[i], want[i]);
    CHECK(d->decoder_ffn == d->encoder_ffn, "%s: feed-forward widths %d and %d", path, d->encoder_ffn, d->decoder_ffn);
    CHECK(d->encoder_positions == 1500 && d->decoder_positions == 448, "%s: positions", path);
    CHECK(c.n_suppress_begin == 2 && c.suppress_begin[0] == 220, "%s: suppress_begin", path);
    CHECK(c.binary_version == (format == WHISPER_CT2 ? 6 : 0), "%s: version %d", path, c.binary_version);
    size_t languages = d->vocab == 51864 ? 0 : (size_t)d->vocab - 51766;
    CHECK(c.n_languages == languages && (languages == 0 || c.languages[languages - 1] == 50258 + (int32_t)languages),
          "%s: %zu languages", path, c.n_languages);
    whisper_config_close(&c);
}

TEST(folders_of_the_kit)
{
    check_kit(KIT "models/ml/ct2_float16", WHISPER_CT2, (const int[]){80, 51865, 16, 64, 2, 2, 2, 2}, 3);
    check_kit(KIT "models/ml/ct2_int8/model.bin", WHISPER_CT2, (const int[]){80, 51865, 16, 64, 2, 2, 2, 2}, 3);
    check_kit(KIT "models/en/ct2_int8_float16", WHISPER_CT2, (const int[]){80, 51864, 20, 80, 2, 3, 2, 2}, 3);
    check_kit(KIT "models/v3/ct2_float16/", WHISPER_CT2, (const int[]){128, 51866, 24, 96, 3, 2, 3, 3}, 5);
    check_kit(KIT "models/ml/openai_pt", WHISPER_OPENAI, (const int[]){80, 51865, 16, 64, 2, 2, 2, 2}, 2);
    check_kit(KIT "models/ml/openai_pt/ml.pt", WHISPER_OPENAI, (const int[]){80, 51865, 16, 64, 2, 2, 2, 2}, 2);
}

TEST(vocabularies_beside_the_weights)
{
    whisper_config c;
    whisper_tokenizer *t = NULL;
    hse_error err = {0};

    must(open_config(&c, test_path(KIT "models/ml/ct2_int8"), "ct2", NULL, &err), &err);
    must(whisper_config_tokenizer(&c, &t, &err), &err);
    CHECK(c.tokenizer.vocabulary && !c.missing_tokenizer && whisper_specials(t)->vocab == 51865, "vocabulary.txt");
    whisper_tokenizer_close(&t);
    whisper_config_close(&c);

    must(open_config(&c, test_path(KIT "models/ml/openai_pt"), NULL, "/no/such/folder", &err), &err);
    CHECK(whisper_config_tokenizer(&c, &t, &err) == HSE_E_NOT_FOUND && strstr(err.text, "multilingual.tiktoken") &&
              strstr(err.text, "/no/such/folder"),
          "%s", err.text);
    whisper_config_close(&c);

    make_folder();
    mkdir(in_folder("whisper"), 0700);
    write_text("whisper/multilingual.tiktoken", "YQ== 0\n");
    must(open_config(&c, test_path(KIT "models/ml/openai_pt"), NULL, folder, &err), &err);
    CHECK(c.tokenizer.tiktoken && strstr(c.tokenizer.tiktoken, "/whisper/multilingual.tiktoken"), "the data folder");
    whisper_config_close(&c);
    unlink(in_folder("whisper/multilingual.tiktoken"));
    write_text("multilingual.tiktoken", "YQ== 0\n");
    must(open_config(&c, test_path(KIT "models/ml/openai_pt"), NULL, folder, &err), &err);
    CHECK(c.tokenizer.tiktoken && strstr(c.tokenizer.tiktoken, folder), "the data folder itself");
    whisper_config_close(&c);
    remove_folder();
}

/* ---- folders made here ---- */

/* A safetensors file of zeros: "name", shape, ... ending with NULL. */
typedef struct {
    const char *name;
    int rank, dim[3];
} zeros;

static void write_safetensors(const char *file, const zeros *t, size_t n)
{
    hse_buf header, out;
    size_t at = 0;

    hse_buf_init(&header, 1 << 16);
    hse_buf_init(&out, 8 << 20);
    for (size_t i = 0; i < n; i++) {
        size_t size = 1;
        hse_buf_printf(&header, "%s\"%s\":{\"dtype\":\"U8\",\"shape\":[", i ? "," : "{", t[i].name);
        for (int d = 0; d < t[i].rank; d++) {
            hse_buf_printf(&header, "%s%d", d ? "," : "", t[i].dim[d]);
            size *= (size_t)t[i].dim[d];
        }
        hse_buf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", at, at + size);
        at += size;
    }
    hse_buf_str(&header, "}");
    uint8_t length[8] = {(uint8_t)header.size, (uint8_t)(header.size >> 8)};
    hse_buf_append(&out, length, sizeof length);
    hse_buf_append(&out, header.data, header.size);
    void *data = hse_buf_extend(&out, at);
    memset(data, 0, at);
    write_file(file, out.data, out.size);
    hse_buf_free(&header);
    hse_buf_free(&out);
}

static const zeros conv1 = {"model.encoder.conv1.weight", 3, {8, 80, 3}},
                   tokens = {"model.decoder.embed_tokens.weight", 2, {51865, 8}};

#define HF(extra)                                                                                                      \
    "{\"num_mel_bins\":80,\"vocab_size\":51865,\"d_model\":8,\"encoder_ffn_dim\":32,\"encoder_attention_heads\":2,"    \
    "\"encoder_layers\":4,\"max_source_positions\":1500,\"decoder_attention_heads\":2,\"decoder_layers\":3,"           \
    "\"max_target_positions\":448" extra "}"

TEST(folders_of_hugging_face)
{
    whisper_config c;
    hse_error err = {0};

    make_folder();
    write_safetensors("model.safetensors", (const zeros[]){conv1, tokens}, 2);
    CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_NOT_FOUND && strstr(err.text, "config.json"), "%s", err.text);
    write_text("config.json", HF(",\"suppress_tokens\":[1,2,-1],\"activation_function\":\"gelu\""));
    must(open_config(&c, folder, NULL, NULL, &err), &err);
    CHECK(c.format == WHISPER_HF && c.n_suppress == 2 && c.n_alignment_heads == 4 && c.alignment_heads[0].layer == 1 &&
              c.alignment_heads[3].layer == 2 && c.alignment_heads[3].head == 1,
          "%zu heads, %zu suppressed", c.n_alignment_heads, c.n_suppress);
    CHECK(c.n_languages == 99 && c.suppress_begin[1] == 50257 && c.missing_tokenizer, "defaults");
    whisper_config_close(&c);

    write_text("generation_config.json", "{\"alignment_heads\":[[2,1],[0,0]],\"suppress_tokens\":[7],\"begin_suppress_tokens\":"
                                         "[220,50257],\"lang_to_id\":{\"<|de|>\":50261,\"<|en|>\":50259}}");
    must(open_config(&c, folder, "huggingface", NULL, &err), &err);
    CHECK(c.n_suppress == 1 && c.suppress[0] == 7 && c.n_languages == 2 && c.languages[0] == 50259 &&
              c.n_alignment_heads == 2 && c.alignment_heads[0].layer == 2,
          "generation_config.json goes first");
    whisper_config_close(&c);
    unlink(in_folder("model.safetensors"));

    /* the same in two files, and names without "model." */
    const zeros bare = {"encoder.conv1.weight", 3, {8, 80, 3}}, bare_tokens = {"decoder.embed_tokens.weight", 2, {51865, 8}};
    write_safetensors("one.safetensors", &bare, 1);
    write_safetensors("two.safetensors", &bare_tokens, 1);
    write_text("model.safetensors.index.json", "{\"weight_map\":{\"encoder.conv1.weight\":\"one.safetensors\","
                                               "\"decoder.embed_tokens.weight\":\"two.safetensors\"}}");
    must(open_config(&c, folder, "safetensors", NULL, &err), &err);
    CHECK(strstr(c.weights, ".index.json") && c.dims.width == 8, "%s", c.weights);
    whisper_config_close(&c);
    remove_folder();
}

TEST(damaged_folders_of_hugging_face)
{
    static const struct {
        const char *file, *text;
        hse_status want;
        const char *words;
    } cases[] = {
        {"config.json", HF(""), HSE_OK, ""},
        {"config.json", "[]", HSE_E_FORMAT, "not an object"},
        {"config.json", "{", HSE_E_FORMAT, "config.json"},
        {"config.json", "{}", HSE_E_FORMAT, "num_mel_bins"},
        {"config.json", HF(",\"scale_embedding\":true"), HSE_E_FORMAT, "scale_embedding"},
        {"config.json", HF(",\"activation_function\":\"relu\""), HSE_E_FORMAT, "activation_function"},
        {"config.json", HF(",\"decoder_ffn_dim\":33"), HSE_OK, ""},
        {"config.json", HF(",\"decoder_ffn_dim\":0"), HSE_E_FORMAT, "decoder_ffn_dim"},
        {"config.json", HF(",\"decoder_ffn_dim\":\"32\""), HSE_E_FORMAT, "decoder_ffn_dim"},
        {"config.json", HF(",\"suppress_tokens\":[51865]"), HSE_E_FORMAT, "suppress_tokens"},
        {"config.json", HF(",\"suppress_tokens\":{}"), HSE_E_FORMAT, "suppress_tokens"},
        {"config.json", HF(",\"begin_suppress_tokens\":[1.5]"), HSE_E_FORMAT, "begin_suppress_tokens"},
        {"generation_config.json", "{\"alignment_heads\":[[3,0]]}", HSE_E_FORMAT, "alignment_heads"},
        {"generation_config.json", "{\"alignment_heads\":[[0,2]]}", HSE_E_FORMAT, "alignment_heads"},
        {"generation_config.json", "{\"alignment_heads\":[[0,-1]]}", HSE_E_FORMAT, "alignment_heads"},
        {"generation_config.json", "{\"alignment_heads\":[[0]]}", HSE_E_FORMAT, "alignment_heads"},
        {"generation_config.json", "{\"alignment_heads\":[0]}", HSE_E_FORMAT, "alignment_heads"},
        {"generation_config.json", "{\"alignment_heads\":1}", HSE_E_FORMAT, "alignment_heads"},
        {"generation_config.json", "{\"alignment_heads\":null,\"lang_to_id\":null}", HSE_OK, ""},
        {"generation_config.json", "{\"lang_to_id\":[]}", HSE_E_FORMAT, "lang_to_id"},
        {"generation_config.json", "{\"lang_to_id\":{\"<|en|>\":51865}}", HSE_E_FORMAT, "lang_to_id"},
        {"generation_config.json", "{\"lang_to_id\":{\"<|en|>\":\"x\"}}", HSE_E_FORMAT, "lang_to_id"},
        {"preprocessor_config.json", "{\"feature_size\":128}", HSE_E_FORMAT, "feature_size is 128"},
        {"preprocessor_config.json", "{\"feature_size\":\"80\"}", HSE_E_FORMAT, "feature_size"},
        {"preprocessor_config.json", "{\"feature_size\":80}", HSE_OK, ""},
        {"preprocessor_config.json", "{}", HSE_OK, ""},
    };

    make_folder();
    write_safetensors("model.safetensors", (const zeros[]){conv1, tokens}, 2);
    for (size_t i = 0; i < COUNT(cases); i++) {
        whisper_config c = {0};
        hse_error err = {0};
        write_text("config.json", HF(""));
        write_text(cases[i].file, cases[i].text);
        hse_status s = open_config(&c, folder, NULL, NULL, &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].words), "%s %s: %d %s", cases[i].file, cases[i].text, (int)s,
              err.text);
        whisper_config_close(&c);
        unlink(in_folder(cases[i].file));
    }
    /* each member of config.json, one too large, one absent */
    static const char *const members[] = {"num_mel_bins", "vocab_size", "d_model", "encoder_layers", "decoder_layers",
                                          "encoder_attention_heads", "max_target_positions", "encoder_ffn_dim"};
    for (size_t i = 0; i < COUNT(members); i++)
        for (int kind = 0; kind < 3; kind++) {
            static const char *const put[] = {"99999999", "0", "\"8\""};
            char text[1024], *at;
            whisper_config c = {0};
            hse_error err = {0};
            snprintf(text, sizeof text, "%s", HF(""));
            at = strstr(text, members[i]) + strlen(members[i]) + 2;
            size_t old = strcspn(at, ",}");
            memmove(at + strlen(put[kind]), at + old, strlen(at + old) + 1);
            memcpy(at, put[kind], strlen(put[kind]));
            write_text("config.json", text);
            CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_FORMAT && strstr(err.text, members[i]), "%s: %s",
                  members[i], err.text);
        }
    remove_folder();
}

TEST(weights_that_do_not_fit_their_description)
{
    static const struct {
        zeros conv1, tokens;
        const char *words;
    } cases[] = {
        {{"model.encoder.conv1.weight", 3, {8, 81, 3}}, {"model.decoder.embed_tokens.weight", 2, {51865, 8}}, "8 x 81 x 3"},
        {{"model.encoder.conv1.weight", 2, {8, 80}}, {"model.decoder.embed_tokens.weight", 2, {51865, 8}}, "2 dimensions"},
        {{"model.encoder.conv1.weight", 3, {8, 80, 3}}, {"model.decoder.embed_tokens.weight", 2, {51865, 9}}, "51865 x 9"},
        {{"model.encoder.conv1.weight", 3, {8, 80, 0}}, {"model.decoder.embed_tokens.weight", 2, {51865, 8}}, "is 0"},
        {{"other", 3, {8, 80, 3}}, {"model.decoder.embed_tokens.weight", 2, {51865, 8}}, "has no encoder.conv1.weight"},
    };

    make_folder();
    write_text("config.json", HF(""));
    for (size_t i = 0; i < COUNT(cases); i++) {
        whisper_config c = {0};
        hse_error err = {0};
        write_safetensors("model.safetensors", (const zeros[]){cases[i].conv1, cases[i].tokens}, 2);
        CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_FORMAT && strstr(err.text, cases[i].words), "case %zu: %s", i,
              err.text);
    }
    remove_folder();
}

TEST(which_file_of_a_folder)
{
    whisper_config c = {0};
    hse_error err = {0};

    make_folder();
    CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_NOT_FOUND && strstr(err.text, "model.bin"), "%s", err.text);
    CHECK(open_config(&c, in_folder("nothing"), NULL, NULL, &err) == HSE_E_NOT_FOUND, "%s", err.text);
    CHECK(open_config(&c, folder, "onnx", NULL, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "onnx"), "%s", err.text);
    copy_file("model.bin", KIT "models/ml/ct2_int8/model.bin");
    must(open_config(&c, folder, NULL, NULL, &err), &err); /* no config.json: CTranslate2's says nothing of dims */
    CHECK(c.n_alignment_heads == 2 && c.n_suppress == 0, "%zu", c.n_alignment_heads);
    whisper_config_close(&c);
    CHECK(open_config(&c, folder, "safetensors", NULL, &err) == HSE_E_NOT_FOUND && strstr(err.text, "safetensors"), "%s",
          err.text);
    write_text("config.json", "{\"alignment_heads\":[[5,0]]}");
    CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_FORMAT && strstr(err.text, "alignment_heads"), "%s", err.text);
    unlink(in_folder("config.json"));
    copy_file("model.bin", KIT "models/ml/openai_pt/ml.pt");
    CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_FORMAT && strstr(err.text, "not CTranslate2's"), "%s", err.text);
    unlink(in_folder("model.bin"));
    copy_file("small.pt", KIT "models/ml/openai_pt/ml.pt");
    must(open_config(&c, folder, "openai", NULL, &err), &err);
    CHECK(c.n_alignment_heads == 2, "a file of a published name and other dims: %zu heads", c.n_alignment_heads);
    whisper_config_close(&c);
    write_text("other.pt", "x");
    CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_ARG && strstr(err.text, "other.pt"), "%s", err.text);
    unlink(in_folder("small.pt"));
    CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_UNSUPPORTED, "%s", err.text);
    char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK(open_config(&c, longer, NULL, NULL, &err) == HSE_E_ARG, "%s", err.text);
    remove_folder();
}

/* model.bin's dims are its shapes: one dimension at a time is changed in place. */
TEST(shapes_of_a_model_bin)
{
    char *data = NULL;
    size_t size;
    hse_error err = {0};

    must(hse_file_read(&data, &size, test_path(KIT "models/ml/ct2_int8/model.bin"), 8 << 20, &err), &err);
    static const struct {
        const char *name;
        const char *words;
    } gone[] = {
        {"encoder/conv1/weight", "has no encoder/conv1/weight"},
        {"encoder/position_encodings/encodings", "has no encoder/position_encodings"},
        {"decoder/position_encodings/encodings", "has no decoder/position_encodings"},
        {"decoder/embeddings/weight", "stands for decoder/embeddings/weight"},
        {"encoder/layer_0/ffn/linear_0/weight", "has no encoder/layer_0/ffn"},
        {"decoder/layer_0/ffn/linear_0/weight", "0 decoder layers"},
        {"encoder/num_heads", "has no encoder/num_heads"}, /* and a width of 16 gives no heads of 64 */
        {"WhisperSpec", "not WhisperSpec"},
    };
    make_folder();
    for (size_t i = 0; i < COUNT(gone); i++) {
        whisper_config c = {0};
        size_t n = strlen(gone[i].name) + 1; /* with its NUL: not the beginning of a longer name */
        char *at = memmem(data, size, gone[i].name, n);
        CHECK(at != NULL, "%s is not in the file", gone[i].name);
        at[0] ^= 1;
        write_file("model.bin", data, size);
        at[0] ^= 1;
        CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_FORMAT && strstr(err.text, gone[i].words), "%s: %s",
              gone[i].name, err.text);
    }
    char *heads = memmem(data, size, "decoder/num_heads", 18);
    CHECK(heads != NULL, "decoder/num_heads");
    heads[18 + 1 + 1 + 4] = 3; /* rank, type, size, then the number: 16 is no multiple of it */
    write_file("model.bin", data, size);
    whisper_config c = {0};
    CHECK(open_config(&c, folder, NULL, NULL, &err) == HSE_E_FORMAT && strstr(err.text, "no multiple"), "%s", err.text);
    remove_folder();
    hse_free(data);
}

static hse_status open_tortured(void *arg, hse_error *err)
{
    whisper_config c = {0};
    hse_status s = open_config(&c, arg, NULL, NULL, err);

    whisper_config_close(&c);
    return s;
}

TEST(each_allocation_fails_once)
{
    static const char *const kit[] = {KIT "models/ml/ct2_float16", KIT "models/ml/openai_pt"};
    char path[512];

    for (size_t i = 0; i < COUNT(kit); i++) {
        snprintf(path, sizeof path, "%s", test_path(kit[i]));
        CHECK(test_torture(kit[i], open_tortured, path) > 10, "few allocations");
    }
    make_folder();
    write_safetensors("model.safetensors", (const zeros[]){conv1, tokens}, 2);
    write_text("config.json", HF(""));
    write_text("generation_config.json", "{\"alignment_heads\":[[2,1]],\"suppress_tokens\":[7],\"lang_to_id\":{\"a\":1}}");
    snprintf(path, sizeof path, "%s", folder);
    test_torture("hugging face", open_tortured, path);
    remove_folder();
}

TEST(names_of_models)
{
    size_t n = 0, heads = 0;

    for (; whisper_model_name(n); n++) {
        const char *const *repos = whisper_repos_of(whisper_model_name(n));
        CHECK(repos && repos[0] && strchr(repos[0], '/') && repos[1] && whisper_repo_of(whisper_model_name(n)) == repos[0],
              "%s", whisper_model_name(n));
    }
    CHECK(n == 19, "%zu names", n);
    CHECK(strcmp(whisper_repo_of("small"), "Systran/faster-whisper-small") == 0 && !whisper_repo_of("smal") &&
              !whisper_repos_of(""),
          "small");
    CHECK(whisper_published_heads("/x/small.pt", &heads) && heads == 10, "%zu", heads);
    CHECK(whisper_published_heads("tiny.en.pt", &heads) && heads == 8, "%zu", heads);
    CHECK(!whisper_published_heads("/small.pt/other.pt", &heads) && !whisper_published_heads("smal.pt", &heads), "others");
}
