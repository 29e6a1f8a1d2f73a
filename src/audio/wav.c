#include "audio/wav.h"

#include "base/mem.h"

#include <math.h>

enum {
    TAG_PCM = 1,
    TAG_FLOAT = 3,
    TAG_ALAW = 6,
    TAG_ULAW = 7,
    TAG_EXTENSIBLE = 0xFFFE,
    FMT_MIN = 16,        /* tag, channels, rate, bytes a second, frame bytes, bits */
    FMT_EXTENSIBLE = 40, /* + extra size, valid bits, channel mask, GUID */
    MAX_CHUNKS = 4096,   /* a real file has a handful; bounds the work that a file of empty chunks asks for */
    BLOCK_BYTES = 65536,
};

size_t hse_pcm_sample_bytes(hse_pcm_coding coding)
{
    static const size_t bytes[] = {[HSE_PCM_U8] = 1,  [HSE_PCM_S16] = 2, [HSE_PCM_S24] = 3,  [HSE_PCM_S32] = 4,
                                   [HSE_PCM_F32] = 4, [HSE_PCM_F64] = 8, [HSE_PCM_ALAW] = 1, [HSE_PCM_ULAW] = 1};
    return bytes[coding];
}

bool hse_wav_is(hse_bytes head)
{
    return head.size >= 12 && memcmp(head.data + 8, "WAVE", 4) == 0 &&
           (memcmp(head.data, "RIFF", 4) == 0 || memcmp(head.data, "RF64", 4) == 0 ||
            memcmp(head.data, "BW64", 4) == 0);
}

/* The 14 bytes after the 16-bit format tag of a KSDATAFORMAT_SUBTYPE GUID. */
static const uint8_t guid_tail[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71};

static hse_status coding_of(hse_pcm_coding *out, unsigned tag, unsigned bits, uint64_t offset, hse_error *err)
{
    /* An integer of an odd width (12, 20 bits) is stored left-justified in whole bytes, so the bytes alone matter. */
    switch (tag) {
    case TAG_PCM:
        if (bits < 1 || bits > 32)
            return hse_fail(err, HSE_E_FORMAT, offset, "WAV: %u bits a sample, expected 8, 16, 24 or 32", bits);
        *out = bits <= 8 ? HSE_PCM_U8 : bits <= 16 ? HSE_PCM_S16 : bits <= 24 ? HSE_PCM_S24 : HSE_PCM_S32;
        return HSE_OK;
    case TAG_FLOAT:
        if (bits != 32 && bits != 64)
            return hse_fail(err, HSE_E_FORMAT, offset, "WAV: %u bits a float sample, expected 32 or 64", bits);
        *out = bits == 32 ? HSE_PCM_F32 : HSE_PCM_F64;
        return HSE_OK;
    case TAG_ALAW:
    case TAG_ULAW:
        if (bits != 8)
            return hse_fail(err, HSE_E_FORMAT, offset, "WAV: %u bits a G.711 sample, expected 8", bits);
        *out = tag == TAG_ALAW ? HSE_PCM_ALAW : HSE_PCM_ULAW;
        return HSE_OK;
    default:
        return hse_fail(err, HSE_E_UNSUPPORTED, offset,
                        "WAV: coding 0x%04x is not supported (PCM, float, A-law and mu-law are)", tag);
    }
}

static hse_status parse_fmt(hse_wav_info *w, const uint8_t *p, size_t size, uint64_t at, unsigned *coding_tag,
                            hse_error *err)
{
    if (size < FMT_MIN)
        return hse_fail(err, HSE_E_FORMAT, at, "WAV: the fmt chunk has %zu bytes, expected at least 16", size);

    unsigned tag = hse_get_u16le(p), channels = hse_get_u16le(p + 2), frame = hse_get_u16le(p + 12);
    unsigned bits = hse_get_u16le(p + 14);
    uint32_t rate = hse_get_u32le(p + 4);

    if (tag == TAG_EXTENSIBLE) {
        if (size < FMT_EXTENSIBLE)
            return hse_fail(err, HSE_E_FORMAT, at, "WAV: the extensible fmt chunk has %zu bytes, expected 40", size);
        if (memcmp(p + 26, guid_tail, sizeof guid_tail) != 0)
            return hse_fail(err, HSE_E_UNSUPPORTED, at + 24, "WAV: the extensible format has an unknown GUID");
        tag = hse_get_u16le(p + 24);
    }
    if (coding_tag)
        *coding_tag = tag;
    if (channels < 1 || channels > HSE_CHANNELS_MAX)
        return hse_fail(err, HSE_E_FORMAT, at + 2, "WAV: %u channels, expected 1 to %d", channels, HSE_CHANNELS_MAX);
    if (rate < HSE_RATE_MIN || rate > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_FORMAT, at + 4, "WAV: a rate of %u Hz, expected %d to %d", rate, HSE_RATE_MIN,
                        HSE_RATE_MAX);

    hse_status s = coding_of(&w->coding, tag, bits, at + 14, err);
    if (s != HSE_OK)
        return s;
    w->channels = (int)channels;
    w->rate_hz = (int)rate;
    w->frame_bytes = channels * hse_pcm_sample_bytes(w->coding);
    if (frame != w->frame_bytes)
        return hse_fail(err, HSE_E_FORMAT, at + 12, "WAV: %u bytes a frame, expected %zu for %u channels of %u bits",
                        frame, w->frame_bytes, channels, bits);
    return HSE_OK;
}

