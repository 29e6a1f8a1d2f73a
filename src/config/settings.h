/* settings.h - the one table of settings. The reader of config files, the variables, the flags of the command line with their help,
 * and `hse config show` all come from it.
 *
 * A setting is a key of the file, a flag (--keep-alive) and a variable (HSE_KEEP_ALIVE); some have a second variable that Harmony
 * Speech Engine knows. Where two are given the first of this order counts: flag, variable, its second variable, file, default. */
#ifndef HSE_CONFIG_SETTINGS_H
#define HSE_CONFIG_SETTINGS_H

#include "base/arena.h"
#include "config/config.h"

typedef enum {
    HSE_SET_TEXT, HSE_SET_CHOICE,           /* const char * */
    HSE_SET_INTEGER, HSE_SET_BOOLEAN,       /* int64_t */
    HSE_SET_NUMBER, HSE_SET_DURATION,       /* double; of a duration: seconds, or HSE_KEEP_FOREVER */
    HSE_SET_BYTES,                          /* int64_t; "2GiB", "50%" of the machine's memory */
    HSE_SET_DTYPE,                          /* hse_dtype_choice */
    HSE_SET_TEXTS, HSE_SET_PAIRS,           /* a pointer with its count behind it; of two texts each for pairs ("a=b,c=d") */
    HSE_SET_OBJECT, HSE_SET_MODELS,         /* of files alone: fields in a mapping of their own; model_configs */
} hse_set_type;

typedef struct hse_setting {
    const char  *key, *flag, *variable, *foreign;       /* flag NULL: only in files */
    hse_set_type type;
    size_t       offset;                    /* in hse_config */
    double       min, max;                  /* of INTEGER, NUMBER, BYTES and DURATION */
    const char  *words;                     /* CHOICE: "on|reference|off"; else what stands for the value in help */
    const char  *fallback;                  /* the default as text; NULL: none */
    bool         server;                    /* of hse serve alone */
    bool         required;
    const struct hse_setting *sub;          /* OBJECT */
    const char  *help;
} hse_setting;

enum { HSE_MAX_SETTINGS = 64 };
extern const hse_setting hse_settings[];    /* ends with a NULL key */

/* Read one value from its text into the struct at `base`; strings go to the arena. `where` begins messages: "port", "HSE_PORT". On
 * HSE_E_ARG *err has the words; nothing is written then. */
hse_status hse_setting_take(const hse_setting *s, const char *text, void *base, hse_arena *arena, const char *where, hse_error *err);
/* "127.0.0.1", "[::1]:80", "http://host:12080/", "/run/hse.sock" -> the host's bytes [from, to) and its port (-1: none). False:
 * no address. */
bool       hse_host_split(const char *text, size_t *from, size_t *to, int *port);
/* Store a TEXTS or PAIRS value: the list and, behind the pointer, how many there are. */
void       hse_setting_list(void *at, const void *list, size_t n);
/* Is it one of "on|off|auto"? */
bool       hse_word_in(const char *list, const char *word);
/* The value as it stands in a YAML file. */
void       hse_setting_print(const hse_setting *s, const void *base, hse_buf *out);

/* Where a value came from: "default", "FILE:LINE", "HSE_PORT", "--port". Valid as long as the config. */
const char *hse_config_origin(const hse_config *config, const char *key);
/* The fields of a model, device_config's two among them; and whether one was given. Ends with a NULL key. */
const hse_setting *hse_config_model_fields(void);
bool        hse_config_model_has(const hse_config *config, size_t model, const hse_setting *field);
/* Where a model's key stands in the file, from 1; the model's own place when the key is not there. */
void        hse_config_mark(const hse_config *config, size_t model, const char *key, unsigned *line, unsigned *column);
/* The same of a setting's value, or of an entry of its list or mapping, where that is the file's; line 0: it is not in the file. */
#define HSE_WHOLE_SETTING SIZE_MAX
void        hse_config_setting_mark(const hse_config *config, const char *key, size_t entry, unsigned *line, unsigned *column);

#endif
