/* vhd.c - VHD and VHDX by libvhdi */
#include "fs/image/container/bfio.h"

#include <libvhdi.h>
#include <string.h>

/* [MS-VHDX] 2.2.2: two headers, the one with the higher sequence number counts; its log is named by 16 bytes at 48. */
#define VHDX_HEADERS  UINT64_C(65536)
#define VHDX_SEQUENCE 8
#define VHDX_LOG      48
#define VHDX_HEAD     64

/* A log that is still to be replayed: libvhdi passes it over, and would give old bytes. */
static bool has_open_log(const struct input_file *file)
{
	static const uint8_t NO_LOG[16];
	uint64_t latest = 0;
	bool is_open = false;

	for (uint64_t copy = 1; copy <= 2; copy++) {
		uint8_t head[VHDX_HEAD];

		if (!input_read(file, copy * VHDX_HEADERS, head, sizeof(head)) ||
		    memcmp(head, "head", 4) != 0 || bl_get64(head + VHDX_SEQUENCE) < latest)
			continue;
		latest = bl_get64(head + VHDX_SEQUENCE);
		is_open = memcmp(head + VHDX_LOG, NO_LOG, sizeof(NO_LOG)) != 0;
	}
	return is_open;
}

static bool is_vhdx(const struct input_file *file)
{
	uint8_t magic[8];

	return input_read(file, 0, magic, sizeof(magic)) && memcmp(magic, "vhdxfile", 8) == 0;
}

static enum container_exit vhd_open(struct input *input)
{
	libbfio_handle_t *handle = bfio_handle(&input->files[0]);
	libvhdi_file_t *file = NULL;
	uint32_t type = 0;

	if (!handle || libvhdi_file_initialize(&file, NULL) != 1)
		return EXIT_NO_MEMORY;
	if (input->count != 1 ||
	    libvhdi_file_open_file_io_handle(file, handle, LIBVHDI_OPEN_READ, NULL) != 1 ||
	    libvhdi_file_get_disk_type(file, &type, NULL) != 1 ||
	    libvhdi_file_get_media_size(file, &input->bytes, NULL) != 1)
		return EXIT_DAMAGED;
	if (type == LIBVHDI_DISK_TYPE_DIFFERENTIAL)
		return EXIT_NEEDS_PARENT;
	if (is_vhdx(&input->files[0]) && has_open_log(&input->files[0]))
		return EXIT_OPEN_LOG;
	input->library = file;
	return type == LIBVHDI_DISK_TYPE_FIXED || type == LIBVHDI_DISK_TYPE_DYNAMIC ? EXIT_DONE
										    : EXIT_DAMAGED;
}

static void vhd_read(struct input *input, struct granule *granule)
{
	ssize_t got = libvhdi_file_read_buffer_at_offset(
		input->library, granule->bytes, granule->length, (off64_t)granule->offset, NULL);

	if (got != (ssize_t)granule->length)
		granule_mark(granule, 0, granule->length);
}

const struct backend BACKEND = {.open = vhd_open, .read = vhd_read};
