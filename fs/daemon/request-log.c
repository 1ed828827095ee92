/* Reading the log: events, and for auditors the sealed names that go with them. */
#include "fs/daemon/asked.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/message.h"

struct querying {
	struct asked *asked;
	struct audit_query query;
	uint8_t token[AUDIT_TOKEN]; /* of --path */
	struct audit_record *ring;  /* the last N that match; NULL: send as they come */
	size_t room, count;
	bool wants_names;
	uint64_t from,
		to; /* records before and behind these are not sent; the answer itself is told in the log */
	json_t *reasons; /* sealed reasons since the last event: they are of the next one */
	enum bl_status status;
};

static bool send(struct querying *querying, json_t *message)
{
	BL_CLEANUP(json_decref) json_t *owned = message;

	/* A slow reader must not hold up the stop. */
	if (atomic_load(&querying->asked->daemon->is_stopping))
		querying->status = BL_FAILED;
	else
		querying->status =
			owned ? message_send(querying->asked->fd, owned, -1, NULL) : BL_NO_MEMORY;
	return querying->status == BL_OK;
}

static bool send_record(struct querying *querying, const struct audit_record *record)
{
	json_t *message = json_pack("{s:o}", "record", record_json(record));

	if (message && json_array_size(querying->reasons))
		json_object_set(message, "reasons", querying->reasons);
	return send(querying, message);
}

static bool take_record(void *context, const struct audit_record *record)
{
	struct querying *querying = context;
	bool goes_on = true;

	if (record->sequence > querying->to)
		return false;
	if (record->sequence < querying->from || !audit_query_matches(&querying->query, record))
		goes_on = true;
	else if (querying->ring)
		querying->ring[querying->count++ % querying->room] = *record;
	else
		goes_on = send_record(querying, record);
	json_array_clear(querying->reasons);
	return goes_on;
}

static void send_ring(struct querying *querying)
{
	size_t kept = BL_MIN(querying->count, querying->room);
	bool is_listening = true;

	for (size_t i = querying->count - kept; i < querying->count && is_listening; i++)
		is_listening = send_record(querying, &querying->ring[i % querying->room]);
}

/* ---- sealed names ------------------------------------------------------------------------------------ */

static bool send_segment(void *context, const struct audit_segment *segment)
{
	struct querying *querying = context;
	struct audit_state state;

	audit_state(querying->asked->daemon->audit, &state);
	json_array_clear(querying->reasons);
	return send(querying,
		    json_pack("{s:{s:I,s:s,s:o}}", "segment", "number", (json_int_t)segment->number,
			      "log", state.log_id, "slots",
			      hex_json(segment->slots,
				       segment->auditor_count * (AUDIT_KEY + AUDIT_SEALED_LK))));
}

static bool take_named(void *context, const struct audit_named *named)
{
	struct querying *querying = context;
	bool is_path = named->kind == AUDIT_NAME_PATH;

	/* Names of other devices than the one that was asked for are nobody's business here. */
	if (is_path && querying->query.device && strcmp(querying->query.device, named->device) != 0)
		return true;
	json_t *item = json_pack("{s:s,s:i,s:i,s:i,s:o,s:o,s:o}", "device", named->device, "kind",
				 (int)named->kind, "part", (int)named->part, "parts",
				 (int)named->parts, "token", hex_json(named->token, AUDIT_TOKEN),
				 "nonce", hex_json(named->nonce, sizeof(named->nonce)), "sealed",
				 hex_json(named->sealed, named->length));

	if (!is_path)
		return json_array_append_new(querying->reasons, item) == 0;
	return send(querying, json_pack("{s:o}", "named", item));
}

/* Where the last N begin, so that the names before them can be told in time. */
static void begin_at_ring(struct querying *querying)
{
	size_t kept = BL_MIN(querying->count, querying->room);

	querying->from = UINT64_MAX;
	if (kept) {
		querying->from = querying->ring[(querying->count - kept) % querying->room].sequence;
		querying->to = querying->ring[(querying->count - 1) % querying->room].sequence;
	}
	querying->ring = NULL;
}

