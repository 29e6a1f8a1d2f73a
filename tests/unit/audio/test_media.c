#include "test.h"

#include "audio/decode.h"
#include "audio/encode.h"
#include "audio/follow.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER HSE_BINARY_DIR "/hse-media"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* The process-wide helper of these tests is found through HSE_MEDIA. */
__attribute__((constructor)) static void name_helper(void)
{
    setenv("HSE_MEDIA", HELPER, 1);
}

static hse_map map(const char *name)
{
    char path[128];
    hse_map m;
    hse_error err = {0};

    snprintf(path, sizeof path, "tests/data/audio/%s", name);
    CHECK(hse_map_open(&m, test_path(path), &err) == HSE_OK, "%s", err.text);
    return m;
}

static hse_status decode(hse_audio *a, hse_bytes bytes, const hse_decode_options *o, hse_error *err)
{
    hse_audio_source src = hse_source_bytes(bytes);

    return hse_audio_decode(a, &src, o, err);
}

static int open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* Signal to noise in dB of y against x at the shift (up to `most` samples) where they agree best. */
static double snr_at_best_shift(const float *x, size_t n, const float *y, size_t m, int most)
{
    double best = -100;

    for (int shift = 0; shift <= most; shift++) {
        double power = 0, noise = 0;
        for (size_t i = 0; i < n && i + (size_t)shift < m; i++) {
            double d = (double)x[i] - (double)y[i + (size_t)shift];
            power += (double)x[i] * x[i];
            noise += d * d;
        }
        double snr = 10 * log10(power / (noise + 1e-20));
        best = snr > best ? snr : best;
    }
    return best;
}

TEST(every_container_and_codec_decodes)
{
    static const struct {
        const char *file;
        int rate_hz, channels, longer; /* samples beyond the second that were recorded, at most */
        double snr;                    /* at 24 kHz, at least */
    } cases[] = {
        {"tone.wav", 24000, 1, 0, 150},   {"tone.flac", 24000, 1, 0, 150},      {"oggflac.oga", 24000, 1, 0, 150},
        {"pcm.mov", 24000, 1, 0, 150},    {"stereo24.flac", 44100, 2, 0, 30},   {"tone.mp3", 24000, 1, 0, 20},
        {"bare.mp3", 24000, 1, 1400, 20}, {"mp3.wav", 24000, 1, 1400, 20},      {"tone.ogg", 24000, 1, 0, 15},
        {"tone.mka", 24000, 1, 200, 15},  {"tone.opus", 48000, 1, 0, 10},       {"tone.webm", 48000, 1, 0, 10},
        {"tone.m4a", 24000, 1, 600, 15},  {"faststart.m4a", 24000, 1, 600, 15}, {"tone.aac", 24000, 1, 1700, 15},
    };
    hse_map ref = map("tone.wav");
    hse_audio want = {0};

    CHECK(decode(&want, ref.bytes, NULL, NULL) == HSE_OK, "reference");
    for (size_t c = 0; c < COUNT(cases); c++) {
        hse_map m = map(cases[c].file);
        hse_audio a = {0}, b = {0};
        hse_error err = {0};
        hse_audio_source file = {.fd = m.fd};

        CHECK(decode(&a, m.bytes, NULL, &err) == HSE_OK, "%s: %s", cases[c].file, err.text);
        CHECK(a.rate_hz == cases[c].rate_hz && a.channels == cases[c].channels, "%s: %d Hz, %d channels", cases[c].file,
              a.rate_hz, a.channels);
        CHECK((long)a.n >= a.rate_hz - 300 && (long)a.n <= a.rate_hz + cases[c].longer, "%s: %zu samples",
              cases[c].file, a.n);
        CHECK(hse_audio_decode(&b, &file, NULL, &err) == HSE_OK, "%s as a file: %s", cases[c].file, err.text);
        CHECK(a.n == b.n && memcmp(a.samples, b.samples, a.n * sizeof *a.samples) == 0, "%s: other bits",
              cases[c].file);

        float *x = NULL;
        size_t n = 0;
        CHECK(hse_resample(&x, &n, a.samples, a.n, a.rate_hz, 24000, &err) == HSE_OK, "%s", err.text);
        double gain = cases[c].channels == 2 ? 0.7071067811865476 : 1; /* ffmpeg's mono to stereo keeps the power */
        for (size_t i = 0; i < n; i++)
            x[i] = (float)((double)x[i] / gain);
        double snr = snr_at_best_shift(want.samples, want.n, x, n, 1800);
        CHECK(snr >= cases[c].snr, "%s: SNR %.1f dB, want %.1f", cases[c].file, snr, cases[c].snr);
        hse_free(x);
        hse_audio_free(&b);

        /* resampled while decoding: the bits of decoding, then resampling */
        hse_decode_options at16k = {.rate_hz = 16000};
        CHECK(decode(&b, m.bytes, &at16k, &err) == HSE_OK && b.rate_hz == 16000, "%s: %s", cases[c].file, err.text);
        CHECK(hse_resample(&x, &n, a.samples, a.n, a.rate_hz, 16000, &err) == HSE_OK, "%s", err.text);
        CHECK(n == b.n && memcmp(x, b.samples, n * sizeof *x) == 0, "%s: %zu and %zu samples at 16 kHz", cases[c].file,
              n, b.n);
        hse_free(x);
        hse_audio_free(&a);
        hse_audio_free(&b);
        hse_map_close(&m);
    }
    hse_audio_free(&want);
    hse_map_close(&ref);
}

