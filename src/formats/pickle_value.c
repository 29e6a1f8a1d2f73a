/* pickle_value.c - looking at the values of a pickle, and the globals that are known by name. */
#include "formats/pickle_internal.h"
#include "formats/weights.h"

const pickle_global pickle_globals[] = {
    {"collections", "OrderedDict", PKG_ORDERED_DICT, -1},
    {"collections", "defaultdict", PKG_DEFAULT_DICT, -1},
    {"torch", "Size", PKG_SIZE, -1},
    {"torch._utils", "_rebuild_tensor", PKG_REBUILD, -1},
    {"torch._utils", "_rebuild_tensor_v2", PKG_REBUILD_V2, -1},
    {"torch._utils", "_rebuild_tensor_v3", PKG_REBUILD_V3, -1},
    {"torch._utils", "_rebuild_parameter", PKG_PARAMETER, -1},
    {"torch._utils", "_rebuild_parameter_with_state", PKG_PARAMETER, -1},
    {"torch.storage", "UntypedStorage", PKG_STORAGE_BYTES, HSE_U8},
    {"torch", "UntypedStorage", PKG_STORAGE_BYTES, HSE_U8},
    {"torch", "FloatStorage", PKG_STORAGE_TYPED, HSE_F32},
    {"torch", "DoubleStorage", PKG_STORAGE_TYPED, HSE_F64},
    {"torch", "HalfStorage", PKG_STORAGE_TYPED, HSE_F16},
    {"torch", "BFloat16Storage", PKG_STORAGE_TYPED, HSE_BF16},
    {"torch", "CharStorage", PKG_STORAGE_TYPED, HSE_I8},
    {"torch", "ByteStorage", PKG_STORAGE_TYPED, HSE_U8},
    {"torch", "ShortStorage", PKG_STORAGE_TYPED, HSE_I16},
    {"torch", "IntStorage", PKG_STORAGE_TYPED, HSE_I32},
    {"torch", "LongStorage", PKG_STORAGE_TYPED, HSE_I64},
    {"torch", "BoolStorage", PKG_STORAGE_TYPED, HSE_BOOL},
    {"torch.cuda", "FloatStorage", PKG_STORAGE_TYPED, HSE_F32},
    {"torch.cuda", "DoubleStorage", PKG_STORAGE_TYPED, HSE_F64},
    {"torch.cuda", "HalfStorage", PKG_STORAGE_TYPED, HSE_F16},
    {"torch.cuda", "BFloat16Storage", PKG_STORAGE_TYPED, HSE_BF16},
    {"torch.cuda", "CharStorage", PKG_STORAGE_TYPED, HSE_I8},
    {"torch.cuda", "ByteStorage", PKG_STORAGE_TYPED, HSE_U8},
    {"torch.cuda", "ShortStorage", PKG_STORAGE_TYPED, HSE_I16},
    {"torch.cuda", "IntStorage", PKG_STORAGE_TYPED, HSE_I32},
    {"torch.cuda", "LongStorage", PKG_STORAGE_TYPED, HSE_I64},
    {"torch.cuda", "BoolStorage", PKG_STORAGE_TYPED, HSE_BOOL},
    {"torch", "float32", PKG_DTYPE, HSE_F32},
    {"torch", "float64", PKG_DTYPE, HSE_F64},
    {"torch", "float16", PKG_DTYPE, HSE_F16},
    {"torch", "bfloat16", PKG_DTYPE, HSE_BF16},
    {"torch", "int8", PKG_DTYPE, HSE_I8},
    {"torch", "uint8", PKG_DTYPE, HSE_U8},
    {"torch", "int16", PKG_DTYPE, HSE_I16},
    {"torch", "uint16", PKG_DTYPE, HSE_U16},
    {"torch", "int32", PKG_DTYPE, HSE_I32},
    {"torch", "uint32", PKG_DTYPE, HSE_U32},
    {"torch", "int64", PKG_DTYPE, HSE_I64},
    {"torch", "uint64", PKG_DTYPE, HSE_U64},
    {"torch", "bool", PKG_DTYPE, HSE_BOOL},
};

bool pickle_equals(const uint8_t *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

/* 1 + the number of the known global, or 0. */
uint8_t pickle_find_global(const uint8_t *module, size_t module_size, const uint8_t *name, size_t name_size)
{
    for (size_t i = 0; i < COUNT(pickle_globals); i++)
        if (pickle_equals(module, module_size, pickle_globals[i].module) &&
            pickle_equals(name, name_size, pickle_globals[i].name))
            return (uint8_t)(i + 1);
    return 0;
}

pk_ref pickle_root(const pickle *p)
{
    return p->root;
}

pk_kind pk_kind_of(const pickle *p, pk_ref r)
{
    return r & REF_SMALL ? PK_INT : (pk_kind)p->nodes[r].kind;
}

int64_t pk_int(const pickle *p, pk_ref r)
{
    if (r & REF_SMALL)
        return (int32_t)(r << 1) >> 1;
    return (int64_t)((uint64_t)p->nodes[r].c << 32 | p->nodes[r].b);
}

double pk_real(const pickle *p, pk_ref r)
{
    uint64_t bits = (uint64_t)p->nodes[r].c << 32 | p->nodes[r].b;
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

hse_bytes pk_text(const pickle *p, pk_ref r)
{
    return (hse_bytes){p->in.data + p->nodes[r].b, p->nodes[r].a};
}

size_t pk_length(const pickle *p, pk_ref r)
{
    return p->nodes[r].a;
}

pk_ref pk_item(const pickle *p, pk_ref tuple, size_t i)
{
    return p->refs[p->nodes[tuple].b + i];
}

pk_global pk_known(const pickle *p, pk_ref r)
{
    uint8_t known = p->nodes[r].known;

    return known ? (pk_global)pickle_globals[known - 1].known : PKG_UNKNOWN;
}

int pk_dtype(const pickle *p, pk_ref r)
{
    uint8_t known = p->nodes[r].known;

    return known ? pickle_globals[known - 1].dtype : -1;
}

hse_bytes pk_module(const pickle *p, pk_ref r)
{
    return (hse_bytes){p->in.data + p->nodes[r].c, p->nodes[r].more};
}

hse_bytes pk_name(const pickle *p, pk_ref r)
{
    return (hse_bytes){p->in.data + p->nodes[r].b, p->nodes[r].a};
}

pk_ref pk_arguments(const pickle *p, pk_ref r)
{
    return p->nodes[r].a;
}

bool pk_next(const pickle *p, pk_ref r, uint32_t *cursor, pk_ref *key, pk_ref *value)
{
    uint32_t i = *cursor ? p->cells[*cursor].next : p->nodes[r].b;

    if (i == 0)
        return false;
    *cursor = i;
    *key = p->cells[i].key;
    *value = p->cells[i].value;
    return true;
}

bool pk_next_storage(const pickle *p, uint32_t *cursor, pk_ref *storage)
{
    for (uint32_t i = *cursor; i < p->n_nodes; i++)
        if (p->nodes[i].kind == PK_STORAGE) {
            *storage = i;
            *cursor = i + 1;
            return true;
        }
    *cursor = (uint32_t)p->n_nodes;
    return false;
}
