/* Voices that read texts aloud, by the engine's view of them: a text, its latent, windows of audio; what is missing or damaged. */
#include "vits_models.h"

#include "models/vits/narrator.h"
#include "models/vits/narrator_adapter.h"
#include "text/lexicon.h"
#include "torture.h"

#include <sys/stat.h>
#include <unistd.h>

#define WORDS "tests/golden/melo/text_en/"

static const hse_kernels *best_kernels(void)
{
    unsigned mask = 0;

    CHECK(hse_cpu_mask(NULL, &mask, NULL) == HSE_OK, "kernels");
    return hse_kernels_get(mask);
}

/* ---- folders ---- */

static void write_file(const char *path, const void *data, size_t size)
{
    CHECK(hse_file_write(path, data, size, NULL) == HSE_OK, "%s", path);
}

static void copy_file(const char *from, const char *to)
{
    char *bytes = NULL;
    size_t size = 0;

    CHECK(hse_file_read(&bytes, &size, test_path(from), 1 << 26, NULL) == HSE_OK, "%s", from);
    write_file(to, bytes, size);
    hse_free(bytes);
}

static const char *path_of(const char *dir, const char *file)
{
    static char path[4][600];
    static int next;

    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[0], "%s/%s", dir, file);
    return path[next];
}

/* A MeloTTS folder that needs no BERT, with the words of a golden case; `with_bert`: its config asks for one. */
static const char *melo_folder(const char *name, bool with_bert)
{
    static char dir[300];
    char *config = NULL, *at;
    size_t size;
    hse_buf b;

    snprintf(dir, sizeof dir, HSE_BINARY_DIR "/%s-%d", name, (int)getpid());
    mkdir(dir, 0700);
    CHECK(hse_file_read(&config, &size, test_path("tests/golden/melo/model_resflow_noise/config.json"), 1 << 20, NULL) == HSE_OK, "config");
    CHECK((at = strstr(config, "\"data\": {")) != NULL, "the config has no data");
    hse_buf_init(&b, 1 << 20);
    hse_buf_append(&b, config, (size_t)(at + 9 - config));
    hse_buf_str(&b, with_bert ? "" : "\"disable_bert\": true, ");
    hse_buf_str(&b, at + 9);
    write_file(path_of(dir, "config.json"), b.data, b.size);
    hse_buf_free(&b);
    hse_free(config);
    copy_file("tests/golden/melo/model_resflow_noise/checkpoint.pth", path_of(dir, "checkpoint.pth"));
    copy_file(WORDS "cmudict.rep", path_of(dir, "cmudict.rep"));
    return dir;
}

static text_lexicon *no_packs(void)
{
    text_lexicon *l = NULL;

    CHECK(text_lexicon_open(&l, HSE_BINARY_DIR, true, NULL) == HSE_OK, "lexicon");
    return l;
}

static hse_status open_type(void **m, const hse_model_type *type, const char *dir, const char *words, const char *language, hse_error *err)
{
    static text_lexicon *lexicon;
    static char companion[400];
    hse_model_source source = {.dir = dir, .kernels = best_kernels(), .precision = K_F32, .language = language};

    lexicon = lexicon ? lexicon : no_packs();
    source.lexicon = lexicon;
    if (words) {
        snprintf(companion, sizeof companion, "%s", test_path(words));
        source.companion = companion;
    }
    *m = NULL;
    return type->open(m, &source, err);
}

static void *open_melo(const char *name)
{
    hse_error err = {0};
    void *m;

    CHECK(open_type(&m, &melo_type, melo_folder(name, false), WORDS "bert", "en", &err) == HSE_OK, "%s", err.text);
    return m;
}

/* ---- items ---- */

static hse_item said(const char *text, const char *voice, float speed, uint64_t seed, uint64_t stream)
{
    hse_item item;

    hse_item_init(&item);
    item.has = HSE_TEXT;
    item.text = hse_strdup(text);
    item.voice = voice;
    item.speed = speed;
    item.seed = seed;
    item.stream = stream;
    return item;
}

static void tell(const void *m, nn_ctx *c, hse_item *items, size_t n)
{
    hse_item *list[16] = {NULL};

    for (size_t i = 0; i < n; i++)
        list[i] = &items[i];
    CHECK(melo_type.run(m, c, list, n) == HSE_OK, "run");
    for (size_t i = 0; i < n; i++)
        CHECK(items[i].status == HSE_OK && items[i].mel, "item %zu: %s", i, items[i].error.text);
}

/* Frames [from, to) of what was told; 0, 0: all. The samples are the caller's. */
static hse_audio window_of(const void *m, nn_ctx *c, const hse_item *told, size_t from, size_t to)
{
    hse_item w = {.has = HSE_MEL, .mel = told->mel, .mel_frames = told->mel_frames, .mel_bands = told->mel_bands, .frame_from = from,
                  .frame_to = to, .voice = told->voice, .speed = told->speed}, *list = &w;

    CHECK(melo_type.run(m, c, &list, 1) == HSE_OK && w.status == HSE_OK, "%s", w.error.text);
    return w.audio;
}

