/* What clients may ask for: one row each. Semantics: docs/protocol.md. */
#include "fs/daemon/asked.h"

#include <string.h>

#include "fs/daemon/message.h"
#include "fs/daemon/question.h"
#include "fs/image/choose.h"

#define KEYS_LIMIT 32

/* views may see less afterwards: the answer waits until no kernel keeps it */
#define TAKES_AWAY 1u
/* more than one descriptor may come with it */
#define TAKES_FILES 2u

static const struct request {
	const char *name;
	enum bl_status (*carry_out)(struct asked *asked, struct bl_error *why);
	const char *keys[KEYS_LIMIT];
	unsigned how;
} REQUESTS[] = {
	{"status", request_status, {0}, 0},
	{"enroll",
	 request_enroll,
	 {"device", "kind", "record", "destroy_when_due", "offset", "partition", "fs", "reason",
	  "purpose"},
	 0},
	{"intake",
	 request_intake,
	 {"device", "kind", "record", "form", "container", "size", "without", "only",
	  "no_free_space", "verify", "destroy_source", "reason", "purpose"},
	 TAKES_FILES},
	{"intake-state", request_intake_state, {"device", "kind", "reason", "purpose"}, 0},
	{"open", request_open, {"purpose", "reason", "for", "gid"}, 0},
	{"close", request_close, {"path", "view"}, 0},
	{"view",
	 request_view,
	 {"device", "arguments", "rows", "columns", "term", "purpose", "reason"},
	 TAKES_FILES},
	{"sessions", request_sessions, {"reason", "purpose"}, 0},
	{"session-end", request_session_end, {"session", "reason", "purpose"}, 0},
	{"policy-load",
	 request_policy_load,
	 {"text", "signature", "reason", "purpose"},
	 TAKES_AWAY},
	{"policy-text", request_policy_text, {"reason", "purpose"}, 0},
	{"policy-trust", request_policy_trust, {"key", "signature"}, 0},
	{"reload", request_reload, {"reason", "purpose"}, TAKES_AWAY},
	{"hold-add", request_hold_add, {"device", "reason", "purpose"}, TAKES_AWAY},
	{"hold-release", request_hold_release, {"device", "hold", "reason", "purpose"}, TAKES_AWAY},
	{"shred-due", request_shred_due, {"reason", "purpose"}, TAKES_AWAY},
	{"shred", request_shred, {"device", "reason", "purpose"}, TAKES_AWAY},
	{"shred-part", request_shred_part, {"device", "paths", "reason", "purpose"}, TAKES_AWAY},
	{"consent",
	 request_consent,
	 {"device", "consent", "granted", "reason", "purpose"},
	 TAKES_AWAY},
	{"caller", request_caller, {"device", "check", "ticket"}, TAKES_AWAY},
	{"request", request_request, {"device", "action", "class", "path", "reason", "purpose"}, 0},
	{"requests", request_requests, {0}, 0},
	{"approve", request_approve, {"device", "number", "reason", "purpose"}, TAKES_AWAY},
	{"refuse", request_refuse, {"device", "number", "reason", "purpose"}, TAKES_AWAY},
	{"people", request_people, {"reason", "purpose"}, 0},
	{"may", request_may, {"purpose", "reason"}, 0},
	{"why-event", request_why_event, {"event"}, 0},
	{"log-query",
	 request_log_query,
	 {"show",   "uid",  "person",	"device", "path",   "op",	   "verdict", "rule",
	  "policy", "view", "session",	"since",  "until",  "until_event", "last",    "hours",
	  "days",   "zone", "no_index", "names",  "reason", "purpose"},
	 0},
	{"log-follow",
	 request_log_follow,
	 {"uid", "person", "device", "path", "op", "verdict", "rule", "policy", "view", "session",
	  "since", "last", "from_event", "names", "reason", "purpose"},
	 0},
	{"log-name-key", request_log_name_key, {"device", "segment_key", "reason", "purpose"}, 0},
	{"log-report",
	 request_log_report,
	 {"since", "until", "people", "rules", "digests", "verify", "reason", "purpose"},
	 0},
	{"log-unlatch", request_log_unlatch, {"reason", "purpose"}, 0},
	{"hold-review", request_hold_review, {"device", "hold", "reason", "purpose"}, 0},
	{"device-list", request_device_list, {"reason", "purpose"}, 0},
	{"device-show", request_device_show, {"device", "yaml", "reason", "purpose"}, 0},
	{"device-report", request_device_report, {"device", "audience", "reason", "purpose"}, 0},
	{"device-note", request_device_note, {"device", "text", "reason", "purpose"}, 0},
	{"device-move", request_device_move, {"device", "place", "reason", "purpose"}, 0},
	{"device-state",
	 request_device_state,
	 {"device", "state", "reason", "purpose"},
	 TAKES_AWAY},
	{"device-edit", request_device_edit, {"device", "record", "reason", "purpose"}, TAKES_AWAY},
	{"device-sign", request_device_sign, {"device", "digest", "reason", "purpose"}, 0},
	{"receipt", request_receipt, {"device", "reason", "purpose"}, 0},
	{"incident-open",
	 request_incident_open,
	 {"device", "incident", "text", "reason", "purpose"},
	 TAKES_AWAY},
	{"incident-note",
	 request_incident_note,
	 {"device", "number", "text", "reason", "purpose"},
	 0},
	{"incident-close",
	 request_incident_close,
	 {"device", "number", "corrective", "reason", "purpose"},
	 TAKES_AWAY},
	{"incidents", request_incidents, {"device", "reason", "purpose"}, 0},
	{"incident-show", request_incident_show, {"device", "number", "reason", "purpose"}, 0},
	{"customer-request",
	 request_customer_request,
	 {"device", "customer_request", "ticket", "reason", "purpose"},
	 TAKES_AWAY},
	{"customer-request-end",
	 request_customer_request_end,
	 {"device", "number", "state", "proof", "reason", "purpose"},
	 TAKES_AWAY},
	{"customer-requests", request_customer_requests, {"device", "reason", "purpose"}, 0},
	{"retention-plan", request_retention_plan, {"text", "reason", "purpose"}, 0},
	{"verify-sample",
	 request_verify_sample,
	 {"period", "percent", "draw_only", "reason", "purpose"},
	 0},
	{"scan", request_scan, {"device", "paths", "reason", "purpose"}, 0},
	{"inspect", request_inspect, {"device", "reason", "purpose"}, TAKES_FILES},
	{"certificate", request_certificate, {"device", "of", "part", "reason", "purpose"}, 0},
};

