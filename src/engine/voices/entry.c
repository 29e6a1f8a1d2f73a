#include "engine/voices/entry.h"

#include "audio/wav.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "formats/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { VERSION = 1, WAV_HEADER = 58, EMBEDDING_HEADER = 32 };

static const uint64_t checksum_key[2] = {0x766f696365207374u, 0x6f72652063686b31u};        /* against accidents, not attackers */

/* ---- names --------------------------------------------------------------------------------------------------------- */

bool voice_id_valid(const char *id, size_t size)
{
    if (size != VOICE_ID_SIZE || memcmp(id, "voice_", 6) != 0)
        return false;
    for (size_t i = 6; i < size; i++)
        if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f')))
            return false;
    return true;
}

hse_status voice_name_check(const char *name, hse_error *err)
{
    size_t n = strlen(name), bad = 0;

    if (n == 0)
        return hse_fail(err, HSE_E_ARG, 0, "name is empty");
    if (n > HSE_VOICE_NAME_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "name has %zu bytes; at most %d are allowed", n, HSE_VOICE_NAME_MAX);
    if (!hse_utf8_valid(name, n, &bad))
        return hse_fail(err, HSE_E_ARG, bad, "name is not UTF-8 at byte %zu", bad);
    if (name[0] == ' ' || name[n - 1] == ' ' || name[0] == '.')
        return hse_fail(err, HSE_E_ARG, 0, "name must not begin with a space or a dot, nor end with a space");
    if (voice_id_valid(name, n))
        return hse_fail(err, HSE_E_ARG, 0, "name looks like the id of a voice; choose another");
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;

        i += hse_utf8_next(name + i, n - i, &c);
        if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == '/' || c == '\\' || c == '"' || c == 0x2028 || c == 0x2029)
            return hse_fail(err, HSE_E_ARG, i, "name must not hold slashes, quotation marks or control characters");
    }
    return HSE_OK;
}

/* ---- the entry ----------------------------------------------------------------------------------------------------- */

/* The texts are valid UTF-8 already. */
static void put_string(hse_buf *out, const char *s)
{
    hse_buf_byte(out, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            hse_buf_byte(out, '\\');
        if (c < 0x20 || c == 0x7F)
            hse_buf_printf(out, "\\u%04x", c);
        else
            hse_buf_byte(out, c);
    }
    hse_buf_byte(out, '"');
}

void voice_entry_write(hse_buf *out, const voice_entry *e)
{
    const hse_voice_info *v = &e->info;

    hse_buf_printf(out, "{\"format\": %d, \"id\": \"%s\", \"name\": ", VERSION, v->id);
    put_string(out, v->name);
    hse_buf_str(out, ", \"consent\": ");
    put_string(out, v->consent);
    hse_buf_printf(out, ",\n \"created_at\": %lld, \"rate_hz\": %d, \"samples\": %llu, \"checksum\": \"%016llx\",\n",
                   (long long)v->created_at, v->rate_hz, (unsigned long long)e->samples, (unsigned long long)e->checksum);
    hse_buf_printf(out, " \"speech_seconds\": %.9g, \"clipped\": %.9g", v->quality.speech_seconds, v->quality.clipped);
    if (isfinite(v->quality.snr_db))
        hse_buf_printf(out, ", \"snr_db\": %.9g", v->quality.snr_db);
    hse_buf_str(out, "}\n");
}

static hse_status get_text(char *out, size_t size, const json_t *root, const char *key, hse_error *err)
{
    const json_t *v = json_object_get(root, key);
    size_t n = json_string_length(v);

    if (!json_is_string(v))
        return hse_fail(err, HSE_E_FORMAT, 0, "'%s' is missing or no text", key);
    if (n >= size)
        return hse_fail(err, HSE_E_FORMAT, 0, "'%s' has %zu bytes", key, n);
    memcpy(out, json_string_value(v), n + 1);
    return HSE_OK;
}

static hse_status get_integer(int64_t *out, const json_t *root, const char *key, int64_t min, int64_t max, hse_error *err)
{
    const json_t *v = json_object_get(root, key);

    if (!json_is_integer(v))
        return hse_fail(err, HSE_E_FORMAT, 0, "'%s' is missing or no whole number", key);
    *out = json_integer_value(v);
    if (*out < min || *out > max)
        return hse_fail(err, HSE_E_FORMAT, 0, "'%s' is %lld, not in %lld..%lld", key, (long long)*out, (long long)min, (long long)max);
    return HSE_OK;
}

