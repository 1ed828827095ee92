/* index-db.h - private to fs/audit: the index's database and what is kept in memory of it */
#ifndef FS_AUDIT_INDEX_DB_H
#define FS_AUDIT_INDEX_DB_H

#include <pthread.h>
#include <sqlite3.h>

#include "fs/audit/index.h"
#include "fs/audit/table.h"
#include "fs/audit/tail.h"

#define INDEX_VERSION 1
#define INDEX_FOLDER  "index"
#define INDEX_FILE    "log.sqlite"
#define INDEX_WORD    BL_RULE_ID_SIZE /* the longer one of device and rule ids, with its NUL */

/* Events of a quarter of an hour that are alike: a row of `tally`. */
struct index_alike {
	int64_t quarter;
	int64_t uid, device, rule; /* device, rule: numbers of words */
	int64_t op, verdict;
};
struct index_tally {
	struct index_alike alike;
	uint64_t events, bytes, unmasked; /* events 0: a free place */
	uint64_t first_sequence, last_sequence;
	int64_t first_unix, last_unix;
};
#define INDEX_TALLIES 4096 /* gathered before they are written */

/* Numbers of words that were looked up lately. */
struct index_word {
	int64_t id; /* -1: none */
	char text[INDEX_WORD];
};
#define INDEX_WORDS 1024

/* Which records are in it. */
struct index_reach {
	uint64_t next, oldest; /* the first one that is not; none before this one is */
	/* The last event; 0: none. */
	uint64_t last_sequence;
	struct audit_place last_place;
	int64_t last_ns;
};

enum index_statement {
	INDEX_ADD_EVENT,
	INDEX_ADD_TALLY,
	INDEX_FIND_WORD,
	INDEX_ADD_WORD,
	INDEX_STATEMENTS
};

struct audit_index {
	pthread_mutex_t lock;
	int store_fd, log_fd; /* store_fd -1: a file of no name */
	int folder_fd;
	uint8_t log_id[AUDIT_LOG_ID];
	uint64_t to; /* as update was told last */

	sqlite3 *db;			     /* NULL: none is open */
	uint64_t device_number, file_number; /* of its file */
	sqlite3_stmt *statements[INDEX_STATEMENTS];
	/*
	 * Being made: without secondary indices, without journal and sync. A crash leaves one that says so and is thrown away.
	 * It says that it is whole only when all of it is on the medium, and from then on SQLite's own log (WAL) keeps it whole.
	 */
	bool is_making;
	bool is_spoiled;	  /* it has to be made anew */
	struct index_reach reach; /* as the database has it, but while something is being put in */
	uint64_t gone; /* the log itself has none before this one; 0: not looked at yet */

	struct audit_tail *tail;     /* at reach.next; NULL: not open */
	struct index_tally *tallies; /* INDEX_TALLIES */
	struct index_word *words;    /* INDEX_WORDS */
};

/* ---- index-file.c ---- */

/*
 * index_open_file - open the database, or make an empty one when there is none that fits
 *
 * BL_OK, BL_IO, BL_NO_MEMORY
 */
enum bl_status index_open_file(struct audit_index *index, struct bl_error *why) BL_MUST_CHECK;
void index_close_file(struct audit_index *index);
/* index_remove - close it, and remove its files */
void index_remove(struct audit_index *index);
/* index_is_there - false: somebody removed its file */
bool index_is_there(const struct audit_index *index);
/* index_end_making - all that was put into it is on the medium, and it says so */
enum bl_status index_end_making(struct audit_index *index, struct bl_error *why) BL_MUST_CHECK;

/* Statements without an answer. */
enum bl_status index_run(struct audit_index *index, const char *sql,
			 struct bl_error *why) BL_MUST_CHECK;
/* index_failed - what SQLite said: BL_NO_MEMORY, or BL_IO, and then the index is spoiled */
enum bl_status index_failed(struct audit_index *index, struct bl_error *why);
/* index_keep_state - where it has got to, within the transaction at hand */
enum bl_status index_keep_state(struct audit_index *index, struct bl_error *why) BL_MUST_CHECK;

/* ---- index-fill.c ---- */

enum bl_status index_fill(struct audit_index *index, audit_index_progress_fn *progress,
			  void *context, struct bl_error *why) BL_MUST_CHECK;
/* The number of a word; BL_NOT_FOUND: no record has it (without words in @why). */
enum bl_status index_word(struct audit_index *index, const char *text, int64_t *out_id,
			  struct bl_error *why) BL_MUST_CHECK;
void index_forget_words(struct audit_index *index);

/* ---- index-ask.c ---- */

enum bl_status index_find(struct audit_index *index, const struct audit_query *query,
			  audit_record_fn *tell, void *context, struct bl_error *why) BL_MUST_CHECK;
enum bl_status index_count(struct audit_index *index, const struct audit_query *query,
			   struct table *table, struct bl_error *why) BL_MUST_CHECK;
/* index_collect - for a table of records: each is looked at in the log */
enum bl_status index_collect(struct audit_index *index, const struct audit_query *query,
			     struct table *table, struct bl_error *why) BL_MUST_CHECK;

/* Accesses are tallied together, as INDEX_ACCESS. What is none is rare, and found by an index of its own. */
#define INDEX_ACCESSES "(11,12,13,14,15,16,46)"
#define INDEX_RARE     "op NOT IN" INDEX_ACCESSES
#define INDEX_ACCESS   0
_Static_assert(AUDIT_LOOKUP == 11 && AUDIT_READ == 16 && AUDIT_SHOWN == 46, "as table_is_access");

#endif
