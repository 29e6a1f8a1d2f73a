/* onnx.c - the constant tensors of an ONNX model: the graph's initialisers and the outputs of its Constant nodes, also
 * inside the subgraphs of If and Loop nodes.
 *
 * A protobuf message is a run of fields: a varint (number << 3 | wire type), then a varint, 4 or 8 bytes, or a length
 * and bytes. The field numbers are those of onnx.proto. Where a tensor's values are not one run of little-endian bytes
 * (a repeated field of varints, or of single values), they are unpacked when they are read: PART_PROTO. */
#include "base/mem.h"
#include "formats/table.h"

#include <inttypes.h>

enum { MAX_SUBGRAPHS = 16 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { MODEL_GRAPH = 7, MODEL_OPSET = 8, GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_SPARSE = 15 };
enum { NODE_OUTPUT = 2, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_FLOAT = 2,
    ATTRIBUTE_INT = 3,
    ATTRIBUTE_TENSOR = 5,
    ATTRIBUTE_GRAPH = 6,
    ATTRIBUTE_FLOATS = 7,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_GRAPHS = 11,
    ATTRIBUTE_SPARSE = 22
};
enum {
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_SEGMENT = 3,
    TENSOR_FLOATS = 4,
    TENSOR_INT32S = 5,
    TENSOR_STRINGS = 6,
    TENSOR_INT64S = 7,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    TENSOR_DOUBLES = 10,
    TENSOR_UINT64S = 11,
    TENSOR_EXTERNAL = 13,
    TENSOR_LOCATION = 14
};

/* TensorProto.DataType, and the repeated field that holds such values when there is no raw_data. */
static const struct {
    hse_dtype dtype;
    bool known;
    uint8_t field;
} types[] = {
    [1] = {HSE_F32, true, TENSOR_FLOATS},   [2] = {HSE_U8, true, TENSOR_INT32S},
    [3] = {HSE_I8, true, TENSOR_INT32S},    [4] = {HSE_U16, true, TENSOR_INT32S},
    [5] = {HSE_I16, true, TENSOR_INT32S},   [6] = {HSE_I32, true, TENSOR_INT32S},
    [7] = {HSE_I64, true, TENSOR_INT64S},   [9] = {HSE_BOOL, true, TENSOR_INT32S},
    [10] = {HSE_F16, true, TENSOR_INT32S},  [11] = {HSE_F64, true, TENSOR_DOUBLES},
    [12] = {HSE_U32, true, TENSOR_UINT64S}, [13] = {HSE_U64, true, TENSOR_UINT64S},
    [16] = {HSE_BF16, true, TENSOR_INT32S},
};

typedef struct {
    hse_bytes file;
    uint64_t pos, end; /* the message, as offsets in the file */
    hse_error *err;
} message;

typedef struct {
    uint32_t number;
    int wire;
    uint64_t value;    /* WIRE_VARINT, WIRE_64, WIRE_32 */
    uint64_t at, size; /* WIRE_BYTES: where, in the file */
} field;

static hse_status bad(const message *m, const char *what)
{
    return hse_fail(m->err, HSE_E_FORMAT, m->pos, "ONNX: %s", what);
}

static hse_status varint(message *m, uint64_t *out)
{
    uint64_t v = 0;

    for (int shift = 0; shift < 70; shift += 7) {
        if (m->pos == m->end)
            return bad(m, "a number is cut off");
        uint8_t byte = m->file.data[m->pos++];
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = v;
            return HSE_OK;
        }
    }
    return bad(m, "a number of more than 64 bits");
}

