/* recipe.h - weights that a case describes instead of storing them: numbers from a counter, by tensor name and index. */
#ifndef HSE_GOLDEN_RECIPE_H
#define HSE_GOLDEN_RECIPE_H

#include "formats/weights.h"

#include <jansson.h>

/* The recipe's tensors as an open checkpoint; *bytes holds them and is freed (hse_free) after the weights are closed. */
hse_status golden_recipe(hse_weights **out, uint8_t **bytes, const json_t *recipe, hse_error *err);

#endif
