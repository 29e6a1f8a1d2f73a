/* BERT beyond what golden cases show: texts in company on every instruction set and in every type, folders that are damaged or
 * contradict themselves, wild numbers, memory that runs out. */
#include "torture.h"

#include "base/file.h"
#include "base/mem.h"
#include "models/bert/bert.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define MODEL "tests/golden/melo/bert_en/bert"

static const char *const files[] = {"config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"};
static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[160];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static char *read_original(const char *name, size_t *size)
{
    char path[200], *bytes = NULL;

    snprintf(path, sizeof path, MODEL "/%s", name);
    CHECK(hse_file_read(&bytes, size, test_path(path), 1 << 24, NULL) == HSE_OK, "%s", path);
    return bytes;
}

static void write_copy(const char *name)
{
    size_t size;
    char *bytes = read_original(name, &size);

    CHECK(hse_file_write(in_folder(name), bytes, size, NULL) == HSE_OK, "%s", name);
    hse_free(bytes);
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/hse-bert-XXXXXX");
    CHECK(mkdtemp(folder) != NULL, "%s", folder);
    for (size_t i = 0; i < COUNT(files); i++)
        write_copy(files[i]);
}

static void remove_folder(void)
{
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(in_folder(files[i]));
    rmdir(folder);
}

static hse_status open_at(bert **m, const char *dir, const hse_kernels *k, k_weight_type type, bool all, hse_error *err)
{
    return bert_open(m, &(bert_source){.dir = dir, .kernels = k, .type = type, .all_layers = all}, err);
}

static bert *load(const hse_kernels *k, k_weight_type type)
{
    bert *m = NULL;
    hse_error err = {0};

    CHECK(open_at(&m, test_path(MODEL), k, type, false, &err) == HSE_OK, "%s", err.text);
    return m;
}

static nn_ctx *context(const hse_kernels *k, int threads)
{
    static hse_pool *pool[4];
    nn_ctx *c = NULL;

    if (!pool[threads])
        CHECK(hse_pool_open(&pool[threads], threads, NULL) == HSE_OK, "pool");
    CHECK(nn_open(&c, &(nn_options){.kernels = k, .pool = pool[threads], .poison = true}, NULL) == HSE_OK, "context");
    return c;
}

enum { ITEMS = 5, LONGEST = 96 };
static const int lengths[ITEMS] = {7, 1, LONGEST, 2, 40};

static const int32_t *ids_of(int i)
{
    static int32_t ids[ITEMS][LONGEST];

    for (int k = 0; k < LONGEST; k++)
        ids[i][k] = (i * 131 + k * 17) % 527;
    return ids[i];
}

TEST(texts_have_their_bits_in_company)
{
    static const double floors[K_WEIGHT_TYPES] = {100, 35, 20};
    bert_text plain[ITEMS];
    unsigned masks[] = {0, HSE_CPU_AVX2, ~0u};

    for (size_t s = 0; s < COUNT(masks); s++)
        for (int type = 0; type < K_WEIGHT_TYPES; type++) {
            const hse_kernels *k = hse_kernels_get(masks[s] & hse_cpu_detect());
            bert *m = load(k, (k_weight_type)type);
            bert_text alone[ITEMS], item[ITEMS];
            size_t width = (size_t)m->hidden;

            for (int i = 0; i < ITEMS; i++) {
                nn_ctx *c = context(k, 1);
                alone[i] = item[i] = (bert_text){.ids = ids_of(i), .n = lengths[i]};
                CHECK(bert_run(m, c, &alone[i], 1, NULL) == HSE_OK && alone[i].status == HSE_OK, "%s", alone[i].error.text);
                CHECK(bert_plan(m, c, lengths[i]) >= nn_peak(c), "item %d: planned too little", i);
                nn_close(&c);
                if (s == 0 && type == 0)
                    plain[i] = alone[i];
                double db = test_snr(alone[i].features, plain[i].features, (size_t)lengths[i] * width);
                CHECK(db >= floors[type], "%s type %d item %d: %.1f dB", k->name, type, i, db);
            }
            for (int threads = 1; threads <= 3; threads += 2) {
                nn_ctx *c = context(k, threads);
                CHECK(bert_run(m, c, item, ITEMS, NULL) == HSE_OK, "the batch");
                for (int i = 0; i < ITEMS; i++) {
                    CHECK(item[i].status == HSE_OK && memcmp(item[i].features, alone[i].features,
                                                             (size_t)lengths[i] * width * sizeof(float)) == 0,
                          "%s type %d item %d on %d threads: other bits in company", k->name, type, i, threads);
                    hse_free(item[i].features);
                }
                nn_close(&c);
            }
            for (int i = 0; i < ITEMS && !(s == 0 && type == 0); i++)
                hse_free(alone[i].features);
            bert_close(&m);
        }
    for (int i = 0; i < ITEMS; i++)
        hse_free(plain[i].features);
}

