/* limit.c - connections per client address. An IPv6 client is its /64 network, since it has all of that to itself. */
#include "base/mem.h"
#include "http/inner.h"

#include <string.h>
#include <sys/random.h>

enum { N_BUCKETS = 4096 };

struct http_limit_entry {
    uint8_t           key[16];
    uint32_t          count;
    http_limit_entry *next;
};

hse_status http_limits_init(http_limits *l, hse_error *err)
{
    *l = (http_limits){.seed = 0x9E3779B97F4A7C15u};
    if (getrandom(&l->seed, sizeof l->seed, 0) != (ssize_t)sizeof l->seed)
        l->seed ^= (uintptr_t)l;
    if (!(l->buckets = hse_calloc(N_BUCKETS, sizeof(http_limit_entry *))))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the table of client addresses");
    pthread_mutex_init(&l->lock, NULL);
    return HSE_OK;
}

void http_limits_free(http_limits *l)
{
    if (!l->buckets)
        return;
    for (size_t i = 0; i < N_BUCKETS; i++)
        while (l->buckets[i]) {
            http_limit_entry *e = l->buckets[i];
            l->buckets[i] = e->next;
            hse_free(e);
        }
    hse_free(l->buckets);
    pthread_mutex_destroy(&l->lock);
    *l = (http_limits){0};
}

/* False for addresses without a limit: loopback and unix sockets. */
static bool key_of(const struct sockaddr_storage *a, uint8_t key[16])
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};

    memset(key, 0, 16);
    if (a->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a, sizeof v4);
        memcpy(key, mapped, 12);
        memcpy(key + 12, &v4.sin_addr, 4);
    } else if (a->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, a, sizeof v6);
        if (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr))
            return false;
        memcpy(key, &v6.sin6_addr, memcmp(&v6.sin6_addr, mapped, 12) == 0 ? 16 : 8);
    } else {
        return false;
    }
    return !(memcmp(key, mapped, 12) == 0 && key[12] == 127);
}

static size_t bucket_of(const http_limits *l, const uint8_t key[16])
{
    uint64_t a, b;

    memcpy(&a, key, 8);
    memcpy(&b, key + 8, 8);
    a = (a ^ l->seed) * 0x9E3779B97F4A7C15u;
    a = (a ^ (a >> 29) ^ b) * 0xBF58476D1CE4E5B9u;
    return (size_t)(a >> 40) % N_BUCKETS;
}

bool http_limits_enter(http_limits *l, const struct sockaddr_storage *a, uint32_t max, http_limit_entry **entry)
{
    uint8_t key[16];
    bool ok = true;

    *entry = NULL;
    if (!key_of(a, key))
        return true;
    pthread_mutex_lock(&l->lock);
    http_limit_entry **at = &l->buckets[bucket_of(l, key)], *e = *at;
    while (e && memcmp(e->key, key, 16) != 0)
        e = e->next;
    if (!e && (e = hse_calloc(1, sizeof *e))) {
        memcpy(e->key, key, 16);
        e->next = *at;
        *at = e;
    }
    if (!e || e->count >= max) {
        ok = false;
    } else {
        e->count++;
        *entry = e;
    }
    pthread_mutex_unlock(&l->lock);
    return ok;
}

void http_limits_leave(http_limits *l, http_limit_entry *entry)
{
    if (!entry)
        return;
    pthread_mutex_lock(&l->lock);
    if (--entry->count == 0) {
        http_limit_entry **at = &l->buckets[bucket_of(l, entry->key)];
        while (*at != entry)
            at = &(*at)->next;
        *at = entry->next;
        hse_free(entry);
    }
    pthread_mutex_unlock(&l->lock);
}
