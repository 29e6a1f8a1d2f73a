#include "formats/zip.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <limits.h>
#define ZLIB_CONST
#include <zlib.h>

/* Sizes and signatures from PKWARE's APPNOTE. */
enum {
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR_SIZE = 20,
    CENTRAL_SIZE = 46,
    LOCAL_SIZE = 30,
    STORED = 0,
    DEFLATED = 8,
    FLAG_DESCRIPTOR = 1 << 3,
    FLAG_UTF8 = 1 << 11,
    FLAGS_ALLOWED = 1 << 1 | 1 << 2 | FLAG_DESCRIPTOR | FLAG_UTF8, /* 1, 2: how hard the deflater tried */
    MAX_VERSION = 63, /* APPNOTE 6.3: what these headers were written from */
    MAX_RATIO = 200,
    FREE_INFLATED = 1 << 20,
};

static const uint32_t sig_end = 0x06054b50, sig_end64 = 0x06064b50, sig_locator = 0x07064b50, sig_central = 0x02014b50,
                      sig_local = 0x04034b50, sig_descriptor = 0x08074b50;

typedef struct {
    uint64_t count, size, offset; /* entries; bytes and place of the central directory */
    uint64_t end;                 /* where the directory must end: the first byte of the end records */
} directory;

/* A saturated field says that the value stands in the zip64 record; any other value must repeat it. */
static bool agrees(uint64_t narrow, uint64_t wide, uint64_t saturated)
{
    return narrow == saturated || narrow == wide;
}

static hse_status read_end64(directory *d, hse_bytes f, const uint8_t *end, hse_error *err)
{
    uint64_t at = f.size - END_SIZE - LOCATOR_SIZE;
    const uint8_t *locator = f.data + at;
    uint64_t where = hse_get_u64le(locator + 8);

    if (hse_get_u32le(locator + 4) != 0 || hse_get_u32le(locator + 16) != 1)
        return hse_fail(err, HSE_E_UNSUPPORTED, at, "a split zip archive");
    if (where > at || at - where != END64_SIZE || hse_get_u32le(f.data + where) != sig_end64)
        return hse_fail(err, HSE_E_FORMAT, at + 8, "the zip64 locator says %" PRIu64 ", no zip64 end record is there",
                        where);
    const uint8_t *r = f.data + where;
    if (hse_get_u64le(r + 4) != END64_SIZE - 12 || hse_get_u32le(r + 16) != 0 || hse_get_u32le(r + 20) != 0)
        return hse_fail(err, HSE_E_FORMAT, where, "the zip64 end record has an odd size or names several disks");
    d->count = hse_get_u64le(r + 32);
    d->size = hse_get_u64le(r + 40);
    d->offset = hse_get_u64le(r + 48);
    d->end = where;
    if (hse_get_u64le(r + 24) != d->count || !agrees(hse_get_u16le(end + 10), d->count, UINT16_MAX) ||
        !agrees(hse_get_u32le(end + 12), d->size, UINT32_MAX) ||
        !agrees(hse_get_u32le(end + 16), d->offset, UINT32_MAX))
        return hse_fail(err, HSE_E_FORMAT, where, "the zip64 end record and the end record differ");
    return HSE_OK;
}

static hse_status read_end(directory *d, hse_bytes f, hse_error *err)
{
    if (f.size < END_SIZE || hse_get_u32le(f.data + f.size - END_SIZE) != sig_end)
        return hse_fail(err, HSE_E_FORMAT, f.size,
                        "no end record in the zip archive's last %d bytes: it is cut off, or has a comment", END_SIZE);
    const uint8_t *end = f.data + f.size - END_SIZE;
    uint64_t at = f.size - END_SIZE;
    if (hse_get_u16le(end + 20) != 0)
        return hse_fail(err, HSE_E_FORMAT, at + 20, "the zip archive's comment is cut off");
    if (hse_get_u16le(end + 4) != 0 || hse_get_u16le(end + 6) != 0 || hse_get_u16le(end + 8) != hse_get_u16le(end + 10))
        return hse_fail(err, HSE_E_UNSUPPORTED, at + 4, "a split zip archive");
    if (at >= LOCATOR_SIZE && hse_get_u32le(end - LOCATOR_SIZE) == sig_locator)
        return read_end64(d, f, end, err);
    *d = (directory){.count = hse_get_u16le(end + 10),
                     .size = hse_get_u32le(end + 12),
                     .offset = hse_get_u32le(end + 16),
                     .end = at};
    return HSE_OK;
}

