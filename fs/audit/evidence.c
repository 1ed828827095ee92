#include "fs/audit/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW_BEGINS  "bailee.log/v1\n"
#define TEXT_BEGINS "[bailee@32473 "
#define TEXT_LENGTH 400u /* more than the whole structured data takes */

/* ---- bytes ----------------------------------------------------------------------------------- */

/* At least @wanted bytes at file->at, or what is left. */
static enum bl_status fill(struct evidence_file *file, size_t wanted, struct bl_error *why)
{
	if (file->have - file->at >= wanted)
		return BL_OK;
	memmove(file->buffer, file->buffer + file->at, file->have - file->at);
	file->have -= file->at;
	file->at = 0;
	while (file->left && file->have < EVIDENCE_BUFFER) {
		size_t room = (size_t)BL_MIN((uint64_t)(EVIDENCE_BUFFER - file->have), file->left);
		ssize_t got = read(file->fd, file->buffer + file->have, room);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read anchor %zu", file->number);
		file->have += (size_t)got;
		file->left = got ? file->left - (uint64_t)got : 0;
	}
	return BL_OK;
}

/* ---- notes in a row --------------------------------------------------------------------------- */

/* BL_NOT_FOUND: no more */
static enum bl_status next_of_row(const struct evidence *evidence, struct evidence_file *file,
				  struct bl_error *why)
{
	for (;;) {
		enum bl_status status = fill(file, NOTE_SIZE + 1, why);
		const char *bytes = file->buffer + file->at;
		size_t length = file->have - file->at;

		if (status != BL_OK)
			return status;

		enum note_result result = note_parse(bytes, length, NULL, &file->note);

		if (result == NOTE_TORN && length <= NOTE_SIZE)
			return BL_NOT_FOUND;
		if (result != NOTE_GOOD)
			return bl_fail(why, BL_INVALID,
				       "anchor %zu holds something that is no checkpoint",
				       file->number);
		file->at += NOTE_SIZE;
		if (memcmp(file->note.log_id, evidence->log_id, LOG_ID_SIZE) != 0)
			continue;
		if (note_parse(bytes, NOTE_SIZE, evidence->public_key, &file->note) == NOTE_GOOD)
			return BL_OK;
		return bl_fail(why, BL_INVALID,
			       "anchor %zu holds a checkpoint of this log that is not signed by "
			       "its key",
			       file->number);
	}
}

/* ---- notes in text ---------------------------------------------------------------------------- */

/* What is left to parse. */
struct text {
	const char *at, *end;
};

static bool take(struct text *text, const char *expected)
{
	size_t length = strlen(expected);

	if ((size_t)(text->end - text->at) < length || memcmp(text->at, expected, length) != 0)
		return false;
	text->at += length;
	return true;
}

/* Exactly @length characters, none of which ends the value. */
static bool take_value(struct text *text, size_t length, const char **out)
{
	if ((size_t)(text->end - text->at) < length || memchr(text->at, '"', length) ||
	    memchr(text->at, 0, length))
		return false;
	*out = text->at;
	text->at += length;
	return true;
}

static bool take_decimal(struct text *text, uint64_t *out)
{
	const char *first = text->at;
	uint64_t value = 0;

	for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text->at - '0'), &value))
			return false;
	*out = value;
	return text->at > first;
}

static bool take_note(struct text *text, char out[NOTE_SIZE])
{
	struct note_fields fields;

	if (!take(text, TEXT_BEGINS "log=\"") || !take_value(text, 32, &fields.log_id) ||
	    !take(text, "\" sequence=\"") || !take_decimal(text, &fields.sequence) ||
	    !take(text, "\" frame=\"") || !take_decimal(text, &fields.frame) ||
	    !take(text, "\" chain=\"") || !take_value(text, 44, &fields.chain) ||
	    !take(text, "\" time=\"") || !take_decimal(text, &fields.realtime_s) ||
	    !take(text, "\" signature=\"") || !take_value(text, 92, &fields.signature) ||
	    !take(text, "\"]"))
		return false;
	note_join(&fields, out);
	return true;
}

