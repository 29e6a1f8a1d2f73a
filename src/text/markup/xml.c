#include "text/markup/xml.h"

#include "base/mem.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ATTRIBUTES = 16 };

struct xml_reader {
    XML_Parser          parser;
    const xml_handlers *h;
    void               *user;
    int                 depth;
    hse_status          status;
    hse_error          *err;
};

void xml_place(xml_reader *x, unsigned *line, unsigned *column)
{
    *line = (unsigned)XML_GetCurrentLineNumber(x->parser);
    *column = (unsigned)XML_GetCurrentColumnNumber(x->parser) + 1;
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
    XML_Index at = XML_GetCurrentByteIndex(x->parser);
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
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    xml_reader *x = user;

    if (x->status != HSE_OK)
        return;
    x->depth--;
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

hse_status xml_read(const char *text, size_t size, const xml_handlers *h, void *user, hse_error *err)
{
    static const XML_Memory_Handling_Suite memory = {hse_alloc, hse_realloc, hse_free};
    hse_error local;
    xml_reader x = {.h = h, .user = user, .err = err ? err : &local};

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
            xml_fail(&x, HSE_E_FORMAT, "%s", XML_ErrorString(code));
    }
    XML_ParserFree(x.parser);
    return x.status;
}
