/* pack.h - language packs: what a language's front end needs from dictionaries, compiled by scripts/language-data into one
 * file that is mapped and searched where it lies.
 *
 * A pack is little-endian: "HSEPACK1", u32 version of the content's meaning, u32 number of sections, then for each: name (24
 * bytes, zero-padded), u64 offset, u64 size. A section is plain bytes, or a map from keys to values:
 *
 *     u32 count, u32 slots (a power of two), u32 at[count + 1], u32 slot[slots], blob
 *     entry i is blob[at[i] .. at[i + 1]): the key, a 0 byte, the value
 *     slot[h], h = FNV-1a 64 of the key modulo slots, then the next ones: entry + 1, or 0: the key is not there
 *
 * Nothing is believed: every offset is checked where it is used, so a damaged pack gives wrong words, never a crash.
 *
 * The section "about" is JSON: {language, sources (a hash of the scripts that made it), packages: [{name, version, licence}]}.
 *
 * Packs are files DIR/v<TEXT_PACK_VERSION>/<language>.pack. DIR is, in this order: the one that the user names (config,
 * --languages, HSE_LANGUAGES), languages/ beside the program or library (build/languages in a source tree) and
 * <prefix>/share/hse/languages (base/place.h), $XDG_CACHE_HOME/hse/languages.
 *
 * Ownership  text_pack_close; maps and values point into the pack.
 * Threads    read-only once open. */
#ifndef HSE_TEXT_PACK_H
#define HSE_TEXT_PACK_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>

enum { TEXT_PACK_VERSION = 1, TEXT_PACK_SECTIONS = 256, TEXT_PACK_DIRS = 12, TEXT_PACK_PATH = 4096 };

typedef struct text_pack text_pack;

typedef struct {
    hse_bytes at, slot, blob;               /* as above */
    uint32_t  count, slots;
} text_map;

/* HSE_E_NOT_FOUND, HSE_E_FORMAT with the offset; a pack of another version says which command renews it. */
hse_status text_pack_open(text_pack **out, const char *path, hse_error *err);
/* The same over bytes that outlive the pack. */
hse_status text_pack_open_bytes(text_pack **out, hse_bytes file, const char *name, hse_error *err);
void       text_pack_close(text_pack **pack);

hse_bytes  text_pack_bytes(const text_pack *pack, const char *section);        /* {NULL, 0} when it is not there */
/* HSE_E_FORMAT when the section is missing or no map. */
hse_status text_pack_map(text_map *out, const text_pack *pack, const char *section, hse_error *err);

/* The value of a key (which may be empty; it is not zero-terminated);
 * false when it is not there. */
bool text_map_get(const text_map *map, const void *key, size_t size, hse_bytes *value);
bool text_map_has(const text_map *map, const void *key, size_t size);

/* ---- where packs are ---- */

typedef struct {
    const char *code, *name;                /* "en", "English" */
} text_pack_language;

/* The languages that there are packs of; NULL-terminated. */
extern const text_pack_language text_pack_languages[];

typedef struct {
    char  *dir[TEXT_PACK_DIRS];             /* they need not exist: a pack may be made while the program runs */
    size_t count;
} text_pack_dirs;

/* first: looked in before the others, HSE_E_NOT_FOUND when it is no folder; NULL: HSE_LANGUAGES. only: nowhere else. */
hse_status text_pack_dirs_find(text_pack_dirs *out, const char *first, bool only, hse_error *err);
void       text_pack_dirs_free(text_pack_dirs *dirs);

/* The path of a language's pack. HSE_E_NOT_FOUND names the language, the command that makes it, and where was looked. */
hse_status text_pack_find(char path[TEXT_PACK_PATH], const text_pack_dirs *dirs, const text_pack_language *language, hse_error *err);

#endif
