/* The real program, asked over the wire by a tiny parent, over images made here and hostile copies of them. */
#include "tests/unit/fs/image/reader/make-tables.h"
#include "tests/unit/fs/image/reader/tiny-parent.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <sodium.h>
#include <sys/stat.h>

#define MIB	   (UINT64_C(1) << 20)
#define FOUND_ROOM 20000
#define DEPTH	   8

struct found {
	char path[512];
	struct wire_attr attr;
	uint64_t inode;
	char digest[crypto_hash_sha256_BYTES * 2 + 1];
};

struct walk {
	struct parent parent;
	struct wire_volume volumes[128];
	size_t volume_count;
	struct found *items;
	size_t count;
	unsigned errors, runs;
	unsigned known; /* files whose attributes say where they lie */
	bool is_hashing;
};

static char folder[] = "/tmp/bailee-reader-XXXXXX";

/* ---- making things ---- */

static void path_in(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", folder, name);
}

static bool have(const char *tool)
{
	char line[256];

	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin command -v %s >/dev/null 2>&1",
		 tool);
	return system(line) == 0;
}

/* Run in the folder; what the tools say is nobody's business. */
static void run(const char *script)
{
	char line[4096];

	snprintf(line, sizeof(line),
		 "cd %s && export PATH=$PATH:/sbin:/usr/sbin MTOOLS_SKIP_CHECK=1 && (%s) "
		 ">/dev/null 2>&1",
		 folder, script);
	if (system(line) != 0)
		fail_msg("cannot run: %s", script);
}

static void make_file(const char *name, uint64_t size)
{
	char path[256];
	uint64_t state = size + 1;

	path_in(path, sizeof(path), name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (uint64_t i = 0; i < size; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		fputc((int)(state >> 56), file);
	}
	assert_int_equal(fclose(file), 0);
}

static void make_sources(void)
{
	run("mkdir -p src/dir/sub src/many");
	make_file("src/small", 53);
	make_file("src/empty", 0);
	make_file("src/large", 3000001);
	make_file("src/dir/page", 4096);
	make_file("src/dir/sub/deep", 70000);
	run("i=0; while [ $i -lt 3000 ]; do echo $i > src/many/file-$i; i=$((i+1)); done");
	run("ln -s small src/link; ln -s $(printf 'x%.0s' $(seq 1 200)) src/long-link");
	run("truncate -s 1M src/sparse; printf end >> src/sparse");
}

static int image_open_named(const char *name, uint64_t *out_bytes)
{
	char path[256];
	struct stat stat;

	if (name[0] == '/')
		snprintf(path, sizeof(path), "%s", name);
	else
		path_in(path, sizeof(path), name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat))
		fail_msg("cannot open '%s'", name);
	*out_bytes = (uint64_t)stat.st_size;
	return fd;
}

static void put(int fd, uint64_t offset, const void *bytes, size_t length)
{
	assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
}

/* ---- walking an image ---- */

static int ask(struct walk *walk, enum wire_op op, uint32_t volume, uint64_t inode, uint64_t offset,
	       uint64_t length, struct wire_message *out)
{
	struct wire_message message = {
		.op = (uint16_t)op,
		.volume = volume,
		.inode = inode,
		.offset = offset,
		.length = length,
	};
	/* Lanes in turn: no answer may depend on which one is asked. */
	return parent_ask(&walk->parent, walk->parent.serial % WIRE_LANES, message, out);
}

static const uint8_t *answer_of(struct walk *walk)
{
	return walk->parent.data[(walk->parent.serial - 1) % WIRE_LANES];
}

static bool walk_start(struct walk *walk, const char *name)
{
	uint64_t bytes = 0;
	int fd = image_open_named(name, &bytes);
	struct wire_message reply;

	*walk = (struct walk){.is_hashing = true};
	walk->items = calloc(FOUND_ROOM, sizeof(*walk->items));
	assert_non_null(walk->items);
	if (!parent_start(&walk->parent, fd, bytes))
		fail_msg("reader did not start: status %d", walk->parent.wait_status);
	if (ask(walk, WIRE_OPEN, 0, 0, 0, 0, &reply))
		return false;
	walk->volume_count = reply.length / sizeof(struct wire_volume);
	assert_in_range(walk->volume_count, 1, 128);
	memcpy(walk->volumes, answer_of(walk), reply.length);
	return true;
}

static void walk_stop(struct walk *walk)
{
	parent_stop(&walk->parent);
	close(walk->parent.image);
	free(walk->items);
}

/* What the attributes say of a file in one piece is its map, to the byte. */
static void check_known(struct walk *walk, const struct found *file, const struct wire_run *runs,
			size_t count)
{
	const struct wire_attr *attr = &file->attr;

	if (!attr->lies_at)
		return;
	walk->known++;
	if (attr->size_bytes == 0
		    ? count != 0
		    : count != 1 || runs->file_offset != 0 || runs->image_offset != attr->lies_at ||
			      runs->length != attr->size_bytes)
		walk->errors++;
}

