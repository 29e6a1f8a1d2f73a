#include "base/log.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMPONENTS = 16, NAME = 24, LINE = 2048 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static struct {
    int           fd;
    bool          json;
    hse_log_level rest;
    int           n;
    struct {
        char          name[NAME];
        hse_log_level level;
    } component[MAX_COMPONENTS];
} config = {.fd = -1, .rest = HSE_LOG_OFF};                 /* written by hse_log_open only, before threads start */

static bool level_of(const char *word, size_t n, hse_log_level *out)
{
    for (size_t i = 0; i < COUNT(level_names); i++)
        if (strlen(level_names[i]) == n && strncasecmp(word, level_names[i], n) == 0) {
            *out = (hse_log_level)i;
            return true;
        }
    if (n == 3 && strncasecmp(word, "off", 3) == 0) {
        *out = HSE_LOG_OFF;
        return true;
    }
    return false;
}

hse_status hse_log_open(int fd, hse_log_format format, const char *levels, hse_error *err)
{
    config.fd = fd;
    config.json = format == HSE_LOG_JSON || (format == HSE_LOG_AUTO && !isatty(fd));
    config.rest = HSE_LOG_INFO;
    config.n = 0;
    for (const char *p = levels ? levels : ""; *p;) {
        size_t len = strcspn(p, ",");
        const char *eq = memchr(p, '=', len);
        size_t name = eq ? (size_t)(eq - p) : 0;
        const char *word = eq ? eq + 1 : p;
        hse_log_level level;

        if (!level_of(word, len - (size_t)(word - p), &level) || name >= NAME || (eq && config.n == MAX_COMPONENTS))
            return hse_fail(err, HSE_E_ARG, (uint64_t)(p - levels),
                            "\"%.*s\" is not off, error, warn, info, debug or component=level", (int)len, p);
        if (eq) {
            memcpy(config.component[config.n].name, p, name);
            config.component[config.n].name[name] = '\0';
            config.component[config.n++].level = level;
        } else {
            config.rest = level;
        }
        p += len;
        p += *p == ',';
    }
    return HSE_OK;
}

bool hse_log_on(const char *component, hse_log_level level)
{
    hse_log_level limit = config.rest;

    if (config.fd < 0)
        return false;
    for (int i = 0; i < config.n; i++)
        if (strcmp(config.component[i].name, component) == 0)
            limit = config.component[i].level;
    return level <= limit;
}

/* Append text as the inside of a JSON string: control characters, quotes and bytes that are not UTF-8 are escaped. */
static size_t escape(char *out, size_t room, const char *s)
{
    size_t at = 0, n = strlen(s), i = 0;

    while (i < n && at + 7 < room) {
        uint32_t c;
        size_t len = hse_utf8_next(s + i, n - i, &c);
        if (len == 0) {
            at += (size_t)snprintf(out + at, room - at, "\\u%04x", 0xFFFDu);
            i++;
        } else if (c < 0x20 || c == 0x7F || c == '"' || c == '\\') {
            at += (size_t)snprintf(out + at, room - at, "\\u%04x", (unsigned)c);
            i += len;
        } else {
            memcpy(out + at, s + i, len);
            at += len;
            i += len;
        }
    }
    return at;
}

void hse_log(hse_log_level level, const char *component, const char *request_id, const char *fmt, ...)
{
    if (level < 0 || !hse_log_on(component, level))
        return;
    static const char end[] = {'"', '}', '\n'};
    char message[LINE / 2], line[LINE];
    struct timespec t;
    struct tm tm;
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);

    const size_t room = sizeof line - 4;                    /* for the closing quote, brace and line feed */
    size_t n = strftime(line, room, config.json ? "{\"time\":\"%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
    if (config.json) {
        n += (size_t)snprintf(line + n, room - n, ".%03ldZ\",\"level\":\"%s\",\"component\":\"%s\"", t.tv_nsec / 1000000,
                              level_names[level], component);
        if (request_id && *request_id) {
            n += (size_t)snprintf(line + n, room - n, ",\"request\":\"");
            n += escape(line + n, room - n < 160 ? room - n : 160, request_id);
            line[n++] = '"';
        }
        n += (size_t)snprintf(line + n, room - n, ",\"message\":\"");
        n += escape(line + n, room - n, message);
        memcpy(line + n, end, sizeof end);
        n += sizeof end;
    } else {
        n += (size_t)snprintf(line + n, room - n, " %-5s %s: ", level_names[level], component);
        n += escape(line + n, room - n, message);
        line[n++] = '\n';
    }
    ssize_t written = write(config.fd, line, n);
    (void)written;                                          /* a log that cannot be written must not stop the work */
}
