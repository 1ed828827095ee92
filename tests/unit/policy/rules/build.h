/* build.h - random small policies and requests, made by hand: no YAML, fixed seeds */
#ifndef TESTS_UNIT_POLICY_RULES_BUILD_H
#define TESTS_UNIT_POLICY_RULES_BUILD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/model.h"
#include "policy/rules/zone.h"

#define BUILD_RULES 12
#define BUILD_NOW   INT64_C(1782896400) /* 2026-07-01 10:00 in Dublin, a Wednesday */

struct dice {
	uint64_t state;
};

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

static const char *const BUILD_PATTERNS[] = {
	"/**",
	"/Users/**",
	"/Users/*/{Pictures,Movies}/**",
	"**/DCIM/**",
	"/Users/kim",
	"**/*.JPG",
	"/Users/**/Mail/*",
	"/a/**/b/**/c",
	"/[!a-c]*",
	"/Users/?im/**",
	"**/caf\xc3\xa9*",
	"/Users",
	"/**/**/x",
	"**/{n*,{y,zz}}",
	"/Users/*",
	"**/[0-9a-f][0-9a-f]/**",
};
static const char *const BUILD_PATHS[] = {
	"/",
	"/Users",
	"/users/KIM",
	"/Users/kim/Pictures",
	"/Users/kim/pictures/a.jpg",
	"/Users/kim/Mail/1",
	"/Users/Mail/1",
	"/DCIM/1.jpg",
	"/DCIM",
	"/x/dcim/y/z",
	"/a/b/c",
	"/a/q/b/r/s/c",
	"/x",
	"/q/w/x",
	"/b/notes",
	"/Users/cafe\xcc\x81.txt",
	"/CAF\xc3\x89",
	"/1f/a",
	"/Users/tim/\xff.JPG",
	"/\xff/zz",
	"/Users/kim/y",
};
static const char *const BUILD_PURPOSES[] = {"repair", "grading", "complaint"};
static const char *const BUILD_IDS[] = {"RMA-*", "RMA-1?", "CB-1", "*"};
static const char *const BUILD_DEVICES[] = {"RMA-10", "RMA-2", "CB-1"};

struct built {
	struct policy policy;
	struct rule rules[BUILD_RULES + 1];
	struct hours hours[(BUILD_RULES + 1) * 2];
	const char *paths[BUILD_RULES + 1][2];
	const char *ids[BUILD_RULES + 1][1];
	const char *purposes[BUILD_RULES + 1][2][2];
	struct role roles[3];
	struct person people[4];
};

static inline struct hours build_hours(struct dice *dice)
{
	uint16_t from = (uint16_t)(dice_below(dice, 12) * 60);

	return (struct hours){
		.days = (uint8_t)(dice_next(dice) & 0x7f),
		.from_minute = from,
		.until_minute = (uint16_t)(from + 60 * (1 + dice_below(dice, 12))),
	};
}

static inline void build_conditions(struct built *built, struct dice *dice, size_t at, size_t which,
				    struct conditions *out)
{
	*out = (struct conditions){0};
	if (dice_one_in(dice, 4)) {
		built->hours[at * 2 + which] = build_hours(dice);
		out->hours = &built->hours[at * 2 + which];
		out->hours_count = 1;
	}
	if (dice_one_in(dice, 4)) {
		const char **words = built->purposes[at][which];

		out->purposes.count = 1 + dice_below(dice, 2);
		out->purposes.items = words;
		for (size_t i = 0; i < out->purposes.count; i++)
			words[i] = BUILD_PURPOSES[dice_below(dice, 3)];
	}
}

static inline void build_what(struct built *built, struct dice *dice, size_t at, struct rule *rule)
{
	if (dice_one_in(dice, 3))
		rule->device_kinds = 1 + dice_below(dice, 15);
	if (dice_one_in(dice, 5))
		rule->states = 1 + dice_below(dice, 0x7f);
	if (dice_one_in(dice, 4)) {
		built->ids[at][0] = BUILD_IDS[dice_below(dice, BL_COUNT(BUILD_IDS))];
		rule->ids = (struct string_list){built->ids[at], 1};
	}
	if (!dice_one_in(dice, 3)) {
		rule->paths = (struct string_list){built->paths[at], 1 + dice_below(dice, 2)};
		for (size_t i = 0; i < rule->paths.count; i++)
			built->paths[at][i] =
				BUILD_PATTERNS[dice_below(dice, BL_COUNT(BUILD_PATTERNS))];
	}
	if (dice_one_in(dice, 4))
		rule->file_kinds = 1 + dice_below(dice, 15);
	if (dice_one_in(dice, 5))
		rule->max_size_bytes = dice_below(dice, 3) * 100;
}

static inline void build_effect(struct dice *dice, struct rule *rule)
{
	static const uint32_t of_effect[] = {EFFECT_PERMIT, EFFECT_PERMIT, EFFECT_PERMIT,
					     EFFECT_FORBID, EFFECT_MASK,   EFFECT_WITHHOLD};
	uint32_t everything = (UINT32_C(1) << FILE_KIND_COUNT) - 1;

	rule->effect = (enum rules_effect)of_effect[dice_below(dice, BL_COUNT(of_effect))];
	memset(rule->styles, STYLE_NONE, sizeof(rule->styles));
	if (rule->effect == EFFECT_PERMIT || rule->effect == EFFECT_FORBID)
		rule->actions = rule->effect == EFFECT_PERMIT ? 1 + dice_below(dice, 0x3fff)
							      : UINT32_C(1) << dice_below(dice, 14);
	if (rule->effect == EFFECT_WITHHOLD)
		rule->withhold_kinds = dice_one_in(dice, 3) ? everything : 1 + dice_below(dice, 7);
	for (unsigned i = 0; rule->effect == EFFECT_MASK && i < 3; i++)
		rule->styles[dice_below(dice, 8)] = (uint8_t)dice_below(dice, STYLE_COUNT);
	rule->needs_reason = rule->effect == EFFECT_PERMIT && dice_one_in(dice, 4);
}

