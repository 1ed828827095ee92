/* naive.h - decisions the slow and plain way, from the language's page ("Meaning")
 *
 * Shares nothing with the compiled evaluator but model.h's structs (and zone.h's calendar, utf8proc).
 * Everything is looked at anew for every question; patterns are matched by backtracking.
 */
#ifndef TESTS_UNIT_POLICY_RULES_NAIVE_H
#define TESTS_UNIT_POLICY_RULES_NAIVE_H

#include <string.h>

#include <utf8proc.h>

#include "build.h"

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

/* ---- patterns (Meaning 8) ---------------------------------------------------------------------- */

struct naive_text {
	uint32_t symbols[256];
	size_t count;
};

/* Fold what is UTF-8, keep what is not: each valid stretch by itself. */
static inline struct naive_text naive_fold(const char *bytes, size_t length)
{
	struct naive_text text = {.count = 0};

	while (length) {
		size_t good = length;
		utf8proc_uint8_t *folded = NULL;
		utf8proc_int32_t symbol;

		/* the longest prefix that utf8proc takes whole */
		while (good &&
		       utf8proc_map((const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)good,
				    &folded,
				    UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD) < 0)
			good--;
		if (!good) {
			free(folded);
			text.symbols[text.count++] = 0x110000u + (uint8_t)*bytes;
			bytes++;
			length--;
			continue;
		}
		for (const utf8proc_uint8_t *at = folded; *at;) {
			at += utf8proc_iterate(at, -1, &symbol);
			text.symbols[text.count++] = (uint32_t)symbol;
		}
		free(folded);
		bytes += good;
		length -= good;
	}
	return text;
}

static inline struct naive_text naive_splice(const uint32_t *a, size_t a_count, const uint32_t *b,
					     size_t b_count)
{
	struct naive_text text = {.count = a_count + b_count};

	memcpy(text.symbols, a, a_count * sizeof(*a));
	memcpy(text.symbols + a_count, b, b_count * sizeof(*b));
	return text;
}

static inline bool naive_glob(const uint32_t *p, size_t pn, const uint32_t *s, size_t sn)
{
	if (pn == 0)
		return sn == 0;
	if (*p == '*') {
		for (size_t i = 0; i <= sn; i++)
			if (naive_glob(p + 1, pn - 1, s + i, sn - i))
				return true;
		return false;
	}
	if (*p == '{') {
		size_t depth = 0, start = 1, close = 0;

		for (size_t i = 0; !close; i++) {
			depth += p[i] == '{';
			depth -= p[i] == '}';
			close = depth == 0 ? i : 0;
		}
		for (size_t i = 1; i <= close; i++) {
			depth += p[i] == '{';
			if (i == close || (depth == 0 && p[i] == ',')) {
				struct naive_text one = naive_splice(p + start, i - start,
								     p + close + 1, pn - close - 1);

				if (naive_glob(one.symbols, one.count, s, sn))
					return true;
				start = i + 1;
			}
			depth -= p[i] == '}' && i < close;
		}
		return false;
	}
	if (sn == 0)
		return false;
	if (*p == '[') {
		bool is_not = p[1] == '!', is_in = false;
		size_t i = is_not ? 2 : 1;

		for (; p[i] != ']'; i++)
			if (p[i + 1] == '-' && p[i + 2] != ']') {
				is_in |= *s >= p[i] && *s <= p[i + 2];
				i += 2;
			} else {
				is_in |= *s == p[i];
			}
		return is_in != is_not && naive_glob(p + i + 1, pn - i - 1, s + 1, sn - 1);
	}
	return (*p == '?' || *p == *s) && naive_glob(p + 1, pn - 1, s + 1, sn - 1);
}

static inline size_t naive_split(const char *path, const char *parts[16], size_t lengths[16])
{
	size_t count = 0;

	for (const char *at = path; *at;) {
		size_t length = strcspn(at, "/");

		if (length) {
			parts[count] = at;
			lengths[count++] = length;
		}
		at += length + (at[length] == '/');
	}
	return count;
}

struct naive_path {
	const char *parts[16];
	size_t lengths[16];
	size_t count;
};

static inline bool naive_component(const struct naive_path *pattern, size_t i,
				   const struct naive_path *path, size_t j)
{
	struct naive_text p = naive_fold(pattern->parts[i], pattern->lengths[i]);
	struct naive_text s = naive_fold(path->parts[j], path->lengths[j]);

	return naive_glob(p.symbols, p.count, s.symbols, s.count);
}

static inline bool naive_is_double(const struct naive_path *pattern, size_t i)
{
	return pattern->lengths[i] == 2 && memcmp(pattern->parts[i], "**", 2) == 0;
}

