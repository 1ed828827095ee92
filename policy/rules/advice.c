/* What would help: tried with the code that decides. */
#include "policy/rules/advice.h"

#include <stdlib.h>
#include <string.h>

#define GIVERS_TRIED 64
/*
 * Asking again makes a new subject, which looks at every rule and its hours: about 3 us a rule. With a thousand rules few
 * ways are tried to the end; with a hundred all are, in some milliseconds.
 */
#define TRIES	    400
#define RULES_TRIED 8000 /* decisions times rules, for one way */

/* ---- what could be different --------------------------------------------------------------- */

const char *advice_purpose(const struct trial *trial, const struct help *help)
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
	base.roles |= help->freed;
	base.unsure &= ~help->freed;
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

bool advice_decide(struct trial *trial, const struct help *help, struct advised *out)
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
	*out = (struct advised){0};
	rules_decide(subject, &facts, asked->action, asked->class, &out->decision);
	other.subject = subject;
	if (out->decision.outcome == RULES_ASK)
		(void)say_stand(&other, &out->decision, &out->standing);
	return true;
}

bool advice_has_request(enum bl_action action)
{
	/* that somebody asks or answers is approved by nobody */
	return action != ACTION_REQUEST && action != ACTION_APPROVE;
}

enum bl_action advice_action(const struct asked *asked, const struct rule *rule)
{
	if (rule->actions >> asked->action & 1)
		return asked->action;
	for (unsigned action = 0; action < ACTION_COUNT; action++)
		if (rule->actions >> action & 1 && advice_has_request((enum bl_action)action))
			return (enum bl_action)action;
	return asked->action;
}

/*
 * To be asked for more is as good as to be permitted, if what is asked for leads there: needs come before withholds, so a
 * file that stays closed may ask for a reason first. Whoever is asked for approvals may request them. Two permits may
 * ask, one for the copy and one for its read.
 */
bool advice_helps(struct trial *trial, const struct help *help)
{
	const struct rule *rules = trial->asked->subject->policy->rules;
	struct help with_needs = *help;

	for (unsigned i = 0; i < 3; i++) {
		struct advised then;

		if (!advice_decide(trial, &with_needs, &then))
			return false;
		if (then.decision.outcome != RULES_ASK)
			return then.decision.outcome == RULES_PERMIT;
		with_needs.approved = &rules[then.decision.rule_index];
	}
	return true;
}

/* ---- what may be tried --------------------------------------------------------------------- */

unsigned advice_tries(const struct policy *policy)
{
	return (unsigned)BL_MIN((size_t)TRIES, RULES_TRIED / (policy->rule_count + 1) + 1);
}

uint64_t advice_roles(const struct policy *policy, enum bl_action action)
{
	const struct compiled *compiled = policy->compiled;
	uint64_t roles = 0;

	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		for (uint64_t todo = compiled->permit[action][w]; todo; todo &= todo - 1) {
			const struct rule *rule =
				&policy->rules[compiled->rule_of[w * 64 + bit_first(todo)]];

			roles |= rule->is_for_everyone ? UINT64_MAX : rule->roles;
		}
	return roles;
}

static void add_purposes(struct choices *choices, const struct string_list *purposes)
{
	for (size_t i = 0; i < purposes->count; i++) {
		bool is_there = false;

		for (size_t j = 1; j < choices->purpose_count; j++)
			is_there |= strcmp(choices->purposes[j], purposes->items[i]) == 0;
		if (!is_there && choices->purpose_count <= ADVICE_CHOICES)
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
		    choices->approved_count <= ADVICE_CHOICES)
			choices->approved[choices->approved_count++] = &policy->rules[index];
	}
}

/* By bit, which is by effect and id: what is said never depends on the order of the file. */
void advice_choices(const struct trial *trial, const struct rules_decision *decision,
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

unsigned advice_parts(const struct help *help)
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

		if (has_part(help, (enum help_part)part) && advice_helps(trial, &less))
			*help = less;
	}
}

/* All that can be brought about at once, for one choice of purpose, workplace and approval. */
static struct help all_at_once(const struct trial *trial, const struct help *base)
{
	const struct asked *asked = trial->asked;
	struct help help = *base;
	const char *purpose = advice_purpose(trial, base);

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

	if (*is_found && advice_parts(base) >= advice_parts(best))
		return;
	if (!advice_helps(trial, &help)) {
		/* a rule may also ask for what all that undoes */
		help = *base;
		if (!advice_helps(trial, &help))
			return;
	}
	reduce(trial, &help);
	if (!*is_found || advice_parts(&help) < advice_parts(best))
		*best = help;
	*is_found = true;
}

/* @base  who asks, and when; @out what has to be added for them to be permitted, or asked for more */
bool advice_find(struct trial *trial, const struct choices *choices, const struct help *base,
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
