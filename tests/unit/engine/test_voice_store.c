/* The voice store: what goes in comes out, by name and id, after a restart, beside other writers, after damage, with no memory. */
#include "engine/voices/inner.h"

#include "audio/decode.h"
#include "base/file.h"
#include "fake.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>

/* A folder of its own for each test; not there yet. */
static const char *state_dir(const char *name)
{
    static char dir[400];
    char command[512];

    snprintf(dir, sizeof dir, "%s/voices-%s", HSE_BINARY_DIR, name);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK(system(command) == 0, "%s", command);
    return dir;
}

static hse_voice_store *open_store(const char *dir)
{
    hse_voice_store *s = NULL;
    hse_error err = {0};

    CHECK(hse_voice_store_open(&s, dir, &err) == HSE_OK, "%s", err.text);
    return s;
}

/* A second and a half of the kit's speech. */
static const hse_audio *recording(void)
{
    static hse_audio a;
    hse_error err = {0};

    if (a.n == 0) {
        CHECK(hse_audio_decode_file(&a, test_path("tests/golden/silero/audio/jfk_16k.wav"), NULL, &err) == HSE_OK, "%s", err.text);
        a.n = 24000;
    }
    return &a;
}

static hse_status add(hse_voice_store *s, const char *name, hse_voice_info *out, hse_error *err)
{
    return hse_voice_store_add(s, name, "consent-7", recording(), out, err);
}

static void must_add(hse_voice_store *s, const char *name, hse_voice_info *out)
{
    hse_error err = {0};

    CHECK(add(s, name, out, &err) == HSE_OK, "%s: %s", name, err.text);
}

static size_t count_files(const char *dir, const char *sub, const char *suffix)
{
    char path[1024];
    size_t n = 0;

    snprintf(path, sizeof path, "%s/voices/%s", dir, sub);
    DIR *d = opendir(path);
    for (struct dirent *f; d && (f = readdir(d));)
        n += f->d_name[0] != '.' && strstr(f->d_name, suffix);
    if (d)
        closedir(d);
    return n;
}

TEST(a_voice_comes_back_by_name_and_id_after_a_restart)
{
    const char *dir = state_dir("restart");
    hse_voice_store *s = open_store(dir);
    hse_voice_info v, w;
    hse_audio a = {0};
    hse_error err = {0};
    hse_voice_info *list = NULL;
    size_t n = 9;

    CHECK(hse_voice_store_list(s, &list, &n, &err) == HSE_OK && n == 0, "an empty store: %zu, %s", n, err.text);
    hse_free(list);
    CHECK(hse_voice_store_get(s, "Ann", &v, &err) == HSE_E_NOT_FOUND, "nobody is there");
    must_add(s, "Ann", &v);
    must_add(s, "Änne \xF0\x9F\x8E\xA4", NULL);
    must_add(s, "a+b (2).x", NULL);
    hse_voice_store_close(&s);

    s = open_store(dir);
    for (int by_id = 0; by_id < 2; by_id++) {
        CHECK(hse_voice_store_get(s, by_id ? v.id : "Ann", &w, &err) == HSE_OK, "%s", err.text);
        CHECK(strcmp(w.id, v.id) == 0 && strcmp(w.name, "Ann") == 0 && strcmp(w.consent, "consent-7") == 0 && w.created_at == v.created_at &&
                  w.rate_hz == 16000 && fabs(w.quality.seconds - 1.5) < 1e-9 && w.quality.speech_seconds > 0.3 && !w.problem[0],
              "%s %s", w.id, w.name);
    }
    CHECK(hse_voice_store_audio(s, "Ann", &a, &err) == HSE_OK, "%s", err.text);
    CHECK(a.n == recording()->n && a.rate_hz == 16000 && memcmp(a.samples, recording()->samples, a.n * sizeof(float)) == 0, "the same samples");
    hse_audio_free(&a);
    CHECK(hse_voice_store_list(s, &list, &n, &err) == HSE_OK && n == 3 && strcmp(list[0].name, "Ann") == 0, "%zu voices", n);
    hse_free(list);
    CHECK(hse_voice_store_remove(s, v.id, &w, &err) == HSE_OK && strcmp(w.name, "Ann") == 0, "%s", err.text);
    CHECK(hse_voice_store_get(s, "Ann", &v, &err) == HSE_E_NOT_FOUND && hse_voice_store_remove(s, "Ann", NULL, &err) == HSE_E_NOT_FOUND, "gone");
    CHECK(count_files(dir, "", ".json") == 2 && count_files(dir, "audio", ".wav") == 2, "its files are gone too");
    hse_voice_store_close(&s);
}

