#include "fs/session/sealed/sealed.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIN  "/usr/bin/"
#define LESS BIN "less"

/* With an argument put in, and the NULL */
#define ARGV_ROOM (LAUNCH_ARGC + 2)

/* What prints and ends would be gone before anybody has read it: less shows it. */
static const char *const PRINTS[] = {
	"ls",	     "dir",	"find",	   "file",	"tree",	     "grep",	 "egrep",
	"fgrep",     "zgrep",	"hexdump", "hd",	"xxd",	     "od",	 "strings",
	"cat",	     "zcat",	"head",	   "tail",	"wc",	     "stat",	 "du",
	"cmp",	     "diff",	"sort",	   "uniq",	"cut",	     "nl",	 "tac",
	"md5sum",    "sha1sum", "cksum",   "sha256sum", "sha512sum", "exiftool", "exif",
	"pdftotext", "pdfinfo", "readelf", "jq",	"unzip",     "zipinfo",	 "jp2a",
};

/* Ours alone; TERM comes in front. None of them names what is not in the tree. */
static const char *const ENVIRONMENT[] = {
	"PATH=/usr/bin",
	"LANG=C.UTF-8",
	"HOME=/",
	/* no shell, no editor, no other files to write or to tag */
	"LESSSECURE=1",
	"LESSHISTFILE=-",
	"LESS=-R",
	"PAGER=" LESS,
	"EDITOR=" LESS,
	"VISUAL=" LESS,
	/* c: the opener has the terminal; d: with size and date; H: hidden files too; Q: leaving is one key */
	"NNN_OPENER=" LESS,
	"NNN_OPTS=cdHQ",
};

/* Where viewers need an argument to run no commands. */
static const struct {
	const char *viewer, *argument;
} ALWAYS[] = {
	{"mc", "-u"}, /* no shell beside its panels */
};

struct viewer {
	const char *path;
	const char *argv
		[ARGV_ROOM]; /* begins with the base name: it stands in front of what a viewer complains of */
	const char *env[BL_COUNT(ENVIRONMENT) + 2];
	char term[sizeof("TERM=") + LAUNCH_TERM];
};

/* The first of argv is the path; returns how many there are then. */
static size_t put_program(struct viewer *viewer)
{
	size_t count = 1;

	viewer->path = viewer->argv[0];
	const char *slash = strrchr(viewer->path, '/');
	if (slash)
		viewer->argv[0] = slash + 1;
	for (size_t i = 0; i < BL_COUNT(ALWAYS); i++)
		if (strcmp(viewer->argv[0], ALWAYS[i].viewer) == 0)
			viewer->argv[count++] = ALWAYS[i].argument;
	return count;
}

static bool put_arguments(struct viewer *viewer, const struct launch_request *request)
{
	const char *at = request->args, *end = at + request->args_length;
	size_t count = 0;

	if (!request->argc || request->argc > LAUNCH_ARGC || !request->args_length ||
	    request->args_length > sizeof(request->args) || end[-1])
		return false;
	for (size_t i = 0; i < request->argc; i++) {
		if (at >= end)
			return false;
		viewer->argv[count++] = at;
		at += strlen(at) + 1;
		if (i == 0)
			count = put_program(viewer);
	}
	return at == end;
}

static bool put_viewer(struct viewer *viewer, const struct launch_request *request)
{
	*viewer = (struct viewer){.argv = {NULL}};
	snprintf(viewer->term, sizeof(viewer->term), "TERM=%.*s", LAUNCH_TERM - 1, request->term);
	viewer->env[0] = viewer->term;
	memcpy(&viewer->env[1], ENVIRONMENT, sizeof(ENVIRONMENT));
	return put_arguments(viewer, request);
}

static bool is_shown_by_less(const struct viewer *viewer)
{
	for (size_t i = 0; i < BL_COUNT(PRINTS); i++)
		if (strcmp(viewer->argv[0], PRINTS[i]) == 0)
			return access(LESS, X_OK) == 0;
	return false;
}