/* @below: could something under the path match? */
static inline bool naive_parts(const struct naive_path *pattern, size_t i,
			       const struct naive_path *path, size_t j, bool below)
{
	if (below && j == path->count)
		return i < pattern->count;
	if (i == pattern->count)
		return j == path->count;
	if (naive_is_double(pattern, i)) {
		if (i + 1 == pattern->count)
			return below || j < path->count;
		for (size_t k = j; k <= path->count; k++)
			if (naive_parts(pattern, i + 1, path, k, below))
				return true;
		return false;
	}
	return j < path->count && naive_component(pattern, i, path, j) &&
	       naive_parts(pattern, i + 1, path, j + 1, below);
}

static inline enum naive naive_paths(const struct rule *rule, const char *path, bool below)
{
	if (!rule->paths.count)
		return YES;
	if (!path)
		return PERHAPS;
	struct naive_path names;

	names.count = naive_split(path, names.parts, names.lengths);
	for (size_t i = 0; i < rule->paths.count; i++) {
		struct naive_path pattern;

		pattern.count = naive_split(rule->paths.items[i], pattern.parts, pattern.lengths);
		if (naive_parts(&pattern, 0, &names, 0, below))
			return YES;
	}
	return NO;
}

/* ---- one rule (Meaning 1, 2, 6) ---------------------------------------------------------------- */

static inline bool naive_id(const char *pattern, const char *id)
{
	if (!*pattern)
		return !*id;
	if (*pattern == '*')
		return naive_id(pattern + 1, id) || (*id && naive_id(pattern, id + 1));
	return *id && (*pattern == '?' || *pattern == *id) && naive_id(pattern + 1, id + 1);
}

static inline enum naive naive_date(bool is_needed, int32_t last, const struct policy *policy,
				    const struct question *q)
{
	struct zone_time now;

	if (!is_needed)
		return YES;
	if (last == DAY_NONE)
		return NO;
	if (!q->who.is_clock_trusted)
		return PERHAPS;
	zone_local(policy->zone, q->who.now_unix, &now);
	return now.day <= last ? YES : NO;
}

static inline bool naive_is_caller(const struct person *person, const struct question *q)
{
	if (person->key == PERSON_UID)
		return q->who.caller.uid == person->uid;
	if (person->key == PERSON_LOGIN)
		return strcmp(person->value, q->who.caller.login) == 0;
	for (size_t i = 0; i < q->who.caller.group_count; i++)
		if (strcmp(person->value, q->groups[i]) == 0)
			return true;
	return false;
}

/* Does the caller hold role @r? NO also when it lapsed; then *lapsed is set (unless some key gives it). */
static inline enum naive naive_role(const struct policy *policy, const struct question *q, size_t r,
				    bool *lapsed)
{
	enum naive best = NO;

	*lapsed = false;
	for (size_t i = 0; i < policy->person_count; i++) {
		const struct person *person = &policy->people[i];

		if (!naive_is_caller(person, q) || !(person->roles >> r & 1))
			continue;
		enum naive counts = naive_and(naive_date(policy->roles[r].needs_training,
							 person->training_expires_day, policy, q),
					      naive_date(policy->roles[r].needs_insurance,
							 person->insurance_expires_day, policy, q));

		*lapsed |= counts == NO;
		best = naive_or(best, counts);
	}
	*lapsed = *lapsed && best == NO;
	return best;
}

static inline enum naive naive_who(const struct policy *policy, const struct question *q,
				   const struct rule *rule, bool forgive_lapse)
{
	enum naive result = NO;
	bool is_person = false;

	for (size_t i = 0; i < policy->person_count; i++)
		is_person |= naive_is_caller(&policy->people[i], q);
	if (is_person && rule->is_for_everyone && rule->effect != EFFECT_PERMIT)
		return YES;
	for (size_t r = 0; r < policy->role_count; r++) {
		bool lapsed;
		enum naive held = naive_role(policy, q, r, &lapsed);

		if (!rule->is_for_everyone && !(rule->roles >> r & 1))
			continue;
		if (lapsed)
			held = forgive_lapse ? YES : PERHAPS; /* a lapsed role counts as unknown */
		result = naive_or(result, held);
	}
	return result;
}

static inline enum naive naive_conditions(const struct policy *policy, const struct question *q,
					  const struct conditions *conditions)
{
	enum naive hours = conditions->hours_count ? NO : YES;
	enum naive purpose = conditions->purposes.count ? NO : YES;
	struct zone_time now;

	if (conditions->hours_count && !q->who.is_clock_trusted)
		hours = PERHAPS;
	else if (conditions->hours_count)
		zone_local(policy->zone, q->who.now_unix, &now);
	for (size_t i = 0; i < conditions->hours_count && q->who.is_clock_trusted; i++)
		if (conditions->hours[i].days & (1 << now.weekday) &&
		    now.minute >= conditions->hours[i].from_minute &&
		    now.minute < conditions->hours[i].until_minute)
			hours = YES;
	for (size_t i = 0; i < conditions->purposes.count; i++)
		if (q->who.purpose && strcmp(q->who.purpose, conditions->purposes.items[i]) == 0)
			purpose = YES;
	return naive_and(hours, purpose);
}

