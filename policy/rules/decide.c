#include "policy/rules/decide.h"

#include <string.h>

/* ---- the floor ----------------------------------------------------------------------------- */

bl_classes floor_always_fill(void)
{
	return CLASS_BIT(CLASS_CARD_SECURITY_CODE) | CLASS_BIT(CLASS_CARD_PIN) |
	       CLASS_BIT(CLASS_CARD_TRACK) | CLASS_BIT(CLASS_PASSWORD) |
	       CLASS_BIT(CLASS_PRIVATE_KEY) | CLASS_BIT(CLASS_SECRET) |
	       CLASS_BIT(CLASS_URL_CREDENTIALS);
}

bool floor_forbids_unmask(unsigned class)
{
	/* a number that is no class is nothing we could ever show */
	return class >= CLASS_LIMIT || ((floor_always_fill() | CLASS_BIT(CLASS_CARD)) >> class & 1);
}

bool action_needs_read(enum bl_action action)
{
	return action == ACTION_COPY || action == ACTION_UNMASK;
}

bool action_is_of_contents(enum bl_action action)
{
	return action == ACTION_READ || action_needs_read(action);
}

/* ---- one rule ------------------------------------------------------------------------------ */

/* True by any known path: only to say whether what decided was known. */
static bool is_true_by_any_path(const struct request *request, size_t bit)
{
	const struct rules_facts *facts = request->facts;
	uint64_t one = UINT64_C(1) << bit % 64;

	if (request_true(request, bit / 64) & one)
		return true;
	for (size_t i = 0; i < facts->other_count && facts->places; i++) {
		struct place_sets other;

		places_sets(facts->places, facts->other_places[i], &other);
		if (request_true_at(request, &other, bit / 64) & one)
			return true;
	}
	return false;
}

static void by_rule(const struct request *request, size_t bit, enum rules_outcome outcome,
		    struct rules_decision *out)
{
	uint16_t index = request->compiled->rule_of[bit];
	bool counts_unknown = outcome == RULES_FORBID || outcome == RULES_WITHHOLD;

	*out = (struct rules_decision){
		.outcome = outcome,
		.by = RULES_BY_RULE,
		.rule = request->subject->policy->rules[index].id,
		.rule_index = index,
		.is_unknown = counts_unknown && !is_true_by_any_path(request, bit),
	};
}

static void by_other(enum rules_by by, const char *name, struct rules_decision *out)
{
	*out = (struct rules_decision){.outcome = RULES_FORBID, .by = by, .rule = name};
}

/* ---- deciding ------------------------------------------------------------------------------ */

static bool find_against(const struct request *request, const uint64_t *rules,
			 enum rules_effect effect, size_t *out_bit)
{
	const struct compiled *compiled = request->compiled;
	const uint64_t *who = request->subject->maybe;

	for (size_t w = compiled->begin[effect]; w < compiled->end[effect]; w++) {
		uint64_t bits = rules[w] & who[w] & request->kind_maybe[w] & request->fact_maybe[w];

		if (bits)
			bits &= request_place_maybe(request, w);
		if (bits & compiled->odd[w])
			bits = request_odd_maybe(request, w, bits);
		if (bits) {
			*out_bit = w * 64 + bit_first(bits);
			return true;
		}
	}
	return false;
}

/* Take the odd rules out of @chain and tell of the best of them, the first by id of its kind. */
static uint64_t weigh_odd(const struct request *request, size_t word, uint64_t chain,
			  enum candidate *best, size_t *out_bit)
{
	const struct compiled *compiled = request->compiled;
	uint64_t odd = chain & compiled->odd[word];
	uint64_t ready = chain & ~odd & request->subject->ready[word];

	chain ^= odd;
	/* behind one that is ready nothing better comes */
	if (ready)
		odd &= (ready & -ready) - 1;
	for (; odd && *best < CANDIDATE_READY; odd &= odd - 1) {
		size_t bit = word * 64 + bit_first(odd);
		enum candidate candidate = request_candidate(request, bit);

		if (candidate > *best) {
			*best = candidate;
			*out_bit = bit;
		}
	}
	return chain;
}

