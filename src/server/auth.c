#include "server/auth.h"

#include "base/mem.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

enum { HASH = crypto_generichash_BYTES, MAX_KEYS = 4096 };

struct api_key_set {
    uint8_t (*hash)[HASH];
    size_t n;
};

struct api_keys {
    pthread_mutex_t lock;
    uint8_t secret[crypto_generichash_KEYBYTES]; /* of this process: hashes mean nothing elsewhere */
    api_key_set *set;
};

static void hash_key(const api_keys *k, uint8_t out[HASH], const char *key, size_t size)
{
    crypto_generichash(out, HASH, (const unsigned char *)key, size, k->secret, sizeof k->secret);
}

hse_status api_key_set_open(api_key_set **out, const api_keys *k, const char *const *keys, size_t n, hse_error *err)
{
    if (n > MAX_KEYS)
        return hse_fail(err, HSE_E_LIMIT, n, "there are %zu API keys, at most %d are taken", n, MAX_KEYS);
    api_key_set *s = hse_calloc(1, sizeof *s);
    if (!s || !(s->hash = hse_calloc(n ? n : 1, HASH))) {
        hse_free(s);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu API keys", n);
    }
    for (size_t i = 0; i < n; i++)
        if (keys[i] && *keys[i])
            hash_key(k, s->hash[s->n++], keys[i], strlen(keys[i]));
    if (n && !s->n) { /* a list of empty keys is a mistake that must not open the door */
        api_key_set_close(&s);
        return hse_fail(err, HSE_E_ARG, 0, "the API keys are all empty");
    }
    *out = s;
    return HSE_OK;
}

void api_key_set_close(api_key_set **set)
{
    if (*set)
        hse_free((*set)->hash);
    hse_free(*set);
    *set = NULL;
}

void api_keys_put(api_keys *k, api_key_set **set)
{
    pthread_mutex_lock(&k->lock);
    api_key_set *old = k->set;
    k->set = *set;
    pthread_mutex_unlock(&k->lock);
    *set = NULL;
    api_key_set_close(&old);
}

hse_status api_keys_open(api_keys **out, const char *const *keys, size_t n, hse_error *err)
{
    api_keys *k = hse_calloc(1, sizeof *k);

    if (!k)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for API keys");
    if (sodium_init() < 0) {
        hse_free(k);
        return hse_fail(err, HSE_E_IO, 0, "libsodium cannot be used");
    }
    pthread_mutex_init(&k->lock, NULL);
    randombytes_buf(k->secret, sizeof k->secret);
    hse_status s = api_key_set_open(&k->set, k, keys, n, err);
    if (s == HSE_OK)
        *out = k;
    else
        api_keys_close(&k);
    return s;
}

void api_keys_close(api_keys **keys)
{
    api_keys *k = *keys;

    if (!k)
        return;
    pthread_mutex_destroy(&k->lock);
    api_key_set_close(&k->set);
    hse_free(k);
    *keys = NULL;
}

bool api_keys_any(api_keys *k)
{
    pthread_mutex_lock(&k->lock);
    bool any = k->set->n > 0;
    pthread_mutex_unlock(&k->lock);
    return any;
}

/* All of them are compared, whichever fits. */
static bool good(const api_keys *k, const uint8_t hash[HASH])
{
    int found = 0;

    for (size_t i = 0; i < k->set->n; i++)
        found |= sodium_memcmp(k->set->hash[i], hash, HASH) == 0;
    return found;
}

/* The key in the header's value; for Authorization what follows "Bearer ". */
static http_slice key_in(const http_request *r, const char *header, bool bearer)
{
    http_slice v = http_request_header(r, header);

    if (!v.data || !bearer)
        return v;
    if (v.size < 7 || strncasecmp(v.data, "Bearer ", 7) != 0)
        return (http_slice){NULL, 0};
    v.data += 7;
    v.size -= 7;
    while (v.size && *v.data == ' ') {
        v.data++;
        v.size--;
    }
    return v;
}

api_key_verdict api_keys_check(api_keys *k, const http_request *r, char name[KEY_NAME_SIZE])
{
    http_slice shown[2] = {key_in(r, "authorization", true), key_in(r, "api-key", false)};
    api_key_verdict verdict = KEY_MISSING;

    if (name)
        name[0] = '\0';
    pthread_mutex_lock(&k->lock);
    if (k->set->n == 0)
        verdict = KEY_NOT_NEEDED;
    for (size_t i = 0; i < 2 && k->set->n; i++) {
        uint8_t hash[HASH];
        if (!shown[i].data || !shown[i].size)
            continue;
        hash_key(k, hash, shown[i].data, shown[i].size);
        if (verdict == KEY_MISSING)
            verdict = KEY_WRONG;
        if (good(k, hash)) {
            verdict = KEY_GOOD;
            if (name)
                snprintf(name, KEY_NAME_SIZE, "key:%02x%02x%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3],
                         hash[4], hash[5]);
        }
    }
    pthread_mutex_unlock(&k->lock);
    return verdict;
}
