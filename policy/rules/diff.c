#include <stdlib.h>
#include <string.h>

#include "policy/rules/diff-told.h"
#include "policy/rules/diff.h"

/* Up to so many questions every combination is asked; of more, those around each rule and each pair of rules. */
#define PRODUCT_LIMIT 20000u
#define BUDGET	      60000u

/* How contents and names are shown: asked like an action, under the facts of a read or a list. */
#define SHOWN ACTION_COUNT

#define BIT(action) (UINT32_C(1) << (action))

struct comparison {
	const struct cells *cells;
	struct asker *asker;
	struct tellings *tellings;
	struct diff_caller caller;
	unsigned action;		/* enum bl_action, or SHOWN */
	const struct diff_class *class; /* of an unmask; else NULL */
	unsigned topic;
	struct sided
		*rules;	 /* that speak of the caller and the action; those that differ come first */
	bool *is_shared; /* scratch, one for each */
	size_t rule_count, differing;
	struct merged merged;
	size_t asked;
	enum bl_status status;
};

/* ---- which rules can matter ---------------------------------------------------------------------------------- */

/* A permit of list or read is a permit of stat; copy and unmask need a read. */
static uint32_t actions_asked(const struct comparison *now, bool is_permit)
{
	uint32_t looks = BIT(ACTION_LIST) | BIT(ACTION_READ);

	if (now->action == SHOWN)
		return looks;
	if (now->action == ACTION_STAT && is_permit)
		return looks | BIT(ACTION_STAT);
	if (now->action == ACTION_COPY || now->action == ACTION_UNMASK)
		return BIT(now->action) | BIT(ACTION_READ);
	return BIT(now->action);
}

static bool is_of_contents(unsigned action)
{
	return action == SHOWN || action == ACTION_READ || action == ACTION_COPY ||
	       action == ACTION_UNMASK;
}

static bool speaks_of_action(const struct comparison *now, enum side side, const struct rule *rule)
{
	uint32_t common;

	switch (rule->effect) {
	case EFFECT_MASK:
		return now->action == SHOWN;
	case EFFECT_WITHHOLD:
		return is_of_contents(now->action);
	case EFFECT_PERMIT:
	case EFFECT_FORBID:
		break;
	}
	common = rule->actions & actions_asked(now, rule->effect == EFFECT_PERMIT);
	if (now->action != ACTION_UNMASK || !rule->contains || common != BIT(ACTION_UNMASK))
		return common;
	/* it selects other items than the one that is asked for */
	return now->class->number[side] >= 0 && rule->contains >> now->class->number[side] & 1;
}

static bool speaks_of_caller(const struct comparison *now, enum side side, const struct rule *rule)
{
	const struct diff_caller *caller = &now->caller;
	bool is_there = caller->is_person ? caller->person[side] != NULL : caller->roles[side] != 0;

	return is_there && (rule->is_for_everyone || rule->roles & caller->roles[side]);
}

static uint32_t approved_actions(const struct comparison *now)
{
	uint32_t actions = 0;

	for (size_t i = 0; i < now->rule_count; i++) {
		const struct rule *rule = now->rules[i].rule;

		if (rule->when.approved)
			actions |= BIT(rule->when.approved - 1);
		if (rule->unless.approved)
			actions |= BIT(rule->unless.approved - 1);
	}
	return actions;
}

/* Those of the older file first. @approved: actions whose approved permits are asked about by `approved`. */
static void gather_rules(struct comparison *now, uint32_t approved)
{
	now->rule_count = 0;
	for (unsigned i = 0; i < SIDES; i++) {
		enum side side = (enum side)i;
		const struct policy *policy = now->cells->policy[side];

		for (size_t k = 0; k < policy->rule_count; k++) {
			const struct rule *rule = &policy->rules[k];
			bool is_approved = rule->approvals.count && rule->actions & approved;

			if (speaks_of_caller(now, side, rule) &&
			    (is_approved || speaks_of_action(now, side, rule)))
				now->rules[now->rule_count++] = (struct sided){side, rule};
		}
	}
}

static void find_rules(struct comparison *now)
{
	gather_rules(now, 0);
	uint32_t approved = approved_actions(now);

	if (approved)
		gather_rules(now, approved);
}

/* ---- rules that both files have ------------------------------------------------------------------------------- */

