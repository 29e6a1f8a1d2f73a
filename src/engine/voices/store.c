/* store.c - the folder: who may write, what is there, the order of writes that a crash cannot break. */
#include "engine/voices/inner.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    LOCK_WAIT_MS = 10000,                   /* for another process that writes */
    SETTLED_NS = 100000000,                 /* a folder that changed this recently may change again within the clock's tick */
    MAX_FILES = 4 * HSE_VOICES_MAX,         /* looked at in one folder */
    FILE_MAX = VOICE_SAMPLES_MAX * 4 + 4096,
};

/* ---- opening ------------------------------------------------------------------------------------------------------- */

/* The folder that settings.c chooses too when nobody names one. */
static char *default_dir(void)
{
    const char *own = getenv("HSE_STATE"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    hse_buf b;
    size_t n;

    hse_buf_init(&b, 8192);
    if (own && *own)
        hse_buf_str(&b, own);
    else if (xdg && xdg[0] == '/')
        hse_buf_printf(&b, "%s/hse", xdg);
    else if (home && home[0] == '/')
        hse_buf_printf(&b, "%s/.local/state/hse", home);
    else
        hse_buf_str(&b, "/var/lib/hse");
    char *dir = hse_buf_take(&b, &n);
    hse_buf_free(&b);
    return dir;
}

hse_status hse_voice_store_open(hse_voice_store **out, const char *state_dir, hse_error *err)
{
    hse_voice_store *s = hse_calloc(1, sizeof *s);
    char *state = state_dir && *state_dir ? hse_strdup(state_dir) : default_dir();
    size_t room = state ? strlen(state) + 8 : 0;

    if (!s || !state || !(s->dir = hse_alloc(room))) {
        hse_free(s);
        hse_free(state);
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voice store");
    }
    snprintf(s->dir, room, "%s/voices", state);
    hse_free(state);
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return HSE_OK;
}

void hse_voice_store_close(hse_voice_store **store)
{
    hse_voice_store *s = *store;

    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    hse_free(s->list);
    hse_free(s->dir);
    hse_free(s);
    *store = NULL;
}

char *voice_path(const hse_voice_store *s, const char *sub, const char *name, const char *suffix)
{
    hse_buf b;
    size_t n;

    hse_buf_init(&b, 16384);
    hse_buf_printf(&b, "%s%s/%s%s", s->dir, sub, name, suffix);
    char *path = hse_buf_take(&b, &n);
    hse_buf_free(&b);
    return path;
}

static hse_status no_memory(hse_error *err)
{
    return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the voice store");
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const voice_entry *x = a, *y = b;
    bool bad_x = x->info.problem[0] != 0, bad_y = y->info.problem[0] != 0;

    if (bad_x != bad_y)
        return bad_x - bad_y;
    int order = strcmp(x->info.name, y->info.name);
    if (order == 0 && x->info.created_at != y->info.created_at)
        return x->info.created_at < y->info.created_at ? -1 : 1;
    return order ? order : strcmp(x->info.id, y->info.id);
}

static bool known_problem(const hse_voice_store *s, const hse_voice_info *v)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].info.id, v->id) == 0)
            return strcmp(s->list[i].info.problem, v->problem) == 0;
    return false;
}

static void mark_damaged(const hse_voice_store *s, voice_entry *e, const char *id, const char *words)
{
    *e = (voice_entry){0};
    snprintf(e->info.id, sizeof e->info.id, "%s", id);
    snprintf(e->info.problem, sizeof e->info.problem, "%.150s", words);
    if (!known_problem(s, &e->info))
        hse_log(HSE_LOG_WARN, "voices", NULL, "the entry %s cannot be used: %s", id, e->info.problem);
}

/* One entry by its id. Gone meanwhile: HSE_E_NOT_FOUND. Damaged: HSE_OK with a problem. */
static hse_status read_entry(const hse_voice_store *s, voice_entry *e, const char *id, hse_error *err)
{
    char *path = voice_path(s, "", id, ".json"), *text = NULL;
    size_t size = 0;
    hse_error why = {0};

    if (!path)
        return no_memory(err);
    hse_status st = hse_file_read(&text, &size, path, VOICE_ENTRY_MAX, &why);
    if (st == HSE_OK)
        st = voice_entry_read(e, (hse_bytes){(const uint8_t *)text, size}, id, &why);
    hse_free(text);
    hse_free(path);
    if (st == HSE_E_NOMEM)
        return no_memory(err);
    if (st == HSE_E_NOT_FOUND)
        return st;
    if (st == HSE_E_IO)
        mark_damaged(s, e, id, "its file cannot be read");
    else if (st != HSE_OK)
        mark_damaged(s, e, id, why.text);
    return HSE_OK;
}

