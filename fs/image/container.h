/* container.h - images kept in other forms (E01, VMDK, VHD, VHDX, qcow2, split raw) as one stream of plain bytes
 *
 * Container formats are parsed by `bailee-container-*`, programs that see nothing but the descriptors of the image's own files
 * and a pipe to write to: no filesystem, no network, no new processes (seccomp, no new privileges, memory and time limits). They are
 * started by whoever hands the image over (a client, with its own rights), never by the service.
 *
 * What comes out of the pipe is BSTREAM1 (docs/format-vault.md, "The stream").
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
 * container_start - the sealed program for @container (not CONTAINER_NONE), streaming from byte @start on
 *
 * @folder  where bailee-container-* lie
 * @out_fd  the reading end of the pipe; @out_pid the child: container_wait is due
 * BL_OK, BL_FAILED (cannot be run), BL_IO, BL_NO_MEMORY.
 */
enum bl_status container_start(const struct container *container, const char *folder,
			       uint64_t start, int *out_fd, pid_t *out_pid,
			       struct bl_error *why) BL_MUST_CHECK;
/* container_wait - kill it when @is_over, reap it; BL_OK, BL_INVALID (it refused the container: fixed words), BL_IO (died) */
enum bl_status container_wait(pid_t pid, bool is_over, struct bl_error *why) BL_MUST_CHECK;

#endif
