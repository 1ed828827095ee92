/* The plain form of notes (docs/format-store.md, "notes.sealed"): read into one block, which is wiped. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define NOTES_VERSION 1
#define NOTES_HEAD    3	 /* version, count */
#define NOTE_HEAD     23 /* number, about, matter, by, at, length */

struct texts {
	size_t length;
	char bytes[];
};

/* ---- what may stand in a note ------------------------------------------------------------------ */

bool device_note_ok(const char *text)
{
	size_t length = strnlen(text, DEVICE_NOTE);
	char line[DEVICE_NOTE];

	if (length == 0 || length == DEVICE_NOTE)
		return false;
	/* A new line is the one control character that people need. */
	for (size_t i = 0; i <= length; i++)
		line[i] = text[i] == '\n' ? ' ' : text[i];

	bool is_ok = file_text_ok(line, DEVICE_NOTE - 1);

	sodium_memzero(line, sizeof(line));
	return is_ok;
}

bool notes_matter_ok(enum note_about about, uint32_t matter)
{
	return (about == NOTE_INCIDENT || about == NOTE_REQUEST) == (matter != 0);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static enum bl_status notes_new(size_t text_bytes, struct device_notes **out_notes)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = calloc(1, sizeof(*notes));
	struct texts *texts = calloc(1, sizeof(*texts) + text_bytes);

	if (!notes || !texts) {
		free(texts);
		return BL_NO_MEMORY;
	}
	texts->length = text_bytes;
	notes->memory = texts;
	*out_notes = BL_TAKE(notes);
	return BL_OK;
}

void device_notes_free(struct device_notes *notes)
{
	if (!notes)
		return;

	struct texts *texts = notes->memory;

	if (texts)
		sodium_memzero(texts->bytes, texts->length);
	free(texts);
	sodium_memzero(notes, sizeof(*notes));
	free(notes);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static uint8_t *put_note(uint8_t *at, const struct device_note *note)
{
	size_t length = strlen(note->text);

	bl_put32(at, note->number);
	at[4] = (uint8_t)note->about;
	bl_put32(at + 5, note->matter);
	bl_put32(at + 9, note->by);
	bl_put64(at + 13, (uint64_t)note->at_unix);
	bl_put16(at + 21, (uint16_t)length);
	memcpy(at + NOTE_HEAD, note->text, length);
	return at + NOTE_HEAD + length;
}

enum bl_status notes_encode(const struct device_notes *notes, struct plain *out)
{
	size_t length = NOTES_HEAD;

	for (size_t i = 0; i < notes->count; i++)
		length += NOTE_HEAD + strlen(notes->items[i].text);

	uint8_t *at = malloc(length);

	if (!at)
		return BL_NO_MEMORY;
	*out = (struct plain){.bytes = at, .length = length};
	*at = NOTES_VERSION;
	bl_put16(at + 1, (uint16_t)notes->count);
	at += NOTES_HEAD;
	for (size_t i = 0; i < notes->count; i++)
		at = put_note(at, &notes->items[i]);
	return BL_OK;
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* One note from @length bytes; how many it took, 0: it is none. @text: room for it and a NUL, zero before. */
static size_t take_note(const uint8_t *at, size_t length, char *text, struct device_note *note)
{
	if (length < NOTE_HEAD)
		return 0;

	size_t size = bl_get16(at + 21);

	if (size < 1 || size >= DEVICE_NOTE || length - NOTE_HEAD < size ||
	    at[4] >= NOTE_ABOUT_COUNT)
		return 0;
	memcpy(text, at + NOTE_HEAD, size);
	*note = (struct device_note){
		.number = bl_get32(at),
		.about = (enum note_about)at[4],
		.matter = bl_get32(at + 5),
		.by = bl_get32(at + 9),
		.at_unix = (int64_t)bl_get64(at + 13),
		.text = text,
	};
	return strlen(text) == size && device_note_ok(text) && facts_date_ok(note->at_unix) &&
			       notes_matter_ok(note->about, note->matter)
		       ? NOTE_HEAD + size
		       : 0;
}

enum bl_status notes_decode(const uint8_t *bytes, size_t length, struct device_notes **out_notes)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = NULL;
	size_t count = length < NOTES_HEAD ? 0 : bl_get16(bytes + 1), at = NOTES_HEAD;

	if (length < NOTES_HEAD || length > NOTES_LIMIT || *bytes != NOTES_VERSION ||
	    count > MATTERS_NOTES)
		return BL_TAMPERED;

	/* A note's NUL takes less than its head, so they fit. */
	enum bl_status status = notes_new(length, &notes);

	if (status != BL_OK)
		return status;

	char *text = ((struct texts *)notes->memory)->bytes;

	while (notes->count < count) {
		struct device_note *note = &notes->items[notes->count];
		size_t taken = take_note(bytes + at, length - at, text, note);

		if (!taken || note->number <= (notes->count ? note[-1].number : 0))
			return BL_TAMPERED;
		at += taken;
		text += taken - NOTE_HEAD + 1;
		notes->count++;
	}
	if (at != length)
		return BL_TAMPERED;
	*out_notes = BL_TAKE(notes);
	return BL_OK;
}
