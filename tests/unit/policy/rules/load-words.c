/* Every word of the language reaches the model; what is wrong with one is told at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "policy/rules/model.h"
#include "tests/unit/policy/rules/broken.h"

static const char GOOD[] =
	"bailee: 1\n"
	"name: Desk\n"
	"serial: 3\n"
	"timezone: Europe/Dublin\n"
	"uses: [builtin/baseline]\n"
	"people:\n"
	"  anna: {roles: [technician]}\n"
	"  carla: {roles: [supervisor]}\n"
	"  'uid:61001': {roles: [supervisor, boss]}\n"
	"  fay: {roles: [auditor]}\n"
	"roles:\n"
	"  technician: {}\n"
	"  supervisor: {}\n"
	"  boss: {}\n"
	"  auditor: {never_with: [technician, boss]}\n"
	"workplaces:\n"
	"  bench: {hosts: [bench-01, BENCH-02.Shop.example]}\n"
	"  office: {hosts: [office-01]}\n"
	"detect:\n"
	"  sets: [contact, payment]\n"
	"  customer: true\n"
	"  custom:\n"
	"    loyalty-card: {pattern: 'NG-[0-9]{8}', example: NG-20417733}\n"
	"    batch: {pattern: 'B[0-9]{4} ', example: 'B0001 '}\n"
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
	"rules:\n"
	"  - id: looks\n"
	"    permit: [list, read]\n"
	"    who: [technician, supervisor]\n"
	"    where: bench\n"
	"    when: {purpose: [repair], consent: granted, caller_verified: two-factor}\n"
	"    unless: {consent: withdrawn}\n"
	"    limits: {files: 200 per hour, bytes: 500M per day, shown: 90K per hour}\n"
	"    why: Repairs need a look at it.\n"
	"  - id: account\n"
	"    permit: [unmask]\n"
	"    who: [supervisor]\n"
	"    where: [bench, office]\n"
	"    what: {contains: [loyalty-card, email]}\n"
	"    needs: {reason: required}\n"
	"    limits: {unmasks: 10 per day}\n"
	"    why: A refund goes to the account.\n"
	"  - id: closed\n"
	"    forbid: [read]\n"
	"    who: [technician]\n"
	"    what: {contains: [card, batch]}\n"
	"    why: Files with cards stay closed.\n"
	"  - id: export\n"
	"    permit: [copy]\n"
	"    who: [supervisor]\n"
	"    needs: {reason: required, approvals: {count: 2, from: [supervisor, boss], valid: "
	"4h}}\n"
	"    why: Customers want their files back.\n"
	"  - id: no-pictures\n"
	"    withhold: [image]\n"
	"    who: everyone\n"
	"    unless: {approved: copy}\n"
	"    why: Photos are never shown here.\n"
	"  - id: exported\n"
	"    permit: [read]\n"
	"    who: [boss]\n"
	"    when: {approved: copy}\n"
	"    why: What was agreed on may be seen.\n"
	"  - id: card-tail\n"
	"    mask: {card: keep-last-4, batch: shape}\n"
	"    who: [supervisor]\n"
	"    when: {caller_verified: one-factor}\n"
	"    why: Receipts are matched by it.\n"
	"  - id: run\n"
	"    permit: [approve, hold, administer]\n"
	"    who: [boss, supervisor]\n"
	"    why: Somebody has to run the shop.\n"
	"retention:\n"
	"  - {id: all, destroy_after: {intake: 30d, last_open: 14d, closed: 3d}, notice: 5d}\n"
	"  - {id: logs, what: {paths: ['/var/log/**']}, destroy_by: 90d}\n"
	"requests: {destroy_within: 72h}\n"
	"consent_withdrawn: {destroy_within: 24h}\n"
	"holds: {longest: 180d, review_every: 30d, release_approvals: 2}\n"
	"proof: {verify: 5%, certificate: true}\n"
	"audit: {durability: before-answer, keep: 3y, tell_customer: true, anchor_every: 1h}\n"
	"report: {names: true, contact: Privacy desk, complain: The authority}\n"
	"test_clock: 2026-07-01 10:00\n"
	"tests:\n"
	"  - {name: reads, as: anna, do: read, where: bench, consent: granted, purpose: repair,\n"
	"     caller_verified: one-factor, has: [card, loyalty-card], approvals: [carla, "
	"'uid:61001'],\n"
	"     used: {files: 200 per hour, bytes: 3M per day, shown: 0 per hour}, expect: forbid, "
	"rule: limit}\n"
	"  - {name: not known, as: fay, do: read, has: unknown, expect: forbid, rule: default}\n"
	"  - {name: nothing in it, as: fay, do: read, has: [], expect: forbid, rule: default}\n"
	"  - {name: account, as: carla, do: unmask, class: loyalty-card, has: [batch],\n"
	"     shows: {loyalty-card: original, batch: shape}, expect: ask, rule: account}\n";

static struct policy *parse(const char *text)
{
	struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_parse(text, strlen(text), &policy, &findings, &why);

	if (status != BL_OK) {
		rules_print_findings(stderr, "policy", &findings);
		fail_msg("%s: %s", bl_status_name(status), why.text);
	}
	return policy;
}

/* The rules of GOOD, in its order. */
enum { LOOKS, ACCOUNT, CLOSED, EXPORT, NO_PICTURES, EXPORTED, CARD_TAIL };

#define LOYALTY CLASS_COUNT
#define BATCH	(CLASS_COUNT + 1)

