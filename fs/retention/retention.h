/* retention.h - due dates, destruction and its proof */
#ifndef FS_RETENTION_RETENTION_H
#define FS_RETENTION_RETENTION_H

#include "fs/audit/audit.h"
#include "fs/device/device.h"
#include "policy/base.h"
#include "policy/rules/rules.h"

struct retention_plan {
	int64_t due_unix;
	int64_t notice_unix;	     /* from then on the date is to be told of */
	char entry[BL_RULE_ID_SIZE]; /* the retention entry that decided, or builtin/longest */
	bool is_held;		     /* a hold stops it */
	bool is_due;		     /* due_unix <= now and not shredded or released */
	bool is_unsure; /* its facts could not be read: the date may be nearer, it is never further away */
};

/*
 * retention_plan_of - one device's date under @policy, at @now
 *
 * @store  its facts are read from here (last look, withdrawn consent, early shred); kept in memory after the first time
 */
void retention_plan_of(struct device_store *store, const struct policy *policy,
		       const struct device *device, int64_t now_unix,
		       struct retention_plan *out_plan);

/* retention_next - the first instant after @now at which any device becomes due; INT64_MAX: none */
int64_t retention_next(struct device_store *store, const struct policy *policy, int64_t now_unix);

/*
 * Shredding one plain source. The steps, in order; the journal ("shred" in the device's folder) says how far
 * a shred is, every step is idempotent, and retention_recover replays every INTENT without DONE:
 *
 *   INTENT event, journal ► overwrite in place (random), sync ► read back below the page cache ►
 *   punch, truncate, unlink, sync of the folder ► keys and customer record destroyed ► certificate ► DONE event
 */
enum retention_step {
	STEP_INTENT,
	STEP_OVERWRITE,
	STEP_SYNC,
	STEP_VERIFY,
	STEP_PUNCH,
	STEP_UNLINK,
	STEP_KEYS,
	STEP_CERTIFICATE,
	STEP_DONE,
	STEP_COUNT
};
const char *retention_step_name(enum retention_step step);

struct retention_context {
	struct device_store *store;
	struct audit *audit;
	const struct policy *policy;
	int64_t now_unix;
	uid_t by; /* who asked; UINT32_MAX: the keeper */
	/* Progress and fault injection: called before each step; may be NULL. */
	void (*on_step)(void *context, const char *device, enum retention_step step);
	void *step_context;
};

/*
 * retention_check_source - may this image be destroyed here, truthfully?
 *
 * Refuses (BL_UNSUPPORTED, says which and the way out) directories, block devices, files with other hard links,
 * reflinked or shared extents, and filesystems where an in-place overwrite leaves the old bytes (anything but ext2/3/4
 * not data=journal, xfs): measured in docs/format-vault. Called at enrolment with --destroy-when-due and again before INTENT.
 */
enum bl_status retention_check_source(int fd, struct bl_error *why) BL_MUST_CHECK;

/*
 * retention_shred - destroy one device now; it must be due, not held, and enrolled with destroy_when_due
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

/*
 * retention_certificate_verify - is this certificate (JSON bytes) genuine and whole?
 *
 * Offline: only @public_key. BL_OK, BL_TAMPERED (signature), BL_INVALID (not a certificate).
 * @out_text  a page for people, owned by the caller (free); may be NULL
 */
enum bl_status retention_certificate_verify(const char *json, size_t length,
					    const uint8_t public_key[VAULT_PUBLIC_KEY],
					    char **out_text, struct bl_error *why) BL_MUST_CHECK;

#endif
