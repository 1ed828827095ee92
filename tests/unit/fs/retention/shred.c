#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/device/matters.h"
#include "tests/unit/fs/retention/fixture.h"

#define READY(fixture)                                                                             \
	do {                                                                                       \
		if (!(fixture)->has_mount)                                                         \
			skip();                                                                    \
	} while (0)

static int set_up_on(void **state, bool is_xfs)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	if (geteuid() == 0) {
		(void)(is_xfs ? mount_disk_xfs(fixture) : mount_disk(fixture, "^inline_data"));
		mount_volume(fixture, "ext4");
	}
	if (!fixture_open_store(fixture)) {
		fixture_done(fixture); /* cmocka tears down nothing that was not set up */
		return -1;
	}
	*state = fixture;
	return 0;
}

static int set_up(void **state)
{
	return set_up_on(state, false);
}

static int set_up_xfs(void **state)
{
	return set_up_on(state, true);
}

static int tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

struct looks {
	struct fixture *fixture;
	size_t planted_after_sync;
	unsigned steps;
};

static void look(void *context, const char *device, enum retention_step step)
{
	struct looks *looks = context;

	(void)device;
	looks->steps |= 1u << step;
	/* After the read-back, before the punch: only the overwrite can have taken the bytes away. */
	if (step == STEP_PUNCH)
		looks->planted_after_sync = count_planted(looks->fixture);
}

static void shred_overwrites_verifies_unlinks_and_certifies(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	sync();
	assert_true(count_planted(fixture) > 0);

	struct looks looks = {.fixture = fixture, .planted_after_sync = SIZE_MAX};
	struct retention_context context = context_of(fixture, NOW);
	struct bl_error why = {.text = ""};
	struct device device;
	char *json = NULL, *text = NULL;
	size_t length;

	context.on_step = look;
	context.step_context = &looks;
	if (retention_shred(&context, "RMA-1", &why) != BL_OK)
		fail_msg("%s", why.text);

	assert_int_equal(looks.planted_after_sync, 0);
	assert_int_equal(count_planted(fixture), 0);
	for (unsigned step = 0; step < STEP_COUNT; step++)
		assert_int_equal(looks.steps >> step & 1, machine_has(SHRED_PLAIN, step));
	assert_int_equal(access(path_of(fixture, "mnt/RMA-1.img"), F_OK), -1);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_INTENT).found, 1);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_DONE).found, 1);

	uint8_t key[VAULT_KEY];
	struct vault *vault = device_store_vault(fixture->store);

	assert_int_equal(vault_device_key(vault, "RMA-1", VAULT_RECORD, key, NULL), BL_NOT_FOUND);
	assert_int_equal(
		device_certificate_read(fixture->store, "RMA-1", ".json", &json, &length, NULL),
		BL_OK);
	assert_int_equal(retention_certificate_verify(json, length, vault_public_key(vault),
						      RETENTION_TEXT, &text, NULL),
			 BL_OK);
	assert_non_null(strstr(json, "\"category\":\"clear\""));
	assert_null(strstr(json, "purge"));
	assert_non_null(strstr(json, "\"status\":\"ERASED\""));
	assert_non_null(strstr(json, "\"type\":\"raw device\""));
	assert_non_null(strstr(text, "SN-0001"));
	free(json);
	free(text);
}

static void journal_is_gone_after_a_shred_and_nothing_is_left_to_recover(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *bytes;
	size_t length, finished = 99;

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));

	struct retention_context context = context_of(fixture, NOW);

	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_file_read(fixture->store, "RMA-1", "shred", &bytes, &length, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(finished, 0);
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_FORBIDDEN);
}

