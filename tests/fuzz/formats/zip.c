/* zip.c - an archive: its directory, then each entry found by name and unpacked.
 *
 * Nearly every mutation breaks the end record, or the agreement of the two headers of an entry. An input that was
 * refused is therefore tried again with both made right, so that what lies behind them is reached. */
#include "read_all.h"

#include "base/buf.h"
#include "formats/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool open_archive(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 16 };
    zip_archive z;
    hse_error err = {0};
    size_t left = MOST;
    hse_status s = zip_open(&z, (hse_bytes){data, size}, 256, 1 << 16, 1 << 20, &err);

    if (s != HSE_OK) {
        fuzz_check(err.text[0] != '\0');
        return false;
    }
    for (size_t i = 0; i < z.count; i++) {
        const zip_entry *e = &z.entries[i];
        fuzz_check(zip_find(&z, e->name, e->name_size) == e && hse_in_range(size, e->data_offset, e->stored));
        zip_crc(0, data + e->data_offset, (size_t)e->stored);
        if (!e->deflated || e->size > left)
            continue;
        left -= (size_t)e->size;
        uint8_t *out = hse_alloc((size_t)e->size);
        if (out &&
            zip_inflate(data + e->data_offset, e->stored, out, (size_t)e->size, true, e->data_offset, &err) == HSE_OK)
            zip_crc(0, out, (size_t)e->size);
        if (out)
            zip_inflate(data + e->data_offset, e->stored, out, (size_t)e->size / 2, false, e->data_offset, NULL);
        hse_free(out);
    }
    zip_close(&z);
    return true;
}

static size_t find(const uint8_t *data, size_t size, size_t from, const char *signature)
{
    for (size_t i = from; i + 4 <= size; i++)
        if (memcmp(data + i, signature, 4) == 0)
            return i;
    return size;
}

/* The directory runs from its first signature to the end, without what looks like end records; each of its entries is
 * given the next local header's place, and the method, CRC and sizes that stand there. */
static void open_repaired(const uint8_t *data, size_t size)
{
    hse_buf b;
    size_t start = find(data, size, 0, "PK\1\2"), end = find(data, size, start, "PK\6\6"), local = 0;
    uint8_t tail[22] = "PK\5\6";
    uint16_t count = 0;

    if (end == size)
        end = find(data, size, start, "PK\5\6");
    if (start == size)
        return;
    hse_buf_init(&b, 1 << 20);
    hse_buf_append(&b, data, end);
    for (size_t at = start; b.status == HSE_OK && (at = find(b.data, b.size, at, "PK\1\2")) + 46 <= b.size; at += 46) {
        local = find(b.data, start, local, "PK\3\4");
        if (local + 30 > start)
            break;
        memcpy(b.data + at + 8, b.data + local + 6, 8);
        if (!(b.data[local + 6] & 8))
            memcpy(b.data + at + 16, b.data + local + 14, 12);
        hse_put_u32le(b.data + at + 42, (uint32_t)local);
        local += 30;
        count++;
    }
    hse_put_u16le(tail + 8, count);
    hse_put_u16le(tail + 10, count);
    hse_put_u32le(tail + 12, (uint32_t)(b.size - start));
    hse_put_u32le(tail + 16, (uint32_t)start);
    hse_buf_append(&b, tail, sizeof tail);
    if (b.status == HSE_OK)
        open_archive(b.data, b.size);
    hse_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!open_archive(data, size))
        open_repaired(data, size);
    return 0;
}
