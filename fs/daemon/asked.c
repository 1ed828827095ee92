#include "fs/daemon/asked.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/message.h"

const char *asked_text(const struct asked *asked, const char *key)
{
	return json_string_value(json_object_get(asked->request, key));
}

bool asked_flag(const struct asked *asked, const char *key)
{
	return json_is_true(json_object_get(asked->request, key));
}

int64_t asked_number(const struct asked *asked, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(asked->request, key);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

void answer_text(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
}

void answer_number(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

enum bl_status asked_device(const struct asked *asked, struct device *out_device,
			    struct bl_error *why)
{
	const char *id = asked_text(asked, "device");

	if (!id || !bl_device_id_ok(id))
		return bl_fail(why, BL_INVALID,
			       "no device id, or one that is none (1 to 31 of A-Z a-z 0-9 . _ -)");
	return device_find(asked->daemon->store, id, out_device, why);
}

enum bl_status asked_log(const struct asked *asked, enum audit_op op, const char *device,
			 const char *detail, enum bl_status outcome, struct bl_error *why)
{
	struct audit_event event = event_by(asked->daemon, asked->peer, op);

	if (outcome == BL_ASK)
		event.verdict = AUDIT_ASKED;
	else if (outcome == BL_FORBIDDEN)
		event.verdict = AUDIT_DENIED;
	else if (outcome != BL_OK)
		event.verdict = AUDIT_FAILED_VERDICT;
	event.error_number = (uint32_t)bl_status_errno(outcome);
	snprintf(event.device, sizeof(event.device), "%s", device ? device : "");
	snprintf(event.rule, sizeof(event.rule), "%s", asked->rule);
	snprintf(event.detail, sizeof(event.detail), "%s", detail ? detail : "");
	return log_append(asked->daemon, &event, asked_text(asked, "reason"), why);
}

/* The event went first; when the thing did not come about the log says that too, or it would tell of holds that are none. */
void asked_undone(const struct asked *asked, enum audit_op op, const char *device,
		  enum bl_status status)
{
	if (status != BL_OK && audit_is_writable(asked->daemon->audit))
		(void)!asked_log(asked, op, device, "did not come about", status, NULL);
}

uint32_t asked_login_uid(const struct asked *asked)
{
	char path[64];
	unsigned value = UINT32_MAX;

	snprintf(path, sizeof(path), "/proc/%d/loginuid", asked->peer->pid);
	FILE *file = fopen(path, "re");

	if (!file)
		return UINT32_MAX;
	if (fscanf(file, "%u", &value) != 1)
		value = UINT32_MAX;
	fclose(file);
	return value;
}

static struct may_question asked_question(const struct asked *asked, enum bl_action action,
					  const struct device *device)
{
	const char *reason = asked_text(asked, "reason");

	return (struct may_question){
		.action = action,
		.device = device ? device->id : NULL,
		.purpose = asked_text(asked, "purpose"),
		.has_reason = reason && *reason,
	};
}

/* A refusal is an event too; so is a log that cannot take one. */
static enum bl_status asked_told(const struct asked *asked, const struct may_question *question,
				 enum bl_status status, struct bl_error *why)
{
	struct bl_error log_why;

	if (status == BL_OK)
		return BL_OK;
	if (asked_log(asked, AUDIT_ADMIN, question->device, bl_action_name(question->action),
		      status, &log_why) != BL_OK)
		return bl_fail(why, BL_LOG_BROKEN, "%s", log_why.text);
	return status;
}

enum bl_status asked_permit(struct asked *asked, enum bl_action action, const struct device *device,
			    struct bl_error *why)
{
	struct may_question question = asked_question(asked, action, device);

	return asked_told(asked, &question,
			  may(asked->daemon, asked->peer, &question, asked->rule, why), why);
}

enum bl_status asked_permit_intake(struct asked *asked, const struct device *device,
				   struct bl_error *why)
{
	struct may_question question = asked_question(asked, ACTION_INTAKE, device);

	return asked_told(
		asked, &question,
		may_take_in(asked->daemon, asked->peer, &question, device->kind, asked->rule, why),
		why);
}

enum bl_status asked_permit_by_role(struct asked *asked, enum bl_action action,
				    const struct device *device, struct bl_error *why)
{
	struct may_question question = asked_question(asked, action, device);

	return asked_told(asked, &question,
			  may_by_role(asked->daemon, asked->peer, &question, asked->rule, why),
			  why);
}

/* What is said of no device in particular; the event names the one that was asked about. */
static enum bl_status refuse_unknown(struct asked *asked, enum bl_action action,
				     const struct device *device, enum bl_status refused,
				     struct bl_error *why)
{
	struct may_question question = asked_question(asked, action, NULL);
	char rule[BL_RULE_ID_SIZE];
	struct bl_error refusal = {{0}};
	enum bl_status status = may(asked->daemon, asked->peer, &question, rule, &refusal);

	if (device) {
		question.device = device->id;
		if (asked_told(asked, &question, refused, why) != refused)
			return BL_LOG_BROKEN;
	} else if (asked_log(asked, AUDIT_ADMIN, NULL, bl_action_name(action), BL_FORBIDDEN, why) !=
		   BL_OK) {
		return BL_LOG_BROKEN;
	}
	/* Permitted of devices in general, and not of this one: then it is as if it were not there. */
	if (status == BL_OK)
		return bl_fail(why, BL_NOT_FOUND, "there is no such device for you: '%s'",
			       asked_text(asked, "device"));
	return bl_fail(why, status, "%s", refusal.text);
}

/* The device a request names, if the peer may do @action with it. Who may not learns not even whether it exists. */
enum bl_status asked_permitted_device(struct asked *asked, enum bl_action action,
				      struct device *out_device, struct bl_error *why)
{
	enum bl_status status = asked_device(asked, out_device, why);

	if (status == BL_NOT_FOUND)
		return refuse_unknown(asked, action, NULL, status, why);
	if (status != BL_OK)
		return status;
	struct may_question question = asked_question(asked, action, out_device);

	status = may(asked->daemon, asked->peer, &question, asked->rule, why);
	if (status == BL_FORBIDDEN && !knows(asked->daemon, asked->peer, &question))
		return refuse_unknown(asked, action, out_device, status, why);
	return asked_told(asked, &question, status, why);
}

/* Half of an answer must not end like a whole one. */
bool asked_goes_on(struct asked *asked)
{
	asked->is_client_gone |= atomic_load(&asked->daemon->is_stopping);
	return !asked->is_client_gone;
}

void asked_send(struct asked *asked, const char *name, json_t *item)
{
	BL_CLEANUP(json_decref) json_t *message = json_pack("{s:o}", name, item);

	/* A client that went away stops nothing that was begun. */
	if (!asked->is_client_gone)
		asked->is_client_gone =
			!message || message_send(asked->fd, message, -1, NULL) != BL_OK;
}

#define TEXT_PIECE ((size_t)48 << 10) /* every byte may take two in JSON */

/* The whole is UTF-8, and so must be every piece: none ends inside a character. */
static size_t piece_of(const char *text, size_t length)
{
	if (length <= TEXT_PIECE)
		return length;
	length = TEXT_PIECE;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

void asked_send_text(struct asked *asked, const char *text, size_t length)
{
	for (size_t at = 0, size; at < length && !asked->is_client_gone; at += size) {
		size = piece_of(text + at, length - at);
		asked_send(asked, "text", json_stringn(text + at, size));
	}
}

enum bl_status asked_permit_any(struct asked *asked, const enum bl_action *actions, size_t count,
				struct bl_error *why)
{
	char rule[BL_RULE_ID_SIZE];

	for (size_t i = 0; i + 1 < count; i++) {
		struct may_question question = asked_question(asked, actions[i], NULL);

		if (may(asked->daemon, asked->peer, &question, rule, NULL) == BL_OK) {
			memcpy(asked->rule, rule, sizeof(rule));
			return BL_OK;
		}
	}
	return asked_permit(asked, actions[count - 1], NULL, why);
}

enum bl_status asked_permitted_any(struct asked *asked, const enum bl_action *actions, size_t count,
				   struct device *out_device, struct bl_error *why)
{
	char rule[BL_RULE_ID_SIZE];
	enum bl_status status = asked_device(asked, out_device, NULL);

	for (size_t i = 0; status == BL_OK && i + 1 < count; i++) {
		struct may_question question = asked_question(asked, actions[i], out_device);

		if (may(asked->daemon, asked->peer, &question, rule, NULL) == BL_OK) {
			memcpy(asked->rule, rule, sizeof(rule));
			return BL_OK;
		}
	}
	return asked_permitted_device(asked, actions[count - 1], out_device, why);
}

void answer_moment(json_t *object, const char *key, const struct policy *policy, int64_t at_unix)
{
	char name[48], text[20];

	if (at_unix)
		rules_local_time(policy, at_unix, text);
	json_object_set_new(object, key, at_unix ? json_string(text) : json_null());
	snprintf(name, sizeof(name), "%s_unix", key);
	answer_number(object, name, at_unix);
}

json_t *hex_json(const uint8_t *bytes, size_t length)
{
	BL_CLEANUP(bl_free) char *text = malloc(2 * length + 1);

	if (!text)
		return NULL;
	sodium_bin2hex(text, 2 * length + 1, bytes, length);
	return json_string(text);
}

json_t *record_json(const struct audit_record *record)
{
	struct audit_record told = *record;
	uint64_t *const numbers[] = {&told.event.view,	 &told.event.session,
				     &told.event.offset, &told.event.bytes,
				     &told.event.handle, &told.event.policy_serial};
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);

	if (!memory)
		return NULL;
	/* None of ours is that large; a forged one must not keep the others from being told. */
	for (size_t i = 0; i < BL_COUNT(numbers); i++)
		*numbers[i] = BL_MIN(*numbers[i], (uint64_t)INT64_MAX);
	audit_print_json(memory, &told);
	fclose(memory);

	json_t *json = json_loads(text, 0, NULL);

	free(text);
	return json;
}

bool asked_is_privileged(const struct asked *asked)
{
	static const enum bl_action LOOKING[] = {ACTION_ADMINISTER, ACTION_REVIEW};
	char rule[BL_RULE_ID_SIZE];

	for (size_t i = 0; i < BL_COUNT(LOOKING); i++) {
		struct may_question question = {.action = LOOKING[i], .has_reason = true};

		if (may(asked->daemon, asked->peer, &question, rule, NULL) == BL_OK)
			return true;
	}
	return false;
}
