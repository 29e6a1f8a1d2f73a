/* The YAML config: any bytes give a config whose every field keeps its bounds, or a refusal that lists at least one mistake. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hse_config *c = NULL;
    hse_error err = {0};
    hse_buf report;

    hse_buf_init(&report, 1 << 20);
    hse_status s = hse_config_parse(&c, (hse_bytes){data, size}, "fuzz", &report, &err);
    if ((c != NULL) != (s == HSE_OK) || (s != HSE_OK && !err.text[0]) || (s == HSE_E_FORMAT) != (report.size > 0))
        abort();
    for (size_t i = 0; c && i < c->model_count; i++) {
        const hse_model_config *m = &c->models[i];

        if (!m->name || !m->model || !m->model_type || m->max_batch_size < 0 || m->max_batch_size > 256 || m->line < 1)
            abort();
        for (size_t k = 0; k < m->voice_count; k++)
            if (!m->voices[k] || !m->voices[k][0])
                abort();
    }
    if (c && (c->threads < 0 || c->threads > 256 || c->port < -1 || c->port > 65535))
        abort();
    hse_config_close(&c);
    hse_buf_free(&report);
    return 0;
}
