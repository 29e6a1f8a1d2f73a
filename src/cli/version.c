/* version.c - hse version: what this program is and what it runs on here. */
#include "cli/commands.h"

#include "base/pool.h"
#include "kernels/kernels.h"

static const cli_option options[] = {
    {"cpu", 0, CLI_TEXT, "SET", "auto", 0, 0, true, "generic, avx2, avx512 or neon: fail if this machine lacks it"},
};

static int run(const cli_args *a)
{
    hse_error err = {0};
    unsigned mask = 0;

    if (hse_cpu_mask(cli_text(a, "cpu"), &mask, &err) != HSE_OK)
        return cli_fail(&err);
    printf("hse %s\ninstruction set: %s\ncores: %d\ncompiler: %s\n", HSE_VERSION, hse_cpu_name(mask), hse_cpu_count(), __VERSION__);
    return CLI_OK;
}

const cli_command cli_version = {
    .name = "version", .operands = "", .summary = "Print the version and the instruction set in use",
    .options = options, .n_options = COUNT(options), .run = run,
};
