/* media_pool.h - starts hse-media on demand, hands jobs to it, survives whatever it does.
 *
 * The helper is looked for beside the running program, then in <prefix>/libexec/hse, then where HSE_MEDIA says. It is
 * one keeper process, kept warm, that forks a worker for each job. At most max_decoders decode at once, further callers
 * wait; encoders live as long as an answer and mostly wait for samples, so they are only bounded by MEDIA_MAX_JOBS,
 * beyond which HSE_E_BUSY. A keeper that died is started again with the next job. Thread-safe. */
#ifndef HSE_AUDIO_MEDIA_POOL_H
#define HSE_AUDIO_MEDIA_POOL_H

#include "audio/media_reader.h"

typedef struct hse_media hse_media;

/* program NULL: look for it, each time one is started. max_decoders 0: twice the cores, at least 4. */
hse_status hse_media_open(hse_media **out, const char *program, int max_decoders, hse_error *err);
void hse_media_close(hse_media **m); /* ends the helper and its workers; no job may be under way */
hse_media *hse_media_shared(void);   /* the process's own, never closed; NULL when out of memory */
int hse_media_pid(hse_media *m);     /* the keeper's process id, for statistics; 0 when none runs */

typedef struct {
    hse_media *media;             /* NULL: hse_media_shared() */
    uint64_t deadline_ms;         /* by hse_now_ms */
    bool (*cancelled)(void *arg); /* may be NULL; asked every 50 ms while waiting */
    void *cancel_arg;
} media_patience;

typedef struct {
    hse_media *media;
    media_patience patience;
    uint32_t id;
    int keeper;          /* process id of the keeper that took it */
    bool decodes, heard; /* heard: something was answered */
    int in, out;         /* our ends; -1 when there is none */
    media_reader reader;
} media_job;

/* Start a job. input >= 0: a descriptor to pass (stays the caller's). input -1: a stream socket is made, job->in is our
 * end. *job is large: keep it on the heap. */
hse_status media_job_start(media_job *job, const media_patience *patience, media_request request, int input,
                           const media_events *ev, hse_error *err);

/* Send `size` bytes to the worker while taking its answers; then go on until *until is true (NULL: until the end). */
hse_status media_job_run(media_job *job, const void *data, size_t size, const bool *until, hse_error *err);

/* After a failure: true when the keeper died before it did anything for this job, so that it is worth another try. */
bool media_job_lost(media_job *job);

/* Ends the job, whatever its state. Takes a job whose start failed. */
void media_job_close(media_job *job);

/* A sealed copy of bytes as a descriptor. */
hse_status media_memfd(int *out, hse_bytes bytes, hse_error *err);

#endif
