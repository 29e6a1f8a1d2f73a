#include "text/markup/build.h"

#include "base/utf8.h"
#include "text/ascii.h"
#include "text/language.h"
#include "text/marks.h"
#include "text/phones.h"

#include <string.h>

enum { MEMORY = 64 << 20, WINDOW = 1024 };  /* WINDOW: bytes a [[...]] may have */

static const char *const input_names[] = {"auto", "text", "ssml"};
static const text_style plain_style = {.rate = 1, .pitch = 1, .gain = 1};

hse_status text_input_parse(const char *name, hse_input_type *out, hse_error *err)
{
    *out = HSE_INPUT_AUTO;
    if (!name || !*name)
        return HSE_OK;
    for (size_t i = 0; i < COUNT(input_names); i++)
        if (strcmp(name, input_names[i]) == 0) {
            *out = (hse_input_type)i;
            return HSE_OK;
        }
    return hse_fail(err, HSE_E_ARG, 0, "unknown input type '%.40s': expected auto, text or ssml", name);
}

/* ---- building ------------------------------------------------------------------------------------------------------ */

const char *markup_language(const markup_builder *b)
{
    return b->style.language ? b->style.language : b->language;
}

/* The longer of what the request and the server know; the request's where they are alike. */
static const text_pronunciation *look_up(const markup_builder *b, const char *text, size_t size, size_t at, size_t *end)
{
    size_t own_end = 0, server_end = 0;
    const text_pronunciation *own = text_pronunciations_find(b->request, markup_language(b), text, size, at, &own_end);
    const text_pronunciation *server = text_pronunciations_find(b->server, markup_language(b), text, size, at, &server_end);

    *end = own && own_end >= server_end ? own_end : server_end;
    return own && own_end >= server_end ? own : server;
}

/* Words that wait go to the text, with their pronunciations. */
static void flush(markup_builder *b)
{
    const char *text = hse_buf_text(&b->run);
    size_t size = b->run.size, copied = 0;
    bool any = text_pronunciations_count(b->request) || text_pronunciations_count(b->server);

    for (size_t i = 0, n; any && i < size && b->text.status == HSE_OK; i += n) {
        uint32_t c;
        size_t end;
        const text_pronunciation *p;

        n = hse_utf8_next(text + i, size - i, &c);
        n = n ? n : 1;
        if (text_is_space(c) || !text_word_begins(text, size, i) || !(p = look_up(b, text, size, i, &end)))
            continue;
        hse_buf_append(&b->text, text + copied, i - copied);
        if (p->phones) {
            bool fits = end - i <= TEXT_MARK_WORDS;     /* a blank of an entry stands for any white space */
            text_mark_put(&b->text, fits ? text + i : p->word, fits ? end - i : p->word_size, p->value, p->value_size);
            b->marked = true;
        } else {
            hse_buf_append(&b->text, p->value, p->value_size);
        }
        copied = end;
        n = end - i;
    }
    hse_buf_append(&b->text, text + copied, size - copied);
    if (b->run.status != HSE_OK && b->text.status == HSE_OK)
        b->text.status = b->run.status;
    hse_buf_clear(&b->run);
}

/* Without the characters that would be marks. */
static void append(hse_buf *out, const char *text, size_t size)
{
    size_t from = 0;

    for (size_t i = 0; i < size; i++)
        if (text_mark_char(text + i, size - i)) {
            hse_buf_append(out, text + from, i - from);
            i += 2;
            from = i + 1;
        }
    hse_buf_append(out, text + from, size - from);
}

void markup_words(markup_builder *b, const char *text, size_t size)
{
    append(&b->run, text, size);
}

void markup_literal(markup_builder *b, const char *text, size_t size)
{
    flush(b);
    append(&b->text, text, size);
}

void markup_phones(markup_builder *b, const char *words, size_t size, const char *ipa, size_t ipa_size)
{
    hse_buf clean;

    flush(b);
    hse_buf_init(&clean, MARKUP_MAX_TEXT);
    append(&clean, words, size);
    text_mark_put(&b->text, hse_buf_text(&clean), clean.size, ipa, ipa_size);
    if (clean.status != HSE_OK && b->text.status == HSE_OK)
        b->text.status = clean.status;
    hse_buf_free(&clean);
    b->marked = true;
}

static bool blank(const char *text, size_t size)
{
    uint32_t c;

    for (size_t i = 0, n; i < size; i += n) {
        n = hse_utf8_next(text + i, size - i, &c);
        if (n == 0 || !text_is_space(c))
            return false;
    }
    return true;
}

static text_markup_span *last_span(markup_builder *b)
{
    return b->spans.size ? (text_markup_span *)(void *)(b->spans.data + b->spans.size) - 1 : NULL;
}

