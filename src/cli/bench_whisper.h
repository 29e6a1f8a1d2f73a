/* bench_whisper.h - hse bench whisper-encode and whisper-decode: the networks alone, on noise, without audio or rules. */
#ifndef HSE_CLI_BENCH_WHISPER_H
#define HSE_CLI_BENCH_WHISPER_H

#include "base/status.h"
#include "kernels/kernels.h"

typedef struct {
    const char   *dir;                      /* a model's folder */
    bool          decode;                   /* else: encode */
    int           threads;
    const char   *cpu;                      /* as hse_cpu_mask */
    k_weight_type dtype;
    bool          peer;                     /* answer lines on standard input: "MILLISECONDS COUNT CPU_MILLISECONDS" */
    int           runs;
} bench_whisper_options;

/* whisper-encode: one window of 3000 frames. whisper-decode: 100 tokens, greedily, of one window; a line "8" stands for 8 windows
 * at once, "beam 5" for 5 hypotheses of one window, each step forked from the best. Counts positions, tokens. */
hse_status bench_whisper(const bench_whisper_options *o, hse_error *err);

/* What bf16 and int8 cost beside float32, printed: the SNR of the encoder's output and of the logits, and how many of the tokens that
 * float32 picks greedily the others pick at the same place. samples: 16 kHz, of which 30 s are heard; NULL: noise. */
hse_status bench_whisper_quality(const bench_whisper_options *o, const float *samples, size_t count, hse_error *err);

#endif
