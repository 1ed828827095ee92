/* naive.h - decisions the slow and plain way, from the language's page ("Meaning")
 *
 * Written from the page by somebody who has not seen the compiled evaluator. Shares nothing with it but the structs of
 * model.h and rules.h, and zone.h's calendar. Everything is looked at anew for every question.
 */
#ifndef TESTS_UNIT_POLICY_RULES_NAIVE_H
#define TESTS_UNIT_POLICY_RULES_NAIVE_H

#include <string.h>

#include "policy/rules/model.h"
#include "policy/rules/zone.h"

#include "naive-path.h"

enum naive { NO, PERHAPS, YES };

static inline enum naive naive_and(enum naive a, enum naive b)
{
	return a < b ? a : b;
}

static inline enum naive naive_or(enum naive a, enum naive b)
{
	return a > b ? a : b;
}

static inline enum naive naive_not(enum naive a)
{
	return a == YES ? NO : a == NO ? YES : PERHAPS;
}

#define NAIVE_APPROVALS 5
/* One question: everything that rules_decide is told, as plain words. */
struct question {
	const struct rules_circumstances *who;
	const struct rules_device *device; /* NULL: no device in this question */
	const char *path;		   /* NULL: unknown */
	const char *other_path;		   /* NULL: none */
	int kind, state;
	int64_t size_bytes;
	bool is_log_writable, is_directory;
	enum bl_consent consent;
	enum bl_check check;
	bl_classes has;
	bool is_whole_known, is_unscanned, is_paid;
	struct rules_used used;
	struct rules_approval approvals[NAIVE_APPROVALS];
	size_t approval_count;
	enum bl_action action;
	unsigned class; /* of an unmask */
};

/* A question to a policy, and what is asked only to tell one refusal from another. */
struct naive_case {
	const struct policy *policy;
	const struct question *q;
	struct naive_memo *memo; /* NULL: none */
	bool forgives_lapse;	 /* as if nothing had lapsed */
	bool forgives_limits;	 /* as if nothing were used up */
	bool looks_below;	 /* of something under the path: its own facts could be anything */
	struct zone_time now;	 /* when the clock is trusted */
	/* by role */
	enum naive held[64];
	bool has_lapsed[64];
	bool is_person;
};

/* ---- who (Meaning 1) --------------------------------------------------------------------------- */

static inline enum naive naive_date(const struct naive_case *n, bool is_needed, int32_t last)
{
	if (!is_needed)
		return YES;
	if (last == DAY_NONE)
		return NO;
	if (!n->q->who->is_clock_trusted)
		return PERHAPS;
	return n->now.day <= last ? YES : NO;
}

static inline bool naive_is_caller(const struct person *person, const struct rules_caller *caller)
{
	if (person->key == PERSON_UID)
		return caller->uid == person->uid;
	if (person->key == PERSON_LOGIN)
		return caller->login && strcmp(person->value, caller->login) == 0;
	for (size_t i = 0; i < caller->group_count; i++)
		if (strcmp(person->value, caller->groups[i]) == 0)
			return true;
	return false;
}

/* One key gives a role for as long as that key's own dates allow. */
static inline void naive_key(struct naive_case *n, const struct person *person)
{
	for (size_t r = 0; r < n->policy->role_count; r++) {
		const struct role *role = &n->policy->roles[r];

		if (!(person->roles >> r & 1))
			continue;
		enum naive training =
			naive_date(n, role->needs_training, person->training_expires_day);
		enum naive insurance =
			naive_date(n, role->needs_insurance, person->insurance_expires_day);
		enum naive counts = naive_and(training, insurance);

		n->has_lapsed[r] |= counts == NO;
		n->held[r] = naive_or(n->held[r], counts);
	}
}

/* Who would hold two roles that are never_with gets neither: what is lapsed counts as held for this. */
static inline void naive_conflicts(struct naive_case *n)
{
	bool is_in_conflict[64] = {false};

	for (size_t a = 0; a < n->policy->role_count; a++)
		for (size_t b = 0; b < n->policy->role_count; b++) {
			bool has_a = n->held[a] != NO || n->has_lapsed[a];
			bool has_b = n->held[b] != NO || n->has_lapsed[b];
			bool is_never = n->policy->roles[a].never_with >> b & 1 ||
					n->policy->roles[b].never_with >> a & 1;

			if (a != b && has_a && has_b && is_never)
				is_in_conflict[a] = is_in_conflict[b] = true;
		}
	for (size_t r = 0; r < n->policy->role_count; r++)
		if (is_in_conflict[r]) {
			n->held[r] = PERHAPS;
			n->has_lapsed[r] = false;
		}
}

