#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/inspect-page.c"
#include "fs/cli/progress.c"
#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

/* As fs/cli/device-page.c says it: that one has names of its own. */
void device_say_what(const json_t *device, struct tell_list *out)
{
	if (*cli_text(device, "serial"))
		tell_list_add(out, "serial number %s", cli_text(device, "serial"));
}

static json_t *statement_of(const char *size, const char *regions)
{
	char *text = NULL;

	assert_true(asprintf(&text, "{\"medium\":{\"size_bytes\":%s},\"regions\":%s}", size,
			     regions) > 0);
	json_t *statement = page_json(text);

	free(text);
	return statement;
}

/* 60 cells as a text: '.' nothing, 1 to 4 quarters, '?' not told. */
static void the_picture_shows_where_regions_lie(void **state)
{
	static const struct {
		const char *size, *regions, *cells;
	} ROWS[] = {
		{"6000", "{\"count\":0,\"first\":[]}",
		 "............................................................"},
		{"6000", "{\"count\":1,\"first\":[[0,6000]]}",
		 "444444444444444444444444444444444444444444444444444444444444"},
		{"6000", "{\"count\":1,\"first\":[[0,1]]}",
		 "1..........................................................."},
		{"6000", "{\"count\":1,\"first\":[[5999,1]]}",
		 "...........................................................1"},
		{"6000", "{\"count\":1,\"first\":[[150,100]]}",
		 ".22........................................................."},
		{"6000", "{\"count\":2,\"first\":[[100,25],[150,26]]}",
		 ".3.........................................................."},
		/* The first three thousand bytes are told, the rest is not. */
		{"6000", "{\"count\":9,\"first\":[[0,100],[2900,100]]}",
		 "4............................4??????????????????????????????"},
		/* What no statement of ours says. */
		{"6000", "{\"count\":3,\"first\":[[7000,10],[5900,99999],[-5,0]]}",
		 "...........................................................4"},
		{"0", "{\"count\":1,\"first\":[[0,10]]}",
		 "............................................................"},
		{"1", "{\"count\":1,\"first\":[[0,1]]}",
		 "444444444444444444444444444444444444444444444444444444444444"},
		{"9223372036854775807", "{\"count\":1,\"first\":[[9223372036854775806,9]]}",
		 "...........................................................1"},
		{"6000", "{\"count\":1,\"first\":[\"x\",[1],{}]}",
		 "............................................................"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		json_t *statement = statement_of(ROWS[i].size, ROWS[i].regions);
		int cells[INSPECT_CELLS];
		char shown[INSPECT_CELLS + 1] = "";

		inspect_cells(statement, cells);
		for (size_t j = 0; j < INSPECT_CELLS; j++)
			shown[j] = "?.1234"[cells[j] + 1];
		if (strcmp(shown, ROWS[i].cells) != 0)
			fail_msg("row %zu: %s", i, shown);
		json_decref(statement);
	}
}

#define FOUND                                                                                      \
	"{\"verdict\":\"NOT_EMPTY\",\"device\":{\"id\":\"RMA-1\"},\"medium\":{\"kind\":\"block "   \
	"device\",\"size_bytes\":6000,\"serial\":\"S\\u001b[2J\",\"serial_matches\":\"no\","       \
	"\"is_virtual\":true},\"read\":{\"bytes\":5000,\"unreadable_bytes\":1000,\"fill\":255},"   \
	"\"regions\":{\"count\":7,\"bytes\":70,\"first\":[[0,10],[100,10],[200,10],[300,10],"      \
	"[400,10],[500,10],[600,10]]},\"tables\":[{\"type\":\"gpt\",\"offset\":512}],"             \
	"\"filesystems\":[],\"filesystems_more\":0,\"findings\":{\"classes\":{\"email\":"          \
	"{\"allocated\":3,\"free\":0,\"nobodys\":1,\"identity\":2},\"card\":{\"allocated\":0}}},"  \
	"\"looked_for\":[\"card\",\"email\"],\"identities\":4,\"reports\":[{\"program\":"          \
	"\"nwipe\","                                                                               \
	"\"version\":\"0.34\",\"method\":null,\"result\":\"success\",\"serial_matches\":\"yes\"}]" \
	"}"

static char *page_of(const char *json, struct inspect_look look)
{
	json_t *statement = page_json(json);
	struct page page;

	page_begin(&page);
	inspect_page(page.out, statement, &look);
	json_decref(statement);
	page_end(&page);
	return page.text;
}

static void what_was_found_is_told_in_words(void **state)
{
	static const char *const SAID[] = {
		"NOT EMPTY: there is something on it\n",
		"block device of 6.0 kB, serial number S\\x1b[2J, virtual",
		"the serial number is NOT the record's\n",
		"5.0 kB, where anything but FF counts; 1.0 kB could NOT be read",
		"7 regions, 70 B in all",
		"10 B at 400\n",
		"gpt at 512\n",
		"email: 3 in use, 1 in no filesystem, 2 of these known of the customer\n",
		"2 kinds of personal data, 4 known values of the customer\n",
		"nwipe 0.34, success, the serial number is the record's\n",
		"bailee certificate show RMA-1 --inspect\n",
	};
	char *text = page_of(FOUND, (struct inspect_look){.is_utf8 = false});

	(void)state;
	for (size_t i = 0; i < BL_COUNT(SAID); i++)
		page_has(text, SAID[i]);
	page_lacks(text, "\033");
	page_lacks(text, "at 500\n"); /* the sixth */
	page_lacks(text, "card:");
	page_lacks(text, "restock"); /* it would be refused */
	free(text);
}

static void what_is_only_somebodys_word_is_told(void **state)
{
	static const char *const SAID[] = {
		"file of 6.0 kB, what it was copied from was not seen\n",
		"no serial number could be compared\n",
		"ONLY YOUR WORD says that this medium is the device's\n",
	};
	char *text = page_of("{\"verdict\":\"EMPTY\",\"device\":{\"id\":\"RMA-1\"},\"medium\":{"
			     "\"kind\":\"file\",\"size_bytes\":6000,\"serial\":null,"
			     "\"serial_matches\":\"unknown\",\"is_virtual\":null}}",
			     (struct inspect_look){.is_utf8 = false});

	(void)state;
	for (size_t i = 0; i < BL_COUNT(SAID); i++)
		page_has(text, SAID[i]);
	free(text);
	text = page_of(FOUND, (struct inspect_look){.is_utf8 = false});
	page_lacks(text, "YOUR WORD");
	page_lacks(text, "copied from");
	free(text);
}

static void only_what_is_proved_empty_is_called_so(void **state)
{
	static const struct {
		const char *verdict, *says;
		bool is_empty;
	} ROWS[] = {{"EMPTY", "EMPTY: all of it was read", true},
		    {"NOT_EMPTY", "NOT EMPTY: ", false},
		    {"NOT_READ", "NOT PROVED: nothing was found, but", false},
		    {"SOMETHING", "NOT PROVED: the verdict is not known", false},
		    {"", "NOT PROVED: the verdict is not known", false}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char json[96];

		snprintf(json, sizeof(json), "{\"verdict\":\"%s\",\"device\":{\"id\":\"A\"}}",
			 ROWS[i].verdict);

		char *text = page_of(json, (struct inspect_look){.is_utf8 = false});

		if (strncmp(text, ROWS[i].says, strlen(ROWS[i].says)) != 0)
			fail_msg("'%s' gives: %s", ROWS[i].verdict, text);
		if (ROWS[i].is_empty != (strstr(text, "bailee device restock A") != NULL))
			fail_msg("'%s': restock", ROWS[i].verdict);
		free(text);
	}
}

static void another_medium_is_not_to_be_restocked(void **state)
{
	char *text = page_of("{\"verdict\":\"EMPTY\",\"device\":{\"id\":\"A\"},\"medium\":{"
			     "\"serial_matches\":\"no\"}}",
			     (struct inspect_look){.is_utf8 = false});

	(void)state;
	page_has(text, "the serial number is NOT the record's");
	page_lacks(text, "restock");
	free(text);
}

static void colours_and_shades_are_for_terminals_that_have_them(void **state)
{
	char *plain = page_of(FOUND, (struct inspect_look){.is_utf8 = false});
	char *shaded = page_of(FOUND, (struct inspect_look){.is_utf8 = true});
	char *coloured = page_of(FOUND, (struct inspect_look){.has_colours = true});

	(void)state;
	page_has(plain, "[:::::::......");
	page_has(shaded, "[░░░░░░░······");
	page_lacks(shaded, "\033");
	page_has(coloured, "\033[31m:\033[0m");
	free(plain);
	free(shaded);
	free(coloured);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_picture_shows_where_regions_lie),
		cmocka_unit_test(what_was_found_is_told_in_words),
		cmocka_unit_test(what_is_only_somebodys_word_is_told),
		cmocka_unit_test(only_what_is_proved_empty_is_called_so),
		cmocka_unit_test(another_medium_is_not_to_be_restocked),
		cmocka_unit_test(colours_and_shades_are_for_terminals_that_have_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
