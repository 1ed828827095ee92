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

/* ---- a request as sets --------------------------------------------------------------------- */

void request_init(struct request *request, const struct rules_subject *subject,
		  const struct rules_facts *facts)
{
	const struct compiled *compiled = subject->policy->compiled;
	unsigned kind = KIND_UNKNOWN, state = STATE_UNKNOWN;

	if (facts->is_directory)
		kind = KIND_DIRECTORY;
	else if (facts->kind >= 0 && facts->kind < FILE_KIND_COUNT)
		kind = (unsigned)facts->kind;
	if (facts->state >= 0 && facts->state < STATE_COUNT)
		state = (unsigned)facts->state;
	request->subject = subject;
	request->compiled = compiled;
	request->facts = facts;
	request->kind = kind;
	request->kind_true = compiled->kind_true[kind];
	request->kind_maybe = compiled->kind_maybe[kind];
	request->fact_true =
		compiled->fact_true[fact_row(state, facts->consent, facts->caller_check)];
	request->fact_maybe =
		compiled->fact_maybe[fact_row(state, facts->consent, facts->caller_check)];
	request->is_mismatched = facts->places && places_policy(facts->places) != subject->policy;
	if (facts->places && !request->is_mismatched)
		places_sets(facts->places, facts->place, &request->place);
	else
		request->place =
			(struct place_sets){compiled->no_device_true, compiled->no_device_maybe,
					    compiled->no_device_true};
}

/* Take the rules out whose max_size is not met, or (unless @is_maybe) not known. */
static uint64_t fit_size(const struct request *request, size_t word, uint64_t bits, bool is_maybe)
{
	uint64_t sized = bits & request->compiled->odd[word];
	int64_t size = request->facts->size_bytes;

	for (; sized; sized &= sized - 1) {
		size_t in_word = bit_first(sized);
		uint16_t index = request->compiled->rule_of[word * 64 + in_word];
		int64_t limit = request->subject->policy->rules[index].max_size_bytes;
		bool fits = limit < 0 || (size < 0 ? is_maybe : size <= limit);

		if ((limit >= 0 && request->facts->is_directory) || !fits)
			bits &= ~(UINT64_C(1) << in_word);
	}
	return bits;
}

static inline uint64_t true_of(const struct request *request, const uint64_t *who, size_t word)
{
	uint64_t bits = who[word] & request->place.is_true[word] & request->kind_true[word] &
			request->fact_true[word];

	return fit_size(request, word, bits, false);
}

uint64_t request_true(const struct request *request, size_t word)
{
	return true_of(request, request->subject->holds, word);
}

uint64_t request_but_lapse(const struct request *request, size_t word)
{
	return true_of(request, request->subject->but_lapse, word);
}

static inline uint64_t place_maybe(const struct request *request, size_t word)
{
	uint64_t bits = request->place.maybe[word];

	for (size_t i = 0; i < request->facts->other_count && request->facts->places; i++) {
		struct place_sets other;

		places_sets(request->facts->places, request->facts->other_places[i], &other);
		bits |= other.maybe[word];
	}
	return bits;
}

static inline uint64_t maybe_of(const struct request *request, size_t word)
{
	uint64_t bits = request->subject->maybe[word] & request->kind_maybe[word] &
			request->fact_maybe[word];

	if (bits)
		bits &= place_maybe(request, word);
	return fit_size(request, word, bits, true);
}

uint64_t request_maybe(const struct request *request, size_t word)
{
	return maybe_of(request, word);
}

/* True by any known path: only to say whether what decided was known. */
static bool is_true_by_any_path(const struct request *request, size_t bit)
{
	struct request other = *request;
	uint64_t one = UINT64_C(1) << bit % 64;

	if (request_true(request, bit / 64) & one)
		return true;
	for (size_t i = 0; i < request->facts->other_count && request->facts->places; i++) {
		places_sets(request->facts->places, request->facts->other_places[i], &other.place);
		if (request_true(&other, bit / 64) & one)
			return true;
	}
	return false;
}

