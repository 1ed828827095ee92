#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/rules/model.h"
#include "policy/yaml/yaml.h"

static const char GOOD[] =
	"bailee: 1\n"
	"name: Returns desk\n"
	"serial: 15\n"
	"timezone: Europe/Dublin\n"
	"uses: [builtin/baseline]\n"
	"people:\n"
	"  anna: {roles: [technician], training_expires: 2027-03-31}\n"
	"  'uid:61001': {roles: [technician, supervisor], training_expires: 2027-03-31}\n"
	"  'group:desk': {roles: [supervisor], training_expires: 2026-12-31, insurance_expires: "
	"2026-12-31,\n"
	"                 insurance_policy: HX-20881}\n"
	"roles:\n"
	"  technician: {requires: [training]}\n"
	"  supervisor: {requires: [training]}\n"
	"detect: {sets: [contact, payment], customer: true}\n"
	"defaults: {access: forbid, mask: shape, unscanned: withhold}\n"
	"rules:\n"
	"  - id: bench-looks\n"
	"    permit: [list, read]\n"
	"    who: [technician, supervisor]\n"
	"    what: {devices: [laptop, phone], ids: ['RMA-*'], status: [open, received],\n"
	"           paths: ['/Users/**', '**/DCIM/*.{jpg,png}'], kinds: [text, mail], max_size: "
	"20M}\n"
	"    when: {hours: [Mon-Fri 07:00-20:00, Sat 08:00-24:00], purpose: [grading, repair]}\n"
	"    unless: {purpose: [customer-request]}\n"
	"    needs: {reason: required}\n"
	"    why: Grading and repair need a look.\n"
	"  - id: no-copies\n"
	"    forbid: [copy]\n"
	"    who: everyone\n"
	"    why: Contents stay on Bailee.\n"
	"  - id: card-tail\n"
	"    mask: {card: keep-last-4, email: token}\n"
	"    who: [supervisor]\n"
	"    why: Receipts are matched by the last four digits.\n"
	"  - id: no-pictures\n"
	"    withhold: [image, video]\n"
	"    who: everyone\n"
	"    why: Photos and films are never shown.\n"
	"  - id: nothing-at-night\n"
	"    withhold: [any]\n"
	"    who: everyone\n"
	"    when: {hours: Sat-Mon 00:00-06:00}\n"
	"    why: Nobody works here at night.\n"
	"retention:\n"
	"  - {id: everything, destroy_after: {intake: 30d}, destroy_by: 90d, window: Mon-Sun "
	"21:00-23:00}\n"
	"  - {id: paid-repairs, what: {devices: [phone], ids: ['RMA-?'], status: [closed]}, "
	"keep_at_least: 36h}\n"
	"test_clock: 2026-07-01 10:00\n"
	"tests:\n"
	"  - {name: anna reads, as: anna, do: read, device: laptop, id: RMA-1, status: open, file: "
	"/Users/kim/a.txt,\n"
	"     kind: text, size: 5K, purpose: repair, reason: RMA 881, expect: permit, rule: "
	"bench-looks,\n"
	"     shows: {card: shape, email: original}}\n"
	"  - {name: a card is never unmasked, as: 'uid:61001', do: unmask, class: card, at: "
	"2026-07-01 22:00,\n"
	"     expect: forbid, rule: builtin/baseline}\n";

static struct policy *parse(const char *text)
{
	struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_parse(text, strlen(text), &policy, &findings, &why);

	/* Warnings are for tests of check*.c to say. */
	if (status != BL_OK) {
		rules_print_findings(stderr, "policy", &findings);
		fail_msg("%s: %s, %zu findings", bl_status_name(status), why.text, findings.count);
	}
	return policy;
}