/* The next field of m; the caller has seen that m->pos < m->end. */
static hse_status next_field(message *m, field *f)
{
    uint64_t tag = 0, size = 0;
    hse_status s = varint(m, &tag);

    if (s != HSE_OK)
        return s;
    *f = (field){.wire = (int)(tag & 7), .at = m->pos};
    if (tag >> 3 == 0 || tag >> 3 > (1u << 29) - 1)
        return bad(m, "a field number is out of range");
    f->number = (uint32_t)(tag >> 3);
    switch (f->wire) {
    case WIRE_VARINT: return varint(m, &f->value);
    case WIRE_64: size = 8; break;
    case WIRE_32: size = 4; break;
    case WIRE_BYTES:
        if ((s = varint(m, &size)) != HSE_OK)
            return s;
        break;
    default: return bad(m, "a field of an unknown wire type");
    }
    if (size > m->end - m->pos)
        return bad(m, "a field is longer than its message");
    f->at = m->pos;
    f->size = size;
    m->pos += size;
    if (f->wire == WIRE_64)
        f->value = hse_get_u64le(m->file.data + f->at);
    else if (f->wire == WIRE_32)
        f->value = hse_get_u32le(m->file.data + f->at);
    return HSE_OK;
}

static message inside(const message *m, const field *f)
{
    return (message){m->file, f->at, f->at + f->size, m->err};
}

static bool is_text(const message *m, const field *f, const char *text)
{
    return f->wire == WIRE_BYTES && f->size == strlen(text) && memcmp(m->file.data + f->at, text, (size_t)f->size) == 0;
}

/* ---------------------------------------------------------------------------------------------------------------
 * tensors */

typedef struct {
    hse_weight item;
    uint64_t type;
    field name, raw;
    bool has_name, has_raw, external, strings;
    uint32_t data_field; /* the repeated field that has values; 0 = none */
} tensor;

static hse_status add_dim(message *m, tensor *t, uint64_t v)
{
    if (t->item.rank == HSE_MAX_RANK)
        return hse_fail(m->err, HSE_E_LIMIT, m->pos, "ONNX: a tensor of more than %d dimensions", HSE_MAX_RANK);
    if (v > INT64_MAX)
        return bad(m, "a dimension is negative");
    t->item.dim[t->item.rank++] = v;
    return HSE_OK;
}

static hse_status read_dims(message *m, tensor *t, const field *f)
{
    hse_status s = HSE_OK;

    if (f->wire == WIRE_VARINT)
        return add_dim(m, t, f->value);
    if (f->wire != WIRE_BYTES)
        return bad(m, "dims of a wrong wire type");
    for (message packed = inside(m, f); s == HSE_OK && packed.pos < packed.end;) {
        uint64_t v = 0;
        if ((s = varint(&packed, &v)) == HSE_OK)
            s = add_dim(&packed, t, v);
    }
    return s;
}

static hse_status read_tensor_field(message *m, tensor *t, const field *f)
{
    switch (f->number) {
    case TENSOR_DIMS: return read_dims(m, t, f);
    case TENSOR_TYPE:
        if (f->wire != WIRE_VARINT)
            return bad(m, "data_type of a wrong wire type");
        t->type = f->value;
        return HSE_OK;
    case TENSOR_NAME:
    case TENSOR_RAW:
        if (f->wire != WIRE_BYTES || (f->number == TENSOR_NAME ? t->has_name : t->has_raw))
            return bad(m, "a tensor's name or raw_data has a wrong wire type, or stands there twice");
        *(f->number == TENSOR_NAME ? &t->name : &t->raw) = *f;
        *(f->number == TENSOR_NAME ? &t->has_name : &t->has_raw) = true;
        return HSE_OK;
    case TENSOR_FLOATS:
    case TENSOR_INT32S:
    case TENSOR_INT64S:
    case TENSOR_DOUBLES:
    case TENSOR_UINT64S:
        if (t->data_field && t->data_field != f->number)
            return bad(m, "a tensor with values in two fields");
        t->data_field = f->number;
        return HSE_OK;
    case TENSOR_EXTERNAL: t->external = true; return HSE_OK;
    case TENSOR_LOCATION: t->external = t->external || f->value != 0; return HSE_OK;
    case TENSOR_STRINGS: t->strings = true; return HSE_OK;
    case TENSOR_SEGMENT:
        return hse_fail(m->err, HSE_E_UNSUPPORTED, f->at, "ONNX: a tensor in segments is not read here");
    default: return HSE_OK;
    }
}

/* Values of a repeated field are walked in the same way when they are counted and when they are unpacked. */
typedef struct {
    message m, packed;
    uint32_t number;
    int wire; /* of one value */
} values;

