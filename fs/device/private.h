/* private.h - what the files of this part share: the open store, its devices, small durable files */
#ifndef FS_DEVICE_PRIVATE_H
#define FS_DEVICE_PRIVATE_H

#include <pthread.h>

#include "fs/device/device.h"

#define FILE_LIMIT   (8u << 20) /* a small file's contents */
#define STORE_ID     16
#define DEVICE_LIMIT 65536 /* devices in one store */

struct device_entry {
	struct device device;
	enum bl_device_state before_hold;
	bool is_shredding; /* no hold any more */
	bool is_claimed;   /* a thread works on its destruction */
};

struct device_store {
	pthread_mutex_t mutex; /* over entries; held through the syncs of a change */
	int fd, lock_fd, devices_fd, certificates_fd;
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

/* ---- codec.c ---- */

enum bl_status codec_encode(const struct device_entry *entry, char **out_json,
			    struct bl_error *why) BL_MUST_CHECK;
enum bl_status codec_decode(const char *json, size_t length, struct device_entry *out_entry,
			    struct bl_error *why) BL_MUST_CHECK;

/* ---- customer.c ---- */

/* customer_put - seal the values of @record into a folder; customer_get - back again */
enum bl_status customer_put(struct vault *vault, const char *id, int folder_fd,
			    const struct device_record *record, struct bl_error *why) BL_MUST_CHECK;
enum bl_status customer_get(struct vault *vault, const char *id, int folder_fd,
			    struct device_record *out_record, struct bl_error *why) BL_MUST_CHECK;
enum bl_status customer_forget(int folder_fd, struct bl_error *why) BL_MUST_CHECK;

/* ---- record.c ---- */

/* record_reserve - one block for all values; record_add copies one into it */
enum bl_status record_reserve(struct device_record *record, size_t bytes) BL_MUST_CHECK;
void record_add(struct device_record *record, enum detect_identity_kind kind, const char *value,
		size_t length);

/* ---- source.c ---- */

/* source_identify - resolve device->source and fill in what tells it from any other thing */
enum bl_status source_identify(struct device *device, struct bl_error *why) BL_MUST_CHECK;

#endif
