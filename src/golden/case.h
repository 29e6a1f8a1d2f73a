/* case.h - one golden case while it runs: what adapters take inputs from and give results to. Internal to src/golden.
 *
 * The first failure of each entry is kept; the first failed entry in the case's own order is what the line shows. Adapters
 * need not check anything after golden_fail: giving and failing go on being harmless. */
#ifndef HSE_GOLDEN_CASE_H
#define HSE_GOLDEN_CASE_H

#include "base/bytes.h"
#include "golden/golden.h"
#include "nn/nn.h"

#include <jansson.h>

enum { GOLDEN_MAX_RANK = 8, GOLDEN_FILE_BYTES = 1 << 28, GOLDEN_PATH = 4096 };

typedef struct {
    const char *name;
    json_t     *spec;                       /* the entry of case.json */
    bool        stage, compared, failed;
    char        verdict[200];
} golden_entry;

typedef struct {
    const hse_golden_options *options;
    const hse_kernels *kernels;
    nn_ctx       *nn;
    char          dir[GOLDEN_PATH];
    const char   *name, *kind;
    json_t       *json;
    golden_entry *entries;                  /* stages, then outputs */
    int           n_entries;
    bool          failed;                   /* of the case as a whole */
    char          problem[300];
    bool          damage, damaged;          /* still to be done; done */
    double        worst_snr;                /* of what was held to a floor */
    char          worst_name[64];
    char          note[160];                /* of a share (below) */
} golden_case;

typedef struct {
    const char *kind;                       /* "silero.probs" */
    void      (*run)(golden_case *c);
} golden_kind;

extern const golden_kind golden_silero[], golden_harmonyspeech[], golden_vits[], golden_bert[], golden_melo_text[];     /* NULL-terminated */
extern const golden_kind golden_melo_chain[], golden_openvoice_text[], golden_openvoice_audio[], golden_openvoice_chain[];
extern const golden_kind golden_whisper_network[], golden_whisper_text[], golden_voicefixer[];
extern const golden_kind golden_whisper_rules[], golden_whisper_generate[], golden_whisper_transcribe[];

typedef struct {
    float *data;                            /* golden_free_array */
    int    rank;
    size_t dim[GOLDEN_MAX_RANK], count;
} golden_array;

void golden_fail(golden_case *c, const char *fmt, ...) HSE_PRINTF(2, 3);
#ifdef __clang_analyzer__ /* which does not see it fail from another file */
#define golden_fail(c, ...) (golden_fail(c, __VA_ARGS__), (void)((c)->failed = true))
#endif
void golden_fail_error(golden_case *c, const char *what, const hse_error *err);

/* ---- inputs; false after golden_fail ---- */
bool  golden_path(golden_case *c, const char *relative, char out[GOLDEN_PATH]);
bool  golden_load(golden_case *c, const char *relative, golden_array *out);
bool  golden_input(golden_case *c, const char *name, golden_array *out);
bool  golden_input_path(golden_case *c, const char *name, char out[GOLDEN_PATH]);
bool  golden_input_bytes(golden_case *c, const char *name, char **data, size_t *size);      /* hse_free; a 0 byte follows */
bool  golden_model_path(golden_case *c, const char *part, char out[GOLDEN_PATH]);           /* model.<part> */
json_t *golden_json(golden_case *c, const char *relative);                                  /* json_decref */
json_t *golden_expected_json(golden_case *c, const char *output);
/* A 16-bit mono wav as samples divided by 32768. */
bool  golden_wav(golden_case *c, const char *input, golden_array *out, unsigned *rate_hz);
void  golden_free_array(golden_array *a);
double golden_param(const golden_case *c, const char *name, double otherwise);              /* null, absent: otherwise; "inf" */
double golden_number(const json_t *object, const char *name, double otherwise);

/* ---- results ---- */
bool golden_wants(const golden_case *c, const char *name);
void golden_give(golden_case *c, const char *name, const float *data, int rank, const size_t *dim);
void golden_give1(golden_case *c, const char *name, const float *data, size_t n);
void golden_give2(golden_case *c, const char *name, const float *data, size_t rows, size_t cols);
void golden_give_json(golden_case *c, const char *name, json_t *got);       /* takes the reference */
/* Is a part of what golden_give_json compares equal? Else `where`, if given, says what differs. */
bool golden_same_json(const json_t *got, const json_t *want, char *where, size_t size);
void golden_give_wav(golden_case *c, const char *name, hse_bytes got);
/* A tensor that a tap shows. LEAD: with the items in front, which must then have equal rows; otherwise the first item alone. */
enum { GOLDEN_ROWS = 0, GOLDEN_CHANNELS_FIRST = 1, GOLDEN_LEAD = 2 };
void golden_give_view(golden_case *c, const char *name, const nn_view *view, int layout);
/* An entry that another comparison stands for (base64 of an array that was given). */
void golden_covered(golden_case *c, const char *name);

/* With the product's own dictionaries the share of equal sentences counts, not each one. */
typedef struct {
    size_t count, equal;                    /* sentences */
    size_t known, known_equal;              /* those without a word that only dictionaries know which are on no registry */
} golden_share;

/* A line below the case's, as it runs. */
void golden_remark(const golden_case *c, const char *fmt, ...) HSE_PRINTF(2, 3);
/* Stands for comparing `output`. Fails when less than `percent` of the known sentences are equal. */
void golden_give_share(golden_case *c, const char *output, const char *language, const golden_share *s, double percent);

/* model.tokenizer, a BERT's folder: its word pieces. NULL: the case has failed. */
struct text_wordpiece *golden_open_tokens(golden_case *c);
struct text_lexicon   *golden_open_lexicon(golden_case *c);

/* The same bits? Fails the case otherwise. */
void golden_same_bits(golden_case *c, const char *what, const float *alone, size_t n_alone, const float *batched, size_t n_batched);

/* A pseudo-random number in -1..1 for made-up neighbours of a batch. */
float golden_noise(uint32_t *seed);

#endif
