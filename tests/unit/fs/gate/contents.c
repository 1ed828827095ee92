#include "tests/unit/fs/gate/fixture.h"

#include <sched.h>

#include "fs/gate/private.h"

static void *drop_device(void *context)
{
	gate_device_drop(context, "RMA-1");
	return NULL;
}

/* An open that was judged before the drop and comes after it: who drops would wait for its handle for ever. */
static void a_handle_that_comes_after_a_drop_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t node;
	struct gate_handle *handle = handle_new();
	struct gate_device *still;
	pthread_t dropping;

	assert_non_null(handle);
	assert_int_equal(do_walk(view, "RMA-1/open/note.txt", &node), 0);
	handle->device = gate_device_of(fixture->gate, node);
	assert_int_equal(pthread_create(&dropping, NULL, drop_device, fixture->gate), 0);
	while ((still = gate_device_of(fixture->gate, node))) {
		gate_device_unref(still);
		sched_yield();
	}
	assert_false(handle_add(view, handle));
	assert_null(view->handles);
	handle_free(handle);
	assert_int_equal(pthread_join(dropping, NULL), 0);
	gate_view_close(view);
}

/* Stands for a change while a listing is under way: the real one waits for the lock that is held here. */
static bool view_moves_on(void *context, const char *name, const struct gate_attr *attr,
			  uint64_t next_offset)
{
	struct gate_view *view = context;

	(void)name, (void)attr, (void)next_offset;
	atomic_fetch_add(&view->epoch, 1);
	return true;
}

