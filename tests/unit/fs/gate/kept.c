/* Kept spans: what is there after a restart, and what anything that happens to the file comes to */
#include "tests/unit/fs/gate/fixture.h"

#include <signal.h>
#include <sys/resource.h>

#include "fs/gate/private.h"

struct store {
	char folder[64];
	struct gate_spans cache;
	uint8_t key[VAULT_KEY];
	struct gate_kept *kept;
};

static const uint8_t FILE_A[GATE_FILE_KEY] = {1}, FILE_B[GATE_FILE_KEY] = {2};

static void path_of(const struct store *store, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", store->folder, name);
}

static void open_as(struct store *store, const char *device, uint64_t look, uint64_t limit)
{
	int folder = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(folder >= 0);
	store->kept = gate_kept_open(folder, device, store->key, look, limit);
	assert_non_null(store->kept);
}

static void reopen(struct store *store)
{
	gate_kept_close(store->kept);
	open_as(store, "RMA-1", 7, GATE_KEPT);
}

static int with_store(void **state)
{
	struct store *store = calloc(1, sizeof(*store));

	assert_non_null(store);
	*state = store;
	strcpy(store->folder, "/tmp/bailee-kept-XXXXXX");
	assert_non_null(mkdtemp(store->folder));
	assert_int_equal(spans_init(&store->cache, 1u << 20), BL_OK);
	memset(store->key, 9, sizeof(store->key));
	open_as(store, "RMA-1", 7, GATE_KEPT);
	return 0;
}

