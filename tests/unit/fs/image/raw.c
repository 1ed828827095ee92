/* raw.c - raw images behind a reader that lies, hangs and dies: nothing of it is believed, nothing is left behind */
#include "fs/image/image.h"

#include "fs/image/client.h"
#include "tests/tools/fake-reader.h"
#include "tests/unit/fs/find-program.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_TRY_MS 150
#define LONG_TRY_MS  20000 /* where no try is to run out, also under sanitizers on a busy machine */

struct scene {
	char folder[64], state[128], image_path[128], hung[140], fake[4096];
	unsigned request_ms; /* 0: as long as usual */
	int fd;
	struct image *image;
	atomic_uint troubles;
	char last_trouble[64], given_up[64];
	uint8_t bytes[FAKE_IMAGE_BYTES];
};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->fd = -1;
	*state = s;
	strcpy(s->folder, "/tmp/bailee-raw-XXXXXX");
	if (!mkdtemp(s->folder))
		return -1;
	snprintf(s->state, sizeof(s->state), "%s/starts", s->folder);
	snprintf(s->image_path, sizeof(s->image_path), "%s/image", s->folder);
	snprintf(s->hung, sizeof(s->hung), "%s.hung", s->state);
	for (size_t i = 0; i < sizeof(s->bytes); i++)
		s->bytes[i] = (uint8_t)(i * 31 + i / 256);
	return find_program("test/tools/fake-reader", s->fake, sizeof(s->fake)) ? 0 : -1;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	image_close(s->image);
	fd_close(s->fd);
	unlink(s->state);
	unlink(s->hung);
	unlink(s->image_path);
	rmdir(s->folder);
	free(s);
	/* every child is reaped */
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static void on_trouble(void *context, unsigned volume, uint64_t inode, const char *text)
{
	struct scene *s = context;

	(void)volume;
	(void)inode;
	atomic_fetch_add(&s->troubles, 1);
	snprintf(s->last_trouble, sizeof(s->last_trouble), "%s", text);
	if (strstr(text, "given up"))
		snprintf(s->given_up, sizeof(s->given_up), "%s", text);
}

static void write_image(struct scene *s, const struct fake_script *script)
{
	struct fake_script full = *script;

	full.magic = FAKE_MAGIC;
	snprintf(full.state, sizeof(full.state), "%s", s->state);
	memset(s->bytes, 0, FAKE_SCRIPT_BYTES);
	memcpy(s->bytes, &full, sizeof(full));
	fd_close(s->fd);
	s->fd = open(s->image_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(s->fd >= 0);
	assert_int_equal(pwrite(s->fd, s->bytes, sizeof(s->bytes), 0), sizeof(s->bytes));
}

static enum bl_status try_open(struct scene *s, const struct fake_script *script, unsigned try_ms)
{
	struct image_options options = {.reader_path = s->fake,
					.try_ms = try_ms,
					.request_ms = s->request_ms,
					.on_trouble = on_trouble,
					.context = s};
	struct bl_error why = {{0}};

	write_image(s, script);
	enum bl_status status = image_open(s->fd, IMAGE_RAW, &options, &s->image, &why);
	if (status != BL_OK)
		s->image = NULL;
	return status;
}

static void open_scene(struct scene *s, const struct fake_script *script, unsigned try_ms)
{
	assert_int_equal(try_open(s, script, try_ms), BL_OK);
}

static void close_scene(struct scene *s)
{
	image_close(s->image);
	s->image = NULL;
	unlink(s->state);
	atomic_store(&s->troubles, 0);
}

static unsigned starts(const struct scene *s)
{
	struct stat st;

	return stat(s->state, &st) == 0 ? (unsigned)st.st_size : 0;
}

/* What FAKE_FILE holds, by the map of fake-reader.c. */
static uint8_t expected_byte(const struct scene *s, uint64_t at)
{
	if (at < 8192)
		return s->bytes[8192 + at];
	if (at >= 16384 && at < 24576)
		return s->bytes[65536 + at - 16384];
	if (at >= 32768)
		return s->bytes[4096 + at - 32768];
	return 0;
}

static bool count_entry(void *context, const struct image_entry *entry)
{
	size_t *count = context;

	assert_int_equal(strlen(entry->name), entry->length);
	++*count;
	return true;
}

static bool stop_at_second(void *context, const struct image_entry *entry)
{
	size_t *count = context;

	(void)entry;
	return ++*count < 2;
}

/* ---- a good reader ---------------------------------------------------------------------------- */

static void volume_is_named_by_number_and_type(void **state)
{
	struct scene *s = *state;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_volume_count(s->image), 1);
	const struct image_volume *volume = image_volume(s->image, 0);
	assert_string_equal(volume->name, "p1-ext4");
	assert_string_equal(volume->notice, "");
	assert_true(volume->is_readable);
	assert_int_equal(volume->root, FAKE_ROOT);
	assert_int_equal(volume->offset, FAKE_VOLUME_OFFSET);
	assert_null(image_volume(s->image, 1));
}

