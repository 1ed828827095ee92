/* bytes.c - an image behind a callback, some of whose bytes cannot be read: only what touches them fails */
#include "tests/unit/fs/image/real-image.h"

#define MARK "MARK-OF-ONE-FILE-ONLY-0123456789"

static const struct {
	const char *name, *tool, *script;
} ROWS[] = {
	{"ext4", "mke2fs", "mke2fs -F -q -t ext4 -b 1024 -N 64 -d src i.img 8M"},
	{"ext2", "mke2fs", "mke2fs -F -q -t ext2 -b 1024 -N 64 -d src i.img 8M"},
	{"fat16", "mcopy",
	 "truncate -s 16M i.img; mkfs.vfat -F 16 -s 1 i.img; mcopy -s -i i.img src/* ::"},
	{"ntfs", "ntfscp",
	 "truncate -s 8M i.img; mkntfs -F -Q -q -s 512 -c 512 i.img; cd src; "
	 "for f in *; do ntfscp -f ../i.img $f $f || exit 1; done"},
};

/* Neighbours of a few KiB, so that one page of the reader holds many of them. */
static void make_image(struct real *r, const char *script)
{
	real_run(r, "rm -rf src i.img; mkdir src; i=0; while [ $i -lt 30 ]; do "
		    "seq $i $((i+700)) > src/f$i; i=$((i+1)); done; "
		    "(printf " MARK "; seq 5000 7000) > src/marked");
	real_run(r, script);
	real_load(r, "i.img");
}

static void callback_shows_what_a_descriptor_shows(void **state)
{
	struct real *r = *state;
	struct image_options options = {.reader_path = r->reader, .try_ms = 20000};
	char path[128];

	if (!real_have(ROWS[0].tool))
		skip();
	make_image(r, ROWS[0].script);
	real_open(r);
	real_walk(r);
	size_t count = r->file_count;
	uint8_t digest[32];
	memcpy(digest, real_find(r, "marked")->digest, sizeof(digest));
	assert_in_range(atomic_load(&r->reads), 1, 10000);
	image_close(r->image);
	r->image = NULL;
	snprintf(path, sizeof(path), "%s/i.img", r->folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(image_open(fd, IMAGE_RAW, &options, &r->image, NULL), BL_OK);
	close(fd);
	unsigned reads = atomic_load(&r->reads);
	real_walk(r);
	assert_int_equal(r->file_count, count);
	assert_memory_equal(real_find(r, "marked")->digest, digest, sizeof(digest));
	assert_int_equal(atomic_load(&r->reads), reads);
}

static void no_bytes_are_no_image(void **state)
{
	struct real *r = *state;
	struct image_bytes bytes = {real_read, r, 0};
	struct image_options options = {.reader_path = r->reader};
	struct image *image = NULL;

	assert_int_equal(image_open_bytes(&bytes, &options, &image, NULL), BL_INVALID);
	bytes.size_bytes = 4096;
	assert_int_equal(image_open_bytes(&bytes, NULL, &image, NULL), BL_FAILED);
	assert_null(image);
}

static void bad_range_costs_the_files_in_it_and_no_other(void **state)
{
	static const enum bl_status STATUSES[] = {BL_IO, BL_TAMPERED};
	struct real *r = *state;
	unsigned done = 0;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		if (!real_have(ROWS[i].tool))
			continue;
		make_image(r, ROWS[i].script);
		r->bad_count = 0;
		real_open(r);
		real_walk(r);
		assert_int_equal(r->list_errors, 0);
		size_t count = r->file_count;
		static struct real_file before[REAL_FILES];
		memcpy(before, r->files, sizeof(before));
		r->bad[0] = (struct image_range){real_where(r, MARK, strlen(MARK)), 512};
		r->bad_count = 1;
		for (size_t s = 0; s < BL_COUNT(STATUSES); s++) {
			r->bad_status[0] = STATUSES[s];
			atomic_store(&r->troubles, 0);
			real_open(r);
			real_walk(r);
			if (r->list_errors || r->file_count != count)
				fail_msg("%s: %u errors, %zu files", ROWS[i].name, r->list_errors,
					 r->file_count);
			for (size_t k = 0; k < count; k++) {
				const struct real_file *file = &r->files[k];
				bool is_marked = !strcmp(file->path, "marked");

				if (file->status != (is_marked ? BL_IO : BL_OK) ||
				    (!is_marked && memcmp(file->digest, before[k].digest, 32) != 0))
					fail_msg("%s: '%s': %s", ROWS[i].name, file->path,
						 bl_status_name(file->status));
			}
			if ((atomic_load(&r->troubles) > 0) != (STATUSES[s] == BL_TAMPERED))
				fail_msg("%s: %u troubles", ROWS[i].name,
					 atomic_load(&r->troubles));
		}
		done++;
	}
	if (!done)
		skip();
}

static void bytes_that_do_not_verify_are_told_once_per_read(void **state)
{
	struct real *r = *state;
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;
	static uint8_t out[4000];
	size_t got = 0;

	if (!real_have(ROWS[0].tool))
		skip();
	make_image(r, ROWS[0].script);
	real_open(r);
	real_walk(r);
	uint64_t inode = real_find(r, "marked")->inode;
	r->bad[0] = (struct image_range){real_where(r, MARK, strlen(MARK)), 1};
	r->bad_status[0] = BL_TAMPERED;
	r->bad_count = 1;
	assert_int_equal(image_file_open(r->image, 0, inode, &file, NULL), BL_OK);
	assert_int_equal(image_file_read(file, 1024, out, sizeof(out), &got, NULL), BL_OK);
	assert_int_equal(atomic_load(&r->troubles), 0);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(image_file_read(file, 0, out, sizeof(out), &got, NULL), BL_IO);
		assert_int_equal(atomic_load(&r->troubles), i);
		assert_int_equal(r->trouble_inode, inode);
		assert_int_equal(atomic_load(&r->tampered), i);
	}
	r->bad_status[0] = BL_IO;
	assert_int_equal(image_file_read(file, 0, out, sizeof(out), &got, NULL), BL_IO);
	assert_int_equal(atomic_load(&r->troubles), 3);
	image_file_close(BL_TAKE(file));
}

static void image_without_one_readable_byte_is_not_opened(void **state)
{
	struct real *r = *state;

	r->size_bytes = MIB;
	r->bytes = calloc(1, MIB);
	r->bad[0] = (struct image_range){0, MIB};
	r->bad_status[0] = BL_TAMPERED;
	r->bad_count = 1;
	assert_int_equal(real_try_open(r), BL_IO);
	assert_true(atomic_load(&r->tampered) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAL_TEST(callback_shows_what_a_descriptor_shows),
		REAL_TEST(no_bytes_are_no_image),
		REAL_TEST(bad_range_costs_the_files_in_it_and_no_other),
		REAL_TEST(bytes_that_do_not_verify_are_told_once_per_read),
		REAL_TEST(image_without_one_readable_byte_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
