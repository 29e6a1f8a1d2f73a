#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf may have cut a multi-byte character in two: drop the incomplete tail. */
static void trim_cut_character(char *text, size_t capacity)
{
    size_t n = strlen(text);

    if (n + 1 < capacity)
        return;
    while (n > 0 && ((unsigned char)text[n - 1] & 0xC0) == 0x80)
        text[--n] = '\0';
    if (n > 0 && (unsigned char)text[n - 1] >= 0xC0)
        text[n - 1] = '\0';
}

hse_status (hse_fail)(hse_error *err, hse_status status, uint64_t offset, const char *fmt, ...)
{
    if (!err)
        return status;
    va_list args;

    va_start(args, fmt);
    err->status = status;
    err->sys = 0;
    err->offset = offset;
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    trim_cut_character(err->text, sizeof err->text);
    return status;
}

hse_status (hse_fail_sys)(hse_error *err, int sys, const char *fmt, ...)
{
    hse_status status = sys == ENOENT ? HSE_E_NOT_FOUND : sys == ENOMEM ? HSE_E_NOMEM : HSE_E_IO;

    if (!err)
        return status;
    char what[sizeof err->text], reason[128];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    /* GNU strerror_r may return a constant string and leave the buffer alone. */
    const char *text = strerror_r(sys, reason, sizeof reason);
    hse_fail(err, status, 0, "%s: %s", what, text);
    err->sys = sys;
    return status;
}

hse_status (hse_fail_in)(hse_error *err, hse_status status, const char *fmt, ...)
{
    if (!err)
        return status;
    char where[sizeof err->text], inner[sizeof err->text];
    va_list args;

    va_start(args, fmt);
    vsnprintf(where, sizeof where, fmt, args);
    va_end(args);
    memcpy(inner, err->text, sizeof inner);
    int sys = err->sys;
    uint64_t offset = err->offset;
    hse_fail(err, status, offset, "%s: %s", where, inner);
    err->sys = sys;
    return status;
}

const char *hse_status_name(hse_status status)
{
    switch (status) {
    case HSE_OK: return "ok";
    case HSE_E_ARG: return "argument";
    case HSE_E_NOMEM: return "memory";
    case HSE_E_IO: return "io";
    case HSE_E_FORMAT: return "format";
    case HSE_E_LIMIT: return "limit";
    case HSE_E_CANCELLED: return "cancelled";
    case HSE_E_DEADLINE: return "deadline";
    case HSE_E_UNSUPPORTED: return "unsupported";
    case HSE_E_NOT_FOUND: return "not found";
    case HSE_E_BUSY: return "busy";
    }
    return "unknown";
}
