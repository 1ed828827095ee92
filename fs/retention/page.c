/* The certificate for people: as text, and as one page of HTML that needs nothing from elsewhere. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/page/page.h"
#include "fs/retention/look.h"

/* Sections in order; a row without a label begins one. What a certificate of an older version has not is left out. */
static const struct page_row ROWS[] = {
	{NULL, "What was destroyed"},
	{"Device", "what.device"},
	{"Subject", "subject"},
	{"Kind", "what.kind"},
	{"Maker", "what.maker"},
	{"Model", "what.model"},
	{"Serial number", "what.serial"},
	{"Medium", "what.media"},
	{"Bytes", "what.size_bytes"},
	{"Files", "what.files"},
	{"Part", "what.part"},
	{"Digest before", "what.digest.value"},
	{"Digest by", "what.digest.algorithm"},
	{"Intake complete", "what.is_complete"},
	{NULL, "How"},
	{"Standard", "how.standard"},
	{"Category", "how.category"},
	{"Technique", "how.technique"},
	{"Cipher", "how.algorithm"},
	{"Key bits", "how.key_bits"},
	{"Passes", "how.passes"},
	{"Pattern", "how.pattern"},
	{"Keys", "how.keys"},
	{"Then", "how.then"},
	{NULL, "Verification"},
	{"Read back from", "verification.type"},
	{"Bytes overwritten", "verification.bytes"},
	{"Bytes read back", "verification.bytes_read_back"},
	{"Of these raw", "verification.bytes_raw"},
	{"Share in percent", "verification.share_percent"},
	{"Keys read back", "verification.keys"},
	{"Keys tried", "verification.keys_tried"},
	{"Keys that opened it", "verification.keys_that_opened"},
	{"Its places", "verification.places"},
	{"Their neighbours", "verification.neighbours"},
	{"Checked", "validation.checked"},
	{"Checked by", "validation.program"},
	{NULL, "Why"},
	{"Retention entry", "why.entry"},
	{"Received", "why.received"},
	{"Due", "why.due"},
	{"Request", "why.request"},
	{"Reason", "why.reason"},
	{"Approved by", "why.approvals"},
	{"Policy (BLAKE2b-256)", "why.policy_digest"},
	{"Policy serial", "why.policy_serial"},
	{NULL, "Who"},
	{"Asked by", "who.operator"},
	{"Verified by", "who.verifier"},
	{"Verified by another", "who.other_verifier"},
	{"Program", "who.program"},
	{"Host", "who.host"},
	{NULL, "When"},
	{"Begun", "when.begun"},
	{"Done", "when.done"},
	{"Done, by the wall clock", "when.wall_done"},
	{"Milliseconds", "when.duration_ms"},
	{"Clock", "when.clock"},
	{"Clock synchronised", "when.synchronised"},
	{"Begun by log event", "log.intent_sequence"},
	{NULL, "Storage"},
	{"Filesystem", "storage.filesystem"},
	{"Block device", "storage.block_device"},
	{"Image lay on", "storage.image.filesystem"},
	{"Its block device", "storage.image.block_device"},
	{"Virtual", "storage.image.is_virtual"},
	{"Rotational", "storage.image.is_rotational"},
	{"Discards", "storage.image.discards"},
	{"Pieces", "storage.extents"},
	{"Keys lay on", "storage.keys.filesystem"},
	{"Their block device", "storage.keys.block_device"},
	{"Locks of the keys", "storage.locks"},
	{NULL, "Exceptions"},
	{"Exceptions", "exceptions"},
	{NULL, "Not covered"},
	{"Not covered", "scope"},
	{NULL, "Signature"},
	{"Store", "store"},
	{"Signed by key", "public_key"},
};

static const json_t *value_at(const json_t *json, const char *path)
{
	char key[32];

	for (size_t length; json && (length = strcspn(path, ".")) < sizeof(key);) {
		memcpy(key, path, length);
		key[length] = '\0';
		json = json_object_get(json, key);
		if (!path[length])
			return json;
		path += length + 1;
	}
	return NULL;
}

static const char *text_at(const json_t *json, const char *path)
{
	const char *text = json_string_value(value_at(json, path));

	return text ? text : "";
}

/* What the word means, in a sentence; of a certificate with another word nothing. */
static const char *meaning_of(const json_t *json)
{
	static const struct {
		const char *status, *meaning;
	} MEANINGS[] = {
		{"ERASED",
		 "It is destroyed, which was verified as told below, without exceptions."},
		{"ERASED_WITH_EXCEPTIONS",
		 "It is destroyed; what could not be shown is among the exceptions."},
		{"NOT_ERASED", "It is not proven that it is gone: see the exceptions."},
	};

	for (size_t i = 0; i < BL_COUNT(MEANINGS); i++)
		if (strcmp(text_at(json, "status"), MEANINGS[i].status) == 0)
			return MEANINGS[i].meaning;
	return "";
}

/* ---- one character at a time ---------------------------------------------------------------------------- */

struct writer {
	FILE *out;
	bool is_html;
};

