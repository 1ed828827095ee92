#include "fs/image/container/bfio.h"

#include <limits.h>

/* Flags of libbfio_handle_initialize: the library neither frees nor clones what we hand it. */
#define NOT_MANAGED 0

static struct input_file *of(intptr_t *io)
{
	return (struct input_file *)io;
}

static int on_free(intptr_t **io, libbfio_error_t **error)
{
	(void)error;
	*io = NULL; /* lies in struct input */
	return 1;
}

/* Both see one position: every read of these libraries is a seek and a read, by one thread. */
static int on_clone(intptr_t **out, intptr_t *io, libbfio_error_t **error)
{
	(void)error;
	*out = io;
	return 1;
}

static int on_open(intptr_t *io, int flags, libbfio_error_t **error)
{
	(void)error;
	if (flags & LIBBFIO_ACCESS_FLAG_WRITE)
		return -1;
	of(io)->is_open = true;
	of(io)->position = 0;
	return 1;
}

static int on_close(intptr_t *io, libbfio_error_t **error)
{
	(void)error;
	of(io)->is_open = false;
	return 0;
}

static ssize_t on_read(intptr_t *io, uint8_t *bytes, size_t size, libbfio_error_t **error)
{
	struct input_file *file = of(io);

	(void)error;
	if (!file->is_open)
		return -1;
	if (file->position >= file->bytes)
		return 0;
	size_t length = (size_t)BL_MIN((uint64_t)size, file->bytes - file->position);
	length = BL_MIN(length, (size_t)SSIZE_MAX);
	if (!input_read(file, file->position, bytes, length))
		return -1;
	file->position += length;
	return (ssize_t)length;
}

static ssize_t on_write(intptr_t *io, const uint8_t *bytes, size_t size, libbfio_error_t **error)
{
	(void)io;
	(void)bytes;
	(void)size;
	(void)error;
	return -1;
}

static off64_t on_seek(intptr_t *io, off64_t offset, int whence, libbfio_error_t **error)
{
	struct input_file *file = of(io);
	int64_t base = whence == SEEK_SET   ? 0
		       : whence == SEEK_CUR ? (int64_t)file->position
					    : (int64_t)file->bytes;
	int64_t target;

	(void)error;
	if (__builtin_add_overflow(base, (int64_t)offset, &target) || target < 0)
		return -1;
	file->position = (uint64_t)target;
	return target;
}

static int on_exists(intptr_t *io, libbfio_error_t **error)
{
	(void)io;
	(void)error;
	return 1;
}

static int on_is_open(intptr_t *io, libbfio_error_t **error)
{
	(void)error;
	return of(io)->is_open;
}

static int on_size(intptr_t *io, size64_t *size, libbfio_error_t **error)
{
	(void)error;
	*size = of(io)->bytes;
	return 1;
}

libbfio_handle_t *bfio_handle(struct input_file *file)
{
	libbfio_handle_t *handle = NULL;

	if (libbfio_handle_initialize(&handle, (intptr_t *)file, on_free, on_clone, on_open,
				      on_close, on_read, on_write, on_seek, on_exists, on_is_open,
				      on_size, NOT_MANAGED, NULL) != 1)
		return NULL;
	return handle;
}

libbfio_pool_t *bfio_pool(struct input *input, size_t first)
{
	libbfio_pool_t *pool = NULL;

	if (libbfio_pool_initialize(&pool, 0, LIBBFIO_POOL_UNLIMITED_NUMBER_OF_OPEN_HANDLES,
				    NULL) != 1)
		return NULL;
	for (size_t i = first; i < input->count; i++) {
		libbfio_handle_t *handle = bfio_handle(&input->files[i]);
		int entry;

		if (!handle || libbfio_pool_append_handle(pool, &entry, handle,
							  LIBBFIO_ACCESS_FLAG_READ, NULL) != 1)
			return NULL;
	}
	return pool;
}
