/*
 * What wiping programs said of a medium: hostile text, of which a few values are taken and nothing is believed.
 *
 * Sources: nwipe 0.33 (its log of a real run, Debian's 0.34-1+b1), and of 0.24 to 0.37 as people posted theirs in its issues; nvme-cli 2.3
 * (its JSON names devices, each with `sprog`, `sstat`, `cdw10_info`); NVM Express Base Specification 2.0, "Sanitize Status (Log Identifier
 * 81h)": SSTAT bits 2:0, SCDW10, and "Sanitize command": SANACT in bits 2:0 of CDW10.
 */
#include <sodium.h>
#include <string.h>
#include <utf8proc.h>

#include "fs/inspect/report-private.h"

#define KNOWN                                                                                      \
	"give nwipe's log, the JSON of 'nvme sanitize-log -o json' or 'nvme id-ctrl -o json', or " \
	"what 'nvme format' printed"
#define SEVERAL "the report speaks of several drives (give one report for each drive)"

/* ---- text --------------------------------------------------------------------------------------- */

static bool is_plain(utf8proc_int32_t point)
{
	static const struct {
		utf8proc_int32_t first, last;
	} steering[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x61c, 0x61c},
		{0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
	};

	for (size_t i = 0; i < BL_COUNT(steering); i++)
		if (point >= steering[i].first && point <= steering[i].last)
			return false;
	return true;
}

bool inspect_words_ok(const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		utf8proc_int32_t point;
		utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
							 (utf8proc_ssize_t)(length - at), &point);

		if (step <= 0 || !is_plain(point))
			return false;
		at += (size_t)step;
	}
	return true;
}

void inspect_words_take(char *out, size_t size, const char *bytes, size_t length)
{
	*out = '\0';
	for (; length && strchr(" \t\r\n", bytes[length - 1]); length--)
		;
	for (; length && (*bytes == ' ' || *bytes == '\t'); length--)
		bytes++;
	if (length >= size || !inspect_words_ok(bytes, length))
		return;
	memcpy(out, bytes, length);
	out[length] = '\0';
}

/* Bytes of the report, not NUL-terminated. */
struct span {
	const char *at;
	size_t length;
};

static struct span span_from(struct span span, size_t skip)
{
	return (struct span){span.at + skip, span.length - skip};
}

static bool begins(struct span span, const char *word)
{
	size_t length = strlen(word);

	return span.length >= length && memcmp(span.at, word, length) == 0;
}

static bool equals(struct span span, const char *word)
{
	return span.length == strlen(word) && begins(span, word);
}

/* Where @word stands in it; SIZE_MAX: nowhere. */
static size_t find(struct span span, const char *word)
{
	const char *at = span.length ? memmem(span.at, span.length, word, strlen(word)) : NULL;

	return at ? (size_t)(at - span.at) : SIZE_MAX;
}

static size_t find_last(struct span span, char character)
{
	const char *at = span.length ? memrchr(span.at, character, span.length) : NULL;

	return at ? (size_t)(at - span.at) : SIZE_MAX;
}

static struct span trimmed(struct span span)
{
	while (span.length && span.at[span.length - 1] == ' ')
		span.length--;
	while (span.length && *span.at == ' ')
		span = span_from(span, 1);
	return span;
}

/* The next line of @rest, without its end; false: there is none. */
static bool next_line(struct span *rest, struct span *out_line)
{
	if (!rest->length)
		return false;

	size_t length = find(*rest, "\n");
	bool is_last = length == SIZE_MAX;

	*out_line = (struct span){rest->at, is_last ? rest->length : length};
	*rest = span_from(*rest, is_last ? rest->length : length + 1);
	if (out_line->length && out_line->at[out_line->length - 1] == '\r')
		out_line->length--;
	return true;
}

