#include "base/file.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

hse_status hse_map_open(hse_map *out, const char *path, hse_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    hse_status s;

    if (fd < 0)
        return hse_fail_sys(err, errno, "%s", path);
    if (fstat(fd, &st) != 0) {
        s = hse_fail_sys(err, errno, "%s", path);
        goto fail;
    }
    if (!S_ISREG(st.st_mode)) {
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s is not a regular file", path);
        goto fail;
    }
    if ((uintmax_t)st.st_size > SIZE_MAX) {
        s = hse_fail(err, HSE_E_LIMIT, 0, "%s is too large for this machine's address space", path);
        goto fail;
    }
    hse_bytes bytes = {.size = (size_t)st.st_size};
    if (bytes.size) {
        void *p = mmap(NULL, bytes.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            s = hse_fail_sys(err, errno, "cannot map %s", path);
            goto fail;
        }
        bytes.data = p;
    }
    *out = (hse_map){.bytes = bytes, .fd = fd};
    return HSE_OK;
fail:
    close(fd);
    return s;
}

void hse_map_close(hse_map *m)
{
    if (m->bytes.data) {
        union { const uint8_t *c; void *p; } at = {.c = m->bytes.data};
        munmap(at.p, m->bytes.size);
        close(m->fd);
    } else if (m->fd > 0) {
        close(m->fd);
    }
    *m = (hse_map){.fd = -1};
}

void hse_map_drop(const hse_map *m, size_t offset, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), from, to;

    if (!m->bytes.data || !hse_in_range(m->bytes.size, offset, size))
        return;
    from = (offset + page - 1) & ~(page - 1);               /* only whole pages inside the range */
    to = offset + size == m->bytes.size ? offset + size : (offset + size) & ~(page - 1);
    if (from < to) {
        union { const uint8_t *c; void *p; } at = {.c = m->bytes.data + from};
        madvise(at.p, to - from, MADV_DONTNEED);
    }
}

hse_status hse_file_read(char **out, size_t *size, const char *path, size_t ceiling, hse_error *err)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    hse_buf b;
    hse_status s = HSE_OK;

    if (fd < 0)
        return hse_fail_sys(err, errno, "%s", path);
    hse_buf_init(&b, ceiling);
    for (;;) {
        uint8_t chunk[65536];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            s = hse_fail_sys(err, errno, "cannot read %s", path);
        if (n <= 0)
            break;
        hse_buf_append(&b, chunk, (size_t)n);
        if (b.status != HSE_OK)
            break;
    }
    close(fd);
    if (s == HSE_OK)
        s = hse_buf_status(&b, path, err);
    if (s == HSE_OK && !(*out = hse_buf_take(&b, size)))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory for %s", path);
    hse_buf_free(&b);
    return s;
}

int hse_file_numbers(uint64_t *out, int most, const char *path)
{
    char line[256], *at = line, *end;
    FILE *f = fopen(path, "re");
    int n = 0;

    if (!f)
        return 0;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    fclose(f);
    for (; n < most; n++, at = end) {
        out[n] = strtoull(at, &end, 10);
        if (end == at)
            break;
    }
    return n;
}

static hse_status write_all(int fd, const char *data, size_t size, const char *path, hse_error *err)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hse_fail_sys(err, errno, "cannot write %s", path);
        data += n;
        size -= (size_t)n;
    }
    return HSE_OK;
}

/* A new file beside `path`; its permissions are those that the user's umask leaves, as of any other new file. */
static int open_beside(char *beside, size_t size, const char *path)
{
    int fd = -1;

    for (unsigned i = 0; fd < 0 && i < 100; i++) {
        snprintf(beside, size, "%s.%d-%02u.part", path, (int)getpid(), i);
        fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

/* A device, a pipe or a terminal is written to as it is; a file renamed over it would put an end to /dev/null. */
hse_status hse_file_out_open(hse_file_out *f, const char *path, hse_error *err)
{
    size_t room = strlen(path) + 32;
    struct stat st;
    bool special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);

    *f = (hse_file_out){.fd = -1, .path = hse_strdup(path), .beside = special ? NULL : hse_alloc(room)};
    hse_status s = HSE_OK;
    if (!f->path || (!special && !f->beside))
        s = hse_fail(err, HSE_E_NOMEM, 0, "no memory to write %s", path);
    else if ((f->fd = special ? open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY) : open_beside(f->beside, room, path)) < 0)
        s = hse_fail_sys(err, errno, "cannot write %s", path);
    if (s != HSE_OK) {
        hse_free(f->path);
        hse_free(f->beside);
        *f = (hse_file_out){0};
    }
    return s;
}

hse_status hse_file_out_write(hse_file_out *f, const void *data, size_t size, hse_error *err)
{
    return write_all(f->fd, data, size, f->path, err);
}

hse_status hse_file_out_patch(hse_file_out *f, uint64_t offset, const void *data, size_t size, hse_error *err)
{
    const char *p = data;

    if (!f->beside)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s is no regular file, so what was written stays", f->path);
    while (size) {
        ssize_t n = pwrite(f->fd, p, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hse_fail_sys(err, n ? errno : EIO, "cannot write %s", f->path);
        p += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return HSE_OK;
}

hse_status hse_file_out_commit(hse_file_out *f, hse_error *err)
{
    hse_status s = HSE_OK;

    if (f->beside && fsync(f->fd) != 0)
        s = hse_fail_sys(err, errno, "cannot write %s", f->path);
    if (close(f->fd) != 0 && s == HSE_OK)
        s = hse_fail_sys(err, errno, "cannot write %s", f->path);
    f->fd = -1;
    if (f->beside && s == HSE_OK && rename(f->beside, f->path) != 0)
        s = hse_fail_sys(err, errno, "cannot write %s", f->path);
    if (s == HSE_OK) {
        hse_free(f->beside);
        f->beside = NULL;
    }
    hse_file_out_abort(f);
    return s;
}

void hse_file_out_abort(hse_file_out *f)
{
    if (!f->path)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->beside)
        unlink(f->beside);
    hse_free(f->path);
    hse_free(f->beside);
    *f = (hse_file_out){0};
}

hse_status hse_file_write(const char *path, const void *data, size_t size, hse_error *err)
{
    hse_file_out f;
    hse_status s = hse_file_out_open(&f, path, err);
    if (s != HSE_OK)
        return s;
    s = hse_file_out_write(&f, data, size, err);
    if (s == HSE_OK)
        return hse_file_out_commit(&f, err);
    hse_file_out_abort(&f);
    return s;
}
