#include "fs/audit/evidence.h"
#include "fs/audit/identity.h"
#include "fs/audit/note.h"
#include "fs/audit/tombstone.h"
#include "fs/audit/walk.h"
#include "fs/audit/windows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 8u /* of a log that is trimmed while it is read */

/* In guarded memory. */
struct verify_keys {
	struct framekey_copies file; /* what `key` holds */
	struct framekey walk;	     /* from k_0 on; of the next frame */
};

/* A walk over segments, with checkpoints, anchors and the rest running along. */
struct verify {
	struct walk walk;
	struct log_identity identity;
	struct verify_keys *keys;
	const uint8_t *public_key;
	const struct audit_kit *kit;

	struct places places;
	struct notes notes;
	struct note note; /* the next one to meet */
	bool has_note;
	uint64_t checkpoints, checkpointed_sequence;
	struct evidence evidence;
	const struct audit_evidence *brought;
	bool has_anchor;
	uint64_t anchored_sequence;
	int64_t anchored_unix;

	uint64_t told_number; /* of the segment whose trimming was told last; 0: none */
	struct windows windows;
	struct clocks clocks;

	enum bl_status inner; /* of what runs along, when that failed */
	struct bl_error *why;
};

static bool fails(struct verify *verify, enum bl_status status)
{
	verify->inner = status;
	return false;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

static enum bl_status blame_note(struct verify *verify, enum audit_looks looks, const char *text)
{
	struct walk *walk = &verify->walk;

	snprintf(walk->bad_file, sizeof(walk->bad_file), NOTE_FOLDER "%s%s",
		 verify->notes.name[0] ? "/" : "", verify->notes.name);
	walk_bad_as(walk, looks, verify->notes.at, "%s", text);
	if (verify->has_note)
		walk->bad_sequence = verify->note.sequence;
	return BL_TAMPERED;
}

static enum bl_status next_note(struct verify *verify)
{
	struct bl_error why = {.text = ""};
	enum bl_status status = notes_next(&verify->notes, verify->walk.log_id, verify->public_key,
					   &verify->note, &why);

	verify->has_note = status == BL_OK;
	verify->checkpoints += status == BL_OK;
	if (status == BL_OK || status == BL_NOT_FOUND)
		return BL_OK;
	if (status == BL_TAMPERED)
		return blame_note(verify, LOOKS_CHECKPOINT, why.text);
	return bl_fail(verify->why, status, "%s", why.text);
}

static enum bl_status open_notes(struct verify *verify)
{
	struct bl_error why = {.text = ""};
	enum bl_status status = notes_open(verify->walk.log_fd, &verify->notes, &why);

	if (status == BL_OK)
		return next_note(verify);
	if (status == BL_TAMPERED)
		return blame_note(verify, LOOKS_CHECKPOINT, why.text);
	return bl_fail(verify->why, status, "%s", why.text);
}

static bool is_here(const struct walk *walk, const struct note *note)
{
	return note->sequence == walk->next_sequence - 1 && note->frame == walk->next_frame - 1 &&
	       memcmp(note->chain, walk->chain, AUDIT_DIGEST) == 0;
}

/* What speaks of removed records is passed over, but for the end of a segment: of that the tombstone tells the chain. */
static bool is_past(const struct walk *walk, const struct note *note)
{
	return walk->is_at_tombstone && note->sequence < walk->next_sequence - 1 &&
	       note->frame < walk->next_frame - 1;
}

/* Every checkpoint must speak of the end of a frame, and of this chain there. */
static bool meet_notes(struct verify *verify)
{
	const struct walk *walk = &verify->walk;

	while (verify->has_note && verify->note.sequence < walk->next_sequence) {
		char text[100];
		enum bl_status status;

		if (!is_here(walk, &verify->note) && !is_past(walk, &verify->note)) {
			snprintf(text, sizeof(text),
				 "the checkpoint of record %" PRIu64 " is not on the chain",
				 verify->note.sequence);
			return fails(verify, blame_note(verify, LOOKS_CHECKPOINT, text));
		}
		if (is_here(walk, &verify->note))
			verify->checkpointed_sequence = verify->note.sequence;
		status = next_note(verify);
		if (status != BL_OK)
			return fails(verify, status);
	}
	return true;
}

/* ---- anchors --------------------------------------------------------------------------------- */

static enum bl_status blame_anchor(struct verify *verify, const struct evidence_file *file,
				   const char *text)
{
	struct walk *walk = &verify->walk;

	snprintf(walk->bad_file, sizeof(walk->bad_file), "anchor %zu", file->number);
	walk_bad_as(walk, LOOKS_ROLLED_BACK, 0, "%s", text);
	/* Up to the last anchor that fits nothing was changed: behind it, at the latest at this one, it was. */
	walk->bad_sequence = verify->anchored_sequence + 1;
	return BL_TAMPERED;
}

static enum bl_status next_anchor(struct verify *verify, struct evidence_file *file)
{
	struct bl_error why = {.text = ""};
	enum bl_status status = evidence_next(&verify->evidence, file, &why);

	if (status == BL_TAMPERED)
		return blame_anchor(verify, file, why.text);
	return status == BL_OK ? BL_OK : bl_fail(verify->why, status, "%s", why.text);
}

static void take_anchor(struct verify *verify, const struct note *note)
{
	verify->has_anchor = true;
	verify->anchored_sequence = note->sequence;
	verify->anchored_unix = note->realtime_s;
	windows_anchor(&verify->windows, note->sequence);
}

static bool meet_anchor(struct verify *verify, struct evidence_file *file)
{
	const struct walk *walk = &verify->walk;

	while (file->has_note && file->note.sequence < walk->next_sequence) {
		char text[200];
		enum bl_status status;

		if (!is_here(walk, &file->note) && !is_past(walk, &file->note)) {
			snprintf(text, sizeof(text),
				 "it is not what anchor %zu says of record %" PRIu64
				 " (the last anchor that fits is of record %" PRIu64 ")",
				 file->number, file->note.sequence, verify->anchored_sequence);
			return fails(verify, blame_anchor(verify, file, text));
		}
		if (is_here(walk, &file->note))
			take_anchor(verify, &file->note);
		status = next_anchor(verify, file);
		if (status != BL_OK)
			return fails(verify, status);
	}
	return true;
}

/* ---- along the walk -------------------------------------------------------------------------- */

static bool after_frame(void *context, struct walk *walk)
{
	struct verify *verify = context;

	if (!walk->is_at_tombstone) {
		windows_frame(&verify->windows, walk->next_frame - 1, walk->frame_sequence);
		clocks_frame(&verify->clocks);
	}
	if (verify->inner != BL_OK || !meet_notes(verify))
		return false;
	for (size_t i = 0; i < verify->evidence.count; i++)
		if (!meet_anchor(verify, &verify->evidence.files[i]))
			return false;
	return true;
}

static enum bl_status blame_tombstone(struct walk *walk, uint64_t first_sequence, const char *text)
{
	char name[TOMBSTONE_NAME_SIZE];

	tombstone_name(first_sequence, name);
	snprintf(walk->bad_file, sizeof(walk->bad_file), "%s", name);
	return walk_bad_as(walk, LOOKS_TOMBSTONE, 0, "%s", text);
}

/* Segments are removed in order, and each removal is told once or, after a crash, twice. */
static bool is_told_in_order(const struct verify *verify, uint64_t number)
{
	if (!verify->told_number)
		return number <= verify->walk.tombstones + 1;
	return number == verify->told_number || number == verify->told_number + 1;
}

/* An event tells of a tombstone: it must be there, as it was then. */
static enum bl_status check_trimmed(struct verify *verify, const struct audit_event *event)
{
	struct walk *walk = &verify->walk;
	struct tombstone tombstone;
	char bytes[TOMBSTONE_SIZE], detail[AUDIT_DETAIL_SIZE];
	struct bl_error unread = {.text = ""};
	enum bl_status status = tombstone_read(walk->log_fd, event->offset, verify->public_key,
					       &tombstone, bytes, &unread);

	if (status == BL_NOT_FOUND)
		return blame_tombstone(walk, event->offset,
				       "a tombstone that was told of is missing");
	if (status == BL_TAMPERED)
		return blame_tombstone(walk, event->offset,
				       "a tombstone is not signed by this key");
	if (status != BL_OK)
		return bl_fail(verify->why, status, "%s", unread.text);
	tombstone_detail(tombstone.number, bytes, detail);
	if (strcmp(detail, event->detail) != 0 ||
	    event->bytes != tombstone.last_sequence - tombstone.first_sequence + 1)
		return blame_tombstone(walk, event->offset,
				       "a tombstone is not the one that was told of");
	if (!is_told_in_order(verify, tombstone.number))
		return blame_tombstone(walk, event->offset,
				       "of the tombstones before it no event tells");
	verify->told_number = tombstone.number;
	return BL_OK;
}

static bool see_record(void *context, const struct audit_record *record)
{
	struct verify *verify = context;
	const struct walk *walk = &verify->walk;
	const struct audit_event *event = &record->event;

	clocks_record(&verify->clocks, walk->boot_id, record);
	if (event->op == AUDIT_START && event->bytes)
		windows_start(&verify->windows, event->offset, walk->frame_sequence - 1);
	if (event->op != AUDIT_TRIMMED)
		return true;

	enum bl_status status = check_trimmed(verify, event);

	return status == BL_OK ? true : fails(verify, status);
}

static bool see_segment(void *context, const struct audit_segment *segment)
{
	struct verify *verify = context;

	windows_segment(&verify->windows, verify->walk.next_frame, segment->first_sequence);
	return true;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Somebody speaks of more than there is. Half of it may still stand there. */
static enum bl_status too_short(struct verify *verify, const char *who, uint64_t number)
{
	struct walk *walk = &verify->walk;
	bool is_damaged = walk->tail.length && walk->tail.looks != LOOKS_INSERTED;

	return walk_bad_as(walk, is_damaged ? walk->tail.looks : LOOKS_TRUNCATED, walk->end,
			   "record %" PRIu64 " is missing, and %s %" PRIu64, walk->next_sequence,
			   who, number);
}

/* The last tombstone is told of in a segment behind its own, none of which is gone. */
static enum bl_status check_told(struct verify *verify)
{
	const struct places *places = &verify->places;
	size_t count = 0;

	while (count < places->count && !places->items[count].has_segment)
		count++;
	if (count == 0 || verify->told_number >= count)
		return BL_OK;
	return blame_tombstone(&verify->walk, places->items[count - 1].first_sequence,
			       "no event tells of a tombstone");
}

static enum bl_status check_end(struct verify *verify)
{
	struct walk *walk = &verify->walk;
	uint64_t key_frame = framekey_newest(&verify->keys->file)->frame;

	if (verify->has_note)
		return too_short(verify, "a checkpoint vouches up to record",
				 verify->note.sequence);
	if (key_frame > walk->next_frame)
		return too_short(verify, "'" FRAMEKEY_FILE "' is of frame", key_frame);
	for (size_t i = 0; i < verify->evidence.count; i++) {
		const struct evidence_file *file = &verify->evidence.files[i];
		char text[200];

		if (!file->has_note)
			continue;
		snprintf(text, sizeof(text),
			 "anchor %zu speaks of record %" PRIu64 ", and the log ends with %" PRIu64,
			 file->number, file->note.sequence, walk->next_sequence - 1);
		blame_anchor(verify, file, text);
		walk->bad_sequence = walk->next_sequence;
		return BL_TAMPERED;
	}
	return check_told(verify);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* A tombstone beside its segment, as a crash leaves it: it has to say what the segment says. */
static enum bl_status check_beside(struct verify *verify, uint64_t first_sequence,
				   uint64_t first_frame, const uint8_t previous[AUDIT_DIGEST])
{
	struct walk *walk = &verify->walk;
	struct tombstone tombstone;
	struct bl_error unread = {.text = ""};
	enum bl_status status = tombstone_read(walk->log_fd, first_sequence, verify->public_key,
					       &tombstone, NULL, &unread);

	if (status != BL_OK && status != BL_TAMPERED)
		return bl_fail(verify->why, status == BL_NOT_FOUND ? BL_IO : status, "%s",
			       unread.text);
	if (status == BL_TAMPERED)
		return blame_tombstone(walk, first_sequence,
				       "a tombstone is not signed by this key");
	if (memcmp(tombstone.log_id, walk->log_id, LOG_ID_SIZE) != 0 ||
	    tombstone.number != walk->next_number - 1 ||
	    tombstone.first_sequence != first_sequence || tombstone.first_frame != first_frame ||
	    tombstone.last_sequence != walk->next_sequence - 1 ||
	    tombstone.last_frame != walk->next_frame - 1 ||
	    memcmp(tombstone.previous_chain, previous, AUDIT_DIGEST) != 0 ||
	    memcmp(tombstone.chain, walk->chain, AUDIT_DIGEST) != 0)
		return blame_tombstone(walk, first_sequence,
				       "a tombstone is not that of its segment");
	return BL_OK;
}

static enum bl_status walk_one(struct verify *verify, size_t at, struct bl_error *why)
{
	const struct place *place = &verify->places.items[at];
	struct walk *walk = &verify->walk;
	uint64_t first_frame = walk->next_frame;
	uint8_t previous[AUDIT_DIGEST];

	memcpy(previous, walk->chain, sizeof(previous));

	enum bl_status status = walk_place(walk, &verify->places, at, verify->public_key, why);

	if (verify->inner != BL_OK)
		return verify->inner;
	if (status == BL_OK && place->has_segment && place->has_tombstone && !walk->is_at_tombstone)
		return check_beside(verify, place->first_sequence, first_frame, previous);
	return status;
}

static uint64_t segment_size(const struct verify *verify, size_t at)
{
	const struct place *place = &verify->places.items[at];
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	if (!verify->brought->progress || !place->has_segment)
		return 0;
	format_segment_name(place->first_sequence, name);
	return fstatat(verify->walk.log_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
		       ? (uint64_t)st.st_size
		       : 0;
}

static enum bl_status walk_each(struct verify *verify, struct bl_error *why)
{
	const struct audit_evidence *brought = verify->brought;
	uint64_t all = 0, done = 0;
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < verify->places.count; i++)
		all += segment_size(verify, i);
	for (size_t i = 0; status == BL_OK && i < verify->places.count; i++) {
		status = walk_one(verify, i, why);
		done += segment_size(verify, i);
		if (brought->progress)
			brought->progress(brought->context, done, all, verify->walk.records);
	}
	return status;
}

static enum bl_status walk_all(struct verify *verify, struct bl_error *why)
{
	struct walk *walk = &verify->walk;
	enum bl_status status = places_read(walk->log_fd, &verify->places, why);

	if (status == BL_TAMPERED) {
		walk->bad_file[0] = '\0';
		return walk_bad_as(walk, LOOKS_INSERTED, 0,
				   "a file in the folder has no segment's name");
	}
	walk->tell = see_record;
	walk->tell_segment = see_segment;
	walk->context = verify;
	walk->after_frame = after_frame;
	walk->frame_context = verify;
	if (status == BL_OK)
		status = walk_key_forward(walk, 1);
	if (status == BL_OK)
		status = walk_each(verify, why);
	return status == BL_OK ? check_end(verify) : status;
}

static enum bl_status read_key(struct verify *verify, struct bl_error *why)
{
	struct walk *walk = &verify->walk;
	struct framekey_copies *file = &verify->keys->file;
	struct bl_error unread = {.text = ""};
	enum bl_status status = framekey_read_copies(walk->log_fd, walk->log_id, file, &unread);

	if (status == BL_IO)
		return bl_fail(why, status, "%s", unread.text);
	if (status != BL_OK) {
		snprintf(walk->bad_file, sizeof(walk->bad_file), "%s", FRAMEKEY_FILE);
		return walk_bad_as(walk, LOOKS_KEY, 0, "%.190s", unread.text);
	}
	windows_init(&verify->windows, file->oldest);
	if (!verify->kit)
		return BL_OK;
	framekey_first(verify->kit->first, &verify->keys->walk);
	walk->key = &verify->keys->walk;
	walk->expected_keys = file;
	return BL_OK;
}

static enum bl_status open_anchors(struct verify *verify, const struct audit_evidence *evidence,
				   struct bl_error *why)
{
	struct bl_error told = {.text = ""};
	enum bl_status status =
		evidence_open(evidence->anchor_fds, evidence->anchor_count, verify->walk.log_id,
			      verify->public_key, &verify->evidence, &told);

	if (status == BL_TAMPERED)
		return blame_anchor(verify, &verify->evidence.files[0], told.text);
	return status == BL_OK ? BL_OK : bl_fail(why, status, "%s", told.text);
}

/* `key` first, then checkpoints, then anchors, then segments: of a log that is being written none speaks of what is not seen. */
static enum bl_status run(struct verify *verify, const struct audit_evidence *evidence,
			  struct bl_error *why)
{
	enum bl_status status = read_key(verify, why);

	if (status == BL_OK)
		status = open_notes(verify);
	if (status == BL_OK)
		status = open_anchors(verify, evidence, why);
	return status == BL_OK ? walk_all(verify, why) : status;
}

static void fill(const struct verify *verify, enum bl_status status, struct audit_report *out)
{
	const struct walk *walk = &verify->walk;

	memset(out, 0, sizeof(*out));
	out->records = walk->records;
	out->frames = walk->frames;
	out->segments = walk->segments;
	out->checkpoints = verify->checkpoints;
	out->names = walk->named;
	out->trimmed_segments = walk->tombstones;
	out->trimmed_records = walk->trimmed_records;
	out->first_sequence = verify->windows.first_sequence;
	out->last_sequence = walk->next_sequence - 1;
	out->checkpointed_sequence = verify->checkpointed_sequence;
	out->has_macs = walk->key != NULL;
	out->has_anchor = verify->has_anchor;
	out->anchored_sequence = verify->anchored_sequence;
	out->anchored_unix = verify->anchored_unix;
	out->is_torn = walk->tail.length != 0 || verify->notes.is_torn;
	windows_tell(&verify->windows, out->last_sequence, out);
	clocks_tell(&verify->clocks, out);
	memcpy(out->chain, walk->chain, AUDIT_DIGEST);
	if (status != BL_TAMPERED)
		return;
	out->looks = walk->looks;
	out->bad_sequence = walk->bad_sequence;
	out->bad_offset = walk->bad_offset;
	snprintf(out->bad_file, sizeof(out->bad_file), "%s", walk->bad_file);
	snprintf(out->problem, sizeof(out->problem), "%s", walk->problem);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum bl_status check_identity(struct verify *verify, int log_fd, struct bl_error *why)
{
	struct walk *walk = &verify->walk;
	struct bl_error told = {.text = ""};
	enum bl_status status =
		identity_check(log_fd, verify->kit, verify->public_key, &verify->identity, &told);

	if (status != BL_TAMPERED)
		return status == BL_OK ? BL_OK : bl_fail(why, status, "%s", told.text);
	snprintf(walk->bad_file, sizeof(walk->bad_file), "log.id");
	walk_bad_as(walk, LOOKS_IDENTITY, 0, "%.190s", told.text);
	walk->bad_sequence = 0;
	return BL_TAMPERED;
}

static enum bl_status check_evidence(const struct audit_evidence *evidence, struct bl_error *why)
{
	if (!evidence->public_key && !evidence->kit)
		return bl_fail(
			why, BL_INVALID,
			"nothing to check the log by (give an auditor kit, or a public key)");
	if (evidence->public_key && evidence->kit &&
	    memcmp(evidence->public_key, evidence->kit->public_key, VAULT_PUBLIC_KEY) != 0)
		return bl_fail(why, BL_INVALID, "the public key is not the one in the kit");
	if (evidence->kit && evidence->kit->auditor_count > AUDIT_AUDITORS)
		return bl_fail(why, BL_INVALID, "the kit names too many auditors");
	return BL_OK;
}

static enum bl_status verify_log(struct verify *verify, int log_fd,
				 const struct audit_evidence *evidence, struct bl_error *why)
{
	enum bl_status status = check_identity(verify, log_fd, why);

	if (status == BL_OK)
		status = walk_init(&verify->walk, log_fd, verify->identity.log_id, why);
	if (status != BL_OK)
		return status;
	walk_identify(&verify->walk, &verify->identity);
	return run(verify, evidence, why);
}

static struct verify *verify_new(const struct audit_evidence *evidence, struct bl_error *why)
{
	struct verify *verify = sodium_init() < 0 ? NULL : calloc(1, sizeof(*verify));

	if (!verify)
		return NULL;
	verify->keys = sodium_malloc(sizeof(*verify->keys));
	if (!verify->keys) {
		free(verify);
		return NULL;
	}
	sodium_memzero(verify->keys, sizeof(*verify->keys));
	verify->kit = evidence->kit;
	verify->brought = evidence;
	verify->public_key =
		evidence->public_key ? evidence->public_key : evidence->kit->public_key;
	verify->notes.fd = verify->notes.folder_fd = -1;
	verify->walk.next_sequence = 1;
	verify->why = why;
	return verify;
}

static void verify_free(struct verify *verify)
{
	evidence_close(&verify->evidence);
	notes_close(&verify->notes);
	places_done(&verify->places);
	walk_done(&verify->walk);
	sodium_free(verify->keys);
	free(verify);
}

/* Segments were removed since they were listed, and with them perhaps the event that tells of one before. */
static bool was_trimmed_meanwhile(const struct verify *verify)
{
	const struct places *places = &verify->places;
	char name[SEGMENT_NAME_SIZE];
	size_t at = 0;

	while (at < places->count && !places->items[at].has_segment)
		at++;
	if (at == places->count)
		return false;
	/* The oldest goes first. */
	format_segment_name(places->items[at].first_sequence, name);
	return faccessat(verify->walk.log_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
	       errno == ENOENT;
}

/* BL_STALE: to be done again */
static enum bl_status verify_once(int log_fd, const struct audit_evidence *evidence, bool is_last,
				  struct audit_report *out_report, struct bl_error *why)
{
	struct verify *verify = verify_new(evidence, why);

	if (!verify)
		return bl_fail(why, BL_NO_MEMORY, "cannot verify the log: out of memory");

	enum bl_status status = verify_log(verify, log_fd, evidence, why);

	if (status == BL_TAMPERED && !is_last && was_trimmed_meanwhile(verify) &&
	    evidence_rewind(&verify->evidence))
		status = BL_STALE;
	if (status == BL_OK || status == BL_TAMPERED)
		fill(verify, status, out_report);
	if (status == BL_TAMPERED)
		walk_blame(&verify->walk, why);
	verify_free(verify);
	return status;
}

enum bl_status audit_verify(int log_fd, const struct audit_evidence *evidence,
			    struct audit_report *out_report, struct bl_error *why)
{
	enum bl_status status = check_evidence(evidence, why);

	if (status != BL_OK)
		return status;
	status = BL_STALE;
	for (unsigned i = 1; status == BL_STALE; i++)
		status = verify_once(log_fd, evidence, i == TRIES, out_report, why);
	return status;
}