static inline struct naive_case naive_case(const struct policy *policy, const struct question *q,
					   struct naive_memo *memo)
{
	struct naive_case n = {.policy = policy, .q = q, .memo = memo};

	if (q->who->is_clock_trusted)
		zone_local(policy->zone, q->who->now_unix, &n.now);
	if (q->who->role) {
		n.is_person = true;
		for (size_t r = 0; r < policy->role_count; r++)
			if (strcmp(policy->roles[r].name, q->who->role) == 0)
				n.held[r] = YES;
		return n;
	}
	for (size_t i = 0; i < policy->person_count; i++)
		if (naive_is_caller(&policy->people[i], &q->who->caller)) {
			n.is_person = true;
			naive_key(&n, &policy->people[i]);
		}
	for (size_t r = 0; r < policy->role_count; r++)
		n.has_lapsed[r] = n.has_lapsed[r] && n.held[r] == NO; /* no other key gives it */
	naive_conflicts(&n);
	return n;
}

/* A lapsed role counts as unknown: it gives nothing, and what binds it still binds. */
static inline enum naive naive_holds(const struct naive_case *n, size_t role)
{
	if (n->has_lapsed[role])
		return n->forgives_lapse ? YES : PERHAPS;
	return n->held[role];
}

/* `everyone` of a permit is whoever holds a role that counts, else every person of the policy. */
static inline enum naive naive_who(const struct naive_case *n, const struct rule *rule)
{
	enum naive result = NO;

	if (rule->is_for_everyone && rule->effect != EFFECT_PERMIT)
		return n->is_person ? YES : NO;
	for (size_t r = 0; r < n->policy->role_count; r++)
		if (rule->is_for_everyone || rule->roles >> r & 1)
			result = naive_or(result, naive_holds(n, r));
	return result;
}

/* ---- where and what (Meaning 2, 6, 8) ---------------------------------------------------------- */

static inline bool naive_is_at(const struct workplace *workplace,
			       const struct rules_circumstances *who)
{
	if (who->workplace)
		return strcmp(workplace->name, who->workplace) == 0;
	for (size_t i = 0; who->host && i < workplace->hosts.count; i++)
		if (strcmp(workplace->hosts.items[i], who->host) == 0)
			return true;
	return false;
}

static inline enum naive naive_where(const struct naive_case *n, const struct rule *rule)
{
	if (!rule->workplaces)
		return YES;
	for (size_t i = 0; i < n->policy->workplace_count; i++)
		if (rule->workplaces >> i & 1 && naive_is_at(&n->policy->workplaces[i], n->q->who))
			return YES;
	return NO;
}

/* @value is -1 when it is not known. */
static inline enum naive naive_in(int value, uint32_t bits)
{
	if (!bits)
		return YES;
	return value < 0 ? PERHAPS : bits >> value & 1 ? YES : NO;
}

static inline bool naive_id(const char *pattern, const char *id)
{
	if (!*pattern)
		return !*id;
	if (*pattern == '*')
		return naive_id(pattern + 1, id) || (*id && naive_id(pattern, id + 1));
	return *id && (*pattern == '?' || *pattern == *id) && naive_id(pattern + 1, id + 1);
}

static inline enum naive naive_device(const struct naive_case *n, const struct rule *rule)
{
	const struct rules_device *device = n->q->device;
	enum naive kind = naive_in(device ? device->kind : -1, rule->device_kinds);
	enum naive id = rule->ids.count ? NO : YES;

	if (rule->ids.count && (!device || !device->id))
		id = PERHAPS;
	for (size_t i = 0; id == NO && i < rule->ids.count; i++)
		if (naive_id(rule->ids.items[i], device->id))
			id = YES;
	return naive_and(kind, naive_and(id, naive_in(n->q->state, rule->states)));
}

