/* run.c - running what the viewers' list does not name, and running it as somebody else */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const no_environment[] = {NULL};

/* What became of a child that was to run @path: did the program say 42? */
static int ran(struct attack *attack, const char *path, const char **arguments, int fd)
{
	int pipes[2], error = 0, status;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return failed(attack, "pipe");
	pid_t child = fork();

	if (child == 0) {
		int null_fd = open("/dev/null", O_WRONLY);

		dup2(null_fd, 1);
		if (fd >= 0)
			syscall(SYS_execveat, fd, "", (char *const *)arguments, no_environment,
				AT_EMPTY_PATH);
		else
			execve(path, (char *const *)arguments, no_environment);
		error = errno;
		(void)!write(pipes[1], &error, sizeof(error));
		_exit(1);
	}
	close(pipes[1]);
	if (read(pipes[0], &error, sizeof(error)) == sizeof(error)) {
		errno = error;
		error = failed(attack, "execve");
	}
	close(pipes[0]);
	waitpid(child, &status, 0);
	if (!error && (!WIFEXITED(status) || WEXITSTATUS(status) != 42)) {
		errno = ENOEXEC;
		error = failed(attack, "what was run");
	}
	return error;
}

static const char *own(struct attack *attack, char *path, const char *name)
{
	snprintf(path, 4096, "%s/%s", attack->folder, name);
	return path;
}

static int of_device(struct attack *attack)
{
	char path[4096];
	const char *arguments[] = {"runme", "ran", NULL};

	return ran(attack, own(attack, path, "runme"), arguments, -1);
}
static int by_descriptor(struct attack *attack)
{
	char path[4096];
	const char *arguments[] = {"runme", "ran", NULL};
	int fd = open(own(attack, path, "runme"), O_RDONLY);

	return fd < 0 ? failed(attack, "open") : ran(attack, NULL, arguments, fd);
}
static int by_proc(struct attack *attack)
{
	char path[4096];
	const char *arguments[] = {"runme", "ran", NULL};
	int fd = open(own(attack, path, "runme"), O_RDONLY);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 ? failed(attack, "open") : ran(attack, path, arguments, -1);
}
static int by_loader(struct attack *attack)
{
	static const char loader[] = "/lib64/ld-linux-x86-64.so.2";
	char path[4096];
	const char *arguments[] = {"ld.so", own(attack, path, "runme"), "ran", NULL};

	return ran(attack, loader, arguments, -1);
}
static int script(struct attack *attack)
{
	char path[4096];
	const char *arguments[] = {"script", NULL};

	return ran(attack, own(attack, path, "script.sh"), arguments, -1);
}
static int shell(struct attack *attack)
{
	const char *arguments[] = {"sh", "-c", "exit 42", NULL};

	return ran(attack, "/bin/sh", arguments, -1);
}
static int interpreters(struct attack *attack)
{
	static const char *const paths[] = {"/usr/bin/python3", "/usr/bin/perl", "/usr/bin/awk",
					    "/usr/bin/bash",	"/usr/bin/dash", "/bin/busybox"};
	const char *python[] = {"python3", "-c", "raise SystemExit(42)", NULL};
	int error = ENOENT;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], F_OK) == 0)
			return i == 0 ? ran(attack, paths[i], python, -1) : 0;
	attack->failed = "access";
	return error;
}
static int from_memory(struct attack *attack)
{
	const char *arguments[] = {"memory", "ran", NULL};
	char path[4096];
	int from = open(own(attack, path, "runme"), O_RDONLY),
	    to = (int)syscall(SYS_memfd_create, "x", 0);
	ssize_t got;

	if (to < 0)
		return failed(attack, "memfd_create");
	static char bytes[65536];

	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		(void)!write(to, bytes, (size_t)got);
	return ran(attack, NULL, arguments, to);
}
/* The secret itself: what no detector has looked through could not even be opened. */
static int by_map(struct attack *attack)
{
	int fd = open(attack->secret, O_RDONLY);

	if (fd < 0)
		return failed(attack, "open");
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		return failed(attack, "mmap");
	return 0;
}
static int by_protection(struct attack *attack)
{
	int fd = open(attack->secret, O_RDONLY);
	char *bytes = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	if (bytes == MAP_FAILED)
		return failed(attack, "mmap");
	return mprotect(bytes, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : failed(attack, "mprotect");
}
/* The runner has made it a setuid program of root's, on the device as well. */
static int as_root(struct attack *attack)
{
	char path[4096], said[64] = "";
	int pipes[2], status;

	if (pipe(pipes) < 0)
		return failed(attack, "pipe");
	pid_t child = fork();

	if (child == 0) {
		dup2(pipes[1], 1);
		execl(own(attack, path, "suid"), "suid", "ran", NULL);
		dprintf(1, "errno %d\n", errno);
		_exit(1);
	}
	close(pipes[1]);
	(void)!read(pipes[0], said, sizeof(said) - 1);
	waitpid(child, &status, 0);
	if (strncmp(said, "euid 0", 6) == 0)
		return 0;
	errno = strncmp(said, "errno ", 6) == 0 ? atoi(said + 6) : EPERM;
	return failed(attack, "execve");
}
static int helpers(struct attack *attack)
{
	static const char *const paths[] = {
		"/usr/bin/su",	   "/usr/bin/mount",  "/usr/bin/sudo",	     "/usr/bin/passwd",
		"/usr/bin/newgrp", "/usr/bin/umount", "/usr/bin/fusermount3"};
	struct stat stats;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (stat(paths[i], &stats) == 0 && stats.st_mode & S_ISUID)
			return 0;
	return failed(attack, "stat");
}
static int become_root(struct attack *attack)
{
	return setuid(0) == 0 ? 0 : failed(attack, "setuid");
}

const struct row run_rows[] = {
	{"run-device", "a program that lies on the device", 0, of_device, NULL, NULL},
	{"run-descriptor", "the same by its descriptor (execveat)", 0, by_descriptor, NULL, NULL},
	{"run-proc-fd", "the same by /proc/self/fd", 0, by_proc, NULL, NULL},
	{"run-loader", "the same by the loader", 0, by_loader, NULL, NULL},
	{"run-script", "a script that lies on the device", 0, script, NULL, NULL},
	{"run-shell", "a shell", 0, shell, NULL, NULL},
	{"run-interpreter", "an interpreter of the host", 0, interpreters, NULL, NULL},
	{"run-memory", "a program in a memory file", 0, from_memory, NULL, NULL},
	{"run-map", "map a file of the device to be run", 0, by_map, NULL, NULL},
	{"run-protect", "make a map of a file of the device one to be run", 0, by_protection, NULL,
	 NULL},
	{"run-setuid", "a setuid program of root's on the device", 0, as_root, NULL, NULL},
	{"run-helpers", "find a setuid helper of the host", 0, helpers, NULL, NULL},
	{"become-root", "setuid(0)", BY_ROOT, become_root, NULL, NULL},
	{0},
};
