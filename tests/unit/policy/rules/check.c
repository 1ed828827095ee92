/* A good policy, and what is said when one thing in it is broken. */
#include "tests/unit/policy/rules/rows.h"

static const char BASE[] =
	"bailee: 1\n"
	"name: Desk\n"
	"serial: 3\n"
	"timezone: Europe/Dublin\n"
	"uses: [builtin/baseline]\n"
	"people:\n"
	"  anna: {roles: [technician], training_expires: 2027-03-31}\n"
	"  carla: {roles: [supervisor]}\n"
	"roles:\n"
	"  technician: {requires: [training]}\n"
	"  supervisor: {}\n"
	"detect: {sets: [contact, payment, secrets], customer: true}\n"
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
	"rules:\n"
	"  - id: looks\n"
	"    permit: [list, read]\n"
	"    who: [technician, supervisor]\n"
	"    what: {devices: [laptop], paths: ['/Users/**']}\n"
	"    when: {hours: Mon-Sat 07:00-20:00, purpose: [repair]}\n"
	"    needs: {reason: required}\n"
	"    why: Repairs need a look at it.\n"
	"  - id: card-tail\n"
	"    mask: {card: keep-last-4}\n"
	"    who: [supervisor]\n"
	"    why: Receipts are matched by it.\n"
	"  - id: decide\n"
	"    permit: [hold, shred]\n"
	"    who: [supervisor]\n"
	"    why: Supervisors decide on that.\n"
	"  - {id: run, permit: [administer], who: [supervisor], why: Somebody has to run it.}\n"
	"retention:\n"
	"  - {id: everything, destroy_after: {intake: 30d}, destroy_by: 90d}\n"
	"test_clock: 2026-07-01 10:00\n"
	"tests:\n"
	"  - {name: reads, as: anna, do: read, device: laptop, expect: forbid, rule: default}\n";

