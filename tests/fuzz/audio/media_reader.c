/* media_reader - any bytes as the answer of hse-media. The first byte says which events are wanted and in what pieces
 * the rest arrives; the result must not depend on the pieces. */
#include "audio/media_reader.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition)
        abort();
}

typedef struct {
    uint64_t samples, bytes, acks, formats, sum;
} seen;

static hse_status on_format(void *arg, int rate_hz, int channels, hse_error *err)
{
    (void)err;
    demand(rate_hz >= HSE_RATE_MIN && rate_hz <= HSE_RATE_MAX && channels >= 1 && channels <= HSE_CHANNELS_MAX);
    demand(((seen *)arg)->formats++ == 0);
    return HSE_OK;
}

static hse_status on_samples(void *arg, const float *x, size_t n, hse_error *err)
{
    seen *s = arg;

    (void)err;
    demand(s->formats == 1 && n >= 1 && n <= MEDIA_BLOCK);
    for (size_t i = 0; i < n; i++)
        demand(isfinite(x[i]) && fabsf(x[i]) <= HSE_SAMPLE_MAX);
    s->samples += n;
    return HSE_OK;
}

static hse_status on_bytes(void *arg, const uint8_t *data, size_t n, hse_error *err)
{
    seen *s = arg;

    (void)err;
    demand(n >= 1 && n <= MEDIA_MAX_FRAME);
    for (size_t i = 0; i < n; i++)
        s->sum = s->sum * 31 + data[i];
    s->bytes += n;
    return HSE_OK;
}

static void on_ack(void *arg)
{
    ((seen *)arg)->acks++;
}

static hse_status run(const uint8_t *data, size_t size, unsigned choice, size_t piece, seen *s)
{
    static media_reader r;
    hse_error err = {0};
    const media_events ev = {
        .arg = s,
        .format = choice & 1 ? on_format : NULL,
        .samples = choice & 1 ? on_samples : NULL,
        .bytes = choice & 2 ? on_bytes : NULL,
        .ack = choice & 4 ? on_ack : NULL,
    };
    hse_status status = HSE_OK;

    media_reader_init(&r, &ev);
    for (size_t at = 0; at < size && status == HSE_OK; at += piece)
        status = media_reader_feed(&r, data + at, piece < size - at ? piece : size - at, &err);
    if (status == HSE_OK)
        status = media_reader_end(&r, &err);
    demand((status == HSE_OK) == (err.text[0] == '\0'));
    for (const char *c = err.text; *c; c++)
        demand(*c >= 0x20 && *c < 0x7F);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen whole = {0}, pieces = {0};

    if (size == 0)
        return 0;
    hse_status a = run(data + 1, size - 1, data[0], size, &whole);
    hse_status b = run(data + 1, size - 1, data[0], 1 + (data[0] >> 3), &pieces);
    demand(a == b && whole.samples == pieces.samples && whole.bytes == pieces.bytes && whole.acks == pieces.acks &&
           whole.sum == pieces.sum);
    return 0;
}
