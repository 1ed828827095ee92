#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/retention/private.h"

#define JOURNAL		"shred"
#define JOURNAL_VERSION 1

static const char *const STEPS[STEP_COUNT] = {
	"intent", "overwrite", "sync", "verify", "punch", "unlink", "keys", "certificate", "done",
};
static const char *const VERIFICATIONS[VERIFICATION_COUNT] = {"none", "raw", "filesystem"};

const char *retention_step_name(enum retention_step step)
{
	return STEPS[step];
}

void journal_done(struct journal *journal)
{
	medium_layout_free(&journal->layout);
	sodium_memzero(journal->pattern, sizeof(journal->pattern));
}

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(json_done)))

static json_t *extents_encode(const struct medium_layout *layout)
{
	json_t *extents = json_array();

	for (size_t i = 0; extents && i < layout->count; i++) {
		const struct medium_extent *extent = &layout->items[i];

		if (json_array_append_new(extents, json_pack("[I,I,I]", (json_int_t)extent->logical,
							     (json_int_t)extent->physical,
							     (json_int_t)extent->length)) != 0) {
			json_decref(extents);
			return NULL;
		}
	}
	return extents;
}

enum bl_status journal_save(struct device_store *store, const char *id,
			    const struct journal *journal, struct bl_error *why)
{
	char pattern[HEX_SIZE(PATTERN_KEY)] = "", digest[HEX_SIZE(DIGEST)],
	     policy[HEX_SIZE(DIGEST)];

	if (journal->has_pattern)
		sodium_bin2hex(pattern, sizeof(pattern), journal->pattern, PATTERN_KEY);
	sodium_bin2hex(digest, sizeof(digest), journal->digest, DIGEST);
	sodium_bin2hex(policy, sizeof(policy), journal->policy_digest, DIGEST);

	/* clang-format off */
	JSON_CLEANUP json_t *json = json_pack(
		"{s:i,s:s,s:s,s:s,s:I,s:o,s:I,s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:b,s:I}",
		"version", JOURNAL_VERSION,
		"step", STEPS[journal->step],
		"pattern", pattern,
		"digest", digest,
		"size", (json_int_t)journal->size,
		"extents", extents_encode(&journal->layout),
		"major", (json_int_t)journal->major,
		"minor", (json_int_t)journal->minor,
		"disk", journal->disk,
		"filesystem", journal->filesystem,
		"entry", journal->entry,
		"policy_digest", policy,
		"policy_serial", (json_int_t)journal->policy_serial,
		"due", (json_int_t)journal->due_unix,
		"begun", (json_int_t)journal->begun_unix,
		"by", (json_int_t)journal->by,
		"intent_sequence", (json_int_t)journal->intent_sequence,
		"verification", VERIFICATIONS[journal->verification],
		"verified_bytes", (json_int_t)journal->verified_bytes,
		"are_keys_raw", journal->are_keys_raw,
		"exceptions", (json_int_t)journal->exceptions);
	/* clang-format on */
	BL_CLEANUP(bl_free)
	char *text = json ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	return device_file_write(store, id, JOURNAL, text, strlen(text), why);
}

/* ---- back again ------------------------------------------------------------------------------------ */

static bool parse_word(const char *const *words, unsigned count, const char *text, unsigned *out)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(words[i], text) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool parse_hex(const char *text, uint8_t *out, size_t size)
{
	size_t length;

	return strlen(text) == 2 * size &&
	       sodium_hex2bin(out, size, text, 2 * size, NULL, &length, NULL) == 0 &&
	       length == size;
}

