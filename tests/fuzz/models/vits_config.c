/* config.json of OpenVoice and MeloTTS from hostile bytes: the first says of which kind. What opens keeps its promises: sizes
 * in their ranges, symbols and speakers that can be looked up. */
#include "models/vits/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vits_config *c = NULL;
    hse_error err = {0};
    vits_config_kind kind;

    if (size == 0)
        return 0;
    kind = data[0] % 3 == 0 ? VITS_CONVERTER : data[0] % 3 == 1 ? VITS_OPENVOICE_BASE : VITS_MELO;
    if (vits_config_open(&c, (hse_bytes){data + 1, size - 1}, "config.json", kind, &err) != HSE_OK) {
        must(!c && err.text[0]);
        return 0;
    }
    const vits_dims *d = &c->dims;
    must(d->inter % 2 == 0 && d->hidden % d->heads == 0 && d->layers <= VITS_MAX_LAYERS && d->gin >= 1);
    must(d->kernels >= 1 && d->kernels <= VITS_MAX_KERNELS && d->stages >= 1 && d->stages <= VITS_MAX_STAGES);
    for (int i = 0; i < d->kernels; i++)
        must(d->block_kernel[i] % 2 == 1 && d->dilation[i][0] >= 1 && d->dilation[i][1] >= 1);
    for (int i = 0; i < d->stages; i++)
        must(d->up_rate[i] >= 1 && d->up_kernel[i] >= 1);
    for (size_t i = 0; i < c->symbol_count; i++) {
        int id = vits_symbol_id(c, c->symbols[i], strlen(c->symbols[i]));
        must(id >= 0 && id <= (int)i && strcmp(c->symbols[id], c->symbols[i]) == 0);
    }
    for (size_t i = 0; i < c->speaker_count; i++)
        must(c->speakers[i].id >= 0 && c->speakers[i].id < c->n_speakers && vits_speaker_id(c, c->speakers[i].name) >= 0);
    vits_config_close(&c);
    return 0;
}
