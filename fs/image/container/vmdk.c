/* vmdk.c - VMDK by libvmdk: one sparse file, or a descriptor and its extents in their order */
#include "fs/image/container/bfio.h"

#include <libvmdk.h>
#include <string.h>

#define NO_PARENT UINT32_C(0xffffffff) /* VMware's "Virtual Disk Format", parentCID */

/*
 * Sparse headers (VMware's "Virtual Disk Format 1.1"): flag 4 gives entry 1 of a grain table the meaning "zeros". libvmdk 20200926
 * takes it for sector 1.
 */
static bool has_zeroed_grains(const struct input_file *file)
{
	uint8_t head[12];

	return input_read(file, 0, head, sizeof(head)) && memcmp(head, "KDMV", 4) == 0 &&
	       (bl_get32(head + 8) & 4);
}

static enum container_exit vmdk_ready(libvmdk_handle_t *handle, struct input *input)
{
	uint32_t parent = 0;
	int extents = 0;
	/* A descriptor is followed by its extents; a sparse file that holds its own is its only extent. */
	size_t first = input->count > 1;

	if (libvmdk_handle_get_parent_content_identifier(handle, &parent, NULL) != 1 ||
	    libvmdk_handle_get_number_of_extents(handle, &extents, NULL) != 1)
		return EXIT_DAMAGED;
	if (parent != NO_PARENT)
		return EXIT_NEEDS_PARENT;
	if (extents < 0 || (size_t)extents != input->count - first)
		return EXIT_DAMAGED;
	libbfio_pool_t *pool = bfio_pool(input, first);
	if (!pool)
		return EXIT_NO_MEMORY;
	if (libvmdk_handle_open_extent_data_files_file_io_pool(handle, pool, NULL) != 1 ||
	    libvmdk_handle_get_media_size(handle, &input->bytes, NULL) != 1)
		return EXIT_DAMAGED;
	return EXIT_DONE;
}

static enum container_exit vmdk_open(struct input *input)
{
	libbfio_handle_t *file = bfio_handle(&input->files[0]);
	libvmdk_handle_t *handle = NULL;

	for (size_t i = 0; i < input->count; i++)
		if (has_zeroed_grains(&input->files[i]))
			return EXIT_NOT_READ;
	if (!file || libvmdk_handle_initialize(&handle, NULL) != 1)
		return EXIT_NO_MEMORY;
	if (libvmdk_handle_open_file_io_handle(handle, file, LIBVMDK_OPEN_READ, NULL) != 1)
		return EXIT_DAMAGED;
	input->library = handle;
	return vmdk_ready(handle, input);
}

static void vmdk_read(struct input *input, struct granule *granule)
{
	ssize_t got = libvmdk_handle_read_buffer_at_offset(
		input->library, granule->bytes, granule->length, (off64_t)granule->offset, NULL);

	if (got != (ssize_t)granule->length)
		granule_mark(granule, 0, granule->length);
}

const struct backend BACKEND = {.open = vmdk_open, .read = vmdk_read};
