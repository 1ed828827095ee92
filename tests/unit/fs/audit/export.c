/* Exports: each record one line that its reader's tools take, with nothing in it that does anything but stand there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/audit.h"
#include "tests/unit/fs/audit/export-lines.h"

#include <stdio.h>

#define LOG_ID "00112233445566778899aabbccddeeff"
#define TOKEN  "05050505050505050505050505050505"

static const struct audit_exporting HOW = {.host = "store-1.example", .log_id = LOG_ID};

static struct audit_record sample(void)
{
	struct audit_record record = {
		.sequence = 17,
		.realtime_ns = INT64_C(1782900000123456789),
		.boottime_ns = 5000000000,
		.event = {.op = AUDIT_READ,
			  .verdict = AUDIT_DENIED,
			  .uid = 61004,
			  .gid = 61000,
			  .pid = 4242,
			  .login_uid = 61004,
			  .view = 7,
			  .device = "RMA-1001",
			  .rule = "technicians-read",
			  .error_number = 13,
			  .policy_serial = 3,
			  .offset = 8192,
			  .bytes = 4096,
			  .handle = 9,
			  .detail = "some words",
			  .repeats = 2},
	};

	memset(record.event.token, 5, AUDIT_TOKEN);
	return record;
}

static json_t *export_json(enum audit_export format, const struct audit_record *record,
			   const char *name, const char *reason)
{
	struct line line = line_export(format, &HOW, record, name, name ? strlen(name) : 0, reason,
				       reason ? strlen(reason) : 0);
	json_t *object = json_loadb(line.text, line.length, JSON_REJECT_DUPLICATES, NULL);

	if (!object)
		fail_msg("no JSON: %s", line.text);
	free(line.text);
	return object;
}

static void formats_have_the_names_of_the_command_line(void **state BL_UNUSED)
{
	static const struct {
		const char *name;
		enum audit_export format;
	} ROWS[] = {{"jsonl", AUDIT_EXPORT_JSONL},
		    {"ocsf", AUDIT_EXPORT_OCSF},
		    {"rfc5424", AUDIT_EXPORT_RFC5424}};
	static const char *const OTHERS[] = {"", "json", "OCSF", "rfc5424 ", "syslog"};
	enum audit_export format;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (!audit_export_parse(ROWS[i].name, &format) || format != ROWS[i].format)
			fail_msg("row %zu: %s", i, ROWS[i].name);
	for (size_t i = 0; i < BL_COUNT(OTHERS); i++)
		if (audit_export_parse(OTHERS[i], &format))
			fail_msg("taken: '%s'", OTHERS[i]);
}

/* ---- JSON Lines ------------------------------------------------------------------------------ */

static void json_lines_are_the_querys_objects_with_path_and_reason(void **state BL_UNUSED)
{
	struct audit_record record = sample();
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	audit_print_json(out, &record);
	fclose(out);

	struct line bare = line_export(AUDIT_EXPORT_JSONL, &HOW, &record, NULL, 0, NULL, 0);
	json_t *plain = json_loads(text, JSON_REJECT_DUPLICATES, NULL),
	       *named = export_json(AUDIT_EXPORT_JSONL, &record, "p1/Users/x\\y", "ticket \"12\"");

	assert_string_equal(bare.text, text);
	assert_string_equal(line_string(named, "path"), "p1/Users/x\\\\y");
	assert_string_equal(line_string(named, "reason"), "ticket \"12\"");
	assert_int_equal(json_integer_value(line_member(named, "repeats")), 2);
	json_object_del(named, "path");
	json_object_del(named, "reason");
	assert_true(json_equal(plain, named));
	json_decref(plain);
	json_decref(named);
	free(bare.text);
	free(text);
}

/* ---- OCSF ------------------------------------------------------------------------------------ */

/*
 * Required in OCSF 1.1.0: class file_activity, what it extends (system, base_event), the profiles it names, and the objects in it.
 * Source: https://schema.ocsf.io/1.1.0/classes/file_activity; activities, actor, device, file (name, type_id and its values) and
 * device.type_id compared with the schema as ocsf/schemas/v1_1_0.json of mcm/pydantic-ocsf has it. A device needs one of name and uid.
 */
