/* Files inside a sealed image: everything they touch under new keys, and the old ones gone. */
#include <stdio.h>
#include <string.h>

#include "fs/image/choose.h"
#include "fs/retention/private.h"

static struct vault *vault_of(const struct shred *shred)
{
	return device_store_vault(shred->context->store);
}

/* ---- the steps ------------------------------------------------------------------------------------- */

enum bl_status step_prepare(struct shred *shred, struct bl_error *why)
{
	const struct journal *journal = &shred->journal;
	struct sealed_part part;

	return sealed_part_prepare(shred->folder, shred->device.id, shred->root, journal->places,
				   journal->place_count, shred->fresh, &part, why);
}

/* Which root the slot holds decides which tree counts: from here on the old one opens nothing. */
enum bl_status step_commit(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	enum bl_status status = vault_image_root_set(vault_of(shred), shred->device.id,
						     shred->fresh, &journal->proof, why);

	if (status != BL_OK)
		return status;
	memcpy(shred->root, shred->fresh, VAULT_KEY);
	sodium_memzero(shred->fresh, VAULT_KEY);
	journal->has_proof = true;
	if (journal->proof != VAULT_PROOF_RAW)
		journal->exceptions |= EXCEPTION_KEYS_CACHED;
	return BL_OK;
}

enum bl_status step_finish(struct shred *shred, struct bl_error *why)
{
	return sealed_part_finish(shred->folder, shred->device.id, shred->root, why);
}

/* For a look inside; at a start nobody has made room for decrypted chunks yet. */
struct inside {
	struct sealed_hot *own;
	struct sealed *sealed;
};

static void inside_done(struct inside *inside)
{
	sealed_close(inside->sealed);
	sealed_hot_free(inside->own);
}
#define INSIDE_CLEANUP __attribute__((cleanup(inside_done)))

static enum bl_status open_inside(const struct shred *shred, struct inside *inside,
				  struct bl_error *why)
{
	struct sealed_hot *hot = shred->context->hot;
	enum bl_status status = BL_OK;

	if (!hot)
		status = sealed_hot_new(SEALED_HOT_BYTES, &inside->own, why);
	if (status != BL_OK)
		return status;
	return sealed_open(shred->folder, shred->device.id, shred->root, shred->device.source_size,
			   hot ? hot : inside->own, &inside->sealed, why);
}

/* Every way of going on comes by here: what was found in the files, and who was known from them, goes now at the latest. */
enum bl_status step_check(struct shred *shred, struct bl_error *why)
{
	const struct journal *journal = &shred->journal;
	INSIDE_CLEANUP struct inside inside = {.sealed = NULL};
	enum bl_status status = device_forget_found(shred->context->store, shred->device.id, why);

	if (status == BL_OK)
		status = open_inside(shred, &inside, why);
	if (status == BL_OK)
		status = sealed_part_check(inside.sealed, journal->places, journal->place_count,
					   journal->neighbours, why);
	return status;
}

/* ---- going on ----------------------------------------------------------------------------------------- */

static enum bl_status take_root(struct shred *shred, struct bl_error *why)
{
	shred->root = vault_guarded(1, VAULT_KEY);
	shred->fresh = vault_guarded(1, VAULT_KEY);
	if (!shred->root || !shred->fresh)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold keys: out of memory");
	return vault_image_root(vault_of(shred), shred->device.id, shred->root, why);
}

/* Committed, but by a run that did not live to write down how far the read-back went: the same root again, and the proof. */
static enum bl_status prove_again(struct shred *shred, struct bl_error *why)
{
	memcpy(shred->fresh, shred->root, VAULT_KEY);
	return step_commit(shred, why);
}

enum bl_status part_resume(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	enum sealed_part_state state = SEALED_PART_NONE;
	enum bl_status status = take_root(shred, why);

	if (status == BL_OK && journal->step <= STEP_FINISH)
		status = sealed_part_recover(shred->folder, shred->device.id, shred->root, &state,
					     why);
	if (status != BL_OK)
		return status;
	switch (state) {
	case SEALED_PART_PREPARED:
		journal->step = STEP_PREPARE;
		return BL_OK;
	case SEALED_PART_COMMITTED:
		journal->step = STEP_FINISH;
		return journal->has_proof ? BL_OK : prove_again(shred, why);
	case SEALED_PART_NONE:
		break;
	}
	/* Nothing is under way in the image: it was not begun, or all of it is done. */
	if (journal->step == STEP_FINISH)
		journal->step = STEP_CHECK;
	else if (journal->step == STEP_COMMIT)
		journal->step = STEP_PREPARE;
	return BL_OK;
}

/* ---- a fresh one ----------------------------------------------------------------------------------------- */

static enum bl_status read_sealed(void *context, uint64_t offset, void *out, size_t length,
				  struct bl_error *why)
{
	return sealed_read(context, offset, out, length, why);
}

static enum bl_status take_places(struct journal *journal, const struct image_ranges *ranges,
				  struct bl_error *why)
{
	if (ranges->count > SHRED_PLACES)
		return bl_fail(why, BL_TOO_LARGE,
			       "these files lie in over %d pieces (destroy fewer at once)",
			       SHRED_PLACES);
	journal->places = calloc(ranges->count + 1, sizeof(*journal->places));
	if (!journal->places)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	journal->place_count = ranges->count;
	for (size_t i = 0; i < ranges->count; i++) {
		journal->places[i] = (struct sealed_place){.offset = ranges->items[i].offset,
							   .length = ranges->items[i].length};
		journal->size += ranges->items[i].length;
	}
	return BL_OK;
}

