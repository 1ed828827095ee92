#include "policy/rules/subject.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- roles --------------------------------------------------------------------------------- */

static bool is_key_of(const struct person *person, const struct rules_caller *caller)
{
	switch (person->key) {
	case PERSON_LOGIN:
		return caller->login && strcmp(caller->login, person->value) == 0;
	case PERSON_UID:
		return caller->uid != (uid_t)-1 && caller->uid == person->uid;
	case PERSON_GROUP:
		for (size_t i = 0; i < caller->group_count; i++)
			if (strcmp(caller->groups[i], person->value) == 0)
				return true;
		return false;
	}
	return false;
}

struct day_now {
	int32_t day;
	bool is_known;
};

/* A requirement counts through its last day; one that is not stated is not met. */
static enum three requirement(bool is_needed, int32_t expires_day, struct day_now now)
{
	if (!is_needed)
		return TRUE3;
	if (expires_day == DAY_NONE)
		return FALSE3;
	if (!now.is_known)
		return UNKNOWN3;
	return now.day <= expires_day ? TRUE3 : FALSE3;
}

static enum three role_counts(const struct role *role, const struct person *person,
			      struct day_now now)
{
	enum three training = requirement(role->needs_training, person->training_expires_day, now);
	enum three insurance =
		requirement(role->needs_insurance, person->insurance_expires_day, now);

	return BL_MIN(training, insurance);
}

/* The end of the last day that still counts: the first instant of the next. */
static int64_t lapse_of(const struct policy *policy, const struct role *role,
			const struct person *person)
{
	int32_t day = INT32_MAX;

	if (role->needs_training)
		day = BL_MIN(day, person->training_expires_day);
	if (role->needs_insurance)
		day = BL_MIN(day, person->insurance_expires_day);
	return day >= INT32_MAX - 1 ? INT64_MAX : zone_unix(policy->zone, day + 1, 0);
}

static char *join(const char *list, const char *word)
{
	char *joined;

	if (!*list)
		return strdup(word);
	size_t length = strlen(list) + strlen(word) + 2;

	joined = malloc(length);
	if (joined) {
		strcpy(joined, list);
		strcat(joined, ",");
		strcat(joined, word);
	}
	return joined;
}

static bool append_word(char **list, const char *word)
{
	char *joined = join(*list, word);

	free(*list);
	*list = joined;
	return joined != NULL;
}

static void describe_date(const struct policy *policy, const char *what, int32_t expires_day,
			  char out[48])
{
	char when[20];

	if (expires_day == DAY_NONE) {
		snprintf(out, 48, "%s not recorded", what);
		return;
	}
	rules_local_time(policy, zone_unix(policy->zone, expires_day, 720), when);
	snprintf(out, 48, "%s until %.10s", what, when);
}

static bool describe_lapse(struct rules_subject *subject, const struct role *role,
			   const struct person *person, struct day_now now)
{
	bool is_training =
		requirement(role->needs_training, person->training_expires_day, now) == FALSE3;
	char date[48], text[160];

	describe_date(subject->policy, is_training ? "training" : "insurance",
		      is_training ? person->training_expires_day : person->insurance_expires_day,
		      date);
	snprintf(text, sizeof(text), "%srole '%.80s' (%s)", *subject->lapses ? " " : "", role->name,
		 date);
	return append_word(&subject->lapses, text);
}

static void take_roles(struct rules_subject *subject, const struct person *person,
		       struct day_now now)
{
	const struct policy *policy = subject->policy;

	for (uint64_t todo = person->roles & ~subject->conflicted; todo; todo &= todo - 1) {
		size_t i = bit_first(todo);
		uint64_t bit = UINT64_C(1) << i;

		if (i >= policy->role_count)
			return;
		switch (role_counts(&policy->roles[i], person, now)) {
		case TRUE3:
			subject->roles |= bit;
			if (now.is_known)
				subject->valid_until =
					BL_MIN(subject->valid_until,
					       lapse_of(policy, &policy->roles[i], person));
			break;
		case UNKNOWN3:
			subject->unsure |= bit;
			break;
		case FALSE3:
			subject->lapsed |= bit;
			break;
		}
	}
}