static int file_by_map(struct walk *walk, uint32_t volume, const struct found *file, uint8_t *out)
{
	struct wire_message reply;
	uint64_t index = 0;

	memset(out, 0, file->attr.size_bytes);
	do {
		int error = ask(walk, WIRE_MAP, volume, file->inode, index, 0, &reply);
		const struct wire_run *runs = (const struct wire_run *)answer_of(walk);

		if (error) {
			walk->errors += file->attr.lies_at != 0;
			return error;
		}
		if (!index)
			check_known(walk, file, runs, reply.length / sizeof(*runs));
		for (size_t i = 0; i < reply.length / sizeof(*runs); i++) {
			if (runs[i].file_offset + runs[i].length > file->attr.size_bytes ||
			    pread(walk->parent.image, out + runs[i].file_offset, runs[i].length,
				  (off_t)runs[i].image_offset) != (ssize_t)runs[i].length)
				return -1;
			walk->runs++;
		}
		index = reply.offset;
	} while (index);
	return 0;
}

static int file_by_reads(struct walk *walk, uint32_t volume, const struct found *file, uint8_t *out)
{
	struct wire_message reply;

	for (uint64_t at = 0; at < file->attr.size_bytes; at += WIRE_UNIT) {
		int error = ask(walk, WIRE_READ, volume, file->inode, at, WIRE_UNIT, &reply);

		if (error)
			return error;
		if (reply.length != BL_MIN((uint64_t)WIRE_UNIT, file->attr.size_bytes - at))
			return -1;
		memcpy(out + at, answer_of(walk), reply.length);
	}
	return 0;
}

/* Both ways must agree, where there are two. */
static void file_hash(struct walk *walk, uint32_t volume, struct found *file)
{
	uint64_t size = file->attr.size_bytes;
	uint8_t digest[crypto_hash_sha256_BYTES];

	if (size > 256 * MIB) {
		walk->errors++;
		return;
	}
	uint8_t *mapped = malloc(size + 1), *read = malloc(size + 1);
	int by_map = file_by_map(walk, volume, file, mapped);
	int by_read = file_by_reads(walk, volume, file, read);
	if (by_read || (by_map && by_map != ENODATA) ||
	    (!by_map && memcmp(mapped, read, size) != 0)) {
		walk->errors++;
	} else {
		crypto_hash_sha256(digest, read, size);
		sodium_bin2hex(file->digest, sizeof(file->digest), digest, sizeof(digest));
	}
	free(mapped);
	free(read);
}

static void take_page(struct walk *walk, const uint8_t *page, size_t length, const char *above)
{
	for (size_t at = 0; at < length && walk->count < FOUND_ROOM;) {
		struct wire_entry entry;
		struct found *found = &walk->items[walk->count++];

		memcpy(&entry, page + at, sizeof(entry));
		assert_in_range(entry.name_length, 1, 255);
		assert_in_range(entry.record_length, sizeof(entry) + entry.name_length,
				length - at);
		found->inode = entry.inode;
		found->attr = entry.attr;
		if (!entry.has_attr)
			walk->errors++;
		snprintf(found->path, sizeof(found->path), "%s%s%.*s", above, *above ? "/" : "",
			 (int)entry.name_length, (const char *)page + at + sizeof(entry));
		at += entry.record_length;
	}
}

static int list_folder(struct walk *walk, uint32_t volume, uint64_t inode, const char *above)
{
	struct wire_message reply;
	uint64_t cursor = 0;

	do {
		int error = ask(walk, WIRE_LIST, volume, inode, cursor, 0, &reply);

		if (error)
			return error;
		assert_in_range(reply.length, 0, WIRE_WINDOW);
		take_page(walk, answer_of(walk), reply.length, above);
		cursor = reply.offset;
	} while (cursor && walk->count < FOUND_ROOM);
	return 0;
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 1;

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static void walk_volume(struct walk *walk, uint32_t volume)
{
	size_t next = walk->count;

	if (list_folder(walk, volume, walk->volumes[volume].root, ""))
		walk->errors++;
	for (; next < walk->count && !walk->parent.is_dead; next++) {
		struct found *item = &walk->items[next];

		if (S_ISDIR(item->attr.mode) && depth_of(item->path) < DEPTH) {
			char above[512];

			memcpy(above, item->path, sizeof(above));
			if (list_folder(walk, volume, item->inode, above))
				walk->errors++;
		} else if (S_ISREG(item->attr.mode) && walk->is_hashing) {
			file_hash(walk, volume, item);
		}
	}
}

static const struct found *find(const struct walk *walk, const char *path)
{
	for (size_t i = 0; i < walk->count; i++)
		if (!strcmp(walk->items[i].path, path))
			return &walk->items[i];
	return NULL;
}

static const struct found *find_or_fail(const struct walk *walk, const char *path)
{
	const struct found *found = find(walk, path);

	if (!found) {
		fail_msg("'%s' is not listed", path);
		abort(); /* never reached: cmocka does not say so to the compiler */
	}
	return found;
}

/* ---- comparing with the files it was made of ---- */

static void digest_file(const char *path, char *out, size_t size, uint64_t *out_bytes)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	int fd = image_open_named(path, out_bytes);
	uint8_t *bytes = malloc(*out_bytes + 1);

	assert_int_equal(pread(fd, bytes, *out_bytes, 0), *out_bytes);
	crypto_hash_sha256(digest, bytes, *out_bytes);
	sodium_bin2hex(out, size, digest, sizeof(digest));
	free(bytes);
	close(fd);
}

