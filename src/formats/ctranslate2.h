/* ctranslate2.h - weight matrices as rows of numbers, with the scales that quantized ones are stored with.
 *
 * CTranslate2's model.bin keeps beside an int8 or int16 variable "x" a float "x_scale" with one value per row (int8) or one
 * in all (int16): value = stored / scale. A row is one index of the first axis; the other axes are flattened. A matrix of
 * float32, float16 or bfloat16, of this format or another one, is opened the same way and has no scales.
 *
 * The table has, besides the variables: entries for the aliases (an alias of x also stands for x_scale), and the plain
 * values "ctranslate2.version", "ctranslate2.spec" ("WhisperSpec"), "ctranslate2.revision".
 *
 * A ct2_matrix borrows from the table: it owns nothing. Its calls cannot fail and may run on several threads. */
#ifndef HSE_FORMATS_CTRANSLATE2_H
#define HSE_FORMATS_CTRANSLATE2_H

#include "formats/weights.h"

typedef struct {
    const hse_weight *weight;   /* weight->dtype: what the numbers are stored as */
    const uint8_t    *data;     /* row-major, little-endian, at any alignment; inside the mapped file */
    size_t            rows, cols;
    const hse_weight *scale;    /* NULL: the stored numbers are the values */
    const uint8_t    *scales;
    size_t            n_scales; /* rows, or 1 */
} ct2_matrix;

/* HSE_E_NOT_FOUND; HSE_E_FORMAT: an integer matrix without scales, or with a wrong number of them, or one that is not a
 * positive finite number; HSE_E_UNSUPPORTED: the numbers are packed in the file (a deflated zip entry) or not in C order. */
hse_status ct2_matrix_open(ct2_matrix *out, const hse_weights *w, const char *name, hse_error *err);

/* What row `row` was multiplied with before it was rounded; 1 where there are no scales. */
float ct2_matrix_scale(const ct2_matrix *m, size_t row);

/* Rows [first, first + n) as values (stored / scale) to out, [n][cols]. */
void ct2_matrix_rows_f32(const ct2_matrix *m, size_t first, size_t n, float *out);

/* The stored numbers of an int8 matrix; NULL for another type. */
const int8_t *ct2_matrix_i8(const ct2_matrix *m);

#endif
