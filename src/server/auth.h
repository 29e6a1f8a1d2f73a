/* auth.h - API keys: who may call what is under /v1.
 *
 * Keys are held as keyed hashes only, and a presented one is compared with all of them in constant time. Thread-safe; the set
 * may be replaced while requests come. */
#ifndef HSE_SERVER_AUTH_H
#define HSE_SERVER_AUTH_H

#include "base/status.h"
#include "http/http.h"

typedef struct api_keys api_keys;

hse_status api_keys_open(api_keys **out, const char *const *keys, size_t n, hse_error *err);       /* n = 0: no key is needed */
/* Another set: made ready first, which may fail, then put in place (or closed), which cannot. */
typedef struct api_key_set api_key_set;
hse_status api_key_set_open(api_key_set **out, const api_keys *k, const char *const *keys, size_t n, hse_error *err);
void       api_key_set_close(api_key_set **set);
void       api_keys_put(api_keys *k, api_key_set **set);           /* takes it */
void       api_keys_close(api_keys **k);
bool       api_keys_any(api_keys *k);

typedef enum { KEY_NOT_NEEDED, KEY_GOOD, KEY_MISSING, KEY_WRONG } api_key_verdict;

enum { KEY_NAME_SIZE = 24 };

/* Looks at `Authorization: Bearer KEY` and `Api-Key: KEY`; one of them with a good key is enough. name (may be NULL) becomes
 * "key:..." , the same for the same key while the process lives, and nothing that leads back to it. */
api_key_verdict api_keys_check(api_keys *k, const http_request *r, char name[KEY_NAME_SIZE]);

#endif