static hse_status scan(const hse_voice_store *s, hse_buf *found, hse_error *err)
{
    DIR *d = opendir(s->dir);
    hse_status st = HSE_OK;

    if (!d)
        return errno == ENOENT || errno == ENOTDIR ? HSE_OK : errno == ENOMEM ? no_memory(err) : hse_fail_sys(err, errno, "cannot read %s", s->dir);
    for (struct dirent *f; st == HSE_OK && (f = readdir(d));) {
        size_t n = strlen(f->d_name);
        char id[VOICE_ID_SIZE + 1];
        voice_entry e;

        if (n != VOICE_ID_SIZE + 5 || !voice_id_valid(f->d_name, VOICE_ID_SIZE) || strcmp(f->d_name + VOICE_ID_SIZE, ".json") != 0)
            continue;
        if (found->size >= MAX_FILES * sizeof e) {
            st = hse_fail(err, HSE_E_LIMIT, 0, "%s holds more than %d voices", s->dir, MAX_FILES);
            break;
        }
        snprintf(id, sizeof id, "%.22s", f->d_name);
        st = read_entry(s, &e, id, err);
        if (st == HSE_OK)
            hse_buf_append(found, &e, sizeof e);
        else if (st == HSE_E_NOT_FOUND)
            st = HSE_OK;
    }
    closedir(d);
    return st != HSE_OK ? st : hse_buf_status(found, "the list of voices", err);
}

hse_status voice_store_refresh(hse_voice_store *s, hse_error *err)
{
    struct stat st = {0};
    struct timespec now;
    hse_buf found;
    size_t size = 0;

    if (stat(s->dir, &st) != 0 && errno != ENOENT && errno != ENOTDIR)
        return hse_fail_sys(err, errno, "cannot read %s", s->dir);
    if (s->read && s->settled && st.st_ino == s->seen.st_ino && st.st_dev == s->seen.st_dev &&
        st.st_mtim.tv_sec == s->seen.st_mtim.tv_sec && st.st_mtim.tv_nsec == s->seen.st_mtim.tv_nsec)
        return HSE_OK;
    clock_gettime(CLOCK_REALTIME, &now);
    hse_buf_init(&found, MAX_FILES * sizeof(voice_entry));
    hse_status status = scan(s, &found, err);
    if (status != HSE_OK) {
        hse_buf_free(&found);
        return status;
    }
    size_t count = found.size / sizeof(voice_entry);
    voice_entry *list = count ? (voice_entry *)(void *)hse_buf_take(&found, &size) : NULL;
    hse_buf_free(&found);
    if (count && !list)
        return no_memory(err);
    if (count)
        qsort(list, count, sizeof *list, by_name);
    for (size_t i = 1; i < count; i++)      /* put there by hand: the older one keeps the name */
        if (!list[i].info.problem[0] && strcmp(list[i].info.name, list[i - 1].info.name) == 0)
            mark_damaged(s, &list[i], list[i].info.id, "its name is taken by an older entry");
    if (count)
        qsort(list, count, sizeof *list, by_name);
    hse_free(s->list);
    s->list = list;
    s->count = count;
    s->read = true;
    s->seen = st;
    s->settled = (now.tv_sec - st.st_mtim.tv_sec) * 1000000000LL + (now.tv_nsec - st.st_mtim.tv_nsec) > SETTLED_NS;
    return HSE_OK;
}

const voice_entry *voice_store_find(const hse_voice_store *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].info.id, name) == 0 || (!s->list[i].info.problem[0] && strcmp(s->list[i].info.name, name) == 0))
            return &s->list[i];
    return NULL;
}

hse_status voice_store_entry(hse_voice_store *s, const char *name, voice_entry *out, hse_error *err)
{
    pthread_mutex_lock(&s->lock);
    hse_status st = voice_store_refresh(s, err);
    const voice_entry *e = st == HSE_OK ? voice_store_find(s, name) : NULL;
    if (e)
        *out = *e;
    pthread_mutex_unlock(&s->lock);
    if (st == HSE_OK && !e)
        st = hse_fail(err, HSE_E_NOT_FOUND, 0, "no voice \"%.64s\" is stored", name);
    return st;
}

