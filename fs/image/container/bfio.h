/* bfio.h - the files as handles for libraries of the libyal family, which then open nothing by themselves
 *
 * Prototypes are those of libbfio-dev; the functions are those that the one linked library brings along.
 */
#ifndef FS_IMAGE_CONTAINER_BFIO_H
#define FS_IMAGE_CONTAINER_BFIO_H

#include "fs/image/container/child.h"

/* Shows the functions that take such handles, in headers of all four libraries. */
#define HAVE_LIBBFIO 1
#include <libbfio.h>

/* NULL: no memory. Never freed: the process ends first. */
libbfio_handle_t *bfio_handle(struct input_file *file);
/* Of all files from @first on, in their order. */
libbfio_pool_t *bfio_pool(struct input *input, size_t first);

#endif
