/* embedding.c - a speaker embedding as a request brings it: float32, or a file of torch.save. What is read is written as such a file
 * and must come back the same. */
#include "base/mem.h"
#include "formats/embedding.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    float *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    hse_error err = {0};
    hse_buf b;

    if (size > 1 << 20 || hse_embedding_read(&x, &n, (hse_bytes){data, size}, "embedding", &err) != HSE_OK)
        return 0;
    hse_buf_init(&b, 4u << 20);
    hse_embedding_write_torch(&b, x, n);
    if (n <= HSE_EMBEDDING_MAX &&
        (b.status != HSE_OK || hse_embedding_read(&y, &m, (hse_bytes){b.data, b.size}, "embedding", &err) != HSE_OK || m != n ||
         memcmp(x, y, n * sizeof *x) != 0))
        abort();
    hse_buf_free(&b);
    hse_free(x);
    hse_free(y);
    return 0;
}