/* ---- deciding ------------------------------------------------------------------------------ */

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

/* First of the permits of @action in @who that are true; false when there is none. */
static bool find_permit(const struct request *request, const uint64_t *who, enum bl_action action,
			size_t *out_bit)
{
	const struct compiled *compiled = request->compiled;
	const uint64_t *permits = compiled->permit[action];

	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++) {
		uint64_t bits = who[w] & permits[w] & request->place.is_true[w] &
				request->kind_true[w] & request->fact_true[w];

		bits = fit_size(request, w, bits, false);
		if (bits) {
			*out_bit = w * 64 + bit_first(bits);
			return true;
		}
	}
	return false;
}

static bool find_against(const struct request *request, const uint64_t *rules,
			 enum rules_effect effect, size_t *out_bit)
{
	const struct compiled *compiled = request->compiled;

	for (size_t w = compiled->begin[effect]; w < compiled->end[effect]; w++) {
		uint64_t bits = rules[w] ? rules[w] & maybe_of(request, w) : 0;

		if (bits) {
			*out_bit = w * 64 + bit_first(bits);
			return true;
		}
	}
	return false;
}

/* Meaning 4, of one action by itself. */
static void decide_action(const struct request *request, enum bl_action action,
			  struct rules_decision *out)
{
	const struct rules_subject *subject = request->subject;
	size_t bit;

	if (find_against(request, request->compiled->forbid[action], EFFECT_FORBID, &bit))
		by_rule(request, bit, RULES_FORBID, out);
	else if (find_permit(request, subject->ready, action, &bit))
		by_rule(request, bit, RULES_PERMIT, out);
	else if (find_permit(request, subject->holds, action, &bit))
		by_rule(request, bit, RULES_ASK, out);
	else if (find_permit(request, subject->but_lapse, action, &bit))
		by_other(RULES_BY_LAPSED, "lapsed", out);
	else
		by_other(RULES_BY_DEFAULT, "default", out);
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

/* forbid < ask < permit: what the enum does not say by its order */
static unsigned openness(enum rules_outcome outcome)
{
	static const uint8_t order[] = {
		[RULES_FORBID] = 0,
		[RULES_ASK] = 1,
		[RULES_WITHHOLD] = 2,
		[RULES_PERMIT] = 3,
	};

	return order[outcome];
}

static void decide(const struct request *request, enum bl_action action, unsigned class,
		   struct rules_decision *out)
{
	size_t bit;

	if (is_gate_shut(request, action)) {
		by_other(RULES_BY_GATE, "gate", out);
		return;
	}
	if (action == ACTION_UNMASK && floor_forbids_unmask(class)) {
		by_other(RULES_BY_BASELINE, "builtin/baseline", out);
		return;
	}
	decide_action(request, action, out);
	if (action_needs_read(action) && out->outcome != RULES_FORBID) {
		struct rules_decision read;

		decide_action(request, ACTION_READ, &read);
		if (openness(read.outcome) < openness(out->outcome))
			*out = read;
	}
	if (action_is_of_contents(action) && out->outcome == RULES_PERMIT &&
	    !request->facts->is_directory &&
	    find_against(request, request->compiled->withhold[request->kind], EFFECT_WITHHOLD,
			 &bit))
		by_rule(request, bit, RULES_WITHHOLD, out);
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
	if (is_gate_shut(&request, ACTION_LIST))
		return false;
	/* what is forbidden here shows no name, also when a permit reaches further down */
	if (find_against(&request, request.compiled->forbid[ACTION_LIST], EFFECT_FORBID, &bit))
		return false;

	const struct compiled *compiled = request.compiled;

	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++)
		if (subject->ready[w] & compiled->permit[ACTION_LIST][w] & request.place.below[w] &
		    request.fact_true[w])
			return true;
	return false;
}
