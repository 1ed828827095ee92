/* The journal: what a destruction knows of itself, sealed, so that nobody who can write into the store can aim one. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fs/retention/fields.h"
#include "fs/retention/private.h"

#define JOURNAL_VERSION 2

static const char *const STEPS[STEP_COUNT] = {
	[STEP_INTENT] = "intent",
	[STEP_OVERWRITE] = "overwrite",
	[STEP_SYNC] = "sync",
	[STEP_VERIFY] = "verify",
	[STEP_PUNCH] = "punch",
	[STEP_UNLINK] = "unlink",
	[STEP_KEYS] = "keys",
	[STEP_TRY] = "try",
	[STEP_WIPE] = "wipe",
	[STEP_CUSTOMER] = "customer",
	[STEP_PREPARE] = "prepare",
	[STEP_COMMIT] = "commit",
	[STEP_FINISH] = "finish",
	[STEP_CHECK] = "check",
	[STEP_CERTIFICATE] = "certificate",
	[STEP_DONE] = "done",
};
static const char *const KINDS[SHRED_KIND_COUNT] = {"plain", "sealed", "source", "part"};
static const char *const VERIFICATIONS[VERIFICATION_COUNT] = {"none", "raw", "filesystem"};
static const char *const KNOWN[KNOWN_COUNT] = {"unknown", "no", "yes"};
static const char *const PROOFS[] = {"cached", "direct", "raw"};
static const char *const ALGORITHMS[] = {"unknown", "AES-256-GCM", "XChaCha20-Poly1305"};

/* A whole device has one journal, whichever kind it is. */
static const char *const NAMES[SHRED_KIND_COUNT] = {"shred", "shred", "shred-source", "shred-part"};

const char *retention_step_name(enum retention_step step)
{
	return STEPS[step];
}

static const struct field STORAGE[] = {
	FIELD_OF(storage, FIELD_TEXT, filesystem), FIELD_OF(storage, FIELD_TEXT, disk),
	FIELD_OF(storage, FIELD_BOOL, is_good),	   FIELD_OF(storage, FIELD_BOOL, has_no_medium),
	FIELD_WORDS(storage, is_virtual, KNOWN),   FIELD_WORDS(storage, is_rotational, KNOWN),
	FIELD_WORDS(storage, discards, KNOWN),
};

static const struct field FILE_FIELDS[] = {
	FIELD_OF(shred_file, FIELD_TEXT, path),
	FIELD_OF(shred_file, FIELD_64, dev),
	FIELD_OF(shred_file, FIELD_64, ino),
	FIELD_OF(shred_file, FIELD_64, size),
	FIELD_OF(shred_file, FIELD_64, birth_ns),
	FIELD_OF(shred_file, FIELD_32, major),
	FIELD_OF(shred_file, FIELD_32, minor),
	FIELD_OF(shred_file, FIELD_TEXT, disk),
	FIELD_OF(shred_file, FIELD_BOOL, has_pattern),
	FIELD_OF(shred_file, FIELD_HEX, pattern),
	FIELD_WORDS(shred_file, verification, VERIFICATIONS),
};

static const struct field FIELDS[] = {
	FIELD_WORDS(journal, kind, KINDS),
	FIELD_WORDS(journal, step, STEPS),
	FIELD_OF(journal, FIELD_32, exceptions),
	FIELD_OF(journal, FIELD_64, size),
	FIELD_OF(journal, FIELD_BOOL, has_digest),
	FIELD_OF(journal, FIELD_HEX, digest),
	FIELD_OF(journal, FIELD_TEXT, entry),
	FIELD_OF(journal, FIELD_HEX, policy_digest),
	FIELD_OF(journal, FIELD_64, policy_serial),
	FIELD_OF(journal, FIELD_64, due_unix),
	FIELD_OF(journal, FIELD_32, by),
	FIELD_OF(journal, FIELD_32, request),
	FIELD_OF(journal, FIELD_BOOL, has_reason),
	FIELD_OF(journal, FIELD_64, begun_unix),
	FIELD_OF(journal, FIELD_64, begun_boot_ms),
	FIELD_OF(journal, FIELD_TEXT, boot_id),
	FIELD_OF(journal, FIELD_64, intent_sequence),
	FIELD_OF(journal, FIELD_BOOL, has_proof),
	FIELD_WORDS(journal, proof, PROOFS),
	FIELD_OF(journal, FIELD_HEX, vault_id),
	FIELD_WORDS(journal, algorithm, ALGORITHMS),
	FIELD_OF(journal, FIELD_BOOL, is_complete),
	FIELD_OF(journal, FIELD_BOOL, was_tried),
	FIELD_OF(journal, FIELD_BOOL, was_punched),
	FIELD_OF(journal, FIELD_64, keys_tried),
	FIELD_OF(journal, FIELD_64, wiped_bytes),
	FIELD_OF(journal, FIELD_64, wiped_raw),
	FIELD_OF(journal, FIELD_32, number),
	FIELD_OF(journal, FIELD_64, matched),
	FIELD_OF(journal, FIELD_HEX, patterns),
	FIELD_OF(journal, FIELD_HEX, neighbours),
};
#define MORE_FIELDS 6 /* version, image, keys, approvals, files, places */

