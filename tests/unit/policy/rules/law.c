/* The compiled evaluator against the naive one, and the laws of the language, over random policies.
 *
 * LAW_PAIRS=N (and LAW_TEXT_PAIRS=N) holds N pairs against each other; LAW_SEED=N begins at that seed: what a failure printed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <glob.h>

#include "naive-hold.h"
#include "naive-tests.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLOWER 10
#else
#define SLOWER 1
#endif
#define PAIRS	       (1024 * 1024 / SLOWER)
#define TEXT_PAIRS     (60000 / SLOWER)
#define LAW_POLICIES   (1500 / SLOWER)
#define SET_POLICIES   (300 / SLOWER)
#define LAW_QUESTIONS  10
#define FACT_QUESTIONS 4 /* each is asked again for every fact */
#define TEXT_QUESTIONS 20

static int load_zone(void **state)
{
	struct zone *zone = NULL;

	if (zone_load("Europe/Dublin", &zone, NULL) != BL_OK)
		return -1;
	*state = zone;
	return 0;
}

static int free_zone(void **state)
{
	zone_free(*state);
	return 0;
}

static uint64_t stated(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- side by side ------------------------------------------------------------------------------ */

static void compiled_and_naive_agree(void **state)
{
	static struct hold_run run;
	size_t pairs = (size_t)stated("LAW_PAIRS", PAIRS);

	run.zone = *state;
	if (!hold_pairs(&run, stated("LAW_SEED", 1), pairs))
		fail_msg("they differ");
	if (pairs < 10000)
		return;
	/* a generator that only ever forbids, and for one reason, would prove nothing */
	for (size_t i = 0; i < BL_COUNT(run.outcomes); i++)
		if (run.outcomes[i] < pairs / 200)
			fail_msg("only %zu of %zu: %s", run.outcomes[i], pairs,
				 words_outcome((enum rules_outcome)i));
	for (size_t i = 0; i < BL_COUNT(run.by); i++)
		if (run.by[i] < pairs / 1000)
			fail_msg("only %zu of %zu for reason %zu", run.by[i], pairs, i);
	assert_true(run.shown > pairs / 1000 && run.walked > pairs / 100);
}

/* The same policy by way of its text; NULL: the loader refuses what was made, and @out_findings says why. */
static struct policy *by_text(const struct policy *policy, struct rules_findings *out_findings)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct policy *loaded = NULL;

	assert_non_null(out);
	words_policy(out, policy);
	fclose(out);
	enum bl_status status = rules_parse(text, size, &loaded, out_findings, NULL);

	free(text);
	return status == BL_OK ? loaded : NULL;
}

/* The loader against the structs that its text was written from. */
static void a_policy_in_words_means_the_same(void **state)
{
	static struct hold_run run;
	static struct random_policy made;
	size_t pairs = (size_t)stated("LAW_TEXT_PAIRS", TEXT_PAIRS);

	run.zone = *state;
	for (uint64_t seed = stated("LAW_SEED", 1); run.pairs < pairs; seed++) {
		struct dice dice = dice_of(seed);
		struct rules_findings findings;
		BL_CLEANUP(policy_unref) struct policy *loaded = NULL;
		BL_CLEANUP(scene_done) struct scene *scene = &(struct scene){0};
		char what[256];

		hold_world(&run, seed);
		random_policy(&made, &dice, run.zone, &run.world, false);
		loaded = by_text(&made.policy, &findings);
		if (!loaded) {
			hold_failed(&made.policy, NULL, findings.items[0].text, seed);
			fail_msg("the loader refuses seed %llu", (unsigned long long)seed);
		}
		scene_draw(scene, &dice);
		scene_open(scene, loaded);
		for (size_t i = 0; i < TEXT_QUESTIONS; i++) {
			struct question q;

			scene_question(scene, &q, &dice, &run.world);
			if (hold(&run, scene, &made.policy, &q, ~0u, what, sizeof(what)))
				continue;
			hold_failed(&made.policy, &q, what, seed);
			fail_msg("they differ");
		}
		scene_done(scene);
	}
}

