#include "fs/audit/audit.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#define IN_JSON	 "\"\\"
#define IN_PARAM "\"\\]" /* RFC 5424, 6.3.3 */

#define OCSF_VERSION  "1.1.0"
#define OCSF_CATEGORY 1
#define OCSF_CLASS    1001
#define OCSF_OTHER    99

#define SYSLOG_LOG_AUDIT 13 /* facility; RFC 5424, table 1 */
#define SYSLOG_CRITICAL	 2
#define SYSLOG_HOST	 255 /* bytes of a HOSTNAME */

static const char *const FORMATS[] = {
	[AUDIT_EXPORT_JSONL] = "jsonl",
	[AUDIT_EXPORT_OCSF] = "ocsf",
	[AUDIT_EXPORT_RFC5424] = "rfc5424",
};

bool audit_export_parse(const char *name, enum audit_export *out)
{
	for (size_t i = 0; i < BL_COUNT(FORMATS); i++) {
		if (strcmp(name, FORMATS[i]) == 0) {
			*out = (enum audit_export)i;
			return true;
		}
	}
	return false;
}

/* What one line is made of. */
struct text {
	const char *bytes; /* NULL: none */
	size_t length;
};

struct telling {
	const struct audit_exporting *how;
	const struct audit_record *record;
	const struct audit_event *event;
	struct text name, reason;
	char token[2 * AUDIT_TOKEN + 1]; /* "": none */
	char at[40];			 /* "2026-07-01T10:00:00.123456789", in UTC */
};

static struct text text_of(const char *string)
{
	return (struct text){string, string ? strlen(string) : 0};
}

/* The texts of an event end with their array, whatever is in it. */
#define TEXT_IN(array) ((struct text){(array), strnlen((array), sizeof(array))})

/* ---- texts ----------------------------------------------------------------------------------- */

/* Nothing that is invisible, unknown to us or moves what stands beside it. */
static bool is_plain(utf8proc_int32_t point)
{
	utf8proc_category_t category = utf8proc_category(point);

	return category != UTF8PROC_CATEGORY_CN && category != UTF8PROC_CATEGORY_CC &&
	       category != UTF8PROC_CATEGORY_CF && category != UTF8PROC_CATEGORY_CS &&
	       category != UTF8PROC_CATEGORY_CO && category != UTF8PROC_CATEGORY_ZL &&
	       category != UTF8PROC_CATEGORY_ZP;
}

/* Bytes of the character at the start of @text; 0: its first byte may not go out as it is. */
static size_t plain_length(const char *text, size_t length)
{
	utf8proc_int32_t point;

	if (*text >= 0x20 && *text < 0x7f)
		return 1;

	utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text,
						 (utf8proc_ssize_t)BL_MIN(length, 4), &point);

	return step > 0 && is_plain(point) ? (size_t)step : 0;
}

/*
 * Two layers. First what the text is told as: a backslash as two, a byte that may not go out as \xNN. A reader who takes a value
 * out of a line again, and shows it, is as safe as one who looks at the line. (With the \u001b of JSON that would not be so, and
 * bytes that are no UTF-8 would be lost.) Then the quoting of the format, by a backslash before each of @quoted.
 */
static void put_text(FILE *out, const char *quoted, struct text text)
{
	for (size_t at = 0; at < text.length;) {
		const char *here = text.bytes + at;
		size_t step = plain_length(here, text.length - at);

		if (step == 0) {
			fprintf(out, "\\\\x%02x", (unsigned char)*here);
		} else if (*here == '\\') {
			fputs("\\\\\\\\", out);
		} else {
			if (strchr(quoted, *here))
				fputc('\\', out);
			fwrite(here, 1, step, out);
		}
		at += BL_MAX(step, 1);
	}
}

/* Rounded down to seconds, also before 1970. */
static void format_at(int64_t realtime_ns, char *out, size_t size)
{
	int64_t seconds = realtime_ns / 1000000000, rest = realtime_ns % 1000000000;
	char text[24] = "1970-01-01T00:00:00";
	struct tm utc;

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}

	time_t at = (time_t)seconds;

	/* 64 bits of nanoseconds are years of four digits. */
	if (gmtime_r(&at, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out, size, "%s.%09d", text, (int)rest);
}