/* ---- what is written is in the model ----------------------------------------------------------- */

static void places_and_roles_are_as_written(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);

	(void)state;
	assert_int_equal(policy->workplace_count, 2);
	assert_string_equal(policy->workplaces[0].name, "bench");
	assert_int_equal(policy->workplaces[0].at.line, 17);
	assert_int_equal(policy->workplaces[0].hosts.count, 2);
	assert_string_equal(policy->workplaces[0].hosts.items[0], "bench-01");
	assert_string_equal(policy->workplaces[0].hosts.items[1], "bench-02.shop.example");
	assert_string_equal(policy->workplaces[1].hosts.items[0], "office-01");
	assert_int_equal(policy->roles[3].never_with, 1u << 0 | 1u << 2);
	assert_int_equal(policy->roles[0].never_with, 1u << 3);
	assert_int_equal(policy->roles[1].never_with, 0);
	assert_int_equal(policy->roles[2].never_with, 1u << 3);
}

static void classes_of_its_own_have_numbers_and_names(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);
	unsigned class = 0;

	(void)state;
	assert_int_equal(policy->custom_count, 2);
	assert_string_equal(policy->custom[0].name, "loyalty-card");
	assert_string_equal(policy->custom[0].pattern, "NG-[0-9]{8}");
	assert_string_equal(policy->custom[0].example, "NG-20417733");
	assert_int_equal(policy->custom[0].at.line, 23);
	assert_int_equal(policy->custom[0].pattern_at.column, 29);
	assert_string_equal(policy->custom[1].pattern, "B[0-9]{4} ");
	assert_non_null(policy_custom(policy));
	assert_true(detect_custom_finds(policy_custom(policy), LOYALTY, "NG-00000001", 11));
	assert_false(detect_custom_finds(policy_custom(policy), BATCH, "NG-00000001", 11));
	assert_true((policy_detects(policy) & CLASS_BIT(LOYALTY)) != 0);
	assert_true((policy_detects(policy) & CLASS_BIT(BATCH)) != 0);
	assert_true((policy_detects(policy) & CLASS_BIT(BATCH + 1)) == 0);
	assert_string_equal(policy_class_name(policy, CLASS_CARD), "card");
	assert_string_equal(policy_class_name(policy, BATCH), "batch");
	assert_string_equal(policy_class_name(policy, BATCH + 1), "?");
	assert_string_equal(policy_class_name(policy, CLASS_LIMIT - 1), "?");
	assert_true(policy_class_parse(policy, "batch", &class) && class == BATCH);
	assert_true(policy_class_parse(policy, "card", &class) && class == CLASS_CARD);
	assert_false(policy_class_parse(policy, "cart", &class));
}

static void conditions_and_limits_of_rules_are_as_written(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);
	const struct rule *rule = &policy->rules[LOOKS];

	(void)state;
	assert_string_equal(rule->id, "looks");
	assert_int_equal(rule->workplaces, 1);
	assert_int_equal(rule->when.consent, CONSENT_GRANTED);
	assert_int_equal(rule->when.check, CHECK_TWO_FACTOR);
	assert_int_equal(rule->when.approved, 0);
	assert_int_equal(rule->unless.consent, CONSENT_WITHDRAWN);
	assert_int_equal(rule->unless.check, CHECK_NONE);
	assert_true(rule->limits[UNIT_FILES].is_set);
	assert_int_equal(rule->limits[UNIT_FILES].most, 200);
	assert_int_equal(rule->limits[UNIT_FILES].period, PERIOD_HOUR);
	assert_int_equal(rule->limits[UNIT_BYTES].most, 500 << 20);
	assert_int_equal(rule->limits[UNIT_BYTES].period, PERIOD_DAY);
	assert_int_equal(rule->limits[UNIT_SHOWN].most, 90 << 10);
	assert_false(rule->limits[UNIT_UNMASKS].is_set);
	assert_null(rule->set);
	rule = &policy->rules[ACCOUNT];
	assert_int_equal(rule->workplaces, 3);
	assert_true(rule->contains == (CLASS_BIT(LOYALTY) | CLASS_BIT(CLASS_EMAIL)));
	assert_int_equal(rule->limits[UNIT_UNMASKS].most, 10);
	assert_int_equal(rule->approvals.count, 0);
	assert_int_equal(policy->rules[CLOSED].workplaces, 0);
	assert_true(policy->rules[CLOSED].contains == (CLASS_BIT(CLASS_CARD) | CLASS_BIT(BATCH)));
	assert_int_equal(policy->rules[CARD_TAIL].when.check, CHECK_ONE_FACTOR);
	assert_int_equal(policy->rules[CARD_TAIL].styles[BATCH], STYLE_SHAPE);
	assert_int_equal(policy->rules[CARD_TAIL].styles[LOYALTY], STYLE_NONE);
}

static void any_beside_other_kinds_is_any(void **state)
{
	static const struct broken ROW = {"withhold: [image]", "withhold: [image, any]", NULL,
					  NULL};
	unsigned line, column;
	BL_CLEANUP(bl_free) char *text = broken_text(GOOD, &ROW, &line, &column);
	BL_CLEANUP(policy_unref) struct policy *policy = parse(text);

	(void)state;
	assert_int_equal(policy->rules[NO_PICTURES].withhold_kinds, (1u << FILE_KIND_COUNT) - 1);
}

