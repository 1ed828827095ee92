/* Looking through a whole device: what is counted, that it goes on where it was ended, and that no value is told */
#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

#define LONG (UINT64_C(130) << 20) /* more than two parts */

static const char COPIES[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    what: {paths: ['/**']}\n    why: Owners copy the masked view.\n";

static int with_files(void **state)
{
	struct fixture *fixture = fixture_begin(state);

	fixture_directory(fixture, "open/deep");
	fixture_text(fixture, "open/mail.txt", "write to kim@example.org or to lee@example.org\n");
	fixture_text(fixture, "open/deep/card.txt", "paid with 4111 1111 1111 1111\n");
	fixture_text(fixture, "open/deep/lee@example.org.txt", "nothing\n");
	fixture_text(fixture, "open/nothing.txt", "nothing\n");
	fixture_file(fixture, "open/raw.bin",
		     "\x7f"
		     "ELF\0\1\2\3",
		     8);
	fixture_end(fixture, COPIES);
	return 0;
}

struct told {
	size_t files, progress;
	char paths[16][256];
	enum gate_scanned how[16];
	uint64_t emails[16];
	atomic_bool is_cancelled;
	size_t cancel_after;
};

static void tell_file(void *context, const struct gate_scan_file *file)
{
	struct told *told = context;

	assert_true(told->files < 16);
	snprintf(told->paths[told->files], 256, "%s", file->path);
	told->how[told->files] = file->how;
	told->emails[told->files++] = file->found[CLASS_EMAIL];
	if (told->files == told->cancel_after)
		atomic_store(&told->is_cancelled, true);
}

static void tell_progress(void *context, const struct gate_scan_counts *counts)
{
	struct told *told = context;

	told->progress++;
	assert_true(counts->files_done <= counts->files);
}

static enum bl_status scan(struct fixture *fixture, unsigned threads, struct told *told,
			   struct gate_scan_counts *counts)
{
	struct gate_scan asked = {.device = "RMA-1",
				  .threads = threads,
				  .is_cancelled = &told->is_cancelled,
				  .progress = tell_progress,
				  .file = tell_file,
				  .context = told};
	struct bl_error why = {""};

	return gate_scan(fixture->gate, &asked, counts, &why);
}

static const char *path_told(const struct told *told, const char *end, size_t *out_index)
{
	for (size_t i = 0; i < told->files; i++) {
		size_t length = strlen(told->paths[i]);

		*out_index = i;
		if (length >= strlen(end) &&
		    strcmp(told->paths[i] + length - strlen(end), end) == 0)
			return told->paths[i];
	}
	return NULL;
}

static void what_is_there_is_counted_by_class_and_path(void **state)
{
	struct fixture *fixture = *state;
	struct gate_scan_counts counts;
	struct told told = {.files = 0};
	size_t at;

	assert_int_equal(scan(fixture, 3, &told, &counts), BL_OK);
	assert_int_equal(counts.files, 5);
	assert_int_equal(counts.files_done, 5);
	assert_int_equal(counts.directories_done, 3);
	assert_int_equal(counts.bytes_done, counts.bytes);
	assert_int_equal(counts.skipped, 1);
	assert_int_equal(counts.failed, 0);
	assert_int_equal(counts.found[CLASS_EMAIL], 2);
	assert_int_equal(counts.found[CLASS_CARD], 1);
	assert_int_equal(counts.names[CLASS_EMAIL], 1);
	assert_int_equal(counts.wait_percent, 100);
	assert_true(told.progress >= 1);
	/* Two with something in them, and one that nobody can look into. */
	assert_int_equal(told.files, 3);
	assert_non_null(path_told(&told, "open/mail.txt", &at));
	assert_int_equal(told.emails[at], 2);
	assert_non_null(path_told(&told, "open/raw.bin", &at));
	assert_int_equal(told.how[at], SCANNED_SKIPPED);
	for (size_t i = 0; i < told.files; i++)
		assert_null(strchr(told.paths[i], '@'));
}

static void the_second_time_nothing_is_looked_into_not_even_after_a_restart(void **state)
{
	struct fixture *fixture = *state;
	struct gate_scan_counts first, second, third;
	struct told told = {.files = 0};

	assert_int_equal(scan(fixture, 1, &told, &first), BL_OK);
	assert_true(first.looked_bytes > 0);
	told.files = 0;
	assert_int_equal(scan(fixture, 2, &told, &second), BL_OK);
	assert_int_equal(second.looked_bytes, 0);
	assert_memory_equal(first.found, second.found, sizeof(first.found));
	fixture_restart(fixture);
	fixture_policy(fixture, 2, COPIES);
	told.files = 0;
	assert_int_equal(scan(fixture, 2, &told, &third), BL_OK);
	assert_int_equal(third.looked_bytes, 0);
	assert_memory_equal(first.found, third.found, sizeof(first.found));
	/* A file that is another one is looked into. */
	fixture_text(fixture, "open/nothing.txt", "now kim@example.org is in it\n");
	fixture_restart(fixture);
	fixture_policy(fixture, 3, COPIES);
	told.files = 0;
	assert_int_equal(scan(fixture, 2, &told, &third), BL_OK);
	assert_int_equal(third.looked_bytes, strlen("now kim@example.org is in it\n"));
	assert_int_equal(third.found[CLASS_EMAIL], first.found[CLASS_EMAIL] + 1);
}

static void another_policy_looks_for_itself(void **state)
{
	struct fixture *fixture = *state;
	struct gate_scan_counts counts;
	struct told told = {.files = 0};
	char text[4096];
	int length = snprintf(text, sizeof(text), POLICY_HEAD, 2);

	assert_int_equal(scan(fixture, 1, &told, &counts), BL_OK);
	snprintf(text + length, sizeof(text) - (size_t)length, "%s", COPIES);
	char *sets = strstr(text, "[contact, payment, government-id, secrets]");

	memcpy(sets, "[payment]                                 ", 42);
	fixture_policy_text(fixture, text);
	told.files = 0;
	assert_int_equal(scan(fixture, 1, &told, &counts), BL_OK);
	assert_true(counts.looked_bytes > 0);
	assert_int_equal(counts.found[CLASS_CARD], 1);
	/* And back: what was found under the first one is there still. */
	fixture_policy(fixture, 3, COPIES);
	told.files = 0;
	assert_int_equal(scan(fixture, 1, &told, &counts), BL_OK);
	assert_int_equal(counts.looked_bytes, 0);
	assert_int_equal(counts.found[CLASS_EMAIL], 2);
}

static void it_is_ended_at_any_time_and_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct gate_scan_counts counts;
	struct told told = {.files = 0, .cancel_after = 1}, again = {.files = 0};

	assert_int_equal(scan(fixture, 1, &told, &counts), BL_TIMED_OUT);
	assert_true(counts.files_done < 5);
	assert_int_equal(scan(fixture, 1, &again, &counts), BL_OK);
	assert_int_equal(counts.files_done, 5);
	assert_int_equal(counts.found[CLASS_EMAIL], 2);
}

