/* private.h - what the files of this part share: the open store, its devices, small durable files */
#ifndef FS_DEVICE_PRIVATE_H
#define FS_DEVICE_PRIVATE_H

#include <pthread.h>

#include "fs/device/device.h"

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

struct device_entry {
	struct device device;
	enum bl_device_state before_hold;
	bool is_shredding; /* no hold any more */
	bool is_parting;   /* no hold just now: a part's INTENT is on its way */
	bool is_claimed;   /* a thread works on its destruction */
	/* The facts as they lie in the store; read once. */
	struct plain facts;
	bool has_facts; /* `facts` is what the store holds, be it nothing */
};

struct device_store {
	pthread_mutex_t mutex; /* over entries; held through the syncs of a change */
	int fd, lock_fd, devices_fd, certificates_fd, keys_fd;
	uint8_t id[STORE_ID];
	struct vault *vault;
	struct device_entry **entries; /* sorted by id */
	size_t count, room;
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
void entry_free(struct device_entry *entry); /* wiped */
BL_DEFINE_CLEANUP(struct device_entry, entry_free)

/* ---- codec.c ---- */

enum bl_status codec_encode(const struct device_entry *entry, char **out_json,
			    struct bl_error *why) BL_MUST_CHECK;
enum bl_status codec_decode(const char *json, size_t length, struct device_entry *out_entry,
			    struct bl_error *why) BL_MUST_CHECK;

/* ---- secret.c ---- */

enum secret_kind { SECRET_CUSTOMER, SECRET_FACTS };
#define SECRET_CUSTOMER_LIMIT ((size_t)DEVICE_IDENTITIES * (3 + UINT16_MAX) + 3)

/*
 * secret_put    - seal @plain under the device's VAULT_RECORD key into its file, durably
 * secret_get    - back again; nothing when there is no file. BL_TAMPERED: does not unseal, or its key is gone
 * secret_forget - overwritten, synced, unlinked; BL_OK when absent already
 */
enum bl_status secret_put(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  const struct plain *plain, struct bl_error *why) BL_MUST_CHECK;
enum bl_status secret_get(struct vault *vault, const char *id, int folder_fd, enum secret_kind kind,
			  struct plain *out_plain, struct bl_error *why) BL_MUST_CHECK;
enum bl_status secret_forget(int folder_fd, enum secret_kind kind,
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

/* ---- record.c ---- */

/* record_reserve - one block for all values; record_add copies one into it */
enum bl_status record_reserve(struct device_record *record, size_t bytes) BL_MUST_CHECK;
void record_add(struct device_record *record, enum detect_identity_kind kind, const char *value,
		size_t length);

/* ---- source.c ---- */

/* source_identify - resolve device->source and fill in what tells it from any other thing */
enum bl_status source_identify(struct device *device, struct bl_error *why) BL_MUST_CHECK;

#endif
