#include "desk.h"
#include "policy/rules/model.h"

#define NOTES "/Users/kim/notes.txt"

static void decisions_of_the_desk(void **state)
{
	static const struct {
		const char *login;
		enum bl_action action;
		const char *path;
		int kind;
		bool has_reason;
		enum rules_outcome outcome;
		const char *rule;
	} rows[] = {
		{"anna", ACTION_READ, NOTES, FILE_TEXT, false, RULES_PERMIT, "looks"},
		{"anna", ACTION_STAT, NOTES, FILE_TEXT, false, RULES_PERMIT, "looks"},
		{"anna", ACTION_READ, "/etc/passwd", FILE_TEXT, false, RULES_FORBID, "default"},
		{"anna", ACTION_READ, NULL, FILE_TEXT, false, RULES_FORBID, "default"},
		{"anna", ACTION_COPY, NOTES, FILE_TEXT, true, RULES_FORBID, "no-copies"},
		{"ben", ACTION_READ, NOTES, FILE_TEXT, false, RULES_FORBID, "lapsed"},
		{"ben", ACTION_COPY, NOTES, FILE_TEXT, false, RULES_FORBID, "no-copies"},
		{"zed", ACTION_READ, NOTES, FILE_TEXT, false, RULES_FORBID, "default"},
		{"carla", ACTION_COPY, NOTES, FILE_TEXT, false, RULES_ASK, "export"},
		{"carla", ACTION_COPY, NOTES, FILE_TEXT, true, RULES_PERMIT, "export"},
		{"carla", ACTION_COPY, "/x", FILE_TEXT, true, RULES_FORBID, "default"},
		{"carla", ACTION_COPY, "/Users/k/Pictures/a", FILE_IMAGE, true, RULES_WITHHOLD,
		 "no-pictures"},
		{"anna", ACTION_READ, "/Users/k/Pictures/a", -1, false, RULES_WITHHOLD,
		 "no-pictures"},
		{"anna", ACTION_LIST, "/Users/k/Pictures/a", -1, false, RULES_PERMIT, "looks"},
		{"carla", ACTION_UNMASK, NOTES, FILE_TEXT, false, RULES_PERMIT, "refund"},
		{"anna", ACTION_UNMASK, NOTES, FILE_TEXT, false, RULES_FORBID, "default"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_circumstances who = {.caller = {.uid = 7, .login = rows[i].login},
						  .purpose = "repair",
						  .has_reason = rows[i].has_reason,
						  .now_unix = DESK_NOW,
						  .is_clock_trusted = true};
		struct desk desk;

		desk_open(&desk, DESK_HEAD, rows[i].login, DESK_NOW, rows[i].path);
		desk_become(&desk, &who);
		desk.facts.kind = rows[i].kind;
		struct rules_decision got = desk_decide(&desk, rows[i].action, CLASS_EMAIL);

		if (got.outcome != rows[i].outcome || strcmp(got.rule, rows[i].rule) != 0)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		desk_close(&desk);
	}
}

static void gates_come_first_and_only_forbid(void **state)
{
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NOTES);
	desk.facts.state = STATE_DUE;
	assert_int_equal(desk_decide(&desk, ACTION_LIST, 0).by, RULES_BY_GATE);
	assert_int_equal(desk_decide(&desk, ACTION_SHRED, 0).by, RULES_BY_DEFAULT);
	assert_false(rules_may_walk(desk.subject, &desk.facts));
	desk.facts.state = STATE_OPEN;
	desk.facts.is_log_writable = false;
	assert_int_equal(desk_decide(&desk, ACTION_READ, 0).by, RULES_BY_GATE);
	desk_close(&desk);
}

static void floor_classes_are_never_unmasked(void **state)
{
	static const unsigned rows[] = {
		CLASS_CARD,	  CLASS_CARD_SECURITY_CODE, CLASS_CARD_PIN,
		CLASS_CARD_TRACK, CLASS_PASSWORD,	    CLASS_PRIVATE_KEY,
		CLASS_SECRET,	  CLASS_URL_CREDENTIALS,    CLASS_LIMIT};
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "carla", DESK_NOW, NOTES);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_decision got = desk_decide(&desk, ACTION_UNMASK, rows[i]);

		if (got.outcome != RULES_FORBID || got.by != RULES_BY_BASELINE)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
	}
	desk_close(&desk);
}

static void parents_of_permitted_paths_are_walked(void **state)
{
	static const struct {
		const char *path;
		bool may_walk;
	} rows[] = {{"/", true}, {"/Users", true}, {"/users/kim", true}, {"/etc", false}};
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NULL);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		assert_int_equal(rules_places_walk(desk.places, rows[i].path, &desk.facts.place),
				 BL_OK);
		if (rules_may_walk(desk.subject, &desk.facts) != rows[i].may_walk)
			fail_msg("row %zu: %s", i, rows[i].path);
	}
	desk_close(&desk);
}

static void places_of_another_policy_open_nothing(void **state)
{
	struct desk desk, other;

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, NOTES);
	desk_open(&other, DESK_HEAD, "anna", DESK_NOW, NOTES);
	uint8_t styles[CLASS_LIMIT];

	assert_int_equal(desk_decide(&desk, ACTION_READ, 0).outcome, RULES_PERMIT);
	desk.facts.places = other.places;
	assert_int_equal(desk_decide(&desk, ACTION_READ, 0).by, RULES_BY_GATE);
	rules_styles(desk.subject, &desk.facts, styles);
	for (size_t i = 0; i < CLASS_LIMIT; i++)
		assert_int_equal(styles[i], STYLE_FILL);
	desk_close(&desk);
	desk_close(&other);
}

static void unknown_kind_takes_the_strictest_style(void **state)
{
	uint8_t styles[CLASS_LIMIT];
	struct desk desk;

	(void)state;
	desk_open(&desk, DESK_HEAD, "carla", DESK_NOW, NOTES);
	rules_styles(desk.subject, &desk.facts, styles);
	assert_int_equal(styles[CLASS_CARD], STYLE_KEEP_LAST_4);
	assert_int_equal(styles[CLASS_EMAIL], STYLE_SHAPE);
	assert_int_equal(styles[CLASS_PHONE], STYLE_FILL);
	assert_int_equal(styles[CLASS_PASSWORD], STYLE_FILL);
	desk.facts.kind = -1;
	rules_styles(desk.subject, &desk.facts, styles);
	assert_int_equal(styles[CLASS_CARD], STYLE_FILL);
	desk_close(&desk);
}

/* ---- one condition at a time --------------------------------------------------------------- */

enum value { IS_FALSE, IS_UNKNOWN, IS_TRUE };

static void set_device(struct scene *scene, enum value value)
{
	scene->device.kind = value == IS_TRUE ? DEVICE_PHONE : value == IS_FALSE ? DEVICE_DISK : -1;
}

static void set_id(struct scene *scene, enum value value)
{
	scene->device.id = value == IS_TRUE ? "CB-7" : value == IS_FALSE ? "RMA-1" : NULL;
}

static void set_status(struct scene *scene, enum value value)
{
	scene->facts.state = value == IS_TRUE ? STATE_CLOSED : value == IS_FALSE ? STATE_OPEN : -1;
}

static void set_path(struct scene *scene, enum value value)
{
	scene->path = value == IS_TRUE ? "/a/b" : value == IS_FALSE ? "/b/a" : NULL;
}

static void set_kind(struct scene *scene, enum value value)
{
	scene->facts.kind = value == IS_TRUE ? FILE_PDF : value == IS_FALSE ? FILE_TEXT : -1;
}

static void set_kind_of_directory(struct scene *scene, enum value value)
{
	set_kind(scene, value);
	scene->facts.is_directory = value == IS_FALSE;
}

static void set_size(struct scene *scene, enum value value)
{
	scene->facts.size_bytes = value == IS_TRUE ? 1024 : value == IS_FALSE ? 1025 : -1;
}

static void set_size_of_directory(struct scene *scene, enum value value)
{
	set_size(scene, value);
	scene->facts.size_bytes = BL_MIN(scene->facts.size_bytes, 1024);
	scene->facts.is_directory = value == IS_FALSE;
}

