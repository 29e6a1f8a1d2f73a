/* docs_files.c - the files of Swagger UI and ReDoc as the packages bring them, when the build is told to hold them. */
#include "server/docs.h"

#ifdef HSE_DOCS_UI

/* The assembler takes the file in, so that no generated source of megabytes goes through the compiler. */
#define HOLD(symbol, file)                                                                                             \
    __asm__(".pushsection .rodata\n.balign 16\n" #symbol ":\n.incbin \"" HSE_DOCS_UI "/" file "\"\n" #symbol           \
            "_end:\n.byte 0\n.popsection\n");                                                                          \
    extern const uint8_t symbol[] __attribute__((visibility("hidden"))),                                               \
        symbol##_end[] __attribute__((visibility("hidden")))

HOLD(docs_swagger_css, "swagger-ui.css");
HOLD(docs_swagger_js, "swagger-ui-bundle.js");
HOLD(docs_redoc_js, "redoc.standalone.js");

bool api_docs_find(const char *name, hse_bytes *data, const char **type)
{
    static const struct {
        const char *name, *type;
        const uint8_t *begin, *end;
    } files[] = {
        {"swagger-ui.css", "text/css", docs_swagger_css, docs_swagger_css_end},
        {"swagger-ui-bundle.js", "text/javascript", docs_swagger_js, docs_swagger_js_end},
        {"redoc.standalone.js", "text/javascript", docs_redoc_js, docs_redoc_js_end},
    };

    for (size_t i = 0; i < COUNT(files); i++)
        if (strcmp(files[i].name, name) == 0) {
            *data = (hse_bytes){files[i].begin, (size_t)(files[i].end - files[i].begin)};
            *type = files[i].type;
            return true;
        }
    return false;
}

#else

bool api_docs_find(const char *name, hse_bytes *data, const char **type)
{
    (void)name;
    (void)data;
    (void)type;
    return false;
}

#endif
