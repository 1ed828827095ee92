#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

static const char MINDERS[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner, lead, "
	"clerk]\n"
	"    why: They copy the masked view.\n"
	"  - id: closed-to-all\n    withhold: [any]\n    who: everyone\n"
	"    what: {paths: ['/open/closed.txt']}\n    why: Not this one.\n"
	"  - id: lead-reviews\n    permit: [review]\n    who: [lead]\n"
	"    needs: {reason: required}\n    why: Leads look at the log.\n"
	"  - id: clerk-administers\n    permit: [administer]\n    who: [clerk]\n"
	"    why: Clerks keep the policy.\n";

static int with_notes(void **state)
{
	struct fixture *fixture = fixture_begin(state);

	fixture_text(fixture, "open/note.txt", "nothing to see\n");
	fixture_text(fixture, "open/closed.txt", "nothing at all\n");
	fixture_end(fixture, MINDERS);
	return 0;
}

static bool take(void *context, const char *device, int64_t at_unix)
{
	assert_string_equal(device, "RMA-1");
	*(int64_t *)context = at_unix;
	return true;
}

/* What has to be written down now; 0: nothing. */
static int64_t taken(struct fixture *fixture)
{
	int64_t at_unix = 0;

	gate_each_look(fixture->gate, take, &at_unix);
	return at_unix;
}

/* ---- what looks ---------------------------------------------------------------------------------------- */

enum deed { WALK, LIST_ROOT, LIST, OPEN, OPEN_CLOSED, WHY };

static void deed_done(struct gate_view *view, enum deed deed)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	static struct listed listed;
	struct waited waited;
	uint8_t text[4096];
	uint64_t handle;

	switch (deed) {
	case WALK:
		(void)walked(view, "RMA-1/open/note.txt");
		return;
	case LIST_ROOT:
		assert_int_equal(do_list(view, GATE_ROOT, &listed), 0);
		return;
	case LIST:
		assert_int_equal(do_list(view, walked(view, "RMA-1/open"), &listed), 0);
		return;
	case OPEN:
		(void)opened(view, "RMA-1/open/note.txt");
		return;
	case OPEN_CLOSED:
		assert_int_equal(do_open_path(view, "RMA-1/open/closed.txt", &handle), EACCES);
		return;
	case WHY:
		waited_begin(&waited);
		gate_why(view, &caller, walked(view, "RMA-1/open/note.txt"), text, sizeof(text),
			 &waited.reply);
		assert_int_equal(waited_end(&waited), 0);
		return;
	}
}

static void only_contents_and_listings_by_who_minds_no_devices_are_looks(void **state)
{
	static const struct {
		uid_t uid;
		enum deed deed;
		bool is_look;
	} ROWS[] = {
		{UID_OWNER, WALK, false},	 {UID_OWNER, LIST_ROOT, false},
		{UID_OWNER, OPEN_CLOSED, false}, {UID_OWNER, WHY, false},
		{UID_OWNER, LIST, true},	 {UID_OWNER, OPEN, true},
		{UID_LEAD, LIST, false},	 {UID_LEAD, OPEN, false},
		{UID_CLERK, LIST, false},	 {UID_CLERK, OPEN, false},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int64_t now = NOW + (int64_t)i;
		struct gate_view *view = fixture_view(fixture, ROWS[i].uid);

		atomic_store(&fixture->now, now);
		deed_done(view, ROWS[i].deed);
		gate_view_close(view);
		int64_t at = taken(fixture);

		if (at != (ROWS[i].is_look ? now : 0))
			fail_msg("row %zu: %lld", i, (long long)at);
		assert_int_equal(taken(fixture), 0);
	}
}

/* ---- keeping --------------------------------------------------------------------------------------------- */

static bool refuse(void *context, const char *device, int64_t at_unix)
{
	(void)context, (void)device, (void)at_unix;
	return false;
}

static void a_look_stays_until_it_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	deed_done(view, OPEN);
	gate_each_look(fixture->gate, refuse, NULL);
	gate_device_drop(fixture->gate, "RMA-1");
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(taken(fixture), NOW);
	gate_view_close(view);
}

static void count_looked(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

static void who_looks_on_and_on_tells_once(void **state)
{
	struct fixture *fixture = *state;
	atomic_int told = 0;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	fixture->gate->config.looked = count_looked;
	fixture->gate->config.looked_context = &told;
	for (int64_t minute = 0; minute < 121; minute++) {
		atomic_store(&fixture->now, NOW + minute * 60);
		deed_done(view, OPEN);
	}
	/* Each of the looks puts off when the next is told: only after an hour without one. */
	assert_int_equal(atomic_load(&told), 1);
	atomic_store(&fixture->now, NOW + 120 * 60 + 3600);
	deed_done(view, LIST);
	assert_int_equal(atomic_load(&told), 2);
	gate_view_close(view);
}

/* ---- after a crash ------------------------------------------------------------------------------------------ */

static void crash(struct fixture *fixture)
{
	struct bl_error why = {""};

	fixture_restart(fixture);
	fixture_policy(fixture, 1, MINDERS);
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	if (gate_recount(fixture->gate, fd, &why) != BL_OK)
		fail_msg("%s", why.text);
	close(fd);
}

static void looks_that_a_crash_took_are_in_the_log(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	deed_done(view, LIST);
	atomic_store(&fixture->now, NOW + 100);
	deed_done(view, OPEN);
	gate_view_close(view);
	/* Later, and by somebody whose looks do not count. */
	atomic_store(&fixture->now, NOW + 200);
	view = fixture_view(fixture, UID_LEAD);
	deed_done(view, LIST);
	deed_done(view, OPEN);
	gate_view_close(view);
	crash(fixture);
	assert_int_equal(taken(fixture), NOW + 100);
	/* Written down it is not told again. */
	assert_int_equal(device_opened(fixture->store, "RMA-1", NOW + 100, NULL), BL_OK);
	crash(fixture);
	assert_int_equal(taken(fixture), 0);
}

#define WITH_NOTES(test) cmocka_unit_test_setup_teardown(test, with_notes, fixture_without)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_NOTES(only_contents_and_listings_by_who_minds_no_devices_are_looks),
		WITH_NOTES(a_look_stays_until_it_is_kept),
		WITH_NOTES(who_looks_on_and_on_tells_once),
		WITH_NOTES(looks_that_a_crash_took_are_in_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
