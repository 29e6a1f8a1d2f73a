/* ssml.c - the elements of SSML 1.1 that are offered; the rest is refused by name, with line and column. */
#include "text/markup/build.h"

#include "text/language.h"
#include "text/markup/say_as.h"
#include "text/markup/xml.h"
#include "text/marks.h"
#include "text/phones.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { SPEAK, PARAGRAPH, SENTENCE, BREAK, PROSODY, VOICE, LANG, SUB, PHONEME, SAY_AS, ELEMENTS } element;

static const char *const element_names[ELEMENTS] = {"speak", "p", "s", "break", "prosody", "voice", "lang", "sub", "phoneme", "say-as"};

typedef struct {
    element    is;
    text_style before;                      /* the style to go back to */
} open_element;

typedef struct {
    markup_builder *b;
    open_element    stack[MARKUP_MAX_DEPTH];
    size_t          depth;
    hse_buf         words;                  /* inside SUB, PHONEME and SAY_AS */
    bool            capture, space;         /* space: white space came last */
    hse_buf         value;                  /* of the capturing element: alias, phones, interpret-as */
    char            format[16];
    bool            has_format;
} ssml;

enum { LEAST_FACTOR_PERCENT = 10, MOST_FACTOR_PERCENT = 1000 };

/* ---- values -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *word;
    float       value;
} named;

static const named rates[] = {{"x-slow", 0.5f}, {"slow", 0.75f}, {"medium", 1}, {"default", 1}, {"fast", 1.25f}, {"x-fast", 1.6f}};
static const named pitches[] = {{"x-low", 0.7f}, {"low", 0.85f}, {"medium", 1}, {"default", 1}, {"high", 1.15f}, {"x-high", 1.3f}};
static const named volumes[] = {{"silent", 0}, {"x-soft", 0.25f}, {"soft", 0.5f}, {"medium", 1}, {"default", 1}, {"loud", 1.5f}, {"x-loud", 2}};
static const named strengths[] = {{"none", 0}, {"x-weak", 50}, {"weak", 150}, {"medium", 300}, {"strong", 600}, {"x-strong", 1000}};

static bool by_name(const named *list, size_t count, const char *word, float *out)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].word, word) == 0) {
            *out = list[i].value;
            return true;
        }
    return false;
}

/* A decimal number, perhaps signed, and what stands behind it. */
static bool number(const char *text, double *value, const char **unit)
{
    size_t sign = strspn(text, "+-"), n = strspn(text + sign, "0123456789.");
    char digits[24], *end;

    if (sign > 1 || n == 0 || sign + n >= sizeof digits)
        return false;
    memcpy(digits, text, sign + n);
    digits[sign + n] = '\0';
    *value = strtod(digits, &end);
    *unit = text + sign + n;
    return *end == '\0' && isfinite(*value);
}

static bool is_signed(const char *text)
{
    return *text == '+' || *text == '-';
}

/* "80%", "+20%", and for the rate "0.8". */
static bool read_rate(const char *text, float *out)
{
    const char *unit;
    double v;

    if (by_name(rates, COUNT(rates), text, out))
        return true;
    if (!number(text, &v, &unit))
        return false;
    if (strcmp(unit, "%") == 0)
        *out = (float)(is_signed(text) ? 1 + v / 100 : v / 100);
    else if (*unit == '\0' && !is_signed(text))
        *out = (float)v;
    else
        return false;
    return true;
}

/* "+10%", "-2st", "110%". */
static bool read_pitch(const char *text, float *out)
{
    const char *unit;
    double v;

    if (by_name(pitches, COUNT(pitches), text, out))
        return true;
    if (!number(text, &v, &unit))
        return false;
    if (strcmp(unit, "%") == 0)
        *out = (float)(is_signed(text) ? 1 + v / 100 : v / 100);
    else if (strcmp(unit, "st") == 0 && is_signed(text))
        *out = (float)exp2(v / 12);
    else
        return false;
    return true;
}

