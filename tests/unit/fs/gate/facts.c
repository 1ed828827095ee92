#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

#define HOUR 3600

static const char HEAD_LISTS[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n";
static const char BY_CONSENT[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n"
	"  - id: with-consent\n    permit: [copy]\n    who: [owner]\n"
	"    when: {purpose: [repair], consent: granted}\n    why: The customer has agreed to "
	"it.\n";
static const char BY_CHECK[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n"
	"  - id: with-check\n    permit: [copy]\n    who: [owner]\n"
	"    when: {caller_verified: one-factor}\n    why: We know who calls us.\n";
static const char BY_APPROVAL[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n"
	"  - id: with-approval\n    permit: [copy]\n    who: [owner]\n"
	"    needs: {approvals: {count: 1, from: [lead], valid: 2h}}\n"
	"    why: A lead has to look at it.\n";

static int with_files(void **state)
{
	struct fixture *fixture = fixture_begin(state);

	fixture_directory(fixture, "open/deep");
	fixture_directory(fixture, "other");
	fixture_text(fixture, "open/note.txt", "nothing to see\n");
	fixture_text(fixture, "open/deep/note.txt", "nothing either\n");
	fixture_text(fixture, "open/ottoline@example.org.txt", "one\n");
	fixture_text(fixture, "other/note.txt", "nothing here\n");
	fixture_end(fixture, HEAD_LISTS);
	return 0;
}

static void consent(struct fixture *fixture, const char *purpose, bool is_granted)
{
	struct device_consent consent = {.is_granted = is_granted, .since_unix = NOW, .by = 0};
	struct bl_error why = {""};

	snprintf(consent.purpose, sizeof(consent.purpose), "%s", purpose);
	if (device_consent_set(fixture->store, "RMA-1", &consent, &why) != BL_OK)
		fail_msg("%s", why.text);
	gate_device_changed(fixture->gate, "RMA-1");
}

static void check(struct fixture *fixture, uid_t by)
{
	struct device_check check = {.check = CHECK_ONE_FACTOR,
				     .by = by,
				     .since_unix = atomic_load(&fixture->now),
				     .ticket = "T-1"};
	struct bl_error why = {""};

	if (device_check_add(fixture->store, "RMA-1", &check, &why) != BL_OK)
		fail_msg("%s", why.text);
	gate_device_changed(fixture->gate, "RMA-1");
}

static uint32_t request_of(struct fixture *fixture, uid_t by, enum bl_action action,
			   const char *class, const char *path)
{
	char copy[256];
	struct device_request request = {.by = by,
					 .action = action,
					 .path = path ? copy : NULL,
					 .since_unix = atomic_load(&fixture->now),
					 .reason = "RMA 1"};
	struct bl_error why = {""};
	uint32_t number = 0;

	snprintf(request.class, sizeof(request.class), "%s", class);
	snprintf(copy, sizeof(copy), "%s", path ? path : "");
	if (device_request_add(fixture->store, "RMA-1", &request, &number, &why) != BL_OK)
		fail_msg("%s", why.text);
	gate_device_changed(fixture->gate, "RMA-1");
	return number;
}

static uint32_t request(struct fixture *fixture, uid_t by, enum bl_action action, const char *path)
{
	return request_of(fixture, by, action, "", path);
}

static void approve(struct fixture *fixture, uint32_t number, uid_t by)
{
	struct device_approval approval = {.by = by, .since_unix = atomic_load(&fixture->now)};
	struct bl_error why = {""};

	if (device_request_approve(fixture->store, "RMA-1", number, &approval, &why) != BL_OK)
		fail_msg("%s", why.text);
	gate_device_changed(fixture->gate, "RMA-1");
}

/* The errno of one small read; the answer of a handle that was judged again. */
static int read_again(struct gate_view *view, uint64_t handle)
{
	char text[64];

	return do_read_text(view, handle, text, sizeof(text));
}

static int try_open(struct gate_view *view, const char *path)
{
	uint64_t handle;
	int error = do_open_path(view, path, &handle);

	if (!error)
		gate_release(view, handle);
	return error;
}

/* ---- whom a change is told ------------------------------------------------------------------------- */

/* Which of three views have to decide again since the last time. */
static unsigned moved(struct gate_view *const views[3], uint64_t epochs[3])
{
	unsigned bits = 0;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t epoch = gate_view_epoch(views[i]);

		bits |= (unsigned)(epoch != epochs[i]) << i;
		epochs[i] = epoch;
	}
	return bits;
}

static void only_views_that_a_change_bears_on_decide_again(void **state)
{
	enum { REPAIR = 1, NONE = 2, OTHER = 4 };
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, BY_CONSENT);
	struct gate_view *const views[3] = {fixture_view_for(fixture, UID_OWNER, "repair"),
					    fixture_view(fixture, UID_OWNER),
					    fixture_view_for(fixture, UID_CLERK, "repair")};
	uint64_t epochs[3] = {0};

	(void)moved(views, epochs);
	consent(fixture, "repair", true);
	assert_int_equal(moved(views, epochs), REPAIR | OTHER);
	consent(fixture, "repair", true);
	assert_int_equal(moved(views, epochs), 0);
	check(fixture, UID_OWNER);
	assert_int_equal(moved(views, epochs), REPAIR | NONE);
	check(fixture, UID_STRANGER);
	assert_int_equal(moved(views, epochs), 0);
	uint32_t first = request(fixture, UID_CLERK, ACTION_COPY, NULL);
	uint32_t second = request(fixture, UID_CLERK, ACTION_COPY, NULL);

	assert_int_equal(moved(views, epochs), 0);
	approve(fixture, first, UID_LEAD);
	assert_int_equal(moved(views, epochs), OTHER);
	approve(fixture, first, UID_SECOND);
	assert_int_equal(moved(views, epochs), OTHER);
	assert_int_equal(device_request_refuse(fixture->store, "RMA-1", second, UID_LEAD, NULL),
			 BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(moved(views, epochs), 0);
	assert_int_equal(device_request_refuse(fixture->store, "RMA-1", first, UID_LEAD, NULL),
			 BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(moved(views, epochs), OTHER);
	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(moved(views, epochs), REPAIR | NONE | OTHER);
	for (unsigned i = 0; i < 3; i++)
		gate_view_close(views[i]);
}

/* ---- consent and callers -------------------------------------------------------------------------- */

static void consent_opens_and_its_withdrawal_closes(void **state)
{
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, BY_CONSENT);
	struct gate_view *repair = fixture_view_for(fixture, UID_OWNER, "repair");
	struct gate_view *none = fixture_view(fixture, UID_OWNER);

	assert_int_equal(try_open(repair, "RMA-1/open/note.txt"), EACCES);
	consent(fixture, "resale", true);
	assert_int_equal(try_open(repair, "RMA-1/open/note.txt"), EACCES);
	consent(fixture, "repair", true);
	uint64_t handle = opened(repair, "RMA-1/open/note.txt");

	assert_int_equal(read_again(repair, handle), 0);
	assert_int_equal(try_open(none, "RMA-1/open/note.txt"), EACCES);
	consent(fixture, "repair", false);
	assert_int_equal(read_again(repair, handle), ESTALE);
	/* Closed to everybody, whatever for: there are no names any more either. */
	uint64_t node;

	assert_int_equal(do_walk(repair, "RMA-1/open/note.txt", &node), ENOENT);
	assert_int_equal(do_walk(none, "RMA-1/open/note.txt", &node), ENOENT);
	gate_release(repair, handle);
	consent(fixture, "repair", true);
	assert_int_equal(try_open(repair, "RMA-1/open/note.txt"), 0);
	gate_view_close(repair);
	gate_view_close(none);
}

static void consent_is_known_after_a_restart(void **state)
{
	struct fixture *fixture = *state;

	consent(fixture, "repair", true);
	fixture_restart(fixture);
	fixture_policy(fixture, 2, BY_CONSENT);
	struct gate_view *view = fixture_view_for(fixture, UID_OWNER, "repair");

	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), 0);
	gate_view_close(view);
}

static void a_check_counts_for_an_hour_and_for_who_made_it(void **state)
{
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, BY_CHECK);
	atomic_store(&fixture->now, NOW - 600);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	/* Long after the view was opened. */
	atomic_store(&fixture->now, NOW);
	check(fixture, UID_CLERK);
	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), EACCES);
	check(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt");

	atomic_store(&fixture->now, NOW + HOUR - 1);
	assert_int_equal(read_again(view, handle), 0);
	assert_int_equal(gate_tick(fixture->gate, NOW + HOUR - 1), NOW + HOUR);
	/* Nobody ticked: the read itself sees that the hour is over. */
	atomic_store(&fixture->now, NOW + HOUR);
	assert_int_equal(read_again(view, handle), ESTALE);
	gate_release(view, handle);
	gate_view_close(view);
}

