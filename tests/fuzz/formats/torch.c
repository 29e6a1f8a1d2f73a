/* torch.c - files of torch.save. An input that begins with a 0 byte is the parts of one: the pickle's length (2 bytes),
 * the pickle, and bytes for its storages, from which a zip archive with right sizes and CRCs is made. Mutations of a
 * whole archive end at its CRCs and never reach the pickle. */
#include "read_all.h"

#include "base/buf.h"
#include "formats/pickle.h"
#include "formats/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_STORAGES = 16 };

static void put32(hse_buf *b, uint32_t v)
{
    uint8_t bytes[4];

    hse_put_u32le(bytes, v);
    hse_buf_append(b, bytes, 4);
}

static void put16(hse_buf *b, uint16_t v)
{
    uint8_t bytes[2];

    hse_put_u16le(bytes, v);
    hse_buf_append(b, bytes, 2);
}

/* A local or central header's common fields: flags, method, time, date, CRC, sizes, name and extra length. */
static void put_entry(hse_buf *b, size_t name_size, hse_bytes content)
{
    put16(b, 0x800);
    put16(b, 0);
    put32(b, 0);
    put32(b, zip_crc(0, content.data, content.size));
    put32(b, (uint32_t)content.size);
    put32(b, (uint32_t)content.size);
    put16(b, (uint16_t)name_size);
    put16(b, 0);
}

static void add(hse_buf *file, hse_buf *directory, const char *name, size_t name_size, hse_bytes content)
{
    uint32_t at = (uint32_t)file->size;

    put32(file, 0x04034b50);
    put16(file, 0);
    put_entry(file, name_size, content);
    hse_buf_append(file, name, name_size);
    hse_buf_append(file, content.data, content.size);
    put32(directory, 0x02014b50);
    put32(directory, 0);
    put_entry(directory, name_size, content);
    put32(directory, 0);
    put32(directory, 0);
    put16(directory, 0);
    put32(directory, at);
    hse_buf_append(directory, name, name_size);
}

/* Each storage that the pickle names gets an entry of the size that it says, if the input has so many bytes. */
static unsigned add_storages(hse_buf *file, hse_buf *directory, hse_bytes pkl, hse_bytes bytes)
{
    static const uint8_t element[] = {4, 8, 2, 2, 1, 1, 2, 2, 4, 4, 8, 8, 1};
    char seen[MAX_STORAGES][64];
    pickle *p = NULL;
    size_t used;
    uint32_t cursor = 0;
    unsigned n = 0;
    pk_ref storage;

    if (pickle_read(&p, pkl, &used, 0, 1 << 20, NULL) != HSE_OK)
        return 0;
    while (n < MAX_STORAGES && pk_next_storage(p, &cursor, &storage)) {
        pk_ref id = pk_arguments(p, storage);
        hse_bytes key = pk_text(p, pk_item(p, id, 2));
        int64_t count = pk_int(p, pk_item(p, id, 4));
        size_t width = element[pk_dtype(p, pk_item(p, id, 1))];
        char name[64];
        if (count < 0 || (uint64_t)count > bytes.size / width || key.size > 40 || memchr(key.data, 0, key.size))
            continue;
        int size = snprintf(name, sizeof name, "x/data/%.*s", (int)key.size, (const char *)key.data);
        bool twin = false;
        for (unsigned i = 0; i < n; i++)
            twin = twin || strcmp(seen[i], name) == 0;
        if (twin)
            continue;
        memcpy(seen[n++], name, sizeof name);
        add(file, directory, name, (size_t)size, (hse_bytes){bytes.data, (size_t)count * width});
    }
    pickle_close(&p);
    return n;
}

static void open_parts(hse_bytes pkl, hse_bytes bytes)
{
    hse_buf file, directory;

    hse_buf_init(&file, 1 << 20);
    hse_buf_init(&directory, 1 << 20);
    add(&file, &directory, "x/data.pkl", 10, pkl);
    unsigned entries = 1 + add_storages(&file, &directory, pkl, bytes);
    uint32_t at = (uint32_t)file.size;
    hse_buf_append(&file, directory.data, directory.size);
    put32(&file, 0x06054b50);
    put32(&file, 0);
    put16(&file, (uint16_t)entries);
    put16(&file, (uint16_t)entries);
    put32(&file, (uint32_t)directory.size);
    put32(&file, at);
    put16(&file, 0);
    if (file.status == HSE_OK)
        fuzz_open(file.data, file.size);
    hse_buf_free(&file);
    hse_buf_free(&directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || data[0] != 0) {
        fuzz_open(data, size);
        return 0;
    }
    size_t length = hse_get_u16le(data + 1), left = size - 3;
    length = length < left ? length : left;
    open_parts((hse_bytes){data + 3, length}, (hse_bytes){data + 3 + length, left - length});
    return 0;
}
