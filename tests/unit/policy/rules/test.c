#include "desk.h"

/* A store whose rules need every fact that a test can state. */
#define STORE                                                                                      \
	"bailee: 1\n"                                                                              \
	"name: Store\n"                                                                            \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"uses: [builtin/baseline]\n"                                                               \
	"people:\n"                                                                                \
	"  anna: {roles: [technician]}\n"                                                          \
	"  ben: {roles: [technician], training_expires: 2026-06-30}\n"                             \
	"  carla: {roles: [supervisor]}\n"                                                         \
	"  dmitri: {roles: [supervisor]}\n"                                                        \
	"  'uid:1': {roles: [supervisor]}\n"                                                       \
	"  'uid:2': {roles: [trained], training_expires: 2026-06-30}\n"                            \
	"  'group:desk': {roles: [supervisor]}\n"                                                  \
	"roles:\n"                                                                                 \
	"  technician: {}\n"                                                                       \
	"  supervisor: {}\n"                                                                       \
	"  trained: {requires: [training]}\n"                                                      \
	"workplaces:\n"                                                                            \
	"  bench: {hosts: [bench-01]}\n"                                                           \
	"detect:\n"                                                                                \
	"  sets: [contact, payment, government-id, health]\n"                                      \
	"  custom: {loyalty-card: {pattern: 'NG-[0-9]{8}', example: NG-20417733}}\n"               \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"                                                                                 \
	"  - id: looks\n"                                                                          \
	"    permit: [list, read]\n"                                                               \
	"    who: [technician]\n"                                                                  \
	"    what: {devices: [laptop], paths: ['/Users/**'], max_size: 1M}\n"                      \
	"    where: bench\n"                                                                       \
	"    when: {hours: Mon-Sat 07:00-20:00, purpose: [repair], consent: granted,\n"            \
	"           caller_verified: one-factor}\n"                                                \
	"    limits: {files: 20 per hour}\n"                                                       \
	"    why: Repair needs a look.\n"                                                          \
	"  - id: oversees\n"                                                                       \
	"    permit: [list, read, request]\n"                                                      \
	"    who: [supervisor, trained]\n"                                                         \
	"    why: Supervisors look.\n"                                                             \
	"  - id: also-oversees\n"                                                                  \
	"    permit: [read]\n"                                                                     \
	"    who: [supervisor]\n"                                                                  \
	"    why: And again.\n"                                                                    \
	"  - id: no-health\n"                                                                      \
	"    forbid: [read]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    what: {contains: [health-id]}\n"                                                      \
	"    why: Health is private.\n"                                                            \
	"  - id: also-no-health\n"                                                                 \
	"    forbid: [read, copy]\n"                                                               \
	"    who: [technician]\n"                                                                  \
	"    what: {contains: [health-id]}\n"                                                      \
	"    why: And again.\n"                                                                    \
	"  - id: no-photos\n"                                                                      \
	"    withhold: [image]\n"                                                                  \
	"    who: everyone\n"                                                                      \
	"    unless: {approved: copy}\n"                                                           \
	"    why: Photos are never shown.\n"                                                       \
	"  - id: export\n"                                                                         \
	"    permit: [copy]\n"                                                                     \
	"    who: [supervisor]\n"                                                                  \
	"    needs: {reason: required, approvals: {count: 2, from: [supervisor, trained], "        \
	"valid: 4h}}\n"                                                                            \
	"    why: The customer asked for it.\n"                                                    \
	"  - id: refund\n"                                                                         \
	"    permit: [unmask]\n"                                                                   \
	"    who: [supervisor]\n"                                                                  \
	"    what: {contains: [loyalty-card, email]}\n"                                            \
	"    limits: {unmasks: 10 per day}\n"                                                      \
	"    why: Refunds need it.\n"                                                              \
	"  - id: tail\n"                                                                           \
	"    mask: {card: keep-last-4, phone: shape}\n"                                            \
	"    who: everyone\n"                                                                      \
	"    when: {consent: granted}\n"                                                           \
	"    why: Receipts are matched.\n"                                                         \
	"test_clock: 2026-07-01 10:00\n"                                                           \
	"tests:\n"

#define ANNA                                                                                       \
	"as: anna, do: read, device: laptop, file: /Users/k/a.txt, kind: text, size: 2K, "         \
	"where: bench, purpose: repair, consent: granted, caller_verified: one-factor, "

static void keep_text(void *context, const struct rules_test_result *result)
{
	if (!result->has_passed)
		memcpy(context, result->text, sizeof(result->text));
}

/* One test in one policy; @failure NULL: it passes. */
static void check_line(const char *head, const char *line, const char *failure, size_t row)
{
	char *whole = NULL, got[256] = "";
	size_t passed, failed;

	assert_true(asprintf(&whole, "%s  - {name: one, %s}\n", head, line) > 0);
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(whole);
	enum bl_status status = rules_test(policy, keep_text, got, &passed, &failed);

	free(whole);
	if (strcmp(got, failure ? failure : "") != 0 || status != (failure ? BL_FAILED : BL_OK) ||
	    passed + failed != 1)
		fail_msg("row %zu: %s", row, got);
}

