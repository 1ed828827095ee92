/* Throw-away uids: never twice, whatever happens in between. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/device.h"
#include "fs/session/session.h"

#define BLOCK	4096u
#define LAST	(SESSION_UID_FIRST + SESSION_UID_COUNT - BLOCK)
#define NAME	"session.uids"
#define THREADS 8
#define EACH	1500

/* Accounts of this host, as the tests want them. */
static atomic_uint account_first, account_count;
static atomic_int account_error;

int getpwuid_r(uid_t uid, struct passwd *entry, char *room, size_t size, struct passwd **found)
{
	(void)room, (void)size;
	*found = NULL;
	if (account_error)
		return account_error;
	if (uid - account_first < account_count)
		*found = entry;
	return 0;
}

struct store {
	char path[64];
	int fd;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct store *store = calloc(1, sizeof(*store));

	account_count = 0;
	account_error = 0;
	if (!store)
		return -1;
	snprintf(store->path, sizeof(store->path), "/tmp/bailee-uid-XXXXXX");
	if (!mkdtemp(store->path))
		return -1;
	store->fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = store;
	return store->fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct store *store = *state;

	fd_close(store->fd);
	nftw(store->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(store);
	return 0;
}

static uint32_t next(struct session_uids *uids)
{
	struct bl_error why = {{0}};
	uint32_t uid = 0;

	if (session_uids_next(uids, &uid, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_true(uid - SESSION_UID_FIRST < SESSION_UID_COUNT);
	return uid;
}

static void put(const struct store *store, const char *text)
{
	assert_int_equal(device_store_file_write(store->fd, NAME, text, strlen(text), NULL), BL_OK);
}

static void put_number(const struct store *store, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, number);
	put(store, text);
}

static void one_follows_the_other_over_the_end_of_a_block(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);
	struct stat st;

	put_number(store, SESSION_UID_FIRST + 7 * BLOCK);
	for (uint32_t i = 0; i < 2 * BLOCK + 1; i++)
		assert_int_equal(next(uids), SESSION_UID_FIRST + 7 * BLOCK + i);
	assert_int_equal(fstatat(store->fd, NAME, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void crash_skips_some_and_gives_none_again(void **state)
{
	const struct store *store = *state;
	uint32_t before = 0;

	put_number(store, SESSION_UID_FIRST);
	for (unsigned life = 0; life < 5; life++) {
		/* What a crash leaves of one: the file. */
		BL_CLEANUP(session_uids_free)
		struct session_uids *uids = session_uids_new(store->fd);
		uint32_t first = next(uids);

		assert_int_equal(first, SESSION_UID_FIRST + life * BLOCK);
		assert_true(first > before);
		before = next(uids);
	}
}

static void number_is_on_the_disk_before_the_first_is_given(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);
	BL_CLEANUP(bl_free) char *text = NULL;
	uint32_t first = next(uids);
	size_t length;

	assert_int_equal(device_store_file_read(store->fd, NAME, &text, &length, NULL), BL_OK);
	assert_true(strtoul(text, NULL, 10) == first + BLOCK ||
		    (first == LAST && strtoul(text, NULL, 10) == SESSION_UID_FIRST));
}

static void after_the_last_comes_the_first(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);

	put_number(store, LAST);
	for (uint32_t i = 0; i < BLOCK; i++)
		assert_int_equal(next(uids), LAST + i);
	assert_int_equal(next(uids), SESSION_UID_FIRST);
}

static void new_stores_begin_anywhere(void **state)
{
	uint32_t first = 0;
	unsigned others = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		void *own = NULL;

		assert_int_equal(set_up(&own), 0);

		struct session_uids *uids = session_uids_new(((struct store *)own)->fd);
		uint32_t uid = next(uids);

		assert_int_equal((uid - SESSION_UID_FIRST) % BLOCK, 0);
		others += i && uid != first;
		first = i ? first : uid;
		session_uids_free(uids);
		tear_down(&own);
	}
	assert_true(others > 0);
}

static void file_that_is_not_ours_gives_none_and_stays(void **state)
{
	static const char *const ROWS[] = {
		"",
		"0",
		"1610612735",
		"1610612737",
		"1879048192",
		"4294967296",
		"18446744075320164352",
		"-1610612736",
		"+1610612736",
		"01610612736",
		" 1610612736",
		"1610612736 ",
		"1610612736\n",
		"0x60000000",
		"1610612736,1610612736",
		"5905580032", /* 1610612736 + 2^32 */
	};
	const struct store *store = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(session_uids_free)
		struct session_uids *uids = session_uids_new(store->fd);
		BL_CLEANUP(bl_free) char *text = NULL;
		struct bl_error why = {{0}};
		uint32_t uid = 77;
		size_t length;

		put(store, ROWS[i]);
		if (session_uids_next(uids, &uid, &why) != BL_TAMPERED || uid != 77)
			fail_msg("'%s' was taken", ROWS[i]);
		assert_true(*why.text);
		assert_int_equal(device_store_file_read(store->fd, NAME, &text, &length, NULL),
				 BL_OK);
		assert_string_equal(text, ROWS[i]);
	}
}

