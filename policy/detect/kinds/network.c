#include "policy/detect/kind.h"

const struct kind_table kinds_network = {NULL, 0};

void dotted_at(const struct text *text, size_t at, struct sink *sink)
{
	(void)text, (void)at, (void)sink;
}

void colon_at(const struct text *text, size_t at, struct sink *sink)
{
	(void)text, (void)at, (void)sink;
}

void pairs_at(const struct text *text, size_t at, struct sink *sink)
{
	(void)text, (void)at, (void)sink;
}
