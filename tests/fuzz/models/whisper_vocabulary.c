/* whisper_vocabulary.c - the files of a vocabulary. The first byte says which: T tokenizer.json, V vocab.json, M merges.txt
 * (over a small vocab.json), A added_tokens.json, L CTranslate2's list, K tiktoken. What opens is used. */
#include "base/mem.h"
#include "models/whisper/vocabulary.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static hse_status read_input(vocabulary *v, uint8_t kind, hse_bytes text, hse_error *err)
{
    static const char small[] = "{\"a\":0,\"b\":1,\"\xC4\xA0\":2,\"t\":3,\"aa\":4,\"ab\":5,\"\xC4\xA0t\":6,\"aab\":7}";
    hse_bytes vocab = {(const uint8_t *)small, sizeof small - 1};

    switch (kind) {
    case 'T': return vocabulary_tokenizer_json(v, text, err);
    case 'V': return vocabulary_vocab_json(v, text, err);
    case 'A': return vocabulary_added_json(v, text, err);
    case 'K': return vocabulary_tiktoken(v, text, err);
    case 'M':
        must(vocabulary_vocab_json(v, vocab, err) == HSE_OK);
        return vocabulary_merges_txt(v, text, err);
    default: return vocabulary_list(v, text, err);
    }
}

static void use(const whisper_tokenizer *t)
{
    static const char text[] = "  the aab <|en|><|0.00|> \xC3\xA9\xFF \xE2\x99\xAA";
    const whisper_special *sp = whisper_specials(t);
    int32_t some[] = {0, 1, sp->eot - 1, sp->eot, sp->timestamp_begin, sp->timestamp_begin + 1500, sp->vocab, -1, 5};
    bpe_ids ids = {0};
    hse_buf out;
    hse_error err = {0};
    whisper_words words = {0};

    must(sp->eot < sp->sot && sp->sot < sp->language_begin && sp->no_timestamps < sp->vocab && sp->languages >= 1);
    hse_status s = whisper_encode(t, text, sizeof text - 1, &ids, &err);
    must((s == HSE_OK) == (err.text[0] == '\0'));
    for (size_t i = 0; i < ids.count; i++)
        must(ids.id[i] >= 0 && ids.id[i] < sp->vocab);
    hse_buf_init(&out, 1 << 20);
    whisper_decode(t, ids.id, ids.count, &out);
    whisper_decode_with_timestamps(t, some, COUNT(some), &out);
    whisper_decode_all(t, some, COUNT(some), true, &out);
    hse_buf_free(&out);
    if (whisper_split_words(t, "en", some, COUNT(some), &words, &err) == HSE_OK)
        whisper_words_free(&words);
    bpe_ids_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vocabulary v;
    whisper_tokenizer *t = NULL;
    hse_error err = {0};

    if (size == 0)
        return 0;
    must(vocabulary_open(&v, &err) == HSE_OK);
    hse_status s = read_input(&v, data[0], (hse_bytes){data + 1, size - 1}, &err);
    must((s == HSE_OK) == (err.text[0] == '\0'));
    if (s != HSE_OK) {
        vocabulary_close(&v);
        return 0;
    }
    s = whisper_tokenizer_from(&t, &v, 0, &err);
    must((s == HSE_OK) == (t != NULL) && (s == HSE_OK || err.text[0]));
    if (t)
        use(t);
    whisper_tokenizer_close(&t);
    return 0;
}
