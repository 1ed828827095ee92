#include <stdio.h>
#include <string.h>

#include "policy/rules/say.h"

#define NAMED_LIMIT 4 /* of a rule's own words, in one line */

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

/* ---- which rules --------------------------------------------------------------------------- */

/* The actions that @action is made of. */
static size_t actions_of(enum bl_action action, enum bl_action out[2])
{
	out[0] = action;
	out[1] = ACTION_READ;
	return action_needs_read(action) ? 2 : 1;
}

static bool speaks_of(const struct compiled *compiled, size_t bit, enum bl_action action)
{
	return bit_is_set(compiled->permit[action], bit) ||
	       bit_is_set(compiled->forbid[action], bit);
}

/* Does this rule have a say in @action? Masks and withholds have one in all contents. */
static bool is_about(const struct request *request, size_t bit, enum bl_action action)
{
	const struct compiled *compiled = request->compiled;
	const struct rule *rule = &request->subject->policy->rules[compiled->rule_of[bit]];
	enum bl_action actions[2];
	size_t count = actions_of(action, actions);

	if (rule->effect == EFFECT_MASK)
		return action_is_of_contents(action);
	if (rule->effect == EFFECT_WITHHOLD)
		return action_is_of_contents(action) && !request->facts->is_directory;
	for (size_t i = 0; i < count; i++)
		if (speaks_of(compiled, bit, actions[i]))
			return true;
	return false;
}

/* How the rule stands to the question, asked as the one of its actions that it speaks of. */
static void stand(struct request *request, const struct asked *asked, size_t bit,
		  struct rule_standing *out_standing)
{
	bool is_own = speaks_of(request->compiled, bit, asked->action);

	request_ask(request, is_own ? asked->action : ACTION_READ,
		    asked->action == ACTION_UNMASK ? asked->class : CLASS_NONE);
	request_stand(request, bit, out_standing);
}

/* ---- why not ------------------------------------------------------------------------------- */

struct names {
	struct line *line;
	size_t count;
};

static void add_name(struct names *names, const char *name)
{
	if (names->count < NAMED_LIMIT)
		line_add(names->line, "%s'%s'", names->count ? ", " : "", name);
	else if (names->count == NAMED_LIMIT)
		line_add(names->line, ", ...");
	names->count++;
}

static void add_list(struct line *line, const struct string_list *list)
{
	struct names names = {line, 0};

	for (size_t i = 0; i < list->count; i++)
		add_name(&names, list->items[i]);
}

/* The words behind the bits of a set. */
static void add_bits(struct line *line, const struct policy *policy, uint64_t bits,
		     const char *(*name)(const struct policy *, unsigned))
{
	struct names names = {line, 0};

	for (; bits; bits &= bits - 1)
		add_name(&names, name(policy, (unsigned)bit_first(bits)));
}

static const char *role_name(const struct policy *policy, unsigned role)
{
	return policy->roles[role].name;
}

static const char *workplace_name(const struct policy *policy, unsigned workplace)
{
	return policy->workplaces[workplace].name;
}

static const char *device_name(const struct policy *policy BL_UNUSED, unsigned kind)
{
	return bl_device_kind_name((enum bl_device_kind)kind);
}

static const char *status_name(const struct policy *policy BL_UNUSED, unsigned status)
{
	return bl_device_state_name((enum bl_device_state)status);
}

static const char *kind_name(const struct policy *policy BL_UNUSED, unsigned kind)
{
	return bl_file_kind_name((enum bl_file_kind)kind);
}

static void add_who(struct line *line, const struct policy *policy, const struct rule *rule)
{
	if (rule->is_for_everyone)
		line_add(line, "everyone");
	else
		add_bits(line, policy, rule->roles, role_name);
}

static void add_device(struct line *line, const struct policy *policy, const struct rule *rule)
{
	add_bits(line, policy, rule->device_kinds, device_name);
	if (rule->device_kinds && rule->ids.count)
		line_add(line, " and ");
	add_list(line, &rule->ids);
}

