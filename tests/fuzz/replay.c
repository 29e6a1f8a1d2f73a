/* replay.c - runs a fuzz target over stored inputs, so that any compiler replays them in `make test`.
 * Usage: fuzz_x FOLDER|FILE... [-mutate=N]: with -mutate, N more inputs made from the seeds by a fixed pseudo-random
 * sequence (bit flips, cuts, copies, interesting integers), the same on every machine. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SEEDS = 4096, MAX_SIZE = 1 << 20 };

static struct {
    uint8_t *data;
    size_t   size;
} seeds[MAX_SEEDS];
static size_t n_seeds;

/* An exact-size copy each time, so that a sanitizer sees the first byte read past the end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        exit(2);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void add_file(const char *path)
{
    FILE *f = fopen(path, "rb");

    if (!f || n_seeds == MAX_SEEDS) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    uint8_t *data = malloc(MAX_SIZE);
    size_t n = data ? fread(data, 1, MAX_SIZE, f) : 0;
    fclose(f);
    seeds[n_seeds].data = data;
    seeds[n_seeds++].size = n;
}

static void add(const char *path)
{
    struct stat st;
    struct dirent **entry;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    if (!S_ISDIR(st.st_mode)) {
        add_file(path);
        return;
    }
    int count = scandir(path, &entry, NULL, alphasort);     /* sorted, or the mutations would depend on the file system */
    if (count < 0)
        exit(2);
    for (int i = 0; i < count; i++) {
        char file[4096];

        snprintf(file, sizeof file, "%s/%s", path, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.')
            add(file);
        free(entry[i]);
    }
    free(entry);
}

static uint64_t state = 0x9E3779B97F4A7C15u;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below ? state % below : 0;
}

static void mutate_and_run(uint8_t *scratch)
{
    static const int64_t interesting[] = {0, 1, -1, 127, 128, 255, 256, 32767, 65535, INT32_MAX, UINT32_MAX, INT64_MAX};
    size_t s = draw(n_seeds), size = seeds[s].size;

    memcpy(scratch, seeds[s].data, size);
    for (uint64_t i = 0, n = 1 + draw(6); i < n && size; i++) {
        size_t at = draw(size), width = (size_t)1 << draw(4);
        int64_t v = interesting[draw(sizeof interesting / sizeof *interesting)];

        switch (draw(5)) {
        case 0: scratch[at] ^= (uint8_t)(1u << draw(8)); break;
        case 1: scratch[at] = (uint8_t)draw(256); break;
        case 2: size = draw(4) ? size : at; break;
        case 3: memcpy(scratch + at, &v, width < size - at ? width : size - at); break;
        default: {
            size_t from = draw(size), len = draw(64);
            len = len < size - at ? len : size - at;
            memmove(scratch + at, scratch + from, len < size - from ? len : size - from);
        }
        }
    }
    run(scratch, size);
}

int main(int argc, char **argv)
{
    unsigned long mutations = 0;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-mutate=", 8) == 0)
            mutations = strtoul(argv[i] + 8, NULL, 10);
        else
            add(argv[i]);
    }
    if (n_seeds == 0) {
        fprintf(stderr, "no seeds: nothing was run\n");
        return 1;
    }
    for (size_t i = 0; i < n_seeds; i++)
        run(seeds[i].data, seeds[i].size);
    uint8_t *scratch = malloc(MAX_SIZE);
    for (unsigned long i = 0; scratch && i < mutations; i++)
        mutate_and_run(scratch);
    free(scratch);
    printf("%zu seeds and %lu mutations ran\n", n_seeds, mutations);
    for (size_t i = 0; i < n_seeds; i++)
        free(seeds[i].data);
    return 0;
}