TEST(names_and_recordings_are_checked)
{
    static const char *const bad[] = {"", " x", "x ", ".x", "..", "a/b", "../../etc/passwd", "a\\b", "a\nb", "a\x7f", "a\"b", "\xff", "\xc2\x85",
                                      "voice_0123456789abcdef", "\xe2\x80\xa8", "\t",
                                      "0123456789012345678901234567890123456789012345678901234567890123x"};
    static float silence[16000], nan_[1000] = {[500] = NAN};
    const char *dir = state_dir("names");
    hse_voice_store *s = open_store(dir);
    hse_error err = {0};

    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(add(s, bad[i], NULL, &err) == HSE_E_ARG && strncmp(err.text, "name", 4) == 0, "\"%s\": %s", bad[i], err.text);
    CHECK(hse_voice_store_add(s, NULL, NULL, recording(), NULL, &err) == HSE_E_ARG, "no name");
    const struct { const char *what; hse_audio a; hse_status want; } recordings[] = {
        {"no samples", {0}, HSE_E_ARG},
        {"silence", {silence, 16000, 16000, 1}, HSE_E_ARG},
        {"not a number", {nan_, 1000, 16000, 1}, HSE_E_ARG},
        {"a strange rate", {silence, 16000, 0, 1}, HSE_E_ARG},
        {"too long", {silence, 302 * 1000, 1000, 1}, HSE_E_LIMIT},
        {"too many samples", {silence, VOICE_SAMPLES_MAX + 1, 384000, 1}, HSE_E_LIMIT},
    };
    for (size_t i = 0; i < COUNT(recordings); i++)
        CHECK(hse_voice_store_add(s, "x", NULL, &recordings[i].a, NULL, &err) == recordings[i].want &&
                  (recordings[i].want != HSE_E_ARG || strncmp(err.text, "audio_sample", 12) == 0),
              "%s: %s", recordings[i].what, err.text);
    static char consent[HSE_VOICE_CONSENT_MAX + 2];
    memset(consent, 'c', HSE_VOICE_CONSENT_MAX + 1);
    CHECK(hse_voice_store_add(s, "x", consent, recording(), NULL, &err) == HSE_E_ARG, "a consent that is too long");
    CHECK(access(dir, F_OK) != 0, "refusals make no folder");
    must_add(s, "x", NULL);
    CHECK(add(s, "x", NULL, &err) == HSE_E_BUSY && strstr(err.text, "\"x\""), "a name that is taken: %s", err.text);
    consent[HSE_VOICE_CONSENT_MAX] = '\0';
    CHECK(hse_voice_store_add(s, "0123456789012345678901234567890123456789012345678901234567890123", consent, recording(), NULL, &err) == HSE_OK,
          "at the bounds: %s", err.text);
    hse_voice_store_close(&s);
}

/* Change a file of the store: cut it to `cut` bytes (>= 0), or write `text` at `at`. */
static void spoil(const char *dir, const char *sub, const char *id, const char *suffix, long cut, long at, const char *text)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/voices/%s%s%s", dir, sub, id, suffix);
    if (cut >= 0) {
        CHECK(truncate(path, cut) == 0, "%.500s", path);
    } else {
        FILE *f = fopen(path, "r+");
        CHECK(f, "%.500s", path);
        fseek(f, at, SEEK_SET);
        fputs(text, f);
        fclose(f);
    }
}

