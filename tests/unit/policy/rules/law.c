/* The compiled evaluator against the naive one, and the laws of the language, over random policies. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "naive.h"

#define POLICIES  5000
#define QUESTIONS 42 /* 210,000 pairs, each asked for what opens devices and one thing more */

struct answers {
	struct rules_decision decisions[ACTION_COUNT];
	uint8_t styles[CLASS_LIMIT];
	bool may_walk;
};

static void ask(const struct policy *policy, const struct question *question, unsigned class,
		struct answers *out)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	BL_CLEANUP(rules_places_free) struct rules_places *places = NULL;
	struct question q = *question;
	rules_place other = RULES_PLACE_UNKNOWN;

	q.who.caller.groups = q.groups;
	assert_int_equal(rules_subject_new(policy, &q.who, &subject, NULL), BL_OK);
	assert_int_equal(rules_places_new(policy, &q.device, &places, NULL), BL_OK);
	struct rules_facts facts = {
		.places = q.has_device ? places : NULL,
		.place = RULES_PLACE_UNKNOWN,
		.kind = q.kind,
		.size_bytes = q.size_bytes,
		.state = q.state,
		.is_log_writable = q.is_log_writable,
		.is_directory = q.is_directory,
	};

	if (q.path)
		assert_int_equal(rules_places_walk(places, q.path, &facts.place), BL_OK);
	if (q.other_path) {
		assert_int_equal(rules_places_walk(places, q.other_path, &other), BL_OK);
		facts.other_places = &other;
		facts.other_count = 1;
	}
	for (unsigned action = 0; action < ACTION_COUNT; action++)
		rules_decide(subject, &facts, (enum bl_action)action, class,
			     &out->decisions[action]);
	rules_styles(subject, &facts, out->styles);
	out->may_walk = rules_may_walk(subject, &facts);
}

static struct zone *zone;

static int load_zone(void **state)
{
	(void)state;
	return zone_load("Europe/Dublin", &zone, NULL) == BL_OK ? 0 : -1;
}

static int free_zone(void **state)
{
	(void)state;
	zone_free(zone);
	return 0;
}

static void compile(struct built *built)
{
	struct bl_error why;

	if (rules_compile(&built->policy, &why) != BL_OK)
		fail_msg("does not compile: %s", why.text);
}

static void done(struct built *built)
{
	rules_compiled_free(built->policy.compiled);
	built->policy.compiled = NULL;
	assert_int_equal(atomic_load(&built->policy.references), 1);
}

static void compare(const struct built *built, const struct question *q, unsigned class,
		    unsigned seed)
{
	struct answers got;

	ask(&built->policy, q, class, &got);
	for (unsigned i = 0; i <= ACTION_REQUEST; i++) {
		unsigned more = seed % (ACTION_COUNT - ACTION_REQUEST);
		unsigned action = i < ACTION_REQUEST ? i : ACTION_REQUEST + more;
		struct naive_answer want =
			naive_decide(&built->policy, q, (enum bl_action)action, class);
		const struct rules_decision *is = &got.decisions[action];

		if (is->outcome != want.outcome || strcmp(is->rule, want.rule) != 0 ||
		    is->is_unknown != want.is_unknown)
			fail_msg("seed %u, %s at %s: naive says %d by %s (%d), got %d by %s (%d)",
				 seed, bl_action_name((enum bl_action)action),
				 q->path ? q->path : "?", (int)want.outcome, want.rule,
				 want.is_unknown, (int)is->outcome, is->rule, is->is_unknown);
	}
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (got.styles[i] != naive_style(&built->policy, q, i))
			fail_msg("seed %u, class %s at %s: naive says %s, got %s", seed,
				 bl_class_name((enum bl_class)i), q->path ? q->path : "?",
				 bl_style_name(naive_style(&built->policy, q, i)),
				 bl_style_name(got.styles[i]));
	if (got.may_walk != naive_walk(&built->policy, q))
		fail_msg("seed %u, walk at %s: got %d", seed, q->path ? q->path : "?",
			 got.may_walk);
}

