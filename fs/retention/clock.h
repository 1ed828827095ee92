/* clock.h - trusted time: what the store remembers and CLOCK_BOOTTIME since; never goes back (docs/retention.md, "Trusted time") */
#ifndef FS_RETENTION_CLOCK_H
#define FS_RETENTION_CLOCK_H

#include "fs/device/device.h"
#include "policy/base.h"

#define CLOCK_WAIT                                                                                 \
	INT64_C(86400) /* s of CLOCK_BOOTTIME until a jump forward is taken without corroboration */
#define CLOCK_DRIFT   INT64_C(60) /* s that the wall clock may be ahead and is followed */
#define CLOCK_BOOT_ID 37	  /* text, with NUL */

/* What the host says. */
struct clock_sight {
	int64_t wall_unix;
	int64_t boot_ms; /* CLOCK_BOOTTIME (clock_gettime(2)): includes suspend, nobody can set it */
	char boot_id
		[CLOCK_BOOT_ID]; /* /proc/sys/kernel/random/boot_id; "": not known, then every look is of another boot */
	bool is_synchronised; /* adjtimex(2): no STA_UNSYNC */
};
/* clock_look - the host's; a file of its own, so that tests put another host in its place (tests/tools/clock-host.c) */
void clock_look(struct clock_sight *out_sight);

/* What is remembered between looks, and in the store. */
struct clock_memory {
	int64_t trusted_unix;
	struct clock_sight last; /* at which trusted_unix was right */
	int64_t drifted_ms; /* followed as drift, less what time has earned; not in the store: a restart begins anew */
	int64_t waited_s; /* how long the wall clock has been ahead without being set forward again */
};
enum clock_news {
	CLOCK_NOTHING,
	CLOCK_JUMPED /* the wall clock was set forward, or back, by more than drift */,
	CLOCK_TAKEN /* trusted time followed a jump */
};
/* clock_step - one look, pure: the rules of docs/retention.md. Never lets trusted_unix become less */
enum clock_news clock_step(struct clock_memory *memory, const struct clock_sight *sight);

struct clock;

/*
 * clock_open - from the store's file `clock`; without one it begins as docs/retention.md says
 *
 * BL_OK, BL_TAMPERED (it does not unseal: nothing is served; the words say to restore it or to remove it), BL_IO, BL_NO_MEMORY.
 */
enum bl_status clock_open(struct device_store *store, struct clock **out_clock,
			  struct bl_error *why) BL_MUST_CHECK;
void clock_close(struct clock *clock); /* looks once more, and keeps it */
BL_DEFINE_CLEANUP(struct clock, clock_close)

/* Any thread, without a lock: since the last tick CLOCK_BOOTTIME goes on. */
int64_t clock_trusted(const struct clock *clock); /* for destroying, and for the start of dates */
int64_t
clock_access(const struct clock *clock); /* for closing: the later of wall clock and trusted time */

/*
 * clock_tick - look, decide, keep; by the keeper, at every pass
 *
 * @out_news  may be NULL
 * BL_OK; BL_IO, BL_NO_MEMORY: it was decided all the same, and is kept by the next tick that can
 */
enum bl_status clock_tick(struct clock *clock, enum clock_news *out_news,
			  struct bl_error *why) BL_MUST_CHECK;

struct clock_state {
	int64_t trusted_unix, wall_unix;
	int64_t ahead_s;  /* the wall clock, and not taken; 0: in step. Negative: behind */
	int64_t waited_s; /* of CLOCK_WAIT */
	bool is_synchronised;
};
void clock_state(const struct clock *clock, struct clock_state *out_state);
/* clock_wait - s of CLOCK_BOOTTIME until a tick may take the jump; INT64_MAX: there is none */
int64_t clock_wait(const struct clock *clock);

#endif
