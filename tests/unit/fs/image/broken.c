/*
 * What crashes or hangs the libraries behind the reader (tests/fuzz/crashes/reader, found by the fuzz target `reader`), through the real
 * program: a request fails within its tries, and everything else goes on.
 */
#include "tests/fuzz/images/broken-image.h"
#include "tests/unit/fs/image/real-image.h"

#include <dirent.h>

#define TRY_MS	 400
#define NODES	 60
#define SECTOR	 512u
#define BAD_AT	 2048u /* sectors */
#define GOOD_AT	 4096u
#define DISK	 (UINT64_C(4) << 20)
#define CRASHERS "tests/fuzz/crashes/reader"

struct seen {
	uint64_t inodes[NODES];
	size_t count;
	unsigned files, failed;
	enum image_type types[NODES];
	uint64_t sizes[NODES];
};

static bool see(void *context, const struct image_entry *entry)
{
	struct seen *seen = context;

	if (seen->count == NODES)
		return false;
	seen->inodes[seen->count] = entry->inode;
	seen->sizes[seen->count] = entry->has_attr ? entry->attr.size_bytes : 0;
	seen->types[seen->count++] = entry->has_attr ? entry->attr.type : IMAGE_OTHER;
	return true;
}

static void read_one(struct real *r, unsigned volume, uint64_t inode, struct seen *seen)
{
	struct image_file *file = NULL;
	uint8_t bytes[4096];
	size_t got = 0;

	if (image_file_open(r->image, volume, inode, &file, NULL) != BL_OK ||
	    image_file_read(file, 0, bytes, sizeof(bytes), &got, NULL) != BL_OK)
		seen->failed++;
	else
		seen->files++;
	image_file_close(file);
}

/* Everything below, until the image is given up. */
static struct seen walk(struct real *r, unsigned volume)
{
	struct seen seen = {
		.inodes = {image_volume(r->image, volume)->root}, .types = {IMAGE_DIR}, .count = 1};

	for (size_t i = 0; i < seen.count; i++) {
		if (seen.types[i] == IMAGE_FILE)
			read_one(r, volume, seen.inodes[i], &seen);
		else if (seen.types[i] == IMAGE_DIR &&
			 image_list(r->image, volume, seen.inodes[i], see, &seen, NULL) != BL_OK)
			seen.failed++;
	}
	return seen;
}

static void put_entry(uint8_t *table, unsigned index, uint32_t start, uint32_t sectors)
{
	uint8_t *entry = table + 446 + (size_t)16 * index;

	entry[4] = 0x83;
	bl_put32(entry + 8, start);
	bl_put32(entry + 12, sectors);
}

/* A DOS table (510: its signature) with the broken one between two good ones. */
static void put_on_disk(struct real *r, const uint8_t *input, size_t length)
{
	static const uint8_t EXT2[1] = {0}, FAT12[1] = {4};
	size_t size;

	free(r->bytes);
	r->bytes = calloc(1, DISK + (40u << 20));
	assert_non_null(r->bytes);
	const uint8_t *bytes = broken_image_make(EXT2, 1, &size);

	memcpy(r->bytes + (size_t)64 * SECTOR, bytes, size);
	put_entry(r->bytes, 0, 64, (uint32_t)(size / SECTOR));
	bytes = broken_image_make(FAT12, 1, &size);
	memcpy(r->bytes + (size_t)BAD_AT * SECTOR, bytes, size);
	put_entry(r->bytes, 1, BAD_AT, (uint32_t)(size / SECTOR));
	bytes = broken_image_make(input, length, &size);
	memcpy(r->bytes + (size_t)GOOD_AT * SECTOR, bytes, size);
	put_entry(r->bytes, 2, GOOD_AT, (uint32_t)(size / SECTOR));
	r->bytes[510] = 0x55;
	r->bytes[511] = 0xaa;
	r->size_bytes = (uint64_t)GOOD_AT * SECTOR + size;
}

static enum bl_status open_real(struct real *r)
{
	const struct image_bytes bytes = {real_read, r, r->size_bytes};
	const struct image_options options = {.reader_path = r->reader, .try_ms = TRY_MS};

	image_close(r->image);
	r->image = NULL;
	return image_open_bytes(&bytes, &options, &r->image, NULL);
}

/* Alone: an image or none, and every request comes back. Between others: they are there, whole. */
static void try_one(struct real *r, const char *name, const uint8_t *input, size_t length)
{
	size_t size;
	const uint8_t *bytes = broken_image_make(input, length, &size);

	print_message("%s, a broken %s\n", name,
		      broken_image_name(input[0] % broken_image_count()));
	free(r->bytes);
	r->bytes = malloc(size);
	assert_non_null(r->bytes);
	memcpy(r->bytes, bytes, size);
	r->size_bytes = size;
	if (open_real(r) == BL_OK && image_volume(r->image, 0)->is_readable)
		(void)walk(r, 0);
	put_on_disk(r, input, length);
	assert_int_equal(open_real(r), BL_OK);
	assert_int_equal(image_volume_count(r->image), 3);
	for (unsigned volume = 0; volume < 2; volume++) {
		assert_true(image_volume(r->image, volume)->is_readable);

		struct seen seen = walk(r, volume);

		assert_int_equal(seen.failed, 0);
		assert_in_range(seen.files, 40, NODES);
	}
	if (image_volume(r->image, 2)->is_readable)
		(void)walk(r, 2);
	else
		assert_true(image_volume(r->image, 2)->notice[0] != '\0');
}

static void what_ends_a_reader_harms_nobody_else(void **state)
{
	struct real *r = *state;
	DIR *folder = opendir(CRASHERS);
	const struct dirent *entry;
	unsigned tried = 0;

	if (!folder)
		fail_msg("%s is not here: run from the root of the source", CRASHERS);
	while ((entry = readdir(folder))) {
		char path[512];
		uint8_t input[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", CRASHERS, entry->d_name);
		FILE *file = fopen(path, "rb");

		assert_non_null(file);
		size_t length = fread(input, 1, sizeof(input), file);

		fclose(file);
		assert_true(length > 0);
		try_one(r, entry->d_name, input, length);
		tried++;
	}
	closedir(folder);
	assert_in_range(tried, 1, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_ends_a_reader_harms_nobody_else, real_setup,
						real_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