/* How many bytes of samples there are, given the sizes that the headers claim. */
static void measure_data(hse_wav_info *w, uint64_t claimed, bool streamed, uint64_t file_size)
{
    uint64_t there = file_size - w->data_offset;

    if (streamed)
        claimed = there;
    w->cut = claimed > there;
    w->frames = (claimed < there ? claimed : there) / w->frame_bytes;
}

hse_status hse_wav_open(hse_wav_info *out, const hse_audio_source *src, unsigned *coding_tag, hse_error *err)
{
    hse_wav_info w = {0};
    uint8_t head[FMT_EXTENSIBLE];
    uint64_t file_size, at = 12, ds64_data = 0;
    size_t got;
    bool have_fmt = false, have_ds64 = false;
    hse_status s;

    if (coding_tag)
        *coding_tag = 0;
    if ((s = hse_source_size(src, &file_size, err)) != HSE_OK ||
        (s = hse_source_read(src, 0, head, 12, &got, err)) != HSE_OK)
        return s;
    if (!hse_wav_is((hse_bytes){head, got}))
        return hse_fail(err, HSE_E_FORMAT, 0, "not a WAV file: it does not start with RIFF....WAVE");
    bool is_riff = head[1] == 'I';
    uint32_t riff_size = hse_get_u32le(head + 4);

    for (int chunk = 0; chunk < MAX_CHUNKS; chunk++) {
        if ((s = hse_source_read(src, at, head, 8, &got, err)) != HSE_OK)
            return s;
        if (got < 8)
            return hse_fail(err, HSE_E_FORMAT, at, "WAV: the file ends before its %s chunk", have_fmt ? "data" : "fmt");
        uint64_t size = hse_get_u32le(head + 4);
        at += 8;
        if (memcmp(head, "data", 4) == 0) {
            if (!have_fmt)
                return hse_fail(err, HSE_E_FORMAT, at - 8, "WAV: the data chunk comes before the fmt chunk");
            bool unknown = size == UINT32_MAX;
            if (unknown && have_ds64) {
                size = ds64_data;
                unknown = size == 0 || size > INT64_MAX;
            }
            /* A recorder that was killed leaves the sizes that it wrote first. */
            bool unfinished = is_riff && size == 0 && (riff_size == 0 || riff_size == 8 || riff_size == UINT32_MAX);
            w.data_offset = at;
            measure_data(&w, size, unknown || unfinished, file_size > at ? file_size : at);
            *out = w;
            return HSE_OK;
        }
        if (memcmp(head, "fmt ", 4) == 0 && !have_fmt) {
            size_t want = size < sizeof head ? (size_t)size : sizeof head;
            if ((s = hse_source_read(src, at, head, want, &got, err)) != HSE_OK ||
                (s = parse_fmt(&w, head, got, at, coding_tag, err)) != HSE_OK)
                return s;
            have_fmt = true;
        } else if (memcmp(head, "ds64", 4) == 0 && !is_riff && size >= 16) {
            if ((s = hse_source_read(src, at, head, 16, &got, err)) != HSE_OK)
                return s;
            if (got < 16)
                return hse_fail(err, HSE_E_FORMAT, at, "WAV: the file ends inside its ds64 chunk");
            ds64_data = hse_get_u64le(head + 8);
            have_ds64 = true;
        }
        at += size + (size & 1); /* 2^32 at most for each of 4096 chunks: no overflow */
    }
    return hse_fail(err, HSE_E_FORMAT, at, "WAV: no data chunk among the first %d chunks", MAX_CHUNKS);
}

