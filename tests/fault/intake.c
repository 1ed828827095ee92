/*
 * An intake killed at any step, out of space, or with a source that cannot be read everywhere, ends as one that nothing happened to: the
 * same digest, one receipt, one event. And at no moment is anything of the source in the store in the clear.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "tests/unit/fs/intake/fixture.h"

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static void begin(struct fixture *fixture)
{
	fixture_done(fixture);
	assert_true(fixture_init(fixture) && open_store(fixture) && enrol(fixture, DEVICE));
}

/* ---- killed ------------------------------------------------------------------------------------------- */

/* The store's own process: it alone has it open. The exit code tells whether it came to the step. */
static bool run_and_die(struct fixture *fixture, enum bl_status (*take)(struct fixture *fixture),
			const char *step, unsigned skips)
{
	int status;

	close_store(fixture);

	pid_t pid = fork();

	if (pid == 0) {
		fixture->die_at = step;
		fixture->die_skips = skips;
		if (!open_store(fixture))
			_exit(98);
		(void)!take(fixture);
		_exit(97);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 99;
}

static enum bl_status take_file(struct fixture *fixture)
{
	char image[160];

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	return take_in_file(fixture, image, true);
}

/* The same image out of a pipe: all of it again, or from where an earlier try got to. */
static enum bl_status take_pipe(struct fixture *fixture, enum intake_form form)
{
	struct stat st;
	uint64_t start = 0;
	int fd = open(path_of(fixture, "image"), O_RDONLY | O_CLOEXEC);
	uint8_t *image = fd >= 0 && fstat(fd, &st) == 0
				 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
				 : MAP_FAILED;

	if (image == MAP_FAILED)
		abort();
	if (form == INTAKE_STREAM)
		(void)!intake_done(fixture->store, DEVICE, &start, NULL);

	struct stream stream = stream_of(image, (size_t)st.st_size, (size_t)start);
	enum bl_status status =
		take_in_pipe(fixture, form, form == INTAKE_STREAM ? stream.bytes : image,
			     form == INTAKE_STREAM ? stream.length : (size_t)st.st_size, 0);

	free(stream.bytes);
	munmap(image, (size_t)st.st_size);
	close(fd);
	return status;
}

static enum bl_status take_plain(struct fixture *fixture)
{
	return take_pipe(fixture, INTAKE_PLAIN);
}

static enum bl_status take_stream(struct fixture *fixture)
{
	return take_pipe(fixture, INTAKE_STREAM);
}

static const char *const STEPS[] = {
	"folder",  "header",	      "sealing", "gaps",     "finish",	"verify",
	"receipt", "before-complete", "event",	 "complete", "cleanup",
};

static const struct {
	const char *name;
	enum bl_status (*take)(struct fixture *fixture);
	bool is_verified;
} FORMS[] = {
	{"file", take_file, true}, {"plain", take_plain, false}, {"stream", take_stream, false}};

static void killed_at(struct fixture *fixture, size_t form, const char *step)
{
	const uint64_t size = 3 * MIB + 777;
	char digest[65], *before, *after;
	size_t length;

	begin(fixture);
	assert_true(put_island(path_of(fixture, "image"), size, 0, (size_t)size));
	assert_true(digest_of(path_of(fixture, "image"), digest));
	if (!run_and_die(fixture, FORMS[form].take, step, 0))
		fail_msg("%s: does not come to '%s'", FORMS[form].name, step);
	assert_int_equal(count_planted(fixture, "store"), 0);
	assert_int_equal(count_planted(fixture, "."), 1); /* the image itself: it would be found */
	assert_true(open_store(fixture));
	before = read_receipt(fixture, &length);

	enum bl_status status = FORMS[form].take(fixture);

	if (status != BL_OK || *trouble_of(fixture, digest, size))
		fail_msg("%s killed at '%s': %s %s", FORMS[form].name, step, fixture->why.text,
			 trouble_of(fixture, digest, size));
	after = read_receipt(fixture, &length);
	if (before)
		assert_string_equal(after, before);
	assert_int_equal(count_planted(fixture, "store"), 0);
	assert_int_equal(FORMS[form].take(fixture), BL_EXISTS);
	assert_string_equal(trouble_of(fixture, digest, size), "");
	free(before);
	free(after);
}

static void intake_killed_at_any_step_comes_to_the_same_end(void **state)
{
	for (size_t form = 0; form < BL_COUNT(FORMS); form++)
		for (size_t i = 0; i < BL_COUNT(STEPS); i++)
			if (FORMS[form].is_verified || strcmp(STEPS[i], "verify") != 0)
				killed_at(*state, form, STEPS[i]);
}

/* At each checkpoint of one run, before it is made: what the one before it said is gone on from. Then once more on the way. */
static void intake_killed_at_every_checkpoint_goes_on_from_the_one_before(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = UINT64_C(800) * MIB + 333;
	char image[160], digest[65];

	for (unsigned skips = 0; skips < 3; skips++) {
		uint64_t done = 0;

		begin(fixture);
		snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
		for (unsigned i = 0; i < 4; i++)
			assert_true(
				put_island(image, size, i * 256 * MIB, 2 * (size_t)MIB + i * 5));
		assert_true(digest_of(image, digest));
		assert_true(run_and_die(fixture, take_file, "checkpoint", skips));
		assert_int_equal(count_planted(fixture, "store"), 0);
		assert_true(open_store(fixture));
		assert_int_equal(intake_done(fixture->store, DEVICE, &done, NULL), BL_OK);
		assert_int_equal(done, skips ? skips * 256 * MIB - MIB : 0);
		assert_true(run_and_die(fixture, take_file, "gaps", 0));
		assert_true(open_store(fixture));

		enum bl_status status = take_file(fixture);

		if (status != BL_OK || *trouble_of(fixture, digest, size))
			fail_msg("at checkpoint %u: %s %s", skips, fixture->why.text,
				 trouble_of(fixture, digest, size));
		assert_true(receipt_says(fixture, "\"resumed\":2"));
	}
}

/* A source that changed is swept: killed on the way, it is swept by the next try. */
static void half_swept_image_is_swept_by_the_next_try(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = 2 * MIB;
	char image[160], digest[65], from[160], to[160];

	begin(fixture);
	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, size, 0, (size_t)size));
	assert_true(digest_of(image, digest));
	assert_true(run_and_die(fixture, take_file, "sealing", 0));
	/* As after the rename, and with the job gone already. */
	snprintf(from, sizeof(from), "%s/store/devices/" DEVICE "/image", fixture->root);
	snprintf(to, sizeof(to), "%s/store/devices/" DEVICE "/image.new", fixture->root);
	assert_int_equal(rename(from, to), 0);
	assert_true(open_store(fixture));
	assert_int_equal(take_file(fixture), BL_OK);
	assert_string_equal(trouble_of(fixture, digest, size), "");
	assert_int_equal(access(to, F_OK), -1);
}