static enum bl_status scan_names(struct querying *querying, int log_fd, struct bl_error *why)
{
	const struct audit_listener listener = {.record = take_record,
						.named = take_named,
						.segment = send_segment,
						.context = querying};

	if (querying->from == UINT64_MAX)
		return BL_OK;
	return audit_scan_names(log_fd, querying->from, &listener, why);
}

/* ---- the request ---------------------------------------------------------------------------------------- */

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
		.session = (uint64_t)asked_number(asked, "session", 0),
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

/* Equal paths have equal tokens, as long as the device's key is there: one may look for what one knows. */
static enum bl_status fill_path(struct querying *querying, struct bl_error *why)
{
	const char *path = asked_text(querying->asked, "path");
	const char *device = querying->query.device;
	uint8_t key[VAULT_KEY];

	if (!path)
		return BL_OK;
	if (!device)
		return bl_fail(why, BL_INVALID,
			       "a path is looked for on one device (give --device)");
	while (*path == '/')
		path++;
	if (vault_device_key(device_store_vault(querying->asked->daemon->store), device,
			     VAULT_LOG_NAMES, key, NULL) != BL_OK)
		return bl_fail(
			why, BL_NOT_FOUND,
			"device '%s' has no key of its names any more: nothing tells which path "
			"was which",
			device);
	audit_token(key, path, strlen(path), querying->token);
	sodium_memzero(key, sizeof(key));
	querying->query.token = querying->token;
	return BL_OK;
}