TEST(a_bad_text_does_not_fail_its_batch)
{
    static const int32_t below[] = {1, -1}, beyond[] = {1, 527};
    const struct {
        const char *name;
        const int32_t *ids;
        int n;
        hse_status want;
    } cases[] = {
        {"good", ids_of(0), 5, HSE_OK},        {"nothing", ids_of(0), 0, HSE_E_LIMIT},  {"less", ids_of(0), -1, HSE_E_LIMIT},
        {"too long", ids_of(0), 97, HSE_E_LIMIT}, {"below", below, 2, HSE_E_ARG}, {"beyond", beyond, 2, HSE_E_ARG},
        {"the longest", ids_of(2), 96, HSE_OK},
    };
    bert *m = load(NULL, K_F32);
    nn_ctx *c = context(NULL, 1);
    bert_text item[COUNT(cases)];

    for (size_t i = 0; i < COUNT(cases); i++)
        item[i] = (bert_text){.ids = cases[i].ids, .n = cases[i].n};
    CHECK(bert_run(m, c, item, COUNT(cases), NULL) == HSE_OK, "the batch");
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(item[i].status == cases[i].want && (item[i].features != NULL) == (cases[i].want == HSE_OK) &&
                  (item[i].status == HSE_OK || item[i].error.text[0]),
              "%s: got %d (%s)", cases[i].name, (int)item[i].status, item[i].error.text);
        hse_free(item[i].features);
    }
    nn_close(&c);
    bert_close(&m);
}

/* One member or line of a good folder's file replaced, or the file gone. */
TEST(folders_that_are_damaged_are_refused_with_words)
{
    static const struct {
        const char *name, *file, *from, *to, *says;
        hse_status  want;
    } cases[] = {
        {"no config", "config.json", NULL, NULL, "config.json", HSE_E_NOT_FOUND},
        {"no vocabulary", "vocab.txt", NULL, NULL, "vocab.txt", HSE_E_NOT_FOUND},
        {"no weights", "model.safetensors", NULL, NULL, "model.safetensors", HSE_E_NOT_FOUND},
        {"a config that is none", "config.json", "{", "[", "config.json", HSE_E_FORMAT},
        {"no width", "config.json", "\"hidden_size\": 40", "\"hidden\": 40", "hidden_size", HSE_E_FORMAT},
        {"width of 0", "config.json", "\"hidden_size\": 40", "\"hidden_size\": 0", "hidden_size", HSE_E_FORMAT},
        {"width as text", "config.json", "\"hidden_size\": 40", "\"hidden_size\": \"40\"", "hidden_size", HSE_E_FORMAT},
        {"endless width", "config.json", "\"hidden_size\": 40", "\"hidden_size\": 99999999999", "hidden_size", HSE_E_FORMAT},
        {"another width", "config.json", "\"hidden_size\": 40", "\"hidden_size\": 45", "word_embeddings", HSE_E_FORMAT},
        {"heads that do not divide", "config.json", "heads\": 5", "heads\": 7", "heads", HSE_E_FORMAT},
        {"heads below 1", "config.json", "heads\": 5", "heads\": -5", "num_attention_heads", HSE_E_FORMAT},
        {"too few layers", "config.json", "layers\": 3", "layers\": 1", "layers", HSE_E_FORMAT},
        {"more layers", "config.json", "layers\": 3", "layers\": 7", "missing", HSE_E_FORMAT},
        {"endless layers", "config.json", "layers\": 3", "layers\": 49", "num_hidden_layers", HSE_E_FORMAT},
        {"another inner width", "config.json", "size\": 56", "size\": 57", "intermediate", HSE_E_FORMAT},
        {"fewer positions", "config.json", "embeddings\": 96", "embeddings\": 95", "position_embeddings", HSE_E_FORMAT},
        {"a larger vocabulary", "config.json", "vocab_size\": 527", "vocab_size\": 528", "word_embeddings", HSE_E_FORMAT},
        {"a smaller vocabulary", "config.json", "vocab_size\": 527", "vocab_size\": 500", "vocab.txt", HSE_E_FORMAT},
        {"another activation", "config.json", "\"gelu\"", "\"mish\"", "hidden_act", HSE_E_UNSUPPORTED},
        {"an activation that is none", "config.json", "\"gelu\"", "7", "hidden_act", HSE_E_UNSUPPORTED},
        {"a norm that divides by less", "config.json", "1e-12", "-1", "layer_norm_eps", HSE_E_FORMAT},
        {"a norm of more", "config.json", "1e-12", "1e30", "layer_norm_eps", HSE_E_FORMAT},
        {"a tokenizer that is none", "tokenizer_config.json", "{", "", "tokenizer_config.json", HSE_E_FORMAT},
        {"a vocabulary that is none", "vocab.txt", "[", "\xff", "vocab.txt", HSE_E_FORMAT},
        {"weights that are none", "model.safetensors", "{", "}", "not a checkpoint", HSE_E_UNSUPPORTED},
    };

    make_folder();
    for (size_t i = 0; i < COUNT(cases); i++) {
        bert *m = NULL;
        hse_error err = {0};

        if (cases[i].from) {
            size_t size, at = 0;
            char *bytes = read_original(cases[i].file, &size);
            hse_buf out;

            while (at < size && (at + strlen(cases[i].from) > size || memcmp(bytes + at, cases[i].from, strlen(cases[i].from)) != 0))
                at++;
            CHECK(at < size, "%s: nothing to replace", cases[i].name);
            hse_buf_init(&out, 1 << 24);
            hse_buf_append(&out, bytes, at);
            hse_buf_append(&out, cases[i].to, strlen(cases[i].to));
            at += strlen(cases[i].from);
            hse_buf_append(&out, bytes + at, size - at);
            CHECK(hse_file_write(in_folder(cases[i].file), out.data, out.size, NULL) == HSE_OK, "write");
            hse_buf_free(&out);
            hse_free(bytes);
        } else {
            unlink(in_folder(cases[i].file));
        }
        hse_status s = open_at(&m, folder, NULL, K_F32, true, &err);
        CHECK(s == cases[i].want && !m && strstr(err.text, cases[i].says), "%s: got %d (%s)", cases[i].name, (int)s, err.text);
        write_copy(cases[i].file);
    }
    bert *m = NULL;
    CHECK(open_at(&m, folder, NULL, K_F32, true, NULL) == HSE_OK, "the folder is whole again");
    bert_close(&m);
    remove_folder();
}

