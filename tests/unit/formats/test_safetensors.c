/* Damaged safetensors headers, and JSON as strict as the format asks. */
#include "build.h"

typedef struct {
    const char *name, *header;
    size_t data;
    hse_status want;
    const char *words;
} header_case;

#define T(dtype, shape, begin, end)                                                                                    \
    "{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

static const header_case cases[] = {
    {"smallest", "{}", 0, HSE_OK, NULL},
    {"padded", "{}      ", 0, HSE_OK, NULL},
    {"one", "{\"a\":" T("F32", "2", 0, 8) "}", 8, HSE_OK, NULL},
    {"scalar", "{\"a\":" T("F32", "", 0, 4) "}", 4, HSE_OK, NULL},
    {"two", "{\"a\":" T("U8", "2", 0, 2) ",\"b\":" T("I8", "1,1", 2, 3) "}", 3, HSE_OK, NULL},
    {"two, the other way round", "{\"a\":" T("U8", "2", 1, 3) ",\"b\":" T("I8", "1,1", 0, 1) "}", 3, HSE_OK, NULL},
    {"an empty one between",
     "{\"a\":" T("U8", "2", 0, 2) ",\"b\":" T("F64", "0,5", 2, 2) ",\"c\":" T("U8", "1", 2, 3) "}", 3, HSE_OK, NULL},
    {"an empty one at the end", "{\"b\":" T("U8", "0", 3, 3) ",\"a\":" T("U8", "3", 0, 3) "}", 3, HSE_OK, NULL},
    {"members in another order", "{\"a\":{\"data_offsets\":[0,1],\"shape\":[1],\"dtype\":\"U8\"}}", 1, HSE_OK, NULL},
    {"white space", "{ \"a\" :\t{ \"dtype\" : \"U8\" ,\n\"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 1 ] } }", 1,
     HSE_OK, NULL},
    {"metadata", "{\"__metadata__\":{\"k\":\"v\"},\"a\":" T("U8", "1", 0, 1) "}", 1, HSE_OK, NULL},
    {"empty metadata", "{\"__metadata__\":{}}", 0, HSE_OK, NULL},
    {"escaped name", "{\"\\u00e9\\ud83d\\ude00\":" T("U8", "1", 0, 1) "}", 1, HSE_OK, NULL},
    {"empty name", "{\"\":" T("U8", "1", 0, 1) "}", 1, HSE_OK, NULL},
    {"rank 8", "{\"a\":" T("U8", "1,1,1,1,1,1,1,1", 0, 1) "}", 1, HSE_OK, NULL},
    {"rank 9", "{\"a\":" T("U8", "1,1,1,1,1,1,1,1,1", 0, 1) "}", 1, HSE_E_LIMIT, "more than 8"},
    {"not an object", "{1}", 0, HSE_E_FORMAT, "string"},
    {"nothing after the brace", "{", 0, HSE_E_FORMAT, "ends"},
    {"something after it", "{}x", 0, HSE_E_FORMAT, "follows"},
    {"trailing comma", "{\"a\":" T("U8", "1", 0, 1) ",}", 1, HSE_E_FORMAT, "string"},
    {"no value", "{\"a\"}", 0, HSE_E_FORMAT, "':'"},
    {"value is a number", "{\"a\":1}", 0, HSE_E_FORMAT, "'{'"},
    {"value is null", "{\"a\":null}", 0, HSE_E_FORMAT, "'{'"},
    {"no dtype", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, HSE_E_FORMAT, "no dtype"},
    {"no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, HSE_E_FORMAT, "no shape"},
    {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, HSE_E_FORMAT, "no data_offsets"},
    {"dtype twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, HSE_E_FORMAT,
     "twice"},
    {"unknown member", "{\"a\":{\"dtype\":\"U8\",\"x\":1,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, HSE_E_FORMAT,
     "unknown"},
    {"a very long member", "{\"a\":{\"data_offsetsdata_offsets\":1}}", 1, HSE_E_LIMIT, "more than 15"},
    {"name twice", "{\"a\":" T("U8", "1", 0, 1) ",\"a\":" T("U8", "1", 1, 2) "}", 2, HSE_E_FORMAT, "two tensors"},
    {"name twice, once escaped", "{\"a\":" T("U8", "1", 0, 1) ",\"\\u0061\":" T("U8", "1", 1, 2) "}", 2, HSE_E_FORMAT,
     "two tensors"},
    {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, HSE_E_FORMAT, "twice"},
    {"metadata key twice", "{\"__metadata__\":{\"k\":\"v\",\"k\":\"v\"}}", 0, HSE_E_FORMAT, "two values"},
    {"metadata is a list", "{\"__metadata__\":[]}", 0, HSE_E_FORMAT, "'{'"},
    {"metadata with a number", "{\"__metadata__\":{\"k\":1}}", 0, HSE_E_FORMAT, "string"},
    {"unknown dtype", "{\"a\":" T("F8_E4M3", "1", 0, 1) "}", 1, HSE_E_UNSUPPORTED, "F8_E4M3"},
    {"lower-case dtype", "{\"a\":" T("f32", "1", 0, 4) "}", 4, HSE_E_UNSUPPORTED, "f32"},
    {"NUL in a name", "{\"a\\u0000b\":" T("U8", "1", 0, 1) "}", 1, HSE_E_FORMAT, "NUL"},
    {"half a surrogate", "{\"\\ud83d\":" T("U8", "1", 0, 1) "}", 1, HSE_E_FORMAT, "surrogate"},
    {"surrogates reversed", "{\"\\ude00\\ud83d\":" T("U8", "1", 0, 1) "}", 1, HSE_E_FORMAT, "surrogate"},
    {"unknown escape", "{\"\\x\":1}", 0, HSE_E_FORMAT, "escape"},
    {"bad hex", "{\"\\u00zz\":1}", 0, HSE_E_FORMAT, "escape"},
    {"name is no UTF-8", "{\"\xff\":" T("U8", "1", 0, 1) "}", 1, HSE_E_FORMAT, "UTF-8"},
    {"overlong UTF-8", "{\"\xc0\xaf\":" T("U8", "1", 0, 1) "}", 1, HSE_E_FORMAT, "UTF-8"},
    {"control character", "{\"\n\":" T("U8", "1", 0, 1) "}", 1, HSE_E_FORMAT, "control"},
    {"unfinished name", "{\"abc", 0, HSE_E_FORMAT, "without its end"},
    {"negative dimension", "{\"a\":" T("U8", "-1", 0, 1) "}", 1, HSE_E_FORMAT, "non-negative"},
    {"fractional dimension", "{\"a\":" T("U8", "1.0", 0, 1) "}", 1, HSE_E_FORMAT, "fraction"},
    {"dimension with an exponent", "{\"a\":" T("U8", "1e0", 0, 1) "}", 1, HSE_E_FORMAT, "fraction"},
    {"dimension with a leading zero", "{\"a\":" T("U8", "01", 0, 1) "}", 1, HSE_E_FORMAT, "integer"},
    {"dimension 2^64 - 1", "{\"a\":" T("U8", "18446744073709551615", 0, 1) "}", 1, HSE_E_FORMAT, "product"},
    {"dimension 2^64", "{\"a\":" T("U8", "18446744073709551616", 0, 1) "}", 1, HSE_E_FORMAT, "64 bits"},
    {"product 2^64", "{\"a\":" T("U8", "4294967296,4294967296", 0, 0) "}", 0, HSE_E_FORMAT, "product"},
    {"product 2^64 + 2^32", "{\"a\":" T("U8", "4294967297,4294967296", 0, 4294967296) "}", 1, HSE_E_FORMAT, "product"},
    {"product 2^62 of 4 bytes", "{\"a\":" T("F32", "4611686018427387904", 0, 0) "}", 0, HSE_E_FORMAT, "product"},
    {"shape one more", "{\"a\":" T("F32", "3", 0, 8) "}", 8, HSE_E_FORMAT, NULL},
    {"shape one less", "{\"a\":" T("F32", "1", 0, 8) "}", 8, HSE_E_FORMAT, "do not fit"},
    {"end before begin", "{\"a\":" T("U8", "1", 1, 0) "}", 1, HSE_E_FORMAT, NULL},
    {"end beyond the data", "{\"a\":" T("U8", "2", 0, 2) "}", 1, HSE_E_FORMAT, "beyond"},
    {"begin beyond the data", "{\"a\":" T("U8", "0", 9, 9) "}", 1, HSE_E_FORMAT, "beyond"},
    {"offsets of 2^63", "{\"a\":" T("U8", "1", 9223372036854775808, 9223372036854775809) "}", 1, HSE_E_FORMAT,
     "beyond"},
    {"offsets wrap", "{\"a\":" T("U8", "2", 18446744073709551615, 1) "}", 1, HSE_E_FORMAT, "beyond"},
    {"one offset", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, HSE_E_FORMAT, "not 2"},
    {"no offsets inside", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[]}}", 1, HSE_E_FORMAT, "not 2"},
    {"three offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, HSE_E_LIMIT,
     "more than 2"},
    {"a hole at the front", "{\"a\":" T("U8", "1", 1, 2) "}", 2, HSE_E_FORMAT, "before it"},
    {"a hole in the middle", "{\"a\":" T("U8", "1", 0, 1) ",\"b\":" T("U8", "1", 2, 3) "}", 3, HSE_E_FORMAT,
     "before it"},
    {"a hole at the end", "{\"a\":" T("U8", "1", 0, 1) "}", 2, HSE_E_FORMAT, "at the end"},
    {"data without a tensor", "{}", 1, HSE_E_FORMAT, "at the end"},
    {"an overlap", "{\"a\":" T("U8", "2", 0, 2) ",\"b\":" T("U8", "2", 1, 3) "}", 3, HSE_E_FORMAT, "two tensors"},
    {"the same bytes twice", "{\"a\":" T("U8", "2", 0, 2) ",\"b\":" T("U8", "2", 0, 2) "}", 2, HSE_E_FORMAT,
     "two tensors"},
    {"one inside another", "{\"a\":" T("U8", "4", 0, 4) ",\"b\":" T("U8", "1", 1, 2) "}", 4, HSE_E_FORMAT,
     "two tensors"},
};

