/* random.h - random small policies and questions that use every word of the language; and both in words
 *
 * Policies are structs that rules_compile takes, and random_print writes them as the YAML that says the same. The same dice
 * make the same policy: a seed is all that is needed to see a failure again.
 */
#ifndef TESTS_UNIT_POLICY_RULES_RANDOM_H
#define TESTS_UNIT_POLICY_RULES_RANDOM_H

#include <stdio.h>
#include <stdlib.h>

#include "naive.h"

#define RANDOM_RULES	12
#define RANDOM_PATTERNS 24
#define RANDOM_PATHS	32
#define RANDOM_PATH	96
#define RANDOM_NOW	INT64_C(1782896400) /* 2026-07-01 10:00 in Dublin, a Wednesday */
#define RANDOM_SPRING                                                                              \
	INT64_C(1774742400) /* 2026-03-29 00:00 UTC: summer time begins an hour later */
#define RANDOM_AUTUMN INT64_C(1792886400) /* 2026-10-25 00:00 UTC: summer time ends */
#define RANDOM_CUSTOM CLASS_COUNT	  /* the one class of detect.custom */
#define RANDOM_SET    "builtin/pci"

struct dice {
	uint64_t state;
};

static inline struct dice dice_of(uint64_t seed)
{
	struct dice dice = {(seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};

	dice.state ^= dice.state >> 29;
	dice.state = (dice.state | 1) * UINT64_C(0xbf58476d1ce4e5b9);
	dice.state ^= dice.state >> 32;
	return dice;
}

static inline uint32_t dice_next(struct dice *dice)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return (uint32_t)(dice->state >> 32);
}

static inline uint32_t dice_below(struct dice *dice, uint32_t limit)
{
	return dice_next(dice) % limit;
}

static inline bool dice_one_in(struct dice *dice, uint32_t n)
{
	return dice_below(dice, n) == 0;
}

#define DICE_PICK(dice, array) ((array)[dice_below((dice), BL_COUNT(array))])

/* ---- paths and patterns ------------------------------------------------------------------------ */

/* Many policies share one: what the naive evaluator matched of it is remembered. */
struct random_world {
	char patterns[RANDOM_PATTERNS][RANDOM_PATH];
	char paths[RANDOM_PATHS][RANDOM_PATH];
	struct naive_memo memo;
};

static const char *const RANDOM_GLOBS[] = {
	"**",
	"*",
	"**",
	"Users",
	"?im",
	"kim",
	"{Pictures,Movies}",
	"*.JPG",
	"DCIM",
	"[!a-c]*",
	"caf\xc3\xa9*",
	"[0-9a-f][0-9a-f]",
	"{n*,y,zz}",
	"Mail",
	"a",
	"STRASSE",
	"*a*",
	"b",
	"x",
};
static const char *const RANDOM_NAMES[] = {
	"Users",
	"users",
	"kim",
	"KIM",
	"tim",
	"Pictures",
	"movies",
	"a.jpg",
	"\xff.JPG",
	"1f",
	"dcim",
	"DCIM",
	"Mail",
	"a",
	"b",
	"x",
	"y",
	"zz",
	"\xff",
	"notes",
	"cafe\xcc\x81.txt",
	"CAF\xc3\x89",
	"stra\303\237e",
};

static inline void random_world(struct random_world *world, struct dice *dice)
{
	memset(world, 0, sizeof(*world));
	for (size_t i = 0; i < RANDOM_PATTERNS; i++) {
		char *out = world->patterns[i];
		bool is_loose = dice_one_in(dice, 3);
		unsigned count = 1 + dice_below(dice, 4);
		int length = snprintf(out, RANDOM_PATH, "%s", is_loose ? "**" : "");

		for (unsigned k = 0; k < count; k++)
			length += snprintf(out + length, RANDOM_PATH - (size_t)length, "/%s",
					   DICE_PICK(dice, RANDOM_GLOBS));
		if (dice_one_in(dice, 3))
			snprintf(out + length, RANDOM_PATH - (size_t)length, "/**");
	}
	snprintf(world->patterns[0], RANDOM_PATH, "/**");
	for (size_t i = 0; i < RANDOM_PATHS; i++) {
		unsigned count = 1 + dice_below(dice, 4);
		int length = 0;

		for (unsigned k = 0; k < count; k++)
			length += snprintf(world->paths[i] + length, RANDOM_PATH - (size_t)length,
					   "/%s", DICE_PICK(dice, RANDOM_NAMES));
	}
	snprintf(world->paths[0], RANDOM_PATH, "/");
}

