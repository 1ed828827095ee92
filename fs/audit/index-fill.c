/* Taking records in, and forgetting those that were trimmed. */
#include "fs/audit/index-db.h"

#include "fs/audit/walk.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define TOGETHER                                                                                   \
	16384u /* records of a transaction: what a stop or a crash makes somebody read again */

/* ---- statements ------------------------------------------------------------------------------ */

static void bind_all(sqlite3_stmt *statement, const int64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)sqlite3_bind_int64(statement, (int)i + 1, values[i]);
}

/* One that gives no rows. */
static enum bl_status step_once(struct audit_index *index, sqlite3_stmt *statement,
				struct bl_error *why)
{
	int code = sqlite3_step(statement);
	enum bl_status status = code == SQLITE_DONE ? BL_OK : index_failed(index, why);

	(void)sqlite3_reset(statement);
	return status;
}

/* ---- words ----------------------------------------------------------------------------------- */

void index_forget_words(struct audit_index *index)
{
	for (size_t i = 0; i < INDEX_WORDS; i++)
		index->words[i].id = -1;
}

static uint32_t mix(uint32_t hash, const void *bytes, size_t length)
{
	const uint8_t *p = bytes;

	while (length--)
		hash = (hash ^ *p++) * 16777619u;
	return hash;
}

enum bl_status index_word(struct audit_index *index, const char *text, int64_t *out_id,
			  struct bl_error *why)
{
	size_t length = strnlen(text, INDEX_WORD - 1);
	struct index_word *kept = &index->words[mix(2166136261u, text, length) % INDEX_WORDS];
	sqlite3_stmt *statement = index->statements[INDEX_FIND_WORD];
	enum bl_status status = BL_OK;

	if (kept->id >= 0 && strcmp(kept->text, text) == 0) {
		*out_id = kept->id;
		return BL_OK;
	}
	if (sqlite3_bind_text(statement, 1, text, (int)length, SQLITE_STATIC) != SQLITE_OK)
		return index_failed(index, why);
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		*out_id = sqlite3_column_int64(statement, 0);
		kept->id = *out_id;
		memcpy(kept->text, text, length);
		kept->text[length] = '\0';
		break;
	case SQLITE_DONE:
		status = BL_NOT_FOUND;
		break;
	default:
		status = index_failed(index, why);
	}
	(void)sqlite3_reset(statement);
	return status;
}

static enum bl_status word_of(struct audit_index *index, const char *text, int64_t *out_id,
			      struct bl_error *why)
{
	sqlite3_stmt *statement = index->statements[INDEX_ADD_WORD];
	enum bl_status status = index_word(index, text, out_id, why);

	if (status != BL_NOT_FOUND)
		return status;
	if (sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC) != SQLITE_OK)
		return index_failed(index, why);
	status = step_once(index, statement, why);
	if (status == BL_OK)
		*out_id = sqlite3_last_insert_rowid(index->db);
	return status;
}

/* ---- tallies --------------------------------------------------------------------------------- */

static enum bl_status write_tally(struct audit_index *index, struct index_tally *tally,
				  struct bl_error *why)
{
	const struct index_alike *alike = &tally->alike;
	const int64_t values[] = {alike->quarter,
				  alike->uid,
				  alike->device,
				  alike->op,
				  alike->verdict,
				  alike->rule,
				  (int64_t)tally->events,
				  (int64_t)tally->bytes,
				  (int64_t)tally->unmasked,
				  (int64_t)tally->first_sequence,
				  (int64_t)tally->last_sequence,
				  tally->first_unix,
				  tally->last_unix};
	sqlite3_stmt *statement = index->statements[INDEX_ADD_TALLY];

	if (!tally->events)
		return BL_OK;
	tally->events = 0;
	bind_all(statement, values, BL_COUNT(values));
	return step_once(index, statement, why);
}

static enum bl_status write_tallies(struct audit_index *index, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < INDEX_TALLIES && status == BL_OK; i++)
		status = write_tally(index, &index->tallies[i], why);
	return status;
}

static struct index_tally tally_of(uint64_t sequence, int64_t at_unix, enum audit_op op,
				   enum audit_verdict verdict, uint64_t repeats, uint64_t bytes)
{
	struct index_tally one = {.alike = {.quarter = table_floor(at_unix, TABLE_QUARTER),
					    .op = table_is_access(op) ? INDEX_ACCESS : (int64_t)op,
					    .verdict = verdict},
				  .events = repeats + 1,
				  .first_sequence = sequence,
				  .last_sequence = sequence,
				  .first_unix = at_unix,
				  .last_unix = at_unix};

	table_measure(op, verdict, bytes, &one.bytes, &one.unmasked);
	return one;
}

/* In order of their numbers. Two kinds that meet in one place make room for each other. */
static enum bl_status tally(struct audit_index *index, const struct index_tally *one,
			    struct bl_error *why)
{
	struct index_tally *kept =
		&index->tallies[mix(2166136261u, &one->alike, sizeof(one->alike)) % INDEX_TALLIES];

