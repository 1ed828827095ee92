/* Tests policy/detect/walk-json.c: a key counts for its value and for all that is nested in it */
#include "walking.h"

static void values_of_named_keys_are_hidden(void **state)
{
	static const struct walk_row rows[] = {
		{"{\"phone\": \"555\", \"x\": \"y\"}", "phone[555]"},
		{"{\"\\u0070hon\\u0065\": \"555\", \"\\u00\": \"y\"}", "phone[555]"},
		{"{\"dateOfBirth\":\"1980\",\"ssn\":123456789}",
		 "date-of-birth[1980] national-id[123456789]"},
		{"{\"name\": {\"first\": \"Ada\", \"last\": \"Lovelace\"}}",
		 "name[Ada] name[Lovelace]"},
		{"{\"phones\": [{\"type\":\"home\",\"value\":\"1\"}, \"2\"], \"a\":\"b\"}",
		 "phone[1] phone[2]"},
		{"{\"password\": \"a\\\"b\\\\\", \"c\": \"d\"}", "password[a\\\"b\\\\]"},
		{"{\"full_name\": null, \"phone\": true}", ""},
		{"{\"address\": {\"street\":\"s\",\"state\":\"CA\"}, \"state\":\"Open\"}",
		 "address[s] address[CA]"},
		{"[{\"email\":\"a@x\"},{\"id\":\"b\"}]", "email[a@x]"},
		{"\"phone\"", ""},
		{"{\"phone\": \"unfinished", "phone[unfinished]"},
	};

	(void)state;
	check_rows(DETECT_JSON, 0, rows, BL_COUNT(rows));
}

static void packages_and_settings_stay(void **state)
{
	static const struct walk_row rows[] = {
		{"{\"name\": \"express\", \"version\": \"1.2.3\"}", ""},
		{"{\"name\": \"@scope/thing\", \"address\": \"0.0.0.0:80\"}", ""},
		{"{\"fileName\": \"Kim Larsen\", \"hostname\": \"Ada\"}", ""},
		{"{\"name\": \"Kim Larsen\"}", "name[Kim Larsen]"},
		{"{\"user\": \"root\", \"pin\": 13}", ""},
		{"{\"location\": \"/usr/lib\"}", ""},
	};

	(void)state;
	check_rows(DETECT_JSON, 0, rows, BL_COUNT(rows));
}

static void records_of_json_lines_stand_alone(void **state)
{
	static const struct walk_row rows[] = {
		{"{\"phone\":\"1\"}\n{\"phone\":\"2\"}\n", "phone[1] phone[2]"},
		{"{\"phone\":\"1\",\"na\n{\"phone\":\"2\",\"x\":\"y\"}\n", "phone[1] phone[2]"},
		{"{\"phone\":\"1\"\n{\"phone\":\"2\",\"x\":\"y\"}\n", "phone[1] phone[2]"},
	};

	(void)state;
	check_rows(DETECT_JSON, 0, rows, BL_COUNT(rows));
}

static void what_is_nested_too_deep_keeps_its_class(void **state)
{
	struct detect_profile profile = {.is_text = true, .format = DETECT_JSON};
	struct walked walked;
	char text[2048] = "{\"phone\":";
	size_t used = strlen(text);

	(void)state;
	memset(text + used, '[', 200);
	used += 200;
	used += (size_t)sprintf(text + used, "\"1\"");
	memset(text + used, ']', 200);
	used += 200;
	used += (size_t)sprintf(text + used, ",\"x\":\"y\"}");
	walk_every_way(&profile, text, used, &walked);
	assert_string_equal(walked.found, "phone[1]");
	walked_free(&walked);
}

/* A value longer than a span may be is told in pieces that overlap. */
static void long_values_are_hidden_whole(void **state)
{
	struct detect_profile profile = {.is_text = true, .format = DETECT_JSON};
	struct walked walked;
	char text[3000];
	size_t front = (size_t)sprintf(text, "{\"full_name\":\"");

	(void)state;
	memset(text + front, 'a', 2000);
	strcpy(text + front + 2000, "\"}");
	walk_every_way(&profile, text, front + 2002, &walked);
	for (size_t i = 0; i < front + 2002; i++)
		assert_int_equal(walked.cover[i] != 0, i >= front && i < front + 2000);
	walked_free(&walked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_named_keys_are_hidden),
		cmocka_unit_test(packages_and_settings_stay),
		cmocka_unit_test(records_of_json_lines_stand_alone),
		cmocka_unit_test(what_is_nested_too_deep_keeps_its_class),
		cmocka_unit_test(long_values_are_hidden_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
