#include "fs/cli/record.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "fs/cli/cli.h"

/* What audit_print_json told as \u00XX was one byte, whatever it is; what is no byte is the mark of one that was lost. */
static void read_text(const json_t *json, const char *key, char *out, size_t size)
{
	const unsigned char *text = (const unsigned char *)cli_text(json, key);
	size_t length = 0;

	while (*text && length + 1 < size) {
		if (*text < 0x80) {
			out[length++] = (char)*text++;
		} else {
			bool is_byte = *text == 0xc2 || *text == 0xc3;

			out[length++] = is_byte ? (char)((*text & 3) << 6 | (text[1] & 0x3f)) : '?';
			for (text++; (*text & 0xc0) == 0x80;)
				text++;
		}
	}
	out[length] = '\0';
}

static bool read_verdict(const json_t *json, enum audit_verdict *out)
{
	const char *name = cli_text(json, "verdict");

	for (unsigned i = 0; i <= AUDIT_FAILED_VERDICT; i++) {
		if (strcmp(audit_verdict_name((enum audit_verdict)i), name) == 0) {
			*out = (enum audit_verdict)i;
			return true;
		}
	}
	return false;
}

static void read_numbers(const json_t *json, struct audit_event *event)
{
	const struct {
		const char *key;
		uint32_t *id; /* null in JSON: nobody */
		uint32_t *value;
		uint64_t *wide;
	} NUMBERS[] = {
		{"uid", .id = &event->uid},
		{"gid", .id = &event->gid},
		{"pid", .id = &event->pid},
		{"login_uid", .id = &event->login_uid},
		{"errno", .value = &event->error_number},
		{"repeats", .value = &event->repeats},
		{"view", .wide = &event->view},
		{"session", .wide = &event->session},
		{"policy_serial", .wide = &event->policy_serial},
		{"offset", .wide = &event->offset},
		{"bytes", .wide = &event->bytes},
		{"handle", .wide = &event->handle},
	};

	for (size_t i = 0; i < BL_COUNT(NUMBERS); i++) {
		long long number = cli_number(json, NUMBERS[i].key);

		if (NUMBERS[i].id)
			*NUMBERS[i].id = json_is_integer(json_object_get(json, NUMBERS[i].key))
						 ? (uint32_t)number
						 : UINT32_MAX;
		else if (NUMBERS[i].value)
			*NUMBERS[i].value = (uint32_t)number;
		else
			*NUMBERS[i].wide = (uint64_t)number;
	}
}

bool record_read(const json_t *json, struct audit_record *out)
{
	struct audit_event *event = &out->event;
	const char *token = cli_text(json, "token");

	memset(out, 0, sizeof(*out));
	out->sequence = (uint64_t)cli_number(json, "sequence");
	out->realtime_ns = cli_number(json, "realtime_ns");
	out->boottime_ns = cli_number(json, "boottime_ns");
	read_numbers(json, event);
	read_text(json, "device", event->device, sizeof(event->device));
	read_text(json, "rule", event->rule, sizeof(event->rule));
	read_text(json, "detail", event->detail, sizeof(event->detail));
	sodium_hex2bin(event->token, sizeof(event->token), token, strlen(token), NULL, NULL, NULL);

	bool is_known = audit_op_parse(cli_text(json, "op"), &event->op);

	return read_verdict(json, &event->verdict) && is_known && out->sequence != 0;
}
