/* Reading the log: events, tables of them, and for auditors the sealed names that go with events. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fs/daemon/asked.h"
#include "fs/daemon/log-index.h"
#include "fs/daemon/message.h"
#include "fs/daemon/persons.h"
#include "fs/daemon/question.h"

#define PROGRESS_AFTER_MS 300
#define PROGRESS_EVERY_MS 200

struct querying {
	struct asked *asked;
	struct persons persons;
	int64_t begun_ms, told_ms;
	enum bl_status status;
};

/* A path is looked for with the device's own key: that is for whoever may review this device, as its names are. */
static enum bl_status permit_query(struct asked *asked, struct bl_error *why)
{
	struct device device;
	enum bl_status status = asked_permit(asked, ACTION_REVIEW, NULL, why);

	if (status != BL_OK || !asked_text(asked, "path") || !asked_text(asked, "device"))
		return status;
	return asked_permitted_device(asked, ACTION_REVIEW, &device, why);
}

/* What was asked, and of which device; never a path or a name. */
static enum bl_status log_query(struct asked *asked, const struct question *question,
				struct bl_error *why)
{
	char detail[64] = "log-query";

	if (question->is_table)
		snprintf(detail, sizeof(detail), "log-query %s", question_show(question));
	else if (question->wants_names)
		snprintf(detail, sizeof(detail), "log-query with names");
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

/* ---- answering ------------------------------------------------------------------------------------------- */

static bool tell(void *context, json_t *answer)
{
	struct querying *querying = context;
	BL_CLEANUP(json_decref) json_t *owned = answer;

	/* A slow reader must not hold up the stop. */
	if (atomic_load(&querying->asked->daemon->is_stopping))
		querying->status = BL_FAILED;
	else
		querying->status =
			owned ? message_send(querying->asked->fd, owned, -1, NULL) : BL_NO_MEMORY;
	return querying->status == BL_OK;
}

static const char *name_of(void *context, uint32_t uid)
{
	struct querying *querying = context;

	return persons_name(&querying->persons, uid);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool on_progress(void *context, uint64_t done, uint64_t all)
{
	struct querying *querying = context;
	int64_t now = now_ms();

	/* Then the index is not whole, and no answer of it is one. */
	if (atomic_load(&querying->asked->daemon->is_stopping))
		querying->status = BL_FAILED;
	if (querying->status != BL_OK || now - querying->begun_ms < PROGRESS_AFTER_MS ||
	    now - querying->told_ms < PROGRESS_EVERY_MS)
		return querying->status == BL_OK;
	querying->told_ms = now;
	return tell(querying, json_pack("{s:{s:s,s:I,s:I}}", "progress", "what", "index", "done",
					(json_int_t)done, "total", (json_int_t)all));
}

/* Without room, or with a disk that fails, there is no index; the answer is the same. NULL: without */
static struct audit_index *index_for(struct querying *querying, const struct question *question,
				     uint64_t up_to)
{
	struct asked *asked = querying->asked;
	struct audit_index *index = NULL;
	struct bl_error why = {{0}};

	if (!question_wants_index(question))
		return NULL;
	querying->begun_ms = now_ms();
	if (log_index_ready(asked->daemon, up_to, on_progress, querying, &index, &why) == BL_OK)
		return index;
	answer_text(asked->answer, "no_index", why.text);
	return NULL;
}

static enum bl_status answer(struct querying *querying, const struct question *question,
			     struct bl_error *why)
{
	struct asked *asked = querying->asked;
	const struct question_to to = {.tell = tell, .person = name_of, .context = querying};
	BL_CLEANUP(fd_close) int log_fd = -1;
	struct audit_state log;
	enum bl_status status = device_store_log(asked->daemon->store, &log_fd, why);

	audit_state(asked->daemon->audit, &log);
	struct question_from from = {
		.log_fd = log_fd, .up_to = log.durable_sequence, .log_id = log.log_id};

	if (status == BL_OK)
		from.index = index_for(querying, question, from.up_to);
	if (status == BL_OK && querying->status == BL_OK)
		status = question_answer(question, &from, &to, why);
	answer_text(asked->answer, "zone", question->zone_name);
	answer_number(asked->answer, "last_sequence", (int64_t)log.durable_sequence);
	/* What was cut short is not told to be all. */
	if (status == BL_OK && querying->status != BL_OK)
		status = bl_fail(why, querying->status, "%s",
				 atomic_load(&asked->daemon->is_stopping)
					 ? "the service stops: these are not all of them"
					 : "these are not all of them");
	return status;
}

enum bl_status request_log_query(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	BL_CLEANUP(question_done) struct question question = {0};
	struct querying querying = {.asked = asked};
	enum bl_status status =
		question_read(asked->request, policy_zone_name(policy), &question, why);

	if (status == BL_OK)
		status = permit_query(asked, why);
	if (status == BL_OK)
		status = log_query(asked, &question, why);
	if (status == BL_OK)
		status = find_path(asked, &question, why);
	if (status == BL_OK)
		status = find_person(asked, &question, why);
	if (status == BL_OK)
		status = answer(&querying, &question, why);
	persons_done(&querying.persons);
	return status;
}
