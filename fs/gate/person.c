#include "fs/gate/person.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_LIMIT 1024
#define NSS_BUFFER   16384 /* one passwd or group entry; a group that does not fit gives nothing */

struct person {
	char *login;
	char *groups[GROUPS_LIMIT];
	size_t group_count;
};

void person_free(struct person *person)
{
	if (!person)
		return;
	for (size_t i = 0; i < person->group_count; i++)
		free(person->groups[i]);
	free(person->login);
	free(person);
}

/* Unknown groups are left out: they can match no key of a policy, and a key only ever gives roles. */
static enum bl_status add_group(struct person *person, gid_t gid, char *buffer)
{
	struct group group, *found = NULL;

	if (getgrgid_r(gid, &group, buffer, NSS_BUFFER, &found) != 0 || !found)
		return BL_OK;
	person->groups[person->group_count] = strdup(found->gr_name);
	if (!person->groups[person->group_count])
		return BL_NO_MEMORY;
	person->group_count++;
	return BL_OK;
}

static enum bl_status add_groups(struct person *person, gid_t gid, char *buffer)
{
	BL_CLEANUP(bl_free) gid_t *gids = calloc(GROUPS_LIMIT, sizeof(*gids));
	int count = GROUPS_LIMIT;
	enum bl_status status = BL_OK;

	if (!gids)
		return BL_NO_MEMORY;
	if (!person->login || getgrouplist(person->login, gid, gids, &count) < 0) {
		gids[0] = gid;
		count = 1;
	}
	for (int i = 0; i < count && status == BL_OK; i++)
		status = add_group(person, gids[i], buffer);
	return status;
}

enum bl_status person_lookup(uid_t uid, gid_t gid, struct person **out_person, struct bl_error *why)
{
	BL_CLEANUP(person_free) struct person *person = calloc(1, sizeof(*person));
	BL_CLEANUP(bl_free) char *buffer = malloc(NSS_BUFFER);
	struct passwd entry, *found = NULL;

	if (!person || !buffer)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (getpwuid_r(uid, &entry, buffer, NSS_BUFFER, &found) == 0 && found) {
		gid = found->pw_gid;
		person->login = strdup(found->pw_name);
		if (!person->login)
			return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	if (add_groups(person, gid, buffer) != BL_OK)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*out_person = BL_TAKE(person);
	return BL_OK;
}

struct rules_caller person_caller(const struct person *person, uid_t uid)
{
	return (struct rules_caller){.uid = uid,
				     .login = person->login,
				     .groups = (const char *const *)person->groups,
				     .group_count = person->group_count};
}