static hse_status get_number(double *out, const json_t *root, const char *key, double min, double max, hse_error *err)
{
    const json_t *v = json_object_get(root, key);

    if (!json_is_number(v))
        return hse_fail(err, HSE_E_FORMAT, 0, "'%s' is missing or no number", key);
    *out = json_number_value(v);
    if (!(*out >= min) || !(*out <= max))
        return hse_fail(err, HSE_E_FORMAT, 0, "'%s' is %g, not in %g..%g", key, *out, min, max);
    return HSE_OK;
}

static hse_status take_fields(voice_entry *e, const json_t *root, const char *id, hse_error *err)
{
    hse_voice_info *v = &e->info;
    char stored[sizeof v->id], sum[17];
    int64_t version = 0, rate = 0, samples = 0;
    hse_status s;

    if ((s = get_integer(&version, root, "format", 1, VERSION, err)) != HSE_OK ||
        (s = get_text(stored, sizeof stored, root, "id", err)) != HSE_OK ||
        (s = get_text(v->name, sizeof v->name, root, "name", err)) != HSE_OK ||
        (s = get_text(v->consent, sizeof v->consent, root, "consent", err)) != HSE_OK ||
        (s = get_integer(&v->created_at, root, "created_at", 0, INT64_C(1) << 53, err)) != HSE_OK ||
        (s = get_integer(&rate, root, "rate_hz", HSE_RATE_MIN, HSE_RATE_MAX, err)) != HSE_OK ||
        (s = get_integer(&samples, root, "samples", 1, VOICE_SAMPLES_MAX, err)) != HSE_OK ||
        (s = get_text(sum, sizeof sum, root, "checksum", err)) != HSE_OK ||
        (s = get_number(&v->quality.speech_seconds, root, "speech_seconds", 0, 1e9, err)) != HSE_OK ||
        (s = get_number(&v->quality.clipped, root, "clipped", 0, 1, err)) != HSE_OK)
        return s;
    v->quality.snr_db = NAN;
    if (json_object_get(root, "snr_db") && (s = get_number(&v->quality.snr_db, root, "snr_db", -1000, 1000, err)) != HSE_OK)
        return s;
    if (strcmp(stored, id) != 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "'id' is not the file's");
    if (strlen(sum) != 16 || strspn(sum, "0123456789abcdef") != 16)
        return hse_fail(err, HSE_E_FORMAT, 0, "'checksum' is no number of 16 digits");
    if (voice_name_check(v->name, err) != HSE_OK)
        return hse_fail_in(err, HSE_E_FORMAT, "'name'");
    memcpy(v->id, id, VOICE_ID_SIZE + 1);
    v->rate_hz = (int)rate;
    v->quality.seconds = (double)samples / (double)rate;
    e->samples = (uint64_t)samples;
    e->checksum = strtoull(sum, NULL, 16);
    return HSE_OK;
}

hse_status voice_entry_read(voice_entry *out, hse_bytes text, const char *id, hse_error *err)
{
    static const hse_json_limits limits = {.max_bytes = VOICE_ENTRY_MAX, .max_depth = 4};
    voice_entry e = {0};
    json_t *root = NULL;
    hse_status s = hse_json_parse(&root, text, NULL, &limits, err);

    if (s != HSE_OK)
        return s;
    s = json_is_object(root) ? take_fields(&e, root, id, err) : hse_fail(err, HSE_E_FORMAT, 0, "no JSON object");
    json_decref(root);
    if (s == HSE_OK)
        *out = e;
    return s;
}

/* ---- the recording ------------------------------------------------------------------------------------------------- */

uint64_t voice_checksum(const float *samples, size_t n)
{
    return hse_hash(checksum_key, samples, n * sizeof *samples);
}

static void put_floats(uint8_t *to, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        hse_put_u32le(to + 4 * i, bits);
    }
}

