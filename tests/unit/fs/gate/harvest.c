/* Who is known on a device: found out before its first contents, kept sealed, believed only with its seal */
#include "tests/unit/fs/gate/fixture.h"

#include <time.h>

#include "fs/gate/private.h"

static const char CARD[] = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Thessaly Brackenridge\r\n"
			   "N:Brackenridge;Thessaly;;;\r\nEND:VCARD\r\n";
static const char LETTER[] = "The parcel went to Thessaly Brackenridge in the end.\n";
static const char MORE_COPIES[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    what: {paths: ['/**']}\n    why: Owners copy the masked view.\n";

static int with_contacts(void **state)
{
	struct fixture *fixture = fixture_begin(state);

	fixture_directory(fixture, "people");
	fixture_directory(fixture, "open/deep");
	fixture_text(fixture, "people/contacts.vcf", CARD);
	fixture_text(fixture, "open/letter.txt", LETTER);
	fixture_text(fixture, "open/deep/Thessaly Brackenridge.txt", "nothing\n");
	fixture_end(fixture, MORE_COPIES);
	return 0;
}

/* The letter as its owner reads it: open, read, close. The errno of opening. */
static int read_letter(struct fixture *fixture, char text[256])
{
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t handle, node;
	int error = ESTALE;

	text[0] = 0;
	/* A device that began anew meanwhile is walked to again, as a kernel does. */
	for (int i = 0; i < 100 && error == ESTALE; i++) {
		error = do_walk(view, "RMA-1/open/letter.txt", &node);
		if (!error)
			error = do_open(view, UID_OWNER, node, &handle);
		if (!error) {
			error = do_read_text(view, handle, text, 256);
			gate_release(view, handle);
		}
	}
	gate_view_close(view);
	return error;
}

static bool is_masked(const char *text)
{
	return !strstr(text, "Thessaly") && !strstr(text, "Brackenridge") &&
	       strstr(text, "The parcel went to ");
}

static void whoever_is_in_the_contacts_is_masked_in_the_first_letter(void **state)
{
	struct fixture *fixture = *state;
	char text[256];

	assert_int_equal(read_letter(fixture, text), 0);
	assert_true(is_masked(text));
}

static void stored(struct fixture *fixture, const char *name, char out[128])
{
	snprintf(out, 128, "%s/store/devices/RMA-1/%s", fixture->root, name);
}

static void it_is_kept_and_the_contacts_are_not_read_again(void **state)
{
	struct fixture *fixture = *state;
	char text[256], path[256], at[128];

	assert_int_equal(read_letter(fixture, text), 0);
	stored(fixture, "identities", at);
	assert_int_equal(access(at, F_OK), 0);
	/* The contacts are gone: who is known is known all the same. */
	snprintf(path, sizeof(path), "%s/people/contacts.vcf", fixture->source);
	assert_int_equal(unlink(path), 0);
	fixture_restart(fixture);
	fixture_policy(fixture, 2, MORE_COPIES);
	assert_int_equal(read_letter(fixture, text), 0);
	assert_true(is_masked(text));
	stored(fixture, "spans", at);
	assert_int_equal(access(at, F_OK), 0);
}

static void names_that_were_listed_before_are_masked_when_it_ends(void **state)
{
	struct fixture *fixture = *state;
	struct listed listed;
	char text[256];
	uint64_t node;

	fixture->gate->harvest_ms = 0; /* nobody waits for it: it ends by itself */
	struct gate_view *view = fixture_view(fixture, UID_OWNER);

	(void)do_walk(view, "RMA-1/open/deep", &node);
	assert_int_equal(read_letter(fixture, text), 0);
	assert_true(is_masked(text));
	/* A handle on what began anew is stale; the name leads to the new one. */
	assert_int_equal(do_list(view, walked(view, "RMA-1/open/deep"), &listed), 0);
	assert_int_equal(listed.count, 1);
	assert_null(strstr(listed.names[0], "Thessaly"));
	gate_view_close(view);
}

static void contents_are_withheld_as_long_as_it_lasts(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_view *clerk = fixture_view(fixture, UID_CLERK);
	uint64_t node = walked(view, "RMA-1/open/letter.txt"), handle;
	char text[4096];
	struct gate_device *device = gate_device_named(fixture->gate, "RMA-1");

	fixture->gate->look_ms = 20;
	atomic_store(&device->is_pending, true);
	atomic_store(&device->harvest_listed, 3);
	atomic_store(&device->harvest_known, 4);
	assert_int_equal(do_open(view, UID_OWNER, node, &handle), EACCES);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_WITHHELD, "builtin/unscanned"), 1);
	/* Who may not see it at all hears their own rule, at once. */
	assert_int_equal(do_open(clerk, UID_CLERK, walked(clerk, "RMA-1/open/letter.txt"), &handle),
			 EACCES);
	assert_int_equal(logged(fixture, AUDIT_OPEN, AUDIT_WITHHELD, "builtin/unscanned"), 1);
	assert_int_equal(harvest_percent(device), 75);
	atomic_store(&device->is_pending, false);
	assert_int_equal(do_open(view, UID_OWNER, node, &handle), 0);
	do_why(view, node, text, sizeof(text));
	assert_null(strstr(text, "who is known on this device"));
	atomic_store(&device->is_pending, true);
	do_why(view, node, text, sizeof(text));
	assert_non_null(strstr(text, "copy is withheld by builtin/unscanned"));
	assert_non_null(strstr(text, "being looked through, 75 %"));
	atomic_store(&device->is_pending, false);
	gate_release(view, handle);
	gate_view_close(view);
	gate_view_close(clerk);
	gate_device_unref(device);
}

