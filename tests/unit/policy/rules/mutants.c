/* What `make mutate` changed without a test that noticed: each of these fails on one such change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/glob.h"
#include "policy/rules/rules.h"

#define NOW 1782896400 /* 2026-07-01 10:00 in Dublin, a Wednesday; 09:00 UTC */

/* A policy of anna, the boss, in UTC, with these rules; warnings are nobody's here. */
static struct policy *parse(const char *rules, struct rules_findings *out_findings)
{
	char text[4096];
	struct policy *policy = NULL;
	struct rules_findings unused;
	struct bl_error why = {{0}};

	snprintf(
		text, sizeof(text),
		"bailee: 1\nname: Shop\nserial: 1\ntimezone: UTC\n"
		"people: {anna: {roles: [boss]}, bert: {roles: [boss]}}\nroles: {boss: {}}\n"
		"defaults: {access: forbid, mask: fill}\nrules:\n"
		"  - {id: runs, permit: [list, read, hold, administer, approve], who: [boss], why: "
		"The boss runs the shop.}\n%s",
		rules);
	if (rules_parse(text, strlen(text), &policy, out_findings ? out_findings : &unused, &why) !=
	    BL_OK)
		fail_msg("%s\n%s", why.text, text);
	return policy;
}

static struct rules_subject *anna(const struct policy *policy, int64_t now_unix,
				  bool is_clock_trusted)
{
	struct rules_circumstances who = {.caller = {61001, "anna", NULL, 0},
					  .now_unix = now_unix,
					  .is_clock_trusted = is_clock_trusted};
	struct rules_subject *subject = NULL;

	assert_int_equal(rules_subject_new(policy, &who, &subject, NULL), BL_OK);
	return subject;
}

static struct rules_places *places_of(const struct policy *policy)
{
	struct rules_device device = {"RD-1", DEVICE_PHONE};
	struct rules_places *places = NULL;

	assert_int_equal(rules_places_new(policy, &device, &places, NULL), BL_OK);
	return places;
}

static struct rules_facts facts_at(struct rules_places *places, const char *path)
{
	struct rules_facts facts = {.places = places,
				    .kind = FILE_TEXT,
				    .size_bytes = 100,
				    .state = STATE_OPEN,
				    .is_log_writable = true,
				    .is_whole_known = true};

	assert_int_equal(rules_places_walk(places, path, &facts.place), BL_OK);
	return facts;
}

static void a_forbid_that_is_true_by_another_path_is_not_unknown(void **state)
{
	BL_CLEANUP(policy_unref)
	struct policy *policy =
		parse("  - {id: no-photos, forbid: [read], who: everyone, what: {paths: "
		      "['/DCIM/**']}, why: Photos are never shown.}\n",
		      NULL);
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = anna(policy, NOW, true);
	BL_CLEANUP(rules_places_free) struct rules_places *places = places_of(policy);
	struct rules_facts facts = facts_at(places, "/link");
	rules_place others[2];
	struct rules_decision decision;

	(void)state;
	assert_int_equal(rules_places_walk(places, "/b", &others[0]), BL_OK);
	assert_int_equal(rules_places_walk(places, "/DCIM/a.jpg", &others[1]), BL_OK);
	facts.other_places = others;
	facts.other_count = 2;
	rules_decide(subject, &facts, ACTION_READ, 0, &decision);
	assert_int_equal(decision.outcome, RULES_FORBID);
	assert_string_equal(decision.rule, "no-photos");
	assert_false(decision.is_unknown);
	others[1] = RULES_PLACE_UNKNOWN;
	rules_decide(subject, &facts, ACTION_READ, 0, &decision);
	assert_int_equal(decision.outcome, RULES_FORBID);
	assert_true(decision.is_unknown);
}

static bool is_told(const struct rules_findings *findings, const char *text)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].text, text) == 0)
			return true;
	return false;
}

static void a_forbid_of_the_same_size_covers_a_permit(void **state)
{
	static const char TOLD[] =
		"rule 'small-copies' never counts: 'no-copies' forbids all of it";
	static const struct {
		const char *size;
		bool is_covered;
	} ROWS[] = {{"5M", true}, {"4M", false}, {"6M", true}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct rules_findings findings;
		char rules[512];

		snprintf(rules, sizeof(rules),
			 "  - {id: small-copies, permit: [copy], who: [boss], what: {max_size: "
			 "5M}, why: Small files may leave.}\n"
			 "  - {id: no-copies, forbid: [copy], who: everyone, what: {max_size: %s}, "
			 "why: But these may not.}\n",
			 ROWS[i].size);
		policy_unref(parse(rules, &findings));
		if (is_told(&findings, TOLD) != ROWS[i].is_covered)
			fail_msg("row %zu, %s", i, ROWS[i].size);
	}
}

