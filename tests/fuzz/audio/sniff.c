/* sniff - the first bytes of anything: the container's name is one of those that are allowed, and none is read past. */
#include "../../../src/media/sniff.c"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char allowed[] = " flac ogg matroska mov wav mp3 aac ";
    const char *why, *name;
    unsigned skip;

    name = sniff(data, (unsigned)(size < 65536 ? size : 65536), &why, &skip);
    if (name && (!strstr(allowed, name) || why))
        abort();
    if (skip && (!name || skip > (1u << 28) + 20))
        abort();
    return 0;
}
