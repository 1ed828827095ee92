/* Whose terminal is it, and who on this host can look at other people's processes? */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <termios.h>

#include "fs/session/private.h"

/* Documentation/admin-guide/devices.txt: virtual consoles; the slaves of Unix98 ptys */
#define CONSOLE_MAJOR	4
#define CONSOLES	64 /* from there on they are serial lines */
#define PTY_FIRST_MAJOR 136
#define PTY_LAST_MAJOR	143

#define LINE_LIMIT                                                                                 \
	(64u << 10) /* of mountinfo: two paths and options; the kernel's are a page each */
#define MOUNT_LIMIT                                                                                \
	65536 /* mounts: fs.mount-max is 100000 where nobody changed it, yet nobody has them */

/* ---- terminals ------------------------------------------------------------------------------------ */

static bool is_terminal(int fd, struct stat *out)
{
	struct termios ignored;
	struct statx known;

	/* By what the kernel knows by itself: a client's file on a mount of its own may answer never. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &known) != 0 ||
	    !S_ISCHR(known.stx_mode))
		return false;
	if (tcgetattr(fd, &ignored) != 0 || fstat(fd, out) != 0 || !S_ISCHR(out->st_mode))
		return false;

	unsigned major_number = major(out->st_rdev), minor_number = minor(out->st_rdev);

	return (major_number >= PTY_FIRST_MAJOR && major_number <= PTY_LAST_MAJOR) ||
	       (major_number == CONSOLE_MAJOR && minor_number > 0 && minor_number < CONSOLES);
}

enum bl_status sight_is_terminal(int input_fd, int output_fd, uid_t uid, struct bl_error *why)
{
	struct stat input, output;

	if (!is_terminal(input_fd, &input) || !is_terminal(output_fd, &output))
		return bl_fail(why, BL_INVALID,
			       "a sealed session needs a terminal (no pipe, no file: standard "
			       "input and output have to be one terminal)");
	/* The same number may be another terminal where there is more than one devpts. */
	if (input.st_rdev != output.st_rdev || input.st_ino != output.st_ino ||
	    input.st_dev != output.st_dev)
		return bl_fail(why, BL_INVALID,
			       "standard input and output are two terminals (they have to be one)");
	if (input.st_uid != uid)
		return bl_fail(why, BL_INVALID,
			       "this terminal belongs to somebody else (log in as yourself: su and "
			       "sudo keep the terminal of who called them)");
	return BL_OK;
}

/* ---- /proc ---------------------------------------------------------------------------------------- */

/* What of a line of mountinfo matters; proc_pid_mountinfo(5). Paths as the kernel escapes them, which is one way only. */
struct mount_line {
	long id, parent;
	const char *root, *point, *type, *options;
};

struct mount_seen {
	long id, parent;
	char *point;
	bool is_proc, is_hiding;
};

struct mounts {
	struct mount_seen *items;
	size_t count, room;
};

static void mounts_done(struct mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		free(mounts->items[i].point);
	free(mounts->items);
}

static bool parse_number(const char *text, long *out)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 10)
		return false;
	*out = strtol(text, &end, 10);
	return *end == '\0';
}

/* Single spaces between; an empty field is a field. */
static char *next_field(char **at)
{
	char *field = *at;

	if (!field)
		return NULL;

	char *end = strchr(field, ' ');

	if (end)
		*end = '\0';
	*at = end ? end + 1 : NULL;
	return *field ? field : NULL;
}