/* "+6dB", "-3.5dB" */
static bool read_volume(const char *text, float *out)
{
    const char *unit;
    double v;

    if (by_name(volumes, COUNT(volumes), text, out))
        return true;
    if (!number(text, &v, &unit) || strcmp(unit, "dB") != 0 || !is_signed(text) || v < -60 || v > 20)
        return false;
    *out = (float)pow(10, v / 20);
    return true;
}

static bool read_time(const char *text, double *ms)
{
    const char *unit;

    if (is_signed(text) || !number(text, ms, &unit))
        return false;
    if (strcmp(unit, "s") == 0)
        *ms *= 1000;
    else if (strcmp(unit, "ms") != 0)
        return false;
    return true;
}

/* ---- elements ------------------------------------------------------------------------------------------------------ */

static hse_status from(xml_reader *x, hse_status s, const hse_error *inner)
{
    return s == HSE_OK ? s : xml_fail_with(x, s, inner);
}

/* xml:lang where it is given. */
static hse_status take_language(xml_reader *x, const char *const *attributes, text_style *style)
{
    const char *name = xml_attribute(attributes, "xml:lang"), *code;
    char primary[16];

    if (!name)
        return HSE_OK;
    snprintf(primary, sizeof primary, "%.*s", (int)(strcspn(name, "-") < 15 ? strcspn(name, "-") : 15), name);
    if (!(code = text_language_code(primary)))
        return xml_fail(x, HSE_E_ARG, "xml:lang: '%.40s' is no language that is known here", name);
    style->language = code;
    xml_place(x, &style->line, &style->column);
    return HSE_OK;
}

static hse_status factor(xml_reader *x, const char *name, const char *text, bool (*read)(const char *, float *), const char *expected,
                         float *product)
{
    float low = (float)LEAST_FACTOR_PERCENT / 100, high = (float)MOST_FACTOR_PERCENT / 100, value = 1;

    if (!read(text, &value))
        return xml_fail(x, HSE_E_ARG, "%s=\"%.40s\": expected %s", name, text, expected);
    *product *= value;
    if (!(*product >= low && *product <= high))
        return xml_fail(x, HSE_E_ARG, "%s=\"%.40s\" makes %g of it all; it must stay in %g..%g", name, text, (double)*product, (double)low,
                        (double)high);
    return HSE_OK;
}

static hse_status start_prosody(xml_reader *x, const char *const *attributes, text_style *style)
{
    static const char *const known[] = {"rate", "pitch", "volume", NULL};
    const char *rate = xml_attribute(attributes, "rate"), *pitch = xml_attribute(attributes, "pitch");
    const char *volume = xml_attribute(attributes, "volume");
    float v = 1;
    hse_status s = xml_allow(x, "prosody", attributes, known);

    xml_place(x, &style->line, &style->column);

    if (s == HSE_OK && rate)
        s = factor(x, "rate", rate, read_rate, "x-slow, slow, medium, fast, x-fast, a factor (0.8) or percent (80%, +20%)", &style->rate);
    if (s == HSE_OK && pitch)
        s = factor(x, "pitch", pitch, read_pitch, "x-low, low, medium, high, x-high, percent (+10%) or semitones (-2st)", &style->pitch);
    if (s == HSE_OK && volume && !read_volume(volume, &v))
        return xml_fail(x, HSE_E_ARG, "volume=\"%.40s\": expected silent, x-soft, soft, medium, loud, x-loud or -60dB..+20dB with a sign", volume);
    if (s == HSE_OK && volume) {
        style->gain *= v;
        if (style->gain > 10)
            return xml_fail(x, HSE_E_ARG, "volume=\"%.40s\" makes it over 20 dB louder", volume);
    }
    return s;
}

