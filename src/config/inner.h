/* inner.h - a config with what it owns; for config.c (YAML) and load.c (everything around it). */
#ifndef HSE_CONFIG_INNER_H
#define HSE_CONFIG_INNER_H

#include "config/settings.h"

enum { HSE_CONFIG_MAX_FILE = 1 << 20, HSE_MODEL_KEYS = 24 };

typedef struct {
    unsigned line, column;                  /* from 1; 0: not there */
} mark;

/* Where a model and its keys stand. */
typedef struct {
    mark item, key[HSE_MODEL_KEYS];
} model_marks;

typedef struct {
    hse_config         config;              /* first: hse_config * is owned_config * */
    hse_arena          arena;
    const model_marks *marks;               /* as many as config.models */
    const char        *origin[HSE_MAX_SETTINGS];        /* NULL: the default */
    mark               place[HSE_MAX_SETTINGS];         /* of the value in the file */
    const mark        *places[HSE_MAX_SETTINGS];        /* of each entry of a list or mapping there; NULL: none */
    const char        *path;                /* of what hse_config_reload reads again; NULL: no file */
    const hse_config_flag *flags;
    size_t             flag_count;
} owned_config;

hse_status hse_config_read_yaml(owned_config *owned, hse_bytes yaml, const char *name, hse_buf *report, hse_error *err);
/* A formatted text in the arena; NULL: no memory. */
char      *hse_config_note(hse_arena *arena, const char *fmt, ...) HSE_PRINTF(2, 3);

#endif
