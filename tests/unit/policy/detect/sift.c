/* Tests policy/detect/sift.c: words that are passed over mean nothing where they stand, and both twins pass over the same */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/kind.h"

#define TEXTS	   6000
#define TEXT_SIZE  700
#define PLAIN_SIZE 2400
#define SIGN_EVERY 50 /* pieces */

static const struct detect_identity people[] = {
	{IDENTITY_NAME, "Kim Larsen", false},
	{IDENTITY_NAME, "Grace Butcher", true},
	{IDENTITY_ADDRESS, "12 Harbour Street, Testville, TV1 2AB", false},
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* One of the phrases of a list, @separator between. */
static size_t pick_phrase(const char *list, char separator, uint32_t *state, char *out, size_t room)
{
	size_t count = 1, pick, length;

	for (const char *at = list; *at; at++)
		count += *at == separator;
	for (pick = next_random(state) % count; pick; pick--)
		list = strchr(list, separator) + 1;
	length = BL_MIN(strcspn(list, (char[]){separator, 0}), room);
	memcpy(out, list, length);
	return length;
}

static size_t pick_label(uint32_t *state, char *out, size_t room)
{
	const struct kind_table *table = kind_tables[next_random(state) % kind_table_count];
	const struct kind *kind = &table->rows[next_random(state) % table->count];
	const char *list = kind->after && next_random(state) % 3 == 0 ? kind->after : kind->labels;

	return list && *list ? pick_phrase(list, '|', state, out, room) : 0;
}

/* What labels, names and streets are found by, and what stands between them. */
static size_t pick_piece(uint32_t *state, char *out, size_t room)
{
	static const char others[] =
		"12|104233|7|0043 1 5346|2026-03-02|K1A 0B1|4111 1111 1111 1111|kim84|butcher7|Kim|"
		"Larsen|Smith|smith|von|de|and|zebra|Zebra|the|is|Baker Street|rue|Paris|75001 "
		"Paris|"
		"\xc3\xa9t\xc3\xa9|M\xc3\xbcller|\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd|e|N|no|"
		"a@b.example|secret: hunter2x|10.0.0.1|i am Kim|number";
	unsigned what = next_random(state) % 10;

	if (what < 3)
		return pick_label(state, out, room);
	if (what < 6) {
		const struct word_list *list =
			&person_words[next_random(state) % person_word_lists];
		size_t length = pick_phrase(list->words, ' ', state, out, room);

		if (length && next_random(state) % 2 && text_is_letter((uint8_t)out[0]))
			out[0] = (char)(out[0] & ~0x20);
		return length;
	}
	return pick_phrase(others, '|', state, out, room);
}

/* What means something in lower case alone, and labels, titles and closings in it; few signs of a value, so that most are far away. */
static size_t pick_plain(uint32_t *state, char out[], size_t room)
{
	static const char others[] =
		"kim larsen|larsen|kim|password is foo,bar|password 'foobar'|the|is|and|of|zebra|"
		"what3words index.home.raft|permis abcdefghi|harbour street|my name is|regards,\n|"
		"dear|von|password|phrases of some words in a row|mac abcdefabcdef|curl";
	static const char signs[] = "Kim|7|104233|\xc3\xa9|Zebra|12 Harbour Street|Dr";
	size_t length;

	if (next_random(state) % SIGN_EVERY == 0)
		return pick_phrase(signs, '|', state, out, room);
	if (next_random(state) % 2)
		return pick_phrase(others, '|', state, out, room);
	length = next_random(state) % 2
			 ? pick_label(state, out, room)
			 : pick_phrase(person_words[next_random(state) % person_word_lists].words,
				       ' ', state, out, room);
	for (size_t i = 0; i < length; i++)
		if ((uint8_t)out[i] >= 0x80 || text_is_digit((uint8_t)out[i]))
			out[i] = 'e';
	return length;
}

static size_t make_plain(uint32_t *state, char out[PLAIN_SIZE])
{
	static const char between[] = " | | |, |. |\n| - |: | '|' |=|\\n|    |     ";
	size_t length = 0;

	while (length < PLAIN_SIZE) {
		length += pick_plain(state, out + length, PLAIN_SIZE - length);
		length += pick_phrase(between, '|', state, out + length, PLAIN_SIZE - length);
	}
	return length;
}

static size_t make_text(uint32_t *state, char out[TEXT_SIZE])
{
	static const char between[] =
		"  |, |. |: | |\n|=|-|.|,|_|/|\t|; |\n\n|\\n|    |     |'| \"|";
	size_t size = 20 + next_random(state) % (TEXT_SIZE - 20), length = 0;

	while (length < size) {
		length += pick_piece(state, out + length, size - length);
		if (length < size && next_random(state) % 2)
			out[length++] = ' ';
		else
			length += pick_phrase(between, '|', state, out + length, size - length);
	}
	return length;
}

static void scan(const struct detect_scanner *scanner, const char *bytes, size_t length,
		 struct detect_spans *out)
{
	struct text text = {(const uint8_t *)bytes, length};

	out->count = 0;
	assert_int_equal(scan_text(scanner, &text, 0, length, 0, out), BL_OK);
}

static struct detect_scanner *make_scanner(void)
{
	struct detect_scanner *scanner = NULL;

	assert_int_equal(detect_scanner_new(detect_supported(), NULL, people, BL_COUNT(people),
					    &scanner, NULL),
			 BL_OK);
	return scanner;
}

static bool is_same(const struct detect_span *one, const struct detect_span *other)
{
	return one->offset == other->offset && one->length == other->length &&
	       one->class == other->class && one->is_sure == other->is_sure;
}

static void what_is_passed_over_means_nothing(void **state)
{
	struct detect_scanner *sifting = make_scanner(), *reading = make_scanner();
	struct detect_spans sifted = {0}, read = {0};
	uint32_t seed = 7;
	size_t found = 0;

	(void)state;
	words_read_all(scan_words_of(reading));
	for (size_t i = 0; i < TEXTS; i++) {
		char text[PLAIN_SIZE];
		size_t length = i % 2 ? make_text(&seed, text) : make_plain(&seed, text);

		scan(sifting, text, length, &sifted);
		scan(reading, text, length, &read);
		found += read.count;
		for (size_t k = 0; k < BL_MAX(sifted.count, read.count); k++)
			if (k >= sifted.count || k >= read.count ||
			    !is_same(&sifted.items[k], &read.items[k]))
				fail_msg("text %zu, span %zu of %zu, sifted %zu: '%.*s'", i, k,
					 read.count, sifted.count, (int)length, text);
	}
	assert_true(found > TEXTS);
	detect_spans_free(&sifted);
	detect_spans_free(&read);
	detect_scanner_free(sifting);
	detect_scanner_free(reading);
}

static void twins_keep_the_same_words(void **state)
{
	struct detect_scanner *scanner = make_scanner();
	const struct word_filter *filter = words_filter(scan_words_of(scanner));
	struct anchors *anchors = malloc(sizeof(*anchors));
	uint32_t seed = 11;
	size_t kept = 0;

	(void)state;
	if (!classify_has_avx2()) {
		free(anchors);
		detect_scanner_free(scanner);
		skip();
	}
	for (size_t i = 0; i < TEXTS; i++) {
		uint32_t one[FIND_WORDS], other[FIND_WORDS];
		char bytes[PLAIN_SIZE];
		size_t length = i % 2 ? make_text(&seed, bytes) : make_plain(&seed, bytes);
		struct text text = {(const uint8_t *)bytes, length};

		classify(text.bytes, text.length, anchors);
		size_t count = find_words_scalar(&text, 0, text.length, anchors, 0, filter, one);

		assert_int_equal(find_words_avx2(&text, 0, text.length, anchors, 0, filter, other),
				 count);
		assert_memory_equal(one, other, count * sizeof(*one));
		kept += count;
	}
	assert_true(kept > TEXTS);
	free(anchors);
	detect_scanner_free(scanner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_passed_over_means_nothing),
		cmocka_unit_test(twins_keep_the_same_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
