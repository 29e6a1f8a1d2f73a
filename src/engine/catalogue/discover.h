/* discover.h - which models lie where: folders are searched for the files that each built-in type needs.
 *
 * Looked in, in this order: the folder given (or HSE_MODELS, or the config's `models`), each <program>/../models,
 * <prefix>/share/hse/models, and Hugging Face's cache. A model's folder is <root>/<org>/<name> or <root>/<name>. Nothing is
 * opened but directories and single files that a type may know by what is in them (`holds` of models/model.h), and no name from a request is ever joined to a path: requests name what this scan, or the
 * config, has listed. */
#ifndef HSE_ENGINE_CATALOGUE_DISCOVER_H
#define HSE_ENGINE_CATALOGUE_DISCOVER_H

#include "base/arena.h"
#include "models/model.h"

enum { HSE_MAX_ROOTS = 8 };

typedef struct {
    const char *dir[HSE_MAX_ROOTS];
    bool        hub[HSE_MAX_ROOTS];         /* Hugging Face's layout */
    size_t      count;
    bool        no_memory;                  /* a folder could not be noted */
    const char *model;                      /* one model's own folder or file, whose `repo` is this very path; NULL: none */
} hse_roots;

/* first may be NULL; then HSE_MODELS stands in. bundled false: only the first. Folders that do not exist are left out. */
hse_status hse_roots_find(hse_roots *out, const char *first, bool bundled, hse_arena *arena, hse_error *err);
/* The same with Hugging Face's folder from the config; NULL: HF_HOME, else below the user's cache. HF_HUB_CACHE comes before it. */
hse_status hse_roots_find_in(hse_roots *out, const char *first, const char *hf_home, bool bundled, hse_arena *arena, hse_error *err);

typedef struct {
    const char           *dir, *repo;       /* "/usr/share/hse/models/demo/harmonyspeech", "demo/harmonyspeech"; or a file, without its ending */
    const hse_model_type *type;             /* NULL: the folder looks like a model, but no built-in type fits */
    const char           *problem;          /* "encoder/encoder.pt is missing"; NULL when all files are there */
} hse_found;

/* Is there any of the files that the type is known by? */
bool hse_folder_has(const char *dir, const hse_model_type *type);

/* Everything in the roots, in their order, names sorted, behind roots->model; *out and its strings live in the arena. A
 * roots->model that is none is HSE_E_NOT_FOUND and says why. */
hse_status hse_discover(hse_found **out, size_t *count, const hse_roots *roots, const hse_model_type *const *types,
                        hse_arena *arena, hse_error *err);

/* Is this meant as a model's own folder or file, and no name? It begins with / or . or has a slash and is there. */
bool hse_model_is_path(const char *model);

/* The folder of a config's `model`: a path of its own, a name below one of the roots, or a short name of the type's. When there is
 * none *dir is NULL and *problem says where was looked, or which file is missing. */
hse_status hse_locate(const char **dir, const char **problem, const char *model, const char *revision,
                      const hse_model_type *type, const hse_roots *roots, hse_arena *arena, hse_error *err);

/* The folder of what another model reads besides its own (hse_model_facts): beside it under one of its names or as
 * "bert", else below one of the roots. As hse_locate. */
hse_status hse_locate_companion(const char **dir, const char **problem, const char *beside, const hse_model_facts *facts,
                                const hse_roots *roots, hse_arena *arena, hse_error *err);

#endif
