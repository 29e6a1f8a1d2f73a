#include "text/hs1/frontend.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "text/ascii.h"
#include "text/en/abbreviations.h"
#include "text/en/number.h"

static const char symbols[HS1_SYMBOLS + 1] = "_~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!'\"(),-.:;? ";

const char *const hs1_step_names[HS1_STEPS] = {"ascii", "currency", "ordinals", "numbers", "abbreviations", "cleaned"};

int hs1_symbol(unsigned char c)
{
    const char *at = c >= 0x20 && c < 0x7F ? strchr(symbols + 2, c) : NULL;

    return at && *at ? (int)(at - symbols) : -1;
}

char hs1_symbol_char(int id)
{
    return id >= 0 && id < HS1_SYMBOLS ? symbols[id] : '\0';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool ascii_space(char c)
{
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
}

static size_t digits_at(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && digit(s[i]))
        i++;
    return i;
}

/* `[0-9][0-9,]+[0-9]`: a digit, at least one more digit or comma, a digit; the longest such run loses its commas. */
static void drop_commas(const char *s, size_t n, hse_buf *out)
{
    for (size_t i = 0; i < n;) {
        if (!digit(s[i])) {
            hse_buf_byte(out, (uint8_t)s[i++]);
            continue;
        }
        size_t end = i, last = i; /* last: one past the last digit of the run */
        for (; end < n && (digit(s[end]) || s[end] == ','); end++)
            if (digit(s[end]))
                last = end + 1;
        for (; i < last; i++)
            if (s[i] != ',')
                hse_buf_byte(out, (uint8_t)s[i]);
    }
}

/* A decimal number without its leading zeros. */
static void put_number(hse_buf *out, const char *s, size_t n)
{
    while (n > 1 && s[0] == '0') {
        s++;
        n--;
    }
    hse_buf_append(out, s, n);
}

static bool is_value(const char *s, size_t n, char value)
{
    while (n > 1 && s[0] == '0') {
        s++;
        n--;
    }
    return n == 0 ? value == '0' : n == 1 && s[0] == value;
}

static hse_status put_dollars(const char *s, size_t n, size_t offset, hse_buf *out, hse_error *err)
{
    size_t dots = 0, dot = n;

    for (size_t i = 0; i < n; i++)
        if (s[i] == '.' && dots++ == 0)
            dot = i;
    if (dots > 1) {
        hse_buf_append(out, s, n);
        hse_buf_str(out, " dollars");
        return HSE_OK;
    }
    const char *comma = memchr(s, ',', n);
    if (comma)
        return hse_fail(err, HSE_E_FORMAT, offset + (size_t)(comma - s),
                        "a dollar amount has a comma that is not between digits");

    const char *cents = dot < n ? s + dot + 1 : s + n;
    size_t n_cents = (size_t)(s + n - cents);
    bool have_dollars = !is_value(s, dot, '0'), have_cents = !is_value(cents, n_cents, '0');

    if (have_dollars) {
        put_number(out, s, dot);
        hse_buf_str(out, is_value(s, dot, '1') ? " dollar" : " dollars");
    }
    if (have_dollars && have_cents)
        hse_buf_str(out, ", ");
    if (have_cents) {
        put_number(out, cents, n_cents);
        hse_buf_str(out, is_value(cents, n_cents, '1') ? " cent" : " cents");
    }
    if (!have_dollars && !have_cents)
        hse_buf_str(out, "zero dollars");
    return HSE_OK;
}

static hse_status spell_dollars(const char *s, size_t n, hse_buf *out, hse_error *err)
{
    for (size_t i = 0; i < n;) {
        size_t last = 0;

        if (s[i] == '$')
            for (size_t j = i + 1; j < n && (digit(s[j]) || s[j] == '.' || s[j] == ','); j++)
                if (digit(s[j]))
                    last = j + 1;
        if (last == 0) {
            hse_buf_byte(out, (uint8_t)s[i++]);
            continue;
        }
        hse_status status = put_dollars(s + i + 1, last - i - 1, i + 1, out, err);
        if (status != HSE_OK)
            return status;
        i = last;
    }
    return HSE_OK;
}