/* ---- a policy ---------------------------------------------------------------------------------- */

#define RANDOM_LIST 2 /* entries of a list inside a rule */
struct random_policy {
	struct policy policy;
	struct rule rules[RANDOM_RULES + 1]; /* one is free for a law to add */
	struct hours hours[RANDOM_RULES + 1][2][RANDOM_LIST];
	const char *paths[RANDOM_RULES + 1][RANDOM_LIST];
	const char *ids[RANDOM_RULES + 1][RANDOM_LIST];
	const char *purposes[RANDOM_RULES + 1][2][RANDOM_LIST];
	struct role roles[4];
	struct person people[5];
	struct workplace workplaces[2];
	struct custom_class custom;
	unsigned
		ease; /* the greater, the fewer conditions narrow a rule: then what is rare comes up */
	bool uses_tokens; /* or last-4 styles: never both, as the floor has it */
	struct random_world *world;
};

static const char *const RANDOM_PURPOSES[] = {"repair", "grading", "complaint"};
static const char *const RANDOM_IDS[] = {"RMA-*", "RMA-1?", "CB-1", "*-1*"};
static const char *const RANDOM_DEVICES[] = {"RMA-10", "RMA-2", "CB-1"};
/* a few classes only, so that rules and files speak of the same ones */
static const uint8_t RANDOM_CLASSES[] = {CLASS_NAME,	 CLASS_EMAIL,	 CLASS_PHONE,  CLASS_CARD,
					 CLASS_PASSPORT, CLASS_PASSWORD, RANDOM_CUSTOM};

static inline bl_classes random_classes(struct dice *dice)
{
	bl_classes classes = CLASS_BIT(DICE_PICK(dice, RANDOM_CLASSES));

	return dice_one_in(dice, 2) ? classes | CLASS_BIT(DICE_PICK(dice, RANDOM_CLASSES))
				    : classes;
}

static inline struct hours random_hours(struct dice *dice)
{
	uint16_t from = (uint16_t)(dice_below(dice, 24) * 60);
	uint16_t until = (uint16_t)(from + 30 * (1 + dice_below(dice, 24)));

	return (struct hours){.days = (uint8_t)(1 + dice_below(dice, 0x7f)),
			      .from_minute = from,
			      .until_minute = BL_MIN(until, 1440)};
}

static inline bool random_narrows(const struct random_policy *made, struct dice *dice,
				  uint32_t one_in)
{
	return dice_one_in(dice, one_in * made->ease);
}

static inline void random_conditions(struct random_policy *made, struct dice *dice, size_t at,
				     unsigned which, bool may_ask_approved, struct conditions *out)
{
	if (random_narrows(made, dice, 7)) {
		struct hours *hours = made->hours[at][which];

		hours[0] = random_hours(dice);
		hours[1] = random_hours(dice);
		hours[1].days &= (uint8_t)~hours[0].days; /* no window may stand twice */
		out->hours = hours;
		out->hours_count = hours[1].days ? 2 : 1;
	}
	if (random_narrows(made, dice, 5)) {
		const char **words = made->purposes[at][which];

		out->purposes = (struct string_list){words, 1};
		words[0] = DICE_PICK(dice, RANDOM_PURPOSES);
		words[1] = DICE_PICK(dice, RANDOM_PURPOSES);
		out->purposes.count += words[0] != words[1];
	}
	if (random_narrows(made, dice, 6))
		out->consent = dice_one_in(dice, 4) ? CONSENT_WITHDRAWN : CONSENT_GRANTED;
	if (random_narrows(made, dice, 8))
		out->check = dice_one_in(dice, 2) ? CHECK_ONE_FACTOR : CHECK_TWO_FACTOR;
	if (may_ask_approved && dice_one_in(dice, 3)) {
		static const enum bl_action asked[] = {ACTION_COPY,   ACTION_COPY, ACTION_UNMASK,
						       ACTION_UNMASK, ACTION_READ, ACTION_SHRED};

		out->approved = (uint8_t)(DICE_PICK(dice, asked) + 1);
	}
}

