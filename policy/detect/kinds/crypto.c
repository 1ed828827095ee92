#include "policy/detect/kind.h"

const struct kind_table kinds_crypto = {NULL, 0};
