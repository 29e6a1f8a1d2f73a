#include "base/random.h"
#include "test.h"

#include <math.h>

/* Known answers of the authors' Random123 distribution: philox4x32, 10 rounds. */
TEST(known_answers)
{
    uint32_t r[4];

    hse_random_block(r, 0, 0, 0);
    CHECK(r[0] == 0x6627e8d5u && r[1] == 0xe169c58du && r[2] == 0xbc57ac4cu && r[3] == 0x9b00dbd8u, "%08x %08x %08x %08x",
          r[0], r[1], r[2], r[3]);
    hse_random_block(r, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    CHECK(r[0] == 0x408f276du && r[1] == 0x41c83b0eu && r[2] == 0xa20bc7c6u && r[3] == 0x6d5451fdu, "%08x %08x %08x %08x",
          r[0], r[1], r[2], r[3]);
}

TEST(any_part_of_a_stream_is_the_same)
{
    float all[101], part[101];

    hse_random_normal(all, 101, 7, 3, 0);
    for (size_t from = 0; from < 20; from++)
        for (size_t n = 0; n < 20; n++) {
            hse_random_normal(part, n, 7, 3, from);
            CHECK(memcmp(part, all + from, n * sizeof *part) == 0, "%zu numbers from %zu on", n, from);
        }
}

TEST(mean_and_deviation)
{
    enum { N = 200000 };
    static float x[N];
    double sum = 0, squares = 0;

    hse_random_normal(x, N, 1, 0, 0);
    for (size_t i = 0; i < N; i++) {
        sum += x[i];
        squares += (double)x[i] * x[i];
        CHECK(isfinite(x[i]), "number %zu", i);
    }
    CHECK(fabs(sum / N) < 0.01 && fabs(squares / N - 1) < 0.02, "mean %g, square %g", sum / N, squares / N);
    for (uint64_t i = 0; i < 1000; i++) {
        double u = hse_random_unit(1, 2, i);
        CHECK(u >= 0 && u < 1, "%g", u);
    }
}
