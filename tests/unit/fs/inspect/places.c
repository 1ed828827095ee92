#include "tests/unit/fs/find-program.h"
#include "tests/unit/fs/inspect/medium-test.h"

#include <fcntl.h>
#include <unistd.h>

static void ranges_are_sorted_and_apart(void **state)
{
	static const struct {
		struct inspect_range in[4], out[4];
		size_t in_count, out_count;
	} rows[] = {
		{{{5, 9}}, {{5, 9}}, 1, 1},
		{{{5, 5}}, {{0, 0}}, 1, 0},
		{{{9, 5}}, {{0, 0}}, 1, 0},
		{{{5, 9}, {9, 12}}, {{5, 12}}, 2, 1},
		{{{20, 30}, {5, 9}}, {{5, 9}, {20, 30}}, 2, 2},
		{{{20, 30}, {5, 21}}, {{5, 30}}, 2, 1},
		{{{5, 50}, {20, 30}, {60, 70}, {49, 61}}, {{5, 70}}, 4, 1},
		{{{0, UINT64_MAX}, {20, 30}}, {{0, UINT64_MAX}}, 2, 1},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct inspect_ranges ranges = {0};

		for (size_t k = 0; k < rows[i].in_count; k++)
			assert_int_equal(inspect_ranges_add(&ranges, rows[i].in[k].from,
							    rows[i].in[k].to, 100),
					 BL_OK);
		inspect_ranges_sort(&ranges);
		if (ranges.count != rows[i].out_count ||
		    (ranges.count &&
		     memcmp(ranges.items, rows[i].out, ranges.count * sizeof(*ranges.items)) != 0))
			fail_msg("row %zu: %zu ranges", i, ranges.count);
		free(ranges.items);
	}
}

static void ranges_are_not_more_than_their_limit(void **state)
{
	struct inspect_ranges ranges = {0};

	(void)state;
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(inspect_ranges_add(&ranges, i * 10, i * 10 + 5, 3000), BL_OK);
	assert_int_equal(inspect_ranges_add(&ranges, 90000, 90001, 3000), BL_TOO_LARGE);
	/* What only makes the last one longer needs no room. */
	assert_int_equal(inspect_ranges_add(&ranges, 29995, 29999, 3000), BL_OK);
	assert_int_equal(ranges.count, 3000);
	free(ranges.items);
}

static void a_place_is_of_its_volume(void **state)
{
	static const struct {
		uint64_t offset;
		enum inspect_where where;
	} rows[] = {
		{0, INSPECT_NOBODYS},
		{99, INSPECT_NOBODYS},
		{100, INSPECT_ALLOCATED},
		{119, INSPECT_ALLOCATED},
		{120, INSPECT_FREE},
		{150, INSPECT_ALLOCATED},
		{151, INSPECT_FREE},
		{199, INSPECT_FREE},
		{200, INSPECT_NOBODYS},
		{300, INSPECT_FREE},
		{399, INSPECT_ALLOCATED},
		{400, INSPECT_NOBODYS},
		/* Used by nobody that told all of it. */
		{500, INSPECT_NOBODYS},
		{UINT64_MAX, INSPECT_NOBODYS},
	};
	struct inspect_map map = {0};

	(void)state;
	assert_int_equal(inspect_map_where(&map, 5), INSPECT_NOBODYS);
	assert_int_equal(inspect_ranges_add(&map.volumes, 300, 400, 9), BL_OK);
	assert_int_equal(inspect_ranges_add(&map.volumes, 100, 200, 9), BL_OK);
	assert_int_equal(inspect_ranges_add(&map.used, 390, 400, 9), BL_OK);
	assert_int_equal(inspect_ranges_add(&map.used, 500, 600, 9), BL_OK);
	assert_int_equal(inspect_ranges_add(&map.used, 100, 120, 9), BL_OK);
	assert_int_equal(inspect_ranges_add(&map.used, 150, 151, 9), BL_OK);
	inspect_ranges_sort(&map.volumes);
	inspect_ranges_sort(&map.used);
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (inspect_map_where(&map, rows[i].offset) != rows[i].where)
			fail_msg("%llu is %s", (unsigned long long)rows[i].offset,
				 inspect_where_name(inspect_map_where(&map, rows[i].offset)));
	inspect_map_done(&map);
}

