#include "models/openvoice/colour.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "formats/embedding.h"
#include "text/language.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- colours of base speakers ---- */

#define STYLE(voice) {"en", voice, "checkpoints/base_speakers/EN/en_style_se.pth"}

const ov_colour_file ov1_colour_files[] = {
    {"en", "default", "checkpoints/base_speakers/EN/en_default_se.pth"},
    STYLE("whispering"), STYLE("shouting"), STYLE("excited"), STYLE("cheerful"), STYLE("terrified"), STYLE("angry"), STYLE("sad"),
    STYLE("friendly"),
    {"zh", "default", "checkpoints/base_speakers/ZH/zh_default_se.pth"},
    {NULL, NULL, NULL},
};

const ov_colour_file ov2_colour_files[] = {
    {"en", "EN-Newest", "base_speakers/ses/en-newest.pth"}, {"en", "EN-US", "base_speakers/ses/en-us.pth"},
    {"en", "EN-BR", "base_speakers/ses/en-br.pth"},         {"en", "EN-INDIA", "base_speakers/ses/en-india.pth"},
    {"en", "EN-AU", "base_speakers/ses/en-au.pth"},         {"en", "EN-Default", "base_speakers/ses/en-default.pth"},
    {"es", "ES", "base_speakers/ses/es.pth"},               {"fr", "FR", "base_speakers/ses/fr.pth"},
    {"ja", "JP", "base_speakers/ses/jp.pth"},               {"ko", "KR", "base_speakers/ses/kr.pth"},
    {"zh", "ZH", "base_speakers/ses/zh.pth"},               {"zh_mix_en", "ZH", "base_speakers/ses/zh.pth"},
    {NULL, NULL, NULL},
};

enum { COLOUR_FILE_BYTES = 1 << 20 };

static hse_status read_colour(float **out, const char *dir, const char *file, size_t size, hse_error *err)
{
    char path[4096], *data = NULL;
    size_t bytes, n = 0;
    hse_status s;

    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return hse_fail(err, HSE_E_ARG, 0, "the path of %s is too long", file);
    if (access(path, F_OK) != 0)
        return HSE_OK;                      /* a repository of some languages alone */
    if ((s = hse_file_read(&data, &bytes, path, COLOUR_FILE_BYTES, err)) != HSE_OK)
        return s;
    s = hse_embedding_read(out, &n, (hse_bytes){(const uint8_t *)data, bytes}, file, err);
    hse_free(data);
    if (s == HSE_OK && n != size)
        s = hse_fail(err, HSE_E_FORMAT, 0, "%s: a tone colour of %zu numbers; this model's have %zu", file, n, size);
    for (size_t i = 0; s == HSE_OK && i < n; i++)
        if (!isfinite((*out)[i]))
            s = hse_fail(err, HSE_E_FORMAT, 0, "%s: number %zu of the tone colour is not finite", file, i);
    return s;
}

