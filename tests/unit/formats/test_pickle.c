/* Pickles: every opcode alone and in context, names that must never be called, limits, recursion. */
#include "build.h"
#include "torture.h"

#include "formats/pickle.h"

static hse_status read_pickle(hse_bytes in, hse_error *err)
{
    pickle *p = NULL;
    size_t used = 0;
    hse_status s = pickle_read(&p, in, &used, 0, 64 << 20, err);

    CHECK((p != NULL) == (s == HSE_OK) && used <= in.size, "status %d", (int)s);
    pickle_close(&p);
    return s;
}

/* What may stand in a pickle; the operand makes a whole instruction of it, the context a stack that it can work on. */
static const struct {
    uint8_t code;
    const char *operand, *context;
    size_t operand_size, context_size;
    bool empty; /* leaves nothing for STOP to take */
} allowed[] = {
#define OP(code, operand, context, ...)                                                                                \
    {                                                                                                                  \
        code, operand, context, sizeof operand - 1, sizeof context - 1, __VA_ARGS__                                    \
    }
    OP('(', "", "K\1", true),
    OP('0', "", "K\1K\2", false),
    OP('1', "", "K\1(K\2", false),
    OP('2', "", "K\1", true),
    OP('N', "", "", false),
    OP(0x88, "", "", false),
    OP(0x89, "", "", false),
    OP('K', "\1", "", false),
    OP('M', "\1\2", "", false),
    OP('J', "\1\2\3\x84", "", false),
    OP(0x8a, "\1\xff", "", false),
    OP(0x8b, "\0\0\0\0", "", false),
    OP('G', "\1\2\3\4\5\6\7\x8", "", false),
    OP('U', "\1a", "", false),
    OP('T', "\1\0\0\0\xff", "", false),
    OP(0x8c, "\2\xc3\xa9", "", false),
    OP('X', "\1\0\0\0a", "", false),
    OP(0x8d, "\0\0\0\0\0\0\0\0", "", false),
    OP('C', "\1\xff", "", false),
    OP('B', "\0\0\0\0", "", false),
    OP(0x8e, "\0\0\0\0\0\0\0\0", "", false),
    OP(0x96, "\0\0\0\0\0\0\0\0", "", false),
    OP(']', "", "", false),
    OP('a', "", "]K\1", false),
    OP('e', "", "](K\1K\2", false),
    OP('l', "", "(K\1", false),
    OP(')', "", "", false),
    OP('t', "", "(K\1K\2", false),
    OP(0x85, "", "K\1", false),
    OP(0x86, "", "K\1K\2", false),
    OP(0x87, "", "K\1K\2K\3", false),
    OP('}', "", "", false),
    OP('s', "", "}K\1K\2", false),
    OP('u', "", "}(K\1K\2", false),
    OP('d', "", "(K\1K\2", false),
    OP(0x8f, "", "", false),
    OP(0x90, "", "\x8f(K\1", false),
    OP(0x91, "", "(K\1", false),
    OP('h', "\0",
       "K\1q\0"
       "0",
       false),
    OP('j', "\0\0\0\0",
       "K\1q\0"
       "0",
       false),
    OP('q', "\5", "K\1", false),
    OP('r', "\5\0\0\0", "K\1", false),
    OP(0x94, "", "K\1", false),
    OP('c', "os\nsystem\n", "", false),
    OP(0x93, "", "U\2osU\6system", false),
    OP('R', "", "cos\nsystem\n)", false),
    OP(0x81, "", "cos\nsystem\n)", false),
    OP(0x92, "", "cos\nsystem\n)}", false),
    OP('b', "", "cos\nsystem\n)R}", false),
    OP('Q', "", "(U\7storagectorch\nFloatStorage\nU\0010U\3cpuK\1t", false),
    OP(0x95, "\1\0\0\0\0\0\0\0", "K\1", false),
};