_Static_assert(sizeof(enum retention_step) == 4 && sizeof(uid_t) == 4,
	       "what FIELD_WORD and FIELD_32 take");

/* ---- memory ------------------------------------------------------------------------------------- */

void journal_done(struct journal *journal)
{
	for (size_t i = 0; i < journal->file_count; i++) {
		fd_close(journal->files[i].fd);
		medium_layout_free(&journal->files[i].layout);
		sodium_memzero(journal->files[i].pattern, PATTERN_KEY);
	}
	free(journal->files);
	free(journal->places);
	memset(journal, 0, sizeof(*journal));
}

enum bl_status journal_files(struct journal *journal, size_t count, struct bl_error *why)
{
	journal->files = calloc(count, sizeof(*journal->files));
	if (!journal->files)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	journal->file_count = count;
	for (size_t i = 0; i < count; i++)
		journal->files[i].fd = -1;
	return BL_OK;
}

/* ---- to text ----------------------------------------------------------------------------------- */

static bool append_triple(json_t *list, uint64_t one, uint64_t two, uint64_t three)
{
	return json_array_append_new(list, json_pack("[I,I,I]", (json_int_t)one, (json_int_t)two,
						     (json_int_t)three)) == 0;
}

static json_t *file_encode(const struct shred_file *file)
{
	json_t *object = fields_encode(FILE_FIELDS, BL_COUNT(FILE_FIELDS), file);
	json_t *extents = json_array();
	bool is_ok = object && extents;

	for (size_t i = 0; is_ok && i < file->layout.count; i++) {
		const struct medium_extent *extent = &file->layout.items[i];

		is_ok = append_triple(extents, extent->logical, extent->physical, extent->length);
	}
	/* Takes the list, also when it fails. */
	if (json_object_set_new(object, "extents", extents) == 0 && is_ok)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *files_encode(const struct journal *journal)
{
	json_t *files = json_array();
	bool is_ok = files != NULL;

	for (size_t i = 0; is_ok && i < journal->file_count; i++)
		is_ok = json_array_append_new(files, file_encode(&journal->files[i])) == 0;
	if (is_ok)
		return files;
	json_decref(files);
	return NULL;
}

static json_t *places_encode(const struct journal *journal)
{
	json_t *places = json_array();
	bool is_ok = places != NULL;

	for (size_t i = 0; is_ok && i < journal->place_count; i++)
		is_ok = json_array_append_new(
				places, json_pack("[I,I]", (json_int_t)journal->places[i].offset,
						  (json_int_t)journal->places[i].length)) == 0;
	if (is_ok)
		return places;
	json_decref(places);
	return NULL;
}

static json_t *approvals_encode(const struct journal *journal)
{
	json_t *approvals = json_array();
	bool is_ok = approvals != NULL;

	for (size_t i = 0; is_ok && i < journal->approval_count; i++)
		is_ok = json_array_append_new(approvals, json_integer(journal->approvals[i])) == 0;
	if (is_ok)
		return approvals;
	json_decref(approvals);
	return NULL;
}

static char *encode(const struct journal *journal)
{
	JSON_CLEANUP json_t *json = fields_encode(FIELDS, BL_COUNT(FIELDS), journal);

	if (!json || json_object_set_new(json, "version", json_integer(JOURNAL_VERSION)) != 0 ||
	    json_object_set_new(json, "image",
				fields_encode(STORAGE, BL_COUNT(STORAGE), &journal->image)) != 0 ||
	    json_object_set_new(json, "keys",
				fields_encode(STORAGE, BL_COUNT(STORAGE), &journal->keys)) != 0 ||
	    json_object_set_new(json, "approvals", approvals_encode(journal)) != 0 ||
	    json_object_set_new(json, "files", files_encode(journal)) != 0 ||
	    json_object_set_new(json, "places", places_encode(journal)) != 0)
		return NULL;
	return json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
}

/* ---- and back ------------------------------------------------------------------------------------- */

static bool numbers_of(json_t *list, size_t count, uint64_t *out)
{
	if (!json_is_array(list) || json_array_size(list) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		json_t *value = json_array_get(list, i);

		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return false;
		out[i] = (uint64_t)json_integer_value(value);
	}
	return true;
}

static bool extents_decode(json_t *extents, struct medium_layout *layout)
{
	size_t count = json_array_size(extents);
	uint64_t at = 0;

	if (!json_is_array(extents) || count > MEDIUM_EXTENTS)
		return false;
	layout->items = calloc(count + 1, sizeof(*layout->items));
	if (!layout->items)
		return false;
	layout->count = layout->room = count;
	for (size_t i = 0; i < count; i++) {
		uint64_t numbers[3];

		/* One behind the other, as FIEMAP told them. */
		if (!numbers_of(json_array_get(extents, i), 3, numbers) || !numbers[2] ||
		    numbers[0] != at)
			return false;
		at += numbers[2];
		layout->items[i] = (struct medium_extent){
			.logical = numbers[0], .physical = numbers[1], .length = numbers[2]};
	}
	return true;
}

static bool file_decode(json_t *object, struct shred_file *file)
{
	return fields_decode(FILE_FIELDS, BL_COUNT(FILE_FIELDS), 1, object, file) &&
	       file->path[0] == '/' && file->size &&
	       extents_decode(json_object_get(object, "extents"), &file->layout);
}

static bool files_decode(json_t *list, struct journal *journal)
{
	size_t count = json_array_size(list);

	if (!json_is_array(list) || count > SHRED_FILES)
		return false;
	if (!count)
		return true;
	if (journal_files(journal, count, NULL) != BL_OK)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!file_decode(json_array_get(list, i), &journal->files[i]))
			return false;
	return true;
}

