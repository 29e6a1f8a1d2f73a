#include "base/place.h"

#include "base/status.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef HSE_PREFIX
#define HSE_PREFIX "/usr/local"
#endif

/* From build/hse and build/release/hse of a source tree, from bin/hse and lib/<triplet>/ of an installed one. */
static void near(const char *file, const char *name, void (*each)(void *user, const char *path), void *user)
{
    static const char *const from[] = {"..", "../..", "../share/hse", "../../share/hse"};
    const char *slash = strrchr(file, '/');
    char path[HSE_PLACE_BYTES];

    for (size_t i = 0; slash && i < COUNT(from); i++)
        if (snprintf(path, sizeof path, "%.*s/%s/%s", (int)(slash - file), file, from[i], name) < (int)sizeof path)
            each(user, path);
}

void hse_places(const char *name, void (*each)(void *user, const char *path), void *user)
{
    char path[HSE_PLACE_BYTES];
    Dl_info library;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n > 0) {
        path[n] = '\0';
        near(path, name, each, user);
    }
    if (dladdr((void *)(uintptr_t)&hse_places, &library) && library.dli_fname && *library.dli_fname == '/')
        near(library.dli_fname, name, each, user);
    if (snprintf(path, sizeof path, HSE_PREFIX "/share/hse/%s", name) < (int)sizeof path)
        each(user, path);
}
