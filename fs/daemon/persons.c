/* People in the log are uids; this is who they are, as the machine of the service knows them now. */
#include "fs/daemon/persons.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/question.h"

#define NSS_SMALL 16384u
#define NSS_LARGE (16u << 20) /* a group of a million members */

/* ---- by uid ------------------------------------------------------------------------------------------ */

const char *persons_name(struct persons *persons, uint32_t uid)
{
	char key[16], room[4096];
	struct passwd entry, *found = NULL;

	snprintf(key, sizeof(key), "%u", (unsigned)uid);
	if (!persons->names)
		persons->names = json_object();
	if (!json_object_get(persons->names, key)) {
		if (getpwuid_r(uid, &entry, room, sizeof(room), &found) != 0)
			found = NULL;
		/* A login that is no text is none that can be told. */
		if (json_object_set_new(persons->names, key,
					json_string(found ? found->pw_name : "")) != 0)
			json_object_set_new(persons->names, key, json_string(""));
	}
	const char *name = json_string_value(json_object_get(persons->names, key));

	return name ? name : "";
}

void persons_done(struct persons *persons)
{
	json_decref(persons->names);
}

/* ---- by name ----------------------------------------------------------------------------------------- */

struct found {
	uint32_t *uids;
	size_t count;
};

static enum bl_status unknown(const char *name, struct bl_error *why)
{
	return bl_fail(why, BL_NOT_FOUND,
		       "nobody is known here as '%.60s' (a login, uid:N or group:NAME, as in the "
		       "policy; who is gone is found by the uid)",
		       name);
}

static bool add_uid(struct found *found, uid_t uid)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->uids[i] == uid)
			return true;
	if (found->count == QUESTION_PEOPLE)
		return false;
	found->uids[found->count++] = uid;
	return true;
}

static bool add_login(struct found *found, const char *login)
{
	char room[4096];
	struct passwd entry, *account = NULL;

	return getpwnam_r(login, &entry, room, sizeof(room), &account) != 0 || !account ||
	       add_uid(found, account->pw_uid);
}

/* Its members, and nobody whose own group it is: those cannot be listed everywhere. */
static enum bl_status add_members(struct found *found, const char *name, struct bl_error *why)
{
	struct group group, *entry = NULL;
	size_t size = NSS_SMALL;
	BL_CLEANUP(bl_free) char *room = malloc(size);
	int error = ENOMEM;

	while (room && (error = getgrnam_r(name, &group, room, size, &entry)) == ERANGE &&
	       size < NSS_LARGE) {
		free(room);
		size *= 2;
		room = malloc(size);
	}
	if (!room)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (char **member = error == 0 && entry ? group.gr_mem : NULL; member && *member; member++)
		if (!add_login(found, *member))
			return bl_fail(why, BL_TOO_LARGE,
				       "that group has more than %d members (ask for some of them)",
				       QUESTION_PEOPLE);
	return BL_OK;
}

static bool parse_uid(const char *text, uint32_t *out)
{
	uint64_t value = 0;

	if (!*text || strlen(text) > 10)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*out = (uint32_t)value;
	return value <= UINT32_MAX;
}

enum bl_status persons_find(const char *name, uint32_t **out_uids, size_t *out_count,
			    struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint32_t *uids = calloc(QUESTION_PEOPLE, sizeof(*uids));
	struct found found = {.uids = uids};
	enum bl_status status = BL_OK;
	uint32_t uid;

	if (!uids)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (strncmp(name, "group:", 6) == 0)
		status = add_members(&found, name + 6, why);
	else if (strncmp(name, "uid:", 4) == 0 ? parse_uid(name + 4, &uid) : parse_uid(name, &uid))
		(void)add_uid(&found, uid);
	else
		(void)add_login(&found, name);
	if (status == BL_OK && !found.count)
		status = unknown(name, why);
	if (status != BL_OK)
		return status;
	*out_uids = BL_TAKE(uids);
	*out_count = found.count;
	return BL_OK;
}
