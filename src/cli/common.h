/* common.h - what several commands share: opening the engine from options, audio in and out, progress. */
#ifndef HSE_CLI_COMMON_H
#define HSE_CLI_COMMON_H

#include "cli/options.h"
#include "config/config.h"
#include "hse.h"

/* Of every command that opens an engine, beside .settings = CLI_ENGINE_SETTINGS. */
#define CLI_CONFIG_OPTION {"config", 0, CLI_TEXT, "FILE", NULL, 0, 0, true, "YAML file with model_configs (as Harmony Speech Engine's)"}

/* The model of one request. */
#define CLI_MODEL_OPTION {"model", 'm', CLI_TEXT, "NAME", NULL, 0, 0, false, "a name from hse models, a model's folder or file (./DIR), a repository "\
    "or one of faster-whisper's names (default: the first that can)"}

/* The config of --config, the variables and the command's settings. HSE_E_ARG is a usage error; all mistakes of a file with more
 * than one are printed. */
hse_status cli_config_open(hse_config **out, const cli_args *a, hse_error *err);
/* cli_fail, or the usage error that a wrong variable or flag is. */
int        cli_config_fail(const cli_args *a, const hse_error *err);

/* --model, where it is a path; NULL. */
const char *cli_model_path(const cli_args *a);

hse_status cli_engine_open(hse_engine **out, const cli_args *a, hse_error *err);
void       cli_engine_close(hse_engine **engine);           /* the config too */

/* A recording as mono floats; "-" is standard input. */
hse_status cli_read_audio(hse_pcm *out, const char *path, hse_error *err);

/* Speaker embedding from a file: JSON with "embedding", .npy, base64 text or raw float32. Free with hse_embedding_free. */
hse_status cli_read_embedding(hse_embedding *out, const char *path, hse_error *err);

/* SIGINT and SIGTERM from now on raise this; a second one ends the process at once. */
hse_cancel *cli_cancel_on_signal(void);
bool        cli_cancelled(void);

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