/* The naive evaluator against people: what the examples' authors expect of their own policies. */
static void naive_agrees_with_the_examples(void **state)
{
	const char *pattern = getenv("LAW_EXAMPLES");
	glob_t files = {0};
	size_t tests = 0;

	(void)state;
	assert_int_equal(glob(pattern ? pattern : "examples/policies/*.yaml", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		BL_CLEANUP(policy_unref) struct policy *policy = NULL;
		struct rules_findings findings;

		if (rules_load(files.gl_pathv[i], &policy, &findings, NULL) != BL_OK)
			fail_msg("%s: %s", files.gl_pathv[i], findings.items[0].text);
		for (size_t test = 0; test < policy->test_count; test++)
			if (!tests_agree(policy, &policy->tests[test]))
				fail_msg("%s, test %zu", files.gl_pathv[i], test + 1);
		tests += policy->test_count;
	}
	globfree(&files);
	assert_true(tests > 5);
}

/* ---- the laws ---------------------------------------------------------------------------------- */

struct answers {
	struct rules_decision decisions[ACTION_COUNT];
	uint8_t styles[CLASS_LIMIT], read[CLASS_LIMIT], copy[CLASS_LIMIT];
	bool may_walk;
};

static void ask(struct scene *scene, const struct question *q, struct answers *out)
{
	struct scene_facts at;

	scene_facts(scene, q, &at);
	for (unsigned action = 0; action < ACTION_COUNT; action++)
		rules_decide(at.subject, &at.facts, (enum bl_action)action, q->class,
			     &out->decisions[action]);
	rules_styles(at.subject, &at.facts, out->styles);
	rules_shows(at.subject, &at.facts, ACTION_READ, out->read);
	rules_shows(at.subject, &at.facts, ACTION_COPY, out->copy);
	out->may_walk = rules_may_walk(at.subject, &at.facts);
}

static unsigned openness(enum rules_outcome outcome)
{
	return outcome == RULES_FORBID	   ? 0
	       : outcome == RULES_ASK	   ? 1
	       : outcome == RULES_WITHHOLD ? 2
					   : 3;
}

/* What widened; NULL: nothing. The greater of two styles shows more, and an original most. */
static const char *widened(const struct answers *before, const struct answers *after)
{
	for (unsigned i = 0; i < ACTION_COUNT; i++)
		if (openness(after->decisions[i].outcome) > openness(before->decisions[i].outcome))
			return bl_action_name((enum bl_action)i);
	for (unsigned i = 0; i < CLASS_LIMIT; i++)
		if (after->styles[i] > before->styles[i] || after->read[i] > before->read[i] ||
		    after->copy[i] > before->copy[i])
			return "what is shown";
	return after->may_walk && !before->may_walk ? "walking" : NULL;
}

/* What is permitted or shown otherwise; the reason may be another. */
static const char *turned(const struct answers *before, const struct answers *after)
{
	return widened(before, after) ? widened(before, after) : widened(after, before);
}

static const char *changed(const struct answers *before, const struct answers *after)
{
	for (unsigned i = 0; i < ACTION_COUNT; i++)
		if (strcmp(before->decisions[i].rule, after->decisions[i].rule) != 0)
			return bl_action_name((enum bl_action)i);
	return turned(before, after);
}

typedef const char *judge_fn(const struct answers *before, const struct answers *after);

/* One policy twice, and the scenes of both. Laws change the second. */
struct trial {
	uint64_t seed;
	struct dice dice;
	struct random_world world;
	struct random_policy before, after;
	struct scene scenes[2];
};

static void trial_make(struct trial *trial, uint64_t seed, struct zone *zone)
{
	struct dice world = dice_of(~seed), twin;

	trial->seed = seed;
	trial->dice = twin = dice_of(seed);
	random_world(&trial->world, &world);
	random_policy(&trial->before, &trial->dice, zone, &trial->world, true);
	/* rules point into their own arrays: the same dice make the same policy twice */
	random_policy(&trial->after, &twin, zone, &trial->world, true);
	scene_draw(&trial->scenes[0], &trial->dice);
	trial->scenes[1] = trial->scenes[0];
}

static void trial_open(struct trial *trial)
{
	struct random_policy *made[] = {&trial->before, &trial->after};

	for (size_t i = 0; i < 2; i++) {
		if (rules_compile(&made[i]->policy, NULL) != BL_OK)
			fail_msg("seed %llu does not compile", (unsigned long long)trial->seed);
		scene_open(&trial->scenes[i], &made[i]->policy);
	}
}

static void trial_close(struct trial *trial)
{
	scene_done(&trial->scenes[0]);
	scene_done(&trial->scenes[1]);
	rules_compiled_free(trial->before.policy.compiled);
	rules_compiled_free(trial->after.policy.compiled);
}

static void broken(const struct trial *trial, const char *law, const char *what,
		   const struct question *before, const struct question *after)
{
	words_policy(stderr, &trial->before.policy);
	words_question(stderr, &trial->before.policy, before);
	fputs("and then:\n", stderr);
	words_policy(stderr, &trial->after.policy);
	words_question(stderr, &trial->after.policy, after);
	fail_msg("%s, seed %llu: %s", law, (unsigned long long)trial->seed, what);
}

/* The same question in the other scene. */
static struct question moved(const struct scene scenes[2], const struct question *q)
{
	struct question other = *q;

	other.who = &scenes[1].who[q->who - scenes[0].who];
	if (q->device)
		other.device = &scenes[1].devices[q->device - scenes[0].devices];
	return other;
}

/* ---- laws of policies -------------------------------------------------------------------------- */

/* A law changes the second policy; false when it has nothing to change. */
typedef bool change_fn(struct trial *trial);

static bool shuffle(struct trial *trial)
{
	struct random_policy *made = &trial->after;

	for (size_t i = made->policy.rule_count; i > 1; i--) {
		size_t other = dice_below(&trial->dice, (uint32_t)i);
		struct rule swapped = made->rules[other];

		made->rules[other] = made->rules[i - 1];
		made->rules[i - 1] = swapped;
	}
	return true;
}

static bool add_forbid_or_withhold(struct trial *trial)
{
	struct random_policy *made = &trial->after;
	size_t at = made->policy.rule_count++;

	do
		random_rule(made, &trial->dice, at, dice_one_in(&trial->dice, 4));
	while (made->rules[at].effect != EFFECT_FORBID &&
	       made->rules[at].effect != EFFECT_WITHHOLD);
	return true;
}

static bool add_rule_of_set(struct trial *trial)
{
	random_rule(&trial->after, &trial->dice, trial->after.policy.rule_count++, true);
	return true;
}

static bool remove_permit(struct trial *trial)
{
	struct random_policy *made = &trial->after;
	size_t first = dice_below(&trial->dice, (uint32_t)made->policy.rule_count);

	for (size_t i = 0; i < made->policy.rule_count; i++) {
		size_t at = (first + i) % made->policy.rule_count;

		if (made->rules[at].effect != EFFECT_PERMIT)
			continue;
		made->rules[at] = made->rules[--made->policy.rule_count];
		return true;
	}
	return false;
}

/* What binds a role still binds it, and what its masks showed is shown no more. */
static bool let_lapse(struct trial *trial)
{
	struct person *person = &trial->after.people[dice_below(&trial->dice, 5)];

	person->training_expires_day = person->insurance_expires_day = DAY_NONE;
	return true;
}

static void hold_law(struct zone *zone, const char *law, change_fn *change, judge_fn *judge)
{
	static struct trial trial;
	size_t tried = 0;

	for (uint64_t seed = 1; seed <= LAW_POLICIES; seed++) {
		trial_make(&trial, seed, zone);
		if (!change(&trial))
			continue;
		tried++;
		trial_open(&trial);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			struct answers was, is;
			struct question q, other;

			scene_question(&trial.scenes[0], &q, &trial.dice, &trial.world);
			other = moved(trial.scenes, &q);
			ask(&trial.scenes[0], &q, &was);
			ask(&trial.scenes[1], &other, &is);
			if (judge(&was, &is))
				broken(&trial, law, judge(&was, &is), &q, &other);
		}
		trial_close(&trial);
	}
	assert_true(tried > LAW_POLICIES / 2);
}

