#include "text/en/spell.h"

#include "text/scan.h"

static const char *const letters[26] = {
    "ay", "bee", "see", "dee", "ee",  "eff", "gee", "aitch", "eye", "jay",        "kay", "ell", "em",
    "en", "oh",  "pee", "cue", "are", "ess", "tea", "you",   "vee", "double you", "ex",  "why", "zee",
};

/* In capitals, with a vowel, and yet spelled. Sorted. */
static const char *const spelled[] = {
    "ac",  "acl", "ad",  "adhd", "ai",  "am",  "aol", "api", "asl", "atm", "au",  "bce",  "ce",   "ceo",
    "cfo", "cia", "cio", "cto",  "diy", "dna", "doa", "doi", "ea",  "ec",  "ed",  "edt",  "ee",   "eia",
    "epa", "er",  "est", "eta",  "eu",  "ev",  "faq", "fbi", "gdp", "gui", "hiv", "iaea", "ibm",  "icu",
    "id",  "ide", "ip",  "ipa",  "ipo", "iq",  "irc", "irs", "isp", "iv",  "la",  "mri",  "nba",  "nfl",
    "oem", "os",  "pa",  "po",   "pr",  "qa",  "rna", "roi", "rpi", "suv", "tv",  "uae",  "ucla", "ufo",
    "ui",  "uk",  "un",  "url",  "us",  "usa", "usb", "utc", "uv",  "ux",  "vip", "xml",  "ymca",
};

/* In small letters, as addresses bring them. Sorted. */
static const char *const spelled_small[] = {"css", "ftp", "html", "http", "https", "mp",  "pdf",
                                            "php", "png", "sql",  "ssh",  "url",   "www", "xml"};

#define IN(list, p, n) (scan_find(list, COUNT(list), sizeof list[0], p, n) >= 0)

const char *en_letter_name(char c)
{
    char small = (char)(c | 0x20);

    return small >= 'a' && small <= 'z' && (unsigned char)c < 0x80 ? letters[small - 'a'] : NULL;
}

static bool vowel(char c)
{
    return strchr("aeiouyAEIOUY", c) != NULL;
}

typedef struct {
    size_t n; /* letters */
    size_t upper, vowels;
} word_shape;

static word_shape shape_at(const text_scan *s, size_t i)
{
    word_shape w = {0, 0, 0};

    for (; scan_is_letter(s, i + w.n) && w.n <= SCAN_MAX_WORD; w.n++) {
        w.upper += scan_is_upper(s, i + w.n);
        w.vowels += vowel(scan_char(s, i + w.n));
    }
    return w;
}

/* Is the word at i, of n letters, to be spelled? *plural: a small s behind capitals. */
static bool is_spelled(const text_scan *s, size_t i, word_shape w, bool shouting, bool *plural)
{
    const char *p = s->text + i;

    *plural = w.n >= 3 && w.upper == w.n - 1 && p[w.n - 1] == 's';
    if (w.n == 1)
        return !strchr("aAIoO", *p) && !(i > 0 && (p[-1] == '\'' || (unsigned char)p[-1] >= 0x80));
    if (w.upper == 0)
        return IN(spelled_small, p, w.n);
    if (*plural)
        return w.n <= 6 && !shouting && (w.vowels == 0 || IN(spelled, p, w.n - 1));
    if (w.n <= 4 && w.vowels == 0 && w.upper >= 2)
        return true; /* TV, PhD */
    return w.upper == w.n && !shouting && (IN(spelled, p, w.n) || (w.vowels == 0 && w.n <= 6));
}

void en_spell(const char *text, size_t size, hse_buf *out)
{
    text_scan s = {.text = text, .size = size, .out = out};
    size_t lower = 0, upper = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned c = scan_class(text[i]);
        lower += (c & SCAN_LOWER) != 0;
        upper += (c & SCAN_UPPER) != 0;
    }
    bool shouting = upper > 8 && upper > lower;

    for (size_t i = 0; i < size;) {
        word_shape w = shape_at(&s, i);
        bool plural, edge = w.n && w.n <= SCAN_MAX_WORD && !scan_word_before(&s, i) && !scan_word_char(&s, i + w.n);

        if (edge && is_spelled(&s, i, w, shouting, &plural)) {
            for (size_t k = 0; k < w.n - plural; k++)
                say(out, letters[(text[i + k] | 0x20) - 'a']);
            if (plural)
                hse_buf_byte(out, 's');
            i += w.n;
        } else {
            size_t n = w.n ? w.n : 1;
            hse_buf_append(out, text + i, n);
            i += n;
        }
    }
}
