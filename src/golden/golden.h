/* golden.h - runs golden cases: folders with a case.json that say what the original computed (`hse golden`).
 *
 * Each case is run by its family's adapter (families/x.c) with the functions that the engine runs, in reference mode; every
 * output and every stage that the case lists is compared. A required output that nothing was compared with, a missing file, a
 * required kind that nobody knows, and a run without any case are failures. Lines go to `print`, one a case.
 *
 * In another type than float32, arrays and audio are held to the floors of signal to noise that the type has; what is exact
 * stays exact. */
#ifndef HSE_GOLDEN_GOLDEN_H
#define HSE_GOLDEN_GOLDEN_H

#include "kernels/kernels.h"

typedef struct {
    const char *const *dirs;                /* each is walked to any depth */
    size_t        n_dirs;
    const char   *case_name, *kind;         /* only these; NULL: all. A kind may have '*' in it */
    const char   *cpu;                      /* as hse_cpu_mask; NULL: the best there is */
    int           threads;                  /* 0 = 1 */
    int           batch;                    /* > 1: also among batch - 1 other inputs, and the bits must be the same */
    k_weight_type dtype;
    bool          quick;                    /* the first case of each kind */
    bool          own_data;                 /* text cases that bring their dictionary answers run with the product's data instead */
    bool          damage;                   /* the self-test: one value of each kind's first case is changed before it is compared;
                                               a case whose change goes unnoticed fails */
    void        (*print)(void *user, const char *line);
    void         *user;
} hse_golden_options;

typedef struct {
    int passed, failed, skipped;
} hse_golden_counts;

/* The error is for what concerns the run itself (an unknown instruction set, a folder that cannot be read); no case at all is
 * HSE_E_NOT_FOUND. */
hse_status hse_golden_run(const hse_golden_options *options, hse_golden_counts *counts, hse_error *err);

#endif