static void shuffling_rules_changes_nothing(void **state)
{
	hold_law(*state, "shuffle", shuffle, changed);
}

static void adding_a_forbid_or_withhold_never_widens(void **state)
{
	hold_law(*state, "forbid", add_forbid_or_withhold, widened);
}

static void using_a_shipped_set_never_widens(void **state)
{
	hold_law(*state, "uses", add_rule_of_set, widened);
}

static void a_lapse_never_widens(void **state)
{
	hold_law(*state, "lapse", let_lapse, widened);
}

static void removing_a_permit_never_widens(void **state)
{
	hold_law(*state, "remove", remove_permit, widened);
}

/* The shipped sets themselves, of which the random rules of a set know nothing. */
static void the_shipped_sets_never_widen_and_mean_the_same(void **state)
{
	static const char *sets[] = {"builtin/pci", "builtin/hipaa-safe-harbor", "builtin/gdpr"};
	static struct hold_run run;
	static struct random_policy made;
	char what[256];

	run.zone = *state;
	for (uint64_t seed = 1; seed <= SET_POLICIES; seed++) {
		BL_CLEANUP(policy_unref) struct policy *without = NULL, *with = NULL;
		struct scene scenes[2] = {0};
		struct dice dice = dice_of(seed);
		struct rules_findings findings;

		hold_world(&run, seed);
		random_policy(&made, &dice, run.zone, &run.world, false);
		without = by_text(&made.policy, &findings);
		made.policy.uses = (struct string_list){&sets[seed % 3], 1};
		with = by_text(&made.policy, &findings);
		if (!without || !with)
			fail_msg("seed %llu: %s", (unsigned long long)seed, findings.items[0].text);
		assert_true(with->rule_count > without->rule_count);
		scene_draw(&scenes[0], &dice);
		scenes[1] = scenes[0];
		scene_open(&scenes[0], without);
		scene_open(&scenes[1], with);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			struct answers was, is;
			struct question q, other;

			scene_question(&scenes[0], &q, &dice, &run.world);
			other = moved(scenes, &q);
			ask(&scenes[0], &q, &was);
			ask(&scenes[1], &other, &is);
			const char *wider = widened(&was, &is);

			if (!wider && hold(&run, &scenes[1], with, &other, ~0u, what, sizeof(what)))
				continue;
			hold_failed(with, &other, wider ? wider : what, seed);
			fail_msg("%s", sets[seed % 3]);
		}
		scene_done(&scenes[0]);
		scene_done(&scenes[1]);
	}
}