/* digits `.` digits: the dot becomes " point ". A number has one: "1.2.3" is "1 point 2.3". */
static void spell_points(const char *s, size_t n, hse_buf *out)
{
    for (size_t i = 0; i < n;) {
        size_t whole = digits_at(s + i, n - i);
        size_t part =
            whole && i + whole < n && s[i + whole] == '.' ? digits_at(s + i + whole + 1, n - i - whole - 1) : 0;

        if (part) {
            hse_buf_append(out, s + i, whole);
            hse_buf_str(out, " point ");
            hse_buf_append(out, s + i + whole + 1, part);
            i += whole + 1 + part;
        } else {
            size_t len = whole ? whole : 1;
            hse_buf_append(out, s + i, len);
            i += len;
        }
    }
}

static hse_status too_big(size_t offset, size_t digits, hse_error *err)
{
    return hse_fail(err, HSE_E_FORMAT, offset, "a number of %zu digits has no words: it must be below 10^%d", digits,
                    EN_MAX_DIGITS);
}

static hse_status spell_ordinals(const char *s, size_t n, hse_buf *out, hse_error *err)
{
    for (size_t i = 0; i < n;) {
        size_t len = digits_at(s + i, n - i);
        const char *suffix = s + i + len;

        if (len && n - i - len >= 2 &&
            (memcmp(suffix, "st", 2) == 0 || memcmp(suffix, "nd", 2) == 0 || memcmp(suffix, "rd", 2) == 0 ||
             memcmp(suffix, "th", 2) == 0)) {
            if (!en_ordinal(out, s + i, len, EN_HYPHEN | EN_COMMA | EN_AND))
                return too_big(i, len, err);
            i += len + 2;
        } else {
            len = len ? len : 1;
            hse_buf_append(out, s + i, len);
            i += len;
        }
    }
    return HSE_OK;
}

static hse_status spell_numbers(const char *s, size_t n, hse_buf *out, hse_error *err)
{
    for (size_t i = 0; i < n;) {
        size_t len = digits_at(s + i, n - i);

        if (len == 0)
            hse_buf_byte(out, (uint8_t)s[i++]);
        else if (!en_with_years(out, s + i, len))
            return too_big(i, len, err);
        else
            i += len;
    }
    return HSE_OK;
}

static void collapse(const char *s, size_t n, hse_buf *out)
{
    for (size_t i = 0; i < n; i++)
        if (!ascii_space(s[i]))
            hse_buf_byte(out, (uint8_t)s[i]);
        else if (i == 0 || !ascii_space(s[i - 1]))
            hse_buf_byte(out, ' ');
}

/* The text as it goes from step to step. The first failure stays in `now`. */
typedef struct {
    hse_buf now, next;
} cleaner;

static void keep(const cleaner *t, hse_buf *const step[HS1_STEPS], hs1_step which)
{
    if (step[which])
        hse_buf_append(step[which], hse_buf_text(&t->now), t->now.size);
}

#define NOW(t) hse_buf_text(&(t)->now), (t)->now.size, &(t)->next

static hse_status clean(cleaner *t, const char *text, size_t size, hse_buf *const step[HS1_STEPS], hse_error *err)
{
    hse_status s;

    if ((s = text_to_ascii(text, size, &t->now, err)) != HSE_OK)
        return s;
    keep(t, step, HS1_STEP_ASCII);
    for (size_t i = 0; i < t->now.size; i++)
        if (t->now.data[i] >= 'A' && t->now.data[i] <= 'Z')
            t->now.data[i] = (uint8_t)(t->now.data[i] | 0x20);
    drop_commas(NOW(t));
    hse_buf_advance(&t->now, &t->next);
    if ((s = spell_dollars(NOW(t), err)) != HSE_OK)
        return s;
    hse_buf_advance(&t->now, &t->next);
    keep(t, step, HS1_STEP_CURRENCY);
    spell_points(NOW(t));
    hse_buf_advance(&t->now, &t->next);
    if ((s = spell_ordinals(NOW(t), err)) != HSE_OK)
        return s;
    hse_buf_advance(&t->now, &t->next);
    keep(t, step, HS1_STEP_ORDINALS);
    if ((s = spell_numbers(NOW(t), err)) != HSE_OK)
        return s;
    hse_buf_advance(&t->now, &t->next);
    keep(t, step, HS1_STEP_NUMBERS);
    en_expand_abbreviations(&t->now, &t->next, EN_ABBREVIATIONS);
    keep(t, step, HS1_STEP_ABBREVIATIONS);
    collapse(NOW(t));
    hse_buf_advance(&t->now, &t->next);
    keep(t, step, HS1_STEP_CLEANED);
    return hse_buf_status(&t->now, "the cleaned text", err);
}