static void set_contains(struct scene *scene, enum value value)
{
	scene->facts.has = value == IS_TRUE ? CLASS_BIT(CLASS_HEALTH_ID) | CLASS_BIT(CLASS_CARD)
					    : CLASS_BIT(CLASS_CARD);
	scene->facts.is_whole_known = value == IS_FALSE;
}

static void set_contains_of_directory(struct scene *scene, enum value value)
{
	set_contains(scene, value);
	scene->facts.is_directory = value == IS_FALSE;
	scene->facts.is_whole_known = false;
}

static void set_hours(struct scene *scene, enum value value)
{
	/* carla has no date that an untrusted clock would make unknown */
	scene->who.caller.login = "carla";
	scene->who.is_clock_trusted = value != IS_UNKNOWN;
	scene->who.now_unix = DESK_NOW + (value == IS_FALSE ? 2 * 3600 : 2 * 3600 - 1);
}

static void set_who(struct scene *scene, enum value value)
{
	scene->who.caller.login = value == IS_TRUE ? "anna" : value == IS_FALSE ? "carla" : "ben";
}

static void set_clash(struct scene *scene, enum value value)
{
	scene->who.caller.login = value == IS_TRUE ? "anna" : value == IS_FALSE ? "carla" : "erin";
}

static void set_where(struct scene *scene, enum value value)
{
	scene->who.host = value == IS_TRUE ? "office-01" : "bench-01";
}

static void set_where_at_all(struct scene *scene, enum value value)
{
	scene->who.host = value == IS_TRUE ? "OFFICE-01" : NULL;
}

static void set_workplace(struct scene *scene, enum value value)
{
	/* as if there: where the daemon runs says nothing then */
	scene->who.workplace = value == IS_TRUE ? "office" : "bench";
	scene->who.host = value == IS_TRUE ? "bench-01" : "office-01";
}

static void set_purpose(struct scene *scene, enum value value)
{
	scene->who.purpose = value == IS_TRUE ? "grading" : "repair";
}

static void set_purpose_at_all(struct scene *scene, enum value value)
{
	scene->who.purpose = value == IS_TRUE ? "grading" : NULL;
}

static void set_granted(struct scene *scene, enum value value)
{
	scene->facts.consent = value == IS_TRUE	   ? CONSENT_GRANTED
			       : value == IS_FALSE ? CONSENT_WITHDRAWN
						   : CONSENT_UNKNOWN;
}

static void set_withdrawn(struct scene *scene, enum value value)
{
	set_granted(scene, (enum value)(IS_TRUE - value));
}

static void set_one_factor(struct scene *scene, enum value value)
{
	scene->facts.caller_check = value == IS_TRUE ? CHECK_TWO_FACTOR : CHECK_NONE;
}

static void set_two_factor(struct scene *scene, enum value value)
{
	scene->facts.caller_check = value == IS_TRUE ? CHECK_TWO_FACTOR : CHECK_ONE_FACTOR;
}

/* Both are needed: unknown and true is unknown, unknown and false is false. */
static void set_consent_and_purpose(struct scene *scene, enum value value)
{
	set_granted(scene, value == IS_FALSE ? IS_UNKNOWN : value);
	set_purpose(scene, value == IS_FALSE ? IS_FALSE : IS_TRUE);
}

static void set_consent_and_hours(struct scene *scene, enum value value)
{
	set_granted(scene, value == IS_FALSE ? IS_TRUE : value);
	scene->who.now_unix = DESK_NOW + (value == IS_FALSE ? 2 * 3600 : 0);
}

struct condition {
	const char *words; /* of the rule, behind its `who` unless it brings one */
	void (*set)(struct scene *scene, enum value value);
	bool is_never_unknown;
};

static const struct condition CONDITIONS[] = {
	{"who: [technician]", set_who, false},
	{"who: [technician]", set_clash, false},
	{"what: {devices: [phone, tablet]}", set_device, false},
	{"what: {ids: ['CB-*']}", set_id, false},
	{"what: {status: [closed]}", set_status, false},
	{"what: {paths: ['/a/**']}", set_path, false},
	{"what: {kinds: [pdf]}", set_kind, false},
	{"what: {kinds: [pdf]}", set_kind_of_directory, false},
	{"what: {max_size: 1K}", set_size, false},
	{"what: {max_size: 1K}", set_size_of_directory, false},
	{"what: {contains: [health-id, name]}", set_contains, false},
	{"what: {contains: [health-id, name]}", set_contains_of_directory, false},
	{"where: [office]", set_where, true},
	{"where: [office]", set_where_at_all, true},
	{"where: [office]", set_workplace, true},
	{"when: {hours: Mon-Sat 07:00-12:00}", set_hours, false},
	{"when: {purpose: [grading]}", set_purpose, true},
	{"when: {purpose: [grading]}", set_purpose_at_all, true},
	{"when: {consent: granted}", set_granted, false},
	{"when: {consent: withdrawn}", set_withdrawn, false},
	{"when: {caller_verified: one-factor}", set_one_factor, true},
	{"when: {caller_verified: two-factor}", set_two_factor, true},
	{"when: {purpose: [grading], consent: granted}", set_consent_and_purpose, false},
	{"when: {hours: Mon-Sat 07:00-12:00, consent: granted}", set_consent_and_hours, false},
};

static const char *everyone_unless_said(const struct condition *condition)
{
	return strncmp(condition->words, "who:", 4) == 0 ? "" : "    who: everyone\n";
}

static void check_value(const char *text, const struct condition *condition, enum value value,
			enum rules_outcome outcome, const char *rule, bool is_unknown)
{
	struct scene scene = scene_make();
	struct stage stage;

	condition->set(&scene, value);
	stage_open(&stage, text, &scene);
	struct rules_decision got = stage_decide(&stage, ACTION_READ, 0);

	if (got.outcome != outcome || strcmp(got.rule, rule) != 0 || got.is_unknown != is_unknown)
		fail_msg("'%s', value %d: %d by %s%s in\n%s", condition->words, (int)value,
			 (int)got.outcome, got.rule, got.is_unknown ? ", unknown" : "", text);
	stage_close(&stage);
}

/* Lapsed is told apart from default; a role that clashes is not lapsed. */
static const char *refusal(const struct condition *condition, enum value value)
{
	return condition->set == set_who && value == IS_UNKNOWN ? "lapsed" : "default";
}

static void a_permit_holds_only_where_it_is_true(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(CONDITIONS); i++) {
		const struct condition *condition = &CONDITIONS[i];
		char text[sizeof(SCENE_HEAD) + 512];

		snprintf(text, sizeof(text),
			 "%s  - id: one\n    permit: [list, read]\n%s    %s\n    why: Only for a "
			 "test.\n",
			 SCENE_HEAD, everyone_unless_said(condition), condition->words);
		check_value(text, condition, IS_TRUE, RULES_PERMIT, "one", false);
		check_value(text, condition, IS_FALSE, RULES_FORBID, refusal(condition, IS_FALSE),
			    false);
		if (!condition->is_never_unknown)
			check_value(text, condition, IS_UNKNOWN, RULES_FORBID,
				    refusal(condition, IS_UNKNOWN), false);
	}
}

static void what_binds_holds_also_where_it_is_unknown(void **state)
{
	static const struct {
		const char *effect;
		enum rules_outcome outcome;
	} effects[] = {{"forbid: [read]", RULES_FORBID}, {"withhold: [any]", RULES_WITHHOLD}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(CONDITIONS) * BL_COUNT(effects); i++) {
		const struct condition *condition = &CONDITIONS[i / BL_COUNT(effects)];
		const char *effect = effects[i % BL_COUNT(effects)].effect;
		enum rules_outcome outcome = effects[i % BL_COUNT(effects)].outcome;
		char text[sizeof(SCENE_HEAD) + 512];
		struct scene scene = scene_make();

		condition->set(&scene, IS_FALSE);
		/* what is withheld is a file's */
		if (outcome == RULES_WITHHOLD && scene.facts.is_directory)
			continue;
		snprintf(text, sizeof(text),
			 "%s  - id: one\n    %s\n%s    %s\n    why: Only for a test.\n"
			 "  - id: all\n    permit: [list, read]\n"
			 "    who: [supervisor, technician]\n    why: Only for a test.\n",
			 SCENE_HEAD, effect, everyone_unless_said(condition), condition->words);
		/* whose roles do not count is permitted nothing, but forbidden all the same */
		bool is_lapse = condition->set == set_who || condition->set == set_clash;

		if (is_lapse && outcome == RULES_WITHHOLD)
			continue;
		check_value(text, condition, IS_TRUE, outcome, "one", false);
		check_value(text, condition, IS_FALSE, RULES_PERMIT, "all", false);
		if (!condition->is_never_unknown)
			check_value(text, condition, IS_UNKNOWN, outcome, "one", true);
	}
}

