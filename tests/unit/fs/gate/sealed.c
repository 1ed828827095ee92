/* sealed.c - a device whose image is sealed, and what is said of it when it cannot be opened */
#include "tests/unit/fs/find-program.h"
#include "tests/unit/fs/gate/fixture.h"

#include <sodium.h>

#include "fs/vault/sealed.h"

static const char BUSY[] = "its image is being worked on";

struct sealing {
	struct fixture fixture;
	int folder; /* of the device in the store */
};

static void must(enum bl_status status, const struct bl_error *why)
{
	if (status != BL_OK)
		fail_msg("%s: %s", bl_status_name(status), why->text);
}

/* One group of zeros: a volume that nobody knows, which is enough to be opened. */
static void seal(struct sealing *sealing)
{
	struct vault *vault = device_store_vault(sealing->fixture.store);
	uint8_t *root = sodium_malloc(VAULT_KEY);
	uint8_t digest[32] = {1};
	struct sealed_writer *writer = NULL;
	struct bl_error why = {""};

	assert_non_null(root);
	must(vault_image_root(vault, "RMA-1", root, &why), &why);
	must(sealed_create(sealing->folder, "RMA-1", root, SEALED_GROUP, SEALED_XCHACHA20, &writer,
			   &why),
	     &why);
	must(sealed_skip(writer, 1, &why), &why);
	must(sealed_finish(writer, NULL, 0, digest, &why), &why);
	sealed_writer_close(writer);
	sodium_free(root);
}

static void enroll(struct fixture *fixture)
{
	static const char RECORD[] = "received: 2026-09-01\nmaker: Acme\nmodel: One\nserial: A1\n"
				     "customer:\n  name: Ottoline Quessenberry\n";
	struct device_record record;
	struct device *device = calloc(1, sizeof(*device));
	struct bl_error why = {""};

	assert_non_null(device);
	must(device_record_parse(RECORD, sizeof(RECORD) - 1, &record, &why), &why);
	strcpy(device->id, "RMA-1");
	device->kind = DEVICE_LAPTOP;
	device->enrolled_unix = NOW;
	device->source_kind = SOURCE_SEALED;
	must(device_enroll(fixture->store, device, &record, &why), &why);
	device_record_done(&record);
	free(device);
}

static int setup(void **state)
{
	struct sealing *sealing = calloc(1, sizeof(*sealing));
	struct fixture *fixture = &sealing->fixture;
	struct bl_error why = {""};

	assert_non_null(sealing);
	*state = sealing;
	fixture_bare(fixture);
	assert_true(find_reader(fixture->reader, sizeof(fixture->reader)));
	must(sealed_hot_new(4 << 20, &fixture->hot, &why), &why);
	enroll(fixture);
	must(device_folder(fixture->store, "RMA-1", &sealing->folder, &why), &why);
	return 0;
}

static int teardown(void **state)
{
	struct sealing *sealing = *state;

	close(sealing->folder);
	fixture_done(&sealing->fixture);
	sealed_hot_free(sealing->fixture.hot);
	free(sealing);
	return 0;
}

static void serve(struct sealing *sealing)
{
	fixture_gate(&sealing->fixture);
	fixture_policy(&sealing->fixture, 1, OWNER_COPIES);
}

static void flip_all(struct sealing *sealing, const char *name)
{
	char path[64];
	uint8_t bytes[16384];

	snprintf(path, sizeof(path), "image/%s", name);
	BL_CLEANUP(fd_close) int fd = openat(sealing->folder, path, O_RDWR | O_CLOEXEC);
	ssize_t length = pread(fd, bytes, sizeof(bytes), 0);
	assert_true(length > 1000);
	for (ssize_t i = 1000; i < length; i++)
		bytes[i] ^= 1;
	for (ssize_t i = 64; i < 128; i++)
		bytes[i] ^= 1;
	assert_int_equal(pwrite(fd, bytes, (size_t)length, 0), length);
}

