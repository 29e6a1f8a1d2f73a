/* phonology.c - letters to sounds: the articles of the Standard Pronunciation of Korean (pyojun bareumbeop) that a group of
 * letters needs. A syllable is an initial, a vowel and a final; what changes is a vowel behind its initial (article 5), and what
 * a final and the next syllable's initial do to each other (8 to 30), which is decided boundary by boundary.
 *
 * Where the reference (g2pkk) is more general than the text of an article, it is followed, and the place says so. */
#include "text/ko/ko.h"

#include "text/ascii.h"

enum { SYLLABLES = 0xAC00, LAST_SYLLABLE = 0xD7A3, VOWELS = 21, FINALS = 28, INITIAL = 0x1100, VOWEL = 0x1161, FINAL = 0x11A7 };
enum { A = 0x1161, EO = 0x1165, E = 0x1166, YEO = 0x1167, U = 0x116E, EU = 0x1173, UI = 0x1174, I = 0x1175 };

/* In the order of their code points; a doubled letter is the tense sound. */
typedef enum {
    I_G, I_GG, I_N, I_D, I_DD, I_L, I_M, I_B, I_BB, I_S, I_SS, I_SILENT, I_J, I_JJ, I_CH, I_K, I_T, I_P, I_H, INITIALS
} initial;
typedef enum {
    F_NONE, F_G, F_GG, F_GS, F_N, F_NJ, F_NH, F_D, F_L, F_LG, F_LM, F_LB, F_LS, F_LT, F_LP, F_LH, F_M, F_B, F_BS, F_S, F_SS, F_NG,
    F_J, F_CH, F_K, F_T, F_P, F_H
} final;

/* What each final comes to. */
static const struct {
    final   coda;                           /* where nothing is drawn over: 8 to 11 */
    final   stays;                          /* before a vowel the last consonant moves there, h is silent: 12.4, 13, 14 */
    initial moves;
    final   left;                           /* before h a stop takes its breath: 12.1 and its note */
    initial breath;                         /* I_H: it has no stop */
} finals[FINALS] = {
    [F_NONE] = {F_NONE, F_NONE, I_SILENT, F_NONE, I_H}, [F_G] = {F_G, F_NONE, I_G, F_NONE, I_K},
    [F_GG] = {F_G, F_NONE, I_GG, F_NONE, I_K},          [F_GS] = {F_G, F_G, I_SS, F_NONE, I_K},
    [F_N] = {F_N, F_NONE, I_N, F_N, I_H},               [F_NJ] = {F_N, F_N, I_J, F_N, I_CH},
    [F_NH] = {F_N, F_NONE, I_N, F_N, I_H},              [F_D] = {F_D, F_NONE, I_D, F_NONE, I_T},
    [F_L] = {F_L, F_NONE, I_L, F_L, I_H},               [F_LG] = {F_G, F_L, I_G, F_L, I_K},
    [F_LM] = {F_M, F_L, I_M, F_M, I_H},                 [F_LB] = {F_L, F_L, I_B, F_L, I_P},
    [F_LS] = {F_L, F_L, I_SS, F_L, I_H},                [F_LT] = {F_L, F_L, I_T, F_L, I_H},
    [F_LP] = {F_B, F_L, I_P, F_B, I_P},                 [F_LH] = {F_L, F_NONE, I_L, F_L, I_H},
    [F_M] = {F_M, F_NONE, I_M, F_M, I_H},               [F_B] = {F_B, F_NONE, I_B, F_NONE, I_P},
    [F_BS] = {F_B, F_B, I_SS, F_B, I_P},                [F_S] = {F_D, F_NONE, I_S, F_NONE, I_T},
    [F_SS] = {F_D, F_NONE, I_SS, F_NONE, I_T},          [F_NG] = {F_NG, F_NG, I_SILENT, F_NG, I_H},
    [F_J] = {F_D, F_NONE, I_J, F_NONE, I_CH},           [F_CH] = {F_D, F_NONE, I_CH, F_NONE, I_T},
    [F_K] = {F_G, F_NONE, I_K, F_NONE, I_K},            [F_T] = {F_D, F_NONE, I_T, F_NONE, I_T},
    [F_P] = {F_B, F_NONE, I_P, F_NONE, I_P},            [F_H] = {F_D, F_NONE, I_SILENT, F_NONE, I_H},
};

