/* peak.h - time, and the rate of the machine's multiply-adds by weight type with the instruction sets of a mask (0
 * where unknown). */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stdbool.h>

typedef struct {
    double rate[3]; /* K_F32, K_BF16, K_INT8: GFLOP/s of one core */
} bench_peak;

double bench_seconds(bool wall); /* CPU time of this thread, or the clock on the wall */
bench_peak bench_measure_peak(unsigned cpu);

#endif
