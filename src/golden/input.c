/* input.c - what a case brings: paths, arrays, wavs, JSON, parameters. */
#include "golden/case.h"

#include "audio/wav.h"
#include "base/file.h"
#include "base/mem.h"
#include "formats/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool golden_path(golden_case *c, const char *relative, char out[GOLDEN_PATH])
{
    if (!relative) {
        golden_fail(c, "an entry without a file");
        return false;
    }
    if (snprintf(out, GOLDEN_PATH, "%s/%s", c->dir, relative) >= GOLDEN_PATH) {
        golden_fail(c, "%.80s: the path is too long", relative);
        return false;
    }
    return true;
}

/* An expected wav file counts as its samples. */
static bool load_wav(golden_case *c, const char *relative, const char *path, golden_array *out)
{
    hse_audio audio = {0};
    hse_error err = {0};
    char *bytes = NULL;
    size_t size;

    if (hse_file_read(&bytes, &size, path, GOLDEN_FILE_BYTES, &err) == HSE_OK) {
        hse_audio_source source = hse_source_bytes((hse_bytes){(const uint8_t *)bytes, size});
        hse_wav_decode(&audio, &source, NULL, &err);
    }
    hse_free(bytes);
    if (err.status != HSE_OK)
        golden_fail_error(c, relative, &err);
    *out = (golden_array){.data = audio.samples, .rank = 1, .dim = {audio.n}, .count = audio.n};
    return out->data != NULL;
}

bool golden_load(golden_case *c, const char *relative, golden_array *out)
{
    char path[GOLDEN_PATH];
    hse_weights *w = NULL;
    hse_error err = {0};
    const hse_weight *t;

    *out = (golden_array){0};
    if (!golden_path(c, relative, path))
        return false;
    if (strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".wav") == 0)
        return load_wav(c, relative, path, out);
    if (hse_weights_open(&w, path, NULL, &err) != HSE_OK) {
        golden_fail_error(c, relative, &err);
        return false;
    }
    if (hse_weights_count(w) != 1 || (t = hse_weights_at(w, 0))->count > GOLDEN_FILE_BYTES) {
        golden_fail(c, "%s is not one array of a sensible size", relative);
    } else if (!(out->data = hse_alloc((size_t)t->count * sizeof *out->data + 1))) {
        golden_fail(c, "%s: no memory", relative);
    } else if (hse_weights_read_f32(w, t, out->data, &err) != HSE_OK) {
        golden_fail_error(c, relative, &err);
        golden_free_array(out);
    } else {
        out->rank = t->rank;
        out->count = (size_t)t->count;
        for (int i = 0; i < t->rank; i++)
            out->dim[i] = (size_t)t->dim[i];
    }
    hse_weights_close(&w);
    return out->data != NULL;
}

void golden_free_array(golden_array *a)
{
    hse_free(a->data);
    *a = (golden_array){0};
}

static const char *input_file(golden_case *c, const char *name)
{
    json_t *entry = json_object_get(json_object_get(c->json, "inputs"), name);
    const char *file = json_string_value(json_object_get(entry, "file"));

    if (!file)
        golden_fail(c, "the case has no input \"%s\"", name);
    return file;
}

bool golden_input(golden_case *c, const char *name, golden_array *out)
{
    const char *file = input_file(c, name);

    *out = (golden_array){0};
    return file && golden_load(c, file, out);
}

bool golden_input_path(golden_case *c, const char *name, char out[GOLDEN_PATH])
{
    const char *file = input_file(c, name);

    return file && golden_path(c, file, out);
}

bool golden_input_bytes(golden_case *c, const char *name, char **data, size_t *size)
{
    char path[GOLDEN_PATH];
    hse_error err = {0};

    if (!golden_input_path(c, name, path))
        return false;
    if (hse_file_read(data, size, path, GOLDEN_FILE_BYTES, &err) == HSE_OK)
        return true;
    golden_fail_error(c, name, &err);
    return false;
}

bool golden_model_path(golden_case *c, const char *part, char out[GOLDEN_PATH])
{
    const char *file = json_string_value(json_object_get(json_object_get(c->json, "model"), part));

    if (!file) {
        golden_fail(c, "the case has no model.%s", part);
        return false;
    }
    return golden_path(c, file, out);
}

json_t *golden_json(golden_case *c, const char *relative)
{
    char path[GOLDEN_PATH], *text = NULL;
    hse_error err = {0};
    json_error_t e;
    size_t size;
    json_t *v;

    if (!golden_path(c, relative, path))
        return NULL;
    if (hse_file_read(&text, &size, path, GOLDEN_FILE_BYTES, &err) != HSE_OK) {
        golden_fail_error(c, relative, &err);
        return NULL;
    }
    v = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    if (!v)
        golden_fail(c, "%s is not JSON: line %d: %.100s", relative, e.line, e.text);
    hse_free(text);
    return v;
}

json_t *golden_expected_json(golden_case *c, const char *output)
{
    json_t *entry = json_object_get(json_object_get(c->json, "outputs"), output);

    if (!entry)
        entry = json_object_get(json_object_get(c->json, "stages"), output);
    return golden_json(c, json_string_value(json_object_get(entry, "file")));
}

bool golden_wav(golden_case *c, const char *input, golden_array *out, unsigned *rate_hz)
{
    char *bytes;
    size_t size;
    hse_audio audio = {0};
    hse_error err = {0};

    *out = (golden_array){0};
    if (!golden_input_bytes(c, input, &bytes, &size))
        return false;
    hse_audio_source source = hse_source_bytes((hse_bytes){(const uint8_t *)bytes, size});
    if (hse_wav_decode(&audio, &source, NULL, &err) != HSE_OK) {
        golden_fail_error(c, input, &err);
        hse_free(bytes);
        return false;
    }
    hse_free(bytes);
    *out = (golden_array){.data = audio.samples, .rank = 1, .dim = {audio.n}, .count = audio.n};
    *rate_hz = (unsigned)audio.rate_hz;
    return true;
}

double golden_number(const json_t *object, const char *name, double otherwise)
{
    const json_t *v = json_object_get(object, name);

    if (json_is_string(v) && strcmp(json_string_value(v), "inf") == 0)
        return INFINITY;
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

double golden_param(const golden_case *c, const char *name, double otherwise)
{
    return golden_number(json_object_get(c->json, "params"), name, otherwise);
}

float golden_noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(int32_t)*seed / 2147483648.0f;
}
