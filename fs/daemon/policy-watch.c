/*
 * The policy's file, watched: saving it is enough.
 *
 * Editors write beside the file and rename, configuration tools swap links: so the folder of the file is watched, and that of
 * what it leads to. A file that is still being written is nobody's policy: of its own name only a write that was closed, a
 * rename, a link or another mode is a reason to load it; of other names only that the path leads elsewhere now.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/state.h"

#define SIGNATURE ".minisig"
#define EVENTS	  (IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_CREATE)

static void watch_folder(struct daemon *daemon, const char *path)
{
	BL_CLEANUP(bl_free) char *copy = strdup(path);

	if (!copy || inotify_add_watch(daemon->watch_fd, dirname(copy), EVENTS) < 0)
		fprintf(stderr,
			"info: daemon: changes of '%s' are not noticed by themselves (bailee "
			"reload)\n",
			path);
}

/* A folder that is watched already is watched once; one that a link no longer leads to costs an event now and then. */
static void watch_both(struct daemon *daemon)
{
	BL_CLEANUP(bl_free) char *real = realpath(daemon->options->policy_path, NULL);

	watch_folder(daemon, daemon->options->policy_path);
	if (real)
		watch_folder(daemon, real);
	snprintf(daemon->policy_real, sizeof(daemon->policy_real), "%s", real ? real : "");
}

void policy_watch(struct daemon *daemon)
{
	if (!daemon->options->policy_path)
		return;
	daemon->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch_both(daemon);
}

static bool is_name_of(const char *name, const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *base = slash ? slash + 1 : path;
	size_t length = base ? strlen(base) : 0;

	return base && strncmp(name, base, length) == 0 &&
	       (name[length] == '\0' || strcmp(name + length, SIGNATURE) == 0);
}

/* The same file with another owner or mode: one that could not be taken may be one now. */
static bool is_other_mode(struct daemon *daemon)
{
	struct stat now;

	if (stat(daemon->options->policy_path, &now) < 0)
		return false;
	pthread_mutex_lock(&daemon->life_lock);
	const struct policy_identity *seen = &daemon->policy_seen;
	bool is_other = seen->device == now.st_dev && seen->inode == now.st_ino &&
			(seen->mode != now.st_mode || seen->owner != now.st_uid);

	pthread_mutex_unlock(&daemon->life_lock);
	return is_other;
}

/* A link that was made is complete; any other file that was made will be closed. */
static bool is_link(const struct daemon *daemon)
{
	struct stat now;

	return lstat(daemon->options->policy_path, &now) == 0 &&
	       (S_ISLNK(now.st_mode) || now.st_nlink > 1);
}

/* @real: where the path leads now; NULL: nowhere, for a moment between an editor's two renames or for good */
static bool is_reason(struct daemon *daemon, const struct inotify_event *event, const char *real)
{
	const char *name = event->len ? event->name : "";
	bool is_own = is_name_of(name, daemon->options->policy_path) || is_name_of(name, real);

	if (!real)
		return false;
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (!is_own)
		return strcmp(real, daemon->policy_real) != 0;
	if (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		return true;
	return (event->mask & IN_CREATE && is_link(daemon)) ||
	       (event->mask & IN_ATTRIB && is_other_mode(daemon));
}

/* All that is waiting: several events of one save are one reason. */
static bool take_events(struct daemon *daemon)
{
	_Alignas(struct inotify_event) char events[16384];
	BL_CLEANUP(bl_free) char *real = realpath(daemon->options->policy_path, NULL);
	bool is_any = false;
	ssize_t length;

	while ((length = read(daemon->watch_fd, events, sizeof(events))) > 0)
		for (char *at = events; at < events + length;) {
			const struct inotify_event *event = (const void *)at;

			is_any = is_any || is_reason(daemon, event, real);
			at += sizeof(*event) + event->len;
		}
	return is_any;
}

void policy_watched(struct daemon *daemon)
{
	if (!take_events(daemon))
		return;
	policy_file_changed(daemon);
	watch_both(daemon);
}