static void refused_shred_touches_nothing(void **state)
{
	static const struct {
		const char *what;
		bool is_given, is_held;
		int64_t access_unix, trusted_unix, grace_unix;
		const char *says;
	} ROWS[] = {
		{"held", true, true, NOW, NOW, 0, "held"},
		{"not due", true, false, RECEIVED + 86400, RECEIVED + 86400, 0, "not due before"},
		{"not given", false, false, NOW, NOW, 0, "not given"},
		{"due by a clock that is ahead", true, false, NOW, RECEIVED + 86400, 0,
		 "not corroborated"},
		{"within grace", true, false, NOW, NOW, NOW + 1, "another policy made it due"},
		{"within grace but for a clock that is ahead", true, false, NOW + 86400, NOW,
		 NOW + 1, "another policy made it due"},
	};
	struct fixture *fixture = *state;

	READY(fixture);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct retention_context context = context_of(fixture, ROWS[i].trusted_unix);
		struct bl_error why = {.text = ""};
		struct stat st;
		char id[16], image[32];
		uint32_t hold;

		snprintf(id, sizeof(id), "RMA-%zu", i);
		snprintf(image, sizeof(image), "mnt/RMA-%zu.img", i);
		assert_true(add_device(fixture, id, ROWS[i].is_given));
		if (ROWS[i].is_held)
			assert_int_equal(device_hold_add(fixture->store, id, 0, 0, "court order",
							 NOW, &hold, NULL),
					 BL_OK);
		/* Closed already or not: that changes nothing. */
		if (!ROWS[i].is_held && i % 2)
			assert_int_equal(device_set_state(fixture->store, id, STATE_DUE, NOW, NULL),
					 BL_OK);
		assert_int_equal(device_set_grace(fixture->store, id, ROWS[i].grace_unix, NULL),
				 BL_OK);
		context.now.access_unix = ROWS[i].access_unix;

		enum bl_status status = retention_shred(&context, id, &why);

		if (status != BL_FORBIDDEN || !strstr(why.text, ROWS[i].says))
			fail_msg("%s: %s: %s", ROWS[i].what, bl_status_name(status), why.text);
		if (stat(path_of(fixture, image), &st) != 0 || st.st_size != IMAGE_SIZE ||
		    count_events(fixture, id, AUDIT_SHRED_INTENT).found != 0)
			fail_msg("%s: something was touched", ROWS[i].what);
	}
}

static void released_hold_lets_the_shred_go_on(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context = context_of(fixture, NOW);
	uint32_t hold;

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	assert_int_equal(
		device_hold_add(fixture->store, "RMA-1", 0, 0, "dispute", NOW, &hold, NULL), BL_OK);
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(device_hold_release(fixture->store, "RMA-1", hold, NULL), BL_OK);
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
}

static void replaced_image_is_never_touched(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context = context_of(fixture, NOW);
	char first[128], second[128];

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	snprintf(first, sizeof(first), "%s/mnt/RMA-1.img", fixture->root);
	snprintf(second, sizeof(second), "%s/mnt/aside", fixture->root);
	assert_int_equal(rename(first, second), 0);
	assert_true(write_image(first, IMAGE_SIZE));
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_TAMPERED);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_INTENT).found, 0);
	assert_int_equal(access(first, F_OK), 0);
	assert_int_equal(access(second, F_OK), 0);
}

/* An inode number that is given out again, same name, same size: only the birth differs. */
static void reborn_inode_is_another_image(void **state)
{
	struct fixture *fixture = *state;
	struct device device;
	struct stat st;
	int fd;

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	if (device.source_birth_ns == 0)
		skip();
	assert_int_equal(unlink(device.source), 0);
	assert_true(write_image(device.source, IMAGE_SIZE));
	assert_int_equal(stat(device.source, &st), 0);
	if (st.st_ino != device.source_ino)
		skip();
	assert_int_equal(device_open_source(&device, O_RDONLY, &fd, NULL), BL_TAMPERED);
}

static int make_hole(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 1 << 16);

	close(fd);
	return result;
}

static int make_unwritten(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int result = fallocate(fd, 0, 2 << 20, 1 << 16);

	close(fd);
	return result;
}

static int make_link(const char *path)
{
	char other[160];

	snprintf(other, sizeof(other), "%s.link", path);
	return link(path, other);
}

static int make_append_only(const char *path)
{
	char *argv[] = {(char *)"chattr", (char *)"+a", (char *)path, NULL};

	return run_quietly(argv) ? 0 : -1;
}

static int make_journalled(const char *path)
{
	char *argv[] = {(char *)"chattr", (char *)"+j", (char *)path, NULL};

	return run_quietly(argv) ? 0 : -1;
}

static int make_nothing(const char *path)
{
	return access(path, F_OK);
}

