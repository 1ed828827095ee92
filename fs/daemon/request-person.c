/* What people ask of themselves, and of who may do what: may, people, and why an event ended as it did. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/daemon/asked.h"

/* ---- may ---------------------------------------------------------------------------------------- */

static bool send_line(void *context, const struct gate_may_line *line)
{
	struct asked *asked = context;
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	json_t *item = json_object();
	char until[20] = "";

	if (line->until_unix != INT64_MAX)
		rules_local_time(policy, line->until_unix, until);
	json_object_set_new(item, "device", line->device ? json_string(line->device) : json_null());
	answer_text(item, "action", bl_action_name(line->action));
	answer_text(item, "outcome", line->outcome);
	answer_text(item, "rule", line->rule);
	answer_text(item, "text", line->text);
	answer_text(item, "until", until);
	answer_text(item, "limits", line->limits);
	asked_send(asked, "may", item);
	return !asked->is_client_gone;
}

enum bl_status request_may(struct asked *asked, struct bl_error *why)
{
	const char *purpose = asked_text(asked, "purpose"), *reason = asked_text(asked, "reason");
	BL_CLEANUP(bl_free) char *lapsed = lapsed_roles(asked->daemon, asked->peer);
	enum bl_status status = asked_log(asked, AUDIT_WHY, NULL, "may", BL_OK, why);

	if (status != BL_OK)
		return status;
	answer_text(asked->answer, "lapsed", lapsed ? lapsed : "");
	return gate_may(asked->daemon->gate, asked->peer->uid, asked->peer->gid, purpose,
			reason && *reason, send_line, asked, why);
}

/* ---- people ------------------------------------------------------------------------------------- */

static const char *const STANDINGS[] = {
	[STANDING_COUNTS] = "counts",
	[STANDING_LAPSED] = "lapsed",
	[STANDING_NOT_RECORDED] = "not recorded",
	[STANDING_CONFLICT] = "conflict",
};

struct standing {
	struct asked *asked;
	const struct policy *policy;
	json_t *list; /* NULL: send each */
	int64_t now_unix;
};

static json_t *standing_json(const struct standing *standing,
			     const struct rules_role_standing *role)
{
	json_t *item = json_object();
	char until[20] = "";

	if (role->lapses_unix != INT64_MAX && role->standing != STANDING_NOT_RECORDED)
		rules_local_time(standing->policy, role->lapses_unix - 1, until);
	answer_text(item, "person", role->person);
	answer_text(item, "role", role->role);
	answer_text(item, "standing", STANDINGS[role->standing]);
	json_object_set_new(item, "requirement",
			    role->requirement ? json_string(role->requirement) : json_null());
	until[10] = '\0'; /* the day: through it the role counts */
	answer_text(item, "until", until);
	return item;
}

static bool send_standing(void *context, const struct rules_role_standing *role)
{
	struct standing *standing = context;

	asked_send(standing->asked, "role", standing_json(standing, role));
	return !standing->asked->is_client_gone;
}

enum bl_status request_people(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct standing standing = {asked, policy, NULL, daemon_now(asked->daemon)};
	enum bl_status status =
		asked_is_privileged(asked) ? BL_OK : asked_permit(asked, ACTION_REVIEW, NULL, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, NULL, "people", BL_OK, why);
	if (status != BL_OK)
		return status;
	rules_each_role(policy, standing.now_unix, send_standing, &standing);
	return BL_OK;
}

#define LAPSES_TOLD 100 /* status is one message */

/* Lapsed, or about to: what whoever keeps the policy should look at now. */
static bool add_lapse(void *context, const struct rules_role_standing *role)
{
	struct standing *standing = context;
	int64_t soon = standing->now_unix + RULES_WARN_DAYS * INT64_C(86400);

	if (role->standing != STANDING_COUNTS || role->lapses_unix <= soon)
		json_array_append_new(standing->list, standing_json(standing, role));
	return json_array_size(standing->list) < LAPSES_TOLD;
}

json_t *people_lapses(const struct policy *policy, int64_t now_unix)
{
	struct standing standing = {.policy = policy, .list = json_array(), .now_unix = now_unix};

	rules_each_role(policy, standing.now_unix, add_lapse, &standing);
	return standing.list;
}

/* ---- why an event ------------------------------------------------------------------------------- */

struct search {
	uint64_t sequence;
	struct audit_record record;
	bool is_found;
};

