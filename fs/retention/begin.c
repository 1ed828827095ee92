/* What every kind begins and ends with: INTENT; the customer's record, the certificate, DONE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/device/matters.h"
#include "fs/device/statement.h"
#include "fs/retention/clock-host.h"
#include "fs/retention/fields.h"
#include "fs/retention/private.h"

/* ---- why, who, when ------------------------------------------------------------------------------- */

/* What @by asked others to agree to, and they had agreed to when it was permitted at @at_unix. */
static size_t agreed(const struct device_request *request, uid_t by, int64_t at_unix,
		     uid_t out[DEVICE_APPROVALS])
{
	size_t count = 0;

	if (request->action != ACTION_SHRED || request->by != by || request->is_refused)
		return 0;
	for (size_t i = 0; i < request->approval_count; i++)
		if (request->approvals[i].since_unix <= at_unix)
			out[count++] = request->approvals[i].by;
	return count;
}

/* The request that the most agreed to, the last one of these. */
static void take_request(struct journal *journal, const struct device_facts *facts, int64_t at_unix)
{
	for (size_t i = 0; i < facts->request_count; i++) {
		const struct device_request *request = &facts->requests[i];
		uid_t givers[DEVICE_APPROVALS];
		size_t count = agreed(request, journal->by, at_unix, givers);

		if (!count || count < journal->approval_count)
			continue;
		journal->request = request->number;
		journal->approval_count = count;
		memcpy(journal->approvals, givers, count * sizeof(*givers));
	}
}

/*
 * Nobody is let shred anything early without a reason: a part at once, a whole device once nothing keeps it any more. The
 * facts that say who asked, and who agreed, go with the device.
 */
static void describe_asking(struct shred *shred, const struct retention_plan *plan)
{
	const struct retention_context *context = shred->context;
	struct journal *journal = &shred->journal;
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	bool is_part = journal->kind == SHRED_PART;
	/* Of a part: just now, by the clock that approvals are given by. */
	int64_t at_unix = context->now.access_unix;

	journal->by = context->by;
	journal->has_reason = is_part && !plan; /* an entry has none of its own */
	if (device_facts_read(context->store, shred->device.id, &facts, NULL) != BL_OK)
		return;
	if (plan && !is_part && facts->early_shred_unix &&
	    facts->early_shred_unix <= plan->due_unix) {
		at_unix = facts->early_shred_unix;
		if (facts->early_shred_by != UINT32_MAX)
			journal->by = facts->early_shred_by;
		journal->has_reason = true;
	}
	if (journal->has_reason)
		take_request(journal, facts, at_unix);
}

void shred_describe(struct shred *shred, const struct retention_plan *plan)
{
	const struct retention_context *context = shred->context;
	struct journal *journal = &shred->journal;

	journal->step = STEP_INTENT;
	if (plan) {
		memcpy(journal->entry, plan->entry, sizeof(journal->entry));
		journal->due_unix = plan->due_unix;
	}
	memcpy(journal->policy_digest, policy_digest(context->policy), DIGEST);
	journal->policy_serial = policy_serial(context->policy);
	journal->begun_unix = context->now.trusted_unix;
	journal->begun_boot_ms = shred->entry_ms;
	host_boot_id(journal->boot_id);
	describe_asking(shred, plan);
}

/* ---- INTENT ----------------------------------------------------------------------------------------- */

static bool is_whole(const struct shred *shred)
{
	return shred->journal.kind == SHRED_PLAIN || shred->journal.kind == SHRED_SEALED;
}

/* The journal first: when the log says INTENT, recovery must find it. */
static enum bl_status write_intent(struct shred *shred, struct bl_error *why)
{
	enum bl_status status =
		journal_save(shred->context->store, shred->device.id, &shred->journal, why);

	/* After a failed append the journal stays: whether the event reached the disk after all, recovery asks. */
	if (status == BL_OK)
		status = events_intent(shred, &shred->journal.intent_sequence, why);
	return status;
}

/* The whole device takes no hold from here on. Of a part or the source a hold comes before INTENT, or is too late for it. */
enum bl_status step_intent(struct shred *shred, struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	const char *id = shred->device.id;
	enum bl_status status = is_whole(shred) ? device_shred_begin(store, id, why)
						: device_part_begin(store, id, why);

	if (status != BL_OK)
		return status;
	status = write_intent(shred, why);
	if (!is_whole(shred))
		device_part_begun(store, id);
	/* Where the journal stays, the event may have reached the disk: a hold could come too late, and recovery says whether it would. */
	else if (status != BL_OK && !journal_is_there(store, id, shred->journal.kind))
		device_shred_abandon(store, id);
	return status;
}