static bool same(const hse_item *a, const hse_item *b)
{
    return a->mel_frames == b->mel_frames && memcmp(a->mel, b->mel, a->mel_frames * (size_t)a->mel_bands * sizeof(float)) == 0;
}

/* ---- what is spoken ---- */

TEST(a_text_is_the_same_alone_and_among_others)
{
    nn_ctx *c = vits_context(best_kernels(), 2);
    void *m = open_melo("narrator-alone");
    hse_item alone = said("hello world", "EN-BR", 1, 5, 2), many[4] = {
        said("hello world", "EN-US", 1, 5, 2), said("did you ever hear a folk tale", "EN-BR", 2, 1, 0),
        said("hello world", "EN-BR", 1, 5, 2), said("hello", "EN-BR", 1, 5, 2)};

    tell(m, c, &alone, 1);
    tell(m, c, many, 4);
    CHECK(same(&alone, &many[2]), "another result among others");
    CHECK(!same(&alone, &many[0]), "another voice changes nothing");
    hse_item_free(&alone);
    for (int i = 0; i < 4; i++)
        hse_item_free(&many[i]);
    melo_type.close(&m);
    nn_close(&c);
}

TEST(seed_stream_and_speed_change_what_is_spoken)
{
    nn_ctx *c = vits_context(best_kernels(), 1);
    void *m = open_melo("narrator-seed");
    hse_item one = said("hello world", NULL, 1, 5, 0), others[4] = {said("hello world", NULL, 1, 6, 0), said("hello world", NULL, 1, 5, 1),
                                                                    said("hello world", NULL, 2, 5, 0), said("hello world", "EN-US", 1, 5, 0)};

    tell(m, c, &one, 1);
    tell(m, c, others, 4);
    CHECK(!same(&one, &others[0]) && !same(&one, &others[1]), "seed or stream changes nothing");
    CHECK(others[2].mel_frames < one.mel_frames, "twice as fast: %zu frames, %zu before", others[2].mel_frames, one.mel_frames);
    CHECK(same(&one, &others[3]), "the first speaker is not the default");
    hse_item_free(&one);
    for (int i = 0; i < 4; i++)
        hse_item_free(&others[i]);
    melo_type.close(&m);
    nn_close(&c);
}

TEST(windows_joined_are_the_whole_and_silence_follows_the_last)
{
    nn_ctx *c = vits_context(best_kernels(), 2);
    void *m = open_melo("narrator-windows");
    hse_item t = said("did you ever hear a folk tale about a giant turtle", NULL, 1, 3, 0);
    size_t at = 0, gap = vits_narrator_gap(m, 1);

    tell(m, c, &t, 1);
    hse_audio all = window_of(m, c, &t, 0, 0);
    CHECK(gap == 1102 && all.n > gap, "a gap of %zu samples of %zu", gap, all.n);
    for (size_t i = all.n - gap; i < all.n; i++)
        CHECK(all.samples[i] == 0, "sample %zu of the gap", i);
    for (size_t from = 0; from < t.mel_frames; from += 17) {
        size_t to = from + 17 < t.mel_frames ? from + 17 : t.mel_frames;
        hse_audio part = window_of(m, c, &t, from, to);

        CHECK(at + part.n <= all.n && memcmp(all.samples + at, part.samples, part.n * sizeof(float)) == 0, "frames %zu to %zu", from, to);
        at += part.n;
        hse_audio_free(&part);
    }
    CHECK(at == all.n, "%zu samples in windows, %zu at once", at, all.n);
    hse_audio_free(&all);
    hse_item_free(&t);
    melo_type.close(&m);
    nn_close(&c);
}

