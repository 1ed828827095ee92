/* Containers made by QEMU's, libewf's and coreutils' tools come out as the bytes that went in. */
#include "container-made.h"

#include <dirent.h>
#include <signal.h>

/* Every byte from seen->start on is that of the source, or told as unreadable. */
static void assert_same(const struct made *row, const struct stage *stage, const struct seen *seen)
{
	assert_true(seen->is_whole);
	/* Formats that count in larger units than sectors may add zeros: none of the above does. */
	if (seen->total != RAW_BYTES)
		fail_msg("%s: %zu bytes", row->name, (size_t)seen->total);
	for (uint64_t i = 0; i < seen->length; i++)
		if (!seen->is_bad[i] && seen->bytes[i] != stage->raw[seen->start + i])
			fail_msg("%s: byte %zu differs", row->name, (size_t)(seen->start + i));
}

static uint64_t count_bad(const struct seen *seen)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < seen->length; i++)
		count += seen->is_bad[i];
	return count;
}

static void need(void **state, const char *tool)
{
	if (stage_has(*state, tool))
		return;
	print_message("no %s\n", tool);
	skip();
}

static void check_row(const struct stage *stage, const struct made *row, uint64_t start)
{
	struct bl_error why = {""};
	struct seen seen;
	enum bl_status status = stage_stream(stage, row->open, start, RAW_BYTES, &seen, &why);

	if (status != BL_OK)
		fail_msg("%s: %s", row->name, why.text);
	assert_int_equal(seen.start, start);
	assert_same(row, stage, &seen);
	if (count_bad(&seen))
		fail_msg("%s: unreadable bytes", row->name);
	if (seen.zeros < 400000 && start == 0)
		fail_msg("%s: holes are not told as zeros", row->name);
	seen_done(&seen);
}

static void every_container_gives_the_bytes_that_went_in(void **state)
{
	const struct stage *stage = *state;

	for (size_t i = 0; i < BL_COUNT(MADE); i++) {
		static struct container container;
		char path[PATH_MAX];

		if (!make(stage, &MADE[i]))
			continue;
		stage_path(stage, MADE[i].open, path);
		assert_int_equal(container_open(path, true, &container, NULL), BL_OK);
		if (container.kind != MADE[i].kind || container.count != MADE[i].files)
			fail_msg("%s: %s in %zu files", MADE[i].name,
				 container_kind_name(container.kind), container.count);
		container_close(&container);
		check_row(stage, &MADE[i], 0);
	}
}

static void stream_begins_where_it_is_told_to(void **state)
{
	static const uint64_t STARTS[] = {65536, 1048576, 3145728};

	for (size_t i = 0; i < BL_COUNT(MADE); i++)
		for (size_t j = 0; j < BL_COUNT(STARTS); j++)
			if (make(*state, &MADE[i]))
				check_row(*state, &MADE[i], STARTS[j]);
}

static void stream_can_begin_only_inside_and_at_64_kib(void **state)
{
	static const uint64_t STARTS[] = {1, 65535, 65536 * 49, UINT64_C(1) << 49};
	const struct made *row = &MADE[BL_COUNT(MADE) - 1];

	assert_true(make(*state, row));
	for (size_t i = 0; i < BL_COUNT(STARTS); i++) {
		struct seen seen;

		assert_int_equal(stage_stream(*state, row->open, STARTS[i], RAW_BYTES, &seen, NULL),
				 BL_INVALID);
		assert_int_equal(seen.total, 0);
		seen_done(&seen);
	}
}

static void plain_image_needs_no_program(void **state)
{
	static struct container container;
	char path[PATH_MAX];

	stage_path(*state, "raw.dd", path);
	assert_int_equal(container_open(path, false, &container, NULL), BL_OK);
	assert_int_equal(container.kind, CONTAINER_NONE);
	assert_int_equal(container.count, 1);
	assert_string_equal(container.names[0], "raw.dd");
	container_close(&container);
}

static void lone_piece_is_a_plain_image(void **state)
{
	static struct container container;
	char path[PATH_MAX];

	stage_write(*state, "lone.001", "x", 1);
	stage_path(*state, "lone.001", path);
	assert_int_equal(container_open(path, false, &container, NULL), BL_OK);
	assert_int_equal(container.kind, CONTAINER_NONE);
	container_close(&container);
}