static void expect_file(const struct walk *walk, const char *path)
{
	char source[256], digest[crypto_hash_sha256_BYTES * 2 + 1];
	const struct found *found = find_or_fail(walk, path);
	uint64_t bytes = 0;

	snprintf(source, sizeof(source), "src/%s", path);
	digest_file(source, digest, sizeof(digest), &bytes);
	if (found->attr.size_bytes != bytes || strcmp(found->digest, digest) != 0)
		fail_msg("'%s': %llu bytes, digest '%s'", path,
			 (unsigned long long)found->attr.size_bytes, found->digest);
}

static void expect_link(struct walk *walk, const char *path, size_t length)
{
	const struct found *found = find_or_fail(walk, path);
	struct wire_message reply;

	assert_true(S_ISLNK(found->attr.mode));
	assert_int_equal(ask(walk, WIRE_LINK, 0, found->inode, 0, 0, &reply), 0);
	assert_int_equal(reply.length, length);
}

static void expect_clean_end(struct walk *walk)
{
	assert_int_equal(walk->errors, 0);
	assert_false(walk->parent.is_dead);
	walk_stop(walk);
	assert_int_equal(walk->parent.wait_status, 0);
}

static void expect_type(const struct walk *walk, size_t volume, uint32_t number, const char *type,
			bool is_readable)
{
	const struct wire_volume *at = &walk->volumes[volume];

	if (at->number != number || strcmp(at->type, type) != 0 ||
	    (at->is_readable != 0) != is_readable)
		fail_msg("volume %zu is number %u, '%s', readable %u: %s", volume, at->number,
			 at->type, at->is_readable, at->notice);
}

/* ---- tests ---- */

static void ext_holds_what_it_was_made_of(void **state BL_UNUSED)
{
	static const struct {
		const char *type, *options;
	} rows[] = {
		{"ext2", "-t ext2 -b 1024"},
		{"ext2", "-t ext2 -r 0"},
		{"ext3", "-t ext3"},
		{"ext4", "-t ext4"},
		{"ext4", "-t ext4 -O inline_data,^metadata_csum -I 256"},
		{"ext4", "-t ext4 -O bigalloc -C 16384"},
	};

	if (!have("mke2fs"))
		skip();
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct walk walk;
		char script[256];

		print_message("mke2fs %s\n", rows[i].options);
		snprintf(script, sizeof(script),
			 "rm -f ext.img; mke2fs -F -q %s -N 8000 -d src ext.img 80M",
			 rows[i].options);
		run(script);
		assert_true(walk_start(&walk, "ext.img"));
		assert_int_equal(walk.volume_count, 1);
		expect_type(&walk, 0, 0, rows[i].type, true);
		walk_volume(&walk, 0);
		/* Nearly all of them are in one piece; none of those inside their inodes. */
		assert_in_range(walk.known, strstr(rows[i].options, "inline") ? 3 : 3000, 3100);
		expect_file(&walk, "small");
		expect_file(&walk, "empty");
		expect_file(&walk, "large");
		expect_file(&walk, "sparse");
		expect_file(&walk, "dir/page");
		expect_file(&walk, "dir/sub/deep");
		expect_file(&walk, "many/file-2999");
		expect_link(&walk, "link", 5);
		expect_link(&walk, "long-link", 200);
		assert_int_equal(walk.count, 12 + 3000); /* lost+found among them */
		expect_clean_end(&walk);
	}
}

/*
 * a.img with a journal that holds what makes it b.img (one file more): blocks that differ go into one committed
 * transaction; garbage over a file's block is then committed and revoked, and once more written without a commit.
 */
