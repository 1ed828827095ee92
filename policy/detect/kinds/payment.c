#include "policy/detect/kind.h"

const struct kind_table kinds_payment = {NULL, 0};
