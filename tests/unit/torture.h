/* torture.h - run a function again and again, each time with another allocation failing, until none is left to fail. */
#ifndef HSE_TEST_TORTURE_H
#define HSE_TEST_TORTURE_H

#include "base/mem.h"
#include "base/status.h"
#include "test.h"

#include <stdlib.h>

typedef hse_status test_tortured(void *arg, hse_error *err);

/* Under a sanitizer in `make test` (HSE_TEST_QUICK) the allocations behind the first hundred fail ever more sparsely; the one that watches
 * threads learns nothing from a failure and sees a dozen of them. The release build fails every one. */
static inline unsigned test_torture_step(unsigned n)
{
    if (!getenv("HSE_TEST_QUICK"))
        return 1;
#ifdef __SANITIZE_THREAD__
    return n / 2 + 1;
#else
    return n > 100 ? n / 14 : 1;
#endif
}

/* f must give HSE_OK when nothing fails, and HSE_E_NOMEM with words when an allocation failed, at once or for ever
 * after; the sanitizer sees what leaks. Returns the number of allocations. */
static inline unsigned test_torture(const char *name, test_tortured *f, void *arg)
{
    unsigned n = 0;

    for (int sticky = 0; sticky < 2; sticky++) {
        for (n = 1;; n += test_torture_step(n)) {
            hse_error err = {0};
            hse_mem_fail_at(n, sticky);
            hse_status s = f(arg, &err);
            bool struck = hse_mem_failed();
            hse_mem_fail_at(0, false);
            if (!struck) {
                CHECK(s == HSE_OK, "%s: nothing failed, but the status is %d: %s", name, (int)s, err.text);
                break;
            }
            CHECK(s == HSE_E_NOMEM && err.text[0], "%s: allocation %u failed, the status is %d: \"%s\"", name, n,
                  (int)s, err.text);
        }
    }
    return n - 1;
}

#endif
