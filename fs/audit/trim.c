#include "fs/audit/trim.h"
#include "fs/audit/note.h"
#include "fs/audit/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

/* ---- one segment ----------------------------------------------------------------------------- */

/* What is known while one goes after the other. */
struct trimming {
	const struct trim *trim;
	struct walk walk;
	struct tombstone before; /* of the segment before; number 0: there was none */
	size_t removed;
};

static enum bl_status blame(const struct walk *walk, enum bl_status status, struct bl_error *why)
{
	if (status == BL_TAMPERED) {
		status = walk_blame(walk, why);
		bl_explain(why, "old segments stay");
	}
	return status;
}

/* What went before the segment of items[at] is its tombstone, or nothing at all. */
static enum bl_status find_before(struct trimming *now, const struct places *places, size_t at,
				  struct bl_error *why)
{
	const struct trim *trim = now->trim;
	enum bl_status status;

	now->before = (struct tombstone){0};
	if (at == 0) {
		memcpy(now->before.chain, trim->identity->genesis, AUDIT_DIGEST);
		return BL_OK;
	}
	status = tombstone_read(trim->log_fd, places->items[at - 1].first_sequence,
				vault_public_key(trim->vault), &now->before, NULL, why);
	return status == BL_NOT_FOUND ? BL_TAMPERED : status;
}

static bool follows(const struct segment_header *header, const struct tombstone *before)
{
	return header->number == before->number + 1 &&
	       header->first_sequence == before->last_sequence + 1 &&
	       header->first_frame == before->last_frame + 1 &&
	       memcmp(header->previous_chain, before->chain, AUDIT_DIGEST) == 0;
}

static bool stop_at_once(void *context BL_UNUSED, const struct audit_record *record BL_UNUSED)
{
	return false;
}

static void tombstone_of(const struct walk *walk, const struct segment_header *header,
			 struct tombstone *out)
{
	*out = (struct tombstone){.number = header->number,
				  .first_sequence = header->first_sequence,
				  .last_sequence = walk->next_sequence - 1,
				  .first_frame = header->first_frame,
				  .last_frame = walk->next_frame - 1,
				  .begun_s = header->realtime_ns / NS_PER_S};
	memcpy(out->log_id, header->log_id, LOG_ID_SIZE);
	memcpy(out->previous_chain, header->previous_chain, AUDIT_DIGEST);
	memcpy(out->chain, walk->chain, AUDIT_DIGEST);
}

/*
 * Walk the segment from end to end, and the first frame of the one behind: its header says how this one ended, its first record
 * whether torn bytes were left here. So nothing goes that somebody made up, unless they made up all that follows.
 */
static enum bl_status check_whole(struct trimming *now, const struct segment_header *header,
				  struct tombstone *out, struct bl_error *why)
{
	struct walk walk;
	enum bl_status status =
		walk_init(&walk, now->trim->log_fd, now->trim->identity->log_id, why);

	if (status != BL_OK)
		return status;
	walk_identify(&walk, now->trim->identity);
	status = walk_start_at(&walk, header->first_sequence, why);
	if (status == BL_OK)
		status = walk_segment(&walk, false, why);
	if (status == BL_OK) {
		tombstone_of(&walk, header, out);
		walk.tell = stop_at_once;
		status = walk_segment(&walk, false, why);
	}
	status = blame(&walk, status, why);
	walk_done(&walk);
	return status;
}

static bool is_same(const struct tombstone *one, const struct tombstone *other)
{
	return memcmp(one->log_id, other->log_id, LOG_ID_SIZE) == 0 &&
	       one->number == other->number && one->first_sequence == other->first_sequence &&
	       one->last_sequence == other->last_sequence &&
	       one->first_frame == other->first_frame && one->last_frame == other->last_frame &&
	       one->begun_s == other->begun_s &&
	       memcmp(one->previous_chain, other->previous_chain, AUDIT_DIGEST) == 0 &&
	       memcmp(one->chain, other->chain, AUDIT_DIGEST) == 0;
}

/* The tombstone as it was left by a crash, the same bytes; or a new one. */
static enum bl_status keep_tombstone(const struct trim *trim, const struct tombstone *wanted,
				     char out_bytes[TOMBSTONE_SIZE], struct bl_error *why)
{
	struct tombstone there;
	enum bl_status status =
		tombstone_read(trim->log_fd, wanted->first_sequence, vault_public_key(trim->vault),
			       &there, out_bytes, why);

	if (status == BL_OK && !is_same(&there, wanted))
		return bl_fail(why, BL_TAMPERED,
			       "segment %" PRIu64 " stays: its tombstone speaks of another",
			       wanted->number);
	if (status != BL_NOT_FOUND)
		return status;
	there = *wanted;
	there.removed_s = trim->io->realtime_ns(trim->io->context) / NS_PER_S;
	tombstone_write(&there, trim->vault, out_bytes);
	return tombstone_keep(trim->io, trim->log_fd, wanted->first_sequence, out_bytes, why);
}

