/* The header: two slots, the greater whole one counts, and what is changed is told from what is torn. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/vault/sealed-image.h"

#include <sodium.h>

static const uint8_t ROOT[VAULT_KEY] = {1}, OTHER_ROOT[VAULT_KEY] = {2};

static void a_header_comes_back(void **state BL_UNUSED)
{
	struct sealed_header header = some_header(), again;
	uint8_t page[SEALED_PAGE], same[SEALED_PAGE];

	sealed_header_encode(&header, ROOT, page);
	assert_int_equal(sealed_header_decode(page, ROOT, &again, NULL), BL_OK);
	sealed_header_encode(&again, ROOT, same);
	assert_memory_equal(page, same, sizeof(page));
	assert_int_equal(again.done_bytes, header.done_bytes);
	assert_int_equal(again.top_side, 1);
	assert_string_equal(again.device, ID);
}

/* Each row: so many bytes at a place, then checksum and MAC made right again, or not. */
static const struct {
	const char *what;
	size_t at;
	uint64_t value;
	unsigned bytes;
	bool is_checksum_right, is_mac_right;
	enum bl_status status;
} CHANGES[] = {
	{"as it was", 264, 0, 1, true, true, BL_OK},
	{"torn", 500, 1, 1, false, false, BL_INVALID},
	{"changed with its checksum", 80, 0, 8, true, false, BL_TAMPERED},
	{"magic", 0, 1, 1, true, true, BL_INVALID},
	{"version", 8, 2, 4, true, true, BL_UNSUPPORTED},
	{"algorithm 0", 12, 0, 4, true, true, BL_TAMPERED},
	{"algorithm 3", 12, 3, 4, true, true, BL_TAMPERED},
	{"no device", 32, 0, 1, true, true, BL_TAMPERED},
	{"bytes behind the device's name", 62, 1, 1, true, true, BL_TAMPERED},
	{"generation 0", 64, 0, 8, true, true, BL_TAMPERED},
	{"generation not reserved", 64, 100, 8, true, true, BL_TAMPERED},
	{"too large", 72, SEALED_MOST + 1, 8, true, true, BL_TAMPERED},
	{"done behind the end", 80, UINT64_C(101) << 20, 8, true, true, BL_TAMPERED},
	{"done within a group", 80, 65536, 8, true, true, BL_TAMPERED},
	{"state 0", 96, 0, 4, true, true, BL_TAMPERED},
	{"complete without all of it", 96, 2, 4, true, true, BL_TAMPERED},
	{"levels 0", 100, 0, 4, true, true, BL_TAMPERED},
	{"levels 6", 100, 6, 4, true, true, BL_TAMPERED},
	{"levels too few", 100, 1, 4, true, true, BL_TAMPERED},
	{"levels too many", 100, 3, 4, true, true, BL_TAMPERED},
	{"levels of a stream", 100, 4, 4, true, true, BL_OK},
	{"chunks", 104, 4096, 4, true, true, BL_TAMPERED},
	{"side 2", 108, 2, 4, true, true, BL_TAMPERED},
	{"an empty tree with a key", 112, 0, 8, true, true, BL_TAMPERED},
	{"tree not reserved", 112, 100, 8, true, true, BL_TAMPERED},
	{"gaps before the end", 200, 1, 1, true, true, BL_TAMPERED},
	{"digest before the end", 232, 1, 1, true, true, BL_TAMPERED},
	{"reserved", 264, 1, 1, true, true, BL_TAMPERED},
	{"reserved's end", 4031, 1, 1, true, true, BL_TAMPERED},
};

static void mend(uint8_t page[SEALED_PAGE], bool is_mac_right)
{
	uint8_t key[VAULT_KEY];

	sealed_derive(ROOT, "bailee image header", "", 0, key);
	if (is_mac_right)
		crypto_generichash(page + 4032, 32, page, 4032, key, sizeof(key));
	crypto_generichash(page + 4064, 32, page, 4064, NULL, 0);
}

