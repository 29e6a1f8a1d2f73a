#include "config/settings.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { MAX_ITEMS = 4096 };

#define AT(field) offsetof(hse_config, field)
#define VAR(key, flag, variable) key, flag, variable, NULL

/* In the order in which `hse config show` and the help list them. */
const hse_setting hse_settings[] = {
    {VAR("model_configs", NULL, NULL), HSE_SET_MODELS, 0, 0, 0, NULL, NULL, false, false, NULL, NULL},
    {VAR("aliases", "aliases", "HSE_ALIASES"), HSE_SET_PAIRS, AT(aliases), 0, 0, "NAME=MODEL,...", NULL, true, false, NULL,
     "further names of models"},
    {VAR("models", "models", "HSE_MODELS"), HSE_SET_TEXT, AT(models_dir), 0, 0, "DIR", NULL, false, false, NULL,
     "folder of models, looked in before the bundled ones"},
    {VAR("languages", "languages", "HSE_LANGUAGES"), HSE_SET_TEXT, AT(languages_dir), 0, 0, "DIR", NULL, false, false, NULL,
     "folder of language packs, looked in before those that were built or installed with the program"},
    {"hf_home", "hf-home", "HSE_HF_HOME", "HF_HOME", HSE_SET_TEXT, AT(hf_home), 0, 0, "DIR", NULL, false, false, NULL,
     "Hugging Face's folder, whose cache is looked in last, behind the one that HF_HUB_CACHE names"},
    {"offline", "offline", "HSE_OFFLINE", "HF_HUB_OFFLINE", HSE_SET_BOOLEAN, AT(offline), 0, 1, NULL, "off", true, false, NULL,
     "nothing may use the network (nothing does but what fetches models)"},
    {VAR("state", "state", "HSE_STATE"), HSE_SET_TEXT, AT(state_dir), 0, 0, "DIR", NULL, false, false, NULL,
     "folder of stored voices (default: $XDG_STATE_HOME/hse)"},
    {"threads", "threads", "HSE_THREADS", "MAX_JOBS", HSE_SET_INTEGER, AT(threads), 0, 256, "N", "0", false, false, NULL,
     "compute threads; 0 = one per core"},
    {VAR("cpu", "cpu", "HSE_CPU"), HSE_SET_CHOICE, AT(cpu), 0, 0, "auto|generic|avx2|avx512|neon", "auto", false, false, NULL,
     "instruction set"},
    {VAR("dtype", "dtype", "HSE_DTYPE"), HSE_SET_DTYPE, AT(dtype), 0, 0, "auto|float32|bfloat16|int8", NULL, false, false, NULL,
     "precision of the weights, over the models' own"},
    {"device", "device", "HSE_DEVICE", "HARMONYSPEECH_TARGET_DEVICE", HSE_SET_TEXT, AT(device), 0, 0, "DEVICE", NULL, false, false,
     NULL, "auto, cpu or cuda[:N], over the models' own"},
    {VAR("max_requests", "max-requests", "HSE_MAX_REQUESTS"), HSE_SET_INTEGER, AT(max_requests), 1, 4096, "N", "256", true, false,
     NULL, "waiting and running together; more are refused as busy"},
    {VAR("timeout_s", "timeout", "HSE_TIMEOUT"), HSE_SET_NUMBER, AT(timeout_s), 0.001, 86400, "S", "600", true, false, NULL,
     "of a request that brings no timeout_s"},
    {VAR("keep_alive", "keep-alive", "HSE_KEEP_ALIVE"), HSE_SET_DURATION, AT(keep_alive), -1, 1e9, "TIME", "5m", true, false, NULL,
     "how long a model stays in memory unused: 90s, 5m, 2h, -1 = for ever, 0 = not at all"},
    {VAR("memory_budget", "memory-budget", "HSE_MEMORY_BUDGET"), HSE_SET_BYTES, AT(memory_budget), 0, 1e15, "SIZE", "0", true, false,
     NULL, "of weights and what requests need beside them: 2GiB, 512MiB or 50% of the memory; above it the longest unused model goes; 0 = no limit"},
    {VAR("preload", "preload", "HSE_PRELOAD"), HSE_SET_TEXTS, AT(preload), 0, 0, "NAME,...", NULL, true, false, NULL,
     "models that are loaded at the start and stay"},
    {VAR("batch_window_ms", "batch-window", "HSE_BATCH_WINDOW"), HSE_SET_NUMBER, AT(batch_window_ms), 0, 1000, "MS", "20", true, false,
     NULL, "at most this long a batch waits for company; 0 = never"},
    {VAR("max_batch_size", "max-batch-size", "HSE_MAX_BATCH_SIZE"), HSE_SET_INTEGER, AT(max_batch_size), 1, 256, "N", "16", true,
     false, NULL, "of models that name none"},
    {VAR("vad_model", "vad-model", "HSE_VAD_MODEL"), HSE_SET_TEXT, AT(vad_model), 0, 0, "NAME", NULL, false, false, NULL,
     "the model that finds speech for other tasks (default: the first that can)"},
    {VAR("lexicon", "lexicon", "HSE_LEXICON"), HSE_SET_TEXTS, AT(lexicons), 0, 0, "FILE,...", NULL, true, false, NULL,
     "how words are said: lines of \"word = text\" or \"word = /phones/\", or W3C PLS (see docs/pronunciation.md)"},
    {VAR("watermark", "watermark", "HSE_WATERMARK"), HSE_SET_TEXT, AT(watermark), 0, 0, "MESSAGE", NULL, true, false, NULL,
     "1 to 8 letters, digits or - hidden in all speech (see docs/watermark.md; hse watermark finds them)"},
    {VAR("max_text_kb", "max-text", "HSE_MAX_TEXT"), HSE_SET_INTEGER, AT(max_text_kb), 1, 1024, "KIB", "1024", true, false, NULL,
     "text in a request"},
    {VAR("max_audio_hours", "max-audio-hours", "HSE_MAX_AUDIO_HOURS"), HSE_SET_NUMBER, AT(max_audio_hours), 0.001, 24, "H", "4", true,
     false, NULL, "decoded audio in a request"},
    {VAR("host", "host", "HSE_HOST"), HSE_SET_TEXT, AT(host), 0, 0, "ADDRESS", "127.0.0.1", true, false, NULL,
     "address, or the path of a unix socket"},
    {VAR("port", "port", "HSE_PORT"), HSE_SET_INTEGER, AT(port), 0, 65535, "N", "12080", true, false, NULL, "0 = any free one"},
    {VAR("loops", "loops", "HSE_LOOPS"), HSE_SET_INTEGER, AT(loops), 0, 64, "N", "0", true, false, NULL,
     "threads that move bytes; 0 = one per core"},
    {VAR("tls_cert", "tls-cert", "HSE_TLS_CERT"), HSE_SET_TEXT, AT(tls_cert), 0, 0, "FILE", NULL, true, false, NULL,
     "PEM certificate chain; with --tls-key the server speaks https"},
    {VAR("tls_key", "tls-key", "HSE_TLS_KEY"), HSE_SET_TEXT, AT(tls_key), 0, 0, "FILE", NULL, true, false, NULL, "PEM private key"},
    {"api_keys", "api-keys", "HSE_API_KEYS", "HARMONYSPEECH_API_KEY", HSE_SET_TEXTS, AT(api_keys), 0, 0, "KEY,...", NULL, true, false,
     NULL, "one of these must come with a request; none: no key is asked for"},
    {VAR("api_key_file", "api-key-file", "HSE_API_KEY_FILE"), HSE_SET_TEXT, AT(api_key_file), 0, 0, "FILE", NULL, true, false, NULL,
     "further keys, one a line, # begins a comment"},
    {VAR("cors_origins", "cors-origins", "HSE_CORS_ORIGINS"), HSE_SET_TEXTS, AT(cors_origins), 0, 0, "ORIGIN,...", NULL, true, false, NULL,
     "sites whose pages may call the server (https://app.example); *: every site's; none: browsers keep them out"},
    {VAR("text_normalization", "text-normalization", "HSE_TEXT_NORMALIZATION"), HSE_SET_CHOICE, AT(text_normalization), 0, 0,
     "on|reference|off", "on", true, false, NULL, "of requests that do not say"},
    {VAR("openai_voices", "openai-voices", "HSE_OPENAI_VOICES"), HSE_SET_PAIRS, AT(openai_voices), 0, 0, "NAME=VOICE,...", NULL, true,
     false, NULL, "voices that OpenAI's names stand for (default: the model's in turn)"},
    {VAR("max_upload_mb", "max-upload", "HSE_MAX_UPLOAD"), HSE_SET_INTEGER, AT(max_upload_mb), 1, 100, "MIB", "100", true, false, NULL,
     "largest recording in a request"},
    {VAR("max_header_kb", "max-header", "HSE_MAX_HEADER"), HSE_SET_INTEGER, AT(max_header_kb), 1, 63, "KIB", "16", true, false, NULL,
     "a request's head"},
    {VAR("max_headers", "max-headers", "HSE_MAX_HEADERS"), HSE_SET_INTEGER, AT(max_headers), 8, 100, "N", "100", true, false, NULL,
     "lines in a request's head"},
    {VAR("max_connections", "max-connections", "HSE_MAX_CONNECTIONS"), HSE_SET_INTEGER, AT(max_connections), 1, 1000000, "N", "12000",
     true, false, NULL, "open at the same time"},
    {VAR("max_connections_per_address", "max-connections-per-address", "HSE_MAX_CONNECTIONS_PER_ADDRESS"), HSE_SET_INTEGER,
     AT(max_connections_per_address), 1, 1000000, "N", "256", true, false, NULL, "of them from one address; this machine has no limit"},
    {VAR("max_buffered_mb", "max-buffered", "HSE_MAX_BUFFERED"), HSE_SET_INTEGER, AT(max_buffered_mb), 1, 1 << 20, "MIB", "1024", true,
     false, NULL, "request bodies in memory, all together"},
    {VAR("stream_stall_s", "stream-stall", "HSE_STREAM_STALL"), HSE_SET_NUMBER, AT(stream_stall_s), 0.1, 3600, "S", "30", true, false,
     NULL, "a client that takes no byte of its answer for so long is cut off"},
    {VAR("sse_ping_s", "sse-ping", "HSE_SSE_PING"), HSE_SET_NUMBER, AT(sse_ping_s), 0, 3600, "S", "15", true, false, NULL,
     "a comment line in an event stream that is silent for so long; 0 = never"},
    {"log_level", "log-level", "HSE_LOG_LEVEL", "VERBOSE", HSE_SET_TEXT, AT(log_level), 0, 0, "LEVELS", "info,http=warn", true, false,
     NULL, "error, warn, info, debug or component=level, separated by commas"},
    {VAR("log_format", "log-format", "HSE_LOG_FORMAT"), HSE_SET_CHOICE, AT(log_format), 0, 0, "auto|json|text", "auto", true, false,
     NULL, "lines on standard error: text on a terminal, else JSON"},
    {"log_interval_s", "log-interval", "HSE_LOG_INTERVAL", "HARMONYSPEECH_LOCAL_LOGGING_INTERVAL_SEC", HSE_SET_NUMBER,
     AT(log_interval_s), 0, 86400, "S", "5", true, false, NULL, "between lines that say how busy it is; 0 = never"},
    {VAR(NULL, NULL, NULL), HSE_SET_TEXT, 0, 0, 0, NULL, NULL, false, false, NULL, NULL},
};

