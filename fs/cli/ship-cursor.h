/* ship-cursor.h - how far a receiver has the log, kept in a file. Private to fs/cli */
#ifndef FS_CLI_SHIP_CURSOR_H
#define FS_CLI_SHIP_CURSOR_H

#include "policy/base.h"

/* ship_cursor_path - where the cursor of @target is unless one was given: in the user's state folder, which is made. BL_INVALID, BL_IO */
enum bl_status ship_cursor_path(const char *target, char *out, size_t size,
				struct bl_error *why) BL_MUST_CHECK;
/*
 * ship_cursor_read - the last event that @target is known to have; 0: none
 *
 * BL_OK; BL_INVALID: of another log or target, or no cursor at all; BL_IO
 */
enum bl_status ship_cursor_read(const char *path, const char *log_id, const char *target,
				uint64_t *out_sequence, struct bl_error *why) BL_MUST_CHECK;
/* ship_cursor_write - durable when it returns BL_OK, unchanged otherwise. BL_IO, BL_NO_MEMORY */
enum bl_status ship_cursor_write(const char *path, const char *log_id, const char *target,
				 uint64_t sequence, struct bl_error *why) BL_MUST_CHECK;
/* ship_cursor_lock - nobody else moves it while the descriptor is open. BL_EXISTS, BL_IO */
enum bl_status ship_cursor_lock(const char *path, int *out_fd, struct bl_error *why) BL_MUST_CHECK;

#endif
