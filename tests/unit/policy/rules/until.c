#include "desk.h"

#define HOUR INT64_C(3600)

/* What is permitted ends by hours, by a lapse, by approvals that run out, or not. */
#define STORE                                                                                      \
	"bailee: 1\n"                                                                              \
	"name: Store\n"                                                                            \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"people:\n"                                                                                \
	"  anna: {roles: [technician]}\n"                                                          \
	"  ben: {roles: [trained], training_expires: 2026-07-03}\n"                                \
	"  ben-b: {roles: [trained], training_expires: 2027-07-03}\n"                              \
	"  'uid:7': {roles: [night]}\n"                                                            \
	"  'group:late': {roles: [trained], training_expires: 2026-07-05}\n"                       \
	"  carla: {roles: [supervisor]}\n"                                                         \
	"  dora: {roles: [trained], training_expires: 2026-07-30}\n"                               \
	"roles:\n"                                                                                 \
	"  technician: {}\n"                                                                       \
	"  trained: {requires: [training]}\n"                                                      \
	"  night: {}\n"                                                                            \
	"  supervisor: {}\n"                                                                       \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"                                                                                 \
	"  - id: day\n"                                                                            \
	"    permit: [read]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    when: {hours: Mon-Sat 07:00-20:00}\n"                                                 \
	"    why: Only by day.\n"                                                                  \
	"  - id: wednesday-night\n"                                                                \
	"    permit: [read]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    when: {hours: Wed 20:00-22:00}\n"                                                     \
	"    why: And a little longer.\n"                                                          \
	"  - id: trained\n"                                                                        \
	"    permit: [list, read]\n"                                                               \
	"    who: [trained]\n"                                                                     \
	"    why: Trained people may.\n"                                                           \
	"  - id: not-on-friday\n"                                                                  \
	"    forbid: [list]\n"                                                                     \
	"    who: [trained]\n"                                                                     \
	"    when: {hours: Fri 09:00-10:00}\n"                                                     \
	"    why: Fridays are for cleaning.\n"                                                     \
	"  - id: export\n"                                                                         \
	"    permit: [read, copy]\n"                                                               \
	"    who: [supervisor]\n"                                                                  \
	"    needs: {approvals: {count: 1, from: [technician], valid: 4h}}\n"                      \
	"    why: The customer asked.\n"                                                           \
	"  - id: unlimited\n"                                                                      \
	"    permit: [verify]\n"                                                                   \
	"    who: everyone\n"                                                                      \
	"    limits: {files: 1 per hour}\n"                                                        \
	"    why: Always so far.\n"

static int64_t until(struct desk *desk, const struct rules_circumstances *who,
		     enum bl_action action)
{
	desk_become(desk, who);
	assert_int_equal(desk_decide(desk, action, 0).outcome, RULES_PERMIT);
	return rules_permit_until(desk->subject, &desk->facts, action, 0);
}

static void a_permit_ends_when_nothing_but_time_passes(void **state)
{
	static const struct {
		const char *login, *group;
		enum bl_action action;
		int64_t until; /* hours from Wednesday 10:00; -1: no end */
	} rows[] = {
		/* two permits after each other; the second ends */
		{"anna", NULL, ACTION_READ, 12},
		{"anna", NULL, ACTION_VERIFY, -1},
		/* the day after the last */
		{"ben", NULL, ACTION_READ, 2 * 24 + 14},
		/* by whichever key it is held longest, and not by one of a name that begins alike */
		{"ben", "late", ACTION_READ, 4 * 24 + 14},
		{"ben-b", NULL, ACTION_READ, -1},
		/* further away than a fortnight */
		{"dora", NULL, ACTION_READ, -1},
		/* a forbid begins */
		{"dora", NULL, ACTION_LIST, 47},
		/* an approval runs out */
		{"carla", NULL, ACTION_COPY, 3},
		{"carla", NULL, ACTION_READ, 3},
	};
	struct rules_approval approval = {.giver = 9,
					  .roles = UINT64_MAX,
					  .given_unix = DESK_NOW - HOUR,
					  .action = ACTION_COPY,
					  .class = RULES_ANY};
	struct desk desk;

	(void)state;
	desk_open(&desk, STORE, "anna", DESK_NOW, "/a");
	desk.facts.is_whole_known = true;
	desk.facts.approvals = &approval;
	desk.facts.approval_count = 1;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_circumstances who = {.caller = {.uid = 8,
							     .login = rows[i].login,
							     .groups = &rows[i].group,
							     .group_count = rows[i].group != NULL},
						  .now_unix = DESK_NOW,
						  .is_clock_trusted = true};
		int64_t wanted = rows[i].until < 0 ? INT64_MAX : DESK_NOW + rows[i].until * HOUR;
		int64_t got = until(&desk, &who, rows[i].action);

		if (got != wanted)
			fail_msg("row %zu: %f hours", i, (double)(got - DESK_NOW) / HOUR);
	}
	desk_close(&desk);
}

/* A permit that is used up comes back with the hour; until then nothing is permitted that could end. */
static void a_limit_ends_no_permit_by_time(void **state)
{
	struct rules_used used = {.amount = {[UNIT_FILES] = {[PERIOD_HOUR] = 0}}};
	struct rules_circumstances who = {.caller = {.uid = 8, .login = "anna"},
					  .now_unix = DESK_NOW,
					  .is_clock_trusted = true};
	struct desk desk;

	(void)state;
	desk_open(&desk, STORE, "anna", DESK_NOW, "/a");
	desk.facts.is_whole_known = true;
	desk.facts.used = &used;
	assert_true(until(&desk, &who, ACTION_VERIFY) == INT64_MAX);
	used.amount[UNIT_FILES][PERIOD_HOUR] = 1;
	assert_int_equal(desk_decide(&desk, ACTION_VERIFY, 0).by, RULES_BY_LIMIT);
	desk_close(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_permit_ends_when_nothing_but_time_passes),
		cmocka_unit_test(a_limit_ends_no_permit_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
