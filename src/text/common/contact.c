/* contact.c - web and e-mail addresses, files, telephone numbers. */
#include "text/common/common.h"

static const char *const top_domains[] = {
    "ai",  "app", "at",  "au",   "be",   "biz",  "br",  "ca",  "ch", "cn",  "co",     "com",  "cz",  "de",
    "dev", "dk",  "edu", "es",   "eu",   "fi",   "fr",  "gov", "ie", "il",  "in",     "info", "int", "io",
    "it",  "jp",  "kr",  "me",   "mil",  "mx",   "net", "nl",  "no", "nz",  "online", "org",  "pl",  "pt",
    "ru",  "se",  "sg",  "shop", "site", "tech", "tv",  "uk",  "us", "xyz", "za",
};

/* Top domains that are also words, which a missing space behind a full stop would show: "do.it". */
static const char *const word_domains[] = {"at", "be", "in", "it", "me", "no", "us"};

static const char *const extensions[] = {
    "bat",  "bin",  "bmp",  "bz",  "cfg", "conf", "cpp",  "css", "csv",  "dll", "doc",  "docx", "exe", "flac",
    "gif",  "gz",   "html", "ini", "iso", "jpeg", "jpg",  "js",  "json", "log", "md",   "mkv",  "mov", "mp",
    "mpeg", "ogg",  "pdf",  "php", "png", "ppt",  "pptx", "py",  "rar",  "rtf", "sh",   "sql",  "svg", "tar",
    "tgz",  "tiff", "ts",   "tsv", "txt", "wav",  "webm", "xls", "xlsx", "xml", "yaml", "yml",  "zip",
};

#define IN(list, s, i, n) (scan_find(list, COUNT(list), sizeof list[0], (s)->text + (i), n) >= 0)

static bool host_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-';
}

static bool url_char(char c)
{
    return host_char(c) || (c && strchr("._~:/?#[]@!$&'()*+,;=%\\", c) != NULL);
}

/* A host name at i, with its labels counted and the last one found; bytes. */
static size_t host_at(const text_scan *s, size_t i, int *labels, size_t *last, size_t *n_last)
{
    size_t at = i;

    *labels = 0;
    for (;;) {
        size_t start = at;
        while (at - i < SCAN_REACH / 2 && host_char(scan_char(s, at)))
            at++;
        if (at == start)
            return *labels ? at - 1 - i : 0; /* a dot ended it */
        (*labels)++;
        *last = start;
        *n_last = at - start;
        if (scan_char(s, at) != '.' || !host_char(scan_char(s, at + 1)))
            return at - i;
        at++;
    }
}

/* The end of an address that runs to white space: closing punctuation belongs to the sentence. */
static size_t trim(const text_scan *s, size_t start, size_t end)
{
    while (end > start && strchr(".,;:!?'\")]>", s->text[end - 1]) && s->text[end - 1]) {
        if (s->text[end - 1] == ')' && memchr(s->text + start, '(', end - 1 - start))
            break;
        end--;
    }
    return end;
}

static size_t url_end(const text_scan *s, size_t i)
{
    size_t end = i;

    while (end - i < 4 * SCAN_REACH && url_char(scan_char(s, end)))
        end++;
    return end;
}

static bool known_domain(const text_scan *s, size_t host, int labels, size_t last, size_t n_last)
{
    bool www = scan_is(s, host, "www.");

    if (labels < 2 || scan_is_digit(s, last))
        return false;
    if (www)
        return labels >= 3;
    if (!IN(top_domains, s, last, n_last) || !(labels > 2 || !IN(word_domains, s, last, n_last)))
        return false;
    /* "Gone.Com" is no domain, "GONE.COM" is */
    return !(scan_is_upper(s, last) && !scan_is_upper(s, last + n_last - 1));
}

static size_t email_at(const text_scan *s, size_t i)
{
    size_t at = i, last, n_last;
    int labels;

    while (at - i < SCAN_REACH / 4 &&
           (host_char(scan_char(s, at)) || (scan_char(s, at) && strchr("._%+'", scan_char(s, at)))))
        at++;
    if (at == i || scan_char(s, at) != '@' || scan_char(s, at - 1) == '.')
        return 0;
    size_t host = host_at(s, at + 1, &labels, &last, &n_last);
    return host && labels >= 2 && !scan_is_digit(s, last) ? at + 1 + host - i : 0;
}

