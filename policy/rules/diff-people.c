#include <stdio.h>
#include <string.h>

#include "policy/rules/diff-told.h"
#include "policy/rules/diff.h"

#define TOPIC_PEOPLE   0x10000u
#define TOPIC_PATTERNS 0x18000u

/* ---- people: how long each holds a role ----------------------------------------------------------------------- */

/* The moment at which a role ends, as a rank: the later the wider. */
struct tenure {
	int64_t lapses_unix; /* 0: not held, or gives nothing */
	char words[40];
};

static void tenure_of(const struct policy *policy, const struct person *person, const char *role,
		      struct tenure *out)
{
	char last[20];

	*out = (struct tenure){0, "not held"};
	for (size_t i = 0; person && i < policy->role_count; i++) {
		if (!(person->roles >> i & 1) || strcmp(policy->roles[i].name, role) != 0)
			continue;
		out->lapses_unix = people_lapse(policy, person, i);
		if (out->lapses_unix == INT64_MAX) {
			snprintf(out->words, sizeof(out->words), "without an end");
			return;
		}
		/* noon of the last day that counts */
		rules_local_time(policy, out->lapses_unix - 43200, last);
		if (out->lapses_unix)
			snprintf(out->words, sizeof(out->words), "through %.10s", last);
		else
			snprintf(out->words, sizeof(out->words), "gives nothing");
	}
}

static const struct person *same_key(const struct policy *policy, const struct person *person)
{
	for (size_t i = 0; i < policy->person_count; i++)
		if (strcmp(policy->people[i].name, person->name) == 0)
			return &policy->people[i];
	return NULL;
}

static void compare(const struct policy *const policy[SIDES],
		    const struct person *const person[SIDES], const char *role, unsigned topic,
		    struct tellings *tellings)
{
	struct tenure tenure[SIDES];
	struct told_answer answers[SIDES];
	char question[200];

	for (unsigned side = 0; side < SIDES; side++)
		tenure_of(policy[side], person[side], role, &tenure[side]);
	/* by days: the same day in another zone is not told */
	if (strcmp(tenure[OLDER].words, tenure[NEWER].words) == 0)
		return;
	for (unsigned side = 0; side < SIDES; side++)
		answers[side] =
			(struct told_answer){tenure[side].lapses_unix > tenure[!side].lapses_unix,
					     tenure[side].words, "people"};
	snprintf(question, sizeof(question), "hold the role '%.80s'", role);
	tellings_add(tellings, person[NEWER] ? person[NEWER]->name : person[OLDER]->name, topic,
		     &answers[OLDER], &answers[NEWER], question);
}

void diff_people(const struct policy *older, const struct policy *newer, struct tellings *tellings)
{
	const struct policy *policy[SIDES] = {older, newer};

	for (unsigned side = SIDES; side-- > 0;)
		for (size_t i = 0; i < policy[side]->person_count; i++) {
			const struct person *person[SIDES];

			person[side] = &policy[side]->people[i];
			person[!side] = same_key(policy[!side], person[side]);
			for (size_t r = 0; r < policy[side]->role_count; r++) {
				const char *role = policy[side]->roles[r].name;
				struct tenure other;

				if (!(person[side]->roles >> r & 1))
					continue;
				tenure_of(newer, person[NEWER], role, &other);
				/* of what both hold the newer file has told */
				if (side == NEWER || strcmp(other.words, "not held") == 0)
					compare(policy, person, role, TOPIC_PEOPLE + (unsigned)r,
						tellings);
			}
		}
}

/* ---- patterns of custom classes ---------------------------------------------------------------------------------- */

/* Which of two patterns finds more nobody can say: another one may find less, and so it counts as wider. */
static void compare_patterns(const struct custom_class *older, const struct custom_class *newer,
			     unsigned topic, struct tellings *tellings)
{
	struct told_answer before = {0, older->pattern, "detect"};
	struct told_answer after = {1, newer->pattern, "detect"};
	char question[200];

	if (strcmp(older->pattern, newer->pattern) == 0)
		return;
	snprintf(question, sizeof(question), "find items of '%.80s'", newer->name);
	tellings_add(tellings, "everybody", topic, &before, &after, question);
}

void diff_patterns(const struct policy *older, const struct policy *newer,
		   struct tellings *tellings)
{
	for (size_t i = 0; i < newer->custom_count; i++)
		for (size_t k = 0; k < older->custom_count; k++)
			if (strcmp(newer->custom[i].name, older->custom[k].name) == 0)
				compare_patterns(&older->custom[k], &newer->custom[i],
						 TOPIC_PATTERNS + (unsigned)i, tellings);
}