static initial tense(initial i)
{
    return i == I_G || i == I_D || i == I_B || i == I_S || i == I_J ? i + 1 : i;
}

static initial aspirate(initial i)
{
    return i == I_G ? I_K : i == I_D ? I_T : i == I_J ? I_CH : i;
}

static bool is_initial(uint32_t c)
{
    return c >= INITIAL && c < INITIAL + INITIALS;
}

static bool is_vowel(uint32_t c)
{
    return c >= VOWEL && c < VOWEL + VOWELS;
}

static bool is_final(uint32_t c)
{
    return c > FINAL && c < FINAL + FINALS;
}

/* ---- a boundary ---- */

typedef struct {
    const ko_text *t;
    uint32_t onset, vowel;                  /* of the syllable that the final ends; 0: none */
    ko_mark  mark;
    final    f;
    bool     space;                         /* one between the two */
    initial  i;
    size_t   next;                          /* where the next syllable begins */
} boundary;

static uint32_t code_at(const ko_text *t, size_t at)
{
    return at < t->n ? ko_code(t->c[at]) : 0;
}

/* Do these syllables begin at `at`? */
static bool begins(const ko_text *t, size_t at, const uint32_t *syllables)
{
    for (; *syllables; syllables++) {
        uint32_t k = *syllables - SYLLABLES;

        if (code_at(t, at) != INITIAL + k / (VOWELS * FINALS) || code_at(t, at + 1) != VOWEL + k / FINALS % VOWELS)
            return false;
        at += 2;
        if (k % FINALS && code_at(t, at++) != FINAL + k % FINALS)
            return false;
    }
    return true;
}

/* 27, note: endings that begin with a rieul and go on with a tense sound: (l)geol, bakke, sera, surok, jirado, jieonjeong, jindae. */
static bool is_rieul_ending(const ko_text *t, size_t at)
{
    static const uint32_t endings[][4] = {{0xAC78}, {0xBC16, 0xC5D0}, {0xC138, 0xB77C}, {0xC218, 0xB85D},
                                          {0xC9C0, 0xB77C, 0xB3C4}, {0xC9C0, 0xC5B8, 0xC815}, {0xC9C4, 0xB300}};

    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
        if (begins(t, at, endings[k]))
            return true;
    return false;
}

/* What depends on the part of speech: 11 (exception), 24, 25 behind a stem, 27 behind an ending. */
static void grammar(boundary *b)
{
    bool plain = tense(b->i) != b->i;

    if (b->mark == KO_STEM && !b->space && b->f == F_LG && (b->i == I_G || b->i == I_GG)) {
        b->f = F_L;
        b->i = I_GG;
    } else if (b->mark == KO_STEM && !b->space && plain && b->i != I_B &&
               (b->f == F_N || b->f == F_NJ || b->f == F_M || b->f == F_LM || b->f == F_LB || b->f == F_LT)) {
        b->f = b->f == F_NJ ? F_N : b->f == F_LM ? F_M : b->f;
        b->i = tense(b->i);
    } else if (b->f == F_L && b->mark == KO_ENDING && b->space) {
        b->i = tense(b->i);
    } else if (b->f == F_L && b->mark == KO_NO_MARK && !b->space && is_rieul_ending(b->t, b->next)) {
        b->i = tense(b->i);
    }
}