static void compiled_and_naive_agree(void **state)
{
	size_t outcomes[4] = {0};

	(void)state;
	for (unsigned seed = 1; seed <= POLICIES; seed++) {
		struct dice dice = {seed * UINT64_C(0x9e3779b97f4a7c15)};
		struct built built;

		build_policy(&built, &dice, zone);
		compile(&built);
		for (unsigned i = 0; i < QUESTIONS; i++) {
			struct question q;
			unsigned class = dice_below(&dice, CLASS_COUNT);

			build_question(&q, &dice);
			compare(&built, &q, class, seed);
			outcomes[naive_decide(&built.policy, &q, ACTION_READ, 0).outcome]++;
		}
		done(&built);
	}
	/* a generator that only ever forbids would prove nothing */
	for (size_t i = 0; i < 4; i++)
		assert_true(outcomes[i] > 1000);
}

/* ---- the laws ---------------------------------------------------------------------------------- */

#define LAW_POLICIES  1000
#define LAW_QUESTIONS 12

static unsigned openness(enum rules_outcome outcome)
{
	return outcome == RULES_FORBID	   ? 0
	       : outcome == RULES_ASK	   ? 1
	       : outcome == RULES_WITHHOLD ? 2
					   : 3;
}

static void never_wider(const char *law, unsigned seed, const struct answers *before,
			const struct answers *after)
{
	for (unsigned i = 0; i < ACTION_COUNT; i++)
		if (openness(after->decisions[i].outcome) > openness(before->decisions[i].outcome))
			fail_msg("%s, seed %u: %s widened", law, seed,
				 bl_action_name((enum bl_action)i));
	for (unsigned i = 0; i < CLASS_LIMIT; i++)
		if (after->styles[i] > before->styles[i])
			fail_msg("%s, seed %u: class %u shows more", law, seed, i);
	if (after->may_walk && !before->may_walk)
		fail_msg("%s, seed %u: walk widened", law, seed);
}

static void same(const char *law, unsigned seed, const struct answers *before,
		 const struct answers *after)
{
	never_wider(law, seed, before, after);
	never_wider(law, seed, after, before);
	for (unsigned i = 0; i < ACTION_COUNT; i++)
		if (strcmp(before->decisions[i].rule, after->decisions[i].rule) != 0)
			fail_msg("%s, seed %u: decided by %s, then by %s", law, seed,
				 before->decisions[i].rule, after->decisions[i].rule);
}

/* A law changes the policy; false when it has nothing to change. */
typedef bool change_fn(struct built *built, struct dice *dice);
typedef void judge_fn(const char *law, unsigned seed, const struct answers *before,
		      const struct answers *after);

static bool shuffle(struct built *built, struct dice *dice)
{
	for (size_t i = built->policy.rule_count; i > 1; i--) {
		size_t other = dice_below(dice, (uint32_t)i);
		struct rule swapped = built->rules[other];

		built->rules[other] = built->rules[i - 1];
		built->rules[i - 1] = swapped;
	}
	return true;
}

static bool add_forbid_or_withhold(struct built *built, struct dice *dice)
{
	size_t at = built->policy.rule_count++;

	do
		build_rule(built, dice, at);
	while (built->rules[at].effect != EFFECT_FORBID &&
	       built->rules[at].effect != EFFECT_WITHHOLD);
	return true;
}

static bool remove_permit(struct built *built, struct dice *dice)
{
	size_t first = dice_below(dice, (uint32_t)built->policy.rule_count);

	for (size_t i = 0; i < built->policy.rule_count; i++) {
		size_t at = (first + i) % built->policy.rule_count;

		if (built->rules[at].effect != EFFECT_PERMIT)
			continue;
		built->rules[at] = built->rules[--built->policy.rule_count];
		return true;
	}
	return false;
}

static void hold_law(const char *law, change_fn *change, judge_fn *judge)
{
	size_t tried = 0;

	for (unsigned seed = 1; seed <= LAW_POLICIES; seed++) {
		struct dice dice = {seed * UINT64_C(0xd1342543de82ef95)};
		struct built before, after;

		build_policy(&before, &dice, zone);
		/* rules point into their own arrays: the same dice build the same policy twice */
		struct dice again = {seed * UINT64_C(0xd1342543de82ef95)};

		build_policy(&after, &again, zone);
		if (!change(&after, &dice))
			continue;
		tried++;
		compile(&before);
		compile(&after);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			struct question q;
			struct answers was, is;

			build_question(&q, &dice);
			ask(&before.policy, &q, CLASS_EMAIL, &was);
			ask(&after.policy, &q, CLASS_EMAIL, &is);
			judge(law, seed, &was, &is);
		}
		done(&before);
		done(&after);
	}
	assert_true(tried > LAW_POLICIES / 2);
}

