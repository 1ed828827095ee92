/* A receipt is believed to the byte or not at all, and none of its bytes reaches a terminal raw. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/intake/private.h"
#include "tests/unit/fs/intake/fixture.h"

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture) || !open_store(fixture) || !enrol(fixture, DEVICE))
		return -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static const uint8_t *key_of(struct fixture *fixture)
{
	return vault_public_key(device_store_vault(fixture->store));
}

/* One of everything: 1,003 unreadable places, one left out, a choice. */
#define GAPS 1004
struct sample {
	struct device device;
	struct job job;
	struct sealed_facts facts;
	struct sealed_gap gaps[GAPS];
	struct receipt receipt;
};

static struct sample *make_sample(const char *maker)
{
	struct sample *sample = calloc(1, sizeof(*sample));

	assert_non_null(sample);
	snprintf(sample->device.id, sizeof(sample->device.id), DEVICE);
	sample->device.kind = DEVICE_DISK;
	snprintf(sample->device.maker, sizeof(sample->device.maker), "%s", maker);
	sample->job = (struct job){.form = INTAKE_FILE,
				   .container = "raw",
				   .choice = (char *)"{\"no_free_space\":false}",
				   .without = 2,
				   .begun_unix = NOW,
				   .resumed = 3};
	sample->job.left_out.files_left_out = 7;
	sample->facts = (struct sealed_facts){
		.algorithm = SEALED_XCHACHA20, .image_bytes = 64 * MIB, .stored_bytes = 99};
	for (size_t i = 0; i < GAPS; i++)
		sample->gaps[i] = (struct sealed_gap){i * 8192, 512, SEALED_UNREADABLE};
	sample->gaps[1].kind = SEALED_LEFT_OUT;
	sample->receipt = (struct receipt){.device = &sample->device,
					   .job = &sample->job,
					   .facts = &sample->facts,
					   .gaps = sample->gaps,
					   .gap_count = GAPS,
					   .is_verified = true,
					   .done_unix = NOW + 60,
					   .by = 1000,
					   .enrolled_sequence = 5};
	return sample;
}

static char *make(struct fixture *fixture, const char *maker, size_t gaps)
{
	struct sample *sample = make_sample(maker);
	char *json = NULL;

	sample->receipt.gap_count = gaps;
	assert_int_equal(receipt_make(fixture->store, &sample->receipt, &json, NULL), BL_OK);
	free(sample);
	return json;
}

static void receipt_verifies_and_says_what_it_was_given(void **state)
{
	static const char *const words[] = {
		"\"type\":\"bailee-intake-receipt\"",
		"\"verified\":true",
		"\"form\":\"file\"",
		"\"algorithm\":\"XChaCha20-Poly1305\"",
		"\"chunk_bytes\":65536",
		"\"resumed\":3",
		"\"begun\":\"2001-09-09T01:46:40Z\"",
		"\"done\":\"2001-09-09T01:47:40Z\"",
		"\"operator\":\"uid:1000\"",
		"\"enrolled_sequence\":5",
		"\"files\":7",
		"\"without\":2",
		"\"unreadable\":{\"bytes\":513536,\"more\":3,\"ranges\":[[0,512],[16384,512],",
		"\"left_out\":{\"bytes\":512,",
	};
	struct fixture *fixture = *state;
	char *json = make(fixture, "Synthetic", GAPS), *page = NULL;

	for (size_t i = 0; i < BL_COUNT(words); i++)
		if (!strstr(json, words[i]))
			fail_msg("%s is not in %s", words[i], json);
	assert_int_equal(intake_receipt_verify(json, strlen(json), key_of(fixture), &page, NULL),
			 BL_OK);
	assert_non_null(strstr(page, "Sealed copy read back yes"));
	assert_non_null(strstr(page, "512 bytes at 16384"));
	assert_non_null(strstr(page, "Places not listed     3"));
	free(page);
	free(json);
}

static void no_byte_of_a_receipt_can_be_changed(void **state)
{
	struct fixture *fixture = *state;
	char *json = make(fixture, "Synthetic", GAPS);
	size_t length = strlen(json);

	/* In the long list every 101st byte will do. */
	for (size_t i = 0; i<length; i += i> 2000 && i + 2000 < length ? 101 : 1)
		for (unsigned bit = 0; bit < 8; bit += 3) {
			json[i] = (char)(json[i] ^ (1 << bit));
			if (intake_receipt_verify(json, length, key_of(fixture), NULL, NULL) ==
			    BL_OK)
				fail_msg("byte %zu, bit %u", i, bit);
			json[i] = (char)(json[i] ^ (1 << bit));
		}
	assert_int_equal(intake_receipt_verify(json, length, key_of(fixture), NULL, NULL), BL_OK);
	free(json);
}

