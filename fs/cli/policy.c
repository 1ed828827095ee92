#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "fs/cli/cli.h"
#include "fs/gate/gate.h"
#include "policy/rules/rules.h"

#define POLICY_TEXT_LIMIT 120000 /* fits one request */

/* Load and show what is wrong; -1 goes on with *out_policy, anything else is the exit code. */
static int load(const struct invocation *invocation, const char *path, struct policy **out_policy)
{
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	struct bl_error why = {{0}};

	if (!findings)
		return cli_fail(invocation, BL_NO_MEMORY, &why);

	enum bl_status status = rules_load(path, out_policy, findings, &why);

	if (status == BL_OK)
		return -1; /* warnings are policy check's to tell */
	if (findings->count)
		rules_print_findings(stderr, path, findings);
	if (status == BL_INVALID && findings->count)
		return bl_status_exit(status);
	return cli_fail(invocation, status == BL_NOT_FOUND ? BL_INVALID : status, &why);
}

/* ---- check ---------------------------------------------------------------------------------------- */

static json_t *findings_json(const struct rules_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct rules_finding *finding = &findings->items[i];

		json_array_append_new(
			list, json_pack("{s:s,s:i,s:i,s:s,s:s}", "severity",
					finding->severity == RULES_ERROR ? "error" : "warning",
					"line", (int)finding->line, "column", (int)finding->column,
					"text", finding->text, "fix", finding->fix));
	}
	return list;
}

static int policy_check(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy check",
					.usage = "policy check FILE [--strict] [--json]"};
	bool is_strict = false;
	const struct option_row rows[] = {{.name = "strict", .flag = &is_strict}};
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	if (!findings)
		return cli_fail(&invocation, BL_NO_MEMORY, &why);

	const char *path = invocation.arguments[0];
	enum bl_status status = rules_load(path, &policy, findings, &why);

	if (status != BL_OK && findings->count == 0)
		return cli_fail(&invocation, status == BL_NOT_FOUND ? BL_INVALID : status, &why);
	if (invocation.wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:b,s:o,s:I}", "ok", status == BL_OK, "findings",
					   findings_json(findings), "dropped",
					   (json_int_t)findings->dropped);

		cli_print_json(object);
	} else {
		rules_print_findings(stderr, path, findings);
		if (status == BL_OK)
			printf("ok: %s, serial %llu, %zu warnings\n", policy_name(policy),
			       (unsigned long long)policy_serial(policy), findings->count);
	}
	if (status != BL_OK)
		return bl_status_exit(BL_INVALID);
	return is_strict && findings->count ? bl_status_exit(BL_FAILED) : 0;
}

/* ---- test ------------------------------------------------------------------------------------------- */

static void tell_test(void *context, const struct rules_test_result *result)
{
	const struct invocation *invocation = context;

	if (invocation->wants_json) {
		BL_CLEANUP(json_decref)
		json_t *object = json_pack("{s:s,s:i,s:b,s:s}", "name", result->name, "line",
					   (int)result->line, "passed", result->has_passed, "text",
					   result->text);

		cli_print_json(object);
	} else if (!result->has_passed) {
		printf("failed  line %u: %s: %s\n", result->line, result->name, result->text);
	}
}

static int policy_test(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy test",
					.usage = "policy test FILE [--json]"};
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct bl_error why = {{0}};
	size_t passed = 0, failed = 0;
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 1, 1);

	if (code < 0)
		code = load(&invocation, invocation.arguments[0], &policy);
	if (code >= 0)
		return code;

	enum bl_status status = rules_test(policy, tell_test, &invocation, &passed, &failed);

	if (status != BL_OK && status != BL_FAILED)
		return cli_fail(&invocation, status, &why);
	if (passed + failed == 0) {
		bl_fail(&why, BL_FAILED,
			"'%s' has no tests: nothing was shown (add a section 'tests')",
			invocation.arguments[0]);
		return cli_fail(&invocation, BL_FAILED, &why);
	}
	if (!invocation.wants_json)
		printf("%zu passed, %zu failed\n", passed, failed);
	return bl_status_exit(status);
}

/* ---- explain ---------------------------------------------------------------------------------------- */

struct question {
	const char *as, *role, *device, *id, *kind, *size, *class, *purpose, *reason, *state;
	enum bl_action action;
	enum bl_class class_value;
	struct rules_device device_value;
	struct rules_facts facts;
};

