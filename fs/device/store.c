#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/private.h"

#define STORE_FILE	"bailee.store"
#define STORE_FILE_NEW	"bailee.store.new"
#define STORE_FILE_SIZE 64
#define STORE_VERSION	1
#define POLICY_FILE	"policy.last"
#define NEW_DEVICE	".new-"
#define KEYS_AT		"keys.at"

static const char MAGIC[8] = {'B', 'A', 'I', 'L', 'E', 'E', 'S', 'T'};

/* ---- bailee.store ---------------------------------------------------------------------------- */

static void header_encode(const uint8_t id[STORE_ID], uint8_t out[STORE_FILE_SIZE])
{
	memset(out, 0, STORE_FILE_SIZE);
	memcpy(out, MAGIC, sizeof(MAGIC));
	bl_put32(out + 8, STORE_VERSION);
	memcpy(out + 16, id, STORE_ID);
	crypto_generichash(out + 32, 32, out, 32, NULL, 0);
}

static enum bl_status header_decode(const uint8_t in[STORE_FILE_SIZE], uint8_t out_id[STORE_ID],
				    struct bl_error *why)
{
	uint8_t sum[32];

	if (memcmp(in, MAGIC, sizeof(MAGIC)) != 0)
		return bl_fail(why, BL_INVALID,
			       "'%s' is not of a Bailee store (give another directory)",
			       STORE_FILE);
	if (bl_get32(in + 8) != STORE_VERSION)
		return bl_fail(why, BL_INVALID,
			       "the store is of a newer version (use a newer Bailee)");
	crypto_generichash(sum, sizeof(sum), in, 32, NULL, 0);
	if (memcmp(sum, in + 32, sizeof(sum)) != 0)
		return bl_fail(why, BL_INVALID,
			       "'%s' does not match its checksum (restore it from a backup)",
			       STORE_FILE);
	memcpy(out_id, in + 16, STORE_ID);
	return BL_OK;
}

static enum bl_status take_lock(int fd, struct bl_error *why)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return BL_OK;
	if (errno == EWOULDBLOCK)
		return bl_fail(why, BL_LOCKED,
			       "the store is in use by another Bailee (stop it first)");
	return bl_fail_errno(why, BL_IO, "cannot lock the store");
}

/* ---- life ---------------------------------------------------------------------------------------- */

static struct device_store *store_new(void)
{
	struct device_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	if (pthread_mutex_init(&store->mutex, NULL) != 0) {
		free(store);
		return NULL;
	}
	store->fd = store->lock_fd = store->devices_fd = store->certificates_fd = -1;
	store->keys_fd = -1;
	return store;
}