static void unless_excludes_only_where_it_is_true(void **state)
{
	static const struct {
		const char *rules;
		enum rules_outcome outcome[3]; /* false, unknown, true */
	} rows[] = {
		{"  - id: one\n    permit: [list, read]\n    who: [supervisor, technician]\n"
		 "    un%s\n    why: Only for a test.\n",
		 {RULES_PERMIT, RULES_FORBID, RULES_FORBID}},
		{"  - id: all\n    permit: [list, read]\n    who: [supervisor, technician]\n"
		 "    why: Only for a test.\n"
		 "  - id: one\n    forbid: [read]\n    who: everyone\n    un%s\n    why: Only for "
		 "a "
		 "test.\n",
		 {RULES_FORBID, RULES_FORBID, RULES_PERMIT}},
		{"  - id: all\n    permit: [list, read]\n    who: [supervisor, technician]\n"
		 "    why: Only for a test.\n"
		 "  - id: one\n    withhold: [text]\n    who: everyone\n    un%s\n    why: Only "
		 "for a "
		 "test.\n",
		 {RULES_WITHHOLD, RULES_WITHHOLD, RULES_PERMIT}},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows) * BL_COUNT(CONDITIONS); i++) {
		const struct condition *condition = &CONDITIONS[i / BL_COUNT(rows)];
		char text[sizeof(SCENE_HEAD) + 512], words[96];
		size_t used = strlen(SCENE_HEAD);

		if (strncmp(condition->words, "when:", 5) != 0)
			continue;
		snprintf(words, sizeof(words), "less:%s", condition->words + 5);
		memcpy(text, SCENE_HEAD, used);
		const char *rules = rows[i % BL_COUNT(rows)].rules;
		const char *at = strstr(rules, "un%s");

		snprintf(text + used, sizeof(text) - used, "%.*sun%s%s", (int)(at - rules), rules,
			 words, at + 4);
		for (int value = IS_FALSE; value <= IS_TRUE; value++) {
			struct scene scene = scene_make();
			struct stage stage;

			if (value == IS_UNKNOWN && condition->is_never_unknown)
				continue;
			condition->set(&scene, (enum value)value);
			stage_open(&stage, text, &scene);
			struct rules_decision got = stage_decide(&stage, ACTION_READ, 0);

			if (got.outcome != rows[i % BL_COUNT(rows)].outcome[value])
				fail_msg("'un%s', value %d: %d by %s in\n%s", words, value,
					 (int)got.outcome, got.rule, text);
			stage_close(&stage);
		}
	}
}

/* ---- limits -------------------------------------------------------------------------------- */

static void a_permit_whose_limit_is_used_up_does_not_match(void **state)
{
	static const struct {
		const char *limits;
		enum bl_unit unit;
		enum bl_period period;
		uint64_t used;
		bool is_paid, is_permitted;
	} rows[] = {
		{"{files: 3 per hour}", UNIT_FILES, PERIOD_HOUR, 2, false, true},
		{"{files: 3 per hour}", UNIT_FILES, PERIOD_HOUR, 3, false, false},
		{"{files: 3 per hour}", UNIT_FILES, PERIOD_DAY, 9, false, true},
		{"{files: 3 per hour}", UNIT_BYTES, PERIOD_HOUR, 9, false, true},
		/* counted at open: the handle that is open is not shut by its own opening */
		{"{files: 3 per hour}", UNIT_FILES, PERIOD_HOUR, 3, true, true},
		{"{bytes: 1K per day}", UNIT_BYTES, PERIOD_DAY, 1023, false, true},
		{"{bytes: 1K per day}", UNIT_BYTES, PERIOD_DAY, 1024, false, false},
		{"{bytes: 1K per day}", UNIT_BYTES, PERIOD_DAY, 1024, true, false},
		{"{unmasks: 5 per day}", UNIT_UNMASKS, PERIOD_DAY, 5, false, false},
		{"{unmasks: 5 per day}", UNIT_UNMASKS, PERIOD_DAY, 5, true, true},
		{"{shown: 5 per hour}", UNIT_SHOWN, PERIOD_HOUR, 5, true, false},
		{"{shown: 5 per hour}", UNIT_SHOWN, PERIOD_HOUR, UINT64_MAX, false, false},
		{"{files: 9 per day, shown: 5 per hour}", UNIT_SHOWN, PERIOD_HOUR, 5, false, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		char text[sizeof(SCENE_HEAD) + 512];

		snprintf(text, sizeof(text),
			 "%s  - id: one\n    permit: [list, read]\n    who: [technician]\n"
			 "    limits: %s\n    why: Only for a test.\n",
			 SCENE_HEAD, rows[i].limits);
		scene.used.amount[rows[i].unit][rows[i].period] = rows[i].used;
		scene.facts.is_paid = rows[i].is_paid;
		stage_open(&stage, text, &scene);
		struct rules_decision got = stage_decide(&stage, ACTION_READ, 0);
		bool is_limit = got.outcome == RULES_FORBID && got.by == RULES_BY_LIMIT &&
				strcmp(got.rule, "limit") == 0;

		if (rows[i].is_permitted ? got.outcome != RULES_PERMIT : !is_limit)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage.facts.used = NULL;
		if (stage_decide(&stage, ACTION_READ, 0).outcome != RULES_PERMIT)
			fail_msg("row %zu: nothing used is too much", i);
		stage_close(&stage);
	}
}

static void what_is_missing_is_told_by_its_rank(void **state)
{
#define ONE(words)                                                                                 \
	"  - id: one\n    permit: [read]\n    who: [technician]\n" words                           \
	"    why: Only for a test.\n"
#define TWO(words)                                                                                 \
	"  - id: two\n    permit: [read]\n    who: [supervisor, technician]\n" words               \
	"    why: Only for a test.\n"
	static const struct {
		const char *login, *rules, *rule;
		enum rules_outcome outcome;
	} rows[] = {
		{"anna", ONE("") TWO("    limits: {files: 1 per day}\n"), "one", RULES_PERMIT},
		/* a permit that asks is better than one whose limit is used up */
		{"anna",
		 ONE("    limits: {files: 1 per day}\n") TWO("    needs: {reason: required}\n"),
		 "two", RULES_ASK},
		/* and needs that are not met come behind the limit of the same permit */
		{"anna", ONE("    limits: {files: 1 per day}\n    needs: {reason: required}\n"),
		 "limit", RULES_FORBID},
		{"ben", ONE(""), "lapsed", RULES_FORBID},
		/* both at once: without the lapse there still would be the limit */
		{"ben", ONE("    limits: {files: 1 per day}\n"), "default", RULES_FORBID},
		{"ben", ONE("    needs: {reason: required}\n"), "lapsed", RULES_FORBID},
		{"carla", ONE("") TWO("    limits: {files: 1 per day}\n"), "limit", RULES_FORBID},
		{"carla", ONE(""), "default", RULES_FORBID},
		{"nobody", ONE(""), "default", RULES_FORBID},
		{"erin", ONE(""), "default", RULES_FORBID},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		char text[sizeof(SCENE_HEAD) + 512];

		snprintf(text, sizeof(text), "%s%s", SCENE_HEAD, rows[i].rules);
		scene.who.caller.login = rows[i].login;
		scene.used.amount[UNIT_FILES][PERIOD_DAY] = 1;
		stage_open(&stage, text, &scene);
		struct rules_decision got = stage_decide(&stage, ACTION_READ, 0);

		if (got.outcome != rows[i].outcome || strcmp(got.rule, rows[i].rule) != 0)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage_close(&stage);
	}
#undef ONE
#undef TWO
}

static void a_step_of_a_limit_is_what_the_nearest_leaves(void **state)
{
	static const char rules[] = SCENE_HEAD
		"  - id: one\n    permit: [read]\n    who: [technician]\n"
		"    limits: {files: 20 per hour, bytes: 1K per day}\n    why: Only for a test.\n"
		"  - id: two\n    permit: [copy]\n    who: [technician]\n"
		"    limits: {files: 30 per day}\n    why: Only for a test.\n"
		"  - id: three\n    permit: [copy]\n    who: [supervisor]\n"
		"    limits: {files: 1 per day}\n    why: Only for a test.\n";
	static const struct {
		enum bl_unit unit;
		uint64_t hour, day, step;
	} rows[] = {
		{UNIT_FILES, 0, 0, 20},
		{UNIT_FILES, 12, 12, 8},
		{UNIT_FILES, 2, 27, 3},
		{UNIT_FILES, 20, 20, 10}, /* used up: the other's */
		{UNIT_FILES, 20, 30, UINT64_MAX},
		{UNIT_BYTES, 9, 1000, 24},
		{UNIT_SHOWN, 9, 9, UINT64_MAX},
	};
	struct scene scene = scene_make();
	struct stage stage;

	(void)state;
	stage_open(&stage, rules, &scene);
	assert_true(rules_limit_step(stage.subject, NULL, UNIT_FILES) == 20);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_used used = {{{0}}};

		used.amount[rows[i].unit][PERIOD_HOUR] = rows[i].hour;
		used.amount[rows[i].unit][PERIOD_DAY] = rows[i].day;
		if (rules_limit_step(stage.subject, &used, rows[i].unit) != rows[i].step)
			fail_msg("row %zu", i);
	}
	stage_close(&stage);
}

