/* The index against plain reading: whatever is asked of whatever log, both say the same; and nothing that lies there is believed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/index.h"
#include "tests/unit/fs/audit/scratch.h"

#include <inttypes.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>

#define SECOND INT64_C(1000000000)
#define DAY    INT64_C(86400)
#define START  (INT64_C(20500) * DAY)

/* ---- a log of many persons, devices and days -------------------------------------------------- */

/* A clock that the test sets; the log's own threads read it too. */
struct clock {
	atomic_llong realtime_ns, boottime_ns;
};

static int64_t realtime(void *context)
{
	return atomic_load(&((struct clock *)context)->realtime_ns);
}

static int64_t boottime(void *context)
{
	return atomic_load(&((struct clock *)context)->boottime_ns);
}

struct world {
	struct scratch *scratch;
	struct clock clock;
	struct audit_io io;
	uint64_t number; /* of the event made last */
};

static void world_init(struct world *world, void **state)
{
	*world = (struct world){.scratch = *state, .io = *audit_io_real()};
	world->io.context = &world->clock;
	world->io.realtime_ns = realtime;
	world->io.boottime_ns = boottime;
	atomic_store(&world->clock.realtime_ns, START * SECOND);
	atomic_store(&world->clock.boottime_ns, SECOND);
}

static struct audit *world_open(struct world *world)
{
	struct audit *audit = NULL;
	struct bl_error why = {.text = ""};

	if (scratch_open(world->scratch, &world->io, &audit, &why) != BL_OK)
		fail_msg("%s", why.text);
	return audit;
}

static uint32_t below(uint32_t limit)
{
	return randombytes_uniform(limit);
}

/* Mostly on, sometimes far, sometimes back: who sets a clock is not asked. */
static void pass_time(struct world *world)
{
	static const int64_t STEPS[] = {0, 1, 7, 60, 400, 900, 3600, 30000, 86400, 500000};
	int64_t step = STEPS[below(BL_COUNT(STEPS))];

	if (below(4))
		step = (int64_t)below(20);
	if (below(60) == 0)
		step = -(int64_t)below(200000);
	atomic_fetch_add(&world->clock.realtime_ns, step * SECOND + (int64_t)below(1000000000));
	atomic_fetch_add(&world->clock.boottime_ns, SECOND);
}

static struct audit_event random_event(struct world *world)
{
	static const enum audit_op OPS[] = {AUDIT_LOOKUP, AUDIT_LIST,	 AUDIT_STAT,
					    AUDIT_READ,	  AUDIT_READ,	 AUDIT_READ,
					    AUDIT_OPEN,	  AUDIT_SHOWN,	 AUDIT_ADMIN,
					    AUDIT_WHY,	  AUDIT_CUSTODY, AUDIT_VIEW_OPENED};
	static const char *const DETAILS[] = {"log-query", "log-unlatch", "device-report customer",
					      "people", ""};
	static const char *const RULES[] = {"", "technicians-read", "builtin/baseline", "<script>"};
	struct audit_event event = {
		.op = OPS[below(BL_COUNT(OPS))],
		.verdict = below(3) ? AUDIT_PERMITTED : (enum audit_verdict)below(5),
		.uid = below(9) ? 61000 + below(6) : UINT32_MAX - below(2),
		.gid = 61000,
		.pid = 1 + (uint32_t)world->number,
		.login_uid = UINT32_MAX,
		.view = below(4),
		.session = below(3) ? 0 : 1 + below(200),
		.policy_serial = 1 + below(3),
		.bytes = below(50) ? below(3) * 4096 : UINT64_MAX - below(2),
	};

	world->number++;
	snprintf(event.device, sizeof(event.device), "%.*s%u", below(7) ? 31 : 0, "RMA-",
		 below(7) ? 1000 + below(5) : 0);
	if (below(6) == 0)
		event.device[0] = '\0';
	snprintf(event.rule, sizeof(event.rule), "%s", RULES[below(BL_COUNT(RULES))]);
	if (event.op == AUDIT_ADMIN)
		snprintf(event.detail, sizeof(event.detail), "%s",
			 DETAILS[below(BL_COUNT(DETAILS))]);
	if (below(3))
		memset(event.token, (int)below(8), sizeof(event.token));
	return event;
}

static void write_some(struct world *world, struct audit *audit, unsigned count)
{
	while (count--) {
		struct audit_event event = random_event(world);

		pass_time(world);
		assert_int_equal(audit_append(audit, &event, NULL, NULL), BL_OK);
	}
}

