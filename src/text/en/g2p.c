#include "text/en/g2p.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "text/en/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { LETTERS = 29, TEXT_BYTES = 1 << 20, MAX_WORD = 256 };

static const char *const phones[EN_G2P_PHONES] = {
    "<pad>", "<unk>", "<s>", "</s>", "AA0", "AA1", "AA2", "AE0", "AE1", "AE2", "AH0", "AH1", "AH2", "AO0", "AO1",
    "AO2",   "AW0",   "AW1", "AW2",  "AY0", "AY1", "AY2", "B",   "CH",  "D",   "DH",  "EH0", "EH1", "EH2", "ER0",
    "ER1",   "ER2",   "EY0", "EY1",  "EY2", "F",   "G",   "HH",  "IH0", "IH1", "IH2", "IY0", "IY1", "IY2", "JH",
    "K",     "L",     "M",   "N",    "NG",  "OW0", "OW1", "OW2", "OY0", "OY1", "OY2", "P",   "R",   "S",   "SH",
    "T",     "TH",    "UH0", "UH1",  "UH2", "UW",  "UW0", "UW1", "UW2", "V",   "W",   "Y",   "Z",   "ZH",
};

const char *en_g2p_phone(int index)
{
    return index >= 0 && index < EN_G2P_PHONES ? phones[index] : "<unk>";
}

/* ---- the network ---- */

hse_status en_g2p_check(const en_g2p_net *n, hse_error *err)
{
    int h = n->enc_w_hh.cols, e = n->enc_emb.cols, d = n->dec_emb.cols;
    const struct {
        const en_matrix *m;
        int              rows, cols;
    } shapes[] = {{&n->enc_emb, LETTERS, e},    {&n->enc_w_ih, 3 * h, e}, {&n->enc_w_hh, 3 * h, h}, {&n->enc_b_ih, 1, 3 * h},
                  {&n->enc_b_hh, 1, 3 * h},     {&n->dec_emb, EN_G2P_PHONES, d}, {&n->dec_w_ih, 3 * h, d},
                  {&n->dec_w_hh, 3 * h, h},     {&n->dec_b_ih, 1, 3 * h}, {&n->dec_b_hh, 1, 3 * h},
                  {&n->fc_w, EN_G2P_PHONES, h}, {&n->fc_b, 1, EN_G2P_PHONES}};
    bool ok = h > 0 && h <= EN_G2P_HIDDEN && e > 0 && e <= EN_G2P_HIDDEN && d > 0 && d <= EN_G2P_HIDDEN;

    for (size_t i = 0; i < COUNT(shapes) && ok; i++)
        ok = shapes[i].m->values && shapes[i].m->rows == shapes[i].rows && shapes[i].m->cols == shapes[i].cols;
    return ok ? HSE_OK : hse_fail(err, HSE_E_FORMAT, 0, "the letter-to-sound network's arrays do not fit together");
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

hse_status en_g2p_read(en_g2p_net *net, const text_pack *pack, hse_error *err)
{
    const struct {
        const char *name;
        en_matrix  *m;
    } parts[] = {{"g2p.enc_emb", &net->enc_emb},   {"g2p.enc_w_ih", &net->enc_w_ih}, {"g2p.enc_w_hh", &net->enc_w_hh},
                 {"g2p.enc_b_ih", &net->enc_b_ih}, {"g2p.enc_b_hh", &net->enc_b_hh}, {"g2p.dec_emb", &net->dec_emb},
                 {"g2p.dec_w_ih", &net->dec_w_ih}, {"g2p.dec_w_hh", &net->dec_w_hh}, {"g2p.dec_b_ih", &net->dec_b_ih},
                 {"g2p.dec_b_hh", &net->dec_b_hh}, {"g2p.fc_w", &net->fc_w},         {"g2p.fc_b", &net->fc_b}};

    for (size_t i = 0; i < COUNT(parts); i++) {
        hse_bytes b = text_pack_bytes(pack, parts[i].name);
        uint32_t rows = b.size >= 8 ? u32_at(b.data) : 0, cols = b.size >= 8 ? u32_at(b.data + 4) : 0;

        if (rows == 0 || cols == 0 || rows > 1 << 16 || cols > 1 << 16 || b.size - 8 != (uint64_t)rows * cols * sizeof(float))
            return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's array \"%s\" is damaged: run scripts/language-data again",
                            parts[i].name);
        *parts[i].m = (en_matrix){(const float *)(const void *)(b.data + 8), (int)rows, (int)cols};
    }
    return en_g2p_check(net, err);
}

