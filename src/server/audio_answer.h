/* audio_answer.h - what all routes share whose answer is audio: format, rate, and the way from a job's samples to the client,
 * as HSE's JSON, as bytes, or as events. */
#ifndef HSE_SERVER_AUDIO_ANSWER_H
#define HSE_SERVER_AUDIO_ANSWER_H

#include "audio/encode.h"
#include "audio/quality.h"
#include "server/sse.h"

typedef struct {
    api_call        *call;
    api_stream       wait;          /* api_stream_open'ed by the caller */
    const char      *prefix;        /* of the answer's id: "tts", "vc", "ac" */
    bool             binary;        /* else HSE's JSON */
    bool             sse;
    bool             stream;        /* bytes leave before the last ones are known */
    hse_audio_format format;
    unsigned         rate_hz;       /* asked for; 0: the model's */
    hse_loudness     loudness;
    const char      *model;         /* to name in the answer; NULL: the job's */
    bool             has_seed;
    uint64_t         seed;          /* x-hse-seed */
    size_t           input_tokens;  /* of the usage that ends an event stream */
    bool             has_quality;
    hse_audio_quality quality;      /* of the recording that gave the voice */
} api_audio;

/* response_format and output_options.format name the same thing; `fallback` where there is neither. Also the rate. */
bool api_audio_format(api_audio *a, const char *response_format, const output_options *own, const char *fallback);
/* Does the Accept header ask for bytes (true), for JSON (false), or for neither (fallback)? JSON beside * / * asks for
 * neither: many libraries send that with every request, whatever it is for. So did OpenAI's first SDKs with JSON alone, which are known
 * by their x-stainless-lang. */
bool api_wants_bytes(const api_call *call, bool fallback);
hse_loudness api_loudness(const char *normalize);

/* Attach the answer's waiting to a request that is about to be opened. */
void api_audio_attach(api_audio *a, hse_request *r);
/* Everything the job gives, to the client. Answers always: false with call->error filled when nothing was sent yet. */
bool api_audio_answer(api_audio *a, hse_job *job);
/* Everything the job gives, into memory. */
hse_status api_audio_collect(api_audio *a, hse_job *job, hse_audio *out, hse_error *err);

/* ,"name":{"seconds":...} */
void api_quality_json(hse_buf *out, const char *name, const hse_audio_quality *q);

#endif
