#include "npy.h"
#include "test.h"

#include "audio/wav.h"
#include "base/file.h"
#include "base/mem.h"

#include <math.h>
#include <unistd.h>

static hse_status decode(hse_audio *a, const void *data, size_t size, hse_error *err)
{
    hse_audio_source src = hse_source_bytes((hse_bytes){data, size});

    return hse_wav_decode(a, &src, NULL, err);
}

TEST(wav_decodes_the_kits_files)
{
    static const char *const names[] = {"pcm16",  "u8",       "pcm24", "pcm32",      "float",
                                        "double", "stereo16", "tri24", "stereofloat"};

    for (size_t c = 0; c < COUNT(names); c++) {
        char path[128];
        hse_error err = {0};
        hse_map map;
        hse_audio a = {0}, b = {0};

        snprintf(path, sizeof path, "tests/golden/harmonyspeech/wav_decode/out_%s.npy", names[c]);
        npy want = npy_read(path);
        snprintf(path, sizeof path, "tests/golden/harmonyspeech/wav_decode/%s.wav", names[c]);
        CHECK(hse_map_open(&map, test_path(path), &err) == HSE_OK, "%s", err.text);
        CHECK(decode(&a, map.bytes.data, map.bytes.size, &err) == HSE_OK, "%s: %s", names[c], err.text);
        CHECK(a.n == want.n, "%s: %zu samples, want %zu", names[c], a.n, want.n);
        for (size_t i = 0; i < a.n; i++)
            CHECK(fabsf(a.samples[i] - want.v[i]) <= 1e-7f, "%s sample %zu: %.9g, want %.9g", names[c], i,
                  (double)a.samples[i], (double)want.v[i]);
        hse_audio_source file = {.fd = map.fd};
        CHECK(hse_wav_decode(&b, &file, NULL, &err) == HSE_OK, "%s: %s", names[c], err.text);
        CHECK(a.n == b.n && a.rate_hz == b.rate_hz && memcmp(a.samples, b.samples, a.n * sizeof *a.samples) == 0,
              "%s: another result from the file", names[c]);
        hse_audio_free(&a);
        hse_audio_free(&b);
        hse_map_close(&map);
        free(want.v);
    }
}

TEST(wav_encodes_the_kits_files)
{
    static const char *const names[] = {"edges", "random", "over"};

    for (size_t c = 0; c < COUNT(names); c++) {
        char path[128];
        hse_error err = {0};
        hse_map map;
        hse_buf b;

        snprintf(path, sizeof path, "tests/golden/harmonyspeech/wav_encode/in_%s.npy", names[c]);
        npy in = npy_read(path);
        snprintf(path, sizeof path, "tests/golden/harmonyspeech/wav_encode/%s.wav", names[c]);
        CHECK(hse_map_open(&map, test_path(path), &err) == HSE_OK, "%s", err.text);
        hse_buf_init(&b, 1 << 16);
        CHECK(hse_wav_encode(&b, in.v, in.n, 16000, &err) == HSE_OK, "%s", err.text);
        CHECK(b.size == map.bytes.size && memcmp(b.data, map.bytes.data, b.size) == 0, "%s: other bytes", names[c]);
        hse_buf_free(&b);
        hse_map_close(&map);
        free(in.v);
    }
}

/* A file made of parts that cases overwrite: 44-byte header, 16-bit, 2 channels, 100 frames. */
enum { FRAMES = 100, GOOD = 44 + FRAMES * 4 };

static void good_file(uint8_t out[GOOD])
{
    hse_wav_header(out, 16000, FRAMES * 2);
    hse_put_u16le(out + 22, 2);
    hse_put_u32le(out + 28, 64000);
    hse_put_u16le(out + 32, 4);
    for (int i = 0; i < FRAMES * 2; i++)
        hse_put_u16le(out + 44 + 2 * i, (uint16_t)(i * 300));
}

