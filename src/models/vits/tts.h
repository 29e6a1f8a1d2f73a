/* tts.h - a whole VITS synthesizer: symbols -> durations -> prior -> flow -> the decoder's input -> audio. OpenVoice's base
 * speakers and MeloTTS differ in what is added up at the encoder's input and in the couplings of the flow. */
#ifndef HSE_MODELS_VITS_TTS_H
#define HSE_MODELS_VITS_TTS_H

#include "models/vits/config.h"

enum { VITS_BERT = 1024, VITS_JA_BERT = 768, VITS_MAX_FRAMES = 1 << 17 };

typedef struct {
    vits_dims       dims;
    bool            melo;
    nn_table        symbol, tone, language, speaker;
    nn_conv1d_layer bert, ja_bert;          /* MeloTTS */
    vits_encoder    encoder;
    nn_conv1d_layer proj;
    vits_durations  durations;
    vits_flow       flow;
    vits_decoder    decoder;
    nn_params      *params;
} vits_tts;

/* `weights`: the checkpoint, its tensors under "model.". type: of the decoder and the flow; durations are float32. */
hse_status vits_tts_open(vits_tts **out, const hse_weights *weights, const vits_config *config, vits_config_kind kind,
                         const hse_kernels *k, k_weight_type type, hse_error *err);
void       vits_tts_close(vits_tts **m);
size_t     vits_tts_bytes(const vits_tts *m);

typedef struct {
    const int32_t *symbols, *tones, *languages;         /* n each; tones and languages: MeloTTS */
    int            n;
    const float   *bert, *ja_bert;          /* [n][1024], [n][768]; NULL: zeros */
    int            speaker;
    float          noise_scale, noise_scale_w, sdp_ratio, length_scale;
    uint64_t       seed, stream;            /* of the noise: one stream an utterance */
    const float   *noise_w, *noise_z;       /* instead: [2][n] and [frames][inter], of noise_z_frames */
    int            noise_z_frames;

    int           *durations;               /* results, the item's (hse_free): [n] */
    float         *z;                       /* [frames][inter] */
    int            frames;
    hse_status     status;
    hse_error      error;
} vits_utterance;

/* All items; the return value is for what concerns all. Taps: upstream's module paths. */
hse_status   vits_tts_run(const vits_tts *m, nn_ctx *c, vits_utterance *items, int n, hse_error *err);
size_t       vits_tts_plan(const vits_tts *m, nn_ctx *c, int n, int frames);           /* arena bytes */
const float *vits_tts_speaker(const vits_tts *m, int speaker);                          /* [gin]; NULL: out of range */

#endif
