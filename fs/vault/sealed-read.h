/* sealed-read.h - private to fs/vault: an image that is open for reading */
#ifndef FS_VAULT_SEALED_READ_H
#define FS_VAULT_SEALED_READ_H

#include "fs/vault/hot.h"
#include "fs/vault/nodes.h"

/* sealed_read_stored - as sealed_read, but what was not there at intake reads as the zeros that are stored for it */
enum bl_status sealed_read_stored(struct sealed *sealed, uint64_t offset, void *out, size_t length,
				  struct bl_error *why) BL_MUST_CHECK;

#endif
