/*
 * mount-helper.c - what mount(8) runs as /sbin/mount.bailee and /sbin/mount.fuse.bailee, links to bailee itself
 *
 *   mount.bailee SOURCE MOUNTPOINT [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]
 *
 * mount(8), "EXTERNAL HELPERS". Exit codes are those that mount(8) has for all helpers: 0, 1 (wrong use), 32 (did not mount).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fs/cli/cli.h"

#define EXIT_USE   1
#define EXIT_MOUNT 32

struct helping {
	char *options; /* NULL: none */
	bool is_fake;  /* -f: all but mounting */
};

/* mount(8) says "rw" first when nobody said "ro": from it, that is no wish to write. */
static char *without_rw(char *options)
{
	if (strncmp(options, "rw", 2) != 0 || (options[2] && options[2] != ','))
		return options;
	return options + (options[2] ? 3 : 2);
}

/*
 * For offset= and loop mount(8) puts a loop device in the place of the image. That one goes with the last who has it open, which is mount(8)
 * itself, and its name is another one the next time.
 */
static bool is_passing_loop(const char *source)
{
	BL_CLEANUP(fd_close) int fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct loop_info64 about;

	return fd >= 0 && ioctl(fd, LOOP_GET_STATUS64, &about) == 0 &&
	       (about.lo_flags & LO_FLAGS_AUTOCLEAR);
}

static bool has_word(const char *options, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = options; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (!at[length] || at[length] == ','))
			return true;
	}
	return false;
}

/* SOURCE, or SOURCE=ID */
static bool is_there(const char *source)
{
	const char *equals = strrchr(source, '=');
	char path[PATH_MAX];

	if (access(source, F_OK) == 0 || errno != ENOENT)
		return true;
	if (!equals || (size_t)(equals - source) >= sizeof(path))
		return false;
	memcpy(path, source, (size_t)(equals - source));
	path[equals - source] = '\0';
	return access(path, F_OK) == 0 || errno != ENOENT;
}

/* -s asks to overlook unknown options: one that was meant to choose a policy or a part would be among them, so it is not done. */
static bool take(struct helping *helping, int argc, char **argv)
{
	int letter;

	opterr = 0;
	while ((letter = getopt(argc, argv, "sfnvN:o:t:")) != -1) {
		if (letter == '?' || letter == ':' || letter == 'N')
			return false;
		if (letter == 'o')
			helping->options = optarg;
		if (letter == 'f')
			helping->is_fake = true;
	}
	return argc - optind == 2;
}

int cmd_mount_helper(int argc, char **argv)
{
	static char none[] = "";
	struct helping helping = {.options = NULL};

	if (!take(&helping, argc, argv)) {
		fputs("error: mount.bailee: wrong use (use: mount.bailee SOURCE[=ID] MOUNTPOINT "
		      "[-o OPTIONS]; "
		      "namespaces are not entered)\n",
		      stderr);
		return EXIT_USE;
	}
	if (helping.is_fake)
		return 0;
	/* fstab(5): no error of what does not exist. mount(8) leaves that to us. */
	if (helping.options && has_word(helping.options, "nofail") && !is_there(argv[optind]))
		return 0;
	if (is_passing_loop(argv[optind])) {
		fputs("error: mount.bailee: mount(8) made a loop device of the image (say start= "
		      "for offset=, "
		      "and no loop)\n",
		      stderr);
		return EXIT_USE;
	}

	char *arguments[] = {(char[]){"mount"},
			     (char[]){"-o"},
			     without_rw(helping.options ? helping.options : none),
			     (char[]){"--"},
			     argv[optind],
			     argv[optind + 1],
			     NULL};
	int code = cmd_mount(BL_COUNT(arguments) - 1, arguments);

	return code == 0 ? 0 : EXIT_MOUNT;
}
