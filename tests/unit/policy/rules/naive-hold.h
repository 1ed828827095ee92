/* naive-hold.h - the compiled evaluator held against the naive one, over random policies and questions */
#ifndef TESTS_UNIT_POLICY_RULES_NAIVE_HOLD_H
#define TESTS_UNIT_POLICY_RULES_NAIVE_HOLD_H

#include "random-words.h"

/* ---- what the compiled evaluator says ---------------------------------------------------------- */

#define HOLD_PEOPLE  8
#define HOLD_DEVICES 3

/* One compiled policy, and everybody and everything that is asked about. */
struct scene {
	const struct policy *policy;
	struct rules_circumstances who[HOLD_PEOPLE];
	struct rules_device devices[HOLD_DEVICES];
	struct rules_subject *subjects[HOLD_PEOPLE];
	struct rules_places *places[HOLD_DEVICES];
};

static inline void scene_done(struct scene *scene)
{
	for (size_t i = 0; i < HOLD_PEOPLE; i++)
		rules_subject_free(scene->subjects[i]);
	for (size_t i = 0; i < HOLD_DEVICES; i++)
		rules_places_free(scene->places[i]);
	*scene = (struct scene){0};
}
BL_DEFINE_CLEANUP(struct scene, scene_done)

static inline void scene_draw(struct scene *scene, struct dice *dice)
{
	for (size_t i = 0; i < HOLD_PEOPLE; i++)
		scene->who[i] = random_who(dice);
	for (size_t i = 0; i < HOLD_DEVICES; i++)
		scene->devices[i] = random_device(dice);
}

/* scene_open - after scene_draw; @policy is compiled */
static inline void scene_open(struct scene *scene, const struct policy *policy)
{
	scene->policy = policy;
	for (size_t i = 0; i < HOLD_PEOPLE; i++)
		if (rules_subject_new(policy, &scene->who[i], &scene->subjects[i], NULL) != BL_OK)
			abort();
	for (size_t i = 0; i < HOLD_DEVICES; i++)
		if (rules_places_new(policy, &scene->devices[i], &scene->places[i], NULL) != BL_OK)
			abort();
}

/* A question about this scene's people and devices. */
static inline void scene_question(const struct scene *scene, struct question *q, struct dice *dice,
				  const struct random_world *world)
{
	size_t who = dice_below(dice, HOLD_PEOPLE), device = dice_below(dice, HOLD_DEVICES);

	random_question(q, dice, world, &scene->who[who], &scene->devices[device]);
}

struct scene_facts {
	struct rules_facts facts;
	rules_place other;
	const struct rules_subject *subject;
};

static inline rules_place scene_place(struct rules_places *places, const char *path)
{
	rules_place place;

	if (rules_places_walk(places, path, &place) != BL_OK)
		abort();
	return place;
}

/* @out may not move afterwards */
static inline void scene_facts(struct scene *scene, const struct question *q,
			       struct scene_facts *out)
{
	struct rules_places *places = q->device ? scene->places[q->device - scene->devices] : NULL;

	static const struct rules_used nothing;
	bool is_new = memcmp(&q->used, &nothing, sizeof(nothing)) == 0;

	*out = (struct scene_facts){
		.facts = {.places = places,
			  .place = places && q->path ? scene_place(places, q->path)
						     : RULES_PLACE_UNKNOWN,
			  .kind = q->kind,
			  .size_bytes = q->size_bytes,
			  .state = q->state,
			  .is_log_writable = q->is_log_writable,
			  .is_directory = q->is_directory,
			  .consent = q->consent,
			  .caller_check = q->check,
			  .has = q->has,
			  .is_whole_known = q->is_whole_known,
			  .is_unscanned = q->is_unscanned,
			  .is_paid = q->is_paid,
			  .used = is_new ? NULL : &q->used,
			  .approvals = q->approvals,
			  .approval_count = q->approval_count},
		.subject = scene->subjects[q->who - scene->who],
	};
	if (places && q->other_path) {
		out->other = scene_place(places, q->other_path);
		out->facts.other_places = &out->other;
		out->facts.other_count = 1;
	}
}

/* ---- both, side by side ------------------------------------------------------------------------ */

struct hold_run {
	struct zone *zone; /* borrowed */
	struct random_world world;
	size_t outcomes[4], by[6], pairs;
	size_t shown,
		walked; /* questions in which something was shown as it is, or could be walked */
};

/* What is asked beside the decision itself. It costs more, so not of every question. */
enum hold_more { HOLD_STYLES = 1, HOLD_SHOWS = 2, HOLD_WALK = 4 };

static inline bool hold_is_said(const struct rules_decision *is, const struct naive_answer *want)
{
	return is->outcome == want->outcome && is->by == want->by &&
	       strcmp(is->rule, want->rule) == 0 && is->is_unknown == want->is_unknown;
}

static inline bool hold_decision(const struct naive_case *n, const struct naive_answer *want,
				 const struct scene_facts *facts, char *out, size_t size)
{
	const struct question *q = n->q;
	struct rules_decision is;

	rules_decide(facts->subject, &facts->facts, q->action, q->class, &is);
	if (hold_is_said(&is, want))
		return true;
	/* where the action and the read it needs come to the same, either may be told as the reason */
	if (is.outcome == want->outcome && naive_needs_read(q->action) &&
	    want->by != RULES_BY_GATE && want->by != RULES_BY_BASELINE) {
		int class = q->action == ACTION_UNMASK ? (int)q->class : -1;
		struct naive_answer read = naive_action(n, ACTION_READ, class);

		if (hold_is_said(&is, &read))
			return true;
	}
	snprintf(out, size, "naive says %s by %s%s, compiled says %s by %s%s",
		 words_outcome(want->outcome), want->rule, want->is_unknown ? " (unknown)" : "",
		 words_outcome(is.outcome), is.rule, is.is_unknown ? " (unknown)" : "");
	return false;
}

