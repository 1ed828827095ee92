/* real-image.h - images made by mkfs in a folder of their own, kept in memory, and read by the real bailee-reader */
#ifndef TESTS_REAL_IMAGE_H
#define TESTS_REAL_IMAGE_H

#include "fs/image/image.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fs/find-program.h"

#define REAL_FILES 400
#define REAL_BAD   64
#define MIB	   (UINT64_C(1) << 20)

struct real_file {
	char path[520];
	uint64_t inode, size_bytes;
	enum image_type type;
	enum bl_status status; /* of reading it */
	uint8_t digest[32];
};

struct real {
	char folder[64], reader[4096];
	uint8_t *bytes; /* the image */
	uint64_t size_bytes;
	struct image_range bad[REAL_BAD]; /* what cannot be read */
	enum bl_status bad_status[REAL_BAD];
	size_t bad_count;
	atomic_uint reads, troubles, tampered;
	uint64_t trouble_inode;
	struct image *image;
	struct real_file files[REAL_FILES];
	size_t file_count;
	unsigned list_errors;
};

static BL_UNUSED bool real_have(const char *tool)
{
	char line[256];

	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin command -v %s >/dev/null 2>&1",
		 tool);
	return system(line) == 0;
}

/* In the folder; what the tools say is nobody's business. */
static BL_UNUSED int real_try(const struct real *r, const char *script)
{
	char line[6000];

	snprintf(line, sizeof(line),
		 "cd %s && export PATH=$PATH:/sbin:/usr/sbin MTOOLS_SKIP_CHECK=1 && (%s) "
		 ">/dev/null 2>&1",
		 r->folder, script);
	return system(line);
}

static BL_UNUSED void real_run(const struct real *r, const char *script)
{
	if (real_try(r, script) != 0)
		fail_msg("cannot run: %s", script);
}

static int real_setup(void **state)
{
	struct real *r = calloc(1, sizeof(*r));

	if (!r || sodium_init() < 0)
		return -1;
	*state = r;
	strcpy(r->folder, "/tmp/bailee-real-XXXXXX");
	return mkdtemp(r->folder) && find_reader(r->reader, sizeof(r->reader)) ? 0 : -1;
}

static int real_teardown(void **state)
{
	struct real *r = *state;
	char line[128];

	image_close(r->image);
	snprintf(line, sizeof(line), "rm -rf %s", r->folder);
	int status = system(line);
	free(r->bytes);
	free(r);
	return status;
}

/* The whole file @name of the folder as the image. */
static BL_UNUSED void real_load(struct real *r, const char *name)
{
	char path[256];
	struct stat stat;

	snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) < 0)
		fail_msg("cannot open '%s'", name);
	free(r->bytes);
	r->size_bytes = (uint64_t)stat.st_size;
	r->bytes = malloc(r->size_bytes + 1);
	assert_non_null(r->bytes);
	assert_int_equal(pread(fd, r->bytes, r->size_bytes, 0), r->size_bytes);
	close(fd);
}

static BL_UNUSED void real_store(const struct real *r, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, r->bytes, r->size_bytes, 0), r->size_bytes);
	close(fd);
}

static enum bl_status real_read(void *context, uint64_t offset, void *out, size_t length,
				struct bl_error *why)
{
	struct real *r = context;

	atomic_fetch_add(&r->reads, 1);
	if (offset > r->size_bytes || length > r->size_bytes - offset)
		abort(); /* never called past the end: image.h */
	for (size_t i = 0; i < r->bad_count; i++)
		if (offset < r->bad[i].offset + r->bad[i].length &&
		    r->bad[i].offset < offset + length)
			return bl_fail(why, r->bad_status[i], "not there");
	memcpy(out, r->bytes + offset, length);
	return BL_OK;
}

static void real_trouble(void *context, unsigned volume, uint64_t inode, const char *text)
{
	struct real *r = context;

	(void)volume;
	atomic_fetch_add(&r->troubles, 1);
	r->trouble_inode = inode;
	atomic_fetch_add(&r->tampered, !strcmp(text, "the image's bytes do not verify"));
}

static BL_UNUSED enum bl_status real_try_open(struct real *r)
{
	struct image_options options = {.reader_path = r->reader,
					.try_ms = 20000,
					.on_trouble = real_trouble,
					.context = r};
	struct image_bytes bytes = {real_read, r, r->size_bytes};

	image_close(r->image);
	r->image = NULL;
	return image_open_bytes(&bytes, &options, &r->image, NULL);
}

static BL_UNUSED void real_open(struct real *r)
{
	assert_int_equal(real_try_open(r), BL_OK);
	if (!image_volume(r->image, 0)->is_readable)
		fail_msg("the volume is not readable: %s", image_volume(r->image, 0)->notice);
}

/* ---- all files of volume 0 ---- */

struct real_folder {
	struct real *real;
	const char *above;
};

static bool real_entry(void *context, const struct image_entry *entry)
{
	struct real_folder *folder = context;
	struct real *r = folder->real;

	assert_in_range(r->file_count, 0, REAL_FILES - 1);
	struct real_file *file = &r->files[r->file_count++];
	*file = (struct real_file){.inode = entry->inode,
				   .size_bytes = entry->attr.size_bytes,
				   .type = entry->attr.type};
	snprintf(file->path, sizeof(file->path), "%.255s%s%s", folder->above,
		 *folder->above ? "/" : "", entry->name);
	if (!entry->has_attr)
		r->list_errors++;
	return true;
}

static enum bl_status real_digest(struct real *r, uint64_t inode, uint8_t out[32])
{
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;
	crypto_hash_sha256_state hash;
	static uint8_t part[65536];
	enum bl_status status = image_file_open(r->image, 0, inode, &file, NULL);

	crypto_hash_sha256_init(&hash);
	for (uint64_t at = 0; status == BL_OK && at < image_file_size(file);) {
		size_t got = 0;

		status = image_file_read(file, at, part, sizeof(part), &got, NULL);
		crypto_hash_sha256_update(&hash, part, got);
		at += got;
	}
	crypto_hash_sha256_final(&hash, out);
	return status;
}

/* List everything and read every file. */
static BL_UNUSED void real_walk(struct real *r)
{
	struct real_folder folder = {r, ""};

	r->file_count = r->list_errors = 0;
	if (image_list(r->image, 0, image_volume(r->image, 0)->root, real_entry, &folder, NULL) !=
	    BL_OK)
		r->list_errors++;
	for (size_t i = 0; i < r->file_count; i++) {
		struct real_file *file = &r->files[i];

		if (file->type == IMAGE_FILE)
			file->status = real_digest(r, file->inode, file->digest);
		if (file->type != IMAGE_DIR)
			continue;
		folder.above = file->path;
		if (image_list(r->image, 0, file->inode, real_entry, &folder, NULL) != BL_OK)
			r->list_errors++;
	}
}

static BL_UNUSED const struct real_file *real_find(const struct real *r, const char *path)
{
	for (size_t i = 0; i < r->file_count; i++)
		if (!strcmp(r->files[i].path, path))
			return &r->files[i];
	fail_msg("'%s' is not listed", path);
	abort(); /* never reached: cmocka does not say so to the compiler */
}

/* Where @length bytes of @pattern lie in the image; UINT64_MAX: nowhere */
static BL_UNUSED uint64_t real_where(const struct real *r, const void *pattern, size_t length)
{
	const uint8_t *at = memmem(r->bytes, r->size_bytes, pattern, length);

	return at ? (uint64_t)(at - r->bytes) : UINT64_MAX;
}

#define REAL_TEST(name) cmocka_unit_test_setup_teardown(name, real_setup, real_teardown)

#endif
