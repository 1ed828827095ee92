#include "policy/detect/kind.h"

const struct kind_table kinds_vehicle = {NULL, 0};
