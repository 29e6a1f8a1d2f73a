#include "text/en/abbreviations.h"

#include "base/utf8.h"
#include "text/ascii.h"

static const char *const list[EN_ABBREVIATIONS][2] = {
    {"mrs", "misess"},    {"mr", "mister"},     {"dr", "doctor"},    {"st", "saint"},     {"co", "company"},
    {"jr", "junior"},     {"maj", "major"},     {"gen", "general"},  {"drs", "doctors"},  {"rev", "reverend"},
    {"lt", "lieutenant"}, {"hon", "honorable"}, {"sgt", "sergeant"}, {"capt", "captain"}, {"esq", "esquire"},
    {"ltd", "limited"},   {"col", "colonel"},   {"ft", "fort"},      {"mk", "mark"},      {"jan", "january"},
    {"feb", "february"},  {"mar", "march"},     {"apr", "april"},    {"aug", "august"},   {"sept", "september"},
    {"oct", "october"},   {"nov", "november"},  {"dec", "december"},
};

/* Does a word character end before `at`? */
static bool inside_word(const char *s, size_t at)
{
    size_t from = at;
    uint32_t c;

    while (from > 0 && at - from < 4 && ((uint8_t)s[--from] & 0xC0) == 0x80)
        ;
    return at > 0 && hse_utf8_next(s + from, at - from, &c) != 0 && text_is_word(c);
}

/* The boundary is that of the text before this replacement, so "st.st." becomes "saintsaint". */
static void expand(const char *s, size_t n, hse_buf *out, const char *from, const char *to)
{
    size_t len = strlen(from), copied = 0;

    for (const char *dot = s; (dot = memchr(dot, '.', n - (size_t)(dot - s))) != NULL; dot++) {
        size_t at = (size_t)(dot - s);

        if (at >= copied + len && memcmp(dot - len, from, len) == 0 && !inside_word(s, at - len)) {
            hse_buf_append(out, s + copied, at - len - copied);
            hse_buf_str(out, to);
            copied = at + 1;
        }
    }
    hse_buf_append(out, s + copied, n - copied);
}

void en_expand_abbreviations(hse_buf *text, hse_buf *work, size_t count)
{
    for (size_t i = 0; i < count && text->status == HSE_OK && memchr(hse_buf_text(text), '.', text->size); i++) {
        expand(hse_buf_text(text), text->size, work, list[i][0], list[i][1]);
        hse_buf_advance(text, work);
    }
}
