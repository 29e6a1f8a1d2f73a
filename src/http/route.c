/* route.c - finding the route of a path. There are a few dozen, so they are simply tried one by one. */
#include "http/inner.h"

#include <string.h>

static bool pattern_match(const char *pattern, const char *path, size_t path_size, http_match *m, size_t rank[2])
{
    const char *star = strchr(pattern, '*');
    size_t before = star ? (size_t)(star - pattern) : strlen(pattern), after = star ? strlen(star + 1) : 0;

    if (!star) {
        rank[0] = SIZE_MAX;
        rank[1] = 0;
        return before == path_size && memcmp(pattern, path, before) == 0;
    }
    if (path_size <= before + after || memcmp(pattern, path, before) != 0 ||
        memcmp(star + 1, path + path_size - after, after) != 0)
        return false;
    rank[0] = before;
    rank[1] = after;
    m->rest_at = before;
    m->rest_size = path_size - before - after;
    return true;
}

/* The most specific pattern decides; routes with that very pattern share the path's methods among them. */
http_match http_route_find(const http_route *routes, size_t n, const char *path, unsigned method)
{
    http_match best = {0};
    size_t best_rank[2] = {0, 0}, path_size = strlen(path);

    for (size_t i = 0; i < n; i++) {
        http_match m = {0};
        size_t rank[2];
        unsigned methods = routes[i].methods | (routes[i].methods & HTTP_GET ? (unsigned)HTTP_HEAD : 0u);

        if (!pattern_match(routes[i].pattern, path, path_size, &m, rank))
            continue;
        bool same = best.allowed && rank[0] == best_rank[0] && rank[1] == best_rank[1];
        bool better = !best.allowed || rank[0] > best_rank[0] || (rank[0] == best_rank[0] && rank[1] > best_rank[1]);
        if (better) {
            best = m;
            best_rank[0] = rank[0];
            best_rank[1] = rank[1];
        }
        if (better || same) {
            best.allowed |= methods;
            if (!best.route && (methods & method))
                best.route = &routes[i];
        }
    }
    return best;
}

hse_status http_routes_check(const http_route *routes, size_t n, hse_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const http_route *r = &routes[i];
        if (!r->pattern || r->pattern[0] != '/' || !r->handler || !r->methods)
            return hse_fail(err, HSE_E_ARG, i, "route %zu has no pattern that begins with '/', no handler or no method",
                            i);
        const char *star = strchr(r->pattern, '*');
        if (star && strchr(star + 1, '*'))
            return hse_fail(err, HSE_E_ARG, i, "route '%s' has more than one '*'", r->pattern);
        for (size_t j = 0; j < i; j++)
            if (strcmp(routes[j].pattern, r->pattern) == 0 && (routes[j].methods & r->methods))
                return hse_fail(err, HSE_E_ARG, i, "route '%s' is given twice for one method", r->pattern);
    }
    return HSE_OK;
}

void http_allow(char out[64], unsigned methods)
{
    static const struct { unsigned method; const char *name; } all[] = {
        {HTTP_GET, "GET"}, {HTTP_HEAD, "HEAD"}, {HTTP_POST, "POST"}, {HTTP_PUT, "PUT"}, {HTTP_PATCH, "PATCH"},
        {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"},
    };
    size_t n = 0;

    methods |= HTTP_OPTIONS;
    for (size_t i = 0; i < COUNT(all); i++) {
        if (!(methods & all[i].method))
            continue;
        size_t size = strlen(all[i].name);
        if (n) {
            memcpy(out + n, ", ", 2);
            n += 2;
        }
        memcpy(out + n, all[i].name, size);
        n += size;
    }
    out[n] = '\0';
}
