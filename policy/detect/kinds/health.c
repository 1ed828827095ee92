#include "policy/detect/kind.h"

const struct kind_table kinds_health = {NULL, 0};