static bool describe_lapses(struct rules_subject *subject, const struct person *person,
			    struct day_now now)
{
	for (uint64_t todo = person->roles & subject->lapsed; todo; todo &= todo - 1)
		if (!describe_lapse(subject, &subject->policy->roles[bit_first(todo)], person, now))
			return false;
	return true;
}

/* Of two roles that are never_with each other, over all keys and lapsed or not, neither counts. */
static uint64_t conflicts_of(const struct policy *policy, uint64_t held)
{
	uint64_t conflicted = 0;

	for (size_t i = 0; i < policy->role_count; i++)
		if (held >> i & 1 && policy->roles[i].never_with & held)
			conflicted |= UINT64_C(1) << i;
	return conflicted;
}

static bool name_roles(const struct policy *policy, uint64_t roles, char **out_names)
{
	*out_names = strdup("");
	for (size_t i = 0; *out_names && i < policy->role_count; i++)
		if (roles >> i & 1 && !append_word(out_names, policy->roles[i].name))
			return false;
	return *out_names != NULL;
}

static enum bl_status find_person(struct rules_subject *subject, const struct rules_caller *caller,
				  struct day_now now)
{
	const struct policy *policy = subject->policy;
	uint64_t held = 0;

	for (size_t i = 0; i < policy->person_count; i++)
		if (is_key_of(&policy->people[i], caller)) {
			subject->is_person = true;
			held |= policy->people[i].roles;
			if (!append_word(&subject->person, policy->people[i].name))
				return BL_NO_MEMORY;
		}
	subject->conflicted = conflicts_of(policy, held);
	for (size_t i = 0; subject->is_person && i < policy->person_count; i++)
		if (is_key_of(&policy->people[i], caller))
			take_roles(subject, &policy->people[i], now);
	/* a role that one key gives is not lapsed because another's date has passed */
	subject->unsure &= ~subject->roles;
	subject->lapsed &= ~(subject->roles | subject->unsure);
	subject->unsure |= subject->conflicted;
	for (size_t i = 0; subject->lapsed && i < policy->person_count; i++)
		if (is_key_of(&policy->people[i], caller) &&
		    !describe_lapses(subject, &policy->people[i], now))
			return BL_NO_MEMORY;
	return BL_OK;
}

static enum bl_status take_role(struct rules_subject *subject, const char *name)
{
	subject->is_role_only = true;
	for (size_t i = 0; i < subject->policy->role_count; i++)
		if (strcmp(subject->policy->roles[i].name, name) == 0) {
			subject->is_person = true;
			subject->roles = UINT64_C(1) << i;
			if (!append_word(&subject->person, "a holder of") ||
			    !append_word(&subject->person, name))
				return BL_NO_MEMORY;
			*strchr(subject->person, ',') = ' ';
		}
	return BL_OK;
}

/* ---- conditions ---------------------------------------------------------------------------- */

/* Where the daemon stands is always known: here, or in none of the policy's workplaces. */
static uint64_t workplaces_of(const struct policy *policy,
			      const struct rules_circumstances *circumstances)
{
	uint64_t found = 0;

	for (size_t i = 0; i < policy->workplace_count; i++) {
		const struct workplace *workplace = &policy->workplaces[i];
		bool is_here = circumstances->workplace &&
			       strcmp(circumstances->workplace, workplace->name) == 0;

		for (size_t j = 0; j < workplace->hosts.count && !circumstances->workplace; j++)
			is_here |= circumstances->host &&
				   strcasecmp(circumstances->host, workplace->hosts.items[j]) == 0;
		if (is_here)
			found |= UINT64_C(1) << i;
	}
	return found;
}

