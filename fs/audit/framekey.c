#include "fs/audit/framekey.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t MAGIC[8] = {'B', 'L', 'O', 'G', '1', 'K', 'E', 'Y'};
static const uint8_t NEXT[4] = {'n', 'e', 'x', 't'};

#define NEW_FILE    "key.new"
#define COPY_SIZE   (FRAMEKEY_FILE_SIZE / FRAMEKEY_COPIES)
#define CHECKSUM_AT (COPY_SIZE - AUDIT_DIGEST)
#define READ_TRIES  3 /* a log may be read while it is written: then one copy may be half new */

/* ---- keys ------------------------------------------------------------------------------------ */

void framekey_first(const uint8_t k0[AUDIT_KEY], struct framekey *out)
{
	out->frame = 0;
	memcpy(out->key, k0, AUDIT_KEY);
	framekey_next(out);
}

void framekey_next(struct framekey *key)
{
	uint8_t next[AUDIT_KEY];

	crypto_generichash(next, sizeof(next), NEXT, sizeof(NEXT), key->key, AUDIT_KEY);
	memcpy(key->key, next, AUDIT_KEY);
	key->frame++;
	sodium_memzero(next, sizeof(next));
}

void framekey_forward(struct framekey *key, uint64_t frame)
{
	while (key->frame < frame)
		framekey_next(key);
}

void framekey_mac(const struct framekey *key, const uint8_t header[FRAME_HEADER],
		  const uint8_t chain[AUDIT_DIGEST], uint8_t out_mac[AUDIT_DIGEST])
{
	uint8_t bytes[FRAME_HEADER + AUDIT_DIGEST];

	memcpy(bytes, header, FRAME_HEADER);
	memcpy(bytes + FRAME_HEADER, chain, AUDIT_DIGEST);
	crypto_generichash(out_mac, AUDIT_DIGEST, bytes, sizeof(bytes), key->key, AUDIT_KEY);
}

void framekey_commitment(const uint8_t k0[AUDIT_KEY], uint8_t out[AUDIT_DIGEST])
{
	uint8_t bytes[1 + AUDIT_KEY] = {3};

	memcpy(bytes + 1, k0, AUDIT_KEY);
	crypto_generichash(out, AUDIT_DIGEST, bytes, sizeof(bytes), NULL, 0);
	sodium_memzero(bytes, sizeof(bytes));
}

/* ---- the file -------------------------------------------------------------------------------- */

static void put_copy(const uint8_t log_id[LOG_ID_SIZE], uint64_t generation,
		     const struct framekey *key, uint8_t out[COPY_SIZE])
{
	memset(out, 0, COPY_SIZE);
	memcpy(out, MAGIC, sizeof(MAGIC));
	bl_put32(out + 8, LOG_VERSION);
	memcpy(out + 16, log_id, LOG_ID_SIZE);
	bl_put64(out + 32, generation);
	bl_put64(out + 40, key->frame);
	memcpy(out + 48, key->key, AUDIT_KEY);
	crypto_generichash(out + CHECKSUM_AT, AUDIT_DIGEST, out, CHECKSUM_AT, NULL, 0);
}

static bool copy_is_whole(const uint8_t bytes[COPY_SIZE])
{
	uint8_t sum[AUDIT_DIGEST];

	crypto_generichash(sum, sizeof(sum), bytes, CHECKSUM_AT, NULL, 0);
	return memcmp(sum, bytes + CHECKSUM_AT, sizeof(sum)) == 0;
}

/* What is wrong with a copy whose checksum is right, which no crash leaves; or NULL. */
static const char *take_copy(const uint8_t bytes[COPY_SIZE], const uint8_t log_id[LOG_ID_SIZE],
			     struct framekey *out, uint64_t *out_generation)
{
	uint8_t again[COPY_SIZE];

	*out_generation = bl_get64(bytes + 32);
	out->frame = bl_get64(bytes + 40);
	memcpy(out->key, bytes + 48, AUDIT_KEY);
	put_copy(bytes + 16, *out_generation, out, again);

	bool is_same = memcmp(again, bytes, sizeof(again)) == 0;

	sodium_memzero(again, sizeof(again));
	if (!is_same || out->frame < 1)
		return "has a copy of another form";
	return memcmp(bytes + 16, log_id, LOG_ID_SIZE) == 0 ? NULL : "belongs to another log";
}

/* The frame of a copy that a crash tore: the key in it may still be the one of before. 0: it is no copy of this log's */
static uint64_t torn_frame(const uint8_t bytes[COPY_SIZE], const uint8_t log_id[LOG_ID_SIZE])
{
	return memcmp(bytes, MAGIC, sizeof(MAGIC)) == 0 &&
			       memcmp(bytes + 16, log_id, LOG_ID_SIZE) == 0
		       ? bl_get64(bytes + 40)
		       : 0;
}

