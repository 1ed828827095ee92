/* ewf.c - Expert Witness (E01, Ex01, S01) by libewf */
#include "fs/image/container/bfio.h"

#include <libewf.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 65536u
/*
 * libewf keeps about 120 bytes for each chunk it has seen, and a terabyte has 32 million of them: after this many it begins anew,
 * which costs a look at the head of each section. So it does after a few bad ones: its list of them is walked for every granule.
 */
#define MAX_CHUNKS 65536u
#define MAX_BAD	   64u

struct range {
	uint64_t begin, end; /* bytes of the image */
};

struct ewf {
	libbfio_pool_t *pool;
	libewf_handle_t *handle; /* NULL: could not be opened anew */
	uint64_t left;		 /* bytes that may be read before it is begun anew */
	uint64_t renew_every;
	uint32_t sector; /* bytes */
	uint32_t step; /* bytes read at once: a chunk, so that one bad chunk takes no other along */
	uint32_t count;	       /* of acquisition errors */
	struct range errors[]; /* in order and apart, as libewf keeps them */
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

static bool open_handle(struct input *input, struct ewf *ewf)
{
	ewf->pool = bfio_pool(input, 0);
	return ewf->pool && libewf_handle_initialize(&ewf->handle, NULL) == 1 &&
	       libewf_handle_open_file_io_pool(ewf->handle, ewf->pool, LIBEWF_OPEN_READ, NULL) ==
		       1 &&
	       libewf_handle_set_read_zero_chunk_on_error(ewf->handle, 0, NULL) == 1;
}

static void close_handle(struct ewf *ewf)
{
	(void)libewf_handle_close(ewf->handle, NULL);
	(void)libewf_handle_free(&ewf->handle, NULL);
	(void)libbfio_pool_free(&ewf->pool, NULL);
	ewf->handle = NULL;
	ewf->pool = NULL;
}

/* What was found bad is found bad again. */
static void renew(struct input *input, struct ewf *ewf, uint32_t length)
{
	if (!ewf->handle || ewf->left >= length) {
		ewf->left -= BL_MIN((uint64_t)length, ewf->left);
		return;
	}
	close_handle(ewf);
	ewf->left = ewf->renew_every;
	if (!open_handle(input, ewf))
		close_handle(ewf);
}

static enum container_exit ewf_ready(struct input *input, struct ewf *ewf, uint32_t errors)
{
	uint32_t chunk = 0;

	if (libewf_handle_get_media_size(ewf->handle, &input->bytes, NULL) != 1 ||
	    libewf_handle_get_bytes_per_sector(ewf->handle, &ewf->sector, NULL) != 1 ||
	    libewf_handle_get_chunk_size(ewf->handle, &chunk, NULL) != 1 || ewf->sector == 0 ||
	    chunk == 0)
		return EXIT_DAMAGED;
	ewf->step = BL_MIN(chunk, GRANULE_BYTES);
	ewf->renew_every = (uint64_t)chunk * MAX_CHUNKS;
	ewf->left = ewf->renew_every;
	ewf->count = errors;
	return load_errors(ewf);
}

static enum container_exit ewf_open(struct input *input)
{
	struct ewf *ewf = calloc(1, sizeof(*ewf) + MAX_RANGES * sizeof(ewf->errors[0]));
	uint32_t errors = 0;

	if (!ewf)
		return EXIT_NO_MEMORY;
	input->library = ewf;
	if (!open_handle(input, ewf) ||
	    libewf_handle_get_number_of_acquiry_errors(ewf->handle, &errors, NULL) < 0 ||
	    errors > MAX_RANGES)
		return EXIT_DAMAGED;
	return ewf_ready(input, ewf, errors);
}

static void mark(struct granule *granule, const struct range *range)
{
	uint64_t end = granule->offset + granule->length;
	uint64_t from = BL_MAX(range->begin, granule->offset), to = BL_MIN(range->end, end);

	if (from < to)
		granule_mark(granule, from - granule->offset, to - from);
}

/* What libewf found wrong since it was begun: read in any order, any of it can lie in this granule. */
static void mark_bad_checksums(struct ewf *ewf, struct granule *granule)
{
	uint32_t count = 0;

	if (libewf_handle_get_number_of_checksum_errors(ewf->handle, &count, NULL) < 0) {
		granule_mark(granule, 0, granule->length);
		return;
	}
	if (count > MAX_BAD)
		ewf->left = 0;
	while (count-- > 0) {
		uint64_t first, sectors;
		struct range range;

		if (libewf_handle_get_checksum_error(ewf->handle, count, &first, &sectors, NULL) !=
			    1 ||
		    !to_range(first, sectors, ewf->sector, &range)) {
			granule_mark(granule, 0, granule->length);
			return;
		}
		mark(granule, &range);
	}
}

static void mark_acquisition_errors(struct ewf *ewf, struct granule *granule)
{
	uint32_t low = 0, high = ewf->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ewf->errors[middle].end <= granule->offset)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < ewf->count && ewf->errors[low].begin < granule->offset + granule->length;
	     low++)
		mark(granule, &ewf->errors[low]);
}

static void ewf_read(struct input *input, struct granule *granule)
{
	struct ewf *ewf = input->library;

	renew(input, ewf, granule->length);
	if (!ewf->handle) {
		granule_mark(granule, 0, granule->length);
		return;
	}
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
