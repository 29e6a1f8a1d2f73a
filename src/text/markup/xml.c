#include "text/markup/xml.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#if XML_MAJOR_VERSION * 100 + XML_MINOR_VERSION < 209       /* from 2.9 on the 64-bit names are there and the others deprecated */
#define XML_GetCurrentLineNumber64   XML_GetCurrentLineNumber
#define XML_GetCurrentColumnNumber64 XML_GetCurrentColumnNumber
#define XML_GetCurrentByteIndex64    XML_GetCurrentByteIndex
#endif

enum { MAX_ATTRIBUTES = 16, NAME = 41 };

struct xml_reader {
    XML_Parser          parser;
    const xml_handlers *h;
    void               *user;
    int                 depth;
    char                open[XML_MAX_DEPTH][NAME];      /* the elements that are open, cut to what a message shows */
    bool                ended;                          /* so is the document */
    const char         *text;
    size_t              size;
    hse_status          status;
    hse_error          *err;
};

void xml_place(xml_reader *x, unsigned *line, unsigned *column)
{
    *line = (unsigned)XML_GetCurrentLineNumber64(x->parser);
    *column = (unsigned)XML_GetCurrentColumnNumber64(x->parser) + 1;
}

hse_status xml_fail(xml_reader *x, hse_status status, const char *fmt, ...)
{
    char words[200];
    unsigned line, column;
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    xml_place(x, &line, &column);
    int64_t at = XML_GetCurrentByteIndex64(x->parser);
    x->status = hse_fail(x->err, status, at < 0 ? 0 : (uint64_t)at, "line %u, column %u: %s", line, column, words);
    return status;
}

hse_status xml_fail_with(xml_reader *x, hse_status status, const hse_error *inner)
{
    return xml_fail(x, status, "%s", inner->text);
}

const char *xml_attribute(const char *const *attributes, const char *name)
{
    for (; *attributes; attributes += 2)
        if (strcmp(*attributes, name) == 0)
            return attributes[1];
    return NULL;
}

hse_status xml_allow(xml_reader *x, const char *element, const char *const *attributes, const char *const *names)
{
    for (; *attributes; attributes += 2) {
        const char *const *n = names;

        while (*n && strcmp(*n, *attributes) != 0)
            n++;
        if (!*n && strncmp(*attributes, "xmlns", 5) != 0 && strncmp(*attributes, "xsi:", 4) != 0)
            return xml_fail(x, HSE_E_UNSUPPORTED, "the attribute '%.40s' of <%.40s> is not offered", *attributes, element);
    }
    return HSE_OK;
}

/* ---- expat's calls ------------------------------------------------------------------------------------------------- */

/* After a failure expat still gives what it has in hand. */
static void stop(xml_reader *x, hse_status s)
{
    if (s != HSE_OK) {
        x->status = s;
        XML_StopParser(x->parser, XML_FALSE);
    }
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    xml_reader *x = user;
    size_t n = 0;

    if (x->status != HSE_OK)
        return;
    while (attributes[2 * n])
        n++;
    if (++x->depth > x->h->max_depth)
        stop(x, xml_fail(x, HSE_E_LIMIT, "elements are nested over %d deep", x->h->max_depth));
    else if (n > MAX_ATTRIBUTES)
        stop(x, xml_fail(x, HSE_E_LIMIT, "<%.40s> has %zu attributes; at most %d", name, n, MAX_ATTRIBUTES));
    else
        stop(x, x->h->start(x->user, x, name, (const char *const *)attributes));
    if (x->status == HSE_OK)
        snprintf(x->open[x->depth - 1], NAME, "%s", name);
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    xml_reader *x = user;

    if (x->status != HSE_OK)
        return;
    x->ended = --x->depth == 0;
    stop(x, x->h->end(x->user, x, name));
}

static void XMLCALL on_text(void *user, const XML_Char *text, int size)
{
    xml_reader *x = user;

    if (x->status == HSE_OK && size > 0)
        stop(x, x->h->text(x->user, x, text, (size_t)size));
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system, const XML_Char *public, int subset)
{
    xml_reader *x = user;

    (void)name, (void)system, (void)public, (void)subset;
    if (x->status == HSE_OK)
        stop(x, xml_fail(x, HSE_E_UNSUPPORTED, "a document type (<!DOCTYPE) is not accepted, and so no entity but XML's own five"));
}

static void XMLCALL on_instruction(void *user, const XML_Char *target, const XML_Char *data)
{
    xml_reader *x = user;

    (void)data;
    if (x->status == HSE_OK)
        stop(x, xml_fail(x, HSE_E_UNSUPPORTED, "the processing instruction <?%.40s is not offered", target));
}

/* ---- what is no XML, in words -------------------------------------------------------------------------------------- */

/* What stands at a place, as far as a blank or the next mark: "'hello'". */
static void found_at(const xml_reader *x, size_t at, char out[NAME + 16])
{
    uint32_t c = 0;
    size_t n = at < x->size ? hse_utf8_next(x->text + at, x->size - at, &c) : 0, end = at + n;

    if (at >= x->size) {
        snprintf(out, NAME + 16, "the end of the text");
        return;
    }
    if (n == 0 || c < ' ' || c == 0x7F) {
        snprintf(out, NAME + 16, "U+%04X", n ? (unsigned)c : (unsigned)(uint8_t)x->text[at]);
        return;
    }
    while (end < x->size && c != ' ' && !strchr(" \t\r\n<>&", x->text[end]) && (n = hse_utf8_next(x->text + end, x->size - end, &c)) != 0 && end + n - at < NAME && c >= ' ')
        end += n;
    snprintf(out, NAME + 16, "'%.*s'", (int)(end - at), x->text + at);
}

