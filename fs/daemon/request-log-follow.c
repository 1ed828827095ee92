/* Following the log: events as they become durable, until the client has enough of it, or may no longer. */
#include <stdio.h>
#include <time.h>

#include "fs/daemon/log-asking.h"
#include "fs/daemon/log-index.h"

#define IDLE_MS	  2000	/* a client that hears nothing for so long is told that there is nothing */
#define WAIT_MS	  250	/* a stop of the service waits no longer for who follows */
#define PERMIT_MS 60000 /* roles lapse, and hours of work end, without another policy */

struct following {
	struct log_asking asking;
	struct audit *audit;
	struct question_follower *follower;
	uint64_t seen; /* told up to here */
	int64_t told_ms, permitted_ms;
	struct policy *policy; /* that permitted it last */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool tell(void *context, json_t *answer)
{
	struct following *following = context;

	following->told_ms = now_ms();
	return log_asking_tell(&following->asking, answer);
}

static const char *person(void *context, uint32_t uid)
{
	struct following *following = context;

	return log_asking_person(&following->asking, uid);
}

/* ---- may it go on? ----------------------------------------------------------------------------------------- */

static bool is_new_policy(struct following *following)
{
	struct policy *policy = gate_policy(following->asking.asked->daemon->gate);
	bool is_new = policy != following->policy;

	policy_unref(following->policy);
	following->policy = policy;
	return is_new;
}

static enum bl_status permit_again(struct following *following, struct bl_error *why)
{
	int64_t now = now_ms();

	if (!is_new_policy(following) && now - following->permitted_ms < PERMIT_MS)
		return BL_OK;
	following->permitted_ms = now;
	return log_asking_permit(following->asking.asked, why);
}

static enum bl_status check(struct following *following, struct bl_error *why)
{
	if (atomic_load(&following->asking.asked->daemon->is_stopping))
		return bl_fail(why, BL_FAILED, "the service stops");
	if (!audit_is_writable(following->audit))
		return bl_fail(why, BL_LOG_BROKEN,
			       "the log takes no events any more: nothing will come (see bailee "
			       "status)");
	return permit_again(following, why);
}

/* ---- what there is, and what comes -------------------------------------------------------------------------- */

/* What was asked for of what is there already; without an index it only takes longer. */
static enum bl_status tell_past(struct following *following, const struct question *question,
				struct question_from *from, const struct question_to *to,
				struct bl_error *why)
{
	struct daemon *daemon = following->asking.asked->daemon;

	if (!question->query.last && question->query.since_unix == INT64_MIN)
		return BL_OK;
	from->up_to = following->seen;
	if (!question_wants_index(question) ||
	    log_index_ready(daemon, from->up_to, NULL, NULL, &from->index, NULL) != BL_OK)
		from->index = NULL;
	return question_answer(question, from, to, why);
}

static enum bl_status go_on(struct following *following, struct bl_error *why)
{
	enum bl_status status = check(following, why);

	while (status == BL_OK && following->asking.status == BL_OK) {
		uint64_t durable = audit_wait(following->audit, following->seen, WAIT_MS);

		status = check(following, why);
		if (status == BL_OK && durable > following->seen)
			status = question_follow_next(following->follower, durable, why);
		following->seen = durable;
		if (status == BL_OK && now_ms() - following->told_ms >= IDLE_MS)
			(void)tell(following, json_pack("{s:I}", "idle", (json_int_t)durable));
	}
	return status;
}

static enum bl_status follow(struct following *following, const struct question *question,
			     struct bl_error *why)
{
	struct asked *asked = following->asking.asked;
	const struct question_to to = {.tell = tell, .person = person, .context = following};
	BL_CLEANUP(fd_close) int log_fd = -1;
	struct audit_state log;
	enum bl_status status = device_store_log(asked->daemon->store, &log_fd, why);

	audit_state(following->audit, &log);
	struct question_from from = {.log_fd = log_fd, .log_id = log.log_id};
	int64_t from_event = asked_number(asked, "from_event", 0);

	following->seen = log.durable_sequence;
	if (status == BL_OK && !from_event)
		status = tell_past(following, question, &from, &to, why);
	if (!from_event)
		from_event = (int64_t)following->seen + 1;
	else
		following->seen = BL_MIN(following->seen, (uint64_t)from_event - 1);
	if (status == BL_OK)
		status = question_follow_open(question, &from, &to, (uint64_t)from_event,
					      &following->follower, why);
	/* At once: nothing is there, or up to here everything was told. */
	if (status == BL_OK)
		(void)tell(following, json_pack("{s:I}", "idle", (json_int_t)following->seen));
	if (status == BL_OK)
		status = go_on(following, why);
	question_follow_close(following->follower);
	return status == BL_OK ? bl_fail(why, following->asking.status, "nobody listens") : status;
}

static enum bl_status follow_in_seat(struct following *following, struct question *question,
				     struct bl_error *why)
{
	struct asked *asked = following->asking.asked;
	enum bl_status status = log_asking_log(asked, "log-follow", question, why);

	if (status == BL_OK)
		status = log_asking_find(asked, question, why);
	if (status == BL_OK)
		status = follow(following, question, why);
	return status;
}

enum bl_status request_log_follow(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(question_done) struct question question = {0};
	struct following following = {.asking = {.asked = asked},
				      .audit = asked->daemon->audit,
				      .permitted_ms = now_ms()};
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	enum bl_status status =
		question_read(asked->request, policy_zone_name(policy), &question, why);

	if (status == BL_OK)
		status = log_asking_permit(asked, why);
	if (status == BL_OK)
		status = control_take_seat(asked->daemon, asked->fd, SEAT_FOLLOW, why);
	if (status != BL_OK)
		return status;
	status = follow_in_seat(&following, &question, why);
	control_leave_seat(asked->daemon, asked->fd);
	policy_unref(following.policy);
	persons_done(&following.asking.persons);
	return status;
}
