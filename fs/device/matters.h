/* matters.h - what is going on about a device: incidents, the customer's requests, and what people write about it
 *
 * Incidents and requests are kept sealed under the store's key (`matters.sealed`): they outlive the device. What people write in sentences may name
 * anybody; it is sealed under the device's key (`notes.sealed`) and goes with it. docs/format-store.md, docs/retention.md.
 */
#ifndef FS_DEVICE_MATTERS_H
#define FS_DEVICE_MATTERS_H

#include "fs/device/device.h"

#define MATTERS_INCIDENTS 64 /* per device */
#define MATTERS_REQUESTS  64
#define MATTERS_NOTES	  512
#define MATTERS_ACTION	  256 /* bytes of a corrective action, with NUL */
#define MATTERS_TICKET	  64  /* [A-Za-z0-9._-]+, with NUL */

enum incident_kind {
	INCIDENT_DAMAGE,
	INCIDENT_LOSS,
	INCIDENT_EXPOSURE,
	INCIDENT_COMPLAINT,
	INCIDENT_KIND_COUNT
};
const char *incident_kind_name(enum incident_kind kind);
bool incident_kind_parse(const char *name, enum incident_kind *out);
/* The table of docs/retention.md. */
bool incident_freezes(enum incident_kind kind);
int64_t incident_seconds(enum incident_kind kind); /* from opening to deadline */

struct device_incident {
	uint32_t number; /* 1.. per device, never reused; people write it ID/NUMBER */
	enum incident_kind kind;
	int64_t opened_unix, deadline_unix;
	uid_t by;
	uint32_t hold; /* that froze the device; 0: none */
	bool is_closed;
	int64_t closed_unix;
	uid_t closed_by;
	char action[MATTERS_ACTION]; /* corrective; "" while open */
};

enum customer_request_kind {
	CUSTOMER_ERASE,
	CUSTOMER_DISCLOSE,
	CUSTOMER_RETURN,
	CUSTOMER_REQUEST_KIND_COUNT
};
const char *customer_request_kind_name(enum customer_request_kind kind);
bool customer_request_kind_parse(const char *name, enum customer_request_kind *out);
/* From asking to deadline; of erase it is the policy's. */
int64_t customer_request_seconds(enum customer_request_kind kind);

enum customer_request_state { CUSTOMER_OPEN, CUSTOMER_DONE, CUSTOMER_REFUSED };
const char *customer_request_state_name(enum customer_request_state state);

struct device_customer_request {
	uint32_t number;
	enum customer_request_kind kind;
	enum customer_request_state state;
	int64_t since_unix, deadline_unix;
	uid_t by;		     /* who recorded it */
	char ticket[MATTERS_TICKET]; /* where it is on record that the customer was verified */
	int64_t ended_unix;
	uid_t ended_by; /* UINT32_MAX: by the destruction itself */
	bool has_proof;
	uint8_t proof
		[DEVICE_DIGEST]; /* erase: BLAKE2b-256 of the certificate; else SHA-256 of the signed hand-over */
};

struct device_matters {
	size_t incident_count, request_count;
	struct device_incident incidents[MATTERS_INCIDENTS];
	struct device_customer_request requests[MATTERS_REQUESTS];
	uint32_t next_incident, next_request; /* from 1 */
};

/*
 * device_matters_read - a copy; device_matters_free is due. Empty when nothing happened
 *
 * From memory after the first time. BL_OK, BL_NOT_FOUND (no such device), BL_TAMPERED, BL_IO, BL_NO_MEMORY.
 */
enum bl_status device_matters_read(struct device_store *store, const char *id,
				   struct device_matters **out_matters,
				   struct bl_error *why) BL_MUST_CHECK;
void device_matters_free(struct device_matters *matters);
BL_DEFINE_CLEANUP(struct device_matters, device_matters_free)

/* One of them by its number, borrowed; NULL: there is none. */
const struct device_incident *device_incident_find(const struct device_matters *matters,
						   uint32_t number);
const struct device_customer_request *
device_customer_request_find(const struct device_matters *matters, uint32_t number);

/* device_matters_requested - when the customer first asked for it to be destroyed, in a request that is open; 0: did not. Cheap */
int64_t device_matters_requested(const struct device_matters *matters);

