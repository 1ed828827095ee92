/* What a sealed session may ask of the kernel: each row is one call of a child that was sealed, and of one that was not. */

/* bailee-session is no part of libfs; its list is one file that stands by itself. */
#include "fs/session/sealed/calls.c"

#include <linux/futex.h>
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#ifdef __x86_64__
#include <asm/prctl.h>
#endif

#define NO_FD	  (-1L)
#define HIGH_BITS (1L << 40) /* what the kernel does not look at, so the list may not either */
#define ALLOWED	  0	     /* gets whatever it gets without the list */

static const struct row {
	const char *name;
	long call;
	int error;
	long arguments[5];
} ROWS[] = {
	{"reading", SYS_read, ALLOWED, {NO_FD}},
	{"opening", SYS_openat, ALLOWED, {AT_FDCWD, 0}},
	{"running", SYS_execve, ALLOWED, {0}},
	{"making a folder", SYS_mkdirat, ALLOWED, {NO_FD, 0}},
	{"a pipe", SYS_pipe2, ALLOWED, {0}},
	{"watching nothing", SYS_inotify_init1, ALLOWED, {NO_FD}},
	{"modes of a terminal", SYS_ioctl, ALLOWED, {NO_FD, TCGETS}},
	{"modes of a terminal, high bits", SYS_ioctl, ALLOWED, {NO_FD, HIGH_BITS | TCGETS}},
	{"its size", SYS_ioctl, ALLOWED, {NO_FD, TIOCGWINSZ}},
	{"duplicating", SYS_fcntl, ALLOWED, {NO_FD, F_DUPFD_CLOEXEC}},
	{"reading a limit", SYS_prlimit64, ALLOWED, {0, -1, 0, 0}},
	{"a word of one's own", SYS_futex, ALLOWED, {1, FUTEX_WAIT_PRIVATE}},
	{"waking for it", SYS_futex, ALLOWED, {1, FUTEX_WAKE_PRIVATE, 1}},
	{"it until a time",
	 SYS_futex,
	 ALLOWED,
	 {1, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME}},
	{"the end of a thread", SYS_futex, ALLOWED, {1, FUTEX_WAIT}},
	{"it until a time", SYS_futex, ALLOWED, {1, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME}},
	{"giving memory back", SYS_madvise, ALLOWED, {0, 0, MADV_DONTNEED}},
	{"memory", SYS_mmap, ALLOWED, {0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NO_FD}},

	{"typing into a terminal", SYS_ioctl, EPERM, {NO_FD, TIOCSTI}},
	{"typing, high bits", SYS_ioctl, EPERM, {NO_FD, HIGH_BITS | TIOCSTI}},
	{"pasting into a console", SYS_ioctl, EPERM, {NO_FD, TIOCLINUX}},
	{"another terminal", SYS_ioctl, EPERM, {NO_FD, TIOCSCTTY}},
	{"size of a terminal", SYS_ioctl, EPERM, {NO_FD, TIOCSWINSZ}},
	{"waking whoever maps the file", SYS_futex, EPERM, {1, FUTEX_WAKE, 1}},
	{"the same, high bits", SYS_futex, EPERM, {1, HIGH_BITS | FUTEX_WAKE, 1}},
	{"moving who waits for a file", SYS_futex, EPERM, {1, FUTEX_REQUEUE, 1}},
	{"lending priority", SYS_futex, EPERM, {1, FUTEX_LOCK_PI_PRIVATE}},
	{"moving to what lends it", SYS_futex, EPERM, {1, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1}},
	{"one page for equal ones", SYS_madvise, EPERM, {0, 0, MADV_MERGEABLE}},
	{"evicting pages", SYS_madvise, EPERM, {0, 0, MADV_PAGEOUT}},
	{"huge pages of the host's pool",
	 SYS_mmap,
	 EPERM,
	 {0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, NO_FD}},
	{"a pipe of the kernel's news", SYS_pipe2, EPERM, {0, O_EXCL}},
#ifdef __x86_64__
	{"state of the processor", SYS_arch_prctl, EPERM, {ARCH_GET_FS, 1}},
#endif
	{"a lock", SYS_fcntl, EPERM, {NO_FD, F_SETLK}},
	{"a lock of a file", SYS_fcntl, EPERM, {NO_FD, F_OFD_SETLK}},
	{"a lease", SYS_fcntl, EPERM, {NO_FD, F_SETLEASE}},
	{"a lock, high bits", SYS_fcntl, EPERM, {NO_FD, HIGH_BITS | F_SETLK}},
	{"flock", SYS_flock, EPERM, {NO_FD}},
	{"watching", SYS_inotify_add_watch, EPERM, {NO_FD}},
	{"a limit of another", SYS_prlimit64, EPERM, {1, RLIMIT_NOFILE, 0, 1}},
	{"setting a limit", SYS_prlimit64, EPERM, {0, RLIMIT_NOFILE, 1, 0}},
	{"user namespace", SYS_clone, EPERM, {CLONE_NEWUSER | CLONE_FS | SIGCHLD}},
	{"user namespace, high bits", SYS_clone, EPERM, {HIGH_BITS | CLONE_NEWUSER | CLONE_FS}},
	{"unshare", SYS_unshare, EPERM, {-1}},
	{"setns", SYS_setns, EPERM, {NO_FD}},
	{"a socket pair", SYS_socketpair, EPERM, {-1}},
	{"sending", SYS_sendmsg, EPERM, {NO_FD}},
	{"tracing", SYS_ptrace, EPERM, {-1}},
	{"reading a process", SYS_process_vm_readv, EPERM, {0, 0, 0, 0, 0}},
	{"descriptor of a process", SYS_pidfd_open, EPERM, {-1}},
	{"its descriptors", SYS_pidfd_getfd, EPERM, {NO_FD}},
	{"shared memory", SYS_shmget, EPERM, {0}},
	{"a semaphore", SYS_semget, EPERM, {0, -1}},
	{"a message queue", SYS_msgget, EPERM, {1}},
	{"a POSIX queue", SYS_mq_open, EPERM, {0}},
	{"a key", SYS_add_key, EPERM, {0}},
	{"keyrings", SYS_keyctl, EPERM, {-1}},
	{"a mount", SYS_mount, EPERM, {0}},
	{"a detached mount", SYS_open_tree, EPERM, {NO_FD}},
	{"a file's handle", SYS_name_to_handle_at, EPERM, {NO_FD}},
	{"a file by its handle", SYS_open_by_handle_at, EPERM, {NO_FD}},
	{"watching all", SYS_fanotify_init, EPERM, {-1}},
	{"moving pages", SYS_splice, EPERM, {NO_FD, 0, NO_FD, 0, 1}},
	{"page faults", SYS_userfaultfd, EPERM, {-1}},
	{"bpf", SYS_bpf, EPERM, {-1}},
	{"counters", SYS_perf_event_open, EPERM, {0}},
	{"another processor", SYS_sched_setaffinity, EPERM, {0}},
	{"a signal with data", SYS_rt_sigqueueinfo, EPERM, {0, 0, 0}},
	{"dumpable again", SYS_prctl, EPERM, {PR_SET_DUMPABLE, 5}},
	{"removing", SYS_unlinkat, EPERM, {NO_FD, 0}},
	{"renaming", SYS_renameat2, EPERM, {NO_FD, 0, NO_FD, 0}},
	{"writing at", SYS_pwrite64, EPERM, {NO_FD}},

	{"a socket", SYS_socket, EAFNOSUPPORT, {AF_UNIX, -1}},
	{"clone3", SYS_clone3, ENOSYS, {0}},
	{"io_uring", SYS_io_uring_setup, ENOSYS, {0}},
	{"memory as a file", SYS_memfd_create, ENOSYS, {0}},
	{"copying", SYS_copy_file_range, ENOSYS, {NO_FD, 0, NO_FD}},
	{"sending a file", SYS_sendfile, ENOSYS, {NO_FD, NO_FD}},
};

