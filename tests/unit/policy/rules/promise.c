/* What a policy promises of one device: the permits that speak of it, each with what it asks for. */
#include "tests/unit/policy/rules/rows.h"

static const char POLICY[] =
	"bailee: 1\n"
	"name: Returns desk\n"
	"serial: 15\n"
	"timezone: Europe/Dublin\n"
	"people: {anna: {roles: [technician]}, carla: {roles: [officer]}}\n"
	"roles: {technician: {}, officer: {}}\n"
	"detect: {sets: [contact, payment], customer: true}\n"
	"defaults: {access: forbid, mask: fill}\n"
	"rules:\n"
	"  - {id: looks, permit: [list, read], who: [technician, officer], what: {devices: "
	"[laptop]}, when: {purpose: [grading, repair], consent: granted}, why: Repairs need it.}\n"
	"  - {id: looks-at-rma, permit: [read], who: everyone, what: {ids: ['RMA-*']}, needs: "
	"{reason: required}, why: They are all looked at.}\n"
	"  - {id: account, permit: [unmask], who: [officer], what: {contains: [email]}, why: A "
	"reply goes somewhere.}\n"
	"  - {id: passport, permit: [unmask], who: [officer], what: {contains: [vin]}, why: Nobody "
	"finds these.}\n"
	"  - {id: out, permit: [copy], who: [technician], what: {devices: [phone, tablet]}, needs: "
	"{approvals: {count: 2, from: [officer], valid: 4h}}, why: You asked for it.}\n"
	"  - {id: shut, forbid: [copy], who: everyone, what: {devices: [tablet]}, why: It stays "
	"here always.}\n"
	"  - {id: runs, permit: [hold, administer], who: [officer], why: Somebody has to.}\n"
	"retention:\n"
	"  - {id: all, destroy_after: {intake: 30d}}\n";

struct told {
	char text[1024];
};

static void tell(void *context, const struct rules_promise *promise)
{
	static const char *const WHAT[] = {"look", "unmask", "receive"};
	struct told *told = context;
	size_t at = strlen(told->text);

	at += (size_t)snprintf(told->text + at, sizeof(told->text) - at,
			       "%s %s:", WHAT[promise->what], promise->rule);
	for (size_t i = 0; i < promise->role_count; i++)
		at += (size_t)snprintf(told->text + at, sizeof(told->text) - at, " %s",
				       promise->roles[i]);
	for (size_t i = 0; i < promise->purpose_count; i++)
		at += (size_t)snprintf(told->text + at, sizeof(told->text) - at, " for=%s",
				       promise->purposes[i]);
	snprintf(told->text + at, sizeof(told->text) - at, "%s%s%s%.0d approvals=%u %s\n",
		 promise->is_for_everyone ? " everyone" : "",
		 promise->needs_consent ? " consent" : "", promise->needs_reason ? " reason" : "",
		 0, promise->approvals,
		 promise->classes == CLASS_BIT(CLASS_EMAIL) ? "email"
							    : (promise->classes ? "others" : "-"));
}

static void each_device_is_told_what_speaks_of_it(void **state)
{
	static const struct {
		struct rules_device device;
		const char *told;
	} ROWS[] = {
		{{"X-1", DEVICE_LAPTOP},
		 "look looks: technician officer for=grading for=repair consent approvals=0 -\n"
		 "unmask account: officer approvals=0 email\n"},
		{{"RMA-7", DEVICE_TABLET},
		 "look looks-at-rma: everyone reason approvals=0 -\n"
		 "unmask account: officer approvals=0 email\n"},
		{{"X-2", DEVICE_PHONE},
		 "unmask account: officer approvals=0 email\n"
		 "receive out: technician approvals=2 -\n"},
	};
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {""};

	(void)state;
	if (rules_parse(POLICY, strlen(POLICY), &policy, &findings, &why) != BL_OK)
		fail_msg("%s", why.text);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct told told = {""};

		rules_each_promise(policy, &ROWS[i].device, tell, &told);
		if (strcmp(told.text, ROWS[i].told) != 0)
			fail_msg("row %zu: %s", i, told.text);
	}
}

static void classes_have_words(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;

	(void)state;
	assert_int_equal(rules_parse(POLICY, strlen(POLICY), &policy, &findings, NULL), BL_OK);
	assert_true(rules_hidden(policy) & CLASS_BIT(CLASS_EMAIL));
	assert_false(rules_hidden(policy) & CLASS_BIT(CLASS_VIN));
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		assert_true(*rules_class_words(i));
	assert_string_equal(rules_class_words(CLASS_COUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_device_is_told_what_speaks_of_it),
		cmocka_unit_test(classes_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
