/* ctranslate2.c - CTranslate2's model.bin, binary versions 1 to 6.
 *
 * Little-endian, unaligned: u32 version; from 2 on the specification's name and u32 revision; u32 count and so many
 * variables (name, u8 rank, u32 dims, then from version 4 on u8 type and u32 bytes, before that u8 item size and u32
 * items, then the data); from 3 on u32 count and so many aliases (alias, name of a variable). A string is a u16 length,
 * its bytes and a NUL, which the length counts. */
#include "formats/ctranslate2.h"

#include "base/utf8.h"
#include "formats/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { NEWEST_VERSION = 6, MAX_STRING = 4096 };

typedef struct {
    hse_weights *w;
    size_t pos;
    hse_error *err;
} cursor;

typedef struct {
    const char *text;
    size_t size, at;
} string;

static hse_status cut_off(const cursor *c, const char *what)
{
    return hse_fail(c->err, HSE_E_FORMAT, c->pos, "the file ends inside %s", what);
}

static bool have(const cursor *c, uint64_t n)
{
    return hse_in_range(c->w->file.size, c->pos, n);
}

static hse_status read_u8(cursor *c, const char *what, uint8_t *out)
{
    if (!have(c, 1))
        return cut_off(c, what);
    *out = c->w->file.data[c->pos++];
    return HSE_OK;
}

static hse_status read_u32(cursor *c, const char *what, uint32_t *out)
{
    if (!have(c, 4))
        return cut_off(c, what);
    *out = hse_get_u32le(c->w->file.data + c->pos);
    c->pos += 4;
    return HSE_OK;
}

static hse_status read_string(cursor *c, const char *what, string *out)
{
    if (!have(c, 2))
        return cut_off(c, what);
    size_t n = hse_get_u16le(c->w->file.data + c->pos);
    const char *text = (const char *)c->w->file.data + c->pos + 2;
    if (n < 2 || n > MAX_STRING)
        return hse_fail(c->err, HSE_E_FORMAT, c->pos, "%s has %zu bytes with its NUL, 2 to %d are possible", what, n,
                        MAX_STRING);
    if (!have(c, 2 + n))
        return cut_off(c, what);
    if (memchr(text, '\0', n) != text + n - 1)
        return hse_fail(c->err, HSE_E_FORMAT, c->pos + 2, "%s does not end with its only NUL: \"%s\"", what,
                        name_quote(text, n).text);
    *out = (string){text, n - 1, c->pos};
    c->pos += 2 + n;
    return HSE_OK;
}

/* ---------------------------------------------------------------------------------------------------------- variables
 */

static hse_status read_type(cursor *c, uint32_t version, const string *name, hse_dtype *out)
{
    static const hse_dtype by_id[] = {HSE_F32, HSE_I8, HSE_I16, HSE_I32, HSE_F16, HSE_BF16};
    uint8_t id = 0;
    hse_status s = read_u8(c, "a variable's type", &id);

    if (s != HSE_OK)
        return s;
    if (version >= 4 && id < COUNT(by_id)) {
        *out = by_id[id];
        return HSE_OK;
    }
    if (version < 4 && (id == 1 || id == 2 || id == 4)) {
        *out = id == 1 ? HSE_I8 : id == 2 ? HSE_I16 : HSE_F32;
        return HSE_OK;
    }
    return hse_fail(c->err, HSE_E_UNSUPPORTED, c->pos - 1, "%s: %s %u is not read here",
                    name_quote(name->text, name->size).text, version >= 4 ? "type" : "an item size of", id);
}

static hse_status read_variable(cursor *c, uint32_t version)
{
    hse_weight item = {0};
    string name = {0};
    uint8_t rank = 0;
    uint32_t given = 0, number = 0;
    hse_status s;

    if ((s = read_string(c, "a variable's name", &name)) != HSE_OK ||
        (s = read_u8(c, "a variable's rank", &rank)) != HSE_OK)
        return s;
    if (rank > HSE_MAX_RANK)
        return hse_fail(c->err, HSE_E_LIMIT, c->pos - 1, "%s has %u dimensions, the limit is %d",
                        name_quote(name.text, name.size).text, rank, HSE_MAX_RANK);
    item.rank = rank;
    for (int i = 0; i < item.rank; i++) {
        uint32_t dim = 0;
        if ((s = read_u32(c, "a variable's dimensions", &dim)) != HSE_OK)
            return s;
        item.dim[i] = dim;
    }
    if ((s = read_type(c, version, &name, &item.dtype)) != HSE_OK ||
        (s = read_u32(c, "a variable's size", &given)) != HSE_OK)
        return s;

    uint64_t size = version >= 4 ? given : (uint64_t)given * hse_dtype_size(item.dtype);
    if (!have(c, size))
        return hse_fail(c->err, HSE_E_FORMAT, c->pos, "%s has %" PRIu64 " bytes, %zu are left in the file",
                        name_quote(name.text, name.size).text, size, c->w->file.size - c->pos);
    weights_part part = {.offset = c->pos, .stored = size, .size = size, .kind = PART_RAW};
    if ((s = table_add_part(c->w, &part, &number, c->err)) != HSE_OK)
        return s;
    item.part = number;
    table_c_strides(&item);
    if ((s = table_add(c->w, &item, name.text, name.size, name.at, c->err)) != HSE_OK)
        return s;
    uint64_t expected = c->w->items[c->w->n_items - 1].count * hse_dtype_size(item.dtype);
    if (expected != size)
        return hse_fail(c->err, HSE_E_FORMAT, c->pos, "%s: its shape asks for %" PRIu64 " bytes, it has %" PRIu64,
                        name_quote(name.text, name.size).text, expected, size);
    c->pos += (size_t)size;
    return HSE_OK;
}