static bool is_key(const struct request *row, const char *key)
{
	if (strcmp(key, "bailee") == 0 || strcmp(key, "do") == 0)
		return true;
	for (size_t i = 0; i < KEYS_LIMIT && row->keys[i]; i++)
		if (strcmp(row->keys[i], key) == 0)
			return true;
	return false;
}

/* What each key holds, in every request that has it. Another type is refused: no option is ever half taken. */
static const struct key {
	const char *name;
	json_type type;
	int64_t least, most; /* of a number; of how many texts, in an array */
} KEYS[] = {
	{"bailee", JSON_INTEGER, 1, 1},
	{"do", JSON_STRING, 0, 0},
	{"device", JSON_STRING, 0, 0},
	{"kind", JSON_STRING, 0, 0},
	{"record", JSON_STRING, 0, 0},
	{"destroy_when_due", JSON_TRUE, 0, 0},
	{"offset", JSON_INTEGER, 1, INT64_MAX},
	{"partition", JSON_INTEGER, 1, UINT32_MAX},
	{"fs", JSON_STRING, 0, 0},
	{"purpose", JSON_STRING, 0, 0},
	{"reason", JSON_STRING, 0, 0},
	{"for", JSON_INTEGER, 0, UINT32_MAX - 1},
	{"gid", JSON_INTEGER, 0, UINT32_MAX - 1},
	{"path", JSON_STRING, 0, 0},
	{"paths", JSON_TRUE, 0, 0},
	{"text", JSON_STRING, 0, 0},
	{"hold", JSON_INTEGER, 1, UINT32_MAX},
	{"signature", JSON_STRING, 0, 0},
	{"key", JSON_STRING, 0, 0},
	{"consent", JSON_STRING, 0, 0},
	{"granted", JSON_TRUE, 0, 0},
	{"check", JSON_STRING, 0, 0},
	{"ticket", JSON_STRING, 0, 0},
	{"action", JSON_STRING, 0, 0},
	{"class", JSON_STRING, 0, 0},
	{"number", JSON_INTEGER, 1, UINT32_MAX},
	{"event", JSON_INTEGER, 1, INT64_MAX},
	{"uid", JSON_INTEGER, 0, UINT32_MAX}, /* the greatest is the daemon itself */
	{"op", JSON_STRING, 0, 0},
	{"verdict", JSON_STRING, 0, 0},
	{"rule", JSON_STRING, 0, 0},
	{"view", JSON_INTEGER, 0, INT64_MAX},
	{"session", JSON_INTEGER, 1, INT64_MAX},
	{"since", JSON_INTEGER, INT64_MIN, INT64_MAX},
	{"until", JSON_INTEGER, INT64_MIN, INT64_MAX},
	{"last", JSON_INTEGER, 0, QUESTION_LAST},
	{"show", JSON_STRING, 0, 0},
	{"person", JSON_STRING, 0, 0},
	{"policy", JSON_INTEGER, 1, INT64_MAX},
	{"until_event", JSON_INTEGER, 1, INT64_MAX},
	{"from_event", JSON_INTEGER, 1, INT64_MAX},
	{"hours", JSON_STRING, 0, 0},
	{"days", JSON_STRING, 0, 0},
	{"zone", JSON_STRING, 0, 0},
	{"no_index", JSON_TRUE, 0, 0},
	{"names", JSON_TRUE, 0, 0},
	{"segment_key", JSON_STRING, 0, 0},
	/* Together they fit into one message. */
	{"people", JSON_ARRAY, 0, 5000},
	{"rules", JSON_ARRAY, 0, 300},
	{"digests", JSON_ARRAY, 0, 400},
	{"form", JSON_STRING, 0, 0},
	{"container", JSON_STRING, 0, 0},
	{"size", JSON_INTEGER, 1, INT64_C(1) << 50},
	{"without", JSON_ARRAY, 1, IMAGE_PATTERNS},
	{"only", JSON_ARRAY, 1, IMAGE_PATTERNS},
	{"paths", JSON_ARRAY, 1, IMAGE_PATTERNS},
	{"no_free_space", JSON_TRUE, 0, 0},
	{"verify", JSON_TRUE, 0, 0},
	{"destroy_source", JSON_TRUE, 0, 0},
	{"of", JSON_STRING, 0, 0},
	{"part", JSON_INTEGER, 1, UINT32_MAX},
	{"audience", JSON_STRING, 0, 0},
	{"yaml", JSON_TRUE, 0, 0},
	{"place", JSON_STRING, 0, 0},
	{"state", JSON_STRING, 0, 0},
	{"digest", JSON_STRING, 0, 0},
	{"incident", JSON_STRING, 0, 0},
	{"corrective", JSON_STRING, 0, 0},
	{"customer_request", JSON_STRING, 0, 0},
	{"proof", JSON_STRING, 0, 0},
	{"period", JSON_STRING, 0, 0},
	{"percent", JSON_INTEGER, 1, 100},
	{"draw_only", JSON_TRUE, 0, 0},
	{"arguments", JSON_ARRAY, 1, LAUNCH_ARGC},
	{"rows", JSON_INTEGER, 0, UINT16_MAX},
	{"columns", JSON_INTEGER, 0, UINT16_MAX},
	{"term", JSON_STRING, 0, 0},
};

