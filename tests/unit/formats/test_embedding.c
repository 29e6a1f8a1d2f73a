/* Speaker embeddings as bytes: both forms there and back, files of the original, what is no embedding. */
#include "base/file.h"
#include "base/mem.h"
#include "formats/embedding.h"
#include "torture.h"

#include <math.h>

enum { N = 256 };

static void numbers(float x[N])
{
    for (int i = 0; i < N; i++)
        x[i] = (float)sin(i * 0.7) * (i % 5 ? 1 : 1e-20f);
}

TEST(a_torch_file_comes_back_as_it_was)
{
    float x[N], *y = NULL;
    size_t n = 0;
    hse_buf b;
    hse_error err = {0};

    numbers(x);
    hse_buf_init(&b, 1 << 20);
    hse_embedding_write_torch(&b, x, N);
    CHECK(b.status == HSE_OK && b.size > N * 4 && memcmp(b.data, "PK\x03\x04", 4) == 0, "%zu bytes", b.size);
    CHECK(hse_embedding_read(&y, &n, (hse_bytes){b.data, b.size}, "x", &err) == HSE_OK, "%s", err.text);
    CHECK(n == N && memcmp(x, y, sizeof x) == 0, "%zu numbers", n);
    hse_free(y);
    for (size_t cut = 0; cut < b.size; cut++) {         /* nothing that is cut off passes for a whole file */
        y = NULL;
        hse_status s = hse_embedding_read(&y, &n, (hse_bytes){b.data, cut}, "x", &err);

        CHECK(s == HSE_OK ? cut < 4 || n * 4 == cut : err.text[0], "cut at %zu", cut);
        CHECK(s != HSE_OK || cut < 4, "cut at %zu is an embedding of %zu", cut, n);
        if (s == HSE_OK)
            hse_free(y);
    }
    hse_buf_free(&b);
}

TEST(plain_numbers_are_little_endian_float32)
{
    static const uint8_t bytes[8] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0};
    float *y = NULL;
    size_t n = 0;
    hse_error err = {0};

    CHECK(hse_embedding_read(&y, &n, (hse_bytes){bytes, 8}, "x", &err) == HSE_OK && n == 2 && y[0] == 1 && y[1] == -2, "%s", err.text);
    hse_free(y);
    for (size_t size = 0; size < 8; size += size == 0 ? 1 : 2)
        CHECK(hse_embedding_read(&y, &n, (hse_bytes){bytes, size}, "voice", &err) == HSE_E_FORMAT && strstr(err.text, "voice has"),
              "%zu bytes: %s", size, err.text);
}

TEST(files_of_the_original_are_read_and_checkpoints_refused)
{
    static const struct {
        const char *file;
        hse_status  want;
    } cases[] = {{"se.pth", HSE_OK}, {"se_legacy.pth", HSE_OK}, {"se_cuda_tag.pth", HSE_OK}, {"checkpoint.pth", HSE_E_FORMAT}};
    float *first = NULL;

    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[200], *bytes = NULL;
        size_t size, n = 0;
        float *x = NULL;
        hse_error err = {0};

        snprintf(path, sizeof path, "tests/golden/openvoice/conv_small/%s", cases[i].file);
        CHECK(hse_file_read(&bytes, &size, test_path(path), 1 << 24, &err) == HSE_OK, "%s", err.text);
        hse_status s = hse_embedding_read(&x, &n, (hse_bytes){(const uint8_t *)bytes, size}, cases[i].file, &err);
        CHECK(cases[i].want == HSE_OK ? s == HSE_OK && n == 16 : s != HSE_OK && err.text[0], "%s: %d %s", cases[i].file, (int)s, err.text);
        CHECK(!x || !first || memcmp(x, first, n * sizeof *x) == 0, "%s differs", cases[i].file);
        if (x && !first) {
            first = x;
            x = NULL;
        }
        hse_free(x);
        hse_free(bytes);
    }
    hse_free(first);
}

static hse_status there_and_back(void *arg, hse_error *err)
{
    float *y = NULL;
    size_t n;
    hse_buf b;

    hse_buf_init(&b, 1 << 20);
    hse_embedding_write_torch(&b, arg, N);
    hse_status s = hse_buf_status(&b, "an embedding", err);
    if (s == HSE_OK)
        s = hse_embedding_read(&y, &n, (hse_bytes){b.data, b.size}, "x", err);
    if (s == HSE_OK)
        hse_free(y);
    hse_buf_free(&b);
    return s;
}

TEST(torture_embeddings)
{
    float x[N];

    numbers(x);
    test_torture("an embedding as a torch file", there_and_back, x);
}