static void source_that_cannot_be_destroyed_truthfully_is_refused(void **state)
{
	static const struct {
		const char *what;
		int (*spoil)(const char *path);
		enum bl_status status;
		const char *says;
		bool needs_resource; /* CAP_SYS_RESOURCE, which root in a container may lack */
	} ROWS[] = {
		{"plain file", make_nothing, BL_OK, "", false},
		{"hole", make_hole, BL_UNSUPPORTED, "holes", false},
		{"preallocated", make_unwritten, BL_UNSUPPORTED, "never written", false},
		{"hard link", make_link, BL_UNSUPPORTED, "hard links", false},
		{"append only", make_append_only, BL_UNSUPPORTED, "append-only", false},
		{"data journalled", make_journalled, BL_UNSUPPORTED, "journalled", true},
	};
	struct fixture *fixture = *state;

	READY(fixture);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		char name[32], path[128];

		snprintf(name, sizeof(name), "mnt/source-%zu", i);
		snprintf(path, sizeof(path), "%s", path_of(fixture, name));
		assert_true(write_image(path, 2 << 20));
		bool is_made = ROWS[i].spoil(path) == 0;

		if (!is_made && ROWS[i].needs_resource) {
			print_message("%s: cannot be made here\n", ROWS[i].what);
			continue;
		}
		if (!is_made)
			fail_msg("%s: cannot be made: %s", ROWS[i].what, strerror(errno));

		int fd = open(path, O_RDONLY | O_CLOEXEC);
		enum bl_status status = medium_check_file(fd, &why);

		close(fd);
		if (status != ROWS[i].status || !strstr(why.text, ROWS[i].says))
			fail_msg("%s: %s: %s", ROWS[i].what, bl_status_name(status), why.text);
	}
}

static void data_journalling_filesystem_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct bl_error why;

	READY(fixture);
	assert_int_equal(umount(path_of(fixture, "mnt")), 0);
	fixture->has_mount = false;

	int backing = open(path_of(fixture, "mnt.disk"), O_RDWR | O_CLOEXEC);
	int loop = loop_attach(backing);
	char link[64], loop_path[64] = "";

	assert_true(loop >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", loop);
	assert_true(readlink(link, loop_path, sizeof(loop_path) - 1) > 0);
	assert_int_equal(mount(loop_path, path_of(fixture, "mnt"), "ext4", 0, "data=journal"), 0);
	fixture->has_mount = true;
	close(loop);
	close(backing);
	assert_true(write_image(path_of(fixture, "mnt/x"), 1 << 20));

	int fd = open(path_of(fixture, "mnt/x"), O_RDONLY | O_CLOEXEC);

	assert_int_equal(medium_check_file(fd, &why), BL_UNSUPPORTED);
	assert_non_null(strstr(why.text, "data=journal"));
	close(fd);
}

static void directory_and_memory_filesystem_are_refused(void **state)
{
	static const char *const PATHS[] = {"/", "/dev/shm", "/dev/null"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(PATHS); i++) {
		int fd = open(PATHS[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (medium_check_file(fd, NULL) != BL_UNSUPPORTED)
			fail_msg("%s was not refused", PATHS[i]);
		close(fd);
	}

	int memory = memfd_create("image", MFD_CLOEXEC);

	assert_int_equal(write(memory, "x", 1), 1);
	assert_int_equal(medium_check_file(memory, NULL), BL_UNSUPPORTED);
	close(memory);
}

static void second_thread_at_the_same_shred_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context = context_of(fixture, NOW);

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	assert_int_equal(device_shred_claim(fixture->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_LOCKED);
	device_shred_unclaim(fixture->store, "RMA-1");
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
}

static void crash(void *context, const char *device, enum retention_step step)
{
	(void)context, (void)device;
	if (step == STEP_OVERWRITE)
		_exit(0);
}

/* A shred that dies behind its INTENT; the store is closed before and after. */
static void shred_until_the_crash(struct fixture *fixture)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct retention_context context;

		if (fixture_open_store(fixture)) {
			context = context_of(fixture, NOW);
			context.on_step = crash;
			(void)!retention_shred(&context, "RMA-1", NULL);
		}
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void resumed_shred_waits_for_the_disk_of_its_image(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context;
	char loop_path[32];
	struct device device;
	size_t finished = 99;
	char *json;
	size_t length;
	int keep;

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	snprintf(loop_path, sizeof(loop_path), "/dev/loop%d", fixture->loop_number);
	keep = open(loop_path, O_RDONLY | O_CLOEXEC);
	assert_true(keep >= 0);
	fixture_close_store(fixture);
	shred_until_the_crash(fixture);
	assert_int_equal(umount(path_of(fixture, "mnt")), 0);
	fixture->has_mount = false;
	assert_true(fixture_open_store(fixture));
	context = context_of(fixture, NOW);

	/* The disk is away: nothing is settled, nothing certified. */
	assert_int_not_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(finished, 0);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_DUE);
	assert_int_equal(
		device_certificate_read(fixture->store, "RMA-1", ".json", &json, &length, NULL),
		BL_NOT_FOUND);

	/* It is back: the destruction goes on to its end. */
	assert_int_equal(mount(loop_path, path_of(fixture, "mnt"), "ext4", 0, NULL), 0);
	fixture->has_mount = true;
	close(keep);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(finished, 1);
	assert_int_equal(
		device_certificate_read(fixture->store, "RMA-1", ".json", &json, &length, NULL),
		BL_OK);
	assert_non_null(strstr(json, "\"status\":\"ERASED"));
	free(json);
	assert_int_equal(count_planted(fixture), 0);
}

static enum customer_request_state erase_state(struct fixture *fixture)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;

	assert_int_equal(device_matters_read(fixture->store, "RMA-1", &matters, NULL), BL_OK);
	assert_int_equal(matters->request_count, 1);
	return matters->requests[0].state;
}