/*
 * Put the rules that the other file has just like this at the end; how many differ comes out. Both files mostly
 * stand in one order, so that each search begins behind the last find.
 */
static size_t differing_first(struct comparison *now, bool *is_shared)
{
	size_t older = 0, differing = 0, next;
	struct sided *rules = now->rules;

	while (older < now->rule_count && rules[older].side == OLDER)
		older++;
	memset(is_shared, 0, now->rule_count * sizeof(*is_shared));
	next = older;
	for (size_t i = 0; i < older; i++)
		for (size_t tried = older; tried < now->rule_count; tried++) {
			size_t k = next++;

			next = next == now->rule_count ? older : next;
			if (is_shared[k] ||
			    !diff_same_rule(now->cells, rules[i].rule, rules[k].rule))
				continue;
			is_shared[i] = is_shared[k] = true;
			break;
		}
	for (size_t i = 0; i < now->rule_count; i++)
		if (!is_shared[i]) {
			struct sided kept = rules[i];

			rules[i] = rules[differing];
			rules[differing] = kept;
			is_shared[i] = is_shared[differing];
			differing++;
		}
	return differing;
}

/* ---- one question ----------------------------------------------------------------------------------------------- */

static unsigned topic_of(unsigned action)
{
	return action * 4 * CLASS_LIMIT;
}

static const char *verb_of(const struct comparison *now, char out[96])
{
	if (now->class)
		snprintf(out, 96, "unmask %.48s in", now->class->name);
	else
		snprintf(out, 96, "%s", bl_action_name((enum bl_action)now->action));
	return out;
}

/* Was it told of @who? A stat that comes with a list or read is not told again. */
static bool is_told_of(const struct comparison *now, const char *who, unsigned topic,
		       const struct told_answer *before, const struct told_answer *after)
{
	const struct tellings *tellings = now->tellings;

	return tellings_is_known(tellings, who, topic, before, after) ||
	       (now->action == ACTION_STAT &&
		(tellings_is_known(tellings, who, topic_of(ACTION_LIST), before, after) ||
		 tellings_is_known(tellings, who, topic_of(ACTION_READ), before, after)));
}

/* What is told of a role need not be told of the people who hold it. */
static bool is_told(const struct comparison *now, unsigned topic, const struct told_answer *before,
		    const struct told_answer *after)
{
	const struct diff_caller *caller = &now->caller;
	const struct policy *newer = now->cells->policy[NEWER];

	for (size_t i = 0; caller->is_person && i < newer->role_count; i++)
		if (caller->roles[NEWER] >> i & 1 &&
		    is_told_of(now, newer->roles[i].name, topic, before, after))
			return true;
	return is_told_of(now, caller->name, topic, before, after);
}

static void note(struct comparison *now, unsigned topic, const char *verb,
		 const struct told_answer *before, const struct told_answer *after,
		 const uint16_t values[DIM_COUNT])
{
	enum bl_action action = now->action == SHOWN ? ACTION_READ : (enum bl_action)now->action;
	char question[sizeof(((struct rules_difference *)0)->question)];

	if (before->rank == after->rank || is_told(now, topic, before, after))
		return;
	diff_words(now->cells, &now->merged, action, verb, values, question, sizeof(question));
	tellings_add(now->tellings, now->caller.name, topic, before, after, question);
}

/* The mask of @side that asks for a style, as far as it can be named. */
static const char *mask_of(const struct comparison *now, enum side side, int class, unsigned style)
{
	for (size_t i = 0; i < now->rule_count && class >= 0; i++)
		if (now->rules[i].side == side && now->rules[i].rule->effect == EFFECT_MASK &&
		    now->rules[i].rule->styles[class] != STYLE_NONE &&
		    bl_style_fitted(now->rules[i].rule->styles[class], (unsigned)class) == style)
			return now->rules[i].rule->id;
	return style == STYLE_ORIGINAL ? "detect" : "defaults";
}

/* What nothing looks for is shown as it is. */
static struct told_answer style_answer(const struct comparison *now, enum side side,
				       const struct diff_class *class, const uint8_t *styles)
{
	int number = class->number[side];
	bool is_found = number >= 0 && now->cells->policy[side]->detects >> number & 1;
	unsigned style = is_found ? styles[number] : (unsigned)STYLE_ORIGINAL;

	return (struct told_answer){style, bl_style_name(style),
				    mask_of(now, side, is_found ? number : -1, style)};
}

