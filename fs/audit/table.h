/* table.h - private to fs/audit: the rows of a table, gathered from records or from what an index counted */
#ifndef FS_AUDIT_TABLE_H
#define FS_AUDIT_TABLE_H

#include "fs/audit/index.h"

/* Events of one kind: one record, or all of a quarter of an hour. */
struct table_fact {
	uint32_t uid;
	enum audit_op op; /* when table_is_access: any of those */
	enum audit_verdict verdict;
	const char *device, *rule;
	const char *detail;	  /* of one record; NULL: of several */
	uint64_t events;	  /* repeats counted */
	uint64_t bytes, unmasked; /* as table_measure has them */
	uint64_t first_sequence, last_sequence;
	int64_t first_unix, last_unix; /* of these two */
};
#define TABLE_MOST ((uint64_t)INT64_MAX)

/* What tables are of, which are most of the records. */
bool table_is_access(enum audit_op op);
/* table_measure - of one record's bytes: how many somebody was given, and whether they say that something was opened unmasked (0 or 1) */
void table_measure(enum audit_op op, enum audit_verdict verdict, uint64_t bytes,
		   uint64_t *out_bytes, uint64_t *out_unmasked);

struct table;
/* @hours  borrowed for the table's life; NULL: 08:00 to 18:00, Monday to Friday, UTC. BL_OK, BL_NO_MEMORY */
enum bl_status table_new(enum audit_table kind, const struct audit_hours *hours,
			 struct table **out_table, struct bl_error *why) BL_MUST_CHECK;
void table_free(struct table *table);
BL_DEFINE_CLEANUP(struct table, table_free)

/* table_is_even - whether it is the same for the table when something happens in [@from_unix, @from_unix + TABLE_QUARTER) */
#define TABLE_QUARTER 900
bool table_is_even(const struct table *table, int64_t from_unix);
/* The one verdict that it speaks of; -1: of any */
int table_verdict(const struct table *table);
/* What the table does not speak of is passed over. BL_OK, BL_NO_MEMORY */
enum bl_status table_add(struct table *table, const struct table_fact *fact,
			 struct bl_error *why) BL_MUST_CHECK;
enum bl_status table_add_record(struct table *table, const struct audit_record *record,
				struct bl_error *why) BL_MUST_CHECK;
/* In the table's order. @last  only so many; 0: all. BL_OK, BL_NO_MEMORY */
enum bl_status table_tell(const struct table *table, uint64_t last, audit_row_fn *tell,
			  void *context, struct bl_error *why) BL_MUST_CHECK;

/* a + b, both at most TABLE_MOST, and so is what comes back */
uint64_t table_sum(uint64_t a, uint64_t b);
/* The largest multiple of @unit that is no more than @value, which is seconds of a record (no more than nanoseconds in 64 bits come to) */
int64_t table_floor(int64_t value, int64_t unit);

#endif
