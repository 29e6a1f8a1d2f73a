/* log.h - one line per event on standard error (or a file): JSON, or plain text on a terminal.
 *
 * Levels are set per component ("server=debug,engine=warn,info" sets two components and the rest). A line carries the
 * request id when there is one. Texts are escaped, so a hostile file name cannot forge a line. Thread-safe; a line is
 * written with one write(2). Nothing is printed before hse_log_open, so the library alone is silent. */
#ifndef HSE_BASE_LOG_H
#define HSE_BASE_LOG_H

#include "base/status.h"

#include <stdbool.h>

typedef enum { HSE_LOG_ERROR, HSE_LOG_WARN, HSE_LOG_INFO, HSE_LOG_DEBUG, HSE_LOG_OFF = -1 } hse_log_level;
typedef enum { HSE_LOG_AUTO, HSE_LOG_JSON, HSE_LOG_TEXT } hse_log_format;   /* AUTO: text on a terminal, else JSON */

/* levels: NULL or "" = info for all. A word that is neither a level nor component=level is HSE_E_ARG. */
hse_status hse_log_open(int fd, hse_log_format format, const char *levels, hse_error *err);
bool       hse_log_on(const char *component, hse_log_level level);
void       hse_log(hse_log_level level, const char *component, const char *request_id, const char *fmt, ...)
    HSE_PRINTF(4, 5);

#endif