static const struct {
	const char *path;
	json_type type;
} REQUIRED[] = {
	{"activity_id", JSON_INTEGER},
	{"category_uid", JSON_INTEGER},
	{"class_uid", JSON_INTEGER},
	{"type_uid", JSON_INTEGER},
	{"severity_id", JSON_INTEGER},
	{"time", JSON_INTEGER},
	{"metadata", JSON_OBJECT},
	{"metadata.version", JSON_STRING},
	{"metadata.product", JSON_OBJECT},
	{"metadata.product.vendor_name", JSON_STRING},
	{"metadata.product.name", JSON_STRING},
	{"actor", JSON_OBJECT},
	{"actor.user", JSON_OBJECT},
	{"device", JSON_OBJECT},
	{"device.type_id", JSON_INTEGER},
	{"device.name", JSON_STRING},
	{"file", JSON_OBJECT},
	{"file.name", JSON_STRING},
	{"file.type_id", JSON_INTEGER},
	{"action_id", JSON_INTEGER},
	/* Recommended, or ours: */
	{"status_id", JSON_INTEGER},
	{"disposition_id", JSON_INTEGER},
	{"activity_name", JSON_STRING},
	{"message", JSON_STRING},
	{"count", JSON_INTEGER},
	{"unmapped.op", JSON_STRING},
	{"unmapped.verdict", JSON_STRING},
};

static int activity_expected(enum audit_op op)
{
	static const struct {
		enum audit_op op;
		int activity;
	} ROWS[] = {{AUDIT_LOOKUP, 8},	      {AUDIT_STAT, 8},	       {AUDIT_LIST, 2},
		    {AUDIT_READLINK, 2},      {AUDIT_READ, 2},	       {AUDIT_OPEN, 14},
		    {AUDIT_WHY, 9},	      {AUDIT_VIEW_OPENED, 12}, {AUDIT_VIEW_CLOSED, 13},
		    {AUDIT_VIEW_REVOKED, 13}, {AUDIT_SHRED_DONE, 4},   {AUDIT_INTAKE, 1},
		    {AUDIT_SOURCE_DONE, 4},   {AUDIT_PART_DONE, 4}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (ROWS[i].op == op)
			return ROWS[i].activity;
	return 99;
}

static void check_required(json_t *object, const struct audit_event *event)
{
	json_int_t activity = json_integer_value(line_member(object, "activity_id"));
	unsigned op = event->op, verdict = event->verdict;

	for (size_t i = 0; i < BL_COUNT(REQUIRED); i++) {
		json_t *member = line_member(object, REQUIRED[i].path);

		if (!member || json_typeof(member) != REQUIRED[i].type ||
		    (json_is_string(member) && !*json_string_value(member)))
			fail_msg("op %u, verdict %u: '%s'", op, verdict, REQUIRED[i].path);
	}
	if (activity != activity_expected(event->op) ||
	    json_integer_value(line_member(object, "type_uid")) != 100100 + activity ||
	    json_integer_value(line_member(object, "class_uid")) != 1001 ||
	    json_integer_value(line_member(object, "category_uid")) != 1)
		fail_msg("op %u, verdict %u: activity %d", op, verdict, (int)activity);
	if (activity == 99 &&
	    strcmp(line_string(object, "activity_name"), audit_op_name(event->op)) != 0)
		fail_msg("op %u: activity '%s'", op, line_string(object, "activity_name"));
}

/* Also of ops and verdicts that there are none of, of the daemon itself, and without a device, token or name. */
static void ocsf_has_what_is_required_for_every_op_and_verdict(void **state BL_UNUSED)
{
	for (unsigned op = 0; op <= AUDIT_OP_COUNT; op++) {
		for (unsigned verdict = 0; verdict <= AUDIT_FAILED_VERDICT + 1; verdict++) {
			struct audit_record full = sample(), bare = {.sequence = 1};

			full.event.op = bare.event.op = (enum audit_op)op;
			full.event.verdict = bare.event.verdict = (enum audit_verdict)verdict;
			bare.event.uid = bare.event.gid = bare.event.pid = UINT32_MAX;

			json_t *objects[] = {
				export_json(AUDIT_EXPORT_OCSF, &full, NULL, NULL),
				export_json(AUDIT_EXPORT_OCSF, &full, "p1/a/b.txt", "why"),
				export_json(AUDIT_EXPORT_OCSF, &bare, NULL, NULL),
			};

			for (size_t i = 0; i < BL_COUNT(objects); i++) {
				check_required(objects[i], &full.event);
				json_decref(objects[i]);
			}
		}
	}
}

static void ocsf_tells_what_happened(void **state BL_UNUSED)
{
	static const struct {
		const char *path, *told;
	} TEXTS[] = {
		{"metadata.version", "1.1.0"},
		{"metadata.uid", LOG_ID ":17"},
		{"metadata.original_time", "2026-07-01T10:00:00.123456789Z"},
		{"metadata.correlation_uid", "7"},
		{"class_name", "File System Activity"},
		{"activity_name", "Read"},
		{"type_name", "File System Activity: Read"},
		{"status", "Failure"},
		{"status_code", "13"},
		{"status_detail", "some words"},
		{"action", "Denied"},
		{"disposition", "Blocked"},
		{"message", "read denied"},
		{"actor.user.uid", "61004"},
		{"device.hostname", "store-1.example"},
		{"file.name", "b.txt"},
		{"file.path", "p1/a/b.txt"},
		{"file.uid", TOKEN},
		{"file.type", "Regular File"},
		{"unmapped.device", "RMA-1001"},
		{"unmapped.rule", "technicians-read"},
		{"unmapped.reason", "ticket 12"},
	};
	static const struct {
		const char *path;
		json_int_t told;
	} NUMBERS[] = {
		{"time", 1782900000123},
		{"count", 3},
		{"activity_id", 2},
		{"type_uid", 100102},
		{"severity_id", 3},
		{"status_id", 2},
		{"action_id", 2},
		{"disposition_id", 2},
		{"actor.process.pid", 4242},
		{"file.type_id", 1},
		{"metadata.sequence", 17},
		{"unmapped.offset", 8192},
		{"unmapped.bytes", 4096},
		{"unmapped.view", 7},
		{"unmapped.policy_serial", 3},
		{"unmapped.login_uid", 61004},
	};
	struct audit_record record = sample();
	json_t *object = export_json(AUDIT_EXPORT_OCSF, &record, "p1/a/b.txt", "ticket 12");

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++) {
		const char *told = line_string(object, TEXTS[i].path);

		if (!told || strcmp(told, TEXTS[i].told) != 0)
			fail_msg("'%s' is '%s'", TEXTS[i].path, told ? told : "not there");
	}
	for (size_t i = 0; i < BL_COUNT(NUMBERS); i++) {
		json_t *told = line_member(object, NUMBERS[i].path);

		if (!json_is_integer(told) || json_integer_value(told) != NUMBERS[i].told)
			fail_msg("'%s' is %lld", NUMBERS[i].path,
				 (long long)json_integer_value(told));
	}
	json_decref(object);
}

