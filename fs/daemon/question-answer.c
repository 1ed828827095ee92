/* How it is answered: in pieces out of the index, or in one pass over the log. */
#include "fs/daemon/question.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fs/audit/tail.h"
#include "fs/daemon/asked.h"

#define PIECE 1000 /* records that are taken out of the index at once: half a megabyte */

struct answering {
	const struct question *question;
	const struct question_from *from;
	const struct question_to *to;
	struct audit_query query;
	json_t *reasons; /* sealed, since the last event: they are of the next one */
	bool is_over;	 /* the listener wants no more */
	bool is_short_of_memory;

	/* Records that are kept back. */
	struct audit_record *kept;
	size_t room, count;
};

static bool tell(struct answering *answering, json_t *answer)
{
	answering->is_over |= !answering->to->tell(answering->to->context, answer);
	return !answering->is_over;
}

static const char *person_of(const struct answering *answering, uint32_t uid)
{
	return uid == UINT32_MAX ? "" : answering->to->person(answering->to->context, uid);
}

static bool tell_record(struct answering *answering, const struct audit_record *record)
{
	json_t *answer = json_pack("{s:o,s:s*}", "record", record_json(record), "person",
				   person_of(answering, record->event.uid));

	if (answer && json_array_size(answering->reasons))
		json_object_set(answer, "reasons", answering->reasons);
	return tell(answering, answer);
}

/* ---- events out of the index --------------------------------------------------------------------------- */

static bool keep_piece(void *context, const struct audit_record *record)
{
	struct answering *answering = context;

	answering->kept[answering->count++] = *record;
	return answering->count < answering->room;
}

static enum bl_status tell_pieces(struct answering *answering, struct bl_error *why)
{
	struct audit_query query = answering->query;
	enum bl_status status;

	answering->room = PIECE;
	answering->kept = calloc(answering->room, sizeof(*answering->kept));
	if (!answering->kept)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	do {
		answering->count = 0;
		status = audit_index_find(answering->from->index, &query, keep_piece, answering,
					  why);
		for (size_t i = 0; i < answering->count && !answering->is_over; i++)
			(void)tell_record(answering, &answering->kept[i]);
		/* What is left of the last N is all that lies behind these. */
		query.last = 0;
		if (answering->count)
			query.first_sequence = answering->kept[answering->count - 1].sequence + 1;
	} while (status == BL_OK && answering->count == answering->room && !answering->is_over);
	return status;
}

/* ---- events record by record ----------------------------------------------------------------------------- */

static bool is_behind(const struct answering *answering, const struct audit_record *record)
{
	return answering->query.last_sequence != 0 &&
	       record->sequence > answering->query.last_sequence;
}

static bool take_record(void *context, const struct audit_record *record)
{
	struct answering *answering = context;
	bool goes_on = true;

	if (is_behind(answering, record))
		return false;
	if (audit_query_matches(&answering->query, record)) {
		if (answering->kept)
			answering->kept[answering->count++ % answering->room] = *record;
		else
			goes_on = tell_record(answering, record);
	}
	json_array_clear(answering->reasons);
	return goes_on;
}

static enum bl_status make_ring(struct answering *answering, struct bl_error *why)
{
	answering->room = (size_t)answering->query.last;
	answering->kept = calloc(answering->room, sizeof(*answering->kept));
	return answering->kept ? BL_OK : bl_fail(why, BL_NO_MEMORY, "out of memory");
}

static void tell_ring(struct answering *answering)
{
	size_t kept = BL_MIN(answering->count, answering->room);

	for (size_t i = answering->count - kept; i < answering->count && !answering->is_over; i++)
		(void)tell_record(answering, &answering->kept[i % answering->room]);
}

static enum bl_status tell_scanned(struct answering *answering, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (answering->query.last)
		status = make_ring(answering, why);
	if (status == BL_OK)
		status = audit_scan(answering->from->log_fd, take_record, answering, why);
	/* Of a log that breaks off what is good is told all the same. */
	if (answering->kept)
		tell_ring(answering);
	return status;
}