static bool unclean_make(const char *open_options, uint64_t *out_changed)
{
	char path[512];
	uint8_t one[4096], two[4096];

	if (!have("mke2fs") || !have("debugfs"))
		return false;
	run("rm -f a.img b.img; mke2fs -F -q -t ext4 -b 4096 -d src -N 8000 a.img 64M; cp a.img "
	    "b.img; "
	    "debugfs -w -R 'write src/dir/sub/deep added' b.img; "
	    "debugfs -R 'blocks dir/page' a.img > page.block; "
	    "head -c 4096 src/large > garbage");
	path_in(path, sizeof(path), "commands");
	FILE *commands = fopen(path, "w");
	path_in(path, sizeof(path), "changed");
	FILE *changed = fopen(path, "w");
	uint64_t bytes = 0;
	int a = image_open_named("a.img", &bytes), b = image_open_named("b.img", &bytes);

	assert_non_null(commands);
	assert_non_null(changed);
	fprintf(commands, "jo %s\njw -b ", open_options);
	*out_changed = 0;
	for (uint64_t at = 0; at + sizeof(one) <= bytes; at += sizeof(one)) {
		assert_int_equal(pread(a, one, sizeof(one), (off_t)at), sizeof(one));
		assert_int_equal(pread(b, two, sizeof(two), (off_t)at), sizeof(two));
		if (!memcmp(one, two, sizeof(one)))
			continue;
		fprintf(commands, "%s%llu", *out_changed ? "," : "",
			(unsigned long long)(at / sizeof(one)));
		fwrite(two, sizeof(two), 1, changed);
		++*out_changed;
	}
	fprintf(commands, " %s/changed\njc\n", folder);
	close(a);
	close(b);
	assert_int_equal(fclose(commands), 0);
	assert_int_equal(fclose(changed), 0);
	snprintf(path, sizeof(path),
		 "P=$(tr -d ' ' < page.block); printf 'jo %s\\njw -b %%s %s/garbage\\njw -r %%s\\n"
		 "jw -b %%s -c %s/garbage\\njc\\n' $P $P $P > more",
		 open_options, folder, folder);
	run(path);
	return true;
}

static void unclean_journal_is_replayed(void **state BL_UNUSED)
{
	static const char *const options[] = {"", "-c", "-c -v 2"};

	for (size_t i = 0; i < BL_COUNT(options); i++) {
		struct walk walk;
		uint64_t changed = 0;

		if (!unclean_make(options[i], &changed))
			skip();
		print_message("journal of %llu blocks, options '%s'\n", (unsigned long long)changed,
			      options[i]);
		assert_in_range(changed, 4, 100);
		run("debugfs -w -f commands a.img; cp src/dir/sub/deep src/added");
		assert_true(walk_start(&walk, "a.img"));
		expect_type(&walk, 0, 0, "ext4", true);
		walk_volume(&walk, 0);
		expect_file(&walk, "added");
		expect_file(&walk, "large");
		expect_file(&walk, "dir/page");
		expect_clean_end(&walk);
		run("rm src/added; debugfs -w -f more a.img");
		assert_true(walk_start(&walk, "a.img"));
		walk_volume(&walk, 0);
		expect_file(&walk, "dir/page");
		expect_clean_end(&walk);
	}
}

static void damaged_journal_is_named_and_not_shown(void **state BL_UNUSED)
{
	struct walk walk;
	uint64_t changed = 0, bytes = 0;
	uint8_t wanted[4096], found[4096];
	char path[256];

	if (!unclean_make("-c", &changed))
		skip();
	run("debugfs -w -f commands a.img");
	int from = image_open_named("changed", &bytes);
	/* The last changed block holds contents of the added file: its only copy is in the journal. */
	assert_int_equal(pread(from, wanted, 4096, (off_t)((changed - 1) * 4096)), 4096);
	close(from);
	path_in(path, sizeof(path), "a.img");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned copies = 0;
	for (off_t at = 0; pread(fd, found, 4096, at) == 4096; at += 4096) {
		if (memcmp(wanted, found, 4096) != 0)
			continue;
		copies++;
		put(fd, (uint64_t)at + 100, "damage", 6);
	}
	close(fd);
	assert_in_range(copies, 1, 3);
	assert_true(walk_start(&walk, "a.img"));
	expect_type(&walk, 0, 0, "ext", false);
	assert_non_null(strstr(walk.volumes[0].notice, "unclean journal"));
	expect_clean_end(&walk);
}

