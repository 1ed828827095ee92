/*
 * A log of a million events by the real writer: 400 persons look at 2,000 devices on 250 days, some of them late, some in vain. Its clock is
 * the bench's, and what is durable is not waited for; what is read is in the page cache. Questions take turns, the middle of their times
 * counts. A question's answer is read to its end, records and all.
 *
 * log.index_records_per_s    the index made of all of it
 * log.index_mib_per_million  its file
 * log.index_update_ms        ten thousand more records taken in
 * log.query_*_ms, log.table_*_ms  questions to the index as a service asks it
 * log.query_worst_ms         the worst of all those
 * log.query_device_vs_scan   how many times faster than reading the log through for the same records
 */
#include "tests/bench/log-load.h"

#include "fs/audit/index.h"

#define RECORDS 1000000u
#define MORE	10000u
#define ROUNDS	5u
#define PERSONS 400u
#define DEVICES 2000u
#define VISITS	8u /* at a time */
#define MONDAY	(INT64_C(20517) * 86400)
#define FLYING	4096u

/* ---- the log ----------------------------------------------------------------------------------- */

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

static int sync_never(void *context BL_UNUSED, int fd BL_UNUSED)
{
	return 0;
}

struct visit {
	uint32_t uid;
	unsigned device, left;
	uint64_t session;
};

struct world {
	struct clock clock;
	struct audit_io io;
	struct audit *audit;
	struct visit visits[VISITS];
	uint64_t random, sessions;
	struct audit_ticket tickets[FLYING];
	sem_t free;
};
static struct world world;

static uint32_t below(uint32_t limit)
{
	world.random = world.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((world.random >> 33) % limit);
}

static void written(struct audit_ticket *ticket BL_UNUSED, enum bl_status status)
{
	if (status != BL_OK)
		load_die("the log broke");
	sem_post(&world.free);
}

/* A working day's eight hours have 4,000 events; one day in twenty begins at night. */
static void pass_time(uint32_t number)
{
	int64_t day = number / 4000, at = number % 4000;
	int64_t begin = day % 20 == 7 ? 21 * 3600 : 8 * 3600;

	atomic_store(&world.clock.realtime_ns,
		     (MONDAY + day / 5 * 7 * 86400 + day % 5 * 86400 + begin + at * 36 / 5) *
				     1000000000 +
			     at);
	atomic_fetch_add(&world.clock.boottime_ns, 1000);
}

static struct audit_event next_event(void)
{
	static const enum audit_op OPS[] = {AUDIT_LOOKUP, AUDIT_STAT, AUDIT_OPEN, AUDIT_READ,
					    AUDIT_READ,	  AUDIT_READ, AUDIT_LIST, AUDIT_READ};
	struct visit *visit = &world.visits[below(VISITS)];

	if (!visit->left)
		*visit = (struct visit){.uid = 61000 + below(PERSONS),
					.device = below(DEVICES),
					.left = 40 + below(160),
					.session = ++world.sessions};
	visit->left--;

	struct audit_event event = {.op = OPS[below(BL_COUNT(OPS))],
				    .verdict = below(40) ? AUDIT_PERMITTED : AUDIT_DENIED,
				    .uid = visit->uid,
				    .gid = 61000,
				    .pid = 4000,
				    .login_uid = visit->uid,
				    .view = visit->session,
				    .session = visit->session,
				    .policy_serial = 1 + visit->session / 4000,
				    .bytes = 4096 * below(32)};

	snprintf(event.device, sizeof(event.device), "RMA-%05u", visit->device);
	snprintf(event.rule, sizeof(event.rule), "%s",
		 event.verdict == AUDIT_DENIED ? "no-mail-for-hardware" : "technicians-read");
	bl_put32(event.token, visit->device + 1);
	bl_put32(event.token + 4, below(300));
	if (below(500) == 0) {
		event.op = AUDIT_ADMIN;
		snprintf(event.detail, sizeof(event.detail), "%s",
			 below(5) ? "device-show" : "log-query");
	}
	return event;
}

static void write_records(unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		struct audit_event event = next_event();

		pass_time(i);
		while (sem_wait(&world.free) != 0)
			continue;
		world.tickets[i % FLYING].done = written;
		audit_submit(world.audit, &event, &world.tickets[i % FLYING]);
	}
	for (unsigned i = 0; i < FLYING; i++)
		while (sem_wait(&world.free) != 0)
			continue;
	for (unsigned i = 0; i < FLYING; i++)
		sem_post(&world.free);
}