TEST(every_opcode_alone_and_in_context)
{
    for (int code = 0; code < 256; code++) {
        const size_t none = COUNT(allowed);
        size_t k = 0;
        while (k < none && allowed[k].code != code)
            k++;
        hse_buf alone = new_buf(), whole = new_buf();
        hse_error err = {0};
        hse_buf_str(&alone, "\x80\x02");
        hse_buf_byte(&alone, (uint8_t)code);
        hse_buf_byte(&alone, '.');
        hse_status got = read_pickle(view(&alone), &err);
        CHECK(k < none || code == '.' || got == HSE_E_FORMAT, "0x%02x alone: %d %s", code, (int)got, err.text);
        CHECK(k < none || code == '.' || strstr(err.text, "opcode"), "0x%02x: %s", code, err.text);
        if (k < none) {
            hse_buf_str(&whole, "\x80\x02");
            hse_buf_append(&whole, allowed[k].context, allowed[k].context_size);
            hse_buf_byte(&whole, (uint8_t)code);
            hse_buf_append(&whole, allowed[k].operand, allowed[k].operand_size);
            hse_buf_byte(&whole, '.');
            got = read_pickle(view(&whole), &err);
            CHECK((got == HSE_OK) == !allowed[k].empty, "0x%02x in context: %d %s", code, (int)got, err.text);
            for (size_t n = 0; n + 1 < whole.size; n++) /* cut at each byte: the STOP is missing at least */
                CHECK(read_pickle((hse_bytes){whole.data, n}, &err) != HSE_OK, "0x%02x cut to %zu", code, n);
        }
        hse_buf_free(&alone);
        hse_buf_free(&whole);
    }
}

#define P(s) (const uint8_t *)("\x80\x04" s), sizeof(s) + 1

