/* What the log says of a destruction: it decides what was begun and what is done. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/retention/private.h"

static const struct {
	enum audit_op intent, done;
} OPS[SHRED_KIND_COUNT] = {
	[SHRED_PLAIN] = {AUDIT_SHRED_INTENT, AUDIT_SHRED_DONE},
	[SHRED_SEALED] = {AUDIT_SHRED_INTENT, AUDIT_SHRED_DONE},
	[SHRED_SOURCE] = {AUDIT_SOURCE_INTENT, AUDIT_SOURCE_DONE},
	[SHRED_PART] = {AUDIT_PART_INTENT, AUDIT_PART_DONE},
};

static enum bl_status scan(const struct shred *shred, audit_record_fn *tell, void *context,
			   struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = device_store_log(shred->context->store, &fd, why);

	return status == BL_OK ? audit_scan(fd, tell, context, why) : status;
}

struct search {
	const char *id;
	enum audit_op op;
	uint64_t number; /* of a part; else 0 */
	bool is_found;
	uint64_t sequence;
};

static bool look_at_record(void *context, const struct audit_record *record)
{
	struct search *search = context;

	/* Ids are never given again, nor numbers of parts, so the first such event is the only one. */
	if (record->event.op == search->op && strcmp(record->event.device, search->id) == 0 &&
	    record->event.handle == search->number) {
		search->is_found = true;
		search->sequence = record->sequence;
	}
	return !search->is_found;
}

enum bl_status events_find(const struct shred *shred, bool is_done, bool *out_is_there,
			   uint64_t *out_sequence, struct bl_error *why)
{
	enum shred_kind kind = shred->journal.kind;
	struct search search = {
		.id = shred->device.id,
		.op = is_done ? OPS[kind].done : OPS[kind].intent,
		.number = shred->journal.number,
	};
	enum bl_status status = scan(shred, look_at_record, &search, why);

	*out_is_there = search.is_found;
	if (search.is_found)
		*out_sequence = search.sequence;
	return status;
}

static enum bl_status append(const struct shred *shred, enum audit_op op, uint64_t number,
			     enum audit_verdict verdict, const char *detail, uint64_t *out_sequence,
			     struct bl_error *why)
{
	const struct journal *journal = &shred->journal;
	struct audit_event event = {
		.op = op,
		.verdict = verdict,
		.uid = journal->by,
		.gid = UINT32_MAX,
		.pid = UINT32_MAX,
		.login_uid = UINT32_MAX,
		.policy_serial = journal->policy_serial,
		.bytes = journal->size,
		.handle = number,
	};

	memcpy(event.device, shred->device.id, sizeof(event.device));
	memcpy(event.rule, journal->entry, sizeof(event.rule));
	snprintf(event.detail, sizeof(event.detail), "%s", detail);
	return audit_append(shred->context->audit, &event, out_sequence, why);
}

enum bl_status events_intent(const struct shred *shred, uint64_t *out_sequence,
			     struct bl_error *why)
{
	const struct journal *journal = &shred->journal;
	char hex[HEX_SIZE(DIGEST)], detail[AUDIT_DETAIL_SIZE];

	snprintf(detail, sizeof(detail), "policy %s",
		 sodium_bin2hex(hex, sizeof(hex), journal->policy_digest, DIGEST));
	return append(shred, OPS[journal->kind].intent, journal->number, AUDIT_PERMITTED, detail,
		      out_sequence, why);
}

enum bl_status events_done(const struct shred *shred, const uint8_t certificate[DIGEST],
			   struct bl_error *why)
{
	const struct journal *journal = &shred->journal;
	const char *words = certificate_status(journal);
	char hex[HEX_SIZE(DIGEST)], detail[AUDIT_DETAIL_SIZE];
	uint64_t sequence;

	snprintf(detail, sizeof(detail), "%s certificate %s", words,
		 sodium_bin2hex(hex, sizeof(hex), certificate, DIGEST));
	return append(shred, OPS[journal->kind].done, journal->number,
		      certificate_is_erased(journal) ? AUDIT_PERMITTED : AUDIT_FAILED_VERDICT,
		      detail, &sequence, why);
}

/* ---- parts ---------------------------------------------------------------------------------------- */

struct parts {
	const char *id;
	uint64_t begun,
		done; /* the greatest number of each: a part begins when the one before is done */
};

static bool count_part(void *context, const struct audit_record *record)
{
	struct parts *parts = context;

	if (strcmp(record->event.device, parts->id) != 0)
		return true;
	if (record->event.op == AUDIT_PART_INTENT)
		parts->begun = BL_MAX(parts->begun, record->event.handle);
	if (record->event.op == AUDIT_PART_DONE)
		parts->done = BL_MAX(parts->done, record->event.handle);
	return true;
}

enum bl_status events_parts(const struct shred *shred, uint32_t *out_number, struct bl_error *why)
{
	struct parts parts = {.id = shred->device.id};
	enum bl_status status = scan(shred, count_part, &parts, why);

	*out_number = (uint32_t)BL_MIN(parts.begun, (uint64_t)UINT32_MAX - 1);
	return status;
}

enum bl_status events_part_over(const struct shred *shred, const uint8_t certificate[DIGEST],
				struct bl_error *why)
{
	struct parts parts = {.id = shred->device.id};
	char hex[HEX_SIZE(DIGEST)], detail[AUDIT_DETAIL_SIZE];
	uint64_t sequence;
	enum bl_status status = scan(shred, count_part, &parts, why);

	if (status != BL_OK || parts.begun <= parts.done)
		return status;
	snprintf(detail, sizeof(detail), "ended by the destruction of the device, certificate %s",
		 sodium_bin2hex(hex, sizeof(hex), certificate, DIGEST));
	return append(shred, AUDIT_PART_DONE, parts.begun, AUDIT_FAILED_VERDICT, detail, &sequence,
		      why);
}
