#include "fs/vault/sealed-part.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GAPS	 "gaps"
#define GAPS_NEW "gaps.new"
#define MOST	 ((off_t)SEALED_GAPS * 24 + 16 + VAULT_SEAL_OVERHEAD)

/* A whole file of the image, when it has @hash. BL_NOT_FOUND: there is none; BL_TAMPERED: it has another. */
static enum bl_status load(const struct part *part, const char *name,
			   const uint8_t hash[SEALED_HASH], uint8_t **out_bytes, size_t *out_length,
			   struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	uint8_t is[SEALED_HASH];
	struct stat st;
	BL_CLEANUP(fd_close)
	int fd = io->open_at(io->context, part->files.folder, name,
			     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

	if (fd < 0)
		return bl_fail(why, errno == ENOENT ? BL_NOT_FOUND : BL_IO,
			       "cannot open the image's '%s'", name);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < VAULT_SEAL_OVERHEAD ||
	    st.st_size > MOST)
		return bl_fail(why, BL_TAMPERED, "the image's '%s' is not what was written", name);
	*out_length = (size_t)st.st_size;
	bytes = malloc(*out_length);
	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the image's gaps");

	enum bl_status status = sealed_read_at(fd, bytes, *out_length, 0, name, why);

	if (status != BL_OK)
		return status;
	sealed_hash(bytes, *out_length, is);
	if (memcmp(is, hash, sizeof(is)) != 0)
		return bl_fail(why, BL_TAMPERED, "the image's '%s' is not what was written", name);
	*out_bytes = BL_TAKE(bytes);
	return BL_OK;
}

/* From one root to the other; the length stays, so that the new can be written over the old. */
static enum bl_status seal_anew(const struct part *part, const uint8_t new_root[VAULT_KEY],
				uint8_t *bytes, size_t length, struct bl_error *why)
{
	size_t plain_length = length - VAULT_SEAL_OVERHEAD;
	BL_CLEANUP(bl_free) uint8_t *plain = malloc(BL_MAX(plain_length, (size_t)1));
	char label[BL_DEVICE_ID_SIZE + 8];
	uint8_t key[VAULT_KEY];

	if (!plain)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the image's gaps");
	snprintf(label, sizeof(label), "gaps:%s", part->id);
	sealed_derive(part->root, "bailee image gaps", "", 0, key);

	enum bl_status status = vault_unseal(key, label, bytes, length, plain, why);

	sealed_derive(new_root, "bailee image gaps", "", 0, key);
	if (status == BL_OK)
		status = vault_seal(key, label, plain, plain_length, bytes);
	sodium_memzero(key, sizeof(key));
	return status;
}

static enum bl_status write_new(const struct part *part, const uint8_t *bytes, size_t length,
				struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	BL_CLEANUP(fd_close) int fd = -1;

	if (io->remove_at(io->context, part->files.folder, GAPS_NEW, false) != 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot remove an old '" GAPS_NEW "'");

	enum bl_status status = sealed_io_create(io, part->files.folder, GAPS_NEW, 0, &fd, why);

	if (status == BL_OK)
		status = sealed_io_write(io, fd, bytes, length, 0, GAPS_NEW, why);
	if (status == BL_OK)
		status = sealed_io_sync(io, fd, GAPS_NEW, why);
	return status;
}

enum bl_status part_gaps_prepare(struct part *part, const uint8_t new_root[VAULT_KEY],
				 struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	size_t length = 0;

	if (sodium_is_zero(part->header.gaps_hash, SEALED_HASH))
		return BL_OK;

	enum bl_status status = load(part, GAPS, part->header.gaps_hash, &bytes, &length, why);

	if (status == BL_OK)
		status = seal_anew(part, new_root, bytes, length, why);
	if (status == BL_OK)
		status = write_new(part, bytes, length, why);
	if (status == BL_OK)
		sealed_hash(bytes, length, part->header.gaps_hash);
	return status == BL_NOT_FOUND ? BL_TAMPERED : status;
}

enum bl_status part_gaps_finish(struct part *part, struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	BL_CLEANUP(fd_close) int fd = -1;
	size_t length = 0;

	if (sodium_is_zero(part->header.gaps_hash, SEALED_HASH))
		return BL_OK;

	enum bl_status status = load(part, GAPS_NEW, part->header.gaps_hash, &bytes, &length, why);

	if (status == BL_NOT_FOUND) /* copied before */
		return BL_OK;
	if (status != BL_OK)
		return status;
	fd = io->open_at(io->context, part->files.folder, GAPS,
			 O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the image's '" GAPS "'");
	status = sealed_io_write(io, fd, bytes, length, 0, GAPS, why);
	if (status == BL_OK)
		status = sealed_io_sync(io, fd, GAPS, why);
	if (status != BL_OK)
		return status;
	if (io->remove_at(io->context, part->files.folder, GAPS_NEW, false) != 0)
		return bl_fail_errno(why, BL_IO, "cannot remove the image's '" GAPS_NEW "'");
	return BL_OK;
}
