/* g2p.h - English letters to sounds, as the package g2p_en does it: numbers in words, then for each word a homograph table, a
 * pronouncing dictionary, or a small recurrent network (Cho et al. 2014) over its letters.
 *
 * Threads    an open one is read-only. */
#ifndef HSE_TEXT_EN_G2P_H
#define HSE_TEXT_EN_G2P_H

#include "text/dictionary.h"
#include "text/pack.h"

typedef struct {
    const float *values;                    /* [rows][cols]; need not be aligned */
    int          rows, cols;
} en_matrix;

enum { EN_G2P_HIDDEN = 512, EN_G2P_PHONES = 74, EN_G2P_STEPS = 20 };

/* The network's weights, borrowed: gates stand in the order r, z, n. */
typedef struct {
    en_matrix enc_emb, enc_w_ih, enc_w_hh, enc_b_ih, enc_b_hh, dec_emb, dec_w_ih, dec_w_hh, dec_b_ih, dec_b_hh, fc_w, fc_b;
} en_g2p_net;

/* Shapes that fit together: 29 letters, 74 phones. */
hse_status en_g2p_check(const en_g2p_net *net, hse_error *err);
/* From the sections g2p.* of a pack. */
hse_status en_g2p_read(en_g2p_net *net, const text_pack *pack, hse_error *err);

/* Up to 20 phones of a word, by index (en_g2p_phone). last_hidden (hidden numbers) and first_logits (74): for golden runs, may
 * be NULL. */
int en_g2p_predict(const en_g2p_net *net, const char *word, size_t size, int phone[EN_G2P_STEPS], float *last_hidden,
                   float *first_logits);
const char *en_g2p_phone(int index);        /* "AA0", ...; "<pad>" and the like for the first four */

/* How a word is looked up: phones separated by spaces, or NULL. */
typedef const char *en_g2p_lookup(void *user, const char *word, size_t size);

typedef struct {
    const en_g2p_net *net;
    en_g2p_lookup    *homograph;            /* "first|second|tag": the tag is the part of speech of the first */
    en_g2p_lookup    *word;
    void             *user;
} en_g2p;

/* What the package answers for a text: phones, " " between words, marks as they are. */
hse_status en_g2p_run(const en_g2p *g, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err);

#endif
