/* self_test.c - `hse-media --self-test[=landlock]`: enter the worker's sandbox (or Landlock alone, to show that each
 * layer holds without the other) and try what must not be possible. Prints a line for each; exit code 0 if everything
 * failed as it must, 77 when this kernel has no Landlock to try alone. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int self_test(const char *which);

static int bad;

static void report(const char *what, long result)
{
    int e = errno;
    char line[160];
    int n = snprintf(line, sizeof line, "%-28s %s%s\n", what, result < 0 ? "fails: " : "WORKS",
                     result < 0 ? strerror(e) : "");

    bad |= result >= 0;
    if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
        bad = 1;
}

static void try_files(void)
{
    report("open(\"/etc/passwd\")", open("/etc/passwd", O_RDONLY));
    report("open(\"/proc/self/maps\")", open("/proc/self/maps", O_RDONLY));
    report("open(\".\") to list it", open(".", O_RDONLY | O_DIRECTORY));
    report("create /tmp/hse-media-test", open("/tmp/hse-media-test", O_CREAT | O_WRONLY | O_EXCL, 0600));
    report("mkdir(\"/tmp/hse-media-test\")", mkdir("/tmp/hse-media-test", 0700));
    report("unlink(\"/etc/passwd\")", unlink("/etc/passwd"));
    char name[] = "/bin/true";
    char *argv[] = {name, NULL}, *envp[] = {NULL};
    report("execve(\"/bin/true\")", execve(name, argv, envp));
}

static void try_the_rest(void)
{
    report("socket(AF_INET, TCP)", socket(AF_INET, SOCK_STREAM, 0));
    report("socket(AF_INET, UDP)", socket(AF_INET, SOCK_DGRAM, 0));
    report("socket(AF_INET6)", socket(AF_INET6, SOCK_STREAM, 0));
    report("socket(AF_UNIX)", socket(AF_UNIX, SOCK_STREAM, 0));
    report("socket(AF_NETLINK)", socket(AF_NETLINK, SOCK_RAW, 0));
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    report("fork()", pid);
    report("kill(the parent, 0)", kill(getppid(), 0));
    report("ptrace(the parent)", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    report("memfd_create()", memfd_create("x", 0));
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    report("mmap(executable)", p == MAP_FAILED ? -1 : 0);
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    report("mprotect(executable)", p == MAP_FAILED ? 0 : mprotect(p, 4096, PROT_READ | PROT_EXEC));
    report("dup(0)", dup(0));
    report("setuid(0)", setuid(0));
}

/* In a child of its own: standard output may be a file, and a worker may not write to one. */
static int inside(const char *which, int out)
{
    const char *why = NULL;
    bool has_landlock = false;

    if (dup2(out, STDOUT_FILENO) < 0)
        return 1;
    if (strcmp(which, "=landlock") == 0) {
        why = sandbox_enter_landlock(&has_landlock);
        if (!why && !has_landlock)
            return 77;
        if (!why)
            try_files();
    } else if (!(why = sandbox_prepare()) && !(why = sandbox_enter_keeper()) && !(why = sandbox_enter_worker(10000))) {
        try_files();
        try_the_rest();
    }
    if (why) {
        char line[200];
        int n = snprintf(line, sizeof line, "the sandbox: %s: %s\n", why, strerror(errno));
        if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
            return 1;
        return 1;
    }
    return bad;
}

int self_test(const char *which)
{
    int ends[2], status;
    char text[4096];
    ssize_t n;

    if ((*which && strcmp(which, "=landlock") != 0) || pipe(ends) != 0)
        return 2;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(inside(which, ends[1]));
    }
    close(ends[1]);
    while ((n = read(ends[0], text, sizeof text)) > 0)
        fwrite(text, 1, (size_t)n, stdout);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}
