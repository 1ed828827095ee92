#include "policy/detect/kind.h"

const struct kind_table kinds_phone = {NULL, 0};