static void entries_attributes_and_links_are_told(void **state)
{
	struct scene *s = *state;
	struct image_attr attr;
	char target[64];
	size_t count = 0;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_list(s->image, 0, FAKE_ROOT, count_entry, &count, NULL), BL_OK);
	assert_int_equal(count, 3);
	assert_int_equal(image_stat(s->image, 0, FAKE_FILE, &attr, NULL), BL_OK);
	assert_int_equal(attr.type, IMAGE_FILE);
	assert_int_equal(attr.size_bytes, FAKE_FILE_BYTES);
	assert_int_equal(image_readlink(s->image, 0, FAKE_LINK, target, sizeof(target), NULL),
			 BL_OK);
	assert_string_equal(target, FAKE_LINK_TARGET);
	assert_int_equal(
		image_readlink(s->image, 0, FAKE_LINK, target, strlen(FAKE_LINK_TARGET), NULL),
		BL_TOO_LARGE);
	assert_int_equal(image_readlink(s->image, 0, FAKE_FILE, target, sizeof(target), NULL),
			 BL_INVALID);
	assert_int_equal(image_stat(s->image, 0, 999, &attr, NULL), BL_NOT_FOUND);
	assert_int_equal(image_list(s->image, 0, FAKE_FILE, count_entry, &count, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(image_stat(s->image, 1, FAKE_FILE, &attr, NULL), BL_NOT_FOUND);
	assert_int_equal(atomic_load(&s->troubles), 0);
	assert_int_equal(starts(s), 1);
}

static void directory_of_several_pages_is_whole(void **state)
{
	struct scene *s = *state;
	size_t count = 0;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_list(s->image, 0, FAKE_BIG_DIR, count_entry, &count, NULL), BL_OK);
	assert_int_equal(count, FAKE_BIG_ENTRIES);
	count = 0;
	assert_int_equal(image_list(s->image, 0, FAKE_BIG_DIR, stop_at_second, &count, NULL),
			 BL_OK);
	assert_int_equal(count, 2);
}

static void mapped_file_reads_right_at_every_offset_and_size(void **state)
{
	static const size_t LENGTHS[] = {
		1, 7, 512, 4096, 5000, FAKE_FILE_BYTES, 2 * FAKE_FILE_BYTES};
	struct scene *s = *state;
	static uint8_t out[2 * FAKE_FILE_BYTES];
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_file_open(s->image, 0, FAKE_FILE, &file, NULL), BL_OK);
	assert_int_equal(image_file_size(file), FAKE_FILE_BYTES);
	for (size_t i = 0; i < BL_COUNT(LENGTHS); i++)
		for (uint64_t offset = 0; offset < FAKE_FILE_BYTES + 100; offset += 61) {
			size_t got = 999;

			assert_int_equal(image_file_read(file, offset, out, LENGTHS[i], &got, NULL),
					 BL_OK);
			size_t left = offset < FAKE_FILE_BYTES ? FAKE_FILE_BYTES - offset : 0;
			assert_int_equal(got, BL_MIN(LENGTHS[i], left));
			for (size_t j = 0; j < got; j++)
				if (out[j] != expected_byte(s, offset + j))
					fail_msg("byte %llu of a read of %zu at %llu",
						 (unsigned long long)j, LENGTHS[i],
						 (unsigned long long)offset);
		}
	image_file_close(BL_TAKE(file));
}

static void file_without_map_is_read_in_units(void **state)
{
	struct scene *s = *state;
	static uint8_t out[FAKE_SMALL_BYTES];
	struct image_file *file = NULL;
	size_t got = 0;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_file_open(s->image, 0, FAKE_SMALL, &file, NULL), BL_OK);
	assert_int_equal(image_file_read(file, 0, out, sizeof(out), &got, NULL), BL_OK);
	assert_int_equal(got, FAKE_SMALL_BYTES);
	for (size_t i = 0; i < got; i++)
		if (out[i] != (uint8_t)(i * 7))
			fail_msg("byte %zu", i);
	assert_int_equal(image_file_read(file, 65530, out, 100, &got, NULL), BL_OK);
	assert_int_equal(out[99], (uint8_t)((65530 + 99) * 7));
	image_file_close(file);
}

static void what_is_no_file_cannot_be_opened(void **state)
{
	struct scene *s = *state;
	struct image_file *file = NULL;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_file_open(s->image, 0, FAKE_ROOT, &file, NULL), BL_INVALID);
	assert_int_equal(image_file_open(s->image, 0, FAKE_LINK, &file, NULL), BL_INVALID);
	assert_int_equal(image_file_open(s->image, 0, 999, &file, NULL), BL_NOT_FOUND);
	assert_null(file);
}

static void image_that_shrinks_gives_no_bytes(void **state)
{
	struct scene *s = *state;
	static uint8_t out[FAKE_FILE_BYTES];
	struct image_file *file = NULL;
	size_t got = 0;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_file_open(s->image, 0, FAKE_FILE, &file, NULL), BL_OK);
	assert_int_equal(ftruncate(s->fd, 10000), 0);
	assert_int_equal(image_file_read(file, 0, out, sizeof(out), &got, NULL), BL_IO);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0); /* the first run was read already */
	image_file_close(file);
}

