#include "engine/prosody.h"

hse_status hse_prosody_split(sentence **out, size_t *count, const char *text, size_t size, const char *language, bool whole,
                             hse_error *err)
{
    hse_buf b;
    size_t from = 0;

    (void)language;
    hse_buf_init(&b, (size_t)64 << 20);
    for (size_t i = 0; i < size; i++) {
        bool stop = !whole && strchr(".!?", text[i]) && (i + 1 == size || text[i + 1] == ' ');
        if (!stop && i + 1 < size)
            continue;
        while (from < i && text[from] == ' ')
            from++;
        sentence s = {from, i + 1, i + 1 < size ? 300 : 0};
        hse_buf_append(&b, &s, sizeof s);
        from = i + 1;
    }
    if (hse_buf_status(&b, "sentences", err) != HSE_OK) {
        hse_buf_free(&b);
        return err->status;
    }
    *count = b.size / sizeof(sentence);
    *out = (sentence *)(void *)hse_buf_take(&b, NULL);
    return HSE_OK;
}
