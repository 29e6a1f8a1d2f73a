/* channel.h - how a worker answers: frames on its pipe. A worker that cannot write has nobody to answer to and ends. */
#ifndef HSE_MEDIA_CHANNEL_H
#define HSE_MEDIA_CHANNEL_H

#include "audio/media_protocol.h"

#include <stddef.h>
#include <stdint.h>

void channel_open(int fd);
void channel_frame(uint32_t type, const void *data, size_t size); /* size <= MEDIA_MAX_FRAME */
void channel_bytes(const uint8_t *data, size_t size);             /* any size */
_Noreturn void channel_done(uint64_t samples);
_Noreturn void channel_fail(uint32_t code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Read exactly `size` bytes; 0 when the other end is gone. */
int channel_read(int fd, void *out, size_t size);

#endif
