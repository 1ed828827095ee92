/* A file or a block device, read once from its beginning to its end: holes unread, bad places tried piece by piece. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fs/intake/private.h"

#define ZERO_GROUPS 64		  /* in one piece, so that progress is told meanwhile */
#define DROP_BYTES  (8u << 20)	  /* of the page cache at once */
#define SECTOR	    ((size_t)512) /* where nobody says what it is */

/* ---- what it is ------------------------------------------------------------------------------------ */

static uint64_t device_bytes(int fd)
{
	uint64_t bytes = 0;

	return ioctl(fd, BLKGETSIZE64, &bytes) == 0 ? bytes : 0;
}

static enum bl_status open_file(struct source *source, struct bl_error *why)
{
	int sector = 0;

	if (fstat(source->fd, &source->first) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the source");
	if (S_ISREG(source->first.st_mode)) {
		source->is_regular = true;
		source->bytes = (uint64_t)source->first.st_size;
	} else if (S_ISBLK(source->first.st_mode)) {
		source->bytes = device_bytes(source->fd);
		if (ioctl(source->fd, BLKSSZGET, &sector) == 0 && sector > 0)
			source->sector = (size_t)sector;
	} else {
		return bl_fail(
			why, BL_INVALID,
			"the source is neither a regular file nor a block device (pipe it in, "
			"and give '-')");
	}
	/* A hint: without it everything works as well. */
	(void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return BL_OK;
}

enum bl_status source_open(struct source *source, const struct intake_source *asked,
			   struct bl_error *why)
{
	enum bl_status status = BL_OK;

	source->form = asked->form;
	source->fd = asked->fd;
	source->sector = SECTOR;
	source->bytes = asked->bytes;
	if (source->form == INTAKE_FILE)
		status = open_file(source, why);
	else if (source->form == INTAKE_STREAM)
		status = pipe_head(source, why);
	if (status != BL_OK)
		return status;
	if (!source->bytes && source->form != INTAKE_PLAIN)
		return bl_fail(why, BL_INVALID, "the source is empty");
	if (source->bytes > SEALED_MOST)
		return bl_fail(why, BL_TOO_LARGE, "the source has over %" PRIu64 " bytes",
			       SEALED_MOST);
	return BL_OK;
}

void source_seek(struct source *source, uint64_t at)
{
	if (source->form != INTAKE_FILE)
		return;
	source->at = source->dropped = at;
	source->data_from = source->data_until = 0;
}

/* ---- what need not be read ------------------------------------------------------------------------- */

/* Where is data, at @offset or behind? Where a descriptor cannot say it, everywhere. */
static void find_data(struct source *source, uint64_t offset)
{
	off_t from = lseek(source->fd, (off_t)offset, SEEK_DATA);
	off_t until = from < 0 ? -1 : lseek(source->fd, from, SEEK_HOLE);

	source->data_from = from >= 0 ? (uint64_t)from : errno == ENXIO ? UINT64_MAX : offset;
	source->data_until = until < 0 ? UINT64_MAX : (uint64_t)until;
}

static bool is_hole(struct source *source, uint64_t offset)
{
	if (!source->is_regular)
		return false;
	if (offset >= source->data_until || !source->data_until)
		find_data(source, offset);
	return offset + SEALED_GROUP <= source->data_from;
}

static bool is_left_out(const struct source *source, uint64_t offset)
{
	const struct image_ranges *ranges = source->left_out;
	size_t i = ranges ? image_ranges_find(ranges, offset) : 0;

	return ranges && i < ranges->count && ranges->items[i].offset <= offset &&
	       ranges->items[i].offset + ranges->items[i].length >= offset + SEALED_GROUP;
}

static uint64_t zero_groups(struct source *source, uint64_t left)
{
	uint64_t groups = 0;

	if (source->at % SEALED_GROUP)
		return 0;
	while (groups < ZERO_GROUPS && left / SEALED_GROUP > groups) {
		uint64_t offset = source->at + groups * SEALED_GROUP;

		if (!is_hole(source, offset) && !is_left_out(source, offset))
			break;
		groups++;
	}
	return groups;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

enum outcome { READ_ALL, READ_END, READ_NOT, READ_FAILED };

/* What a medium says of a place that it cannot read (and not: of a device that is gone). */
static bool is_bad_place(int number)
{
	return number == EIO || number == ENODATA || number == EILSEQ || number == EBADMSG ||
	       number == EREMOTEIO;
}

static enum outcome read_all(const struct source *source, uint64_t offset, uint8_t *out,
			     size_t length)
{
	while (length) {
		ssize_t got = pread(source->fd, out, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return is_bad_place(errno) ? READ_NOT : READ_FAILED;
		if (got == 0)
			return READ_END;
		out += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return READ_ALL;
}

/* A device that was pulled out answers as one whose every sector is bad; its size tells. */
static enum bl_status check_there(const struct source *source, struct bl_error *why)
{
	if (!source->is_regular && device_bytes(source->fd) != source->bytes)
		return bl_fail(why, BL_IO,
			       "the source went away while it was read (connect it again, and run "
			       "the same command)");
	return BL_OK;
}

/* What was left out anyway is not missed. */
static enum bl_status add_unreadable(struct source *source, uint64_t offset, uint64_t length,
				     struct bl_error *why)
{
	const struct image_ranges *ranges = source->left_out;
	uint64_t end = offset + length;
	enum bl_status status = BL_OK;

	for (size_t i = ranges ? image_ranges_find(ranges, offset) : 0;
	     status == BL_OK && ranges && i < ranges->count && ranges->items[i].offset < end; i++) {
		const struct image_range *range = &ranges->items[i];

		if (range->offset > offset)
			status = gaps_add(source->unreadable, offset, range->offset - offset, why);
		offset = BL_MIN(range->offset + range->length, end);
	}
	if (status == BL_OK)
		status = gaps_add(source->unreadable, offset, end - offset, why);
	source->progress->now.unreadable = source->unreadable->bytes;
	return status;
}

/* One piece that cannot be read, of the smallest size. */
static enum bl_status give_up(struct source *source, uint64_t offset, uint8_t *out, size_t length,
			      struct bl_error *why)
{
	enum bl_status status = check_there(source, why);

	memset(out, 0, length);
	if (status == BL_OK && !progress_tick(source->progress))
		status = progress_stopped(why);
	return status == BL_OK ? add_unreadable(source, offset, length, why) : status;
}

static enum bl_status fail_reading(struct source *source, enum outcome outcome,
				   struct bl_error *why)
{
	if (outcome == READ_FAILED)
		return bl_fail_errno(why, BL_IO, "cannot read the source");
	source->is_spoilt = source->is_regular;
	return bl_fail(why, BL_INVALID,
		       "the source ends early: it has less than its %" PRIu64
		       " bytes (take it in again when nobody changes it)",
		       source->bytes);
}

/* Pieces get smaller until one can be read, and larger again behind a bad place. */
static enum bl_status read_pieces(struct source *source, uint8_t *out, size_t length,
				  struct bl_error *why)
{
	const size_t sizes[] = {SEALED_GROUP, 64u << 10, 4u << 10, source->sector};
	size_t level = 0, at = 0;

	while (at < length) {
		size_t size = BL_MIN(sizes[level], length - at);
		enum outcome outcome = read_all(source, source->at + at, out + at, size);
		enum bl_status status = BL_OK;

		if (outcome == READ_END || outcome == READ_FAILED)
			return fail_reading(source, outcome, why);
		if (outcome == READ_NOT && level + 1 < BL_COUNT(sizes) &&
		    sizes[level + 1] < sizes[level]) {
			level++;
			continue;
		}
		if (outcome == READ_NOT)
			status = give_up(source, source->at + at, out + at, size, why);
		if (status != BL_OK)
			return status;
		at += size;
		while (level && at % sizes[level - 1] == 0)
			level--;
	}
	return BL_OK;
}

static void blank_left_out(const struct source *source, uint8_t *bytes, size_t length)
{
	const struct image_ranges *ranges = source->left_out;
	uint64_t end = source->at + length;

	if (!ranges)
		return;
	for (size_t i = image_ranges_find(ranges, source->at);
	     i < ranges->count && ranges->items[i].offset < end; i++) {
		uint64_t from = BL_MAX(ranges->items[i].offset, source->at);
		uint64_t until = BL_MIN(ranges->items[i].offset + ranges->items[i].length, end);

		memset(bytes + (from - source->at), 0, until - from);
	}
}

static void drop_behind(struct source *source)
{
	if (source->at - source->dropped < DROP_BYTES)
		return;
	(void)posix_fadvise(source->fd, (off_t)source->dropped,
			    (off_t)(source->at - source->dropped), POSIX_FADV_DONTNEED);
	source->dropped = source->at;
}

static enum bl_status file_next(struct source *source, uint64_t most, uint8_t *bytes,
				struct piece *out_piece, struct bl_error *why)
{
	uint64_t left = BL_MIN(source->bytes - source->at, most);
	uint64_t zeros = zero_groups(source, left) * SEALED_GROUP;
	size_t length = (size_t)BL_MIN(SEALED_GROUP - source->at % SEALED_GROUP, left);

	if (zeros) {
		source->at += zeros;
		*out_piece = (struct piece){.length = zeros, .is_zeros = true};
		return BL_OK;
	}

	enum bl_status status = read_pieces(source, bytes, length, why);

	if (status != BL_OK)
		return status;
	memset(bytes + length, 0, SEALED_GROUP - length);
	blank_left_out(source, bytes, length);
	source->at += length;
	drop_behind(source);
	*out_piece = (struct piece){.length = length};
	return BL_OK;
}

enum bl_status source_next(struct source *source, uint64_t most, uint8_t *bytes,
			   struct piece *out_piece, struct bl_error *why)
{
	if (!progress_tick(source->progress))
		return progress_stopped(why);
	switch (source->form) {
	case INTAKE_FILE:
		return file_next(source, most, bytes, out_piece, why);
	case INTAKE_PLAIN:
		return pipe_plain(source, most, bytes, out_piece, why);
	case INTAKE_STREAM:
		return pipe_stream(source, most, bytes, out_piece, why);
	}
	return bl_fail(why, BL_INVALID, "no such form of a source");
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static bool is_unchanged(const struct source *source)
{
	struct stat now;

	if (!source->is_regular)
		return device_bytes(source->fd) == source->bytes;
	return fstat(source->fd, &now) == 0 && now.st_size == source->first.st_size &&
	       now.st_mtim.tv_sec == source->first.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == source->first.st_mtim.tv_nsec;
}

enum bl_status source_end(struct source *source, struct bl_error *why)
{
	if (source->form != INTAKE_FILE)
		return pipe_end(source, why);
	if (is_unchanged(source))
		return BL_OK;
	source->is_spoilt = true;
	return bl_fail(why, BL_INVALID, "the source changed while it was read (take it in again)");
}