/* ---- unreadable places ------------------------------------------------------------------------------------ */

#define BAD_PLACES 6
/* What cannot be read of the one file that is the source; by a pread of our own, which all of libfs calls. */
static struct {
	dev_t dev;
	ino_t ino;
	struct {
		uint64_t offset, length;
	} places[BAD_PLACES];
	size_t count;
	int number;
} bad;

static bool is_bad(int fd, uint64_t offset, uint64_t length)
{
	struct stat st;

	if (!bad.count || fstat(fd, &st) != 0 || st.st_dev != bad.dev || st.st_ino != bad.ino)
		return false;
	for (size_t i = 0; i < bad.count; i++)
		if (offset < bad.places[i].offset + bad.places[i].length &&
		    offset + length > bad.places[i].offset)
			return true;
	return false;
}

ssize_t pread(int fd, void *out, size_t length, off_t offset)
{
	if (is_bad(fd, (uint64_t)offset, length)) {
		errno = bad.number;
		return -1;
	}
	return syscall(SYS_pread64, fd, out, length, offset);
}

static void make_bad(const char *image)
{
	struct stat st;

	assert_int_equal(stat(image, &st), 0);
	bad.dev = st.st_dev;
	bad.ino = st.st_ino;
	bad.number = EIO;
	bad.count = 0;
}