static void fat_holds_what_it_was_made_of(void **state BL_UNUSED)
{
	static const struct {
		const char *type, *options, *size;
	} rows[] = {
		{"fat12", "-F 12 -s 16 -n CUSTOMER", "20M"},
		{"fat16", "-F 16 -s 4", "40M"},
		{"fat32", "-F 32 -s 1 -n A-LABEL", "64M"},
	};

	if (!have("mkfs.vfat") || !have("mcopy"))
		skip();
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct walk walk;
		char script[512];

		print_message("mkfs.vfat %s\n", rows[i].options);
		snprintf(script, sizeof(script),
			 "rm -f fat.img; truncate -s %s fat.img; mkfs.vfat %s fat.img; "
			 "mcopy -s -i fat.img src/small src/empty src/large src/dir ::; "
			 "mcopy -i fat.img src/small '::a rather long name, Vol.txt'; "
			 "mcopy -i fat.img src/small ::gone.txt; mdel -i fat.img ::gone.txt",
			 rows[i].size, rows[i].options);
		run(script);
		assert_true(walk_start(&walk, "fat.img"));
		expect_type(&walk, 0, 0, rows[i].type, true);
		walk_volume(&walk, 0);
		expect_file(&walk, "small");
		expect_file(&walk, "empty");
		expect_file(&walk, "large");
		expect_file(&walk, "dir/page");
		expect_file(&walk, "dir/sub/deep");
		assert_non_null(find(&walk, "a rather long name, Vol.txt"));
		if (walk.count != 8)
			for (size_t k = 0; k < walk.count; k++)
				print_message("  %s\n", walk.items[k].path);
		assert_int_equal(walk.count, 8);
		expect_clean_end(&walk);
	}
}

static void ntfs_holds_what_it_was_made_of(void **state BL_UNUSED)
{
	struct walk walk;

	if (!have("mkntfs") || !have("ntfscp"))
		skip();
	run("rm -f ntfs.img; truncate -s 24M ntfs.img; mkntfs -F -Q -q ntfs.img; "
	    "for f in small empty large sparse; do ntfscp -f ntfs.img src/$f $f || exit 1; done");
	assert_true(walk_start(&walk, "ntfs.img"));
	expect_type(&walk, 0, 0, "ntfs", true);
	walk_volume(&walk, 0);
	if (walk.count != 4)
		for (size_t k = 0; k < walk.count; k++)
			print_message("  %s\n", walk.items[k].path);
	expect_file(&walk, "small");
	expect_file(&walk, "empty");
	expect_file(&walk, "large");
	expect_file(&walk, "sparse");
	assert_int_equal(walk.count, 4);
	expect_clean_end(&walk);
}

static void put_entry(int fd, uint64_t table, unsigned index, unsigned type, uint32_t start,
		      uint32_t sectors)
{
	uint8_t entry[16] = {0};

	entry[4] = (uint8_t)type;
	bl_put32(entry + 8, start);
	bl_put32(entry + 12, sectors);
	put(fd, table + 446 + 16 * index, entry, sizeof(entry));
	put(fd, table + 510, "\x55\xaa", 2);
}

static int disk_make(void)
{
	char path[256];

	if (!have("mke2fs"))
		skip();
	run("rm -f part.img disk.img; mke2fs -F -q -t ext4 -d src -N 8000 part.img 24M; "
	    "truncate -s 80M disk.img; dd if=part.img of=disk.img bs=512 seek=2048 conv=notrunc; "
	    "dd if=part.img of=disk.img bs=512 seek=69632 conv=notrunc");
	path_in(path, sizeof(path), "disk.img");
	return open(path, O_RDWR | O_CLOEXEC);
}

static void expect_two_equal_parts(uint32_t first, uint32_t second, size_t at_first,
				   size_t at_second)
{
	struct walk walk;

	assert_true(walk_start(&walk, "disk.img"));
	expect_type(&walk, at_first, first, "ext4", true);
	expect_type(&walk, at_second, second, "ext4", true);
	walk_volume(&walk, (uint32_t)at_second);
	expect_file(&walk, "large");
	expect_file(&walk, "dir/sub/deep");
	assert_memory_equal(walk.volumes[at_first].digest, walk.volumes[at_second].digest, 32);
	expect_clean_end(&walk);
}

static void mbr_with_logical_partition_is_read(void **state BL_UNUSED)
{
	int fd = disk_make();

	put_entry(fd, 0, 0, 0x83, 2048, 49152);
	put_entry(fd, 0, 1, 0x05, 65536, 90000);
	put_entry(fd, UINT64_C(65536) * 512, 0, 0x83, 4096, 49152);
	close(fd);
	expect_two_equal_parts(1, 5, 0, 1);
}

/* Closes @fd. */
static void gpt_onto(int fd, const struct place *places, size_t count)
{
	uint8_t start[34 * 512] = {0};

	dos_put(start, 0, 0xee, 1, 163839);
	gpt_put(start, 512, 1, 2, places, count);
	put(fd, 0, start, sizeof(start));
	close(fd);
}

static void gpt_partition_keeps_its_number(void **state BL_UNUSED)
{
	static const struct place places[] = {{2048, 49152}, {69632, 49152}};

	gpt_onto(disk_make(), places, BL_COUNT(places));
	expect_two_equal_parts(1, 5, 0, 1);
}

