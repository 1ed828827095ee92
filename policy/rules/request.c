/* One request as sets of rules, and what sets alone cannot say of a rule. */
#include "policy/rules/decide.h"

/* ---- the sets ------------------------------------------------------------------------------ */

static size_t row_of_facts(const struct rules_facts *facts)
{
	bool is_stated = facts->state >= 0 && facts->state < STATE_COUNT;
	bool is_consent = (unsigned)facts->consent < CONSENT_COUNT;
	bool is_check = (unsigned)facts->caller_check < CHECK_COUNT;

	return fact_row(is_stated ? (unsigned)facts->state : STATE_UNKNOWN,
			is_consent ? facts->consent : CONSENT_UNKNOWN,
			is_check ? facts->caller_check : CHECK_NONE);
}

void request_init(struct request *request, const struct rules_subject *subject,
		  const struct rules_facts *facts)
{
	const struct compiled *compiled = subject->policy->compiled;
	size_t row = row_of_facts(facts);
	unsigned kind = KIND_UNKNOWN;

	if (facts->is_directory)
		kind = KIND_DIRECTORY;
	else if (facts->kind >= 0 && facts->kind < FILE_KIND_COUNT)
		kind = (unsigned)facts->kind;
	request->subject = subject;
	request->compiled = compiled;
	request->facts = facts;
	request->kind = kind;
	request->kind_true = compiled->kind_true[kind];
	request->kind_maybe = compiled->kind_maybe[kind];
	request->fact_true = compiled->fact_true[row];
	request->fact_maybe = compiled->fact_maybe[row];
	request->is_mismatched = facts->places && places_policy(facts->places) != subject->policy;
	request->is_walk = request->is_inner = false;
	if (facts->places && !request->is_mismatched)
		places_sets(facts->places, facts->place, &request->place);
	else
		request->place =
			(struct place_sets){compiled->no_device_true, compiled->no_device_maybe,
					    compiled->no_device_true};
	request_ask(request, ACTION_READ, CLASS_NONE);
}

void request_ask(struct request *request, enum bl_action action, unsigned class)
{
	request->action = action;
	request->class = class;
}

static const struct rule *rule_at(const struct request *request, size_t bit)
{
	return &request->subject->policy->rules[request->compiled->rule_of[bit]];
}

/* ---- file words ---------------------------------------------------------------------------- */

static enum three fits_size(const struct request *request, const struct odd_rule *odd)
{
	const struct rules_facts *facts = request->facts;

	if (odd->max_size_bytes < 0 || request->is_walk)
		return TRUE3;
	if (facts->is_directory)
		return FALSE3;
	if (facts->size_bytes < 0)
		return UNKNOWN3;
	return facts->size_bytes <= odd->max_size_bytes ? TRUE3 : FALSE3;
}

/* Of an unmask and of masks the classes that are meant, of all else a fact about the whole file. */
static enum three has_class(const struct request *request, size_t bit)
{
	const struct compiled *compiled = request->compiled;
	const struct rules_facts *facts = request->facts;
	bl_classes contains = compiled->odd_rules[bit].contains;

	if (!contains || request->is_walk)
		return TRUE3;
	/* the words of an effect stand together: permits, forbids, then what is of no action */
	if (request->action == ACTION_UNMASK && bit / 64 < compiled->end[EFFECT_FORBID]) {
		bool is_meant =
			request->class == CLASS_NONE ||
			(request->class < CLASS_LIMIT && contains & CLASS_BIT(request->class));

		return is_meant ? TRUE3 : FALSE3;
	}
	if (facts->is_directory)
		return FALSE3;
	if (facts->has & contains)
		return TRUE3;
	return facts->is_whole_known ? FALSE3 : UNKNOWN3;
}

/* ---- limits -------------------------------------------------------------------------------- */

static bool is_used_up(const struct request *request, const struct odd_rule *odd)
{
	static const bool is_paid_at_open[UNIT_COUNT] = {
		[UNIT_FILES] = true, [UNIT_UNMASKS] = true};
	const struct rules_facts *facts = request->facts;

	if (!(odd->flags & ODD_LIMITS))
		return false;
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		unsigned period = odd->periods[unit];

		if (period >= PERIOD_COUNT || (facts->is_paid && is_paid_at_open[unit]))
			continue;
		if ((facts->used ? facts->used->amount[unit][period] : 0) >= odd->most[unit])
			return true;
	}
	return false;
}

