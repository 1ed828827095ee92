/* Hot chunks: what is whole is found, a scan leaves what is used, nothing is left behind, and locked memory is a limit. */
#include "fs/vault/hot.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/unit/fs/vault/sealed-read-fixture.h"

#define SMALL (UINT64_C(1) << 20) /* 16 chunks, one shard */
#define SLOTS (SMALL / SEALED_CHUNK)

#ifdef __SANITIZE_ADDRESS__ /* which makes mlock do nothing */
#define IS_MLOCK_FAKE true
#else
#define IS_MLOCK_FAKE false
#endif

/* False: it was there already. */
static bool load(struct sealed_hot *hot, uint64_t owner, uint64_t chunk, uint8_t value)
{
	struct hot_place place;
	bool was_there = hot_hold(hot, owner, chunk, &place);

	if (!was_there) {
		memset(place.bytes, value, SEALED_CHUNK);
		hot_filled(hot, &place);
	}
	assert_int_equal(place.bytes[77], value);
	hot_let_go(hot, &place);
	return !was_there;
}

static void a_chunk_is_found_from_when_it_is_whole(void **state BL_UNUSED)
{
	struct sealed_hot *hot = hot_make(SMALL);
	uint64_t owner = hot_owner(hot), other = hot_owner(hot);
	uint8_t out[100];
	struct hot_place place;

	assert_false(hot_copy(hot, owner, 7, 0, out, sizeof(out)));
	assert_false(hot_hold(hot, owner, 7, &place));
	assert_false(hot_copy(hot, owner, 7, 0, out, sizeof(out)));
	for (size_t i = 0; i < SEALED_CHUNK; i++)
		place.bytes[i] = (uint8_t)(i / 256);
	hot_filled(hot, &place);
	hot_let_go(hot, &place);
	assert_true(hot_copy(hot, owner, 7, 256 * 9, out, sizeof(out)));
	assert_int_equal(out[0], 9);
	assert_false(hot_copy(hot, other, 7, 0, out, sizeof(out)));
	assert_false(hot_copy(hot, owner, 8, 0, out, sizeof(out)));

	uint8_t *whole = malloc(SEALED_CHUNK);

	assert_true(hot_copy(hot, owner, 7, 0, whole, SEALED_CHUNK));
	assert_int_equal(whole[SEALED_CHUNK - 1], 255);
	free(whole);
	sealed_hot_free(hot);
}

static void a_failed_load_leaves_nothing(void **state BL_UNUSED)
{
	struct sealed_hot *hot = hot_make(SMALL);
	uint64_t owner = hot_owner(hot);
	uint8_t out[8];
	struct hot_place place;

	assert_false(hot_hold(hot, owner, 1, &place));
	memset(place.bytes, 0xaa, SEALED_CHUNK);
	hot_failed(hot, &place);
	assert_true(sodium_is_zero(place.bytes, SEALED_CHUNK));
	assert_false(hot_copy(hot, owner, 1, 0, out, sizeof(out)));
	assert_true(load(hot, owner, 1, 3));
	sealed_hot_free(hot);
}

static void forgetting_wipes_only_the_image_that_is_closed(void **state BL_UNUSED)
{
	struct sealed_hot *hot = hot_make(SMALL);
	uint64_t mine = hot_owner(hot), other = hot_owner(hot);
	struct hot_place places[4];
	uint8_t out[8];

	for (uint64_t i = 0; i < 4; i++) {
		assert_false(hot_hold(hot, i % 2 ? mine : other, i, &places[i]));
		memset(places[i].bytes, 0x55, SEALED_CHUNK);
		hot_filled(hot, &places[i]);
		hot_let_go(hot, &places[i]);
	}
	hot_forget(hot, mine);
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(sodium_is_zero(places[i].bytes, SEALED_CHUNK), i % 2);
		assert_int_equal(hot_copy(hot, i % 2 ? mine : other, i, 0, out, sizeof(out)),
				 !(i % 2));
	}
	sealed_hot_free(hot);
}

struct job {
	struct sealed_hot *hot;
	uint64_t owner, chunk;
	int loads; /* atomic */
	pthread_barrier_t barrier;
};