static bool is_shown(const struct asked_of asked[SIDES])
{
	static const enum bl_action looks[] = {ACTION_READ, ACTION_LIST};

	for (size_t i = 0; i < BL_COUNT(looks); i++) {
		struct rules_decision before, after;

		rules_decide(asked[OLDER].subject, &asked[OLDER].facts, looks[i], 0, &before);
		rules_decide(asked[NEWER].subject, &asked[NEWER].facts, looks[i], 0, &after);
		if (before.outcome == RULES_PERMIT && after.outcome == RULES_PERMIT)
			return true;
	}
	return false;
}

static void compare_styles(struct comparison *now, const struct asked_of asked[SIDES],
			   const uint16_t values[DIM_COUNT])
{
	uint8_t styles[SIDES][CLASS_LIMIT];

	if (!is_shown(asked))
		return;
	for (unsigned side = 0; side < SIDES; side++)
		rules_styles(asked[side].subject, &asked[side].facts, styles[side]);
	for (size_t i = 0; i < now->cells->class_count; i++) {
		const struct diff_class *class = &now->cells->classes[i];
		struct told_answer before = style_answer(now, OLDER, class, styles[OLDER]);
		struct told_answer after = style_answer(now, NEWER, class, styles[NEWER]);
		char verb[96];

		if (before.rank == after.rank)
			continue;
		snprintf(verb, sizeof(verb), "see %.48s in", class->name);
		note(now, now->topic + 1 + (unsigned)i, verb, &before, &after, values);
	}
}

static void ask(struct comparison *now, const uint16_t values[DIM_COUNT])
{
	enum bl_action action = now->action == SHOWN ? ACTION_READ : (enum bl_action)now->action;
	struct rules_decision decisions[SIDES];
	struct asked_of asked[SIDES];
	char verb[96];

	now->asked++;
	for (unsigned side = 0; side < SIDES; side++) {
		int number = now->class ? now->class->number[side] : -1;

		now->status = asker_set(now->asker, (enum side)side, action, values, &asked[side]);
		if (now->status != BL_OK)
			return;
		if (now->action != SHOWN)
			rules_decide(asked[side].subject, &asked[side].facts, action,
				     number < 0 ? CLASS_LIMIT : (unsigned)number, &decisions[side]);
	}
	if (now->action == SHOWN) {
		compare_styles(now, asked, values);
		return;
	}
	struct told_answer before = diff_answer(&decisions[OLDER]);
	struct told_answer after = diff_answer(&decisions[NEWER]);

	if (before.rank != after.rank)
		note(now, now->topic, verb_of(now, verb), &before, &after, values);
}

/* ---- which questions ---------------------------------------------------------------------------------------------- */

static bool is_done(const struct comparison *now)
{
	return now->status != BL_OK || now->asked >= BUDGET || tellings_are_full(now->tellings);
}

static size_t product(const struct merged *merged)
{
	size_t total = 1;

	for (unsigned d = 0; d < DIM_COUNT; d++) {
		total *= merged->count[d];
		if (total > PRODUCT_LIMIT)
			return total;
	}
	return total;
}

static void ask_all(struct comparison *now)
{
	const struct merged *merged = &now->merged;
	size_t at[DIM_COUNT] = {0};
	uint16_t values[DIM_COUNT];

	for (;;) {
		size_t d = DIM_COUNT;

		for (unsigned i = 0; i < DIM_COUNT; i++)
			values[i] = merged->values[i][at[i]];
		ask(now, values);
		/* the last dimensions turn fastest: subjects are costly to make */
		while (d > 0 && ++at[d - 1] == merged->count[d - 1])
			at[--d] = 0;
		if (d == 0 || is_done(now))
			return;
	}
}

/* How well a value suits a rule: what it asks for holds, and what would lift it does not. */
static unsigned suits(const struct comparison *now, const struct sided *rule, enum dimension d,
		      uint16_t value)
{
	struct cell_code code = cell_code(now->cells, rule, d, value);

	return code.what * 4u + (code.unless != TRUE3 ? 1u : 0u);
}