/* ---- questions --------------------------------------------------------------------------------- */

/* With what its pointers lead to. */
struct question {
	struct audit_query query;
	char device[BL_DEVICE_ID_SIZE + 80], rule[BL_RULE_ID_SIZE];
	uint8_t token[AUDIT_TOKEN];
	uint32_t uids[3];
};

static void random_question(struct world *world, struct question *out, uint64_t records)
{
	struct audit_event like = random_event(world);
	struct audit_query *query = &out->query;

	*query = (struct audit_query){.uid = below(3) ? -1 : (int64_t)like.uid,
				      .op = below(4) ? -1 : (int)like.op,
				      .verdict = below(4) ? -1 : (int)like.verdict,
				      .view = below(6) ? 0 : like.view,
				      .session = below(6) ? 0 : like.session,
				      .since_unix = INT64_MIN,
				      .until_unix = INT64_MAX,
				      .last = below(3) ? 0 : 1 + below(20),
				      .policy_serial = below(8) ? 0 : like.policy_serial};
	snprintf(out->device, sizeof(out->device), "%s%s", like.device,
		 below(30) ? "" : "-that-nobody-has-and-is-far-too-long-for-one");
	strcpy(out->rule, like.rule);
	memcpy(out->token, like.token, sizeof(out->token));
	if (below(3) == 0)
		query->device = out->device;
	if (below(5) == 0)
		query->rule = out->rule;
	if (below(6) == 0)
		query->token = out->token;
	if (below(6) == 0) {
		query->uids = out->uids;
		query->uid_count = below(4);
		for (size_t i = 0; i < 3; i++)
			out->uids[i] = 61000 + below(7);
	}
	if (below(3) == 0)
		query->since_unix = START + (int64_t)below(40) * 40000 - 90000;
	if (below(3) == 0)
		query->until_unix = START + (int64_t)below(40) * 50000;
	if (below(4) == 0)
		query->first_sequence = below((uint32_t)records + 3);
	if (below(4) == 0)
		query->last_sequence = below((uint32_t)records + 3);
}

static void explain(const struct audit_query *query, const char *what)
{
	print_error("%s: uid %" PRId64 "%s device %s rule %s op %d verdict %d view %" PRIu64
		    " session %" PRIu64 " since %" PRId64 " until %" PRId64
		    " token %s last %" PRIu64 " serial %" PRIu64 " %" PRIu64 "..%" PRIu64 "\n",
		    what, query->uid, query->uids ? " (uids)" : "",
		    query->device ? query->device : "any", query->rule ? query->rule : "any",
		    query->op, query->verdict, query->view, query->session, query->since_unix,
		    query->until_unix, query->token ? "one" : "any", query->last,
		    query->policy_serial, query->first_sequence, query->last_sequence);
}

#define MOST 4096

struct found {
	const struct audit_query *query;
	size_t count;
	uint64_t numbers[MOST];
	size_t stop_after; /* 0: never */
};

static bool take(void *context, const struct audit_record *record)
{
	struct found *found = context;

	if (found->query && !audit_query_matches(found->query, record))
		return true;
	assert_true(found->count < MOST);
	found->numbers[found->count++] = record->sequence;
	return found->count != found->stop_after;
}

static void expect_found(struct audit_index *index, int log_fd, const struct audit_query *query)
{
	static struct found plain, found;
	struct bl_error why = {.text = ""};

	plain = (struct found){.query = query};
	found = (struct found){.query = NULL};
	assert_int_equal(audit_scan(log_fd, take, &plain, &why), BL_OK);

	size_t from = query->last && plain.count > query->last ? plain.count - query->last : 0;
	enum bl_status status = audit_index_find(index, query, take, &found, &why);

	if (status != BL_OK || found.count != plain.count - from ||
	    memcmp(found.numbers, plain.numbers + from, found.count * sizeof(uint64_t)) != 0) {
		explain(query, "find");
		fail_msg("%zu by the index, %zu by reading: %s", found.count, plain.count - from,
			 why.text);
	}
}

struct rows {
	size_t count;
	struct audit_row items[MOST];
};

static bool take_row(void *context, const struct audit_row *row)
{
	struct rows *rows = context;

	assert_true(rows->count < MOST);
	rows->items[rows->count++] = *row;
	return true;
}

/* Berlin's, about; and one that is changed in the middle of a quarter of an hour. */
static int32_t odd_offset(void *context, int64_t at_unix)
{
	int32_t base = *(const int32_t *)context;

	return at_unix / 1000000 % 2 ? base : base + 3600;
}