hse_status hse_voice_store_get(hse_voice_store *s, const char *name, hse_voice_info *out, hse_error *err)
{
    voice_entry e;
    hse_status st = voice_store_entry(s, name, &e, err);

    if (st == HSE_OK)
        *out = e.info;
    return st;
}

hse_status hse_voice_store_list(hse_voice_store *s, hse_voice_info **list, size_t *count, hse_error *err)
{
    hse_voice_info *out = NULL;

    pthread_mutex_lock(&s->lock);
    hse_status st = voice_store_refresh(s, err);
    if (st == HSE_OK && !(out = hse_calloc(s->count + 1, sizeof *out)))
        st = no_memory(err);
    for (size_t i = 0; st == HSE_OK && i < s->count; i++)
        out[i] = s->list[i].info;
    if (st == HSE_OK) {
        *list = out;
        *count = s->count;
    }
    pthread_mutex_unlock(&s->lock);
    return st;
}

hse_status hse_voice_store_audio(hse_voice_store *s, const char *name, hse_audio *out, hse_error *err)
{
    voice_entry e;
    hse_map map = {0};
    hse_status st = voice_store_entry(s, name, &e, err);

    if (st != HSE_OK)
        return st;
    if (e.info.problem[0])
        return hse_fail(err, HSE_E_FORMAT, 0, "voice \"%.64s\" cannot be used: %.100s", name, e.info.problem);
    char *path = voice_path(s, "/audio", e.info.id, ".wav");
    if (!path)
        return no_memory(err);
    st = hse_map_open(&map, path, err);
    hse_free(path);
    if (st == HSE_OK)
        st = voice_recording_read(out, map.bytes, &e, err);
    hse_map_close(&map);
    if (st == HSE_OK || st == HSE_E_NOMEM)
        return st;
    /* Removed while it was looked for, or damaged: only the first is gone from the list. */
    hse_log(HSE_LOG_WARN, "voices", NULL, "the recording of %s cannot be used: %s", e.info.id, err ? err->text : "");
    if (voice_store_entry(s, e.info.id, &e, err) == HSE_E_NOT_FOUND)
        return HSE_E_NOT_FOUND;
    return hse_fail(err, HSE_E_FORMAT, 0, "voice \"%.64s\" cannot be used: its recording is missing or damaged", name);
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

/* "Not found" is for voices: a folder that cannot be made is the store's own trouble. */
static hse_status not_made(const char *path, int failed, hse_error *err)
{
    hse_status s = hse_fail_sys(err, failed, "cannot make the folder %s", path);

    if (s != HSE_E_NOT_FOUND)
        return s;
    if (err)
        err->status = HSE_E_IO;
    return HSE_E_IO;
}

/* Every part of the path; what is there stays as it is. */
static hse_status make_folder(char *path, mode_t mode, hse_error *err)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        int failed = mkdir(path, mode) != 0 && errno != EEXIST ? errno : 0;
        *p = '/';
        if (failed)
            return not_made(path, failed, err);
    }
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return not_made(path, errno, err);
    return HSE_OK;
}

static hse_status make_folders(const hse_voice_store *s, hse_error *err)
{
    static const char *const sub[] = {"", "audio", "embeddings"};
    hse_status st = HSE_OK;

    for (size_t i = 0; st == HSE_OK && i < COUNT(sub); i++) {
        char *path = *sub[i] ? voice_path(s, "", sub[i], "") : hse_strdup(s->dir);

        st = path ? make_folder(path, 0700, err) : no_memory(err);      /* recordings of people: for the owner alone */
        hse_free(path);
    }
    return st;
}

hse_status voice_store_lock(const hse_voice_store *s, int *fd, hse_error *err)
{
    char *path = voice_path(s, "", ".lock", "");
    uint64_t until = hse_now_ms() + LOCK_WAIT_MS;

    if (!path)
        return no_memory(err);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    hse_free(path);
    if (*fd < 0)
        return hse_fail_sys(err, errno, "cannot write to the voice store %s", s->dir);
    while (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        int failed = errno;

        if (failed == EINTR)
            continue;
        if (failed == EWOULDBLOCK && hse_now_ms() < until) {
            usleep(2000);
            continue;
        }
        close(*fd);
        *fd = -1;
        return failed == EWOULDBLOCK ? hse_fail(err, HSE_E_IO, 0, "the voice store is locked by another process for more than %d s",
                                                LOCK_WAIT_MS / 1000)
                                     : hse_fail_sys(err, failed, "cannot lock the voice store %s", s->dir);
    }
    return HSE_OK;
}

