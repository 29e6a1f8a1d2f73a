/* hs1.h - the adapter of family harmonyspeech is in three files: the encoder, the other models and chains, and the single
 * steps around them. */
#ifndef HSE_GOLDEN_FAMILIES_HS1_H
#define HSE_GOLDEN_FAMILIES_HS1_H

#include "golden/case.h"
#include "models/harmonyspeech/adapter.h"

/* A model of a case: model.<checkpoint> and model.config, where "<part>" stands for the part's name. NULL: the case has failed. */
void *hs1_golden_open(golden_case *c, const hse_model_type *type, const char *checkpoint, const char *part);
void  hs1_golden_close(const hse_model_type *type, void *m);
/* How many inputs the case runs among, itself included. */
int   hs1_golden_neighbours(const golden_case *c);
/* Samples of an input that is an audio file; empty, without complaint, for bytes that are none. */
bool  hs1_golden_decode(golden_case *c, const char *input, hse_audio *out);
bool  hs1_golden_copy_audio(hse_audio *out, const hse_audio *in);
/* Every stage from samples to embedding; mean may be NULL. */
void  hs1_golden_run_encoder(golden_case *c, const hs1_encoder *m, const hse_audio *audio, float *mean, float *embedding);

void hs1_golden_enc(golden_case *c);
void hs1_golden_enc_model_only(golden_case *c);
void hs1_golden_enc_degenerate(golden_case *c);

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
