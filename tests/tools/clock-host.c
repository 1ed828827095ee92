/*
 * Another host for fs/retention/clock.c: the program bailee-clock is bailee with this in the place of fs/retention/clock-host.c.
 *
 * The file that $BAILEE_TEST_CLOCK names is read at each look, and may be replaced at any time (write another and rename it over:
 * a half-written one counts as none). One line of four words:
 *
 *     WALL_OFFSET_S BOOT_OFFSET_S BOOT_ID SYNCED
 *
 * WALL_OFFSET_S  seconds that the wall clock is off the host's, may be negative
 * BOOT_OFFSET_S  seconds that CLOCK_BOOTTIME is off the host's; what it grows by has passed (suspend, a long run)
 * BOOT_ID        1 to 36 of [0-9a-f-]: another word is another boot; `host`: the host's own; `none`: not known
 * SYNCED         1: the kernel says that the wall clock is synchronised; 0: it does not
 *
 * Without the variable, or without such a file, everything is the host's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/retention/clock-host.h"
#include "fs/retention/private.h"

struct offsets {
	int64_t wall_s, boot_s;
	char boot_id[CLOCK_BOOT_ID];
	int is_synchronised;
};

static bool parse_offsets(FILE *file, struct offsets *out)
{
	struct offsets read;

	if (fscanf(file, "%" SCNd64 " %" SCNd64 " %36s %d", &read.wall_s, &read.boot_s,
		   read.boot_id, &read.is_synchronised) != 4)
		return false;
	*out = read;
	return true;
}

static bool read_offsets(struct offsets *out)
{
	const char *path = getenv("BAILEE_TEST_CLOCK");
	FILE *file = path ? fopen(path, "re") : NULL;

	if (!file)
		return false;

	bool is_read = parse_offsets(file, out);

	fclose(file);
	return is_read;
}

static void read_host(int64_t *out_wall_unix, int64_t *out_boot_ms)
{
	struct timespec wall, boot;

	if (clock_gettime(CLOCK_REALTIME, &wall) != 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
		abort();
	*out_wall_unix = wall.tv_sec;
	*out_boot_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000;
}

void clock_read(int64_t *out_wall_unix, int64_t *out_boot_ms)
{
	struct offsets offsets;

	read_host(out_wall_unix, out_boot_ms);
	if (!read_offsets(&offsets))
		return;
	*out_wall_unix += offsets.wall_s;
	*out_boot_ms += 1000 * offsets.boot_s;
}

void clock_look(struct clock_sight *out_sight)
{
	struct offsets offsets;

	memset(out_sight, 0, sizeof(*out_sight));
	read_host(&out_sight->wall_unix, &out_sight->boot_ms);
	host_boot_id(out_sight->boot_id);
	out_sight->is_synchronised = host_is_synchronised() == KNOWN_YES;
	if (!read_offsets(&offsets))
		return;
	out_sight->wall_unix += offsets.wall_s;
	out_sight->boot_ms += 1000 * offsets.boot_s;
	out_sight->is_synchronised = offsets.is_synchronised == 1;
	if (strcmp(offsets.boot_id, "none") == 0)
		out_sight->boot_id[0] = '\0';
	else if (strcmp(offsets.boot_id, "host") != 0)
		snprintf(out_sight->boot_id, sizeof(out_sight->boot_id), "%s", offsets.boot_id);
}
