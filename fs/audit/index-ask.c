/* Questions to the index: which records, and what they come to. */
#include "fs/audit/index-db.h"

#include "fs/audit/walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a record's clock can show at most, in seconds: nanoseconds in 64 bits. */
#define LATEST (INT64_MAX / 1000000000 + 1)

/* ---- a question in SQL ----------------------------------------------------------------------- */

/* By which of event's indices: what is looked for by it is named as it is, all others so that theirs are not taken. */
enum by { BY_NUMBER, BY_TOKEN, BY_RARE, BY_DEVICE, BY_UID };

static bool is_rare(int op)
{
	return op != -1 && !table_is_access((enum audit_op)op);
}

static enum by best(const struct audit_query *query)
{
	if (query->token && bl_get64(query->token))
		return BY_TOKEN;
	if (is_rare(query->op))
		return BY_RARE;
	if (query->device)
		return BY_DEVICE;
	return query->uids || query->uid != -1 ? BY_UID : BY_NUMBER;
}

static void put_number(FILE *out, const char *column, enum by by, enum by own, int64_t value)
{
	fprintf(out, " AND %s%s=%" PRId64, by == own ? "" : "+", column, value);
}

static void put_uids(FILE *out, const struct audit_query *query, enum by by)
{
	if (!query->uids) {
		if (query->uid != -1)
			put_number(out, "uid", by, BY_UID, query->uid);
		return;
	}
	fprintf(out, " AND %suid IN(", by == BY_UID ? "" : "+");
	for (size_t i = 0; i < query->uid_count; i++)
		fprintf(out, "%s%" PRIu32, i ? "," : "", query->uids[i]);
	fputc(')', out);
}

/* *out_is_none: no record has that word */
static enum bl_status put_word(struct audit_index *index, FILE *out, const char *column, enum by by,
			       enum by own, const char *text, bool *out_is_none,
			       struct bl_error *why)
{
	int64_t id = 0;

	if (!text)
		return BL_OK;
	/* A longer one than any record can have. */
	if (strlen(text) >= INDEX_WORD) {
		*out_is_none = true;
		return BL_OK;
	}

	enum bl_status status = index_word(index, text, &id, why);

	if (status == BL_NOT_FOUND)
		*out_is_none = true;
	else if (status == BL_OK)
		put_number(out, column, by, own, id);
	return status == BL_NOT_FOUND ? BL_OK : status;
}