/* Of unmask and mask `contains` selects items; of everything else it is a fact about the file. */
static inline enum naive naive_contains(const struct naive_case *n, const struct rule *rule,
					enum bl_action action)
{
	bool is_selector = rule->effect == EFFECT_MASK ||
			   (rule->effect != EFFECT_WITHHOLD && action == ACTION_UNMASK);

	if (!rule->contains || is_selector)
		return YES;
	if (n->q->has & rule->contains)
		return YES;
	return n->q->is_whole_known ? NO : PERHAPS;
}

/* What speaks of files does not speak of directories; of what lies under one, anything could be true. */
static inline enum naive naive_file(const struct naive_case *n, const struct rule *rule,
				    enum bl_action action)
{
	bool is_of_items = rule->effect == EFFECT_MASK || action == ACTION_UNMASK;
	bool speaks_of_files =
		rule->file_kinds || rule->max_size_bytes >= 0 || (rule->contains && !is_of_items);
	enum naive size = YES;

	if (speaks_of_files && n->looks_below)
		return YES;
	if (speaks_of_files && n->q->is_directory)
		return NO;
	if (rule->max_size_bytes >= 0)
		size = n->q->size_bytes < 0			  ? PERHAPS
		       : n->q->size_bytes <= rule->max_size_bytes ? YES
								  : NO;
	return naive_and(naive_and(naive_in(n->q->kind, rule->file_kinds), size),
			 naive_contains(n, rule, action));
}

static inline enum naive naive_paths(const struct naive_case *n, const struct rule *rule,
				     const char *path)
{
	if (!rule->paths.count)
		return YES;
	if (!path || !n->q->device)
		return PERHAPS;
	for (size_t i = 0; i < rule->paths.count; i++) {
		const char *pattern = rule->paths.items[i];

		if (naive_path_recall(n->memo, pattern, path, false))
			return YES;
		if (n->looks_below && naive_path_recall(n->memo, pattern, path, true))
			return YES;
	}
	return NO;
}

static inline enum naive naive_path(const struct naive_case *n, const struct rule *rule)
{
	enum naive used = naive_paths(n, rule, n->q->path);
	enum naive other = NO;

	if (n->q->device && n->q->other_path && rule->paths.count)
		other = naive_paths(n, rule, n->q->other_path);
	if (rule->effect == EFFECT_PERMIT)
		return used;
	if (rule->effect == EFFECT_MASK)
		return naive_or(used, other == NO ? NO : PERHAPS);
	return naive_or(used, other);
}

/* ---- needs and limits (Meaning 4) -------------------------------------------------------------- */

static inline bool naive_counts(const struct naive_case *n, const struct rule *rule,
				enum bl_action action, int class,
				const struct rules_approval *approval)
{
	const struct rules_circumstances *who = n->q->who;
	int64_t now = who->now_unix;
	bool is_of_view = approval->action == ACTION_READ || approval->action == ACTION_COPY ||
			  approval->action == ACTION_UNMASK;
	bool is_look = action == ACTION_READ || action == ACTION_LIST || action == ACTION_STAT;
	bool is_stat_of_list = action == ACTION_STAT && approval->action == ACTION_LIST;

	if (!who->is_clock_trusted || approval->giver == who->caller.uid)
		return false;
	if (approval->action != RULES_ANY && approval->action != (int)action &&
	    !(is_look && is_of_view) && !is_stat_of_list)
		return false;
	if (action == ACTION_UNMASK && approval->class != RULES_ANY && approval->class != class)
		return false;
	return approval->roles & rule->approvals.from && approval->given_unix <= now &&
	       now - approval->given_unix < rule->approvals.valid_seconds;
}

/* Different givers within one request. */
static inline bool naive_is_approved(const struct naive_case *n, const struct rule *rule,
				     enum bl_action action, int class)
{
	const struct rules_approval *all = n->q->approvals;
	size_t count = n->q->approval_count;

	if (!rule->approvals.count)
		return true;
	for (size_t first = 0; first < count; first++) {
		uid_t givers[NAIVE_APPROVALS];
		size_t given = 0;

		for (size_t i = 0; i < count; i++) {
			bool is_new = all[i].request == all[first].request &&
				      naive_counts(n, rule, action, class, &all[i]);

			for (size_t k = 0; k < given; k++)
				is_new = is_new && givers[k] != all[i].giver;
			if (is_new)
				givers[given++] = all[i].giver;
		}
		if (given >= rule->approvals.count)
			return true;
	}
	return false;
}

