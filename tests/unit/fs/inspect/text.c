#include "tests/unit/fs/inspect/medium-test.h"

#define LENGTH 8192

static struct detect_scanner *scanner_of(bl_classes classes)
{
	static const struct detect_identity known[] = {
		{IDENTITY_NAME, "Quillon Ferrowby", false},
		{IDENTITY_NAME, "Олена Вигадана", false},
	};
	struct detect_scanner *scanner = NULL;

	assert_int_equal(detect_scanner_new(classes, NULL, known, BL_COUNT(known), &scanner, NULL),
			 BL_OK);
	return scanner;
}

static const struct row {
	const char *text;
	const char *value; /* NULL: nothing is found */
	unsigned class;
} ROWS[] = {
	{"write to some.one@example.org today", "some.one@example.org", CLASS_EMAIL},
	{"some.one@example.org", "some.one@example.org", CLASS_EMAIL},
	{"Größe 12, für Jörg: jorg@example.org", "jorg@example.org", CLASS_EMAIL},
	{"card 4111 1111 1111 1111 on file", "4111 1111 1111 1111", CLASS_CARD},
	{"told by Quillon Ferrowby herself", "Quillon Ferrowby", CLASS_CUSTOMER},
	{"Зустріч: Олена Вигадана, завтра", "Олена Вигадана", CLASS_CUSTOMER},
	{"会議の件です。some.one@example.org 宛て", "some.one@example.org", CLASS_EMAIL},
	{"회의 의자: some.one@example.org 으로", "some.one@example.org", CLASS_EMAIL},
	{"nothing to be seen in here at all", NULL, 0},
};

/* Who looks, and the bytes looked at, which are zeros at first. */
struct looking {
	struct detect_scanner *scanner;
	struct inspect_text *text;
	uint8_t *bytes;
};

static struct looking *looking_for(bl_classes classes, size_t length)
{
	struct looking *looking = calloc(1, sizeof(*looking));

	assert_non_null(looking);
	looking->scanner = scanner_of(classes);
	looking->bytes = calloc(1, length);
	assert_non_null(looking->bytes);
	assert_int_equal(inspect_text_new(looking->scanner, &looking->text), BL_OK);
	return looking;
}

static void looking_free(struct looking *looking)
{
	inspect_text_free(looking->text);
	detect_scanner_free(looking->scanner);
	free(looking->bytes);
	free(looking);
}
BL_DEFINE_CLEANUP(struct looking, looking_free)

static void look(struct looking *looking, size_t from, size_t to,
		 const struct inspect_finding **out_items, size_t *out_count)
{
	assert_int_equal(inspect_text_look(looking->text, looking->bytes, LENGTH, from, to, 7 * MIB,
					   out_items, out_count, NULL),
			 BL_OK);
}

/* In each order, at even and odd places. */
static void values_are_found_in_every_order(void **state)
{
	BL_CLEANUP(looking_free)
	struct looking *looking = looking_for(
		CLASS_BIT(CLASS_EMAIL) | CLASS_BIT(CLASS_CARD) | CLASS_BIT(CLASS_CUSTOMER), LENGTH);
	uint8_t *bytes = looking->bytes, value[512];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS) * 6; i++) {
		const struct row *row = &ROWS[i / 6];
		enum inspect_order order = (enum inspect_order)(i % 3);
		size_t at = 2000 + i % 2, before = 0, length, value_length;
		const struct inspect_finding *items;
		size_t count;

		memset(bytes, 0x1b, LENGTH);
		if (order == ORDER_UTF8) {
			memcpy(bytes + at, row->text, strlen(row->text));
			length = row->value ? strlen(row->value) : 0;
			before = row->value ? (size_t)(strstr(row->text, row->value) - row->text)
					    : 0;
		} else {
			char head[512];

			wide(row->text, order, bytes + at);
			length = row->value ? wide(row->value, order, value) : 0;
			snprintf(head, sizeof(head), "%.*s",
				 row->value ? (int)(strstr(row->text, row->value) - row->text) : 0,
				 row->text);
			before = wide(head, order, value);
		}
		value_length = length;
		look(looking, 0, LENGTH, &items, &count);
		if (!row->value ? count != 0
				: count != 1 || items[0].class != row->class ||
					  items[0].offset != 7 * MIB + at + before ||
					  items[0].length != value_length ||
					  items[0].is_identity != (row->class == CLASS_CUSTOMER))
			fail_msg("\"%s\", order %u at %zu: %zu found, at %lld of %u bytes",
				 row->text, (unsigned)order, at, count,
				 count ? (long long)(items[0].offset - 7 * MIB) : -1,
				 count ? items[0].length : 0);
	}
}

