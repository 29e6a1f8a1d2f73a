/* The files of a voice store: the first byte says which of the three the rest is. */
#include "engine/voice_entry.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        voice_recording_read(&a, file, &e, &err);
        hse_audio_free(&a);
    } else {
        voice_embedding_read(&x, &n, file, 7, &err);
        hse_free(x);
    }
    return 0;
}
