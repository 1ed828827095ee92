#include "tests/unit/fs/inspect/medium-test.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct detect_identity KIM[] = {
	{IDENTITY_NAME, "Quillon Ferrowby", false},
	{IDENTITY_EMAIL, "quillon@ferrowby.example", false},
};
#define MAIL "someone.else@example.org"
#define CARD "4111 1111 1111 1111"

static struct inspect_job job_of(void)
{
	return (struct inspect_job){.fd = -1, .classes = detect_supported(), .threads = 2};
}

static struct inspect_result *run(struct medium *m, const struct inspect_job *job)
{
	struct inspect_result *result = NULL;
	struct bl_error why = {""};

	if (inspect_run_source(job, &m->source, &result, &why) != BL_OK)
		fail_msg("not run: %s", why.text);
	return result;
}

static void a_blank_medium_is_empty(void **state)
{
	static const uint64_t sizes[] = {1, 511, 4096, 4097, MIB - 1, MIB, MIB + 1, 5 * MIB + 513};
	struct inspect_job job = job_of();

	(void)state;
	for (size_t i = 0; i < 2 * BL_COUNT(sizes); i++) {
		uint8_t fill = i % 2 ? 0xff : 0;
		struct medium *m = medium_new(sizes[i / 2], fill);
		struct inspect_result *result = run(m, &job);

		if (result->verdict != INSPECT_EMPTY || result->fill != fill ||
		    result->read_bytes != m->size_bytes || result->region_count ||
		    result->finding_total || result->table_count || result->filesystem_count)
			fail_msg("%llu bytes of %u: verdict %s, fill %u",
				 (unsigned long long)sizes[i / 2], fill,
				 inspect_verdict_name(result->verdict), result->fill);
		free(result);
		medium_free(m);
	}
}

static void one_byte_anywhere_is_found_at_its_place(void **state)
{
	static const uint64_t size = 3 * MIB + 700;
	static const uint64_t places[] = {1,	       4095,	4096,	     MIB - 1,
					  MIB,	       MIB + 1, 2 * MIB - 1, 2 * MIB + 9,
					  3 * MIB - 1, 3 * MIB, size - 1};
	struct inspect_job job = job_of();

	(void)state;
	for (size_t i = 0; i < 2 * BL_COUNT(places); i++) {
		uint8_t fill = i % 2 ? 0xff : 0;
		struct medium *m = medium_new(size, fill);

		m->bytes[places[i / 2]] = 0x55;

		struct inspect_result *result = run(m, &job);

		if (result->verdict != INSPECT_NOT_EMPTY || result->region_count != 1 ||
		    result->region_bytes != 1 || result->regions_told != 1 ||
		    result->regions[0].offset != places[i / 2] || result->regions[0].length != 1)
			fail_msg("byte %llu on %u: %llu regions, the first at %llu",
				 (unsigned long long)places[i / 2], fill,
				 (unsigned long long)result->region_count,
				 (unsigned long long)result->regions[0].offset);
		free(result);
		medium_free(m);
	}
}

/* The first byte decides what is fill: a first byte of its own makes zeros the fill. */
static void the_first_byte_may_be_contents(void **state)
{
	struct medium *m = medium_new(2 * MIB, 0);
	struct inspect_job job = job_of();

	(void)state;
	m->bytes[0] = 7;

	struct inspect_result *result = run(m, &job);

	assert_int_equal(result->fill, 0);
	assert_int_equal(result->region_count, 1);
	assert_int_equal(result->regions[0].offset, 0);
	assert_int_equal(result->verdict, INSPECT_NOT_EMPTY);
	free(result);
	medium_free(m);
}

/* One region after the other, byte by byte. */
static void count_plainly(const struct medium *m, uint8_t fill, struct inspect_result *out)
{
	uint64_t from = 0, last = 0;
	bool is_open = false;

	for (uint64_t i = 0; i <= m->size_bytes; i++) {
		bool is_end = i == m->size_bytes;

		if (!is_end && m->bytes[i] == fill)
			continue;
		if (is_open && (is_end || i - last - 1 >= INSPECT_GAP)) {
			if (out->regions_told < INSPECT_PLACES)
				out->regions[out->regions_told++] =
					(struct inspect_region){from, last + 1 - from};
			out->region_count++;
			out->region_bytes += last + 1 - from;
			is_open = false;
		}
		if (is_end)
			return;
		if (!is_open)
			from = i;
		is_open = true;
		last = i;
	}
}

