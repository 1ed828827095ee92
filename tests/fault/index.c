/*
 * The index on a disk that fails, in a process that dies, on a machine that loses its power, and without memory: each call of SQLite in
 * turn. Whatever is left of it, what it then answers is what the log says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/index.h"
#include "tests/unit/fs/audit/scratch.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>

#define RECORDS 300u
#define PAGE	4096u
#define DIED	9
#define ALL	UINT64_MAX

/* ---- a disk under SQLite ----------------------------------------------------------------------- */

enum harm {
	HARM_NONE,
	HARM_ONCE,  /* one call fails */
	HARM_ON,    /* that and all later ones */
	HARM_DEATH, /* the process ends there */
};

static struct {
	enum harm harm;
	unsigned at, calls;
	bool keeps_durable; /* what was synced is copied beside */
	char folder[64];
	sqlite3_vfs vfs, *usual;
	sqlite3_mem_methods memory;
	bool is_memory_bad;
	unsigned memory_at, memory_calls;
} disk;

static bool fails(void)
{
	disk.calls++;
	if (disk.harm == HARM_NONE || disk.calls < disk.at)
		return false;
	if (disk.harm == HARM_DEATH)
		_exit(DIED);
	return disk.harm == HARM_ON || disk.calls == disk.at;
}

struct file {
	sqlite3_file base; /* first */
	const char *name;  /* SQLite keeps it for as long as the file is open; NULL: of no name */
	sqlite3_file real; /* last: its own size */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
	return &((struct file *)(void *)file)->real;
}

