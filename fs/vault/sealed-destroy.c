#include "fs/vault/medium.h"
#include "fs/vault/sealed-format.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 20)
#define DATA  "data"

/* All that an image folder holds by its format; .new and .old are steps on the way to a name. */
static const struct {
	const char *name;
	bool is_overwritten; /* keys, or what keys were wrapped with */
} FILES[] = {
	{"header", true},      {"index", true},	 {"keys", true},       {"gaps", true},
	{"gaps.new", true},    {"intake", true}, {"intake.new", true}, {"rewrite", true},
	{"rewrite.old", true}, {DATA, false},
};

static const char *const FOLDERS[] = {SEALED_FOLDER, SEALED_FOLDER ".new"};

/* -1 and BL_OK when there is none. */
static enum bl_status open_folder(int device_fd, const char *name, int *out_fd,
				  struct bl_error *why)
{
	*out_fd = openat(device_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*out_fd < 0 && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot open the folder '%s'", name);
	return BL_OK;
}

static enum bl_status open_file(int folder_fd, const char *name, int *out_fd, struct bl_error *why)
{
	struct stat st;
	BL_CLEANUP(fd_close)
	int fd = openat(folder_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*out_fd = -1;
	if (fd < 0 && errno == ENOENT)
		return BL_OK;
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open the image's '%s'", name);
	if (!S_ISREG(st.st_mode))
		return bl_fail(why, BL_IO, "the image's '%s' is no file (remove it)", name);
	*out_fd = fd_take(&fd);
	return BL_OK;
}

/* ---- trying -------------------------------------------------------------------------------------- */

/* What there is to try keys on: the slots of the header that are whole. */
struct trial {
	uint8_t *pages; /* two, aligned */
	struct sealed_header headers[2];
	bool is_whole[2];
	bool is_opened;
};

static bool opens_top(const struct sealed_header *header, const uint8_t with[VAULT_KEY])
{
	struct sealed_names names;
	struct tree_entry entry = {.generation = header->top_generation, .side = header->top_side};
	uint8_t key[VAULT_KEY];

	if (entry.generation == 0)
		return false;
	sealed_names_of(header, &names);
	memcpy(entry.wrapped, header->top_key, sizeof(entry.wrapped));
	memcpy(entry.tag, header->top_tag, sizeof(entry.tag));

	bool is_open = tree_unwrap(&names, with, 255, 0, &entry, header->top_hash, key) == BL_OK;

	sodium_memzero(key, sizeof(key));
	return is_open;
}

/* By the cipher's words alone: a slot that this host cannot read could still be opened elsewhere. */
static bool verifies(const uint8_t *page, const uint8_t key[VAULT_KEY])
{
	struct sealed_header header;
	enum bl_status status = sealed_header_decode(page, key, &header, NULL);

	return status == BL_OK || status == BL_UNSUPPORTED;
}

/* As the root, and as the key that the root would be derived to. */
static bool try_key(void *context, const uint8_t key[VAULT_KEY])
{
	struct trial *trial = context;
	uint8_t derived[VAULT_KEY];

	tree_top_key(key, derived);
	for (size_t i = 0; i < 2 && !trial->is_opened; i++)
		trial->is_opened =
			trial->is_whole[i] && (opens_top(&trial->headers[i], key) ||
					       opens_top(&trial->headers[i], derived) ||
					       verifies(trial->pages + i * SEALED_PAGE, key));
	sodium_memzero(derived, sizeof(derived));
	return !trial->is_opened;
}

static enum bl_status read_slots(int device_fd, const char *id, struct trial *trial,
				 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder = -1;
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = open_folder(device_fd, SEALED_FOLDER, &folder, why);

	if (status == BL_OK && folder >= 0)
		status = open_file(folder, "header", &fd, why);
	if (status != BL_OK)
		return status;
	if (fd < 0)
		return bl_fail(why, BL_NOT_FOUND, "there is no sealed image");
	status = sealed_read_at(fd, trial->pages, 2 * SEALED_PAGE, 0, "header", why);
	for (size_t i = 0; i < 2 && status == BL_OK; i++)
		trial->is_whole[i] = sealed_header_parse(trial->pages + i * SEALED_PAGE,
							 &trial->headers[i], NULL) == BL_OK &&
				     strcmp(trial->headers[i].device, id) == 0;
	return status;
}

enum bl_status sealed_try(int device_fd, const char *id, struct vault *vault, struct bl_error *why)
{
	uint8_t pages[2 * SEALED_PAGE];
	struct trial trial = {.pages = pages};
	enum bl_status status = read_slots(device_fd, id, &trial, why);

