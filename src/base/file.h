/* file.h - whole files in and out: read into memory, map read-only, write so that nobody sees half a file. */
#ifndef HSE_BASE_FILE_H
#define HSE_BASE_FILE_H

#include "base/bytes.h"
#include "base/status.h"

typedef struct {
    hse_bytes bytes;        /* data is NULL for an empty file */
    int       fd;           /* kept open; -1 when closed */
} hse_map;

/* Map a regular file read-only. HSE_E_NOT_FOUND, HSE_E_IO, HSE_E_FORMAT (not a regular file). */
hse_status hse_map_open(hse_map *out, const char *path, hse_error *err);
void       hse_map_close(hse_map *m);                   /* takes a zeroed or closed map */
/* Give the pages of [offset, offset + size) back to the system; they are read again when touched. */
void       hse_map_drop(const hse_map *m, size_t offset, size_t size);

/* The whole file (or stream, when path is "-": standard input) in memory; HSE_E_LIMIT above `ceiling`. Free with
 * hse_free. A 0 byte follows the content. */
hse_status hse_file_read(char **out, size_t *size, const char *path, size_t ceiling, hse_error *err);

/* The numbers that the first line of a file of the kernel's (/proc, /sys) begins with; returns how many, `most` at most. One
 * that is too large is UINT64_MAX. */
int hse_file_numbers(uint64_t *out, int most, const char *path);

/* Write beside, fsync, rename: on failure the old file, if any, is untouched and nothing is left behind. What exists and is
 * no regular file (a device, a pipe) is written to as it is. */
hse_status hse_file_write(const char *path, const void *data, size_t size, hse_error *err);

/* The same piece by piece, for what need not be in memory at once. Nothing stands at `path` before the commit. */
typedef struct {
    int   fd;
    char *path, *beside;    /* beside NULL: a device or pipe, written to as it is */
} hse_file_out;

hse_status hse_file_out_open(hse_file_out *f, const char *path, hse_error *err);
hse_status hse_file_out_write(hse_file_out *f, const void *data, size_t size, hse_error *err);
/* Over bytes that were written before; HSE_E_UNSUPPORTED for a device or pipe. */
hse_status hse_file_out_patch(hse_file_out *f, uint64_t offset, const void *data, size_t size, hse_error *err);
hse_status hse_file_out_commit(hse_file_out *f, hse_error *err);       /* also on failure the object is closed */
void       hse_file_out_abort(hse_file_out *f);                         /* takes a zeroed or closed object */

#endif
