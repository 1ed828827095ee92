/* The destruction of a part, cut off at every call that changes a file, with or without what was not synced: all of it or nothing. */
#include "fs/vault/sealed-part.h"

#include "tests/unit/fs/vault/sealed-read-fixture.h"

#define SMALL	  (UINT64_C(1) << 20)
#define MOST_DONE 4096

static const struct sealed_gap GAPS[] = {
	{.offset = 100 * (uint64_t)SEALED_GROUP, .length = SEALED_GROUP, .kind = SEALED_LEFT_OUT},
};
static const struct sealed_place PLACES[] = {
	{100, 5000},
	{130 * (uint64_t)SEALED_GROUP + 3 * SEALED_CHUNK, 10},
};

/* ---- a disk that loses what was not synced ------------------------------------------------------- */

enum change_kind { CHANGE_BYTES, CHANGE_CREATE, CHANGE_REMOVE, CHANGE_RENAME };

struct change {
	enum change_kind kind;
	int fd; /* own: of the file, or of the folder */
	uint64_t offset;
	size_t length;
	uint8_t *before;
	char from[32], to[32];
};

struct disk {
	size_t calls, dies_at; /* 0: never */
	bool is_once;	       /* one call fails, the disk lives on */
	struct change changes[MOST_DONE];
	size_t count;
	uint64_t seed;
};

static bool dies(struct disk *disk)
{
	disk->calls++;
	errno = EIO;
	if (disk->is_once)
		return disk->calls == disk->dies_at;
	return disk->dies_at && disk->calls >= disk->dies_at;
}

static struct change *note(struct disk *disk, enum change_kind kind, int fd)
{
	assert_true(disk->count < MOST_DONE);

	struct change *change = &disk->changes[disk->count++];

	*change = (struct change){.kind = kind, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)};
	assert_true(change->fd >= 0);
	return change;
}

static void drop(struct disk *disk, size_t i)
{
	close(disk->changes[i].fd);
	free(disk->changes[i].before);
	memmove(&disk->changes[i], &disk->changes[i + 1],
		(disk->count - i - 1) * sizeof(disk->changes[0]));
	disk->count--;
}

static int disk_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	struct disk *disk = context;

	if (!(flags & O_CREAT))
		return openat(dir_fd, name, flags, mode);
	if (dies(disk))
		return -1;

	int fd = openat(dir_fd, name, flags, mode);

	if (fd >= 0)
		snprintf(note(disk, CHANGE_CREATE, dir_fd)->from, 32, "%s", name);
	return fd;
}

static ssize_t disk_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
	struct disk *disk = context;
	bool is_dying = dies(disk);

	/* The last write may be torn, too. */
	if (is_dying && disk->calls > disk->dies_at)
		return -1;
	if (!(fcntl(fd, F_GETFL) & O_DSYNC)) {
		struct change *change = note(disk, CHANGE_BYTES, fd);
		char path[64];

		change->offset = offset;
		change->length = length;
		change->before = calloc(1, length);
		assert_non_null(change->before);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

		int reader = open(path, O_RDONLY | O_CLOEXEC);

		assert_true(reader >= 0 &&
			    pread(reader, change->before, length, (off_t)offset) >= 0);
		close(reader);
	} else if (is_dying) {
		return -1; /* one page, all or nothing: the other slot is what a torn one leaves */
	}

	ssize_t put = pwrite(fd, bytes, is_dying ? length / 2 : length, (off_t)offset);

	errno = EIO;
	return is_dying ? -1 : put;
}

static int disk_sync(void *context, int fd)
{
	struct disk *disk = context;
	struct stat mine, other;

	if (dies(disk))
		return -1;
	assert_int_equal(fstat(fd, &mine), 0);
	for (size_t i = disk->count; i-- > 0;)
		if (disk->changes[i].kind == CHANGE_BYTES &&
		    fstat(disk->changes[i].fd, &other) == 0 && other.st_ino == mine.st_ino)
			drop(disk, i);
	return 0;
}

static int disk_sync_folder(void *context, int fd BL_UNUSED)
{
	struct disk *disk = context;

	if (dies(disk))
		return -1;
	for (size_t i = disk->count; i-- > 0;) {
		if (disk->changes[i].kind == CHANGE_BYTES)
			continue;
		if (disk->changes[i].kind == CHANGE_REMOVE)
			unlinkat(disk->changes[i].fd, disk->changes[i].to, 0);
		drop(disk, i);
	}
	return 0;
}

static int disk_rename(void *context, int dir_fd, const char *from, const char *to)
{
	struct disk *disk = context;

	if (dies(disk) || renameat(dir_fd, from, dir_fd, to) != 0)
		return -1;

	struct change *change = note(disk, CHANGE_RENAME, dir_fd);

	snprintf(change->from, sizeof(change->from), "%s", from);
	snprintf(change->to, sizeof(change->to), "%s", to);
	return 0;
}

