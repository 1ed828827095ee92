/* Nothing but literals becomes markup; a page names its style sheet and script by their digests. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <sodium.h>

#include "tests/unit/fs/page/written.h"

static void texts_are_escaped_and_literals_are_not(void **state)
{
	static const struct {
		const char *text, *wanted;
	} ROWS[] = {
		{"plain", "plain"},
		{"<script>", "&lt;script&gt;"},
		{"\"a\" & 'b'", "&quot;a&quot; &amp; &#39;b&#39;"},
		{"&lt;", "&amp;lt;"},
		{"100%s", "100%s"},
		{"a\nb\tc", "a\\x0ab\\x09c"},
		{"\xe2\x80\xae"
		 "evil",
		 "\\xe2\\x80\\xae"
		 "evil"},
		{"M\xc3\xbcller", "M\xc3\xbcller"},
		{"\xc0\xbcscript\xff", "\\xc0\\xbcscript\\xff"},
		{"cut \xe2\x82", "cut \\xe2\\x82"},
	};
	struct written written;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char wanted[256];

		html_put(written_begin(&written), "<b title=\"%s\">%s</b>", ROWS[i].text,
			 ROWS[i].text);
		snprintf(wanted, sizeof(wanted), "<b title=\"%s\">%s</b>", ROWS[i].wanted,
			 ROWS[i].wanted);
		written_is(&written, wanted);
	}
}

static void numbers_of_every_width_go_in(void **state)
{
	const char *volatile nothing = NULL;
	struct written written;

	(void)state;
	html_put(written_begin(&written), "%d %ld %lld %u %lu %llu %zu %.2f %.0f 100%% %s|%s",
		 INT32_MIN, -7L, (long long)INT64_MIN, UINT32_MAX, 8UL,
		 (unsigned long long)UINT64_MAX, (size_t)9, 1.005, 2.5, "last", nothing);
	written_is(&written, "-2147483648 -7 -9223372036854775808 4294967295 8 "
			     "18446744073709551615 9 1.00 2 100% last|");
	html_put(written_begin(&written), "%" PRIu64 "%" PRId64, UINT64_MAX, INT64_C(-1));
	written_is(&written, "18446744073709551615-1");
}

static void zeros_in_a_text_are_shown(void **state)
{
	struct written written;

	(void)state;
	html_text(written_begin(&written), "a\0<", 3);
	written_is(&written, "a\\x00&lt;");
}

static void long_words_may_be_broken_and_names_may_not(void **state)
{
	static const char LONG[] =
		"0123456789012345678901234567890123456789012 short-short-short-short";
	struct written written;

	(void)state;
	html_words(written_begin(&written), LONG, strlen(LONG));
	written_is(&written, "01234567890123456789<wbr>01234567890123456789<wbr>012 "
			     "short-short-short-short");
	html_words(written_begin(&written), "exactly-01234567890123456789", 28);
	written_is(&written, "exactly-01234567890123456789");
	html_parts(written_begin(&written), "2026-11-22  10:00<");
	written_is(&written, "<span>2026-11-22</span> <span>10:00&lt;</span>");
	html_parts(written_begin(&written), "");
	written_is(&written, "");
}

/* The text between two marks of the page, which is there once. */
static char *between(const char *page, const char *begin, const char *end)
{
	const char *from = strstr(page, begin), *to;

	assert_non_null(from);
	from += strlen(begin);
	to = strstr(from, end);
	assert_non_null(to);
	assert_null(strstr(from, begin));
	return strndup(from, (size_t)(to - from));
}

static void check_digest(const char *page, const char *begin, const char *end, const char *source)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char base64[64], wanted[128];
	char *text = between(page, begin, end),
	     *policy = between(page, "Policy\" content=\"", "\">");

	crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
	sodium_bin2base64(base64, sizeof(base64), digest, sizeof(digest),
			  sodium_base64_VARIANT_ORIGINAL);
	snprintf(wanted, sizeof(wanted), "%s 'sha256-%s'", source, base64);
	if (!strstr(policy, wanted))
		fail_msg("'%s' is not in '%s'", wanted, policy);
	assert_non_null(strstr(policy, "default-src 'none'"));
	assert_null(strstr(policy, "unsafe"));
	free(text);
	free(policy);
}

