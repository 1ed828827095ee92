/* Policies that were in force, for reports: kept as long as the log tells that they were loaded. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/state.h"
#include "fs/device/policies.h"

bool policy_told_digest(const struct audit_event *event, uint8_t out_digest[DEVICE_DIGEST])
{
	char hex[2 * DEVICE_DIGEST + 1];
	size_t length = 0;

	return event->op == AUDIT_POLICY_LOADED &&
	       sscanf(event->detail, "serial %*u digest %64[0-9a-f]", hex) == 1 &&
	       sodium_hex2bin(out_digest, DEVICE_DIGEST, hex, strlen(hex), NULL, &length, NULL) ==
		       0 &&
	       length == DEVICE_DIGEST;
}

struct told {
	uint8_t (*digests)[DEVICE_DIGEST];
	size_t count, room;
	uint64_t last_sequence; /* that was looked at */
	bool is_short_of_memory;
};

static bool take(struct told *told, const uint8_t digest[DEVICE_DIGEST])
{
	if (told->count == told->room) {
		size_t room = told->room ? 2 * told->room : 64;
		void *grown = reallocarray(told->digests, room, sizeof(*told->digests));

		told->is_short_of_memory |= !grown;
		if (!grown)
			return false;
		told->digests = grown;
		told->room = room;
	}
	memcpy(told->digests[told->count++], digest, DEVICE_DIGEST);
	return true;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, DEVICE_DIGEST);
}

static bool is_told(void *context, const uint8_t digest[DEVICE_DIGEST])
{
	const struct told *told = context;

	return bsearch(digest, told->digests, told->count, sizeof(*told->digests), compare) != NULL;
}

/* The same policy is loaded again and again, by every start: each counts once. */
static bool take_record(void *context, const struct audit_record *record)
{
	struct told *told = context;
	uint8_t digest[DEVICE_DIGEST];

	told->last_sequence = record->sequence;
	if (!policy_told_digest(&record->event, digest) ||
	    (told->count && compare(told->digests[told->count - 1], digest) == 0))
		return true;
	return take(told, digest);
}

/* What was not read to its end does not tell what is not in it. life_lock is held: no policy comes into force meanwhile. */
static void forget_others(struct daemon *daemon, int log_fd, struct told *told)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	enum bl_status status =
		audit_scan_from(log_fd, told->last_sequence, take_record, told, NULL);

	if (status != BL_OK || (policy && !take(told, policy_digest(policy))) ||
	    told->is_short_of_memory || !told->count)
		return;
	qsort(told->digests, told->count, sizeof(*told->digests), compare);
	(void)!policies_forget(daemon->store, is_told, told, NULL);
}

void policy_forget_old(struct daemon *daemon)
{
	BL_CLEANUP(fd_close) int log_fd = -1;
	struct told told = {.count = 0};

	/* The long part without the lock, then what came meanwhile with it. */
	if (device_store_log(daemon->store, &log_fd, NULL) == BL_OK &&
	    audit_scan(log_fd, take_record, &told, NULL) == BL_OK) {
		pthread_mutex_lock(&daemon->life_lock);
		forget_others(daemon, log_fd, &told);
		pthread_mutex_unlock(&daemon->life_lock);
	}
	free(told.digests);
}
