#include "fs/audit/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the folder ------------------------------------------------------------------------------ */

enum bl_status segments_each(int log_fd, bool (*tell)(void *context, uint64_t first_sequence),
			     void *context, struct bl_error *why)
{
	int fd = openat(log_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	enum bl_status status = BL_OK;

	if (!folder) {
		fd_close(fd);
		return bl_fail_errno(why, BL_IO, "cannot list the log's folder");
	}
	for (const struct dirent *entry; status == BL_OK && (entry = readdir(folder));) {
		uint64_t first;

		if (strncmp(entry->d_name, "seg.", 4) != 0)
			continue;
		if (!format_segment_name_parse(entry->d_name, &first))
			status = bl_fail(why, BL_TAMPERED,
					 "the log's folder holds a segment that is not its own");
		else if (!tell(context, first))
			status = bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
	}
	closedir(folder);
	return status;
}

static bool note_segment(void *context, uint64_t first)
{
	struct segments *found = context;

	found->first = found->count ? BL_MIN(found->first, first) : first;
	found->last = found->count ? BL_MAX(found->last, first) : first;
	found->count++;
	return true;
}

enum bl_status segments_list(int log_fd, struct segments *out, struct bl_error *why)
{
	struct segments found = {0};
	enum bl_status status = segments_each(log_fd, note_segment, &found, why);

	if (status == BL_OK)
		*out = found;
	return status;
}

enum bl_status log_id_read(int log_fd, uint8_t out_log_id[LOG_ID_SIZE], struct bl_error *why)
{
	uint8_t bytes[LOG_ID_FILE_SIZE + 1];
	BL_CLEANUP(fd_close)
	int fd = openat(log_fd, "log.id", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, errno == ENOENT ? BL_NOT_FOUND : BL_IO,
				     "cannot open 'log.id'");

	ssize_t got = pread(fd, bytes, sizeof(bytes), 0);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read 'log.id'");
	if (got != LOG_ID_FILE_SIZE || !format_log_id_parse(bytes, out_log_id))
		return bl_fail(why, BL_INVALID, "'log.id' is not one of a BLOG1 log");
	return BL_OK;
}

enum bl_status segments_before(int log_fd, uint64_t first_sequence, uint64_t *out_before,
			       struct bl_error *why)
{
	int fd = openat(log_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	uint64_t before = 0, found;

	if (!folder) {
		fd_close(fd);
		return bl_fail_errno(why, BL_IO, "cannot list the log's folder");
	}
	for (const struct dirent *entry; (entry = readdir(folder));)
		if (format_segment_name_parse(entry->d_name, &found) && found < first_sequence)
			before = BL_MAX(before, found);
	closedir(folder);
	*out_before = before;
	return before ? BL_OK : bl_fail(why, BL_TAMPERED, "a segment of the log is missing");
}

/* ---- a segment ------------------------------------------------------------------------------- */

/* A window on one segment's file. */
struct window {
	struct walk *walk;
	int fd;
	uint64_t size; /* of the file, by its header */
	uint64_t at;   /* file offset of buffer[0] */
	size_t have;
};

enum bl_status walk_bad(struct walk *walk, uint64_t offset, const char *format, ...)
{
	va_list arguments;

	walk->bad_sequence = walk->next_sequence;
	walk->bad_offset = offset;
	va_start(arguments, format);
	vsnprintf(walk->problem, sizeof(walk->problem), format, arguments);
	va_end(arguments);
	return BL_TAMPERED;
}

/* At least @length bytes at @offset, or what is left of the file; NULL when reading fails. */
static const uint8_t *window_get(struct window *window, uint64_t offset, size_t length,
				 size_t *out_length)
{
	uint64_t end = window->at + window->have;
	size_t left = (size_t)BL_MIN((uint64_t)WALK_BUFFER, window->size - offset);

	length = BL_MIN(length, left);
	if (offset < window->at || offset + length > end) {
		size_t done = 0;

		while (done < left) {
			ssize_t got = pread(window->fd, window->walk->buffer + done, left - done,
					    (off_t)(offset + done));

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return NULL;
			done += (size_t)got;
		}
		window->at = offset;
		window->have = done;
		end = offset + done;
	}
	*out_length = (size_t)(end - offset);
	return window->walk->buffer + (offset - window->at);
}

enum bl_status walk_init(struct walk *walk, int log_fd, const uint8_t log_id[LOG_ID_SIZE],
			 struct bl_error *why)
{
	memset(walk, 0, sizeof(*walk));
	walk->log_fd = log_fd;
	walk->is_chain_checked = true;
	memcpy(walk->log_id, log_id, LOG_ID_SIZE);
	walk->next_number = walk->next_sequence = walk->next_frame = 1;
	chain_genesis(log_id, walk->chain);
	walk->buffer = malloc(WALK_BUFFER);
	if (!walk->buffer)
		return bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
	return BL_OK;
}

void walk_done(struct walk *walk)
{
	free(walk->buffer);
	walk->buffer = NULL;
}

static enum bl_status open_segment(struct walk *walk, uint64_t first_sequence, int *out_fd,
				   uint8_t bytes[SEGMENT_HEADER], uint64_t *out_size,
				   struct bl_error *why)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	format_segment_name(first_sequence, name);
	snprintf(walk->bad_file, sizeof(walk->bad_file), "%s", name);

	BL_CLEANUP(fd_close)
	int fd = openat(walk->log_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return walk_bad(walk, 0, "segment '%s' is missing", name);
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return walk_bad(walk, 0, "segment '%s' is not a regular file", name);

	ssize_t got = pread(fd, bytes, SEGMENT_HEADER, 0);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read '%s'", name);
	if (got != (ssize_t)SEGMENT_HEADER)
		return walk_bad(walk, 0, "segment '%s' is cut short", name);
	*out_size = (uint64_t)st.st_size;
	*out_fd = fd_take(&fd);
	return BL_OK;
}

static enum bl_status parse_header(struct walk *walk, const uint8_t bytes[SEGMENT_HEADER],
				   uint64_t size, struct segment_header *out, struct bl_error *why)
{
	bool is_newer;
	const char *problem = format_segment_parse(bytes, out, &is_newer);

	if (is_newer)
		return bl_fail(why, BL_INVALID, "'%s' %s", walk->bad_file, problem);
	if (problem)
		return walk_bad(walk, 0, "segment '%s' %s", walk->bad_file, problem);
	if (memcmp(out->log_id, walk->log_id, LOG_ID_SIZE) != 0)
		return walk_bad(walk, 0, "segment '%s' is of another log", walk->bad_file);
	if (out->size != size)
		return walk_bad(walk, 0, "segment '%s' is not as long as its header says",
				walk->bad_file);
	return BL_OK;
}

static enum bl_status check_header(struct walk *walk, const struct segment_header *header)
{
	if (header->first_sequence != walk->next_sequence)
		return walk_bad(walk, 40, "segment '%s' does not begin with its sequence number",
				walk->bad_file);
	if (header->number != walk->next_number || header->first_frame != walk->next_frame)
		return walk_bad(walk, 32, "segment '%s' is not the next one", walk->bad_file);
	if (walk->is_chain_checked &&
	    memcmp(header->previous_chain, walk->chain, AUDIT_DIGEST) != 0)
		return walk_bad(walk, 56, "segment '%s' does not follow the one before",
				walk->bad_file);
	if (walk->has_boot && memcmp(header->boot_id, walk->boot_id, sizeof(walk->boot_id)) == 0 &&
	    header->boottime_ns < walk->boottime_ns)
		return walk_bad(walk, 144, "the clock went back within one boot");
	memcpy(walk->boot_id, header->boot_id, sizeof(walk->boot_id));
	walk->boottime_ns = header->boottime_ns;
	walk->has_boot = true;
	return BL_OK;
}

enum bl_status walk_header(struct walk *walk, uint64_t first_sequence,
			   struct segment_header *out_header, struct bl_error *why)
{
	uint8_t bytes[SEGMENT_HEADER];
	struct segment_header header;
	uint64_t size = 0;
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = open_segment(walk, first_sequence, &fd, bytes, &size, why);

	if (status == BL_OK)
		status = parse_header(walk, bytes, size, &header, why);
	if (status != BL_OK)
		return status;
	if (header.first_sequence != first_sequence)
		return walk_bad(walk, 40, "segment '%s' has another's name", walk->bad_file);
	*out_header = header;
	return BL_OK;
}

enum bl_status walk_start_at(struct walk *walk, uint64_t first_sequence, struct bl_error *why)
{
	struct segment_header header;
	enum bl_status status = walk_header(walk, first_sequence, &header, why);

	if (status != BL_OK)
		return status;
	walk->next_number = header.number;
	walk->next_sequence = header.first_sequence;
	walk->next_frame = header.first_frame;
	memcpy(walk->chain, header.previous_chain, AUDIT_DIGEST);
	walk->is_before_unknown = true;
	return BL_OK;
}

/* A segment's first record says whether the one before ended in a torn tail, and in which. */
static bool first_record_fits(const struct walk_tail *before, const struct audit_record *record)
{
	char detail[AUDIT_DETAIL_SIZE];
	bool says_tail = record->event.op == AUDIT_RECOVERED &&
			 strncmp(record->event.detail, TAIL_DETAIL, sizeof(TAIL_DETAIL) - 1) == 0;

	if (!before)
		return true;
	if (!before->length)
		return !says_tail;
	format_tail_detail(before->at, before->length, before->digest, detail);
	return says_tail && strcmp(detail, record->event.detail) == 0;
}

static enum bl_status walk_records(struct walk *walk, const uint8_t *frame,
				   const struct frame_header *header, uint64_t offset,
				   const struct walk_tail *before)
{
	uint32_t at = FRAME_HEADER, end = header->length - FRAME_TRAILER;

	for (uint32_t i = 0; i < header->count; i++) {
		struct audit_record record;
		size_t length = format_record_parse(frame + at, end - at, &record);

		if (!length)
			return walk_bad(walk, offset + at, "record %" PRIu64 " has a wrong form",
					walk->next_sequence);
		if (record.sequence != walk->next_sequence)
			return walk_bad(walk, offset + at, "record %" PRIu64 " is not there",
					walk->next_sequence);
		if (record.boottime_ns < walk->boottime_ns)
			return walk_bad(walk, offset + at,
					"the clock went back within one boot at record %" PRIu64,
					walk->next_sequence);
		if (i == 0 && !first_record_fits(before, &record))
			return walk_bad(walk, offset + at,
					"record %" PRIu64
					" does not tell the torn tail of the segment before",
					walk->next_sequence);
		walk->boottime_ns = record.boottime_ns;
		walk->last_op = record.event.op;
		walk->records++;
		walk->next_sequence++;
		at += (uint32_t)length;
		if (walk->tell && !walk->is_stopped && !walk->tell(walk->context, &record))
			walk->is_stopped = true;
	}
	if (at != end)
		return walk_bad(walk, offset + at, "frame %" PRIu64 " holds more than its records",
				walk->next_frame);
	return BL_OK;
}

/* A frame that is whole by its own bytes: header as expected, trailer in place, chain right. */
static bool frame_is_whole(const struct walk *walk, const uint8_t *bytes, size_t length,
			   struct frame_header *out, uint8_t out_chain[AUDIT_DIGEST])
{
	uint8_t leaf[AUDIT_DIGEST];
	const uint8_t *theirs;

	if (length < FRAME_HEADER || !format_frame_header_parse(bytes, out) ||
	    out->length > length || out->number != walk->next_frame ||
	    out->first_sequence != walk->next_sequence)
		return false;
	theirs = format_frame_chain(bytes, out->length);
	if (!theirs)
		return false;
	memcpy(out_chain, walk->chain, AUDIT_DIGEST);
	if (!walk->is_chain_checked)
		return true;
	for (uint32_t i = 0, at = FRAME_HEADER, end = out->length - FRAME_TRAILER; i < out->count;
	     i++) {
		size_t got = format_record_length(bytes + at, end - at);

		if (!got)
			return false;
		format_leaf(bytes + at, got, leaf);
		chain_record(out_chain, leaf);
		at += (uint32_t)got;
	}
	return memcmp(out_chain, theirs, AUDIT_DIGEST) == 0;
}

/* Is there, behind @bytes[0], what looks like a whole frame with a later number? */
static bool holds_later_frame(const struct walk *walk, const uint8_t *bytes, size_t length)
{
	for (size_t at = 1; at + FRAME_HEADER + FRAME_TRAILER <= length; at++) {
		struct frame_header header;

		if (bytes[at] != 'B' || !format_frame_header_parse(bytes + at, &header))
			continue;
		if (header.length <= length - at && header.number > walk->next_frame &&
		    header.number - walk->next_frame < UINT32_MAX &&
		    format_frame_chain(bytes + at, header.length))
			return true;
	}
	return false;
}

/* Where the last byte that is not zero ends, from @from on; @from when there is none. */
static enum bl_status find_end(struct window *window, uint64_t from, uint64_t *out_end,
			       struct bl_error *why)
{
	uint64_t end = from;

	for (uint64_t at = from; at < window->size;) {
		size_t length;
		const uint8_t *bytes = window_get(window, at, WALK_BUFFER, &length);

		if (!bytes)
			return bl_fail(why, BL_IO, "cannot read '%s'", window->walk->bad_file);
		if (!sodium_is_zero(bytes, length)) {
			size_t last = length;

			while (bytes[last - 1] == 0)
				last--;
			end = at + last;
		}
		at += length;
	}
	*out_end = end;
	return BL_OK;
}

/* Behind the last good frame: nothing, or what one torn frame can leave ("A torn tail"). */
static enum bl_status walk_tail(struct walk *walk, struct window *window, uint64_t from,
				struct bl_error *why)
{
	uint64_t end = from;
	size_t length = 0;
	struct frame_header header;
	enum bl_status status = find_end(window, from, &end, why);

	walk->end = from;
	memset(&walk->tail, 0, sizeof(walk->tail));
	if (status != BL_OK || end == from)
		return status;

	uint64_t limit = FRAME_LIMIT;
	const uint8_t *bytes = window_get(window, from, FRAME_LIMIT, &length);

	if (!bytes)
		return bl_fail(why, BL_IO, "cannot read '%s'", walk->bad_file);
	if (length >= FRAME_HEADER && format_frame_header_parse(bytes, &header) &&
	    header.number == walk->next_frame && header.first_sequence == walk->next_sequence)
		limit = header.length;
	if (end - from > limit)
		return walk_bad(walk, from, "record %" PRIu64 " is broken, and more follows it",
				walk->next_sequence);
	if (walk->last_op == AUDIT_STOP)
		return walk_bad(walk, from, "something follows the end of a log that was closed");
	if (holds_later_frame(walk, bytes, (size_t)(end - from)))
		return walk_bad(walk, from, "record %" PRIu64 " is broken before a later frame",
				walk->next_sequence);
	walk->tail.at = from;
	walk->tail.length = end - from;
	format_leaf(bytes, (size_t)(end - from), walk->tail.digest);
	return BL_OK;
}

static enum bl_status walk_frames(struct walk *walk, struct window *window,
				  const struct walk_tail *before, struct bl_error *why)
{
	uint64_t at = SEGMENT_HEADER;

	while (at < window->size && !walk->is_stopped) {
		struct frame_header header;
		uint8_t chain[AUDIT_DIGEST];
		size_t length;
		const uint8_t *bytes = window_get(window, at, FRAME_LIMIT, &length);

		if (!bytes)
			return bl_fail(why, BL_IO, "cannot read '%s'", walk->bad_file);
		if (!frame_is_whole(walk, bytes, length, &header, chain))
			break;

		enum bl_status status = walk_records(walk, bytes, &header, at, before);

		if (status != BL_OK)
			return status;
		memcpy(walk->chain, chain, AUDIT_DIGEST);
		walk->next_frame++;
		walk->frames++;
		at += header.length;
		before = NULL;
		if (walk->after_frame && !walk->after_frame(walk->context, walk))
			return BL_TAMPERED;
	}
	if (walk->is_stopped)
		return BL_OK;
	return walk_tail(walk, window, at, why);
}

enum bl_status walk_segment(struct walk *walk, bool is_last, struct bl_error *why)
{
	uint8_t bytes[SEGMENT_HEADER];
	struct segment_header header;
	struct walk_tail before = walk->tail;
	BL_CLEANUP(fd_close) int fd = -1;
	struct window window = {.walk = walk};
	uint64_t first = walk->next_sequence;
	enum bl_status status = open_segment(walk, first, &fd, bytes, &window.size, why);

	if (status == BL_OK)
		status = parse_header(walk, bytes, window.size, &header, why);
	if (status == BL_OK)
		status = check_header(walk, &header);
	if (status != BL_OK)
		return status;
	chain_segment(walk->chain, bytes);
	walk->next_number++;
	walk->segments++;
	walk->last_op = (enum audit_op)0;
	window.fd = fd;
	status = walk_frames(walk, &window, walk->is_before_unknown ? NULL : &before, why);
	walk->is_before_unknown = false;
	if (status == BL_OK && !is_last && walk->next_sequence == first && !walk->is_stopped)
		return walk_bad(walk, SEGMENT_HEADER, "segment '%s' has no records",
				walk->bad_file);
	return status;
}

enum bl_status walk_all(struct walk *walk, uint64_t last, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	while (status == BL_OK && !walk->is_stopped && walk->next_sequence <= last) {
		bool is_last = walk->next_sequence == last;

		status = walk_segment(walk, is_last, why);
		if (is_last)
			break;
	}
	return status;
}