static const struct row ERRORS[] = {
	/* not YAML as we take it */
	{"['/Users/**']", "[~**/Users]",
	 "an unquoted '*' is a reference (alias) to YAML, and references are refused",
	 "put the pattern in quotes: '**/Users'"},
	{"name: Desk", "name: ~*desk",
	 "an unquoted '*' is a reference (alias) to YAML, and references are refused", "in quotes"},
	{"name: Desk", "name: ~&d Desk", "anchors are refused", "write the value out"},
	{"name: Desk", "name: ~!!str Desk", "tags ('!...') are refused", "remove the tag"},
	{"  supervisor: {}", "  ~<<: {}", "merge keys are refused", "write the keys out"},
	{"serial: 3", "~name: Desk again", "key 'name' stands here a second time", "keep one"},
	{"test_clock:", "~---\ntest_clock:", "a second document", "one document"},
	{"name: Desk", "name: De~\xe2\x80\xaesk",
	 "bidi mark: the line would read otherwise than it is obeyed", "remove"},
	{"name: Desk", "name: De~\x1bsk", "control character", "remove"},
	{"name: Desk", "name: De~\xffsk", "not UTF-8", "UTF-8"},
	{"name: Desk", "name: ~\"De\\u202esk\"",
	 "bidi mark: the line would read otherwise than it is obeyed", "remove"},
	{"name: Desk", "~\tname: Desk", "a tab cannot indent in YAML", "spaces"},
	{"    needs:", "   ~needs:", "this line is no entry of the list above it", "indent"},
	/* sections */
	{"bailee: 1", "bailee: ~2", "language version '2' is not understood", "bailee: 1"},
	{"serial: 3", "~serail: 3", "unknown key 'serail' in the policy", "did you mean 'serial'?"},
	{"serial: 3", "serial: ~0", "'serial' must be at least 1", "begin with 1"},
	{"serial: 3", "serial: ~-3", "'serial' must be a number", "whole number"},
	{"serial: 3", "serial: ~03", "'serial' must be a number", "whole number"},
	{"bailee: 1\nname: Desk\n", "~bailee: 1\n", "the policy has no 'name'", "add 'name:"},
	{"name: Desk", "~name:", "'name' has no value", "behind ':'"},
	{"name: Desk", "name: ~[Desk]", "'name' must be one value, not a list", "one value"},
	{"Europe/Dublin", "~Europe/Dubln", "there is no time zone 'Europe/Dubln' here", "IANA"},
	{"Europe/Dublin", "~../../../etc/passwd",
	 "there is no time zone '../../../etc/passwd' here", "IANA"},
	{"access: forbid", "access: ~permit", "'access' must be 'forbid'", "write forbid"},
	{"unscanned: withhold", "unscanned: ~show", "'unscanned' must be 'withhold'",
	 "write withhold"},
	{"mask: fill", "mask: ~none", "unknown mask style 'none'", "one of: fill, shape"},
	{"mask: fill", "mask: ~shap", "unknown mask style 'shap'", "did you mean 'shape'?"},
	{"[contact,", "[~contacts,", "unknown set 'contacts'", "did you mean 'contact'?"},
	{"customer: true", "customer: ~yes", "'customer' must be true or false", "true or false"},
	/* people and roles */
	{"roles:\n  technician: {requires: [training]}\n  supervisor: {}\n", "",
	 "the policy has no 'roles'", "add 'roles:"},
	{"  carla:", "  ~Carla:", "'Carla' is not a person", "uid:61001"},
	{"  carla:", "  ~'uid:4294967295':", "'uid:4294967295' is not a person", "uid:61001"},
	{"  carla:", "  ~'uid:007':", "'uid:007' is not a person", "uid:61001"},
	{"  carla:", "  ~'mail:carla':", "'mail:carla' is not a person", "uid:61001"},
	{"{roles: [supervisor]}", "{roles: [~supervisr]}", "there is no role 'supervisr'",
	 "did you mean 'supervisor'?"},
	{"{roles: [supervisor]}", "{~roles: supervisor}", "'roles' must be a list", "[supervisor]"},
	{"{roles: [supervisor]}", "{roles: [supervisor, ~supervisor]}",
	 "'supervisor' stands twice in 'roles'", "remove one"},
	{"2027-03-31", "~2027-02-29", "there is no day 2027-02-29", "calendar"},
	{"2027-03-31", "~31.3.2027", "'31.3.2027' is not a date", "2027-03-31"},
	{"training_expires", "~training_expire", "unknown key 'training_expire' in a person",
	 "did you mean 'training_expires'?"},
	{"requires: [training]", "requires: [~trainig]", "unknown requirement 'trainig'",
	 "training, insurance"},
	{"  supervisor: {}", "  ~supervisor:", "role 'supervisor' must be a map", "{}"},
	/* rules */
	{"id: decide", "id: ~Decide", "'Decide' is not a name", "small letters"},
	{"id: decide", "id: ~looks", "id 'looks' is there already, in line 15", "another id"},
	{"id: decide", "id: ~default", "'default' is what answers say when no rule decided",
	 "another id"},
	{"    permit: [hold, shred]", "    permit: [hold, shred]\n    ~forbid: [copy]",
	 "a second effect, 'forbid' beside 'permit'", "two rules"},
	{"  - id: decide\n    permit: [hold, shred]", "  - ~id: decide", "a rule without an effect",
	 "permit, forbid, mask, withhold"},
	{"    permit: [hold, shred]", "    ~permits: [hold, shred]",
	 "unknown key 'permits' in a rule", "did you mean 'permit'?"},
	{"    permit: [hold, shred]", "    permit: [hold, ~shread]", "unknown action 'shread'",
	 "did you mean 'shred'?"},
	{"    permit: [hold, shred]", "    ~permit: hold", "'permit' must be a list", "[hold]"},
	{"    permit: [hold, shred]", "    ~permit: []", "'permit' is an empty list",
	 "give it an entry"},
	{"    permit: [hold, shred]", "    permit: [hold, shred]\n    ~on: x",
	 "unknown key 'on' in a rule: a boolean to YAML 1.1", ""},
	{"who: [technician, supervisor]", "who: [~everyone]", "there is no role 'everyone'",
	 "without brackets"},
	{"who: [technician, supervisor]", "~who: technician", "'who' must be a list",
	 "[technician]"},
	{"    why: Supervisors decide on that.", "    why: ~Because",
	 "'why' is shorter than 10 letters", "sentence"},
	{"    why: Supervisors decide on that.", "    why: ~\"Two\\nlines of it\"",
	 "'why' must be one line of text", "one line"},
	{"[laptop]", "[~lapdog]", "unknown kind of device 'lapdog'", "did you mean 'laptop'?"},
	{"'/Users/**'", "~Users/**", "'Users/**' is not rooted at the partition",
	 "begin it with '/'"},
	{"'/Users/**'", "~'/Users/{a,b'", "'/Users/{a,b' has a '{' that is not closed", "close it"},
	{"'/Users/**'", "~'/Users/[a'", "'/Users/[a' has a '[' that is not closed", "close it"},
	{"'/Users/**'", "~'/Users/['", "'/Users/[' has a '[' that is not closed", "close it"},
	{"'/Users/**'", "~'/Users/../x'", "'/Users/../x' has a '.' or '..' folder", "folder"},
	{"'/Users/**'", "~'/Users//x'", "'/Users//x' has an empty folder name or a '\\'", "once"},
	{"devices: [laptop]", "max_size: ~20 MB", "'20 MB' is not a size", "20M"},
	{"devices: [laptop]", "max_size: ~999999999999G", "'999999999999G' is not a size", "20M"},
	{"devices: [laptop]", "ids: [~'RMA 1']", "'RMA 1' matches no device id", "letters"},
	{"devices: [laptop]", "status: [~recieved]", "unknown status 'recieved'",
	 "did you mean 'received'?"},
	{"devices: [laptop]", "kinds: [~txt]", "unknown kind of file 'txt'",
	 "did you mean 'text'?"},
	{"needs: {reason: required}", "needs: {reason: ~wanted}", "'reason' can only be 'required'",
	 "reason: required"},
	{"    mask: {card: keep-last-4}",
	 "    mask: {card: keep-last-4}\n    ~needs: {reason: required}",
	 "'needs' belongs to permits", "remove it"},
	{"purpose: [repair]", "purpose: [~Repair]", "'Repair' is not a name", "small letters"},
	{"Mon-Sat 07:00-20:00", "~Mon-Sat 20:00-07:00", "'Mon-Sat 20:00-07:00' goes past midnight",
	 "write two"},
	{"Mon-Sat 07:00-20:00", "~Mon-Sat 07:00-07:00", "'Mon-Sat 07:00-07:00' is empty", "later"},
	{"Mon-Sat 07:00-20:00", "~Mon-Sat 07:00-24:30", "'Mon-Sat 07:00-24:30' are not hours",
	 "Mon-Sat 07:00-20:00"},
	{"Mon-Sat 07:00-20:00", "~07:00-20:00", "'07:00-20:00' are not hours",
	 "Mon-Sat 07:00-20:00"},
	{"[hold, shred]", "[hold, shred]\n    what: {~paths: ['/a']}",
	 "'paths' is about files, and 'hold' is about a device's life", "rule of its own"},
	/* the floor */
	{"{card: keep-last-4}", "{password: ~shape}",
	 "'password' is always filled: 'shape' is weaker than the floor, builtin/baseline",
	 "write fill"},
	{"{card: keep-last-4}", "{card-pin: ~keep-last-4}",
	 "'card-pin' is always filled: 'keep-last-4' is weaker than the floor, builtin/baseline",
	 "write fill"},
	{"{card: keep-last-4}", "{card: ~original}", "unknown mask style 'original'",
	 "one of: fill"},
	{"{card: keep-last-4}", "{~credit-card: fill}", "unknown class 'credit-card'",
	 "one of: name, email"},
	{"    who: [supervisor]\n    why: Receipts are matched by it.",
	 "    who: [supervisor]\n    why: Receipts are matched by it.\n"
	 "  - {id: t, mask: {card: ~token}, who: everyone, why: One card is told by it.}",
	 "'token' beside a last-4 style of 'card': together they tell who is who",
	 "one of the two"},
	/* retention */
	{"intake: 30d", "intake: ~30 days", "'30 days' is not a span of time", "30d"},
	{"intake: 30d", "intake: ~0d", "'0d' is not a span of time", "30d"},
	{"intake: 30d", "intake: ~101y", "'101y' is not a span of time", "100y"},
	{"{intake: 30d}", "{~intke: 30d}", "unknown key 'intke' in 'destroy_after'",
	 "did you mean 'intake'?"},
	{"destroy_by: 90d", "destroy_by: 90d, keep_at_least: ~91d",
	 "'keep_at_least' is longer than 'destroy_by'", "shorter"},
	{"destroy_by: 90d", "destroy_by: 90d, what: {~kinds: [text]}",
	 "unknown key 'kinds' in 'what' of a retention entry", "devices"},
	{", destroy_after: {intake: 30d}, destroy_by: 90d}", "}",
	 "a retention entry without a date", "destroy_after"},
	{"destroy_by: 90d}\n", "destroy_by: 90d}\n  - {id: ~everything, destroy_by: 3d}\n",
	 "id 'everything' is there already, in line 32", "another id"},
	/* tests */
	{"2026-07-01 10:00", "~10:00", "'10:00' is not a moment", "YAML 1.1"},
	{"2026-07-01 10:00", "~2026-02-30 10:00", "there is no moment 2026-02-30 10:00",
	 "calendar"},
	{"2026-07-01 10:00", "~2026-03-29 01:30", "there is no 2026-03-29 01:30 in this time zone",
	 "forward"},
	{"test_clock: 2026-07-01 10:00\ntests:", "~tests:", "'tests' need a 'test_clock'",
	 "test_clock:"},
	{"as: anna", "as: ~hanna", "there is no person 'hanna'", "did you mean 'anna'?"},
	{"rule: default", "rule: ~look", "there is no rule 'look'", "did you mean 'looks'?"},
	{"expect: forbid", "expect: ~deny", "unknown outcome 'deny'", "one of: permit"},
	{"do: read", "do: ~unmask", "a test of unmask has no 'class'", "class:"},
	{"do: read", "do: read, ~class: card", "'class' belongs to tests of unmask", "remove it"},
	{"device: laptop", "id: ~RMA/1", "'RMA/1' is not a device id", "letters"},
	{"device: laptop", "file: ~Users/a", "'Users/a' is not a path", "begin it with '/'"},
	{"device: laptop", "shows: {card: ~orignal}", "unknown mask style 'orignal'",
	 "did you mean 'original'?"},
};

