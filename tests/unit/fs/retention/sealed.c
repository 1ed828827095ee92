#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>

#include "tests/unit/fs/retention/fixture.h"

#define READY(fixture)                                                                             \
	do {                                                                                       \
		if (!(fixture)->has_volume)                                                        \
			skip();                                                                    \
	} while (0)

static int set_up_on(void **state, const char *type)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	if (geteuid() == 0)
		mount_volume(fixture, type);
	if (!fixture_open_store(fixture)) {
		fixture_done(fixture); /* cmocka tears down nothing that was not set up */
		return -1;
	}
	*state = fixture;
	return 0;
}

static int set_up(void **state)
{
	return set_up_on(state, "ext4");
}

static int set_up_xfs(void **state)
{
	return set_up_on(state, "xfs");
}

static int tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static char *certificate_of(struct fixture *fixture, const char *id, const char *suffix)
{
	char *json = NULL;
	size_t length;

	if (device_certificate_read(fixture->store, id, suffix, &json, &length, NULL) != BL_OK)
		return NULL;
	assert_int_equal(retention_certificate_verify(
				 json, length, vault_public_key(device_store_vault(fixture->store)),
				 RETENTION_TEXT, NULL, NULL),
			 BL_OK);
	return json;
}

#define HOLDS(json, text)                                                                          \
	do {                                                                                       \
		if (!strstr(json, text))                                                           \
			fail_msg("no %s in %s", text, json);                                       \
	} while (0)

static bool has_image(struct fixture *fixture, const char *id)
{
	int folder = -1;

	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);

	bool is_there = faccessat(folder, SEALED_FOLDER, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	close(folder);
	return is_there;
}

/* What opens it, and what it opens, as they lie on the disk before. */
struct secrets {
	struct fixture *fixture;
	uint8_t root[VAULT_KEY];
	uint8_t slot[64], header[64], tree[64];
	size_t slots_after, headers_after, trees_after;
};

static void read_from(int folder, const char *name, off_t at, uint8_t out[64])
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, out, 64, at), 64);
	close(fd);
}

static void take_secrets(struct fixture *fixture, const char *id, struct secrets *out)
{
	char path[64];
	int folder = -1, keys = device_store_keys_fd(fixture->store);

	out->fixture = fixture;
	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);
	snprintf(path, sizeof(path), "%s/header", SEALED_FOLDER);
	read_from(folder, path, 0, out->header);
	if (out->header[64 - 1] == 0 && out->header[16] == 0)
		read_from(folder, path, 4096, out->header);
	snprintf(path, sizeof(path), "%s/keys", SEALED_FOLDER);
	/* Of a tree of one level: the top, on one side or the other. */
	read_from(folder, path, 0, out->tree);
	if (out->tree[8] == 0 && out->tree[9] == 0)
		read_from(folder, path, 4096, out->tree);
	/* Nonce and ciphertext of the first slot. */
	read_from(keys, "keys", 2 * 4096 + 56, out->slot);
	close(folder);
	sync();
	assert_int_not_equal(count_raw(fixture->volume_number, fixture->volume_size, out->slot, 64),
			     0);
	assert_int_not_equal(
		count_raw(fixture->volume_number, fixture->volume_size, out->tree + 8, 32), 0);
}

static void shred_sealed(struct fixture *fixture, const char *id)
{
	struct retention_context context = context_of(fixture, NOW);
	struct bl_error why = {.text = ""};

	if (retention_shred(&context, id, &why) != BL_OK)
		fail_msg("%s", why.text);
}

static void sealed_image_is_gone_from_the_medium_and_certified(void **state)
{
	struct fixture *fixture = *state;
	struct secrets secrets;
	struct device device;
	uint8_t key[VAULT_KEY];
	uint64_t size = fixture->volume_size;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 3, 3 << 20, true));
	take_secrets(fixture, "RMA-1", &secrets);
	shred_sealed(fixture, "RMA-1");
	sync();
	assert_int_equal(count_raw(fixture->volume_number, size, secrets.slot, 64), 0);
	assert_int_equal(count_raw(fixture->volume_number, size, secrets.tree + 8, 32), 0);
	assert_int_equal(count_raw(fixture->volume_number, size, secrets.header + 16, 48), 0);
	assert_false(has_image(fixture, "RMA-1"));
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(vault_image_root(device_store_vault(fixture->store), "RMA-1", key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_INTENT).found, 1);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_DONE).found, 1);

	char *json = certificate_of(fixture, "RMA-1", ".json");

	assert_non_null(json);
	HOLDS(json, "\"status\":\"ERASED\"");
	HOLDS(json, "\"category\":\"purge\"");
	HOLDS(json, "\"technique\":\"cryptographic erase\"");
	HOLDS(json, "\"exceptions\":[]");
	HOLDS(json, "\"type\":\"raw device\"");
	HOLDS(json, "\"keys_that_opened\":0");
	free(json);
	for (size_t i = 0; i < 2; i++) {
		size_t length;

		assert_int_equal(device_certificate_read(fixture->store, "RMA-1",
							 i ? ".html" : ".txt", &json, &length,
							 NULL),
				 BL_OK);
		free(json);
	}
}

int main(void)
{
#define TEST(name)     cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_XFS(name) cmocka_unit_test_setup_teardown(name, set_up_xfs, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(sealed_image_is_gone_from_the_medium_and_certified),
		TEST_XFS(sealed_image_is_gone_from_the_medium_and_certified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
