/* Tests policy/detect/identity.c: phones from the back, classes of who is in the record and who was found, and thousands of people */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/detect/kind.h"

static struct identities *make(const struct detect_identity *items, size_t count,
			       bl_classes classes, struct words **out_words)
{
	struct identities *self = NULL;

	assert_int_equal(words_new(out_words), BL_OK);
	assert_int_equal(identities_new(items, count, classes, *out_words, &self), BL_OK);
	assert_int_equal(words_finish(*out_words), BL_OK);
	return self;
}

static void phones_are_compared_from_the_back(void **state)
{
	static const struct detect_identity items[] = {{IDENTITY_PHONE, "+44 7700 900123", false},
						       {IDENTITY_PHONE, "555 0143", true},
						       {IDENTITY_PHONE, "5551234x", false},
						       {IDENTITY_PHONE, "123456", false}};
	static const struct {
		const char *digits;
		bool is_known;
		enum bl_class class;
	} rows[] = {
		{"447700900123", true, CLASS_CUSTOMER}, {"07700900123", true, CLASS_CUSTOMER},
		{"7700900123", true, CLASS_CUSTOMER},	{"10900123", false, CLASS_CUSTOMER},
		{"0900123", true, CLASS_CUSTOMER},	{"07700900124", false, CLASS_CUSTOMER},
		{"5550143", true, CLASS_PHONE},		{"2025550143", true, CLASS_PHONE},
		{"5551234", true, CLASS_CUSTOMER},	{"123456", false, CLASS_CUSTOMER},
	};
	struct words *words;
	struct identities *self = make(items, BL_COUNT(items), UINT64_MAX, &words);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint8_t digits[32];
		size_t count = strlen(rows[i].digits);
		enum bl_class class = CLASS_CUSTOMER;
		bool is_known;

		for (size_t k = 0; k < count; k++)
			digits[k] = (uint8_t)(rows[i].digits[k] - '0');
		is_known = identities_phone(self, digits, count, &class);
		if (is_known != rows[i].is_known || (is_known && class != rows[i].class))
			fail_msg("row %zu: %d", i, is_known);
	}
	identities_free(self);
	words_free(words);
}

static unsigned class_at(const struct words *words, const char *value)
{
	struct text text = {(const uint8_t *)value, strlen(value)};
	struct word_found found[WORDS_FOUND];

	for (size_t count = words_at(words, &text, 0, found); count; count--)
		if (found[count - 1].end == text.length)
			return found[count - 1].class;
	return CLASS_LIMIT;
}

static void thousands_are_known_in_every_form(void **state)
{
	static char names[5000][32], phones[5000][16];
	static struct detect_identity items[10001];
	struct words *words;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		snprintf(names[i], sizeof(names[i]), "Kym%c%c Lövsen%c%c%c", (char)('a' + i % 26),
			 (char)('a' + i / 26 % 26), (char)('a' + i % 7), (char)('a' + i / 7 % 26),
			 (char)('a' + i / 676));
		snprintf(phones[i], sizeof(phones[i]), "+1202555%04zu", i);
		items[2 * i] = (struct detect_identity){IDENTITY_NAME, names[i], true};
		items[2 * i + 1] = (struct detect_identity){IDENTITY_PHONE, phones[i], true};
	}
	items[10000] = (struct detect_identity){IDENTITY_NAME, names[4321], false};

	struct identities *self = make(items, BL_COUNT(items), UINT64_MAX, &words);

	for (size_t i = 0; i < 5000; i += 13) {
		char text[64], *last = strchr(names[i], ' ') + 1;
		uint8_t digits[10] = {2,
				      0,
				      2,
				      5,
				      5,
				      5,
				      (uint8_t)(i / 1000),
				      (uint8_t)(i / 100 % 10),
				      (uint8_t)(i / 10 % 10),
				      (uint8_t)(i % 10)};
		enum bl_class class;

		assert_int_equal(class_at(words, names[i]), CLASS_NAME);
		snprintf(text, sizeof(text), "%s, %.5s", last, names[i]);
		assert_int_equal(class_at(words, text), CLASS_NAME);
		snprintf(text, sizeof(text), "K. LOEVSEN%s", last + 7);
		assert_int_equal(class_at(words, text), CLASS_NAME);
		snprintf(text, sizeof(text), "klovsen%s", last + 7);
		assert_int_equal(class_at(words, text), CLASS_NAME);
		snprintf(text, sizeof(text), "%.5s_lovsen%s", names[i], last + 7);
		assert_int_equal(class_at(words, text), CLASS_NAME);
		assert_true(identities_phone(self, digits, 10, &class));
		assert_int_equal(class, CLASS_PHONE);
	}
	assert_int_equal(class_at(words, names[4321]), CLASS_CUSTOMER);
	assert_int_equal(class_at(words, "Kymzz Nobody"), CLASS_LIMIT);
	identities_free(self);
	words_free(words);
}

static void other_scripts_and_stop_words(void **state)
{
	static const struct detect_identity items[] = {
		{IDENTITY_NAME, "Анна Карелина", false},
		{IDENTITY_NAME, "Will May", false},
		{IDENTITY_NAME, "김 민수", false},
		{IDENTITY_EMAIL, "info@example.com", false},
		{IDENTITY_EMAIL, "ada.byron@example.com", false},
		{IDENTITY_ADDRESS, "12 Harbour Street, Testville, TV1 2AB", false},
	};
	static const struct {
		const char *text;
		bool is_known;
	} rows[] = {
		{"анна карелина", true}, {"КАРЕЛИНА, АННА", true},
		{"А. Карелина", true},	 {"Will May", true},
		{"Will", false},	 {"may", false},
		{"김 민수", true},	 {"info@example.com", true},
		{"info", false},	 {"ada.byron", true},
		{"adabyron", true},	 {"12 harbour st", true},
		{"TV1 2AB", true},	 {"Testville", false},
	};
	struct words *words;
	struct identities *self = make(items, BL_COUNT(items), UINT64_MAX, &words);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if ((class_at(words, rows[i].text) < CLASS_LIMIT) != rows[i].is_known)
			fail_msg("'%s'", rows[i].text);
	identities_free(self);
	words_free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phones_are_compared_from_the_back),
		cmocka_unit_test(thousands_are_known_in_every_form),
		cmocka_unit_test(other_scripts_and_stop_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
