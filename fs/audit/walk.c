#include "fs/audit/walk.h"

#include "fs/audit/tombstone.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A segment of 1 GiB full of the shortest records; who claims more in a tombstone keeps a verifier hashing for years. */
#define MOST_RECORDS (SEGMENT_LARGEST / RECORD_FIXED)

/* ---- what is wrong --------------------------------------------------------------------------- */

static enum bl_status bad(struct walk *walk, enum audit_looks looks, uint64_t offset,
			  const char *format, va_list arguments)
	__attribute__((format(printf, 4, 0)));

static enum bl_status bad(struct walk *walk, enum audit_looks looks, uint64_t offset,
			  const char *format, va_list arguments)
{
	walk->looks = looks;
	walk->bad_sequence = walk->next_sequence;
	walk->bad_offset = offset;
	vsnprintf(walk->problem, sizeof(walk->problem), format, arguments);
	return BL_TAMPERED;
}

enum bl_status walk_bad(struct walk *walk, uint64_t offset, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	bad(walk, LOOKS_CHANGED, offset, format, arguments);
	va_end(arguments);
	return BL_TAMPERED;
}

enum bl_status walk_bad_as(struct walk *walk, enum audit_looks looks, uint64_t offset,
			   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	bad(walk, looks, offset, format, arguments);
	va_end(arguments);
	return BL_TAMPERED;
}

enum bl_status walk_blame(const struct walk *walk, struct bl_error *why)
{
	if (!walk->bad_sequence)
		return bl_fail(why, BL_TAMPERED, "the log is broken: %s", walk->problem);
	return bl_fail(why, BL_TAMPERED, "the log is broken at record %" PRIu64 ": %s",
		       walk->bad_sequence, walk->problem);
}

/* ---- beginning ------------------------------------------------------------------------------- */

enum bl_status walk_init(struct walk *walk, int log_fd, const uint8_t log_id[LOG_ID_SIZE],
			 struct bl_error *why)
{
	memset(walk, 0, sizeof(*walk));
	walk->log_fd = log_fd;
	walk->is_chain_checked = true;
	memcpy(walk->log_id, log_id, LOG_ID_SIZE);
	walk->next_number = walk->next_sequence = walk->next_frame = 1;
	walk->buffer = malloc(WINDOW_BUFFER);
	if (!walk->buffer)
		return bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
	return BL_OK;
}

void walk_identify(struct walk *walk, const struct log_identity *identity)
{
	walk->identity = identity;
	memcpy(walk->chain, identity->genesis, AUDIT_DIGEST);
}

void walk_done(struct walk *walk)
{
	free(walk->buffer);
	walk->buffer = NULL;
}

/* ---- headers --------------------------------------------------------------------------------- */

/* A segment's file, opened, with its header read. */
struct opened {
	int fd;
	uint64_t size;
	uint8_t bytes[SEGMENT_HEADER];
	struct segment_header header;
};

static void opened_done(struct opened *opened)
{
	fd_close(opened->fd);
}