TEST(what_is_not_supported_is_refused_by_name)
{
    static const struct {
        const char *file, *says;
        hse_status want;
    } cases[] = {
        {"refused-alac.m4a", "codec alac", HSE_E_UNSUPPORTED},     {"refused-mp2.mka", "codec mp2", HSE_E_UNSUPPORTED},
        {"refused-adpcm.wav", "coding 0x0011", HSE_E_UNSUPPORTED}, {"refused.aiff", "AIFF", HSE_E_UNSUPPORTED},
        {"make_codec_files.sh", "no audio file", HSE_E_FORMAT},
    };
    hse_audio a = {0};
    hse_error err = {0};

    for (size_t c = 0; c < COUNT(cases); c++) {
        hse_map m = map(cases[c].file);
        hse_status s = decode(&a, m.bytes, NULL, &err);
        CHECK(s == cases[c].want && strstr(err.text, cases[c].says) && !a.samples, "%s: %d %s", cases[c].file, s,
              err.text);
        hse_map_close(&m);
    }
    CHECK(decode(&a, (hse_bytes){0}, NULL, &err) == HSE_E_FORMAT && strstr(err.text, "empty"), "%s", err.text);
    CHECK(hse_audio_decode_file(&a, "/nonexistent.mp3", NULL, &err) == HSE_E_NOT_FOUND, "%s", err.text);
    CHECK(hse_audio_decode_file(&a, "/tmp", NULL, &err) == HSE_E_FORMAT && strstr(err.text, "directory"), "%s",
          err.text);
    hse_audio_source bad = {.fd = 9999};
    CHECK(hse_audio_decode(&a, &bad, NULL, &err) == HSE_E_IO, "%s", err.text);
}

TEST(damaged_files_give_samples_or_an_error)
{
    static const char *const files[] = {"tone.flac",   "tone.mp3",  "tone.ogg", "tone.opus",
                                        "oggflac.oga", "tone.webm", "tone.mka", "tone.m4a",
                                        "tone.aac",    "pcm.mov",   "mp3.wav",  "faststart.m4a"};
    uint32_t seed = 11;
    int decoded = 0, refused = 0;

    for (size_t c = 0; c < COUNT(files); c++) {
        hse_map m = map(files[c]);
        uint8_t *copy = malloc(m.bytes.size);
        for (int k = 0; k < 40; k++) {
            hse_audio a = {0};
            hse_error err = {0};
            size_t size = m.bytes.size;

            memcpy(copy, m.bytes.data, size);
            if (k < 20) {
                size = k < 10 ? (size_t)k * 5 : m.bytes.size * (size_t)(k - 9) / 11;
            } else {
                for (int i = 0; i < 1 + k % 4; i++) {
                    seed = seed * 1664525u + 1013904223u;
                    copy[(seed >> 8) % (k % 2 ? size : 200)] = (uint8_t)(seed >> 24 & 1 ? 0xFF : seed >> 16);
                }
            }
            hse_status s = decode(&a, (hse_bytes){copy, size}, NULL, &err);
            CHECK((s == HSE_OK) == (err.text[0] == '\0'), "%s, case %d: %d '%s'", files[c], k, s, err.text);
            CHECK(s == HSE_OK || s == HSE_E_FORMAT || s == HSE_E_UNSUPPORTED || s == HSE_E_LIMIT || s == HSE_E_NOMEM,
                  "%s, case %d: %d %s", files[c], k, s, err.text);
            CHECK(hse_audio_first_bad(a.samples, a.n) == a.n, "%s, case %d: bad samples", files[c], k);
            decoded += s == HSE_OK;
            refused += s != HSE_OK;
            hse_audio_free(&a);
        }
        free(copy);
        hse_map_close(&m);
    }
    CHECK(decoded > 100 && refused > 50, "%d decoded and %d refused: the cases do not test both", decoded, refused);
}

static uint32_t ogg_crc(const uint8_t *p, size_t n)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < n; i++) {
        crc ^= (uint32_t)p[i] << 24;
        for (int b = 0; b < 8; b++)
            crc = crc << 1 ^ (crc >> 31 ? 0x04C11DB7 : 0);
    }
    return crc;
}

/* Append a page of n packets of `bytes` bytes each (below 255). */
static void ogg_page(hse_buf *b, unsigned flags, uint64_t granule, uint32_t number, const void *packet, size_t bytes,
                     size_t n)
{
    size_t at = b->size;
    uint8_t head[27] = "OggS";

    head[5] = (uint8_t)flags;
    hse_put_u32le(head + 6, (uint32_t)granule);
    hse_put_u32le(head + 10, (uint32_t)(granule >> 32));
    hse_put_u32le(head + 14, 1);
    hse_put_u32le(head + 18, number);
    head[26] = (uint8_t)n;
    hse_buf_append(b, head, sizeof head);
    for (size_t i = 0; i < n; i++)
        hse_buf_byte(b, (uint8_t)bytes);
    for (size_t i = 0; i < n; i++)
        hse_buf_append(b, packet, bytes);
    hse_put_u32le(b->data + at + 22, ogg_crc(b->data + at, b->size - at));
}

