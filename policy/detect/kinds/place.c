#include "policy/detect/kind.h"

const struct kind_table kinds_place = {NULL, 0};