static void print_row(const char *who, const struct audit_row *row)
{
	print_error("%s: day %" PRId64 " uid %" PRIu32 " '%s' '%s' events %" PRIu64
		    " denied %" PRIu64 " withheld %" PRIu64 " bytes %" PRIu64 " devices %" PRIu64
		    " unmasked %" PRIu64 " %" PRIu64 "..%" PRIu64 "\n",
		    who, row->day_unix, row->uid, row->device, row->rule, row->events, row->denied,
		    row->withheld, row->bytes, row->devices, row->unmasked, row->first_sequence,
		    row->last_sequence);
}

static void expect_table(struct audit_index *index, int log_fd, enum audit_table table,
			 const struct audit_query *query)
{
	static const int32_t OFFSETS[] = {0, 3600, -12600, 20700, 77, -86399};
	static struct rows plain, rows;
	int32_t base = OFFSETS[below(BL_COUNT(OFFSETS))];
	const struct audit_hours hours = {.from_minute = below(1441),
					  .to_minute = below(1441),
					  .days = below(128),
					  .offset = below(3) ? odd_offset : NULL,
					  .context = &base};
	struct bl_error why = {.text = ""};

	plain.count = rows.count = 0;
	assert_int_equal(audit_count_table(log_fd, table, query, &hours, take_row, &plain, &why),
			 BL_OK);
	if (audit_index_table(index, table, query, &hours, take_row, &rows, &why) != BL_OK) {
		explain(query, audit_table_name(table));
		fail_msg("%s", why.text);
	}
	for (size_t i = 0; i < BL_MAX(plain.count, rows.count); i++) {
		if (i < plain.count && i < rows.count &&
		    memcmp(&plain.items[i], &rows.items[i], sizeof(plain.items[i])) == 0)
			continue;
		explain(query, audit_table_name(table));
		if (i < plain.count)
			print_row("by reading", &plain.items[i]);
		if (i < rows.count)
			print_row("by the index", &rows.items[i]);
		fail_msg("row %zu of %zu and %zu; offset %d", i, plain.count, rows.count, base);
	}
}

static void expect_same(struct world *world, struct audit_index *index, int log_fd,
			uint64_t records, unsigned questions)
{
	while (questions--) {
		struct question question;

		random_question(world, &question, records);
		expect_found(index, log_fd, &question.query);
		for (unsigned table = 0; table < AUDIT_TABLE_COUNT; table++)
			expect_table(index, log_fd, (enum audit_table)table, &question.query);
	}
}

static const struct audit_query ANY = {
	.uid = -1, .op = -1, .verdict = -1, .since_unix = INT64_MIN, .until_unix = INT64_MAX};

static void bring_up(struct audit_index *index)
{
	struct bl_error why = {.text = ""};

	if (audit_index_update(index, UINT64_MAX, NULL, NULL, &why) != BL_OK)
		fail_msg("%s", why.text);
}

static struct audit_index *open_index(const struct world *world, bool is_kept, int log_fd)
{
	struct audit_index *index = NULL;
	struct bl_error why = {.text = ""};

	if (audit_index_open(is_kept ? world->scratch->store_fd : -1, log_fd, &index, &why) !=
	    BL_OK)
		fail_msg("%s", why.text);
	return index;
}

/* ---- both say the same ------------------------------------------------------------------------- */

static void answers_are_those_of_plain_reading(void **state)
{
	struct world world;

	world_init(&world, state);
	for (unsigned run = 0; run < 4; run++) {
		struct audit *audit = world_open(&world);

		write_some(&world, audit, 300);
		audit_close(audit);

		BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world.scratch);
		BL_CLEANUP(audit_index_close)
		struct audit_index *index = open_index(&world, run % 2, log_fd);

		bring_up(index);
		expect_found(index, log_fd, &ANY);
		expect_same(&world, index, log_fd, 310 * (run + 1), 60);
	}
}

static void a_log_is_followed_while_it_is_written(void **state)
{
	struct world world;

	world_init(&world, state);

	struct audit *audit = world_open(&world);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world.scratch);
	BL_CLEANUP(audit_index_close)
	struct audit_index *index = open_index(&world, true, log_fd);

	for (unsigned i = 0; i < 40; i++) {
		write_some(&world, audit, below(30));
		bring_up(index);
		expect_same(&world, index, log_fd, world.number, 3);
		if (below(5) == 0) {
			audit_index_close(index);
			index = open_index(&world, true, log_fd);
		}
	}
	audit_close(audit);
}

