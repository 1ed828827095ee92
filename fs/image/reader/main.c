/*
 * bailee-reader LANES IMAGE_BYTES - the sealed child that parses images (docs/reader.md)
 *
 * Started by Bailee only, with the descriptors of fs/image/wire.h. Says nothing to anybody but its parent; exit code 2
 * for a wrong start, 1 when it cannot seal itself.
 */
#include "fs/image/reader/reader.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct start {
	struct lane *lane;
	pthread_barrier_t *started, *sealed;
};

#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	/* What ASan would want at exit is a list of threads from /proc. */
	return "detect_leaks=0:handle_abort=0:allocator_may_return_null=1";
}
#endif

static bool parse_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end = NULL;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text < '0' || *text > '9' || !value || value > most)
		return false;
	*out = value;
	return true;
}

static struct lane *lane_take(unsigned index, uint64_t image_bytes, const uint8_t key[READER_KEY])
{
	int first = WIRE_FIRST_FD + 3 * (int)index;
	uint8_t *data = mmap(NULL, WIRE_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, first + 1, 0);
	const uint8_t *window = mmap(NULL, WIRE_WINDOW, PROT_READ, MAP_SHARED, first + 2, 0);

	if (data == MAP_FAILED || window == MAP_FAILED)
		return NULL;
	close(first + 1);
	close(first + 2);
	return lane_new(first, data, window, image_bytes, key);
}

static void *lane_main(void *context)
{
	const struct start *start = context;

	pthread_barrier_wait(start->started);
	pthread_barrier_wait(start->sealed);
	/* One lane that ends is the end of all: the parent lets go of all lanes at once. */
	_exit(lane_serve(start->lane) ? 1 : 0);
}

static int say_ready(int socket)
{
	struct wire_message ready = {
		.magic = WIRE_MAGIC,
		.op = WIRE_READY,
		.volume = WIRE_READY_VOLUME,
	};

	return send(socket, &ready, sizeof(ready), MSG_NOSIGNAL) == (ssize_t)sizeof(ready) ? 0
											   : EIO;
}

/* Threads first, then the seal, then the first byte of the image: in this order only. */
static int run(struct start *starts, unsigned lanes)
{
	pthread_barrier_t started, sealed;

	if (pthread_barrier_init(&started, NULL, lanes) ||
	    pthread_barrier_init(&sealed, NULL, lanes))
		return EIO;
	for (unsigned i = 0; i < lanes; i++) {
		pthread_t thread;

		starts[i].started = &started;
		starts[i].sealed = &sealed;
		if (i && pthread_create(&thread, NULL, lane_main, &starts[i]))
			return EIO;
	}
	pthread_barrier_wait(&started);
	int error = confine_late();
	if (!error)
		error = say_ready(WIRE_FIRST_FD);
	if (error)
		return error;
	pthread_barrier_wait(&sealed);
	return lane_serve(starts[0].lane);
}

int main(int argc, char **argv)
{
	struct start starts[WIRE_LANES] = {{0}};
	uint8_t key[READER_KEY];
	uint64_t lanes = 0, image_bytes = 0;

	if (argc != 3 || !parse_number(argv[1], WIRE_LANES, &lanes) ||
	    !parse_number(argv[2], INT64_MAX, &image_bytes))
		return 2;
	if (confine_early((unsigned)lanes))
		return 1;
	randombytes_buf(key, sizeof(key));
	for (unsigned i = 0; i < lanes; i++) {
		starts[i].lane = lane_take(i, image_bytes, key);
		if (!starts[i].lane)
			return 2;
	}
	_exit(run(starts, (unsigned)lanes) ? 1 : 0);
}