/* A serial number that was hidden (nwipe --quiet) or could not be had is none. */
static void take_serial(char *out, size_t size, struct span span)
{
	span = trimmed(span);
	inspect_words_take(out, size, span.at, span.length);
	if (strspn(out, "X") == strlen(out) || strspn(out, "?") == strlen(out) || *out == '(')
		*out = '\0';
}

/* ---- nwipe -------------------------------------------------------------------------------------- */

struct nwipe {
	struct inspect_report *report;
	struct span drive; /* as it was named first: "/dev/sdb" or, in the table, "sdb" */
	bool is_nwipe, is_several, has_failed, has_table;
	bool in_table; /* the lines between its heading and its end */
	size_t begun, erased, done;
};

/*
 * Is it the same drive? The table names the last 6 or 8 characters at most (0.28 and later). Of a log that was added to, names may come to
 * mean another drive: serial numbers tell that.
 */
static bool same_drive(struct span a, struct span b)
{
	size_t slash_a = find_last(a, '/'), slash_b = find_last(b, '/');

	a = slash_a == SIZE_MAX ? a : span_from(a, slash_a + 1);
	b = slash_b == SIZE_MAX ? b : span_from(b, slash_b + 1);

	struct span longer = a.length < b.length ? b : a, shorter = a.length < b.length ? a : b;

	if (longer.length != shorter.length && shorter.length < 6)
		return false;
	return memcmp(longer.at + longer.length - shorter.length, shorter.at, shorter.length) == 0;
}

static void nwipe_drive(struct nwipe *log, struct span drive)
{
	if (!log->drive.length)
		log->drive = drive;
	else if (!same_drive(log->drive, drive))
		log->is_several = true;
}

static void nwipe_serial(struct nwipe *log, struct span said)
{
	char serial[DEVICE_TEXT];

	take_serial(serial, sizeof(serial), said);
	if (!*serial)
		return;
	if (*log->report->serial && strcmp(log->report->serial, serial) != 0)
		log->is_several = true;
	memcpy(log->report->serial, serial, sizeof(serial));
}

/* "[2026/07/01 10:00:00]  notice: text", of 0.24 "[...] nwipe: notice: text": the text. */
static struct span nwipe_text(struct span line)
{
	static const char *const LEVELS[] = {
		"debug: ", "info: ", "notice: ", "warning: ", "error: ", "fatal: "};
	size_t end = begins(line, "[") ? find(line, "] ") : SIZE_MAX;

	line = trimmed(end == SIZE_MAX ? line : span_from(line, end + 2));
	if (begins(line, "nwipe: "))
		line = trimmed(span_from(line, strlen("nwipe: ")));
	for (size_t i = 0; i < BL_COUNT(LEVELS); i++)
		if (begins(line, LEVELS[i]))
			return trimmed(span_from(line, strlen(LEVELS[i])));
	return line;
}

/* "Invoking method 'DoD Short' on /dev/sdb", of 0.24 "... on device '/dev/sdb'." */
static void nwipe_method(struct nwipe *log, struct span text)
{
	static const char WORDS[] = "Invoking method '";

	if (!begins(text, WORDS))
		return;
	text = span_from(text, strlen(WORDS));

	size_t end = find(text, "' on ");

	if (end == SIZE_MAX)
		return;
	log->is_nwipe = true;
	log->begun++;
	inspect_words_take(log->report->method, sizeof(log->report->method), text.at, end);
	text = trimmed(span_from(text, end + strlen("' on ")));
	if (begins(text, "device '")) {
		text = span_from(text, strlen("device '"));
		end = find(text, "'");
		text.length = end == SIZE_MAX ? text.length : end;
	}
	nwipe_drive(log, text);
}

