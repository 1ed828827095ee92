/* image.c - hand each call to the backend of the image, after what both have in common */
#include "fs/image/image.h"

#include "fs/image/backend.h"
#include "fs/image/part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What of @opened is the part that was asked for; it is handed out or closed. */
static enum bl_status choose_part(struct image *opened, const struct image_options *options,
				  struct image **out_image, struct bl_error *why)
{
	BL_CLEANUP(image_close) struct image *image = opened;
	enum bl_status status = BL_OK;

	if (options->part)
		status = image_part_choose(image->volumes, image->volume_count, options->part, why);
	if (status == BL_OK)
		*out_image = BL_TAKE(image);
	return status;
}

static enum bl_status open_raw(int fd, const struct image_options *options,
			       struct image **out_image, struct bl_error *why)
{
	struct image *image = NULL;
	enum bl_status status = image_raw_open(fd, options, &image, why);

	return status == BL_OK ? choose_part(image, options, out_image, why) : status;
}

enum bl_status image_open_container(struct container *container,
				    const struct image_options *options, struct image **out_image,
				    struct bl_error *why)
{
	struct image *image = NULL;
	enum bl_status status = image_raw_open_container(container, options, &image, why);

	return status == BL_OK ? choose_part(image, options, out_image, why) : status;
}

enum bl_status image_open(int fd, enum image_kind kind, const struct image_options *options,
			  struct image **out_image, struct bl_error *why)
{
	switch (kind) {
	case IMAGE_DIRECTORY:
		if (options && options->part)
			return bl_fail(why, BL_INVALID,
				       "a directory has no parts (offset=, partition= and fs= are "
				       "for images)");
		return image_directory_open(fd, out_image, why);
	case IMAGE_RAW:
		return open_raw(fd, options, out_image, why);
	}
	return bl_fail(why, BL_INVALID, "unknown kind of image");
}

enum bl_status image_open_bytes(const struct image_bytes *bytes,
				const struct image_options *options, struct image **out_image,
				struct bl_error *why)
{
	return image_raw_open_bytes(bytes, options, out_image, why);
}

void image_close(struct image *image)
{
	if (!image)
		return;
	free(image->volumes);
	image->backend->close(image);
}

size_t image_volume_count(const struct image *image)
{
	return image->volume_count;
}

const struct image_volume *image_volume(const struct image *image, size_t index)
{
	return index < image->volume_count ? &image->volumes[index] : NULL;
}

static enum bl_status check_volume(const struct image *image, unsigned volume, struct bl_error *why)
{
	if (volume >= image->volume_count)
		return bl_fail(why, BL_NOT_FOUND, "the image has no volume %u", volume);
	if (image->volumes[volume].is_left_out)
		return bl_fail(why, BL_NOT_FOUND, "volume %u is not of the part asked for", volume);
	if (!image->volumes[volume].is_readable)
		return bl_fail(why, BL_IO, "volume %u of the image cannot be read", volume);
	return BL_OK;
}

enum bl_status image_list(struct image *image, unsigned volume, uint64_t inode,
			  image_entry_fn *tell, void *context, struct bl_error *why)
{
	enum bl_status status = check_volume(image, volume, why);

	if (status != BL_OK)
		return status;
	return image->backend->list(image, volume, inode, tell, context, why);
}

enum bl_status image_stat(struct image *image, unsigned volume, uint64_t inode,
			  struct image_attr *out_attr, struct bl_error *why)
{
	enum bl_status status = check_volume(image, volume, why);

	if (status != BL_OK)
		return status;
	return image->backend->stat(image, volume, inode, out_attr, why);
}

enum bl_status image_readlink(struct image *image, unsigned volume, uint64_t inode, char *out,
			      size_t size, struct bl_error *why)
{
	enum bl_status status = check_volume(image, volume, why);

	if (status != BL_OK)
		return status;
	if (size == 0)
		return bl_fail(why, BL_TOO_LARGE, "no room for a link target");
	return image->backend->readlink(image, volume, inode, out, size, why);
}

