/* idle.c - when a mount that nobody uses goes (-o timeout=), and how one is unmounted */
#include "fs/serve/private.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

int64_t idle_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

void idle_asked(struct serve *serve)
{
	atomic_store(&serve->asked_ns, idle_now());
}

int64_t idle_left(struct serve *serve)
{
	int64_t left =
		atomic_load(&serve->asked_ns) + serve->options.idle_seconds * SECOND - idle_now();

	/* What is open, or still waits for its answer, keeps it; its end is no event here, so it is looked for. */
	if (atomic_load(&serve->handles) || !pool_is_idle(&serve->pool))
		return BL_MAX(left, SECOND);
	return BL_MAX(left, 0);
}

/* Only fusermount3 may unmount for an ordinary user. It inherits no blocked signal and says nothing. */
static bool run_fusermount(const char *mountpoint)
{
	char *const argv[] = {(char[]){"fusermount3"}, (char[]){"-u"}, (char[]){"--"},
			      (char *)(uintptr_t)mountpoint, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t child;
	int state = 1;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	bool is_run = posix_spawnp(&child, argv[0], &actions, &attributes, argv, environ) == 0 &&
		      waitpid(child, &state, 0) == child;

	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return is_run && WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

enum bl_status serve_unmount(const char *mountpoint, struct bl_error *why)
{
	/* Root runs no program that it finds by somebody's PATH: what root may not unmount fusermount3, which is root, may not either. */
	if (geteuid() == 0 ? umount2(mountpoint, UMOUNT_NOFOLLOW) == 0 : run_fusermount(mountpoint))
		return BL_OK;
	return bl_fail(
		why, BL_NOT_MOUNTED,
		"cannot unmount '%s': not a mount of yours, or in use (leave it, then try again)",
		mountpoint);
}
