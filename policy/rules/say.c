#include "policy/rules/say.h"

#include <stdio.h>
#include <string.h>

/* ---- words --------------------------------------------------------------------------------- */

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

void line_add_roles(struct line *line, const struct policy *policy, uint64_t roles,
		    const char *between)
{
	const char *before = "";

	for (size_t i = 0; i < policy->role_count; i++) {
		if (!(roles >> i & 1))
			continue;
		line_add(line, "%s'%s'", before, policy->roles[i].name);
		before = between;
	}
}

/* Sizes as a policy writes them, rounded down. */
void line_add_amount(struct line *line, uint64_t amount, enum bl_unit unit)
{
	static const struct {
		uint64_t bytes;
		char letter;
	} sizes[] = {
		{UINT64_C(1) << 40, 'T'},
		{UINT64_C(1) << 30, 'G'},
		{UINT64_C(1) << 20, 'M'},
		{UINT64_C(1) << 10, 'K'},
	};

	bool is_bytes = unit == UNIT_BYTES || unit == UNIT_SHOWN;

	for (size_t i = 0; i < BL_COUNT(sizes) && is_bytes; i++)
		if (amount >= sizes[i].bytes) {
			line_add(line, "%llu%c", (unsigned long long)(amount / sizes[i].bytes),
				 sizes[i].letter);
			return;
		}
	line_add(line, "%llu", (unsigned long long)amount);
}

void line_add_why(struct line *line, const char *why)
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

/* ---- how a rule stands --------------------------------------------------------------------- */

bool say_stand(const struct asked *asked, const struct rules_decision *decision,
	       struct rule_standing *out_standing)
{
	const struct compiled *compiled = asked->subject->policy->compiled;
	struct request request;

	if (decision->by != RULES_BY_RULE)
		return false;
	request_init(&request, asked->subject, asked->facts);
	for (size_t bit = 0; bit < compiled->words * 64; bit++) {
		if (compiled->rule_of[bit] != decision->rule_index)
			continue;
		bool is_of_read = action_needs_read(asked->action) &&
				  !bit_is_set(compiled->permit[asked->action], bit) &&
				  !bit_is_set(compiled->forbid[asked->action], bit);

		request_ask(&request, is_of_read ? ACTION_READ : asked->action,
			    asked->action == ACTION_UNMASK ? asked->class : CLASS_NONE);
		request_stand(&request, bit, out_standing);
		return true;
	}
	return false;
}

void say_needs(struct line *line, const struct rule *rule, const struct rule_standing *standing)
{
	bool is_reason = standing->unmet & PART_BIT(PART_REASON);
	unsigned given = BL_MIN(standing->approval_count, rule->approvals.count);
	unsigned missing = rule->approvals.count - given;

	if (is_reason)
		line_add(line, "a reason");
	if (standing->unmet & PART_BIT(PART_APPROVALS))
		line_add(line, "%s%u%s approval%s", is_reason ? " and " : "", missing,
			 given ? " more" : "", missing == 1 ? "" : "s");
}

/* What was not known, where not knowing decided. */
static void say_unknown(struct line *line, const struct rule_standing *standing)
{
	static const char *const parts[PART_COUNT] = {
		[PART_WHO] = "which roles count",
		[PART_LAPSED] = "whether a lapsed role still counts",
		[PART_DEVICE] = "which device this is",
		[PART_STATUS] = "the device's status",
		[PART_PATH] = "where in the device this is",
		[PART_KIND] = "the kind of file",
		[PART_SIZE] = "the file's size",
		[PART_CONTAINS] = "what the file holds",
		[PART_HOURS] = "the time",
		[PART_CONSENT] = "whether there is consent",
		[PART_APPROVED] = "whether it is approved",
		[PART_UNLESS] = "whether an exception holds",
	};
	const char *between = " (";

	for (unsigned part = 0; part < PART_COUNT; part++)
		if (standing->is_unknown >> part & 1 && parts[part]) {
			line_add(line, "%s%s", between, parts[part]);
			between = " and ";
		}
	if (strcmp(between, " (") == 0)
		line_add(line, " (not all");
	line_add(line, " is not known here, and what is not known counts against it)");
}

/* ---- the decision -------------------------------------------------------------------------- */

static void say_rule(struct line *line, const struct asked *asked,
		     const struct rules_decision *decision)
{
	const struct rule *rule = &asked->subject->policy->rules[decision->rule_index];
	const char *name = bl_action_name(asked->action);
	struct rule_standing standing;
	bool has_standing = say_stand(asked, decision, &standing);

	switch (decision->outcome) {
	case RULES_PERMIT:
		line_add(line, "%s is permitted by rule '%s'", name, rule->id);
		break;
	case RULES_FORBID:
		line_add(line, "%s is forbidden by rule '%s'", name, rule->id);
		break;
	case RULES_ASK:
		line_add(line, "%s needs ", name);
		if (has_standing && standing.unmet)
			say_needs(line, rule, &standing);
		else
			line_add(line, "more than was given");
		line_add(line, " by rule '%s'", rule->id);
		break;
	case RULES_WITHHOLD:
		line_add(line, "contents are withheld by rule '%s'", rule->id);
		break;
	}
	if (decision->is_unknown && has_standing)
		say_unknown(line, &standing);
	line_add_why(line, rule->why);
}

