/* handed.h - what a client hands over to be taken in: which descriptors, of what kind, and which of them may be destroyed. Private to fs/daemon. */
#ifndef FS_DAEMON_HANDED_H
#define FS_DAEMON_HANDED_H

#include "fs/daemon/asked.h"
#include "fs/intake/intake.h"

struct handed {
	struct intake_source source;
	int pipe; /* a pipe, opened anew so that reading it never waits; owned; -1: none */
	/* To be destroyed afterwards, borrowed from the request: the source itself, or the files of a container; none when not asked for. */
	const int *files;
	size_t file_count;
};

/*
 * handed_take - all descriptors and words of an intake's source
 *
 * The client opened everything with its own rights: root neither reads nor destroys for it what it could not itself. Nothing is
 * read from what might not answer: what is read here is a file, a disk, a pipe or a socket.
 *
 * BL_OK (then handed_done is due), BL_INVALID, BL_FORBIDDEN (not open for reading, or for writing where it is to be destroyed), BL_UNSUPPORTED
 * (cannot be destroyed truthfully).
 */
enum bl_status handed_take(const struct asked *asked, struct handed *out_handed,
			   struct bl_error *why) BL_MUST_CHECK;
void handed_done(struct handed *handed);

/*
 * handed_check_shared - one image may be that of several devices, but then none of them destroys it: holds of the others would not count
 * handed_check_destroyable - may this file be destroyed, when its time comes? handed_check_files: all that were handed over, still?
 *
 * BL_FORBIDDEN: the image of another device, part of the store itself, or not open for writing; BL_UNSUPPORTED (medium_check_file)
 */
enum bl_status handed_check_shared(const struct asked *asked, int fd, bool is_destroyed,
				   struct bl_error *why) BL_MUST_CHECK;
enum bl_status handed_check_destroyable(const struct asked *asked, int fd,
					struct bl_error *why) BL_MUST_CHECK;
enum bl_status handed_check_files(const struct asked *asked, const struct handed *handed,
				  struct bl_error *why) BL_MUST_CHECK;

#endif
