/* parts.c - dates by a format that the writer names. */
#include "text/common/common.h"

#include <string.h>

enum { MAX_PARTS = 3 };

/* "3/5/2024" -> three numbers; false: something else is there. */
static bool split(const char *text, size_t size, unsigned part[MAX_PARTS], size_t *count)
{
    size_t i = 0;

    for (*count = 0; *count < MAX_PARTS; ++*count) {
        size_t n = 0;

        part[*count] = 0;
        for (; i + n < size && text[i + n] >= '0' && text[i + n] <= '9' && n < 5; n++)
            part[*count] = part[*count] * 10 + (unsigned)(text[i + n] - '0');
        if (n == 0 || n > 4)
            return false;
        i += n;
        if (i == size) {
            ++*count;
            return true;
        }
        if (!strchr("/-. ", text[i]))
            return false;
        while (i < size && strchr("/-. ", text[i]))
            i++;
    }
    return i == size;
}

bool common_parts(const char *format, const char *text, size_t size, text_parts *out)
{
    static const char *const formats[] = {"mdy", "dmy", "ymd", "md", "dm", "ym", "my", "y", "m", "d"};
    unsigned part[MAX_PARTS] = {0};
    size_t count = 0, k = 0;

    *out = (text_parts){0};
    if (!format || !split(text, size, part, &count))
        return false;
    while (k < COUNT(formats) && strcmp(formats[k], format) != 0)
        k++;
    if (k == COUNT(formats) || strlen(format) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        out->day_first = out->day_first || (format[i] == 'm' && out->day);
        if (format[i] == 'y') {
            out->year = part[i];
            out->has_year = true;
        } else if (format[i] == 'm') {
            out->month = part[i];
        } else {
            out->day = part[i];
        }
    }
    return out->month <= 12 && out->day <= 31 && (!strchr(format, 'm') || out->month) && (!strchr(format, 'd') || out->day);
}
