#include "audio/media_pool.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_MS = 50, READ_SIZE = 65536 };

struct hse_media {
    pthread_mutex_t lock;
    pthread_cond_t slot_free;
    char *program; /* NULL: look for it */
    int max_decoders, decoders, jobs;
    pid_t keeper; /* 0: none */
    int control;
    uint32_t next_job;
};

hse_status hse_media_open(hse_media **out, const char *program, int max_decoders, hse_error *err)
{
    hse_media *m = hse_calloc(1, sizeof *m);
    pthread_condattr_t attr;

    if (!m || (program && !(m->program = hse_strdup(program)))) {
        hse_free(m);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the audio helper");
    }
    if (max_decoders <= 0)
        max_decoders = 2 * hse_cpu_count() < 4 ? 4 : 2 * hse_cpu_count();
    m->max_decoders = max_decoders < MEDIA_MAX_JOBS ? max_decoders : MEDIA_MAX_JOBS;
    m->control = -1;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->slot_free, &attr);
    pthread_condattr_destroy(&attr);
    *out = m;
    return HSE_OK;
}

/* With the lock held. The keeper ends by itself, with its workers, when the control socket closes. */
static void stop_keeper(hse_media *m)
{
    if (m->control >= 0)
        close(m->control);
    m->control = -1;
    if (m->keeper > 0) {
        const struct timespec nap = {.tv_nsec = 1000000};
        pid_t r = 0;
        for (int i = 0; i < 300 && (r = waitpid(m->keeper, NULL, WNOHANG)) == 0; i++)
            nanosleep(&nap, NULL);
        if (r == 0) {
            kill(m->keeper, SIGKILL);
            while (waitpid(m->keeper, NULL, 0) < 0 && errno == EINTR)
                ;
        }
    }
    m->keeper = 0;
}

void hse_media_close(hse_media **m)
{
    if (!*m)
        return;
    stop_keeper(*m);
    pthread_cond_destroy(&(*m)->slot_free);
    pthread_mutex_destroy(&(*m)->lock);
    hse_free((*m)->program);
    hse_free(*m);
    *m = NULL;
}

int hse_media_pid(hse_media *m)
{
    pthread_mutex_lock(&m->lock);
    int pid = (int)m->keeper;
    pthread_mutex_unlock(&m->lock);
    return pid;
}

hse_media *hse_media_shared(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static hse_media *shared;

    pthread_mutex_lock(&lock);
    if (!shared) /* again after a failure: memory may be back */
        hse_media_open(&shared, NULL, 0, NULL);
    hse_media *m = shared;
    pthread_mutex_unlock(&lock);
    return m;
}

static bool try_path(char *path, size_t size, const char *dir, size_t dir_len, const char *rest)
{
    int n = snprintf(path, size, "%.*s%s", (int)dir_len, dir, rest);

    return n > 0 && (size_t)n < size && access(path, X_OK) == 0;
}

static bool find_program(const hse_media *m, char *path, size_t size)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    const char *env;

    if (m->program)
        return try_path(path, size, m->program, strlen(m->program), "");
    if (n > 0 && (size_t)n < sizeof self) {
        size_t dir = (size_t)n, prefix;
        while (dir > 0 && self[dir - 1] != '/')
            dir--;
        if (try_path(path, size, self, dir, "hse-media"))
            return true;
        for (prefix = dir ? dir - 1 : 0; prefix > 0 && self[prefix - 1] != '/'; prefix--)
            ;
        if (try_path(path, size, self, prefix, "libexec/hse/hse-media"))
            return true;
    }
#ifdef HSE_LIBEXEC_DIR /* where `make install` puts it, for programs that use the library from elsewhere */
    if (try_path(path, size, HSE_LIBEXEC_DIR, strlen(HSE_LIBEXEC_DIR), "/hse-media"))
        return true;
#endif
    return (env = secure_getenv("HSE_MEDIA")) && *env && try_path(path, size, env, strlen(env), "");
}