static int without_store(void **state)
{
	struct store *store = *state;

	gate_kept_close(store->kept);
	spans_done(&store->cache);
	nftw(store->folder, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(store);
	return 0;
}

/* A window with @count spans whose places tell which window it is. */
static struct window_spans *window(struct store *store, uint64_t number, size_t count,
				   bool has_piece)
{
	static atomic_uint_fast64_t serial;
	struct detect_spans spans = {calloc(count + 1, sizeof(struct detect_span)), count, count};
	struct detect_piece piece = {.start = number * DETECT_WINDOW,
				     .end = (number + 1) * DETECT_WINDOW,
				     .charset = CHARSET_UTF16LE,
				     .transfer = TRANSFER_BASE64,
				     .phase = 3,
				     .format = DETECT_MAIL};
	struct detect_pieces pieces = {&piece, has_piece, 1};

	assert_non_null(spans.items);
	for (size_t i = 0; i < count; i++)
		spans.items[i] = (struct detect_span){.offset = number * DETECT_WINDOW + 20 * i,
						      .length = (uint32_t)(number % 19 + 1),
						      .class = CLASS_EMAIL,
						      .is_sure = 1};
	struct window_spans *kept =
		spans_keep(&store->cache, NULL, atomic_fetch_add(&serial, 1) + 1, number, &spans,
			   &pieces, false);

	assert_non_null(kept);
	free(spans.items);
	return kept;
}

static void add(struct store *store, const uint8_t key[GATE_FILE_KEY], uint64_t number,
		size_t count)
{
	struct window_spans *kept = window(store, number, count, number % 3 == 0);

	gate_kept_add(store->kept, key, kept);
	spans_put(kept);
}

struct wanted {
	uint64_t number;
	size_t count, found;
};

static void check_found(void *context, const struct kept_window *found)
{
	struct wanted *wanted = context;

	if (found->window != wanted->number)
		return;
	wanted->found++;
	assert_int_equal(found->span_count, wanted->count);
	assert_int_equal(found->piece_count, wanted->number % 3 == 0);
	for (size_t i = 0; i < found->span_count; i++) {
		struct detect_span span =
			span_unpack(bl_get64(found->spans + 8 * i), span_base(found->window));

		assert_int_equal(span.offset, wanted->number * DETECT_WINDOW + 20 * i);
		assert_int_equal(span.length, wanted->number % 19 + 1);
		assert_int_equal(span.class, CLASS_EMAIL);
	}
	if (found->piece_count) {
		assert_int_equal(bl_get64(found->pieces), wanted->number * DETECT_WINDOW);
		assert_int_equal(found->pieces[16], CHARSET_UTF16LE);
		assert_int_equal(found->pieces[18], 3);
	}
}

/* Is it there? What is there is what was added. */
static bool is_there(struct store *store, const uint8_t key[GATE_FILE_KEY], uint64_t number,
		     size_t count)
{
	struct wanted wanted = {number, count, 0};

	gate_kept_windows(store->kept, key, number, check_found, &wanted);
	return wanted.found > 0;
}

static size_t slurp(const struct store *store, uint8_t **out_bytes)
{
	char path[128];
	struct stat st;

	path_of(store, "spans", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*out_bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(*out_bytes);
	assert_int_equal(read(fd, *out_bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

static void spill(const struct store *store, const uint8_t *bytes, size_t length)
{
	char path[128];

	path_of(store, "spans", path);
	(void)unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static void what_was_found_is_there_after_a_restart(void **state)
{
	struct store *store = *state;
	struct detect_state put = {.offset = 4711}, got;

	memset(put.bytes, 0x5a, sizeof(put.bytes));
	for (uint64_t i = 0; i < 40; i++)
		add(store, FILE_A, i, i);
	gate_kept_add_state(store->kept, FILE_A, 16, &put);
	gate_kept_flush(store->kept);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 40; i++)
			assert_true(is_there(store, FILE_A, i, i));
		assert_true(gate_kept_has(store->kept, FILE_A, 39));
		assert_false(gate_kept_has(store->kept, FILE_A, 40));
		assert_false(is_there(store, FILE_B, 3, 3));
		assert_true(gate_kept_state(store->kept, FILE_A, 16, &got));
		assert_memory_equal(&put, &got, sizeof(put));
		assert_false(gate_kept_state(store->kept, FILE_A, 0, &got));
		assert_false(gate_kept_state(store->kept, FILE_B, 16, &got));
		reopen(store);
	}
}

static void what_waits_is_written_when_it_is_closed_and_nothing_twice(void **state)
{
	struct store *store = *state;
	uint8_t *first, *second;

	add(store, FILE_A, 1, 5);
	reopen(store);
	assert_true(is_there(store, FILE_A, 1, 5));
	size_t length = slurp(store, &first);

	assert_int_equal(length % 64, 0);
	add(store, FILE_A, 1, 5);
	reopen(store);
	assert_int_equal(slurp(store, &second), length);
	assert_memory_equal(first, second, length);
	free(first);
	free(second);
}

static void a_withheld_window_is_kept_as_one(void **state)
{
	struct store *store = *state;
	struct detect_spans none = {0};
	struct window_spans *spans = spans_keep(&store->cache, NULL, 99, 5, &none, NULL, true);
	struct window_spans *again;
	const struct kept_window found = {.window = 5, .is_withheld = true};

	gate_kept_add(store->kept, FILE_A, spans);
	spans_put(spans);
	gate_kept_flush(store->kept);
	assert_true(gate_kept_has(store->kept, FILE_A, 5));
	again = spans_keep_kept(&store->cache, NULL, 100, &found);
	assert_true(again->is_withheld);
	spans_put(again);
}

/* Four frames of one size, each of its own window. */
static const uint64_t FOUR[] = {1, 2, 4, 5};

static size_t four_frames(struct store *store, uint8_t **out_bytes)
{
	for (uint64_t i = 0; i < 4; i++) {
		add(store, FILE_A, FOUR[i], 3);
		gate_kept_flush(store->kept);
	}
	gate_kept_close(store->kept);
	store->kept = NULL;
	return slurp(store, out_bytes);
}

static size_t count_there(struct store *store)
{
	size_t count = 0;

	for (uint64_t i = 0; i < 4; i++)
		count += is_there(store, FILE_A, FOUR[i], 3);
	return count;
}

static void cut_anywhere_it_is_what_was_whole_and_grows_on(void **state)
{
	struct store *store = *state;
	uint8_t *bytes;
	size_t length = four_frames(store, &bytes), frame = (length - 64) / 4;

	for (size_t cut = 0; cut <= length; cut++) {
		spill(store, bytes, cut);
		open_as(store, "RMA-1", 7, GATE_KEPT);
		assert_int_equal(count_there(store), cut < 64 ? 0 : (cut - 64) / frame);
		if (cut % 97 == 0) {
			add(store, FILE_B, 9, 2);
			reopen(store);
			assert_true(is_there(store, FILE_B, 9, 2));
			assert_int_equal(count_there(store), cut < 64 ? 0 : (cut - 64) / frame);
		}
		gate_kept_close(store->kept);
		store->kept = NULL;
	}
	open_as(store, "RMA-1", 7, GATE_KEPT);
	free(bytes);
}

/* Header: version and id. Zero bytes that nobody looks at do no harm: 12..15 and 32..63. */
static bool is_unused(size_t at)
{
	return (at >= 12 && at < 16) || (at >= 32 && at < 64);
}

static void one_flipped_bit_ends_it_there_and_never_lies(void **state)
{
	struct store *store = *state;
	uint8_t *bytes;
	size_t length = four_frames(store, &bytes), frame = (length - 64) / 4;

	for (size_t at = 0; at < length; at++) {
		size_t whole = at < 64 ? 0 : (at - 64) / frame;

		bytes[at] ^= (uint8_t)(1u << at % 8);
		spill(store, bytes, length);
		bytes[at] ^= (uint8_t)(1u << at % 8);
		open_as(store, "RMA-1", 7, GATE_KEPT);
		assert_int_equal(count_there(store), is_unused(at) ? 4 : whole);
		gate_kept_close(store->kept);
		store->kept = NULL;
	}
	open_as(store, "RMA-1", 7, GATE_KEPT);
	free(bytes);
}

static void frames_in_another_place_are_none(void **state)
{
	struct store *store = *state;
	uint8_t *bytes;
	size_t length = four_frames(store, &bytes), frame = (length - 64) / 4;

	/* The second one twice, the first one gone. */
	memcpy(bytes + 64, bytes + 64 + frame, frame);
	spill(store, bytes, length);
	open_as(store, "RMA-1", 7, GATE_KEPT);
	assert_int_equal(count_there(store), 0);
	free(bytes);
}

static void the_file_of_another_device_or_key_is_nothing(void **state)
{
	struct store *store = *state;
	uint8_t *bytes;
	size_t length = four_frames(store, &bytes);

	open_as(store, "RMA-2", 7, GATE_KEPT);
	assert_int_equal(count_there(store), 0);
	gate_kept_close(store->kept);
	spill(store, bytes, length);
	store->key[0] ^= 1;
	open_as(store, "RMA-1", 7, GATE_KEPT);
	assert_int_equal(count_there(store), 0);
	free(bytes);
}

static void an_old_copy_is_what_it_was(void **state)
{
	struct store *store = *state;
	uint8_t *bytes;
	size_t length = four_frames(store, &bytes);

	open_as(store, "RMA-1", 7, GATE_KEPT);
	add(store, FILE_B, 20, 6);
	gate_kept_close(store->kept);
	spill(store, bytes, length);
	open_as(store, "RMA-1", 7, GATE_KEPT);
	assert_int_equal(count_there(store), 4);
	assert_false(is_there(store, FILE_B, 20, 6));
	free(bytes);
}

static void what_others_put_there_is_replaced(void **state)
{
	struct store *store = *state;
	char path[128], target[128];

	gate_kept_close(store->kept);
	path_of(store, "spans", path);
	path_of(store, "target", target);
	int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink(target, path), 0);
	open_as(store, "RMA-1", 7, GATE_KEPT);
	add(store, FILE_A, 0, 3);
	reopen(store);
	assert_true(is_there(store, FILE_A, 0, 3));
	struct stat st;

	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	/* Readable by others: not ours. */
	assert_int_equal(chmod(path, 0644), 0);
	reopen(store);
	assert_false(is_there(store, FILE_A, 0, 3));
}

static void a_full_disk_costs_only_what_is_not_kept(void **state)
{
	struct store *store = *state;
	struct rlimit old, small;

	add(store, FILE_A, 0, 3);
	gate_kept_flush(store->kept);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	small = old;
	small.rlim_cur = 2048;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	add(store, FILE_A, 1, 3);
	add(store, FILE_A, 2, 900); /* more than there is room for */
	gate_kept_flush(store->kept);
	add(store, FILE_A, 3, 3);
	gate_kept_flush(store->kept);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(is_there(store, FILE_A, 0, 3));
	reopen(store);
	assert_true(is_there(store, FILE_A, 0, 3));
	assert_false(is_there(store, FILE_A, 2, 900));
	add(store, FILE_A, 2, 900);
	reopen(store);
	assert_true(is_there(store, FILE_A, 2, 900));
}

static uint64_t size_of(const struct store *store)
{
	char path[128];
	struct stat st;

	path_of(store, "spans", path);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void it_stays_in_its_bounds_and_keeps_the_newest(void **state)
{
	struct store *store = *state;
	const uint64_t limit = 4u << 20;

	gate_kept_close(store->kept);
	open_as(store, "RMA-1", 7, limit);
	for (uint64_t i = 0; i < 1500; i++) {
		add(store, FILE_A, i, 1000);
		if (i % 50 == 49)
			gate_kept_flush(store->kept);
		assert_true(size_of(store) <= limit);
	}
	gate_kept_flush(store->kept);
	assert_true(is_there(store, FILE_A, 1499, 1000));
	assert_true(is_there(store, FILE_A, 1400, 1000));
	assert_false(is_there(store, FILE_A, 0, 1000));
	gate_kept_close(store->kept);
	open_as(store, "RMA-1", 7, limit);
	assert_true(is_there(store, FILE_A, 1499, 1000));
}

static void what_another_policy_found_goes_when_it_outweighs(void **state)
{
	struct store *store = *state;
	const uint64_t limit = 4u << 20;

	gate_kept_close(store->kept);
	open_as(store, "RMA-1", 7, limit);
	for (uint64_t i = 0; i < 100; i++)
		add(store, FILE_A, i, 1000);
	gate_kept_close(store->kept);
	uint64_t before = size_of(store);

	/* The policy is another; both are there until something is added. */
	open_as(store, "RMA-1", 8, limit);
	assert_true(is_there(store, FILE_A, 99, 1000));
	add(store, FILE_B, 1, 10);
	gate_kept_flush(store->kept);
	assert_true(size_of(store) < before / 8);
	assert_true(is_there(store, FILE_B, 1, 10));
	assert_false(is_there(store, FILE_A, 99, 1000));
}

struct adding {
	struct store *store;
	uint64_t first;
};

static void *add_and_find(void *context)
{
	const struct adding *adding = context;

	for (uint64_t i = 0; i < 200; i++) {
		struct wanted wanted = {adding->first + i / 2, 20, 0};

		add(adding->store, FILE_A, adding->first + i, 20);
		gate_kept_windows(adding->store->kept, FILE_A, wanted.number, check_found, &wanted);
	}
	return NULL;
}

static void threads_add_and_find_at_once(void **state)
{
	struct store *store = *state;
	pthread_t threads[4];
	struct adding adding[4];

	gate_kept_close(store->kept);
	open_as(store, "RMA-1", 7, 2u << 20);
	for (unsigned i = 0; i < 4; i++) {
		adding[i] = (struct adding){store, i * 1000};
		assert_int_equal(pthread_create(&threads[i], NULL, add_and_find, &adding[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	gate_kept_flush(store->kept);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(is_there(store, FILE_A, i * 1000 + 199, 20));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_store, without_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_found_is_there_after_a_restart),
		TEST(what_waits_is_written_when_it_is_closed_and_nothing_twice),
		TEST(a_withheld_window_is_kept_as_one),
		TEST(cut_anywhere_it_is_what_was_whole_and_grows_on),
		TEST(one_flipped_bit_ends_it_there_and_never_lies),
		TEST(frames_in_another_place_are_none),
		TEST(the_file_of_another_device_or_key_is_nothing),
		TEST(an_old_copy_is_what_it_was),
		TEST(what_others_put_there_is_replaced),
		TEST(a_full_disk_costs_only_what_is_not_kept),
		TEST(it_stays_in_its_bounds_and_keeps_the_newest),
		TEST(what_another_policy_found_goes_when_it_outweighs),
		TEST(threads_add_and_find_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