/* ---- events with sealed names ---------------------------------------------------------------------------- */

static bool tell_segment(void *context, const struct audit_segment *segment)
{
	struct answering *answering = context;

	json_array_clear(answering->reasons);
	return tell(answering,
		    json_pack("{s:{s:I,s:s,s:o}}", "segment", "number", (json_int_t)segment->number,
			      "log", answering->from->log_id, "slots",
			      hex_json(segment->slots,
				       segment->auditor_count * (AUDIT_KEY + AUDIT_SEALED_LK))));
}

static bool take_named(void *context, const struct audit_named *named)
{
	struct answering *answering = context;
	const char *device = answering->query.device;
	bool is_path = named->kind == AUDIT_NAME_PATH;

	/* Names of other devices than the one that was asked for are nobody's business here. */
	if (is_path && device && strcmp(device, named->device) != 0)
		return true;
	json_t *item = json_pack("{s:s,s:i,s:i,s:i,s:o,s:o,s:o}", "device", named->device, "kind",
				 (int)named->kind, "part", (int)named->part, "parts",
				 (int)named->parts, "token", hex_json(named->token, AUDIT_TOKEN),
				 "nonce", hex_json(named->nonce, sizeof(named->nonce)), "sealed",
				 hex_json(named->sealed, named->length));

	if (!is_path) {
		answering->is_short_of_memory |=
			json_array_append_new(answering->reasons, item) != 0;
		return !answering->is_short_of_memory;
	}
	return tell(answering, json_pack("{s:o}", "named", item));
}

struct ends {
	uint64_t first, last;
	bool is_first_enough;
};

static bool see_ends(void *context, const struct audit_record *record)
{
	struct ends *ends = context;

	if (!ends->first)
		ends->first = record->sequence;
	ends->last = record->sequence;
	return !ends->is_first_enough;
}

/* Where the records begin, so that the names before them can be told in time; and where the last of them is. */
static enum bl_status find_ends(struct answering *answering, struct ends *ends,
				struct bl_error *why)
{
	enum bl_status status;

	ends->is_first_enough = !answering->query.last;
	if (answering->from->index)
		return audit_index_find(answering->from->index, &answering->query, see_ends, ends,
					why);
	if (!answering->query.last) {
		*ends = (struct ends){.first = 1};
		return BL_OK;
	}
	status = make_ring(answering, why);
	if (status == BL_OK)
		status = audit_scan(answering->from->log_fd, take_record, answering, why);
	if (status == BL_OK && answering->count) {
		size_t kept = BL_MIN(answering->count, answering->room);

		ends->first = answering->kept[(answering->count - kept) % answering->room].sequence;
		ends->last = answering->kept[(answering->count - 1) % answering->room].sequence;
	}
	free(answering->kept);
	answering->kept = NULL;
	return status;
}

static enum bl_status tell_named(struct answering *answering, struct bl_error *why)
{
	const struct audit_listener listener = {.record = take_record,
						.named = take_named,
						.segment = tell_segment,
						.context = answering};
	struct ends ends = {0};
	enum bl_status status = find_ends(answering, &ends, why);

	if (status != BL_OK || !ends.first)
		return status;
	answering->query.first_sequence = ends.first;
	if (answering->query.last)
		answering->query.last_sequence = ends.last;
	return audit_scan_names(answering->from->log_fd, ends.first, &listener, why);
}

/* ---- events as they come ---------------------------------------------------------------------------------- */

struct question_follower {
	struct answering answering;
	struct audit_tail *tail;
};

enum bl_status question_follow_open(const struct question *question,
				    const struct question_from *from, const struct question_to *to,
				    uint64_t from_event, struct question_follower **out_follower,
				    struct bl_error *why)
{
	BL_CLEANUP(question_follow_close)
	struct question_follower *follower = calloc(1, sizeof(*follower));

	if (follower)
		follower->answering = (struct answering){.question = question,
							 .from = from,
							 .to = to,
							 .query = question->query,
							 .reasons = json_array()};
	if (!follower || !follower->answering.reasons)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	follower->answering.query.last = 0;
	follower->answering.query.first_sequence = from_event;