static enum bl_status run_query(struct querying *querying, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int log_fd = -1;
	BL_CLEANUP(bl_free) struct audit_record *ring = NULL;
	enum bl_status status = device_store_log(querying->asked->daemon->store, &log_fd, why);

	if (status != BL_OK)
		return status;
	if (querying->query.last) {
		querying->room = (size_t)querying->query.last;
		ring = calloc(querying->room, sizeof(*ring));
		querying->ring = ring;
		if (!ring)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	if (ring || !querying->wants_names)
		status = audit_scan(log_fd, take_record, querying, why);
	if (status == BL_OK && ring && querying->wants_names)
		begin_at_ring(querying);
	else if (status == BL_OK && ring)
		send_ring(querying);
	if (status == BL_OK && querying->wants_names)
		status = scan_names(querying, log_fd, why);
	/* What was cut short is not told to be all. */
	if (status == BL_OK && querying->status != BL_OK)
		status = bl_fail(why, querying->status, "%s",
				 atomic_load(&querying->asked->daemon->is_stopping)
					 ? "the service stops: these are not all of them"
					 : "these are not all of them");
	return status;
}

/* A path is looked for with the device's own key: that is for whoever may review this device, as its names are. */
static enum bl_status permit_query(struct asked *asked, struct bl_error *why)
{
	struct device device;
	enum bl_status status = asked_permit(asked, ACTION_REVIEW, NULL, why);

	if (status != BL_OK || !asked_text(asked, "path") || !asked_text(asked, "device"))
		return status;
	return asked_permitted_device(asked, ACTION_REVIEW, &device, why);
}

enum bl_status request_log_query(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *reasons = json_array();
	struct querying querying = {.asked = asked,
				    .reasons = reasons,
				    .to = UINT64_MAX,
				    .wants_names = asked_flag(asked, "names")};
	enum bl_status status = fill_query(asked, &querying.query, why);

	if (status == BL_OK)
		status = permit_query(asked, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, querying.query.device,
				   querying.wants_names ? "log-query with names" : "log-query",
				   BL_OK, why);
	if (status == BL_OK)
		status = fill_path(&querying, why);
	return status == BL_OK ? run_query(&querying, why) : status;
}

/* ---- keys of names -------------------------------------------------------------------------------------- */

/* The device's half of the key, or the store's where the request names none. */
static enum bl_status names_key(struct asked *asked, uint8_t out_key[VAULT_KEY],
				struct bl_error *why)
{
	struct vault *vault = device_store_vault(asked->daemon->store);
	struct device device = {.id = ""};
	bool has_device = asked_text(asked, "device") != NULL;
	enum bl_status status = has_device
					? asked_permitted_device(asked, ACTION_REVIEW, &device, why)
					: asked_permit(asked, ACTION_REVIEW, NULL, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id, "log-name-key", BL_OK, why);
	if (status != BL_OK)
		return status;
	if (!has_device) {
		vault_store_key(vault, VAULT_LOG_NAMES, out_key);
		return BL_OK;
	}
	if (vault_device_key(vault, device.id, VAULT_LOG_NAMES, out_key, NULL) != BL_OK)
		return bl_fail(
			why, BL_NOT_FOUND,
			"the key of the names of device '%s' is destroyed: nobody can read them "
			"any more",
			device.id);
	return BL_OK;
}

enum bl_status request_log_name_key(struct asked *asked, struct bl_error *why)
{
	const char *text = asked_text(asked, "segment_key");
	uint8_t lk[AUDIT_KEY], ln[VAULT_KEY], log_id[AUDIT_LOG_ID], key[AUDIT_KEY];
	char hex[2 * AUDIT_KEY + 1];
	struct audit_state state;
	size_t got = 0;

	if (!text || strlen(text) != 2 * AUDIT_KEY ||
	    sodium_hex2bin(lk, sizeof(lk), text, strlen(text), NULL, &got, NULL) != 0 ||
	    got != sizeof(lk))
		return bl_fail(why, BL_INVALID, "a segment's key is 64 hex digits");
	enum bl_status status = names_key(asked, ln, why);

	if (status != BL_OK)
		return status;
	audit_state(asked->daemon->audit, &state);
	sodium_hex2bin(log_id, sizeof(log_id), state.log_id, 2 * sizeof(log_id), NULL, NULL, NULL);
	audit_name_key(ln, log_id, lk, key);
	sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
	answer_text(asked->answer, "key", hex);
	sodium_memzero(ln, sizeof(ln));
	sodium_memzero(lk, sizeof(lk));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(hex, sizeof(hex));
	return BL_OK;
}

/* ---- unlatching ----------------------------------------------------------------------------------------- */

/*
 * While the log is latched a refusal cannot be an event, for there is no log to take it: then it is counted with the others, and
 * whoever asks is told the rule all the same.
 */
static enum bl_status permit_unlatch(struct asked *asked, struct bl_error *why)
{
	const char *reason = asked_text(asked, "reason");
	const struct may_question question = {.action = ACTION_ADMINISTER,
					      .purpose = asked_text(asked, "purpose"),
					      .has_reason = reason && *reason};

	if (audit_is_writable(asked->daemon->audit))
		return asked_permit(asked, ACTION_ADMINISTER, NULL, why);
	enum bl_status status = may(asked->daemon, asked->peer, &question, asked->rule, why);

	if (status != BL_OK)
		(void)!asked_log(asked, AUDIT_ADMIN, NULL, "log-unlatch", status, NULL);
	return status;
}

enum bl_status request_log_unlatch(struct asked *asked, struct bl_error *why)
{
	struct audit_event event = event_by(asked->daemon, asked->peer, AUDIT_UNLATCHED);
	enum bl_status status = permit_unlatch(asked, why);

	if (status != BL_OK)
		return status;
	memcpy(event.rule, asked->rule, sizeof(event.rule));
	status = log_unlatch(asked->daemon, &event, why);
	if (status == BL_OK)
		return asked_log(asked, AUDIT_ADMIN, NULL, "log-unlatch", BL_OK, why);
	if (audit_is_writable(asked->daemon->audit))
		(void)!asked_log(asked, AUDIT_ADMIN, NULL, "log-unlatch", status, NULL);
	return status;
}
