/* watermark.c - hse watermark: is there a message in these recordings? */
#include "cli/commands.h"
#include "cli/common.h"

#include "audio/watermark.h"

#include <stdio.h>
#include <string.h>

static const cli_option options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, false, "a JSON object a file"},
};

static hse_status one_file(const char *path, bool json, bool *found, hse_error *err)
{
    hse_watermark_result r;
    hse_pcm pcm = {0};
    hse_status s = cli_read_audio(&pcm, path, err);

    if (s == HSE_OK && (s = hse_watermark_find(pcm.samples, pcm.count, (int)pcm.rate_hz, &r, err)) != HSE_OK)
        hse_fail_in(err, s, "%.200s", path);
    if (s == HSE_OK) {
        hse_buf line;

        hse_buf_init(&line, 1 << 16);
        if (json) {
            hse_buf_str(&line, "{\"file\":");
            hse_buf_json(&line, path, strlen(path));
            hse_buf_printf(&line, ",\"found\":%s,\"message\":\"%s\",\"strength\":%.2f}", r.found ? "true" : "false", r.message, (double)r.strength);
        } else {
            hse_buf_printf(&line, "%s: %s%s", path, r.found ? "" : "no watermark", r.message);
        }
        if (puts(hse_buf_text(&line)) == EOF || fflush(stdout) != 0)    /* here: "no watermark" is a status of its own */
            s = hse_fail(err, HSE_E_IO, 0, "standard output cannot be written");
        hse_buf_free(&line);
        *found = r.found;
    }
    hse_pcm_free(&pcm);
    return s;
}

static int run(const cli_args *a)
{
    int status = CLI_OK;

    for (int i = 0; i < a->n_operands; i++) {
        hse_error err = {0};
        bool found = false;

        if (one_file(a->operands[i], cli_flag(a, "json"), &found, &err) != HSE_OK)
            status = cli_fail(&err);
        else if (!found && status == CLI_OK)
            status = 1;
    }
    return status;
}

const cli_command cli_watermark = {
    .name = "watermark", .operands = "FILE...", .summary = "Find the message that hse speak --watermark hides", .min_operands = 1,
    .max_operands = -1, .options = options, .n_options = COUNT(options), .run = run,
    .details = "Prints the message, or \"no watermark\" (exit code 1 then). It needs some seconds of speech; marks of OpenVoice (wavmark) are\n"
               "not found. See docs/watermark.md.\n\nExamples:\n  hse speak -f chapter.txt --watermark acme -o a.wav\n  hse watermark a.wav\n",
};