static int value_wire(uint32_t number)
{
    return number == TENSOR_FLOATS ? WIRE_32 : number == TENSOR_DOUBLES ? WIRE_64 : WIRE_VARINT;
}

static hse_status next_value(values *v, uint64_t *out, bool *more)
{
    hse_status s = HSE_OK;

    while (v->packed.pos == v->packed.end) {
        field f;
        if (v->m.pos == v->m.end) {
            *more = false;
            return HSE_OK;
        }
        if ((s = next_field(&v->m, &f)) != HSE_OK)
            return s;
        if (f.number != v->number)
            continue;
        if (f.wire == WIRE_BYTES) {
            v->packed = inside(&v->m, &f);
        } else if (f.wire == v->wire) {
            *out = f.value;
            return HSE_OK;
        } else {
            return bad(&v->m, "a value of a wrong wire type");
        }
    }
    message *p = &v->packed;
    uint64_t size = v->wire == WIRE_32 ? 4 : 8;
    if (v->wire == WIRE_VARINT)
        return varint(p, out);
    if (p->end - p->pos < size)
        return bad(p, "a value is cut off");
    *out = v->wire == WIRE_32 ? hse_get_u32le(p->file.data + p->pos) : hse_get_u64le(p->file.data + p->pos);
    p->pos += size;
    return HSE_OK;
}

static hse_status count_values(values v, uint64_t *count)
{
    bool more = true;
    uint64_t ignored = 0, n = 0;
    hse_status s;

    while ((s = next_value(&v, &ignored, &more)) == HSE_OK && more)
        n++;
    *count = n;
    return s;
}

/* A message has no CRC: part->crc holds the field's number and, from bit 8 on, the wire type of one value. */
hse_status onnx_unpack(hse_bytes file, const weights_part *part, uint8_t *out, hse_error *err)
{
    size_t size = hse_dtype_size((hse_dtype)part->dtype);
    values v = {.m = {file, part->offset, part->offset + part->stored, err},
                .number = part->crc & 0xff,
                .wire = (int)(part->crc >> 8)};
    bool more = true;
    uint64_t value = 0;
    hse_status s = HSE_OK;

    for (uint64_t at = 0; at < part->size; at += size) {
        if ((s = next_value(&v, &value, &more)) != HSE_OK)
            return s;
        if (!more)
            return bad(&v.m, "a tensor has fewer values than its shape");
        memcpy(out + at, &value, size); /* little-endian: the low bytes come first */
    }
    return HSE_OK;
}

/* The values of field `number` in the message body, as a part of `dtype`. */
static hse_status add_repeated(hse_weights *w, const message *body, uint32_t number, int wire, hse_dtype dtype,
                               uint64_t *count, uint32_t *part)
{
    values v = {.m = *body, .number = number, .wire = wire};
    weights_part p = {.offset = body->pos,
                      .stored = body->end - body->pos,
                      .kind = PART_PROTO,
                      .dtype = (uint8_t)dtype,
                      .crc = number | (uint32_t)wire << 8};
    hse_status s = count_values(v, count);

    if (s != HSE_OK)
        return s;
    if (!hse_mul_u64(*count, hse_dtype_size(dtype), &p.size))
        return bad(body, "too many values");
    return table_add_part(w, &p, part, body->err);
}

