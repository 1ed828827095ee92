/* device.h - what is known of each device: record, state, holds; kept in the store, crash-safe
 *
 * Store layout (docs/format-store.md): STORE/bailee.store (magic, version, store id), STORE/keys (vault), STORE/log,
 * STORE/devices/ID/ (record, customer.sealed, shred), STORE/certificates/, STORE/policy.last. The store directory is 0711, all
 * inside is 0700 and 0600, except the socket.
 */
#ifndef FS_DEVICE_DEVICE_H
#define FS_DEVICE_DEVICE_H

#include <sys/types.h>

#include "fs/vault/vault.h"
#include "policy/base.h"
#include "policy/detect/detect.h"
#include "policy/words.h"

#define DEVICE_TEXT   128 /* maker, model, serial with NUL; UTF-8, no control characters */
#define DEVICE_PATH   4096
#define DEVICE_HOLDS  16 /* at most, per device */
#define DEVICE_REASON 256
#define DEVICE_DIGEST 32 /* bytes: SHA-256 of what people hand in, BLAKE2b-256 of what we write */
/* Where it is and where it came from, with NUL: 1 to 63 of [A-Za-z0-9._/-], so that nothing of a customer gets into the log by it. */
#define DEVICE_PLACE	64
#define DEVICE_PICTURES 16
#define DEVICE_FS	16 /* with NUL: a name of a type of filesystem */

struct device_hold {
	uint32_t number; /* 1.. per device, never reused */
	int64_t since_unix;
	int64_t reviewed_unix; /* when it was last found to be needed still; first: since_unix */
	uid_t by;
	uint32_t incident; /* that placed it, and releases it; 0: a person did */
	char reason[DEVICE_REASON];
};

/* How and by whom it ended, for whoever looks again: docs/retention.md, "Independent verification". */
struct device_end {
	int64_t at_unix; /* of SHRED_DONE; 0: not destroyed, or by a version that did not write it down */
	uint32_t by;			    /* who asked for it; UINT32_MAX: the keeper */
	uint8_t certificate[DEVICE_DIGEST]; /* BLAKE2b-256 of ID.json */
};

struct device_verified {
	int64_t at_unix; /* 0: nobody looked again */
	uint32_t by;
	bool is_good;
};

/* The last wipe check that was bound to it (docs/format-inspection.md). */
struct device_inspected {
	int64_t at_unix; /* 0: none */
	uint32_t by;
	bool is_empty;
	bool is_other;			  /* the medium's serial number is not the record's */
	uint8_t statement[DEVICE_DIGEST]; /* BLAKE2b-256 of ID~inspect.json */
};

enum device_source_kind { SOURCE_DIRECTORY, SOURCE_RAW, SOURCE_SEALED };

/* One device as it stands; plain data, a copy. The customer's part is sealed and not in here. */
struct device {
	char id[BL_DEVICE_ID_SIZE];
	enum bl_device_kind kind;
	enum bl_device_state state;
	char maker[DEVICE_TEXT], model[DEVICE_TEXT], serial[DEVICE_TEXT]; /* "" : not stated */
	bool has_received;
	int64_t received_unix; /* the record's; else the moment of enrolment */
	int64_t enrolled_unix;
	enum device_source_kind source_kind;
	char source
		[DEVICE_PATH]; /* absolute, resolved at enrolment; "" when sealed: it lies in the device's own folder */
	bool is_complete; /* a sealed image: its intake is; others: true */
	uint64_t source_dev, source_ino,
		source_size;	 /* identity at enrolment: anything else is refused;
	                                                 dev and ino are 0 for a block device */
	int64_t source_birth_ns; /* of the inode, since numbers are given out again; 0: not told */
	/* The part of a raw source that is the device (fs/image/part.h): bytes before it, its partition, its filesystem; all 0: the whole */
	uint64_t source_offset;
	uint32_t source_partition;
	char source_fs[DEVICE_FS];
	bool destroy_when_due;
	size_t hold_count;
	struct device_hold holds[DEVICE_HOLDS];
	uint32_t next_hold;

