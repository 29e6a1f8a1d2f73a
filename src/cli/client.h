/* client.h - the command line as a client of a running server: where it is, one request at a time.
 *
 * A small HTTP/1.1 client of our own on the chunk reader of src/http (docs/adr/0012): TCP, unix sockets and TLS, no proxy, no
 * redirect, no library that would have to be loaded before `hse version` can print. Every wait is bounded and ends when the
 * user presses Ctrl-C.
 *
 * Found      --server URL; else HSE_HOST (with HSE_PORT), as the server itself reads it; else http://127.0.0.1:12080. A server
 *            that was named must be there; one that was not named is used when it answers GET /version within a moment.
 *            --local, or an option of the engine (--cpu, --models, --config ...), computes in this process. */
#ifndef HSE_CLI_CLIENT_H
#define HSE_CLI_CLIENT_H

#include "cli/options.h"

#include "base/buf.h"

#include <jansson.h>

#define CLI_REMOTE_OPTIONS                                                                                                     \
    {"server", 0, CLI_TEXT, "URL", NULL, 0, 0, true, "use this server (default: the one that runs at HSE_HOST or 127.0.0.1:12080)"},   \
    {"local", 0, CLI_FLAG, NULL, NULL, 0, 0, true, "compute in this process, server or not"},                                  \
    {"api-key", 0, CLI_TEXT, "KEY", NULL, 0, 0, true, "for a server that asks for one"}

typedef struct {
    char        host[256];          /* name, address, or the path of a unix socket */
    int         port;               /* 0: a unix socket */
    bool        tls;
    char        url[300];           /* for people */
    const char *key;                /* NULL: none */
} cli_remote;

/* Is there a server to use? HSE_E_ARG: options that contradict each other; HSE_E_IO: the one that was named is not there. Says on
 * standard error which one is used. `needed`: the command makes no sense without (hse ps). */
hse_status cli_remote_find(cli_remote *out, bool *found, const cli_args *a, bool needed, hse_error *err);
/* "http://host:port", "host:port", "host", "unix:/path", "/path" -> where; HSE_E_ARG. */
hse_status cli_remote_parse(cli_remote *out, const char *url, int default_port, hse_error *err);

typedef struct {
    const char *method, *path;      /* "POST", "/v1/audio/speech" */
    const char *accept;             /* NULL: application/json */
    const char *content_type;       /* NULL: application/json, when there is a body */
    const void *body;
    size_t      size;
    int         connect_ms, silence_ms;         /* 0: 5 s to connect, for ever until the next byte comes */
} cli_call;

/* A piece of the body of a 2xx answer; anything but HSE_OK ends the call with it. */
typedef hse_status (*cli_piece_fn)(void *user, const void *data, size_t size, hse_error *err);

/* Any other answer is an error with the server's words: 400 and 422 HSE_E_ARG, 404 HSE_E_NOT_FOUND, 413 HSE_E_LIMIT, 429 and 503
 * HSE_E_BUSY, 504 HSE_E_DEADLINE, else HSE_E_IO. */
hse_status cli_http(const cli_remote *r, const cli_call *call, cli_piece_fn fn, void *user, hse_error *err);

/* The same with JSON on both sides. *answer (may be NULL) is released with json_decref. body: NULL or JSON in bytes. */
hse_status cli_http_json(const cli_remote *r, const char *method, const char *path, const hse_buf *body, json_t **answer, hse_error *err);

/* POST a JSON body, get a wav back and its samples piece by piece as they come (they are 16-bit, so exact in float). */
hse_status cli_wav_call(const cli_remote *r, const char *path, const hse_buf *body, hse_pcm_fn fn, void *user, hse_error *err);

/* ,"name":"text" (nothing when the text is NULL); ,"name":"base64 of the file" */
void       cli_json_text(hse_buf *out, const char *name, const char *text);
hse_status cli_json_file(hse_buf *out, const char *name, const char *path, hse_error *err);
/* An error that begins with the request's field begins with the file that was typed instead: path NULL or "": as it is. */
void       cli_name_file(hse_error *err, const char *field, const char *path);
/* A name as a piece of a path; slashes stay. */
void       cli_url_escape(hse_buf *out, const char *name);

#endif
