/* split.c - raw pieces, one behind the other: no library at all */
#include "fs/image/container/child.h"

static enum container_exit split_open(struct input *input)
{
	for (size_t i = 0; i < input->count; i++)
		if (__builtin_add_overflow(input->bytes, input->files[i].bytes, &input->bytes))
			return EXIT_BAD_SIZE;
	return EXIT_DONE;
}

/* A granule can lie in many pieces: what is bad in one does not spoil the others. */
static void split_read(struct input *input, struct granule *granule)
{
	uint64_t begin = 0; /* of the piece, in the image */
	uint32_t done = 0;

	for (size_t i = 0; i < input->count && done < granule->length; i++) {
		const struct input_file *file = &input->files[i];
		uint64_t at = granule->offset + done - begin;

		if (at < file->bytes) {
			uint32_t length = (uint32_t)BL_MIN((uint64_t)granule->length - done,
							   file->bytes - at);
			if (!input_read(file, at, granule->bytes + done, length))
				granule_mark(granule, done, length);
			done += length;
		}
		begin += file->bytes;
	}
}

const struct backend BACKEND = {.open = split_open, .read = split_read};
