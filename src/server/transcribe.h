/* transcribe.h - a transcription while it is served: transcribe.c takes the request apart, transcript.c writes its answers. */
#ifndef HSE_SERVER_TRANSCRIBE_H
#define HSE_SERVER_TRANSCRIBE_H

#include "server/audio_requests.h"
#include "server/sse.h"

typedef enum { TRANSCRIPT_JSON, TRANSCRIPT_TEXT, TRANSCRIPT_SRT, TRANSCRIPT_VTT, TRANSCRIPT_VERBOSE, TRANSCRIPT_HSE } transcript_form;

typedef struct {
    api_call                 *call;
    const transcribe_request *body;
    hse_request               request;
    api_stream                wait;
    bool                      hse, translate;           /* HSE's form; the route of translations */
    transcript_form           format;
    bool                      stream, logprobs, words, segments;
    const char              **languages;
    int32_t                  *suppress;
    hse_buf                   hotwords, list;           /* list: hse_transcript_segment */
    hse_buf                   text, all_logprobs;       /* of a stream, so far */
    hse_transcript            whole;
    const char               *model;
} transcription;

bool api_transcribe(api_call *call);
bool api_translate(api_call *call);

/* The whole answer; takes care of errors. */
bool       transcript_answer(transcription *t);
/* Events: a segment's text; the end. */
hse_status transcript_delta(transcription *t, const hse_transcript_segment *segment, hse_error *err);
hse_status transcript_done(transcription *t, hse_error *err);

#endif
