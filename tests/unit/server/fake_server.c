/* fake_server.c - the server over the real models and, for what takes gigabytes or minutes, models that compute next to nothing: a
 * recogniser, a converter and a restorer. The API tests start it; it is no part of the product.
 *
 * The recogniser says one word for each second of speech (or of the recording, without vad_filter). What it was asked for beside
 * the defaults it says too, in a last segment: "{beam_size=1 language=de}", so that a test sees that a field arrives. The prompt
 * "slow" makes each second take 0.3 s, the prompt "broken" fails the third one.
 *
 *     HSE_MODELS=DIR fake_server          prints the address; ends on SIGTERM. Settings come from the HSE_* variables. */
#include "engine/fake_split.h"
#include "base/log.h"
#include "server/server.h"

#include <signal.h>

/* ---- a recogniser -------------------------------------------------------------------------------------------------- */

enum { SECONDS_MAX = 1000, WORDS = 2 };

typedef struct {
    hse_split_input in;
    size_t          seconds, next, took, said;
    bool            out, done;
    hse_item        item;
    hse_buf         asked;
    hse_transcript  facts;
    hse_transcript_segment segment;
    char            text[2048], word[WORDS][64];
    hse_word        words[WORDS];
    int32_t         tokens[WORDS];
    float           logprobs[WORDS];
    const char     *texts[WORDS];
} hearing;

static void say(hse_buf *b, const char *name, double value, double usual)
{
    if (value != usual && !(isnan(value) && isnan(usual)))
        hse_buf_printf(b, "%s%s=%g", b->size ? " " : "", name, value);
}

static void say_text(hse_buf *b, const char *name, const char *value)
{
    if (value)
        hse_buf_printf(b, "%s%s=%s", b->size ? " " : "", name, value);
}

/* All that differs from the defaults. */
static void what_was_asked(hse_buf *b, const hse_transcribe_options *o)
{
    hse_transcribe_options d;

    hse_transcribe_options_init(&d);
    say_text(b, "language", o->language);
    for (size_t i = 0; i < o->language_count; i++)
        say_text(b, "or", o->languages[i]);
    say(b, "task", o->task, d.task);
    say(b, "batched", o->batched, d.batched);
    say(b, "vad_filter", o->vad_filter, 1);
    say(b, "vad_threshold", o->vad.threshold, d.vad.threshold);
    say(b, "vad_neg", o->vad.neg_threshold, d.vad.neg_threshold);
    say(b, "vad_speech", o->vad.min_speech_ms, d.vad.min_speech_ms);
    say(b, "vad_longest", o->vad.max_speech_s, d.vad.max_speech_s);
    say(b, "vad_silence", o->vad.min_silence_ms, d.vad.min_silence_ms);
    say(b, "vad_pad", o->vad.pad_ms, d.vad.pad_ms);
    say(b, "beam_size", o->beam_size, d.beam_size);
    say(b, "best_of", o->best_of, d.best_of);
    say(b, "patience", o->patience, d.patience);
    say(b, "length_penalty", o->length_penalty, d.length_penalty);
    say(b, "repetition_penalty", o->repetition_penalty, d.repetition_penalty);
    say(b, "no_repeat_ngram_size", o->no_repeat_ngram_size, d.no_repeat_ngram_size);
    say(b, "temperatures", (double)o->temperature_count, (double)d.temperature_count);
    say(b, "temperature", o->temperatures[0], 0);
    say(b, "compression_ratio_threshold", o->compression_ratio_threshold, d.compression_ratio_threshold);
    say(b, "log_prob_threshold", o->log_prob_threshold, d.log_prob_threshold);
    say(b, "no_speech_threshold", o->no_speech_threshold, d.no_speech_threshold);
    say(b, "condition_on_previous_text", o->condition_on_previous_text, d.condition_on_previous_text);
    say_text(b, "prompt", o->initial_prompt);
    say_text(b, "prefix", o->prefix);
    say_text(b, "hotwords", o->hotwords);
    say(b, "without_timestamps", o->without_timestamps, d.without_timestamps);
    say(b, "max_initial_timestamp", o->max_initial_timestamp, d.max_initial_timestamp);
    say(b, "multilingual", o->multilingual, d.multilingual);
    say(b, "max_new_tokens", o->max_new_tokens, d.max_new_tokens);
    for (size_t i = 0; i < o->clip_count; i++)
        say(b, "clip", o->clip_timestamps[i], -1);
    say(b, "prompt_reset_on_temperature", o->prompt_reset_on_temperature, d.prompt_reset_on_temperature);
    say(b, "suppress_blank", o->suppress_blank, d.suppress_blank);
    say(b, "suppress_none", o->suppress_none, d.suppress_none);
    for (size_t i = 0; i < o->suppress_token_count; i++)
        say(b, "suppress_tokens", o->suppress_tokens[i], -2);
    say_text(b, "prepend_punctuations", o->prepend_punctuations);
    say_text(b, "append_punctuations", o->append_punctuations);
    say(b, "chunk_length", o->chunk_length_s, d.chunk_length_s);
    say(b, "language_detection_threshold", o->language_detection_threshold, d.language_detection_threshold);
    say(b, "language_detection_segments", o->language_detection_segments, d.language_detection_segments);
    say(b, "hallucination_silence_threshold", o->hallucination_silence_threshold, d.hallucination_silence_threshold);
    if (o->has_seed)
        say(b, "seed", (double)o->seed, -1);
}

