#include "text/pack.h"

#include "base/file.h"
#include "base/mem.h"

#include <string.h>

enum { HEADER = 16, ENTRY = 40, NAME = 24 };

typedef struct {
    char      name[NAME + 1];
    hse_bytes bytes;
} section;

struct text_pack {
    hse_map map;
    bool    mapped;
    size_t  count;
    section list[TEXT_PACK_SECTIONS];
};

static uint32_t u32_at(hse_bytes b, size_t index)
{
    const uint8_t *p = b.data + index * 4;

    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64_at(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

hse_status text_pack_open_bytes(text_pack **out, hse_bytes file, const char *name, hse_error *err)
{
    text_pack *p;
    uint32_t version, count;

    if (file.size < HEADER || memcmp(file.data, "HSEPACK1", 8) != 0)
        return hse_fail(err, HSE_E_FORMAT, 0, "%.120s is no language pack: it does not begin with HSEPACK1", name);
    version = u32_at(file, 2);
    count = u32_at(file, 3);
    if (version != TEXT_PACK_VERSION)
        return hse_fail(err, HSE_E_FORMAT, 8, "%.100s is a language pack of version %u, this program reads %d: run "
                        "scripts/language-data again", name, version, TEXT_PACK_VERSION);
    if (count > TEXT_PACK_SECTIONS || (file.size - HEADER) / ENTRY < count)
        return hse_fail(err, HSE_E_FORMAT, 12, "%.120s: %u sections in %zu bytes", name, count, file.size);
    if (!(p = hse_calloc(1, sizeof *p)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for a language pack");
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = file.data + HEADER + (size_t)i * ENTRY;
        uint64_t offset = u64_at(entry + NAME), size = u64_at(entry + NAME + 8);

        if (offset > file.size || size > file.size - offset) {
            hse_free(p);
            return hse_fail(err, HSE_E_FORMAT, HEADER + (uint64_t)i * ENTRY, "%.120s: section %u lies outside the file",
                            name, i);
        }
        memcpy(p->list[i].name, entry, NAME);
        p->list[i].bytes = (hse_bytes){file.data + offset, (size_t)size};
    }
    p->count = count;
    *out = p;
    return HSE_OK;
}

hse_status text_pack_open(text_pack **out, const char *path, hse_error *err)
{
    hse_map map;
    hse_status s = hse_map_open(&map, path, err);

    if (s != HSE_OK)
        return s;
    if ((s = text_pack_open_bytes(out, map.bytes, path, err)) != HSE_OK) {
        hse_map_close(&map);
        return s;
    }
    (*out)->map = map;
    (*out)->mapped = true;
    return HSE_OK;
}

void text_pack_close(text_pack **pack)
{
    if (!*pack)
        return;
    if ((*pack)->mapped)
        hse_map_close(&(*pack)->map);
    hse_free(*pack);
    *pack = NULL;
}

hse_bytes text_pack_bytes(const text_pack *pack, const char *name)
{
    for (size_t i = 0; i < pack->count; i++)
        if (strcmp(pack->list[i].name, name) == 0)
            return pack->list[i].bytes;
    return (hse_bytes){NULL, 0};
}

hse_status text_pack_map(text_map *out, const text_pack *pack, const char *name, hse_error *err)
{
    hse_bytes b = text_pack_bytes(pack, name);
    uint64_t heads;
    text_map m;

    if (b.size < 8)
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack has no table \"%.40s\": run scripts/language-data again", name);
    m.count = u32_at(b, 0);
    m.slots = u32_at(b, 1);
    heads = 8 + ((uint64_t)m.count + 1 + m.slots) * 4;
    if (m.slots == 0 || (m.slots & (m.slots - 1)) || m.slots <= m.count || heads > b.size)
        return hse_fail(err, HSE_E_FORMAT, 0, "the language pack's table \"%.40s\" is damaged: %u entries, %u places, %zu bytes",
                        name, m.count, m.slots, b.size);
    m.at = (hse_bytes){b.data + 8, ((size_t)m.count + 1) * 4};
    m.slot = (hse_bytes){m.at.data + m.at.size, (size_t)m.slots * 4};
    m.blob = (hse_bytes){b.data + heads, b.size - (size_t)heads};
    *out = m;
    return HSE_OK;
}

static uint64_t fnv1a(const uint8_t *p, size_t n)
{
    uint64_t h = 0xCBF29CE484222325u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001B3u;
    return h;
}

bool text_map_get(const text_map *map, const void *key, size_t size, hse_bytes *value)
{
    uint32_t mask = map->slots - 1, slot = (uint32_t)fnv1a(key, size) & mask;

    /* A damaged table may have no free place: as many steps as there are entries are enough. */
    for (uint32_t step = 0; step <= map->count; step++, slot = (slot + 1) & mask) {
        uint32_t entry = u32_at(map->slot, slot), from, to;

        if (entry == 0 || entry > map->count)
            return false;
        from = u32_at(map->at, entry - 1);
        to = u32_at(map->at, entry);
        if (from > to || to > map->blob.size)
            return false;
        if (to - from > size && map->blob.data[from + size] == 0 && memcmp(map->blob.data + from, key, size) == 0) {
            if (value)
                *value = (hse_bytes){map->blob.data + from + size + 1, to - from - size - 1};
            return true;
        }
    }
    return false;
}

bool text_map_has(const text_map *map, const void *key, size_t size)
{
    return text_map_get(map, key, size, NULL);
}