	/* What people keep up about it. */
	uint32_t revision;	 /* from 1; grows with each change below, up to next_note */
	uint64_t capacity_bytes; /* of the medium, as stated; 0: not stated */
	char origin[DEVICE_PLACE], location[DEVICE_PLACE]; /* "": not stated */
	size_t picture_count;
	uint8_t pictures[DEVICE_PICTURES][DEVICE_DIGEST]; /* SHA-256 of pictures of its condition */
	bool has_scan;
	uint8_t scan[DEVICE_DIGEST]; /* SHA-256 of the scan of the receipt that both have signed */
	uint32_t next_note;	     /* from 1 */

	/* Its way to its end. Dates are trusted time. */
	int64_t closed_unix;  /* work on it is done; 0: it is not, or went on again */
	int64_t grace_unix;   /* another policy made it due: not destroyed before then; 0: none */
	int64_t noticed_unix; /* the date that its notice was given for; 0: none */
	struct device_end end;
	struct device_verified verified;
	struct device_inspected inspected;
};

bool device_place_ok(const char *place);
/* device_is_part - is it less than the whole of its source? */
static inline bool device_is_part(const struct device *device)
{
	return device->source_offset || device->source_partition || *device->source_fs;
}
/* device_is_gone - is there nothing of it any more: shredded, or released? */
static inline bool device_is_gone(const struct device *device)
{
	return device->state == STATE_SHREDDED || device->state == STATE_RELEASED;
}

/* ---- facts that decisions need: consent, callers, requests -------------------------------------- */

#define DEVICE_PURPOSE	64 /* with NUL; a name of the policy language */
#define DEVICE_CONSENTS 32 /* purposes with something on record */
#define DEVICE_CHECKS                                                                              \
	64 /* checks of callers that count, one per person and strength; the oldest goes */
#define DEVICE_REQUESTS                                                                            \
	64 /* kept; the oldest that is refused, or older than DEVICE_REQUEST_DAYS, goes first */
#define DEVICE_REQUESTS_EACH 16 /* open ones of one person */
#define DEVICE_APPROVALS     8
#define DEVICE_REQUEST_DAYS  30 /* a request that old is no longer answered */
#define DEVICE_TICKET	     64
/* The check of a caller counts for whoever made it, on that device, for so long. */
#define DEVICE_CHECK_SECONDS 3600

struct device_consent {
	char purpose[DEVICE_PURPOSE];
	bool is_granted; /* else withdrawn */
	/* It had been granted before it was withdrawn: what was never given cannot be taken back, and starts no date. */
	bool was_granted;
	int64_t since_unix;
	uid_t by;
};

struct device_check {
	enum bl_check check;
	uid_t by; /* who spoke with the caller, and for whom it counts */
	int64_t since_unix;
	char ticket[DEVICE_TICKET]; /* [A-Za-z0-9._-]+ */
};

struct device_approval {
	uid_t by;
	int64_t since_unix;
};

/* Somebody asked for what the policy gives only with approvals. Path and reason are sealed at rest. */
struct device_request {
	uint32_t number; /* 1.. per device, never reused; people write it ID/NUMBER */
	uid_t by;
	enum bl_action action;
	char class[BL_RULE_ID_SIZE]; /* of an unmask: its name; "" : every class */
	char *path; /* as its person sees it below the device, "/a/b"; NULL: the whole device */
	char reason[DEVICE_REASON];
	int64_t since_unix;
	bool is_refused;
	uid_t refused_by;
	size_t approval_count;
	struct device_approval approvals[DEVICE_APPROVALS];
};

struct device_facts {
	size_t consent_count, check_count, request_count;
	struct device_consent consents[DEVICE_CONSENTS];
	struct device_check checks[DEVICE_CHECKS];
	struct device_request requests[DEVICE_REQUESTS]; /* by number */
	uint32_t next_request;
	int64_t last_open_unix;	  /* the last look that extends `last_open`; 0: none */
	int64_t early_shred_unix; /* a permitted early shred; 0: none */
	uid_t early_shred_by;	  /* who asked for it; UINT32_MAX: nobody, or not known */
};

/* ---- record files ------------------------------------------------------------------------------ */

#define DEVICE_IDENTITIES 64   /* customer values in one record, at most */
#define DEVICE_NOTE	  1024 /* bytes of what people write about a device, with NUL */