	if (status != BL_OK)
		return status;
	if (!trial.is_whole[0] && !trial.is_whole[1])
		return bl_fail(why, BL_NOT_FOUND, "the image has no whole header of its own");
	vault_each_key(vault, try_key, &trial);
	if (trial.is_opened)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "a key that can still be reached opens the image of '%s'", id);
	return BL_OK;
}

/* ---- overwriting --------------------------------------------------------------------------------- */

/* What is written can be made again, to be compared with what is read back. */
struct wiper {
	uint8_t seed[randombytes_SEEDBYTES];
	uint8_t *wanted, *found; /* BLOCK each, aligned to MEDIUM_ALIGN */
	struct sealed_wiped *wiped;
};

/* Page by page: where a stretch begins may be another place when it is read back, as the kernel calls a page of an unwritten
 * extent data or not by whether it is cached. */
static void fill(const struct wiper *wiper, uint64_t at, size_t length)
{
	for (size_t done = 0; done < length; done += MEDIUM_ALIGN) {
		uint8_t seed[randombytes_SEEDBYTES], number[8];

		bl_put64(number, at + done);
		crypto_generichash(seed, sizeof(seed), number, sizeof(number), wiper->seed,
				   sizeof(wiper->seed));
		randombytes_buf_deterministic(wiper->wanted + done, MEDIUM_ALIGN, seed);
	}
}

/* As written; or zeros, in a page that was none of the file's when it was written and is cached by now. */
static bool is_overwritten(const struct wiper *wiper, size_t length)
{
	for (size_t done = 0; done < length; done += MEDIUM_ALIGN)
		if (memcmp(wiper->wanted + done, wiper->found + done, MEDIUM_ALIGN) != 0 &&
		    !sodium_is_zero(wiper->found + done, MEDIUM_ALIGN))
			return false;
	return true;
}

static enum bl_status write_block(const struct wiper *wiper, int fd, const char *name, uint64_t at,
				  size_t length, struct bl_error *why)
{
	fill(wiper, at, length);
	return sealed_io_write(sealed_io_real(), fd, wiper->wanted, length, at, name, why);
}

/* From below the filesystem; where that cannot be, after the cached pages were dropped. */
static enum bl_status check_block(const struct wiper *wiper, int fd, const char *name, uint64_t at,
				  size_t length, struct bl_error *why)
{
	enum bl_status status = medium_read_raw(fd, at, wiper->found, length, why);
	bool is_raw = status == BL_OK;

	if (status == BL_UNSUPPORTED) {
		posix_fadvise(fd, (off_t)at, (off_t)length, POSIX_FADV_DONTNEED);
		status = sealed_read_at(fd, wiper->found, length, at, name, why);
	}
	if (status != BL_OK)
		return status;
	fill(wiper, at, length);
	if (!is_overwritten(wiper, length))
		return bl_fail(why, BL_IO, "the image's '%s' was overwritten, but reads otherwise",
			       name);
	wiper->wiped->bytes += length;
	wiper->wiped->bytes_raw += is_raw ? length : 0;
	return BL_OK;
}

/* The next stretch that is stored, in whole pages; false: no more. A sparse tree may be large, and is holes. */
static bool next_stretch(int fd, uint64_t size, uint64_t *inout_at, uint64_t *out_end)
{
	off_t from = lseek(fd, (off_t)*inout_at, SEEK_DATA);

	if (from < 0 && errno == ENXIO)
		return false;
	if (from < 0) { /* a filesystem that cannot say: all of it */
		*out_end = size;
		return *inout_at < size;
	}

	off_t end = lseek(fd, from, SEEK_HOLE);

	*inout_at = BL_MAX(*inout_at, (uint64_t)from / MEDIUM_ALIGN * MEDIUM_ALIGN);
	*out_end =
		end < 0 ? size
			: BL_MIN(((uint64_t)end + MEDIUM_ALIGN - 1) / MEDIUM_ALIGN * MEDIUM_ALIGN,
				 size);
	return *inout_at < *out_end;
}

static enum bl_status each_block(const struct wiper *wiper, int fd, const char *name, uint64_t size,
				 bool is_check, struct bl_error *why)
{
	uint64_t at = 0, end = 0;
	enum bl_status status = BL_OK;

	while (status == BL_OK && next_stretch(fd, size, &at, &end))
		while (at < end && status == BL_OK) {
			size_t piece = (size_t)BL_MIN(end - at, (uint64_t)BLOCK);

			status = is_check ? check_block(wiper, fd, name, at, piece, why)
					  : write_block(wiper, fd, name, at, piece, why);
			at += piece;
		}
	return status;
}

/* Up to the end of its last page: what is behind the end of the file lies in the same block. */
static enum bl_status wipe_file(const struct wiper *wiper, int folder_fd, const char *name,
				struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct stat st;
	enum bl_status status = open_file(folder_fd, name, &fd, why);

	if (status != BL_OK || fd < 0)
		return status;
	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the image's '%s'", name);

	uint64_t size = ((uint64_t)st.st_size + MEDIUM_ALIGN - 1) / MEDIUM_ALIGN * MEDIUM_ALIGN;

	status = each_block(wiper, fd, name, size, false, why);
	if (status == BL_OK && fsync(fd) != 0)
		status = bl_fail_errno(why, BL_IO, "cannot sync the image's '%s'", name);
	if (status == BL_OK)
		status = each_block(wiper, fd, name, size, true, why);
	return status;
}

static enum bl_status punch_data(int folder_fd, struct sealed_wiped *wiped, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct stat st;
	enum bl_status status = open_file(folder_fd, DATA, &fd, why);

	if (status != BL_OK || fd < 0)
		return status;
	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at the image's '" DATA "'");
	wiped->data_bytes += (uint64_t)st.st_size;
	if (st.st_size == 0)
		return BL_OK;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, st.st_size) != 0) {
		if (errno != EOPNOTSUPP)
			return bl_fail_errno(why, BL_IO, "cannot punch the image's '" DATA "'");
		wiped->was_punched = false;
		if (ftruncate(fd, 0) != 0)
			return bl_fail_errno(why, BL_IO, "cannot free the image's '" DATA "'");
	}
	if (fsync(fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the image's '" DATA "'");
	return BL_OK;
}

static enum bl_status wipe_folder(const struct wiper *wiper, int folder_fd, struct bl_error *why)
{
	/* First, for its room: the end of a last page may have no blocks yet, and the disk be full. */
	enum bl_status status = punch_data(folder_fd, wiper->wiped, why);

	for (size_t i = 0; i < BL_COUNT(FILES) && status == BL_OK; i++)
		if (FILES[i].is_overwritten)
			status = wipe_file(wiper, folder_fd, FILES[i].name, why);
	return status;
}

enum bl_status sealed_wipe(int device_fd, struct sealed_wiped *out_wiped, struct bl_error *why)
{
	struct sealed_wiped wiped = {.was_punched = true};
	struct wiper wiper = {.wiped = &wiped};
	BL_CLEANUP(bl_free) uint8_t *room = NULL;
	enum bl_status status = BL_OK;

	if (sodium_init() < 0 || !(room = aligned_alloc(MEDIUM_ALIGN, 2 * BLOCK)))
		return bl_fail(why, BL_NO_MEMORY, "cannot overwrite the image: out of memory");
	wiper.wanted = room;
	wiper.found = room + BLOCK;
	randombytes_buf(wiper.seed, sizeof(wiper.seed));
	for (size_t i = 0; i < BL_COUNT(FOLDERS) && status == BL_OK; i++) {
		BL_CLEANUP(fd_close) int folder = -1;

		status = open_folder(device_fd, FOLDERS[i], &folder, why);
		if (status == BL_OK && folder >= 0)
			status = wipe_folder(&wiper, folder, why);
	}
	if (status == BL_OK)
		*out_wiped = wiped;
	return status;
}

/* ---- removing ------------------------------------------------------------------------------------ */

static enum bl_status remove_folder(int device_fd, const char *name, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder = -1;
	enum bl_status status = open_folder(device_fd, name, &folder, why);

	if (status != BL_OK || folder < 0)
		return status;
	for (size_t i = 0; i < BL_COUNT(FILES); i++)
		if (unlinkat(folder, FILES[i].name, 0) != 0 && errno != ENOENT)
			return bl_fail_errno(why, BL_IO, "cannot remove the image's '%s'",
					     FILES[i].name);
	if (fsync(folder) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the folder '%s'", name);
	if (unlinkat(device_fd, name, AT_REMOVEDIR) == 0)
		return BL_OK;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return bl_fail(why, BL_IO,
			       "the folder '%s' holds files that are not Bailee's (move them away)",
			       name);
	return bl_fail_errno(why, BL_IO, "cannot remove the folder '%s'", name);
}

enum bl_status sealed_remove(int device_fd, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < BL_COUNT(FOLDERS) && status == BL_OK; i++)
		status = remove_folder(device_fd, FOLDERS[i], why);
	if (status == BL_OK && fsync(device_fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the device's folder");
	return status;
}
