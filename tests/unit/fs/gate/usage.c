#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

#define HOUR 3600
#define SIZE 1000u /* bytes of each file */

static const char COUNTED[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n"
	"  - id: owner-copies\n    permit: [copy]\n    who: [owner]\n    limits: {%s}\n"
	"    why: Not too many of them.\n";
static const char UNMASKS[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n"
	"  - id: owner-copies\n    permit: [copy]\n    who: [owner]\n"
	"    needs: {approvals: {count: 1, from: [lead], valid: 20d}}\n"
	"    why: A lead has to look at it.\n"
	"  - id: owner-unmasks\n    permit: [unmask]\n    who: [owner]\n"
	"    what: {contains: [email]}\n    limits: {unmasks: 1 per hour}\n"
	"    why: One original an hour is enough.\n";

static void counted_by(struct fixture *fixture, int serial, const char *limits)
{
	char rules[1024];

	snprintf(rules, sizeof(rules), COUNTED, limits);
	fixture_policy(fixture, serial, rules);
}

static int with_files(void **state)
{
	struct fixture *fixture = fixture_begin(state);
	char name[32], text[SIZE];

	memset(text, 'x', sizeof(text));
	text[SIZE - 1] = '\n';
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "open/%d.txt", i);
		fixture_file(fixture, name, text, sizeof(text));
	}
	fixture_text(fixture, "open/mail.txt", "write to kim.lee@example.org or call\n");
	fixture_end(fixture, OWNER_COPIES);
	return 0;
}

/* Somebody of the policy's leads has approved that the owner copies everything. */
static void approve_copies(struct fixture *fixture)
{
	struct device_request request = {
		.by = UID_OWNER, .action = ACTION_COPY, .since_unix = NOW, .reason = "RMA 1"};
	struct device_approval approval = {.by = UID_LEAD, .since_unix = NOW};
	uint32_t number;

	assert_int_equal(device_request_add(fixture->store, "RMA-1", &request, &number, NULL),
			 BL_OK);
	assert_int_equal(device_request_approve(fixture->store, "RMA-1", number, &approval, NULL),
			 BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
}

static int read_some(struct gate_view *view, uint64_t handle, uint64_t offset, size_t size)
{
	static _Thread_local char got[SIZE];
	size_t length;

	return do_read(view, gate_view_uid(view), handle, offset, got, size, size, &length);
}

/* ---- files --------------------------------------------------------------------------------------------- */

static void the_last_file_that_is_allowed_stays_readable(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handles[3];

	counted_by(fixture, 2, "files: 2 per hour");
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_view *second = fixture_view(fixture, UID_OWNER);

	handles[0] = opened(view, "RMA-1/open/0.txt");
	handles[1] = opened(second, "RMA-1/open/1.txt"); /* of one person, whatever the view */
	assert_int_equal(do_open_path(view, "RMA-1/open/2.txt", &handles[2]), EACCES);
	assert_int_equal(do_open_path(second, "RMA-1/open/2.txt", &handles[2]), EACCES);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_DENIED, "limit"), 2);
	assert_int_equal(read_some(view, handles[0], 0, 10), 0);
	assert_int_equal(read_some(second, handles[1], 0, 10), 0);
	gate_view_close(view);
	gate_view_close(second);
}

static void a_new_hour_begins_with_nothing_used(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handle;
	int64_t next = NOW - NOW % HOUR + HOUR;

	counted_by(fixture, 2, "files: 1 per hour");
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	(void)opened(view, "RMA-1/open/0.txt");
	assert_int_equal(do_open_path(view, "RMA-1/open/1.txt", &handle), EACCES);
	assert_int_equal(gate_tick(fixture->gate, NOW), next);
	atomic_store(&fixture->now, next - 1);
	assert_int_equal(do_open_path(view, "RMA-1/open/1.txt", &handle), EACCES);
	/* Nobody ticked: the open itself sees that the hour is over. */
	atomic_store(&fixture->now, next);
	assert_int_equal(do_open_path(view, "RMA-1/open/1.txt", &handle), 0);
	assert_int_equal(do_open_path(view, "RMA-1/open/2.txt", &handle), EACCES);
	gate_view_close(view);
}

