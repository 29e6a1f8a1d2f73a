/* whisper_text.c - adapters of Whisper's golden cases that need no network: tokenizers, log-mel spectrograms, decoding of audio
 * to 16 kHz. */
#include "golden/families/whisper.h"

#include "audio/decode.h"
#include "base/buf.h"
#include "base/mem.h"
#include "formats/zip.h"
#include "models/whisper/mel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 20 };

whisper_tokenizer *golden_whisper_tokenizer(golden_case *c)
{
    char path[GOLDEN_PATH];
    whisper_tokenizer *t = NULL;
    hse_error err = {0};

    if (!golden_model_path(c, "tokenizer", path))
        return NULL;
    whisper_tokenizer_files files = {.tokenizer_json = path};
    if (whisper_tokenizer_open(&t, &files, &err) != HSE_OK)
        golden_fail_error(c, path, &err);
    return t;
}

/* ---- JSON of results ---- */

json_t *golden_whisper_ids(const int32_t *ids, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

typedef void decoder(const whisper_tokenizer *t, const int32_t *ids, size_t n, hse_buf *out);

static json_t *text_of(decoder *f, const whisper_tokenizer *t, const bpe_ids *ids, size_t n)
{
    hse_buf text;
    json_t *v;

    hse_buf_init(&text, MAX_TEXT);
    f(t, ids->id, n, &text);
    v = json_stringn(hse_buf_text(&text), text.size);
    hse_buf_free(&text);
    return v;
}

static void decode_visible(const whisper_tokenizer *t, const int32_t *ids, size_t n, hse_buf *out)
{
    whisper_decode_all(t, ids, n, false, out);
}

static void decode_everything(const whisper_tokenizer *t, const int32_t *ids, size_t n, hse_buf *out)
{
    whisper_decode_all(t, ids, n, true, out);
}

static bool ids_of(golden_case *c, const json_t *list, bpe_ids *out)
{
    hse_error err = {0};

    out->count = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (bpe_ids_add(out, (int32_t)json_integer_value(json_array_get(list, i)), &err) != HSE_OK) {
            golden_fail_error(c, "ids", &err);
            return false;
        }
    return true;
}

static bool encode(golden_case *c, const whisper_tokenizer *t, const json_t *text, bpe_ids *out)
{
    hse_error err = {0};

    out->count = 0;
    if (whisper_encode(t, json_string_value(text), json_string_length(text), out, &err) == HSE_OK)
        return true;
    golden_fail_error(c, "encoding", &err);
    return false;
}

/* ---- tokenizer ---- */

/* One entry of a list: its result from what it asks. */
typedef json_t *entry_result(golden_case *c, const whisper_tokenizer *t, const json_t *entry);

static void give_list(golden_case *c, const whisper_tokenizer *t, const char *output, entry_result *f)
{
    json_t *want = golden_expected_json(c, output), *got = json_array();

    for (size_t i = 0; i < json_array_size(want); i++)
        json_array_append_new(got, f(c, t, json_array_get(want, i)));
    json_decref(want);
    golden_give_json(c, output, got);
}

static json_t *encoded(golden_case *c, const whisper_tokenizer *t, const json_t *entry)
{
    json_t *text = json_object_get(entry, "text"), *got = json_object();
    bpe_ids ids = {0};

    if (encode(c, t, text, &ids)) {
        json_object_set(got, "text", text);
        json_object_set_new(got, "ids", golden_whisper_ids(ids.id, ids.count));
        json_object_set_new(got, "decode", text_of(whisper_decode, t, &ids, ids.count));
        json_object_set_new(got, "decode_with_timestamps", text_of(whisper_decode_with_timestamps, t, &ids, ids.count));
    }
    bpe_ids_free(&ids);
    return got;
}

static json_t *decoded(golden_case *c, const whisper_tokenizer *t, const json_t *entry)
{
    static const struct {
        const char *key;
        decoder *f;
    } forms[] = {
        {"decode", whisper_decode},
        {"decode_with_timestamps", whisper_decode_with_timestamps},
        {"decode_all_skipping_special", decode_visible},
        {"decode_all_with_special", decode_everything},
    };
    json_t *got = json_object();
    bpe_ids ids = {0};

    if (ids_of(c, json_object_get(entry, "ids"), &ids)) {
        json_object_set_new(got, "ids", golden_whisper_ids(ids.id, ids.count));
        for (size_t i = 0; i < COUNT(forms); i++)
            json_object_set_new(got, forms[i].key, text_of(forms[i].f, t, &ids, ids.count));
    }
    bpe_ids_free(&ids);
    return got;
}

static json_t *prefixes(golden_case *c, const whisper_tokenizer *t, const json_t *entry)
{
    json_t *text = json_object_get(entry, "text"), *got = json_object(), *list = json_array();
    bpe_ids ids = {0};

    if (encode(c, t, text, &ids))
        for (size_t n = 0; n <= ids.count; n++)
            json_array_append_new(list, text_of(whisper_decode, t, &ids, n));
    json_object_set(got, "text", text);
    json_object_set_new(got, "ids", golden_whisper_ids(ids.id, ids.count));
    json_object_set_new(got, "decode_of_prefixes", list);
    bpe_ids_free(&ids);
    return got;
}

static json_t *words(golden_case *c, const whisper_tokenizer *t, const json_t *entry)
{
    json_t *language = json_object_get(entry, "language"), *got = json_object(), *texts = json_array(),
           *tokens = json_array();
    bpe_ids ids = {0};
    whisper_words w = {0};
    hse_error err = {0};

    if (ids_of(c, json_object_get(entry, "ids"), &ids) &&
        whisper_split_words(t, json_string_value(language), ids.id, ids.count, &w, &err) != HSE_OK)
        golden_fail_error(c, "words", &err);
    for (size_t i = 0; i < w.count; i++) {
        json_array_append_new(texts, json_stringn(w.word[i].text, w.word[i].size));
        json_array_append_new(tokens, golden_whisper_ids(ids.id + w.word[i].first, w.word[i].count));
    }
    json_object_set(got, "language", language);
    json_object_set_new(got, "ids", golden_whisper_ids(ids.id, ids.count));
    json_object_set_new(got, "words", texts);
    json_object_set_new(got, "word_tokens", tokens);
    whisper_words_free(&w);
    bpe_ids_free(&ids);
    return got;
}

static int by_code(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* faster-whisper lists the codes by name, and the one that came later behind them. */
static json_t *codes_by_name(void)
{
    const char *codes[WHISPER_LANGUAGES];
    json_t *list = json_array();

    for (int i = 0; i < WHISPER_LANGUAGES; i++)
        codes[i] = whisper_languages[i].code;
    qsort(codes, WHISPER_LANGUAGES - 1, sizeof *codes, by_code);
    for (int i = 0; i < WHISPER_LANGUAGES; i++)
        json_array_append_new(list, json_string(codes[i]));
    return list;
}

static json_t *times(const whisper_tokenizer *t, const json_t *asked)
{
    json_t *got = json_object(), *value;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)asked, name, value)
    {
        int32_t id = whisper_specials(t)->timestamp_begin + (int32_t)lround(strtod(name + 2, NULL) * 50);
        bpe_ids ids = {.id = &id, .count = 1};
        json_t *text = text_of(whisper_decode_with_timestamps, t, &ids, 1);
        json_object_set_new(got, json_string_value(text), json_integer(id));
        json_decref(text);
    }
    return got;
}