static float weight(const en_matrix *m, size_t i)
{
    float v;

    memcpy(&v, (const char *)(const void *)m->values + i * sizeof v, sizeof v);
    return v;
}

/* out[r] = sum of w[r][i] x[i] + b[r] */
static void affine(float *out, const en_matrix *w, const float *x, const en_matrix *b)
{
    enum { LANES = 8 };                     /* sums side by side, which a compiler turns into vectors */

    for (int r = 0; r < w->rows; r++) {
        const char *row = (const char *)(const void *)w->values + (size_t)r * (size_t)w->cols * sizeof(float);
        double lane[LANES] = {0}, sum = 0;
        int i = 0;

        for (; i + LANES <= w->cols; i += LANES) {
            float v[LANES];

            memcpy(v, row + (size_t)i * sizeof *v, sizeof v);
            for (int k = 0; k < LANES; k++)
                lane[k] += (double)v[k] * x[i + k];
        }
        for (int k = 0; k < LANES; k++)
            sum += lane[k];
        for (; i < w->cols; i++)
            sum += (double)weight(w, (size_t)r * (size_t)w->cols + (size_t)i) * x[i];
        out[r] = (float)(sum + weight(b, (size_t)r));
    }
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static void gru(float *h, const en_matrix *emb, int row, const en_matrix *w_ih, const en_matrix *w_hh, const en_matrix *b_ih,
                const en_matrix *b_hh)
{
    float x[EN_G2P_HIDDEN] = {0}, a[3 * EN_G2P_HIDDEN] = {0}, b[3 * EN_G2P_HIDDEN] = {0};
    int n = w_hh->cols;

    for (int i = 0; i < emb->cols; i++)
        x[i] = weight(emb, (size_t)row * (size_t)emb->cols + (size_t)i);
    affine(a, w_ih, x, b_ih);
    affine(b, w_hh, h, b_hh);
    for (int i = 0; i < n; i++) {
        float r = sigmoid(a[i] + b[i]), z = sigmoid(a[n + i] + b[n + i]);

        h[i] = (1.0f - z) * tanhf(a[2 * n + i] + r * b[2 * n + i]) + z * h[i];
    }
}

int en_g2p_predict(const en_g2p_net *net, const char *word, size_t size, int phone[EN_G2P_STEPS], float *last_hidden,
                   float *first_logits)
{
    enum { UNKNOWN = 1, END_LETTER = 2, FIRST_LETTER = 3, START = 2, END = 3 };
    float h[EN_G2P_HIDDEN] = {0}, logits[EN_G2P_PHONES];
    int count = 0, last = START;

    for (size_t i = 0; i <= size && i <= MAX_WORD; i++) {
        char c = i < size && i < MAX_WORD ? word[i] : '\0';
        int row = c == '\0' ? END_LETTER : c >= 'a' && c <= 'z' ? FIRST_LETTER + (c - 'a') : UNKNOWN;

        gru(h, &net->enc_emb, row, &net->enc_w_ih, &net->enc_w_hh, &net->enc_b_ih, &net->enc_b_hh);
    }
    if (last_hidden)
        memcpy(last_hidden, h, (size_t)net->enc_w_hh.cols * sizeof *h);
    for (int step = 0; step < EN_G2P_STEPS; step++) {
        int best = 0;

        gru(h, &net->dec_emb, last, &net->dec_w_ih, &net->dec_w_hh, &net->dec_b_ih, &net->dec_b_hh);
        affine(logits, &net->fc_w, h, &net->fc_b);
        if (step == 0 && first_logits)
            memcpy(first_logits, logits, sizeof logits);
        for (int i = 1; i < EN_G2P_PHONES; i++)
            best = logits[i] > logits[best] ? i : best;
        if (best == END)
            break;
        phone[count++] = last = best;
    }
    return count;
}

/* ---- text ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(const char *t)
{
    size_t n = 0;

    while (is_digit(t[n]))
        n++;
    return n;
}

static bool is_ending(const char *t)
{
    return strncmp(t, "st", 2) == 0 || strncmp(t, "nd", 2) == 0 || strncmp(t, "rd", 2) == 0 || strncmp(t, "th", 2) == 0;
}

/* "three dollars, fifty cents" */
static void say_dollars(hse_buf *out, const char *t, size_t whole, size_t cents_at, size_t cents)
{
    bool some = false, more = false;

    for (size_t i = 0; i < whole; i++)
        some = some || t[i] != '0';
    for (size_t i = 0; i < cents; i++)
        more = more || t[cents_at + i] != '0';
    if (some) {
        en_with_years(out, t, whole);
        hse_buf_str(out, whole == 1 && *t == '1' ? " dollar" : " dollars");
    }
    if (more) {
        hse_buf_str(out, some ? ", " : "");
        en_with_years(out, t + cents_at, cents);
        hse_buf_str(out, cents == 1 && t[cents_at] == '1' ? " cent" : " cents");
    }
    if (!some && !more)
        hse_buf_str(out, "zero dollars");
}

/* Money, decimals, ordinals, numbers; commas inside digits have no meaning. Too large numbers are left out. */
static void spell_numbers(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        bool dollars = t[i] == '$' && is_digit(t[i + 1]), pounds = strncmp(t + i, "\u00A3", 2) == 0 && is_digit(t[i + 2]);
        size_t sign = dollars ? 1 : pounds ? 2 : 0, whole = digits_at(t + i + sign), part = 0, end;
        const char *d = t + i + sign;

        if (!whole) {
            hse_buf_byte(out, (uint8_t)t[i++]);
            continue;
        }
        if (d[whole] == '.')
            part = digits_at(d + whole + 1);
        end = sign + whole + (part ? part + 1 : 0);
        if (dollars) {
            say_dollars(out, d, whole, whole + 1, part);
        } else if (part) {
            en_with_years(out, d, whole);
            hse_buf_str(out, " point ");
            en_with_years(out, d + whole + 1, part);
        } else if (!sign && is_ending(d + whole)) {
            en_ordinal(out, d, whole, EN_HYPHEN | EN_COMMA | EN_AND);
            end += 2;
        } else {
            en_with_years(out, d, whole);
        }
        hse_buf_str(out, pounds ? " pounds" : "");
        i += end;
    }
}

