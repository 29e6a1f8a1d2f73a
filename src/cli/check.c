/* check.c - hse check: what is this checkpoint, and does it load? */
#include "cli/commands.h"
#include "cli/common.h"

#include "base/mem.h"
#include "engine/catalogue/discover.h"
#include "formats/weights.h"
#include "models/model.h"
#include "text/lexicon.h"

#include <string.h>
#include <sys/stat.h>

static const cli_option options[] = {
    {"tensors", 't', CLI_FLAG, NULL, NULL, 0, 0, false, "list every tensor"},
};

static void print_tensor(const hse_weight *t)
{
    printf("    %-60s %-9s [", t->name, hse_dtype_name(t->dtype));
    for (int d = 0; d < t->rank; d++)
        printf("%s%llu", d ? ", " : "", (unsigned long long)t->dim[d]);
    puts("]");
}

/* Every value is read once, as a model would: damaged data shows only then. A view may repeat few bytes without end (a stride
 * of 0), so what is far more than the file could hold is not unfolded. */
static hse_status read_all(const hse_weights *w, const char *path, uint64_t file_bytes, hse_error *err)
{
    enum { MOST_UNPACKED = 64 };

    for (size_t i = 0; i < hse_weights_count(w); i++) {
        const hse_weight *t = hse_weights_at(w, i);
        size_t bytes = 0;
        if (t->count / MOST_UNPACKED > file_bytes || !hse_mul_size((size_t)t->count, sizeof(float), &bytes))
            return hse_fail(err, HSE_E_LIMIT, 0, "%s: %s has %llu values, the file only %llu bytes", path, t->name,
                            (unsigned long long)t->count, (unsigned long long)file_bytes);
        float *values = hse_alloc(bytes ? bytes : 1);
        if (!values)
            return hse_fail(err, HSE_E_NOMEM, 0, "%s: no memory for %s", path, t->name);
        hse_status s = hse_weights_read_f32(w, t, values, err);
        hse_free(values);
        hse_weights_drop(w, t);
        if (s != HSE_OK)
            return s;
    }
    return HSE_OK;
}

static int check_file(const cli_args *a, const char *path, uint64_t file_bytes)
{
    hse_weights *w = NULL;
    hse_error err = {0};
    unsigned long long values = 0, bytes = 0;
    bool seen[HSE_BOOL + 1] = {false};

    if (hse_weights_open(&w, path, NULL, &err) != HSE_OK)
        return cli_fail(&err);
    for (size_t i = 0; i < hse_weights_count(w); i++) {
        const hse_weight *t = hse_weights_at(w, i);
        values += t->count;
        bytes += t->count * hse_dtype_size(t->dtype);
        seen[t->dtype] = true;
    }
    printf("%s: %s, %zu tensors, %llu values, %.1f MiB,", path, hse_weights_format(w), hse_weights_count(w), values,
           (double)bytes / (1 << 20));
    for (int d = 0; d <= HSE_BOOL; d++)
        if (seen[d])
            printf(" %s", hse_dtype_name((hse_dtype)d));
    puts("");
    for (size_t i = 0; cli_flag(a, "tensors") && i < hse_weights_count(w); i++)
        print_tensor(hse_weights_at(w, i));
    hse_status s = read_all(w, path, file_bytes, &err);
    hse_weights_close(&w);
    return s == HSE_OK ? CLI_OK : cli_fail(&err);
}

/* What a type wants to know before it opens one of the folder's languages (NULL: it has none of its own). */
static hse_status look(hse_model_source *source, const hse_model_type *type, const char *language, hse_arena *arena, hse_error *err)
{
    hse_model_facts facts = {0};
    const char *problem = NULL;
    hse_roots roots;
    hse_status s = type->look(&facts, source->dir, language, arena, err);

    source->language = language ? language : facts.languages[0];
    if (s != HSE_OK || !facts.companion)
        return s;
    if ((s = hse_roots_find(&roots, NULL, true, arena, err)) == HSE_OK)
        s = hse_locate_companion(&source->companion, &problem, source->dir, &facts, &roots, arena, err);
    return s == HSE_OK && problem ? hse_fail(err, HSE_E_UNSUPPORTED, 0, "%s", problem) : s;
}

/* One model of the folder, as a line of what it is. */
static hse_status check_model(const hse_model_type *type, const char *path, const char *language, hse_error *err)
{
    hse_model_source source = {.dir = path, .kernels = hse_kernels_get(hse_cpu_detect()), .precision = K_F32};
    text_lexicon *lexicon = NULL;
    void *model = NULL;
    hse_arena arena;
    hse_status s = HSE_OK;

    hse_arena_init(&arena, 1 << 20);
    if (type->look && (s = look(&source, type, language, &arena, err)) == HSE_OK)
        s = text_lexicon_open(&lexicon, NULL, false, err);
    source.lexicon = lexicon;
    if (s == HSE_OK && (s = type->open(&model, &source, err)) == HSE_OK) {
        char dims[256] = "";

        type->describe(model, dims, sizeof dims);
        printf("%s: %s%s%s: %s, %.1f MiB in memory\n", path, type->type, source.language ? " " : "",
               source.language ? source.language : "", dims, (double)type->bytes(model) / (1 << 20));
        type->close(&model);
    }
    text_lexicon_close(&lexicon);
    hse_arena_free(&arena);
    return s;
}

/* A folder: try every model type that is built in, in all languages that it has there. */
static int check_folder(const char *path)
{
    hse_error err = {0}, first = {0};
    bool named = false;                     /* first is of a type whose files have their names */
    int found = 0;

    for (const hse_model_type *const *t = hse_model_types; *t; t++) {
        hse_model_facts facts = {0};
        hse_arena arena;

        hse_arena_init(&arena, 1 << 20);
        if ((*t)->look)
            (*t)->look(&facts, path, NULL, &arena, &err);
        for (size_t i = 0; i == 0 || (i < COUNT(facts.languages) && facts.languages[i]); i++) {
            if (check_model(*t, path, facts.languages[i], &err) == HSE_OK) {
                found++;
            } else if (err.status != HSE_E_NOT_FOUND && (!first.text[0] || (!named && hse_folder_has(path, *t)))) {
                first = err;
                named = hse_folder_has(path, *t);
                hse_fail_in(&first, first.status, "%s", (*t)->type);
            }
        }
        hse_arena_free(&arena);
    }
    if (first.text[0] && (named || !found)) /* else a type took another's checkpoint for its own */
        return cli_fail_text("%s: %s", path, first.text);
    if (!found)
        return cli_fail_text("%s: no model that is built in finds its files here", path);
    return CLI_OK;
}

static int run(const cli_args *a)
{
    int status = CLI_OK;

    for (int i = 0; i < a->n_operands; i++) {
        struct stat st = {0};
        bool folder = stat(a->operands[i], &st) == 0 && S_ISDIR(st.st_mode);
        if ((folder ? check_folder(a->operands[i]) : check_file(a, a->operands[i], (uint64_t)st.st_size)) != CLI_OK)
            status = CLI_FAILED;
    }
    return status;
}

const cli_command cli_check = {
    .name = "check", .operands = "FILE|DIR...", .summary = "Say what a checkpoint is and whether it loads", .min_operands = 1,
    .max_operands = -1, .options = options, .n_options = COUNT(options), .run = run,
    .details = "A file: format, tensors, dtypes. A folder: which models load from it, with their dims.\n\n"
               "Examples:\n  hse check synthesizer.pt\n  hse check --tensors silero_vad.onnx\n  hse check models/demo/harmonyspeech\n",
};