static inline void random_file_words(struct random_policy *made, struct dice *dice, size_t at,
				     struct rule *rule)
{
	if (random_narrows(made, dice, 2)) {
		rule->paths = (struct string_list){made->paths[at], 1};
		made->paths[at][0] = made->world->patterns[dice_below(dice, RANDOM_PATTERNS)];
		made->paths[at][1] = made->world->patterns[dice_below(dice, RANDOM_PATTERNS)];
		rule->paths.count += strcmp(made->paths[at][0], made->paths[at][1]) != 0;
	}
	if (rule->effect != EFFECT_WITHHOLD && dice_one_in(dice, 6))
		rule->file_kinds = 1 + dice_below(dice, 15);
	if (random_narrows(made, dice, 8))
		rule->max_size_bytes = (1 + dice_below(dice, 2)) * 100;
	if (random_narrows(made, dice, 5))
		rule->contains = random_classes(dice);
}

static inline void random_what(struct random_policy *made, struct dice *dice, size_t at,
			       struct rule *rule)
{
	uint32_t looks = 1u << ACTION_LIST | 1u << ACTION_STAT | 1u << ACTION_READ |
			 1u << ACTION_COPY | 1u << ACTION_UNMASK;

	if (random_narrows(made, dice, 6))
		rule->device_kinds = 1 + dice_below(dice, 15);
	if (random_narrows(made, dice, 8))
		rule->states = 1 + dice_below(dice, 0x7f);
	if (random_narrows(made, dice, 8)) {
		rule->ids = (struct string_list){made->ids[at], 1};
		made->ids[at][0] = DICE_PICK(dice, RANDOM_IDS);
		made->ids[at][1] = DICE_PICK(dice, RANDOM_IDS);
		rule->ids.count += made->ids[at][0] != made->ids[at][1];
	}
	if (!(rule->actions & ~looks))
		random_file_words(made, dice, at, rule);
}

/* Styles that the floor takes, and never a token beside a last-4 style. */
static inline uint8_t random_style(const struct random_policy *made, struct dice *dice,
				   unsigned class)
{
	static const uint8_t with_tokens[] = {STYLE_FILL, STYLE_SHAPE, STYLE_TOKEN,
					      STYLE_KEEP_DOMAIN, STYLE_YEAR_ONLY};
	static const uint8_t with_tails[] = {STYLE_FILL,      STYLE_SHAPE,	 STYLE_KEEP_DOMAIN,
					     STYLE_YEAR_ONLY, STYLE_KEEP_LAST_4, STYLE_KEEP_LAST_4};

	if (class == CLASS_PASSWORD)
		return STYLE_FILL;
	if (class == CLASS_CARD && !made->uses_tokens && dice_one_in(dice, 3))
		return STYLE_KEEP_FIRST_6_LAST_4;
	return made->uses_tokens ? DICE_PICK(dice, with_tokens) : DICE_PICK(dice, with_tails);
}

static inline void random_effect(struct random_policy *made, struct dice *dice, struct rule *rule)
{
	static const enum rules_effect effects[] = {
		EFFECT_PERMIT, EFFECT_PERMIT, EFFECT_PERMIT,   EFFECT_PERMIT,
		EFFECT_PERMIT, EFFECT_PERMIT, EFFECT_PERMIT,   EFFECT_PERMIT,
		EFFECT_PERMIT, EFFECT_PERMIT, EFFECT_PERMIT,   EFFECT_FORBID,
		EFFECT_FORBID, EFFECT_MASK,   EFFECT_WITHHOLD, EFFECT_WITHHOLD};
	static const uint32_t permits[] = {
		1u << ACTION_LIST | 1u << ACTION_READ,
		1u << ACTION_LIST | 1u << ACTION_READ,
		1u << ACTION_LIST | 1u << ACTION_READ | 1u << ACTION_COPY,
		1u << ACTION_READ | 1u << ACTION_UNMASK,
		1u << ACTION_COPY,
		1u << ACTION_UNMASK,
		1u << ACTION_COPY | 1u << ACTION_UNMASK,
	};
	uint32_t life = 0x1ff; /* of the actions from request on */

	memset(rule->styles, STYLE_NONE, sizeof(rule->styles));
	rule->effect = DICE_PICK(dice, effects);
	if (rule->effect == EFFECT_PERMIT) {
		rule->actions = DICE_PICK(dice, permits);
		if (dice_one_in(dice, 5))
			rule->actions = (1 + dice_below(dice, life)) << ACTION_REQUEST;
		if (dice_one_in(dice, 8))
			rule->actions |= 1 + dice_below(dice, 0x3fff);
	}
	if (rule->effect == EFFECT_FORBID)
		rule->actions =
			1u << dice_below(dice, ACTION_COUNT) | 1u << dice_below(dice, ACTION_COUNT);
	if (rule->effect == EFFECT_WITHHOLD)
		rule->withhold_kinds = dice_one_in(dice, 3) ? (1u << FILE_KIND_COUNT) - 1
							    : 1 + dice_below(dice, 7);
	for (unsigned i = 0; rule->effect == EFFECT_MASK && i < 3; i++) {
		unsigned class = DICE_PICK(dice, RANDOM_CLASSES);

		rule->styles[class] = random_style(made, dice, class);
	}
}