/* What two runs say is not put together, however near they are. */
static void values_are_not_joined_over_what_is_no_text(void **state)
{
	static const char *const rows[][2] = {
		{"the card is 4111 1111 ", "1111 1111 or so it says"},
		{"the address is some.one@", "example.org is its domain"},
	};
	static const char *const partings[] = {"", "\x01", "\x1b\x1b", "\xff", "\x80"};
	BL_CLEANUP(looking_free)
	struct looking *looking =
		looking_for(CLASS_BIT(CLASS_EMAIL) | CLASS_BIT(CLASS_CARD), LENGTH);
	uint8_t *bytes = looking->bytes;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows) * BL_COUNT(partings); i++) {
		const char *const *row = rows[i / BL_COUNT(partings)];
		const char *parting = partings[i % BL_COUNT(partings)];
		const struct inspect_finding *items;
		char line[200];
		size_t count;
		int length = snprintf(line, sizeof(line), "%s%s%s", row[0], parting, row[1]);

		memset(bytes, 0, LENGTH);
		memcpy(bytes + 100, line, (size_t)length);
		look(looking, 0, LENGTH, &items, &count);
		/* Without any it is one text, and there is something to be found. */
		if (count != (*parting == '\0'))
			fail_msg("\"%s\" and \"%s\", parting %zu: %zu found", row[0], row[1],
				 i % BL_COUNT(partings), count);
	}
}

/* Seven characters are no text, eight are. */
static void the_shortest_run_has_eight_characters(void **state)
{
	static const struct {
		const char *text;
		size_t count;
	} rows[] = {{"a@bc.de", 0}, {"ab@cd.de", 1}};
	BL_CLEANUP(looking_free)
	struct looking *looking = looking_for(CLASS_BIT(CLASS_EMAIL), LENGTH);
	uint8_t *bytes = looking->bytes;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows) * 3; i++) {
		enum inspect_order order = (enum inspect_order)(i % 3);
		const struct inspect_finding *items;
		size_t count;

		memset(bytes, 0x1b, LENGTH);
		if (order == ORDER_UTF8)
			memcpy(bytes + 501, rows[i / 3].text, strlen(rows[i / 3].text));
		else
			wide(rows[i / 3].text, order, bytes + 501);
		look(looking, 0, LENGTH, &items, &count);
		if (count != rows[i / 3].count)
			fail_msg("\"%s\", order %u: %zu found", rows[i / 3].text, (unsigned)order,
				 count);
	}
}

/* By where it begins; the rest is for those who look at what is before or behind. */
static void a_value_belongs_to_where_it_begins(void **state)
{
	static const struct {
		size_t from, to, count;
	} rows[] = {{0, 1000, 0}, {0, 1001, 1}, {1000, 1001, 1}, {1001, LENGTH, 0}, {0, LENGTH, 1}};
	BL_CLEANUP(looking_free)
	struct looking *looking = looking_for(CLASS_BIT(CLASS_EMAIL), LENGTH);
	uint8_t *bytes = looking->bytes;

	(void)state;
	memcpy(bytes + 1000, "some.one@example.org", 20);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		const struct inspect_finding *items;
		size_t count;

		look(looking, rows[i].from, rows[i].to, &items, &count);
		if (count != rows[i].count)
			fail_msg("[%zu, %zu): %zu found", rows[i].from, rows[i].to, count);
	}
}