/* G.711: the sign and magnitude of one code, scaled to 16 bits. */
static int alaw_decode(unsigned code)
{
    code ^= 0x55;
    int segment = (int)(code >> 4 & 7), v = (int)(code & 15) << 4 | 8;

    if (segment)
        v = (v + 0x100) << (segment - 1);
    return code & 0x80 ? v : -v;
}

static int ulaw_decode(unsigned code)
{
    code = ~code & 0xFF;
    int v = ((((int)(code & 15) << 3) + 0x84) << (code >> 4 & 7)) - 0x84;

    return code & 0x80 ? -v : v;
}

static float sample_at(const uint8_t *p, hse_pcm_coding coding)
{
    switch (coding) {
    case HSE_PCM_U8: return (float)(p[0] - 128) / 128.0f;
    case HSE_PCM_S16: return (float)(int16_t)hse_get_u16le(p) / 32768.0f;
    case HSE_PCM_S24:
        return (float)((int32_t)((uint32_t)p[0] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 24) >> 8) / 8388608.0f;
    case HSE_PCM_S32: return (float)(int32_t)hse_get_u32le(p) / 2147483648.0f;
    case HSE_PCM_F32: {
        uint32_t bits = hse_get_u32le(p);
        float v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    case HSE_PCM_F64: {
        uint64_t bits = hse_get_u64le(p);
        double v;
        memcpy(&v, &bits, sizeof v);
        /* A double beyond float32 must not be converted (it is undefined); infinity is refused like any other. */
        return fabs(v) <= 1e30 ? (float)v : (float)INFINITY;
    }
    case HSE_PCM_ALAW: return (float)alaw_decode(p[0]) / 32768.0f;
    case HSE_PCM_ULAW: return (float)ulaw_decode(p[0]) / 32768.0f;
    }
    return 0;
}

hse_status hse_pcm_to_mono(float *mono, const uint8_t *in, size_t frames, hse_pcm_coding coding, int channels,
                           uint64_t first_frame, uint64_t offset, hse_error *err)
{
    const size_t bytes = hse_pcm_sample_bytes(coding);
    const uint8_t *p = in;

    for (size_t i = 0; i < frames; i++) {
        float sum = 0;
        for (int c = 0; c < channels; c++, p += bytes) {
            float v = sample_at(p, coding);
            if (!(fabsf(v) <= HSE_SAMPLE_MAX)) {
                const uint64_t at = first_frame + i;
                return hse_fail(err, HSE_E_FORMAT, offset + (uint64_t)(p - in),
                                "sample %llu of channel %d is not a finite number of at most 1e9",
                                (unsigned long long)at, c + 1);
            }
            sum += v;
        }
        mono[i] = channels == 1 ? sum : sum / (float)channels;
    }
    return HSE_OK;
}

static hse_status check_limits(uint64_t frames, int rate_hz, const hse_audio_limits *l, hse_error *err)
{
    if ((double)frames > l->max_seconds * rate_hz)
        return hse_fail(err, HSE_E_LIMIT, 0, "the audio has %.1f s, the limit is %.1f s", (double)frames / rate_hz,
                        l->max_seconds);
    if (frames > l->max_bytes / sizeof(float))
        return hse_fail(err, HSE_E_LIMIT, 0, "the audio has %llu decoded bytes, the limit is %zu",
                        (unsigned long long)frames * sizeof(float), l->max_bytes);
    return HSE_OK;
}

hse_status hse_wav_decode(hse_audio *out, const hse_audio_source *src, const hse_audio_limits *limits, hse_error *err)
{
    const hse_audio_limits l = limits ? *limits : HSE_AUDIO_LIMITS_DEFAULT;
    hse_audio a = {0};
    hse_wav_info w = {0};
    uint8_t *block = NULL;
    hse_status s = hse_wav_open(&w, src, NULL, err);

    if (s != HSE_OK || (s = check_limits(w.frames, w.rate_hz, &l, err)) != HSE_OK)
        return s;
    a.rate_hz = w.rate_hz;
    a.channels = w.channels;
    if (w.frames) {
        const size_t block_frames = BLOCK_BYTES / w.frame_bytes, total = (size_t)w.frames;
        /* frames are in the file, and there are at most 4 bytes out for each byte in */
        a.samples = hse_alloc(total * sizeof *a.samples);
        block = hse_alloc(BLOCK_BYTES);
        if (!a.samples || !block) {
            s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", total);
            goto fail;
        }
        while (a.n < total) {
            uint64_t at = w.data_offset + a.n * w.frame_bytes;
            size_t n = total - a.n < block_frames ? total - a.n : block_frames, got;
            if ((s = hse_source_read(src, at, block, n * w.frame_bytes, &got, err)) != HSE_OK)
                goto fail;
            got /= w.frame_bytes; /* less than asked when the file was cut meanwhile */
            if ((s = hse_pcm_to_mono(a.samples + a.n, block, got, w.coding, w.channels, a.n, at, err)) != HSE_OK)
                goto fail;
            a.n += got;
            if (got < n)
                break;
        }
    }
    hse_free(block);
    *out = a;
    return HSE_OK;
fail:
    hse_free(block);
    hse_audio_free(&a);
    return s;
}

hse_status hse_pcm_decode(hse_audio *out, hse_bytes in, hse_pcm_coding coding, int channels, int rate_hz,
                          const hse_audio_limits *limits, hse_error *err)
{
    const hse_audio_limits l = limits ? *limits : HSE_AUDIO_LIMITS_DEFAULT;
    hse_audio a = {.rate_hz = rate_hz, .channels = channels};
    hse_status s;

    if (channels < 1 || channels > HSE_CHANNELS_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "%d channels, expected 1 to %d", channels, HSE_CHANNELS_MAX);
    if (rate_hz < HSE_RATE_MIN || rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "a rate of %d Hz, expected %d to %d", rate_hz, HSE_RATE_MIN, HSE_RATE_MAX);
    a.n = in.size / ((size_t)channels * hse_pcm_sample_bytes(coding));
    if ((s = check_limits(a.n, rate_hz, &l, err)) != HSE_OK)
        return s;
    if (a.n) {
        if (!(a.samples = hse_alloc(a.n * sizeof *a.samples)))
            return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", a.n);
        if ((s = hse_pcm_to_mono(a.samples, in.data, a.n, coding, channels, 0, 0, err)) != HSE_OK) {
            hse_audio_free(&a);
            return s;
        }
    }
    *out = a;
    return HSE_OK;
}

void hse_pcm16_put(uint8_t *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++, out += 2) {
        float v = floorf(x[i] * 32768.0f);
        int q = v >= 32767.0f ? 32767 : v >= -32768.0f ? (int)v : isnan(v) ? 0 : -32768;
        hse_put_u16le(out, (uint16_t)q);
    }
}