/* Needs and limits belong to permits; `approved` never to a permit with approvals. */
static inline void random_needs(struct dice *dice, struct rule *rule)
{
	static const int64_t spans[] = {3600, 7200, 14400};

	rule->needs_reason = dice_one_in(dice, 6);
	if (dice_one_in(dice, 4))
		rule->approvals = (struct approvals){.count = 1 + dice_below(dice, 2),
						     .from = 1 + dice_below(dice, 15),
						     .valid_seconds = DICE_PICK(dice, spans)};
	if (!dice_one_in(dice, 4))
		return;
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++)
		if (dice_one_in(dice, 2))
			rule->limits[unit] =
				(struct limit){true, (enum bl_period)dice_below(dice, PERIOD_COUNT),
					       1 + dice_below(dice, 5)};
}

static inline void random_rule(struct random_policy *made, struct dice *dice, size_t at,
			       bool is_of_set)
{
	struct rule *rule = &made->rules[at];

	do {
		*rule = (struct rule){.max_size_bytes = -1, .why = "Because it was drawn."};
		random_effect(made, dice, rule);
	} while (is_of_set && rule->effect == EFFECT_PERMIT);
	rule->set = is_of_set ? RANDOM_SET : NULL;
	/* ids that sort otherwise than the rules stand */
	snprintf(rule->id, sizeof(rule->id), "%s%02u-%zu", is_of_set ? RANDOM_SET "-" : "r",
		 dice_below(dice, 100), at);
	rule->is_for_everyone = is_of_set || dice_one_in(dice, made->ease > 1 ? 2 : 4);
	rule->roles = rule->is_for_everyone ? 0 : 1 + dice_below(dice, 15);
	random_what(made, dice, at, rule);
	if (random_narrows(made, dice, 6))
		rule->workplaces = 1 + dice_below(dice, 3);
	if (rule->effect == EFFECT_PERMIT)
		random_needs(dice, rule);
	random_conditions(made, dice, at, 0,
			  rule->effect == EFFECT_PERMIT && !rule->approvals.count, &rule->when);
	if (dice_one_in(dice, rule->effect == EFFECT_WITHHOLD ? 2 : 3))
		random_conditions(made, dice, at, 1,
				  rule->effect == EFFECT_FORBID || rule->effect == EFFECT_WITHHOLD,
				  &rule->unless);
}

