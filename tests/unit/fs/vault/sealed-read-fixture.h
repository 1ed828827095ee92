/* sealed-read-fixture.h - small sealed images for tests, with what is in them */
#ifndef TESTS_SEALED_READ_FIXTURE_H
#define TESTS_SEALED_READ_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/vault/sealed-format.h"
#include "fs/vault/sealed.h"

#define ID	"usb-a"
#define STORED	6 /* groups that are not zeros */
#define PATTERN 32

/*
 * 130 groups and a bit (two levels of keys, three leaves): groups of STORED_AT hold random bytes with a chunk of zeros in each, all
 * others are zeros. The last one is short.
 */
#define IMAGE_GROUPS 131
#define IMAGE_BYTES  ((IMAGE_GROUPS - 1) * (uint64_t)SEALED_GROUP + 3 * SEALED_CHUNK + 777)
#define ZERO_CHUNK   5 /* of each group */

static const uint64_t STORED_AT[STORED] = {0, 1, 63, 64, 70, 130};

struct image {
	char path[64]; /* the device's folder */
	int device_fd;
	uint8_t root[VAULT_KEY];
	uint8_t *plain[STORED]; /* SEALED_GROUP each */
	const struct sealed_gap *gaps;
	size_t gap_count;
};

static BL_UNUSED size_t length_of_group(uint64_t group)
{
	return (size_t)BL_MIN(IMAGE_BYTES - group * SEALED_GROUP, (uint64_t)SEALED_GROUP);
}

/* What reading [offset, offset + length) must give. */
static BL_UNUSED void model_read(const struct image *image, uint64_t offset, uint8_t *out,
				 size_t length)
{
	memset(out, 0, length);
	for (size_t i = 0; i < STORED; i++) {
		uint64_t start = STORED_AT[i] * SEALED_GROUP, end = start + SEALED_GROUP;
		uint64_t from = BL_MAX(start, offset), to = BL_MIN(end, offset + length);

		if (from < to)
			memcpy(out + (from - offset), image->plain[i] + (from - start), to - from);
	}
}

static BL_UNUSED void image_model(struct image *image)
{
	for (size_t i = 0; i < STORED; i++) {
		size_t length = length_of_group(STORED_AT[i]);

		image->plain[i] = calloc(1, SEALED_GROUP);
		assert_non_null(image->plain[i]);
		randombytes_buf(image->plain[i], length);
		memset(image->plain[i] + ZERO_CHUNK * SEALED_CHUNK, 0, SEALED_CHUNK);
		for (size_t g = 0; g < image->gap_count; g++) {
			uint64_t start = STORED_AT[i] * SEALED_GROUP, end = start + SEALED_GROUP;
			uint64_t from = BL_MAX(image->gaps[g].offset, start);
			uint64_t to = BL_MIN(image->gaps[g].offset + image->gaps[g].length, end);

			if (from < to)
				memset(image->plain[i] + (from - start), 0, to - from);
		}
	}
}

static BL_UNUSED void must_be_ok(enum bl_status status, const struct bl_error *why)
{
	if (status != BL_OK)
		fail_msg("%s: %s", bl_status_name(status), why->text);
}

static BL_UNUSED void image_seal(const struct image *image, enum sealed_algorithm algorithm)
{
	struct bl_error why = {""};
	struct sealed_writer *writer = NULL;
	uint8_t digest[32] = {1};
	uint8_t *room = aligned_alloc(4096, SEALED_GROUP);

	assert_non_null(room);
	must_be_ok(sealed_create(image->device_fd, ID, image->root, IMAGE_BYTES, algorithm, &writer,
				 &why),
		   &why);
	for (size_t i = 0; i < STORED; i++) {
		uint64_t at = sealed_at(writer) / SEALED_GROUP;

		if (STORED_AT[i] > at)
			must_be_ok(sealed_skip(writer, STORED_AT[i] - at, &why), &why);
		memcpy(room, image->plain[i], SEALED_GROUP);
		must_be_ok(sealed_put(writer, room, length_of_group(STORED_AT[i]), &why), &why);
	}
	must_be_ok(sealed_finish(writer, image->gaps, image->gap_count, digest, &why), &why);
	sealed_writer_close(writer);
	free(room);
}