/* "! sdb |-FAILED-|  120 MB/s | 01:22:01 | MODEL/SERIAL": whatever is not "Erased" is a failure. */
static void nwipe_row(struct nwipe *log, struct span line)
{
	struct span cells[4];

	for (size_t i = 0; i < BL_COUNT(cells); i++) {
		size_t end = find(line, "|");

		if (end == SIZE_MAX)
			return;
		cells[i] = trimmed((struct span){line.at, end});
		line = span_from(line, end + 1);
	}
	if (begins(cells[0], "!"))
		cells[0] = trimmed(span_from(cells[0], 1));
	if (equals(cells[0], "Device") || !cells[0].length)
		return;
	log->has_table = true;
	nwipe_drive(log, cells[0]);
	if (equals(cells[1], "Erased"))
		log->erased++;
	else
		log->has_failed = true;
}

static void nwipe_ending(struct nwipe *log, struct span text)
{
	static const char *const FAILURES[] = {"[FAILURE]", ">>> FAILURE! <<<", ">>>FAILURE!<<<",
					       "Nwipe exited with ", "Nwipe was aborted "};

	for (size_t i = 0; i < BL_COUNT(FAILURES); i++)
		if (find(text, FAILURES[i]) != SIZE_MAX)
			log->has_failed = true;
	if (begins(text, "Nwipe successfully "))
		log->done++;
}

/* "nwipe 0.37"; among the options of 0.33 "banner   = nwipe 0.33". */
static void nwipe_version(struct nwipe *log, struct span text)
{
	if (begins(text, "banner ")) {
		size_t equals_sign = find(text, "= ");

		text = equals_sign == SIZE_MAX ? text : trimmed(span_from(text, equals_sign + 2));
	}
	if (!begins(text, "nwipe ") || text.length < 7 || text.at[6] < '0' || text.at[6] > '9')
		return;
	log->is_nwipe = true;
	inspect_words_take(log->report->version, sizeof(log->report->version), text.at + 6,
			   text.length - 6);
}

/* Which drive, how, and how it ended. */
static void nwipe_line(struct nwipe *log, struct span line)
{
	struct span text = nwipe_text(line);

	if (begins(line, "*")) {
		log->in_table = find(line, "* Drive Status *") != SIZE_MAX;
		log->is_nwipe = log->is_nwipe || log->in_table;
	} else if (log->in_table && !begins(line, "[")) {
		nwipe_row(log, line);
	} else {
		nwipe_version(log, text);
		nwipe_method(log, text);
		nwipe_ending(log, text);
	}
}

/* "Found /dev/sdb, ATA, MODEL, 250 GB, S/N=SERIAL"; up to 0.28 without the bus. */
static void nwipe_found(struct nwipe *log, struct span text)
{
	size_t comma = find(text, ", "), serial = find(text, ", S/N=");

	if (comma == SIZE_MAX || serial == SIZE_MAX || serial <= comma ||
	    !same_drive((struct span){text.at, comma}, log->drive))
		return;
	nwipe_serial(log, span_from(text, serial + strlen(", S/N=")));
	text = (struct span){text.at + comma + 2, serial - comma - 2};

	size_t size = find_last(text, ',');

	text.length = size == SIZE_MAX ? text.length : size;
	comma = find(text, ", ");
	if (comma != SIZE_MAX)
		text = span_from(text, comma + 2);
	text = trimmed(text);
	inspect_words_take(log->report->model, sizeof(log->report->model), text.at, text.length);
}

/* Names of drives come before the drive that is wiped is known: a second look. */
static void nwipe_names(struct nwipe *log, struct span line)
{
	static const char SERIAL[] = " has serial number ";
	struct span text = nwipe_text(line);
	size_t at = find(text, SERIAL);

	if (begins(text, "Found "))
		nwipe_found(log, span_from(text, strlen("Found ")));
	else if (at != SIZE_MAX && same_drive((struct span){text.at, at}, log->drive))
		nwipe_serial(log, span_from(text, at + strlen(SERIAL)));
}

static enum inspect_outcome nwipe_outcome(const struct nwipe *log)
{
	size_t ended = log->has_table ? log->erased : log->done;

	if (log->has_failed)
		return INSPECT_FAILURE;
	/* One that was begun and of which nothing more is said may be writing still. */
	return ended && ended >= log->begun ? INSPECT_SUCCESS : INSPECT_UNKNOWN;
}