static inline void random_people(struct random_policy *made, struct dice *dice)
{
	static const char *const roles[] = {"technician", "supervisor", "auditor", "officer"};
	static const struct person keys[] = {
		{.key = PERSON_LOGIN, .name = "anna", .value = "anna"},
		{.key = PERSON_LOGIN, .name = "ben", .value = "ben"},
		{.key = PERSON_UID, .name = "uid:61001", .value = "61001", .uid = 61001},
		{.key = PERSON_GROUP, .name = "group:desk", .value = "desk"},
		{.key = PERSON_GROUP, .name = "group:night", .value = "night"},
	};
	int32_t today;

	if (!zone_day(2026, 7, 1, &today))
		abort();
	for (size_t i = 0; i < BL_COUNT(roles); i++)
		made->roles[i] = (struct role){.name = roles[i],
					       .needs_training = dice_one_in(dice, 3),
					       .needs_insurance = dice_one_in(dice, 5)};
	if (dice_one_in(dice, 4)) {
		size_t one = dice_below(dice, 4), other = (one + 1 + dice_below(dice, 3)) % 4;

		made->roles[one].never_with = 1u << other;
		made->roles[other].never_with = 1u << one;
	}
	for (size_t i = 0; i < BL_COUNT(keys); i++) {
		struct person *person = &made->people[i];

		*person = keys[i];
		person->roles = 1 + dice_below(dice, 15);
		person->training_expires_day =
			dice_one_in(dice, 8) ? DAY_NONE : today - 1 + (int32_t)dice_below(dice, 4);
		person->insurance_expires_day =
			dice_one_in(dice, 4) ? DAY_NONE : today - 1 + (int32_t)dice_below(dice, 4);
	}
}

static const char *const RANDOM_HOSTS[][2] = {{"bench-01", "both-01"}, {"office-01", "both-01"}};

static inline void random_head(struct random_policy *made, struct dice *dice, struct zone *zone)
{
	made->ease = 1u << dice_below(dice, 3);
	made->uses_tokens = dice_one_in(dice, 2);
	made->custom = (struct custom_class){
		.name = "loyalty-card", .pattern = "NG-[0-9]{8}", .example = "NG-20417733"};
	for (size_t i = 0; i < 2; i++)
		made->workplaces[i] =
			(struct workplace){.name = i ? "office" : "bench",
					   /* nobody writes to them */
					   .hosts = {(const char **)(uintptr_t)RANDOM_HOSTS[i], 2}};
	random_people(made, dice);
	made->policy = (struct policy){
		.name = "Random",
		.serial = 1,
		.zone_name = "Europe/Dublin",
		.zone = zone,
		.default_style = (enum bl_style)random_style(made, dice, CLASS_NAME),
		.custom = &made->custom,
		.custom_count = 1,
		.workplaces = made->workplaces,
		.workplace_count = 2,
		.roles = made->roles,
		.role_count = 4,
		.people = made->people,
		.person_count = 5,
		.rules = made->rules,
		.rule_count = 1 + dice_below(dice, RANDOM_RULES),
		.test_clock_unix = INT64_MIN,
	};
}

/*
 * random_policy - never freed by its count: whoever builds it keeps one
 *
 * @zone, @world  borrowed
 * @with_sets     some rules come as if of a shipped set
 */
static inline void random_policy(struct random_policy *made, struct dice *dice, struct zone *zone,
				 struct random_world *world, bool with_sets)
{
	memset(made, 0, sizeof(*made));
	made->world = world;
	random_head(made, dice, zone);
	atomic_init(&made->policy.references, 1);
	for (size_t i = 0; i < made->policy.rule_count; i++)
		random_rule(made, dice, i, with_sets && dice_one_in(dice, 8));
}

/* ---- a question -------------------------------------------------------------------------------- */

static inline struct rules_circumstances random_who(struct dice *dice)
{
	static const char *const groups[] = {"desk", "night", "desk"};
	static const char *const logins[] = {"anna", "ben", "zed", NULL};
	static const char *const hosts[] = {"bench-01", "office-01", "both-01", "home-01", NULL};
	static const char *const workplaces[] = {"bench", "office"};
	static const char *const roles[] = {"technician", "supervisor", "auditor", "officer"};
	/* mostly around the dates of people, else when the clocks change */
	static const int64_t days[] = {RANDOM_NOW, RANDOM_NOW, RANDOM_NOW,    RANDOM_NOW,
				       RANDOM_NOW, RANDOM_NOW, RANDOM_SPRING, RANDOM_AUTUMN};
	size_t first = dice_below(dice, 2);

	return (struct rules_circumstances){
		.caller = {.uid = dice_one_in(dice, 3) ? 61001 : 7,
			   .login = DICE_PICK(dice, logins),
			   .groups = groups + first,
			   .group_count = dice_below(dice, 3)},
		.purpose = dice_one_in(dice, 4) ? NULL : DICE_PICK(dice, RANDOM_PURPOSES),
		.host = DICE_PICK(dice, hosts),
		.workplace = dice_one_in(dice, 4) ? DICE_PICK(dice, workplaces) : NULL,
		.has_reason = !dice_one_in(dice, 3),
		.now_unix = DICE_PICK(dice, days) + (int64_t)dice_below(dice, 96) * 1800,
		.is_clock_trusted = !dice_one_in(dice, 10),
		.role = dice_one_in(dice, 12) ? DICE_PICK(dice, roles) : NULL,
	};
}

