/* Keys of frames, known answers made with another program; the file `key` through crashes and changes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/framekey.h"
#include "tests/unit/fs/audit/key.h"

#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY (FRAMEKEY_FILE_SIZE / 2)

static const uint8_t LOG_ID[LOG_ID_SIZE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct framekey first_key(void)
{
	uint8_t k0[AUDIT_KEY];
	struct framekey key;

	for (unsigned i = 0; i < sizeof(k0); i++)
		k0[i] = (uint8_t)i;
	framekey_first(k0, &key);
	return key;
}

static void assert_hex(const uint8_t *bytes, const char *expected)
{
	char hex[2 * 32 + 1];

	sodium_bin2hex(hex, sizeof(hex), bytes, 32);
	assert_string_equal(hex, expected);
}

/* ---- keys: python3, H = lambda x, k=b'': blake2b(x, digest_size=32, key=k).digest() ------------- */

/* k0 = bytes(range(32)); k1 = H(b'next', k0); k2 = H(b'next', k1); ... */
static void the_row_of_keys_is_the_known_one(void **state BL_UNUSED)
{
	struct framekey key = first_key(), far = first_key();

	assert_int_equal(key.frame, 1);
	assert_hex(key.key, "a0987dcf622af057ee891bbc9feee46bc522f7cce1a3f4efa0337b325faf9a1c");
	framekey_next(&key);
	assert_int_equal(key.frame, 2);
	assert_hex(key.key, "19c7b6f36ed78345a36993147ef0a46086de96468a384d78c6863f5af33b08f0");
	framekey_forward(&far, 1);
	assert_int_equal(far.frame, 1);
	framekey_forward(&far, 1000);
	assert_int_equal(far.frame, 1000);
	assert_hex(far.key, "2b6994ffd7e8772a3a3f2b027ffad916bbddaddca3a6f347c680fb5da1c62a1e");
}

/* H(b'BLFR' + le(224,4) + le(1,8) + le(1,8) + le(1,4) + le(0,4) + b'\x5a'*32, k1) */
static void the_mac_is_the_known_one(void **state BL_UNUSED)
{
	const struct frame_header header = {
		.length = 224, .number = 1, .first_sequence = 1, .count = 1};
	struct framekey key = first_key();
	uint8_t frame[224] = {0}, chain[AUDIT_DIGEST], mac[AUDIT_DIGEST];

	memset(chain, 0x5a, sizeof(chain));
	format_frame(frame, &header, chain);
	framekey_mac(&key, frame, chain, mac);
	assert_hex(mac, "795b568b56cc964cd95dccbf69033161a53535e7f7bfb807cf09c09e7bded1e9");
}

/* H(b'\x03' + k0) */
static void the_commitment_is_the_known_one(void **state BL_UNUSED)
{
	uint8_t k0[AUDIT_KEY], out[AUDIT_DIGEST];

	for (unsigned i = 0; i < sizeof(k0); i++)
		k0[i] = (uint8_t)i;
	framekey_commitment(k0, out);
	assert_hex(out, "b81126497cc5f75b78417e5a269445a17834d80064fdf540eb4f29a394f07ac7");
}

/* ---- the file -------------------------------------------------------------------------------- */

struct folder {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	strcpy(folder->path, "/tmp/bailee-test-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = folder;
	return folder->fd < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st BL_UNUSED, int type BL_UNUSED,
		      struct FTW *ftw BL_UNUSED)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct folder *folder = *state;

	close(folder->fd);
	nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
	return 0;
}

static void load(const struct folder *folder, uint8_t bytes[FRAMEKEY_FILE_SIZE])
{
	int fd = openat(folder->fd, "key", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, bytes, FRAMEKEY_FILE_SIZE, 0), FRAMEKEY_FILE_SIZE);
	close(fd);
}

