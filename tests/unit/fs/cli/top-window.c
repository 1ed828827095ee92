/* Tests fs/cli/top-window.c and top-screen.c: a minute is a minute, nothing grows, and lines fit whatever they hold */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/top-screen.c" /* commands are in no library */
#include "fs/cli/top-window.c"
#include "fs/cli/tell.c"

#define NOON INT64_C(1795392000)

static struct top_window *window_at(int64_t now)
{
	struct top_window *window = calloc(1, sizeof(*window));

	assert_non_null(window);
	top_window_move(window, now);
	return window;
}

static void add(struct top_window *window, int64_t at, const char *person, const char *device,
		uint64_t bytes, bool is_denied)
{
	const struct top_event event = {.at_unix = at,
					.count = 1,
					.bytes = bytes,
					.is_denied = is_denied,
					.person = person,
					.device = device,
					.what = "read",
					.rule = is_denied ? "no-copies" : ""};

	top_window_add(window, &event);
}

static void a_minute_is_counted_and_goes(void **state)
{
	struct top_window *window = window_at(NOON);

	(void)state;
	add(window, NOON, "anna", "RMA-1", 10, false);
	add(window, NOON - 59, "anna", "RMA-1", 5, true);
	add(window, NOON - 60, "anna", "RMA-1", 7, false); /* too old */
	add(window, NOON + 500, "bob", "", 1, false);	   /* a clock that is ahead: now */
	assert_int_equal(top_window_sums(window).events, 3);
	assert_int_equal(top_window_sums(window).bytes, 16);
	assert_int_equal(top_window_second(window, 0).events, 2);
	top_window_move(window, NOON + 1);
	assert_int_equal(top_window_sums(window).events, 2);
	assert_int_equal(top_window_sums(window).denials, 0);
	top_window_move(window, NOON - 100); /* never back */
	assert_int_equal(top_window_sums(window).events, 2);
	top_window_move(window, NOON + 60);
	assert_int_equal(top_window_sums(window).events, 0);
	assert_non_null(top_window_denial(window, 0)); /* the newest ones stay */
	assert_null(top_window_denial(window, 1));
	free(window);
}

static void more_people_than_places_are_others(void **state)
{
	struct top_window *window = window_at(NOON);
	struct top_row rows[TOP_KEYS + 1];
	uint64_t events = 0;

	(void)state;
	for (unsigned i = 0; i < 4 * TOP_KEYS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%03u", i);
		add(window, NOON, name, "", i, i % 2);
	}
	size_t count = top_window_rows(window, true, TOP_BY_EVENTS, rows);

	assert_int_equal(count, TOP_KEYS + 1);
	assert_string_equal(rows[0].name, "others");
	for (size_t i = 0; i < count; i++)
		events += rows[i].sums.events;
	assert_int_equal(events, 4 * TOP_KEYS);
	assert_int_equal(top_window_rows(window, false, TOP_BY_NAME, rows), 0);
	/* Whose minute is over makes room. */
	top_window_move(window, NOON + 60);
	add(window, NOON + 60, "fresh", "", 0, false);
	count = top_window_rows(window, true, TOP_BY_NAME, rows);
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].name, "fresh");
	free(window);
}

static void rows_are_sorted_by_what_is_asked_for(void **state)
{
	struct top_window *window = window_at(NOON);
	struct top_row rows[TOP_KEYS + 1];
	static const char *const FIRST[TOP_SORTS] = {[TOP_BY_EVENTS] = "often",
						     [TOP_BY_BYTES] = "much",
						     [TOP_BY_DENIALS] = "never",
						     [TOP_BY_NAME] = "much"};

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		add(window, NOON, "often", "", 1, false);
	add(window, NOON, "much", "", 1000, false);
	add(window, NOON, "never", "", 0, true);
	for (unsigned sort = 0; sort < TOP_SORTS; sort++) {
		assert_int_equal(top_window_rows(window, true, (enum top_sort)sort, rows), 3);
		assert_string_equal(rows[0].name, FIRST[sort]);
	}
	free(window);
}

/* Columns of a line; escapes of ours are none, and no other control byte may be there. */
static unsigned line_width(const char *line, size_t length)
{
	unsigned columns = 0;

	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\033') {
			while (line[i] != 'm')
				i++;
			continue;
		}
		assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
		columns += ((unsigned char)line[i] & 0xc0) != 0x80;
	}
	return columns;
}

static void lines_fit_whatever_stands_in_them(void **state)
{
	static const char *const NAMES[] = {
		"anna",
		"\033[2J\033]0;x\007",
		"two\nlines\r",
		"\xe2\x80\xae"
		"evil",
		"\xff\xfe",
		"a name that is much longer than any column can be, on and on and on",
		"\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd"};
	static const unsigned SIZES[][2] = {{1, 1}, {10, 40}, {24, 80}, {50, 200}, {70, 300}};
	struct top_window *window = window_at(NOON);

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		add(window, NOON - i % 60, NAMES[i % BL_COUNT(NAMES)], NAMES[i % 5],
		    UINT64_MAX >> i % 64, i % 3 == 0);
	for (size_t i = 0; i < BL_COUNT(SIZES) * 4; i++) {
		unsigned rows = BL_MAX(SIZES[i / 4][0], (unsigned)TOP_LEAST_ROWS);
		unsigned columns = BL_MAX(SIZES[i / 4][1], (unsigned)TOP_LEAST_COLUMNS), lines = 1;
		struct top_look look = {.rows = SIZES[i / 4][0],
					.columns = SIZES[i / 4][1],
					.is_colored = i % 2,
					.is_utf8 = i % 4 > 1,
					.store = "/a/store",
					.trouble = i % 3 ? "" : "waiting for the service"};
		char *text = NULL;
		size_t length = 0;
		FILE *out = open_memstream(&text, &length);

		assert_non_null(out);
		top_screen_put(out, window, &look);
		assert_int_equal(fclose(out), 0);
		for (const char *at = text, *end;; at = end + 1, lines++) {
			end = strchrnul(at, '\n');
			if (line_width(at, (size_t)(end - at)) > columns)
				fail_msg("%ux%u: '%.*s'", rows, columns, (int)(end - at), at);
			if (!*end)
				break;
		}
		assert_true(lines <= rows);
		assert_non_null(strstr(text, "q quit"));
		free(text);
	}
	free(window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_is_counted_and_goes),
		cmocka_unit_test(more_people_than_places_are_others),
		cmocka_unit_test(rows_are_sorted_by_what_is_asked_for),
		cmocka_unit_test(lines_fit_whatever_stands_in_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
