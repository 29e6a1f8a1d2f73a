#include "test.h"

#include "audio/media_reader.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    int formats, acks;
    uint64_t samples, bytes;
} seen;

static hse_status on_format(void *arg, int rate_hz, int channels, hse_error *err)
{
    (void)err;
    ((seen *)arg)->formats += rate_hz == 16000 && channels == 2;
    return HSE_OK;
}

static hse_status on_samples(void *arg, const float *x, size_t n, hse_error *err)
{
    ((seen *)arg)->samples += n;
    return x[0] == 0.25f ? hse_fail(err, HSE_E_LIMIT, 0, "enough") : HSE_OK;
}

static hse_status on_bytes(void *arg, const uint8_t *data, size_t n, hse_error *err)
{
    (void)data, (void)err;
    ((seen *)arg)->bytes += n;
    return HSE_OK;
}

static void on_ack(void *arg)
{
    ((seen *)arg)->acks++;
}

typedef struct {
    uint8_t data[2 * MEDIA_MAX_FRAME];
    size_t n;
} answer;

static void frame(answer *a, uint32_t type, uint32_t size, const void *payload, size_t payload_size)
{
    const media_head head = {type, size};

    memcpy(a->data + a->n, &head, sizeof head);
    if (payload_size)
        memcpy(a->data + a->n + sizeof head, payload, payload_size);
    a->n += sizeof head + payload_size;
}

static void format(answer *a, uint32_t rate, uint32_t channels)
{
    const media_format f = {rate, channels};
    frame(a, MEDIA_FRAME_FORMAT, sizeof f, &f, sizeof f);
}

static void samples(answer *a, float x)
{
    const float v[4] = {x, x, x, x};
    frame(a, MEDIA_FRAME_SAMPLES, sizeof v, v, sizeof v);
}

static void done(answer *a, uint64_t total)
{
    frame(a, MEDIA_FRAME_DONE, sizeof total, &total, sizeof total);
}

static void error(answer *a, uint32_t code, const char *text, size_t n)
{
    char p[400];
    memcpy(p, &code, 4);
    memcpy(p + 4, text, n);
    frame(a, MEDIA_FRAME_ERROR, (uint32_t)(4 + n), p, 4 + n);
}

/* Feed in pieces of `piece` bytes, then the end. */
static hse_status read_all(media_reader *r, const answer *a, size_t piece, const media_events *ev, hse_error *err)
{
    media_reader_init(r, ev);
    for (size_t at = 0; at < a->n; at += piece) {
        hse_status s = media_reader_feed(r, a->data + at, piece < a->n - at ? piece : a->n - at, err);
        if (s != HSE_OK)
            return s;
    }
    return media_reader_end(r, err);
}

