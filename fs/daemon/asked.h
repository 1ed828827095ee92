/* asked.h - one request of a client while it is carried out: its values, its peer, its event, its answer */
#ifndef FS_DAEMON_ASKED_H
#define FS_DAEMON_ASKED_H

#include "fs/daemon/message.h"
#include "fs/daemon/state.h"

struct asked {
	struct daemon *daemon;
	const struct peer *peer;
	int fd; /* for answers before the last */
	const json_t *request;
	int passed_fd; /* the first; -1: none */
	const struct message_fds *fds;
	json_t *answer; /* to be filled */
	int answer_fd;	/* goes with the last answer; owned; -1: none */
	char rule[BL_RULE_ID_SIZE];
	bool is_client_gone;
};

/* Whose login a client's was: /proc/PID/loginuid; UINT32_MAX: unset, or not known */
uint32_t asked_login_uid(const struct asked *asked);

/* Values of the request; checked against the table's types before. Absent: NULL, false, @absent. */
const char *asked_text(const struct asked *asked, const char *key);
bool asked_flag(const struct asked *asked, const char *key);
int64_t asked_number(const struct asked *asked, const char *key, int64_t absent);

void answer_text(json_t *object, const char *key, const char *value);
void answer_number(json_t *object, const char *key, int64_t value);

/* The device that the request names. BL_INVALID, BL_NOT_FOUND */
enum bl_status asked_device(const struct asked *asked, struct device *out_device,
			    struct bl_error *why) BL_MUST_CHECK;

/* An event of the request, with the rule that let it through or not. Durable when this returns BL_OK. */
enum bl_status asked_log(const struct asked *asked, enum audit_op op, const char *device,
			 const char *detail, enum bl_status outcome,
			 struct bl_error *why) BL_MUST_CHECK;

/*
 * The event went first; when the thing did not come about (@status) the log says that too, or it would tell of holds that
 * are none.
 */
void asked_undone(const struct asked *asked, enum audit_op op, const char *device,
		  enum bl_status status);

/* May the peer? A refusal is an event too; so is a log that cannot take one. By role: owning the store does not help. */
enum bl_status asked_permit(struct asked *asked, enum bl_action action, const struct device *device,
			    struct bl_error *why) BL_MUST_CHECK;
enum bl_status asked_permit_by_role(struct asked *asked, enum bl_action action,
				    const struct device *device,
				    struct bl_error *why) BL_MUST_CHECK;
/* Of a device that is not there yet. */
enum bl_status asked_permit_intake(struct asked *asked, const struct device *device,
				   struct bl_error *why) BL_MUST_CHECK;
/* A device that is not there yet, as the request describes it. BL_INVALID */
enum bl_status asked_new_device(const struct asked *asked, struct device *out_device,
				struct bl_error *why) BL_MUST_CHECK;
/* asked_enroll - make it known, with its event and its `record`; a device that is due already is closed at once */
enum bl_status asked_enroll(struct asked *asked, struct device *device, const char *detail,
			    struct bl_error *why) BL_MUST_CHECK;
/* asked_step - tell the client of a step of a destruction; @context is the struct asked */
void asked_step(void *context, const char *device, enum retention_step step);
/* May the peer do any of these, of devices in general, or of the one that the request names? What is refused is told of the last. */
enum bl_status asked_permit_any(struct asked *asked, const enum bl_action *actions, size_t count,
				struct bl_error *why) BL_MUST_CHECK;
enum bl_status asked_permitted_any(struct asked *asked, const enum bl_action *actions, size_t count,
				   struct device *out_device, struct bl_error *why) BL_MUST_CHECK;
/* "@key": in the policy's zone, null for 0; "@key_unix" */
void answer_moment(json_t *object, const char *key, const struct policy *policy, int64_t at_unix);
/* @bytes as hex digits; NULL: no memory */
json_t *hex_json(const uint8_t *bytes, size_t length);
/* A text in pieces: {"text": "..."} */
void asked_send_text(struct asked *asked, const char *text, size_t length);
/* asked_goes_on - for what may take long: is there somebody to tell more, and are we not about to stop? Else no last answer comes either */
bool asked_goes_on(struct asked *asked);
/* An answer before the last: {"@name": item}. Takes @item. */
void asked_send(struct asked *asked, const char *name, json_t *item);
/* The date of a device, which the request may have moved. */
enum bl_status answer_date(struct asked *asked, const char *id, struct bl_error *why) BL_MUST_CHECK;
/* May the peer look at what others do? No event. */
bool asked_is_privileged(const struct asked *asked);

/* The device a request names, if the peer may do @action with it. Who may not learns not even whether it exists. */
enum bl_status asked_permitted_device(struct asked *asked, enum bl_action action,
				      struct device *out_device,
				      struct bl_error *why) BL_MUST_CHECK;

/* Roles that lapsed, or will within RULES_WARN_DAYS: an array for status. */
json_t *people_lapses(const struct policy *policy, int64_t now_unix);

/* builtin_why - of a rule that no policy holds, in words; NULL: it is none. Static */
const char *builtin_why(const char *rule);

/* The rows of the table in requests.c. */
enum bl_status request_status(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_enroll(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_intake(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_intake_state(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_shred_part(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_hold_add(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_hold_release(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_shred_due(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_certificate(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_open(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_close(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_view(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_sessions(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_session_end(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_shred(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_consent(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_caller(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_request(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_requests(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_approve(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_refuse(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_people(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_may(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_why_event(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_reload(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_policy_text(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_policy_trust(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_policy_load(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_log_query(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_log_follow(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_log_name_key(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_log_report(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_log_unlatch(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;

enum bl_status request_hold_review(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_list(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_show(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_report(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_note(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_move(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_state(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_edit(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_device_sign(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_receipt(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_incident_open(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_incident_note(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_incident_close(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_incidents(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_incident_show(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_customer_request(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_customer_request_end(struct asked *asked,
					    struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_customer_requests(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_retention_plan(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_verify_sample(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_scan(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
enum bl_status request_inspect(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;

#endif
