/* The index's file: opened when it is ours and fits, made anew when not; nothing in it is believed for being there. */
#include "fs/audit/index-db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order of their names. */
static const char *const SHAPE[] = {
	"CREATE TABLE event(sequence INTEGER PRIMARY KEY,second INTEGER,uid INTEGER,device INTEGER,"
	"op INTEGER,verdict INTEGER,rule INTEGER,serial INTEGER,view INTEGER,session INTEGER,"
	"repeats INTEGER,bytes INTEGER,token INTEGER,segment INTEGER,offset INTEGER)",
	"CREATE INDEX event_device ON event(device)",
	"CREATE INDEX event_rare ON event(op) WHERE " INDEX_RARE,
	"CREATE INDEX event_token ON event(token) WHERE token<>0",
	"CREATE INDEX event_uid ON event(uid)",
	"CREATE TABLE state(version INTEGER,log TEXT,is_whole INTEGER,next INTEGER,oldest INTEGER,"
	"last INTEGER,segment INTEGER,offset INTEGER,at_ns INTEGER)",
	"CREATE TABLE tally(quarter INTEGER,uid INTEGER,device INTEGER,op INTEGER,verdict INTEGER,"
	"rule INTEGER,events INTEGER,bytes INTEGER,unmasked INTEGER,first INTEGER,last INTEGER,"
	"first_second INTEGER,last_second INTEGER,"
	"PRIMARY KEY(quarter,uid,device,op,verdict,rule)) WITHOUT ROWID",
	"CREATE TABLE word(id INTEGER PRIMARY KEY,text TEXT UNIQUE)",
};

static bool is_secondary(const char *sql)
{
	return strncmp(sql, "CREATE INDEX", 12) == 0;
}

static const char *const STATEMENTS[INDEX_STATEMENTS] = {
	[INDEX_ADD_EVENT] = "INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	/* Sums end at the largest number, as everywhere. */
	[INDEX_ADD_TALLY] =
		"INSERT INTO tally VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
		"events=events+excluded.events,unmasked=unmasked+excluded.unmasked,"
		"bytes=CASE WHEN bytes>9223372036854775807-excluded.bytes THEN 9223372036854775807 "
		"ELSE bytes+excluded.bytes END,last=excluded.last,last_second=excluded.last_second",
	[INDEX_FIND_WORD] = "SELECT id FROM word WHERE text=?",
	[INDEX_ADD_WORD] = "INSERT INTO word(text) VALUES(?)",
};

/* ---- SQLite ---------------------------------------------------------------------------------- */

/*
 * SQLite would make a path out of /proc/self/fd/N, and follow it: here a path means what it says. (Once for the program, as SQLite
 * keeps its file systems in a list.)
 */
#define FILE_SYSTEM "bailee-index"
static sqlite3_vfs file_system;
static pthread_once_t file_system_once = PTHREAD_ONCE_INIT;

static int full_path(sqlite3_vfs *vfs BL_UNUSED, const char *path, int room, char *out)
{
	return snprintf(out, (size_t)room, "%s", path) < room ? SQLITE_OK : SQLITE_CANTOPEN;
}

static void add_file_system(void)
{
	const sqlite3_vfs *usual = sqlite3_vfs_find(NULL);

	if (!usual)
		return;
	file_system = *usual;
	file_system.zName = FILE_SYSTEM;
	file_system.xFullPathname = full_path;
	/* When it cannot be added it is not found, and nothing is opened. */
	(void)sqlite3_vfs_register(&file_system, 0);
}

enum bl_status index_failed(struct audit_index *index, struct bl_error *why)
{
	int code = index->db ? sqlite3_errcode(index->db) : SQLITE_NOMEM;

	if (code == SQLITE_NOMEM)
		return bl_fail(why, BL_NO_MEMORY, "cannot use the log's index: out of memory");
	index->is_spoiled = true;
	if (code == SQLITE_FULL)
		return bl_fail(why, BL_IO,
			       "no room for the log's index: make some, or ask without it");
	/* Its own words may tell what is in a damaged file. */
	return bl_fail(why, BL_IO, "cannot use the log's index: %s", sqlite3_errstr(code));
}

