#include "fs/image/reader/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define IS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_ASAN 1
#endif
#endif
#ifndef IS_ASAN
#define IS_ASAN 0
#endif

#define MEMORY_BYTES (UINT64_C(512) << 20)
#define SORT_ITEMS   65536 /* 512 KiB: enough for glibc's qsort to ask sysinfo, once */

/* Landlock, Documentation/userspace-api/landlock.rst; our headers may be older than the kernel we run on. */
#define LANDLOCK_VERSION_FLAG 1u

struct landlock_rules {
	uint64_t handled_files, handled_net, scoped;
};

/* Rights that exist from each version on: bits below `files` of the first, and so on. */
static const struct {
	unsigned files, net, scopes;
	size_t size;
} LANDLOCK[] = {
	{13, 0, 0, 8}, {14, 0, 0, 8}, {15, 0, 0, 8}, {15, 2, 0, 16}, {16, 2, 0, 16}, {16, 2, 2, 24},
};

static int landlock_everything(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);

	/* A kernel without it: the system call list still stands. */
	if (version < 1)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : errno;
	size_t row = BL_MIN((size_t)version, BL_COUNT(LANDLOCK)) - 1;
	struct landlock_rules rules = {
		.handled_files = (UINT64_C(1) << LANDLOCK[row].files) - 1,
		.handled_net = (UINT64_C(1) << LANDLOCK[row].net) - 1,
		.scoped = (UINT64_C(1) << LANDLOCK[row].scopes) - 1,
	};
	long fd = syscall(SYS_landlock_create_ruleset, &rules, LANDLOCK[row].size, 0);
	if (fd < 0)
		return errno;
	int error = syscall(SYS_landlock_restrict_self, (int)fd, 0) ? errno : 0;
	close((int)fd);
	return error;
}

/*
 * A new mount namespace holds a copy of every mount, and a copy of a view's mount keeps its connection alive after the user
 * has unmounted it. So: an empty root, and all else detached.
 */
static int leave_mounts(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k") ||
	    chdir("/proc") || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    chdir("/"))
		return errno;
	return 0;
}

/* In a chroot the root is no mount, and then nothing can take its place. */
static bool is_root_a_mount(void)
{
	struct statx root;

	return statx(AT_FDCWD, "/", 0, 0, &root) == 0 &&
	       (root.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int leave_namespaces(void)
{
	static const int parts[] = {CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS};

	/* One by one: a system may permit some only. ENOSPC and EINVAL are how it says "none of these". */
	for (size_t i = 0; i < BL_COUNT(parts); i++)
		if (unshare(parts[i]) && errno != EPERM && errno != ENOSPC && errno != EINVAL &&
		    errno != ENOSYS)
			return errno;
	/* Better none than one that keeps copies: files are out of reach by seccomp and Landlock as well. */
	if (!is_root_a_mount())
		return 0;
	if (!unshare(CLONE_NEWNS))
		return leave_mounts();
	return errno == EPERM || errno == ENOSPC || errno == EINVAL || errno == ENOSYS ? 0 : errno;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capset, &header, none) ? errno : 0;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* What glibc does once, with calls that will not be there later. */
static int warm_up(void)
{
	BL_CLEANUP(bl_free) uint64_t *items = calloc(SORT_ITEMS, sizeof(*items));
	struct tm now;
	time_t zero = 0;

	if (!items || setenv("TZ", "UTC0", 1))
		return ENOMEM;
	tzset();
	(void)localtime_r(&zero, &now);
	for (size_t i = 0; i < SORT_ITEMS; i++)
		items[i] = SORT_ITEMS - i;
	qsort(items, SORT_ITEMS, sizeof(*items), compare);
	/* One arena: a second would ask for the number of processors. */
	mallopt(M_ARENA_MAX, 1);
	return sodium_init() < 0 ? EIO : 0;
}

int confine_early(unsigned lanes)
{
	unsigned first_free = WIRE_FIRST_FD + 3 * lanes;
	int error = 0;

	if (close_range(first_free, ~0u, 0))
		return errno;
	error = warm_up();
	if (!error)
		error = leave_namespaces();
	if (!error)
		error = drop_capabilities();
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		error = errno;
	return error ? error : landlock_everything();
}

static int limit(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit both = {most, most};

	return setrlimit(what, &both) ? errno : 0;
}

static int set_limits(void)
{
	int error = limit(RLIMIT_CORE, 0);

	/* ASan's shadow is terabytes of address space, and its reports need files. */
	if (!error && !IS_ASAN)
		error = limit(RLIMIT_AS, MEMORY_BYTES);
	if (!error)
		error = limit(RLIMIT_NOFILE, 0);
	if (!error)
		error = limit(RLIMIT_FSIZE, 0);
	if (!error)
		error = limit(RLIMIT_NPROC, 0);
	return error;
}

/* Allowed whatever the arguments. clock_gettime is for machines whose clock the vDSO cannot read. */
static const int CALLS[] = {
	SCMP_SYS(sendto),	SCMP_SYS(recvfrom),	SCMP_SYS(brk),
	SCMP_SYS(munmap),	SCMP_SYS(mremap),	SCMP_SYS(madvise),
	SCMP_SYS(futex),	SCMP_SYS(fstat),	SCMP_SYS(exit),
	SCMP_SYS(exit_group),	SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime),
#if IS_ASAN
	SCMP_SYS(write),	SCMP_SYS(sigaltstack),	SCMP_SYS(gettid),
	SCMP_SYS(getpid),	SCMP_SYS(sched_yield),	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
#endif
};

static int add_rules(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < BL_COUNT(CALLS) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALLS[i], 0);
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
					 SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!error)
		error = seccomp_load(filter);
	return -error;
}

static int filter_calls(void)
{
	scmp_filter_ctx filter =
		seccomp_init(IS_ASAN ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	int error = filter ? add_rules(filter) : ENOMEM;

	/* After a load, releasing would be only memory; it is freed all the same. */
	seccomp_release(filter);
	return error;
}

int confine_late(void)
{
	int error = set_limits();

	/* After every change of credentials, since such a change clears both. */
	if (!error && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL)))
		error = errno;
	return error ? error : filter_calls();
}
