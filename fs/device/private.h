/* private.h - what the files of this part share: the open store, its devices, small durable files */
#ifndef FS_DEVICE_PRIVATE_H
#define FS_DEVICE_PRIVATE_H

#include <pthread.h>

#include "fs/device/device.h"
#include "fs/device/matters.h"

#define FILE_LIMIT   (8u << 20) /* a small file's contents */
#define STORE_ID     16
#define DEVICE_LIMIT 65536 /* devices in one store */

/* Plain form of what is sealed at rest; wiped by plain_done. */
struct plain {
	uint8_t *bytes; /* NULL: nothing */
	size_t length;
};
void plain_done(struct plain *plain);
#define PLAIN_CLEANUP __attribute__((cleanup(plain_done)))

/* What lies sealed in a device's folder, as it lies there; read once. */
struct kept {
	struct plain plain;
	bool is_read;
};
void kept_done(struct kept *kept); /* wiped; read again when asked for */

struct device_entry {
	struct device device;
	enum bl_device_state before_hold;
	bool is_shredding; /* no hold any more */
	bool is_parting;   /* no hold just now: a part's INTENT is on its way */
	bool is_claimed;   /* a thread works on its destruction */
	size_t restored;   /* holds that its record had lost when the store was opened */
	/* The facts as they lie in the store; read once. */
	struct plain facts;
	bool has_facts; /* `facts` is what the store holds, be it nothing */
	struct kept matters, notes, parts;
};

struct device_store {
	pthread_mutex_t mutex; /* over entries; held through the syncs of a change */
	int fd, lock_fd, devices_fd, certificates_fd, keys_fd;
	uint8_t id[STORE_ID];
	struct vault *vault;
	struct device_entry **entries; /* sorted by id */
	size_t count, room;
	/* Holds of STORE/holds whose devices are not there: they are kept, should those be put back. */
	struct held *strays;
	size_t stray_count;
};

/* ---- file.c ---- */

/* file_replace - NAME.tmp, sync, rename, sync of the folder. file_put does it with the line of format-store.md. */
enum bl_status file_replace(int folder_fd, const char *name, const void *bytes, size_t length,
			    struct bl_error *why) BL_MUST_CHECK;
enum bl_status file_put(int folder_fd, const char *name, const void *bytes, size_t length,
			struct bl_error *why) BL_MUST_CHECK;
/* file_load - all of a file of ours, NUL behind it. BL_NOT_FOUND, BL_INVALID (not private), BL_TOO_LARGE, BL_IO. */
enum bl_status file_load(int folder_fd, const char *name, char **out_bytes, size_t *out_length,
			 struct bl_error *why) BL_MUST_CHECK;
/* file_get - the same with the line checked and taken off. BL_TAMPERED. */
enum bl_status file_get(int folder_fd, const char *name, char **out_bytes, size_t *out_length,
			struct bl_error *why) BL_MUST_CHECK;
/* file_remove - unlink and sync of the folder; absent is fine */
enum bl_status file_remove(int folder_fd, const char *name, struct bl_error *why) BL_MUST_CHECK;
/* file_sweep - remove leftovers of file_replace in a folder */
void file_sweep(int folder_fd);
/* file_is_private - fstat of @fd: ours, of this type, nothing open to others beyond @allowed */
enum bl_status file_is_private(int fd, mode_t type, mode_t allowed, const char *what,
			       struct bl_error *why) BL_MUST_CHECK;
/* file_text_ok - is this UTF-8 of at most @limit bytes without control and direction characters? */
bool file_text_ok(const char *text, size_t limit);

/* ---- device.c ---- */

/* STORE_LOCKED - hold the store's mutex to the end of the block; store_* below want it held */
void store_unlock(pthread_mutex_t **mutex);
#define STORE_LOCKED(store)                                                                        \
	__attribute__((cleanup(store_unlock), unused)) pthread_mutex_t *lock_ = &(store)->mutex;   \
	pthread_mutex_lock(lock_)