size_t common_address(const text_scan *s)
{
    static const char *const schemes[] = {"https://", "http://", "ftp://", "sftp://", "ws://",
                                          "wss://",   "file://", "ssh://", "mailto:"};
    size_t at = s->at, last = 0, n_last = 0, n, end;
    int labels = 0;

    if (!(s->run_has & (SCAN_DOT | SCAN_AT | SCAN_SIGNAL)))
        return 0;
    for (size_t k = 0; k < COUNT(schemes); k++)
        if (scan_is(s, at, schemes[k])) {
            end = trim(s, at, url_end(s, at));
            if (end <= at + strlen(schemes[k]))
                return 0;
            return end - at;
        }
    if (s->run_has & SCAN_AT) {
        if ((n = email_at(s, at)))
            return n;
        if (scan_char(s, at) == '@' && scan_is_letter(s, at + 1)) {
            for (n = 1; n < SCAN_MAX_WORD && (host_char(scan_char(s, at + n)) || scan_char(s, at + n) == '_'); n++)
                ;
            return n;
        }
    }
    if (!(s->run_has & SCAN_DOT) || !(n = host_at(s, at, &labels, &last, &n_last)))
        return 0;
    if (known_domain(s, at, labels, last, n_last)) {
        end = at + n;
        if (scan_char(s, end) == '/' || (scan_char(s, end) == ':' && scan_is_digit(s, end + 1)) ||
            scan_char(s, end) == '?')
            end = trim(s, at, url_end(s, end));
        if (scan_goes_on(s, end))
            return 0;
        return end - at;
    }
    /* report_2.pdf */
    size_t dot = at, stem;
    while (dot - at < SCAN_REACH / 4 && (host_char(scan_char(s, dot)) || scan_char(s, dot) == '_'))
        dot++;
    stem = scan_char(s, dot) == '.' ? scan_letters(s, dot + 1) : 0;
    if (dot > at && stem && IN(extensions, s, dot + 1, stem)) {
        end = dot + 1 + stem + scan_digits(s, dot + 1 + stem, 1);
        stem = scan_char(s, end) == '.' ? scan_letters(s, end + 1) : 0;
        if (stem && IN(extensions, s, end + 1, stem)) /* tar.gz */
            end += 1 + stem;
        if (!scan_goes_on(s, end))
            return end - at;
    }
    return 0;
}

/* ---- said ---- */

/* Letters as they are, digits one by one, signs by name; a sign without a name is left out. */
static void say_address(text_scan *s, size_t i, size_t n)
{
    const text_words *w = s->language->words;
    size_t end = i + n, len;

    while (i < end) {
        if (scan_is_digit(s, i)) {
            common_say_digits(s, s->text + i++, 1);
        } else if (scan_is_letter(s, i)) {
            for (len = 0; i + len < end && scan_is_letter(s, i + len); len++)
                ;
            common_say_n(s, s->text + i, len);
            i += len;
        } else {
            for (size_t k = 0; k < w->n_address_signs; k++)
                if (w->address_signs[k].written[0] == s->text[i])
                    common_say(s, w->address_signs[k].say);
            i++;
        }
    }
}

size_t common_rule_address(text_scan *s)
{
    size_t n = common_address(s);

    if (n)
        say_address(s, s->at, n);
    return n;
}

/* ---- telephone ---- */

static bool separator(char c)
{
    return c == '-' || c == '.' || c == ' ';
}

bool common_phone(const text_scan *s, size_t i, int max_groups, text_phone *p)
{
    size_t at = i;
    char last = 0, between = 0; /* the separator in front of the next group */

    *p = (text_phone){0};
    if (scan_char(s, at) == '+') {
        p->plus = true;
        at++;
    }
    for (;;) {
        bool open = scan_char(s, at) == '(';
        size_t n = scan_digits(s, at + open, 15);
        if (n < 1 || n > 15 || p->count == max_groups || (open && (p->area || scan_char(s, at + 1 + n) != ')')))
            break;
        p->at[p->count] = at + open;
        p->n[p->count++] = n;
        p->area = p->area || open;
        if (between)
            p->sep = p->sep == 0 || p->sep == between ? between : '*';
        between = 0;
        at += n + 2 * (size_t)open;
        p->end = at;
        char c = scan_char(s, at);
        if (open && scan_is_digit(s, at))
            continue;
        if (open && c == ' ' && scan_char(s, at + 1) == '-' && scan_char(s, at + 2) == ' ') {
            at += 3;
            continue;
        }
        if (!separator(c) || !(scan_is_digit(s, at + 1) || scan_char(s, at + 1) == '('))
            break;
        if (c == ' ' && last == '-')
            break; /* another number follows */
        last = c;
        if (!open)
            between = c;
        at++;
    }
    return p->count > 0 && !scan_goes_on(s, p->end) && !(scan_char(s, p->end) == '/' && scan_is_digit(s, p->end + 1));
}

