/* ISO 9660: what genisoimage made of a folder is that folder again, by Rock Ridge's names and Joliet's; harmed discs harm nobody. */
#include "fs/image/reader/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 2048
#define DEPTH  16

struct disc {
	uint8_t *bytes;
	size_t length;
	struct blocks blocks;
	struct tree *tree;
	const char *notice;
	unsigned files, folders, links, errors;
	bool is_foreign; /* Joliet: no links, no rights */
};

static char folder[] = "/tmp/bailee-iso-XXXXXX";
static bool has_tool;

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	const struct disc *disc = context;

	if (offset + length > disc->length)
		return EIO;
	*out_bytes = disc->bytes + offset;
	return 0;
}

static int run(const char *script)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd %s && (%s) >/dev/null 2>&1", folder, script);
	return system(line);
}

static uint8_t *file_read(const char *path, size_t *out_length)
{
	struct stat stat;
	FILE *file = fopen(path, "r");

	if (!file || fstat(fileno(file), &stat))
		fail_msg("cannot read what the disc was made of");
	uint8_t *bytes = malloc((size_t)stat.st_size + 1);
	*out_length = fread(bytes, 1, (size_t)stat.st_size, file);
	fclose(file);
	return bytes;
}

static void disc_open(struct disc *disc)
{
	blocks_init(&disc->blocks, disc->length, fetch, disc);
	disc->tree = NULL;
	if (iso_open(&disc->blocks, 0, disc->length, &disc->tree, &disc->notice))
		disc->tree = NULL;
}

static void disc_shut(struct disc *disc)
{
	if (disc->tree)
		disc->tree->ops->close(disc->tree);
	blocks_done(&disc->blocks);
}

static void disc_make(struct disc *disc, const char *options)
{
	char line[512], path[64];

	snprintf(line, sizeof(line), "genisoimage -quiet -input-charset utf-8 %s -o disc.iso src",
		 options);
	assert_int_equal(run(line), 0);
	snprintf(path, sizeof(path), "%s/disc.iso", folder);
	*disc = (struct disc){0};
	disc->bytes = file_read(path, &disc->length);
	disc_open(disc);
}

static void disc_done(struct disc *disc)
{
	disc_shut(disc);
	free(disc->bytes);
}

/* By map and by read; NULL: an error. The caller frees. */
static uint8_t *contents(struct disc *disc, uint64_t inode, size_t size)
{
	uint8_t *mapped = calloc(1, size + 1), *read = calloc(1, size + 1);
	struct runs runs = {0};
	size_t got = 0;
	int error = disc->tree->ops->map(disc->tree, inode, &runs);

	for (size_t i = 0; i < runs.count && !error; i++) {
		const struct wire_run *run = &runs.items[i];

		assert_true(run->file_offset + run->length <= size &&
			    run->image_offset + run->length <= disc->length);
		memcpy(mapped + run->file_offset, disc->bytes + run->image_offset, run->length);
	}
	runs_done(&runs);
	int again = disc->tree->ops->read(disc->tree, inode, 0, read, size, &got);
	assert_int_equal(error != 0, again != 0);
	if (!error)
		assert_true(got == size && !memcmp(mapped, read, size));
	free(read);
	if (!error)
		return mapped;
	free(mapped);
	return NULL;
}

static void compare_file(struct disc *disc, uint64_t inode, const struct wire_attr *attr,
			 const char *path)
{
	size_t length = 0;
	uint8_t *wanted = file_read(path, &length), *found = contents(disc, inode, length);

	if (attr->size_bytes != length || !found || memcmp(wanted, found, length) != 0)
		fail_msg("'%s' is another one", path);
	free(wanted);
	free(found);
	disc->files++;
}

static void compare_link(struct disc *disc, uint64_t inode, const char *path)
{
	char wanted[5000], found[5000];
	size_t length = 0;
	ssize_t bytes = readlink(path, wanted, sizeof(wanted));

	assert_int_equal(disc->tree->ops->link(disc->tree, inode, found, sizeof(found), &length),
			 0);
	if (bytes != (ssize_t)length || memcmp(wanted, found, length) != 0)
		fail_msg("'%s' leads elsewhere: %.*s", path, (int)length, found);
	disc->links++;
}