static int take_words(const struct invocation *invocation, struct question *question)
{
	enum bl_device_kind device_kind;
	enum bl_file_kind file_kind;
	enum bl_device_state state;
	uint64_t size;

	question->device_value = (struct rules_device){.id = question->id, .kind = -1};
	question->facts = (struct rules_facts){.place = RULES_PLACE_UNKNOWN,
					       .kind = -1,
					       .size_bytes = -1,
					       .state = -1,
					       .is_log_writable = true};
	if (!bl_action_parse(invocation->arguments[1], &question->action))
		return cli_usage(
			invocation,
			"no such action (list stat read copy unmask hold release shred ...)");
	if (question->class && !bl_class_parse(question->class, &question->class_value))
		return cli_usage(invocation,
				 "--class names no class of personal data (email card phone ...)");
	if (question->action == ACTION_UNMASK && !question->class)
		return cli_usage(invocation,
				 "unmask needs --class: each class is decided on its own");
	if (question->device) {
		if (!bl_device_kind_parse(question->device, &device_kind))
			return cli_usage(
				invocation,
				"--device names no kind of device (phone laptop usb-stick ...)");
		question->device_value.kind = (int)device_kind;
	}
	if (question->kind) {
		if (!bl_file_kind_parse(question->kind, &file_kind))
			return cli_usage(invocation,
					 "--kind names no kind of file (text mail image ...)");
		question->facts.kind = (int)file_kind;
	}
	if (question->state) {
		if (!bl_device_state_parse(question->state, &state))
			return cli_usage(
				invocation,
				"--state names no state (received open closed held due ...)");
		question->facts.state = (int)state;
	}
	if (question->size) {
		if (!cli_parse_number(question->size, INT64_MAX, &size))
			return cli_usage(invocation, "--size needs bytes");
		question->facts.size_bytes = (int64_t)size;
	}
	return -1;
}

/* A person as the policy keys them: uid:N, a login (with what NSS knows of it), or one group:NAME. */
static enum bl_status find_person(const char *as, struct rules_caller *out_caller,
				  struct person **out_person, const char **out_group,
				  struct bl_error *why)
{
	uid_t uid =
		(uid_t)-2; /* nobody's: a login without an account here is known by its name only */
	gid_t gid = (gid_t)-2;

	if (strncmp(as, "group:", 6) == 0) {
		*out_group = as + 6;
		*out_caller =
			(struct rules_caller){.uid = uid, .groups = out_group, .group_count = 1};
		return BL_OK;
	}
	if (cli_find_uid(as, &uid, &gid, why) != BL_OK) {
		if (strncmp(as, "uid:", 4) == 0)
			return BL_INVALID;
		*out_caller = (struct rules_caller){.uid = uid, .login = as};
		return BL_OK;
	}
	enum bl_status status = person_lookup(uid, gid, out_person, why);

	if (status == BL_OK)
		*out_caller = person_caller(*out_person, uid);
	return status;
}

static int outcome_exit(enum rules_outcome outcome)
{
	static const int EXITS[] = {
		[RULES_PERMIT] = 0, [RULES_FORBID] = 3, [RULES_ASK] = 4, [RULES_WITHHOLD] = 3};

	return EXITS[outcome];
}

static void print_explained_json(const struct question *question,
				 const struct rules_subject *subject,
				 const struct rules_decision *decision)
{
	static const char *const OUTCOMES[] = {"permit", "forbid", "ask", "withhold"};
	char text[1024];

	rules_say(subject, &question->facts, question->action, decision, text, sizeof(text));
	BL_CLEANUP(json_decref)
	json_t *object =
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "outcome", OUTCOMES[decision->outcome],
			  "rule", decision->rule ? decision->rule : "", "text", text, "person",
			  rules_subject_person(subject), "roles", rules_subject_roles(subject),
			  "unknown", decision->is_unknown);

	cli_print_json(object);
}