/* Whoever has no uid in the file gets one that nobody has there; else people would approve for themselves, or for two. */
static void people_without_a_uid_are_never_taken_for_another(void **state)
{
	static const char *const heads[] = {
		/* from 1 on, 4 is out of reach; from 2 on, behind 1, it is carla's */
		"  'uid:4': {roles: [boss]}\n  'uid:1': {roles: [boss]}\n  carla: {roles: "
		"[boss]}\n",
		"  carla: {roles: [boss]}\n  'uid:1': {roles: [boss]}\n  'uid:4': {roles: "
		"[boss]}\n",
		"  'uid:3': {roles: [boss]}\n  carla: {roles: [boss]}\n  'uid:4': {roles: "
		"[boss]}\n",
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(heads); i++) {
		char *head = NULL;

		assert_true(asprintf(&head,
				     "bailee: 1\nname: Store\nserial: 1\ntimezone: UTC\npeople:\n%s"
				     "roles: {boss: {}}\n"
				     "defaults: {access: forbid, mask: fill}\n"
				     "rules:\n"
				     "  - id: out\n"
				     "    permit: [list, read, copy]\n"
				     "    who: [boss]\n"
				     "    needs: {approvals: {count: 1, from: [boss], valid: 4h}}\n"
				     "    why: Another one agrees.\n"
				     "test_clock: 2026-07-01 10:00\n"
				     "tests:\n",
				     heads[i]) > 0);
		check_line(head,
			   "as: carla, do: read, approvals: ['uid:4'], expect: permit, rule: out",
			   NULL, i);
		check_line(head,
			   "as: 'uid:4', do: read, approvals: [carla], expect: permit, rule: out",
			   NULL, i);
		check_line(head, "as: carla, do: read, approvals: [carla], expect: ask, rule: out",
			   NULL, i);
		free(head);
	}
}