static hse_status start_break(ssml *d, xml_reader *x, const char *const *attributes)
{
    static const char *const known[] = {"time", "strength", NULL};
    const char *time = xml_attribute(attributes, "time"), *strength = xml_attribute(attributes, "strength");
    double ms = 300;
    float named_ms;
    hse_error inner = {0};
    hse_status s = xml_allow(x, "break", attributes, known);

    if (s == HSE_OK && strength) {
        if (!by_name(strengths, COUNT(strengths), strength, &named_ms))
            return xml_fail(x, HSE_E_ARG, "strength=\"%.40s\": expected none, x-weak, weak, medium, strong or x-strong", strength);
        ms = (double)named_ms;
    }
    if (s == HSE_OK && time && !read_time(time, &ms))
        return xml_fail(x, HSE_E_ARG, "time=\"%.40s\": expected seconds or milliseconds, as in 1.5s and 250ms", time);
    if (s == HSE_OK && ms > MARKUP_MAX_PAUSE_MS)
        return xml_fail(x, HSE_E_LIMIT, "time=\"%.40s\": at most %d s", time, MARKUP_MAX_PAUSE_MS / 1000);
    return s == HSE_OK ? from(x, markup_pause(d->b, (unsigned)lround(ms), &inner), &inner) : s;
}

static hse_status start_voice(ssml *d, xml_reader *x, const char *const *attributes, text_style *style)
{
    static const char *const known[] = {"name", "xml:lang", NULL};
    const char *name = xml_attribute(attributes, "name");
    hse_status s = xml_allow(x, "voice", attributes, known);

    if (s == HSE_OK && (!name || !*name))
        return xml_fail(x, HSE_E_ARG, "<voice> needs a name");
    if (s == HSE_OK && !(style->voice = hse_arena_strndup(d->b->arena, name, strlen(name))))
        return xml_fail(x, HSE_E_NOMEM, "no memory for the text");
    if (s == HSE_OK)
        xml_place(x, &style->line, &style->column);
    return s == HSE_OK ? take_language(x, attributes, style) : s;
}

/* From here to the element's end text is kept: `value` says what for. */
static hse_status capture(ssml *d, const char *value, size_t size)
{
    d->capture = true;
    hse_buf_clear(&d->words);
    hse_buf_clear(&d->value);
    hse_buf_append(&d->value, value, size);
    return HSE_OK;
}

static hse_status start_phoneme(ssml *d, xml_reader *x, const char *const *attributes)
{
    static const char *const known[] = {"alphabet", "ph", NULL};
    const char *ph = xml_attribute(attributes, "ph"), *name = xml_attribute(attributes, "alphabet");
    text_alphabet alphabet = TEXT_IPA;
    hse_error inner = {0};
    hse_buf ipa;
    hse_status s = xml_allow(x, "phoneme", attributes, known);

    if (s == HSE_OK && !ph)
        return xml_fail(x, HSE_E_ARG, "<phoneme> needs ph, how it is said");
    if (s == HSE_OK && name && !text_alphabet_find(name, &alphabet))
        return xml_fail(x, HSE_E_UNSUPPORTED, "the alphabet '%.40s' is not offered; there are ipa, x-sampa and cmu-arpabet", name);
    if (s != HSE_OK)
        return s;
    hse_buf_init(&ipa, TEXT_PHONES_MAX * 8);
    s = from(x, text_phones_read(alphabet, ph, strlen(ph), &ipa, &inner), &inner);
    if (s == HSE_OK)
        s = capture(d, hse_buf_text(&ipa), ipa.size);
    hse_buf_free(&ipa);
    return s;
}

static hse_status start_sub(ssml *d, xml_reader *x, const char *const *attributes)
{
    static const char *const known[] = {"alias", NULL};
    const char *alias = xml_attribute(attributes, "alias");
    hse_status s = xml_allow(x, "sub", attributes, known);

    if (s == HSE_OK && !alias)
        return xml_fail(x, HSE_E_ARG, "<sub> needs alias, what is said instead");
    return s == HSE_OK ? capture(d, alias, strlen(alias)) : s;
}