static void approvals_of_rules_are_as_written(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);
	const struct rule *rule = &policy->rules[EXPORT];

	(void)state;
	assert_true(rule->needs_reason);
	assert_int_equal(rule->approvals.count, 2);
	assert_int_equal(rule->approvals.from, 1u << 1 | 1u << 2);
	assert_int_equal(rule->approvals.valid_seconds, 4 * 3600);
	assert_int_equal(policy->rules[NO_PICTURES].unless.approved, ACTION_COPY + 1);
	assert_int_equal(policy->rules[EXPORTED].when.approved, ACTION_COPY + 1);
}

static void promises_beside_retention_are_as_written(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);
	const struct retention_entry *entry = policy->retention;

	(void)state;
	assert_int_equal(entry[0].after_intake_seconds, 30 * 86400);
	assert_int_equal(entry[0].after_last_open_seconds, 14 * 86400);
	assert_int_equal(entry[0].after_closed_seconds, 3 * 86400);
	assert_int_equal(entry[0].notice_seconds, 5 * 86400);
	assert_int_equal(entry[0].paths.count, 0);
	assert_int_equal(entry[1].after_last_open_seconds, 0);
	assert_int_equal(entry[1].notice_seconds, 0);
	assert_int_equal(entry[1].paths.count, 1);
	assert_string_equal(entry[1].paths.items[0], "/var/log/**");
	assert_int_equal(policy->request_seconds, 72 * 3600);
	assert_int_equal(policy->consent_seconds, 24 * 3600);
	assert_int_equal(policy_holds(policy)->longest_seconds, 180 * 86400);
	assert_int_equal(policy_holds(policy)->review_every_seconds, 30 * 86400);
	assert_int_equal(policy_holds(policy)->release_approvals, 2);
	assert_int_equal(policy->verify_percent, 5);
	assert_true(policy->has_certificate);
	assert_true(policy->has_audit);
	assert_false(policy_audit(policy)->is_bounded);
	assert_int_equal(policy_audit(policy)->keep_seconds, INT64_C(3) * 31536000);
	assert_int_equal(policy_audit(policy)->anchor_every_seconds, 3600);
	assert_true(policy_audit(policy)->tell_customer);
	assert_true(policy_report(policy)->has_names);
	assert_string_equal(policy_report(policy)->contact, "Privacy desk");
	assert_string_equal(policy_report(policy)->complain, "The authority");
}

static void facts_of_tests_are_as_stated(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);
	const struct rules_test_case *test = policy->tests;

	(void)state;
	assert_int_equal(policy->test_count, 4);
	assert_string_equal(test[0].workplace, "bench");
	assert_int_equal(test[0].consent, CONSENT_GRANTED);
	assert_int_equal(test[0].check, CHECK_ONE_FACTOR);
	assert_true(test[0].has == (CLASS_BIT(CLASS_CARD) | CLASS_BIT(LOYALTY)));
	assert_false(test[0].is_has_unknown);
	assert_int_equal(test[0].approval_count, 2);
	assert_int_equal(test[0].approvals[0], 1);
	assert_int_equal(test[0].approvals[1], 2);
	assert_int_equal(test[0].used.amount[UNIT_FILES][PERIOD_HOUR], 200);
	assert_int_equal(test[0].used.amount[UNIT_FILES][PERIOD_DAY], 0);
	assert_int_equal(test[0].used.amount[UNIT_BYTES][PERIOD_DAY], 3 << 20);
	assert_string_equal(test[0].rule, "limit");
	assert_true(test[1].is_has_unknown && !test[1].has);
	assert_int_equal(test[1].consent, CONSENT_UNKNOWN);
	assert_int_equal(test[1].check, CHECK_NONE);
	assert_null(test[1].workplace);
	assert_int_equal(test[1].person, 3);
	assert_true(!test[2].is_has_unknown && !test[2].has);
	assert_int_equal(test[3].class, LOYALTY);
	assert_int_equal(test[3].shows[LOYALTY], STYLE_ORIGINAL);
	assert_int_equal(test[3].shows[BATCH], STYLE_SHAPE);
}

static void purposes_and_facts_that_rules_ask_of_are_known(void **state)
{
	static const struct broken WITHOUT[] = {
		{"    what: {contains: [card, batch]}\n", "", NULL, NULL},
		{"    forbid: [read]\n", "    forbid: [unmask]\n", NULL, NULL},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);
	unsigned line, column;

	(void)state;
	assert_true(policy_names_purpose(policy, "repair"));
	assert_false(policy_names_purpose(policy, "repairs"));
	assert_true(policy_needs_whole_files(policy));
	for (size_t i = 0; i < BL_COUNT(WITHOUT); i++) {
		BL_CLEANUP(bl_free) char *text = broken_text(GOOD, &WITHOUT[i], &line, &column);
		BL_CLEANUP(policy_unref) struct policy *other = parse(text);

		if (policy_needs_whole_files(other))
			fail_msg("row %zu", i);
	}
}

/* GOOD with one section of sessions, or what else stands in front of its audit. */
static struct policy *with_sessions(const char *section)
{
	char to[256];
	struct broken row = {"audit: {d", to, NULL, NULL};
	unsigned line, column;

	snprintf(to, sizeof(to), "%s\naudit: {d", section);

	BL_CLEANUP(bl_free) char *text = broken_text(GOOD, &row, &line, &column);

	return parse(text);
}