	if (!kept->events || memcmp(&kept->alike, &one->alike, sizeof(one->alike)) != 0) {
		enum bl_status status = write_tally(index, kept, why);

		*kept = *one;
		return status;
	}
	kept->events += one->events;
	kept->bytes = table_sum(kept->bytes, one->bytes);
	kept->unmasked += one->unmasked;
	kept->last_sequence = one->last_sequence;
	kept->last_unix = one->last_unix;
	return BL_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

static enum bl_status add(struct audit_index *index, const struct audit_record *record,
			  struct bl_error *why)
{
	const struct audit_event *event = &record->event;
	int64_t at = audit_record_unix(record), device, rule;
	uint64_t bytes = BL_MIN(event->bytes, TABLE_MOST);
	enum bl_status status = word_of(index, event->device, &device, why);

	if (status == BL_OK)
		status = word_of(index, event->rule, &rule, why);
	if (status != BL_OK)
		return status;

	const int64_t values[] = {(int64_t)record->sequence,
				  at,
				  event->uid,
				  device,
				  event->op,
				  event->verdict,
				  rule,
				  (int64_t)event->policy_serial,
				  (int64_t)event->view,
				  (int64_t)event->session,
				  event->repeats,
				  (int64_t)bytes,
				  (int64_t)bl_get64(event->token),
				  (int64_t)record->place.segment_first,
				  (int64_t)record->place.offset};
	struct index_tally one =
		tally_of(record->sequence, at, event->op, event->verdict, event->repeats, bytes);

	one.alike.uid = event->uid;
	one.alike.device = device;
	one.alike.rule = rule;
	bind_all(index->statements[INDEX_ADD_EVENT], values, BL_COUNT(values));
	status = step_once(index, index->statements[INDEX_ADD_EVENT], why);
	if (status != BL_OK)
		return status;
	index->reach.last_sequence = record->sequence;
	index->reach.last_place = record->place;
	index->reach.last_ns = record->realtime_ns;
	return tally(index, &one, why);
}

/* ---- all or nothing -------------------------------------------------------------------------- */

typedef enum bl_status change_fn(struct audit_index *index, void *context, struct bl_error *why);

static enum bl_status commit(struct audit_index *index, struct bl_error *why)
{
	enum bl_status status = write_tallies(index, why);

	if (status == BL_OK)
		status = index_keep_state(index, why);
	return status == BL_OK ? index_run(index, "COMMIT", why) : status;
}

/* What was read and is not in it is read again. */
static void take_back(struct audit_index *index, const struct index_reach *reach)
{
	index->reach = *reach;
	for (size_t i = 0; i < INDEX_TALLIES; i++)
		index->tallies[i].events = 0;
	audit_tail_close(BL_TAKE(index->tail));
	index_forget_words(index);
	if (sqlite3_get_autocommit(index->db) == 0 && index_run(index, "ROLLBACK", NULL) != BL_OK)
		index->is_spoiled = true;
}

/* In one transaction, with how far it got. Of a broken log (BL_TAMPERED) what is good stays. */
static enum bl_status within(struct audit_index *index, change_fn *change, void *context,
			     struct bl_error *why)
{
	const struct index_reach before = index->reach;
	enum bl_status status = index_run(index, "BEGIN", why);

	if (status == BL_OK)
		status = change(index, context, why);

	enum bl_status kept = status;

	if (status == BL_OK || status == BL_TAMPERED)
		kept = commit(index, status == BL_OK ? why : NULL);
	if (kept != BL_OK)
		take_back(index, &before);
	return kept != BL_OK ? kept : status;
}

/* ---- what was trimmed ------------------------------------------------------------------------ */

/* Events of tallies that were taken away because some of what they counted is gone. */
static enum bl_status tally_again(struct audit_index *index, struct bl_error *why)
{
	static const char SQL[] =
		"SELECT sequence,second,uid,device,op,verdict,rule,repeats,bytes FROM event e "
		"WHERE sequence<=(SELECT max(last) FROM again) AND EXISTS(SELECT 1 FROM again t "
		"WHERE t.quarter=e.second-(e.second%900+900)%900 AND t.uid=e.uid AND "
		"t.device=e.device AND t.op=iif(e." INDEX_RARE ",e.op,0) AND "
		"t.verdict=e.verdict AND t.rule=e.rule)"
		"ORDER BY sequence";
	sqlite3_stmt *statement = NULL;
	enum bl_status status = BL_OK;
	int code = SQLITE_DONE;