static void add_bad(uint64_t offset, uint64_t length)
{
	bad.places[bad.count].offset = offset;
	bad.places[bad.count++].length = length;
}

/* What the sealed copy must be: the image, with zeros for these. */
static void blank(const char *image, uint64_t offset, size_t length)
{
	int fd = open(image, O_WRONLY | O_CLOEXEC);
	uint8_t *zeros = calloc(1, length);

	assert_true(zeros && pwrite(fd, zeros, length, (off_t)offset) == (ssize_t)length);
	free(zeros);
	close(fd);
}

static void places_that_cannot_be_read_are_gaps_of_whole_sectors(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = 6 * MIB + 700;
	char image[160], same[160], digest[65];

	begin(fixture);
	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, size, 0, (size_t)size));
	make_bad(image);
	add_bad(0, 1);
	add_bad(100000, 512); /* over a sector's border: 99840 up to 100864 */
	add_bad(2 * MIB - 512, 1024);
	add_bad(3 * MIB, MIB);
	add_bad(size - 1, 1); /* the last piece is no whole sector */
	snprintf(same, sizeof(same), "%s", path_of(fixture, "same"));
	assert_true(put_island(same, size, 0, (size_t)size));
	blank(same, 0, 512);
	blank(same, 99840, 1024);
	blank(same, 2 * MIB - 512, 1024);
	blank(same, 3 * MIB, MIB);
	blank(same, 6 * MIB + 512, 188);
	assert_true(digest_of(same, digest));

	enum bl_status status = take_file(fixture);

	bad.count = 0;
	if (status != BL_OK)
		fail_msg("%s", fixture->why.text);
	assert_string_equal(trouble_of(fixture, digest, size), "");
	assert_int_equal(fixture->result.unreadable, 512 + 1024 + 1024 + MIB + 188);
	assert_true(receipt_says(fixture, "\"ranges\":[[0,512],[99840,1024],[2096640,1024],"
					  "[3145728,1048576],[6291968,188]]"));
}

static void a_failure_that_is_no_bad_place_ends_the_intake(void **state)
{
	struct fixture *fixture = *state;
	char image[160], digest[65];

	begin(fixture);
	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, 3 * MIB, 0, 3 * MIB));
	assert_true(digest_of(image, digest));
	make_bad(image);
	bad.number = ENXIO; /* the device is gone */
	add_bad(2 * MIB, 1);
	assert_int_equal(take_file(fixture), BL_IO);
	assert_non_null(strstr(fixture->why.text, "cannot read the source"));
	bad.count = 0;
	assert_int_equal(take_file(fixture), BL_OK);
	assert_int_equal(fixture->result.resumed_at, 2 * MIB);
	assert_string_equal(trouble_of(fixture, digest, 3 * MIB), "");
}

/* What could not be read before the crash is known after it, also when it can be read by then. */
static void unreadable_places_are_known_after_a_crash(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = UINT64_C(520) * MIB;
	char image[160], same[160], digest[65];

	begin(fixture);
	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	snprintf(same, sizeof(same), "%s", path_of(fixture, "same"));
	assert_true(put_island(image, size, 255 * MIB, 2 * MIB));
	assert_true(put_island(same, size, 255 * MIB, 2 * MIB));
	blank(same, 255 * MIB + 4096, 512);
	assert_true(digest_of(same, digest));
	make_bad(image);
	add_bad(255 * MIB + 4096, 512);
	assert_true(run_and_die(fixture, take_file, "checkpoint", 1));
	bad.count = 0;
	assert_true(open_store(fixture));
	assert_int_equal(take_file(fixture), BL_OK);
	assert_int_equal(fixture->result.resumed_at, 256 * MIB);
	assert_string_equal(trouble_of(fixture, digest, size), "");
	assert_true(receipt_says(fixture, "\"ranges\":[[267390976,512]]"));
}

