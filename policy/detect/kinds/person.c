#include "policy/detect/kind.h"

const struct kind_table kinds_person = {NULL, 0};

void person_at(const struct text *text, size_t start, size_t end, unsigned sorts, struct sink *sink)
{
	(void)text, (void)start, (void)end, (void)sorts, (void)sink;
}
