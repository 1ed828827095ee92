/* What personal data is on a device, or in an image that nobody enrolled: counts by class and path, never a value. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/cli/cli.h"
#include "fs/cli/progress.h"
#include "fs/cli/scan-page.h"

#define OWN_DEVICE "source" /* how the source is called in a store of its own */
#define WALK_FDS   16

struct scanning {
	struct invocation invocation;
	const char *policy, *reason, *purpose;
	bool wants_paths;
	struct progress progress;
	json_t *paths;
};

static bool take(void *context, const json_t *answer)
{
	struct scanning *scanning = context;
	const json_t *progress = json_object_get(answer, "progress");
	json_t *path = json_object_get(answer, "found");

	if (progress && !scanning->invocation.wants_json)
		progress_tell(&scanning->progress, cli_text(progress, "what"),
			      (uint64_t)cli_number(progress, "done"),
			      (uint64_t)cli_number(progress, "total"));
	if (json_object_get(answer, "begun"))
		json_array_clear(scanning->paths);
	if (path)
		json_array_append(scanning->paths, path);
	return true;
}

/* @out_code: 13 when something was not looked into because it cannot be read */
static enum bl_status ask(struct scanning *scanning, const char *device, int *out_code,
			  struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:s,s:s,s:s*,s:s*}", "do", "scan", "device", device, "reason",
				    scanning->reason, "purpose", scanning->purpose);

	if (!request)
		return bl_fail(why, BL_INVALID, "arguments are not UTF-8 text");
	if (scanning->wants_paths)
		json_object_set_new(request, "paths", json_true());
	enum bl_status status =
		cli_call(&scanning->invocation, request, -1, take, scanning, &answer, why);

	progress_end(&scanning->progress);
	if (status != BL_OK)
		return status;
	if (scanning->wants_paths)
		json_object_set(answer, "paths", scanning->paths);
	/* What a store of its own calls it is nobody's business. */
	json_object_set_new(answer, "device", json_string(scanning->invocation.arguments[0]));
	if (scanning->invocation.wants_json)
		cli_print_json(answer);
	else
		scan_page(stdout, answer, scanning->wants_paths ? scanning->paths : NULL);
	*out_code = cli_number(answer, "unreadable") || cli_number(answer, "unread")
			    ? bl_status_exit(BL_NOT_VERIFIED)
			    : 0;
	return BL_OK;
}

/* ---- a source that nobody enrolled: a store of its own, for as long as this takes -------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* What is left of it says nothing: its keys are gone with it. */
static void remove_store(const char *path)
{
	nftw(path, remove_one, WALK_FDS, FTW_PHYS | FTW_DEPTH | FTW_MOUNT);
}

static void say_ready(void *context)
{
	const int *fd = context;

	(void)!write(*fd, "", 1);
	fd_close(*fd);
}

/* The child: one daemon, no mount, of this source alone. It ends with us. */
static int serve_source(struct scanning *scanning, const char *store, const char *path,
			int ready_fd, pid_t parent)
{
	struct daemon_source source = {.path = path, .id = OWN_DEVICE};
	const struct daemon_options options = {.store_path = store,
					       .policy_path = scanning->policy,
					       .is_solo = true,
					       .sources = &source,
					       .source_count = 1,
					       .on_ready = say_ready,
					       .context = &ready_fd};
	struct bl_error why = {{0}};

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 1;
	enum bl_status status = daemon_run(&options, &why);

	return status == BL_OK ? 0 : cli_fail(&scanning->invocation, status, &why);
}

/* Its exit code; 0 while it is there and answers. */
static int start_daemon(struct scanning *scanning, const char *store, const char *path,
			pid_t *out_child)
{
	pid_t parent = getpid();
	int ends[2], state;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cli_usage(&scanning->invocation, "cannot make a pipe");
	fflush(NULL);
	pid_t child = fork();

	if (child == 0) {
		fd_close(ends[0]);
		exit(serve_source(scanning, store, path, ends[1], parent));
	}
	fd_close(ends[1]);
	bool is_ready = child > 0 && read(ends[0], &byte, 1) == 1;

	fd_close(ends[0]);
	*out_child = child;
	if (is_ready)
		return 0;
	if (child > 0 && waitpid(child, &state, 0) == child && WIFEXITED(state))
		return WEXITSTATUS(state) ? WEXITSTATUS(state) : 1;
	return cli_usage(&scanning->invocation, "cannot start a daemon of its own");
}

static int scan_in(struct scanning *scanning, const char *store, const char *path)
{
	struct bl_error why = {{0}};
	pid_t child = -1;
	int state, code = start_daemon(scanning, store, path, &child);

	if (code)
		return code;
	scanning->invocation.store = store;
	enum bl_status status = ask(scanning, OWN_DEVICE, &code, &why);

	kill(child, SIGTERM);
	waitpid(child, &state, 0);
	return status == BL_OK ? code : cli_fail(&scanning->invocation, status, &why);
}

static volatile sig_atomic_t no_state; /* a handler that only interrupts */

static void interrupted(int number)
{
	no_state = number;
}

/* Ctrl-C ends the waiting, not us: the store is to be taken away again. */
static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = interrupted};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int scan_source(struct scanning *scanning, const char *path)
{
	const char *folder = getenv("TMPDIR");
	char store[PATH_MAX];
	int length = snprintf(store, sizeof(store), "%s/bailee-scan-XXXXXX",
			      folder && *folder == '/' ? folder : "/tmp");

	if (length < 0 || (size_t)length >= sizeof(store) || !mkdtemp(store))
		return cli_usage(&scanning->invocation, "cannot make a folder in $TMPDIR or /tmp");
	catch_signals();
	int code = scan_in(scanning, store, path);

	remove_store(store);
	return code;
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

/* A device of the store has an id; everything else is a path. "./RMA-1" is a path whatever the store holds. */
static bool is_source(const char *argument)
{
	return !bl_device_id_ok(argument) || strchr(argument, '/');
}

static int run(struct scanning *scanning)
{
	const char *argument = scanning->invocation.arguments[0];
	struct bl_error why = {{0}};

	if (is_source(argument))
		return scan_source(scanning, argument);
	if (scanning->policy)
		return cli_usage(&scanning->invocation,
				 "--policy is for a source (./IMAGE): a device is looked through "
				 "under the policy in force");
	int code = 0;
	enum bl_status status = ask(scanning, argument, &code, &why);

	return status == BL_OK ? code : cli_fail(&scanning->invocation, status, &why);
}

int cmd_scan(int argc, char **argv)
{
	struct scanning scanning = {
		.invocation = {.command = "scan",
			       .usage =
				       "scan ID|./SOURCE [--paths] [--policy FILE] [--reason TEXT] "
				       "[--purpose P] [--json]"}};
	const struct option_row rows[] = {{.name = "paths", .flag = &scanning.wants_paths},
					  {.name = "policy", .text = &scanning.policy},
					  {.name = "reason", .text = &scanning.reason},
					  {.name = "purpose", .text = &scanning.purpose}};
	int code = cli_parse(&scanning.invocation, argc, argv, rows, BL_COUNT(rows), 1, 1);

	if (code >= 0)
		return code;
	scanning.paths = json_array();
	code = scanning.paths ? run(&scanning) : 1;
	json_decref(scanning.paths);
	return code;
}