static bool are_texts(const struct key *key, const json_t *list)
{
	size_t count = json_array_size(list);

	for (size_t i = 0; i < count; i++)
		if (json_string_length(json_array_get(list, i)) == 0)
			return false;
	return count >= (size_t)key->least && count <= (size_t)key->most;
}

static bool is_value_of(const struct key *key, const json_t *value)
{
	if (key->type == JSON_TRUE)
		return json_is_boolean(value);
	if (json_typeof(value) != key->type)
		return false;
	if (key->type == JSON_ARRAY)
		return are_texts(key, value);
	return key->type != JSON_INTEGER ||
	       (json_integer_value(value) >= key->least && json_integer_value(value) <= key->most);
}

static enum bl_status check_value(const struct request *row, const char *name, const json_t *value,
				  struct bl_error *why)
{
	for (size_t i = 0; i < BL_COUNT(KEYS); i++)
		if (strcmp(KEYS[i].name, name) == 0 && is_value_of(&KEYS[i], value))
			return BL_OK;
	return bl_fail(why, BL_INVALID, "'%s' of request '%s' is of another type, or out of range",
		       name, row->name);
}

static enum bl_status check_keys(const struct request *row, const json_t *request,
				 struct bl_error *why)
{
	enum bl_status status = BL_OK;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)request, key, value)
	{
		if (!is_key(row, key))
			return bl_fail(why, BL_INVALID, "request '%s' has no key '%.40s'",
				       row->name, key);
		status = check_value(row, key, value, why);
		if (status != BL_OK)
			return status;
	}
	return status;
}