static void good_policy_becomes_the_people_it_names(void **state)
{
	struct policy *policy = parse(GOOD);

	(void)state;
	assert_string_equal(policy_name(policy), "Returns desk");
	assert_int_equal(policy_serial(policy), 15);
	assert_string_equal(policy->zone_name, "Europe/Dublin");
	assert_int_equal(policy->default_style, STYLE_SHAPE);
	assert_int_equal(policy->role_count, 2);
	assert_string_equal(policy->roles[1].name, "supervisor");
	assert_true(policy->roles[0].needs_training && !policy->roles[0].needs_insurance);
	assert_int_equal(policy->person_count, 3);
	assert_int_equal(policy->people[0].key, PERSON_LOGIN);
	assert_int_equal(policy->people[0].roles, 1);
	assert_int_equal(policy->people[0].training_expires_day, 20908);
	assert_int_equal(policy->people[0].insurance_expires_day, DAY_NONE);
	assert_int_equal(policy->people[1].key, PERSON_UID);
	assert_int_equal(policy->people[1].uid, 61001);
	assert_int_equal(policy->people[1].roles, 3);
	assert_string_equal(policy->people[1].name, "uid:61001");
	assert_int_equal(policy->people[2].key, PERSON_GROUP);
	assert_string_equal(policy->people[2].value, "desk");
	policy_unref(policy);
}

static void good_policy_becomes_the_rules_it_writes(void **state)
{
	struct policy *policy = parse(GOOD);
	const struct rule *rule = &policy->rules[0];

	(void)state;
	assert_int_equal(policy->rule_count, 5);
	assert_string_equal(rule->id, "bench-looks");
	assert_int_equal(rule->at.line, 17);
	assert_int_equal(rule->effect, EFFECT_PERMIT);
	assert_int_equal(rule->actions, 1u << ACTION_LIST | 1u << ACTION_READ);
	assert_int_equal(rule->roles, 3);
	assert_false(rule->is_for_everyone);
	assert_int_equal(rule->device_kinds, 1u << DEVICE_LAPTOP | 1u << DEVICE_PHONE);
	assert_int_equal(rule->states, 1u << STATE_OPEN | 1u << STATE_RECEIVED);
	assert_int_equal(rule->ids.count, 1);
	assert_string_equal(rule->ids.items[0], "RMA-*");
	assert_int_equal(rule->paths.count, 2);
	assert_string_equal(rule->paths.items[1], "**/DCIM/*.{jpg,png}");
	assert_int_equal(rule->file_kinds, 1u << FILE_TEXT | 1u << FILE_MAIL);
	assert_int_equal(rule->max_size_bytes, 20 << 20);
	assert_int_equal(rule->when.hours_count, 2);
	assert_int_equal(rule->when.hours[0].days, 0x1f);
	assert_int_equal(rule->when.hours[0].from_minute, 420);
	assert_int_equal(rule->when.hours[1].days, 0x20);
	assert_int_equal(rule->when.hours[1].until_minute, 1440);
	assert_int_equal(rule->when.purposes.count, 2);
	assert_string_equal(rule->unless.purposes.items[0], "customer-request");
	assert_true(rule->needs_reason);
	assert_string_equal(rule->why, "Grading and repair need a look.");
	assert_true(policy->rules[1].is_for_everyone);
	assert_int_equal(policy->rules[1].max_size_bytes, -1);
	assert_int_equal(policy->rules[2].styles[CLASS_CARD], STYLE_KEEP_LAST_4);
	assert_int_equal(policy->rules[2].styles[CLASS_EMAIL], STYLE_TOKEN);
	assert_int_equal(policy->rules[2].styles[CLASS_PHONE], STYLE_NONE);
	assert_int_equal(policy->rules[3].withhold_kinds, 1u << FILE_IMAGE | 1u << FILE_VIDEO);
	assert_int_equal(policy->rules[4].withhold_kinds, (1u << FILE_KIND_COUNT) - 1);
	assert_int_equal(policy->rules[4].when.hours[0].days, 0x61); /* Sat, Sun, Mon */
	policy_unref(policy);
}

