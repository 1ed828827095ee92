/* Tombstones: 416 bytes to the letter, signed under a name of their own, kept durably. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/note.h"
#include "fs/audit/tombstone.h"
#include "tests/unit/fs/audit/scratch.h"

#include <sodium.h>

static struct tombstone sample(void)
{
	struct tombstone tombstone = {.number = 3,
				      .first_sequence = 17,
				      .last_sequence = 1700,
				      .first_frame = 5,
				      .last_frame = 160,
				      .begun_s = 1782900000,
				      .removed_s = 1785500000};

	for (unsigned i = 0; i < LOG_ID_SIZE; i++)
		tombstone.log_id[i] = (uint8_t)i;
	memset(tombstone.previous_chain, 0x5a, AUDIT_DIGEST);
	memset(tombstone.chain, 0xa5, AUDIT_DIGEST);
	return tombstone;
}

/* base64 by python3: base64.b64encode(b'\x5a'*32), base64.b64encode(b'\xa5'*32) */
static const char TEXT[] = "bailee.log-tombstone/v1\n"
			   "000102030405060708090a0b0c0d0e0f\n"
			   "00000000000000000003\n"
			   "00000000000000000017\n"
			   "00000000000000001700\n"
			   "00000000000000000005\n"
			   "00000000000000000160\n"
			   "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n"
			   "paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\n"
			   "00000000001782900000\n"
			   "00000000001785500000\n";

