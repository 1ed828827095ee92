/* Rules that never come to anything: they cannot hold, or something else always decides first. */
#include "policy/rules/check.h"
#include "policy/rules/cover.h"
#include "policy/rules/decide.h"

/* Pairs of rules that are compared in full; no policy written by people comes near it. */
#define PAIR_LIMIT (UINT32_C(1) << 18)

#define BIT(action)    (UINT32_C(1) << (action))
#define ALL_KINDS      ((UINT32_C(1) << FILE_KIND_COUNT) - 1)
#define NEEDS_READ     (BIT(ACTION_COPY) | BIT(ACTION_UNMASK))
#define CONTENTS       (BIT(ACTION_READ) | NEEDS_READ)
#define GATED	       (CONTENTS | BIT(ACTION_LIST) | BIT(ACTION_STAT))
#define CLOSING_STATES (UINT32_C(1) << STATE_DUE | UINT32_C(1) << STATE_SHREDDED)

/* ---- rules that cannot hold ------------------------------------------------------------------------- */

static bool has_approved(const struct policy *policy, enum bl_action action)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].effect == EFFECT_PERMIT && policy->rules[i].approvals.count &&
		    policy->rules[i].actions >> action & 1)
			return true;
	return false;
}

static void check_approved(const struct policy *policy, struct rules_findings *findings,
			   const struct rule *rule)
{
	const struct conditions *conditions = rule->when.approved ? &rule->when : &rule->unless;
	enum bl_action action;

	if (!conditions->approved)
		return;
	action = (enum bl_action)(conditions->approved - 1);
	if (!has_approved(policy, action))
		check_warn(policy, findings, rule->id_at,
			   "let a permit ask for 'approvals', or take 'approved' out",
			   "rule '%s' waits for an approved %s, and no permit of it asks for "
			   "approvals",
			   rule->id, bl_action_name(action));
}

static void check_can_hold(const struct policy *policy, struct rules_findings *findings,
			   const struct rule *rule)
{
	bool has_unless = !conditions_are_absent(&rule->unless);

	if (has_unless && cover_conditions(&rule->unless, &rule->when))
		check_warn(policy, findings, rule->id_at,
			   "change 'when' or 'unless', or remove the rule",
			   "rule '%s' never matches: 'unless' takes all of 'when'", rule->id);
	if (rule->effect == EFFECT_WITHHOLD && rule->file_kinds &&
	    !(rule->withhold_kinds & rule->file_kinds))
		check_warn(policy, findings, rule->id_at, "withhold a kind that 'kinds' names",
			   "rule '%s' never matches: 'kinds' has none of what it withholds",
			   rule->id);
	if (rule->effect == EFFECT_PERMIT && rule->states && !(rule->states & ~CLOSING_STATES) &&
	    rule->actions & GATED)
		check_warn(policy, findings, rule->id_at, "name a status in which devices are open",
			   "rule '%s' never opens anything: a device that is due or shredded is "
			   "closed to everybody",
			   rule->id);
	check_approved(policy, findings, rule);
}

/* ---- permits that something else always closes --------------------------------------------------- */

struct shadow {
	uint64_t left[ACTION_COUNT]; /* roles that the permit still reaches */
	const struct rule *by[ACTION_COUNT];
	uint32_t pairs;
};

/* What a forbid or withhold closes of the actions of a permit. */
static uint32_t closes(const struct rule *against)
{
	if (against->effect == EFFECT_WITHHOLD)
		return CONTENTS;
	if (against->effect != EFFECT_FORBID)
		return 0;
	/* copy and unmask need a read */
	return against->actions | (against->actions & BIT(ACTION_READ) ? NEEDS_READ : 0);
}

static bool covers_kinds(const struct rule *against, const struct rule *permit)
{
	uint32_t kinds = permit->file_kinds ? permit->file_kinds : ALL_KINDS;

	if (against->effect == EFFECT_WITHHOLD && kinds & ~against->withhold_kinds)
		return false;
	return cover_bits(against->file_kinds, permit->file_kinds);
}

/* `contains` selects items on unmask, and is a fact about the file elsewhere: the two cannot be compared. */
static bool covers_classes(const struct rule *against, const struct rule *permit,
			   enum bl_action action)
{
	bool is_item = action == ACTION_UNMASK;
	bool is_same_sense = is_item == (against->effect == EFFECT_FORBID &&
					 against->actions & BIT(ACTION_UNMASK));

	return !against->contains ||
	       (is_same_sense && cover_bits(against->contains, permit->contains));
}

static void cast(const struct policy *policy, struct shadow *shadow, const struct rule *against,
		 const struct rule *permit)
{
	uint32_t actions = closes(against) & permit->actions;
	uint64_t roles = check_who(policy, against) & check_who(policy, permit);

	if (!actions || !roles || shadow->pairs >= PAIR_LIMIT)
		return;
	shadow->pairs++;
	if (!covers_kinds(against, permit) || !cover_rule(against, permit))
		return;
	for (unsigned action = 0; action < ACTION_COUNT; action++)
		if (actions >> action & 1 && shadow->left[action] & roles &&
		    covers_classes(against, permit, (enum bl_action)action)) {
			shadow->left[action] &= ~roles;
			shadow->by[action] = against;
		}
}

static const char *verb(const struct rule *against)
{
	return against->effect == EFFECT_WITHHOLD ? "withholds" : "forbids";
}

