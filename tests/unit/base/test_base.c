#include "test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(error_text_is_cut_on_a_character)
{
    hse_error err = {0};
    char long_text[400];

    for (size_t i = 0; i + 1 < sizeof long_text; i += 2)
        memcpy(long_text + i, "\xC3\xA9", 2);
    long_text[398] = '\0';
    assert_int_equal(hse_fail(&err, HSE_E_FORMAT, 7, "x%s", long_text), HSE_E_FORMAT);
    CHECK(hse_utf8_valid(err.text, strlen(err.text), NULL), "%s", err.text);
    assert_int_equal(err.offset, 7);
    hse_fail_in(&err, err.status, "file %s", "a.pt");
    CHECK(strncmp(err.text, "file a.pt: x", 12) == 0 && err.offset == 7, "%s", err.text);
    assert_int_equal(hse_fail(NULL, HSE_E_LIMIT, 0, "nobody listens"), HSE_E_LIMIT);
}

TEST(checked_arithmetic_never_wraps)
{
    size_t r = 5;

    assert_true(hse_mul_size(3, 4, &r) && r == 12);
    assert_false(hse_mul_size(SIZE_MAX, 2, &r) || r != 12);
    assert_false(hse_add_size(SIZE_MAX, 1, &r) || r != 12);
    assert_true(hse_in_range(10, 10, 0) && !hse_in_range(10, 11, 0) && !hse_in_range(10, 5, UINT64_MAX));
}

TEST(the_nth_allocation_fails)
{
    for (uint64_t n = 1; n <= 3; n++) {
        hse_mem_fail_at(n, false);
        for (uint64_t i = 1; i <= 3; i++) {
            void *p = hse_alloc(1);
            CHECK((p == NULL) == (i == n), "n %d i %d", (int)n, (int)i);
            hse_free(p);
        }
        assert_true(hse_mem_failed());
    }
    hse_mem_fail_at(1, true);
    assert_null(hse_alloc(1));
    assert_null(hse_alloc(1));
    hse_mem_fail_at(0, false);
}

TEST(pages_grow_and_are_counted)
{
    size_t before = hse_pages_total();
    uint8_t *p = hse_pages_alloc(10000);

    assert_non_null(p);
    p[9999] = 7;
    uint8_t *q = hse_pages_resize(p, 10000, (size_t)9 << 20);
    assert_non_null(q);
    CHECK(q[9999] == 7 && q[(9u << 20) - 1] == 0, "content moves along, the rest is zero");
    CHECK(hse_pages_total() - before == (size_t)9 << 20, "%zu", hse_pages_total() - before);
    hse_mem_fail_at(1, true);
    assert_null(hse_pages_resize(q, (size_t)9 << 20, (size_t)10 << 20));
    assert_null(hse_pages_alloc(1));
    hse_mem_fail_at(0, false);
    assert_null(hse_pages_alloc(SIZE_MAX));
    q = hse_pages_resize(q, (size_t)9 << 20, 1);
    assert_int_equal(q[0], 0);
    hse_pages_free(q, 1);
    assert_int_equal(hse_pages_total(), before);
}

TEST(a_buffer_keeps_its_ceiling_and_its_first_error)
{
    hse_buf b;
    hse_error err = {0};

    hse_buf_init(&b, 8);
    hse_buf_str(&b, "12345678");
    assert_int_equal(hse_buf_status(&b, "x", NULL), HSE_OK);
    hse_buf_byte(&b, '9');
    assert_int_equal(hse_buf_status(&b, "the answer", &err), HSE_E_LIMIT);
    CHECK(strstr(err.text, "the answer is over the limit of 8 bytes"), "%s", err.text);
    assert_string_equal(hse_buf_text(&b), "12345678");
    hse_buf_clear(&b);
    hse_buf_printf(&b, "%d", 42);
    hse_buf_consume(&b, 1);
    assert_string_equal(hse_buf_text(&b), "2");
    hse_buf_free(&b);
}