/* "36 35 98:0 /root /point rw,noatime [tag...] - type source options" */
static bool parse_line(char *line, struct mount_line *out)
{
	char *at = line;
	char *id = next_field(&at), *parent = next_field(&at), *device = next_field(&at);
	char *root = next_field(&at), *point = next_field(&at), *own = next_field(&at), *tag;

	do
		tag = next_field(&at);
	while (tag && strcmp(tag, "-") != 0);

	char *type = next_field(&at), *source = NULL, *options;

	/* The one field that may be empty: a source of no name. */
	if (type && at) {
		source = at;
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	options = next_field(&at);
	if (!id || !parent || !device || !root || !point || !own || !tag || !type || !source ||
	    !options || at || *point != '/')
		return false;
	*out = (struct mount_line){.root = root, .point = point, .type = type, .options = options};
	return parse_number(id, &out->id) && parse_number(parent, &out->parent);
}

/* One option, NUL-terminated: does it hide, does it show? */
static bool is_hiding_option(const char *option)
{
	static const char *const HIDING[] = {"hidepid=invisible", "hidepid=ptraceable", "hidepid=2",
					     "hidepid=4"};

	for (size_t i = 0; i < BL_COUNT(HIDING); i++)
		if (strcmp(option, HIDING[i]) == 0)
			return true;
	return false;
}

static bool do_options_hide(const char *options)
{
	bool is_hiding = false;

	while (*options) {
		char option[32];
		size_t length = strcspn(options, ",");

		/* Any group, also root's own: whoever is in it sees everything. */
		if (strncmp(options, "gid=", 4) == 0)
			return false;
		snprintf(option, sizeof(option), "%.*s", (int)BL_MIN(length, sizeof(option)),
			 options);
		if (strncmp(option, "hidepid=", 8) == 0)
			is_hiding = length < sizeof(option) && is_hiding_option(option);
		options += length + (options[length] == ',');
	}
	return is_hiding;
}

static bool keep(struct mounts *mounts, const struct mount_line *line)
{
	if (mounts->count == MOUNT_LIMIT)
		return false;
	if (mounts->count == mounts->room) {
		size_t room = mounts->room ? 2 * mounts->room : 64;
		struct mount_seen *items =
			reallocarray(mounts->items, room, sizeof(*mounts->items));

		if (!items)
			return false;
		mounts->items = items;
		mounts->room = room;
	}

	struct mount_seen *seen = &mounts->items[mounts->count];
	bool is_proc = strcmp(line->type, "proc") == 0;

	*seen = (struct mount_seen){.id = line->id,
				    .parent = line->parent,
				    .point = strdup(line->point),
				    .is_proc = is_proc,
				    .is_hiding = is_proc && do_options_hide(line->options)};
	if (!seen->point)
		return false;
	mounts->count++;
	return true;
}

static bool read_mounts(FILE *mountinfo, struct mounts *out)
{
	BL_CLEANUP(bl_free) char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, mountinfo)) > 0) {
		struct mount_line parsed;

		/* No NUL, a whole line, nothing endless. */
		if ((size_t)length > LINE_LIMIT || line[length - 1] != '\n' ||
		    strlen(line) != (size_t)length)
			return false;
		line[length - 1] = '\0';
		if (!parse_line(line, &parsed) || !keep(out, &parsed))
			return false;
	}
	return !ferror(mountinfo);
}

/*
 * Does another mount lie right on top of it? Only a mount on its very root, which names it as its parent, hides all of it. One on a folder
 * above it does not count: who had entered before, or holds a descriptor, still sees it.
 */
static bool is_covered(const struct mounts *mounts, const struct mount_seen *mount)
{
	for (size_t i = 0; i < mounts->count; i++)
		if (mounts->items[i].parent == mount->id && mounts->items[i].id != mount->id &&
		    strcmp(mounts->items[i].point, mount->point) == 0)
			return true;
	return false;
}

bool sight_mounts_hide(FILE *mountinfo)
{
	__attribute__((cleanup(mounts_done))) struct mounts mounts = {0};
	bool has_proc = false;

	if (!read_mounts(mountinfo, &mounts))
		return false;
	for (size_t i = 0; i < mounts.count; i++) {
		const struct mount_seen *mount = &mounts.items[i];

		if (!mount->is_proc || is_covered(&mounts, mount))
			continue;
		if (!mount->is_hiding)
			return false;
		has_proc = true;
	}
	/* None at all: then it was not read whole, or is in a place that we know nothing of. */
	return has_proc;
}

bool sight_hides(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/mountinfo", (long)pid);

	FILE *mountinfo = fopen(path, "re");

	if (!mountinfo)
		return false;

	bool is_hiding = sight_mounts_hide(mountinfo);

	fclose(mountinfo);
	return is_hiding;
}
