#include "fs/audit/recover.h"

#include "fs/audit/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum bl_status check_folder(int fd, const char *name, struct bl_error *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at folder '%s'", name);
	if (st.st_uid != geteuid())
		return bl_fail(why, BL_INVALID, "folder '%s' belongs to uid %u, not to us", name,
			       st.st_uid);
	if (st.st_mode & 077)
		return bl_fail(why, BL_INVALID, "folder '%s' is open to others (chmod 0700)", name);
	return BL_OK;
}

static enum bl_status open_folder(const struct audit_io *io, int parent_fd, const char *name,
				  int *out_fd, struct bl_error *why)
{
	bool is_new = mkdirat(parent_fd, name, 0700) == 0;
	BL_CLEANUP(fd_close) int fd = -1;

	if (!is_new && errno != EEXIST)
		return bl_fail_errno(why, BL_IO, "cannot make folder '%s'", name);

	enum bl_status status = io_open(io, parent_fd, name, O_RDONLY | O_DIRECTORY, &fd, why);

	if (status == BL_OK)
		status = check_folder(fd, name, why);
	if (status == BL_OK)
		status = io_sync_folder(io, parent_fd, "the log's place", why);
	if (status == BL_OK)
		*out_fd = fd_take(&fd);
	return status;
}

static enum bl_status make_log_id(const struct audit_io *io, int log_fd, uint8_t out[LOG_ID_SIZE],
				  struct bl_error *why)
{
	uint8_t bytes[LOG_ID_FILE_SIZE];
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status =
		io_open(io, log_fd, "log.id.new", O_RDWR | O_CREAT | O_TRUNC, &fd, why);

	if (status != BL_OK)
		return status;
	randombytes_buf(out, LOG_ID_SIZE);
	format_log_id(out, bytes);
	status = io_write(io, fd, bytes, sizeof(bytes), 0, "'log.id'", why);
	if (status == BL_OK)
		status = io_sync(io, fd, "'log.id'", why);
	if (status == BL_OK)
		status = io_rename(io, log_fd, "log.id.new", "log.id", why);
	if (status == BL_OK)
		status = io_sync_folder(io, log_fd, "the log's folder", why);
	return status;
}

/* The newest good checkpoint, and where the next goes. Only the newest file's end is read. */
static enum bl_status find_newest_note(struct resume *resume, const uint8_t *public_key,
				       struct note *out_note, bool *out_has_note,
				       struct bl_error *why)
{
	struct notes notes;
	enum bl_status status = notes_open(resume->log_fd, &notes, why);

	if (status == BL_OK)
		notes_skip(&notes);
	while (status == BL_OK)
		status = notes_next(&notes, resume->log_id, public_key, out_note, why);
	if (status == BL_NOT_FOUND) {
		status = BL_OK;
		*out_has_note = notes.has_last;
		if (notes.has_last)
			*out_note = notes.last;
		memcpy(resume->note_name, notes.newest, NOTE_FILE_NAME);
		resume->note_at = notes.at;
	}
	notes_close(&notes);
	return status;
}

struct meeting {
	const struct note *note;
	bool has_note;
};

static bool meet_note(void *context, const struct walk *walk)
{
	const struct meeting *meeting = context;
	const struct note *note = meeting->note;

	if (!meeting->has_note || note->frame != walk->next_frame - 1)
		return true;
	return note->sequence == walk->next_sequence - 1 &&
	       memcmp(note->chain, walk->chain, AUDIT_DIGEST) == 0;
}

static void take_position(struct resume *resume, const struct walk *walk)
{
	resume->number = walk->next_number;
	resume->sequence = walk->next_sequence;
	resume->frame = walk->next_frame;
	memcpy(resume->chain, walk->chain, AUDIT_DIGEST);
	if (walk->tail.length)
		format_tail_detail(walk->tail.at, walk->tail.length, walk->tail.digest,
				   resume->tail_detail);
}

/* The last segment holds no good frame: it will be replaced; the one before has the log's end. */
static enum bl_status walk_both(struct resume *resume, struct walk *walk, uint64_t last,
				struct bl_error *why)
{
	uint64_t before = 0;
	enum bl_status status = BL_OK;

	if (walk->tail.length)
		format_empty_detail(walk->tail.length, walk->tail.digest, resume->empty_detail);
	memset(&walk->tail, 0, sizeof(walk->tail));
	if (last == 1) {
		walk->next_number = walk->next_sequence = walk->next_frame = 1;
		chain_genesis(resume->log_id, walk->chain);
		take_position(resume, walk);
		return BL_OK;
	}

