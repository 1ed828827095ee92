/* written.h - what a function of fs/page wrote, as text. Include after cmocka.h */
#ifndef TESTS_UNIT_FS_PAGE_WRITTEN_H
#define TESTS_UNIT_FS_PAGE_WRITTEN_H

#include <stdlib.h>
#include <string.h>

#include "fs/page/page.h"

struct written {
	FILE *out;
	char *text;
	size_t length;
};

static inline FILE *written_begin(struct written *written)
{
	*written = (struct written){.out = NULL};
	written->out = open_memstream(&written->text, &written->length);
	assert_non_null(written->out);
	return written->out;
}

/* Frees it: the test is done with it. */
static inline void written_is(struct written *written, const char *wanted)
{
	assert_int_equal(fclose(written->out), 0);
	assert_string_equal(written->text, wanted);
	free(written->text);
}

static inline const char *written_end(struct written *written)
{
	assert_int_equal(fclose(written->out), 0);
	return written->text;
}

#endif