static int64_t whole_ms(int64_t realtime_ns)
{
	return realtime_ns / 1000000 - (realtime_ns % 1000000 < 0);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_text(FILE *out, const char *key, struct text text)
{
	fprintf(out, ",\"%s\":\"", key);
	put_text(out, IN_JSON, text);
	fputc('"', out);
}

static void json_text_if(FILE *out, const char *key, struct text text)
{
	if (text.length)
		json_text(out, key, text);
}

/* Numbers end at 2^63 - 1 in OCSF (long_t) and in most readers; what is more is told as text. */
static void json_number(FILE *out, const char *key, uint64_t value)
{
	const char *quote = value > INT64_MAX ? "\"" : "";

	fprintf(out, ",\"%s\":%s%" PRIu64 "%s", key, quote, value, quote);
}

static void json_number_if(FILE *out, const char *key, uint64_t value)
{
	if (value)
		json_number(out, key, value);
}

/* One of OCSF's pairs: a number and its caption. */
static void json_pair(FILE *out, const char *id_key, unsigned id, const char *key,
		      const char *caption)
{
	fprintf(out, ",\"%s\":%u,\"%s\":\"%s\"", id_key, id, key, caption);
}

/* audit_print_json's object without its end; NULL without memory. */
static char *object_begun(const struct audit_record *record, size_t *out_length)
{
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);

	if (!memory)
		return NULL;
	audit_print_json(memory, record);

	bool is_whole = !ferror(memory);

	is_whole = fclose(memory) == 0 && is_whole;
	if (!is_whole || length < 2 || memcmp(text + length - 2, "}\n", 2) != 0) {
		free(text);
		return NULL;
	}
	*out_length = length - 2;
	return text;
}

static void export_jsonl(FILE *out, const struct telling *telling)
{
	BL_CLEANUP(bl_free) char *begun = NULL;
	size_t length = 0;

	if (telling->name.bytes || telling->reason.bytes)
		begun = object_begun(telling->record, &length);
	if (!begun) {
		audit_print_json(out, telling->record);
		return;
	}
	fwrite(begun, 1, length, out);
	if (telling->name.bytes)
		json_text(out, "path", telling->name);
	if (telling->reason.bytes)
		json_text(out, "reason", telling->reason);
	fputs("}\n", out);
}

/* ---- OCSF 1.1.0 ------------------------------------------------------------------------------ */

#define FILE_UNKNOWN 0
#define FILE_REGULAR 1
#define FILE_FOLDER  2
#define FILE_LINK    7

/* What is no row is activity 99 (Other), under the name of the op. */
static const struct activity {
	uint8_t id;
	const char *caption;
	uint8_t file_id;
	const char *file_caption; /* NULL: see file_of */
} ACTIVITIES[AUDIT_OP_COUNT] = {
	[AUDIT_LOOKUP] = {8, "Get Attributes", FILE_UNKNOWN, "Unknown"},
	[AUDIT_STAT] = {8, "Get Attributes", FILE_UNKNOWN, "Unknown"},
	[AUDIT_LIST] = {2, "Read", FILE_FOLDER, "Folder"},
	[AUDIT_READLINK] = {2, "Read", FILE_LINK, "Symbolic Link"},
	[AUDIT_READ] = {2, "Read", FILE_REGULAR, "Regular File"},
	[AUDIT_OPEN] = {14, "Open", FILE_REGULAR, "Regular File"},
	[AUDIT_WHY] = {9, "Get Security", FILE_UNKNOWN, "Unknown"},
	[AUDIT_VIEW_OPENED] = {12, "Mount", FILE_FOLDER, "Folder"},
	[AUDIT_VIEW_CLOSED] = {13, "Unmount", FILE_FOLDER, "Folder"},
	[AUDIT_VIEW_REVOKED] = {13, "Unmount", FILE_FOLDER, "Folder"},
	[AUDIT_SHRED_DONE] = {.id = 4, .caption = "Delete"},
	[AUDIT_INTAKE] = {.id = 1, .caption = "Create"},
	[AUDIT_SOURCE_DONE] = {.id = 4, .caption = "Delete"},
	[AUDIT_PART_DONE] = {.id = 4, .caption = "Delete"},
};

