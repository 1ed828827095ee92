/*
 * leaking-kernel.c - the program on a kernel that lets others into a view, or of which nothing can be found out: built as
 * build/test/tools/bailee-leaking, never installed
 *
 * BAILEE_TEST_KERNEL=unknown: the latter.
 */
#include "fs/serve/serve.h"

#include <stdlib.h>
#include <string.h>

enum bl_status serve_selftest(struct serve_kernel *out_kernel, struct bl_error *why)
{
	const char *which = getenv("BAILEE_TEST_KERNEL");

	if (which && strcmp(which, "unknown") == 0)
		return bl_fail(why, BL_FAILED, "it cannot be found out");
	*out_kernel = (struct serve_kernel){.asks_each_read = true,
					    .drops_pages = true,
					    .drops_names = true,
					    .largest_read = SERVE_MAX_READ};
	return BL_OK;
}