static hse_status hear_open(void **out, const void *model, const hse_split_input *in, hse_error *err)
{
    hearing *h = hse_calloc(1, sizeof *h);
    size_t samples = in->audio->n;

    (void)model;
    if (!h)
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for the fake recogniser");
    h->in = *in;
    if (in->has_speech) {
        samples = 0;
        for (size_t i = 0; i < in->speech_count; i++)
            samples += (size_t)(in->speech[i].end - in->speech[i].start);
    }
    h->seconds = (samples + (size_t)in->audio->rate_hz - 1) / (size_t)in->audio->rate_hz;
    h->seconds = h->seconds < SECONDS_MAX ? h->seconds : SECONDS_MAX;
    hse_buf_init(&h->asked, 1500);
    what_was_asked(&h->asked, in->transcribe);
    hse_item_init(&h->item);
    *out = h;
    return HSE_OK;
}

static hse_item *hear_next(void *split)
{
    hearing *h = split;
    const char *prompt = h->in.transcribe->initial_prompt;

    if (h->out || h->next == h->seconds)
        return NULL;
    h->out = true;
    h->item.frame_from = h->next++;
    h->item.frame_to = prompt && strstr(prompt, "slow") ? 300 : 0;      /* ms */
    h->item.reference = prompt && strstr(prompt, "broken") && h->item.frame_from == 2;
    return &h->item;
}

static hse_status hear_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = fake_step(c);

    (void)model;
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        for (size_t ms = 0; s == HSE_OK && ms < items[i]->frame_to; ms += 5) {
            usleep(5000);
            s = fake_step(c);
        }
        if (items[i]->reference)
            item_fail(items[i], HSE_E_FORMAT, "the prompt says so");
    }
    return s;
}

/* The segment of one second: "word3 end3", its words half a second each, a token a word. The middle second's log-probability is no
 * number, as a broken model's would be. */
static void compose(hearing *h, size_t second)
{
    bool words = h->in.transcribe->word_timestamps, logprobs = h->in.transcribe->token_logprobs;

    for (int k = 0; k < WORDS; k++) {
        snprintf(h->word[k], sizeof h->word[k], k ? " \xC3\xA9nd%zu" : " word%zu", second);
        h->words[k] = (hse_word){h->word[k], (double)second + 0.5 * k, (double)second + 0.5 * (k + 1), 0.5};
        h->tokens[k] = (int32_t)(100 + 2 * second) + k;
        h->logprobs[k] = second == 1 && k ? -INFINITY : -0.25f * (float)(k + 1);
        h->texts[k] = h->word[k];
    }
    snprintf(h->text, sizeof h->text, "%s%s", h->word[0], h->word[1]);
    h->segment = (hse_transcript_segment){
        .id = (int32_t)second + 1, .seek = 3000, .start = (double)second, .end = (double)second + 1, .text = h->text, .tokens = h->tokens,
        .token_logprobs = logprobs ? h->logprobs : NULL, .token_texts = logprobs ? h->texts : NULL, .token_count = WORDS,
        .temperature = 0.2, .avg_logprob = second == 1 ? (double)NAN : -0.375, .compression_ratio = 1.5, .no_speech_prob = 0.01,
        .words = words ? h->words : NULL, .word_count = words ? WORDS : 0, .language = "en"};
}

