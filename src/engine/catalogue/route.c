#include "engine/catalogue/route.h"

#include <string.h>

#define ENCODER "HarmonySpeechEncoder"
#define SYNTHESIZER "HarmonySpeechSynthesizer"
#define VOCODER "HarmonySpeechVocoder"

#define RESTORER "VoiceFixerRestorer"
#define RESTORER_VOCODER "VoiceFixerVocoder"
#define WHISPER "FasterWhisper"
#define OV1_SPEAKER "OpenVoiceV1Synthesizer"
#define OV1_CONVERTER "OpenVoiceV1ToneConverter"
#define OV1_ENCODER "OpenVoiceV1ToneConverterEncoder"
#define OV2_SPEAKER "MeloTTSSynthesizer"
#define OV2_CONVERTER "OpenVoiceV2ToneConverter"
#define OV2_ENCODER "OpenVoiceV2ToneConverterEncoder"

#define HS1 "harmonyspeech"
#define OV1 "openvoice_v1"
#define OV2 "openvoice_v2"
#define VF "voicefixer"
#define AUDIO HSE_AUDIO
#define EMBEDDING HSE_EMBEDDING
#define SPEECH HSE_TRANSCRIPT

/* The first row that matches counts. A voice by name stands for its embedding. */
const hse_route hse_routes[] = {
    {HSE_JOB_SPEAK, HS1, HSE_MODE_ANY, false, AUDIO | EMBEDDING, 0, {NULL},
     "input_audio and input_embedding (or voice) exclude each other: send one of them"},
    {HSE_JOB_SPEAK, HS1, HSE_MODE_ANY, false, 0, AUDIO | EMBEDDING, {NULL},
     "somebody must speak: send voice, input_audio or input_embedding"},
    /* The original answers single_speaker_tts with the mel spectrogram; a user wants to hear it. */
    {HSE_JOB_SPEAK, HS1, HSE_MODE_SINGLE, true, AUDIO, 0, {ENCODER, SYNTHESIZER, NULL}, NULL},
    {HSE_JOB_SPEAK, HS1, HSE_MODE_SINGLE, true, EMBEDDING, 0, {SYNTHESIZER, NULL}, NULL},
    {HSE_JOB_SPEAK, HS1, HSE_MODE_ANY, false, AUDIO, 0, {ENCODER, SYNTHESIZER, VOCODER, NULL}, NULL},
    {HSE_JOB_SPEAK, HS1, HSE_MODE_ANY, false, EMBEDDING, 0, {SYNTHESIZER, VOCODER, NULL}, NULL},
    {HSE_JOB_EMBED, HS1, HSE_MODE_ANY, false, AUDIO, 0, {ENCODER, NULL}, NULL},
    {HSE_JOB_EMBED, HS1, HSE_MODE_ANY, false, 0, AUDIO, {NULL}, "input_audio is missing"},
    {HSE_JOB_SYNTHESIZE, HS1, HSE_MODE_ANY, false, EMBEDDING, 0, {SYNTHESIZER, NULL}, NULL},
    {HSE_JOB_VOCODE, HS1, HSE_MODE_ANY, false, HSE_MEL, 0, {VOCODER, NULL}, NULL},

    /* The recording's stretches of speech come from the recogniser, unless the request says where they are or who finds them; somebody's embedding colours what a base voice speaks. */
    {HSE_JOB_SPEAK, OV1, HSE_MODE_ANY, false, AUDIO | EMBEDDING, 0, {NULL},
     "input_audio and input_embedding exclude each other: send one of them"},
    {HSE_JOB_SPEAK, OV1, HSE_MODE_SINGLE, false, AUDIO, 0, {NULL}, "mode: single_speaker_tts takes no input_audio"},
    {HSE_JOB_SPEAK, OV1, HSE_MODE_SINGLE, false, 0, 0, {OV1_SPEAKER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV1, HSE_MODE_ANY, false, AUDIO | SPEECH, 0, {OV1_ENCODER, OV1_SPEAKER, OV1_CONVERTER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV1, HSE_MODE_ANY, false, AUDIO, 0, {WHISPER, OV1_ENCODER, OV1_SPEAKER, OV1_CONVERTER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV1, HSE_MODE_ANY, false, EMBEDDING, 0, {OV1_SPEAKER, OV1_CONVERTER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV1, HSE_MODE_CLONING, false, 0, 0, {NULL}, "somebody must speak: send input_audio or input_embedding"},
    {HSE_JOB_SPEAK, OV1, HSE_MODE_ANY, false, 0, 0, {OV1_SPEAKER, NULL}, NULL},
    {HSE_JOB_EMBED, OV1, HSE_MODE_ANY, false, AUDIO | SPEECH, 0, {OV1_ENCODER, NULL}, NULL},
    {HSE_JOB_EMBED, OV1, HSE_MODE_ANY, false, AUDIO, 0, {WHISPER, OV1_ENCODER, NULL}, NULL},
    {HSE_JOB_EMBED, OV1, HSE_MODE_ANY, false, 0, AUDIO, {NULL}, "input_audio is missing"},
    {HSE_JOB_CONVERT, OV1, HSE_MODE_ANY, false, AUDIO | EMBEDDING, 0, {OV1_CONVERTER, NULL}, NULL},
    {HSE_JOB_CONVERT, OV1, HSE_MODE_ANY, false, AUDIO, EMBEDDING, {OV1_ENCODER, OV1_CONVERTER, NULL}, NULL},
    {HSE_JOB_CONVERT, OV1, HSE_MODE_ANY, false, 0, AUDIO, {NULL}, "source_audio is missing"},

    {HSE_JOB_SPEAK, OV2, HSE_MODE_ANY, false, AUDIO | EMBEDDING, 0, {NULL},
     "input_audio and input_embedding exclude each other: send one of them"},
    {HSE_JOB_SPEAK, OV2, HSE_MODE_SINGLE, false, AUDIO, 0, {NULL}, "mode: single_speaker_tts takes no input_audio"},
    {HSE_JOB_SPEAK, OV2, HSE_MODE_SINGLE, false, 0, 0, {OV2_SPEAKER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV2, HSE_MODE_ANY, false, AUDIO | SPEECH, 0, {OV2_ENCODER, OV2_SPEAKER, OV2_CONVERTER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV2, HSE_MODE_ANY, false, AUDIO, 0, {WHISPER, OV2_ENCODER, OV2_SPEAKER, OV2_CONVERTER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV2, HSE_MODE_ANY, false, EMBEDDING, 0, {OV2_SPEAKER, OV2_CONVERTER, NULL}, NULL},
    {HSE_JOB_SPEAK, OV2, HSE_MODE_CLONING, false, 0, 0, {NULL}, "somebody must speak: send input_audio or input_embedding"},
    {HSE_JOB_SPEAK, OV2, HSE_MODE_ANY, false, 0, 0, {OV2_SPEAKER, NULL}, NULL},
    {HSE_JOB_EMBED, OV2, HSE_MODE_ANY, false, AUDIO | SPEECH, 0, {OV2_ENCODER, NULL}, NULL},
    {HSE_JOB_EMBED, OV2, HSE_MODE_ANY, false, AUDIO, 0, {WHISPER, OV2_ENCODER, NULL}, NULL},
    {HSE_JOB_EMBED, OV2, HSE_MODE_ANY, false, 0, AUDIO, {NULL}, "input_audio is missing"},
    {HSE_JOB_CONVERT, OV2, HSE_MODE_ANY, false, AUDIO | EMBEDDING, 0, {OV2_CONVERTER, NULL}, NULL},
    {HSE_JOB_CONVERT, OV2, HSE_MODE_ANY, false, AUDIO, EMBEDDING, {OV2_ENCODER, OV2_CONVERTER, NULL}, NULL},
    {HSE_JOB_CONVERT, OV2, HSE_MODE_ANY, false, 0, AUDIO, {NULL}, "source_audio is missing"},

    {HSE_JOB_RESTORE, VF, HSE_MODE_ANY, false, AUDIO, 0, {RESTORER, RESTORER_VOCODER, NULL}, NULL},
    {HSE_JOB_RESTORE, VF, HSE_MODE_ANY, false, 0, AUDIO, {NULL}, "source_audio is missing"},
};
const size_t hse_route_count = COUNT(hse_routes);

const hse_toolchain hse_toolchains[] = {
    {HS1, HS1, 1u << HSE_JOB_SPEAK | 1u << HSE_JOB_EMBED | 1u << HSE_JOB_SYNTHESIZE | 1u << HSE_JOB_VOCODE,
     {SYNTHESIZER, VOCODER, NULL}},
    {OV1, "openvoice", 1u << HSE_JOB_SPEAK | 1u << HSE_JOB_EMBED | 1u << HSE_JOB_CONVERT,
     {OV1_SPEAKER, OV1_CONVERTER, OV1_ENCODER, WHISPER, NULL}},
    {OV2, "openvoice", 1u << HSE_JOB_SPEAK | 1u << HSE_JOB_EMBED | 1u << HSE_JOB_CONVERT,
     {OV2_SPEAKER, OV2_CONVERTER, OV2_ENCODER, WHISPER, NULL}},
    {VF, "voicefixer", 1u << HSE_JOB_RESTORE, {RESTORER, RESTORER_VOCODER, NULL}},
};
const size_t hse_toolchain_count = COUNT(hse_toolchains);

/* What one model must take and give to answer a request alone. */
static const struct {
    const char *name;
    unsigned    takes, gives;
} kinds[HSE_JOB_KINDS] = {
    [HSE_JOB_SPEAK] = {"speak", HSE_TEXT, HSE_AUDIO},           [HSE_JOB_EMBED] = {"embed", HSE_AUDIO, HSE_EMBEDDING},
    [HSE_JOB_TRANSCRIBE] = {"transcribe", HSE_AUDIO, HSE_TRANSCRIPT},
    [HSE_JOB_CONVERT] = {"convert", HSE_AUDIO | HSE_EMBEDDING, HSE_AUDIO},
    [HSE_JOB_RESTORE] = {"restore", HSE_AUDIO, HSE_AUDIO},
    [HSE_JOB_VAD] = {"vad", HSE_AUDIO, HSE_SEGMENTS},           [HSE_JOB_SYNTHESIZE] = {"synthesize", HSE_TEXT, HSE_MEL},
    [HSE_JOB_VOCODE] = {"vocode", HSE_MEL, HSE_AUDIO},
};

const char *hse_job_kind_name(hse_job_kind kind)
{
    return kinds[kind].name;
}

bool hse_type_answers(unsigned takes, unsigned gives, hse_job_kind kind)
{
    if (kind == HSE_JOB_RESTORE && takes != HSE_AUDIO)  /* a converter wants to know more, and changes the voice */
        return false;
    return (takes & kinds[kind].takes) == kinds[kind].takes && (gives & kinds[kind].gives) == kinds[kind].gives;
}

const hse_toolchain *hse_toolchain_find(const char *name)
{
    for (size_t i = 0; i < COUNT(hse_toolchains); i++)
        if (strcmp(hse_toolchains[i].name, name) == 0)
            return &hse_toolchains[i];
    return NULL;
}

hse_status hse_route_find(const hse_route **out, hse_job_kind kind, const char *toolchain, hse_mode mode, unsigned has,
                          bool reference, hse_error *err)
{
    for (size_t i = 0; i < COUNT(hse_routes); i++) {
        const hse_route *r = &hse_routes[i];

        if (r->kind != kind || strcmp(r->toolchain, toolchain) != 0 || (r->mode != HSE_MODE_ANY && r->mode != mode) ||
            (r->reference && !reference) || (has & r->has) != r->has || (has & r->without))
            continue;
        if (r->refusal)
            return hse_fail(err, HSE_E_ARG, 0, "%s", r->refusal);
        *out = r;
        return HSE_OK;
    }
    return hse_fail(err, HSE_E_UNSUPPORTED, 0, "model '%s' has no task '%s' for what the request brings", toolchain,
                    hse_job_kind_name(kind));
}
