/* What time the store says it was: whatever decodes, no look after it makes trusted time go back, or overflow. */
#include <stdlib.h>
#include <string.h>

#include "fs/retention/clock-host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define LIMIT INT64_C(253402300799) /* end of the year 9999 */

static void look(struct clock_memory *memory, int64_t wall_unix, int64_t boot_ms,
		 const char *boot_id)
{
	struct clock_sight sight = {.wall_unix = wall_unix, .boot_ms = boot_ms};
	int64_t before = memory->trusted_unix;

	memcpy(sight.boot_id, boot_id, CLOCK_BOOT_ID);
	clock_step(memory, &sight);
	if (memory->trusted_unix < before || memory->trusted_unix > LIMIT || memory->waited_s < 0 ||
	    memory->waited_s > CLOCK_WAIT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int64_t VALUES[] = {INT64_MIN, -1, 0, 1, 1000000000, LIMIT, INT64_MAX};
	static const char OTHER_BOOT[CLOCK_BOOT_ID] = "0-1";
	struct clock_memory first;

	if (!clock_decode((const char *)bytes, length, &first))
		return 0;
	if (first.trusted_unix < 0 || first.trusted_unix > LIMIT || first.last.boot_ms < 0 ||
	    !memchr(first.last.boot_id, '\0', CLOCK_BOOT_ID))
		abort();
	for (size_t i = 0; i < BL_COUNT(VALUES) * BL_COUNT(VALUES); i++) {
		struct clock_memory memory = first;
		int64_t wall_unix = VALUES[i % BL_COUNT(VALUES)];
		int64_t boot_ms = VALUES[i / BL_COUNT(VALUES)];

		look(&memory, wall_unix, boot_ms, first.last.boot_id);
		look(&memory, boot_ms, wall_unix, OTHER_BOOT);
	}
	return 0;
}
