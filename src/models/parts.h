/* parts.h - parts that several models read alike: one BERT stands behind all MeloTTS voices of a language. A part is known by what it
 * is and by its folder; the first model that takes it opens it, the last one that leaves it closes it.
 *
 * Ownership  a model's part is its own to leave; a shelf outlives its parts.
 * Threads    any number at once. Different parts are opened side by side; who wants one that is being opened waits for it. */
#ifndef HSE_MODELS_PARTS_H
#define HSE_MODELS_PARTS_H

#include "base/status.h"

typedef struct hse_parts hse_parts;         /* the shelf: one for all models of an engine */
typedef struct hse_part  hse_part;

typedef struct {
    const char *what;                       /* static: tells apart what several kinds of model read in one folder */
    hse_status (*open)(void **object, const void *how, hse_error *err);
    void       (*close)(void *object);
} hse_part_type;

hse_status hse_parts_open(hse_parts **out, hse_error *err);
void       hse_parts_close(hse_parts **parts);

/* `how` is for open; `parts` NULL: a part of its own, for a model that stands alone. When it does not open, everybody who waits for it
 * tries by himself. */
hse_status hse_part_take(hse_part **out, hse_parts *parts, const hse_part_type *type, const char *dir, const void *how, hse_error *err);
void      *hse_part_object(const hse_part *part);
void       hse_part_leave(hse_part **part);

#endif