/* An Ogg Opus file of `size` bytes in packets of 60 ms; honest: the pages' times are right, else all of them are 0. */
static void opus_bomb(hse_buf *b, size_t size, size_t packet_bytes, bool honest)
{
    /* configuration 3: SILK, 60 ms; code 0: one frame. Its content decodes to something quiet. */
    uint8_t head[19] = "OpusHead\1\1", tags[16] = "OpusTags", packet[64] = {3 << 3};

    hse_put_u32le(head + 12, 48000);
    ogg_page(b, 2, 0, 0, head, sizeof head, 1);
    ogg_page(b, 0, 0, 1, tags, sizeof tags, 1);
    uint64_t granule = 0;
    for (uint32_t page = 2; b->size < size; page++) {
        granule += 255 * 2880;
        ogg_page(b, 0, honest ? granule : 0, page, packet, packet_bytes, 255);
    }
}

static long peak_kib(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

TEST(bombs_are_refused_before_they_cost_memory)
{
    static const struct {
        const char *name;
        size_t packet;
        bool honest;
    } cases[] = {
        {"25 MB at 6 kbit/s: 9 hours", 45, true},
        {"the same with forged times", 45, false},
        {"25 MB of the smallest packets: 17 days", 1, true},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        hse_buf b;
        hse_audio a = {0};
        hse_error err = {0};

        hse_buf_init(&b, 32u << 20);
        opus_bomb(&b, 25u << 20, cases[c].packet, cases[c].honest);
        long before = peak_kib();
        uint64_t start = hse_now_ms();
        hse_status s = decode(&a, (hse_bytes){b.data, b.size}, NULL, &err);
        uint64_t ms = hse_now_ms() - start;
        CHECK(s == HSE_E_LIMIT && strstr(err.text, "longer than the limit"), "%s: %d %s", cases[c].name, s, err.text);
        CHECK(SANITIZED || peak_kib() - before <= 32 << 10, "%s: %ld KiB more", cases[c].name, peak_kib() - before);
        CHECK(ms < 60000, "%s: refused after %llu ms", cases[c].name, (unsigned long long)ms);
        hse_buf_free(&b);
    }
}

TEST(limits_at_and_below)
{
    hse_buf b;
    float *x = test_floats(48000);
    hse_error err = {0};

    hse_buf_init(&b, 1 << 20);
    memset(x, 0, 48000 * sizeof *x); /* silence: flac packs a second into some 300 bytes */
    CHECK(hse_audio_encode(&b, HSE_FORMAT_FLAC, x, 48000, 16000, &err) == HSE_OK, "%s", err.text);
    CHECK(b.size < 1000, "%zu bytes", b.size);
    static const struct {
        const char *name;
        double seconds;
        size_t bytes;
        int rate;
        hse_status want;
    } cases[] = {
        {"at both", 3, 192000, 0, HSE_OK},
        {"seconds below", 2.9999, 192000, 0, HSE_E_LIMIT},
        {"bytes below", 3, 191999, 0, HSE_E_LIMIT},
        {"resampled: bytes at", 3, 96000, 8000, HSE_OK},
        {"resampled: bytes below", 3, 95999, 8000, HSE_E_LIMIT},
        {"seconds far below", 0.1, 192000, 0, HSE_E_LIMIT},
        {"only bytes given: no seconds", 0, 192000, 0, HSE_E_LIMIT},
    };
    for (size_t c = 0; c < COUNT(cases); c++) {
        hse_audio a = {0};
        hse_decode_options o = {.limits = {cases[c].seconds, cases[c].bytes}, .rate_hz = cases[c].rate};
        hse_status s = decode(&a, (hse_bytes){b.data, b.size}, &o, &err);
        CHECK(s == cases[c].want, "%s: %d %s", cases[c].name, s, err.text);
        CHECK(s != HSE_OK || a.n == 48000 * (size_t)(cases[c].rate ? cases[c].rate : 16000) / 16000, "%zu", a.n);
        hse_audio_free(&a);
    }
    hse_buf_free(&b);
}

static hse_status count_sink(void *arg, const float *x, size_t n, hse_error *err)
{
    size_t *left = arg;

    CHECK(n > 0 && n <= MEDIA_BLOCK * 5, "a block of %zu", n);
    CHECK(hse_audio_first_bad(x, n) == n, "bad samples");
    if (*left < n)
        return hse_fail(err, HSE_E_BUSY, 0, "the sink is full");
    *left -= n;
    return HSE_OK;
}

TEST(decoding_in_pieces)
{
    static const char *const files[] = {"tone.wav", "tone.opus"};

    for (size_t c = 0; c < COUNT(files); c++) {
        hse_map m = map(files[c]);
        hse_audio_source src = hse_source_bytes(m.bytes);
        hse_audio info = {0};
        hse_error err = {0};
        size_t left = 100000;

        CHECK(hse_audio_decode_stream(&src, NULL, count_sink, &left, &info, &err) == HSE_OK, "%s", err.text);
        CHECK(info.n == 100000 - left && !info.samples && info.rate_hz == (c ? 48000 : 24000), "%zu", info.n);
        left = 1000;
        hse_status s = hse_audio_decode_stream(&src, NULL, count_sink, &left, &info, &err);
        CHECK(s == HSE_E_BUSY && strstr(err.text, "full"), "%d %s", s, err.text);
        hse_map_close(&m);
    }
}

typedef struct {
    const char *path;
    hse_bytes bytes;
} fifo_writer;

static void *write_fifo(void *arg)
{
    fifo_writer *w = arg;
    int fd = open(w->path, O_WRONLY | O_CLOEXEC);
    size_t done = 0;
    ssize_t n;

    while (done < w->bytes.size && (n = write(fd, w->bytes.data + done, w->bytes.size - done)) > 0)
        done += (size_t)n;
    close(fd);
    return NULL;
}

TEST(pipes_and_standard_input)
{
    char dir[] = "/tmp/hse-test-XXXXXX", path[64];
    hse_map m = map("tone.opus");
    hse_audio a = {0};
    hse_error err = {0};
    pthread_t t;

    CHECK(mkdtemp(dir), "a temporary folder");
    snprintf(path, sizeof path, "%s/fifo", dir);
    CHECK(mkfifo(path, 0600) == 0, "fifo");
    fifo_writer w = {path, m.bytes};
    CHECK(pthread_create(&t, NULL, write_fifo, &w) == 0, "thread");
    CHECK(hse_audio_decode_file(&a, path, NULL, &err) == HSE_OK && a.n == 48000, "%zu %s", a.n, err.text);
    pthread_join(t, NULL);
    hse_audio_free(&a);

    hse_decode_options o = {.limits = {10, 1000}}; /* less than the file itself */
    CHECK(pthread_create(&t, NULL, write_fifo, &w) == 0, "thread");
    signal(SIGPIPE, SIG_IGN);
    CHECK(hse_audio_decode_file(&a, path, &o, &err) == HSE_E_LIMIT, "%s", err.text);
    pthread_join(t, NULL);

    int saved = dup(0);
    CHECK(saved >= 0 && dup2(m.fd, 0) == 0, "dup");
    CHECK(hse_audio_decode_file(&a, "-", NULL, &err) == HSE_OK && a.n == 48000, "%zu %s", a.n, err.text);
    dup2(saved, 0);
    close(saved);
    hse_audio_free(&a);
    unlink(path);
    rmdir(dir);
    hse_map_close(&m);
}

static bool cancel_now(void *arg)
{
    return arg != NULL;
}

TEST(a_long_wav_in_constant_memory)
{
    char path[] = "/tmp/hse-test-XXXXXX";
    int fd = mkstemp(path);
    uint8_t head[HSE_WAV_HEADER];
    const uint64_t frames = 2 * 3600 * 8000ull;
    hse_audio info = {0};
    hse_error err = {0};
    size_t left = SIZE_MAX;

    unlink(path);
    hse_wav_header(head, 8000, frames); /* two hours; the file is a hole */
    CHECK(fd >= 0 && write(fd, head, sizeof head) == sizeof head, "write");
    CHECK(ftruncate(fd, (off_t)(sizeof head + frames * 2)) == 0, "truncate");
    hse_audio_source src = {.fd = fd};
    long before = peak_kib();
    CHECK(hse_audio_decode_stream(&src, NULL, count_sink, &left, &info, &err) == HSE_OK && info.n == frames, "%zu %s",
          info.n, err.text);
    CHECK(SANITIZED || peak_kib() - before <= 8 << 10, "%ld KiB more", peak_kib() - before);

    hse_decode_options o = {.cancelled = cancel_now, .cancel_arg = &o};
    CHECK(hse_audio_decode_stream(&src, &o, count_sink, &left, NULL, &err) == HSE_E_CANCELLED, "%s", err.text);
    o = (hse_decode_options){.timeout_ms = 1};
    hse_status s = hse_audio_decode_stream(&src, &o, count_sink, &left, NULL, &err);
    CHECK(s == HSE_E_DEADLINE, "%d %s", s, err.text);
    o = (hse_decode_options){.limits = {7199, SIZE_MAX}};
    CHECK(hse_audio_decode_stream(&src, &o, count_sink, &left, NULL, &err) == HSE_E_LIMIT, "%s", err.text);
    o = (hse_decode_options){.timeout_ms = -1};
    CHECK(hse_audio_decode_stream(&src, &o, count_sink, &left, NULL, &err) == HSE_E_ARG, "%s", err.text);
    close(fd);
}

TEST(more_encoders_than_decoders)
{
    enum { N = 24 };
    hse_encoder *e[N] = {0};
    hse_error err = {0};
    float *x = test_floats(4800);
    hse_buf b[N], whole;

    hse_buf_init(&whole, 1 << 20);
    CHECK(hse_audio_encode(&whole, HSE_FORMAT_MP3, x, 4800, 24000, &err) == HSE_OK, "%s", err.text);
    for (int i = 0; i < N; i++) {
        hse_buf_init(&b[i], 1 << 20);
        CHECK(hse_encoder_open(&e[i], HSE_FORMAT_MP3, 24000, true, &err) == HSE_OK, "encoder %d: %s", i, err.text);
    }
    for (int at = 0; at < 4800; at += 1200)
        for (int i = 0; i < N; i++)
            CHECK(hse_encoder_push(e[i], x + at, 1200, &b[i], &err) == HSE_OK, "encoder %d: %s", i, err.text);
    for (int i = 0; i < N; i++) {
        CHECK(hse_encoder_finish(e[i], &b[i], &err) == HSE_OK, "encoder %d: %s", i, err.text);
        CHECK(b[i].size == whole.size && memcmp(b[i].data, whole.data, whole.size) == 0, "encoder %d: other bytes", i);
        hse_encoder_close(&e[i]);
        hse_buf_free(&b[i]);
    }
    hse_buf_free(&whole);
}

TEST(a_writable_descriptor_is_not_handed_on)
{
    char path[] = "/tmp/hse-test-XXXXXX";
    int fd = mkstemp(path);
    hse_map m = map("tone.mp3");
    hse_audio a = {0};
    hse_error err = {0};

    CHECK(fd >= 0 && write(fd, m.bytes.data, m.bytes.size) == (ssize_t)m.bytes.size, "a temporary file");
    hse_audio_source src = {.fd = fd};
    CHECK(hse_audio_decode(&a, &src, NULL, &err) == HSE_OK && a.n == 24000, "%zu %s", a.n, err.text);
    hse_audio_free(&a);
    CHECK(hse_audio_decode_file(&a, path, NULL, &err) == HSE_OK && a.n == 24000, "%zu %s", a.n, err.text);
    hse_audio_free(&a);
    unlink(path);
    close(fd);
    hse_map_close(&m);
}

static hse_media *helper(const char *program)
{
    hse_media *m = NULL;
    hse_error err = {0};

    CHECK(hse_media_open(&m, program, 2, &err) == HSE_OK, "%s", err.text);
    return m;
}

/* A program that is no helper. */
static void script(char path[32], const char *text)
{
    strcpy(path, "/tmp/hse-test-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "a script");
    fchmod(fd, 0755);
    close(fd);
}

static bool cancel_third(void *arg)
{
    return ++*(int *)arg >= 3;
}

TEST(helpers_that_are_missing_stuck_or_dead)
{
    int before = open_files();
    hse_map m = map("tone.mp3");
    hse_audio a = {0};
    hse_error err = {0};
    char path[32];

    hse_media *h = helper("/nonexistent/hse-media");
    hse_decode_options o = {.media = h};
    CHECK(decode(&a, m.bytes, &o, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "hse-media"), "%s", err.text);
    hse_map wav = map("tone.wav");
    CHECK(decode(&a, wav.bytes, &o, &err) == HSE_OK, "wav needs no helper: %s", err.text);
    hse_audio_free(&a);
    hse_map_close(&wav);
    hse_media_close(&h);

    script(path, "#!/bin/sh\nexit 0\n");
    o.media = h = helper(path);
    hse_status s = decode(&a, m.bytes, &o, &err);
    CHECK(s == HSE_E_FORMAT || s == HSE_E_IO, "exits at once: %d %s", s, err.text);
    hse_media_close(&h);
    unlink(path);

    script(path, "not a program at all");
    o.media = h = helper(path);
    CHECK(decode(&a, m.bytes, &o, &err) == HSE_E_IO, "not a program: %s", err.text);
    hse_media_close(&h);
    unlink(path);

    script(path, "#!/bin/sh\nexec sleep 30\n");
    o = (hse_decode_options){.media = h = helper(path), .timeout_ms = 150};
    uint64_t start = hse_now_ms();
    CHECK(decode(&a, m.bytes, &o, &err) == HSE_E_DEADLINE, "stuck: %s", err.text);
    CHECK(hse_now_ms() - start < 5000, "%llu ms", (unsigned long long)(hse_now_ms() - start));
    int asked = 0;
    o = (hse_decode_options){.media = h, .cancelled = cancel_third, .cancel_arg = &asked};
    start = hse_now_ms();
    CHECK(decode(&a, m.bytes, &o, &err) == HSE_E_CANCELLED, "cancelled: %s", err.text);
    CHECK(hse_now_ms() - start < 2000, "%llu ms", (unsigned long long)(hse_now_ms() - start));
    hse_media_close(&h);
    unlink(path);

    o = (hse_decode_options){.media = h = helper(HELPER)};
    CHECK(decode(&a, m.bytes, &o, &err) == HSE_OK, "%s", err.text);
    hse_audio_free(&a);
    int first = hse_media_pid(h);
    for (int i = 0; i < 3; i++) {
        CHECK(kill(hse_media_pid(h), SIGKILL) == 0, "kill");
        usleep(20000);
        CHECK(decode(&a, m.bytes, &o, &err) == HSE_OK, "after the keeper was killed: %s", err.text);
        hse_audio_free(&a);
    }
    CHECK(hse_media_pid(h) != first, "the same keeper");
    first = hse_media_pid(h);
    hse_media_close(&h);
    CHECK(kill(first, 0) != 0, "the keeper still runs");
    hse_map_close(&m);
    CHECK(open_files() == before, "%d descriptors, before %d", open_files(), before);
}

typedef struct {
    hse_media *media;
    hse_bytes file;
    hse_audio want;
    int failures;
} crowd;

static void *decode_often(void *arg)
{
    crowd *c = arg;

    for (int i = 0; i < 6; i++) {
        hse_audio a = {0};
        hse_decode_options o = {.media = c->media};
        if (decode(&a, c->file, &o, NULL) != HSE_OK || a.n != c->want.n ||
            memcmp(a.samples, c->want.samples, a.n * sizeof *a.samples) != 0)
            __atomic_fetch_add(&c->failures, 1, __ATOMIC_RELAXED);
        hse_audio_free(&a);
    }
    return NULL;
}

TEST(many_callers_share_two_workers)
{
    hse_map m = map("tone.opus");
    crowd c = {.media = helper(HELPER), .file = m.bytes};
    pthread_t t[8];
    int before = open_files();

    CHECK(decode(&c.want, m.bytes, NULL, NULL) == HSE_OK, "reference");
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&t[i], NULL, decode_often, &c) == 0, "thread");
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    CHECK(c.failures == 0, "%d failures", c.failures);
    hse_media_close(&c.media);
    hse_audio_free(&c.want);
    hse_map_close(&m);
    CHECK(open_files() <= before, "%d descriptors, before %d", open_files(), before);
}