static void a_header_says_only_what_can_be(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(CHANGES); i++) {
		struct sealed_header header = some_header(), again;
		uint8_t page[SEALED_PAGE];
		struct bl_error why = {""};

		sealed_header_encode(&header, ROOT, page);
		for (unsigned byte = 0; byte < CHANGES[i].bytes; byte++)
			page[CHANGES[i].at + byte] = (uint8_t)(CHANGES[i].value >> 8 * byte);
		if (CHANGES[i].is_checksum_right)
			mend(page, CHANGES[i].is_mac_right);

		enum bl_status status = sealed_header_decode(page, ROOT, &again, &why);

		if (status != CHANGES[i].status || (status != BL_OK && !why.text[0]))
			fail_msg("%s: %s %s", CHANGES[i].what, bl_status_name(status), why.text);
	}
}

enum slot { EMPTY, TORN, OLD, NEW, SAME, FOREIGN, FOREIGN_DEVICE };
static const struct {
	const char *what;
	enum slot slots[2];
	bool is_rewritten;
	enum bl_status status;
	unsigned slot;
} PAIRS[] = {
	{"the first alone", {OLD, EMPTY}, false, BL_OK, 0},
	{"the second alone", {EMPTY, OLD}, false, BL_OK, 1},
	{"the second newer", {OLD, NEW}, false, BL_OK, 1},
	{"the first newer", {NEW, OLD}, false, BL_OK, 0},
	{"the newer torn", {OLD, TORN}, false, BL_OK, 0},
	{"the first torn", {TORN, OLD}, false, BL_OK, 1},
	{"both torn", {TORN, TORN}, false, BL_TAMPERED, 0},
	{"none", {EMPTY, EMPTY}, false, BL_TAMPERED, 0},
	{"one generation", {NEW, NEW}, false, BL_TAMPERED, 0},
	{"the newer by another key", {OLD, FOREIGN}, false, BL_TAMPERED, 0},
	{"the same while a part is destroyed", {OLD, FOREIGN}, true, BL_OK, 0},
	{"the older by another key meanwhile", {FOREIGN, OLD}, true, BL_OK, 1},
	{"both by another key meanwhile", {FOREIGN, FOREIGN}, true, BL_TAMPERED, 0},
	{"another device's", {FOREIGN_DEVICE, EMPTY}, false, BL_TAMPERED, 0},
};

static void put_slot(int folder, enum slot kind, unsigned slot)
{
	BL_CLEANUP(fd_close) int fd = openat(folder, "header", O_RDWR | O_CLOEXEC);
	struct sealed_header header = some_header();
	uint8_t page[SEALED_PAGE] = {0};

	if (kind == FOREIGN_DEVICE)
		memcpy(header.device, "phone-2", 8);
	if (kind == NEW || kind == FOREIGN)
		header.generation = 11;
	if (kind != EMPTY)
		sealed_header_encode(&header, kind == FOREIGN ? OTHER_ROOT : ROOT, page);
	if (kind == TORN)
		memset(page + 2048, 0xaa, 2048);
	assert_int_equal(pwrite(fd, page, sizeof(page), slot * (off_t)SEALED_PAGE), sizeof(page));
}

static void the_greater_whole_slot_counts(void **state)
{
	struct sealed_files files;

	place_files(*state, &files);
	for (size_t i = 0; i < BL_COUNT(PAIRS); i++) {
		struct sealed_header header;
		unsigned slot = 9;

		put_slot(files.folder, PAIRS[i].slots[0], 0);
		put_slot(files.folder, PAIRS[i].slots[1], 1);
		unlinkat(files.folder, "rewrite", 0);
		if (PAIRS[i].is_rewritten)
			close(openat(files.folder, "rewrite", O_RDWR | O_CREAT | O_CLOEXEC, 0600));

		enum bl_status status = sealed_header_read(&files, ID, ROOT, &header, &slot, NULL);

		if (status != PAIRS[i].status || (status == BL_OK && slot != PAIRS[i].slot))
			fail_msg("%s: %s, slot %u", PAIRS[i].what, bl_status_name(status), slot);
	}
	sealed_files_close(&files);
}