static void change_header(struct sealing *sealing)
{
	flip_all(sealing, "header");
}

static void lose_index(struct sealing *sealing)
{
	assert_int_equal(unlinkat(sealing->folder, "image/index", 0), 0);
}

static void lose_reader(struct sealing *sealing)
{
	strcpy(sealing->fixture.reader, "/nonexistent/bailee-reader");
}

static void lose_room(struct sealing *sealing)
{
	sealed_hot_free(sealing->fixture.hot);
	sealing->fixture.hot = NULL;
}

static void expect_notice(struct sealing *sealing, const char *path, const char *words)
{
	struct gate_view *view = fixture_view(&sealing->fixture, UID_OWNER);
	uint64_t handle = opened(view, path);
	char got[512] = "";
	size_t length;

	assert_int_equal(do_read(view, UID_OWNER, handle, 0, got, sizeof(got) - 1, 4096, &length),
			 0);
	if (!strstr(got, words))
		fail_msg("'%s' is not in: %s", words, got);
	gate_view_close(view);
}

struct telling {
	const char *words;
	size_t count;
};

static bool count_words(void *context, const struct audit_record *record)
{
	struct telling *telling = context;

	if (record->event.op != AUDIT_SOURCE_ERROR)
		return true;
	telling->count += strstr(record->event.detail, telling->words) != NULL;
	return true;
}

/* What everybody is told is an event as well, once. */
static void expect_told(struct sealing *sealing, const char *words)
{
	struct telling telling = {.words = words};
	BL_CLEANUP(fd_close)
	int fd = openat(device_store_fd(sealing->fixture.store), "log",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(audit_scan(fd, count_words, &telling, NULL), BL_OK);
	assert_int_equal(telling.count, 1);
}

static void notice_says_why_a_sealed_image_is_shut(void **state)
{
	static const struct {
		bool is_complete;
		void (*harm)(struct sealing *sealing);
		const char *words;
	} ROWS[] = {
		{false, NULL, "its intake is not complete"},
		{true, lose_room, "there is not enough memory for it, locked or other"},
		{true, change_header,
		 "its sealed image does not verify: changed, or an older copy"},
		{true, lose_index, "its sealed image does not verify: changed, or an older copy"},
		{true, lose_reader, "the reader cannot be started"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct sealing *sealing;
		struct bl_error why = {""};

		if (i > 0)
			setup(state);
		sealing = *state;
		seal(sealing);
		if (ROWS[i].is_complete)
			must(device_complete(sealing->fixture.store, "RMA-1", SEALED_GROUP, &why),
			     &why);
		if (ROWS[i].harm)
			ROWS[i].harm(sealing);
		serve(sealing);
		expect_notice(sealing, "RMA-1/NOTICE.txt", ROWS[i].words);
		expect_told(sealing, ROWS[i].words);
		if (i + 1 < BL_COUNT(ROWS))
			teardown(state);
	}
}

static void image_that_was_being_worked_on_is_opened_afterwards(void **state)
{
	struct sealing *sealing = *state;
	struct device_store *store = sealing->fixture.store;
	struct bl_error why = {""};
	uint64_t node;

	seal(sealing);
	must(device_complete(store, "RMA-1", SEALED_GROUP, &why), &why);
	must(device_shred_claim(store, "RMA-1", &why), &why);
	serve(sealing);
	struct gate_view *view = fixture_view(&sealing->fixture, UID_OWNER);
	assert_int_equal(do_walk(view, "RMA-1/NOTICE.txt", &node), EBUSY);
	expect_told(sealing, BUSY);
	device_shred_unclaim(store, "RMA-1");
	gate_view_close(view);
	expect_notice(sealing, "RMA-1/p1-unreadable/NOTICE.txt", "no filesystem known here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(notice_says_why_a_sealed_image_is_shut, setup,
						teardown),
		cmocka_unit_test_setup_teardown(image_that_was_being_worked_on_is_opened_afterwards,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