/* ---- approvals ----------------------------------------------------------------------------- */

#define TWO_APPROVALS                                                                              \
	SCENE_HEAD "  - id: looks\n    permit: [list, read]\n    who: [technician]\n    why: "     \
		   "Only for a test.\n"                                                            \
		   "  - id: export\n    permit: [copy, unmask, shred]\n    who: [technician]\n"    \
		   "    needs: {approvals: {count: 2, from: [supervisor, officer], valid: 4h}}\n"  \
		   "    why: Only for a test.\n"

/* By whom, with which roles; the long form: in which request, when, of what. */
#define GIVEN(giver, roles) WHOLE(0, giver, roles, DESK_NOW, RULES_ANY, RULES_ANY)
#define WHOLE(request, giver, roles, at, action, class)                                            \
	{                                                                                          \
		request, giver, roles, at, action, class                                           \
	}

static void approvals_count_as_the_page_says(void **state)
{
	static const struct {
		const char *what;
		struct rules_approval given[4];
		size_t count;
		enum bl_action action;
		bool is_enough;
	} rows[] = {
		{"none", {{0}}, 0, ACTION_COPY, false},
		{"one", {GIVEN(1, SCENE_SUPERVISOR)}, 1, ACTION_COPY, false},
		{"two people",
		 {GIVEN(1, SCENE_SUPERVISOR), GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 true},
		{"two of one role",
		 {GIVEN(1, SCENE_SUPERVISOR), GIVEN(2, SCENE_SUPERVISOR | SCENE_TECHNICIAN)},
		 2,
		 ACTION_COPY,
		 true},
		{"the same giver twice",
		 {GIVEN(1, SCENE_SUPERVISOR), GIVEN(1, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"the same twice and another",
		 {GIVEN(1, SCENE_SUPERVISOR), GIVEN(1, SCENE_OFFICER), GIVEN(2, SCENE_OFFICER)},
		 3,
		 ACTION_COPY,
		 true},
		{"their own",
		 {GIVEN(7, SCENE_SUPERVISOR), GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"wrong role",
		 {GIVEN(1, SCENE_TECHNICIAN), GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"a role that has lapsed is none of theirs",
		 {GIVEN(1, 0), GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"the same giver, once with a role that counts",
		 {GIVEN(1, 0), GIVEN(1, SCENE_SUPERVISOR), GIVEN(2, SCENE_OFFICER)},
		 3,
		 ACTION_COPY,
		 true},
		{"the same giver, first with a role that does not count",
		 {GIVEN(2, SCENE_OFFICER), GIVEN(1, 0), GIVEN(1, SCENE_SUPERVISOR)},
		 3,
		 ACTION_COPY,
		 true},
		{"two requests with one each",
		 {WHOLE(5, 1, SCENE_SUPERVISOR, DESK_NOW, RULES_ANY, RULES_ANY),
		  WHOLE(6, 2, SCENE_OFFICER, DESK_NOW, RULES_ANY, RULES_ANY)},
		 2,
		 ACTION_COPY,
		 false},
		{"two requests, one of them with two",
		 {WHOLE(5, 1, SCENE_SUPERVISOR, DESK_NOW, RULES_ANY, RULES_ANY),
		  WHOLE(6, 2, SCENE_OFFICER, DESK_NOW, RULES_ANY, RULES_ANY),
		  WHOLE(6, 3, SCENE_OFFICER, DESK_NOW, RULES_ANY, RULES_ANY)},
		 3,
		 ACTION_COPY,
		 true},
		{"the last second",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW - 4 * 3600 + 1, RULES_ANY, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 true},
		{"expired",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW - 4 * 3600, RULES_ANY, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"from the future",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW + 1, RULES_ANY, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"from before time",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, INT64_MIN, RULES_ANY, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"of this action",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW, ACTION_COPY, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 true},
		{"of another action",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW, ACTION_SHRED, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"of a read only",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW, ACTION_READ, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 false},
		{"of this class",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW, ACTION_UNMASK, CLASS_EMAIL),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_UNMASK,
		 true},
		{"of another class",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW, ACTION_UNMASK, CLASS_PHONE),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_UNMASK,
		 false},
		{"a class means nothing to a copy",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW, RULES_ANY, CLASS_PHONE),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_COPY,
		 true},
		{"of a device's life",
		 {WHOLE(0, 1, SCENE_SUPERVISOR, DESK_NOW, ACTION_SHRED, RULES_ANY),
		  GIVEN(2, SCENE_OFFICER)},
		 2,
		 ACTION_SHRED,
		 true},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;

		memcpy(scene.approvals, rows[i].given, sizeof(rows[i].given));
		scene.facts.approval_count = rows[i].count;
		stage_open(&stage, TWO_APPROVALS, &scene);
		struct rules_decision got = stage_decide(&stage, rows[i].action, CLASS_EMAIL);

		if (got.outcome != (rows[i].is_enough ? RULES_PERMIT : RULES_ASK) ||
		    strcmp(got.rule, "export") != 0)
			fail_msg("%s: %d by %s", rows[i].what, (int)got.outcome, got.rule);
		stage_close(&stage);
	}
}

static void without_a_trusted_clock_no_approval_counts(void **state)
{
	static const char rules[] =
		SCENE_HEAD "  - id: export\n    permit: [hold]\n    who: [supervisor]\n"
			   "    needs: {approvals: {count: 1, from: [officer], valid: 4h}}\n"
			   "    why: Only for a test.\n";
	struct scene scene = scene_make();
	struct stage stage;

	(void)state;
	scene.who.caller.login = "carla";
	scene_approve(&scene, 2, SCENE_OFFICER);
	stage_open(&stage, rules, &scene);
	assert_int_equal(stage_decide(&stage, ACTION_HOLD, 0).outcome, RULES_PERMIT);
	stage_close(&stage);
	scene.who.is_clock_trusted = false;
	stage_open(&stage, rules, &scene);
	assert_int_equal(stage_decide(&stage, ACTION_HOLD, 0).outcome, RULES_ASK);
	stage_close(&stage);
}

static void an_approved_look_approves_what_it_needs(void **state)
{
	static const char rules[] = SCENE_HEAD
		"  - id: all\n    permit: [read, copy, unmask, list]\n    who: [technician]\n"
		"    needs: {approvals: {count: 1, from: [officer], valid: 4h}}\n"
		"    why: Only for a test.\n";
	static const struct {
		int approved;
		enum bl_action action;
		bool is_enough;
	} rows[] = {
		{ACTION_COPY, ACTION_READ, true},    {ACTION_UNMASK, ACTION_READ, true},
		{ACTION_COPY, ACTION_COPY, true},    {ACTION_UNMASK, ACTION_UNMASK, true},
		{ACTION_UNMASK, ACTION_COPY, false}, {ACTION_COPY, ACTION_UNMASK, false},
		{ACTION_READ, ACTION_COPY, false},   {ACTION_READ, ACTION_READ, true},
		{ACTION_COPY, ACTION_LIST, true},    {RULES_ANY, ACTION_LIST, true},
		{ACTION_READ, ACTION_STAT, true},    {ACTION_LIST, ACTION_STAT, true},
		{ACTION_STAT, ACTION_LIST, false},   {ACTION_LIST, ACTION_READ, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;

		scene_approve(&scene, 2, SCENE_OFFICER)->action = rows[i].approved;
		stage_open(&stage, rules, &scene);
		if (stage_decide(&stage, rows[i].action, CLASS_PHONE).outcome !=
		    (rows[i].is_enough ? RULES_PERMIT : RULES_ASK))
			fail_msg("row %zu", i);
		stage_close(&stage);
	}
}

static void approvals_stop_counting_at_a_moment_that_is_told(void **state)
{
	static const struct {
		uint64_t roles;
		int64_t given, until;
	} rows[] = {
		{SCENE_OFFICER, DESK_NOW - 60, DESK_NOW - 60 + 4 * 3600},
		{SCENE_OFFICER, DESK_NOW - 4 * 3600 + 1, DESK_NOW + 1},
		{SCENE_OFFICER, DESK_NOW - 4 * 3600, INT64_MAX},
		{SCENE_TECHNICIAN, DESK_NOW, INT64_MAX},
		{SCENE_OFFICER, INT64_MAX, INT64_MAX},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(TWO_APPROVALS);

	(void)state;
	assert_true(rules_approvals_until(policy, NULL, 0, DESK_NOW) == INT64_MAX);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		const struct rules_approval given[] = {
			WHOLE(0, 1, rows[i].roles, rows[i].given, RULES_ANY, RULES_ANY),
			WHOLE(0, 2, SCENE_OFFICER, DESK_NOW + 9, RULES_ANY, RULES_ANY)};

		if (rules_approvals_until(policy, given, 1, DESK_NOW) != rows[i].until ||
		    rules_approvals_until(policy, given, 2, DESK_NOW) !=
			    BL_MIN(rows[i].until, DESK_NOW + 9 + 4 * 3600))
			fail_msg("row %zu", i);
	}
}

/* ---- approved ------------------------------------------------------------------------------ */

static void approved_looks_at_permits_with_approvals_only(void **state)
{
	/*
	 * carla exports with a reason, one approval, a purpose, consent, up to a limit and a size
	 */
#define EXPORT                                                                                     \
	"  - id: export\n    permit: [copy]\n    who: [supervisor]\n    where: [bench]\n"          \
	"    what: {max_size: 1K, paths: ['/Users/**']}\n"                                         \
	"    when: {purpose: [repair], consent: granted}\n"                                        \
	"    needs: {reason: required, approvals: {count: 1, from: [officer], valid: 4h}}\n"       \
	"    limits: {files: 5 per day}\n    why: Only for a test.\n"                              \
	"  - id: any-copy\n    permit: [copy]\n    who: [clerk]\n    why: Only for a test.\n"
	static const char forbids[] = SCENE_HEAD EXPORT
		"  - id: all\n    permit: [read]\n    who: [supervisor, technician]\n    why: Only "
		"for a test.\n"
		"  - id: one\n    forbid: [read]\n    who: everyone\n    unless: {approved: copy}\n"
		"    why: Only for a test.\n";
	static const char permits[] = SCENE_HEAD EXPORT
		"  - id: one\n    permit: [read]\n    who: [supervisor, technician]\n"
		"    when: {approved: copy}\n    why: Only for a test.\n";
#undef EXPORT
	enum missing {
		NOTHING,
		ROLE,
		PLACE,
		SIZE,
		SIZE_UNKNOWN,
		PATH,
		PATH_UNKNOWN,
		PURPOSE,
		CONSENT,
		CONSENT_NOT_KNOWN,
		REASON,
		APPROVAL,
		LIMIT,
		OTHER_ACTION,
	};
	static const struct {
		enum missing missing;
		enum value value;
		const char *permit_rule;
	} rows[] = {
		{NOTHING, IS_TRUE, "one"},
		{ROLE, IS_FALSE, "default"},
		{PLACE, IS_FALSE, "default"},
		{SIZE, IS_FALSE, "default"},
		{SIZE_UNKNOWN, IS_UNKNOWN, "default"},
		{PATH, IS_FALSE, "default"},
		{PATH_UNKNOWN, IS_UNKNOWN, "default"},
		{PURPOSE, IS_FALSE, "default"},
		{CONSENT, IS_FALSE, "default"},
		{CONSENT_NOT_KNOWN, IS_UNKNOWN, "default"},
		{REASON, IS_FALSE, "default"},
		{APPROVAL, IS_FALSE, "default"},
		{LIMIT, IS_FALSE, "limit"},
		{OTHER_ACTION, IS_FALSE, "default"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		enum missing missing = rows[i].missing;

		scene.who.caller.login = missing == ROLE ? "anna" : "carla";
		scene.who.host = missing == PLACE ? "office-01" : "bench-02";
		scene.who.purpose = missing == PURPOSE ? "grading" : "repair";
		scene.who.has_reason = missing != REASON;
		scene.facts.size_bytes = missing == SIZE ? 2000 : missing == SIZE_UNKNOWN ? -1 : 10;
		scene.path = missing == PATH	       ? "/etc/a"
			     : missing == PATH_UNKNOWN ? NULL
						       : "/Users/a";
		/* another of its paths would fit: a permit counts by the path used */
		scene.other_path = missing == PATH ? "/Users/a" : NULL;
		scene.facts.consent = missing == CONSENT	     ? CONSENT_WITHDRAWN
				      : missing == CONSENT_NOT_KNOWN ? CONSENT_UNKNOWN
								     : CONSENT_GRANTED;
		scene.used.amount[UNIT_FILES][PERIOD_DAY] = missing == LIMIT ? 5 : 4;
		if (missing != APPROVAL)
			scene_approve(&scene, 2, SCENE_OFFICER)->action =
				missing == OTHER_ACTION ? ACTION_READ : ACTION_COPY;

		stage_open(&stage, forbids, &scene);
		struct rules_decision got = stage_decide(&stage, ACTION_READ, 0);

		if (got.outcome != (rows[i].value == IS_TRUE ? RULES_PERMIT : RULES_FORBID) ||
		    got.is_unknown != (rows[i].value == IS_UNKNOWN))
			fail_msg("forbid, row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage_close(&stage);
		stage_open(&stage, permits, &scene);
		got = stage_decide(&stage, ACTION_READ, 0);
		if (got.outcome != (rows[i].value == IS_TRUE ? RULES_PERMIT : RULES_FORBID) ||
		    strcmp(got.rule, rows[i].permit_rule) != 0)
			fail_msg("permit, row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage_close(&stage);
	}
}

static void an_approved_unmask_is_of_its_class(void **state)
{
	static const char rules[] =
		SCENE_HEAD "  - id: all\n    permit: [read, unmask]\n    who: [supervisor]\n    "
			   "why: Only for a test.\n"
			   "  - id: refund\n    permit: [unmask]\n    who: [supervisor]\n"
			   "    what: {contains: [email, iban]}\n"
			   "    needs: {approvals: {count: 1, from: [officer], valid: 4h}}\n"
			   "    why: Only for a test.\n"
			   "  - id: one\n    forbid: [read, unmask]\n    who: everyone\n"
			   "    unless: {approved: unmask}\n    why: Only for a test.\n";
	static const struct {
		int approved; /* class */
		enum bl_action action;
		unsigned class;
		bool is_permitted;
	} rows[] = {
		{CLASS_EMAIL, ACTION_UNMASK, CLASS_EMAIL, true},
		{CLASS_EMAIL, ACTION_UNMASK, CLASS_IBAN, false},
		{RULES_ANY, ACTION_UNMASK, CLASS_IBAN, true},
		{RULES_ANY, ACTION_UNMASK, CLASS_PHONE, false},
		{CLASS_PHONE, ACTION_UNMASK, CLASS_PHONE, false},
		/* a read is of no class: any that is approved will do */
		{CLASS_EMAIL, ACTION_READ, 0, true},
		{RULES_ANY, ACTION_READ, 0, true},
		{CLASS_PHONE, ACTION_READ, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;

		scene.who.caller.login = "carla";
		scene_approve(&scene, 2, SCENE_OFFICER)->class = rows[i].approved;
		stage_open(&stage, rules, &scene);
		struct rules_decision got = stage_decide(&stage, rows[i].action, rows[i].class);

		if (got.outcome != (rows[i].is_permitted ? RULES_PERMIT : RULES_FORBID))
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage_close(&stage);
	}
}

/* ---- what a file holds --------------------------------------------------------------------- */

static void contains_chooses_the_classes_of_an_unmask(void **state)
{
	static const char rules[] =
		SCENE_HEAD "  - id: looks\n    permit: [read]\n    who: [technician]\n    why: "
			   "Only for a test.\n"
			   "  - id: some\n    permit: [unmask, copy]\n    who: [technician]\n"
			   "    what: {contains: [email, phone]}\n    why: Only for a test.\n"
			   "  - id: papers\n    forbid: [unmask, copy]\n    who: everyone\n"
			   "    what: {contains: [phone]}\n    why: Only for a test.\n";
	static const struct {
		bl_classes has;
		bool is_whole_known;
		enum bl_action action;
		unsigned class;
		const char *rule;
	} rows[] = {
		/* whatever else the file holds, known or not */
		{0, true, ACTION_UNMASK, CLASS_EMAIL, "some"},
		{CLASS_BIT(CLASS_PHONE), false, ACTION_UNMASK, CLASS_EMAIL, "some"},
		{0, true, ACTION_UNMASK, CLASS_PHONE, "papers"},
		{0, true, ACTION_UNMASK, CLASS_IBAN, "default"},
		/* of a copy it is a fact about the file */
		{CLASS_BIT(CLASS_EMAIL), true, ACTION_COPY, CLASS_IBAN, "some"},
		{CLASS_BIT(CLASS_EMAIL), false, ACTION_COPY, CLASS_IBAN, "papers"},
		{CLASS_BIT(CLASS_PHONE), true, ACTION_COPY, CLASS_EMAIL, "papers"},
		{CLASS_BIT(CLASS_IBAN), true, ACTION_COPY, CLASS_EMAIL, "default"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;

		scene.facts.has = rows[i].has;
		scene.facts.is_whole_known = rows[i].is_whole_known;
		stage_open(&stage, rules, &scene);
		struct rules_decision got = stage_decide(&stage, rows[i].action, rows[i].class);

		if (strcmp(got.rule, rows[i].rule) != 0)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage_close(&stage);
	}
}

static void what_is_not_looked_through_is_withheld(void **state)
{
	static const char rules[] = SCENE_HEAD
		"  - id: looks\n    permit: [list, read, copy, unmask]\n    who: [technician]\n"
		"    what: {paths: ['/Users/**']}\n    why: Only for a test.\n"
		"  - id: pictures\n    withhold: [image]\n    who: everyone\n    why: Only for a "
		"test.\n";
	static const struct {
		const char *path;
		int kind;
		bool is_directory;
		enum bl_action action;
		enum rules_outcome outcome;
		enum rules_by by;
	} rows[] = {
		{"/Users/a", FILE_TEXT, false, ACTION_READ, RULES_WITHHOLD, RULES_BY_DEFAULT},
		{"/Users/a", FILE_TEXT, false, ACTION_COPY, RULES_WITHHOLD, RULES_BY_DEFAULT},
		{"/Users/a", FILE_TEXT, false, ACTION_UNMASK, RULES_WITHHOLD, RULES_BY_DEFAULT},
		{"/Users/a", FILE_TEXT, false, ACTION_STAT, RULES_PERMIT, RULES_BY_RULE},
		{"/Users/a", FILE_TEXT, false, ACTION_LIST, RULES_PERMIT, RULES_BY_RULE},
		{"/Users/a", FILE_IMAGE, false, ACTION_READ, RULES_WITHHOLD, RULES_BY_RULE},
		{"/Users/a", -1, true, ACTION_READ, RULES_PERMIT, RULES_BY_RULE},
		{"/etc/a", FILE_TEXT, false, ACTION_READ, RULES_FORBID, RULES_BY_DEFAULT},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;

		scene.path = rows[i].path;
		scene.facts.kind = rows[i].kind;
		scene.facts.is_directory = rows[i].is_directory;
		scene.facts.is_unscanned = true;
		stage_open(&stage, rules, &scene);
		struct rules_decision got = stage_decide(&stage, rows[i].action, CLASS_EMAIL);
		const char *rule = got.by == RULES_BY_DEFAULT ? "default" : got.rule;

		if (got.outcome != rows[i].outcome || got.by != rows[i].by ||
		    strcmp(got.rule, rule) != 0)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage_close(&stage);
	}
}

/* ---- an action and the read it needs ------------------------------------------------------- */

static void the_lesser_of_an_action_and_its_read_is_told(void **state)
{
	/* a permit of each is ready, asks, or is not there; a forbid of each is there or not */
	static const struct {
		const char *copy, *read;
		enum rules_outcome outcome;
		const char *rule;
	} rows[] = {
		{"permit", "permit", RULES_PERMIT, "copy-permit"},
		{"permit", "ask", RULES_ASK, "read-ask"},
		{"permit", "none", RULES_FORBID, "default"},
		{"permit", "forbid", RULES_FORBID, "read-forbid"},
		{"permit", "limit", RULES_FORBID, "limit"},
		{"permit", "lapsed", RULES_FORBID, "lapsed"},
		{"ask", "permit", RULES_ASK, "copy-ask"},
		{"ask", "ask", RULES_ASK, "copy-ask"},
		{"ask", "none", RULES_FORBID, "default"},
		{"ask", "forbid", RULES_FORBID, "read-forbid"},
		{"none", "permit", RULES_FORBID, "default"},
		{"none", "ask", RULES_FORBID, "default"},
		{"none", "lapsed", RULES_FORBID, "default"},
		{"lapsed", "permit", RULES_FORBID, "lapsed"},
		{"lapsed", "none", RULES_FORBID, "lapsed"},
		{"limit", "none", RULES_FORBID, "limit"},
		/* a forbid by a rule is told before what is missing */
		{"none", "forbid", RULES_FORBID, "read-forbid"},
		{"lapsed", "forbid", RULES_FORBID, "read-forbid"},
		{"limit", "forbid", RULES_FORBID, "read-forbid"},
		{"forbid", "permit", RULES_FORBID, "copy-forbid"},
		{"forbid", "lapsed", RULES_FORBID, "copy-forbid"},
		{"forbid", "forbid", RULES_FORBID, "copy-forbid"},
	};
	static const struct {
		const char *name, *words;
	} forms[] = {
		{"permit", "permit: [%s]\n    who: [clerk]\n"},
		{"ask", "permit: [%s]\n    who: [clerk]\n    needs: {reason: required}\n"},
		{"limit", "permit: [%s]\n    who: [clerk]\n    limits: {files: 1 per day}\n"},
		{"lapsed", "permit: [%s]\n    who: [technician]\n"},
		{"forbid", "forbid: [%s]\n    who: [clerk]\n"},
		{"none", "permit: [%s]\n    who: [officer]\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		const char *actions[] = {"copy", "read"}, *wanted[] = {rows[i].copy, rows[i].read};
		struct scene scene = scene_make();
		struct stage stage;
		char text[sizeof(SCENE_HEAD) + 1024] = SCENE_HEAD;

		for (size_t j = 0; j < BL_COUNT(actions) * BL_COUNT(forms); j++) {
			const char *action = actions[j / BL_COUNT(forms)];
			size_t form = j % BL_COUNT(forms), used = strlen(text);
			char body[128];
			const char *words = forms[form].words, *at = strstr(words, "%s");

			if (strcmp(forms[form].name, wanted[j / BL_COUNT(forms)]) != 0)
				continue;
			snprintf(body, sizeof(body), "%.*s%s%s", (int)(at - words), words, action,
				 at + 2);
			snprintf(text + used, sizeof(text) - used,
				 "  - id: %s-%s\n    %s    why: Only for a test.\n", action,
				 forms[form].name, body);
		}
		/* ben's technician has lapsed; uid:61002 is a clerk */
		scene.who.caller = (struct rules_caller){.uid = 61002, .login = "ben"};
		scene.used.amount[UNIT_FILES][PERIOD_DAY] = 1;
		stage_open(&stage, text, &scene);
		struct rules_decision got = stage_decide(&stage, ACTION_COPY, 0);

		if (got.outcome != rows[i].outcome || strcmp(got.rule, rows[i].rule) != 0)
			fail_msg("copy %s, read %s: %d by %s", rows[i].copy, rows[i].read,
				 (int)got.outcome, got.rule);
		stage_close(&stage);
	}
}

/* ---- what is shown ------------------------------------------------------------------------- */

static void originals_are_shown_where_unmask_is_permitted(void **state)
{
	static const char rules[] =
		SCENE_HEAD "  - id: looks\n    permit: [read, copy]\n    who: [supervisor]\n    "
			   "why: Only for a test.\n"
			   "  - id: some\n    permit: [unmask]\n    who: [supervisor]\n"
			   "    what: {contains: [email, phone]}\n    needs: {reason: required}\n"
			   "    why: Only for a test.\n"
			   "  - id: not-phone\n    forbid: [unmask]\n    who: everyone\n"
			   "    what: {contains: [phone]}\n    why: Only for a test.\n"
			   "  - id: export\n    permit: [copy]\n    who: [supervisor]\n"
			   "    needs: {approvals: {count: 1, from: [officer], valid: 4h}}\n"
			   "    why: Only for a test.\n"
			   "  - id: never-a-pdf\n    forbid: [copy]\n    who: everyone\n    what: "
			   "{kinds: [pdf]}\n"
			   "    why: Only for a test.\n";
	static const struct {
		enum bl_action action;
		bool has_reason;
		int approved; /* action; -2: not approved */
		int kind;
		uint8_t email;
	} rows[] = {
		{ACTION_READ, true, -2, FILE_TEXT, STYLE_ORIGINAL},
		{ACTION_READ, false, RULES_ANY, FILE_TEXT, STYLE_FILL},
		/* a copy without approvals is permitted, and masked */
		{ACTION_COPY, true, -2, FILE_TEXT, STYLE_FILL},
		{ACTION_COPY, true, RULES_ANY, FILE_TEXT, STYLE_ORIGINAL},
		{ACTION_COPY, true, ACTION_COPY, FILE_TEXT, STYLE_ORIGINAL},
		{ACTION_COPY, true, ACTION_READ, FILE_TEXT, STYLE_FILL},
		{ACTION_COPY, false, RULES_ANY, FILE_TEXT, STYLE_FILL},
		/* approved, and forbidden all the same */
		{ACTION_COPY, true, RULES_ANY, FILE_PDF, STYLE_FILL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		uint8_t styles[CLASS_LIMIT];

		scene.who.caller.login = "carla";
		scene.who.has_reason = rows[i].has_reason;
		scene.facts.kind = rows[i].kind;
		if (rows[i].approved != -2)
			scene_approve(&scene, 2, SCENE_OFFICER)->action = rows[i].approved;
		stage_open(&stage, rules, &scene);
		rules_shows(stage.subject, &stage.facts, rows[i].action, styles);
		if (styles[CLASS_EMAIL] != rows[i].email || styles[CLASS_PHONE] != STYLE_FILL ||
		    styles[CLASS_NAME] != STYLE_FILL || styles[CLASS_CARD] != STYLE_FILL)
			fail_msg("row %zu: email %u", i, styles[CLASS_EMAIL]);
		rules_styles(stage.subject, &stage.facts, styles);
		assert_int_equal(styles[CLASS_EMAIL], STYLE_FILL);
		stage_close(&stage);
	}
}

static void masks_style_only_the_classes_they_contain(void **state)
{
	static const char rules[] =
		SCENE_HEAD "  - id: looks\n    permit: [read]\n    who: [supervisor]\n    why: "
			   "Only for a test.\n"
			   "  - id: tails\n    mask: {phone: keep-last-4, iban: keep-last-4, "
			   "email: keep-domain}\n"
			   "    who: [supervisor]\n    what: {contains: [phone, email]}\n"
			   "    when: {consent: granted}\n    why: Only for a test.\n"
			   "  - id: mail\n    mask: {email: shape}\n    who: everyone\n"
			   "    what: {paths: ['/Mail/**']}\n    why: Only for a test.\n";
	static const struct {
		const char *path, *other_path;
		enum bl_consent consent;
		bool is_directory;
		uint8_t phone, email, iban;
	} rows[] = {
		{"/a", NULL, CONSENT_GRANTED, false, STYLE_KEEP_LAST_4, STYLE_KEEP_DOMAIN,
		 STYLE_FILL},
		/* of the items of a name as well: it is no fact about a file */
		{"/a", NULL, CONSENT_GRANTED, true, STYLE_KEEP_LAST_4, STYLE_KEEP_DOMAIN,
		 STYLE_FILL},
		{"/a", NULL, CONSENT_UNKNOWN, false, STYLE_FILL, STYLE_FILL, STYLE_FILL},
		{"/a", NULL, CONSENT_WITHDRAWN, false, STYLE_FILL, STYLE_FILL, STYLE_FILL},
		{"/Mail/a", NULL, CONSENT_GRANTED, false, STYLE_KEEP_LAST_4, STYLE_SHAPE,
		 STYLE_FILL},
		{"/Mail/a", NULL, CONSENT_WITHDRAWN, false, STYLE_FILL, STYLE_SHAPE, STYLE_FILL},
		/* by another path a mask is unknown: it takes part, and lifts no default */
		{"/a", "/Mail/a", CONSENT_GRANTED, false, STYLE_KEEP_LAST_4, STYLE_SHAPE,
		 STYLE_FILL},
		{"/a", "/Mail/a", CONSENT_WITHDRAWN, false, STYLE_FILL, STYLE_FILL, STYLE_FILL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		uint8_t styles[CLASS_LIMIT];

		scene.who.caller.login = "carla";
		scene.path = rows[i].path;
		scene.other_path = rows[i].other_path;
		scene.facts.consent = rows[i].consent;
		scene.facts.is_directory = rows[i].is_directory;
		stage_open(&stage, rules, &scene);
		rules_styles(stage.subject, &stage.facts, styles);
		if (styles[CLASS_PHONE] != rows[i].phone || styles[CLASS_EMAIL] != rows[i].email ||
		    styles[CLASS_IBAN] != rows[i].iban)
			fail_msg("row %zu: %u, %u, %u", i, styles[CLASS_PHONE], styles[CLASS_EMAIL],
				 styles[CLASS_IBAN]);
		stage_close(&stage);
	}
}

/* What does not fit fills: a mask that fits, beside it, shows no more. */
static void a_mask_beside_one_that_fills_shows_nothing(void **state)
{
	static const char rules[] =
		SCENE_HEAD "  - id: one\n    mask: {email: keep-last-4, name: year-only}\n"
			   "    who: everyone\n    why: Only for a test.\n"
			   "  - id: two\n    mask: {email: keep-domain, name: shape}\n"
			   "    who: everyone\n    when: {consent: granted}\n"
			   "    why: Only for a test.\n";

	(void)state;
	for (enum bl_consent consent = CONSENT_UNKNOWN; consent < CONSENT_COUNT; consent++) {
		struct scene scene = scene_make();
		struct stage stage;
		uint8_t styles[CLASS_LIMIT];

		scene.facts.consent = consent;
		stage_open(&stage, rules, &scene);
		rules_styles(stage.subject, &stage.facts, styles);
		if (styles[CLASS_EMAIL] != STYLE_FILL || styles[CLASS_NAME] != STYLE_FILL)
			fail_msg("%s: email %s, name %s", bl_consent_name(consent),
				 bl_style_name(styles[CLASS_EMAIL]),
				 bl_style_name(styles[CLASS_NAME]));
		stage_close(&stage);
	}
}

/* The masks of a shipped set take part, and lift no default. */
static void masks_of_a_set_only_tighten(void **state)
{
	static const struct {
		const char *style, *fallback;
		bool is_of_set;
		uint8_t shown;
	} rows[] = {
		{"shape", "fill", false, STYLE_SHAPE},
		{"shape", "fill", true, STYLE_FILL},
		{"shape", "keep-domain", true, STYLE_SHAPE},
		{"keep-domain", "shape", true, STYLE_SHAPE},
		/* a default that does not fit fills, and what fits is no stricter than that */
		{"keep-domain", "keep-last-4", true, STYLE_FILL},
		{"shape", "keep-last-4", true, STYLE_FILL},
		{"keep-domain", "keep-last-4", false, STYLE_KEEP_DOMAIN},
		{"keep-last-4", "shape", false, STYLE_FILL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		uint8_t styles[CLASS_LIMIT];
		char text[sizeof(SCENE_HEAD) + 256];
		const char *at = strstr(SCENE_HEAD, "mask: fill");

		snprintf(text, sizeof(text),
			 "%.*smask: %s%s  - id: one\n    mask: {email: %s}\n    who: everyone\n"
			 "    why: Only for a test.\n",
			 (int)(at - SCENE_HEAD), SCENE_HEAD, rows[i].fallback,
			 at + strlen("mask: fill"), rows[i].style);
		stage_open(&stage, text, &scene);
		for (size_t j = 0; j < stage.policy->rule_count && rows[i].is_of_set; j++)
			stage.policy->rules[j].set = "builtin/test";
		rules_styles(stage.subject, &stage.facts, styles);
		if (styles[CLASS_EMAIL] != rows[i].shown)
			fail_msg("row %zu: %s", i, bl_style_name(styles[CLASS_EMAIL]));
		stage_close(&stage);
	}
}

/* ---- many rules ---------------------------------------------------------------------------- */

/*
 * 200 permits fill four words of a set; what is told is the best there is, and of the best the
 * first id.
 */
static void the_best_permit_is_told_wherever_it_stands(void **state)
{
	enum form { LAPSED, LIMITED, ASKS, READY, ODD_READY };
	static const char *const forms[] = {
		[LAPSED] = "who: [technician]",
		[LIMITED] = "who: [clerk]\n    limits: {files: 1 per day}",
		[ASKS] = "who: [clerk]\n    needs: {reason: required}",
		[READY] = "who: [clerk]",
		[ODD_READY] = "who: [clerk]\n    limits: {files: 2 per day}",
	};
	static const struct {
		unsigned first, second; /* rule numbers; all others speak of nobody here */
		enum form is_first, is_second;
		const char *rule;
	} rows[] = {
		{3, 190, ASKS, READY, "rule-190"},	  {190, 3, ASKS, READY, "rule-003"},
		{3, 190, LIMITED, ASKS, "rule-190"},	  {3, 190, LAPSED, LIMITED, "limit"},
		{190, 3, LAPSED, LIMITED, "limit"},	  {3, 190, READY, READY, "rule-003"},
		{3, 4, READY, ODD_READY, "rule-003"},	  {4, 3, READY, ODD_READY, "rule-003"},
		{3, 4, ASKS, ODD_READY, "rule-004"},	  {4, 3, LIMITED, LAPSED, "limit"},
		{3, 190, LAPSED, LAPSED, "lapsed"},	  {3, 70, ODD_READY, READY, "rule-003"},
		{3, 4, ODD_READY, ODD_READY, "rule-003"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		static char text[sizeof(SCENE_HEAD) + 200 * 128];
		size_t used = strlen(strcpy(text, SCENE_HEAD));
		struct scene scene = scene_make();
		struct stage stage;

		for (unsigned j = 0; j < 200; j++) {
			const char *words = j == rows[i].first	  ? forms[rows[i].is_first]
					    : j == rows[i].second ? forms[rows[i].is_second]
								  : "who: [officer]";

			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "  - id: rule-%03u\n    permit: [read]\n    %s\n"
						 "    why: Only for a test.\n",
						 j, words);
		}
		scene.who.caller = (struct rules_caller){.uid = 61002, .login = "ben"};
		scene.used.amount[UNIT_FILES][PERIOD_DAY] = 1;
		stage_open(&stage, text, &scene);
		struct rules_decision got = stage_decide(&stage, ACTION_READ, 0);

		if (strcmp(got.rule, rows[i].rule) != 0)
			fail_msg("row %zu: %d by %s", i, (int)got.outcome, got.rule);
		stage_close(&stage);
	}
}

/* ---- walking ------------------------------------------------------------------------------- */

static void a_walk_asks_all_but_what_speaks_of_files(void **state)
{
	static const struct {
		const char *words;
		bool may_walk;
	} rows[] = {
		{"    what: {kinds: [pdf], max_size: 1K, contains: [email]}\n", true},
		{"    what: {paths: ['/Users/*/Mail/**']}\n", true},
		{"    what: {paths: ['/etc/**']}\n", false},
		{"    when: {consent: granted}\n", false},
		{"    when: {consent: withdrawn}\n", true},
		{"    when: {caller_verified: two-factor}\n", false},
		{"    where: [office]\n", false},
		{"    where: [bench]\n", true},
		{"    unless: {consent: withdrawn}\n", false},
		{"    limits: {files: 5 per day}\n", false},
		{"    limits: {files: 6 per day}\n", true},
		{"    needs: {reason: required}\n", false},
		{"    needs: {approvals: {count: 1, from: [officer], valid: 1h}}\n", true},
		{"    needs: {approvals: {count: 2, from: [officer], valid: 1h}}\n", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		char text[sizeof(SCENE_HEAD) + 512];

		snprintf(text, sizeof(text),
			 "%s  - id: one\n    permit: [list]\n    who: [technician]\n%s"
			 "    why: Only for a test.\n",
			 SCENE_HEAD, rows[i].words);
		scene.path = "/Users/kim";
		scene.facts.consent = CONSENT_WITHDRAWN;
		scene.used.amount[UNIT_FILES][PERIOD_DAY] = 5;
		scene_approve(&scene, 2, SCENE_OFFICER);
		stage_open(&stage, text, &scene);
		if (rules_may_walk(stage.subject, &stage.facts) != rows[i].may_walk)
			fail_msg("row %zu: %s", i, rows[i].words);
		stage_close(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions_of_the_desk),
		cmocka_unit_test(gates_come_first_and_only_forbid),
		cmocka_unit_test(floor_classes_are_never_unmasked),
		cmocka_unit_test(parents_of_permitted_paths_are_walked),
		cmocka_unit_test(places_of_another_policy_open_nothing),
		cmocka_unit_test(unknown_kind_takes_the_strictest_style),
		cmocka_unit_test(a_permit_holds_only_where_it_is_true),
		cmocka_unit_test(what_binds_holds_also_where_it_is_unknown),
		cmocka_unit_test(unless_excludes_only_where_it_is_true),
		cmocka_unit_test(a_permit_whose_limit_is_used_up_does_not_match),
		cmocka_unit_test(what_is_missing_is_told_by_its_rank),
		cmocka_unit_test(a_step_of_a_limit_is_what_the_nearest_leaves),
		cmocka_unit_test(approvals_count_as_the_page_says),
		cmocka_unit_test(without_a_trusted_clock_no_approval_counts),
		cmocka_unit_test(an_approved_look_approves_what_it_needs),
		cmocka_unit_test(approvals_stop_counting_at_a_moment_that_is_told),
		cmocka_unit_test(approved_looks_at_permits_with_approvals_only),
		cmocka_unit_test(an_approved_unmask_is_of_its_class),
		cmocka_unit_test(contains_chooses_the_classes_of_an_unmask),
		cmocka_unit_test(what_is_not_looked_through_is_withheld),
		cmocka_unit_test(the_lesser_of_an_action_and_its_read_is_told),
		cmocka_unit_test(originals_are_shown_where_unmask_is_permitted),
		cmocka_unit_test(masks_style_only_the_classes_they_contain),
		cmocka_unit_test(a_mask_beside_one_that_fills_shows_nothing),
		cmocka_unit_test(masks_of_a_set_only_tighten),
		cmocka_unit_test(the_best_permit_is_told_wherever_it_stands),
		cmocka_unit_test(a_walk_asks_all_but_what_speaks_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