enum three subject_in_hours(const struct rules_subject *subject,
			    const struct conditions *conditions)
{
	if (!conditions->hours_count)
		return TRUE3;
	if (!subject->is_clock_trusted)
		return UNKNOWN3;
	for (size_t i = 0; i < conditions->hours_count; i++) {
		const struct hours *hours = &conditions->hours[i];

		if (hours->days >> subject->local.weekday & 1 &&
		    subject->local.minute >= hours->from_minute &&
		    subject->local.minute < hours->until_minute)
			return TRUE3;
	}
	return FALSE3;
}

/* No purpose stated is a known fact. */
enum three subject_has_purpose(const struct rules_subject *subject,
			       const struct conditions *conditions)
{
	if (!conditions->purposes.count)
		return TRUE3;
	for (size_t i = 0; subject->purpose && i < conditions->purposes.count; i++)
		if (strcmp(conditions->purposes.items[i], subject->purpose) == 0)
			return TRUE3;
	return FALSE3;
}

/* Does the rule speak of this caller? And would it, if lapsed roles counted? */
static enum three who_of(const struct rules_subject *subject, const struct rule *rule,
			 bool *out_but_lapse)
{
	/* everyone: every person of the policy; in a permit, with a role that has not lapsed */
	uint64_t roles = rule->is_for_everyone ? UINT64_MAX : rule->roles;
	bool is_known =
		subject->roles & roles || (rule->is_for_everyone && rule->effect != EFFECT_PERMIT);

	*out_but_lapse = subject->is_person && (is_known || subject->lapsed & roles);
	if (!subject->is_person)
		return FALSE3;
	if (is_known)
		return TRUE3;
	return (subject->lapsed | subject->unsure) & roles ? UNKNOWN3 : FALSE3;
}

void subject_parts(const struct rules_subject *subject, const struct rule *rule,
		   struct subject_parts *out_parts)
{
	bool is_here = !rule->workplaces || rule->workplaces & subject->workplaces;

	out_parts->who = who_of(subject, rule, &out_parts->but_lapse);
	out_parts->where = is_here ? TRUE3 : FALSE3;
	out_parts->hours = subject_in_hours(subject, &rule->when);
	out_parts->purpose = subject_has_purpose(subject, &rule->when);
}

/* ---- sets ---------------------------------------------------------------------------------- */

/* What of `unless` does not wait for the request: all of it, or nothing. */
static enum three not_unless(const struct rules_subject *subject, const struct rule *rule)
{
	const struct conditions *unless = &rule->unless;

	if (conditions_ask_device(unless) || (!unless->hours_count && !unless->purposes.count))
		return TRUE3;
	enum three hours = subject_in_hours(subject, unless);
	enum three purpose = subject_has_purpose(subject, unless);

	return three_not(BL_MIN(hours, purpose));
}

static enum bl_status fill_subject(struct rules_subject *subject)
{
	const struct policy *policy = subject->policy;
	const struct compiled *compiled = policy->compiled;
	size_t words = compiled->words;
	uint64_t *sets = subject->memory = calloc(4 * words, sizeof(*sets));

	if (!sets)
		return BL_NO_MEMORY;
	subject->holds = sets;
	subject->ready = sets + words;
	subject->maybe = sets + 2 * words;
	subject->but_lapse = sets + 3 * words;
	for (size_t bit = 0; bit < words * 64; bit++) {
		if (compiled->rule_of[bit] == BIT_NONE)
			continue;
		const struct rule *rule = &policy->rules[compiled->rule_of[bit]];
		struct subject_parts parts;

		subject_parts(subject, rule, &parts);
		enum three when = BL_MIN(BL_MIN(parts.hours, parts.purpose), parts.where);

		when = BL_MIN(when, not_unless(subject, rule));
		enum three value = BL_MIN(parts.who, when);

		if (value == TRUE3) {
			bit_set(sets, bit);
			if (!rule->needs_reason || subject->has_reason)
				bit_set(sets + words, bit);
		}
		if (value != FALSE3)
			bit_set(sets + 2 * words, bit);
		if (when == TRUE3 && parts.but_lapse)
			bit_set(sets + 3 * words, bit);
	}
	return BL_OK;
}