static void ocsf_files_are_named_by_name_then_token_then_device(void **state BL_UNUSED)
{
	static const struct {
		const char *name, *device, *told;
		bool has_token;
		int type;
		enum audit_op op;
	} ROWS[] = {
		{"p1/a/b.txt", "RMA-1001", "b.txt", true, 1, AUDIT_READ},
		{"b.txt", "RMA-1001", "b.txt", true, 1, AUDIT_READ},
		{"p1/a/", "RMA-1001", "a", true, 2, AUDIT_LIST},
		{"/", "RMA-1001", "/", true, 2, AUDIT_LIST},
		{"///", "RMA-1001", "///", true, 2, AUDIT_LIST},
		{"", "RMA-1001", TOKEN, true, 2, AUDIT_LIST},
		{NULL, "RMA-1001", TOKEN, true, 7, AUDIT_READLINK},
		{NULL, "RMA-1001", TOKEN, true, 0, AUDIT_STAT},
		{NULL, "RMA-1001", TOKEN, true, 0, AUDIT_REQUESTED},
		{"p1/a", "RMA-1001", "a", false, 0, AUDIT_REQUESTED},
		{NULL, "RMA-1001", "RMA-1001", false, 99, AUDIT_SHRED_DONE},
		{NULL, "RMA-1001", "RMA-1001", false, 99, AUDIT_HOLD_ADDED},
		{NULL, "", "store", false, 2, AUDIT_VIEW_OPENED},
		{NULL, "", "store", false, 99, AUDIT_START},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_record record = sample();

		record.event.op = ROWS[i].op;
		strcpy(record.event.device, ROWS[i].device);
		if (!ROWS[i].has_token)
			memset(record.event.token, 0, AUDIT_TOKEN);

		json_t *object = export_json(AUDIT_EXPORT_OCSF, &record, ROWS[i].name, NULL);

		if (strcmp(line_string(object, "file.name"), ROWS[i].told) != 0 ||
		    json_integer_value(line_member(object, "file.type_id")) != ROWS[i].type)
			fail_msg("row %zu: '%s'", i, line_string(object, "file.name"));
		json_decref(object);
	}
}