static void compare_one(struct disc *disc, const struct listed *item, const char *path)
{
	struct wire_attr attr;
	struct stat stat;

	if (lstat(path, &stat))
		fail_msg("'%s' is not what the disc was made of", path);
	assert_int_equal(disc->tree->ops->stat(disc->tree, item->inode, &attr), 0);
	if ((attr.mode & S_IFMT) != (stat.st_mode & S_IFMT) && !S_ISLNK(stat.st_mode))
		fail_msg("'%s' is of another type", path);
	if (!disc->is_foreign) {
		assert_int_equal(attr.mode, stat.st_mode);
		assert_int_equal(attr.mtime_ns / 1000000000, stat.st_mtime);
	}
	if (S_ISLNK(attr.mode))
		compare_link(disc, item->inode, path);
	else if (S_ISREG(attr.mode))
		compare_file(disc, item->inode, &attr, path);
}

/* What is a folder is looked into by the caller, in a list of its own: no recursion. */
struct todo {
	uint64_t inode;
	char path[1500];
};

static void compare_all(struct disc *disc)
{
	struct todo *todo = calloc(64, sizeof(*todo));
	size_t count = 1;

	assert_non_null(todo);
	todo[0].inode = disc->tree->root;
	snprintf(todo[0].path, sizeof(todo[0].path), "%s/src", folder);
	for (size_t i = 0; i < count; i++, disc->folders++) {
		struct listing found;

		listing_init(&found, (const uint8_t[READER_KEY]){1});
		assert_int_equal(disc->tree->ops->list(disc->tree, todo[i].inode, &found), 0);
		for (size_t k = 0; k < found.count; k++) {
			struct wire_attr attr;
			char path[2000];

			snprintf(path, sizeof(path), "%s/%.*s", todo[i].path,
				 (int)found.items[k].name_length,
				 found.names + found.items[k].name);
			/* What mkisofs moves deep folders into. */
			if (strstr(path, "/rr_moved"))
				continue;
			compare_one(disc, &found.items[k], path);
			assert_int_equal(
				disc->tree->ops->stat(disc->tree, found.items[k].inode, &attr), 0);
			if (S_ISDIR(attr.mode) && count < 64) {
				todo[count].inode = found.items[k].inode;
				memcpy(todo[count++].path, path, sizeof(todo[0].path) - 1);
			}
		}
		listing_done(&found);
	}
	free(todo);
}

static void rock_ridge_is_the_folder_it_was_made_of(void **state BL_UNUSED)
{
	static const char *const options[] = {"-R", "-R -J -joliet-long", "-R -U"};

	if (!has_tool)
		skip();
	for (size_t i = 0; i < BL_COUNT(options); i++) {
		struct disc disc;

		print_message("genisoimage %s\n", options[i]);
		disc_make(&disc, options[i]);
		if (!disc.tree)
			fail_msg("%s", disc.notice);
		compare_all(&disc);
		assert_int_equal(disc.files, 13 + 60);
		assert_int_equal(disc.folders, 1 + 2 + 10);
		assert_int_equal(disc.links, 6);
		disc_done(&disc);
	}
}

static void joliet_is_the_folder_it_was_made_of(void **state BL_UNUSED)
{
	struct disc disc;

	if (!has_tool)
		skip();
	/* Links and what Joliet cannot name are left out. */
	disc_make(&disc, "-J -joliet-long -m 'link*' -m deep -m nnn* -m 'a;1'");
	disc.is_foreign = true;
	assert_non_null(disc.tree);
	compare_all(&disc);
	assert_int_equal(disc.files, 10 + 60);
	disc_done(&disc);
}

static void expect_listed(struct disc *disc, const char *name)
{
	struct listing found;
	bool is_there = false;

	listing_init(&found, (const uint8_t[READER_KEY]){1});
	assert_int_equal(disc->tree->ops->list(disc->tree, disc->tree->root, &found), 0);
	for (size_t k = 0; k < found.count; k++)
		is_there |= found.items[k].name_length == strlen(name) &&
			    !memcmp(found.names + found.items[k].name, name, strlen(name));
	if (!is_there)
		fail_msg("'%s' is not listed", name);
	listing_done(&found);
}

static void plain_names_lose_their_version_only(void **state BL_UNUSED)
{
	struct disc disc;

	if (!has_tool)
		skip();
	disc_make(&disc, "-m deep");
	assert_non_null(disc.tree);
	expect_listed(&disc, "SIZE_1");
	expect_listed(&disc, "DOUBLE_D.TGZ");
	disc_done(&disc);
}