static void unreadable_partitions_stand_beside_readable_ones(void **state BL_UNUSED)
{
	struct walk walk;
	int fd = disk_make();

	put_entry(fd, 0, 0, 0x83, 2048, 49152);
	put_entry(fd, 0, 1, 0x83, 69632, 40000);
	put_entry(fd, 0, 2, 0x07, 120000, 20000);
	put(fd, UINT64_C(69632) * 512, "LUKS\xba\xbe", 6);
	put(fd, UINT64_C(120000) * 512, "XFSB\0\0\x10", 8);
	close(fd);
	assert_true(walk_start(&walk, "disk.img"));
	assert_int_equal(walk.volume_count, 3);
	expect_type(&walk, 0, 1, "ext4", true);
	expect_type(&walk, 1, 2, "luks", false);
	expect_type(&walk, 2, 3, "xfs", false);
	assert_non_null(strstr(walk.volumes[1].notice, "encrypted"));
	expect_clean_end(&walk);
}

static void containers_are_named_not_called_empty(void **state BL_UNUSED)
{
	static const struct {
		const char *magic, *type;
		size_t length;
	} ROWS[] = {
		{"EVF\x09\x0d\x0a\xff", "ewf", 8},
		{"QFI\xfb", "qcow", 4},
		{"KDMV", "vmdk", 4},
		{"vhdxfile", "vhdx", 8},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct walk walk;
		int fd = disk_make();

		put(fd, 0, ROWS[i].magic, ROWS[i].length);
		close(fd);
		assert_true(walk_start(&walk, "disk.img"));
		assert_int_equal(walk.volume_count, 1);
		expect_type(&walk, 0, 0, ROWS[i].type, false);
		if (!strstr(walk.volumes[0].notice, "container"))
			fail_msg("%s: %s", ROWS[i].type, walk.volumes[0].notice);
		expect_clean_end(&walk);
	}
}

static void overlapping_partitions_are_not_opened(void **state BL_UNUSED)
{
	static const struct place places[] = {{2048, 49152}, {4096, 47104}};
	struct walk walk;

	gpt_onto(disk_make(), places, BL_COUNT(places));
	assert_true(walk_start(&walk, "disk.img"));
	assert_int_equal(walk.volume_count, 2);
	for (size_t i = 0; i < walk.volume_count; i++) {
		assert_int_equal(walk.volumes[i].is_readable, 0);
		assert_non_null(strstr(walk.volumes[i].notice, "overlaps"));
	}
	expect_clean_end(&walk);
}

static void ten_thousand_entries_are_listed_in_time(void **state BL_UNUSED)
{
	static const char *const images[] = {"big.img", "big-fat.img"};
	struct timespec begin, end;

	if (!have("mke2fs") || !have("mkfs.vfat") || !have("mcopy"))
		skip();
	run("mkdir -p big/d; cd big/d; seq 1 10000 | xargs touch; cd ../..; "
	    "rm -f big.img; mke2fs -F -q -t ext4 -N 12000 -d big big.img 32M; "
	    "rm -f big-fat.img; truncate -s 64M big-fat.img; mkfs.vfat -F 32 -s 1 big-fat.img; "
	    "mcopy -s -i big-fat.img big/d ::");
	for (size_t i = 0; i < BL_COUNT(images); i++) {
		struct walk walk;

		clock_gettime(CLOCK_MONOTONIC, &begin);
		assert_true(walk_start(&walk, images[i]));
		walk.is_hashing = false;
		walk_volume(&walk, 0);
		clock_gettime(CLOCK_MONOTONIC, &end);
		print_message("%s: %zu entries, %llu block requests, %ld ms\n", images[i],
			      walk.count, (unsigned long long)walk.parent.blocks,
			      (end.tv_sec - begin.tv_sec) * 1000 +
				      (end.tv_nsec - begin.tv_nsec) / 1000000);
		assert_in_range(walk.count, 10001, 10002);
		assert_in_range(walk.parent.blocks, 1, 1000);
		expect_clean_end(&walk);
	}
}

/* Digests of ../shared/images/MANIFEST.tsv. */
static void shared_images_hold_what_their_manifest_says(void **state BL_UNUSED)
{
	static const struct {
		const char *image;
		unsigned volume;
		const char *type, *path, *digest;
	} rows[] = {
#include "tests/unit/fs/image/reader/manifest.inc"
	};
	unsigned done = 0;

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char image[PATH_MAX + 64], script[2 * PATH_MAX + 256];
		struct walk walk;
		char root[PATH_MAX];

		if (!realpath("../shared/images/images", root))
			break;
		snprintf(image, sizeof(image), "%s/%s", root, rows[i].image);
		if (access(image, R_OK)) {
			snprintf(script, sizeof(script), "[ -f %s ] || xz -dc %s.xz > %s",
				 rows[i].image, image, rows[i].image);
			run(script);
			path_in(image, sizeof(image), rows[i].image);
		}
		assert_true(walk_start(&walk, image));
		expect_type(&walk, rows[i].volume, walk.volumes[rows[i].volume].number,
			    rows[i].type, true);
		walk.is_hashing = false;
		walk_volume(&walk, rows[i].volume);
		/* exFAT's own tables are no files of the customer. */
		assert_null(find(&walk, "$UPCASE_TABLE"));
		const struct found *found = find_or_fail(&walk, rows[i].path);
		struct found copy = *found;
		file_hash(&walk, rows[i].volume, &copy);
		if (strcmp(copy.digest, rows[i].digest) != 0)
			fail_msg("%s: row %zu differs", rows[i].image, i);
		walk_stop(&walk);
		done++;
	}
	if (!done)
		skip();
}

