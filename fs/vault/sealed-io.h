/* sealed-io.h - private to fs/vault: every change that is made to a sealed image's files, so that tests can stand in for a disk */
#ifndef FS_VAULT_SEALED_IO_H
#define FS_VAULT_SEALED_IO_H

#include <sys/types.h>

#include "policy/base.h"

/* Each as the system call it is named for: -1 and errno. write_at may be called by the writer's own thread, too. */
struct sealed_io {
	int (*open_at)(void *context, int dir_fd, const char *name, int flags, unsigned mode);
	int (*make_folder)(void *context, int dir_fd, const char *name);
	ssize_t (*write_at)(void *context, int fd, const void *bytes, size_t length,
			    uint64_t offset);
	int (*resize)(void *context, int fd, uint64_t length);
	int (*sync)(void *context, int fd);
	int (*sync_folder)(void *context, int fd);
	int (*rename_at)(void *context, int dir_fd, const char *from, const char *to);
	int (*remove_at)(void *context, int dir_fd, const char *name, bool is_folder);
	void *context;
};

const struct sealed_io *sealed_io_real(void);

/* The same with words for its failure; @what is in the image: "data". A short write is a failure: how a full disk shows first. */
enum bl_status sealed_io_write(const struct sealed_io *io, int fd, const void *bytes, size_t length,
			       uint64_t offset, const char *what,
			       struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_io_resize(const struct sealed_io *io, int fd, uint64_t length,
				const char *what, struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_io_sync(const struct sealed_io *io, int fd, const char *what,
			      struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_io_sync_folder(const struct sealed_io *io, int fd, const char *what,
				     struct bl_error *why) BL_MUST_CHECK;
/* sealed_io_create - a new file of mode 0600, for reading and writing; O_DIRECT where @flags say so and the filesystem has it */
enum bl_status sealed_io_create(const struct sealed_io *io, int dir_fd, const char *name, int flags,
				int *out_fd, struct bl_error *why) BL_MUST_CHECK;

/* sealed_read_at - all of @length; what lies behind the file's end is zeros. BL_IO */
enum bl_status sealed_read_at(int fd, void *out, size_t length, uint64_t offset, const char *what,
			      struct bl_error *why) BL_MUST_CHECK;

#endif
