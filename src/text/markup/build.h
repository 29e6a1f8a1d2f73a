/* build.h - what the readers of this folder put a markup together with. The first failure of a buffer stays and is asked for at the end. */
#ifndef HSE_TEXT_MARKUP_BUILD_H
#define HSE_TEXT_MARKUP_BUILD_H

#include "base/buf.h"
#include "text/markup/markup.h"

typedef struct {
    hse_arena  *arena;
    hse_buf     text, spans;                /* what is finished */
    hse_buf     run;                        /* plain words whose pronunciations are still to be looked up */
    size_t      from;                       /* of the open span in text */
    text_style  style;                      /* its style */
    unsigned    silence_ms;                 /* of all pauses so far */
    bool        marked;
    const char *language;                   /* where the style has none */
    const text_pronunciations *request, *server;
} markup_builder;

const char *markup_language(const markup_builder *b);

void       markup_words(markup_builder *b, const char *text, size_t size);
void       markup_literal(markup_builder *b, const char *text, size_t size);   /* no pronunciation is looked for in it */
void       markup_phones(markup_builder *b, const char *words, size_t size, const char *ipa, size_t ipa_size);
/* The span ends here. HSE_E_LIMIT: too many spans. */
hse_status markup_end_span(markup_builder *b, text_span_end end, hse_error *err);
hse_status markup_pause(markup_builder *b, unsigned ms, hse_error *err);
hse_status markup_set_style(markup_builder *b, const text_style *style, hse_error *err);

/* ssml.c */
hse_status markup_read_ssml(markup_builder *b, const char *text, size_t size, hse_error *err);
/* markup.c */
hse_status markup_read_inline(markup_builder *b, const char *text, size_t size, hse_error *err);

#endif
