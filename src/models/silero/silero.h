/* silero.h - Silero VAD: one speech probability per chunk of 512 samples at 16 kHz, or 256 at 8 kHz.
 *
 * One chunk takes some 10 microseconds, so there are no threads, no arena and no tensors in here: the layers are packed by
 * the binder and run on the kernels directly, on a scratch block that is as large as the chunks that go in together. The
 * spectrum and the convolutions of many chunks are one batch; only the LSTM goes chunk by chunk. A chunk's bits do not
 * depend on how many go in together.
 *
 * Ownership  silero_open gives a model, read-only and shared by all threads. Scratch and streams belong to one thread.
 * Precision  always float32: the network is so small that reduced weights win nothing. */
#ifndef HSE_MODELS_SILERO_SILERO_H
#define HSE_MODELS_SILERO_SILERO_H

#include "kernels/kernels.h"
#include "formats/weights.h"

typedef struct silero silero;
typedef struct silero_net silero_net;               /* the weights for one rate */
typedef struct silero_scratch silero_scratch;
typedef struct silero_stream silero_stream;

/* silero_vad.onnx (two rates in the branches of one If), silero_vad_16k.safetensors, silero_vad_v6.onnx (faster-whisper's). */
hse_status silero_open(silero **out, const hse_weights *weights, const char *name, const hse_kernels *kernels, hse_error *err);
void       silero_close(silero **m);
size_t     silero_bytes(const silero *m);
const silero_net *silero_at(const silero *m, unsigned rate_hz);     /* NULL: the file has no weights for this rate */

int silero_chunk(const silero_net *net);            /* samples of a chunk: 512 */
int silero_context(const silero_net *net);          /* samples of the chunk before that stand in front of it: 64 */
int silero_hidden(const silero_net *net);           /* width of h and of c: 128 */

hse_status silero_scratch_open(silero_scratch **out, const silero_net *net, int chunks, hse_error *err);
void       silero_scratch_close(silero_scratch **w);

/* The next n chunks of one stream; n is at most the scratch's chunks. Input i is context + chunk samples at input + i * step.
 * h and c are updated. No allocation, nothing can fail. */
void silero_run(const silero_net *net, silero_scratch *w, const float *input, size_t step, int n, float *h, float *c, float *probs);

/* What the last run of one chunk computed on its way, channels first as upstream has it, for comparison with it. out has
 * room for silero_stage_size floats. */
typedef enum {
    SILERO_PADDED, SILERO_MAGNITUDE, SILERO_CONV1, SILERO_CONV2, SILERO_CONV3, SILERO_CONV4, SILERO_STAGES
} silero_stage;
int  silero_stage_size(const silero_net *net, silero_stage stage);
void silero_stage_read(const silero_net *net, const silero_scratch *w, silero_stage stage, float *out);

/* A whole recording from a zero state: silero_chunks(net, n) probabilities; the last chunk is padded with zeros. h, c and
 * context, where not NULL, get the state after the last chunk. each, where not NULL, is called after every chunk. */
size_t silero_chunks(const silero_net *net, size_t n);
typedef void silero_each(void *user, size_t chunk, float prob, const float *h, const float *c);
hse_status silero_file(const silero_net *net, const float *samples, size_t n, float *probs, float *h, float *c, float *context,
                       silero_each *each, void *user, hse_error *err);
typedef bool silero_stop(void *user);               /* asked every few milliseconds; true: give up */

/* A recording part by part: the state goes from call to call. `count` chunks; of their samples the first `usable` are there, the
 * rest reads as zeros. False when stop (may be NULL) said so. */
typedef struct silero_reader silero_reader;
hse_status silero_reader_open(silero_reader **out, const silero_net *net, hse_error *err);
void       silero_reader_close(silero_reader **r);
void       silero_reader_reset(silero_reader *r, const silero_net *net);       /* at the beginning again */
bool       silero_reader_run(silero_reader *r, const silero_net *net, const float *samples, size_t usable, size_t count, float *probs,
                             silero_stop *stop, void *user);
/* The same as faster-whisper does it: the recording is padded to the next multiple of the chunk (by a whole chunk where it is
 * one), and the last `context` samples of the padded audio are zeros. silero_fw_chunks probabilities. */
size_t silero_fw_chunks(const silero_net *net, size_t n);
hse_status silero_fw_file(const silero_net *net, const float *samples, size_t n, float *probs, hse_error *err);

/* The streaming wrapper: `batch` streams in step, reset when the batch or the rate changes. A rate of 16000 k is decimated by
 * taking every k-th sample. HSE_E_ARG for a chunk that is too short, of another size, or of another rate. x is
 * [batch][samples], probs [batch]. */
enum { SILERO_MAX_BATCH = 4096 };
hse_status silero_stream_open(silero_stream **out, const silero *m, hse_error *err);
void       silero_stream_close(silero_stream **s);
void       silero_stream_reset(silero_stream *s);
hse_status silero_stream_run(silero_stream *s, const float *x, int batch, size_t samples, unsigned rate_hz, float *probs, hse_error *err);

#endif
