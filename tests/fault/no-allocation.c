/*
 * A READ whose windows are known takes no memory, in whatever thread: between the request and its reply nothing is allocated and nothing
 * freed. Measured at the gate, with its log, and through fs/serve's pool of buffers; so are lookup and getattr of nodes that are known.
 */
#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"
#include "fs/serve/private.h"

#include "tests/fault/failing-calls.h"
#include "tests/unit/fs/find-program.h"

#define LARGE  (2u << 20)
#define ROUNDS 8

static const char RULES[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    why: Owners copy the masked view.\n";

struct quiet {
	struct fixture fixture;
	struct gate_view *view;
	struct pool pool;
	uint64_t folder, masked, clean; /* node; handles */
};

/* An image, so that the file has a map; a card on each page of the masked one. */
static bool make_image(struct quiet *quiet)
{
	struct fixture *fixture = &quiet->fixture;
	static char image[128];
	char line[500], *bytes = malloc(LARGE);

	if (!bytes)
		return false;
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = i % 61 == 60 ? '\n' : (char)('a' + i * 7 % 26);
	fixture_file(fixture, "open/clean.txt", bytes, LARGE);
	for (size_t i = 1000; i + 100 < LARGE; i += 4096)
		memcpy(bytes + i, "\nmy card is 4111 1111 1111 1111, bye\n", 37);
	fixture_file(fixture, "open/masked.txt", bytes, LARGE);
	free(bytes);
	snprintf(image, sizeof(image), "%s/image", fixture->root);
	snprintf(line, sizeof(line),
		 "PATH=$PATH:/sbin:/usr/sbin; truncate -s 16M %s && mke2fs -q -t ext4 -d %s %s "
		 ">/dev/null 2>&1",
		 image, fixture->source, image);
	fixture->image = image;
	return system(line) == 0;
}

static int setup(void **state)
{
	struct quiet *quiet = calloc(1, sizeof(*quiet));

	if (!quiet)
		return -1;
	struct fixture *fixture = &quiet->fixture;

	*state = quiet;
	fixture_bare(fixture);
	fixture_directory(fixture, "open");
	if (!make_image(quiet))
		return 0; /* no mke2fs: skipped */
	assert_true(find_reader(fixture->reader, sizeof(fixture->reader)));
	fixture_enroll(fixture);
	fixture_gate(fixture);
	fixture_policy(fixture, 1, RULES);
	quiet->view = fixture_view(fixture, UID_OWNER);
	quiet->folder = walked(quiet->view, "RMA-1/p1-ext4/open");
	quiet->masked = opened(quiet->view, "RMA-1/p1-ext4/open/masked.txt");
	quiet->clean = opened(quiet->view, "RMA-1/p1-ext4/open/clean.txt");
	pool_init(&quiet->pool);
	return 0;
}

static int teardown(void **state)
{
	struct quiet *quiet = *state;

	if (quiet->view) {
		gate_release(quiet->view, quiet->masked);
		gate_release(quiet->view, quiet->clean);
		gate_view_close(quiet->view);
		pool_done(&quiet->pool);
	}
	fixture_done(&quiet->fixture);
	free(quiet);
	return 0;
}

/* What is lent is there until we return. */
static void look_done(struct gate_reply *reply)
{
	/* Not asserted here: that is for the thread that tests. */
	if (reply->length && memmem(reply->bytes, reply->length, "4111 1111", 9))
		reply->length = 0;
	waited_done(reply);
}

/* One READ as fs/serve does it; the bytes it gave. */
static size_t read_once(struct quiet *quiet, uint64_t handle, uint64_t offset, size_t size)
{
	bool is_small = size <= pool_buffer_size(BUFFER_MIDDLE);
	struct request *request = pool_take(&quiet->pool, is_small ? size : GATE_READ_ROOM(size));
	struct gate_caller caller = caller_uid(UID_OWNER);
	struct waited waited;

	assert_non_null(request);
	waited_begin(&waited);
	waited.reply.done = look_done;
	waited.reply.may_lend = true;
	gate_read(quiet->view, &caller, handle, offset, size, request->buffer,
		  pool_buffer_size(request->class), &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
	pool_give(&quiet->pool, request);
	return waited.reply.length;
}

#define NEED_IMAGE(quiet)                                                                          \
	do {                                                                                       \
		if (!(quiet)->view || FAULTS_IN_THE_WAY)                                           \
			skip();                                                                    \
	} while (0)

/* All windows known, and what was found in them written, which a thread does in its own time. */
static void become_quiet(struct quiet *quiet, uint64_t handle, size_t size)
{
	struct gate_device *device = gate_device_named(quiet->fixture.gate, "RMA-1");

	for (uint64_t at = 0; at < LARGE; at += size)
		assert_int_equal(read_once(quiet, handle, at, size), size);
	gate_kept_flush(device->kept);
	gate_device_unref(device);
}

static void expect_quiet(const char *what, void (*round)(struct quiet *, uint64_t, size_t),
			 struct quiet *quiet, uint64_t of, size_t size)
{
	long asked = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		long before = atomic_load(&faults.asked);

		round(quiet, of, size);
		asked += atomic_load(&faults.asked) - before;
	}
	if (asked)
		fail_msg("%s, %zu bytes: %ld calls for memory", what, size, asked);
}

static void round_of_reads(struct quiet *quiet, uint64_t handle, size_t size)
{
	for (uint64_t at = 0; at < 2 * size; at += size)
		assert_int_equal(read_once(quiet, handle, at, size), size);
}

static void round_of_looks(struct quiet *quiet, uint64_t folder, size_t size)
{
	struct gate_caller caller = caller_uid(UID_OWNER);
	struct waited waited;
	uint64_t node;

	(void)size;
	assert_int_equal(do_lookup(quiet->view, folder, "masked.txt", &node), 0);
	waited_begin(&waited);
	gate_getattr(quiet->view, &caller, node, &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
}

static void reads_of_known_windows_take_no_memory(void **state)
{
	static const size_t SIZES[] = {4096, 65536, 1u << 20};
	struct quiet *quiet = *state;

	NEED_IMAGE(quiet);
	for (size_t i = 0; i < BL_COUNT(SIZES); i++) {
		become_quiet(quiet, quiet->clean, SIZES[i]);
		become_quiet(quiet, quiet->masked, SIZES[i]);
		expect_quiet("clean", round_of_reads, quiet, quiet->clean, SIZES[i]);
		expect_quiet("masked", round_of_reads, quiet, quiet->masked, SIZES[i]);
	}
}

static void looks_at_known_nodes_take_no_memory(void **state)
{
	struct quiet *quiet = *state;

	NEED_IMAGE(quiet);
	round_of_looks(quiet, quiet->folder, 0);
	expect_quiet("lookup and getattr", round_of_looks, quiet, quiet->folder, 0);
}

static void what_is_counted_is_all_that_is_asked_for(void **state)
{
	struct quiet *quiet = *state;
	long before = atomic_load(&faults.asked);

	NEED_IMAGE(quiet);
	gate_release(quiet->view, quiet->clean);
	quiet->clean = opened(quiet->view, "RMA-1/p1-ext4/open/clean.txt");
	assert_true(atomic_load(&faults.asked) > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_of_known_windows_take_no_memory, setup,
						teardown),
		cmocka_unit_test_setup_teardown(looks_at_known_nodes_take_no_memory, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_counted_is_all_that_is_asked_for, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