/* Put aside until the folder is synced. */
static int disk_remove(void *context, int dir_fd, const char *name, bool is_folder BL_UNUSED)
{
	struct disk *disk = context;
	char aside[32];

	snprintf(aside, sizeof(aside), ".gone-%zu", disk->calls);
	if (dies(disk) || renameat(dir_fd, name, dir_fd, aside) != 0)
		return -1;

	struct change *change = note(disk, CHANGE_REMOVE, dir_fd);

	snprintf(change->from, sizeof(change->from), "%s", name);
	snprintf(change->to, sizeof(change->to), "%s", aside);
	return 0;
}

static struct sealed_io io_of(struct disk *disk)
{
	return (struct sealed_io){
		.open_at = disk_open,
		.write_at = disk_write,
		.sync = disk_sync,
		.sync_folder = disk_sync_folder,
		.rename_at = disk_rename,
		.remove_at = disk_remove,
		.context = disk,
	};
}

static bool coin(struct disk *disk)
{
	disk->seed = disk->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return disk->seed >> 63;
}

static void revert(const struct change *change)
{
	char path[64];
	int fd;

	switch (change->kind) {
	case CHANGE_BYTES:
		snprintf(path, sizeof(path), "/proc/self/fd/%d", change->fd);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0) /* else: removed since */
			assert_int_equal(
				pwrite(fd, change->before, change->length, (off_t)change->offset),
				(ssize_t)change->length);
		fd_close(fd);
		return;
	case CHANGE_CREATE:
		unlinkat(change->fd, change->from, 0);
		return;
	case CHANGE_REMOVE:
	case CHANGE_RENAME:
		assert_int_equal(renameat(change->fd, change->to, change->fd, change->from), 0);
		return;
	}
}

/* Names in the order in which they were changed, up to some point; bytes as it comes. */
static void lose_power(struct disk *disk, bool is_all_kept)
{
	bool are_names_kept = false;

	while (disk->count > 0) {
		const struct change *change = &disk->changes[disk->count - 1];
		bool is_kept = coin(disk);

		if (change->kind != CHANGE_BYTES) {
			are_names_kept = are_names_kept || is_kept;
			is_kept = are_names_kept;
		}
		if (is_kept || is_all_kept) {
			if (change->kind == CHANGE_REMOVE)
				unlinkat(change->fd, change->to, 0);
		} else {
			revert(change);
		}
		drop(disk, disk->count - 1);
	}
}

/* ---- the sweep ----------------------------------------------------------------------------------- */

struct world {
	struct image image;
	struct disk disk;
};

static void model_zero(struct image *image)
{
	memset(image->plain[0] + PLACES[0].offset, 0, PLACES[0].length);
	memset(image->plain[STORED - 1] + 3 * SEALED_CHUNK, 0, PLACES[1].length);
}

static bool reads_as_the_model(const struct image *image, const uint8_t *root, struct bl_error *why)
{
	struct sealed_hot *hot = hot_make(SMALL);
	struct sealed *sealed = NULL;
	bool is_right =
		sealed_open(image->device_fd, ID, root, IMAGE_BYTES, hot, &sealed, why) == BL_OK;
	uint8_t *is = malloc(SEALED_GROUP);

	for (size_t i = 0; i < STORED && is_right; i++) {
		size_t length = length_of_group(STORED_AT[i]);

		is_right = sealed_read(sealed, STORED_AT[i] * SEALED_GROUP, is, length, why) ==
				   BL_OK &&
			   memcmp(is, image->plain[i], length) == 0;
	}
	is_right = is_right && sealed_gap_count(sealed) == BL_COUNT(GAPS);
	free(is);
	sealed_close(sealed);
	sealed_hot_free(hot);
	return is_right;
}

/* All of it; dies where the disk does. @in_force: the root that the device's slot holds. True when all was done. */
static bool destroy(struct world *world, uint8_t in_force[VAULT_KEY])
{
	const struct sealed_io io = io_of(&world->disk);
	struct sealed_part part;
	uint8_t new_root[VAULT_KEY];
	int device = world->image.device_fd;

	if (sealed_part_prepare_by(&io, device, ID, in_force, PLACES, BL_COUNT(PLACES), new_root,
				   &part, NULL) != BL_OK)
		return false;
	memcpy(in_force, new_root, VAULT_KEY);
	return sealed_part_finish_by(&io, device, ID, in_force, NULL) == BL_OK;
}

/* What the daemon does at its start; the first try dies as well. */
static void recover(struct world *world, const uint8_t root[VAULT_KEY], size_t dies_at,
		    enum sealed_part_state *out_state)
{
	struct sealed_io io = io_of(&world->disk);
	struct bl_error why = {""};
	int device = world->image.device_fd;