static void damaged_chunk_of_e01_is_unreadable_and_no_other_byte(void **state)
{
	const struct made row = {
		"damaged", "ewfacquire",  "ewfacquire -u -c none -f encase6 -t x raw.dd",
		"x.E01",   CONTAINER_EWF, 1};
	struct seen seen;

	need(state, row.tool);
	assert_true(make(*state, &row));
	/* Chunks of 32 KiB lie one behind the other here, near enough. */
	spoil(*state, "x.E01", 1200000);
	spoil(*state, "x.E01", 1500000);
	assert_int_equal(stage_stream(*state, "x.E01", 0, RAW_BYTES, &seen, NULL), BL_OK);
	assert_same(&row, *state, &seen);
	assert_int_equal(count_bad(&seen), 2 * 32768);
	assert_true(seen.is_bad[1200000 - 32768] || seen.is_bad[1200000]);
	seen_done(&seen);
}

static uint32_t adler32(const uint8_t *bytes, size_t length)
{
	uint32_t low = 1, high = 0;

	for (size_t i = 0; i < length; i++) {
		low = (low + bytes[i]) % 65521;
		high = (high + low) % 65521;
	}
	return high << 16 | low;
}

/* A section's descriptor: 76 bytes. */
static void put_section(uint8_t *out, const char *type, uint64_t next, uint64_t bytes)
{
	memset(out, 0, 76);
	memcpy(out, type, strlen(type));
	bl_put64(out + 16, next);
	bl_put64(out + 24, bytes);
	bl_put32(out + 72, adler32(out, 72));
}

/* "error2", where ewfacquire put "hash": sectors 100 to 102 and 4000 to 4129 could not be read. */
static void list_errors(const struct stage *stage, const char *name)
{
	static const uint32_t ERRORS[] = {100, 3, 4000, 130};
	const size_t bytes = 76 + 520 + sizeof(ERRORS) + 4;
	size_t length;
	uint8_t *image = stage_read(stage, name, &length);
	uint8_t *hash = memmem(image, length, "hash\0\0\0\0\0\0\0\0\0\0\0", 15);

	assert_non_null(hash);
	uint64_t at = (uint64_t)(hash - image);
	uint8_t *grown = calloc(1, at + bytes + 76);
	assert_non_null(grown);
	memcpy(grown, image, at);
	uint8_t *section = grown + at, *head = section + 76, *entries = head + 520;
	put_section(section, "error2", at + bytes, bytes);
	bl_put32(head, BL_COUNT(ERRORS) / 2);
	bl_put32(head + 516, adler32(head, 516));
	for (size_t i = 0; i < BL_COUNT(ERRORS); i++)
		bl_put32(entries + 4 * i, ERRORS[i]);
	bl_put32(entries + sizeof(ERRORS), adler32(entries, sizeof(ERRORS)));
	put_section(section + bytes, "done", at + bytes, 76);
	stage_write(stage, name, grown, at + bytes + 76);
	free(grown);
	free(image);
}

static void what_could_not_be_read_at_acquisition_is_unreadable(void **state)
{
	const struct made row = {
		"errors",  "ewfacquire",  "ewfacquire -u -c none -f encase6 -t err raw.dd",
		"err.E01", CONTAINER_EWF, 1};
	struct seen seen;

	need(state, row.tool);
	assert_true(make(*state, &row));
	list_errors(*state, "err.E01");
	assert_int_equal(stage_stream(*state, "err.E01", 0, RAW_BYTES, &seen, NULL), BL_OK);
	assert_same(&row, *state, &seen);
	assert_int_equal(count_bad(&seen), 133 * 512);
	for (uint64_t sector = 0; sector < RAW_BYTES / 512; sector++) {
		bool is_bad = (sector >= 100 && sector < 103) || (sector >= 4000 && sector < 4130);
		if (seen.is_bad[sector * 512] != is_bad)
			fail_msg("sector %zu", (size_t)sector);
	}
	seen_done(&seen);
	/* From behind the first of them: it counts no more, the other still does. */
	assert_int_equal(stage_stream(*state, "err.E01", 1048576, RAW_BYTES, &seen, NULL), BL_OK);
	assert_int_equal(count_bad(&seen), 130 * 512);
	seen_done(&seen);
}