static hse_status start_say_as(ssml *d, xml_reader *x, const char *const *attributes)
{
    static const char *const known[] = {"interpret-as", "format", NULL};
    const char *kind = xml_attribute(attributes, "interpret-as"), *format = xml_attribute(attributes, "format");
    hse_status s = xml_allow(x, "say-as", attributes, known);

    if (s == HSE_OK && !kind)
        return xml_fail(x, HSE_E_ARG, "<say-as> needs interpret-as");
    if (s == HSE_OK && format && strlen(format) >= sizeof d->format)
        return xml_fail(x, HSE_E_ARG, "format=\"%.40s\" is none", format);
    d->has_format = format != NULL;
    snprintf(d->format, sizeof d->format, "%s", format ? format : "");
    return s == HSE_OK ? capture(d, kind, strlen(kind)) : s;
}

static hse_status start_speak(xml_reader *x, const char *const *attributes, text_style *style)
{
    static const char *const known[] = {"version", "xml:lang", NULL};
    const char *version = xml_attribute(attributes, "version");
    hse_status s = xml_allow(x, "speak", attributes, known);

    if (s == HSE_OK && version && strcmp(version, "1.0") != 0 && strcmp(version, "1.1") != 0)
        return xml_fail(x, HSE_E_UNSUPPORTED, "SSML of version '%.20s'; 1.0 and 1.1 are read", version);
    return s == HSE_OK ? take_language(x, attributes, style) : s;
}

static hse_status start_block(xml_reader *x, const char *name, const char *const *attributes, text_style *style)
{
    static const char *const known[] = {"xml:lang", "xml:id", NULL};
    hse_status s = xml_allow(x, name, attributes, known);

    return s == HSE_OK ? take_language(x, attributes, style) : s;
}

static hse_status start_lang(xml_reader *x, const char *const *attributes, text_style *style)
{
    static const char *const known[] = {"xml:lang", NULL};
    hse_status s = xml_allow(x, "lang", attributes, known);

    if (s == HSE_OK && !xml_attribute(attributes, "xml:lang"))
        return xml_fail(x, HSE_E_ARG, "<lang> needs xml:lang");
    return s == HSE_OK ? take_language(x, attributes, style) : s;
}

/* White space that waited, as one blank. */
static void put_space(ssml *d)
{
    if (d->space)
        markup_words(d->b, " ", 1);
    d->space = false;
}

static hse_status on_start(void *user, xml_reader *x, const char *name, const char *const *attributes)
{
    ssml *d = user;
    element e = 0;
    text_style style = d->b->style;
    hse_error inner = {0};
    hse_status s = HSE_OK;

    while (e < ELEMENTS && strcmp(element_names[e], name) != 0)
        e++;
    if (e == ELEMENTS)
        return xml_fail(x, HSE_E_UNSUPPORTED, "<%.40s> is not offered; there are speak, p, s, break, prosody, say-as, sub, phoneme, lang, voice",
                        name);
    if (e == SPEAK && d->depth)
        return xml_fail(x, HSE_E_FORMAT, "<speak> inside <speak>");
    if (e != SPEAK && !d->depth)
        return xml_fail(x, HSE_E_FORMAT, "expected <speak>, found <%.40s>", name);
    if (d->capture || (d->depth && d->stack[d->depth - 1].is == BREAK))
        return xml_fail(x, HSE_E_FORMAT, "<%.40s> inside <%s>, which holds text alone", name, element_names[d->stack[d->depth - 1].is]);
    put_space(d);
    if (e == PARAGRAPH || e == SENTENCE)
        s = from(x, markup_end_span(d->b, e == SENTENCE ? SPAN_ENDS_SENTENCE : SPAN_ENDS_PARAGRAPH, &inner), &inner);
    d->stack[d->depth++] = (open_element){e, d->b->style};
    if (s != HSE_OK)
        return s;
    switch (e) {
    case SPEAK: s = start_speak(x, attributes, &style); break;
    case PARAGRAPH:
    case SENTENCE: s = start_block(x, name, attributes, &style); break;
    case BREAK: s = start_break(d, x, attributes); break;
    case PROSODY: s = start_prosody(x, attributes, &style); break;
    case VOICE: s = start_voice(d, x, attributes, &style); break;
    case LANG: s = start_lang(x, attributes, &style); break;
    case SUB: s = start_sub(d, x, attributes); break;
    case PHONEME: s = start_phoneme(d, x, attributes); break;
    default: s = start_say_as(d, x, attributes); break;
    }
    return s == HSE_OK ? from(x, markup_set_style(d->b, &style, &inner), &inner) : s;
}

