/* multipart.c - see multipart.h. A delimiter begins with CR, which a boundary cannot contain, so a failed match never
 * overlaps the next one: the bytes matched so far were data, and the search starts again at the current byte. */
#include "http/multipart.h"

#include "base/utf8.h"
#include "http/url.h"

#include <string.h>

static hse_status fail(http_multipart *m, hse_error *err, hse_status s, const char *text)
{
    m->state = PART_FAILED;
    m->failed = s;
    return hse_fail(err, s, m->offset, "multipart body: %s", text);
}

static hse_status passed_on(http_multipart *m, hse_status s)
{
    if (s != HSE_OK) {
        m->state = PART_FAILED;
        m->failed = s;
    }
    return s;
}

static bool boundary_ok(const char *s, size_t n)
{
    if (n == 0 || n > HTTP_MULTIPART_MAX_BOUNDARY || s[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = s[i], lower = (char)(c | 32);
        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') && !strchr("'()+_,-./:=? ", c))
            return false;
    }
    return true;
}

hse_status http_multipart_init(http_multipart *m, http_slice content_type, const http_part_events *events, void *arg,
                               hse_error *err)
{
    char boundary[HTTP_MULTIPART_MAX_BOUNDARY + 2];

    *m = (http_multipart){.events = *events, .arg = arg, .matched = 2};     /* as if a CR LF stood before the body */
    m->state = PART_FAILED;
    m->failed = HSE_E_UNSUPPORTED;
    if (!http_slice_is_nocase(http_media_type(content_type), "multipart/form-data"))
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "the content type is not multipart/form-data");
    m->failed = HSE_E_FORMAT;
    if (http_header_param(content_type, "boundary", boundary, sizeof boundary, err) != HSE_OK ||
        !boundary_ok(boundary, strlen(boundary)))
        return hse_fail(err, HSE_E_FORMAT, 0,
                        "the content type multipart/form-data has no boundary of 1 to %d letters, digits or the signs "
                        "'()+_,-./:=?", HTTP_MULTIPART_MAX_BOUNDARY);
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, strlen(boundary));
    m->delimiter_size = (uint32_t)strlen(boundary) + 4;
    m->state = PART_PREAMBLE;
    m->failed = HSE_OK;
    return HSE_OK;
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 32 || *s == 127)
            return true;
    return false;
}

static bool text_ok(const char *s)
{
    return !has_control(s) && hse_utf8_valid(s, strlen(s), NULL);
}

/* filename*=UTF-8''caf%C3%A9.wav (RFC 8187), which some clients send although RFC 7578 does not want it. */
static hse_status extended_filename(http_multipart *m, http_slice value, hse_error *err)
{
    char coded[HTTP_PART_MAX_FILENAME];
    size_t size;

    if (http_header_param(value, "filename*", coded, sizeof coded, err) != HSE_OK)
        return fail(m, err, HSE_E_FORMAT, "a part's filename* is too long or not well-formed");
    const char *text = strchr(coded, '\'');
    text = text ? strchr(text + 1, '\'') : NULL;
    if (!text || !http_slice_is_nocase((http_slice){coded, 5}, "utf-8") || coded[5] != '\'' ||
        http_percent_decode(m->filename, &size, (http_slice){text + 1, strlen(text + 1)}, false, err) != HSE_OK)
        return fail(m, err, HSE_E_FORMAT, "a part's filename* is not UTF-8 with percent signs");
    return HSE_OK;
}

static hse_status disposition(http_multipart *m, http_slice value, bool *is_file, hse_error *err)
{
    hse_error why;

    if (!http_slice_is_nocase(http_media_type(value), "form-data"))
        return fail(m, err, HSE_E_FORMAT, "a part's Content-Disposition is not form-data");
    hse_status s = http_header_param(value, "name", m->name, sizeof m->name, &why);
    if (s == HSE_E_LIMIT)
        return fail(m, err, s, "a part's name is too long");
    if (s != HSE_OK || !text_ok(m->name))
        return fail(m, err, HSE_E_FORMAT, "a part has no name, or one that is not plain UTF-8 text");
    s = http_header_param(value, "filename", m->filename, sizeof m->filename, &why);
    *is_file = s == HSE_OK;
    if (s == HSE_E_LIMIT)
        return fail(m, err, s, "a part's file name is too long");
    if (s != HSE_OK && s != HSE_E_NOT_FOUND)
        return fail(m, err, HSE_E_FORMAT, "a part's Content-Disposition is not well-formed");
    if (s == HSE_E_NOT_FOUND && http_header_param(value, "filename*", m->type, 1, &why) != HSE_E_NOT_FOUND) {
        *is_file = true;
        s = extended_filename(m, value, err);
        if (s != HSE_OK)
            return s;
    }
    if (*is_file && has_control(m->filename))
        return fail(m, err, HSE_E_FORMAT, "a part's file name holds a control character");
    if (*is_file && !hse_utf8_valid(m->filename, strlen(m->filename), NULL))
        m->filename[0] = '\0';          /* in the code page of the client's machine; nobody needs it */
    return HSE_OK;
}