static inline bool naive_needs_met(const struct naive_case *n, const struct rule *rule,
				   enum bl_action action, int class)
{
	if (rule->needs_reason && !n->q->who->has_reason)
		return false;
	return naive_is_approved(n, rule, action, class);
}

static inline bool naive_is_used_up(const struct naive_case *n, const struct rule *rule)
{
	if (n->forgives_limits)
		return false;
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		const struct limit *limit = &rule->limits[unit];
		bool was_counted = n->q->is_paid && (unit == UNIT_FILES || unit == UNIT_UNMASKS);

		if (limit->is_set && !was_counted &&
		    n->q->used.amount[unit][limit->period] >= limit->most)
			return true;
	}
	return false;
}

/* ---- when and unless (Meaning 2) --------------------------------------------------------------- */

static inline enum naive naive_hours(const struct naive_case *n, const struct conditions *words)
{
	if (!words->hours_count)
		return YES;
	if (!n->q->who->is_clock_trusted)
		return PERHAPS;
	for (size_t i = 0; i < words->hours_count; i++)
		if (words->hours[i].days >> n->now.weekday & 1 &&
		    n->now.minute >= words->hours[i].from_minute &&
		    n->now.minute < words->hours[i].until_minute)
			return YES;
	return NO;
}

static inline enum naive naive_purpose(const struct naive_case *n, const struct conditions *words)
{
	if (!words->purposes.count)
		return YES;
	for (size_t i = 0; n->q->who->purpose && i < words->purposes.count; i++)
		if (strcmp(n->q->who->purpose, words->purposes.items[i]) == 0)
			return YES;
	return NO;
}

static inline enum naive naive_consent(const struct naive_case *n, const struct conditions *words)
{
	if (words->consent == CONSENT_UNKNOWN)
		return YES;
	if (n->q->consent == CONSENT_UNKNOWN)
		return PERHAPS;
	return n->q->consent == words->consent ? YES : NO;
}

/* Everything but `approved`, which asks about other rules. */
static inline enum naive naive_plain(const struct naive_case *n, const struct conditions *words)
{
	enum naive result = naive_and(naive_hours(n, words), naive_purpose(n, words));

	result = naive_and(result, naive_consent(n, words));
	return naive_and(result, n->q->check >= words->check ? YES : NO);
}

static inline bool naive_has_any(const struct conditions *words)
{
	return words->hours_count || words->purposes.count || words->consent != CONSENT_UNKNOWN ||
	       words->check != CHECK_NONE || words->approved;
}

/* ---- one rule ---------------------------------------------------------------------------------- */

/* A permit of list or read is one of stat. An unmask of no class in particular is one of any. */
static inline bool naive_speaks(const struct rule *rule, enum bl_action action, int class)
{
	bool is_said = rule->actions >> action & 1;

	if (rule->effect != EFFECT_PERMIT && rule->effect != EFFECT_FORBID)
		return false;
	if (rule->effect == EFFECT_PERMIT && action == ACTION_STAT)
		is_said |= rule->actions >> ACTION_LIST & 1 || rule->actions >> ACTION_READ & 1;
	if (action == ACTION_UNMASK && rule->contains && class >= 0)
		is_said = is_said && rule->contains >> class & 1;
	return is_said;
}

/* Who, where, what and limits: everything that stands in a rule of permits with approvals but its conditions. */
static inline enum naive naive_scope(const struct naive_case *n, const struct rule *rule,
				     enum bl_action action)
{
	enum naive result = naive_and(naive_who(n, rule), naive_where(n, rule));

	result = naive_and(result, naive_device(n, rule));
	result = naive_and(result, naive_file(n, rule, action));
	result = naive_and(result, naive_path(n, rule));
	return naive_and(result, naive_is_used_up(n, rule) ? NO : YES);
}

static inline enum naive naive_one_approved(const struct naive_case *n, const struct rule *rule,
					    enum bl_action action, int class)
{
	enum naive unless = naive_has_any(&rule->unless) ? naive_plain(n, &rule->unless) : NO;