struct told {
	struct image_range ranges[8];
	size_t count, stop_at;
};

static bool keep_range(void *context, const struct image_range *range)
{
	struct told *told = context;

	assert_in_range(told->count, 0, 7);
	told->ranges[told->count++] = *range;
	return told->count != told->stop_at;
}

static void places_and_use_are_told_joined(void **state)
{
	struct scene *s = *state;
	struct told places = {0}, stopped = {.stop_at = 1}, used = {0}, none = {0};

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	assert_int_equal(image_places(s->image, 0, FAKE_FILE, keep_range, &places, NULL), BL_OK);
	assert_int_equal(places.count, 2);
	assert_int_equal(places.ranges[0].offset, 4096);
	assert_int_equal(places.ranges[0].length, 12288);
	assert_int_equal(places.ranges[1].offset, 65536);
	assert_int_equal(image_places(s->image, 0, FAKE_FILE, keep_range, &stopped, NULL), BL_OK);
	assert_int_equal(stopped.count, 1);
	assert_int_equal(image_used(s->image, 0, keep_range, &used, NULL), BL_OK);
	assert_int_equal(used.count, 1);
	assert_int_equal(used.ranges[0].length, 4096 + 100);
	assert_int_equal(image_places(s->image, 0, FAKE_SMALL, keep_range, &none, NULL),
			 BL_UNSUPPORTED);
	assert_int_equal(image_places(s->image, 0, FAKE_ROOT, keep_range, &none, NULL), BL_INVALID);
	assert_int_equal(image_places(s->image, 0, FAKE_LINK, keep_range, &none, NULL), BL_INVALID);
	assert_int_equal(image_places(s->image, 0, 999, keep_range, &none, NULL), BL_NOT_FOUND);
	assert_int_equal(image_places(s->image, 1, FAKE_FILE, keep_range, &none, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(image_used(s->image, 1, keep_range, &none, NULL), BL_NOT_FOUND);
	assert_int_equal(none.count, 0);
	assert_int_equal(starts(s), 1);
}

/* ---- a bad one -------------------------------------------------------------------------------- */

enum ask { ASK_LIST, ASK_STAT, ASK_LINK, ASK_OPEN, ASK_READ, ASK_PLACES, ASK_USED, ASK_XATTRS };

static bool count_range(void *context, const struct image_range *range)
{
	size_t *count = context;

	assert_true(range->length > 0);
	++*count;
	return true;
}

static bool check_xattr(void *context BL_UNUSED, const struct image_xattr *xattr)
{
	assert_int_equal(xattr->name_length, 11);
	assert_memory_equal(xattr->name, "user.origin", 11);
	assert_int_equal(xattr->length, 4);
	assert_memory_equal(xattr->value, "vvvv", 4);
	return true;
}

static enum bl_status ask(struct scene *s, enum ask what, uint64_t inode)
{
	struct image_attr attr;
	struct image_file *file = NULL;
	uint8_t out[128];
	char target[4096];
	size_t count = 0;
	enum bl_status status = BL_FAILED;

	switch (what) {
	case ASK_LIST:
		return image_list(s->image, 0, inode, count_entry, &count, NULL);
	case ASK_STAT:
		return image_stat(s->image, 0, inode, &attr, NULL);
	case ASK_LINK:
		return image_readlink(s->image, 0, inode, target, sizeof(target), NULL);
	case ASK_OPEN:
	case ASK_READ:
		status = image_file_open(s->image, 0, inode, &file, NULL);
		if (status == BL_OK && what == ASK_READ)
			status = image_file_read(file, 0, out, sizeof(out), &count, NULL);
		image_file_close(file);
		break;
	case ASK_PLACES:
		return image_places(s->image, 0, inode, count_range, &count, NULL);
	case ASK_XATTRS:
		return image_xattrs(s->image, 0, inode, check_xattr, &count, NULL);
	case ASK_USED:
		return image_used(s->image, 0, count_range, &count, NULL);
	}
	return status;
}

static void every_fault_of_a_reader_is_refused(void **state)
{
	static const struct {
		uint32_t fault, op;
		enum ask ask;
		uint64_t inode;
		enum bl_status status;
		unsigned
			deaths; /* 2: killed, tried again, killed; 0: the answer alone is refused */
		unsigned try_ms;
	} ROWS[] = {
		{FAKE_CRASH, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_CRASH, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_CRASH, WIRE_READ, ASK_READ, FAKE_SMALL, BL_IO, 2, LONG_TRY_MS},
		{FAKE_HANG, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_TIMED_OUT, 2, SHORT_TRY_MS},
		{FAKE_BLOCK_FOREVER, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_TIMED_OUT, 2, SHORT_TRY_MS},
		{FAKE_BLOCK_FOREVER, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 2, LONG_TRY_MS},
		{FAKE_BLOCK_OUTSIDE, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_BLOCK_HUGE, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_WRONG_SERIAL, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_WRONG_MAGIC, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_WRONG_OP, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_SHORT_MESSAGE, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_LONG_MESSAGE, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_OVERSIZE, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 2, LONG_TRY_MS},
		{FAKE_NEGATIVE_ERROR, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_NO_BYTES, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_NO_BYTES, WIRE_LINK, ASK_LINK, FAKE_LINK, BL_IO, 0, LONG_TRY_MS},
		{FAKE_NO_BYTES, WIRE_READ, ASK_READ, FAKE_SMALL, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_OUTSIDE, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_BEFORE, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_OVERLAP, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_OVERFLOW, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_UNSORTED, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_EMPTY_RUN, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_MANY, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_MAP_ENDLESS, WIRE_MAP, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_NAME_SLASH, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 0, LONG_TRY_MS},
		{FAKE_NAME_DOTDOT, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 0, LONG_TRY_MS},
		{FAKE_NAME_NUL, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 0, LONG_TRY_MS},
		{FAKE_NAME_EMPTY, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 0, LONG_TRY_MS},
		{FAKE_RECORD_SHORT, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 0, LONG_TRY_MS},
		{FAKE_LIST_ENDLESS, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_IO, 0, LONG_TRY_MS},
		{FAKE_LIST_MILLION, WIRE_LIST, ASK_LIST, FAKE_ROOT, BL_TOO_LARGE, 0, LONG_TRY_MS},
		{FAKE_SIZE_HUGE, WIRE_STAT, ASK_STAT, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_LINK_NUL, WIRE_LINK, ASK_LINK, FAKE_LINK, BL_IO, 0, LONG_TRY_MS},
		{FAKE_READ_SHORT, WIRE_READ, ASK_READ, FAKE_SMALL, BL_IO, 0, LONG_TRY_MS},
		{FAKE_CRASH, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_CRASH, WIRE_USED, ASK_USED, 0, BL_IO, 2, LONG_TRY_MS},
		{FAKE_HANG, WIRE_USED, ASK_USED, 0, BL_TIMED_OUT, 2, SHORT_TRY_MS},
		{FAKE_OVERSIZE, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_PLACES_OUTSIDE, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_BEFORE, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_OVERLAP, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_OVERFLOW, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_UNSORTED, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_EMPTY_RUN, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_OF_FILE, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_HALF, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_AGAIN, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_STUCK, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_REFUSED, WIRE_PLACES, ASK_PLACES, FAKE_FILE, BL_UNSUPPORTED, 0,
		 LONG_TRY_MS},
		{FAKE_PLACES_OUTSIDE, WIRE_USED, ASK_USED, 0, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_AGAIN, WIRE_USED, ASK_USED, 0, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_STUCK, WIRE_USED, ASK_USED, 0, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_BEYOND, WIRE_USED, ASK_USED, 0, BL_IO, 0, LONG_TRY_MS},
		{FAKE_PLACES_REFUSED, WIRE_USED, ASK_USED, 0, BL_UNSUPPORTED, 0, LONG_TRY_MS},
		{FAKE_LIES_OUTSIDE, WIRE_STAT, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_LIES_BEFORE, WIRE_STAT, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_LIES_OVERFLOW, WIRE_STAT, ASK_OPEN, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_GOOD, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_OK, 0, LONG_TRY_MS},
		{FAKE_CRASH, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_IO, 2, LONG_TRY_MS},
		{FAKE_XATTR_NUL, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_XATTR_UNNAMED, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_XATTR_HUGE, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_XATTR_OUTSIDE, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_XATTR_SHORT, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
		{FAKE_XATTR_STUCK, WIRE_XATTRS, ASK_XATTRS, FAKE_FILE, BL_IO, 0, LONG_TRY_MS},
	};
	struct scene *s = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct fake_script script = {.fault = ROWS[i].fault, .op = ROWS[i].op};
		struct image_attr attr;

		open_scene(s, &script, ROWS[i].try_ms);
		enum bl_status status = ask(s, ROWS[i].ask, ROWS[i].inode);
		if (status != ROWS[i].status)
			fail_msg("row %zu: %s, not %s", i, bl_status_name(status),
				 bl_status_name(ROWS[i].status));
		if (starts(s) != 1 + BL_MIN(ROWS[i].deaths, 1u))
			fail_msg("row %zu: %u starts", i, starts(s));
		/* the rest of the image is there as before, unless the very operation is the fault */
		if (ROWS[i].op != WIRE_STAT &&
		    image_stat(s->image, 0, FAKE_BIG_DIR, &attr, NULL) != BL_OK)
			fail_msg("row %zu: the rest of the image is gone", i);
		close_scene(s);
	}
}

static void one_crash_is_mended_by_a_second_try(void **state)
{
	struct fake_script script = {
		.fault = FAKE_CRASH, .op = WIRE_STAT, .from_start = 1, .to_start = 1};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_OK);
	assert_int_equal(starts(s), 2);
	assert_int_equal(atomic_load(&s->troubles), 1);
	assert_string_equal(s->last_trouble, "the reader died");
}

static void node_that_killed_twice_is_not_asked_again(void **state)
{
	struct fake_script script = {.fault = FAKE_CRASH, .inode = FAKE_FILE};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_IO);
	assert_int_equal(ask(s, ASK_STAT, FAKE_ROOT), BL_OK);
	unsigned before = starts(s);
	unsigned troubles = atomic_load(&s->troubles);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(s, ASK_OPEN, FAKE_FILE), BL_IO);
	assert_int_equal(starts(s), before);
	assert_int_equal(atomic_load(&s->troubles), troubles);
	assert_int_equal(ask(s, ASK_READ, FAKE_SMALL), BL_OK);
}

