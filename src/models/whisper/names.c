/* names.c - the models that have names: which repositories hold them, and which heads of the published checkpoints look at the
 * time of a word (OpenAI's files do not say; those of other formats do). */
#include "models/whisper/names.h"

#include <string.h>

static const struct {
    const char *name;
    const char *repos[5];
} models[] = {
    {"tiny.en", {"Systran/faster-whisper-tiny.en", "openai/whisper-tiny.en"}},
    {"tiny", {"Systran/faster-whisper-tiny", "openai/whisper-tiny"}},
    {"base.en", {"Systran/faster-whisper-base.en", "openai/whisper-base.en"}},
    {"base", {"Systran/faster-whisper-base", "openai/whisper-base"}},
    {"small.en", {"Systran/faster-whisper-small.en", "openai/whisper-small.en"}},
    {"small", {"Systran/faster-whisper-small", "openai/whisper-small"}},
    {"medium.en", {"Systran/faster-whisper-medium.en", "openai/whisper-medium.en"}},
    {"medium", {"Systran/faster-whisper-medium", "openai/whisper-medium"}},
    {"large-v1", {"Systran/faster-whisper-large-v1", "openai/whisper-large"}},
    {"large-v2", {"Systran/faster-whisper-large-v2", "openai/whisper-large-v2"}},
    {"large-v3", {"Systran/faster-whisper-large-v3", "openai/whisper-large-v3"}},
    {"large", {"Systran/faster-whisper-large-v3", "openai/whisper-large-v3"}},
    {"distil-large-v2", {"Systran/faster-distil-whisper-large-v2", "distil-whisper/distil-large-v2"}},
    {"distil-medium.en", {"Systran/faster-distil-whisper-medium.en", "distil-whisper/distil-medium.en"}},
    {"distil-small.en", {"Systran/faster-distil-whisper-small.en", "distil-whisper/distil-small.en"}},
    {"distil-large-v3", {"Systran/faster-distil-whisper-large-v3", "distil-whisper/distil-large-v3-ct2",
                         "distil-whisper/distil-large-v3"}},
    {"distil-large-v3.5", {"distil-whisper/distil-large-v3.5-ct2", "distil-whisper/distil-large-v3.5"}},
    {"large-v3-turbo", {"mobiuslabsgmbh/faster-whisper-large-v3-turbo", "dropbox-dash/faster-whisper-large-v3-turbo",
                        "deepdml/faster-whisper-large-v3-turbo-ct2", "openai/whisper-large-v3-turbo"}},
    {"turbo", {"mobiuslabsgmbh/faster-whisper-large-v3-turbo", "dropbox-dash/faster-whisper-large-v3-turbo",
               "deepdml/faster-whisper-large-v3-turbo-ct2", "openai/whisper-large-v3-turbo"}},
};

const char *const *whisper_repos_of(const char *name)
{
    for (size_t i = 0; i < COUNT(models); i++)
        if (strcmp(models[i].name, name) == 0)
            return models[i].repos;
    return NULL;
}

const char *whisper_repo_of(const char *name)
{
    const char *const *repos = whisper_repos_of(name);

    return repos ? repos[0] : NULL;
}

const char *whisper_model_name(size_t i)
{
    return i < COUNT(models) ? models[i].name : NULL;
}

/* ---------------------------------------------------------------------------------------------------- alignment heads */

static const whisper_head tiny_en[] = {{1, 0}, {2, 0}, {2, 5}, {3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4}};
static const whisper_head tiny[] = {{2, 2}, {3, 0}, {3, 2}, {3, 3}, {3, 4}, {3, 5}};
static const whisper_head base_en[] = {{3, 3}, {4, 7}, {5, 1}, {5, 5}, {5, 7}};
static const whisper_head base[] = {{3, 1}, {4, 2}, {4, 3}, {4, 7}, {5, 1}, {5, 2}, {5, 4}, {5, 6}};
static const whisper_head small_en[] = {{6, 6},  {7, 0},  {7, 3},  {7, 8},  {8, 2},  {8, 5},   {8, 7},
                                        {9, 0},  {9, 4},  {9, 8},  {9, 10}, {10, 0}, {10, 1},  {10, 2},
                                        {10, 3}, {10, 6}, {10, 11}, {11, 2}, {11, 4}};
static const whisper_head small[] = {{5, 3}, {5, 9}, {8, 0}, {8, 4}, {8, 7}, {8, 8}, {9, 0}, {9, 7}, {9, 9}, {10, 5}};
static const whisper_head medium_en[] = {{11, 4}, {14, 1},  {14, 12}, {14, 14}, {15, 4},  {16, 0},
                                         {16, 4}, {16, 9},  {17, 12}, {17, 14}, {18, 7},  {18, 10},
                                         {18, 15}, {20, 0}, {20, 3},  {20, 9},  {20, 14}, {21, 12}};
static const whisper_head medium[] = {{13, 15}, {15, 4}, {15, 15}, {16, 1}, {20, 0}, {23, 4}};
static const whisper_head large_v1[] = {{9, 19},  {11, 2},  {11, 4},  {11, 17}, {22, 7},
                                        {22, 11}, {22, 17}, {23, 2},  {23, 15}};
static const whisper_head large_v2[] = {{10, 12}, {13, 17}, {16, 11}, {16, 12}, {16, 13}, {17, 15}, {17, 16}, {18, 4},
                                        {18, 11}, {18, 19}, {19, 11}, {21, 2},  {21, 3},  {22, 3},  {22, 9},  {22, 12},
                                        {23, 5},  {23, 7},  {23, 13}, {25, 5},  {26, 1},  {26, 12}, {27, 15}};
static const whisper_head large_v3[] = {{7, 0},   {10, 17}, {12, 18}, {13, 12}, {16, 1},
                                        {17, 14}, {19, 11}, {21, 4},  {24, 1},  {25, 6}};
static const whisper_head turbo[] = {{2, 4}, {2, 11}, {3, 3}, {3, 6}, {3, 11}, {3, 14}};

#define ROW(name, heads) {name, heads, COUNT(heads)}

static const struct {
    const char *name;
    const whisper_head *heads;
    size_t n;
} published[] = {
    ROW("tiny.en", tiny_en),   ROW("tiny", tiny),           ROW("base.en", base_en),   ROW("base", base),
    ROW("small.en", small_en), ROW("small", small),         ROW("medium.en", medium_en), ROW("medium", medium),
    ROW("large-v1", large_v1), ROW("large-v2", large_v2),   ROW("large-v3", large_v3), ROW("large", large_v3),
    ROW("large-v3-turbo", turbo), ROW("turbo", turbo),
};

const whisper_head *whisper_published_heads(const char *file, size_t *n)
{
    const char *slash = strrchr(file, '/'), *base_name = slash ? slash + 1 : file, *dot = strstr(base_name, ".pt");
    size_t length = dot ? (size_t)(dot - base_name) : strlen(base_name);

    for (size_t i = 0; i < COUNT(published); i++)
        if (strlen(published[i].name) == length && memcmp(published[i].name, base_name, length) == 0) {
            *n = published[i].n;
            return published[i].heads;
        }
    return NULL;
}