static int shut(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int get(sqlite3_file *file, void *out, int length, sqlite3_int64 at)
{
	return fails() ? SQLITE_IOERR_READ
		       : real_of(file)->pMethods->xRead(real_of(file), out, length, at);
}

static int cut(sqlite3_file *file, sqlite3_int64 size)
{
	return fails() ? SQLITE_IOERR_TRUNCATE
		       : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static void durable_path(const char *name, char out[160])
{
	const char *last = strrchr(name, '/');

	snprintf(out, 160, "%s/durable-%.32s", disk.folder, last ? last + 1 : name);
}

static void keep_durable(sqlite3_file *file, const char *name)
{
	sqlite3_int64 size = 0;
	char path[160];
	uint8_t *bytes;

	durable_path(name, path);
	(void)real_of(file)->pMethods->xFileSize(real_of(file), &size);
	bytes = calloc(1, (size_t)size + 1);
	(void)real_of(file)->pMethods->xRead(real_of(file), bytes, (int)size, 0);

	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)!write(fd, bytes, (size_t)size);
	close(fd);
	free(bytes);
}

/* A disk that fails may have written half of it. What is written may get onto the medium by itself. */
static int put(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 at)
{
	const char *name = ((struct file *)(void *)file)->name;
	bool is_bad = fails();
	int code = real_of(file)->pMethods->xWrite(real_of(file), bytes,
						   is_bad ? length / 2 : length, at);

	if (disk.keeps_durable && name && randombytes_uniform(8) == 0)
		keep_durable(file, name);
	return is_bad ? SQLITE_FULL : code;
}

/* No medium is waited for: what would be on it is what was copied. */
static int make_durable(sqlite3_file *file, int flags BL_UNUSED)
{
	const char *name = ((struct file *)(void *)file)->name;

	if (fails())
		return SQLITE_IOERR_FSYNC;
	if (disk.keeps_durable && name)
		keep_durable(file, name);
	return SQLITE_OK;
}

static int size_of(sqlite3_file *file, sqlite3_int64 *out)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int take_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int drop_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int look_at_lock(sqlite3_file *file, int *out)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int control(sqlite3_file *file, int op, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

/* Nothing that a disk might do for SQLite is promised. */
static int nothing_special(sqlite3_file *file BL_UNUSED)
{
	return 0;
}

static int open_file(sqlite3_vfs *vfs BL_UNUSED, const char *name, sqlite3_file *file, int flags,
		     int *out_flags)
{
	static const sqlite3_io_methods METHODS = {.iVersion = 1,
						   .xClose = shut,
						   .xRead = get,
						   .xWrite = put,
						   .xTruncate = cut,
						   .xSync = make_durable,
						   .xFileSize = size_of,
						   .xLock = take_lock,
						   .xUnlock = drop_lock,
						   .xCheckReservedLock = look_at_lock,
						   .xFileControl = control,
						   .xSectorSize = sector,
						   .xDeviceCharacteristics = nothing_special};
	struct file *ours = (struct file *)(void *)file;

	ours->base.pMethods = NULL;
	if (fails())
		return SQLITE_CANTOPEN;

	int code = disk.usual->xOpen(disk.usual, name, &ours->real, flags, out_flags);

	ours->name = name;
	if (code == SQLITE_OK)
		ours->base.pMethods = &METHODS;
	return code;
}

static int remove_file(sqlite3_vfs *vfs BL_UNUSED, const char *name, int is_synced)
{
	return fails() ? SQLITE_IOERR_DELETE : disk.usual->xDelete(disk.usual, name, is_synced);
}

/* ---- memory under SQLite ----------------------------------------------------------------------- */

static bool has_no_memory(void)
{
	disk.memory_calls++;
	if (!disk.memory_at || disk.memory_calls < disk.memory_at)
		return false;
	return disk.is_memory_bad || disk.memory_calls == disk.memory_at;
}

static void *get_memory(int size)
{
	return has_no_memory() ? NULL : disk.memory.xMalloc(size);
}

static void *get_more(void *pointer, int size)
{
	return has_no_memory() ? NULL : disk.memory.xRealloc(pointer, size);
}

static int put_under_sqlite(void **state BL_UNUSED)
{
	sqlite3_mem_methods methods;

	if (sodium_init() < 0 || sqlite3_config(SQLITE_CONFIG_GETMALLOC, &disk.memory) != SQLITE_OK)
		return -1;
	methods = disk.memory;
	methods.xMalloc = get_memory;
	methods.xRealloc = get_more;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		return -1;
	disk.usual = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.usual;
	disk.vfs.zName = "failing";
	disk.vfs.szOsFile = (int)sizeof(struct file) + disk.usual->szOsFile;
	disk.vfs.xOpen = open_file;
	disk.vfs.xDelete = remove_file;
	return sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK ? 0 : -1;
}

/* ---- what is done ------------------------------------------------------------------------------ */

static const struct audit_query ANY = {
	.uid = -1, .op = -1, .verdict = -1, .since_unix = INT64_MIN, .until_unix = INT64_MAX};

/* A sum over all that is told. */
struct sum {
	uint64_t count, events, sequences;
};

static bool sum_record(void *context, const struct audit_record *record)
{
	struct sum *sum = context;

	sum->count++;
	sum->events += record->event.repeats + 1;
	sum->sequences += record->sequence * sum->count;
	return true;
}

static bool sum_row(void *context, const struct audit_row *row)
{
	struct sum *sum = context;

	sum->count++;
	sum->events += row->events + row->denied + row->bytes;
	sum->sequences += row->first_sequence * sum->count + row->last_sequence;
	return true;
}

struct right {
	struct sum records, rows;
};

static void expect_sum(const struct sum *sum, const struct sum *right)
{
	assert_int_equal(sum->count, right->count);
	assert_int_equal(sum->events, right->events);
	assert_int_equal(sum->sequences, right->sequences);
}

/* Answers are right, or there are none. */
static enum bl_status ask(struct audit_index *index, const struct right *right)
{
	struct sum records = {0}, rows = {0};
	enum bl_status status = audit_index_find(index, &ANY, sum_record, &records, NULL);

	if (status == BL_OK)
		expect_sum(&records, &right->records);
	if (status == BL_OK)
		status = audit_index_table(index, AUDIT_TABLE_HOURS, &ANY, NULL, sum_row, &rows,
					   NULL);
	if (status == BL_OK)
		expect_sum(&rows, &right->rows);
	return status;
}

static enum bl_status use_once(int store_fd, int log_fd, uint64_t to, const struct right *right)
{
	BL_CLEANUP(audit_index_close) struct audit_index *index = NULL;
	enum bl_status status = audit_index_open(store_fd, log_fd, &index, NULL);

	if (status == BL_OK)
		status = audit_index_update(index, to, NULL, NULL, NULL);
	if (status == BL_OK && right)
		status = ask(index, right);
	return status;
}

/* Made of a part, taken up again with all. */
static enum bl_status work(const struct scratch *scratch, int log_fd, const struct right *right)
{
	enum bl_status status = use_once(scratch->store_fd, log_fd, RECORDS / 2, NULL);

	if (status == BL_OK)
		status = use_once(scratch->store_fd, log_fd, RECORDS - 20, NULL);
	return status == BL_OK ? use_once(scratch->store_fd, log_fd, ALL, right) : status;
}

static void expect_right(const struct scratch *scratch, int log_fd, const struct right *right)
{
	disk.harm = HARM_NONE;
	disk.memory_at = 0;
	assert_int_equal(use_once(scratch->store_fd, log_fd, ALL, right), BL_OK);
}

static void start_anew(const struct scratch *scratch)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/index", scratch->path);
	scratch_remove(path);
}

/* The log, what is right about it, and how many calls the work makes. */
static unsigned prepare(const struct scratch *scratch, int *out_log_fd, struct right *right)
{
	struct audit *audit = NULL;

	disk.harm = HARM_NONE;
	disk.memory_at = 0;
	disk.keeps_durable = false;
	snprintf(disk.folder, sizeof(disk.folder), "%s", scratch->path);
	assert_int_equal(scratch_open(scratch, NULL, &audit, NULL), BL_OK);
	assert_int_equal(scratch_fill(audit, RECORDS), RECORDS);
	audit_close(audit);
	*out_log_fd = scratch_log_fd(scratch);
	*right = (struct right){0};
	assert_int_equal(audit_scan(*out_log_fd, sum_record, &right->records, NULL), BL_OK);
	assert_int_equal(audit_count_table(*out_log_fd, AUDIT_TABLE_HOURS, &ANY, NULL, sum_row,
					   &right->rows, NULL),
			 BL_OK);
	disk.calls = disk.memory_calls = 0;
	assert_int_equal(work(scratch, *out_log_fd, right), BL_OK);
	return disk.calls;
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void each_call_may_fail(void **state)
{
	const struct scratch *scratch = *state;
	struct right right;
	int log_fd;
	unsigned calls = prepare(scratch, &log_fd, &right), failed = 0;

	assert_in_range(calls, 50, 100000);
	for (unsigned at = 1; at <= calls; at++) {
		for (enum harm harm = HARM_ONCE; harm <= HARM_ON; harm++) {
			start_anew(scratch);
			disk.harm = harm;
			disk.at = at;
			disk.calls = 0;

			enum bl_status status = work(scratch, log_fd, &right);

			assert_true(status == BL_OK || status == BL_IO || status == BL_NO_MEMORY);
			failed += status != BL_OK;
			expect_right(scratch, log_fd, &right);
		}
	}
	/* One failure is mended; a disk that goes on failing is told of. */
	assert_in_range(failed, calls / 2, calls * 3 / 2);
	close(log_fd);
}

/* Runs in a child that dies at call @at; false: it came to its end. */
static bool die_at(const struct scratch *scratch, int log_fd, unsigned at)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		disk.harm = HARM_DEATH;
		disk.at = at;
		disk.calls = 0;
		_exit(work(scratch, log_fd, NULL) == BL_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED);
	return WEXITSTATUS(status) == DIED;
}

static void the_process_may_die_at_any_call(void **state)
{
	const struct scratch *scratch = *state;
	struct right right;
	int log_fd;
	unsigned at = 1;

	prepare(scratch, &log_fd, &right);
	for (;; at++) {
		start_anew(scratch);
		if (!die_at(scratch, log_fd, at))
			break;
		expect_right(scratch, log_fd, &right);
	}
	assert_in_range(at, 50, 100000);
	close(log_fd);
}

static size_t load(const char *path, uint8_t *bytes, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, bytes, room) : 0;

	if (fd >= 0)
		close(fd);
	return got > 0 ? (size_t)got : 0;
}