static enum bl_status nwipe_parse(struct span all, struct inspect_report *report,
				  bool *out_is_nwipe, struct bl_error *why)
{
	struct nwipe log = {.report = report};
	struct span rest = all, line;

	while (next_line(&rest, &line))
		nwipe_line(&log, line);
	*out_is_nwipe = log.is_nwipe;
	if (!log.is_nwipe)
		return BL_OK;
	rest = all;
	while (log.drive.length && next_line(&rest, &line))
		nwipe_names(&log, line);
	if (log.is_several)
		return bl_fail(why, BL_INVALID, SEVERAL);
	memcpy(report->program, "nwipe", sizeof("nwipe"));
	report->outcome = log.drive.length ? nwipe_outcome(&log) : INSPECT_UNKNOWN;
	return BL_OK;
}

/* ---- nvme-cli ------------------------------------------------------------------------------------ */

static void nvme_is(struct inspect_report *report, const char *method)
{
	memcpy(report->program, "nvme-cli", sizeof("nvme-cli"));
	inspect_words_take(report->method, sizeof(report->method), method, strlen(method));
}

/* What `nvme format` prints. It does not say whether it was told to erase (its --ses), which is said in its place. */
static bool format_parse(struct span all, struct inspect_report *report)
{
	static const char *const FAILURES[] = {"NVMe status", "NVMe Status",
					       "NVMe Admin command error", "format: "};
	static const char *const BEGINNINGS[] = {"You are about to format ",
						 "Sending format operation"};
	bool is_format = false, has_failed = false, is_done = false;
	struct span line;

	while (next_line(&all, &line)) {
		is_done = is_done || begins(line, "Success formatting namespace");
		for (size_t i = 0; i < BL_COUNT(FAILURES); i++)
			has_failed = has_failed || begins(line, FAILURES[i]);
		for (size_t i = 0; i < BL_COUNT(BEGINNINGS); i++)
			is_format = is_format || begins(line, BEGINNINGS[i]);
	}
	if (!is_format && !is_done)
		return false;
	nvme_is(report, "NVMe format (secure erase: not told)");
	report->outcome = has_failed ? INSPECT_FAILURE
			  : is_done  ? INSPECT_SUCCESS
				     : INSPECT_UNKNOWN;
	return true;
}

static void take_member(const json_t *json, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (text)
		inspect_words_take(out, size, text, strlen(text));
}

/* nvme-cli 2 tells {"status": "(1) words", ...}; others the number itself. -1: not told. */
static int sanitize_status(const json_t *sstat)
{
	const char *text = json_string_value(json_object_get(sstat, "status"));

	if (json_is_integer(sstat))
		return (int)(json_integer_value(sstat) & 7);
	if (text && text[0] == '(' && text[1] >= '0' && text[1] <= '7' && text[2] == ')')
		return text[1] - '0';
	return -1;
}

static bool sanitize_parse(const json_t *json, struct inspect_report *report)
{
	static const char *const ACTIONS[] = {[2] = "NVMe sanitize: block erase",
					      [3] = "NVMe sanitize: overwrite",
					      [4] = "NVMe sanitize: crypto erase"};
	/* 0: never sanitized, 2: in progress. 4: done, and deallocated though that was not wanted. */
	static const enum inspect_outcome OUTCOMES[] = {
		[1] = INSPECT_SUCCESS, [3] = INSPECT_FAILURE, [4] = INSPECT_SUCCESS};
	const json_t *sstat = json_object_get(json, "sstat"),
		     *command = json_object_get(json, "cdw10_info");

	if (!sstat || !json_object_get(json, "sprog"))
		return false;

	int status = sanitize_status(sstat);
	size_t action = json_is_integer(command) ? (size_t)(json_integer_value(command) & 7) : 0;

	nvme_is(report, action < BL_COUNT(ACTIONS) && ACTIONS[action] ? ACTIONS[action] : "");
	if (status >= 0 && (size_t)status < BL_COUNT(OUTCOMES))
		report->outcome = OUTCOMES[status];
	return true;
}