static bool places_decode(json_t *list, struct journal *journal)
{
	size_t count = json_array_size(list);
	uint64_t end = 0;

	if (!json_is_array(list) || count > SHRED_PLACES)
		return false;
	journal->places = calloc(count + 1, sizeof(*journal->places));
	if (!journal->places)
		return false;
	journal->place_count = count;
	for (size_t i = 0; i < count; i++) {
		uint64_t numbers[2];

		if (!numbers_of(json_array_get(list, i), 2, numbers) || !numbers[1] ||
		    numbers[0] < end || numbers[0] > SEALED_MOST ||
		    numbers[1] > SEALED_MOST - numbers[0])
			return false;
		end = numbers[0] + numbers[1];
		journal->places[i] =
			(struct sealed_place){.offset = numbers[0], .length = numbers[1]};
	}
	return true;
}

static bool approvals_decode(json_t *list, struct journal *journal)
{
	uint64_t numbers[DEVICE_APPROVALS];
	size_t count = json_array_size(list);

	if (count > DEVICE_APPROVALS || !numbers_of(list, count, numbers))
		return false;
	journal->approval_count = count;
	for (size_t i = 0; i < count; i++) {
		if (numbers[i] > UINT32_MAX)
			return false;
		journal->approvals[i] = (uid_t)numbers[i];
	}
	return true;
}

/* What the steps stand on: nothing of it may be missing, however it came about. */
static bool is_sound(const struct journal *journal)
{
	bool has_files = journal->kind == SHRED_PLAIN || journal->kind == SHRED_SOURCE;
	bool is_part = journal->kind == SHRED_PART;

	if (!machine_has(journal->kind, journal->step) ||
	    journal->exceptions >= 1u << EXCEPTION_COUNT || has_files != !!journal->file_count ||
	    is_part != !!journal->place_count || is_part != !!journal->number)
		return false;
	/* Without its key nothing up to the read-back can be done again. */
	for (size_t i = 0; i < journal->file_count; i++)
		if (!journal->files[i].has_pattern && journal->step <= STEP_VERIFY)
			return false;
	return journal->kind != SHRED_PLAIN || journal->file_count == 1;
}

static bool decode(json_t *json, struct journal *journal)
{
	json_t *version = json_object_get(json, "version");

	return json_is_integer(version) && json_integer_value(version) == JOURNAL_VERSION &&
	       fields_decode(FIELDS, BL_COUNT(FIELDS), MORE_FIELDS, json, journal) &&
	       fields_decode(STORAGE, BL_COUNT(STORAGE), 0, json_object_get(json, "image"),
			     &journal->image) &&
	       fields_decode(STORAGE, BL_COUNT(STORAGE), 0, json_object_get(json, "keys"),
			     &journal->keys) &&
	       approvals_decode(json_object_get(json, "approvals"), journal) &&
	       files_decode(json_object_get(json, "files"), journal) &&
	       places_decode(json_object_get(json, "places"), journal) && is_sound(journal);
}