static const struct row WARNINGS[] = {
	{"  supervisor: {}", "  supervisor: {}\n  ~auditor: {}", "nobody holds the role 'auditor'",
	 "give it"},
	{"2027-03-31", "2026-06-30",
	 "'anna' has lapsed as 'technician': training has run out at the test clock", "renew"},
	{", training_expires: 2027-03-31", "",
	 "'anna' has lapsed as 'technician': training is not stated", "renew"},
	{"{card: keep-last-4}", "{~national-id: fill}",
	 "no set of 'detect' looks for 'national-id'", "add the set"},
	{"purpose: [repair]}", "purpose: [repair]}\n    unless: {purpose: [repair, grading]}",
	 "rule 'looks' never matches: 'unless' takes all of 'when'", "change"},
	{"  - id: decide\n    permit: [hold, shred]",
	 "  - {id: never, forbid: [shred, copy], who: everyone, why: Nobody decides on that.}\n"
	 "  - id: ~decide\n    permit: [hold, shred]",
	 "rule 'decide' never permits shred: 'never' forbids it", "change one"},
};

static void good_policy_has_no_findings(void **state)
{
	(void)state;
	rows_assert_good(BASE, 0);
}

static void every_broken_policy_is_refused_at_its_place(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ERRORS); i++)
		wrong += !rows_try(BASE, i, &ERRORS[i], RULES_ERROR);
	assert_int_equal(wrong, 0);
}

