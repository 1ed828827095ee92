#include "desk.h"

#define HEAD                                                                                       \
	"bailee: 1\n"                                                                              \
	"name: Store\n"                                                                            \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"uses: [builtin/baseline, builtin/pci]\n"                                                  \
	"people:\n"                                                                                \
	"  anna: {roles: [technician]}\n"                                                          \
	"  carla: {roles: [supervisor]}\n"                                                         \
	"roles:\n"                                                                                 \
	"  technician: {}\n"                                                                       \
	"  supervisor: {}\n"                                                                       \
	"detect: {sets: [contact, payment], custom: {bonus: {pattern: 'NG-[0-9]{8}', "             \
	"example: NG-20417733}}}\n"                                                                \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"                                                                                 \
	"  - id: looks\n"                                                                          \
	"    permit: [read]\n"                                                                     \
	"    who: [technician, supervisor]\n"                                                      \
	"    limits: {files: 5 per hour}\n"                                                        \
	"    why: Repair needs a look.\n"                                                          \
	"  - id: no-copies\n"                                                                      \
	"    forbid: [copy]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    unless: {approved: unmask}\n"                                                         \
	"    why: Contents stay.\n"                                                                \
	"  - id: refund\n"                                                                         \
	"    permit: [unmask]\n"                                                                   \
	"    who: [supervisor]\n"                                                                  \
	"    what: {contains: [email]}\n"                                                          \
	"    needs: {reason: required, approvals: {count: 1, from: [technician], valid: 4h}}\n"    \
	"    why: Refunds need it.\n"                                                              \
	"  - id: no-photos\n"                                                                      \
	"    withhold: [image]\n"                                                                  \
	"    who: everyone\n"                                                                      \
	"    why: Photos are never shown.\n"                                                       \
	"  - id: tail\n"                                                                           \
	"    mask: {card: keep-last-4, phone: fill, card-pin: fill, bonus: fill}\n"                \
	"    who: everyone\n"                                                                      \
	"    why: Receipts are matched.\n"                                                         \
	"test_clock: 2026-07-01 10:00\n"                                                           \
	"tests:\n"
#define READS "  - {name: reads, as: anna, do: read, kind: text, expect: permit, rule: looks}\n"
#define COPIES                                                                                     \
	"  - {name: copies, as: anna, do: copy, kind: text, expect: forbid, rule: no-copies}\n"
#define ASKS                                                                                       \
	"  - {name: asks, as: carla, do: unmask, class: email, kind: text, expect: ask, rule: "    \
	"refund}\n"
#define PHOTOS                                                                                     \
	"  - {name: photos, as: anna, do: read, kind: image, expect: withhold, rule: no-photos}\n"
#define CARDS                                                                                      \
	"  - {name: cards, as: anna, do: read, kind: text, expect: permit, rule: looks, shows: "   \
	"{card: keep-last-4}}\n"
#define PHONES                                                                                     \
	"  - {name: phones, as: anna, do: read, kind: text, expect: permit, rule: looks, shows: "  \
	"{phone: fill, bonus: fill}}\n"

/* Everything told, one line each: "looks deleted by reads; ". */
struct told {
	char text[4096];
	size_t count;
};

static void tell_mutation(void *context, const struct rules_mutation *mutation)
{
	struct told *told = context;
	size_t used = strlen(told->text);

	assert_int_equal(mutation->is_noticed, mutation->by != NULL);
	snprintf(told->text + used, sizeof(told->text) - used, "%s %s: %s\n", mutation->rule,
		 mutation->change, mutation->by ? mutation->by : "-");
	told->count += !mutation->is_noticed;
}

static void check_told(const char *tests, const char *wanted, size_t unnoticed)
{
	char *whole = NULL;
	struct told told = {.count = 0};
	size_t got = 99;

	assert_true(asprintf(&whole, "%s%s", HEAD, tests) > 0);
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(whole);
	enum bl_status status = rules_test_mutate(policy, tell_mutation, &told, &got);

	free(whole);
	assert_string_equal(told.text, wanted);
	assert_int_equal(got, unnoticed);
	assert_int_equal(told.count, unnoticed);
	assert_int_equal(status, unnoticed ? BL_FAILED : BL_OK);
}