typedef struct {
    uint64_t size, stored, offset;
    bool found;
} extra64;

/* The extra fields: tag, length, bytes. Of these only zip64 (tag 1) is read: the saturated ones of size, stored size
 * and offset, in this order. */
static bool read_extra(const uint8_t *p, size_t n, extra64 *x)
{
    while (n) {
        if (n < 4)
            return false;
        size_t tag = hse_get_u16le(p), length = hse_get_u16le(p + 2);
        p += 4;
        n -= 4;
        if (length > n)
            return false;
        if (tag == 1) {
            uint64_t *fields[] = {&x->size, &x->stored, &x->offset};
            size_t used = 0;
            if (x->found)
                return false;
            x->found = true;
            for (size_t i = 0; i < COUNT(fields); i++) {
                if (*fields[i] != UINT32_MAX)
                    continue;
                if (length - used < 8)
                    return false;
                *fields[i] = hse_get_u64le(p + used);
                used += 8;
            }
        }
        p += length;
        n -= length;
    }
    return true;
}

/* One central header at p, of `left` bytes; *length is what it takes up. */
static hse_status read_central(zip_entry *e, const uint8_t *p, uint64_t left, uint64_t at, uint64_t *length,
                               hse_error *err)
{
    if (left < CENTRAL_SIZE || hse_get_u32le(p) != sig_central)
        return hse_fail(err, HSE_E_FORMAT, at, "no central header where the zip directory should have one");
    uint16_t flags = hse_get_u16le(p + 8), method = hse_get_u16le(p + 10);
    uint16_t name = hse_get_u16le(p + 28), extra = hse_get_u16le(p + 30), comment = hse_get_u16le(p + 32);
    *length = (uint64_t)CENTRAL_SIZE + name + extra + comment;
    if (left < *length)
        return hse_fail(err, HSE_E_FORMAT, at, "the central header is longer than the zip directory");
    if (p[6] > MAX_VERSION)
        return hse_fail(err, HSE_E_UNSUPPORTED, at + 6, "a zip entry for readers of version %u.%u", p[6] / 10u,
                        p[6] % 10u);
    if (flags & 1)
        return hse_fail(err, HSE_E_UNSUPPORTED, at + 8, "an encrypted zip entry");
    if (flags & ~FLAGS_ALLOWED)
        return hse_fail(err, HSE_E_UNSUPPORTED, at + 8, "zip flags 0x%04x", flags);
    if (method != STORED && method != DEFLATED)
        return hse_fail(err, HSE_E_UNSUPPORTED, at + 10, "zip compression method %u", method);
    if (hse_get_u16le(p + 34) != 0)
        return hse_fail(err, HSE_E_UNSUPPORTED, at + 34, "a split zip archive");
    extra64 x = {.stored = hse_get_u32le(p + 20), .size = hse_get_u32le(p + 24), .offset = hse_get_u32le(p + 42)};
    if (!read_extra(p + CENTRAL_SIZE + name, extra, &x))
        return hse_fail(err, HSE_E_FORMAT, at, "damaged extra fields in a central header");
    *e = (zip_entry){.name = (const char *)p + CENTRAL_SIZE,
                     .header_offset = x.offset,
                     .stored = x.stored,
                     .size = x.size,
                     .crc = hse_get_u32le(p + 16),
                     .name_size = name,
                     .flags = flags,
                     .deflated = method == DEFLATED};
    if (name == 0 || memchr(e->name, '\0', name) || !hse_utf8_valid(e->name, name, NULL))
        return hse_fail(err, HSE_E_FORMAT, at + CENTRAL_SIZE, "a zip entry's name is empty or not UTF-8");
    if (!e->deflated && e->stored != e->size)
        return hse_fail(err, HSE_E_FORMAT, at + 20, "a stored zip entry of %" PRIu64 " bytes claims to be %" PRIu64,
                        e->stored, e->size);
    return HSE_OK;
}