static void scatter(struct medium *m, uint32_t seed)
{
	static const uint32_t gaps[] = {1, 2, 2047, 2048, 4094, 4095, 4096, 4097, 9000, 300000};

	for (uint64_t at = next_random(&seed) % 9000; at < m->size_bytes;) {
		uint32_t length = 1 + next_random(&seed) % (seed % 3 ? 9 : 40000);

		for (; length > 0 && at < m->size_bytes; length--)
			m->bytes[at++] = (uint8_t)next_random(&seed);
		at += gaps[next_random(&seed) % BL_COUNT(gaps)];
	}
}

static void regions_are_those_of_a_plain_count_with_any_number_of_threads(void **state)
{
	static const unsigned threads[] = {1, 2, 7};

	(void)state;
	for (uint32_t seed = 1; seed <= 12; seed++) {
		uint8_t fill = seed % 2 ? 0 : 0xff;
		struct medium *m = medium_new(4 * MIB + seed * 977, fill);
		struct inspect_result *first = NULL, *plain = calloc(1, sizeof(*plain));

		assert_non_null(plain);
		scatter(m, seed);
		m->bytes[0] = fill;
		count_plainly(m, fill, plain);
		for (size_t i = 0; i < BL_COUNT(threads); i++) {
			struct inspect_job job = job_of();

			job.threads = threads[i];

			struct inspect_result *result = run(m, &job);

			if (result->region_count != plain->region_count ||
			    result->region_bytes != plain->region_bytes ||
			    memcmp(result->regions, plain->regions, sizeof(plain->regions)) != 0)
				fail_msg("seed %u, %u threads: %llu regions for %llu", seed,
					 threads[i], (unsigned long long)result->region_count,
					 (unsigned long long)plain->region_count);
			result->threads = 0;
			if (first && memcmp(first, result, sizeof(*result)) != 0)
				fail_msg("seed %u: %u threads have another result", seed,
					 threads[i]);
			if (first)
				free(result);
			else
				first = result;
		}
		free(first);
		free(plain);
		medium_free(m);
	}
}

/* Whatever surrounds it: nothing, bytes that are no text, and what may be Chinese. */
static void a_value_across_blocks_is_found_once(void **state)
{
	static const struct {
		const char *name;
		enum inspect_order order;
	} rows[] = {{"UTF-8", ORDER_UTF8}, {"UTF-16LE", ORDER_LITTLE}, {"UTF-16BE", ORDER_BIG}};
	static const uint8_t arounds[] = {0, 0x1b, 0x8f};
	struct inspect_job job = job_of();

	(void)state;
	job.classes = CLASS_BIT(CLASS_EMAIL);
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		for (uint64_t before = 0; before <= 60; before++)
			for (unsigned around = 0; around < BL_COUNT(arounds); around++) {
				struct medium *m = medium_new(2 * MIB + 4096, 0);
				uint64_t at = MIB - before;
				uint8_t bytes[128];
				size_t length = strlen(MAIL);

				memset(m->bytes + MIB - 30000, arounds[around], 60000);
				memcpy(bytes, MAIL, length);
				if (rows[i].order != ORDER_UTF8)
					length = wide(MAIL, rows[i].order, bytes);
				medium_put(m, at, bytes, length);
				/* Big-endian at an odd place among zeros is little-endian one further on: nobody can tell. */
				uint64_t other =
					rows[i].order == ORDER_BIG && !around ? at + 1 : at;

				struct inspect_result *result = run(m, &job);

				if (result->finding_total != 1 || result->places_told != 1 ||
				    (result->places[0].offset != at &&
				     result->places[0].offset != other) ||
				    result->places[0].length != length ||
				    result->places[0].class != CLASS_EMAIL ||
				    result->findings[CLASS_EMAIL][INSPECT_NOBODYS] != 1)
					fail_msg("%s, %llu bytes before the boundary, around %u: "
						 "%llu found, at %llu",
						 rows[i].name, (unsigned long long)before, around,
						 (unsigned long long)result->finding_total,
						 (unsigned long long)result->places[0].offset);
				free(result);
				medium_free(m);
			}
}

