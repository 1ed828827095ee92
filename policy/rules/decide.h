/* decide.h - one request as sets of rules; what rules_decide, explain and the tests share
 *
 * Private to policy/rules.
 */
#ifndef POLICY_RULES_DECIDE_H
#define POLICY_RULES_DECIDE_H

#include "policy/rules/subject.h"

#define CLASS_NONE UINT32_MAX /* no class is asked for */

struct request {
	const struct rules_subject *subject;
	const struct compiled *compiled;
	const struct rules_facts *facts;
	struct place_sets place; /* by the path used */
	const uint64_t *kind_true, *kind_maybe;
	const uint64_t *fact_true, *fact_maybe; /* status, consent and caller check */
	unsigned kind;				/* row of compiled->withhold */
	bool is_mismatched;			/* places of another policy: nothing can be said */
	bool is_walk;  /* what a file further down could be: file words are not asked */
	bool is_inner; /* a permit that `approved` speaks of */
	/* What `contains`, approvals and `approved` depend on: see request_ask. */
	enum bl_action action;
	unsigned class; /* CLASS_NONE: no class */
};

/* request_init - about a read; request_ask says what else is asked */
void request_init(struct request *request, const struct rules_subject *subject,
		  const struct rules_facts *facts);
/* @class is for ACTION_UNMASK, and for the read that an unmask needs; else CLASS_NONE */
void request_ask(struct request *request, enum bl_action action, unsigned class);

/*
 * One word of the rules that are true (by the path used), or true or unknown (a permit by the path
 * used, any other rule by any known path). Whether a rule speaks of the action at all is for
 * compiled->permit and its like to say.
 */
uint64_t request_true(const struct request *request, size_t word);
uint64_t request_maybe(const struct request *request, size_t word);
/* request_ready - of the permits that are true and whose needs are met: those that permit */
uint64_t request_ready(const struct request *request, size_t word);
/*
 * request_limited - of the permits that would be true if their limits were not used up, and are not
 */
uint64_t request_limited(const struct request *request, size_t word);
/* request_but_lapse - of the rules that would be true if lapsed roles counted */
uint64_t request_but_lapse(const struct request *request, size_t word);

/* request_true_at - as request_true, by another of the node's paths */
uint64_t request_true_at(const struct request *request, const struct place_sets *place,
			 size_t word);

/* How one permit stands whose sets all hold, but for a lapse. The better comes later. */
enum candidate {
	CANDIDATE_NOT,
	CANDIDATE_LAPSED,  /* would be true if lapsed roles counted */
	CANDIDATE_LIMITED, /* true but for a limit that is used up */
	CANDIDATE_ASK,	   /* true, its needs are not met */
	CANDIDATE_READY,
};
enum candidate request_candidate(const struct request *request, size_t bit);
/* request_odd_maybe - @bits without those rules that sets took for possible and are false */
uint64_t request_odd_maybe(const struct request *request, size_t word, uint64_t bits);

/*
 * The rules of one word that @who, the path used, the kind and the facts say are true: odd ones
 * among them may not be.
 */
static inline uint64_t request_chain(const struct request *request, const uint64_t *who,
				     size_t word)
{
	return who[word] & request->place.is_true[word] & request->kind_true[word] &
	       request->fact_true[word];
}

/* By any known path. */
static inline uint64_t request_place_maybe(const struct request *request, size_t word)
{
	uint64_t bits = request->place.maybe[word];

	for (size_t i = 0; i < request->facts->other_count && request->facts->places; i++) {
		struct place_sets other;

		places_sets(request->facts->places, request->facts->other_places[i], &other);
		bits |= other.maybe[word];
	}
	return bits;
}

/* What a rule can fail by, in the order in which a person would want to hear of it. */
enum rule_part {
	PART_WHO,	/* also: a role that clashes, or whose date cannot be compared */
	PART_LAPSED,	/* who, but for a lapsed role */
	PART_DEVICE,	/* devices, ids */
	PART_STATUS,	/* status */
	PART_PATH,	/* paths */
	PART_KIND,	/* kinds; of a withhold also the kinds it withholds */
	PART_SIZE,	/* max_size */
	PART_CONTAINS,	/* contains: the fact, or the class that an unmask asks for */
	PART_WHERE,	/* where */
	PART_PURPOSE,	/* when: purpose */
	PART_HOURS,	/* when: hours */
	PART_CONSENT,	/* when: consent */
	PART_CHECK,	/* when: caller_verified */
	PART_APPROVED,	/* when: approved */
	PART_UNLESS,	/* unless, as a whole */
	PART_LIMIT,	/* limits */
	PART_REASON,	/* needs: reason */
	PART_APPROVALS, /* needs: approvals */
	PART_COUNT
};
#define PART_BIT(part) (UINT32_C(1) << (part))

/* How one rule stands to a request. */
struct rule_standing {
	enum three value;	 /* of all parts but PART_REASON and PART_APPROVALS */
	uint32_t is_false;	 /* bits of enum rule_part: these do not hold */
	uint32_t is_unknown;	 /* these are not known */
	uint32_t unmet;		 /* of a permit: PART_REASON, PART_APPROVALS */
	unsigned approval_count; /* givers within one request, no more than are asked for */
};

/*
 * request_stand - how the rule of @bit stands to what is asked; the whole rule, part by part, for
 * words and not for speed
 */
void request_stand(const struct request *request, size_t bit, struct rule_standing *out_standing);
/*
 * rule_failure - the first part that is false, else unknown, else unmet; PART_COUNT: none, it holds
 * and its needs are met
 */
enum rule_part rule_failure(const struct rule_standing *standing);

/* request_approved - `approved: @action`, in three values */
enum three request_approved(const struct request *request, enum bl_action action);

/* The classes that are never shown unmasked and always fill; CLASS_CARD has its own floor. */
bl_classes floor_always_fill(void);
bool floor_forbids_unmask(unsigned class);

/*
 * copy and unmask need a read under the same facts; read, copy and unmask are closed by a withhold
 */
bool action_needs_read(enum bl_action action);
bool action_is_of_contents(enum bl_action action);

#endif