/* In a new folder below @parent. */
static BL_UNUSED void image_make_in(const char *parent, const uint8_t *root, struct image *image,
				    enum sealed_algorithm algorithm, const struct sealed_gap *gaps,
				    size_t gap_count)
{
	*image = (struct image){.gaps = gaps, .gap_count = gap_count};
	assert_true(sodium_init() >= 0);
	snprintf(image->path, sizeof(image->path), "%s/sealed-test-XXXXXX", parent);
	assert_non_null(mkdtemp(image->path));
	image->device_fd = open(image->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(image->device_fd >= 0);
	if (root)
		memcpy(image->root, root, sizeof(image->root));
	else
		randombytes_buf(image->root, sizeof(image->root));
	image_model(image);
	image_seal(image, algorithm);
}

static BL_UNUSED void image_make(struct image *image, enum sealed_algorithm algorithm,
				 const struct sealed_gap *gaps, size_t gap_count)
{
	image_make_in("/tmp", NULL, image, algorithm, gaps, gap_count);
}

static int remove_one(const char *path, const struct stat *st BL_UNUSED, int type BL_UNUSED,
		      struct FTW *where BL_UNUSED)
{
	return remove(path);
}

static BL_UNUSED void folder_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static BL_UNUSED void image_done(struct image *image)
{
	for (size_t i = 0; i < STORED; i++)
		free(image->plain[i]);
	close(image->device_fd);
	folder_remove(image->path);
}

static BL_UNUSED void run(const char *format, ...) BL_PRINTF(1, 2);
static BL_UNUSED void run(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static BL_UNUSED int file_open(const struct image *image, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/image/%s", image->path, name);

	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static BL_UNUSED void file_get(const struct image *image, const char *name, uint64_t at, void *out,
			       size_t length)
{
	struct bl_error why = {""};
	int fd = file_open(image, name, O_RDONLY);

	must_be_ok(sealed_read_at(fd, out, length, at, name, &why), &why);
	close(fd);
}

static BL_UNUSED void file_put(const struct image *image, const char *name, uint64_t at,
			       const void *bytes, size_t length)
{
	int fd = file_open(image, name, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, length, (off_t)at), (ssize_t)length);
	close(fd);
}

static BL_UNUSED void flip(const struct image *image, const char *name, uint64_t at)
{
	uint8_t byte;

	file_get(image, name, at, &byte, 1);
	byte ^= 0x40;
	file_put(image, name, at, &byte, 1);
}

static BL_UNUSED uint64_t file_size(const struct image *image, const char *name)
{
	struct stat st;
	int fd = file_open(image, name, O_RDONLY);

	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return (uint64_t)st.st_size;
}

/* The header that counts, without a key. */
static BL_UNUSED void header_get(const struct image *image, struct sealed_header *out_header,
				 unsigned *out_slot)
{
	uint8_t pages[2][SEALED_PAGE];
	struct sealed_header header;
	bool is_found = false;

	file_get(image, "header", 0, pages, sizeof(pages));
	for (unsigned i = 0; i < 2; i++)
		if (sealed_header_parse(pages[i], &header, NULL) == BL_OK &&
		    (!is_found || header.generation > out_header->generation)) {
			*out_header = header;
			*out_slot = i;
			is_found = true;
		}
	assert_true(is_found);
}

/* Opened, or the status and its words. */
static BL_UNUSED enum bl_status image_open(const struct image *image, struct sealed_hot *hot,
					   struct sealed **out_sealed, struct bl_error *why)
{
	return sealed_open(image->device_fd, ID, image->root, IMAGE_BYTES, hot, out_sealed, why);
}

static BL_UNUSED struct sealed_hot *hot_make(uint64_t bytes)
{
	struct sealed_hot *hot = NULL;
	struct bl_error why = {""};

	must_be_ok(sealed_hot_new(bytes, &hot, &why), &why);
	return hot;
}

#endif