static void *hold_one(void *context)
{
	struct job *job = context;

	pthread_barrier_wait(&job->barrier);
	if (load(job->hot, job->owner, job->chunk, 9))
		__atomic_add_fetch(&job->loads, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void readers_of_one_chunk_load_it_once(void **state BL_UNUSED)
{
	struct job job = {.hot = hot_make(SMALL)};
	pthread_t threads[4];

	pthread_barrier_init(&job.barrier, NULL, 4);
	job.owner = hot_owner(job.hot);
	for (job.chunk = 0; job.chunk < 200; job.chunk++) {
		job.loads = 0;
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, hold_one, &job), 0);
		for (size_t i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		if (job.loads != 1)
			fail_msg("chunk %d was loaded %d times", (int)job.chunk, job.loads);
	}
	pthread_barrier_destroy(&job.barrier);
	sealed_hot_free(job.hot);
}

static void who_finds_all_slots_held_waits(void **state BL_UNUSED)
{
	struct job job = {.hot = hot_make(SMALL), .chunk = 1000};
	struct hot_place places[SLOTS];
	pthread_t thread;

	pthread_barrier_init(&job.barrier, NULL, 2);
	job.owner = hot_owner(job.hot);
	for (uint64_t i = 0; i < SLOTS; i++) {
		assert_false(hot_hold(job.hot, job.owner, i, &places[i]));
		hot_filled(job.hot, &places[i]);
	}
	assert_int_equal(pthread_create(&thread, NULL, hold_one, &job), 0);
	pthread_barrier_wait(&job.barrier);
	assert_int_equal(__atomic_load_n(&job.loads, __ATOMIC_SEQ_CST), 0);
	hot_let_go(job.hot, &places[3]);
	pthread_join(thread, NULL);
	assert_int_equal(job.loads, 1);

	uint8_t byte;

	assert_false(hot_copy(job.hot, job.owner, 3, 0, &byte, 1));
	assert_true(hot_copy(job.hot, job.owner, 4, 0, &byte, 1));
	pthread_barrier_destroy(&job.barrier);
	sealed_hot_free(job.hot);
}

static void a_scan_leaves_what_was_used_again(void **state BL_UNUSED)
{
	struct sealed_hot *hot = hot_make(SMALL);
	uint64_t owner = hot_owner(hot);
	size_t kept = 0;
	uint8_t byte;

	/* Come, be evicted by others, come again: now they are known. */
	for (uint64_t i = 0; i < 8; i++)
		load(hot, owner, i, 1);
	for (uint64_t i = 100; i < 100 + SLOTS; i++)
		load(hot, owner, i, 1);
	for (uint64_t i = 0; i < 8; i++)
		assert_true(load(hot, owner, i, 1));
	for (uint64_t i = 1000; i < 1000 + 50 * SLOTS; i++)
		load(hot, owner, i, 2);
	for (uint64_t i = 0; i < 8; i++)
		kept += hot_copy(hot, owner, i, 0, &byte, 1);
	assert_int_equal(kept, 8);
	sealed_hot_free(hot);
}

static void the_room_is_used_as_a_whole(void **state BL_UNUSED)
{
	struct sealed_hot *hot = hot_make(8 * SMALL);
	uint64_t owner = hot_owner(hot), here = 0;
	uint8_t byte;

	assert_true(sealed_hot_bytes(hot) >= 4 * SMALL);
	for (uint64_t i = 0; i < 4096; i++)
		load(hot, owner, i, (uint8_t)i);
	for (uint64_t i = 0; i < 4096; i++)
		here += hot_copy(hot, owner, i, 0, &byte, 1);
	assert_int_equal(here, sealed_hot_bytes(hot) / SEALED_CHUNK);
	sealed_hot_free(hot);
}

/* Numbers of what came of it under a limit: exit code of a child that may not lock more than that. */
static int room_under(rlim_t limit, uint64_t wanted)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		const struct rlimit row = {.rlim_cur = limit, .rlim_max = limit};
		struct sealed_hot *hot = NULL;
		struct bl_error why = {""};

		if (setrlimit(RLIMIT_MEMLOCK, &row) != 0 ||
		    (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
			_exit(100);

		enum bl_status result = sealed_hot_new(wanted, &hot, &why);

		if (result == BL_OK)
			_exit((int)(sealed_hot_bytes(hot) >> 20));
		_exit(result == BL_NO_MEMORY && strstr(why.text, "LimitMEMLOCK") ? 101 : 102);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void locked_memory_is_halved_until_it_fits(void **state BL_UNUSED)
{
	static const struct {
		rlim_t limit;
		uint64_t wanted;
		int result; /* MiB; 101: told */
	} ROWS[] = {
		/* A quarter more is left to keys. */
		{8u << 20, 32u << 20, 4}, {5u << 20, 32u << 20, 4},   {2u << 20, 8u << 20, 1},
		{5u << 18, 32u << 20, 1}, {1u << 20, 32u << 20, 101}, {0, 1u << 20, 101},
		{5u << 20, 1, 1},
	};

	struct rlimit now;

	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &now), 0);
	if (IS_MLOCK_FAKE || now.rlim_max < 8u << 20)
		skip();
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int result = room_under(ROWS[i].limit, ROWS[i].wanted);

		if (result != ROWS[i].result)
			fail_msg("limit %llu: %d", (unsigned long long)ROWS[i].limit, result);
	}
}

/* VmFlags of the mapping that @address lies in: "lo" locked, "dd" not in cores, "dc" not in children. */
static void the_memory_is_locked_and_in_no_core(void **state BL_UNUSED)
{
	struct sealed_hot *hot = hot_make(SMALL);
	struct hot_place place;
	FILE *maps = fopen("/proc/self/smaps", "re");
	char line[512];
	bool is_ours = false, is_checked = false;

	assert_non_null(maps);
	assert_false(hot_hold(hot, hot_owner(hot), 0, &place));
	while (fgets(line, sizeof(line), maps)) {
		unsigned long long from, to;

		if (sscanf(line, "%llx-%llx ", &from, &to) == 2)
			is_ours = (uintptr_t)place.bytes >= from && (uintptr_t)place.bytes < to;
		if (is_ours && strncmp(line, "VmFlags:", 8) == 0) {
			is_checked = true;
			assert_true(IS_MLOCK_FAKE || strstr(line, " lo"));
			assert_non_null(strstr(line, " dd"));
			assert_non_null(strstr(line, " dc"));
		}
	}
	fclose(maps);
	assert_true(is_checked);
	sealed_hot_free(hot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_is_found_from_when_it_is_whole),
		cmocka_unit_test(a_failed_load_leaves_nothing),
		cmocka_unit_test(forgetting_wipes_only_the_image_that_is_closed),
		cmocka_unit_test(readers_of_one_chunk_load_it_once),
		cmocka_unit_test(who_finds_all_slots_held_waits),
		cmocka_unit_test(a_scan_leaves_what_was_used_again),
		cmocka_unit_test(the_room_is_used_as_a_whole),
		cmocka_unit_test(locked_memory_is_halved_until_it_fits),
		cmocka_unit_test(the_memory_is_locked_and_in_no_core),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
