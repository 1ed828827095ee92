#include "fs/session/sealed/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#ifdef __x86_64__
#include <asm/prctl.h>
#endif

/* Allowed whatever the arguments: what the viewers were seen to need, each group with what makes it harmless. */
static const int CALLS[] = {
	/* Reading by name: the tree is read-only, the view decides by itself, Landlock holds what is to be opened. */
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(statfs),
	SCMP_SYS(getcwd),
	SCMP_SYS(chdir),
	/* On what is open. write is for the terminal; nothing else that is open takes it. */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getdents64),
	SCMP_SYS(fchdir),
	SCMP_SYS(fadvise64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	/* The holder puts what prints and ends in front of less; nnn reads what `file` says of a file. */
	SCMP_SYS(pipe),
	/* Memory, of one's own only: nothing that is open for it can be shared with somebody outside. mmap, madvise: below. */
	SCMP_SYS(munmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	/* Signals: the pid namespace holds nobody else. */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(kill),
	SCMP_SYS(tgkill),
	SCMP_SYS(tkill),
	SCMP_SYS(pause),
	SCMP_SYS(alarm),
	SCMP_SYS(setitimer),
	SCMP_SYS(getitimer),
	SCMP_SYS(restart_syscall),
	/* Waiting for input or for a while. */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	/* Programs that viewers start: only what is in the tree runs. clone, futex: below. */
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(execve),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(setpgid),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	/* Who and when one is. */
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getpgrp),
	SCMP_SYS(getpgid),
	SCMP_SYS(getsid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getresuid),
	SCMP_SYS(getresgid),
	SCMP_SYS(getgroups),
	SCMP_SYS(getrlimit),
	SCMP_SYS(umask),
	SCMP_SYS(uname),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(times),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrandom),
	/* nnn ends without it; what it would watch stays denied. */
	SCMP_SYS(inotify_init1),
	/* The tree is read-only: viewers expect EEXIST or EROFS for the folders of their settings. */
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
};

/* Denied with another word than EPERM, so that viewers and libraries take their other way. */
static const struct {
	int call, error;
} ANSWERS[] = {
	{SCMP_SYS(clone3),
	 ENOSYS}, /* its flags lie in memory, out of a filter's sight: glibc takes clone then */
	{SCMP_SYS(copy_file_range), ENOSYS},
	{SCMP_SYS(sendfile), ENOSYS},
	{SCMP_SYS(io_uring_setup), ENOSYS},
	{SCMP_SYS(memfd_create), ENOSYS},
	{SCMP_SYS(socket), EAFNOSUPPORT},
	{SCMP_SYS(getxattr), EOPNOTSUPP}, /* ls -l asks for access lists of each file */
	{SCMP_SYS(lgetxattr), EOPNOTSUPP},
	{SCMP_SYS(fgetxattr), EOPNOTSUPP},
	{SCMP_SYS(listxattr), EOPNOTSUPP},
	{SCMP_SYS(llistxattr), EOPNOTSUPP},
};

/* One argument decides: allowed when its bits under mask are value. For the kernel takes 32 bits of most, and ignores the others. */
#define LOW32 UINT64_C(0xffffffff)
#define NO_CLONE                                                                                   \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME | CLONE_IO | CLONE_PIDFD | CLONE_PTRACE |     \
	 CLONE_PARENT)
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
/* Of newer headers: a C library that has them marks the ends of stacks so. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

/*
 * Without FUTEX_PRIVATE_FLAG, a word in a file is everybody's who has that file mapped, and the tree's are those of all sessions: one
 * could wake another. Waiting is left, since that is how glibc joins threads. What lends priority is nothing that viewers need.
 */
#define FUTEX_WORDS (LOW32 & ~(uint64_t)FUTEX_CLOCK_REALTIME)

static const struct {
	int call;
	unsigned argument;
	uint64_t mask, value;
} CHOICES[] = {
	{SCMP_SYS(clone), 0, NO_CLONE, 0},
	/* The pool of huge pages is the host's, for its databases. */
	{SCMP_SYS(mmap), 3, MAP_HUGETLB, 0},
	/* Nothing that reaches beyond one's own pages: merging equal ones, evicting those of a file. */
	{SCMP_SYS(madvise), 2, LOW32, MADV_NORMAL},
	{SCMP_SYS(madvise), 2, LOW32, MADV_RANDOM},
	{SCMP_SYS(madvise), 2, LOW32, MADV_SEQUENTIAL},
	{SCMP_SYS(madvise), 2, LOW32, MADV_WILLNEED},
	{SCMP_SYS(madvise), 2, LOW32, MADV_DONTNEED},
	{SCMP_SYS(madvise), 2, LOW32, MADV_FREE},
	{SCMP_SYS(madvise), 2, LOW32, MADV_GUARD_INSTALL},
	{SCMP_SYS(madvise), 2, LOW32, MADV_GUARD_REMOVE},
	/* With O_EXCL it is a queue of notifications. */
	{SCMP_SYS(pipe2), 1, LOW32 & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK), 0},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_WAIT_PRIVATE},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_WAKE_PRIVATE},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_REQUEUE_PRIVATE},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_CMP_REQUEUE_PRIVATE},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_WAKE_OP_PRIVATE},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_WAIT_BITSET_PRIVATE},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_WAKE_BITSET_PRIVATE},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_WAIT},
	{SCMP_SYS(futex), 1, FUTEX_WORDS, FUTEX_WAIT_BITSET},
