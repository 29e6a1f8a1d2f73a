/* media_protocol.h - what hse and its helper program hse-media say to each other.
 *
 * Control: a SOCK_SEQPACKET pair, descriptor 3 in the helper. One media_request a message. MEDIA_DECODE, MEDIA_FOLLOW and
 * MEDIA_ENCODE bring two descriptors: the input (decode: a sealed memfd or a file open for reading; the others: a stream
 * socket) and the write end of the job's own output pipe. The helper's keeper process forks a worker for each job, so a
 * worker that a hostile file took over has seen no other file and will see none; it is gone when the job is.
 *
 * MEDIA_FOLLOW decodes what comes bit by bit: messages of u32 n and n bytes, n = 0 at the end; each is acknowledged when the
 * worker has used it up and has sent what came out of it.
 *
 * Output: frames of { u32 type, u32 size } and size bytes. A decode answers FORMAT, then SAMPLES..., then DONE; an
 * encode BYTES... with an ACK at the start and after each piece of input, then DONE; either may end with ERROR instead.
 * Nothing in an answer is believed: the reader (media_reader.h) checks every field. Both ends run on one machine, so
 * integers and floats are in its own order. */
#ifndef HSE_AUDIO_MEDIA_PROTOCOL_H
#define HSE_AUDIO_MEDIA_PROTOCOL_H

#include <stdint.h>

enum {
    MEDIA_MAGIC = 0x4D455348, /* "HSEM" */
    MEDIA_VERSION = 2,        /* hse and hse-media must agree; they are installed together */
    MEDIA_CONTROL_FD = 3,
    MEDIA_MAX_JOBS = 1024, /* workers of one keeper; most are encoders that wait for the next samples */
    MEDIA_BLOCK = 16384,   /* samples in one frame, either way, at most: under 1 s at any usual rate */
    MEDIA_MAX_FRAME = MEDIA_BLOCK * 4,
    MEDIA_MAX_ERROR = 200,
};

enum { MEDIA_DECODE = 1, MEDIA_ENCODE = 2, MEDIA_KILL = 3, MEDIA_FOLLOW = 4 };
enum { MEDIA_FLAC = 1, MEDIA_MP3 = 2, MEDIA_OPUS = 3, MEDIA_AAC = 4 };

typedef struct {
    uint32_t magic, version;
    uint32_t op, job;        /* job: chosen by hse; MEDIA_KILL names one */
    uint32_t timeout_ms;     /* the worker is ended by the kernel after this */
    uint32_t codec, rate_hz; /* encode */
    uint32_t reserved;
    uint64_t size;                /* decode: bytes of input */
    uint64_t max_ms, max_samples; /* decode: limits on what is decoded */
} media_request;

enum {
    MEDIA_FRAME_FORMAT = 0x464F524D,
    MEDIA_FRAME_SAMPLES = 0x53414D50,
    MEDIA_FRAME_BYTES = 0x42595445,
    MEDIA_FRAME_ACK = 0x41434B20,
    MEDIA_FRAME_ERROR = 0x4552524F,
    MEDIA_FRAME_DONE = 0x444F4E45,
};

typedef struct {
    uint32_t type, size;
} media_head;

typedef struct {
    uint32_t rate_hz, channels;
} media_format;

/* An ERROR frame: one of these, then up to MEDIA_MAX_ERROR bytes of text. */
enum { MEDIA_E_FORMAT = 1, MEDIA_E_LIMIT = 2, MEDIA_E_UNSUPPORTED = 3, MEDIA_E_MEMORY = 4, MEDIA_E_SYSTEM = 5 };

#endif