static void sessions_are_as_stated(void **state)
{
	BL_CLEANUP(policy_unref)
	struct policy *policy = with_sessions("sessions: {viewers: [less, /usr/bin/xpdf], "
					      "interpreters: [python3.11], idle: 10m,\n"
					      "           total: 4h, visible_proc: accept}");
	struct rules_sessions sessions;

	(void)state;
	policy_sessions(policy, &sessions);
	assert_true(sessions.is_stated);
	assert_int_equal(sessions.viewer_count, 2);
	assert_string_equal(sessions.viewers[0], "less");
	assert_string_equal(sessions.viewers[1], "/usr/bin/xpdf");
	assert_int_equal(sessions.interpreter_count, 1);
	assert_string_equal(sessions.interpreters[0], "python3.11");
	assert_int_equal(sessions.idle_seconds, 10 * 60);
	assert_int_equal(sessions.total_seconds, 4 * 3600);
	assert_true(sessions.accepts_visible_proc);
}

static void check_default_viewers(const struct rules_sessions *sessions)
{
	static const char *const VIEWERS[] = {"nnn",  "less", "ls",   "find",
					      "file", "tree", "grep", "hexdump"};

	assert_int_equal(sessions->viewer_count, BL_COUNT(VIEWERS));
	for (size_t i = 0; i < BL_COUNT(VIEWERS); i++)
		assert_string_equal(sessions->viewers[i], VIEWERS[i]);
}

static void sessions_that_are_not_stated_have_their_defaults(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = parse(GOOD);
	struct rules_sessions sessions;

	(void)state;
	policy_sessions(policy, &sessions);
	check_default_viewers(&sessions);
	assert_false(sessions.is_stated);
	assert_int_equal(sessions.interpreter_count, 0);
	assert_int_equal(sessions.idle_seconds, 15 * 60);
	assert_int_equal(sessions.total_seconds, 8 * 3600);
	assert_false(sessions.accepts_visible_proc);
}