_Static_assert(COUNT(hse_settings) <= HSE_MAX_SETTINGS, "hse_config_origin has one place a setting");

static const struct {
    const char      *word;
    hse_dtype_choice dtype;
} dtype_words[] = {
    {"auto", HSE_DTYPE_AUTO},         {"float32", HSE_DTYPE_FLOAT32}, {"bfloat16", HSE_DTYPE_BFLOAT16},
    {"int8", HSE_DTYPE_INT8},         {"float16", HSE_DTYPE_FLOAT16}, {"float", HSE_DTYPE_FLOAT32},
    {"fp32", HSE_DTYPE_FLOAT32},      {"f32", HSE_DTYPE_FLOAT32},     {"bf16", HSE_DTYPE_BFLOAT16},
    {"half", HSE_DTYPE_FLOAT16},      {"fp16", HSE_DTYPE_FLOAT16},
};

bool hse_dtype_choice_parse(const char *word, hse_dtype_choice *out)
{
    for (size_t i = 0; i < COUNT(dtype_words); i++)
        if (strcmp(word, dtype_words[i].word) == 0) {
            *out = dtype_words[i].dtype;
            return true;
        }
    return false;
}

const char *hse_dtype_choice_name(hse_dtype_choice d)
{
    for (size_t i = 0; i < COUNT(dtype_words); i++)
        if (dtype_words[i].dtype == d)
            return dtype_words[i].word;
    return "default";
}

