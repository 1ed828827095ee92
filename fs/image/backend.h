/* backend.h - the table both kinds of image fill in; private to fs/image */
#ifndef FS_IMAGE_BACKEND_H
#define FS_IMAGE_BACKEND_H

#include "fs/image/image.h"

struct image_backend {
	void (*close)(struct image *image);
	enum bl_status (*list)(struct image *image, unsigned volume, uint64_t inode,
			       image_entry_fn *tell, void *context, struct bl_error *why);
	enum bl_status (*stat)(struct image *image, unsigned volume, uint64_t inode,
			       struct image_attr *out_attr, struct bl_error *why);
	enum bl_status (*readlink)(struct image *image, unsigned volume, uint64_t inode, char *out,
				   size_t size, struct bl_error *why);
	/* @known: its attributes, when they are; NULL: not */
	enum bl_status (*file_open)(struct image *image, unsigned volume, uint64_t inode,
				    const struct image_attr *known, struct image_file **out_file,
				    struct bl_error *why);
	void (*file_close)(struct image_file *file);
	/* @length is above zero and ends at or before the file's end; all of it or a failure */
	enum bl_status (*file_read)(struct image_file *file, uint64_t offset, uint8_t *out,
				    size_t length, struct bl_error *why);
	/* @offset is before the end */
	enum bl_status (*file_seek)(struct image_file *file, uint64_t offset, bool is_hole,
				    uint64_t *out_offset);
	/* NULL: none are told */
	enum bl_status (*xattrs)(struct image *image, unsigned volume, uint64_t inode,
				 image_xattr_fn *tell, void *context, struct bl_error *why);
	/* NULL, both: where things lie is not known here */
	enum bl_status (*places)(struct image *image, unsigned volume, uint64_t inode,
				 image_range_fn *tell, void *context, struct bl_error *why);
	enum bl_status (*used)(struct image *image, unsigned volume, image_range_fn *tell,
			       void *context, struct bl_error *why);
	/* All of @length bytes at @offset of the image, inside @volume; NULL: it has none. BL_OK, BL_IO, BL_NO_MEMORY */
	enum bl_status (*bytes)(struct image *image, unsigned volume, uint64_t offset, void *out,
				size_t length, struct bl_error *why);
};

/* First member of each backend's own struct. */
struct image {
	const struct image_backend *backend;
	struct image_volume *volumes; /* owned; freed by image_close */
	size_t volume_count;
};

struct image_file {
	struct image *image;
	uint64_t size_bytes;
};

#define IMAGE_ENTRIES_LIMIT 1000000u /* of one directory */

/* Both duplicate @fd. */
enum bl_status image_directory_open(int fd, struct image **out_image,
				    struct bl_error *why) BL_MUST_CHECK;
enum bl_status image_raw_open(int fd, const struct image_options *options, struct image **out_image,
			      struct bl_error *why) BL_MUST_CHECK;
/* image_raw_open_container - takes @container over */
enum bl_status image_raw_open_container(struct container *container,
					const struct image_options *options,
					struct image **out_image,
					struct bl_error *why) BL_MUST_CHECK;
/* image_raw_open_bytes - @bytes is copied */
enum bl_status image_raw_open_bytes(const struct image_bytes *bytes,
				    const struct image_options *options, struct image **out_image,
				    struct bl_error *why) BL_MUST_CHECK;

/* image_name_ok - may these bytes be the name of one entry? */
bool image_name_ok(const char *name, size_t length);

/* image_type_of - the type a mode says; what is not a file, directory or link is IMAGE_OTHER */
enum image_type image_type_of(uint32_t mode);

/* image_pread - all of @length bytes or BL_IO: an image that ends early is broken, not shorter */
enum bl_status image_pread(int fd, uint64_t offset, void *out, size_t length,
			   struct bl_error *why) BL_MUST_CHECK;

#endif