/* 10, exceptions: balp- before a consonant (the reference: also where the word's part ends), neop- in neopjuk- and neopdung-. */
static void exceptions(boundary *b)
{
    bool ends = b->space || b->mark != KO_NO_MARK;
    bool balp = b->onset == INITIAL + I_B && b->vowel == A && (ends || (b->i != I_SILENT && b->i != I_H));
    bool neolp = b->onset == INITIAL + I_N && b->vowel == EO && !ends && code_at(b->t, b->next + 1) == U &&
                 (b->i == I_J || b->i == I_JJ || b->i == I_D || b->i == I_DD);

    if (b->f == F_LB && (balp || neolp))
        b->f = F_B;
}

/* 16: in the names of letters d, j, ch, t, h are spoken as s, k as g, p as b (the reference: behind every eu). 17: before i, and
 * before yeo, d becomes j and t becomes ch. True: the boundary is settled. */
static bool before_i(boundary *b)
{
    uint32_t vowel = code_at(b->t, b->next + 1);
    bool i_follows = vowel == I || vowel == YEO;

    if (b->space || (b->i != I_SILENT && !(b->i == I_H && b->f == F_D && vowel == I)))
        return false;
    if (b->i == I_SILENT && b->vowel == EU &&
        (b->f == F_D || b->f == F_J || b->f == F_CH || b->f == F_T || b->f == F_H || b->f == F_K || b->f == F_P)) {
        b->i = b->f == F_K ? I_G : b->f == F_P ? I_B : I_S;
    } else if (b->i == I_SILENT && i_follows && (b->f == F_D || b->f == F_T || b->f == F_LT)) {
        b->i = b->f == F_D ? I_J : I_CH;
    } else if (b->i == I_H) {
        b->i = I_CH;
    } else {
        return false;
    }
    b->f = b->f == F_LT ? F_L : F_NONE;
    return true;
}

/* 13 and 14; over a space (15) only what is left at a word's end moves. */
static void link_vowel(boundary *b)
{
    final f = b->space ? finals[b->f].coda : b->f;

    b->f = finals[f].stays;
    b->i = finals[f].moves;
}

/* 12: behind h, nh, lh. */
static void breathe(boundary *b)
{
    final base = b->f == F_H ? F_NONE : finals[b->f].coda;

    b->f = b->f == F_H && b->i == I_N ? F_N : base;
    b->i = b->i == I_S ? I_SS : aspirate(b->i);
}

/* 18, 19 and 23: stops before nasals, before l, before plain sounds. */
static void stop_meets(boundary *b)
{
    bool nasal = b->i == I_N || b->i == I_M || b->i == I_L;

    if (nasal)
        b->f = b->f == F_G ? F_NG : b->f == F_D ? F_N : F_M;
    b->i = b->i == I_L ? I_N : tense(b->i);
}

/* 19 and 20: l and n become ll; l behind m and ng becomes n. */
static void sonorants(boundary *b)
{
    if ((b->f == F_N && b->i == I_L) || (b->f == F_L && b->i == I_N)) {
        b->f = F_L;
        b->i = I_L;
    } else if ((b->f == F_M || b->f == F_NG) && b->i == I_L) {
        b->i = I_N;
    }
}

/* Where the reference's table departs from the articles: clusters stay before p and t, three pairs become others. True: the boundary is
 * settled. */
static bool departs(boundary *b)
{
    bool cluster = b->f == F_LB || b->f == F_LS || b->f == F_LP || b->f == F_BS;

    if ((b->i == I_P && (cluster || b->f == F_LG)) || (b->i == I_T && cluster))
        return true;
    if (b->f == F_P && b->i == I_L) {
        b->f = F_N;
        b->i = I_N;
    } else if ((b->f == F_LG && b->i == I_T) || (b->f == F_BS && b->i == I_K)) {
        b->f = finals[b->f].coda;
        b->i = I_P;
    } else {
        return false;
    }
    return true;
}

