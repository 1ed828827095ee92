/* What would help: tried with the code that decides, then told. Nothing is said that was not seen to help. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/say.h"

#define EDGES_TRIED 64 /* of the hours, for "come back at": more than a week of any sane ones */
#define DECISIONS_TRIED                                                                            \
	600 /* for one advice: a policy with a thousand rules takes no longer than a blink */
#define CHOICES	     8 /* purposes, and permits of what may be approved */
#define GIVERS_TRIED 64

/* ---- what could be different --------------------------------------------------------------- */

/* Several things at once; zeroed: all as it is. */
struct help {
	const char *role;	     /* somebody else asks, who holds just this */
	const char *purpose;	     /* is stated */
	const char *workplace;	     /* the question comes from there */
	const struct rule *approved; /* its approvals are given, and its reason */
	enum bl_check check;	     /* of the caller */
	bool is_consented;	     /* consent is on record, for the purpose */
	bool is_renewed;	     /* lapsed roles count again */
	bool is_looked_through;	     /* and nothing more was found */
	int64_t at_unix;	     /* asked then; 0: now */
};

struct trial {
	const struct asked *asked;
	unsigned left; /* of DECISIONS_TRIED */
};

static const char *purpose_of(const struct trial *trial, const struct help *help)
{
	return help->purpose ? help->purpose : trial->asked->subject->purpose;
}

/* What is used up begins anew with the hour and the day. */
static void renew_limits(const struct rules_subject *subject, int64_t at_unix,
			 struct rules_used *used)
{
	for (unsigned period = 0; period < PERIOD_COUNT; period++) {
		int64_t next;

		(void)rules_period_start(subject->policy, (enum bl_period)period, subject->now_unix,
					 &next);
		for (unsigned unit = 0; unit < UNIT_COUNT && at_unix >= next; unit++)
			used->amount[unit][period] = 0;
	}
}

/* The approvals there are, and all that @rule asks for besides: by anybody but who asks. */
static struct rules_approval *give_approvals(const struct rules_subject *subject,
					     const struct rule *rule, struct rules_facts *facts)
{
	size_t there = facts->approval_count, count = rule->approvals.count;
	struct rules_approval *approvals;

	if (count > GIVERS_TRIED)
		return NULL;
	approvals = calloc(there + count + 1, sizeof(*approvals));
	if (!approvals)
		return NULL;
	for (size_t i = 0; i < there; i++)
		approvals[i] = facts->approvals[i];
	for (size_t i = 0; i < count; i++)
		approvals[there + i] = (struct rules_approval){
			.request = UINT64_MAX,
			.giver = subject->uid + 1 + (uid_t)i,
			.roles = rule->approvals.from,
			.given_unix = subject->now_unix,
			.action = RULES_ANY,
			.class = RULES_ANY,
		};
	facts->approvals = approvals;
	facts->approval_count = there + count;
	return approvals;
}

static enum bl_status change_subject(const struct trial *trial, const struct help *help,
				     struct rules_subject **out_subject)
{
	const struct rules_subject *subject = trial->asked->subject;
	struct rules_subject base = *subject; /* borrows what it points to */
	struct subject_change change = {
		.role = help->role,
		.purpose = help->purpose,
		.workplace = help->workplace,
		.with_reason = help->approved != NULL,
		.now_unix = help->at_unix ? help->at_unix : INT64_MIN,
	};

	if (help->at_unix && !help->is_renewed) {
		(void)subject_roles_at(subject, help->at_unix, &base.roles);
		base.lapsed |= subject->roles & ~base.roles;
	}
	if (help->is_renewed) {
		base.roles |= base.lapsed;
		base.lapsed = 0;
	}
	return subject_new_changed(&base, &change, out_subject);
}

static void change_facts(const struct trial *trial, const struct help *help,
			 struct rules_facts *facts, struct rules_used *used)
{
	const struct rules_subject *subject = trial->asked->subject;

	/* consent is for one purpose: what is on record for another is not known here */
	if (help->purpose)
		facts->consent = CONSENT_UNKNOWN;
	if (help->is_consented)
		facts->consent = CONSENT_GRANTED;
	facts->caller_check = BL_MAX(facts->caller_check, help->check);
	if (help->is_looked_through) {
		facts->is_whole_known = true;
		facts->is_unscanned = false;
	}
	if (!facts->used || (!help->at_unix && !help->role))
		return;
	if (help->role)
		*used = (struct rules_used){0}; /* what somebody else has used up is theirs */
	else
		renew_limits(subject, help->at_unix, used);
	facts->used = used;
}