static void an_open_that_is_refused_and_words_of_our_own_count_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct rules_used used;
	uint64_t handle;

	counted_by(fixture, 2, "files: 5 per hour");
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_view *clerk = fixture_view(fixture, UID_CLERK);

	handle = opened(view, "READ ME.txt");
	assert_int_equal(read_some(view, handle, 0, 100), 0);
	assert_int_equal(do_open_path(clerk, "RMA-1/open/0.txt", &handle), EACCES);
	usage_read(usage_of(fixture->gate, UID_OWNER), &used);
	assert_int_equal(used.amount[UNIT_FILES][PERIOD_HOUR], 0);
	assert_int_equal(used.amount[UNIT_BYTES][PERIOD_DAY], 0);
	usage_read(usage_of(fixture->gate, UID_CLERK), &used);
	assert_int_equal(used.amount[UNIT_FILES][PERIOD_HOUR], 0);
	gate_view_close(view);
	gate_view_close(clerk);
}

/* ---- bytes ---------------------------------------------------------------------------------------------- */

static void note_change(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

static void handles_are_lost_when_the_bytes_are_used_up_and_not_before(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handle;
	atomic_int changes = 0;

	counted_by(fixture, 2, "bytes: 1500 per day");
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t first = opened(view, "RMA-1/open/0.txt"),
		 second = opened(view, "RMA-1/open/1.txt");

	gate_view_on_change(view, note_change, &changes);
	assert_int_equal(read_some(view, first, 0, SIZE), 0);
	assert_int_equal(read_some(view, second, 0, 499), 0);
	assert_int_equal(atomic_load(&changes), 0);
	assert_int_equal(read_some(view, second, 499, 1), 0); /* the last byte */
	assert_int_equal(atomic_load(&changes), 1);
	assert_int_equal(read_some(view, second, 500, 1), ESTALE);
	assert_int_equal(read_some(view, first, 0, 1), ESTALE);
	assert_int_equal(do_open_path(view, "RMA-1/open/2.txt", &handle), EACCES);
	gate_view_close(view);
}

struct racer {
	struct gate_view *view;
	uint64_t handle;
	atomic_ulong *read;
};

static void *race(void *context)
{
	struct racer *racer = context;

	while (read_some(racer->view, racer->handle, 0, 100) == 0)
		atomic_fetch_add(racer->read, 100);
	return NULL;
}

static void readers_at_once_read_no_more_than_one_read_too_much(void **state)
{
	struct fixture *fixture = *state;
	pthread_t threads[4];
	struct racer racers[4];
	atomic_ulong read = 0;

	counted_by(fixture, 2, "bytes: 20050 per day");
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	for (size_t i = 0; i < BL_COUNT(threads); i++) {
		racers[i] = (struct racer){view, opened(view, "RMA-1/open/0.txt"), &read};
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < BL_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&read), 20100);
	gate_view_close(view);
}

/* ---- originals -------------------------------------------------------------------------------------------- */

static bool shows_mail(struct gate_view *view, uint64_t handle)
{
	char text[128];

	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0);
	return strstr(text, "kim.lee@example.org") != NULL;
}

struct unmasking {
	size_t count;
	char detail[AUDIT_DETAIL_SIZE];
	uint64_t bytes;
};

static bool find_unmasking(void *context, const struct audit_record *record)
{
	struct unmasking *unmasking = context;

	if (record->event.op == AUDIT_OPEN && record->event.detail[0]) {
		unmasking->count++;
		unmasking->bytes = record->event.bytes;
		memcpy(unmasking->detail, record->event.detail, sizeof(unmasking->detail));
	}
	return true;
}

static struct unmasking unmaskings(struct fixture *fixture)
{
	struct unmasking unmasking = {0};
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(audit_scan(fd, find_unmasking, &unmasking, NULL), BL_OK);
	close(fd);
	return unmasking;
}

static void an_original_is_shown_logged_and_counted(void **state)
{
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, UNMASKS);
	approve_copies(fixture);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t first = opened(view, "RMA-1/open/mail.txt");

	assert_true(shows_mail(view, first));
	/* One an hour: the next open is masked, and the first stays as it was. */
	uint64_t second = opened(view, "RMA-1/open/mail.txt");

	assert_false(shows_mail(view, second));
	assert_true(shows_mail(view, first));
	struct unmasking logged_as = unmaskings(fixture);

	assert_int_equal(logged_as.count, 1);
	assert_int_equal(logged_as.bytes, 1);
	assert_string_equal(logged_as.detail, "unmasked: email");
	gate_view_close(view);
}

static void what_was_opened_masked_stays_masked(void **state)
{
	struct fixture *fixture = *state;
	int64_t next = NOW - NOW % HOUR + HOUR;

	fixture_policy(fixture, 2, UNMASKS);
	approve_copies(fixture);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t first = opened(view, "RMA-1/open/mail.txt");
	uint64_t second = opened(view, "RMA-1/open/mail.txt");

	assert_false(shows_mail(view, second));
	atomic_store(&fixture->now, next);
	assert_true(shows_mail(view, first));
	/* An original that was neither counted nor logged at its open is never shown. */
	assert_false(shows_mail(view, second));
	assert_true(shows_mail(view, opened(view, "RMA-1/open/mail.txt")));
	gate_view_close(view);
}