static void open_log(const struct scratch *scratch)
{
	struct bl_error why;

	world.io = *audit_io_real();
	world.io.context = &world.clock;
	world.io.realtime_ns = realtime;
	world.io.boottime_ns = boottime;
	world.io.sync_data = sync_never;
	world.io.sync_dir = sync_never;
	pass_time(0);
	sem_init(&world.free, 0, FLYING);

	struct audit_config config = {.store_fd = scratch->store_fd,
				      .vault = scratch->vault,
				      .io = &world.io,
				      .keep_kit = scratch_keep_kit,
				      .context = (void *)(uintptr_t)scratch};

	if (audit_open(&config, &world.audit, &why) != BL_OK)
		load_die(why.text);
}

/* ---- questions --------------------------------------------------------------------------------- */

static const struct audit_query ANY = {
	.uid = -1, .op = -1, .verdict = -1, .since_unix = INT64_MIN, .until_unix = INT64_MAX};

static bool count_record(void *context, const struct audit_record *record BL_UNUSED)
{
	(*(uint64_t *)context)++;
	return true;
}

static bool count_row(void *context, const struct audit_row *row BL_UNUSED)
{
	(*(uint64_t *)context)++;
	return true;
}

static int32_t half_an_hour(void *context BL_UNUSED, int64_t at_unix BL_UNUSED)
{
	return 19800; /* India's */
}

struct question {
	const char *name;
	int table; /* -1: records */
	struct audit_query query;
	const struct audit_hours *hours;
	double took_ms[ROUNDS];
	uint64_t answers;
};

static void ask(struct audit_index *index, struct question *question, unsigned round)
{
	struct bl_error why;
	int64_t from_ns = now_ns();
	enum bl_status status;

	question->answers = 0;
	if (question->table < 0)
		status = audit_index_find(index, &question->query, count_record, &question->answers,
					  &why);
	else
		status = audit_index_table(index, (enum audit_table)question->table,
					   &question->query, question->hours, count_row,
					   &question->answers, &why);
	if (status != BL_OK)
		load_die(why.text);
	question->took_ms[round] = seconds_since(from_ns) * 1e3;
}

static bool take_token(void *context, const struct audit_record *record)
{
	memcpy(context, record->event.token, AUDIT_TOKEN);
	return false;
}

