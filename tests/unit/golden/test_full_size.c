/* VoiceFixer at its real dims (weights by the kit's recipe) on the kit's recording of speech: what bf16 costs. Noise alone would not
 * show what quiet bands and pauses do. */
#include "test.h"

#include "audio/decode.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "golden/recipe.h"
#include "models/voicefixer/adapter.h"
#include "models/voicefixer/spectrum.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define CASES "tests/golden/voicefixer/"

typedef struct {
    hse_weights *w;
    uint8_t     *bytes;
} made;

static made by_recipe(const char *path)
{
    hse_error err = {0};
    json_error_t where;
    json_t *recipe = json_load_file(test_path(path), 0, &where);
    made m = {0};

    CHECK(recipe && golden_recipe(&m.w, &m.bytes, recipe, &err) == HSE_OK, "%s: %s", path, err.text);
    json_decref(recipe);
    return m;
}

/* The kit's recording from its first word on, at the network's rate. */
static hse_audio speech(double seconds)
{
    hse_audio from = {0}, out = {.rate_hz = VF_RATE, .channels = 1};
    hse_error err = {0};

    CHECK(hse_audio_decode_file(&from, test_path("tests/golden/silero/audio/jfk_16k.wav"), NULL, &err) == HSE_OK, "%s", err.text);
    size_t begin = (size_t)from.rate_hz / 3, n = (size_t)(seconds * from.rate_hz);
    CHECK(begin + n <= from.n && hse_resample(&out.samples, &out.n, from.samples + begin, n, from.rate_hz, VF_RATE, &err) == HSE_OK, "%s", err.text);
    hse_audio_free(&from);
    return out;
}

static void step(const hse_model_type *type, const made *m, const hse_kernels *k, k_weight_type precision, hse_item *item)
{
    hse_error err = {0};
    void *model = NULL;
    nn_ctx *c = NULL;

    CHECK(vf_load(&model, type, m->w, type->type, k, precision, &err) == HSE_OK, "%s", err.text);
    CHECK(nn_open(&c, &(nn_options){.kernels = k}, &err) == HSE_OK, "%s", err.text);
    CHECK(type->run(model, c, &item, 1) == HSE_OK && item->status == HSE_OK, "%s", item->error.text);
    nn_close(&c);
    type->close(&model);
}

/* The restored recording; hse_item_free. */
static hse_item restored(const made parts[2], const hse_audio *audio, const hse_kernels *k, k_weight_type precision)
{
    hse_item item;

    hse_item_init(&item);
    item.audio = *audio;
    item.audio.samples = hse_alloc(audio->n * sizeof(float));
    CHECK(item.audio.samples, "no memory");
    memcpy(item.audio.samples, audio->samples, audio->n * sizeof(float));
    item.has = HSE_AUDIO;
    step(&vf_restorer_type, &parts[0], k, precision, &item);
    step(&vf_vocoder_type, &parts[1], k, precision, &item);
    return item;
}

TEST(bf16_keeps_the_floors_on_speech)
{
    if (getenv("HSE_TEST_QUICK"))           /* a hundred million weights: not under a sanitizer */
        return;
    made parts[2] = {by_recipe(CASES "restorer_full_s13/vf.ckpt.recipe.json"),
                     by_recipe(CASES "vocoder_t5_full_s13/model.ckpt-1490000_trimed.pt.recipe.json")};
    const hse_kernels *best = hse_kernels_get(hse_cpu_detect());
    hse_audio audio = speech(2);
    hse_item full = restored(parts, &audio, best, K_F32), half = restored(parts, &audio, best, K_BF16);
    double mel = test_snr(half.mel, full.mel, full.mel_frames * VF_BANDS), wave = test_snr(half.audio.samples, full.audio.samples, full.audio.n);

    print_message("  VoiceFixer on speech, bf16: mel %.2f dB, audio %.2f dB\n", mel, wave);
    CHECK(full.audio.n == audio.n && half.audio.n == audio.n && mel >= 35 && wave >= 40, "bf16: mel %.2f dB, audio %.2f dB", mel, wave);
    hse_item_free(&full);
    hse_item_free(&half);
    hse_audio_free(&audio);
    for (int i = 0; i < 2; i++) {
        hse_weights_close(&parts[i].w);
        hse_free(parts[i].bytes);
    }
}
