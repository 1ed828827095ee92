/* Whatever a record, a name and a reason hold: each exporter makes one line that its format's readers take, and that tells them. */
#include "fs/audit/audit.h"
#include "tests/unit/fs/audit/export-lines.h"

#include <inttypes.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct input {
	const uint8_t *bytes;
	size_t length;
};

/* The next @size bytes, zeros where there are none. */
static void take(struct input *input, void *out, size_t size)
{
	size_t there = BL_MIN(size, input->length);

	memset(out, 0, size);
	if (there)
		memcpy(out, input->bytes, there);
	input->bytes += there;
	input->length -= there;
}

static unsigned take_below(struct input *input, unsigned limit)
{
	uint8_t byte;

	take(input, &byte, 1);
	return byte % limit;
}

static void take_text(struct input *input, char *out, size_t size)
{
	take(input, out, take_below(input, (unsigned)size));
}

struct given {
	struct audit_record record;
	struct audit_exporting how;
	char host[200];
	const char *name, *reason;
	size_t name_length, reason_length;
};

/* Ops and verdicts go one further than there are. */
static void take_record(struct input *input, struct audit_record *record)
{
	struct audit_event *event = &record->event;

	event->op = (enum audit_op)take_below(input, AUDIT_OP_COUNT + 1);
	event->verdict = (enum audit_verdict)take_below(input, AUDIT_FAILED_VERDICT + 2);
	take(input, &record->sequence, sizeof(record->sequence));
	take(input, &record->realtime_ns, sizeof(record->realtime_ns));
	take(input, &record->boottime_ns, sizeof(record->boottime_ns));
	take(input, &event->uid, sizeof(event->uid));
	take(input, &event->gid, sizeof(event->gid));
	take(input, &event->pid, sizeof(event->pid));
	take(input, &event->login_uid, sizeof(event->login_uid));
	take(input, &event->view, sizeof(event->view));
	take(input, &event->session, sizeof(event->session));
	take(input, &event->error_number, sizeof(event->error_number));
	take(input, &event->repeats, sizeof(event->repeats));
	take(input, &event->policy_serial, sizeof(event->policy_serial));
	take(input, &event->offset, sizeof(event->offset));
	take(input, &event->bytes, sizeof(event->bytes));
	take(input, &event->handle, sizeof(event->handle));
	take(input, event->token, sizeof(event->token));
	take_text(input, event->device, sizeof(event->device));
	take_text(input, event->rule, sizeof(event->rule));
	take_text(input, event->detail, sizeof(event->detail));
}

/* Of what is left: half a name, half a reason, or one of them, or none. */
static void take_given(struct input *input, struct given *out)
{
	take_record(input, &out->record);
	take_text(input, out->host, sizeof(out->host));
	out->how = (struct audit_exporting){.host = out->host, .log_id = "00ff"};

	unsigned which = take_below(input, 4);
	size_t half = which == 3 ? input->length / 2 : which == 1 ? input->length : 0;

	if (which & 1)
		out->name = (const char *)input->bytes, out->name_length = half;
	if (which & 2) {
		out->reason = (const char *)input->bytes + half;
		out->reason_length = input->length - half;
	}
}

static void must(bool is_so, const char *what, const char *line)
{
	if (is_so)
		return;
	fprintf(stderr, "export: %s: %s\n", what, line ? line : "");
	abort();
}

static void check_texts(const struct given *given, const char *name, const char *reason,
			bool has_empty, const char *line)
{
	bool wants_name = given->name && (given->name_length || has_empty),
	     wants_reason = given->reason && (given->reason_length || has_empty);

	must(wants_name ? line_tells(name, given->name, given->name_length) : !name, "name", line);
	must(wants_reason ? line_tells(reason, given->reason, given->reason_length) : !reason,
	     "reason", line);
}

/* Its numbers are 64 bits without a sign, which is more than json_int_t holds. */
static void check_jsonl(const struct given *given, const struct line *line)
{
	json_t *object = json_loadb(line->text, line->length,
				    JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);

	must(json_is_object(object), "no JSON", line->text);
	check_texts(given, line_string(object, "path"), line_string(object, "reason"), true,
		    line->text);
	json_decref(object);
}

static void check_ocsf(const struct given *given, const struct line *line)
{
	static const char *const TEXTS[] = {"metadata.version", "metadata.product.vendor_name",
					    "file.name", "device.name", "activity_name"};
	static const char *const NUMBERS[] = {"activity_id",  "severity_id",	"time",
					      "file.type_id", "device.type_id", "action_id"};
	json_t *object = json_loadb(line->text, line->length, JSON_REJECT_DUPLICATES, NULL);

	must(json_is_object(object), "no JSON", line->text);
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		must(line_string(object, TEXTS[i]) && *line_string(object, TEXTS[i]), TEXTS[i],
		     line->text);
	for (size_t i = 0; i < BL_COUNT(NUMBERS); i++)
		must(json_is_integer(line_member(object, NUMBERS[i])), NUMBERS[i], line->text);
	must(json_integer_value(line_member(object, "type_uid")) ==
		     100100 + json_integer_value(line_member(object, "activity_id")),
	     "type_uid", line->text);
	must(json_integer_value(line_member(object, "count")) ==
		     (json_int_t)given->record.event.repeats + 1,
	     "count", line->text);
	must(json_object_size(line_member(object, "actor.user")) > 0, "actor", line->text);
	check_texts(given, line_string(object, "file.path"), line_string(object, "unmapped.reason"),
		    false, line->text);
	json_decref(object);
}

static void check_rfc5424(const struct given *given, const struct line *line)
{
	struct line_syslog message;
	char count[24];
	const char *trouble = line_parse_syslog(line->text, &message);

	must(!trouble, trouble, line->text);
	must(message.priority / 8 == 13, "facility", message.message);
	must(strcmp(message.sd_id, "bailee@32473") == 0, "SD-ID", message.sd_id);
	must(strcmp(message.message_id, audit_op_name(given->record.event.op)) == 0, "MSGID",
	     message.message_id);
	snprintf(count, sizeof(count), "%" PRIu64, (uint64_t)given->record.event.repeats + 1);
	must(line_param(&message, "count") && strcmp(line_param(&message, "count"), count) == 0,
	     "count", count);
	check_texts(given, line_param(&message, "path"), line_param(&message, "reason"), false,
		    message.message);
}

static const struct {
	enum audit_export format;
	void (*check)(const struct given *given, const struct line *line);
} EXPORTERS[] = {
	{AUDIT_EXPORT_JSONL, check_jsonl},
	{AUDIT_EXPORT_OCSF, check_ocsf},
	{AUDIT_EXPORT_RFC5424, check_rfc5424},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input input = {bytes, length};
	struct given given = {.name = NULL};

	take_given(&input, &given);
	for (size_t i = 0; i < BL_COUNT(EXPORTERS); i++) {
		struct line line =
			line_export(EXPORTERS[i].format, &given.how, &given.record, given.name,
				    given.name_length, given.reason, given.reason_length);
		const char *trouble = line_trouble_in_characters(line.text, line.length);

		must(!trouble, trouble, line.text);
		EXPORTERS[i].check(&given, &line);
		free(line.text);
	}
	return 0;
}