/* ---- approvals -------------------------------------------------------------------------------------- */

static void an_approval_opens_for_as_long_as_it_is_valid(void **state)
{
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, BY_APPROVAL);
	atomic_store(&fixture->now, NOW - 600);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_view *clerk = fixture_view(fixture, UID_CLERK);

	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), EACCES);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_ASKED, "with-approval"), 1);
	/* Long after the view was opened. */
	atomic_store(&fixture->now, NOW);
	uint32_t number = request(fixture, UID_OWNER, ACTION_COPY, NULL);

	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), EACCES);
	approve(fixture, number, UID_LEAD);
	uint64_t handle = opened(view, "RMA-1/open/note.txt");

	assert_int_equal(try_open(clerk, "RMA-1/open/note.txt"), EACCES);
	atomic_store(&fixture->now, NOW + 2 * HOUR - 1);
	assert_int_equal(read_again(view, handle), 0);
	assert_int_equal(gate_tick(fixture->gate, NOW + 2 * HOUR - 1), NOW + 2 * HOUR);
	atomic_store(&fixture->now, NOW + 2 * HOUR);
	assert_int_equal(read_again(view, handle), ESTALE);
	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), EACCES);
	gate_release(view, handle);
	gate_view_close(view);
	gate_view_close(clerk);
}

