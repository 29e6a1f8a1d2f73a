/* npy.h - reads the little-endian C-order .npy files of the tests' own data; a damaged one fails the test. */
#ifndef TEST_AUDIO_NPY_H
#define TEST_AUDIO_NPY_H

#include "test.h"

#include <stdlib.h>

typedef struct {
    size_t n, rows, columns; /* columns: the product of all dimensions but the first */
    float *v;                /* converted from <f4, <f8, <i8, <i4 or <i2; free() */
} npy;

static inline npy npy_read(const char *relative)
{
    const char *path = test_path(relative);
    FILE *f = fopen(path, "rb");
    char head[10], text[4096] = "";
    npy a = {.columns = 1};

    CHECK(f && fread(head, 1, 10, f) == 10 && memcmp(head, "\x93NUMPY\x01", 7) == 0, "%s cannot be read", path);
    size_t len = (size_t)((unsigned char)head[8] | (unsigned char)head[9] << 8);
    CHECK(len < sizeof text && fread(text, 1, len, f) == len, "%s: header", path);
    const char *kind = strstr(text, "'descr': '"), *shape = strstr(text, "'shape': (");
    CHECK(kind && shape && kind[10] == '<', "%s: header %.200s", path, text);
    kind += 11;
    shape += 10;
    a.rows = strtoul(shape, (char **)&shape, 10);
    while (*shape == ',' && strspn(shape + 1, " ") + 1 < strlen(shape) && shape[1] != ')') {
        char *end;
        unsigned long d = strtoul(shape + 1, &end, 10);
        if (end == shape + 1)
            break;
        a.columns *= d;
        shape = end;
    }
    a.n = a.rows * a.columns;
    a.v = malloc((a.n + 1) * sizeof *a.v);
    for (size_t i = 0; i < a.n; i++) {
        union {
            float f4;
            double f8;
            int64_t i8;
            int32_t i4;
            int16_t i2;
            char c[8];
        } u;
        CHECK(fread(u.c, 1, (size_t)(kind[1] - '0'), f) == (size_t)(kind[1] - '0'), "%s: cut off", path);
        a.v[i] = kind[0] == 'f' ? (kind[1] == '4' ? u.f4 : (float)u.f8)
                                : (float)(kind[1] == '8'   ? u.i8
                                          : kind[1] == '4' ? u.i4
                                                           : u.i2);
    }
    fclose(f);
    return a;
}

#endif