static void each_fact_that_a_test_states_decides(void **state)
{
	static const struct {
		const char *line;
		const char *failure; /* NULL: passes */
	} rows[] = {
		{ANNA "expect: permit, rule: looks", NULL},
		{ANNA "expect: forbid, rule: default",
		 "expected forbid by default, got permit by looks"},
		/* what is not stated: device, size, file, consent unknown, the rest none */
		{"as: anna, do: read, file: /Users/k/a.txt, kind: text, size: 2K, where: bench, "
		 "purpose: repair, consent: granted, caller_verified: one-factor, expect: forbid, "
		 "rule: default",
		 NULL},
		{"as: anna, do: read, device: laptop, kind: text, size: 2K, where: bench, purpose: "
		 "repair, consent: granted, caller_verified: one-factor, expect: forbid, rule: "
		 "default",
		 NULL},
		{"as: anna, do: read, device: laptop, file: /Users/k/a.txt, kind: text, where: "
		 "bench, purpose: repair, consent: granted, caller_verified: one-factor, expect: "
		 "forbid, rule: default",
		 NULL},
		{"as: anna, do: read, device: laptop, file: /Users/k/a.txt, kind: text, size: 2K, "
		 "purpose: repair, consent: granted, caller_verified: one-factor, expect: forbid, "
		 "rule: default",
		 NULL},
		{"as: anna, do: read, device: laptop, file: /Users/k/a.txt, kind: text, size: 2K, "
		 "where: bench, purpose: repair, caller_verified: one-factor, expect: forbid, "
		 "rule: default",
		 NULL},
		{"as: anna, do: read, device: laptop, file: /Users/k/a.txt, kind: text, size: 2K, "
		 "where: bench, purpose: repair, consent: granted, expect: forbid, rule: default",
		 NULL},
		{ANNA "at: 2026-07-01 22:00, expect: forbid, rule: default", NULL},
		{ANNA "status: due, expect: forbid, rule: gate", NULL},
		{ANNA "used: {files: 20 per hour}, expect: forbid, rule: limit", NULL},
		{ANNA "used: {files: 19 per hour}, expect: permit, rule: looks", NULL},
		/* the other period is another count */
		{ANNA "used: {files: 20 per day}, expect: permit, rule: looks", NULL},
		/* findings: known, none, not known */
		{ANNA "has: [health-id], expect: forbid, rule: no-health", NULL},
		{ANNA "has: [card], expect: permit, rule: looks", NULL},
		{ANNA "has: unknown, expect: forbid, rule: no-health", NULL},
		{"as: carla, do: read, has: unknown, expect: withhold, rule: no-photos", NULL},
		{"as: carla, do: read, kind: text, has: unknown, expect: withhold, rule: default",
		 NULL},
		/* any of those that led to the outcome may be named, and no other */
		{ANNA "has: [health-id], expect: forbid, rule: also-no-health", NULL},
		{"as: carla, do: read, kind: text, expect: permit, rule: also-oversees", NULL},
		{ANNA "has: [health-id], expect: forbid, rule: looks",
		 "expected forbid by looks, got forbid by also-no-health"},
		{ANNA "status: due, has: [health-id], expect: forbid, rule: no-health",
		 "expected forbid by no-health, got forbid by gate"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		check_line(STORE, rows[i].line, rows[i].failure, i);
}

static void approvals_are_of_other_people_with_a_role_that_counts(void **state)
{
#define COPY "do: copy, kind: text, "
	static const struct {
		const char *line;
		const char *failure;
	} rows[] = {
		{"as: carla, " COPY "reason: R, approvals: [dmitri, 'uid:1'], expect: permit, "
		 "rule: export",
		 NULL},
		/* the read that a copy needs led there too */
		{"as: carla, " COPY "reason: R, approvals: [dmitri, 'uid:1'], expect: permit, "
		 "rule: oversees",
		 NULL},
		{"as: carla, " COPY "approvals: [dmitri, 'uid:1'], expect: ask, rule: export",
		 NULL},
		{"as: carla, " COPY "reason: R, approvals: [dmitri], expect: ask, rule: export",
		 NULL},
		/* the read is permitted already: it does not ask */
		{"as: carla, " COPY "reason: R, expect: ask, rule: oversees",
		 "expected ask by oversees, got ask by export"},
		/* one's own, one's own by another kind of key, the same twice, without a role */
		{"as: carla, " COPY "reason: R, approvals: [dmitri, carla], expect: ask, rule: "
		 "export",
		 NULL},
		{"as: 'uid:1', " COPY "reason: R, approvals: [dmitri, 'uid:1'], expect: ask, rule: "
		 "export",
		 NULL},
		{"as: 'group:desk', " COPY "reason: R, approvals: [dmitri, 'group:desk'], expect: "
		 "ask, rule: export",
		 NULL},
		{"as: 'group:desk', " COPY "reason: R, approvals: [dmitri, carla], expect: permit, "
		 "rule: export",
		 NULL},
		{"as: carla, " COPY "reason: R, approvals: [dmitri, anna], expect: ask, rule: "
		 "export",
		 NULL},
		/* a role that has lapsed at the test's own now gives nothing; the day before it did */
		{"as: carla, " COPY "reason: R, approvals: [dmitri, 'uid:2'], expect: ask, rule: "
		 "export",
		 NULL},
		{"as: carla, " COPY "reason: R, approvals: [dmitri, 'uid:2'], at: 2026-06-30 "
		 "23:59, expect: permit, rule: export",
		 NULL},
		/* an approved copy also opens what is withheld unless it is approved */
		{"as: carla, do: copy, kind: image, reason: R, approvals: [dmitri, 'uid:1'], "
		 "expect: permit, rule: export",
		 NULL},
		{"as: carla, do: read, kind: image, expect: withhold, rule: no-photos", NULL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		check_line(STORE, rows[i].line, rows[i].failure, i);
}

static void what_is_shown_is_held_against_what_is_stated(void **state)
{
	static const struct {
		const char *line;
		const char *failure;
	} rows[] = {
		{"as: carla, do: read, kind: text, consent: granted, expect: permit, rule: "
		 "oversees, shows: {card: keep-last-4, phone: shape, name: fill}",
		 NULL},
		{"as: carla, do: read, kind: text, expect: permit, rule: oversees, shows: {card: "
		 "fill}",
		 NULL},
		{"as: carla, do: read, kind: text, expect: permit, rule: oversees, shows: {card: "
		 "keep-last-4}",
		 "expected card shown as keep-last-4, got fill"},
		/* in a session what may be unmasked is seen; in a copy only by approvals */
		{"as: carla, do: read, kind: text, expect: permit, rule: oversees, shows: {email: "
		 "original, loyalty-card: original}",
		 NULL},
		{"as: carla, do: unmask, class: loyalty-card, kind: text, expect: permit, rule: "
		 "refund, shows: {loyalty-card: original, card: fill}",
		 NULL},
		{"as: carla, do: copy, kind: text, reason: R, expect: ask, rule: export, shows: "
		 "{email: fill}",
		 NULL},
		{"as: carla, do: copy, kind: text, reason: R, approvals: [dmitri, 'uid:1'], "
		 "expect: permit, rule: export, shows: {email: original}",
		 NULL},
		{"as: carla, do: read, kind: text, used: {unmasks: 10 per day}, expect: permit, "
		 "rule: oversees, shows: {loyalty-card: original}",
		 "expected loyalty-card shown as original, got fill"},
		/* classes: of the policy's own, ones that no permit names, the floor */
		{"as: carla, do: unmask, class: phone, kind: text, expect: forbid, rule: default",
		 NULL},
		{"as: carla, do: unmask, class: card, kind: text, expect: forbid, rule: "
		 "builtin/baseline",
		 NULL},
		{"as: carla, do: unmask, class: email, kind: text, used: {unmasks: 10 per day}, "
		 "expect: forbid, rule: limit",
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		check_line(STORE, rows[i].line, rows[i].failure, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fact_that_a_test_states_decides),
		cmocka_unit_test(people_without_a_uid_are_never_taken_for_another),
		cmocka_unit_test(approvals_are_of_other_people_with_a_role_that_counts),
		cmocka_unit_test(what_is_shown_is_held_against_what_is_stated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
