/* pieces.h - a text cut into the pieces that are spoken one by one, as MeloTTS and OpenVoice cut it; and what other ways of
 * cutting share. Text is valid UTF-8; everything lives in the arena. Time is linear in the text. */
#ifndef HSE_TEXT_PIECES_H
#define HSE_TEXT_PIECES_H

#include "base/buf.h"

typedef struct {
    hse_arena   *arena;
    const char **list;
    size_t       count, room;
    bool         no_memory;
} text_pieces;

void text_pieces_add(text_pieces *p, const char *text, size_t size);           /* copied */
/* HSE_E_NOMEM when one was not added. */
hse_status text_pieces_give(const text_pieces *p, const char ***out, size_t *count, hse_error *err);

/* Full-width marks to plain ones. Where there are spaces between words curly quotes, too; brackets and quotes go. */
void text_plain_marks(hse_buf *out, const char *text, size_t size, bool spaced);

/* In words (each space ends one) or characters. */
typedef enum { TEXT_WORDS, TEXT_CHARACTERS } text_unit;

/* Cut behind each of , . ! ? ; and joined again, with spaces, until there are more than ten; a piece of at most two is joined
 * with the next one, a last one with the one before. `spaced`: as above. */
hse_status text_split(text_unit unit, bool spaced, const char *text, size_t size, hse_arena *arena, const char ***out, size_t *count,
                      hse_error *err);

#endif
