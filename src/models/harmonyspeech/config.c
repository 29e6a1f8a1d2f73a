#include "models/harmonyspeech/config.h"

#include "models/config.h"

hse_status hs1_encoder_config_read(hs1_encoder_config *out, const char *json, size_t size, hse_error *err)
{
    model_config c;
    hse_status s = model_config_open(&c, json, size, "encoder/config.json", "model", err);

    if (s != HSE_OK)
        return s;
    *out = (hs1_encoder_config){
        .mels = model_config_int(&c, "mel_n_channels", 1, HS1_MAX_DIM),
        .hidden = model_config_int(&c, "model_hidden_size", 1, HS1_MAX_DIM),
        .layers = model_config_int(&c, "model_num_layers", 1, NN_MAX_RNN_LAYERS),
        .embedding = model_config_int(&c, "model_embedding_size", 1, HS1_MAX_DIM),
    };
    return model_config_close(&c, err);
}

hse_status hs1_synthesizer_config_read(hs1_synthesizer_config *out, const char *json, size_t size, hse_error *err)
{
    static const char *const dropouts[] = {"durpred_dropout", "pitch_dropout", "energy_dropout", "prenet_dropout",
                                           "postnet_dropout"};
    model_config c;
    hse_status s = model_config_open(&c, json, size, "synthesizer/config.json", "model", err);

    if (s != HSE_OK)
        return s;
    *out = (hs1_synthesizer_config){
        .embed = model_config_int(&c, "embed_dims", 1, HS1_MAX_DIM),
        .series_embed = model_config_int(&c, "series_embed_dims", 1, HS1_MAX_DIM),
        .chars = model_config_int(&c, "num_chars", 1, HS1_MAX_DIM),
        .speaker = model_config_int(&c, "speaker_embed_dims", 1, HS1_MAX_DIM),
        .mels = model_config_int(&c, "n_mels", 1, HS1_MAX_DIM),
        .rnn = model_config_int(&c, "rnn_dims", 1, HS1_MAX_DIM),
        .dur = {model_config_int(&c, "durpred_conv_dims", 1, HS1_MAX_DIM),
                model_config_int(&c, "durpred_rnn_dims", 1, HS1_MAX_DIM)},
        .pitch = {model_config_int(&c, "pitch_conv_dims", 1, HS1_MAX_DIM),
                  model_config_int(&c, "pitch_rnn_dims", 1, HS1_MAX_DIM)},
        .energy = {model_config_int(&c, "energy_conv_dims", 1, HS1_MAX_DIM),
                   model_config_int(&c, "energy_rnn_dims", 1, HS1_MAX_DIM)},
        .pitch_strength = (float)model_config_real(&c, "pitch_strength", -1e6, 1e6),
        .energy_strength = (float)model_config_real(&c, "energy_strength", -1e6, 1e6),
        .prenet = model_config_int(&c, "prenet_dims", 1, HS1_MAX_DIM),
        .prenet_k = model_config_int(&c, "prenet_k", 1, HS1_MAX_BANK),
        .prenet_highways = model_config_int(&c, "prenet_num_highways", 0, HS1_MAX_HIGHWAYS),
        .postnet = model_config_int(&c, "postnet_dims", 1, HS1_MAX_DIM),
        .postnet_k = model_config_int(&c, "postnet_k", 1, HS1_MAX_BANK),
        .postnet_highways = model_config_int(&c, "postnet_num_highways", 0, HS1_MAX_HIGHWAYS),
    };
    for (size_t i = 0; i < COUNT(dropouts); i++)
        model_config_real(&c, dropouts[i], 0, 1);      /* of training; must be there */
    model_config_real(&c, "padding_value", -1e9, 1e9); /* of training, too */
    return model_config_close(&c, err);
}

/* The names of torch.nn that mean something here. */
static const char *const activations[] = {"LeakyReLU", "ReLU", "Tanh", "Sigmoid", "SiLU", "GELU", "Identity", NULL};
static const k_act activation_kinds[] = {K_LEAKY_RELU, K_RELU, K_TANH, K_SIGMOID, K_SILU, K_GELU, K_NONE};
static const char *const pads[] = {"ReflectionPad1d", "ReplicationPad1d", "ConstantPad1d", NULL};
static const nn_pad pad_kinds[] = {NN_REFLECT, NN_REPLICATE, NN_CONSTANT};