static void a_policy_that_looks_for_no_people_harvests_nobody(void **state)
{
	static const char CARDS[] =
		"bailee: 1\nname: test\nserial: 2\ntimezone: UTC\nuses: [builtin/baseline]\n"
		"people:\n  'uid:61001': {roles: [owner]}\nroles:\n  owner: {}\n"
		"detect:\n  sets: [payment]\n  customer: false\n"
		"defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n"
		"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
		"    why: Owners copy.\n";
	struct fixture *fixture = *state;
	char text[256], at[128];

	fixture_policy_text(fixture, CARDS);
	assert_int_equal(read_letter(fixture, text), 0);
	assert_string_equal(text, LETTER);
	stored(fixture, "identities", at);
	assert_int_not_equal(access(at, F_OK), 0);
	/* One that does is another matter from then on. */
	fixture_policy(fixture, 3, MORE_COPIES);
	assert_int_equal(read_letter(fixture, text), 0);
	assert_true(is_masked(text));
}

static void what_cannot_be_written_counts_as_long_as_the_service_runs(void **state)
{
	struct fixture *fixture = *state;
	char text[256], at[128], inside[160];

	/* A folder of that name, not empty: nothing can be renamed onto it. */
	stored(fixture, "identities", at);
	assert_int_equal(mkdir(at, 0700), 0);
	snprintf(inside, sizeof(inside), "%s/x", at);
	assert_int_equal(mkdir(inside, 0700), 0);
	fixture->gate->harvest_ms = 0;
	assert_int_equal(read_letter(fixture, text), 0);
	assert_true(is_masked(text));
	assert_true(logged(fixture, AUDIT_SOURCE_ERROR, AUDIT_FAILED_VERDICT, NULL) >= 1);
	assert_int_equal(rmdir(inside), 0);
	assert_int_equal(rmdir(at), 0);
	fixture_restart(fixture);
	fixture_policy(fixture, 2, MORE_COPIES);
	assert_int_equal(read_letter(fixture, text), 0);
	assert_true(is_masked(text));
}

static void a_shred_takes_it_along(void **state)
{
	struct fixture *fixture = *state;
	char text[256], at[128];

	assert_int_equal(read_letter(fixture, text), 0);
	gate_device_drop(fixture->gate, "RMA-1");
	stored(fixture, "spans", at);
	assert_int_equal(access(at, F_OK), 0);
	assert_int_equal(device_forget_customer(fixture->store, "RMA-1", NULL), BL_OK);
	assert_int_not_equal(access(at, F_OK), 0);
	stored(fixture, "identities", at);
	assert_int_not_equal(access(at, F_OK), 0);
}

static void a_gate_that_closes_does_not_wait_for_it(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view;
	uint64_t node;

	for (int i = 0; i < 20; i++) {
		char name[64];

		snprintf(name, sizeof(name), "people/f%d", i);
		fixture_directory(fixture, name);
	}
	fixture->gate->harvest_ms = 0;
	view = fixture_view(fixture, UID_OWNER);
	(void)do_walk(view, "RMA-1/open", &node);
	gate_view_close(view);
	/* fixture_without closes it */
}

struct reading {
	struct fixture *fixture;
	int error;
	bool is_masked;
};

static void *read_it(void *context)
{
	struct reading *reading = context;
	char text[256];

	reading->error = read_letter(reading->fixture, text);
	reading->is_masked = is_masked(text);
	return NULL;
}

