/* embed.c - POST /v1/embed/speaker: a recording -> the speaker's embedding, base64 of little-endian float32. */
#include "server/api.h"

#include <time.h>

bool api_embed(api_call *c)
{
    const embed_request *body = c->body;
    hse_request r;
    hse_job *job = NULL;
    hse_error err = {0};

    hse_request_init(&r, HSE_JOB_EMBED);
    api_common(c, &r, body->common.model, &body->common);
    bool ok = api_decode(c, &body->input_audio, "input_audio", 0, &r.audio);
    if (ok && (hse_job_open(&job, c->server->engine, &r, &err) != HSE_OK || hse_job_wait(job, &err) != HSE_OK))
        ok = api_engine_error(c, &err, err.status == HSE_E_NOT_FOUND ? "model" : NULL);
    if (ok) {
        const hse_job_result *got = hse_job_result_get(job);
        hse_buf out;
        api_answered_by(c, got->model);
        hse_buf_init(&out, 8u << 20);
        hse_buf_str(&out, "{\"id\":\"embed-");
        hse_buf_printf(&out, "%s\",\"created\":%lld,\"model\":", c->id, (long long)time(NULL));
        api_json_string(&out, got->model, strlen(got->model));
        hse_buf_str(&out, ",\"data\":\"");
        hse_buf_base64(&out, got->embedding, got->embedding_size * sizeof *got->embedding);
        hse_buf_str(&out, "\"}");
        ok = api_answer_json(c, &out);
    }
    hse_job_close(&job);
    return ok;
}