/* A mask decides nothing, and shows no more of a class of which some mask is true already. */
static size_t beside_true_masks(struct trial *trial, const struct question *q)
{
	struct question other = moved(trial->scenes, q);
	struct naive_case n = naive_case(&trial->before.policy, q, &trial->world.memo);
	struct answers was, is;
	size_t tried = 0;

	ask(&trial->scenes[0], q, &was);
	ask(&trial->scenes[1], &other, &is);
	for (unsigned i = 0; i < ACTION_COUNT; i++)
		if (strcmp(was.decisions[i].rule, is.decisions[i].rule) != 0)
			broken(trial, "mask", "decides", q, &other);
	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		bool is_true = false;

		for (size_t r = 0; r < trial->before.policy.rule_count; r++)
			is_true |= !trial->before.rules[r].set &&
				   naive_mask(&n, &trial->before.rules[r], class) == YES;
		tried += is_true;
		if (is_true &&
		    (is.styles[class] > was.styles[class] || is.read[class] > was.read[class] ||
		     is.copy[class] > was.copy[class]))
			broken(trial, "mask", "shows more", q, &other);
	}
	return tried;
}

static void adding_a_mask_beside_a_true_one_never_widens(void **state)
{
	static struct trial trial;
	size_t tried = 0;

	for (uint64_t seed = 1; seed <= LAW_POLICIES; seed++) {
		trial_make(&trial, seed, *state);
		size_t at = trial.after.policy.rule_count++;

		do
			random_rule(&trial.after, &trial.dice, at, false);
		while (trial.after.rules[at].effect != EFFECT_MASK);
		trial_open(&trial);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			struct question q;

			scene_question(&trial.scenes[0], &q, &trial.dice, &trial.world);
			tried += beside_true_masks(&trial, &q);
		}
		trial_close(&trial);
	}
	assert_true(tried > LAW_POLICIES);
}

/* ---- laws of questions ------------------------------------------------------------------------- */

/* A law changes the second question (and the device and person of the second scene are its own). */
typedef void fact_fn(struct question *q, struct dice *dice);

static void no_path(struct question *q, struct dice *dice)
{
	(void)dice;
	q->path = NULL;
}

static void no_kind(struct question *q, struct dice *dice)
{
	(void)dice;
	q->kind = -1;
}