static void a_copy_without_approvals_shows_no_original(void **state)
{
	static const char PLAIN[] =
		"  - id: owner-copies\n    permit: [list, stat, read, copy, unmask]\n"
		"    who: [owner]\n    why: Owners copy the masked view.\n";
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, PLAIN);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	assert_false(shows_mail(view, opened(view, "RMA-1/open/mail.txt")));
	assert_int_equal(unmaskings(fixture).count, 0);
	gate_view_close(view);
}

static void an_original_goes_with_its_approval(void **state)
{
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, UNMASKS);
	approve_copies(fixture);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/mail.txt");
	char text[64];

	assert_true(shows_mail(view, handle));
	counted_by(fixture, 3, "files: 9 per hour");
	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0);
	assert_null(strstr(text, "kim.lee"));
	gate_view_close(view);
}

/* ---- counting again -------------------------------------------------------------------------------------- */

static void used_of(struct fixture *fixture, uid_t uid, struct rules_used *out)
{
	usage_read(usage_of(fixture->gate, uid), out);
}

static void recount(struct fixture *fixture)
{
	struct bl_error why = {""};
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	if (gate_recount(fixture->gate, fd, &why) != BL_OK)
		fail_msg("%s", why.text);
	close(fd);
}

static void assert_same_used(const struct rules_used *a, const struct rules_used *b)
{
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++)
		for (unsigned period = 0; period < PERIOD_COUNT; period++)
			if (a->amount[unit][period] != b->amount[unit][period])
				fail_msg("%s per %s: %llu live, %llu counted again",
					 bl_unit_name((enum bl_unit)unit),
					 bl_period_name((enum bl_period)period),
					 (unsigned long long)a->amount[unit][period],
					 (unsigned long long)b->amount[unit][period]);
}

/* Everything that counts and much that does not, at random, over the edges of hours. */
static void use_at_random(struct fixture *fixture, struct gate_view *view, unsigned seed)
{
	char path[64];
	uint64_t handle;

	for (int i = 0; i < 120; i++) {
		seed = seed * 1103515245u + 12345u;
		unsigned way = seed >> 16 & 7;

		if (way == 0)
			atomic_fetch_add(&fixture->now, 600);
		snprintf(path, sizeof(path), way == 1 ? "RMA-1/open/mail.txt" : "RMA-1/open/%u.txt",
			 (seed >> 20) % 6);
		if (way == 2)
			snprintf(path, sizeof(path), "READ ME.txt");
		if (do_open_path(view, path, &handle) != 0)
			continue;
		(void)read_some(view, handle, (seed >> 8) % 1200, 1 + (seed >> 12) % 999);
		if (way == 3)
			(void)do_read(view, UID_STRANGER, handle, 0, path, 1, 1, &(size_t){0});
		gate_release(view, handle);
	}
}

static void what_is_counted_again_is_what_was_counted(void **state)
{
	struct fixture *fixture = *state;
	struct rules_used live[2], again[2];

	fixture_policy(fixture, 2, UNMASKS);
	approve_copies(fixture);
	/* In the afternoon, so that the day holds. */
	atomic_store(&fixture->now, NOW - NOW % 86400 + 15 * HOUR + 1800);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_view *clerk = fixture_view(fixture, UID_CLERK);

	use_at_random(fixture, view, 3);
	use_at_random(fixture, clerk, 5);
	used_of(fixture, UID_OWNER, &live[0]);
	used_of(fixture, UID_CLERK, &live[1]);
	assert_true(live[0].amount[UNIT_FILES][PERIOD_DAY] > 20);
	assert_true(live[0].amount[UNIT_FILES][PERIOD_HOUR] <
		    live[0].amount[UNIT_FILES][PERIOD_DAY]);
	assert_true(live[0].amount[UNIT_UNMASKS][PERIOD_DAY] > 1);
	assert_true(live[0].amount[UNIT_BYTES][PERIOD_DAY] > 0);
	assert_int_equal(live[0].amount[UNIT_SHOWN][PERIOD_DAY], 0); /* that is of sessions */
	gate_view_close(view);
	gate_view_close(clerk);
	fixture_restart(fixture);
	fixture_policy(fixture, 2, UNMASKS);
	recount(fixture);
	used_of(fixture, UID_OWNER, &again[0]);
	used_of(fixture, UID_CLERK, &again[1]);
	assert_same_used(&live[0], &again[0]);
	assert_same_used(&live[1], &again[1]);
}