TEST(wav_header_fields_at_their_boundaries)
{
    enum { ANY = -1 };
    static const struct {
        const char *name;
        int at, bytes;
        uint32_t value;
        hse_status want;
        long frames; /* ANY: not looked at */
        const char *says;
    } cases[] = {
        {"as it is", 0, 0, 0, HSE_OK, FRAMES, ""},
        {"RIFF damaged", 0, 1, 'r', HSE_E_FORMAT, ANY, "not a WAV file"},
        {"big endian RIFX", 3, 1, 'X', HSE_E_FORMAT, ANY, "not a WAV file"},
        {"WAVE damaged", 8, 1, 'w', HSE_E_FORMAT, ANY, "not a WAV file"},
        {"RIFF size 0", 4, 4, 0, HSE_OK, FRAMES, ""},
        {"RIFF size 1", 4, 4, 1, HSE_OK, FRAMES, ""},
        {"RIFF size largest", 4, 4, UINT32_MAX, HSE_OK, FRAMES, ""},
        {"fmt size 0", 16, 4, 0, HSE_E_FORMAT, ANY, "fmt chunk has 0 bytes"},
        {"fmt size 15", 16, 4, 15, HSE_E_FORMAT, ANY, "fmt chunk has 15 bytes"},
        {"fmt size 17 hides data", 16, 4, 17, HSE_E_FORMAT, ANY, "ends before its data"},
        {"fmt size 2^31-1", 16, 4, INT32_MAX, HSE_E_FORMAT, ANY, "ends before its data"},
        {"fmt size 2^31", 16, 4, 1u << 31, HSE_E_FORMAT, ANY, "ends before its data"},
        {"fmt size largest", 16, 4, UINT32_MAX, HSE_E_FORMAT, ANY, "ends before its data"},
        {"format 0", 20, 2, 0, HSE_E_UNSUPPORTED, ANY, "0x0000"},
        {"format ADPCM", 20, 2, 2, HSE_E_UNSUPPORTED, ANY, "0x0002"},
        {"format MP3", 20, 2, 0x55, HSE_E_UNSUPPORTED, ANY, "0x0055"},
        {"float of 16 bits", 20, 2, 3, HSE_E_FORMAT, ANY, "16 bits a float"},
        {"A-law of 16 bits", 20, 2, 6, HSE_E_FORMAT, ANY, "G.711"},
        {"extensible but short", 20, 2, 0xFFFE, HSE_E_FORMAT, ANY, "expected 40"},
        {"format largest", 20, 2, 0xFFFF, HSE_E_UNSUPPORTED, ANY, "0xffff"},
        {"0 channels", 22, 2, 0, HSE_E_FORMAT, ANY, "0 channels"},
        {"1 channel of 4-byte frames", 22, 2, 1, HSE_E_FORMAT, ANY, "bytes a frame"},
        {"8 channels of 4-byte frames", 22, 2, 8, HSE_E_FORMAT, ANY, "bytes a frame"},
        {"9 channels", 22, 2, 9, HSE_E_FORMAT, ANY, "9 channels"},
        {"65535 channels", 22, 2, 65535, HSE_E_FORMAT, ANY, "65535 channels"},
        {"rate 0", 24, 4, 0, HSE_E_FORMAT, ANY, "rate of 0"},
        {"rate 999", 24, 4, 999, HSE_E_FORMAT, ANY, "rate of 999"},
        {"rate 1000", 24, 4, 1000, HSE_OK, FRAMES, ""},
        {"rate 384000", 24, 4, 384000, HSE_OK, FRAMES, ""},
        {"rate 384001", 24, 4, 384001, HSE_E_FORMAT, ANY, "rate of 384001"},
        {"rate 655350", 24, 4, 655350, HSE_E_FORMAT, ANY, "rate of 655350"},
        {"rate 2^31", 24, 4, 1u << 31, HSE_E_FORMAT, ANY, "rate of 2147483648"},
        {"rate largest", 24, 4, UINT32_MAX, HSE_E_FORMAT, ANY, "rate of 4294967295"},
        {"bytes a second nonsense", 28, 4, UINT32_MAX, HSE_OK, FRAMES, ""},
        {"frame bytes 0", 32, 2, 0, HSE_E_FORMAT, ANY, "0 bytes a frame"},
        {"frame bytes 3", 32, 2, 3, HSE_E_FORMAT, ANY, "3 bytes a frame"},
        {"frame bytes largest", 32, 2, 65535, HSE_E_FORMAT, ANY, "65535 bytes a frame"},
        {"bits 0", 34, 2, 0, HSE_E_FORMAT, ANY, "0 bits"},
        {"bits 8", 34, 2, 8, HSE_E_FORMAT, ANY, "bytes a frame"},
        {"bits 12 in 2 bytes", 34, 2, 12, HSE_OK, FRAMES, ""},
        {"bits 33", 34, 2, 33, HSE_E_FORMAT, ANY, "33 bits"},
        {"bits largest", 34, 2, 65535, HSE_E_FORMAT, ANY, "65535 bits"},
        {"data damaged", 36, 1, 'D', HSE_E_FORMAT, ANY, "ends before its data"},
        {"data size 0, header finished", 40, 4, 0, HSE_OK, 0, ""},
        {"data size 3", 40, 4, 3, HSE_OK, 0, ""},
        {"data size 4", 40, 4, 4, HSE_OK, 1, ""},
        {"data size one short", 40, 4, FRAMES * 4 - 1, HSE_OK, FRAMES - 1, ""},
        {"data size one over", 40, 4, FRAMES * 4 + 1, HSE_OK, FRAMES, ""},
        {"data size 2^31", 40, 4, 1u << 31, HSE_OK, FRAMES, ""},
        {"data size of a stream", 40, 4, UINT32_MAX, HSE_OK, FRAMES, ""},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        uint8_t file[GOOD];
        hse_audio a = {0};
        hse_error err = {0};

        good_file(file);
        for (int i = 0; i < cases[c].bytes; i++)
            file[cases[c].at + i] = (uint8_t)(cases[c].value >> 8 * i);
        hse_status s = decode(&a, file, sizeof file, &err);
        CHECK(s == cases[c].want, "%s: got %d, want %d (%s)", cases[c].name, s, cases[c].want, err.text);
        CHECK(s == HSE_OK || strstr(err.text, cases[c].says), "%s: '%s' does not say '%s'", cases[c].name, err.text,
              cases[c].says);
        CHECK(s == HSE_OK || !a.samples, "%s: samples came with an error", cases[c].name);
        CHECK(cases[c].frames < 0 || a.n == (size_t)cases[c].frames, "%s: %zu frames, want %ld", cases[c].name, a.n,
              cases[c].frames);
        hse_audio_free(&a);
    }
}

