/* What a bailee-container-* cannot do any more once it is sealed: each try is the end of the process. */

/* The programs are no part of libfs; their seal is one file that stands by itself. */
#include "fs/image/container/seal.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PAGE	  4096
#define DATA_FD	  3 /* one file of the image, open for writing too */
#define IS_DONE	  0
#define IS_DENIED 7

/* -1 and EPERM under ASan, whose runtime needs to report; otherwise they do not return. */
static long try_open(void)
{
	return open("/dev/null", O_RDONLY);
}
static long try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
static long try_fork(void)
{
	return syscall(SYS_fork);
}
static long try_exec(void)
{
	char name[] = "true";
	char *const arguments[] = {name, NULL};

	return execve("/bin/true", arguments, arguments + 1);
}
static long try_write_image(void)
{
	return pwrite(DATA_FD, "x", 1, 0);
}
static long try_cut_image(void)
{
	return ftruncate(DATA_FD, 0);
}
static long try_map_image(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, DATA_FD, 0);

	return page == MAP_FAILED ? -1 : 0;
}
static long try_map_code(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? -1 : 0;
}
static long try_make_code(void)
{
	static char page[2 * PAGE];

	return mprotect(page + PAGE - (uintptr_t)page % PAGE, PAGE, PROT_READ | PROT_EXEC);
}
static long try_kill(void)
{
	return syscall(SYS_kill, getppid(), 0);
}
static long try_trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static long try_unseal(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static const struct {
	const char *name;
	long (*call)(void);
} DENIED[] = {
	{"open a file", try_open},
	{"make a socket", try_socket},
	{"fork", try_fork},
	{"run a program", try_exec},
	{"write the image", try_write_image},
	{"cut the image", try_cut_image},
	{"map the image", try_map_image},
	{"map code", try_map_code},
	{"turn data into code", try_make_code},
	{"send a signal", try_kill},
	{"trace", try_trace},
	{"be dumpable", try_unseal},
};

static _Noreturn void sealed(long (*call)(void), int data_fd)
{
	if (dup2(data_fd, DATA_FD) != DATA_FD || seal(1) != EXIT_DONE)
		_exit(1);
	errno = 0;
	long result = call();
	_exit(result == -1 && errno == EPERM ? IS_DENIED : IS_DONE);
}

static int run(long (*call)(void))
{
	FILE *data = tmpfile();
	int status = 0;

	assert_non_null(data);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		sealed(call, fileno(data));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fclose(data);
	return status;
}

static void sealed_program_cannot(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(DENIED); i++) {
		int status = run(DENIED[i].call);
		bool is_denied = IS_ASAN ? WIFEXITED(status) && WEXITSTATUS(status) == IS_DENIED
					 : WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
		if (!is_denied)
			fail_msg("%s: status %x", DENIED[i].name, (unsigned)status);
	}
}

static long read_and_write(void)
{
	uint8_t *bytes = malloc(PAGE);
	bool is_done = bytes && pread(DATA_FD, bytes, PAGE, 0) == 0 &&
		       lseek(DATA_FD, 0, SEEK_END) == 0 && write(STDOUT_FILENO, "", 0) == 0;

	free(bytes);
	seal_rearm();
	if (!is_done)
		errno = EPERM;
	return is_done ? 0 : -1;
}

static void sealed_program_reads_its_files_and_writes_its_pipe(void **state)
{
	(void)state;
	int status = run(read_and_write);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), IS_DONE);
}

/* The limit is of address space: it is met long before the memory is touched. */
static long take_too_much(void)
{
	void *page = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	errno = page == MAP_FAILED && errno == ENOMEM ? EPERM : 0;
	return page == MAP_FAILED ? -1 : 0;
}

static void sealed_program_gets_no_more_than_its_memory(void **state)
{
	(void)state;
	if (IS_ASAN) {
		print_message("ASan's shadow is above any such limit\n");
		skip();
	}
	int status = run(take_too_much);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), IS_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_program_cannot),
		cmocka_unit_test(sealed_program_reads_its_files_and_writes_its_pipe),
		cmocka_unit_test(sealed_program_gets_no_more_than_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