static void each_rule_is_deleted_and_each_effect_turned_round(void **state)
{
	(void)state;
	check_told(READS COPIES ASKS PHOTOS CARDS PHONES,
		   "looks deleted: reads\n"
		   "looks permit became forbid: reads\n"
		   "no-copies deleted: copies\n"
		   "no-copies forbid became permit: copies\n"
		   "refund deleted: asks\n"
		   "refund permit became forbid: asks\n"
		   "no-photos deleted: photos\n"
		   "tail deleted: cards\n"
		   "tail phone: fill became keep-last-4: phones\n"
		   "tail card: keep-last-4 became fill: cards\n"
		   "tail card: keep-last-4 became keep-first-6-last-4: cards\n"
		   "tail bonus: fill became keep-last-4: phones\n",
		   0);
}

static void what_no_test_notices_is_told(void **state)
{
	(void)state;
	check_told(READS CARDS,
		   "looks deleted: reads\n"
		   "looks permit became forbid: reads\n"
		   "no-copies deleted: -\n"
		   "no-copies forbid became permit: -\n"
		   "refund deleted: -\n"
		   "refund permit became forbid: -\n"
		   "no-photos deleted: -\n"
		   "tail deleted: cards\n"
		   "tail phone: fill became keep-last-4: -\n"
		   "tail card: keep-last-4 became fill: cards\n"
		   "tail card: keep-last-4 became keep-first-6-last-4: cards\n"
		   "tail bonus: fill became keep-last-4: -\n",
		   7);
}

static void a_test_that_fails_anyway_notices_nothing(void **state)
{
	(void)state;
	check_told("  - {name: wrong, as: anna, do: read, kind: text, expect: forbid, rule: "
		   "default}\n",
		   "looks deleted: -\n"
		   "looks permit became forbid: -\n"
		   "no-copies deleted: -\n"
		   "no-copies forbid became permit: -\n"
		   "refund deleted: -\n"
		   "refund permit became forbid: -\n"
		   "no-photos deleted: -\n"
		   "tail deleted: -\n"
		   "tail phone: fill became keep-last-4: -\n"
		   "tail card: keep-last-4 became fill: -\n"
		   "tail card: keep-last-4 became keep-first-6-last-4: -\n"
		   "tail bonus: fill became keep-last-4: -\n",
		   12);
}

static void ignore_mutation(void *context, const struct rules_mutation *mutation)
{
	(void)context;
	(void)mutation;
}

static void the_policy_itself_is_never_changed(void **state)
{
	size_t passed, failed, unnoticed;
	BL_CLEANUP(policy_unref)
	struct policy *policy = desk_parse(HEAD READS COPIES ASKS PHOTOS CARDS PHONES);

	(void)state;
	assert_int_equal(rules_test_mutate(policy, ignore_mutation, NULL, &unnoticed), BL_OK);
	assert_int_equal(rules_test(policy, NULL, NULL, &passed, &failed), BL_OK);
	assert_int_equal(passed, 6);
}

static void tell_coverage(void *context, const char *rule, unsigned line, size_t tests)
{
	struct told *told = context;
	size_t used = strlen(told->text);

	assert_true(line > 0);
	snprintf(told->text + used, sizeof(told->text) - used, "%zu %s\n", tests, rule);
}

static void coverage_counts_the_tests_that_a_rule_helped_to_decide(void **state)
{
	struct told told = {.count = 0};
	BL_CLEANUP(policy_unref) struct policy *policy = desk_parse(HEAD READS COPIES CARDS ASKS);

	(void)state;
	assert_int_equal(rules_test_coverage(policy, tell_coverage, &told), BL_OK);
	/* least first, then as they stand; what a shipped set brings is not told */
	assert_string_equal(told.text, "0 no-photos\n"
				       "1 no-copies\n"
				       "1 refund\n"
				       "1 tail\n"
				       "2 looks\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_deleted_and_each_effect_turned_round),
		cmocka_unit_test(what_no_test_notices_is_told),
		cmocka_unit_test(a_test_that_fails_anyway_notices_nothing),
		cmocka_unit_test(the_policy_itself_is_never_changed),
		cmocka_unit_test(coverage_counts_the_tests_that_a_rule_helped_to_decide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
