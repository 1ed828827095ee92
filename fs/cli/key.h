/* key.h - the store's public key as people pass it on: 64 hex digits, or a file that holds them */
#ifndef FS_CLI_KEY_H
#define FS_CLI_KEY_H

#include "fs/vault/vault.h"

enum bl_status cli_read_key(const char *text, uint8_t out_key[VAULT_PUBLIC_KEY],
			    struct bl_error *why) BL_MUST_CHECK;

#endif
