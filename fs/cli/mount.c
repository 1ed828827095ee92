#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/cli/mount-options.h"
#include "fs/cli/secret.h"
#include "fs/cli/source-look.h"
#include "fs/serve/serve.h"

#define SOURCES_LIMIT 64

struct mounting {
	struct invocation invocation;
	struct daemon_options options;
	struct daemon_source sources[SOURCES_LIMIT];
	struct mount_options said; /* by -o */
	int ready_fd;		   /* the waiting parent's pipe; -1 in the foreground */
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
static enum bl_status take_source(const struct mounting *mounting, char *argument,
				  struct daemon_source *out_source, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	char *equals = strrchr(argument, '=');

	if (mounting->said.device) {
		if (!bl_device_id_ok(mounting->said.device))
			return bl_fail(
				why, BL_INVALID,
				"device= is no id of a device (1 to 31 of A-Z a-z 0-9 . _ -)");
		strcpy(out_source->id, mounting->said.device);
	} else if (equals && bl_device_id_ok(equals + 1) && access(argument, F_OK) != 0) {
		*equals = '\0';
		strcpy(out_source->id, equals + 1);
	} else {
		id_from_path(argument, out_source->id);
	}
	out_source->path = argument;
	enum bl_status status = look_open(argument, O_RDONLY, &fd, why);

	return status == BL_OK
		       ? look_at(&mounting->invocation, argument, fd, &out_source->part, why)
		       : status;
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

/* Said twice, once each way: what would count is anybody's guess. */
static enum bl_status merge(const char **to, const char *from, const char *name,
			    struct bl_error *why)
{
	if (from && *to)
		return bl_fail(why, BL_INVALID, "%s is given twice (by --%s and by -o)", name,
			       name);
	if (from)
		*to = from;
	return BL_OK;
}

/* What -o said, where its options say the same. */
static enum bl_status merge_options(struct mounting *mounting, struct secret_options *given,
				    struct bl_error *why)
{
	const struct mount_options *said = &mounting->said;
	enum bl_status status = merge(&mounting->options.policy_path, said->policy, "policy", why);

	if (status == BL_OK)
		status = merge(&mounting->options.purpose, said->purpose, "purpose", why);
	if (status == BL_OK)
		status = merge(&mounting->options.reason, said->reason, "reason", why);
	if (status == BL_OK)
		status = merge(&given->passphrase_file, said->passphrase_file, "passphrase-file",
			       why);
	if (said->store)
		mounting->invocation.store = said->store;
	if (said->key_file && given->key_files.count < CLI_LIST_LIMIT)
		given->key_files.items[given->key_files.count++] = said->key_file;
	mounting->options.idle_seconds = said->timeout_seconds;
	return status;
}

static enum bl_status take_options(struct mounting *mounting, const struct text_list *lists,
				   struct secret_options *given, struct bl_error *why)
{
	for (size_t i = 0; i < lists->count; i++) {
		enum bl_status status = mount_options_take(
			&mounting->said, (char *)(uintptr_t)lists->items[i], true, why);

		if (status != BL_OK)
			return status;
	}
	return merge_options(mounting, given, why);
}

static enum bl_status take_sources(struct mounting *mounting, struct bl_error *why)
{
	size_t count = (size_t)mounting->invocation.argument_count - 1;
	bool is_whole = image_part_is_whole(&mounting->said.part);
	enum bl_status status = BL_OK;

	if (count > 1 && (!is_whole || mounting->said.device))
		return bl_fail(why, BL_INVALID,
			       "offset=, partition=, fs= and device= are of one source, and here "
			       "are %zu",
			       count);
	for (size_t i = 0; i < count && status == BL_OK; i++) {
		mounting->sources[i].part = mounting->said.part;
		status = take_source(mounting, mounting->invocation.arguments[i],
				     &mounting->sources[i], why);
	}
	mounting->options.sources = mounting->sources;
	mounting->options.source_count = count;
	return status;
}

static enum bl_status take_mountpoint(struct mounting *mounting, char **out_path,
				      struct bl_error *why)
{
	const char *given = mounting->invocation.arguments[mounting->invocation.argument_count - 1];

	*out_path = realpath(given, NULL);
	mounting->options.mountpoint = *out_path;
	return *out_path ? BL_OK
			 : bl_fail_errno(why, BL_INVALID, "cannot open mount point '%s'", given);
}

static enum bl_status prepare(struct mounting *mounting, const struct text_list *lists,
			      struct secret_options *given, struct secrets *secrets,
			      char **out_mountpoint, struct bl_error *why)
{
	enum bl_status status = take_options(mounting, lists, given, why);

	if (status == BL_OK)
		status = take_sources(mounting, why);
	if (status == BL_OK)
		status = take_mountpoint(mounting, out_mountpoint, why);
	if (status != BL_OK)
		return status;
	if (mounting->invocation.store == mounting->invocation.store_room)
		make_parents(mounting->invocation.store);
	status = secrets_for(mounting->invocation.store, given, secrets, why);
	mounting->options.secrets = secrets->items;
	mounting->options.secret_count = secrets->count;
	mounting->options.store_path = mounting->invocation.store;
	mounting->options.context = mounting;
	return status;
}

int cmd_mount(int argc, char **argv)
{
	struct mounting mounting = {
		.invocation = {.command = "mount",
			       .usage = "mount [-f] [-d] [-o OPTION[,OPTION]...] [--policy FILE] "
					"[--store DIR] [--purpose P] [--reason TEXT] "
					"[--passphrase-file FILE|-] [--key-file FILE] "
					"SOURCE[=ID]... MOUNTPOINT"},
		.options = {.is_solo = true, .on_ready = say_ready},
		.ready_fd = -1,
	};
	bool in_foreground = false;
	struct text_list lists = {.count = 0};
	struct secret_options given = {.passphrase_file = NULL};
	SECRETS_CLEANUP struct secrets secrets = {.count = 0};
	BL_CLEANUP(bl_free) char *mountpoint = NULL;
	const struct option_row rows[] = {
		{.name = "foreground", .letter = 'f', .flag = &in_foreground},
		{.name = "debug", .letter = 'd', .flag = &mounting.options.is_debug},
		{.name = "options", .letter = 'o', .list = &lists},
		{.name = "policy", .text = &mounting.options.policy_path},
		{.name = "purpose", .text = &mounting.options.purpose},
		{.name = "reason", .text = &mounting.options.reason},
		SECRET_ROWS(&given)};
	struct bl_error why = {{0}};
	int code = cli_parse(&mounting.invocation, argc, argv, rows, BL_COUNT(rows), 2,
			     SOURCES_LIMIT + 1);

	if (code >= 0)
		return code;
	enum bl_status status = prepare(&mounting, &lists, &given, &secrets, &mountpoint, &why);

	if (status != BL_OK)
		return cli_fail(&mounting.invocation, status, &why);
	return in_foreground || mounting.options.is_debug ? run(&mounting)
							  : run_in_background(&mounting);
}

/* One of ours, alive or dead (proc(5), mountinfo): root's umount2 would take any other away as well. */
static bool is_ours(const char *path)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	BL_CLEANUP(bl_free) char *line = NULL;
	uint64_t number = serve_mount_at(path);
	bool is_found = false;
	size_t room = 0;

	if (!mounts)
		return false;
	while (number && !is_found && getline(&line, &room, mounts) > 0)
		is_found = strtoull(line, NULL, 10) == number &&
			   strstr(line, " - fuse.bailee ") != NULL;
	fclose(mounts);
	return is_found;
}

int cmd_umount(int argc, char **argv)
{
	struct invocation invocation = {.command = "umount", .usage = "umount MOUNTPOINT"};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 1, 1);
	struct bl_error why = {{0}};

	if (code >= 0)
		return code;
	if (!is_ours(invocation.arguments[0])) {
		bl_fail(&why, BL_NOT_MOUNTED, "'%s' is not a mount of Bailee",
			invocation.arguments[0]);
		return cli_fail(&invocation, BL_NOT_MOUNTED, &why);
	}
	enum bl_status status = serve_unmount(invocation.arguments[0], &why);

	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}