/* ------------------------------------------------------------------------------------------------------------ aliases
 */

static hse_status add_alias(cursor *c, const string *alias, const char *end, const hse_weight *of)
{
    char name[MAX_STRING + 8];
    hse_weight item = *of;
    int n = snprintf(name, sizeof name, "%.*s%s", (int)alias->size, alias->text, end);

    return table_add(c->w, &item, name, (size_t)n, alias->at, c->err);
}

static const hse_weight *find(const cursor *c, const string *name, const char *end)
{
    char text[MAX_STRING + 8];
    int n = snprintf(text, sizeof text, "%.*s%s", (int)name->size, name->text, end);
    int64_t i = name_index_find(&c->w->item_index, text, (size_t)n);

    return i < 0 ? NULL : &c->w->items[i];
}

static hse_status read_alias(cursor *c)
{
    string alias = {0}, name = {0};
    const hse_weight *of, *scale;
    hse_status s;

    if ((s = read_string(c, "an alias", &alias)) != HSE_OK ||
        (s = read_string(c, "the name that an alias stands for", &name)) != HSE_OK)
        return s;
    if (!(of = find(c, &name, "")))
        return hse_fail(c->err, HSE_E_FORMAT, name.at, "an alias stands for %s, which is not in the file",
                        name_quote(name.text, name.size).text);
    if ((s = add_alias(c, &alias, "", of)) != HSE_OK)
        return s;
    if (!(scale = find(c, &name, "_scale")) || find(c, &alias, "_scale"))
        return HSE_OK;
    return add_alias(c, &alias, "_scale", scale);
}

/* ------------------------------------------------------------------------------------------------------------ the file
 */

bool ctranslate2_probe(hse_bytes f)
{
    size_t at = 4, n;

    if (f.size < 12 || f.data[0] == 0 || f.data[1] || f.data[2] || f.data[3])
        return false;
    if (f.data[0] == 1) /* no specification: the first variable's name comes after their number */
        at = 8;
    n = hse_get_u16le(f.data + at);
    at += 2;
    return n >= 2 && n <= MAX_STRING && hse_in_range(f.size, at, n) && f.data[at + n - 1] == 0 && f.data[at] >= ' ';
}

static hse_status add_values(cursor *c, uint32_t version, const string *spec, uint32_t revision)
{
    static const char version_name[] = "ctranslate2.version", spec_name[] = "ctranslate2.spec",
                      revision_name[] = "ctranslate2.revision";
    weights_scalar value = {.integer = version};
    hse_status s = table_add_scalar(c->w, &value, version_name, sizeof version_name - 1, NULL, 0, 0, c->err);

    if (s != HSE_OK || !spec)
        return s;
    if (!hse_utf8_valid(spec->text, spec->size, NULL))
        return hse_fail(c->err, HSE_E_FORMAT, spec->at, "the specification's name is not UTF-8: \"%s\"",
                        name_quote(spec->text, spec->size).text);
    s = table_add_scalar(c->w, &value, spec_name, sizeof spec_name - 1, spec->text, spec->size, spec->at, c->err);
    if (s != HSE_OK)
        return s;
    value.integer = revision;
    return table_add_scalar(c->w, &value, revision_name, sizeof revision_name - 1, NULL, 0, 0, c->err);
}

hse_status ctranslate2_read(hse_weights *w, hse_error *err)
{
    cursor c = {w, 0, err};
    uint32_t version = 0, count = 0, revision = 0;
    string spec = {0};
    hse_status s = read_u32(&c, "its version", &version);

    if (s == HSE_OK && version > NEWEST_VERSION)
        return hse_fail(err, HSE_E_UNSUPPORTED, 0, "CTranslate2 binary version %u; up to %d are read here", version,
                        NEWEST_VERSION);
    if (s == HSE_OK && version >= 2 &&
        ((s = read_string(&c, "the specification's name", &spec)) != HSE_OK ||
         (s = read_u32(&c, "the specification's revision", &revision)) != HSE_OK))
        return s;
    if (s != HSE_OK || (s = add_values(&c, version, version >= 2 ? &spec : NULL, revision)) != HSE_OK ||
        (s = read_u32(&c, "the number of variables", &count)) != HSE_OK)
        return s;
    for (uint32_t i = 0; i < count; i++) /* table_add watches max_tensors */
        if ((s = read_variable(&c, version)) != HSE_OK)
            return s;
    if (version >= 3) {
        if ((s = read_u32(&c, "the number of aliases", &count)) != HSE_OK)
            return s;
        for (uint32_t i = 0; i < count; i++)
            if ((s = read_alias(&c)) != HSE_OK)
                return s;
    }
    if (c.pos != w->file.size)
        return hse_fail(err, HSE_E_FORMAT, c.pos, "%zu bytes follow the last variable", w->file.size - c.pos);
    return HSE_OK;
}

