/* life.h - a device's life as clients are told of it: its record, its matters, what is overdue. Private to fs/daemon. */
#ifndef FS_DAEMON_LIFE_H
#define FS_DAEMON_LIFE_H

#include "fs/daemon/asked.h"
#include "fs/device/matters.h"

/* life_permit - may the peer look after the device that the request names? */
enum bl_status life_permit(struct asked *asked, struct device *out_device,
			   struct bl_error *why) BL_MUST_CHECK;
/*
 * life_tell - something of the device that the request names, or of all: permitted, an event (@what), then told one by one
 *
 * What cannot be read of one of them is the failure of all at last, when the others are told.
 */
typedef enum bl_status life_tell_fn(struct asked *asked, const struct policy *policy,
				    const struct device *device, struct bl_error *why);
enum bl_status life_tell(struct asked *asked, const char *what, life_tell_fn *tell,
			 struct bl_error *why) BL_MUST_CHECK;

/* life_log - an event of incident or request @number: "@what: @kind" */
enum bl_status life_log(const struct asked *asked, enum audit_op op, const char *device,
			uint32_t number, const char *what, const char *kind,
			struct bl_error *why) BL_MUST_CHECK;
/* life_next - the number of the incident (NOTE_INCIDENT) or request (NOTE_REQUEST) that comes next; life_lock is held until it is there */
enum bl_status life_next(const struct asked *asked, const char *device, enum note_about about,
			 uint32_t *out_number, struct bl_error *why) BL_MUST_CHECK;
/*
 * life_by_others - is it somebody else than @by, who placed it, that takes a hold away? The store's owner can do all, on record
 *
 * BL_OK, BL_FORBIDDEN (an event, too), BL_LOG_BROKEN.
 */
enum bl_status life_by_others(struct asked *asked, enum audit_op op, const char *device, uid_t by,
			      struct bl_error *why) BL_MUST_CHECK;

/* life_events - the log from the event on by which the device became known; @tell is told of others in between, too */
enum bl_status life_events(struct asked *asked, const struct device *device, audit_record_fn *tell,
			   void *context, struct bl_error *why) BL_MUST_CHECK;

/* life_is_custody - is it an event of the custody chain (docs/retention.md, "Custody")? */
bool life_is_custody(enum audit_op op);
/* life_facts - all that is on record of the device, but its notes and its custody chain, into the answer: what device-show tells */
enum bl_status life_facts(struct asked *asked, const struct policy *policy,
			  const struct device *device, struct bl_error *why) BL_MUST_CHECK;

/* How near a deadline is: half of the time is over, or all of it. */
enum life_warning { LIFE_QUIET, LIFE_SOON, LIFE_LATE };
const char *life_warning_name(enum life_warning warning); /* "" "soon" "late" */
enum life_warning life_incident_warning(const struct device_incident *incident, int64_t now_unix);
enum life_warning life_request_warning(const struct device_customer_request *request,
				       int64_t now_unix);

/* When a hold is to be reviewed, by the policy (0: never), and what it is overdue for: "review", "longest" or "". */
int64_t life_review_by(const struct policy *policy, const struct device_hold *hold);
const char *life_hold_overdue(const struct policy *policy, const struct device_hold *hold,
			      int64_t now_unix);

/* The answers of docs/protocol.md; each owned by the caller. */
json_t *life_device(const struct asked *asked, const struct policy *policy,
		    const struct device *device);
json_t *life_incident(const struct policy *policy, const char *device,
		      const struct device_incident *incident, int64_t now_unix);
json_t *life_request(const struct policy *policy, const char *device,
		     const struct device_customer_request *request, int64_t now_unix);
/* life_notes - one by one, {"note": ...}. @about -1: all of them; else those of that matter (0: of none) */
enum bl_status life_notes(struct asked *asked, const struct policy *policy, const char *device,
			  int about, uint32_t matter, struct bl_error *why) BL_MUST_CHECK;

/* life_summary - what somebody has to look at: into the answer of `status` */
void life_summary(struct asked *asked, const struct policy *policy);

/* life_seen - who saw what of it, by the log: {"seen": ...} each */
enum bl_status life_seen(struct asked *asked, const struct policy *policy,
			 const struct device *device, struct bl_error *why) BL_MUST_CHECK;

/* life_check_restock - is it empty, known to be so since we destroyed what we held of it, and can both be shown? BL_FORBIDDEN, BL_NOT_VERIFIED */
enum bl_status life_check_restock(struct device_store *store, const struct device *device,
				  struct bl_error *why) BL_MUST_CHECK;

/* life_digest - 64 hex digits. BL_INVALID */
enum bl_status life_digest(const struct asked *asked, const char *key, uint8_t out[DEVICE_DIGEST],
			   struct bl_error *why) BL_MUST_CHECK;

#endif
