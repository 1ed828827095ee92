/* The pages of a wipe check say what the statement says, in plain words, and carry nothing that a browser would run. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/inspect/sample.h"

static char *page_of(struct temp *temp, const struct sample *sample, enum inspect_page page)
{
	struct bl_error why = {""};
	char *json = NULL, *text = NULL;

	if (inspect_sign(temp->store, &sample->statement, &json, &why) != BL_OK ||
	    inspect_verify(json, strlen(json), sample_key(temp), page, &text, NULL, &why) != BL_OK)
		fail_msg("%s", why.text);
	free(json);
	return text;
}

static void check_words(const char *page, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strstr(page, words[i]))
			fail_msg("'%s' is not in:\n%s", words[i], page);
}

static void text_tells_all_of_it_in_words(void **state)
{
	static const char *const words[] = {
		"5 places are not cleared (44,000,037,888 bytes), and\npersonal data was found in "
		"64 spots.",
		"  Medium matches      yes: it carries the serial number of the record\n",
		"  Size                512.0 GB (512,000,000,000 bytes)\n",
		"  Model               SYNTHETIC SSD 512 <b>&\"'\n",
		"  Bytes read          512,000,000,000 of 512,000,000,000\n",
		"mbr at byte 0, gpt at byte 512, gpt at byte",
		"  payment card security codes           0           1           0           0\n",
		"  names                                 0           0          60           7\n",
		"  e-mail addresses            in use                1,000,000,000          17\n",
		"  The first 20 of 64 are listed.\n",
		"  Known values of the customer's record: 3.\n",
		"  Says                success, method: DoD Short\n",
		"  Says                failure, method: NVMe sanitize: block erase\n",
		"  That number is      the number of the device's record\n",
		"They were not checked",
		"  Asked for by        uid:1000\n",
		"bailee certificate verify FILE.json --key PUBLIC-KEY",
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *page = page_of(temp, sample, INSPECT_TEXT);

	assert_int_equal(strncmp(page, "WIPE CHECK: NOT_EMPTY\n", 22), 0);
	check_words(page, words, BL_COUNT(words));
	free(page);
	free(sample);
}

static void lines_of_the_text_fit_a_terminal(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *page, *line;

	sample->medium.serial[0] = 'X';
	page = page_of(temp, sample, INSPECT_TEXT);
	line = page;
	for (char *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		/* Digests and keys stay whole. */
		if (strlen(line) > 80 && !strstr(line, "SHA-256 of it") &&
		    !strstr(line, "Signed by key"))
			fail_msg("%zu columns: %s", strlen(line), line);
	}
	free(page);
	free(sample);
}

static void the_first_line_is_the_verdict(void **state)
{
	static const struct {
		enum inspect_verdict verdict;
		uint64_t unreadable;
		uint8_t fill;
		enum inspect_known is_virtual;
		const char *begin;
	} rows[] = {
		{INSPECT_EMPTY, 0, 0, INSPECT_NO,
		 "WIPE CHECK: EMPTY\n\nEvery byte of the medium was read, and every one is "
		 "zero.\n\n"},
		{INSPECT_EMPTY, 0, 255, INSPECT_NO,
		 "WIPE CHECK: EMPTY\n\nEvery byte of the medium was read, and every one is all "
		 "bits "
		 "set (FF), as"},
		{INSPECT_EMPTY, 0, 0, INSPECT_YES,
		 "WIPE CHECK: EMPTY\n\nEvery byte of the medium was read, and every one is "
		 "zero.\nThe "
		 "medium is a virtual one: what lies below it was not read.\n"},
		{INSPECT_NOT_READ, 1, 0, INSPECT_NO,
		 "WIPE CHECK: NOT_READ\n\nNothing was found, but 1 byte could not be read: it is "
		 "not "
		 "shown"},
		{INSPECT_NOT_READ, 0, 0, INSPECT_NO,
		 "WIPE CHECK: NOT_READ\n\nNothing was found, but the medium changed its size"},
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();

	sample_empty(sample);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char *page;

		sample->result.verdict = rows[i].verdict;
		sample->result.unreadable_bytes = rows[i].unreadable;
		sample->result.read_bytes = 512 * GB - rows[i].unreadable;
		sample->result.fill = rows[i].fill;
		sample->medium.is_virtual = rows[i].is_virtual;
		page = page_of(temp, sample, INSPECT_TEXT);
		if (strncmp(page, rows[i].begin, strlen(rows[i].begin)) != 0)
			fail_msg("not '%s' but:\n%.200s", rows[i].begin, page);
		free(page);
	}
	free(sample);
}

static void another_serial_number_is_told_at_the_top(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *page;

	sample_empty(sample);
	sample->medium.serial[0] = 'X';
	page = page_of(temp, sample, INSPECT_TEXT);
	assert_non_null(strstr(page, "every one is zero.\nThe serial number of the medium is not "
				     "that of the device's record"));
	free(page);
	page = page_of(temp, sample, INSPECT_HTML);
	assert_non_null(strstr(page, "<strong>The serial number of the medium is not that of the "
				     "device&#39;s record"));
	free(page);
	free(sample);
}

