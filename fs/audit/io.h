/* io.h - private to fs/audit: every write and sync of the log, each with words for its failure */
#ifndef FS_AUDIT_IO_H
#define FS_AUDIT_IO_H

#include "fs/audit/audit.h"

/* A short write is a failure: it is how a full disk shows first. */
enum bl_status io_write(const struct audit_io *io, int fd, const void *bytes, size_t length,
			uint64_t offset, const char *what, struct bl_error *why) BL_MUST_CHECK;
enum bl_status io_sync(const struct audit_io *io, int fd, const char *what,
		       struct bl_error *why) BL_MUST_CHECK;
enum bl_status io_sync_folder(const struct audit_io *io, int fd, const char *what,
			      struct bl_error *why) BL_MUST_CHECK;
enum bl_status io_rename(const struct audit_io *io, int dir_fd, const char *from, const char *to,
			 struct bl_error *why) BL_MUST_CHECK;
enum bl_status io_open(const struct audit_io *io, int dir_fd, const char *name, int flags,
		       int *out_fd, struct bl_error *why) BL_MUST_CHECK;

#endif