static void say_gate(struct line *line, const struct asked *asked)
{
	line_add(line, "%s is forbidden: ", bl_action_name(asked->action));
	if (!asked->facts->is_log_writable)
		line_add(line, "the log cannot be written.");
	else if (asked->facts->state == STATE_DUE)
		line_add(line, "this device is due to be destroyed and closed to everybody.");
	else if (asked->facts->state == STATE_SHREDDED)
		line_add(line, "this device has been destroyed.");
	else
		line_add(line, "the policy has changed meanwhile.");
}

static void say_default(struct line *line, const struct asked *asked,
			const struct rules_decision *decision)
{
	const struct rules_subject *subject = asked->subject;

	if (decision->outcome == RULES_WITHHOLD) {
		line_add(line, "contents are withheld: they are still being looked through.");
		return;
	}
	line_add(line, "%s is forbidden: no rule permits it to %s here.",
		 bl_action_name(asked->action),
		 subject->is_person ? "you" : "somebody who is not in the policy");
	if (subject->conflicted) {
		line_add(line, " The roles ");
		line_add_roles(line, subject->policy, subject->conflicted, " and ");
		line_add(line, " are never held together, so none of them counts.");
	}
}

/* ---- limits -------------------------------------------------------------------------------- */

struct used_up {
	struct line *line;
	const char *between;
};

static bool say_used_up(void *context, const struct rules_limit *limit)
{
	struct used_up *used_up = context;

	if (limit->used < limit->most)
		return true;
	line_add(used_up->line, "%s", used_up->between);
	line_add_amount(used_up->line, limit->used, limit->unit);
	line_add(used_up->line, " of ");
	line_add_amount(used_up->line, limit->most, limit->unit);
	line_add(used_up->line, " %s %s (rule '%s')", bl_unit_name(limit->unit),
		 limit->period == PERIOD_HOUR ? "this hour" : "today", limit->rule);
	used_up->between = ", ";
	return true;
}

static void say_limit(struct line *line, const struct asked *asked)
{
	struct used_up used_up = {line, ": "};

	line_add(line, "%s is forbidden: a limit is used up", bl_action_name(asked->action));
	rules_each_limit(asked->subject, asked->facts, asked->action, say_used_up, &used_up);
	/* else the read that it needs has come to an end */
	if (action_needs_read(asked->action) && strcmp(used_up.between, ": ") == 0)
		rules_each_limit(asked->subject, asked->facts, ACTION_READ, say_used_up, &used_up);
	line_add(line, ".");
}

void say_decision(struct line *line, const struct asked *asked,
		  const struct rules_decision *decision)
{
	const char *name = bl_action_name(asked->action);

	switch (decision->by) {
	case RULES_BY_RULE:
		say_rule(line, asked, decision);
		break;
	case RULES_BY_DEFAULT:
		say_default(line, asked, decision);
		break;
	case RULES_BY_LAPSED:
		line_add(line, "%s is forbidden: %s lapsed.", name, asked->subject->lapses);
		break;
	case RULES_BY_LIMIT:
		say_limit(line, asked);
		break;
	case RULES_BY_GATE:
		say_gate(line, asked);
		break;
	case RULES_BY_BASELINE:
		line_add(line, "%s is forbidden by builtin/baseline: this class is never shown.",
			 name);
		break;
	}
}

/* ---- one line ------------------------------------------------------------------------------ */

/* Does some permit of unmask speak of this class? */
static bool is_ever_unmasked(const struct policy *policy, unsigned class)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->effect == EFFECT_PERMIT && rule->actions >> ACTION_UNMASK & 1 &&
		    (!rule->contains || rule->contains >> class & 1))
			return true;
	}
	return false;
}

/*
 * The class of an unmask is not told to us: it is one for which the answer is the same, and one that somebody may see
 * where there is such a one. @out_is_one_of_many: what helps with it may not help with the others.
 */
static unsigned class_of(const struct rules_subject *subject, const struct rules_facts *facts,
			 const struct rules_decision *decision, bool *out_is_one_of_many)
{
	unsigned found = CLASS_LIMIT, other = CLASS_EMAIL, others = 0;

	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		struct rules_decision same;

		if (!(subject->policy->detects >> class & 1))
			continue;
		rules_decide(subject, facts, ACTION_UNMASK, class, &same);
		if (same.outcome != decision->outcome || same.by != decision->by ||
		    same.rule_index != decision->rule_index)
			continue;
		if (found == CLASS_LIMIT && is_ever_unmasked(subject->policy, class)) {
			found = class;
			continue;
		}
		other = class;
		others++;
	}
	*out_is_one_of_many = found != CLASS_LIMIT && others && decision->outcome == RULES_FORBID &&
			      (decision->by == RULES_BY_DEFAULT || decision->by == RULES_BY_RULE);
	return found == CLASS_LIMIT ? other : found;
}

void rules_say(const struct rules_subject *subject, const struct rules_facts *facts,
	       enum bl_action action, const struct rules_decision *decision, char *out, size_t size)
{
	char next_text[512] = "";
	bool is_one_of_many = false;
	struct asked asked = {subject, facts, action, 0};
	struct line line = {out, size, 0};
	struct line next = {next_text, sizeof(next_text), 0};

	if (size)
		out[0] = '\0';
	if (action == ACTION_UNMASK)
		asked.class = class_of(subject, facts, decision, &is_one_of_many);
	say_decision(&line, &asked, decision);
	if (is_one_of_many)
		line_add(&next, "for %s: ", policy_class_name(subject->policy, asked.class));
	if (say_next(&next, &asked, decision))
		line_add(&line, " Next: %s", next_text);
	else if (decision->outcome != RULES_PERMIT)
		line_add(&line, " Next: nothing; by this policy nobody may %s here",
			 bl_action_name(action));
}
