/* retention.h - due dates, destruction and its proof */
#ifndef FS_RETENTION_RETENTION_H
#define FS_RETENTION_RETENTION_H

#include "fs/audit/audit.h"
#include "fs/device/device.h"
#include "fs/vault/sealed.h"
#include "policy/base.h"
#include "policy/rules/rules.h"

#define RETENTION_GRACE INT64_C(86400) /* s: docs/retention.md, "Grace" */

/* Two times, never less the first (docs/retention.md, "Trusted time"). */
struct retention_now {
	int64_t access_unix;  /* for closing: clock_access */
	int64_t trusted_unix; /* for destroying: clock_trusted */
};

struct retention_plan {
	int64_t due_unix;
	char entry[BL_RULE_ID_SIZE]; /* the retention entry that decided, or builtin/longest */
	struct rules_due why;	     /* texts live as long as the policy */
	bool is_held;		     /* a hold stops it */
	bool is_due;  /* due by access time, and not shredded or released: closed from now on */
	bool is_ripe; /* due by trusted time too, and its grace is over: destroyed, unless held */
	bool is_unsure; /* its facts could not be read: the date may be nearer, it is never further away */
};

/*
 * retention_plan_of - one device's date under @policy, at @now
 *
 * @store  its facts are read from here (last look, withdrawn consent, early shred, the customer's request); kept in memory after the
 *         first time
 */
void retention_plan_of(struct device_store *store, const struct policy *policy,
		       const struct device *device, const struct retention_now *now,
		       struct retention_plan *out_plan);

/*
 * retention_edit_check - may a record that people change say that the device was received then?
 *
 * Whoever may put a record right may not destroy by it: of what brings a date nearer than RETENTION_GRACE, the device's or that of files in
 * it, BL_INVALID. BL_OK, BL_NOT_FOUND.
 */