/* ---- the holder ----------------------------------------------------------------------------------- */

static void default_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What one child of the holder becomes. */
struct child {
	const char *path;
	const char *const *argv;
	pid_t group;		 /* 0: one of its own, which becomes the terminal's */
	int input_fd, output_fd; /* -1: the terminal */
};

_Noreturn static void become(const struct child *child, const struct viewer *viewer)
{
	setpgid(0, child->group);
	tcsetpgrp(STDERR_FILENO, getpgrp());
	if (child->input_fd >= 0)
		dup2(child->input_fd, STDIN_FILENO);
	if (child->output_fd >= 0) {
		dup2(child->output_fd, STDOUT_FILENO);
		dup2(child->output_fd, STDERR_FILENO);
	}
	close_range(STDERR_FILENO + 1, ~0u, 0);
	default_signals();
	execve(child->path, (char *const *)(uintptr_t)child->argv,
	       (char *const *)(uintptr_t)viewer->env);
	_exit(127);
}

static pid_t start(const struct child *child, const struct viewer *viewer)
{
	pid_t pid = fork();

	if (pid == 0)
		become(child, viewer);
	/* Both sides do it: whoever comes first. */
	if (pid > 0)
		setpgid(pid, child->group ? child->group : pid);
	return pid;
}

/* Returns whom to wait for, and their group. */
static pid_t start_alone(const struct viewer *viewer, pid_t *out_group)
{
	const struct child child = {viewer->path, viewer->argv, 0, -1, -1};

	return *out_group = start(&child, viewer);
}

static pid_t start_in_less(const struct viewer *viewer, pid_t *out_group)
{
	static const char *const less[] = {"less", NULL};
	int ends[2], nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (nothing < 0 || pipe2(ends, O_CLOEXEC))
		return -1;
	const struct child printing = {viewer->path, viewer->argv, 0, nothing, ends[1]};
	*out_group = start(&printing, viewer);
	const struct child showing = {LESS, less, *out_group, ends[0], -1};
	pid_t shown = *out_group < 0 ? -1 : start(&showing, viewer);
	close(nothing);
	close(ends[0]);
	close(ends[1]);
	return shown;
}

static int wait_for(pid_t awaited, pid_t group)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WUNTRACED)) >= 0) {
		/* Nobody else is there who could continue it. */
		if (WIFSTOPPED(status)) {
			tcsetpgrp(STDIN_FILENO, group);
			kill(-group, SIGCONT);
		} else if (pid == awaited) {
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
		}
	}
	return 1;
}

static int hold(const struct launch_request *request)
{
	struct viewer viewer;
	pid_t group = -1;

	if (!put_viewer(&viewer, request))
		return 1;
	/* It hands the terminal to the viewer from behind, which would stop it. */
	(void)signal(SIGTTOU, SIG_IGN);
	pid_t awaited = is_shown_by_less(&viewer) ? start_in_less(&viewer, &group)
						  : start_alone(&viewer, &group);
	return awaited < 0 ? 1 : wait_for(awaited, group);
}

/* ---- process 1 ------------------------------------------------------------------------------------ */

/* The terminal is gone, so is the session, whoever in it ignores that. */
static void end_session(int number)
{
	(void)number;
	_exit(1);
}

/* Of signals from inside, process 1 gets only those that it has a handler for; so nothing can stop or end it but its own end. */
static void prepare_signals(void)
{
	struct sigaction hang_up = {.sa_handler = end_session};

	default_signals();
	sigaction(SIGHUP, &hang_up, NULL);
}

_Noreturn void holder_main(const struct launch_request *request)
{
	int status;
	pid_t pid;

	prepare_signals();
	pid_t holder = fork();
	if (holder == 0)
		_exit(hold(request));
	if (holder < 0)
		_exit(1);
	/* When process 1 ends, the kernel kills whatever is left in here. */
	while ((pid = wait(&status)) >= 0)
		if (pid == holder)
			_exit(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1);
	_exit(1);
}
