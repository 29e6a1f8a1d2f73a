/* test_multipart.c - form data: what comes out, what is refused, and that neither depends on how the body is cut. */
#include "http/multipart.h"

#include "base/buf.h"
#include "test.h"

typedef struct {
    hse_buf log;
    unsigned refuse_begin;
    hse_status refuse_data;
} record;

static hse_status begin(void *arg, const http_part *part, hse_error *err)
{
    record *r = arg;

    if (r->refuse_begin && --r->refuse_begin == 0)
        return hse_fail(err, HSE_E_ARG, 0, "this part is not wanted");
    hse_buf_printf(&r->log, "<%s|%s|%s>", part->name, part->filename ? part->filename : "-", part->type);
    return HSE_OK;
}

static hse_status data(void *arg, const void *p, size_t size, hse_error *err)
{
    record *r = arg;

    if (r->refuse_data)
        return hse_fail(err, r->refuse_data, 0, "too much");
    hse_buf_append(&r->log, p, size);
    return HSE_OK;
}

static hse_status end(void *arg, hse_error *err)
{
    (void)err;
    hse_buf_str(&((record *)arg)->log, ".");
    return HSE_OK;
}

static const http_part_events events = {begin, data, end};

static hse_status parse(record *r, const char *type, const char *body, size_t size, size_t step, hse_error *err)
{
    static http_multipart m;
    hse_status s;

    *err = (hse_error){0};
    hse_buf_clear(&r->log);
    s = http_multipart_init(&m, (http_slice){type, strlen(type)}, &events, r, err);
    for (size_t at = 0; at < size && s == HSE_OK; at += step)
        s = http_multipart_feed(&m, body + at, step < size - at ? step : size - at, err);
    if (s == HSE_OK)
        return http_multipart_finish(&m, err);
    hse_error again;
    CHECK(http_multipart_feed(&m, "x", 1, &again) == s && http_multipart_finish(&m, &again) == s,
          "the error does not stay");
    return s;
}

#define TYPE    "multipart/form-data; boundary=x"
#define NAME(n) "Content-Disposition: form-data; name=\"" n "\"\r\n"