static void what_was_trimmed_is_forgotten(void **state)
{
	struct world world;

	world_init(&world, state);

	struct audit *audit = world_open(&world);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world.scratch);
	BL_CLEANUP(audit_index_close)
	struct audit_index *index = open_index(&world, true, log_fd);

	for (unsigned i = 0; i < 12; i++) {
		size_t segments = 0;

		write_some(&world, audit, 100 + below(200));
		audit_close(audit);
		audit = world_open(&world);
		if (below(2))
			bring_up(index);
		if (i > 2)
			assert_int_equal(audit_trim(audit,
						    atomic_load(&world.clock.realtime_ns) / SECOND -
							    (int64_t)below(40) * DAY,
						    &segments, NULL),
					 BL_OK);
		/* Records that went meanwhile are no reason to fail. */
		static struct found found;

		found = (struct found){.query = NULL};
		assert_int_equal(audit_index_find(index, &ANY, take, &found, NULL), BL_OK);
		bring_up(index);
		expect_same(&world, index, log_fd, world.number, 8);
	}
	audit_close(audit);
}

/* ---- stopped ------------------------------------------------------------------------------------ */

static bool stop_at_once(void *context, uint64_t done, uint64_t all)
{
	unsigned *times = context;

	(*times)++;
	assert_true(done <= all);
	return false;
}

static void who_is_told_may_stop_and_ask_for_the_rest(void **state)
{
	struct world world;
	static struct found found;
	struct audit_query query = ANY;

	world_init(&world, state);

	struct audit *audit = world_open(&world);

	write_some(&world, audit, 100);
	audit_close(audit);

	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world.scratch);
	BL_CLEANUP(audit_index_close)
	struct audit_index *index = open_index(&world, true, log_fd);
	unsigned times = 0;

	assert_int_equal(audit_index_update(index, 50, stop_at_once, &times, NULL), BL_OK);
	found = (struct found){.stop_after = 7};
	for (unsigned i = 1; i <= 50; i++) {
		assert_int_equal(audit_index_find(index, &query, take, &found, NULL), BL_OK);
		assert_int_equal(found.count, BL_MIN(i * 7, 50u));
		found.stop_after = found.count + 7;
		query.first_sequence = found.numbers[found.count - 1] + 1;
	}
	assert_int_equal(found.numbers[49], 50);
}

/* ---- nothing that lies there is believed --------------------------------------------------------- */

static void run_sql(const struct world *world, const char *sql)
{
	char path[128], *problem = NULL;
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/index/log.sqlite", world->scratch->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &problem) != SQLITE_OK)
		fail_msg("%s: %s", sql, problem);
	sqlite3_close(db);
}

static void expect_all_right(struct world *world, int log_fd)
{
	BL_CLEANUP(audit_index_close)
	struct audit_index *index = open_index(world, true, log_fd);

	bring_up(index);
	expect_found(index, log_fd, &ANY);
	expect_table(index, log_fd, AUDIT_TABLE_HOURS, &ANY);
	expect_table(index, log_fd, AUDIT_TABLE_READERS, &ANY);
}

static struct world *world_with_index(void **state)
{
	static struct world world;

	world_init(&world, state);

	struct audit *audit = world_open(&world);

	write_some(&world, audit, 200);
	audit_close(audit);

	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world.scratch);

	expect_all_right(&world, log_fd);
	return &world;
}