static void add_kinds(struct line *line, const struct policy *policy, const struct rule *rule)
{
	add_bits(line, policy,
		 rule->effect == EFFECT_WITHHOLD ? rule->withhold_kinds : rule->file_kinds,
		 kind_name);
}

/* What the rule itself names at the part that fails; never what the device holds. */
static void add_wanted(struct line *line, const struct policy *policy, const struct rule *rule,
		       enum rule_part part)
{
	switch (part) {
	case PART_WHO:
	case PART_LAPSED:
		add_who(line, policy, rule);
		break;
	case PART_DEVICE:
		add_device(line, policy, rule);
		break;
	case PART_STATUS:
		add_bits(line, policy, rule->states, status_name);
		break;
	case PART_PATH:
		add_list(line, &rule->paths);
		break;
	case PART_KIND:
		add_kinds(line, policy, rule);
		break;
	case PART_SIZE:
		line_add(line, "at most ");
		line_add_amount(line, (uint64_t)rule->max_size_bytes, UNIT_BYTES);
		break;
	case PART_CONTAINS:
		add_bits(line, policy, rule->contains, policy_class_name);
		break;
	case PART_WHERE:
		add_bits(line, policy, rule->workplaces, workplace_name);
		break;
	case PART_PURPOSE:
		add_list(line, &rule->when.purposes);
		break;
	case PART_HOURS:
		line_add(line, "its hours");
		break;
	case PART_CONSENT:
		line_add(line, "%s", bl_consent_name(rule->when.consent));
		break;
	case PART_CHECK:
		line_add(line, "%s", bl_check_name(rule->when.check));
		break;
	case PART_APPROVED:
		if (rule->when.approved)
			line_add(line, "%s",
				 bl_action_name((enum bl_action)(rule->when.approved - 1)));
		break;
	case PART_UNLESS:
	case PART_LIMIT:
	case PART_REASON:
	case PART_APPROVALS:
	case PART_COUNT:
		break;
	}
}

/* How a part that does not hold is told: before and behind what the rule names. */
static const struct {
	const char *name, *is_false, *is_unknown;
} PARTS[PART_COUNT] = {
	[PART_WHO] = {"who", "not ", "not known to be "},
	[PART_LAPSED] = {"who", "but for a lapse, ", "lapsed as "},
	[PART_DEVICE] = {"device", "not ", "not known to be "},
	[PART_STATUS] = {"status", "not ", "not known to be "},
	[PART_PATH] = {"paths", "not in ", "not known to be in "},
	[PART_KIND] = {"kinds", "not ", "not known to be "},
	[PART_SIZE] = {"max_size", "not ", "not known to be "},
	[PART_CONTAINS] = {"contains", "not ", "not known to hold "},
	[PART_WHERE] = {"where", "not in ", "not known to be in "},
	[PART_PURPOSE] = {"purpose", "not ", "not known to be "},
	[PART_HOURS] = {"hours", "not in ", "not known to be in "},
	[PART_CONSENT] = {"consent", "not ", "not known to be "},
	[PART_CHECK] = {"caller_verified", "not ", "not known to be "},
	[PART_APPROVED] = {"approved", "no ", "not known for "},
	[PART_UNLESS] = {"unless", "its exception holds",
			 "its exception is not known to hold or not"},
	[PART_LIMIT] = {"limits", "used up", "not known to be used up"},
	[PART_REASON] = {"needs", "a reason", "a reason"},
	[PART_APPROVALS] = {"needs", "approvals", "approvals"},
};

static void add_part(struct line *line, const struct policy *policy, const struct rule *rule,
		     enum rule_part part, bool is_unknown)
{
	line_add(line, "; %s: %s", PARTS[part].name,
		 is_unknown ? PARTS[part].is_unknown : PARTS[part].is_false);
	add_wanted(line, policy, rule, part);
}

/* What is false is told; what is not known only where nothing is false, for only then does it matter. */
static void add_failures(struct line *line, const struct policy *policy, const struct rule *rule,
			 const struct rule_standing *standing)
{
	uint32_t parts = standing->is_false ? standing->is_false : standing->is_unknown;

	for (unsigned part = 0; part < PART_COUNT; part++)
		if (parts >> part & 1)
			add_part(line, policy, rule, (enum rule_part)part, !standing->is_false);
}