/* store_find - BL_NOT_FOUND. store_folder - the folder of a device, or of one that is being made */
enum bl_status store_find(const struct device_store *store, const char *id,
			  struct device_entry **out_entry, struct bl_error *why) BL_MUST_CHECK;
enum bl_status store_folder(const struct device_store *store, const char *id, int *out_fd,
			    struct bl_error *why) BL_MUST_CHECK;
/* store_put - @changed to the disk alone. store_change - and then to memory, which never says what a crash would take back */
enum bl_status store_put(struct device_store *store, const struct device_entry *changed,
			 struct bl_error *why) BL_MUST_CHECK;
enum bl_status store_change(struct device_store *store, struct device_entry *entry,
			    const struct device_entry *changed, struct bl_error *why) BL_MUST_CHECK;
/* store_update - the same with what @make does to a copy of the entry; nothing written when that changes nothing. BL_NOT_FOUND */
typedef enum bl_status store_make_fn(struct device_entry *changed, const void *how,
				     struct bl_error *why);
enum bl_status store_update(struct device_store *store, const char *id, store_make_fn *make,
			    const void *how, struct bl_error *why) BL_MUST_CHECK;
/* record_check - may a device be so? BL_INVALID. record_take - what a record states takes the place of what was there; what it leaves out stays */
enum bl_status record_check(const struct device *device, struct bl_error *why) BL_MUST_CHECK;
void record_take(struct device *device, const struct device_record *record);
#define PLACE_FORM "1 to 63 letters, digits, '.', '_', '/' and '-'"
void entry_free(struct device_entry *entry); /* wiped */
BL_DEFINE_CLEANUP(struct device_entry, entry_free)

/* ---- codec.c ---- */

enum bl_status codec_encode(const struct device_entry *entry, char **out_json,
			    struct bl_error *why) BL_MUST_CHECK;
enum bl_status codec_decode(const char *json, size_t length, struct device_entry *out_entry,
			    struct bl_error *why) BL_MUST_CHECK;

/* One hold of STORE/holds. */
struct held {
	char device[BL_DEVICE_ID_SIZE];
	struct device_hold hold;
};
#define HELD_LIMIT 16384
int held_compare(const struct held *left, const struct held *right); /* by device and number */
/* codec_held_encode - BL_NO_MEMORY. codec_held_decode - strict, sorted; @out_held is the caller's (free). BL_TAMPERED, BL_NO_MEMORY */
enum bl_status codec_held_encode(const struct held *held, size_t count,
				 char **out_json) BL_MUST_CHECK;
enum bl_status codec_held_decode(const char *json, size_t length, struct held **out_held,
				 size_t *out_count) BL_MUST_CHECK;

/* ---- hold.c ---- */

/* holds_know - does a hold stand of a device of that id whose folder is away? */
bool holds_know(const struct device_store *store, const char *id);

/*
 * holds_restore - when the store is opened: a device has every hold of its record and of STORE/holds, and so have both
 *
 * BL_OK, BL_TAMPERED (STORE/holds does not unseal, is not of this form, or a device would have too many: nobody can say what stands),
 * BL_IO, BL_NO_MEMORY.
 */
enum bl_status holds_restore(struct device_store *store, struct bl_error *why) BL_MUST_CHECK;

/* ---- secret.c ---- */

enum secret_kind {
	SECRET_CUSTOMER,
	SECRET_FACTS,
	SECRET_MATTERS,
	SECRET_NOTES,
	SECRET_PARTS,
	SECRET_FOUND
};
#define SECRET_FOUND_LIMIT    ((size_t)32 << 10)
#define SECRET_CUSTOMER_LIMIT ((size_t)DEVICE_IDENTITIES * (3 + UINT16_MAX) + 3)

/*
 * secret_put    - seal @plain under the device's VAULT_RECORD key (matters: the store's) into its file, durably
 * secret_get    - back again; nothing when there is no file. BL_TAMPERED: does not unseal, or its key is gone
 * secret_forget - overwritten, synced, unlinked; BL_OK when absent already
 */