static json_t *sequences(const whisper_tokenizer *t, const json_t *asked)
{
    const whisper_special *sp = whisper_specials(t);
    json_t *got = json_array();

    for (size_t i = 0; i < json_array_size(asked); i++) {
        const json_t *one = json_array_get(asked, i);
        const char *language = json_string_value(json_object_get(one, "language")),
                   *task = json_string_value(json_object_get(one, "task"));
        json_t *v = json_object();
        int32_t ids[3] = {sp->sot};
        size_t n = 1;
        if (language)
            ids[n++] = whisper_language_id(t, language);
        if (task)
            ids[n++] = strcmp(task, "translate") == 0 ? sp->translate : sp->transcribe;
        if (language)
            json_object_set_new(v, "language", json_string(language));
        if (task)
            json_object_set_new(v, "task", json_string(task));
        json_object_set_new(v, "ids", golden_whisper_ids(ids, n));
        json_array_append_new(got, v);
    }
    return got;
}

static void give_special(golden_case *c, const whisper_tokenizer *t)
{
    const whisper_special *sp = whisper_specials(t);
    json_t *want = golden_expected_json(c, "special"), *got = json_object(), *tokens = json_object(),
           *order = json_array();
    const struct {
        const char *name;
        int32_t id;
    } ids[] = {
        {"vocab_size", sp->vocab},
        {"sot", sp->sot},
        {"eot", sp->eot},
        {"transcribe", sp->transcribe},
        {"translate", sp->translate},
        {"sot_lm", sp->sot_lm},
        {"sot_prev", sp->sot_prev},
        {"no_speech", sp->no_speech},
        {"no_timestamps", sp->no_timestamps},
        {"timestamp_begin", sp->timestamp_begin},
    };
    size_t n;
    const int32_t *non_speech = whisper_non_speech(t, &n);

    for (size_t i = 0; i < COUNT(ids); i++)
        json_object_set_new(got, ids[i].name, json_integer(ids[i].id));
    for (int i = 0; i < (sp->multilingual ? sp->languages : 0); i++) {
        const char *code = whisper_languages[i].code;
        json_array_append_new(order, json_string(code));
        json_object_set_new(tokens, code, json_integer(whisper_language_id(t, code)));
    }
    if (!sp->multilingual)
        json_array_append_new(order, json_string(whisper_language_of(t, whisper_language_id(t, "en"))));
    json_object_set_new(got, "tasks", json_pack("[ss]", "transcribe", "translate"));
    json_object_set_new(got, "language_codes_of_faster_whisper", codes_by_name());
    json_object_set_new(got, "languages_in_token_order", order);
    json_object_set_new(got, "language_tokens", tokens);
    json_object_set_new(got, "non_speech_tokens", golden_whisper_ids(non_speech, n));
    json_object_set_new(got, "timestamps", times(t, json_object_get(want, "timestamps")));
    json_object_set_new(got, "sot_sequences", sequences(t, json_object_get(want, "sot_sequences")));
    json_decref(want);
    golden_give_json(c, "special", got);
}