bool journal_decode(const char *text, size_t length, struct journal *out_journal)
{
	JSON_CLEANUP json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	memset(out_journal, 0, sizeof(*out_journal));
	if (json && decode(json, out_journal))
		return true;
	journal_done(out_journal);
	return false;
}

/* ---- sealed at rest ----------------------------------------------------------------------------------- */

/*
 * A part's journal says where a customer's files lie: it goes with the device. The others outlive the device's keys, and are
 * sealed under the store's own.
 */
static enum bl_status seal_key(struct device_store *store, const char *id, enum shred_kind kind,
			       uint8_t out_key[VAULT_KEY], struct bl_error *why)
{
	struct vault *vault = device_store_vault(store);

	if (kind == SHRED_PART)
		return vault_device_key(vault, id, VAULT_RECORD, out_key, why);
	vault_store_key(vault, VAULT_RECORD, out_key);
	return BL_OK;
}

static void label_of(const char *id, enum shred_kind kind, char out[64])
{
	snprintf(out, 64, "%s:%s", NAMES[kind], id);
}

static void wipe(char **text)
{
	if (*text)
		sodium_memzero(*text, strlen(*text));
	free(*text);
}

enum bl_status journal_save(struct device_store *store, const char *id,
			    const struct journal *journal, struct bl_error *why)
{
	__attribute__((cleanup(wipe))) char *text = encode(journal);
	size_t length = text ? strlen(text) : 0;
	BL_CLEANUP(bl_free) uint8_t *sealed = text ? malloc(length + VAULT_SEAL_OVERHEAD) : NULL;
	uint8_t key[VAULT_KEY];
	char label[64];

	if (!sealed)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = seal_key(store, id, journal->kind, key, why);

	if (status != BL_OK)
		return status;
	label_of(id, journal->kind, label);
	status = vault_seal(key, label, (const uint8_t *)text, length, sealed);
	sodium_memzero(key, sizeof(key));
	if (status != BL_OK)
		return bl_fail(why, status, "cannot seal the shred journal of '%s'", id);
	return device_file_write(store, id, NAMES[journal->kind], sealed,
				 length + VAULT_SEAL_OVERHEAD, why);
}

static enum bl_status unseal(struct device_store *store, const char *id, enum shred_kind kind,
			     const uint8_t *sealed, size_t length, char **out_text,
			     struct bl_error *why)
{
	uint8_t key[VAULT_KEY];
	char label[64];
	BL_CLEANUP(bl_free) char *text = calloc(1, length + 1);

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = seal_key(store, id, kind, key, why);

	if (status != BL_OK)
		return status;
	label_of(id, kind, label);
	status = vault_unseal(key, label, sealed, length, (uint8_t *)text, NULL);
	sodium_memzero(key, sizeof(key));
	if (status != BL_OK)
		return bl_fail(why, BL_TAMPERED,
			       "the journal '%s' of '%s' is not one that this store sealed (put it "
			       "back as it was; if it is lost, remove it: what is due is begun "
			       "again)",
			       NAMES[kind], id);
	*out_text = BL_TAKE(text);
	return BL_OK;
}

enum bl_status journal_load(struct device_store *store, const char *id, enum shred_kind kind,
			    struct journal *out_journal, struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	__attribute__((cleanup(wipe))) char *text = NULL;
	size_t length;
	enum bl_status status = device_file_read(store, id, NAMES[kind], &bytes, &length, why);

	memset(out_journal, 0, sizeof(*out_journal));
	if (status == BL_OK)
		status = unseal(store, id, kind, bytes, length, &text, why);
	if (status != BL_OK)
		return status;
	if (journal_decode(text, length - VAULT_SEAL_OVERHEAD, out_journal) &&
	    strcmp(NAMES[out_journal->kind], NAMES[kind]) == 0)
		return BL_OK;
	journal_done(out_journal);
	return bl_fail(why, BL_INVALID,
		       "the journal '%s' of '%s' is not of this version of Bailee (finish it with "
		       "the version that began it)",
		       NAMES[kind], id);
}

enum bl_status journal_remove(struct device_store *store, const char *id, enum shred_kind kind,
			      struct bl_error *why)
{
	return device_file_remove(store, id, NAMES[kind], why);
}

bool journal_is_there(struct device_store *store, const char *id, enum shred_kind kind)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	size_t length;

	return device_file_read(store, id, NAMES[kind], &bytes, &length, NULL) != BL_NOT_FOUND;
}