static void only_approvals_of_ones_own_requests_by_who_may_give_them_count(void **state)
{
	static const struct {
		const char *name;
		uid_t by, giver;
		enum bl_action action;
		int error;
	} ROWS[] = {
		{"of another's request", UID_CLERK, UID_LEAD, ACTION_COPY, EACCES},
		{"by who is no lead", UID_OWNER, UID_CLERK, ACTION_COPY, EACCES},
		{"by nobody of the policy", UID_OWNER, UID_STRANGER, ACTION_COPY, EACCES},
		{"of another action", UID_OWNER, UID_LEAD, ACTION_SHRED, EACCES},
		{"as it has to be", UID_OWNER, UID_LEAD, ACTION_COPY, 0},
	};
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, BY_APPROVAL);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		approve(fixture, request(fixture, ROWS[i].by, ROWS[i].action, NULL), ROWS[i].giver);
		int error = try_open(view, "RMA-1/open/note.txt");

		if (error != ROWS[i].error)
			fail_msg("an approval %s: %s", ROWS[i].name, strerror(error));
	}
	gate_view_close(view);
}

static void an_approval_covers_its_path_and_what_is_below(void **state)
{
	static const struct {
		const char *path;
		bool covers_note, covers_deep, covers_other;
	} ROWS[] = {
		{NULL, true, true, true},
		{"/open", true, true, false},
		{"/open/note.txt", true, false, false},
		{"/open/deep", false, true, false},
		{"/open/deep/note.txt/more", false, false, false},
		{"/ope", false, false, false},
		{"/OPEN", false, false, false},
		{"/note.txt", false, false, false},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		void *own = NULL;

		(void)state;
		assert_int_equal(with_files(&own), 0);
		struct fixture *fixture = own;

		fixture_policy(fixture, 2, BY_APPROVAL);
		struct gate_view *view = fixture_view(fixture, UID_OWNER);

		approve(fixture, request(fixture, UID_OWNER, ACTION_COPY, ROWS[i].path), UID_LEAD);
		bool note = try_open(view, "RMA-1/open/note.txt") == 0;
		bool deep = try_open(view, "RMA-1/open/deep/note.txt") == 0;
		bool other = try_open(view, "RMA-1/other/note.txt") == 0;

		gate_view_close(view);
		fixture_without(&own);
		if (note != ROWS[i].covers_note || deep != ROWS[i].covers_deep ||
		    other != ROWS[i].covers_other)
			fail_msg("%s: %d %d %d", ROWS[i].path ? ROWS[i].path : "the device", note,
				 deep, other);
	}
}

static void a_path_is_matched_by_the_name_that_was_seen(void **state)
{
	struct fixture *fixture = *state;
	struct listed listed;
	char path[300] = "", seen[310];

	fixture_policy(fixture, 2, BY_APPROVAL);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	assert_int_equal(do_list(view, walked(view, "RMA-1/open"), &listed), 0);
	for (size_t i = 0; i < listed.count; i++)
		if (mask_name_mark(listed.names[i], strlen(listed.names[i])))
			snprintf(path, sizeof(path), "/open/%s", listed.names[i]);
	assert_string_not_equal(path, "");
	snprintf(seen, sizeof(seen), "RMA-1%s", path);
	assert_int_equal(try_open(view, seen), EACCES);
	/* The real name is none that this person could have seen. */
	approve(fixture, request(fixture, UID_OWNER, ACTION_COPY, "/open/ottoline@example.org.txt"),
		UID_LEAD);
	assert_int_equal(try_open(view, seen), EACCES);
	approve(fixture, request(fixture, UID_OWNER, ACTION_COPY, path), UID_LEAD);
	assert_int_equal(try_open(view, seen), 0);
	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), EACCES);
	gate_view_close(view);
}