enum bl_status secret_put(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  const struct plain *plain, struct bl_error *why) BL_MUST_CHECK;
enum bl_status secret_get(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  struct plain *out_plain, struct bl_error *why) BL_MUST_CHECK;
enum bl_status secret_forget(int folder_fd, enum secret_kind kind,
			     struct bl_error *why) BL_MUST_CHECK;
/* secret_forget_found - the same with what the gate keeps of the device's files: what was found, and who is known (docs/format-spans.md) */
enum bl_status secret_forget_found(int folder_fd, struct bl_error *why) BL_MUST_CHECK;
/*
 * kept_load - what lies there into @kept, unless it is there already
 * kept_save - @plain onto the disk; then it is what @kept has, and @plain nothing
 */
enum bl_status kept_load(struct device_store *store, const struct device_entry *entry,
			 enum secret_kind kind, struct kept *kept,
			 struct bl_error *why) BL_MUST_CHECK;
enum bl_status kept_save(struct device_store *store, const struct device_entry *entry,
			 enum secret_kind kind, struct kept *kept, struct plain *plain,
			 struct bl_error *why) BL_MUST_CHECK;
/* store_secret_put / _get - device_store_secret_write / _read for who holds the store's mutex */
enum bl_status store_secret_put(struct device_store *store, enum device_store_secret secret,
				const void *bytes, size_t length,
				struct bl_error *why) BL_MUST_CHECK;
enum bl_status store_secret_get(struct device_store *store, enum device_store_secret secret,
				uint8_t **out_bytes, size_t *out_length,
				struct bl_error *why) BL_MUST_CHECK;

/* ---- customer.c ---- */

/* customer_put - seal the values of @record into a folder; customer_get - back again */
enum bl_status customer_put(struct vault *vault, const char *id, int folder_fd,
			    const struct device_record *record, struct bl_error *why) BL_MUST_CHECK;
enum bl_status customer_get(struct vault *vault, const char *id, int folder_fd,
			    struct device_record *out_record, struct bl_error *why) BL_MUST_CHECK;

/* ---- facts-codec.c ---- */

#define FACTS_DATE_LIMIT INT64_C(253402300799) /* end of the year 9999 */
/* Where the date lies in the plain form, so that looking at it alone needs no decoding. */
#define FACTS_LAST_OPEN 1
#define FACTS_HEAD	28 /* version, two dates, a uid, next number, three counts */
#define FACTS_LIMIT                                                                                \
	((size_t)FACTS_HEAD + DEVICE_CONSENTS * (14 + DEVICE_PURPOSE) +                            \
	 DEVICE_CHECKS * (14 + DEVICE_TICKET) +                                                    \
	 DEVICE_REQUESTS * (16 + 16 + (1 + BL_RULE_ID_SIZE) + (1 + DEVICE_REASON) +                \
			    (3 + DEVICE_PATH) + 6 + DEVICE_APPROVALS * 12))

/* Is each of these what facts may hold? (docs/format-store.md, "facts.sealed") */
bool facts_name_ok(const char *name); /* a purpose, or the class of an unmask */
bool facts_ticket_ok(const char *ticket);
bool facts_reason_ok(const char *reason);
bool facts_path_ok(const char *path);
bool facts_date_ok(int64_t at_unix);
bool facts_has_path(enum bl_action action); /* may a request of it name a path? */

/* facts_encode - @out is facts_decode's input; BL_NO_MEMORY. facts_decode - strict; BL_TAMPERED, BL_NO_MEMORY */
enum bl_status facts_encode(const struct device_facts *facts, struct plain *out) BL_MUST_CHECK;
enum bl_status facts_decode(const uint8_t *bytes, size_t length,
			    struct device_facts **out_facts) BL_MUST_CHECK;
/* facts_new - nothing recorded; facts_forget_request - takes one out and wipes it */
struct device_facts *facts_new(void);
void facts_forget_request(struct device_facts *facts, size_t at);

/* ---- facts.c ---- */

/* facts_enroll - what a record file states, into the folder of a device that is being made */
enum bl_status facts_enroll(struct device_store *store, struct device_entry *entry, int folder_fd,
			    const struct device_record *record, struct bl_error *why) BL_MUST_CHECK;
