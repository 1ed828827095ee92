/* mount-options.h - the -o of `bailee mount` and `enroll`, word by word. Private to fs/cli. */
#ifndef FS_CLI_MOUNT_OPTIONS_H
#define FS_CLI_MOUNT_OPTIONS_H

#include "fs/cli/cli.h"
#include "fs/image/part.h"

struct mount_options {
	struct image_part part;
	unsigned timeout_seconds;
	/* Of `mount`, so that a line of fstab can say all that the command line can; NULL: not said. Into the text that was taken. */
	const char *policy, *store, *purpose, *reason, *device, *passphrase_file, *key_file;
};

/*
 * mount_options_take - one -o: words with commas between them ("\," or a comma in quotes is one in a value). @text is cut in place, and borrowed
 *
 * @is_mount  false: only the words of a part (offset, partition, fs)
 * BL_OK, BL_INVALID (unknown, or one that no mount of ours can have, with the reason).
 */
enum bl_status mount_options_take(struct mount_options *options, char *text, bool is_mount,
				  struct bl_error *why) BL_MUST_CHECK;

#endif