/* Records of some time lie between two numbers: the tallies know which. No such record: *out_first > *out_last */
static enum bl_status bounds_of(struct audit_index *index, const struct audit_query *query,
				int64_t *out_first, int64_t *out_last, struct bl_error *why)
{
	char sql[160];
	sqlite3_stmt *statement = NULL;
	int64_t since = BL_MAX(query->since_unix, -LATEST) - TABLE_QUARTER;
	enum bl_status status = BL_OK;

	*out_first = (int64_t)BL_MIN(query->first_sequence, TABLE_MOST);
	*out_last = query->last_sequence ? (int64_t)BL_MIN(query->last_sequence, TABLE_MOST)
					 : INT64_MAX;
	if (query->since_unix == INT64_MIN && query->until_unix == INT64_MAX)
		return BL_OK;
	snprintf(sql, sizeof(sql),
		 "SELECT min(first),max(last) FROM tally WHERE quarter>%" PRId64
		 " AND quarter<%" PRId64,
		 since, query->until_unix);
	if (sqlite3_prepare_v2(index->db, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW) {
		status = index_failed(index, why);
	} else if (sqlite3_column_type(statement, 0) == SQLITE_NULL) {
		*out_first = 1;
		*out_last = 0;
	} else {
		*out_first = BL_MAX(*out_first, sqlite3_column_int64(statement, 0));
		*out_last = BL_MIN(*out_last, sqlite3_column_int64(statement, 1));
	}
	sqlite3_finalize(statement);
	return status;
}

/* Where and in which order; every value is a number of our own. */
static enum bl_status put_where(struct audit_index *index, FILE *out,
				const struct audit_query *query, struct bl_error *why)
{
	enum by by = index->is_making ? BY_NUMBER : best(query);
	bool is_none = false;
	int64_t first, last;
	enum bl_status status = bounds_of(index, query, &first, &last, why);

	if (status != BL_OK)
		return status;
	fprintf(out, " WHERE sequence BETWEEN %" PRId64 " AND %" PRId64, first, last);
	status = put_word(index, out, "device", by, BY_DEVICE, query->device, &is_none, why);
	if (status == BL_OK)
		status = put_word(index, out, "rule", by, BY_NUMBER, query->rule, &is_none, why);
	if (query->token)
		put_number(out, "token", by, BY_TOKEN, (int64_t)bl_get64(query->token));
	if (by == BY_TOKEN)
		fputs(" AND token<>0", out);
	if (query->op != -1)
		put_number(out, "op", by, BY_RARE, query->op);
	if (by == BY_RARE)
		fputs(" AND " INDEX_RARE, out);
	put_uids(out, query, by);
	if (query->verdict != -1)
		fprintf(out, " AND verdict=%d", query->verdict);
	if (query->policy_serial)
		fprintf(out, " AND serial=%" PRId64, (int64_t)query->policy_serial);
	if (query->view)
		fprintf(out, " AND view=%" PRId64, (int64_t)query->view);
	if (query->session)
		fprintf(out, " AND(session=%" PRId64 " OR(op=%d AND sequence=%" PRId64 "))",
			(int64_t)query->session, AUDIT_VIEW_OPENED, (int64_t)query->session);
	if (query->since_unix != INT64_MIN)
		fprintf(out, " AND second>=%" PRId64, query->since_unix);
	if (query->until_unix != INT64_MAX)
		fprintf(out, " AND second<%" PRId64, query->until_unix);
	if (is_none)
		fputs(" AND 0", out);
	return status;
}

/* @also  one more condition */
static enum bl_status prepare(struct audit_index *index, const char *columns,
			      const struct audit_query *query, const char *also, uint64_t last,
			      sqlite3_stmt **out_statement, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *sql = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&sql, &length);

	if (!out)
		return bl_fail(why, BL_NO_MEMORY, "cannot use the log's index: out of memory");
	fprintf(out, "%sSELECT %s FROM event", last ? "SELECT * FROM(" : "", columns);

	enum bl_status status = put_where(index, out, query, why);

	fputs(also, out);
	if (last)
		fprintf(out, " ORDER BY sequence DESC LIMIT %" PRIu64 ")",
			BL_MIN(last, TABLE_MOST));
	fputs(" ORDER BY sequence", out);
	if (fclose(out) != 0 && status == BL_OK)
		status = bl_fail(why, BL_NO_MEMORY, "cannot use the log's index: out of memory");
	if (status == BL_OK &&
	    sqlite3_prepare_v2(index->db, sql, (int)length, out_statement, NULL) != SQLITE_OK)
		status = index_failed(index, why);
	return status;
}

/* ---- records --------------------------------------------------------------------------------- */

static enum bl_status spoiled(struct audit_index *index, struct bl_error *why)
{
	index->is_spoiled = true;
	return bl_fail(why, BL_IO, "the log's index does not fit the log");
}

/* Trimmed since the index was brought up to date. */
static bool is_gone(struct audit_index *index, uint64_t sequence)
{
	struct segments found;

	if (sequence >= index->gone && segments_list(index->log_fd, &found, NULL) == BL_OK)
		index->gone = found.first;
	return sequence < index->gone;
}

/* *out_is_one: it is there, and it is one of those that are asked for. */
static enum bl_status read_one(struct audit_index *index, struct audit_reader *reader,
			       const struct audit_query *query, uint64_t sequence,
			       const struct audit_place *place, struct audit_record *out_record,
			       bool *out_is_one, struct bl_error *why)
{
	struct audit_query of_any_token = *query;
	enum bl_status status = audit_reader_at(reader, place->segment_first, place->offset,
						sequence, out_record, why);

	*out_is_one = false;
	if (status == BL_NOT_FOUND)
		return is_gone(index, sequence) ? BL_OK : spoiled(index, why);
	if (status != BL_OK)
		return status;
	*out_is_one = audit_query_matches(query, out_record);
	/* Of a token half is kept. */
	of_any_token.token = NULL;
	if (*out_is_one || (query->token && audit_query_matches(&of_any_token, out_record) &&
			    bl_get64(query->token) == bl_get64(out_record->event.token)))
		return BL_OK;
	return spoiled(index, why);
}