static void ocsf_hostnames_are_hostnames_or_are_left_out(void **state BL_UNUSED)
{
	static const struct {
		const char *host;
		bool is_hostname;
	} ROWS[] = {
		{"a", true},	{"A-1.b2.c", true}, {NULL, false},	 {"", false},
		{"-a", false},	{"a-", false},	    {"a..b", false},	 {".a", false},
		{"a.", false},	{"a-.b", false},    {"a.-b", false},	 {"a b", false},
		{"a_b", false}, {"a\nb", false},    {"\xc3\xa4", false},
	};
	struct audit_record record = sample();

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_exporting how = {.host = ROWS[i].host};
		struct line line = line_export(AUDIT_EXPORT_OCSF, &how, &record, NULL, 0, NULL, 0);
		json_t *object = json_loads(line.text, JSON_REJECT_DUPLICATES, NULL);
		const char *told = line_string(object, "device.hostname");

		if ((told != NULL) != ROWS[i].is_hostname || !*line_string(object, "device.name"))
			fail_msg("row %zu: %s", i, line.text);
		json_decref(object);
		free(line.text);
	}
}

static void numbers_that_json_readers_cannot_hold_are_texts_in_ocsf(void **state BL_UNUSED)
{
	struct audit_record record = sample();

	record.sequence = record.event.offset = UINT64_MAX;
	record.event.bytes = INT64_MAX;
	record.event.repeats = UINT32_MAX;
	record.realtime_ns = INT64_MIN;

	json_t *object = export_json(AUDIT_EXPORT_OCSF, &record, NULL, NULL);

	assert_string_equal(line_string(object, "metadata.uid"), LOG_ID ":18446744073709551615");
	assert_null(line_member(object, "metadata.sequence"));
	assert_string_equal(line_string(object, "unmapped.offset"), "18446744073709551615");
	assert_int_equal(json_integer_value(line_member(object, "unmapped.bytes")), INT64_MAX);
	assert_int_equal(json_integer_value(line_member(object, "count")), 4294967296);
	/* -9223372036854.775808 ms, rounded down */
	assert_int_equal(json_integer_value(line_member(object, "time")), -9223372036855);
	assert_string_equal(line_string(object, "metadata.original_time"),
			    "1677-09-21T00:12:43.145224192Z");
	json_decref(object);
}

/* ---- RFC 5424 -------------------------------------------------------------------------------- */

static void a_syslog_message_has_everything_in_its_place(void **state BL_UNUSED)
{
	struct audit_record record = sample();
	const char *name = "p1/a/b].txt";
	struct line line = line_export(AUDIT_EXPORT_RFC5424, &HOW, &record, name, strlen(name),
				       "ticket \"12\"", 11);

	assert_string_equal(
		line.text,
		"<108>1 2026-07-01T10:00:00.123456Z store-1.example bailee - read [bailee@32473"
		" log=\"" LOG_ID "\" sequence=\"17\" verdict=\"denied\" count=\"3\" uid=\"61004\""
		" gid=\"61000\" pid=\"4242\" login_uid=\"61004\" view=\"7\" errno=\"13\""
		" policy_serial=\"3\" offset=\"8192\" bytes=\"4096\" handle=\"9\""
		" device=\"RMA-1001\" rule=\"technicians-read\" token=\"" TOKEN "\""
		" detail=\"some words\" path=\"p1/a/b\\].txt\" reason=\"ticket \\\"12\\\"\"]"
		" read denied\n");
	free(line.text);
}

static void what_is_not_there_is_no_parameter(void **state BL_UNUSED)
{
	struct audit_record record = {.sequence = 1, .event = {.op = AUDIT_STOP}};
	struct audit_exporting how = {0};

	record.event.uid = record.event.gid = record.event.pid = UINT32_MAX;
	record.event.login_uid = UINT32_MAX;

	struct line line = line_export(AUDIT_EXPORT_RFC5424, &how, &record, NULL, 0, NULL, 0);

	assert_string_equal(line.text, "<110>1 1970-01-01T00:00:00.000000Z - bailee - stop "
				       "[bailee@32473 sequence=\"1\" verdict=\"permitted\" "
				       "count=\"1\"] stop permitted\n");
	free(line.text);
}