TEST(encode_and_decode_every_format)
{
    static const struct {
        hse_audio_format format;
        int rate, written;
        size_t longer;
        double snr;
    } cases[] = {
        {HSE_FORMAT_WAV, 24000, 24000, 0, 80},    {HSE_FORMAT_FLAC, 24000, 24000, 0, 80},
        {HSE_FORMAT_MP3, 24000, 24000, 2500, 25}, {HSE_FORMAT_OPUS, 24000, 24000, 1, 10},
        {HSE_FORMAT_AAC, 24000, 24000, 2100, 15}, {HSE_FORMAT_FLAC, 7001, 7001, 0, 80},
        {HSE_FORMAT_OPUS, 22050, 24000, 2, 10},   {HSE_FORMAT_MP3, 7000, 8000, 2500, 10},
        {HSE_FORMAT_AAC, 8000, 16000, 2200, 15},  {HSE_FORMAT_OPUS, 96000, 48000, 2, 10},
        {HSE_FORMAT_MP3, 16000, 16000, 2500, 25}, {HSE_FORMAT_MP3, 44100, 44100, 2500, 25},
    };
    hse_map m = map("tone.wav");
    hse_audio tone = {0};

    CHECK(decode(&tone, m.bytes, NULL, NULL) == HSE_OK, "tone");
    for (size_t c = 0; c < COUNT(cases); c++) {
        const char *name = hse_audio_format_name(cases[c].format);
        hse_error err = {0};
        hse_buf whole;
        hse_audio a = {0};
        float *x = NULL, *y = NULL;
        size_t n = 0, got = 0;

        CHECK(hse_resample(&x, &n, tone.samples, tone.n, 24000, cases[c].rate, &err) == HSE_OK, "%s", err.text);
        CHECK(hse_audio_format_rate(cases[c].format, cases[c].rate) == cases[c].written, "%s at %d", name,
              cases[c].rate);
        hse_buf_init(&whole, 1 << 24);
        CHECK(hse_audio_encode(&whole, cases[c].format, x, n, cases[c].rate, &err) == HSE_OK, "%s at %d: %s", name,
              cases[c].rate, err.text);
        CHECK(decode(&a, (hse_bytes){whole.data, whole.size}, NULL, &err) == HSE_OK, "%s back: %s", name, err.text);
        CHECK(cases[c].format == HSE_FORMAT_OPUS ? a.rate_hz == 48000 : a.rate_hz == cases[c].written, "%s: %d Hz",
              name, a.rate_hz);
        CHECK(hse_resample(&y, &got, a.samples, a.n, a.rate_hz, cases[c].rate, &err) == HSE_OK, "%s", err.text);
        CHECK(got >= n && got <= n + cases[c].longer * (size_t)cases[c].rate / (size_t)cases[c].written + 3,
              "%s at %d: %zu samples came back of %zu", name, cases[c].rate, got, n);
        double snr = snr_at_best_shift(x, n, y, got, 2500);
        CHECK(snr >= cases[c].snr, "%s at %d: SNR %.1f dB", name, cases[c].rate, snr);
        hse_audio_free(&a);
        hse_free(y);
        hse_free(x);
        hse_buf_free(&whole);
    }
    hse_audio_free(&tone);
    hse_map_close(&m);
}