static hse_status add_span(markup_builder *b, text_span_end end, hse_error *err)
{
    text_markup_span span = {.from = b->from, .to = b->text.size, .style = b->style, .end = end};

    if (b->spans.size / sizeof span >= MARKUP_MAX_SPANS)
        return hse_fail(err, HSE_E_LIMIT, 0, "over %d changes and pauses", MARKUP_MAX_SPANS);
    hse_buf_append(&b->spans, &span, sizeof span);
    b->from = b->text.size;
    return HSE_OK;
}

hse_status markup_end_span(markup_builder *b, text_span_end end, hse_error *err)
{
    text_markup_span *last = last_span(b);

    flush(b);
    if (!blank(hse_buf_text(&b->text) + b->from, b->text.size - b->from))
        return add_span(b, end, err);
    if (last && end > last->end)            /* nothing was said since: the end of what was becomes a stronger one */
        last->end = end;
    b->from = b->text.size;
    return HSE_OK;
}

hse_status markup_pause(markup_builder *b, unsigned ms, hse_error *err)
{
    hse_status s = markup_end_span(b, SPAN_ENDS_PAUSE, err);

    if (s == HSE_OK && !last_span(b))       /* before the first word */
        s = add_span(b, SPAN_ENDS_PAUSE, err);
    if (s != HSE_OK)
        return s;
    text_markup_span *last = last_span(b);
    if (!last)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the text");
    b->silence_ms += ms;
    last->pause_ms += ms;
    if (last->pause_ms > MARKUP_MAX_PAUSE_MS || b->silence_ms > MARKUP_MAX_SILENCE_MS)
        return hse_fail(err, HSE_E_LIMIT, 0, "a pause of %u ms, %u ms in all; at most %d and %d", last->pause_ms, b->silence_ms,
                        MARKUP_MAX_PAUSE_MS, MARKUP_MAX_SILENCE_MS);
    return HSE_OK;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

hse_status markup_set_style(markup_builder *b, const text_style *style, hse_error *err)
{
    const text_style *old = &b->style;
    hse_status s = HSE_OK;

    if (old->rate != style->rate || old->pitch != style->pitch || old->gain != style->gain ||
        !same_text(old->language, style->language) || !same_text(old->voice, style->voice))
        s = markup_end_span(b, SPAN_ENDS_OPEN, err);
    else
        flush(b);
    b->style = *style;
    return s;
}

/* ---- [[word /phones/]] --------------------------------------------------------------------------------------------- */

static hse_status fail_at(const char *text, size_t at, hse_status status, const hse_error *inner, hse_error *err)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < at; i++) {
        column = text[i] == '\n' ? 1 : column + (((uint8_t)text[i] & 0xC0) != 0x80);
        line += text[i] == '\n';
    }
    return hse_fail(err, status, at, "line %zu, column %zu: %s", line, column, inner->text);
}

/* What stands at "[[" when it is a pronunciation: its bytes, else 0. *words and *ipa: its parts. */
static size_t inline_at(const char *text, size_t size, size_t *words, size_t *ipa, size_t *ipa_size)
{
    const char *end = memmem(text + 2, (size < WINDOW ? size : WINDOW) - 2, "]]", 2), *slash;

    if (!end || end - text < 5 || end - text > TEXT_MARK_WORDS + TEXT_PHONES_MAX || end[-1] != '/' || !(slash = memchr(text + 2, '/', (size_t)(end - text - 3))))
        return 0;
    if ((slash != text + 2 && slash[-1] != ' ') || memchr(text + 2, '[', (size_t)(slash - text - 2)))
        return 0;
    *words = (size_t)(slash - text) - 2;
    while (*words && text[1 + *words] == ' ')
        --*words;
    *ipa = (size_t)(slash + 1 - text);
    *ipa_size = (size_t)(end - 1 - slash) - 1;
    return (size_t)(end + 2 - text);
}

hse_status markup_read_inline(markup_builder *b, const char *text, size_t size, hse_error *err)
{
    for (size_t i = 0; i < size;) {
        const char *open = size - i >= 2 ? memmem(text + i, size - i, "[[", 2) : NULL;
        size_t at = open ? (size_t)(open - text) : size, words, ipa, ipa_size, n;
        hse_error inner;
        hse_buf phones;

        markup_words(b, text + i, at - i);
        if (!open)
            break;
        if (!(n = inline_at(open, size - at, &words, &ipa, &ipa_size))) {
            markup_words(b, open, 1);
            i = at + 1;
            continue;
        }
        hse_buf_init(&phones, TEXT_PHONES_MAX * 8);
        hse_status s = text_phones_read(TEXT_IPA, open + ipa, ipa_size, &phones, &inner);
        if (s == HSE_OK)
            markup_phones(b, open + 2, words, hse_buf_text(&phones), phones.size);
        hse_buf_free(&phones);
        if (s != HSE_OK)
            return s == HSE_E_NOMEM ? hse_fail(err, s, 0, "%s", inner.text) : fail_at(text, at + ipa + (size_t)inner.offset, s, &inner, err);
        i = at + n;
    }
    return HSE_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static bool looks_like_ssml(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && strchr(" \t\r\n", text[i]))
        i++;
    if (size - i > 5 && memcmp(text + i, "<?xml", 5) == 0) {
        const char *end = memmem(text + i, size - i, "?>", 2);

        for (i = end ? (size_t)(end + 2 - text) : size; i < size && strchr(" \t\r\n", text[i]); i++)
            ;
    }
    return size - i > 6 && memcmp(text + i, "<speak", 6) == 0 && strchr(" \t\r\n>/", text[i + 6]);
}

