/* sample.h - looking again at destructions, by somebody else: docs/retention.md, "Independent verification" */
#ifndef FS_RETENTION_SAMPLE_H
#define FS_RETENTION_SAMPLE_H

#include "fs/audit/audit.h"
#include "fs/device/device.h"
#include "policy/rules/rules.h"

#define SAMPLE_PERIOD 8 /* "2026-07", with NUL */

/* sample_period - the month of the policy's zone that @at_unix lies in; sample_parse - is it one? With its first instant and the next month's */
void sample_period(const struct policy *policy, int64_t at_unix, char out[SAMPLE_PERIOD]);
bool sample_parse(const struct policy *policy, const char *text, int64_t *out_from_unix,
		  int64_t *out_until_unix);
/* sample_number - what a device's place in the draw is decided by (docs/retention.md); pure */
uint64_t sample_number(const uint8_t store_id[16], const char *period, const char *device);

struct sample_item {
	char device[BL_DEVICE_ID_SIZE];
	uint64_t number;
	int64_t ended_unix;
	struct device_verified verified;
};
struct sample {
	char period[SAMPLE_PERIOD];
	unsigned percent;
	bool is_over;		   /* the period */
	size_t shreds;		   /* of the period */
	size_t count, missing;	   /* drawn; of these not verified, or found bad */
	struct sample_item *items; /* by number */
};
/*
 * sample_draw - who is to be looked at of a period
 *
 * @percent  1..100. BL_OK (also when nothing was shredded: count 0), BL_INVALID (no period), BL_NO_MEMORY. sample_done is due
 */
enum bl_status sample_draw(struct device_store *store, const struct policy *policy,
			   const char *period, unsigned percent, int64_t now_unix,
			   struct sample *out_sample, struct bl_error *why) BL_MUST_CHECK;
void sample_done(struct sample *sample);
/*
 * sample_missing - every period that is over and lacks verifications by the policy's own percent; none without `proof: verify`
 *
 * One pass over the devices. @tell's sample is borrowed; false: stop
 */
enum bl_status sample_missing(struct device_store *store, const struct policy *policy,
			      int64_t now_unix,
			      bool (*tell)(void *context, const struct sample *sample),
			      void *context, struct bl_error *why) BL_MUST_CHECK;

/* What was looked at, in order; the first that fails is what is said. */
enum sample_check { SAMPLE_CERTIFICATE, SAMPLE_EVENT, SAMPLE_KEYS, SAMPLE_IMAGE, SAMPLE_GOOD };
const char *sample_check_name(enum sample_check check); /* "its certificate does not verify" */

/*
 * sample_verify - look again at one destruction, and write down what was found: ID~verified.json, signed, and in the record
 *
 * The event (AUDIT_VERIFIED) is the caller's, before: @by is checked first by sample_may.
 * @out_check  SAMPLE_GOOD, or what is wrong. BL_OK in both cases; BL_NOT_FOUND, BL_INVALID (not shredded), BL_IO, BL_NO_MEMORY.
 */
enum bl_status sample_verify(struct device_store *store, int log_fd, const char *id, uid_t by,
			     int64_t now_unix, enum sample_check *out_check,
			     struct bl_error *why) BL_MUST_CHECK;
/* sample_may - BL_FORBIDDEN: they asked for that destruction, or agreed to it (the certificate says so), or put the customer's request to erase on record */
enum bl_status sample_may(struct device_store *store, const char *id, uid_t by,
			  struct bl_error *why) BL_MUST_CHECK;

#endif