TEST(base64_round_trip_and_refusals)
{
    hse_buf a, b;
    static const struct { const char *text; bool lenient; long want; } cases[] = {
        {"", false, 0},          {"QQ==", false, 1},     {"QQ", false, 1},       {"QUI=", false, 2},
        {"QUJD", false, 3},      {"Q", false, -1},       {"QQ=", false, -1},     {"QUJD=", false, -1},
        {"QU JD", false, -1},    {"QU\nJD", true, 3},    {"QQ==QQ==", false, -1}, {"@UJD", false, -1},
        {"QUI==", false, -1},    {"====", false, -1},
    };

    for (size_t n = 0; n < 70; n++) {
        uint8_t data[70];
        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)(i * 37 + n);
        hse_buf_init(&a, 1000);
        hse_buf_init(&b, 1000);
        hse_buf_base64(&a, data, n);
        assert_int_equal(hse_buf_unbase64(&b, hse_buf_text(&a), a.size, false, NULL), HSE_OK);
        CHECK(b.size == n && memcmp(hse_buf_text(&b), data, n) == 0, "n %zu", n);
        hse_buf_free(&a);
        hse_buf_free(&b);
    }
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf_init(&b, 1000);
        hse_status s = hse_buf_unbase64(&b, cases[i].text, strlen(cases[i].text), cases[i].lenient, NULL);
        CHECK((s == HSE_OK ? (long)b.size : -1) == cases[i].want, "\"%s\": got %ld", cases[i].text,
              s == HSE_OK ? (long)b.size : -1L);
        hse_buf_free(&b);
    }
}

TEST(json_strings_are_escaped)
{
    static const struct { const char *in; size_t size; const char *want; } cases[] = {
        {"", 0, "\"\""}, {"a\"b\\", 4, "\"a\\\"b\\\\\""}, {"\n\x7f\0", 3, "\"\\u000a\\u007f\\u0000\""}, {"\xc3\xa4", 2, "\"\xc3\xa4\""},
        {"\xc3", 1, "\"\\ufffd\""}, {"a\xff" "b", 3, "\"a\\ufffdb\""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b;
        hse_buf_init(&b, 100);
        hse_buf_json(&b, cases[i].in, cases[i].size);
        CHECK(strcmp(hse_buf_text(&b), cases[i].want) == 0, "case %zu: %s, want %s", i, hse_buf_text(&b), cases[i].want);
        hse_buf_free(&b);
    }
}

TEST(utf8_is_strict)
{
    static const struct { const char *s; size_t n, bad; } cases[] = {
        {"abc", 3, 3},          {"\xC3\xA9", 2, 2},      {"a\xC0\x80", 3, 1},     {"\xED\xA0\x80", 3, 0},
        {"\xF4\x90\x80\x80", 4, 0}, {"\xF0\x9F\x98\x80", 4, 4}, {"ab\xE2\x82", 4, 2}, {"\xE0\x80\x80", 3, 0},
        {"\xFF", 1, 0},         {"", 0, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t bad = cases[i].n;
        hse_utf8_valid(cases[i].s, cases[i].n, &bad);
        CHECK(bad == cases[i].bad, "case %zu: bad at %zu", i, bad);
    }
    for (uint32_t c = 0; c < 0x110000; c += 61) {
        char s[4];
        uint32_t back;
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        size_t n = hse_utf8_put(s, c);
        CHECK(hse_utf8_next(s, n, &back) == n && back == c, "U+%04X", (unsigned)c);
    }
}

TEST(an_arena_keeps_its_ceiling)
{
    hse_arena a;

    hse_arena_init(&a, 100000);
    for (int i = 0; i < 100; i++) {
        char *p = hse_arena_alloc(&a, 900);
        assert_non_null(p);
        memset(p, 1, 900);
    }
    assert_null(hse_arena_alloc(&a, 20000));
    assert_null(hse_arena_array(&a, SIZE_MAX / 2, 4));
    hse_arena_free(&a);
    hse_arena_free(&a);
}

TEST(a_reset_arena_is_empty_and_zeroed_again)
{
    hse_arena a;

    hse_arena_init(&a, 100000);
    hse_arena_reset(&a);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            unsigned char *p = hse_arena_alloc(&a, 900);
            CHECK(p, "round %d, %d: the ceiling counts what was given up", round, i);
            for (int k = 0; k < 900; k++)
                CHECK(p[k] == 0, "round %d: old bytes", round);
            memset(p, 1, 900);
        }
        assert_null(hse_arena_alloc(&a, 20000));
        hse_arena_reset(&a);
        CHECK(a.total == 0, "%zu bytes after a reset", a.total);
    }
    hse_arena_free(&a);
}