TEST(wav_unfinished_header_gives_what_is_there)
{
    uint8_t file[GOOD];
    hse_audio a = {0};

    good_file(file);
    hse_put_u32le(file + 4, 0);
    hse_put_u32le(file + 40, 0);
    CHECK(decode(&a, file, sizeof file, NULL) == HSE_OK && a.n == FRAMES, "%zu frames", a.n);
    hse_audio_free(&a);
}

TEST(wav_cut_at_every_byte)
{
    uint8_t file[GOOD];

    good_file(file);
    for (size_t cut = 0; cut < GOOD; cut++) {
        uint8_t *copy = test_guarded(cut);
        hse_audio a = {0};
        hse_error err = {0};

        memcpy(copy, file, cut);
        hse_status s = decode(&a, copy, cut, &err);
        CHECK(s == (cut < 44 ? HSE_E_FORMAT : HSE_OK), "cut at %zu: %d %s", cut, s, err.text);
        CHECK(s == HSE_OK ? a.n == (cut - 44) / 4 : err.text[0] != 0, "cut at %zu: %zu frames", cut, a.n);
        hse_audio_free(&a);
    }
}

static size_t put_chunk(uint8_t *at, const char *id, const void *data, size_t size)
{
    memcpy(at, id, 4);
    hse_put_u32le(at + 4, (uint32_t)size);
    memcpy(at + 8, data, size);
    if (size & 1)
        at[8 + size] = 0;
    return 8 + size + (size & 1);
}