typedef struct {
    bool disposition, type, is_file;
} part_seen;

static hse_status part_field(http_multipart *m, http_slice name, http_slice value, part_seen *seen, hse_error *err)
{
    if (http_slice_is_nocase(name, "content-disposition")) {
        if (seen->disposition)
            return fail(m, err, HSE_E_FORMAT, "a part has two Content-Disposition lines");
        seen->disposition = true;
        m->type[0] = '\0';
        return disposition(m, value, &seen->is_file, err);
    }
    if (http_slice_is_nocase(name, "content-transfer-encoding") && !http_slice_is_nocase(value, "binary") &&
        !http_slice_is_nocase(value, "8bit") && !http_slice_is_nocase(value, "7bit"))
        return fail(m, err, HSE_E_UNSUPPORTED, "a part's Content-Transfer-Encoding is not 7bit, 8bit or binary");
    if (http_slice_is_nocase(name, "content-type")) {
        if (seen->type || value.size >= sizeof m->type)
            return fail(m, err, HSE_E_FORMAT, "a part has two Content-Type lines, or one that is too long");
        seen->type = true;
    }
    return HSE_OK;
}

static hse_status part_line(http_multipart *m, const char *line, const char *end, part_seen *seen, http_slice *type,
                            hse_error *err)
{
    const char *colon = line;

    while (colon < end && http_is_token_char((unsigned char)*colon))
        colon++;
    if (colon == line || colon == end || *colon != ':')
        return fail(m, err, HSE_E_FORMAT, "a line of a part's header is not 'name: value'");
    const char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (const char *p = value; p < end; p++)
        if (((unsigned char)*p < 32 && *p != '\t') || *p == 127)
            return fail(m, err, HSE_E_FORMAT, "a part's header has a control character");
    http_slice name = {line, (size_t)(colon - line)}, v = {value, (size_t)(end - value)};
    if (http_slice_is_nocase(name, "content-type"))
        *type = v;
    return part_field(m, name, v, seen, err);
}

/* The header of a part is complete: m->head without the empty line. */
static hse_status begin_part(http_multipart *m, hse_error *err)
{
    const char *line = m->head, *stop = m->head + m->head_size;
    http_slice type = {"", 0};
    part_seen seen = {0};
    unsigned fields = 0;

    if (++m->parts > HTTP_MULTIPART_MAX_PARTS)
        return fail(m, err, HSE_E_LIMIT, "there are too many parts");
    while (line < stop) {
        const char *end = memchr(line, '\n', (size_t)(stop - line));
        if (!end || end == line || end[-1] != '\r')
            return fail(m, err, HSE_E_FORMAT, "a line of a part's header does not end with CR LF");
        if (++fields > HTTP_PART_MAX_FIELDS)
            return fail(m, err, HSE_E_LIMIT, "a part's header has too many lines");
        hse_status s = part_line(m, line, end - 1, &seen, &type, err);
        if (s != HSE_OK)
            return s;
        line = end + 1;
    }
    if (!seen.disposition)
        return fail(m, err, HSE_E_FORMAT, "a part has no Content-Disposition");
    memcpy(m->type, type.data, type.size);
    m->type[type.size] = '\0';
    if (!text_ok(m->type))
        return fail(m, err, HSE_E_FORMAT, "a part's Content-Type is not plain text");
    http_part part = {.name = m->name, .filename = seen.is_file ? m->filename : NULL, .type = m->type};
    m->state = PART_DATA;
    m->matched = 0;
    return passed_on(m, m->events.begin(m->arg, &part, err));
}

/* An empty line ends the header; it may be the first. Two bytes back from the end stands the last line's CR LF. */
static hse_status head_byte(http_multipart *m, char c, hse_error *err)
{
    if (m->head_size == sizeof m->head)
        return fail(m, err, HSE_E_LIMIT, "a part's header is too long");
    m->head[m->head_size++] = c;
    if (c != '\n')
        return HSE_OK;
    bool empty_line = (m->head_size == 2 && m->head[0] == '\r') ||
                      (m->head_size >= 4 && memcmp(m->head + m->head_size - 4, "\r\n\r\n", 4) == 0);
    if (!empty_line)
        return HSE_OK;
    m->head_size -= 2;
    return begin_part(m, err);
}