static void every_odd_policy_is_warned_about(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(WARNINGS); i++)
		wrong += !rows_try(BASE, i, &WARNINGS[i], RULES_WARNING);
	assert_int_equal(wrong, 0);
}

static void token_as_default_is_refused_beside_a_last_4_mask(void **state)
{
	static const struct row ROWS[] = {
		{"mask: fill", "mask: token",
		 "'token' beside a last-4 style of 'card': together they tell who is who", ""},
	};

	(void)state;
	assert_true(rows_try(BASE, 0, &ROWS[0], RULES_ERROR));
}

static const char WRONG[] = "bailee: 1\n"
			    "name: x\n"
			    "seriel: 1\n"
			    "timezone: Mars/Olympus\n"
			    "people: {ann: {roles: [desk, disk]}}\n"
			    "roles: {desk: {}}\n"
			    "defaults: {access: permit, mask: fil}\n"
			    "rules:\n"
			    "  y: 1\n";

static void patterns_beyond_the_automaton_are_refused_where_they_stand(void **state)
{
	static const struct row ROW = {
		"'/Users/**'", "~'/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}'", NULL, NULL};
	unsigned line = 0, column = 0;
	BL_CLEANUP(bl_free) char *text = rows_break(BASE, &ROW, &line, &column);
	struct policy *policy = NULL;
	struct rules_findings findings;

	(void)state;
	assert_int_equal(rules_parse(text, strlen(text), &policy, &findings, NULL), BL_INVALID);
	assert_int_equal(findings.items[0].line, line);
	assert_int_equal(findings.items[0].column, column);
}

