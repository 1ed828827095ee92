/* Who saw what of a device, by the log: for whoever has to answer for an incident. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/life.h"

#define SEEN_PERSONS 1024
#define SEEN_FILES   (1u << 20)

struct seen_person {
	uint32_t uid;
	int64_t first_unix, last_unix;
	uint64_t files, reads, bytes, unmasked, denied;
};

struct seen_file {
	uint32_t person;
	uint8_t token[AUDIT_TOKEN];
};

struct seen {
	struct asked *asked;
	const char *device;
	size_t person_count, file_count, file_room;
	struct seen_person persons[SEEN_PERSONS];
	struct seen_file *files;
	bool is_more; /* than there is room for: what is told is the least */
	bool is_short_of_memory;
};

static struct seen_person *person_of(struct seen *seen, uint32_t uid, int64_t at_unix)
{
	for (size_t i = 0; i < seen->person_count; i++)
		if (seen->persons[i].uid == uid)
			return &seen->persons[i];
	if (seen->person_count == SEEN_PERSONS) {
		seen->is_more = true;
		return NULL;
	}
	seen->persons[seen->person_count] =
		(struct seen_person){.uid = uid, .first_unix = at_unix, .last_unix = at_unix};
	return &seen->persons[seen->person_count++];
}

static void add_file(struct seen *seen, size_t person, const uint8_t token[AUDIT_TOKEN])
{
	if (seen->file_count == SEEN_FILES) {
		seen->is_more = true;
		return;
	}
	if (seen->file_count == seen->file_room) {
		size_t room = seen->file_room ? 2 * seen->file_room : 1024;
		void *grown = reallocarray(seen->files, room, sizeof(*seen->files));

		seen->is_short_of_memory |= !grown;
		if (!grown)
			return;
		seen->files = grown;
		seen->file_room = room;
	}
	seen->files[seen->file_count].person = (uint32_t)person;
	memcpy(seen->files[seen->file_count++].token, token, AUDIT_TOKEN);
}

static bool is_look(enum audit_op op)
{
	return op == AUDIT_LOOKUP || op == AUDIT_LIST || op == AUDIT_STAT || op == AUDIT_READLINK ||
	       op == AUDIT_OPEN || op == AUDIT_READ;
}

static bool count_look(void *context, const struct audit_record *record)
{
	struct seen *seen = context;
	const struct audit_event *event = &record->event;

	if (!is_look(event->op) || strcmp(event->device, seen->device) != 0)
		return asked_goes_on(seen->asked);
	int64_t at_unix = record->realtime_ns / 1000000000;
	struct seen_person *person = person_of(seen, event->uid, at_unix);

	if (!person)
		return true;
	if (event->verdict != AUDIT_PERMITTED) {
		person->denied += 1 + event->repeats;
		return true;
	}
	person->last_unix = at_unix;
	if (event->op == AUDIT_OPEN) {
		add_file(seen, (size_t)(person - seen->persons), event->token);
		person->unmasked += event->bytes > 0;
	} else if (event->op == AUDIT_READ) {
		person->reads++;
		person->bytes += event->bytes;
	}
	return !seen->is_short_of_memory;
}

static int compare_files(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen_file));
}

/* A file that somebody opened often is one. */
static void count_files(struct seen *seen)
{
	if (!seen->file_count)
		return;
	qsort(seen->files, seen->file_count, sizeof(*seen->files), compare_files);
	for (size_t i = 0; i < seen->file_count; i++)
		if (i == 0 || compare_files(&seen->files[i - 1], &seen->files[i]) != 0)
			seen->persons[seen->files[i].person].files++;
}

static json_t *seen_json(const struct policy *policy, const struct seen_person *person)
{
	char login[64] = "", room[4096];
	struct passwd entry, *found = NULL;
	json_t *item = json_object();

	if (getpwuid_r(person->uid, &entry, room, sizeof(room), &found) == 0 && found)
		snprintf(login, sizeof(login), "%s", found->pw_name);
	answer_number(item, "uid", person->uid);
	answer_text(item, "person", login);
	answer_moment(item, "first", policy, person->first_unix);
	answer_moment(item, "last", policy, person->last_unix);
	answer_number(item, "files", (int64_t)person->files);
	answer_number(item, "reads", (int64_t)person->reads);
	answer_number(item, "bytes", (int64_t)person->bytes);
	answer_number(item, "unmasked", (int64_t)person->unmasked);
	answer_number(item, "denied", (int64_t)person->denied);
	return item;
}

enum bl_status life_seen(struct asked *asked, const struct policy *policy,
			 const struct device *device, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	seen->asked = asked;
	seen->device = device->id;

	enum bl_status status = life_events(asked, device, count_look, seen, why);

	if (status == BL_OK && seen->is_short_of_memory)
		status = bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (status == BL_OK)
		count_files(seen);
	free(seen->files);
	for (size_t i = 0; status == BL_OK && i < seen->person_count; i++)
		asked_send(asked, "seen", seen_json(policy, &seen->persons[i]));
	json_object_set_new(asked->answer, "is_more", json_boolean(seen->is_more));
	return status;
}
