/* melo.h - what the adapters of family melo share: the answers of a case's dictionaries, and its front end. */
#ifndef HSE_GOLDEN_FAMILIES_MELO_H
#define HSE_GOLDEN_FAMILIES_MELO_H

#include "golden/case.h"
#include "text/lexicon.h"
#include "text/melo/melo.h"
#include "text/melo/rep.h"

typedef struct {
    json_t       *lookups;
    char         *rep_text;                 /* the file cmudict.rep */
    melo_rep     *rep;
    text_lexicon *own;                      /* for tables that the case does not bring, and for all with own_data */
    bool          own_data, unknown;        /* unknown: the piece at hand has a word that only the case's dictionaries know */
    golden_share  share;
    const json_t *mecab_words;              /* of the piece at hand */
} golden_answers;

/* False: the case has failed; close it nevertheless. */
bool            golden_answers_open(golden_case *c, golden_answers *a);
text_dictionary golden_answers_dictionary(golden_answers *a);
void            golden_answers_close(golden_answers *a);

/* Replaces what a row with a text expects by what came out of its pieces. */
void golden_melo_row(golden_case *c, const melo_front *front, golden_answers *a, json_t *row, size_t index);

#endif
