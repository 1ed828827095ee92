/*
 * The pattern is the XChaCha20 stream of a random key at the bytes' own offsets: as good as random to
 * anybody else, and yet every byte that is read back can be compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/retention/private.h"

#define BLOCK 64 /* of XChaCha20 */

struct buffers {
	uint8_t *pattern, *found;
};

static void buffers_done(struct buffers *buffers)
{
	free(buffers->pattern);
	free(buffers->found);
}
#define BUFFERS_CLEANUP __attribute__((cleanup(buffers_done)))

static enum bl_status buffers_init(struct buffers *buffers, struct bl_error *why)
{
	buffers->pattern = aligned_alloc(MEDIUM_ALIGN, CHUNK);
	buffers->found = aligned_alloc(MEDIUM_ALIGN, CHUNK);
	if (!buffers->pattern || !buffers->found)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	return BL_OK;
}

/* @offset is a multiple of a filesystem block, so of BLOCK. */
static void pattern_at(const uint8_t key[PATTERN_KEY], uint64_t offset, uint8_t *out, size_t length)
{
	static const uint8_t NONCE[crypto_stream_xchacha20_NONCEBYTES];

	memset(out, 0, length);
	crypto_stream_xchacha20_xor_ic(out, out, length, NONCE, offset / BLOCK, key);
}

enum bl_status overwrite_digest(int fd, uint64_t size, struct digest *digest, struct bl_error *why)
{
	BUFFERS_CLEANUP struct buffers buffers = {0};
	enum bl_status status = buffers_init(&buffers, why);

	if (status != BL_OK)
		return status;
	for (uint64_t at = 0; at < size;) {
		ssize_t got =
			pread(fd, buffers.found, BL_MIN((uint64_t)CHUNK, size - at), (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return bl_fail(why, BL_IO, "cannot read the image at %llu",
				       (unsigned long long)at);
		digest_add(digest, buffers.found, (size_t)got);
		at += (uint64_t)got;
	}
	return BL_OK;
}

enum bl_status overwrite_write(int fd, uint64_t size, const uint8_t key[PATTERN_KEY],
			       struct bl_error *why)
{
	BUFFERS_CLEANUP struct buffers buffers = {0};
	enum bl_status status = buffers_init(&buffers, why);

	if (status != BL_OK)
		return status;
	for (uint64_t at = 0; at < size; at += CHUNK) {
		size_t length = (size_t)BL_MIN((uint64_t)CHUNK, size - at), done = 0;

		pattern_at(key, at, buffers.pattern, length);
		while (done < length) {
			ssize_t put = pwrite(fd, buffers.pattern + done, length - done,
					     (off_t)(at + done));

			if (put < 0 && errno == EINTR)
				continue;
			if (put <= 0)
				return bl_fail_errno(why, BL_IO,
						     "cannot overwrite the image at %llu",
						     (unsigned long long)(at + done));
			done += (size_t)put;
		}
	}
	return BL_OK;
}

/* ---- reading back ---------------------------------------------------------------------------------- */

/* One run of bytes that begins at @from in @fd must hold the pattern of @offset and what follows. */
static enum bl_status check_run(int fd, uint64_t from, uint64_t offset, uint64_t length,
				const uint8_t key[PATTERN_KEY], struct buffers *buffers,
				struct bl_error *why)
{
	for (uint64_t at = 0; at < length; at += CHUNK) {
		size_t wanted = (size_t)BL_MIN((uint64_t)CHUNK, length - at);
		size_t aligned = (wanted + MEDIUM_ALIGN - 1) / MEDIUM_ALIGN * MEDIUM_ALIGN,
		       done = 0;

		while (done < wanted) {
			ssize_t got = pread(fd, buffers->found + done, aligned - done,
					    (off_t)(from + at + done));

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return bl_fail(why, BL_IO, "cannot read back what was written");
			done += (size_t)got;
		}
		pattern_at(key, offset + at, buffers->pattern, wanted);
		if (memcmp(buffers->pattern, buffers->found, wanted) != 0)
			return bl_fail(why, BL_NOT_VERIFIED,
				       "what was read back is not what was written");
	}
	return BL_OK;
}

enum bl_status overwrite_check_disk(int disk_fd, const struct medium_layout *layout, uint64_t size,
				    const uint8_t key[PATTERN_KEY], struct bl_error *why)
{
	BUFFERS_CLEANUP struct buffers buffers = {0};
	enum bl_status status = buffers_init(&buffers, why);
	uint64_t covered = 0;

	for (size_t i = 0; i < layout->count && status == BL_OK; i++) {
		const struct medium_extent *extent = &layout->items[i];

		status = check_run(disk_fd, extent->physical, extent->logical, extent->length, key,
				   &buffers, why);
		covered += extent->length;
	}
	if (status == BL_OK && covered != size)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "not all of the image could be found on the disk");
	return status;
}

enum bl_status overwrite_check_file(int fd, uint64_t size, const uint8_t key[PATTERN_KEY],
				    struct bl_error *why)
{
	BUFFERS_CLEANUP struct buffers buffers = {0};
	char path[64];
	enum bl_status status = buffers_init(&buffers, why);

	if (status != BL_OK)
		return status;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

	BL_CLEANUP(fd_close) int direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (direct < 0)
		return bl_fail_errno(why, BL_IO, "cannot read the image past the page cache");
	return check_run(direct, 0, 0, size, key, &buffers, why);
}