static bool look(void *context, const struct audit_record *record)
{
	struct search *search = context;

	if (record->sequence == search->sequence) {
		search->record = *record;
		search->is_found = true;
	}
	return record->sequence < search->sequence;
}

static enum bl_status find_event(const struct asked *asked, struct search *search,
				 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int log_fd = -1;
	enum bl_status status = device_store_log(asked->daemon->store, &log_fd, why);

	if (status != BL_OK)
		return status;
	/* Everybody may ask, again and again: not for the price of the whole log. */
	return audit_scan_from(log_fd, search->sequence, look, search, why);
}

/* What the log says of it may be more than its person may know: that there was something, and which rule hides it. */
static bool is_hidden(const struct asked *asked, const struct audit_event *event)
{
	const struct may_question question = {.device = event->device};

	if (asked_is_privileged(asked))
		return false;
	return event->error_number == ENOENT ||
	       (event->verdict != AUDIT_PERMITTED && event->device[0] &&
		!knows(asked->daemon, asked->peer, &question));
}

/* Rules that no policy holds. */
const char *builtin_why(const char *rule)
{
	static const struct {
		const char *rule, *why;
	} WHYS[] = {
		{"builtin/not-anchored", "The log had not been anchored for longer than the policy "
					 "allows, and so contents were "
					 "closed to everybody. Next: whoever runs the service "
					 "mends its anchors (bailee status)."},
		{"builtin/one-view-one-person",
		 "A view answers its own person only. Next: open one of your own."},
		{"builtin/unscanned", "It could not be looked through for personal data, or not "
				      "all of it yet. Next: open it "
				      "again, or ask for a safe copy when renditions are there."},
		{"builtin/read-only", "Nothing can be changed through Bailee."},
		{"builtin/too-many-views", "Too many views were open. Next: close some."},
		{RULE_KERNEL, "This machine's kernel does not keep views apart, or nobody knows. "
			      "Next: whoever runs the service asks bailee doctor."},
		{RULE_MANY_INTAKES, "Too many intakes were under way. Next: wait for one to end."},
	};

	for (size_t i = 0; i < BL_COUNT(WHYS); i++)
		if (strcmp(WHYS[i].rule, rule) == 0)
			return WHYS[i].why;
	return NULL;
}

static void answer_event(struct asked *asked, const struct audit_record *record)
{
	static const struct audit_event hidden = {.verdict = AUDIT_DENIED};
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	bool hides = is_hidden(asked, &record->event);
	const struct audit_event *event = hides ? &hidden : &record->event;
	const char *words = policy_rule_why(policy, event->rule);
	bool is_current = record->event.policy_serial == policy_serial(policy);
	char when[20];

	rules_local_time(policy, record->realtime_ns / 1000000000, when);
	answer_number(asked->answer, "event", (int64_t)record->sequence);
	answer_text(asked->answer, "when", when);
	answer_text(asked->answer, "op", audit_op_name(record->event.op));
	answer_text(asked->answer, "verdict", audit_verdict_name(event->verdict));
	answer_text(asked->answer, "device", event->device);
	answer_text(asked->answer, "rule", event->rule);
	answer_text(asked->answer, "why",
		    hides		       ? "There is nothing of that name that you may list."
		    : words		       ? words
		    : builtin_why(event->rule) ? builtin_why(event->rule)
					       : "");
	json_object_set_new(asked->answer, "policy_in_force", json_boolean(is_current));
}

/* Nobodies are many, and each is somebody else. */
static bool is_theirs(const struct asked *asked, const struct audit_record *record)
{
	return (record->event.uid == asked->peer->uid &&
		asked->peer->uid != gate_nobody(asked->daemon->gate)) ||
	       asked_is_privileged(asked);
}

enum bl_status request_why_event(struct asked *asked, struct bl_error *why)
{
	struct search search = {.sequence = (uint64_t)asked_number(asked, "event", 0)};
	enum bl_status status = asked_log(asked, AUDIT_WHY, NULL, "an event", BL_OK, why);

	if (status == BL_OK)
		status = find_event(asked, &search, why);
	if (status != BL_OK)
		return status;
	/* Somebody else's events are as if they were not there. */
	if (!search.is_found || !is_theirs(asked, &search.record))
		return bl_fail(why, BL_NOT_FOUND, "there is no event %llu of yours",
			       (unsigned long long)search.sequence);
	answer_event(asked, &search.record);
	return BL_OK;
}
