/* internal.h - the parts of gruut.h: letters to sounds, numbers, amounts. */
#ifndef HSE_TEXT_GRUUT_INTERNAL_H
#define HSE_TEXT_GRUUT_INTERNAL_H

#include "base/buf.h"
#include "text/gruut/gruut.h"

enum { GRUUT_TEXT_BYTES = 1 << 26, GRUUT_DIGITS = 18 };

/* ---- crf.c ---- */

typedef struct {
    text_map      attributes;       /* place and letter -> u32 label, f64 weight, ... */
    const char  **label;            /* phones with spaces between them; in the pack */
    double       *move;             /* [from][to] */
    size_t        labels;
} gruut_crf;

hse_status gruut_crf_open(gruut_crf *crf, const text_pack *pack, hse_error *err);
void       gruut_crf_close(gruut_crf *crf);
/* Appends the phones of a word (small letters, valid UTF-8), spaces between them. */
hse_status gruut_crf_guess(const gruut_crf *crf, const char *word, size_t size, hse_buf *out, hse_error *err);

/* ---- number.c ---- */

/* Appends the words of a number under 10^18, as num2words writes them. */
void gruut_number(gruut_language language, uint64_t value, hse_buf *out);

/* The currency whose sign begins the word, with something behind; NULL: none that has words. *sign: its bytes. */
typedef struct gruut_currency gruut_currency;
const gruut_currency *gruut_currency_at(gruut_language language, const char *word, size_t size, size_t *sign);
void gruut_amount(gruut_language language, const gruut_currency *currency, uint64_t value, hse_buf *out);

#endif