TEST(parts_come_out_however_the_body_is_cut)
{
    static const struct {
        const char *name, *type, *body;
        hse_status status;
        const char *log, *error;
    } cases[] = {
        {"two parts", TYPE,
         "--x\r\n" NAME("a") "\r\n1\r\n--x\r\n" NAME("b") "Content-Type: text/plain\r\n\r\n2\r\n--x--\r\n", HSE_OK,
         "<a|-|>1.<b|-|text/plain>2.", ""},
        {"a file", TYPE,
         "--x\r\nContent-Type: audio/wav\r\nContent-Disposition: form-data; name=file; filename=\"a "
         "b.wav\"\r\n\r\nRIFF\r\n--x--",
         HSE_OK, "<file|a b.wav|audio/wav>RIFF.", ""},
        {"data like delimiters", TYPE, "--x\r\n" NAME("a") "\r\n\r\n-\r\n--\r\n--y\r\r\n--\r\r\n--x--", HSE_OK,
         "<a|-|>\r\n-\r\n--\r\n--y\r\r\n--\r.", ""},
        {"empty part", TYPE, "--x\r\n" NAME("a") "\r\n\r\n--x--", HSE_OK, "<a|-|>.", ""},
        {"no parts", TYPE, "--x--\r\n", HSE_OK, "", ""},
        {"preamble and epilogue", TYPE, "hi\r\n--x \t\r\n" NAME("a") "\r\n1\r\n--x--bye", HSE_OK, "<a|-|>1.", ""},
        {"quoted boundary", "multipart/form-data; boundary=\"a b'()+_,-./:=?\"",
         "--a b'()+_,-./:=?\r\n" NAME("a") "\r\n1\r\n--a b'()+_,-./:=?--", HSE_OK, "<a|-|>1.", ""},
        {"name in UTF-8", TYPE, "--x\r\n" NAME("\xc3\xa9[]") "\r\n1\r\n--x--", HSE_OK, "<\xc3\xa9[]|-|>1.", ""},
        {"filename*", TYPE,
         "--x\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''caf%C3%A9.wav\r\n\r\n1\r\n--x--", HSE_OK,
         "<f|caf\xc3\xa9.wav|>1.", ""},
        {"file name in Latin-1", TYPE, "--x\r\nContent-Disposition: form-data; name=f; filename=\"caf\xe9.wav\"\r\n\r\n1\r\n--x--", HSE_OK, "<f||>1.", ""},
        {"both file names", TYPE,
         "--x\r\nContent-Disposition: form-data; name=f; filename=a; filename*=UTF-8''b\r\n\r\n1\r\n--x--", HSE_OK,
         "<f|a|>1.", ""},
        {"Windows path", TYPE,
         "--x\r\nContent-Disposition: form-data; name=f; filename=\"C:\\new\\a.wav\"\r\n\r\n1\r\n--x--", HSE_OK,
         "<f|C:\\new\\a.wav|>1.", ""},
        {"binary encoding", TYPE, "--x\r\n" NAME("a") "Content-Transfer-Encoding: binary\r\n\r\n1\r\n--x--", HSE_OK,
         "<a|-|>1.", ""},
        {"not multipart", "application/json", "", HSE_E_UNSUPPORTED, "", "not multipart/form-data"},
        {"no boundary", "multipart/form-data", "", HSE_E_FORMAT, "", "boundary"},
        {"empty boundary", "multipart/form-data; boundary=\"\"", "", HSE_E_FORMAT, "", "boundary"},
        {"boundary ends with a space", "multipart/form-data; boundary=\"a \"", "", HSE_E_FORMAT, "", "boundary"},
        {"boundary of 71",
         "multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890", "",
         HSE_E_FORMAT, "", "boundary"},
        {"boundary with a sign", "multipart/form-data; boundary=\"a@b\"", "", HSE_E_FORMAT, "", "boundary"},
        {"empty body", TYPE, "", HSE_E_FORMAT, "", "before the closing"},
        {"cut in data", TYPE, "--x\r\n" NAME("a") "\r\n1", HSE_E_FORMAT, "<a|-|>1", "before the closing"},
        {"cut in the last delimiter", TYPE, "--x\r\n" NAME("a") "\r\n1\r\n--x-", HSE_E_FORMAT, "<a|-|>1.",
         "before the closing"},
        {"text after a delimiter", TYPE, "--xy\r\n", HSE_E_FORMAT, "", "followed by"},
        {"one dash after a delimiter", TYPE, "--x-y\r\n", HSE_E_FORMAT, "", "followed by"},
        {"LF after a delimiter", TYPE, "--x\n", HSE_E_FORMAT, "", "followed by"},
        {"CR and no LF after it", TYPE, "--x\rx", HSE_E_FORMAT, "", "followed by"},
        {"no header", TYPE, "--x\r\n\r\n1\r\n--x--", HSE_E_FORMAT, "", "no Content-Disposition"},
        {"not form-data", TYPE, "--x\r\nContent-Disposition: attachment; name=a\r\n\r\n", HSE_E_FORMAT, "",
         "not form-data"},
        {"no name", TYPE, "--x\r\nContent-Disposition: form-data\r\n\r\n", HSE_E_FORMAT, "", "no name"},
        {"name in Latin-1", TYPE, "--x\r\n" NAME("\xe9") "\r\n", HSE_E_FORMAT, "", "no name"},
        {"two dispositions", TYPE, "--x\r\n" NAME("a") NAME("b") "\r\n", HSE_E_FORMAT, "", "two Content-Disposition"},
        {"two types", TYPE, "--x\r\n" NAME("a") "Content-Type: a\r\nContent-Type: b\r\n\r\n", HSE_E_FORMAT, "",
         "two Content-Type"},
        {"two names", TYPE, "--x\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n", HSE_E_FORMAT, "",
         "no name"},
        {"two file names", TYPE, "--x\r\nContent-Disposition: form-data; name=a; filename=b; filename=c\r\n\r\n",
         HSE_E_FORMAT, "", "not well-formed"},
        {"bad filename*", TYPE, "--x\r\nContent-Disposition: form-data; name=a; filename*=latin1''b\r\n\r\n",
         HSE_E_FORMAT, "", "filename*"},
        {"NUL in filename*", TYPE, "--x\r\nContent-Disposition: form-data; name=a; filename*=utf-8''b%00\r\n\r\n",
         HSE_E_FORMAT, "", "filename*"},
        {"newline in filename*", TYPE, "--x\r\nContent-Disposition: form-data; name=a; filename*=utf-8''b%0a\r\n\r\n",
         HSE_E_FORMAT, "", "control character"},
        {"bare LF in the header", TYPE, "--x\r\n" NAME("a") "A: b\nC: d\r\n\r\n", HSE_E_FORMAT, "", "CR LF"},
        {"bare CR in the header", TYPE, "--x\r\n" NAME("a") "A: b\rC: d\r\n\r\n", HSE_E_FORMAT, "",
         "control character"},
        {"folded line", TYPE, "--x\r\n" NAME("a") " b\r\n\r\n", HSE_E_FORMAT, "", "name: value"},
        {"base64", TYPE, "--x\r\n" NAME("a") "Content-Transfer-Encoding: base64\r\n\r\n", HSE_E_UNSUPPORTED, "",
         "Content-Transfer-Encoding"},
        {"17 lines", TYPE,
         "--x\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: "
         "b\r\nA: b\r\nA: b\r\nA: b\r\n" NAME("a") "\r\n",
         HSE_E_LIMIT, "", "too many lines"},
    };
    record r = {0};
    hse_error err;

    hse_buf_init(&r.log, 1 << 16);
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size = strlen(cases[i].body);
        for (size_t step = 1; step <= size + 1; step++) {
            hse_status got = parse(&r, cases[i].type, cases[i].body, size, step, &err);
            CHECK(got == cases[i].status, "%s, step %zu: %d %s", cases[i].name, step, (int)got, err.text);
            CHECK(strcmp(hse_buf_text(&r.log), cases[i].log) == 0, "%s, step %zu: '%s'", cases[i].name, step,
                  hse_buf_text(&r.log));
            CHECK(strstr(err.text, cases[i].error), "%s: '%s'", cases[i].name, err.text);
        }
    }
    hse_buf_free(&r.log);
}