static enum bl_status carry_out(struct asked *asked, struct bl_error *why)
{
	const char *name = asked_text(asked, "do");

	if (asked_number(asked, "bailee", 0) != 1)
		return bl_fail(why, BL_UNSUPPORTED,
			       "this daemon speaks version 1 of the protocol (use its own bailee)");
	for (size_t i = 0; name && i < BL_COUNT(REQUESTS); i++) {
		if (strcmp(REQUESTS[i].name, name) != 0)
			continue;
		enum bl_status status = check_keys(&REQUESTS[i], asked->request, why);

		if (status == BL_OK && asked->fds->count > 1 && !(REQUESTS[i].how & TAKES_FILES))
			return bl_fail(why, BL_INVALID, "request '%s' takes one descriptor", name);
		if (status == BL_OK)
			status = REQUESTS[i].carry_out(asked, why);
		if (status == BL_OK && (REQUESTS[i].how & TAKES_AWAY))
			views_settle(asked->daemon);
		return status;
	}
	return bl_fail(why, BL_INVALID, "no such request");
}

static enum bl_status send_answer(int fd, json_t *answer, int pass_fd, enum bl_status status,
				  const struct bl_error *why)
{
	json_object_set_new(answer, "ok", json_boolean(status == BL_OK));
	if (status != BL_OK) {
		answer_text(answer, "status", bl_status_name(status));
		answer_number(answer, "exit", bl_status_exit(status));
		answer_text(answer, "error", why->text[0] ? why->text : bl_status_name(status));
	}
	return message_send(fd, answer, pass_fd, NULL);
}

bool request_answer(struct daemon *daemon, const struct peer *peer, int fd, const json_t *request,
		    const struct message_fds *fds)
{
	BL_CLEANUP(json_decref) json_t *answer = json_object();
	struct asked asked = {.daemon = daemon,
			      .peer = peer,
			      .fd = fd,
			      .request = request,
			      .passed_fd = fds->count ? fds->items[0] : -1,
			      .fds = fds,
			      .answer = answer,
			      .answer_fd = -1};
	struct bl_error why = {{0}};

	if (!answer)
		return false;

	enum bl_status status = carry_out(&asked, &why);
	BL_CLEANUP(fd_close) int answer_fd = asked.answer_fd;

	if (asked.is_client_gone)
		return false;
	status = send_answer(fd, answer, answer_fd, status, &why);
	if (status != BL_TOO_LARGE)
		return status == BL_OK;
	/* It was carried out all the same: whoever asked is told so, not left without a word. */
	json_object_clear(answer);
	status = bl_fail(&why, status, "the answer has over %u bytes and cannot be sent",
			 DAEMON_MESSAGE_LIMIT);
	return send_answer(fd, answer, -1, status, &why) == BL_OK;
}
