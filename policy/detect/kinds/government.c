#include "policy/detect/kind.h"

const struct kind_table kinds_government = {NULL, 0};
