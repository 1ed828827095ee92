#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/session/sealed/stage.h"
#include "policy/base.h"

#define MISSING		(-1)
#define NAME_LIMIT	64 /* bytes of a viewer's name */
#define LOADER_LIMIT	256
#define PARTS_LIMIT	64	    /* program headers of an ELF file */
#define LISTING_LIMIT	(64u << 10) /* what a loader says about one program */
#define LIBRARIES_LIMIT 128

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "no sealed sessions for this machine: fs/session/sealed/calls.c has no list for it"
#endif

/* As a loader lists it. Text of the listing. */
struct library {
	const char *name, *path;
};

struct listing {
	char text[LISTING_LIMIT];
	size_t count;
	struct library libraries[LIBRARIES_LIMIT];
};

/* ---- the program --------------------------------------------------------------------------------- */

const char *program_base(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	if (slash && name[0] != '/')
		return NULL;
	/* It is told with spaces between, and is a file's name. */
	for (const char *c = base; *c; c++)
		if (*c <= ' ' || *c > '~')
			return NULL;
	return base[0] && base[0] != '.' && strlen(base) < NAME_LIMIT ? base : NULL;
}

static int find(const char *name, char *out_real)
{
	static const char *const FOLDERS[] = {"/usr/bin", "/bin"};
	char path[PATH_MAX];
	int fd = -1;

	if (name[0] == '/')
		return host_open(name, out_real);
	for (size_t i = 0; i < BL_COUNT(FOLDERS) && fd < 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", FOLDERS[i], name);
		fd = host_open(path, out_real);
	}
	return fd;
}

static bool is_program(const Elf64_Ehdr *header)
{
	return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
	       header->e_machine == OUR_MACHINE &&
	       (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
	       header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum <= PARTS_LIMIT;
}

/* The loader a program asks for, "" when it is static. False: no ELF program of this machine (a script, say). */
static bool read_loader(int fd, char *out)
{
	Elf64_Ehdr header;
	Elf64_Phdr part;

	out[0] = '\0';
	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || !is_program(&header))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		if (pread(fd, &part, sizeof(part), (off_t)(header.e_phoff + i * sizeof(part))) !=
		    sizeof(part))
			return false;
		if (part.p_type != PT_INTERP)
			continue;
		if (part.p_filesz < 2 || part.p_filesz > LOADER_LIMIT ||
		    pread(fd, out, part.p_filesz, (off_t)part.p_offset) != (ssize_t)part.p_filesz)
			return false;
		return out[0] == '/' && memchr(out, '\0', LOADER_LIMIT) == out + part.p_filesz - 1;
	}
	return true;
}

/* ---- its libraries --------------------------------------------------------------------------------- */

_Noreturn static void run_loader(const char *loader, const char *program, int out_fd)
{
	char *const arguments[] = {(char *)(uintptr_t)loader, (char *)(uintptr_t) "--list",
				   (char *)(uintptr_t)program, NULL};
	char *const nothing[] = {NULL};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(out_fd, STDOUT_FILENO) >= 0 &&
	    dup2(STDIN_FILENO, STDERR_FILENO) >= 0)
		execve(loader, arguments, nothing);
	_exit(1);
}

/* All of it and its end, or nothing. */
static bool read_all(int fd, char *out, size_t size)
{
	size_t length = 0;
	ssize_t got = 1;

	while (length < size - 1 && (got > 0 || errno == EINTR)) {
		got = read(fd, out + length, size - 1 - length);
		if (got == 0)
			break;
		length += got > 0 ? (size_t)got : 0;
	}
	out[length] = '\0';
	return got == 0 && strlen(out) == length;
}