static void shuffling_rules_changes_nothing(void **state)
{
	(void)state;
	hold_law("shuffle", shuffle, same);
}

static void adding_a_forbid_or_withhold_never_widens(void **state)
{
	(void)state;
	hold_law("forbid", add_forbid_or_withhold, never_wider);
}

static void removing_a_permit_never_widens(void **state)
{
	(void)state;
	hold_law("remove", remove_permit, never_wider);
}

/* Only for classes of which some mask is true already does the law promise anything. */
static void adding_a_mask_beside_a_true_one_never_widens(void **state)
{
	size_t tried = 0;

	(void)state;
	for (unsigned seed = 1; seed <= LAW_POLICIES; seed++) {
		struct dice dice = {seed * UINT64_C(0x94d049bb133111eb)};
		struct built built;

		build_policy(&built, &dice, zone);
		size_t at = built.policy.rule_count;

		do
			build_rule(&built, &dice, at);
		while (built.rules[at].effect != EFFECT_MASK);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			struct question q;
			struct answers was, is;

			build_question(&q, &dice);
			compile(&built);
			ask(&built.policy, &q, CLASS_EMAIL, &was);
			built.policy.rule_count++;
			compile(&built);
			ask(&built.policy, &q, CLASS_EMAIL, &is);
			built.policy.rule_count--;
			for (unsigned class = 0; class < CLASS_COUNT; class ++) {
				bool is_true = false;

				for (size_t r = 0; r < at; r++)
					is_true |= built.rules[r].effect == EFFECT_MASK &&
						   built.rules[r].styles[class] != STYLE_NONE &&
						   naive_matches(&built.policy, &q, &built.rules[r],
								 false) == YES;
				tried += is_true;
				if (is_true && is.styles[class] > was.styles[class])
					fail_msg("seed %u: class %u shows more", seed, class);
			}
		}
		done(&built);
	}
	assert_true(tried > 1000);
}

static void turning_a_fact_unknown_never_widens(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= LAW_POLICIES; seed++) {
		struct dice dice = {seed * UINT64_C(0xbf58476d1ce4e5b9)};
		struct built built;

		build_policy(&built, &dice, zone);
		compile(&built);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			struct question q;
			struct answers was, is;
			static const char *const laws[] = {"id",   "device", "path", "kind",
							   "size", "state",  "clock"};

			build_question(&q, &dice);
			/* a status not stated closes no gate, so only an open gate can be compared */
			if (q.state == STATE_DUE || q.state == STATE_SHREDDED)
				q.state = STATE_OPEN;
			ask(&built.policy, &q, CLASS_EMAIL, &was);
			for (unsigned law = 0; law < BL_COUNT(laws); law++) {
				struct question less = q;

				less.device.id = law == 0 ? NULL : q.device.id;
				less.device.kind = law == 1 ? -1 : q.device.kind;
				less.path = law == 2 ? NULL : q.path;
				less.kind = law == 3 ? -1 : q.kind;
				less.size_bytes = law == 4 ? -1 : q.size_bytes;
				less.state = law == 5 ? -1 : q.state;
				less.who.is_clock_trusted = law != 6 && q.who.is_clock_trusted;
				ask(&built.policy, &less, CLASS_EMAIL, &is);
				never_wider(laws[law], seed, &was, &is);
			}
		}
		done(&built);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_and_naive_agree),
		cmocka_unit_test(shuffling_rules_changes_nothing),
		cmocka_unit_test(adding_a_forbid_or_withhold_never_widens),
		cmocka_unit_test(removing_a_permit_never_widens),
		cmocka_unit_test(adding_a_mask_beside_a_true_one_never_widens),
		cmocka_unit_test(turning_a_fact_unknown_never_widens),
	};

	return cmocka_run_group_tests(tests, load_zone, free_zone);
}
