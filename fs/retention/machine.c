/* One machine for every kind: a table of steps each, and what is written down between them. */
#include <sodium.h>
#include <stdlib.h>

#include "fs/retention/private.h"

struct step {
	enum retention_step name;
	shred_step_fn *run;
	bool is_kept; /* the journal is written behind it: what it found out, or undid, cannot be found out again */
};

static const struct step PLAIN[] = {
	{STEP_INTENT, step_intent, true},
	{STEP_OVERWRITE, step_overwrite, true},
	{STEP_SYNC, step_sync, true},
	{STEP_VERIFY, step_verify_files, true},
	{STEP_PUNCH, step_punch, true},
	{STEP_UNLINK, step_unlink_files, true},
	{STEP_KEYS, step_keys, true},
	{STEP_CUSTOMER, step_customer, false},
	{STEP_CERTIFICATE, step_certificate, true},
	{STEP_DONE, step_done, false},
};

/*
 * Each writing of the journal is two syncs. Up to `try` everything can be done again from the start, since the log says that it
 * began; the try itself cannot be once the header is wiped.
 */
static const struct step SEALED[] = {
	{STEP_INTENT, step_intent, false},	{STEP_KEYS, step_keys, false},
	{STEP_VERIFY, step_keys_proven, false}, {STEP_TRY, step_try, true},
	{STEP_WIPE, step_wipe, true},		{STEP_UNLINK, step_unlink_sealed, false},
	{STEP_CUSTOMER, step_customer, false},	{STEP_CERTIFICATE, step_certificate, true},
	{STEP_DONE, step_done, false},
};

static const struct step SOURCE[] = {
	{STEP_INTENT, step_intent, true},
	{STEP_OVERWRITE, step_overwrite, true},
	{STEP_SYNC, step_sync, true},
	{STEP_VERIFY, step_verify_files, true},
	{STEP_PUNCH, step_punch, true},
	{STEP_UNLINK, step_unlink_files, true},
	{STEP_CERTIFICATE, step_certificate, true},
	{STEP_DONE, step_done, false},
};

static const struct step PART[] = {
	{STEP_INTENT, step_intent, false}, {STEP_PREPARE, step_prepare, false},
	{STEP_COMMIT, step_commit, true},  {STEP_FINISH, step_finish, true},
	{STEP_CHECK, step_check, false},   {STEP_CERTIFICATE, step_certificate, true},
	{STEP_DONE, step_done, false},
};

static const struct machine {
	const struct step *steps;
	size_t count;
} MACHINES[SHRED_KIND_COUNT] = {
	[SHRED_PLAIN] = {PLAIN, BL_COUNT(PLAIN)},
	[SHRED_SEALED] = {SEALED, BL_COUNT(SEALED)},
	[SHRED_SOURCE] = {SOURCE, BL_COUNT(SOURCE)},
	[SHRED_PART] = {PART, BL_COUNT(PART)},
};

/* Index of @name, or the count. */
static size_t place_of(const struct machine *machine, enum retention_step name)
{
	size_t at = 0;

	while (at < machine->count && machine->steps[at].name != name)
		at++;
	return at;
}

bool machine_has(enum shred_kind kind, enum retention_step step)
{
	return place_of(&MACHINES[kind], step) < MACHINES[kind].count;
}

enum retention_step machine_after(enum shred_kind kind, enum retention_step step)
{
	const struct machine *machine = &MACHINES[kind];
	size_t at = place_of(machine, step) + 1;

	return at < machine->count ? machine->steps[at].name : STEP_DONE;
}

static enum bl_status save(const struct shred *shred, struct bl_error *why)
{
	return journal_save(shred->context->store, shred->device.id, &shred->journal, why);
}

static enum bl_status run_one(struct shred *shred, const struct step *step, struct bl_error *why)
{
	const struct retention_context *context = shred->context;

	if (context->on_step)
		context->on_step(context->step_context, shred->device.id, step->name);
	return step->run(shred, why);
}

enum bl_status machine_run(struct shred *shred, struct bl_error *why)
{
	const struct machine *machine = &MACHINES[shred->journal.kind];
	size_t at = place_of(machine, shred->journal.step);
	bool is_written = true;

	for (; at < machine->count; at++) {
		const struct step *step = &machine->steps[at];
		enum bl_status status = run_one(shred, step, why);

		if (status == BL_OK && step->name != STEP_DONE) {
			shred->journal.step = machine_after(shred->journal.kind, step->name);
			is_written = step->is_kept;
			if (is_written)
				status = save(shred, why);
		}
		if (status == BL_OK)
			continue;
		/* The log may have forgotten its INTENT by the time that this can go on: then the journal knows. */
		if (!is_written)
			(void)!save(shred, NULL);
		bl_explain(why, "destroying '%s' (%s)", shred->device.id,
			   retention_step_name(step->name));
		return status;
	}
	return BL_OK;
}

void shred_init(struct shred *shred, const struct retention_context *context, enum shred_kind kind)
{
	*shred = (struct shred){
		.context = context,
		.folder = -1,
		.journal = {.kind = kind},
		.entry_ms = host_boot_ms(),
	};
}

void shred_done(struct shred *shred)
{
	fd_close(shred->folder);
	journal_done(&shred->journal);
	sodium_free(shred->root);
	sodium_free(shred->fresh);
}
