/* transcribe_files.c - the recordings that hse transcribe was given, several under way at once, so that their windows share
 * batches. What they print comes in the order in which they were named: text of the one whose turn it is as it is known, that of
 * others when it is their turn. */
#include "cli/transcribe.h"

#include "audio/decode.h"
#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RATE = 16000,                           /* what recognisers hear; decoded to it at once, a recording takes less memory */
    MOST_HELD = 512 << 20,                  /* bytes of recordings: beyond, the next is not read yet */
};

typedef struct {
    cli_transcript_out out;
    double             share, seconds;      /* of it that is done; how long it is, when it is done */
    bool               begun, titled, done;
    hse_status         status;
    hse_error          err;
} recording;

/* What is printed and how far everything is belongs to who has the lock. */
typedef struct {
    const cli_transcribe *t;
    hse_engine           *engine;
    const cli_remote     *remote;           /* NULL: in this process */
    pthread_mutex_t       lock;
    pthread_cond_t        room;
    recording            *list;
    int                   n, next, turn;
    size_t                held;
    cli_progress          progress;
    int                   status;           /* the program's */
} queue;

static const char *path_of(const queue *q, int i)
{
    return q->t->args->operands[i];
}

/* ---- what is shown (locked) ---------------------------------------------------------------------------------------- */

static void draw(queue *q)
{
    double done = q->turn;

    for (int i = q->turn; i < q->next; i++)
        done += q->list[i].done ? 1 : q->list[i].share;
    cli_progress_step(&q->progress, done);
}

static void say_failure(queue *q, int i)
{
    recording *r = &q->list[i];
    const char *path = path_of(q, i);

    if (r->status == HSE_E_CANCELLED && q->status != CLI_OK)
        return;                             /* said once */
    cli_name_file(&r->err, "file", path);
    if (strcmp(path, "-") != 0 && !strstr(r->err.text, path))
        hse_fail_in(&r->err, r->status, "%s", path);
    q->status = cli_fail(&r->err);
}

/* From whose turn it is on, as far as they are done. */
static void print_in_turn(queue *q)
{
    for (; q->turn < q->n && q->list[q->turn].begun; q->turn++) {
        recording *r = &q->list[q->turn];

        cli_progress_end(&q->progress);
        if (!r->titled && q->n > 1 && !q->t->style.output)
            printf("%s:\n", path_of(q, q->turn));
        r->titled = true;
        hse_status s = cli_transcript_release(&r->out, r->status == HSE_OK ? &r->err : NULL);
        r->status = r->status == HSE_OK ? s : r->status;
        if (!r->done)
            return;
        if (r->status != HSE_OK)
            say_failure(q, q->turn);
        cli_transcript_close(&r->out);
    }
}

/* ---- one recording ------------------------------------------------------------------------------------------------- */

typedef struct {
    queue         *q;
    recording     *r;
    double         seconds;
    hse_transcript so_far;
    char           language[32];
    hse_status     status;
} hearing;

static int take_segment(void *user, const hse_transcript_segment *segment, const hse_transcript *so_far)
{
    hearing *h = user;

    pthread_mutex_lock(&h->q->lock);
    cli_progress_end(&h->q->progress);      /* the bar's line, if text goes to the same terminal */
    h->status = cli_transcript_segment(&h->r->out, segment, &h->r->err);
    h->r->share = fmin(segment->end / h->seconds, 1);
    draw(h->q);
    pthread_mutex_unlock(&h->q->lock);
    h->so_far = *so_far;
    h->so_far.segments = NULL;
    h->so_far.segment_count = 0;
    h->so_far.languages = NULL;
    h->so_far.language_count = 0;
    if (so_far->language) {                 /* valid during this call only */
        snprintf(h->language, sizeof h->language, "%s", so_far->language);
        h->so_far.language = h->language;
    }
    return h->status != HSE_OK;
}

/* In memory, as one thing with its place among what is held. */
static hse_status read_recording(queue *q, hse_audio *audio, const char *path, hse_error *err)
{
    pthread_mutex_lock(&q->lock);
    while (q->held > MOST_HELD && !cli_cancelled())     /* by others, who give it back */
        pthread_cond_wait(&q->room, &q->lock);
    pthread_mutex_unlock(&q->lock);
    hse_status s = hse_audio_decode_file(audio, path, &(hse_decode_options){.rate_hz = RATE}, err);
    if (s == HSE_OK && !audio->n)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s has no samples", path);
    pthread_mutex_lock(&q->lock);
    q->held += audio->n * sizeof *audio->samples;
    pthread_mutex_unlock(&q->lock);
    return s;
}

static void give_back(queue *q, hse_audio *audio)
{
    pthread_mutex_lock(&q->lock);
    q->held -= audio->n * sizeof *audio->samples;
    pthread_cond_broadcast(&q->room);
    pthread_mutex_unlock(&q->lock);
    hse_audio_free(audio);
}

