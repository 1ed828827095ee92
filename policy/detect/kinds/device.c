#include "policy/detect/kind.h"

const struct kind_table kinds_device = {NULL, 0};
