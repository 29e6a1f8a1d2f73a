/* Products of two activations: against double, with edges at guard pages, and each row's bits in every block of rows.
 */
#include "sets.h"

enum { ROWS = 101, MOST_N = 150, MOST_K = 300 };

static guarded a_memory, b_memory, c_memory, part_memory;

static void check_product(const hse_kernels *k, bool transposed, int n, int inner, size_t spare)
{
    size_t a_row = (size_t)inner + spare, b_row = (size_t)(transposed ? inner : n) + spare, c_row = (size_t)n + spare;
    size_t b_rows = (size_t)(transposed ? n : inner), rows = ROWS;
    size_t a_count = (rows - 1) * a_row + (size_t)inner, c_count = (rows - 1) * c_row + (size_t)n;
    size_t b_count = b_rows > 0 ? (b_rows - 1) * b_row + (size_t)(transposed ? inner : n) : 0;
    float *a = guarded_floats(a_memory, a_count, false), *b = guarded_floats(b_memory, b_count, false);
    float *c = guarded_floats(c_memory, c_count, false);
    void (*product)(float *, size_t, const float *, size_t, const float *, size_t, int, int, int, float) =
        transposed ? k->matmul_nt : k->matmul_nn;

    random_fill(a, a_count, 1.0f);
    random_fill(b, b_count, 1.0f);
    product(c, c_row, a, a_row, b, b_row, ROWS, n, inner, 0.25f);
    for (int r = 0; r < ROWS; r += r < 20 ? 1 : 9)
        for (int j = 0; j < n; j++) {
            double want = 0, size = 0;
            for (int i = 0; i < inner; i++) {
                size_t at = transposed ? (size_t)j * b_row + (size_t)i : (size_t)i * b_row + (size_t)j;
                double p = 0.25 * (double)a[(size_t)r * a_row + (size_t)i] * b[at];
                want += p;
                size += fabs(p);
            }
            double got = c[(size_t)r * c_row + (size_t)j];
            CHECK(fabs(got - want) <= 1e-6 * size, "%s %s n %d k %d row %d col %d: %.9g, want %.9g", k->name,
                  transposed ? "nt" : "nn", n, inner, r, j, got, want);
        }
    for (int count = 1; count < ROWS; count += count < 14 ? 1 : 17) {
        int first = (count * 7) % (ROWS - count);
        size_t part_count = (size_t)(count - 1) * c_row + (size_t)n;
        float *part = guarded_floats(part_memory, part_count, count % 2);
        product(part, c_row, a + (size_t)first * a_row, a_row, b, b_row, count, n, inner, 0.25f);
        for (int r = 0; r < count; r++)
            CHECK(same_bits(part + (size_t)r * c_row, c + (size_t)(first + r) * c_row, (size_t)n),
                  "%s %s n %d k %d: row %d differs in a block of %d", k->name, transposed ? "nt" : "nn", n, inner,
                  first + r, count);
    }
}

TEST(matmul_agrees_with_double_and_does_not_depend_on_the_block)
{
    static const int inner[] = {0, 1, 3, 16, 17, 64, 127, 128, 129, 300};
    size_t spare = 5, floats = sizeof(float);

    a_memory = guarded_new(ROWS * (MOST_K + spare) * floats);
    b_memory = guarded_new((MOST_K + spare) * (MOST_K + spare) * floats);
    c_memory = guarded_new(ROWS * (MOST_N + spare) * floats);
    part_memory = guarded_new(ROWS * (MOST_N + spare) * floats);
    FOR_EACH_SET (k)
        for (int transposed = 0; transposed < 2; transposed++) {
            for (int n = 1; n <= 67; n++)
                check_product(k, transposed, n, 1 + n * 7 % 41, n % 2 ? spare : 0);
            for (size_t i = 0; i < COUNT(inner); i++)
                check_product(k, transposed, i % 2 ? 64 : MOST_N, inner[i], i % 2 ? 0 : spare);
        }
}

TEST(matmul_of_nothing_touches_nothing)
{
    float c = 7, a = 1, b = 1;

    FOR_EACH_SET (k) {
        k->matmul_nt(&c, 1, &a, 1, &b, 1, 0, 1, 1, 1);
        k->matmul_nn(&c, 1, &a, 1, &b, 1, 1, 0, 1, 1);
        CHECK(c == 7, "%s: an empty product wrote", k->name);
    }
}