/* ---- how long it holds --------------------------------------------------------------------- */

#define QUARTER_SECONDS 900

static int64_t wall_minutes(const struct zone *zone, int64_t at_unix)
{
	struct zone_time local;

	zone_local(zone, at_unix, &local);
	return (int64_t)local.day * 1440 + local.minute;
}

static int64_t hours_edge(const struct zone *zone, const struct hours *hours,
			  const struct zone_time *today, int64_t now_unix)
{
	int64_t edge = INT64_MAX;

	for (int32_t ahead = -1; ahead <= 8; ahead++) {
		int32_t day = today->day + ahead;
		unsigned weekday = (unsigned)(today->weekday + 7 + ahead) % 7;

		if (!(hours->days >> weekday & 1))
			continue;
		int64_t from = zone_unix(zone, day, hours->from_minute);
		int64_t until = hours->until_minute >= 1440
					? zone_unix(zone, day + 1, 0)
					: zone_unix(zone, day, hours->until_minute);

		if (from > now_unix)
			edge = BL_MIN(edge, from);
		if (until > now_unix)
			edge = BL_MIN(edge, until);
	}
	return edge;
}

static int64_t conditions_edge(const struct zone *zone, const struct conditions *conditions,
			       const struct zone_time *today, int64_t now_unix)
{
	int64_t edge = INT64_MAX;

	for (size_t i = 0; i < conditions->hours_count; i++)
		edge = BL_MIN(edge, hours_edge(zone, &conditions->hours[i], today, now_unix));
	return edge;
}

int64_t subject_hours_edge(const struct policy *policy, int64_t now_unix)
{
	const struct zone *zone = policy->zone;
	struct zone_time today;
	int64_t edge = INT64_MAX;

	zone_local(zone, now_unix, &today);
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		edge = BL_MIN(edge, conditions_edge(zone, &rule->when, &today, now_unix));
		edge = BL_MIN(edge, conditions_edge(zone, &rule->unless, &today, now_unix));
	}
	if (edge == INT64_MAX)
		return edge;
	/*
	 * The wall clock jumps on the way there: an hour may come twice, and its edge with it. Then
	 * look again at every quarter, which is where clocks are changed.
	 */
	int64_t passed = (edge - (now_unix - now_unix % 60)) / 60;

	if (wall_minutes(zone, edge) - wall_minutes(zone, now_unix) != passed) {
		int64_t quarter = now_unix - now_unix % QUARTER_SECONDS + QUARTER_SECONDS;

		edge = BL_MIN(edge, quarter);
	}
	return edge;
}

