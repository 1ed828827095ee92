/* Throw-away uids: each session is somebody else, whom nobody else is. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/device.h"
#include "fs/session/session.h"

#define FILE_NAME    "session.uids"
#define BLOCK	     4096u /* taken at once: one write for so many sessions */
#define ACCOUNT_ROOM 16384u
#define TRIES	     (2 * BLOCK) /* accounts passed over at most, before it is no accident */

struct session_uids {
	pthread_mutex_t mutex;
	int store_fd;
	uint32_t next, end; /* the block in hand, from 0 on; none: equal */
};

struct session_uids *session_uids_new(int store_fd)
{
	struct session_uids *uids = calloc(1, sizeof(*uids));

	if (!uids)
		return NULL;
	uids->store_fd = store_fd;
	pthread_mutex_init(&uids->mutex, NULL);
	return uids;
}

void session_uids_free(struct session_uids *uids)
{
	if (!uids)
		return;
	pthread_mutex_destroy(&uids->mutex);
	free(uids);
}

/* Digits and nothing else, in the one way that we write them, inside the range. */
static bool parse(const char *text, size_t length, uint32_t *out)
{
	char again[16];
	uint32_t number = 0;

	if (length == 0 || length > 10)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (uint32_t)(text[i] - '0');
	}
	*out = number - SESSION_UID_FIRST;
	return snprintf(again, sizeof(again), "%" PRIu32, number) == (int)length &&
	       memcmp(again, text, length) == 0 && *out < SESSION_UID_COUNT && *out % BLOCK == 0;
}

/* Where the next block begins. A store that has none begins anywhere, so that two on one host hardly meet. */
static enum bl_status load(const struct session_uids *uids, uint32_t *out, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length;
	enum bl_status status =
		device_store_file_read(uids->store_fd, FILE_NAME, &text, &length, why);

	if (status == BL_NOT_FOUND) {
		*out = randombytes_uniform(SESSION_UID_COUNT / BLOCK) * BLOCK;
		return BL_OK;
	}
	if (status == BL_INVALID || status == BL_TOO_LARGE)
		return BL_TAMPERED; /* not as we made it */
	if (status == BL_OK && !parse(text, length, out))
		return bl_fail(why, BL_TAMPERED, "'%s' in the store holds no such number",
			       FILE_NAME);
	return status;
}

/* On the disk before the first of them is given: a crash skips what is left, and gives none twice. */
static enum bl_status take_block(struct session_uids *uids, struct bl_error *why)
{
	uint32_t first = 0;
	char text[16];
	enum bl_status status = load(uids, &first, why);

	if (status != BL_OK)
		return status;
	int length = snprintf(text, sizeof(text), "%" PRIu32,
			      SESSION_UID_FIRST + (first + BLOCK) % SESSION_UID_COUNT);

	status = device_store_file_write(uids->store_fd, FILE_NAME, text, (size_t)length, why);
	if (status != BL_OK)
		return status;
	uids->next = first;
	uids->end = first + BLOCK;
	return BL_OK;
}

/* It may be waited for: NSS may ask a directory service. */
static enum bl_status has_account(uint32_t uid, bool *out_has, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *room = malloc(ACCOUNT_ROOM);
	struct passwd entry, *found = NULL;
	int error;

	if (!room)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	do
		error = getpwuid_r(uid, &entry, room, ACCOUNT_ROOM, &found);
	while (error == EINTR);
	/* What getpwuid(3) lists as "not found"; ERANGE is an account of many words. */
	*out_has = found || error == ERANGE;
	if (error == 0 || error == ERANGE || error == ENOENT || error == ESRCH || error == EBADF ||
	    error == EPERM)
		return BL_OK;
	errno = error;
	return bl_fail_errno(why, BL_IO, "cannot tell whether uid %" PRIu32 " has an account", uid);
}

static enum bl_status next_locked(struct session_uids *uids, uint32_t *out_uid,
				  struct bl_error *why)
{
	for (unsigned tries = 0; tries < TRIES; tries++) {
		enum bl_status status = BL_OK;
		bool is_taken = false;

		if (uids->next == uids->end)
			status = take_block(uids, why);

		uint32_t uid = SESSION_UID_FIRST + uids->next;

		if (status == BL_OK)
			status = has_account(uid, &is_taken, why);
		if (status != BL_OK)
			return status;
		uids->next++;
		if (!is_taken) {
			*out_uid = uid;
			return BL_OK;
		}
	}
	return bl_fail(why, BL_IO, "every uid from %" PRIu32 " on seems to have an account",
		       SESSION_UID_FIRST);
}

enum bl_status session_uids_next(struct session_uids *uids, uint32_t *out_uid, struct bl_error *why)
{
	pthread_mutex_lock(&uids->mutex);
	enum bl_status status = next_locked(uids, out_uid, why);
	pthread_mutex_unlock(&uids->mutex);
	return status;
}
