/* The source of an intake: promised when the receipt is durable, destroyed when the record says complete. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/retention/private.h"

/* ---- the promise --------------------------------------------------------------------------------------- */

/* Where the client's file lies, which counts only when the path leads to that file: read off the very descriptor. */
static enum bl_status path_of(int fd, size_t number, char out[DEVICE_PATH], struct bl_error *why)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

	ssize_t length = readlink(link, out, DEVICE_PATH - 1);

	if (length <= 0 || length == DEVICE_PATH - 1 || *out != '/')
		return bl_fail(why, BL_INVALID, "file %zu of the source has no path", number);
	out[length] = '\0';
	return BL_OK;
}

static enum bl_status add_file(struct shred *shred, int fd, size_t index, struct bl_error *why)
{
	struct shred_file *file = &shred->journal.files[index];
	int flags = fcntl(fd, F_GETFL);
	enum bl_status status;

	/* Who may not write it shall not have it destroyed by us. */
	if (flags < 0 || (flags & O_ACCMODE) != O_RDWR)
		return bl_fail(why, BL_INVALID, "file %zu of the source is not open for writing",
			       index + 1);
	status = files_add(file, fd, why);
	if (status != BL_OK) {
		bl_explain(why, "file %zu of the source", index + 1);
		return status;
	}
	for (size_t i = 0; i < index; i++)
		if (shred->journal.files[i].dev == file->dev &&
		    shred->journal.files[i].ino == file->ino)
			return bl_fail(why, BL_INVALID, "file %zu of the source is given twice",
				       index + 1);
	shred->journal.size += file->size;
	return path_of(fd, index + 1, file->path, why);
}

static enum bl_status check_pieces(const struct journal *journal, struct bl_error *why)
{
	size_t pieces = 0;

	for (size_t i = 0; i < journal->file_count; i++)
		pieces += journal->files[i].layout.count;
	/* All of them go into one journal. */
	if (pieces > MEDIUM_EXTENTS)
		return bl_fail(why, BL_UNSUPPORTED,
			       "the source cannot be destroyed truthfully: its files are in over "
			       "%d pieces (copy them to a filesystem with more room)",
			       MEDIUM_EXTENTS);
	return BL_OK;
}

/* By their paths, as it will have to be done: each must be the client's file. */
static enum bl_status check_paths(struct shred *shred, struct bl_error *why)
{
	enum bl_status status = files_open(shred, why);

	for (size_t i = 0; i < shred->journal.file_count && status == BL_OK; i++)
		if (shred->journal.files[i].fd < 0)
			status = bl_fail(why, BL_INVALID,
					 "file %zu of the source does not lie where its path says",
					 i + 1);
	return status;
}

static enum bl_status promise(struct shred *shred, const int *fds, size_t count,
			      struct bl_error *why)
{
	enum bl_status status = journal_files(&shred->journal, count, why);

	shred_describe(shred, NULL);
	for (size_t i = 0; i < count && status == BL_OK; i++)
		status = add_file(shred, fds[i], i, why);
	if (status == BL_OK)
		status = check_pieces(&shred->journal, why);
	if (status == BL_OK)
		status = check_paths(shred, why);
	if (status != BL_OK)
		return status;
	storage_look(shred->journal.files[0].fd, &shred->journal.image);
	shred->journal.is_complete = true;
	return journal_save(shred->context->store, shred->device.id, &shred->journal, why);
}

/* Whoever takes the device in has its claim. */
enum bl_status retention_source_prepare(const struct retention_context *context, const char *id,
					const int *fds, size_t count, struct bl_error *why)
{
	SHRED_CLEANUP struct shred shred;

	shred_init(&shred, context, SHRED_SOURCE);

	enum bl_status status = device_find(context->store, id, &shred.device, why);

	if (status != BL_OK)
		return status;
	if (!count || count > SHRED_FILES)
		return bl_fail(why, BL_INVALID, "a source is 1 to %d files", SHRED_FILES);
	/* One that is complete keeps what was promised then: it may be half way. */
	if (shred.device.source_kind != SOURCE_SEALED || shred.device.is_complete ||
	    device_is_gone(&shred.device))
		return bl_fail(why, BL_INVALID, "device '%s' has no intake under way", id);
	return promise(&shred, fds, count, why);
}

/* ---- keeping it ---------------------------------------------------------------------------------------- */

/* In front of INTENT: the last look at holds, and what the files held. */
enum bl_status source_begin(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;

	if (shred->device.hold_count)
		return bl_fail(why, BL_FORBIDDEN,
			       "device '%s' is held (its source is destroyed when its holds are "
			       "released)",
			       shred->device.id);
	/* Whoever goes on with it, it is done for who asked for it with the intake. */
	uid_t by = journal->by;

	shred_describe(shred, NULL);
	journal->by = by;

	enum bl_status status = files_open(shred, why);

	if (status == BL_OK)
		status = files_digest(journal, why);
	for (size_t i = 0; i < journal->file_count; i++) {
		fd_close(journal->files[i].fd);
		journal->files[i].fd = -1;
	}
	return status;
}

/* What its certificate says, whoever brought it to its end. */
static enum bl_status ended(const struct retention_context *context, const char *id,
			    struct bl_error *why)
{
	enum bl_status status = certificate_of_source(context->store, id);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, status, "no source of '%s' was given to Bailee to destroy", id);
	if (status == BL_NOT_VERIFIED)
		return bl_fail(why, status,
			       "the source of '%s' was removed or replaced by somebody else before "
			       "its erasure was proven (its certificate says so)",
			       id);
	return status;
}

static enum bl_status shred_claimed(const struct retention_context *context, const char *id,
				    struct bl_error *why)
{
	struct device device;
	enum bl_status status = device_find(context->store, id, &device, why);

	if (status == BL_OK && !device.is_complete)
		return bl_fail(why, BL_FORBIDDEN,
			       "the intake of '%s' is not complete: its source stays", id);
	if (status == BL_OK)
		status = recover_one(context, id, SHRED_SOURCE, why);
	if (status == BL_OK || status == BL_NOT_FOUND)
		status = ended(context, id, why);
	return status;
}

enum bl_status retention_source_shred(const struct retention_context *context, const char *id,
				      struct bl_error *why)
{
	enum bl_status status = device_shred_claim(context->store, id, why);

	if (status != BL_OK)
		return status;
	status = shred_claimed(context, id, why);
	device_shred_unclaim(context->store, id);
	return status;
}
