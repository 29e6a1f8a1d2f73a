/* config.json of OpenVoice and MeloTTS: one member of a good file at a time replaced by something else, or gone. */
#include "torture.h"
#include "vits_models.h"

#include <jansson.h>

/* root[path] = the JSON value, or removed; path is "a.b" or "a". */
static void change(json_t *root, const char *path, const char *value)
{
    char first[64];
    const char *dot = strchr(path, '.');
    json_t *at = root;

    if (dot) {
        snprintf(first, sizeof first, "%.*s", (int)(dot - path), path);
        at = json_object_get(root, first);
        path = dot + 1;
    }
    if (value)
        json_object_set_new(at, path, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(at, path);
}

static hse_status open_changed(const vits_folder *f, const char *path, const char *value, vits_config **out, hse_error *err)
{
    size_t size;
    char *text = vits_read(f, "config.json", &size), *changed;
    json_t *root = json_loadb(text, size, 0, NULL);

    CHECK(root, "%s", f->dir);
    change(root, path, value);
    changed = json_dumps(root, 0);
    hse_status s = vits_config_open(out, (hse_bytes){(uint8_t *)changed, strlen(changed)}, "config.json", f->kind, err);
    json_decref(root);
    free(changed);
    hse_free(text);
    return s;
}

TEST(members_that_cannot_be_are_refused_by_name)
{
    static const struct {
        const vits_folder *folder;
        const char *path, *value, *says;
    } cases[] = {
        {&vits_odd, "data", NULL, "data"},
        {&vits_odd, "data", "[]", "data"},
        {&vits_odd, "model", NULL, "model"},
        {&vits_odd, "model", "7", "model"},
        {&vits_odd, "data.sampling_rate", NULL, "sampling_rate"},
        {&vits_odd, "data.sampling_rate", "0", "sampling_rate"},
        {&vits_odd, "data.sampling_rate", "\"44100\"", "sampling_rate"},
        {&vits_odd, "data.filter_length", "1", "filter_length"},
        {&vits_odd, "data.hop_length", "-256", "hop_length"},
        {&vits_odd, "data.n_speakers", "0", "n_speakers"},
        {&vits_odd, "data.n_speakers", "1e3", "n_speakers"},
        {&vits_odd, "data.add_blank", "1", "add_blank"},
        {&vits_odd, "data.disable_bert", "\"yes\"", "disable_bert"},
        {&vits_odd, "data.spk2id", NULL, "spk2id"},
        {&vits_odd, "data.spk2id", "{}", "spk2id"},
        {&vits_odd, "data.spk2id", "{\"a\": 99999}", "spk2id"},
        {&vits_odd, "data.spk2id", "{\"a\": -1}", "spk2id"},
        {&vits_odd, "data.spk2id", "{\"a\": \"0\"}", "spk2id"},
        {&vits_odd, "model.inter_channels", "7", "inter_channels"},
        {&vits_odd, "model.inter_channels", "0", "inter_channels"},
        {&vits_odd, "model.inter_channels", "4294967296", "inter_channels"},
        {&vits_odd, "model.hidden_channels", "1.5", "hidden_channels"},
        {&vits_odd, "model.filter_channels", NULL, "filter_channels"},
        {&vits_odd, "model.n_heads", "0", "n_heads"},
        {&vits_odd, "model.n_heads", "255", "n_heads"},
        {&vits_odd, "model.n_layers", "33", "n_layers"},
        {&vits_odd, "model.kernel_size", "0", "kernel_size"},
        {&vits_odd, "model.gin_channels", "-1", "gin_channels"},
        {&vits_odd, "model.resblock", NULL, "resblock"},
        {&vits_odd, "model.resblock_kernel_sizes", "[]", "resblock_kernel_sizes"},
        {&vits_odd, "model.resblock_kernel_sizes", "3", "resblock_kernel_sizes"},
        {&vits_odd, "model.resblock_kernel_sizes", "[4, 7]", "resblock_kernel_sizes"},
        {&vits_odd, "model.resblock_kernel_sizes", "[257]", "resblock_kernel_sizes"},
        {&vits_odd, "model.resblock_kernel_sizes", "[3,3,3,3,3,3,3,3,3]", "resblock_kernel_sizes"},
        {&vits_odd, "model.resblock_dilation_sizes", "[]", "resblock_dilation_sizes"},
        {&vits_odd, "model.resblock_dilation_sizes", "[[1,3,5]]", "resblock_dilation_sizes"},
        {&vits_odd, "model.resblock_dilation_sizes", "[[1], [1], [1], [1]]", "resblock_dilation_sizes"},
        {&vits_odd, "model.resblock_dilation_sizes", "[[0,0,0], [1,1,1], [1,1,1]]", "resblock_dilation_sizes"},
        {&vits_odd, "model.upsample_rates", "[8, 8, \"2\"]", "upsample_rates"},
        {&vits_odd, "model.upsample_rates", "[513]", "upsample_rates"},
        {&vits_odd, "model.upsample_rates", "[512, 512]", "samples of a frame"},
        {&vits_odd, "model.upsample_rates", "[512, 512, 512, 512, 512, 512, 512, 512]", "upsample_kernel_sizes"},
        {&vits_odd, "model.upsample_kernel_sizes", "[1]", "upsample_kernel_sizes"},
        {&vits_odd, "model.upsample_kernel_sizes", "[1025, 8, 4]", "upsample_kernel_sizes"},
        {&vits_odd, "model.upsample_initial_channel", "1", "upsample_initial_channel"},
        {&vits_odd, "model.use_transformer_flow", "0", "use_transformer_flow"},
        {&vits_odd, "model.n_flow_layer", "17", "n_flow_layer"},
        {&vits_odd, "model.n_layers_trans_flow", "0", "n_layers_trans_flow"},
        {&vits_odd, "model.use_vc", "1", "use_vc"},
        {&vits_odd, "model.flow_share_parameter", "true", "flow_share_parameter"},
        {&vits_odd, "num_tones", NULL, "num_tones"},
        {&vits_odd, "num_languages", "0", "num_languages"},
        {&vits_odd, "symbols", NULL, "symbols"},
        {&vits_odd, "symbols", "[]", "symbols"},
        {&vits_odd, "symbols", "[1, 2]", "symbols"},
        {&vits_base, "speakers", NULL, "speakers"},
        {&vits_base, "speakers", "{\"default\": 100000}", "speakers"},
        {&vits_colour, "data.hop_length", "60000", "window"},
        {&vits_colour, "data.win_length", "60000", "window"},
        {&vits_colour, "model.zero_g", "1", "zero_g"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        vits_config *config = NULL;
        hse_error err = {0};
        hse_status s = open_changed(cases[i].folder, cases[i].path, cases[i].value, &config, &err);

        CHECK(s == HSE_E_FORMAT && !config && strstr(err.text, cases[i].says), "%s = %s: got %d (%s)", cases[i].path,
              cases[i].value ? cases[i].value : "nothing", (int)s, err.text);
    }
}

TEST(members_that_may_be_absent_have_their_defaults)
{
    vits_config *c = NULL;
    hse_error err = {0};

    CHECK(open_changed(&vits_odd, "model.n_flow_layer", NULL, &c, &err) == HSE_OK && c->flow_layers == 4, "%s", err.text);
    vits_config_close(&c);
    CHECK(open_changed(&vits_odd, "model.n_layers_trans_flow", NULL, &c, &err) == HSE_OK && c->flow_encoder_layers == 6, "%s",
          err.text);
    vits_config_close(&c);
    CHECK(open_changed(&vits_odd, "model.use_spk_conditioned_encoder", NULL, &c, &err) == HSE_OK && c->conditioned_encoder, "%s",
          err.text);
    vits_config_close(&c);
    CHECK(open_changed(&vits_colour, "data.n_speakers", NULL, &c, &err) == HSE_OK && c->n_speakers == 0, "%s", err.text);
    vits_config_close(&c);
    CHECK(open_changed(&vits_odd, "model.of_another_age", "[[]]", &c, &err) == HSE_OK, "unknown members: %s", err.text);
    vits_config_close(&c);
}

/* What upstream takes and does with it, odd as it may be. */
TEST(what_upstream_does_not_look_at_may_be_anything)
{
    vits_config *c = NULL;
    hse_error err = {0};

    CHECK(open_changed(&vits_odd, "model.resblock", "1", &c, &err) == HSE_OK && c->dims.resblock == 2, "not \"1\": %s", err.text);
    vits_config_close(&c);
    CHECK(open_changed(&vits_odd, "model.resblock_dilation_sizes", "[[1,2,4,8], [1,3,7], []]", &c, &err) == HSE_OK &&
              c->dims.dilation[0][2] == 4, "a dilation too many: %s", err.text);
    vits_config_close(&c);
    CHECK(open_changed(&vits_odd, "model.upsample_kernel_sizes", "[11, 8, 4, 2]", &c, &err) == HSE_OK && c->dims.stages == 3,
          "a kernel too many: %s", err.text);
    vits_config_close(&c);
    CHECK(open_changed(&vits_odd, "model.use_vc", "true", &c, &err) == HSE_OK && c->encoder_unheard, "%s", err.text);
    vits_config_close(&c);
}

TEST(symbols_and_speakers_are_found_as_they_are_written)
{
    vits_config *c = NULL;
    hse_error err = {0};

    CHECK(open_changed(&vits_odd, "symbols", "[\"_\", \"b\", \"a\", \"ab\", \"a\", \"\", \"ʃ\"]", &c, &err) == HSE_OK, "%s", err.text);
    CHECK(vits_symbol_id(c, "a", 1) == 2 && vits_symbol_id(c, "ab", 2) == 3 && vits_symbol_id(c, "ab", 1) == 2, "the first counts");
    CHECK(vits_symbol_id(c, "ʃ", 2) == 6 && vits_symbol_id(c, "ʃ", 1) == -1 && vits_symbol_id(c, "z", 1) == -1, "bytes");
    CHECK(vits_symbol_id(c, "", 0) == 5, "the empty one");
    for (size_t i = 0; i < c->speaker_count; i++)
        CHECK(vits_speaker_id(c, c->speakers[i].name) == c->speakers[i].id, "%s", c->speakers[i].name);
    CHECK(vits_speaker_id(c, "nobody") == -1, "nobody");
    vits_config_close(&c);
}

static hse_status torture_config(void *arg, hse_error *err)
{
    const hse_bytes *text = arg;
    vits_config *c = NULL;
    hse_status s = vits_config_open(&c, *text, "config.json", VITS_MELO, err);

    vits_config_close(&c);
    return s;
}

TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    size_t size;
    char *text = vits_read(&vits_odd, "config.json", &size);
    hse_bytes bytes = {(uint8_t *)text, size};

    test_torture("config", torture_config, &bytes);
    hse_free(text);
}
