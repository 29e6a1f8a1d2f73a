/* embed.c - POST /v1/embed/speaker: a recording -> the speaker's embedding in base64, as HSE has it for the model: little-endian
 * float32, or a file of torch.save; what the recording is worth; and how much it sounds like a second voice. */
#include "server/filters.h"
#include "server/hearing.h"
#include "server/voice.h"

#include "base/mem.h"
#include "formats/embedding.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

typedef struct {
    api_call            *call;
    const embed_request *body;
    float               *values, *other;    /* the embedding; that of the second voice */
    size_t               count, other_count;
    char                 model[128];
    bool                 torch;             /* how this model's embeddings travel */
    hse_audio_quality    quality;
} embedding;

/* Run one embed job over the audio, which is taken over. hearing: where its speech is. */
static bool run(embedding *e, const char *model, hse_audio *audio, const hse_request *hearing, const char *param, float **out,
                size_t *count)
{
    api_call *c = e->call;
    hse_request r;
    hse_job *job = NULL;
    hse_error err = {0};
    bool ok = true;

    hse_request_init(&r, HSE_JOB_EMBED);
    api_common(c, &r, model, &e->body->common);
    r.audio = *audio;
    r.finder = hearing->finder;
    r.said = hearing->said;
    r.said_count = hearing->said_count;
    r.has_said = hearing->has_said;
    *audio = (hse_audio){0};
    if (hse_job_open(&job, c->server->engine, &r, &err) != HSE_OK || hse_job_wait(job, &err) != HSE_OK) {
        ok = api_engine_error(c, &err, err.status == HSE_E_ARG ? param : NULL);
    } else {
        const hse_job_result *got = hse_job_result_get(job);

        *count = got->embedding_size;
        *out = hse_alloc(*count * sizeof **out + 1);
        if (*out)
            memcpy(*out, got->embedding, *count * sizeof **out);
        else
            ok = api_fail(&c->error, 500, NULL, "not enough memory for this request");
        e->torch = got->embedding_is_torch;
        snprintf(e->model, sizeof e->model, "%s", got->model);
        api_answered_by(c, got->model);
    }
    hse_job_close(&job);
    return ok;
}

/* The second voice: a recording, an embedding, or a stored one. */
static bool embed_other(embedding *e)
{
    const embed_request *b = e->body;
    api_call *c = e->call;
    hse_audio audio = {0};
    hse_error err = {0};
    int given = (b->reference_audio.size != 0) + (b->reference_embedding.size != 0) + (b->reference_voice && *b->reference_voice);

    if (given == 0)
        return true;
    if (given > 1)
        return api_fail(&c->error, 400, "reference_audio", "reference_audio, reference_embedding and reference_voice exclude each other: "
                        "there is one voice to compare with");
    if (b->reference_embedding.size) {
        if (!api_embedding(c, &b->reference_embedding, "reference_embedding", &e->other, &e->other_count))
            return false;
        return e->other_count == e->count || api_fail(&c->error, 400, "reference_embedding", "reference_embedding has %zu numbers, this model's have %zu",
                                                      e->other_count, e->count);
    }
    if (b->reference_audio.size) {
        if (!api_filters_decode(c, &b->reference_audio, "reference_audio", 0, &b->pre_filters, &b->common, &audio))
            return false;
    } else if (hse_voice_store_audio(c->server->voices, b->reference_voice, &audio, &err) != HSE_OK) {
        api_engine_error(c, &err, "reference_voice");
        if (err.status == HSE_E_NOT_FOUND)
            c->error.code = "voice_not_found";
        return false;
    }
    return run(e, e->model, &audio, &(hse_request){.said = NULL}, b->reference_audio.size ? "reference_audio" : "reference_voice", &e->other, &e->other_count);
}

/* In the form in which HSE's clients have the model's embeddings. */
static void put_values(hse_buf *out, const embedding *e)
{
    hse_buf file;

    hse_buf_init(&file, 1u << 20);
    if (e->torch)
        hse_embedding_write_torch(&file, e->values, e->count);
    else
        hse_buf_append(&file, e->values, e->count * sizeof *e->values);
    if (file.status == HSE_OK)
        hse_buf_base64(out, file.data, file.size);
    else if (out->status == HSE_OK)
        out->status = file.status;
    hse_buf_free(&file);
}

static bool answer(embedding *e)
{
    hse_buf out;

    hse_buf_init(&out, 8u << 20);
    hse_buf_printf(&out, "{\"id\":\"embed-%s\",\"created\":%lld,\"model\":", e->call->id, (long long)time(NULL));
    hse_buf_json(&out, e->model, strlen(e->model));
    hse_buf_str(&out, ",\"data\":\"");
    put_values(&out, e);
    hse_buf_byte(&out, '"');
    api_quality_json(&out, "quality", &e->quality);
    if (e->other) {
        double like = hse_embedding_similarity(e->values, e->count, e->other, e->other_count);

        if (isfinite(like))
            hse_buf_printf(&out, ",\"similarity\":%.6f", like);
        else
            hse_buf_str(&out, ",\"similarity\":null");
    }
    hse_buf_byte(&out, '}');
    return api_answer_json(e->call, &out);
}

bool api_embed(api_call *c)
{
    embedding e = {.call = c, .body = c->body};
    api_hearing hearing = {.root = NULL};
    hse_request heard = {.said = NULL};
    hse_audio audio = {0};
    hse_error err = {0};
    bool ok = api_filters_decode(c, &e.body->input_audio, "input_audio", 0, &e.body->pre_filters, &e.body->common, &audio);

    if (ok && audio.n && hse_audio_first_bad(audio.samples, audio.n) == audio.n && hse_audio_quality_of(&e.quality, &audio, &err) != HSE_OK)
        ok = api_engine_error(c, &err, NULL);
    ok = ok && api_hearing_choose(c, e.body->vad_mode, e.body->vad_data, &audio, &heard, &hearing) &&
         run(&e, e.body->common.model, &audio, &heard, "input_audio", &e.values, &e.count) && embed_other(&e) && answer(&e);
    api_hearing_free(&hearing);
    hse_audio_free(&audio);
    hse_free(e.values);
    hse_free(e.other);
    return ok;
}