static void all_who_come_first_at_once_see_the_same(void **state)
{
	struct fixture *fixture = *state;
	struct reading readings[8];
	pthread_t threads[8];

	fixture->gate->harvest_ms = 0;
	for (size_t i = 0; i < BL_COUNT(threads); i++) {
		readings[i] = (struct reading){fixture, -1, false};
		assert_int_equal(pthread_create(&threads[i], NULL, read_it, &readings[i]), 0);
	}
	for (size_t i = 0; i < BL_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < BL_COUNT(threads); i++) {
		assert_int_equal(readings[i].error, 0);
		assert_true(readings[i].is_masked);
	}
}

/* ---- the sealed list ------------------------------------------------------------------------------------ */

static const struct detect_identity PEOPLE[] = {
	{IDENTITY_NAME, "Thessaly Brackenridge", true},
	{IDENTITY_EMAIL, "t.brackenridge@example.org", true},
	{IDENTITY_ADDRESS, "12 Ropewalk, Harwich", true},
};

struct kept_list {
	char folder[64], file[96];
	uint8_t key[VAULT_KEY];
	int fd;
};

static int with_list(void **state)
{
	struct kept_list *list = calloc(1, sizeof(*list));
	struct gate_known known;

	assert_non_null(list);
	*state = list;
	strcpy(list->folder, "/tmp/bailee-known-XXXXXX");
	assert_non_null(mkdtemp(list->folder));
	snprintf(list->file, sizeof(list->file), "%s/identities", list->folder);
	list->fd = open(list->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(people_copy(PEOPLE, BL_COUNT(PEOPLE), &known), BL_OK);
	assert_int_equal(people_write(list->fd, "RMA-1", list->key, &known), BL_OK);
	people_done(&known);
	return 0;
}

static int without_list(void **state)
{
	struct kept_list *list = *state;

	close(list->fd);
	nftw(list->folder, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(list);
	return 0;
}

static enum bl_status read_list(struct kept_list *list, const char *id, size_t *out_count)
{
	struct gate_known known;
	enum bl_status status = people_read(list->fd, id, list->key, &known);

	*out_count = known.count;
	for (size_t i = 0; i < known.count; i++) {
		assert_string_equal(known.items[i].value, PEOPLE[i].value);
		assert_int_equal(known.items[i].kind, PEOPLE[i].kind);
		assert_true(known.items[i].is_harvested);
	}
	people_done(&known);
	return status;
}

static void a_list_comes_back_as_it_was(void **state)
{
	struct kept_list *list = *state;
	size_t count;

	assert_int_equal(read_list(list, "RMA-1", &count), BL_OK);
	assert_int_equal(count, BL_COUNT(PEOPLE));
	/* Of another device, or under another key, it is none. */
	assert_int_equal(read_list(list, "RMA-2", &count), BL_NOT_FOUND);
	list->key[5] ^= 1;
	assert_int_equal(read_list(list, "RMA-1", &count), BL_NOT_FOUND);
}

static size_t slurp(const char *path, uint8_t bytes[16384])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, bytes, 16384);

	assert_true(length > 0);
	close(fd);
	return (size_t)length;
}

static void spill(const char *path, const uint8_t *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static void cut_or_flipped_anywhere_it_is_none(void **state)
{
	struct kept_list *list = *state;
	static uint8_t bytes[16384];
	size_t length = slurp(list->file, bytes), count;

	for (size_t cut = 0; cut < length; cut++) {
		spill(list->file, bytes, cut);
		assert_int_equal(read_list(list, "RMA-1", &count), BL_NOT_FOUND);
	}
	for (size_t at = 0; at < length; at++) {
		bytes[at] ^= (uint8_t)(1u << at % 8);
		spill(list->file, bytes, length);
		bytes[at] ^= (uint8_t)(1u << at % 8);
		assert_int_equal(read_list(list, "RMA-1", &count), BL_NOT_FOUND);
	}
	spill(list->file, bytes, length);
	assert_int_equal(read_list(list, "RMA-1", &count), BL_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_contacts, fixture_without)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whoever_is_in_the_contacts_is_masked_in_the_first_letter),
		TEST(it_is_kept_and_the_contacts_are_not_read_again),
		TEST(names_that_were_listed_before_are_masked_when_it_ends),
		TEST(contents_are_withheld_as_long_as_it_lasts),
		TEST(a_policy_that_looks_for_no_people_harvests_nobody),
		TEST(what_cannot_be_written_counts_as_long_as_the_service_runs),
		TEST(a_shred_takes_it_along),
		TEST(a_gate_that_closes_does_not_wait_for_it),
		TEST(all_who_come_first_at_once_see_the_same),
		cmocka_unit_test_setup_teardown(a_list_comes_back_as_it_was, with_list,
						without_list),
		cmocka_unit_test_setup_teardown(cut_or_flipped_anywhere_it_is_none, with_list,
						without_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
