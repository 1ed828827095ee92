/* second-look.h - the statement of a second look at a destruction, checked anywhere: docs/format-certificate.md, "The second look" */
#ifndef FS_RETENTION_SECOND_LOOK_H
#define FS_RETENTION_SECOND_LOOK_H

#include "fs/vault/vault.h"
#include "policy/base.h"

/*
 * second_look_verify - is this verification (JSON bytes) genuine and whole?
 *
 * Offline: only @public_key. BL_OK (also when its result is bad), BL_TAMPERED (signature, form), BL_INVALID (not a verification).
 * @out_page  text for people, owned by the caller (free); may be NULL
 */
enum bl_status second_look_verify(const char *json, size_t length,
				  const uint8_t public_key[VAULT_PUBLIC_KEY], char **out_page,
				  struct bl_error *why) BL_MUST_CHECK;

#endif