static enum bl_status find_places(struct shred *shred, struct sealed *sealed,
				  const char *const *patterns, size_t count, struct bl_error *why)
{
	const struct image_bytes bytes = {
		.read = read_sealed, .context = sealed, .size_bytes = shred->device.source_size};
	const struct image_options options = {.reader_path = shred->context->reader_path};
	BL_CLEANUP(image_close) struct image *image = NULL;
	struct image_ranges ranges = {.count = 0};
	enum bl_status status = image_open_bytes(&bytes, &options, &image, why);

	if (status == BL_OK)
		status = image_find(image, patterns, count, &ranges, &shred->journal.matched, why);
	if (status == BL_OK)
		status = take_places(&shred->journal, &ranges, why);
	image_ranges_done(&ranges);
	/* A file of no bytes has no places: its name alone is not destroyed here. */
	if (status == BL_OK && !shred->journal.place_count)
		return bl_fail(why, BL_NOT_FOUND, "the files that match hold nothing");
	return status;
}

static enum bl_status look_inside(struct shred *shred, const char *const *patterns, size_t count,
				  struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	INSIDE_CLEANUP struct inside inside = {.sealed = NULL};
	enum bl_status status = open_inside(shred, &inside, why);

	if (status == BL_OK)
		status = find_places(shred, inside.sealed, patterns, count, why);
	if (status == BL_OK)
		status = sealed_part_digest(inside.sealed, journal->places, journal->place_count,
					    journal->neighbours, why);
	return status;
}

void part_digest(const char *const *patterns, size_t count, uint8_t out[DIGEST])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, DIGEST);
	for (size_t i = 0; i < count; i++)
		crypto_generichash_update(&state, (const uint8_t *)patterns[i],
					  strlen(patterns[i]) + 1);
	crypto_generichash_final(&state, out, DIGEST);
}

/* The next number: behind what the log knows of, and behind every certificate. */
static enum bl_status take_number(struct shred *shred, struct bl_error *why)
{
	uint32_t number = 0;
	enum bl_status status = events_parts(shred, &number, why);

	while (status == BL_OK && number < UINT32_MAX - 1) {
		BL_CLEANUP(bl_free) char *json = NULL;
		char suffix[32];
		size_t length;

		certificate_suffix(SHRED_PART, ++number, ".json", suffix);
		status = device_certificate_read(shred->context->store, shred->device.id, suffix,
						 &json, &length, why);
	}
	shred->journal.number = number;
	return status == BL_NOT_FOUND ? BL_OK : status;
}

static enum bl_status check_allowed(const struct shred *shred, const struct retention_plan *plan,
				    struct bl_error *why)
{
	const struct device *device = &shred->device;

	if (device->source_kind != SOURCE_SEALED || !device->is_complete)
		return bl_fail(why, BL_INVALID,
			       "device '%s' has no complete sealed image (only of such a one can a "
			       "part be destroyed)",
			       device->id);
	if (device_is_gone(device))
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is %s already", device->id,
			       bl_device_state_name(device->state));
	if (plan->is_held || device->state == STATE_HELD)
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is held (release its holds first)",
			       device->id);
	if (plan->is_due || device->state == STATE_DUE ||
	    journal_is_there(shred->context->store, device->id, SHRED_PLAIN))
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is due: all of it is destroyed",
			       device->id);
	return BL_OK;
}

/* Of whoever is permitted to shred early, too: what must be kept is stronger (policy-language: Retention). */
static enum bl_status check_kept(const struct shred *shred, struct bl_error *why)
{
	const struct retention_context *context = shred->context;
	const struct policy *policy = context->policy;
	struct rules_retention_facts facts;
	const char *entry = "";
	char at[20];

	(void)plan_facts(context->store, policy, &shred->device, &facts);

	int64_t until_unix = rules_kept(policy, &facts, &entry);

	if (until_unix <= context->now.trusted_unix)
		return BL_OK;
	rules_local_time(policy, until_unix, at);
	return bl_fail(why, BL_FORBIDDEN, "nothing of '%s' is destroyed before %s: '%s' keeps it",
		       shred->device.id, at, entry);
}

/* Its own date, where it has one: the device's is another matter. */
static void describe(struct shred *shred, const struct rules_due *date)
{
	struct retention_plan plan = {.due_unix = date ? date->due_unix : 0};

	if (date)
		snprintf(plan.entry, sizeof(plan.entry), "%s", date->entry);
	shred_describe(shred, date ? &plan : NULL);
}

enum bl_status part_begin(struct shred *shred, const struct part_request *request,
			  struct bl_error *why)
{
	const struct retention_context *context = shred->context;
	struct retention_plan plan;
	uint64_t bytes;

	retention_plan_of(context->store, context->policy, &shred->device, &context->now, &plan);

	enum bl_status status = check_allowed(shred, &plan, why);

	if (status == BL_OK)
		status = check_kept(shred, why);
	if (status == BL_OK)
		status = take_root(shred, why);
	if (status == BL_OK)
		status = look_inside(shred, request->patterns, request->count, why);
	if (status == BL_OK)
		status = take_number(shred, why);
	if (status != BL_OK)
		return status;
	bytes = shred->journal.size;
	describe(shred, request->date);
	keys_describe(shred);
	sealed_describe(shred);
	shred->journal.size = bytes; /* of the part, not of the image */
	part_digest(request->patterns, request->count, shred->journal.patterns);
	return BL_OK;
}