enum bl_status image_file_open_known(struct image *image, unsigned volume, uint64_t inode,
				     const struct image_attr *known, struct image_file **out_file,
				     struct bl_error *why)
{
	enum bl_status status = check_volume(image, volume, why);

	if (status != BL_OK)
		return status;
	return image->backend->file_open(image, volume, inode, known, out_file, why);
}

enum bl_status image_file_open(struct image *image, unsigned volume, uint64_t inode,
			       struct image_file **out_file, struct bl_error *why)
{
	return image_file_open_known(image, volume, inode, NULL, out_file, why);
}

void image_file_close(struct image_file *file)
{
	if (file)
		file->image->backend->file_close(file);
}

uint64_t image_file_size(const struct image_file *file)
{
	return file->size_bytes;
}

enum bl_status image_file_read(struct image_file *file, uint64_t offset, uint8_t *out,
			       size_t length, size_t *out_length, struct bl_error *why)
{
	if (offset >= file->size_bytes || length == 0) {
		*out_length = 0;
		return BL_OK;
	}
	if (length > file->size_bytes - offset)
		length = (size_t)(file->size_bytes - offset);
	enum bl_status status = file->image->backend->file_read(file, offset, out, length, why);
	if (status != BL_OK) {
		memset(out, 0, length); /* what arrived before the failure is nobody's to use */
		return status;
	}
	*out_length = length;
	return BL_OK;
}

enum bl_status image_file_seek(struct image_file *file, uint64_t offset, bool is_hole,
			       uint64_t *out_offset)
{
	if (offset >= file->size_bytes)
		return BL_NOT_FOUND;
	return file->image->backend->file_seek(file, offset, is_hole, out_offset);
}

enum bl_status image_xattrs(struct image *image, unsigned volume, uint64_t inode,
			    image_xattr_fn *tell, void *context, struct bl_error *why)
{
	enum bl_status status = check_volume(image, volume, why);

	if (status != BL_OK || !image->backend->xattrs)
		return status;
	return image->backend->xattrs(image, volume, inode, tell, context, why);
}

enum bl_status image_places(struct image *image, unsigned volume, uint64_t inode,
			    image_range_fn *tell, void *context, struct bl_error *why)
{
	enum bl_status status = check_volume(image, volume, why);

	if (status != BL_OK)
		return status;
	if (!image->backend->places)
		return bl_fail(why, BL_UNSUPPORTED, "a directory does not tell where files lie");
	return image->backend->places(image, volume, inode, tell, context, why);
}

enum bl_status image_used(struct image *image, unsigned volume, image_range_fn *tell, void *context,
			  struct bl_error *why)
{
	enum bl_status status = check_volume(image, volume, why);

	if (status != BL_OK)
		return status;
	if (!image->backend->used)
		return bl_fail(why, BL_UNSUPPORTED, "a directory does not tell what it uses");
	return image->backend->used(image, volume, tell, context, why);
}

bool image_name_ok(const char *name, size_t length)
{
	if (length == 0 || length > IMAGE_NAME_LIMIT)
		return false;
	if (memchr(name, '/', length) || memchr(name, '\0', length))
		return false;
	return !(name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')));
}

enum image_type image_type_of(uint32_t mode)
{
	if (S_ISREG(mode))
		return IMAGE_FILE;
	if (S_ISDIR(mode))
		return IMAGE_DIR;
	return S_ISLNK(mode) ? IMAGE_LINK : IMAGE_OTHER;
}

enum bl_status image_pread(int fd, uint64_t offset, void *out, size_t length, struct bl_error *why)
{
	uint8_t *to = out;

	while (length > 0) {
		ssize_t got = pread(fd, to, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read the image");
		if (got == 0)
			return bl_fail(why, BL_IO, "cannot read the image: it ends early");
		to += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return BL_OK;
}