	world->disk.calls = 0;
	world->disk.dies_at = dies_at;
	if (sealed_part_recover_by(&io, device, ID, root, out_state, NULL) == BL_OK &&
	    *out_state == SEALED_PART_COMMITTED)
		(void)!sealed_part_finish_by(&io, device, ID, root, NULL);
	lose_power(&world->disk, false);
	must_be_ok(sealed_part_recover(device, ID, root, out_state, &why), &why);
	if (*out_state == SEALED_PART_COMMITTED)
		must_be_ok(sealed_part_finish(device, ID, root, &why), &why);
}

static void one_crash(struct world *world, size_t dies_at, bool is_all_kept, bool *out_was_last)
{
	struct image *image = &world->image;
	uint8_t in_force[VAULT_KEY];
	struct bl_error why = {""};
	enum sealed_part_state state;

	run("cd %s && rm -rf image && cp -a base image", image->path);
	memcpy(in_force, image->root, VAULT_KEY);
	world->disk.calls = 0;
	world->disk.dies_at = dies_at;
	world->disk.seed = dies_at * 2654435761u + is_all_kept;
	*out_was_last = destroy(world, in_force);
	lose_power(&world->disk, is_all_kept);
	recover(world, in_force, 1 + dies_at % 17, &state);

	bool is_new = memcmp(in_force, image->root, VAULT_KEY) != 0;
	struct image wanted = *image;

	for (size_t i = 0; i < STORED; i++) {
		wanted.plain[i] = malloc(SEALED_GROUP);
		memcpy(wanted.plain[i], image->plain[i], SEALED_GROUP);
	}
	if (is_new)
		model_zero(&wanted);
	if (!reads_as_the_model(&wanted, in_force, &why))
		fail_msg("died at %zu (%s), %s root in force, state %d: %s", dies_at,
			 is_all_kept ? "kept" : "lost", is_new ? "new" : "old", (int)state,
			 why.text);
	for (size_t i = 0; i < STORED; i++)
		free(wanted.plain[i]);
	/* Nothing is left of it, and it can be done from here. */
	run("cd %s/image && test \"$(echo *)\" = 'data gaps header index keys'", image->path);
	if (dies_at % 5 == 0) {
		world->disk.dies_at = 0;
		assert_true(destroy(world, in_force));
		lose_power(&world->disk, true);
	}
}

static void a_crash_anywhere_ends_in_all_or_nothing(void **state BL_UNUSED)
{
	struct world *world = calloc(1, sizeof(*world));
	bool was_last = false;
	size_t dies_at = 1;

	image_make(&world->image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	run("cd %s && cp -a image base", world->image.path);
	for (; !was_last; dies_at++)
		for (size_t kept = 0; kept < 2; kept++)
			one_crash(world, dies_at, kept, &was_last);
	/* Or the sweep did not sweep: two groups of 16 chunks, their nodes, two headers. */
	assert_true(dies_at > 60);
	image_done(&world->image);
	free(world);
}

/* A full disk, a bad sector: told, and either nothing happened or finishing is called again. */
static void a_call_that_fails_once_leaves_nothing_half(void **state BL_UNUSED)
{
	struct world *world = calloc(1, sizeof(*world));
	struct image *image = &world->image;
	const struct sealed_io io = io_of(&world->disk);
	struct bl_error why = {""};
	bool is_done = false;
	size_t undone = 0, finished = 0;

	image_make(image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	run("cd %s && cp -a image base", image->path);
	world->disk.is_once = true;
	for (size_t at = 1; !is_done; at++) {
		uint8_t in_force[VAULT_KEY];

		run("cd %s && rm -rf image && cp -a base image", image->path);
		memcpy(in_force, image->root, VAULT_KEY);
		world->disk.calls = 0;
		world->disk.dies_at = at;
		is_done = destroy(world, in_force);
		lose_power(&world->disk, true);
		if (memcmp(in_force, image->root, VAULT_KEY) == 0) {
			undone++;
			if (!reads_as_the_model(image, in_force, &why))
				fail_msg("call %zu failed: %s", at, why.text);
		} else if (!is_done) {
			finished++;
			must_be_ok(sealed_part_finish_by(&io, image->device_fd, ID, in_force, &why),
				   &why);
			lose_power(&world->disk, true);
		}
		run("cd %s/image && test \"$(echo *)\" = 'data gaps header index keys'",
		    image->path);
	}
	if (undone < 15 || finished < 25)
		fail_msg("%zu undone, %zu finished", undone, finished);
	image_done(image);
	free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_anywhere_ends_in_all_or_nothing),
		cmocka_unit_test(a_call_that_fails_once_leaves_nothing_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
