/* question.h - one question to a log: read from JSON, answered by an index or record by record, told as JSON. The service's, and a folder's */
#ifndef FS_DAEMON_QUESTION_H
#define FS_DAEMON_QUESTION_H

#include <jansson.h>

#include "fs/audit/audit.h"
#include "fs/audit/index.h"

struct zone;

#define QUESTION_LAST	100000 /* records that are kept back to tell the last ones */
#define QUESTION_ROWS	200000 /* of a table, which is told when it is whole */
#define QUESTION_PEOPLE 1024   /* uids of one person: a group may have many members */

/* Texts are those of the request, which outlives it. */
struct question {
	struct audit_query query;
	bool is_table;
	enum audit_table table;
	struct audit_hours hours;
	struct zone *zone;     /* that days and hours are of */
	const char *zone_name; /* borrowed */
	bool wants_names;      /* of events: sealed names come along */
	bool is_without_index;
	uint32_t *uids; /* of the person; NULL: nobody in particular */
	uint8_t token[AUDIT_TOKEN];
};

/*
 * question_read - what the keys of `log-query` (docs/protocol.md) ask for
 *
 * @zone_name  when the request names none. Borrowed
 *
 * `person` and `path` are the caller's to find: question_person, and out_question->token with query.token. BL_OK, BL_INVALID, BL_NO_MEMORY
 */
enum bl_status question_read(const json_t *request, const char *zone_name,
			     struct question *out_question, struct bl_error *why) BL_MUST_CHECK;
/* question_person - only events of these; takes @uids (malloc) */
void question_person(struct question *question, uint32_t *uids, size_t count);
void question_done(struct question *question);
static inline BL_UNUSED void question_done_cleanup(struct question *question)
{
	question_done(question);
}
/* question_show - "events", "who", ...: what its event in the log says was asked. Static */
const char *question_show(const struct question *question);

/* question_wants_index - is it answered faster with one? Not when it is forbidden, and not when all events are asked for */
bool question_wants_index(const struct question *question);

/* question_hours - "08:00-18:00", "22:00-06:00". question_days - "mon-fri", "sat,sun", "fri-mon" as bits, Monday is bit 0 */
bool question_hours(const char *text, unsigned *out_from, unsigned *out_to);
bool question_days(const char *text, unsigned *out_days);

/* Where it is answered from. All borrowed. */
struct question_from {
	int log_fd;
	struct audit_index *index; /* up to date; NULL: record by record */
	uint64_t up_to;		   /* no record behind this one; UINT64_MAX: what is good */
	const char *log_id;	   /* hex, told with `names` */
};
/* Who is told. */
struct question_to {
	/* Takes the answer (NULL: there was no memory for it). False: no more of it */
	bool (*tell)(void *context, json_t *answer);
	const char *(*person)(void *context, uint32_t uid); /* "": not known */
	void *context;
};
/*
 * question_answer - {"record"}, {"row"}, with names {"segment"} and {"named"}, as docs/protocol.md has them
 *
 * Nobody is told anything while the index is held: a slow listener is waited for by nobody else.
 *
 * BL_OK (also when the listener wanted no more), BL_TOO_LARGE (of rows), BL_TAMPERED (what is good was told), BL_IO, BL_NO_MEMORY.
 */
enum bl_status question_answer(const struct question *question, const struct question_from *from,
			       const struct question_to *to, struct bl_error *why) BL_MUST_CHECK;

/*
 * question_follow_open - events that match as they come, from record @from_event on; with names also those that its segment told before
 *
 * @question, @from, @to  borrowed until it is closed; no index is used, and `last` is none of it
 *
 * BL_OK, BL_IO, BL_TAMPERED, BL_INVALID, BL_NO_MEMORY
 */
struct question_follower;
enum bl_status question_follow_open(const struct question *question,
				    const struct question_from *from, const struct question_to *to,
				    uint64_t from_event, struct question_follower **out_follower,
				    struct bl_error *why) BL_MUST_CHECK;
void question_follow_close(struct question_follower *follower);
BL_DEFINE_CLEANUP(struct question_follower, question_follow_close)
/* question_follow_next - those up to record @up_to that were not told yet. Statuses as question_answer's */
enum bl_status question_follow_next(struct question_follower *follower, uint64_t up_to,
				    struct bl_error *why) BL_MUST_CHECK;

/* question_row_json - a row as it is told; NULL: no memory */
json_t *question_row_json(const struct question *question, const struct audit_row *row,
			  const char *person);

#endif
