/* kit.h - the auditor's kit as a file (docs/format-log.md, "The auditor kit"). Private to fs/daemon. */
#ifndef FS_DAEMON_KIT_H
#define FS_DAEMON_KIT_H

#include "fs/audit/audit.h"

#define KIT_IN_STORE "auditor.kit" /* where a store that was made on first use leaves it */

/*
 * kit_keep - write the kit to @name in @folder_fd (0600), durable on return
 *
 * @may_replace  a leftover of a crash is overwritten; else BL_EXISTS
 *
 * BL_OK, BL_EXISTS, BL_IO.
 */
enum bl_status kit_keep(int folder_fd, const char *name, const struct audit_kit *kit,
			bool may_replace, struct bl_error *why) BL_MUST_CHECK;

#endif
