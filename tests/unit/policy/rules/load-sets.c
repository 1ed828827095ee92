/* The shipped sets: what they are made of, and that a shop with one of them still works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/load.h"

/* %s: sets behind the floor, and tests. */
static const char SHOP[] =
	"bailee: 1\n"
	"name: Shop\n"
	"serial: 1\n"
	"timezone: Europe/Dublin\n"
	"uses: [builtin/baseline%s]\n"
	"people:\n"
	"  anna: {roles: [technician]}\n"
	"  carla: {roles: [boss]}\n"
	"  dora: {roles: [boss]}\n"
	"roles: {technician: {}, boss: {}}\n"
	"detect: {sets: [contact], customer: false}\n"
	"defaults: {access: forbid, mask: keep-last-4, unscanned: withhold}\n"
	"rules:\n"
	"  - {id: looks, permit: [list, read], who: [technician, boss], why: Repairs need a "
	"look.}\n"
	"  - {id: account, permit: [unmask], who: [technician], what: {contains: [health-id, "
	"national-id, email]},\n"
	"     why: Accounts are looked up by it.}\n"
	"  - {id: papers, permit: [unmask], who: [boss], needs: {approvals: {count: 1, from: "
	"[boss], valid: 4h}},\n"
	"     why: Two bosses may look together.}\n"
	"  - {id: export, permit: [copy], who: [boss], needs: {approvals: {count: 1, from: [boss], "
	"valid: 4h}},\n"
	"     why: Customers want their files back.}\n"
	"  - {id: run, permit: [approve, hold, administer], who: [boss], why: Somebody runs the "
	"shop.}\n"
	"test_clock: 2026-07-01 10:00\n"
	"tests:\n"
	"%s";

#define FILE_FACTS "device: laptop, file: /a.txt, kind: text, "

static struct policy *shop(const char *sets, const char *tests)
{
	char text[8192];
	struct policy *policy = NULL;
	struct rules_findings findings;

	snprintf(text, sizeof(text), SHOP, sets, tests);
	if (rules_parse(text, strlen(text), &policy, &findings, NULL) != BL_OK) {
		rules_print_findings(stderr, "shop", &findings);
		fail_msg("sets%s", sets);
	}
	return policy;
}

static const char LOOKS[] = "  - {name: t, as: anna, do: list, expect: permit, rule: looks}\n";

static const struct {
	const char *set, *cites;
} SETS[] = {
	{"builtin/pci", "PCI DSS 4.0.1, 3."},
	{"builtin/hipaa-safe-harbor", "45 CFR 164.514(b)(2)(i)"},
	{"builtin/gdpr", "GDPR Article"},
};

/* ---- what they are made of --------------------------------------------------------------------- */

static void check_set_rule(const struct rule *rule, const char *set, const char *cites)
{
	if (strncmp(rule->id, "builtin/", 8) != 0 || rule->effect == EFFECT_PERMIT ||
	    !rule->is_for_everyone || strncmp(rule->why, cites, strlen(cites)) != 0 ||
	    strcmp(rule->set, set) != 0 || rule->needs_reason || rule->at.line != 5 ||
	    rule->at.column != 26 || rule->id_at.line != 5)
		fail_msg("%s of %s: %s", rule->id, rule->set, rule->why);
}

static void sets_forbid_withhold_and_mask_by_clauses_they_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(SETS); i++) {
		char uses[64];
		size_t seen = 0;

		snprintf(uses, sizeof(uses), ", %s", SETS[i].set);

		BL_CLEANUP(policy_unref) struct policy *policy = shop(uses, LOOKS);

		assert_int_equal(policy->uses.count, 1);
		assert_string_equal(policy->uses.items[0], SETS[i].set);
		for (size_t k = 0; k < policy->rule_count; k++)
			if (policy->rules[k].set) {
				check_set_rule(&policy->rules[k], SETS[i].set, SETS[i].cites);
				seen++;
			}
		assert_int_equal(policy->rule_count, 5 + seen);
		assert_true(seen >= 4);
	}
	assert_int_equal(SHIPPED_SET_COUNT, BL_COUNT(SETS));
}

static void the_floor_alone_adds_no_rule(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = shop("", LOOKS);

	(void)state;
	assert_int_equal(policy->rule_count, 5);
	assert_int_equal(policy->uses.count, 0);
}

