#include "fs/vault/sealed-format.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME	 "gaps"
#define NAME_NEW "gaps.new"
#define VERSION	 1
#define HEAD	 16 /* version, zeros, count */
#define ROW	 24

static void label_of(const char *id, char out[BL_DEVICE_ID_SIZE + 8])
{
	snprintf(out, BL_DEVICE_ID_SIZE + 8, "gaps:%s", id);
}

static void gaps_key(const uint8_t root[VAULT_KEY], uint8_t out_key[VAULT_KEY])
{
	sealed_derive(root, "bailee image gaps", "", 0, out_key);
}

static size_t plain_length(size_t count)
{
	return HEAD + count * ROW;
}

/* Sorted, without overlap, none empty, none behind the end. */
static bool is_in_order(const struct sealed_gap *gaps, size_t count, uint64_t image_bytes)
{
	uint64_t at = 0;

	for (size_t i = 0; i < count; i++) {
		const struct sealed_gap *gap = &gaps[i];

		if (gap->offset < at || gap->length == 0 || gap->offset > image_bytes ||
		    gap->length > image_bytes - gap->offset ||
		    (gap->kind != SEALED_UNREADABLE && gap->kind != SEALED_LEFT_OUT))
			return false;
		at = gap->offset + gap->length;
	}
	return true;
}