static void count(void *arg, int task)
{
    atomic_int *hits = arg;

    atomic_fetch_add(&hits[task], 1);
}

TEST(a_pool_runs_each_task_once)
{
    static atomic_int hits[300];

    for (int threads = 1; threads <= 7; threads += 3) {
        hse_pool *p = NULL;
        assert_int_equal(hse_pool_open(&p, threads, NULL), HSE_OK);
        for (int n = 0; n < 300; n += 13) {
            memset(hits, 0, sizeof hits);
            hse_pool_run(p, n, count, hits);
            for (int i = 0; i < 300; i++)
                CHECK(atomic_load(&hits[i]) == (i < n), "threads %d tasks %d: task %d ran %d times", threads, n, i,
                      atomic_load(&hits[i]));
        }
        hse_pool_close(&p);
        assert_null(p);
    }
}

/* Several callers at once, and tasks that start runs of their own. */
typedef struct {
    hse_pool  *pool;
    atomic_int hits[60];
    atomic_int inner[60];
} shared_runs;

static void count_inner(void *arg, int task)
{
    shared_runs *s = arg;

    atomic_fetch_add(&s->inner[task], 1);
}

static void count_and_run(void *arg, int task)
{
    shared_runs *s = arg;

    atomic_fetch_add(&s->hits[task], 1);
    if (task % 10 == 0)
        hse_pool_run(s->pool, 7, count_inner, s);
}

enum { SHARED_ROUNDS = 300 };

static void *run_rounds(void *arg)
{
    for (int i = 0; i < SHARED_ROUNDS; i++)
        hse_pool_run(((shared_runs *)arg)->pool, 60, count_and_run, arg);
    return NULL;
}

TEST(a_pool_serves_several_runs_at_once)
{
    enum { CALLERS = 20 };                  /* more than it can share out */
    static shared_runs runs[CALLERS];
    pthread_t thread[CALLERS];

    for (int threads = 2; threads <= 5; threads += 3) {
        hse_pool *p = NULL;

        assert_int_equal(hse_pool_open(&p, threads, NULL), HSE_OK);
        memset(runs, 0, sizeof runs);
        for (int i = 0; i < CALLERS; i++) {
            runs[i].pool = p;
            assert_int_equal(pthread_create(&thread[i], NULL, run_rounds, &runs[i]), 0);
        }
        for (int i = 0; i < CALLERS; i++)
            pthread_join(thread[i], NULL);
        for (int i = 0; i < CALLERS; i++)
            for (int t = 0; t < 60; t++)
                CHECK(atomic_load(&runs[i].hits[t]) == SHARED_ROUNDS && atomic_load(&runs[i].inner[t]) == (t < 7 ? 6 * SHARED_ROUNDS : 0),
                      "threads %d caller %d task %d: %d, %d", threads, i, t, atomic_load(&runs[i].hits[t]), atomic_load(&runs[i].inner[t]));
        hse_pool_close(&p);
    }
}

TEST(the_numbers_that_a_file_begins_with)
{
    static const struct { const char *text; int most, want; uint64_t number[3]; } cases[] = {
        {"", 3, 0, {0}},
        {"max 100000\n", 3, 0, {0}},
        {"200000 100000\n", 3, 2, {200000, 100000}},
        {"1 2 3\n", 2, 2, {1, 2}},
        {"7 kB", 3, 1, {7}},
        {"99999999999999999999999\n", 3, 1, {UINT64_MAX}},
        {"5\n6\n", 3, 1, {5}},
    };
    char dir[] = "/tmp/hse-test-XXXXXX", path[64];
    hse_error err = {0};
    uint64_t got[3];

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x", dir);
    CHECK(hse_file_numbers(got, 3, path) == 0, "a file that is not there");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(hse_file_write(path, cases[i].text, strlen(cases[i].text), &err), HSE_OK);
        int n = hse_file_numbers(got, cases[i].most, path);
        CHECK(n == cases[i].want, "\"%s\": %d numbers, want %d", cases[i].text, n, cases[i].want);
        for (int k = 0; k < n; k++)
            CHECK(got[k] == cases[i].number[k], "\"%s\": number %d is %llu", cases[i].text, k, (unsigned long long)got[k]);
    }
    unlink(path);
    rmdir(dir);
}

