/* worker.h - the two jobs of hse-media. Both run inside the worker's sandbox and end the process. */
#ifndef HSE_MEDIA_WORKER_H
#define HSE_MEDIA_WORKER_H

#include "audio/media_protocol.h"

_Noreturn void worker_decode(const media_request *request, int in);        /* MEDIA_FOLLOW, too */
_Noreturn void worker_encode(const media_request *request, int in);

/* The name of the libav demuxer for a file that starts with these bytes, or NULL; *why says what it is instead. skip:
 * the bytes of a leading ID3v2 tag, if any, that are not in head; call again with what follows them. */
const char *sniff(const unsigned char *head, unsigned n, const char **why, unsigned *skip);

#endif