static void its_text_and_signature_are_those_of_the_page(void **state)
{
	const struct scratch *scratch = *state;
	const uint8_t *public_key = vault_public_key(scratch->vault);
	struct tombstone tombstone = sample();
	uint8_t id[25 + 32], sum[32], signature[68];
	char bytes[TOMBSTONE_SIZE];
	static const char SIGNED[] = "\n\xe2\x80\x94 bailee.log-tombstone/v1 ";
	size_t got;

	tombstone_write(&tombstone, scratch->vault, bytes);
	assert_int_equal(sizeof(TEXT) - 1, 294);
	assert_memory_equal(bytes, TEXT, 294);
	assert_memory_equal(bytes + 294, SIGNED, sizeof(SIGNED) - 1);
	assert_int_equal(bytes[415], '\n');
	assert_int_equal(sodium_base642bin(signature, sizeof(signature), bytes + 323, 92, NULL,
					   &got, NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	memcpy(id, "bailee.log-tombstone/v1\n\x01", 25);
	memcpy(id + 25, public_key, 32);
	crypto_hash_sha256(sum, id, sizeof(id));
	assert_memory_equal(signature, sum, 4);
	assert_int_equal(
		crypto_sign_verify_detached(signature + 4, (const uint8_t *)bytes, 294, public_key),
		0);
}

static void it_comes_back_as_it_was(void **state)
{
	const struct scratch *scratch = *state;
	struct tombstone tombstone = sample(), again;
	char bytes[TOMBSTONE_SIZE], twice[TOMBSTONE_SIZE];

	tombstone_write(&tombstone, scratch->vault, bytes);
	assert_true(
		tombstone_parse(bytes, sizeof(bytes), vault_public_key(scratch->vault), &again));
	assert_int_equal(again.last_frame, 160);
	assert_int_equal(again.removed_s, 1785500000);
	tombstone_write(&again, scratch->vault, twice);
	assert_memory_equal(bytes, twice, sizeof(bytes));
}

static void every_flipped_byte_and_every_other_length_is_refused(void **state)
{
	const struct scratch *scratch = *state;
	const uint8_t *public_key = vault_public_key(scratch->vault);
	struct tombstone tombstone = sample(), again;
	char bytes[TOMBSTONE_SIZE + 1] = {0};

	tombstone_write(&tombstone, scratch->vault, bytes);
	for (size_t at = 0; at < TOMBSTONE_SIZE; at++) {
		bytes[at] ^= 1;
		if (tombstone_parse(bytes, TOMBSTONE_SIZE, public_key, &again))
			fail_msg("byte %zu", at);
		bytes[at] ^= 1;
	}
	for (size_t length = 0; length <= sizeof(bytes); length++)
		if (tombstone_parse(bytes, length, public_key, &again) != (length == 416))
			fail_msg("%zu bytes", length);
}

/* Signed rightly, and yet no segment could have been so. */
static void numbers_that_cannot_be_are_refused(void **state)
{
	const struct scratch *scratch = *state;
	struct tombstone rows[9];

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		rows[i] = sample();
	rows[1].number = 0;
	rows[2].first_sequence = 0;
	rows[3].last_sequence = 16;
	rows[4].first_frame = 0;
	rows[5].last_frame = 4;
	rows[6].last_sequence = 17, rows[6].last_frame = 5;
	rows[7].last_frame = 4 + (UINT64_C(1) << 24);
	rows[8].last_frame = 5 + (UINT64_C(1) << 24);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct tombstone again;
		char bytes[TOMBSTONE_SIZE];
		bool is_good = i == 0 || i == 6 || i == 7;

		tombstone_write(&rows[i], scratch->vault, bytes);
		if (tombstone_parse(bytes, sizeof(bytes), NULL, &again) != is_good)
			fail_msg("row %zu", i);
	}
}

static void another_key_or_a_checkpoints_signature_does_not_do(void **state)
{
	const struct scratch *scratch = *state;
	uint8_t other[VAULT_PUBLIC_KEY];
	struct tombstone tombstone = sample(), again;
	struct note note = {.sequence = 1, .frame = 1};
	char bytes[TOMBSTONE_SIZE], checkpoint[NOTE_SIZE];

	tombstone_write(&tombstone, scratch->vault, bytes);
	memcpy(other, vault_public_key(scratch->vault), sizeof(other));
	other[0] ^= 1;
	assert_false(tombstone_parse(bytes, sizeof(bytes), other, &again));
	note_write(&note, scratch->vault, checkpoint);
	/* The same length of base64: its key id is of another name. */
	memcpy(bytes + 323, checkpoint + NOTE_SIZE - 93, 92);
	assert_true(tombstone_parse(bytes, sizeof(bytes), NULL, &again));
	assert_false(
		tombstone_parse(bytes, sizeof(bytes), vault_public_key(scratch->vault), &again));
}

/* H(bytes(i % 256 for i in range(416))) by python3, hashlib.blake2b(digest_size=32) */
static void the_detail_tells_the_digest(void **state BL_UNUSED)
{
	char bytes[TOMBSTONE_SIZE], detail[AUDIT_DETAIL_SIZE];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	tombstone_detail(3, bytes, detail);
	assert_string_equal(detail,
			    "segment 3 blake2b="
			    "34ec02231e6f1cd1ec2cce2766414526bb4aa424cd7e69f67754a41279366aa4");
	tombstone_detail(UINT64_MAX, bytes, detail);
	assert_int_equal(strlen(detail), 8 + 20 + 9 + 64);
}

static void only_names_of_tombstones_are_names_of_tombstones(void **state BL_UNUSED)
{
	static const struct {
		const char *name;
		bool is_good;
		uint64_t sequence;
	} ROWS[] = {
		{"tomb.0000000000000001", true, 1},
		{"tomb.00000000000000ff", true, 255},
		{"tomb.ffffffffffffffff", true, UINT64_MAX},
		{"tomb.00000000000000FF", false, 0},
		{"tomb.000000000000001", false, 0},
		{"tomb.00000000000000001", false, 0},
		{"tomb.000000000000000g", false, 0},
		{"tomb.new", false, 0},
		{"tomb.", false, 0},
		{"seg.0000000000000001", false, 0},
		{"", false, 0},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char again[TOMBSTONE_NAME_SIZE];
		uint64_t sequence;
		bool is_good = tombstone_name_parse(ROWS[i].name, &sequence);

		if (is_good != ROWS[i].is_good || (is_good && sequence != ROWS[i].sequence))
			fail_msg("row %zu '%s'", i, ROWS[i].name);
		if (!is_good)
			continue;
		tombstone_name(sequence, again);
		assert_string_equal(again, ROWS[i].name);
	}
}

/* ---- its file -------------------------------------------------------------------------------- */

static void what_was_kept_is_read_under_its_own_name_only(void **state)
{
	const struct scratch *scratch = *state;
	const uint8_t *public_key = vault_public_key(scratch->vault);
	struct tombstone tombstone = sample(), again;
	char bytes[TOMBSTONE_SIZE], read_back[TOMBSTONE_SIZE];
	int fd = scratch->store_fd;

	assert_int_equal(tombstone_read(fd, 17, public_key, &again, NULL, NULL), BL_NOT_FOUND);
	tombstone_write(&tombstone, scratch->vault, bytes);
	assert_int_equal(tombstone_keep(audit_io_real(), fd, 17, bytes, NULL), BL_OK);
	assert_int_equal(faccessat(fd, "tomb.new", F_OK, 0), -1);
	assert_int_equal(tombstone_read(fd, 17, public_key, &again, read_back, NULL), BL_OK);
	assert_memory_equal(read_back, bytes, sizeof(bytes));
	assert_int_equal(tombstone_read(fd, 17, public_key, &again, NULL, NULL), BL_OK);
	assert_int_equal(renameat(fd, "tomb.0000000000000011", fd, "tomb.0000000000000012"), 0);
	assert_int_equal(tombstone_read(fd, 18, public_key, &again, NULL, NULL), BL_TAMPERED);
}

static void a_file_of_another_size_kind_or_signature_is_tampering(void **state)
{
	static const char BYTES[TOMBSTONE_SIZE + 1];
	const struct scratch *scratch = *state;
	const uint8_t *public_key = vault_public_key(scratch->vault);
	struct tombstone again;
	int dir = scratch->store_fd;

	for (size_t length = TOMBSTONE_SIZE - 1; length <= TOMBSTONE_SIZE + 1; length++) {
		int fd = openat(dir, "tomb.0000000000000011", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, BYTES, length), length);
		close(fd);
		if (tombstone_read(dir, 17, public_key, &again, NULL, NULL) != BL_TAMPERED)
			fail_msg("%zu bytes", length);
	}
	assert_int_equal(unlinkat(dir, "tomb.0000000000000011", 0), 0);
	assert_int_equal(symlinkat("keys", dir, "tomb.0000000000000011"), 0);
	assert_int_equal(tombstone_read(dir, 17, public_key, &again, NULL, NULL), BL_TAMPERED);
	assert_int_equal(unlinkat(dir, "tomb.0000000000000011", 0), 0);
	assert_int_equal(mkfifoat(dir, "tomb.0000000000000011", 0600), 0);
	assert_int_equal(tombstone_read(dir, 17, public_key, &again, NULL, NULL), BL_TAMPERED);
}