static enum bl_status tell(const struct trim *trim, const struct tombstone *tombstone,
			   const char bytes[TOMBSTONE_SIZE], struct bl_error *why)
{
	struct audit_event event = {
		.op = AUDIT_TRIMMED,
		.verdict = AUDIT_PERMITTED,
		.uid = UINT32_MAX,
		.gid = UINT32_MAX,
		.pid = UINT32_MAX,
		.login_uid = UINT32_MAX,
		.offset = tombstone->first_sequence,
		.bytes = tombstone->last_sequence - tombstone->first_sequence + 1,
	};

	tombstone_detail(tombstone->number, bytes, event.detail);
	return trim->tell(trim->context, &event, why);
}

static enum bl_status remove_segment(struct trimming *now, uint64_t first, struct bl_error *why)
{
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(first, name);
	if (unlinkat(now->trim->log_fd, name, 0) != 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot remove '%s'", name);
	now->removed++;
	/* Each before the next: those that are gone are the first ones, whatever the disk does first. */
	return io_sync_folder(now->trim->io, now->trim->log_fd, "the log's folder", why);
}

static enum bl_status trim_segment(struct trimming *now, const struct segment_header *header,
				   struct bl_error *why)
{
	char bytes[TOMBSTONE_SIZE];
	struct tombstone tombstone;
	enum bl_status status;

	if (!follows(header, &now->before))
		return bl_fail(why, BL_TAMPERED,
			       "segment %" PRIu64
			       " stays: it does not follow what was removed before",
			       header->number);
	status = check_whole(now, header, &tombstone, why);
	if (status == BL_OK)
		status = keep_tombstone(now->trim, &tombstone, bytes, why);
	if (status == BL_OK)
		status = tell(now->trim, &tombstone, bytes, why);
	if (status == BL_OK)
		status = remove_segment(now, header->first_sequence, why);
	if (status == BL_OK)
		now->before = tombstone;
	return status;
}

/* ---- how far --------------------------------------------------------------------------------- */

/* May the segment of @place go, behind which is that of @behind? BL_NOT_FOUND: it stays, and all behind it. */
static enum bl_status is_over(struct trimming *now, const struct place *place,
			      const struct place *behind, struct segment_header *out_header,
			      struct bl_error *why)
{
	struct segment_header next;
	enum bl_status status = blame(
		&now->walk, walk_header(&now->walk, place->first_sequence, out_header, why), why);

	if (status != BL_OK)
		return status;
	/* The one being written stays, and the one before. */
	if (out_header->number >= now->trim->current_number ||
	    now->trim->current_number - out_header->number < 2)
		return BL_NOT_FOUND;
	status =
		blame(&now->walk, walk_header(&now->walk, behind->first_sequence, &next, why), why);
	if (status != BL_OK)
		return status;
	if (next.first_frame > now->trim->key_frame)
		return BL_NOT_FOUND;
	/* What was begun is finished, however young it is. */
	if (place->has_tombstone)
		return BL_OK;
	return next.realtime_ns / NS_PER_S < now->trim->before_unix ? BL_OK : BL_NOT_FOUND;
}

static enum bl_status trim_places(struct trimming *now, const struct places *places,
				  struct bl_error *why)
{
	size_t at = 0;

	while (at < places->count && !places->items[at].has_segment)
		at++;
	if (at + 1 >= places->count)
		return BL_OK;

	enum bl_status status = find_before(now, places, at, why);

	for (; status == BL_OK && at + 1 < places->count; at++) {
		struct segment_header header;

		status = is_over(now, &places->items[at], &places->items[at + 1], &header, why);
		if (status == BL_OK)
			status = trim_segment(now, &header, why);
	}
	return status == BL_NOT_FOUND ? BL_OK : status;
}

static enum bl_status trim_segments(const struct trim *trim, size_t *out_segments,
				    struct bl_error *why)
{
	struct trimming now = {.trim = trim};
	BL_CLEANUP(places_done) struct places places = {0};
	enum bl_status status = places_read(trim->log_fd, &places, why);