/* ---- hostile images ---- */

/* Whatever it says: in order, apart, in the image, and with an end. */
static void ask_ranges(struct walk *walk, enum wire_op op, uint32_t volume, uint64_t inode)
{
	struct wire_message reply;
	uint64_t end = 0, cursor = 0;

	do {
		if (ask(walk, op, volume, inode, cursor, 0, &reply))
			return;
		const struct wire_run *runs = (const struct wire_run *)answer_of(walk);
		for (size_t i = 0; i < reply.length / sizeof(*runs); i++) {
			assert_int_equal(runs[i].file_offset, 0);
			assert_true(runs[i].length > 0 && runs[i].image_offset >= end);
			end = runs[i].image_offset + runs[i].length;
			assert_true(end > runs[i].image_offset && end <= walk->parent.image_bytes);
		}
		assert_true(reply.offset == 0 || reply.offset > cursor);
		cursor = reply.offset;
	} while (cursor);
}

static void ask_places(struct walk *walk, uint32_t volume)
{
	ask_ranges(walk, WIRE_USED, volume, 0);
	for (size_t i = 0; i < walk->count && !walk->parent.is_dead; i++)
		if (S_ISREG(walk->items[i].attr.mode))
			ask_ranges(walk, WIRE_PLACES, volume, walk->items[i].inode);
}

static void expect_no_forbidden_call(const struct walk *walk, const char *image, unsigned round)
{
	int status = walk->parent.wait_status;

	if (walk->parent.is_dead && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		fail_msg("%s, round %u: a forbidden system call", image, round);
}

static void truncated_image_is_an_error_and_no_crash(void **state BL_UNUSED)
{
	struct walk walk;

	if (!have("mke2fs"))
		skip();
	run("rm -f ext.img; mke2fs -F -q -t ext4 -d src -N 8000 ext.img 48M; truncate -s 2M "
	    "ext.img");
	bool is_open = walk_start(&walk, "ext.img");
	if (is_open && walk.volumes[0].is_readable) {
		walk_volume(&walk, 0);
		assert_int_not_equal(walk.errors, 0);
	}
	assert_false(walk.parent.is_dead);
	walk_stop(&walk);
	run("truncate -s 700 ext.img");
	assert_true(walk_start(&walk, "ext.img"));
	assert_int_equal(walk.volumes[0].is_readable, 0);
	walk_stop(&walk);
}

static void flip_bytes(const char *image, unsigned seed, uint64_t within)
{
	char path[256];
	uint64_t state = seed * 2654435761u + 1;

	path_in(path, sizeof(path), image);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 30; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		uint8_t byte = (uint8_t)(state >> 33);
		/* Keep the first bytes of the boot sector: else nothing is opened at all. */
		put(fd, 11 + (state >> 16) % (within - 11), &byte, 1);
	}
	close(fd);
}

static void flipped_metadata_never_hangs_nor_escapes(void **state BL_UNUSED)
{
	static const struct {
		const char *image, *tool, *script;
		uint64_t within;
	} rows[] = {
		{"h-ext.img", "mke2fs",
		 "mke2fs -F -q -t ext4 -O ^metadata_csum -b 1024 -N 64 -d src/dir h-ext.img 2M",
		 65536},
		{"h-fat.img", "mcopy",
		 "truncate -s 2M h-fat.img; mkfs.vfat -F 12 h-fat.img; mcopy -s -i h-fat.img "
		 "src/small "
		 "src/dir ::",
		 16384},
		{"h-ntfs.img", "ntfscp",
		 "truncate -s 2M h-ntfs.img; mkntfs -F -Q -q -s 512 -c 4096 h-ntfs.img; ntfscp -f "
		 "h-ntfs.img src/dir/page page",
		 65536},
	};
	unsigned rounds = 0, deaths = 0;

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char copy[300];

		if (!have(rows[i].tool))
			continue;
		run(rows[i].script);
		snprintf(copy, sizeof(copy), "cp %s hostile.img", rows[i].image);
		for (unsigned round = 0; round < 70; round++) {
			struct walk walk;

			run(copy);
			flip_bytes("hostile.img", round, rows[i].within);
			if (walk_start(&walk, "hostile.img"))
				for (uint32_t v = 0; v < walk.volume_count && !walk.parent.is_dead;
				     v++)
					if (walk.volumes[v].is_readable) {
						walk_volume(&walk, v);
						ask_places(&walk, v);
					}
			expect_no_forbidden_call(&walk, rows[i].image, round);
			deaths += walk.parent.is_dead;
			walk_stop(&walk);
			rounds++;
		}
	}
	if (!rounds)
		skip();
	print_message("%u hostile images, %u readers lost\n", rounds, deaths);
	assert_in_range(deaths, 0, rounds / 4);
}

