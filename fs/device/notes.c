/* What people write about a device in sentences. */
#include <sodium.h>
#include <string.h>

#include "fs/device/private.h"

static const char *const ABOUT[NOTE_ABOUT_COUNT] = {
	[NOTE_DEVICE] = "device",
	[NOTE_CONDITION] = "condition",
	[NOTE_INCIDENT] = "incident",
	[NOTE_REQUEST] = "request",
};

const char *note_about_name(enum note_about about)
{
	return ABOUT[about];
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum bl_status load(struct device_store *store, struct device_entry *entry,
			   struct device_notes **out_notes, struct bl_error *why)
{
	static const uint8_t NOTHING[] = {1, 0, 0};
	struct kept *kept = &entry->notes;
	enum bl_status status = BL_OK;

	/* Its key is gone: a file that was put back says nothing any more, and does not stand in the way. */
	if (!device_is_gone(&entry->device))
		status = kept_load(store, entry, SECRET_NOTES, kept, why);
	if (status != BL_OK)
		return status;
	if (kept->plain.bytes)
		status = notes_decode(kept->plain.bytes, kept->plain.length, out_notes);
	else
		status = notes_decode(NOTHING, sizeof(NOTHING), out_notes);
	if (status == BL_OK)
		return status;
	/* What does not decode is not kept: an operator may put a backup in its place. */
	kept_done(kept);
	return status == BL_TAMPERED ? bl_fail(why, status,
					       "the notes of '%s' in the store are not of this "
					       "version of Bailee",
					       entry->device.id)
				     : bl_fail(why, status, "out of memory");
}

enum bl_status device_notes_read(struct device_store *store, const char *id,
				 struct device_notes **out_notes, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	return status == BL_OK ? load(store, entry, out_notes, why) : status;
}

/* ---- adding -------------------------------------------------------------------------------------- */

enum bl_status notes_begin(const struct device_store *store, const char *id,
			   struct device_entry **out_entry, struct bl_error *why)
{
	enum bl_status status = store_find(store, id, out_entry, why);

	if (status != BL_OK)
		return status;

	const struct device_entry *entry = *out_entry;

	if (device_is_gone(&entry->device))
		return bl_fail(why, BL_INVALID, "device '%s' is %s: nothing can be written of it",
			       id, bl_device_state_name(entry->device.state));
	if (entry->is_shredding)
		return bl_fail(why, BL_INVALID,
			       "the destruction of '%s' has begun: nothing can be written of it",
			       id);
	return BL_OK;
}

static enum bl_status check_note(const struct device_note *note, struct bl_error *why)
{
	if ((unsigned)note->about >= NOTE_ABOUT_COUNT ||
	    !notes_matter_ok(note->about, note->matter))
		return bl_fail(why, BL_INVALID, "a note of an incident or a request names it");
	if (!note->text || !device_note_ok(note->text))
		return bl_fail(why, BL_INVALID,
			       "a note has 1 to %d bytes of UTF-8 without control characters but "
			       "new lines",
			       DEVICE_NOTE - 1);
	if (!facts_date_ok(note->at_unix))
		return bl_fail(why, BL_INVALID, "a date lies outside the years 1970 to 9999");
	return BL_OK;
}

static enum bl_status check_matter(struct device_store *store, struct device_entry *entry,
				   const struct device_note *note, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;

	if (!note->matter)
		return BL_OK;

	enum bl_status status = matters_load(store, entry, &matters, why);

	if (status != BL_OK ||
	    (note->about == NOTE_INCIDENT
		     ? device_incident_find(matters, note->matter) != NULL
		     : device_customer_request_find(matters, note->matter) != NULL))
		return status;
	return bl_fail(why, BL_NOT_FOUND, "there is no %s %s/%u", ABOUT[note->about],
		       entry->device.id, (unsigned)note->matter);
}

/* Greater than any that was given: also when a crash kept the record from knowing of the last. */
static uint32_t next_number(const struct device_entry *entry, const struct device_notes *notes)
{
	uint32_t last = notes->count ? notes->items[notes->count - 1].number : 0;

	return last == UINT32_MAX ? last : BL_MAX(entry->device.next_note, last + 1);
}

static enum bl_status append(const struct device_entry *entry, struct device_notes *notes,
			     const struct device_note *note, struct bl_error *why)
{
	uint32_t number = next_number(entry, notes);

	if (notes->count == MATTERS_NOTES)
		return bl_fail(why, BL_TOO_LARGE, "device '%s' has %d notes already",
			       entry->device.id, MATTERS_NOTES);
	if (number == UINT32_MAX || entry->device.revision == UINT32_MAX)
		return bl_fail(why, BL_TOO_LARGE, "the record of '%s' was changed too often",
			       entry->device.id);
	notes->items[notes->count] = *note;
	notes->items[notes->count++].number = number;
	return BL_OK;
}

/* The first @count of them. */
static enum bl_status encode(struct device_notes *notes, size_t count, struct plain *out,
			     struct bl_error *why)
{
	size_t all = notes->count;

	notes->count = count;

	enum bl_status status = notes_encode(notes, out);

	notes->count = all;
	return status == BL_OK ? status : bl_fail(why, status, "out of memory");
}

static enum bl_status make_noted(struct device_entry *changed, const void *how,
				 struct bl_error *why BL_UNUSED)
{
	changed->device.next_note = *(const uint32_t *)how + 1;
	changed->device.revision++;
	return BL_OK;
}

/* What was told as failed is not there, also when the disk takes nothing any more. */
static void take_back(struct device_store *store, struct device_entry *entry, struct plain *before)
{
	struct kept *kept = &entry->notes;

	if (kept_save(store, entry, SECRET_NOTES, kept, before, NULL) == BL_OK)
		return;
	kept_done(kept);
	*kept = (struct kept){.plain = *before, .is_read = true};
	*before = (struct plain){0};
}

/* The notes first, so that after a crash in between no number is given twice. */
static enum bl_status add(struct device_store *store, struct device_entry *entry,
			  struct device_notes *notes, const struct device_note *note,
			  struct bl_error *why)
{
	PLAIN_CLEANUP struct plain before = {0};
	PLAIN_CLEANUP struct plain after = {0};
	enum bl_status status = append(entry, notes, note, why);

	if (status != BL_OK)
		return status;

	uint32_t number = notes->items[notes->count - 1].number;

	status = encode(notes, notes->count - 1, &before, why);
	if (status == BL_OK)
		status = encode(notes, notes->count, &after, why);
	if (status == BL_OK)
		status = kept_save(store, entry, SECRET_NOTES, &entry->notes, &after, why);
	if (status != BL_OK)
		return status;
	status = store_update(store, entry->device.id, make_noted, &number, why);
	if (status != BL_OK)
		take_back(store, entry, &before);
	return status;
}

enum bl_status device_note_add(struct device_store *store, const char *id,
			       const struct device_note *note, uint32_t *out_number,
			       struct bl_error *why)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_note(note, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = notes_begin(store, id, &entry, why);
	if (status == BL_OK)
		status = check_matter(store, entry, note, why);
	if (status == BL_OK)
		status = load(store, entry, &notes, why);
	if (status == BL_OK)
		status = add(store, entry, notes, note, why);
	if (status == BL_OK && out_number)
		*out_number = notes->items[notes->count - 1].number;
	return status;
}

/* ---- a shred ----------------------------------------------------------------------------------------- */

enum bl_status notes_forget(struct device_entry *entry, int folder_fd, struct bl_error *why)
{
	kept_done(&entry->notes);
	kept_done(&entry->parts);

	enum bl_status status = secret_forget(folder_fd, SECRET_NOTES, why);

	return status == BL_OK ? secret_forget(folder_fd, SECRET_PARTS, why) : status;
}