static size_t start(uint8_t *at, const char *riff)
{
    memcpy(at, riff, 4);
    hse_put_u32le(at + 4, UINT32_MAX);
    memcpy(at + 8, "WAVE", 4);
    return 12;
}

static void put_fmt(uint8_t fmt[40], unsigned tag, unsigned channels, unsigned bits, bool extensible)
{
    static const uint8_t tail[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71};

    memset(fmt, 0, 40);
    hse_put_u16le(fmt, (uint16_t)(extensible ? 0xFFFE : tag));
    hse_put_u16le(fmt + 2, (uint16_t)channels);
    hse_put_u32le(fmt + 4, 8000);
    hse_put_u16le(fmt + 12, (uint16_t)(channels * bits / 8));
    hse_put_u16le(fmt + 14, (uint16_t)bits);
    hse_put_u16le(fmt + 16, 22);
    hse_put_u16le(fmt + 24, (uint16_t)tag);
    memcpy(fmt + 26, tail, 14);
}

TEST(wav_every_coding)
{
    static const struct {
        const char *name;
        unsigned tag, bits;
        uint8_t low[8], mid[8]; /* one sample each */
        float want_low, want_mid;
    } cases[] = {
        {"u8", 1, 8, {0}, {192}, -1, 0.5f},
        {"s16", 1, 16, {0, 0x80}, {0, 0x40}, -1, 0.5f},
        {"s24", 1, 24, {0, 0, 0x80}, {0, 0, 0x40}, -1, 0.5f},
        {"s32", 1, 32, {0, 0, 0, 0x80}, {0, 0, 0, 0x40}, -1, 0.5f},
        {"f32", 3, 32, {0, 0, 0x80, 0xBF}, {0, 0, 0, 0x3F}, -1, 0.5f},
        {"f64", 3, 64, {0, 0, 0, 0, 0, 0, 0xF0, 0xBF}, {0, 0, 0, 0, 0, 0, 0xE0, 0x3F}, -1, 0.5f},
        /* G.711's largest codes: 4032 x 8 and 8031 x 4 of 32768; 0xD5 and 0xFF are the smallest positive ones */
        {"A-law", 6, 8, {0x2A}, {0xD5}, -32256 / 32768.0f, 8 / 32768.0f},
        {"mu-law", 7, 8, {0x00}, {0xFF}, -32124 / 32768.0f, 0},
    };

    for (size_t c = 0; c < COUNT(cases) * 2; c++) {
        const bool extensible = c >= COUNT(cases);
        const size_t i = c % COUNT(cases), bytes = cases[i].bits / 8;
        uint8_t file[256], fmt[40], samples[32];
        hse_audio a = {0};
        hse_error err = {0};

        put_fmt(fmt, cases[i].tag, 2, cases[i].bits, extensible);
        memcpy(samples, cases[i].low, bytes); /* frame 0: low low, frame 1: mid low */
        memcpy(samples + bytes, cases[i].low, bytes);
        memcpy(samples + 2 * bytes, cases[i].mid, bytes);
        memcpy(samples + 3 * bytes, cases[i].low, bytes);
        size_t n = start(file, "RIFF");
        n += put_chunk(file + n, "LIST", "abc", 3); /* odd: a pad byte follows */
        n += put_chunk(file + n, "fmt ", fmt, extensible ? 40 : 16);
        n += put_chunk(file + n, "fact", "\4\0\0\0", 4);
        n += put_chunk(file + n, "data", samples, 4 * bytes);
        n += put_chunk(file + n, "LIST", "abc", 3);
        CHECK(decode(&a, file, n, &err) == HSE_OK && a.n == 2 && a.channels == 2 && a.rate_hz == 8000, "%s: %s",
              cases[i].name, err.text);
        CHECK(a.samples[0] == cases[i].want_low, "%s: %.9g, want %.9g", cases[i].name, (double)a.samples[0],
              (double)cases[i].want_low);
        CHECK(a.samples[1] == (cases[i].want_low + cases[i].want_mid) / 2, "%s: %.9g", cases[i].name,
              (double)a.samples[1]);
        hse_audio_free(&a);
    }
}

