/* main.c - a bailee-container-*: seal, open, write the stream */
#include "fs/image/container/child.h"

#include <stdlib.h>

/* Only digits, and all of them: what container_start passes. */
static bool parse(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value) || value > max)
			return false;
	}
	*out = value;
	return true;
}

static enum container_exit serve(uint64_t start, size_t count)
{
	BL_CLEANUP(bl_free) struct input *input = calloc(1, sizeof(*input));

	if (!input)
		return EXIT_NO_MEMORY;
	enum container_exit code = seal(count);
	if (code != EXIT_DONE)
		return code;
	if (!input_init(input, count))
		return EXIT_USAGE;
	seal_rearm();
	code = BACKEND.open(input);
	if (code != EXIT_DONE)
		return code;
	if (input->bytes == 0 || input->bytes > CONTAINER_MAX_BYTES)
		return EXIT_BAD_SIZE;
	if (start % GRANULE_BYTES || start > input->bytes)
		return EXIT_BAD_START;
	return stream_write(input, start);
}

int main(int argc, char **argv)
{
	uint64_t start = 0, count = 0;

	if (argc != 3 || !parse(argv[1], CONTAINER_MAX_BYTES, &start) ||
	    !parse(argv[2], CHILD_FILES, &count) || count == 0)
		return EXIT_USAGE;
	/* The library's memory is not given back: the process ends here. */
	_Exit((int)serve(start, (size_t)count));
}