/* BL_STALE: no copy is whole. */
static enum bl_status take_copies(const uint8_t bytes[FRAMEKEY_FILE_SIZE],
				  const uint8_t log_id[LOG_ID_SIZE], struct framekey_copies *out,
				  struct bl_error *why)
{
	memset(out, 0, sizeof(*out));
	out->oldest = UINT64_MAX;
	for (unsigned i = 0; i < FRAMEKEY_COPIES; i++) {
		const uint8_t *copy = bytes + i * COPY_SIZE;
		uint64_t generation, frame = torn_frame(copy, log_id);

		if (frame)
			out->oldest = BL_MIN(out->oldest, frame);
		if (!copy_is_whole(copy))
			continue;

		const char *problem = take_copy(copy, log_id, &out->key[out->count], &generation);

		if (problem)
			return bl_fail(why, BL_TAMPERED, "'" FRAMEKEY_FILE "' %s", problem);
		out->generation = BL_MAX(out->generation, generation);
		out->count++;
	}
	return out->count ? BL_OK : BL_STALE;
}

static enum bl_status open_file(int log_fd, int *out_fd, struct bl_error *why)
{
	struct stat st;
	BL_CLEANUP(fd_close)
	int fd = openat(log_fd, FRAMEKEY_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "there is no '" FRAMEKEY_FILE "'");
	if (fd < 0 && errno == ELOOP)
		return bl_fail(why, BL_TAMPERED, "'" FRAMEKEY_FILE "' is not a regular file");
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '" FRAMEKEY_FILE "'");
	if (!S_ISREG(st.st_mode))
		return bl_fail(why, BL_TAMPERED, "'" FRAMEKEY_FILE "' is not a regular file");
	if (st.st_size != FRAMEKEY_FILE_SIZE)
		return bl_fail(why, BL_TAMPERED, "'" FRAMEKEY_FILE "' does not have its size");
	*out_fd = fd_take(&fd);
	return BL_OK;
}

enum bl_status framekey_read_copies(int log_fd, const uint8_t log_id[LOG_ID_SIZE],
				    struct framekey_copies *out, struct bl_error *why)
{
	uint8_t bytes[FRAMEKEY_FILE_SIZE];
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = open_file(log_fd, &fd, why);

	if (status != BL_OK)
		return status;
	status = BL_STALE;
	for (unsigned i = 0; i < READ_TRIES && status == BL_STALE; i++) {
		ssize_t got = pread(fd, bytes, sizeof(bytes), 0);

		if (got < 0)
			status = bl_fail_errno(why, BL_IO, "cannot read '" FRAMEKEY_FILE "'");
		else if ((size_t)got == sizeof(bytes))
			status = take_copies(bytes, log_id, out, why);
	}
	sodium_memzero(bytes, sizeof(bytes));
	if (status == BL_STALE)
		status = bl_fail(why, BL_TAMPERED, "'" FRAMEKEY_FILE "' has no copy that is whole");
	if (status != BL_OK)
		sodium_memzero(out, sizeof(*out));
	return status;
}

const struct framekey *framekey_newest(const struct framekey_copies *copies)
{
	return &copies->key[copies->count > 1 && copies->key[1].frame > copies->key[0].frame];
}

enum bl_status framekey_write(const struct audit_io *io, int fd, const uint8_t log_id[LOG_ID_SIZE],
			      uint64_t generation, const struct framekey *key, struct bl_error *why)
{
	static const char WHAT[] = "'" FRAMEKEY_FILE "'";
	uint8_t copy[COPY_SIZE];
	enum bl_status status = BL_OK;

	put_copy(log_id, generation, key, copy);
	/* One is whole at any moment: the second is begun only once the first is on the medium. */
	for (unsigned i = 0; i < FRAMEKEY_COPIES && status == BL_OK; i++) {
		status = io_write(io, fd, copy, sizeof(copy), i * COPY_SIZE, WHAT, why);
		if (status == BL_OK)
			status = io_sync(io, fd, WHAT, why);
	}
	sodium_memzero(copy, sizeof(copy));
	return status;
}

enum bl_status framekey_create(const struct audit_io *io, int log_fd,
			       const uint8_t log_id[LOG_ID_SIZE], const struct framekey *key,
			       struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status =
		io_open(io, log_fd, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC, &fd, why);

	if (status == BL_OK)
		status = framekey_write(io, fd, log_id, 1, key, why);
	if (status == BL_OK)
		status = io_rename(io, log_fd, NEW_FILE, FRAMEKEY_FILE, why);
	if (status == BL_OK)
		status = io_sync_folder(io, log_fd, "the log's folder", why);
	return status;
}
