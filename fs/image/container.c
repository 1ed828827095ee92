/* container.c - opening an image's files, and the sealed program that reads them */
#include "fs/image/container-parts.h"

#include "fs/image/container/ask.h"
#include "fs/image/container/exits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD 3
#define ABOVE_FDS                                                                                  \
	(FIRST_FD + CONTAINER_FILES) /* what the child inherits starts out here or higher */

static const struct {
	const char *name, *program; /* bailee-container-... */
} KINDS[CONTAINER_KIND_COUNT] = {
	[CONTAINER_NONE] = {"raw", NULL}, [CONTAINER_SPLIT] = {"split", "split"},
	[CONTAINER_EWF] = {"e01", "ewf"}, [CONTAINER_VMDK] = {"vmdk", "vmdk"},
	[CONTAINER_VHD] = {"vhd", "vhd"}, [CONTAINER_QCOW] = {"qcow", "qcow"},
};

#define BY_CONVERT "(make it raw first: 'qemu-img convert -O raw')"

/* What each exit code of the program means for people. */
static const struct {
	enum container_exit code;
	enum bl_status status;
	const char *words;
} EXITS[] = {
	{EXIT_DONE, BL_OK, NULL},
	{EXIT_USAGE, BL_IO, "the container's program was not started as it should be"},
	{EXIT_NOT_SEALED, BL_IO, "the container's program cannot be confined (seccomp is needed)"},
	{EXIT_NO_MEMORY, BL_IO, "the container's program has no memory"},
	{EXIT_PIPE, BL_IO, "the container's program cannot write to its pipe"},
	{EXIT_DAMAGED, BL_INVALID,
	 "the container is damaged, or not of the kind it says (get the file anew)"},
	{EXIT_ENCRYPTED, BL_INVALID, "the container is encrypted (decrypt it first)"},
	{EXIT_NEEDS_PARENT, BL_INVALID,
	 "the container builds on another image, its parent (join them where both are: 'qemu-img "
	 "convert -O raw')"},
	{EXIT_HAS_SNAPSHOTS, BL_INVALID,
	 "the container holds snapshots beside its present state " BY_CONVERT},
	{EXIT_NOT_READ, BL_INVALID, "the container uses a feature that is not read " BY_CONVERT},
	{EXIT_OPEN_LOG, BL_INVALID, "the container was not closed, its log is open " BY_CONVERT},
	{EXIT_BAD_SIZE, BL_INVALID,
	 "the container says it holds no bytes, or more than a pebibyte (get the file anew)"},
	{EXIT_BAD_START, BL_INVALID, "the container ends before where to go on"},
};

const char *container_kind_name(enum container_kind kind)
{
	return KINDS[kind].name;
}