static void suit(const struct comparison *now, const struct sided *rule, uint16_t out[DIM_COUNT])
{
	for (unsigned d = 0; d < DIM_COUNT; d++) {
		unsigned best = 0;

		out[d] = now->merged.values[d][0];
		for (size_t i = 0; i < now->merged.count[d]; i++) {
			uint16_t value = now->merged.values[d][i];
			unsigned fit = suits(now, rule, (enum dimension)d, value);

			if (fit <= best)
				continue;
			best = fit;
			out[d] = value;
		}
	}
}

static void vary_one(struct comparison *now, uint16_t values[DIM_COUNT], unsigned from)
{
	for (unsigned d = from; d < DIM_COUNT; d++) {
		uint16_t kept = values[d];

		for (size_t i = 0; i < now->merged.count[d] && !is_done(now); i++) {
			values[d] = now->merged.values[d][i];
			if (values[d] != kept || d == from)
				ask(now, values);
		}
		values[d] = kept;
	}
}

static void vary_two(struct comparison *now, uint16_t values[DIM_COUNT])
{
	for (unsigned d = 0; d < DIM_COUNT; d++) {
		uint16_t kept = values[d];

		for (size_t i = 0; i < now->merged.count[d] && !is_done(now); i++) {
			values[d] = now->merged.values[d][i];
			vary_one(now, values, d + 1);
		}
		values[d] = kept;
	}
}

/* As near to @values, which suit @rule, as also suits @other. */
static void suit_both(const struct comparison *now, const struct sided *rule,
		      const struct sided *other, uint16_t values[DIM_COUNT])
{
	for (unsigned d = 0; d < DIM_COUNT; d++) {
		unsigned best = suits(now, other, (enum dimension)d, values[d]);
		unsigned mine = suits(now, rule, (enum dimension)d, values[d]);

		for (size_t i = 0; i < now->merged.count[d]; i++) {
			uint16_t value = now->merged.values[d][i];
			unsigned fit = suits(now, other, (enum dimension)d, value);

			if (fit <= best || suits(now, rule, (enum dimension)d, value) < mine)
				continue;
			best = fit;
			values[d] = value;
		}
	}
}

static void ask_around(struct comparison *now)
{
	uint16_t values[DIM_COUNT], both[DIM_COUNT];

	for (size_t i = 0; i < now->rule_count && !is_done(now); i++) {
		suit(now, &now->rules[i], values);
		vary_one(now, values, 0);
	}
	/* pairs of one that differs and any other come first */
	for (size_t i = 0; i < now->rule_count && !is_done(now); i++) {
		suit(now, &now->rules[i], values);
		for (size_t k = 0; k < now->rule_count && !is_done(now); k++) {
			memcpy(both, values, sizeof(both));
			suit_both(now, &now->rules[i], &now->rules[k], both);
			vary_one(now, both, 0);
		}
	}
	for (size_t i = 0; i < now->rule_count && !is_done(now); i++)
		if (now->rules[i].rule->effect == EFFECT_PERMIT) {
			suit(now, &now->rules[i], values);
			vary_two(now, values);
		}
}

static void compare(struct comparison *now)
{
	BL_CLEANUP(arena_free) struct arena *arena = NULL;

	find_rules(now);
	now->differing = differing_first(now, now->is_shared);
	if (!now->differing && diff_same_caller(now->cells, &now->caller) &&
	    (now->action != SHOWN || diff_same_looks(now->cells)))
		return;
	arena = arena_new();
	now->status =
		arena ? cells_merge(now->cells, now->rules, now->rule_count, arena, &now->merged)
		      : BL_NO_MEMORY;
	now->asked = 0;
	if (is_done(now))
		return;
	if (product(&now->merged) <= PRODUCT_LIMIT)
		ask_all(now);
	else
		ask_around(now);
}

/* ---- classes of an unmask ------------------------------------------------------------------------------------------ */