TEST(damaged_entries_are_reported_and_skipped)
{
    static const struct { const char *what, *sub, *suffix; long cut, at; const char *text; bool in_list; } cases[] = {
        {"an empty entry", "", ".json", 0, 0, NULL, true},
        {"a cut entry", "", ".json", 60, 0, NULL, true},
        {"an entry that is no JSON", "", ".json", -1, 0, "x", true},
        {"another format", "", ".json", -1, 11, "9", true},
        {"another id", "", ".json", -1, 24, "0000", true},
        {"a changed recording", "audio/", ".wav", -1, 5000, "abcd", false},
        {"a cut recording", "audio/", ".wav", 5000, 0, NULL, false},
        {"an empty recording", "audio/", ".wav", 0, 0, NULL, false},
        {"no WAV at all", "audio/", ".wav", -1, 0, "JUNK", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *dir = state_dir("damaged");
        hse_voice_store *s = open_store(dir);
        hse_voice_info v, good, *list = NULL;
        hse_audio a = {0};
        hse_error err = {0};
        size_t n = 0;

        must_add(s, "good", &good);
        must_add(s, "bad", &v);
        hse_voice_store_close(&s);
        spoil(dir, cases[i].sub, v.id, cases[i].suffix, cases[i].cut, cases[i].at, cases[i].text);
        s = open_store(dir);
        CHECK(hse_voice_store_list(s, &list, &n, &err) == HSE_OK && n == 2, "%s: %s", cases[i].what, err.text);
        size_t bad = strcmp(list[0].id, v.id) == 0 ? 0 : 1;
        CHECK(strcmp(list[!bad].name, "good") == 0 && !list[!bad].problem[0], "%s: the other one", cases[i].what);
        CHECK((list[bad].problem[0] != 0) == cases[i].in_list, "%s: problem \"%s\"", cases[i].what, list[bad].problem);
        hse_free(list);
        CHECK(hse_voice_store_audio(s, v.id, &a, &err) == HSE_E_FORMAT && err.text[0] && !strstr(err.text, "/"), "%s: %s", cases[i].what, err.text);
        CHECK(hse_voice_store_audio(s, "good", &a, &err) == HSE_OK, "%s: the other one: %s", cases[i].what, err.text);
        hse_audio_free(&a);
        CHECK(hse_voice_store_remove(s, v.id, NULL, &err) == HSE_OK, "%s: %s", cases[i].what, err.text);
        must_add(s, "bad", NULL);
        hse_voice_store_close(&s);
    }
}

/* What a crash at any point leaves: half-written files, a recording without its entry. They are no voices, and the next writer
 * takes them away. */
TEST(leavings_of_a_crash_are_swept)
{
    const char *dir = state_dir("crash");
    hse_voice_store *s = open_store(dir);
    hse_voice_info v;
    hse_voice_info *list = NULL;
    hse_error err = {0};
    size_t n = 0;
    char path[1024];

    must_add(s, "kept", &v);
    hse_voice_store_close(&s);
    snprintf(path, sizeof path, "%s/voices", dir);
    fake_file(path, "voice_00000000000000aa.json.77-00.part", "{\"for");
    fake_file(path, "notes.txt", "not ours");
    snprintf(path, sizeof path, "%s/voices/audio", dir);
    fake_file(path, "voice_00000000000000aa.wav", "RIFF");
    fake_file(path, "voice_00000000000000ab.wav.77-00.part", "RI");
    snprintf(path, sizeof path, "%s/voices/embeddings", dir);
    fake_file(path, "voice_00000000000000aa.0123456789abcdef", "HSEV");
    s = open_store(dir);
    CHECK(hse_voice_store_list(s, &list, &n, &err) == HSE_OK && n == 1, "%zu voices", n);
    hse_free(list);
    CHECK(count_files(dir, "audio", "voice_") == 3, "a reader changes nothing");
    must_add(s, "new", NULL);
    CHECK(count_files(dir, "", ".part") == 0 && count_files(dir, "", "notes") == 1 && count_files(dir, "audio", "voice_") == 2 &&
              count_files(dir, "embeddings", "voice_") == 0, "swept");
    hse_voice_store_close(&s);
}

TEST(processes_write_beside_each_other)
{
    enum { PROCESSES = 4, EACH = 6 };
    const char *dir = state_dir("processes");
    pid_t child[PROCESSES];
    hse_voice_info *list = NULL;
    hse_error err = {0};
    size_t n = 0;
    int won = 0;

    recording();
    for (int p = 0; p < PROCESSES; p++)
        if ((child[p] = fork()) == 0) {
            hse_voice_store *s = open_store(dir);
            int mine = 0;

            for (int i = 0; i < EACH; i++) {
                char name[32];

                snprintf(name, sizeof name, "contested-%d", i);         /* one process gets each of these */
                hse_status st = add(s, name, NULL, &err);
                mine += st == HSE_OK;
                if (st != HSE_OK && st != HSE_E_BUSY)
                    _exit(100);
                snprintf(name, sizeof name, "own-%d-%d", p, i);
                if (add(s, name, NULL, &err) != HSE_OK || (i % 2 && hse_voice_store_remove(s, name, NULL, &err) != HSE_OK))
                    _exit(101);
            }
            _exit(mine);
        }
    for (int p = 0; p < PROCESSES; p++) {
        int status = 0;

        CHECK(child[p] > 0 && waitpid(child[p], &status, 0) == child[p] && WIFEXITED(status) && WEXITSTATUS(status) < 100, "process %d: %d", p,
              status);
        won += WEXITSTATUS(status);
    }
    hse_voice_store *s = open_store(dir);
    CHECK(hse_voice_store_list(s, &list, &n, &err) == HSE_OK, "%s", err.text);
    CHECK(won == EACH && n == EACH + PROCESSES * EACH / 2, "%d won, %zu voices", won, n);
    for (size_t i = 0; i < n; i++) {
        hse_audio a = {0};
        CHECK(hse_voice_store_audio(s, list[i].name, &a, &err) == HSE_OK, "%s", err.text);
        hse_audio_free(&a);
    }
    hse_free(list);
    hse_voice_store_close(&s);
}

TEST(another_process_is_seen_at_once)
{
    const char *dir = state_dir("seen");
    hse_voice_store *a = open_store(dir), *b = open_store(dir);
    hse_voice_info v;
    hse_error err = {0};

    for (int i = 0; i < 10; i++) {
        char name[16];

        snprintf(name, sizeof name, "v%d", i);
        must_add(a, name, NULL);
        CHECK(hse_voice_store_get(b, name, &v, &err) == HSE_OK, "%s: %s", name, err.text);
        if (i % 3 == 0)
            CHECK(hse_voice_store_remove(b, name, NULL, &err) == HSE_OK && hse_voice_store_get(a, name, &v, &err) == HSE_E_NOT_FOUND, "%s", name);
    }
    hse_voice_store_close(&a);
    hse_voice_store_close(&b);
}

TEST(a_folder_that_cannot_be_written_says_so)
{
    const char *dir = state_dir("file");
    hse_error err = {0};

    CHECK(hse_file_write(dir, "x", 1, &err) == HSE_OK, "%s", err.text);                /* a file where the folder should be */
    hse_voice_store *s = open_store(dir);
    hse_status st = add(s, "x", NULL, &err);
    CHECK(st == HSE_E_IO && err.text[0], "%d %s", (int)st, err.text);
    CHECK(hse_voice_store_remove(s, "x", NULL, &err) == HSE_E_NOT_FOUND, "nothing is there");
    hse_voice_store_close(&s);
    unlink(dir);
}

/* ---- in requests --------------------------------------------------------------------------------------------------- */

static hse_status apply(hse_voice_store *s, hse_engine *e, hse_request *r, float **x, hse_error *err)
{
    *x = NULL;
    return hse_voice_store_apply(s, e, r, x, err);
}

TEST(a_stored_voice_speaks_by_its_cached_embedding)
{
    const char *dir = state_dir("apply");
    hse_voice_store *s = open_store(dir);
    hse_engine *e = (fake_reset(), fake_engine(NULL));
    hse_request r = fake_speech("hello");
    hse_error err = {0};
    hse_voice_info v;
    float *x = NULL, first[FAKE_DIM];

    must_add(s, "mine", &v);
    must_add(s, "anna", NULL);
    for (int round = 0; round < 4; round++) {
        r = fake_speech("hello");
        r.voice = round % 2 ? v.id : "mine";
        if (round == 2) {                                           /* after a restart */
            hse_voice_store_close(&s);
            s = open_store(dir);
        }
        CHECK(apply(s, e, &r, &x, &err) == HSE_OK, "%s", err.text);
        CHECK(!r.voice && r.embedding == x && r.embedding_size == FAKE_DIM && !r.audio.n, "the embedding is there");
        if (round == 0)
            memcpy(first, x, sizeof first);
        CHECK(memcmp(first, x, sizeof first) == 0 && fake_count(&fake.items[0]) == 1, "round %d: %d embedded", round, fake_count(&fake.items[0]));
        hse_free(x);
    }
    CHECK(count_files(dir, "embeddings", v.id) == 1, "one file");

    r = fake_speech("x"), r.voice = "anna";
    CHECK(apply(s, e, &r, &x, &err) == HSE_OK && !x && r.voice && !r.embedding, "the model's own voice goes first");
    r = fake_speech("x"), r.voice = "nobody";
    CHECK(apply(s, e, &r, &x, &err) == HSE_OK && !x && r.voice, "an unknown one is the engine's to refuse");
    hse_free(x);

    char file[1024];
    snprintf(file, sizeof file, "%s/fake-models/org/voice", HSE_BINARY_DIR);
    fake_file(file, "encoder.fake", "other weights");
    r = fake_speech("x"), r.voice = "mine";
    CHECK(apply(s, e, &r, &x, &err) == HSE_OK && fake_count(&fake.items[0]) >= 1 && count_files(dir, "embeddings", v.id) == 2, "other weights, another file");
    hse_free(x);
    DIR *d = NULL;
    snprintf(file, sizeof file, "%s/voices/embeddings", dir);
    CHECK((d = opendir(file)) != NULL, "%.500s", file);
    for (struct dirent *f; (f = readdir(d));)
        if (f->d_name[0] != '.')
            spoil(dir, "embeddings/", f->d_name, "", 40, 0, NULL);
    closedir(d);
    r = fake_speech("x"), r.voice = "mine";
    CHECK(apply(s, e, &r, &x, &err) == HSE_OK && x && memcmp(first, x, sizeof first) == 0, "a damaged file is made again: %s", err.text);
    hse_free(x);
    CHECK(hse_voice_store_remove(s, "mine", NULL, &err) == HSE_OK && count_files(dir, "embeddings", v.id) == 0, "embeddings go with the voice");
    hse_voice_store_close(&s);
    hse_engine_close(&e);
}

static const char marked[] = "<speak>a <voice name='mine'>b</voice><voice name='anna'>c</voice> <voice name='MINE'>d</voice> "
                             "<voice name='mine'>e</voice><voice name='nobody'>f</voice></speak>";

TEST(stored_voices_of_a_text_are_embedded_once)
{
    const char *dir = state_dir("text");
    hse_voice_store *s = open_store(dir);
    hse_engine *e = (fake_reset(), fake_engine(NULL));
    hse_named_voices v;
    hse_error err = {0};
    hse_request r = fake_speech(marked);

    must_add(s, "mine", NULL);
    must_add(s, "anna", NULL);
    CHECK(hse_voice_store_apply_text(s, e, &r, &v, &err) == HSE_OK, "%s", err.text);
    CHECK(v.count == 1 && r.voices == v.list && strcmp(v.list[0].name, "mine") == 0 && v.list[0].size == FAKE_DIM, "%zu voices", v.count);
    CHECK(fake_count(&fake.items[0]) == 1, "%d embedded", fake_count(&fake.items[0]));
    hse_named_voices_free(&v);

    r = fake_speech("<speak><voice name='mine'>a</speak>");
    CHECK(hse_voice_store_apply_text(s, e, &r, &v, &err) == HSE_OK && v.count == 0, "what cannot be read is the engine's to refuse");
    r = fake_speech(marked), r.reference = true;
    CHECK(hse_voice_store_apply_text(s, e, &r, &v, &err) == HSE_OK && v.count == 0, "as the original does");

    for (int sticky = 0; sticky < 2; sticky++)
        for (unsigned n = 1; n < 2000; n++) {
            r = fake_speech(marked);
            hse_mem_fail_at(n, sticky);
            hse_status st = hse_voice_store_apply_text(s, e, &r, &v, &err);
            bool struck = hse_mem_failed();
            hse_mem_fail_at(0, false);
            CHECK(st == HSE_OK ? v.count == 1 : struck && st == HSE_E_NOMEM && err.text[0] && v.count == 0, "allocation %u: %d %s", n, (int)st, err.text);
            hse_named_voices_free(&v);
            if (!struck)
                break;
        }
    hse_voice_store_close(&s);
    hse_engine_close(&e);
}

/* hse.h's calls look into the same store, HSE_STATE's where no config names one. */
TEST(the_library_speaks_with_stored_voices)
{
    const char *dir = state_dir("library");
    hse_voice_store *s = open_store(dir);
    hse_engine *e = (fake_reset(), fake_engine(NULL));
    hse_speak_options o;
    hse_pcm by_name = {0}, by_recording = {0}, none = {0};
    hse_error err = {0};

    must_add(s, "mine", NULL);
    hse_voice_store_close(&s);
    setenv("HSE_STATE", dir, 1);
    hse_speak_options_init(&o);
    o.voice = "mine";
    CHECK(hse_speak(e, "hello", &o, &by_name, &err) == HSE_OK, "%s", err.text);
    CHECK(hse_speak(e, "<speak>a <voice name='mine'>b</voice></speak>", &o, &none, &err) == HSE_OK, "%s", err.text);
    hse_pcm_free(&none);
    o.voice = NULL;
    o.reference = recording()->samples;
    o.reference_count = recording()->n;
    o.reference_rate_hz = (unsigned)recording()->rate_hz;
    CHECK(hse_speak(e, "hello", &o, &by_recording, &err) == HSE_OK, "%s", err.text);
    CHECK(by_name.count > 0 && by_name.count == by_recording.count &&
              memcmp(by_name.samples, by_recording.samples, by_name.count * sizeof(float)) == 0, "the bits of its recording");
    o = (hse_speak_options){.size = sizeof o, .voice = "nobody"};
    CHECK(hse_speak(e, "hello", &o, &none, &err) == HSE_E_ARG && strstr(err.text, "nobody"), "%s", err.text);
    o = (hse_speak_options){.size = sizeof o, .style = "sad"};
    CHECK(hse_speak(e, "hello", &o, &none, &err) == HSE_E_UNSUPPORTED && strstr(err.text, "style: 'sad'"), "%s", err.text);
    unsetenv("HSE_STATE");
    hse_pcm_free(&by_name);
    hse_pcm_free(&by_recording);
    hse_engine_close(&e);
}

/* ---- no memory ----------------------------------------------------------------------------------------------------- */

static size_t voices_in(const char *dir)
{
    hse_voice_store *s = open_store(dir);
    hse_voice_info *list = NULL;
    hse_error err = {0};
    size_t n = 0, good = 0;

    CHECK(hse_voice_store_list(s, &list, &n, &err) == HSE_OK, "%s", err.text);
    for (size_t i = 0; i < n; i++) {
        hse_audio a = {0};
        good += hse_voice_store_audio(s, list[i].id, &a, &err) == HSE_OK;
        hse_audio_free(&a);
    }
    CHECK(good == n, "%zu of %zu are whole", good, n);
    hse_free(list);
    hse_voice_store_close(&s);
    return n;
}

/* What fails says so and leaves the old state; what is only tidying (syncing, sweeping) may fail without harm. */
TEST(torture)
{
    const char *dir = state_dir("torture");
    hse_audio a = {0};

    for (int sticky = 0; sticky < 2; sticky++)
        for (unsigned n = 1;; n++) {
            hse_voice_store *s = NULL;
            hse_voice_info *list = NULL;
            size_t count = 0, before = voices_in(dir);
            hse_error err = {0};
            const char *step = "open";

            hse_mem_fail_at(n, sticky);
            hse_status st = hse_voice_store_open(&s, dir, &err);
            if (st == HSE_OK && (step = "add"))
                st = add(s, "t", NULL, &err);
            bool added = st == HSE_OK;
            if (st == HSE_OK && (step = "audio"))
                st = hse_voice_store_audio(s, "t", &a, &err);
            if (st == HSE_OK && (step = "list"))
                st = hse_voice_store_list(s, &list, &count, &err);
            bool struck = hse_mem_failed();
            hse_mem_fail_at(0, false);
            CHECK(st == HSE_OK || (struck && st == HSE_E_NOMEM && err.text[0]), "allocation %u, %s: %d %s", n, step, (int)st, err.text);
            hse_audio_free(&a);
            hse_free(list);
            hse_voice_store_close(&s);
            CHECK(voices_in(dir) == before + added, "allocation %u: the store is whole", n);
            if (added) {
                s = open_store(dir);
                CHECK(hse_voice_store_remove(s, "t", NULL, &err) == HSE_OK, "%s", err.text);
                hse_voice_store_close(&s);
            }
            if (!struck)
                break;
        }
}
