/* colour.h - tone colours: the files of OpenVoice's base speakers, and which parts of a recording say whose voice it is.
 *
 * HSE cuts a reference by what Whisper heard in it, and takes the mean of the parts' colours. Where only speech is known, or
 * nothing, the parts are equal ones of some 10 s, as in the original's other mode. */
#ifndef HSE_MODELS_OPENVOICE_COLOUR_H
#define HSE_MODELS_OPENVOICE_COLOUR_H

#include "models/model.h"

/* ---- colours of base speakers ---- */

typedef struct {
    const char *language, *voice, *file;    /* the project's code; the name in requests; below the model's folder */
} ov_colour_file;

extern const ov_colour_file ov1_colour_files[], ov2_colour_files[];         /* a NULL voice ends them */

typedef struct {
    const ov_colour_file *files;
    size_t  count;
    float **value;                          /* [count], each of the size given; NULL: there is no such file */
} ov_colours;

/* Those of the files that are there; one that is damaged, or of another size, is an error. */
hse_status ov_colours_open(ov_colours *out, const ov_colour_file *files, const char *dir, size_t size, hse_error *err);
void       ov_colours_close(ov_colours *c);
/* HSE_E_ARG: the voice has no colour (the message lists those of the language); HSE_E_NOT_FOUND: its file is missing. */
hse_status ov_colours_find(const float **out, const ov_colours *c, const char *language, const char *voice, hse_error *err);

/* ---- parts of a recording ---- */

typedef struct {
    const float *samples;                   /* the recording, mono, at the model's rate */
    size_t       n;
    int          rate_hz;
    const hse_transcript_segment *said;     /* in seconds; text NULL: speech, but not what was said */
    size_t       said_count;
    bool         has_said;
    bool         strict;                    /* HSE's rule alone: nothing it would refuse is used */
} ov_recording;

/* The parts, one after another; the recording outlives it. */
typedef struct {
    const ov_recording *r;
    float  *joined;                         /* stretches of speech one after another, where that is not the whole recording */
    size_t  joined_n, count, next;          /* count: equal parts; 0: by what was said */
} ov_parts;

/* HSE_E_ARG in words when there is nothing to hear. */
hse_status ov_parts_open(ov_parts *p, const ov_recording *r, hse_error *err);
/* *part: the next one's samples (hse_free), NULL behind the last. */
hse_status ov_parts_next(ov_parts *p, float **part, size_t *n, hse_error *err);
void       ov_parts_close(ov_parts *p);

#endif