static hse_status hear_samples(queue *q, recording *r, const hse_audio *audio, hse_error *err)
{
    double seconds = (double)audio->n / audio->rate_hz;
    hearing h = {.q = q, .r = r, .seconds = seconds,
                 .so_far = {.language = q->t->options.language, .duration = seconds, .duration_after_vad = seconds}};
    hse_status s = hse_transcribe_stream(q->engine, audio->samples, audio->n, (unsigned)audio->rate_hz, &q->t->options, take_segment, &h, err);

    pthread_mutex_lock(&q->lock);
    if (s != HSE_OK && h.status != HSE_OK) {            /* what could not be printed ended it */
        *err = r->err;
        s = h.status;
    }
    cli_progress_end(&q->progress);
    if (s == HSE_OK)
        s = cli_transcript_end(&r->out, &h.so_far, err);
    r->seconds = s == HSE_OK ? seconds : 0;
    pthread_mutex_unlock(&q->lock);
    return s;
}

static hse_status hear_file(queue *q, recording *r, const char *path, hse_error *err)
{
    hse_audio audio = {0};
    hse_status s = read_recording(q, &audio, path, err);

    if (s == HSE_OK)
        s = hear_samples(q, r, &audio, err);
    give_back(q, &audio);
    return s;
}

static hse_status hear_remotely(queue *q, recording *r, const char *path, hse_error *err)
{
    cli_transcript_json answer = {0};
    const hse_transcript *t = &answer.transcript;
    hse_status s = cli_transcribe_remote(q->t, q->remote, path, &answer, err);

    pthread_mutex_lock(&q->lock);
    if (s == HSE_OK)
        cli_progress_end(&q->progress);
    for (size_t i = 0; i < t->segment_count && s == HSE_OK; i++)
        s = cli_transcript_segment(&r->out, &t->segments[i], err);
    if (s == HSE_OK)
        s = cli_transcript_end(&r->out, t, err);
    pthread_mutex_unlock(&q->lock);
    r->seconds = t->duration;
    cli_transcript_json_free(&answer);
    return s;
}

/* A pipe is heard while it runs; a file that stands there (hse transcribe - < x.mp3) is read as one. */
static hse_status hear_stdin(queue *q, recording *r, hse_error *err)
{
    struct stat st;
    hse_audio audio = {0};
    hse_buf bytes;
    bool whole = false;
    unsigned raw = cli_given(q->t->args, "raw") ? (unsigned)cli_int(q->t->args, "raw") : 0;

    if (!raw && fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
        return hear_file(q, r, "-", err);
    hse_status s = cli_transcribe_live(q->t, q->engine, raw, &r->out, &r->seconds, &whole, &bytes, err);
    if (s == HSE_OK && whole) {
        hse_audio_source source = hse_source_bytes((hse_bytes){bytes.data, bytes.size});
        s = hse_audio_decode(&audio, &source, &(hse_decode_options){.rate_hz = RATE}, err);
        if (s == HSE_OK && !audio.n)
            s = hse_fail(err, HSE_E_FORMAT, 0, "standard input has no samples");
        if (s == HSE_OK)
            s = hear_samples(q, r, &audio, err);
        hse_audio_free(&audio);
    }
    hse_buf_free(&bytes);
    return s;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static void *work(void *arg)
{
    queue *q = arg;

    pthread_mutex_lock(&q->lock);
    while (q->next < q->n && !cli_cancelled()) {
        recording *r = &q->list[q->next];
        const char *path = path_of(q, q->next++);
        hse_error err = {0};

        cli_transcript_begin(&r->out, &q->t->style, path, stdout);
        r->out.held = true;
        r->begun = true;
        print_in_turn(q);
        pthread_mutex_unlock(&q->lock);
        hse_status s = q->remote               ? hear_remotely(q, r, path, &err)
                       : strcmp(path, "-") == 0 ? hear_stdin(q, r, &err)
                                                : hear_file(q, r, path, &err);
        pthread_mutex_lock(&q->lock);
        r->status = s;
        r->err = err;
        r->done = true;
        print_in_turn(q);
        draw(q);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static void work_together(queue *q, int jobs)
{
    pthread_t thread[CLI_MOST_AT_ONCE];
    int started = 0;

    while (started < jobs - 1 && pthread_create(&thread[started], NULL, work, q) == 0)      /* fewer, where there are no more */
        started++;
    work(q);
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
}

int cli_transcribe_files(cli_transcribe *t, hse_engine *engine, const cli_remote *remote, int at_once)
{
    queue q = {.t = t, .engine = engine, .remote = remote, .n = t->args->n_operands};
    char what[40];

    if (!(q.list = hse_calloc((size_t)q.n, sizeof *q.list)))
        return cli_fail_text("no memory for %d recordings", q.n);
    pthread_mutex_init(&q.lock, NULL);
    pthread_cond_init(&q.room, NULL);
    const char *base = strrchr(path_of(&q, 0), '/');
    snprintf(what, sizeof what, "%d recordings", q.n);
    cli_progress_start(&q.progress, q.n > 1 ? what : base ? base + 1 : path_of(&q, 0), q.n);
    work_together(&q, at_once < q.n ? at_once : q.n);
    cli_progress_end(&q.progress);
    for (int i = 0; i < q.n; i++)
        t->done_s += q.list[i].seconds;
    pthread_cond_destroy(&q.room);
    pthread_mutex_destroy(&q.lock);
    hse_free(q.list);
    return q.status;
}
