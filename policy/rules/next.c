/* What a person can do next, told; advice.c works it out. */
#include <string.h>

#include "policy/rules/advice.h"

#define EDGES_TRIED 64 /* of the hours, for "come back at": more than a week of any sane ones */

/* ---- told ---------------------------------------------------------------------------------- */

/* A device's number is repeated only to somebody who may see the device. */
static const char *id_for(const struct asked *asked)
{
	const struct rules_device *device =
		asked->facts->places ? places_device(asked->facts->places) : NULL;
	struct rules_decision decision;

	if (!device || !device->id || places_policy(asked->facts->places) != asked->subject->policy)
		return "ID";
	rules_decide(asked->subject, asked->facts, ACTION_LIST, 0, &decision);
	return decision.outcome == RULES_PERMIT ? device->id : "ID";
}

static bool may(const struct asked *asked, enum bl_action action)
{
	struct rules_decision decision;

	rules_decide(asked->subject, asked->facts, action, 0, &decision);
	return decision.outcome == RULES_PERMIT || decision.outcome == RULES_ASK;
}

/* The roles whose holders may do what is asked, as it is. */
static uint64_t roles_that_help(struct trial *trial)
{
	const struct policy *policy = trial->asked->subject->policy;
	uint64_t named = advice_roles(policy, trial->asked->action), roles = 0;

	for (size_t i = 0; i < policy->role_count; i++) {
		struct help help = {.role = policy->roles[i].name};

		if (named >> i & 1 && advice_helps(trial, &help))
			roles |= UINT64_C(1) << i;
	}
	return roles;
}

/* The same of another action. */
static uint64_t roles_that_may(const struct asked *asked, enum bl_action action)
{
	const struct asked other = {asked->subject, asked->facts, action, 0};
	struct trial trial = {.asked = &other, .left = advice_tries(asked->subject->policy)};
	return roles_that_help(&trial);
}

static void tell_consent(struct line *line, const struct trial *trial, const struct help *help)
{
	const struct asked *asked = trial->asked;
	bool is_withdrawn = !help->purpose && asked->facts->consent == CONSENT_WITHDRAWN;
	const char *purpose = advice_purpose(trial, help);
	uint64_t roles;

	line_add(line, is_withdrawn ? "consent was withdrawn: if the customer gives it again, "
				    : "if the customer consents, ");
	if (may(asked, ACTION_INTAKE)) {
		line_add(line, "record it: ");
	} else {
		roles = roles_that_may(asked, ACTION_INTAKE);
		line_add(line, "have it recorded");
		if (roles) {
			line_add(line, " by a holder of role ");
			line_add_roles(line, asked->subject->policy, roles, " or ");
		}
		line_add(line, ": ");
	}
	line_add(line, "bailee consent %s grant %s", id_for(asked), purpose);
}

static void tell_from(struct line *line, const struct policy *policy, const struct rule *rule)
{
	line_add(line, " by others who hold ");
	line_add_roles(line, policy, rule->approvals.from, " or ");
}

static void tell_request(struct line *line, const struct asked *asked, enum bl_action action)
{
	if (!advice_has_request(action))
		return;
	line_add(line, ": bailee request %s %s%s%s --reason TEXT", bl_action_name(action),
		 id_for(asked), action_is_of_contents(action) ? " [PATH]" : "",
		 action == ACTION_UNMASK ? " --class CLASS" : "");
}

static void tell_approved(struct line *line, const struct asked *asked, const struct rule *rule)
{
	enum bl_action action = advice_action(asked, rule);

	line_add(line, "have the %s approved", bl_action_name(action));
	tell_from(line, asked->subject->policy, rule);
	tell_request(line, asked, action);
}