/* ---- each rule ----------------------------------------------------------------------------- */

static bool is_match(const struct rule *rule, const struct rule_standing *standing)
{
	return rule->effect == EFFECT_PERMIT ? standing->value == TRUE3 : standing->value != FALSE3;
}

static void explain_rule(FILE *out, const struct policy *policy, const struct rule *rule,
			 const struct rule_standing *standing)
{
	/* unknown counts against the reader */
	static const char *const COUNTS[] = {
		[EFFECT_PERMIT] = "gives nothing",
		[EFFECT_FORBID] = "counts as if it held",
		[EFFECT_MASK] = "can only make it stricter",
		[EFFECT_WITHHOLD] = "counts as if it held",
	};
	char text[1024] = "";
	struct line line = {text, sizeof(text), 0};

	if (standing->value == TRUE3 && standing->unmet) {
		line_add(&line, "; needs ");
		say_needs(&line, rule, standing);
	} else if (standing->value != TRUE3) {
		add_failures(&line, policy, rule, standing);
	}
	if (standing->value == UNKNOWN3)
		line_add(&line, "; %s", COUNTS[rule->effect]);
	fprintf(out, "  rule '%s' (%s, ", rule->id, effect_name(rule->effect));
	if (rule->set)
		fprintf(out, "%s", rule->set);
	else
		fprintf(out, "line %u", rule->at.line);
	fprintf(out, ")%s\n", text);
}

/* The rules about this question that match, or those that do not. */
static void explain_rules(FILE *out, const struct asked *asked, bool is_about_matches)
{
	const struct policy *policy = asked->subject->policy;
	const struct compiled *compiled = policy->compiled;
	struct request request;
	bool is_any = false;

	request_init(&request, asked->subject, asked->facts);
	fprintf(out, is_about_matches ? "matched:\n" : "did not match:\n");
	for (size_t bit = 0; bit < compiled->words * 64; bit++) {
		struct rule_standing standing;

		if (compiled->rule_of[bit] == BIT_NONE || !is_about(&request, bit, asked->action))
			continue;
		const struct rule *rule = &policy->rules[compiled->rule_of[bit]];

		stand(&request, asked, bit, &standing);
		if (is_match(rule, &standing) != is_about_matches)
			continue;
		explain_rule(out, policy, rule, &standing);
		is_any = true;
	}
	if (!is_any)
		fprintf(out, "  no rule\n");
}

/* ---- the rest of the story ----------------------------------------------------------------- */

