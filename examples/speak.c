/* speak.c - the smallest program that speaks: text in, a WAV file out, and a note of when somebody speaks in it.
 *
 *     cc speak.c $(pkg-config --cflags --libs hse) -o speak
 *     ./speak "Hello there." hello.wav [voice] */
#include <hse.h>
#include <stdio.h>

static int show_progress(void *user, const float *samples, size_t count, unsigned rate_hz)
{
    double *seconds = user;

    (void)samples;
    *seconds += (double)count / rate_hz;
    return 0;                               /* anything else would stop it */
}

int main(int argc, char **argv)
{
    hse_engine *engine = NULL;
    hse_speak_options options;
    hse_pcm speech = {0};
    hse_segments segments = {0};
    hse_error err;
    double streamed = 0;
    int failed = 1;

    if (argc < 3) {
        fprintf(stderr, "usage: %s TEXT OUT.wav [VOICE]\n", argv[0]);
        return 2;
    }
    hse_speak_options_init(&options);
    options.voice = argc > 3 ? argv[3] : NULL;

    /* No config: the bundled models are found beside the library. */
    if (hse_engine_open(&engine, NULL, &err) != HSE_OK ||
        hse_speak(engine, argv[1], &options, &speech, &err) != HSE_OK ||
        hse_pcm_write_wav(argv[2], speech.samples, speech.count, speech.rate_hz, &err) != HSE_OK ||
        hse_speak_stream(engine, argv[1], &options, show_progress, &streamed, &err) != HSE_OK ||
        hse_vad(engine, speech.samples, speech.count, speech.rate_hz, NULL, &segments, &err) != HSE_OK) {
        fprintf(stderr, "%s: %s\n", hse_status_name(err.status), err.text);
        goto done;
    }
    printf("libhse %s wrote %.2f s at %u Hz to %s (%.2f s when streamed)\n", hse_version(), (double)speech.count / speech.rate_hz,
           speech.rate_hz, argv[2], streamed);
    for (size_t i = 0; i < segments.count; i++)
        printf("speech from %.2f to %.2f s\n", (double)segments.items[i].start / speech.rate_hz,
               (double)segments.items[i].end / speech.rate_hz);
    failed = 0;
done:
    hse_segments_free(&segments);
    hse_pcm_free(&speech);
    hse_engine_close(&engine);
    return failed;
}