static void ask_all(struct audit_index *index, double *out_device_ms)
{
	static const uint32_t UIDS[] = {61011, 61222, 61333};
	static const struct audit_hours INDIA = {.from_minute = 8 * 60 + 10,
						 .to_minute = 18 * 60,
						 .days = 0x1f,
						 .offset = half_an_hour};
	static uint8_t token[AUDIT_TOKEN];
	struct question questions[] = {
		{"log.query_person_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_persons_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_device_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_path_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_last_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_denied_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_session_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_policy_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_admin_ms", -1, ANY, NULL, {0}, 0},
		{"log.query_day_ms", -1, ANY, NULL, {0}, 0},
		{"log.table_accesses_ms", AUDIT_TABLE_ACCESSES, ANY, NULL, {0}, 0},
		{"log.table_accesses_since_ms", AUDIT_TABLE_ACCESSES, ANY, NULL, {0}, 0},
		{"log.table_who_ms", AUDIT_TABLE_WHO, ANY, NULL, {0}, 0},
		{"log.table_who_path_ms", AUDIT_TABLE_WHO, ANY, NULL, {0}, 0},
		{"log.table_denied_ms", AUDIT_TABLE_DENIED, ANY, NULL, {0}, 0},
		{"log.table_volume_ms", AUDIT_TABLE_VOLUME, ANY, NULL, {0}, 0},
		{"log.table_off_hours_ms", AUDIT_TABLE_OFF_HOURS, ANY, NULL, {0}, 0},
		{"log.table_off_hours_zone_ms", AUDIT_TABLE_OFF_HOURS, ANY, &INDIA, {0}, 0},
		{"log.table_readers_ms", AUDIT_TABLE_READERS, ANY, NULL, {0}, 0},
		{"log.table_hours_ms", AUDIT_TABLE_HOURS, ANY, NULL, {0}, 0},
	};
	double worst = 0;

	questions[0].query.uid = 61123;
	questions[1].query.uids = UIDS;
	questions[1].query.uid_count = BL_COUNT(UIDS);
	questions[1].query.last = 1000;
	questions[2].query.device = "RMA-00777";
	if (audit_index_find(index, &questions[2].query, take_token, token, NULL) != BL_OK)
		load_die("there is no such device");
	questions[3].query.token = questions[13].query.token = token;
	questions[4].query.last = 100;
	questions[5].query.last = 1000;
	questions[5].query.verdict = AUDIT_DENIED;
	questions[6].query.session = 5000;
	questions[7].query.policy_serial = 1;
	questions[7].query.last = 100;
	questions[8].query.op = AUDIT_ADMIN;
	questions[9].query.since_unix = MONDAY + 100 * 86400 + 11;
	questions[9].query.until_unix = MONDAY + 101 * 86400;
	questions[11].query.since_unix = MONDAY + 99 * 86400 + 10 * 3600 + 77;
	questions[11].query.last_sequence = RECORDS - 5;

	for (unsigned round = 0; round <= ROUNDS; round++)
		for (size_t i = 0; i < BL_COUNT(questions); i++)
			ask(index, &questions[i], round ? round - 1 : 0);
	for (size_t i = 0; i < BL_COUNT(questions); i++) {
		struct question *question = &questions[i];
		double middle = median(question->took_ms, ROUNDS);

		say(question->name, "ms", 1, middle, question->took_ms, ROUNDS);
		fprintf(stderr, "answers: %s %llu\n", question->name,
			(unsigned long long)question->answers);
		worst = BL_MAX(worst, middle);
	}
	printf("bench: log.query_worst_ms %.1f ms\n", worst);
	*out_device_ms = questions[2].took_ms[ROUNDS / 2];
}

struct scanning {
	const struct audit_query *query;
	uint64_t count;
};

static bool scan_record(void *context, const struct audit_record *record)
{
	struct scanning *scanning = context;

	scanning->count += audit_query_matches(scanning->query, record);
	return true;
}

static double scan_ms(int log_fd)
{
	struct audit_query query = ANY;
	struct scanning scanning = {.query = &query};
	int64_t from_ns = now_ns();
	struct bl_error why;

	query.device = "RMA-00777";
	if (audit_scan(log_fd, scan_record, &scanning, &why) != BL_OK)
		load_die(why.text);
	return seconds_since(from_ns) * 1e3;
}

/* ---- the index --------------------------------------------------------------------------------- */

static double size_mib(const struct scratch *scratch)
{
	struct stat st;

	if (fstatat(scratch->store_fd, "index/log.sqlite", &st, 0) != 0)
		load_die("there is no index");
	return (double)st.st_size / (1 << 20);
}

static double update(struct audit_index *index)
{
	int64_t from_ns = now_ns();
	struct bl_error why;

	if (audit_index_update(index, UINT64_MAX, NULL, NULL, &why) != BL_OK)
		load_die(why.text);
	return seconds_since(from_ns);
}

static void run(const struct scratch *scratch, const char *argument BL_UNUSED)
{
	struct audit_index *index = NULL;
	struct bl_error why;
	double device_ms = 0, made_s, more_s;

	open_log(scratch);
	write_records(0, RECORDS);

	int log_fd = scratch_log_fd(scratch);
	double all_ms = scan_ms(log_fd);

	if (audit_index_open(scratch->store_fd, log_fd, &index, &why) != BL_OK)
		load_die(why.text);
	made_s = update(index);
	printf("bench: log.index_records_per_s %.0f 1/s\n", RECORDS / made_s);
	printf("bench: log.index_mib_per_million %.1f MiB\n", size_mib(scratch));
	ask_all(index, &device_ms);
	all_ms = BL_MIN(all_ms, scan_ms(log_fd));
	printf("bench: log.query_device_vs_scan %.0f x\n", all_ms / device_ms);
	write_records(RECORDS, MORE);
	more_s = update(index);
	printf("bench: log.index_update_ms %.1f ms\n", more_s * 1e3);
	audit_index_close(index);
	close(log_fd);
	audit_close(world.audit);
}

int main(void)
{
	return load_main(run, NULL);
}