#ifdef __x86_64__
	/* Where the loader begins; nothing else of a processor is a viewer's to set. */
	{SCMP_SYS(arch_prctl), 0, LOW32, ARCH_SET_FS},
#endif
	{SCMP_SYS(ioctl), 1, LOW32, TCGETS},
	{SCMP_SYS(ioctl), 1, LOW32, TCSETS},
	{SCMP_SYS(ioctl), 1, LOW32, TCSETSW},
	{SCMP_SYS(ioctl), 1, LOW32, TCSETSF},
	{SCMP_SYS(ioctl), 1, LOW32, TIOCGWINSZ},
	{SCMP_SYS(ioctl), 1, LOW32, TIOCGPGRP},
	{SCMP_SYS(ioctl), 1, LOW32, TIOCSPGRP},
	{SCMP_SYS(ioctl), 1, LOW32, FIONREAD},
	{SCMP_SYS(ioctl), 1, LOW32, TCFLSH},
	/* No locks, no leases, no owners of signals, no pipe sizes, no seals. */
	{SCMP_SYS(fcntl), 1, LOW32, F_DUPFD},
	{SCMP_SYS(fcntl), 1, LOW32, F_DUPFD_CLOEXEC},
	{SCMP_SYS(fcntl), 1, LOW32, F_GETFD},
	{SCMP_SYS(fcntl), 1, LOW32, F_SETFD},
	{SCMP_SYS(fcntl), 1, LOW32, F_GETFL},
	{SCMP_SYS(fcntl), 1, LOW32, F_SETFL},
};

static int add_choices(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < BL_COUNT(CHOICES) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CHOICES[i].call, 1,
					 SCMP_CMP(CHOICES[i].argument, SCMP_CMP_MASKED_EQ,
						  CHOICES[i].mask, CHOICES[i].value));
	/* Reading one's own limits. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, LOW32, 0),
					 SCMP_A2(SCMP_CMP_EQ, 0));
	/* A name of 15 bytes that /proc shows to everybody outside: it succeeds and is not set. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(prctl), 1,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, LOW32, PR_SET_NAME));
	return error;
}

static int add_rules(scmp_filter_ctx filter)
{
	int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* A tree of comparisons rather than a list: it is gone through for each call. */
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < BL_COUNT(CALLS) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALLS[i], 0);
	for (size_t i = 0; i < BL_COUNT(ANSWERS) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)ANSWERS[i].error),
					 ANSWERS[i].call, 0);
	return error ? error : add_choices(filter);
}

/* libseccomp writes programs to descriptors only. */
static int read_back(int fd, struct calls *out)
{
	struct stat facts;

	if (fstat(fd, &facts))
		return errno;
	size_t length = (size_t)facts.st_size;
	if (!length || length % sizeof(struct sock_filter) ||
	    length / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return EPROTO;
	struct sock_filter *filter = malloc(length);
	if (!filter)
		return ENOMEM;
	if (pread(fd, filter, length, 0) != (ssize_t)length) {
		free(filter);
		return EIO;
	}
	*out = (struct calls){filter, length / sizeof(*filter)};
	return 0;
}

int calls_build(struct calls *out)
{
	BL_CLEANUP(fd_close) int fd = memfd_create("calls", MFD_CLOEXEC);
	scmp_filter_ctx filter = fd < 0 ? NULL : seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (!filter)
		return fd < 0 ? errno : ENOMEM;
	int error = -add_rules(filter);
	if (!error)
		error = -seccomp_export_bpf(filter, fd);
	seccomp_release(filter);
	return error ? error : read_back(fd, out);
}

void calls_done(struct calls *calls)
{
	free(calls->filter);
	*calls = (struct calls){0};
}

int calls_seal(const struct calls *calls)
{
	struct sock_fprog program = {(unsigned short)calls->count, calls->filter};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? errno : 0;
}
