/* config.h - a model's config.json, read member by member with a type and a range for each.
 *
 *     model_config c;
 *     s = model_config_open(&c, json, size, "vocoder/config.json", "model", err);
 *     m->channels = model_config_int(&c, "channels", 1, 4096);
 *     ...
 *     s = model_config_close(&c, err);
 *
 * Nothing stops at the first mistake: each getter notes what is missing, of the wrong type or out of range and returns a
 * value inside the range; close names the first mistake and how many more there are, and also every member that no getter
 * asked for: a constructor that does not know an argument refuses it. */
#ifndef HSE_MODELS_CONFIG_H
#define HSE_MODELS_CONFIG_H

#include "base/status.h"

#include <jansson.h>
#include <stdbool.h>

enum { MODEL_CONFIG_BYTES = 1 << 20, MODEL_CONFIG_MEMBERS = 64 };

typedef struct {
    json_t     *root, *object;
    const char *name;                       /* of the file, for messages */
    const char *asked[MODEL_CONFIG_MEMBERS];
    int         n_asked, problems;
    char        first[200];
} model_config;

/* `member` is the object that holds the constructor's arguments; other members of the file are not looked at. */
hse_status model_config_open(model_config *c, const char *text, size_t size, const char *name, const char *member, hse_error *err);
hse_status model_config_close(model_config *c, hse_error *err);

int    model_config_int(model_config *c, const char *key, int low, int high);
double model_config_real(model_config *c, const char *key, double low, double high);
bool   model_config_bool(model_config *c, const char *key);
/* Index of the string in words (NULL-terminated). */
int    model_config_word(model_config *c, const char *key, const char *const *words);
/* Up to max integers; returns how many. */
int    model_config_ints(model_config *c, const char *key, int *out, int max, int low, int high);
/* A member of an object member: false when it is absent. Members of `key` other than those named in `known` are a mistake. */
bool   model_config_sub_real(model_config *c, const char *key, const char *sub, const char *const *known, double low, double high,
                             double *out);
void   model_config_problem(model_config *c, const char *fmt, ...) HSE_PRINTF(2, 3);
/* A number beside the arguments object, which need not be there. */
bool   model_config_beside(model_config *c, const char *key, double low, double high, double *out);

#endif