struct fault {
	struct audit_io real;
	unsigned calls, fail_at;
	char done[16];
};

static bool fails(struct fault *fault, char what)
{
	fault->done[fault->calls++] = what;
	return fault->calls == fault->fail_at;
}

static int fault_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	struct fault *fault = context;

	return fails(fault, 'o') ? -1 : fault->real.open_at(NULL, dir_fd, name, flags, mode);
}

static ssize_t fault_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
	struct fault *fault = context;
	bool is_short = fails(fault, 'w');

	return fault->real.write_at(NULL, fd, bytes, is_short ? length / 2 : length, offset);
}

static int fault_sync(void *context, int fd)
{
	struct fault *fault = context;

	return fails(fault, 's') ? -1 : fault->real.sync_data(NULL, fd);
}

static int fault_rename(void *context, int fd, const char *from, const char *to)
{
	struct fault *fault = context;

	return fails(fault, 'r') ? -1 : fault->real.rename_at(NULL, fd, from, to);
}

static int fault_sync_dir(void *context, int fd)
{
	struct fault *fault = context;

	return fails(fault, 'd') ? -1 : fault->real.sync_dir(NULL, fd);
}

static void it_is_durable_before_it_has_its_name_and_no_failure_is_hidden(void **state)
{
	const struct scratch *scratch = *state;
	struct tombstone tombstone = sample(), again;
	char bytes[TOMBSTONE_SIZE];

	tombstone_write(&tombstone, scratch->vault, bytes);
	/* In the last round nothing fails. */
	for (unsigned fail_at = 1; fail_at <= 6; fail_at++) {
		struct fault fault = {.real = *audit_io_real(), .fail_at = fail_at};
		const struct audit_io io = {.context = &fault,
					    .open_at = fault_open,
					    .write_at = fault_write,
					    .sync_data = fault_sync,
					    .sync_dir = fault_sync_dir,
					    .rename_at = fault_rename};
		enum bl_status status = tombstone_keep(&io, scratch->store_fd, 17, bytes, NULL);
		enum bl_status found =
			tombstone_read(scratch->store_fd, 17, NULL, &again, NULL, NULL);

		if (status != (fail_at == 6 ? BL_OK : BL_IO) ||
		    strncmp(fault.done, "owsrd", BL_MIN(fail_at, 5u)) != 0 ||
		    found != (fail_at < 5 ? BL_NOT_FOUND : BL_OK))
			fail_msg("call %u: %s", fail_at, fault.done);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_text_and_signature_are_those_of_the_page),
		cmocka_unit_test(it_comes_back_as_it_was),
		cmocka_unit_test(every_flipped_byte_and_every_other_length_is_refused),
		cmocka_unit_test(numbers_that_cannot_be_are_refused),
		cmocka_unit_test(another_key_or_a_checkpoints_signature_does_not_do),
		cmocka_unit_test(the_detail_tells_the_digest),
		cmocka_unit_test(only_names_of_tombstones_are_names_of_tombstones),
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
		WITH_STORE(what_was_kept_is_read_under_its_own_name_only),
		WITH_STORE(a_file_of_another_size_kind_or_signature_is_tampering),
		WITH_STORE(it_is_durable_before_it_has_its_name_and_no_failure_is_hidden),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
