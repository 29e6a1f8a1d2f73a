/* decode.c - a file of an allowed kind to mono float32, in frames of at most MEDIA_BLOCK samples.
 *
 * The file is read twice: first its packets only, whose durations tell without decoding whether it keeps the limits (a
 * bomb is refused before any sample leaves), then decoded, with the limits counted on the samples themselves. What comes bit by
 * bit (MEDIA_FOLLOW) is decoded as it comes. */
#include "channel.h"
#include "worker.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum {
    IO_BUFFER = 32768,
    HEAD = 65536,    /* looked at to tell the container; of what comes bit by bit its first message */
    PROBE = 1 << 20, /* bytes that finding the streams may read */
    MAX_STREAMS = 32,
    MAX_BLOCK_BYTES = 64 << 20, /* the largest single allocation: pictures in tags, absurd packets */
    MIN_RATE = 1000,
    MAX_RATE = 384000,
    MAX_CHANNELS = 8,
};

static const char codecs[] = "flac,mp3float,mp3,vorbis,opus,aac,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,"
                             "pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw";

typedef struct output output;

static void flush(output *o);

typedef struct {
    int fd;
    int64_t size, at;
    output *follow;             /* MEDIA_FOLLOW: where samples leave from before a message is acknowledged; else NULL */
    uint32_t left;              /* of a message */
    bool asked, ended;
    const uint8_t *again;       /* what was looked at to tell the container comes once more */
    unsigned n_again;
} input;

static int read_message(input *in, uint8_t *out, uint32_t size)
{
    if (in->n_again) {
        size = size < in->n_again ? size : in->n_again;
        memcpy(out, in->again, size);
        in->again += size;
        in->n_again -= size;
        return (int)size;
    }
    if (!in->left && !in->ended) {
        if (in->asked) {
            flush(in->follow);
            channel_frame(MEDIA_FRAME_ACK, NULL, 0);
        }
        in->asked = true;
        if (!channel_read(in->fd, &in->left, sizeof in->left) || in->left > MEDIA_MAX_FRAME)
            _exit(1);
        in->ended = in->left == 0;
    }
    if (in->ended)
        return AVERROR_EOF;
    size = size < in->left ? size : in->left;
    if (!channel_read(in->fd, out, size))
        _exit(1);
    in->left -= size;
    return (int)size;
}

static int read_input(void *opaque, uint8_t *out, int size)
{
    input *in = opaque;
    ssize_t n;

    if (in->follow)
        return read_message(in, out, (uint32_t)size);
    do
        n = pread(in->fd, out, (size_t)size, in->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return AVERROR(errno);
    in->at += n;
    return n ? (int)n : AVERROR_EOF;
}

static int64_t seek_input(void *opaque, int64_t offset, int whence)
{
    input *in = opaque;

    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE: return in->size;
    case SEEK_CUR: offset += in->at; break;
    case SEEK_END: offset += in->size; break;
    case SEEK_SET: break;
    default: return AVERROR(EINVAL);
    }
    if (offset < 0)
        return AVERROR(EINVAL);
    return in->at = offset;
}