/* What may follow a delimiter: "--", or spaces and a line end. */
static hse_status after_delimiter(http_multipart *m, char c, hse_error *err)
{
    switch (m->state) {
    case PART_DELIMITER:
        if (c == '-') {
            m->state = PART_CLOSE;
            return HSE_OK;
        }
        m->state = PART_PADDING;
        /* fall through */
    case PART_PADDING:
        if (c == ' ' || c == '\t')
            return ++m->outside <= HTTP_MULTIPART_MAX_PREAMBLE
                       ? HSE_OK
                       : fail(m, err, HSE_E_LIMIT, "too many spaces after a delimiter");
        if (c != '\r')
            break;
        m->state = PART_LF;
        return HSE_OK;
    case PART_LF:
        if (c != '\n')
            break;
        m->state = PART_HEAD;
        m->head_size = 0;
        return HSE_OK;
    default:                            /* PART_CLOSE */
        if (c != '-')
            break;
        m->state = PART_EPILOGUE;
        m->outside = 0;
        return HSE_OK;
    }
    return fail(m, err, HSE_E_FORMAT, "a delimiter is followed by something else than a line end or '--'");
}

static hse_status give(http_multipart *m, const char *data, size_t size, hse_error *err)
{
    if (size == 0)
        return HSE_OK;
    if (m->state == PART_DATA)
        return passed_on(m, m->events.data(m->arg, data, size, err));
    if (size > HTTP_MULTIPART_MAX_PREAMBLE + 2 - m->outside)    /* 2: the CR LF that nobody sent */
        return fail(m, err, HSE_E_LIMIT, "there is too much before the first delimiter");
    m->outside += (uint32_t)size;
    return HSE_OK;
}

/* Data (or preamble) up to the next delimiter or the end of the piece; *used: the bytes taken. */
static hse_status content(http_multipart *m, const char *p, size_t n, size_t *used, hse_error *err)
{
    hse_status s = HSE_OK;
    size_t i = 0;

    while (i < n && s == HSE_OK) {
        if (m->matched == 0) {
            const char *cr = memchr(p + i, '\r', n - i);
            size_t plain = cr ? (size_t)(cr - (p + i)) : n - i;
            s = give(m, p + i, plain, err);
            i += plain;
            if (cr && s == HSE_OK) {
                m->matched = 1;
                i++;
            }
            continue;
        }
        if (p[i] != m->delimiter[m->matched]) {
            uint32_t held = m->matched;
            m->matched = 0;
            s = give(m, m->delimiter, held, err);
            continue;
        }
        i++;
        if (++m->matched == m->delimiter_size) {
            bool in_part = m->state == PART_DATA;
            m->state = PART_DELIMITER;
            m->outside = 0;
            if (in_part)
                s = passed_on(m, m->events.end(m->arg, err));
            break;
        }
    }
    *used = i;
    return s;
}

hse_status http_multipart_feed(http_multipart *m, const void *data, size_t size, hse_error *err)
{
    const char *p = data;
    hse_status s = HSE_OK;

    while (size && s == HSE_OK) {
        size_t used = 1;
        switch (m->state) {
        case PART_PREAMBLE:
        case PART_DATA:
            s = content(m, p, size, &used, err);
            break;
        case PART_HEAD:
            s = head_byte(m, *p, err);
            break;
        case PART_EPILOGUE:
            used = size;
            if (size > HTTP_MULTIPART_MAX_PREAMBLE - m->outside)
                s = fail(m, err, HSE_E_LIMIT, "there is too much after the closing delimiter");
            else
                m->outside += (uint32_t)size;
            break;
        case PART_FAILED:
            return hse_fail(err, m->failed, m->offset, "multipart body: it was refused before");
        default:
            s = after_delimiter(m, *p, err);
            break;
        }
        m->offset += used;
        p += used;
        size -= used;
    }
    return s;
}

hse_status http_multipart_finish(http_multipart *m, hse_error *err)
{
    if (m->state == PART_FAILED)
        return hse_fail(err, m->failed, m->offset, "multipart body: it was refused before");
    if (m->state != PART_EPILOGUE)
        return fail(m, err, HSE_E_FORMAT, "it ends before the closing delimiter");
    return HSE_OK;
}