static enum bl_status next_of_text(const struct evidence *evidence, struct evidence_file *file,
				   struct bl_error *why)
{
	for (;;) {
		enum bl_status status = fill(file, TEXT_LENGTH, why);
		const char *bytes = file->buffer + file->at, *end = file->buffer + file->have;
		const char *found;
		char note[NOTE_SIZE];

		if (status != BL_OK)
			return status;
		if (bytes == end)
			return BL_NOT_FOUND;
		found = memmem(bytes, (size_t)(end - bytes), TEXT_BEGINS, strlen(TEXT_BEGINS));
		if (!found) {
			/* Its beginning may be at the end of what was read. */
			size_t kept = BL_MIN((size_t)(end - bytes), strlen(TEXT_BEGINS) - 1);

			file->at = file->have - (file->left ? kept : 0);
			continue;
		}
		file->at = (size_t)(found - file->buffer);
		status = fill(file, TEXT_LENGTH, why);
		if (status != BL_OK)
			return status;

		struct text text = {file->buffer + file->at, file->buffer + file->have};

		file->at += strlen(TEXT_BEGINS);
		if (take_note(&text, note) &&
		    note_parse(note, NOTE_SIZE, evidence->public_key, &file->note) == NOTE_GOOD &&
		    memcmp(file->note.log_id, evidence->log_id, LOG_ID_SIZE) == 0)
			return BL_OK;
	}
}

/* ---- in order --------------------------------------------------------------------------------- */

static bool is_same(const struct note *one, const struct note *other)
{
	return one->sequence == other->sequence && one->frame == other->frame &&
	       memcmp(one->chain, other->chain, AUDIT_DIGEST) == 0;
}

enum bl_status evidence_next(const struct evidence *evidence, struct evidence_file *file,
			     struct bl_error *why)
{
	enum bl_status status;

	/* Syslog may tell a line twice. */
	do {
		status = file->is_text ? next_of_text(evidence, file, why)
				       : next_of_row(evidence, file, why);
	} while (status == BL_OK && file->has_before && is_same(&file->note, &file->before));
	file->has_note = status == BL_OK;
	if (status == BL_NOT_FOUND)
		return BL_OK;
	if (status != BL_OK)
		return status;
	if (file->has_before && (file->note.sequence <= file->before.sequence ||
				 file->note.frame <= file->before.frame))
		return bl_fail(why, BL_TAMPERED,
			       "anchor %zu goes back from record %" PRIu64 " to %" PRIu64,
			       file->number, file->before.sequence, file->note.sequence);
	file->before = file->note;
	file->has_before = true;
	return BL_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum bl_status open_file(const struct evidence *evidence, struct evidence_file *file,
				struct bl_error *why)
{
	struct stat st;

	file->from = lseek(file->fd, 0, SEEK_CUR);
	file->buffer = malloc(EVIDENCE_BUFFER);
	if (!file->buffer)
		return bl_fail(why, BL_NO_MEMORY, "cannot read anchors: out of memory");
	/* A checkpoint that comes while the log is read speaks of records that are not seen. */
	file->left = UINT64_MAX;
	if (fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode) && file->from >= 0)
		file->left = st.st_size > file->from ? (uint64_t)(st.st_size - file->from) : 0;

	enum bl_status status = fill(file, strlen(ROW_BEGINS), why);

	if (status != BL_OK)
		return status;
	file->is_text = file->have < strlen(ROW_BEGINS) ||
			memcmp(file->buffer, ROW_BEGINS, strlen(ROW_BEGINS)) != 0;
	status = evidence_next(evidence, file, why);
	if (status == BL_OK && !file->has_note)
		return bl_fail(why, BL_INVALID, "anchor %zu holds no checkpoint of this log",
			       file->number);
	return status;
}

enum bl_status evidence_open(const int *fds, size_t count, const uint8_t log_id[LOG_ID_SIZE],
			     const uint8_t public_key[VAULT_PUBLIC_KEY], struct evidence *out,
			     struct bl_error *why)
{
	enum bl_status status = BL_OK;

	*out = (struct evidence){.log_id = log_id, .public_key = public_key};
	if (!count)
		return BL_OK;
	out->files = calloc(count, sizeof(*out->files));
	if (!out->files)
		return bl_fail(why, BL_NO_MEMORY, "cannot read anchors: out of memory");
	out->count = count;
	for (size_t i = 0; i < count && status == BL_OK; i++) {
		out->files[i].fd = fds[i];
		out->files[i].number = i + 1;
		status = open_file(out, &out->files[i], why);
	}
	return status;
}

void evidence_close(struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->count; i++)
		free(evidence->files[i].buffer);
	free(evidence->files);
	evidence->files = NULL;
	evidence->count = 0;
}

bool evidence_rewind(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->count; i++) {
		const struct evidence_file *file = &evidence->files[i];

		if (file->from < 0 || lseek(file->fd, file->from, SEEK_SET) != file->from)
			return false;
	}
	return true;
}