/* ---- one value of each type ---------------------------------------------------------------------------------------- */

/* strtod reads more than people write: hexadecimal, infinity, leading spaces. */
static bool read_double(const char *s, const char **end, double *v)
{
    char *stop = NULL;

    if (!*s || !strchr("0123456789.-", *s) || strpbrk(s, "xXnN"))
        return false;
    *v = strtod(s, &stop);
    *end = stop;
    return stop != s && isfinite(*v);
}

bool hse_duration_parse(const char *text, double *seconds)
{
    static const struct { const char *unit; double s; } units[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    const char *p = text, *end = NULL;
    double sum = 0, v;

    if (*text == '-') {
        if (text[1] == '-' || !hse_duration_parse(text + 1, &v) || v <= 0)
            return false;
        *seconds = HSE_KEEP_FOREVER;
        return true;
    }
    if (!*text)
        return false;
    while (*p) {
        if (!strchr("0123456789.", *p))
            return false;
        v = 0;
        size_t digits = strspn(p, "0123456789.");
        char number[32];
        if (digits >= sizeof number)
            return false;
        memcpy(number, p, digits);
        number[digits] = '\0';
        if (!read_double(number, &end, &v) || *end)
            return false;
        p += digits;
        size_t letters = strcspn(p, "0123456789."), u = 0;
        if (!letters && p - digits == text && !*p) {        /* a plain number: seconds */
            *seconds = v;
            return true;
        }
        while (u < COUNT(units) && (strlen(units[u].unit) != letters || strncmp(units[u].unit, p, letters) != 0))
            u++;
        if (u == COUNT(units))
            return false;
        sum += v * units[u].s;
        p += letters;
    }
    *seconds = sum;
    return true;
}

static bool parse_bytes(const char *text, int64_t *bytes)
{
    static const struct { const char *unit; double factor; } units[] = {
        {"", 1}, {"B", 1}, {"K", 0x1p10}, {"KiB", 0x1p10}, {"M", 0x1p20}, {"MiB", 0x1p20}, {"G", 0x1p30}, {"GiB", 0x1p30}, {"T", 0x1p40},
        {"TiB", 0x1p40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
    };
    size_t digits = strspn(text, "0123456789.");
    char number[32];
    const char *end = NULL, *unit = text + digits;
    double v = 0;

    if (digits >= sizeof number)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!read_double(number, &end, &v) || *end)
        return false;
    unit += strspn(unit, " ");
    if (strcmp(unit, "%") == 0) {
        v = v <= 100 ? v / 100 * (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) : -1;
    } else {
        size_t u = 0;
        while (u < COUNT(units) && strcasecmp(units[u].unit, unit) != 0)
            u++;
        v = u < COUNT(units) ? v * units[u].factor : -1;
    }
    if (v < 0 || v > 0x1p60)
        return false;
    *bytes = (int64_t)v;
    return true;
}

/* "on|reference|off" -> "on, reference, off" */
static void spread(char *out, size_t size, const char *words)
{
    size_t n = 0;

    for (; *words && n + 3 < size; words++) {
        out[n++] = *words == '|' ? ',' : *words;
        if (*words == '|')
            out[n++] = ' ';
    }
    out[n] = '\0';
}

bool hse_word_in(const char *list, const char *word)
{
    for (const char *p = list; *p; p += *p == '|') {
        size_t n = strcspn(p, "|");
        if (strlen(word) == n && strncmp(p, word, n) == 0)
            return true;
        p += n;
    }
    return false;
}

static hse_status take_number(const hse_setting *s, const char *text, void *at, const char *where, hse_error *err)
{
    const char *end = NULL;
    char *stop = NULL;
    double v = 0;

    if (s->type == HSE_SET_INTEGER) {
        errno = 0;
        long long whole = strtoll(text, &stop, 10);
        if (!*text || *stop || errno || strchr(" +\t", *text))
            return hse_fail(err, HSE_E_ARG, 0, "%s: expected a whole number, found '%.40s'", where, text);
        if ((double)whole < s->min || (double)whole > s->max)
            return hse_fail(err, HSE_E_ARG, 0, "%s: %lld is not in %.0f..%.0f", where, whole, s->min, s->max);
        *(int64_t *)at = whole;
    } else if (s->type == HSE_SET_BYTES) {
        if (!parse_bytes(text, at))
            return hse_fail(err, HSE_E_ARG, 0, "%s: expected a size such as 2GiB, 512MiB or 50%%, found '%.40s'", where, text);
    } else if (s->type == HSE_SET_DURATION) {
        if (!hse_duration_parse(text, &v) || v > s->max)
            return hse_fail(err, HSE_E_ARG, 0, "%s: expected a time such as 90s, 5m, 2h, seconds, -1 (for ever) or 0, found '%.40s'", where,
                            text);
        *(double *)at = v;
    } else {
        if (!read_double(text, &end, &v) || *end)
            return hse_fail(err, HSE_E_ARG, 0, "%s: expected a number, found '%.40s'", where, text);
        if (v < s->min || v > s->max)
            return hse_fail(err, HSE_E_ARG, 0, "%s: %g is not in %g..%g", where, v, s->min, s->max);
        *(double *)at = v;
    }
    return HSE_OK;
}

static hse_status take_boolean(const char *text, int64_t *at, const char *where, hse_error *err)
{
    static const char yes[] = "true|True|TRUE|yes|Yes|YES|on|On|ON|1", no[] = "false|False|FALSE|no|No|NO|off|Off|OFF|0";

    if (!hse_word_in(yes, text) && !hse_word_in(no, text))
        return hse_fail(err, HSE_E_ARG, 0, "%s: expected true or false, found '%.40s'", where, text);
    *at = hse_word_in(yes, text);
    return HSE_OK;
}

void hse_setting_list(void *at, const void *list, size_t n)
{
    memcpy(at, &list, sizeof list);         /* by bytes: `at` is a pointer to texts or to pairs of them */
    memcpy((char *)at + sizeof list, &n, sizeof n);
}

/* "a,b" or "a=x,b=y"; blanks around an item do not count, an empty list has no items. */
static hse_status take_list(const hse_setting *s, const char *text, void *at, hse_arena *arena, const char *where, hse_error *err)
{
    size_t per = s->type == HSE_SET_PAIRS ? 2 : 1, most = 1, n = 0;

    for (const char *p = text; *p; p++)
        most += *p == ',';
    if (most > MAX_ITEMS)
        return hse_fail(err, HSE_E_ARG, 0, "%s: more than %d items", where, MAX_ITEMS);
    const char **list = hse_arena_array(arena, most * per, sizeof *list);
    if (!list)
        return hse_fail(err, HSE_E_NOMEM, 0, "%s: no memory for the list", where);
    for (const char *p = text; *p; p += *p == ',') {
        size_t size = strcspn(p, ","), skip = strspn(p, " ");
        const char *item = p + (skip < size ? skip : size);
        size_t length = size - (size_t)(item - p);
        while (length && item[length - 1] == ' ')
            length--;
        const char *equals = per == 2 ? memchr(item, '=', length) : NULL;
        p += size;
        if (!length)
            continue;
        if (per == 2 && (!equals || equals == item || equals == item + length - 1))
            return hse_fail(err, HSE_E_ARG, 0, "%s: expected %s, found '%.*s'", where, s->words, (int)(length < 40 ? length : 40), item);
        size_t first = equals ? (size_t)(equals - item) : length;
        list[n * per] = hse_arena_strndup(arena, item, first);
        if (per == 2)
            list[n * per + 1] = hse_arena_strndup(arena, equals + 1, length - first - 1);
        if (!list[n * per] || !list[n * per + per - 1])
            return hse_fail(err, HSE_E_NOMEM, 0, "%s: no memory for the list", where);
        n++;
    }
    hse_setting_list(at, (const void *)list, n);
    return HSE_OK;
}

bool hse_host_split(const char *text, size_t *from, size_t *to, int *port)
{
    const char *host = strncmp(text, "http://", 7) == 0 ? text + 7 : strncmp(text, "https://", 8) == 0 ? text + 8 : text;
    size_t n = strcspn(host, "/");
    const char *closing = *host == '[' ? memchr(host, ']', n) : NULL, *colon = closing ? closing + 1 : memchr(host, ':', n);

    *port = -1;
    *from = (size_t)(host - text);
    *to = *from + n;
    if (host == text && strchr(text, '/')) {            /* a unix socket */
        *to = strlen(text);
        return true;
    }
    if (closing) {
        *from += 1;
        *to = (size_t)(closing - text);
    } else if (colon && memchr(colon + 1, ':', n - (size_t)(colon + 1 - host))) {
        return true;                                    /* an IPv6 address without brackets */
    }
    if (colon && colon < host + n) {
        char *end = NULL;
        long v = *colon == ':' && colon[1] >= '0' && colon[1] <= '9' ? strtol(colon + 1, &end, 10) : -1;
        if (v < 0 || v > 65535 || end != host + n)
            return false;
        *port = (int)v;
        if (!closing)
            *to = (size_t)(colon - text);
    }
    return *to > *from;
}

hse_status hse_setting_take(const hse_setting *s, const char *text, void *base, hse_arena *arena, const char *where, hse_error *err)
{
    void *at = (char *)base + s->offset;
    char words[200];

    switch (s->type) {
    case HSE_SET_INTEGER:
    case HSE_SET_NUMBER:
    case HSE_SET_BYTES:
    case HSE_SET_DURATION: return take_number(s, text, at, where, err);
    case HSE_SET_BOOLEAN: return take_boolean(text, at, where, err);
    case HSE_SET_DTYPE:
        if (!hse_dtype_choice_parse(text, at))
            return hse_fail(err, HSE_E_ARG, 0, "%s: '%.40s' is none of auto, float32, bfloat16, int8, float16", where, text);
        return HSE_OK;
    case HSE_SET_TEXTS:
    case HSE_SET_PAIRS: return take_list(s, text, at, arena, where, err);
    case HSE_SET_CHOICE:
        spread(words, sizeof words, s->words);
        if (!hse_word_in(s->words, text))
            return hse_fail(err, HSE_E_ARG, 0, "%s: '%.40s' is none of %s", where, text, words);
        break;
    default:
        if (!*text)
            return hse_fail(err, HSE_E_ARG, 0, "%s: the text is empty", where);
        break;
    }
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return hse_fail(err, HSE_E_ARG, (uint64_t)(p - text), "%s: a control character (0x%02x) in the text", where, (unsigned char)*p);
    size_t from, to;
    int port;
    if (s->offset == AT(host) && s->type == HSE_SET_TEXT && s->flag && !hse_host_split(text, &from, &to, &port))
        return hse_fail(err, HSE_E_ARG, 0, "%s: '%.60s' is no address (a host, host:port, or the path of a socket)", where, text);
    const char *copy = hse_arena_strndup(arena, text, strlen(text));
    if (!copy)
        return hse_fail(err, HSE_E_NOMEM, 0, "%s: no memory for the text", where);
    *(const char **)at = copy;
    return HSE_OK;
}

/* ---- printing ------------------------------------------------------------------------------------------------------ */

/* A text as YAML: plain where that cannot be misread, else in double quotes. */
static void print_text(const char *s, hse_buf *out)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    static const char words[] = "true|false|yes|no|on|off|null|True|False|Yes|No|On|Off|Null|TRUE|FALSE|YES|NO|ON|OFF|NULL|y|n|Y|N";

    if (*s && strspn(s, safe) == strlen(s) && !strchr("0123456789-.", *s) && !hse_word_in(words, s)) {
        hse_buf_str(out, s);
        return;
    }
    hse_buf_byte(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            hse_buf_byte(out, '\\');
        hse_buf_byte(out, (uint8_t)*s);
    }
    hse_buf_byte(out, '"');
}