/* A genuine certificate holds only texts of ours; what a stranger's key signed must reach neither terminal nor browser raw. */
static void put_text(const struct writer *writer, const char *text)
{
	while (*text) {
		size_t seen = page_seen(text, strnlen(text, PAGE_CHARACTER));

		if (!seen) {
			fputc('?', writer->out);
			/* One for all of its bytes. */
			for (text++; (*text & 0xc0) == 0x80; text++)
				;
			continue;
		}
		if (writer->is_html)
			html_text(writer->out, text, seen);
		else
			fwrite(text, 1, seen, writer->out);
		text += seen;
	}
}

static void put_scalar(const struct writer *writer, const json_t *value)
{
	if (json_is_integer(value))
		fprintf(writer->out, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", writer->out);
	else if (json_is_string(value) && *json_string_value(value))
		put_text(writer, json_string_value(value));
	else
		fputs(json_is_null(value) ? "not known" : "not stated", writer->out);
}

/* What does not apply to this kind of destruction is null: no row then, but where it says that a fact is not known. */
static bool is_shown(const json_t *json, const struct page_row *row)
{
	static const char *const ALWAYS[] = {"what.digest.value", "when.duration_ms",
					     "when.synchronised", "storage.image.block_device"};
	const json_t *value = value_at(json, row->path);

	if (!value)
		return false;
	for (size_t i = 0; i < BL_COUNT(ALWAYS); i++)
		if (strcmp(ALWAYS[i], row->path) == 0)
			return true;
	return !json_is_null(value);
}

/* ---- text --------------------------------------------------------------------------------------------------- */

/* As it is shown, without what would steer a terminal, and then in lines. */
static void put_value(const struct writer *writer, const json_t *value)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t size;
	const struct writer scalar = {.out = open_memstream(&text, &size)};

	if (!scalar.out) {
		fputs("?\n", writer->out);
		return;
	}
	put_scalar(&scalar, value);
	if (fclose(scalar.out) == 0)
		page_wrap(writer->out, text, PAGE_LABEL);
}

static void put_row(const struct writer *writer, const struct page_row *row, const json_t *value)
{
	fprintf(writer->out, "%-21s ", row->label);
	if (!json_is_array(value)) {
		put_value(writer, value);
		return;
	}
	if (json_array_size(value) == 0)
		fputs("none\n", writer->out);
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (i)
			fprintf(writer->out, "%-21s ", "");
		put_value(writer, json_array_get(value, i));
	}
}

static void put_page(const struct writer *writer, const struct page_form *form, const json_t *json)
{
	fprintf(writer->out, "%s\n\n%-21s ", form->title, form->label);
	put_text(writer, text_at(json, form->path));
	fprintf(writer->out, "\n%s%s", form->meaning, *form->meaning ? "\n" : "");
	for (size_t i = 0; i < form->count; i++) {
		const struct page_row *row = &form->rows[i];

		if (!row->label)
			fputc('\n', writer->out);
		else if (is_shown(json, row))
			put_row(writer, row, value_at(json, row->path));
	}
	fputs("\nThe signed original is the JSON file of the same name:\n"
	      "'bailee certificate verify' checks it.\n",
	      writer->out);
}

/* ---- HTML ---------------------------------------------------------------------------------------------------- */

static const char STYLE[] =
	":root{color-scheme:light dark;--ink:#1a1a1a;--faint:#595959;--line:#c8c8c8;--paper:#fff;"
	"--good:#14602b;--fair:#7a4b00;--bad:#9b1c1c}"
	"@media(prefers-color-scheme:dark){:root{--ink:#ececec;--faint:#b0b0b0;--line:#4a4a4a;"
	"--paper:#161616;--good:#7fd39a;--fair:#f0b95a;--bad:#ff9b93}}"
	"@page{size:A4;margin:12mm}"
	"*{box-sizing:border-box}"
	"body{margin:0 "
	"auto;max-width:60rem;padding:1.5rem;background:var(--paper);color:var(--ink);"
	"font:0.9375rem/1.45 system-ui,sans-serif}"
	"h1{font-size:1.5rem;margin:0}"
	"h2{font-size:1rem;margin:0 0 .3rem;border-bottom:1px solid var(--line)}"
	".status{font-size:1.25rem;font-weight:700;margin:.25rem 0 1.25rem}"
	".ERASED{color:var(--good)}.ERASED_WITH_EXCEPTIONS{color:var(--fair)}"
	".NOT_ERASED{color:var(--bad)}"
	"small{display:block;font-size:.9375rem;font-weight:400;color:var(--ink)}"
	"main{columns:2;column-gap:2rem}"
	"section{break-inside:avoid;margin:0 0 1rem}"
	"dl{margin:0;display:grid;grid-template-columns:9.5rem 1fr;gap:.1rem .75rem}"
	"dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}"
	"ul{margin:0;padding-left:1.1rem}"
	"footer{border-top:1px solid var(--line);padding-top:.5rem;color:var(--faint)}"
	"@media(max-width:44rem){main{columns:1}}"
	"@media print{:root{--ink:#000;--faint:#444;--line:#999;--paper:#fff;--good:#000;"
	"--fair:#000;--bad:#000}body{max-width:none;padding:0;font-size:7.6pt;line-height:1.3}"
	"h1{font-size:14pt}h2{font-size:9pt}.status{font-size:11pt;margin:1mm 0 3mm}"
	"small{font-size:7.6pt}"
	"main{columns:2;column-gap:6mm}section{margin:0 0 2.5mm}"
	"dl{grid-template-columns:27mm 1fr;gap:0 2mm}}";

