#include "fs/audit/note.h"

#include "fs/audit/signed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ORIGIN	    "bailee.log/v1"
#define DASH	    "\xe2\x80\x94" /* the em dash of C2SP signed-note */
#define BASE64	    sodium_base64_VARIANT_ORIGINAL
#define TEXT_SIZE   155u /* signed part */
#define ID_AT	    14u
#define SEQUENCE_AT 47u
#define FRAME_AT    68u
#define CHAIN_AT    89u
#define TIME_AT	    134u

_Static_assert(SIGNED_SIZE(TEXT_SIZE, sizeof(ORIGIN) - 1) == NOTE_SIZE, "the note's parts fill it");

static void write_text(const struct note *note, char out[NOTE_SIZE + 1])
{
	char id[2 * LOG_ID_SIZE + 1], chain[SIGNED_CHAIN + 1];

	sodium_bin2hex(id, sizeof(id), note->log_id, LOG_ID_SIZE);
	sodium_bin2base64(chain, sizeof(chain), note->chain, AUDIT_DIGEST, BASE64);
	snprintf(out, NOTE_SIZE + 1,
		 ORIGIN "\n%s\n%020" PRIu64 "\n%020" PRIu64 "\n%s\n%020" PRIu64 "\n", id,
		 note->sequence, note->frame, chain, (uint64_t)note->realtime_s);
}

void note_write(const struct note *note, const struct vault *vault, char out[NOTE_SIZE])
{
	char text[NOTE_SIZE + 1];

	write_text(note, text);
	signed_finish(ORIGIN, vault, text, TEXT_SIZE);
	memcpy(out, text, NOTE_SIZE);
}

void note_join(const struct note_fields *fields, char out[NOTE_SIZE])
{
	char text[NOTE_SIZE + 1] = "";

	snprintf(text, sizeof(text),
		 ORIGIN "\n%.32s\n%020" PRIu64 "\n%020" PRIu64 "\n%.44s\n%020" PRIu64 "\n\n" DASH
			" " ORIGIN " %.92s\n",
		 fields->log_id, fields->sequence, fields->frame, fields->chain, fields->realtime_s,
		 fields->signature);
	memcpy(out, text, NOTE_SIZE);
}

static bool take_text(const char *bytes, struct note *out)
{
	char again[NOTE_SIZE + 1];
	uint64_t seconds;
	size_t got;

	if (sodium_hex2bin(out->log_id, LOG_ID_SIZE, bytes + ID_AT, 2 * LOG_ID_SIZE, NULL, &got,
			   NULL) != 0 ||
	    got != LOG_ID_SIZE)
		return false;
	if (!signed_chain(bytes + CHAIN_AT, out->chain) ||
	    !signed_number(bytes + SEQUENCE_AT, &out->sequence) ||
	    !signed_number(bytes + FRAME_AT, &out->frame) ||
	    !signed_number(bytes + TIME_AT, &seconds))
		return false;
	out->realtime_s = (int64_t)seconds;
	write_text(out, again);
	return memcmp(again, bytes, TEXT_SIZE) == 0;
}

enum note_result note_parse(const char *bytes, size_t length,
			    const uint8_t public_key[VAULT_PUBLIC_KEY], struct note *out)
{
	if (length < NOTE_SIZE || memchr(bytes, 0, NOTE_SIZE))
		return NOTE_TORN;
	return take_text(bytes, out) && signed_ok(ORIGIN, bytes, TEXT_SIZE, NOTE_SIZE, public_key)
		       ? NOTE_GOOD
		       : NOTE_BAD;
}

void note_file_name(int64_t realtime_s, char out[NOTE_FILE_NAME])
{
	time_t at = (time_t)realtime_s;
	struct tm utc;

	/* A clock beyond any sense still needs a name that sorts. */
	if (!gmtime_r(&at, &utc) || utc.tm_year < 70 || utc.tm_year > 9999 - 1900) {
		memcpy(out, realtime_s < 0 ? "1970-01-01" : "9999-12-31", NOTE_FILE_NAME);
		return;
	}
	if (strftime(out, NOTE_FILE_NAME, "%Y-%m-%d", &utc) != NOTE_FILE_NAME - 1)
		memcpy(out, "9999-12-31", NOTE_FILE_NAME);
}

bool note_file_name_ok(const char *name)
{
	for (unsigned i = 0; i < NOTE_FILE_NAME - 1; i++) {
		bool is_dash = i == 4 || i == 7;

		if (is_dash ? name[i] != '-' : name[i] < '0' || name[i] > '9')
			return false;
	}
	return name[NOTE_FILE_NAME - 1] == '\0';
}

/* ---- all of them ----------------------------------------------------------------------------- */

static enum bl_status add_name(struct notes *notes, const char *name, struct bl_error *why)
{
	size_t count = notes->name_count;

	if (count == NOTE_FILES)
		return bl_fail(why, BL_TOO_LARGE,
			       "'" NOTE_FOLDER "' has more than %u files of checkpoints",
			       NOTE_FILES);
	/* Room doubles whenever it is full, which a power of two says. */
	if ((count & (count - 1)) == 0) {
		void *grown = reallocarray(notes->names, count ? 2 * count : 1, NOTE_FILE_NAME);

		if (!grown)
			return bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
		notes->names = grown;
	}
	memcpy(notes->names[notes->name_count++], name, NOTE_FILE_NAME);
	return BL_OK;
}

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, NOTE_FILE_NAME);
}

