/* whisper_folder.h - a temporary folder that the tests of Whisper's files fill. */
#ifndef HSE_TEST_WHISPER_FOLDER_H
#define HSE_TEST_WHISPER_FOLDER_H

#include "base/file.h"
#include "base/mem.h"
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIT "tests/golden/whisper/"

static inline void must(hse_status s, const hse_error *err)
{
    CHECK(s == HSE_OK, "%s", err->text);
}

static char folder[64];

static inline const char *in_folder(const char *name)
{
    static char path[4][160];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static inline void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/hse-whisper-XXXXXX");
    CHECK(mkdtemp(folder) != NULL, "%s", folder);
}

static inline void write_file(const char *name, const void *data, size_t size)
{
    hse_error err = {0};

    must(hse_file_write(in_folder(name), data, size, &err), &err);
}

static inline void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static inline void copy_file(const char *name, const char *from)
{
    char *data = NULL;
    size_t size;
    hse_error err = {0};

    must(hse_file_read(&data, &size, test_path(from), 64 << 20, &err), &err);
    write_file(name, data, size);
    hse_free(data);
}

static inline void remove_folder(void)
{
    static const char *const names[] = {
        "vocab.json", "merges.txt",   "added_tokens.json",          "x.tiktoken",  "list.json",    "config.json",
        "model.bin",  "tokenizer.json", "preprocessor_config.json", "generation_config.json", "model.safetensors",
        "small.pt",   "other.pt",     "multilingual.tiktoken",      "gpt2.tiktoken", "whisper/multilingual.tiktoken",
        "vocabulary.txt", "model.safetensors.index.json", "one.safetensors", "two.safetensors",
    };

    for (size_t i = 0; i < COUNT(names); i++)
        unlink(in_folder(names[i]));
    rmdir(in_folder("whisper"));
    rmdir(folder);
}

#endif
