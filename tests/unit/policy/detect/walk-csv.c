/* Tests policy/detect/walk-csv.c: columns whose header tells a class are hidden, cell by cell, wherever one begins to read */
#include "walking.h"

static void cells_of_named_columns_are_hidden(void **state)
{
	static const struct walk_row rows[] = {
		{"id,full_name,Phone\n1,Ada Lovelace,555 12\n2,Bo,\n",
		 "name[Ada Lovelace] phone[555 12] name[Bo]"},
		{"id,\"E-mail 1 - Value\"\r\n1,a@x.example\r\n", "email[a@x.example]"},
		{"\xef\xbb\xbf\"full_name\",x\nAda,1\n", "name[Ada]"},
		{"full_name\n\"Ada\nLovelace\"\n", "name[Ada\nLovelace]"},
		{"full_name,x\n\"Ada \"\"L\"\"\",y\n", "name[Ada \"\"L\"\"]"},
		{"full_name,x\n\"Ada\" Love,y\n", "name[Ada] name[Love]"},
		{"x,full_name\n\"a,b\nc\",Kim\n", "name[Kim]"},
		{"sep=,\nx,full_name\n1,Kim\n", "name[Kim]"},
		{"full_name\nKim", "name[Kim]"},
		{"full_name\n\"Kim", "name[Kim]"},
		{"full_name\n\n\nKim\n", "name[Kim]"},
	};

	(void)state;
	check_rows(DETECT_CSV, ',', rows, BL_COUNT(rows));
}

static void a_weak_name_counts_beside_others(void **state)
{
	static const struct walk_row rows[] = {
		{"name,price\nx-200,4\nnginx,5\n", ""},
		{"name,price\nAda Lovelace,4\n", "name[Ada Lovelace]"},
		{"name,email,state\nada,a@x.example,CA\n",
		 "name[ada] email[a@x.example] address[CA]"},
		{"id,state,count\n1,open,4\n", ""},
		{"id,status\n1,Kim\n", ""},
	};

	(void)state;
	check_rows(DETECT_CSV, ',', rows, BL_COUNT(rows));
}

static void other_separators_are_known(void **state)
{
	static const struct walk_row semicolon[] = {
		{"sep=;\nid;dob\n1;1980-01-02\n", "date-of-birth[1980-01-02]"},
		{"id;full_name\n1;Larsen, Kim\n", "name[Larsen, Kim]"}};
	static const struct walk_row tab[] = {{"id\tIBAN\n1\tDE00 1\n", "iban[DE00 1]"}};

	(void)state;
	check_rows(DETECT_CSV, ';', semicolon, BL_COUNT(semicolon));
	check_rows(DETECT_CSV, '\t', tab, BL_COUNT(tab));
}

/* Of 300 columns the last is a phone: it is too far out to be remembered, so all that far out are hidden. */
static void columns_far_out_are_hidden_together(void **state)
{
	struct detect_profile profile = {.is_text = true, .format = DETECT_CSV, .separator = ','};
	struct walked walked;
	char text[4096];
	size_t used = 0;

	(void)state;
	for (unsigned i = 0; i < 299; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "c%u,", i % 10);
	used += (size_t)snprintf(text + used, sizeof(text) - used, "phone\n");
	for (unsigned i = 0; i < 300; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i == 255   ? "near"
					 : i == 270 ? "far"
						    : "",
					 i < 299 ? "," : "z\n");
	walk_every_way(&profile, text, used, &walked);
	assert_string_equal(walked.found, "phone[far] phone[z]");
	walked_free(&walked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_of_named_columns_are_hidden),
		cmocka_unit_test(a_weak_name_counts_beside_others),
		cmocka_unit_test(other_separators_are_known),
		cmocka_unit_test(columns_far_out_are_hidden_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
