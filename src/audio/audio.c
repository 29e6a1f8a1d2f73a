#include "audio/audio.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

void hse_audio_free(hse_audio *a)
{
    hse_free(a->samples);
    *a = (hse_audio){0};
}

hse_status hse_source_read(const hse_audio_source *src, uint64_t offset, void *out, size_t size, size_t *got,
                           hse_error *err)
{
    size_t have = 0;

    if (src->fd < 0) {
        if (offset < src->bytes.size) {
            have = src->bytes.size - (size_t)offset;
            have = have < size ? have : size;
            memcpy(out, src->bytes.data + offset, have);
        }
        *got = have;
        return HSE_OK;
    }
    if (offset > INT64_MAX - size) {
        *got = 0;
        return HSE_OK;
    }
    while (have < size) {
        ssize_t n = pread(src->fd, (char *)out + have, size - have, (off_t)(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hse_fail_sys(err, errno, "cannot read the audio");
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *got = have;
    return HSE_OK;
}

hse_status hse_source_size(const hse_audio_source *src, uint64_t *size, hse_error *err)
{
    struct stat st;

    if (src->fd < 0) {
        *size = src->bytes.size;
        return HSE_OK;
    }
    if (fstat(src->fd, &st) != 0)
        return hse_fail_sys(err, errno, "cannot read the audio");
    if (!S_ISREG(st.st_mode))
        return hse_fail(err, HSE_E_ARG, 0, "the audio is not a regular file");
    *size = (uint64_t)st.st_size;
    return HSE_OK;
}

float hse_audio_peak(const float *x, size_t n)
{
    float peak = 0;

    for (size_t i = 0; i < n; i++)
        peak = fmaxf(peak, fabsf(x[i]));
    return peak;
}

void hse_audio_scale(float *x, size_t n, float gain)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= gain;
}

size_t hse_audio_first_bad(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(x[i]) <= HSE_SAMPLE_MAX))
            return i;
    return n;
}
