/* encode.c - mono float32 to flac, mp3, opus in Ogg or aac in ADTS. Input comes in messages of u32 n and n floats; each
 * is encoded as far as whole codec frames go, its bytes leave, and an ACK follows; a first ACK says that the encoder
 * has started. n = 0 ends the file. */
#include "channel.h"
#include "worker.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { IO_BUFFER = 32768, FLAC_FRAME = 4096, OPUS_PAGE_US = 100000 };

static const struct {
    const char *name, *encoder, *muxer;
    enum AVSampleFormat format;
    int64_t bit_rate;
} kinds[] = {
    [MEDIA_FLAC] = {"flac", "flac", "flac", AV_SAMPLE_FMT_S16, 0},
    [MEDIA_MP3] = {"mp3", "libmp3lame", "mp3", AV_SAMPLE_FMT_FLTP, 128000},
    [MEDIA_OPUS] = {"opus", "libopus", "ogg", AV_SAMPLE_FMT_FLT, 48000},
    [MEDIA_AAC] = {"aac", "aac", "adts", AV_SAMPLE_FMT_FLTP, 96000},
};

typedef struct {
    AVCodecContext *enc;
    AVFormatContext *fmt;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    int64_t samples;
} encoder;

#if LIBAVFORMAT_VERSION_MAJOR < 61
typedef uint8_t output_byte;
#else
typedef const uint8_t output_byte;
#endif

static int write_output(void *opaque, output_byte *data, int size)
{
    (void)opaque;
    channel_bytes(data, (size_t)size);
    return size;
}

static void demand(int r, const char *what)
{
    if (r < 0)
        channel_fail(r == AVERROR(ENOMEM) ? MEDIA_E_MEMORY : MEDIA_E_SYSTEM, "%s: %s", what, av_err2str(r));
}

static void open_codec(encoder *e, uint32_t kind, int rate_hz)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(kinds[kind].encoder);

    if (!codec)
        channel_fail(MEDIA_E_UNSUPPORTED, "this libavcodec has no encoder for %s (%s)", kinds[kind].name,
                     kinds[kind].encoder);
    if (!(e->enc = avcodec_alloc_context3(codec)))
        channel_fail(MEDIA_E_MEMORY, "no memory to encode %s", kinds[kind].name);
    e->enc->sample_fmt = kinds[kind].format;
    e->enc->sample_rate = rate_hz;
    e->enc->bit_rate = kinds[kind].bit_rate;
    e->enc->time_base = (AVRational){1, rate_hz};
    e->enc->thread_count = 1;
    e->enc->flags |= AV_CODEC_FLAG_BITEXACT; /* no versions or random serials: equal audio gives equal bytes */
    av_channel_layout_default(&e->enc->ch_layout, 1);
    if (kind == MEDIA_FLAC)
        e->enc->frame_size = FLAC_FRAME;
    if (e->fmt->oformat->flags & AVFMT_GLOBALHEADER)
        e->enc->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    demand(avcodec_open2(e->enc, codec, NULL), "the encoder does not start");
}

static void open_file(encoder *e, uint32_t kind, int rate_hz)
{
    uint8_t *buffer = av_malloc(IO_BUFFER);
    AVDictionary *options = NULL;

    demand(avformat_alloc_output_context2(&e->fmt, NULL, kinds[kind].muxer, NULL), "no such container");
    if (!buffer || !(e->fmt->pb = avio_alloc_context(buffer, IO_BUFFER, 1, NULL, NULL, write_output, NULL)))
        channel_fail(MEDIA_E_MEMORY, "no memory to encode %s", kinds[kind].name);
    e->fmt->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT | AVFMT_FLAG_FLUSH_PACKETS;
    e->fmt->pb->seekable = 0;
    e->fmt->metadata_header_padding = 0; /* 8 KiB of nothing before the first sound of a flac */
    open_codec(e, kind, rate_hz);
    if (!(e->stream = avformat_new_stream(e->fmt, NULL)))
        channel_fail(MEDIA_E_MEMORY, "no memory to encode %s", kinds[kind].name);
    e->stream->time_base = e->enc->time_base;
    demand(avcodec_parameters_from_context(e->stream->codecpar, e->enc), "the encoder has no parameters");
    /* A stream cannot go back to fill in an mp3's Xing frame. Ogg pages are kept short so that bytes leave early. */
    av_dict_set(&options, "write_xing", "0", 0);
    av_dict_set(&options, "id3v2_version", "0", 0);
    av_dict_set_int(&options, "page_duration", OPUS_PAGE_US, 0);
    demand(avformat_write_header(e->fmt, &options), "the file does not start");
    av_dict_free(&options);
}

