/* A checkpoint of several files behind one index. */
#include "build.h"
#include "torture.h"

#include <unistd.h>

static char folder[64];

static void write_file(const char *name, const void *data, size_t size)
{
    char path[160];
    hse_error err = {0};

    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(hse_file_write(path, data, size, &err) == HSE_OK, "%s", err.text);
}

static void write_shard(const char *name, const char *header, const char *data)
{
    hse_buf b = new_buf();

    put(&b, strlen(header), 8);
    hse_buf_str(&b, header);
    hse_buf_str(&b, data);
    write_file(name, b.data, b.size);
    hse_buf_free(&b);
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/hse-shards-XXXXXX");
    CHECK(mkdtemp(folder) != NULL, "%s", folder);
    write_shard("one.safetensors",
                "{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
                "\1\2\3");
    write_shard("two.safetensors", "{\"c\":{\"dtype\":\"U8\",\"shape\":[1,1],\"data_offsets\":[0,1]}}", "\4");
    write_shard("broken.safetensors", "{\"c\":{\"dtype\":\"U8\",\"shape\":[9,1],\"data_offsets\":[0,1]}}", "\4");
}

static void remove_folder(void)
{
    static const char *const names[] = {"one.safetensors", "two.safetensors", "broken.safetensors", "x.index.json",
                                        "y.index.json"};
    char path[160];

    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static hse_status open_index(hse_weights **w, const hse_weights_limits *limits, hse_error *err)
{
    char path[160];

    snprintf(path, sizeof path, "%s/x.index.json", folder);
    return hse_weights_open(w, path, limits, err);
}

static const char good[] = "{\"metadata\":{\"total_size\":4},\"weight_map\":{\"a\":\"one.safetensors\","
                           "\"c\":\"two.safetensors\",\"b\":\"one.safetensors\"}}";

static hse_status read_all(void *arg, hse_error *err)
{
    hse_weights *w = NULL;
    hse_status s = open_index(&w, NULL, err);
    float got[2];

    (void)arg;
    for (size_t i = 0; s == HSE_OK && i < hse_weights_count(w); i++)
        s = hse_weights_read_f32(w, hse_weights_at(w, i), got, err);
    hse_weights_close(&w);
    return s;
}

TEST(tensors_of_all_files_are_one_table)
{
    hse_weights *w = NULL;
    hse_error err = {0};
    float got[2];
    int32_t whole;
    hse_bytes bytes;

    make_folder();
    write_file("x.index.json", good, sizeof good - 1);
    CHECK(open_index(&w, NULL, &err) == HSE_OK, "%s", err.text);
    CHECK(strcmp(hse_weights_format(w), "safetensors") == 0 && hse_weights_count(w) == 3, "%zu", hse_weights_count(w));
    const hse_weight *a = hse_weights_find(w, "a"), *c = hse_weights_find(w, "c");
    CHECK(a && c && a->count == 2 && c->rank == 2, "entries");
    CHECK(hse_weights_read_f32(w, a, got, &err) == HSE_OK && got[0] == 1 && got[1] == 2, "%s", err.text);
    CHECK(hse_weights_read_i32(w, c, &whole, &err) == HSE_OK && whole == 4, "%s", err.text);
    CHECK(hse_weights_bytes(w, hse_weights_find(w, "b"), &bytes, &err) == HSE_OK && bytes.size == 1 && *bytes.data == 3,
          "%s", err.text);
    hse_weights_drop(w, c);
    CHECK(hse_weights_read_i32(w, c, &whole, &err) == HSE_OK && whole == 4, "%s", err.text);
    hse_weights_close(&w);
    test_torture("shards", read_all, NULL);
    remove_folder();
}

TEST(damaged_indexes)
{
#define MAP(text) "{\"weight_map\":" text "}"
    static const struct {
        const char *text;
        hse_status want;
        const char *words;
    } cases[] = {
        {MAP("{}"), HSE_OK, ""},
        {"{\"x\":[1,{}],\"weight_map\":{\"a\":\"one.safetensors\"},\"y\":null}", HSE_OK, ""},
        {MAP("{\"x\":\"one.safetensors\"}"), HSE_E_FORMAT, "x is not in one.safetensors"},
        {MAP("{\"a\":\"gone.safetensors\"}"), HSE_E_NOT_FOUND, "gone.safetensors"},
        {MAP("{\"a\":\"../one.safetensors\"}"), HSE_E_FORMAT, "beside the index"},
        {MAP("{\"a\":\"/etc/passwd\"}"), HSE_E_FORMAT, "beside the index"},
        {MAP("{\"a\":\"..\"}"), HSE_E_FORMAT, "beside the index"},
        {MAP("{\"a\":\"\"}"), HSE_E_FORMAT, "beside the index"},
        {MAP("{\"a\":\"x.index.json\"}"), HSE_E_FORMAT, "an index"},
        {MAP("{\"c\":\"broken.safetensors\"}"), HSE_E_FORMAT, "broken.safetensors"},
        {MAP("{\"a\":\"one.safetensors\",\"a\":\"one.safetensors\"}"), HSE_E_FORMAT, "two tensors"},
        {MAP("{\"a\":1}"), HSE_E_FORMAT, "string"},
        {MAP("[]"), HSE_E_FORMAT, "'{'"},
        {"{\"weight_map\":{},\"weight_map\":{}}", HSE_E_FORMAT, "twice"},
        {"{\"metadata\":{}}", HSE_E_FORMAT, "no weight_map"},
        {"{}", HSE_E_FORMAT, "string"},
        {"[]", HSE_E_FORMAT, "'{'"},
        {"", HSE_E_FORMAT, "ends"},
        {MAP("{}") "x", HSE_E_FORMAT, "follows"},
    };

    make_folder();
    for (size_t i = 0; i < COUNT(cases); i++) {
        hse_weights *w = NULL;
        hse_error err = {0};
        write_file("x.index.json", cases[i].text, strlen(cases[i].text));
        hse_status s = open_index(&w, NULL, &err);
        CHECK(s == cases[i].want && strstr(err.text, cases[i].words), "%s: %d %s", cases[i].text, (int)s, err.text);
        hse_weights_close(&w);
    }
    write_file("x.index.json", good, sizeof good - 1);
    for (int i = 0; i < 2; i++) {
        hse_weights *w = NULL;
        hse_error err = {0};
        hse_weights_limits limits = {.max_tensors = i ? 2 : 0, .max_header_bytes = i ? 0 : 20};
        CHECK(open_index(&w, &limits, &err) == HSE_E_LIMIT && strstr(err.text, i ? "max_tensors" : "max_header_bytes"),
              "%s", err.text);
    }
    remove_folder();
}