static int refuse_open(AVFormatContext *fmt, AVIOContext **pb, const char *url, int flags, AVDictionary **options)
{
    (void)fmt, (void)pb, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

static const AVInputFormat *find_format(const char *name)
{
    const AVInputFormat *format = av_find_input_format(name);

    if (!format)
        channel_fail(MEDIA_E_UNSUPPORTED, "%s is not built into this libavformat", name);
    return format;
}

_Noreturn static void refuse_format(const char *why)
{
    if (why)
        channel_fail(MEDIA_E_UNSUPPORTED, "this is %s; wav, flac, mp3, ogg, opus, webm, m4a and aac are supported", why);
    channel_fail(MEDIA_E_FORMAT, "this is no audio file that is known (wav, flac, mp3, ogg, opus, webm, m4a, aac)");
}

/* Of what comes bit by bit: by its first message, which is then read once more. */
static const AVInputFormat *tell_followed(input *in)
{
    static uint8_t head[HEAD];
    const char *why = NULL, *name;
    unsigned skip = 0, n = 0;

    for (int got = 1; got > 0 && n < HEAD && (!n || in->left); n += got > 0 ? (unsigned)got : 0)
        got = read_input(in, head + n, (int)(HEAD - n));
    if (!(name = sniff(head, n, &why, &skip)))
        refuse_format(why);
    if (strcmp(name, "mov") == 0) /* its directory may stand at its end */
        channel_fail(MEDIA_E_UNSUPPORTED, "an mp4 file cannot be decoded before its end is there");
    in->again = head;
    in->n_again = n;
    return find_format(name);
}

static const AVInputFormat *tell_container(input *in)
{
    static uint8_t head[HEAD];
    const char *why, *name = NULL;
    unsigned skip = 0, depth = 0;

    do { /* an ID3 tag may stand before anything, even before another */
        in->at += skip;
        unsigned n = 0;
        for (int got; n < HEAD && (got = read_input(in, head + n, (int)(HEAD - n))) > 0;)
            n += (unsigned)got;
        in->at -= n;
        const char *next = sniff(head, n, &why, &skip);
        name = next ? next : depth ? name : NULL;
    } while (skip && ++depth < 4);
    in->at = 0;
    if (!name)
        refuse_format(why);
    return find_format(name);
}

static AVFormatContext *open_container(input *in, const AVInputFormat *format, AVStream **stream)
{
    AVFormatContext *fmt = avformat_alloc_context();
    uint8_t *buffer = av_malloc(IO_BUFFER);
    int r;

    in->at = 0;
    if (!fmt || !buffer || !(fmt->pb = avio_alloc_context(buffer, IO_BUFFER, 0, in, read_input, NULL,
                                                                   in->follow ? NULL : seek_input)))
        channel_fail(MEDIA_E_MEMORY, "no memory to open the audio");
    fmt->flags |= AVFMT_FLAG_CUSTOM_IO;
    fmt->io_open = refuse_open;
    fmt->probesize = PROBE;
    fmt->max_streams = MAX_STREAMS;
    fmt->codec_whitelist = av_strdup(codecs);
    fmt->format_whitelist = av_strdup(format->name);
    if ((r = avformat_open_input(&fmt, NULL, format, NULL)) < 0)
        channel_fail(r == AVERROR(ENOMEM) ? MEDIA_E_MEMORY : MEDIA_E_FORMAT, "the %s file is damaged: %s", format->name,
                     av_err2str(r));
    for (unsigned i = 0; i < fmt->nb_streams; i++)
        if (fmt->streams[i]->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            fmt->streams[i]->discard = AVDISCARD_ALL;
    if ((r = avformat_find_stream_info(fmt, NULL)) < 0)
        channel_fail(MEDIA_E_FORMAT, "the %s file is damaged: %s", format->name, av_err2str(r));
    if ((r = av_find_best_stream(fmt, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0)) < 0)
        channel_fail(MEDIA_E_FORMAT, "the %s file has no audio in it", format->name);
    *stream = fmt->streams[r];
    for (unsigned i = 0; i < fmt->nb_streams; i++)
        fmt->streams[i]->discard = i == (unsigned)r ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    return fmt;
}

static void check_format(int rate, int channels)
{
    if (rate < MIN_RATE || rate > MAX_RATE)
        channel_fail(MEDIA_E_FORMAT, "a rate of %d Hz, expected %d to %d", rate, MIN_RATE, MAX_RATE);
    if (channels < 1 || channels > MAX_CHANNELS)
        channel_fail(MEDIA_E_FORMAT, "%d channels, expected 1 to %d", channels, MAX_CHANNELS);
}

static AVCodecContext *open_codec(const AVStream *stream)
{
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    AVCodecContext *dec = codec ? avcodec_alloc_context3(codec) : NULL;
    const char *name = avcodec_get_name(stream->codecpar->codec_id);
    int r;

    if (!codec || av_match_list(codec->name, codecs, ',') <= 0)
        channel_fail(MEDIA_E_UNSUPPORTED, "the codec %.40s is not supported (pcm, flac, mp3, vorbis, opus and aac are)",
                     name);
    if (!dec)
        channel_fail(MEDIA_E_MEMORY, "no memory to decode %s", name);
    dec->codec_whitelist = av_strdup(codecs);
    dec->thread_count = 1;
    dec->pkt_timebase = stream->time_base;
    if ((r = avcodec_parameters_to_context(dec, stream->codecpar)) < 0 || (r = avcodec_open2(dec, codec, NULL)) < 0)
        channel_fail(r == AVERROR(ENOMEM) ? MEDIA_E_MEMORY : MEDIA_E_FORMAT, "the %s audio is damaged: %s", name,
                     av_err2str(r));
    return dec;
}

_Noreturn static void too_long(const media_request *request)
{
    channel_fail(MEDIA_E_LIMIT, "the audio is longer than the limit of %.1f s or of %llu samples",
                 (double)request->max_ms / 1000, (unsigned long long)request->max_samples);
}

/* The durations of all packets, without decoding one. */
static void survey(const media_request *request, AVFormatContext *fmt, const AVStream *stream, AVPacket *packet)
{
    const int rate = stream->codecpar->sample_rate;
    double seconds = 0;

    while (av_read_frame(fmt, packet) >= 0) {
        if (packet->stream_index == stream->index && packet->duration > 0)
            seconds += (double)packet->duration * av_q2d(stream->time_base);
        av_packet_unref(packet);
        /* One second of grace for the padding that codecs put at both ends, which decoding cuts off. */
        if ((seconds - 1) * 1000 > (double)request->max_ms ||
            (rate > 0 && (seconds - 1) * rate > (double)request->max_samples))
            too_long(request);
    }
}

struct output {
    const media_request *request;
    int rate, channels; /* of the first frame */
    uint64_t samples, limit;
    size_t n;
    float block[MEDIA_BLOCK];
};

static void flush(output *o)
{
    if (o->n)
        channel_frame(MEDIA_FRAME_SAMPLES, o->block, o->n * sizeof *o->block);
    o->n = 0;
}

/* Sample i of a channel, full scale -1..1. */
static float sample_at(const AVFrame *f, enum AVSampleFormat packed, const uint8_t *plane, int at)
{
    double d;

    (void)f;
    switch (packed) {
    case AV_SAMPLE_FMT_U8: return ((float)plane[at] - 128) / 128;
    case AV_SAMPLE_FMT_S16: return (float)((const int16_t *)(const void *)plane)[at] / 32768;
    case AV_SAMPLE_FMT_S32: return (float)((const int32_t *)(const void *)plane)[at] / 2147483648.0f;
    case AV_SAMPLE_FMT_FLT: return ((const float *)(const void *)plane)[at];
    case AV_SAMPLE_FMT_DBL:
        d = ((const double *)(const void *)plane)[at];
        return fabs(d) <= 1e30 ? (float)d : (float)INFINITY;
    default: channel_fail(MEDIA_E_UNSUPPORTED, "samples of an unknown kind (%d)", (int)packed);
    }
}

static void put_frame(output *o, const AVFrame *f)
{
    const int channels = f->ch_layout.nb_channels;
    const enum AVSampleFormat format = f->format, packed = av_get_packed_sample_fmt(format);
    const int planar = av_sample_fmt_is_planar(format);

    if (f->nb_samples <= 0)
        return;
    check_format(f->sample_rate, channels);
    if (!o->rate) {
        const media_format head = {.rate_hz = (uint32_t)f->sample_rate, .channels = (uint32_t)channels};
        const double by_time = (double)o->request->max_ms / 1000 * f->sample_rate;
        channel_frame(MEDIA_FRAME_FORMAT, &head, sizeof head);
        o->rate = f->sample_rate;
        o->limit = by_time < (double)o->request->max_samples ? (uint64_t)by_time : o->request->max_samples;
    }
    if (f->sample_rate != o->rate)
        channel_fail(MEDIA_E_UNSUPPORTED, "the rate changes from %d to %d Hz after %llu samples", o->rate,
                     f->sample_rate, (unsigned long long)o->samples);
    if ((uint64_t)f->nb_samples > o->limit - o->samples)
        too_long(o->request);
    o->samples += (uint64_t)f->nb_samples;
    for (int i = 0; i < f->nb_samples; i++) {
        float sum = 0;
        for (int c = 0; c < channels; c++)
            sum += planar ? sample_at(f, packed, f->extended_data[c], i)
                          : sample_at(f, packed, f->extended_data[0], i * channels + c);
        o->block[o->n++] = channels == 1 ? sum : sum / (float)channels;
        if (o->n == MEDIA_BLOCK)
            flush(o);
    }
}

static void take_frames(output *o, AVCodecContext *dec, AVFrame *frame)
{
    while (avcodec_receive_frame(dec, frame) >= 0) {
        put_frame(o, frame);
        av_frame_unref(frame);
    }
}

static void decode_packets(output *o, AVFormatContext *fmt, const AVStream *stream, AVCodecContext *dec,
                           AVPacket *packet, AVFrame *frame)
{
    while (av_read_frame(fmt, packet) >= 0) {
        if (packet->stream_index == stream->index) {
            /* A damaged packet is left out, as players do; the next one may be whole. */
            int r = avcodec_send_packet(dec, packet);
            if (r == AVERROR(ENOMEM))
                channel_fail(MEDIA_E_MEMORY, "the audio needs more memory than a recording may");
            take_frames(o, dec, frame);
        }
        av_packet_unref(packet);
    }
    avcodec_send_packet(dec, NULL);
    take_frames(o, dec, frame);
}

void worker_decode(const media_request *request, int fd)
{
    static output o;
    input in = {.fd = fd, .size = request->size < INT64_MAX ? (int64_t)request->size : INT64_MAX};
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    AVStream *stream;

    if (!packet || !frame)
        channel_fail(MEDIA_E_MEMORY, "no memory to decode audio");
    av_max_alloc(MAX_BLOCK_BYTES);
    o.request = request;
    in.follow = request->op == MEDIA_FOLLOW ? &o : NULL;
    const AVInputFormat *format = in.follow ? tell_followed(&in) : tell_container(&in);
    AVFormatContext *fmt = open_container(&in, format, &stream);
    AVCodecContext *dec = open_codec(stream);
    if (!in.follow) {
        survey(request, fmt, stream, packet);
        /* Seeking back is not exact in every container; a second opening is. The first one's memory ends with the
         * process. */
        fmt = open_container(&in, format, &stream);
    }
    decode_packets(&o, fmt, stream, dec, packet, frame);
    flush(&o);
    if (!o.rate)
        channel_fail(MEDIA_E_FORMAT, "nothing of the %s audio can be decoded", avcodec_get_name(dec->codec_id));
    channel_done(o.samples);
}
