/* Bytes that come one after the other: of a pipe as they are, or framed (BSTREAM1, docs/format-vault.md). */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/intake/private.h"

#define HEAD	    24
#define FRAME	    16
#define FRAME_DATA  (1u << 20)
#define START_UNIT  SEALED_CHUNK
#define WAIT_MS	    200 /* then progress is told, and a stop is heard */
#define ZERO_GROUPS 64

enum frame { FRAME_BYTES = 1, FRAME_ZEROS, FRAME_UNREADABLE, FRAME_END };

static const uint8_t MAGIC[8] = {'B', 'S', 'T', 'R', 'M', '1', 0, 0};

/* Somebody else may have read, since poll(2), what was there: that must not make us wait. Pipes come with O_NONBLOCK. */
static ssize_t read_now(int fd, uint8_t *out, size_t length)
{
	ssize_t got = recv(fd, out, length, MSG_DONTWAIT);

	return got < 0 && errno == ENOTSOCK ? read(fd, out, length) : got;
}

static enum bl_status read_some(struct source *source, uint8_t *out, size_t length, size_t *out_got,
				struct bl_error *why)
{
	for (;;) {
		struct pollfd ready = {.fd = source->fd, .events = POLLIN};
		int count = poll(&ready, 1, WAIT_MS);

		if (!progress_tick(source->progress))
			return progress_stopped(why);
		if (count == 0 || (count < 0 && errno == EINTR))
			continue;

		ssize_t got = count < 0 ? -1 : read_now(source->fd, out, length);

		if (got >= 0) {
			*out_got = (size_t)got;
			return BL_OK;
		}
		if (errno != EINTR && errno != EAGAIN)
			return bl_fail_errno(why, BL_IO, "cannot read the source");
	}
}

/* Up to the end; *out_got tells how far. */
static enum bl_status read_full(struct source *source, uint8_t *out, size_t length, size_t *out_got,
				struct bl_error *why)
{
	size_t all = 0, got = 1;
	enum bl_status status = BL_OK;

	while (status == BL_OK && got && all < length) {
		status = read_some(source, out + all, length - all, &got, why);
		if (status == BL_OK)
			all += got;
	}
	*out_got = all;
	return status;
}

/* ---- plain ------------------------------------------------------------------------------------------- */

static enum bl_status ends_early(const struct source *source, struct bl_error *why)
{
	return bl_fail(why, BL_INVALID,
		       "the source ends early: %" PRIu64 " of %" PRIu64
		       " bytes (run the same command "
		       "again with all of it to go on)",
		       source->at, source->bytes);
}

enum bl_status pipe_plain(struct source *source, uint64_t most, uint8_t *bytes,
			  struct piece *out_piece, struct bl_error *why)
{
	uint64_t room = BL_MIN(SEALED_GROUP - source->at % SEALED_GROUP, most);
	size_t got = 0;

	if (source->bytes)
		room = BL_MIN(room, source->bytes - source->at);

	enum bl_status status = read_full(source, bytes, (size_t)room, &got, why);

	if (status != BL_OK)
		return status;
	memset(bytes + got, 0, SEALED_GROUP - got);
	source->at += got;
	if (got < room && source->bytes)
		return ends_early(source, why);
	*out_piece = (struct piece){.length = got};
	return BL_OK;
}

static enum bl_status plain_end(struct source *source, struct bl_error *why)
{
	uint8_t byte;
	size_t got = 0;

	if (!source->at)
		return bl_fail(why, BL_INVALID, "the source is empty");
	if (!source->bytes)
		return BL_OK;

	enum bl_status status = read_some(source, &byte, 1, &got, why);

	if (status == BL_OK && got)
		status = bl_fail(why, BL_INVALID,
				 "the source goes on behind its %" PRIu64
				 " bytes (give its true length, or none)",
				 source->bytes);
	return status;
}

/* ---- framed ------------------------------------------------------------------------------------------- */

enum bl_status pipe_head(struct source *source, struct bl_error *why)
{
	uint8_t head[HEAD];
	size_t got;
	enum bl_status status = read_full(source, head, sizeof(head), &got, why);

	if (status != BL_OK)
		return status;

	uint64_t bytes = bl_get64(head + 8), start = bl_get64(head + 16);