void voice_store_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Names of files reach the disk with their folder. Where that is not possible the file itself is there all the same. */
static void sync_folder(const hse_voice_store *s, const char *sub)
{
    char *path = voice_path(s, "", sub, "");
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd < 0 || fsync(fd) != 0)
        hse_log(HSE_LOG_DEBUG, "voices", NULL, "a folder of the voice store could not be synced");
    voice_store_unlock(fd);
    hse_free(path);
}

hse_status voice_store_write(const hse_voice_store *s, const char *sub, const char *name, const char *suffix, const hse_buf *data,
                             hse_error *err)
{
    hse_status st = hse_buf_status(data, "a file of the voice store", err);
    char *path = st == HSE_OK ? voice_path(s, sub, name, suffix) : NULL;

    if (st == HSE_OK && !path)
        st = no_memory(err);
    if (st == HSE_OK)
        st = hse_file_write(path, data->data, data->size, err);
    hse_free(path);
    if (st == HSE_OK)
        sync_folder(s, *sub ? sub + 1 : ".");
    return st;
}

/* Unlink what belongs to no entry: half-written files of a crash, recordings and embeddings whose entry never came or is gone. The lock is
 * held, so nobody is writing. */
static void sweep(const hse_voice_store *s, const char *sub)
{
    char *folder = voice_path(s, "", *sub ? sub : ".", "");
    DIR *d = folder ? opendir(folder) : NULL;

    for (struct dirent *f; d && (f = readdir(d));) {
        size_t n = strlen(f->d_name);
        bool part = n > 5 && strcmp(f->d_name + n - 5, ".part") == 0;
        char id[VOICE_ID_SIZE + 1];

        if (f->d_name[0] == '.' || n < VOICE_ID_SIZE || !voice_id_valid(f->d_name, VOICE_ID_SIZE))
            continue;
        snprintf(id, sizeof id, "%.22s", f->d_name);
        if (part || (*sub && !voice_store_find(s, id)))
            unlinkat(dirfd(d), f->d_name, 0);
    }
    if (d)
        closedir(d);
    hse_free(folder);
}

/* Lock, look, and once in a store's life tidy up. */
static hse_status begin_writing(hse_voice_store *s, int *fd, hse_error *err)
{
    hse_status st = make_folders(s, err);

    if (st == HSE_OK)
        st = voice_store_lock(s, fd, err);
    if (st != HSE_OK)
        return st;
    pthread_mutex_lock(&s->lock);
    s->read = false;
    st = voice_store_refresh(s, err);
    if (st == HSE_OK && !s->swept) {
        sweep(s, "");
        sweep(s, "audio");
        sweep(s, "embeddings");
        s->swept = true;
    }
    pthread_mutex_unlock(&s->lock);
    return st;
}

static hse_status check_recording(const hse_audio *a, hse_voice_info *v, hse_error *err)
{
    if (a->n == 0 || !a->samples)
        return hse_fail(err, HSE_E_ARG, 0, "audio_sample has no samples");
    if (a->rate_hz < HSE_RATE_MIN || a->rate_hz > HSE_RATE_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "audio_sample: a rate of %d Hz is not in %d..%d", a->rate_hz, HSE_RATE_MIN, HSE_RATE_MAX);
    if (a->n > VOICE_SAMPLES_MAX || (double)a->n > (double)HSE_VOICE_SECONDS_MAX * a->rate_hz)
        return hse_fail(err, HSE_E_LIMIT, 0, "audio_sample has %.0f s (%zu samples); a voice may have %d s and %d samples",
                        (double)a->n / a->rate_hz, a->n, HSE_VOICE_SECONDS_MAX, VOICE_SAMPLES_MAX);
    size_t bad = hse_audio_first_bad(a->samples, a->n);
    if (bad < a->n)
        return hse_fail(err, HSE_E_ARG, bad, "audio_sample: sample %zu is not a finite number in range", bad);
    hse_status st = hse_audio_quality_of(&v->quality, a, err);
    if (st == HSE_OK && v->quality.speech_seconds <= 0)
        st = hse_fail(err, HSE_E_ARG, 0, "audio_sample: there is no speech in it");
    return st;
}