static void what_sessions_leave_out_has_its_default(void **state)
{
	static const struct {
		const char *section;
		int64_t idle_seconds, total_seconds;
		bool accepts;
	} ROWS[] = {
		{"sessions: {idle: 1m}", 60, 8 * 3600, false},
		{"sessions: {idle: 8h}", 8 * 3600, 8 * 3600, false},
		{"sessions: {total: 10m}", 600, 600, false},
		{"sessions: {total: 16m}", 900, 960, false},
		{"sessions: {total: 1y}", 900, 31536000, false},
		{"sessions: {visible_proc: refuse}", 900, 8 * 3600, false},
		{"sessions: {visible_proc: accept}", 900, 8 * 3600, true},
		{"sessions: {interpreters: [bash]}", 900, 8 * 3600, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(policy_unref) struct policy *policy = with_sessions(ROWS[i].section);
		struct rules_sessions sessions;

		policy_sessions(policy, &sessions);
		check_default_viewers(&sessions);
		if (!sessions.is_stated || sessions.idle_seconds != ROWS[i].idle_seconds ||
		    sessions.total_seconds != ROWS[i].total_seconds ||
		    sessions.accepts_visible_proc != ROWS[i].accepts)
			fail_msg("%s", ROWS[i].section);
	}
}

static void a_bounded_log_is_as_stated(void **state)
{
	static const struct broken ROW = {"audit: {durability: before-answer,",
					  "audit: {durability: bounded, bounded: 20ms,", NULL,
					  NULL};
	unsigned line, column;
	BL_CLEANUP(bl_free) char *text = broken_text(GOOD, &ROW, &line, &column);
	BL_CLEANUP(policy_unref) struct policy *policy = parse(text);

	(void)state;
	assert_true(policy_audit(policy)->is_bounded);
	assert_int_equal(policy_audit(policy)->bounded_ms, 20);
}

/* As many as a tree takes are taken, one more is not; both lists count. */
static void programs_are_counted_over_both_lists(void **state)
{
	(void)state;
	for (unsigned extra = 0; extra < 2; extra++) {
		char section[2048] = "sessions: {interpreters: [bash, python3], viewers: [";
		struct rules_findings findings;
		BL_CLEANUP(policy_unref) struct policy *policy = NULL;

		for (unsigned i = 0; i < RULES_PROGRAMS_LIMIT - 2 + extra; i++) {
			size_t at = strlen(section);

			snprintf(section + at, sizeof(section) - at, "%sv%u", i ? ", " : "", i);
		}

		BL_CLEANUP(bl_free) char *text = malloc(sizeof(section) + strlen(GOOD) + 8);

		assert_non_null(text);
		snprintf(text, sizeof(section) + strlen(GOOD) + 8, "%s%s]}\n", GOOD, section);
		assert_int_equal(rules_parse(text, strlen(text), &policy, &findings, NULL),
				 extra ? BL_INVALID : BL_OK);
		if (extra)
			assert_string_equal(findings.items[0].text,
					    "'sessions' has more than 64 programs");
	}
}

/* ---- what is wrong is told where it stands --------------------------------------------------------- */

static const struct broken WARNINGS[] = {
	{"[card, batch]", "[card, ~passport]", "no set of 'detect' looks for 'passport'",
	 "add the set"},
};

static const struct broken ERRORS[] = {
	/* uses */
	{"[builtin/baseline]", "[~builtin/pcy]", "unknown set of rules 'builtin/pcy'",
	 "did you mean 'builtin/pci'?"},
	{"[builtin/baseline]", "[builtin/pci, ~builtin/soc-2]",
	 "unknown set of rules 'builtin/soc-2'",
	 "one of: builtin/baseline, builtin/pci, builtin/hipaa-safe-harbor, builtin/gdpr"},
	{"[builtin/baseline]", "[~team.yaml]",
	 "'team.yaml' does not come with Bailee, and other files cannot be used",
	 "one of: builtin/baseline"},
	{"[builtin/baseline]", "[builtin/gdpr, ~builtin/gdpr]",
	 "'builtin/gdpr' stands twice in 'uses'", "remove one"},
	/* roles and workplaces */
	{"[technician, boss]", "[technician, ~bos]", "there is no role 'bos'",
	 "did you mean 'boss'?"},
	{"{never_with: [technician, boss]}", "{~never_with: [auditor]}",
	 "role 'auditor' is never with itself", "other roles"},
	{"{never_with: [technician, boss]}", "{~never_with: boss}", "'never_with' must be a list",
	 "[boss]"},
	{"  boss: {}\n", "  boss: {}\n  ~everyone: {}\n",
	 "'everyone' is every person of the policy, not a role", "another name"},
	{"{hosts: [office-01]}", "{hosts: [~office 01]}", "'office 01' is not a host", "hostname"},
	{"{hosts: [office-01]}", "{hosts: [~'*.shop.example']}", "'*.shop.example' is not a host",
	 "hostname"},
	{"{hosts: [office-01]}", "~{}", "a workplace has no 'hosts'", "add 'hosts: [bench-01]'"},
	{"{hosts: [office-01]}", "{~hosts: []}", "'hosts' is an empty list", "give it an entry"},
	{"{hosts: [office-01]}", "{hosts: [o], ~host: o}", "unknown key 'host' in a workplace",
	 "did you mean 'hosts'?"},
	{"  office:", "  ~Yard: {hosts: [y]}\n  office:", "'Yard' is not a name", "small letters"},
	{"    where: bench\n", "    where: ~bensh\n", "there is no workplace 'bensh'",
	 "did you mean 'bench'?"},
	{"[bench, office]", "[bench, ~street]", "there is no workplace 'street'",
	 "one of: bench, office"},
	{"[bench, office]", "[bench, ~bench]", "'bench' stands twice in 'where'", "remove one"},
	/* classes of its own */
	{"    batch:", "    ~card-pin: {pattern: x, example: x}\n    batch:",
	 "'card-pin' is a class of Bailee's own", "another name"},
	{"    batch:", "    ~Batch_1: {pattern: x, example: x}\n    batch:",
	 "'Batch_1' is not a name", "small letters"},
	{", example: NG-20417733", "", "a class of 'custom' has no 'example'", "add 'example:"},
	{"example: NG-20417733", "example: ~NG-2041773x",
	 "the pattern of 'loyalty-card' misses its example", "correct"},
	{"example: NG-20417733", "example: ~NG-204177334",
	 "the pattern of 'loyalty-card' misses its example", "correct"},
	{"[loyalty-card, email]", "[~loyality-card, email]", "unknown class 'loyality-card'",
	 "did you mean 'loyalty-card'?"},
	{"class: loyalty-card", "class: ~reward", "unknown class 'reward'", "one of: name"},
	{"{card: keep-last-4, batch: shape}", "{card: keep-last-4, ~bach: shape}",
	 "unknown class 'bach'", "did you mean 'batch'?"},
	{"{card: keep-last-4, batch: shape}", "{batch: keep-last-4, ~batches: fill}",
	 "unknown class 'batches'", "did you mean 'batch'?"},
	{"batch: shape}\n    who: [supervisor]\n",
	 "batch: shape}\n    who: [supervisor]\n    why: Receipts are matched.\n"
	 "  - id: t\n    mask: {card: ~token}\n    who: everyone\n",
	 "'token' beside a last-4 style of 'card': together they tell who is who", "one of the"},
	/* conditions */
	{"consent: granted, caller_verified: two-factor}", "consent: ~given}",
	 "unknown consent 'given'", "one of: granted, withdrawn"},
	{"consent: granted, caller_verified: two-factor}", "consent: ~unknown}",
	 "unknown consent 'unknown'", "granted"},
	{"consent: granted, caller_verified: two-factor}", "caller_verified: ~two-factors}",
	 "unknown check of a caller 'two-factors'", "did you mean 'two-factor'?"},
	{"consent: granted, caller_verified: two-factor}", "caller_verified: ~none}",
	 "unknown check of a caller 'none'", "one of: one-factor, two-factor"},
	{"consent: granted, caller_verified: two-factor}", "approved: ~export}",
	 "unknown action 'export'", "one of: list"},
	{"    forbid: [read]\n", "    forbid: [read]\n    when: {~approved: copy}\n",
	 "'approved' in 'when' belongs to permits", "'unless'"},
	{"    permit: [copy]\n", "    permit: [copy]\n    when: {~approved: copy}\n",
	 "'approved' in 'when' of a permit that needs approvals itself", "remove one"},
	{"unless: {consent: withdrawn}", "unless: {~approved: copy}",
	 "'approved' in 'unless' belongs to forbid and withhold", "'when' of a permit"},
	{"    when: {caller_verified: one-factor}\n", "    unless: {~approved: copy}\n",
	 "'approved' in 'unless' belongs to forbid and withhold", "'when' of a permit"},
	{"unless: {approved: copy}", "~unless: {}", "'unless' is empty", "remove it"},
	/* what */
	{"[card, batch]", "[card, ~card]", "'card' stands twice in 'contains'", "remove one"},
	{"{contains: [card, batch]}", "{~contains: card}", "'contains' must be a list", "[card]"},
	{"    permit: [approve, hold, administer]\n",
	 "    permit: [approve, hold, administer]\n    what: {~contains: [card]}\n",
	 "'contains' is about files, and 'approve' is about a device's life", "rule of its own"},
	{"    permit: [approve, hold, administer]\n",
	 "    permit: [read, hold, administer, approve]\n    what: {~max_size: 5M}\n",
	 "'max_size' is about files, and 'approve' is about a device's life", "rule of its own"},
	{"withhold: [image]", "withhold: [~anything]", "unknown kind of file 'anything'", "any"},
	{"withhold: [image]", "~withhold: any", "'withhold' must be a list", "[any]"},
	/* approvals and limits */
	{"count: 2", "count: ~0", "'count' must be 1 to 5", "write 1 to 5"},
	{"count: 2", "count: ~6", "'count' must be 1 to 5", "write 1 to 5"},
	{"count: 2", "count: ~two", "'count' must be a number", "whole number"},
	{"approvals: {count: 2, from", "approvals: ~{from", "'approvals' has no 'count'",
	 "add 'count: 1'"},
	{", valid: 4h", "", "'approvals' has no 'valid'", "add 'valid: 4h'"},
	{"valid: 4h", "valid: ~4 hours", "'4 hours' is not a span of time", "30d"},
	{"from: [supervisor, boss]", "from: [~superviser, boss]", "there is no role 'superviser'",
	 "did you mean 'supervisor'?"},
	{"from: [supervisor, boss]", "~from: everyone", "'from' must be a list", "[everyone]"},
	{"limits: {files: 200 per hour", "limits: {files: ~200 an hour",
	 "'200 an hour' is not a rate", "200 per hour"},
	{"limits: {files: 200 per hour", "limits: {files: ~200 per week",
	 "'200 per week' is not a rate", "200 per hour"},
	{"limits: {files: 200 per hour", "limits: {files: ~2K per hour",
	 "'2K per hour' is not a rate", "200 per hour"},
	{"500M per day", "~500MB per day", "'500MB per day' is not a rate", "500M per day"},
	{"500M per day", "~999999999999G per day", "'999999999999G per day' is not a rate",
	 "500M per day"},
	{"{unmasks: 10 per day}", "{unmasks: ~0 per day}", "a limit of 0 permits nothing",
	 "at least 1"},
	{"{unmasks: 10 per day}", "{~unmask: 10 per day}", "unknown key 'unmask' in 'limits'",
	 "did you mean 'unmasks'?"},
	{"    limits: {unmasks: 10 per day}", "    ~limits: {}", "'limits' is empty",
	 "200 per hour"},
	{"    forbid: [read]\n", "    forbid: [read]\n    ~limits: {files: 1 per day}\n",
	 "'limits' belongs to permits", "remove it"},
	{"    withhold: [image]\n", "    withhold: [image]\n    ~limits: {files: 1 per day}\n",
	 "'limits' belongs to permits", "remove it"},
	/* retention and beside it */
	{"last_open: 14d", "last_open: ~never", "'never' is not a span of time", "30d"},
	{"closed: 3d", "closed: ~0d", "'0d' is not a span of time", "30d"},
	{"notice: 5d", "notice: ~5", "'5' is not a span of time", "30d"},
	{"notice: 5d", "~notices: 5d", "unknown key 'notices' in a retention entry",
	 "did you mean 'notice'?"},
	{"'/var/log/**'", "~var/log", "'var/log' is not rooted at the partition", "begin it"},
	{"'/var/log/**'", "~**/log",
	 "an unquoted '*' is a reference (alias) to YAML, and references are refused", "'**/log'"},
	{"{destroy_within: 72h}", "{destroy_within: ~3 days}", "'3 days' is not a span of time",
	 "30d"},
	{"{destroy_within: 72h}", "~{}", "'requests' has no 'destroy_within'",
	 "add 'destroy_within: 72h'"},
	{"{destroy_within: 24h}", "{destroy_within: ~20ms}", "'20ms' is not a span of time", "30d"},
	{"{destroy_within: 24h}", "{destroy_within: 24h, ~within: 24h}",
	 "unknown key 'within' in 'consent_withdrawn'", "destroy_within"},
	{"{longest: 180d, review_every: 30d, release_approvals: 2}", "{longest: ~200y}",
	 "'200y' is not a span of time", "100y"},
	{"{longest: 180d, review_every: 30d, release_approvals: 2}", "{release_approvals: ~9}",
	 "'release_approvals' must be 1 to 5", "write 1 to 5"},
	{"holds: {longest: 180d, review_every: 30d, release_approvals: 2}", "~holds: {}",
	 "'holds' is empty", "longest"},
	{"verify: 5%", "verify: ~101%", "'101%' is not a share", "0% to 100%"},
	{"verify: 5%", "verify: ~5", "'5' is not a share", "0% to 100%"},
	{"certificate: true", "certificate: ~yes", "'certificate' must be true or false",
	 "true or false"},
	{"proof: {verify: 5%, certificate: true}", "~proof: [certificate]", "'proof' must be a map",
	 "keys and values"},
	/* sessions and audit */
	{"audit: {d", "sessions: {viewers: [~'less -R']}\naudit: {d", "'less -R' is not a program",
	 "whole path"},
	{"audit: {d", "sessions: {interpreters: [~/usr/../bin/sh]}\naudit: {d",
	 "'/usr/../bin/sh' is not a program", "whole path"},
	{"audit: {d", "sessions: {interpreters: [~./sh]}\naudit: {d", "'./sh' is not a program",
	 "whole path"},
	{"audit: {d", "sessions: {idle: ~5h, total: 4h}\naudit: {d",
	 "'idle' is longer than 'total'", "shorter"},
	{"audit: {d", "sessions: {idle: ~9h}\naudit: {d",
	 "'idle' is longer than 'total', which is 8h unless stated", "shorter"},
	{"audit: {d", "sessions: {viewers: [less, ~bash]}\naudit: {d",
	 "'bash' runs what it is given", "'interpreters'"},
	{"audit: {d", "sessions: {viewers: [~/opt/bin/python3.11]}\naudit: {d",
	 "'/opt/bin/python3.11' runs what it is given", "'interpreters'"},
	{"audit: {d", "sessions: {viewers: [~vim.tiny]}\naudit: {d",
	 "'vim.tiny' runs what it is given", "'interpreters'"},
	{"audit: {d", "sessions: {viewers: [~m4]}\naudit: {d", "'m4' runs what it is given",
	 "'interpreters'"},
	{"audit: {d", "sessions: {viewers: [~ld-linux-x86-64.so.2]}\naudit: {d",
	 "'ld-linux-x86-64.so.2' runs what it is given", "'interpreters'"},
	{"audit: {d", "sessions: {viewers: [~/lib/ld.so]}\naudit: {d",
	 "'/lib/ld.so' runs what it is given", "'interpreters'"},
	{"audit: {d", "sessions: {viewers: [less, ~/opt/less]}\naudit: {d",
	 "'/opt/less' has the name of 'less' in 'viewers'", "one of the two"},
	{"audit: {d", "sessions: {viewers: [less], interpreters: [~less]}\naudit: {d",
	 "'less' has the name of 'less' in 'viewers'", "one of the two"},
	{"audit: {d", "sessions: {interpreters: [/bin/sh, ~sh]}\naudit: {d",
	 "'sh' has the name of '/bin/sh' in 'interpreters'", "one of the two"},
	{"audit: {d", "sessions: {~viewers: []}\naudit: {d", "'viewers' is an empty list",
	 "give it an entry"},
	{"audit: {d", "sessions: {idle: ~soon}\naudit: {d", "'soon' is not a span of time", "30d"},
	{"audit: {d", "sessions: {total: ~1}\naudit: {d", "'1' is not a span of time", "30d"},
	{"audit: {d", "sessions: {visible_proc: ~true}\naudit: {d", "unknown 'visible_proc' 'true'",
	 "one of: refuse, accept"},
	{"audit: {d", "sessions: {~viewer: [less]}\naudit: {d",
	 "unknown key 'viewer' in 'sessions'", "did you mean 'viewers'?"},
	{"durability: before-answer", "durability: ~after-answer",
	 "unknown durability 'after-answer'", "one of: before-answer, bounded"},
	{"durability: before-answer", "durability: ~bounded",
	 "'durability: bounded' without a bound", "add 'bounded: 20ms'"},
	{"durability: before-answer", "~bounded: 20ms",
	 "'bounded' belongs to 'durability: bounded'", "remove it"},
	{"durability: before-answer", "durability: bounded, bounded: ~2s",
	 "'2s' is not a span of at most a second", "20ms"},
	{"durability: before-answer", "durability: bounded, bounded: ~20",
	 "'20' is not a span of at most a second", "20ms"},
	{"keep: 3y", "keep: ~forever", "'forever' is not a span of time", "30d"},
	{"tell_customer: true", "tell_customer: ~on", "'tell_customer' must be true or false",
	 "true or false"},
	{"names: true", "names: ~1", "'names' must be true or false", "true or false"},
	{"contact: Privacy desk", "contact: ~{a: b}", "'contact' must be one value, not a map",
	 "one value"},
	{"complain: The", "~complaint: The", "unknown key 'complaint' in 'report'",
	 "did you mean 'complain'?"},
	{"anchor_every: 1h", "~anchor: /srv/anchors", "unknown key 'anchor' in 'audit'",
	 "durability"},
	{"anchor_every: 1h", "anchor_every: ~daily", "'daily' is not a span of time", "30d"},
	/* tests */
	{"do: read, where: bench", "do: read, where: ~shop", "there is no workplace 'shop'",
	 "one of: bench, office"},
	{"do: read, where: bench", "do: read, where: ~[bench]",
	 "'where' must be one value, not a list", "one value"},
	{"where: bench, consent: granted", "where: bench, consent: ~grant",
	 "unknown consent 'grant'", "granted"},
	{"     caller_verified: one-factor,", "     caller_verified: ~'1',",
	 "unknown check of a caller '1'", "one-factor"},
	{"[card, loyalty-card]", "[card, ~loyalty-cart]", "unknown class 'loyalty-cart'",
	 "did you mean 'loyalty-card'?"},
	{"has: unknown", "~has: card", "'has' must be a list", "[card]"},
	{"has: unknown", "has: [~unknown]", "unknown class 'unknown'", "one of: name"},
	{"[carla, 'uid:61001']", "[carla, ~'uid:6100']", "there is no person 'uid:6100'",
	 "did you mean 'uid:61001'?"},
	{"[carla, 'uid:61001']", "[carla, ~carla]", "'carla' stands twice in 'approvals'",
	 "remove one"},
	{"approvals: [carla, 'uid:61001']", "~approvals: carla", "'approvals' must be a list",
	 "[carla]"},
	{"used: {files: 200 per hour,", "used: {files: ~many,", "'many' is not a rate",
	 "200 per hour"},
	{"used: {files: 200 per hour,", "used: {~file: 200 per hour,",
	 "unknown key 'file' in 'used'", "did you mean 'files'?"},
};

static void every_word_that_is_wrong_is_refused_at_its_place(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ERRORS); i++)
		wrong += !broken_try(GOOD, i, &ERRORS[i], RULES_ERROR);
	assert_int_equal(wrong, 0);
}