/* What would be decided; false when it cannot be worked out. */
static bool decide_with(struct trial *trial, const struct help *help,
			struct rules_decision *out_decision, struct rule_standing *out_standing)
{
	const struct asked *asked = trial->asked;
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	BL_CLEANUP(bl_free) struct rules_approval *approvals = NULL;
	struct rules_facts facts = *asked->facts;
	struct rules_used used = facts.used ? *facts.used : (struct rules_used){0};
	struct asked other = {.facts = &facts, .action = asked->action, .class = asked->class};

	if (!trial->left || change_subject(trial, help, &subject) != BL_OK)
		return false;
	trial->left--;
	change_facts(trial, help, &facts, &used);
	if (help->approved) {
		approvals = give_approvals(subject, help->approved, &facts);
		if (!approvals)
			return false;
	}
	rules_decide(subject, &facts, asked->action, asked->class, out_decision);
	other.subject = subject;
	*out_standing = (struct rule_standing){0};
	if (out_decision->outcome == RULES_ASK)
		(void)say_stand(&other, out_decision, out_standing);
	return true;
}

static bool helps(struct trial *trial, const struct help *help)
{
	struct rules_decision decision;
	struct rule_standing standing;

	return decide_with(trial, help, &decision, &standing) &&
	       (decision.outcome == RULES_PERMIT || decision.outcome == RULES_ASK);
}

/* ---- what may be tried --------------------------------------------------------------------- */

/* What the rules about this action name: only that can make a difference. */
struct choices {
	const char *purposes[CHOICES + 1]; /* the first is NULL: as it is */
	size_t purpose_count;
	uint64_t workplaces;
	const struct rule *approved[CHOICES + 1]; /* likewise */
	size_t approved_count;
};

static void add_purposes(struct choices *choices, const struct string_list *purposes)
{
	for (size_t i = 0; i < purposes->count; i++) {
		bool is_there = false;

		for (size_t j = 1; j < choices->purpose_count; j++)
			is_there |= strcmp(choices->purposes[j], purposes->items[i]) == 0;
		if (!is_there && choices->purpose_count <= CHOICES)
			choices->purposes[choices->purpose_count++] = purposes->items[i];
	}
}

static void add_approved(struct choices *choices, const struct policy *policy, uint8_t approved)
{
	const struct compiled *compiled = policy->compiled;

	for (size_t bit = 0; approved && bit < compiled->words * 64; bit++) {
		uint16_t index = compiled->rule_of[bit];

		if (index != BIT_NONE && policy->rules[index].approvals.count &&
		    bit_is_set(compiled->permit[approved - 1], bit) &&
		    choices->approved_count <= CHOICES)
			choices->approved[choices->approved_count++] = &policy->rules[index];
	}
}

/* By bit, which is by effect and id: what is said never depends on the order of the file. */
static void find_choices(const struct trial *trial, const struct rules_decision *decision,
			 struct choices *out)
{
	const struct asked *asked = trial->asked;
	const struct policy *policy = asked->subject->policy;
	const struct compiled *compiled = policy->compiled;
	bool needs_read = action_needs_read(asked->action);

	*out = (struct choices){.purpose_count = 1, .approved_count = 1};
	for (size_t bit = 0; bit < compiled->words * 64; bit++) {
		if (compiled->rule_of[bit] == BIT_NONE)
			continue;
		const struct rule *rule = &policy->rules[compiled->rule_of[bit]];
		bool is_decider = decision->by == RULES_BY_RULE &&
				  compiled->rule_of[bit] == decision->rule_index;

		if (bit_is_set(compiled->permit[asked->action], bit) ||
		    (needs_read && bit_is_set(compiled->permit[ACTION_READ], bit))) {
			add_purposes(out, &rule->when.purposes);
			out->workplaces |= rule->workplaces;
			add_approved(out, policy, rule->when.approved);
		}
		if (is_decider && rule->effect != EFFECT_PERMIT) {
			add_purposes(out, &rule->unless.purposes);
			add_approved(out, policy, rule->unless.approved);
		}
	}
	out->workplaces &= ~asked->subject->workplaces;
}