static hse_buf build(uint64_t length, const char *header, size_t data)
{
    hse_buf b = new_buf();

    put(&b, length, 8);
    hse_buf_str(&b, header);
    for (size_t i = 0; i < data; i++)
        hse_buf_byte(&b, (uint8_t)i);
    return b;
}

TEST(damaged_headers)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_buf b = build(strlen(cases[i].header), cases[i].header, cases[i].data);
        expect(cases[i].name, view(&b), cases[i].want, cases[i].words);
        hse_buf_free(&b);
    }
}

TEST(header_lengths)
{
    static const struct {
        const char *name;
        uint64_t length;
        hse_status want;
    } lengths[] = {
        {"0", 0, HSE_E_FORMAT},
        {"1", 1, HSE_E_FORMAT},
        {"2", 2, HSE_OK},
        {"3", 3, HSE_E_FORMAT},
        {"16 MiB", 16 << 20, HSE_E_FORMAT},
        {"16 MiB + 1", (16 << 20) + 1, HSE_E_LIMIT},
        {"2^32", (uint64_t)1 << 32, HSE_E_LIMIT},
        {"2^40 - 1", ((uint64_t)1 << 40) - 1, HSE_E_LIMIT},
        {"2^40", (uint64_t)1 << 40, HSE_E_UNSUPPORTED},
        {"2^63", (uint64_t)1 << 63, HSE_E_UNSUPPORTED},
        {"2^64 - 1", UINT64_MAX, HSE_E_UNSUPPORTED},
        {"2^64 - 8", UINT64_MAX - 7, HSE_E_UNSUPPORTED},
    };

    for (size_t i = 0; i < COUNT(lengths); i++) {
        hse_buf b = build(lengths[i].length, "{}", 0);
        expect(lengths[i].name, view(&b), lengths[i].want, NULL);
        hse_buf_free(&b);
    }
}

TEST(long_names_and_metadata)
{
    for (size_t n = 4095; n <= 4097; n++) {
        hse_buf header = new_buf();
        hse_buf_str(&header, "{\"");
        for (size_t i = 0; i < n; i++)
            hse_buf_byte(&header, 'a');
        hse_buf_str(&header, "\":" T("U8", "1", 0, 1) "}");
        hse_buf b = build(header.size, hse_buf_text(&header), 1);
        expect("a long name", view(&b), n <= 4096 ? HSE_OK : HSE_E_LIMIT, NULL);
        hse_buf_free(&b);
        hse_buf_clear(&header);
        hse_buf_str(&header, "{\"__metadata__\":{\"config\":\"");
        for (size_t i = 0; i < 10 * n; i++)
            hse_buf_byte(&header, 'a');
        hse_buf_str(&header, "\"}}");
        b = build(header.size, hse_buf_text(&header), 0);
        expect("a long metadata text", view(&b), HSE_OK, NULL);
        hse_buf_free(&b);
        hse_buf_free(&header);
    }
}
