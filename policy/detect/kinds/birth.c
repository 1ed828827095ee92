#include "policy/detect/kind.h"

const struct kind_table kinds_birth = {NULL, 0};