static void a_card_among_random_bytes_is_found(void **state)
{
	struct medium *m = medium_new(3 * MIB, 0);
	struct inspect_job job = job_of();
	uint64_t at = MIB + 12345;

	(void)state;
	fill_random(m->bytes, m->size_bytes, 4);
	job.classes = CLASS_BIT(CLASS_CARD);
	medium_put(m, at - 1, "\0" CARD "\0", sizeof(CARD) + 1);

	struct inspect_result *result = run(m, &job);

	assert_int_equal(result->finding_total, 1);
	assert_int_equal(result->places[0].offset, at);
	assert_int_equal(result->places[0].length, strlen(CARD));
	assert_int_equal(result->verdict, INSPECT_NOT_EMPTY);
	assert_int_equal(result->table_count + result->filesystem_count, 0);
	free(result);
	medium_free(m);
}

/* Also when the policy does not look for the customer as such. */
static void known_identities_are_told_from_other_values(void **state)
{
	struct medium *m = medium_new(2 * MIB, 0);
	struct inspect_job job = job_of();
	static const char text[] =
		"Dear Mr Ferrowby, write to " MAIL " or quillon@ferrowby.example. Yours";

	(void)state;
	job.classes = CLASS_BIT(CLASS_EMAIL);
	job.identities = KIM;
	job.identity_count = BL_COUNT(KIM);
	medium_put(m, 300000, text, strlen(text));

	struct inspect_result *result = run(m, &job);

	assert_int_equal(result->findings[CLASS_EMAIL][INSPECT_NOBODYS], 2);
	assert_int_equal(result->identity_findings[CLASS_EMAIL], 1);
	assert_true(result->findings[CLASS_CUSTOMER][INSPECT_NOBODYS] >= 2);
	assert_int_equal(result->identity_findings[CLASS_CUSTOMER],
			 result->findings[CLASS_CUSTOMER][INSPECT_NOBODYS]);
	assert_int_equal(result->places[0].offset, 300000 + strlen("Dear Mr "));
	free(result);
	medium_free(m);
}

static void counts_are_right_beyond_the_places_that_are_told(void **state)
{
	struct medium *m = medium_new(4 * MIB, 0);
	struct inspect_job job = job_of();
	uint64_t count = 0;

	(void)state;
	job.classes = CLASS_BIT(CLASS_EMAIL);
	for (uint64_t at = 1000; at + 100 < m->size_bytes; at += 997, count++)
		medium_put(m, at, MAIL, strlen(MAIL));

	struct inspect_result *result = run(m, &job);

	assert_int_equal(result->finding_total, count);
	assert_int_equal(result->findings[CLASS_EMAIL][INSPECT_NOBODYS], count);
	assert_int_equal(result->places_told, INSPECT_PLACES);
	for (size_t i = 0; i < INSPECT_PLACES; i++)
		assert_int_equal(result->places[i].offset, 1000 + i * 997);
	free(result);
	medium_free(m);
}

static void what_cannot_be_read_is_counted_and_is_not_empty(void **state)
{
	static const struct {
		const char *name;
		uint64_t from, to, unreadable;
		uint64_t contents; /* 0: none */
		enum inspect_verdict verdict;
		uint8_t fill;
	} rows[] = {
		{"one sector", 5 * MIB + 512, 5 * MIB + 1024, 4096, 0, INSPECT_NOT_READ, 0xff},
		{"across blocks", 2 * MIB - 1, 2 * MIB + 1, 8192, 0, INSPECT_NOT_READ, 0xff},
		{"the first sector", 0, 512, 4096, 0, INSPECT_NOT_READ, 0xff},
		{"two blocks at the begin", 0, 2 * MIB, 2 * MIB, 0, INSPECT_NOT_READ, 0xff},
		{"and contents", 5 * MIB, 5 * MIB + 1, 4096, MIB, INSPECT_NOT_EMPTY, 0xff},
		{"contents beside it", 5 * MIB, 5 * MIB + 1, 4096, 5 * MIB + 4096,
		 INSPECT_NOT_EMPTY, 0},
		{"none", 0, 0, 0, 0, INSPECT_EMPTY, 0},
	};
	struct inspect_job job = job_of();

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct medium *m = medium_new(6 * MIB, rows[i].fill);

		m->bad_from = rows[i].from;
		m->bad_to = rows[i].to;
		if (rows[i].contents)
			m->bytes[rows[i].contents] = 1;

		struct inspect_result *result = run(m, &job);

		if (result->verdict != rows[i].verdict ||
		    result->unreadable_bytes != rows[i].unreadable ||
		    result->read_bytes != 6 * MIB - rows[i].unreadable ||
		    result->fill != rows[i].fill ||
		    result->region_count != (rows[i].contents ? 1 : 0))
			fail_msg("%s: %s, %llu unreadable, fill %u", rows[i].name,
				 inspect_verdict_name(result->verdict),
				 (unsigned long long)result->unreadable_bytes, result->fill);
		free(result);
		medium_free(m);
	}
}

