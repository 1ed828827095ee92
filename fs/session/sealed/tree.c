#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/session/sealed/sealed.h"
#include "fs/session/sealed/stage.h"

/* Where the tree grows, in a mount namespace that nobody else is in: a folder that every host has and that nothing is copied from. */
#define STAGE	    "/proc"
#define STAGE_IMAGE STAGE TEMPLATE_ROOT
#define WALK_FDS    16

struct build {
	const char *const *programs;
	size_t count;
	char *out_missing;
	int image_fd; /* owned; TEMPLATE_ROOT while it grows */
};

/* ---- namespace ----------------------------------------------------------------------------------- */

static int leave_namespace(struct build *build)
{
	/* The folder beside the tree is passed through by sessions that start, which are root nowhere. */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bailee", STAGE, "tmpfs", MS_NOSUID, "size=64m,mode=755") ||
	    mkdir(STAGE_IMAGE, 0755) || mkdir(STAGE "/setup", 0711))
		return errno;
	build->image_fd = open(STAGE_IMAGE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return build->image_fd < 0 ? errno : 0;
}

/* ---- tree ---------------------------------------------------------------------------------------- */

static const char *const FOLDERS[] = {
	"/usr/bin",
	"/usr/lib",
	"/usr/lib64",
	"/etc",
	"/dev",
	PLACE_PTS,
	PLACE_PROC,
	PLACE_TMP,
	"/devices",
	"/.config/nnn/bookmarks",
	"/.config/nnn/sessions",
	"/.config/nnn/plugins",
	"/.config/nnn/mounts",
};

static const struct {
	const char *target, *path;
} LINKS[] = {
	{"usr/bin", "/bin"},
	{"usr/lib", "/lib"},
	{"usr/lib64", "/lib64"},
};

static const struct {
	const char *path, *text;
} TEXTS[] = {
	{"/etc/passwd", "reader:x:1000:1000::/:/nonexistent\n"},
	{"/etc/group", "reader:x:1000:\n"},
	{"/etc/nsswitch.conf", "passwd: files\ngroup: files\n"},
};

static const char *const TERMINALS[] = {
	"xterm",
	"xterm-256color",
	"screen",
	"screen-256color",
	"tmux",
	"tmux-256color",
	"linux",
	"vt100",
	"vt220",
	"rxvt",
	"alacritty",
	"foot",
	"konsole-256color",
	"dumb",
	"rxvt-unicode-256color",
};

static const char *const TERMINFO[] = {"/lib/terminfo", "/usr/share/terminfo"};

/* mc runs a command wherever a table of its says so: these are its tables, with nothing in them. */
static const struct {
	const char *path, *text;
} MC_TEXTS[] = {
	{"/etc/mc/mc.ext.ini", "[mc.ext.ini]\nVersion=4.0\n"},
	{"/etc/mc/mc.ext", ""},
	{"/etc/mc/mc.menu", ""},
	{"/etc/mc/sfs.ini", ""},
	{"/.config/mc/ini", "[Midnight-Commander]\nauto_save_setup=false\nuse_internal_view=true\n"
			    "use_internal_edit=true\n"},
};
static const char *const MC_FILES[] = {
	"/etc/mc/filehighlight.ini", "/etc/mc/mc.default.keymap", "/etc/mc/mc.keymap",
	"/usr/share/mc/help/mc.hlp", "/usr/share/mc/mc.charsets",
};
static const char *const MC_FOLDERS[] = {"/usr/lib/mc/extfs.d", "/.cache/mc", "/.local/share/mc"};

static int add_terminals(int root_fd)
{
	char path[PATH_MAX];
	int error = 0;

	for (size_t i = 0; i < BL_COUNT(TERMINALS); i++)
		for (size_t j = 0; j < BL_COUNT(TERMINFO) && !error; j++) {
			snprintf(path, sizeof(path), "%s/%c/%s", TERMINFO[j], TERMINALS[i][0],
				 TERMINALS[i]);
			error = stage_copy(root_fd, path);
		}
	return error;
}