/* Units of every reading at once, more of them than there is room for at one time. */
static void text_that_is_more_than_fits_at_once_is_looked_through(void **state)
{
	size_t length = INSPECT_BLOCK + 2 * INSPECT_CONTEXT;
	BL_CLEANUP(looking_free)
	struct looking *looking = looking_for(CLASS_BIT(CLASS_EMAIL), length);
	uint8_t *bytes = looking->bytes;
	const struct inspect_finding *items;
	size_t count;

	(void)state;
	/* Han in both orders and at all places, and no pattern. */
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(0x80 + i * i % 31);
	memcpy(bytes + 100, "\x1b some.one@example.org \x1b", 24);
	wide(" some.two@example.org ", ORDER_LITTLE, bytes + length - 1000);
	assert_int_equal(
		inspect_text_look(looking->text, bytes, length, 0, length, 0, &items, &count, NULL),
		BL_OK);
	assert_int_equal(count, 2);
	assert_int_equal(items[0].offset, 102);
	assert_int_equal(items[1].offset, length - 1000 + 2);
}

/* What wiping programs write is text too, now and then; a value beside it is found all the same. */
static void patterns_hide_nothing(void **state)
{
	static const char *const patterns[] = {"U", "@", "\x92\x49\x24", "a@b.", "\1", "\x9c", " "};
	BL_CLEANUP(looking_free)
	struct looking *looking = looking_for(CLASS_BIT(CLASS_EMAIL), LENGTH);
	uint8_t *bytes = looking->bytes;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(patterns) * 2; i++) {
		const char *pattern = patterns[i / 2];
		const struct inspect_finding *items;
		size_t count;

		for (size_t k = 0; k < LENGTH; k++)
			bytes[k] = (uint8_t)pattern[k % strlen(pattern)];
		look(looking, 0, LENGTH, &items, &count);
		if (count != 0)
			fail_msg("pattern %zu: %zu found", i / 2, count);
		if (i % 2)
			memcpy(bytes + 4000, "\nsome.one@example.org\n", 22);
		else
			wide("\nsome.one@example.org\n", ORDER_LITTLE, bytes + 4000);
		look(looking, 0, LENGTH, &items, &count);
		/* U+0101 is a letter, and lengthens what is beside it. */
		if (count != 1 || items[0].offset > 7 * MIB + (i % 2 ? 4001 : 4002) ||
		    items[0].offset + items[0].length < 7 * MIB + 4002 + 19)
			fail_msg("beside pattern %zu: %zu found, at %lld", i / 2, count,
				 count ? (long long)(items[0].offset - 7 * MIB) : -1);
	}
}

/* A key is longer than all else, and is told whole. */
static void a_private_key_is_one_finding(void **state)
{
	BL_CLEANUP(looking_free)
	struct looking *looking = looking_for(CLASS_BIT(CLASS_PRIVATE_KEY), LENGTH);
	uint8_t *bytes = looking->bytes;
	const struct inspect_finding *items;
	char key[4000];
	size_t count, length;

	(void)state;
	length = (size_t)snprintf(key, sizeof(key), "-----BEGIN PRIVATE KEY-----\n");
	for (unsigned i = 0; i < 30; i++)
		length += (size_t)snprintf(
			key + length, sizeof(key) - length,
			"QkFJTEVFIHN5bnRoZXRpYyBrZXkgbGluZSBvZiBub3RoaW5nIGF0IGFsbC4uLiB%u\n",
			i % 10);
	length +=
		(size_t)snprintf(key + length, sizeof(key) - length, "-----END PRIVATE KEY-----\n");
	memcpy(bytes + 700, key, length);
	look(looking, 0, 1000, &items, &count);
	assert_int_equal(count, 1);
	assert_int_equal(items[0].offset, 7 * MIB + 700);
	assert_in_range(items[0].length, length - 1, length);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_in_every_order),
		cmocka_unit_test(values_are_not_joined_over_what_is_no_text),
		cmocka_unit_test(the_shortest_run_has_eight_characters),
		cmocka_unit_test(a_value_belongs_to_where_it_begins),
		cmocka_unit_test(text_that_is_more_than_fits_at_once_is_looked_through),
		cmocka_unit_test(patterns_hide_nothing),
		cmocka_unit_test(a_private_key_is_one_finding),
	};

	return cmocka_run_group_tests(tests, setup_sodium, NULL);
}