TEST(damaged_pickles)
{
    static const struct {
        const char *name;
        const uint8_t *bytes;
        size_t size;
        hse_status want;
        const char *words;
    } cases[] = {
        {"empty", (const uint8_t *)"", 0, HSE_E_FORMAT, "protocol"},
        {"no protocol", (const uint8_t *)"N.", 2, HSE_E_FORMAT, "protocol"},
        {"protocol 1", (const uint8_t *)"\x80\1N.", 4, HSE_E_UNSUPPORTED, "protocol 1"},
        {"protocol 6", (const uint8_t *)"\x80\6N.", 4, HSE_E_UNSUPPORTED, "protocol 6"},
        {"protocol 5", (const uint8_t *)"\x80\5N.", 4, HSE_OK, ""},
        {"protocol twice", P("\x80\4N."), HSE_E_FORMAT, "PROTO"},
        {"nothing to stop with", P("."), HSE_E_FORMAT, "empty stack"},
        {"no stop", P("N"), HSE_E_FORMAT, "cut off"},
        {"values left over", P("NN."), HSE_E_FORMAT, "left on the stack"},
        {"a mark left over", P("N(."), HSE_E_FORMAT, "empty stack"},
        {"pop below a mark", P("N(0."), HSE_E_FORMAT, "empty stack"},
        {"dup below a mark", P("N(2."), HSE_E_FORMAT, "empty stack"},
        {"put below a mark", P("N(q\0."), HSE_E_FORMAT, "empty stack"},
        {"tuple below a mark", P("N(N\x86."), HSE_E_FORMAT, "tuple"},
        {"tuple without a mark", P("Nt."), HSE_E_FORMAT, "mark"},
        {"items without a container", P("(K\1e."), HSE_E_FORMAT, "container"},
        {"item without a container", P("K\1a."), HSE_E_FORMAT, "container"},
        {"append to an integer", P("K\1K\2a."), HSE_E_FORMAT, "no list"},
        {"append to a dict", P("}K\2a."), HSE_E_FORMAT, "no list"},
        {"set in a list", P("]K\2K\3s."), HSE_E_FORMAT, "no dict"},
        {"half a pair", P("}(K\2u."), HSE_E_FORMAT, "without a value"},
        {"half a pair in a new dict", P("(K\2d."), HSE_E_FORMAT, "without a value"},
        {"add to a list as to a set", P("](K\2\x90."), HSE_E_FORMAT, "no list"},
        {"add to an inert object", P("cxxxx\nyyyy\n)R(K\1K\2\x90."), HSE_OK, ""},
        {"set on an inert object", P("cx\ny\n)R(K\1K\2u."), HSE_OK, ""},
        {"append to an inert object", P("cx\ny\n)RK\1a."), HSE_OK, ""},
        {"memo never set", P("h\0."), HSE_E_FORMAT, "never set"},
        {"memo in a hole", P("Nq\5h\4\x86."), HSE_E_FORMAT, "never set"},
        {"memo 2^20 - 1", P("Nr\xff\xff\x0f\0."), HSE_OK, ""},
        {"memo 2^20", P("Nr\0\0\x10\0."), HSE_E_LIMIT, "memo"},
        {"memo 2^32 - 1", P("Nr\xff\xff\xff\xff."), HSE_E_LIMIT, "memo"},
        {"string of 2^32 - 1", P("X\xff\xff\xff\xff."), HSE_E_FORMAT, "announced"},
        {"string of 2^64 - 1", P("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), HSE_E_FORMAT, "announced"},
        {"bytes of 2^63", P("\x8e\0\0\0\0\0\0\0\x80."), HSE_E_FORMAT, "announced"},
        {"bytearray of 2^64 - 1", P("\x96\xff\xff\xff\xff\xff\xff\xff\xff."), HSE_E_FORMAT, "announced"},
        {"string that is no UTF-8", P("X\1\0\0\0\xff."), HSE_E_FORMAT, "UTF-8"},
        {"surrogate in a string", P("X\3\0\0\0\xed\xa0\x80."), HSE_E_FORMAT, "UTF-8"},
        {"integer of negative length", P("\x8b\xff\xff\xff\xff."), HSE_E_FORMAT, ""},
        {"integer of 255 bytes, cut", P("\x8a\xff."), HSE_E_FORMAT, "announced"},
        {"frame beyond the end", P("\x95\xff\xff\xff\xff\xff\xff\xff\x7fN."), HSE_E_FORMAT, "frame"},
        {"call of an integer", P("K\1)R."), HSE_E_FORMAT, "no function"},
        {"call of a list", P("])R."), HSE_E_FORMAT, "no function"},
        {"arguments that are no tuple", P("cx\ny\n]R."), HSE_E_FORMAT, "no tuple"},
        {"object of an integer", P("K\1)\x81."), HSE_E_FORMAT, "no class"},
        {"object's arguments are no tuple", P("cx\ny\nN\x81."), HSE_E_FORMAT, "no tuple"},
        {"state of an integer", P("K\1Nb."), HSE_E_FORMAT, "plain value"},
        {"state of a string", P("\x8c\1aNb."), HSE_E_FORMAT, "plain value"},
        {"global without its end", P("cos\nsystem."), HSE_E_FORMAT, "line"},
        {"global that is no UTF-8", P("c\xff\nx\n."), HSE_E_FORMAT, "line"},
        {"global by integers", P("K\1K\2\x93."), HSE_E_FORMAT, "not a string"},
        {"global by one string", P("\x8c\1a\x93."), HSE_E_FORMAT, "empty stack"},
        {"persistent id that is a string", P("\x8c\1aQ."), HSE_E_FORMAT, "persistent"},
        {"persistent id of nothing", P(")Q."), HSE_E_FORMAT, "persistent"},
        {"persistent id of another kind", P("\x8c\1a\x85Q."), HSE_E_FORMAT, "persistent"},
        {"storage of four",
         P("(\x8c\7storagectorch\nFloatStorage\n\x8c\1"
           "0\x8c\1ctQ."),
         HSE_E_FORMAT, "persistent"},
        {"storage with an integer key", P("(\x8c\7storagectorch\nFloatStorage\nK\1\x8c\1cK\1tQ."), HSE_E_FORMAT,
         "wrong types"},
        {"storage with a text count",
         P("(\x8c\7storagectorch\nFloatStorage\n\x8c\1"
           "0\x8c\1c\x8c\1xtQ."),
         HSE_E_FORMAT, "wrong types"},
        {"storage whose class is a string",
         P("(\x8c\7storage\x8c\1x\x8c\1"
           "0\x8c\1cK\1tQ."),
         HSE_E_FORMAT, "wrong types"},
        {"storage that is a view",
         P("(\x8c\7storagectorch\nFloatStorage\n\x8c\1"
           "0\x8c\1cK\1)tQ."),
         HSE_E_UNSUPPORTED, "view"},
        {"storage of an unknown class",
         P("(\x8c\7storagectorch\nComplexFloatStorage\n\x8c\1"
           "0\x8c\1cK\1tQ."),
         HSE_OK, ""},
        {"tensor of three arguments", P("ctorch._utils\n_rebuild_tensor_v2\nNNN\x87R."), HSE_E_FORMAT, "3 arguments"},
        {"parameter of one argument", P("ctorch._utils\n_rebuild_parameter\nN\x85R."), HSE_E_FORMAT, "1 arguments"},
        {"Size of an integer", P("ctorch\nSize\nK\1\x85R."), HSE_E_FORMAT, "torch.Size"},
        {"OrderedDict of an integer", P("ccollections\nOrderedDict\nK\1\x85R."), HSE_E_FORMAT, "OrderedDict"},
        {"OrderedDict of integers", P("ccollections\nOrderedDict\n]K\1a\x85R."), HSE_E_FORMAT, "no pair"},
        {"OrderedDict of two", P("ccollections\nOrderedDict\n]]\x86R."), HSE_E_FORMAT, "2 arguments"},
        {"tensor of the oldest kind", P("ctorch._utils\n_rebuild_tensor\n(NNNNtR."), HSE_OK, ""},
        {"an OrderedDict as an object", P("ccollections\nOrderedDict\n)\x81}b."), HSE_OK, ""},
        {"an object of nothing", P("cx\ny\n\x81."), HSE_E_FORMAT, "empty stack"},
        {"a list of nothing", P("0l."), HSE_E_FORMAT, "empty stack"},
        {"OrderedDict of pairs", P("ccollections\nOrderedDict\n]]K\1aK\2aa\x85R."), HSE_OK, ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_error err = {0};
        hse_status got = read_pickle((hse_bytes){cases[i].bytes, cases[i].size}, &err);
        CHECK(got == cases[i].want, "%s: got %d, want %d (%s)", cases[i].name, (int)got, (int)cases[i].want, err.text);
        CHECK(strstr(err.text, cases[i].words), "%s: %s", cases[i].name, err.text);
    }
}

/* Names by which published pickles have run code. They are text here. */
TEST(names_are_never_called)
{
    static const char *const names[] = {
        "os\nsystem",
        "posix\nsystem",
        "nt\nsystem",
        "builtins\neval",
        "builtins\nexec",
        "__builtin__\neval",
        "builtins\ngetattr",
        "builtins\n__import__",
        "builtins\ncompile",
        "builtins\nopen",
        "subprocess\nPopen",
        "subprocess\ncheck_output",
        "runpy\n_run_code",
        "operator\nattrgetter",
        "operator\nmethodcaller",
        "functools\npartial",
        "importlib\nimport_module",
        "pickle\nloads",
        "shutil\nrmtree",
        "socket\nsocket",
        "webbrowser\nopen",
        "code\nInteractiveInterpreter.runcode",
        "pty\nspawn",
        "timeit\ntimeit",
        "ctypes\nCDLL",
        "numpy.testing._private.utils\nrunstring",
        "torch\nload",
        "torch.hub\nload",
        "torch.jit\nload",
        "torch._inductor.codecache\ncompile_file",
        "torch.storage\n_load_from_bytes",
        "pip\nmain",
        "pydoc\npipepager",
        "bdb\nBdb.run",
        "asyncio.unix_events\n_UnixSubprocessTransport._start",
        "venv\ncreate",
        "ensurepip\n_run_pip",
        "idlelib.pyshell\nModifiedInterpreter.runcode",
        "lib2to3.pgen2.pgen\nParserGenerator",
        "distutils.file_util\nwrite_file",
        "logging.config\nlistenToConfig",
        "cProfile\nrun",
        "trace\nTrace.run",
    };

    for (size_t i = 0; i < COUNT(names); i++)
        for (int how = 0; how < 3; how++) {
            hse_buf b = new_buf();
            hse_error err = {0};
            pickle *p = NULL;
            size_t used;
            hse_buf_printf(&b,
                           "\x80\x02"
                           "c%s\n",
                           names[i]);
            hse_buf_append(&b,
                           how == 0   ? "U\4ls /\x85R."
                           : how == 1 ? ")\x81}b."
                                      : ".",
                           how == 0   ? 9
                           : how == 1 ? 5
                                      : 1);
            CHECK(pickle_read(&p, view(&b), &used, 0, 1 << 20, &err) == HSE_OK, "%s: %s", names[i], err.text);
            pk_ref root = pickle_root(p);
            CHECK(pk_kind_of(p, root) == (how == 2 ? PK_GLOBAL : PK_INERT), "%s", names[i]);
            hse_bytes module = pk_module(p, root), name = pk_name(p, root);
            CHECK(memcmp(names[i], module.data, module.size) == 0 && names[i][module.size] == '\n', "%s", names[i]);
            CHECK(name.size == strlen(names[i]) - module.size - 1, "%s", names[i]);
            CHECK(how < 2 || (pk_known(p, root) == PKG_UNKNOWN && pk_dtype(p, root) == -1), "%s", names[i]);
            pickle_close(&p);
            hse_buf_free(&b);
        }
}

static hse_buf repeated(const char *head, const char *body, size_t body_size, size_t n, const char *tail)
{
    hse_buf b = new_buf();

    hse_buf_str(&b, "\x80\x02");
    hse_buf_str(&b, head);
    for (size_t i = 0; i < n; i++)
        hse_buf_append(&b, body, body_size);
    hse_buf_str(&b, tail);
    return b;
}

TEST(limits)
{
    static const struct {
        const char *name, *head, *body, *tail;
        size_t n, memory;
        hse_status want;
        const char *words;
    } cases[] = {
        {"256 marks", "", "(", "N.", 256, 1 << 20, HSE_E_FORMAT, "left on the stack"},
        {"257 marks", "", "(", "N.", 257, 1 << 20, HSE_E_LIMIT, "deeper than 256"},
        {"2^22 opcodes", "N", "N0", ".", (1 << 21) - 1, 1 << 20, HSE_OK, ""},
        {"more than 2^22 opcodes", "N", "N0", ".", 1 << 21, 1 << 20, HSE_E_LIMIT, "opcodes"},
        {"memory", "", "]", ".", 100000, 1 << 20, HSE_E_LIMIT, "memory"},
        {"memory of the stack", "", "N", ".", 100000, 1 << 16, HSE_E_LIMIT, "memory"},
        {"a thousand lists in each other", "", "]", "", 1000, 1 << 20, HSE_E_FORMAT, "cut off"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b = repeated(cases[i].head, cases[i].body, strlen(cases[i].body), cases[i].n, cases[i].tail);
        hse_error err = {0};
        pickle *p = NULL;
        size_t used;
        hse_status got = pickle_read(&p, view(&b), &used, 0, cases[i].memory, &err);
        CHECK(got == cases[i].want && strstr(err.text, cases[i].words), "%s: got %d (%s)", cases[i].name, (int)got,
              err.text);
        pickle_close(&p);
        hse_buf_free(&b);
    }
}

TEST(names_of_globals_have_a_length)
{
    for (size_t n = 65535; n <= 65536; n++) {
        hse_buf b = new_buf();
        hse_error err = {0};
        hse_buf_str(&b, "\x80\2c");
        for (size_t i = 0; i < n; i++)
            hse_buf_byte(&b, 'm');
        hse_buf_str(&b, "\nx\n.");
        hse_status got = read_pickle(view(&b), &err);
        CHECK(got == (n == 65535 ? HSE_OK : HSE_E_FORMAT), "%zu: %d %s", n, (int)got, err.text);
        hse_buf_free(&b);
    }
}

TEST(numbers_are_exact)
{
    static const struct {
        const uint8_t *bytes;
        size_t size;
        int64_t want;
    } cases[] = {
        {P("K\xff."), 255},
        {P("M\xff\xff."), 65535},
        {P("J\xff\xff\xff\xff."), -1},
        {P("J\xff\xff\xff\x7f."), INT32_MAX},
        {P("J\0\0\0\x80."), INT32_MIN},
        {P("J\0\0\0\x40."), 1 << 30},
        {P("J\0\0\0\xc0."), -(1 << 30)},
        {P("J\xff\xff\xff\xbf."), -(1 << 30) - 1},
        {P("\x8a\0."), 0},
        {P("\x8a\1\x80."), -128},
        {P("\x8a\2\xff\0."), 255},
        {P("\x8a\x8\0\0\0\0\0\0\0\x80."), INT64_MIN},
        {P("\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f."), INT64_MAX},
        {P("\x88."), 1},
        {P("\x89."), 0},
    };
    static const struct {
        const uint8_t *bytes;
        size_t size;
        double want;
    } reals[] = {
        {P("G\x3f\xf8\0\0\0\0\0\0."), 1.5},
        {P("G\xc0\x5e\xdc\0\0\0\0\0."), -123.4375},
        {P("G\0\0\0\0\0\0\0\1."), 0x1p-1074},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        pickle *p = NULL;
        size_t used;
        CHECK(pickle_read(&p, (hse_bytes){cases[i].bytes, cases[i].size}, &used, 0, 1 << 20, NULL) == HSE_OK,
              "case %zu", i);
        int64_t got = pk_int(p, pickle_root(p));
        CHECK(got == cases[i].want && used == cases[i].size, "case %zu: got %lld, want %lld", i, (long long)got,
              (long long)cases[i].want);
        pickle_close(&p);
    }
    for (size_t i = 0; i < COUNT(reals); i++) {
        pickle *p = NULL;
        size_t used;
        CHECK(pickle_read(&p, (hse_bytes){reals[i].bytes, reals[i].size}, &used, 0, 1 << 20, NULL) == HSE_OK,
              "real %zu", i);
        CHECK(pk_real(p, pickle_root(p)) == reals[i].want, "real %zu", i);
        pickle_close(&p);
    }
}

static hse_status read_bytes(void *arg, hse_error *err)
{
    return read_pickle(*(hse_bytes *)arg, err);
}

TEST(stored_pickles_and_no_memory)
{
    static const char *const names[] = {"everything-p2", "everything-p3", "everything-p4", "everything-p5", "cycle-p2",
                                        "cycle-p4",      "long-p2",       "long-p5",       "old-strings",   "pairs",
                                        "module",        "new-ex",        "additems-inert"};

    for (size_t i = 0; i < COUNT(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/fuzz/seeds/pickle/%s", names[i]);
        hse_bytes file = stored(path);
        unsigned n = test_torture(names[i], read_bytes, &file);
        CHECK(n >= 2, "%s: %u allocations", names[i], n);
        release(file);
    }
}