/* Of what was not synced any page may be there or not. */
static void lose_power(const struct scratch *scratch, const char *name)
{
	static uint8_t durable[1 << 21], now[1 << 21];
	char path[160], kept[160];

	snprintf(path, sizeof(path), "%s/index/%s", scratch->path, name);
	durable_path(path, kept);
	memset(durable, 0, sizeof(durable));

	size_t had = load(kept, durable, sizeof(durable)), has = load(path, now, sizeof(now));

	unlink(kept);
	if (access(path, F_OK) != 0)
		return;
	for (size_t at = 0; at < has; at += PAGE)
		if (randombytes_uniform(2))
			memcpy(now + at, durable + at, PAGE);
	if (has > had && randombytes_uniform(2))
		has = had + randombytes_uniform((uint32_t)(has - had));

	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, now, has), has);
	close(fd);
}

static void the_power_may_fail_at_any_call(void **state)
{
	const struct scratch *scratch = *state;
	struct right right;
	int log_fd;
	bool has_died = true;

	prepare(scratch, &log_fd, &right);
	for (unsigned at = 1; has_died; at++) {
		start_anew(scratch);
		disk.keeps_durable = true;
		has_died = die_at(scratch, log_fd, at);
		disk.keeps_durable = false;
		lose_power(scratch, "log.sqlite");
		lose_power(scratch, "log.sqlite-wal");
		expect_right(scratch, log_fd, &right);
	}
	close(log_fd);
}