/* ----------------------------------------------------------------------------------------------------------- matrices
 */

static float scale_at(const ct2_matrix *m, size_t i)
{
    float v;

    table_floats(m->scale->dtype, m->scales + i * hse_dtype_size(m->scale->dtype), &v, 1);
    return v;
}

static hse_status open_scales(ct2_matrix *m, const hse_weights *w, const char *name, hse_error *err)
{
    char scale[MAX_STRING + 8];
    hse_bytes bytes = {0};
    hse_status s;

    if (strlen(name) > MAX_STRING)
        return hse_fail(err, HSE_E_FORMAT, 0, "a name of over %d bytes", MAX_STRING);
    size_t n = strlen(name);
    snprintf(scale, sizeof scale, "%s_scale", name);
    if (!(m->scale = hse_weights_find(w, scale)))
        return hse_fail(err, HSE_E_FORMAT, 0, "%s is %s and has no %.60s_scale", name_quote(name, n).text,
                        hse_dtype_name(m->weight->dtype), name_quote(name, n).text);
    if (m->scale->dtype != HSE_F32 && m->scale->dtype != HSE_F16 && m->scale->dtype != HSE_BF16)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s is %s, floats are expected", name_quote(scale, n + 6).text,
                        hse_dtype_name(m->scale->dtype));
    if (m->scale->count != 1 && m->scale->count != m->rows)
        return hse_fail(err, HSE_E_FORMAT, 0, "%s has %" PRIu64 " values for %zu rows",
                        name_quote(scale, n + 6).text, m->scale->count, m->rows);
    if ((s = hse_weights_bytes(w, m->scale, &bytes, err)) != HSE_OK)
        return s;
    m->scales = bytes.data;
    m->n_scales = (size_t)m->scale->count;
    for (size_t i = 0; i < m->n_scales; i++) {
        float v = scale_at(m, i);
        if (!(isfinite(v) && v > 0))
            return hse_fail(err, HSE_E_FORMAT, 0, "%s: value %zu is %g, a scale is above 0",
                            name_quote(scale, n + 6).text, i, (double)v);
    }
    return HSE_OK;
}

hse_status ct2_matrix_open(ct2_matrix *out, const hse_weights *w, const char *name, hse_error *err)
{
    ct2_matrix m = {.weight = hse_weights_find(w, name)};
    hse_bytes bytes = {0};
    hse_status s;

    if (!m.weight)
        return hse_fail(err, HSE_E_NOT_FOUND, 0, "there is no %s", name_quote(name, strlen(name)).text);
    if ((s = hse_weights_bytes(w, m.weight, &bytes, err)) != HSE_OK)
        return s;
    m.data = bytes.data;
    m.rows = m.weight->rank ? (size_t)m.weight->dim[0] : 1;
    m.cols = m.weight->count ? (size_t)m.weight->count / m.rows : 0;
    if (m.weight->dtype == HSE_I8 || m.weight->dtype == HSE_I16) {
        if ((s = open_scales(&m, w, name, err)) != HSE_OK)
            return s;
    } else if (m.weight->dtype != HSE_F32 && m.weight->dtype != HSE_F16 && m.weight->dtype != HSE_BF16 &&
               m.weight->dtype != HSE_F64) {
        return hse_fail(err, HSE_E_FORMAT, 0, "%s is %s, which no weight is", name_quote(name, strlen(name)).text,
                        hse_dtype_name(m.weight->dtype));
    }
    *out = m;
    return HSE_OK;
}

float ct2_matrix_scale(const ct2_matrix *m, size_t row)
{
    if (!m->scale)
        return 1.0f;
    return scale_at(m, m->n_scales == 1 ? 0 : row);
}

void ct2_matrix_rows_f32(const ct2_matrix *m, size_t first, size_t n, float *out)
{
    size_t size = hse_dtype_size(m->weight->dtype);

    if (!m->scale) {
        table_floats(m->weight->dtype, m->data + first * m->cols * size, out, n * m->cols);
        return;
    }
    for (size_t r = first; r < first + n; r++, out += m->cols) {
        float scale = ct2_matrix_scale(m, r);
        table_floats(m->weight->dtype, m->data + r * m->cols * size, out, m->cols);
        for (size_t i = 0; i < m->cols; i++)
            out[i] /= scale;
    }
}

const int8_t *ct2_matrix_i8(const ct2_matrix *m)
{
    return m->weight->dtype == HSE_I8 ? (const int8_t *)m->data : NULL;
}