static void tokenizer(golden_case *c)
{
    whisper_tokenizer *t = golden_whisper_tokenizer(c);

    if (!t)
        return;
    give_list(c, t, "encode", encoded);
    give_list(c, t, "decode", decoded);
    give_list(c, t, "partial", prefixes);
    give_list(c, t, "words", words);
    if (golden_wants(c, "special"))
        give_special(c, t);
    whisper_tokenizer_close(&t);
}

/* ---- rules ---- */

static json_t *ratio(golden_case *c, const whisper_tokenizer *t, const json_t *entry)
{
    json_t *text = json_object_get(entry, "text"), *got = json_object();
    const char *s = json_string_value(text);
    size_t n = json_string_length(text), packed = 0;
    double value = 0;
    hse_error err = {0};

    (void)t;
    if (whisper_compression_ratio(s, n, &value, &err) != HSE_OK ||
        zip_packed_size((const uint8_t *)s, n, 6, &packed, &err) != HSE_OK)
        golden_fail_error(c, "compression ratio", &err);
    json_object_set(got, "text", text);
    json_object_set_new(got, "utf8_bytes", json_integer((json_int_t)n));
    json_object_set_new(got, "zlib_bytes", json_integer((json_int_t)packed));
    json_object_set_new(got, "compression_ratio", json_real(value));
    return got;
}

static json_t *suppressed(golden_case *c, const whisper_tokenizer *t, const json_t *entry)
{
    json_t *asked = json_object_get(entry, "suppress_tokens"), *got = json_object();
    bpe_ids ids = {0}, out = {0};
    hse_error err = {0};

    if (ids_of(c, asked, &ids) && whisper_suppressed(t, ids.id, ids.count, &out, &err) != HSE_OK)
        golden_fail_error(c, "suppressed tokens", &err);
    json_object_set(got, "suppress_tokens", asked);
    json_object_set_new(got, "result", golden_whisper_ids(out.id, out.count));
    bpe_ids_free(&ids);
    bpe_ids_free(&out);
    return got;
}

void golden_whisper_text_rules(golden_case *c, const whisper_tokenizer *t)
{
    give_list(c, t, "compression_ratio", ratio);
    give_list(c, t, "suppressed_tokens", suppressed);
}

/* ---- log-mel ---- */

/* The stored frames, [mels][frames], of all frames [frames][mels]. */
static void give_mel(golden_case *c, const char *output, const float *mel, size_t frames, size_t mels)
{
    const json_t *spec = json_object_get(json_object_get(c->json, "outputs"), output);
    size_t step = (size_t)golden_number(spec, "frame_step", 1), kept = step ? (frames + step - 1) / step : 0;
    float *turned = hse_alloc(kept * mels * sizeof *turned + 1);

    if (golden_number(spec, "frames_total", -1) != (double)frames)
        golden_fail(c, "%s: %zu frames, not %g", output, frames, golden_number(spec, "frames_total", -1));
    if (!turned) {
        golden_fail(c, "%s: no memory", output);
        return;
    }
    for (size_t f = 0; f < kept; f++)
        for (size_t k = 0; k < mels; k++)
            turned[k * kept + f] = mel[f * step * mels + k];
    golden_give2(c, output, turned, mels, kept);
    hse_free(turned);
}