TEST(wav_rf64)
{
    static const struct {
        const char *name;
        uint64_t data;
        bool with_ds64;
        size_t frames;
    } cases[] = {
        {"exact", 8, true, 4},
        {"less", 6, true, 3},
        {"more than there is", 1 << 20, true, 5},
        {"2^63", 1ull << 63, true, 5},
        {"largest", UINT64_MAX, true, 5},
        {"0 is unknown", 0, true, 5},
        {"no ds64", 0, false, 5},
    };

    for (size_t c = 0; c < COUNT(cases) * 2; c++) {
        const size_t i = c / 2;
        uint8_t file[256], fmt[40], ds64[28] = {0}, samples[10] = {0};
        hse_audio a = {0};
        hse_error err = {0};

        put_fmt(fmt, 1, 1, 16, false);
        hse_put_u32le(ds64 + 8, (uint32_t)cases[i].data);
        hse_put_u32le(ds64 + 12, (uint32_t)(cases[i].data >> 32));
        size_t n = start(file, c % 2 ? "RF64" : "BW64");
        if (cases[i].with_ds64)
            n += put_chunk(file + n, "ds64", ds64, sizeof ds64);
        n += put_chunk(file + n, "fmt ", fmt, 16);
        n += put_chunk(file + n, "data", samples, sizeof samples);
        hse_put_u32le(file + n - sizeof samples - 4, UINT32_MAX);
        CHECK(decode(&a, file, n, &err) == HSE_OK && a.n == cases[i].frames, "%s: %zu frames, want %zu (%s)",
              cases[i].name, a.n, cases[i].frames, err.text);
        hse_audio_free(&a);
    }
}

TEST(wav_odd_structures)
{
    uint8_t file[70000], fmt[40];
    hse_audio a = {0};
    hse_error err = {0};
    size_t n;

    put_fmt(fmt, 1, 1, 16, false);
    n = start(file, "RIFF");
    n += put_chunk(file + n, "data", "\0\0", 2);
    n += put_chunk(file + n, "fmt ", fmt, 16);
    CHECK(decode(&a, file, n, &err) == HSE_E_FORMAT && strstr(err.text, "before the fmt"), "%s", err.text);

    n = start(file, "RIFF");
    for (int i = 0; i < 5000; i++)
        n += put_chunk(file + n, "junk", "", 0);
    CHECK(decode(&a, file, n, &err) == HSE_E_FORMAT && strstr(err.text, "4096 chunks"), "%s", err.text);

    n = start(file, "RIFF");
    put_fmt(fmt, 1, 1, 16, true);
    fmt[39] ^= 1;
    n += put_chunk(file + n, "fmt ", fmt, 40);
    CHECK(decode(&a, file, n, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "GUID"), "%s", err.text);

    n = start(file, "RF64");
    memcpy(file + n, "ds64\x1c\0\0\0\0\0", 10);
    CHECK(decode(&a, file, n + 10, &err) == HSE_E_FORMAT && strstr(err.text, "ds64"), "%s", err.text);

    CHECK(decode(&a, "", 0, &err) == HSE_E_FORMAT && strstr(err.text, "not a WAV"), "%s", err.text);
}

