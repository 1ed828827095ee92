#include "desk.h"

#define STORE                                                                                      \
	"bailee: 1\n"                                                                              \
	"name: Store\n"                                                                            \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"people: {anna: {roles: [technician]}}\n"                                                  \
	"roles: {technician: {}, supervisor: {}}\n"                                                \
	"detect: {sets: [contact]}\n"                                                              \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"                                                                                 \
	"  - id: looks\n"                                                                          \
	"    permit: [read]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    when: {purpose: [repair]}\n"                                                          \
	"    limits: {files: 20 per hour, bytes: 5M per day}\n"                                    \
	"    why: Repair needs it.\n"                                                              \
	"  - id: more\n"                                                                           \
	"    permit: [read]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    needs: {reason: required}\n"                                                          \
	"    limits: {files: 40 per day}\n"                                                        \
	"    why: More of it all.\n"                                                               \
	"  - id: not-mine\n"                                                                       \
	"    permit: [read]\n"                                                                     \
	"    who: [supervisor]\n"                                                                  \
	"    limits: {files: 7 per hour}\n"                                                        \
	"    why: For others only.\n"                                                              \
	"  - id: refund\n"                                                                         \
	"    permit: [unmask]\n"                                                                   \
	"    who: [technician]\n"                                                                  \
	"    what: {contains: [email]}\n"                                                          \
	"    limits: {unmasks: 3 per day}\n"                                                       \
	"    why: Refunds need it.\n"

struct told {
	char text[512];
	size_t most;
};

static bool tell(void *context, const struct rules_limit *limit)
{
	struct told *told = context;
	size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s %llu/%llu %s %s; ", limit->rule,
		 (unsigned long long)limit->used, (unsigned long long)limit->most,
		 bl_unit_name(limit->unit), bl_period_name(limit->period));
	return !told->most || --told->most;
}

static void limits_of_the_permits_that_match_are_told_with_what_is_used(void **state)
{
	static const struct {
		enum bl_action action;
		const char *purpose;
		size_t most;
		const char *text;
	} rows[] = {
		/* used up or not, and with needs that are not met */
		{ACTION_READ, "repair", 0,
		 "looks 20/20 files hour; looks 1024/5242880 bytes day; more 25/40 files day; "},
		{ACTION_READ, NULL, 0, "more 25/40 files day; "},
		/* whichever class is asked for */
		{ACTION_UNMASK, NULL, 0, "refund 0/3 unmasks day; "},
		{ACTION_COPY, "repair", 0, ""},
		/* until there is enough */
		{ACTION_READ, "repair", 1, "looks 20/20 files hour; "},
	};
	struct rules_used used = {.amount = {[UNIT_FILES] = {[PERIOD_HOUR] = 20, [PERIOD_DAY] = 25},
					     [UNIT_BYTES] = {[PERIOD_DAY] = 1024}}};
	struct desk desk;

	(void)state;
	desk_open(&desk, STORE, "anna", DESK_NOW, "/a");
	desk.facts.used = &used;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_circumstances who = {.caller = {.uid = 8, .login = "anna"},
						  .purpose = rows[i].purpose,
						  .now_unix = DESK_NOW,
						  .is_clock_trusted = true};
		struct told told = {.most = rows[i].most};

		desk_become(&desk, &who);
		rules_each_limit(desk.subject, &desk.facts, rows[i].action, tell, &told);
		if (strcmp(told.text, rows[i].text) != 0)
			fail_msg("row %zu: %s", i, told.text);
	}
	desk_close(&desk);
}

static void without_a_count_nothing_is_used(void **state)
{
	struct told told = {.most = 1};
	struct desk desk;

	(void)state;
	desk_open(&desk, STORE, "anna", DESK_NOW, "/a");
	rules_each_limit(desk.subject, &desk.facts, ACTION_READ, tell, &told);
	assert_string_equal(told.text, "looks 0/20 files hour; ");
	desk_close(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_of_the_permits_that_match_are_told_with_what_is_used),
		cmocka_unit_test(without_a_count_nothing_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
