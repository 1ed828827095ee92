#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/retention/fixture.h"

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	*state = fixture;
	if (fixture_open_store(fixture) && mkdir(path_of(fixture, "mnt"), 0700) == 0)
		return 0;
	fixture_done(fixture); /* cmocka tears down nothing that was not set up */
	return -1;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static bool has_key(const struct fixture *fixture, const char *id)
{
	uint8_t key[VAULT_KEY];

	return vault_device_key(device_store_vault(fixture->store), id, VAULT_RECORD, key, NULL) ==
	       BL_OK;
}

static bool has_file(struct fixture *fixture, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "store/devices/RMA-1/%s", name);
	return access(path_of(fixture, path), F_OK) == 0;
}

static void add_lent(struct fixture *fixture)
{
	static const char RECORD[] = "customer: {name: Kim Sample}\nconsent: {repair: granted}\n";
	struct device device = {.id = "RMA-1", .kind = DEVICE_PHONE, .enrolled_unix = RECEIVED};
	struct device_record record;

	snprintf(device.source, sizeof(device.source), "%s", path_of(fixture, "mnt/RMA-1.img"));
	assert_true(write_image(device.source, IMAGE_SIZE));
	assert_int_equal(device_record_parse(RECORD, strlen(RECORD), &record, NULL), BL_OK);
	assert_int_equal(device_enroll(fixture->store, &device, &record, NULL), BL_OK);
	device_record_done(&record);
	assert_true(has_file(fixture, "customer.sealed") && has_file(fixture, "facts.sealed"));
}

static size_t revive(struct fixture *fixture)
{
	const struct retention_context context = context_of(fixture, NOW);
	size_t count = 99;

	assert_int_equal(retention_revived(&context, &count, NULL), BL_OK);
	return count;
}

/* Its image was never ours to destroy, so it leaves without a shred: what we know of its customer does not stay behind. */
static void nothing_of_a_released_device_stays(void **state)
{
	struct fixture *fixture = *state;
	struct device_record record;
	struct device device;

	add_lent(fixture);
	assert_int_equal(revive(fixture), 0);
	assert_true(has_key(fixture, "RMA-1"));
	assert_int_equal(retention_release(fixture->store, "RMA-1", NOW, NULL), BL_OK);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_RELEASED);
	assert_false(has_key(fixture, "RMA-1"));
	assert_false(has_file(fixture, "customer.sealed") || has_file(fixture, "facts.sealed"));
	assert_int_equal(device_identities(fixture->store, "RMA-1", &record, NULL), BL_OK);
	assert_int_equal(record.identity_count, 0);
	device_record_done(&record);
	assert_int_equal(retention_release(fixture->store, "RMA-1", NOW, NULL), BL_OK);
	assert_int_equal(revive(fixture), 0);
}

static void release_that_is_refused_takes_nothing(void **state)
{
	struct fixture *fixture = *state;

	add_lent(fixture);
	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_OPEN, NOW, NULL), BL_OK);
	assert_int_equal(retention_release(fixture->store, "RMA-1", NOW, NULL), BL_INVALID);
	assert_true(has_key(fixture, "RMA-1"));
	assert_true(has_file(fixture, "customer.sealed") && has_file(fixture, "facts.sealed"));
}

/* An older key file was put back, or a crash came between: by the record it is gone. */
static void keys_of_what_is_gone_are_destroyed_again(void **state)
{
	static const enum bl_device_state GONE[] = {STATE_SHREDDED, STATE_RELEASED};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(GONE); i++) {
		char id[16];

		snprintf(id, sizeof(id), "RMA-%zu", i);
		assert_true(add_device(fixture, id, true));
		assert_int_equal(device_set_state(fixture->store, id, STATE_DUE, NOW, NULL), BL_OK);
		assert_int_equal(device_set_state(fixture->store, id, STATE_SHREDDED, NOW, NULL),
				 BL_OK);
		assert_int_equal(device_set_state(fixture->store, id, GONE[i], NOW, NULL), BL_OK);
		assert_true(has_key(fixture, id));
		assert_int_equal(revive(fixture), 1);
		assert_false(has_key(fixture, id));
		assert_int_equal(revive(fixture), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_of_a_released_device_stays),
		TEST(release_that_is_refused_takes_nothing),
		TEST(keys_of_what_is_gone_are_destroyed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