hse_status hs1_clean(const char *text, size_t size, hse_buf *const step[HS1_STEPS], hse_error *err)
{
    cleaner t;
    size_t ceiling;

    /* The longest words for the fewest bytes: a run of 35 digits gives 400 characters, a sign of 2 bytes up to 20. */
    if (!hse_mul_size(size, 64, &ceiling) || !hse_add_size(ceiling, 256, &ceiling))
        return hse_fail(err, HSE_E_LIMIT, 0, "a text of %zu bytes is too long", size);
    hse_buf_init(&t.now, ceiling);
    hse_buf_init(&t.next, ceiling);
    hse_status s = clean(&t, text, size, step, err);
    for (int i = 0; i < HS1_STEPS && s == HSE_OK; i++)
        if (step[i])
            s = hse_buf_status(step[i], "the cleaned text", err);
    hse_buf_free(&t.now);
    hse_buf_free(&t.next);
    return s;
}

static hse_status piece_ids(const char *text, size_t size, hse_buf *ids, hse_error *err)
{
    hse_buf cleaned;
    hse_buf *step[HS1_STEPS] = {[HS1_STEP_CLEANED] = &cleaned};

    hse_buf_init(&cleaned, SIZE_MAX - 1);
    hse_status s = hs1_clean(text, size, step, err);
    for (size_t i = 0; i < cleaned.size && s == HSE_OK; i++) {
        int id = hs1_symbol(cleaned.data[i]);
        if (id >= 0)
            hse_buf_byte(ids, (uint8_t)id);
    }
    hse_buf_free(&cleaned);
    return s;
}

/* The first `{`, with at least one character and a `}` behind it, before any line feed. The close is the first `}` that
 * is not directly behind the `{`. A second `{` cannot match where the first does not. */
static bool find_brace(const char *s, size_t n, size_t *open, size_t *close)
{
    const char *line_end = memchr(s, '\n', n);
    size_t line = line_end ? (size_t)(line_end - s) : n;
    const char *brace = memchr(s, '{', line);

    if (!brace)
        return false;
    *open = (size_t)(brace - s);
    const char *end = line - *open > 2 ? memchr(brace + 2, '}', line - *open - 2) : NULL;
    if (!end)
        return false;
    *close = (size_t)(end - s);
    return true;
}

hse_status hs1_text_ids(const char *text, size_t size, hse_buf *ids, hse_error *err)
{
    size_t before = ids->size, bad, open, close;
    hse_status s = HSE_OK;

    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the text is not UTF-8: wrong byte at position %zu", bad);
    text = text_strip(text, &size);
    while (size && s == HSE_OK) {
        if (!find_brace(text, size, &open, &close)) {
            s = piece_ids(text, size, ids, err);
            break;
        }
        s = piece_ids(text, open, ids, err);
        text += close + 1;
        size -= close + 1;
        const char *line_end = memchr(text, '\n', size);
        if (line_end)
            size = (size_t)(line_end - text); /* the original loses all that is behind it */
    }
    hse_buf_byte(ids, HS1_END);
    if (s == HSE_OK)
        s = hse_buf_status(ids, "the symbol sequence", err);
    if (s != HSE_OK)
        ids->size = before;
    return s;
}
