/* report-model-parts.h - the report's model while it is made: what its files share. Private to fs/cli */
#ifndef FS_CLI_REPORT_MODEL_PARTS_H
#define FS_CLI_REPORT_MODEL_PARTS_H

#include "fs/cli/report-model.h"

/* What somebody did, or what was done with something. */
struct report_sum {
	uint64_t events, bytes, denied, unmasked, off_hours;
	uint64_t others; /* devices of a person, people of a device */
	uint64_t first_sequence, last_sequence;
	int64_t first_unix, last_unix;
};

/* A person or a device. */
struct report_party {
	char id[BL_DEVICE_ID_SIZE]; /* of a device; of a person the uid */
	json_t *name, *more;	    /* person and roles; kind and state. NULL: not known */
	struct report_sum sum;
};
struct report_parties {
	struct report_party *items;
	size_t count, room;
	json_t *index; /* id -> place */
};

/* What one person did in one hour or on one day, of some kind. */
struct report_own {
	uint32_t uid;
	int64_t at_unix;
	uint64_t value, first_sequence;
};
struct report_owns {
	struct report_own *items;
	size_t count, room;
};

struct report_hour {
	int64_t at_unix;
	uint64_t events, refused, bytes;
};
struct report_hours {
	struct report_hour *items;
	size_t count, room;
};

struct report_opened {
	uint64_t sequence, view;
	json_t *purpose, *reason; /* reason NULL: none was opened */
};
struct report_openeds {
	struct report_opened *items;
	size_t count, room;
};

struct report_model {
	struct report_scope scope;
	bool is_short_of_memory;

	struct report_sum total;
	uint64_t verdicts[AUDIT_FAILED_VERDICT + 1]; /* permitted is what is left */
	uint64_t denial_count;			     /* of any op */
	struct report_parties people, devices;
	json_t *pairs;	  /* "uid/device" -> true: was there once */
	json_t *unmasked; /* [[uid, device]...] */
	json_t *unmasked_pairs;
	struct report_hours hours;
	uint64_t week[7 * 24];
	struct report_owns volumes, refusals; /* by day; by hour */

	json_t *denials, *unusual, *readers, *shows, *hold_events, *shreds, *policies;
	struct report_openeds openeds; /* views, in order; told before what was shown in them */
	json_t *purposes;	       /* purpose -> its text */
	json_t *show_index;	       /* view and device -> row of shows */
	json_t *before;	 /* the policy that was in force when the report's time began */
	json_t *uids;	 /* uid -> true, of whoever comes up in a list */
	json_t *names;	 /* uid -> person */
	json_t *roles;	 /* uid -> roles */
	json_t *rules;	 /* rule -> words */
	json_t *kept;	 /* digest -> text of a policy */
	char *kept_text; /* of the one that is being told */
	size_t kept_length, kept_room;
	json_t *kept_digest;
	json_t *holds, *lapses, *requests, *incidents; /* NULL: not known */
};

/* report_set - takes @value; without memory the model is none */
void report_set(struct report_model *model, json_t *item, const char *key, json_t *value);

/* Grow an array of the form {items, count, room}: room for one more behind it. False: no memory */
bool report_grow(void *items, size_t *room, size_t count, size_t size);

/* "2026-11-22T10:00:00+01:00" in the report's zone. report_add_moment: @key and @key_unix */
#define REPORT_MOMENT 40
char *report_moment(const struct report_model *model, int64_t at_unix, char out[REPORT_MOMENT]);
void report_add_moment(const struct report_model *model, json_t *item, const char *key,
		       int64_t at_unix);
void report_add_span(const struct report_model *model, json_t *item, const struct report_sum *sum);
/* report_add_person - "uid" and "person", as @told (an object with both) has them */
void report_add_person(struct report_model *model, json_t *item, const json_t *told);
/* report_day - the first second of the day that @at_unix lies in */
int64_t report_day(const struct report_model *model, int64_t at_unix);
/* A text of @object, made safe to show; "" when it has none */
json_t *report_safe(const json_t *object, const char *key, size_t limit);

/* report-model-unusual.c: into model->unusual */
void report_own_add(struct report_model *model, struct report_owns *owns,
		    const struct report_own *own);
void report_find_unusual(struct report_model *model);
/* report_median - of @count values, which are sorted by it; of an even number the lower middle one */
uint64_t report_median(uint64_t *values, size_t count);

/* report-model-events.c: at the end, when everything was told */
json_t *report_finish_unmasking(struct report_model *model);
json_t *report_finish_policies(struct report_model *model);

#endif
