/* gaps.c - one sector after the other that cannot be read: an error where it matters, and nothing wrong anywhere */
#include "tests/unit/fs/image/real-image.h"

#include <stdlib.h>

#define SECTOR 512u

/* Enough for each kind of table and folder; GAPS_STEP=1 in the environment tries every sector that is not dull. */
#define SPARSE_TRIES 48u

static const struct {
	const char *name, *tool, *script;
} ROWS[] = {
	{"ext4", "mke2fs", "mke2fs -F -q -t ext4 -b 1024 -N 128 -d src i.img 4M"},
	{"ext4 at an odd place", "sfdisk",
	 "mke2fs -F -q -t ext4 -O ^metadata_csum -N 128 -d src e.img 4M; truncate -s 5M i.img;"
	 " printf 'label: dos\\n63,8192,L\\n' | sfdisk -q i.img;"
	 " dd if=e.img of=i.img bs=512 seek=63 conv=notrunc"},
	{"ext2", "mke2fs", "mke2fs -F -q -t ext2 -b 1024 -N 128 -d src i.img 4M"},
	{"fat12", "mcopy",
	 "rm src/d/link src/d/long-link; truncate -s 2M i.img; mkfs.vfat -F 12 -s 1 i.img;"
	 " mcopy -s -i i.img src/* ::"},
	{"fat16", "mcopy",
	 "rm src/d/link src/d/long-link; truncate -s 8M i.img; mkfs.vfat -F 16 -s 1 i.img;"
	 " mcopy -s -i i.img src/* ::"},
	{"fat32", "mcopy",
	 "rm src/d/link src/d/long-link; truncate -s 40M i.img; mkfs.vfat -F 32 -s 1 i.img;"
	 " mcopy -s -i i.img src/* ::"},
	{"ntfs", "ntfscp",
	 "truncate -s 4M i.img; mkntfs -F -Q -q -s 512 -c 512 i.img; cd src; "
	 "for f in f* d/*9; do ntfscp -f ../i.img $f ${f#d/} || exit 1; done"},
	{"exfat", "xz",
	 "xz -dc $SHARED/fsamples-fs.multiple.xz > all && "
	 "dd if=all of=i.img bs=512 skip=309248 count=81920; s=$?; rm all; [ $s = 0 ]"},
	{"ntfs of another driver", "xz",
	 "xz -dc $SHARED/fsamples-fs.multiple.xz > all && "
	 "dd if=all of=i.img bs=512 skip=391168 count=120832; s=$?; rm all; [ $s = 0 ]"},
	{"hfs+", "sh", "cp $SHARED/dfvfs-hfsplus.raw i.img"},
	{"iso 9660", "sh", "cp $SHARED/dfvfs-iso9660.raw i.img"},
};

static void make_image(struct real *r, const char *script)
{
	real_run(r,
		 "rm -rf src i.img; mkdir -p src/d/e; "
		 "for i in 1 2 3; do seq $i $((i+700)) > src/f$i; done; "
		 "i=10; while [ $i -lt 60 ]; do seq $i $((i+30)) > src/d/name$i; i=$((i+1)); done; "
		 "seq 5 9000 > src/d/e/large; echo small > src/d/e/small; "
		 "ln -s e/small src/d/link; ln -s $(printf 'x%.0s' $(seq 1 200)) src/d/long-link");
	real_run(r, script);
	real_load(r, "i.img");
}

/* ---- what is seen ------------------------------------------------------------------------------ */

struct seen {
	char path[600];
	uint64_t inode, size_bytes;
	enum image_type type;
	bool has_attr, is_known; /* its contents, entries or target could be had */
	uint8_t digest[32];
};

struct view {
	struct seen items[REAL_FILES];
	size_t count, above, errors;
	bool is_root_known, is_open;
};

static bool take(void *context, const struct image_entry *entry)
{
	struct view *view = context;

	assert_in_range(view->count, 0, REAL_FILES - 1);
	struct seen *seen = &view->items[view->count++];
	*seen = (struct seen){.inode = entry->inode,
			      .size_bytes = entry->attr.size_bytes,
			      .type = entry->attr.type,
			      .has_attr = entry->has_attr};
	snprintf(seen->path, sizeof(seen->path), "%.300s/%.255s",
		 view->above == SIZE_MAX ? "" : view->items[view->above].path, entry->name);
	return true;
}

static bool list(struct real *r, struct view *view, size_t above, uint64_t inode)
{
	size_t before = view->count;

	view->above = above;
	if (image_list(r->image, 0, inode, take, view, NULL) == BL_OK)
		return true;
	view->count = before;
	view->errors++;
	return false;
}

static bool digest_link(struct real *r, struct seen *seen)
{
	char target[4097] = "";
	enum bl_status status =
		image_readlink(r->image, 0, seen->inode, target, sizeof(target), NULL);

	crypto_hash_sha256(seen->digest, (const uint8_t *)target, strlen(target));
	return status == BL_OK;
}

static void look(struct real *r, struct view *view)
{
	*view = (struct view){.is_open = real_try_open(r) == BL_OK &&
					 image_volume(r->image, 0)->is_readable};
	if (!view->is_open)
		return;
	view->is_root_known = list(r, view, SIZE_MAX, image_volume(r->image, 0)->root);
	for (size_t i = 0; i < view->count; i++) {
		struct seen *seen = &view->items[i];

		if (seen->type == IMAGE_DIR)
			seen->is_known = list(r, view, i, seen->inode);
		else if (seen->type == IMAGE_FILE)
			seen->is_known = real_digest(r, seen->inode, seen->digest) == BL_OK;
		else if (seen->type == IMAGE_LINK)
			seen->is_known = digest_link(r, seen);
		view->errors += !seen->is_known;
	}
}