static void every_word_that_comes_to_nothing_is_warned_about(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(WARNINGS); i++)
		wrong += !broken_try(GOOD, i, &WARNINGS[i], RULES_WARNING);
	assert_int_equal(wrong, 0);
}

/* What a pattern may be is the matcher's to say; here it counts where that is told. */
static void patterns_that_cannot_be_looked_for_are_refused_where_they_stand(void **state)
{
	static const char *const PATTERNS[] = {"'('",	     "'x*'",	"'x+'",
					       "'x{1,999}'", "'(?=x)'", "'\\1'"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(PATTERNS); i++) {
		char to[128];
		const struct broken row = {"    loyalty-card: {pattern: 'NG-[0-9]{8}'", to, NULL,
					   NULL};
		unsigned line, column;
		struct policy *policy = NULL;
		struct rules_findings findings;

		snprintf(to, sizeof(to),
			 "    other: {pattern: %s, example: x}\n    loyalty-card: "
			 "{pattern: ~%s",
			 PATTERNS[i], PATTERNS[i]);

		BL_CLEANUP(bl_free) char *text = broken_text(GOOD, &row, &line, &column);
		enum bl_status status = rules_parse(text, strlen(text), &policy, &findings, NULL);
		const struct rules_finding *found = findings.items;

		if (status != BL_INVALID || findings.count != 2 || found[0].line != line - 1 ||
		    found[1].line != line || found[1].column != column || !found[1].fix[0] ||
		    strncmp(found[0].text, "the pattern of 'other': ", 24) != 0 ||
		    strncmp(found[1].text, "the pattern of 'loyalty-card': ", 31) != 0) {
			rules_print_findings(stderr, "  got", &findings);
			fail_msg("row %zu: %s", i, PATTERNS[i]);
		}
	}
}