static void other_forms_of_the_same_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char *json = make(fixture, "Synthetic", GAPS), *other = NULL;
	size_t length = strlen(json);
	uint8_t stranger[VAULT_PUBLIC_KEY] = {1};
	const struct {
		const char *name, *front, *behind;
		size_t skip;
		enum bl_status status;
	} rows[] = {
		{"a space in front", " ", "", 0, BL_TAMPERED},
		{"two newlines", "", "\n", 0, BL_TAMPERED},
		{"a key twice", "{\"type\":\"bailee-intake-receipt\",", "", 1, BL_INVALID},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		assert_true(asprintf(&other, "%s%s%s", rows[i].front, json + rows[i].skip,
				     rows[i].behind) > 0);
		if (intake_receipt_verify(other, strlen(other), key_of(fixture), NULL, NULL) !=
		    rows[i].status)
			fail_msg("%s", rows[i].name);
		free(other);
	}
	assert_int_equal(intake_receipt_verify(json, length - 1, key_of(fixture), NULL, NULL),
			 BL_TAMPERED);
	assert_int_equal(intake_receipt_verify(json, length, stranger, NULL, NULL), BL_TAMPERED);
	assert_int_equal(intake_receipt_verify("", 0, key_of(fixture), NULL, NULL), BL_INVALID);
	assert_int_equal(intake_receipt_verify("[]\n", 3, key_of(fixture), NULL, NULL), BL_INVALID);
	assert_int_equal(intake_receipt_verify("{\"type\":\"bailee-certificate\"}\n", 30,
					       key_of(fixture), NULL, NULL),
			 BL_INVALID);

	char *huge = calloc(1, (256u << 10) + 1);

	assert_non_null(huge);
	assert_int_equal(intake_receipt_verify(huge, (256u << 10) + 1, key_of(fixture), NULL, NULL),
			 BL_INVALID);
	free(huge);
	free(json);
}

/* A stranger's own key may sign anything: it still must not move a terminal. */
static void page_holds_no_control_bytes(void **state)
{
	struct fixture *fixture = *state;
	char *json = make(fixture,
			  "\x1b[31m\x7f\r\xc2\x9b"
			  "1m\xc3\xa4",
			  GAPS),
	     *page = NULL;

	assert_int_equal(intake_receipt_verify(json, strlen(json), key_of(fixture), &page, NULL),
			 BL_OK);
	for (const char *at = page; *at; at++) {
		assert_true((uint8_t)*at >= 0x20 || *at == '\n');
		assert_true(*at != 0x7f);
		assert_false((uint8_t)at[0] == 0xc2 && (uint8_t)at[1] < 0xa0);
	}
	assert_non_null(strstr(page, "?[31m???1m\xc3\xa4\n"));
	free(page);
	free(json);
}

static void receipt_is_of_one_device_and_one_image_only(void **state)
{
	struct fixture *fixture = *state;
	char *json = make(fixture, "Synthetic", GAPS);
	struct sample *sample = make_sample("");
	struct sealed_facts facts = sample->facts;
	size_t length = strlen(json);
	bool is_verified = false;

	assert_true(receipt_is_of(fixture->store, DEVICE, &facts, json, length, &is_verified));
	assert_true(is_verified);
	assert_false(receipt_is_of(fixture->store, "RMA-2", &facts, json, length, &is_verified));
	facts.digest[0] ^= 1;
	assert_false(receipt_is_of(fixture->store, DEVICE, &facts, json, length, &is_verified));
	facts = sample->facts;
	facts.vault_id[15] ^= 1;
	assert_false(receipt_is_of(fixture->store, DEVICE, &facts, json, length, &is_verified));
	free(sample);
	free(json);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(receipt_verifies_and_says_what_it_was_given),
		TEST(no_byte_of_a_receipt_can_be_changed),
		TEST(other_forms_of_the_same_are_refused),
		TEST(page_holds_no_control_bytes),
		TEST(receipt_is_of_one_device_and_one_image_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
