/* main.c - hse-media: decodes and encodes compressed audio for hse, apart from it and locked in.
 *
 * Not for use by hand: hse starts it with a control socket as descriptor 3. This process, the keeper, receives jobs and
 * forks a worker for each; it never looks at input itself. See audio/media_protocol.h and sandbox.h. The only program
 * of the project that links libavformat and libavcodec. */
#include "channel.h"
#include "sandbox.h"
#include "worker.h"

#include <libavutil/log.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int self_test(const char *which);

static struct {
    uint32_t job;
    pid_t pid; /* 0: free */
} workers[MEDIA_MAX_JOBS];

static const char *locked_out; /* why the sandbox failed; then every job is refused */

static int reap(void)
{
    int running = 0;

    for (int i = 0; i < MEDIA_MAX_JOBS; i++) {
        if (workers[i].pid && waitpid(workers[i].pid, NULL, WNOHANG) != 0)
            workers[i].pid = 0;
        running += workers[i].pid != 0;
    }
    return running;
}

static void end_workers(uint32_t job, int all)
{
    for (int i = 0; i < MEDIA_MAX_JOBS; i++)
        if (workers[i].pid && (all || workers[i].job == job))
            kill(workers[i].pid, SIGKILL);
}

_Noreturn static void work(const media_request *request, int in, int out)
{
    const char *why;

    close(MEDIA_CONTROL_FD);
    channel_open(out);
    if ((why = sandbox_enter_worker(request->timeout_ms)))
        channel_fail(MEDIA_E_SYSTEM, "the sandbox: %s (%s)", why, strerror(errno));
    if (request->op == MEDIA_DECODE || request->op == MEDIA_FOLLOW)
        worker_decode(request, in);
    worker_encode(request, in);
}

static void refuse(int out, const char *why)
{
    channel_open(out);
    signal(SIGPIPE, SIG_IGN);
    struct {
        media_head head;
        uint32_t code;
        char text[MEDIA_MAX_ERROR];
    } f = {.code = MEDIA_E_SYSTEM};
    int n = snprintf(f.text, sizeof f.text, "%s", why);
    f.head = (media_head){.type = MEDIA_FRAME_ERROR, .size = (uint32_t)(sizeof f.code) + (uint32_t)n};
    if (write(out, &f, sizeof f.head + f.head.size) < 0)
        return; /* nobody waits for the answer */
}

static void start(const media_request *request, int in, int out)
{
    int slot = 0;

    if (locked_out) {
        refuse(out, locked_out);
        return;
    }
    while (slot < MEDIA_MAX_JOBS && workers[slot].pid)
        slot++;
    pid_t pid = slot < MEDIA_MAX_JOBS ? fork() : -1;
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        work(request, in, out);
    }
    if (pid < 0) {
        refuse(out, slot < MEDIA_MAX_JOBS ? "no process for the audio" : "too many recordings at once");
        return;
    }
    workers[slot].job = request->job;
    workers[slot].pid = pid;
}

/* One message. 0 when hse is gone. */
static int serve(void)
{
    media_request request;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } c;
    struct iovec data = {.iov_base = &request, .iov_len = sizeof request};
    struct msghdr msg = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = c.space, .msg_controllen = sizeof c.space};
    int fds[2] = {-1, -1}, n_fds = 0;
    ssize_t n = recvmsg(MEDIA_CONTROL_FD, &msg, MSG_CMSG_CLOEXEC);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0)
        return 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
            n_fds = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(h), (size_t)n_fds * sizeof(int));
        }
    reap();
    if (n == (ssize_t)sizeof request && request.magic == MEDIA_MAGIC) {
        if (request.op == MEDIA_KILL)
            end_workers(request.job, 0);
        else if (n_fds == 2 && request.version != MEDIA_VERSION)
            refuse(fds[1], "hse and hse-media are of different versions");
        else if (n_fds == 2 && (request.op == MEDIA_DECODE || request.op == MEDIA_ENCODE || request.op == MEDIA_FOLLOW))
            start(&request, fds[0], fds[1]);
    }
    for (int i = 0; i < n_fds; i++)
        close(fds[i]);
    return 1;
}

static void keep(void)
{
    struct pollfd control = {.fd = MEDIA_CONTROL_FD, .events = POLLIN};

    for (;;) {
        int running = reap();
        if (poll(&control, 1, running ? 100 : -1) > 0 && !serve())
            break;
    }
    end_workers(0, 1);
}

int main(int argc, char **argv)
{
    int type;
    socklen_t size = sizeof type;

    av_log_set_level(AV_LOG_QUIET);
    if (argc == 2 && strncmp(argv[1], "--self-test", 11) == 0)
        return self_test(argv[1] + 11);
    if (argc != 1 || getsockopt(MEDIA_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
        fprintf(stderr, "hse-media %s is started by hse, not by hand\n", HSE_VERSION);
        return 2;
    }
    close_range(MEDIA_CONTROL_FD + 1, ~0u, 0);
    if (chdir("/") != 0)
        return 1;
    signal(SIGPIPE, SIG_IGN);
    if ((locked_out = sandbox_prepare()) == NULL)
        locked_out = sandbox_enter_keeper();
    keep();
    _exit(0); /* nothing to tidy up, and the sandbox would not let exit handlers do it */
}