/* `body` is the TensorProto; `name` the Constant node's output, or NULL for an initialiser, which has its own. */
static hse_status add_tensor(hse_weights *w, message body, const field *name)
{
    tensor t = {0};
    hse_error *err = body.err;
    hse_status s = HSE_OK;
    uint64_t count = 0, at = body.pos;

    for (message m = body; s == HSE_OK && m.pos < m.end;) {
        field f;
        if ((s = next_field(&m, &f)) == HSE_OK)
            s = read_tensor_field(&m, &t, &f);
    }
    if (s != HSE_OK)
        return s;
    if (!name)
        name = &t.name;
    const char *text = (const char *)body.file.data + name->at;
    size_t length = (size_t)name->size;
    quoted q = name_quote(text, length);
    if (t.external)
        return hse_fail(err, HSE_E_UNSUPPORTED, at, "ONNX: %s has its data in another file, which is not read", q.text);
    if (t.type >= COUNT(types) || !types[t.type].known || t.strings)
        return hse_fail(err, HSE_E_UNSUPPORTED, at, "ONNX: %s has data type %" PRIu64 ", which is not read here",
                        q.text, t.type);
    t.item.dtype = types[t.type].dtype;
    if (t.has_raw) {
        weights_part p = {.offset = t.raw.at, .stored = t.raw.size, .size = t.raw.size};
        if (t.data_field)
            return hse_fail(err, HSE_E_FORMAT, at, "ONNX: %s has raw_data and other values", q.text);
        s = table_add_part(w, &p, &t.item.part, err);
        count = t.raw.size / hse_dtype_size(t.item.dtype);
        if (s == HSE_OK && t.raw.size % hse_dtype_size(t.item.dtype))
            return hse_fail(err, HSE_E_FORMAT, at, "ONNX: %s: raw_data of %" PRIu64 " bytes", q.text, t.raw.size);
    } else {
        if (t.data_field && t.data_field != types[t.type].field)
            return hse_fail(err, HSE_E_FORMAT, at, "ONNX: %s has its values in a field of another data type", q.text);
        s = add_repeated(w, &body, types[t.type].field, value_wire(types[t.type].field), t.item.dtype, &count,
                         &t.item.part);
    }
    if (s != HSE_OK)
        return s;
    table_c_strides(&t.item);
    if ((s = table_add(w, &t.item, text, length, at, err)) != HSE_OK)
        return s;
    uint64_t declared = w->items[w->n_items - 1].count;
    if (declared != count)
        return hse_fail(err, HSE_E_FORMAT, at, "ONNX: %s has %" PRIu64 " values, its shape %" PRIu64, q.text, count,
                        declared);
    return HSE_OK;
}

/* A Constant given as value_floats or value_ints: a tensor of one dimension; value_float or value_int: of none. */
static hse_status add_plain(hse_weights *w, const message *attribute, uint32_t number, bool scalar, const field *name)
{
    bool real = number == ATTRIBUTE_FLOAT || number == ATTRIBUTE_FLOATS;
    hse_weight item = {.dtype = real ? HSE_F32 : HSE_I64, .rank = scalar ? 0 : 1};
    uint64_t count = 0;
    hse_status s = add_repeated(w, attribute, number, real ? WIRE_32 : WIRE_VARINT, item.dtype, &count, &item.part);

    if (s != HSE_OK)
        return s;
    if (scalar && count != 1)
        return bad(attribute, "a single value stands there more than once, or not at all");
    item.dim[0] = scalar ? 0 : count;
    table_c_strides(&item);
    return table_add(w, &item, (const char *)attribute->file.data + name->at, (size_t)name->size, attribute->pos,
                     attribute->err);
}

/* ----------------------------------------------------------------------------------------------------------------
 * graphs */

/* An attribute of a Constant node. */
static hse_status read_constant(hse_weights *w, message attribute, const field *output)
{
    field f, name = {0}, tensor_field = {0};
    bool has_tensor = false;
    hse_status s = HSE_OK;

    for (message m = attribute; m.pos < m.end;) {
        if ((s = next_field(&m, &f)) != HSE_OK)
            return s;
        if (f.number == ATTRIBUTE_NAME && f.wire == WIRE_BYTES)
            name = f;
        if (f.number == ATTRIBUTE_TENSOR && f.wire == WIRE_BYTES) {
            if (has_tensor)
                return bad(&m, "a Constant with two tensors");
            tensor_field = f;
            has_tensor = true;
        }
    }
    if (is_text(&attribute, &name, "value"))
        return has_tensor ? add_tensor(w, inside(&attribute, &tensor_field), output)
                          : bad(&attribute, "a Constant without a value");
    if (is_text(&attribute, &name, "value_float"))
        return add_plain(w, &attribute, ATTRIBUTE_FLOAT, true, output);
    if (is_text(&attribute, &name, "value_int"))
        return add_plain(w, &attribute, ATTRIBUTE_INT, true, output);
    if (is_text(&attribute, &name, "value_floats"))
        return add_plain(w, &attribute, ATTRIBUTE_FLOATS, false, output);
    if (is_text(&attribute, &name, "value_ints"))
        return add_plain(w, &attribute, ATTRIBUTE_INTS, false, output);
    if (is_text(&attribute, &name, "sparse_value"))
        return hse_fail(attribute.err, HSE_E_UNSUPPORTED, attribute.pos, "ONNX: a sparse Constant is not read here");
    return HSE_OK; /* value_string and what later versions add: not a number */
}