	if (rule->effect != EFFECT_PERMIT || !rule->approvals.count)
		return NO;
	if (!naive_speaks(rule, action, class) || !naive_needs_met(n, rule, action, class))
		return NO;
	return naive_and(naive_scope(n, rule, action),
			 naive_and(naive_plain(n, &rule->when), naive_not(unless)));
}

/*
 * naive_approved - is @what approved here? Permits with approvals only, and these never ask the same
 *
 * @class  the one whose unmask is asked for; -1 when something else is: then an unmask of any class will do
 */
static inline enum naive naive_approved(const struct naive_case *n, enum bl_action what, int class)
{
	bool is_any = what == ACTION_UNMASK && class < 0;
	enum naive result = NO;

	for (size_t i = 0; i < n->policy->rule_count; i++)
		for (int c = is_any ? 0 : class; c == class || (is_any && c < CLASS_LIMIT); c++)
			result = naive_or(result,
					  naive_one_approved(n, &n->policy->rules[i], what, c));
	return result;
}

static inline enum naive naive_conditions(const struct naive_case *n,
					  const struct conditions *words, int class)
{
	enum naive result = naive_plain(n, words);

	if (words->approved)
		result = naive_and(result,
				   naive_approved(n, (enum bl_action)(words->approved - 1), class));
	return result;
}

/* @class  whose unmask is asked for, also where it is the read of it that is looked at; else -1 */
static inline enum naive naive_matches(const struct naive_case *n, const struct rule *rule,
				       enum bl_action action, int class)
{
	enum naive unless = NO;

	if (naive_has_any(&rule->unless))
		unless = naive_conditions(n, &rule->unless, class);
	return naive_and(naive_scope(n, rule, action),
			 naive_and(naive_conditions(n, &rule->when, class), naive_not(unless)));
}

/* ---- deciding (Meaning 0, 3, 4, 5, 7) ---------------------------------------------------------- */

struct naive_answer {
	enum rules_outcome outcome;
	enum rules_by by;
	const char *rule;
	bool is_unknown;
};

static inline void naive_first(struct naive_answer *answer, enum rules_outcome outcome,
			       const struct rule *rule, bool is_unknown)
{
	if (answer->rule && strcmp(answer->rule, rule->id) < 0)
		return;
	*answer = (struct naive_answer){outcome, RULES_BY_RULE, rule->id, is_unknown};
}

static inline bool naive_is_permitted(const struct naive_case *n, enum bl_action action, int class)
{
	for (size_t i = 0; i < n->policy->rule_count; i++) {
		const struct rule *rule = &n->policy->rules[i];

		if (rule->effect == EFFECT_PERMIT && naive_speaks(rule, action, class) &&
		    naive_matches(n, rule, action, class) == YES)
			return true;
	}
	return false;
}

/* Why nothing permits: a limit, a lapse, or that nobody ever said so. */
static inline struct naive_answer naive_refused(const struct naive_case *n, enum bl_action action,
						int class)
{
	struct naive_case but = *n;

	but.forgives_limits = true;
	if (naive_is_permitted(&but, action, class))
		return (struct naive_answer){RULES_FORBID, RULES_BY_LIMIT, "limit", false};
	but = *n;
	but.forgives_lapse = true;
	if (naive_is_permitted(&but, action, class))
		return (struct naive_answer){RULES_FORBID, RULES_BY_LAPSED, "lapsed", false};
	return (struct naive_answer){RULES_FORBID, RULES_BY_DEFAULT, "default", false};
}

static inline struct naive_answer naive_action(const struct naive_case *n, enum bl_action action,
					       int class)
{
	struct naive_answer forbid = {0}, permit = {0}, ask = {0};

	for (size_t i = 0; i < n->policy->rule_count; i++) {
		const struct rule *rule = &n->policy->rules[i];

		if (!naive_speaks(rule, action, class))
			continue;
		enum naive match = naive_matches(n, rule, action, class);

		if (rule->effect == EFFECT_FORBID && match != NO)
			naive_first(&forbid, RULES_FORBID, rule, match == PERHAPS);
		if (rule->effect != EFFECT_PERMIT || match != YES)
			continue;
		if (naive_needs_met(n, rule, action, class))
			naive_first(&permit, RULES_PERMIT, rule, false);
		else
			naive_first(&ask, RULES_ASK, rule, false);
	}
	if (forbid.rule)
		return forbid;
	if (permit.rule)
		return permit;
	return ask.rule ? ask : naive_refused(n, action, class);
}