TEST(encoding_in_pieces_gives_the_same_bytes_early)
{
    enum { N = 40000 };
    float *x = test_floats(N);

    for (int i = 0; i < N; i++)
        x[i] = 0.5f * sinf((float)i * 0.05f) + 0.05f * x[i];
    for (int f = HSE_FORMAT_WAV; f <= HSE_FORMAT_AAC; f++)
        for (int rate = 24000; rate >= 22050; rate -= 1950) {
            hse_error err = {0};
            hse_buf whole;
            hse_buf_init(&whole, 1 << 24);
            CHECK(hse_audio_encode(&whole, (hse_audio_format)f, x, N, rate, &err) == HSE_OK, "%s", err.text);
            for (int kind = 0; kind < 4; kind++) {
                static const size_t pieces[] = {240, 1234, 24000, 40000};
                const bool stream = kind % 2;
                hse_encoder *e = NULL;
                hse_buf b;
                size_t early = 0;

                hse_buf_init(&b, 1 << 24);
                hse_buf_str(&b, "before"); /* an encoder appends */
                CHECK(hse_encoder_open(&e, (hse_audio_format)f, rate, stream, &err) == HSE_OK, "%s", err.text);
                for (size_t at = 0; at < N; at += pieces[kind]) {
                    size_t n = N - at < pieces[kind] ? N - at : pieces[kind];
                    CHECK(hse_encoder_push(e, x + at, n, &b, &err) == HSE_OK, "%s", err.text);
                    if (at + n <= 12000)
                        early = b.size - 6;
                }
                CHECK(hse_encoder_finish(e, &b, &err) == HSE_OK, "%s", err.text);
                hse_encoder_close(&e);
                CHECK(pieces[kind] > 12000 || early > whole.size / 8, "format %d: only %zu of %zu bytes after 0.5 s", f,
                      early, whole.size);
                CHECK(b.size == whole.size + 6, "format %d: %zu bytes, want %zu", f, b.size - 6, whole.size);
                size_t from = stream && (f == HSE_FORMAT_WAV || f == HSE_FORMAT_FLAC) ? 44 : 0; /* lengths unknown */
                CHECK(memcmp(b.data + 6 + from, whole.data + from, whole.size - from) == 0, "format %d: other bytes",
                      f);
                if (f == HSE_FORMAT_WAV && stream)
                    CHECK(hse_get_u32le(b.data + 6 + 40) == UINT32_MAX, "a stream's length");
                hse_buf_free(&b);
            }
            hse_buf_free(&whole);
        }
}

