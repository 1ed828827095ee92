#include "desk.h"
#include "policy/rules/decide.h"

/* Rules of one kind each; `one` is what is looked at. */
#define RULE(effect, words)                                                                        \
	SCENE_HEAD "  - id: one\n    " effect "\n" words "    why: Only for a test.\n"
#define READ(words) RULE("permit: [read]", "    who: [technician]\n" words)

static size_t bit_of(const struct request *request, const char *id)
{
	const struct policy *policy = request->subject->policy;

	for (size_t bit = 0; bit < request->compiled->words * 64; bit++) {
		uint16_t index = request->compiled->rule_of[bit];

		if (index != BIT_NONE && strcmp(policy->rules[index].id, id) == 0)
			return bit;
	}
	fail_msg("no rule '%s'", id);
	return 0;
}

static void each_part_is_told_by_its_name(void **state)
{
	enum odd {
		NOTHING,
		BEN,   /* whose role has lapsed */
		ERIN,  /* whose roles clash */
		CARLA, /* who has another */
		NO_CLOCK,
		AWAY,	      /* host, device, path, kind, size, status, hours */
		UNKNOWN_FILE, /* path, kind, size, status, contents */
		DIRECTORY,
		WITHDRAWN,
		USED,
		APPROVED, /* once, and a reason */
	};
	static const struct {
		const char *text;
		enum odd odd;
		enum three value;
		enum rule_part part;
	} rows[] = {
		{READ(""), NOTHING, TRUE3, PART_COUNT},
		{READ(""), BEN, UNKNOWN3, PART_LAPSED},
		{READ(""), ERIN, UNKNOWN3, PART_WHO},
		{READ(""), CARLA, FALSE3, PART_WHO},
		{READ(""), NO_CLOCK, UNKNOWN3, PART_WHO},
		{READ("    what: {devices: [laptop]}\n"), NOTHING, TRUE3, PART_COUNT},
		{READ("    what: {devices: [laptop]}\n"), AWAY, FALSE3, PART_DEVICE},
		{READ("    what: {devices: [laptop]}\n"), UNKNOWN_FILE, UNKNOWN3, PART_DEVICE},
		{READ("    what: {ids: ['RMA-*']}\n"), AWAY, FALSE3, PART_DEVICE},
		{READ("    what: {status: [open]}\n"), AWAY, FALSE3, PART_STATUS},
		{READ("    what: {status: [open]}\n"), UNKNOWN_FILE, UNKNOWN3, PART_STATUS},
		{READ("    what: {paths: ['/Users/**']}\n"), NOTHING, TRUE3, PART_COUNT},
		{READ("    what: {paths: ['/Users/**']}\n"), AWAY, FALSE3, PART_PATH},
		{READ("    what: {paths: ['/Users/**']}\n"), UNKNOWN_FILE, UNKNOWN3, PART_PATH},
		{READ("    what: {kinds: [text]}\n"), AWAY, FALSE3, PART_KIND},
		{READ("    what: {kinds: [text]}\n"), UNKNOWN_FILE, UNKNOWN3, PART_KIND},
		{READ("    what: {kinds: [text]}\n"), DIRECTORY, FALSE3, PART_KIND},
		{READ("    what: {max_size: 10}\n"), NOTHING, TRUE3, PART_COUNT},
		{READ("    what: {max_size: 10}\n"), AWAY, FALSE3, PART_SIZE},
		{READ("    what: {max_size: 10}\n"), UNKNOWN_FILE, UNKNOWN3, PART_SIZE},
		{READ("    what: {contains: [email]}\n"), NOTHING, FALSE3, PART_CONTAINS},
		{READ("    what: {contains: [email]}\n"), UNKNOWN_FILE, UNKNOWN3, PART_CONTAINS},
		{READ("    where: [bench]\n"), AWAY, FALSE3, PART_WHERE},
		{READ("    when: {purpose: [grading]}\n"), NOTHING, FALSE3, PART_PURPOSE},
		{READ("    when: {hours: Wed 09:00-11:00}\n"), AWAY, FALSE3, PART_HOURS},
		{READ("    when: {consent: granted}\n"), NOTHING, UNKNOWN3, PART_CONSENT},
		{READ("    when: {consent: granted}\n"), WITHDRAWN, FALSE3, PART_CONSENT},
		{READ("    when: {caller_verified: one-factor}\n"), NOTHING, FALSE3, PART_CHECK},
		{READ("    unless: {purpose: [repair]}\n"), NOTHING, FALSE3, PART_UNLESS},
		{READ("    unless: {consent: withdrawn}\n"), NOTHING, UNKNOWN3, PART_UNLESS},
		{READ("    unless: {consent: withdrawn}\n"), WITHDRAWN, FALSE3, PART_UNLESS},
		{READ("    limits: {files: 5 per day}\n"), USED, FALSE3, PART_LIMIT},
		{READ("    needs: {reason: required}\n"), NOTHING, TRUE3, PART_REASON},
		{READ("    needs: {approvals: {count: 2, from: [officer], valid: 1h}}\n"), APPROVED,
		 TRUE3, PART_APPROVALS},
		{READ("    needs: {reason: required, approvals: {count: 1, from: [officer], valid: "
		      "1h}}\n"),
		 APPROVED, TRUE3, PART_COUNT},
		/* what is false is told before what is only not known */
		{READ("    when: {consent: granted, purpose: [grading]}\n"), NOTHING, FALSE3,
		 PART_PURPOSE},
		{READ("    when: {consent: granted}\n    needs: {reason: required}\n"), NOTHING,
		 UNKNOWN3, PART_CONSENT},
		/* who waits for an approval that nobody gave */
		{READ("    when: {approved: copy}\n") "  - id: two\n    permit: [copy]\n    who: "
						      "[technician]\n"
						      "    needs: {approvals: {count: 1, from: "
						      "[officer], valid: 1h}}\n"
						      "    why: Only for a test.\n",
		 NOTHING, FALSE3, PART_APPROVED},
		/* of a withhold its own kinds are part of it */
		{RULE("withhold: [image]", "    who: everyone\n"), NOTHING, FALSE3, PART_KIND},
		{RULE("withhold: [image]", "    who: everyone\n"), UNKNOWN_FILE, UNKNOWN3,
		 PART_KIND},
		{RULE("withhold: [any]", "    who: everyone\n"), UNKNOWN_FILE, TRUE3, PART_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		static const char *const logins[] = {
			[BEN] = "ben", [ERIN] = "erin", [CARLA] = "carla"};
		struct scene scene = scene_make();
		struct stage stage;
		struct request request;
		struct rule_standing got;
		enum odd odd = rows[i].odd;

		if (odd == BEN || odd == ERIN || odd == CARLA)
			scene.who.caller.login = logins[odd];
		scene.who.is_clock_trusted = odd != NO_CLOCK;
		if (odd == AWAY) {
			scene.who.host = "office-01";
			scene.who.now_unix += 3600;
			scene.device = (struct rules_device){"CB-1", DEVICE_DISK};
			scene.path = "/etc/passwd";
			scene.facts.kind = FILE_PDF;
			scene.facts.size_bytes = 11;
			scene.facts.state = STATE_CLOSED;
		}
		if (odd == UNKNOWN_FILE) {
			scene.device = (struct rules_device){NULL, -1};
			scene.path = NULL;
			scene.facts.kind = scene.facts.state = -1;
			scene.facts.size_bytes = -1;
			scene.facts.is_whole_known = false;
		}
		scene.facts.is_directory = odd == DIRECTORY;
		scene.facts.consent = odd == WITHDRAWN ? CONSENT_WITHDRAWN : CONSENT_UNKNOWN;
		scene.used.amount[UNIT_FILES][PERIOD_DAY] = odd == USED ? 5 : 4;
		scene.who.has_reason = odd == APPROVED;
		if (odd == APPROVED)
			scene_approve(&scene, 2, SCENE_OFFICER);
		stage_open(&stage, rows[i].text, &scene);
		request_init(&request, stage.subject, &stage.facts);
		request_stand(&request, bit_of(&request, "one"), &got);
		if (got.value != rows[i].value || rule_failure(&got) != rows[i].part)
			fail_msg("row %zu: value %d, part %d; false %x, unknown %x, unmet %x", i,
				 (int)got.value, (int)rule_failure(&got), got.is_false,
				 got.is_unknown, got.unmet);
		assert_int_equal(got.approval_count, odd == APPROVED);
		stage_close(&stage);
	}
}

static void paths_stand_by_the_effect_of_their_rule(void **state)
{
	static const struct {
		const char *text;
		const char *path, *other_path;
		enum three value;
	} rows[] = {
#define AT "    what: {paths: ['/a/**']}\n"
		{READ(AT), "/a/b", NULL, TRUE3},
		{READ(AT), "/b", "/a/b", FALSE3},
		{RULE("forbid: [read]", "    who: everyone\n" AT), "/b", "/a/b", TRUE3},
		{RULE("forbid: [read]", "    who: everyone\n" AT), "/b", "/c", FALSE3},
		{RULE("forbid: [read]", "    who: everyone\n" AT), NULL, "/a/b", TRUE3},
		{RULE("mask: {email: shape}", "    who: everyone\n" AT), "/b", "/a/b", UNKNOWN3},
		{RULE("mask: {email: shape}", "    who: everyone\n" AT), "/a/b", "/b", TRUE3},
#undef AT
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct scene scene = scene_make();
		struct stage stage;
		struct request request;
		struct rule_standing got;

		scene.path = rows[i].path;
		scene.other_path = rows[i].other_path;
		stage_open(&stage, rows[i].text, &scene);
		request_init(&request, stage.subject, &stage.facts);
		request_stand(&request, bit_of(&request, "one"), &got);
		size_t bit = bit_of(&request, "one");
		bool is_maybe = request_maybe(&request, bit / 64) >> bit % 64 & 1;

		if (got.value != rows[i].value || is_maybe != (got.value != FALSE3))
			fail_msg("row %zu: value %d", i, (int)got.value);
		stage_close(&stage);
	}
}

/* The words that explain and tests use say the same as the standing of each rule. */
static void words_and_standings_agree(void **state)
{
	static const char text[] =
		SCENE_HEAD "  - {id: a, permit: [read], who: [technician], why: Only for a test.}\n"
			   "  - {id: b, permit: [read], who: [technician], needs: {reason: "
			   "required}, why: Only for a "
			   "test.}\n"
			   "  - {id: c, permit: [read], who: [technician], limits: {files: 5 per "
			   "day}, why: Only for a "
			   "test.}\n"
			   "  - {id: d, permit: [read], who: [technician], when: {consent: "
			   "granted}, why: Only for a "
			   "test.}\n"
			   "  - {id: e, permit: [read], who: [technician], what: {max_size: 1K}, "
			   "why: Only for a "
			   "test.}\n"
			   "  - {id: f, permit: [read], who: [technician], what: {contains: "
			   "[email]}, why: Only for a "
			   "test.}\n"
			   "  - {id: g, permit: [read], who: [technician], needs: {approvals: "
			   "{count: 1, from: "
			   "[officer], valid: 1h}}, why: Only for a test.}\n"
			   "  - {id: h, permit: [read], who: [technician], unless: {consent: "
			   "withdrawn}, why: Only for "
			   "a test.}\n"
			   "  - {id: i, forbid: [read], who: [technician], unless: {approved: "
			   "read}, why: Only for a "
			   "test.}\n"
			   "  - {id: j, mask: {email: shape}, who: [technician], when: {consent: "
			   "granted}, why: Only "
			   "for a test.}\n";

	(void)state;
	for (unsigned i = 0; i < 1u << 6; i++) {
		struct scene scene = scene_make();
		struct stage stage;
		struct request request;

		scene.who.caller.login = i & 1 ? "ben" : "anna";
		scene.who.has_reason = i & 2;
		scene.facts.consent = i & 4 ? CONSENT_WITHDRAWN : CONSENT_UNKNOWN;
		scene.used.amount[UNIT_FILES][PERIOD_DAY] = i & 8 ? 5 : 0;
		scene.facts.size_bytes = i & 16 ? -1 : 10;
		scene.facts.is_whole_known = !(i & 16);
		if (i & 32)
			scene_approve(&scene, 2, SCENE_OFFICER);
		stage_open(&stage, text, &scene);
		request_init(&request, stage.subject, &stage.facts);
		for (char id[] = "a"; id[0] <= 'j'; id[0]++) {
			size_t bit = bit_of(&request, id), word = bit / 64;
			uint64_t one = UINT64_C(1) << bit % 64;
			struct rule_standing got;

			request_stand(&request, bit, &got);
			bool is_limited = got.is_false == PART_BIT(PART_LIMIT) && !got.is_unknown;
			bool is_ready = id[0] < 'i' && got.value == TRUE3 && !got.unmet;
			bool but_lapse =
				!got.is_false && !(got.is_unknown & ~PART_BIT(PART_LAPSED));

			if (!(request_true(&request, word) & one) != (got.value != TRUE3) ||
			    !(request_maybe(&request, word) & one) != (got.value == FALSE3) ||
			    !(request_ready(&request, word) & one) != !is_ready ||
			    !(request_limited(&request, word) & one) != !is_limited ||
			    (id[0] < 'i' &&
			     !(request_but_lapse(&request, word) & one) != !but_lapse))
				fail_msg("scene %x, rule %s: false %x, unknown %x", i, id,
					 got.is_false, got.is_unknown);
		}
		stage_close(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_is_told_by_its_name),
		cmocka_unit_test(paths_stand_by_the_effect_of_their_rule),
		cmocka_unit_test(words_and_standings_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