static void priorities_go_by_the_verdict_and_a_latched_log_is_critical(void **state BL_UNUSED)
{
	static const struct {
		unsigned op, verdict, priority;
		int ocsf;
	} ROWS[] = {
		{AUDIT_READ, AUDIT_PERMITTED, 110, 1},	    {AUDIT_READ, AUDIT_DENIED, 108, 3},
		{AUDIT_READ, AUDIT_ASKED, 109, 2},	    {AUDIT_READ, AUDIT_WITHHELD, 109, 2},
		{AUDIT_READ, AUDIT_FAILED_VERDICT, 107, 3}, {AUDIT_READ, 77, 108, 0},
		{AUDIT_LATCHED, AUDIT_PERMITTED, 106, 5},   {AUDIT_LATCHED, AUDIT_DENIED, 106, 5},
		{AUDIT_UNLATCHED, AUDIT_PERMITTED, 110, 1},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_record record = sample();
		struct line_syslog message;

		record.event.op = (enum audit_op)ROWS[i].op;
		record.event.verdict = (enum audit_verdict)ROWS[i].verdict;

		struct line line =
			line_export(AUDIT_EXPORT_RFC5424, &HOW, &record, NULL, 0, NULL, 0);
		json_t *object = export_json(AUDIT_EXPORT_OCSF, &record, NULL, NULL);

		if (line_parse_syslog(line.text, &message) ||
		    message.priority != ROWS[i].priority ||
		    json_integer_value(line_member(object, "severity_id")) != ROWS[i].ocsf)
			fail_msg("row %zu: %u", i, message.priority);
		json_decref(object);
		free(line.text);
	}
}

/* ---- hostile texts --------------------------------------------------------------------------- */

static const struct hostile {
	const char *text;
	size_t length;
} HOSTILE[] = {
#define ROW(text)                                                                                  \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
	ROW("\x1b[2J\x1b]0;x\a"),	     /* a terminal's commands */
	ROW("a\nb\r\tc\v\f"),		     /* more lines than one */
	ROW("\"},{\"x\":\"\\"),		     /* out of JSON */
	ROW("\\\"] [x@1 y=\"z"),	     /* out of structured data */
	ROW("]"),			     /* the same, shorter */
	ROW("\\"),			     /* half an escape */
	ROW("\\\\x1b\\x1b\\u001b"),	     /* what looks like one of ours */
	ROW("\x7f\x01\x1f"),		     /* DEL, C0 */
	ROW("\xc2\x9b[31m\xc2\x85"),	     /* C1: CSI, NEL */
	ROW("\xff\xfe\x80\xc0\xaf"),	     /* no UTF-8, overlong */
	ROW("\xed\xa0\x80\xf4\x90\x80\x80"), /* a surrogate, too large */
	ROW("ab\xe2\x82"),		     /* cut */
	ROW("a\xe2\x80\xa8"
	    "b\xe2\x80\xa9"), /* separators of lines, paragraphs */
	ROW("\xe2\x80\xae"
	    "gpj.exe\xe2\x81\xa6\xd8\x9c"),		/* directions */
	ROW("\xe2\x80\x8b\xef\xbb\xbf\xc2\xad"),	/* invisible */
	ROW("\xf3\xa0\x80\x81\xf3\xa0\x81\xa1"),	/* tags */
	ROW("\xef\xbf\xbe\xef\xbf\xbf\xee\x80\x80"),	/* no characters, private ones */
	ROW("a\0b\0"),					/* NUL, where a text may hold it */
	ROW("%s%n%99999d"),				/* for who prints by format */
	ROW("<0>1 - - - - - -"),			/* another message */
	ROW("\xc3\xa4\xe6\x97\xa5\xf0\x9f\x93\xb7 ok"), /* and what may stay as it is */
#undef ROW
};

static const enum audit_export FORMATS[] = {AUDIT_EXPORT_JSONL, AUDIT_EXPORT_OCSF,
					    AUDIT_EXPORT_RFC5424};

