#include "fs/audit/anchor.h"

#include "fs/audit/note.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX	  ".anchors"
#define NAME_SIZE (ANCHOR_LOG_ID + sizeof(SUFFIX))
#define DEPTH	  4096 /* of a folder below the root: a path has no room for more */

/* ---- the folder ------------------------------------------------------------------------------ */

static bool is_file(const struct stat *st, dev_t device, ino_t inode)
{
	return st->st_dev == device && st->st_ino == inode;
}

/* Up to the root by "..", which no symbolic link on the way there can lead astray. */
static enum bl_status refuse_in_store(const struct anchor_place *place, int folder,
				      struct bl_error *why)
{
	BL_CLEANUP(fd_close) int at = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st, root;

	if (stat("/", &root) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at '/'");
	for (unsigned i = 0; i < DEPTH; i++) {
		if (at < 0 || fstat(at, &st) != 0)
			return bl_fail(why, BL_IO, "cannot see where it lies: %s", strerror(errno));
		if (is_file(&st, place->store_device, place->store_inode))
			return bl_fail(why, BL_INVALID,
				       "lies in the store (name a folder on another medium)");
		if (is_file(&st, root.st_dev, root.st_ino))
			return BL_OK;
		int parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		fd_close(at);
		at = parent;
	}
	return bl_fail(why, BL_INVALID, "lies too deep (name a folder nearer to '/')");
}

static enum bl_status reach_folder(const struct anchor_place *place, int *out_fd, struct stat *out,
				   struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open(place->what, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum bl_status status;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return bl_fail(why, BL_INVALID, "is not a folder (make it, or mount its medium)");
	if (fd < 0 || fstat(fd, out) != 0)
		return bl_fail(why, BL_IO, "cannot be opened: %s (mount its medium again)",
			       strerror(errno));
	status = refuse_in_store(place, fd, why);
	if (status == BL_OK)
		*out_fd = fd_take(&fd);
	return status;
}

static enum bl_status open_folder(struct anchor_place *place, const char *rest,
				  struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct stat st = {0};
	enum bl_status status = anchor_absolute(rest, &place->what, why);

	if (status == BL_OK)
		status = reach_folder(place, &fd, &st, why);
	if (status != BL_OK)
		return status;
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return bl_fail(why, BL_IO, "cannot be written: %s (let us write there)",
			       strerror(errno));
	place->device = st.st_dev;
	place->inode = st.st_ino;
	place->is_same_medium = st.st_dev == place->store_device;
	return BL_OK;
}

/* By its path again each time, so that a medium may be taken out: we do not keep it busy. */
static enum bl_status reach_folder_again(const struct anchor_place *place, int *out_fd,
					 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct stat st = {0};
	enum bl_status status = reach_folder(place, &fd, &st, why);

	if (status != BL_OK)
		return status;
	/* The bare mount point would take it too, and it would be on the wrong disk. */
	if (st.st_dev != place->device)
		return bl_fail(
			why, BL_IO,
			"is not the medium it was (mount that again, or start again with this)");
	*out_fd = fd_take(&fd);
	return BL_OK;
}

/* ---- its file -------------------------------------------------------------------------------- */

static enum bl_status open_file(int folder, const struct anchor_note *note, int *out_fd,
				off_t *out_size, struct bl_error *why)
{
	char name[NAME_SIZE];
	struct stat st;

	snprintf(name, sizeof(name), "%.*s" SUFFIX, ANCHOR_LOG_ID, note->log_id);
	/* O_NONBLOCK: nothing that lies there under our name is to hold us up. */
	BL_CLEANUP(fd_close)
	int fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail(why, BL_IO, "cannot open its file: %s (see what lies there)",
			       strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return bl_fail(why, BL_INVALID,
			       "its file is not one of ours alone (move it away from there)");
	*out_size = st.st_size;
	*out_fd = fd_take(&fd);
	return BL_OK;
}

/* Where the next note goes. */
struct place_in_file {
	off_t at;		/* the note is written here */
	off_t keep;		/* what is good ends here: cut back to it when writing fails */
	char bytes[AUDIT_NOTE]; /* that are written */
};

static enum bl_status read_note(int fd, off_t at, char bytes[AUDIT_NOTE], struct bl_error *why)
{
	ssize_t got = pread(fd, bytes, AUDIT_NOTE, at);

	if (got == AUDIT_NOTE)
		return BL_OK;
	return bl_fail(why, BL_IO, "cannot read its file: %s (look after that medium)",
		       got < 0 ? strerror(errno) : "it shrinks");
}

/* What the newest whole note of the file, @last, says about the one that is to go behind it. */
static enum bl_status follow_on(const char last[AUDIT_NOTE], const struct anchor_note *note,
				struct place_in_file *place, struct bl_error *why)
{
	struct anchor_note before;

	if (!anchor_note_read(last, &before) ||
	    memcmp(before.log_id, note->log_id, ANCHOR_LOG_ID) != 0)
		return bl_fail(why, BL_INVALID,
			       "its file holds other things (move it away from there)");
	if (anchor_note_is_same(&before, note)) {
		/*
		 * A try before this one wrote it, and nobody lived to see its sync end. The very bytes
		 * are written again: after a failed sync the kernel takes pages for clean that are not
		 * on the medium.
		 */
		place->at -= AUDIT_NOTE;
		memcpy(place->bytes, last, AUDIT_NOTE);
		return BL_OK;
	}
	if (before.sequence >= note->sequence)
		return bl_fail(
			why, BL_TAMPERED,
			"knows more than this log: the store was put back (verify the log with "
			"it)");
	return BL_OK;
}

static enum bl_status find_place(int fd, off_t size, const struct anchor_note *note,
				 struct place_in_file *place, struct bl_error *why)
{
	char last[AUDIT_NOTE];
	enum bl_status status = BL_OK;
	off_t end = size - size % AUDIT_NOTE;

	if (end > 0)
		status = read_note(fd, end - AUDIT_NOTE, last, why);
	/* The one torn note of a file may also be as long as a whole one, with a NUL. */
	if (status == BL_OK && end > 0 && end == size && memchr(last, 0, AUDIT_NOTE)) {
		end -= AUDIT_NOTE;
		if (end > 0)
			status = read_note(fd, end - AUDIT_NOTE, last, why);
	}
	if (status != BL_OK)
		return status;
	place->at = place->keep = end;
	memcpy(place->bytes, note->text, AUDIT_NOTE);
	return end > 0 ? follow_on(last, note, place, why) : BL_OK;
}

static bool write_all(int fd, const struct place_in_file *place)
{
	size_t done = 0;

	while (done < AUDIT_NOTE) {
		ssize_t put =
			pwrite(fd, place->bytes + done, AUDIT_NOTE - done, place->at + (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			errno = ENOSPC;
		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return true;
}

/* The folder too, every time: whoever made the file may not have lived to sync it. */
static bool sync_all(int folder, int fd)
{
	if (fdatasync(fd) != 0)
		return false;
	/* EINVAL: a filesystem that has no such thing. */
	return fsync(folder) == 0 || errno == EINVAL;
}

static enum bl_status put_in_folder(struct anchor_place *place, const struct anchor_note *note,
				    struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder = -1;
	BL_CLEANUP(fd_close) int fd = -1;
	struct place_in_file next;
	off_t size = 0;
	enum bl_status status = reach_folder_again(place, &folder, why);

	if (status == BL_OK)
		status = open_file(folder, note, &fd, &size, why);
	if (status == BL_OK)
		status = find_place(fd, size, note, &next, why);
	if (status != BL_OK)
		return status;
	if (write_all(fd, &next) && sync_all(folder, fd))
		return BL_OK;
	status = bl_fail(why, BL_IO, "cannot be written: %s (make room there)", strerror(errno));
	/* A torn note that stays is no more trouble than there is: readers know it for one. */
	if (ftruncate(fd, next.keep) != 0)
		status = BL_IO;
	return status;
}

/* ---- what it knows --------------------------------------------------------------------------- */

/* The last note that is whole; the one behind it may be torn. */
static uint64_t known_in_file(int fd, const uint8_t log_id[AUDIT_LOG_ID],
			      const uint8_t public_key[VAULT_PUBLIC_KEY])
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	for (off_t back = 1; back <= 2 && st.st_size / AUDIT_NOTE >= back; back++) {
		char bytes[AUDIT_NOTE];
		struct note note;

		if (pread(fd, bytes, sizeof(bytes),
			  (st.st_size / AUDIT_NOTE - back) * AUDIT_NOTE) == AUDIT_NOTE &&
		    note_parse(bytes, sizeof(bytes), public_key, &note) == NOTE_GOOD &&
		    memcmp(note.log_id, log_id, AUDIT_LOG_ID) == 0)
			return note.sequence;
	}
	return 0;
}

static uint64_t known_in_folder(const struct anchor_place *place,
				const uint8_t log_id[AUDIT_LOG_ID],
				const uint8_t public_key[VAULT_PUBLIC_KEY])
{
	char name[NAME_SIZE], hex[ANCHOR_LOG_ID + 1];
	BL_CLEANUP(fd_close) int folder = open(place->what, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return 0;
	sodium_bin2hex(hex, sizeof(hex), log_id, AUDIT_LOG_ID);
	snprintf(name, sizeof(name), "%s" SUFFIX, hex);

	BL_CLEANUP(fd_close)
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? 0 : known_in_file(fd, log_id, public_key);
}

const struct anchor_kind ANCHOR_FOLDER = {
	.prefix = "",
	.open = open_folder,
	.put = put_in_folder,
	.known = known_in_folder,
};