enum bl_status retention_edit_check(struct device_store *store, const struct policy *policy,
				    const char *id, int64_t received_unix,
				    const struct retention_now *now,
				    struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_next - the first instant after @now at which any device, or part of one, becomes due or ripe, or a notice begins; INT64_MAX: none
 */
int64_t retention_next(struct device_store *store, const struct policy *policy,
		       const struct retention_now *now);

/*
 * retention_part_due - is there a part whose time has come? The first retention entry with `paths` that is ripe for this device and was not
 * carried out yet (docs/format-store.md, `parts`). False: none
 *
 * @index  where to begin, 0: with the first; becomes that of the entry, for rules_part_due and retention_entry_shred
 */
bool retention_part_due(struct device_store *store, const struct policy *policy,
			const struct device *device, const struct retention_now *now,
			size_t *index);
/*
 * retention_part_date - when would the files of entry @index be destroyed, by themselves? False: never, they were already, or the device has no
 * parts. For telling: holds and graces are not looked at
 */
bool retention_part_date(struct device_store *store, const struct policy *policy,
			 const struct device *device, size_t index, struct rules_part *out_part);
/* retention_part_carried - that entry, with these very paths, was carried out on this device (also when no file matched). Durable */
enum bl_status retention_part_carried(struct device_store *store, const struct policy *policy,
				      size_t index, const char *id,
				      struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_grace - @newer is about to take the place of @older: what it makes due now gets RETENTION_GRACE, what it does not loses it
 *
 * Before it is in force. Dates that are not the policy's idea have none. BL_OK, BL_IO, BL_NO_MEMORY: the first failure; all are tried
 */
enum bl_status retention_grace(struct device_store *store, const struct policy *older,
			       const struct policy *newer, const struct retention_now *now,
			       size_t *out_count, struct bl_error *why) BL_MUST_CHECK;

/*
 * Destruction, four kinds of one state machine (docs/format-certificate.md). A journal in the device's folder says how far each is, every
 * step is idempotent, and retention_recover replays every INTENT without DONE:
 *
 *   plain   INTENT ► overwrite in place, sync ► read back below the page cache ► punch, truncate, unlink ► keys and customer
 *           record destroyed ► certificate ► DONE                                                        journal "shred"
 *   sealed  INTENT ► keys overwritten in place ► read back from the medium ► try every key that is left ► wipe nodes and
 *           header, punch data ► unlink ► customer record ► certificate ► DONE                               "shred"
 *   source  of an intake, one file or several: as plain, without keys; certificate ID~source                 "shred-source"
 *   part    files inside a sealed image: INTENT ► prepare ► commit ► finish ► check ► certificate ID~part-N ► DONE   "shred-part" (sealed)
 */
enum retention_step {
	STEP_INTENT,
	STEP_OVERWRITE,
	STEP_SYNC,
	STEP_VERIFY,
	STEP_PUNCH,
	STEP_UNLINK,
	STEP_KEYS,
	STEP_TRY,
	STEP_WIPE,
	STEP_CUSTOMER,
	STEP_PREPARE,
	STEP_COMMIT,
	STEP_FINISH,
	STEP_CHECK,
	STEP_CERTIFICATE,
	STEP_DONE,
	STEP_COUNT
};
const char *retention_step_name(enum retention_step step);

struct retention_context {
	struct device_store *store;
	struct audit *audit;
	const struct policy *policy;
	struct retention_now now;
	uid_t by; /* who asked; UINT32_MAX: the keeper. A device that is destroyed early is so for who asked for that */
	const char *reader_path; /* parts: finds the files; may be NULL elsewhere */
	struct sealed_hot *hot;	 /* parts; borrowed */
	/* Progress and fault injection: called before each step; may be NULL. */
	void (*on_step)(void *context, const char *device, enum retention_step step);
	void *step_context;
};

/*
 * retention_source_prepare - from now on the source of @id's intake is to be destroyed; durable; nothing is touched yet
 *
 * Called by whoever holds the device's claim (device_shred_claim): the intake, before it is complete.
 * @fds  the source's files as the client opened them (O_RDWR); each is checked by medium_check_file, and known by path and identity
 * BL_OK, BL_UNSUPPORTED (as medium_check_file, names the file's number), BL_INVALID (moved away, no path), BL_IO.
 */
enum bl_status retention_source_prepare(const struct retention_context *context, const char *id,
					const int *fds, size_t count,
					struct bl_error *why) BL_MUST_CHECK;
/* retention_source_shred - destroy what was prepared; the device's intake is complete. BL_OK with a certificate (also when it was destroyed before), BL_NOT_VERIFIED (with one that says NOT_ERASED), BL_NOT_FOUND (nothing prepared),
 * BL_FORBIDDEN (a hold stands, or its intake is not complete), BL_IO (the journal stays), BL_LOG_BROKEN */
enum bl_status retention_source_shred(const struct retention_context *context, const char *id,
				      struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_part_shred - destroy the files of a sealed device that match any of @patterns (fs/image/choose.h), and nothing else
 *
 * The caller has closed every view of it, and keeps them closed until this returns. @out_number: of the part, for its certificate.
 * BL_OK; BL_NOT_FOUND (no such device, no file matches), BL_INVALID (not sealed or not complete, a pattern), BL_FORBIDDEN (held, due, shredded, kept), BL_UNSUPPORTED (image_find),
 * BL_TOO_LARGE (over 65,536 pieces), BL_TAMPERED, BL_IO (before PART_INTENT: nothing happened; after: finished by recover), BL_LOG_BROKEN.
 */
enum bl_status retention_part_shred(const struct retention_context *context, const char *id,
				    const char *const *patterns, size_t count, uint64_t *out_files,
				    uint32_t *out_number, struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_entry_shred - the same for the paths of retention entry @index of context->policy (retention_part_due); written down as carried
 * out, also when no file matches (then BL_OK, *out_number 0)
 */
enum bl_status retention_entry_shred(const struct retention_context *context, const char *id,
				     size_t index, uint64_t *out_files, uint32_t *out_number,
				     struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_shred - destroy one device now; it must be due, not held, and sealed or enrolled with destroy_when_due
 *
 * The caller has closed every view of it. BL_OK with a certificate; BL_FORBIDDEN (held, not due, not given
 * to us to destroy); BL_UNSUPPORTED; BL_IO (the journal stays: it is finished by the next recover, or the next
 * retention_shred of the device); BL_LOCKED (another thread is at it); BL_LOG_BROKEN (before INTENT: nothing was
 * touched); BL_NOT_FOUND, BL_TAMPERED (the image is gone, or another: nothing was touched). A device that is not
 * yet in state due is put there.
 */
enum bl_status retention_shred(const struct retention_context *context, const char *id,
			       struct bl_error *why) BL_MUST_CHECK;

/* retention_recover - finish every shred that was begun; at start, before any view opens */
enum bl_status retention_recover(const struct retention_context *context, size_t *out_finished,
				 struct bl_error *why) BL_MUST_CHECK;

/* retention_begun - what of this device has a journal: nothing, only the source of its intake, or its image */
enum retention_begun { RETENTION_NOTHING, RETENTION_SOURCE, RETENTION_IMAGE };
enum retention_begun retention_begun(struct device_store *store, const char *id);
/* retention_recover_device - the same of one device; of RETENTION_IMAGE the caller has closed every view. The first failure in @why */
enum bl_status retention_recover_device(const struct retention_context *context, const char *id,
					size_t *out_finished, struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_release - it becomes released (device_set_state), and nothing of it stays: its keys are destroyed, and what is sealed under them.
 *                     Durable, idempotent. What a crash leaves retention_revived ends
 */
enum bl_status retention_release(struct device_store *store, const char *id, int64_t at_unix,
				 struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_revived - destroy again the keys of devices that are shredded or released and have some: an older key file was put back
 *
 * At start, before any view opens; an event each. BL_OK, BL_IO, BL_LOG_BROKEN.
 */
enum bl_status retention_revived(const struct retention_context *context, size_t *out_count,
				 struct bl_error *why) BL_MUST_CHECK;

enum retention_page { RETENTION_TEXT, RETENTION_HTML };

/*
 * retention_is_erased - is there a certificate of this device's end that verifies, and does not say NOT_ERASED?
 *
 * BL_OK, BL_NOT_VERIFIED (with words).
 */
enum bl_status retention_is_erased(struct device_store *store, const char *id,
				   struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_certificate_verify - is this certificate (JSON bytes) genuine and whole?
 *
 * Offline: only @public_key. BL_OK, BL_TAMPERED (signature), BL_INVALID (not a certificate).
 * @out_page  a page for people, owned by the caller (free); may be NULL. HTML: whole, without scripts or anything from elsewhere
 */
enum bl_status retention_certificate_verify(const char *json, size_t length,
					    const uint8_t public_key[VAULT_PUBLIC_KEY],
					    enum retention_page page, char **out_page,
					    struct bl_error *why) BL_MUST_CHECK;

#endif
