/* Sums, norms and softmax of rows: against double for every n, the same bits for a row wherever it stands. */
#include "sets.h"

enum { MOST = 300, ROWS = 5 };

static guarded memory[4];

static float *part(int which, size_t n)
{
    if (memory[which].start == NULL)
        memory[which] = guarded_new(ROWS * (MOST + 3) * sizeof(float));
    return guarded_floats(memory[which], n, n % 2);
}

TEST(sums_agree_with_double)
{
    FOR_EACH_SET (k)
        for (size_t n = 0; n <= MOST; n++) {
            float *a = part(0, n), *b = part(1, n);
            double sum = 0, size = 0, squares = 0, dot = 0, dot_size = 0, most = 0;
            random_fill(a, n, 1.0f);
            random_fill(b, n, 1.0f);
            for (size_t i = 0; i < n; i++) {
                double x = a[i], y = b[i];
                sum += x, size += fabs(x), squares += x * x, dot += x * y, dot_size += fabs(x * y),
                    most = larger(most, fabs(x));
            }
            CHECK(fabs((double)k->sum(a, n) - sum) <= size * 1e-6, "%s sum n %zu", k->name, n);
            CHECK(fabs((double)k->sum_squares(a, n) - squares) <= squares * 1e-6, "%s sum_squares n %zu", k->name, n);
            CHECK(fabs((double)k->dot(a, b, n) - dot) <= dot_size * 1e-6, "%s dot n %zu", k->name, n);
            CHECK((double)k->max_abs(a, n) == most, "%s max_abs n %zu: %g, want %g", k->name, n,
                  (double)k->max_abs(a, n), most);
            if (n == 0)
                continue;
            a[n / 3] = -INFINITY;
            CHECK(k->max_abs(a, n) == INFINITY && k->sum(a, n) == -INFINITY, "%s n %zu: an infinity is lost", k->name,
                  n);
            a[n / 3] = NAN;
            CHECK(isnan(k->max_abs(a, n)) && isnan(k->sum(a, n)) && isnan(k->dot(a, b, n)), "%s n %zu: NaN is lost",
                  k->name, n);
        }
}

TEST(largest_and_sums_of_powers_agree_with_double)
{
    FOR_EACH_SET (k)
        for (int n = 0; n <= MOST; n++) {
            float *x = part(0, (size_t)n);
            double most = -INFINITY, sum = 0;
            random_fill(x, (size_t)n, n % 7 == 0 ? 80.0f : 4.0f);
            if (n > 2)
                x[n / 2] = -INFINITY;
            for (int i = 0; i < n; i++)
                most = larger(most, (double)x[i]);
            CHECK((double)k->largest(x, n) == most, "%s largest n %d", k->name, n);
            for (int i = 0; i < n; i++)
                sum += exp((double)x[i] - most);
            CHECK(fabs((double)k->exp_sum(x, (float)most, n) - sum) <= sum * 2e-6, "%s exp_sum n %d", k->name, n);
        }
}

TEST(softmax_agrees_with_double)
{
    FOR_EACH_SET (k)
        for (int n = 1; n <= MOST; n++) {
            size_t row = (size_t)n + 3, count = (ROWS - 1) * row + (size_t)n;
            float *x = part(0, count), *in = part(1, count), *alone = part(2, (size_t)n);
            random_fill(in, count, n % 7 == 0 ? 80.0f : 4.0f);
            if (n > 2)
                in[row + 1] = -INFINITY; /* a masked place */
            memcpy(x, in, count * sizeof *x);
            k->softmax(x, row, ROWS, n);
            for (size_t r = 0; r < ROWS; r++) {
                double most = -INFINITY, sum = 0;
                for (int i = 0; i < n; i++)
                    most = larger(most, (double)in[r * row + (size_t)i]);
                for (int i = 0; i < n; i++)
                    sum += exp(in[r * row + (size_t)i] - most);
                for (int i = 0; i < n; i++) {
                    double want = exp(in[r * row + (size_t)i] - most) / sum, got = x[r * row + (size_t)i];
                    double exponent = fmin(most - in[r * row + (size_t)i], 1e3); /* its rounding is e^x's error */
                    CHECK(fabs(got - want) <= want * (1e-6 + 1.5e-7 * exponent) + 1e-38,
                          "%s softmax n %d row %zu i %d: %.9g, want %.9g", k->name, n, r, i, got, want);
                }
                for (int i = n; r + 1 < ROWS && i < n + 3; i++)
                    CHECK(same_bits(&x[r * row + (size_t)i], &in[r * row + (size_t)i], 1),
                          "%s softmax n %d wrote past its row", k->name, n);
                memcpy(alone, in + r * row, (size_t)n * sizeof *x);
                k->softmax(alone, 0, 1, n);
                CHECK(same_bits(alone, x + r * row, (size_t)n), "%s softmax n %d: row %zu differs alone", k->name, n,
                      r);
            }
            in[0] = NAN;
            k->softmax(in, row, 1, n);
            for (int i = 0; i < n; i++)
                CHECK(isnan(in[i]), "%s softmax n %d: NaN is lost", k->name, n);
        }
}

TEST(layer_norm_agrees_with_double)
{
    FOR_EACH_SET (k)
        for (int n = 1; n <= MOST; n++) {
            size_t width = (size_t)n, count = ROWS * width;
            float *in = part(0, count), *out = part(1, count), *gain = part(2, width), *bias = part(3, width),
                  alone[MOST];
            bool plain = n % 5 == 0, in_place = n % 2 == 0;
            random_fill(in, count, 3.0f);
            random_fill(gain, width, 2.0f);
            random_fill(bias, width, 1.0f);
            memcpy(out, in, count * sizeof *in);
            k->layer_norm(out, in_place ? out : in, plain ? NULL : gain, plain ? NULL : bias, 1e-5f, ROWS, n);
            for (size_t r = 0; r < ROWS; r++) {
                double mean = 0, variance = 0;
                for (size_t i = 0; i < width; i++)
                    mean += (double)in[r * width + i] / n;
                for (size_t i = 0; i < width; i++)
                    variance += ((double)in[r * width + i] - mean) * ((double)in[r * width + i] - mean) / n;
                for (size_t i = 0; i < width; i++) {
                    double want = ((double)in[r * width + i] - mean) / sqrt(variance + 1e-5), got = out[r * width + i];
                    want = plain ? want : want * gain[i] + bias[i];
                    CHECK(fabs(got - want) <= (n == 1 ? 1e-3 : 1e-5),
                          "%s layer_norm n %d row %zu i %zu: %.9g, want %.9g", k->name, n, r, i, got, want);
                }
                k->layer_norm(alone, in + r * width, plain ? NULL : gain, plain ? NULL : bias, 1e-5f, 1, n);
                CHECK(same_bits(alone, out + r * width, width), "%s layer_norm n %d: row %zu differs alone", k->name, n,
                      r);
            }
        }
}