void hse_wav_header(uint8_t out[HSE_WAV_HEADER], int rate_hz, uint64_t frames)
{
    const bool counted = frames <= (UINT32_MAX - 36) / 2;
    static const char begin[16] = "RIFF\0\0\0\0WAVEfmt ", data[4] = "data";

    memcpy(out, begin, sizeof begin);
    hse_put_u32le(out + 4, counted ? (uint32_t)(36 + frames * 2) : UINT32_MAX);
    hse_put_u32le(out + 16, 16);
    hse_put_u16le(out + 20, TAG_PCM);
    hse_put_u16le(out + 22, 1);
    hse_put_u32le(out + 24, (uint32_t)rate_hz);
    hse_put_u32le(out + 28, (uint32_t)rate_hz * 2);
    hse_put_u16le(out + 32, 2);
    hse_put_u16le(out + 34, 16);
    memcpy(out + 36, data, sizeof data);
    hse_put_u32le(out + 40, counted ? (uint32_t)(frames * 2) : UINT32_MAX);
}

hse_status hse_wav_encode(hse_buf *out, const float *x, size_t n, int rate_hz, hse_error *err)
{
    size_t bytes;

    if (!hse_mul_size(n, 2, &bytes) || !hse_add_size(bytes, HSE_WAV_HEADER, &bytes))
        return hse_fail(err, HSE_E_LIMIT, 0, "too many samples for a WAV file: %zu", n);
    uint8_t *p = hse_buf_extend(out, bytes);
    if (!p)
        return hse_buf_status(out, "the WAV file", err);
    hse_wav_header(p, rate_hz, n);
    hse_pcm16_put(p + HSE_WAV_HEADER, x, n);
    return HSE_OK;
}
