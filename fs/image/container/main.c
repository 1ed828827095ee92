/* main.c - a bailee-container-*: seal, open, write the stream or answer questions */
#include "fs/image/container/ask.h"
#include "fs/image/container/child.h"

#include <stdlib.h>
#include <string.h>

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

/* What to do once the container is open. */
struct order {
	bool is_asked; /* in place, and no stream */
	uint64_t start, count;
};

static enum container_exit serve(const struct order *order)
{
	size_t count = (size_t)order->count;
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
	if (order->is_asked)
		return answer_all(input);
	if (order->start % GRANULE_BYTES || order->start > input->bytes)
		return EXIT_BAD_START;
	return stream_write(input, order->start);
}

int main(int argc, char **argv)
{
	struct order order = {0};

	if (argc != 3 || !parse(argv[2], CHILD_FILES, &order.count) || order.count == 0)
		return EXIT_USAGE;
	order.is_asked = strcmp(argv[1], ASK_ARGUMENT) == 0;
	if (!order.is_asked && !parse(argv[1], CONTAINER_MAX_BYTES, &order.start))
		return EXIT_USAGE;
	/* The library's memory is not given back: the process ends here. */
	_Exit((int)serve(&order));
}