static void more_classes_or_places_than_fit_are_refused(void **state)
{
	static const struct {
		const char *from, *entry; /* of a name that a number makes */
		size_t most;
		const char *text;
	} ROWS[] = {
		{"    batch:", "{pattern: x, example: x}", CLASS_LIMIT - CLASS_COUNT - 2,
		 "'custom' has more than 35 entries"},
		{"  office: {hosts", "{hosts: [h]}", 62, "'workplaces' has more than 64 entries"},
	};

	(void)state;
	assert_int_equal(CLASS_LIMIT - CLASS_COUNT, 35);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		for (size_t over = 0; over < 2; over++) {
			char to[8192] = "";
			const struct broken row = {ROWS[i].from, to, ROWS[i].text, "shorter"};
			size_t used = 0;

			for (size_t k = 0; k < ROWS[i].most + over; k++)
				used += (size_t)snprintf(
					to + used, sizeof(to) - used, "%.*sx%zu: %s\n",
					(int)strspn(ROWS[i].from, " "), "    ", k, ROWS[i].entry);
			snprintf(to + used, sizeof(to) - used, "%s", ROWS[i].from);

			unsigned line, column;
			BL_CLEANUP(bl_free) char *text = broken_text(GOOD, &row, &line, &column);
			BL_CLEANUP(policy_unref) struct policy *policy = NULL;
			struct rules_findings findings;
			enum bl_status status =
				rules_parse(text, strlen(text), &policy, &findings, NULL);

			if (status != (over ? BL_INVALID : BL_OK) ||
			    (over && !broken_is_told(&row, 0, 0, RULES_ERROR, &findings))) {
				rules_print_findings(stderr, "  got", &findings);
				fail_msg("row %zu, %zu over", i, over);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_and_roles_are_as_written),
		cmocka_unit_test(classes_of_its_own_have_numbers_and_names),
		cmocka_unit_test(conditions_and_limits_of_rules_are_as_written),
		cmocka_unit_test(any_beside_other_kinds_is_any),
		cmocka_unit_test(approvals_of_rules_are_as_written),
		cmocka_unit_test(promises_beside_retention_are_as_written),
		cmocka_unit_test(facts_of_tests_are_as_stated),
		cmocka_unit_test(purposes_and_facts_that_rules_ask_of_are_known),
		cmocka_unit_test(sessions_are_as_stated),
		cmocka_unit_test(sessions_that_are_not_stated_have_their_defaults),
		cmocka_unit_test(what_sessions_leave_out_has_its_default),
		cmocka_unit_test(programs_are_counted_over_both_lists),
		cmocka_unit_test(a_bounded_log_is_as_stated),
		cmocka_unit_test(every_word_that_is_wrong_is_refused_at_its_place),
		cmocka_unit_test(patterns_that_cannot_be_looked_for_are_refused_where_they_stand),
		cmocka_unit_test(more_classes_or_places_than_fit_are_refused),
		cmocka_unit_test(every_word_that_comes_to_nothing_is_warned_about),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
