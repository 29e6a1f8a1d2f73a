#include "channel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int channel = -1;

void channel_open(int fd)
{
    channel = fd;
}

static void write_all(const void *data, size_t size)
{
    const char *p = data;

    while (size) {
        ssize_t n = write(channel, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(1);
        p += n;
        size -= (size_t)n;
    }
}

void channel_frame(uint32_t type, const void *data, size_t size)
{
    const media_head head = {.type = type, .size = (uint32_t)size};

    write_all(&head, sizeof head);
    if (size)
        write_all(data, size);
}

void channel_bytes(const uint8_t *data, size_t size)
{
    while (size) {
        size_t n = size < MEDIA_MAX_FRAME ? size : MEDIA_MAX_FRAME;
        channel_frame(MEDIA_FRAME_BYTES, data, n);
        data += n;
        size -= n;
    }
}

void channel_done(uint64_t samples)
{
    channel_frame(MEDIA_FRAME_DONE, &samples, sizeof samples);
    _exit(0);
}

void channel_fail(uint32_t code, const char *fmt, ...)
{
    char text[sizeof code + MEDIA_MAX_ERROR + 1];
    va_list args;

    memcpy(text, &code, sizeof code);
    va_start(args, fmt);
    vsnprintf(text + sizeof code, MEDIA_MAX_ERROR + 1, fmt, args);
    va_end(args);
    channel_frame(MEDIA_FRAME_ERROR, text, sizeof code + strlen(text + sizeof code));
    _exit(0);
}

int channel_read(int fd, void *out, size_t size)
{
    char *p = out;

    while (size) {
        ssize_t n = read(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        p += n;
        size -= (size_t)n;
    }
    return 1;
}