/* The descriptor after the data: with or without signature, sizes of 4 or 8 bytes. Its length, or 0 when none fits. */
static size_t descriptor_length(const zip_entry *e, const uint8_t *p, uint64_t left)
{
    for (size_t form = 0; form < 4; form++) {
        size_t head = form & 1 ? 0 : 4, wide = form & 2 ? 4 : 8, n = head + 4 + wide + wide;
        if (left < n || (head && hse_get_u32le(p) != sig_descriptor) || hse_get_u32le(p + head) != e->crc)
            continue;
        const uint8_t *sizes = p + head + 4;
        uint64_t stored = wide == 8 ? hse_get_u64le(sizes) : hse_get_u32le(sizes);
        uint64_t size = wide == 8 ? hse_get_u64le(sizes + 8) : hse_get_u32le(sizes + 4);
        if (stored == e->stored && size == e->size)
            return n;
    }
    return 0;
}

/* The local header must repeat the central one; `limit` is the directory's offset, which no entry may reach. */
static hse_status read_local(zip_entry *e, hse_bytes f, uint64_t limit, const uint8_t *central, hse_error *err)
{
    uint64_t at = e->header_offset;
    const uint8_t *p = f.data + at;

    if (!hse_in_range(limit, at, LOCAL_SIZE) || hse_get_u32le(p) != sig_local)
        return hse_fail(err, HSE_E_FORMAT, at, "no local header where the zip directory has an entry");
    uint16_t name = hse_get_u16le(p + 26), extra = hse_get_u16le(p + 28);
    uint64_t header = (uint64_t)LOCAL_SIZE + name + extra;
    if (!hse_in_range(limit, at, header) || !hse_in_range(limit, at + header, e->stored))
        return hse_fail(err, HSE_E_FORMAT, at, "a zip entry of %" PRIu64 " bytes reaches into the directory",
                        e->stored);
    if (name != e->name_size || memcmp(p + LOCAL_SIZE, e->name, name) != 0)
        return hse_fail(err, HSE_E_FORMAT, at + 26, "the zip headers of one entry have different names");
    /* flags, method, time and date stand side by side in both headers */
    if (memcmp(p + 6, central + 8, 8) != 0)
        return hse_fail(err, HSE_E_FORMAT, at + 6, "the zip headers of %s differ in flags, method or time",
                        name_quote(e->name, name).text);
    extra64 x = {.stored = hse_get_u32le(p + 18), .size = hse_get_u32le(p + 22)};
    bool streamed = e->flags & FLAG_DESCRIPTOR;
    uint32_t crc = hse_get_u32le(p + 14);
    bool blank = streamed && crc == 0 && x.stored == 0 && x.size == 0;
    if (!read_extra(p + LOCAL_SIZE + name, extra, &x))
        return hse_fail(err, HSE_E_FORMAT, at + LOCAL_SIZE, "damaged extra fields in a local header");
    blank = blank || (streamed && crc == 0 && x.stored == 0 && x.size == 0);
    if (!blank && (crc != e->crc || x.stored != e->stored || x.size != e->size))
        return hse_fail(err, HSE_E_FORMAT, at + 14, "the zip headers of %s differ in CRC or size",
                        name_quote(e->name, name).text);
    e->data_offset = at + header;
    e->end = e->data_offset + e->stored;
    if (streamed) {
        size_t n = descriptor_length(e, f.data + e->end, limit - e->end);
        if (n == 0)
            return hse_fail(err, HSE_E_FORMAT, e->end, "the data descriptor of %s differs from its header",
                            name_quote(e->name, name).text);
        e->end += n;
    }
    return HSE_OK;
}