/* A direct read goes on at whole blocks only: what is cut within one is the end, and what is behind it zeros. */
static const struct {
	off_t length;
	enum bl_status status;
} CUTS[] = {
	{0, BL_TAMPERED},	    {100, BL_TAMPERED},		{SEALED_PAGE, BL_OK},
	{SEALED_PAGE + 100, BL_OK}, {SEALED_PAGE + 512, BL_OK}, {2 * SEALED_PAGE, BL_OK},
};

static void a_header_that_was_cut_has_zeros_behind_its_end(void **state)
{
	struct place *place = *state;
	struct sealed_files files;

	place_files(place, &files);
	sealed_files_close(&files);
	assert_int_equal(sealed_files_open(place->fd, false, &files, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(CUTS); i++) {
		BL_CLEANUP(fd_close) int fd = openat(files.folder, "header", O_RDWR | O_CLOEXEC);
		struct sealed_header header;
		unsigned slot = 9;

		put_slot(files.folder, OLD, 0);
		put_slot(files.folder, EMPTY, 1);
		assert_int_equal(ftruncate(fd, CUTS[i].length), 0);

		enum bl_status status = sealed_header_read(&files, ID, ROOT, &header, &slot, NULL);

		if (status != CUTS[i].status)
			fail_msg("%lld bytes: %s", (long long)CUTS[i].length,
				 bl_status_name(status));
	}
	sealed_files_close(&files);
}

static void a_header_goes_into_the_other_slot(void **state)
{
	struct sealed_header header = some_header(), again;
	struct sealed_files files;
	unsigned slot = 1, found = 9;

	place_files(*state, &files);
	for (unsigned i = 0; i < 3; i++) {
		header.generation = 20 + i;
		assert_int_equal(sealed_header_write(&files, &header, ROOT, &slot, NULL), BL_OK);
		assert_int_equal(slot, i % 2);
		assert_int_equal(sealed_header_read(&files, ID, ROOT, &again, &found, NULL), BL_OK);
		assert_int_equal(found, slot);
		assert_int_equal(again.generation, 20 + i);
	}
	sealed_files_close(&files);
}

/* ---- files ----------------------------------------------------------------------------------- */

enum wrong { MISSING, LINK, FOLDER, READABLE, TWO_NAMES, FIFO };
static const struct {
	const char *what, *name;
	enum wrong wrong;
} FILES[] = {
	{"no header", "header", MISSING},
	{"no data", "data", MISSING},
	{"no index", "index", MISSING},
	{"no keys", "keys", MISSING},
	{"a link", "data", LINK},
	{"a folder", "index", FOLDER},
	{"for all to read", "keys", READABLE},
	{"two names", "keys", TWO_NAMES},
	{"a pipe", "index", FIFO},
};

static void spoil(int folder, const char *name, enum wrong wrong)
{
	if (wrong == READABLE)
		assert_int_equal(fchmodat(folder, name, 0644, 0), 0);
	else if (wrong == TWO_NAMES)
		assert_int_equal(linkat(folder, name, folder, "kept", 0), 0);
	else
		assert_int_equal(renameat(folder, name, folder, "kept"), 0);
	if (wrong == LINK)
		assert_int_equal(symlinkat("kept", folder, name), 0);
	if (wrong == FOLDER)
		assert_int_equal(mkdirat(folder, name, 0700), 0);
	if (wrong == FIFO)
		assert_int_equal(mkfifoat(folder, name, 0600), 0);
}

static void repair(int folder, const char *name, enum wrong wrong)
{
	if (wrong == READABLE)
		assert_int_equal(fchmodat(folder, name, 0600, 0), 0);
	else if (wrong == TWO_NAMES)
		assert_int_equal(unlinkat(folder, "kept", 0), 0);
	else {
		unlinkat(folder, name, wrong == FOLDER ? AT_REMOVEDIR : 0);
		assert_int_equal(renameat(folder, "kept", folder, name), 0);
	}
}

static void a_foreign_file_is_refused(void **state)
{
	struct place *place = *state;
	struct sealed_files files, again;

	place_files(place, &files);
	for (size_t i = 0; i < BL_COUNT(FILES); i++) {
		spoil(files.folder, FILES[i].name, FILES[i].wrong);
		for (unsigned is_writable = 0; is_writable < 2; is_writable++)
			if (sealed_files_open(place->fd, is_writable, &again, NULL) != BL_TAMPERED)
				fail_msg("%s", FILES[i].what);
		repair(files.folder, FILES[i].name, FILES[i].wrong);
	}
	assert_int_equal(sealed_files_open(place->fd, false, &again, NULL), BL_OK);
	sealed_files_close(&again);
	sealed_files_close(&files);
}

static void no_image_is_not_a_damaged_one(void **state)
{
	struct place *place = *state;
	struct sealed_files files;
	struct sealed_facts facts;

	assert_int_equal(sealed_files_open(place->fd, false, &files, NULL), BL_NOT_FOUND);
	assert_int_equal(sealed_look(place->fd, ID, &facts, NULL), BL_NOT_FOUND);
	assert_int_equal(symlinkat("/tmp", place->fd, SEALED_FOLDER), 0);
	assert_int_equal(sealed_files_open(place->fd, false, &files, NULL), BL_TAMPERED);
}

static const struct {
	const char *name;
	off_t most;
} SIZES[] = {
	{"header", 8192},
	{"data", 100 << 20},
	{"index", 100 * 512},
	{"keys", (1 + 64) * 8192},
};

static void a_file_longer_than_the_header_allows_is_refused(void **state)
{
	struct sealed_header header = some_header();
	struct sealed_files files;

	place_files(*state, &files);
	for (size_t i = 0; i < BL_COUNT(SIZES); i++) {
		BL_CLEANUP(fd_close)
		int fd = openat(files.folder, SIZES[i].name, O_RDWR | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, SIZES[i].most), 0);
		assert_int_equal(sealed_files_fit(&files, &header, NULL), BL_OK);
		assert_int_equal(ftruncate(fd, SIZES[i].most + 1), 0);
		if (sealed_files_fit(&files, &header, NULL) != BL_TAMPERED)
			fail_msg("%s", SIZES[i].name);
		assert_int_equal(ftruncate(fd, 0), 0);
	}
	sealed_files_close(&files);
}