static hse_status hear_took(void *split, hse_item *item, hse_split_output *out, hse_error *err)
{
    hearing *h = split;

    (void)err;
    *out = (hse_split_output){0};
    if (item) {
        h->out = false;
        compose(h, h->took++);
        out->text = &h->segment;
        out->text_count = 1;
    }
    h->facts = (hse_transcript){.language = h->in.transcribe->language ? h->in.transcribe->language : "en", .language_probability = 0.9,
                                .duration = (double)h->in.audio->n / h->in.audio->rate_hz, .duration_after_vad = (double)h->seconds};
    out->transcript = &h->facts;
    out->done = h->took == h->seconds;
    if (out->done && h->seconds && h->asked.size && out->text) {        /* with the last word */
        size_t n = strlen(h->text);
        snprintf(h->text + n, sizeof h->text - n, " {%s}", hse_buf_text(&h->asked));
    }
    return HSE_OK;
}

static void hear_close(void **split)
{
    hearing *h = *split;

    hse_buf_free(&h->asked);
    hse_free(h);
    *split = NULL;
}

static bool hear_wants_speech(const hse_split_input *in, hse_vad_options *vad)
{
    hse_request r;

    hse_request_init(&r, HSE_JOB_VAD);
    *vad = r.vad;
    return in->transcribe && in->transcribe->vad_filter;
}

static const hse_model_type recogniser = {
    FAKE_COMMON, .type = "FasterWhisper", .name = "fake-recogniser", .takes = HSE_AUDIO, .gives = HSE_TRANSCRIPT, .open = fake_open_synth,
    .run = hear_run, .wants_speech = hear_wants_speech, .split_open = hear_open, .split_next = hear_next, .split_took = hear_took,
    .split_close = hear_close, .files = {"recogniser.fake"},
};

/* ---- a converter ---------------------------------------------------------------------------------------------------- */

/* The source, louder by what the target's embedding begins with: another voice, as far as a test can tell. */
static hse_status convert_run(const void *model, nn_ctx *c, hse_item *const *items, size_t n)
{
    hse_status s = fake_step(c);

    (void)model;
    for (size_t i = 0; s == HSE_OK && i < n; i++)
        for (size_t k = 0; k < items[i]->audio.n; k++)
            items[i]->audio.samples[k] *= 0.2f + 0.2f * fabsf(items[i]->embedding[0]);
    return s;
}

/* Of the demo voice's family, whose encoder makes the target's embedding. */
static const hse_model_type converter = {
    .family = "harmonyspeech", .close = fake_close, .plan = fake_plan, .bytes = fake_bytes, .rate_hz = fake_rate, .describe = fake_describe,
    .auto_precision = K_F32, .type = "FakeConverter", .name = "fake-converter", .takes = HSE_AUDIO | HSE_EMBEDDING, .gives = HSE_AUDIO,
    .open = fake_open_vocoder, .run = convert_run, .files = {"converter.fake"},
};

/* ---- the program ---------------------------------------------------------------------------------------------------- */

enum { MAX_TYPES = 64 };

static const hse_model_type *types[MAX_TYPES];

static void choose_types(void)
{
    static const hse_model_type *const own[] = {&recogniser, &converter, &fs_restorer_type, &fs_vocoder_type};
    size_t n = 0;

    for (size_t i = 0; i < COUNT(own); i++)
        types[n++] = own[i];
    for (size_t i = 0; hse_model_types[i] && n + 1 < MAX_TYPES; i++) {
        bool replaced = false;

        for (size_t k = 0; k < COUNT(own); k++)
            replaced |= strcmp(own[k]->type, hse_model_types[i]->type) == 0;
        if (!replaced)
            types[n++] = hse_model_types[i];
    }
}

int main(void)
{
    hse_config *config = NULL;
    hse_engine *engine = NULL;
    hse_server *server = NULL;
    hse_error err = {0};
    hse_buf report;
    sigset_t set;
    int signal = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    hse_log_open(2, HSE_LOG_JSON, NULL, &err);
    hse_buf_init(&report, 1 << 16);
    choose_types();
    fake_reset();
    fs_reset();
    hse_status s = hse_config_load(&config, NULL, NULL, 0, &report, &err);
    hse_engine_setup setup = {.config = config, .types = types, .no_bundled = true};
    if (s == HSE_OK)
        s = hse_engine_start(&engine, &setup, &err);
    hse_server_options o = {.port = s == HSE_OK ? (int)config->port : 0, .config = config};
    if (s == HSE_OK)
        s = hse_server_open(&server, engine, &o, &err);
    if (s == HSE_OK) {
        printf("http://127.0.0.1:%d\n", hse_server_port(server));
        fflush(stdout);
        sigwait(&set, &signal);
        hse_server_stop(server, 1000);
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    hse_server_close(&server);
    hse_engine_close(&engine);
    hse_config_close(&config);
    hse_buf_free(&report);
    return s != HSE_OK;
}