/* All workplaces that would do in place of the one that was found. */
static void tell_workplaces(struct line *line, struct trial *trial, const struct choices *choices,
			    const struct help *help)
{
	const struct policy *policy = trial->asked->subject->policy;
	const char *before = "";

	for (size_t i = 0; i < policy->workplace_count; i++) {
		struct help other = *help;

		other.workplace = policy->workplaces[i].name;
		if (strcmp(other.workplace, help->workplace) != 0 &&
		    (!(choices->workplaces >> i & 1) || !advice_helps(trial, &other)))
			continue;
		line_add(line, "%s'%s'", before, other.workplace);
		before = " or ";
	}
}

static void begin_part(struct line *line, const char **between)
{
	line_add(line, "%s", *between);
	*between = "; ";
}

/* What the person can bring about, one thing after the other. */
static void tell_help(struct line *line, struct trial *trial, const struct choices *choices,
		      const struct help *help)
{
	const struct asked *asked = trial->asked;
	bool is_lapse_told = trial->decision->by == RULES_BY_LAPSED;
	const char *between = "";

	if (help->is_renewed) {
		begin_part(line, &between);
		line_add(line, "renew %s and have %s new last day put into the policy",
			 is_lapse_told ? "it" : asked->subject->lapses,
			 is_lapse_told ? "its" : "the");
	}
	if (help->at_unix) {
		char when[20];

		begin_part(line, &between);
		rules_local_time(asked->subject->policy, help->at_unix, when);
		line_add(line, "come back at %s", when);
	}
	if (help->workplace) {
		begin_part(line, &between);
		line_add(line, "do it at workplace ");
		tell_workplaces(line, trial, choices, help);
	}
	if (help->purpose) {
		begin_part(line, &between);
		line_add(line, "if it is so, state the purpose '%s'", help->purpose);
	}
	if (help->check != CHECK_NONE) {
		begin_part(line, &between);
		line_add(line, "check the caller: bailee caller %s verified --by %s --ticket T",
			 id_for(asked), bl_check_name(help->check));
	}
	if (help->is_consented) {
		begin_part(line, &between);
		tell_consent(line, trial, help);
	}
	if (help->approved) {
		begin_part(line, &between);
		tell_approved(line, asked, help->approved);
	}
	if (help->is_looked_through) {
		begin_part(line, &between);
		line_add(line, "try again when it has been looked through");
	}
}

/* Of somebody else it is told as what has to be so. */
static void tell_conditions(struct line *line, const struct help *help)
{
	if (help->purpose)
		line_add(line, " for the purpose '%s'", help->purpose);
	if (help->workplace)
		line_add(line, " at workplace '%s'", help->workplace);
	if (help->check != CHECK_NONE)
		line_add(line, " with the caller checked by %s", bl_check_name(help->check));
	if (help->is_consented)
		line_add(line, " with the customer's consent");
	if (help->approved)
		line_add(line, " with approvals");
	if (help->is_looked_through)
		line_add(line, " once it has been looked through");
}

/* Is it the condition of a permit that is met by this? Else its words say nothing about it. */
static bool is_by_condition(const struct help *help)
{
	return help->purpose || help->workplace || help->check != CHECK_NONE ||
	       help->is_consented || help->approved;
}

/* ", with a reason and 2 approvals": what it then still needs; and by which rule, in its own words. */
static void tell_rest(struct line *line, struct trial *trial, const struct help *help,
		      bool with_why)
{
	const struct rule *rules = trial->asked->subject->policy->rules;
	const struct rule *rule;
	struct advised then;

	if (!advice_decide(trial, help, &then) || then.decision.by != RULES_BY_RULE)
		return;
	rule = &rules[then.decision.rule_index];
	if (then.standing.unmet) {
		line_add(line, ", with ");
		say_needs(line, rule, &then.standing);
	}
	if (!with_why || !is_by_condition(help))
		return;
	line_add(line, " (rule '%s'", rule->id);
	line_add_why(line, rule->why);
	line_add(line, ")");
}

/* ---- one way after the other --------------------------------------------------------------- */

