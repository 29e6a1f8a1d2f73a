/* The normaliser against the pairs of tests/data/text-normalization: the share of pairs given exactly, per category.
 *
 * Compared without case, white space, the word "and" and the characters . , ! ? ; : " ' ' -. Words must be the same
 * words, both when a dash joins them and when it separates them. A pair that reads digit by digit a whole number that a
 * person would say as a number is not counted. */
#include "test.h"

#include "base/file.h"
#include "base/mem.h"
#include "text/normalize.h"

#include <dirent.h>
#include <stdlib.h>

enum { MAX_FORMS = 16, MAX_CATEGORIES = 32 };

/* Into the form that is compared: lower case, marks gone (a dash splits words when `split`), one space between words.
 */
static void canonical(const char *text, bool split, char *out, size_t size)
{
    size_t n = 0;
    bool gap = false;

    for (const char *p = text; *p && n + 8 < size; p++) {
        if (strncmp(p, "\xE2\x80\x99", 3) == 0) {
            p += 2;
            continue;
        }
        if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || (*p == '-' && split)) {
            gap = n > 0;
            continue;
        }
        if (strchr(".,!?;:\"'-", *p))
            continue;
        if (gap)
            out[n++] = ' ';
        gap = false;
        out[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
    }
    out[n] = '\0';
    char kept[4096];
    size_t k = 0;
    for (char *save = NULL, *w = strtok_r(out, " ", &save); w; w = strtok_r(NULL, " ", &save))
        if (strcmp(w, "and") != 0 && k + strlen(w) + 2 < sizeof kept)
            k += (size_t)snprintf(kept + k, sizeof kept - k, "%s%s", k ? " " : "", w);
    kept[k] = '\0';
    snprintf(out, size, "%s", kept);
}

/* White space does not count. English, Spanish and French separate words by it, so there only its amount does not. */
static void join(char *text)
{
    char *put = text;

    for (const char *p = text; *p; p++)
        if (*p != ' ')
            *put++ = *p;
    *put = '\0';
}

static bool same(const text_language *lang, const char *a, const char *b)
{
    char x[4096], y[4096];

    for (int split = 0; split < 2; split++) {
        canonical(a, split, x, sizeof x);
        canonical(b, split, y, sizeof y);
        if (lang->unspaced) {
            join(x);
            join(y);
        }
        if (strcmp(x, y) != 0)
            return false;
    }
    return true;
}

static bool counted(const char *written, const char *spoken)
{
    static const char *const digits[] = {"zero", "one", "two",   "three", "four",
                                         "five", "six", "seven", "eight", "nine"};
    char words[4096];
    size_t n = 0;

    if (written[0] == '0' || written[strspn(written, "0123456789,")] || strlen(written) < 2)
        return true;
    snprintf(words, sizeof words, "%s", spoken);
    for (char *save = NULL, *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save), n++) {
        bool digit = false;
        for (size_t d = 0; d < COUNT(digits); d++)
            digit = digit || strcmp(w, digits[d]) == 0;
        if (!digit)
            return true;
    }
    return n < 2;
}

typedef struct {
    unsigned right, all;
} score;

static void judge(const text_language *lang, const char *name, const char *written, char *forms[], size_t n, score *sc)
{
    hse_buf got;
    hse_error err = {0};
    bool right = false;

    if (n == 1 && !counted(written, forms[0]))
        return;
    hse_buf_init(&got, 1 << 20);
    CHECK(text_normalize(lang, written, strlen(written), &got, &err) == HSE_OK, "%s: %s", written, err.text);
    for (size_t i = 0; i < n && !right; i++)
        right = same(lang, hse_buf_text(&got), forms[i]);
    sc->all++;
    sc->right += right;
    if (!right)
        print_message("  %s: '%s': got '%s', want '%s'\n", name, written, hse_buf_text(&got), forms[0]);
    hse_buf_free(&got);
}

static score run_file(const text_language *lang, const char *path, const char *name)
{
    char *data = NULL, *forms[MAX_FORMS], *save = NULL;
    const char *written = NULL;
    size_t size, n = 0;
    hse_error err = {0};
    score sc = {0};
    bool many = strstr(name, "with_audio") != NULL;

    CHECK(hse_file_read(&data, &size, path, 1 << 20, &err) == HSE_OK, "%s", err.text);
    for (char *line = strtok_r(data, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        char *tilde = strchr(line, '~');
        if (many && line != tilde) {
            if (n < MAX_FORMS)
                forms[n++] = line;
            continue;
        }
        if (n)
            judge(lang, name, written, forms, n, &sc);
        n = 0;
        if (!tilde)
            continue;
        *tilde = '\0';
        written = many ? tilde + 1 : line;
        for (char *form = many ? NULL : tilde + 1; form && n < MAX_FORMS; form = tilde ? tilde + 1 : NULL) {
            if ((tilde = strchr(form, '~')))
                *tilde = '\0';
            forms[n++] = form;
        }
    }
    if (n)
        judge(lang, name, written, forms, n, &sc);
    hse_free(data);
    return sc;
}

static void run_language(const char *code, double bar, double category_bar)
{
    const text_language *lang = text_language_find(code);
    char folder[128], file[512];
    score total = {0};
    bool low = false;

    CHECK(lang, "%s has no normaliser", code);
    snprintf(folder, sizeof folder, "tests/data/text-normalization/%s", code);
    DIR *dir = opendir(test_path(folder));
    CHECK(dir, "%s is missing", folder);
    for (struct dirent *e; (e = readdir(dir));) {
        if (strncmp(e->d_name, "test_cases_", 11) != 0)
            continue;
        snprintf(file, sizeof file, "%s/%s", folder, e->d_name);
        score sc = run_file(lang, test_path(file), e->d_name + 11);
        double share = sc.all ? 100.0 * sc.right / sc.all : 0;
        print_message("%s %s: %u of %u, %.1f %%\n", code, e->d_name + 11, sc.right, sc.all, share);
        low = low || sc.all == 0 || share < category_bar;
        total.right += sc.right;
        total.all += sc.all;
    }
    closedir(dir);
    double share = total.all ? 100.0 * total.right / total.all : 0;
    print_message("%s: %u of %u, %.1f %%\n", code, total.right, total.all, share);
    CHECK(total.all > 30 && share >= bar, "%s: %.1f %% of the pairs, the bar is %.0f %%", code, share, bar);
    CHECK(!low, "%s: a category is below %.0f %%", code, category_bar);
}

TEST(english_pairs)
{
    run_language("en", 95, 90);
}

TEST(spanish_pairs)
{
    run_language("es", 95, 85);
}

TEST(french_pairs)
{
    run_language("fr", 95, 85);
}

TEST(chinese_pairs)
{
    run_language("zh", 95, 85);
}

TEST(japanese_pairs)
{
    run_language("ja", 95, 85);
}

TEST(korean_pairs)
{
    run_language("ko", 95, 85);
}
