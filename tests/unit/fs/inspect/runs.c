#include "tests/unit/fs/inspect/medium-test.h"

#define MOST 70000

/* Bytes as they come on media: random ones, text of each kind, zeros, and what is nearly text. */
static void make_bytes(uint8_t *out, size_t length, uint32_t seed)
{
	static const char *const texts[] = {
		"plain words of a letter ",
		"J\xc3\xb6rg M\xc3\xbcller \xe2\x82\xac 5 ",
		"\xf0\x9f\x98\x80 \xe4\xb8\xad\xe6\x96\x87",
		"\xc3\x28 \xe0\x80\x80 \xed\xa0\x80",
	};

	for (size_t at = 0; at < length;) {
		size_t run = 1 + next_random(&seed) % 300;
		uint32_t kind = next_random(&seed) % 8;
		const char *text = texts[kind % BL_COUNT(texts)];
		uint32_t high = next_random(&seed);

		run = BL_MIN(run, length - at);

		for (size_t i = 0; i < run; i++) {
			uint8_t random = (uint8_t)next_random(&seed);

			switch (kind) {
			case 4: /* two orders of UTF-16 */
			case 5:
				out[at + i] = (i + kind) % 2 ? (uint8_t)(' ' + random % 95) : 0;
				break;
			case 6: /* one group of scripts */
				out[at + i] = i % 2 ? (uint8_t)(high % 3 ? 0x4e + random % 80
									 : 0xac + random % 40)
						    : random;
				break;
			case 7:
				out[at + i] = random;
				break;
			default:
				out[at + i] = (uint8_t)text[i % strlen(text)];
			}
		}
		at += run;
	}
}

static void both_twins_give_the_same_bits(void **state)
{
	struct inspect_kind_tables tables;
	uint8_t bytes[64];

	(void)state;
	if (!inspect_kinds_has_avx2())
		skip();
	inspect_kind_tables_init(&tables);
	for (unsigned round = 0; round < 4096; round++) {
		struct inspect_kinds plain, fast;

		for (unsigned i = 0; i < 64; i++)
			bytes[i] = (uint8_t)(round < 4 ? round * 64 + i : 0);
		if (round >= 4)
			fill_random(bytes, sizeof(bytes), round);
		inspect_kinds_plain(&tables, bytes, &plain);
		inspect_kinds_avx2(&tables, bytes, &fast);
		if (memcmp(&plain, &fast, sizeof(plain)) != 0)
			fail_msg("round %u differs", round);
	}
}

/* ---- a plain reader, character by character --------------------------------------------------------------- */

static bool is_text(uint8_t byte)
{
	return (byte >= 0x20 && byte <= 0x7e) || (byte >= 9 && byte <= 13);
}

/* Bytes of the character at @at by its first byte and those behind; 0: none. */
static size_t character(const uint8_t *bytes, size_t length, size_t at)
{
	uint8_t head = bytes[at];
	size_t size = is_text(head)		     ? 1
		      : head >= 0xc2 && head <= 0xdf ? 2
		      : head >= 0xe0 && head <= 0xef ? 3
		      : head >= 0xf0 && head <= 0xf4 ? 4
						     : 0;

	for (size_t i = 1; i < size; i++)
		if (at + i >= length || (bytes[at + i] & 0xc0) != 0x80)
			return 0;
	return size;
}

/* Marks the bytes of UTF-8 runs; of those of at least eight bytes in @out_long too. */
static void mark_utf8(const uint8_t *bytes, size_t length, uint8_t *out, uint8_t *out_long)
{
	size_t from = 0;

	memset(out, 0, length + 1);
	memset(out_long, 0, length + 1);
	for (size_t at = 0; at < length;) {
		size_t size = character(bytes, length, at);

		memset(out + at, 1, size);
		at += size ? size : 1;
	}
	for (size_t at = 0; at <= length; at++) {
		if (out[at])
			continue;
		if (at - from >= INSPECT_RUN)
			memset(out_long + from, 1, at - from);
		from = at + 1;
	}
}

static bool is_unit(const uint8_t *bytes, enum inspect_reading reading, size_t at)
{
	bool is_big = inspect_reading_order(reading) == ORDER_BIG;
	uint8_t high = bytes[at + !is_big], low = bytes[at + is_big];

	if (high == 0)
		return is_text(low) || low >= 0xa0;
	if (reading == READING_LITTLE || reading == READING_BIG)
		return high <= 0x17 || (high >= 0x1e && high <= 0x22);
	if (high == 0x20 || high == 0x30)
		return true;
	if (reading == READING_LITTLE_HAN || reading == READING_BIG_HAN)
		return high == 0x31 || (high >= 0x4e && high <= 0x9f);
	return high >= 0xac && high <= 0xd7;
}

struct list {
	struct inspect_run_of_text *items;
	size_t count;
};