/* ---- approvals ----------------------------------------------------------------------------- */

/* What was approved: the action asked for, or one that needs it. Who may look into a file may see that it is there. */
static bool is_approval_of(const struct rules_approval *approval, enum bl_action action,
			   unsigned class)
{
	static const uint32_t looks = 1u << ACTION_LIST | 1u << ACTION_STAT | 1u << ACTION_READ;
	static const uint32_t looks_into =
		1u << ACTION_READ | 1u << ACTION_COPY | 1u << ACTION_UNMASK;
	bool is_any = approval->action == RULES_ANY;
	bool is_of_action = is_any || approval->action == (int)action ||
			    (looks >> action & 1 && looks_into >> approval->action & 1) ||
			    (action == ACTION_STAT && approval->action == ACTION_LIST);
	bool is_of_class = action != ACTION_UNMASK || approval->class == RULES_ANY ||
			   (unsigned)approval->class == class;

	return is_of_action && is_of_class;
}

static bool does_count(const struct request *request, const struct rule *rule,
		       const struct rules_approval *approval, unsigned class)
{
	const struct rules_subject *subject = request->subject;
	int64_t age;

	return subject->is_clock_trusted && approval->giver != subject->uid &&
	       approval->roles & rule->approvals.from &&
	       !__builtin_sub_overflow(subject->now_unix, approval->given_unix, &age) && age >= 0 &&
	       age < rule->approvals.valid_seconds &&
	       is_approval_of(approval, request->action, class);
}

/* Is the giver of approval @index counted already by one before it, from @first on? */
static bool is_counted(const struct request *request, const struct rule *rule, size_t first,
		       size_t index, unsigned class)
{
	const struct rules_approval *approvals = request->facts->approvals;

	for (size_t i = first; i < index; i++)
		if (approvals[i].giver == approvals[index].giver &&
		    approvals[i].request == approvals[index].request &&
		    does_count(request, rule, &approvals[i], class))
			return true;
	return false;
}

/* Givers from approval @first on, of its request; each counts once. No more are counted than the rule asks for. */
static unsigned count_givers(const struct request *request, const struct rule *rule, size_t first,
			     unsigned class)
{
	const struct rules_approval *approvals = request->facts->approvals;
	unsigned count = 0;

	for (size_t i = first; i < request->facts->approval_count && count < rule->approvals.count;
	     i++)
		count += approvals[i].request == approvals[first].request &&
			 does_count(request, rule, &approvals[i], class) &&
			 !is_counted(request, rule, first, i, class);
	return count;
}

static bool is_first_of_request(const struct rules_approval *approvals, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (approvals[i].request == approvals[index].request)
			return false;
	return true;
}

static unsigned count_approvals(const struct request *request, const struct rule *rule,
				unsigned class)
{
	const struct rules_approval *approvals = request->facts->approvals;
	unsigned best = 0;

	for (size_t i = 0;
	     approvals && i < request->facts->approval_count && best < rule->approvals.count; i++) {
		unsigned count = is_first_of_request(approvals, i)
					 ? count_givers(request, rule, i, class)
					 : 0;

		best = BL_MAX(best, count);
	}
	return best;
}

static unsigned most_approvals(const struct request *request, const struct rule *rule)
{
	unsigned best = count_approvals(request, rule, request->class);

	/* an unmask of no class in particular: of any that was approved */
	for (size_t i = 0; request->action == ACTION_UNMASK && request->class == CLASS_NONE &&
			   i < request->facts->approval_count && request->facts->approvals;
	     i++) {
		int class = request->facts->approvals[i].class;
		bool is_meant = class >= 0 && class < CLASS_LIMIT &&
				(!rule->contains || rule->contains & CLASS_BIT((unsigned)class));

		if (is_meant) {
			unsigned count = count_approvals(request, rule, (unsigned)class);

			best = BL_MAX(best, count);
		}
	}
	return best;
}

static bool are_needs_met(const struct request *request, size_t bit)
{
	bool needs_approvals = request->compiled->odd_rules[bit].flags & ODD_APPROVALS;

	if (request->subject->has_reason && !needs_approvals)
		return true;
	const struct rule *rule = rule_at(request, bit);

	if (rule->needs_reason && !request->subject->has_reason)
		return false;
	return !needs_approvals || most_approvals(request, rule) >= rule->approvals.count;
}