/*
 * What a record YAML says: received, maker, model, serial, capacity, origin, location, condition {notes, pictures: [SHA-256]},
 * customer {name email phone address}, consent {purpose: word}; and, of one that `device_record_print` wrote to be changed: device, kind,
 * state, revision (device_edit).
 */
struct device_record {
	bool has_received;
	int64_t received_unix; /* `received: 2026-07-01` or `2026-07-01 10:00`, UTC */
	char maker[DEVICE_TEXT], model[DEVICE_TEXT], serial[DEVICE_TEXT];
	uint64_t
		capacity_bytes; /* `capacity: 512G` (1,024s, as in the policy language), or bytes; 0: not stated */
	char origin[DEVICE_PLACE], location[DEVICE_PLACE]; /* "": not stated */
	char condition[DEVICE_NOTE]; /* condition: notes; "": none. Wiped by done */
	size_t picture_count;
	uint8_t pictures[DEVICE_PICTURES][DEVICE_DIGEST];
	/* Only in one that is to be changed; else "", -1, -1 and 0. */
	char device[BL_DEVICE_ID_SIZE];
	int kind, state;
	uint32_t revision;
	struct detect_identity identities[DEVICE_IDENTITIES]; /* values owned by the record */
	size_t identity_count;
	void *memory; /* what identities point into; wiped and freed by done */
	/* Facts from the moment of enrolment: `since_unix` is set then, `by` is UINT32_MAX. */
	struct device_consent consents[DEVICE_CONSENTS];
	size_t consent_count;
};

/*
 * device_record_parse - strict YAML (policy/yaml): unknown keys, bad dates, over-long values are refused with
 * "line:column: ..." in @why. Values of the customer's part are never in a message.
 *
 * BL_OK (then device_record_done is due), BL_INVALID, BL_NO_MEMORY.
 */
enum bl_status device_record_parse(const char *bytes, size_t length,
				   struct device_record *out_record,
				   struct bl_error *why) BL_MUST_CHECK;
void device_record_done(struct device_record *record);

/* ---- the store ----------------------------------------------------------------------------------- */

struct device_store;

/* How the store's keys are locked, and where they lie. */
struct device_store_keys {
	const struct vault_secret *secrets; /* create: one for each lock; open: what is at hand */
	size_t secret_count;
	const char *
		folder; /* create: of the key file, made when missing; NULL: the store itself. open: not looked at */
};

/*
 * device_store_create - make an empty store in @path (made, 0711, when missing; must be empty), with its vault
 * device_store_open   - take an existing one, under an exclusive lock (flock on bailee.store)
 *
 * @keys  NULL: no locks, keys in the store
 *
 * BL_OK, BL_EXISTS (create, not empty), BL_NOT_FOUND (open), BL_INVALID (foreign, newer, owned by somebody
 * else, or open to others), BL_FORBIDDEN (no secret opens its locks), BL_LOCKED, BL_IO, BL_NO_MEMORY. On any failure nothing is left half made.
 */
