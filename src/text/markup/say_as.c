#include "text/markup/say_as.h"

#include "base/utf8.h"
#include "text/ascii.h"
#include "text/common/common.h"
#include "text/language.h"
#include "text/normalize.h"

#include <string.h>

enum { MAX_TEXT = 1000 };

static const struct {
    const char   *name;
    text_say_kind kind;
} kinds[] = {
    {"characters", SAY_CHARACTERS}, {"spell-out", SAY_CHARACTERS}, {"verbatim", SAY_CHARACTERS}, {"digits", SAY_DIGITS},
    {"cardinal", SAY_CARDINAL},     {"number", SAY_CARDINAL},      {"ordinal", SAY_ORDINAL},     {"fraction", SAY_FRACTION},
    {"date", SAY_DATE},             {"time", SAY_TIME},            {"telephone", SAY_TELEPHONE}, {"currency", SAY_CURRENCY},
    {"unit", SAY_UNIT},
};

static const char kind_list[] = "characters, spell-out, digits, cardinal, number, ordinal, fraction, date, time, telephone, currency, unit";

/* One character after another, a comma where there was a blank. Digits are words only once the normaliser has seen them. */
static bool spread(hse_buf *out, text_say_kind kind, const char *text, size_t size)
{
    bool any = false, gap = false;
    uint32_t c;

    for (size_t i = 0, n; i < size; i += n) {
        n = hse_utf8_next(text + i, size - i, &c);
        if (n == 0)
            return false;
        bool digit = c >= '0' && c <= '9';
        if (text_is_space(c) || (kind == SAY_TELEPHONE && strchr("-.()/", (int)(c < 128 ? c : 'x')))) {
            gap = any;
            continue;
        }
        if (kind != SAY_CHARACTERS && !digit && !(kind == SAY_TELEPHONE && c == '+'))
            return false;
        hse_buf_str(out, gap ? ", " : any ? " " : "");
        hse_buf_append(out, text + i, n);
        any = true;
        gap = false;
    }
    return any;
}

/* Kinds that the language's normaliser knows by their look: it must make something of the text. */
static bool by_normaliser(hse_buf *out, const text_language *language, const char *text, size_t size, hse_status *s, hse_error *err)
{
    size_t before = out->size;

    *s = language ? text_normalize(language, text, size, out, err) : HSE_OK;
    return *s == HSE_OK && (out->size - before != size || memcmp(hse_buf_text(out) + before, text, size) != 0);
}

/* An ordinal of plain digits as the language writes it. */
static bool write_ordinal(hse_buf *out, const text_written *w, const char *text, size_t size)
{
    size_t n = 0, dot;

    while (n < size && text[n] >= '0' && text[n] <= '9')
        n++;
    dot = n < size && text[n] == '.';
    if (n == 0 || n + dot != size)
        return false;
    if (n == 1 && *text == '1' && w->first_ordinal)
        hse_buf_str(out, w->first_ordinal);
    else
        hse_buf_printf(out, "%s%.*s%s", w->ordinal[0], (int)n, text, w->ordinal[1]);
    return true;
}

static bool write_date(hse_buf *out, const text_written *w, const char *format, const char *text, size_t size)
{
    const char *gap = "";
    text_parts p;

    if (!common_parts(format, text, size, &p))
        return false;
    if (!w->months && p.has_year) {
        hse_buf_printf(out, "%u%s", p.year, w->year);
        gap = w->between;
    }
    if (!w->months && p.month) {
        hse_buf_printf(out, "%s%u%s", gap, p.month, w->month);
        gap = w->between;
    }
    if (p.day == 1 && w->first_day && p.month)
        hse_buf_str(out, w->first_day);
    else if (p.day)
        hse_buf_printf(out, "%s%u%s", gap, p.day, w->months ? "" : w->day);
    if (w->months && p.month)
        hse_buf_printf(out, "%s%s", p.day ? w->between : "", w->months[p.month - 1]);
    if (w->months && p.has_year)
        hse_buf_printf(out, "%s%u", p.month ? w->between : "", p.year);
    return true;
}

/* Ordinals and dates with a format: written as the language's rules know them. */
static bool by_writing(hse_buf *out, const text_language *language, text_say_kind kind, const char *format, const char *text, size_t size,
                       hse_status *s, hse_error *err)
{
    const text_written *w = language ? language->written : NULL;
    hse_buf b;
    bool written;

    hse_buf_init(&b, 4 * MAX_TEXT);
    written = w && ((kind == SAY_ORDINAL && write_ordinal(&b, w, text, size)) || (kind == SAY_DATE && write_date(&b, w, format, text, size)));
    if (written && (*s = hse_buf_status(&b, "what is said", err)) == HSE_OK)
        *s = text_normalize(language, hse_buf_text(&b), b.size, out, err);
    hse_buf_free(&b);
    return written && *s == HSE_OK;
}

hse_status text_say_as(hse_buf *out, const char *code, const char *name, const char *format, const char *text, size_t size,
                       hse_error *err)
{
    const text_language *language = text_language_find(code);
    size_t before = out->size, i = 0;
    hse_status s = HSE_OK;
    bool said = false;

    while (size && strchr(" \t\r\n", *text)) {
        text++;
        size--;
    }
    while (size && strchr(" \t\r\n", text[size - 1]))
        size--;
    while (i < COUNT(kinds) && strcmp(kinds[i].name, name) != 0)
        i++;
    if (i == COUNT(kinds))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "interpret-as '%.40s' is not offered; there are %s", name, kind_list);
    text_say_kind kind = kinds[i].kind;
    if (format && kind != SAY_DATE)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "interpret-as '%.40s' has no format", name);
    if (size > MAX_TEXT)
        return hse_fail(err, HSE_E_LIMIT, 0, "%zu bytes to say as %.40s; at most %d", size, name, MAX_TEXT);
    if (size == 0)
        return HSE_OK;
    if (language && language->say_as)
        said = language->say_as(out, kind, format, text, size);
    if (!said && !(language && language->say_as)) {
        if (kind == SAY_CHARACTERS || kind == SAY_DIGITS || kind == SAY_TELEPHONE)
            said = spread(out, kind, text, size);
        else if (kind == SAY_ORDINAL || format)
            said = by_writing(out, language, kind, format, text, size, &s, err);
    }
    bool look = kind != SAY_CHARACTERS && kind != SAY_DIGITS && kind != SAY_TELEPHONE && !format &&
                (kind != SAY_ORDINAL || !(language && language->say_as));
    if (s == HSE_OK && !said && look) {
        out->size = before;
        said = by_normaliser(out, language, text, size, &s, err);
    }
    if (s == HSE_OK)
        s = hse_buf_status(out, "what is said", err);
    if (s == HSE_OK && !said)
        s = hse_fail(err, HSE_E_ARG, 0, "'%.*s' cannot be said as %.40s%s%.20s in '%.20s'", (int)(size < 60 ? size : 60), text, name,
                     format ? " of the format " : "", format ? format : "", code);
    if (s != HSE_OK)
        out->size = before;
    return s;
}
