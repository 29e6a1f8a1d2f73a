/* whisper.h - what the adapters of Whisper's golden cases share. */
#ifndef HSE_GOLDEN_FAMILIES_WHISPER_H
#define HSE_GOLDEN_FAMILIES_WHISPER_H

#include "golden/case.h"
#include "models/whisper/pipeline.h"

/* The tokenizer of the case ("model": {"tokenizer": ...}); NULL after golden_fail. */
whisper_tokenizer *golden_whisper_tokenizer(golden_case *c);

/* The outputs compression_ratio and suppressed_tokens of a whisper.rules case (whisper_text.c); the others are given by the
 * adapter of that kind. */
void golden_whisper_text_rules(golden_case *c, const whisper_tokenizer *t);

/* The model of the case ("model": {"checkpoint": ...}) in the type asked for; NULL after golden_fail (whisper_generate.c). */
whisper_model *golden_whisper_model(golden_case *c);

/* "nan", "inf" and "-inf" are strings in JSON. */
json_t *golden_whisper_number(double x);
json_t *golden_whisper_ids(const int32_t *ids, size_t n);

#endif