/* libewf begins anew every 65,536 chunks: here in chunks of 8 KiB, so that this is at 512 MiB. */
static void long_e01_stays_right_where_libewf_begins_anew(void **state)
{
	static const uint64_t BORDER = UINT64_C(512) << 20, LENGTH = (UINT64_C(520) << 20);
	const struct stage *stage = *state;
	char path[PATH_MAX];
	struct seen seen;

	need(state, "ewfacquire");
	stage_path(stage, "long.dd", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)LENGTH), 0);
	assert_int_equal(pwrite(fd, stage->raw + 70000, 200000, (off_t)(BORDER - 100000)), 200000);
	close(fd);
	assert_int_equal(stage_run(stage, "ewfacquire -u -b 16 -c empty-block -f encase6 -t long "
					  "long.dd && rm long.dd"),
			 0);
	assert_int_equal(stage_stream(stage, "long.E01", 0, LENGTH, &seen, NULL), BL_OK);
	assert_true(seen.is_whole);
	assert_int_equal(seen.total, LENGTH);
	assert_memory_equal(seen.bytes + BORDER - 100000, stage->raw + 70000, 200000);
	assert_int_equal(seen.zeros, LENGTH - 4 * 65536);
	seen_done(&seen);
}

/* Of what was written over by zeros, the bytes before must not come back. */
static void zeroed_clusters_of_qcow2_are_zeros(void **state)
{
	struct seen seen;

	need(state, "qemu-io");
	assert_int_equal(stage_run(*state, QEMU "-S 0 -O qcow2 raw.dd z.q3 && "
						"qemu-io -c 'write -z 1M 512k' z.q3"),
			 0);
	assert_int_equal(stage_stream(*state, "z.q3", 0, RAW_BYTES, &seen, NULL), BL_OK);
	assert_true(seen.is_whole);
	assert_int_equal(count_bad(&seen), 0);
	for (uint32_t i = 0; i < RAW_BYTES; i++) {
		bool is_zeroed = i >= 1048576 && i < 1048576 + 524288;
		uint8_t want = is_zeroed ? 0 : ((struct stage *)*state)->raw[i];
		if (seen.bytes[i] != want)
			fail_msg("byte %u", i);
	}
	seen_done(&seen);
}

static void what_a_cut_container_lost_is_unreadable(void **state)
{
	static const struct made CUT[] = {
		{"qcow2 of version 2", "qemu-img", QEMU "-O qcow2 -o compat=0.10 raw.dd cut", "cut",
		 CONTAINER_QCOW, 1},
		{"qcow2", "qemu-img", QEMU "-O qcow2 raw.dd cut", "cut", CONTAINER_QCOW, 1},
		{"qcow2, compressed", "qemu-img", QEMU "-c -O qcow2 raw.dd cut", "cut",
		 CONTAINER_QCOW, 1},
		{"qcow 1", "qemu-img", QEMU "-O qcow raw.dd cut", "cut", CONTAINER_QCOW, 1},
		{"VMDK", "qemu-img", QEMU "-O vmdk raw.dd cut", "cut", CONTAINER_VMDK, 1},
		{"VHDX", "qemu-img", QEMU "-O vhdx -o block_size=1M raw.dd cut", "cut",
		 CONTAINER_VHD, 1},
		{"E01", "ewfacquire", "ewfacquire -u -c none -t cut raw.dd; mv cut.E01 cut", "cut",
		 CONTAINER_EWF, 1},
	};
	const struct stage *stage = *state;

	for (size_t i = 0; i < BL_COUNT(CUT); i++) {
		for (size_t tenth = 4; tenth < 10; tenth++) {
			struct seen seen;
			size_t length;

			stage_run(stage, "rm -f cut cut.E01");
			if (!make(stage, &CUT[i]))
				break;
			uint8_t *bytes = stage_read(stage, "cut", &length);
			stage_write(stage, "cut", bytes, length * tenth / 10);
			free(bytes);
			enum bl_status status =
				stage_stream(stage, "cut", 0, RAW_BYTES, &seen, NULL);
			if (status == BL_OK)
				assert_same(&CUT[i], stage, &seen);
			else
				assert_int_equal(status, BL_INVALID);
			seen_done(&seen);
		}
	}
}

/* From /proc: a line "@key\tVALUE". */
static long status_of(pid_t pid, const char *key)
{
	char path[64], line[256];
	long value = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtol(line + strlen(key), NULL, 16);
	fclose(file);
	return value;
}

static size_t count_fds(pid_t pid)
{
	char path[64];
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *folder = opendir(path);
	if (!folder)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static bool has_limit(pid_t pid, const char *line)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return strstr(text, line) != NULL;
}

