#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/cli/secret.h"

#define SOURCES_LIMIT 64

struct mounting {
	struct invocation invocation;
	struct daemon_options options;
	struct daemon_source sources[SOURCES_LIMIT];
	int ready_fd; /* the waiting parent's pipe; -1 in the foreground */
};

/* "My phone.img" ► "My-phone.img": an id is safe everywhere (bl_device_id_ok). */
static void id_from_path(const char *path, char out[BL_DEVICE_ID_SIZE])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;
	size_t length = 0;

	for (; *name && length < BL_DEVICE_ID_SIZE - 1; name++) {
		bool is_plain = isalnum((unsigned char)*name) && (unsigned char)*name < 0x80;

		if (is_plain || (length > 0 && *name != '/'))
			out[length++] = is_plain || strchr("._-", *name) ? *name : '-';
	}
	out[length] = '\0';
	if (length == 0)
		strcpy(out, "device");
}

/* SOURCE or SOURCE=ID; the '=' is cut in place. A path that has '=' itself can be given with =ID behind it. */
static enum bl_status take_source(char *argument, struct daemon_source *out_source,
				  struct bl_error *why)
{
	char *equals = strrchr(argument, '=');

	if (equals && bl_device_id_ok(equals + 1) && access(argument, F_OK) != 0) {
		*equals = '\0';
		strcpy(out_source->id, equals + 1);
	} else {
		id_from_path(argument, out_source->id);
	}
	out_source->path = argument;
	if (access(argument, R_OK) != 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open source '%s'", argument);
	return BL_OK;
}

/* The folders above the default store may not be there yet: a newcomer has no ~/.local/state. */
static void make_parents(const char *path)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int written = snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);

		/* What cannot be made is told when the store is. */
		if (written > 0 && (size_t)written < sizeof(parent))
			(void)!mkdir(parent, 0700);
	}
}

static void say_ready(void *context)
{
	struct mounting *mounting = context;

	printf("mounted: %s (solo: you own its store '%s', so masks and log work and nothing is "
	       "enforced against you)\n",
	       mounting->options.mountpoint, mounting->options.store_path);
	fflush(stdout);
	if (mounting->ready_fd < 0)
		return;
	if (write(mounting->ready_fd, "", 1) == 1) {
		/* From here on nobody listens to us: the terminal is the user's again. */
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int fd = 0; fd <= 2 && null >= 0; fd++)
			dup2(null, fd);
		fd_close(null);
	}
	fd_close(mounting->ready_fd);
	mounting->ready_fd = -1;
}

static int run(struct mounting *mounting)
{
	struct bl_error why = {{0}};
	enum bl_status status = daemon_run(&mounting->options, &why);

	return status == BL_OK ? 0 : cli_fail(&mounting->invocation, status, &why);
}

/* The parent leaves when the mount is there, with 0, or with the child's exit code when it never came. */
static int run_in_background(struct mounting *mounting)
{
	int ends[2], state;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cli_usage(&mounting->invocation, "cannot make a pipe");
	fflush(stdout);

	pid_t child = fork();

	if (child < 0)
		return cli_usage(&mounting->invocation, "cannot start in the background (try -f)");
	if (child == 0) {
		fd_close(ends[0]);
		mounting->ready_fd = ends[1];
		setsid();
		exit(run(mounting));
	}
	fd_close(ends[1]);
	if (read(ends[0], &byte, 1) == 1)
		return 0;
	waitpid(child, &state, 0);
	return WIFEXITED(state) ? WEXITSTATUS(state) : 1;
}

