/* place.h - where the program's own data lie: a folder of a known name near the program, near the library, below the prefix. */
#ifndef HSE_BASE_PLACE_H
#define HSE_BASE_PLACE_H

enum { HSE_PLACE_BYTES = 4096 };            /* the longest path that is looked at */

/* Every folder that `name` ("models", "languages") could be, in the order in which they count: of a source tree and of an
 * installed one, as seen from the program and from the library, then <prefix>/share/hse/<name>. They need not exist, and one
 * may be given twice. */
void hse_places(const char *name, void (*each)(void *user, const char *path), void *user);

#endif
