#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/device/temp.h"

static void store_is_private_but_for_passing_through(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
	} ROWS[] = {
		{"store", S_IFDIR | 0711},
		{"store/bailee.store", S_IFREG | 0600},
		{"store/keys", S_IFREG | 0600},
		{"store/devices", S_IFDIR | 0700},
		{"store/certificates", S_IFDIR | 0700},
		{"store/devices/RMA-1", S_IFDIR | 0700},
		{"store/devices/RMA-1/record", S_IFREG | 0600},
	};
	struct temp *temp = *state;
	struct stat st;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (stat(temp_path(temp, ROWS[i].name), &st) != 0 || st.st_mode != ROWS[i].mode)
			fail_msg("%s has mode %o", ROWS[i].name, st.st_mode);
}

static void second_daemon_is_locked_out(void **state)
{
	struct temp *temp = *state;
	struct device_store *second = NULL;

	assert_int_equal(device_store_open(temp->store_path, NULL, &second, NULL), BL_LOCKED);
	assert_null(second);
}

static void store_keeps_its_id_and_devices(void **state)
{
	struct temp *temp = *state;
	uint8_t id[16];
	struct device device;

	memcpy(id, device_store_id(temp->store), sizeof(id));
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_memory_equal(id, device_store_id(temp->store), sizeof(id));
	assert_int_equal(device_find(temp->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.received_unix, 1000);
	assert_int_equal(device_find(temp->store, "RMA-2", &device, NULL), BL_OK);
}

static void folder_that_is_not_empty_is_left_alone(void **state)
{
	struct temp *temp = *state;
	struct device_store *store = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/other", temp->root);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_true(put_file(temp_path(temp, "other/mine"), "x"));
	assert_int_equal(device_store_create(path, NULL, &store, NULL), BL_EXISTS);
	assert_int_equal(device_store_create(temp->store_path, NULL, &store, NULL), BL_EXISTS);
	assert_int_equal(access(temp_path(temp, "other/mine"), F_OK), 0);
	assert_int_equal(access(temp_path(temp, "other/keys"), F_OK), -1);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
}

static void store_half_made_by_a_crash_is_made_anew(void **state)
{
	struct temp *temp = *state;
	struct device_store *store = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/half", temp->root);
	assert_int_equal(mkdir(path, 0711), 0);
	assert_true(put_file(temp_path(temp, "half/bailee.store.new"), "BAIL"));
	assert_true(put_file(temp_path(temp, "half/keys"), "half"));
	assert_int_equal(mkdir(temp_path(temp, "half/devices"), 0700), 0);
	assert_int_equal(device_store_open(path, NULL, &store, NULL), BL_INVALID);
	assert_int_equal(device_store_create(path, NULL, &store, NULL), BL_OK);
	device_store_close(store);
}

static void missing_store_is_not_found(void **state)
{
	struct temp *temp = *state;
	struct device_store *store = NULL;

	assert_int_equal(device_store_open(temp_path(temp, "nowhere"), NULL, &store, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(mkdir(temp_path(temp, "empty"), 0711), 0);
	assert_int_equal(device_store_open(temp_path(temp, "empty"), NULL, &store, NULL),
			 BL_NOT_FOUND);
}

static void store_open_to_others_is_refused(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
	} ROWS[] = {
		{"store", 0755},
		{"store", 0777},
		{"store/bailee.store", 0644},
		{"store/devices", 0711},
		{"store/certificates", 0750},
		{"store/devices/RMA-1", 0755},
		{"store/devices/RMA-1/record", 0640},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct stat st;

		assert_int_equal(stat(temp_path(temp, ROWS[i].name), &st), 0);
		assert_int_equal(chmod(temp->path, ROWS[i].mode), 0);

		enum bl_status status = temp_reopen(temp, NULL);

		assert_int_equal(chmod(temp_path(temp, ROWS[i].name), st.st_mode & 07777), 0);
		if (status != BL_INVALID)
			fail_msg("%s %o: %s", ROWS[i].name, ROWS[i].mode, bl_status_name(status));
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

static void flip(const char *path, off_t at)
{
	char byte;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void every_flipped_byte_is_noticed(void **state)
{
	static const char *const FILES[] = {"store/bailee.store", "store/devices/RMA-1/record"};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(FILES); i++) {
		struct stat st;

		assert_int_equal(stat(temp_path(temp, FILES[i]), &st), 0);
		/* The four zero bytes of bailee.store lie under its checksum too. */
		for (off_t at = 0; at < st.st_size; at += 3) {
			flip(temp_path(temp, FILES[i]), at);

			enum bl_status status = temp_reopen(temp, NULL);

			flip(temp_path(temp, FILES[i]), at);
			if (status != BL_INVALID)
				fail_msg("%s byte %ld: %s", FILES[i], (long)at,
					 bl_status_name(status));
		}
	}
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
}

static void leftovers_of_a_crash_are_swept(void **state)
{
	struct temp *temp = *state;
	struct device device;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(vault_device_add(device_store_vault(temp->store), "RMA-2", NULL), BL_OK);
	assert_int_equal(mkdir(temp_path(temp, "store/devices/.new-RMA-2"), 0700), 0);
	assert_true(put_file(temp_path(temp, "store/devices/.new-RMA-2/record"), "half"));
	assert_true(put_file(temp_path(temp, "store/devices/RMA-1/record.tmp"), "half"));
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(access(temp_path(temp, "store/devices/.new-RMA-2"), F_OK), -1);
	assert_int_equal(access(temp_path(temp, "store/devices/RMA-1/record.tmp"), F_OK), -1);
	assert_int_equal(device_find(temp->store, "RMA-2", &device, NULL), BL_NOT_FOUND);
	/* Its key is there already, from before the crash. */
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
}

static void last_policy_is_kept(void **state)
{
	struct temp *temp = *state;
	char *bytes = NULL;
	size_t length;

	assert_int_equal(device_store_last_policy(temp->store, &bytes, &length, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(device_store_keep_policy(temp->store, "bailee: 1\n", 10, NULL), BL_OK);
	assert_int_equal(device_store_keep_policy(temp->store, "bailee: 2\n", 10, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_store_last_policy(temp->store, &bytes, &length, NULL), BL_OK);
	assert_int_equal(length, 10);
	assert_memory_equal(bytes, "bailee: 2\n", 10);
	free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(store_is_private_but_for_passing_through),
		TEST(second_daemon_is_locked_out),
		TEST(store_keeps_its_id_and_devices),
		TEST(folder_that_is_not_empty_is_left_alone),
		TEST(store_half_made_by_a_crash_is_made_anew),
		TEST(missing_store_is_not_found),
		TEST(store_open_to_others_is_refused),
		TEST(every_flipped_byte_is_noticed),
		TEST(leftovers_of_a_crash_are_swept),
		TEST(last_policy_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
