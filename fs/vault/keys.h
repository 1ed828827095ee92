/* keys.h - private to vault.c and slots.c: the open key file */
#ifndef FS_VAULT_KEYS_H
#define FS_VAULT_KEYS_H

#include <pthread.h>
#include <sodium.h>

#include "fs/vault/page.h"
#include "fs/vault/slot.h"
#include "fs/vault/vault.h"

#define KEYS_FILE "keys"

/* What is secret, in guarded memory. */
struct keys_secrets {
	uint8_t kek[VAULT_KEY];
	struct key_pair own; /* seed, store master key */
	uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
};

struct keys_entry {
	struct slot slot;
	struct key_pair roots; /* of a live one: the device's, its image's */
	bool is_unsettled; /* a new image root was not proven: which one counts, the medium knows */
};

struct vault {
	struct page_file file;
	int keys_fd;	/* borrowed */
	bool is_writer; /* holds the flock */
	struct vault_header header;
	pthread_mutex_t lock;	      /* over everything below */
	struct keys_secrets *secrets; /* vault_guarded */
	struct keys_entry *entries;   /* vault_guarded; one for each slot */
	size_t slot_count, slot_room;
	uint64_t generation; /* the highest ever written */
	bool is_add_broken; /* an add failed half way: no other until the next open has settled it */
};

/* keys_load_slots - all of a file of @size bytes, settled as of the table of the format; the KEK is there */
enum bl_status keys_load_slots(struct vault *vault, off_t size, struct bl_error *why) BL_MUST_CHECK;
enum bl_status keys_no_memory(struct bl_error *why); /* BL_NO_MEMORY, in words */

#endif