static hse_status finish(text_markup *out, markup_builder *b, hse_error *err)
{
    hse_status s = hse_buf_status(&b->text, "the text with its pronunciations", err);
    size_t count = b->spans.size / sizeof(text_markup_span);
    text_markup_span *span;

    if (s == HSE_OK)
        s = hse_buf_status(&b->spans, "the text", err);
    if (s != HSE_OK)
        return s;
    span = hse_arena_array(&out->arena, count + 1, sizeof *span);
    out->text = hse_arena_strndup(&out->arena, hse_buf_text(&b->text), b->text.size);
    if (!span || !out->text)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the text");
    if (count)
        memcpy(span, b->spans.data, count * sizeof *span);
    out->span = span;
    out->count = count;
    out->size = b->text.size;
    out->marked = b->marked;
    return HSE_OK;
}

static hse_status read_into(text_markup *out, markup_builder *b, hse_input_type input, const char *text, size_t size, hse_error *err)
{
    size_t skip = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    bool ssml = input == HSE_INPUT_SSML || (input == HSE_INPUT_AUTO && looks_like_ssml(text + skip, size - skip));
    hse_status s = HSE_OK;

    if (ssml) {
        s = markup_read_ssml(b, text + skip, size - skip, err);
    } else if (input == HSE_INPUT_AUTO) {
        s = markup_read_inline(b, text, size, err);
    } else {
        markup_words(b, text, size);
    }
    if (s == HSE_OK)
        s = markup_end_span(b, SPAN_ENDS_SENTENCE, err);
    return s == HSE_OK ? finish(out, b, err) : s;
}

static hse_status check_text(const char *text, size_t size, hse_error *err)
{
    size_t bad;

    if (!hse_utf8_valid(text, size, &bad))
        return hse_fail(err, HSE_E_FORMAT, bad, "the text is not UTF-8: wrong byte at position %zu", bad);
    const char *nul = size ? memchr(text, 0, size) : NULL;
    if (nul)
        return hse_fail(err, HSE_E_FORMAT, (uint64_t)(nul - text), "the text has a NUL (U+0000) at position %zu", (size_t)(nul - text));
    return HSE_OK;
}

hse_status text_markup_read(text_markup *out, hse_input_type input, const char *text, size_t size, const char *language,
                            const text_pronunciations *request, const text_pronunciations *server, hse_error *err)
{
    const char *code = text_language_code(language);
    markup_builder b = {.arena = &out->arena, .style = plain_style, .language = code ? code : "en", .request = request, .server = server};
    hse_status s = check_text(text, size, err);

    *out = (text_markup){0};
    if (s != HSE_OK)
        return s;
    hse_arena_init(&out->arena, MEMORY);
    hse_buf_init(&b.text, MARKUP_MAX_TEXT);
    hse_buf_init(&b.run, MARKUP_MAX_TEXT);
    hse_buf_init(&b.spans, (MARKUP_MAX_SPANS + 1) * sizeof(text_markup_span));
    s = read_into(out, &b, input, text, size, err);
    hse_buf_free(&b.text);
    hse_buf_free(&b.run);
    hse_buf_free(&b.spans);
    if (s != HSE_OK)
        text_markup_free(out);
    return s;
}

hse_status text_markup_plain(text_markup *out, const char *text, size_t size, hse_error *err)
{
    hse_status s = check_text(text, size, err);

    *out = (text_markup){0};
    if (s != HSE_OK)
        return s;
    hse_arena_init(&out->arena, MEMORY);
    text_markup_span *span = hse_arena_array(&out->arena, 1, sizeof *span);
    out->text = hse_arena_strndup(&out->arena, text, size);
    if (!span || !out->text) {
        text_markup_free(out);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the text");
    }
    *span = (text_markup_span){.to = size, .style = plain_style, .end = SPAN_ENDS_SENTENCE};
    out->span = span;
    out->size = size;
    out->count = 1;
    return HSE_OK;
}

void text_markup_free(text_markup *m)
{
    hse_arena_free(&m->arena);
    *m = (text_markup){0};
}