/* Does some permit name a role of theirs, even one that does not count now? */
static bool can_be_helped(const struct trial *trial)
{
	const struct rules_subject *subject = trial->asked->subject;

	return advice_roles(subject->policy, trial->asked->action) &
	       (subject->roles | subject->lapsed | subject->unsure);
}

/* The next moment at which hours or limits may turn. */
static int64_t next_edge(const struct asked *asked, int64_t at_unix)
{
	const struct policy *policy = asked->subject->policy;
	int64_t edge = subject_hours_edge(policy, at_unix);

	for (unsigned period = 0; period < PERIOD_COUNT && asked->facts->used; period++) {
		int64_t next;

		(void)rules_period_start(policy, (enum bl_period)period, asked->subject->now_unix,
					 &next);
		if (next > at_unix)
			edge = BL_MIN(edge, next);
	}
	return edge;
}

static bool next_hours(struct line *line, struct trial *trial, const struct choices *choices)
{
	const struct rules_subject *subject = trial->asked->subject;
	int64_t at = subject->now_unix;

	if (!subject->is_clock_trusted || !can_be_helped(trial))
		return false;
	for (unsigned i = 0; i < EDGES_TRIED; i++) {
		at = next_edge(trial->asked, at);
		if (at == INT64_MAX)
			return false;
		struct help help = {.at_unix = at};

		if (!advice_helps(trial, &help))
			continue;
		tell_help(line, trial, choices, &help);
		tell_rest(line, trial, &help, false);
		return true;
	}
	return false;
}

static bool next_thing(struct line *line, struct trial *trial, const struct choices *choices)
{
	const struct help as_it_is = {0};
	struct help help;

	if (!can_be_helped(trial) || !advice_find(trial, choices, &as_it_is, &help))
		return false;
	tell_help(line, trial, choices, &help);
	tell_rest(line, trial, &help, true);
	return true;
}

/* Who may do it just so. */
static bool next_role(struct line *line, struct trial *trial,
		      const struct choices *choices BL_UNUSED)
{
	uint64_t roles = roles_that_help(trial);

	if (!roles)
		return false;
	line_add(line, "ask a holder of role ");
	line_add_roles(line, trial->asked->subject->policy, roles, " or ");
	line_add(line, ", who may %s here", bl_action_name(trial->asked->action));
	return true;
}

/* Who may do it when something else is so, too. */
static bool next_role_and_thing(struct line *line, struct trial *trial,
				const struct choices *choices)
{
	const struct policy *policy = trial->asked->subject->policy;
	uint64_t named = advice_roles(policy, trial->asked->action);
	struct help best;
	bool is_found = false;

	for (size_t i = 0; i < policy->role_count; i++) {
		struct help base = {.role = policy->roles[i].name}, help;

		if (!(named >> i & 1) || !advice_find(trial, choices, &base, &help) ||
		    (is_found && advice_parts(&help) >= advice_parts(&best)))
			continue;
		best = help;
		is_found = true;
	}
	if (!is_found)
		return false;
	line_add(line, "ask a holder of role '%s', who may %s", best.role,
		 bl_action_name(trial->asked->action));
	tell_conditions(line, &best);
	tell_rest(line, trial, &best, false);
	return true;
}

/* Outside the hours, and something else is missing as well. */
static bool next_hours_and_thing(struct line *line, struct trial *trial,
				 const struct choices *choices)
{
	const struct rules_subject *subject = trial->asked->subject;
	int64_t at = subject->now_unix;

	if (!subject->is_clock_trusted || !can_be_helped(trial))
		return false;
	for (unsigned i = 0; i < EDGES_TRIED && trial->left; i++) {
		at = next_edge(trial->asked, at);
		if (at == INT64_MAX)
			return false;
		struct help base = {.at_unix = at}, help;

		if (!advice_find(trial, choices, &base, &help))
			continue;
		tell_help(line, trial, choices, &help);
		tell_rest(line, trial, &help, true);
		return true;
	}
	return false;
}

