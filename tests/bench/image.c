/* image.c - what reading a file of an image costs beside reading the image itself (page cache warm)
 *
 * An ext4 image of one 64 MiB file is made at run time; both sides read the same bytes of the same page cache, turn by turn. (The same
 * call takes a fifth less time at the front of the image, where tables and holes are, whoever makes it.)
 */
#include "fs/image/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES (64u << 20)
#define ROUNDS	   9
#define PLACES	   64
#define LARGE	   (1u << 20)

static const char MAKE[] =
	"set -e; PATH=$PATH:/sbin:/usr/sbin; cd \"$FOLDER\"; mkdir tree;"
	" head -c 67108864 /dev/urandom > tree/file;"
	" mke2fs -q -F -t ext4 -d tree image 96M >/dev/null 2>&1; cat image >/dev/null";

struct bench {
	struct image *image;
	struct image_file *file;
	uint64_t inode;
	int fd; /* the image itself, read plainly where the file lies: */
	struct image_range places[PLACES];
	size_t place_count;
	uint8_t *buffer;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool find_reader(char *out, size_t size)
{
	char folder[4096];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	if (length < 0)
		return false;
	folder[length] = '\0';
	for (char *slash = strrchr(folder, '/'); slash; slash = strrchr(folder, '/')) {
		*slash = '\0';
		if (snprintf(out, size, "%s/bailee-reader", folder) < (int)size &&
		    access(out, X_OK) == 0)
			return true;
	}
	return false;
}

static bool find_file(void *context, const struct image_entry *entry)
{
	uint64_t *inode = context;

	if (strcmp(entry->name, "file") == 0)
		*inode = entry->inode;
	return *inode == 0;
}

static uint64_t offset_of(size_t i, size_t size)
{
	return (i * UINT64_C(2654435761) % (FILE_BYTES / size)) * size;
}

/* mke2fs lays a file without holes down from front to back; same_bytes holds it to that. */
static bool add_place(void *context, const struct image_range *range)
{
	struct bench *b = context;

	if (b->place_count == PLACES)
		return false;
	b->places[b->place_count++] = *range;
	return true;
}

/* What a reader does that is part of the program: find the place, and read. */
static bool read_plain(const struct bench *b, uint64_t offset, uint8_t *out, size_t length)
{
	for (size_t i = 0; i < b->place_count && length; i++) {
		const struct image_range *place = &b->places[i];

		if (offset >= place->length) {
			offset -= place->length;
			continue;
		}
		size_t part = (size_t)BL_MIN(length, place->length - offset);

		if (pread(b->fd, out, part, (off_t)(place->offset + offset)) != (ssize_t)part)
			return false;
		out += part;
		length -= part;
		offset = 0;
	}
	return length == 0;
}

static bool read_file(const struct bench *b, uint64_t offset, uint8_t *out, size_t length)
{
	size_t got = 0;

	return image_file_read(b->file, offset, out, length, &got, NULL) == BL_OK && got == length;
}

static bool same_bytes(struct bench *b)
{
	static uint8_t one[LARGE], other[LARGE];

	if (image_places(b->image, 0, b->inode, add_place, b, NULL) != BL_OK)
		return false;
	for (uint64_t at = 0; at < FILE_BYTES; at += LARGE)
		if (!read_plain(b, at, one, LARGE) || !read_file(b, at, other, LARGE) ||
		    memcmp(one, other, LARGE) != 0)
			return false;
	return true;
}

/* Seconds per read; negative when a read failed. */
static double run(const struct bench *b, size_t size, bool is_plain)
{
	size_t count = FILE_BYTES / size;
	double start = now_s();

	for (size_t i = 0; i < count; i++) {
		uint64_t offset = offset_of(i, size);

		if (!(is_plain ? read_plain : read_file)(b, offset, b->buffer, size))
			return -1;
	}
	return (now_s() - start) / (double)count;
}

static bool compare(const struct bench *b, size_t size, const char *name)
{
	double best[2] = {1e9, 1e9};

	for (int i = 0; i < ROUNDS * 2; i++) {
		double s = run(b, size, i % 2);

		if (s < 0)
			return false;
		best[i % 2] = BL_MIN(best[i % 2], s);
	}
	printf("bench: image.read_%s_us %.2f us\n", name, best[0] * 1e6);
	printf("bench: image.pread_%s_us %.2f us\n", name, best[1] * 1e6);
	printf("bench: image.read_%s_vs_pread %.3f x\n", name, best[1] / best[0]);
	return true;
}

static bool open_bench(struct bench *b, const char *folder, const char *reader)
{
	struct image_options options = {.reader_path = reader};
	struct bl_error why = {{0}};
	char path[128];
	uint64_t inode = 0;

	snprintf(path, sizeof(path), "%s/image", folder);
	b->fd = open(path, O_RDONLY | O_CLOEXEC);
	double start = now_s();
	bool is_open =
		b->fd >= 0 && image_open(b->fd, IMAGE_RAW, &options, &b->image, &why) == BL_OK &&
		image_list(b->image, 0, image_volume(b->image, 0)->root, find_file, &inode, &why) ==
			BL_OK &&
		image_file_open(b->image, 0, inode, &b->file, &why) == BL_OK;
	b->inode = inode;
	if (is_open)
		printf("bench: image.open_to_first_file_ms %.2f ms\n", (now_s() - start) * 1e3);
	else
		fprintf(stderr, "error: bench: cannot open the image: %s\n", why.text);
	return is_open;
}

int main(void)
{
	struct bench b = {.fd = -1, .buffer = malloc(LARGE)};
	char folder[] = "/tmp/bailee-bench-XXXXXX", reader[4096];
	bool is_good = false;

	if (!find_reader(reader, sizeof(reader))) {
		printf("bench: image skipped (no bailee-reader)\n");
		free(b.buffer);
		return 0;
	}
	if (!b.buffer || !mkdtemp(folder) || setenv("FOLDER", folder, 1) < 0)
		return 1;
	is_good = system(MAKE) == 0 && open_bench(&b, folder, reader) && same_bytes(&b) &&
		  compare(&b, 4096, "4k") && compare(&b, LARGE, "1m");
	image_file_close(b.file);
	image_close(b.image);
	fd_close(b.fd);
	free(b.buffer);
	return system("rm -rf \"$FOLDER\"") == 0 && is_good ? 0 : 1;
}