static void tell_shadow(const struct policy *policy, struct rules_findings *findings,
			const struct rule *permit, const struct shadow *shadow)
{
	uint32_t dark = 0;
	uint64_t reached = 0;
	unsigned first = ACTION_COUNT, any = ACTION_COUNT;

	for (unsigned action = ACTION_COUNT; action-- > 0;) {
		if (!(permit->actions >> action & 1))
			continue;
		reached |= shadow->left[action];
		if (shadow->by[action])
			any = action;
		if (shadow->left[action])
			continue;
		dark |= BIT(action);
		first = action;
	}
	uint64_t lost = check_who(policy, permit) & ~reached;

	if (dark == permit->actions)
		check_warn(policy, findings, permit->id_at, "remove one of the two",
			   "rule '%s' never counts: '%s' %s all of it", permit->id,
			   shadow->by[first]->id, verb(shadow->by[first]));
	else if (dark)
		check_warn(policy, findings, permit->id_at,
			   "take the action out, or change one of the two",
			   "rule '%s' never permits %s: '%s' %s it", permit->id,
			   bl_action_name((enum bl_action)first), shadow->by[first]->id,
			   verb(shadow->by[first]));
	else if (lost && any < ACTION_COUNT && !permit->is_for_everyone)
		check_warn(policy, findings, permit->id_at, "take the role out of one of the two",
			   "rule '%s' gives '%s' nothing: '%s' %s it", permit->id,
			   policy->roles[__builtin_ctzll(lost)].name, shadow->by[any]->id,
			   verb(shadow->by[any]));
}

static void check_shadow(const struct policy *policy, struct rules_findings *findings,
			 const struct rule *permit, uint32_t *pairs)
{
	struct shadow shadow = {.pairs = *pairs};

	for (unsigned action = 0; action < ACTION_COUNT; action++)
		shadow.left[action] = check_who(policy, permit);
	for (size_t i = 0; i < policy->rule_count; i++)
		cast(policy, &shadow, &policy->rules[i], permit);
	*pairs = shadow.pairs;
	tell_shadow(policy, findings, permit, &shadow);
}

/* ---- copy and unmask without a read ------------------------------------------------------------------ */

/* Roles that some permit of read can reach together with @permit, and the roles of who holds one of those. */
static uint64_t readers(const struct policy *policy, const struct rule *permit, uint32_t *pairs)
{
	uint64_t roles = 0, with = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->effect != EFFECT_PERMIT || !(rule->actions & BIT(ACTION_READ)))
			continue;
		if (++*pairs > PAIR_LIMIT || rules_overlap(rule, permit))
			roles |= check_who(policy, rule);
	}
	for (size_t i = 0; i < policy->person_count; i++)
		if (policy->people[i].roles & roles)
			with |= policy->people[i].roles;
	return roles | with;
}

static void check_needs_read(const struct policy *policy, struct rules_findings *findings,
			     const struct rule *permit, uint64_t held, uint32_t *pairs)
{
	uint64_t lost;

	if (!(permit->actions & NEEDS_READ))
		return;
	lost = check_who(policy, permit) & held & ~readers(policy, permit, pairs);
	if (lost && !permit->is_for_everyone)
		check_warn(
			policy, findings, permit->id_at,
			"permit 'read' to the role under the same conditions",
			"rule '%s' gives '%s' nothing: %s also needs a read, and no rule permits "
			"one with it",
			permit->id, policy->roles[__builtin_ctzll(lost)].name,
			permit->actions & BIT(ACTION_COPY) ? "copy" : "unmask");
}

static void check_floor(const struct policy *policy, struct rules_findings *findings,
			const struct rule *permit)
{
	if (!(permit->actions & BIT(ACTION_UNMASK)))
		return;
	for (unsigned class = 0; class < CLASS_COUNT; class ++) {
		if (!(permit->contains >> class & 1) || !floor_forbids_unmask(class))
			continue;
		check_warn(policy, findings, permit->id_at, "take the class out of 'contains'",
			   "rule '%s' never unmasks '%s': builtin/baseline forbids it", permit->id,
			   bl_class_name((enum bl_class) class));
		return;
	}
}

/* What is shown is counted in steps of so many bytes: docs/sessions.md, "Limits". */
#define SHOWN_STEP 16384u

static void check_shown(const struct policy *policy, struct rules_findings *findings,
			const struct rule *permit)
{
	const struct limit *limit = &permit->limits[UNIT_SHOWN];

	if (!limit->is_set)
		return;
	if (!(permit->actions & BIT(ACTION_READ)))
		check_warn(policy, findings, permit->id_at,
			   "permit 'read' with the rule, or take 'shown' out",
			   "rule '%s' limits what is shown in sessions, and permits no read",
			   permit->id);
	else if (limit->most < SHOWN_STEP)
		check_warn(
			policy, findings, permit->id_at, "write bytes, with K, M or G: 50M per day",
			"rule '%s' lets a session show nothing: 'shown' is below 16K", permit->id);
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

static void check_permit(const struct policy *policy, struct rules_findings *findings,
			 const struct rule *permit, uint64_t held, uint32_t *pairs)
{
	if (!permit->is_for_everyone && !(permit->roles & held))
		check_warn(policy, findings, permit->id_at,
			   "give one of its roles to somebody, or remove it",
			   "rule '%s' permits nobody: its roles are held by no one", permit->id);
	check_shadow(policy, findings, permit, pairs);
	check_needs_read(policy, findings, permit, held, pairs);
	check_floor(policy, findings, permit);
	check_shown(policy, findings, permit);
}

void check_rules(const struct policy *policy, struct rules_findings *findings)
{
	uint64_t held = 0;
	uint32_t pairs = 0;

	for (size_t i = 0; i < policy->person_count; i++)
		held |= policy->people[i].roles;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (!check_is_own(rule))
			continue;
		check_can_hold(policy, findings, rule);
		if (rule->effect == EFFECT_PERMIT)
			check_permit(policy, findings, rule, held, &pairs);
	}
}