/* ---- the least that helps ------------------------------------------------------------------ */

/* The parts of a help, the costliest to bring about first. */
enum help_part {
	HELP_RENEWED,
	HELP_APPROVED,
	HELP_CONSENTED,
	HELP_CHECK,
	HELP_SECOND_FACTOR,
	HELP_WORKPLACE,
	HELP_LOOKED_THROUGH,
	HELP_PURPOSE,
	HELP_PARTS
};

/* The same with one thing less. */
static struct help without(struct help help, enum help_part part)
{
	switch (part) {
	case HELP_RENEWED:
		help.is_renewed = false;
		break;
	case HELP_APPROVED:
		help.approved = NULL;
		break;
	case HELP_CONSENTED:
		help.is_consented = false;
		break;
	case HELP_CHECK:
		help.check = CHECK_NONE;
		break;
	case HELP_SECOND_FACTOR:
		help.check = BL_MIN(help.check, CHECK_ONE_FACTOR);
		break;
	case HELP_WORKPLACE:
		help.workplace = NULL;
		break;
	case HELP_LOOKED_THROUGH:
		help.is_looked_through = false;
		break;
	case HELP_PURPOSE:
		help.purpose = NULL;
		break;
	case HELP_PARTS:
		break;
	}
	return help;
}

static bool has_part(const struct help *help, enum help_part part)
{
	const bool has[HELP_PARTS] = {
		[HELP_RENEWED] = help->is_renewed,
		[HELP_APPROVED] = help->approved != NULL,
		[HELP_CONSENTED] = help->is_consented,
		[HELP_CHECK] = help->check != CHECK_NONE,
		[HELP_SECOND_FACTOR] = help->check == CHECK_TWO_FACTOR,
		[HELP_WORKPLACE] = help->workplace != NULL,
		[HELP_LOOKED_THROUGH] = help->is_looked_through,
		[HELP_PURPOSE] = help->purpose != NULL,
	};

	return has[part];
}

static unsigned count_parts(const struct help *help)
{
	unsigned count = 0;

	for (unsigned part = 0; part < HELP_PARTS; part++)
		count += part != HELP_SECOND_FACTOR && has_part(help, (enum help_part)part);
	return count;
}

static void reduce(struct trial *trial, struct help *help)
{
	for (unsigned part = 0; part < HELP_PARTS; part++) {
		struct help less = without(*help, (enum help_part)part);

		if (has_part(help, (enum help_part)part) && helps(trial, &less))
			*help = less;
	}
}

/* All that can be brought about at once, for one choice of purpose, workplace and approval. */
static struct help all_at_once(const struct trial *trial, const struct help *base)
{
	const struct asked *asked = trial->asked;
	struct help help = *base;
	const char *purpose = purpose_of(trial, base);

	help.check = CHECK_TWO_FACTOR > asked->facts->caller_check ? CHECK_TWO_FACTOR : CHECK_NONE;
	help.is_consented = purpose && policy_names_purpose(asked->subject->policy, purpose) &&
			    (base->purpose || asked->facts->consent != CONSENT_GRANTED);
	help.is_renewed = asked->subject->lapsed && !base->role;
	help.is_looked_through = asked->facts->places && !asked->facts->is_directory &&
				 (asked->facts->is_unscanned || !asked->facts->is_whole_known);
	return help;
}

/* One choice: is it better than the @best so far? */
static void try_choice(struct trial *trial, const struct help *base, struct help *best,
		       bool *is_found)
{
	struct help help = all_at_once(trial, base);

	if (*is_found && count_parts(base) >= count_parts(best))
		return;
	if (!helps(trial, &help)) {
		/* a rule may also ask for what all that undoes */
		help = *base;
		if (!helps(trial, &help))
			return;
	}
	reduce(trial, &help);
	if (!*is_found || count_parts(&help) < count_parts(best))
		*best = help;
	*is_found = true;
}

/* @base  who asks, and when; @out what has to be added for them to be permitted, or asked for more */
static bool find_help(struct trial *trial, const struct choices *choices, const struct help *base,
		      struct help *out)
{
	const struct policy *policy = trial->asked->subject->policy;
	bool is_found = false;

