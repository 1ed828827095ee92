/* What is left out at intake is in no chunk and in no file of the store, and the receipt says how much it was, but not what it was called. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/find-program.h"
#include "tests/unit/fs/intake/fixture.h"

#define KEPT "kept-text-of-a-synthetic-customer;"

struct choosing {
	struct fixture fixture;
	char reader[4096], image[160];
};

/* An ext4 of 24 MiB with one file to be left out, of 3 MiB, and one to be kept. */
static bool make_ext4(struct choosing *choosing)
{
	char command[2048], *root = choosing->fixture.root;

	snprintf(command, sizeof(command),
		 "export PATH=$PATH:/sbin:/usr/sbin && cd %s && mkdir -p in/private && "
		 "for i in $(seq 80000); do echo '" PLANTED "'; done > in/private/secret-name && "
		 "for i in $(seq 40000); do echo '" KEPT "'; done > in/kept && "
		 "truncate -s 24M image && mke2fs -q -F -t ext4 -d in image && rm -r in",
		 root);
	snprintf(choosing->image, sizeof(choosing->image), "%s/image", root);
	return system(command) == 0;
}

static int set_up(void **state)
{
	struct choosing *choosing = calloc(1, sizeof(*choosing));

	if (!choosing || !fixture_init(&choosing->fixture) || !open_store(&choosing->fixture) ||
	    !enrol(&choosing->fixture, DEVICE))
		return -1;
	*state = choosing;
	return 0;
}

static int tear_down(void **state)
{
	struct choosing *choosing = *state;

	fixture_done(&choosing->fixture);
	free(choosing);
	return 0;
}

#define READY(choosing)                                                                            \
	do {                                                                                       \
		if (!find_reader((choosing)->reader, sizeof((choosing)->reader)) ||                \
		    !make_ext4(choosing))                                                          \
			skip();                                                                    \
	} while (0)

static enum bl_status take(struct choosing *choosing, const struct image_choice *choice)
{
	struct fixture *fixture = &choosing->fixture;
	struct intake intake = intake_of(fixture);
	BL_CLEANUP(fd_close) int fd = open(choosing->image, O_RDONLY | O_CLOEXEC);
	const struct intake_source source = {.form = INTAKE_FILE, .fd = fd, .container = "raw"};

	intake.reader_path = choosing->reader;
	return intake_run(&intake, DEVICE, &source, choice, true, fixture_prepare, &fixture->result,
			  &fixture->why);
}

static size_t count_in(const char *path, const char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t found = 0;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);

	char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

	assert_true(bytes != MAP_FAILED);
	for (char *at = bytes;
	     (at = memmem(at, (size_t)st.st_size - (size_t)(at - bytes), text, strlen(text))); at++)
		found++;
	munmap(bytes, (size_t)st.st_size);
	close(fd);
	return found;
}

static const char *const PRIVATE[] = {"private/*"};
static const char *const OTHER[] = {"kept"};

static void file_left_out_is_nowhere_and_its_neighbours_are_there(void **state)
{
	struct choosing *choosing = *state;
	struct fixture *fixture = &choosing->fixture;
	const struct image_choice choice = {.without = PRIVATE, .without_count = 1};
	char back[160], digest[65];

	READY(choosing);
	assert_true(count_in(choosing->image, "secret-of-a") > 70000);

	enum bl_status status = take(choosing, &choice);

	if (status != BL_OK)
		fail_msg("%s: %s", bl_status_name(status), fixture->why.text);
	snprintf(back, sizeof(back), "%s", path_of(fixture, "back"));
	assert_true(unseal_to(fixture, back));
	assert_int_equal(count_in(back, "secret-of-a"), 0);
	assert_int_equal(count_in(back, KEPT), count_in(choosing->image, KEPT));
	assert_true(digest_of(back, digest));
	assert_string_equal(trouble_of(fixture, digest, 24 * MIB), "");
	assert_true(fixture->result.left_out >= 80000 * sizeof(PLANTED));
	assert_true(fixture->result.left_out < 4 * MIB);
	assert_true(receipt_says(fixture, "\"files\":1,"));
	assert_true(receipt_says(fixture, "\"without\":1"));
	assert_false(receipt_says(fixture, "private"));
	assert_int_equal(count_planted(fixture, "store"), 0);
}

