#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/metrics.c"
#include "tests/unit/fs/cli/folder.h"
#include "tests/unit/fs/cli/page.h"

/* Everything that a status may hold, with names and paths that no figure may show. */
static const char FULL[] =
	"{\"ok\":true,\"policy\":\"SECRET shop\",\"policy_serial\":7,\"policy_trouble\":\"SECRET\","
	"\"log\":{\"is_writable\":true,\"durable_sequence\":1234,\"are_contents_closed\":false,"
	"\"anchors\":[{\"target\":\"/SECRET/a\",\"age_seconds\":4,\"trouble\":\"\"},"
	"{\"target\":\"/SECRET/b\",\"age_seconds\":90,\"trouble\":\"SECRET\"}]},"
	"\"states\":{\"open\":3,\"shredded\":2},\"due_week_count\":2,\"unsure\":[\"SECRET-1\"],"
	"\"unsure_count\":1,\"requests_late\":41,\"incidents_late\":0,\"holds_warn_count\":42,"
	"\"requests_open\":4,\"requests_warn\":[{\"device\":\"SECRET-2\",\"warning\":\"late\"},"
	"{\"device\":\"SECRET-3\",\"warning\":\"soon\"}],\"incidents_open\":1,"
	"\"incidents_warn\":[],\"holds\":5,\"holds_warn\":[{\"device\":\"SECRET-4\"}],"
	"\"lapses\":[{\"person\":\"SECRET\"}],\"samples_missing\":[],\"samples_missing_count\":0,"
	"\"shred_trouble\":\"SECRET\","
	"\"clock\":{\"ahead_s\":-7,\"is_synchronised\":true},"
	"\"views\":[{\"person\":\"SECRET\",\"path\":\"/SECRET\"},{\"person\":\"SECRET\","
	"\"session\":9,\"device\":\"SECRET-5\"}]}";

static char *metrics_of(const char *json)
{
	json_t *status = json ? page_json(json) : NULL;
	struct page page;

	page_begin(&page);
	metrics_write(page.out, status);
	json_decref(status);
	page_end(&page);
	return page.text;
}

static void every_figure_is_there(void **state)
{
	static const char *const LINES[] = {
		"\nbailee_up 1\n",
		"\nbailee_policy_serial 7\n",
		"\nbailee_policy_refused 1\n",
		"\nbailee_log_writable 1\n",
		"\nbailee_log_events_total 1234\n",
		"\nbailee_contents_closed 0\n",
		"\nbailee_due_within_week 2\n",
		"\nbailee_unsure 1\n",
		"\nbailee_requests_open 4\n",
		"\nbailee_requests_late 41\n",
		"\nbailee_incidents_open 1\n",
		"\nbailee_incidents_late 0\n",
		"\nbailee_holds 5\n",
		"\nbailee_holds_to_review 42\n",
		"\nbailee_roles_lapsing 1\n",
		"\nbailee_samples_missing 0\n",
		"\nbailee_shred_trouble 1\n",
		"\nbailee_clock_ahead_seconds -7\n",
		"\nbailee_clock_synchronised 1\n",
		"\nbailee_views 2\n",
		"\nbailee_sessions 1\n",
		"\nbailee_devices{state=\"open\"} 3\n",
		"\nbailee_devices{state=\"held\"} 0\n",
		"\nbailee_anchors 2\n",
		"\nbailee_anchor_age_seconds 90\n",
		"\nbailee_anchor_working{anchor=\"1\"} 1\n",
		"\nbailee_anchor_working{anchor=\"2\"} 0\n",
	};
	char *text = metrics_of(FULL);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(LINES); i++)
		page_has(text, LINES[i]);
	free(text);
}

static void no_id_no_name_and_no_path_is_in_them(void **state)
{
	char *text = metrics_of(FULL);

	(void)state;
	page_lacks(text, "SECRET");
	page_lacks(text, "shop");
	free(text);
}

/*
 * The form, by https://prometheus.io/docs/specs/om/open_metrics_spec/: a family's lines lie together, TYPE first; UNIT is the
 * end of its name; a counter's sample ends in _total; EOF is last.
 */
struct family {
	char name[64];
	bool is_counter;
	unsigned samples;
};

static void check_sample(const char *line, const struct family *family)
{
	size_t name = strcspn(line, "{ ");
	const char *rest = line + name, *value = strrchr(line, ' ');
	char wanted[80], *end;

	snprintf(wanted, sizeof(wanted), "%s%s", family->name, family->is_counter ? "_total" : "");
	if (strlen(wanted) != name || strncmp(line, wanted, name) != 0)
		fail_msg("'%s' is not of the family '%s'", line, family->name);
	if (*rest == '{' && !strstr(rest, "=\""))
		fail_msg("labels of '%s'", line);
	assert_non_null(value);
	(void)strtod(value + 1, &end);
	if (end == value + 1 || *end)
		fail_msg("no number in '%s'", line);
}

static void check_line(const char *line, struct family *family, char *seen, size_t room)
{
	char name[64], word[16], key[80];

	if (sscanf(line, "# TYPE %63s %15s", name, word) == 2) {
		snprintf(key, sizeof(key), ";%s;", name);
		if (strstr(seen, key))
			fail_msg("the family '%s' is told twice", name);
		strncat(seen, key, room - strlen(seen) - 1);
		if (family->name[0] && !family->samples)
			fail_msg("'%s' has no sample", family->name);
		*family = (struct family){.is_counter = strcmp(word, "counter") == 0};
		snprintf(family->name, sizeof(family->name), "%s", name);
	} else if (sscanf(line, "# UNIT %63s %15s", name, word) == 2) {
		assert_string_equal(name, family->name);
		if (strcmp(name + strlen(name) - strlen(word), word) != 0)
			fail_msg("'%s' does not end in its unit", name);
	} else if (sscanf(line, "# HELP %63s", name) == 1) {
		assert_string_equal(name, family->name);
	} else {
		check_sample(line, family);
		family->samples++;
	}
}