static void every_purpose_of_a_rule_is_known(void **state)
{
	BL_CLEANUP(policy_unref)
	struct policy *policy =
		parse("  - {id: looks, permit: [read], who: [boss], when: {purpose: [repair, "
		      "grading, resale]}, why: The work needs it.}\n"
		      "  - {id: closed, forbid: [copy], who: everyone, unless: {purpose: "
		      "[audit, export]}, why: Nothing leaves.}\n",
		      NULL);
	static const char *const KNOWN[] = {"repair", "grading", "resale", "audit", "export"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(KNOWN); i++)
		if (!policy_names_purpose(policy, KNOWN[i]))
			fail_msg("'%s' is not known", KNOWN[i]);
	assert_false(policy_names_purpose(policy, "curiosity"));
	assert_false(policy_names_purpose(policy, "repai"));
}

/* 4,096 states: the table that finds them again has grown many times. */
static void a_path_has_one_place_however_many_there_are(void **state)
{
	char rules[4096], *at = rules;

	(void)state;
	at += sprintf(at, "  - {id: closed, forbid: [copy], who: everyone, what: {paths: [");
	for (unsigned i = 0; i < 12; i++)
		at += sprintf(at, "%s'/**/%c*/**'", i ? ", " : "", 'a' + (int)i);
	sprintf(at, "]}, why: Nothing leaves.}\n");

	BL_CLEANUP(policy_unref) struct policy *policy = parse(rules, NULL);
	BL_CLEANUP(rules_places_free) struct rules_places *places = places_of(policy);
	static rules_place first[4096];

	for (unsigned round = 0; round < 2; round++)
		for (unsigned set = 0; set < 4096; set++) {
			char path[64] = "/", *end = path + 1;
			rules_place place;

			for (unsigned i = 0; i < 12; i++)
				if (set >> i & 1)
					end += sprintf(end, "%c/", 'a' + (int)i);
			strcpy(end, "z");
			assert_int_equal(rules_places_walk(places, path, &place), BL_OK);
			if (round == 0)
				first[set] = place;
			else if (first[set] != place)
				fail_msg("%s is at %u and at %u", path, first[set], place);
		}
}

static void hours_end_at_their_minute(void **state)
{
	static const struct {
		const char *hours;
		int64_t until; /* seconds from 10:00 in Dublin */
	} ROWS[] = {
		{"Wed 00:00-23:59", (14 * 60 + 59) * 60},
		{"Wed 00:00-24:00", 15 * 3600},
		{"Wed 00:00-09:01", 60},
		{"Wed 09:01-24:00", 60},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char rules[256];

		snprintf(rules, sizeof(rules),
			 "  - {id: copies, permit: [copy], who: [boss], when: {hours: '%s'}, why: "
			 "By day files may leave.}\n",
			 ROWS[i].hours);

		BL_CLEANUP(policy_unref) struct policy *policy = parse(rules, NULL);
		BL_CLEANUP(rules_subject_free)
		struct rules_subject *subject = anna(policy, NOW, true);

		if (rules_subject_valid_until(subject) != NOW + ROWS[i].until)
			fail_msg("%s: %lld", ROWS[i].hours,
				 (long long)(rules_subject_valid_until(subject) - NOW));
	}
}

static void without_a_clock_no_end_is_told(void **state)
{
	BL_CLEANUP(policy_unref)
	struct policy *policy =
		parse("  - {id: closed-later, forbid: [read], who: everyone, when: {hours: "
		      "'Wed 12:00-13:00'}, why: At noon nothing is read.}\n",
		      NULL);
	BL_CLEANUP(rules_subject_free) struct rules_subject *with = anna(policy, NOW, true);
	BL_CLEANUP(rules_subject_free) struct rules_subject *without = anna(policy, NOW, false);
	BL_CLEANUP(rules_places_free) struct rules_places *places = places_of(policy);
	struct rules_facts facts = facts_at(places, "/a");

	(void)state;
	assert_int_equal(rules_permit_until(with, &facts, ACTION_READ, 0), NOW + 3 * 3600);
	assert_true(rules_permit_until(without, &facts, ACTION_LIST, 0) == INT64_MAX);
	assert_true(rules_permit_until(without, &facts, ACTION_READ, 0) == INT64_MAX);
}