static enum bl_status open_segment(struct walk *walk, uint64_t first_sequence, struct opened *out,
				   struct bl_error *why)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	format_segment_name(first_sequence, name);
	snprintf(walk->bad_file, sizeof(walk->bad_file), "%s", name);
	out->fd = openat(walk->log_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (out->fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "segment '%s' is missing", name);
	if (out->fd < 0 && errno == ELOOP)
		return walk_bad(walk, 0, "segment '%s' is not a regular file", name);
	if (out->fd < 0 || fstat(out->fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return walk_bad(walk, 0, "segment '%s' is not a regular file", name);

	ssize_t got = pread(out->fd, out->bytes, SEGMENT_HEADER, 0);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read '%s'", name);
	if (got != (ssize_t)SEGMENT_HEADER)
		return walk_bad_as(walk, LOOKS_TRUNCATED, 0, "segment '%s' is cut short", name);
	out->size = (uint64_t)st.st_size;
	return BL_OK;
}

static enum bl_status parse_header(struct walk *walk, struct opened *opened)
{
	struct segment_header *header = &opened->header;
	const char *problem = format_segment_parse(opened->bytes, header);

	if (problem)
		return walk_bad(walk, 0, "segment '%s' %s", walk->bad_file, problem);
	if (memcmp(header->log_id, walk->log_id, LOG_ID_SIZE) != 0)
		return walk_bad_as(walk, LOOKS_SPLICED, 16, "segment '%s' is of another log",
				   walk->bad_file);
	if (header->size == opened->size)
		return BL_OK;
	return walk_bad_as(walk, opened->size < header->size ? LOOKS_TRUNCATED : LOOKS_INSERTED,
			   152, "segment '%s' is not as long as its header says", walk->bad_file);
}

static enum bl_status read_segment(struct walk *walk, uint64_t first_sequence, struct opened *out,
				   struct bl_error *why)
{
	enum bl_status status = open_segment(walk, first_sequence, out, why);

	return status == BL_OK ? parse_header(walk, out) : status;
}

enum bl_status walk_header(struct walk *walk, uint64_t first_sequence,
			   struct segment_header *out_header, struct bl_error *why)
{
	__attribute__((cleanup(opened_done))) struct opened opened = {.fd = -1};
	enum bl_status status = read_segment(walk, first_sequence, &opened, why);

	if (status == BL_NOT_FOUND)
		return walk_bad_as(walk, LOOKS_DROPPED, 0, "segment '%s' is missing",
				   walk->bad_file);
	if (status != BL_OK)
		return status;
	if (opened.header.first_sequence != first_sequence)
		return walk_bad(walk, 40, "segment '%s' has another's name", walk->bad_file);
	*out_header = opened.header;
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
	walk->has_boot = false;
	return BL_OK;
}

static bool has_our_auditors(const struct walk *walk, const struct segment_header *header)
{
	const struct log_identity *identity = walk->identity;

	if (!identity)
		return true;
	if (header->auditor_count != identity->auditor_count)
		return false;
	for (size_t i = 0; i < header->auditor_count; i++)
		if (memcmp(header->slots[i], identity->auditors[i], AUDIT_KEY) != 0)
			return false;
	return true;
}

static enum bl_status check_header(struct walk *walk, const struct segment_header *header)
{
	if (header->first_sequence != walk->next_sequence)
		return walk_bad_as(walk, looks_of_header(walk, header), 40,
				   "segment '%s' does not begin with its sequence number",
				   walk->bad_file);
	if (header->number != walk->next_number || header->first_frame != walk->next_frame)
		return walk_bad_as(walk, looks_of_header(walk, header), 32,
				   "segment '%s' is not the next one", walk->bad_file);
	if (walk->is_chain_checked &&
	    memcmp(header->previous_chain, walk->chain, AUDIT_DIGEST) != 0)
		return walk_bad(walk, 56, "segment '%s' does not follow the one before",
				walk->bad_file);
	if (!has_our_auditors(walk, header))
		return walk_bad(walk, 160, "segment '%s' has other auditors than the log",
				walk->bad_file);
	if (walk->has_boot && memcmp(header->boot_id, walk->boot_id, sizeof(walk->boot_id)) == 0 &&
	    header->boottime_ns < walk->boottime_ns)
		return walk_bad_as(walk, LOOKS_CLOCK, 144, "the clock went back within one boot");
	return BL_OK;
}

/* ---- segments -------------------------------------------------------------------------------- */

static void enter_segment(struct walk *walk, const struct opened *opened)
{
	const struct segment_header *header = &opened->header;

	if (!walk->is_chain_checked)
		memcpy(walk->chain, header->previous_chain, AUDIT_DIGEST);
	chain_segment(walk->chain, opened->bytes);
	memcpy(walk->boot_id, header->boot_id, sizeof(walk->boot_id));
	walk->boottime_ns = header->boottime_ns;
	walk->has_boot = true;
	walk->has_segment = true;
	walk->has_auditors = header->auditor_count != 0;
	walk->is_at_tombstone = false;
	walk->first_sequence = header->first_sequence;
	walk->next_number++;
	walk->segments++;
	walk->last_op = (enum audit_op)0;
}

static void tell_segment(struct walk *walk, const struct segment_header *header)
{
	const struct audit_segment told = {.number = header->number,
					   .first_sequence = header->first_sequence,
					   .auditor_count = header->auditor_count,
					   .slots = header->slots[0]};

	if (walk->tell_segment && !walk->is_stopped && !walk->tell_segment(walk->context, &told))
		walk->is_stopped = true;
}

enum bl_status walk_enter(struct walk *walk, int *out_fd, uint64_t *out_size, struct bl_error *why)
{
	__attribute__((cleanup(opened_done))) struct opened opened = {.fd = -1};
	enum bl_status status = read_segment(walk, walk->next_sequence, &opened, why);

	if (status == BL_OK)
		status = check_header(walk, &opened.header);
	if (status != BL_OK)
		return status;
	enter_segment(walk, &opened);
	tell_segment(walk, &opened.header);
	*out_fd = opened.fd;
	*out_size = opened.size;
	opened.fd = -1;
	return BL_OK;
}

/* BL_NOT_FOUND: there is no such file. */
static enum bl_status try_segment(struct walk *walk, bool is_last, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct walk_tail before = walk->tail;
	uint64_t first = walk->next_sequence;
	bool is_before_known = !walk->is_before_unknown;
	struct window window = {.buffer = walk->buffer};
	enum bl_status status = walk_enter(walk, &fd, &window.size, why);

	if (status != BL_OK)
		return status;
	window.fd = fd;
	walk->is_before_unknown = false;
	status = walk_frames(walk, &window, is_before_known ? &before : NULL, is_last, why);
	if (status == BL_OK && !is_last && walk->next_sequence == first && !walk->is_stopped)
		return walk_bad_as(walk, walk->tail.length ? walk->tail.looks : LOOKS_DROPPED,
				   SEGMENT_HEADER, "segment '%s' has no records", walk->bad_file);
	return status;
}

enum bl_status walk_segment(struct walk *walk, bool is_last, struct bl_error *why)
{
	enum bl_status status = try_segment(walk, is_last, why);

	if (status == BL_NOT_FOUND)
		return walk_bad_as(walk, LOOKS_DROPPED, 0, "segment '%s' is missing",
				   walk->bad_file);
	return status;
}

/* ---- tombstones ------------------------------------------------------------------------------ */

static bool tombstone_fits(const struct walk *walk, const struct tombstone *tombstone)
{
	return memcmp(tombstone->log_id, walk->log_id, LOG_ID_SIZE) == 0 &&
	       tombstone->number == walk->next_number &&
	       tombstone->first_sequence == walk->next_sequence &&
	       tombstone->first_frame == walk->next_frame &&
	       tombstone->last_sequence >= tombstone->first_sequence &&
	       tombstone->last_sequence - tombstone->first_sequence < MOST_RECORDS &&
	       tombstone->last_frame >= tombstone->first_frame &&
	       tombstone->last_frame - tombstone->first_frame <=
		       tombstone->last_sequence - tombstone->first_sequence &&
	       (!walk->is_chain_checked ||
		memcmp(tombstone->previous_chain, walk->chain, AUDIT_DIGEST) == 0);
}

static void enter_tombstone(struct walk *walk, const struct tombstone *tombstone)
{
	memcpy(walk->chain, tombstone->chain, AUDIT_DIGEST);
	memset(&walk->tail, 0, sizeof(walk->tail));
	walk->trimmed_records += tombstone->last_sequence - tombstone->first_sequence + 1;
	walk->tombstones++;
	walk->next_number++;
	walk->next_sequence = tombstone->last_sequence + 1;
	walk->next_frame = tombstone->last_frame + 1;
	walk->has_boot = false;
	walk->is_before_unknown = true;
	walk->is_at_tombstone = true;
	walk->last_op = (enum audit_op)0;
}

enum bl_status walk_tombstone(struct walk *walk, const uint8_t *public_key, struct bl_error *why)
{
	struct tombstone tombstone;
	struct bl_error unread;
	char name[TOMBSTONE_NAME_SIZE];
	enum bl_status status = tombstone_read(walk->log_fd, walk->next_sequence, public_key,
					       &tombstone, NULL, &unread);

	tombstone_name(walk->next_sequence, name);
	snprintf(walk->bad_file, sizeof(walk->bad_file), "%s", name);
	if (status == BL_NOT_FOUND)
		return walk_bad_as(walk, LOOKS_DROPPED, 0,
				   "the segment that begins with record %" PRIu64 " is missing",
				   walk->next_sequence);
	if (status == BL_TAMPERED)
		return walk_bad_as(walk, LOOKS_TOMBSTONE, 0,
				   "tombstone '%s' is not signed by this key", name);
	if (status != BL_OK)
		return bl_fail(why, status, "%s", unread.text);
	if (!tombstone_fits(walk, &tombstone))
		return walk_bad_as(walk, LOOKS_TOMBSTONE, 0,
				   "tombstone '%s' does not follow what is before it", name);
	status = walk_key_forward(walk, tombstone.last_frame + 1);
	if (status != BL_OK)
		return status;
	enter_tombstone(walk, &tombstone);
	if (walk->after_frame && !walk->after_frame(walk->frame_context, walk))
		return BL_TAMPERED;
	return BL_OK;
}

/* While the log is read its oldest segments may go; then everything before this one is gone as well. */
static bool is_trimmed_now(const struct walk *walk)
{
	char name[SEGMENT_NAME_SIZE];

	if (!walk->has_segment)
		return true;
	format_segment_name(walk->first_sequence, name);
	return faccessat(walk->log_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

enum bl_status walk_place(struct walk *walk, const struct places *places, size_t at,
			  const uint8_t *public_key, struct bl_error *why)
{
	const struct place *place = &places->items[at];

	walk->places = places;
	walk->place = at;
	if (place->first_sequence != walk->next_sequence)
		return looks_of_gap(walk);
	if (place->has_segment) {
		enum bl_status status = try_segment(walk, at + 1 == places->count, why);

		if (status != BL_NOT_FOUND)
			return status;
	}
	if (!is_trimmed_now(walk))
		return walk_bad_as(walk, LOOKS_DROPPED, 0,
				   "the segment that begins with record %" PRIu64 " is missing",
				   walk->next_sequence);
	return walk_tombstone(walk, public_key, why);
}