void device_store_close(struct device_store *store)
{
	if (!store)
		return;
	vault_close(store->vault);
	for (size_t i = 0; i < store->count; i++)
		entry_free(store->entries[i]);
	free(store->entries);
	free(store->strays);
	fd_close(store->devices_fd);
	fd_close(store->certificates_fd);
	fd_close(store->keys_fd);
	fd_close(store->fd);
	fd_close(store->lock_fd); /* last: lets the next one in */
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

int device_store_keys_fd(const struct device_store *store)
{
	return store->keys_fd;
}

int device_store_fd(const struct device_store *store)
{
	return store->fd;
}

struct vault *device_store_vault(const struct device_store *store)
{
	return store->vault;
}

enum bl_status device_store_log(const struct device_store *store, int *out_fd, struct bl_error *why)
{
	int fd = openat(store->fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the log");
	*out_fd = fd;
	return BL_OK;
}

const uint8_t *device_store_id(const struct device_store *store)
{
	return store->id;
}

static enum bl_status open_folders(struct device_store *store, struct bl_error *why)
{
	store->devices_fd =
		openat(store->fd, "devices", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	store->certificates_fd =
		openat(store->fd, "certificates", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (store->devices_fd < 0 || store->certificates_fd < 0)
		return bl_fail(why, BL_INVALID,
			       "the store has lost its folder 'devices' or 'certificates'");

	enum bl_status status = file_is_private(store->devices_fd, S_IFDIR, 0, "devices", why);

	if (status == BL_OK)
		status = file_is_private(store->certificates_fd, S_IFDIR, 0, "certificates", why);
	return status;
}

enum bl_status device_store_file_write(int store_fd, const char *name, const void *bytes,
				       size_t length, struct bl_error *why)
{
	return file_put(store_fd, name, bytes, length, why);
}

enum bl_status device_store_file_read(int store_fd, const char *name, char **out_bytes,
				      size_t *out_length, struct bl_error *why)
{
	return file_get(store_fd, name, out_bytes, out_length, why);
}

/* ---- where the keys lie ---------------------------------------------------------------------- */

static enum bl_status open_keys_folder(const char *path, int *out_fd, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID,
				     "cannot open the keys' folder '%.200s' (mount it, or see '%s' "
				     "in the store)",
				     path, KEYS_AT);

	enum bl_status status = file_is_private(fd, S_IFDIR, 0, path, why);

	if (status == BL_OK)
		*out_fd = fd_take(&fd);
	return status;
}

enum bl_status device_store_keys_at(int store_fd, int *out_fd, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *path = NULL;
	size_t length;
	enum bl_status status = file_get(store_fd, KEYS_AT, &path, &length, why);

	if (status == BL_OK && (length != strlen(path) || *path != '/'))
		return bl_fail(why, BL_TAMPERED, "'%s' in the store names no folder", KEYS_AT);
	if (status == BL_OK)
		return open_keys_folder(path, out_fd, why);
	if (status != BL_NOT_FOUND)
		return status;
	*out_fd = fcntl(store_fd, F_DUPFD_CLOEXEC, 3);
	return *out_fd < 0 ? bl_fail_errno(why, BL_IO, "cannot hold the store open") : BL_OK;
}

static enum bl_status place_keys(struct device_store *store, const char *folder,
				 struct bl_error *why)
{
	if (!folder)
		return device_store_keys_at(store->fd, &store->keys_fd, why);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return bl_fail_errno(why, BL_INVALID, "cannot make the keys' folder '%.200s'",
				     folder);

	BL_CLEANUP(bl_free) char *path = realpath(folder, NULL);

	if (!path || !file_text_ok(path, DEVICE_PATH - 1))
		return bl_fail(why, BL_INVALID,
			       "the keys' folder has no plain path (give another to --keys)");

	enum bl_status status = open_keys_folder(path, &store->keys_fd, why);

	if (status == BL_OK)
		status = file_put(store->fd, KEYS_AT, path, strlen(path), why);
	return status;
}

/* ---- create -------------------------------------------------------------------------------------- */

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	bool has_entry = false;

	if (!folder) {
		fd_close(copy);
		return false;
	}
	for (struct dirent *entry; !has_entry && (entry = readdir(folder));)
		has_entry = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(folder);
	return !has_entry;
}

/* What store_fill makes, and nothing else: so this can neither hurt a store nor somebody's files. */
static void unmake(int fd)
{
	unlinkat(fd, "keys", 0);
	unlinkat(fd, "keys.new", 0);
	unlinkat(fd, KEYS_AT, 0);
	unlinkat(fd, "devices", AT_REMOVEDIR);
	unlinkat(fd, "certificates", AT_REMOVEDIR);
	unlinkat(fd, STORE_FILE_NEW, 0);
}

/* A crash in the middle of making a store leaves bailee.store.new, unlocked. */
static enum bl_status sweep_half_made(int fd, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int left = openat(fd, STORE_FILE_NEW, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (left < 0 || faccessat(fd, STORE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return BL_OK;

	enum bl_status status = take_lock(left, why);

	if (status == BL_OK)
		unmake(fd);
	return status;
}

static enum bl_status make_keys(struct device_store *store, const struct device_store_keys *keys,
				struct bl_error *why)
{
	static const struct device_store_keys OPEN = {.secrets = NULL};

	if (!keys)
		keys = &OPEN;
	enum bl_status status = place_keys(store, keys->folder, why);

	if (status == BL_OK)
		status = vault_create(store->keys_fd, keys->secrets, keys->secret_count,
				      &store->vault, why);
	if (status == BL_EXISTS && keys->folder)
		return bl_fail(why, BL_INVALID,
			       "the keys' folder has the 'keys' of another store already (give an "
			       "empty one)");
	return status;
}

static enum bl_status store_fill(struct device_store *store, const struct device_store_keys *keys,
				 struct bl_error *why)
{
	uint8_t header[STORE_FILE_SIZE];

	store->lock_fd = openat(store->fd, STORE_FILE_NEW,
				O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot make '%s'", STORE_FILE);

	enum bl_status status = take_lock(store->lock_fd, why);

	if (status != BL_OK)
		return status;
	randombytes_buf(store->id, STORE_ID);
	header_encode(store->id, header);
	if (pwrite(store->lock_fd, header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    fsync(store->lock_fd) != 0 || mkdirat(store->fd, "devices", 0700) != 0 ||
	    mkdirat(store->fd, "certificates", 0700) != 0)
		return bl_fail_errno(why, BL_IO, "cannot make the store");
	status = open_folders(store, why);
	if (status == BL_OK)
		status = make_keys(store, keys, why);
	if (status != BL_OK)
		return status;
	if (fsync(store->fd) != 0 ||
	    renameat(store->fd, STORE_FILE_NEW, store->fd, STORE_FILE) != 0 ||
	    fsync(store->fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot make '%s'", STORE_FILE);
	return BL_OK;
}

static enum bl_status open_empty(struct device_store *store, const char *path, struct bl_error *why)
{
	store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot make a store in '%s'", path);

	struct stat st;

	if (fstat(store->fd, &st) != 0 || st.st_uid != geteuid())
		return bl_fail(why, BL_INVALID,
			       "'%s' belongs to somebody else (give a directory of yours)", path);

	enum bl_status status = sweep_half_made(store->fd, why);

	if (status != BL_OK)
		return status;
	if (!is_empty(store->fd))
		return bl_fail(why, BL_EXISTS, "'%s' is not empty (give an empty or new directory)",
			       path);
	/* Past the umask: clients pass through to the socket. */
	if (fchmod(store->fd, 0711) != 0)
		return bl_fail_errno(why, BL_IO, "cannot set the mode of '%s'", path);
	return BL_OK;
}

enum bl_status device_store_create(const char *path, const struct device_store_keys *keys,
				   struct device_store **out_store, struct bl_error *why)
{
	BL_CLEANUP(device_store_close)
	struct device_store *store = sodium_init() < 0 ? NULL : store_new();

	if (!store)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	bool is_made = mkdir(path, 0711) == 0;
	enum bl_status status = open_empty(store, path, why);

	if (status == BL_OK) {
		status = store_fill(store, keys, why);
		/* Elsewhere there may be the keys of another store: only those that were made here go. */
		if (status != BL_OK && store->vault)
			(void)unlinkat(store->keys_fd, "keys", 0);
		if (status != BL_OK)
			unmake(store->fd);
	}
	if (status != BL_OK) {
		if (is_made)
			rmdir(path);
		return status;
	}
	*out_store = BL_TAKE(store);
	return BL_OK;
}

/* ---- open ---------------------------------------------------------------------------------------- */

static void sweep_new_device(int devices_fd, const char *name)
{
	static const char *const FILES[] = {"record",	       "record.tmp",
					    "customer.sealed", "customer.sealed.tmp",
					    "facts.sealed",    "facts.sealed.tmp"};
	BL_CLEANUP(fd_close)
	int fd = openat(devices_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < BL_COUNT(FILES); i++)
		unlinkat(fd, FILES[i], 0);
	unlinkat(devices_fd, name, AT_REMOVEDIR);
}

static enum bl_status load_device(struct device_store *store, const char *id, struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(store->devices_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open the folder of '%s' in the store",
				     id);

	enum bl_status status = file_is_private(fd, S_IFDIR, 0, id, why);
	BL_CLEANUP(bl_free) char *json = NULL;
	size_t length;

	if (status != BL_OK)
		return status;
	file_sweep(fd);
	status = file_get(fd, "record", &json, &length, why);
	if (status != BL_OK) {
		bl_explain(why, "device '%s'", id);
		return status == BL_IO || status == BL_NO_MEMORY ? status : BL_INVALID;
	}

	BL_CLEANUP(entry_free) struct device_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return BL_NO_MEMORY;
	status = codec_decode(json, length, entry, why);
	if (status == BL_OK && strcmp(entry->device.id, id) != 0)
		status = bl_fail(why, BL_INVALID, "its record is that of another device");
	if (status != BL_OK) {
		bl_explain(why, "device '%s'", id);
		return status;
	}
	/* A destruction under way stays without holds until recovery has looked at it. */
	entry->is_shredding = faccessat(fd, "shred", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (store->count == store->room) {
		size_t room = store->room ? 2 * store->room : 64;
		struct device_entry **grown =
			realloc(store->entries, room * sizeof(struct device_entry *));

		if (!grown)
			return BL_NO_MEMORY;
		store->entries = grown;
		store->room = room;
	}
	store->entries[store->count++] = BL_TAKE(entry);
	return BL_OK;
}

static int compare_entries(const void *a, const void *b)
{
	const struct device_entry *const *left = a, *const *right = b;

	return strcmp((*left)->device.id, (*right)->device.id);
}

static void folder_done(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static enum bl_status load_devices(struct device_store *store, struct bl_error *why)
{
	int copy = openat(store->devices_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(folder_done))) DIR *folder = copy < 0 ? NULL : fdopendir(copy);

	if (!folder) {
		fd_close(copy);
		return bl_fail_errno(why, BL_IO, "cannot list the devices of the store");
	}
	for (struct dirent *entry; (entry = readdir(folder));) {
		const char *name = entry->d_name;
		enum bl_status status = BL_OK;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (strncmp(name, NEW_DEVICE, strlen(NEW_DEVICE)) == 0)
			sweep_new_device(store->devices_fd, name);
		else if (!bl_device_id_ok(name))
			status = bl_fail(why, BL_INVALID,
					 "the store's folder 'devices' holds what is no device");
		else if (store->count == DEVICE_LIMIT)
			status = bl_fail(why, BL_TOO_LARGE, "the store holds over %d devices",
					 DEVICE_LIMIT);
		else
			status = load_device(store, name, why);
		if (status != BL_OK)
			return status;
	}
	if (store->count)
		qsort(store->entries, store->count, sizeof(struct device_entry *), compare_entries);
	return BL_OK;
}

static enum bl_status open_header(struct device_store *store, const char *path,
				  struct bl_error *why)
{
	uint8_t header[STORE_FILE_SIZE];

	store->lock_fd =
		openat(store->fd, STORE_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (store->lock_fd < 0 && errno == ENOENT)
		return bl_fail(why, is_empty(store->fd) ? BL_NOT_FOUND : BL_INVALID,
			       "'%s' is not a Bailee store (make one with 'bailee serve' on an "
			       "empty directory)",
			       path);
	if (store->lock_fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s' of the store", STORE_FILE);

	enum bl_status status = file_is_private(store->lock_fd, S_IFREG, 0, STORE_FILE, why);

	if (status == BL_OK)
		status = take_lock(store->lock_fd, why);
	if (status != BL_OK)
		return status;
	if (pread(store->lock_fd, header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return bl_fail(why, BL_INVALID, "'%s' is too short (restore it from a backup)",
			       STORE_FILE);
	return header_decode(header, store->id, why);
}

enum bl_status device_store_open(const char *path, const struct device_store_keys *keys,
				 struct device_store **out_store, struct bl_error *why)
{
	BL_CLEANUP(device_store_close)
	struct device_store *store = sodium_init() < 0 ? NULL : store_new();

	if (!store)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0)
		return bl_fail_errno(why, errno == ENOENT ? BL_NOT_FOUND : BL_INVALID,
				     "cannot open the store '%s'", path);

	enum bl_status status = file_is_private(store->fd, S_IFDIR, 0011, path, why);

	if (status == BL_OK)
		status = open_header(store, path, why);
	if (status == BL_OK)
		status = open_folders(store, why);
	if (status == BL_OK)
		status = device_store_keys_at(store->fd, &store->keys_fd, why);
	if (status == BL_OK)
		status = vault_open(store->keys_fd, keys ? keys->secrets : NULL,
				    keys ? keys->secret_count : 0, &store->vault, why);
	if (status != BL_OK)
		return status;
	file_sweep(store->fd);
	file_sweep(store->certificates_fd);
	status = load_devices(store, why);
	if (status == BL_OK)
		status = holds_restore(store, why);
	if (status == BL_OK)
		*out_store = BL_TAKE(store);
	return status;
}

/* ---- the last good policy -------------------------------------------------------------------------- */

enum bl_status device_store_last_policy(struct device_store *store, char **out_bytes,
					size_t *out_length, struct bl_error *why)
{
	pthread_mutex_lock(&store->mutex);

	enum bl_status status = file_get(store->fd, POLICY_FILE, out_bytes, out_length, why);

	pthread_mutex_unlock(&store->mutex);
	return status;
}

enum bl_status device_store_keep_policy(struct device_store *store, const char *bytes,
					size_t length, struct bl_error *why)
{
	pthread_mutex_lock(&store->mutex);

	enum bl_status status = file_put(store->fd, POLICY_FILE, bytes, length, why);

	pthread_mutex_unlock(&store->mutex);
	return status;
}

/* ---- what the store keeps sealed of itself ---------------------------------------------------------- */

enum bl_status device_store_secret_write(struct device_store *store,
					 enum device_store_secret secret, const void *bytes,
					 size_t length, struct bl_error *why)
{
	STORE_LOCKED(store);

	return store_secret_put(store, secret, bytes, length, why);
}

enum bl_status device_store_secret_read(struct device_store *store, enum device_store_secret secret,
					uint8_t **out_bytes, size_t *out_length,
					struct bl_error *why)
{
	STORE_LOCKED(store);

	return store_secret_get(store, secret, out_bytes, out_length, why);
}
