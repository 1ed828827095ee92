/* HFS+: a volume is shown only when nothing is in its journal alone. */
#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define BYTES ((size_t)64 << 10)

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	if (offset + length > BYTES)
		return EIO;
	*out_bytes = (const uint8_t *)context + offset;
	return 0;
}

static void big(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

/* Journal info in block 2 of 4096 bytes, the journal at 16384. */
static void make(uint8_t *bytes, bool is_little, uint64_t start, uint64_t end)
{
	uint8_t *journal = bytes + 16384;

	memset(bytes, 0, BYTES);
	memcpy(bytes + 1024, "H+\0\4", 4);
	big(bytes + 1028, 1u << 13 | 1u << 8, 4);
	big(bytes + 1036, 2, 4);
	big(bytes + 1064, 4096, 4);
	big(bytes + 8192, 1, 4);
	big(bytes + 8192 + 36, 16384, 8);
	big(bytes + 8192 + 44, 8192, 8);
	memcpy(journal, is_little ? "xLNJ" : "JNLx", 4);
	if (is_little) {
		bl_put32(journal + 4, 0x12345678u);
		bl_put64(journal + 8, start);
		bl_put64(journal + 16, end);
	} else {
		big(journal + 4, 0x12345678u, 4);
		big(journal + 8, start, 8);
		big(journal + 16, end, 8);
	}
}

static const char *notice_of(uint8_t *bytes)
{
	struct blocks blocks;

	blocks_init(&blocks, BYTES, fetch, bytes);
	const char *notice = hfs_journal(&blocks, 0, BYTES);
	blocks_done(&blocks);
	return notice;
}

static void expect_words(uint8_t *bytes, const char *words)
{
	const char *notice = notice_of(bytes);

	if (!notice || !strstr(notice, words))
		fail_msg("'%s', not '%s'", notice ? notice : "shown", words);
}

static void unclean_journal_is_not_shown(void **state BL_UNUSED)
{
	static uint8_t bytes[BYTES];

	for (unsigned is_little = 0; is_little < 2; is_little++) {
		make(bytes, is_little, 4096, 4096);
		assert_null(notice_of(bytes));
		make(bytes, is_little, 4096, 4608);
		expect_words(bytes, "unclean");
	}
}

static void volume_without_a_journal_is_shown(void **state BL_UNUSED)
{
	static uint8_t bytes[BYTES];

	make(bytes, true, 1, 2);
	big(bytes + 1028, 1u << 8, 4);
	assert_null(notice_of(bytes));
	make(bytes, true, 1, 2);
	big(bytes + 8192, 5, 4);
	assert_null(notice_of(bytes));
}

static void journal_that_is_not_found_is_no_empty_one(void **state BL_UNUSED)
{
	static uint8_t bytes[BYTES];

	make(bytes, true, 1, 1);
	memset(bytes + 16384, 0, 4);
	expect_words(bytes, "unclean");
	make(bytes, true, 1, 1);
	big(bytes + 8192, 2, 4);
	expect_words(bytes, "elsewhere");
	make(bytes, true, 1, 1);
	big(bytes + 8192 + 36, UINT64_MAX, 8);
	expect_words(bytes, "damaged");
	make(bytes, true, 1, 1);
	big(bytes + 1036, UINT32_MAX, 4);
	expect_words(bytes, "damaged");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(unclean_journal_is_not_shown),
		cmocka_unit_test(volume_without_a_journal_is_shown),
		cmocka_unit_test(journal_that_is_not_found_is_no_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
