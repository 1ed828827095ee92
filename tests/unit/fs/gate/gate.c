#include "tests/unit/fs/gate/fixture.h"

#include "policy/mask/mask.h"

/* ---- arrange ------------------------------------------------------------------------------------- */

static const char NOTE[] = "dear reader,\nmy card is 4111 1111 1111 1111 and my mail is "
			   "ottoline@example.org\nbye\n";

static int with_files(void **state)
{
	struct fixture *fixture = fixture_begin(state);

	fixture_directory(fixture, "closed");
	fixture_text(fixture, "open/note.txt", NOTE);
	fixture_text(fixture, "open/empty.txt", "");
	fixture_text(fixture, "open/ottoline@example.org.txt", "one\n");
	fixture_text(fixture, "open/Ottoline Quessenberry cv.txt", "two\n");
	fixture_text(fixture, "closed/secret.txt", "three\n");
	fixture_file(fixture, "open/raw.bin",
		     "\x7f"
		     "ELF\0\1\2\3",
		     8);
	char path[256];

	snprintf(path, sizeof(path), "%s/open/pointer", fixture->source);
	assert_int_equal(symlink("../closed/ottoline@example.org/x.txt", path), 0);
	fixture_end(fixture, OWNER_COPIES);
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------------ */

static void only_what_may_be_listed_is_there(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct listed listed;
	uint64_t node;

	assert_int_equal(do_list(view, GATE_ROOT, &listed), 0);
	assert_int_equal(listed.count, 2);
	assert_string_equal(listed.names[0], "RMA-1");
	assert_string_equal(listed.names[1], "READ ME.txt");
	assert_int_equal(do_list(view, walked(view, "RMA-1"), &listed), 0);
	assert_int_equal(listed.count, 1);
	assert_true(is_listed(&listed, "open"));
	assert_int_equal(do_walk(view, "RMA-1/closed", &node), ENOENT);
	assert_int_equal(do_walk(view, "RMA-1/nothing", &node), ENOENT);
	assert_int_equal(do_walk(view, "RMA-2", &node), ENOENT);
	gate_view_close(view);
	/* The denied lookup and the one of nothing answer alike; the log knows them apart. */
	assert_int_equal(logged(fixture, AUDIT_LOOKUP, AUDIT_DENIED, NULL), 1);
}

static void masked_names_are_unique_and_found_again(void **state)
{
	struct gate_view *view = fixture_view(*state, UID_OWNER);
	struct listed listed;
	uint64_t directory = walked(view, "RMA-1/open"), node;

	assert_int_equal(do_list(view, directory, &listed), 0);
	assert_int_equal(listed.count, 6);
	size_t masked = 0;

	for (size_t i = 0; i < listed.count; i++) {
		const char *name = listed.names[i];

		assert_null(strstr(name, "ottoline"));
		assert_null(strstr(name, "Quessenberry"));
		masked += mask_name_mark(name, strlen(name)) != NULL;
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(name, listed.names[k]);
		assert_int_equal(do_lookup(view, directory, name, &node), 0);
		assert_int_equal(node, listed.nodes[i]);
	}
	assert_int_equal(masked, 2);
	/* The real name leads nowhere. */
	assert_int_equal(do_lookup(view, directory, "ottoline@example.org.txt", &node), ENOENT);
	gate_view_close(view);
}

static void link_targets_are_masked(void **state)
{
	struct gate_view *view = fixture_view(*state, UID_OWNER);
	struct gate_caller caller = caller_uid(UID_OWNER);
	uint64_t node = walked(view, "RMA-1/open/pointer");
	uint8_t buffer[4096];
	struct waited waited;

	waited_begin(&waited);
	gate_readlink(view, &caller, node, buffer, sizeof(buffer), &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
	assert_memory_equal(buffer, "../closed/", 10);
	assert_null(strstr((char *)buffer, "ottoline"));
	assert_non_null(strstr((char *)buffer, "/x.txt"));
	gate_view_close(view);
}

static void nobody_of_the_policy_gets_a_view(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view_request request = {.uid = UID_STRANGER, .gid = 1, .login_uid = UINT32_MAX};
	struct gate_view *view = NULL;
	struct bl_error why = {""};

	assert_int_equal(gate_view_open(fixture->gate, &request, &view, &why), BL_FORBIDDEN);
	assert_string_not_equal(why.text, "");
	assert_int_equal(logged(fixture, AUDIT_VIEW_OPENED, AUDIT_DENIED, NULL), 1);
}

/* ---- contents --------------------------------------------------------------------------------------- */

static void contents_are_masked(void **state)
{
	struct gate_view *view = fixture_view(*state, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt");
	char got[sizeof(NOTE)] = "";
	size_t length;

	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, sizeof(NOTE), 4096, &length), 0);
	assert_int_equal(length, sizeof(NOTE) - 1);
	assert_memory_equal(got, "dear reader,\nmy card is ", 24);
	assert_null(strstr(got, "4111"));
	assert_null(strstr(got, "ottoline"));
	assert_memory_equal(got + length - 5, "\nbye\n", 5);
	gate_release(view, handle);
	gate_view_close(view);
}

static void an_empty_file_reads_as_nothing(void **state)
{
	struct gate_view *view = fixture_view(*state, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/empty.txt");
	char got[16];
	size_t length;

	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, sizeof(got), 4096, &length), 0);
	assert_int_equal(length, 0);
	gate_view_close(view);
}