static inline enum naive naive_device(const struct question *q, const struct rule *rule)
{
	enum naive kind = YES, id = YES;

	if (rule->device_kinds)
		kind = !q->has_device || q->device.kind < 0	     ? PERHAPS
		       : rule->device_kinds & (1u << q->device.kind) ? YES
								     : NO;
	if (rule->ids.count) {
		id = !q->has_device || !q->device.id ? PERHAPS : NO;
		for (size_t i = 0; id == NO && i < rule->ids.count; i++)
			if (naive_id(rule->ids.items[i], q->device.id))
				id = YES;
	}
	return naive_and(kind, id);
}

static inline enum naive naive_state(const struct question *q, const struct rule *rule)
{
	if (!rule->states)
		return YES;
	return q->state < 0 ? PERHAPS : rule->states & (1u << q->state) ? YES : NO;
}

/* Kinds and sizes are facts of files: what speaks of them does not speak of directories. */
static inline enum naive naive_file(const struct question *q, const struct rule *rule)
{
	enum naive kind = YES, size = YES;

	if (rule->file_kinds)
		kind = q->is_directory			    ? NO
		       : q->kind < 0			    ? PERHAPS
		       : rule->file_kinds & (1u << q->kind) ? YES
							    : NO;
	if (rule->max_size_bytes >= 0)
		size = q->is_directory			       ? NO
		       : q->size_bytes < 0		       ? PERHAPS
		       : q->size_bytes <= rule->max_size_bytes ? YES
							       : NO;
	return naive_and(kind, size);
}

static inline enum naive naive_path(const struct question *q, const struct rule *rule)
{
	enum naive used = naive_paths(rule, q->has_device ? q->path : NULL, false);
	enum naive other = NO;

	if (q->has_device && q->other_path && rule->paths.count)
		other = naive_paths(rule, q->other_path, false);
	if (rule->effect == EFFECT_PERMIT)
		return used;
	if (rule->effect == EFFECT_MASK)
		return naive_or(used, other == NO ? NO : PERHAPS);
	return naive_or(used, other);
}

static inline enum naive naive_matches(const struct policy *policy, const struct question *q,
				       const struct rule *rule, bool forgive_lapse)
{
	bool has_unless = rule->unless.hours_count || rule->unless.purposes.count;
	enum naive unless = has_unless ? naive_conditions(policy, q, &rule->unless) : NO;
	enum naive result = naive_who(policy, q, rule, forgive_lapse);

	result = naive_and(result, naive_conditions(policy, q, &rule->when));
	result = naive_and(result, naive_not(unless));
	result = naive_and(result, naive_device(q, rule));
	result = naive_and(result, naive_state(q, rule));
	result = naive_and(result, naive_file(q, rule));
	return naive_and(result, naive_path(q, rule));
}

/* ---- deciding (Meaning 0, 3, 4, 5, 7) ---------------------------------------------------------- */

struct naive_answer {
	enum rules_outcome outcome;
	const char *rule;
	bool is_unknown;
};

static inline bool naive_speaks(const struct rule *rule, enum bl_action action)
{
	if (rule->actions & (1u << action))
		return true;
	return rule->effect == EFFECT_PERMIT && action == ACTION_STAT &&
	       rule->actions & (1u << ACTION_LIST | 1u << ACTION_READ);
}

static inline void naive_first(struct naive_answer *answer, enum rules_outcome outcome,
			       const struct rule *rule, bool is_unknown)
{
	if (answer->rule && strcmp(answer->rule, rule->id) < 0)
		return;
	*answer = (struct naive_answer){outcome, rule->id, is_unknown};
}

static inline struct naive_answer naive_action(const struct policy *policy,
					       const struct question *q, enum bl_action action)
{
	struct naive_answer forbid = {0}, permit = {0}, ask = {0};
	bool is_lapsed = false;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		enum naive match = naive_matches(policy, q, rule, false);

		if (!naive_speaks(rule, action))
			continue;
		if (rule->effect == EFFECT_FORBID && match != NO)
			naive_first(&forbid, RULES_FORBID, rule, match == PERHAPS);
		if (rule->effect != EFFECT_PERMIT)
			continue;
		if (match == YES && (!rule->needs_reason || q->who.has_reason))
			naive_first(&permit, RULES_PERMIT, rule, false);
		else if (match == YES)
			naive_first(&ask, RULES_ASK, rule, false);
		is_lapsed |= naive_matches(policy, q, rule, true) == YES;
	}
	if (forbid.rule)
		return forbid;
	if (permit.rule)
		return permit;
	if (ask.rule)
		return ask;
	return (struct naive_answer){RULES_FORBID, is_lapsed ? "lapsed" : "default", false};
}