static void one_run_tells_of_several_errors_by_place(void **state)
{
	static const char *const TEXTS[] = {
		"unknown key 'seriel' in the policy",
		"there is no time zone 'Mars/Olympus' here",
		"there is no role 'disk'",
		"'access' must be 'forbid'",
		"unknown mask style 'fil'",
		"'rules' must be a list",
	};
	struct policy *policy = NULL;
	struct rules_findings findings;

	(void)state;
	assert_int_equal(rules_parse(WRONG, strlen(WRONG), &policy, &findings, NULL), BL_INVALID);
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		if (i >= findings.count || strcmp(findings.items[i].text, TEXTS[i]) != 0)
			fail_msg("finding %zu of %zu is '%s'", i, findings.count,
				 findings.items[i].text);
	assert_int_equal(findings.count, BL_COUNT(TEXTS));
}

static void at_most_twenty_findings_are_told_and_the_rest_counted(void **state)
{
	char text[4096] = "bailee: 1\n";
	struct policy *policy = NULL;
	struct rules_findings findings;

	(void)state;
	for (int i = 0; i < 40; i++)
		sprintf(text + strlen(text), "nonsense-%d: 1\n", i);
	assert_int_equal(rules_parse(text, strlen(text), &policy, &findings, NULL), BL_INVALID);
	assert_int_equal(findings.count, RULES_FINDINGS_LIMIT);
	assert_true(findings.dropped >= 20);
}

static void findings_are_printed_with_line_caret_and_fix(void **state)
{
	static const char TEXT[] = "bailee: 1\nname: {\xc3\xa4: 1, \xc3\xa4: 2}\n";
	static const char WANTED[] =
		"p.yaml:2:15: error: key '\xc3\xa4' stands here a second time\n"
		"    name: {\xc3\xa4: 1, \xc3\xa4: 2}\n"
		"                 ^\n"
		"    fix: keep one of the two\n";
	struct policy *policy = NULL;
	struct rules_findings findings;
	char *printed = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	assert_non_null(out);
	assert_int_equal(rules_parse(TEXT, strlen(TEXT), &policy, &findings, NULL), BL_INVALID);
	rules_print_findings(out, "p.yaml", &findings);
	fclose(out);
	assert_string_equal(printed, WANTED);
	free(printed);
}

static void findings_are_safe_for_a_terminal(void **state)
{
	static const char *const TEXTS[] = {
		"a: 1\nb: \x1b[2J\n", "a: \xe2\x80\xae x\n",	   "a: \xff\xfe\n",
		"a: \"\\e[2J\"\n",    "\"a\\nb\": 1\nbailee: 1\n", "a\0b: 1\n",
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(TEXTS); i++) {
		struct policy *policy = NULL;
		struct rules_findings findings;

		assert_int_equal(rules_parse(TEXTS[i], strlen(TEXTS[i]) + (i == 5 ? 5 : 0), &policy,
					     &findings, NULL),
				 BL_INVALID);
		for (size_t k = 0; k < findings.count; k++)
			if (strpbrk(findings.items[k].text, "\x1b\n\xff") ||
			    strpbrk(findings.items[k].source, "\x1b\n\xff") ||
			    strstr(findings.items[k].source, "\xe2\x80\xae"))
				fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_policy_has_no_findings),
		cmocka_unit_test(every_broken_policy_is_refused_at_its_place),
		cmocka_unit_test(every_odd_policy_is_warned_about),
		cmocka_unit_test(token_as_default_is_refused_beside_a_last_4_mask),
		cmocka_unit_test(patterns_beyond_the_automaton_are_refused_where_they_stand),
		cmocka_unit_test(one_run_tells_of_several_errors_by_place),
		cmocka_unit_test(at_most_twenty_findings_are_told_and_the_rest_counted),
		cmocka_unit_test(findings_are_printed_with_line_caret_and_fix),
		cmocka_unit_test(findings_are_safe_for_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
