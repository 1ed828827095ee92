#include "fs/audit/recover.h"

#include "fs/audit/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- where writing goes on ------------------------------------------------------------------- */

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
		status = notes_next(&notes, resume->identity.log_id, public_key, out_note, why);
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

/* The end of the log, looked for. */
struct search {
	struct resume *resume;
	const uint8_t *public_key;
	struct places places;
	struct walk walk;
	struct framekey key;
	struct note note; /* the newest */
	bool has_note;
	bool is_cache_distrusted;
};

static bool meet_note(void *context, struct walk *walk)
{
	const struct search *search = context;
	const struct note *note = &search->note;

	if (!search->has_note || note->frame != walk->next_frame - 1 ||
	    (note->sequence == walk->next_sequence - 1 &&
	     memcmp(note->chain, walk->chain, AUDIT_DIGEST) == 0))
		return true;
	walk_bad_as(walk, LOOKS_CHECKPOINT, walk->end, "the newest checkpoint is not on the chain");
	return false;
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

/*
 * After a write or a sync that failed, the kernel may keep pages that never reached the medium, marked clean: read through the cache
 * they look durable, and a second sync would report success for them (Linux drops the error once it was told). So what the cache
 * holds of these files is thrown away, and the medium is asked. A page that is still dirty stays; the frame in it was told to
 * nobody, and its mac and chain are checked like any other's.
 */
static void drop_cache(int folder_fd, const char *name)
{
	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	/* Advice: what cannot be followed is no failure, the walk decides. */
	if (fd >= 0)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void distrust_segment(const struct search *search, uint64_t first_sequence)
{
	char name[SEGMENT_NAME_SIZE];

	format_segment_name(first_sequence, name);
	if (search->is_cache_distrusted)
		drop_cache(search->walk.log_fd, name);
}

/* The segment to begin with: it holds the first frame whose mac can be checked, or is the last one but one. */
static enum bl_status find_start(struct search *search, size_t *out_at, struct bl_error *why)
{
	const struct places *places = &search->places;
	struct walk *walk = &search->walk;
	struct segment_header header = {.number = 0};
	enum bl_status status;
	size_t at = places->count - 1;

	distrust_segment(search, places->items[at].first_sequence);
	status = walk_header(walk, places->items[at].first_sequence, &header, why);
	if (status == BL_OK && header.number != places->count)
		return walk_bad_as(walk, LOOKS_DROPPED, 32, "a segment is missing");
	/* The one before in any case: should the last one hold nothing, it has the log's end. */
	for (bool is_last = true; status == BL_OK && at > 0 && places->items[at - 1].has_segment &&
				  (is_last || header.first_frame > search->key.frame);
	     is_last = false) {
		at--;
		status = walk_header(walk, places->items[at].first_sequence, &header, why);
	}
	if (status != BL_OK)
		return status;
	if (header.first_frame > search->key.frame)
		return walk_bad_as(walk, LOOKS_KEY, 40, "'%s' is older than the log",
				   FRAMEKEY_FILE);
	*out_at = at;
	return BL_OK;
}

/* What the walk was like before it got to the last segment. */
struct position {
	uint64_t number, sequence, frame;
	uint8_t chain[AUDIT_DIGEST];
	struct walk_tail tail;
};

static void keep_position(const struct walk *walk, struct position *out)
{
	out->number = walk->next_number;
	out->sequence = walk->next_sequence;
	out->frame = walk->next_frame;
	memcpy(out->chain, walk->chain, AUDIT_DIGEST);
	out->tail = walk->tail;
}

static void go_back(struct walk *walk, const struct position *position)
{
	walk->next_number = position->number;
	walk->next_sequence = position->sequence;
	walk->next_frame = position->frame;
	memcpy(walk->chain, position->chain, AUDIT_DIGEST);
	walk->tail = position->tail;
}

static enum bl_status walk_from(struct search *search, size_t at, struct bl_error *why)
{
	struct resume *resume = search->resume;
	struct walk *walk = &search->walk;
	struct position before = {.number = 0};
	enum bl_status status = BL_OK;

	if (at > 0 || search->places.items[0].first_sequence != 1)
		status = walk_start_at(walk, search->places.items[at].first_sequence, why);
	for (; status == BL_OK && at < search->places.count; at++) {
		keep_position(walk, &before);
		distrust_segment(search, search->places.items[at].first_sequence);
		status = walk_place(walk, &search->places, at, search->public_key, why);
	}
	if (status != BL_OK)
		return status;
	if (walk->next_sequence == before.sequence) {
		/* The last segment holds no good frame: it will be replaced. */
		if (walk->tail.length)
			format_empty_detail(walk->tail.length, walk->tail.digest,
					    resume->empty_detail);
		go_back(walk, &before);
	}
	take_position(resume, walk);
	return BL_OK;
}

/* What is at the end, is it all there was? */
static enum bl_status check_end(struct search *search)
{
	const struct resume *resume = search->resume;
	struct walk *walk = &search->walk;

	if (search->has_note && search->note.sequence >= resume->sequence)
		return walk_bad_as(walk, LOOKS_TRUNCATED, walk->end,
				   "it is missing, and a checkpoint vouches up to record %" PRIu64,
				   search->note.sequence);
	if (search->key.frame != resume->frame)
		return walk_bad_as(walk, LOOKS_TRUNCATED, walk->end,
				   "the end of the log is missing, '%s' is of frame %" PRIu64,
				   FRAMEKEY_FILE, search->key.frame);
	return BL_OK;
}

static enum bl_status find_end(struct search *search, struct bl_error *why)
{
	struct resume *resume = search->resume;
	struct walk *walk = &search->walk;
	size_t at = 0;
	enum bl_status status =
		find_newest_note(resume, search->public_key, &search->note, &search->has_note, why);

	if (status == BL_OK)
		status = places_read(resume->log_fd, &search->places, why);
	if (status == BL_OK)
		status = walk_init(walk, resume->log_fd, resume->identity.log_id, why);
	if (status != BL_OK)
		return status;
	walk_identify(walk, &resume->identity);
	walk->key = &search->key;
	walk->after_frame = meet_note;
	walk->frame_context = search;
	take_position(resume, walk);
	if (search->places.count)
		status = find_start(search, &at, why);
	if (status == BL_OK && search->places.count)
		status = walk_from(search, at, why);
	if (status == BL_OK)
		status = check_end(search);
	return status == BL_TAMPERED ? walk_blame(walk, why) : status;
}

/* @key: of the first frame whose mac has to be right; moved on to the next frame's into resume->key */
static enum bl_status resume_at_end(struct resume *resume, const uint8_t *public_key,
				    const struct framekey *key, bool is_cache_distrusted,
				    struct bl_error *why)
{
	struct search search = {.resume = resume,
				.public_key = public_key,
				.key = *key,
				.is_cache_distrusted = is_cache_distrusted};

	resume->tail_detail[0] = resume->empty_detail[0] = '\0';

	enum bl_status status = find_end(&search, why);

	if (status == BL_OK)
		resume->key = search.key;
	sodium_memzero(&search.key, sizeof(search.key));
	walk_done(&search.walk);
	places_done(&search.places);
	return status;
}

/* ---- a new log -------------------------------------------------------------------------------- */

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

static int compare_auditors(const void *a, const void *b)
{
	return memcmp(a, b, AUDIT_KEY);
}

/* Ascending, each once. */
static enum bl_status take_auditors(const struct audit_config *config,
				    struct log_identity *identity, struct bl_error *why)
{
	for (size_t i = 0; i < config->auditor_count; i++) {
		const uint8_t *key = config->auditors[i];
		bool is_known = false;

		for (size_t k = 0; k < identity->auditor_count; k++)
			is_known |= memcmp(identity->auditors[k], key, AUDIT_KEY) == 0;
		if (is_known)
			continue;
		if (identity->auditor_count == AUDIT_AUDITORS)
			return bl_fail(why, BL_INVALID, "a log has at most %d auditors",
				       AUDIT_AUDITORS);
		memcpy(identity->auditors[identity->auditor_count++], key, AUDIT_KEY);
	}
	qsort(identity->auditors, identity->auditor_count, AUDIT_KEY, compare_auditors);
	return BL_OK;
}

/* log.id makes the log: its name is the last thing that comes to be. */
static enum bl_status write_identity(const struct audit_io *io, int log_fd,
				     struct log_identity *identity, struct bl_error *why)
{
	uint8_t bytes[LOG_ID_FILE_SIZE];
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status =
		io_open(io, log_fd, "log.id.new", O_RDWR | O_CREAT | O_TRUNC, &fd, why);

	format_identity(identity, bytes);
	if (status == BL_OK)
		status = io_write(io, fd, bytes, sizeof(bytes), 0, "'log.id'", why);
	if (status == BL_OK)
		status = io_sync(io, fd, "'log.id'", why);
	if (status == BL_OK)
		status = io_rename(io, log_fd, "log.id.new", "log.id", why);
	return status == BL_OK ? io_sync_folder(io, log_fd, "the log's folder", why) : status;
}

static enum bl_status keep_kit(const struct audit_config *config,
			       const struct log_identity *identity, const uint8_t k0[AUDIT_KEY],
			       struct bl_error *why)
{
	struct audit_kit kit = {.made_unix = identity->made_ns / 1000000000,
				.auditor_count = identity->auditor_count};

	if (!config->keep_kit)
		return BL_OK;
	memcpy(kit.log_id, identity->log_id, AUDIT_LOG_ID);
	memcpy(kit.public_key, identity->public_key, VAULT_PUBLIC_KEY);
	memcpy(kit.auditors, identity->auditors, sizeof(kit.auditors));
	memcpy(kit.first, k0, AUDIT_KEY);

	enum bl_status status = config->keep_kit(config->context, &kit, why);

	sodium_memzero(&kit, sizeof(kit));
	return status;
}

/* The kit is durable before there is a log that needs it; the rest is nothing without log.id. */
static enum bl_status make_files(const struct audit_config *config, const struct audit_io *io,
				 int log_fd, const uint8_t k0[AUDIT_KEY], struct bl_error *why)
{
	struct log_identity identity = {.made_ns = BL_MAX(io->realtime_ns(io->context), 0)};
	BL_CLEANUP(fd_close) int notes_fd = -1;
	struct framekey key;
	enum bl_status status = take_auditors(config, &identity, why);

	randombytes_buf(identity.log_id, LOG_ID_SIZE);
	memcpy(identity.public_key, vault_public_key(config->vault), VAULT_PUBLIC_KEY);
	framekey_commitment(k0, identity.commitment);
	if (status == BL_OK)
		status = keep_kit(config, &identity, k0, why);
	framekey_first(k0, &key);
	if (status == BL_OK)
		status = framekey_create(io, log_fd, identity.log_id, &key, why);
	sodium_memzero(&key, sizeof(key));
	if (status == BL_OK)
		status = open_folder(io, log_fd, NOTE_FOLDER, &notes_fd, why);
	return status == BL_OK ? write_identity(io, log_fd, &identity, why) : status;
}

static enum bl_status make_log(const struct audit_config *config, const struct audit_io *io,
			       int log_fd, struct bl_error *why)
{
	uint8_t *k0 = sodium_malloc(AUDIT_KEY);

	if (!k0)
		return bl_fail(why, BL_NO_MEMORY, "cannot make the log: out of memory");
	randombytes_buf(k0, AUDIT_KEY);

	enum bl_status status = make_files(config, io, log_fd, k0, why);

	sodium_free(k0);
	return status;
}

/* Without log.id: is there anything that only a log leaves behind? */
static enum bl_status check_no_log(int log_fd, struct bl_error *why)
{
	struct segments segments;
	struct notes notes;
	enum bl_status status = segments_list(log_fd, &segments, why);

	if (status == BL_OK && (segments.count || segments.tombstones))
		return bl_fail(why, BL_TAMPERED, "the log has segments and no 'log.id'");
	if (status == BL_OK)
		status = notes_open(log_fd, &notes, why);
	if (status != BL_OK)
		return status;

	bool has_notes = notes.newest[0];

	notes_close(&notes);
	return has_notes ? bl_fail(why, BL_TAMPERED, "the log has checkpoints and no 'log.id'")
			 : BL_OK;
}

static enum bl_status find_identity(const struct audit_config *config, const struct audit_io *io,
				    struct resume *resume, struct bl_error *why)
{
	struct bl_error missing = {.text = ""};
	enum bl_status status = identity_read(resume->log_fd, &resume->identity, &missing);

	if (status == BL_NOT_FOUND) {
		status = check_no_log(resume->log_fd, why);
		if (status == BL_OK)
			status = make_log(config, io, resume->log_fd, why);
		return status == BL_OK ? identity_read(resume->log_fd, &resume->identity, why)
				       : status;
	}
	if (status != BL_OK)
		return bl_fail(why, status, "%s", missing.text);
	if (memcmp(resume->identity.public_key, vault_public_key(config->vault),
		   VAULT_PUBLIC_KEY) != 0)
		return bl_fail(why, BL_TAMPERED,
			       "'log.id' names another key than this store signs with");
	return BL_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum bl_status lock_folder(int log_fd, struct bl_error *why)
{
	if (flock(log_fd, LOCK_EX | LOCK_NB) == 0)
		return BL_OK;
	return errno == EWOULDBLOCK
		       ? bl_fail(why, BL_LOCKED, "the log is being written by another process")
		       : bl_fail_errno(why, BL_IO, "cannot lock the log");
}

static enum bl_status recover_key(struct resume *resume, const uint8_t *public_key,
				  struct bl_error *why)
{
	struct framekey_copies copies = {.count = 0};
	struct bl_error unread = {.text = ""};
	enum bl_status status =
		framekey_read_copies(resume->log_fd, resume->identity.log_id, &copies, &unread);

	if (status == BL_NOT_FOUND)
		status = bl_fail(why, BL_TAMPERED, "the log has no '%s'", FRAMEKEY_FILE);
	else if (status != BL_OK)
		bl_fail(why, status, "%s", unread.text);
	resume->key_generation = copies.generation;
	resume->key_frame = copies.oldest;
	if (status == BL_OK)
		status = resume_at_end(resume, public_key, framekey_newest(&copies), false, why);
	sodium_memzero(&copies, sizeof(copies));
	return status;
}

enum bl_status recover(const struct audit_config *config, const struct audit_io *io,
		       struct resume *out_resume, struct bl_error *why)
{
	struct resume resume = {.log_fd = -1, .notes_fd = -1, .key_fd = -1};
	BL_CLEANUP(fd_close) int log_fd = -1;
	BL_CLEANUP(fd_close) int notes_fd = -1;
	BL_CLEANUP(fd_close) int key_fd = -1;
	enum bl_status status = open_folder(io, config->store_fd, "log", &log_fd, why);

	if (status == BL_OK)
		status = lock_folder(log_fd, why);
	resume.log_fd = log_fd;
	if (status == BL_OK)
		status = find_identity(config, io, &resume, why);
	if (status == BL_OK)
		status = open_folder(io, log_fd, NOTE_FOLDER, &notes_fd, why);
	if (status == BL_OK)
		status = recover_key(&resume, vault_public_key(config->vault), why);
	if (status == BL_OK && config->known_sequence >= resume.sequence)
		status = bl_fail(why, BL_TAMPERED,
				 "the log was put back: it ends at record %" PRIu64
				 ", and an anchor knows of record %" PRIu64
				 " (bring the newest copy of the store back; bailee log verify "
				 "--anchor tells more)",
				 resume.sequence - 1, config->known_sequence);
	if (status == BL_OK)
		status = io_open(io, log_fd, FRAMEKEY_FILE, O_RDWR, &key_fd, why);
	if (status == BL_OK) {
		*out_resume = resume;
		out_resume->log_fd = fd_take(&log_fd);
		out_resume->notes_fd = fd_take(&notes_fd);
		out_resume->key_fd = fd_take(&key_fd);
	}
	sodium_memzero(&resume.key, sizeof(resume.key));
	return status;
}

enum bl_status recover_again(const uint8_t public_key[VAULT_PUBLIC_KEY], struct resume *resume,
			     struct bl_error *why)
{
	struct framekey key = resume->key;
	struct notes notes;
	enum bl_status status = notes_open(resume->log_fd, &notes, why);

	if (status == BL_OK) {
		if (notes.newest[0])
			drop_cache(resume->notes_fd, notes.newest);
		notes_close(&notes);
		status = resume_at_end(resume, public_key, &key, true, why);
	}
	sodium_memzero(&key, sizeof(key));
	return status;
}
