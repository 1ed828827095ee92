/* index.h - finding in a long log: a SQLite database made of it, thrown away whenever it does not fit (docs/reports.md) */
#ifndef FS_AUDIT_INDEX_H
#define FS_AUDIT_INDEX_H

#include "fs/audit/audit.h"

/* Any thread; one at a time is served: what is told of records may not ask it again. */
struct audit_index;

/*
 * audit_index_open - the index of a store, or one for the moment
 *
 * @store_fd  its folder `index` holds it (duplicated); -1: a file of no name in the system's folder for such, gone when closed, and in memory
 *            as long as it is small
 * @log_fd    duplicated
 *
 * An index that does not fit is removed here and made anew by the next update. BL_OK, BL_IO (also: what is not ours to remove is in its place),
 * BL_INVALID (no log), BL_UNSUPPORTED (a newer one), BL_NO_MEMORY.
 */
enum bl_status audit_index_open(int store_fd, int log_fd, struct audit_index **out_index,
				struct bl_error *why) BL_MUST_CHECK;
void audit_index_close(struct audit_index *index);
BL_DEFINE_CLEANUP(struct audit_index, audit_index_close)

/* After some thousands of records. @all: about, while more is written. Return false to stop: what was taken in so far is kept (of an index that is made anew only as long as it is
 * open), and BL_OK comes back. */
typedef bool audit_index_progress_fn(void *context, uint64_t done, uint64_t all);
/*
 * audit_index_update - take in records up to @to_sequence (UINT64_MAX: what there is), forget what was trimmed
 *
 * BL_OK, BL_TAMPERED (the log: what is good of it was taken in, and is answered from), BL_IO (what is wrong with the index alone is mended by making it anew; twice is BL_IO), BL_NO_MEMORY
 */
enum bl_status audit_index_update(struct audit_index *index, uint64_t to_sequence,
				  audit_index_progress_fn *progress, void *context,
				  struct bl_error *why) BL_MUST_CHECK;

/*
 * audit_index_find - the records that match, oldest first (with query->last the last ones, oldest first)
 *
 * Each is read from the log itself, at the place the index names, and must match: else the index is made anew and asked again (records that were told
 * are not told twice). BL_OK, BL_IO, BL_NO_MEMORY.
 */
enum bl_status audit_index_find(struct audit_index *index, const struct audit_query *query,
				audit_record_fn *tell, void *context,
				struct bl_error *why) BL_MUST_CHECK;

/* ---- tables: docs/reports.md, "Questions" ---- */

enum audit_table {
	AUDIT_TABLE_ACCESSES,
	AUDIT_TABLE_WHO,
	AUDIT_TABLE_DENIED,
	AUDIT_TABLE_VOLUME,
	AUDIT_TABLE_OFF_HOURS,
	AUDIT_TABLE_READERS,
	AUDIT_TABLE_HOURS, /* of reports: one row per hour, uid, device and kind of verdict */
	AUDIT_TABLE_COUNT
};
const char *audit_table_name(enum audit_table table); /* "accesses"; static */
bool audit_table_parse(const char *name, enum audit_table *out);

/* What is outside of is off-hours. A moment in a zone: told by @local, which policy/rules knows (rules are not below this part). */
struct audit_hours {
	unsigned from_minute, to_minute; /* of a day, [from, to); from > to: over midnight */
	unsigned days;			 /* bit 0: Monday */
	/* Seconds to be added to @at_unix to get the clock on the wall; NULL: 0 (UTC) */
	int32_t (*offset)(void *context, int64_t at_unix);
	void *context;
};

/*
 * A row; what its table does not speak of is 0 and "". An access is a lookup, list, stat, readlink, open, read or shown: tables are of accesses, whatever
 * came of them; `who` of the permitted ones, `denied` of everything that was denied, `readers` of requests that were permitted.
 */
struct audit_row {
	enum audit_table table;
	int64_t day_unix; /* midnight of that day in the zone, told in UTC seconds; of AUDIT_TABLE_HOURS the hour's begin */
	uint32_t uid;
	char device[BL_DEVICE_ID_SIZE];
	char rule[BL_RULE_ID_SIZE];
	char detail[AUDIT_DETAIL_SIZE];	   /* readers: what was asked */
	uint64_t events, denied, withheld; /* repeats counted */
	uint64_t bytes;			   /* of what was read or shown; at most INT64_MAX */
	uint64_t devices;		   /* volume: how many different ones */
	uint64_t unmasked; /* how often something was opened of which classes are shown unmasked */
	uint64_t first_sequence, last_sequence;
	int64_t first_unix, last_unix;
};
typedef bool audit_row_fn(void *context, const struct audit_row *row);
/*
 * audit_index_table - rows in the table's order; query->last: only so many of the first rows (0: all)
 *
 * @hours  NULL: UTC, 08:00 to 18:00, Monday to Friday
 *
 * audit_count_table: the same without any index, record by record; memory grows with the rows. They must agree: tests hold them together. BL_TAMPERED
 * (the log is broken): what is good of it was told.
 */
enum bl_status audit_index_table(struct audit_index *index, enum audit_table table,
				 const struct audit_query *query, const struct audit_hours *hours,
				 audit_row_fn *tell, void *context,
				 struct bl_error *why) BL_MUST_CHECK;
enum bl_status audit_count_table(int log_fd, enum audit_table table,
				 const struct audit_query *query, const struct audit_hours *hours,
				 audit_row_fn *tell, void *context,
				 struct bl_error *why) BL_MUST_CHECK;

#endif
