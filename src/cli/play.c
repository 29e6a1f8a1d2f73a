#include "cli/play.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool installed(const char *program)
{
    const char *path = getenv("PATH");
    char file[4096];

    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)n, p, program);
        if (n && access(file, X_OK) == 0)
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}

hse_status cli_play_open(int *fd, int *pid, int rate_hz, hse_error *err)
{
    char rate[32], pa_rate[32], name[16] = "";
    const char *pw[] = {"pw-play", "--rate", rate, "--channels", "1", "--format", "s16", "-", NULL};
    const char *pa[] = {"paplay", "--raw", pa_rate, "--channels=1", "--format=s16le", NULL};
    const char *alsa[] = {"aplay", "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", rate, NULL};
    const char **players[] = {pw, pa, alsa};
    int ends[2];

    snprintf(rate, sizeof rate, "%d", rate_hz);
    snprintf(pa_rate, sizeof pa_rate, "--rate=%d", rate_hz);
    const char **argv = NULL;
    for (size_t i = 0; i < COUNT(players) && !argv; i++)
        if (installed(players[i][0]))
            argv = players[i];
    if (!argv)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "no player (pw-play, paplay or aplay) is installed; write a file with -o FILE, or pipe "
                                                 "the output somewhere");
    snprintf(name, sizeof name, "%s", argv[0]);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return hse_fail_sys(err, errno, "cannot start %s", name);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    pid_t child = 0;
    union { const char **c; char **v; } words = {.c = argv};        /* posix_spawn does not write to them */
    int e = posix_spawnp(&child, argv[0], &actions, NULL, words.v, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    if (e) {
        close(ends[1]);
        return hse_fail_sys(err, e, "cannot start %s", name);
    }
    *fd = ends[1];
    *pid = (int)child;
    return HSE_OK;
}

hse_status cli_play_close(int fd, int pid, hse_error *err)
{
    int status = 0;

    close(fd);
    while (waitpid((pid_t)pid, &status, 0) < 0)
        if (errno != EINTR)
            return hse_fail_sys(err, errno, "the player");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return hse_fail(err, HSE_E_IO, 0, "the player failed; write a file with -o FILE instead");
    return HSE_OK;
}
