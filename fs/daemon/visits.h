/* visits.h - what people did with one device, by the log: session by session and day by day. Private to fs/daemon. */
#ifndef FS_DAEMON_VISITS_H
#define FS_DAEMON_VISITS_H

#include "fs/daemon/life.h"

#define VISITS_LIMIT	   (1u << 16) /* sessions, and days of them */
#define VISITS_VIEWS	   (1u << 18) /* of anybody, since somewhat before the device was there */
#define VISITS_FILES	   (1u << 20)
#define VISITS_OTHERS	   (1u << 14)
#define VISITS_DENIALS	   1024
#define VISITS_DETAIL_SIZE AUDIT_DETAIL_SIZE

/* One session in which something of the device was seen, or was to be, on one day of the policy's zone. */
struct visit {
	uint64_t session; /* number of its view-opened; 0: none, or not in the log */
	size_t view;	  /* index into views; SIZE_MAX: not in the log */
	uint32_t uid;
	int64_t day_unix;
	int64_t first_unix, last_unix;
	uint64_t first_sequence, last_sequence;
	uint64_t names; /* how often names were listed */
	uint64_t reads, bytes, shown, unmasked, denied;
	char classes[VISITS_DETAIL_SIZE]; /* what was shown unmasked: "email, phone"; "" none */
};

/* A view of anybody's: what it was for. */
struct view_told {
	uint64_t number;	     /* of its view-opened */
	uint64_t view;		     /* as its events have it: given again after a restart */
	char purpose[PURPOSE_LIMIT]; /* "none", "unknown", or a word of the policy */
	bool is_sealed, has_reason;
	int64_t opened_unix, closed_unix; /* 0: it is open, or that is not in the log */
	uint64_t closed_sequence;
	enum audit_op closed_op;
};

/* How often one rule said no to one person. */
struct denial {
	uint32_t uid;
	char rule[BL_RULE_ID_SIZE];
	uint64_t count, first_sequence, last_sequence;
	int64_t first_unix, last_unix;
};

/* One opening of a file. */
struct visit_file {
	uint32_t visit; /* index of items */
	uint8_t token[AUDIT_TOKEN];
	uint64_t sequence;
	bool is_unmasked;
};

struct visits {
	struct asked *asked;
	const struct policy *policy;
	const char *device;
	bool wants_others;

	struct visit *items;
	struct view_told *views; /* by `view`, then by number */
	struct visit_file *files;
	size_t count, room, view_count, view_room, file_count, file_room;
	/* wants_others: every event of the device that is no look, and each look that showed something unmasked; as the log has them */
	struct audit_record *others;
	size_t other_count, other_room;
	struct denial denials[VISITS_DENIALS];
	size_t denial_count;
	bool is_more; /* than there is room for: what is told is the least */
	bool is_short_of_memory;
	int64_t day_unix, next_day_unix; /* of the last event */
};

/*
 * visits_gather - from the log; visits_free is due. asked, policy, device and wants_others are set by the caller
 *
 * BL_OK, BL_NO_MEMORY, and what reading the log ends with.
 */
enum bl_status visits_gather(struct visits *visits, const struct device *device,
			     struct bl_error *why) BL_MUST_CHECK;
void visits_free(struct visits *visits);
BL_DEFINE_CLEANUP(struct visits, visits_free)

/* visits_view - the view of a visit; NULL: the log has none */
const struct view_told *visits_view(const struct visits *visits, const struct visit *visit);

/* visits_add_classes - what another look showed unmasked: "email, phone". Each is there once */
void visits_add_classes(struct visit *visit, const char *classes);

/*
 * visits_count_files - adds to @out_counts[@group_of[i]] how many files were opened in the visits of that group: each once
 *
 * @group_of  one number for each of visits->items. False: no memory
 */
bool visits_count_files(const struct visits *visits, const uint32_t *group_of,
			uint64_t *out_counts) BL_MUST_CHECK;

#endif
