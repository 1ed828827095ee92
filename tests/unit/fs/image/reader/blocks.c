/* blocks.c - the reader's cache of pages over an image with unreadable places */
#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_BYTES (40 * BLOCKS_PAGE + 700)

struct source {
	uint64_t bad_offset, bad_length;
	bool is_all_bad;
	unsigned fetches;
	size_t longest;
	uint8_t page[BLOCKS_PAGE];
	struct blocks blocks;
};

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 512 * 3);
}

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	struct source *s = context;

	s->fetches++;
	s->longest = BL_MAX(s->longest, length);
	assert_in_range(length, 1, BLOCKS_PAGE);
	assert_true(offset % BLOCKS_PIECE == 0 && offset + length <= IMAGE_BYTES);
	if (s->is_all_bad ||
	    (offset < s->bad_offset + s->bad_length && s->bad_offset < offset + length))
		return EIO;
	for (size_t i = 0; i < length; i++)
		s->page[i] = byte_at(offset + i);
	*out_bytes = s->page;
	return 0;
}

static int setup(void **state)
{
	struct source *s = calloc(1, sizeof(*s));

	*state = s;
	if (s)
		blocks_init(&s->blocks, IMAGE_BYTES, fetch, s);
	return s ? 0 : -1;
}

static int teardown(void **state)
{
	struct source *s = *state;

	blocks_done(&s->blocks);
	free(s);
	return 0;
}

static int read_checked(struct source *s, uint64_t offset, size_t length)
{
	static uint8_t out[4 * BLOCKS_PAGE];
	int error = blocks_read(&s->blocks, offset, out, length);

	for (size_t i = 0; !error && i < length; i++)
		if (out[i] != byte_at(offset + i))
			fail_msg("byte %zu of %zu at %llu", i, length, (unsigned long long)offset);
	return error;
}

static void only_reads_of_the_bad_piece_fail(void **state)
{
	static const struct {
		uint64_t offset;
		size_t length;
		int error;
	} ROWS[] = {
		{0, 100, 0},
		{BLOCKS_PAGE, 512, 0},
		{BLOCKS_PAGE + 1000, 24, 0},
		{BLOCKS_PAGE + 1024, 1, EIO}, /* beside the bad byte, in its piece */
		{BLOCKS_PAGE + 1024 + 5, 1, EIO},
		{BLOCKS_PAGE + 1000, 25, EIO},
		{BLOCKS_PAGE + 1024 + BLOCKS_PIECE, 1, 0},
		{BLOCKS_PAGE + 1024 + BLOCKS_PIECE, BLOCKS_PAGE - 1024 - BLOCKS_PIECE, 0},
		{BLOCKS_PAGE + 1024 + BLOCKS_PIECE, 2 * BLOCKS_PAGE, 0},
		{0, 2 * BLOCKS_PAGE, EIO},
		{IMAGE_BYTES - 1, 1, 0},
		{IMAGE_BYTES - 1, 2, EIO},
		{UINT64_MAX, 2, EIO},
	};
	struct source *s = *state;

	s->bad_offset = BLOCKS_PAGE + 1024 + 5;
	s->bad_length = 1;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < BL_COUNT(ROWS); i++)
			if (read_checked(s, ROWS[i].offset, ROWS[i].length) != ROWS[i].error)
				fail_msg("row %zu, round %d", i, round);
}

/* libtsk and libext2fs read over what they hold, and go on using it when that fails. */
static void read_that_fails_leaves_its_buffer_and_is_counted(void **state)
{
	struct source *s = *state;
	uint8_t out[2048];

	s->bad_offset = BLOCKS_PAGE;
	s->bad_length = 512;
	memset(out, 0xa5, sizeof(out));
	assert_int_equal(blocks_read(&s->blocks, BLOCKS_PAGE - 1024, out, sizeof(out)), EIO);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xa5);
	assert_int_equal(s->blocks.failures, 1);
	assert_int_equal(read_checked(s, BLOCKS_PAGE - 1024, 1024), 0);
	assert_int_equal(s->blocks.failures, 1);
	assert_int_equal(read_checked(s, IMAGE_BYTES, 1), EIO);
	assert_int_equal(s->blocks.failures, 2);
}

static void last_piece_of_an_odd_image_is_read_around_a_bad_one(void **state)
{
	struct source *s = *state;

	s->bad_offset = 40 * BLOCKS_PAGE;
	s->bad_length = 512;
	assert_int_equal(read_checked(s, 40 * BLOCKS_PAGE, 1), EIO);
	assert_int_equal(read_checked(s, 40 * BLOCKS_PAGE + 512, 188), 0);
}

static void bad_page_is_not_asked_for_again(void **state)
{
	struct source *s = *state;

	s->bad_offset = 5;
	s->bad_length = 1;
	assert_int_equal(read_checked(s, 4096, 512), 0);
	assert_int_equal(s->fetches, 2);
	s->longest = 0;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(read_checked(s, 4096, 512), 0);
	assert_int_equal(s->fetches, 12);
	assert_int_equal(s->longest, 512);
}

static void unreadable_image_spends_no_more_than_the_budget(void **state)
{
	struct source *s = *state;

	s->is_all_bad = true;
	s->blocks.budget = 100;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(read_checked(s, (i * 4096) % IMAGE_BYTES, 512), EIO);
	assert_int_equal(s->fetches, 100);
}

static void budget_is_not_mistaken_for_damage(void **state)
{
	struct source *s = *state;

	s->blocks.budget = 1;
	assert_int_equal(read_checked(s, 0, 512), 0);
	assert_int_equal(read_checked(s, BLOCKS_PAGE, 512), EIO);
	s->blocks.budget = 1;
	assert_int_equal(read_checked(s, BLOCKS_PAGE, 512), 0);
	assert_int_equal(s->longest, BLOCKS_PAGE);
	assert_int_equal(s->blocks.bad_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(only_reads_of_the_bad_piece_fail),
		TEST(read_that_fails_leaves_its_buffer_and_is_counted),
		TEST(last_piece_of_an_odd_image_is_read_around_a_bad_one),
		TEST(bad_page_is_not_asked_for_again),
		TEST(unreadable_image_spends_no_more_than_the_budget),
		TEST(budget_is_not_mistaken_for_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
