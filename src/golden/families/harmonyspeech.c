#include "golden/case.h"
const golden_kind golden_harmonyspeech[] = {{NULL, NULL}};