static void print_list(const hse_setting *s, const void *at, hse_buf *out)
{
    const char *const *list;
    size_t n, per = s->type == HSE_SET_PAIRS ? 2 : 1;

    memcpy(&list, at, sizeof list);
    memcpy(&n, (const char *)at + sizeof list, sizeof n);

    hse_buf_byte(out, per == 2 ? '{' : '[');
    for (size_t i = 0; i < n; i++) {
        hse_buf_str(out, i ? ", " : "");
        print_text(list[i * per], out);
        if (per == 2) {
            hse_buf_str(out, ": ");
            print_text(list[i * per + 1], out);
        }
    }
    hse_buf_byte(out, per == 2 ? '}' : ']');
}

static void print_duration(double s, hse_buf *out)
{
    if (s < 0)
        hse_buf_str(out, "-1");
    else if (s >= 60 && fmod(s, 60) == 0 && s < 1e8)
        hse_buf_printf(out, "%lldm", (long long)s / 60);
    else
        hse_buf_printf(out, "%.15g", s);
}

static void print_bytes(int64_t bytes, hse_buf *out)
{
    if (bytes && bytes % (1 << 20) == 0)
        hse_buf_printf(out, "%lldMiB", (long long)(bytes >> 20));
    else
        hse_buf_printf(out, "%lld", (long long)bytes);
}

void hse_setting_print(const hse_setting *s, const void *base, hse_buf *out)
{
    const void *at = (const char *)base + s->offset;

    switch (s->type) {
    case HSE_SET_INTEGER: hse_buf_printf(out, "%lld", (long long)*(const int64_t *)at); return;
    case HSE_SET_BOOLEAN: hse_buf_str(out, *(const int64_t *)at ? "true" : "false"); return;
    case HSE_SET_NUMBER: hse_buf_printf(out, "%.15g", *(const double *)at); return;
    case HSE_SET_DURATION: print_duration(*(const double *)at, out); return;
    case HSE_SET_BYTES: print_bytes(*(const int64_t *)at, out); return;
    case HSE_SET_DTYPE:
        hse_buf_str(out, *(const hse_dtype_choice *)at ? hse_dtype_choice_name(*(const hse_dtype_choice *)at) : "null");
        return;
    case HSE_SET_TEXTS:
    case HSE_SET_PAIRS: print_list(s, at, out); return;
    default: break;
    }
    if (*(const char *const *)at)
        print_text(*(const char *const *)at, out);
    else
        hse_buf_str(out, "null");
}