static void settle(boundary *b)
{
    final was;

    grammar(b);
    exceptions(b);
    if (before_i(b) || departs(b))
        return;
    was = b->f;
    if (b->i == I_SILENT) {
        link_vowel(b);
    } else if (b->i == I_H) {
        b->i = finals[was].breath;
        b->f = finals[was].left;
    } else if (was == F_H || was == F_NH || was == F_LH) {
        breathe(b);
        sonorants(b);
    } else {
        b->f = finals[was].coda;
        if (b->f == F_G || b->f == F_D || b->f == F_B) {
            stop_meets(b);
        } else {
            if (was == F_LB || was == F_LS)                 /* the reference: behind every such final, not stems' alone */
                b->i = tense(b->i);
            if (was == F_LB && (b->i == I_N || b->i == I_M))
                b->f = F_M;
            sonorants(b);
        }
    }
}

/* ---- a text ---- */

static void decompose(ko_text *t)
{
    ko_text out = {.arena = t->arena, .no_memory = t->no_memory, .full = t->full};

    for (size_t at = 0; at < t->n; at++) {
        uint32_t c = ko_code(t->c[at]), k = c - SYLLABLES;
        ko_mark mark = ko_mark_of(t->c[at]);

        if (c < SYLLABLES || c > LAST_SYLLABLE) {
            ko_put(&out, t->c[at]);
            continue;
        }
        ko_put(&out, INITIAL + k / (VOWELS * FINALS));
        ko_put(&out, ko_marked(VOWEL + k / FINALS % VOWELS, k % FINALS ? KO_NO_MARK : mark));
        if (k % FINALS)
            ko_put(&out, ko_marked(FINAL + k % FINALS, mark));
    }
    *t = out;
}

/* 5: yeo behind j, jj, ch is eo (5.1); ui behind any sound is i (5.3). */
static void say_vowels(ko_text *t)
{
    for (size_t at = 1; at < t->n; at++) {
        uint32_t before = code_at(t, at - 1), c = code_at(t, at), i = before - INITIAL;

        if (is_initial(before) && c == YEO && (i == I_J || i == I_JJ || i == I_CH))
            t->c[at] = EO;
        else if (is_initial(before) && c == UI && i != I_SILENT)
            t->c[at] = I;
    }
}

static void say_final(ko_text *t, size_t at)
{
    bool space = code_at(t, at + 1) == ' ';
    size_t next = at + 1 + space;
    uint32_t follows = code_at(t, next);
    boundary b = {.t = t, .mark = ko_mark_of(t->c[at]), .f = (final)(code_at(t, at) - FINAL), .space = space, .next = next};

    if (at > 0 && is_vowel(code_at(t, at - 1)))
        b.vowel = code_at(t, at - 1);
    if (at > 1 && b.vowel && is_initial(code_at(t, at - 2)))
        b.onset = code_at(t, at - 2);
    if (is_initial(follows)) {
        b.i = (initial)(follows - INITIAL);
        settle(&b);
        t->c[next] = INITIAL + b.i;
    } else {
        b.i = I_G;                          /* at the end exceptions are as before a consonant */
        exceptions(&b);
        if (space || at + 1 == t->n || !text_is_word(code_at(t, at + 1)))
            b.f = finals[b.f].coda;
    }
    t->c[at] = b.f ? FINAL + (uint32_t)b.f : 0;
}

/* A vowel without an initial gets the silent one; of two such, only the first. */
static void complete(ko_text *t)
{
    ko_text out = {.arena = t->arena, .no_memory = t->no_memory, .full = t->full};
    bool before = false, given = false;     /* what was put last is an initial; a vowel was completed */

    for (size_t at = 0; at < t->n; at++) {
        uint32_t c = ko_code(t->c[at]);

        if (c == 0)
            continue;
        bool alone = is_vowel(c) && !before && !given;
        if (alone)
            ko_put(&out, INITIAL + I_SILENT);
        ko_put(&out, c);
        before = is_initial(c);
        given = alone;
    }
    *t = out;
}

void ko_say_sounds(ko_text *t)
{
    decompose(t);
    say_vowels(t);
    for (size_t at = 0; at < t->n; at++)
        if (is_final(code_at(t, at)))
            say_final(t, at);
    complete(t);
}