int cmd_mount(int argc, char **argv)
{
	struct mounting mounting = {
		.invocation =
			{.command = "mount",
			 .usage = "mount [-f] [--policy FILE] [--store DIR] [--purpose P] "
				  "[--reason TEXT] [--passphrase-file FILE|-] [--key-file FILE] "
				  "SOURCE[=ID]... MOUNTPOINT"},
		.options = {.is_solo = true, .on_ready = say_ready},
		.ready_fd = -1,
	};
	bool in_foreground = false;
	struct secret_options given = {.passphrase_file = NULL};
	SECRETS_CLEANUP struct secrets secrets = {.count = 0};
	const struct option_row rows[] = {{.name = "foreground", .flag = &in_foreground},
					  {.name = "policy", .text = &mounting.options.policy_path},
					  {.name = "purpose", .text = &mounting.options.purpose},
					  {.name = "reason", .text = &mounting.options.reason},
					  SECRET_ROWS(&given)};
	struct bl_error why = {{0}};
	int code = cli_parse(&mounting.invocation, argc, argv, rows, BL_COUNT(rows), 2,
			     SOURCES_LIMIT + 1);

	if (code >= 0)
		return code;
	for (int i = 0; i < mounting.invocation.argument_count - 1; i++) {
		enum bl_status status =
			take_source(mounting.invocation.arguments[i], &mounting.sources[i], &why);

		if (status != BL_OK)
			return cli_fail(&mounting.invocation, status, &why);
	}
	BL_CLEANUP(bl_free)
	char *mountpoint = realpath(
		mounting.invocation.arguments[mounting.invocation.argument_count - 1], NULL);

	if (!mountpoint) {
		bl_fail_errno(
			&why, BL_INVALID, "cannot open mount point '%s'",
			mounting.invocation.arguments[mounting.invocation.argument_count - 1]);
		return cli_fail(&mounting.invocation, BL_INVALID, &why);
	}
	if (mounting.invocation.store == mounting.invocation.store_room)
		make_parents(mounting.invocation.store);
	enum bl_status status = secrets_for(mounting.invocation.store, &given, &secrets, &why);

	if (status != BL_OK)
		return cli_fail(&mounting.invocation, status, &why);
	mounting.options.secrets = secrets.items;
	mounting.options.secret_count = secrets.count;
	mounting.options.context = &mounting;
	mounting.options.store_path = mounting.invocation.store;
	mounting.options.sources = mounting.sources;
	mounting.options.source_count = (size_t)mounting.invocation.argument_count - 1;
	mounting.options.mountpoint = mountpoint;
	return in_foreground ? run(&mounting) : run_in_background(&mounting);
}

/* A FUSE mount, alive or dead: root's umount2 would take any other filesystem away as well. */
static bool is_fuse(const char *path)
{
	struct statfs about;

	if (statfs(path, &about) == 0)
		return about.f_type == FUSE_SUPER_MAGIC;
	return errno == ENOTCONN || errno == ECONNABORTED;
}

int cmd_umount(int argc, char **argv)
{
	struct invocation invocation = {.command = "umount", .usage = "umount MOUNTPOINT"};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 1, 1);
	struct bl_error why = {{0}};
	int state;

	if (code >= 0)
		return code;
	if (!is_fuse(invocation.arguments[0])) {
		bl_fail(&why, BL_NOT_MOUNTED, "'%s' is not a mount of Bailee",
			invocation.arguments[0]);
		return cli_fail(&invocation, BL_NOT_MOUNTED, &why);
	}
	if (geteuid() == 0 && umount2(invocation.arguments[0], UMOUNT_NOFOLLOW) == 0)
		return 0;

	/* Only fusermount3 may unmount for an ordinary user. */
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		execlp("fusermount3", "fusermount3", "-u", "--", invocation.arguments[0],
		       (char *)NULL);
		_exit(127);
	}
	if (child > 0 && waitpid(child, &state, 0) == child && WIFEXITED(state) &&
	    WEXITSTATUS(state) == 0)
		return 0;
	bl_fail(&why, BL_NOT_MOUNTED,
		"cannot unmount '%s': not a mount of yours, or in use (leave it, then try again)",
		invocation.arguments[0]);
	return cli_fail(&invocation, BL_NOT_MOUNTED, &why);
}