static void a_medium_of_which_nothing_can_be_read_is_an_error(void **state)
{
	struct medium *m = medium_new(3 * MIB, 0);
	struct inspect_result *result = NULL;
	struct inspect_job job = job_of();
	struct bl_error why = {""};

	(void)state;
	m->bad_to = m->size_bytes;
	assert_int_equal(inspect_run_source(&job, &m->source, &result, &why), BL_IO);
	assert_null(result);
	assert_non_null(strstr(why.text, "nothing of the medium could be read"));
	medium_free(m);
}

static void a_medium_that_ends_early_is_not_read(void **state)
{
	static const uint64_t ends[] = {1, 4096, MIB + 5, 2 * MIB, 3 * MIB - 1};
	struct inspect_job job = job_of();

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ends); i++) {
		struct medium *m = medium_new(3 * MIB, 0);

		m->end = ends[i];

		struct inspect_result *result = run(m, &job);

		if (result->verdict != INSPECT_NOT_READ || result->read_bytes != ends[i] ||
		    result->unreadable_bytes != 3 * MIB - ends[i])
			fail_msg("end at %llu: %s, %llu read", (unsigned long long)ends[i],
				 inspect_verdict_name(result->verdict),
				 (unsigned long long)result->read_bytes);
		free(result);
		medium_free(m);
	}
}

/* ---- files --------------------------------------------------------------------------------------------- */

static int temporary(uint64_t size_bytes)
{
	char path[] = "/tmp/bailee-inspect-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ftruncate(fd, (off_t)size_bytes), 0);
	return fd;
}

static void a_file_is_read_with_its_holes_as_zeros(void **state)
{
	static const uint64_t size = 10 * (UINT64_C(1) << 40) + 12345; /* 10 TiB */
	static const uint64_t places[] = {0, 700 * MIB + 4095, (UINT64_C(9) << 40) + 1, size - 1};
	struct inspect_job job = job_of();
	struct inspect_result *result = NULL;
	int fd = temporary(size);

	(void)state;
	job.fd = fd;
	assert_int_equal(inspect_run(&job, &result, NULL), BL_OK);
	assert_int_equal(result->verdict, INSPECT_EMPTY);
	assert_int_equal(result->read_bytes, size);
	free(result);
	for (size_t i = 0; i < BL_COUNT(places); i++)
		assert_int_equal(pwrite(fd, "x", 1, (off_t)places[i]), 1);
	assert_int_equal(inspect_run(&job, &result, NULL), BL_OK);
	assert_int_equal(result->verdict, INSPECT_NOT_EMPTY);
	assert_int_equal(result->read_bytes, size);
	assert_int_equal(result->regions_told, BL_COUNT(places));
	for (size_t i = 0; i < BL_COUNT(places); i++) {
		assert_int_equal(result->regions[i].offset, places[i]);
		assert_int_equal(result->regions[i].length, 1);
	}
	free(result);
	close(fd);
}

static void what_is_no_medium_is_refused(void **state)
{
	struct inspect_job job = job_of();
	struct inspect_result *result = NULL;
	struct bl_error why = {""};
	int ends[2], empty = temporary(0);

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	job.fd = ends[0];
	assert_int_equal(inspect_run(&job, &result, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "neither a file nor a block device"));
	job.fd = empty;
	assert_int_equal(inspect_run(&job, &result, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "no bytes"));
	assert_null(result);
	close(ends[0]);
	close(ends[1]);
	close(empty);
}

/* ---- progress -------------------------------------------------------------------------------------------- */