static void who_may_not_copy_opens_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_CLERK);
	uint64_t node = walked(view, "RMA-1/closed/secret.txt"), handle;

	assert_int_equal(do_open(view, UID_CLERK, node, &handle), EACCES);
	assert_int_equal(handle, 0);
	gate_view_close(view);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_DENIED, NULL), 1);
}

static void what_is_not_text_is_withheld(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t node = walked(view, "RMA-1/open/raw.bin"), handle;

	assert_int_equal(do_open(view, UID_OWNER, node, &handle), EACCES);
	gate_view_close(view);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_WITHHELD, "builtin/unscanned"), 1);
}

static void why_says_rule_and_reason(void **state)
{
	struct gate_view *view = fixture_view(*state, UID_CLERK);
	uint64_t node = walked(view, "RMA-1/open/note.txt");
	char text[4097];

	do_why(view, node, text, sizeof(text));
	assert_non_null(strstr(text, "list is permitted"));
	assert_non_null(strstr(text, "clerk-lists"));
	assert_non_null(strstr(text, "copy is forbidden"));
	assert_null(strstr(text, "note"));
	gate_view_close(view);
}

/* ---- who asks ----------------------------------------------------------------------------------------- */

static void a_read_by_another_uid_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt"), other;
	char got[64];
	size_t length;

	assert_int_equal(do_read(view, UID_STRANGER, handle, 0, got, sizeof(got), 4096, &length),
			 EACCES);
	assert_int_equal(length, 0);
	assert_int_equal(do_read(view, 0, handle, 0, got, sizeof(got), 4096, &length), EACCES);
	assert_int_equal(do_open(view, 0, walked(view, "RMA-1/open/note.txt"), &other), EACCES);
	gate_view_close(view);
	assert_int_equal(logged(fixture, AUDIT_READ, AUDIT_DENIED, "builtin/one-view-one-person"),
			 2);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_DENIED, "builtin/one-view-one-person"),
			 1);
}

/* ---- changes ------------------------------------------------------------------------------------------ */

static void note_change(void *context)
{
	++*(int *)context;
}

static void a_policy_that_takes_away_revokes_handles(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt"), again;
	uint64_t node = walked(view, "RMA-1/open/note.txt");
	char got[64];
	size_t length;
	int changes = 0;

	gate_view_on_change(view, note_change, &changes);
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), 0);
	fixture_policy(fixture, 2, OWNER_LISTS);
	assert_int_equal(changes, 1);
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), ESTALE);
	assert_int_equal(length, 0);
	assert_int_equal(do_open(view, UID_OWNER, node, &again), EACCES);
	/* Given back, a lost handle stays lost; a new one opens. */
	fixture_policy(fixture, 3, OWNER_COPIES);
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), ESTALE);
	assert_int_equal(do_open(view, UID_OWNER, node, &again), 0);
	gate_view_close(view);
}

static void a_policy_that_keeps_the_permit_keeps_the_handle(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt");
	char got[64];
	size_t length;

	fixture_policy(fixture, 2, OWNER_COPIES);
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), 0);
	assert_int_equal(length, 16);
	gate_view_close(view);
}

static void an_hour_that_ends_revokes_handles(void **state)
{
	static const char HOURS[] =
		"  - id: owner-hours\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
		"    when: {hours: Mon-Sun 00:00-23:00}\n    why: Owners work by day.\n";
	struct fixture *fixture = *state;
	int64_t midnight = NOW - NOW % 86400;

	atomic_store(&fixture->now, midnight + 22 * 3600);
	fixture_policy(fixture, 2, HOURS);
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt");
	char got[64];
	size_t length;

	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), 0);
	/* Nobody ticked: the read itself sees that the hour is over. */
	atomic_store(&fixture->now, midnight + 23 * 3600);
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), ESTALE);
	gate_view_close(view);
}

static void a_due_device_shows_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt"), node;
	struct listed listed;
	char got[64];
	size_t length;

	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), ESTALE);
	assert_int_equal(do_walk(view, "RMA-1", &node), ENOENT);
	assert_int_equal(do_list(view, GATE_ROOT, &listed), 0);
	assert_int_equal(listed.count, 1); /* the notice */
	gate_view_close(view);
}