static inline bool hold_each_style(const struct policy *policy, const char *what,
				   const uint8_t want[CLASS_LIMIT], const uint8_t is[CLASS_LIMIT],
				   char *out, size_t size)
{
	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		if (want[class] == is[class])
			continue;
		snprintf(out, size, "%s of class %s: naive says %s, compiled says %s", what,
			 words_class(policy, class), bl_style_name(want[class]),
			 is[class] <= STYLE_ORIGINAL ? bl_style_name(is[class]) : "nonsense");
		return false;
	}
	return true;
}

static inline bool hold_styles(const struct naive_case *n, const struct scene_facts *facts,
			       char *out, size_t size)
{
	uint8_t want[CLASS_LIMIT], is[CLASS_LIMIT];

	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		want[class] = (uint8_t)naive_style(n, class);
	rules_styles(facts->subject, &facts->facts, is);
	return hold_each_style(n->policy, "style", want, is, out, size);
}

static inline bool hold_shows(struct hold_run *run, const struct naive_case *n,
			      const struct scene_facts *facts, char *out, size_t size)
{
	enum bl_action action = n->q->action == ACTION_COPY ? ACTION_COPY : ACTION_READ;
	uint8_t want[CLASS_LIMIT], is[CLASS_LIMIT];

	naive_shows(n, action, want);
	rules_shows(facts->subject, &facts->facts, action, is);
	run->shown += memchr(want, STYLE_ORIGINAL, sizeof(want)) != NULL;
	return hold_each_style(n->policy, action == ACTION_COPY ? "copy shows" : "read shows", want,
			       is, out, size);
}

static inline bool hold_walk(struct hold_run *run, const struct naive_case *n,
			     const struct scene_facts *facts, char *out, size_t size)
{
	bool may_walk = naive_walk(n->policy, n->q, n->memo);

	run->walked += may_walk;
	if (may_walk == rules_may_walk(facts->subject, &facts->facts))
		return true;
	snprintf(out, size, "walk: naive says %s, compiled says %s", may_walk ? "yes" : "no",
		 may_walk ? "no" : "yes");
	return false;
}

/*
 * hold - do both say the same?
 *
 * @policy  what the naive evaluator looks at: of the scene's own, or one that says the same
 * @more    bits of enum hold_more
 * @out     in words, when they do not
 */
static inline bool hold(struct hold_run *run, struct scene *scene, const struct policy *policy,
			const struct question *q, unsigned more, char *out, size_t size)
{
	struct naive_case n = naive_case(policy, q, &run->world.memo);
	struct naive_answer answer = naive_about(&n, q->action, q->class);
	struct scene_facts facts;

	run->outcomes[answer.outcome]++;
	run->by[answer.by]++;
	run->pairs++;
	scene_facts(scene, q, &facts);
	if (!hold_decision(&n, &answer, &facts, out, size))
		return false;
	if (more & HOLD_STYLES && !hold_styles(&n, &facts, out, size))
		return false;
	if (more & HOLD_SHOWS && !hold_shows(run, &n, &facts, out, size))
		return false;
	return !(more & HOLD_WALK) || hold_walk(run, &n, &facts, out, size);
}

/* ---- many of them ------------------------------------------------------------------------------ */

#define HOLD_QUESTIONS 64 /* of one policy */
#define HOLD_POLICIES  64 /* of one world */

/* The world of a policy's seed. */
static inline void hold_world(struct hold_run *run, uint64_t seed)
{
	struct dice dice = dice_of(~(seed / HOLD_POLICIES));

	random_world(&run->world, &dice);
}

static inline void hold_failed(const struct policy *policy, const struct question *q,
			       const char *what, uint64_t seed)
{
	fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, what);
	words_policy(stderr, policy);
	words_question(stderr, policy, q);
}

/* Does this seed's policy answer its questions as the naive evaluator does? Tells of the first that differs. */
static inline bool hold_seed(struct hold_run *run, uint64_t seed, size_t questions)
{
	struct dice dice = dice_of(seed);
	struct random_policy made;
	BL_CLEANUP(scene_done) struct scene *scene = &(struct scene){0};
	char what[256] = "does not compile";
	bool is_same = true;

	random_policy(&made, &dice, run->zone, &run->world, true);
	if (rules_compile(&made.policy, NULL) != BL_OK) {
		hold_failed(&made.policy, NULL, what, seed);
		return false;
	}
	scene_draw(scene, &dice);
	scene_open(scene, &made.policy);
	for (size_t i = 0; is_same && i < questions; i++) {
		unsigned more = (i % 4 ? 0 : HOLD_STYLES) | (i % 8 ? 0 : HOLD_SHOWS) |
				(i % 2 ? 0 : HOLD_WALK);
		struct question q;

		scene_question(scene, &q, &dice, &run->world);
		is_same = hold(run, scene, &made.policy, &q, more, what, sizeof(what));
		if (!is_same)
			hold_failed(&made.policy, &q, what, seed);
	}
	scene_done(scene);
	rules_compiled_free(made.policy.compiled);
	return is_same;
}

/* hold_pairs - at least @pairs, from @seed on */
static inline bool hold_pairs(struct hold_run *run, uint64_t seed, size_t pairs)
{
	hold_world(run, seed);
	for (; run->pairs < pairs; seed++) {
		if (seed % HOLD_POLICIES == 0)
			hold_world(run, seed);
		size_t left = pairs - run->pairs;

		if (!hold_seed(run, seed, BL_MIN(left, HOLD_QUESTIONS)))
			return false;
	}
	return true;
}

#endif
