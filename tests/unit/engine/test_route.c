/* Routes as data: which models a request passes through, against the kit's table of what the original does. */
#include "engine/catalogue/route.h"
#include "test.h"

#define E "HarmonySpeechEncoder"
#define S "HarmonySpeechSynthesizer"
#define V "HarmonySpeechVocoder"

TEST(routes_of_harmonyspeech)
{
    enum { A = HSE_AUDIO, M = HSE_EMBEDDING };
    static const struct {
        const char  *name;
        hse_job_kind kind;
        hse_mode     mode;
        unsigned     has;
        bool         reference;
        const char  *want[4];               /* none: refused */
    } cases[] = {
        {"tts, voice_cloning, audio", HSE_JOB_SPEAK, HSE_MODE_CLONING, A, true, {E, S, V}},
        {"tts, voice_cloning, embedding", HSE_JOB_SPEAK, HSE_MODE_CLONING, M, true, {S, V}},
        {"tts, voice_cloning, audio and embedding", HSE_JOB_SPEAK, HSE_MODE_CLONING, A | M, true, {NULL}},
        {"tts, voice_cloning, neither", HSE_JOB_SPEAK, HSE_MODE_CLONING, 0, true, {NULL}},
        {"tts, single_speaker_tts, audio", HSE_JOB_SPEAK, HSE_MODE_SINGLE, A, true, {E, S}},
        {"tts, single_speaker_tts, embedding", HSE_JOB_SPEAK, HSE_MODE_SINGLE, M, true, {S}},
        {"product, single_speaker_tts, audio", HSE_JOB_SPEAK, HSE_MODE_SINGLE, A, false, {E, S, V}},
        {"product, single_speaker_tts, embedding", HSE_JOB_SPEAK, HSE_MODE_SINGLE, M, false, {S, V}},
        {"product, no mode, a voice", HSE_JOB_SPEAK, HSE_MODE_ANY, M | HSE_TEXT, false, {S, V}},
        {"product, both", HSE_JOB_SPEAK, HSE_MODE_ANY, A | M | HSE_TEXT, false, {NULL}},
        {"embed, model harmonyspeech", HSE_JOB_EMBED, HSE_MODE_ANY, A, true, {E}},
        {"embed, no audio", HSE_JOB_EMBED, HSE_MODE_ANY, 0, true, {NULL}},
        {"synthesize, model harmonyspeech", HSE_JOB_SYNTHESIZE, HSE_MODE_ANY, M | HSE_TEXT, true, {S}},
        {"vocode, model harmonyspeech", HSE_JOB_VOCODE, HSE_MODE_ANY, HSE_MEL, true, {V}},
        {"vad", HSE_JOB_VAD, HSE_MODE_ANY, A, true, {NULL}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const hse_route *r = NULL;
        hse_error err = {0};
        hse_status s = hse_route_find(&r, cases[i].kind, "harmonyspeech", cases[i].mode, cases[i].has, cases[i].reference, &err);

        CHECK((s == HSE_OK) == (cases[i].want[0] != NULL), "%s: %d %s", cases[i].name, (int)s, err.text);
        CHECK(s == HSE_OK || err.text[0], "%s: refused without words", cases[i].name);
        for (size_t k = 0; s == HSE_OK && k < 4; k++) {
            CHECK((r->step[k] == NULL) == (cases[i].want[k] == NULL), "%s: %zu steps", cases[i].name, k);
            if (!r->step[k])
                break;
            CHECK(strcmp(r->step[k], cases[i].want[k]) == 0, "%s: step %zu is %s", cases[i].name, k, r->step[k]);
        }
    }
    const hse_route *r;
    hse_error err;
    CHECK(hse_route_find(&r, HSE_JOB_SPEAK, "openvoice_v9", HSE_MODE_ANY, A, false, &err) == HSE_E_UNSUPPORTED, "%s", err.text);
}

/* The kit's table of what the original does with its tool chains for OpenVoice, and with VoiceFixer. */
TEST(routes_of_the_other_toolchains)
{
    enum { A = HSE_AUDIO, M = HSE_EMBEDDING };
    static const char fw[] = "FasterWhisper", v1e[] = "OpenVoiceV1ToneConverterEncoder", v1s[] = "OpenVoiceV1Synthesizer",
                      v1c[] = "OpenVoiceV1ToneConverter", v2e[] = "OpenVoiceV2ToneConverterEncoder", v2s[] = "MeloTTSSynthesizer",
                      v2c[] = "OpenVoiceV2ToneConverter";
    static const struct {
        const char  *name, *toolchain;
        hse_job_kind kind;
        hse_mode     mode;
        unsigned     has;
        const char  *want[5];               /* none: refused */
    } cases[] = {
        {"clone from audio", "openvoice_v1", HSE_JOB_SPEAK, HSE_MODE_CLONING, A, {fw, v1e, v1s, v1c}},
        {"clone from an embedding", "openvoice_v1", HSE_JOB_SPEAK, HSE_MODE_CLONING, M, {v1s, v1c}},
        {"clone from audio", "openvoice_v2", HSE_JOB_SPEAK, HSE_MODE_CLONING, A, {fw, v2e, v2s, v2c}},
        {"clone from an embedding", "openvoice_v2", HSE_JOB_SPEAK, HSE_MODE_CLONING, M, {v2s, v2c}},
        {"a base voice", "openvoice_v2", HSE_JOB_SPEAK, HSE_MODE_SINGLE, 0, {v2s}},
        {"embed", "openvoice_v1", HSE_JOB_EMBED, HSE_MODE_ANY, A, {fw, v1e}},
        {"convert", "openvoice_v1", HSE_JOB_CONVERT, HSE_MODE_ANY, A | M, {v1c}},
        {"convert to a recording's voice", "openvoice_v2", HSE_JOB_CONVERT, HSE_MODE_ANY, A, {v2e, v2c}},
        {"nobody given", "openvoice_v1", HSE_JOB_SPEAK, HSE_MODE_CLONING, 0, {NULL}},
        {"both given", "openvoice_v1", HSE_JOB_SPEAK, HSE_MODE_CLONING, A | M, {NULL}},
        {"one speaker, with audio", "openvoice_v1", HSE_JOB_SPEAK, HSE_MODE_SINGLE, A, {NULL}},
        {"restore", "voicefixer", HSE_JOB_RESTORE, HSE_MODE_ANY, A, {"VoiceFixerRestorer", "VoiceFixerVocoder"}},
        {"restore nothing", "voicefixer", HSE_JOB_RESTORE, HSE_MODE_ANY, 0, {NULL}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const hse_route *r = NULL;
        hse_error err = {0};
        hse_status s = hse_route_find(&r, cases[i].kind, cases[i].toolchain, cases[i].mode, cases[i].has, false, &err);

        CHECK((s == HSE_OK) == (cases[i].want[0] != NULL), "%s, %s: %d %s", cases[i].toolchain, cases[i].name, (int)s, err.text);
        for (size_t k = 0; s == HSE_OK && k < 5; k++) {
            CHECK((r->step[k] == NULL) == (cases[i].want[k] == NULL), "%s: %zu steps", cases[i].name, k);
            if (!r->step[k])
                break;
            CHECK(strcmp(r->step[k], cases[i].want[k]) == 0, "%s: step %zu is %s", cases[i].name, k, r->step[k]);
        }
    }
}

/* What every row must keep to, also those that are added later. */
TEST(every_route_is_whole)
{
    for (size_t i = 0; i < hse_route_count; i++) {
        const hse_route *r = &hse_routes[i];

        CHECK(hse_toolchain_find(r->toolchain), "row %zu: no toolchain %s", i, r->toolchain);
        CHECK(hse_toolchain_find(r->toolchain)->kinds & 1u << r->kind, "row %zu: its toolchain does not do %s", i, hse_job_kind_name(r->kind));
        CHECK((r->step[0] == NULL) == (r->refusal != NULL), "row %zu: steps or a refusal", i);
        CHECK(!(r->has & r->without), "row %zu can never match", i);
        for (size_t k = 0; r->step[k]; k++) {
            const hse_model_type *t = hse_model_type_find(r->step[k]), *later;
            unsigned takes = 0;

            CHECK(t, "row %zu: %s is not built in", i, r->step[k]);
            for (size_t j = k + 1; r->step[j]; j++)
                takes |= (later = hse_model_type_find(r->step[j])) ? later->takes : 0;
            CHECK(!r->step[k + 1] || t->gives & takes, "row %zu: %s gives nothing that is taken behind it", i, t->type);
        }
    }
}

TEST(a_model_alone_answers_what_it_takes_and_gives)
{
    static const struct { const char *type; hse_job_kind kind; bool want; } cases[] = {
        {E, HSE_JOB_EMBED, true}, {E, HSE_JOB_SPEAK, false}, {E, HSE_JOB_VAD, false},
        {S, HSE_JOB_SPEAK, false}, {S, HSE_JOB_SYNTHESIZE, true}, {V, HSE_JOB_VOCODE, true}, {V, HSE_JOB_SPEAK, false},
        {"SileroVAD", HSE_JOB_VAD, true}, {"SileroVAD", HSE_JOB_EMBED, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const hse_model_type *t = hse_model_type_find(cases[i].type);
        CHECK(t && hse_type_answers(t->takes, t->gives, cases[i].kind) == cases[i].want, "%s, %s", cases[i].type,
              hse_job_kind_name(cases[i].kind));
    }
}