static void an_index_that_says_what_is_not_so_is_made_anew(void **state)
{
	static const char *const LIES[] = {
		"UPDATE state SET version=99",
		"UPDATE state SET is_whole=0",
		"UPDATE state SET log='00000000000000000000000000000000'",
		"UPDATE state SET at_ns=at_ns+1",
		"UPDATE state SET next=1",
		"DELETE FROM state",
		"DELETE FROM event WHERE sequence=(SELECT max(sequence) FROM event)",
		"INSERT INTO event(sequence) VALUES(100000)",
		"UPDATE event SET offset=offset+1 WHERE sequence=50",
		"UPDATE event SET segment=77 WHERE sequence=50",
		"UPDATE event SET offset=(SELECT offset FROM event WHERE sequence=51) "
		"WHERE sequence=50",
		"UPDATE event SET offset='<script>',segment=x'00ff' WHERE sequence=50",
		"UPDATE tally SET uid=-uid",
		"UPDATE tally SET op=op+100",
		"UPDATE tally SET device=device+77777",
		"UPDATE tally SET events=0",
		"UPDATE tally SET quarter=quarter*1000000000",
		"UPDATE word SET text=hex(zeroblob(500)) WHERE id=1",
		"DELETE FROM word WHERE id=1",
		"DROP INDEX event_uid",
		"DROP TABLE tally",
		"DROP TABLE event; CREATE VIEW event AS SELECT 1 AS sequence",
		"CREATE TRIGGER evil AFTER UPDATE ON state BEGIN DELETE FROM event; END",
		"CREATE TABLE more(x)",
		"ALTER TABLE event ADD COLUMN more INTEGER",
		"PRAGMA journal_mode=DELETE",
	};
	struct world *world = world_with_index(state);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world->scratch);

	for (size_t i = 0; i < BL_COUNT(LIES); i++) {
		run_sql(world, LIES[i]);
		print_message("%s\n", LIES[i]);
		expect_all_right(world, log_fd);
	}
}

static void index_path(const struct world *world, const char *name, char out[160])
{
	snprintf(out, 160, "%s/index/%s", world->scratch->path, name);
}

static void a_damaged_file_is_made_anew(void **state)
{
	struct world *world = world_with_index(state);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world->scratch);
	char path[160];

	index_path(world, "log.sqlite", path);
	for (unsigned i = 0; i < 60; i++) {
		BL_CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);
		struct stat st;
		uint8_t noise[512];

		assert_int_equal(fstat(fd, &st), 0);
		randombytes_buf(noise, sizeof(noise));
		if (i % 10 == 0)
			assert_int_equal(ftruncate(fd, below((uint32_t)st.st_size)), 0);
		else
			assert_true(pwrite(fd, noise, 1 + below(sizeof(noise)),
					   below((uint32_t)st.st_size)) > 0);

		BL_CLEANUP(audit_index_close)
		struct audit_index *index = open_index(world, true, log_fd);
		static struct found found;
		static struct rows rows;

		/* Damage that nothing notices may leave records out; it makes none up, and nothing falls over. */
		bring_up(index);
		found = (struct found){.query = NULL};
		rows.count = 0;
		assert_int_equal(audit_index_find(index, &ANY, take, &found, NULL), BL_OK);
		for (size_t n = 1; n < found.count; n++)
			assert_true(found.numbers[n] > found.numbers[n - 1]);
		assert_int_equal(audit_index_table(index, AUDIT_TABLE_HOURS, &ANY, NULL, take_row,
						   &rows, NULL),
				 BL_OK);
	}
}

/* What may not be opened lies there; what it leads to must stay as it is. */
static void what_is_not_our_file_is_removed_and_never_followed(void **state)
{
	struct world *world = world_with_index(state);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world->scratch);
	char path[160], wal[160], folder[160], other[160], text[16] = "";
	struct stat st;

	index_path(world, "log.sqlite", path);
	index_path(world, "log.sqlite-wal", wal);
	snprintf(folder, sizeof(folder), "%s/index", world->scratch->path);
	snprintf(other, sizeof(other), "%s/other", world->scratch->path);
	for (unsigned i = 0; i < 8; i++) {
		FILE *file = fopen(other, "w");

		fputs("untouched", file);
		fclose(file);
		assert_int_equal(chmod(other, 0600), 0);
		switch (i) {
		case 0:
			assert_int_equal(unlink(path), 0);
			assert_int_equal(symlink(other, path), 0);
			break;
		case 1:
			assert_int_equal(chmod(path, 0640), 0);
			break;
		case 2:
			assert_int_equal(unlink(path), 0);
			assert_int_equal(link(other, path), 0);
			break;
		case 3:
			assert_int_equal(symlink(other, wal), 0);
			break;
		case 4:
			assert_int_equal(unlink(path), 0);
			assert_int_equal(mkfifo(path, 0600), 0);
			break;
		case 5:
			scratch_remove(folder);
			assert_int_equal(symlink(world->scratch->path, folder), 0);
			break;
		case 6:
			assert_int_equal(chmod(folder, 0750), 0);
			break;
		case 7:
			if (geteuid() == 0)
				assert_int_equal(chown(path, 12345, 0), 0);
			break;
		}
		expect_all_right(world, log_fd);
		file = fopen(other, "r");
		assert_non_null(fgets(text, sizeof(text), file));
		fclose(file);
		assert_string_equal(text, "untouched");
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(st.st_nlink, 1);
		assert_int_equal(lstat(folder, &st), 0);
		assert_int_equal(st.st_mode, S_IFDIR | 0700);
	}
}