/* Somebody took the image away in between: what the customer asked for is not proven, and so not done. */
static void request_to_erase_is_not_done_by_what_was_not_erased(void **state)
{
	const struct device_customer_request request = {.kind = CUSTOMER_ERASE,
							.since_unix = RECEIVED,
							.deadline_unix = RECEIVED,
							.ticket = "T-1"};
	struct fixture *fixture = *state;
	struct retention_context context;
	struct device device;
	size_t finished = 0;

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	assert_int_equal(device_customer_request_add(fixture->store, "RMA-1", &request, NULL, NULL),
			 BL_OK);
	fixture_close_store(fixture);
	shred_until_the_crash(fixture);
	assert_int_equal(unlink(path_of(fixture, "mnt/RMA-1.img")), 0);
	assert_true(fixture_open_store(fixture));
	context = context_of(fixture, NOW);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(finished, 1);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(retention_is_erased(fixture->store, "RMA-1", NULL), BL_NOT_VERIFIED);
	assert_int_equal(erase_state(fixture), CUSTOMER_OPEN);
	/* Whoever tells the customer so ends it. */
	assert_int_equal(device_customer_request_end(fixture->store, "RMA-1", 1, CUSTOMER_REFUSED,
						     7, NOW, NULL, NULL),
			 BL_OK);
}

/* As a defragmenter does: the same file, elsewhere on the disk. */
static void move_image(void *context, const char *device, enum retention_step step)
{
	(void)device;
	if (step == STEP_OVERWRITE) {
		const char *path = path_of(context, "mnt/RMA-1.img");

		assert_int_equal(truncate(path, 0), 0);
		assert_true(write_image(path, IMAGE_SIZE));
	}
}

static void moved_image_is_not_certified_without_exception(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context = context_of(fixture, NOW);
	char *json;
	size_t length;

	READY(fixture);
	assert_true(add_device(fixture, "RMA-1", true));
	context.on_step = move_image;
	context.step_context = fixture;
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
	if (count_planted(fixture) == 0)
		skip(); /* the filesystem gave the same place again */
	assert_int_equal(
		device_certificate_read(fixture->store, "RMA-1", ".json", &json, &length, NULL),
		BL_OK);
	assert_non_null(strstr(json, "\"status\":\"ERASED_WITH_EXCEPTIONS\""));
	assert_non_null(strstr(json, "moved on its disk"));
	free(json);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(shred_overwrites_verifies_unlinks_and_certifies),
		cmocka_unit_test_setup_teardown(shred_overwrites_verifies_unlinks_and_certifies,
						set_up_xfs, tear_down),
		TEST(journal_is_gone_after_a_shred_and_nothing_is_left_to_recover),
		TEST(refused_shred_touches_nothing),
		TEST(released_hold_lets_the_shred_go_on),
		TEST(replaced_image_is_never_touched),
		TEST(reborn_inode_is_another_image),
		TEST(source_that_cannot_be_destroyed_truthfully_is_refused),
		TEST(data_journalling_filesystem_is_refused),
		TEST(directory_and_memory_filesystem_are_refused),
		TEST(second_thread_at_the_same_shred_is_refused),
		TEST(resumed_shred_waits_for_the_disk_of_its_image),
		TEST(request_to_erase_is_not_done_by_what_was_not_erased),
		TEST(moved_image_is_not_certified_without_exception),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