static void put_items(const struct writer *writer, const json_t *list)
{
	if (json_array_size(list) == 0) {
		fputs("none", writer->out);
		return;
	}
	if (json_array_size(list) == 1) {
		put_scalar(writer, json_array_get(list, 0));
		return;
	}
	fputs("<ul>", writer->out);
	for (size_t i = 0; i < json_array_size(list); i++) {
		fputs("<li>", writer->out);
		put_scalar(writer, json_array_get(list, i));
		fputs("</li>", writer->out);
	}
	fputs("</ul>", writer->out);
}

static void put_entry(const struct writer *writer, const struct page_row *row, const json_t *value)
{
	fprintf(writer->out, "<dt>%s</dt><dd>", row->label);
	if (json_is_array(value))
		put_items(writer, value);
	else
		put_scalar(writer, value);
	fputs("</dd>\n", writer->out);
}

/* From the row that begins it, up to the next; returns that one's index. */
static size_t put_section(const struct writer *writer, const json_t *json, size_t at)
{
	size_t end = at + 1;
	bool is_list = false;

	while (end < BL_COUNT(ROWS) && ROWS[end].label)
		end++;
	/* One list is all there is: the heading is its label. */
	if (end == at + 2)
		is_list = json_is_array(value_at(json, ROWS[at + 1].path));
	fprintf(writer->out, "<section><h2>%s</h2>%s", ROWS[at].path, is_list ? "" : "<dl>\n");
	for (size_t i = at + 1; i < end; i++) {
		if (is_list)
			put_items(writer, value_at(json, ROWS[i].path));
		else if (is_shown(json, &ROWS[i]))
			put_entry(writer, &ROWS[i], value_at(json, ROWS[i].path));
	}
	fprintf(writer->out, "%s</section>\n", is_list ? "" : "</dl>");
	return end;
}

static void put_head(const struct writer *writer, const json_t *json)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n<title>Certificate of destruction: ",
	      writer->out);
	put_text(writer, text_at(json, "what.device"));
	fprintf(writer->out, "</title>\n<style>%s</style>\n</head>\n<body>\n", STYLE);
}

static void put_html(const struct writer *writer, const json_t *json)
{
	put_head(writer, json);
	fputs("<header><h1>Certificate of destruction: ", writer->out);
	put_text(writer, text_at(json, "what.device"));
	fputs("</h1>\n<p class=\"status ", writer->out);
	put_text(writer, text_at(json, "status"));
	fputs("\">Status: ", writer->out);
	put_text(writer, text_at(json, "status"));
	fprintf(writer->out, "<small>%s</small>", meaning_of(json));
	fputs("</p></header>\n<main>\n", writer->out);
	for (size_t at = 0; at < BL_COUNT(ROWS);)
		at = put_section(writer, json, at);
	fputs("</main>\n<footer>This page is for reading. The signed original is the JSON file of "
	      "the same name: <code>bailee certificate verify</code> checks it.</footer>\n"
	      "</body>\n</html>\n",
	      writer->out);
}

/* A stream of memory tells that it ran out when it is closed, and leaves what it had. */
static enum bl_status end_page(FILE *out, char **text, char **out_page, struct bl_error *why)
{
	if (fclose(out) != 0) {
		free(*text);
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	*out_page = *text;
	return BL_OK;
}

static enum bl_status make_html(const json_t *json, char **out_page, struct bl_error *why)
{
	char *text = NULL;
	size_t size;
	const struct writer writer = {.out = open_memstream(&text, &size), .is_html = true};

	if (!writer.out)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	put_html(&writer, json);
	return end_page(writer.out, &text, out_page, why);
}

enum bl_status page_text(const struct page_form *form, const json_t *json, char **out_page,
			 struct bl_error *why)
{
	char *text = NULL;
	size_t size;
	const struct writer writer = {.out = open_memstream(&text, &size)};

	if (!writer.out)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	put_page(&writer, form, json);
	return end_page(writer.out, &text, out_page, why);
}

enum bl_status page_make(const struct json_t *certificate, enum retention_page page,
			 char **out_page, struct bl_error *why)
{
	const struct page_form form = {.title = "CERTIFICATE OF DESTRUCTION",
				       .label = "Status",
				       .path = "status",
				       .meaning = meaning_of(certificate),
				       .rows = ROWS,
				       .count = BL_COUNT(ROWS)};

	return page == RETENTION_HTML ? make_html(certificate, out_page, why)
				      : page_text(&form, certificate, out_page, why);
}