typedef struct {
    hse_buf pcm;
    size_t  calls;
} followed;

static hse_status take_followed(void *arg, const float *x, size_t n, hse_error *err)
{
    followed *f = arg;

    f->calls++;
    hse_buf_append(&f->pcm, x, n * sizeof *x);
    return hse_buf_status(&f->pcm, "samples", err);
}

/* The samples of decoding the whole, and half of them before the last half is there. */
TEST(what_comes_bit_by_bit_is_decoded_as_it_comes)
{
    static const struct {
        hse_audio_format format;
        size_t piece;
    } cases[] = {{HSE_FORMAT_FLAC, 4096}, {HSE_FORMAT_FLAC, 100000}, {HSE_FORMAT_MP3, 1000}, {HSE_FORMAT_OPUS, 700}, {HSE_FORMAT_AAC, 512}};
    hse_map m = map("tone.wav");
    hse_audio tone = {0};

    CHECK(decode(&tone, m.bytes, NULL, NULL) == HSE_OK, "tone");
    for (size_t c = 0; c < COUNT(cases); c++) {
        const char *name = hse_audio_format_name(cases[c].format);
        hse_error err = {0};
        hse_encoder *e = NULL;
        hse_follow *f = NULL;
        followed got = {0};
        hse_audio want = {0}, info = {0};
        size_t half = 0;
        hse_buf whole;

        hse_buf_init(&whole, 1 << 24);
        hse_buf_init(&got.pcm, 1 << 24);
        CHECK(hse_encoder_open(&e, cases[c].format, 24000, true, &err) == HSE_OK, "%s", err.text);
        for (int i = 0; i < 8; i++)
            CHECK(hse_encoder_push(e, tone.samples, tone.n, &whole, &err) == HSE_OK, "%s", err.text);
        CHECK(hse_encoder_finish(e, &whole, &err) == HSE_OK, "%s", err.text);
        hse_encoder_close(&e);
        CHECK(decode(&want, (hse_bytes){whole.data, whole.size}, NULL, &err) == HSE_OK, "%s: %s", name, err.text);

        CHECK(hse_follow_open(&f, take_followed, &got, &info, &err) == HSE_OK, "%s", err.text);
        for (size_t at = 0; at < whole.size; at += cases[c].piece) {
            size_t n = whole.size - at < cases[c].piece ? whole.size - at : cases[c].piece;
            CHECK(hse_follow_push(f, whole.data + at, n, &err) == HSE_OK, "%s at %zu: %s", name, at, err.text);
            if (at + n <= whole.size / 2 + 1000)
                half = got.pcm.size / sizeof(float);
        }
        CHECK(hse_follow_finish(f, &err) == HSE_OK, "%s: %s", name, err.text);
        hse_follow_close(&f);
        CHECK(info.rate_hz == want.rate_hz && info.channels == 1 && info.n == want.n, "%s: %d Hz, %zu samples, want %d, %zu", name,
              info.rate_hz, info.n, want.rate_hz, want.n);
        CHECK(got.pcm.size == want.n * sizeof(float) && memcmp(got.pcm.data, want.samples, got.pcm.size) == 0, "%s: other bits", name);
        CHECK(half > want.n / 4 || cases[c].piece > whole.size / 2, "%s: %zu of %zu samples when half was there", name, half, want.n);
        hse_audio_free(&want);
        hse_buf_free(&whole);
        hse_buf_free(&got.pcm);
    }
    hse_audio_free(&tone);
    hse_map_close(&m);
}