static void add(struct list *list, size_t from, size_t to)
{
	assert_true(list->count < MOST);
	list->items[list->count++] = (struct inspect_run_of_text){from, to};
}

static void plain_utf8(const uint8_t *bytes, size_t length, const uint8_t *marks, struct list *out)
{
	for (size_t at = 0, from = 0, characters = 0; at <= length; at++) {
		if (at < length && marks[at]) {
			characters += (bytes[at] & 0xc0) != 0x80;
			continue;
		}
		if (characters >= INSPECT_RUN)
			add(out, from, at);
		from = at + 1;
		characters = 0;
	}
}

static void plain_utf16(const uint8_t *bytes, size_t length, const uint8_t *longs,
			enum inspect_reading reading, unsigned parity, struct list *out)
{
	size_t from = parity;

	for (size_t at = parity;; at += 2) {
		if (at + 2 <= length && is_unit(bytes, reading, at) &&
		    !(longs[at] && longs[at + 1]))
			continue;
		if (at - from >= (size_t)2 * INSPECT_RUN)
			add(out, from, at);
		from = at + 2;
		if (at + 2 > length)
			return;
	}
}

static void check(const struct inspect_runs *runs, const uint8_t *bytes,
		  enum inspect_reading reading, unsigned parity, const struct list *expected,
		  uint32_t seed)
{
	struct inspect_run_of_text run;
	size_t at = 0, count = 0;

	for (; inspect_runs_next(runs, bytes, reading, parity, &at, &run); count++)
		if (count >= expected->count || run.from != expected->items[count].from ||
		    run.to != expected->items[count].to)
			fail_msg("seed %u, reading %u, parity %u: run %zu is [%zu, %zu)", seed,
				 (unsigned)reading, parity, count, run.from, run.to);
	if (count != expected->count)
		fail_msg("seed %u, reading %u, parity %u: %zu runs for %zu", seed,
			 (unsigned)reading, parity, count, expected->count);
}

static void runs_are_those_of_a_plain_reader(void **state)
{
	inspect_kinds_fn *const twins[] = {inspect_kinds_plain, inspect_kinds_has_avx2()
									? inspect_kinds_avx2
									: inspect_kinds_plain};
	uint8_t *bytes = malloc(MOST), *marks = malloc(MOST + 1), *longs = malloc(MOST + 1);
	struct list expected = {malloc(MOST * sizeof(*expected.items)), 0};
	struct inspect_runs runs;

	(void)state;
	assert_true(bytes && marks && longs && expected.items);
	assert_int_equal(inspect_runs_init(&runs, MOST), BL_OK);
	for (uint32_t seed = 1; seed <= 40; seed++) {
		size_t length = seed < 20 ? seed * 13 : MOST - seed % 7;

		make_bytes(bytes, length, seed);
		mark_utf8(bytes, length, marks, longs);
		for (size_t k = 0; k < 2 * (size_t)READING_COUNT * 2; k++) {
			enum inspect_reading reading = (enum inspect_reading)(k / 4);
			unsigned parity = k % 2;

			if (reading == READING_UTF8 && parity)
				continue;
			if (k % 4 < 2)
				inspect_runs_look(&runs, bytes, length, twins[0]);
			else
				inspect_runs_look(&runs, bytes, length, twins[1]);
			expected.count = 0;
			if (reading == READING_UTF8)
				plain_utf8(bytes, length, marks, &expected);
			else
				plain_utf16(bytes, length, longs, reading, parity, &expected);
			check(&runs, bytes, reading, parity, &expected, seed);
		}
	}
	inspect_runs_done(&runs);
	free(expected.items);
	free(longs);
	free(marks);
	free(bytes);
}

/* What is looked through costs time: of random bytes it has to be little. */
static void random_bytes_have_next_to_no_text(void **state)
{
	uint8_t *bytes = malloc(INSPECT_BLOCK);
	struct inspect_runs runs;
	size_t text = 0;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(inspect_runs_init(&runs, INSPECT_BLOCK), BL_OK);
	fill_random(bytes, INSPECT_BLOCK, 77);
	inspect_runs_look(&runs, bytes, INSPECT_BLOCK, inspect_kinds_plain);
	for (unsigned r = 0; r < READING_COUNT; r++)
		for (unsigned parity = 0; parity < (r == READING_UTF8 ? 1 : 2); parity++) {
			struct inspect_run_of_text run;

			for (size_t at = 0; inspect_runs_next(&runs, bytes, (enum inspect_reading)r,
							      parity, &at, &run);)
				text += run.to - run.from;
		}
	assert_in_range(text, 1000, 30000);
	inspect_runs_done(&runs);
	free(bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_twins_give_the_same_bits),
		cmocka_unit_test(runs_are_those_of_a_plain_reader),
		cmocka_unit_test(random_bytes_have_next_to_no_text),
	};

	return cmocka_run_group_tests(tests, setup_sodium, NULL);
}
