/* container-parts.h - between the sources of container.h: what a file is, and where its further files lie; private to them */
#ifndef FS_IMAGE_CONTAINER_PARTS_H
#define FS_IMAGE_CONTAINER_PARTS_H

#include <sys/stat.h>

#include "fs/image/container.h"

#define CONTAINER_HEAD 512u

/* The folder and first file of what is being opened. */
struct container_place {
	const char *path; /* as given: for messages */
	int folder_fd;
	bool is_writable;
	const struct stat
		*like; /* in place: further files are like this one, the first; NULL: any will do */
};

/* What the first file says of itself; read once, all further looks are at this. */
struct container_head {
	bool is_device; /* a disk is a disk, whatever its first bytes say */
	uint64_t bytes;
	uint8_t first[CONTAINER_HEAD], last[CONTAINER_HEAD]; /* zeros where the file is shorter */
};

/* Opens @name in the folder and appends it to @container. BL_NOT_FOUND: it is not there, and @why is untouched. In place BL_INVALID when it is not like the first. */
enum bl_status container_add(const struct container_place *place, const char *name,
			     struct container *container, struct bl_error *why) BL_MUST_CHECK;
bool container_is_there(const struct container_place *place, const char *name);

/* Up to @length bytes at @offset, zeros where there are none; false when reading fails. */
bool container_peek(int fd, uint64_t offset, uint8_t *bytes, size_t length);

/* By its magic; BL_UNSUPPORTED for what is known, but not read here. */
enum bl_status container_probe(const struct container_place *place,
			       const struct container_head *head, enum container_kind *out_kind,
			       struct bl_error *why) BL_MUST_CHECK;

/* Further files, behind the first one that @container already has. */
enum bl_status container_add_ewf(const struct container_place *place,
				 const struct container_head *head, struct container *container,
				 struct bl_error *why) BL_MUST_CHECK;
/* Becomes CONTAINER_SPLIT when its name is that of a first piece and a second is there. */
enum bl_status container_add_pieces(const struct container_place *place,
				    struct container *container,
				    struct bl_error *why) BL_MUST_CHECK;
enum bl_status container_add_extents(const struct container_place *place,
				     const struct container_head *head, struct container *container,
				     struct bl_error *why) BL_MUST_CHECK;

#endif
