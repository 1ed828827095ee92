#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/daemon/doctor-session.c"
#include "policy/rules/load.h"

#define FINDINGS 8

struct told {
	struct doctor_finding findings[FINDINGS];
	size_t count;
};

static void take(void *context, const struct doctor_finding *finding)
{
	struct told *told = context;

	assert_true(told->count < FINDINGS);
	told->findings[told->count++] = *finding;
}

static enum doctor_grade tell(const struct place_facts *facts, struct told *told)
{
	struct doctor doctor = {.tell = take, .context = told, .worst = DOCTOR_GOOD};

	told->count = 0;
	tell_all(&doctor, facts);
	return doctor.worst;
}

static struct place_facts all_good(void)
{
	struct place_facts facts = {
		.is_root = true, .landlock = LAUNCH_LANDLOCK, .does_proc_hide = true};

	for (size_t i = 0; i < BL_COUNT(VIEWERS); i++)
		facts.has_viewer[i] = true;
	return facts;
}

/* The only one that is not good. */
static const struct doctor_finding *the_warning(const struct told *told)
{
	const struct doctor_finding *found = NULL;

	for (size_t i = 0; i < told->count; i++) {
		if (told->findings[i].grade == DOCTOR_GOOD)
			continue;
		assert_null(found);
		found = &told->findings[i];
	}
	assert_non_null(found);
	return found;
}

static void a_host_with_everything_is_good(void **state)
{
	struct place_facts facts = all_good();
	struct told told;

	(void)state;
	assert_int_equal(tell(&facts, &told), DOCTOR_GOOD);
	assert_int_equal(told.count, 5);
}

static void each_lack_is_one_warning_with_its_way_out(void **state)
{
	static const struct {
		int landlock, namespace_error;
		bool is_not_root, is_proc_visible, is_program_missing, is_viewer_missing;
		const char *check, *says, *way_out;
	} ROWS[] = {
		{.landlock = -ENOSYS, .check = "landlock", .says = "has none", .way_out = "6.1"},
		{.landlock = -EOPNOTSUPP,
		 .check = "landlock",
		 .says = "switched off",
		 .way_out = "lsm="},
		{.landlock = 1, .check = "landlock", .says = "version 1,", .way_out = "6.1"},
		{.namespace_error = ENOSPC,
		 .check = "namespaces",
		 .says = "no more",
		 .way_out = "user.max_user_namespaces"},
		{.namespace_error = EPERM,
		 .check = "namespaces",
		 .says = "cannot be made",
		 .way_out = "kernel.unprivileged_userns_clone"},
		{.is_proc_visible = true,
		 .check = "/proc",
		 .says = "each other's",
		 .way_out = "/proc proc hidepid=invisible 0 0"},
		{.is_program_missing = true,
		 .check = "sessions",
		 .says = "not there",
		 .way_out = "make install"},
		{.is_not_root = true,
		 .check = "sessions",
		 .says = "not root",
		 .way_out = "bailee serve"},
		{.is_viewer_missing = true,
		 .check = "viewers",
		 .says = "not installed: tree hexdump (",
		 .way_out = "apt install tree bsdextrautils)"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct place_facts facts = all_good();
		struct told told;

		facts.landlock = ROWS[i].landlock ? ROWS[i].landlock : facts.landlock;
		facts.namespace_error = ROWS[i].namespace_error;
		facts.is_root = !ROWS[i].is_not_root;
		facts.does_proc_hide = !ROWS[i].is_proc_visible;
		if (ROWS[i].is_program_missing)
			bl_fail(&facts.program, BL_FAILED, "not there (run make install)");
		if (ROWS[i].is_viewer_missing)
			facts.has_viewer[5] = facts.has_viewer[7] = false;
		/* Without one nobody gets a weaker one: nothing that doctor has to end with 13 for. */
		assert_int_equal(tell(&facts, &told), DOCTOR_WARNING);

		const struct doctor_finding *warning = the_warning(&told);
		if (strcmp(warning->check, ROWS[i].check) != 0 ||
		    !strstr(warning->text, ROWS[i].says) || !strstr(warning->text, ROWS[i].way_out))
			fail_msg("row %zu: %s: %s", i, warning->check, warning->text);
	}
}

static void with_no_viewer_at_all_the_words_still_fit(void **state)
{
	struct place_facts facts = all_good();
	struct told told;

	(void)state;
	memset(facts.has_viewer, 0, sizeof(facts.has_viewer));
	tell(&facts, &told);
	for (size_t i = 0; i < BL_COUNT(VIEWERS); i++) {
		assert_non_null(strstr(the_warning(&told)->text, VIEWERS[i].name));
		assert_non_null(strstr(the_warning(&told)->text, VIEWERS[i].package));
	}
}

static void the_viewers_are_those_of_a_policy_that_names_none(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = policy_new();
	struct rules_sessions sessions;

	(void)state;
	assert_non_null(policy);
	policy_sessions(policy, &sessions);
	assert_int_equal(sessions.viewer_count, BL_COUNT(VIEWERS));
	for (size_t i = 0; i < BL_COUNT(VIEWERS); i++)
		assert_string_equal(sessions.viewers[i], VIEWERS[i].name);
}

static void what_is_looked_at_is_this_host(void **state)
{
	struct place_facts facts;

	(void)state;
	look(&facts);
	assert_int_equal(facts.is_root, geteuid() == 0);
	assert_int_equal(facts.does_proc_hide, sight_hides(getpid()));
	/* It lies beside bailee, and not beside a test. */
	assert_true(*facts.program.text || access("/usr/local/libexec/bailee", F_OK) == 0);
	assert_true(has_viewer("ls"));
	assert_false(has_viewer("no-such-viewer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_with_everything_is_good),
		cmocka_unit_test(each_lack_is_one_warning_with_its_way_out),
		cmocka_unit_test(with_no_viewer_at_all_the_words_still_fit),
		cmocka_unit_test(the_viewers_are_those_of_a_policy_that_names_none),
		cmocka_unit_test(what_is_looked_at_is_this_host),
	};

	return cmocka_run_group_tests_name("doctor-session", tests, NULL, NULL);
}
