/* Keys are only ever held in memory that is locked: libsodium itself would go on without. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/vault/sealed-image.h"

#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifdef __SANITIZE_ADDRESS__ /* which makes mlock do nothing */
#define IS_MLOCK_FAKE true
#else
#define IS_MLOCK_FAKE false
#endif

/* What @try says in a child that may lock no more than @limit, and is nobody. */
static int under(rlim_t limit, int (*try)(int), int folder)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		const struct rlimit row = {.rlim_cur = limit, .rlim_max = limit};

		if (setrlimit(RLIMIT_MEMLOCK, &row) != 0 ||
		    (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
			_exit(100);
		_exit(try(folder));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int try_page(int folder BL_UNUSED)
{
	void *memory = vault_guarded(1, SEALED_PAGE);

	if (!memory)
		return 1;
	sodium_free(memory);
	return 0;
}

/* Before it looks at the file: that is not this user's. */
static int try_keys(int folder)
{
	struct vault *vault = NULL;
	struct bl_error why = {""};
	enum bl_status status = vault_open(folder, NULL, 0, &vault, &why);

	return status == BL_NO_MEMORY && strstr(why.text, "LimitMEMLOCK") ? 1 : 0;
}

static void what_cannot_be_locked_is_not_to_be_had(void **state BL_UNUSED)
{
	if (IS_MLOCK_FAKE)
		skip();
	assert_int_equal(under(1 << 20, try_page, -1), 0);
	assert_int_equal(under(0, try_page, -1), 1);
}

static void keys_that_cannot_be_locked_are_not_held(void **state)
{
	struct place *place = *state;
	struct vault *vault = NULL;

	if (IS_MLOCK_FAKE)
		skip();
	assert_int_equal(vault_create(place->fd, NULL, 0, &vault, NULL), BL_OK);
	vault_close(vault);
	assert_int_equal(under(0, try_keys, place->fd), 1);
	assert_int_equal(under(1 << 20, try_keys, place->fd), 0);
}

/* 0: made; 1: not made, and nothing is left; 2: something is. */
static int try_create(int folder)
{
	struct vault *vault = NULL;

	if (vault_create(folder, NULL, 0, &vault, NULL) == BL_OK)
		return 0;
	return faccessat(folder, "keys", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
			       faccessat(folder, "keys.new", F_OK, AT_SYMLINK_NOFOLLOW) == 0
		       ? 2
		       : 1;
}

static void keys_that_could_not_be_opened_again_are_not_left(void **state)
{
	struct place *place = *state;
	int result = 1;

	if (IS_MLOCK_FAKE || geteuid() != 0)
		skip();
	assert_int_equal(fchown(place->fd, 65534, 65534), 0);
	for (rlim_t limit = 0; result == 1 && limit <= 1 << 20; limit += SEALED_PAGE)
		result = under(limit, try_create, place->fd);
	assert_int_equal(result, 0);
}

static void more_than_there_is_is_not_to_be_had(void **state BL_UNUSED)
{
	assert_null(vault_guarded(SIZE_MAX, 2));
	assert_null(vault_guarded(SIZE_MAX / 2, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_locked_is_not_to_be_had),
		TEST(keys_that_cannot_be_locked_are_not_held),
		TEST(keys_that_could_not_be_opened_again_are_not_left),
		cmocka_unit_test(more_than_there_is_is_not_to_be_had),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
