/* play.h - sound on this machine's loudspeaker, by whichever player is installed. */
#ifndef HSE_CLI_PLAY_H
#define HSE_CLI_PLAY_H

#include "base/status.h"

#include <stdbool.h>

/* Starts pw-play, paplay or aplay on 16-bit mono samples that are written to *fd. HSE_E_NOT_FOUND: none of them is installed. */
hse_status cli_play_open(int *fd, int *pid, int rate_hz, hse_error *err);
/* Closes the pipe and waits until all was heard. */
hse_status cli_play_close(int fd, int pid, hse_error *err);

#endif