/* Two roles that are never held together give nothing: with one of them alone it may be different. */
static bool next_conflict(struct line *line, struct trial *trial,
			  const struct choices *choices BL_UNUSED)
{
	const struct policy *policy = trial->asked->subject->policy;
	uint64_t roles = 0;

	for (uint64_t todo = trial->asked->subject->conflicted; todo; todo &= todo - 1) {
		struct help help = {.freed = todo & -todo};

		if (advice_helps(trial, &help))
			roles |= help.freed;
	}
	if (!roles)
		return false;
	line_add(line, "have the policy give you only ");
	line_add_roles(line, policy, roles, " or ");
	line_add(line, " of the roles that are never held together");
	return true;
}

static void next_of_gate(struct line *line, const struct rules_facts *facts)
{
	if (!facts->is_log_writable)
		line_add(line, "tell whoever runs Bailee that its log cannot be written");
	else if (facts->state == STATE_DUE)
		line_add(line,
			 "a hold keeps it from being destroyed; it opens again only when its date "
			 "is put off");
	else if (facts->state == STATE_SHREDDED)
		line_add(line, "its certificate says when and how");
	else
		line_add(line, "try again");
}

/* ---- what a permit needs ------------------------------------------------------------------- */

/* Exactly what is missing, and how to get it. False when getting it would not help, or they cannot. */
static bool next_of_ask(struct line *line, struct trial *trial)
{
	const struct asked *asked = trial->asked;
	const struct rule *rule = &asked->subject->policy->rules[trial->decision->rule_index];
	const struct help as_it_is = {0};
	struct rule_standing standing;

	if (!say_stand(asked, trial->decision, &standing) || !standing.unmet ||
	    !advice_helps(trial, &as_it_is))
		return false;
	if (standing.unmet & PART_BIT(PART_REASON))
		line_add(line, "give a reason (--reason TEXT)");
	if (!(standing.unmet & PART_BIT(PART_APPROVALS)))
		return true;
	line_add(line, "%sask for ", standing.unmet & PART_BIT(PART_REASON) ? " and " : "");
	standing.unmet = PART_BIT(PART_APPROVALS);
	say_needs(line, rule, &standing);
	tell_from(line, asked->subject->policy, rule);
	tell_request(line, asked, advice_action(asked, rule));
	return true;
}

/*
 * The ways, the shortest first. Each has its own number of tries: a long one must not hide the next. That nobody may is only
 * said when all was tried that could be different here and now.
 */
static bool next_way(struct line *line, struct trial *trial, const struct choices *choices)
{
	static const struct {
		bool (*next)(struct line *line, struct trial *trial, const struct choices *choices);
		bool is_about_now;
	} ways[] = {
		{next_hours, false},	       {next_thing, true},
		{next_conflict, true},	       {next_role, true},
		{next_hours_and_thing, false}, {next_role_and_thing, true},
	};
	bool is_all_tried = true;

	for (size_t i = 0; i < BL_COUNT(ways); i++) {
		trial->left = advice_tries(trial->asked->subject->policy);
		if (ways[i].next(line, trial, choices))
			return true;
		is_all_tried &= trial->left > 0 || !ways[i].is_about_now;
	}
	if (!is_all_tried)
		line_add(line, "ask whoever keeps the policy; nothing that was tried would help");
	return !is_all_tried;
}

bool say_next(struct line *line, const struct asked *asked, const struct rules_decision *decision)
{
	struct trial trial = {asked, decision, advice_tries(asked->subject->policy)};
	struct choices choices;

	if (decision->outcome == RULES_PERMIT)
		return false;
	if (decision->by == RULES_BY_BASELINE) {
		line_add(line, "nothing; no policy can permit it");
		return true;
	}
	if (decision->by == RULES_BY_GATE) {
		next_of_gate(line, asked->facts);
		return true;
	}
	if (decision->outcome == RULES_ASK && next_of_ask(line, &trial))
		return true;
	advice_choices(&trial, decision, &choices);
	return next_way(line, &trial, &choices);
}