TEST(weights_with_wild_numbers_give_an_error_or_features)
{
    static const float wild[] = {NAN, INFINITY, 3e38f, -1e20f};
    size_t size;
    char *bytes = read_original("model.safetensors", &size);
    nn_ctx *c = context(NULL, 1);

    make_folder();
    for (size_t at = size / 2 / 4 * 4, k = 0; at + 4 <= size; at += 4 * 1013, k++) {
        char saved[4];
        bert *m = NULL;
        bert_text t = {.ids = ids_of(0), .n = 9};
        hse_error err = {0};

        memcpy(saved, bytes + at, 4);
        memcpy(bytes + at, &wild[k % COUNT(wild)], 4);
        CHECK(hse_file_write(in_folder("model.safetensors"), bytes, size, NULL) == HSE_OK, "write");
        hse_status s = open_at(&m, folder, NULL, K_F32, false, &err);
        CHECK((s == HSE_OK) == (m != NULL) && (s == HSE_OK || err.text[0]), "byte %zu: %d", at, (int)s);
        if (m)
            CHECK(bert_run(m, c, &t, 1, NULL) == HSE_OK && t.status == HSE_OK, "byte %zu: %s", at, t.error.text);
        hse_free(t.features);
        bert_close(&m);
        memcpy(bytes + at, saved, 4);
    }
    hse_free(bytes);
    nn_close(&c);
    remove_folder();
}

static hse_status torture_all(void *arg, hse_error *err)
{
    bert *m = NULL;
    nn_ctx *c = NULL;
    bert_text t = {.ids = ids_of(0), .n = 9};
    hse_buf ids;
    hse_status s = open_at(&m, arg, NULL, K_F32, false, err);

    hse_buf_init(&ids, 1 << 16);
    if (s == HSE_OK)
        s = bert_tokenize(m, "the cat", 7, &ids, err);
    if (s == HSE_OK)
        s = nn_open(&c, &(nn_options){0}, err);
    if (s == HSE_OK && (s = bert_run(m, c, &t, 1, err)) == HSE_OK && t.status != HSE_OK) {
        s = t.status;
        *err = t.error;
    }
    CHECK((t.features != NULL) == (s == HSE_OK), "features came with an error");
    hse_free(t.features);
    hse_buf_free(&ids);
    nn_close(&c);
    bert_close(&m);
    return s;
}

TEST(every_failed_allocation_is_reported_and_leaks_nothing)
{
    char dir[300];

    snprintf(dir, sizeof dir, "%s", test_path(MODEL));
    test_torture("bert", torture_all, dir);
}
