#include "fs/device/policies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/private.h"

#define FOLDER	  "policies"
#define NAME_SIZE (2 * DEVICE_DIGEST + 1)

static void digest_of(const char *bytes, size_t length, uint8_t out[DEVICE_DIGEST])
{
	crypto_generichash(out, DEVICE_DIGEST, (const uint8_t *)bytes, length, NULL, 0);
}

/* @name of 64 lower-case hex digits; what is called otherwise is none of ours. */
static bool parse_name(const char *name, uint8_t out[DEVICE_DIGEST])
{
	char again[NAME_SIZE];

	if (strlen(name) != NAME_SIZE - 1 ||
	    sodium_hex2bin(out, DEVICE_DIGEST, name, NAME_SIZE - 1, NULL, NULL, NULL) != 0)
		return false;
	return strcmp(sodium_bin2hex(again, sizeof(again), out, DEVICE_DIGEST), name) == 0;
}

/* BL_NOT_FOUND: nothing was ever kept. */
static enum bl_status open_folder(const struct device_store *store, int *out_fd,
				  struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(store->fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "no policy is kept in the store");
	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '" FOLDER "' in the store");

	enum bl_status status = file_is_private(fd, S_IFDIR, 0, FOLDER, why);

	if (status == BL_OK)
		*out_fd = fd_take(&fd);
	return status;
}

static enum bl_status make_folder(const struct device_store *store, int *out_fd,
				  struct bl_error *why)
{
	if (mkdirat(store->fd, FOLDER, 0700) == 0) {
		if (fsync(store->fd) != 0)
			return bl_fail_errno(why, BL_IO, "cannot sync the store");
	} else if (errno != EEXIST) {
		return bl_fail_errno(why, BL_IO, "cannot make '" FOLDER "' in the store");
	}
	return open_folder(store, out_fd, why);
}

static enum bl_status read_one(int folder_fd, const uint8_t digest[DEVICE_DIGEST], char **out_bytes,
			       size_t *out_length, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	uint8_t found[DEVICE_DIGEST];
	char name[NAME_SIZE];
	size_t length;

	sodium_bin2hex(name, sizeof(name), digest, DEVICE_DIGEST);
	enum bl_status status = file_load(folder_fd, name, &bytes, &length, why);

	if (status != BL_OK)
		return status;
	digest_of(bytes, length, found);
	if (memcmp(found, digest, DEVICE_DIGEST) != 0)
		return bl_fail(why, BL_TAMPERED, "the kept policy '%s' is not what its name says",
			       name);
	*out_bytes = BL_TAKE(bytes);
	*out_length = length;
	return BL_OK;
}

static DIR *list_folder(int folder_fd)
{
	int copy = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);

	if (!folder)
		fd_close(copy);
	return folder;
}

/* Somebody who loads one policy after another does not fill the disk with them. */
static void make_room(int folder_fd)
{
	DIR *folder = list_folder(folder_fd);
	char oldest[NAME_SIZE] = "";
	struct timespec oldest_at = {0};
	size_t count = 0;

	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		uint8_t digest[DEVICE_DIGEST];
		struct stat st;

		if (!parse_name(entry->d_name, digest) ||
		    fstatat(folder_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (!count++ || st.st_mtim.tv_sec < oldest_at.tv_sec ||
		    (st.st_mtim.tv_sec == oldest_at.tv_sec &&
		     st.st_mtim.tv_nsec < oldest_at.tv_nsec)) {
			memcpy(oldest, entry->d_name, sizeof(oldest));
			oldest_at = st.st_mtim;
		}
	}
	if (folder)
		closedir(folder);
	if (count >= POLICIES_KEPT)
		unlinkat(folder_fd, oldest, 0);
}

enum bl_status policies_keep(struct device_store *store, const char *bytes, size_t length,
			     struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder_fd = -1;
	BL_CLEANUP(bl_free) char *there = NULL;
	uint8_t digest[DEVICE_DIGEST];
	char name[NAME_SIZE];
	size_t there_length;

	STORE_LOCKED(store);

	enum bl_status status = make_folder(store, &folder_fd, why);

	if (status != BL_OK)
		return status;
	digest_of(bytes, length, digest);
	/* A damaged one is written anew; one whose name could not be synced at first is synced now. */
	if (read_one(folder_fd, digest, &there, &there_length, NULL) == BL_OK)
		return fsync(folder_fd) == 0
			       ? BL_OK
			       : bl_fail_errno(why, BL_IO,
					       "cannot sync the folder of the kept policies");
	file_sweep(folder_fd);
	make_room(folder_fd);
	sodium_bin2hex(name, sizeof(name), digest, DEVICE_DIGEST);
	return file_replace(folder_fd, name, bytes, length, why);
}

enum bl_status policies_read(struct device_store *store, const uint8_t digest[DEVICE_DIGEST],
			     char **out_bytes, size_t *out_length, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder_fd = -1;

	STORE_LOCKED(store);

	enum bl_status status = open_folder(store, &folder_fd, why);

	return status == BL_OK ? read_one(folder_fd, digest, out_bytes, out_length, why) : status;
}

enum bl_status policies_forget(struct device_store *store, policies_wanted_fn *is_wanted,
			       void *context, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder_fd = -1;
	bool has_gone = false;

	STORE_LOCKED(store);

	enum bl_status status = open_folder(store, &folder_fd, why);

	if (status != BL_OK)
		return status == BL_NOT_FOUND ? BL_OK : status;

	DIR *folder = list_folder(folder_fd);

	if (!folder)
		return bl_fail_errno(why, BL_IO, "cannot list the kept policies");
	for (struct dirent *entry; (entry = readdir(folder));) {
		uint8_t digest[DEVICE_DIGEST];

		if (parse_name(entry->d_name, digest) && !is_wanted(context, digest))
			has_gone |= unlinkat(folder_fd, entry->d_name, 0) == 0;
	}
	closedir(folder);
	if (has_gone && fsync(folder_fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the folder of the kept policies");
	return BL_OK;
}
