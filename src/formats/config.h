/* config.h - typed fields out of a config object, with every mistake collected and named.
 *
 *     hse_config c;
 *     cfg_init(&c, tree, "encoder/config.json");
 *     cfg_int(&c, "model.n_mels", 1, 1024, &mels);
 *     cfg_int_or(&c, "model.layers", 3, 1, 64, &layers);
 *     if (heads * head_size != width)
 *         cfg_fail(&c, "model.width", "must be heads x head_size = %d, found %d", heads * head_size, width);
 *     return cfg_status(&c, err);
 *
 * A path names nested members with dots; a number is an index into an array ("up_rates.0"). A getter that fails notes
 * "path: what is expected, what was found" and sets its output to the fallback (a required field: to `min`, false, ""
 * or nothing), so that nothing undefined is read before cfg_status is asked. The forms with _or take `fallback` where
 * the field is absent or null. Texts point into the tree. */
#ifndef HSE_FORMATS_CONFIG_H
#define HSE_FORMATS_CONFIG_H

#include "base/status.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct {
    const json_t *root;
    const char   *file;
    size_t        n_errors, used;
    char          text[1024];       /* as many of the errors as fit, "; " between them */
} hse_config;

/* root must be an object (anything else is the first error); both arguments outlive the config. */
void          cfg_init(hse_config *c, const json_t *root, const char *file);
const json_t *cfg_get(const hse_config *c, const char *path);                   /* NULL when absent or null */

void cfg_int(hse_config *c, const char *path, int min, int max, int *out);
void cfg_int_or(hse_config *c, const char *path, int fallback, int min, int max, int *out);
void cfg_real(hse_config *c, const char *path, double min, double max, double *out);    /* an integer is a real too */
void cfg_real_or(hse_config *c, const char *path, double fallback, double min, double max, double *out);
void cfg_bool(hse_config *c, const char *path, bool *out);
void cfg_bool_or(hse_config *c, const char *path, bool fallback, bool *out);
void cfg_text(hse_config *c, const char *path, const char **out);
void cfg_text_or(hse_config *c, const char *path, const char *fallback, const char **out);
/* An array of min_count to max_count integers, each in min..max. */
void cfg_ints(hse_config *c, const char *path, int min, int max, int min_count, int max_count, int *out, int *count);

void       cfg_fail(hse_config *c, const char *path, const char *fmt, ...) HSE_PRINTF(3, 4);
hse_status cfg_status(const hse_config *c, hse_error *err);     /* HSE_OK, or HSE_E_FORMAT with all that fits */

#endif
