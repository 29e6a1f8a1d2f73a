#include "models/parts.h"

#include "base/mem.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct hse_part {
    hse_part            *next;
    hse_parts           *parts;             /* NULL: on no shelf */
    const hse_part_type *type;
    char                *dir;               /* where symbolic links lead */
    pthread_mutex_t      opening;
    void                *object;            /* NULL: not open yet */
    unsigned             users;             /* under the shelf's lock: who has it, and who waits for it */
};

struct hse_parts {
    pthread_mutex_t lock;
    hse_part       *first;
};

hse_status hse_parts_open(hse_parts **out, hse_error *err)
{
    hse_parts *p = hse_calloc(1, sizeof *p);

    if (!p)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the parts of models");
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return HSE_OK;
}

void hse_parts_close(hse_parts **parts)
{
    if (!*parts)
        return;
    pthread_mutex_destroy(&(*parts)->lock);
    hse_free(*parts);
    *parts = NULL;
}

static void part_free(hse_part *p)
{
    if (p->object)
        p->type->close(p->object);
    pthread_mutex_destroy(&p->opening);
    hse_free(p->dir);
    hse_free(p);
}

static hse_part *part_new(const hse_part_type *type, const char *dir, hse_error *err)
{
    char real[PATH_MAX];
    hse_part *p = hse_calloc(1, sizeof *p);

    if (!p || !(p->dir = hse_strdup(realpath(dir, real) ? real : dir))) {
        hse_free(p);
        hse_fail(err, HSE_E_NOMEM, 0, "no memory for a part of a model");
        return NULL;
    }
    p->type = type;
    p->users = 1;
    pthread_mutex_init(&p->opening, NULL);
    return p;
}

/* The one on the shelf that is the same, or this one, which stands there now. */
static hse_part *shelve(hse_parts *parts, hse_part *p)
{
    hse_part *same;

    pthread_mutex_lock(&parts->lock);
    for (same = parts->first; same && (strcmp(same->type->what, p->type->what) != 0 || strcmp(same->dir, p->dir) != 0);)
        same = same->next;
    if (same) {
        same->users++;
    } else {
        p->parts = parts;
        p->next = parts->first;
        parts->first = p;
    }
    pthread_mutex_unlock(&parts->lock);
    if (!same)
        return p;
    part_free(p);
    return same;
}

hse_status hse_part_take(hse_part **out, hse_parts *parts, const hse_part_type *type, const char *dir, const void *how, hse_error *err)
{
    hse_part *p = part_new(type, dir, err);
    hse_status s = HSE_OK;

    if (!p)
        return HSE_E_NOMEM;
    if (parts)
        p = shelve(parts, p);
    pthread_mutex_lock(&p->opening);
    if (!p->object)
        s = type->open(&p->object, how, err);
    pthread_mutex_unlock(&p->opening);
    if (s != HSE_OK)
        hse_part_leave(&p);
    else
        *out = p;
    return s;
}

void *hse_part_object(const hse_part *part)
{
    return part->object;
}

void hse_part_leave(hse_part **part)
{
    hse_part *p = *part;
    hse_part **at;
    bool last = true;

    if (!p)
        return;
    *part = NULL;
    if (p->parts) {
        pthread_mutex_lock(&p->parts->lock);
        if ((last = --p->users == 0)) {
            for (at = &p->parts->first; *at != p;)
                at = &(*at)->next;
            *at = p->next;
        }
        pthread_mutex_unlock(&p->parts->lock);
    }
    if (last)
        part_free(p);
}
