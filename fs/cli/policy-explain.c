#include "fs/cli/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/gate/gate.h"

/* Somebody who has no account here has no uid: one from the end, which no account has. */
#define UID_WITHOUT_ACCOUNT ((uid_t)-2)
#define GIVERS_LIMIT	    32

/* Somebody as the policy keys them: uid:N, a login (with what NSS knows of it), or one group:NAME. */
struct somebody {
	struct person *person;
	const char *group;
	struct rules_caller caller; /* points into the rest */
};

static void somebody_done(struct somebody *somebody)
{
	person_free(somebody->person);
	somebody->person = NULL;
}

static enum bl_status find(const char *name, uid_t without_account, struct somebody *out,
			   struct bl_error *why)
{
	uid_t uid = without_account;
	gid_t gid = (gid_t)-2;

	out->person = NULL;
	if (strncmp(name, "group:", 6) == 0) {
		out->group = name + 6;
		out->caller =
			(struct rules_caller){.uid = uid, .groups = &out->group, .group_count = 1};
		return BL_OK;
	}
	if (cli_find_uid(name, &uid, &gid, why) != BL_OK) {
		if (strncmp(name, "uid:", 4) == 0)
			return BL_INVALID;
		out->caller = (struct rules_caller){.uid = uid, .login = name};
		return BL_OK;
	}

	enum bl_status status = person_lookup(uid, gid, &out->person, why);

	if (status == BL_OK)
		out->caller = person_caller(out->person, uid);
	return status;
}

/* ---- approvals --------------------------------------------------------------------------------------- */

struct approvals {
	struct rules_approval given[GIVERS_LIMIT];
	size_t count;
};

static enum bl_status approve(const struct policy *policy, const struct policy_question *question,
			      const char *name, struct approvals *approvals, struct bl_error *why)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *giver = NULL;
	bool is_asker = question->as && strcmp(name, question->as) == 0;
	uid_t without_account = UID_WITHOUT_ACCOUNT - (is_asker ? 0 : 1 + (uid_t)approvals->count);
	struct somebody somebody;

	if (approvals->count == GIVERS_LIMIT)
		return bl_fail(why, BL_INVALID, "--approvals takes at most %d people",
			       GIVERS_LIMIT);

	enum bl_status status = find(name, without_account, &somebody, why);
	const struct rules_circumstances circumstances = {.caller = somebody.caller,
							  .now_unix = question->now_unix,
							  .is_clock_trusted = true};

	if (status == BL_OK)
		status = rules_subject_new(policy, &circumstances, &giver, why);
	if (status == BL_OK)
		approvals->given[approvals->count++] =
			(struct rules_approval){.giver = somebody.caller.uid,
						.roles = rules_subject_role_bits(giver),
						.given_unix = question->now_unix,
						.action = RULES_ANY,
						.class = RULES_ANY};
	somebody_done(&somebody);
	return status;
}

static enum bl_status take_approvals(const struct policy *policy, struct policy_question *question,
				     struct approvals *approvals, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (!question->approvals)
		return BL_OK;

	BL_CLEANUP(bl_free) char *names = strdup(question->approvals);
	char *rest = names;

	if (!names)
		return BL_NO_MEMORY;
	for (char *name; status == BL_OK && (name = strsep(&rest, ","));)
		status = approve(policy, question, name, approvals, why);
	question->facts.approvals = approvals->given;
	question->facts.approval_count = approvals->count;
	return status;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static int outcome_exit(enum rules_outcome outcome)
{
	static const enum bl_status STATUS[] = {[RULES_PERMIT] = BL_OK,
						[RULES_FORBID] = BL_FORBIDDEN,
						[RULES_ASK] = BL_ASK,
						[RULES_WITHHOLD] = BL_WITHHELD};

	return bl_status_exit(STATUS[outcome]);
}

static json_t *shown_json(const struct policy *policy, const uint8_t styles[CLASS_LIMIT])
{
	json_t *shown = json_object();

	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (policy_detects(policy) & CLASS_BIT(class))
			json_object_set_new(shown, policy_class_name(policy, class),
					    json_string(bl_style_name(styles[class])));
	return shown;
}

static void print_json(const struct policy *policy, const struct policy_question *question,
		       const struct rules_subject *subject, const struct rules_decision *decision)
{
	static const char *const OUTCOMES[] = {"permit", "forbid", "ask", "withhold"};
	BL_CLEANUP(bl_free) char *story = NULL;
	uint8_t styles[CLASS_LIMIT];
	char text[1024];
	size_t length = 0;
	FILE *out = open_memstream(&story, &length);

	if (out) {
		rules_explain(out, subject, &question->facts, question->action,
			      question->class_value);
		fclose(out);
	}
	rules_say(subject, &question->facts, question->action, decision, text, sizeof(text));
	BL_CLEANUP(json_decref)
	json_t *object =
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:s}", "outcome", OUTCOMES[decision->outcome],
			  "rule", decision->rule ? decision->rule : "", "text", text, "person",
			  rules_subject_person(subject), "roles", rules_subject_roles(subject),
			  "unknown", decision->is_unknown, "explanation", story ? story : "");
	if (decision->outcome == RULES_PERMIT &&
	    (question->action == ACTION_READ || question->action == ACTION_COPY)) {
		rules_shows(subject, &question->facts, question->action, styles);
		json_object_set_new(object, "shows", shown_json(policy, styles));
	}
	cli_print_json(object);
}

