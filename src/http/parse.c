/* parse.c - see parse.h. The head is taken line by line: a line is looked at when its LF has come, and the search for
 * that LF goes on where the last call stopped, so a head sent byte by byte costs no more than one sent whole. */
#include "http/parse.h"

#include <string.h>
#include <strings.h>

enum { MAX_METHOD = 32, MAX_LENGTH_DIGITS = 18, HEAD_DONE = 1 };

bool http_slice_is(http_slice s, const char *text)
{
    return s.size == strlen(text) && (s.size == 0 || memcmp(s.data, text, s.size) == 0);
}

bool http_slice_is_nocase(http_slice s, const char *text)
{
    return s.size == strlen(text) && (s.size == 0 || strncasecmp(s.data, text, s.size) == 0);
}

bool http_is_token_char(unsigned char c)
{
    if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_control(unsigned char c)
{
    return (c < 32 && c != '\t') || c == 127;
}

void http_head_init(http_head *h, uint32_t max_size, uint32_t max_fields)
{
    memset(h, 0, offsetof(http_head, field));
    h->max_size = max_size && max_size <= UINT16_MAX ? max_size : HTTP_MAX_HEAD;
    h->max_fields = max_fields && max_fields < HTTP_MAX_FIELDS ? max_fields : HTTP_MAX_FIELDS;
}

const char *http_head_error(int status)
{
    switch (status) {
    case 414: return "the request line is longer than the server allows";
    case 417: return "the only expectation that is understood is 100-continue";
    case 431: return "the header is larger, or has more fields, than the server allows";
    case 501: return "the only transfer coding that is understood is chunked";
    case 505: return "the only versions that are understood are HTTP/1.1 and HTTP/1.0";
    default: return "the request is not well-formed HTTP/1.1";
    }
}

/* True when the comma-separated list has the token, whatever the case. */
static bool list_has(http_slice list, const char *token)
{
    size_t i = 0;

    while (i < list.size) {
        while (i < list.size && (list.data[i] == ' ' || list.data[i] == '\t' || list.data[i] == ','))
            i++;
        size_t start = i;
        while (i < list.size && list.data[i] != ',')
            i++;
        size_t end = i;
        while (end > start && (list.data[end - 1] == ' ' || list.data[end - 1] == '\t'))
            end--;
        if (http_slice_is_nocase((http_slice){list.data + start, end - start}, token))
            return true;
    }
    return false;
}

static unsigned method_of(http_slice s)
{
    static const struct { const char *name; unsigned method; } known[] = {
        {"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"POST", HTTP_POST}, {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH},
        {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (http_slice_is(s, known[i].name))
            return known[i].method;
    return 0;
}

/* Method SP target SP HTTP/1.x, with exactly one space each. Origin-form, or * for OPTIONS; a fragment never belongs
 * here. */
static int request_line(http_head *h, const char *bytes, const char *line, const char *end)
{
    const char *space = memchr(line, ' ', (size_t)(end - line));

    if (!space)
        return -400;
    h->method_at = (uint16_t)(line - bytes);
    h->method_size = (uint16_t)(space - line);
    h->method = method_of((http_slice){line, h->method_size});

    const char *target = space + 1, *p = target;
    while (p < end && (unsigned char)*p > 32 && (unsigned char)*p < 127 && *p != '#')
        p++;
    if (p == target || p == end || *p != ' ')
        return -400;
    if (*target != '/' && !(p - target == 1 && *target == '*' && h->method == HTTP_OPTIONS))
        return -400;
    h->target_at = (uint16_t)(target - bytes);
    h->target_size = (uint16_t)(p - target);

    const char *version = p + 1;
    if (end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.')
        return -400;
    if (version[5] != '1' || (version[7] != '0' && version[7] != '1'))
        return -505;
    h->minor = (uint8_t)(version[7] - '0');
    h->have_line = true;
    return 0;
}

static int content_length(http_head *h, http_slice v)
{
    if (h->has_length || v.size == 0 || v.size > MAX_LENGTH_DIGITS)
        return -400;
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] < '0' || v.data[i] > '9')
            return -400;
        h->length = h->length * 10 + (uint64_t)(v.data[i] - '0');
    }
    h->has_length = true;
    return 0;
}

/* A name or an address with an optional port: nothing that could end an authority or make a list of it. */
static int host(http_head *h, http_slice v)
{
    if (h->has_host)
        return -400;
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.data[i] <= 32 || (unsigned char)v.data[i] >= 127 || strchr("/\\?#@,\"<>{}|^`", v.data[i]))
            return -400;
    h->has_host = true;
    return 0;
}

static int once(bool *seen)
{
    if (*seen)
        return -400;
    *seen = true;
    return 0;
}

/* What a field means for framing; all others are the handler's business. */
static int known_field(http_head *h, http_slice name, http_slice v)
{
    if (http_slice_is_nocase(name, "host"))
        return host(h, v);
    if (http_slice_is_nocase(name, "content-length"))
        return content_length(h, v);
    if (http_slice_is_nocase(name, "transfer-encoding")) {
        if (h->chunked)
            return -400;
        if (!http_slice_is_nocase(v, "chunked"))
            return -501;
        h->chunked = true;
    } else if (http_slice_is_nocase(name, "connection")) {
        h->close = h->close || list_has(v, "close");
        h->wants_upgrade = h->wants_upgrade || list_has(v, "upgrade");
    } else if (http_slice_is_nocase(name, "upgrade")) {
        h->upgrade_websocket = h->upgrade_websocket || http_slice_is_nocase(v, "websocket");
    } else if (http_slice_is_nocase(name, "expect")) {
        if (!http_slice_is_nocase(v, "100-continue"))
            return -417;
        h->expect_continue = true;
    } else if (http_slice_is_nocase(name, "authorization")) {
        return once(&h->has_authorization);
    } else if (http_slice_is_nocase(name, "content-type")) {
        return once(&h->has_type);
    }
    return 0;
}

static int field_line(http_head *h, const char *bytes, const char *line, const char *end)
{
    const char *colon = line;

    while (colon < end && http_is_token_char((unsigned char)*colon))
        colon++;
    if (colon == line || colon == end || *colon != ':')     /* also a folded line, and a space before the colon */
        return -400;
    const char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (const char *p = value; p < end; p++)
        if (is_control((unsigned char)*p))
            return -400;
    if (h->n_fields == h->max_fields)
        return -431;
    h->field[h->n_fields++] = (http_field){.name = (uint16_t)(line - bytes), .name_size = (uint16_t)(colon - line),
                                           .value = (uint16_t)(value - bytes), .value_size = (uint16_t)(end - value)};
    return known_field(h, (http_slice){line, (size_t)(colon - line)}, (http_slice){value, (size_t)(end - value)});
}

/* What can be said of the first line before its end has come: a peer that speaks another protocol is told at once. */
static int first_bytes(const http_head *h, const char *line, size_t n)
{
    size_t i = 0;

    if (n <= 1 && !h->skipped_line && (n == 0 || *line == '\r'))
        return 0;
    while (i < n && i <= MAX_METHOD && http_is_token_char((unsigned char)line[i]))
        i++;
    return i < n && (i == 0 || i > MAX_METHOD || line[i] != ' ') ? -400 : 0;
}

static int check_whole(http_head *h)
{
    if (h->minor == 1 && !h->has_host)
        return -400;
    if (h->chunked && (h->has_length || h->minor == 0))
        return -400;
    h->close = h->close || h->minor == 0;
    return HEAD_DONE;
}

/* One line without its LF: [line, end). */
static int take_line(http_head *h, const char *bytes, const char *line, const char *end)
{
    if (end == line || end[-1] != '\r')
        return -400;
    end--;
    if (memchr(line, '\r', (size_t)(end - line)))
        return -400;
    if (h->have_line)
        return line == end ? check_whole(h) : field_line(h, bytes, line, end);
    if (line == end) {                      /* one empty line before a request is allowed (RFC 9112, 2.2) */
        if (h->skipped_line)
            return -400;
        h->skipped_line = true;
        return 0;
    }
    return request_line(h, bytes, line, end);
}

int http_head_feed(http_head *h, const char *bytes, size_t n)
{
    if (h->failed)
        return -h->failed;
    for (;;) {
        const char *lf = n > h->seen ? memchr(bytes + h->seen, '\n', n - h->seen) : NULL;
        size_t end = lf ? (size_t)(lf - bytes) : n;
        int s = h->have_line ? 0 : first_bytes(h, bytes + h->next, end - h->next);

        if (s == 0 && !h->have_line && end - h->next > HTTP_MAX_LINE)
            s = -414;
        if (s == 0 && end >= h->max_size)
            s = -431;
        if (s == 0 && !lf) {
            h->seen = (uint32_t)n;
            return 0;
        }
        if (s == 0)
            s = take_line(h, bytes, bytes + h->next, lf);
        if (s < 0) {
            h->failed = -s;
            return s;
        }
        h->next = h->seen = (uint32_t)end + 1;
        if (s == HEAD_DONE)
            return (int)h->next;
    }
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* 8 hexadecimal digits: chunks below 4 GiB. */
static bool chunk_size_byte(http_chunks *c, unsigned char u)
{
    int digit = hex_digit(u);

    if (digit >= 0) {
        c->left = c->left * 16 + (unsigned)digit;
        return ++c->digits <= 8;
    }
    if (c->digits == 0 || (u != '\r' && u != ';'))
        return false;
    c->line = 0;
    c->state = u == '\r' ? HTTP_CHUNK_SIZE_LF : HTTP_CHUNK_EXTENSION;
    return true;
}

/* Every byte that is not data. False when it may not stand here. */
static bool framing_byte(http_chunks *c, unsigned char u)
{
    switch (c->state) {
    case HTTP_CHUNK_SIZE:
        return chunk_size_byte(c, u);
    case HTTP_CHUNK_EXTENSION:
        if (u == '\r')
            c->state = HTTP_CHUNK_SIZE_LF;
        else if (is_control(u) || ++c->line > HTTP_MAX_CHUNK_LINE)
            return false;
        return true;
    case HTTP_CHUNK_SIZE_LF:
        c->digits = 0;
        c->state = c->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER_START;
        return u == '\n';
    case HTTP_CHUNK_DATA_CR:
        c->state = HTTP_CHUNK_DATA_LF;
        return u == '\r';
    case HTTP_CHUNK_DATA_LF:
        c->state = HTTP_CHUNK_SIZE;
        return u == '\n';
    case HTTP_CHUNK_TRAILER_START:
        c->state = u == '\r' ? HTTP_CHUNK_END_LF : HTTP_CHUNK_TRAILER_NAME;
        return u == '\r' || (http_is_token_char(u) && ++c->trailer <= HTTP_MAX_TRAILER);
    case HTTP_CHUNK_TRAILER_NAME:
        if (u == ':')
            c->state = HTTP_CHUNK_TRAILER;
        return (u == ':' || http_is_token_char(u)) && ++c->trailer <= HTTP_MAX_TRAILER;
    case HTTP_CHUNK_TRAILER:
        if (u == '\r') {
            c->state = HTTP_CHUNK_TRAILER_LF;
            return true;
        }
        return !is_control(u) && ++c->trailer <= HTTP_MAX_TRAILER;
    case HTTP_CHUNK_TRAILER_LF:
        c->state = HTTP_CHUNK_TRAILER_START;
        return u == '\n';
    case HTTP_CHUNK_END_LF:
        c->state = HTTP_CHUNK_DONE;
        return u == '\n';
    default:
        return false;
    }
}

ptrdiff_t http_chunks_feed(http_chunks *c, const char *bytes, size_t n, http_slice *data)
{
    size_t i = 0;

    *data = (http_slice){NULL, 0};
    while (i < n && c->state != HTTP_CHUNK_DONE) {
        if (c->state == HTTP_CHUNK_DATA) {
            size_t k = n - i < c->left ? n - i : (size_t)c->left;
            *data = (http_slice){bytes + i, k};
            c->left -= k;
            c->data += k;
            if (c->left == 0)
                c->state = HTTP_CHUNK_DATA_CR;
            return (ptrdiff_t)(i + k);
        }
        if (!framing_byte(c, (unsigned char)bytes[i++]) || ++c->overhead > c->data + HTTP_MAX_CHUNK_OVERHEAD) {
            c->state = HTTP_CHUNK_FAILED;
            return -1;
        }
    }
    return c->state == HTTP_CHUNK_FAILED ? -1 : (ptrdiff_t)i;
}