enum bl_status device_store_create(const char *path, const struct device_store_keys *keys,
				   struct device_store **out_store,
				   struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_store_open(const char *path, const struct device_store_keys *keys,
				 struct device_store **out_store,
				 struct bl_error *why) BL_MUST_CHECK;
void device_store_close(struct device_store *store);
BL_DEFINE_CLEANUP(struct device_store, device_store_close)

/*
 * device_store_file_* - small files of the store's own folder, by name, for what a part above keeps there (docs/format-store.md)
 *
 * @store_fd  device_store_fd. write: replaces whole, crash-safe. read: BL_NOT_FOUND when absent; BL_TAMPERED, BL_INVALID (not private),
 *            BL_TOO_LARGE, BL_IO, BL_NO_MEMORY; NUL behind the bytes; owned by the caller (free).
 */
enum bl_status device_store_file_write(int store_fd, const char *name, const void *bytes,
				       size_t length, struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_store_file_read(int store_fd, const char *name, char **out_bytes,
				      size_t *out_length, struct bl_error *why) BL_MUST_CHECK;

/* device_store_keys_at - the folder of the key file, without opening the store (doctor, asking for a passphrase); the caller closes it */
enum bl_status device_store_keys_at(int store_fd, int *out_fd, struct bl_error *why) BL_MUST_CHECK;
int device_store_keys_fd(const struct device_store *store);	    /* borrowed */
int device_store_fd(const struct device_store *store);		    /* borrowed */
struct vault *device_store_vault(const struct device_store *store); /* borrowed */
/* device_store_log - the folder of its log, for reading; the caller closes it. BL_IO: it is not there, or cannot be opened */
enum bl_status device_store_log(const struct device_store *store, int *out_fd,
				struct bl_error *why) BL_MUST_CHECK;
const uint8_t *device_store_id(const struct device_store *store); /* 16 B */

/* device_store_last_policy / _keep_policy - the last good policy's bytes (owned by the caller, free) */
enum bl_status device_store_last_policy(struct device_store *store, char **out_bytes,
					size_t *out_length, struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_store_keep_policy(struct device_store *store, const char *bytes,
					size_t length, struct bl_error *why) BL_MUST_CHECK;

/*
 * Small texts of the store itself: the signature that the last good policy came with, and the keys that policies must be
 * signed by (one base64 line each). write: durable, whole. read: NUL-terminated, owned by the caller; BL_NOT_FOUND.
 */
enum device_store_note { STORE_POLICY_SIGNATURE, STORE_POLICY_TRUST };
enum bl_status device_store_note_write(struct device_store *store, enum device_store_note note,
				       const char *text, struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_store_note_read(struct device_store *store, enum device_store_note note,
				      char **out_text, struct bl_error *why) BL_MUST_CHECK;

/*
 * Small files of the store itself, sealed under its VAULT_RECORD key, label "store:NAME": what says when time was, and which holds stand.
 * write: durable, whole. read: owned by the caller (free); BL_NOT_FOUND; BL_TAMPERED.
 */
enum device_store_secret { STORE_CLOCK, STORE_HOLDS };
enum bl_status device_store_secret_write(struct device_store *store,
					 enum device_store_secret secret, const void *bytes,
					 size_t length, struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_store_secret_read(struct device_store *store, enum device_store_secret secret,
					uint8_t **out_bytes, size_t *out_length,
					struct bl_error *why) BL_MUST_CHECK;

/*
 * device_enroll - make a device known where its image lies; durable on return, or nothing happened
 *
 * @device  id, kind, source (any path; resolved here), destroy_when_due and the rest of the plain part;
 *          enrolled_unix set by the caller. On success holds what was stored.
 * @record  may be NULL. Its customer part is sealed under the device's VAULT_RECORD key.
 *
 * BL_OK, BL_EXISTS (id known, also when shredded: ids are never reused), BL_INVALID (id, source missing, empty,
 * or neither directory nor regular file nor block device), BL_IO, BL_NO_MEMORY.
 */
enum bl_status device_enroll(struct device_store *store, struct device *device,
			     const struct device_record *record,
			     struct bl_error *why) BL_MUST_CHECK;

/*
 * device_complete - the intake of a sealed device is done: from now on there is something to see. Durable
 *
 * BL_OK (also when it was complete with that size), BL_NOT_FOUND, BL_INVALID (not sealed; shredded), BL_IO.
 */
enum bl_status device_complete(struct device_store *store, const char *id, uint64_t image_bytes,
			       struct bl_error *why) BL_MUST_CHECK;
/* device_folder - descriptor of devices/ID, for the vault's functions; the caller closes it. BL_NOT_FOUND, BL_IO */
enum bl_status device_folder(struct device_store *store, const char *id, int *out_fd,
			     struct bl_error *why) BL_MUST_CHECK;

/* device_find - a copy of one device; BL_NOT_FOUND */
enum bl_status device_find(struct device_store *store, const char *id, struct device *out_device,
			   struct bl_error *why) BL_MUST_CHECK;
/*
 * device_facts_read - a copy of a device's facts; device_facts_free is due. Empty when nothing was recorded.
 *
 * From memory after the first time. BL_TAMPERED: whoever needs them refuses; never as if nothing were recorded.
 *
 * BL_OK, BL_NOT_FOUND (no such device), BL_TAMPERED, BL_IO, BL_NO_MEMORY.
 */
enum bl_status device_facts_read(struct device_store *store, const char *id,
				 struct device_facts **out_facts,
				 struct bl_error *why) BL_MUST_CHECK;
void device_facts_free(struct device_facts *facts); /* wiped */
BL_DEFINE_CLEANUP(struct device_facts, device_facts_free)

/*
 * Each of these is durable on return, or nothing happened. The file (docs/format-store.md, `facts.sealed`) is sealed under
 * the device's VAULT_RECORD key and goes with device_forget_customer.
 *
 * Said again, the first time stands: a consent that is as it was keeps its date, an early shred the earliest one, a look the
 * latest. Dates are of the years 1970 to 9999. A path begins with '/', has no empty component, no "." and no "..", at most
 * DEVICE_PATH bytes and no control characters; only list, stat, read, copy and unmask may name one, only unmask a class.
 *
 * BL_OK, BL_NOT_FOUND, BL_INVALID (over a limit, a value that is none, a device that is shredded, being shredded or
 * released), BL_TAMPERED (what is there does not verify: nothing can be added), BL_IO, BL_NO_MEMORY.
 */
enum bl_status device_consent_set(struct device_store *store, const char *id,
				  const struct device_consent *consent,
				  struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_check_add(struct device_store *store, const char *id,
				const struct device_check *check,
				struct bl_error *why) BL_MUST_CHECK;
/* @request  number and approvals are set here; path is copied */
enum bl_status device_request_add(struct device_store *store, const char *id,
				  const struct device_request *request, uint32_t *out_number,
				  struct bl_error *why) BL_MUST_CHECK;
/* device_request_approve - once per giver (BL_EXISTS); never by who asked, nor when refused or too old (BL_FORBIDDEN) */
enum bl_status device_request_approve(struct device_store *store, const char *id, uint32_t number,
				      const struct device_approval *approval,
				      struct bl_error *why) BL_MUST_CHECK;
/* device_request_refuse - also after approvals, which then count no more; BL_EXISTS: refused already */
enum bl_status device_request_refuse(struct device_store *store, const char *id, uint32_t number,
				     uid_t by, struct bl_error *why) BL_MUST_CHECK;
/* device_early_shred_set - @at_unix of trusted time; the first counts. Who agreed to a request of @by to shred has done so by then */
enum bl_status device_early_shred_set(struct device_store *store, const char *id, uid_t by,
				      int64_t at_unix, struct bl_error *why) BL_MUST_CHECK;
/* device_opened - a look that extends `last_open`; one less than a minute later is not written */
enum bl_status device_opened(struct device_store *store, const char *id, int64_t at_unix,
			     struct bl_error *why) BL_MUST_CHECK;

/* Facts as decisions take them; pure. */
enum bl_consent device_consent_of(const struct device_facts *facts, const char *purpose);
/* The earliest withdrawal of what had been granted, and was not granted again; 0: none. */
int64_t device_consent_withdrawn(const struct device_facts *facts);
/* The best check of a caller by @uid that counts at @now_unix; @out_until: when that may change (INT64_MAX: never). */
enum bl_check device_check_of(const struct device_facts *facts, uid_t uid, int64_t now_unix,
			      int64_t *out_until);

/* device_each - every device, by id; @tell returns false to stop. Do not call device_* that write from it. */
void device_each(struct device_store *store,
		 bool (*tell)(void *context, const struct device *device), void *context);

/*
 * device_open_source - the device's image or directory, read-only, checked to be the very thing enrolled
 *
 * @flags  O_RDONLY or O_RDWR (shredding). BL_OK, BL_NOT_FOUND (gone), BL_TAMPERED (another file or size), BL_IO.
 */
enum bl_status device_open_source(const struct device *device, int flags, int *out_fd,
				  struct bl_error *why) BL_MUST_CHECK;

/* device_identities - the customer's values, unsealed into a record (device_record_done); empty when none */
enum bl_status device_identities(struct device_store *store, const char *id,
				 struct device_record *out_record,
				 struct bl_error *why) BL_MUST_CHECK;

/*
 * device_set_state - durable. Transitions follow a table (docs/retention.md); BL_INVALID names the state it is in, and what comes first.
 *
 * @at_unix  trusted time; becomes closed_unix with CLOSED; with OPEN that becomes 0
 */
enum bl_status device_set_state(struct device_store *store, const char *id,
				enum bl_device_state state, int64_t at_unix,
				struct bl_error *why) BL_MUST_CHECK;
/* device_not_due - its date was put off: what was due is what it was before. BL_INVALID: it is not due, or being destroyed */
enum bl_status device_not_due(struct device_store *store, const char *id,
			      struct bl_error *why) BL_MUST_CHECK;
/* device_was - what it was before it was held or due, of one that is; false: its record does not tell */
bool device_was(struct device_store *store, const char *id, enum bl_device_state *out_state);
/* device_may_become - would it? The same words, nothing changed: for the event that comes first */
enum bl_status device_may_become(struct device_store *store, const char *id,
				 enum bl_device_state state, struct bl_error *why) BL_MUST_CHECK;

/* ---- what people keep up ------------------------------------------------------------------------ */

/* device_move - BL_INVALID: no place. device_sign - the scan of its receipt; BL_EXISTS: there is another one. Each a new revision; durable */
enum bl_status device_move(struct device_store *store, const char *id, const char *place,
			   struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_sign(struct device_store *store, const char *id,
			   const uint8_t scan[DEVICE_DIGEST], struct bl_error *why) BL_MUST_CHECK;
/*
 * device_edit - make the record what @record says: maker, model, serial, capacity, origin, location, pictures; received as long as it is not
 * due; customer's values when there are some (all of them then). Its condition's notes become a note (device_note_add)
 *
 * What the record leaves out stays as it is, so that a record of one line changes one thing; pictures, when there are some, are all of them. So
 * nothing is taken off a record, only put right.
 *
 * @record->revision must be the device's: else somebody else changed it meanwhile (BL_STALE, the words name both). device, kind and state, when
 * stated, must be the device's (BL_INVALID): they are not changed by editing. consent is refused (BL_INVALID: bailee consent).
 */
enum bl_status device_edit(struct device_store *store, const char *id,
			   const struct device_record *record, uint32_t *out_revision,
			   struct bl_error *why) BL_MUST_CHECK;
/* device_edit_check - everything that device_edit would refuse; nothing changed */
enum bl_status device_edit_check(struct device_store *store, const char *id,
				 const struct device_record *record,
				 struct bl_error *why) BL_MUST_CHECK;
/*
 * device_record_print - the record as YAML that device_record_parse reads and device_edit takes back; owned by the caller (free)
 *
 * Without the customer's values: nobody is told those ("# customer: on record, sealed"), and without condition's notes (they are notes).
 */
enum bl_status device_record_print(const struct device *device, bool has_customer, char **out_yaml,
				   struct bl_error *why) BL_MUST_CHECK;

/* What the calendar writes down: each durable, none a revision. BL_NOT_FOUND, BL_IO, BL_NO_MEMORY. */
enum bl_status device_set_grace(struct device_store *store, const char *id, int64_t until_unix,
				struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_set_noticed(struct device_store *store, const char *id, int64_t due_unix,
				  struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_set_end(struct device_store *store, const char *id,
			      const struct device_end *end, struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_set_verified(struct device_store *store, const char *id,
				   const struct device_verified *verified,
				   struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_set_inspected(struct device_store *store, const char *id,
				    const struct device_inspected *inspected,
				    struct bl_error *why) BL_MUST_CHECK;

/*
 * Holds: any number up to DEVICE_HOLDS; the device is held while one stands. Each is in the record and in STORE/holds, so that a record
 * that was put back loses none (device_holds_restored). BL_NOT_FOUND: no such hold.
 *
 * @incident  that places it; 0: a person does
 */
enum bl_status device_hold_add(struct device_store *store, const char *id, uid_t by,
			       uint32_t incident, const char *reason, int64_t now_unix,
			       uint32_t *out_number, struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_hold_release(struct device_store *store, const char *id, uint32_t number,
				   struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_hold_review(struct device_store *store, const char *id, uint32_t number,
				  int64_t now_unix, struct bl_error *why) BL_MUST_CHECK;
/* device_holds_restored - how many holds an older record had lost when the store was opened; they stand again. @id NULL: of all devices */
size_t device_holds_restored(struct device_store *store, const char *id);

/*
 * device_file_* - small durable files of one device's folder (the shred journal), by name
 *
 * write: replaces whole, crash-safe (temporary, fsync, rename, fsync of the folder).
 * read:  BL_NOT_FOUND when absent; @out_bytes owned by the caller (free).
 */
enum bl_status device_file_write(struct device_store *store, const char *id, const char *name,
				 const void *bytes, size_t length,
				 struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_file_read(struct device_store *store, const char *id, const char *name,
				uint8_t **out_bytes, size_t *out_length,
				struct bl_error *why) BL_MUST_CHECK;

/* device_file_remove - durable; BL_OK when absent already */
enum bl_status device_file_remove(struct device_store *store, const char *id, const char *name,
				  struct bl_error *why) BL_MUST_CHECK;

/* device_forget_found - what the gate keeps of its files (docs/format-spans.md), when some of those are destroyed: overwritten and unlinked; idempotent */
enum bl_status device_forget_found(struct device_store *store, const char *id,
				   struct bl_error *why) BL_MUST_CHECK;

/* device_forget_customer - the sealed customer part and facts overwritten, synced and unlinked (a shred); idempotent */
enum bl_status device_forget_customer(struct device_store *store, const char *id,
				      struct bl_error *why) BL_MUST_CHECK;

/*
 * device_found_write / _read - how much of which class the last whole look through it found, as a text of its writer's (`found.sealed`)
 *
 * Sealed under the device's key; goes with what the gate keeps (device_forget_found). read: owned by the caller (free). BL_NOT_FOUND: nobody
 * looked, or what was found is forgotten. BL_INVALID: the device is gone. BL_TAMPERED, BL_TOO_LARGE, BL_IO, BL_NO_MEMORY.
 */
enum bl_status device_found_write(struct device_store *store, const char *id, const char *text,
				  struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_found_read(struct device_store *store, const char *id, char **out_text,
				 struct bl_error *why) BL_MUST_CHECK;

/*
 * device_shred_begin   - from now on no hold can be added: the last look at holds before the INTENT event
 * device_shred_abandon - the INTENT event did not come about: holds are possible again
 *
 * Not durable: the journal is. BL_FORBIDDEN when a hold stands, or the state is not due.
 */
enum bl_status device_shred_begin(struct device_store *store, const char *id,
				  struct bl_error *why) BL_MUST_CHECK;
void device_shred_abandon(struct device_store *store, const char *id);

/*
 * device_part_begin - the same of its source or of files inside it, in any state: until the INTENT event is there no hold comes
 * device_part_begun - the event is there, or did not come about: the rest of the device can be held
 *
 * BL_FORBIDDEN when a hold stands.
 */
enum bl_status device_part_begin(struct device_store *store, const char *id,
				 struct bl_error *why) BL_MUST_CHECK;
void device_part_begun(struct device_store *store, const char *id);

/*
 * device_shred_claim - one thread at a time works on a destruction: BL_LOCKED while another does, BL_NOT_FOUND
 * device_shred_unclaim - done with it, however it ended
 */
enum bl_status device_shred_claim(struct device_store *store, const char *id,
				  struct bl_error *why) BL_MUST_CHECK;
void device_shred_unclaim(struct device_store *store, const char *id);
/* device_is_claimed - does somebody work on its image just now? Then nobody else opens it */
bool device_is_claimed(struct device_store *store, const char *id);

/*
 * device_certificate_write / _read - STORE/certificates/ID<suffix>, replaced as device files are, but bare
 *
 * @suffix  of the shred: ".json", ".txt", ".html"; of the intake "~intake.json", "~intake.txt"; of its source's destruction "~source.json", ...; of parts
 *          "~part-N.json", ... ('~' is in no device id). read: BL_NOT_FOUND; NUL behind the bytes; owned by the caller (free).
 */
enum bl_status device_certificate_write(struct device_store *store, const char *id,
					const char *suffix, const void *bytes, size_t length,
					struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_certificate_read(struct device_store *store, const char *id,
				       const char *suffix, char **out_bytes, size_t *out_length,
				       struct bl_error *why) BL_MUST_CHECK;

#endif