/* What the loader says it would load; it maps and runs nothing of it but itself. */
static bool ask_loader(const char *loader, const char *program, struct listing *out)
{
	int pipe_fds[2], state = -1;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return false;

	pid_t pid = fork();

	if (pid == 0)
		run_loader(loader, program, pipe_fds[1]);
	fd_close(pipe_fds[1]);

	bool is_read = pid > 0 && read_all(pipe_fds[0], out->text, sizeof(out->text));

	fd_close(pipe_fds[0]);
	while (pid > 0 && waitpid(pid, &state, 0) < 0 && errno == EINTR)
		;
	return is_read && WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

/* "\tNAME => PATH (0xADDRESS)", "\tPATH (0xADDRESS)", or the kernel's own, which has no path. The line is cut up. */
static bool parse_line(char *line, struct listing *listing)
{
	char *address = strstr(line, " (0x");

	if (line[0] != '\t' || !address)
		return strcmp(line, "\tstatically linked") == 0;
	*address = '\0';

	char *name = line + 1, *arrow = strstr(line, " => "), *path = arrow ? arrow + 4 : name;

	if (arrow)
		*arrow = '\0';
	if (!arrow && !strchr(name, '/'))
		return strncmp(name, "linux-vdso.so", 13) == 0;
	if (path[0] != '/' || path[1] == '/' || listing->count == LIBRARIES_LIMIT)
		return false;
	listing->libraries[listing->count++] = (struct library){.name = name, .path = path};
	return true;
}

static bool parse_listing(struct listing *listing)
{
	char *rest = listing->text;
	const char *line;

	listing->count = 0;
	while ((line = strsep(&rest, "\n")))
		if (*line && !parse_line((char *)(uintptr_t)line, listing))
			return false;
	return true;
}

/* The folder that every loader of this host searches without being told: the C library's own. */
static const char *common_folder(const struct listing *listing, size_t *out_length)
{
	for (size_t i = 0; i < listing->count; i++) {
		const char *path = listing->libraries[i].path;
		const char *slash = strrchr(path, '/');

		if (strncmp(slash, "/libc.so", 8) == 0) {
			*out_length = (size_t)(slash - path);
			return path;
		}
	}
	return NULL;
}

/* Right in that folder, or for this kind of processor. */
static bool is_searched(const char *path, const char *folder, size_t length)
{
	return strncmp(path, folder, length) == 0 && path[length] == '/' &&
	       (!strchr(path + length + 1, '/') ||
		strncmp(path + length, "/glibc-hwcaps/", 14) == 0);
}

/*
 * There is no ld.so.cache in the tree, so one that the host finds by its cache only is linked to where it will be looked for. Where it
 * is on the host it stays as well: a program may name that folder itself.
 */
static int link_library(int root_fd, const struct library *library, const char *folder,
			size_t length)
{
	char path[PATH_MAX];

	if (!folder || strchr(library->name, '/') || is_searched(library->path, folder, length))
		return 0;
	if (snprintf(path, sizeof(path), "%.*s/%s", (int)length, folder, library->name) >=
	    (int)sizeof(path))
		return ENAMETOOLONG;
	return linkat(root_fd, library->path + 1, root_fd, path + 1, 0) < 0 && errno != EEXIST
		       ? errno
		       : 0;
}

static int stage_libraries(int root_fd, const struct listing *listing)
{
	size_t length = 0;
	const char *folder = common_folder(listing, &length);
	int error = 0;

	for (size_t i = 0; i < listing->count && !error; i++) {
		const struct library *library = &listing->libraries[i];
		BL_CLEANUP(fd_close) int fd = host_open(library->path, NULL);

		if (fd < 0)
			return MISSING;
		error = stage_file(root_fd, library->path, fd, 0444);
		/* A path that leads upwards is nothing we copy. */
		if (error == EINVAL)
			return MISSING;
		if (!error)
			error = link_library(root_fd, library, folder, length);
	}
	return error;
}

static int stage_needed(int root_fd, const char *loader, const char *program)
{
	BL_CLEANUP(bl_free) struct listing *listing = malloc(sizeof(*listing));
	BL_CLEANUP(fd_close) int fd = host_open(loader, NULL);

	if (!listing)
		return ENOMEM;
	/* By the name that programs know it by, or it would list itself once more. */
	if (fd < 0 || !ask_loader(loader, program, listing) || !parse_listing(listing))
		return MISSING;

	int error = stage_file(root_fd, loader, fd, 0555);

	return error ? error : stage_libraries(root_fd, listing);
}

int program_stage(int root_fd, const char *name)
{
	const char *base = program_base(name);
	char real[PATH_MAX], loader[LOADER_LIMIT], path[sizeof("/usr/bin/") + NAME_LIMIT];
	BL_CLEANUP(fd_close) int fd = base ? find(name, real) : -1;
	int error = 0;

	if (fd < 0 || !read_loader(fd, loader))
		return MISSING;
	if (loader[0])
		error = stage_needed(root_fd, loader, real);
	if (error)
		return error;
	snprintf(path, sizeof(path), "/usr/bin/%s", base);
	return stage_file(root_fd, path, fd, 0111);
}