static inline struct rules_device random_device(struct dice *dice)
{
	return (struct rules_device){.id = dice_one_in(dice, 5) ? NULL
								: DICE_PICK(dice, RANDOM_DEVICES),
				     .kind = (int)dice_below(dice, 5) - 1};
}

static inline void random_approvals(struct question *q, struct dice *dice)
{
	/* at the edges of what is valid, and after now */
	static const int64_t ages[] = {0, 60, 3599, 3600, 7199, 7200, 14399, 14400, -1};
	static const uid_t givers[] = {1, 2, 3, 7, 61001};
	static const int actions[] = {RULES_ANY,     RULES_ANY,	  ACTION_COPY,
				      ACTION_UNMASK, ACTION_READ, ACTION_SHRED};

	q->approval_count = dice_one_in(dice, 3) ? 0 : dice_below(dice, NAIVE_APPROVALS + 1);
	for (size_t i = 0; i < q->approval_count; i++)
		q->approvals[i] = (struct rules_approval){
			.request = dice_below(dice, 2),
			.giver = DICE_PICK(dice, givers),
			.roles = dice_below(dice, 16),
			.given_unix = q->who->now_unix - DICE_PICK(dice, ages),
			.action = DICE_PICK(dice, actions),
			.class = dice_one_in(dice, 2) ? RULES_ANY : DICE_PICK(dice, RANDOM_CLASSES),
		};
}

static inline void random_found(struct question *q, struct dice *dice)
{
	q->has = dice_one_in(dice, 2) ? 0 : random_classes(dice);
	q->is_whole_known = !dice_one_in(dice, 4);
	q->is_unscanned = !q->is_directory && dice_one_in(dice, 10);
	q->is_paid = dice_one_in(dice, 10);
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++)
		for (unsigned period = 0; period < PERIOD_COUNT; period++)
			q->used.amount[unit][period] =
				dice_one_in(dice, 2) ? 0 : dice_below(dice, 6);
}

/* @who, @device, @world are borrowed */
static inline void random_question(struct question *q, struct dice *dice,
				   const struct random_world *world,
				   const struct rules_circumstances *who,
				   const struct rules_device *device)
{
	static const enum bl_action actions[] = {ACTION_READ, ACTION_READ,   ACTION_COPY,
						 ACTION_COPY, ACTION_UNMASK, ACTION_UNMASK};

	*q = (struct question){
		.who = who,
		.device = dice_one_in(dice, 15) ? NULL : device,
		.path = dice_one_in(dice, 12) ? NULL : world->paths[dice_below(dice, RANDOM_PATHS)],
		.other_path =
			dice_one_in(dice, 4) ? world->paths[dice_below(dice, RANDOM_PATHS)] : NULL,
		.kind = (int)dice_below(dice, 5) - 1,
		.state = dice_one_in(dice, 2) ? STATE_OPEN
					      : (int)dice_below(dice, STATE_COUNT + 1) - 1,
		.size_bytes = (int64_t)dice_below(dice, 5) * 50 - 1,
		.is_log_writable = !dice_one_in(dice, 30),
		.is_directory = dice_one_in(dice, 8),
		.consent = (enum bl_consent)dice_below(dice, CONSENT_COUNT),
		.check = (enum bl_check)dice_below(dice, CHECK_COUNT),
		.action = dice_one_in(dice, 3) ? (enum bl_action)dice_below(dice, ACTION_COUNT)
					       : DICE_PICK(dice, actions),
		.class = DICE_PICK(dice, RANDOM_CLASSES),
	};
	q->size_bytes += q->size_bytes > 0 && dice_one_in(dice, 2); /* just at the edge */
	if (dice_one_in(dice, 3))
		q->consent = CONSENT_GRANTED;
	random_found(q, dice);
	random_approvals(q, dice);
}

#endif
