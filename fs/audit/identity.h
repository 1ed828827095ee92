/* identity.h - private to fs/audit: whether a folder is the log that an auditor means
 *
 * docs/format-log.md, "What a verifier checks", log.id.
 */
#ifndef FS_AUDIT_IDENTITY_H
#define FS_AUDIT_IDENTITY_H

#include "fs/audit/format.h"

/*
 * identity_check - log.id, held against what the auditor brought
 *
 * @kit         NULL: none
 * @public_key  VAULT_PUBLIC_KEY bytes
 *
 * BL_OK, BL_TAMPERED (it is a log, and log.id is gone, damaged or not what the kit says), BL_INVALID (no log, or kit or key are of
 * another: nothing is said about the log), BL_UNSUPPORTED (newer), BL_IO.
 */
enum bl_status identity_check(int log_fd, const struct audit_kit *kit, const uint8_t *public_key,
			      struct log_identity *out_identity,
			      struct bl_error *why) BL_MUST_CHECK;

#endif
