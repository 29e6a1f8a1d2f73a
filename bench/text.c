/* text.c - the text front ends' speed: sentences per second of CPU time on one core, with the language packs that are found.
 *
 *     bench_text [SECONDS]        each front end for so long (1)
 *     bench_text --long           a MiB of one character, of digits, of combining marks, ...: seconds and memory
 *
 * A sentence goes the whole way from a request's text to symbols: normaliser, splitter, front end. The tokenizer's vocabulary is
 * of the sentences' own words (real ones are models' files) filled up to 30,000 entries. */
#include "base/arena.h"
#include "text/lexicon.h"
#include "text/melo/melo.h"
#include "text/openvoice/openvoice.h"
#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const english[] = {
    "The train to the coast leaves at half past nine, and the next one an hour later.",
    "She paid $5.20 for two coffees and left a tip of 10%.",
    "On 3 May 2024 the council met for the first time in the new town hall.",
    "Please call Dr. Smith at 555-0199 before the end of the week.",
    "I had never seen so many birds on the lake as on that quiet morning.",
    "Most of the 1,250 letters were written by children from other countries.",
    "He opened the old wooden door, and a cold wind came in from the garden.",
    "The second half of the film is much better than the first.",
    "Water boils at 100 degrees, but not on the top of a mountain.",
    "They walked 12 km through the rain and arrived late in the evening.",
    "What would you do if nobody could tell you what time it was?",
    "Our neighbours have bought a house with a large kitchen and a small garden.",
    "The meeting is at 3:45 pm, not at 10:05 am as the letter said.",
    "It is easier to ask a question than to answer it well.",
    "In 1999 there were fewer than 2,000 people living on the island.",
    "The doctor said that he should rest, drink water and sleep longer.",
};
static const char *const chinese[] = {"今天我们去公园散步，天气非常好。", "他在北京大学学习了三年的历史。", "这本书一共有305页，我已经看了一半。", "请问最近的地铁站在哪里？"};
static const char *const spanish[] = {"El tren sale a las nueve y llega al mediodía.", "Mi hermana compró dos libros en la librería de la plaza.",
                                      "¿Sabes dónde está la estación más cercana?", "Tengo 3 manzanas y 12 peras en la cocina."};
static const char *const french[] = {"Le train part à neuf heures et arrive à midi.", "Ma sœur a acheté deux livres à la librairie de la place.",
                                     "Savez-vous où se trouve la gare la plus proche ?", "Il y a 21 personnes dans la salle d'attente."};
static const char *const japanese[] = {"今日はとても天気がいいので、公園を散歩しました。", "駅までは歩いて10分くらいです。", "彼は東京の大学で歴史を勉強しています。"};
static const char *const korean[] = {"오늘은 날씨가 아주 좋아서 공원을 산책했습니다.", "역까지는 걸어서 10분쯤 걸립니다.", "그는 서울에 있는 대학교에서 역사를 공부한다."};

typedef struct {
    const char        *name, *code;         /* code: of the normaliser; NULL: no front end behind it */
    const char *const *sentence;
    size_t             count;
    melo_language      melo;
    int                openvoice;           /* -1: none */
} lane;

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int no_symbol(const void *symbols, const char *symbol, size_t size)
{
    (void)symbols;
    (void)symbol;
    return (int)(size & 63);
}