static struct calls build(void)
{
	struct calls calls;

	assert_int_equal(calls_build(&calls), 0);
	assert_true(calls.count > 0);
	return calls;
}

static int call(const struct row *row)
{
	const long *a = row->arguments;

	return syscall(row->call, a[0], a[1], a[2], a[3], a[4]) < 0 ? errno : 0;
}

/* What a child gets, sealed with @calls or (NULL) not at all; minus the signal that ended it. */
static int outcome(const struct row *row, const struct calls *calls)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (calls && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || calls_seal(calls)))
			_exit(255);
		_exit(call(row));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void each_call_gets_what_the_list_says(void **state)
{
	struct calls calls = build();
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct row *row = &ROWS[i];
		int sealed = outcome(row, &calls), open = outcome(row, NULL);
		bool is_right =
			row->error ? sealed == row->error && open != row->error : sealed == open;

		if (!is_right)
			print_message("%s: %d sealed, %d not\n", row->name, sealed, open);
		wrong += !is_right;
	}
	calls_done(&calls);
	assert_int_equal(wrong, 0);
}

static void a_name_is_taken_and_not_set(void **state)
{
	struct calls calls = build();
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		char name[17] = "";
		int file = open("/proc/self/comm", O_RDONLY);

		_exit(file < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || calls_seal(&calls) ||
		      prctl(PR_SET_NAME, "told") || read(file, name, sizeof(name) - 1) <= 0 ||
		      strcmp(name, "told\n") == 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	calls_done(&calls);
}

#ifdef __x86_64__
/* Numbers of another ABI mean other calls: 20 is getpid there, writev here. */
static void another_abi_is_the_end(void **state)
{
	struct calls calls = build();

	(void)state;
	for (int is_x32 = 0; is_x32 < 2; is_x32++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			long result = is_x32 ? 0x40000000L | SYS_getpid : 20;

			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || calls_seal(&calls))
				_exit(255);
			if (is_x32)
				__asm__ volatile("syscall"
						 : "+a"(result)
						 :
						 : "rcx", "r11", "memory");
			else
				__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
	calls_done(&calls);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_gets_what_the_list_says),
		cmocka_unit_test(a_name_is_taken_and_not_set),
#ifdef __x86_64__
		cmocka_unit_test(another_abi_is_the_end),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