/* Is @class spoken of just like an earlier one? The floor and rules with `contains` tell classes apart. */
static bool is_like(const struct cells *cells, const struct diff_class *a,
		    const struct diff_class *b)
{
	for (unsigned side = 0; side < SIDES; side++) {
		const struct policy *policy = cells->policy[side];
		int x = a->number[side], y = b->number[side];

		if ((x < 0) != (y < 0) ||
		    (FLOOR_CLASSES >> BL_MAX(x, 0) & 1) != (FLOOR_CLASSES >> BL_MAX(y, 0) & 1))
			return false;
		for (size_t i = 0; x >= 0 && i < policy->rule_count; i++)
			if ((policy->rules[i].contains >> x & 1) !=
			    (policy->rules[i].contains >> y & 1))
				return false;
	}
	return true;
}

static bool is_first_of_its_kind(const struct cells *cells, size_t class)
{
	for (size_t i = 0; i < class; i++)
		if (is_like(cells, &cells->classes[i], &cells->classes[class]))
			return false;
	return true;
}

static void compare_caller(struct comparison *now)
{
	asker_become(now->asker, &now->caller);
	for (unsigned i = 0; i <= SHOWN && now->status == BL_OK; i++) {
		/* a stat that comes with a list or read is not told again: it waits for them */
		now->action = i == SHOWN ? (unsigned)ACTION_STAT : i == ACTION_STAT ? SHOWN : i;
		now->topic = topic_of(now->action);
		now->class = NULL;
		if (now->action != ACTION_UNMASK) {
			compare(now);
			continue;
		}
		for (size_t k = 0; k < now->cells->class_count && now->status == BL_OK; k++) {
			now->class = &now->cells->classes[k];
			if (is_first_of_its_kind(now->cells, k))
				compare(now);
		}
	}
}

/* ---- callers --------------------------------------------------------------------------------------------------------- */

static uint64_t find_role(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->role_count; i++)
		if (strcmp(policy->roles[i].name, name) == 0)
			return UINT64_C(1) << i;
	return 0;
}

static const struct person *find_person(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->person_count; i++)
		if (strcmp(policy->people[i].name, name) == 0)
			return &policy->people[i];
	return NULL;
}

static void compare_roles(struct comparison *now)
{
	const struct policy *const *policy = now->cells->policy;

	for (unsigned side = SIDES; side-- > 0;)
		for (size_t i = 0; i < policy[side]->role_count && now->status == BL_OK; i++) {
			struct diff_caller caller = {.name = policy[side]->roles[i].name};

			caller.roles[OLDER] = find_role(policy[OLDER], caller.name);
			caller.roles[NEWER] = find_role(policy[NEWER], caller.name);
			if (side == OLDER && caller.roles[NEWER])
				continue; /* was asked with the newer file's */
			now->caller = caller;
			compare_caller(now);
		}
}

/* What a person is, to both files: roles by name, and how they stand at the reference moment. */
struct standing {
	uint64_t held[SIDES], given[SIDES];
};

static void stand(const struct cells *cells, const struct diff_caller *caller, struct standing *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned side = 0; side < SIDES; side++) {
		const struct policy *policy = cells->policy[side];
		const struct person *person = caller->person[side];

		if (!person)
			continue;
		out->held[side] = person->roles;
		out->given[side] =
			people_given(policy, person, people_day(policy, cells->base_unix));
	}
}

/* One role that is the same in both files was asked for as a role. */
static bool is_of_interest(const struct comparison *now, const struct diff_caller *caller,
			   const struct standing *standing)
{
	const struct person *older = caller->person[OLDER], *newer = caller->person[NEWER];
	const struct policy *const *policy = now->cells->policy;

	if (!older || !newer || __builtin_popcountll(newer->roles) != 1 ||
	    __builtin_popcountll(older->roles) != 1)
		return true;
	return (standing->given[OLDER] != 0) != (standing->given[NEWER] != 0) ||
	       strcmp(policy[OLDER]->roles[__builtin_ctzll(older->roles)].name,
		      policy[NEWER]->roles[__builtin_ctzll(newer->roles)].name) != 0;
}

static bool is_seen(struct standing *seen, size_t *count, const struct standing *standing)
{
	for (size_t i = 0; i < *count; i++)
		if (memcmp(&seen[i], standing, sizeof(*standing)) == 0)
			return true;
	seen[(*count)++] = *standing;
	return false;
}

