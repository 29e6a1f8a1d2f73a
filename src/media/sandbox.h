/* sandbox.h - what hse-media may do. Two steps, each for good:
 *
 * keeper   before the first message: no file system and no TCP (Landlock, where the kernel has it), only the system
 *          calls that receive jobs and fork workers (seccomp), no new privileges, another user when started as root.
 * worker   after the fork, before the first byte of input: only reading, writing and memory; limits on memory, CPU and
 *          descriptors. Both filters hold in a worker.
 *
 * A system call that is not allowed fails with EPERM. */
#ifndef HSE_MEDIA_SANDBOX_H
#define HSE_MEDIA_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Make both filters, before anything is closed off. NULL, or what failed (with errno). */
const char *sandbox_prepare(void);
const char *sandbox_enter_landlock(bool *has_landlock);
const char *sandbox_enter_keeper(void);
const char *sandbox_enter_worker(uint32_t timeout_ms);

#endif
