/* test-host.h - the host's clocks, moved by the test, and the store's clock on them. Include after cmocka.h, in one file of a program
 *
 * fs/retention/clock-host.c is not linked: these stand in its place.
 */
#ifndef TESTS_RETENTION_TEST_HOST_H
#define TESTS_RETENTION_TEST_HOST_H

#include <stdatomic.h>

#include "fs/retention/clock-host.h"
#include "tests/unit/fs/retention/fixture.h"

static struct {
	_Atomic int64_t wall_unix, boot_ms;
	_Atomic bool is_synchronised;
	const char *boot_id;
} host;

static inline struct clock_sight sight_of(int64_t wall_unix, int64_t boot_ms, const char *id,
					  bool is_synchronised)
{
	struct clock_sight sight = {
		.wall_unix = wall_unix, .boot_ms = boot_ms, .is_synchronised = is_synchronised};

	snprintf(sight.boot_id, sizeof(sight.boot_id), "%s", id);
	return sight;
}

void clock_read(int64_t *out_wall_unix, int64_t *out_boot_ms)
{
	*out_wall_unix = host.wall_unix;
	*out_boot_ms = host.boot_ms;
}

void clock_look(struct clock_sight *out_sight)
{
	*out_sight = sight_of(host.wall_unix, host.boot_ms, host.boot_id, host.is_synchronised);
}

static inline void host_begin(int64_t wall_unix, int64_t boot_ms)
{
	host.wall_unix = wall_unix;
	host.boot_ms = boot_ms;
	host.is_synchronised = false;
	host.boot_id = "a";
}

static inline void pass(int64_t seconds)
{
	host.wall_unix += seconds;
	host.boot_ms += 1000 * seconds;
}

static inline struct clock *open_clock(struct fixture *fixture)
{
	struct clock *clock = NULL;
	struct bl_error why = {.text = ""};

	if (clock_open(fixture->store, &clock, &why) != BL_OK)
		fail_msg("%s", why.text);
	return clock;
}

#endif
