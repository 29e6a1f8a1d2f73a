/* inner.h - shared by the files of the voice store. */
#ifndef HSE_ENGINE_VOICES_INNER_H
#define HSE_ENGINE_VOICES_INNER_H

#include "engine/voices/entry.h"

#include <pthread.h>
#include <sys/stat.h>

struct hse_voice_store {
    pthread_mutex_t lock;                   /* of what follows `dir` */
    char           *dir;                    /* STATE/voices */
    voice_entry    *list;                   /* by name, damaged ones last */
    size_t          count;
    struct stat     seen;                   /* the folder as it was when it was read */
    bool            read, settled, swept;
};

/* dir + sub + "/" + name + suffix; hse_free. */
char      *voice_path(const hse_voice_store *s, const char *sub, const char *name, const char *suffix);
/* Locked: read the folder again where it has changed. */
hse_status voice_store_refresh(hse_voice_store *s, hse_error *err);
const voice_entry *voice_store_find(const hse_voice_store *s, const char *name);        /* locked; valid until the lock is let go */
hse_status voice_store_entry(hse_voice_store *s, const char *name, voice_entry *out, hse_error *err);
/* The writers' lock among processes and threads; the folders are there. */
hse_status voice_store_lock(const hse_voice_store *s, int *fd, hse_error *err);
void       voice_store_unlock(int fd);
hse_status voice_store_write(const hse_voice_store *s, const char *sub, const char *name, const char *suffix, const hse_buf *data,
                             hse_error *err);

#endif
