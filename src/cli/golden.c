/* golden.c - hse golden: run a parity kit. */
#include "cli/commands.h"
#include "cli/common.h"

#include "golden/golden.h"

static const cli_option options[] = {
    {"case", 0, CLI_TEXT, "NAME", NULL, 0, 0, false, "only the case of this name"},
    {"kind", 0, CLI_TEXT, "KIND", NULL, 0, 0, false, "only cases of this kind (family.* for a family, *.text* for what reads text)"},
    {"cpu", 0, CLI_CHOICE, "auto|generic|avx2|avx512|neon", "auto", 0, 0, true, "instruction set"},
    {"threads", 0, CLI_INT, "N", "1", 1, 256, false, "compute threads"},
    {"batch", 0, CLI_INT, "N", "1", 1, 64, false, "run each case among N - 1 other inputs and demand the same bits"},
    {"dtype", 0, CLI_CHOICE, "float32|bfloat16|int8", "float32", 0, 0, false, "below float32 the SNR decides, not the tolerance"},
    {"quick", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "the first case of each kind"},
    {"own-data", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "text cases with the product's language data; prints the share of exact sentences"},
    {"self-test", 0, CLI_FLAG, NULL, NULL, 0, 0, false, "damage one value of one output of each kind and demand that it is seen"},
};

static void print_line(void *user, const char *line)
{
    (void)user;
    puts(line);
    fflush(stdout);
}

static int run(const cli_args *a)
{
    union { char **words; const char *const *dirs; } operands = {.words = a->operands};
    const char *dtype = cli_text(a, "dtype");
    hse_golden_options o = {
        .dirs = operands.dirs, .n_dirs = (size_t)a->n_operands,
        .case_name = cli_text(a, "case"), .kind = cli_text(a, "kind"), .cpu = cli_text(a, "cpu"),
        .threads = (int)cli_int(a, "threads"), .batch = (int)cli_int(a, "batch"),
        .dtype = dtype[0] == 'b' ? K_BF16 : dtype[0] == 'i' ? K_INT8 : K_F32,
        .quick = cli_flag(a, "quick"), .own_data = cli_flag(a, "own-data"), .damage = cli_flag(a, "self-test"), .print = print_line,
    };
    hse_golden_counts count = {0};
    hse_error err = {0};

    if (hse_golden_run(&o, &count, &err) != HSE_OK)
        return cli_fail(&err);
    return count.failed == 0 && count.passed > 0 ? CLI_OK : CLI_FAILED;
}

const cli_command cli_golden = {
    .name = "golden", .operands = "DIR...", .summary = "Run a parity kit: does this program compute what the originals compute?",
    .min_operands = 1, .max_operands = -1, .options = options, .n_options = COUNT(options), .run = run,
    .details = "Walks DIR to any depth for case.json files. Prints a line a case, then \"N passed, N failed, N skipped\".\n\n"
               "Examples:\n  hse golden tests/golden\n  hse golden kit/silero --cpu generic --batch 4\n",
};
