/* choose-walk.h - every file of a volume and what the patterns say of it; private to fs/image/choose* */
#ifndef FS_IMAGE_CHOOSE_WALK_H
#define FS_IMAGE_CHOOSE_WALK_H

#include "fs/image/choose-match.h"

#define CHOOSE_ENTRIES 4000000u /* of all volumes: 32 bytes each at most */

struct choose_file {
	uint64_t identity, inode;
	uint64_t owner;	  /* identity of the file or folder that it is a stream of; 0: none */
	uint8_t verdicts; /* of all its names: enum choose_verdict, or-ed */
};

/*
 * Sorted by identity, each inode once; the streams of a file come behind it. Where nothing of a file is kept, nothing of its
 * streams is: they go where it goes, but it does not go where one of them goes.
 */
struct choose_files {
	struct choose_file *items;
	size_t count, room;
};
void choose_files_done(struct choose_files *files);

struct choose_walk {
	struct image *image;
	struct choose_match *match;
	image_choose_progress_fn *progress; /* may be NULL */
	void *context;
	uint64_t entries; /* of all volumes so far */
	uint64_t files;	  /* of the volumes that are done */
};

/* choose_walk_goes_on - tell the caller how far it is; BL_OK, BL_STALE */
enum bl_status choose_walk_goes_on(const struct choose_walk *walk, uint64_t files,
				   struct bl_error *why) BL_MUST_CHECK;

/*
 * choose_walk_volume - list all folders of a readable volume
 *
 * A folder that is met again under another path is listed again only where the patterns could say something else of what
 * is below, so loops end, and every name counts.
 *
 * @out_files     to be given up by choose_files_done, also on failure
 * @out_is_whole  false: something that matters could not be listed; what matters is what is not settled (choose-match.h).
 *                The walk ends there.
 * BL_OK, BL_TOO_LARGE, BL_STALE, BL_TIMED_OUT, BL_NO_MEMORY
 */
enum bl_status choose_walk_volume(struct choose_walk *walk, unsigned volume,
				  struct choose_files *out_files, bool *out_is_whole,
				  struct bl_error *why) BL_MUST_CHECK;

/* choose_is_fatal - a failure that ends everything, and tells nothing of one file or folder */
bool choose_is_fatal(enum bl_status status);

#endif