enum bl_status step_customer(struct shred *shred, struct bl_error *why)
{
	return device_forget_customer(shred->context->store, shred->device.id, why);
}

/* ---- the certificate ------------------------------------------------------------------------------------ */

static int64_t wall_now(void)
{
	int64_t wall_unix, boot_ms;

	clock_read(&wall_unix, &boot_ms);
	return wall_unix;
}

/* What was given is when this run took it up: it may have been at it for hours. */
static int64_t now_of(const struct shred *shred)
{
	return shred->context->now.trusted_unix + (host_boot_ms() - shred->entry_ms) / 1000;
}

static void suffix_of(const struct shred *shred, const char *ending, char out[32])
{
	certificate_suffix(shred->journal.kind, shred->journal.number, ending, out);
}

static enum bl_status make_json(struct shred *shred, char **out_json, struct bl_error *why)
{
	struct certificate_time time = {
		.done_unix = now_of(shred),
		.wall_unix = wall_now(),
		.done_boot_ms = host_boot_ms(),
		.is_synchronised = host_is_synchronised(),
		.has_source =
			certificate_of_source(shred->context->store, shred->device.id) == BL_OK,
	};

	host_boot_id(time.boot_id);
	return certificate_make(shred->context->store, &shred->device, &shred->journal, &time,
				out_json, why);
}

/* One that is there already is kept: the DONE event may name its digest. */
static enum bl_status write_json(struct shred *shred, char **out_json, size_t *out_length,
				 struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	const char *id = shred->device.id;
	BL_CLEANUP(bl_free) char *json = NULL;
	char suffix[32];
	size_t length = 0;

	suffix_of(shred, ".json", suffix);

	enum bl_status status = device_certificate_read(store, id, suffix, &json, &length, why);
	bool is_there =
		status == BL_OK && certificate_is_of(store, id, &shred->journal, json, length);

	if (status != BL_OK && status != BL_NOT_FOUND)
		return status;
	if (!is_there) {
		free(BL_TAKE(json));
		status = make_json(shred, &json, why);
		if (status != BL_OK)
			return status;
		length = strlen(json);
		status = device_certificate_write(store, id, suffix, json, length, why);
	}
	if (status != BL_OK)
		return status;
	*out_json = BL_TAKE(json);
	*out_length = length;
	return BL_OK;
}

enum bl_status step_certificate(struct shred *shred, struct bl_error *why)
{
	static const struct {
		const char *ending;
		enum retention_page page;
	} PAGES[] = {{".txt", RETENTION_TEXT}, {".html", RETENTION_HTML}};
	struct device_store *store = shred->context->store;
	BL_CLEANUP(bl_free) char *json = NULL;
	size_t length = 0;
	enum bl_status status = write_json(shred, &json, &length, why);

	for (size_t i = 0; i < BL_COUNT(PAGES) && status == BL_OK; i++) {
		BL_CLEANUP(bl_free) char *page = NULL;
		char suffix[32];

		suffix_of(shred, PAGES[i].ending, suffix);
		/* Whatever is wrong with it is found now, not by whoever has to rely on it. */
		status = retention_certificate_verify(json, length,
						      vault_public_key(device_store_vault(store)),
						      PAGES[i].page, &page, why);
		if (status == BL_OK)
			status = device_certificate_write(store, shred->device.id, suffix, page,
							  strlen(page), why);
	}
	return status;
}

/* ---- DONE ------------------------------------------------------------------------------------------------ */

static enum bl_status read_json(const struct shred *shred, char **out_json, uint8_t out[DIGEST],
				struct bl_error *why)
{
	char suffix[32];
	size_t length;

	suffix_of(shred, ".json", suffix);

	enum bl_status status = device_certificate_read(shred->context->store, shred->device.id,
							suffix, out_json, &length, why);

	if (status == BL_OK)
		crypto_generichash(out, DIGEST, (const uint8_t *)*out_json, length, NULL, 0);
	return status;
}

/* What else was begun of this device ends with it. The source of an intake that never ended is nobody's to destroy. */
static enum bl_status end_others(struct shred *shred, const uint8_t digest[DIGEST],
				 struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	const char *id = shred->device.id;
	enum bl_status status = BL_OK;

	if (journal_is_there(store, id, SHRED_PART)) {
		status = events_part_over(shred, digest, why);
		/* The log may have no room for it any more: the destruction itself comes first. */
		if (status == BL_OK || status == BL_LOG_BROKEN)
			status = journal_remove(store, id, SHRED_PART, why);
	}
	if (status == BL_OK && !shred->journal.is_complete && shred->journal.kind == SHRED_SEALED)
		status = journal_remove(store, id, SHRED_SOURCE, why);
	return status;
}