/* facts_forget - a shred: out of memory and off the disk */
enum bl_status facts_forget(struct device_entry *entry, int folder_fd,
			    struct bl_error *why) BL_MUST_CHECK;

/* ---- matters-codec.c ---- */

/* Text in JSON: a byte of an action may become two (quotes and backslashes). */
#define MATTERS_LIMIT                                                                              \
	((size_t)128 + MATTERS_INCIDENTS * (2 * MATTERS_ACTION + 256) +                            \
	 MATTERS_REQUESTS * (MATTERS_TICKET + 2 * DEVICE_DIGEST + 256))
#define PARTS_LIMIT ((size_t)64 + MATTERS_PARTS * (2 * BL_RULE_ID_SIZE + 2 * DEVICE_DIGEST + 64))

struct device_part {
	char entry[BL_RULE_ID_SIZE];
	uint8_t paths[DEVICE_DIGEST];
	int64_t at_unix;
};
struct device_parts {
	size_t count;
	struct device_part items[MATTERS_PARTS]; /* in the order they were carried out */
};

/* *_encode - @out is *_decode's input; BL_NO_MEMORY. *_decode - strict; BL_TAMPERED, BL_NO_MEMORY. *_new - nothing yet */
enum bl_status matters_encode(const struct device_matters *matters,
			      struct plain *out) BL_MUST_CHECK;
enum bl_status matters_decode(const uint8_t *bytes, size_t length,
			      struct device_matters **out_matters) BL_MUST_CHECK;
struct device_matters *matters_new(void);
bool matters_action_ok(const char *action);
bool parts_entry_ok(const char *entry);
/* parts_find - that one; NULL: not there */
struct device_part *parts_find(struct device_parts *parts, const char *entry,
			       const uint8_t paths[DEVICE_DIGEST]);
enum bl_status parts_encode(const struct device_parts *parts, struct plain *out) BL_MUST_CHECK;
enum bl_status parts_decode(const uint8_t *bytes, size_t length,
			    struct device_parts *out_parts) BL_MUST_CHECK;

/* ---- matters.c ---- */

/* matters_load - a copy of what goes on about a device */
enum bl_status matters_load(struct device_store *store, struct device_entry *entry,
			    struct device_matters **out_matters,
			    struct bl_error *why) BL_MUST_CHECK;

/* ---- notes.c, notes-codec.c ---- */

#define NOTES_LIMIT ((size_t)3 + MATTERS_NOTES * (23 + DEVICE_NOTE - 1))
enum bl_status notes_encode(const struct device_notes *notes, struct plain *out) BL_MUST_CHECK;
enum bl_status notes_decode(const uint8_t *bytes, size_t length,
			    struct device_notes **out_notes) BL_MUST_CHECK;
bool notes_matter_ok(enum note_about about, uint32_t matter);
/* notes_begin - a device of which something may still be written under its key; BL_NOT_FOUND, BL_INVALID */
enum bl_status notes_begin(const struct device_store *store, const char *id,
			   struct device_entry **out_entry, struct bl_error *why) BL_MUST_CHECK;
/* notes_forget - a shred: notes and parts out of memory and off the disk */
enum bl_status notes_forget(struct device_entry *entry, int folder_fd,
			    struct bl_error *why) BL_MUST_CHECK;

/* ---- edit.c ---- */

/* entry_revise - one more revision, for a change that people make. BL_INVALID: released; BL_TOO_LARGE */
enum bl_status entry_revise(struct device_entry *changed, struct bl_error *why) BL_MUST_CHECK;

/* ---- record.c ---- */

/* record_reserve - one block for all values; record_add copies one into it */
enum bl_status record_reserve(struct device_record *record, size_t bytes) BL_MUST_CHECK;
void record_add(struct device_record *record, enum detect_identity_kind kind, const char *value,
		size_t length);

/* ---- source.c ---- */

/* source_identify - resolve device->source and fill in what tells it from any other thing */
enum bl_status source_identify(struct device *device, struct bl_error *why) BL_MUST_CHECK;

#endif