/* A signal at once, and its last frames by themselves, which must have the same bits. */
static void run_mel(golden_case *c, const whisper_mel *m, const char *input)
{
    char output[80];
    golden_array x;
    unsigned rate;
    hse_error err = {0};
    size_t mels = (size_t)whisper_mel_bands(m);
    float peak;

    if (!golden_wav(c, input, &x, &rate))
        return;
    size_t frames = whisper_mel_count(x.count), some = frames < 200 ? frames : 200;
    float *all = hse_alloc(frames * mels * sizeof *all + 1), *part = hse_alloc(some * mels * sizeof *part + 1);
    snprintf(output, sizeof output, "%s_mel", input);
    if (rate != WHISPER_RATE)
        golden_fail(c, "%s has %u Hz", input, rate);
    else if (!all || !part)
        golden_fail(c, "%s: no memory", input);
    else if (whisper_mel_run(m, NULL, x.data, x.count, all, &err) != HSE_OK ||
             whisper_mel_peak(m, NULL, x.data, x.count, &peak, &err) != HSE_OK ||
             whisper_mel_frames(m, NULL, x.data, x.count, peak, frames - some, some, part, &err) != HSE_OK)
        golden_fail_error(c, input, &err);
    else {
        give_mel(c, output, all, frames, mels);
        golden_same_bits(c, output, all + (frames - some) * mels, some * mels, part, some * mels);
    }
    hse_free(all);
    hse_free(part);
    golden_free_array(&x);
}

static void mel(golden_case *c)
{
    whisper_mel *m = NULL;
    hse_error err = {0};
    const char *input;
    json_t *spec;
    float *filters;

    if (whisper_mel_open(&m, (int)golden_param(c, "feature_size", 80), &err) != HSE_OK) {
        golden_fail_error(c, "mel", &err);
        return;
    }
    size_t mels = (size_t)whisper_mel_bands(m), bins = WHISPER_FFT / 2 + 1;
    if ((filters = hse_alloc(mels * bins * sizeof *filters)) != NULL) {
        whisper_mel_filters(m, filters);
        golden_give2(c, "mel_filters", filters, mels, bins);
    }
    hse_free(filters);
    json_object_foreach(json_object_get(c->json, "inputs"), input, spec) run_mel(c, m, input);
    whisper_mel_close(&m);
}

/* ---- audio to 16 kHz ---- */

/* The two decoders that callers have differ from each other, too: the case says how much noise is allowed. */
static void give_noisy(golden_case *c, const char *output, const float *got, size_t n)
{
    const json_t *spec = json_object_get(json_object_get(c->json, "outputs"), output);
    const char *file = json_string_value(json_object_get(spec, "file"));
    double floor_db = golden_number(spec, "min_snr_db", INFINITY), signal = 0, noise = 0;
    golden_array want;

    if (!file || !golden_load(c, file, &want))
        return;
    if (n < want.count) {
        golden_fail(c, "%s: %zu samples, at least %zu are expected", output, n, want.count);
    } else {
        for (size_t i = 0; i < want.count; i++) {
            signal += (double)want.data[i] * want.data[i];
            noise += ((double)got[i] - want.data[i]) * ((double)got[i] - want.data[i]);
        }
        double snr = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
        if (!(snr >= floor_db))
            golden_fail(c, "%s: %.1f dB above the difference, at least %.1f are expected", output, snr, floor_db);
        golden_give1(c, output, got, want.count);
    }
    golden_free_array(&want);
}

static void resample(golden_case *c)
{
    hse_decode_options o = {.rate_hz = (int)golden_param(c, "sr", WHISPER_RATE)};
    const char *input = json_object_iter_key(json_object_iter(json_object_get(c->json, "inputs")));
    char path[GOLDEN_PATH];
    hse_audio audio = {0};
    hse_error err = {0};

    if (!input || !golden_input_path(c, input, path))
        return;
    if (hse_audio_decode_file(&audio, path, &o, &err) != HSE_OK) {
        golden_fail_error(c, path, &err);
        return;
    }
    if (golden_param(c, "samples_librosa", -1) != (double)audio.n)
        golden_fail(c, "%zu samples, not %g", audio.n, golden_param(c, "samples_librosa", -1));
    give_noisy(c, "librosa", audio.samples, audio.n);
    give_noisy(c, "faster_whisper", audio.samples, audio.n);
    hse_audio_free(&audio);
}

const golden_kind golden_whisper_text[] = {
    {"whisper.tokenizer", tokenizer},
    {"whisper.mel", mel},
    {"whisper.resample", resample},
    {NULL, NULL},
};