/* ---- what sets cannot say ------------------------------------------------------------------ */

/*
 * What a refusal is for want of is found by asking once more, in a world without lapses or without
 * limits.
 */
enum world { WORLD_AS_IS, WORLD_WITHOUT_LAPSES, WORLD_WITHOUT_LIMITS };

static enum three approved(const struct request *request, enum bl_action action, enum world world);

static enum three when_approved(const struct request *request, const struct conditions *conditions,
				enum world world)
{
	return conditions->approved
		       ? approved(request, (enum bl_action)(conditions->approved - 1), world)
		       : TRUE3;
}

/* All of an `unless`: keys AND in three values before they are turned around. */
static enum three whole_unless(const struct request *request, const struct rule *rule,
			       enum world world)
{
	const struct conditions *unless = &rule->unless;
	const struct rules_facts *facts = request->facts;

	if (!conditions_ask_device(unless) && !unless->hours_count && !unless->purposes.count)
		return TRUE3;
	enum three time = subject_in_hours(request->subject, unless);
	enum three purpose = subject_has_purpose(request->subject, unless);
	enum three consent = conditions_consent(unless, facts->consent);
	enum three check = conditions_check(unless, facts->caller_check);
	enum three value = BL_MIN(BL_MIN(time, purpose), BL_MIN(consent, check));

	if (value != FALSE3) {
		enum three other = when_approved(request, unless, world);

		value = BL_MIN(value, other);
	}
	return three_not(value);
}

static enum three late_value(const struct request *request, size_t bit, enum world world)
{
	const struct odd_rule *odd = &request->compiled->odd_rules[bit];
	enum three size = fits_size(request, odd);
	enum three class = has_class(request, bit);
	enum three value = BL_MIN(size, class);

	if (value == FALSE3 || !(odd->flags & (ODD_UNLESS | ODD_APPROVED)))
		return value;
	const struct rule *rule = rule_at(request, bit);

	if (odd->flags & ODD_UNLESS) {
		enum three unless = whole_unless(request, rule, world);

		value = BL_MIN(value, unless);
	}
	enum three when = when_approved(request, &rule->when, world);

	return BL_MIN(value, when);
}

enum candidate request_candidate(const struct request *request, size_t bit)
{
	const struct odd_rule *odd = &request->compiled->odd_rules[bit];
	bool is_held = bit_is_set(request->subject->holds, bit);
	bool is_limited = is_used_up(request, odd);
	/* worlds differ in what is approved, and in nothing else */
	bool is_same = !(odd->flags & ODD_APPROVED);
	enum three value = late_value(request, bit, WORLD_AS_IS);

	if (is_held && value == TRUE3 && !is_limited)
		return are_needs_met(request, bit) ? CANDIDATE_READY : CANDIDATE_ASK;
	if (is_held && (is_same ? value : late_value(request, bit, WORLD_WITHOUT_LIMITS)) == TRUE3)
		return CANDIDATE_LIMITED;
	if (!is_limited &&
	    (is_same ? value : late_value(request, bit, WORLD_WITHOUT_LAPSES)) == TRUE3)
		return CANDIDATE_LAPSED;
	return CANDIDATE_NOT;
}

/* @bits without those odd ones that are less than @least. */
static uint64_t weigh(const struct request *request, size_t word, uint64_t bits, enum three least,
		      enum world world)
{
	for (uint64_t odd = bits & request->compiled->odd[word]; odd; odd &= odd - 1) {
		size_t bit = word * 64 + bit_first(odd);

		if (late_value(request, bit, world) < least ||
		    is_used_up(request, &request->compiled->odd_rules[bit]))
			bits &= ~(odd & -odd);
	}
	return bits;
}

uint64_t request_odd_maybe(const struct request *request, size_t word, uint64_t bits)
{
	return weigh(request, word, bits, UNKNOWN3, WORLD_AS_IS);
}

/* ---- words --------------------------------------------------------------------------------- */

static bool is_permit_word(const struct request *request, size_t word)
{
	return word >= request->compiled->begin[EFFECT_PERMIT] &&
	       word < request->compiled->end[EFFECT_PERMIT];
}

uint64_t request_true_at(const struct request *request, const struct place_sets *place, size_t word)
{
	uint64_t bits = request->subject->holds[word] & place->is_true[word] &
			request->kind_true[word] & request->fact_true[word];

	return weigh(request, word, bits, TRUE3, WORLD_AS_IS);
}