	if (status == BL_OK)
		status = walk_init(&now.walk, trim->log_fd, trim->identity->log_id, why);
	if (status == BL_OK) {
		walk_identify(&now.walk, trim->identity);
		status = trim_places(&now, &places, why);
		walk_done(&now.walk);
	}
	*out_segments = now.removed;
	return status;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* The first file of checkpoints after @after, "" for the first; and the newest. */
static enum bl_status next_file(int folder_fd, const char *after, char out[NOTE_FILE_NAME],
				char out_newest[NOTE_FILE_NAME], struct bl_error *why)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

	if (!folder) {
		fd_close(fd);
		return bl_fail_errno(why, BL_IO, "cannot list '" NOTE_FOLDER "'");
	}
	out[0] = out_newest[0] = '\0';
	for (const struct dirent *entry; (entry = readdir(folder));) {
		const char *name = entry->d_name;

		if (!note_file_name_ok(name))
			continue;
		if (strcmp(name, after) > 0 && (!out[0] || strcmp(name, out) < 0))
			memcpy(out, name, NOTE_FILE_NAME);
		if (strcmp(name, out_newest) > 0)
			memcpy(out_newest, name, NOTE_FILE_NAME);
	}
	closedir(folder);
	return BL_OK;
}

/* BL_OK: the note there speaks of a record before @kept; BL_NOT_FOUND: of a later one */
static enum bl_status check_note(const struct trim *trim, int fd, uint64_t at, const char *name,
				 uint64_t kept, struct bl_error *why)
{
	char bytes[NOTE_SIZE];
	struct note note;
	ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)at);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read '" NOTE_FOLDER "/%s'", name);
	if (note_parse(bytes, (size_t)got, vault_public_key(trim->vault), &note) != NOTE_GOOD ||
	    memcmp(note.log_id, trim->identity->log_id, LOG_ID_SIZE) != 0)
		return bl_fail(why, BL_TAMPERED,
			       "'" NOTE_FOLDER "/%s' stays: a checkpoint is not signed by this key",
			       name);
	return note.sequence < kept ? BL_OK : BL_NOT_FOUND;
}

/*
 * Does every note of a file speak of records before @kept? The last one does for all, when they are in order: so files that stay
 * cost one look. Those that go are looked at as a whole, or what somebody changed there would go with them.
 */
static enum bl_status is_file_over(const struct trim *trim, int folder_fd, const char *name,
				   uint64_t kept, struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum bl_status status = BL_OK;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '" NOTE_FOLDER "/%s'", name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size % NOTE_SIZE != 0)
		return bl_fail(why, BL_TAMPERED,
			       "'" NOTE_FOLDER "/%s' stays: it is no row of checkpoints", name);

	uint64_t size = (uint64_t)st.st_size;

	if (size)
		status = check_note(trim, fd, size - NOTE_SIZE, name, kept, why);
	for (uint64_t at = 0; status == BL_OK && at < size; at += NOTE_SIZE)
		status = check_note(trim, fd, at, name, kept, why);
	return status;
}

static enum bl_status remove_file(const struct trim *trim, int folder_fd, const char *name,
				  struct bl_error *why)
{
	if (unlinkat(folder_fd, name, 0) != 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot remove '" NOTE_FOLDER "/%s'", name);
	return io_sync_folder(trim->io, folder_fd, "'" NOTE_FOLDER "'", why);
}

/* Files go from the oldest on, so that what is left has no gap; the newest never. */
static enum bl_status trim_notes(const struct trim *trim, struct bl_error *why)
{
	char after[NOTE_FILE_NAME] = "", name[NOTE_FILE_NAME], newest[NOTE_FILE_NAME];
	struct segments kept;
	enum bl_status status = segments_list(trim->log_fd, &kept, why);
	BL_CLEANUP(fd_close)
	int fd = openat(trim->log_fd, NOTE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (status == BL_OK && fd < 0)
		return errno == ENOENT ? BL_OK
				       : bl_fail_errno(why, BL_IO, "cannot open '" NOTE_FOLDER "'");
	while (status == BL_OK) {
		status = next_file(fd, after, name, newest, why);
		if (status != BL_OK || !name[0] || strcmp(name, newest) == 0)
			break;
		status = is_file_over(trim, fd, name, kept.first, why);
		if (status == BL_OK)
			status = remove_file(trim, fd, name, why);
		memcpy(after, name, sizeof(after));
	}
	return status == BL_NOT_FOUND ? BL_OK : status;
}

enum bl_status trim_run(const struct trim *trim, size_t *out_segments, struct bl_error *why)
{
	enum bl_status status = trim_segments(trim, out_segments, why);

	return status == BL_OK ? trim_notes(trim, why) : status;
}