static void a_folder_with_other_things_in_it_is_left_alone(void **state)
{
	struct world *world = world_with_index(state);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world->scratch);
	struct audit_index *index = NULL;
	char folder[160], precious[160];
	struct bl_error why = {.text = ""};

	snprintf(folder, sizeof(folder), "%s/index", world->scratch->path);
	index_path(world, "precious", precious);
	assert_int_equal(mkdir(precious, 0700), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(audit_index_open(world->scratch->store_fd, log_fd, &index, &why), BL_IO);
	assert_non_null(strstr(why.text, "move it out of the way"));
	assert_int_equal(access(precious, F_OK), 0);
}

static void it_may_be_deleted_while_it_is_used(void **state)
{
	struct world *world = world_with_index(state);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world->scratch);
	BL_CLEANUP(audit_index_close)
	struct audit_index *index = open_index(world, true, log_fd);
	char path[160];

	index_path(world, "log.sqlite", path);
	for (unsigned i = 0; i < 3; i++) {
		bring_up(index);
		assert_int_equal(access(path, F_OK), 0);
		if (i == 0) {
			assert_int_equal(unlink(path), 0);
		} else {
			snprintf(path, sizeof(path), "%s/index", world->scratch->path);
			scratch_remove(path);
			index_path(world, "log.sqlite", path);
		}
		expect_found(index, log_fd, &ANY);
	}
}

static void another_log_has_another_index(void **state)
{
	struct world *world = world_with_index(state);
	char log[160];

	/* The store's log is made anew, its index is left behind. */
	snprintf(log, sizeof(log), "%s/log", world->scratch->path);
	scratch_remove(log);

	struct audit *audit = world_open(world);

	write_some(world, audit, 20);
	audit_close(audit);

	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world->scratch);

	expect_all_right(world, log_fd);
}

static void a_broken_log_is_found_in_as_far_as_it_is_good(void **state)
{
	static struct found found;
	struct world *world = world_with_index(state);
	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world->scratch);
	BL_CLEANUP(fd_close)
	int segment = openat(log_fd, "seg.0000000000000001", O_RDWR | O_CLOEXEC);
	static const uint8_t NOISE[1000] = {1};

	/* Somewhere in the middle: frames of one event each. */
	assert_int_equal(pwrite(segment, NOISE, sizeof(NOISE), 4096 + 100 * 240), sizeof(NOISE));

	BL_CLEANUP(audit_index_close)
	struct audit_index *index = open_index(world, false, log_fd);

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(audit_index_update(index, UINT64_MAX, NULL, NULL, NULL),
				 BL_TAMPERED);
		found = (struct found){.query = NULL};
		assert_int_equal(audit_index_find(index, &ANY, take, &found, NULL), BL_OK);
		assert_in_range(found.count, 50, 150);
		assert_int_equal(found.numbers[found.count - 1], found.count);
	}
}

static void an_empty_log_is_indexed(void **state)
{
	struct world world;
	struct audit_config config = {.store_fd = ((struct scratch *)*state)->store_fd,
				      .vault = ((struct scratch *)*state)->vault};

	world_init(&world, state);
	assert_int_equal(audit_create(&config, NULL), BL_OK);

	BL_CLEANUP(fd_close) int log_fd = scratch_log_fd(world.scratch);

	expect_all_right(&world, log_fd);

	struct audit *audit = world_open(&world);

	audit_close(audit);
	expect_all_right(&world, log_fd);

	struct audit_index *index = NULL;

	assert_int_equal(audit_index_open(-1, world.scratch->store_fd, &index, NULL), BL_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_those_of_plain_reading),
		TEST(a_log_is_followed_while_it_is_written),
		TEST(what_was_trimmed_is_forgotten),
		TEST(who_is_told_may_stop_and_ask_for_the_rest),
		TEST(an_index_that_says_what_is_not_so_is_made_anew),
		TEST(a_damaged_file_is_made_anew),
		TEST(what_is_not_our_file_is_removed_and_never_followed),
		TEST(a_folder_with_other_things_in_it_is_left_alone),
		TEST(it_may_be_deleted_while_it_is_used),
		TEST(another_log_has_another_index),
		TEST(a_broken_log_is_found_in_as_far_as_it_is_good),
		TEST(an_empty_log_is_indexed),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