static const struct seen *find(const struct view *view, const char *path)
{
	for (size_t i = 0; i < view->count; i++)
		if (!strcmp(view->items[i].path, path))
			return &view->items[i];
	return NULL;
}

/* Could the folder that @path lies in be listed? */
static bool is_folder_known(const struct view *view, const char *path)
{
	char above[600];

	snprintf(above, sizeof(above), "%s", path);
	*strrchr(above, '/') = 0;
	if (!*above)
		return view->is_root_known;
	const struct seen *folder = find(view, above);
	return folder && folder->type == IMAGE_DIR && folder->is_known;
}

/* Nothing may be there that was not, or be another, or lack in a folder that was listed. */
static void compare(const char *name, uint64_t sector, const struct view *whole,
		    const struct view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct seen *now = &view->items[i], *old = find(whole, now->path);

		if (!old)
			fail_msg("%s, sector %llu: '%s' is new", name, (unsigned long long)sector,
				 now->path);
		if (now->has_attr && (now->type != old->type || now->size_bytes != old->size_bytes))
			fail_msg("%s, sector %llu: '%s' is of type %d and %llu bytes", name,
				 (unsigned long long)sector, now->path, (int)now->type,
				 (unsigned long long)now->size_bytes);
		if (now->type != IMAGE_DIR && now->is_known &&
		    memcmp(now->digest, old->digest, 32) != 0)
			fail_msg("%s, sector %llu: '%s' reads otherwise", name,
				 (unsigned long long)sector, now->path);
	}
	for (size_t i = 0; i < whole->count; i++)
		if (is_folder_known(view, whole->items[i].path) &&
		    !find(view, whole->items[i].path))
			fail_msg("%s, sector %llu: '%s' is not listed", name,
				 (unsigned long long)sector, whole->items[i].path);
}

/* ---- the gaps ---------------------------------------------------------------------------------- */

/* All bytes the same: unused, or NTFS's empty log */
static bool is_dull(const struct real *r, uint64_t sector)
{
	const uint8_t *bytes = r->bytes + sector * SECTOR;

	return memcmp(bytes, bytes + 1, SECTOR - 1) == 0;
}

static uint64_t step_of(const struct real *r)
{
	const char *asked = getenv("GAPS_STEP");
	uint64_t used = 0;

	for (uint64_t i = 0; i < r->size_bytes / SECTOR; i++)
		used += !is_dull(r, i);
	return asked ? strtoull(asked, NULL, 10) : used / SPARSE_TRIES + 1;
}

static void try_gaps(struct real *r, const char *name, const struct view *whole)
{
	static struct view view;
	uint64_t step = step_of(r), used = 0;
	unsigned errors = 0, shut = 0, tries = 0;

	for (uint64_t sector = 0; sector < r->size_bytes / SECTOR; sector++) {
		if (is_dull(r, sector) || used++ % step)
			continue;
		r->bad[0] = (struct image_range){sector * SECTOR, SECTOR};
		r->bad_status[0] = BL_IO;
		r->bad_count = 1;
		look(r, &view);
		compare(name, sector, whole, &view);
		errors += view.errors > whole->errors;
		shut += !view.is_open;
		tries++;
	}
	r->bad_count = 0;
	print_message("%s: %u gaps: %u cost something, %u all of it\n", name, tries, errors, shut);
	assert_true(tries > 10 && errors + shut > 0 && shut < tries);
}

static void what_is_shown_beside_a_gap_is_right_and_whole(void **state)
{
	struct real *r = *state;
	static struct view whole;
	const char *only = getenv("GAPS_ROW");
	char shared[4096] = "";
	bool has_shared = realpath("../shared/images/images", shared) != NULL;
	unsigned done = 0;

	assert_int_equal(setenv("SHARED", shared, 1), 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		if (!real_have(ROWS[i].tool) || (only && strcmp(only, ROWS[i].name) != 0) ||
		    (!has_shared && strstr(ROWS[i].script, "$SHARED")))
			continue;
		make_image(r, ROWS[i].script);
		look(r, &whole);
		if (!whole.is_open || whole.count < 2)
			fail_msg("%s: %zu names", ROWS[i].name, whole.count);
		try_gaps(r, ROWS[i].name, &whole);
		done++;
	}
	if (!done)
		skip();
}

/* What comes next in the order of kinds may be what an older filesystem left behind. */
static void kind_that_is_written_in_a_gap_is_not_guessed(void **state)
{
	struct real *r = *state;

	if (!real_have(ROWS[0].tool))
		skip();
	make_image(r, ROWS[0].script);
	real_open(r);
	r->bad[0] = (struct image_range){0, SECTOR};
	r->bad_status[0] = BL_IO;
	r->bad_count = 1;
	assert_true(real_try_open(r) != BL_OK || !image_volume(r->image, 0)->is_readable);
	r->bad[0].offset = 2 * SECTOR;
	assert_int_equal(real_try_open(r), BL_OK);
	assert_false(image_volume(r->image, 0)->is_readable);
	assert_string_equal(image_volume(r->image, 0)->notice,
			    "the place where its kind is written cannot be read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAL_TEST(what_is_shown_beside_a_gap_is_right_and_whole),
		REAL_TEST(kind_that_is_written_in_a_gap_is_not_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