static const char *entry_name(const void *owner, size_t i, size_t *length)
{
    const zip_entry *e = &((const zip_archive *)owner)->entries[i];

    *length = e->name_size;
    return e->name;
}

static hse_status read_entries(zip_archive *z, const directory *d, uint64_t max_inflated, hse_error *err)
{
    uint64_t at = d->offset, free_from = 0, inflated = 0, length = 0;

    for (uint64_t i = 0; i < d->count; i++, at += length) {
        zip_entry *e = &z->entries[i];
        const uint8_t *central = z->file.data + at;
        hse_status s = read_central(e, central, d->end - at, at, &length, err);
        if (s != HSE_OK || (s = read_local(e, z->file, d->offset, central, err)) != HSE_OK)
            return s;
        /* Every known writer keeps the directory in the order of the file, which makes an overlap easy to see. */
        if (e->header_offset < free_from)
            return hse_fail(err, HSE_E_FORMAT, e->header_offset,
                            "the zip entry %s overlaps the one before it, or is out of order",
                            name_quote(e->name, e->name_size).text);
        free_from = e->end;
        if (e->deflated && (__builtin_add_overflow(inflated, e->size, &inflated) || inflated > max_inflated))
            return hse_fail(err, HSE_E_LIMIT, at,
                            "the zip entries unpack to over %" PRIu64 " bytes (max_inflated_bytes)", max_inflated);
        int64_t twin = name_index_add(&z->index, e->name, e->name_size, i);
        if (twin >= 0)
            return hse_fail(err, HSE_E_FORMAT, at, "two zip entries are called %s",
                            name_quote(e->name, e->name_size).text);
        if (twin == NAME_NO_MEMORY)
            return hse_fail(err, HSE_E_NOMEM, at, "no memory for the names of %" PRIu64 " zip entries", d->count);
        z->count++;
    }
    if (at != d->end)
        return hse_fail(err, HSE_E_FORMAT, at, "%" PRIu64 " bytes of the zip directory are left over", d->end - at);
    if (inflated > FREE_INFLATED && inflated / MAX_RATIO > z->file.size)
        return hse_fail(err, HSE_E_LIMIT, d->offset,
                        "the zip archive of %zu bytes unpacks to %" PRIu64 ", over %d times its size", z->file.size,
                        inflated, MAX_RATIO);
    return HSE_OK;
}

hse_status zip_open(zip_archive *z, hse_bytes file, uint64_t max_entries, uint64_t max_directory, uint64_t max_inflated,
                    hse_error *err)
{
    directory d = {0};
    hse_status s = read_end(&d, file, err);

    if (s != HSE_OK)
        return s;
    if (!hse_in_range(d.end, d.offset, d.size) || d.offset + d.size != d.end)
        return hse_fail(err, HSE_E_FORMAT, d.offset,
                        "the zip directory (%" PRIu64 " bytes at %" PRIu64 ") does not end at the end record", d.size,
                        d.offset);
    if (d.count > max_entries)
        return hse_fail(err, HSE_E_LIMIT, d.end,
                        "the zip archive has %" PRIu64 " entries, the limit is %" PRIu64 " (max_tensors)", d.count,
                        max_entries);
    if (d.size > max_directory)
        return hse_fail(err, HSE_E_LIMIT, d.end,
                        "the zip directory has %" PRIu64 " bytes, the limit is %" PRIu64 " (max_header_bytes)", d.size,
                        max_directory);
    if (d.count > d.size / CENTRAL_SIZE)
        return hse_fail(err, HSE_E_FORMAT, d.end,
                        "a zip directory of %" PRIu64 " bytes cannot hold %" PRIu64 " entries", d.size, d.count);
    *z = (zip_archive){.file = file, .entries = hse_calloc((size_t)d.count, sizeof *z->entries)};
    if (!z->entries)
        return hse_fail(err, HSE_E_NOMEM, d.end, "no memory for %" PRIu64 " zip entries", d.count);
    name_index_init(&z->index, entry_name, z);
    if ((s = read_entries(z, &d, max_inflated, err)) != HSE_OK)
        zip_close(z);
    return s;
}