/* The sample's medium and device have the same number. */
static void what_is_only_somebodys_word_is_told_at_the_top(void **state)
{
	static const struct {
		bool is_file, is_numbered, is_bound;
		const char *begin;
	} rows[] = {
		{false, true, true, "The device\n"},
		{false, false, false, "The device\n"},
		{false, false, true, "No serial number could be compared: nothing but"},
		{true, false, true, "It is a file: what it was copied from was not read,"},
		{true, false, false, "It is a file: what it was copied from was not read,"},
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();

	sample_empty(sample);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct sample row = *sample;
		char begin[128], *page;

		row.medium.is_block_device = !rows[i].is_file;
		if (!rows[i].is_numbered)
			*row.medium.serial = '\0';
		row.statement.result = &row.result;
		row.statement.medium = &row.medium;
		row.statement.device = rows[i].is_bound ? &row.device : NULL;
		row.statement.report_count = 0;
		snprintf(begin, sizeof(begin), "every one is zero.\n%s%s", i < 2 ? "\n" : "",
			 rows[i].begin);
		page = page_of(temp, &row, INSPECT_TEXT);
		if (!strstr(page, begin))
			fail_msg("row %zu lacks '%s': %.300s", i, begin, page);
		free(page);
	}
	free(sample);
}

static void html_is_whole_and_nothing_in_it_runs(void **state)
{
	static const char *const words[] = {
		"<!DOCTYPE html>\n<html lang=\"en\">",
		"content=\"default-src 'none'; style-src 'unsafe-inline'\"",
		"<title>Wipe check, NOT_EMPTY: RMA-1</title>",
		"<span class=\"NOT_EMPTY\">NOT_EMPTY</span>",
		"prefers-color-scheme:dark",
		"@media print",
		"SYNTHETIC SSD 512 &lt;b&gt;&amp;&quot;&#39;",
		"<td>e-mail addresses</td><td>in use</td><td class=\"n\">1,000,000,000</td>",
		"</html>\n",
	};
	static const char *const never[] = {"<script",	  "<img",   "<link", "<iframe", "href",
					    "src=",	  "http:",  "//",    "url(h",	"@import",
					    "javascript", "onload", "<b>"};
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *page = page_of(temp, sample, INSPECT_HTML);

	check_words(page, words, BL_COUNT(words));
	for (size_t i = 0; i < BL_COUNT(never); i++)
		if (strstr(page, never[i]))
			fail_msg("'%s' is in the page", never[i]);
	free(page);
	free(sample);
}

static void strip_shows_where_and_says_so(void **state)
{
	static const char *const words[] = {
		"role=\"img\" aria-labelledby=\"strip-title strip-desc\"",
		"<title id=\"strip-title\">Where the medium is not cleared</title>",
		/* 3 GB from the beginning, one place, 41 GB from 200 GB on, the end: of 1.28 GB each. */
		"in 400 parts: 38 hold something, 27 personal data.</desc>",
		"<path class=\"contents\" d=\"M0 0h3v26h-3zM70 0h1v26h-1zM156 0h33v26h-33zM399 "
		"0h1v26h-1z\"/>",
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *page = page_of(temp, sample, INSPECT_HTML);

	check_words(page, words, BL_COUNT(words));
	assert_null(strstr(page, "not listed"));
	free(page);
	free(sample);
}

static void strip_does_not_hide_what_is_not_listed(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *page;

	sample_empty(sample);
	for (uint64_t i = 0; i <= INSPECT_PLACES; i++)
		sample_region(sample, i * 200000000, 1);
	page = page_of(temp, sample, INSPECT_HTML);
	assert_non_null(strstr(page, "Not all places are listed.</desc>"));
	assert_non_null(strstr(page, "<rect x=\"156\" y=\"0\" width=\"244\" height=\"26\""));
	assert_non_null(strstr(page, "more, not listed"));
	assert_non_null(strstr(page, "The first 20 of 1,001 are listed."));
	free(page);
	free(sample);
}

/* Two thousand values all over a region, of which the first half is told. */
static void strip_does_not_hide_personal_data_that_is_not_listed(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *page;

	sample_empty(sample);
	sample_region(sample, 0, 512 * GB);
	for (uint64_t i = 0; i < 2 * INSPECT_PLACES; i++)
		sample_finding(sample, CLASS_EMAIL, INSPECT_FREE, i * GB / 4, false);
	page = page_of(temp, sample, INSPECT_HTML);
	assert_non_null(strstr(page, "Not all places are listed.</desc>"));
	assert_non_null(strstr(page, "<rect x=\"195\" y=\"28\" width=\"205\" height=\"12\""));
	assert_null(strstr(page, "y=\"0\""));
	assert_non_null(strstr(page, "more, not listed"));
	free(page);
	free(sample);
}

/* The last byte is at the right end, also of the smallest and the largest. */
static void strip_holds_any_medium(void **state)
{
	static const uint64_t sizes[] = {1, 399, 400, 401, 512, INT64_MAX};
	struct temp *temp = *state;
	struct sample *sample = sample_new();

	for (size_t i = 0; i < BL_COUNT(sizes); i++) {
		const char *at;
		unsigned from = 0, width = 0;
		char *page;

		sample_empty(sample);
		sample->result.size_bytes = sample->result.read_bytes = sizes[i];
		sample_region(sample, sizes[i] - 1, 1);
		page = page_of(temp, sample, INSPECT_HTML);
		at = strstr(page, "<path class=\"contents\" d=\"M");
		if (!at || sscanf(strchr(at, 'M'), "M%u 0h%uv26h-", &from, &width) != 2 ||
		    from + width != 400)
			fail_msg("%llu bytes: %.80s", (unsigned long long)sizes[i],
				 at ? at : "none");
		free(page);
	}
	free(sample);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(text_tells_all_of_it_in_words),
		TEST(lines_of_the_text_fit_a_terminal),
		TEST(the_first_line_is_the_verdict),
		TEST(another_serial_number_is_told_at_the_top),
		TEST(what_is_only_somebodys_word_is_told_at_the_top),
		TEST(html_is_whole_and_nothing_in_it_runs),
		TEST(strip_shows_where_and_says_so),
		TEST(strip_does_not_hide_what_is_not_listed),
		TEST(strip_does_not_hide_personal_data_that_is_not_listed),
		TEST(strip_holds_any_medium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
