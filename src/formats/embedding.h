/* embedding.h - a speaker embedding as the bytes that programs hand to each other: little-endian float32, or a file of torch.save
 * that holds one tensor (OpenVoice's .pth, also what HSE's API carries for its models). */
#ifndef HSE_FORMATS_EMBEDDING_H
#define HSE_FORMATS_EMBEDDING_H

#include "base/buf.h"
#include "base/bytes.h"

enum { HSE_EMBEDDING_MAX = 65536 };         /* numbers of one embedding at most */

/* Either form, by what the bytes begin with; *out (hse_free) has *count numbers. `name` is used in messages. Numbers are not
 * looked at: whoever uses them says what they must be. */
hse_status hse_embedding_read(float **out, size_t *count, hse_bytes bytes, const char *name, hse_error *err);

/* Append torch.save of a float32 tensor [1, count, 1], the shape of a tone colour. */
void hse_embedding_write_torch(hse_buf *out, const float *values, size_t count);

#endif
