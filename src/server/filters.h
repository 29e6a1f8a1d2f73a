/* filters.h - what happens to a recording before a model gets it, and to audio before the client gets it: restoring filters. */
#ifndef HSE_SERVER_FILTERS_H
#define HSE_SERVER_FILTERS_H

#include "server/audio_answer.h"
#include "server/audio_requests.h"

/* Every filter names a model that restores audio, or is refused by name: 400, or 404 where there is no such model. */
bool api_filters_check(api_call *call, const char *field, const schema_list *filters);
/* The audio through filters [0, count), in place. */
bool api_filters_run(api_audio *a, const char *field, const schema_list *filters, size_t count, const common_fields *common,
                     hse_audio *audio);
/* A route's recording: decoded, through pre_processing_filters, at rate_hz (0: its own). As api_decode. */
bool api_filters_decode(api_call *call, const hse_buf *bytes, const char *param, int rate_hz, const schema_list *filters,
                        const common_fields *common, hse_audio *out);
/* A request for filter number i over the audio, which it takes over. */
void api_filter_request(api_audio *a, hse_request *r, const schema_list *filters, size_t i, const common_fields *common,
                        hse_audio *audio);

#endif