/* The other way round: read before, and not any more. That is no other source. */
static void place_that_went_bad_meanwhile_is_what_was_sealed(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = UINT64_C(520) * MIB;
	char image[160], digest[65];

	begin(fixture);
	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, size, 255 * MIB, 2 * MIB));
	assert_true(digest_of(image, digest));
	make_bad(image);
	assert_true(run_and_die(fixture, take_file, "checkpoint", 1));
	add_bad(255 * MIB + 4096, 512);
	assert_true(open_store(fixture));

	enum bl_status status = take_file(fixture);

	bad.count = 0;
	if (status != BL_OK)
		fail_msg("%s", fixture->why.text);
	assert_string_equal(trouble_of(fixture, digest, size), "");
	assert_int_equal(fixture->result.unreadable, 0);
}

/* ---- no space ------------------------------------------------------------------------------------------------ */

/* In a child with a mount namespace of its own: nothing of it is seen outside. 0: as it should be; 77: cannot be had here. */
static int fill_the_disk(struct fixture *fixture)
{
	const uint64_t size = 24 * MIB;
	char folder[128], image[160], digest[65];

	snprintf(folder, sizeof(folder), "%s/store", fixture->root);
	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdir(folder, 0711) != 0 || mount("none", folder, "tmpfs", 0, "size=14m,mode=711") != 0)
		return 77;
	/* A log's segment and its reserve take up some of it. */
	if (!put_island(image, size, 0, (size_t)size) || !digest_of(image, digest) ||
	    !open_store(fixture) || !enrol(fixture, DEVICE))
		return 1;
	if (take_file(fixture) != BL_IO || !strstr(fixture->why.text, "no space left") ||
	    strchr(fixture->why.text, '\n'))
		return fprintf(stderr, "full: %s\n", fixture->why.text), 2;
	if (count_events(fixture).found || count_planted(fixture, "store"))
		return 3;
	if (mount("none", folder, "tmpfs", MS_REMOUNT, "size=64m,mode=711") != 0)
		return 77;
	if (take_file(fixture) != BL_OK)
		return fprintf(stderr, "again: %s\n", fixture->why.text), 4;
	if (*trouble_of(fixture, digest, size))
		return fprintf(stderr, "%s\n", trouble_of(fixture, digest, size)), 5;
	return 0;
}

static int in_child(struct fixture *fixture, int (*run)(struct fixture *fixture))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int code = run(fixture);

		close_store(fixture);
		_exit(code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void full_disk_is_told_and_gone_on_from_when_there_is_room(void **state)
{
	int code = in_child(*state, fill_the_disk);

	if (code == 77)
		skip();
	assert_int_equal(code, 0);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

#define MEMORY_MOST (64L << 10) /* KiB */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static int measure(struct fixture *fixture)
{
	const uint64_t size = 96 * MIB;
	struct rusage usage;
	char command[256];

	/* Random bytes, made by somebody else: their memory is not ours. */
	snprintf(command, sizeof(command), "head -c %lu /dev/urandom > %s", (unsigned long)size,
		 path_of(fixture, "image"));
	if (system(command) != 0 || !open_store(fixture) || !enrol(fixture, DEVICE) ||
	    take_file(fixture) != BL_OK || getrusage(RUSAGE_SELF, &usage) != 0)
		return 1;
	fprintf(stderr, "memory of an intake of %lu MiB, read back: %ld KiB\n",
		(unsigned long)(size / MIB), usage.ru_maxrss);
	return usage.ru_maxrss < MEMORY_MOST ? 0 : 2;
}

static void intake_takes_less_than_64_mib_of_memory(void **state)
{
	if (IS_SANITIZED)
		skip(); /* of its shadow there is more */
	assert_int_equal(in_child(*state, measure), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(intake_takes_less_than_64_mib_of_memory),
		TEST(intake_killed_at_any_step_comes_to_the_same_end),
		TEST(intake_killed_at_every_checkpoint_goes_on_from_the_one_before),
		TEST(half_swept_image_is_swept_by_the_next_try),
		TEST(places_that_cannot_be_read_are_gaps_of_whole_sectors),
		TEST(a_failure_that_is_no_bad_place_ends_the_intake),
		TEST(unreadable_places_are_known_after_a_crash),
		TEST(place_that_went_bad_meanwhile_is_what_was_sealed),
		TEST(full_disk_is_told_and_gone_on_from_when_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
