/* storm.h - private to fs/audit: denials without end, gathered (docs/format-log.md, "Repeats")
 *
 * No lock of its own: everything here is called under the log's. No allocation.
 */
#ifndef FS_AUDIT_STORM_H
#define FS_AUDIT_STORM_H

#include "fs/audit/audit.h"

#define STORM_KINDS    64u /* kinds watched at one time; more are told one by one */
#define STORM_FREE     32u /* denials of one kind in a second before they are gathered */
#define STORM_DELAY_NS INT64_C(100000000)  /* what is gathered is told after so long */
#define STORM_QUIET_NS INT64_C(1000000000) /* after so long without any a kind is no storm */

/* One kind of denial. Who waits keeps the place; else it goes to another kind when that one needs it (storm.c). */
struct storm {
	int64_t taken_ns;		   /* when this kind got the place */
	int64_t begun_ns;		   /* of the second that is counted */
	int64_t last_ns;		   /* of the newest denial */
	int64_t gathered_ns;		   /* of the first of those gathered */
	uint32_t count, before;		   /* in this second, in the one before */
	uint32_t gathered;		   /* 0: none waits */
	bool is_taken;			   /* false: no kind has the place */
	bool is_storm;			   /* more than STORM_FREE were seen in a second */
	struct audit_ticket *first, **end; /* of who waits */
};

struct storms {
	uint8_t key[16]; /* random: nobody can make two kinds look like one */
	/* Place by place. The kinds stand close together, for all are looked through at each denial; SipHash-128 under the key. */
	uint64_t kinds[STORM_KINDS][2];
	struct storm items[STORM_KINDS];
	struct audit_event events[STORM_KINDS]; /* the first of those gathered */
	uint32_t gathered;			/* kinds with somebody waiting */
};

void storms_init(struct storms *storms);
/*
 * storms_take - is this denial one of a storm? Then it is gathered, with its ticket, and true is the answer
 *
 * Only what is not permitted and came through a view is looked at. A kind stays a storm until a second passed without any.
 */
bool storms_take(struct storms *storms, const struct audit_event *event, int64_t boottime_ns,
		 struct audit_ticket *ticket);
/* storms_due - when the next kind has to be told (CLOCK_BOOTTIME ns); INT64_MAX: nothing waits */
int64_t storms_due(const struct storms *storms);
/*
 * storms_next - a kind whose time has come; INT64_MAX as @boottime_ns: any. Its event, with repeats, and its tickets (linked, at least
 * one) are handed out and forgotten. False: none.
 */
bool storms_next(struct storms *storms, int64_t boottime_ns, struct audit_event *out_event,
		 struct audit_ticket **out_tickets);

#endif
