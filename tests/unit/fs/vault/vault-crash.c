/*
 * The key file on a disk that loses power and on one that fails. Every write of a whole life is recorded; the file is then put
 * together as it was in front of, in the middle of and behind each of them, and opened. What was told must be there, what was
 * destroyed must be gone, and what was under way is as before or as after.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/slot.h"
#include "fs/vault/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TAPE	  256
#define FILE_MOST ((2 + 4 * VAULT_SLOT_BATCH) * VAULT_PAGE)

/* ---- the disk: libc's calls are replaced for the whole program, so this cannot be handed around ----- */

struct step {
	bool is_sync; /* an fsync; else a write */
	bool is_durable;
	uint64_t at;
	size_t length;
	uint8_t *bytes;
};

static struct {
	bool is_on;
	size_t count;
	struct step steps[TAPE];
	int fail_in; /* writes until one fails; below 0: never */
} disk = {.fail_in = -1};

static void record(struct step step, const void *bytes)
{
	if (!disk.is_on)
		return;
	if (disk.count == TAPE)
		abort();
	step.bytes = malloc(step.length + 1);
	if (step.length)
		memcpy(step.bytes, bytes, step.length);
	disk.steps[disk.count++] = step;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (disk.fail_in >= 0 && disk.fail_in-- == 0) {
		/* Half of it arrives: the worst a failing write does. */
		if (syscall(SYS_pwrite64, fd, bytes, length / 2, offset) < 0)
			abort();
		errno = EIO;
		return -1;
	}
	record((struct step){.is_durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0,
			     .at = (uint64_t)offset,
			     .length = length},
	       bytes);
	return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

int fsync(int fd)
{
	record((struct step){.is_sync = true}, NULL);
	return (int)syscall(SYS_fsync, fd);
}

static void tape_start(void)
{
	for (size_t i = 0; i < disk.count; i++)
		free(disk.steps[i].bytes);
	disk.count = 0;
	disk.is_on = true;
}

/* ---- files --------------------------------------------------------------------------------------- */

struct image {
	size_t length;
	uint8_t *bytes; /* FILE_MOST of room, zeros behind the length */
};

struct fixture {
	char path[64];
	int fd;
	struct vault *vault;
};

static int remove_one(const char *path, const struct stat *st BL_UNUSED, int type BL_UNUSED,
		      struct FTW *ftw BL_UNUSED)
{
	return remove(path);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	strcpy(fixture->path, "/tmp/bailee-test-XXXXXX");
	if (!mkdtemp(fixture->path))
		return -1;
	fixture->fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = fixture;
	return fixture->fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	disk.is_on = false;
	disk.fail_in = -1;
	vault_close(fixture->vault);
	close(fixture->fd);
	nftw(fixture->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}

static struct image image_new(void)
{
	struct image image = {.bytes = calloc(1, FILE_MOST)};

	if (!image.bytes)
		abort();
	return image;
}

/* Bytes [from, to) of a write arrive. */
static void image_apply(struct image *image, const struct step *step, size_t from, size_t to)
{
	if (step->is_sync || from >= to)
		return;
	if (step->at + to > FILE_MOST)
		abort();
	memcpy(image->bytes + step->at + from, step->bytes + from, to - from);
	image->length = BL_MAX(image->length, (size_t)step->at + to);
}

static void image_put(const struct image *image, int folder, const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (write(fd, image->bytes, image->length) != (ssize_t)image->length)
		abort();
	close(fd);
}

static void image_get(struct image *image, int folder)
{
	int fd = openat(folder, "keys", O_RDONLY | O_CLOEXEC);

	memset(image->bytes, 0, FILE_MOST);

	ssize_t got = pread(fd, image->bytes, FILE_MOST, 0);

	if (got < 0)
		abort();
	image->length = (size_t)got;
	close(fd);
}

/* How much of a write arrived: none of it, pieces of a torn one, all. */
static const struct {
	unsigned from, to; /* in eighths of it */
} TEARS[] = {{0, 0}, {0, 1}, {0, 7}, {4, 8}, {0, 8}};

/* ---- what is known ------------------------------------------------------------------------------- */

#define DEVICES 3
static const char *const IDS[DEVICES] = {"RMA-1", "RMA-2", "RMA-3"};

struct snapshot {
	struct {
		bool is_there;
		uint8_t key[VAULT_KEY], root[VAULT_KEY];
	} devices[DEVICES];
};

static void snapshot_of(struct vault *vault, struct snapshot *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < DEVICES; i++) {
		enum bl_status status =
			vault_device_key(vault, IDS[i], VAULT_RECORD, out->devices[i].key, NULL);

		out->devices[i].is_there = status == BL_OK;
		if (status == BL_OK)
			assert_int_equal(
				vault_image_root(vault, IDS[i], out->devices[i].root, NULL), BL_OK);
	}
}

static bool is_same(const struct snapshot *a, const struct snapshot *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Every sealed slot that was ever written and is not live now must be nowhere in the file. */
static bool is_clean(const struct image *image)
{
	for (size_t i = 0; i < disk.count; i++) {
		struct slot slot;
		bool is_live = false;

		if (disk.steps[i].is_sync || disk.steps[i].length != VAULT_PAGE ||
		    disk.steps[i].at < 2 * VAULT_PAGE)
			continue;
		slot_decode(disk.steps[i].bytes, &slot);
		if (slot.state != SLOT_LIVE)
			continue;
		for (size_t at = 2 * VAULT_PAGE; at < image->length; at += VAULT_PAGE)
			is_live = is_live ||
				  memcmp(image->bytes + at, disk.steps[i].bytes, VAULT_PAGE) == 0;
		for (size_t piece = 0; piece < VAULT_SEALED && !is_live; piece += 16)
			if (memmem(image->bytes, image->length, slot.sealed + piece, 16))
				return false;
	}
	return true;
}

/* ---- a life -------------------------------------------------------------------------------------- */

enum act { ADD, ROOT, DESTROY };
static const struct {
	enum act act;
	unsigned device;
} LIFE[] = {
	{ADD, 0},  {ADD, 1},	 {ROOT, 0}, {ROOT, 0}, {DESTROY, 0}, {ADD, 0},
	{ROOT, 1}, {DESTROY, 1}, {ADD, 2},  {ROOT, 0}, {DESTROY, 0}, {DESTROY, 0},
};
#define ACTS BL_COUNT(LIFE)

static enum bl_status act(struct vault *vault, size_t number)
{
	const char *id = IDS[LIFE[number].device];
	uint8_t root[VAULT_KEY];
	enum vault_proof proof;

	switch (LIFE[number].act) {
	case ADD:
		return vault_device_add(vault, id, NULL);
	case ROOT:
		memset(root, 0x80 + (int)number, sizeof(root));
		return vault_image_root_set(vault, id, root, &proof, NULL);
	case DESTROY:
		return vault_device_destroy(vault, id, &proof, NULL);
	}
	return BL_FAILED;
}

/* snapshots[n]: behind n acts; ends[n]: steps of the tape by then */
struct life {
	struct image begin; /* the file as create left it */
	struct snapshot snapshots[ACTS + 1];
	size_t ends[ACTS + 1];
};

static void live(struct fixture *fixture, struct life *life)
{
	assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
	life->begin = image_new();
	image_get(&life->begin, fixture->fd);
	tape_start();
	for (size_t i = 0; i <= ACTS; i++) {
		life->ends[i] = disk.count;
		snapshot_of(fixture->vault, &life->snapshots[i]);
		if (i < ACTS)
			assert_int_equal(act(fixture->vault, i), BL_OK);
	}
	life->ends[ACTS] = disk.count;
	disk.is_on = false;
	vault_close(fixture->vault);
	fixture->vault = NULL;
}

static struct image at_step(const struct life *life, size_t step, size_t tear)
{
	struct image image = image_new();
	const struct step *last = &disk.steps[step];

	memcpy(image.bytes, life->begin.bytes, life->begin.length);
	image.length = life->begin.length;
	for (size_t i = 0; i < step; i++)
		image_apply(&image, &disk.steps[i], 0, disk.steps[i].length);
	image_apply(&image, last, last->length * TEARS[tear].from / 8,
		    last->length * TEARS[tear].to / 8);
	return image;
}

/* Opens what a crash left; the file must then be settled, and stay so. */
static void open_left(struct fixture *fixture, const struct image *image, const char *what,
		      struct snapshot *out)
{
	struct vault_health health;
	struct image left = image_new();
	struct snapshot again;
	struct bl_error why = {.text = ""};

	image_put(image, fixture->fd, "keys");
	if (vault_open(fixture->fd, NULL, 0, &fixture->vault, &why) != BL_OK)
		fail_msg("%s: %s", what, why.text);
	snapshot_of(fixture->vault, out);
	vault_close(fixture->vault);
	fixture->vault = NULL;
	assert_int_equal(vault_check(fixture->fd, &health, NULL), BL_OK);
	image_get(&left, fixture->fd);
	if (health.copies_bad || !is_clean(&left))
		fail_msg("%s: %zu bad copies, or an old key is left", what, health.copies_bad);
	free(left.bytes);
	assert_int_equal(vault_open(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
	snapshot_of(fixture->vault, &again);
	vault_close(fixture->vault);
	fixture->vault = NULL;
	if (!is_same(out, &again))
		fail_msg("%s: opened twice, two answers", what);
}

static void power_lost_at_any_write_leaves_before_or_after(void **state)
{
	struct fixture *fixture = *state;
	struct life life = {.begin = {0}};
	size_t befores = 0, afters = 0;

	live(fixture, &life);
	for (size_t number = 0; number < ACTS; number++)
		for (size_t step = life.ends[number]; step < life.ends[number + 1]; step++)
			for (size_t tear = 0; tear < BL_COUNT(TEARS); tear++) {
				struct image image = at_step(&life, step, tear);
				struct snapshot found;
				char what[64];
				bool is_last = step + 1 == life.ends[number + 1] &&
					       tear + 1 == BL_COUNT(TEARS);

				snprintf(what, sizeof(what), "act %zu, step %zu, tear %zu", number,
					 step, tear);
				open_left(fixture, &image, what, &found);

				bool is_before = is_same(&found, &life.snapshots[number]);
				bool is_after = is_same(&found, &life.snapshots[number + 1]);

				if (!is_after && (is_last || !is_before))
					fail_msg("%s: neither before nor after", what);
				befores += is_before;
				afters += is_after;
				free(image.bytes);
			}
	/* The sweep met both, or it swept nothing. */
	assert_true(befores > ACTS);
	assert_true(afters > ACTS);
	free(life.begin.bytes);
}

/* A repair is only more writes: power is lost at each of them, too. */
static void power_lost_in_a_repair_leaves_before_or_after(void **state)
{
	struct fixture *fixture = *state;
	struct life life = {.begin = {0}};
	struct step repair[TAPE];
	size_t repairs = 0;

	live(fixture, &life);

	const size_t tape = disk.count;

	for (size_t number = 0; number < ACTS; number++)
		for (size_t step = life.ends[number]; step < life.ends[number + 1]; step++)
			/* Not arrived, and torn in the middle. */
			for (size_t tear = 0; tear <= 2; tear += 2) {
				struct image image = at_step(&life, step, tear);

				image_put(&image, fixture->fd, "keys");
				disk.is_on = true;
				assert_int_equal(
					vault_open(fixture->fd, NULL, 0, &fixture->vault, NULL),
					BL_OK);
				disk.is_on = false;
				vault_close(fixture->vault);
				fixture->vault = NULL;

				size_t count = disk.count - tape;

				memcpy(repair, disk.steps + tape, count * sizeof(*repair));
				disk.count = tape;
				for (size_t i = 0; i < count; i++) {
					struct snapshot found;

					image_apply(&image, &repair[i], 0, repair[i].length / 2);
					open_left(fixture, &image, "a repair", &found);
					if (!is_same(&found, &life.snapshots[number]) &&
					    !is_same(&found, &life.snapshots[number + 1]))
						fail_msg("act %zu, step %zu: repair %zu", number,
							 step, i);
					image_apply(&image, &repair[i], 0, repair[i].length);
					repairs++;
				}
				for (size_t i = 0; i < count; i++)
					free(repair[i].bytes);
				free(image.bytes);
			}
	assert_true(repairs > ACTS);
	free(life.begin.bytes);
}

static void power_lost_while_it_is_made_leaves_no_key_file(void **state)
{
	struct fixture *fixture = *state;
	struct image image = image_new();

	tape_start();
	assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
	disk.is_on = false;
	vault_close(fixture->vault);
	fixture->vault = NULL;
	assert_true(disk.count >= 4);
	for (size_t step = 0; step < disk.count; step++) {
		unlinkat(fixture->fd, "keys", 0);
		image_apply(&image, &disk.steps[step], 0, disk.steps[step].length / 2);
		image_put(&image, fixture->fd, "keys.new");
		assert_int_equal(vault_open(fixture->fd, NULL, 0, &fixture->vault, NULL),
				 BL_NOT_FOUND);
		assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
		vault_close(fixture->vault);
		fixture->vault = NULL;
		image_apply(&image, &disk.steps[step], 0, disk.steps[step].length);
	}
	free(image.bytes);
}

/* What the sweep takes for granted: one write is durable before the next one begins, and no slot is ever written over a hole. */
static void every_page_is_durable_before_the_next_is_written(void **state)
{
	struct fixture *fixture = *state;
	char id[BL_DEVICE_ID_SIZE];
	size_t pages = 0;
	bool is_unsynced = false;
	uint64_t end = 0;

	tape_start();
	assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
	/* Into the second batch of room. */
	for (unsigned i = 0; i <= VAULT_SLOT_BATCH; i++) {
		snprintf(id, sizeof(id), "MANY-%u", i);
		assert_int_equal(vault_device_add(fixture->vault, id, NULL), BL_OK);
	}
	disk.is_on = false;
	for (size_t i = 0; i < disk.count; i++) {
		const struct step *step = &disk.steps[i];
		bool is_page = !step->is_sync && step->length == VAULT_PAGE;

		if (step->is_sync)
			is_unsynced = false;
		if (is_page && (!step->is_durable || is_unsynced || step->at >= end))
			fail_msg("step %zu: page %llu is not durable by itself, or has no room", i,
				 (unsigned long long)(step->at / VAULT_PAGE));
		pages += is_page;
		if (!step->is_sync && !is_page) {
			assert_int_equal(step->at, end); /* no hole */
			end += step->length;
			is_unsynced = true;
		}
	}
	assert_int_equal(pages, 2 + 2 * (VAULT_SLOT_BATCH + 1));
	assert_int_equal(end, (2 + 4 * VAULT_SLOT_BATCH) * VAULT_PAGE);
}

/* ---- a disk that fails --------------------------------------------------------------------------- */

static void an_add_that_could_not_be_written_is_no_key(void **state)
{
	struct fixture *fixture = *state;
	uint8_t key[VAULT_KEY];

	for (int fails = 0; fails < 2; fails++) {
		vault_close(fixture->vault);
		fixture->vault = NULL;
		unlinkat(fixture->fd, "keys", 0);
		assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
		assert_int_equal(vault_device_add(fixture->vault, "RMA-1", NULL), BL_OK);
		disk.fail_in = fails;
		assert_int_equal(vault_device_add(fixture->vault, "RMA-2", NULL), BL_IO);
		disk.fail_in = -1;
		assert_int_equal(vault_device_key(fixture->vault, "RMA-2", VAULT_MASK, key, NULL),
				 BL_NOT_FOUND);
		assert_int_equal(vault_device_add(fixture->vault, "RMA-3", NULL), BL_IO);
		vault_close(fixture->vault);
		fixture->vault = NULL;
		assert_int_equal(vault_open(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
		assert_int_equal(vault_device_key(fixture->vault, "RMA-1", VAULT_MASK, key, NULL),
				 BL_OK);
		/* Half of A had arrived: all of B counts then, and the device has keys that nobody was told of. */
		assert_int_equal(vault_device_add(fixture->vault, "RMA-2", NULL),
				 fails ? BL_EXISTS : BL_OK);
	}
}

static void a_root_that_could_not_be_written_is_told_to_nobody(void **state)
{
	static const uint8_t NEW[VAULT_KEY] = {9, 9, 9};
	struct fixture *fixture = *state;
	uint8_t old[VAULT_KEY], root[VAULT_KEY];
	enum vault_proof proof;

	assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
	assert_int_equal(vault_device_add(fixture->vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_image_root(fixture->vault, "RMA-1", old, NULL), BL_OK);
	for (int fails = 0; fails < 2; fails++) {
		disk.fail_in = fails;
		assert_int_equal(vault_image_root_set(fixture->vault, "RMA-1", NEW, &proof, NULL),
				 BL_IO);
		disk.fail_in = -1;
		assert_int_equal(vault_image_root(fixture->vault, "RMA-1", root, NULL), BL_IO);
		/* The log's names and the record do not hang on it. */
		assert_int_equal(vault_device_key(fixture->vault, "RMA-1", VAULT_MASK, root, NULL),
				 BL_OK);
		assert_int_equal(vault_image_root_set(fixture->vault, "RMA-1", NEW, &proof, NULL),
				 BL_OK);
		assert_int_equal(vault_image_root(fixture->vault, "RMA-1", root, NULL), BL_OK);
		assert_memory_equal(root, NEW, VAULT_KEY);
	}
	/* Or the next open says which one counts: here the first write failed, so the old one. */
	disk.fail_in = 0;
	assert_int_equal(vault_image_root_set(fixture->vault, "RMA-1", old, &proof, NULL), BL_IO);
	disk.fail_in = -1;
	vault_close(fixture->vault);
	fixture->vault = NULL;
	assert_int_equal(vault_open(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
	assert_int_equal(vault_image_root(fixture->vault, "RMA-1", root, NULL), BL_OK);
	assert_memory_equal(root, NEW, VAULT_KEY);
}

static void a_destruction_that_failed_shows_no_key_and_is_finished_later(void **state)
{
	struct fixture *fixture = *state;
	uint8_t key[VAULT_KEY];
	enum vault_proof proof;

	for (int fails = 0; fails < 4; fails++) {
		vault_close(fixture->vault);
		fixture->vault = NULL;
		unlinkat(fixture->fd, "keys", 0);
		assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL), BL_OK);
		assert_int_equal(vault_device_add(fixture->vault, "RMA-1", NULL), BL_OK);
		disk.fail_in = fails;
		assert_int_equal(vault_device_destroy(fixture->vault, "RMA-1", &proof, NULL),
				 BL_IO);
		disk.fail_in = -1;
		assert_int_equal(vault_device_key(fixture->vault, "RMA-1", VAULT_MASK, key, NULL),
				 BL_NOT_FOUND);
		assert_int_equal(vault_image_root(fixture->vault, "RMA-1", key, NULL),
				 BL_NOT_FOUND);
		assert_int_equal(vault_device_destroy(fixture->vault, "RMA-1", &proof, NULL),
				 BL_OK);
	}
}

/* The second try is only more writes, on a file that the first one left torn: power is lost at each of them. */
static void power_lost_in_a_second_try_leaves_a_file_that_opens(void **state)
{
	static const struct {
		enum act first, second;
		int writes; /* of the first one */
	} ROWS[] = {{ROOT, ROOT, 2}, {ROOT, DESTROY, 2}, {DESTROY, DESTROY, 4}};
	struct fixture *fixture = *state;
	size_t opened = 0;

	for (size_t row = 0; row < BL_COUNT(ROWS); row++)
		for (int fails = 0; fails < ROWS[row].writes; fails++) {
			struct life life = {.begin = image_new()};
			uint8_t root[VAULT_KEY] = {1};
			enum vault_proof proof;
			enum bl_status status;

			unlinkat(fixture->fd, "keys", 0);
			assert_int_equal(vault_create(fixture->fd, NULL, 0, &fixture->vault, NULL),
					 BL_OK);
			assert_int_equal(vault_device_add(fixture->vault, "RMA-1", NULL), BL_OK);
			for (unsigned try = 0; try < 2; try++) {
				disk.fail_in = try ? -1 : fails;
				root[0]++;
				if (try) {
					image_get(&life.begin, fixture->fd);
					tape_start();
				}
				status = (try ? ROWS[row].second : ROWS[row].first) == ROOT
						 ? vault_image_root_set(fixture->vault, "RMA-1",
									root, &proof, NULL)
						 : vault_device_destroy(fixture->vault, "RMA-1",
									&proof, NULL);
				assert_int_equal(status, try ? BL_OK : BL_IO);
			}
			disk.is_on = false;
			vault_close(fixture->vault);
			fixture->vault = NULL;
			assert_true(disk.count >= 2);
			for (size_t step = 0; step < disk.count; step++)
				for (size_t tear = 0; tear < BL_COUNT(TEARS); tear++) {
					struct image image = at_step(&life, step, tear);
					struct snapshot found;
					char what[64];

					snprintf(what, sizeof(what),
						 "row %zu, %d, step %zu, tear %zu", row, fails,
						 step, tear);
					open_left(fixture, &image, what, &found);
					if (step + 1 == disk.count && tear + 1 == BL_COUNT(TEARS) &&
					    found.devices[0].is_there != (ROWS[row].second == ROOT))
						fail_msg("%s: not what was told", what);
					free(image.bytes);
					opened++;
				}
			free(life.begin.bytes);
		}
	assert_true(opened > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(power_lost_at_any_write_leaves_before_or_after),
		TEST(power_lost_in_a_repair_leaves_before_or_after),
		TEST(power_lost_while_it_is_made_leaves_no_key_file),
		TEST(every_page_is_durable_before_the_next_is_written),
		TEST(an_add_that_could_not_be_written_is_no_key),
		TEST(a_root_that_could_not_be_written_is_told_to_nobody),
		TEST(a_destruction_that_failed_shows_no_key_and_is_finished_later),
		TEST(power_lost_in_a_second_try_leaves_a_file_that_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
