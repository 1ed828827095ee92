#include "policy/rules/say.h"

#include <stdio.h>
#include <string.h>

#define HOURS_TRIED 64 /* edges looked at for "from ... on": more than a week of any sane hours */

void line_add(struct line *line, const char *format, ...)
{
	va_list arguments;

	if (line->used + 1 >= line->size)
		return;
	va_start(arguments, format);
	int written = vsnprintf(line->out + line->used, line->size - line->used, format, arguments);

	va_end(arguments);
	if (written > 0)
		line->used = BL_MIN(line->used + (size_t)written, line->size - 1);
}

/* The policy's own words on one line, with one full stop. */
static void add_why(struct line *line, const char *why)
{
	size_t length = why ? strlen(why) : 0;
	char end;

	while (length && (unsigned char)why[length - 1] <= ' ')
		length--;
	if (!length) {
		line_add(line, ".");
		return;
	}
	line_add(line, ": ");
	for (size_t i = 0; i < length; i++)
		line_add(line, "%c", (unsigned char)why[i] < ' ' ? ' ' : why[i]);
	end = why[length - 1];
	if (!strchr(".!?", end))
		line_add(line, ".");
}

static void say_rule(struct line *line, const struct rules_subject *subject, enum bl_action action,
		     const struct rules_decision *decision)
{
	const struct rule *rule = &subject->policy->rules[decision->rule_index];
	const char *name = bl_action_name(action);

	switch (decision->outcome) {
	case RULES_PERMIT:
		line_add(line, "%s is permitted by rule '%s'", name, rule->id);
		break;
	case RULES_FORBID:
		line_add(line, "%s is forbidden by rule '%s'", name, rule->id);
		break;
	case RULES_ASK:
		line_add(line, "%s needs a reason by rule '%s'", name, rule->id);
		break;
	case RULES_WITHHOLD:
		line_add(line, "contents are withheld by rule '%s'", rule->id);
		break;
	}
	if (decision->is_unknown)
		line_add(line, " (not all is known here, and what is not known counts against it)");
	add_why(line, rule->why);
}

static void say_gate(struct line *line, const struct rules_facts *facts, enum bl_action action)
{
	line_add(line, "%s is forbidden: ", bl_action_name(action));
	if (!facts->is_log_writable)
		line_add(line, "the log cannot be written.");
	else if (facts->state == STATE_DUE)
		line_add(line, "this device is due to be destroyed and closed to everybody.");
	else if (facts->state == STATE_SHREDDED)
		line_add(line, "this device has been destroyed.");
	else
		line_add(line, "the policy has changed meanwhile.");
}

void say_decision(struct line *line, const struct rules_subject *subject,
		  const struct rules_facts *facts, enum bl_action action,
		  const struct rules_decision *decision)
{
	const char *name = bl_action_name(action);

	switch (decision->by) {
	case RULES_BY_RULE:
		say_rule(line, subject, action, decision);
		break;
	case RULES_BY_DEFAULT:
		line_add(line, "%s is forbidden: no rule permits it to %s here.", name,
			 subject->is_person ? "you" : "somebody who is not in the policy");
		break;
	case RULES_BY_LAPSED:
		line_add(line, "%s is forbidden: %s lapsed.", name, subject->lapses);
		break;
	case RULES_BY_LIMIT:
		line_add(line, "%s is forbidden: a limit is used up.", name);
		break;
	case RULES_BY_GATE:
		say_gate(line, facts, action);
		break;
	case RULES_BY_BASELINE:
		line_add(line, "%s is forbidden by builtin/baseline: this class is never shown.",
			 name);
		break;
	}
}

/* ---- the next step ------------------------------------------------------------------------- */

struct trial {
	const struct rules_subject *subject;
	const struct rules_facts *facts;
	enum bl_action action;
	unsigned class;
};

/* What would be decided if one thing were different; forbid when it cannot be worked out. */
static enum rules_outcome attempt(const struct trial *trial, const struct subject_change *change,
				  int64_t *out_valid_until)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *other = NULL;
	struct rules_decision decision;

	*out_valid_until = INT64_MAX;
	if (subject_new_changed(trial->subject, change, &other) != BL_OK)
		return RULES_FORBID;
	*out_valid_until = other->valid_until;
	rules_decide(other, trial->facts, trial->action, trial->class, &decision);
	return decision.outcome;
}

