/* json.c - JSON text, and a config of every kind of field read from it. */
#include "read_all.h"

#include "formats/config.h"
#include "formats/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_config(const json_t *root)
{
    hse_config c;
    int n, list[4], count;
    double real;
    bool flag;
    const char *text;
    hse_error err = {0};

    cfg_init(&c, root, "config.json");
    cfg_int(&c, "model.n_mels", 1, 128, &n);
    fuzz_check(n >= 1 && n <= 128);
    cfg_int_or(&c, "model.rates.1", 3, 1, 16, &n);
    cfg_ints(&c, "model.rates", 1, 16, 1, 4, list, &count);
    fuzz_check(count >= 0 && count <= 4);
    cfg_real(&c, "model.slope", 0, 1, &real);
    fuzz_check(real >= 0 && real <= 1);
    cfg_real_or(&c, "extra", 0.5, -1, 1, &real);
    cfg_bool(&c, "model.causal", &flag);
    cfg_bool_or(&c, "model.none", true, &flag);
    cfg_text(&c, "model.name", &text);
    fuzz_check(text != NULL);
    cfg_text_or(&c, "a.b.c", "x", &text);
    fuzz_check((cfg_status(&c, &err) == HSE_OK) == (c.n_errors == 0) && (c.n_errors == 0 || err.text[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root = NULL;
    hse_error err = {0};
    hse_status s = hse_json_parse(&root, (hse_bytes){data, size}, "input", NULL, &err);

    /* The scan is at least as strict as jansson, which so never sees what it would refuse but for two reasons. */
    fuzz_check((s == HSE_OK) == (root != NULL) && (s == HSE_OK || err.text[0]));
    if (root)
        read_config(root);
    json_decref(root);
    return 0;
}
