/* transcribe_live.c - hse transcribe -: samples from a pipe as they come, text as it is known. */
#include "cli/transcribe.h"

#include "audio/follow.h"
#include "audio/wav.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 4096, BLOCK = 16 << 10, MAX_WHOLE = 1 << 30, TICK_MS = 100 };

typedef struct {
    cli_transcript_out *out;
    bool                draw, drawn;        /* partials, on a terminal only */
    char                language[32];       /* of the first final */
    hse_status          status;
    hse_error           err;
} live;

/* Up to `size` bytes; 0 at the end. Ctrl-C ends the wait. */
static hse_status read_some(uint8_t *to, size_t size, size_t *got, hse_error *err)
{
    for (;;) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        int ready = poll(&p, 1, TICK_MS);
        if (cli_cancelled())
            return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled");
        if (ready == 0 || (ready < 0 && errno == EINTR))
            continue;
        ssize_t n = read(STDIN_FILENO, to, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hse_fail_sys(err, errno, "standard input");
        *got = (size_t)n;
        return HSE_OK;
    }
}

static void erase(live *l)
{
    if (l->drawn)
        fputs("\r\x1b[K", stderr);
    l->drawn = false;
}

static void take_event(void *user, const hse_transcribe_event *e)
{
    enum { LINE = 78 };
    live *l = user;

    if (l->status != HSE_OK)
        return;
    erase(l);
    if (e->final) {
        l->status = cli_transcript_segment(l->out, e->segment, &l->err);
        if (!l->language[0] && e->segment->language)
            snprintf(l->language, sizeof l->language, "%s", e->segment->language);
    } else if (l->draw) {                   /* the last part of a long one, from a character's beginning */
        const char *text = e->segment->text;
        size_t n = strlen(text), from = n > LINE ? n - LINE : 0;
        while (text[from] && ((unsigned char)text[from] & 0xC0) == 0x80)
            from++;
        fprintf(stderr, "\r%s\x1b[K", text + from);
        l->drawn = true;
    }
}

typedef struct {
    hse_pcm_coding coding;
    int            channels;
    unsigned       rate_hz;
    size_t         frame;                   /* bytes */
    uint64_t       left;                    /* frames that the header promises; a stream's header promises the most there are */
} stream;

static hse_status push_all(stream *in, const hse_buf *head, size_t skip, hse_transcribe_session *session, live *l, double *seconds,
                           hse_error *err)
{
    uint8_t bytes[BLOCK];
    float mono[BLOCK];
    size_t have = head->size - skip;
    uint64_t frames = 0;
    bool end = false;
    hse_status s = HSE_OK;

    if (have)                               /* raw samples have no head */
        memcpy(bytes, head->data + skip, have);
    while (s == HSE_OK && !(end && have < in->frame) && in->left) {
        size_t got = 0, n = have / in->frame;
        n = n > in->left ? (size_t)in->left : n;
        if (n) {
            s = hse_pcm_to_mono(mono, bytes, n, in->coding, in->channels, frames, frames * in->frame, err);
            if (s == HSE_OK)
                s = hse_transcribe_session_push(session, mono, n, take_event, l, err);
            if (s == HSE_OK && l->status != HSE_OK) {
                *err = l->err;
                s = l->status;
            }
            frames += n;
            in->left -= n;
            have -= n * in->frame;
            memmove(bytes, bytes + n * in->frame, have);
        } else if ((s = read_some(bytes + have, sizeof bytes - have, &got, err)) == HSE_OK) {
            end = got == 0;
            have += got;
        }
    }
    *seconds = (double)frames / in->rate_hz;
    return s;
}

/* ---- compressed ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const cli_transcribe    *t;
    hse_engine              *engine;
    hse_transcribe_session **session;
    live                    *live;
    hse_audio                info;
} decoded;

static hse_status take_decoded(void *arg, const float *x, size_t n, hse_error *err)
{
    decoded *d = arg;
    hse_status s = HSE_OK;

    if (!*d->session)
        s = hse_transcribe_session_open(d->session, d->engine, &d->t->options, (unsigned)d->info.rate_hz, err);
    if (s == HSE_OK)
        s = hse_transcribe_session_push(*d->session, x, n, take_event, d->live, err);
    if (s == HSE_OK && (s = d->live->status) != HSE_OK)
        *err = d->live->err;
    return s;
}

/* *whole: it is of a kind that needs its end first. */
static hse_status push_compressed(decoded *d, const hse_buf *head, bool *whole, hse_error *err)
{
    uint8_t bytes[BLOCK];
    hse_follow *f = NULL;
    size_t got = 1;
    hse_status s = hse_follow_open(&f, take_decoded, d, &d->info, err);

    if (s == HSE_OK && (s = hse_follow_push(f, head->data, head->size, err)) == HSE_E_UNSUPPORTED && !*d->session) {
        *whole = true;
        got = 0;
        s = HSE_OK;
    }
    while (s == HSE_OK && got)
        if ((s = read_some(bytes, sizeof bytes, &got, err)) == HSE_OK)
            s = got ? hse_follow_push(f, bytes, got, err) : hse_follow_finish(f, err);
    hse_follow_close(&f);
    return s;
}

