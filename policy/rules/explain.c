#include <stdio.h>
#include <string.h>

#include "policy/rules/say.h"

static const char *effect_name(enum rules_effect effect)
{
	static const char *const names[] = {"permit", "forbid", "mask", "withhold"};

	return names[effect];
}

static const char *outcome_name(enum rules_outcome outcome)
{
	static const char *const names[] = {"permit", "forbid", "ask", "withhold"};

	return names[outcome];
}

/* Does this rule have a say in @action? */
static bool is_about(const struct request *request, size_t bit, enum bl_action action)
{
	const struct compiled *compiled = request->compiled;
	bool is_contents = action_is_of_contents(action);
	bool is_read_too = action_needs_read(action);

	return bit_is_set(compiled->permit[action], bit) ||
	       bit_is_set(compiled->forbid[action], bit) ||
	       (is_read_too && (bit_is_set(compiled->permit[ACTION_READ], bit) ||
				bit_is_set(compiled->forbid[ACTION_READ], bit))) ||
	       (is_contents && !request->facts->is_directory &&
		bit_is_set(compiled->withhold[request->kind], bit)) ||
	       (is_contents && bit / 64 >= compiled->begin[EFFECT_MASK] &&
		bit / 64 < compiled->end[EFFECT_MASK]);
}

static bool explain_rule(FILE *out, const struct request *request, size_t bit)
{
	const struct rules_subject *subject = request->subject;
	const struct rule *rule = &subject->policy->rules[request->compiled->rule_of[bit]];
	uint64_t one = UINT64_C(1) << bit % 64;
	bool is_true = request_true(request, bit / 64) & one;
	bool is_maybe = request_maybe(request, bit / 64) & one;
	bool is_permit = rule->effect == EFFECT_PERMIT;
	const char *note = "";

	if (is_true && is_permit && !bit_is_set(subject->ready, bit))
		note = ", needs a reason that was not given";
	else if (is_true)
		note = "";
	else if (is_permit && request_but_lapse(request, bit / 64) & one)
		note = ", would permit if a role had not lapsed";
	else if (is_maybe)
		note = is_permit ? ", not known to hold: gives nothing"
				 : ", not known to hold: counts as if it did";
	else
		return false;
	fprintf(out, "  rule '%s' (%s, line %u)%s\n", rule->id, effect_name(rule->effect),
		rule->at.line, note);
	return true;
}

static void explain_matches(FILE *out, const struct request *request, enum bl_action action)
{
	bool is_any = false;

	fprintf(out, "matched:\n");
	for (size_t bit = 0; bit < request->compiled->words * 64; bit++)
		if (request->compiled->rule_of[bit] != BIT_NONE && is_about(request, bit, action))
			is_any |= explain_rule(out, request, bit);
	if (!is_any)
		fprintf(out, "  no rule\n");
}

static void explain_unknown(FILE *out, const struct request *request)
{
	const struct rules_facts *facts = request->facts;
	const struct rules_device *device = facts->places ? places_device(facts->places) : NULL;
	const struct {
		bool is_unknown;
		const char *what;
	} rows[] = {
		{!request->subject->is_clock_trusted, "the time"},
		{device && !device->id, "the device's id"},
		{device && device->kind < 0, "the kind of device"},
		{device && facts->place == RULES_PLACE_UNKNOWN, "the path"},
		{device && !facts->is_directory && facts->kind < 0, "the kind of file"},
		{device && !facts->is_directory && facts->size_bytes < 0, "the file's size"},
		{device && facts->state < 0, "the device's status"},
	};
	const char *between = "";

	fprintf(out, "not known: ");
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (rows[i].is_unknown) {
			fprintf(out, "%s%s", between, rows[i].what);
			between = ", ";
		}
	fprintf(out, "%s\n", *between ? "" : "nothing");
}

/* A purpose comes from the caller: only one that the policy names is repeated. */
static bool is_named_purpose(const struct policy *policy, const char *purpose)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct string_list *lists[] = {&policy->rules[i].when.purposes,
						     &policy->rules[i].unless.purposes};

		for (size_t j = 0; j < BL_COUNT(lists); j++)
			for (size_t k = 0; k < lists[j]->count; k++)
				if (strcmp(lists[j]->items[k], purpose) == 0)
					return true;
	}
	return false;
}

static void explain_who(FILE *out, const struct rules_subject *subject)
{
	char when[20] = "";

	fprintf(out, "asked by: %s", subject->person);
	if (*subject->role_names && !subject->is_role_only)
		fprintf(out, " (%s)", subject->role_names);
	if (!subject->purpose)
		fprintf(out, ", no purpose stated");
	else if (is_named_purpose(subject->policy, subject->purpose))
		fprintf(out, ", for purpose '%s'", subject->purpose);
	else
		fprintf(out, ", for a purpose the policy does not name");
	fprintf(out, ", %s reason", subject->has_reason ? "with a" : "no");
	if (subject->is_clock_trusted) {
		rules_local_time(subject->policy, subject->now_unix, when);
		fprintf(out, ", at %s", when);
	}
	fprintf(out, "\n");
	if (*subject->lapses)
		fprintf(out, "lapsed: %s\n", subject->lapses);
}

/* Nearly all are filled nearly always: what differs is named, the rest told in one word. */
static void explain_styles(FILE *out, const struct rules_subject *subject,
			   const struct rules_facts *facts)
{
	uint8_t styles[CLASS_LIMIT];
	bl_classes detects = subject->policy->detects;
	bool has_named = false, has_filled = false;

	rules_styles(subject, facts, styles);
	fprintf(out, "shown as: ");
	for (unsigned class = 0; class < CLASS_COUNT; class ++) {
		if (!(detects >> class & 1))
			continue;
		if (styles[class] == STYLE_FILL) {
			has_filled = true;
			continue;
		}
		fprintf(out, "%s%s %s", has_named ? ", " : "", bl_class_name((enum bl_class) class),
			bl_style_name(styles[class]));
		has_named = true;
	}
	if (has_filled)
		fprintf(out, has_named ? "; all else fill" : "everything found is filled");
	fprintf(out, "%s\n", has_named || has_filled ? "" : "nothing is looked for");
}

void rules_explain(FILE *out, const struct rules_subject *subject, const struct rules_facts *facts,
		   enum bl_action action, unsigned class)
{
	struct rules_decision decision;
	struct request request;
	char text[1024] = "", next_text[256] = "";
	struct line line = {text, sizeof(text), 0};
	struct line next = {next_text, sizeof(next_text), 0};

	rules_decide(subject, facts, action, class, &decision);
	request_init(&request, subject, facts);
	say_decision(&line, subject, facts, action, &decision);
	fprintf(out, "%s: %s\n", outcome_name(decision.outcome), text);
	explain_who(out, subject);
	fprintf(out, "decided by: %s\n", decision.rule);
	if (request.is_mismatched)
		return;
	explain_matches(out, &request, action);
	explain_unknown(out, &request);
	if (action_is_of_contents(action))
		explain_styles(out, subject, facts);
	if (say_next(&next, subject, facts, action, class, &decision))
		fprintf(out, "would change it: %s\n", next_text);
	else if (decision.outcome != RULES_PERMIT)
		fprintf(out, "would change it: nothing but another policy\n");
}