static void good_policy_becomes_the_dates_and_tests_it_states(void **state)
{
	struct policy *policy = parse(GOOD);
	const struct retention_entry *entry = policy->retention;
	const struct rules_test_case *test = policy->tests;
	char text[20];

	(void)state;
	assert_int_equal(policy->retention_count, 2);
	assert_int_equal(entry[0].after_intake_seconds, 30 * 86400);
	assert_int_equal(entry[0].destroy_by_seconds, 90 * 86400);
	assert_int_equal(entry[0].keep_at_least_seconds, -1);
	assert_int_equal(entry[0].window_count, 1);
	assert_int_equal(entry[1].keep_at_least_seconds, 36 * 3600);
	assert_int_equal(entry[1].after_intake_seconds, -1);
	assert_int_equal(entry[1].device_kinds, 1u << DEVICE_PHONE);
	assert_int_equal(entry[1].states, 1u << STATE_CLOSED);
	assert_int_equal(policy->test_clock_unix, 1782896400);
	rules_local_time(policy, policy->test_clock_unix, text);
	assert_string_equal(text, "2026-07-01 10:00");
	rules_local_time(policy, INT64_MAX, text);
	assert_int_equal(policy->test_count, 2);
	assert_string_equal(test[0].name, "anna reads");
	assert_int_equal(test[0].person, 0);
	assert_int_equal(test[0].action, ACTION_READ);
	assert_int_equal(test[0].class, -1);
	assert_string_equal(test[0].device.id, "RMA-1");
	assert_int_equal(test[0].device.kind, DEVICE_LAPTOP);
	assert_int_equal(test[0].state, STATE_OPEN);
	assert_string_equal(test[0].file, "/Users/kim/a.txt");
	assert_int_equal(test[0].kind, FILE_TEXT);
	assert_int_equal(test[0].size_bytes, 5120);
	assert_int_equal(test[0].at_unix, policy->test_clock_unix);
	assert_string_equal(test[0].purpose, "repair");
	assert_true(test[0].has_reason);
	assert_int_equal(test[0].expect, RULES_PERMIT);
	assert_string_equal(test[0].rule, "bench-looks");
	assert_int_equal(test[0].shows[CLASS_CARD], STYLE_SHAPE);
	assert_int_equal(test[0].shows[CLASS_EMAIL], STYLE_ORIGINAL);
	assert_int_equal(test[0].shows[CLASS_NAME], STYLE_NONE);
	assert_int_equal(test[1].person, 1);
	assert_int_equal(test[1].class, CLASS_CARD);
	assert_int_equal(test[1].at_unix, policy->test_clock_unix + 12 * 3600);
	assert_int_equal(test[1].device.kind, -1);
	assert_null(test[1].device.id);
	assert_null(test[1].file);
	assert_null(test[1].purpose);
	assert_int_equal(test[1].size_bytes, -1);
	assert_int_equal(test[1].state, -1);
	assert_false(test[1].has_reason);
	policy_unref(policy);
}

static void digest_is_that_of_the_bytes(void **state)
{
	struct policy *policy = parse(GOOD);
	uint8_t digest[32];

	(void)state;
	crypto_generichash(digest, 32, (const unsigned char *)GOOD, strlen(GOOD), NULL, 0);
	assert_memory_equal(policy_digest(policy), digest, 32);

	/* Counted: the second holder keeps it alive. */
	struct policy *second = policy_ref(policy);

	policy_unref(policy);
	assert_string_equal(policy_name(second), "Returns desk");
	policy_unref(second);
}

static const char SMALL[] =
	"bailee: 1\n"
	"name: small\n"
	"serial: 1\n"
	"timezone: UTC\n"
	"people: {anna: {roles: [desk]}}\n"
	"roles: {desk: {}}\n"
	"%s"
	"defaults: {access: forbid, mask: fill}\n"
	"rules: [{id: looks, permit: [list], who: [desk], why: They look at names.}]\n";

static void what_is_not_said_is_looked_for(void **state)
{
	const bl_classes all = CLASS_BIT(CLASS_COUNT) - 1, customer = CLASS_BIT(CLASS_CUSTOMER);
	const bl_classes floor = CLASS_BIT(CLASS_CARD) | CLASS_BIT(CLASS_CARD_TRACK) |
				 CLASS_BIT(CLASS_CARD_PIN) | CLASS_BIT(CLASS_CARD_SECURITY_CODE) |
				 CLASS_BIT(CLASS_PASSWORD) | CLASS_BIT(CLASS_SECRET) |
				 CLASS_BIT(CLASS_PRIVATE_KEY) | CLASS_BIT(CLASS_URL_CREDENTIALS);
	const struct {
		const char *detect;
		bl_classes classes;
	} rows[] = {
		{"", all},
		{"detect: {customer: true}\n", all},
		{"detect: {customer: false}\n", all & ~customer},
		{"detect: {sets: [vehicle], customer: false}\n",
		 floor | CLASS_BIT(CLASS_VIN) | CLASS_BIT(CLASS_PLATE)},
		{"detect: {sets: [location]}\n", floor | CLASS_BIT(CLASS_LOCATION) | customer},
		{"detect:\n  sets: [contact, payment, government-id, health, device, network, "
		 "vehicle,"
		 " secrets, location]\n  customer: true\n",
		 all},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char text[1024];

		snprintf(text, sizeof(text), SMALL, rows[i].detect);

		struct policy *policy = parse(text);

		if (policy_detects(policy) != rows[i].classes)
			fail_msg("row %zu: %llx", i, (unsigned long long)policy_detects(policy));
		policy_unref(policy);
	}
}

