/* The host's clocks. A file of its own: tests put another host in its place (tests/tools/clock-host.c). */
#include <string.h>
#include <time.h>

#include "fs/retention/clock-host.h"
#include "fs/retention/clock.h"
#include "fs/retention/private.h"

_Static_assert(BOOT_ID == CLOCK_BOOT_ID, "both are the kernel's");

void clock_read(int64_t *out_wall_unix, int64_t *out_boot_ms)
{
	struct timespec wall = {0}, boot = {0};

	/* Both clocks are always there on Linux, and in the vDSO on x86-64 and arm64. */
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	*out_wall_unix = wall.tv_sec;
	*out_boot_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000;
}

void clock_look(struct clock_sight *out_sight)
{
	memset(out_sight, 0, sizeof(*out_sight));
	clock_read(&out_sight->wall_unix, &out_sight->boot_ms);
	host_boot_id(out_sight->boot_id);
	out_sight->is_synchronised = host_is_synchronised() == KNOWN_YES;
}
