/*
 * Files made to cost as much as they can: each is told from the others by what is said of it, within 64 MiB
 *
 * How long they take is measured by tests/bench/policy-hostile.c; no time is asserted here.
 */
#include "tests/unit/policy/rules/hostile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/rules/rules.h"

#define MEMORY_MIB 64u

enum verdict { AS_EXPECTED, OTHER_WORDS, NO_MEMORY, TOO_MUCH_MEMORY };

static enum verdict judge(const struct hostile *hostile, const char *bytes, size_t length)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_parse(bytes, length, &policy, &findings, &why);

	if (status == BL_NO_MEMORY)
		return NO_MEMORY;
	if (!hostile->text && status == BL_OK)
		return AS_EXPECTED;
	if (hostile->text && status == BL_INVALID && !policy && findings.items[0].fix[0] &&
	    strncmp(findings.items[0].text, hostile->text, strlen(hostile->text)) == 0)
		return AS_EXPECTED;
	print_error("%s: %s: %s\n", hostile->name, bl_status_name(status), why.text);
	return OTHER_WORDS;
}

/* What a process of its own may have of memory beyond what the whole program has mapped before. */
static enum verdict judge_within(const struct hostile *hostile, const char *bytes, size_t length)
{
	struct rusage usage;
	enum verdict verdict;
#ifndef __SANITIZE_ADDRESS__ /* it maps terabytes for itself, and keeps what is freed */
	struct rlimit limit = {.rlim_cur = (rlim_t)MEMORY_MIB << 20,
			       .rlim_max = (rlim_t)MEMORY_MIB << 20};

	if (setrlimit(RLIMIT_DATA, &limit) != 0)
		return NO_MEMORY;
#endif
	verdict = judge(hostile, bytes, length);
#ifndef __SANITIZE_ADDRESS__
	if (verdict == AS_EXPECTED && getrusage(RUSAGE_SELF, &usage) == 0 &&
	    (size_t)usage.ru_maxrss > MEMORY_MIB * 1024u)
		return TOO_MUCH_MEMORY;
#else
	(void)usage;
#endif
	return verdict;
}

static bool try_hostile(const struct hostile *hostile)
{
	static const char *const VERDICTS[] = {
		[AS_EXPECTED] = "as expected",
		[OTHER_WORDS] = "told otherwise",
		[NO_MEMORY] = "64 MiB are not enough",
		[TOO_MUCH_MEMORY] = "took more than 64 MiB",
	};
	size_t length = 0;
	BL_CLEANUP(bl_free) char *bytes = hostile_text(hostile, &length);
	int status = 0;
	pid_t child;

	assert_non_null(bytes);
	child = fork();
	if (child == 0)
		_exit((int)judge_within(hostile, bytes, length));
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == AS_EXPECTED)
		return true;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= TOO_MUCH_MEMORY)
		print_error("%s: %s\n", hostile->name, VERDICTS[WEXITSTATUS(status)]);
	else
		print_error("%s: ended by signal %d\n", hostile->name, WTERMSIG(status));
	return false;
}

static void hostile_files_are_answered_within_64_mib(void **state)
{
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(HOSTILE); i++)
		failed += !try_hostile(&HOSTILE[i]);
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_files_are_answered_within_64_mib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