TEST(wav_names_the_sample_that_is_no_number)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1.1e9f, -3e38f};

    for (size_t c = 0; c < COUNT(bad); c++) {
        uint8_t file[256], fmt[40];
        float x[6] = {0, 1, -1, 0.5f, 0, 0};
        hse_audio a = {0};
        hse_error err = {0};

        x[5] = bad[c];
        put_fmt(fmt, 3, 2, 32, false);
        size_t n = start(file, "RIFF");
        n += put_chunk(file + n, "fmt ", fmt, 16);
        n += put_chunk(file + n, "data", x, sizeof x);
        CHECK(decode(&a, file, n, &err) == HSE_E_FORMAT, "case %zu", c);
        CHECK(strstr(err.text, "sample 2 of channel 2") && err.offset == 12 + 24 + 8 + 20, "'%s' at %llu", err.text,
              (unsigned long long)err.offset);

        double y[6] = {0, 1, -1, 0.5, 0, (double)bad[c]};
        put_fmt(fmt, 3, 2, 64, false);
        n = start(file, "RIFF");
        n += put_chunk(file + n, "fmt ", fmt, 16);
        n += put_chunk(file + n, "data", y, sizeof y);
        CHECK(decode(&a, file, n, &err) == HSE_E_FORMAT && strstr(err.text, "sample 2 of channel 2"), "%s", err.text);
    }
}

TEST(wav_limits_count_what_is_decoded)
{
    static const struct {
        const char *name;
        double seconds;
        size_t bytes;
        hse_status want;
    } cases[] = {
        {"at the seconds", 100 / 16000.0, 1000, HSE_OK},
        {"below the seconds", 99.5 / 16000.0, 1000, HSE_E_LIMIT},
        {"at the bytes", 10, 400, HSE_OK},
        {"below the bytes", 10, 399, HSE_E_LIMIT},
        {"nothing allowed", 0, 0, HSE_E_LIMIT},
    };
    uint8_t file[GOOD];

    good_file(file);
    hse_put_u32le(file + 40, UINT32_MAX); /* what the header claims plays no part */
    for (size_t c = 0; c < COUNT(cases); c++) {
        hse_audio a = {0};
        hse_error err = {0};
        hse_audio_limits l = {cases[c].seconds, cases[c].bytes};
        hse_audio_source src = hse_source_bytes((hse_bytes){file, sizeof file});
        hse_status s = hse_wav_decode(&a, &src, &l, &err);
        CHECK(s == cases[c].want, "%s: %d %s", cases[c].name, s, err.text);
        hse_audio_free(&a);
        s = hse_pcm_decode(&a, (hse_bytes){file + 44, FRAMES * 4}, HSE_PCM_S16, 2, 16000, &l, &err);
        CHECK(s == cases[c].want, "raw, %s: %d %s", cases[c].name, s, err.text);
        hse_audio_free(&a);
    }
}

TEST(wav_encode_and_decode_agree)
{
    float *x = test_floats(5001);
    hse_audio a = {0};
    hse_buf b;
    uint8_t head[44];

    hse_buf_init(&b, 1 << 20);
    CHECK(hse_wav_encode(&b, x, 5001, 44100, NULL) == HSE_OK && b.size == 44 + 10002, "%zu", b.size);
    CHECK(decode(&a, b.data, b.size, NULL) == HSE_OK && a.n == 5001 && a.rate_hz == 44100, "%zu", a.n);
    for (size_t i = 0; i < a.n; i++)
        CHECK(a.samples[i] == floorf(x[i] * 32768) / 32768, "sample %zu", i);
    hse_wav_header(head, 44100, HSE_WAV_STREAM);
    CHECK(hse_get_u32le(head + 4) == UINT32_MAX && hse_get_u32le(head + 40) == UINT32_MAX, "a stream's sizes");
    memcpy(b.data, head, 44);
    hse_audio_free(&a);
    CHECK(decode(&a, b.data, b.size, NULL) == HSE_OK && a.n == 5001, "a streamed file: %zu", a.n);
    hse_audio_free(&a);
    hse_buf_free(&b);

    static const float odd[] = {NAN, INFINITY, -INFINITY, 1, -1, -0.0f, 0.99999f};
    static const int want[] = {0, 32767, -32768, 32767, -32768, 0, 32767};
    uint8_t pcm[14];
    hse_pcm16_put(pcm, odd, 7);
    for (int i = 0; i < 7; i++)
        CHECK((int16_t)hse_get_u16le(pcm + 2 * i) == want[i], "value %d: %d", i, (int16_t)hse_get_u16le(pcm + 2 * i));
}

