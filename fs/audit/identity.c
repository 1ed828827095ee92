#include "fs/audit/identity.h"

#include "fs/audit/framekey.h"
#include "fs/audit/walk.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct ours {
	int log_fd;
	bool is_found;
};

static bool look_at_segment(void *context, uint64_t first_sequence)
{
	struct ours *ours = context;
	uint8_t begin[12];
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(first_sequence, name);

	BL_CLEANUP(fd_close)
	int fd = openat(ours->log_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && pread(fd, begin, sizeof(begin), 0) == (ssize_t)sizeof(begin) &&
	    memcmp(begin, "BLOG1SEG", 8) == 0 && bl_get32(begin + 8) == LOG_VERSION)
		ours->is_found = true;
	return !ours->is_found;
}

/* A log whose log.id is gone or no such thing any more is still a log, of this version. */
static bool holds_our_segments(int log_fd)
{
	struct ours ours = {.log_fd = log_fd};
	struct bl_error unused;
	enum bl_status status = segments_each(log_fd, look_at_segment, &ours, &unused);

	return status != BL_IO && ours.is_found;
}

static enum bl_status read_identity(int log_fd, struct log_identity *out_identity,
				    struct bl_error *why)
{
	enum bl_status status = identity_read(log_fd, out_identity, why);

	if (status == BL_OK || status == BL_IO || status == BL_UNSUPPORTED)
		return status;
	if (status == BL_TAMPERED || holds_our_segments(log_fd))
		return status == BL_NOT_FOUND ? bl_fail(why, BL_TAMPERED, "'log.id' is missing")
					      : BL_TAMPERED;
	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID, "this folder is not a log of Bailee: no 'log.id'");
	return status;
}

static bool is_of_kit(const struct log_identity *identity, const struct audit_kit *kit)
{
	uint8_t commitment[AUDIT_DIGEST];

	framekey_commitment(kit->first, commitment);
	return memcmp(identity->public_key, kit->public_key, VAULT_PUBLIC_KEY) == 0 &&
	       memcmp(identity->commitment, commitment, AUDIT_DIGEST) == 0 &&
	       identity->auditor_count == kit->auditor_count &&
	       memcmp(identity->auditors, kit->auditors, kit->auditor_count * AUDIT_KEY) == 0;
}

enum bl_status identity_check(int log_fd, const struct audit_kit *kit, const uint8_t *public_key,
			      struct log_identity *out_identity, struct bl_error *why)
{
	enum bl_status status = read_identity(log_fd, out_identity, why);

	if (status != BL_OK)
		return status;
	if (kit && memcmp(out_identity->log_id, kit->log_id, LOG_ID_SIZE) != 0)
		return bl_fail(why, BL_INVALID,
			       "the kit is of another log than this one (nothing was checked)");
	if (kit && !is_of_kit(out_identity, kit))
		return bl_fail(why, BL_TAMPERED, "'log.id' does not say what the auditor kit says");
	if (memcmp(out_identity->public_key, public_key, VAULT_PUBLIC_KEY) != 0)
		return bl_fail(
			why, BL_INVALID,
			"the public key is of another log than this one (nothing was checked)");
	return BL_OK;
}
