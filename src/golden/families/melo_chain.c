/* melo_chain.c - adapter of family melo's whole chain: a request's text to the engine's answer, piece by piece. */
#include "golden/families/melo.h"

#include "audio/wav.h"
#include "base/mem.h"
#include "models/vits/narrator.h"

#include <stdio.h>
#include <string.h>

enum { PIECES = 64, WAV_BYTES = 1 << 28 };

typedef struct {
    golden_case         *c;
    const vits_narrator *m;
    int                  index;             /* of the piece */
    hse_buf              samples;           /* of all pieces so far */
} chain;

static void name_of(char out[40], const chain *h, const char *what)
{
    snprintf(out, 40, "piece%d_%s", h->index, what);
}

static void give_ints(chain *h, const char *what, const int32_t *list, size_t n)
{
    float *x = hse_alloc((n + 1) * sizeof *x);
    char name[40];

    name_of(name, h, what);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)list[i];
    if (x)
        golden_give1(h->c, name, x, n);
    hse_free(x);
}

/* [rows][cols] as [cols][rows], with a 1 in front where `lead`. */
static void give_turned(chain *h, const char *what, const float *from, size_t rows, size_t cols, bool lead)
{
    float *x = hse_alloc((rows * cols + 1) * sizeof *x);
    char name[40];

    name_of(name, h, what);
    for (size_t r = 0; x && r < rows; r++)
        for (size_t k = 0; k < cols; k++)
            x[k * rows + r] = from[r * cols + k];
    if (x)
        golden_give(h->c, name, x, lead ? 3 : 2, lead ? (size_t[]){1, cols, rows} : (size_t[]){cols, rows});
    hse_free(x);
}

static void hear(void *user, const nn_view *v)
{
    chain *h = user;
    char name[40];

    name_of(name, h, "logw");
    if (strcmp(v->name, "logw") == 0)
        golden_give_view(h->c, name, v, GOLDEN_CHANNELS_FIRST | GOLDEN_LEAD);
}

/* The same bits among other pieces. */
static void check_batch(chain *h, const vits_told *alone)
{
    enum { MOST = 16 };
    golden_case *c = h->c;
    int n = c->options->batch < MOST ? c->options->batch : MOST, mine = n / 2;
    vits_told item[MOST];
    hse_error err = {0};

    if (n < 2)
        return;
    for (int i = 0; i < n; i++) {
        item[i] = (vits_told){.text = alone->text, .speaker = alone->speaker, .speed = alone->speed + 0.1f * (float)(i != mine),
                              .seed = (uint64_t)i, .stream = (uint64_t)i};
        if (i == mine) {
            item[i].noise_w = alone->noise_w;
            item[i].noise_z = alone->noise_z;
            item[i].noise_z_frames = alone->noise_z_frames;
        }
    }
    if (vits_narrator_tell(h->m, c->nn, item, n, &err) != HSE_OK || item[mine].status != HSE_OK)
        golden_fail_error(c, "a piece in a batch", err.status ? &err : &item[mine].error);
    else
        golden_same_bits(c, "z", alone->z, (size_t)alone->frames * (size_t)h->m->tts->dims.inter, item[mine].z,
                         (size_t)item[mine].frames * (size_t)h->m->tts->dims.inter);
    for (int i = 0; i < n; i++)
        vits_told_free(&item[i]);
}

/* Audio of what was told, and the silence behind it. */
static void speak(chain *h, const vits_told *t)
{
    const vits_narrator *m = h->m;
    vits_wave w = {.z = t->z, .speaker = vits_tts_speaker(m->tts, t->speaker),
                   .audio = {.frames = (size_t)t->frames, .to = (size_t)t->frames}};
    size_t gap = vits_narrator_gap(m, t->speed);
    hse_error err = {0};
    char name[40];
    void *silence;

    name_of(name, h, "audio");
    if (vits_decode(&m->tts->decoder, h->c->nn, &w, 1, &err) != HSE_OK || w.audio.status != HSE_OK)
        golden_fail_error(h->c, "the decoder", err.status ? &err : &w.audio.error);
    else
        golden_give1(h->c, name, w.audio.wave, w.audio.samples);
    hse_buf_append(&h->samples, w.audio.wave, w.audio.samples * sizeof(float));
    if ((silence = hse_buf_extend(&h->samples, gap * sizeof(float))) != NULL)
        memset(silence, 0, gap * sizeof(float));
    hse_free(w.audio.wave);
}

/* The noise of the piece, as the network takes it. */
static bool read_noise(chain *h, golden_array *w, golden_array *z, float **turned)
{
    char name[40];

    snprintf(name, sizeof name, "noise_sdp_%d", h->index);
    if (!golden_input(h->c, name, w))
        return false;
    snprintf(name, sizeof name, "noise_z_%d", h->index);
    if (!golden_input(h->c, name, z) || z->rank != 3 || !(*turned = hse_alloc((z->count + 1) * sizeof **turned)))
        return false;
    for (size_t k = 0; k < z->dim[1]; k++)
        for (size_t f = 0; f < z->dim[2]; f++)
            (*turned)[f * z->dim[1] + k] = z->data[k * z->dim[2] + f];
    return true;
}