static text_wordpiece *vocabulary(const lane *l)
{
    hse_buf b;
    text_wordpiece *w = NULL;
    hse_error err = {0};

    hse_buf_init(&b, 1 << 24);
    hse_buf_str(&b, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (size_t i = 0; i < l->count; i++)
        for (const char *s = l->sentence[i]; *s;) {
            size_t n = strcspn(s, " .,?!:;");

            for (size_t k = 0; k < n; k++)
                hse_buf_byte(&b, (uint8_t)(s[k] >= 'A' && s[k] <= 'Z' ? s[k] + 32 : s[k]));
            hse_buf_str(&b, n ? "\n" : "");
            s += n + (s[n] != '\0');
        }
    for (char c = '!'; c < '{'; c++)
        hse_buf_printf(&b, "%c\n##%c\n", c, c);
    for (int i = 0; i < 30000; i++)
        hse_buf_printf(&b, "filler%d\n", i);
    if (text_wordpiece_open(&w, (hse_bytes){b.data, b.size}, "vocabulary", &(text_wordpiece_options){.lower = true}, &err) != HSE_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    hse_buf_free(&b);
    return w;
}

typedef enum { NORMALISE, MELO, OPENVOICE, WAYS } way;

static hse_status run_melo(const lane *l, const melo_front *front, const char *text, size_t size, hse_arena *arena, hse_error *err)
{
    const char **piece;
    size_t n;
    melo_piece p;
    hse_status s = melo_split(l->melo, text, size, arena, &piece, &n, err);

    for (size_t i = 0; s == HSE_OK && i < n; i++)
        s = melo_piece_run(&p, front, piece[i], arena, err);
    return s;
}

static hse_status run_openvoice(const lane *l, const openvoice_front *front, const char *text, size_t size, hse_arena *arena, hse_error *err)
{
    const char **piece;
    size_t n;
    openvoice_piece p;
    hse_status s = openvoice_split((openvoice_language)l->openvoice, text, size, arena, &piece, &n, err);

    for (size_t i = 0; s == HSE_OK && i < n; i++)
        s = openvoice_piece_run(&p, front, piece[i], arena, err);
    return s;
}

static void measure(const lane *l, way how, text_lexicon *lexicon, double seconds)
{
    static const char *const names[] = {"normaliser", "MeloTTS", "OpenVoice"};
    melo_front melo = {.language = l->melo, .dictionary = text_lexicon_dictionary(lexicon), .symbol_id = no_symbol, .add_blank = true};
    openvoice_front openvoice = {.language = (openvoice_language)l->openvoice, .dictionary = melo.dictionary, .symbol_id = no_symbol};
    text_wordpiece *tokens = vocabulary(l);
    double began = cpu_seconds(), took = 0;
    size_t done = 0;
    hse_status s = HSE_OK;
    hse_error err = {0};

    melo.tokens = tokens;
    while (s == HSE_OK && (took < seconds || done < l->count)) {
        for (size_t i = 0; s == HSE_OK && i < l->count; i++, done++) {
            hse_arena arena;
            hse_buf spoken;

            hse_arena_init(&arena, 1 << 28);
            hse_buf_init(&spoken, 1 << 20);
            s = text_prepare(l->code, TEXT_MODE_ON, l->sentence[i], strlen(l->sentence[i]), &spoken, &err);
            if (s == HSE_OK && how == MELO)
                s = run_melo(l, &melo, hse_buf_text(&spoken), spoken.size, &arena, &err);
            if (s == HSE_OK && how == OPENVOICE)
                s = run_openvoice(l, &openvoice, hse_buf_text(&spoken), spoken.size, &arena, &err);
            hse_buf_free(&spoken);
            hse_arena_free(&arena);
        }
        took = cpu_seconds() - began;
    }
    text_wordpiece_close(&tokens);
    if (s == HSE_OK)
        printf("%-4s %-10s %9.0f sentences/s\n", l->name, names[how], (double)done / took);
    else
        printf("%-4s %-10s %s\n", l->name, names[how], err.text);
    fflush(stdout);
}

/* A MiB of the same few characters through a front end, piece by piece as a request's are. */
static void measure_long(const lane *l, way how, text_lexicon *lexicon, const char *unit)
{
    enum { BYTES = 1 << 20 };
    melo_front melo = {.language = l->melo, .dictionary = text_lexicon_dictionary(lexicon), .symbol_id = no_symbol, .add_blank = true};
    openvoice_front openvoice = {.language = (openvoice_language)l->openvoice, .dictionary = melo.dictionary, .symbol_id = no_symbol};
    text_wordpiece *tokens = vocabulary(l);
    double began = cpu_seconds();
    size_t most = 0, n = 0, refused = 0;
    const char **piece = NULL;
    hse_arena cut;
    hse_buf text;
    hse_error err = {0};
    hse_status s;

    hse_buf_init(&text, 2 * BYTES);
    while (text.size + strlen(unit) <= BYTES)
        hse_buf_str(&text, unit);
    melo.tokens = tokens;
    hse_arena_init(&cut, 1u << 30);
    s = how == MELO ? melo_split(l->melo, hse_buf_text(&text), text.size, &cut, &piece, &n, &err)
                    : openvoice_split((openvoice_language)l->openvoice, hse_buf_text(&text), text.size, &cut, &piece, &n, &err);
    for (size_t i = 0; s == HSE_OK && i < n; i++) {
        hse_arena arena;
        melo_piece m;
        openvoice_piece o;

        hse_arena_init(&arena, 1u << 30);
        refused += (how == MELO ? melo_piece_run(&m, &melo, piece[i], &arena, &err)
                                : openvoice_piece_run(&o, &openvoice, piece[i], &arena, &err)) != HSE_OK;
        most = arena.total > most ? arena.total : most;
        hse_arena_free(&arena);
    }
    printf("%-4s %-10s %-12.12s %7.2f s, %5.0f MiB, %zu pieces, %zu refused%s%s\n", l->name, how == MELO ? "MeloTTS" : "OpenVoice", unit,
           cpu_seconds() - began, (double)(most + cut.total) / 1048576, n, refused, s != HSE_OK || refused ? ": " : "",
           s != HSE_OK || refused ? err.text : "");
    fflush(stdout);
    hse_arena_free(&cut);
    hse_buf_free(&text);
    text_wordpiece_close(&tokens);
}

int main(int argc, char **argv)
{
    static const char *const units[] = {"a", "1", "a\u0301", "\u0301", "\u4E00", "\u513F", "\u6211\u4EEC\u4E0D\u77E5\u9053", "\u9F98\u9750\u9F49", "\uAC00", "\u3042", "a\u4E001\uAC00 \u0416\u0301,", "a b ", "!", "#", "1.1,"};
    static const lane lanes[] = {
        {"EN", "en", english, COUNT(english), MELO_EN, OPENVOICE_EN}, {"ZH", "zh", chinese, COUNT(chinese), MELO_ZH, OPENVOICE_ZH},
        {"ES", "es", spanish, COUNT(spanish), MELO_ES, -1},           {"FR", "fr", french, COUNT(french), MELO_FR, -1},
        {"JP", "ja", japanese, COUNT(japanese), MELO_JP, -1},         {"KR", "ko", korean, COUNT(korean), MELO_KR, -1},
    };
    bool lengths = argc > 1 && strcmp(argv[1], "--long") == 0;
    double seconds = argc > 1 && !lengths ? strtod(argv[1], NULL) : 1;
    text_lexicon *lexicon = NULL;
    hse_error err = {0};

    if (text_lexicon_open(&lexicon, NULL, false, &err) != HSE_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; lengths && i < COUNT(lanes); i++)
        for (size_t k = 0; k < COUNT(units); k++)
            for (way how = MELO; how < WAYS; how++)
                if (how != OPENVOICE || lanes[i].openvoice >= 0)
                    measure_long(&lanes[i], how, lexicon, units[k]);
    for (size_t i = 0; !lengths && i < COUNT(lanes); i++)
        for (way how = NORMALISE; how < WAYS; how++)
            if (how != OPENVOICE || lanes[i].openvoice >= 0)
                measure(&lanes[i], how, lexicon, seconds);
    text_lexicon_close(&lexicon);
    return 0;
}