/* Counters start anew with every clock hour and calendar day that some limit counts by. */
static int64_t limits_edge(const struct policy *policy, int64_t now_unix)
{
	int64_t edge = INT64_MAX;

	for (unsigned period = 0; period < PERIOD_COUNT; period++)
		if (policy->compiled->has_limit[period]) {
			int64_t next;

			(void)rules_period_start(policy, (enum bl_period)period, now_unix, &next);
			edge = BL_MIN(edge, next);
		}
	return edge;
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum bl_status begin(const struct policy *policy, const char *purpose,
			    struct rules_subject **out_subject)
{
	struct rules_subject *subject = calloc(1, sizeof(*subject));

	if (!subject)
		return BL_NO_MEMORY;
	subject->policy = policy_ref(policy);
	subject->valid_until = INT64_MAX;
	subject->person = strdup("");
	subject->lapses = strdup("");
	subject->purpose = purpose ? strdup(purpose) : NULL;
	*out_subject = subject;
	return subject->person && subject->lapses && (!purpose || subject->purpose) ? BL_OK
										    : BL_NO_MEMORY;
}

static enum bl_status finish(struct rules_subject *subject)
{
	const struct policy *policy = subject->policy;

	if (!subject->is_person && !append_word(&subject->person, "nobody"))
		return BL_NO_MEMORY;
	if (!name_roles(policy, subject->roles, &subject->role_names) ||
	    !name_roles(policy, subject->lapsed, &subject->lapsed_names))
		return BL_NO_MEMORY;
	if (subject->is_clock_trusted)
		zone_local(policy->zone, subject->now_unix, &subject->local);
	if (subject->is_clock_trusted && subject->is_person) {
		int64_t hours = subject_hours_edge(policy, subject->now_unix);
		int64_t limits = limits_edge(policy, subject->now_unix);

		subject->valid_until = BL_MIN(subject->valid_until, BL_MIN(hours, limits));
	}
	return fill_subject(subject);
}

enum bl_status rules_subject_new(const struct policy *policy,
				 const struct rules_circumstances *circumstances,
				 struct rules_subject **out_subject, struct bl_error *why)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	enum bl_status status = begin(policy, circumstances->purpose, &subject);
	struct day_now now = {0, circumstances->is_clock_trusted};

	if (status != BL_OK)
		return bl_fail(why, status, "no memory to say who asks");
	subject->has_reason = circumstances->has_reason;
	subject->is_clock_trusted = circumstances->is_clock_trusted;
	subject->now_unix = circumstances->now_unix;
	subject->uid = circumstances->caller.uid;
	subject->workplaces = workplaces_of(policy, circumstances);
	if (now.is_known) {
		struct zone_time local;

		zone_local(policy->zone, circumstances->now_unix, &local);
		now.day = local.day;
	}
	status = circumstances->role ? take_role(subject, circumstances->role)
				     : find_person(subject, &circumstances->caller, now);
	if (status == BL_OK)
		status = finish(subject);
	if (status != BL_OK)
		return bl_fail(why, status, "no memory to say who asks");
	*out_subject = BL_TAKE(subject);
	return BL_OK;
}

enum bl_status subject_new_changed(const struct rules_subject *subject,
				   const struct subject_change *change,
				   struct rules_subject **out_subject)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *changed = NULL;
	const char *purpose = change->purpose ? change->purpose : subject->purpose;
	enum bl_status status = begin(subject->policy, purpose, &changed);

	if (status != BL_OK)
		return status;
	changed->has_reason = subject->has_reason || change->with_reason;
	changed->uid = subject->uid;
	changed->workplaces = change->workplace
				      ? workplaces_of(subject->policy,
						      &(struct rules_circumstances){
							      .workplace = change->workplace})
				      : subject->workplaces;
	changed->is_clock_trusted = subject->is_clock_trusted;
	changed->now_unix = change->now_unix == INT64_MIN ? subject->now_unix : change->now_unix;
	if (change->role) {
		status = take_role(changed, change->role);
	} else {
		changed->is_person = subject->is_person;
		changed->roles = subject->roles;
		changed->lapsed = subject->lapsed;
		changed->unsure = subject->unsure;
		changed->conflicted = subject->conflicted;
		if (!append_word(&changed->lapses, subject->lapses))
			status = BL_NO_MEMORY;
	}
	if (status == BL_OK)
		status = finish(changed);
	if (status != BL_OK)
		return status;
	*out_subject = BL_TAKE(changed);
	return BL_OK;
}

void rules_subject_free(struct rules_subject *subject)
{
	if (!subject)
		return;
	policy_unref((struct policy *)subject->policy);
	free(subject->memory);
	free(subject->purpose);
	free(subject->person);
	free(subject->role_names);
	free(subject->lapsed_names);
	free(subject->lapses);
	free(subject);
}

int64_t rules_subject_valid_until(const struct rules_subject *subject)
{
	return subject->valid_until;
}

const char *rules_subject_person(const struct rules_subject *subject)
{
	return subject->person;
}

const char *rules_subject_roles(const struct rules_subject *subject)
{
	return subject->role_names;
}

const char *rules_subject_lapsed(const struct rules_subject *subject)
{
	return subject->lapsed_names;
}

uint64_t rules_subject_role_bits(const struct rules_subject *subject)
{
	return subject->roles;
}