static void tell(chain *h, const char *piece, int speaker, float speed)
{
    golden_array noise_w = {0}, noise_z = {0};
    float *turned = NULL;
    vits_told t = {.text = piece, .speaker = speaker, .speed = speed};
    hse_error err = {0};

    if (read_noise(h, &noise_w, &noise_z, &turned)) {
        t.noise_w = noise_w.data;
        t.noise_z = turned;
        t.noise_z_frames = (int)noise_z.dim[2];
        nn_listen(h->c->nn, hear, h);
        if (vits_narrator_tell(h->m, h->c->nn, &t, 1, &err) != HSE_OK || t.status != HSE_OK)
            golden_fail_error(h->c, "a piece", err.status ? &err : &t.error);
        nn_listen(h->c->nn, NULL, NULL);
    }
    if (!h->c->failed && t.z) {
        size_t n = (size_t)t.n;

        give_ints(h, "phones", t.symbols, n);
        give_ints(h, "tones", t.tones, n);
        give_ints(h, "lang_ids", t.languages, n);
        if (t.features)
            give_turned(h, t.feature_width == VITS_BERT ? "bert" : "ja_bert", t.features, n, (size_t)t.feature_width, false);
        give_ints(h, "durations", t.durations, n);
        give_turned(h, "z", t.z, (size_t)t.frames, (size_t)h->m->tts->dims.inter, true);
        speak(h, &t);
        check_batch(h, &t);
    }
    vits_told_free(&t);
    golden_free_array(&noise_w);
    golden_free_array(&noise_z);
    hse_free(turned);
}

/* The kit allows one step of 16 bits, in words. */
static void give_wav(chain *h)
{
    json_t *spec = json_object_get(json_object_get(h->c->json, "outputs"), "wav");
    hse_error err = {0};
    hse_buf wav;

    hse_buf_init(&wav, WAV_BYTES);
    if (hse_buf_status(&h->samples, "audio", &err) != HSE_OK ||
        hse_wav_encode(&wav, (const float *)(const void *)h->samples.data, h->samples.size / sizeof(float),
                       h->m->config->rate_hz, &err) != HSE_OK)
        golden_fail_error(h->c, "the wav", &err);
    if (!json_object_get(spec, "atol"))
        json_object_set_new(spec, "atol", json_integer(1));
    golden_give_wav(h->c, "wav", (hse_bytes){wav.data, wav.size});
    hse_buf_free(&wav);
}

static vits_narrator *open_narrator(golden_case *c, golden_answers *a, const char *language)
{
    bool whole = json_object_get(json_object_get(c->json, "model"), "bert") != NULL;
    char config[GOLDEN_PATH], checkpoint[GOLDEN_PATH], bert_dir[GOLDEN_PATH];
    vits_narrator_source from = {.kind = VITS_MELO, .config = config, .checkpoint = checkpoint, .bert = bert_dir,
                                 .language = language, .dictionary = golden_answers_dictionary(a), .kernels = c->kernels,
                                 .type = c->options->dtype};
    vits_narrator *m = NULL;
    hse_error err = {0};

    if (golden_model_path(c, "config", config) && golden_model_path(c, "checkpoint", checkpoint) &&
        golden_model_path(c, whole ? "bert" : "tokenizer", bert_dir) && vits_narrator_open(&m, &from, &err) != HSE_OK)
        golden_fail_error(c, "the model", &err);
    return m;
}

static void say(chain *h, golden_answers *a)
{
    golden_case *c = h->c;
    const json_t *params = json_object_get(c->json, "params");
    const char *language = json_string_value(json_object_get(params, "language")),
               *voice = json_string_value(json_object_get(params, "voice_id"));
    json_t *row = golden_expected_json(c, "front_end"), *pieces = json_object_get(row, "pieces");
    int speaker = vits_speaker_id(h->m->config, voice ? voice : "");
    const char **piece = NULL;
    char *text = NULL;
    size_t size, n = 0;
    hse_arena arena;
    hse_error err = {0};

    hse_arena_init(&arena, 1 << 26);
    if (speaker < 0)
        golden_fail(c, "the model has no voice '%.40s'", voice ? voice : "");
    if (!c->failed && golden_input_bytes(c, "text", &text, &size) &&
        vits_narrator_cut(VITS_MELO, language, text, size, &arena, &piece, &n, &err) != HSE_OK)
        golden_fail_error(c, "the text", &err);
    for (size_t i = 0; i < n && i < PIECES && !c->failed; i++, h->index++) {
        a->mecab_words = json_object_get(json_array_get(pieces, i), "mecab_words");
        tell(h, piece[i], speaker, (float)golden_param(c, "speed", 1));
    }
    if (!c->failed)
        give_wav(h);
    if (row && !c->failed) {
        golden_melo_row(c, &h->m->melo, a, row, 0);
        golden_give_json(c, "front_end", json_incref(row));
    }
    json_decref(row);
    hse_free(text);
    hse_arena_free(&arena);
}

static void melo_chain(golden_case *c)
{
    const char *language = json_string_value(json_object_get(json_object_get(c->json, "params"), "language"));
    golden_answers a;
    vits_narrator *m = NULL;

    if (golden_answers_open(c, &a) && !language)
        golden_fail(c, "the case has no language");
    if (!c->failed && (m = open_narrator(c, &a, language)) != NULL) {
        chain h = {.c = c, .m = m};

        hse_buf_init(&h.samples, WAV_BYTES);
        say(&h, &a);
        hse_buf_free(&h.samples);
    }
    vits_narrator_close(&m);
    golden_answers_close(&a);
}

const golden_kind golden_melo_chain[] = {
    {"melo.chain", melo_chain},
    {NULL, NULL},
};