static void two_givers_are_needed_where_two_are_asked_for(void **state)
{
	static const char BY_TWO[] =
		"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
		"    why: Owners see what is there.\n"
		"  - id: with-two\n    permit: [copy]\n    who: [owner]\n"
		"    needs: {approvals: {count: 2, from: [lead], valid: 2h}}\n"
		"    why: Two leads have to look at it.\n";
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, BY_TWO);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint32_t first = request(fixture, UID_OWNER, ACTION_COPY, NULL);
	uint32_t second = request(fixture, UID_OWNER, ACTION_COPY, NULL);

	approve(fixture, first, UID_LEAD);
	approve(fixture, second, UID_SECOND);
	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), EACCES);
	approve(fixture, first, UID_SECOND);
	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), 0);
	gate_view_close(view);
}

static void an_approval_of_one_class_shows_no_other(void **state)
{
	static const char BY_CLASS[] =
		"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
		"    why: Owners see what is there.\n"
		"  - id: with-approval\n    permit: [copy, unmask]\n    who: [owner]\n"
		"    needs: {approvals: {count: 1, from: [lead], valid: 2h}}\n"
		"    why: A lead has to look at it.\n";
	static const struct {
		const char *class;
		bool shows_mail;
	} ROWS[] = {
		{"phone", false},
		{"of-an-older-policy", false},
		{"email", true},
	};
	struct fixture *fixture = *state;
	char text[64];

	fixture_text(fixture, "open/mail.txt", "kim.lee@example.org\n");
	fixture_policy(fixture, 2, BY_CLASS);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	approve(fixture, request(fixture, UID_OWNER, ACTION_COPY, NULL), UID_LEAD);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		approve(fixture,
			request_of(fixture, UID_OWNER, ACTION_UNMASK, ROWS[i].class, "/open"),
			UID_LEAD);
		uint64_t handle = opened(view, "RMA-1/open/mail.txt");

		assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0);
		if ((strstr(text, "kim.lee") != NULL) != ROWS[i].shows_mail)
			fail_msg("%s: %s", ROWS[i].class, text);
		gate_release(view, handle);
	}
	gate_view_close(view);
}

/* The head says that uid 61003 is a lead; this one says otherwise, from a day on. */
static void set_people(struct fixture *fixture, int serial, const char *lead)
{
	char text[8192];

	snprintf(text, sizeof(text),
		 "bailee: 1\nname: test\nserial: %d\ntimezone: UTC\nuses: [builtin/baseline]\n"
		 "people:\n  'uid:61001': {roles: [owner]}\n  'uid:61003': {%s}\n"
		 "  'uid:61004': {roles: [lead], training_expires: 2030-01-01}\n"
		 "roles:\n  owner: {}\n  lead: {requires: [training]}\n  clerk: {}\n"
		 "detect: {sets: [contact], customer: true}\n"
		 "defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n%s",
		 serial, lead, BY_APPROVAL);
	fixture_policy_text(fixture, text);
}

static void an_approval_goes_with_its_givers_role(void **state)
{
	struct fixture *fixture = *state;
	/* 2026-09-21 is today: the training lasts through it. */
	int64_t midnight = NOW - NOW % 86400 + 86400;

	set_people(fixture, 2, "roles: [lead], training_expires: 2026-09-21");
	atomic_store(&fixture->now, midnight - 60);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	approve(fixture, request(fixture, UID_OWNER, ACTION_COPY, NULL), UID_LEAD);
	uint64_t handle = opened(view, "RMA-1/open/note.txt");

	assert_int_equal(read_again(view, handle), 0);
	assert_true(gate_tick(fixture->gate, midnight - 60) <= midnight);
	atomic_store(&fixture->now, midnight);
	assert_int_equal(read_again(view, handle), ESTALE);
	gate_release(view, handle);
	/* Trained again: the approval is still valid, and counts again. */
	set_people(fixture, 3, "roles: [lead], training_expires: 2026-12-31");
	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), 0);
	set_people(fixture, 4, "roles: [clerk]");
	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), EACCES);
	gate_view_close(view);
}

static void an_approval_counts_after_a_restart(void **state)
{
	struct fixture *fixture = *state;

	approve(fixture, request(fixture, UID_OWNER, ACTION_COPY, "/open"), UID_LEAD);
	fixture_restart(fixture);
	fixture_policy(fixture, 2, BY_APPROVAL);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	assert_int_equal(try_open(view, "RMA-1/open/note.txt"), 0);
	assert_int_equal(try_open(view, "RMA-1/other/note.txt"), EACCES);
	gate_view_close(view);
}

