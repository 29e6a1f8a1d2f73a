/* xml.h - expat as the readers of this folder use it: UTF-8 alone, no document type (so no entities beyond XML's five), depth bounded,
 * memory from hse_alloc, errors with line and column. */
#ifndef HSE_TEXT_MARKUP_XML_H
#define HSE_TEXT_MARKUP_XML_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { XML_MAX_DEPTH = 32 };

typedef struct xml_reader xml_reader;

typedef struct {
    /* Names as they are written; attributes are name, value, ..., NULL. An error stops the reading. */
    hse_status (*start)(void *user, xml_reader *x, const char *name, const char *const *attributes);
    hse_status (*end)(void *user, xml_reader *x, const char *name);
    hse_status (*text)(void *user, xml_reader *x, const char *text, size_t size);
    const char  *root;                      /* the element that a document is */
    int          max_depth;                 /* at most XML_MAX_DEPTH */
} xml_handlers;

hse_status xml_read(const char *text, size_t size, const xml_handlers *h, void *user, hse_error *err);

/* For handlers: fail with "line L, column C: ..." of where the reader is. Returns the status. */
hse_status xml_fail(xml_reader *x, hse_status status, const char *fmt, ...) HSE_PRINTF(3, 4);
/* Put the place before the words of an error that is filled already. */
hse_status xml_fail_with(xml_reader *x, hse_status status, const hse_error *inner);
void       xml_place(xml_reader *x, unsigned *line, unsigned *column);

/* The attribute's value; NULL: absent. */
const char *xml_attribute(const char *const *attributes, const char *name);
/* Every attribute is one of the names (NULL-terminated list), or a namespace declaration. */
hse_status  xml_allow(xml_reader *x, const char *element, const char *const *attributes, const char *const *names);

#endif
