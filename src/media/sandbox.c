#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    WORKER_MEMORY = 512 << 20, /* private memory of one worker; decoders need some 10 MiB */
    NOBODY = 65534,
};

/* What decoding takes. mmap and mprotect are added apart: never executable. */
static const int worker_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(close),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrandom),
#if SANITIZED
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
#endif
};

/* What the keeper needs besides: messages, forks, and what a fork and the step to a worker do. */
static const int keeper_calls[] = {
    SCMP_SYS(recvmsg),        SCMP_SYS(poll),         SCMP_SYS(ppoll),     SCMP_SYS(clone),
    SCMP_SYS(wait4),          SCMP_SYS(kill),         SCMP_SYS(prlimit64), SCMP_SYS(setrlimit),
    SCMP_SYS(setitimer),      SCMP_SYS(prctl),        SCMP_SYS(seccomp),   SCMP_SYS(set_robust_list),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rseq),
};

static struct sock_fprog worker_filter, keeper_filter;

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i] < 0)
            continue; /* this machine has no such call (poll on aarch64) */
        int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The filter as the kernel takes it, so that a worker needs no library call to enter it. */
static int export(scmp_filter_ctx ctx, struct sock_fprog *out)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    off_t size;

    if (fd < 0)
        return -errno;
    int r = seccomp_export_bpf(ctx, fd);
    if (r == 0 && (size = lseek(fd, 0, SEEK_END)) > 0 && size % (off_t)sizeof(struct sock_filter) == 0) {
        struct sock_filter *code = malloc((size_t)size);
        if (!code || pread(fd, code, (size_t)size, 0) != size)
            r = -EIO;
        *out = (struct sock_fprog){.len = (unsigned short)((size_t)size / sizeof *code), .filter = code};
    }
    close(fd);
    return r;
}

static int make_filter(struct sock_fprog *out, bool keeper)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = -ENOMEM;

    if (!ctx)
        return r;
    r = allow(ctx, worker_calls, sizeof worker_calls / sizeof *worker_calls);
    if (r == 0 && keeper)
        r = allow(ctx, keeper_calls, sizeof keeper_calls / sizeof *keeper_calls);
    if (r == 0)
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = export(ctx, out);
    seccomp_release(ctx);
    return r;
}

const char *sandbox_prepare(void)
{
    int r = make_filter(&keeper_filter, true);

    if (r == 0)
        r = make_filter(&worker_filter, false);
    if (r == 0)
        return NULL;
    errno = -r;
    return "the system call filter cannot be made";
}

/* The header of the build machine may be older than the kernel, so the newer fields and bits stand here. */
struct ruleset {
    uint64_t fs, net, scoped;
};

const char *sandbox_enter_landlock(bool *has_landlock)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    *has_landlock = abi > 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return "new privileges cannot be given up";
    if (abi <= 0)
        return NULL; /* an older kernel: the system call filter denies the same calls */
    struct ruleset all = {.fs = (1u << 13) - 1};
    if (abi >= 2)
        all.fs |= 1u << 13; /* refer */
    if (abi >= 3)
        all.fs |= 1u << 14; /* truncate */
    if (abi >= 4)
        all.net = 3; /* bind and connect TCP */
    if (abi >= 5)
        all.fs |= 1u << 15; /* ioctl on devices */
    if (abi >= 6)
        all.scoped = 3; /* abstract sockets, signals */
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    if (fd < 0)
        return "Landlock refuses the rules";
    long r = syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
    return r == 0 ? NULL : "Landlock cannot be entered";
}

static const char *enter_filter(const struct sock_fprog *filter)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter) == 0 ? NULL : "the system call filter cannot be entered";
}

static void drop_root(void)
{
    /* Best effort: in a container without the right to change users the filters still hold. */
    if (geteuid() != 0)
        return;
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return;
}

const char *sandbox_enter_keeper(void)
{
    bool has_landlock;
    const struct rlimit none = {0, 0};

    drop_root();
    const char *why = sandbox_enter_landlock(&has_landlock);
    if (why)
        return why;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return "core files cannot be switched off";
    return enter_filter(&keeper_filter);
}

static int limit(int what, rlim_t value)
{
    struct rlimit l;

    if (getrlimit((__rlimit_resource_t)what, &l) == 0 && l.rlim_max != RLIM_INFINITY && l.rlim_max < value)
        value = l.rlim_max;
    l.rlim_cur = l.rlim_max = value;
    return setrlimit((__rlimit_resource_t)what, &l);
}

const char *sandbox_enter_worker(uint32_t timeout_ms)
{
    const uint32_t seconds = timeout_ms / 1000 + 1;
    const struct itimerval alarm = {.it_value = {.tv_sec = (time_t)seconds + 1}};

    if (timeout_ms && setitimer(ITIMER_REAL, &alarm, NULL) != 0)
        return "the time cannot be limited";
    /* 8 descriptors: those that it holds. No file may grow, no process start. */
    if ((timeout_ms && limit(RLIMIT_CPU, seconds + 1) != 0) || limit(RLIMIT_NOFILE, 8) != 0 ||
        limit(RLIMIT_FSIZE, 0) != 0 || limit(RLIMIT_NPROC, 0) != 0 || limit(RLIMIT_MEMLOCK, 0) != 0)
        return "the limits cannot be set";
    /* The sanitizers' shadow memory is beyond any limit. */
    if (!SANITIZED && limit(RLIMIT_DATA, WORKER_MEMORY) != 0)
        return "the memory cannot be limited";
    return enter_filter(&worker_filter);
}