/* The best that a permit of the action says, and the first permit by id that says it. */
static enum candidate find_permit(const struct request *request, size_t *out_bit)
{
	const struct compiled *compiled = request->compiled;
	const struct rules_subject *subject = request->subject;
	const uint64_t *permits = compiled->permit[request->action];
	enum candidate best = CANDIDATE_NOT;
	size_t end = compiled->end[EFFECT_PERMIT];

	*out_bit = SIZE_MAX;
	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < end && best < CANDIDATE_READY; w++) {
		/* holds and ready are part of but_lapse, so most words end here */
		uint64_t chain = permits[w] & request_chain(request, subject->but_lapse, w);

		if (!chain)
			continue;
		if (chain & compiled->odd[w])
			chain = weigh_odd(request, w, chain, &best, out_bit);
		uint64_t ready = chain & subject->ready[w], asks = chain & subject->holds[w];
		uint64_t sets[] = {chain, asks, ready};
		static const enum candidate says[] = {CANDIDATE_LAPSED, CANDIDATE_ASK,
						      CANDIDATE_READY};

		for (size_t i = BL_COUNT(sets); i-- > 0;) {
			size_t bit = sets[i] ? w * 64 + bit_first(sets[i]) : SIZE_MAX;

			if (bit == SIZE_MAX || best > says[i] ||
			    (best == says[i] && bit > *out_bit))
				continue;
			best = says[i];
			*out_bit = bit;
		}
	}
	return best;
}

/* What the best permit says. */
static void by_permit(enum candidate best, const struct request *request, size_t bit,
		      struct rules_decision *out)
{
	switch (best) {
	case CANDIDATE_READY:
		by_rule(request, bit, RULES_PERMIT, out);
		break;
	case CANDIDATE_ASK:
		by_rule(request, bit, RULES_ASK, out);
		break;
	case CANDIDATE_LIMITED:
		by_other(RULES_BY_LIMIT, "limit", out);
		break;
	case CANDIDATE_LAPSED:
		by_other(RULES_BY_LAPSED, "lapsed", out);
		break;
	case CANDIDATE_NOT:
		by_other(RULES_BY_DEFAULT, "default", out);
		break;
	}
}

/* Meaning 4, of one action by itself. */
static void decide_action(struct request *request, enum bl_action action, unsigned class,
			  struct rules_decision *out)
{
	size_t bit;

	request_ask(request, action, class);
	if (find_against(request, request->compiled->forbid[action], EFFECT_FORBID, &bit)) {
		by_rule(request, bit, RULES_FORBID, out);
		return;
	}
	enum candidate best = find_permit(request, &bit);

	by_permit(best, request, bit, out);
}

static bool is_gate_shut(const struct request *request, enum bl_action action)
{
	static const uint32_t of_device = 1u << ACTION_LIST | 1u << ACTION_STAT |
					  1u << ACTION_READ | 1u << ACTION_COPY |
					  1u << ACTION_UNMASK;
	bool is_over =
		request->facts->state == STATE_DUE || request->facts->state == STATE_SHREDDED;

	return request->is_mismatched || !request->facts->is_log_writable ||
	       (is_over && of_device >> action & 1);
}

/* The lesser is told: forbid by a rule, forbid for want of a permit, ask, permit. */
static unsigned openness(const struct rules_decision *decision)
{
	static const uint8_t order[] = {
		[RULES_FORBID] = 1,
		[RULES_ASK] = 2,
		[RULES_WITHHOLD] = 3,
		[RULES_PERMIT] = 4,
	};
	bool is_by_rule = decision->by == RULES_BY_RULE;

	return decision->outcome == RULES_FORBID && is_by_rule ? 0 : order[decision->outcome];
}

/* What a permit of contents comes to: withheld by a rule, or until it is looked through. */
static void withhold(const struct request *request, struct rules_decision *out)
{
	const uint64_t *rules = request->compiled->withhold[request->kind];
	size_t bit;

	if (request->facts->is_directory)
		return;
	if (find_against(request, rules, EFFECT_WITHHOLD, &bit)) {
		by_rule(request, bit, RULES_WITHHOLD, out);
	} else if (request->facts->is_unscanned) {
		by_other(RULES_BY_DEFAULT, "default", out);
		out->outcome = RULES_WITHHOLD;
	}
}

static void decide(struct request *request, enum bl_action action, unsigned class,
		   struct rules_decision *out)
{
	unsigned asked = action == ACTION_UNMASK ? class : CLASS_NONE;