static hse_status read_graph(hse_weights *w, message graph, int depth);

/* The subgraphs of an If, Loop or Scan node stand in its attributes. */
static hse_status read_subgraphs(hse_weights *w, message attribute, int depth)
{
    field f;
    hse_status s = HSE_OK;

    while (s == HSE_OK && attribute.pos < attribute.end) {
        if ((s = next_field(&attribute, &f)) != HSE_OK)
            return s;
        if ((f.number == ATTRIBUTE_GRAPH || f.number == ATTRIBUTE_GRAPHS) && f.wire == WIRE_BYTES)
            s = read_graph(w, inside(&attribute, &f), depth + 1);
    }
    return s;
}

static hse_status read_node(hse_weights *w, message node, int depth)
{
    field f, output = {0};
    bool constant = false, standard = true;
    hse_status s = HSE_OK;

    for (message m = node; m.pos < m.end;) {
        if ((s = next_field(&m, &f)) != HSE_OK)
            return s;
        if (f.number == NODE_OUTPUT && f.wire == WIRE_BYTES && output.number == 0)
            output = f;
        else if (f.number == NODE_OP_TYPE)
            constant = is_text(&m, &f, "Constant");
        else if (f.number == NODE_DOMAIN)
            standard = f.size == 0 || is_text(&m, &f, "ai.onnx");
    }
    constant = constant && standard;
    if (constant && output.number == 0)
        return bad(&node, "a Constant without an output");
    for (message m = node; s == HSE_OK && m.pos < m.end;) {
        if ((s = next_field(&m, &f)) != HSE_OK)
            return s;
        if (f.number == NODE_ATTRIBUTE && f.wire == WIRE_BYTES)
            s = constant ? read_constant(w, inside(&m, &f), &output) : read_subgraphs(w, inside(&m, &f), depth);
    }
    return s;
}

/* Recursion ends at MAX_SUBGRAPHS: real models nest two or three levels. */
static hse_status read_graph(hse_weights *w, message graph, int depth)
{
    field f;
    hse_status s = HSE_OK;

    if (depth > MAX_SUBGRAPHS)
        return hse_fail(graph.err, HSE_E_LIMIT, graph.pos, "ONNX: graphs are nested deeper than %d", MAX_SUBGRAPHS);
    while (s == HSE_OK && graph.pos < graph.end) {
        if ((s = next_field(&graph, &f)) != HSE_OK)
            return s;
        if (f.wire != WIRE_BYTES)
            continue;
        if (f.number == GRAPH_NODE)
            s = read_node(w, inside(&graph, &f), depth);
        else if (f.number == GRAPH_INITIALIZER)
            s = add_tensor(w, inside(&graph, &f), NULL);
        else if (f.number == GRAPH_SPARSE)
            s = hse_fail(graph.err, HSE_E_UNSUPPORTED, f.at, "ONNX: sparse initialisers are not read here");
    }
    return s;
}

hse_status onnx_read(hse_weights *w, hse_error *err)
{
    message model = {w->file, 0, w->file.size, err};
    bool seen = false, opset = false;
    hse_status s = HSE_OK;

    while (s == HSE_OK && model.pos < model.end) {
        field f;
        if ((s = next_field(&model, &f)) != HSE_OK)
            return s;
        opset = opset || f.number == MODEL_OPSET;
        if (f.number != MODEL_GRAPH || f.wire != WIRE_BYTES)
            continue;
        if (seen)
            return bad(&model, "a model with two graphs");
        seen = true;
        s = read_graph(w, inside(&model, &f), 0);
    }
    if (s == HSE_OK && !seen)
        return bad(&model, "a model without a graph");
    /* Every model must name its operator sets, and writers do so behind the graph: a file cut there lacks them. */
    return s == HSE_OK && !opset ? bad(&model, "a model without opset_import: it is cut off") : s;
}