/* Where a text can come in, and what it is called on the way out (NULL: not as it was). */
enum place { DEVICE, RULE, DETAIL, HOST, LOG, NAME, REASON, PLACES };
static const char *const PLACE_OUT[PLACES][BL_COUNT(FORMATS)] = {
	[DEVICE] = {NULL, "unmapped.device", "device"},
	[RULE] = {NULL, "unmapped.rule", "rule"},
	[DETAIL] = {NULL, "status_detail", "detail"},
	[HOST] = {NULL, "device.name", NULL},
	[LOG] = {NULL, NULL, "log"},
	[NAME] = {"path", "file.path", "path"},
	[REASON] = {"reason", "unmapped.reason", "reason"},
};

struct given {
	struct audit_record record;
	struct audit_exporting how;
	const char *name, *reason;
	size_t name_length, reason_length;
};

static struct given given_with(enum place place, const struct hostile *hostile)
{
	struct given given = {.record = sample(), .how = HOW};
	struct audit_event *event = &given.record.event;
	const char *text = hostile->text;

	if (place == DEVICE)
		memcpy(event->device, text, hostile->length + 1);
	else if (place == RULE)
		memcpy(event->rule, text, hostile->length + 1);
	else if (place == DETAIL)
		memcpy(event->detail, text, hostile->length + 1);
	else if (place == HOST)
		given.how.host = text;
	else if (place == LOG)
		given.how.log_id = text;
	else if (place == NAME)
		given.name = text, given.name_length = hostile->length;
	else
		given.reason = text, given.reason_length = hostile->length;
	return given;
}

/* What the line says at that place; NULL: it is no line of its format. */
static char *told_at(enum audit_export format, char *line, const char *out_name)
{
	struct line_syslog message;
	const char *told = "";
	char *copy = NULL;

	if (format == AUDIT_EXPORT_RFC5424) {
		const char *trouble = line_parse_syslog(line, &message);

		if (!trouble && strcmp(message.sd_id, "bailee@32473") == 0 &&
		    strcmp(message.message, "read denied") == 0) {
			told = out_name ? line_param(&message, out_name) : told;
			copy = told ? strdup(told) : NULL;
		}
		return copy;
	}

	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	if (object) {
		told = out_name ? line_string(object, out_name) : told;
		copy = told ? strdup(told) : NULL;
	}
	json_decref(object);
	return copy;
}

static void hostile_texts_stay_texts_in_every_field_of_every_format(void **state BL_UNUSED)
{
	for (size_t i = 0; i < BL_COUNT(HOSTILE) * PLACES * BL_COUNT(FORMATS); i++) {
		size_t f = i % BL_COUNT(FORMATS), row = i / BL_COUNT(FORMATS) / PLACES;
		enum place place = (enum place)(i / BL_COUNT(FORMATS) % PLACES);
		struct given given = given_with(place, &HOSTILE[row]);
		const char *out_name = PLACE_OUT[place][f];
		struct line line =
			line_export(FORMATS[f], &given.how, &given.record, given.name,
				    given.name_length, given.reason, given.reason_length);
		const char *trouble = line_trouble_in_characters(line.text, line.length);
		char *told = trouble ? NULL : told_at(FORMATS[f], line.text, out_name);
		size_t length = place == NAME || place == REASON ? HOSTILE[row].length
								 : strlen(HOSTILE[row].text);

		if (!told || (out_name && !line_tells(told, HOSTILE[row].text, length)))
			fail_msg("text %zu, place %d, format %zu: %s: '%s'", row, place, f,
				 trouble ? trouble : "does not parse, or tells another text",
				 told ? told : line.text);
		free(told);
		free(line.text);
	}
}

static void what_is_plain_is_told_as_it_is(void **state BL_UNUSED)
{
	static const char PLAIN[] = "p1/\xc3\x84rzte/\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x93\xb7.jpg";
	struct audit_record record = sample();

	for (size_t i = 0; i < BL_COUNT(FORMATS); i++) {
		struct line line =
			line_export(FORMATS[i], &HOW, &record, PLAIN, strlen(PLAIN), NULL, 0);

		if (!strstr(line.text, PLAIN))
			fail_msg("format %zu: %s", i, line.text);
		free(line.text);
	}
}