static hse_status start_keeper(hse_media *m, hse_error *err)
{
    char path[4200];
    char name[] = "hse-media";
    char now[] = "LD_BIND_NOW=1"; /* once in the keeper, not again in each worker */
    char *argv[] = {name, NULL}, *envp[] = {now, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t signals;
    int ends[2], e;

    if (!find_program(m, path, sizeof path))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0,
                        "compressed audio needs the program hse-media, which was not found (beside the program, in "
                        "libexec/hse, or where HSE_MEDIA says)");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return hse_fail_sys(err, errno, "cannot start hse-media");
    /* dup2 onto the same number would leave close-on-exec set */
    if (ends[1] == MEDIA_CONTROL_FD) {
        int moved = fcntl(ends[1], F_DUPFD_CLOEXEC, MEDIA_CONTROL_FD + 1);
        e = errno;
        close(ends[1]);
        ends[1] = moved;
        if (moved < 0) {
            close(ends[0]);
            return hse_fail_sys(err, e, "cannot start hse-media");
        }
    }
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&files, ends[1], MEDIA_CONTROL_FD);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* else reports are wanted */
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
#endif
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attr, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attr, &signals);
    posix_spawnattr_setpgroup(&attr, 0); /* a ^C at the terminal is for us */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    e = posix_spawn(&m->keeper, path, &files, &attr, argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    if (e != 0) {
        m->keeper = 0;
        close(ends[0]);
        return hse_fail_sys(err, e, "cannot start hse-media");
    }
    m->control = ends[0];
    return HSE_OK;
}

/* One message with its descriptors; 0, or errno. */
static int send_request(int control, const media_request *request, const int *fds, size_t n_fds)
{
    struct iovec data = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } c = {.space = {0}};
    struct msghdr msg = {.msg_iov = &data, .msg_iovlen = 1};
    ssize_t n;

    if (n_fds) {
        msg.msg_control = c.space;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c.head.cmsg_level = SOL_SOCKET;
        c.head.cmsg_type = SCM_RIGHTS;
        c.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(&c.head), fds, n_fds * sizeof(int));
    }
    do
        n = sendmsg(control, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? errno : 0;
}

static hse_status out_of_patience(const media_patience *p, hse_error *err)
{
    if (p->cancelled && p->cancelled(p->cancel_arg))
        return hse_fail(err, HSE_E_CANCELLED, 0, "cancelled while audio was being converted");
    if (hse_now_ms() >= p->deadline_ms)
        return hse_fail(err, HSE_E_DEADLINE, 0, "the time for converting audio ran out");
    return HSE_OK;
}

static int slice(const media_patience *p)
{
    uint64_t now = hse_now_ms(), left = p->deadline_ms > now ? p->deadline_ms - now : 0;

    /* without a cancel question only the deadline ends a wait */
    if (p->cancelled && left > SLICE_MS)
        return SLICE_MS;
    return left > 60000 ? 60000 : (int)left;
}

static hse_status take_slot(hse_media *m, const media_patience *p, bool decodes, hse_error *err)
{
    hse_status s = HSE_OK;

    while (decodes && m->decoders >= m->max_decoders && (s = out_of_patience(p, err)) == HSE_OK) {
        struct timespec until;
        uint64_t ns = hse_now_ns() + (uint64_t)SLICE_MS * 1000000;
        until.tv_sec = (time_t)(ns / 1000000000u);
        until.tv_nsec = (long)(ns % 1000000000u);
        pthread_cond_timedwait(&m->slot_free, &m->lock, &until);
    }
    /* one place is kept free: the keeper may not have noticed yet that a worker has ended */
    if (s == HSE_OK && m->jobs >= MEDIA_MAX_JOBS - 1)
        s = hse_fail(err, HSE_E_BUSY, 0, "%d recordings are being converted already", m->jobs);
    if (s == HSE_OK) {
        m->jobs++;
        m->decoders += decodes;
    }
    return s;
}

/* Lock held. */
static void give_slot(hse_media *m, bool decodes)
{
    m->jobs--;
    m->decoders -= decodes;
    pthread_cond_signal(&m->slot_free);
}

/* Hand the request to a keeper, a new one when the old one is dead or does not take it. Lock held. */
static hse_status hand_over(hse_media *m, media_job *job, media_request *request, const int fds[2], hse_error *err)
{
    int e = EPIPE;

    for (int attempt = 0; attempt < 2; attempt++) {
        if (m->keeper == 0) {
            hse_status s = start_keeper(m, err);
            if (s != HSE_OK)
                return s;
        }
        request->job = job->id = ++m->next_job;
        job->keeper = (int)m->keeper;
        if ((e = send_request(m->control, request, fds, 2)) == 0)
            return HSE_OK;
        stop_keeper(m);
    }
    return hse_fail_sys(err, e, "hse-media takes no work");
}