static void no_size(struct question *q, struct dice *dice)
{
	(void)dice;
	q->size_bytes = -1;
}

/* A status not stated closes no gate, so only where the gate is open can it be compared. */
static void no_state(struct question *q, struct dice *dice)
{
	(void)dice;
	if (q->state != STATE_DUE && q->state != STATE_SHREDDED)
		q->state = -1;
}

static void no_consent(struct question *q, struct dice *dice)
{
	(void)dice;
	q->consent = CONSENT_UNKNOWN;
}

static void no_findings(struct question *q, struct dice *dice)
{
	q->has = 0;
	q->is_whole_known = false;
	q->is_unscanned |= !q->is_directory && dice_one_in(dice, 2);
}

static void not_the_whole(struct question *q, struct dice *dice)
{
	(void)dice;
	q->is_whole_known = false;
}

static void no_device(struct question *q, struct dice *dice)
{
	(void)dice;
	q->device = NULL;
}

static void fewer_approvals(struct question *q, struct dice *dice)
{
	size_t last = q->approval_count - 1;

	if (!q->approval_count)
		return;
	q->approvals[dice_below(dice, (uint32_t)q->approval_count)] = q->approvals[last];
	q->approval_count = last;
}

static void more_used(struct question *q, struct dice *dice)
{
	unsigned unit = dice_below(dice, UNIT_COUNT), period = dice_below(dice, PERIOD_COUNT);

	q->used.amount[unit][period] += dice_below(dice, 4);
}

static void another_path(struct question *q, struct dice *dice)
{
	(void)dice;
	if (q->other_path)
		return;
	q->other_path = "/Users/kim/DCIM/a.jpg";
}

static const struct {
	const char *name;
	fact_fn *change;
} FACT_LAWS[] = {
	{"path unknown", no_path},
	{"kind unknown", no_kind},
	{"size unknown", no_size},
	{"status unknown", no_state},
	{"consent unknown", no_consent},
	{"findings unknown", no_findings},
	{"not looked through to the end", not_the_whole},
	{"device unknown", no_device},
	{"fewer approvals", fewer_approvals},
	{"more used", more_used},
	{"another path known", another_path},
};

static void one_fact_less(struct trial *trial, const struct question *q)
{
	struct answers was, is;

	ask(&trial->scenes[0], q, &was);
	for (size_t law = 0; law < BL_COUNT(FACT_LAWS); law++) {
		struct question less = *q;

		FACT_LAWS[law].change(&less, &trial->dice);
		ask(&trial->scenes[0], &less, &is);
		if (widened(&was, &is))
			broken(trial, FACT_LAWS[law].name, widened(&was, &is), q, &less);
	}
	struct question other = moved(trial->scenes, q);

	ask(&trial->scenes[1], &other, &is);
	if (widened(&was, &is))
		broken(trial, "clock, id, kind of device or reason unknown", widened(&was, &is), q,
		       &other);
}

/* What is no fact of the question is not known in the second scene: the clock, all ids, all kinds of device, any reason. */
static void know_less(struct trial *trial)
{
	unsigned which = dice_below(&trial->dice, 4);

	for (size_t i = 0; i < HOLD_PEOPLE; i++) {
		if (which == 0)
			trial->scenes[1].who[i].is_clock_trusted = false;
		if (which == 3)
			trial->scenes[1].who[i].has_reason = false;
	}
	for (size_t i = 0; i < HOLD_DEVICES; i++) {
		if (which == 1)
			trial->scenes[1].devices[i].id = NULL;
		if (which == 2)
			trial->scenes[1].devices[i].kind = -1;
	}
}

static void turning_a_fact_unknown_never_widens(void **state)
{
	static struct trial trial;

	for (uint64_t seed = 1; seed <= LAW_POLICIES; seed++) {
		trial_make(&trial, seed, *state);
		know_less(&trial);
		trial_open(&trial);
		for (unsigned i = 0; i < FACT_QUESTIONS; i++) {
			struct question q;

			scene_question(&trial.scenes[0], &q, &trial.dice, &trial.world);
			one_fact_less(&trial, &q);
		}
		trial_close(&trial);
	}
}

/* ---- how long an answer holds ------------------------------------------------------------------ */