hse_status ov_colours_open(ov_colours *out, const ov_colour_file *files, const char *dir, size_t size, hse_error *err)
{
    hse_status s = HSE_OK;

    *out = (ov_colours){.files = files};
    while (files[out->count].voice)
        out->count++;
    if (!(out->value = hse_calloc(out->count, sizeof *out->value)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for tone colours");
    for (size_t i = 0; s == HSE_OK && i < out->count; i++)
        s = read_colour(&out->value[i], dir, files[i].file, size, err);
    if (s != HSE_OK)
        ov_colours_close(out);
    return s;
}

void ov_colours_close(ov_colours *c)
{
    for (size_t i = 0; c->value && i < c->count; i++)
        hse_free(c->value[i]);
    hse_free(c->value);
    *c = (ov_colours){0};
}

/* MeloTTS calls a speaker EN_INDIA whose colour lies in en-india.pth. */
static bool same_voice(const char *a, const char *b)
{
    for (; *a && *b && (*a == *b || ((*a == '-' || *a == '_') && (*b == '-' || *b == '_'))); a++)
        b++;
    return *a == '\0' && *b == '\0';
}

hse_status ov_colours_find(const float **out, const ov_colours *c, const char *language, const char *voice, hse_error *err)
{
    const char *code = language ? text_language_code(language) : NULL;
    char list[120] = "";
    size_t n = 0;

    for (size_t i = 0; i < c->count; i++) {
        const ov_colour_file *f = &c->files[i];

        if (language && (!code || strcmp(code, f->language) != 0))
            continue;
        if (!same_voice(f->voice, voice)) {
            if (c->value[i] && n < sizeof list)
                n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", f->voice);
            continue;
        }
        if (!c->value[i])
            return hse_fail(err, HSE_E_NOT_FOUND, 0, "the tone colour of voice '%s' is missing: %s", voice, f->file);
        *out = c->value[i];
        return HSE_OK;
    }
    return hse_fail(err, HSE_E_ARG, 0, "voice: there is no tone colour of '%.40s' in language '%.20s'; there are: %s", voice,
                    language ? language : "any", n ? list : "none");
}

/* ---- parts of a recording ---- */

/* The original's rule for a segment, and what joined speech must at least have: below it there is no voice to hear. */
static const double LEAST_S = 1.5, MOST_S = 20.0, LEAST_JOINED_S = 0.5, PART_S = 10.0, EARLIER_S = 0.08;
enum { LATER_MS = 80, LEAST_CHARACTERS = 2, MOST_CHARACTERS = 199 };

/* A segment as the original cuts it: at whole milliseconds; what lies behind the end is zeros. */
typedef struct {
    size_t from, to;
} stretch;

static size_t sample_at(double ms, int rate_hz)
{
    return (size_t)(ms * rate_hz / 1000.0);
}

static stretch cut(const ov_recording *r, size_t i)
{
    double total_ms = rint(1000.0 * (double)r->n / r->rate_hz), start = r->said[i].start - (i ? EARLIER_S : 0);
    double from = trunc((start > 0 ? start : 0) * 1000.0), to = trunc(r->said[i].end * 1000.0) + LATER_MS;

    to = to < total_ms ? to : total_ms;
    if (!(from < to) || !(from >= 0))
        return (stretch){0, 0};
    return (stretch){sample_at(from, r->rate_hz), sample_at(to, r->rate_hz)};
}

/* Characters without "...". */
static size_t characters(const char *text)
{
    size_t count = 0, n = strlen(text);

    for (size_t i = 0, length; i < n; i += length) {
        uint32_t c;

        if (strncmp(text + i, "...", 3) == 0) {
            length = 3;
            continue;
        }
        length = hse_utf8_next(text + i, n - i, &c);
        length = length ? length : 1;
        count++;
    }
    return count;
}

static bool kept(const ov_recording *r, size_t i, stretch *s)
{
    *s = cut(r, i);
    double seconds = (double)(s->to - s->from) / r->rate_hz;
    size_t n = r->said[i].text ? characters(r->said[i].text) : 0;

    return seconds > LEAST_S && seconds < MOST_S && n >= LEAST_CHARACTERS && n <= MOST_CHARACTERS;
}

/* Segments that say the same again and again would make a short recording long. */
static hse_status check_length(const ov_recording *r, hse_error *err)
{
    double sum = 0, seconds = (double)r->n / r->rate_hz;

    for (size_t i = 0; i < r->said_count; i++) {
        stretch s = cut(r, i);

        sum += (double)(s.to - s.from) / r->rate_hz;
    }
    if (sum > 2 * seconds + 60)
        return hse_fail(err, HSE_E_ARG, 0, "the segments of speech are %.0f s of a recording of %.0f s: they overlap", sum, seconds);
    return HSE_OK;
}

/* Everything that is speech, one after another. */
static hse_status join(ov_parts *p, hse_error *err)
{
    const ov_recording *r = p->r;
    size_t most = 0;

    for (size_t i = 0; i < r->said_count; i++) {
        stretch s = cut(r, i);

        most += s.to - s.from;
    }
    if (!(p->joined = hse_alloc((most + 1) * sizeof *p->joined)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples of speech", most);
    for (size_t i = 0; i < r->said_count; i++) {
        stretch s = cut(r, i);

        s.to = s.to < r->n ? s.to : r->n;
        for (; s.from < s.to; s.from++)
            p->joined[p->joined_n++] = r->samples[s.from];
    }
    return HSE_OK;
}

hse_status ov_parts_open(ov_parts *p, const ov_recording *r, hse_error *err)
{
    hse_status s;
    stretch one;

    *p = (ov_parts){.r = r, .joined_n = r->n};
    if ((s = check_length(r, err)) != HSE_OK)
        return s;
    for (size_t i = 0; i < r->said_count; i++)
        if (kept(r, i, &one))
            return HSE_OK;
    if (r->strict && r->has_said)
        return hse_fail(err, HSE_E_ARG, 0, "no segment of speech has %.1f to %.0f s and %d to %d characters of text", LEAST_S, MOST_S,
                        LEAST_CHARACTERS, MOST_CHARACTERS);
    p->joined_n = r->has_said ? 0 : r->n;
    if (r->has_said && (s = join(p, err)) != HSE_OK)
        return s;
    double seconds = (double)p->joined_n / r->rate_hz;
    if (r->has_said && seconds < LEAST_JOINED_S) {
        ov_parts_close(p);
        return hse_fail(err, HSE_E_ARG, 0, "%.2f s of speech are too short to hear a voice; %.1f s are needed, some 5 s are good", seconds,
                        LEAST_JOINED_S);
    }
    p->count = seconds < PART_S ? 1 : (size_t)(seconds / PART_S + 0.5);
    return HSE_OK;
}

/* Through 16 bits, as the original cuts its segments. */
static float whole(float x, bool wraps)
{
    double y = trunc((double)x * 32768.0);

    if (wraps && fabs(y) < 1e9)
        return (float)(int16_t)(uint16_t)(int32_t)y / 32768.0f;
    return (float)(y < -32768.0 ? -32768.0 : y > 32767.0 ? 32767.0 : y) / 32768.0f;
}

hse_status ov_parts_next(ov_parts *p, float **part, size_t *n, hse_error *err)
{
    const ov_recording *r = p->r;
    const float *from = p->joined ? p->joined : r->samples;
    stretch s = {0, 0};
    bool there = false;

    *part = NULL;
    if (p->count && p->next < p->count) {
        s = (stretch){p->joined_n / p->count * p->next, p->next + 1 == p->count ? p->joined_n : p->joined_n / p->count * (p->next + 1)};
        p->next++;
        there = true;
    }
    while (!p->count && !there && p->next < r->said_count)
        there = kept(r, p->next++, &s);
    if (!there)
        return HSE_OK;
    *n = s.to - s.from;
    if (!(*part = hse_calloc(*n + 1, sizeof **part)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory for %zu samples", *n);
    for (size_t i = 0; i < *n && s.from + i < (p->count ? p->joined_n : r->n); i++)
        (*part)[i] = p->count ? from[s.from + i] : whole(from[s.from + i], r->strict);
    return HSE_OK;
}

void ov_parts_close(ov_parts *p)
{
    hse_free(p->joined);
    *p = (ov_parts){0};
}