uint64_t request_true(const struct request *request, size_t word)
{
	return request_true_at(request, &request->place, word);
}

uint64_t request_maybe(const struct request *request, size_t word)
{
	uint64_t bits = request->subject->maybe[word] & request->kind_maybe[word] &
			request->fact_maybe[word];

	if (is_permit_word(request, word))
		bits &= request->place.maybe[word];
	else if (bits)
		bits &= request_place_maybe(request, word);
	return request_odd_maybe(request, word, bits);
}

/* Those of @bits that stand from @least to @most. */
static uint64_t candidates(const struct request *request, size_t word, uint64_t bits,
			   enum candidate least, enum candidate most)
{
	uint64_t found = 0;

	for (; bits; bits &= bits - 1) {
		size_t in_word = bit_first(bits);
		enum candidate candidate = request_candidate(request, word * 64 + in_word);

		if (candidate >= least && candidate <= most)
			found |= UINT64_C(1) << in_word;
	}
	return found;
}

static uint64_t permits_of(const struct request *request, const uint64_t *who, size_t word)
{
	return is_permit_word(request, word) ? request_chain(request, who, word) : 0;
}

uint64_t request_ready(const struct request *request, size_t word)
{
	uint64_t bits = permits_of(request, request->subject->ready, word);

	return candidates(request, word, bits, CANDIDATE_READY, CANDIDATE_READY);
}

uint64_t request_limited(const struct request *request, size_t word)
{
	uint64_t bits = permits_of(request, request->subject->holds, word);

	return candidates(request, word, bits & request->compiled->odd[word], CANDIDATE_LIMITED,
			  CANDIDATE_LIMITED);
}

uint64_t request_but_lapse(const struct request *request, size_t word)
{
	uint64_t bits = request_chain(request, request->subject->but_lapse, word);

	return weigh(request, word, bits, TRUE3, WORLD_WITHOUT_LAPSES);
}

/* ---- approved ------------------------------------------------------------------------------ */

/*
 * TRUE when a permit with approvals is true and its needs are met, FALSE when each is false or its
 * needs are not. What is asked for is the permit's own action, by the path used. It goes no deeper:
 * such a permit has no `approved` itself.
 */
static enum three approved(const struct request *request, enum bl_action action, enum world world)
{
	const struct compiled *compiled = request->compiled;
	const struct rules_subject *subject = request->subject;
	const uint64_t *who = world == WORLD_WITHOUT_LAPSES ? subject->but_lapse : subject->holds;
	struct request inner = *request;
	enum three best = FALSE3;

	if (request->is_inner)
		return UNKNOWN3;
	inner.is_inner = true;
	request_ask(&inner, action, action == ACTION_UNMASK ? request->class : CLASS_NONE);
	for (size_t w = compiled->begin[EFFECT_PERMIT]; w < compiled->end[EFFECT_PERMIT]; w++) {
		uint64_t bits = compiled->permit[action][w] & compiled->approvals[w] &
				(subject->maybe[w] | who[w]) & inner.place.maybe[w] &
				inner.kind_maybe[w] & inner.fact_maybe[w];
		uint64_t known = bits & request_chain(&inner, who, w);

		for (; bits && best != TRUE3; bits &= bits - 1) {
			size_t in_word = bit_first(bits), bit = w * 64 + in_word;
			enum three value = known >> in_word & 1 ? TRUE3 : UNKNOWN3;
			enum three late = late_value(&inner, bit, world);
			bool is_limited = world != WORLD_WITHOUT_LIMITS &&
					  is_used_up(&inner, &compiled->odd_rules[bit]);

			if (!is_limited && are_needs_met(&inner, bit))
				best = BL_MAX(best, BL_MIN(value, late));
		}
	}
	return best;
}

enum three request_approved(const struct request *request, enum bl_action action)
{
	return approved(request, action, WORLD_AS_IS);
}

/* ---- part by part -------------------------------------------------------------------------- */

static enum three device_of(const struct request *request, const struct rule *rule)
{
	const struct rules_places *places = request->facts->places;

	if (!rule->device_kinds && !rule->ids.count)
		return TRUE3;
	if (!places || request->is_mismatched)
		return UNKNOWN3;
	return device_matches(places_device(places), rule);
}