static inline bool naive_is_floor(unsigned class)
{
	return class == CLASS_CARD_SECURITY_CODE || class == CLASS_CARD_PIN ||
	       class == CLASS_CARD_TRACK || class == CLASS_PASSWORD || class == CLASS_PRIVATE_KEY ||
	       class == CLASS_SECRET || class == CLASS_URL_CREDENTIALS;
}

static inline struct naive_answer naive_withheld(const struct naive_case *n, int class)
{
	uint32_t any = (UINT32_C(1) << FILE_KIND_COUNT) - 1;
	struct naive_answer answer = {0};

	for (size_t i = 0; !n->q->is_directory && i < n->policy->rule_count; i++) {
		const struct rule *rule = &n->policy->rules[i];

		if (rule->effect != EFFECT_WITHHOLD)
			continue;
		enum naive match = naive_matches(n, rule, ACTION_READ, class);

		if (rule->withhold_kinds != any)
			match = naive_and(match, naive_in(n->q->kind, rule->withhold_kinds));
		if (match != NO)
			naive_first(&answer, RULES_WITHHOLD, rule, match == PERHAPS);
	}
	if (!answer.rule && n->q->is_unscanned)
		answer = (struct naive_answer){RULES_WITHHOLD, RULES_BY_DEFAULT, "default", false};
	return answer;
}

static inline bool naive_is_gated(const struct question *q, enum bl_action action)
{
	bool is_look = action == ACTION_LIST || action == ACTION_STAT || action == ACTION_READ ||
		       action == ACTION_COPY || action == ACTION_UNMASK;

	if (!q->is_log_writable)
		return true;
	return is_look && (q->state == STATE_DUE || q->state == STATE_SHREDDED);
}

static inline bool naive_needs_read(enum bl_action action)
{
	return action == ACTION_COPY || action == ACTION_UNMASK;
}

/* @n's own action and class are not looked at. */
static inline struct naive_answer naive_about(const struct naive_case *n, enum bl_action action,
					      unsigned asked_class)
{
	bool needs_read = naive_needs_read(action);
	int class = action == ACTION_UNMASK ? (int)asked_class : -1;

	if (naive_is_gated(n->q, action))
		return (struct naive_answer){RULES_FORBID, RULES_BY_GATE, "gate", false};
	if (action == ACTION_UNMASK && (naive_is_floor(asked_class) || asked_class == CLASS_CARD))
		return (struct naive_answer){RULES_FORBID, RULES_BY_BASELINE, "builtin/baseline",
					     false};

	struct naive_answer answer = naive_action(n, action, class);

	if (needs_read) {
		struct naive_answer read = naive_action(n, ACTION_READ, class);

		if ((read.outcome == RULES_FORBID && answer.outcome != RULES_FORBID) ||
		    (read.outcome == RULES_ASK && answer.outcome == RULES_PERMIT))
			answer = read;
	}
	if ((needs_read || action == ACTION_READ) && answer.outcome == RULES_PERMIT) {
		struct naive_answer withheld = naive_withheld(n, class);

		if (withheld.rule)
			return withheld;
	}
	return answer;
}

static inline struct naive_answer naive_decide(const struct policy *policy,
					       const struct question *q, struct naive_memo *memo)
{
	struct naive_case n = naive_case(policy, q, memo);

	return naive_about(&n, q->action, q->class);
}

/* ---- what is shown (Meaning 5, 6, 7) ----------------------------------------------------------- */

/* naive_is_mask - is this a mask of the class, and what is it here? */
static inline enum naive naive_mask(const struct naive_case *n, const struct rule *rule,
				    unsigned class)
{
	if (rule->effect != EFFECT_MASK || rule->styles[class] == STYLE_NONE)
		return NO;
	if (rule->contains && !(rule->contains >> class & 1))
		return NO;
	return naive_matches(n, rule, ACTION_READ, -1);
}