static void open_frame(encoder *e)
{
    e->packet = av_packet_alloc();
    e->frame = av_frame_alloc();
    if (!e->packet || !e->frame)
        channel_fail(MEDIA_E_MEMORY, "no memory to encode");
    e->frame->format = e->enc->sample_fmt;
    e->frame->sample_rate = e->enc->sample_rate;
    e->frame->nb_samples = e->enc->frame_size > 0 ? e->enc->frame_size : 1024;
    demand(av_channel_layout_copy(&e->frame->ch_layout, &e->enc->ch_layout), "no memory to encode");
    demand(av_frame_get_buffer(e->frame, 0), "no memory to encode");
}

/* frame NULL: the end. */
static void encode_frame(encoder *e, AVFrame *frame)
{
    if (frame) {
        frame->pts = e->samples;
        e->samples += frame->nb_samples;
    }
    demand(avcodec_send_frame(e->enc, frame), "encoding failed");
    while (avcodec_receive_packet(e->enc, e->packet) >= 0) {
        e->packet->stream_index = 0;
        av_packet_rescale_ts(e->packet, e->enc->time_base, e->stream->time_base);
        demand(av_write_frame(e->fmt, e->packet), "writing failed");
        av_packet_unref(e->packet);
    }
}

static void put_sample(const encoder *e, int at, float x)
{
    /* the same 16 bits that a wav would have: floor(32768 x), clipped */
    float v = floorf(x * 32768);

    if (e->enc->sample_fmt == AV_SAMPLE_FMT_S16)
        ((int16_t *)(void *)e->frame->data[0])[at] = (int16_t)(v >= 32767    ? 32767
                                                               : v >= -32768 ? v
                                                               : v < 0       ? -32768
                                                                             : 0);
    else
        ((float *)(void *)e->frame->data[0])[at] = x > 1 ? 1 : x >= -1 ? x : x < 0 ? -1 : 0;
}

void worker_encode(const media_request *request, int in)
{
    static float x[MEDIA_BLOCK];
    encoder e = {0};
    int have = 0;
    uint32_t n;

    if (request->codec < MEDIA_FLAC || request->codec > MEDIA_AAC || request->rate_hz < 1000 ||
        request->rate_hz > 384000)
        channel_fail(MEDIA_E_UNSUPPORTED, "codec %u at %u Hz is not supported", request->codec, request->rate_hz);
    open_file(&e, request->codec, (int)request->rate_hz);
    open_frame(&e);
    const int frame_size = e.frame->nb_samples;
    channel_frame(MEDIA_FRAME_ACK, NULL, 0);
    for (;;) {
        if (!channel_read(in, &n, sizeof n) || n > MEDIA_BLOCK || (n && !channel_read(in, x, n * sizeof *x)))
            _exit(1);
        if (n == 0)
            break;
        for (uint32_t i = 0; i < n; i++) {
            if (have == 0)
                demand(av_frame_make_writable(e.frame), "no memory to encode");
            put_sample(&e, have, x[i]);
            if (++have == frame_size) {
                encode_frame(&e, e.frame);
                have = 0;
            }
        }
        avio_flush(e.fmt->pb);
        channel_frame(MEDIA_FRAME_ACK, NULL, 0);
    }
    if (have) {
        e.frame->nb_samples = have;
        encode_frame(&e, e.frame);
    }
    encode_frame(&e, NULL);
    demand(av_write_trailer(e.fmt), "the file does not end");
    avio_flush(e.fmt->pb);
    channel_done(0);
}