	_Static_assert(TABLE_QUARTER == 900 && INDEX_ACCESS == 0, "as in the statement");
	if (sqlite3_prepare_v2(index->db, SQL, -1, &statement, NULL) != SQLITE_OK)
		return index_failed(index, why);
	while (status == BL_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct index_tally one =
			tally_of((uint64_t)sqlite3_column_int64(statement, 0),
				 sqlite3_column_int64(statement, 1),
				 (enum audit_op)sqlite3_column_int64(statement, 4),
				 (enum audit_verdict)sqlite3_column_int64(statement, 5),
				 (uint64_t)sqlite3_column_int64(statement, 7),
				 (uint64_t)sqlite3_column_int64(statement, 8));

		one.alike.uid = sqlite3_column_int64(statement, 2);
		one.alike.device = sqlite3_column_int64(statement, 3);
		one.alike.rule = sqlite3_column_int64(statement, 6);
		status = tally(index, &one, why);
	}
	if (status == BL_OK && code != SQLITE_DONE)
		status = index_failed(index, why);
	sqlite3_finalize(statement);
	return status == BL_OK ? write_tallies(index, why) : status;
}

static enum bl_status forget(struct audit_index *index, void *context, struct bl_error *why)
{
	int64_t oldest = *(const int64_t *)context;
	char sql[1024];

	snprintf(sql, sizeof(sql),
		 "CREATE TEMP TABLE again(quarter,uid,device,op,verdict,rule,last,"
		 "PRIMARY KEY(quarter,uid,device,op,verdict,rule))WITHOUT ROWID;"
		 "INSERT INTO again SELECT quarter,uid,device,op,verdict,rule,last FROM tally "
		 "WHERE first<%" PRId64 " AND last>=%" PRId64 ";"
		 "DELETE FROM tally WHERE first<%" PRId64 ";"
		 "DELETE FROM event WHERE sequence<%" PRId64,
		 oldest, oldest, oldest, oldest);

	enum bl_status status = index_run(index, sql, why);

	if (status == BL_OK)
		status = tally_again(index, why);
	index->reach.oldest = (uint64_t)oldest;
	index_forget_words(index);
	return status == BL_OK
		       ? index_run(index,
				   "DROP TABLE again;DELETE FROM word WHERE id<>0 AND id NOT IN"
				   "(SELECT device FROM tally UNION SELECT rule FROM tally)",
				   why)
		       : status;
}

static enum bl_status forget_trimmed(struct audit_index *index, struct bl_error *why)
{
	struct segments found;
	int64_t oldest;
	enum bl_status status = segments_list(index->log_fd, &found, why);

	if (status != BL_OK || !found.count || found.first <= index->reach.oldest)
		return status;
	/* All that it has is gone: nothing is left to be looked for. */
	if (found.first > index->reach.last_sequence && index->reach.last_sequence) {
		index->is_spoiled = true;
		return bl_fail(why, BL_IO, "all that the log's index knows was trimmed");
	}
	oldest = (int64_t)found.first;
	return within(index, forget, &oldest, why);
}

/* ---- taking in ------------------------------------------------------------------------------- */

struct filling {
	struct audit_index *index;
	unsigned count; /* in this transaction */
	enum bl_status status;
	struct bl_error *why;
};

static bool take(void *context, const struct audit_record *record)
{
	struct filling *filling = context;

	filling->status = add(filling->index, record, filling->why);
	filling->count++;
	return filling->status == BL_OK && filling->count < TOGETHER;
}

/* Up to TOGETHER records. */
static enum bl_status fill_some(struct audit_index *index, void *context, struct bl_error *why)
{
	bool *out_is_end = context;
	struct filling filling = {.index = index, .why = why};
	const struct audit_listener listener = {.record = take, .context = &filling};
	enum bl_status status = audit_tail_next(index->tail, index->to, &listener, why);

	*out_is_end = filling.count < TOGETHER;
	index->reach.next = audit_tail_sequence(index->tail);
	return filling.status != BL_OK ? filling.status : status;
}

static uint64_t all_of(const struct audit_index *index)
{
	struct segments found;

	if (index->to != UINT64_MAX)
		return index->to;
	/* Where the newest segment begins is what can be known without reading it. */
	if (segments_list(index->log_fd, &found, NULL) != BL_OK || !found.count)
		return index->reach.next;
	return BL_MAX(found.last, index->reach.next);
}

static enum bl_status fill_all(struct audit_index *index, audit_index_progress_fn *progress,
			       void *context, bool *out_is_end, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	*out_is_end = false;
	while (status == BL_OK && !*out_is_end) {
		status = within(index, fill_some, out_is_end, why);
		if (status == BL_OK && progress && !*out_is_end &&
		    !progress(context, index->reach.next - 1,
			      BL_MAX(all_of(index), index->reach.next - 1)))
			break;
	}
	return status;
}

enum bl_status index_fill(struct audit_index *index, audit_index_progress_fn *progress,
			  void *context, struct bl_error *why)
{
	bool is_end = false;
	enum bl_status status = forget_trimmed(index, why);

	if (status == BL_OK && !index->tail)
		status = audit_tail_open(index->log_fd, index->reach.next, &index->tail, why);
	if (status == BL_OK && audit_tail_sequence(index->tail) <= index->to)
		status = fill_all(index, progress, context, &is_end, why);
	if (index->is_making && (is_end || status == BL_TAMPERED)) {
		enum bl_status made = index_end_making(index, status == BL_OK ? why : NULL);

		return made == BL_OK ? status : made;
	}
	return status;
}