static void file_that_does_not_match_its_line_gives_none(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);
	uint32_t uid;

	put_number(store, SESSION_UID_FIRST + BLOCK);

	BL_CLEANUP(fd_close) int fd = openat(store->fd, NAME, O_WRONLY | O_CLOEXEC);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "2", 1, st.st_size - 2), 1);
	assert_int_equal(session_uids_next(uids, &uid, NULL), BL_TAMPERED);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(session_uids_next(uids, &uid, NULL), BL_TAMPERED);
}

static void link_in_its_place_gives_none(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);
	uint32_t uid;

	assert_int_equal(symlinkat("/dev/zero", store->fd, NAME), 0);
	assert_int_not_equal(session_uids_next(uids, &uid, NULL), BL_OK);
}

static void what_cannot_be_written_is_not_given(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);
	uint32_t uid = 77;

	assert_int_equal(rmdir(store->path), 0);
	assert_int_equal(session_uids_next(uids, &uid, NULL), BL_IO);
	assert_int_equal(uid, 77);
}

static void uids_with_an_account_are_passed_over(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);

	put_number(store, SESSION_UID_FIRST);
	account_first = SESSION_UID_FIRST + 2;
	account_count = BLOCK;
	assert_int_equal(next(uids), SESSION_UID_FIRST);
	assert_int_equal(next(uids), SESSION_UID_FIRST + 1);
	assert_int_equal(next(uids), SESSION_UID_FIRST + BLOCK + 2);
	account_first = 0;
	account_count = UINT32_MAX;
	uint32_t uid;
	assert_int_equal(session_uids_next(uids, &uid, NULL), BL_IO);
}

static void who_cannot_say_whether_there_is_an_account_gets_none(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);
	uint32_t uid;

	put_number(store, SESSION_UID_FIRST);
	account_error = EIO;
	assert_int_equal(session_uids_next(uids, &uid, NULL), BL_IO);
	account_error = ENOENT;
	assert_int_equal(next(uids), SESSION_UID_FIRST);
}

struct share {
	struct session_uids *uids;
	uint32_t got[EACH];
};

static void *take_many(void *argument)
{
	struct share *share = argument;

	for (size_t i = 0; i < EACH; i++)
		if (session_uids_next(share->uids, &share->got[i], NULL) != BL_OK)
			share->got[i] = 0;
	return NULL;
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static void threads_never_get_the_same(void **state)
{
	const struct store *store = *state;
	BL_CLEANUP(session_uids_free) struct session_uids *uids = session_uids_new(store->fd);
	BL_CLEANUP(bl_free) struct share *shares = calloc(THREADS, sizeof(*shares));
	BL_CLEANUP(bl_free) uint32_t *all = calloc(THREADS * EACH, sizeof(*all));
	pthread_t threads[THREADS];

	put_number(store, SESSION_UID_FIRST);
	for (size_t i = 0; i < THREADS; i++) {
		shares[i].uids = uids;
		assert_int_equal(pthread_create(&threads[i], NULL, take_many, &shares[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		memcpy(all + i * EACH, shares[i].got, sizeof(shares[i].got));
	}
	qsort(all, THREADS * EACH, sizeof(*all), compare);
	for (uint32_t i = 0; i < THREADS * EACH; i++)
		assert_int_equal(all[i], SESSION_UID_FIRST + i);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_follows_the_other_over_the_end_of_a_block),
		TEST(crash_skips_some_and_gives_none_again),
		TEST(number_is_on_the_disk_before_the_first_is_given),
		TEST(after_the_last_comes_the_first),
		TEST(new_stores_begin_anywhere),
		TEST(file_that_is_not_ours_gives_none_and_stays),
		TEST(file_that_does_not_match_its_line_gives_none),
		TEST(link_in_its_place_gives_none),
		TEST(what_cannot_be_written_is_not_given),
		TEST(uids_with_an_account_are_passed_over),
		TEST(who_cannot_say_whether_there_is_an_account_gets_none),
		TEST(threads_never_get_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