/* Locked by begin_writing. */
static hse_status write_voice(hse_voice_store *s, voice_entry *e, const hse_audio *a, hse_error *err)
{
    uint8_t random[8];
    hse_buf wav, json;
    bool taken, full;

    pthread_mutex_lock(&s->lock);
    taken = voice_store_find(s, e->info.name) != NULL;
    full = s->count >= HSE_VOICES_MAX;
    pthread_mutex_unlock(&s->lock);
    if (taken)
        return hse_fail(err, HSE_E_BUSY, 0, "name: there is a voice \"%s\" already; remove it first or choose another name", e->info.name);
    if (full)
        return hse_fail(err, HSE_E_LIMIT, 0, "the voice store holds %d voices, which is the most", HSE_VOICES_MAX);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return hse_fail_sys(err, errno, "no random numbers for a new voice");
    snprintf(e->info.id, sizeof e->info.id, "voice_%016llx", (unsigned long long)hse_get_u64le(random));
    e->checksum = voice_checksum(a->samples, a->n);
    e->samples = a->n;
    hse_buf_init(&wav, FILE_MAX);
    hse_buf_init(&json, VOICE_ENTRY_MAX);
    voice_recording_write(&wav, a);
    voice_entry_write(&json, e);
    hse_status st = voice_store_write(s, "/audio", e->info.id, ".wav", &wav, err);
    if (st == HSE_OK)
        st = voice_store_write(s, "", e->info.id, ".json", &json, err);    /* from here on it exists */
    if (st != HSE_OK) {
        char *path = voice_path(s, "/audio", e->info.id, ".wav");
        if (path)
            unlink(path);
        hse_free(path);
    }
    hse_buf_free(&wav);
    hse_buf_free(&json);
    return st;
}

hse_status hse_voice_store_add(hse_voice_store *s, const char *name, const char *consent, const hse_audio *a, hse_voice_info *out,
                               hse_error *err)
{
    voice_entry e = {.info = {.created_at = (int64_t)time(NULL), .rate_hz = a->rate_hz}};
    int fd = -1;
    hse_status st = voice_name_check(name ? name : "", err);

    if (st != HSE_OK)
        return st;
    if (consent && strlen(consent) > HSE_VOICE_CONSENT_MAX)
        return hse_fail(err, HSE_E_ARG, 0, "consent has %zu bytes; at most %d are kept", strlen(consent), HSE_VOICE_CONSENT_MAX);
    snprintf(e.info.name, sizeof e.info.name, "%s", name);
    snprintf(e.info.consent, sizeof e.info.consent, "%s", consent ? consent : "");
    st = check_recording(a, &e.info, err);
    if (st == HSE_OK)
        st = begin_writing(s, &fd, err);
    if (st == HSE_OK)
        st = write_voice(s, &e, a, err);
    voice_store_unlock(fd);
    if (st == HSE_OK)
        hse_log(HSE_LOG_INFO, "voices", NULL, "stored the voice \"%s\" as %s", e.info.name, e.info.id);
    if (st == HSE_OK && out)
        *out = e.info;
    return st;
}

static void drop_files(const hse_voice_store *s, const char *id)
{
    char *entry = voice_path(s, "", id, ".json"), *wav = voice_path(s, "/audio", id, ".wav"), *folder = voice_path(s, "", "embeddings", "");
    DIR *d = folder ? opendir(folder) : NULL;

    if (entry)
        unlink(entry);
    sync_folder(s, ".");                    /* gone for good before its parts go */
    if (wav)
        unlink(wav);
    for (struct dirent *f; d && (f = readdir(d));)
        if (strncmp(f->d_name, id, VOICE_ID_SIZE) == 0)
            unlinkat(dirfd(d), f->d_name, 0);
    if (d)
        closedir(d);
    hse_free(entry);
    hse_free(wav);
    hse_free(folder);
}

hse_status hse_voice_store_remove(hse_voice_store *s, const char *name, hse_voice_info *out, hse_error *err)
{
    voice_entry e;
    int fd = -1;
    hse_status st = voice_store_entry(s, name, &e, err);        /* no folder is made to find nothing in it */

    if (st != HSE_OK)
        return st;
    st = begin_writing(s, &fd, err);
    if (st == HSE_OK)
        st = voice_store_entry(s, name, &e, err);
    if (st == HSE_OK) {
        drop_files(s, e.info.id);
        pthread_mutex_lock(&s->lock);
        s->read = false;
        pthread_mutex_unlock(&s->lock);
        hse_log(HSE_LOG_INFO, "voices", NULL, "removed the voice \"%s\" (%s)", e.info.name, e.info.id);
    }
    voice_store_unlock(fd);
    if (st == HSE_OK && out)
        *out = e.info;
    return st;
}