bool sealed_gaps_ok(const struct sealed_gap *gaps, size_t count, uint64_t image_bytes)
{
	return count <= SEALED_GAPS && is_in_order(gaps, count, image_bytes);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void encode(const struct sealed_gap *gaps, size_t count, uint8_t *out)
{
	memset(out, 0, HEAD);
	out[0] = VERSION;
	bl_put64(out + 8, count);
	for (size_t i = 0; i < count; i++) {
		uint8_t *row = out + HEAD + i * ROW;

		bl_put64(row, gaps[i].offset);
		bl_put64(row + 8, gaps[i].length);
		bl_put64(row + 16, (uint64_t)gaps[i].kind);
	}
}

static enum bl_status seal(const char *id, const uint8_t root[VAULT_KEY],
			   const struct sealed_gap *gaps, size_t count, uint8_t *out)
{
	BL_CLEANUP(bl_free) uint8_t *plain = malloc(plain_length(count));
	char label[BL_DEVICE_ID_SIZE + 8];
	uint8_t key[VAULT_KEY];

	if (!plain)
		return BL_NO_MEMORY;
	encode(gaps, count, plain);
	label_of(id, label);
	gaps_key(root, key);

	enum bl_status status = vault_seal(key, label, plain, plain_length(count), out);

	sodium_memzero(key, sizeof(key));
	return status;
}

/* Under a name that counts for nothing, durable, then the right one. */
static enum bl_status put_file(const struct sealed_files *files, const uint8_t *bytes,
			       size_t length, struct bl_error *why)
{
	const struct sealed_io *io = files->io;
	BL_CLEANUP(fd_close) int fd = -1;

	if (io->remove_at(io->context, files->folder, NAME_NEW, false) != 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot remove an old '%s'", NAME_NEW);

	enum bl_status status = sealed_io_create(io, files->folder, NAME_NEW, 0, &fd, why);

	if (status == BL_OK)
		status = sealed_io_write(io, fd, bytes, length, 0, NAME, why);
	if (status == BL_OK)
		status = sealed_io_sync(io, fd, NAME, why);
	if (status != BL_OK)
		return status;
	if (io->rename_at(io->context, files->folder, NAME_NEW, NAME) != 0)
		return bl_fail_errno(why, BL_IO, "cannot rename '%s'", NAME_NEW);
	return sealed_io_sync_folder(io, files->folder, "the image's folder", why);
}

enum bl_status sealed_gaps_write(const struct sealed_files *files, const char *id,
				 const uint8_t root[VAULT_KEY], const struct sealed_gap *gaps,
				 size_t count, uint8_t out_hash[SEALED_HASH], struct bl_error *why)
{
	memset(out_hash, 0, SEALED_HASH);
	if (count == 0)
		return BL_OK;
	if (!sealed_gaps_ok(gaps, count, SEALED_MOST))
		return bl_fail(why, BL_INVALID, "gaps overlap, are out of order, or too many");

	size_t length = plain_length(count) + VAULT_SEAL_OVERHEAD;
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(length);

	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "no memory for %zu gaps", count);

	enum bl_status status = seal(id, root, gaps, count, bytes);

	if (status == BL_OK)
		status = put_file(files, bytes, length, why);
	if (status == BL_OK)
		sealed_hash(bytes, length, out_hash);
	return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum bl_status changed(struct bl_error *why)
{
	return bl_fail(why, BL_TAMPERED, "the image's 'gaps' is not what was written");
}

static enum bl_status load(const struct sealed_files *files, uint8_t **out_bytes,
			   size_t *out_length, struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(files->folder, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return bl_fail(why, BL_TAMPERED, "the image's 'gaps' is missing");
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open the image's 'gaps'");
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) ||
	    st.st_size < (off_t)(plain_length(1) + VAULT_SEAL_OVERHEAD) ||
	    st.st_size > (off_t)(plain_length(SEALED_GAPS) + VAULT_SEAL_OVERHEAD))
		return changed(why);

	size_t length = (size_t)st.st_size;

	bytes = malloc(length);
	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the image's gaps");

	enum bl_status status = sealed_read_at(fd, bytes, length, 0, NAME, why);

	if (status != BL_OK)
		return status;
	*out_bytes = BL_TAKE(bytes);
	*out_length = length;
	return BL_OK;
}

static enum bl_status unseal(const char *id, const uint8_t root[VAULT_KEY], const uint8_t *sealed,
			     size_t length, uint8_t *out, struct bl_error *why)
{
	char label[BL_DEVICE_ID_SIZE + 8];
	uint8_t key[VAULT_KEY];

	label_of(id, label);
	gaps_key(root, key);

	enum bl_status status = vault_unseal(key, label, sealed, length, out, NULL);

	sodium_memzero(key, sizeof(key));
	return status == BL_OK || status == BL_NO_MEMORY ? status : changed(why);
}

enum bl_status sealed_gaps_decode(const uint8_t *plain, size_t length, uint64_t image_bytes,
				  struct sealed_gap **out_gaps, size_t *out_count,
				  struct bl_error *why)
{
	uint64_t count = length < HEAD ? 0 : bl_get64(plain + 8);

	if (length < HEAD || plain[0] != VERSION || !sodium_is_zero(plain + 1, 7) || count == 0 ||
	    count > SEALED_GAPS || plain_length((size_t)count) != length)
		return changed(why);

	BL_CLEANUP(bl_free) struct sealed_gap *gaps = calloc((size_t)count, sizeof(*gaps));

	if (!gaps)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the image's gaps");
	for (size_t i = 0; i < count; i++) {
		const uint8_t *row = plain + HEAD + i * ROW;
		uint64_t kind = bl_get64(row + 16);

		if (kind != SEALED_UNREADABLE && kind != SEALED_LEFT_OUT)
			return changed(why);
		gaps[i] = (struct sealed_gap){.offset = bl_get64(row),
					      .length = bl_get64(row + 8),
					      .kind = (enum sealed_gap_kind)kind};
	}
	if (!is_in_order(gaps, (size_t)count, image_bytes))
		return changed(why);
	*out_gaps = BL_TAKE(gaps);
	*out_count = (size_t)count;
	return BL_OK;
}

enum bl_status sealed_gaps_read(const struct sealed_files *files, const char *id,
				const uint8_t root[VAULT_KEY], const uint8_t hash[SEALED_HASH],
				uint64_t image_bytes, struct sealed_gap **out_gaps,
				size_t *out_count, struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint8_t *sealed = NULL;
	BL_CLEANUP(bl_free) uint8_t *plain = NULL;
	uint8_t is[SEALED_HASH];
	size_t length = 0;

	if (sodium_is_zero(hash, SEALED_HASH)) {
		*out_gaps = NULL;
		*out_count = 0;
		return BL_OK;
	}

	enum bl_status status = load(files, &sealed, &length, why);

	if (status != BL_OK)
		return status;
	sealed_hash(sealed, length, is);
	if (memcmp(is, hash, SEALED_HASH) != 0)
		return changed(why);
	plain = malloc(length);
	if (!plain)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the image's gaps");
	status = unseal(id, root, sealed, length, plain, why);
	if (status != BL_OK)
		return status;
	return sealed_gaps_decode(plain, length - VAULT_SEAL_OVERHEAD, image_bytes, out_gaps,
				  out_count, why);
}