/* Small letters without marks; of all else only ' . , ? ! - and space stay; "i.e." and "e.g." are spelled out. */
static void plain(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        utf8proc_int32_t part[32];
        uint32_t c = 0xFFFD;
        size_t n = hse_utf8_next(t + i, size - i, &c);
        utf8proc_ssize_t count = utf8proc_decompose_char((utf8proc_int32_t)c, part, COUNT(part), UTF8PROC_DECOMPOSE, NULL);

        i += n ? n : 1;
        for (utf8proc_ssize_t k = 0; k < count && k < (utf8proc_ssize_t)COUNT(part); k++) {
            utf8proc_int32_t lower = utf8proc_tolower(part[k]);

            if (lower < 128 && ((lower >= 'a' && lower <= 'z') || (lower && strchr(" '.,?!-", (int)lower))))
                hse_buf_byte(out, (uint8_t)lower);
        }
    }
}

static void expand(hse_buf *out, const char *t, size_t size)
{
    for (size_t i = 0; i < size;) {
        const char *to = strncmp(t + i, "i.e.", 4) == 0 ? "that is" : strncmp(t + i, "e.g.", 4) == 0 ? "for example" : NULL;

        if (to)
            hse_buf_str(out, to);
        else
            hse_buf_byte(out, (uint8_t)t[i]);
        i += to ? 4 : 1;
    }
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* The token at t: letters with ' and - inside, dots that follow each other, or one mark. */
static size_t token_at(const char *t)
{
    size_t n = 0, end = 0;

    if (is_letter(*t)) {
        for (; is_letter(t[n]) || t[n] == '\'' || t[n] == '-'; n++)
            if (is_letter(t[n]))
                end = n + 1;
        return end;
    }
    if (*t == '.' && t[1 + strspn(t + 1, " ")] == '.') {
        for (n = 1; t[n + strspn(t + n, " ")] == '.';)
            n += strspn(t + n, " ") + 1;
        return n;
    }
    return 1;
}

static void add_all(text_list *l, const char *phones_of_word, size_t size)
{
    for (size_t i = 0; i < size;) {
        const char *space = memchr(phones_of_word + i, ' ', size - i);
        size_t end = space ? (size_t)(space - phones_of_word) : size;

        if (end > i)
            text_list_add(l, phones_of_word + i, end - i, NULL);
        i = end + 1;
    }
}

/* Without a tagger a word that stands alone is taken for a noun. */
static void add_homograph(text_list *l, const char *row)
{
    const char *second = strchr(row, '|'), *tag = second ? strchr(second + 1, '|') : NULL;

    if (!tag)
        return;
    if (tag[1] == 'N')
        add_all(l, row, (size_t)(second - row));
    else
        add_all(l, second + 1, (size_t)(tag - second - 1));
}

static void say_token(const en_g2p *g, text_list *l, const char *word, size_t size)
{
    bool letter = false;
    const char *row;
    int phone[EN_G2P_STEPS], count;

    for (size_t i = 0; i < size; i++)
        letter = letter || is_letter(word[i]);
    if (!letter) {
        text_list_add(l, word, size, NULL);
    } else if ((row = g->homograph(g->user, word, size)) != NULL) {
        add_homograph(l, row);
    } else if ((row = g->word(g->user, word, size)) != NULL) {
        add_all(l, row, strlen(row));
    } else {
        count = en_g2p_predict(g->net, word, size, phone, NULL, NULL);
        for (int i = 0; i < count; i++)
            text_list_add(l, en_g2p_phone(phone[i]), strlen(en_g2p_phone(phone[i])), NULL);
    }
}

hse_status en_g2p_run(const en_g2p *g, const char *text, size_t size, hse_arena *arena, text_answer *out, hse_error *err)
{
    text_list l = {.arena = arena};
    hse_buf a, b;
    hse_status s;

    hse_buf_init(&a, TEXT_BYTES);
    hse_buf_init(&b, TEXT_BYTES);
    spell_numbers(&a, text, size);
    plain(&b, hse_buf_text(&a), a.size);
    s = hse_buf_status(&a, "a word", err);              /* which hse_buf_clear forgets */
    hse_buf_clear(&a);
    expand(&a, hse_buf_text(&b), b.size);
    for (const char *t = hse_buf_text(&a); *t;) {
        size_t n = token_at(t);

        if (*t != ' ') {
            if (l.count)
                text_list_add(&l, " ", 1, NULL);
            say_token(g, &l, t, n);
        }
        t += n;
    }
    if (s == HSE_OK)
        s = hse_buf_status(&a, "a word", err);
    if (s == HSE_OK)
        s = hse_buf_status(&b, "a word", err);
    hse_buf_free(&a);
    hse_buf_free(&b);
    return s == HSE_OK ? text_list_give(&l, "a word's phones", out, err) : s;
}
