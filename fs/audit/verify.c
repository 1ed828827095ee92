#include "fs/audit/note.h"
#include "fs/audit/walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A walk over segments with the checkpoints running along. */
struct verify {
	struct walk walk;
	struct notes notes;
	const uint8_t *public_key;
	struct note note; /* the next one to meet */
	bool has_note;
	uint64_t checkpoints, checkpointed_sequence;
	enum bl_status note_status; /* of reading notes, when that failed */
	struct bl_error *why;
};

static void blame_note(struct verify *verify, const char *text)
{
	struct walk *walk = &verify->walk;

	walk->bad_sequence = verify->has_note ? verify->note.sequence : walk->next_sequence;
	walk->bad_offset = verify->notes.at;
	snprintf(walk->bad_file, sizeof(walk->bad_file), NOTE_FOLDER "/%s", verify->notes.name);
	snprintf(walk->problem, sizeof(walk->problem), "%s", text);
}

static enum bl_status next_note(struct verify *verify)
{
	struct bl_error why = {""};
	enum bl_status status = notes_next(&verify->notes, verify->walk.log_id, verify->public_key,
					   &verify->note, &why);

	verify->has_note = status == BL_OK;
	if (status == BL_OK || status == BL_NOT_FOUND)
		return BL_OK;
	if (status == BL_TAMPERED)
		blame_note(verify, why.text);
	else if (verify->why)
		*verify->why = why;
	return status;
}

/* Every checkpoint must speak of the end of a frame, and of this chain there. */
static bool meet_notes(void *context, const struct walk *walk)
{
	struct verify *verify = context;
	const struct note *note = &verify->note;

	if (!verify->has_note || note->sequence >= walk->next_sequence)
		return true;
	if (note->sequence != walk->next_sequence - 1 || note->frame != walk->next_frame - 1 ||
	    memcmp(note->chain, walk->chain, AUDIT_DIGEST) != 0) {
		char text[100];

		snprintf(text, sizeof(text),
			 "the checkpoint of record %" PRIu64 " is not on the chain",
			 note->sequence);
		blame_note(verify, text);
		verify->note_status = BL_TAMPERED;
		return false;
	}
	verify->checkpoints++;
	verify->checkpointed_sequence = note->sequence;
	verify->note_status = next_note(verify);
	return verify->note_status == BL_OK;
}

static enum bl_status run(struct verify *verify, uint64_t *out_first, struct bl_error *why)
{
	struct walk *walk = &verify->walk;
	struct segments segments;
	enum bl_status status = segments_list(walk->log_fd, &segments, why);

	if (status == BL_TAMPERED)
		return walk_bad(walk, 0, "%s", "a file in the folder has no segment's name");
	if (status != BL_OK)
		return status;
	*out_first = segments.count ? segments.first : 0;
	status = next_note(verify);
	if (status != BL_OK)
		return status;
	walk->after_frame = meet_notes;
	walk->context = verify;
	if (segments.count) {
		status = walk_all(walk, BL_MAX(segments.last, 1), why);
		if (verify->note_status != BL_OK)
			return verify->note_status;
	}
	if (status != BL_OK)
		return status;
	if (walk->segments != segments.count)
		return walk_bad(walk, 0, "there are %" PRIu64 " segments, the chain has %" PRIu64,
				segments.count, walk->segments);
	if (verify->has_note) {
		uint64_t end = walk->next_sequence;

		walk->bad_offset = walk->end;
		return walk_bad(walk, walk->end,
				"record %" PRIu64
				" is missing, a checkpoint vouches up to %" PRIu64,
				end, verify->note.sequence);
	}
	return BL_OK;
}

static void fill(const struct verify *verify, uint64_t first, enum bl_status status,
		 struct audit_report *out)
{
	const struct walk *walk = &verify->walk;

	memset(out, 0, sizeof(*out));
	out->records = walk->records;
	out->frames = walk->frames;
	out->segments = walk->segments;
	out->checkpoints = verify->checkpoints;
	out->first_sequence = first;
	out->last_sequence = walk->next_sequence - 1;
	out->checkpointed_sequence = verify->checkpointed_sequence;
	out->is_torn = walk->tail.length != 0 || verify->notes.is_torn;
	memcpy(out->chain, walk->chain, AUDIT_DIGEST);
	if (status != BL_TAMPERED)
		return;
	out->bad_sequence = walk->bad_sequence;
	out->bad_offset = walk->bad_offset;
	snprintf(out->bad_file, sizeof(out->bad_file), "%s", walk->bad_file);
	snprintf(out->problem, sizeof(out->problem), "%s", walk->problem);
}

enum bl_status audit_verify(int log_fd, const uint8_t public_key[VAULT_PUBLIC_KEY],
			    const uint8_t *log_id, struct audit_report *out_report,
			    struct bl_error *why)
{
	struct verify verify = {.public_key = public_key, .why = why};
	uint8_t ours[LOG_ID_SIZE];
	uint64_t first = 0;
	enum bl_status status = log_id_read(log_fd, ours, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID, "this folder is not a log of Bailee: no 'log.id'");
	if (status != BL_OK)
		return status;
	if (log_id && memcmp(log_id, ours, LOG_ID_SIZE) != 0)
		return bl_fail(why, BL_INVALID, "this is another log than the one expected");
	status = walk_init(&verify.walk, log_fd, ours, why);
	if (status != BL_OK)
		return status;
	status = notes_open(log_fd, &verify.notes, why);
	if (status == BL_OK)
		status = run(&verify, &first, why);
	if (status == BL_OK || status == BL_TAMPERED)
		fill(&verify, first, status, out_report);
	if (status == BL_TAMPERED)
		bl_fail(why, status, "the log is broken at record %" PRIu64 ": %s",
			verify.walk.bad_sequence, verify.walk.problem);
	notes_close(&verify.notes);
	walk_done(&verify.walk);
	return status;
}