void zip_close(zip_archive *z)
{
    name_index_free(&z->index);
    hse_free(z->entries);
    *z = (zip_archive){0};
}

const zip_entry *zip_find(const zip_archive *z, const char *name, size_t length)
{
    int64_t i = name_index_find(&z->index, name, length);

    return i < 0 ? NULL : &z->entries[i];
}

static void *inflate_alloc(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return hse_calloc(count, size);
}

static void inflate_free(void *unused, void *p)
{
    (void)unused;
    hse_free(p);
}

hse_status zip_inflate(const uint8_t *in, uint64_t stored, uint8_t *out, size_t size, bool whole, uint64_t at,
                       hse_error *err)
{
    z_stream z = {.zalloc = inflate_alloc, .zfree = inflate_free, .next_in = in};
    uint8_t beyond; /* one byte more than declared must not come out */
    size_t got = 0;
    int code = inflateInit2(&z, -MAX_WBITS);

    if (code != Z_OK)
        return hse_fail(err, HSE_E_NOMEM, at, "no memory to unpack a zip entry");
    do {
        uint64_t in_left = stored - (uint64_t)(z.next_in - in);
        size_t out_left = size - got;
        uint8_t *to = out_left ? out + got : &beyond;
        unsigned room = out_left == 0 ? 1 : out_left < UINT_MAX ? (unsigned)out_left : UINT_MAX;
        if (out_left == 0 && !whole)
            break;
        z.avail_in = in_left < UINT_MAX ? (unsigned)in_left : UINT_MAX;
        z.next_out = to;
        z.avail_out = room;
        code = inflate(&z, Z_NO_FLUSH);
        got += room - z.avail_out;
    } while (code == Z_OK && got <= size);
    uint64_t used = (uint64_t)(z.next_in - in);
    inflateEnd(&z);
    if (code == Z_MEM_ERROR)
        return hse_fail(err, HSE_E_NOMEM, at, "no memory to unpack a zip entry");
    if (whole ? code != Z_STREAM_END || got != size || used != stored : got != size)
        return hse_fail(err, HSE_E_FORMAT, at + used, "damaged deflate data, or not the declared %zu bytes", size);
    return HSE_OK;
}

uint32_t zip_crc(uint32_t crc, const uint8_t *data, size_t size)
{
    while (size) {
        unsigned n = size < 1u << 30 ? (unsigned)size : 1u << 30;
        crc = (uint32_t)crc32(crc, data, n);
        data += n;
        size -= n;
    }
    return crc;
}

hse_status zip_packed_size(const uint8_t *in, size_t size, int level, size_t *out, hse_error *err)
{
    enum { ONCE = 1 << 30 };
    z_stream z = {.zalloc = inflate_alloc, .zfree = inflate_free, .next_in = in};
    uint8_t sink[4096];
    size_t total = 0;
    int code = deflateInit(&z, level);

    if (code != Z_OK)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory to deflate %zu bytes", size);
    do {
        if (z.avail_in == 0) {
            z.avail_in = size < ONCE ? (uInt)size : (uInt)ONCE;
            size -= z.avail_in;
        }
        z.next_out = sink;
        z.avail_out = sizeof sink;
        code = deflate(&z, size ? Z_NO_FLUSH : Z_FINISH);
        total += sizeof sink - z.avail_out;
    } while (code == Z_OK); /* until Z_STREAM_END: with room for output there is no error to be had */
    deflateEnd(&z);
    *out = total;
    return HSE_OK;
}