TEST(raw_pcm_checks_its_arguments)
{
    hse_audio a = {0};
    hse_error err = {0};
    hse_bytes in = {(const uint8_t *)"\0\1\2\3\4", 5};

    CHECK(hse_pcm_decode(&a, in, HSE_PCM_S16, 1, 16000, NULL, &err) == HSE_OK && a.n == 2, "%zu", a.n);
    hse_audio_free(&a);
    CHECK(hse_pcm_decode(&a, in, HSE_PCM_S16, 0, 16000, NULL, &err) == HSE_E_ARG, "channels");
    CHECK(hse_pcm_decode(&a, in, HSE_PCM_S16, 9, 16000, NULL, &err) == HSE_E_ARG, "channels");
    CHECK(hse_pcm_decode(&a, in, HSE_PCM_S16, 1, 0, NULL, &err) == HSE_E_ARG, "rate");
    CHECK(hse_pcm_decode(&a, (hse_bytes){0}, HSE_PCM_S16, 1, 8000, NULL, &err) == HSE_OK && !a.samples, "nothing");
}

TEST(wav_survives_failed_allocations)
{
    uint8_t file[GOOD];

    good_file(file);
    for (uint64_t k = 1;; k++) {
        hse_audio a = {0}, b = {0};
        hse_buf w;
        hse_mem_fail_at(k, false);
        hse_status s = decode(&a, file, sizeof file, NULL);
        hse_status r = hse_pcm_decode(&b, (hse_bytes){file, GOOD}, HSE_PCM_U8, 1, 8000, NULL, NULL);
        hse_buf_init(&w, 1 << 20);
        hse_status e = hse_wav_encode(&w, (float[]){0, 1}, 2, 16000, NULL);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        int failures = (s == HSE_E_NOMEM) + (r == HSE_E_NOMEM) + (e == HSE_E_NOMEM);
        CHECK(failures == struck, "allocation %llu: %d %d %d", (unsigned long long)k, s, r, e);
        hse_audio_free(&a);
        hse_audio_free(&b);
        hse_buf_free(&w);
        if (!struck)
            break;
    }
}

TEST(sources_read_past_nothing)
{
    FILE *f = tmpfile();
    uint8_t got[8];
    size_t n;
    uint64_t size;
    hse_error err = {0};
    int ends[2];

    CHECK(f && fwrite("abcdef", 1, 6, f) == 6 && fflush(f) == 0, "a temporary file");
    const hse_audio_source src[2] = {hse_source_bytes((hse_bytes){(const uint8_t *)"abcdef", 6}), {.fd = fileno(f)}};
    for (int i = 0; i < 2; i++) {
        CHECK(hse_source_size(&src[i], &size, &err) == HSE_OK && size == 6, "size");
        CHECK(hse_source_read(&src[i], 4, got, 8, &n, &err) == HSE_OK && n == 2 && got[1] == 'f', "the end");
        CHECK(hse_source_read(&src[i], 6, got, 8, &n, &err) == HSE_OK && n == 0, "behind the end");
        CHECK(hse_source_read(&src[i], UINT64_MAX, got, 8, &n, &err) == HSE_OK && n == 0, "far behind the end");
    }
    fclose(f);
    CHECK(pipe(ends) == 0, "pipe");
    hse_audio_source piped = {.fd = ends[0]};
    CHECK(hse_source_size(&piped, &size, &err) == HSE_E_ARG, "a pipe has no size");
    CHECK(hse_source_read(&piped, 0, got, 8, &n, &err) == HSE_E_IO && err.sys != 0, "a pipe has no offset");
    close(ends[0]);
    close(ends[1]);
}