static size_t encode(uint32_t point, char *out)
{
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const unsigned char FIRST[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = size; i-- > 1; point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(FIRST[size] | point);
	return size;
}

static void check_name(const char *name, size_t length)
{
	struct audit_record record = sample();

	for (size_t i = 0; i < BL_COUNT(FORMATS); i++) {
		struct line line =
			line_export(FORMATS[i], &HOW, &record, name, length, name, length);
		const char *trouble = line_trouble_in_characters(line.text, line.length);
		char *told = trouble ? NULL : told_at(FORMATS[i], line.text, PLACE_OUT[NAME][i]);

		if (!told || !line_tells(told, name, length))
			fail_msg("format %zu: %s", i, trouble ? trouble : "tells another name");
		free(told);
		free(line.text);
	}
}

static void every_byte_and_every_forbidden_character_is_told_by_its_bytes(void **state BL_UNUSED)
{
	static char names[65536];
	size_t length = 0;

	for (int i = 0; i < 256; i++)
		names[length++] = (char)i;
	check_name(names, length);
	length = 0;
	for (size_t i = 0; i < BL_COUNT(LINE_FORBIDDEN); i++)
		for (uint32_t p = LINE_FORBIDDEN[i].from; p <= LINE_FORBIDDEN[i].to; p++)
			length += encode(p, names + length);
	assert_in_range(length, 6000 * 3, sizeof(names));
	check_name(names, length);
}

static void a_record_that_does_not_end_its_texts_is_read_no_further(void **state BL_UNUSED)
{
	struct audit_record record = sample();

	memset(record.event.device, 'd', sizeof(record.event.device));
	memset(record.event.rule, 'r', sizeof(record.event.rule));
	memset(record.event.detail, 't', sizeof(record.event.detail));

	struct line line = line_export(AUDIT_EXPORT_RFC5424, &HOW, &record, NULL, 0, NULL, 0);
	struct line_syslog message;

	assert_null(line_parse_syslog(line.text, &message));
	assert_int_equal(strlen(line_param(&message, "device")), sizeof(record.event.device));
	assert_int_equal(strlen(line_param(&message, "rule")), sizeof(record.event.rule));
	assert_int_equal(strlen(line_param(&message, "detail")), sizeof(record.event.detail));
	free(line.text);
}

static void the_hosts_name_is_cut_and_cleaned_for_syslog(void **state BL_UNUSED)
{
	struct audit_record record = sample();
	struct line_syslog message;
	char host[400];
	struct audit_exporting how = {.host = host};

	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	memcpy(host, "a b\n\xc3\xa4", 6);

	struct line line = line_export(AUDIT_EXPORT_RFC5424, &how, &record, NULL, 0, NULL, 0);

	assert_null(line_parse_syslog(line.text, &message));
	assert_int_equal(strlen(message.host), 255);
	assert_memory_equal(message.host, "a?b???h", 7);
	free(line.text);
}

static void an_error_of_the_file_is_left_in_it(void **state BL_UNUSED)
{
	struct audit_record record = sample();

	for (size_t i = 0; i < BL_COUNT(FORMATS); i++) {
		struct audit_exporting how = HOW;
		FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		how.format = FORMATS[i];
		audit_export(full, &how, &record, "p1/a", 4, NULL, 0);
		if (fflush(full) == 0 || !ferror(full))
			fail_msg("format %zu", i);
		fclose(full);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_have_the_names_of_the_command_line),
		cmocka_unit_test(json_lines_are_the_querys_objects_with_path_and_reason),
		cmocka_unit_test(ocsf_has_what_is_required_for_every_op_and_verdict),
		cmocka_unit_test(ocsf_tells_what_happened),
		cmocka_unit_test(ocsf_files_are_named_by_name_then_token_then_device),
		cmocka_unit_test(ocsf_hostnames_are_hostnames_or_are_left_out),
		cmocka_unit_test(numbers_that_json_readers_cannot_hold_are_texts_in_ocsf),
		cmocka_unit_test(a_syslog_message_has_everything_in_its_place),
		cmocka_unit_test(what_is_not_there_is_no_parameter),
		cmocka_unit_test(priorities_go_by_the_verdict_and_a_latched_log_is_critical),
		cmocka_unit_test(hostile_texts_stay_texts_in_every_field_of_every_format),
		cmocka_unit_test(what_is_plain_is_told_as_it_is),
		cmocka_unit_test(every_byte_and_every_forbidden_character_is_told_by_its_bytes),
		cmocka_unit_test(a_record_that_does_not_end_its_texts_is_read_no_further),
		cmocka_unit_test(the_hosts_name_is_cut_and_cleaned_for_syslog),
		cmocka_unit_test(an_error_of_the_file_is_left_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