bool common_phone_shape(const text_phone *p, const char *pattern)
{
    if (strlen(pattern) != (size_t)p->count)
        return false;
    for (int k = 0; k < p->count; k++)
        if (p->n[k] != (size_t)(pattern[k] - '0'))
            return false;
    return true;
}

/* Is it a telephone number, not an amount or a range? */
static bool is_phone(const text_scan *s, const text_phone *p)
{
    size_t digits = 0;
    bool code = scan_char(s, p->at[0]) == '0';

    for (int k = 0; k < p->count; k++)
        digits += p->n[k];
    if (p->plus)
        return digits >= 8 && digits <= 15 && (p->count > 1 || digits >= 10);
    if (p->count == 1) { /* 0612345678; in China 13812345678 */
        bool mobile = s->language->words->mobile_11 && digits == 11 && scan_char(s, p->at[0]) == '1' &&
                      scan_char(s, p->at[0] + 1) >= '3' && !scan_is(s, p->end - 4, "0000");
        return mobile || (digits >= 9 && digits <= 11 && code && !p->area);
    }
    if (p->area || (code && p->sep != '*' && (p->sep != '.' || p->count > 2))) {
        bool spaced = p->sep == ' ' && !p->area; /* rather numbers side by side, unless it looks like one number */
        for (int k = 0; k < p->count; k++)
            if (p->n[k] > (spaced ? 4U : 8U) || (spaced && p->n[k] < 2))
                return false;
        return digits >= (spaced ? 9U : 7U) && digits <= (spaced ? 11U : 13U) && p->n[0] <= 5;
    }
    char last = scan_char(s, p->end - 1);
    if (p->sep == '-') {
        if (common_phone_shape(p, "44")) /* 1588-1234; 2010-2015 is a range */
            return scan_value(s, p->at[0], 4) > scan_value(s, p->at[1], 4) || scan_value(s, p->at[0], 4) > 2100;
        if (common_phone_shape(p, "34")) /* 100-2000 is a range */
            return scan_char(s, p->at[0] + 2) != '0' || last != '0';
        return p->count >= 3 && digits >= 8;
    }
    const char *own = s->language->words->phone_groups;
    if (p->sep == ' ' && own && common_phone_shape(p, own))
        return scan_char(s, p->at[0]) >= '6' && !(last == '0' && scan_is(s, p->end - 3, "000"));
    if (common_phone_shape(p, "344")) /* 138 1234 5678 */
        return s->language->words->mobile_11 && scan_char(s, p->at[0]) == '1' && scan_char(s, p->at[0] + 1) >= '3';
    if (p->sep == '.' && common_phone_shape(p, "334"))
        return true;
    return !s->language->unspaced &&
           (common_phone_shape(p, "3222") || common_phone_shape(p, "2322") || common_phone_shape(p, "22222"));
}

/* 192.168.0.1 */
static size_t network_address(text_scan *s)
{
    size_t at = s->at, n;

    for (int part = 0; part < 4; part++) {
        n = scan_digits(s, at, 3);
        if (n < 1 || n > 3 || scan_value(s, at, n) > 255 || (n > 1 && scan_char(s, at) == '0'))
            return 0;
        if (part)
            common_say(s, s->language->words->spoken_point);
        common_say_digits(s, s->text + at, n);
        at += n;
        if (part < 3 && scan_char(s, at++) != '.')
            return 0;
    }
    return common_ends(s, at) ? at - s->at : 0;
}

/* +34 612 345 678, (02) 123-4567, 010-1234-5678: digit by digit, with a short rest between the groups */
size_t common_rule_phone(text_scan *s)
{
    size_t before = s->out->size, n = network_address(s);
    text_phone p;

    if (n)
        return n;
    s->out->size = before;
    bool found = false;
    /* numbers that follow, each behind a space, are no part of it */
    for (int groups = PHONE_GROUPS; groups > 0 && !found; groups = p.count - 1)
        found = common_phone(s, s->at, groups, &p) && is_phone(s, &p) && (groups == PHONE_GROUPS || scan_char(s, p.end) == ' ');
    if (!found)
        return 0;
    if (p.plus)
        for (size_t k = 0; k < s->language->words->n_signs; k++)
            if (s->language->words->signs[k].where == SIGN_ALONE && strcmp(s->language->words->signs[k].written, "+") == 0)
                common_say(s, s->language->words->signs[k].say);
    for (int k = 0; k < p.count; k++) {
        if (k)
            say_mark(s->out, ',');
        if (s->language->words->phone_pairs && p.n[k] == 2 && scan_char(s, p.at[k]) != '0')
            common_say_value(s, scan_value(s, p.at[k], 2), USE_ALONE);
        else
            common_say_digits(s, s->text + p.at[k], p.n[k]);
    }
    return p.end - s->at;
}
