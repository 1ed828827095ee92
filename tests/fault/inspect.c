/* inspect.c - the wipe check without memory: whichever allocation fails, it says so or finds what it always finds */
#include "tests/unit/fs/inspect/medium-test.h"

#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL false /* the sanitizer has its own allocator */
#else
#define CAN_FAIL true

/* The C library's own, behind ours. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
#endif

static atomic_long left;     /* allocations that go well before one fails */
static atomic_bool is_armed; /* only while the check runs */
static atomic_bool has_failed;

static bool BL_UNUSED fails(void)
{
	if (!atomic_load(&is_armed) || atomic_fetch_sub(&left, 1) != 0)
		return false;
	atomic_store(&has_failed, true);
	return true;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}
#endif

static struct medium *make(void)
{
	struct medium *m = medium_new(3 * MIB, 0);

	medium_put(m, 65600, "_BHRfS_M", 8);
	for (uint64_t at = 5000; at + 100 < m->size_bytes; at += 4999)
		medium_put(m, at, "\nsome.one@example.org\n4111 1111 1111 1111\n", 42);
	return m;
}

static enum bl_status run(struct medium *m, unsigned threads, long good,
			  struct inspect_result **out_result)
{
	static const struct detect_identity known[] = {{IDENTITY_NAME, "Quillon Ferrowby", false}};
	struct inspect_job job = {
		.fd = -1,
		.classes = detect_supported(),
		.identities = known,
		.identity_count = BL_COUNT(known),
		.threads = threads,
	};
	enum bl_status status;
	struct bl_error why;

	atomic_store(&left, good);
	atomic_store(&has_failed, false);
	atomic_store(&is_armed, true);
	status = inspect_run_source(&job, &m->source, out_result, &why);
	atomic_store(&is_armed, false);
	return status;
}

static void sweep(unsigned threads)
{
	struct medium *m = make();
	struct inspect_result *expected = NULL;
	long n = 0;

	assert_int_equal(run(m, threads, -1, &expected), BL_OK);
	assert_true(expected->finding_total > 1000);
	for (;; n++) {
		struct inspect_result *result = NULL;
		enum bl_status status = run(m, threads, n, &result);

		/* With a thread less it goes as well. */
		if (status == BL_OK)
			result->threads = expected->threads;
		if (status == BL_OK && memcmp(result, expected, sizeof(*result)) != 0)
			fail_msg("allocation %ld of %u threads: another result", n, threads);
		/* A sort that has no memory takes another way, and is right all the same. */
		if (status != BL_OK && (status != BL_NO_MEMORY || result))
			fail_msg("allocation %ld of %u threads: status %d", n, threads, status);
		if (status != BL_OK && !atomic_load(&has_failed))
			fail_msg("allocation %ld of %u threads: it failed by itself", n, threads);
		free(result);
		if (!atomic_load(&has_failed))
			break;
	}
	/* There was something to fail. */
	assert_true(n > 10);
	free(expected);
	medium_free(m);
}

static void without_memory_it_says_so_or_finds_all(void **state)
{
	(void)state;
	if (!CAN_FAIL)
		skip();
	sweep(1);
	sweep(3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_it_says_so_or_finds_all),
	};

	return cmocka_run_group_tests(tests, setup_sodium, NULL);
}