static void what_cannot_be_opened_is_nobodys(void **state)
{
	struct inspect_map map;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(inspect_map_read(&map, fd, NULL, NULL), BL_OK);
	assert_int_equal(map.volumes.count, 0);
	inspect_map_done(&map);
	assert_int_equal(inspect_map_read(&map, fd, "/nowhere/bailee-reader", NULL), BL_OK);
	assert_int_equal(map.volumes.count, 0);
	inspect_map_done(&map);
	assert_int_equal(inspect_map_read(&map, -1, "/nowhere/bailee-reader", NULL), BL_OK);
	inspect_map_done(&map);
	close(fd);
}

/* ---- a filesystem of its own, read by the real bailee-reader ------------------------------------------------ */

/*
 * One file with forty-one addresses that is there, one with thirty-eight that is deleted, and an address before the partition. Each
 * file begins with an empty line, and fits into one block: what is beside it may look like letters.
 */
static const char MAKE[] =
	"cd %s && PATH=$PATH:/sbin:/usr/sbin && command -v mke2fs debugfs sfdisk >/dev/null || "
	"exit 9; "
	"mkdir src && (echo; seq -f 'kept%%03.0f@stays.example' 100 140) > src/kept && "
	"(echo; seq -f 'gone%%03.0f@leaves.example' 100 137) > src/gone && truncate -s 64K src/pad "
	"&& "
	"mke2fs -q -F -t ext4 -O ^has_journal -b 1024 -d src v 6M && debugfs -w -R 'rm gone' v && "
	"truncate -s 8M i && echo 2048,12288,83 | sfdisk i && "
	"dd if=v of=i bs=512 seek=2048 conv=notrunc && "
	"printf nobody@nowhere.example | dd of=i bs=1 seek=70000 conv=notrunc";

static void check_real(const struct inspect_result *result)
{
	const uint64_t *found = result->findings[CLASS_EMAIL];

	assert_int_equal(found[INSPECT_ALLOCATED], 41);
	assert_int_equal(found[INSPECT_FREE], 38);
	assert_int_equal(found[INSPECT_NOBODYS], 1);
	assert_int_equal(result->finding_total, 80);
	assert_int_equal(result->places[0].offset, 70000);
	assert_int_equal(result->places[0].where, INSPECT_NOBODYS);
	assert_int_equal(result->table_count, 1);
	assert_string_equal(result->tables[0].type, "mbr");
	assert_int_equal(result->filesystem_count, 1);
	assert_string_equal(result->filesystems[0].type, "ext");
	assert_int_equal(result->filesystems[0].offset, MIB);
	assert_int_equal(result->verdict, INSPECT_NOT_EMPTY);
}

static void a_filesystem_says_what_is_allocated_and_what_is_free(void **state)
{
	char folder[] = "/tmp/bailee-places-XXXXXX", line[2000], script[1500], reader[4096],
	     path[64];
	struct inspect_job job = {.classes = CLASS_BIT(CLASS_EMAIL), .reader_path = reader};
	struct inspect_result *result = NULL;

	(void)state;
	if (!find_reader(reader, sizeof(reader))) {
		print_message("not looked at: bailee-reader is not built\n");
		skip();
	}
	assert_non_null(mkdtemp(folder));
	snprintf(script, sizeof(script), MAKE, folder);
	snprintf(line, sizeof(line), "(%s) >/dev/null 2>&1", script);

	int status = system(line);

	snprintf(path, sizeof(path), "%s/i", folder);
	job.fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	assert_int_equal(system(line), 0);
	if (status == 9 << 8) {
		print_message("not looked at: mke2fs, debugfs or sfdisk is not installed\n");
		skip();
	}
	assert_int_equal(status, 0);
	assert_true(job.fd >= 0);
	assert_int_equal(inspect_run(&job, &result, NULL), BL_OK);
	check_real(result);
	free(result);
	/* Without a reader nobody says anything, and all is found the same. */
	job.reader_path = NULL;
	assert_int_equal(inspect_run(&job, &result, NULL), BL_OK);
	assert_int_equal(result->findings[CLASS_EMAIL][INSPECT_NOBODYS], 80);
	assert_int_equal(result->finding_total, 80);
	free(result);
	close(job.fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_sorted_and_apart),
		cmocka_unit_test(ranges_are_not_more_than_their_limit),
		cmocka_unit_test(a_place_is_of_its_volume),
		cmocka_unit_test(what_cannot_be_opened_is_nobodys),
		cmocka_unit_test(a_filesystem_says_what_is_allocated_and_what_is_free),
	};

	return cmocka_run_group_tests(tests, setup_sodium, NULL);
}
