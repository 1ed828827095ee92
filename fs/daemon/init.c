/* bailee init: a store with its log, whose kit goes to the auditor and not into the store. No daemon runs. */
#include "fs/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/kit.h"
#include "fs/daemon/state.h"
#include "fs/device/device.h"
#include "fs/vault/medium.h"

struct keeping {
	int folder_fd;
	const char *name;
	uint8_t log_id[AUDIT_LOG_ID];
};

static enum bl_status keep(void *context, const struct audit_kit *kit, struct bl_error *why)
{
	struct keeping *keeping = context;

	memcpy(keeping->log_id, kit->log_id, AUDIT_LOG_ID);
	return kit_keep(keeping->folder_fd, keeping->name, kit, false, why);
}

/* Before there is a store: what is wrong with the kit's place leaves none behind. */
static enum bl_status open_folder(struct keeping *keeping, char *path, struct bl_error *why)
{
	char *slash = strrchr(path, '/');

	keeping->name = slash ? slash + 1 : path;
	if (slash && slash != path)
		*slash = '\0';
	const char *folder = !slash ? "." : slash == path ? "/" : path;

	if (!*keeping->name)
		return bl_fail(why, BL_INVALID, "the kit needs the name of a file (--kit FILE)");
	keeping->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (keeping->folder_fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open the kit's folder '%.200s'",
				     folder);
	struct stat st;

	if (fstatat(keeping->folder_fd, keeping->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return bl_fail(why, BL_EXISTS,
			       "there is a file '%.200s' already (give --kit another name)",
			       keeping->name);
	return BL_OK;
}

static enum bl_status check_outside(const struct keeping *keeping, const char *store_path,
				    struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open(store_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* What is not there yet holds nothing. Whoever takes the store would take the kit along. */
	if (fd < 0 || !path_is_inside(keeping->folder_fd, fd))
		return BL_OK;
	return bl_fail(why, BL_INVALID,
		       "the kit may not lie in the store: whoever could forge the log would have "
		       "it (give --kit a file elsewhere)");
}

/* What is above a folder that is yet to be made. */
static int open_nearest(const char *path)
{
	BL_CLEANUP(bl_free) char *copy = strdup(path);

	while (copy) {
		int fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		char *slash = strrchr(copy, '/');

		if (fd >= 0 || errno != ENOENT)
			return fd;
		if (!slash)
			return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (slash == copy)
			return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		*slash = '\0';
	}
	return -1;
}

/* Keys are destroyed by an overwrite in place: where that leaves the old bytes there must be none. */
static enum bl_status check_medium(const char *path, bool is_elsewhere, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open_nearest(path);
	struct medium medium;

	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%.200s'", path);
	enum bl_status status = medium_look(fd, &medium, why);

	if (status != BL_OK || medium.is_good)
		return status;
	return bl_fail(why, BL_UNSUPPORTED, "%s '%.100s' %s%s",
		       is_elsewhere ? "the keys' folder" : "the store", path, medium.trouble,
		       is_elsewhere ? "" : "; or keep the keys elsewhere: --keys DIR");
}

static enum bl_status open_store(const struct daemon_init *init, struct device_store **out_store,
				 struct bl_error *why)
{
	const char *path = init->store_path;
	enum bl_status status = device_store_create(path, &init->keys, out_store, why);

	/* A store without a log is what a crash in here leaves. */
	return status == BL_EXISTS ? device_store_open(path, &init->keys, out_store, why) : status;
}

/* Said before anything is said of the kit: no other name for it would help. */
static enum bl_status check_new(const char *store_path, struct bl_error *why)
{
	struct stat st;
	BL_CLEANUP(fd_close) int fd = open(store_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstatat(fd, "log/log.id", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return BL_OK;
	return bl_fail(why, BL_EXISTS,
		       "store '%.200s' has a log already, and one is made once (bailee serve "
		       "--store, or init another store)",
		       store_path);
}

enum bl_status daemon_init(const struct daemon_init *init, uint8_t out_log_id[AUDIT_LOG_ID],
			   struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *path = strdup(init->kit_path);
	BL_CLEANUP(device_store_close) struct device_store *store = NULL;
	struct keeping keeping = {.folder_fd = -1};

	if (!path)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	enum bl_status status = check_new(init->store_path, why);

	if (status == BL_OK)
		status = open_folder(&keeping, path, why);
	if (status == BL_OK)
		status = check_outside(&keeping, init->store_path, why);
	if (status == BL_OK)
		status = check_medium(init->keys.folder ? init->keys.folder : init->store_path,
				      init->keys.folder, why);
	if (status == BL_OK) {
		status = open_store(init, &store, why);
		if (status != BL_OK)
			bl_explain(why, "store '%.200s'", init->store_path);
	}
	if (status == BL_OK) {
		const struct audit_config config = {
			.store_fd = device_store_fd(store),
			.vault = device_store_vault(store),
			.auditors = init->auditors,
			.auditor_count = init->auditor_count,
			.keep_kit = keep,
			.context = &keeping,
		};

		status = audit_create(&config, why);
		if (status != BL_OK)
			bl_explain(why, "store '%.200s'", init->store_path);
	}
	fd_close(keeping.folder_fd);
	memcpy(out_log_id, keeping.log_id, AUDIT_LOG_ID);
	return status;
}