/* A medium whose reads go on only once progress was told. */
struct told {
	struct medium *m;
	atomic_uint times, reads;
	unsigned stop_at; /* 0: never */
	int fd;
	uint64_t all_bytes;
};

static bool tell(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	struct told *told = context;

	assert_true(done_bytes <= all_bytes);
	told->all_bytes = all_bytes;
	return atomic_fetch_add(&told->times, 1) + 1 != told->stop_at;
}

static ssize_t read_slowly(const struct inspect_source *source, uint8_t *out, size_t length,
			   uint64_t offset)
{
	struct told *told = source->context;
	struct inspect_source plain = {.context = told->m};

	/* Those before the pass are few, and go through. */
	if (atomic_fetch_add(&told->reads, 1) > 60)
		while (!atomic_load(&told->times))
			usleep(1000);
	return medium_read(&plain, out, length, offset);
}

static void progress_may_stop_it(void **state)
{
	struct medium *m = medium_new(200 * MIB, 0);
	struct told told = {.m = m, .stop_at = 1};
	struct inspect_source source = m->source;
	struct inspect_job job = job_of();
	struct inspect_result *result = NULL;
	struct bl_error why = {""};

	(void)state;
	source.read = read_slowly;
	source.context = &told;
	job.progress = tell;
	job.context = &told;
	assert_int_equal(inspect_run_source(&job, &source, &result, &why), BL_FAILED);
	assert_null(result);
	assert_non_null(strstr(why.text, "stopped"));
	assert_int_equal(told.all_bytes, 200 * MIB);
	assert_int_equal(atomic_load(&told.times), 1);
	/* Once more without stopping. */
	told.stop_at = 0;
	atomic_store(&told.times, 0);
	atomic_store(&told.reads, 0);
	assert_int_equal(inspect_run_source(&job, &source, &result, &why), BL_OK);
	assert_true(atomic_load(&told.times) >= 1);
	assert_int_equal(result->verdict, INSPECT_EMPTY);
	free(result);
	medium_free(m);
}

static bool grow(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	struct told *told = context;

	(void)done_bytes;
	if (!atomic_load(&told->times))
		assert_int_equal(ftruncate(told->fd, (off_t)(all_bytes + told->all_bytes)), 0);
	atomic_fetch_add(&told->times, 1);
	return true;
}

static void a_file_that_changes_its_size_meanwhile_is_not_read(void **state)
{
	static const int64_t changes[] = {4096, -4096};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(changes); i++) {
		struct medium *m = medium_new(100 * MIB, 0);
		int fd = temporary(m->size_bytes);
		struct told told = {.m = m, .fd = fd, .all_bytes = (uint64_t)changes[i]};
		struct inspect_source source = m->source;
		struct inspect_job job = job_of();
		struct inspect_result *result = NULL;

		/* Bytes come from memory, slowly; the size is the file's. */
		source.read = read_slowly;
		source.context = &told;
		source.fd = fd;
		job.progress = grow;
		job.context = &told;
		assert_int_equal(inspect_run_source(&job, &source, &result, NULL), BL_OK);
		assert_int_equal(result->verdict, INSPECT_NOT_READ);
		free(result);
		close(fd);
		medium_free(m);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_blank_medium_is_empty),
		cmocka_unit_test(one_byte_anywhere_is_found_at_its_place),
		cmocka_unit_test(the_first_byte_may_be_contents),
		cmocka_unit_test(regions_are_those_of_a_plain_count_with_any_number_of_threads),
		cmocka_unit_test(a_value_across_blocks_is_found_once),
		cmocka_unit_test(a_card_among_random_bytes_is_found),
		cmocka_unit_test(known_identities_are_told_from_other_values),
		cmocka_unit_test(counts_are_right_beyond_the_places_that_are_told),
		cmocka_unit_test(what_cannot_be_read_is_counted_and_is_not_empty),
		cmocka_unit_test(a_medium_of_which_nothing_can_be_read_is_an_error),
		cmocka_unit_test(a_medium_that_ends_early_is_not_read),
		cmocka_unit_test(a_file_is_read_with_its_holes_as_zeros),
		cmocka_unit_test(what_is_no_medium_is_refused),
		cmocka_unit_test(progress_may_stop_it),
		cmocka_unit_test(a_file_that_changes_its_size_meanwhile_is_not_read),
	};

	return cmocka_run_group_tests(tests, setup_sodium, NULL);
}