static void what_a_set_speaks_of_is_looked_for(void **state)
{
	static const struct {
		const char *uses;
		bl_classes more, not_more;
	} ROWS[] = {
		{"", 0,
		 CLASS_BIT(CLASS_VIN) | CLASS_BIT(CLASS_CUSTOMER) | CLASS_BIT(CLASS_PASSPORT)},
		{", builtin/pci", CLASS_BIT(CLASS_CARD_TRACK) | CLASS_BIT(CLASS_CARD_PIN),
		 CLASS_BIT(CLASS_VIN) | CLASS_BIT(CLASS_HEALTH_ID)},
		{", builtin/hipaa-safe-harbor",
		 CLASS_BIT(CLASS_VIN) | CLASS_BIT(CLASS_PLATE) | CLASS_BIT(CLASS_CUSTOMER) |
			 CLASS_BIT(CLASS_IP) | CLASS_BIT(CLASS_HEALTH_ID) | CLASS_BIT(CLASS_IMEI),
		 0},
		{", builtin/gdpr", CLASS_BIT(CLASS_PASSPORT) | CLASS_BIT(CLASS_HEALTH_ID),
		 CLASS_BIT(CLASS_VIN)},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(policy_unref) struct policy *policy = shop(ROWS[i].uses, LOOKS);
		bl_classes detects = policy_detects(policy);

		if ((detects & ROWS[i].more) != ROWS[i].more || (detects & ROWS[i].not_more))
			fail_msg("row %zu: %llx", i, (unsigned long long)detects);
	}
}

static void several_sets_go_together(void **state)
{
	BL_CLEANUP(policy_unref)
	struct policy *all = shop(", builtin/gdpr, builtin/pci, builtin/hipaa-safe-harbor", LOOKS);
	size_t count = 5;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(SETS); i++) {
		char uses[64];

		snprintf(uses, sizeof(uses), ", %s", SETS[i].set);

		BL_CLEANUP(policy_unref) struct policy *policy = shop(uses, LOOKS);

		count += policy->rule_count - 5;
	}
	assert_int_equal(all->rule_count, count);
	assert_int_equal(all->uses.count, 3);
}

/* A mask of a set shows no last four that the file does not show: beside it a token stays a token. */
static void a_set_is_no_reason_to_refuse_tokens(void **state)
{
	static const char TEXT[] =
		"bailee: 1\nname: x\nserial: 1\ntimezone: UTC\nuses: [builtin/pci, builtin/gdpr]\n"
		"people: {anna: {roles: [desk]}}\nroles: {desk: {}}\n"
		"defaults: {access: forbid, mask: token}\n"
		"rules: [{id: looks, permit: [list], who: [desk], why: They look at names.}]\n";
	struct policy *policy = NULL;
	struct rules_findings findings;

	(void)state;
	if (rules_parse(TEXT, strlen(TEXT), &policy, &findings, NULL) != BL_OK)
		fail_msg("%s", findings.items[0].text);
	policy_unref(policy);
}

/* ---- what they do ------------------------------------------------------------------------------- */

struct row {
	const char *uses, *test;
};