TEST(what_cannot_be_followed_says_so)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *file;
        hse_status want;
        const char *word;
    } cases[] = {
        {"no audio at all, but words", 26, NULL, HSE_E_FORMAT, "no audio file"},
        {"FORM....AIFF....", 16, NULL, HSE_E_UNSUPPORTED, "AIFF"},
        {NULL, 0, "tone.m4a", HSE_E_UNSUPPORTED, "mp4"},
        {"fLaC\0\0\0\x22", 8, NULL, HSE_E_FORMAT, "flac"},
        {"", 0, NULL, HSE_E_FORMAT, "no audio file"},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        hse_map m = {0};
        hse_follow *f = NULL;
        followed got = {0};
        hse_audio info;
        hse_error err = {0};
        hse_bytes bytes = {(const uint8_t *)cases[c].bytes, cases[c].size};

        hse_buf_init(&got.pcm, 1 << 20);
        if (cases[c].file) {
            m = map(cases[c].file);
            bytes = m.bytes;
        }
        CHECK(hse_follow_open(&f, take_followed, &got, &info, &err) == HSE_OK, "%s", err.text);
        hse_status s = hse_follow_push(f, bytes.data, bytes.size, &err);
        if (s == HSE_OK)
            s = hse_follow_finish(f, &err);
        CHECK(s == cases[c].want && strstr(err.text, cases[c].word) && got.calls == 0, "%zu: %d \"%s\"", c, (int)s, err.text);
        hse_follow_close(&f);
        hse_buf_free(&got.pcm);
        if (cases[c].file)
            hse_map_close(&m);
    }
}

