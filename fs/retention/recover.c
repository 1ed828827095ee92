/* Going on with what was begun: at start, and before anything new. */
#include <string.h>

#include "fs/retention/private.h"

/* Nothing was touched: as if it had never been asked for. */
static enum bl_status forget(struct shred *shred, struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	enum shred_kind kind = shred->journal.kind;
	enum bl_status status = journal_remove(store, shred->device.id, kind, why);

	if (kind == SHRED_PLAIN || kind == SHRED_SEALED)
		device_shred_abandon(store, shred->device.id);
	return status == BL_OK ? BL_NOT_FOUND : status;
}

/* At `intent` the log decides. What the intake promised of its source stands without it. BL_NOT_FOUND: nothing was begun. */
static enum bl_status settle_intent(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	bool is_there = false;
	enum bl_status status =
		events_find(shred, false, &is_there, &journal->intent_sequence, why);

	if (status != BL_OK)
		return status;
	if (is_there) {
		journal->step = machine_after(journal->kind, STEP_INTENT);
		return BL_OK;
	}
	return journal->kind == SHRED_SOURCE ? source_begin(shred, why) : forget(shred, why);
}

static enum bl_status take_up(struct shred *shred, struct bl_error *why)
{
	switch (shred->journal.kind) {
	case SHRED_PLAIN:
	case SHRED_SOURCE:
		return files_open(shred, why);
	case SHRED_PART:
		return part_resume(shred, why);
	case SHRED_SEALED:
	case SHRED_KIND_COUNT:
		break;
	}
	return BL_OK;
}

enum bl_status recover_one(const struct retention_context *context, const char *id,
			   enum shred_kind kind, struct bl_error *why)
{
	SHRED_CLEANUP struct shred shred;

	shred_init(&shred, context, kind);
	shred.is_resumed = true;

	enum bl_status status = device_find(context->store, id, &shred.device, why);

	if (status == BL_OK)
		status = journal_load(context->store, id, kind, &shred.journal, why);
	/* The source of an intake that has not ended is not ours yet. */
	if (status == BL_OK && kind == SHRED_SOURCE && !shred.device.is_complete)
		return BL_NOT_FOUND;
	if (status == BL_OK)
		status = device_folder(context->store, id, &shred.folder, why);
	if (status == BL_OK && shred.journal.step == STEP_INTENT)
		status = settle_intent(&shred, why);
	if (status == BL_OK)
		status = take_up(&shred, why);
	return status == BL_OK ? machine_run(&shred, why) : status;
}

static enum bl_status recover_claimed(const struct retention_context *context, const char *id,
				      enum shred_kind kind, struct bl_error *why)
{
	enum bl_status status = device_shred_claim(context->store, id, why);

	if (status != BL_OK)
		return status;
	status = recover_one(context, id, kind, why);
	device_shred_unclaim(context->store, id);
	return status;
}

enum retention_begun retention_begun(struct device_store *store, const char *id)
{
	if (journal_is_there(store, id, SHRED_PLAIN) || journal_is_there(store, id, SHRED_PART))
		return RETENTION_IMAGE;
	return journal_is_there(store, id, SHRED_SOURCE) ? RETENTION_SOURCE : RETENTION_NOTHING;
}

enum bl_status retention_recover_device(const struct retention_context *context, const char *id,
					size_t *out_finished, struct bl_error *why)
{
	/* The whole first: what was begun of its parts ends with it. */
	static const enum shred_kind KINDS[] = {SHRED_PLAIN, SHRED_PART, SHRED_SOURCE};
	enum bl_status worst = BL_OK;

	*out_finished = 0;
	for (size_t i = 0; i < BL_COUNT(KINDS); i++) {
		struct bl_error here = {.text = ""};
		enum bl_status status = recover_claimed(context, id, KINDS[i], &here);

		if (status == BL_OK)
			*out_finished += 1;
		else if (status != BL_NOT_FOUND && worst == BL_OK)
			worst = bl_fail(why, status, "%s", here.text);
	}
	return worst;
}

struct recovery {
	const struct retention_context *context;
	size_t finished;
	enum bl_status status;
	struct bl_error *why;
};

/* One that cannot be finished (its disk is away) does not hold the others up; the first is told. */
static bool recover_device(void *context, const struct device *device)
{
	struct recovery *recovery = context;
	struct bl_error why = {.text = ""};
	size_t finished;
	enum bl_status status =
		retention_recover_device(recovery->context, device->id, &finished, &why);

	recovery->finished += finished;
	if (status != BL_OK && recovery->status == BL_OK)
		recovery->status = bl_fail(recovery->why, status, "%s", why.text);
	return true;
}

enum bl_status retention_recover(const struct retention_context *context, size_t *out_finished,
				 struct bl_error *why)
{
	struct recovery recovery = {.context = context, .status = BL_OK, .why = why};

	device_each(context->store, recover_device, &recovery);
	*out_finished = recovery.finished;
	return recovery.status;
}
