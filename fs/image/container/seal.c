/* seal.c - what a bailee-container-* may still do once it reads the image: read its files, talk to its parent, compute */
#include "fs/image/container/child.h"

#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define IS_ASAN 1
#else
#define IS_ASAN 0
#endif

#define MEMORY_BYTES (UINT64_C(512) << 20)
#define CALL_SECONDS 60

/* Allowed whatever the arguments. clock_gettime is for machines whose clock the vDSO cannot read. */
static const int CALLS[] = {
	SCMP_SYS(pread64),	 SCMP_SYS(lseek),	SCMP_SYS(fstat),
	SCMP_SYS(brk),		 SCMP_SYS(munmap),	SCMP_SYS(mremap),
	SCMP_SYS(madvise),	 SCMP_SYS(futex),	SCMP_SYS(setitimer),
	SCMP_SYS(exit),		 SCMP_SYS(exit_group),	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(clock_gettime),
#if IS_ASAN
	SCMP_SYS(write),	 SCMP_SYS(sigaltstack), SCMP_SYS(gettid),
	SCMP_SYS(getpid),	 SCMP_SYS(sched_yield), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
#endif
};

/* Files may be open for writing, because they are to be destroyed later on: not by us, so only descriptor 1 is written. */
static int add_rules(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < BL_COUNT(CALLS) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALLS[i], 0);
	if (!error && !IS_ASAN)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
					 SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1,
					 SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
					 SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!error)
		error = seccomp_load(filter);
	return error;
}

static bool filter_calls(void)
{
	scmp_filter_ctx filter =
		seccomp_init(IS_ASAN ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	bool is_loaded = filter && add_rules(filter) == 0;

	seccomp_release(filter);
	return is_loaded;
}

static bool limit(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit both = {most, most};

	return setrlimit(what, &both) == 0;
}

static bool set_limits(void)
{
	/* ASan's shadow is terabytes of address space. */
	return limit(RLIMIT_CORE, 0) && (IS_ASAN || limit(RLIMIT_AS, MEMORY_BYTES)) &&
	       limit(RLIMIT_NOFILE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, 0);
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capset, &header, none) == 0;
}

/* Libraries print times; glibc would then read the time zone, once. One arena: a second would ask for the number of processors. */
static bool warm_up(void)
{
	if (setenv("TZ", "UTC0", 1))
		return false;
	tzset();
	return mallopt(M_ARENA_MAX, 1) == 1 || IS_ASAN;
}

enum container_exit seal(size_t files)
{
	unsigned first_free = CHILD_FIRST_FD + (unsigned)files;

	/* A reader that left is EPIPE, not a death. */
	bool is_sealed = close_range(first_free, ~0u, 0) == 0 && warm_up() &&
			 signal(SIGPIPE, SIG_IGN) != SIG_ERR && drop_capabilities() &&
			 prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			 prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && set_limits() && filter_calls();

	return is_sealed ? EXIT_DONE : EXIT_NOT_SEALED;
}

void seal_rearm(void)
{
	static const struct itimerval MINUTE = {.it_value = {.tv_sec = CALL_SECONDS}};

	(void)setitimer(ITIMER_PROF, &MINUTE, NULL);
}