TEST(files_are_written_piece_by_piece)
{
    char dir[] = "/tmp/hse-test-XXXXXX", path[64], *back = NULL;
    size_t size = 0;
    hse_error err = {0};
    hse_file_out f = {0};

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x", dir);
    assert_int_equal(hse_file_write(path, "old", 3, &err), HSE_OK);
    assert_int_equal(hse_file_out_open(&f, path, &err), HSE_OK);
    assert_int_equal(hse_file_out_write(&f, "??llo", 5, &err), HSE_OK);
    assert_int_equal(hse_file_out_patch(&f, 0, "he", 2, &err), HSE_OK);
    assert_int_equal(hse_file_read(&back, &size, path, 9, &err), HSE_OK);
    CHECK(strcmp(back, "old") == 0, "before the commit: %s", back);
    hse_free(back);
    assert_int_equal(hse_file_out_commit(&f, &err), HSE_OK);
    assert_int_equal(hse_file_read(&back, &size, path, 9, &err), HSE_OK);
    CHECK(strcmp(back, "hello") == 0, "after it: %s", back);
    hse_free(back);
    assert_int_equal(hse_file_out_open(&f, path, &err), HSE_OK);
    hse_file_out_abort(&f);
    hse_file_out_abort(&f);
    CHECK(hse_file_out_open(&f, "/nonexistent/x", &err) != HSE_OK && err.text[0] && !f.path, "%s", err.text);
    assert_int_equal(hse_file_out_open(&f, "/dev/null", &err), HSE_OK);
    assert_int_equal(hse_file_out_write(&f, "a", 1, &err), HSE_OK);
    assert_int_equal(hse_file_out_patch(&f, 0, "a", 1, &err), HSE_E_UNSUPPORTED);
    assert_int_equal(hse_file_out_commit(&f, &err), HSE_OK);
    for (uint64_t n = 1; n < 3; n++) {
        hse_mem_fail_at(n, false);
        assert_int_equal(hse_file_out_open(&f, path, &err), HSE_E_NOMEM);
        hse_mem_fail_at(0, false);
    }
    unlink(path);
    CHECK(rmdir(dir) == 0, "something was left beside");
}

TEST(files_are_written_whole)
{
    char dir[] = "/tmp/hse-test-XXXXXX", path[64], *back = NULL;
    size_t size = 0;
    hse_error err = {0};
    hse_map m = {0};

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x", dir);
    assert_int_equal(hse_map_open(&m, path, &err), HSE_E_NOT_FOUND);
    assert_int_equal(hse_file_write(path, "hello", 5, &err), HSE_OK);
    assert_int_equal(hse_file_read(&back, &size, path, 4, &err), HSE_E_LIMIT);
    assert_int_equal(hse_file_read(&back, &size, path, 5, &err), HSE_OK);
    CHECK(size == 5 && strcmp(back, "hello") == 0, "%s", back);
    hse_free(back);
    assert_int_equal(hse_map_open(&m, path, &err), HSE_OK);
    assert_int_equal(m.bytes.size, 5);
    hse_map_close(&m);
    assert_int_equal(hse_map_open(&m, dir, &err), HSE_E_FORMAT);
    CHECK(hse_file_write("/nonexistent/x", "a", 1, &err) != HSE_OK && err.text[0], "%s", err.text);
    CHECK(hse_file_write(dir, "a", 1, &err) != HSE_OK && err.text[0], "%s", err.text);
    CHECK(hse_file_write("/dev/full", "a", 1, &err) == HSE_E_IO, "%s", err.text);
    unlink(path);

    /* What is no regular file is written to, not replaced. */
    char got[6] = "";
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_NONBLOCK);
    assert_int_equal(hse_file_write(path, "hello", 5, &err), HSE_OK);
    assert_int_equal(read(fd, got, 5), 5);
    CHECK(strcmp(got, "hello") == 0, "%s", got);
    close(fd);
    unlink(path);
    rmdir(dir);
}