static const struct row DECISIONS[] = {
	/* without a set, and with one, the shop works */
	{"", "as: anna, do: read, " FILE_FACTS "expect: permit, rule: looks"},
	{", builtin/pci", "as: anna, do: read, " FILE_FACTS "expect: permit, rule: looks"},
	{", builtin/hipaa-safe-harbor",
	 "as: anna, do: read, " FILE_FACTS "has: [phone, date-of-birth], expect: permit, "
	 "rule: looks, shows: {phone: fill, date-of-birth: fill}"},
	{", builtin/gdpr", "as: anna, do: read, " FILE_FACTS
			   "consent: granted, purpose: repair, expect: permit, rule: looks"},
	/* card data */
	{"", "as: anna, do: read, " FILE_FACTS "has: [card-track], expect: permit, rule: looks"},
	{", builtin/pci", "as: anna, do: read, " FILE_FACTS
			  "has: [card-track], expect: withhold, rule: builtin/pci-3-3-1"},
	{", builtin/pci", "as: anna, do: read, " FILE_FACTS
			  "has: [card], expect: permit, rule: looks, shows: {card: keep-last-4}"},
	{", builtin/pci",
	 "as: carla, do: copy, " FILE_FACTS "has: [card], expect: forbid, rule: builtin/pci-3-4-2"},
	{", builtin/pci", "as: carla, do: copy, " FILE_FACTS
			  "has: [card], approvals: [dora], expect: permit, rule: export"},
	{", builtin/pci",
	 "as: carla, do: copy, " FILE_FACTS
	 "has: [card], approvals: [carla], expect: forbid, rule: builtin/pci-3-4-2"},
	/* identifiers */
	{"", "as: anna, do: unmask, class: email, " FILE_FACTS
	     "has: [email], expect: permit, rule: account"},
	{", builtin/hipaa-safe-harbor",
	 "as: anna, do: unmask, class: email, " FILE_FACTS
	 "has: [email], expect: forbid, rule: builtin/hipaa-164-514-b-2-i"},
	{", builtin/hipaa-safe-harbor",
	 "as: carla, do: unmask, class: email, " FILE_FACTS
	 "has: [email], approvals: [dora], expect: permit, rule: papers"},
	{", builtin/hipaa-safe-harbor",
	 "as: anna, do: read, device: laptop, file: /a.jpg, kind: image, expect: withhold, "
	 "rule: builtin/hipaa-164-514-b-2-i-q"},
	/* consent: granted, withdrawn, not recorded, not asked for */
	{"", "as: anna, do: read, " FILE_FACTS "consent: withdrawn, expect: permit, rule: looks"},
	{", builtin/gdpr",
	 "as: anna, do: read, " FILE_FACTS
	 "consent: withdrawn, purpose: repair, expect: forbid, rule: builtin/gdpr-6-7-consent"},
	{", builtin/gdpr", "as: anna, do: read, " FILE_FACTS
			   "purpose: repair, expect: forbid, rule: builtin/gdpr-6-7-consent"},
	{", builtin/gdpr", "as: anna, do: read, " FILE_FACTS
			   "purpose: customer-request, expect: permit, rule: looks"},
	{", builtin/gdpr", "as: anna, do: read, " FILE_FACTS
			   "purpose: legal-obligation, consent: withdrawn, expect: permit, "
			   "rule: looks"},
	{", builtin/gdpr", "as: anna, do: list, " FILE_FACTS
			   "consent: withdrawn, purpose: repair, expect: permit, rule: looks"},
	/* special categories and national numbers */
	{", builtin/gdpr", "as: anna, do: unmask, class: health-id, " FILE_FACTS
			   "consent: granted, expect: forbid, rule: builtin/gdpr-9-unmask"},
	{", builtin/gdpr", "as: anna, do: unmask, class: national-id, " FILE_FACTS
			   "consent: granted, expect: forbid, rule: builtin/gdpr-87-unmask"},
	{", builtin/gdpr", "as: anna, do: unmask, class: email, " FILE_FACTS
			   "consent: granted, expect: permit, rule: account"},
	{", builtin/gdpr",
	 "as: anna, do: read, " FILE_FACTS "consent: granted, has: [phone, health-id], expect: "
	 "permit, rule: looks, shows: {phone: keep-last-4, health-id: fill}"},
};

static void tell(void *context, const struct rules_test_result *result)
{
	if (!result->has_passed)
		print_error("row %zu: %s\n", *(const size_t *)context, result->text);
}

static void sets_close_what_they_are_about_and_nothing_else(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(DECISIONS); i++) {
		char test[512];
		size_t passed, failed;

		snprintf(test, sizeof(test), "  - {name: t, %s}\n", DECISIONS[i].test);

		BL_CLEANUP(policy_unref) struct policy *policy = shop(DECISIONS[i].uses, test);

		if (rules_test(policy, tell, &i, &passed, &failed) != BL_OK)
			wrong++;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_forbid_withhold_and_mask_by_clauses_they_name),
		cmocka_unit_test(the_floor_alone_adds_no_rule),
		cmocka_unit_test(what_a_set_speaks_of_is_looked_for),
		cmocka_unit_test(several_sets_go_together),
		cmocka_unit_test(a_set_is_no_reason_to_refuse_tokens),
		cmocka_unit_test(sets_close_what_they_are_about_and_nothing_else),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