/* ---- what it is ---------------------------------------------------------------------------------------------------- */

/* The first bytes say it. */
static hse_status read_head(hse_buf *head, hse_error *err)
{
    hse_status s = HSE_OK;

    for (size_t got = 1; s == HSE_OK && got && head->size < HEAD;) {
        uint8_t bytes[HEAD];
        s = read_some(bytes, HEAD - head->size, &got, err);
        if (s == HSE_OK)
            hse_buf_append(head, bytes, got);
        if (s == HSE_OK && head->size >= 44 && hse_wav_is((hse_bytes){head->data, head->size}))
            break;                          /* an ordinary header is complete: do not wait for more sound */
    }
    return s == HSE_OK ? hse_buf_status(head, "standard input", err) : s;
}

static hse_status read_rest(hse_buf *rest, hse_error *err)
{
    uint8_t bytes[BLOCK];
    size_t got = 1;
    hse_status s = HSE_OK;

    while (s == HSE_OK && got) {
        s = read_some(bytes, sizeof bytes, &got, err);
        if (s == HSE_OK)
            hse_buf_append(rest, bytes, got);
        if (s == HSE_OK)
            s = hse_buf_status(rest, "standard input", err);
    }
    return s;
}

hse_status cli_transcribe_live(const cli_transcribe *t, hse_engine *engine, unsigned raw_hz, cli_transcript_out *out, double *seconds,
                               bool *whole, hse_buf *rest, hse_error *err)
{
    live l = {.out = out, .draw = isatty(STDERR_FILENO)};
    stream in = {.coding = HSE_PCM_S16, .channels = 1, .rate_hz = raw_hz, .frame = 2, .left = UINT64_MAX};
    hse_transcribe_session *session = NULL;
    decoded d = {.t = t, .engine = engine, .session = &session, .live = &l};
    hse_wav_info info = {0};
    bool pcm = raw_hz != 0;
    size_t skip = 0;

    *whole = false;
    hse_buf_init(rest, MAX_WHOLE);
    hse_status s = raw_hz ? HSE_OK : read_head(rest, err);
    if (s == HSE_OK && !rest->size && !raw_hz)
        s = hse_fail(err, HSE_E_FORMAT, 0, "standard input is empty: 0 bytes");
    if (s == HSE_OK && !raw_hz) {
        hse_audio_source source = hse_source_bytes((hse_bytes){rest->data, rest->size});
        hse_error why = {0};
        pcm = hse_wav_is(source.bytes) && hse_wav_open(&info, &source, NULL, &why) == HSE_OK;
        *whole = !pcm && hse_wav_is(source.bytes);      /* one of a kind that is not read here, or damaged: its end will tell */
    }
    if (s == HSE_OK && pcm && !raw_hz) {
        in = (stream){info.coding, info.channels, (unsigned)info.rate_hz, info.frame_bytes, UINT64_MAX};
        skip = (size_t)info.data_offset < rest->size ? (size_t)info.data_offset : rest->size;
    }
    if (s == HSE_OK && pcm)
        s = hse_transcribe_session_open(&session, engine, &t->options, in.rate_hz, err);
    if (s == HSE_OK && pcm)
        s = push_all(&in, rest, skip, session, &l, seconds, err);
    else if (s == HSE_OK && !*whole)
        s = push_compressed(&d, rest, whole, err);
    if (s == HSE_OK && *whole)
        return read_rest(rest, err);
    if (d.info.rate_hz)
        *seconds = (double)d.info.n / d.info.rate_hz;
    if (s == HSE_OK && session)
        s = hse_transcribe_session_finish(session, take_event, &l, err);
    if (s == HSE_OK && (s = l.status) != HSE_OK)
        *err = l.err;
    erase(&l);
    hse_transcribe_session_close(&session);
    hse_transcript end = {.language = l.language[0] ? l.language : t->options.language, .duration = *seconds, .duration_after_vad = *seconds};
    return s == HSE_OK ? cli_transcript_end(out, &end, err) : s;
}
