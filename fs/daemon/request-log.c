/* What admins and auditors ask for: a new policy, the log's events. */
#include "fs/daemon/asked.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/message.h"

static void answer_policy(struct asked *asked)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);

	answer_text(asked->answer, "policy", policy_name(policy));
	answer_number(asked->answer, "policy_serial", (int64_t)policy_serial(policy));
}

enum bl_status request_policy_load(struct asked *asked, struct bl_error *why)
{
	const char *text = asked_text(asked, "text");

	if (!text)
		return bl_fail(why, BL_INVALID, "no policy came with the request");

	enum bl_status status = asked_permit(asked, ACTION_ADMINISTER, NULL, why);

	if (status == BL_OK) {
		const struct policy_text loaded = {
			.bytes = text,
			.length = strlen(text),
			.signature = asked_text(asked, "signature"),
		};

		status = policy_replace(asked->daemon, &loaded, asked->peer, why);
	}
	if (status == BL_OK)
		answer_policy(asked);
	return status;
}

enum bl_status request_reload(struct asked *asked, struct bl_error *why)
{
	enum bl_status status = asked_permit(asked, ACTION_ADMINISTER, NULL, why);

	if (status == BL_OK)
		status = policy_load_file(asked->daemon, asked->peer, why);
	if (status == BL_OK)
		answer_policy(asked);
	return status;
}

#define TEXT_PIECE ((size_t)48 << 10) /* every byte may take two in JSON */

/* A policy is UTF-8, and so must be every piece: none ends inside a character. */
static size_t piece_of(const char *text, size_t length)
{
	if (length <= TEXT_PIECE)
		return length;
	length = TEXT_PIECE;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

enum bl_status request_policy_text(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length;
	enum bl_status status = asked_is_privileged(asked)
					? BL_OK
					: asked_permit(asked, ACTION_ADMINISTER, NULL, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, NULL, "policy-text", BL_OK, why);
	if (status == BL_OK)
		status = device_store_last_policy(asked->daemon->store, &text, &length, why);
	for (size_t at = 0, size; status == BL_OK && at < length && !asked->is_client_gone;
	     at += size) {
		size = piece_of(text + at, length - at);
		asked_send(asked, "text", json_stringn(text + at, size));
	}
	return status;
}

/* Which keys are trusted is no matter of the policy: only who owns the store may say so. */
enum bl_status request_policy_trust(struct asked *asked, struct bl_error *why)
{
	const char *key = asked_text(asked, "key"), *signature = asked_text(asked, "signature");
	bool is_owner = asked->peer->uid == asked->daemon->owner;
	enum bl_status status = asked_log(asked, AUDIT_ADMIN, NULL, "policy-trust",
					  is_owner ? BL_OK : BL_FORBIDDEN, why);

	if (status != BL_OK)
		return status;
	if (!is_owner)
		return bl_fail(why, BL_FORBIDDEN,
			       "which keys are trusted is the store owner's to say (run it as the "
			       "owner)");
	if (!key || !signature)
		return bl_fail(why, BL_INVALID,
			       "a public key and a signature of the policy in force are needed");
	status = trust_add(asked->daemon, key, signature, why);
	asked_undone(asked, AUDIT_ADMIN, NULL, status);
	return status;
}

struct querying {
	struct asked *asked;
	struct audit_query query;
	struct audit_record *ring; /* the last N that match; NULL: send as they come */
	size_t room, count;
	enum bl_status status;
};

static bool send_record(struct querying *querying, const struct audit_record *record)
{
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);

	if (!memory)
		return false;
	audit_print_json(memory, record);
	fclose(memory);

	json_t *parsed = json_loads(text, 0, NULL);
	BL_CLEANUP(json_decref) json_t *message = json_pack("{s:o}", "record", parsed);

	free(text);
	if (atomic_load(&querying->asked->daemon->is_stopping))
		return false; /* a slow reader must not hold up the stop */
	querying->status =
		message ? message_send(querying->asked->fd, message, -1, NULL) : BL_NO_MEMORY;
	return querying->status == BL_OK;
}

static bool take_record(void *context, const struct audit_record *record)
{
	struct querying *querying = context;

	if (!audit_query_matches(&querying->query, record))
		return true;
	if (!querying->ring)
		return send_record(querying, record);
	querying->ring[querying->count++ % querying->room] = *record;
	return true;
}

static void send_ring(struct querying *querying)
{
	size_t kept = BL_MIN(querying->count, querying->room);
	bool is_listening = true;

	for (size_t i = querying->count - kept; i < querying->count && is_listening; i++)
		is_listening = send_record(querying, &querying->ring[i % querying->room]);
}

static enum bl_status fill_query(const struct asked *asked, struct audit_query *query,
				 struct bl_error *why)
{
	const char *op = asked_text(asked, "op");
	const char *verdict = asked_text(asked, "verdict");
	enum audit_op op_value = AUDIT_START;

	*query = (struct audit_query){
		.uid = asked_number(asked, "uid", -1),
		.device = asked_text(asked, "device"),
		.rule = asked_text(asked, "rule"),
		.op = -1,
		.verdict = -1,
		.view = (uint64_t)asked_number(asked, "view", 0),
		.since_unix = asked_number(asked, "since", INT64_MIN),
		.until_unix = asked_number(asked, "until", INT64_MAX),
		.last = (uint64_t)asked_number(asked, "last", 0),
	};
	if (op && !audit_op_parse(op, &op_value))
		return bl_fail(why, BL_INVALID, "'%.40s' is no operation of the log", op);
	if (op)
		query->op = (int)op_value;
	for (unsigned i = 0; verdict && i <= AUDIT_FAILED_VERDICT; i++)
		if (strcmp(audit_verdict_name((enum audit_verdict)i), verdict) == 0)
			query->verdict = (int)i;
	if (verdict && query->verdict < 0)
		return bl_fail(why, BL_INVALID,
			       "'%.40s' is no verdict (permitted denied asked withheld failed)",
			       verdict);
	/* It goes into the log as the device that was asked about. */
	if (query->device && !bl_device_id_ok(query->device))
		return bl_fail(why, BL_INVALID, "no device id (1 to 31 of A-Z a-z 0-9 . _ -)");
	return BL_OK;
}

enum bl_status request_log_query(struct asked *asked, struct bl_error *why)
{
	struct querying querying = {.asked = asked};
	enum bl_status status = fill_query(asked, &querying.query, why);

	if (status == BL_OK)
		status = asked_permit(asked, ACTION_REVIEW, NULL, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, querying.query.device, "log-query", BL_OK,
				   why);
	if (status != BL_OK)
		return status;

	BL_CLEANUP(fd_close)
	int log_fd = openat(device_store_fd(asked->daemon->store), "log",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	BL_CLEANUP(bl_free) struct audit_record *ring = NULL;

	if (log_fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the log");
	if (querying.query.last) {
		querying.room = (size_t)querying.query.last;
		ring = calloc(querying.room, sizeof(*ring));
		querying.ring = ring;
		if (!ring)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	status = audit_scan(log_fd, take_record, &querying, why);
	if (status == BL_OK && ring)
		send_ring(&querying);
	return status;
}