/* Whether the device is the right one is not told apart in a place's sets, so it is asked first. */
static enum three path_of(const struct request *request, size_t bit, enum three device)
{
	const struct rules_facts *facts = request->facts;
	const struct rule *rule = rule_at(request, bit);
	enum three value = FALSE3;

	if (!rule->paths.count || device == FALSE3)
		return TRUE3;
	if (bit_is_set(request->place.maybe, bit))
		value = bit_is_set(request->place.is_true, bit) || device == UNKNOWN3 ? TRUE3
										      : UNKNOWN3;
	if (!facts->places || request->is_mismatched || facts->place == RULES_PLACE_UNKNOWN)
		value = UNKNOWN3;
	if (rule->effect == EFFECT_PERMIT || !facts->places || request->is_mismatched)
		return value;
	for (size_t i = 0; i < facts->other_count && value != TRUE3; i++) {
		struct place_sets other;

		places_sets(facts->places, facts->other_places[i], &other);
		if (!bit_is_set(other.maybe, bit))
			continue;
		value = rule->effect != EFFECT_MASK && bit_is_set(other.is_true, bit) ? TRUE3
										      : UNKNOWN3;
	}
	return value;
}

static enum three kind_of(const struct request *request, size_t bit)
{
	const struct rule *rule = rule_at(request, bit);

	if (rule->effect == EFFECT_WITHHOLD &&
	    !bit_is_set(request->compiled->withhold[request->kind], bit))
		return FALSE3;
	if (!bit_is_set(request->kind_maybe, bit))
		return FALSE3;
	return bit_is_set(request->kind_true, bit) ? TRUE3 : UNKNOWN3;
}

static enum three state_of(const struct request *request, const struct rule *rule)
{
	int state = request->facts->state;

	return rule_state(rule, state >= 0 ? (unsigned)state : STATE_UNKNOWN);
}

static void note(struct rule_standing *standing, enum rule_part part, enum three value)
{
	if (value == FALSE3)
		standing->is_false |= PART_BIT(part);
	if (value == UNKNOWN3)
		standing->is_unknown |= PART_BIT(part);
	standing->value = BL_MIN(standing->value, value);
}

void request_stand(const struct request *request, size_t bit, struct rule_standing *out_standing)
{
	const struct rule *rule = rule_at(request, bit);
	const struct rules_facts *facts = request->facts;
	struct rule_standing standing = {.value = TRUE3};
	struct subject_parts parts;

	subject_parts(request->subject, rule, &parts);
	bool is_lapse = parts.who == UNKNOWN3 && parts.but_lapse;
	enum three device = device_of(request, rule);

	note(&standing, is_lapse ? PART_LAPSED : PART_WHO, parts.who);
	note(&standing, PART_DEVICE, device);
	note(&standing, PART_STATUS, state_of(request, rule));
	note(&standing, PART_PATH, path_of(request, bit, device));
	note(&standing, PART_KIND, kind_of(request, bit));
	note(&standing, PART_SIZE, fits_size(request, &request->compiled->odd_rules[bit]));
	note(&standing, PART_CONTAINS, has_class(request, bit));
	note(&standing, PART_WHERE, parts.where);
	note(&standing, PART_PURPOSE, parts.purpose);
	note(&standing, PART_HOURS, parts.hours);
	note(&standing, PART_CONSENT, conditions_consent(&rule->when, facts->consent));
	note(&standing, PART_CHECK, conditions_check(&rule->when, facts->caller_check));
	note(&standing, PART_APPROVED, when_approved(request, &rule->when, WORLD_AS_IS));
	note(&standing, PART_UNLESS, whole_unless(request, rule, WORLD_AS_IS));
	note(&standing, PART_LIMIT,
	     is_used_up(request, &request->compiled->odd_rules[bit]) ? FALSE3 : TRUE3);
	if (rule->needs_reason && !request->subject->has_reason)
		standing.unmet |= PART_BIT(PART_REASON);
	if (rule->approvals.count)
		standing.approval_count = most_approvals(request, rule);
	if (standing.approval_count < rule->approvals.count)
		standing.unmet |= PART_BIT(PART_APPROVALS);
	*out_standing = standing;
}

enum rule_part rule_failure(const struct rule_standing *standing)
{
	uint32_t parts = standing->is_false	? standing->is_false
			 : standing->is_unknown ? standing->is_unknown
						: standing->unmet;

	return parts ? (enum rule_part)bit_first(parts) : PART_COUNT;
}