static void a_listing_of_devices_is_as_old_as_its_first_name(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_caller caller = caller_uid(UID_OWNER);
	struct device second = {.kind = DEVICE_LAPTOP, .enrolled_unix = 1, .id = "RMA-2"};
	struct waited opening, listing;

	snprintf(second.source, sizeof(second.source), "%s", fixture->source);
	assert_int_equal(device_enroll(fixture->store, &second, NULL, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-2");
	waited_begin(&opening);
	gate_opendir(view, &caller, GATE_ROOT, &opening.reply);
	assert_int_equal(waited_end(&opening), 0);
	uint64_t before = gate_view_epoch(view);

	waited_begin(&listing);
	gate_readdir(view, &caller, opening.reply.handle, 0, view_moves_on, view, &listing.reply);
	assert_int_equal(waited_end(&listing), 0);
	assert_int_equal(listing.reply.length, 3); /* and the notice */
	assert_int_equal(listing.reply.epoch, before);
	gate_release(view, opening.reply.handle);
	gate_view_close(view);
}

/* ---- what is in a file --------------------------------------------------------------------------------- */

#define LARGE ((3u << 20) + 4321u) /* three looks and a bit */

static const char NO_CARDS[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    why: Owners copy the masked view.\n"
	"  - id: no-cards\n    forbid: [copy]\n    who: everyone\n"
	"    what: {contains: [card]}\n    why: Numbers of cards stay here.\n";
static const char CARDS_ONLY[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n"
	"  - id: cards-only\n    permit: [copy]\n    who: [owner]\n"
	"    what: {contains: [card]}\n    why: Only what has a card in it.\n";
static const char NO_PASSPORTS[] =
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners see what is there.\n"
	"  - id: owner-copies\n    permit: [copy]\n    who: [owner]\n"
	"    why: Owners copy the masked view.\n"
	"  - id: no-passports\n    forbid: [copy]\n    who: everyone\n"
	"    what: {contains: [passport]}\n    why: Passports stay here.\n";

static char *plain_text(size_t size)
{
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = i % 61 == 60 ? '\n' : (char)('a' + i * 7 % 26);
	return text;
}

static int with_large_files(void **state)
{
	struct fixture *fixture = fixture_begin(state);
	char *text = plain_text(LARGE);

	fixture_file(fixture, "open/plain.txt", text, LARGE);
	memcpy(text + LARGE - 100, " 4111 1111 1111 1111 ", 21);
	fixture_file(fixture, "open/card.txt", text, LARGE);
	text[LARGE - 200] = 0;
	fixture_file(fixture, "open/holed.txt", text, LARGE);
	fixture_text(fixture, "open/empty.txt", "");
	free(text);
	fixture_file(fixture, "open/raw.bin",
		     "\x7f"
		     "ELF\0\1\2\3",
		     8);
	fixture_end(fixture, NO_CARDS);
	return 0;
}

static void what_is_in_a_file_decides_once_it_is_known(void **state)
{
	static const struct {
		const char *path, *rules;
		int error;
		enum audit_verdict verdict;
		const char *rule;
	} ROWS[] = {
		{"plain.txt", NO_CARDS, 0, AUDIT_PERMITTED, "owner-copies"},
		{"empty.txt", NO_CARDS, 0, AUDIT_PERMITTED, "owner-copies"},
		{"card.txt", NO_CARDS, EACCES, AUDIT_DENIED, "no-cards"},
		{"holed.txt", NO_CARDS, EACCES, AUDIT_DENIED, "no-cards"}, /* never known */
		{"raw.bin", NO_CARDS, EACCES, AUDIT_DENIED, "no-cards"},
		{"plain.txt", CARDS_ONLY, EACCES, AUDIT_DENIED, "default"},
		{"card.txt", CARDS_ONLY, 0, AUDIT_PERMITTED, "cards-only"},
		{"plain.txt", NO_PASSPORTS, 0, AUDIT_PERMITTED, "owner-copies"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char path[64];
		uint64_t handle;

		fixture_policy(fixture, (int)i + 2, ROWS[i].rules);
		struct gate_view *view = fixture_view(fixture, UID_OWNER);
		size_t before = logged(fixture, AUDIT_OPEN, ROWS[i].verdict, ROWS[i].rule);

		snprintf(path, sizeof(path), "RMA-1/open/%s", ROWS[i].path);
		int error = do_open_path(view, path, &handle);
		size_t after = logged(fixture, AUDIT_OPEN, ROWS[i].verdict, ROWS[i].rule);

		if (error != ROWS[i].error || after != before + 1)
			fail_msg("row %zu, %s: %s", i, path, strerror(error));
		gate_view_close(view);
	}
}

static void who_has_no_time_goes_on_where_the_last_one_stopped(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_view *other = fixture_view(fixture, UID_OWNER);
	char text[4096];
	uint64_t handle;

	fixture->gate->look_ms = 0; /* a MiB an open */
	assert_int_equal(do_open_path(view, "RMA-1/open/plain.txt", &handle), EACCES);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_WITHHELD, "builtin/unscanned"), 1);
	do_why(view, walked(view, "RMA-1/open/plain.txt"), text, sizeof(text));
	assert_non_null(strstr(text, "copy is withheld by builtin/unscanned"));
	assert_non_null(strstr(text, "being looked through, 33 %"));
	assert_int_equal(do_open_path(other, "RMA-1/open/plain.txt", &handle), EACCES);
	do_why(view, walked(view, "RMA-1/open/plain.txt"), text, sizeof(text));
	assert_non_null(strstr(text, "being looked through, 66 %"));
	assert_int_equal(do_open_path(view, "RMA-1/open/plain.txt", &handle), EACCES);
	assert_int_equal(do_open_path(view, "RMA-1/open/plain.txt", &handle), 0);
	gate_release(view, handle);
	assert_int_equal(do_open_path(other, "RMA-1/open/plain.txt", &handle), 0);
	gate_view_close(view);
	gate_view_close(other);
}

static void a_policy_that_does_not_ask_looks_through_nothing(void **state)
{
	struct fixture *fixture = *state;

	fixture_policy(fixture, 2, OWNER_COPIES);
	fixture->gate->look_ms = 0;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/plain.txt");
	struct gate_handle *known = (struct gate_handle *)(uintptr_t)handle;

	assert_int_equal(atomic_load(&known->file->looked_bytes), 0);
	/* A policy that asks now finds out nothing more until somebody opens: the handle is lost. */
	char byte[2];

	assert_int_equal(do_read_text(view, handle, byte, sizeof(byte)), 0);
	fixture_policy(fixture, 3, NO_CARDS);
	assert_int_equal(do_read_text(view, handle, byte, sizeof(byte)), ESTALE);
	gate_view_close(view);
}

/* ---- what is looked for ------------------------------------------------------------------------------- */

static void set_pattern(struct fixture *fixture, int serial, const char *pattern)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "bailee: 1\nname: test\nserial: %d\ntimezone: UTC\nuses: [builtin/baseline]\n"
		 "people:\n  'uid:61001': {roles: [owner]}\nroles:\n  owner: {}\n"
		 "detect:\n  sets: [contact]\n  customer: true\n"
		 "  custom: {loyalty-card: {pattern: '%s', example: 'LC-12345678'}}\n"
		 "defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n"
		 "  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
		 "    why: Owners copy the masked view.\n",
		 serial, pattern);
	fixture_policy_text(fixture, text);
}

static void a_pattern_that_changes_is_looked_for_from_then_on(void **state)
{
	struct fixture *fixture = *state;
	char text[128];

	fixture_text(fixture, "open/cards.txt", "LC-12345678 and LC-123456789\n");
	set_pattern(fixture, 2, "LC-[0-9]{8}");
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/cards.txt"), same;

	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0);
	assert_null(strstr(text, "LC-12345678 "));
	set_pattern(fixture, 3, "LC-[0-9]{8}");
	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0); /* it stays open */
	set_pattern(fixture, 4, "LC-[0-9]{8,9}");
	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), ESTALE);
	assert_int_equal(do_open_path(view, "RMA-1/open/cards.txt", &same), 0);
	assert_int_equal(do_read_text(view, same, text, sizeof(text)), 0);
	assert_null(strstr(text, "12345678"));
	assert_int_equal(strcspn(text, "9"), strlen(text));
	gate_view_close(view);
}

