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

struct device_hold {
	uint32_t number; /* 1.. per device, never reused */
	int64_t since_unix;
	uid_t by;
	char reason[DEVICE_REASON];
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
	bool destroy_when_due;
	size_t hold_count;
	struct device_hold holds[DEVICE_HOLDS];
	uint32_t next_hold;
};

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

#define DEVICE_IDENTITIES 64 /* customer values in one record, at most */

/* What a record YAML says: received, maker, model, serial, customer {name email phone address}, consent {purpose: word}. */
struct device_record {
	bool has_received;
	int64_t received_unix; /* `received: 2026-07-01` or `2026-07-01 10:00`, UTC */
	char maker[DEVICE_TEXT], model[DEVICE_TEXT], serial[DEVICE_TEXT];
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

/* device_set_state - durable. Transitions follow a table; BL_INVALID names the state it is in. */
enum bl_status device_set_state(struct device_store *store, const char *id,
				enum bl_device_state state, struct bl_error *why) BL_MUST_CHECK;

/* Holds: any number up to DEVICE_HOLDS; the device is held while one stands. BL_NOT_FOUND: no such hold. */
enum bl_status device_hold_add(struct device_store *store, const char *id, uid_t by,
			       const char *reason, int64_t now_unix, uint32_t *out_number,
			       struct bl_error *why) BL_MUST_CHECK;
enum bl_status device_hold_release(struct device_store *store, const char *id, uint32_t number,
				   struct bl_error *why) BL_MUST_CHECK;

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

/* device_forget_customer - the sealed customer part and facts overwritten, synced and unlinked (a shred); idempotent */
enum bl_status device_forget_customer(struct device_store *store, const char *id,
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