enum bl_status index_run(struct audit_index *index, const char *sql, struct bl_error *why)
{
	return sqlite3_exec(index->db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? BL_OK
		       : index_failed(index, why);
}

static enum bl_status prepare_all(struct audit_index *index, struct bl_error *why)
{
	for (size_t i = 0; i < INDEX_STATEMENTS; i++)
		if (sqlite3_prepare_v3(index->db, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &index->statements[i], NULL) != SQLITE_OK)
			return index_failed(index, why);
	return BL_OK;
}

void index_close_file(struct audit_index *index)
{
	for (size_t i = 0; i < INDEX_STATEMENTS; i++) {
		sqlite3_finalize(index->statements[i]);
		index->statements[i] = NULL;
	}
	sqlite3_close_v2(index->db);
	index->db = NULL;
	audit_tail_close(BL_TAKE(index->tail));
	fd_close(fd_take(&index->folder_fd));
	index_forget_words(index);
}

static enum bl_status open_database(struct audit_index *index, struct bl_error *why)
{
	static const int SWITCHES[][2] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
		{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	};
	char path[64] = "";

	pthread_once(&file_system_once, add_file_system);
	if (index->store_fd >= 0)
		snprintf(path, sizeof(path), "/proc/self/fd/%d/" INDEX_FILE, index->folder_fd);
	if (sqlite3_open_v2(path, &index->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
				    (index->store_fd < 0 ? SQLITE_OPEN_CREATE : 0),
			    FILE_SYSTEM) != SQLITE_OK)
		return index_failed(index, why);
	for (size_t i = 0; i < BL_COUNT(SWITCHES); i++)
		if (sqlite3_db_config(index->db, SWITCHES[i][0], SWITCHES[i][1], NULL) != SQLITE_OK)
			return index_failed(index, why);
	sqlite3_limit(index->db, SQLITE_LIMIT_ATTACHED, 0);
	return index_run(index,
			 "PRAGMA locking_mode=EXCLUSIVE;PRAGMA mmap_size=0;"
			 "PRAGMA cell_size_check=ON;PRAGMA cache_size=-16384;"
			 "PRAGMA secure_delete=ON;PRAGMA journal_size_limit=4194304",
			 why);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static const char *const FILES[] = {INDEX_FILE, INDEX_FILE "-wal", INDEX_FILE "-shm",
				    INDEX_FILE "-journal"};

static bool is_ours(const struct stat *st, mode_t type)
{
	return (st->st_mode & S_IFMT) == type && st->st_uid == geteuid() &&
	       !(st->st_mode & (S_IRWXG | S_IRWXO));
}

static void remove_files(int folder_fd)
{
	for (size_t i = 0; i < BL_COUNT(FILES); i++)
		unlinkat(folder_fd, FILES[i], 0);
}

/* False: there is none, or something in its place that is not to be opened. */
static bool has_files(const struct audit_index *index)
{
	struct stat st;

	for (size_t i = 0; i < BL_COUNT(FILES); i++) {
		if (fstatat(index->folder_fd, FILES[i], &st, AT_SYMLINK_NOFOLLOW) != 0) {
			if (i == 0 || errno != ENOENT)
				return false;
		} else if (!is_ours(&st, S_IFREG) || st.st_nlink != 1) {
			return false;
		}
	}
	return true;
}

static int try_folder(int store_fd)
{
	BL_CLEANUP(fd_close)
	int fd = openat(store_fd, INDEX_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && is_ours(&st, S_IFDIR))
		return fd_take(&fd);
	/* A link, a file, somebody else's, or one that others may read: what is ours in it goes, and then it. */
	if (fd >= 0)
		remove_files(fd);
	if (unlinkat(store_fd, INDEX_FOLDER, fd >= 0 ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
		return -1;
	return -1;
}

static enum bl_status open_folder(struct audit_index *index, struct bl_error *why)
{
	for (unsigned i = 0; i < 2 && index->folder_fd < 0; i++) {
		index->folder_fd = try_folder(index->store_fd);
		if (index->folder_fd < 0 && mkdirat(index->store_fd, INDEX_FOLDER, 0700) != 0 &&
		    errno != EEXIST)
			return bl_fail_errno(why, BL_IO, "cannot make the folder '%s'",
					     INDEX_FOLDER);
	}
	if (index->folder_fd >= 0)
		return BL_OK;
	return bl_fail(why, BL_IO,
		       "'%s' in the store is not the log's index: move it out of the way",
		       INDEX_FOLDER);
}

static enum bl_status make_file(struct audit_index *index, struct bl_error *why)
{
	remove_files(index->folder_fd);

	BL_CLEANUP(fd_close)
	int fd = openat(index->folder_fd, INDEX_FILE,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? BL_OK
		       : bl_fail_errno(why, BL_IO, "cannot make '%s/%s'", INDEX_FOLDER, INDEX_FILE);
}

static void note_file(struct audit_index *index)
{
	struct stat st = {0};

	(void)!fstatat(index->folder_fd, INDEX_FILE, &st, AT_SYMLINK_NOFOLLOW);
	index->device_number = st.st_dev;
	index->file_number = st.st_ino;
}

bool index_is_there(const struct audit_index *index)
{
	struct stat st;

	return index->store_fd < 0 ||
	       (fstatat(index->folder_fd, INDEX_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_dev == index->device_number && st.st_ino == index->file_number);
}

void index_remove(struct audit_index *index)
{
	int folder_fd = fd_take(&index->folder_fd);

	index_close_file(index);
	if (folder_fd >= 0)
		remove_files(folder_fd);
	fd_close(folder_fd);
}

/* ---- what it says of itself ------------------------------------------------------------------ */

enum bl_status index_keep_state(struct audit_index *index, struct bl_error *why)
{
	char sql[512], log_id[2 * AUDIT_LOG_ID + 1];

	sodium_bin2hex(log_id, sizeof(log_id), index->log_id, AUDIT_LOG_ID);
	snprintf(sql, sizeof(sql),
		 "REPLACE INTO "
		 "state(rowid,version,log,is_whole,next,oldest,last,segment,offset,at_ns)"
		 "VALUES(1,%d,'%s',%d,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
		 ",%" PRId64 ")",
		 INDEX_VERSION, log_id, !index->is_making, (int64_t)index->reach.next,
		 (int64_t)index->reach.oldest, (int64_t)index->reach.last_sequence,
		 (int64_t)index->reach.last_place.segment_first,
		 (int64_t)index->reach.last_place.offset, index->reach.last_ns);
	return index_run(index, sql, why);
}

static bool has_shape(struct audit_index *index)
{
	sqlite3_stmt *statement = NULL;
	size_t at = 0;
	bool is_same = sqlite3_prepare_v2(index->db,
					  "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL "
					  "ORDER BY name",
					  -1, &statement, NULL) == SQLITE_OK;

	while (is_same && sqlite3_step(statement) == SQLITE_ROW) {
		const char *sql = (const char *)sqlite3_column_text(statement, 0);

		is_same = sql && at < BL_COUNT(SHAPE) && strcmp(sql, SHAPE[at]) == 0;
		at++;
	}
	return sqlite3_finalize(statement) == SQLITE_OK && is_same && at == BL_COUNT(SHAPE);
}

static bool read_state(struct audit_index *index)
{
	char log_id[2 * AUDIT_LOG_ID + 1];
	sqlite3_stmt *statement = NULL;
	bool fits =
		sqlite3_prepare_v2(index->db,
				   "SELECT version,log,is_whole,next,oldest,last,segment,offset,"
				   "at_ns,(SELECT ifnull(max(sequence),0) FROM event)"
				   "FROM state WHERE rowid=1",
				   -1, &statement, NULL) == SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW;
	const char *log = fits ? (const char *)sqlite3_column_text(statement, 1) : NULL;

	sodium_bin2hex(log_id, sizeof(log_id), index->log_id, AUDIT_LOG_ID);
	if (fits) {
		index->reach.next = (uint64_t)sqlite3_column_int64(statement, 3);
		index->reach.oldest = (uint64_t)sqlite3_column_int64(statement, 4);
		index->reach.last_sequence = (uint64_t)sqlite3_column_int64(statement, 5);
		index->reach.last_place.segment_first =
			(uint64_t)sqlite3_column_int64(statement, 6);
		index->reach.last_place.offset = (uint64_t)sqlite3_column_int64(statement, 7);
		index->reach.last_ns = sqlite3_column_int64(statement, 8);
		fits = sqlite3_column_int64(statement, 0) == INDEX_VERSION && log &&
		       strcmp(log, log_id) == 0 && sqlite3_column_int64(statement, 2) == 1 &&
		       index->reach.next > index->reach.last_sequence &&
		       (uint64_t)sqlite3_column_int64(statement, 9) == index->reach.last_sequence;
	}
	sqlite3_finalize(statement);
	return fits;
}

static bool is_in_wal(struct audit_index *index)
{
	sqlite3_stmt *statement = NULL;
	bool is_wal = sqlite3_prepare_v2(index->db, "PRAGMA journal_mode", -1, &statement, NULL) ==
			      SQLITE_OK &&
		      sqlite3_step(statement) == SQLITE_ROW &&
		      sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;

	sqlite3_finalize(statement);
	return is_wal;
}

/* The log was put back, or another took its place: the newest record that it knows of stands there no more. */
static bool has_last(struct audit_index *index)
{
	BL_CLEANUP(audit_reader_close) struct audit_reader *reader = NULL;
	struct audit_record record;

	return !index->reach.last_sequence ||
	       (audit_reader_open(index->log_fd, &reader, NULL) == BL_OK &&
		audit_reader_at(reader, index->reach.last_place.segment_first,
				index->reach.last_place.offset, index->reach.last_sequence, &record,
				NULL) == BL_OK &&
		record.realtime_ns == index->reach.last_ns);
}

static enum bl_status make_empty(struct audit_index *index, struct bl_error *why)
{
	enum bl_status status =
		index_run(index, "PRAGMA journal_mode=MEMORY;PRAGMA synchronous=OFF;BEGIN", why);

	for (size_t i = 0; i < BL_COUNT(SHAPE) && status == BL_OK; i++)
		if (!is_secondary(SHAPE[i]))
			status = index_run(index, SHAPE[i], why);
	if (status == BL_OK)
		status = index_run(index, "INSERT INTO word VALUES(0,'')", why);
	index->is_making = true;
	index->reach = (struct index_reach){.next = 1, .oldest = 1};
	if (status == BL_OK)
		status = index_keep_state(index, why);
	return status == BL_OK ? index_run(index, "COMMIT", why) : status;
}

enum bl_status index_end_making(struct audit_index *index, struct bl_error *why)
{
	enum bl_status status = index_run(index, "BEGIN", why);

	for (size_t i = 0; i < BL_COUNT(SHAPE) && status == BL_OK; i++)
		if (is_secondary(SHAPE[i]))
			status = index_run(index, SHAPE[i], why);
	if (status == BL_OK)
		status = index_run(index, "COMMIT", why);
	/* The change of mode is a commit, which is synced with all that was written before it. */
	if (status == BL_OK && index->store_fd >= 0)
		status = index_run(index, "PRAGMA synchronous=NORMAL;PRAGMA journal_mode=WAL", why);
	if (status != BL_OK)
		return status;
	index->is_making = false;
	return index_keep_state(index, why);
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum bl_status open_kept(struct audit_index *index, struct bl_error *why)
{
	enum bl_status status = open_database(index, why);

	if (status == BL_OK &&
	    (!is_in_wal(index) || !has_shape(index) || !read_state(index) || !has_last(index))) {
		if (sqlite3_errcode(index->db) == SQLITE_NOMEM)
			return index_failed(index, why);
		index->is_spoiled = true;
		status = bl_fail(why, BL_IO, "the log's index does not fit");
	}
	if (status == BL_OK)
		status = index_run(index, "PRAGMA synchronous=NORMAL", why);
	index->is_making = false;
	return status == BL_OK ? prepare_all(index, why) : status;
}

static enum bl_status open_new(struct audit_index *index, struct bl_error *why)
{
	enum bl_status status = index->store_fd >= 0 ? make_file(index, why) : BL_OK;

	if (status == BL_OK)
		status = open_database(index, why);
	if (status == BL_OK)
		status = make_empty(index, why);
	return status == BL_OK ? prepare_all(index, why) : status;
}

enum bl_status index_open_file(struct audit_index *index, struct bl_error *why)
{
	bool is_kept = index->store_fd >= 0;
	enum bl_status status = is_kept ? open_folder(index, why) : BL_OK;

	index->is_spoiled = false;
	if (status == BL_OK && is_kept && has_files(index)) {
		status = open_kept(index, why);
		if (index->is_spoiled) {
			index_close_file(index);
			index->is_spoiled = false;
			status = open_folder(index, why);
			if (status == BL_OK)
				status = open_new(index, why);
		}
	} else if (status == BL_OK) {
		status = open_new(index, why);
	}
	if (status == BL_OK && is_kept)
		note_file(index);
	if (status != BL_OK)
		index_close_file(index);
	return status;
}
