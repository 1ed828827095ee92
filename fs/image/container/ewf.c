/* ewf.c - Expert Witness (E01, Ex01, S01) by libewf */
#include "fs/image/container/bfio.h"

#include <libewf.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 65536u

struct range {
	uint64_t begin, end; /* bytes of the image */
};

struct ewf {
	libewf_handle_t *handle;
	uint32_t sector; /* bytes */
	uint32_t step; /* bytes read at once: a chunk, so that one bad chunk takes no other along */
	uint32_t count,
		cursor; /* acquisition errors, and the first that the stream has not passed */
	struct range errors[]; /* in order, as libewf keeps them */
};

static bool to_range(uint64_t first, uint64_t sectors, uint32_t sector, struct range *out)
{
	return !__builtin_mul_overflow(first, (uint64_t)sector, &out->begin) &&
	       !__builtin_mul_overflow(sectors, (uint64_t)sector, &out->end) &&
	       !__builtin_add_overflow(out->begin, out->end, &out->end);
}

/* What could not be read when the image was made: stored as zeros, which it must not become here. */
static enum container_exit load_errors(struct ewf *ewf)
{
	uint64_t passed = 0;

	for (uint32_t i = 0; i < ewf->count; i++) {
		struct range *range = &ewf->errors[i];
		uint64_t first, sectors;

		if (libewf_handle_get_acquiry_error(ewf->handle, i, &first, &sectors, NULL) != 1 ||
		    !to_range(first, sectors, ewf->sector, range) || range->begin < passed)
			return EXIT_DAMAGED;
		passed = range->end;
	}
	return EXIT_DONE;
}

static enum container_exit ewf_ready(struct input *input, libewf_handle_t *handle)
{
	uint32_t count = 0, sector = 0, chunk = 0;

	if (libewf_handle_get_media_size(handle, &input->bytes, NULL) != 1 ||
	    libewf_handle_get_bytes_per_sector(handle, &sector, NULL) != 1 ||
	    libewf_handle_get_chunk_size(handle, &chunk, NULL) != 1 || sector == 0 || chunk == 0)
		return EXIT_DAMAGED;
	if (libewf_handle_get_number_of_acquiry_errors(handle, &count, NULL) < 0)
		return EXIT_DAMAGED;
	if (count > MAX_RANGES)
		return EXIT_DAMAGED;
	struct ewf *ewf = calloc(1, sizeof(*ewf) + count * sizeof(ewf->errors[0]));
	if (!ewf)
		return EXIT_NO_MEMORY;
	ewf->handle = handle;
	ewf->sector = sector;
	ewf->step = BL_MIN(chunk, GRANULE_BYTES);
	ewf->count = count;
	input->library = ewf;
	return load_errors(ewf);
}

static enum container_exit ewf_open(struct input *input)
{
	libbfio_pool_t *pool = bfio_pool(input, 0);
	libewf_handle_t *handle = NULL;

	if (!pool || libewf_handle_initialize(&handle, NULL) != 1)
		return EXIT_NO_MEMORY;
	if (libewf_handle_open_file_io_pool(handle, pool, LIBEWF_OPEN_READ, NULL) != 1 ||
	    libewf_handle_set_read_zero_chunk_on_error(handle, 0, NULL) != 1)
		return EXIT_DAMAGED;
	return ewf_ready(input, handle);
}

static void mark(struct granule *granule, const struct range *range)
{
	uint64_t end = granule->offset + granule->length;
	uint64_t from = BL_MAX(range->begin, granule->offset), to = BL_MIN(range->end, end);

	if (from < to)
		granule_mark(granule, from - granule->offset, to - from);
}

/* What libewf found wrong so far, the latest last: only the end of its list can reach into this granule. */
static void mark_bad_checksums(const struct ewf *ewf, struct granule *granule)
{
	uint32_t count = 0;

	if (libewf_handle_get_number_of_checksum_errors(ewf->handle, &count, NULL) < 0) {
		granule_mark(granule, 0, granule->length);
		return;
	}
	while (count-- > 0) {
		uint64_t first, sectors;
		struct range range;

		if (libewf_handle_get_checksum_error(ewf->handle, count, &first, &sectors, NULL) !=
			    1 ||
		    !to_range(first, sectors, ewf->sector, &range)) {
			granule_mark(granule, 0, granule->length);
			return;
		}
		if (range.end <= granule->offset)
			return;
		mark(granule, &range);
	}
}

static void mark_acquisition_errors(struct ewf *ewf, struct granule *granule)
{
	while (ewf->cursor < ewf->count && ewf->errors[ewf->cursor].end <= granule->offset)
		ewf->cursor++;
	for (uint32_t i = ewf->cursor; i < ewf->count; i++) {
		if (ewf->errors[i].begin >= granule->offset + granule->length)
			return;
		mark(granule, &ewf->errors[i]);
	}
}

static void ewf_read(struct input *input, struct granule *granule)
{
	struct ewf *ewf = input->library;

	for (uint32_t at = 0; at < granule->length;) {
		uint32_t length = BL_MIN(ewf->step, granule->length - at);
		ssize_t got = libewf_handle_read_random(ewf->handle, granule->bytes + at, length,
							(off64_t)(granule->offset + at), NULL);
		if (got != (ssize_t)length)
			granule_mark(granule, at, length);
		at += length;
	}
	mark_bad_checksums(ewf, granule);
	mark_acquisition_errors(ewf, granule);
}

const struct backend BACKEND = {.open = ewf_open, .read = ewf_read};
