#include "fs/session/sealed/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Landlock, Documentation/userspace-api/landlock.rst. Our own constants: headers may be older than the kernel we run on. */
#define VERSION_FLAG 1u
#define PATH_BENEATH 1

#define EXECUTE	    (UINT64_C(1) << 0)
#define WRITE_FILE  (UINT64_C(1) << 1)
#define READ_FILE   (UINT64_C(1) << 2)
#define READ_DIR    (UINT64_C(1) << 3)
#define REMOVE_DIR  (UINT64_C(1) << 4)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_DIR    (UINT64_C(1) << 7)
#define MAKE_REG    (UINT64_C(1) << 8)
#define TRUNCATE    (UINT64_C(1) << 14)
#define IOCTL_DEV   (UINT64_C(1) << 15)

#define TERMINAL (READ_FILE | WRITE_FILE | IOCTL_DEV)

struct rules {
	uint64_t handled_files, handled_net, scoped;
};

struct beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

/* Rights that exist from version LAUNCH_LANDLOCK on: bits below `files` of the first, and so on; what is handled and not given is denied. */
static const struct {
	unsigned files, net, scopes;
	size_t size;
} VERSIONS[] = {
	{14, 0, 0, 8}, {15, 0, 0, 8}, {15, 2, 0, 16}, {16, 2, 0, 16}, {16, 2, 2, 24},
};

static const struct {
	const char *path;
	uint64_t allowed;
	bool is_optional;
} GIVEN[] = {
	{"/", READ_FILE | READ_DIR, false},
	{"/usr", EXECUTE, false},
	/* the loader, where these are no links into /usr */
	{"/lib", EXECUTE, true},
	{"/lib64", EXECUTE, true},
	{"/dev/null", READ_FILE | WRITE_FILE, false},
	{"/dev/tty", TERMINAL, false},
	{PLACE_PTS "/0", TERMINAL, false},
};

#define SCRATCH                                                                                    \
	(READ_FILE | READ_DIR | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG |      \
	 TRUNCATE)

static int give(int rules_fd, const char *path, uint64_t allowed)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_PATH | O_CLOEXEC);
	struct beneath rule = {.allowed = allowed, .parent_fd = fd};

	if (fd < 0)
		return errno;
	return syscall(SYS_landlock_add_rule, rules_fd, PATH_BENEATH, &rule, 0) ? errno : 0;
}

/* Is a file system of its own mounted on /tmp? Otherwise it is a folder of the tree, like any other. */
static bool has_scratch(void)
{
	struct stat root, tmp;

	return stat("/", &root) == 0 && stat(PLACE_TMP, &tmp) == 0 && root.st_dev != tmp.st_dev;
}

static int give_all(int rules_fd, uint64_t handled)
{
	for (size_t i = 0; i < BL_COUNT(GIVEN); i++) {
		int error = give(rules_fd, GIVEN[i].path, GIVEN[i].allowed & handled);

		if (error && !(error == ENOENT && GIVEN[i].is_optional))
			return error;
	}
	return has_scratch() ? give(rules_fd, PLACE_TMP, SCRATCH & handled) : 0;
}

int landlock_seal(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);

	if (version < LAUNCH_LANDLOCK)
		return version < 0 ? errno : EOPNOTSUPP;
	size_t row = BL_MIN((size_t)version - LAUNCH_LANDLOCK, BL_COUNT(VERSIONS) - 1);
	struct rules rules = {
		.handled_files = (UINT64_C(1) << VERSIONS[row].files) - 1,
		.handled_net = (UINT64_C(1) << VERSIONS[row].net) - 1,
		.scoped = (UINT64_C(1) << VERSIONS[row].scopes) - 1,
	};
	BL_CLEANUP(fd_close)
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, VERSIONS[row].size, 0);
	if (fd < 0)
		return errno;
	int error = give_all(fd, rules.handled_files);
	if (!error && syscall(SYS_landlock_restrict_self, fd, 0))
		error = errno;
	return error;
}