TEST(encoding_nothing_and_nonsense)
{
    for (int f = HSE_FORMAT_WAV; f <= HSE_FORMAT_AAC; f++) {
        hse_error err = {0};
        hse_encoder *e = NULL;
        hse_audio a = {0};
        hse_buf b;
        float bad[] = {0, 1, -1, 5, -5, NAN};

        hse_buf_init(&b, 1 << 20);
        CHECK(hse_audio_encode(&b, (hse_audio_format)f, bad, 0, 24000, &err) == HSE_OK, "format %d: %s", f, err.text);
        if (f == HSE_FORMAT_WAV)
            CHECK(decode(&a, (hse_bytes){b.data, b.size}, NULL, &err) == HSE_OK && a.n == 0, "%s", err.text);
        hse_buf_clear(&b);
        CHECK(hse_audio_encode(&b, (hse_audio_format)f, bad, 5, 24000, &err) == HSE_OK, "format %d: %s", f, err.text);
        hse_buf_clear(&b);
        hse_status s = hse_audio_encode(&b, (hse_audio_format)f, bad, 6, 24000, &err);
        CHECK(s == HSE_E_FORMAT && strstr(err.text, "sample 5"), "format %d: %d %s", f, s, err.text);
        CHECK(hse_encoder_open(&e, (hse_audio_format)f, 999, false, &err) == HSE_E_ARG && !e, "rate");
        CHECK(hse_encoder_open(&e, (hse_audio_format)f, 24000, true, &err) == HSE_OK, "%s", err.text);
        hse_encoder_close(&e); /* in the middle of nothing */
        hse_buf_free(&b);
        hse_buf_init(&b, 20);
        float *x = test_floats(24000);
        CHECK(hse_audio_encode(&b, (hse_audio_format)f, x, 24000, 24000, &err) == HSE_E_LIMIT, "format %d: %s", f,
              err.text);
        hse_buf_free(&b);
    }
    hse_audio_format f;
    CHECK(hse_audio_format_parse("opus", &f) == HSE_OK && f == HSE_FORMAT_OPUS, "opus");
    CHECK(hse_audio_format_parse("ogg", &f) == HSE_OK && f == HSE_FORMAT_OPUS, "ogg");
    CHECK(hse_audio_format_parse("mp4", &f) == HSE_E_ARG && hse_audio_format_parse("", &f) == HSE_E_ARG, "unknown");
    CHECK(strcmp(hse_audio_format_mime(HSE_FORMAT_MP3), "audio/mpeg") == 0, "mime");
}

TEST(decoding_and_encoding_survive_failed_allocations)
{
    hse_map m = map("tone.opus");
    int before = -1;

    for (uint64_t k = 1;; k++) {
        hse_audio a = {0};
        hse_error err = {0};
        hse_decode_options o = {.rate_hz = 16000};
        hse_buf b;

        hse_buf_init(&b, 1 << 20);
        hse_mem_fail_at(k, false);
        hse_status s = decode(&a, m.bytes, &o, &err), t = HSE_OK;
        if (s == HSE_OK)
            t = hse_audio_encode(&b, HSE_FORMAT_OPUS, a.samples, a.n, 22050, &err);
        bool struck = hse_mem_failed();
        hse_mem_fail_at(0, false);
        CHECK(struck == (s == HSE_E_NOMEM || t == HSE_E_NOMEM), "allocation %llu: %d %d %s", (unsigned long long)k, s,
              t, err.text);
        hse_audio_free(&a);
        hse_buf_free(&b);
        if (k == 3)
            before = open_files();
        if (!struck)
            break;
    }
    CHECK(open_files() <= before, "%d descriptors, before %d", open_files(), before);
    hse_map_close(&m);
}

static int run_self_test(const char *arguments, char *out, size_t size)
{
    char command[512];

    snprintf(command, sizeof command, "%s %s", HELPER, arguments);
    FILE *p = popen(command, "r");
    CHECK(p, "popen");
    out[fread(out, 1, size - 1, p)] = '\0';
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(the_sandbox_holds)
{
    char out[8192];
    int rc = run_self_test("--self-test", out, sizeof out);

    CHECK(rc == 0 && !strstr(out, "WORKS"), "%d\n%.400s", rc, out);
    static const char *const demanded[] = {"open(\"/etc/passwd\")", "socket(AF_INET, TCP)", "execve(\"/bin/true\")",
                                           "fork()"};
    for (size_t i = 0; i < COUNT(demanded); i++) {
        const char *line = strstr(out, demanded[i]);
        CHECK(line && strstr(line, "fails: "), "%s is not there:\n%.400s", demanded[i], out);
    }
    rc = run_self_test("--self-test=landlock", out, sizeof out);
    CHECK(rc == 77 || (rc == 0 && strstr(out, "Permission denied")), "%d\n%.400s", rc, out);
    CHECK(run_self_test("", out, sizeof out) == 2, "started by hand");
}
