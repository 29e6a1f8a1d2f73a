/* shards.c - an index of shards, in a folder that has two of them. */
#include "base/file.h"

#include "read_all.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/hse-fuzz-shards-XXXXXX", path[64];

static void remove_folder(void)
{
    static const char *const names[] = {"a.safetensors", "c.safetensors", "x.index.json"};

    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void write_shard(const char *name, const char *header, size_t data)
{
    uint8_t file[256] = {0};
    size_t n = strlen(header);

    file[0] = (uint8_t)n;
    memcpy(file + 8, header, n);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    fuzz_check(hse_file_write(path, file, 8 + n + data, NULL) == HSE_OK);
}

static void make_folder(void)
{
    fuzz_check(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    write_shard("a.safetensors",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                "\"b\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
                3);
    write_shard("c.safetensors", "{\"c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const hse_weights_limits limits = {FUZZ_TENSORS, 1 << 16, 1 << 20};
    static bool made;
    hse_weights *w = NULL;
    hse_error err = {0};
    FILE *f;

    if (!made)
        make_folder();
    made = true;
    snprintf(path, sizeof path, "%s/x.index.json", folder);
    fuzz_check((f = fopen(path, "wb")) != NULL && (size == 0 || fwrite(data, 1, size, f) == size) && fclose(f) == 0);
    hse_status s = hse_weights_open(&w, path, &limits, &err);
    fuzz_check((s == HSE_OK) == (w != NULL) && (s == HSE_OK || err.text[0]));
    if (w)
        fuzz_read(w);
    hse_weights_close(&w);
    return 0;
}