static int list_root(struct disc *disc)
{
	struct listing found;

	listing_init(&found, (const uint8_t[READER_KEY]){1});
	int error = disc->tree->ops->list(disc->tree, disc->tree->root, &found);
	listing_done(&found);
	return error;
}

/* Two records of one file, as of files over 4 GiB. */
static void file_of_several_sections_is_one(void **state BL_UNUSED)
{
	static const char names[] = "SIZE_4096.;1";
	struct disc disc;
	uint8_t *record = NULL;

	if (!has_tool)
		skip();
	disc_make(&disc, "-l -m deep");
	assert_non_null(disc.tree);
	disc_shut(&disc);
	for (size_t i = 0; i + 64 < disc.length && !record; i++)
		if (!memcmp(disc.bytes + i, names, sizeof(names) - 1))
			record = disc.bytes + i - 33;
	if (!record)
		abort();
	/* The file behind it becomes its second section. */
	uint8_t *second = record + record[0];
	assert_int_equal(second[0], record[0]);
	memcpy(second + 33, record + 33, record[32]);
	record[25] |= 0x80;
	uint32_t more = bl_get32(second + 10);
	disc_open(&disc);
	assert_non_null(disc.tree);
	assert_int_equal(list_root(&disc), 0);
	struct wire_attr attr;
	uint64_t inode = (uint64_t)(record - disc.bytes);
	assert_int_equal(disc.tree->ops->stat(disc.tree, inode, &attr), 0);
	assert_int_equal(attr.size_bytes, 4096 + more);
	uint8_t *bytes = contents(&disc, inode, (size_t)attr.size_bytes);
	assert_non_null(bytes);
	assert_memory_equal(bytes, disc.bytes + (size_t)bl_get32(record + 2) * SECTOR, 4096);
	assert_memory_equal(bytes + 4096, disc.bytes + (size_t)bl_get32(second + 2) * SECTOR, more);
	free(bytes);
	/* A section that is not full, or of another name, is damage. */
	bl_put32(record + 10, 4095);
	disc_shut(&disc);
	disc_open(&disc);
	assert_int_equal(disc.tree->ops->stat(disc.tree, inode, &attr), EIO);
	bl_put32(record + 10, 4096);
	second[33] ^= 1;
	disc_shut(&disc);
	disc_open(&disc);
	assert_int_not_equal(disc.tree->ops->stat(disc.tree, inode, &attr), 0);
	/* And the other name is not left out of the list as if it were a section. */
	assert_int_equal(list_root(&disc), EIO);
	disc_done(&disc);
}

/* The first @bytes in the disc, behind @from. */
static uint8_t *find(struct disc *disc, size_t from, const char *bytes)
{
	uint8_t *found = memmem(disc->bytes + from, disc->length - from, bytes, strlen(bytes));

	if (!found)
		fail_msg("no '%s' on the disc", bytes);
	return found;
}

/* ECMA-119, 6.8.1: a folder has one section. What is in a second one would be left out. */
static void folder_of_several_sections_is_damaged(void **state BL_UNUSED)
{
	struct disc disc;
	struct wire_attr attr;

	if (!has_tool)
		skip();
	disc_make(&disc, "-l -m deep");
	assert_non_null(disc.tree);
	uint8_t *record = find(&disc, 16 * SECTOR, "MANY") - 33;
	/* The table of paths has the name, too. */
	while (!(record[25] & 2) || record[32] != 4)
		record = find(&disc, (size_t)(record - disc.bytes) + 40, "MANY") - 33;
	uint64_t inode = (uint64_t)(record - disc.bytes);
	assert_int_equal(disc.tree->ops->stat(disc.tree, inode, &attr), 0);
	record[25] |= 0x80;
	disc_shut(&disc);
	disc_open(&disc);
	assert_int_equal(disc.tree->ops->stat(disc.tree, inode, &attr), EIO);
	disc_done(&disc);
}

static void name_that_goes_on_nowhere_is_no_name(void **state BL_UNUSED)
{
	struct disc disc;

	if (!has_tool)
		skip();
	disc_make(&disc, "-R -m deep");
	assert_non_null(disc.tree);
	uint8_t *entry = find(&disc, 16 * SECTOR, "size_4097") - 5;
	assert_memory_equal(entry, "NM", 2);
	assert_int_equal(list_root(&disc), 0);
	entry[4] |= 1;
	disc_shut(&disc);
	disc_open(&disc);
	assert_int_equal(list_root(&disc), EIO);
	disc_done(&disc);
}