/*
 * Each is durable on return, or nothing happened. Also of a device that is shredded; not of one that is released, but for closing.
 *
 * add:   @matter's number and what ends it are set here; the deadline by the caller. BL_TOO_LARGE: all places are taken by what is open
 *        (what is ended longest goes first)
 * close, end: BL_NOT_FOUND, BL_EXISTS (it is over already), BL_INVALID (no action; no proof for what is done)
 *
 * BL_OK, BL_NOT_FOUND, BL_INVALID, BL_EXISTS, BL_TOO_LARGE, BL_TAMPERED, BL_IO, BL_NO_MEMORY.
 */
enum bl_status device_incident_add(struct device_store *store, const char *id,
				   const struct device_incident *incident, uint32_t *out_number,
				   struct bl_error *why) BL_MUST_CHECK;
/* device_incident_freeze - the hold that it placed */
enum bl_status device_incident_freeze(struct device_store *store, const char *id, uint32_t number,
				      uint32_t hold, struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_incident_close(struct device_store *store, const char *id, uint32_t number,
				     uid_t by, int64_t at_unix, const char *action,
				     struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_customer_request_add(struct device_store *store, const char *id,
					   const struct device_customer_request *request,
					   uint32_t *out_number,
					   struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_customer_request_end(struct device_store *store, const char *id,
					   uint32_t number, enum customer_request_state state,
					   uid_t by, int64_t at_unix,
					   const uint8_t proof[DEVICE_DIGEST],
					   struct bl_error *why) BL_MUST_CHECK;

/* ---- notes --------------------------------------------------------------------------------------- */

enum note_about { NOTE_DEVICE, NOTE_CONDITION, NOTE_INCIDENT, NOTE_REQUEST, NOTE_ABOUT_COUNT };
const char *note_about_name(enum note_about about);

struct device_note {
	uint32_t number; /* device.next_note when it was written */
	enum note_about about;
	uint32_t matter; /* number of the incident or request; 0: none */
	int64_t at_unix;
	uid_t by;
	const char *text; /* device_note_ok */
};
/* device_note_ok - UTF-8, 1 to DEVICE_NOTE - 1 bytes, no control characters but \n */
bool device_note_ok(const char *text);

struct device_notes {
	size_t count;
	struct device_note items[MATTERS_NOTES];
	void *memory; /* what the texts lie in; wiped by free */
};

/* device_notes_read - empty of a device that is shredded or released. Statuses as device_matters_read; device_notes_free wipes */
enum bl_status device_notes_read(struct device_store *store, const char *id,
				 struct device_notes **out_notes,
				 struct bl_error *why) BL_MUST_CHECK;
void device_notes_free(struct device_notes *notes);
BL_DEFINE_CLEANUP(struct device_notes, device_notes_free)

/* device_note_add - durable; a new revision of the record. BL_INVALID (no text, control characters, shredded, released), BL_TOO_LARGE */
enum bl_status device_note_add(struct device_store *store, const char *id,
			       const struct device_note *note, uint32_t *out_number,
			       struct bl_error *why) BL_MUST_CHECK;

/* ---- parts --------------------------------------------------------------------------------------- */

#define MATTERS_PARTS 256 /* entries that were carried out; the oldest goes */

/*
 * device_parts_carried - was the retention entry @entry with these very paths carried out on a device? No: also when that cannot be read
 * device_part_carry    - write down that it was; durable. Said again: the later date stands
 *
 * @entry  id of the rule: 1 to BL_RULE_ID_SIZE - 1 bytes, no control characters
 * @paths  BLAKE2b-256 of its patterns, NUL behind each
 *
 * BL_OK, BL_NOT_FOUND, BL_INVALID (no entry, no date, a device that is shredded or released), BL_TAMPERED (what is there does not verify:
 * nothing is added), BL_IO, BL_NO_MEMORY.
 */
bool device_parts_carried(struct device_store *store, const char *id, const char *entry,
			  const uint8_t paths[DEVICE_DIGEST]);
enum bl_status device_part_carry(struct device_store *store, const char *id, const char *entry,
				 const uint8_t paths[DEVICE_DIGEST], int64_t at_unix,
				 struct bl_error *why) BL_MUST_CHECK;

#endif