static const struct outcome {
	uint8_t syslog; /* severity */
	uint8_t severity_id;
	const char *severity;
	uint8_t status_id;
	const char *status;
	uint8_t action_id;
	const char *action;
	uint8_t disposition_id;
	const char *disposition;
} OUTCOMES[] = {
	[AUDIT_PERMITTED] = {6, 1, "Informational", 1, "Success", 1, "Allowed", 1, "Allowed"},
	[AUDIT_DENIED] = {4, 3, "Medium", 2, "Failure", 2, "Denied", 2, "Blocked"},
	[AUDIT_ASKED] = {5, 2, "Low", 2, "Failure", 2, "Denied", 2, "Blocked"},
	[AUDIT_WITHHELD] = {5, 2, "Low", 2, "Failure", 2, "Denied", 2, "Blocked"},
	[AUDIT_FAILED_VERDICT] = {3, 3, "Medium", 2, "Failure", 0, "Unknown", 0, "Unknown"},
};
static const struct outcome UNKNOWN = {4, 0, "Unknown", 0, "Unknown", 0, "Unknown", 0, "Unknown"};

/* A log that takes no more events is bad news, whatever its verdict. */
static struct outcome outcome_of(const struct audit_event *event)
{
	struct outcome outcome =
		(unsigned)event->verdict < BL_COUNT(OUTCOMES) ? OUTCOMES[event->verdict] : UNKNOWN;

	if (event->op == AUDIT_LATCHED) {
		outcome.syslog = SYSLOG_CRITICAL;
		outcome.severity_id = 5;
		outcome.severity = "Critical";
	}
	return outcome;
}

static struct activity activity_of(const struct audit_event *event)
{
	struct activity activity = {0};

	if ((unsigned)event->op < AUDIT_OP_COUNT)
		activity = ACTIVITIES[event->op];
	if (activity.id == 0)
		activity = (struct activity){.id = OCSF_OTHER, .caption = audit_op_name(event->op)};
	return activity;
}

static void ocsf_metadata(FILE *out, const struct telling *telling)
{
	struct text log = text_of(telling->how->log_id);

	fputs("\"metadata\":{\"version\":\"" OCSF_VERSION
	      "\",\"profiles\":[\"host\",\"security_control\"],"
	      "\"product\":{\"name\":\"Bailee\",\"vendor_name\":\"Bailee\",\"version\":"
	      "\"" BAILEE_VERSION "\"},\"log_name\":\"audit\",\"log_provider\":\"bailee\"",
	      out);
	fprintf(out, ",\"uid\":\"");
	put_text(out, IN_JSON, log);
	fprintf(out, "%s%" PRIu64 "\"", log.length ? ":" : "", telling->record->sequence);
	if (telling->record->sequence <= INT64_MAX)
		json_number(out, "sequence", telling->record->sequence);
	fprintf(out, ",\"original_time\":\"%sZ\"", telling->at);
	if (telling->event->view)
		fprintf(out, ",\"correlation_uid\":\"%" PRIu64 "\"", telling->event->view);
	fputc('}', out);
}

static void ocsf_class(FILE *out, const struct telling *telling)
{
	struct activity activity = activity_of(telling->event);

	fprintf(out, ",\"category_uid\":%d,\"category_name\":\"System Activity\"", OCSF_CATEGORY);
	fprintf(out, ",\"class_uid\":%d,\"class_name\":\"File System Activity\"", OCSF_CLASS);
	json_pair(out, "activity_id", activity.id, "activity_name", activity.caption);
	fprintf(out, ",\"type_uid\":%d,\"type_name\":\"File System Activity: %s\"",
		OCSF_CLASS * 100 + activity.id,
		activity.id == OCSF_OTHER ? "Other" : activity.caption);
}

static void ocsf_outcome(FILE *out, const struct telling *telling)
{
	const struct audit_event *event = telling->event;
	struct outcome outcome = outcome_of(event);

	fprintf(out, ",\"time\":%" PRId64 ",\"count\":%" PRIu64,
		whole_ms(telling->record->realtime_ns), (uint64_t)event->repeats + 1);
	json_pair(out, "severity_id", outcome.severity_id, "severity", outcome.severity);
	json_pair(out, "status_id", outcome.status_id, "status", outcome.status);
	if (event->error_number)
		fprintf(out, ",\"status_code\":\"%" PRIu32 "\"", event->error_number);
	json_text_if(out, "status_detail", TEXT_IN(event->detail));
	json_pair(out, "action_id", outcome.action_id, "action", outcome.action);
	json_pair(out, "disposition_id", outcome.disposition_id, "disposition",
		  outcome.disposition);
	fprintf(out, ",\"message\":\"%s %s\"", audit_op_name(event->op),
		audit_verdict_name(event->verdict));
}

