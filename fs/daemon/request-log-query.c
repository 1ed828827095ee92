/* Reading the log: events, tables of them, and for auditors the sealed names that go with events. */
#include <time.h>

#include "fs/daemon/log-asking.h"
#include "fs/daemon/log-index.h"

#define PROGRESS_AFTER_MS 300
#define PROGRESS_EVERY_MS 200

struct querying {
	struct log_asking asking;
	int64_t begun_ms, told_ms;
};

/* ---- answering ------------------------------------------------------------------------------------------- */

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
	if (atomic_load(&querying->asking.asked->daemon->is_stopping))
		querying->asking.status = BL_FAILED;
	if (querying->asking.status != BL_OK || now - querying->begun_ms < PROGRESS_AFTER_MS ||
	    now - querying->told_ms < PROGRESS_EVERY_MS)
		return querying->asking.status == BL_OK;
	querying->told_ms = now;
	return log_asking_tell(&querying->asking,
			       json_pack("{s:{s:s,s:I,s:I}}", "progress", "what", "index", "done",
					 (json_int_t)done, "total", (json_int_t)all));
}

/* Without room, or with a disk that fails, there is no index; the answer is the same. NULL: without */
static struct audit_index *index_for(struct querying *querying, const struct question *question,
				     uint64_t up_to)
{
	struct asked *asked = querying->asking.asked;
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
	struct asked *asked = querying->asking.asked;
	const struct question_to to = {
		.tell = log_asking_tell, .person = log_asking_person, .context = &querying->asking};
	BL_CLEANUP(fd_close) int log_fd = -1;
	struct audit_state log;
	enum bl_status status = device_store_log(asked->daemon->store, &log_fd, why);

	audit_state(asked->daemon->audit, &log);
	struct question_from from = {
		.log_fd = log_fd, .up_to = log.durable_sequence, .log_id = log.log_id};

	if (status == BL_OK)
		from.index = index_for(querying, question, from.up_to);
	if (status == BL_OK && querying->asking.status == BL_OK)
		status = question_answer(question, &from, &to, why);
	answer_text(asked->answer, "zone", question->zone_name);
	answer_number(asked->answer, "last_sequence", (int64_t)log.durable_sequence);
	/* What was cut short is not told to be all. */
	if (status == BL_OK && querying->asking.status != BL_OK)
		status = bl_fail(why, querying->asking.status, "%s",
				 atomic_load(&asked->daemon->is_stopping)
					 ? "the service stops: these are not all of them"
					 : "these are not all of them");
	return status;
}

enum bl_status request_log_query(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	BL_CLEANUP(question_done) struct question question = {0};
	struct querying querying = {.asking = {.asked = asked}};
	enum bl_status status =
		question_read(asked->request, policy_zone_name(policy), &question, why);

	if (status == BL_OK)
		status = log_asking_permit(asked, why);
	if (status == BL_OK)
		status = log_asking_log(asked, "log-query", &question, why);
	if (status == BL_OK)
		status = log_asking_find(asked, &question, why);
	if (status == BL_OK)
		status = answer(&querying, &question, why);
	persons_done(&querying.asking.persons);
	return status;
}