static void many_refused_answers_do_not_end_the_image(void **state)
{
	struct fake_script script = {.fault = FAKE_RECORD_SHORT, .op = WIRE_LIST};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	for (uint64_t inode = 100; inode < 100 + IMAGE_POISON_LIMIT + 50; inode++)
		assert_int_equal(ask(s, ASK_LIST, inode), BL_IO);
	assert_int_equal(ask(s, ASK_READ, FAKE_FILE), BL_OK);
	assert_int_equal(starts(s), 1);
}

static void five_deaths_a_minute_end_the_image(void **state)
{
	struct fake_script script = {.fault = FAKE_CRASH, .op = WIRE_STAT};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	for (uint64_t inode = 100; inode < 103; inode++)
		assert_int_equal(ask(s, ASK_STAT, inode), BL_IO);
	assert_int_equal(starts(s), IMAGE_DEATHS);
	assert_string_equal(s->last_trouble, "the image is given up");
	/* what was well before is refused too, and at once */
	assert_int_equal(ask(s, ASK_LIST, FAKE_ROOT), BL_IO);
	assert_int_equal(ask(s, ASK_LINK, FAKE_LINK), BL_IO);
	assert_int_equal(starts(s), IMAGE_DEATHS);
}

#define READERS 16u

/* All children of this process are readers. */
static unsigned find_readers(int pids[READERS])
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0;

	assert_non_null(tasks);
	for (struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
		char path[400];

		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/children", task->d_name);
		FILE *children = fopen(path, "re");
		while (children && count < READERS && fscanf(children, "%d", &pids[count]) == 1)
			count++;
		if (children)
			fclose(children);
	}
	closedir(tasks);
	return count;
}