static void check_form(char *text)
{
	struct family family = {.name = ""};
	char seen[4096] = "", *rest = text, *line;
	size_t length = strlen(text);

	assert_true(length > 6);
	assert_string_equal(text + length - 6, "# EOF\n");
	text[length - 6] = '\0';
	while ((line = strsep(&rest, "\n")) && *line)
		check_line(line, &family, seen, sizeof(seen));
	assert_true(family.samples > 0);
}

static void the_form_is_openmetrics(void **state)
{
	static const char *const STATUSES[] = {
		FULL, "{}", NULL, "{\"log\":{\"anchors\":[]},\"states\":{},\"views\":[]}",
		"{\"log\":{\"anchors\":[{\"age_seconds\":null}]}}"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(STATUSES); i++) {
		char *text = metrics_of(STATUSES[i]);

		check_form(text);
		free(text);
	}
}

static void what_is_not_told_makes_no_figure(void **state)
{
	char *text = metrics_of("{\"views\":[],\"log\":{\"is_writable\":false}}");

	(void)state;
	page_has(text, "\nbailee_log_writable 0\n");
	page_has(text, "\nbailee_views 0\n");
	page_lacks(text, "bailee_devices");
	page_lacks(text, "bailee_holds");
	page_lacks(text, "bailee_anchor");
	free(text);
}

static void a_daemon_that_does_not_answer_is_down_and_only_that(void **state)
{
	char *text = metrics_of(NULL);

	(void)state;
	page_has(text, "\nbailee_up 0\n# EOF\n");
	assert_int_equal(page_lines(text), 4);
	free(text);
}

static void an_anchor_that_was_never_taken_is_older_than_any(void **state)
{
	char *text = metrics_of("{\"log\":{\"anchors\":[{\"age_seconds\":5,\"trouble\":\"\"},"
				"{\"age_seconds\":null,\"trouble\":\"\"}]}}");

	(void)state;
	page_has(text, "\nbailee_anchor_age_seconds +Inf\n");
	free(text);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static void read_file(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	out[fread(out, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void the_file_is_replaced_whole_and_everybody_may_read_it(void **state)
{
	const struct folder *folder = *state;
	char text[512];
	struct stat st;
	mode_t mask = umask(077);

	write_file(folder->file,
		   "what was there before, and is longer than what comes after it, "
		   "so that a rest of it would show: it must be gone. It must be gone.");
	assert_int_equal(metrics_put(folder->file, NULL, NULL), BL_OK);
	umask(mask);
	read_file(folder->file, text, sizeof(text));
	page_has(text, "bailee_up 0\n# EOF\n");
	page_lacks(text, "before");
	assert_int_equal(stat(folder->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(access(folder->temporary, F_OK), -1);
}

static void a_link_in_its_way_is_not_written_through(void **state)
{
	const struct folder *folder = *state;
	char text[512];

	write_file(folder->other, "precious");
	assert_int_equal(symlink(folder->other, folder->temporary), 0);
	assert_int_equal(metrics_put(folder->file, NULL, NULL), BL_OK);
	read_file(folder->other, text, sizeof(text));
	assert_string_equal(text, "precious");
}

static void what_cannot_be_written_leaves_what_was_there(void **state)
{
	const struct folder *folder = *state;
	struct bl_error why = {{0}};

	/* Neither a folder, nor what may be a device's name, nor a pipe is replaced by a file. */
	assert_int_equal(mkdir(folder->file, 0700), 0);
	assert_int_equal(metrics_put(folder->file, NULL, &why), BL_INVALID);
	page_has(why.text, "no file");
	assert_int_equal(rmdir(folder->file), 0);
	assert_int_equal(symlink("/dev/null", folder->file), 0);
	assert_int_equal(metrics_put(folder->file, NULL, &why), BL_INVALID);
	assert_int_equal(unlink(folder->file), 0);
	assert_int_equal(mkfifo(folder->file, 0600), 0);
	assert_int_equal(metrics_put(folder->file, NULL, &why), BL_INVALID);
	assert_int_equal(unlink(folder->file), 0);
	assert_int_equal(access(folder->temporary, F_OK), -1);
	assert_int_equal(metrics_put("/nonexistent/b.prom", NULL, &why), BL_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_figure_is_there),
		cmocka_unit_test(no_id_no_name_and_no_path_is_in_them),
		cmocka_unit_test(the_form_is_openmetrics),
		cmocka_unit_test(what_is_not_told_makes_no_figure),
		cmocka_unit_test(a_daemon_that_does_not_answer_is_down_and_only_that),
		cmocka_unit_test(an_anchor_that_was_never_taken_is_older_than_any),
		cmocka_unit_test_setup_teardown(
			the_file_is_replaced_whole_and_everybody_may_read_it, folder_set_up,
			folder_tear_down),
		cmocka_unit_test_setup_teardown(a_link_in_its_way_is_not_written_through,
						folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_leaves_what_was_there,
						folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
