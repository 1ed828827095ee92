#include "fs/audit/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED_MS 250 /* a killed process is gone at once, or hangs in a system call */

static enum bl_status open_command(struct anchor_place *place, const char *rest,
				   struct bl_error *why)
{
	if (!rest[0])
		return bl_fail(why, BL_INVALID, "there is no command (give one behind 'command:')");
	place->what = strdup(rest);
	return place->what ? BL_OK : bl_fail(why, BL_NO_MEMORY, "out of memory");
}

/* ---- starting it ----------------------------------------------------------------------------- */

/* A pipe with the whole note in it: it has the room, so we never wait for a command to read. */
static int note_as_input(const struct anchor_note *note)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) != 0)
		return -1;
	ssize_t put = write(pair[1], note->text, AUDIT_NOTE);

	fd_close(pair[1]);
	if (put == AUDIT_NOTE)
		return pair[0];
	fd_close(pair[0]);
	return -1;
}

/* A session of its own (so a process group too), and no signal blocked or ignored as with us. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int failed;

	sigemptyset(&none);
	sigfillset(&all);
	failed = posix_spawnattr_setsigmask(attributes, &none);
	if (failed == 0)
		failed = posix_spawnattr_setsigdefault(attributes, &all);
	if (failed == 0)
		failed = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID |
								      POSIX_SPAWN_SETSIGMASK |
								      POSIX_SPAWN_SETSIGDEF);
	return failed;
}

static int set_descriptors(posix_spawn_file_actions_t *actions, int input)
{
	int failed = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);

	if (failed == 0)
		failed = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null",
							  O_WRONLY, 0);
	if (failed == 0)
		failed = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	return failed;
}

/* Not fork: nothing of ours runs between the two, and the child never has a copy of our keys. */
static int spawn(const char *command, int input, pid_t *out_child)
{
	const char *const arguments[] = {"sh", "-c", "--", command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int failed = posix_spawn_file_actions_init(&actions);

	if (failed != 0)
		return failed;
	failed = posix_spawnattr_init(&attributes);
	if (failed == 0) {
		failed = set_attributes(&attributes);
		if (failed == 0)
			failed = set_descriptors(&actions, input);
		if (failed == 0)
			failed = posix_spawn(out_child, "/bin/sh", &actions, &attributes,
					     (char *const *)arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* ---- its end --------------------------------------------------------------------------------- */

/* Nobody else waits for it: until we do its number, and its group's, is its own. */
static void reap(struct anchor_place *place, siginfo_t *out_end)
{
	memset(out_end, 0, sizeof(*out_end));
	while (waitid(P_PID, (id_t)place->child, out_end, WEXITED) != 0 && errno == EINTR)
		;
	fd_close(place->child_fd);
	place->child_fd = -1;
	place->child = 0;
}

static bool has_ended(const struct anchor_place *place)
{
	siginfo_t end = {0};

	return waitid(P_PID, (id_t)place->child, &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       end.si_pid != 0;
}

/*
 * With all that it started, unless that went into a session of its own. What does not die at once is
 * left for the next note to reap.
 */
static void kill_group(struct anchor_place *place)
{
	struct pollfd ended = {.fd = place->child_fd, .events = POLLIN};
	siginfo_t end;

	kill(-place->child, SIGKILL);
	poll(&ended, 1, KILLED_MS);
	if (has_ended(place))
		reap(place, &end);
}

/* ---- both ------------------------------------------------------------------------------------ */

static enum bl_status start(struct anchor_place *place, const struct anchor_note *note,
			    struct bl_error *why)
{
	BL_CLEANUP(fd_close) int input = note_as_input(note);
	int failed = input < 0 ? errno : spawn(place->what, input, &place->child);

	if (failed != 0) {
		place->child = 0;
		return bl_fail(why, BL_IO,
			       "cannot be started: %s (see what the system is short of)",
			       strerror(failed));
	}
	place->child_fd = pidfd_open(place->child, 0);
	if (place->child_fd >= 0)
		return BL_OK;
	failed = errno;
	kill_group(place);
	return bl_fail(why, BL_IO, "cannot be watched: %s (see what the system is short of)",
		       strerror(failed));
}

static enum bl_status judge(const siginfo_t *end, struct bl_error *why)
{
	if (end->si_code == CLD_EXITED && end->si_status == 0)
		return BL_OK;
	return bl_fail(why, BL_FAILED,
		       "ended with %s%d (run it by hand, a checkpoint as its input)",
		       end->si_code == CLD_EXITED ? "" : "signal ", end->si_status);
}

static enum bl_status put_to_command(struct anchor_place *place, const struct anchor_note *note,
				     struct bl_error *why)
{
	int64_t limit = anchor_limits(place->anchors)->command_ms;
	int64_t until = anchor_now_ms() + limit;
	siginfo_t end;

	if (place->child && !has_ended(place))
		return bl_fail(why, BL_FAILED,
			       "was killed and is still there (see what it waits for)");
	if (place->child)
		reap(place, &end);
	enum bl_status status = start(place, note, why);

	if (status != BL_OK)
		return status;
	if (anchor_wait(place->anchors, place->child_fd, POLLIN, until)) {
		reap(place, &end);
		return judge(&end, why);
	}
	kill_group(place);
	return bl_fail(why, BL_TIMED_OUT,
		       "did not end within %g s and was killed (make it quicker)",
		       (double)limit / 1000);
}

const struct anchor_kind ANCHOR_COMMAND = {
	.prefix = "command:",
	.open = open_command,
	.put = put_to_command,
};