/* As the OOM killer would. Found first, then killed: what replaces one that is dead is not meant. How many there were. */
static unsigned kill_readers(void)
{
	int pids[READERS];
	unsigned count = find_readers(pids);

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(kill(pids[i], SIGKILL), 0);
	return count;
}

static void kill_reader(void)
{
	assert_int_equal(kill_readers(), 1);
}

static void other_volumes_after_a_restart_end_the_image(void **state)
{
	struct fake_script script = {
		.fault = FAKE_OTHER_VOLUMES, .op = WIRE_OPEN, .from_start = 2, .to_start = 2};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	kill_reader();
	assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_IO);
	assert_int_equal(ask(s, ASK_STAT, FAKE_ROOT), BL_IO);
	assert_int_equal(starts(s), 2);
}

static void reader_killed_while_idle_is_replaced(void **state)
{
	struct scene *s = *state;

	open_scene(s, &(struct fake_script){0}, LONG_TRY_MS);
	kill_reader();
	assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_OK);
	assert_int_equal(starts(s), 2);
}

static void other_contents_later_are_refused(void **state)
{
	struct fake_script script = {
		.fault = FAKE_READ_OTHER, .op = WIRE_READ, .from_start = 2, .to_start = 99};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	assert_int_equal(ask(s, ASK_READ, FAKE_SMALL), BL_OK);
	kill_reader();
	assert_int_equal(ask(s, ASK_READ, FAKE_SMALL), BL_IO);
	assert_string_equal(s->last_trouble, "the reader gave other contents than before");
	assert_int_equal(ask(s, ASK_READ, FAKE_FILE), BL_OK);
}

static void bad_tables_of_volumes_open_nothing(void **state)
{
	static const struct {
		uint32_t fault;
		enum bl_status status;
		unsigned try_ms;
	} ROWS[] = {
		{FAKE_NO_VOLUMES, BL_INVALID, LONG_TRY_MS}, {FAKE_BAD_VOLUMES, BL_IO, LONG_TRY_MS},
		{FAKE_CRASH, BL_IO, LONG_TRY_MS},	    {FAKE_HANG, BL_TIMED_OUT, SHORT_TRY_MS},
		{FAKE_OVERSIZE, BL_IO, LONG_TRY_MS},
	};
	struct scene *s = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct fake_script script = {.fault = ROWS[i].fault, .op = WIRE_OPEN};
		enum bl_status status = try_open(s, &script, ROWS[i].try_ms);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
		close_scene(s);
	}
}