	enum bl_status status = audit_tail_open(from->log_fd, from_event, &follower->tail, why);

	if (status != BL_OK)
		return status;
	if (question->wants_names)
		audit_tail_from_segment(follower->tail);
	*out_follower = BL_TAKE(follower);
	return BL_OK;
}

void question_follow_close(struct question_follower *follower)
{
	if (!follower)
		return;
	audit_tail_close(follower->tail);
	json_decref(follower->answering.reasons);
	free(follower);
}

enum bl_status question_follow_next(struct question_follower *follower, uint64_t up_to,
				    struct bl_error *why)
{
	struct answering *answering = &follower->answering;
	bool is_with_names = answering->question->wants_names;
	const struct audit_listener listener = {.record = take_record,
						.named = is_with_names ? take_named : NULL,
						.segment = is_with_names ? tell_segment : NULL,
						.context = answering};

	if (answering->is_over)
		return BL_OK;
	enum bl_status status = audit_tail_next(follower->tail, up_to, &listener, why);

	return answering->is_short_of_memory ? bl_fail(why, BL_NO_MEMORY, "out of memory") : status;
}

/* ---- tables -------------------------------------------------------------------------------------------------- */

struct rows {
	struct audit_row *items;
	size_t count, room;
	enum bl_status status;
};

static void rows_done(struct rows *rows)
{
	free(rows->items);
}

static bool keep_row(void *context, const struct audit_row *row)
{
	struct rows *rows = context;

	if (rows->count == QUESTION_ROWS) {
		rows->status = BL_TOO_LARGE;
		return false;
	}
	if (rows->count == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;
		struct audit_row *grown = reallocarray(rows->items, room, sizeof(*grown));

		if (!grown) {
			rows->status = BL_NO_MEMORY;
			return false;
		}
		rows->items = grown;
		rows->room = room;
	}
	rows->items[rows->count++] = *row;
	return true;
}

static enum bl_status tell_table(struct answering *answering, struct bl_error *why)
{
	__attribute__((cleanup(rows_done))) struct rows rows = {0};
	const struct question *question = answering->question;
	const struct question_from *from = answering->from;
	enum bl_status status;

	if (from->index)
		status = audit_index_table(from->index, question->table, &answering->query,
					   &question->hours, keep_row, &rows, why);
	else
		status = audit_count_table(from->log_fd, question->table, &answering->query,
					   &question->hours, keep_row, &rows, why);
	for (size_t i = 0; i < rows.count && rows.status == BL_OK && !answering->is_over; i++)
		(void)tell(answering,
			   json_pack("{s:o}", "row",
				     question_row_json(question, &rows.items[i],
						       person_of(answering, rows.items[i].uid))));
	if (rows.status == BL_TOO_LARGE)
		return bl_fail(why, rows.status,
			       "more than %d rows (ask for a shorter time, or for the first ones: "
			       "--last N)",
			       QUESTION_ROWS);
	return rows.status == BL_OK ? status : bl_fail(why, rows.status, "out of memory");
}

/* ---- one question -------------------------------------------------------------------------------------------- */

enum bl_status question_answer(const struct question *question, const struct question_from *from,
			       const struct question_to *to, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *reasons = json_array();
	struct answering answering = {.question = question,
				      .from = from,
				      .to = to,
				      .query = question->query,
				      .reasons = reasons};
	enum bl_status status;

	if (!reasons)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	/* What an index has counted is not counted again for the few that came meanwhile. */
	if (!(question->is_table && from->index) && from->up_to != UINT64_MAX &&
	    (!answering.query.last_sequence || answering.query.last_sequence > from->up_to))
		answering.query.last_sequence = from->up_to;
	if (question->is_table)
		status = tell_table(&answering, why);
	else if (question->wants_names)
		status = tell_named(&answering, why);
	else if (from->index)
		status = tell_pieces(&answering, why);
	else
		status = tell_scanned(&answering, why);
	free(answering.kept);
	return answering.is_short_of_memory ? bl_fail(why, BL_NO_MEMORY, "out of memory") : status;
}