static bool copy_text(char *out, size_t size, const char *text)
{
	if (strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool extents_decode(json_t *extents, struct medium_layout *layout)
{
	size_t count = json_array_size(extents);

	if (!json_is_array(extents) || count > MEDIUM_EXTENTS)
		return false;
	layout->items = calloc(count + 1, sizeof(*layout->items));
	if (!layout->items)
		return false;
	for (size_t i = 0; i < count; i++) {
		json_int_t logical, physical, length;

		if (json_unpack(json_array_get(extents, i), "[I,I,I!]", &logical, &physical,
				&length) != 0 ||
		    logical < 0 || physical < 0 || length < 1)
			return false;
		layout->items[i] = (struct medium_extent){.logical = (uint64_t)logical,
							  .physical = (uint64_t)physical,
							  .length = (uint64_t)length};
	}
	layout->count = layout->room = count;
	return true;
}

struct texts {
	const char *step, *pattern, *digest, *disk, *filesystem, *entry, *policy, *verification;
};

static bool texts_decode(const struct texts *texts, struct journal *journal)
{
	unsigned step, verification;

	if (!parse_word(STEPS, STEP_COUNT, texts->step, &step) ||
	    !parse_word(VERIFICATIONS, VERIFICATION_COUNT, texts->verification, &verification))
		return false;
	journal->step = (enum retention_step)step;
	journal->verification = (enum verification)verification;
	journal->has_pattern = *texts->pattern;
	if (journal->has_pattern && !parse_hex(texts->pattern, journal->pattern, PATTERN_KEY))
		return false;
	/* Without its key nothing up to the read-back can be done again. */
	if (!journal->has_pattern && journal->step <= STEP_VERIFY)
		return false;
	return parse_hex(texts->digest, journal->digest, DIGEST) &&
	       parse_hex(texts->policy, journal->policy_digest, DIGEST) &&
	       copy_text(journal->disk, sizeof(journal->disk), texts->disk) &&
	       copy_text(journal->filesystem, sizeof(journal->filesystem), texts->filesystem) &&
	       copy_text(journal->entry, sizeof(journal->entry), texts->entry);
}

static bool decode(json_t *json, struct journal *journal)
{
	json_int_t size, disk_major, disk_minor, serial, due, begun, by, sequence, verified,
		exceptions;
	struct texts texts;
	json_t *extents;
	int version, are_keys_raw;

	/* clang-format off */
	if (json_unpack(json,
		"{s:i,s:s,s:s,s:s,s:I,s:o,s:I,s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:b,s:I!}",
		"version", &version, "step", &texts.step, "pattern", &texts.pattern, "digest", &texts.digest,
		"size", &size, "extents", &extents, "major", &disk_major, "minor", &disk_minor, "disk", &texts.disk,
		"filesystem", &texts.filesystem, "entry", &texts.entry, "policy_digest", &texts.policy,
		"policy_serial", &serial, "due", &due, "begun", &begun, "by", &by, "intent_sequence", &sequence,
		"verification", &texts.verification, "verified_bytes", &verified, "are_keys_raw", &are_keys_raw,
		"exceptions", &exceptions) != 0)
		return false;
	/* clang-format on */
	if (version != JOURNAL_VERSION || size < 1 || disk_major < 0 || disk_major > UINT32_MAX ||
	    disk_minor < 0 || disk_minor > UINT32_MAX || by < 0 || by > UINT32_MAX ||
	    verified < 0 || exceptions < 0 || exceptions >= 1 << EXCEPTION_COUNT)
		return false;
	journal->size = (uint64_t)size;
	journal->major = (unsigned)disk_major;
	journal->minor = (unsigned)disk_minor;
	journal->policy_serial = (uint64_t)serial;
	journal->due_unix = due;
	journal->begun_unix = begun;
	journal->by = (uid_t)by;
	journal->intent_sequence = (uint64_t)sequence;
	journal->verified_bytes = (uint64_t)verified;
	journal->are_keys_raw = are_keys_raw;
	journal->exceptions = (unsigned)exceptions;
	return texts_decode(&texts, journal) && extents_decode(extents, &journal->layout);
}

enum bl_status journal_load(struct device_store *store, const char *id, struct journal *out_journal,
			    struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	size_t length;
	enum bl_status status = device_file_read(store, id, JOURNAL, &bytes, &length, why);

	memset(out_journal, 0, sizeof(*out_journal));
	if (status != BL_OK)
		return status;

	JSON_CLEANUP json_t *json =
		json_loadb((const char *)bytes, length, JSON_REJECT_DUPLICATES, NULL);

	if (json && decode(json, out_journal))
		return BL_OK;
	journal_done(out_journal);
	memset(out_journal, 0, sizeof(*out_journal));
	return bl_fail(why, BL_INVALID,
		       "the shred journal of '%s' is not of this version of Bailee", id);
}