void voice_recording_write(hse_buf *out, const hse_audio *a)
{
    /* Format 3: IEEE float, one channel, four bytes a frame, 32 bits. */
    static const uint8_t header[] = "RIFF\0\0\0\0WAVEfmt \x12\0\0\0\x03\0\x01\0\0\0\0\0\0\0\0\0\x04\0\x20\0\0\0"
                                    "fact\x04\0\0\0\0\0\0\0data\0\0\0";
    uint32_t bytes = (uint32_t)(a->n * 4), rate = (uint32_t)a->rate_hz;
    uint8_t *p = hse_buf_extend(out, WAV_HEADER + (size_t)bytes);

    if (!p)
        return;
    memcpy(p, header, WAV_HEADER);
    hse_put_u32le(p + 4, WAV_HEADER - 8 + bytes);
    hse_put_u32le(p + 24, rate);
    hse_put_u32le(p + 28, rate * 4);
    hse_put_u32le(p + 46, (uint32_t)a->n);
    hse_put_u32le(p + 54, bytes);
    put_floats(p + WAV_HEADER, a->samples, a->n);
}

hse_status voice_recording_read(hse_audio *out, hse_bytes file, const voice_entry *e, hse_error *err)
{
    const hse_audio_limits limits = {.max_seconds = 1e9, .max_bytes = (size_t)VOICE_SAMPLES_MAX * sizeof(float)};
    hse_audio_source source = hse_source_bytes(file);
    hse_audio a = {0};
    hse_status s = hse_wav_decode(&a, &source, &limits, err);

    if (s == HSE_OK && (a.n != e->samples || a.rate_hz != e->info.rate_hz))
        s = hse_fail(err, HSE_E_FORMAT, 0, "%zu samples at %d Hz, not %llu at %d Hz", a.n, a.rate_hz, (unsigned long long)e->samples,
                     e->info.rate_hz);
    if (s == HSE_OK && voice_checksum(a.samples, a.n) != e->checksum)
        s = hse_fail(err, HSE_E_FORMAT, 0, "its checksum is wrong");
    if (s == HSE_OK)
        *out = a;
    else
        hse_audio_free(&a);
    return s;
}

/* ---- embeddings ---------------------------------------------------------------------------------------------------- */

/* "HSEVOICE", owner, checksum of the numbers, how many, then float32 little-endian. */
static const char magic[8] = {'H', 'S', 'E', 'V', 'O', 'I', 'C', 'E'};

static void put_u64(uint8_t *p, uint64_t v)
{
    hse_put_u32le(p, (uint32_t)v);
    hse_put_u32le(p + 4, (uint32_t)(v >> 32));
}

void voice_embedding_write(hse_buf *out, const float *x, size_t n, uint64_t owner)
{
    uint8_t *p = hse_buf_extend(out, EMBEDDING_HEADER + n * 4);

    if (!p)
        return;
    memcpy(p, magic, sizeof magic);
    put_u64(p + 8, owner);
    put_u64(p + 16, voice_checksum(x, n));
    put_u64(p + 24, n);
    put_floats(p + EMBEDDING_HEADER, x, n);
}

hse_status voice_embedding_read(float **out, size_t *n, hse_bytes file, uint64_t owner, hse_error *err)
{
    if (file.size < EMBEDDING_HEADER || memcmp(file.data, magic, sizeof magic) != 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "no embedding of a voice");
    uint64_t count = hse_get_u64le(file.data + 24);
    if (count == 0 || count > VOICE_EMBEDDING_MAX || file.size != EMBEDDING_HEADER + count * 4)
        return hse_fail(err, HSE_E_FORMAT, 24, "%llu numbers in %zu bytes", (unsigned long long)count, file.size);
    if (hse_get_u64le(file.data + 8) != owner)
        return hse_fail(err, HSE_E_FORMAT, 8, "made of another recording");
    float *x = hse_alloc(count * sizeof *x);
    if (!x)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for an embedding");
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = hse_get_u32le(file.data + EMBEDDING_HEADER + 4 * i);

        memcpy(&x[i], &bits, sizeof bits);
    }
    bool finite = true;
    for (size_t i = 0; i < count; i++)
        finite &= isfinite(x[i]) != 0;
    if (!finite || voice_checksum(x, count) != hse_get_u64le(file.data + 16)) {
        hse_free(x);
        return hse_fail(err, HSE_E_FORMAT, 16, "its checksum is wrong");
    }
    *out = x;
    *n = count;
    return HSE_OK;
}