static void below_the_step_of_a_limit_nothing_changes(void **state)
{
	static struct trial trial;
	size_t limited = 0;

	for (uint64_t seed = 1; seed <= LAW_POLICIES; seed++) {
		trial_make(&trial, seed, *state);
		trial_open(&trial);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			enum bl_unit unit = (enum bl_unit)(i % UNIT_COUNT);
			struct answers was, is;
			struct question q, more;
			struct scene_facts at;

			scene_question(&trial.scenes[0], &q, &trial.dice, &trial.world);
			scene_facts(&trial.scenes[0], &q, &at);
			uint64_t step = rules_limit_step(at.subject, &q.used, unit);

			limited += step != UINT64_MAX;
			more = q;
			for (unsigned p = 0; p < PERIOD_COUNT; p++)
				more.used.amount[unit][p] += step == UINT64_MAX ? 1000 : step - 1;
			ask(&trial.scenes[0], &q, &was);
			ask(&trial.scenes[0], &more, &is);
			if (step == 0 || turned(&was, &is))
				broken(&trial, "limit step", step ? turned(&was, &is) : "0", &q,
				       &more);
		}
		trial_close(&trial);
	}
	assert_true(limited > LAW_POLICIES);
}

/* An approval of tomorrow would begin to count: nobody gives one. */
static void drop_future(struct question *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->approval_count; i++)
		if (q->approvals[i].given_unix <= q->who->now_unix)
			q->approvals[kept++] = q->approvals[i];
	q->approval_count = kept;
}

/* The last second of what rules_subject_valid_until and rules_approvals_until promise. */
static int64_t last_second(const struct trial *trial, const struct question *q)
{
	const struct rules_subject *subject =
		trial->scenes[0].subjects[q->who - trial->scenes[0].who];
	int64_t until = rules_subject_valid_until(subject);
	int64_t given = rules_approvals_until(&trial->before.policy, q->approvals,
					      q->approval_count, q->who->now_unix);

	until = BL_MIN(until, given);
	return until == INT64_MAX ? q->who->now_unix + 86400 : until - 1;
}

static void nothing_changes_before_it_is_said_to(void **state)
{
	static struct trial trial;

	for (uint64_t seed = 1; seed <= LAW_POLICIES; seed++) {
		trial_make(&trial, seed, *state);
		trial_open(&trial);
		for (unsigned i = 0; i < LAW_QUESTIONS; i++) {
			struct answers was, is;
			struct question q, later;

			scene_question(&trial.scenes[0], &q, &trial.dice, &trial.world);
			size_t who = (size_t)(q.who - trial.scenes[0].who);

			if (!q.who->is_clock_trusted)
				continue;
			drop_future(&q);
			later = moved(trial.scenes, &q);
			trial.scenes[1].who[who] = *q.who;
			trial.scenes[1].who[who].now_unix = last_second(&trial, &q);
			rules_subject_free(trial.scenes[1].subjects[who]);
			trial.scenes[1].subjects[who] = NULL;
			assert_int_equal(rules_subject_new(&trial.after.policy,
							   &trial.scenes[1].who[who],
							   &trial.scenes[1].subjects[who], NULL),
					 BL_OK);
			ask(&trial.scenes[0], &q, &was);
			ask(&trial.scenes[1], &later, &is);
			if (changed(&was, &is))
				broken(&trial, "valid until", changed(&was, &is), &q, &later);
		}
		trial_close(&trial);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_and_naive_agree),
		cmocka_unit_test(a_policy_in_words_means_the_same),
		cmocka_unit_test(naive_agrees_with_the_examples),
		cmocka_unit_test(shuffling_rules_changes_nothing),
		cmocka_unit_test(adding_a_forbid_or_withhold_never_widens),
		cmocka_unit_test(using_a_shipped_set_never_widens),
		cmocka_unit_test(the_shipped_sets_never_widen_and_mean_the_same),
		cmocka_unit_test(a_lapse_never_widens),
		cmocka_unit_test(removing_a_permit_never_widens),
		cmocka_unit_test(adding_a_mask_beside_a_true_one_never_widens),
		cmocka_unit_test(turning_a_fact_unknown_never_widens),
		cmocka_unit_test(below_the_step_of_a_limit_nothing_changes),
		cmocka_unit_test(nothing_changes_before_it_is_said_to),
	};

	return cmocka_run_group_tests(tests, load_zone, free_zone);
}