static void ask_harmed(struct disc *disc)
{
	uint64_t todo[64];
	size_t count = 1;

	todo[0] = disc->tree->root;
	for (size_t i = 0; i < count; i++) {
		struct listing found;

		listing_init(&found, (const uint8_t[READER_KEY]){1});
		if (disc->tree->ops->list(disc->tree, todo[i], &found))
			disc->errors++;
		for (size_t k = 0; k < found.count; k++) {
			struct wire_attr attr;
			char link[5000];
			size_t length = 0;
			uint64_t inode = found.items[k].inode;

			if (disc->tree->ops->stat(disc->tree, inode, &attr)) {
				disc->errors++;
				continue;
			}
			if (S_ISDIR(attr.mode) && count < BL_COUNT(todo))
				todo[count++] = inode;
			else if (S_ISLNK(attr.mode))
				disc->errors += disc->tree->ops->link(disc->tree, inode, link,
								      sizeof(link), &length) != 0;
			else if (S_ISREG(attr.mode) && attr.size_bytes < 1 << 20)
				free(contents(disc, inode, (size_t)attr.size_bytes));
		}
		listing_done(&found);
	}
}

static void harmed_discs_harm_nobody(void **state BL_UNUSED)
{
	static const char *const options[] = {"-R", "-J -joliet-long -m 'a;1' -m nnn* -m deep"};
	uint64_t random = 11;
	unsigned errors = 0;

	if (!has_tool)
		skip();
	for (size_t i = 0; i < BL_COUNT(options); i++) {
		struct disc disc;

		disc_make(&disc, options[i]);
		disc_shut(&disc);
		uint8_t *good = malloc(disc.length);
		memcpy(good, disc.bytes, disc.length);
		for (unsigned round = 0; round < 400; round++) {
			memcpy(disc.bytes, good, disc.length);
			for (unsigned k = 0; k < 20; k++) {
				random = random * UINT64_C(6364136223846793005) +
					 1442695040888963407u;
				disc.bytes[16 * SECTOR + (random >> 24) % (60 * SECTOR)] =
					(uint8_t)(random >> 16);
			}
			disc_open(&disc);
			if (disc.tree)
				ask_harmed(&disc);
			disc_shut(&disc);
		}
		errors += disc.errors;
		free(good);
		free(disc.bytes);
	}
	print_message("%u errors of harmed discs\n", errors);
	assert_int_not_equal(errors, 0);
}

static int set_up(void **state BL_UNUSED)
{
	has_tool = system("command -v genisoimage >/dev/null 2>&1") == 0;
	if (!mkdtemp(folder))
		return -1;
	/* 13 files, 60 more, 2 folders with 10 below one another, 6 links */
	return run("mkdir -p src/many src/deep/1/2/3/4/5/6/7/8/9/10; cd src; "
		   "for n in 0 1 2047 2048 2049 4096; do head -c $n /dev/urandom >size-$n; done; "
		   "mv size-1 size_1; mv size-4096 size_4096; head -c 999 /dev/urandom >size_4097; "
		   "echo a >'A Long name with UPPER and lower.jpeg'; echo b >double.dot.tar.gz; "
		   "echo c >'ümläut é.txt'; echo d >$(printf 'n%.0s' $(seq 240)); echo e >'a;1'; "
		   "i=0; while [ $i -lt 60 ]; do echo $i >many/file-number-$i; i=$((i+1)); done; "
		   "echo f >deep/1/2/3/4/5/6/7/8/9/10/bottom; chmod 600 size-2048; "
		   "ln -s size_1 link1; ln -s /etc/./../x link2; ln -s . link3; ln -s / link4; "
		   "ln -s ../many/file-number-1 many/link5; "
		   "ln -s $(printf 'part%.0s/' $(seq 20))end link6");
}

static int tear_down(void **state BL_UNUSED)
{
	char line[64];

	snprintf(line, sizeof(line), "rm -rf %s", folder);
	return system(line);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rock_ridge_is_the_folder_it_was_made_of),
		cmocka_unit_test(joliet_is_the_folder_it_was_made_of),
		cmocka_unit_test(plain_names_lose_their_version_only),
		cmocka_unit_test(file_of_several_sections_is_one),
		cmocka_unit_test(folder_of_several_sections_is_damaged),
		cmocka_unit_test(name_that_goes_on_nowhere_is_no_name),
		cmocka_unit_test(harmed_discs_harm_nobody),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