static void sources_that_are_no_image_are_refused(void **state)
{
	struct scene *s = *state;
	struct image_options options = {.reader_path = s->fake, .try_ms = SHORT_TRY_MS};
	struct image *image = NULL;
	int pipe_fds[2];

	write_image(s, &(struct fake_script){0});
	assert_int_equal(ftruncate(s->fd, 0), 0);
	assert_int_equal(image_open(s->fd, IMAGE_RAW, &options, &image, NULL), BL_INVALID);
	/* a size the fake does not know: it is never ready */
	assert_int_equal(ftruncate(s->fd, 4096), 0);
	assert_int_equal(image_open(s->fd, IMAGE_RAW, &options, &image, NULL), BL_TIMED_OUT);
	options.reader_path = "/nonexistent/bailee-reader";
	assert_int_equal(image_open(s->fd, IMAGE_RAW, &options, &image, NULL), BL_FAILED);
	options.reader_path = "/bin/false"; /* dies before it is ready */
	assert_int_equal(image_open(s->fd, IMAGE_RAW, &options, &image, NULL), BL_IO);
	assert_int_equal(image_open(s->fd, IMAGE_RAW, NULL, &image, NULL), BL_FAILED);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(image_open(pipe_fds[0], IMAGE_RAW, &options, &image, NULL), BL_INVALID);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	assert_null(image);
}

/* ---- threads ---------------------------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS	200

struct worker {
	struct scene *scene;
	unsigned number;
	const char *failed;
};

static void *work(void *context)
{
	struct worker *w = context;
	struct scene *s = w->scene;
	uint8_t out[1000];

	for (unsigned i = 0; i < ROUNDS && !w->failed; i++) {
		struct image_file *file = NULL;
		uint64_t offset = (i * 977 + w->number * 131) % (FAKE_FILE_BYTES - sizeof(out));
		size_t got = 0;

		if (ask(s, ASK_LIST, FAKE_ROOT) != BL_OK || ask(s, ASK_STAT, FAKE_SMALL) != BL_OK)
			w->failed = "list or stat";
		if (image_file_open(s->image, 0, FAKE_FILE, &file, NULL) != BL_OK) {
			w->failed = "open";
			break;
		}
		if (image_file_read(file, offset, out, sizeof(out), &got, NULL) != BL_OK ||
		    got != sizeof(out))
			w->failed = "read";
		for (size_t j = 0; j < got; j++)
			if (out[j] != expected_byte(s, offset + j))
				w->failed = "byte";
		image_file_close(file);
		/* one of them asks for what kills the reader, so that the others' requests die too */
		if (w->number == 0 && i == 10 && ask(s, ASK_STAT, 500) != BL_IO)
			w->failed = "poisonous stat";
	}
	return NULL;
}

static void one_poisonous_node_harms_no_other_request(void **state)
{
	struct fake_script script = {.fault = FAKE_CRASH, .inode = 500};
	struct scene *s = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	open_scene(s, &script, LONG_TRY_MS);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){s, i, NULL};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < THREADS; i++)
		if (workers[i].failed)
			fail_msg("thread %u: %s", i, workers[i].failed);
	assert_int_equal(starts(s), 3);
}

/* The thread that first asked is gone; its reader must not be (PR_SET_PDEATHSIG is per thread). */
static void *open_in_thread(void *context)
{
	struct scene *s = context;

	return try_open(s, &(struct fake_script){0}, LONG_TRY_MS) == BL_OK ? s : NULL;
}

static void reader_outlives_the_thread_that_opened(void **state)
{
	struct scene *s = *state;
	pthread_t thread;
	void *opened = NULL;

	assert_int_equal(pthread_create(&thread, NULL, open_in_thread, s), 0);
	pthread_join(thread, &opened);
	assert_non_null(opened);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_OK);
	assert_int_equal(starts(s), 1);
}

static void a_volume_that_ends_its_reader_is_left_alone(void **state)
{
	static const struct {
		uint32_t volumes;
		enum bl_status status;
		unsigned starts;
	} ROWS[] = {
		{0x0, BL_OK, 1},
		{0x1, BL_OK, 3},
		{0x8, BL_OK, 3},
		{0x5, BL_OK, 5},
		/* Two are left alone; the third is tried once, and once more from the start. */
		{0x7, BL_IO, 6},
	};
	struct scene *s = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct fake_script script = {
			.fault = FAKE_OPEN_ENDS, .op = WIRE_OPEN, .volumes = ROWS[i].volumes};

		assert_int_equal(try_open(s, &script, LONG_TRY_MS), ROWS[i].status);
		if (starts(s) != ROWS[i].starts)
			fail_msg("row %zu: %u starts", i, starts(s));
		for (uint32_t v = 0; s->image && v < FAKE_OPEN_VOLUMES; v++) {
			const struct image_volume *volume = image_volume(s->image, v);

			assert_int_equal(volume->is_readable, !(ROWS[i].volumes >> v & 1));
			assert_int_equal(volume->notice[0] == '\0', volume->is_readable);
		}
		if (s->image && ROWS[i].volumes)
			assert_string_equal(s->last_trouble, "left alone: the reader ended on it");
		close_scene(s);
	}
}

