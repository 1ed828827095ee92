/* The result of a wipe check for people: as text, and as one page of HTML that needs nothing from elsewhere. Both say the same. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/inspect/report-private.h"
#include "fs/page/page.h"

#define SHOWN	   20 /* places that a page lists; the JSON has more */
#define VALUE_SIZE 1024

struct writer {
	FILE *out;
	bool is_html;
	const json_t *json;
};

/* ---- values ------------------------------------------------------------------------------------------ */

static bool is_verdict(const json_t *json, enum inspect_verdict verdict)
{
	return strcmp(statement_text(json, NULL, "verdict"), inspect_verdict_name(verdict)) == 0;
}

static bool is_bound(const json_t *json)
{
	return json_is_object(json_object_get(json, "device"));
}

static struct page_figure number_at(const json_t *object, const char *key)
{
	return page_grouped(statement_number(object, NULL, key));
}

/* A class in words; one of the policy's own by its name. */
static const char *class_words(const char *name)
{
	static const char *const WORDS[CLASS_COUNT] = {
		[CLASS_NAME] = "names",
		[CLASS_EMAIL] = "e-mail addresses",
		[CLASS_PHONE] = "phone numbers",
		[CLASS_ADDRESS] = "postal addresses",
		[CLASS_POSTCODE] = "postcodes",
		[CLASS_DATE_OF_BIRTH] = "dates of birth",
		[CLASS_CARD] = "payment card numbers",
		[CLASS_CARD_TRACK] = "payment card tracks",
		[CLASS_CARD_PIN] = "payment card PINs",
		[CLASS_CARD_SECURITY_CODE] = "payment card security codes",
		[CLASS_IBAN] = "IBANs",
		[CLASS_BANK_ACCOUNT] = "bank accounts",
		[CLASS_NATIONAL_ID] = "national identity numbers",
		[CLASS_TAX_ID] = "tax numbers",
		[CLASS_PASSPORT] = "passport numbers",
		[CLASS_DRIVING_LICENCE] = "driving licences",
		[CLASS_HEALTH_ID] = "health insurance numbers",
		[CLASS_IP] = "IP addresses",
		[CLASS_MAC] = "MAC addresses",
		[CLASS_URL_CREDENTIALS] = "passwords in web addresses",
		[CLASS_IMEI] = "IMEIs",
		[CLASS_VIN] = "vehicle numbers (VIN)",
		[CLASS_PLATE] = "number plates",
		[CLASS_LOCATION] = "locations",
		[CLASS_CRYPTO_ADDRESS] = "crypto-currency addresses",
		[CLASS_PASSWORD] = "passwords",
		[CLASS_SECRET] = "keys and tokens of services",
		[CLASS_PRIVATE_KEY] = "private keys",
		[CLASS_CUSTOMER] = "customer numbers",
	};
	enum bl_class class;

	return bl_class_parse(name, &class) && WORDS[class] ? WORDS[class] : name;
}

static const char *where_words(const char *where)
{
	static const char *const WORDS[] = {[INSPECT_ALLOCATED] = "in use",
					    [INSPECT_FREE] = "free",
					    [INSPECT_NOBODYS] = "nobody's"};

	for (unsigned i = 0; i < BL_COUNT(WORDS); i++)
		if (strcmp(where, inspect_where_name((enum inspect_where)i)) == 0)
			return WORDS[i];
	return where;
}

/* ---- one form or the other ------------------------------------------------------------------------------ */

static void put_text(const struct writer *writer, const char *text, size_t indent)
{
	if (writer->is_html)
		html_put(writer->out, "%s", text);
	else
		page_wrap(writer->out, text, indent);
}

static void section(const struct writer *writer, const char *title)
{
	if (writer->is_html)
		fprintf(writer->out, "<section><h2>%s</h2>\n", title);
	else
		fprintf(writer->out, "\n%s\n", title);
}

static void section_end(const struct writer *writer)
{
	if (writer->is_html)
		fputs("</section>\n", writer->out);
}