static void compare_people(struct comparison *now)
{
	const struct policy *const *policy = now->cells->policy;
	size_t room = policy[OLDER]->person_count + policy[NEWER]->person_count + 1, seen_count = 0;
	BL_CLEANUP(bl_free) struct standing *seen = calloc(room, sizeof(*seen));

	if (!seen)
		now->status = BL_NO_MEMORY;
	for (unsigned side = SIDES; side-- > 0;)
		for (size_t i = 0; i < policy[side]->person_count && now->status == BL_OK; i++) {
			struct diff_caller caller = {.name = policy[side]->people[i].name,
						     .is_person = true};
			struct standing standing;

			for (unsigned of = 0; of < SIDES; of++) {
				caller.person[of] = find_person(policy[of], caller.name);
				caller.roles[of] = caller.person[of] ? caller.person[of]->roles : 0;
			}
			stand(now->cells, &caller, &standing);
			if ((side == OLDER && caller.person[NEWER]) ||
			    !is_of_interest(now, &caller, &standing) ||
			    is_seen(seen, &seen_count, &standing))
				continue;
			now->caller = caller;
			compare_caller(now);
		}
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------- */

static enum bl_status compare_decisions(const struct cells *cells, struct tellings *tellings)
{
	const struct policy *older = cells->policy[OLDER], *newer = cells->policy[NEWER];
	struct comparison now = {.cells = cells, .tellings = tellings, .status = BL_OK};
	BL_CLEANUP(asker_free) struct asker *asker = NULL;
	size_t room = older->rule_count + newer->rule_count + 1;
	BL_CLEANUP(bl_free) struct sided *rules = calloc(room, sizeof(*rules));
	BL_CLEANUP(bl_free) bool *is_shared = calloc(room, sizeof(*is_shared));
	enum bl_status status = rules && is_shared ? asker_new(cells, &asker) : BL_NO_MEMORY;

	if (status != BL_OK)
		return status;
	now.asker = asker;
	now.rules = rules;
	now.is_shared = is_shared;
	compare_roles(&now);
	if (now.status == BL_OK)
		compare_people(&now);
	return now.status;
}

static void hand_out(const struct tellings *tellings, rules_difference_fn *tell, void *context)
{
	for (unsigned pass = 0; pass < 2 && tell; pass++)
		for (size_t i = 0; i < tellings->count; i++) {
			const struct rules_difference *difference = &tellings->items[i].difference;

			/* wider ones first: they are what somebody must answer for */
			if (difference->is_wider == (pass == 0))
				tell(context, difference);
		}
}

/* A dimension that is full may have had more: what was not asked may be anything, so it counts as wider. */
static void tell_what_is_cut(const struct cells *cells, struct tellings *tellings)
{
	static const struct told_answer before = {0, "not asked", "more than 512"};
	static const struct told_answer after = {1, "not asked: counts as wider", "more than 512"};

	for (unsigned dimension = 0; dimension < DIM_COUNT; dimension++)
		if (cells->count[dimension] >= CELL_LIMIT &&
		    memcmp(policy_digest(cells->policy[OLDER]), policy_digest(cells->policy[NEWER]),
			   32) != 0) {
			tellings_add(tellings, "everybody", 0, &before, &after,
				     "more paths, ids, hours, sizes or limits are told apart than "
				     "can be compared");
			return;
		}
}

enum bl_status rules_diff(const struct policy *older, const struct policy *newer,
			  rules_difference_fn *tell, void *context, size_t *out_wider,
			  size_t *out_narrower)
{
	BL_CLEANUP(cells_free) struct cells *cells = NULL;
	BL_CLEANUP(bl_free) struct told *items = calloc(2 * (size_t)TOLD_LIMIT, sizeof(*items));
	struct tellings tellings = {.items = items};
	enum bl_status status = items ? cells_new(older, newer, &cells) : BL_NO_MEMORY;

	if (status != BL_OK)
		return status;
	tell_what_is_cut(cells, &tellings);
	diff_people(older, newer, &tellings);
	diff_patterns(older, newer, &tellings);
	diff_upkeep(older, newer, &tellings);
	status = diff_retention(cells, &tellings);
	if (status == BL_OK)
		status = diff_tests(older, newer, &tellings);
	if (status == BL_OK)
		status = compare_decisions(cells, &tellings);
	if (status != BL_OK)
		return status;
	hand_out(&tellings, tell, context);
	*out_wider = tellings.wider;
	*out_narrower = tellings.count - tellings.wider;
	return BL_OK;
}