static void solo_policy_loads_as_it_is_written(void **state)
{
	static const uid_t UIDS[] = {0, 1000, 61001, 4294967294u};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(UIDS); i++) {
		assert_int_equal(rules_solo_text(UIDS[i], text, sizeof(text)), BL_OK);

		struct policy *policy = parse(text);

		assert_string_equal(policy_name(policy), "solo");
		assert_int_equal(policy->people[0].uid, UIDS[i]);
		assert_int_equal(policy_detects(policy), CLASS_BIT(CLASS_COUNT) - 1);
		assert_int_equal(policy->default_style, STYLE_FILL);
		assert_int_equal(policy->rules[0].actions, 1u << ACTION_LIST | 1u << ACTION_STAT |
								   1u << ACTION_READ |
								   1u << ACTION_COPY);
		assert_int_equal(policy->rules[1].actions & 1u << ACTION_UNMASK, 0);
		policy_unref(policy);
	}
	assert_int_equal(rules_solo_text(0, text, 100), BL_TOO_LARGE);
}

/* ---- files ------------------------------------------------------------------------------------- */

struct folder {
	char path[64];
	char file[96];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	strcpy(folder->path, "/tmp/bailee-load-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/policy.yaml", folder->path);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;

	unlink(folder->file);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static void write_file(const char *path, const char *text, size_t length, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void policy_is_loaded_from_a_file(void **state)
{
	struct folder *folder = *state;
	struct policy *policy = NULL;
	struct rules_findings findings;

	write_file(folder->file, GOOD, strlen(GOOD), 0644);
	assert_int_equal(rules_load(folder->file, &policy, &findings, NULL), BL_OK);
	assert_int_equal(policy_serial(policy), 15);
	policy_unref(policy);
}

static void files_that_others_can_write_are_refused(void **state)
{
	static const mode_t MODES[] = {0664, 0646, 0620, 0602, 0666};
	struct folder *folder = *state;

	for (size_t i = 0; i < BL_COUNT(MODES); i++) {
		struct policy *policy = NULL;
		struct rules_findings findings;

		write_file(folder->file, GOOD, strlen(GOOD), MODES[i]);
		if (rules_load(folder->file, &policy, &findings, NULL) != BL_INVALID ||
		    findings.count != 1 || !strstr(findings.items[0].text, "writable") ||
		    !strstr(findings.items[0].fix, "chmod"))
			fail_msg("mode %o", MODES[i]);
	}
}

static void what_is_no_file_or_too_large_is_refused(void **state)
{
	struct folder *folder = *state;
	struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	char *large = malloc(YAML_SIZE_LIMIT + 1);

	assert_non_null(large);
	memset(large, '#', YAML_SIZE_LIMIT + 1);
	assert_int_equal(rules_load(folder->file, &policy, &findings, &why), BL_NOT_FOUND);
	assert_non_null(strstr(why.text, "cannot open"));
	assert_int_equal(rules_load(folder->path, &policy, &findings, &why), BL_INVALID);
	assert_string_equal(findings.items[0].text, "not a regular file");
	assert_int_equal(mkfifo(folder->file, 0600), 0);
	assert_int_equal(rules_load(folder->file, &policy, &findings, &why), BL_INVALID);
	assert_string_equal(findings.items[0].text, "not a regular file");
	unlink(folder->file);
	write_file(folder->file, large, YAML_SIZE_LIMIT + 1, 0600);
	assert_int_equal(rules_load(folder->file, &policy, &findings, &why), BL_INVALID);
	assert_string_equal(findings.items[0].text, "the policy is larger than 4 MiB");
	free(large);
}

/* ---- hostile ------------------------------------------------------------------------------------ */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Bounds are those of the brief, 100 ms, times ten for sanitizers and slow machines. */
static void hostile_files_are_refused_in_no_time(void **state)
{
	static const struct {
		const char *head, *unit, *tail;
		size_t count;
	} ROWS[] = {
		{"", "[", "", 100000},
		{"", "- ", "", 100000},
		{"", "{a: ", "", 100000},
		{"", "a", "", 10u << 20},
		{"a: [", "b,", "]", 1500000},
		{"", "\n", "", 4000000},
		{"a: \"", "\\n", "\"", 2000000},
		{"", "a: 1\n", "", 500000},
		{"", "? ", "", 100000},
		{"rules:\n", "- {x: 1}\n", "", 60000},
		{"rules:\n", "- [[[]]]\n", "", 30000},
		{"bailee: 1\nroles: {", "a", "}", 1000000},
		{"", "\xff", "", 1000000},
		{"a: '", "''", "'", 1900000},
		{"", "#", "", 4000000},
		{"", "&a ", "", 100000},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		size_t unit = strlen(ROWS[i].unit), head = strlen(ROWS[i].head),
		       tail = strlen(ROWS[i].tail);
		size_t length = head + unit * ROWS[i].count + tail;
		char *text = malloc(length);
		struct policy *policy = NULL;
		struct rules_findings findings;

		assert_non_null(text);
		memcpy(text, ROWS[i].head, head);
		for (size_t k = 0; k < ROWS[i].count; k++)
			memcpy(text + head + k * unit, ROWS[i].unit, unit);
		memcpy(text + length - tail, ROWS[i].tail, tail);

		double begin = seconds();
		enum bl_status status = rules_parse(text, length, &policy, &findings, NULL);
		double took = seconds() - begin;

		free(text);
		if (status != BL_INVALID || !findings.count || took > 1.0)
			fail_msg("row %zu: %s, %zu findings, %.3f s", i, bl_status_name(status),
				 findings.count, took);
	}
}

/* Nothing in the worked examples is lost on the way: their rules and tests are counted in their text. */
static void worked_examples_of_the_whole_language_load(void **state)
{
	static const struct {
		const char *name;
		size_t rules, tests, custom, workplaces;
	} ROWS[] = {
		{"callcentre-pci", 14, 42, 0, 1},
		{"contractor-lab", 13, 38, 1, 2},
		{"refurbisher", 13, 37, 0, 2},
		{"returns-desk", 16, 54, 1, 2},
	};
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char path[128];
		static char text[64 << 10];

		snprintf(path, sizeof(path), "../shared/policies/%s.yaml", ROWS[i].name);

		FILE *file = fopen(path, "re");

		if (!file)
			continue;
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);

		struct policy *policy = parse(text);

		if (policy->rule_count != ROWS[i].rules || policy->test_count != ROWS[i].tests ||
		    policy->custom_count != ROWS[i].custom ||
		    policy->workplace_count != ROWS[i].workplaces)
			fail_msg("%s: %zu rules, %zu tests, %zu classes, %zu workplaces",
				 ROWS[i].name, policy->rule_count, policy->test_count,
				 policy->custom_count, policy->workplace_count);
		policy_unref(policy);
		seen++;
	}
	if (!seen)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_policy_becomes_the_people_it_names),
		cmocka_unit_test(good_policy_becomes_the_rules_it_writes),
		cmocka_unit_test(good_policy_becomes_the_dates_and_tests_it_states),
		cmocka_unit_test(digest_is_that_of_the_bytes),
		cmocka_unit_test(what_is_not_said_is_looked_for),
		cmocka_unit_test(solo_policy_loads_as_it_is_written),
		cmocka_unit_test_setup_teardown(policy_is_loaded_from_a_file, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(files_that_others_can_write_are_refused,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_is_no_file_or_too_large_is_refused,
						make_folder, remove_folder),
		cmocka_unit_test(hostile_files_are_refused_in_no_time),
		cmocka_unit_test(worked_examples_of_the_whole_language_load),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
