/* Instruction sets: their names, and the tables' choice among them. */
#include "sets.h"

TEST(cpu_names_give_masks_or_errors)
{
    static const struct {
        const char *name;
        hse_status wrong; /* the only error it may give; HSE_OK: none */
    } cases[] = {
        {"generic", HSE_OK},
        {"auto", HSE_OK},
        {"", HSE_OK},
        {"avx2", HSE_E_UNSUPPORTED},
        {"avx512", HSE_E_UNSUPPORTED},
        {"neon", HSE_E_UNSUPPORTED},
        {"AVX2", HSE_E_ARG},
        {"sse", HSE_E_ARG},
        {"avx2 ", HSE_E_ARG},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned mask = 0xdead;
        hse_error err = {0};
        hse_status got = hse_cpu_mask(cases[i].name, &mask, &err);
        CHECK(got == cases[i].wrong || (got == HSE_OK && cases[i].wrong == HSE_E_UNSUPPORTED), "\"%s\": got %d (%s)",
              cases[i].name, (int)got, err.text);
        CHECK(got == HSE_OK ? (mask & ~hse_cpu_detect()) == 0 : mask == 0xdead && err.text[0] != '\0',
              "\"%s\": mask %x, text \"%s\"", cases[i].name, mask, err.text);
    }
}

TEST(cpu_environment_chooses)
{
    unsigned mask = 77;
    hse_error err = {0};

    setenv("HSE_CPU", "generic", 1);
    CHECK(hse_cpu_mask(NULL, &mask, &err) == HSE_OK && mask == 0, "generic gives %x", mask);
    setenv("HSE_CPU", "fast", 1);
    CHECK(hse_cpu_mask(NULL, &mask, &err) == HSE_E_ARG && strstr(err.text, "HSE_CPU") != NULL, "\"%s\"", err.text);
    unsetenv("HSE_CPU");
    CHECK(hse_cpu_mask(NULL, &mask, &err) == HSE_OK && mask == hse_cpu_detect(), "auto gives %x", mask);
}

TEST(tables_are_whole_and_ignore_what_is_missing)
{
    CHECK(hse_kernels_get(~0u)->cpu == hse_cpu_detect(), "all bits give %x", hse_kernels_get(~0u)->cpu);
    CHECK(hse_kernels_get(HSE_CPU_AVX512_BF16)->cpu == 0, "a set without what it extends gives %x",
          hse_kernels_get(HSE_CPU_AVX512_BF16)->cpu);
    FOR_EACH_SET (k) {
        CHECK(k == hse_kernels_get(set_mask), "%s: two tables for %x", k->name, set_mask);
        const char *p = (const char *)&k->pack_size, *end = (const char *)(k + 1);
        for (; p < end; p += sizeof(void (*)(void))) {
            void (*f)(void);
            memcpy(&f, p, sizeof f);
            CHECK(f != NULL, "%s: the field at byte %td is empty", k->name, p - (const char *)k);
        }
        for (int type = 0; type < K_WEIGHT_TYPES; type++)
            CHECK(k->gemm_rows[type] > 0 && k->k_align[type] > 0, "%s: type %d has no sizes", k->name, type);
    }
}