	if (got != sizeof(head) || memcmp(head, MAGIC, sizeof(MAGIC)) != 0)
		return bl_fail(why, BL_INVALID,
			       "the container gave no image (what it is, its program has said)");
	if (!bytes)
		return bl_fail(why, BL_INVALID, "the source is empty");
	if (bytes > SEALED_MOST || start >= bytes || start % START_UNIT)
		return bl_fail(why, BL_INVALID, "the stream of the container is malformed");
	source->bytes = bytes;
	source->at = start;
	return BL_OK;
}

/* Is it one that may come here? The end only where the image ends, and nothing else there. */
static bool is_frame_ok(const struct source *source, uint32_t kind, uint32_t zero, uint64_t length)
{
	uint64_t left = source->bytes - source->at;

	if (zero)
		return false;
	if (kind == FRAME_END)
		return !length && !left;
	return kind >= FRAME_BYTES && kind < FRAME_END && length && length <= left &&
	       (kind != FRAME_BYTES || length <= FRAME_DATA);
}

static enum bl_status next_frame(struct source *source, struct bl_error *why)
{
	uint8_t head[FRAME];
	size_t got;
	enum bl_status status = read_full(source, head, sizeof(head), &got, why);

	if (status != BL_OK)
		return status;
	if (got != sizeof(head) ||
	    !is_frame_ok(source, bl_get32(head), bl_get32(head + 4), bl_get64(head + 8)))
		return ends_early(source, why);
	source->frame = bl_get32(head);
	source->frame_left = bl_get64(head + 8);
	return BL_OK;
}

static enum bl_status take(struct source *source, uint64_t length, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (source->frame == FRAME_UNREADABLE) {
		status = gaps_add(source->unreadable, source->at, length, why);
		source->progress->now.unreadable = source->unreadable->bytes;
	}
	source->at += length;
	source->frame_left -= length;
	return status;
}

/* Whole groups that hold nothing go by without a buffer. */
static uint64_t zero_bytes(const struct source *source, uint64_t most)
{
	uint64_t groups = BL_MIN(source->frame_left, most) / SEALED_GROUP;

	if (source->frame == FRAME_BYTES || source->at % SEALED_GROUP)
		return 0;
	return BL_MIN(groups, (uint64_t)ZERO_GROUPS) * SEALED_GROUP;
}

static enum bl_status fill(struct source *source, uint8_t *out, size_t length, struct bl_error *why)
{
	size_t got;

	if (source->frame != FRAME_BYTES) {
		memset(out, 0, length);
		return BL_OK;
	}

	enum bl_status status = read_full(source, out, length, &got, why);

	return status == BL_OK && got < length ? ends_early(source, why) : status;
}

enum bl_status pipe_stream(struct source *source, uint64_t most, uint8_t *bytes,
			   struct piece *out_piece, struct bl_error *why)
{
	uint64_t left = BL_MIN(most, source->bytes - source->at);
	size_t room = (size_t)BL_MIN(SEALED_GROUP - source->at % SEALED_GROUP, left), filled = 0;

	while (filled < room) {
		enum bl_status status = source->frame_left ? BL_OK : next_frame(source, why);
		uint64_t zeros = status == BL_OK && !filled ? zero_bytes(source, left) : 0;
		size_t length = (size_t)BL_MIN(source->frame_left, room - filled);

		if (zeros) {
			*out_piece = (struct piece){.length = zeros, .is_zeros = true};
			return take(source, zeros, why);
		}
		if (status == BL_OK)
			status = fill(source, bytes + filled, length, why);
		if (status == BL_OK)
			status = take(source, length, why);
		if (status != BL_OK)
			return status;
		filled += length;
	}
	memset(bytes + filled, 0, SEALED_GROUP - filled);
	*out_piece = (struct piece){.length = filled};
	return BL_OK;
}

static enum bl_status stream_end(struct source *source, struct bl_error *why)
{
	enum bl_status status = source->frame_left ? BL_OK : next_frame(source, why);

	if (status == BL_OK && source->frame != FRAME_END)
		status = ends_early(source, why);
	return status;
}

enum bl_status pipe_end(struct source *source, struct bl_error *why)
{
	return source->form == INTAKE_STREAM ? stream_end(source, why) : plain_end(source, why);
}
