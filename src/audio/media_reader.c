#include "audio/media_reader.h"

void media_reader_init(media_reader *r, const media_events *ev)
{
    r->ev = *ev;
    r->have_format = r->done = false;
    r->samples = 0;
    r->have = 0;
}

static hse_status broken(hse_error *err, const char *how)
{
    return hse_fail(err, HSE_E_IO, 0, "the audio helper broke its protocol: %s", how);
}

/* Pass on the helper's error: a status from a short list, a text of printable ASCII. */
static hse_status relay(const uint8_t *p, size_t size, hse_error *err)
{
    static const hse_status by_code[] = {
        [MEDIA_E_FORMAT] = HSE_E_FORMAT, [MEDIA_E_LIMIT] = HSE_E_LIMIT, [MEDIA_E_UNSUPPORTED] = HSE_E_UNSUPPORTED,
        [MEDIA_E_MEMORY] = HSE_E_NOMEM,  [MEDIA_E_SYSTEM] = HSE_E_IO,
    };
    char text[MEDIA_MAX_ERROR + 1];
    uint32_t code;

    if (size < sizeof code + 1 || size > sizeof code + MEDIA_MAX_ERROR)
        return broken(err, "an error of a wrong size");
    memcpy(&code, p, sizeof code);
    if (code < 1 || code >= COUNT(by_code))
        return broken(err, "an unknown error");
    size -= sizeof code;
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(p[sizeof code + i] >= 0x20 && p[sizeof code + i] < 0x7F ? p[sizeof code + i] : '?');
    text[size] = '\0';
    return hse_fail(err, by_code[code], 0, "%s", text);
}

static size_t least_size(uint32_t type)
{
    switch (type) {
    case MEDIA_FRAME_FORMAT: return sizeof(media_format);
    case MEDIA_FRAME_SAMPLES: return sizeof(float);
    case MEDIA_FRAME_BYTES: return 1;
    case MEDIA_FRAME_ACK: return 0;
    case MEDIA_FRAME_ERROR: return 5;
    case MEDIA_FRAME_DONE: return sizeof(uint64_t);
    default: return SIZE_MAX;
    }
}

static hse_status check_head(const media_reader *r, hse_error *err)
{
    size_t least = least_size(r->head.type);
    bool variable =
        r->head.type == MEDIA_FRAME_SAMPLES || r->head.type == MEDIA_FRAME_BYTES || r->head.type == MEDIA_FRAME_ERROR;

    if (least == SIZE_MAX)
        return broken(err, "an unknown frame");
    if (r->head.size < least || r->head.size > MEDIA_MAX_FRAME || (!variable && r->head.size != least))
        return broken(err, "a frame of a wrong size");
    return HSE_OK;
}

static hse_status take_format(media_reader *r, hse_error *err)
{
    media_format f;

    memcpy(&f, r->payload, sizeof f);
    if (!r->ev.format || r->have_format)
        return broken(err, "a format out of place");
    if (f.rate_hz < HSE_RATE_MIN || f.rate_hz > HSE_RATE_MAX || f.channels < 1 || f.channels > HSE_CHANNELS_MAX)
        return broken(err, "a format out of bounds");
    r->have_format = true;
    return r->ev.format(r->ev.arg, (int)f.rate_hz, (int)f.channels, err);
}

static hse_status take_samples(media_reader *r, hse_error *err)
{
    const float *x = (const float *)(const void *)r->payload;
    size_t n = r->head.size / sizeof(float), bad;

    if (!r->ev.samples || !r->have_format || r->head.size % sizeof(float))
        return broken(err, "samples out of place");
    if ((bad = hse_audio_first_bad(x, n)) < n) {
        const uint64_t at = r->samples + bad;
        return hse_fail(err, HSE_E_FORMAT, 0, "sample %llu is not a finite number of at most 1e9",
                        (unsigned long long)at);
    }
    r->samples += n;
    return r->ev.samples(r->ev.arg, x, n, err);
}

static hse_status take_frame(media_reader *r, hse_error *err)
{
    uint64_t total;

    switch (r->head.type) {
    case MEDIA_FRAME_FORMAT: return take_format(r, err);
    case MEDIA_FRAME_SAMPLES: return take_samples(r, err);
    case MEDIA_FRAME_BYTES:
        return r->ev.bytes ? r->ev.bytes(r->ev.arg, r->payload, r->head.size, err) : broken(err, "bytes out of place");
    case MEDIA_FRAME_ACK:
        if (!r->ev.ack)
            return broken(err, "an acknowledgement out of place");
        r->ev.ack(r->ev.arg);
        return HSE_OK;
    case MEDIA_FRAME_ERROR: return relay(r->payload, r->head.size, err);
    default:
        memcpy(&total, r->payload, sizeof total);
        if (total != r->samples || (r->ev.format && !r->have_format))
            return broken(err, "another number of samples than it announced");
        r->done = true;
        return HSE_OK;
    }
}

hse_status media_reader_feed(media_reader *r, const uint8_t *data, size_t n, hse_error *err)
{
    hse_status s;

    while (n) {
        if (r->done)
            return broken(err, "more data after the end");
        bool in_head = r->have < sizeof r->head;
        size_t want = (in_head ? sizeof r->head : sizeof r->head + r->head.size) - r->have;
        size_t take = n < want ? n : want;
        memcpy(in_head ? (uint8_t *)&r->head + r->have : r->payload + (r->have - sizeof r->head), data, take);
        r->have += take;
        data += take;
        n -= take;
        if (r->have < sizeof r->head)
            return HSE_OK;
        if (r->have == sizeof r->head && (s = check_head(r, err)) != HSE_OK)
            return s;
        if (r->have == sizeof r->head + r->head.size) {
            r->have = 0;
            if ((s = take_frame(r, err)) != HSE_OK)
                return s;
        }
    }
    return HSE_OK;
}

hse_status media_reader_end(const media_reader *r, hse_error *err)
{
    if (r->done)
        return HSE_OK;
    if (r->ev.samples)
        return hse_fail(err, HSE_E_FORMAT, 0,
                        "the audio cannot be decoded: its decoder stopped (damaged, or too much memory or time)");
    return hse_fail(err, HSE_E_IO, 0, "the audio helper stopped without an answer");
}