	for (size_t a = 0; a < choices->approved_count; a++)
		for (size_t p = 0; p < choices->purpose_count; p++)
			for (size_t w = 0; w <= policy->workplace_count; w++) {
				struct help help = *base;

				if (w && !(choices->workplaces >> (w - 1) & 1))
					continue;
				help.approved = choices->approved[a];
				help.purpose = choices->purposes[p];
				help.workplace = w ? policy->workplaces[w - 1].name : NULL;
				try_choice(trial, &help, out, &is_found);
			}
	return is_found;
}

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

/* The roles whose holders may do @action here, as it is. */
static uint64_t roles_that_may(const struct asked *asked, enum bl_action action)
{
	const struct asked other = {asked->subject, asked->facts, action, 0};
	struct trial trial = {&other, DECISIONS_TRIED};
	uint64_t roles = 0;

	for (size_t i = 0; i < asked->subject->policy->role_count; i++) {
		struct help help = {.role = asked->subject->policy->roles[i].name};

		if (helps(&trial, &help))
			roles |= UINT64_C(1) << i;
	}
	return roles;
}

static void tell_consent(struct line *line, const struct trial *trial, const struct help *help)
{
	const struct asked *asked = trial->asked;
	bool is_withdrawn = !help->purpose && asked->facts->consent == CONSENT_WITHDRAWN;
	const char *purpose = purpose_of(trial, help);
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

static bool has_request_command(enum bl_action action)
{
	return action_is_of_contents(action) || action == ACTION_SHRED;
}

static void tell_request(struct line *line, const struct asked *asked, enum bl_action action)
{
	if (has_request_command(action))
		line_add(line, ": bailee request %s %s%s --reason TEXT", bl_action_name(action),
			 id_for(asked), action == ACTION_SHRED ? "" : " [PATH]");
}

/* The action that approvals by @rule are asked for, so that its permit and this question both have them. */
static enum bl_action action_of(const struct asked *asked, const struct rule *rule)
{
	if (rule->actions >> asked->action & 1)
		return asked->action;
	for (unsigned action = 0; action < ACTION_COUNT; action++)
		if (rule->actions >> action & 1 && has_request_command((enum bl_action)action))
			return (enum bl_action)action;
	return asked->action;
}

static void tell_approved(struct line *line, const struct asked *asked, const struct rule *rule)
{
	enum bl_action action = action_of(asked, rule);

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
		    (!(choices->workplaces >> i & 1) || !helps(trial, &other)))
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
	const char *between = "";

	if (help->is_renewed) {
		begin_part(line, &between);
		line_add(line, "renew it and have its new last day put into the policy");
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

/* ", with a reason and 2 approvals": what it then still needs. */
static void tell_rest(struct line *line, struct trial *trial, const struct help *help)
{
	const struct policy *policy = trial->asked->subject->policy;
	struct rules_decision decision;
	struct rule_standing standing;

	if (!decide_with(trial, help, &decision, &standing) || decision.outcome != RULES_ASK ||
	    !standing.unmet)
		return;
	line_add(line, ", with ");
	say_needs(line, &policy->rules[decision.rule_index], &standing);
}

/* ---- one way after the other --------------------------------------------------------------- */

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

	if (!subject->is_clock_trusted || !subject->is_person)
		return false;
	for (unsigned i = 0; i < EDGES_TRIED; i++) {
		at = next_edge(trial->asked, at);
		if (at == INT64_MAX)
			return false;
		struct help help = {.at_unix = at};

		if (!helps(trial, &help))
			continue;
		tell_help(line, trial, choices, &help);
		tell_rest(line, trial, &help);
		return true;
	}
	return false;
}

static bool next_thing(struct line *line, struct trial *trial, const struct choices *choices)
{
	const struct help as_it_is = {0};
	struct help help;

	if (!trial->asked->subject->is_person || !find_help(trial, choices, &as_it_is, &help))
		return false;
	tell_help(line, trial, choices, &help);
	tell_rest(line, trial, &help);
	return true;
}

/* Who may do it just so. */
static bool next_role(struct line *line, struct trial *trial)
{
	uint64_t roles = roles_that_may(trial->asked, trial->asked->action);

	/* of an unmask the class matters, which roles_that_may does not know */
	if (trial->asked->action == ACTION_UNMASK) {
		const struct policy *policy = trial->asked->subject->policy;

		roles = 0;
		for (size_t i = 0; i < policy->role_count; i++) {
			struct help help = {.role = policy->roles[i].name};

			if (helps(trial, &help))
				roles |= UINT64_C(1) << i;
		}
	}
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
	struct help best;
	bool is_found = false;

	for (size_t i = 0; i < policy->role_count; i++) {
		struct help base = {.role = policy->roles[i].name}, help;

		if (!find_help(trial, choices, &base, &help) ||
		    (is_found && count_parts(&help) >= count_parts(&best)))
			continue;
		best = help;
		is_found = true;
	}
	if (!is_found)
		return false;
	line_add(line, "ask a holder of role '%s', who may %s", best.role,
		 bl_action_name(trial->asked->action));
	tell_conditions(line, &best);
	return true;
}

/* Outside the hours, and something else is missing as well. */
static bool next_hours_and_thing(struct line *line, struct trial *trial,
				 const struct choices *choices)
{
	const struct rules_subject *subject = trial->asked->subject;
	int64_t at = subject->now_unix;

	if (!subject->is_clock_trusted || !subject->is_person)
		return false;
	for (unsigned i = 0; i < EDGES_TRIED && trial->left; i++) {
		at = next_edge(trial->asked, at);
		if (at == INT64_MAX)
			return false;
		struct help base = {.at_unix = at}, help;

		if (!find_help(trial, choices, &base, &help))
			continue;
		tell_help(line, trial, choices, &help);
		tell_rest(line, trial, &help);
		return true;
	}
	return false;
}

static void next_of_gate(struct line *line, const struct rules_facts *facts)
{
	if (!facts->is_log_writable)
		line_add(line, "tell whoever runs Bailee that its log cannot be written");
	else if (facts->state == STATE_DUE)
		line_add(line, "nothing opens it again; a hold keeps it from being destroyed");
	else if (facts->state == STATE_SHREDDED)
		line_add(line, "its certificate says when and how");
	else
		line_add(line, "try again");
}

/* ---- what a permit needs ------------------------------------------------------------------- */

/*
 * Exactly what is missing, and how to get it. False when getting it would not help: what is closed to everybody stays so, and
 * approvals are only given to what somebody may request.
 */
static bool next_of_ask(struct line *line, struct trial *trial,
			const struct rules_decision *decision)
{
	const struct asked *asked = trial->asked;
	const struct rule *rule = &asked->subject->policy->rules[decision->rule_index];
	struct rules_decision then;
	struct rule_standing standing, unused;
	struct help help = {.approved = rule};

	if (!say_stand(asked, decision, &standing) || !standing.unmet)
		return false;
	if (!decide_with(trial, &help, &then, &unused) ||
	    (then.outcome != RULES_PERMIT && then.outcome != RULES_ASK))
		return false;

	bool needs_reason = standing.unmet & PART_BIT(PART_REASON);
	enum bl_action action = action_of(asked, rule);

	if (!(standing.unmet & PART_BIT(PART_APPROVALS))) {
		line_add(line, "give a reason (--reason TEXT)");
		return true;
	}
	if (has_request_command(action) && !may(asked, ACTION_REQUEST))
		return false;
	standing.unmet &= ~PART_BIT(PART_REASON);
	line_add(line, needs_reason ? "give a reason (--reason TEXT) and ask for " : "ask for ");
	say_needs(line, rule, &standing);
	tell_from(line, asked->subject->policy, rule);
	tell_request(line, asked, action);
	return true;
}

bool say_next(struct line *line, const struct asked *asked, const struct rules_decision *decision)
{
	struct trial trial = {asked, DECISIONS_TRIED};
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
	if (decision->outcome == RULES_ASK && next_of_ask(line, &trial, decision))
		return true;
	find_choices(&trial, decision, &choices);
	if (decision->outcome == RULES_ASK)
		return next_role(line, &trial);
	return next_hours(line, &trial, &choices) || next_thing(line, &trial, &choices) ||
	       next_role(line, &trial) || next_role_and_thing(line, &trial, &choices) ||
	       next_hours_and_thing(line, &trial, &choices);
}