static int explain(const struct invocation *invocation, struct question *question,
		   const struct policy *policy)
{
	BL_CLEANUP(person_free) struct person *person = NULL;
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	struct rules_circumstances circumstances = {.purpose = question->purpose,
						    .has_reason =
							    question->reason && *question->reason,
						    .now_unix = (int64_t)time(NULL),
						    .is_clock_trusted = true,
						    .role = question->role};
	struct rules_decision decision;
	struct bl_error why = {{0}};
	const char *group;
	enum bl_status status = BL_OK;

	if (question->as)
		status = find_person(question->as, &circumstances.caller, &person, &group, &why);
	if (status == BL_OK)
		status = rules_subject_new(policy, &circumstances, &subject, &why);
	if (status == BL_OK)
		status = rules_places_new(policy, &question->device_value, &places, &why);
	if (status == BL_OK && invocation->argument_count > 2)
		status =
			rules_places_walk(places, invocation->arguments[2], &question->facts.place);
	else if (status == BL_OK)
		question->facts.place = rules_places_root(places);
	if (status != BL_OK)
		return cli_fail(invocation, status, &why);
	question->facts.places = places;
	rules_decide(subject, &question->facts, question->action, question->class_value, &decision);
	if (invocation->wants_json)
		print_explained_json(question, subject, &decision);
	else
		rules_explain(stdout, subject, &question->facts, question->action,
			      question->class_value);
	return outcome_exit(decision.outcome);
}

static int policy_explain(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy explain",
					.usage = "policy explain FILE (--as PERSON | --role ROLE) "
						 "[--device KIND] [--id ID] [--kind FILEKIND] "
						 "[--size N] [--class C] [--purpose P] [--reason "
						 "TEXT] [--state S] ACTION [PATH]"};
	struct question question = {0};
	const struct option_row rows[] = {{.name = "as", .text = &question.as},
					  {.name = "role", .text = &question.role},
					  {.name = "device", .text = &question.device},
					  {.name = "id", .text = &question.id},
					  {.name = "kind", .text = &question.kind},
					  {.name = "size", .text = &question.size},
					  {.name = "class", .text = &question.class},
					  {.name = "purpose", .text = &question.purpose},
					  {.name = "reason", .text = &question.reason},
					  {.name = "state", .text = &question.state}};
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 2, 3);

	if (code < 0 && (question.as != NULL) == (question.role != NULL))
		return cli_usage(&invocation, "say who: --as PERSON or --role ROLE");
	if (code < 0 && invocation.argument_count > 2 && invocation.arguments[2][0] != '/')
		return cli_usage(&invocation,
				 "a path begins at the partition: /Users/kim/notes.txt");
	if (code < 0)
		code = take_words(&invocation, &question);
	if (code < 0)
		code = load(&invocation, invocation.arguments[0], &policy);
	return code < 0 ? explain(&invocation, &question, policy) : code;
}

/* ---- load ------------------------------------------------------------------------------------------- */

static int policy_load(int argc, char **argv)
{
	struct invocation invocation = {.command = "policy load",
					.usage = "policy load FILE [--reason TEXT]"};
	const char *reason = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = NULL, *answer = NULL;
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	BL_CLEANUP(bl_free) char *text = NULL;
	struct bl_error why = {{0}};
	size_t length;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code < 0)
		code = load(&invocation, invocation.arguments[0],
			    &policy); /* all findings here, with their lines */
	if (code >= 0)
		return code;

	enum bl_status status =
		cli_read_file(invocation.arguments[0], POLICY_TEXT_LIMIT, &text, &length, &why);

	if (status == BL_OK) {
		request = json_pack("{s:s,s:s}", "do", "policy-load", "text", text);
		cli_add_reason(request, reason);
		status = cli_call(&invocation, request, -1, NULL, NULL, &answer, &why);
	}
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json)
		cli_print_json(answer);
	else
		printf("in force: %s, serial %lld; every view has decided again\n",
		       cli_text(answer, "policy"), cli_number(answer, "policy_serial"));
	return 0;
}

int cmd_policy(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} VERBS[] = {{"check", policy_check},
		     {"test", policy_test},
		     {"explain", policy_explain},
		     {"load", policy_load}};
	struct invocation invocation = {
		.command = "policy",
		.usage = "policy check|test|explain|load FILE ... (--help after any)"};

	for (size_t i = 0; argc > 1 && i < BL_COUNT(VERBS); i++)
		if (strcmp(argv[1], VERBS[i].name) == 0)
			return VERBS[i].run(argc - 1, argv + 1);
	return cli_usage(&invocation, "what about the policy?");
}