/* All file names in one pass: a folder may be full of them. */
static enum bl_status list_files(struct notes *notes, struct bl_error *why)
{
	int fd = openat(notes->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	enum bl_status status = BL_OK;

	if (!folder) {
		fd_close(fd);
		return bl_fail_errno(why, BL_IO, "cannot list '" NOTE_FOLDER "'");
	}
	while (status == BL_OK) {
		errno = 0;

		const struct dirent *entry = readdir(folder);

		if (!entry && errno != 0)
			status = bl_fail_errno(why, BL_IO, "cannot list '" NOTE_FOLDER "'");
		if (!entry)
			break;
		if (note_file_name_ok(entry->d_name))
			status = add_name(notes, entry->d_name, why);
	}
	closedir(folder);
	if (status == BL_OK && notes->name_count) {
		qsort(notes->names, notes->name_count, NOTE_FILE_NAME, compare_names);
		memcpy(notes->newest, notes->names[notes->name_count - 1], NOTE_FILE_NAME);
	}
	return status;
}

static enum bl_status open_file(struct notes *notes, uint64_t *out_size, struct bl_error *why)
{
	struct stat st;

	fd_close(notes->fd);
	notes->fd = openat(notes->folder_fd, notes->name,
			   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (notes->fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "'" NOTE_FOLDER "/%s' is gone", notes->name);
	if (notes->fd < 0 && errno == ELOOP)
		return bl_fail(why, BL_TAMPERED, "'" NOTE_FOLDER "/%s' is not a regular file",
			       notes->name);
	if (notes->fd < 0 || fstat(notes->fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '" NOTE_FOLDER "/%s'", notes->name);
	if (!S_ISREG(st.st_mode))
		return bl_fail(why, BL_TAMPERED, "'" NOTE_FOLDER "/%s' is not a regular file",
			       notes->name);
	*out_size = (uint64_t)st.st_size;
	return BL_OK;
}

static enum bl_status open_newest(struct notes *notes, struct bl_error *why)
{
	enum bl_status status = list_files(notes, why);

	if (status != BL_OK || !notes->newest[0])
		return status;
	memcpy(notes->name, notes->newest, NOTE_FILE_NAME);
	status = open_file(notes, &notes->newest_size, why);
	notes->name[0] = '\0';
	return status == BL_NOT_FOUND ? BL_IO : status;
}

enum bl_status notes_open(int log_fd, struct notes *notes, struct bl_error *why)
{
	memset(notes, 0, sizeof(*notes));
	notes->fd = -1;
	notes->folder_fd =
		openat(log_fd, NOTE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (notes->folder_fd < 0 && errno == ENOENT)
		return BL_OK;
	if (notes->folder_fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return bl_fail(why, BL_TAMPERED, "'" NOTE_FOLDER "' is not a folder");
	if (notes->folder_fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open '" NOTE_FOLDER "'");

	enum bl_status status = open_newest(notes, why);

	if (status != BL_OK)
		notes_close(notes);
	return status;
}

void notes_skip(struct notes *notes)
{
	uint64_t whole = notes->newest_size / NOTE_SIZE;

	/* Two, since the last may be torn. With fewer, older files have to be read. */
	if (whole < 2)
		return;
	memcpy(notes->name, notes->newest, NOTE_FILE_NAME);
	notes->next_name = notes->name_count;
	notes->size = notes->newest_size;
	notes->at = (whole - 2) * NOTE_SIZE;
}

void notes_close(struct notes *notes)
{
	fd_close(notes->fd);
	fd_close(notes->folder_fd);
	free(notes->names);
	notes->fd = notes->folder_fd = -1;
	notes->names = NULL;
	notes->name_count = notes->next_name = 0;
}

static enum bl_status next_file(struct notes *notes, struct bl_error *why)
{
	enum bl_status status;

	/* A file may go while the log is read: its notes spoke of records that went before it. */
	do {
		if (notes->next_name == notes->name_count)
			return BL_NOT_FOUND;
		memcpy(notes->name, notes->names[notes->next_name++], NOTE_FILE_NAME);
		notes->at = 0;
		status = open_file(notes, &notes->size, why);
	} while (status == BL_NOT_FOUND);
	if (status == BL_OK && strcmp(notes->name, notes->newest) == 0)
		notes->size = BL_MIN(notes->size, notes->newest_size);
	return status;
}

enum bl_status notes_next(struct notes *notes, const uint8_t *log_id,
			  const uint8_t public_key[VAULT_PUBLIC_KEY], struct note *out_note,
			  struct bl_error *why)
{
	char bytes[NOTE_SIZE];

	while (notes->at >= notes->size) {
		enum bl_status status = next_file(notes, why);

		if (status != BL_OK)
			return status;
	}

	size_t length = (size_t)BL_MIN((uint64_t)NOTE_SIZE, notes->size - notes->at);
	ssize_t got = pread(notes->fd, bytes, length, (off_t)notes->at);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read '" NOTE_FOLDER "/%s'", notes->name);

	enum note_result result = note_parse(bytes, (size_t)got, public_key, out_note);
	bool is_last =
		strcmp(notes->name, notes->newest) == 0 && notes->at + NOTE_SIZE >= notes->size;

	if (result == NOTE_TORN && is_last) {
		notes->is_torn = true;
		notes->size = notes->at;
		return BL_NOT_FOUND;
	}
	if (result != NOTE_GOOD)
		return bl_fail(why, BL_TAMPERED, "a checkpoint is not signed by this key");
	if (memcmp(out_note->log_id, log_id, LOG_ID_SIZE) != 0)
		return bl_fail(why, BL_TAMPERED, "a checkpoint speaks of another log");
	if (notes->has_last &&
	    (out_note->sequence <= notes->last.sequence || out_note->frame <= notes->last.frame))
		return bl_fail(why, BL_TAMPERED, "checkpoints are out of order");
	notes->last = *out_note;
	notes->has_last = true;
	notes->at += NOTE_SIZE;
	return BL_OK;
}