static bool next_hours(struct line *line, const struct trial *trial)
{
	int64_t at = trial->subject->valid_until;

	if (!trial->subject->is_clock_trusted || !trial->subject->is_person)
		return false;
	at = subject_hours_edge(trial->subject->policy, trial->subject->now_unix);
	for (unsigned i = 0; i < HOURS_TRIED && at != INT64_MAX; i++) {
		struct subject_change change = {.now_unix = at};
		int64_t until;
		enum rules_outcome outcome = attempt(trial, &change, &until);
		char when[20];

		if (outcome == RULES_PERMIT || outcome == RULES_ASK) {
			rules_local_time(trial->subject->policy, at, when);
			line_add(line, "come back at %s%s", when,
				 outcome == RULES_ASK ? ", with a reason" : "");
			return true;
		}
		at = until;
	}
	return false;
}

static bool next_purpose(struct line *line, const struct trial *trial)
{
	const struct policy *policy = trial->subject->policy;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		for (size_t j = 0; j < rule->when.purposes.count; j++) {
			struct subject_change change = {.purpose = rule->when.purposes.items[j],
							.now_unix = INT64_MIN};
			int64_t until;
			enum rules_outcome outcome;

			if (rule->effect != EFFECT_PERMIT)
				continue;
			outcome = attempt(trial, &change, &until);
			if (outcome != RULES_PERMIT && outcome != RULES_ASK)
				continue;
			line_add(line, "if it is so, state the purpose '%s'%s", change.purpose,
				 outcome == RULES_ASK ? " and a reason" : "");
			return true;
		}
	}
	return false;
}

static bool next_role(struct line *line, const struct trial *trial)
{
	const struct policy *policy = trial->subject->policy;
	bool is_found = false;

	for (size_t i = 0; i < policy->role_count; i++) {
		struct subject_change change = {.role = policy->roles[i].name,
						.now_unix = INT64_MIN};
		int64_t until;
		enum rules_outcome outcome = attempt(trial, &change, &until);

		if (outcome != RULES_PERMIT && outcome != RULES_ASK)
			continue;
		line_add(line, is_found ? " or '%s'" : "ask a holder of role '%s'", change.role);
		is_found = true;
	}
	if (is_found)
		line_add(line, ", who may %s here", bl_action_name(trial->action));
	return is_found;
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

bool say_next(struct line *line, const struct rules_subject *subject,
	      const struct rules_facts *facts, enum bl_action action, unsigned class,
	      const struct rules_decision *decision)
{
	struct trial trial = {subject, facts, action, class};

	if (decision->outcome == RULES_PERMIT || decision->by == RULES_BY_BASELINE)
		return false;
	if (decision->by == RULES_BY_GATE) {
		next_of_gate(line, facts);
		return true;
	}
	if (decision->outcome == RULES_ASK) {
		line_add(line, "give a reason (--reason TEXT)");
		return true;
	}
	if (decision->by == RULES_BY_LAPSED) {
		line_add(line, "renew it and have its new last day put into the policy");
		return true;
	}
	return next_hours(line, &trial) || next_purpose(line, &trial) || next_role(line, &trial);
}

void rules_say(const struct rules_subject *subject, const struct rules_facts *facts,
	       enum bl_action action, const struct rules_decision *decision, char *out, size_t size)
{
	char next_text[256] = "";
	struct line line = {out, size, 0};
	struct line next = {next_text, sizeof(next_text), 0};

	if (size)
		out[0] = '\0';
	say_decision(&line, subject, facts, action, decision);
	/* no rule of this version speaks of one class alone, so any that the floor leaves will do */
	if (say_next(&next, subject, facts, action, CLASS_EMAIL, decision))
		line_add(&line, " Next: %s", next_text);
	else if (decision->outcome != RULES_PERMIT)
		line_add(&line, " Next: nothing; by this policy nobody may %s here",
			 bl_action_name(action));
}
