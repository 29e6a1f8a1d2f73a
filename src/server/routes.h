/* routes.h - the table of routes: what the HTTP front serves, what needs a key, what the OpenAPI document and the metrics say.
 * A new route is one row in routes.c (and its fields in requests.c). */
#ifndef HSE_SERVER_ROUTES_H
#define HSE_SERVER_ROUTES_H

#include "server/schema.h"

typedef struct api_call api_call;

enum {
    ROUTE_OPEN = 1,                 /* no key is needed */
    ROUTE_HIDDEN = 2,               /* not in the OpenAPI document: pages */
};

typedef struct {
    unsigned      method;           /* HTTP_GET, ... */
    const char   *path;             /* "/v1/models/{id}": what stands for {id} may hold slashes */
    const char   *tag;              /* group in the OpenAPI document */
    const char   *task;             /* label of the metrics: "speak", "embed", ...; NULL: does no such work */
    const schema *body, *form, *query;  /* a JSON body, a multipart form, a query string; NULL: not taken */
    const schema *answer;           /* of 200 and JSON; NULL: some object */
    const char   *media;            /* further content types of the answer: "audio/mpeg|text/event-stream" */
    bool        (*run)(api_call *call);     /* on a request thread: may block */
    http_handler *quick;            /* or on the loop: must not block. arg: api_bound */
    unsigned      flags;
    const char   *summary, *doc;
} api_route;

extern const api_route api_routes[];
extern const size_t    api_route_count;

enum { API_MAX_ROUTES = 64 };

#endif
