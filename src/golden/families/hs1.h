/* hs1.h - the adapter of family harmonyspeech is in two files: models and chains, and the single steps around them. */
#ifndef HSE_GOLDEN_FAMILIES_HS1_H
#define HSE_GOLDEN_FAMILIES_HS1_H

#include "golden/case.h"

void hs1_golden_text_main(golden_case *c);
void hs1_golden_text_numbers(golden_case *c);
void hs1_golden_text_transliteration(golden_case *c);
void hs1_golden_wav_decode(golden_case *c);
void hs1_golden_wav_encode(golden_case *c);
void hs1_golden_resample(golden_case *c);
void hs1_golden_partial_slices(golden_case *c);
void hs1_golden_pqmf(golden_case *c);
void hs1_golden_key_layouts(golden_case *c);
void hs1_golden_routing(golden_case *c);

#endif