static void free_space_left_out_takes_no_place(void **state)
{
	struct choosing *choosing = *state;
	struct fixture *fixture = &choosing->fixture;
	const struct image_choice choice = {.no_free_space = true};
	int fd;

	READY(choosing);
	/* Something that was deleted: noise in a free block near the end. */
	assert_true((fd = open(choosing->image, O_WRONLY | O_CLOEXEC)) >= 0);
	assert_int_equal(pwrite(fd, PLANTED, sizeof(PLANTED), 20 * (off_t)MIB),
			 (ssize_t)sizeof(PLANTED));
	close(fd);

	size_t before = count_in(choosing->image, "secret-of-a");
	enum bl_status status = take(choosing, &choice);

	if (status != BL_OK)
		fail_msg("%s: %s", bl_status_name(status), fixture->why.text);
	assert_true(unseal_to(fixture, path_of(fixture, "back")));
	assert_int_equal(count_in(path_of(fixture, "back"), "secret-of-a"), before - 1);
	assert_true(receipt_says(fixture, "\"no_free_space\":true"));
	assert_true(fixture->result.left_out > 8 * MIB);
	assert_true(fixture->result.facts.stored_bytes < 12 * MIB);
}

static bool die_at(struct choosing *choosing, const char *step, const struct image_choice *choice)
{
	struct fixture *fixture = &choosing->fixture;
	int status;

	close_store(fixture);

	pid_t pid = fork();

	if (pid == 0) {
		fixture->die_at = step;
		if (open_store(fixture))
			(void)!take(choosing, choice);
		_exit(97);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 99 && open_store(fixture);
}

static void another_choice_than_it_was_begun_with_is_refused(void **state)
{
	struct choosing *choosing = *state;
	struct fixture *fixture = &choosing->fixture;
	const struct image_choice choice = {.without = PRIVATE, .without_count = 1};
	const struct image_choice others[] = {
		{.without = OTHER, .without_count = 1},
		{.only = PRIVATE, .only_count = 1},
		{.without = PRIVATE, .without_count = 1, .no_free_space = true},
		{.no_free_space = false},
	};

	READY(choosing);
	assert_true(die_at(choosing, "sealing", &choice));
	for (size_t i = 0; i < BL_COUNT(others); i++)
		if (take(choosing, &others[i]) != BL_INVALID ||
		    !strstr(fixture->why.text, "other things to leave out"))
			fail_msg("row %zu: %s", i, fixture->why.text);
	if (take(choosing, &choice) != BL_OK)
		fail_msg("%s", fixture->why.text);
	assert_true(unseal_to(fixture, path_of(fixture, "back")));
	assert_int_equal(count_in(path_of(fixture, "back"), "secret-of-a"), 0);
}

static void only_a_raw_file_can_be_chosen_from(void **state)
{
	struct choosing *choosing = *state;
	struct fixture *fixture = &choosing->fixture;
	const struct image_choice choice = {.without = PRIVATE, .without_count = 1};
	const struct intake intake = intake_of(fixture);
	const struct intake_source sources[] = {
		{.form = INTAKE_PLAIN, .fd = STDIN_FILENO, .container = "raw"},
		{.form = INTAKE_STREAM, .fd = STDIN_FILENO, .container = "e01"},
		{.form = INTAKE_FILE, .fd = STDIN_FILENO, .container = "e01"},
	};
	struct stat st;

	for (size_t i = 0; i < BL_COUNT(sources); i++)
		if (intake_run(&intake, DEVICE, &sources[i], &choice, false, NULL, &fixture->result,
			       &fixture->why) != BL_UNSUPPORTED)
			fail_msg("row %zu: %s", i, fixture->why.text);
	assert_int_equal(stat(path_of(fixture, "store/devices/" DEVICE "/image"), &st), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(file_left_out_is_nowhere_and_its_neighbours_are_there),
		TEST(free_space_left_out_takes_no_place),
		TEST(another_choice_than_it_was_begun_with_is_refused),
		TEST(only_a_raw_file_can_be_chosen_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