static int add_mc(int root_fd)
{
	int error = stage_copy_all(root_fd, "/usr/share/mc/skins");

	for (size_t i = 0; i < BL_COUNT(MC_TEXTS) && !error; i++)
		error = stage_text(root_fd, MC_TEXTS[i].path, MC_TEXTS[i].text);
	for (size_t i = 0; i < BL_COUNT(MC_FILES) && !error; i++)
		error = stage_copy(root_fd, MC_FILES[i]);
	for (size_t i = 0; i < BL_COUNT(MC_FOLDERS) && !error; i++)
		error = stage_folder(root_fd, MC_FOLDERS[i], 0755);
	return error;
}

static int add_magic(int root_fd)
{
	int error = stage_copy(root_fd, "/usr/lib/file/magic.mgc");

	return error ? error
		     : stage_link(root_fd, "../../lib/file/magic.mgc", "/usr/share/misc/magic.mgc");
}

static int add_common(int root_fd)
{
	int error = 0;

	for (size_t i = 0; i < BL_COUNT(FOLDERS) && !error; i++)
		error = stage_folder(root_fd, FOLDERS[i], 0755);
	for (size_t i = 0; i < BL_COUNT(LINKS) && !error; i++)
		error = stage_link(root_fd, LINKS[i].target, LINKS[i].path);
	for (size_t i = 0; i < BL_COUNT(TEXTS) && !error; i++)
		error = stage_text(root_fd, TEXTS[i].path, TEXTS[i].text);
	if (!error)
		error = add_terminals(root_fd);
	return error ? error : stage_copy_all(root_fd, "/usr/lib/locale/C.utf8");
}

/* Names only as they fit: what is said of the rest when somebody wants to start it is clear as well. */
static void add_missing(char *missing, const char *name)
{
	size_t length = strlen(missing);

	if (length + 1 + strlen(name) < LAUNCH_TEXT)
		snprintf(missing + length, LAUNCH_TEXT - length, "%s%s", length ? " " : "", name);
}

/* Two programs of one name: the first is there, and the second would silently be it. */
static bool is_repeated(const struct build *build, size_t index)
{
	const char *base = program_base(build->programs[index]);

	for (size_t i = 0; base && i < index; i++) {
		const char *earlier = program_base(build->programs[i]);

		if (earlier && strcmp(earlier, base) == 0 &&
		    strcmp(build->programs[i], build->programs[index]) != 0)
			return true;
	}
	return false;
}

static int add_program(struct build *build, size_t index)
{
	const char *name = build->programs[index];
	int error = is_repeated(build, index) ? -1 : program_stage(build->image_fd, name);

	if (error < 0) {
		add_missing(build->out_missing, name);
		return 0;
	}
	if (!error && strcmp(program_base(name), "mc") == 0)
		error = add_mc(build->image_fd);
	if (!error && strcmp(program_base(name), "file") == 0)
		error = add_magic(build->image_fd);
	return error;
}

static int fill_tree(struct build *build)
{
	int error = add_common(build->image_fd);

	for (size_t i = 0; i < build->count && !error; i++)
		error = add_program(build, i);
	return error;
}

/* ---- nodes --------------------------------------------------------------------------------------- */

static const struct {
	const char *path;
	unsigned major, minor;
} NODES[] = {
	{STAGE_IMAGE "/dev/null", 1, 3},    {STAGE_IMAGE "/dev/zero", 1, 5},
	{STAGE_IMAGE "/dev/full", 1, 7},    {STAGE_IMAGE "/dev/random", 1, 8},
	{STAGE_IMAGE "/dev/urandom", 1, 9}, {STAGE_IMAGE "/dev/tty", 5, 0},
	{STAGE TEMPLATE_FUSE, 10, 229},
};