static void read_activation(model_config *c, hs1_vocoder_config *v)
{
    static const char *const leaky[] = {"negative_slope", "inplace", NULL}, *const other[] = {"inplace", NULL};
    double slope = 0.01; /* torch's default */

    v->act = activation_kinds[model_config_word(c, "nonlinear_activation", activations)];
    if (v->act == K_LEAKY_RELU)
        model_config_sub_real(c, "nonlinear_activation_params", "negative_slope", leaky, -1e3, 1e3, &slope);
    else
        model_config_sub_real(c, "nonlinear_activation_params", NULL, other, 0, 0, NULL);
    v->slope = (float)slope;
}

static void read_pad(model_config *c, hs1_vocoder_config *v)
{
    static const char *const constant[] = {"value", NULL}, *const none[] = {NULL};
    double value = 0;

    v->pad = pad_kinds[model_config_word(c, "pad", pads)];
    if (v->pad != NN_CONSTANT)
        model_config_sub_real(c, "pad_params", NULL, none, 0, 0, NULL);
    else if (!model_config_sub_real(c, "pad_params", "value", constant, -1e6, 1e6, &value))
        model_config_problem(c, "\"pad_params\" of ConstantPad1d has no \"value\"");
    v->pad_value = (float)value;
}

static void check_vocoder(model_config *c, hs1_vocoder_config *v)
{
    long product = 1, dilation = 1;

    for (int i = 0; i < v->scales; i++)
        product = product > HS1_MAX_HOP ? product : product * v->scale[i];
    if (product > HS1_MAX_HOP || product * v->out > HS1_MAX_HOP) {
        model_config_problem(c, "a frame would be more than %d samples", HS1_MAX_HOP);
        product = 1;
    }
    v->hop = (int)product * v->out;
    if (v->channels < product)
        model_config_problem(c, "\"channels\" is %d, less than the product %ld of \"upsample_scales\"", v->channels,
                             product);
    if (v->channels % (1 << v->scales) != 0)
        model_config_problem(c, "\"channels\" is %d, which %d scales cannot halve", v->channels, v->scales);
    if (!v->causal && (v->kernel % 2 == 0 || v->stack_kernel % 2 == 0))
        model_config_problem(c, "\"kernel_size\" and \"stack_kernel_size\" must be odd unless \"use_causal_conv\"");
    for (int i = 1; i < v->stacks; i++)
        dilation = dilation > 1 << 20 ? dilation : dilation * v->stack_kernel;
    if (dilation * (v->stack_kernel - 1) > 4096)
        model_config_problem(c, "the last residual stack would reach more than 4096 samples");
}

hse_status hs1_vocoder_config_read(hs1_vocoder_config *out, const char *json, size_t size, hse_error *err)
{
    model_config c;
    hse_status s = model_config_open(&c, json, size, "vocoder/config.json", "model", err);
    hs1_vocoder_config v;

    if (s != HSE_OK)
        return s;
    v = (hs1_vocoder_config){
        .in = model_config_int(&c, "in_channels", 1, HS1_MAX_DIM),
        .out = model_config_int(&c, "out_channels", 1, 64),
        .kernel = model_config_int(&c, "kernel_size", 1, 255),
        .channels = model_config_int(&c, "channels", 1, HS1_MAX_DIM),
        .stack_kernel = model_config_int(&c, "stack_kernel_size", 1, 31),
        .stacks = model_config_int(&c, "stacks", 0, HS1_MAX_STACKS),
        .bias = model_config_bool(&c, "bias"),
        .final_tanh = model_config_bool(&c, "use_final_nonlinear_activation"),
        .weight_norm = model_config_bool(&c, "use_weight_norm"),
        .causal = model_config_bool(&c, "use_causal_conv"),
        .input_scale = 0.25,
    };
    v.scales = model_config_ints(&c, "upsample_scales", v.scale, HS1_MAX_SCALES, 1, 256);
    read_activation(&c, &v);
    read_pad(&c, &v);
    check_vocoder(&c, &v);
    model_config_beside(&c, "input_scale", -1e3, 1e3, &v.input_scale);
    model_config_beside(&c, "gain_db", -60, 60, &v.gain_db);
    if ((s = model_config_close(&c, err)) == HSE_OK)
        *out = v;
    return s;
}
