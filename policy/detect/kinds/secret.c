#include "policy/detect/kind.h"

const struct kind_table kinds_secret = {NULL, 0};

void long_word_at(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	(void)text, (void)start, (void)end, (void)sink;
}