static int make_nodes(BL_UNUSED struct build *build)
{
	for (size_t i = 0; i < BL_COUNT(NODES); i++)
		if (mknod(NODES[i].path, S_IFCHR | 0666, makedev(NODES[i].major, NODES[i].minor)))
			return errno;
	if (mkdir(STAGE TEMPLATE_PROC, 0755) ||
	    mount("proc", STAGE TEMPLATE_PROC, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return errno;
	return 0;
}

/* ---- read-only ----------------------------------------------------------------------------------- */

/* When it was built is nobody's business. */
static int fix_times(const char *path, BL_UNUSED const struct stat *stat, BL_UNUSED int kind,
		     BL_UNUSED struct FTW *walk)
{
	static const struct timespec TIMES[2] = {{.tv_sec = 0}, {.tv_sec = 0}};

	return utimensat(AT_FDCWD, path, TIMES, AT_SYMLINK_NOFOLLOW) ? errno : 0;
}

static int make_read_only(BL_UNUSED struct build *build)
{
	static const unsigned long FLAGS = MS_REMOUNT | MS_RDONLY | MS_NOSUID;
	int error = nftw(STAGE, fix_times, WALK_FDS, FTW_PHYS | FTW_DEPTH | FTW_MOUNT);

	if (error)
		return error < 0 ? errno : error;
	/* The mount, as sessions copy it with its flags, and then what is mounted. */
	if (mount(NULL, STAGE, NULL, FLAGS | MS_BIND, NULL) ||
	    mount(NULL, STAGE, NULL, FLAGS, NULL))
		return errno;
	return 0;
}

/* ---- pivot --------------------------------------------------------------------------------------- */

static int leave_host(BL_UNUSED struct build *build)
{
	if (chdir(STAGE) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    chdir("/"))
		return errno;

	BL_CLEANUP(fd_close) int null = open(TEMPLATE_ROOT "/dev/null", O_RDWR | O_CLOEXEC);

	/* Sessions begin with our descriptors, and these were files of the host. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return errno;
	return 0;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(struct build *build);
} STEPS[] = {
	{"namespace", leave_namespace}, {"tree", fill_tree},   {"nodes", make_nodes},
	{"read-only", make_read_only},	{"pivot", leave_host},
};

const char *tree_step(size_t index)
{
	return index < BL_COUNT(STEPS) ? STEPS[index].name : NULL;
}

bool tree_build(const char *const *programs, size_t count, char *out_missing,
		struct seal_failure *out_failure)
{
	BL_CLEANUP(fd_close) int image_fd = -1;
	struct build build = {
		.programs = programs, .count = count, .out_missing = out_missing, .image_fd = -1};
	int error = 0;

	out_missing[0] = '\0';
	umask(0);
	for (size_t i = 0; i < BL_COUNT(STEPS) && !error; i++) {
		error = seal_trial(STEPS[i].name);
		if (!error)
			error = STEPS[i].run(&build);
		if (error)
			*out_failure = (struct seal_failure){.step = STEPS[i].name, .error = error};
	}
	umask(022);
	image_fd = build.image_fd;
	return !error;
}

bool tree_has_terminal(const char *name)
{
	char path[PATH_MAX];

	/* A plain name: it becomes a path. */
	if (!name[0] || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return false;
	for (size_t i = 0; i < BL_COUNT(TERMINFO); i++) {
		snprintf(path, sizeof(path), TEMPLATE_ROOT "/usr/%s/%c/%s",
			 i == 0 ? "lib/terminfo" : "share/terminfo", name[0], name);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

bool tree_has_viewer(const char *path)
{
	char full[PATH_MAX];
	struct stat stat;

	if (strncmp(path, "/usr/bin/", 9) != 0 || !path[9] || strchr(path + 9, '/') ||
	    snprintf(full, sizeof(full), TEMPLATE_ROOT "%s", path) >= (int)sizeof(full))
		return false;
	return lstat(full, &stat) == 0 && S_ISREG(stat.st_mode);
}
