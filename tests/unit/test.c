#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_TESTS = 512 };

/* cmocka catches crashes and, in any thread but its own, ends the program without a word: the sanitizers' reports go first. */
#define CRASHES "handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2:handle_abort=2"
#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return CRASHES;
}
#elif defined(__SANITIZE_THREAD__)
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return CRASHES;
}
#endif

static struct CMUnitTest tests[MAX_TESTS];
static size_t n_tests;

void test_add(const char *name, CMUnitTestFunction f)
{
    if (n_tests == MAX_TESTS)
        abort();
    tests[n_tests++] = (struct CMUnitTest){.name = name, .test_func = f};
}

void *test_guarded(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page + 1;
    uint8_t *p = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + (pages - 1) * page, page, PROT_NONE) != 0)
        abort();
    return p + (pages - 1) * page - bytes;
}

float *test_floats(size_t n)
{
    static uint32_t seed = 12345;
    float *p = test_guarded(n * sizeof *p);

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(int32_t)seed / 2147483648.0f;
    }
    return p;
}

double test_snr(const float *got, const float *want, size_t n)
{
    double signal = 0, noise = 0;

    for (size_t i = 0; i < n; i++) {
        signal += (double)want[i] * want[i];
        noise += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
    }
    return noise == 0 ? INFINITY : 10 * log10(signal / noise);
}

const char *test_path(const char *relative)
{
    static char path[4][512];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof path[0], "%s/%s", HSE_SOURCE_DIR, relative);
    return p;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests(argv[0], tests, n_tests, NULL, NULL);
}
