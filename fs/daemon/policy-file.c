/*
 * The policy as a file: read once, so that what was checked is what is loaded; and watched, so that saving it is enough.
 *
 * Editors write beside the file and rename, configuration tools swap links: so it is the folder that is watched, and after any
 * event the file is looked at and loaded when it is another one than the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/state.h"
#include "policy/sign/minisign.h"
#include "policy/yaml/yaml.h"

static struct policy_identity identity_of(const struct stat *stat)
{
	return (struct policy_identity){
		.device = stat->st_dev,
		.inode = stat->st_ino,
		.size = (uint64_t)stat->st_size,
		.changed_ns = (int64_t)stat->st_ctim.tv_sec * 1000000000 + stat->st_ctim.tv_nsec,
	};
}

/* Who could write into it could write the policy. */
static enum bl_status check_owner(const struct stat *stat, const char *path, uid_t owner,
				  struct bl_error *why)
{
	if (stat->st_uid != 0 && stat->st_uid != owner)
		return bl_fail(why, BL_INVALID,
			       "policy '%s' belongs to uid %u, who could change it (chown %u %s)",
			       path, stat->st_uid, owner, path);
	if (stat->st_mode & 022)
		return bl_fail(why, BL_INVALID,
			       "policy '%s' can be written by others (chmod go-w %s)", path, path);
	return BL_OK;
}

static enum bl_status read_file(const char *path, uid_t owner, size_t limit, char **out_bytes,
				size_t *out_length, struct policy_identity *out_identity,
				struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return bl_fail_errno(why, errno == ENOENT ? BL_NOT_FOUND : BL_INVALID,
				     "cannot open policy '%s'", path);
	*out_identity = identity_of(&stat);
	if (!S_ISREG(stat.st_mode) || stat.st_size < 0 || (uint64_t)stat.st_size > limit)
		return bl_fail(why, BL_INVALID, "policy '%s' is not a file of at most %zu KiB",
			       path, limit >> 10);

	enum bl_status status = check_owner(&stat, path, owner, why);
	size_t length = (size_t)stat.st_size;
	BL_CLEANUP(bl_free) char *bytes = status == BL_OK ? malloc(length + 1) : NULL;

	if (status != BL_OK)
		return status;
	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (read(fd, bytes, length) != (ssize_t)length)
		return bl_fail(why, BL_IO, "cannot read policy '%s'", path);
	bytes[length] = '\0';
	*out_bytes = BL_TAKE(bytes);
	*out_length = length;
	return BL_OK;
}

/* FILE.minisig; NULL when there is none. */
static enum bl_status read_signature(struct daemon *daemon, char **out_text, struct bl_error *why)
{
	char path[PATH_LIMIT + 16];
	struct policy_identity unused;
	size_t length;

	snprintf(path, sizeof(path), "%s.minisig", daemon->options->policy_path);
	enum bl_status status = read_file(path, daemon->owner, MINISIGN_TEXT_LIMIT, out_text,
					  &length, &unused, why);

	return status == BL_NOT_FOUND ? BL_OK : status;
}

enum bl_status policy_load_file(struct daemon *daemon, const struct peer *peer,
				struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	BL_CLEANUP(bl_free) char *signature = NULL;
	struct policy_identity identity = {0};
	struct policy_text text = {0};

	if (!daemon->options->policy_path)
		return bl_fail(why, BL_INVALID,
			       "this service was started without --policy, so there is no file to "
			       "load again (bailee policy load FILE)");
	enum bl_status status = read_file(daemon->options->policy_path, daemon->owner,
					  YAML_SIZE_LIMIT, &bytes, &text.length, &identity, why);

	if (status == BL_NOT_FOUND)
		status = BL_INVALID;
	pthread_mutex_lock(&daemon->life_lock);
	daemon->policy_seen = identity;
	pthread_mutex_unlock(&daemon->life_lock);
	if (status == BL_OK)
		status = read_signature(daemon, &signature, why);
	if (status != BL_OK) {
		policy_refused(daemon, why);
		return status;
	}
	text.bytes = bytes;
	text.signature = signature;
	return policy_replace(daemon, &text, peer, why);
}

void policy_reload(struct daemon *daemon)
{
	struct bl_error why = {{0}};

	if (policy_load_file(daemon, NULL, &why) == BL_OK)
		fprintf(stderr, "info: daemon: policy '%s' loaded\n", daemon->options->policy_path);
	else
		fprintf(stderr, "error: daemon: policy stays as it was: %s\n", why.text);
}

/* ---- watching ---------------------------------------------------------------------------------- */

void policy_watch(struct daemon *daemon)
{
	BL_CLEANUP(bl_free) char *copy = NULL;
	BL_CLEANUP(fd_close) int fd = -1;

	if (!daemon->options->policy_path)
		return;
	copy = strdup(daemon->options->policy_path);
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (!copy || fd < 0 ||
	    inotify_add_watch(fd, dirname(copy), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB) < 0) {
		fprintf(stderr,
			"info: daemon: changes of '%s' are not noticed by themselves (bailee "
			"reload)\n",
			daemon->options->policy_path);
		return;
	}
	daemon->watch_fd = fd_take(&fd);
}

static void drain(int fd)
{
	char events[16384];

	while (read(fd, events, sizeof(events)) > 0)
		continue;
}

void policy_watched(struct daemon *daemon)
{
	struct stat stat;

	drain(daemon->watch_fd);
	/* Gone for a moment between an editor's two renames: the second brings another event. */
	if (lstat(daemon->options->policy_path, &stat) < 0 ||
	    (S_ISLNK(stat.st_mode) &&
	     fstatat(AT_FDCWD, daemon->options->policy_path, &stat, 0) < 0))
		return;
	struct policy_identity now = identity_of(&stat);

	pthread_mutex_lock(&daemon->life_lock);
	bool is_another = memcmp(&now, &daemon->policy_seen, sizeof(now)) != 0;

	pthread_mutex_unlock(&daemon->life_lock);
	if (is_another)
		policy_reload(daemon);
}
