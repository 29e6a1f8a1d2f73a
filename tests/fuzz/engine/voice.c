/* The files of a voice store: the first byte says which of the three the rest is. */
#include "engine/voices/entry.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written and must be read as the same. */
static void write_again(const hse_audio *a, const voice_entry *e, const float *x, size_t n)
{
    hse_buf out;
    hse_audio b = {0};
    float *y = NULL;
    size_t m = 0;
    hse_error err = {0};

    hse_buf_init(&out, 1 << 24);
    if (a)
        voice_recording_write(&out, a);
    else
        voice_embedding_write(&out, x, n, 7);
    hse_bytes file = {out.data, out.size};
    if (a ? voice_recording_read(&b, file, e, &err) != HSE_OK || b.n != a->n
          : voice_embedding_read(&y, &m, file, 7, &err) != HSE_OK || m != n || memcmp(x, y, n * sizeof *x) != 0)
        __builtin_trap();
    hse_audio_free(&b);
    hse_free(y);
    hse_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char id[] = "voice_0123456789abcdef";
    voice_entry e = {.info = {.rate_hz = 16000}, .samples = 8, .checksum = 0x8d285392b844cf11};
    hse_audio a = {0};
    float *x = NULL;
    size_t n = 0;
    hse_error err = {0};

    if (size == 0)
        return 0;
    hse_bytes file = {data + 1, size - 1};
    if (data[0] == 'e') {
        hse_buf out;
        hse_buf_init(&out, VOICE_ENTRY_MAX * 8);
        if (voice_entry_read(&e, file, id, &err) == HSE_OK) {           /* what was read is written and read again */
            voice_entry again;
            voice_entry_write(&out, &e);
            if (voice_entry_read(&again, (hse_bytes){out.data, out.size}, id, &err) != HSE_OK && out.size <= VOICE_ENTRY_MAX)
                __builtin_trap();
        }
        hse_buf_free(&out);
    } else if (data[0] == 'w') {
        if (voice_recording_read(&a, file, &e, &err) == HSE_OK)
            write_again(&a, &e, NULL, 0);
        hse_audio_free(&a);
    } else {
        if (voice_embedding_read(&x, &n, file, 7, &err) == HSE_OK)
            write_again(NULL, &e, x, n);
        hse_free(x);
    }
    return 0;
}
