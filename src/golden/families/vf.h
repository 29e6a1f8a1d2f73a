/* vf.h - what the two files of VoiceFixer's golden adapter share. */
#ifndef HSE_GOLDEN_VF_H
#define HSE_GOLDEN_VF_H

#include "formats/weights.h"
#include "golden/case.h"
#include "nn/bind.h"

/* A checkpoint of the case: stored, or by recipe. */
typedef struct {
    hse_weights *w;
    uint8_t     *bytes;
    char         name[64];
} vf_checkpoint;

bool vf_checkpoint_open(golden_case *c, const char *part, vf_checkpoint *out);  /* false after golden_fail */
void vf_checkpoint_close(vf_checkpoint *k);

/* Single parts, in vf_parts.c. */
void vf_golden_denoiser(golden_case *c);
void vf_golden_unet(golden_case *c);
void vf_golden_condition(golden_case *c);
void vf_golden_upsample(golden_case *c);
void vf_golden_resstack(golden_case *c);
void vf_golden_logs(golden_case *c);
void vf_golden_load(golden_case *c);
void vf_golden_stft_mel(golden_case *c);
void vf_golden_mode1(golden_case *c);

/* View [items][rows][positions + gap][channels] as [items, channels, rows, positions]. */
void vf_give_grid(golden_case *c, const char *name, const nn_view *v);
/* [items][rows][cols] as [items, 1, rows, cols]. */
void vf_give_map(golden_case *c, const char *name, const nn_view *v);
/* All entries whose names begin so: what a port computes that nobody should follow. */
void vf_not_run(golden_case *c, const char *prefix);

#endif