/* before + n times filler + after */
static void fill(hse_buf *b, const char *before, const char *filler, size_t n, const char *after)
{
    hse_buf_clear(b);
    hse_buf_str(b, before);
    for (size_t i = 0; i < n; i++)
        hse_buf_str(b, filler);
    hse_buf_str(b, after);
}

TEST(everything_is_bounded)
{
    static const struct {
        const char *name, *before, *filler;
        size_t most;
        const char *after, *error;
    } cases[] = {
        {"parts", "", "--x\r\n" NAME("a") "\r\n1\r\n", HTTP_MULTIPART_MAX_PARTS, "--x--", "too many parts"},
        {"name", "--x\r\nContent-Disposition: form-data; name=", "n", HTTP_PART_MAX_NAME - 1, "\r\n\r\n1\r\n--x--",
         "name is too long"},
        {"file name", "--x\r\nContent-Disposition: form-data; name=a; filename=", "n", HTTP_PART_MAX_FILENAME - 1,
         "\r\n\r\n1\r\n--x--", "file name is too long"},
        {"type", "--x\r\n" NAME("a") "Content-Type: ", "n", HTTP_PART_MAX_TYPE - 1, "\r\n\r\n1\r\n--x--", "too long"},
        {"preamble", "", "p", HTTP_MULTIPART_MAX_PREAMBLE, "\r\n--x--", "before the first"},
        {"epilogue", "--x--", "e", HTTP_MULTIPART_MAX_PREAMBLE, "", "after the closing"},
        {"padding", "--x", " ", HTTP_MULTIPART_MAX_PREAMBLE, "\r\n" NAME("a") "\r\n1\r\n--x--", "too many spaces"},
        {"header", "--x\r\nA: ", "h", HTTP_PART_MAX_HEAD - 3 - 2 - 40 - 2,
         "\r\n"
         "Content-Disposition: form-data; name=\"a\""
         "\r\n\r\n1\r\n--x--",
         "header is too long"},
    };
    record r = {0};
    hse_error err;
    hse_buf b;

    hse_buf_init(&r.log, 1 << 16);
    hse_buf_init(&b, 1 << 16);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t over = 0; over < 2; over++)
            for (size_t step = 1; step < 5000; step = step * 3 + 1) {
                size_t slack = i == COUNT(cases) - 1 ? 3 : 0; /* the header's own line ends */
                fill(&b, cases[i].before, cases[i].filler, cases[i].most + (over ? slack + 1 : 0) - (over ? 0 : slack),
                     cases[i].after);
                hse_status got = parse(&r, TYPE, (const char *)b.data, b.size, step, &err);
                CHECK(got == HSE_OK || over, "%s at its limit, step %zu: %s", cases[i].name, step, err.text);
                CHECK(got != HSE_OK || !over, "%s over its limit, step %zu, is taken", cases[i].name, step);
                CHECK(!over || strstr(err.text, cases[i].error), "%s: '%s'", cases[i].name, err.text);
            }
    hse_buf_free(&b);
    hse_buf_free(&r.log);
}

TEST(callbacks_end_the_parse)
{
    static const char body[] = "--x\r\n" NAME("a") "\r\n1\r\n--x\r\n" NAME("b") "\r\n2\r\n--x--";
    record r = {.refuse_begin = 2};
    hse_error err;

    hse_buf_init(&r.log, 1 << 16);
    CHECK(parse(&r, TYPE, body, sizeof body - 1, 5, &err) == HSE_E_ARG && strstr(err.text, "not wanted"), "%s",
          err.text);
    CHECK(strcmp(hse_buf_text(&r.log), "<a|-|>1.") == 0, "'%s'", hse_buf_text(&r.log));
    r.refuse_data = HSE_E_LIMIT;
    CHECK(parse(&r, TYPE, body, sizeof body - 1, 500, &err) == HSE_E_LIMIT && strstr(err.text, "too much"), "%s",
          err.text);
    hse_buf_free(&r.log);
}
