/* pickle.c - a pickle, read and then walked as a consumer would. */
#include "read_all.h"

#include "formats/pickle.h"
#include "formats/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touch the value and what it holds, to a depth and a number of values. */
static void walk(const pickle *p, pk_ref r, int depth, unsigned *left)
{
    uint32_t cursor = 0;
    pk_ref key, value;
    hse_bytes text;

    if (depth == 0 || *left == 0)
        return;
    --*left;
    switch (pk_kind_of(p, r)) {
    case PK_STRING:
    case PK_BYTES:
    case PK_BIG:
        text = pk_text(p, r);
        zip_crc(0, text.data, text.size); /* reads every byte */
        break;
    case PK_TUPLE:
        for (size_t i = 0; i < pk_length(p, r); i++)
            walk(p, pk_item(p, r, i), depth - 1, left);
        break;
    case PK_LIST:
        while (*left && pk_next(p, r, &cursor, &key, &value))
            walk(p, value, depth - 1, left);
        break;
    case PK_DICT:
        while (*left && pk_next(p, r, &cursor, &key, &value)) {
            walk(p, key, depth - 1, left);
            walk(p, value, depth - 1, left);
        }
        break;
    case PK_GLOBAL: fuzz_check(pk_module(p, r).size + pk_name(p, r).size < 1u << 17 && pk_dtype(p, r) < 13); break;
    case PK_STORAGE:
    case PK_TENSOR: walk(p, pk_arguments(p, r), depth - 1, left); break;
    case PK_INT:
    case PK_BOOL: fuzz_check(pk_int(p, r) <= INT64_MAX); break;
    case PK_REAL: (void)pk_real(p, r); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pickle *p = NULL;
    size_t used = 0;
    unsigned left = 4096;
    uint32_t cursor = 0;
    pk_ref storage;
    hse_error err = {0};
    hse_status s = pickle_read(&p, (hse_bytes){data, size}, &used, 0, 1 << 20, &err);

    fuzz_check((s == HSE_OK) == (p != NULL) && (s == HSE_OK || err.text[0]));
    if (p) {
        fuzz_check(used <= size);
        walk(p, pickle_root(p), 64, &left);
        while (pk_next_storage(p, &cursor, &storage))
            walk(p, storage, 8, &left);
    }
    pickle_close(&p);
    return 0;
}