static inline void build_rule(struct built *built, struct dice *dice, size_t at)
{
	struct rule *rule = &built->rules[at];

	*rule = (struct rule){.max_size_bytes = -1, .why = "Because."};
	/* ids that sort otherwise than the rules stand */
	snprintf(rule->id, sizeof(rule->id), "r%02u-%zu", dice_below(dice, 100), at);
	build_effect(dice, rule);
	rule->is_for_everyone = dice_one_in(dice, 4);
	rule->roles = rule->is_for_everyone ? 0 : 1 + dice_below(dice, 7);
	build_what(built, dice, at, rule);
	build_conditions(built, dice, at, 0, &rule->when);
	if (dice_one_in(dice, 3))
		build_conditions(built, dice, at, 1, &rule->unless);
}

static inline void build_people(struct built *built, struct dice *dice, int32_t today)
{
	static const char *const roles[] = {"technician", "supervisor", "auditor"};
	static const struct person keys[] = {
		{.key = PERSON_LOGIN, .name = "anna", .value = "anna"},
		{.key = PERSON_UID, .name = "uid:61001", .value = "61001", .uid = 61001},
		{.key = PERSON_GROUP, .name = "group:desk", .value = "desk"},
		{.key = PERSON_GROUP, .name = "group:night", .value = "night"},
	};

	for (size_t i = 0; i < 3; i++)
		built->roles[i] = (struct role){.name = roles[i],
						.needs_training = dice_one_in(dice, 2),
						.needs_insurance = dice_one_in(dice, 3)};
	for (size_t i = 0; i < 4; i++) {
		struct person *person = &built->people[i];

		*person = keys[i];
		person->roles = dice_below(dice, 8);
		person->training_expires_day = today - 1 + (int32_t)dice_below(dice, 3);
		person->insurance_expires_day =
			dice_one_in(dice, 4) ? DAY_NONE : today - 1 + (int32_t)dice_below(dice, 3);
	}
}

/* @zone is borrowed. The policy is never freed by its count: the builder keeps one. */
static inline void build_policy(struct built *built, struct dice *dice, struct zone *zone)
{
	int32_t today;

	memset(built, 0, sizeof(*built));
	if (!zone_day(2026, 7, 1, &today))
		abort();
	built->policy = (struct policy){
		.name = "random",
		.zone = zone,
		.default_style = (enum bl_style)dice_below(dice, STYLE_COUNT),
		.roles = built->roles,
		.role_count = 3,
		.people = built->people,
		.person_count = 4,
		.rules = built->rules,
		.rule_count = 1 + dice_below(dice, BUILD_RULES),
		.test_clock_unix = INT64_MIN,
	};
	atomic_init(&built->policy.references, 1);
	build_people(built, dice, today);
	for (size_t i = 0; i < built->policy.rule_count; i++)
		build_rule(built, dice, i);
}

/* One question: everything rules_decide is told, as plain words. */
struct question {
	struct rules_circumstances who;
	const char *groups[2];
	struct rules_device device;
	const char *path;	/* NULL: unknown */
	const char *other_path; /* NULL: none */
	int kind, state;
	int64_t size_bytes;
	bool is_log_writable, is_directory, has_device;
};

static inline void build_question(struct question *question, struct dice *dice)
{
	*question = (struct question){
		.who = {.caller = {.uid = dice_one_in(dice, 2) ? 61001 : 7,
				   .login = dice_one_in(dice, 2) ? "anna" : "zed"},
			.purpose =
				dice_one_in(dice, 3) ? NULL : BUILD_PURPOSES[dice_below(dice, 3)],
			.has_reason = dice_one_in(dice, 2),
			.now_unix = BUILD_NOW + (int64_t)dice_below(dice, 48) * 1800,
			.is_clock_trusted = !dice_one_in(dice, 10)},
		.device = {.id = dice_one_in(dice, 5) ? NULL : BUILD_DEVICES[dice_below(dice, 3)],
			   .kind = (int)dice_below(dice, 5) - 1},
		.path = dice_one_in(dice, 10)
				? NULL
				: BUILD_PATHS[dice_below(dice, BL_COUNT(BUILD_PATHS))],
		.other_path = dice_one_in(dice, 3)
				      ? BUILD_PATHS[dice_below(dice, BL_COUNT(BUILD_PATHS))]
				      : NULL,
		.kind = (int)dice_below(dice, 6) - 1,
		.state = (int)dice_below(dice, STATE_COUNT + 1) - 1,
		.size_bytes = (int64_t)dice_below(dice, 5) * 60 - 1,
		.is_log_writable = !dice_one_in(dice, 20),
		.is_directory = dice_one_in(dice, 4),
		.has_device = !dice_one_in(dice, 15),
	};
	if (question->size_bytes > 0 && dice_one_in(dice, 3))
		question->size_bytes = 100;
	if (dice_one_in(dice, 2))
		question->groups[question->who.caller.group_count++] = "desk";
	if (dice_one_in(dice, 4))
		question->groups[question->who.caller.group_count++] = "night";
}

#endif
