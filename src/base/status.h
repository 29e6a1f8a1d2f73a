/* status.h - filling an hse_error. Every call that can fail returns hse_status and describes itself in *err. */
#ifndef HSE_BASE_STATUS_H
#define HSE_BASE_STATUS_H

#include "hse.h"

#define HSE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HSE_MUST_CHECK        __attribute__((warn_unused_result))
#define COUNT(array)          (sizeof(array) / sizeof((array)[0]))

/* Write status, offset and a printf-style sentence to *err (which may be NULL) and return status, so that a caller can
 * say `return hse_fail(err, HSE_E_FORMAT, off, "...")`. The text is cut at the buffer's end on a UTF-8 boundary. */
hse_status hse_fail(hse_error *err, hse_status status, uint64_t offset, const char *fmt, ...) HSE_PRINTF(4, 5);

/* The same for a failed system call: HSE_E_IO (HSE_E_NOT_FOUND for ENOENT, HSE_E_NOMEM for ENOMEM), err->sys = sys, and
 * ": strerror" appended. Pass the saved errno. */
hse_status hse_fail_sys(hse_error *err, int sys, const char *fmt, ...) HSE_PRINTF(3, 4);

/* Put "prefix: " in front of the text of a filled *err, to say where a deeper error happened. Returns err's status. */
hse_status hse_fail_in(hse_error *err, hse_status status, const char *fmt, ...) HSE_PRINTF(3, 4);

/* An analyser that reads one file at a time would follow every `return hse_fail(...)` as a success, too. */
#ifdef __clang_analyzer__
#define hse_fail(err, status, ...)    ((void)hse_fail(err, status, __VA_ARGS__), status)
#define hse_fail_sys(err, sys, ...)   (hse_fail_sys(err, sys, __VA_ARGS__) ?: HSE_E_IO)
#define hse_fail_in(err, status, ...) ((void)hse_fail_in(err, status, __VA_ARGS__), status)
#endif

/* "malformed", "limit", ... : a constant word for logs. */
const char *hse_status_name(hse_status status);

#endif
