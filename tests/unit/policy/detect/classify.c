/* Tests policy/detect/classify.c: the vector code and its scalar twin answer the same bits */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/parts.h"

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* All that is set of the rows of bits, which stand one behind the other. */
static void check_same(const struct anchors *one, const struct anchors *other, size_t length)
{
	const uint64_t *ours = (const uint64_t *)one, *theirs = (const uint64_t *)other;
	size_t words = BL_MIN((size_t)SCAN_WORDS, (length + 63) / 64 + SCAN_AHEAD);

	for (size_t i = 0; i < sizeof(*one) / sizeof(*ours); i += SCAN_WORDS)
		assert_memory_equal(ours + i, theirs + i, words * sizeof(*ours));
}

static void both_ways_give_the_same_bits(void **state)
{
	uint32_t seed = 3;

	(void)state;
	if (!classify_has_avx2())
		skip();
	for (unsigned round = 0; round < 400; round++) {
		size_t length = round < 200 ? round : next_random(&seed) % 4000;
		/* An exact copy, so that a sanitizer sees a load too far. */
		uint8_t *bytes = malloc(length + 1);
		struct anchors one, other;

		for (size_t i = 0; i < length; i++)
			bytes[i] = round % 2
					   ? (uint8_t)next_random(&seed)
					   : (uint8_t) "kK01 @-\xc3\x98(m.x\0O"[next_random(&seed) %
										16];
		uint8_t *exact = malloc(length ? length : 1);

		memcpy(exact, bytes, length);
		memset(&one, 0xaa, sizeof(one));
		memset(&other, 0x55, sizeof(other));
		classify_scalar(exact, length, &one);
		classify_avx2(exact, length, &other);
		check_same(&one, &other, length);
		free(exact);
		free(bytes);
	}
}

static void both_ways_find_the_same_words(void **state)
{
	static const struct word_meaning label = {.sort = MEANS_LABEL};
	static const char *const texts[] = {"phone", "a", "kim larsen", "geburtsdatum", "12"};
	static struct anchors anchors;
	struct words *words = NULL;
	uint32_t seed = 5;

	(void)state;
	assert_int_equal(words_new(&words), BL_OK);
	for (size_t i = 0; i < BL_COUNT(texts); i++)
		assert_int_equal(words_add(words, texts[i], &label), BL_OK);
	assert_int_equal(words_finish(words), BL_OK);
	for (unsigned round = 0; round < 300; round++) {
		size_t length = round < 100 ? round : next_random(&seed) % 4000;
		uint8_t *bytes = malloc(length + 1), *exact = malloc(length ? length : 1);
		struct text text = {exact, length};

		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t) "phonea kim12.\xc3\xa9:"[next_random(&seed) % 16];
		for (size_t i = 0; i + 8 < length; i += 40 + next_random(&seed) % 40)
			memcpy(bytes + i, " Phone: ", 8);
		memcpy(exact, bytes, length);
		classify(exact, length, &anchors);
		for (size_t from = 0; from * 64 < length; from += FIND_BLOCKS) {
			uint32_t one[FIND_WORDS], other[FIND_WORDS];
			size_t count = find_words_scalar(&text, 0, length, &anchors, from,
							 words_filter(words), one);

			if (classify_has_avx2())
				assert_int_equal(find_words_avx2(&text, 0, length, &anchors, from,
								 words_filter(words), other),
						 count);
			else
				memcpy(other, one, sizeof(one));
			assert_memory_equal(one, other, count * sizeof(*one));
			for (size_t i = 0; i + 8 < 64 * FIND_BLOCKS && from * 64 + i + 8 < length;
			     i++) {
				size_t at = from * 64 + i, k = 0;

				if (memcmp(exact + at, " Phone: ", 8) != 0)
					continue;
				while (k < count && one[k] != at + 1)
					k++;
				assert_true(k < count || at + 1 >= (from + FIND_BLOCKS) * 64);
			}
		}
		free(exact);
		free(bytes);
	}
	words_free(words);
}

static void both_ways_find_the_same_begin(void **state)
{
	uint8_t bytes[300];

	(void)state;
	if (!classify_has_avx2())
		skip();
	for (size_t at = 0; at + 10 <= sizeof(bytes); at++) {
		memset(bytes, '-', sizeof(bytes));
		memcpy(bytes + at, "-----BEGIN", 10);
		for (size_t from = 0; from < sizeof(bytes); from += 7) {
			size_t one = find_begin_scalar(bytes, sizeof(bytes), from);

			assert_int_equal(one, from <= at ? at : sizeof(bytes));
			assert_int_equal(find_begin_avx2(bytes, sizeof(bytes), from), one);
		}
	}
	assert_int_equal(find_begin(bytes, 9, 0), 9);
}

static void bits_say_what_bytes_are(void **state)
{
	struct anchors bits;
	uint8_t bytes[256];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	classify(bytes, sizeof(bytes), &bits);
	for (unsigned i = 0; i < 256; i++) {
#define BIT(row) ((bits.row[i / 64] >> (i % 64)) & 1)
		bool is_digit = i >= '0' && i <= '9';
		bool is_letter = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
		bool is_joint = i && i < 128 && strchr(" -./()+", (int)i) != NULL;

		assert_int_equal(BIT(digit), is_digit);
		assert_int_equal(BIT(word), is_digit || is_letter);
		assert_int_equal(BIT(upper), i >= 'A' && i <= 'Z');
		assert_int_equal(BIT(numeric), is_digit || is_joint || i >= 128);
		assert_int_equal(BIT(at), i == '@');
		assert_int_equal(BIT(high), i >= 128);
		assert_int_equal(BIT(zero), i == 0);
		assert_int_equal(BIT(colon), i == ':');
		assert_int_equal(BIT(equal), i == '=');
		assert_int_equal(BIT(dot), i == '.');
		assert_int_equal(BIT(dash), i == '-');
		assert_int_equal(BIT(base64), is_digit || is_letter ||
						      (i && i < 128 && strchr("+/-_=\\", (int)i)));
#undef BIT
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_give_the_same_bits),
		cmocka_unit_test(both_ways_find_the_same_words),
		cmocka_unit_test(both_ways_find_the_same_begin),
		cmocka_unit_test(bits_say_what_bytes_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
