/* The golden cases of the tree, on every instruction set this machine has, alone and in a batch, with one thread and two;
 * and the runner's own promises: damage is seen, an empty folder and an unknown required kind are failures.
 *
 * HSE_GOLDEN_FULL=1 runs the whole matrix, which takes half an hour; otherwise it is the first case of each kind in each of
 * these ways (scripts/test runs all cases besides). */
#include "test.h"

#include "golden/golden.h"

#include <stdlib.h>

static bool full(void)
{
    return getenv("HSE_GOLDEN_FULL") != NULL;
}

/* scripts/test sets it for the sanitizers: one run on the best instruction set; the other ways are release's. */
static bool quick(void)
{
    return getenv("HSE_TEST_QUICK") != NULL;
}

static void print_failures(void *user, const char *line)
{
    (void)user;
    if (strstr(line, "FAILED") || strstr(line, "DAMAGE") || strstr(line, "passed,"))
        print_message("  %s\n", line);
}

static hse_golden_counts run(hse_golden_options o, const char *dir)
{
    const char *dirs[] = {dir};
    hse_golden_counts n = {0};
    hse_error err = {0};

    o.dirs = dirs;
    o.n_dirs = 1;
    o.print = print_failures;
    if (hse_golden_run(&o, &n, &err) != HSE_OK) {
        print_message("  %s\n", err.text);
        n.failed++;
    }
    return n;
}

static void all(hse_golden_options o)
{
    static const char *const cpus[] = {"generic", "avx2", "avx512", "neon"};

    for (size_t i = 0; i < COUNT(cpus) && !(i > 0 && quick()); i++) {
        unsigned mask;
        hse_golden_counts n;

        o.cpu = quick() ? "auto" : cpus[i];
        if (hse_cpu_mask(o.cpu, &mask, NULL) != HSE_OK)
            continue;
        o.quick = !full();
        print_message("%s, %d threads, batch %d%s\n", o.cpu, o.threads, o.batch, o.quick ? ", first of each kind" : "");
        n = run(o, test_path("tests/golden"));
        CHECK(n.failed == 0 && n.passed > 0, "%s: %d failed, %d passed", o.cpu, n.failed, n.passed);
    }
}

TEST(cases_pass_on_every_instruction_set)
{
    all((hse_golden_options){.threads = 1, .batch = 1});
}

TEST(cases_pass_in_a_batch_on_two_threads)
{
    hse_golden_options o = {.threads = 2, .batch = 3, .cpu = "auto", .quick = true};
    hse_golden_counts n;

    if (quick())
        return;
    if (full()) {
        all(o);
        return;
    }
    n = run(o, test_path("tests/golden"));
    CHECK(n.failed == 0 && n.passed > 0, "%d failed, %d passed", n.failed, n.passed);
}

TEST(reduced_weights_keep_their_floors)
{
    static const char *const kinds[] = {"harmonyspeech.*", "silero.*", "whisper.*", "melo.*", "openvoice.*", "voicefixer.*"};

    for (int type = K_BF16; type <= K_INT8 && !quick(); type++)
        for (size_t i = 0; i < COUNT(kinds); i++) {
            hse_golden_counts n = run((hse_golden_options){.threads = 1, .batch = 1, .cpu = "auto", .quick = !full(),
                                                           .kind = kinds[i], .dtype = (k_weight_type)type},
                                      test_path("tests/golden"));
            CHECK(n.failed == 0 && n.passed > 0, "type %d, %s: %d failed, %d passed", type, kinds[i], n.failed, n.passed);
        }
}

TEST(damage_to_any_kind_is_seen)
{
    hse_golden_counts n;

    if (quick())
        return;
    n = run((hse_golden_options){.threads = 1, .batch = 1, .damage = true, .cpu = "auto"}, test_path("tests/golden"));
    CHECK(n.failed == 0 && n.passed > 20, "%d not seen, %d seen", n.failed, n.passed);
}

TEST(what_the_runner_promises)
{
    static const struct {
        const char *dir;
        int passed, failed, skipped;
    } cases[] = {
        {"unknown-required", 0, 1, 0}, {"unknown-aid", 0, 0, 1}, {"not-compared", 0, 1, 0}, {"missing-file", 0, 1, 0},
        {"not-json", 0, 1, 0},         {"no-outputs", 0, 1, 0},  {"wrong-value", 0, 1, 0},  {"right-value", 1, 0, 0},
        {"nested", 1, 0, 0},           {"linked", 1, 0, 0},     {"empty", 0, 1, 0},       {"absent", 0, 1, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[200];
        snprintf(path, sizeof path, "tests/unit/golden/runner/%s", cases[i].dir);
        hse_golden_counts n = run((hse_golden_options){.threads = 1}, test_path(path));
        CHECK(n.passed == cases[i].passed && n.failed == cases[i].failed && n.skipped == cases[i].skipped,
              "%s: %d passed, %d failed, %d skipped", cases[i].dir, n.passed, n.failed, n.skipped);
    }
}
