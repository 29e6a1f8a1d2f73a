/* zip.h - a strict reader of zip archives in memory (zip64, stored and deflated entries). Nothing is extracted to disk.
 *
 * Only one reading of a file is possible: the end record is the file's last 22 bytes, the central directory fills
 * exactly its range, each local header (and data descriptor) says what the central one says, entries do not overlap,
 * names are unique UTF-8. Encrypted, patched or split archives are refused. The data's CRC is the reader's to check
 * when it reads the data. */
#ifndef HSE_FORMATS_ZIP_H
#define HSE_FORMATS_ZIP_H

#include "base/bytes.h"
#include "base/status.h"
#include "formats/names.h"

typedef struct {
    const char *name;               /* points into the file; no terminator */
    uint64_t    header_offset, data_offset, stored, size, end;
    uint32_t    crc;
    uint16_t    name_size, flags;
    bool        deflated;
} zip_entry;

typedef struct {
    hse_bytes  file;
    zip_entry *entries;             /* in the directory's order */
    size_t     count;
    name_index index;
} zip_archive;

/* On failure nothing is left open. max_inflated bounds the sum of all deflated entries, which may also not exceed 200
 * times the archive's size (and 1 MiB). */
hse_status zip_open(zip_archive *z, hse_bytes file, uint64_t max_entries, uint64_t max_directory, uint64_t max_inflated,
                    hse_error *err);
void       zip_close(zip_archive *z);
const zip_entry *zip_find(const zip_archive *z, const char *name, size_t length);   /* NULL when absent */

/* Unpack `stored` bytes at in to exactly `size` bytes. `whole`: the stream must end there too; else it is the first
 * `size` bytes of a longer one. `at` is the stream's offset in the file, for messages. */
hse_status zip_inflate(const uint8_t *in, uint64_t stored, uint8_t *out, size_t size, bool whole, uint64_t at,
                       hse_error *err);
/* How many bytes zlib's own format (RFC 1950) needs for `size` bytes at a level of 0 to 9. */
hse_status zip_packed_size(const uint8_t *in, size_t size, int level, size_t *out, hse_error *err);
uint32_t   zip_crc(uint32_t crc, const uint8_t *data, size_t size);

#endif
