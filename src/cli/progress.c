#include "cli/common.h"

#include "base/clock.h"

#include <unistd.h>

void cli_say_speed(double compute_s, double audio_s)
{
    if (isatty(STDERR_FILENO) && audio_s > 0)
        fprintf(stderr, "Real-time factor: %.3f (%.2f s for %.2f s of audio)\n", compute_s / audio_s, compute_s, audio_s);
}

void cli_progress_start(cli_progress *p, const char *what, double total)
{
    *p = (cli_progress){.what = what, .total = total, .began_ns = hse_now_ns(), .on = isatty(STDERR_FILENO)};
}

void cli_progress_step(cli_progress *p, double done)
{
    enum { WIDTH = 30 };
    uint64_t now = hse_now_ns();

    /* Work that takes under half a second needs no bar; ten frames a second are enough. */
    if (!p->on || now - p->began_ns < 500000000u || now - p->drawn_ns < 100000000u)
        return;
    p->drawn_ns = now;
    double seconds = (double)(now - p->began_ns) * 1e-9, share = p->total > 0 ? done / p->total : 0;
    if (share > 1)
        share = 1;
    if (p->total > 0) {
        char bar[WIDTH * 3 + 1];
        size_t at = 0;
        for (int i = 0; i < WIDTH; i++)
            at += (size_t)snprintf(bar + at, sizeof bar - at, "%s", i < (int)(share * WIDTH) ? "\xE2\x96\x88" : " ");
        fprintf(stderr, "\r%s %3.0f%% |%s| %.0f s left \x1b[K", p->what, share * 100, bar,
                share > 0.01 ? seconds * (1 - share) / share : 0.0);
    } else {
        fprintf(stderr, "\r%s %.1f s \x1b[K", p->what, done);
    }
}

void cli_progress_end(cli_progress *p)
{
    if (p->on && p->drawn_ns)
        fputs("\r\x1b[K", stderr);
}
