/* hearing.h - from input_vad_mode and input_vad_data to what the engine takes: which model finds speech in the recording that gives
 * a voice, or where it is. */
#ifndef HSE_SERVER_HEARING_H
#define HSE_SERVER_HEARING_H

#include "server/api.h"

/* What the request points to; zeroed before, freed after the job was opened. */
typedef struct {
    char                    finder[256];
    hse_transcript_segment *said;
    json_t                 *root;
} api_hearing;

/* mode: "silero", "whisper", a model of /v1/audio/vad/models; NULL, "" and "none": none. data: the JSON text of what a detector or a
 * recogniser has answered. `audio` is the recording, which is not looked at. */
bool api_hearing_choose(api_call *call, const char *mode, const char *data, const hse_audio *audio, hse_request *r, api_hearing *out);
void api_hearing_free(api_hearing *h);

#endif