	if (is_gate_shut(request, action)) {
		by_other(RULES_BY_GATE, "gate", out);
		return;
	}
	if (action == ACTION_UNMASK && floor_forbids_unmask(class)) {
		by_other(RULES_BY_BASELINE, "builtin/baseline", out);
		return;
	}
	decide_action(request, action, asked, out);
	if (action_needs_read(action)) {
		struct rules_decision read;

		decide_action(request, ACTION_READ, asked, &read);
		if (openness(&read) < openness(out))
			*out = read;
	}
	if (action_is_of_contents(action) && out->outcome == RULES_PERMIT)
		withhold(request, out);
}

void rules_decide(const struct rules_subject *subject, const struct rules_facts *facts,
		  enum bl_action action, unsigned class, struct rules_decision *out_decision)
{
	struct request request;

	request_init(&request, subject, facts);
	decide(&request, action, class, out_decision);
}

bool rules_may_walk(const struct rules_subject *subject, const struct rules_facts *facts)
{
	struct rules_facts directory = *facts;
	struct request request;
	size_t bit;

	directory.is_directory = true;
	request_init(&request, subject, &directory);
	request_ask(&request, ACTION_LIST, CLASS_NONE);
	if (is_gate_shut(&request, ACTION_LIST))
		return false;
	/* what is forbidden here shows no name, also when a permit reaches further down */
	if (find_against(&request, request.compiled->forbid[ACTION_LIST], EFFECT_FORBID, &bit))
		return false;

	/* whatever a file further down may be: each is decided by itself */
	request.is_walk = true;
	request.place.is_true = request.place.maybe = request.place.below;
	request.kind_true = request.kind_maybe = request.compiled->all;
	return find_permit(&request, &bit) == CANDIDATE_READY;
}

void rules_reach(const struct rules_subject *subject, const struct rules_facts *facts,
		 enum bl_action action, struct rules_decision *out_decision)
{
	struct rules_facts directory = *facts;
	struct request request;
	size_t bit;

	directory.is_directory = true;
	request_init(&request, subject, &directory);
	request_ask(&request, action, CLASS_NONE);
	if (is_gate_shut(&request, action)) {
		by_other(RULES_BY_GATE, "gate", out_decision);
		return;
	}
	/* what speaks of files is false of a directory: only what closes all of it closes it here */
	if (find_against(&request, request.compiled->forbid[action], EFFECT_FORBID, &bit)) {
		by_rule(&request, bit, RULES_FORBID, out_decision);
		return;
	}
	request.is_walk = true;
	request.place.is_true = request.place.maybe = request.place.below;
	request.kind_true = request.kind_maybe = request.compiled->all;
	enum candidate best = find_permit(&request, &bit);

	by_permit(best, &request, bit, out_decision);
}

/* ---- limits and approvals ------------------------------------------------------------------ */

uint64_t rules_limit_step(const struct rules_subject *subject, const struct rules_used *used,
			  enum bl_unit unit)
{
	const struct policy *policy = subject->policy;
	const struct compiled *compiled = policy->compiled;
	uint64_t step = UINT64_MAX;

	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		/*
		 * lapsed roles give nothing, but what they are told to lack depends on limits too
		 */
		for (uint64_t todo = subject->but_lapse[w]; todo; todo &= todo - 1) {
			const struct rule *rule =
				&policy->rules[compiled->rule_of[w * 64 + bit_first(todo)]];
			const struct limit *limit = &rule->limits[unit];
			uint64_t spent = used ? used->amount[unit][limit->period] : 0;

			/* one that is used up changes nothing until its time has passed */
			if (limit->is_set && spent < limit->most)
				step = BL_MIN(step, limit->most - spent);
		}
	return step;
}

int64_t rules_approvals_until(const struct policy *policy, const struct rules_approval *approvals,
			      size_t count, int64_t now_unix)
{
	int64_t until = INT64_MAX;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct approvals *needed = &policy->rules[i].approvals;

		for (size_t j = 0; j < count && needed->count; j++) {
			int64_t end;

			if (approvals[j].roles & needed->from &&
			    !__builtin_add_overflow(approvals[j].given_unix, needed->valid_seconds,
						    &end) &&
			    end > now_unix)
				until = BL_MIN(until, end);
		}
	}
	return until;
}