static void explain_unknown(FILE *out, const struct asked *asked)
{
	const struct rules_facts *facts = asked->facts;
	const struct rules_device *device = facts->places ? places_device(facts->places) : NULL;
	bool is_file = device && !facts->is_directory;
	const struct {
		bool is_unknown;
		const char *what;
	} rows[] = {
		{!asked->subject->is_clock_trusted, "the time"},
		{device && !device->id, "the device's id"},
		{device && device->kind < 0, "the kind of device"},
		{device && facts->place == RULES_PLACE_UNKNOWN, "the path"},
		{is_file && facts->kind < 0, "the kind of file"},
		{is_file && facts->size_bytes < 0, "the file's size"},
		{is_file && !facts->is_whole_known, "what the file holds"},
		{device && facts->state < 0, "the device's status"},
		{device && facts->consent == CONSENT_UNKNOWN, "consent"},
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

static void explain_where(FILE *out, const struct rules_subject *subject)
{
	char text[512] = "";
	struct line line = {text, sizeof(text), 0};

	if (!subject->policy->workplace_count)
		return;
	if (subject->workplaces)
		line_add(&line, ", at workplace ");
	else
		line_add(&line, ", at no workplace");
	add_bits(&line, subject->policy, subject->workplaces, workplace_name);
	fprintf(out, "%s", text);
}

static void explain_who(FILE *out, const struct rules_subject *subject)
{
	const struct policy *policy = subject->policy;
	char when[20] = "";

	fprintf(out, "asked by: %s", subject->person);
	if (*subject->role_names && !subject->is_role_only)
		fprintf(out, " (%s)", subject->role_names);
	/* a purpose comes from the caller: only one that the policy names is repeated */
	if (!subject->purpose)
		fprintf(out, ", no purpose stated");
	else if (policy_names_purpose(policy, subject->purpose))
		fprintf(out, ", for purpose '%s'", subject->purpose);
	else
		fprintf(out, ", for a purpose the policy does not name");
	explain_where(out, subject);
	fprintf(out, ", %s reason", subject->has_reason ? "with a" : "no");
	if (subject->is_clock_trusted) {
		rules_local_time(policy, subject->now_unix, when);
		fprintf(out, ", at %s", when);
	}
	fprintf(out, "\n");
	if (*subject->lapses)
		fprintf(out, "lapsed: %s\n", subject->lapses);
	if (subject->conflicted) {
		char text[512] = "";
		struct line line = {text, sizeof(text), 0};

		line_add_roles(&line, policy, subject->conflicted, ", ");
		fprintf(out, "never held together, so none counts: %s\n", text);
	}
}

/* Nearly all are filled nearly always: what differs is named, the rest told in one word. */
static void explain_styles(FILE *out, const struct asked *asked)
{
	const struct policy *policy = asked->subject->policy;
	/* who unmasks sees in a session what a reader sees there */
	enum bl_action action = asked->action == ACTION_COPY ? ACTION_COPY : ACTION_READ;
	bool has_named = false, has_filled = false;
	uint8_t styles[CLASS_LIMIT];

	rules_shows(asked->subject, asked->facts, action, styles);
	fprintf(out, "shown as: ");
	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		if (!(policy->detects >> class & 1))
			continue;
		if (styles[class] == STYLE_FILL) {
			has_filled = true;
			continue;
		}
		fprintf(out, "%s%s %s", has_named ? ", " : "", policy_class_name(policy, class),
			bl_style_name(styles[class]));
		has_named = true;
	}
	if (has_filled)
		fprintf(out, has_named ? "; all else fill" : "everything found is filled");
	fprintf(out, "%s\n", has_named || has_filled ? "" : "nothing is looked for");
}

static bool explain_limit(void *context, const struct rules_limit *limit)
{
	char text[128] = "";
	struct line line = {text, sizeof(text), 0};

	line_add_amount(&line, limit->used, limit->unit);
	line_add(&line, " of ");
	line_add_amount(&line, limit->most, limit->unit);
	fprintf(context, "limit: %s %s %s by rule '%s'\n", text, bl_unit_name(limit->unit),
		limit->period == PERIOD_HOUR ? "this hour" : "today", limit->rule);
	return true;
}

void rules_explain(FILE *out, const struct rules_subject *subject, const struct rules_facts *facts,
		   enum bl_action action, unsigned class)
{
	const struct asked asked = {subject, facts, action, class};
	struct rules_decision decision;
	char text[1024] = "", next_text[512] = "";
	struct line line = {text, sizeof(text), 0};
	struct line next = {next_text, sizeof(next_text), 0};

	rules_decide(subject, facts, action, class, &decision);
	say_decision(&line, &asked, &decision);
	fprintf(out, "%s: %s\n", outcome_name(decision.outcome), text);
	explain_who(out, subject);
	fprintf(out, "decided by: %s\n", decision.rule);
	if (facts->places && places_policy(facts->places) != subject->policy)
		return;
	explain_rules(out, &asked, true);
	explain_rules(out, &asked, false);
	explain_unknown(out, &asked);
	rules_each_limit(subject, facts, action, explain_limit, out);
	if (action_is_of_contents(action))
		explain_styles(out, &asked);
	if (say_next(&next, &asked, &decision))
		fprintf(out, "would change it: %s\n", next_text);
	else if (decision.outcome != RULES_PERMIT)
		fprintf(out, "would change it: nothing but another policy\n");
}
