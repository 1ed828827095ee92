#include "fs/daemon/log-asking.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "fs/daemon/message.h"

/* A path is looked for with the device's own key: that is for whoever may review this device, as its names are. */
enum bl_status log_asking_permit(struct asked *asked, struct bl_error *why)
{
	struct device device;
	enum bl_status status = asked_permit(asked, ACTION_REVIEW, NULL, why);

	if (status != BL_OK || !asked_text(asked, "path") || !asked_text(asked, "device"))
		return status;
	return asked_permitted_device(asked, ACTION_REVIEW, &device, why);
}

enum bl_status log_asking_log(struct asked *asked, const char *what,
			      const struct question *question, struct bl_error *why)
{
	char detail[64];

	snprintf(detail, sizeof(detail), "%s", what);
	if (question->is_table)
		snprintf(detail, sizeof(detail), "%s %s", what, question_show(question));
	else if (question->wants_names)
		snprintf(detail, sizeof(detail), "%s with names", what);
	return asked_log(asked, AUDIT_ADMIN, question->query.device, detail, BL_OK, why);
}

/* Equal paths have equal tokens, as long as the device's key is there: one may look for what one knows. */
static enum bl_status find_path(const struct asked *asked, struct question *question,
				struct bl_error *why)
{
	const char *path = asked_text(asked, "path");
	const char *device = question->query.device;
	uint8_t key[VAULT_KEY];

	if (!path)
		return BL_OK;
	while (*path == '/')
		path++;
	if (vault_device_key(device_store_vault(asked->daemon->store), device, VAULT_LOG_NAMES, key,
			     NULL) != BL_OK)
		return bl_fail(
			why, BL_NOT_FOUND,
			"device '%s' has no key of its names any more: nothing tells which path "
			"was which",
			device);
	audit_token(key, path, strlen(path), question->token);
	sodium_memzero(key, sizeof(key));
	question->query.token = question->token;
	return BL_OK;
}

static enum bl_status find_person(const struct asked *asked, struct question *question,
				  struct bl_error *why)
{
	const char *person = asked_text(asked, "person");
	uint32_t *uids = NULL;
	size_t count = 0;

	if (!person)
		return BL_OK;
	enum bl_status status = persons_find(person, &uids, &count, why);

	if (status == BL_OK)
		question_person(question, uids, count);
	return status;
}

enum bl_status log_asking_find(const struct asked *asked, struct question *question,
			       struct bl_error *why)
{
	enum bl_status status = find_path(asked, question, why);

	return status == BL_OK ? find_person(asked, question, why) : status;
}

/* ---- telling ----------------------------------------------------------------------------------------------- */

bool log_asking_tell(void *context, json_t *answer)
{
	struct log_asking *asking = context;
	BL_CLEANUP(json_decref) json_t *owned = answer;

	/* A slow reader must not hold up the stop. */
	if (atomic_load(&asking->asked->daemon->is_stopping))
		asking->status = BL_FAILED;
	else
		asking->status =
			owned ? message_send(asking->asked->fd, owned, -1, NULL) : BL_NO_MEMORY;
	return asking->status == BL_OK;
}

const char *log_asking_person(void *context, uint32_t uid)
{
	struct log_asking *asking = context;

	return persons_name(&asking->persons, uid);
}
