/* What is read before it is asked for: the same bytes, to whoever may have them then, and nobody else. */
#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

#include <sched.h>

#define SIZE ((size_t)(24 * DETECT_WINDOW + 4321))
#define PART ((size_t)GATE_AHEAD_LEAST)

static const char OTHER_MASKS[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    what: {paths: ['/open/**', '/open']}\n    why: Owners copy the masked view.\n"
	"  - id: owner-masks\n    mask: {email: token, card: keep-last-4}\n    who: [owner]\n"
	"    why: Enough to tell one from another.\n";

struct bench {
	struct fixture fixture;
	struct gate_view *view;
	uint64_t handle;
	char *whole; /* as the view shows it, read in another way */
	uint8_t buffer[GATE_READ_ROOM(GATE_READ_LIMIT)];
	uint8_t got[GATE_READ_LIMIT]; /* of the last read */
	size_t length;
	bool was_lent;
};

/* In small reads, of which nothing is read ahead; all windows are known then. */
static void read_whole(struct bench *bench)
{
	size_t got;

	for (size_t at = 0; at < SIZE; at += got)
		assert_int_equal(do_read(bench->view, UID_OWNER, bench->handle, at,
					 bench->whole + at, 60000, 60000, &got),
				 0);
}

static int setup(void **state)
{
	static const char LINE[] = "kim@example.org and 4111 1111 1111 1111, row %06zu\n";
	struct bench *bench = calloc(1, sizeof(*bench));
	char *text = calloc(1, SIZE + 100);

	assert_non_null(bench);
	assert_non_null(text);
	*state = bench;
	fixture_bare(&bench->fixture);
	fixture_directory(&bench->fixture, "open");
	for (size_t at = 0, row = 0; at < SIZE; row++)
		at += (size_t)sprintf(text + at, LINE, row);
	fixture_file(&bench->fixture, "open/rows.txt", text, SIZE);
	free(text);
	fixture_enroll(&bench->fixture);
	fixture_gate(&bench->fixture);
	bench->fixture.gate->aheads.fresh_ms = INT32_MAX;
	fixture_policy(&bench->fixture, 1, OWNER_COPIES);
	bench->view = fixture_view(&bench->fixture, UID_OWNER);
	bench->handle = opened(bench->view, "RMA-1/open/rows.txt");
	bench->whole = malloc(SIZE);
	assert_non_null(bench->whole);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	gate_view_close(bench->view);
	fixture_done(&bench->fixture);
	free(bench->whole);
	free(bench);
	return 0;
}

struct lent {
	struct waited waited;
	struct bench *bench;
};

/* What is lent is there until we return. */
static void copy_done(struct gate_reply *reply)
{
	struct bench *bench = ((struct lent *)reply)->bench;

	bench->length = reply->length;
	bench->was_lent = reply->length && (reply->bytes < bench->buffer ||
					    reply->bytes >= bench->buffer + sizeof(bench->buffer));
	if (reply->length)
		memcpy(bench->got, reply->bytes, reply->length);
	waited_done(reply);
}

/* One READ as fs/serve does it; the errno. */
static int read_on(struct bench *bench, uint64_t handle, uint64_t offset, size_t size)
{
	struct gate_caller caller = caller_uid(UID_OWNER);
	struct lent lent = {.bench = bench};

	waited_begin(&lent.waited);
	lent.waited.reply.done = copy_done;
	lent.waited.reply.may_lend = true;
	gate_read(bench->view, &caller, handle, offset, size, bench->buffer, sizeof(bench->buffer),
		  &lent.waited.reply);
	return waited_end(&lent.waited);
}

static void expect(struct bench *bench, uint64_t offset, size_t size, bool is_lent)
{
	if (read_on(bench, bench->handle, offset, size) != 0)
		fail_msg("%zu bytes at %zu: refused", size, (size_t)offset);
	assert_int_equal(bench->length, BL_MIN(size, SIZE - offset));
	assert_memory_equal(bench->got, bench->whole + offset, bench->length);
	if (bench->was_lent != is_lent)
		fail_msg("%zu bytes at %zu: %s", size, (size_t)offset,
			 is_lent ? "not read ahead" : "read ahead");
}

static size_t count_in(struct bench *bench, enum ahead_state state)
{
	struct aheads *aheads = &bench->fixture.gate->aheads;
	size_t count = 0;

	pthread_mutex_lock(&aheads->lock);
	for (size_t i = 0; i < GATE_AHEADS; i++)
		count += aheads->items[i].state == state;
	pthread_mutex_unlock(&aheads->lock);
	return count;
}

/* What is lent comes back behind the answer. */
static void expect_none_left(struct bench *bench)
{
	while (count_in(bench, AHEAD_LENT))
		sched_yield();
	assert_int_equal(count_in(bench, AHEAD_FREE), GATE_AHEADS);
}

static void who_goes_from_front_to_back_gets_the_same_bytes(void **state)
{
	static const size_t SIZES[] = {PART, 300000, 1u << 20};
	struct bench *bench = *state;

	read_whole(bench);
	assert_null(memmem(bench->whole, SIZE, "kim@", 4));
	for (size_t i = 0; i < BL_COUNT(SIZES); i++) {
		size_t before =
			logged(&bench->fixture, AUDIT_READ, AUDIT_PERMITTED, "owner-copies");
		size_t reads = 0;

		gate_release(bench->view, bench->handle);
		bench->handle = opened(bench->view, "RMA-1/open/rows.txt");
		for (size_t at = 0; at < SIZE; at += SIZES[i], reads++)
			expect(bench, at, SIZES[i], at > 0);
		assert_int_equal(
			logged(&bench->fixture, AUDIT_READ, AUDIT_PERMITTED, "owner-copies"),
			before + reads);
		expect_none_left(bench);
	}
}

static void who_reads_here_and_there_gets_nothing_ahead(void **state)
{
	static const size_t PLACES[] = {PART, 0, 3 * PART, PART / 2, 2 * PART};
	struct bench *bench = *state;

	read_whole(bench);
	for (size_t i = 0; i < BL_COUNT(PLACES); i++)
		expect(bench, PLACES[i], PART, false);
	expect_none_left(bench);
	/* One that stops going on, and begins elsewhere. */
	expect(bench, 3 * PART, PART, false);
	expect(bench, 4 * PART, PART, true);
	expect(bench, 0, PART, false);
	expect(bench, PART, PART, false);
	expect(bench, 2 * PART, PART, true);
	expect(bench, 3 * PART, PART + 1, false);
}

static void small_reads_get_nothing_ahead(void **state)
{
	struct bench *bench = *state;

	read_whole(bench);
	for (size_t at = 0; at < 8 * PART / 2; at += PART / 2)
		expect(bench, at, PART / 2, false);
	expect_none_left(bench);
}

static void nothing_is_looked_into_for_a_read_that_may_not_come(void **state)
{
	struct bench *bench = *state;
	struct gate_handle *handle = (struct gate_handle *)(uintptr_t)bench->handle;

	assert_int_equal(read_on(bench, bench->handle, 0, PART), 0);
	expect_none_left(bench);
	assert_true(atomic_load(&handle->file->scanned_bytes) <= PART);
}

static void another_handle_gets_none_of_it(void **state)
{
	struct bench *bench = *state;
	uint64_t other = opened(bench->view, "RMA-1/open/rows.txt");

	read_whole(bench);
	expect(bench, 0, PART, false);
	assert_int_equal(count_in(bench, AHEAD_READY), 1);
	assert_int_equal(read_on(bench, other, PART, PART), 0);
	assert_false(bench->was_lent);
	expect(bench, PART, PART, true);
	gate_release(bench->view, other);
}

static void a_permit_that_is_gone_takes_it_along(void **state)
{
	struct bench *bench = *state;

	read_whole(bench);
	expect(bench, 0, PART, false);
	expect(bench, PART, PART, true);
	assert_int_equal(count_in(bench, AHEAD_READY), 1);
	fixture_policy(&bench->fixture, 2, OWNER_LISTS);
	assert_int_equal(read_on(bench, bench->handle, 2 * PART, PART), ESTALE);
	assert_int_equal(bench->length, 0);
	gate_release(bench->view, bench->handle);
	expect_none_left(bench);
}

static void other_masks_are_other_bytes(void **state)
{
	struct bench *bench = *state;

	read_whole(bench);
	expect(bench, 0, PART, false);
	assert_int_equal(count_in(bench, AHEAD_READY), 1);
	fixture_policy(&bench->fixture, 2, OTHER_MASKS);
	assert_int_equal(read_on(bench, bench->handle, PART, PART), 0);
	assert_false(bench->was_lent);
	assert_memory_not_equal(bench->got, bench->whole + PART, PART);
	read_whole(bench);
	assert_memory_equal(bench->got, bench->whole + PART, PART);
	expect(bench, 2 * PART, PART, true);
}

static void a_device_that_goes_takes_it_along(void **state)
{
	struct bench *bench = *state;

	read_whole(bench);
	expect(bench, 0, PART, false);
	assert_int_equal(count_in(bench, AHEAD_READY), 1);
	gate_device_drop(bench->fixture.gate, "RMA-1");
	expect_none_left(bench);
	assert_int_equal(read_on(bench, bench->handle, PART, PART), ESTALE);
}

static void what_nobody_came_for_gets_old(void **state)
{
	struct bench *bench = *state;
	struct aheads *aheads = &bench->fixture.gate->aheads;

	read_whole(bench);
	expect(bench, 0, PART, false);
	aheads->fresh_ms = -1;
	expect(bench, PART, PART, false);
	aheads->fresh_ms = INT32_MAX;
	expect(bench, 2 * PART, PART, true);
}

static void there_are_only_so_many(void **state)
{
	struct bench *bench = *state;
	uint64_t handles[GATE_AHEADS + 1];

	read_whole(bench);
	for (size_t i = 0; i <= GATE_AHEADS; i++) {
		handles[i] = opened(bench->view, "RMA-1/open/rows.txt");
		assert_int_equal(read_on(bench, handles[i], 0, PART), 0);
	}
	for (size_t i = 0; i <= GATE_AHEADS; i++) {
		assert_int_equal(read_on(bench, handles[i], PART, PART), 0);
		assert_memory_equal(bench->got, bench->whole + PART, PART);
		assert_int_equal(bench->was_lent, i < GATE_AHEADS);
		gate_release(bench->view, handles[i]);
	}
	expect_none_left(bench);
}

/* Two who read on with one handle, in turns: one asks while the other still fills what it asks for. */
struct relay {
	struct bench *bench;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t next, lent, wrong;
	bool is_busy;
};

struct leg {
	struct gate_reply reply;
	struct relay *relay;
	size_t offset;
	bool is_done;
};

static void leg_done(struct gate_reply *reply)
{
	struct leg *leg = (struct leg *)reply;
	struct relay *relay = leg->relay;
	size_t expected = BL_MIN(PART, SIZE - leg->offset);

	pthread_mutex_lock(&relay->lock);
	relay->wrong += reply->error || reply->length != expected ||
			memcmp(reply->bytes, relay->bench->whole + leg->offset, expected) != 0;
	relay->lent += reply->lent != NULL;
	relay->is_busy = false;
	leg->is_done = true;
	pthread_cond_broadcast(&relay->moved);
	pthread_mutex_unlock(&relay->lock);
}

/* False: it was the last. */
static bool leg_begin(struct relay *relay, struct leg *leg)
{
	*leg = (struct leg){.relay = relay};
	leg->reply.done = leg_done;
	leg->reply.may_lend = true;
	pthread_mutex_lock(&relay->lock);
	while (relay->is_busy)
		pthread_cond_wait(&relay->moved, &relay->lock);
	leg->offset = relay->next;
	relay->next += PART;
	relay->is_busy = leg->offset < SIZE;
	pthread_mutex_unlock(&relay->lock);
	return leg->offset < SIZE;
}

static void *relay_run(void *context)
{
	struct relay *relay = context;
	struct gate_caller caller = caller_uid(UID_OWNER);
	uint8_t *buffer = malloc(GATE_READ_ROOM(PART));
	struct leg leg;

	while (buffer && leg_begin(relay, &leg)) {
		gate_read(relay->bench->view, &caller, relay->bench->handle, leg.offset, PART,
			  buffer, GATE_READ_ROOM(PART), &leg.reply);
		pthread_mutex_lock(&relay->lock);
		while (!leg.is_done)
			pthread_cond_wait(&relay->moved, &relay->lock);
		pthread_mutex_unlock(&relay->lock);
	}
	free(buffer);
	return NULL;
}

static void what_is_being_filled_is_waited_for(void **state)
{
	struct bench *bench = *state;

	read_whole(bench);
	for (int round = 0; round < 20; round++) {
		struct relay relay = {.bench = bench,
				      .lock = PTHREAD_MUTEX_INITIALIZER,
				      .moved = PTHREAD_COND_INITIALIZER};
		pthread_t threads[2];

		gate_release(bench->view, bench->handle);
		bench->handle = opened(bench->view, "RMA-1/open/rows.txt");
		for (size_t i = 0; i < BL_COUNT(threads); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, relay_run, &relay), 0);
		for (size_t i = 0; i < BL_COUNT(threads); i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(relay.wrong, 0);
		assert_int_equal(relay.lent, (SIZE - 1) / PART);
		expect_none_left(bench);
	}
}

/* Last: the log does not write any more. */
static void without_an_event_nothing_is_given(void **state)
{
	struct bench *bench = *state;

	read_whole(bench);
	expect(bench, 0, PART, false);
	atomic_store(&bench->fixture.is_sync_broken, true);
	assert_int_equal(read_on(bench, bench->handle, PART, PART), EIO);
	assert_int_equal(bench->length, 0);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(who_goes_from_front_to_back_gets_the_same_bytes),
		ROW(who_reads_here_and_there_gets_nothing_ahead),
		ROW(small_reads_get_nothing_ahead),
		ROW(nothing_is_looked_into_for_a_read_that_may_not_come),
		ROW(another_handle_gets_none_of_it),
		ROW(a_permit_that_is_gone_takes_it_along),
		ROW(other_masks_are_other_bytes),
		ROW(a_device_that_goes_takes_it_along),
		ROW(what_nobody_came_for_gets_old),
		ROW(there_are_only_so_many),
		ROW(what_is_being_filled_is_waited_for),
		ROW(without_an_event_nothing_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