static void facts_are_to_be_had_without_keys(void **state)
{
	struct place *place = *state;
	struct sealed_files files;
	struct sealed_facts facts;

	place_files(place, &files);
	put_slot(files.folder, OLD, 0);
	put_slot(files.folder, FOREIGN, 1);
	assert_int_equal(sealed_look(place->fd, ID, &facts, NULL), BL_OK);
	assert_int_equal(facts.image_bytes, UINT64_C(100) << 20);
	assert_int_equal(facts.done_bytes, UINT64_C(3) << 20);
	assert_int_equal(facts.algorithm, SEALED_XCHACHA20);
	assert_false(facts.is_complete);
	assert_int_equal(sealed_look(place->fd, "phone-2", &facts, NULL), BL_TAMPERED);
	sealed_files_close(&files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_comes_back),
		cmocka_unit_test(a_header_says_only_what_can_be),
		TEST(the_greater_whole_slot_counts),
		TEST(a_header_that_was_cut_has_zeros_behind_its_end),
		TEST(a_header_goes_into_the_other_slot),
		TEST(a_foreign_file_is_refused),
		TEST(no_image_is_not_a_damaged_one),
		TEST(a_file_longer_than_the_header_allows_is_refused),
		TEST(facts_are_to_be_had_without_keys),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
