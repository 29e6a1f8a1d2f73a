/* answer.c - the head of an answer. */
#include "http/inner.h"

#include <stdio.h>
#include <time.h>

const char *http_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}

/* The text changes once a second; each thread keeps the last one. By hand, because strftime follows the locale. */
void http_put_date(hse_buf *out)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static _Thread_local time_t second = -1;
    static _Thread_local char text[64];
    time_t now = time(NULL);
    struct tm t;

    if (now != second && gmtime_r(&now, &t)) {
        snprintf(text, sizeof text, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * t.tm_wday,
                 t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
        second = now;
    }
    hse_buf_str(out, text);
}

void http_put_head(hse_buf *out, const http_job *job, int status, const char *type, int64_t length, bool close)
{
    hse_buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
    http_put_date(out);
    if (job->id[0])
        hse_buf_printf(out, "x-request-id: %s\r\n", job->id);
    if (type)
        hse_buf_printf(out, "Content-Type: %s\r\n", type);
    hse_buf_append(out, job->extra.data, job->extra.size);
    if (status == 204 || status == 304)
        ;                                       /* neither has a body nor says how long it would be */
    else if (length >= 0)
        hse_buf_printf(out, "Content-Length: %lld\r\n", (long long)length);
    else if (job->minor > 0)
        hse_buf_str(out, "Transfer-Encoding: chunked\r\n");
    hse_buf_str(out, close ? "Connection: close\r\n\r\n" : "\r\n");
}