enum bl_status index_find(struct audit_index *index, const struct audit_query *query,
			  audit_record_fn *tell, void *context, struct bl_error *why)
{
	/* For this question only: it keeps a segment open, which may be trimmed. */
	BL_CLEANUP(audit_reader_close) struct audit_reader *reader = NULL;
	sqlite3_stmt *statement = NULL;
	enum bl_status status = audit_reader_open(index->log_fd, &reader, why);

	if (status == BL_OK)
		status = prepare(index, "sequence,segment,offset", query, "", query->last,
				 &statement, why);

	uint64_t before = 0;
	int code = SQLITE_DONE;

	while (status == BL_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t sequence = (uint64_t)sqlite3_column_int64(statement, 0);
		const struct audit_place place = {
			.segment_first = (uint64_t)sqlite3_column_int64(statement, 1),
			.offset = (uint64_t)sqlite3_column_int64(statement, 2)};
		struct audit_record record;
		bool is_one;

		status = sequence > before ? read_one(index, reader, query, sequence, &place,
						      &record, &is_one, why)
					   : spoiled(index, why);
		before = sequence;
		if (status == BL_OK && is_one && !tell(context, &record))
			break;
	}
	if (status == BL_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		status = index_failed(index, why);
	sqlite3_finalize(statement);
	return status;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* All words, by their numbers. */
struct words {
	struct index_word *items;
	size_t count, room;
};

static enum bl_status words_read(struct audit_index *index, struct words *words,
				 struct bl_error *why)
{
	sqlite3_stmt *statement = NULL;
	enum bl_status status = BL_OK;
	int code = SQLITE_DONE;

	if (sqlite3_prepare_v2(index->db, "SELECT id,text FROM word ORDER BY id", -1, &statement,
			       NULL) != SQLITE_OK)
		return index_failed(index, why);
	while (status == BL_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 1);

		if (words->count == words->room) {
			size_t room = words->room ? 2 * words->room : 64;
			struct index_word *grown = reallocarray(words->items, room, sizeof(*grown));

			if (!grown) {
				status = bl_fail(why, BL_NO_MEMORY, "cannot count: out of memory");
				break;
			}
			words->items = grown;
			words->room = room;
		}
		if (!text || strlen(text) >= INDEX_WORD) {
			status = spoiled(index, why);
			break;
		}
		words->items[words->count].id = sqlite3_column_int64(statement, 0);
		strcpy(words->items[words->count++].text, text);
	}
	if (status == BL_OK && code != SQLITE_DONE)
		status = index_failed(index, why);
	sqlite3_finalize(statement);
	return status;
}

static int compare_word(const void *left, const void *right)
{
	int64_t a = ((const struct index_word *)left)->id;
	int64_t b = ((const struct index_word *)right)->id;

	return (a > b) - (a < b);
}

/* NULL: there is none */
static const char *word(const struct words *words, int64_t id)
{
	const struct index_word wanted = {.id = id};
	const struct index_word *found;

	/* Nothing is forgotten usually: then each has the place of its number. */
	if (id >= 0 && (uint64_t)id < words->count && words->items[id].id == id)
		return words->items[id].text;
	found = bsearch(&wanted, words->items, words->count, sizeof(wanted), compare_word);
	return found ? found->text : NULL;
}

/* One counting of a question. */
struct counting {
	struct audit_index *index;
	const struct audit_query *query;
	struct table *table;
	struct words words;
	int64_t quarter; /* table_is_even was asked for last; INT64_MIN: none */
	bool is_even;
};

static void counting_done(struct counting *counting)
{
	free(counting->words.items);
}

/* Columns from @at on: uid, device, op, verdict, rule. Numbers that no record can have are no index of ours. */
static bool read_alike(const struct counting *counting, sqlite3_stmt *row, int at,
		       struct table_fact *fact)
{
	int64_t uid = sqlite3_column_int64(row, at), op = sqlite3_column_int64(row, at + 2);
	int64_t verdict = sqlite3_column_int64(row, at + 3);

	fact->device = word(&counting->words, sqlite3_column_int64(row, at + 1));
	fact->rule = word(&counting->words, sqlite3_column_int64(row, at + 4));
	fact->uid = (uint32_t)uid;
	fact->op = op == INDEX_ACCESS ? AUDIT_READ : (enum audit_op)op;
	fact->verdict = (enum audit_verdict)verdict;
	return fact->device && fact->rule && uid >= 0 && uid <= UINT32_MAX && op >= 0 &&
	       op < AUDIT_OP_COUNT && verdict >= 0 && verdict <= AUDIT_FAILED_VERDICT;
}

static bool is_time(int64_t at_unix)
{
	return at_unix >= -LATEST && at_unix <= LATEST;
}

static enum bl_status count_event(struct counting *counting, sqlite3_stmt *row,
				  struct bl_error *why)
{
	struct table_fact fact = {.first_sequence = (uint64_t)sqlite3_column_int64(row, 0),
				  .first_unix = sqlite3_column_int64(row, 1)};
	int64_t repeats = sqlite3_column_int64(row, 7), bytes = sqlite3_column_int64(row, 8);

	if (!read_alike(counting, row, 2, &fact) || !is_time(fact.first_unix) || repeats < 0 ||
	    repeats > UINT32_MAX || bytes < 0)
		return spoiled(counting->index, why);
	fact.last_sequence = fact.first_sequence;
	fact.last_unix = fact.first_unix;
	fact.events = (uint64_t)repeats + 1;
	table_measure(fact.op, fact.verdict, (uint64_t)bytes, &fact.bytes, &fact.unmasked);
	return table_add(counting->table, &fact, why);
}

static enum bl_status count_events(struct counting *counting, const struct audit_query *query,
				   const char *also, struct bl_error *why)
{
	struct audit_index *index = counting->index;
	sqlite3_stmt *statement = NULL;
	enum bl_status status =
		prepare(index, "sequence,second,uid,device,op,verdict,rule,repeats,bytes", query,
			also, 0, &statement, why);
	int code = SQLITE_DONE;

	while (status == BL_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
		status = count_event(counting, statement, why);
	if (status == BL_OK && code != SQLITE_DONE)
		status = index_failed(index, why);
	sqlite3_finalize(statement);
	return status;
}

static bool is_even(struct counting *counting, int64_t quarter)
{
	if (counting->quarter != quarter)
		counting->is_even = table_is_even(counting->table, quarter);
	counting->quarter = quarter;
	return counting->is_even;
}

/* All that was counted there is asked for, and in one row of the table. */
static bool is_whole(struct counting *counting, int64_t quarter, const struct table_fact *fact)
{
	const struct audit_query *query = counting->query;

	return quarter >= query->since_unix &&
	       (query->until_unix == INT64_MAX || quarter + TABLE_QUARTER <= query->until_unix) &&
	       fact->first_sequence >= query->first_sequence &&
	       (!query->last_sequence || fact->last_sequence <= query->last_sequence) &&
	       is_even(counting, quarter);
}

/* What is asked for of what was counted there, event by event. */
static enum bl_status count_part(struct counting *counting, int64_t quarter,
				 const struct table_fact *fact, struct bl_error *why)
{
	struct audit_query part = *counting->query;

	part.uids = NULL;
	part.uid = fact->uid;
	part.device = fact->device;
	part.rule = fact->rule;
	part.op = table_is_access(fact->op) ? -1 : (int)fact->op;
	part.verdict = (int)fact->verdict;
	part.since_unix = BL_MAX(part.since_unix, quarter);
	part.until_unix = BL_MIN(part.until_unix, quarter + TABLE_QUARTER);
	part.first_sequence = BL_MAX(part.first_sequence, fact->first_sequence);
	part.last_sequence = part.last_sequence ? BL_MIN(part.last_sequence, fact->last_sequence)
						: fact->last_sequence;
	return count_events(counting, &part, part.op == -1 ? " AND +op IN" INDEX_ACCESSES : "",
			    why);
}

static enum bl_status count_tally(struct counting *counting, sqlite3_stmt *row,
				  struct bl_error *why)
{
	struct table_fact fact = {.first_sequence = (uint64_t)sqlite3_column_int64(row, 9),
				  .last_sequence = (uint64_t)sqlite3_column_int64(row, 10),
				  .first_unix = sqlite3_column_int64(row, 11),
				  .last_unix = sqlite3_column_int64(row, 12)};
	int64_t quarter = sqlite3_column_int64(row, 0), events = sqlite3_column_int64(row, 6);
	int64_t bytes = sqlite3_column_int64(row, 7), unmasked = sqlite3_column_int64(row, 8);

	if (!read_alike(counting, row, 1, &fact) || !is_time(quarter) ||
	    !is_time(fact.first_unix) || !is_time(fact.last_unix) || events < 1 || bytes < 0 ||
	    unmasked < 0 || unmasked > events)
		return spoiled(counting->index, why);
	fact.events = (uint64_t)events;
	fact.bytes = (uint64_t)bytes;
	fact.unmasked = (uint64_t)unmasked;
	return is_whole(counting, quarter, &fact) ? table_add(counting->table, &fact, why)
						  : count_part(counting, quarter, &fact, why);
}

static enum bl_status prepare_tallies(struct audit_index *index, const struct audit_query *query,
				      sqlite3_stmt **out_statement, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *sql = NULL;
	size_t length = 0;
	bool is_none = false;
	FILE *out = open_memstream(&sql, &length);

	if (!out)
		return bl_fail(why, BL_NO_MEMORY, "cannot use the log's index: out of memory");
	fprintf(out,
		"SELECT quarter,uid,device,op,verdict,rule,events,bytes,unmasked,first,last,"
		"first_second,last_second FROM tally WHERE quarter>%" PRId64 " AND quarter<%" PRId64
		" AND last>=%" PRId64,
		BL_MAX(query->since_unix, -LATEST) - TABLE_QUARTER, query->until_unix,
		(int64_t)BL_MIN(query->first_sequence, TABLE_MOST));
	if (query->last_sequence)
		fprintf(out, " AND first<=%" PRId64,
			(int64_t)BL_MIN(query->last_sequence, TABLE_MOST));
	if (query->op != -1)
		fprintf(out, " AND op=%d", query->op);
	if (query->verdict != -1)
		fprintf(out, " AND verdict=%d", query->verdict);
	put_uids(out, query, BY_UID);

	enum bl_status status =
		put_word(index, out, "device", BY_DEVICE, BY_DEVICE, query->device, &is_none, why);

	if (status == BL_OK)
		status = put_word(index, out, "rule", BY_DEVICE, BY_DEVICE, query->rule, &is_none,
				  why);
	if (is_none)
		fputs(" AND 0", out);
	if (fclose(out) != 0 && status == BL_OK)
		status = bl_fail(why, BL_NO_MEMORY, "cannot use the log's index: out of memory");
	if (status == BL_OK &&
	    sqlite3_prepare_v2(index->db, sql, (int)length, out_statement, NULL) != SQLITE_OK)
		status = index_failed(index, why);
	return status;
}

static enum bl_status count_tallies(struct counting *counting, struct bl_error *why)
{
	sqlite3_stmt *statement = NULL;
	enum bl_status status = prepare_tallies(counting->index, counting->query, &statement, why);
	int code = SQLITE_DONE;

	while (status == BL_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
		status = count_tally(counting, statement, why);
	if (status == BL_OK && code != SQLITE_DONE)
		status = index_failed(counting->index, why);
	sqlite3_finalize(statement);
	return status;
}

enum bl_status index_count(struct audit_index *index, const struct audit_query *query,
			   struct table *table, struct bl_error *why)
{
	struct audit_query of_table = *query;
	__attribute__((cleanup(counting_done))) struct counting counting = {
		.index = index, .query = &of_table, .table = table, .quarter = INT64_MIN};
	enum bl_status status = words_read(index, &counting.words, why);

	if (of_table.verdict == -1)
		of_table.verdict = table_verdict(table);
	if (status != BL_OK)
		return status;
	/* What tallies do not tell apart. */
	if (query->token || query->view || query->session || query->policy_serial ||
	    (query->op != -1 && table_is_access((enum audit_op)query->op)))
		return count_events(&counting, &of_table, "", why);
	return count_tallies(&counting, why);
}

/* ---- tables of records ----------------------------------------------------------------------- */

struct collecting {
	struct table *table;
	enum bl_status status;
	struct bl_error *why;
};

static bool collect(void *context, const struct audit_record *record)
{
	struct collecting *collecting = context;

	collecting->status = table_add_record(collecting->table, record, collecting->why);
	return collecting->status == BL_OK;
}

enum bl_status index_collect(struct audit_index *index, const struct audit_query *query,
			     struct table *table, struct bl_error *why)
{
	struct audit_query of_op = *query;
	struct collecting collecting = {.table = table, .why = why};

	if (query->op != -1 && query->op != AUDIT_ADMIN)
		return BL_OK;
	of_op.op = AUDIT_ADMIN;
	of_op.last = 0;

	enum bl_status status = index_find(index, &of_op, collect, &collecting, why);

	return collecting.status != BL_OK ? collecting.status : status;
}