/* What the image has taken over may say now this volume and now that one, without end. */
static void a_reader_that_ends_on_other_volumes_each_time_is_given_up(void **state)
{
	struct fake_script script = {.fault = FAKE_OPEN_TURNS, .op = WIRE_OPEN, .volumes = 0x7f};
	struct scene *s = *state;

	assert_int_equal(try_open(s, &script, LONG_TRY_MS), BL_IO);
	assert_int_equal(starts(s), 2 + 2 * IMAGE_LEFT_ALONE);
}

/* ---- one volume, and others beside it ----------------------------------------------------------- */

struct asker {
	struct scene *scene;
	atomic_bool is_done;
	enum bl_status status;
};

static void *ask_of_the_first(void *context)
{
	struct asker *asker = context;

	asker->status = ask(asker->scene, ASK_STAT, FAKE_FILE);
	atomic_store(&asker->is_done, true);
	return NULL;
}

/* Until so many readers have hung in all. */
static void wait_for_hung(const struct scene *s, off_t count)
{
	struct stat st;

	while (stat(s->hung, &st) != 0 || st.st_size < count)
		usleep(1000);
}

static void others_are_there(struct scene *s, unsigned first)
{
	for (unsigned volume = first; volume < FAKE_OPEN_VOLUMES; volume++) {
		struct image_attr attr;
		size_t count = 0;

		assert_int_equal(image_stat(s->image, volume, FAKE_FILE, &attr, NULL), BL_OK);
		assert_int_equal(
			image_list(s->image, volume, FAKE_BIG_DIR, count_entry, &count, NULL),
			BL_OK);
		assert_int_equal(count, FAKE_BIG_ENTRIES);
	}
}

static void a_volume_that_hangs_holds_up_no_other(void **state)
{
	struct fake_script script = {
		.fault = FAKE_HANG, .op = WIRE_STAT, .inode = FAKE_FILE, .volumes = 1};
	struct scene *s = *state;
	struct asker asker = {.scene = s};
	pthread_t thread;

	open_scene(s, &script, LONG_TRY_MS);
	assert_int_equal(image_volume_count(s->image), FAKE_OPEN_VOLUMES);
	assert_int_equal(pthread_create(&thread, NULL, ask_of_the_first, &asker), 0);
	wait_for_hung(s, 1);
	/* The reader of all is ended as a try that is over ends it; the second try hangs in a reader of its own. */
	kill_reader();
	wait_for_hung(s, 2);
	others_are_there(s, 1);
	assert_false(atomic_load(&asker.is_done));
	assert_int_equal(starts(s), 3);
	assert_int_equal(kill_readers(), 2);
	pthread_join(thread, NULL);
	assert_int_equal(asker.status, BL_IO);
	others_are_there(s, 1);
	assert_int_equal(ask(s, ASK_STAT, FAKE_SMALL), BL_OK);
	/* It is not asked for a third time. */
	assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_IO);
	struct stat st;
	assert_int_equal(stat(s->hung, &st), 0);
	assert_int_equal(st.st_size, 2);
}

static void a_volume_that_ends_readers_is_given_up_alone(void **state)
{
	struct fake_script script = {.fault = FAKE_CRASH, .op = WIRE_STAT, .volumes = 1};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	for (uint64_t inode = 100; inode < 120; inode++)
		assert_int_equal(ask(s, ASK_STAT, inode), BL_IO);
	assert_string_equal(s->given_up, "the volume is given up");
	/* One reader of all, and those of its own until it was given up. */
	assert_int_equal(starts(s), 1 + IMAGE_DEATHS);
	assert_int_equal(ask(s, ASK_LIST, FAKE_ROOT), BL_IO);
	others_are_there(s, 1);
	assert_int_equal(starts(s), 2 + IMAGE_DEATHS);
	assert_string_equal(s->given_up, "the volume is given up");
}

static void many_volumes_that_end_readers_harm_no_other(void **state)
{
	struct fake_script script = {.fault = FAKE_CRASH, .op = WIRE_STAT, .volumes = 0x3f};
	struct scene *s = *state;
	struct image_attr attr;

	open_scene(s, &script, LONG_TRY_MS);
	for (unsigned volume = 0; volume < 6; volume++) {
		assert_int_equal(image_stat(s->image, volume, 100, &attr, NULL), BL_IO);
		others_are_there(s, 6);
	}
	assert_string_equal(s->given_up, "");
}

/* Each may have half a gigabyte: an image must not have as many as it has volumes. */
static void volumes_that_end_readers_have_few_of_their_own(void **state)
{
	struct fake_script script = {
		.fault = FAKE_CRASH, .op = WIRE_STAT, .inode = 100, .volumes = 0x7f};
	struct scene *s = *state;
	struct image_attr attr;
	int pids[READERS];

	open_scene(s, &script, LONG_TRY_MS);
	for (unsigned volume = 0; volume < FAKE_OPEN_VOLUMES; volume++) {
		assert_int_equal(image_stat(s->image, volume, 100, &attr, NULL), BL_IO);
		assert_int_equal(image_stat(s->image, volume, FAKE_FILE, &attr, NULL), BL_OK);
	}
	/* Those that are not needed now end, each by its own keeper. */
	while (find_readers(pids) > 1 + IMAGE_OWN_READERS)
		usleep(1000);
	others_are_there(s, 0);
	assert_string_equal(s->given_up, "");
}