/* What an element that kept its text makes of it. */
static hse_status release(ssml *d, xml_reader *x, element e)
{
    const char *words = hse_buf_text(&d->words), *value = hse_buf_text(&d->value);
    hse_error inner = {0};
    hse_status s = hse_buf_status(&d->words, "an element's text", &inner);
    hse_buf said;

    d->capture = false;
    if (s == HSE_OK)
        s = hse_buf_status(&d->value, "an attribute", &inner);
    if (s != HSE_OK)
        return xml_fail_with(x, s, &inner);
    if (e == PHONEME && d->words.size > TEXT_MARK_WORDS)
        return xml_fail(x, HSE_E_LIMIT, "<phoneme> holds %zu bytes of text; at most %d", d->words.size, TEXT_MARK_WORDS);
    if (e == PHONEME) {
        markup_phones(d->b, words, d->words.size, value, d->value.size);
    } else if (e == SUB) {
        markup_literal(d->b, value, d->value.size);
    } else {
        hse_buf_init(&said, 1 << 20);
        s = text_say_as(&said, markup_language(d->b), value, d->has_format ? d->format : NULL, words, d->words.size, &inner);
        if (s == HSE_OK)
            markup_literal(d->b, hse_buf_text(&said), said.size);
        hse_buf_free(&said);
    }
    return from(x, s, &inner);
}

static hse_status on_end(void *user, xml_reader *x, const char *name)
{
    ssml *d = user;
    open_element was = d->stack[--d->depth];
    hse_error inner = {0};
    hse_status s = HSE_OK;

    (void)name;
    if (d->capture)
        s = release(d, x, was.is);
    if (s == HSE_OK && (was.is == PARAGRAPH || was.is == SENTENCE))
        s = from(x, markup_end_span(d->b, was.is == SENTENCE ? SPAN_ENDS_SENTENCE : SPAN_ENDS_PARAGRAPH, &inner), &inner);
    return s == HSE_OK ? from(x, markup_set_style(d->b, &was.before, &inner), &inner) : s;
}

/* White space in XML is one blank, whatever it looks like: a line's end means nothing here. */
static hse_status on_text(void *user, xml_reader *x, const char *text, size_t size)
{
    ssml *d = user;

    for (size_t i = 0; i < size;) {
        size_t n = 0;

        while (i < size && strchr(" \t\r\n", text[i])) {
            d->space = true;
            i++;
        }
        while (i + n < size && !strchr(" \t\r\n", text[i + n]))
            n++;
        if (n == 0)
            break;
        if (d->stack[d->depth - 1].is == BREAK)
            return xml_fail(x, HSE_E_FORMAT, "<break> holds no text");
        if (d->capture) {
            hse_buf_str(&d->words, d->space && d->words.size ? " " : "");
            d->space = false;
            hse_buf_append(&d->words, text + i, n);
        } else {
            put_space(d);
            markup_words(d->b, text + i, n);
        }
        i += n;
    }
    return HSE_OK;
}

hse_status markup_read_ssml(markup_builder *b, const char *text, size_t size, hse_error *err)
{
    static const xml_handlers handlers = {on_start, on_end, on_text, "speak", MARKUP_MAX_DEPTH};
    ssml d = {.b = b};

    hse_buf_init(&d.words, MARKUP_MAX_TEXT);
    hse_buf_init(&d.value, MARKUP_MAX_TEXT);
    hse_status s = xml_read(text, size, &handlers, &d, err);
    hse_buf_free(&d.words);
    hse_buf_free(&d.value);
    return s;
}