static void a_page_lets_its_own_style_and_script_by_and_nothing_else(void **state)
{
	const struct html_page page = {
		.lang = "en", .title = "A <title>", .class = "", .has_script = true};
	struct written written;
	const char *text;

	(void)state;
	html_begin(written_begin(&written), &page);
	html_end(written.out, &page);
	text = written_end(&written);
	assert_non_null(strstr(text, "<title>A &lt;title&gt;</title>"));
	check_digest(text, "<style>", "</style>", "style-src");
	check_digest(text, "<script>", "</script>", "script-src");
	assert_null(strstr(text, "url("));
	assert_null(strstr(text, "@import"));
	assert_null(strstr(text, "://"));
	free(written.text);
}

static void a_page_without_a_script_allows_none(void **state)
{
	const struct html_page page = {.lang = "de", .title = "t", .class = "sheet"};
	struct written written;
	const char *text;

	(void)state;
	html_begin(written_begin(&written), &page);
	html_end(written.out, &page);
	text = written_end(&written);
	assert_null(strstr(text, "script"));
	assert_non_null(strstr(text, "<html lang=\"de\">"));
	assert_non_null(strstr(text, "<body class=\"sheet\">"));
	free(written.text);
}

static void tables_have_heads_labels_and_what_they_sort_by(void **state)
{
	static const struct html_column COLUMNS[] = {{"Device", HTML_NAME},
						     {"Events", HTML_NUMBER},
						     {"Read", HTML_NUMBER},
						     {"Why <b>", HTML_WORDS},
						     {NULL, HTML_WORDS}};
	struct html_table table = {.caption = "A & B", .columns = COLUMNS};
	struct written written;
	FILE *out = written_begin(&written);

	(void)state;
	html_table(out, &table);
	html_row(out, &table, "event-17");
	html_cell(out, &table, "RMA-1 x");
	html_cell_number(out, &table, 999);
	html_cell_bytes(out, &table, 2500000);
	html_cell(out, &table, "<i>");
	html_row_end(out);
	html_row(out, &table, NULL);
	html_cell(out, &table, "");
	html_cell_number(out, &table, 1000);
	html_cell_begin(out, &table, "\"");
	html_put(out, "x");
	html_cell_end(out);
	html_cell(out, &table, "");
	html_row_end(out);
	html_table_end(out);
	written_is(
		&written,
		"<div class=\"table\"><table><caption>A &amp; B</caption>\n<thead><tr>"
		"<th scope=\"col\" class=\"m\">Device</th><th scope=\"col\" class=\"n\">Events</th>"
		"<th scope=\"col\" class=\"n\">Read</th><th scope=\"col\" class=\"w\">Why "
		"&lt;b&gt;</th></tr></thead>\n<tbody>\n<tr id=\"event-17\">"
		"<td class=\"m\" data-h=\"Device\"><span>RMA-1</span> <span>x</span></td>"
		"<td class=\"n\" data-h=\"Events\">999</td>"
		"<td class=\"n\" data-h=\"Read\" data-v=\"2500000\">2.5 MB</td>"
		"<td class=\"w\" data-h=\"Why &lt;b&gt;\">&lt;i&gt;</td></tr>\n"
		"<tr><td class=\"m\" data-h=\"Device\"></td>"
		"<td class=\"n\" data-h=\"Events\" data-v=\"1000\">1,000</td>"
		"<td class=\"n\" data-h=\"Read\" data-v=\"&quot;\">x</td>"
		"<td class=\"w\" data-h=\"Why &lt;b&gt;\"></td></tr>\n"
		"</tbody></table></div>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_escaped_and_literals_are_not),
		cmocka_unit_test(numbers_of_every_width_go_in),
		cmocka_unit_test(zeros_in_a_text_are_shown),
		cmocka_unit_test(long_words_may_be_broken_and_names_may_not),
		cmocka_unit_test(a_page_lets_its_own_style_and_script_by_and_nothing_else),
		cmocka_unit_test(a_page_without_a_script_allows_none),
		cmocka_unit_test(tables_have_heads_labels_and_what_they_sort_by),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