/* A volume whose own reader sees it otherwise than that of all did. */
static void a_volume_that_is_another_later_is_given_up_alone(void **state)
{
	struct fake_script script = {.fault = FAKE_OTHER_VOLUME,
				     .op = WIRE_OPEN,
				     .from_start = 2,
				     .to_start = 2,
				     .volumes = 1};
	struct scene *s = *state;

	open_scene(s, &script, LONG_TRY_MS);
	kill_reader();
	assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_IO);
	assert_int_equal(ask(s, ASK_STAT, FAKE_SMALL), BL_IO);
	others_are_there(s, 1);
	close_scene(s); /* all is told then */
	assert_string_equal(s->given_up, "the volume is given up");
}

/* ---- no longer than a request may take ------------------------------------------------------------- */

static void a_request_does_not_wait_for_a_reader_for_ever(void **state)
{
	struct fake_script script = {
		.fault = FAKE_HANG, .op = WIRE_OPEN, .from_start = 2, .to_start = 99};
	struct scene *s = *state;

	s->request_ms = 300;
	open_scene(s, &script, LONG_TRY_MS);
	kill_reader();
	assert_int_equal(ask(s, ASK_STAT, FAKE_FILE), BL_TIMED_OUT);
	/* It did not wait until the next one was found not to start. */
	assert_string_equal(s->last_trouble, "the reader died");
	assert_int_equal(atomic_load(&s->troubles), 1);
	wait_for_hung(s, 1);
	kill_reader();
}

static void a_list_of_many_pages_is_over_in_time(void **state)
{
	struct fake_script script = {.fault = FAKE_LIST_SLOW, .op = WIRE_LIST};
	struct scene *s = *state;

	s->request_ms = 2000;
	open_scene(s, &script, LONG_TRY_MS);
	assert_int_equal(ask(s, ASK_LIST, FAKE_ROOT), BL_TIMED_OUT);
	/* The reader is not to blame. */
	assert_int_equal(atomic_load(&s->troubles), 0);
	assert_int_equal(ask(s, ASK_READ, FAKE_FILE), BL_OK);
	assert_int_equal(starts(s), 1);
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The kernel tells these apart, and so do people: a file that is not read here is no broken disk. */
static void errors_that_a_reader_names_stay_what_they_are(void **state)
{
	static const struct {
		int error;
		enum bl_status status;
	} ROWS[] = {{ENOENT, BL_NOT_FOUND},	  {ENOTDIR, BL_NOT_FOUND}, {EINVAL, BL_INVALID},
		    {EFBIG, BL_TOO_LARGE},	  {ENOKEY, BL_NO_KEY},	   {EIO, BL_IO},
		    {EOPNOTSUPP, BL_UNSUPPORTED}, {EPERM, BL_IO},	   {12345, BL_IO}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		assert_int_equal(image_client_fail(ROWS[i].error, 5, NULL), ROWS[i].status);
	assert_int_equal(bl_status_errno(BL_UNSUPPORTED), EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_volume_that_ends_its_reader_is_left_alone),
		TEST(a_reader_that_ends_on_other_volumes_each_time_is_given_up),
		TEST(volume_is_named_by_number_and_type),
		TEST(entries_attributes_and_links_are_told),
		TEST(directory_of_several_pages_is_whole),
		TEST(mapped_file_reads_right_at_every_offset_and_size),
		TEST(file_without_map_is_read_in_units),
		TEST(what_is_no_file_cannot_be_opened),
		TEST(image_that_shrinks_gives_no_bytes),
		TEST(places_and_use_are_told_joined),
		TEST(every_fault_of_a_reader_is_refused),
		TEST(one_crash_is_mended_by_a_second_try),
		TEST(node_that_killed_twice_is_not_asked_again),
		TEST(many_refused_answers_do_not_end_the_image),
		TEST(five_deaths_a_minute_end_the_image),
		TEST(other_volumes_after_a_restart_end_the_image),
		TEST(reader_killed_while_idle_is_replaced),
		TEST(other_contents_later_are_refused),
		TEST(bad_tables_of_volumes_open_nothing),
		TEST(sources_that_are_no_image_are_refused),
		TEST(one_poisonous_node_harms_no_other_request),
		TEST(reader_outlives_the_thread_that_opened),
		TEST(a_volume_that_hangs_holds_up_no_other),
		TEST(a_volume_that_ends_readers_is_given_up_alone),
		TEST(many_volumes_that_end_readers_harm_no_other),
		TEST(volumes_that_end_readers_have_few_of_their_own),
		TEST(a_volume_that_is_another_later_is_given_up_alone),
		TEST(a_request_does_not_wait_for_a_reader_for_ever),
		TEST(a_list_of_many_pages_is_over_in_time),
		cmocka_unit_test(errors_that_a_reader_names_stay_what_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
