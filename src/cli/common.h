/* common.h - what several commands share: opening the engine from options, audio in and out, progress. */
#ifndef HSE_CLI_COMMON_H
#define HSE_CLI_COMMON_H

#include "cli/options.h"
#include "hse.h"

/* The options of every command that opens an engine. */
#define CLI_ENGINE_OPTIONS                                                                                                 \
    {"config", 0, CLI_TEXT, "FILE", NULL, 0, 0, true, "YAML file with model_configs (as Harmony Speech Engine's)"},        \
    {"models", 0, CLI_TEXT, "DIR", NULL, 0, 0, true, "folder of models, looked in before the bundled ones"},               \
    {"threads", 0, CLI_INT, "N", "0", 0, 256, true, "compute threads; 0 = one per core"},                                  \
    {"cpu", 0, CLI_CHOICE, "auto|generic|avx2|avx512|neon", "auto", 0, 0, true, "instruction set"},                        \
    {"dtype", 0, CLI_CHOICE, "auto|float32|bfloat16|int8", NULL, 0, 0, true, "precision of the weights (default: the config's, else auto)"}

/* The model of one request. */
#define CLI_MODEL_OPTION {"model", 'm', CLI_TEXT, "NAME", NULL, 0, 0, false, "a name from hse models (default: the first that can)"}

hse_status cli_engine_open(hse_engine **out, const cli_args *a, hse_error *err);

/* A recording as mono floats; "-" is standard input. */
hse_status cli_read_audio(hse_pcm *out, const char *path, hse_error *err);

/* Speaker embedding from a file: JSON with "embedding", .npy, base64 text or raw float32. Free with hse_embedding_free. */
hse_status cli_read_embedding(hse_embedding *out, const char *path, hse_error *err);

/* SIGINT and SIGTERM from now on raise this; a second one ends the process at once. */
hse_cancel *cli_cancel_on_signal(void);

/* "Real-time factor: 0.03 (0.05 s for 1.72 s of audio)" on standard error, on a terminal only. */
void cli_say_speed(double compute_s, double audio_s);

/* One line that is drawn over itself on standard error, on a terminal only. */
typedef struct {
    const char *what;
    double      total;              /* in any unit; 0: unknown */
    uint64_t    began_ns, drawn_ns;
    bool        on;
} cli_progress;

void cli_progress_start(cli_progress *p, const char *what, double total);
void cli_progress_step(cli_progress *p, double done);
void cli_progress_end(cli_progress *p);         /* wipes the line */

#endif