static void a_dropped_device_lets_go_of_everything(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt");
	uint64_t node = walked(view, "RMA-1/open/note.txt"), again;
	struct listed listed;
	char got[64];
	size_t length;

	/* Returns only when nothing is open any more, a handle or not. */
	gate_device_drop(fixture->gate, "RMA-1");
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), ESTALE);
	assert_int_equal(do_open(view, UID_OWNER, node, &again), ESTALE);
	assert_int_equal(do_list(view, GATE_ROOT, &listed), 0);
	assert_int_equal(listed.count, 1); /* the notice */
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_not_equal(walked(view, "RMA-1/open/note.txt"), node);
	gate_release(view, handle);
	gate_view_close(view);
}

struct going_on {
	struct gate_view *view;
	atomic_bool is_over;
	atomic_ulong done;
};

static void *go_on(void *context)
{
	struct going_on *going = context;
	char text[sizeof(NOTE)];
	size_t length;

	while (!atomic_load(&going->is_over)) {
		uint64_t handle = opened(going->view, "RMA-1/open/note.txt");

		assert_int_equal(do_read(going->view, UID_OWNER, handle, 0, text, sizeof(text),
					 sizeof(text), &length),
				 0);
		assert_int_equal(length, sizeof(NOTE) - 1);
		assert_null(memmem(text, length, "4111", 4));
		gate_release(going->view, handle);
		atomic_fetch_add(&going->done, 1);
	}
	return NULL;
}

static void policies_that_say_the_same_disturb_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct going_on going = {.view = fixture_view(fixture, UID_OWNER)};
	struct gate_view *other = fixture_view(fixture, UID_CLERK);
	pthread_t threads[2];

	for (size_t i = 0; i < BL_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, go_on, &going), 0);
	/* As many changes as there are between a hundred requests, of every kind. */
	for (int serial = 2; atomic_load(&going.done) < 100; serial++) {
		fixture_policy(fixture, serial, OWNER_COPIES);
		gate_device_changed(fixture->gate, "RMA-1");
		gate_refresh_people(fixture->gate);
		(void)gate_tick(fixture->gate, NOW);
	}
	atomic_store(&going.is_over, true);
	for (size_t i = 0; i < BL_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	gate_view_close(going.view);
	gate_view_close(other);
}

/* ---- the log ---------------------------------------------------------------------------------------------- */

static void without_a_log_nothing_is_revealed(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt"), node;
	char got[64];
	size_t length;

	atomic_store(&fixture->is_sync_broken, true);
	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, 16, 4096, &length), EIO);
	assert_int_equal(length, 0);
	assert_int_equal(do_walk(view, "RMA-1", &node), EIO);
	assert_int_equal(node, 0);
	assert_int_equal(do_open(view, UID_OWNER, GATE_ROOT, &node), EIO);
	gate_view_close(view);
}

/* ---- what cannot be opened ---------------------------------------------------------------------------------- */

static void a_device_that_cannot_be_opened_holds_a_notice(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view;
	char moved[128];

	snprintf(moved, sizeof(moved), "%s.away", fixture->source);
	assert_int_equal(rename(fixture->source, moved), 0);
	view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/NOTICE.txt");
	char got[512] = "";
	size_t length;

	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, sizeof(got) - 1, 4096, &length),
			 0);
	assert_non_null(strstr(got, "cannot be opened"));
	gate_view_close(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_what_may_be_listed_is_there, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(masked_names_are_unique_and_found_again, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(link_targets_are_masked, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(nobody_of_the_policy_gets_a_view, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(contents_are_masked, with_files, fixture_without),
		cmocka_unit_test_setup_teardown(an_empty_file_reads_as_nothing, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(who_may_not_copy_opens_nothing, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(what_is_not_text_is_withheld, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(why_says_rule_and_reason, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(a_read_by_another_uid_is_refused, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(a_policy_that_takes_away_revokes_handles,
						with_files, fixture_without),
		cmocka_unit_test_setup_teardown(a_policy_that_keeps_the_permit_keeps_the_handle,
						with_files, fixture_without),
		cmocka_unit_test_setup_teardown(an_hour_that_ends_revokes_handles, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(a_due_device_shows_nothing, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(a_dropped_device_lets_go_of_everything, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(policies_that_say_the_same_disturb_nobody,
						with_files, fixture_without),
		cmocka_unit_test_setup_teardown(without_a_log_nothing_is_revealed, with_files,
						fixture_without),
		cmocka_unit_test_setup_teardown(a_device_that_cannot_be_opened_holds_a_notice,
						with_files, fixture_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
