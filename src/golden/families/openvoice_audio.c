/* openvoice_audio.c - adapter of family openvoice's audio in and out: decoding, resampling, 16 bits, cutting by milliseconds. */
#include "golden/case.h"

#include "audio/decode.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/buf.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { WAV_BYTES = 1 << 28 };

/* A recording at the rate asked for. */
static void read_wav(golden_case *c)
{
    hse_audio audio = {0};
    char *bytes = NULL;
    float *out = NULL;
    size_t size, n;
    hse_error err = {0};

    if (golden_input_bytes(c, "wav", &bytes, &size)) {
        hse_audio_source source = hse_source_bytes((hse_bytes){(const uint8_t *)bytes, size});

        if (hse_audio_decode(&audio, &source, NULL, &err) != HSE_OK ||
            hse_resample(&out, &n, audio.samples, audio.n, (int)audio.rate_hz, (int)golden_param(c, "sr", 0), &err) != HSE_OK)
            golden_fail_error(c, "the wav", &err);
        else
            golden_give1(c, "audio", out, n);
    }
    hse_audio_free(&audio);
    hse_free(out);
    hse_free(bytes);
}

static void resample(golden_case *c)
{
    static const char *const names[][2] = {{"impulse", "impulse_out"}, {"sines", "sines_out"}};

    for (size_t i = 0; i < COUNT(names); i++) {
        golden_array x = {0};
        float *out = NULL;
        size_t n;
        hse_error err = {0};

        if (golden_input(c, names[i][0], &x)) {
            if (hse_resample(&out, &n, x.data, x.count, (int)golden_param(c, "orig_sr", 0), (int)golden_param(c, "target_sr", 0), &err) !=
                HSE_OK)
                golden_fail_error(c, names[i][0], &err);
            else
                golden_give1(c, names[i][1], out, n);
        }
        hse_free(out);
        golden_free_array(&x);
    }
}

static void write_wav(golden_case *c)
{
    golden_array x = {0};
    float *steps = NULL;
    hse_error err = {0};
    hse_buf wav;

    hse_buf_init(&wav, WAV_BYTES);
    if (golden_input(c, "audio", &x) && hse_wav_encode(&wav, x.data, x.count, (int)golden_param(c, "samplerate", 0), &err) != HSE_OK)
        golden_fail_error(c, "the wav", &err);
    if (!c->failed && (steps = hse_alloc((x.count + 1) * sizeof *steps)) != NULL) {
        for (size_t i = 0; i < x.count; i++)
            steps[i] = (float)(int16_t)hse_get_u16le(wav.data + HSE_WAV_HEADER + 2 * i);
        golden_give1(c, "samples", steps, x.count);
        golden_give_wav(c, "wav", (hse_bytes){wav.data, wav.size});
    }
    hse_free(steps);
    hse_buf_free(&wav);
    golden_free_array(&x);
}

/* Whole numbers of 16 bits, cut toward zero; what is too loud comes in from the other side. */
static int whole(float x)
{
    return (int16_t)(uint16_t)(int64_t)(x * 32768.0f);
}

static size_t sample_at(int64_t ms, int rate_hz)
{
    return (size_t)((double)ms * rate_hz / 1000);
}

/* Milliseconds [from, to) of the recording; behind its end there is silence. */
static json_t *slice(const golden_array *x, int64_t from_ms, int64_t to_ms, int64_t length_ms, int rate_hz)
{
    size_t from = sample_at(from_ms < length_ms ? from_ms : length_ms, rate_hz),
           to = sample_at(to_ms < length_ms ? to_ms : length_ms, rate_hz);
    int64_t sum = 0;
    int first = 0, last = 0;

    for (size_t i = from; i < to; i++) {
        int v = i < x->count ? whole(x->data[i]) : 0;

        sum += v;
        first = i == from ? v : first;
        last = v;
    }
    return json_pack("{s:I s:I s:I s:i s:i s:I s:f}", "start_ms", (json_int_t)from_ms, "end_ms", (json_int_t)to_ms, "n",
                     (json_int_t)(to - from), "first", first, "last", last, "sum", (json_int_t)sum, "duration_seconds",
                     (double)(to - from) / rate_hz);
}

static void cut(golden_case *c)
{
    json_t *want = golden_expected_json(c, "slices"), *list = json_object_get(want, "slices"), *row;
    int rate_hz = (int)golden_param(c, "sample_rate", 0);
    golden_array x = {0};
    float *steps = NULL;
    size_t i;

    if (golden_input(c, "audio", &x) && rate_hz > 0 && (steps = hse_alloc((x.count + 1) * sizeof *steps)) != NULL) {
        int64_t length_ms = (int64_t)nearbyint(1000.0 * (double)x.count / rate_hz);

        for (size_t k = 0; k < x.count; k++)
            steps[k] = (float)whole(x.data[k]);
        golden_give1(c, "samples", steps, x.count);
        json_object_set_new(want, "length_ms", json_integer(length_ms));
        json_array_foreach(list, i, row)
            json_array_set_new(list, i, slice(&x, json_integer_value(json_object_get(row, "start_ms")),
                                              json_integer_value(json_object_get(row, "end_ms")), length_ms, rate_hz));
        golden_give_json(c, "slices", json_incref(want));
    }
    json_decref(want);
    hse_free(steps);
    golden_free_array(&x);
}

static void wav_load(golden_case *c)
{
    const json_t *outputs = json_object_get(c->json, "outputs");

    if (json_object_get(outputs, "impulse_out"))
        resample(c);
    else if (json_object_get(outputs, "wav"))
        write_wav(c);
    else if (json_object_get(outputs, "slices"))
        cut(c);
    else
        read_wav(c);
}

const golden_kind golden_openvoice_audio[] = {
    {"openvoice.wav_load", wav_load},
    {NULL, NULL},
};
