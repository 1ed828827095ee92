#include "fs/gate/private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_LIMIT 1024
#define NSS_SMALL    16384u	 /* one passwd or group entry, to begin with */
#define NSS_LARGE    (16u << 20) /* a group of a million members */

struct person {
	atomic_uint refs;
	char *login;
	char *groups[GROUPS_LIMIT];
	size_t group_count;
};

struct person *person_ref(struct person *person)
{
	atomic_fetch_add(&person->refs, 1);
	return person;
}

void person_free(struct person *person)
{
	if (!person || atomic_fetch_sub(&person->refs, 1) != 1)
		return;
	for (size_t i = 0; i < person->group_count; i++)
		free(person->groups[i]);
	free(person->login);
	free(person);
}

struct room {
	char *bytes;
	size_t size;
};

/* What NSS means by these is that there is no such entry. Anything else is that it could not tell. */
static bool is_absent(int error)
{
	return error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

/* Twice the room, when that is what an entry lacked. */
static bool has_grown(struct room *room, int error)
{
	if (error != ERANGE || room->size >= NSS_LARGE)
		return false;
	char *bytes = realloc(room->bytes, room->size * 2);

	if (!bytes)
		return false;
	room->bytes = bytes;
	room->size *= 2;
	return true;
}

/*
 * A group without a name is left out: it can match no key of a policy. One that cannot be asked for is an error: a role that is
 * lost takes along what is forbidden to it.
 */
static enum bl_status add_group(struct person *person, gid_t gid, struct room *room,
				struct bl_error *why)
{
	struct group group, *found = NULL;
	int error;

	do {
		error = getgrgid_r(gid, &group, room->bytes, room->size, &found);
	} while (has_grown(room, error));
	if (error && !is_absent(error))
		return bl_fail(why, BL_IO, "cannot find out the groups of this account");
	if (error || !found)
		return BL_OK;
	person->groups[person->group_count] = strdup(found->gr_name);
	if (!person->groups[person->group_count])
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	person->group_count++;
	return BL_OK;
}

static enum bl_status add_groups(struct person *person, gid_t gid, struct room *room,
				 struct bl_error *why)
{
	BL_CLEANUP(bl_free) gid_t *gids = calloc(GROUPS_LIMIT, sizeof(*gids));
	int count = GROUPS_LIMIT;
	enum bl_status status = BL_OK;

	if (!gids)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	/* Who has no account has no groups: what the kernel says of a uid that nobody knows proves nothing. */
	if (!person->login)
		return BL_OK;
	if (getgrouplist(person->login, gid, gids, &count) < 0) {
		return bl_fail(why, BL_TOO_LARGE, "this account has more than %d groups",
			       GROUPS_LIMIT);
	}
	for (int i = 0; i < count && status == BL_OK; i++)
		status = add_group(person, gids[i], room, why);
	return status;
}

static enum bl_status add_login(struct person *person, uid_t uid, gid_t *gid, struct room *room,
				struct bl_error *why)
{
	struct passwd entry, *found = NULL;
	int error;

	do {
		error = getpwuid_r(uid, &entry, room->bytes, room->size, &found);
	} while (has_grown(room, error));
	if (error && !is_absent(error))
		return bl_fail(why, BL_IO, "cannot find out the account of uid %u", (unsigned)uid);
	if (error || !found)
		return BL_OK;
	*gid = found->pw_gid;
	person->login = strdup(found->pw_name);
	return person->login ? BL_OK : bl_fail(why, BL_NO_MEMORY, "out of memory");
}

enum bl_status person_lookup(uid_t uid, gid_t gid, struct person **out_person, struct bl_error *why)
{
	BL_CLEANUP(person_free) struct person *person = calloc(1, sizeof(*person));
	struct room room = {.bytes = malloc(NSS_SMALL), .size = NSS_SMALL};

	if (!person || !room.bytes) {
		free(room.bytes);
		free(BL_TAKE(person));
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	atomic_init(&person->refs, 1);
	enum bl_status status = add_login(person, uid, &gid, &room, why);

	if (status == BL_OK)
		status = add_groups(person, gid, &room, why);
	free(room.bytes);
	if (status == BL_OK)
		*out_person = BL_TAKE(person);
	return status;
}

struct rules_caller person_caller(const struct person *person, uid_t uid)
{
	return (struct rules_caller){.uid = uid,
				     .login = person->login,
				     .groups = (const char *const *)person->groups,
				     .group_count = person->group_count};
}

bool person_is_same(const struct person *a, const struct person *b)
{
	if (!a || !b)
		return a == b;
	if (!a->login != !b->login || (a->login && strcmp(a->login, b->login) != 0) ||
	    a->group_count != b->group_count)
		return false;
	for (size_t i = 0; i < a->group_count; i++)
		if (strcmp(a->groups[i], b->groups[i]) != 0)
			return false;
	return true;
}