static void a_long_file_is_looked_at_in_parts_and_counted_once(void **state)
{
	struct fixture *fixture = *state;
	struct gate_scan_counts counts;
	struct told told = {.files = 0};
	char path[256];

	snprintf(path, sizeof(path), "%s/open/long.txt", fixture->source);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	static char line[1u << 20];

	assert_true(fd >= 0);
	memset(line, 'x', sizeof(line));
	for (size_t i = 79; i < sizeof(line); i += 80)
		line[i] = '\n';
	memcpy(line + 80, "kim@example.org ", 16);
	for (uint64_t at = 0; at < LONG; at += sizeof(line))
		assert_int_equal(write(fd, line, sizeof(line)), sizeof(line));
	close(fd);
	assert_int_equal(scan(fixture, 4, &told, &counts), BL_OK);
	assert_int_equal(counts.found[CLASS_EMAIL], 2 + LONG / sizeof(line));
	assert_int_equal(counts.bytes_done, counts.bytes);
}

static void of_a_device_that_is_not_there_nothing_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct gate_scan_counts counts;
	struct gate_scan asked = {.device = "RMA-9"};
	struct bl_error why;

	assert_int_equal(gate_scan(fixture->gate, &asked, &counts, &why), BL_NOT_FOUND);
	asked.device = "RMA-1";
	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_DUE, NOW, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(gate_scan(fixture->gate, &asked, &counts, &why), BL_WITHHELD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_files, fixture_without)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_counted_by_class_and_path),
		TEST(the_second_time_nothing_is_looked_into_not_even_after_a_restart),
		TEST(another_policy_looks_for_itself),
		TEST(it_is_ended_at_any_time_and_goes_on),
		TEST(a_long_file_is_looked_at_in_parts_and_counted_once),
		TEST(of_a_device_that_is_not_there_nothing_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