static bool of_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("#.:_-", c)) || (uint8_t)c >= 0x80;
}

/* The '<' of the tag that `at` stands in; SIZE_MAX: it stands in text. */
static size_t tag_around(const xml_reader *x, size_t at)
{
    for (size_t i = at; i-- > 0 && x->text[i] != '>';)
        if (x->text[i] == '<')
            return i;
    return SIZE_MAX;
}

/* A character that cannot stand where it does. */
static const char *misplaced(const xml_reader *x, size_t at)
{
    size_t name = at, tag = tag_around(x, at);
    char c = at < x->size ? x->text[at] : '\0';

    while (name > 0 && of_name(x->text[name - 1]))
        name--;
    if (name > 0 && x->text[name - 1] == '&')
        return "expected an entity and ';' behind '&' (a single & is written &amp;)";
    if (tag == SIZE_MAX)
        return c == '>' ? "expected ]]&gt; for ]]> in a text" : x->depth ? "expected a character that XML allows" : NULL;
    if (tag + 1 == at)
        return "expected the name of an element behind '<' (a single < is written &lt;)";
    if (c == '<')
        return "expected '>' (in an attribute < is written &lt;)";
    if (x->text[at - 1] == '=')
        return "expected a quotation mark";
    return "expected an attribute, name=\"value\", or '>'";
}

static void explain(xml_reader *x, enum XML_Error code)
{
    int64_t index = XML_GetCurrentByteIndex64(x->parser);
    size_t at = index > 0 && (size_t)index < x->size ? (size_t)index : index > 0 ? x->size : 0;
    const char *name = x->depth ? x->open[x->depth - 1] : x->h->root, *want = NULL;
    char found[NAME + 16];

    found_at(x, at, found);
    switch (code) {
    case XML_ERROR_TAG_MISMATCH: xml_fail(x, HSE_E_FORMAT, "expected </%s>, found </%.*s>", name, (int)strcspn(found + 1, "'"), found + 1); return;
    case XML_ERROR_NO_ELEMENTS: xml_fail(x, HSE_E_FORMAT, "expected %s%s>, found the end of the text", x->depth ? "</" : "<", name); return;
    case XML_ERROR_UNCLOSED_TOKEN:
        xml_fail(x, HSE_E_FORMAT, "expected '%c' behind what begins here, found the end of the text", x->text[at] == '&' ? ';' : '>');
        return;
    case XML_ERROR_UNCLOSED_CDATA_SECTION: xml_fail(x, HSE_E_FORMAT, "expected ]]> behind <![CDATA[, found the end of the text"); return;
    case XML_ERROR_JUNK_AFTER_DOC_ELEMENT: want = "expected nothing more"; break;
    case XML_ERROR_UNDEFINED_ENTITY: want = "expected &lt; &gt; &amp; &quot; &apos; or a number as in &#160;"; break;
    case XML_ERROR_BAD_CHAR_REF: want = "expected the number of a character"; break;
    case XML_ERROR_DUPLICATE_ATTRIBUTE: want = "expected each attribute once"; break;
    case XML_ERROR_MISPLACED_XML_PI: want = "expected <?xml ...?> before everything else"; break;
    case XML_ERROR_INVALID_TOKEN: want = misplaced(x, at); break;
    default: break;
    }
    if (!want && !x->depth)
        xml_fail(x, HSE_E_FORMAT, x->ended ? "expected nothing behind </%s>, found %s" : "expected <%s>, found %s", name, found);
    else
        xml_fail(x, HSE_E_FORMAT, "%s, found %s", want ? want : XML_ErrorString(code), found);
}

hse_status xml_read(const char *text, size_t size, const xml_handlers *h, void *user, hse_error *err)
{
    static const XML_Memory_Handling_Suite memory = {hse_alloc, hse_realloc, hse_free};
    hse_error local;
    xml_reader x = {.h = h, .user = user, .err = err ? err : &local, .text = text, .size = size};

    if (size > 1 << 28)
        return hse_fail(err, HSE_E_LIMIT, 0, "%zu bytes of XML", size);
    if (!(x.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to read XML");
    XML_SetUserData(x.parser, &x);
    XML_SetElementHandler(x.parser, on_start, on_end);
    XML_SetCharacterDataHandler(x.parser, on_text);
    XML_SetStartDoctypeDeclHandler(x.parser, on_doctype);
    XML_SetProcessingInstructionHandler(x.parser, on_instruction);
    if (XML_Parse(x.parser, text, (int)size, XML_TRUE) == XML_STATUS_ERROR && x.status == HSE_OK) {
        enum XML_Error code = XML_GetErrorCode(x.parser);

        if (code == XML_ERROR_NO_MEMORY)
            x.status = hse_fail(x.err, HSE_E_NOMEM, 0, "no memory to read XML");
        else
            explain(&x, code);
    }
    XML_ParserFree(x.parser);
    return x.status;
}
