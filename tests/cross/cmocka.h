/* cmocka.h - the few names of cmocka that tests/unit/test.h uses, for machines that we build for without its library. */
#ifndef HSE_TEST_CROSS_CMOCKA_H
#define HSE_TEST_CROSS_CMOCKA_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void CMUnitTestFunction(void **state);

struct CMUnitTest {
    const char         *name;
    CMUnitTestFunction *test_func;
};

/* The first failure ends the program: that is all a cross test needs to say. */
#define fail_msg(...)                                                                                                  \
    do {                                                                                                               \
        printf("%s:%d: ", __FILE__, __LINE__);                                                                         \
        printf(__VA_ARGS__);                                                                                           \
        printf("\n");                                                                                                  \
        exit(1);                                                                                                       \
    } while (0)

static inline void cmocka_set_test_filter(const char *filter)
{
    (void)filter;
}

static inline int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n,
                                          int (*setup)(void **), int (*teardown)(void **))
{
    (void)setup;
    (void)teardown;
    for (size_t i = 0; i < n; i++) {
        void *state = NULL;
        tests[i].test_func(&state);
        printf("%s: %s ok\n", group, tests[i].name);
        fflush(stdout);
    }
    return 0;
}

#endif
