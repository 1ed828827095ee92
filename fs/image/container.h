/* container.h - images kept in other forms (E01, VMDK, VHD, VHDX, qcow2, split raw) as plain bytes
 *
 * Container formats are parsed by `bailee-container-*`, programs that see nothing but the descriptors of the image's own files
 * and a pipe or socket to write to: no filesystem, no network, no new processes (seccomp, no new privileges, memory and time limits).
 * For an intake they write one stream, BSTREAM1 (docs/format-vault.md, "The stream"), and are started by whoever hands the image over (a
 * client, with its own rights). In place they answer questions (docs/containers.md, "In place"; contained.h).
 */
#ifndef FS_IMAGE_CONTAINER_H
#define FS_IMAGE_CONTAINER_H

#include <sys/types.h>

#include "policy/base.h"

#define CONTAINER_FILES 200 /* segments of one image, at most; also what one request can carry */

enum container_kind {
	CONTAINER_NONE,	 /* raw bytes as they are: no program is needed */
	CONTAINER_SPLIT, /* raw in pieces: name.001, .002, ... (or .aa, .ab, ...) */
	CONTAINER_EWF,	 /* Expert Witness: E01, Ex01, S01 */
	CONTAINER_VMDK,
	CONTAINER_VHD,	/* VHD and VHDX */
	CONTAINER_QCOW, /* QCOW 1 to 3 */
	CONTAINER_KIND_COUNT
};
const char *container_kind_name(enum container_kind kind); /* "e01", "raw"; static */

struct container {
	enum container_kind kind;
	size_t count; /* of files */
	int fds[CONTAINER_FILES];
	char names[CONTAINER_FILES][256]; /* without folder: what a descriptor file refers to */
};

/*
 * container_open - what lies at @path, and all its further files, with the caller's own rights
 *
 * @is_writable  open them for writing too (they are to be destroyed later)
 * Known by its magic, never by its name alone; only a split image is known by name (.001 or .aa and a .002 or .ab beside it, no
 * known magic). E01 segments (.E01 .. .E99, .EAA ..) and the extents of a VMDK lie beside the first file; links are followed there
 * as open(2) does for the caller.
 *
 * BL_OK, BL_INVALID (a segment is missing, a link outside), BL_TOO_LARGE (over CONTAINER_FILES), BL_UNSUPPORTED (a container that
 * needs another file: backing file, parent, snapshot), BL_IO. On failure nothing is left open.
 */
enum bl_status container_open(const char *path, bool is_writable, struct container *out_container,
			      struct bl_error *why) BL_MUST_CHECK;
void container_close(struct container *container);

/*
 * container_open_beside - the same for reading in place, of a first file that is open already
 *
 * @fd    the first file, or a block device (duplicated; the caller keeps its own)
 * @path  where it lies: its further files are beside it. They count only when they are no links, and on the disk and of the owner, group
 *        and rights of the first: whoever reads this may have more rights than who asked for it. A VMDK's descriptor names only what
 *        begins with its own name.
 * @out_container  the caller's: container_free
 * BL_OK, BL_INVALID (a further file is missing, or does not count), BL_TOO_LARGE, BL_UNSUPPORTED, BL_IO, BL_NO_MEMORY.
 */
enum bl_status container_open_beside(int fd, const char *path, struct container **out_container,
				     struct bl_error *why) BL_MUST_CHECK;
void container_free(struct container *container);
BL_DEFINE_CLEANUP(struct container, container_free)

/*
 * container_start - the sealed program for @container (not CONTAINER_NONE), streaming from byte @start on
 *
 * @folder  where bailee-container-* lie
 * @out_fd  the reading end of the pipe; @out_pid the child: container_wait is due
 * BL_OK, BL_FAILED (cannot be run), BL_IO, BL_NO_MEMORY.
 */
enum bl_status container_start(const struct container *container, const char *folder,
			       uint64_t start, int *out_fd, pid_t *out_pid,
			       struct bl_error *why) BL_MUST_CHECK;
/* container_ask - the same program in place: @out_fd is our end of the socket of ask.h */
enum bl_status container_ask(const struct container *container, const char *folder, int *out_fd,
			     pid_t *out_pid, struct bl_error *why) BL_MUST_CHECK;
/* container_wait - kill it when @is_over, reap it; BL_OK, BL_INVALID (it refused the container: fixed words), BL_IO (died) */
enum bl_status container_wait(pid_t pid, bool is_over, struct bl_error *why) BL_MUST_CHECK;

#endif
