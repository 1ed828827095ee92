#include "fs/serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct serve_kernel GOOD = {.asks_each_read = true,
					 .keeps_splices = true,
					 .has_shared_maps = true,
					 .drops_pages = true,
					 .drops_names = true,
					 .refuses_others = true,
					 .ring = SERVE_RING_MAKER,
					 .is_quiet_at_close = true,
					 .largest_read = SERVE_MAX_READ};

static void what_leaks_is_a_reason_to_open_nothing(void **state)
{
	const struct row {
		size_t place; /* of a bool in the kernel */
		const char *check;
		bool is_leak;
	} rows[] = {
		{offsetof(struct serve_kernel, asks_each_read), "view reads", true},
		{offsetof(struct serve_kernel, drops_pages), "view pages", true},
		{offsetof(struct serve_kernel, drops_names), "view names", true},
		{offsetof(struct serve_kernel, refuses_others), "view's person", true},
		{offsetof(struct serve_kernel, has_shared_maps), "view maps", false},
		{offsetof(struct serve_kernel, is_quiet_at_close), "view closes", false},
	};

	(void)state;
	assert_null(serve_kernel_leak(&GOOD));
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct serve_kernel kernel = GOOD;
		const char *leak;
		size_t worse = 0;

		*((bool *)&kernel + rows[i].place) = false;
		leak = serve_kernel_leak(&kernel);
		if ((leak != NULL) != rows[i].is_leak)
			fail_msg("%s", rows[i].check);
		for (size_t at = 0; at < SERVE_FACTS; at++) {
			struct serve_fact fact = serve_kernel_fact(&kernel, at);

			if (fact.grade == SERVE_GOOD)
				continue;
			worse++;
			assert_string_equal(fact.check, rows[i].check);
			assert_int_equal(fact.grade, rows[i].is_leak ? SERVE_LEAK : SERVE_SLOWER);
			if (leak)
				assert_ptr_equal(fact.text, leak);
		}
		assert_int_equal(worse, 1);
	}
}

static void rings_and_sizes_are_no_leak(void **state)
{
	struct serve_kernel kernel = GOOD;

	(void)state;
	kernel.ring = SERVE_RING_OTHER;
	kernel.largest_read = SERVE_MAX_READ / 8;
	assert_null(serve_kernel_leak(&kernel));
	kernel.ring = SERVE_RING_NONE;
	kernel.keeps_splices = false;
	for (size_t at = 0; at < SERVE_FACTS; at++) {
		struct serve_fact fact = serve_kernel_fact(&kernel, at);
		bool is_size = strcmp(fact.check, "view read size") == 0;

		assert_int_equal(fact.grade, is_size ? SERVE_SLOWER : SERVE_GOOD);
	}
}

static void the_longest_line_fits_an_event(void **state)
{
	const struct serve_kernel worst = {.ring = SERVE_RING_OTHER, .keeps_splices = true};
	char words[SERVE_KERNEL_WORDS];

	(void)state;
	serve_kernel_words(&GOOD, words);
	assert_string_equal(words,
			    "kernel: reads ask, splices ask once, shared maps, pages go, names go, "
			    "others refused, rings known, quiet closes, reads of 1 MiB");
	serve_kernel_words(&worst, words);
	assert_true(strlen(words) < sizeof(words) - 1);
	assert_non_null(strstr(words, "smaller reads"));
}

/* Of whatever machine this is, no more than that it can be found out, and by root only. */
static void this_kernel_keeps_views_apart(void **state)
{
	struct serve_kernel kernel;
	struct bl_error why = {{0}};

	(void)state;
	if (geteuid() != 0) {
		assert_int_equal(serve_selftest(&kernel, &why), BL_FORBIDDEN);
		return;
	}
	if (access("/dev/fuse", R_OK | W_OK) != 0)
		skip();
	int before = dup(0);

	if (serve_selftest(&kernel, &why) != BL_OK)
		fail_msg("%s", why.text);
	const char *leak = serve_kernel_leak(&kernel);

	if (leak)
		fail_msg("%s", leak);
	assert_true(kernel.largest_read >= 4096);
	/* No child, no descriptor stays behind. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(dup(0), before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_leaks_is_a_reason_to_open_nothing),
		cmocka_unit_test(rings_and_sizes_are_no_leak),
		cmocka_unit_test(the_longest_line_fits_an_event),
		cmocka_unit_test(this_kernel_keeps_views_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
