/* auditor.h - reading auditors' keys from the command line. Private to fs/cli. */
#ifndef FS_CLI_AUDITOR_H
#define FS_CLI_AUDITOR_H

#include "fs/audit/audit.h"

/*
 * cli_read_auditor - a key from the file @text names, or (a public one) from @text itself, 64 hex digits
 *
 * BL_OK, BL_INVALID (no key, or the other half), BL_NOT_FOUND, BL_IO.
 */
enum bl_status cli_read_auditor(bool is_secret, const char *text, uint8_t out_key[AUDIT_KEY],
				struct bl_error *why) BL_MUST_CHECK;
/* cli_read_kit - an auditor's kit from its file; the caller wipes it */
enum bl_status cli_read_kit(const char *path, struct audit_kit *out_kit,
			    struct bl_error *why) BL_MUST_CHECK;

#endif