static inline bool naive_is_floor(unsigned class)
{
	return class == CLASS_CARD_SECURITY_CODE || class == CLASS_CARD_PIN ||
	       class == CLASS_CARD_TRACK || class == CLASS_PASSWORD || class == CLASS_PRIVATE_KEY ||
	       class == CLASS_SECRET || class == CLASS_URL_CREDENTIALS;
}

static inline struct naive_answer naive_withheld(const struct policy *policy,
						 const struct question *q)
{
	struct naive_answer answer = {0};

	for (size_t i = 0; !q->is_directory && i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		bool is_any = rule->withhold_kinds == (1u << FILE_KIND_COUNT) - 1;
		enum naive kind = is_any || (q->kind >= 0 && rule->withhold_kinds & (1u << q->kind))
					  ? YES
				  : q->kind < 0 ? PERHAPS
						: NO;
		enum naive match = naive_and(naive_matches(policy, q, rule, false), kind);

		if (rule->effect == EFFECT_WITHHOLD && match != NO)
			naive_first(&answer, RULES_WITHHOLD, rule, match == PERHAPS);
	}
	return answer;
}

static inline struct naive_answer naive_decide(const struct policy *policy,
					       const struct question *q, enum bl_action action,
					       unsigned class)
{
	bool is_look = action == ACTION_LIST || action == ACTION_STAT || action == ACTION_READ ||
		       action == ACTION_COPY || action == ACTION_UNMASK;
	bool needs_read = action == ACTION_COPY || action == ACTION_UNMASK;

	if (!q->is_log_writable ||
	    (is_look && (q->state == STATE_DUE || q->state == STATE_SHREDDED)))
		return (struct naive_answer){RULES_FORBID, "gate", false};
	if (action == ACTION_UNMASK && (naive_is_floor(class) || class == CLASS_CARD))
		return (struct naive_answer){RULES_FORBID, "builtin/baseline", false};

	struct naive_answer answer = naive_action(policy, q, action);

	if (needs_read) {
		struct naive_answer read = naive_action(policy, q, ACTION_READ);

		if ((read.outcome == RULES_FORBID && answer.outcome != RULES_FORBID) ||
		    (read.outcome == RULES_ASK && answer.outcome == RULES_PERMIT))
			answer = read;
	}
	if ((needs_read || action == ACTION_READ) && answer.outcome == RULES_PERMIT) {
		struct naive_answer withheld = naive_withheld(policy, q);

		if (withheld.rule)
			return withheld;
	}
	return answer;
}

static inline unsigned naive_style(const struct policy *policy, const struct question *q,
				   unsigned class)
{
	unsigned style = STYLE_COUNT;
	bool is_some_true = false;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->effect != EFFECT_MASK || rule->styles[class] == STYLE_NONE)
			continue;
		enum naive match = naive_matches(policy, q, rule, false);

		if (match != NO && rule->styles[class] < style)
			style = rule->styles[class];
		is_some_true |= match == YES;
	}
	if (!is_some_true && policy->default_style < style)
		style = policy->default_style;
	return naive_is_floor(class) ? STYLE_FILL : style;
}

static inline bool naive_walk(const struct policy *policy, const struct question *q)
{
	struct question dir = *q;

	dir.is_directory = true;
	struct naive_answer here = naive_decide(policy, &dir, ACTION_LIST, 0);

	if (strcmp(here.rule, "gate") == 0)
		return false;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->effect == EFFECT_FORBID && naive_speaks(rule, ACTION_LIST) &&
		    naive_matches(policy, &dir, rule, false) != NO)
			return false;
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		struct rule anywhere = policy->rules[i];

		if (anywhere.effect != EFFECT_PERMIT || !naive_speaks(&anywhere, ACTION_LIST) ||
		    (anywhere.needs_reason && !q->who.has_reason))
			continue;
		const char *path = q->has_device ? q->path : NULL;
		bool leads_on = naive_paths(&anywhere, path, true) == YES ||
				naive_paths(&anywhere, path, false) == YES;

		anywhere.paths.count = 0;
		anywhere.file_kinds = 0;
		anywhere.max_size_bytes = -1;
		if (leads_on && naive_matches(policy, q, &anywhere, false) == YES)
			return true;
	}
	return false;
}

#endif
