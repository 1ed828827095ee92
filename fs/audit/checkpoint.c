#include "fs/audit/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES_NEW "note.new"

static enum bl_status open_note_file(struct audit *audit, const char *name, struct bl_error *why)
{
	bool is_another = strcmp(name, audit->note_name) != 0;
	BL_CLEANUP(fd_close) int fd = -1;

	if (audit->note_fd >= 0 && !is_another)
		return BL_OK;

	enum bl_status status =
		io_open(audit->io, audit->notes_fd, name, O_RDWR | O_CREAT, &fd, why);

	if (status == BL_OK)
		status = io_sync_folder(audit->io, audit->notes_fd, "the folder of checkpoints",
					why);
	/* Where that fails the next note still goes behind the last one. */
	if (status != BL_OK)
		return status;
	fd_close(audit->note_fd);
	audit->note_fd = fd_take(&fd);
	if (is_another) {
		memcpy(audit->note_name, name, NOTE_FILE_NAME);
		audit->note_at = 0;
	}
	return BL_OK;
}

static void tell_note(const struct audit *audit, const struct note *note,
		      const char bytes[NOTE_SIZE])
{
	struct audit_checkpoint_note told = {.sequence = note->sequence,
					     .frame = note->frame,
					     .realtime_s = note->realtime_s,
					     .boottime_ns = audit->last_note_ns};

	_Static_assert(AUDIT_NOTE == NOTE_SIZE, "a note is a note");
	if (!audit->on_checkpoint)
		return;
	memcpy(told.text, bytes, NOTE_SIZE);
	memcpy(told.log_id, note->log_id, LOG_ID_SIZE);
	audit->on_checkpoint(audit->context, &told);
}

/* Does the file that was written last end in a torn note, of this run or the one before? */
static bool is_torn(const struct audit *audit)
{
	struct stat st;

	return audit->note_name[0] &&
	       fstatat(audit->notes_fd, audit->note_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)st.st_size > audit->note_at;
}

static enum bl_status put_note(struct audit *audit, const struct note *note, struct bl_error *why)
{
	char bytes[NOTE_SIZE], name[NOTE_FILE_NAME];

	/* Nor any other: whatever the disk has of its end, only the newest file may end in a torn note. */
	if (audit->is_note_bad)
		return bl_fail(why, BL_IO, "cannot write a checkpoint");
	note_file_name(note->realtime_s, name);
	/* The order of files is the order of notes, also when the clock was set back; and a torn one is written over. */
	if (strcmp(name, audit->note_name) < 0 || is_torn(audit))
		memcpy(name, audit->note_name, NOTE_FILE_NAME);

	enum bl_status status = open_note_file(audit, name, why);

	if (status != BL_OK)
		return status;
	note_write(note, audit->vault, bytes);
	status = io_write(audit->io, audit->note_fd, bytes, NOTE_SIZE, audit->note_at,
			  "a checkpoint", why);
	if (status != BL_OK)
		return status;
	status = io_sync(audit->io, audit->note_fd, "a checkpoint", why);
	audit->is_note_bad = status != BL_OK;
	if (status != BL_OK)
		return status;
	audit->note_at += NOTE_SIZE;
	atomic_store(&audit->noted_sequence, note->sequence);
	tell_note(audit, note, bytes);
	return BL_OK;
}

enum bl_status writer_note(struct audit *audit, struct bl_error *why)
{
	const struct audit_io *io = audit->io;
	struct note note = {.sequence = atomic_load(&audit->durable_sequence),
			    .frame = audit->frame - 1,
			    .realtime_s = BL_MAX(io->realtime_ns(io->context), 0) / SECOND};

	if (note.sequence == atomic_load(&audit->noted_sequence))
		return BL_OK;
	memcpy(note.log_id, audit->identity.log_id, LOG_ID_SIZE);
	memcpy(note.chain, audit->chain, AUDIT_DIGEST);
	/* Also when it fails: in the reserve the next try can wait. */
	audit->last_note_ns = io->boottime_ns(io->context);
	return put_note(audit, &note, why);
}

/*
 * Locked. In the reserve a checkpoint that fails latches nothing: views have ended already, and what is due has to be destroyed
 * all the same. So whoever asked for it is answered.
 */
void writer_checkpoint(struct audit *audit, uint64_t asked)
{
	struct bl_error why = {""};

	pthread_mutex_unlock(&audit->lock);

	enum bl_status status = writer_note(audit, &why);

	pthread_mutex_lock(&audit->lock);
	if (status != BL_OK && writer_mode(audit) == AUDIT_WRITING)
		writer_fail(audit, &why);
	else if (!audit->is_failing)
		audit->served_count = asked;
	pthread_cond_broadcast(&audit->served);
}

enum bl_status audit_checkpoint(struct audit *audit, struct bl_error *why)
{
	pthread_mutex_lock(&audit->lock);

	uint64_t mine = ++audit->asked, latches = audit->latches;

	pthread_cond_signal(&audit->work);
	while (audit->served_count < mine && audit->latches == latches &&
	       writer_mode(audit) != AUDIT_DEAD)
		pthread_cond_wait(&audit->served, &audit->lock);

	bool is_served = audit->served_count >= mine && audit->latches == latches &&
			 writer_mode(audit) != AUDIT_DEAD;

	pthread_mutex_unlock(&audit->lock);
	return is_served ? BL_OK : bl_fail(why, BL_LOG_BROKEN, "the log cannot take a checkpoint");
}

/* ---- a file whose sync failed ---------------------------------------------------------------- */

/* What is good of the file called @name, up to note_at, into another file. */
static enum bl_status copy_notes(struct audit *audit, const char *name, int to_fd,
				 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = io_open(audit->io, audit->notes_fd, name, O_RDONLY, &fd, why);
	char bytes[16 * NOTE_SIZE];

	for (uint64_t at = 0; status == BL_OK && at < audit->note_at;) {
		size_t length = (size_t)BL_MIN((uint64_t)sizeof(bytes), audit->note_at - at);

		if (pread(fd, bytes, length, (off_t)at) != (ssize_t)length)
			return bl_fail_errno(why, BL_IO, "cannot read the checkpoints");
		status = io_write(audit->io, to_fd, bytes, length, at, "the checkpoints", why);
		at += length;
	}
	return status == BL_OK ? io_sync(audit->io, to_fd, "the checkpoints", why) : status;
}

enum bl_status writer_mend_notes(struct audit *audit, struct bl_error *why)
{
	const struct audit_io *io = audit->io;
	BL_CLEANUP(fd_close) int fd = -1;
	char path[sizeof(NOTE_FOLDER) + NOTE_FILE_NAME];

	if (!audit->is_note_bad)
		return BL_OK;
	unlinkat(audit->log_fd, NOTES_NEW, 0);

	enum bl_status status =
		io_open(io, audit->log_fd, NOTES_NEW, O_RDWR | O_CREAT | O_EXCL, &fd, why);

	if (status == BL_OK)
		status = copy_notes(audit, audit->note_name, fd, why);
	snprintf(path, sizeof(path), "%s/%s", NOTE_FOLDER, audit->note_name);
	if (status == BL_OK)
		status = io_rename(io, audit->log_fd, NOTES_NEW, path, why);
	if (status == BL_OK)
		status = io_sync_folder(io, audit->notes_fd, "the folder of checkpoints", why);
	audit->is_note_bad = status != BL_OK;
	return status;
}