static enum bl_status begin(const struct policy *policy, struct policy_question *question,
			    struct rules_subject **out_subject, struct rules_places **out_places,
			    struct bl_error *why)
{
	struct somebody somebody = {.caller = {.uid = UID_WITHOUT_ACCOUNT}};
	enum bl_status status =
		question->as ? find(question->as, UID_WITHOUT_ACCOUNT, &somebody, why) : BL_OK;
	const struct rules_circumstances circumstances = {.caller = somebody.caller,
							  .purpose = question->purpose,
							  .workplace = question->where,
							  .has_reason = question->reason &&
									*question->reason,
							  .now_unix = question->now_unix,
							  .is_clock_trusted = true,
							  .role = question->role};

	if (status == BL_OK)
		status = rules_subject_new(policy, &circumstances, out_subject, why);
	if (status == BL_OK)
		status = rules_places_new(policy, &question->device_value, out_places, why);
	if (status == BL_OK && question->path)
		status = rules_places_walk(*out_places, question->path, &question->facts.place);
	question->facts.places = *out_places;
	somebody_done(&somebody);
	return status;
}

static int explain(const struct invocation *invocation, const struct policy *policy,
		   struct policy_question *question)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	struct approvals approvals = {.count = 0};
	struct rules_decision decision;
	struct bl_error why = {{0}};
	enum bl_status status = begin(policy, question, &subject, &places, &why);

	if (status == BL_OK)
		status = take_approvals(policy, question, &approvals, &why);
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	rules_decide(subject, &question->facts, question->action, question->class_value, &decision);
	if (invocation->wants_json)
		print_json(policy, question, subject, &decision);
	else
		rules_explain(stdout, subject, &question->facts, question->action,
			      question->class_value);
	return outcome_exit(decision.outcome);
}

int policy_explain(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "policy explain",
		.usage = "policy explain FILE (--as PERSON | --role ROLE) ACTION [PATH] "
			 "[--device KIND] [--id ID] [--state S] [--kind FILEKIND] [--size 5M] "
			 "[--has CLASS,...|unknown] [--class C] [--where WORKPLACE] "
			 "[--at 'YYYY-MM-DD HH:MM'] [--purpose P] [--consent granted|withdrawn] "
			 "[--caller-verified one-factor|two-factor] [--reason TEXT] "
			 "[--approvals PERSON,...] [--used 'files=200 per hour,...'] [--json]"};
	struct policy_question question = {.now_unix = (int64_t)time(NULL),
					   .device_value = {.kind = -1},
					   .facts = {.place = RULES_PLACE_UNKNOWN,
						     .kind = -1,
						     .size_bytes = -1,
						     .state = -1,
						     .is_log_writable = true}};
	const struct option_row rows[] = {
		{.name = "as", .text = &question.as},
		{.name = "role", .text = &question.role},
		{.name = "device", .text = &question.device},
		{.name = "id", .text = &question.id},
		{.name = "state", .text = &question.state},
		{.name = "kind", .text = &question.kind},
		{.name = "size", .text = &question.size},
		{.name = "has", .text = &question.has},
		{.name = "class", .text = &question.class},
		{.name = "where", .text = &question.where},
		{.name = "at", .text = &question.at},
		{.name = "purpose", .text = &question.purpose},
		{.name = "consent", .text = &question.consent},
		{.name = "caller-verified", .text = &question.caller_verified},
		{.name = "reason", .text = &question.reason},
		{.name = "approvals", .text = &question.approvals},
		{.name = "used", .text = &question.used}};
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 3);

	if (code >= 0)
		return code;
	question.file = invocation.arguments[0];
	question.path = invocation.argument_count > 2 ? invocation.arguments[2] : NULL;
	question.device_value.id = question.id;
	if ((question.as != NULL) == (question.role != NULL))
		return cli_usage(&invocation, "say who: --as PERSON or --role ROLE");
	if (!bl_action_parse(invocation.arguments[1], &question.action))
		return cli_usage(&invocation,
				 "no such action (list stat read copy unmask hold release ...)");
	code = policy_open(&invocation, question.file, &policy);
	if (code < 0)
		code = policy_take_facts(&invocation, policy, &question);
	return code < 0 ? explain(&invocation, policy, &question) : code;
}