static void stale_superblock_does_not_hide_a_fat_volume(void **state BL_UNUSED)
{
	struct walk walk;
	char path[256];

	if (!have("mkfs.vfat") || !have("mcopy"))
		skip();
	run("rm -f fat.img; truncate -s 64M fat.img; mkfs.vfat -F 32 -s 1 fat.img; "
	    "mcopy -i fat.img src/small ::");
	path_in(path, sizeof(path), "fat.img");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	put(fd, 1080, "\x53\xef", 2);
	close(fd);
	assert_true(walk_start(&walk, "fat.img"));
	expect_type(&walk, 0, 0, "fat32", true);
	walk_volume(&walk, 0);
	expect_file(&walk, "small");
	expect_clean_end(&walk);
}

/* The value of one line of /proc/PID/status, every thread's the same. */
static void expect_status(pid_t pid, const char *key, unsigned long long value)
{
	char line[256], path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	unsigned threads = 0;

	assert_non_null(tasks);
	for (struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
		char file[400];
		unsigned long long found = ~0ull;

		if (task->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s/status", path, task->d_name);
		FILE *status = fopen(file, "r");
		assert_non_null(status);
		while (fgets(line, sizeof(line), status))
			if (!strncmp(line, key, strlen(key)))
				found = strtoull(line + strlen(key), NULL, 16);
		fclose(status);
		if (found != value)
			fail_msg("%s is %llx in thread %u", key, found, threads);
		threads++;
	}
	closedir(tasks);
	assert_int_equal(threads, WIRE_LANES);
}

static void every_thread_is_sealed_before_the_first_block(void **state BL_UNUSED)
{
	struct parent parent;
	uint64_t bytes = 0;

	run("truncate -s 1M zero.img");
	int fd = image_open_named("zero.img", &bytes);
	assert_true(parent_start(&parent, fd, bytes));
	assert_int_equal(parent.blocks, 0);
	expect_status(parent.pid, "Seccomp:", 2);
	expect_status(parent.pid, "NoNewPrivs:", 1);
	expect_status(parent.pid, "CapEff:", 0);
	expect_status(parent.pid, "CapPrm:", 0);
	parent_stop(&parent);
	close(fd);
}

static void nonsense_request_ends_the_reader(void **state BL_UNUSED)
{
	struct walk walk;
	struct wire_message bad = {.magic = 1};

	run("truncate -s 1M zero.img");
	assert_true(walk_start(&walk, "zero.img"));
	assert_int_equal(walk.volumes[0].is_readable, 0);
	assert_true(send(walk.parent.sockets[1], &bad, sizeof(bad), MSG_NOSIGNAL) > 0);
	assert_int_equal(waitpid(walk.parent.pid, &walk.parent.wait_status, 0), walk.parent.pid);
	walk.parent.is_dead = true;
	assert_int_equal(WEXITSTATUS(walk.parent.wait_status), 1);
	walk_stop(&walk);
}

static int set_up(void **state BL_UNUSED)
{
	if (sodium_init() < 0 || !mkdtemp(folder))
		return -1;
	make_sources();
	return 0;
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
		cmocka_unit_test(ext_holds_what_it_was_made_of),
		cmocka_unit_test(unclean_journal_is_replayed),
		cmocka_unit_test(damaged_journal_is_named_and_not_shown),
		cmocka_unit_test(fat_holds_what_it_was_made_of),
		cmocka_unit_test(ntfs_holds_what_it_was_made_of),
		cmocka_unit_test(mbr_with_logical_partition_is_read),
		cmocka_unit_test(gpt_partition_keeps_its_number),
		cmocka_unit_test(unreadable_partitions_stand_beside_readable_ones),
		cmocka_unit_test(containers_are_named_not_called_empty),
		cmocka_unit_test(overlapping_partitions_are_not_opened),
		cmocka_unit_test(ten_thousand_entries_are_listed_in_time),
		cmocka_unit_test(shared_images_hold_what_their_manifest_says),
		cmocka_unit_test(truncated_image_is_an_error_and_no_crash),
		cmocka_unit_test(flipped_metadata_never_hangs_nor_escapes),
		cmocka_unit_test(stale_superblock_does_not_hide_a_fat_volume),
		cmocka_unit_test(every_thread_is_sealed_before_the_first_block),
		cmocka_unit_test(nonsense_request_ends_the_reader),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