static void ocsf_actor(FILE *out, const struct audit_event *event)
{
	fputs(",\"actor\":{\"user\":{", out);
	if (event->uid == UINT32_MAX)
		fputs("\"name\":\"bailee\",\"type_id\":3,\"type\":\"System\"", out);
	else
		fprintf(out, "\"uid\":\"%" PRIu32 "\",\"type_id\":%d,\"type\":\"%s\"", event->uid,
			event->uid == 0 ? 2 : 1, event->uid == 0 ? "Admin" : "User");
	if (event->gid != UINT32_MAX)
		fprintf(out, ",\"groups\":[{\"uid\":\"%" PRIu32 "\"}]", event->gid);
	fputc('}', out);
	if (event->pid != UINT32_MAX && event->pid != 0)
		fprintf(out, ",\"process\":{\"pid\":%" PRIu32 "}", event->pid);
	fputc('}', out);
}

/* hostname_t: labels of letters, digits and inner hyphens */
static bool is_hostname(struct text host)
{
	static const char EDGE[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	char before = '.';

	for (size_t i = 0; i < host.length; i++) {
		char here = host.bytes[i];
		bool is_edge = here && strchr(EDGE, here);

		if (!is_edge && (before == '.' || (here != '-' && (here != '.' || before == '-'))))
			return false;
		before = here;
	}
	return before != '.' && before != '-';
}

static void ocsf_device(FILE *out, const struct audit_exporting *how)
{
	struct text host = text_of(how->host);

	fputs(",\"device\":{\"type_id\":0,\"type\":\"Unknown\"", out);
	json_text(out, "name", host.length ? host : text_of("unknown"));
	if (is_hostname(host))
		json_text(out, "hostname", host);
	fputc('}', out);
}

/* The last part of a path; the whole of one without any. */
static struct text last_part(struct text path)
{
	size_t end = path.length;

	while (end > 0 && path.bytes[end - 1] == '/')
		end--;

	size_t begin = end;

	while (begin > 0 && path.bytes[begin - 1] != '/')
		begin--;
	return end > begin ? (struct text){path.bytes + begin, end - begin} : path;
}

struct file {
	unsigned id;
	const char *caption;
	struct text name;
};

/* A file is demanded, with a name and a type: it is a device, or all of the store, where the event was about no file. */
static struct file file_of(const struct telling *telling)
{
	struct activity activity = activity_of(telling->event);
	struct text device = TEXT_IN(telling->event->device), token = text_of(telling->token);
	struct file file = {FILE_UNKNOWN, "Unknown", telling->name};

	if (file.name.length)
		file.name = last_part(file.name);
	else if (token.length)
		file.name = token;
	else if (device.length)
		file = (struct file){OCSF_OTHER, "Device", device};
	else
		file = (struct file){OCSF_OTHER, "Store", text_of("store")};
	if (activity.file_caption) {
		file.id = activity.file_id;
		file.caption = activity.file_caption;
	}
	return file;
}

static void ocsf_file(FILE *out, const struct telling *telling)
{
	struct file file = file_of(telling);

	fprintf(out, ",\"file\":{\"type_id\":%u,\"type\":\"%s\"", file.id, file.caption);
	json_text(out, "name", file.name);
	json_text_if(out, "path", telling->name);
	json_text_if(out, "uid", text_of(telling->token));
	fputc('}', out);
}

static void ocsf_unmapped(FILE *out, const struct telling *telling)
{
	const struct audit_event *event = telling->event;

	fprintf(out, ",\"unmapped\":{\"op\":\"%s\",\"verdict\":\"%s\"", audit_op_name(event->op),
		audit_verdict_name(event->verdict));
	json_text_if(out, "device", TEXT_IN(event->device));
	json_text_if(out, "rule", TEXT_IN(event->rule));
	json_text_if(out, "reason", telling->reason);
	if (event->login_uid != UINT32_MAX)
		json_number(out, "login_uid", event->login_uid);
	json_number_if(out, "view", event->view);
	json_number_if(out, "session", event->session);
	json_number(out, "policy_serial", event->policy_serial);
	json_number(out, "offset", event->offset);
	json_number(out, "bytes", event->bytes);
	json_number_if(out, "handle", event->handle);
	fprintf(out, ",\"boottime_ns\":%" PRId64 "}", telling->record->boottime_ns);
}

static void export_ocsf(FILE *out, const struct telling *telling)
{
	fputc('{', out);
	ocsf_metadata(out, telling);
	ocsf_class(out, telling);
	ocsf_outcome(out, telling);
	ocsf_actor(out, telling->event);
	ocsf_device(out, telling->how);
	ocsf_file(out, telling);
	ocsf_unmapped(out, telling);
	fputs("}\n", out);
}

/* ---- RFC 5424 -------------------------------------------------------------------------------- */

/* Printable ASCII only, at most 255 of it. */
static void syslog_host(FILE *out, struct text host)
{
	if (!host.length)
		fputc('-', out);
	for (size_t i = 0; i < BL_MIN(host.length, SYSLOG_HOST); i++)
		fputc(host.bytes[i] > 0x20 && host.bytes[i] < 0x7f ? host.bytes[i] : '?', out);
}

static void param_text(FILE *out, const char *key, struct text text)
{
	if (!text.length)
		return;
	fprintf(out, " %s=\"", key);
	put_text(out, IN_PARAM, text);
	fputc('"', out);
}

static void param_number(FILE *out, const char *key, uint64_t value, uint64_t none)
{
	if (value != none)
		fprintf(out, " %s=\"%" PRIu64 "\"", key, value);
}

static void syslog_params(FILE *out, const struct telling *telling)
{
	const struct audit_event *event = telling->event;
	const struct {
		const char *key;
		uint64_t value, none;
	} numbers[] = {
		{"uid", event->uid, UINT32_MAX},   {"gid", event->gid, UINT32_MAX},
		{"pid", event->pid, UINT32_MAX},   {"login_uid", event->login_uid, UINT32_MAX},
		{"view", event->view, 0},	   {"session", event->session, 0},
		{"errno", event->error_number, 0}, {"policy_serial", event->policy_serial, 0},
		{"offset", event->offset, 0},	   {"bytes", event->bytes, 0},
		{"handle", event->handle, 0},
	};

	for (size_t i = 0; i < BL_COUNT(numbers); i++)
		param_number(out, numbers[i].key, numbers[i].value, numbers[i].none);
	param_text(out, "device", TEXT_IN(event->device));
	param_text(out, "rule", TEXT_IN(event->rule));
	param_text(out, "token", text_of(telling->token));
	param_text(out, "detail", TEXT_IN(event->detail));
	param_text(out, "path", telling->name);
	param_text(out, "reason", telling->reason);
}

/* The message proper is ASCII, so it needs no byte order mark (6.4); whatever is not ours stands in the parameters. */
static void export_rfc5424(FILE *out, const struct telling *telling)
{
	const struct audit_event *event = telling->event;
	const char *op = audit_op_name(event->op), *verdict = audit_verdict_name(event->verdict);

	fprintf(out, "<%d>1 %.26sZ ", SYSLOG_LOG_AUDIT * 8 + outcome_of(event).syslog, telling->at);
	syslog_host(out, text_of(telling->how->host));
	fprintf(out, " bailee - %s [bailee@32473", op);
	param_text(out, "log", text_of(telling->how->log_id));
	fprintf(out, " sequence=\"%" PRIu64 "\" verdict=\"%s\" count=\"%" PRIu64 "\"",
		telling->record->sequence, verdict, (uint64_t)event->repeats + 1);
	syslog_params(out, telling);
	fprintf(out, "] %s %s\n", op, verdict);
}

void audit_export(FILE *out, const struct audit_exporting *how, const struct audit_record *record,
		  const char *name, size_t name_length, const char *reason, size_t reason_length)
{
	struct telling telling = {.how = how,
				  .record = record,
				  .event = &record->event,
				  .name = {name, name ? name_length : 0},
				  .reason = {reason, reason ? reason_length : 0}};

	format_at(record->realtime_ns, telling.at, sizeof(telling.at));
	if (!sodium_is_zero(record->event.token, AUDIT_TOKEN))
		sodium_bin2hex(telling.token, sizeof(telling.token), record->event.token,
			       AUDIT_TOKEN);
	switch (how->format) {
	case AUDIT_EXPORT_JSONL:
		export_jsonl(out, &telling);
		break;
	case AUDIT_EXPORT_OCSF:
		export_ocsf(out, &telling);
		break;
	case AUDIT_EXPORT_RFC5424:
		export_rfc5424(out, &telling);
		break;
	}
}