TEST(answers_of_a_helper_that_cannot_be_believed)
{
    enum {
        GOOD,
        EMPTY,
        CUT,
        NO_FORMAT,
        TWO_FORMATS,
        RATE_0,
        RATE_HIGH,
        CHANNELS_0,
        CHANNELS_9,
        FORMAT_SIZE,
        ODD_SAMPLES,
        NO_SAMPLES,
        HUGE,
        HUGEST,
        UNKNOWN,
        NAN_SAMPLE,
        BIG_SAMPLE,
        BYTES,
        ACK,
        MISCOUNT,
        MISCOUNT_MAX,
        NO_DONE,
        AFTER,
        DONE_ALONE,
        DONE_SIZE,
        SINK,
        ERR_FORMAT,
        ERR_LIMIT,
        ERR_CODE_0,
        ERR_CODE_6,
        ERR_EMPTY,
        ERR_LONG,
        ERR_DIRTY,
        CASES
    };
    static const struct {
        hse_status want;
        const char *says;
    } want[CASES] = {
        [GOOD] = {HSE_OK, ""},
        [EMPTY] = {HSE_E_FORMAT, "decoder stopped"},
        [CUT] = {HSE_E_FORMAT, "decoder stopped"},
        [NO_FORMAT] = {HSE_E_IO, "samples out of place"},
        [TWO_FORMATS] = {HSE_E_IO, "format out of place"},
        [RATE_0] = {HSE_E_IO, "out of bounds"},
        [RATE_HIGH] = {HSE_E_IO, "out of bounds"},
        [CHANNELS_0] = {HSE_E_IO, "out of bounds"},
        [CHANNELS_9] = {HSE_E_IO, "out of bounds"},
        [FORMAT_SIZE] = {HSE_E_IO, "wrong size"},
        [ODD_SAMPLES] = {HSE_E_IO, "out of place"},
        [NO_SAMPLES] = {HSE_E_IO, "wrong size"},
        [HUGE] = {HSE_E_IO, "wrong size"},
        [HUGEST] = {HSE_E_IO, "wrong size"},
        [UNKNOWN] = {HSE_E_IO, "unknown frame"},
        [NAN_SAMPLE] = {HSE_E_FORMAT, "sample 4 is not"},
        [BIG_SAMPLE] = {HSE_E_FORMAT, "sample 4 is not"},
        [BYTES] = {HSE_E_IO, "bytes out of place"},
        [ACK] = {HSE_E_IO, "out of place"},
        [MISCOUNT] = {HSE_E_IO, "another number"},
        [MISCOUNT_MAX] = {HSE_E_IO, "another number"},
        [NO_DONE] = {HSE_E_FORMAT, "decoder stopped"},
        [AFTER] = {HSE_E_IO, "after the end"},
        [DONE_ALONE] = {HSE_E_IO, "another number"},
        [DONE_SIZE] = {HSE_E_IO, "wrong size"},
        [SINK] = {HSE_E_LIMIT, "enough"},
        [ERR_FORMAT] = {HSE_E_FORMAT, "bad"},
        [ERR_LIMIT] = {HSE_E_LIMIT, "long"},
        [ERR_CODE_0] = {HSE_E_IO, "unknown error"},
        [ERR_CODE_6] = {HSE_E_IO, "unknown error"},
        [ERR_EMPTY] = {HSE_E_IO, "wrong size"},
        [ERR_LONG] = {HSE_E_IO, "wrong size"},
        [ERR_DIRTY] = {HSE_E_FORMAT, "a?b??c"},
    };
    static answer a;
    static char text[300];
    media_reader *r = malloc(sizeof *r);

    memset(text, 'x', sizeof text);
    for (int c = 0; c < CASES; c++) {
        a.n = 0;
        if (c != EMPTY && c != NO_FORMAT && c != DONE_ALONE && c < ERR_FORMAT && c != FORMAT_SIZE)
            format(&a,
                   c == RATE_0      ? 0
                   : c == RATE_HIGH ? 384001
                                    : 16000,
                   c == CHANNELS_0   ? 0
                   : c == CHANNELS_9 ? 9
                                     : 2);
        if (c != EMPTY && c < ERR_FORMAT && c != DONE_ALONE && c != FORMAT_SIZE)
            samples(&a, 0.5f);
        switch (c) {
        case TWO_FORMATS: format(&a, 16000, 2); break;
        case FORMAT_SIZE: frame(&a, MEDIA_FRAME_FORMAT, 7, "1234567", 7); break;
        case ODD_SAMPLES: frame(&a, MEDIA_FRAME_SAMPLES, 5, "12345", 5); break;
        case NO_SAMPLES: frame(&a, MEDIA_FRAME_SAMPLES, 0, NULL, 0); break;
        case HUGE: frame(&a, MEDIA_FRAME_SAMPLES, MEDIA_MAX_FRAME + 1, NULL, 0); break;
        case HUGEST: frame(&a, MEDIA_FRAME_SAMPLES, UINT32_MAX, NULL, 0); break;
        case UNKNOWN: frame(&a, 0, 0, NULL, 0); break;
        case NAN_SAMPLE: samples(&a, NAN); break;
        case BIG_SAMPLE: samples(&a, 2e9f); break;
        case BYTES: frame(&a, MEDIA_FRAME_BYTES, 1, "x", 1); break;
        case ACK: frame(&a, MEDIA_FRAME_ACK, 0, NULL, 0); break;
        case DONE_SIZE: frame(&a, MEDIA_FRAME_DONE, 4, "1234", 4); break;
        case SINK: samples(&a, 0.25f); break;
        case ERR_FORMAT: error(&a, MEDIA_E_FORMAT, "bad", 3); break;
        case ERR_LIMIT: error(&a, MEDIA_E_LIMIT, "long", 4); break;
        case ERR_CODE_0: error(&a, 0, "bad", 3); break;
        case ERR_CODE_6: error(&a, 6, "bad", 3); break;
        case ERR_EMPTY: error(&a, MEDIA_E_FORMAT, "", 0); break;
        case ERR_LONG: error(&a, MEDIA_E_FORMAT, text, MEDIA_MAX_ERROR + 1); break;
        case ERR_DIRTY:
            error(&a, MEDIA_E_FORMAT,
                  "a\nb\0\xFF"
                  "c",
                  6);
            break;
        default: break;
        }
        if (c == CUT)
            a.n -= 3;
        else if (c != NO_DONE && c != EMPTY && c < ERR_FORMAT)
            done(&a, c == MISCOUNT ? 3 : c == MISCOUNT_MAX ? UINT64_MAX : c == DONE_ALONE ? 0 : 4);
        if (c == AFTER)
            samples(&a, 0.5f);
        for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
            seen s = {0};
            hse_error err = {0};
            const media_events ev = {.arg = &s, .format = on_format, .samples = on_samples};
            hse_status got = read_all(r, &a, piece, &ev, &err);
            CHECK(got == want[c].want && strstr(err.text, want[c].says),
                  "case %d in pieces of %zu: %d '%s', want %d '%s'", c, piece, got, err.text, want[c].want,
                  want[c].says);
            CHECK(s.samples <= 8 && s.formats <= 1, "case %d: %llu samples", c, (unsigned long long)s.samples);
        }
    }
    free(r);
}

TEST(answers_of_an_encoder)
{
    static answer a;
    media_reader *r = malloc(sizeof *r);
    seen s = {0};
    hse_error err = {0};
    const media_events ev = {.arg = &s, .bytes = on_bytes, .ack = on_ack};

    frame(&a, MEDIA_FRAME_BYTES, 5, "12345", 5);
    frame(&a, MEDIA_FRAME_ACK, 0, NULL, 0);
    done(&a, 0);
    CHECK(read_all(r, &a, 1, &ev, &err) == HSE_OK && s.bytes == 5 && s.acks == 1, "%s", err.text);
    a.n = 0;
    format(&a, 16000, 1);
    CHECK(read_all(r, &a, 100, &ev, &err) == HSE_E_IO, "a format from an encoder");
    a.n = 0;
    CHECK(read_all(r, &a, 100, &ev, &err) == HSE_E_IO && strstr(err.text, "without an answer"), "%s", err.text);
    free(r);
}