static bool identify_parse(const json_t *json, struct inspect_report *report)
{
	if (!json_is_string(json_object_get(json, "sn")) ||
	    !json_is_string(json_object_get(json, "mn")))
		return false;
	nvme_is(report, "");
	take_member(json, "sn", report->serial, sizeof(report->serial));
	take_member(json, "mn", report->model, sizeof(report->model));
	return true;
}

/* {"result": "Success formatting namespace:1"}, whatever its key. */
static bool format_json_parse(const json_t *json, struct inspect_report *report)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)json, key, value)
	{
		const char *text = json_string_value(value);

		if (text && format_parse((struct span){text, strlen(text)}, report))
			return true;
	}
	return false;
}

static bool nvme_object(const json_t *json, struct inspect_report *report)
{
	return sanitize_parse(json, report) || identify_parse(json, report) ||
	       format_json_parse(json, report);
}

/* nvme-cli nests four deep; what nests deeper is somebody's who wants to see the parser recurse. */
#define DEPTH 16
static bool is_shallow(struct span json)
{
	size_t depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < json.length; i++) {
		char character = json.at[i];

		if (character == '"')
			in_text = !in_text;
		else if (in_text && character == '\\')
			i++;
		else if (!in_text && (character == '{' || character == '['))
			depth++;
		else if (!in_text && depth && (character == '}' || character == ']'))
			depth--;
		if (depth > DEPTH)
			return false;
	}
	return true;
}

/* The object itself, or (sanitize-log) one in an object that is named after the device. */
static enum bl_status nvme_parse(struct span all, struct inspect_report *report,
				 struct bl_error *why)
{
	JSON_CLEANUP json_t *json =
		is_shallow(all) ? json_loadb(all.at, all.length, JSON_REJECT_DUPLICATES, NULL)
				: NULL;
	const char *key;
	json_t *inner;
	size_t found = 0;

	if (nvme_object(json, report))
		return BL_OK;
	json_object_foreach(json, key, inner)
	{
		struct inspect_report one = {.outcome = INSPECT_UNKNOWN};

		if (!json_is_object(inner) || !nvme_object(inner, &one))
			continue;
		if (found++)
			return bl_fail(why, BL_INVALID, SEVERAL);
		memcpy(one.digest, report->digest, sizeof(one.digest));
		*report = one;
	}
	return found ? BL_OK
		     : bl_fail(why, BL_INVALID, "the report is none that is known (%s)", KNOWN);
}

enum bl_status inspect_report_parse(const char *bytes, size_t length,
				    struct inspect_report *out_report, struct bl_error *why)
{
	struct inspect_report report = {.outcome = INSPECT_UNKNOWN};
	struct span all = {bytes, length};
	bool is_nwipe = false;

	if (length > INSPECT_REPORT_SIZE)
		return bl_fail(why, BL_TOO_LARGE, "the report is over %u bytes (%s)",
			       INSPECT_REPORT_SIZE, KNOWN);
	if (length == 0 || memchr(bytes, '\0', length))
		return bl_fail(why, BL_INVALID, "the report is none that is known (%s)", KNOWN);
	crypto_hash_sha256(report.digest, (const uint8_t *)bytes, length);
	while (all.length && strchr(" \t\r\n", *all.at))
		all = span_from(all, 1);

	enum bl_status status = begins(all, "{") ? nvme_parse(all, &report, why)
						 : nwipe_parse(all, &report, &is_nwipe, why);

	if (status != BL_OK)
		return status;
	if (!*report.program && !format_parse(all, &report))
		return bl_fail(why, BL_INVALID, "the report is none that is known (%s)", KNOWN);
	*out_report = report;
	return BL_OK;
}