static void each_allocation_may_fail(void **state)
{
	const struct scratch *scratch = *state;
	struct right right;
	int log_fd;

	prepare(scratch, &log_fd, &right);

	unsigned calls = disk.memory_calls, failed = 0;
	unsigned step = 1 + calls / 600;

	for (unsigned at = 1; at <= calls; at += step) {
		start_anew(scratch);
		disk.memory_calls = 0;
		disk.memory_at = at;
		disk.is_memory_bad = at / step % 2;

		enum bl_status status = work(scratch, log_fd, &right);

		assert_true(status == BL_OK || status == BL_IO || status == BL_NO_MEMORY);
		failed += status != BL_OK;
		expect_right(scratch, log_fd, &right);
	}
	assert_true(failed > calls / step / 4);
	close(log_fd);
}

/* The one that is open goes on where it was, with nothing left out and nothing counted twice. */
static void after_no_memory_it_goes_on(void **state)
{
	const struct scratch *scratch = *state;
	struct right right;
	int log_fd;

	prepare(scratch, &log_fd, &right);

	unsigned calls = disk.memory_calls / 2, step = 1 + calls / 300;

	for (unsigned at = 1; at <= calls; at += step) {
		BL_CLEANUP(audit_index_close) struct audit_index *index = NULL;

		start_anew(scratch);
		assert_int_equal(use_once(scratch->store_fd, log_fd, RECORDS / 2, NULL), BL_OK);
		assert_int_equal(audit_index_open(scratch->store_fd, log_fd, &index, NULL), BL_OK);
		disk.memory_calls = 0;
		disk.memory_at = at;
		disk.is_memory_bad = at / step % 2;
		for (uint64_t to = RECORDS / 2; to < RECORDS; to += 40)
			(void)!audit_index_update(index, to, NULL, NULL, NULL);
		disk.memory_at = 0;
		assert_int_equal(audit_index_update(index, ALL, NULL, NULL, NULL), BL_OK);
		assert_int_equal(ask(index, &right), BL_OK);
	}
	close(log_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_call_may_fail),
		TEST(the_process_may_die_at_any_call),
		TEST(the_power_may_fail_at_any_call),
		TEST(each_allocation_may_fail),
		TEST(after_no_memory_it_goes_on),
	};

	return cmocka_run_group_tests(tests, put_under_sqlite, NULL);
}