static pid_t start(const struct stage *stage, const struct made *row, int *out_fd)
{
	static struct container container;
	struct bl_error why = {""};
	char path[PATH_MAX];
	pid_t pid = 0;

	assert_true(make(stage, row));
	stage_path(stage, row->open, path);
	assert_int_equal(container_open(path, true, &container, &why), BL_OK);
	assert_int_equal(container_start(&container, stage->programs, 0, out_fd, &pid, &why),
			 BL_OK);
	container_close(&container);
	return pid;
}

/* What has written once is sealed; and it cannot end before we read on, its pipe is full. */
static void every_program_is_sealed_while_it_reads(void **state)
{
	static const size_t ROWS[] = {0, 6, 13, 17, BL_COUNT(MADE) - 2};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct made *row = &MADE[ROWS[i]];
		uint8_t byte;
		int fd = -1;

		if (!stage_has(*state, row->tool)) {
			print_message("left out, no %s: %s\n", row->tool, row->name);
			continue;
		}
		pid_t pid = start(*state, row, &fd);
		assert_int_equal(read(fd, &byte, 1), 1);
		if (status_of(pid, "Seccomp:") != 2 || status_of(pid, "NoNewPrivs:") != 1 ||
		    status_of(pid, "CapEff:") != 0 || status_of(pid, "CapPrm:") != 0)
			fail_msg("%s: not sealed", row->name);
		assert_true(has_limit(pid, "Max open files            0                    0 "));
		assert_true(has_limit(pid, "Max processes             0                    0 "));
		if (geteuid() == 0)
			assert_int_equal(count_fds(pid), 3 + row->files);
		assert_int_equal(container_wait(pid, true, NULL), BL_OK);
		close(fd);
	}
}

static void reader_that_leaves_ends_the_program_quietly(void **state)
{
	uint8_t byte;
	int fd = -1;
	pid_t pid = start(*state, &MADE[BL_COUNT(MADE) - 1], &fd);

	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	assert_int_equal(container_wait(pid, false, NULL), BL_OK);
}

static void program_that_was_killed_is_told(void **state)
{
	struct bl_error why = {""};
	int fd = -1;
	pid_t pid = start(*state, &MADE[BL_COUNT(MADE) - 1], &fd);

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(container_wait(pid, false, &why), BL_IO);
	assert_non_null(strstr(why.text, "died of signal 9"));
	close(fd);
}

static void program_that_is_not_there_is_told(void **state)
{
	static struct container container;
	const struct made *row = &MADE[BL_COUNT(MADE) - 1];
	struct bl_error why = {""};
	char path[PATH_MAX];
	pid_t pid = 0;
	int fd = -1;

	assert_true(make(*state, row));
	stage_path(*state, row->open, path);
	assert_int_equal(container_open(path, false, &container, NULL), BL_OK);
	assert_int_equal(container_start(&container, "/nonexistent", 0, &fd, &pid, &why),
			 BL_FAILED);
	assert_non_null(strstr(why.text, "cannot run '/nonexistent/bailee-container-split'"));
	container_close(&container);
}

/* Descriptors 3 and up are what the child wants: the caller's own may be just those, or high ones. */
static void descriptors_of_the_caller_stay_as_they_are(void **state)
{
	size_t before = count_fds(getpid());

	check_row(*state, &MADE[BL_COUNT(MADE) - 1], 0);
	assert_int_equal(count_fds(getpid()), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_container_gives_the_bytes_that_went_in),
		cmocka_unit_test(stream_begins_where_it_is_told_to),
		cmocka_unit_test(stream_can_begin_only_inside_and_at_64_kib),
		cmocka_unit_test(plain_image_needs_no_program),
		cmocka_unit_test(lone_piece_is_a_plain_image),
		cmocka_unit_test(damaged_chunk_of_e01_is_unreadable_and_no_other_byte),
		cmocka_unit_test(what_could_not_be_read_at_acquisition_is_unreadable),
		cmocka_unit_test(long_e01_stays_right_where_libewf_begins_anew),
		cmocka_unit_test(zeroed_clusters_of_qcow2_are_zeros),
		cmocka_unit_test(what_a_cut_container_lost_is_unreadable),
		cmocka_unit_test(every_program_is_sealed_while_it_reads),
		cmocka_unit_test(reader_that_leaves_ends_the_program_quietly),
		cmocka_unit_test(program_that_was_killed_is_told),
		cmocka_unit_test(program_that_is_not_there_is_told),
		cmocka_unit_test(descriptors_of_the_caller_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, stage_setup, stage_teardown);
}
