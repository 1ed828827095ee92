#include "fs/audit/audit.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

int64_t audit_record_unix(const struct audit_record *record)
{
	int64_t at = record->realtime_ns / 1000000000;

	return record->realtime_ns % 1000000000 < 0 ? at - 1 : at;
}

/* The number of a session is that of the event with which it begins, which therefore cannot carry it. */
static bool is_of_session(const struct audit_record *record, uint64_t session)
{
	return record->event.session == session ||
	       (record->event.op == AUDIT_VIEW_OPENED && record->sequence == session);
}

static bool is_person(const struct audit_query *query, uint32_t uid)
{
	for (size_t i = 0; query->uids && i < query->uid_count; i++)
		if (query->uids[i] == uid)
			return true;
	return !query->uids && (query->uid == -1 || query->uid == (int64_t)uid);
}

bool audit_query_matches(const struct audit_query *query, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	int64_t at = audit_record_unix(record);

	return is_person(query, event->uid) && record->sequence >= query->first_sequence &&
	       (query->last_sequence == 0 || record->sequence <= query->last_sequence) &&
	       (query->policy_serial == 0 || query->policy_serial == event->policy_serial) &&
	       (!query->device || strcmp(query->device, event->device) == 0) &&
	       (!query->rule || strcmp(query->rule, event->rule) == 0) &&
	       (query->op == -1 || query->op == (int)event->op) &&
	       (query->verdict == -1 || query->verdict == (int)event->verdict) &&
	       (query->view == 0 || query->view == event->view) &&
	       (query->session == 0 || is_of_session(record, query->session)) &&
	       (query->since_unix == INT64_MIN || at >= query->since_unix) &&
	       (query->until_unix == INT64_MAX || at < query->until_unix) &&
	       (!query->token || memcmp(query->token, event->token, AUDIT_TOKEN) == 0);
}

/* ---- for people ------------------------------------------------------------------------------ */

/* "2026-07-01T10:00:00.123Z" */
static void format_time(int64_t realtime_ns, char out[40])
{
	int64_t seconds = realtime_ns / 1000000000, rest = realtime_ns % 1000000000;
	char text[24];
	struct tm utc;

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}

	time_t at = (time_t)seconds;

	if (!gmtime_r(&at, &utc) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc))
		snprintf(text, sizeof(text), "%" PRId64, seconds);
	snprintf(out, 40, "%s.%03dZ", text, (int)(rest / 1000000));
}

/* What is not printable ASCII becomes '?': a terminal shows it, and a log may have been forged. */
static void print_safe(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text >= 0x20 && *text < 0x7f ? *text : '?', out);
}

static void print_padded(FILE *out, const char *text, size_t width)
{
	print_safe(out, *text ? text : "-");
	for (size_t length = strlen(*text ? text : "-"); length < width; length++)
		fputc(' ', out);
}

void audit_print(FILE *out, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	char at[40], uid[16] = "daemon", token[2 * AUDIT_TOKEN + 1];

	format_time(record->realtime_ns, at);
	if (event->uid != UINT32_MAX)
		snprintf(uid, sizeof(uid), "%" PRIu32, event->uid);
	sodium_bin2hex(token, sizeof(token), event->token, AUDIT_TOKEN);
	token[8] = '\0';
	if (sodium_is_zero(event->token, AUDIT_TOKEN))
		memcpy(token, "-", 2);
	fprintf(out, "%8" PRIu64 "  %s  %-9s  %-14s  ", record->sequence, at,
		audit_verdict_name(event->verdict), audit_op_name(event->op));
	print_padded(out, event->device, 12);
	fprintf(out, "  %7s  ", uid);
	print_padded(out, event->rule, 20);
	fprintf(out, "  %8" PRIu64 "  %-8s", event->bytes, token);
	if (event->detail[0]) {
		fputs("  ", out);
		print_safe(out, event->detail);
	}
	if (event->repeats)
		fprintf(out, ", %" PRIu32 " more", event->repeats);
	fputc('\n', out);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* By hand, as a forged record need not hold UTF-8: bytes above 0x7e are told as \u00xx. */
static void json_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, ",\"%s\":\"", key);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < 0x20 || byte > 0x7e)
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

static void json_id(FILE *out, const char *key, uint32_t value)
{
	if (value == UINT32_MAX)
		fprintf(out, ",\"%s\":null", key);
	else
		fprintf(out, ",\"%s\":%" PRIu32, key, value);
}

static void json_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

void audit_print_json(FILE *out, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	char at[40], token[2 * AUDIT_TOKEN + 1];

	format_time(record->realtime_ns, at);
	sodium_bin2hex(token, sizeof(token), event->token, AUDIT_TOKEN);
	fprintf(out, "{\"sequence\":%" PRIu64, record->sequence);
	json_text(out, "time", at);
	fprintf(out, ",\"realtime_ns\":%" PRId64 ",\"boottime_ns\":%" PRId64, record->realtime_ns,
		record->boottime_ns);
	json_text(out, "op", audit_op_name(event->op));
	json_text(out, "verdict", audit_verdict_name(event->verdict));
	json_id(out, "uid", event->uid);
	json_id(out, "gid", event->gid);
	json_id(out, "pid", event->pid);
	json_id(out, "login_uid", event->login_uid);
	json_number(out, "view", event->view);
	json_number(out, "session", event->session);
	json_text(out, "device", event->device);
	json_text(out, "rule", event->rule);
	json_number(out, "errno", event->error_number);
	json_number(out, "repeats", event->repeats);
	json_number(out, "policy_serial", event->policy_serial);
	json_number(out, "offset", event->offset);
	json_number(out, "bytes", event->bytes);
	json_number(out, "handle", event->handle);
	json_text(out, "token", sodium_is_zero(event->token, AUDIT_TOKEN) ? "" : token);
	json_text(out, "detail", event->detail);
	fputs("}\n", out);
}
