/* What NSS says is faked: the real one of this machine knows no group of a million members, and is never away. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

static struct {
	int passwd_error, group_error;
	size_t group_needs; /* bytes of room for a group entry */
	int groups;
} nss;

static int fake_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
			   struct passwd **out)
{
	(void)size;
	*out = NULL;
	if (nss.passwd_error)
		return nss.passwd_error;
	strcpy(buffer, "kim");
	*entry = (struct passwd){.pw_name = buffer, .pw_uid = uid, .pw_gid = 100};
	*out = entry;
	return 0;
}

static int fake_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size,
			   struct group **out)
{
	*out = NULL;
	if (nss.group_error)
		return nss.group_error;
	if (size < nss.group_needs)
		return ERANGE;
	snprintf(buffer, size, "group-%u", (unsigned)gid);
	*entry = (struct group){.gr_name = buffer, .gr_gid = gid};
	*out = entry;
	return 0;
}

static int fake_getgrouplist(const char *login, gid_t gid, gid_t *gids, int *count)
{
	int room = *count;

	(void)login;
	*count = nss.groups;
	for (int i = 0; i < room && i < nss.groups; i++)
		gids[i] = gid + (gid_t)i;
	return nss.groups > room ? -1 : nss.groups;
}

#define getpwuid_r   fake_getpwuid_r
#define getgrgid_r   fake_getgrgid_r
#define getgrouplist fake_getgrouplist
#include "fs/gate/person.c"

static void groups_are_all_there_or_the_person_is_not(void **state)
{
	static const struct {
		const char *name;
		int passwd_error, group_error;
		size_t group_needs;
		int groups;
		enum bl_status status;
		bool has_login;
		size_t count;
	} ROWS[] = {
		{"an account with two groups", 0, 0, 0, 2, BL_OK, true, 2},
		{"a group of many members", 0, 0, 3u << 20, 2, BL_OK, true, 2},
		{"a group of too many", 0, 0, 64u << 20, 2, BL_IO, false, 0},
		{"more groups than we take", 0, 0, 0, 1025, BL_TOO_LARGE, false, 0},
		{"as many as we take", 0, 0, 0, 1024, BL_OK, true, 1024},
		{"no account", ENOENT, 0, 0, 2, BL_OK, false, 0},
		{"groups without a name", 0, ESRCH, 0, 2, BL_OK, true, 0},
		{"accounts cannot be asked for", EIO, 0, 0, 2, BL_IO, false, 0},
		{"groups cannot be asked for", 0, EMFILE, 0, 2, BL_IO, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct person *person = NULL;

		nss.passwd_error = ROWS[i].passwd_error;
		nss.group_error = ROWS[i].group_error;
		nss.group_needs = ROWS[i].group_needs;
		nss.groups = ROWS[i].groups;
		enum bl_status status = person_lookup(1000, 100, &person, NULL);

		if (status != ROWS[i].status)
			fail_msg("%s: %s", ROWS[i].name, bl_status_name(status));
		if (status != BL_OK)
			continue;
		struct rules_caller caller = person_caller(person, 1000);

		if (caller.group_count != ROWS[i].count || !caller.login == ROWS[i].has_login)
			fail_msg("%s: %zu groups", ROWS[i].name, caller.group_count);
		person_free(person);
	}
}

static struct person *person_by(int passwd_error, int groups)
{
	struct person *person = NULL;

	memset(&nss, 0, sizeof(nss));
	nss.passwd_error = passwd_error;
	nss.groups = groups;
	assert_int_equal(person_lookup(1000, 100, &person, NULL), BL_OK);
	return person;
}

static void a_person_is_another_with_other_groups_or_none(void **state)
{
	static const struct {
		int passwd_error, groups;
		bool is_same;
	} ROWS[] = {{0, 2, true}, {0, 3, false}, {0, 0, false}, {ENOENT, 0, false}};
	struct person *first = person_by(0, 2);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct person *other = person_by(ROWS[i].passwd_error, ROWS[i].groups);

		if (person_is_same(first, other) != ROWS[i].is_same ||
		    person_is_same(other, first) != ROWS[i].is_same)
			fail_msg("row %zu", i);
		person_free(other);
	}
	assert_false(person_is_same(first, NULL));
	person_free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_all_there_or_the_person_is_not),
		cmocka_unit_test(a_person_is_another_with_other_groups_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