static void a_range_takes_what_lies_in_it_and_nothing_else(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool is_match;
	} ROWS[] = {
		{"[a-c]", "a", true},	{"[a-c]", "b", true},	 {"[a-c]", "c", true},
		{"[a-c]", "-", false},	{"[a-c]", "d", false},	 {"[a-cx]", "x", true},
		{"[a-cx]", "-", false}, {"[a-cx-z]", "y", true}, {"[a-cx-z]", "-", false},
		{"[a-c-]", "-", true},	{"[-a]", "-", true},	 {"[!a-c]", "-", true},
		{"[!a-c]", "b", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(glob_free) struct glob *glob = NULL;
		uint32_t symbols[GLOB_ROOM(8)];
		size_t count;

		assert_int_equal(glob_new(ROWS[i].pattern, strlen(ROWS[i].pattern), &glob, NULL),
				 BL_OK);
		assert_int_equal(glob_fold(ROWS[i].name, strlen(ROWS[i].name), symbols, &count),
				 BL_OK);
		if (glob_match(glob, symbols, count) != ROWS[i].is_match)
			fail_msg("row %zu: %s, %s", i, ROWS[i].pattern, ROWS[i].name);
	}
}

static void a_bound_of_a_second_is_a_thousand_milliseconds(void **state)
{
	static const struct {
		const char *bound;
		uint32_t ms;
	} ROWS[] = {{"1s", 1000}, {"1000ms", 1000}, {"20ms", 20}, {"1ms", 1}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char more[64];

		snprintf(more, sizeof(more), "audit: {durability: bounded, bounded: %s}\n",
			 ROWS[i].bound);

		BL_CLEANUP(policy_unref) struct policy *policy = parse(more, NULL);

		assert_true(policy_audit(policy)->is_bounded);
		assert_int_equal(policy_audit(policy)->bounded_ms, ROWS[i].ms);
	}
}

static void count_difference(void *context, const struct rules_difference *difference)
{
	*(size_t *)context += difference->is_wider;
}

/* A single minute, at the beginning of a day and at its end. */
static void the_first_and_the_last_minute_of_a_day_are_compared(void **state)
{
	static const char *const HOURS[] = {"Mon 00:00-00:01", "Sun 23:59-24:00",
					    "Fri 00:00-00:01"};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(HOURS); i++) {
		char rules[256];
		size_t told = 0, wider = 0, narrower = 0;

		snprintf(rules, sizeof(rules),
			 "  - {id: copies, permit: [copy], who: [boss], when: {hours: '%s'}, why: "
			 "Then files may leave.}\n",
			 HOURS[i]);

		BL_CLEANUP(policy_unref) struct policy *older = parse("", NULL);
		BL_CLEANUP(policy_unref) struct policy *newer = parse(rules, NULL);

		assert_int_equal(
			rules_diff(older, newer, count_difference, &told, &wider, &narrower),
			BL_OK);
		if (!wider || wider != told || narrower)
			fail_msg("%s: %zu wider, %zu narrower", HOURS[i], wider, narrower);
	}
}

static void the_notice_says_conditions_with_commas_between(void **state)
{
	BL_CLEANUP(policy_unref)
	struct policy *policy =
		parse("  - {id: copies, permit: [copy], who: [boss], when: {purpose: [repair], "
		      "consent: granted}, why: Customers want their files.}\n"
		      "  - {id: hidden, forbid: [unmask], who: everyone, what: {contains: [card]}, "
		      "why: Cards stay hidden.}\n"
		      "consent_withdrawn: {destroy_within: 24h}\n",
		      NULL);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	assert_int_equal(rules_publish(out, policy), BL_OK);
	fclose(out);
	if (!strstr(text, "repair, as long as your consent is on record"))
		fail_msg("no comma: %s", text);
	if (!strstr(text, "what the filter hides of payment card numbers. "))
		fail_msg("no class: %s", text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forbid_that_is_true_by_another_path_is_not_unknown),
		cmocka_unit_test(a_forbid_of_the_same_size_covers_a_permit),
		cmocka_unit_test(every_purpose_of_a_rule_is_known),
		cmocka_unit_test(a_path_has_one_place_however_many_there_are),
		cmocka_unit_test(hours_end_at_their_minute),
		cmocka_unit_test(without_a_clock_no_end_is_told),
		cmocka_unit_test(a_range_takes_what_lies_in_it_and_nothing_else),
		cmocka_unit_test(a_bound_of_a_second_is_a_thousand_milliseconds),
		cmocka_unit_test(the_first_and_the_last_minute_of_a_day_are_compared),
		cmocka_unit_test(the_notice_says_conditions_with_commas_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