static void rows_begin(const struct writer *writer)
{
	if (writer->is_html)
		fputs("<dl>\n", writer->out);
}

static void rows_end(const struct writer *writer)
{
	if (writer->is_html)
		fputs("</dl>\n", writer->out);
}

BL_PRINTF(3, 4)
static void row(const struct writer *writer, const char *label, const char *format, ...)
{
	char value[VALUE_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	fprintf(writer->out, writer->is_html ? "<dt>%s</dt><dd>" : "  %-19s ", label);
	put_text(writer, value, PAGE_LABEL);
	if (writer->is_html)
		fputs("</dd>\n", writer->out);
}

BL_PRINTF(2, 3)
static void paragraph(const struct writer *writer, const char *format, ...)
{
	char value[VALUE_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	fputs(writer->is_html ? "<p>" : "  ", writer->out);
	put_text(writer, value, 2);
	if (writer->is_html)
		fputs("</p>\n", writer->out);
}

#define COLUMNS 5
struct table {
	const char *heads[COLUMNS]; /* up to the first NULL */
	int widths[COLUMNS];	    /* columns of text; below 0: words, else numbers */
};

/* A line of it: @values, or (NULL) what they are. */
static void cells(const struct writer *writer, const struct table *table,
		  const char *const values[COLUMNS])
{
	const char *tag = values ? "td" : "th";

	fputs(writer->is_html ? "<tr>" : " ", writer->out);
	for (size_t i = 0; i < COLUMNS && table->heads[i]; i++) {
		const char *value = values ? values[i] : table->heads[i];

		if (!writer->is_html) {
			fprintf(writer->out, " %*s", table->widths[i], value);
			continue;
		}
		fprintf(writer->out, "<%s%s>", tag, table->widths[i] > 0 ? " class=\"n\"" : "");
		html_put(writer->out, "%s</%s>", value, tag);
	}
	fputs(writer->is_html ? "</tr>\n" : "\n", writer->out);
}

static void table_begin(const struct writer *writer, const struct table *table)
{
	if (writer->is_html)
		fputs("<table>\n", writer->out);
	cells(writer, table, NULL);
}

static void table_end(const struct writer *writer)
{
	if (writer->is_html)
		fputs("</table>\n", writer->out);
}

/* ---- what it says ----------------------------------------------------------------------------------------- */

static const char *fill_words(const json_t *json)
{
	return statement_number(json, "read", "fill") ? "all bits set (FF), as erased flash reads"
						      : "zero";
}

/* The verdict in a sentence or two. */
static void verdict_words(const json_t *json, char out[VALUE_SIZE])
{
	uint64_t regions = statement_number(json, "regions", "count"),
		 bytes = statement_number(json, "regions", "bytes"),
		 findings = statement_number(json, "findings", "total"),
		 unreadable = statement_number(json, "read", "unreadable_bytes");
	int length;

	if (is_verdict(json, INSPECT_EMPTY)) {
		snprintf(out, VALUE_SIZE, "Every byte of the medium was read, and every one is %s.",
			 fill_words(json));
	} else if (is_verdict(json, INSPECT_NOT_EMPTY)) {
		length = snprintf(
			out, VALUE_SIZE, "The medium is not empty: %s %s not cleared (%s %s), and ",
			PAGE_GROUPED(regions), page_plural(regions, "place is", "places are"),
			PAGE_GROUPED(bytes), page_plural(bytes, "byte", "bytes"));
		if (findings)
			snprintf(out + length, VALUE_SIZE - (size_t)length,
				 "personal data was found in %s %s.", PAGE_GROUPED(findings),
				 page_plural(findings, "spot", "spots"));
		else
			snprintf(out + length, VALUE_SIZE - (size_t)length,
				 "no personal data was recognised in %s.",
				 page_plural(regions, "it", "them"));
	} else if (unreadable) {
		snprintf(out, VALUE_SIZE,
			 "Nothing was found, but %s %s could not be read: it is not shown that the "
			 "medium is empty.",
			 PAGE_GROUPED(unreadable), page_plural(unreadable, "byte", "bytes"));
	} else {
		snprintf(out, VALUE_SIZE,
			 "Nothing was found, but the medium changed its size while it was read: it "
			 "is not shown that it is empty.");
	}
}

static const char *said(const json_t *json, const char *group, const char *key, const char *if_not)
{
	const char *text = statement_text(json, group, key);

	return *text ? text : if_not;
}

static void put_device(const struct writer *writer)
{
	static const struct {
		const char *word, *sentence;
	} MATCHES[] = {
		{"yes", "yes: it carries the serial number of the record"},
		{"no", "NO: it carries another serial number than the record, so this may be "
		       "another medium"},
		{"unknown", "not known: the medium or the record states no serial number"},
	};
	const json_t *json = writer->json;

	section(writer, "The device");
	if (!is_bound(json)) {
		paragraph(writer, "None: this check is bound to no device of the store.");
		section_end(writer);
		return;
	}
	rows_begin(writer);
	row(writer, "Device", "%s", statement_text(json, "device", "id"));
	row(writer, "Kind", "%s", statement_text(json, "device", "kind"));
	row(writer, "Maker", "%s", said(json, "device", "maker", "not stated"));
	row(writer, "Model", "%s", said(json, "device", "model", "not stated"));
	row(writer, "Serial number", "%s", said(json, "device", "serial", "not stated"));
	for (size_t i = 0; i < BL_COUNT(MATCHES); i++)
		if (strcmp(statement_text(json, "medium", "serial_matches"), MATCHES[i].word) == 0)
			row(writer, "Medium matches", "%s", MATCHES[i].sentence);
	rows_end(writer);
	section_end(writer);
}

static void put_medium(const struct writer *writer)
{
	const json_t *json = writer->json, *is_virtual = statement_at(json, "medium", "is_virtual");
	uint64_t size = statement_number(json, "medium", "size_bytes");

	section(writer, "The medium");
	rows_begin(writer);
	row(writer, "Kind", "%s", statement_text(json, "medium", "kind"));
	row(writer, "Size", "%s (%s bytes)", PAGE_SIZED(size), PAGE_GROUPED(size));
	row(writer, "Model", "%s", said(json, "medium", "model", "not known"));
	row(writer, "Serial number", "%s", said(json, "medium", "serial", "not known"));
	row(writer, "Virtual", "%s",
	    json_is_null(is_virtual)   ? "not known"
	    : json_is_true(is_virtual) ? "yes: what lies below it was not read"
				       : "no");
	rows_end(writer);
	section_end(writer);
}

static void put_read(const struct writer *writer)
{
	const json_t *json = writer->json;

	section(writer, "What was read");
	rows_begin(writer);
	row(writer, "Bytes read", "%s of %s", PAGE_GROUPED(statement_number(json, "read", "bytes")),
	    PAGE_GROUPED(statement_number(json, "medium", "size_bytes")));
	row(writer, "Unreadable bytes", "%s",
	    PAGE_GROUPED(statement_number(json, "read", "unreadable_bytes")));
	row(writer, "Cleared means", "every byte is %s", fill_words(json));
	row(writer, "Threads", "%s", PAGE_GROUPED(statement_number(json, "read", "threads")));
	row(writer, "Begun", "%s", statement_text(json, "when", "begun"));
	row(writer, "Done", "%s", statement_text(json, "when", "done"));
	row(writer, "Trusted time", "%s", statement_text(json, "when", "trusted"));
	row(writer, "Asked for by", "%s", statement_text(json, "who", "operator"));
	row(writer, "Read by", "%s", statement_text(json, "who", "program"));
	rows_end(writer);
	section_end(writer);
}

/* "gpt at 512, mbr at 0 and 3 more" */
static void put_signs(const struct writer *writer, const char *label, const char *key,
		      const char *more_key)
{
	const json_t *signs = json_object_get(writer->json, key);
	size_t count = json_array_size(signs), shown = BL_MIN(count, (size_t)8);
	uint64_t more = count - shown + statement_number(writer->json, NULL, more_key);
	char value[VALUE_SIZE];
	size_t length = 0;

	for (size_t i = 0; i < shown && length < sizeof(value); i++) {
		const json_t *sign = json_array_get(signs, i);

		length +=
			(size_t)snprintf(value + length, sizeof(value) - length, "%s%s at byte %s",
					 i ? ", " : "", statement_text(sign, NULL, "type"),
					 PAGE_GROUPED(statement_number(sign, NULL, "offset")));
	}
	if (more && length < sizeof(value))
		snprintf(value + length, sizeof(value) - length, ", and %s more",
			 PAGE_GROUPED(more));
	row(writer, label, "%s", count ? value : "none");
}

static void put_classes(const struct writer *writer)
{
	static const struct table TABLE = {
		{"Personal data", "in use", "free", "nobody's", "customer's"},
		{-27, 11, 11, 11, 11}};
	const char *class;
	json_t *counts;

	table_begin(writer, &TABLE);
	json_object_foreach(statement_at(writer->json, "findings", "classes"), class, counts)
	{
		struct page_figure allocated = number_at(counts, "allocated"),
				   free_space = number_at(counts, "free"),
				   nobodys = number_at(counts, "nobodys"),
				   identity = number_at(counts, "identity");
		const char *const values[COLUMNS] = {class_words(class), allocated.text,
						     free_space.text, nobodys.text, identity.text};

		cells(writer, &TABLE, values);
	}
	table_end(writer);
	paragraph(writer, "How many of each, where a filesystem says the place is in use, or free; "
			  "nobody's: no filesystem that can be read says anything of it. "
			  "customer's: of all these, known values of the customer's record.");
}

static void put_found(const struct writer *writer)
{
	const json_t *json = writer->json;
	uint64_t total = statement_number(json, "findings", "total");

	section(writer, "What was found");
	rows_begin(writer);
	row(writer, "Places not cleared", "%s",
	    PAGE_GROUPED(statement_number(json, "regions", "count")));
	row(writer, "Bytes in them", "%s",
	    PAGE_GROUPED(statement_number(json, "regions", "bytes")));
	put_signs(writer, "Partition tables", "tables", "tables_more");
	put_signs(writer, "Filesystems", "filesystems", "filesystems_more");
	row(writer, "Personal data", "%s %s", total ? PAGE_GROUPED(total) : "none",
	    !total ? "" : page_plural(total, "finding", "findings"));
	rows_end(writer);
	if (total)
		put_classes(writer);
	section_end(writer);
}

static void put_shown(const struct writer *writer, uint64_t shown, uint64_t all)
{
	if (shown < all)
		paragraph(writer, "The first %s of %s are listed.", PAGE_GROUPED(shown),
			  PAGE_GROUPED(all));
}

static void put_regions(const struct writer *writer)
{
	static const struct table TABLE = {{"At byte", "Length in bytes"}, {25, 25}};
	const json_t *first = statement_at(writer->json, "regions", "first");
	size_t shown = BL_MIN(json_array_size(first), (size_t)SHOWN);

	if (!shown)
		return;
	section(writer, "Where it is not cleared");
	table_begin(writer, &TABLE);
	for (size_t i = 0; i < shown; i++) {
		const json_t *region = json_array_get(first, i);
		struct page_figure at = page_grouped(
					   (uint64_t)json_integer_value(json_array_get(region, 0))),
				   length = page_grouped(
					   (uint64_t)json_integer_value(json_array_get(region, 1)));
		const char *const values[COLUMNS] = {at.text, length.text};

		cells(writer, &TABLE, values);
	}
	table_end(writer);
	put_shown(writer, shown, statement_number(writer->json, "regions", "count"));
	section_end(writer);
}

static void put_places(const struct writer *writer)
{
	static const struct table TABLE = {{"What", "Where", "At byte", "Length"},
					   {-27, -9, 25, 11}};
	const json_t *places = statement_at(writer->json, "findings", "places");
	size_t shown = BL_MIN(json_array_size(places), (size_t)SHOWN);

	if (!shown)
		return;
	section(writer, "Where personal data was found");
	table_begin(writer, &TABLE);
	for (size_t i = 0; i < shown; i++) {
		const json_t *place = json_array_get(places, i);
		struct page_figure at = number_at(place, "offset"),
				   length = number_at(place, "length");
		const char *const values[COLUMNS] = {
			class_words(statement_text(place, NULL, "class")),
			where_words(statement_text(place, NULL, "where")), at.text, length.text};

		cells(writer, &TABLE, values);
	}
	table_end(writer);
	put_shown(writer, shown, statement_number(writer->json, "findings", "total"));
	section_end(writer);
}

static void put_looked_for(const struct writer *writer)
{
	const json_t *classes = json_object_get(writer->json, "looked_for");
	uint64_t identities = statement_number(writer->json, NULL, "identities");

	section(writer, "What was looked for");
	if (json_array_size(classes) == 0) {
		paragraph(writer, "No class of personal data.");
	} else if (writer->is_html) {
		fputs("<p>", writer->out);
		for (size_t i = 0; i < json_array_size(classes); i++) {
			html_put(writer->out, "%s%s", i ? ", " : "",
				 class_words(json_string_value(json_array_get(classes, i))));
		}
		fputs(".</p>\n", writer->out);
	} else {
		for (size_t i = 0; i < json_array_size(classes); i++)
			fprintf(writer->out, "  %s\n",
				class_words(json_string_value(json_array_get(classes, i))));
	}
	paragraph(writer, "Known values of the customer's record: %s.",
		  identities ? PAGE_GROUPED(identities) : "none");
	section_end(writer);
}

static void put_report(const struct writer *writer, const json_t *report)
{
	static const struct {
		const char *word, *sentence;
	} MATCHES[] = {{"yes", "the number of the device's record"},
		       {"no", "NOT the number of the device's record"},
		       {"unknown", "not compared: one of the two is not stated"}};
	const char *version = statement_text(report, NULL, "version"),
		   *matches = statement_text(report, NULL, "serial_matches");

	rows_begin(writer);
	row(writer, "Program", "%s%s%s", statement_text(report, NULL, "program"),
	    *version ? " " : "", version);
	row(writer, "Says", "%s, method: %s", statement_text(report, NULL, "result"),
	    said(report, NULL, "method", "not stated"));
	row(writer, "Of", "model %s, serial number %s", said(report, NULL, "model", "not stated"),
	    said(report, NULL, "serial", "not stated"));
	for (size_t i = 0; i < BL_COUNT(MATCHES); i++)
		if (strcmp(matches, MATCHES[i].word) == 0)
			row(writer, "That number is", "%s", MATCHES[i].sentence);
	row(writer, "SHA-256 of it", "%s", statement_text(report, NULL, "digest"));
	rows_end(writer);
}

static void put_reports(const struct writer *writer)
{
	const json_t *reports = json_object_get(writer->json, "reports");

	section(writer, "What wiping programs said");
	if (json_array_size(reports) == 0)
		paragraph(writer, "No report was attached.");
	for (size_t i = 0; i < json_array_size(reports); i++) {
		fputs(i && !writer->is_html ? "\n" : "", writer->out);
		put_report(writer, json_array_get(reports, i));
	}
	if (json_array_size(reports))
		paragraph(writer, "These were handed over by the operator. They were not checked, "
				  "and do not count for the verdict.");
	section_end(writer);
}

static void put_limits(const struct writer *writer)
{
	section(writer, "What this does not say");
	paragraph(writer,
		  "What the medium does not show to whoever reads it (remapped sectors, spare "
		  "blocks, areas hidden by HPA or DCO) was not read, nor what else the device has "
		  "(other disks, cards, namespaces). Compressed or encrypted "
		  "contents are counted as not cleared, and were not looked into.");
	section_end(writer);
}

static void put_check(const struct writer *writer)
{
	section(writer, "How to check it");
	paragraph(writer, "This page is for reading. The signed original is the JSON file of the "
			  "same name; anybody who has the store's public key can check it:");
	if (writer->is_html)
		fputs("<p><code>bailee certificate verify FILE.json --key "
		      "PUBLIC-KEY</code></p>\n",
		      writer->out);
	else
		fputs("  bailee certificate verify FILE.json --key PUBLIC-KEY\n", writer->out);
	rows_begin(writer);
	row(writer, "Store", "%s", statement_text(writer->json, NULL, "store"));
	row(writer, "Signed by key", "%s", statement_text(writer->json, NULL, "public_key"));
	rows_end(writer);
	section_end(writer);
}

/* ---- pages -------------------------------------------------------------------------------------------------- */

static const char STYLE[] =
	":root{color-scheme:light dark;--ink:#1a1a1a;--faint:#595959;--line:#c8c8c8;--paper:#fff;"
	"--good:#14602b;--fair:#7a4b00;--bad:#9b1c1c;--mark:#3a3a3a}"
	"@media(prefers-color-scheme:dark){:root{--ink:#ececec;--faint:#b0b0b0;--line:#4a4a4a;"
	"--paper:#161616;--good:#7fd39a;--fair:#f0b95a;--bad:#ff9b93;--mark:#c4c4c4}}"
	"@page{size:A4;margin:12mm}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;max-width:60rem;padding:1.5rem 1.25rem;background:var(--paper);"
	"color:var(--ink);font:0.9375rem/1.45 system-ui,sans-serif}"
	"h1{font-size:1.5rem;line-height:1.25;margin:0}"
	".EMPTY{color:var(--good)}.NOT_READ{color:var(--fair)}.NOT_EMPTY{color:var(--bad)}"
	".lead{font-size:1.0625rem;margin:.35rem 0 1.25rem}"
	"h2{font-size:1rem;margin:0 0 .35rem;border-bottom:1px solid var(--line)}"
	"figure{margin:0 0 1.5rem}"
	"svg{display:block;width:100%;height:3.5rem;background:linear-gradient(var(--line),"
	"var(--line)) 0 65%/100% 1px no-repeat;border:1px solid var(--faint)}"
	".contents{fill:var(--mark);background:var(--mark)}"
	".personal{fill:var(--bad);background:var(--bad)}"
	".hatch{stroke:var(--mark);stroke-width:1;fill:none}"
	".unlisted{background:repeating-linear-gradient(120deg,var(--mark) 0 1px,transparent 1px "
	"4px)}"
	".key{display:inline-block;width:.8em;height:.8em;border:1px solid var(--faint);"
	"margin-left:.4em;print-color-adjust:exact;-webkit-print-color-adjust:exact}"
	".axis{display:flex;justify-content:space-between;color:var(--faint);font-size:.8125rem}"
	"figcaption{color:var(--faint);font-size:.875rem}figcaption span{white-space:nowrap}"
	"main{columns:2;column-gap:2rem}"
	"section{break-inside:avoid;margin:0 0 1.25rem}"
	"p{margin:.35rem 0}"
	"dl{margin:0 0 .5rem;display:grid;grid-template-columns:9.5rem 1fr;gap:.1rem .75rem}"
	"dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}"
	"table{border-collapse:collapse;width:100%;font-size:.875rem}"
	"th{color:var(--faint);font-weight:400;text-align:left;vertical-align:bottom}"
	"th,td{padding:.1rem .4rem .1rem 0}"
	".n{text-align:right;font-variant-numeric:tabular-nums;padding:.1rem 0 .1rem .4rem}"
	"code{overflow-wrap:anywhere}"
	"@media(max-width:44rem){main{columns:1}dl{grid-template-columns:7.5rem 1fr}}"
	"@media print{:root{--ink:#000;--faint:#444;--line:#999;--paper:#fff;--good:#000;"
	"--fair:#000;--bad:#000;--mark:#555}body{max-width:none;padding:0;font-size:8pt;"
	"line-height:1.3}h1{font-size:14pt}h2{font-size:9pt}.lead{font-size:9.5pt}"
	"svg{height:10mm}main{columns:2;column-gap:6mm}table{font-size:7.5pt}"
	"figcaption,.axis{font-size:7.5pt}"
	"dl{grid-template-columns:27mm 1fr;gap:0 2mm}section{margin:0 0 3mm}}";

/* What would make the verdict mean another thing than the reader thinks; the first that holds. */
static const char *doubt_words(const json_t *json)
{
	const char *matches = statement_text(json, "medium", "serial_matches");
	const struct {
		bool holds;
		const char *words;
	} doubts[] = {
		{strcmp(matches, "no") == 0,
		 "The serial number of the medium is not that of the device's record: this may be "
		 "another medium."},
		{strcmp(statement_text(json, "medium", "kind"), "file") == 0,
		 "It is a file: what it was copied from was not read, and nothing but the "
		 "operator's word says what that is."},
		{json_is_true(statement_at(json, "medium", "is_virtual")),
		 "The medium is a virtual one: what lies below it was not read."},
		{is_bound(json) && strcmp(matches, "unknown") == 0,
		 "No serial number could be compared: nothing but the operator's word says that "
		 "this medium is the device's."},
	};

	for (size_t i = 0; i < BL_COUNT(doubts); i++)
		if (doubts[i].holds)
			return doubts[i].words;
	return "";
}

static void put_head(const struct writer *writer, const char *subject)
{
	const char *verdict = statement_text(writer->json, NULL, "verdict");
	const char *doubt = doubt_words(writer->json);
	char words[VALUE_SIZE];

	verdict_words(writer->json, words);
	if (!writer->is_html) {
		fprintf(writer->out, "WIPE CHECK: %s\n\n", verdict);
		page_wrap(writer->out, words, 0);
		if (*doubt)
			page_wrap(writer->out, doubt, 0);
		return;
	}
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n",
	      writer->out);
	html_put(writer->out, "<title>Wipe check, %s: %s</title>\n<style>", verdict, subject);
	fputs(STYLE, writer->out);
	html_put(writer->out,
		 "</style>\n</head>\n<body>\n<header><h1>Wipe check: <span class=\"%s\">%s</span>"
		 "</h1>\n<p class=\"lead\">%s",
		 verdict, verdict, words);
	if (*doubt)
		html_put(writer->out, "<br><strong>%s</strong>", doubt);
	fputs("</p></header>\n", writer->out);
}

static void put_page(const struct writer *writer)
{
	put_head(writer, said(writer->json, "device", "id", "a medium of no device"));
	if (writer->is_html) {
		inspect_strip_put(
			writer->out, writer->json,
			PAGE_SIZED(statement_number(writer->json, "medium", "size_bytes")));
		fputs("<main>\n", writer->out);
	}
	put_device(writer);
	put_medium(writer);
	put_read(writer);
	put_found(writer);
	put_looked_for(writer);
	put_reports(writer);
	put_limits(writer);
	put_check(writer);
	put_regions(writer);
	put_places(writer);
	if (writer->is_html)
		fputs("</main>\n</body>\n</html>\n", writer->out);
}

enum bl_status inspect_page_make(const json_t *json, enum inspect_page page, char **out_page,
				 struct bl_error *why)
{
	char *text = NULL;
	size_t size;
	const struct writer writer = {
		.out = open_memstream(&text, &size), .is_html = page == INSPECT_HTML, .json = json};

	if (!writer.out)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	put_page(&writer);
	/* A stream of memory tells that it ran out when it is closed, and leaves what it had. */
	if (fclose(writer.out) != 0) {
		free(text);
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	*out_page = text;
	return BL_OK;
}