/* "2026-07-01T10:00:00Z", as a certificate has it */
static bool parse_utc(const char *text, int64_t *out_unix)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (!end || *end)
		return false;
	*out_unix = timegm(&tm);
	return true;
}

/*
 * When it ended, for whoever draws a sample of that time. What an earlier run wrote down stands; where it told the log and died,
 * it was when its certificate says that it was done: now may be another month.
 */
static int64_t ended_at(const struct shred *shred, const char *json, const uint8_t digest[DIGEST],
			bool is_told)
{
	const struct device_end *end = &shred->device.end;
	JSON_CLEANUP json_t *certificate = is_told ? json_loads(json, 0, NULL) : NULL;
	int64_t at_unix;

	if (end->at_unix && memcmp(end->certificate, digest, DIGEST) == 0)
		return end->at_unix;
	return parse_utc(statement_text(certificate, "when", "done"), &at_unix) ? at_unix
										: now_of(shred);
}

static enum bl_status write_end(const struct shred *shred, int64_t at_unix,
				const uint8_t digest[DIGEST], struct bl_error *why)
{
	struct device_end end = {.at_unix = at_unix, .by = shred->journal.by};

	memcpy(end.certificate, digest, DIGEST);
	return device_set_end(shred->context->store, shred->device.id, &end, why);
}

/*
 * What the customer asked for is done now, if the certificate proves it; else it stays open, and late, until somebody has told them. A journal
 * is there until all of these are ended.
 */
static enum bl_status end_requests(const struct shred *shred, int64_t at_unix,
				   const uint8_t digest[DIGEST], struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	const char *id = shred->device.id;
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status;

	if (!certificate_is_erased(&shred->journal))
		return BL_OK;
	status = device_matters_read(store, id, &matters, why);
	/* The destruction itself comes first: what cannot be read would keep it from ever ending. */
	if (status == BL_TAMPERED)
		return BL_OK;
	for (size_t i = 0; status == BL_OK && i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		if (request->kind != CUSTOMER_ERASE || request->state != CUSTOMER_OPEN)
			continue;
		status = device_customer_request_end(store, id, request->number, CUSTOMER_DONE,
						     UINT32_MAX, at_unix, digest, why);
		if (status == BL_EXISTS) /* ended by somebody meanwhile */
			status = BL_OK;
	}
	return status;
}

/* The record of a whole device, to its end. Every step of it can be done again. */
static enum bl_status end_device(struct shred *shred, int64_t at_unix, const uint8_t digest[DIGEST],
				 struct bl_error *why)
{
	enum bl_status status = end_others(shred, digest, why);

	if (status == BL_OK)
		status = write_end(shred, at_unix, digest, why);
	if (status == BL_OK)
		status = end_requests(shred, at_unix, digest, why);
	if (status == BL_OK)
		status = device_set_state(shred->context->store, shred->device.id, STATE_SHREDDED,
					  at_unix, why);
	return status;
}

/* What an entry with `paths` wanted is done, and not again, also when a crash came in between. */
static enum bl_status carry_entry(const struct shred *shred, struct bl_error *why)
{
	const struct journal *journal = &shred->journal;

	if (!*journal->entry)
		return BL_OK;
	return device_part_carry(shred->context->store, shred->device.id, journal->entry,
				 journal->patterns, journal->due_unix, why);
}

enum bl_status step_done(struct shred *shred, struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	BL_CLEANUP(bl_free) char *json = NULL;
	uint8_t digest[DIGEST];
	bool is_told = false;
	uint64_t sequence;
	enum bl_status status = read_json(shred, &json, digest, why);

	if (status == BL_OK && shred->is_resumed)
		status = events_find(shred, true, &is_told, &sequence, why);
	if (status == BL_OK && !is_told)
		status = events_done(shred, digest, why);
	if (status == BL_OK)
		status = audit_checkpoint(shred->context->audit, why);
	if (status == BL_OK && is_whole(shred))
		status = end_device(shred, ended_at(shred, json, digest, is_told), digest, why);
	if (status == BL_OK && shred->journal.kind == SHRED_PART)
		status = carry_entry(shred, why);
	if (status == BL_OK)
		status = journal_remove(store, shred->device.id, shred->journal.kind, why);
	return status;
}