TEST(the_gap_is_that_of_written_digits)
{
    vits_config config = {.rate_hz = 44100};
    const vits_narrator m = {.config = &config};
    static const struct {
        float  speed;
        size_t want;
    } cases[] = {{1, 2205}, {1.5f, 1470}, {0.6f, 3675}, {1.2f, 1837}, {0.7f, 3150}, {2, 1102}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(vits_narrator_gap(&m, cases[i].speed) == cases[i].want, "speed %g: %zu, want %zu", (double)cases[i].speed,
              vits_narrator_gap(&m, cases[i].speed), cases[i].want);
}

/* ---- what is missing or wrong ---- */

TEST(items_say_what_is_wrong_with_them)
{
    nn_ctx *c = vits_context(best_kernels(), 1);
    void *m = open_melo("narrator-items");
    hse_item items[3] = {said("hello world", "nobody", 1, 0, 0), said("hello world", NULL, 1, 0, 0), said("xyzzyx", NULL, 1, 0, 0)},
             *list[3] = {&items[0], &items[1], &items[2]};

    CHECK(melo_type.run(m, c, list, 3) == HSE_OK, "one bad item fails its batch");
    CHECK(items[0].status == HSE_E_ARG && strstr(items[0].error.text, "nobody"), "%s", items[0].error.text);
    CHECK(items[1].status == HSE_OK && items[1].mel, "%s", items[1].error.text);
    CHECK(items[2].status == HSE_E_NOT_FOUND && strstr(items[2].error.text, "scripts/language-data en"),
          "a word that only the pack knows: %s", items[2].error.text);
    for (int i = 0; i < 3; i++)
        hse_item_free(&items[i]);
    melo_type.close(&m);
    nn_close(&c);
}

TEST(models_say_what_they_lack)
{
    static const struct {
        const char *name, *damage, *bert, *language;
        bool        with_bert;
        hse_status  want;
        const char *word;
    } cases[] = {
        {"no BERT", NULL, NULL, "en", false, HSE_E_NOT_FOUND, "BERT"},
        {"a BERT without weights", NULL, WORDS "bert", "en", true, HSE_E_NOT_FOUND, "model.safetensors"},
        {"a BERT of another width", NULL, "tests/golden/melo/bert_en/bert", "en", true, HSE_E_FORMAT, "channels"},
        {"another language", NULL, WORDS "bert", "tlh", false, HSE_E_UNSUPPORTED, "tlh"},
        {"no config", "config.json", WORDS "bert", "en", false, HSE_E_NOT_FOUND, "config.json"},
        {"a damaged config", "config.json={", WORDS "bert", "en", false, HSE_E_FORMAT, "config.json"},
        {"a config of something else", "config.json={\"model\": {}}", WORDS "bert", "en", false, HSE_E_FORMAT, "data"},
        {"no checkpoint", "checkpoint.pth", WORDS "bert", "en", false, HSE_E_NOT_FOUND, "checkpoint.pth"},
        {"a damaged checkpoint", "checkpoint.pth=PK", WORDS "bert", "en", false, HSE_E_UNSUPPORTED, "checkpoint.pth"},
        {"an empty table of words", "cmudict.rep= ", WORDS "bert", "en", false, HSE_E_FORMAT, "cmudict.rep"},
        {"no pack", "cmudict.rep", WORDS "bert", "en", false, HSE_E_NOT_FOUND, "scripts/language-data en"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dir = melo_folder("narrator-lacks", cases[i].with_bert), *damage = cases[i].damage;
        const char *with = damage ? strchr(damage, '=') : NULL;
        char file[40];
        hse_error err = {0};
        void *m;

        if (damage) {
            snprintf(file, sizeof file, "%.*s", (int)strcspn(damage, "="), damage);
            if (with)
                write_file(path_of(dir, file), with + 1, strlen(with + 1));
            else
                unlink(path_of(dir, file));
        }
        hse_status s = open_type(&m, &melo_type, dir, cases[i].bert, cases[i].language, &err);
        CHECK(s == cases[i].want && !m && strstr(err.text, cases[i].word), "%s: %d, %s", cases[i].name, (int)s, err.text);
    }
}

/* ---- what a folder holds ---- */

TEST(a_folder_says_its_languages_and_voices)
{
    hse_model_facts f;
    hse_error err = {0};
    hse_arena a;

    hse_arena_init(&a, 1 << 20);
    CHECK(melo_type.look(&f, melo_folder("narrator-look", true), NULL, &a, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(f.languages[0], "en") == 0 && !f.languages[1] && f.voice_count == 5 && strcmp(f.voices[1], "EN-BR") == 0, "%s of %zu",
          f.languages[0], f.voice_count);
    CHECK(strstr(f.companion, "bert-base-uncased") && f.companion_files[2], "%s", f.companion);
    CHECK(melo_type.look(&f, melo_folder("narrator-look", false), "zh", &a, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(f.languages[0], "zh") == 0 && strstr(f.companion, "chinese-roberta") && !f.companion_files[1], "%s", f.companion);
    CHECK(melo_type.look(&f, HSE_BINARY_DIR, NULL, &a, &err) == HSE_E_NOT_FOUND && strstr(err.text, "config.json"), "%s", err.text);
    CHECK(openvoice_v1_type.look(&f, HSE_BINARY_DIR, "fr", &a, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "fr"), "%s", err.text);
    hse_arena_free(&a);
}

/* ---- no memory ---- */

typedef struct {
    const void *m;
    nn_ctx     *c;
} teller;

static hse_status tell_once(void *arg, hse_error *err)
{
    teller *t = arg;
    vits_told item = {.text = "hello", .speed = 1};
    hse_status s = vits_narrator_tell(t->m, t->c, &item, 1, err);

    if (s == HSE_OK && item.status != HSE_OK) {
        s = item.status;
        *err = item.error;
    }
    vits_told_free(&item);
    return s;
}

TEST(telling_survives_every_failed_allocation)
{
    teller t = {open_melo("narrator-torture"), vits_context(best_kernels(), 1)};
    void *m = (void *)(uintptr_t)t.m;
    hse_error err = {0};

    CHECK(tell_once(&t, &err) == HSE_OK, "%s", err.text);       /* so that activations are there */
    test_torture("vits_narrator_tell", tell_once, &t);
    melo_type.close(&m);
    nn_close(&t.c);
}
