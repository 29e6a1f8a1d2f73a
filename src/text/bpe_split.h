/* bpe_split.h - GPT-2's pattern that cuts a text before its pieces are encoded. Internal to the BPE; for its tests, too. */
#ifndef HSE_TEXT_BPE_SPLIT_H
#define HSE_TEXT_BPE_SPLIT_H

#include <stddef.h>

/* Length in bytes of the first piece of a text that is not empty. */
size_t bpe_piece(const char *text, size_t size);

#endif