static void store(const struct folder *folder, const uint8_t *bytes, size_t length)
{
	int fd = openat(folder->fd, "key", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static enum bl_status read_key(const struct folder *folder, struct framekey *out,
			       uint64_t *out_generation)
{
	struct bl_error why;

	return key_read(folder->fd, LOG_ID, out, out_generation, &why);
}

/* Both copies as given */
static void store_copies(const struct folder *folder, uint64_t frame_a, uint64_t generation_a,
			 uint64_t frame_b, uint64_t generation_b)
{
	uint8_t a[FRAMEKEY_FILE_SIZE], b[FRAMEKEY_FILE_SIZE];
	struct framekey key = {.frame = frame_a};
	int fd = openat(folder->fd, "key", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	memset(key.key, (int)frame_a, AUDIT_KEY);
	assert_int_equal(framekey_write(audit_io_real(), fd, LOG_ID, generation_a, &key, NULL),
			 BL_OK);
	load(folder, a);
	key.frame = frame_b;
	memset(key.key, (int)frame_b, AUDIT_KEY);
	assert_int_equal(framekey_write(audit_io_real(), fd, LOG_ID, generation_b, &key, NULL),
			 BL_OK);
	load(folder, b);
	memcpy(a + COPY, b + COPY, COPY);
	close(fd);
	store(folder, a, sizeof(a));
}

/* b'BLOG1KEY' + le(2,4) + le(0,4) + bytes(range(16)) + le(7,8) + le(1,8) + k1, zeros to 4064, then its H */
static void the_file_is_the_known_one(void **state)
{
	const struct folder *folder = *state;
	uint8_t bytes[FRAMEKEY_FILE_SIZE] = {0};
	struct framekey key = first_key(), again;
	uint64_t generation;
	int fd;

	store(folder, bytes, sizeof(bytes));
	fd = openat(folder->fd, "key", O_WRONLY | O_CLOEXEC);
	assert_int_equal(framekey_write(audit_io_real(), fd, LOG_ID, 7, &key, NULL), BL_OK);
	close(fd);
	load(folder, bytes);
	assert_hex(bytes + 4064,
		   "308669eef1f331d4bebd922d532984722107d2d102fcbd3080a8670489e04b4a");
	assert_memory_equal(bytes, bytes + COPY, COPY);
	assert_int_equal(read_key(folder, &again, &generation), BL_OK);
	assert_int_equal(generation, 7);
	assert_int_equal(again.frame, 1);
	assert_memory_equal(again.key, key.key, AUDIT_KEY);
}

static void a_file_that_was_made_is_read_and_private(void **state)
{
	const struct folder *folder = *state;
	struct framekey key = first_key(), again;
	uint64_t generation;
	struct stat st;

	assert_int_equal(read_key(folder, &again, &generation), BL_NOT_FOUND);
	assert_int_equal(framekey_create(audit_io_real(), folder->fd, LOG_ID, &key, NULL), BL_OK);
	assert_int_equal(read_key(folder, &again, &generation), BL_OK);
	assert_int_equal(generation, 1);
	assert_int_equal(again.frame, 1);
	assert_int_equal(fstatat(folder->fd, "key", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, FRAMEKEY_FILE_SIZE);
	assert_int_equal(faccessat(folder->fd, "key.new", F_OK, 0), -1);
}

static void of_two_good_copies_the_greater_frame_counts(void **state)
{
	static const struct {
		uint64_t frame_a, generation_a, frame_b, generation_b, frame, generation;
	} ROWS[] = {
		{9, 4, 5, 3, 9, 4},
		{5, 3, 9, 4, 9, 4},
		{5, 3, 5, 3, 5, 3},
		{9, 3, 5, 4, 9, 4},
	};
	const struct folder *folder = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct framekey key;
		uint64_t generation;

		store_copies(folder, ROWS[i].frame_a, ROWS[i].generation_a, ROWS[i].frame_b,
			     ROWS[i].generation_b);
		if (read_key(folder, &key, &generation) != BL_OK || key.frame != ROWS[i].frame ||
		    generation != ROWS[i].generation || key.key[0] != ROWS[i].frame)
			fail_msg("row %zu", i);
	}
}

static void one_copy_that_a_crash_tore_does_not_count(void **state)
{
	const struct folder *folder = *state;

	for (unsigned torn = 0; torn < 2; torn++) {
		uint8_t bytes[FRAMEKEY_FILE_SIZE];
		struct framekey key;
		uint64_t generation;

		store_copies(folder, 9, 4, 5, 3);
		load(folder, bytes);
		memset(bytes + torn * COPY + 40, 0xff, 100);
		store(folder, bytes, sizeof(bytes));
		if (read_key(folder, &key, &generation) != BL_OK || key.frame != (torn ? 9 : 5))
			fail_msg("copy %u", torn);
	}
}

static void every_flipped_byte_of_the_only_copy_is_tampering(void **state)
{
	const struct folder *folder = *state;
	uint8_t bytes[FRAMEKEY_FILE_SIZE];
	struct framekey key;
	uint64_t generation;
	int fd;

	store_copies(folder, 9, 4, 9, 4);
	load(folder, bytes);
	memset(bytes + COPY, 0, COPY);
	store(folder, bytes, sizeof(bytes));
	assert_int_equal(read_key(folder, &key, &generation), BL_OK);
	fd = openat(folder->fd, "key", O_WRONLY | O_CLOEXEC);
	for (size_t at = 0; at < COPY; at++) {
		uint8_t flipped = bytes[at] ^ 0x20;

		assert_int_equal(pwrite(fd, &flipped, 1, (off_t)at), 1);
		if (read_key(folder, &key, &generation) != BL_TAMPERED)
			fail_msg("byte %zu", at);
		assert_int_equal(pwrite(fd, bytes + at, 1, (off_t)at), 1);
	}
	close(fd);
}

/* No crash leaves a right checksum over wrong fields: then the other copy does not count either. */
static void fields_that_cannot_be_in_either_copy_are_tampering(void **state)
{
	static const unsigned ROWS[] = {0, 8, 12, 16, 40, 80, 4063};
	const struct folder *folder = *state;

	for (size_t i = 0; i < 2 * BL_COUNT(ROWS); i++) {
		uint8_t bytes[FRAMEKEY_FILE_SIZE], *copy = bytes + i % 2 * COPY;
		struct framekey key;
		uint64_t generation;

		store_copies(folder, 1, 4, 1, 4);
		load(folder, bytes);
		copy[ROWS[i / 2]] ^= 1; /* frame 1 becomes 0 */
		format_leaf(copy, 4064, copy + 4064);
		store(folder, bytes, sizeof(bytes));
		if (read_key(folder, &key, &generation) != BL_TAMPERED)
			fail_msg("byte %u of copy %zu", ROWS[i / 2], i % 2);
	}
}

static void every_good_copy_is_handed_out(void **state)
{
	const struct folder *folder = *state;
	uint8_t bytes[FRAMEKEY_FILE_SIZE];
	struct framekey_copies copies;

	store_copies(folder, 5, 3, 9, 4);
	assert_int_equal(framekey_read_copies(folder->fd, LOG_ID, &copies, NULL), BL_OK);
	assert_int_equal(copies.count, 2);
	assert_int_equal(copies.key[0].frame, 5);
	assert_int_equal(copies.key[1].frame, 9);
	assert_int_equal(copies.generation, 4);
	assert_int_equal(copies.oldest, 5);
	load(folder, bytes);
	bytes[100] = 1;
	store(folder, bytes, sizeof(bytes));
	assert_int_equal(framekey_read_copies(folder->fd, LOG_ID, &copies, NULL), BL_OK);
	assert_int_equal(copies.count, 1);
	assert_int_equal(copies.key[0].frame, 9);
	/* The key is still in the torn one. */
	assert_int_equal(copies.oldest, 5);
	memset(bytes, 0, 8);
	store(folder, bytes, sizeof(bytes));
	assert_int_equal(framekey_read_copies(folder->fd, LOG_ID, &copies, NULL), BL_OK);
	assert_int_equal(copies.oldest, 9);
}

static void another_logs_key_in_either_copy_is_tampering(void **state)
{
	const struct folder *folder = *state;

	for (unsigned copy = 0; copy < 2; copy++) {
		uint8_t bytes[FRAMEKEY_FILE_SIZE];
		struct framekey key;
		struct bl_error why;
		uint64_t generation;

		store_copies(folder, 9, 4, 9, 4);
		load(folder, bytes);
		bytes[copy * COPY + 20] ^= 1;
		format_leaf(bytes + copy * COPY, 4064, bytes + copy * COPY + 4064);
		store(folder, bytes, sizeof(bytes));
		if (key_read(folder->fd, LOG_ID, &key, &generation, &why) != BL_TAMPERED ||
		    !strstr(why.text, "another log"))
			fail_msg("copy %u", copy);
	}
}

static void a_file_of_another_size_or_kind_is_tampering(void **state)
{
	static const uint8_t BYTES[FRAMEKEY_FILE_SIZE + 1];
	static const size_t SIZES[] = {0, COPY, FRAMEKEY_FILE_SIZE - 1, FRAMEKEY_FILE_SIZE + 1};
	const struct folder *folder = *state;
	struct framekey key;
	uint64_t generation;

	for (size_t i = 0; i < BL_COUNT(SIZES); i++) {
		store(folder, BYTES, SIZES[i]);
		if (read_key(folder, &key, &generation) != BL_TAMPERED)
			fail_msg("%zu bytes", SIZES[i]);
	}
	assert_int_equal(unlinkat(folder->fd, "key", 0), 0);
	assert_int_equal(symlinkat("elsewhere", folder->fd, "key"), 0);
	assert_int_equal(read_key(folder, &key, &generation), BL_TAMPERED);
	assert_int_equal(unlinkat(folder->fd, "key", 0), 0);
	assert_int_equal(mkfifoat(folder->fd, "key", 0600), 0);
	assert_int_equal(read_key(folder, &key, &generation), BL_TAMPERED);
}

/* ---- what is done in which order, and what a failure leaves ----------------------------------- */

struct fault {
	struct audit_io io;
	unsigned calls, fail_at; /* fail_at 0: never */
	char done[32]; /* o open, 1 and 2 writes of the copies, s sync, r rename, d folder */
};

static bool fails(struct fault *fault, char what)
{
	fault->done[fault->calls++] = what;
	return fault->calls == fault->fail_at;
}

static int fault_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	struct fault *fault = context;

	return fails(fault, 'o') ? -1 : fault->io.open_at(NULL, dir_fd, name, flags, mode);
}

static ssize_t fault_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
	struct fault *fault = context;
	bool is_short = fails(fault, offset ? '2' : '1');

	return fault->io.write_at(NULL, fd, bytes, is_short ? length / 2 : length, offset);
}

static int fault_sync(void *context, int fd)
{
	struct fault *fault = context;

	return fails(fault, 's') ? -1 : fault->io.sync_data(NULL, fd);
}

static int fault_sync_dir(void *context, int fd)
{
	struct fault *fault = context;

	return fails(fault, 'd') ? -1 : fault->io.sync_dir(NULL, fd);
}

static int fault_rename(void *context, int fd, const char *from, const char *to)
{
	struct fault *fault = context;

	return fails(fault, 'r') ? -1 : fault->io.rename_at(NULL, fd, from, to);
}

static struct audit_io fault_io(struct fault *fault)
{
	struct audit_io io = *audit_io_real();

	fault->io = io;
	io.context = fault;
	io.open_at = fault_open;
	io.write_at = fault_write;
	io.sync_data = fault_sync;
	io.sync_dir = fault_sync_dir;
	io.rename_at = fault_rename;
	return io;
}

static void each_copy_is_synced_before_the_next_is_begun(void **state)
{
	const struct folder *folder = *state;
	struct fault fault = {.fail_at = 0};
	struct audit_io io = fault_io(&fault);
	struct framekey key = first_key();
	int fd;

	assert_int_equal(framekey_create(&io, folder->fd, LOG_ID, &key, NULL), BL_OK);
	assert_string_equal(fault.done, "o1s2srd");
	fd = openat(folder->fd, "key", O_WRONLY | O_CLOEXEC);
	memset(&fault.done, 0, sizeof(fault.done));
	fault.calls = 0;
	framekey_next(&key);
	assert_int_equal(framekey_write(&io, fd, LOG_ID, 2, &key, NULL), BL_OK);
	assert_string_equal(fault.done, "1s2s");
	close(fd);
}

static void whichever_call_fails_a_good_copy_is_left(void **state)
{
	const struct folder *folder = *state;

	for (unsigned fail_at = 1; fail_at <= 4; fail_at++) {
		struct fault fault = {.fail_at = fail_at};
		struct audit_io io = fault_io(&fault);
		struct framekey key = {.frame = 9}, again;
		uint64_t generation;
		int fd;

		store_copies(folder, 5, 3, 5, 3);
		fd = openat(folder->fd, "key", O_WRONLY | O_CLOEXEC);
		if (framekey_write(&io, fd, LOG_ID, 4, &key, NULL) != BL_IO ||
		    fault.calls != fail_at)
			fail_msg("call %u", fail_at);
		if (read_key(folder, &again, &generation) != BL_OK ||
		    again.frame != (fail_at == 1 ? 5 : 9))
			fail_msg("call %u left frame %lu", fail_at, (unsigned long)again.frame);
		close(fd);
	}
}

static void a_file_that_could_not_be_made_is_not_there(void **state)
{
	const struct folder *folder = *state;

	for (unsigned fail_at = 1; fail_at <= 6; fail_at++) {
		struct fault fault = {.fail_at = fail_at};
		struct audit_io io = fault_io(&fault);
		struct framekey key = first_key(), again;
		uint64_t generation;

		if (framekey_create(&io, folder->fd, LOG_ID, &key, NULL) != BL_IO ||
		    read_key(folder, &again, &generation) != BL_NOT_FOUND)
			fail_msg("call %u", fail_at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_row_of_keys_is_the_known_one),
		cmocka_unit_test(the_mac_is_the_known_one),
		cmocka_unit_test(the_commitment_is_the_known_one),
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_FOLDER(the_file_is_the_known_one),
		WITH_FOLDER(a_file_that_was_made_is_read_and_private),
		WITH_FOLDER(of_two_good_copies_the_greater_frame_counts),
		WITH_FOLDER(one_copy_that_a_crash_tore_does_not_count),
		WITH_FOLDER(every_flipped_byte_of_the_only_copy_is_tampering),
		WITH_FOLDER(fields_that_cannot_be_in_either_copy_are_tampering),
		WITH_FOLDER(every_good_copy_is_handed_out),
		WITH_FOLDER(another_logs_key_in_either_copy_is_tampering),
		WITH_FOLDER(a_file_of_another_size_or_kind_is_tampering),
		WITH_FOLDER(each_copy_is_synced_before_the_next_is_begun),
		WITH_FOLDER(whichever_call_fails_a_good_copy_is_left),
		WITH_FOLDER(a_file_that_could_not_be_made_is_not_there),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