static void a_limit_holds_over_a_restart(void **state)
{
	struct fixture *fixture = *state;
	uint64_t handle;

	counted_by(fixture, 2, "files: 2 per day");
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	(void)opened(view, "RMA-1/open/0.txt");
	gate_view_close(view);
	fixture_restart(fixture);
	counted_by(fixture, 2, "files: 2 per day");
	recount(fixture);
	view = fixture_view(fixture, UID_OWNER);
	(void)opened(view, "RMA-1/open/1.txt");
	assert_int_equal(do_open_path(view, "RMA-1/open/2.txt", &handle), EACCES);
	gate_view_close(view);
}

/* ---- zones ------------------------------------------------------------------------------------------------ */

static struct policy *policy_in(const char *zone)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "bailee: 1\nname: test\nserial: 2\ntimezone: %s\nuses: [builtin/baseline]\n"
		 "people:\n  'uid:61001': {roles: [owner]}\nroles:\n  owner: {}\n"
		 "detect: {sets: [contact], customer: true}\n"
		 "defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n"
		 "  - id: owner-lists\n    permit: [list]\n    who: [owner]\n"
		 "    why: Owners see what is there.\n",
		 zone);
	return fixture_parse(text);
}

static void another_zone_counts_rather_too_much_than_too_little(void **state)
{
	static const struct {
		const char *zone;
		uint64_t hour, day;
	} ROWS[] = {
		{"UTC", 2, 2},
		{"Europe/Berlin", 2, 6}, /* whole hours off: the hour is the same, the day is not */
		{"Asia/Kolkata", 5, 6},	 /* half an hour off */
	};
	struct fixture *fixture = *state;
	int64_t midnight = NOW - NOW % 86400;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct gate *gate = NULL;
		struct policy *utc = policy_in("UTC"), *other = policy_in(ROWS[i].zone);
		struct gate_config config = {.store = fixture->store,
					     .audit = fixture->audit,
					     .reader_path = fixture->reader,
					     .now_unix = fixture_now,
					     .clock_context = &fixture->now};
		struct rules_used used;

		atomic_store(&fixture->now, midnight - 2 * HOUR);
		assert_int_equal(gate_new(&config, &gate, NULL), BL_OK);
		gate_set_policy(gate, utc);
		struct gate_usage *usage = usage_of(gate, UID_OWNER);

		/* One long ago, three in the last hour of the day before, two since midnight. */
		usage_count(usage, UNIT_FILES, 1);
		atomic_store(&fixture->now, midnight - 1);
		(void)gate_tick(gate, midnight - 1);
		usage_count(usage, UNIT_FILES, 3);
		atomic_store(&fixture->now, midnight);
		(void)gate_tick(gate, midnight);
		usage_count(usage, UNIT_FILES, 2);
		gate_set_policy(gate, other);
		usage_read(usage, &used);
		if (used.amount[UNIT_FILES][PERIOD_HOUR] != ROWS[i].hour ||
		    used.amount[UNIT_FILES][PERIOD_DAY] != ROWS[i].day)
			fail_msg("%s: %llu an hour, %llu a day", ROWS[i].zone,
				 (unsigned long long)used.amount[UNIT_FILES][PERIOD_HOUR],
				 (unsigned long long)used.amount[UNIT_FILES][PERIOD_DAY]);
		gate_free(gate);
		policy_unref(utc);
		policy_unref(other);
	}
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, with_files, fixture_without)
	const struct CMUnitTest tests[] = {
		WITH_FILES(the_last_file_that_is_allowed_stays_readable),
		WITH_FILES(a_new_hour_begins_with_nothing_used),
		WITH_FILES(an_open_that_is_refused_and_words_of_our_own_count_nothing),
		WITH_FILES(handles_are_lost_when_the_bytes_are_used_up_and_not_before),
		WITH_FILES(readers_at_once_read_no_more_than_one_read_too_much),
		WITH_FILES(an_original_is_shown_logged_and_counted),
		WITH_FILES(what_was_opened_masked_stays_masked),
		WITH_FILES(a_copy_without_approvals_shows_no_original),
		WITH_FILES(an_original_goes_with_its_approval),
		WITH_FILES(what_is_counted_again_is_what_was_counted),
		WITH_FILES(a_limit_holds_over_a_restart),
		WITH_FILES(another_zone_counts_rather_too_much_than_too_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