hse_status media_job_start(media_job *job, const media_patience *patience, media_request request, int input,
                           const media_events *ev, hse_error *err)
{
    hse_media *m = patience->media ? patience->media : hse_media_shared();
    int pipe_ends[2] = {-1, -1}, pair[2] = {-1, -1};
    hse_status s;

    job->media = NULL;
    job->in = job->out = -1;
    job->heard = false;
    job->decodes = request.op == MEDIA_DECODE;
    job->patience = *patience;
    media_reader_init(&job->reader, ev);
    if (!m)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the audio helper");
    if (pipe2(pipe_ends, O_CLOEXEC) != 0 ||
        (input < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)) {
        s = hse_fail_sys(err, errno, "cannot start converting audio");
        goto out;
    }
    fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
    request.magic = MEDIA_MAGIC;
    request.version = MEDIA_VERSION;

    pthread_mutex_lock(&m->lock);
    if ((s = take_slot(m, patience, job->decodes, err)) == HSE_OK) {
        s = hand_over(m, job, &request, (int[2]){input < 0 ? pair[1] : input, pipe_ends[1]}, err);
        if (s != HSE_OK)
            give_slot(m, job->decodes);
    }
    pthread_mutex_unlock(&m->lock);
    if (s == HSE_OK) {
        job->media = m;
        job->out = pipe_ends[0];
        job->in = pair[0];
        pipe_ends[0] = pair[0] = -1;
    }
out:
    for (int i = 0; i < 2; i++) {
        if (pipe_ends[i] >= 0)
            close(pipe_ends[i]);
        if (pair[i] >= 0)
            close(pair[i]);
    }
    return s;
}

/* Read what there is. *ended: the worker closed the pipe. */
static hse_status take_answers(media_job *job, bool *ended, hse_error *err)
{
    uint8_t data[READ_SIZE];
    ssize_t n = read(job->out, data, sizeof data);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return HSE_OK;
    if (n < 0)
        return hse_fail_sys(err, errno, "cannot read from hse-media");
    if (n == 0) {
        *ended = true;
        return media_reader_end(&job->reader, err);
    }
    job->heard = true;
    return media_reader_feed(&job->reader, data, (size_t)n, err);
}

hse_status media_job_run(media_job *job, const void *data, size_t size, const bool *until, hse_error *err)
{
    const char *p = data;
    bool ended = false;
    hse_status s;

    while (!ended && (size || !until || !*until)) {
        struct pollfd fds[2] = {{.fd = job->out, .events = POLLIN}, {.fd = size ? job->in : -1, .events = POLLOUT}};

        if ((s = out_of_patience(&job->patience, err)) != HSE_OK)
            return s;
        if (poll(fds, 2, slice(&job->patience)) < 0 && errno != EINTR)
            return hse_fail_sys(err, errno, "cannot wait for hse-media");
        if (fds[0].revents && (s = take_answers(job, &ended, err)) != HSE_OK)
            return s;
        if (fds[1].revents) {
            ssize_t n = send(job->in, p, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) {
                p += n;
                size -= (size_t)n;
            } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
                size = 0; /* it has gone: the pipe says why, or ends */
                until = NULL;
            }
        }
    }
    return HSE_OK;
}

bool media_job_lost(media_job *job)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    hse_media *m = job->media;
    bool lost = false;

    if (!m || job->heard || hse_now_ms() >= job->patience.deadline_ms)
        return false;
    /* A process that is being killed closes its descriptors a moment before it can be waited for. */
    for (int i = 0; i < 20 && !lost; i++) {
        pthread_mutex_lock(&m->lock);
        if (m->keeper == job->keeper && waitpid(m->keeper, NULL, WNOHANG) != 0) {
            close(m->control);
            m->control = -1;
            m->keeper = 0;
        }
        lost = m->keeper != job->keeper;
        pthread_mutex_unlock(&m->lock);
        if (!lost)
            nanosleep(&nap, NULL);
    }
    return lost;
}

void media_job_close(media_job *job)
{
    hse_media *m = job->media;

    if (!m)
        return;
    if (job->in >= 0)
        close(job->in);
    close(job->out);
    pthread_mutex_lock(&m->lock);
    if (!job->reader.done && m->control >= 0) {
        const media_request stop = {.magic = MEDIA_MAGIC, .version = MEDIA_VERSION, .op = MEDIA_KILL, .job = job->id};
        send_request(m->control, &stop, NULL, 0);
    }
    give_slot(m, job->decodes);
    pthread_mutex_unlock(&m->lock);
    job->media = NULL;
    job->in = job->out = -1;
}

hse_status media_memfd(int *out, hse_bytes bytes, hse_error *err)
{
    int fd = memfd_create("audio", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return hse_fail_sys(err, errno, "cannot hand audio to hse-media");
    for (size_t done = 0; done < bytes.size;) {
        ssize_t n = write(fd, bytes.data + done, bytes.size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            hse_status s = hse_fail_sys(err, errno, "cannot hand audio to hse-media");
            close(fd);
            return s;
        }
        done += (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
        hse_status s = hse_fail_sys(err, errno, "cannot hand audio to hse-media");
        close(fd);
        return s;
    }
    *out = fd;
    return HSE_OK;
}
