/* test.h - TEST and CHECK: thin macros over cmocka. A test file is one program; its tests register themselves. */
#ifndef HSE_TEST_H
#define HSE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void test_add(const char *name, CMUnitTestFunction f);

#define TEST(name)                                                          \
    static void name(void **state);                                         \
    __attribute__((constructor)) static void register_##name(void)          \
    {                                                                       \
        test_add(#name, name);                                              \
    }                                                                       \
    static void name(void **state __attribute__((unused)))

/* On failure prints file, line, the condition and a printf-style text with the case's name, what came and what was wanted. */
#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            char check_text[512];                                                                                      \
            snprintf(check_text, sizeof check_text, __VA_ARGS__);                                                      \
            fail_msg("%s: %s", #condition, check_text);                                                                \
        }                                                                                                              \
    } while (0)

/* n floats (or bytes) whose last one ends at an unreadable page: one read too many traps. Freed at the end of the test
 * program. Floats are deterministic, in -1..1. */
float *test_floats(size_t n);
void  *test_guarded(size_t bytes);

/* Signal to noise in decibels, of the difference from what was wanted; infinite when there is none, NaN where a number is none. */
double test_snr(const float *got, const float *want, size_t n);

/* Path of a file below the repository's root. The result is valid until the fourth next call. */
const char *test_path(const char *relative);

#endif