/* ---- where data begin --------------------------------------------------------------------------------- */

static int do_seek(struct gate_view *view, uint32_t uid, uint64_t handle, uint64_t offset,
		   bool is_hole, uint64_t *out_offset)
{
	struct gate_caller caller = caller_uid(uid);
	struct waited waited;

	waited_begin(&waited);
	gate_seek(view, &caller, handle, offset, is_hole, &waited.reply);
	int error = waited_end(&waited);

	*out_offset = waited.reply.offset;
	return error;
}

static void a_seek_is_judged_and_logged_like_a_read(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/note.txt"), at;
	uint64_t notice = opened(view, "READ ME.txt");
	char text[128];

	assert_int_equal(do_read_text(view, handle, text, sizeof(text)), 0);
	size_t size = strlen(text);
	size_t reads = logged(fixture, AUDIT_READ, AUDIT_PERMITTED, "owner-copies");

	assert_int_equal(do_seek(view, UID_OWNER, handle, 3, false, &at), 0);
	assert_int_equal(at, 3);
	assert_int_equal(do_seek(view, UID_OWNER, handle, 3, true, &at), 0);
	assert_int_equal(at, size);
	assert_int_equal(do_seek(view, UID_OWNER, handle, size, false, &at), ENXIO);
	assert_int_equal(logged(fixture, AUDIT_READ, AUDIT_PERMITTED, "owner-copies"), reads + 3);
	assert_int_equal(do_seek(view, UID_OWNER, notice, 1, false, &at), 0);
	assert_int_equal(at, 1);
	assert_int_equal(do_seek(view, UID_OWNER, notice, 1 << 20, true, &at), ENXIO);
	assert_int_equal(do_seek(view, UID_OWNER + 1, handle, 3, false, &at), EACCES);
	fixture_policy(fixture, 2, CARDS_ONLY);
	assert_int_equal(do_seek(view, UID_OWNER, handle, 3, false, &at), ESTALE);
	assert_int_equal(logged(fixture, AUDIT_READ, AUDIT_PERMITTED, "owner-copies"), reads + 3);
	gate_release(view, handle);
	gate_release(view, notice);
	gate_view_close(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_seek_is_judged_and_logged_like_a_read,
						fixture_with_note, fixture_without),
		cmocka_unit_test_setup_teardown(a_handle_that_comes_after_a_drop_is_refused,
						fixture_with_note, fixture_without),
		cmocka_unit_test_setup_teardown(a_listing_of_devices_is_as_old_as_its_first_name,
						fixture_with_note, fixture_without),
		cmocka_unit_test_setup_teardown(what_is_in_a_file_decides_once_it_is_known,
						with_large_files, fixture_without),
		cmocka_unit_test_setup_teardown(who_has_no_time_goes_on_where_the_last_one_stopped,
						with_large_files, fixture_without),
		cmocka_unit_test_setup_teardown(a_policy_that_does_not_ask_looks_through_nothing,
						with_large_files, fixture_without),
		cmocka_unit_test_setup_teardown(a_pattern_that_changes_is_looked_for_from_then_on,
						fixture_with_note, fixture_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
