/* source-look.h - a source as its user names it, before it is enrolled: is there what was asked for? Private to fs/cli. */
#ifndef FS_CLI_SOURCE_LOOK_H
#define FS_CLI_SOURCE_LOOK_H

#include "fs/cli/cli.h"
#include "fs/image/part.h"

/*
 * look_open - with our own rights: nothing is read for us that we could not read ourselves
 *
 * @flags  O_RDONLY or O_RDWR
 * BL_OK, BL_INVALID (with the way out)
 */
enum bl_status look_open(const char *path, int flags, int *out_fd,
			 struct bl_error *why) BL_MUST_CHECK;

/*
 * look_into - the image, perhaps inside a container, in the file @fd that lies at @path
 *
 * As container_open_beside and image_open_container.
 */
enum bl_status look_into(const char *path, int fd, const struct image_options *options,
			 struct image **out_image, struct bl_error *why) BL_MUST_CHECK;

/*
 * look_at - does it have @part? On a terminal, what it waits for; a partition that cannot be read is a warning on stderr
 *
 * What of the whole cannot be opened is a warning too: it is shown as a notice.
 * BL_OK, BL_INVALID (there is no such part: what is there is said), else as image_open of a part
 */
enum bl_status look_at(const struct invocation *invocation, const char *path, int fd,
		       const struct image_part *part, struct bl_error *why) BL_MUST_CHECK;

#endif
