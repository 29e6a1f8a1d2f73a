/* bench_whisper.h - hse bench whisper-load, whisper-encode and whisper-decode: the networks and the search on noise. */
#ifndef HSE_CLI_BENCH_WHISPER_H
#define HSE_CLI_BENCH_WHISPER_H

#include "base/status.h"
#include "kernels/kernels.h"

typedef struct {
    const char   *dir;                      /* a model's folder */
    bool          load, decode;             /* neither: encode */
    int           threads;
    const char   *cpu;                      /* as hse_cpu_mask */
    k_weight_type dtype;
    bool          peer;                     /* answer lines on standard input: "MILLISECONDS COUNT CPU_MILLISECONDS" */
    int           runs;
} bench_whisper_options;

/* whisper-load: everything that the engine opens for a model. whisper-encode: one window of 3000 frames and what the decoder
 * attends to; a line "alone": the encoder alone, "first": with its first token. whisper-decode: 100 tokens of one window by the product's
 * search, greedily; a line "8" stands for 8 windows at once, "beam 5" for a search with 5 beams. Counts positions, or tokens of the
 * texts. */
hse_status bench_whisper(const bench_whisper_options *o, hse_error *err);

/* What bf16 and int8 cost beside float32, printed: the SNR of the encoder's output and of the logits, and how many of the tokens that
 * float32 picks greedily the others pick at the same place. samples: 16 kHz, of which 30 s are heard; NULL: noise. */
hse_status bench_whisper_quality(const bench_whisper_options *o, const float *samples, size_t count, hse_error *err);

#endif