/* naive_fitted - a style that says nothing of this class fills it (the classes by hand, as the page of styles has them) */
static inline unsigned naive_fitted(unsigned style, unsigned class)
{
	static const uint8_t numbers[] = {
		CLASS_CARD,	   CLASS_IBAN,	 CLASS_BANK_ACCOUNT, CLASS_PHONE,
		CLASS_NATIONAL_ID, CLASS_TAX_ID, CLASS_PASSPORT,     CLASS_DRIVING_LICENCE,
		CLASS_HEALTH_ID,   CLASS_IMEI,	 CLASS_VIN};
	bool fits = style <= STYLE_TOKEN;

	for (size_t i = 0; style == STYLE_KEEP_LAST_4 && i < BL_COUNT(numbers); i++)
		fits |= numbers[i] == class;
	fits |= style == STYLE_KEEP_LAST_4 && class >= CLASS_COUNT;
	fits |= style == STYLE_KEEP_DOMAIN && class == CLASS_EMAIL;
	fits |= style == STYLE_YEAR_ONLY && class == CLASS_DATE_OF_BIRTH;
	fits |= style == STYLE_KEEP_FIRST_6_LAST_4 && class == CLASS_CARD;
	return fits ? style : (unsigned)STYLE_FILL;
}

/* The masks of a shipped set only ever make stricter, so that `uses` never lifts the default. */
static inline unsigned naive_style(const struct naive_case *n, unsigned class)
{
	unsigned style = STYLE_COUNT;
	bool is_some_true = false;

	if (naive_is_floor(class))
		return STYLE_FILL;
	for (size_t i = 0; i < n->policy->rule_count; i++) {
		const struct rule *rule = &n->policy->rules[i];
		enum naive match = naive_mask(n, rule, class);

		if (match != NO && naive_fitted(rule->styles[class], class) < style)
			style = naive_fitted(rule->styles[class], class);
		is_some_true |= match == YES && !rule->set;
	}
	if (!is_some_true && naive_fitted(n->policy->default_style, class) < style)
		style = naive_fitted(n->policy->default_style, class);
	return style;
}

/* In a copy originals are shown only where copy was permitted by a rule with approvals. */
static inline bool naive_is_approved_copy(const struct naive_case *n)
{
	if (naive_about(n, ACTION_COPY, 0).outcome != RULES_PERMIT)
		return false;
	for (size_t i = 0; i < n->policy->rule_count; i++) {
		const struct rule *rule = &n->policy->rules[i];

		if (rule->effect == EFFECT_PERMIT && rule->approvals.count &&
		    naive_speaks(rule, ACTION_COPY, -1) &&
		    naive_matches(n, rule, ACTION_COPY, -1) == YES &&
		    naive_needs_met(n, rule, ACTION_COPY, -1))
			return true;
	}
	return false;
}

static inline void naive_shows(const struct naive_case *n, enum bl_action action,
			       uint8_t out_styles[CLASS_LIMIT])
{
	bool may_be_original = action != ACTION_COPY || naive_is_approved_copy(n);

	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		out_styles[class] = (uint8_t)naive_style(n, class);
		if (may_be_original && naive_about(n, ACTION_UNMASK, class).outcome == RULES_PERMIT)
			out_styles[class] = STYLE_ORIGINAL;
	}
}

/* Parents of what may be listed can be walked, unless list is forbidden on the way (Meaning 8). */
static inline bool naive_walk(const struct policy *policy, const struct question *q,
			      struct naive_memo *memo)
{
	struct question directory = *q;

	directory.is_directory = true;
	struct naive_case here = naive_case(policy, &directory, memo), below = here;

	below.looks_below = true;
	if (naive_is_gated(q, ACTION_LIST))
		return false;
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].effect == EFFECT_FORBID &&
		    naive_speaks(&policy->rules[i], ACTION_LIST, -1) &&
		    naive_matches(&here, &policy->rules[i], ACTION_LIST, -1) != NO)
			return false;
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].effect == EFFECT_PERMIT &&
		    naive_speaks(&policy->rules[i], ACTION_LIST, -1) &&
		    naive_matches(&below, &policy->rules[i], ACTION_LIST, -1) == YES &&
		    naive_needs_met(&here, &policy->rules[i], ACTION_LIST, -1))
			return true;
	return false;
}

#endif