/* ---- what cannot be read ------------------------------------------------------------------------------ */

static void spoil(struct fixture *fixture)
{
	char path[256];
	uint8_t byte;

	snprintf(path, sizeof(path), "%s/store/devices/RMA-1/facts.sealed", fixture->root);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	off_t end = lseek(fd, -1, SEEK_END);

	assert_true(end > 0);
	assert_int_equal(pread(fd, &byte, 1, end), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, end), 1);
	close(fd);
}

static void a_device_whose_facts_are_spoilt_is_closed_with_an_event(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view_request request = {
		.uid = UID_OWNER, .gid = UID_OWNER, .login_uid = UINT32_MAX};
	struct gate_question question = {
		.uid = UID_OWNER, .gid = UID_OWNER, .action = ACTION_LIST, .device = "RMA-1"};
	struct gate_view *view = NULL;
	char rule[BL_RULE_ID_SIZE];
	struct bl_error why = {""};

	consent(fixture, "repair", true);
	spoil(fixture);
	fixture_restart(fixture);
	fixture_policy(fixture, 2, HEAD_LISTS);
	assert_int_equal(gate_view_open(fixture->gate, &request, &view, &why), BL_FORBIDDEN);
	assert_int_equal(gate_ask(fixture->gate, &question, rule, &why), BL_FORBIDDEN);
	assert_string_equal(rule, "gate");
	assert_int_equal(logged(fixture, AUDIT_SOURCE_ERROR, AUDIT_FAILED_VERDICT, "gate"), 1);
}

/* ---- people ---------------------------------------------------------------------------------------------- */

static void whom_no_namespace_names_is_nobody_whatever_the_policy_says(void **state)
{
	static const char NOBODY[] =
		"bailee: 1\nname: test\nserial: 2\ntimezone: UTC\nuses: [builtin/baseline]\n"
		"people:\n  'uid:%u': {roles: [owner]}\nroles:\n  owner: {}\n"
		"detect: {sets: [contact], customer: true}\n"
		"defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n"
		"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
		"    why: Owners see what is there.\n";
	struct fixture *fixture = *state;
	char text[2048];
	struct bl_error why = {""};
	uid_t nobody = fixture->gate->nobody;

	snprintf(text, sizeof(text), NOBODY, (unsigned)nobody);
	fixture_policy_text(fixture, text);

	struct gate_view_request request = {.uid = nobody, .gid = nobody, .login_uid = UINT32_MAX};
	struct gate_view *view = NULL;

	assert_int_equal(gate_view_open(fixture->gate, &request, &view, &why), BL_FORBIDDEN);
	/* Any other uid with such a key is somebody. */
	fixture->gate->nobody = UID_STRANGER;
	assert_int_equal(gate_view_open(fixture->gate, &request, &view, &why), BL_OK);
	gate_view_close(view);
}

static void asking_for_people_again_changes_nothing_when_they_are_the_same(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t epoch = gate_view_epoch(view);

	gate_refresh_people(fixture->gate);
	assert_int_equal(gate_view_epoch(view), epoch);
	assert_int_equal(do_walk(view, "RMA-1/open", &(uint64_t){0}), 0);
	gate_view_close(view);
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, with_files, fixture_without)
	const struct CMUnitTest tests[] = {
		WITH_FILES(only_views_that_a_change_bears_on_decide_again),
		WITH_FILES(consent_opens_and_its_withdrawal_closes),
		WITH_FILES(consent_is_known_after_a_restart),
		WITH_FILES(a_check_counts_for_an_hour_and_for_who_made_it),
		WITH_FILES(an_approval_opens_for_as_long_as_it_is_valid),
		WITH_FILES(only_approvals_of_ones_own_requests_by_who_may_give_them_count),
		cmocka_unit_test(an_approval_covers_its_path_and_what_is_below),
		WITH_FILES(a_path_is_matched_by_the_name_that_was_seen),
		WITH_FILES(two_givers_are_needed_where_two_are_asked_for),
		WITH_FILES(an_approval_of_one_class_shows_no_other),
		WITH_FILES(an_approval_goes_with_its_givers_role),
		WITH_FILES(an_approval_counts_after_a_restart),
		WITH_FILES(a_device_whose_facts_are_spoilt_is_closed_with_an_event),
		WITH_FILES(whom_no_namespace_names_is_nobody_whatever_the_policy_says),
		WITH_FILES(asking_for_people_again_changes_nothing_when_they_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