bool container_peek(int fd, uint64_t offset, uint8_t *bytes, size_t length)
{
	memset(bytes, 0, length);
	for (size_t done = 0; done < length;) {
		ssize_t got = pread(fd, bytes + done, length - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		done += (size_t)got;
	}
	return true;
}

bool container_is_there(const struct container_place *place, const char *name)
{
	struct stat meta;

	return fstatat(place->folder_fd, name, &meta, 0) == 0;
}

/* May who reads the first file read this one? Asked where the reader may be root, and the first file is what they were permitted. */
static bool is_alike(const struct stat *meta, const struct stat *first)
{
	return S_ISREG(meta->st_mode) && meta->st_dev == first->st_dev &&
	       meta->st_uid == first->st_uid && meta->st_gid == first->st_gid &&
	       meta->st_mode == first->st_mode;
}

static enum bl_status check_kind(const struct container_place *place, const char *name,
				 const struct stat *meta, struct bl_error *why)
{
	if (!S_ISREG(meta->st_mode) && !S_ISBLK(meta->st_mode))
		return bl_fail(why, BL_INVALID, "'%s' is no image (give a file or a block device)",
			       name);
	if (place->like && !is_alike(meta, place->like))
		return bl_fail(why, BL_INVALID,
			       "'%s' has another owner, group, rights or disk than '%s' (give "
			       "all files of the image the same)",
			       name, place->path);
	return BL_OK;
}

enum bl_status container_add(const struct container_place *place, const char *name,
			     struct container *container, struct bl_error *why)
{
	/* O_NONBLOCK: opening a pipe that somebody put there would wait for its writer. */
	int flags = (place->is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		    (place->like ? O_NOFOLLOW : 0);
	struct stat meta;

	if (container->count == CONTAINER_FILES)
		return bl_fail(why, BL_TOO_LARGE, "'%s' has more than %d files (convert it to one)",
			       place->path, CONTAINER_FILES);
	BL_CLEANUP(fd_close) int fd = openat(place->folder_fd, name, flags);
	if (fd < 0 && errno == ENOENT)
		return BL_NOT_FOUND;
	if (fd < 0 && errno == ELOOP && place->like)
		return bl_fail(why, BL_INVALID,
			       "'%s' is a link: further files of '%s' lie beside it themselves",
			       name, place->path);
	if (fd < 0 || fstat(fd, &meta) < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s'", name);
	enum bl_status status = check_kind(place, name, &meta, why);
	if (status != BL_OK)
		return status;
	snprintf(container->names[container->count], sizeof(container->names[0]), "%s", name);
	container->fds[container->count++] = fd_take(&fd);
	return BL_OK;
}

static enum bl_status look(const struct container *container, struct container_head *out_head,
			   struct bl_error *why)
{
	int fd = container->fds[0];
	struct stat meta;

	*out_head = (struct container_head){0};
	if (fstat(fd, &meta) < 0)
		return bl_fail_errno(why, BL_IO, "cannot look at '%s'", container->names[0]);
	out_head->is_device = S_ISBLK(meta.st_mode);
	out_head->bytes = (uint64_t)meta.st_size;
	if (out_head->is_device)
		return BL_OK;
	uint64_t last = out_head->bytes > CONTAINER_HEAD ? out_head->bytes - CONTAINER_HEAD : 0;
	if (!container_peek(fd, 0, out_head->first, CONTAINER_HEAD) ||
	    !container_peek(fd, last, out_head->last, CONTAINER_HEAD))
		return bl_fail_errno(why, BL_IO, "cannot read '%s'", container->names[0]);
	return BL_OK;
}

static enum bl_status add_rest(const struct container_place *place, struct container *container,
			       struct bl_error *why)
{
	struct container_head head;
	enum bl_status status = look(container, &head, why);

	if (status == BL_OK)
		status = container_probe(place, &head, &container->kind, why);
	if (status != BL_OK || head.is_device)
		return status;
	switch (container->kind) {
	case CONTAINER_NONE:
		return container_add_pieces(place, container, why);
	case CONTAINER_EWF:
		return container_add_ewf(place, &head, container, why);
	case CONTAINER_VMDK:
		return container_add_extents(place, &head, container, why);
	case CONTAINER_VHD:
	case CONTAINER_QCOW:
	case CONTAINER_SPLIT:
	case CONTAINER_KIND_COUNT:
		break;
	}
	return BL_OK;
}

/* The folder of @path, open for looking up names in it, and the name of the file. */
static int open_folder(const char *path, const char **out_name)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	*out_name = slash ? slash + 1 : path;
	if (length >= sizeof(folder) || strlen(*out_name) > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(folder, sizeof(folder), "%.*s", (int)length, path);
	if (length == 0)
		snprintf(folder, sizeof(folder), "%s", slash ? "/" : ".");
	return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

enum bl_status container_open(const char *path, bool is_writable, struct container *out_container,
			      struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct container *container = calloc(1, sizeof(*container));
	const char *name = NULL;

	if (!container)
		return bl_fail(why, BL_NO_MEMORY, "no memory for '%s'", path);
	BL_CLEANUP(fd_close) int folder_fd = open_folder(path, &name);
	struct container_place place = {path, folder_fd, is_writable, NULL};
	if (folder_fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s'", path);
	enum bl_status status = container_add(&place, name, container, why);
	if (status == BL_NOT_FOUND) {
		errno = ENOENT;
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s'", path);
	}
	if (status == BL_OK)
		status = add_rest(&place, container, why);
	if (status == BL_OK)
		*out_container = *container;
	else
		container_close(container);
	return status;
}

void container_close(struct container *container)
{
	for (size_t i = 0; i < container->count; i++)
		fd_close(container->fds[i]);
	container->count = 0;
}

void container_free(struct container *container)
{
	if (container)
		container_close(container);
	free(container);
}

enum bl_status container_open_beside(int fd, const char *path, struct container **out_container,
				     struct bl_error *why)
{
	BL_CLEANUP(container_free) struct container *container = calloc(1, sizeof(*container));
	const char *name = NULL;
	struct stat first;

	if (!container)
		return bl_fail(why, BL_NO_MEMORY, "no memory for '%s'", path);
	BL_CLEANUP(fd_close) int folder_fd = open_folder(path, &name);
	const struct container_place place = {path, folder_fd, false, &first};
	if (folder_fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open the folder of '%s'", path);
	container->fds[0] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	container->count = container->fds[0] >= 0;
	if (!container->count || fstat(fd, &first) < 0)
		return bl_fail_errno(why, BL_IO, "cannot keep '%s' open", path);
	snprintf(container->names[0], sizeof(container->names[0]), "%s", name);
	enum bl_status status = add_rest(&place, container, why);
	if (status == BL_OK)
		*out_container = BL_TAKE(container);
	return status;
}

/* All descriptors of the child to be, out of the way of the numbers it wants. */
struct inherited {
	size_t count;
	int fds[FIRST_FD + CONTAINER_FILES];
};

static void inherited_done(struct inherited *inherited)
{
	for (size_t i = 0; i < inherited->count; i++)
		fd_close(inherited->fds[i]);
	inherited->count = 0;
}

static bool inherit(struct inherited *inherited, int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_FDS);

	if (moved >= 0)
		inherited->fds[inherited->count++] = moved;
	return moved >= 0;
}

/* 1 is @out_fd, 0 that too when it is asked, else /dev/null, as 2 is. */
static bool inherit_all(const struct container *container, bool is_asked, int out_fd,
			struct inherited *inherited)
{
	BL_CLEANUP(fd_close) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool is_done = null_fd >= 0 && inherit(inherited, is_asked ? out_fd : null_fd) &&
		       inherit(inherited, out_fd) && inherit(inherited, null_fd);

	for (size_t i = 0; i < container->count && is_done; i++)
		is_done = inherit(inherited, container->fds[i]);
	return is_done;
}

static int plan(const struct inherited *inherited, posix_spawn_file_actions_t *actions,
		posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int error = 0;

	sigemptyset(&none);
	sigfillset(&all);
	for (size_t i = 0; i < inherited->count && !error; i++)
		error = posix_spawn_file_actions_adddup2(actions, inherited->fds[i], (int)i);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(actions, (int)inherited->count);
	if (!error)
		error = posix_spawn_file_actions_addchdir_np(actions, "/");
	if (!error)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (!error)
		error = posix_spawnattr_setsigdefault(attributes, &all);
	/* A session of its own: a terminal's ctrl-C is for us to handle. */
	if (!error)
		error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
								     POSIX_SPAWN_SETSIGDEF |
								     POSIX_SPAWN_SETSID);
	return error;
}

static int spawn(const char *program, char *start, size_t files, const struct inherited *inherited,
		 pid_t *out_pid)
{
	char name[] = "bailee-container", count[24], zone[] = "TZ=UTC0";
	char *const arguments[] = {name, start, count, NULL};
	char *const environment[] = {zone, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	snprintf(count, sizeof(count), "%zu", files);
	int error = posix_spawn_file_actions_init(&actions);
	if (error)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (!error) {
		error = plan(inherited, &actions, &attributes);
		if (!error)
			error = posix_spawn(out_pid, program, &actions, &attributes, arguments,
					    environment);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* @out_fd: what is to be its descriptor 1; @start: its first argument. */
static enum bl_status run(const struct container *container, const char *folder, char *start,
			  int out_fd, pid_t *out_pid, struct bl_error *why)
{
	struct inherited inherited = {0};
	char program[PATH_MAX];

	if (snprintf(program, sizeof(program), "%s/bailee-container-%s", folder,
		     KINDS[container->kind].program) >= (int)sizeof(program))
		return bl_fail(why, BL_FAILED, "the folder of 'bailee-container-%s' is too long",
			       KINDS[container->kind].program);
	bool is_asked = strcmp(start, ASK_ARGUMENT) == 0;
	bool is_ready = inherit_all(container, is_asked, out_fd, &inherited);
	int error = is_ready ? spawn(program, start, container->count, &inherited, out_pid) : errno;
	inherited_done(&inherited);
	errno = error;
	if (!is_ready)
		return bl_fail_errno(why, BL_NO_MEMORY, "cannot hand over descriptors");
	if (error)
		return bl_fail_errno(why, error == ENOMEM ? BL_NO_MEMORY : BL_FAILED,
				     "cannot run '%s'", program);
	return BL_OK;
}

enum bl_status container_start(const struct container *container, const char *folder,
			       uint64_t start, int *out_fd, pid_t *out_pid, struct bl_error *why)
{
	char from[24];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return bl_fail_errno(why, BL_IO, "cannot make a pipe");
	BL_CLEANUP(fd_close) int reading = ends[0];
	BL_CLEANUP(fd_close) int writing = ends[1];
	snprintf(from, sizeof(from), "%" PRIu64, start);
	enum bl_status status = run(container, folder, from, writing, out_pid, why);
	if (status == BL_OK)
		*out_fd = fd_take(&reading);
	return status;
}

enum bl_status container_ask(const struct container *container, const char *folder, int *out_fd,
			     pid_t *out_pid, struct bl_error *why)
{
	char argument[] = ASK_ARGUMENT;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return bl_fail_errno(why, BL_NO_MEMORY, "cannot make a socket");
	BL_CLEANUP(fd_close) int ours = ends[0];
	BL_CLEANUP(fd_close) int theirs = ends[1];
	enum bl_status status = run(container, folder, argument, theirs, out_pid, why);
	if (status == BL_OK)
		*out_fd = fd_take(&ours);
	return status;
}

static enum bl_status judge_exit(int code, struct bl_error *why)
{
	for (size_t i = 0; i < BL_COUNT(EXITS); i++) {
		if ((int)EXITS[i].code != code)
			continue;
		return EXITS[i].status == BL_OK
			       ? BL_OK
			       : bl_fail(why, EXITS[i].status, "%s", EXITS[i].words);
	}
	return bl_fail(why, BL_IO, "the container's program ended with code %d", code);
}

/* SIGPROF is its own watch over each call of the library. */
static enum bl_status judge_signal(int number, bool is_over, struct bl_error *why)
{
	if (number == SIGKILL && is_over)
		return BL_OK;
	if (number == SIGPROF)
		return bl_fail(why, BL_INVALID,
			       "the container keeps its program busy without an end (get the file "
			       "anew)");
	if (number == SIGSYS)
		return bl_fail(why, BL_IO,
			       "the container's program tried what it may not and was stopped");
	return bl_fail(why, BL_IO, "the container's program died of signal %d", number);
}

enum bl_status container_wait(pid_t pid, bool is_over, struct bl_error *why)
{
	int status = 0;

	if (is_over)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return bl_fail_errno(why, BL_IO, "cannot wait for the container's program");
	if (WIFSIGNALED(status))
		return judge_signal(WTERMSIG(status), is_over, why);
	return judge_exit(WEXITSTATUS(status), why);
}