	uint8_t wanted[AUDIT_DIGEST];
	uint64_t number = walk->next_number - 1;

	status = walk_start_at(walk, last, why);
	memcpy(wanted, walk->chain, AUDIT_DIGEST);
	walk->has_boot = false;
	if (status == BL_OK)
		status = segments_before(resume->log_fd, last, &before, why);
	if (status == BL_OK)
		status = walk_start_at(walk, before, why);
	if (status == BL_OK)
		status = walk_segment(walk, false, why);
	if (status == BL_OK && (walk->next_sequence != last || walk->next_number != number ||
				memcmp(walk->chain, wanted, AUDIT_DIGEST) != 0))
		return walk_bad(walk, 0, "the last segment does not follow the one before");
	if (status == BL_OK)
		take_position(resume, walk);
	return status;
}

static enum bl_status walk_end(struct resume *resume, const struct segments *segments,
			       struct meeting *meeting, struct walk *walk, struct bl_error *why)
{
	uint64_t last = segments->last;
	enum bl_status status = walk_start_at(walk, last, why);

	walk->after_frame = meet_note;
	walk->context = meeting;
	if (status == BL_OK && walk->next_number != segments->count)
		return walk_bad(walk, 0, "a segment is missing");
	if (status == BL_OK)
		status = walk_segment(walk, true, why);
	if (status == BL_OK && walk->next_sequence == last)
		status = walk_both(resume, walk, last, why);
	else if (status == BL_OK)
		take_position(resume, walk);
	if (status == BL_TAMPERED && !walk->problem[0])
		return walk_bad(walk, 0, "the newest checkpoint is not on the chain");
	return status;
}

static enum bl_status find_end(struct resume *resume, const uint8_t *public_key,
			       struct bl_error *why)
{
	struct segments segments;
	struct note note = {.sequence = 0};
	struct walk walk;
	struct meeting meeting = {.note = &note};
	enum bl_status status = segments_list(resume->log_fd, &segments, why);

	if (status == BL_OK)
		status = find_newest_note(resume, public_key, &note, &meeting.has_note, why);
	if (status == BL_OK)
		status = walk_init(&walk, resume->log_fd, resume->log_id, why);
	if (status != BL_OK)
		return status;
	take_position(resume, &walk);
	if (segments.count)
		status = walk_end(resume, &segments, &meeting, &walk, why);
	if (status == BL_OK && meeting.has_note && note.sequence >= resume->sequence)
		status = walk_bad(&walk, walk.end, "a checkpoint vouches up to record %" PRIu64,
				  note.sequence);
	if (status == BL_TAMPERED && walk.problem[0])
		bl_fail(why, status, "the log is broken at record %" PRIu64 ": %s",
			walk.bad_sequence, walk.problem);
	walk_done(&walk);
	return status;
}

static enum bl_status find_log_id(const struct audit_io *io, struct resume *resume,
				  struct bl_error *why)
{
	struct segments segments;
	struct bl_error missing;
	enum bl_status status = log_id_read(resume->log_fd, resume->log_id, &missing);

	if (status != BL_NOT_FOUND)
		return status == BL_OK ? BL_OK : bl_fail(why, status, "%s", missing.text);
	status = segments_list(resume->log_fd, &segments, why);
	if (status == BL_OK && segments.count)
		return bl_fail(why, BL_TAMPERED, "the log has segments and no 'log.id'");
	return status == BL_OK ? make_log_id(io, resume->log_fd, resume->log_id, why) : status;
}

enum bl_status recover(const struct audit_config *config, const struct audit_io *io,
		       struct resume *out_resume, struct bl_error *why)
{
	struct resume resume = {.log_fd = -1, .notes_fd = -1};
	BL_CLEANUP(fd_close) int log_fd = -1;
	BL_CLEANUP(fd_close) int notes_fd = -1;
	enum bl_status status = open_folder(io, config->store_fd, "log", &log_fd, why);

	if (status != BL_OK)
		return status;
	if (flock(log_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? bl_fail(why, BL_LOCKED,
						      "the log is being written by another process")
					    : bl_fail_errno(why, BL_IO, "cannot lock the log");
	resume.log_fd = log_fd;
	status = find_log_id(io, &resume, why);
	if (status == BL_OK)
		status = open_folder(io, log_fd, NOTE_FOLDER, &notes_fd, why);
	if (status == BL_OK)
		status = find_end(&resume, vault_public_key(config->vault), why);
	if (status != BL_OK)
		return status;
	resume.notes_fd = fd_take(&notes_fd);
	fd_take(&log_fd);
	*out_resume = resume;
	return BL_OK;
}
